"""The compiled loops of the fast evaluator: what a removal does to the rest of a chain of layers.

Rows lie in blocks `(n_blocks, units, block)`, rows last, so that one instruction handles many rows. All loops
release the GIL. A *drop* is the vector that leaves the next layer's input: a unit's activation, less what a
compensation puts in its place.

The exponential and the logarithm are written out (range reduction and Taylor series, to the precision of
their type) since calls into the system's mathematical library do not vectorise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# No assumption that values are finite: an overflow has to be seen.
jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"})

write_code: Any = cgutils  # not typed
# Its type leaves out that the compiler gives the first argument.
instruction: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic

(
    RELU,
    LEAKY_RELU,
    ELU,
    SELU,
    GELU,
    GELU_TANH,
    SIGMOID,
    TANH,
    SOFTPLUS,
    SOFTSIGN,
    HARD_SIGMOID,
    CLIP,
    THRESHOLDED_RELU,
    SWISH,
    HARD_SWISH,
    MISH,
    EXPONENTIAL,
    SIN,
    SYMMETRIC_LOG,
    GAUSSIAN,
    STEP,
    ADD,
    SUB,
    MUL,
    DIV,
) = range(25)

SQUARES, ABSOLUTES, CLASS_ENTROPY, SOFT_ENTROPY, BINARY_ENTROPY, MISTAKES, SINGLE_MISTAKES = range(7)
NO_HEAD, SIGMOID_HEAD, SOFTMAX_HEAD, LOG_SOFTMAX_HEAD = range(4)

_TOGETHER = 7  # trials that share a look at the rows for their bounds

_LOG2E = 1.4426950408889634
_LN2 = 0.6931471805599453
_LN2_HIGH = 0.693359375  # exact in few bits, so that k * _LN2_HIGH is exact
_LN2_LOW = _LN2 - _LN2_HIGH


@jit
def powers_of_two(values: Any, factor: float, out: Any, whole: Any) -> None:
    """Split exp(factor * values) into (1 + `out`) times a power of two, whose bits go to `whole`.

    `out` is another array: loops over one and the same do not vectorise. `whole` is of the integer type as
    wide as the floats.
    """
    n = values.size
    scale = values.dtype.type(factor)
    if values.itemsize == 4:
        high, shift, bias = np.float32(88.0), np.int32(23), np.int32(127)
        one = np.float32(1)
        log2e, ln2_high, ln2_low = np.float32(_LOG2E), np.float32(_LN2_HIGH), np.float32(_LN2_LOW)
        for r in range(n):
            x = min(max(values[r] * scale, -high + one), high)
            k = np.floor(x * log2e + np.float32(0.5))
            f = x - k * ln2_high - k * ln2_low
            p: Any = np.float32(1 / 5040)
            p = p * f + np.float32(1 / 720)
            p = p * f + np.float32(1 / 120)
            p = p * f + np.float32(1 / 24)
            p = p * f + np.float32(1 / 6)
            p = p * f + np.float32(0.5)
            out[r] = p * f * f + f
            whole[r] = (np.int32(k) + bias) << shift
    else:
        for r in range(n):
            x = min(max(values[r] * scale, -708.0), 709.0)
            k = np.floor(x * _LOG2E + 0.5)
            f = x - k * _LN2_HIGH - k * _LN2_LOW
            p = 1 / 6227020800
            p = p * f + 1 / 479001600
            p = p * f + 1 / 39916800
            p = p * f + 1 / 3628800
            p = p * f + 1 / 362880
            p = p * f + 1 / 40320
            p = p * f + 1 / 5040
            p = p * f + 1 / 720
            p = p * f + 1 / 120
            p = p * f + 1 / 24
            p = p * f + 1 / 6
            p = p * f + 0.5
            out[r] = p * f * f + f
            whole[r] = (np.int64(k) + 1023) << 52


@jit
def exponential(values: Any, factor: float, out: Any, whole: Any) -> None:
    """Put exp(factor * values) in `out`; see `powers_of_two`."""
    powers_of_two(values, factor, out, whole)
    one, powers = values.dtype.type(1), whole.view(values.dtype)
    for r in range(values.size):
        out[r] = (out[r] + one) * powers[r]


@jit
def logarithm(values: Any, out: Any, whole: Any) -> None:
    """Put log(values) in `out`, for normal positive float64 values; `whole` is int64 scratch."""
    n = values.size
    bits = values.view(np.int64)
    for r in range(n):
        # the mantissa, between sqrt(1/2) and sqrt(2), and the exponent that goes with it
        whole[r] = (bits[r] & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000
    mantissa = whole.view(np.float64)
    for r in range(n):
        exponent = float((bits[r] >> 52) - 1023)
        m = mantissa[r]
        large = m > 1.4142135623730951
        m = m * 0.5 if large else m
        exponent = exponent + 1.0 if large else exponent
        t = (m - 1.0) / (m + 1.0)
        s = t * t
        # log m = 2 artanh t
        p = 1 / 21
        p = p * s + 1 / 19
        p = p * s + 1 / 17
        p = p * s + 1 / 15
        p = p * s + 1 / 13
        p = p * s + 1 / 11
        p = p * s + 1 / 9
        p = p * s + 1 / 7
        p = p * s + 1 / 5
        p = p * s + 1 / 3
        out[r] = exponent * _LN2 + 2.0 * (t + t * s * p)


@jit
def hyperbolic_tangent(x: Any, spare: Any, whole: Any) -> None:
    """Replace the values of `x` by their tanh, -t / (2 + t) for t = exp(-2 x) - 1, which keeps small ones."""
    powers_of_two(x, -2.0, spare, whole)
    one, powers = x.dtype.type(1), whole.view(x.dtype)
    for r in range(x.size):
        t = powers[r] * spare[r] + (powers[r] - one)
        x[r] = -t / (one + one + t)


@jit
def activate(
    code: int, first: float, second: float, third: float, x: Any, spare: Any, whole: Any
) -> None:  # fmt: skip
    """Replace the values of `x` (one dimension) by an activation of them; see `network.ops.ACTIVATIONS`."""
    n = x.size
    kind = x.dtype.type
    one, a, b, c, zero = kind(1), kind(first), kind(second), kind(third), kind(0)
    if code == RELU:
        for r in range(n):
            x[r] = max(x[r], zero)
    elif code == LEAKY_RELU:
        for r in range(n):
            x[r] = x[r] if x[r] >= zero else a * x[r]
    elif code == ELU or code == SELU:
        # Close to zero exp(x) - 1 loses digits, x + x^2/2 + x^3/6 does not.
        gain = b if code == SELU else one
        edge = kind(-1e-2) if x.itemsize == 4 else kind(-1e-5)
        exponential(x, 1.0, spare, whole)
        for r in range(n):
            v = x[r]
            small = v + v * v * kind(0.5) + v * v * v * kind(1 / 6)
            negative = small if v > edge else spare[r] - one
            x[r] = gain * (v if v >= zero else a * negative)
    elif code == SIGMOID:
        exponential(x, -1.0, spare, whole)
        for r in range(n):
            x[r] = one / (one + spare[r])
    elif code == TANH:
        hyperbolic_tangent(x, spare, whole)
    elif code == SOFTSIGN:
        for r in range(n):
            x[r] = x[r] / (one + abs(x[r]))
    elif code == HARD_SIGMOID:
        for r in range(n):
            x[r] = min(max(a * x[r] + b, zero), one)
    elif code == SOFTPLUS:
        for r in range(n):
            v = float(x[r])
            x[r] = kind(max(v, 0.0) + np.log1p(np.exp(-abs(v))))
    elif code == GELU:
        for r in range(n):
            v = float(x[r])
            x[r] = kind(0.5 * v * (1.0 + math.erf(v * 0.7071067811865476)))
    elif code == GELU_TANH:
        for r in range(n):
            v = float(x[r])
            x[r] = kind(0.5 * v * (1.0 + np.tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))))
    elif code == CLIP:
        for r in range(n):
            x[r] = min(max(x[r], a), b)
    elif code == THRESHOLDED_RELU:
        for r in range(n):
            x[r] = x[r] if x[r] > a else zero
    elif code == SWISH:
        exponential(x, -1.0, spare, whole)
        for r in range(n):
            x[r] = x[r] / (one + spare[r])
    elif code == HARD_SWISH:
        for r in range(n):
            x[r] = x[r] * min(max(x[r] * kind(1 / 6) + kind(0.5), zero), one)
    elif code == MISH:
        # tanh(log(1 + e)) is (e^2 + 2e) / (e^2 + 2e + 2), and 1 where its square would overflow.
        two, much = kind(2), kind(20)
        exponential(x, 1.0, spare, whole)
        for r in range(n):
            e = spare[r]
            p = e * (e + two)
            x[r] = x[r] if x[r] > much else x[r] * (p / (p + two))
    elif code == EXPONENTIAL:
        most, infinite = kind(88) if x.itemsize == 4 else kind(709), kind(np.inf)
        exponential(x, 1.0, spare, whole)
        for r in range(n):
            x[r] = infinite if x[r] > most else spare[r]
    elif code == SIN:
        for r in range(n):
            x[r] = kind(np.sin(float(x[r])))
    elif code == SYMMETRIC_LOG:
        for r in range(n):
            v = float(x[r])
            x[r] = kind(math.copysign(np.log1p(abs(v)), v))
    elif code == GAUSSIAN:
        for r in range(n):
            v = (x[r] - a) / c
            x[r] = v * v
        exponential(x, -0.5, spare, whole)
        for r in range(n):
            x[r] = b * spare[r]
    elif code == STEP:
        for r in range(n):
            x[r] = c if x[r] >= a else b


@jit
def elementwise(
    codes: Any, settings: Any, operands: Any, first: int, last: int, x: Any, spare: Any, whole: Any
) -> None:
    """Apply the operations `first` to `last` of a program to `x` `(units, block)`, in place.

    `codes[i]` says which, `settings[i]` are its three parameters, or first where an arithmetic operation's
    constants start in `operands`.
    """
    for i in range(first, last):
        code = codes[i]
        if code < ADD:
            for j in range(x.shape[0]):
                activate(code, settings[i, 0], settings[i, 1], settings[i, 2], x[j], spare, whole)
            continue
        for j in range(x.shape[0]):
            c = x.dtype.type(operands[int(settings[i, 0]) + j])
            row = x[j]
            if code == ADD:
                for r in range(row.size):
                    row[r] += c
            elif code == SUB:
                for r in range(row.size):
                    row[r] -= c
            elif code == MUL:
                for r in range(row.size):
                    row[r] *= c
            else:
                for r in range(row.size):
                    row[r] /= c


_FEATURES = get_host_cpu_features()
_WIDTH = 64 if _FEATURES.get("avx512f") else 32  # bytes of a register
_SQUEEZES = bool(_FEATURES.get("avx512f"))  # whether some numbers of a register can be stored side by side
_MANY = 0.45  # of a block's rows, above which all are run
_AT_ONCE = 12  # outputs: their sums, the inputs and a weight fill half the registers there are at least


class _Writer:
    """Writes loops over rows, a register of them at a time: compilers do not find these by themselves.

    `arrays` are those among the arguments, rows last.
    """

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        pairs = list(zip(signature.args, arguments, strict=True))
        (dtype, *_) = [kind.dtype for kind, _ in pairs if isinstance(kind, types.Array)]
        self.builder, self._size = builder, dtype.bitwidth // 8
        self.lanes = _WIDTH // self._size
        self.number, self.whole = context.get_value_type(dtype), context.get_value_type(types.intp)
        self.vector = ir.VectorType(self.number, self.lanes)
        self._none = ir.Constant(self.vector, ir.Undefined)
        self.arrays = [
            context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
            for kind, value in pairs
        ]

    def tiles(self, drop: Any) -> Any:
        """Return how many registers hold all rows."""
        return self.builder.sdiv(self.builder.extract_value(drop.shape, 0), self.whole(self.lanes))

    def at(self, array: Any, column: Any, row: Any = None) -> Any:
        """Return the address of a number; those of a row lie side by side."""
        if row is not None:
            stride = self.builder.extract_value(array.strides, 0)
            row = self.builder.mul(row, self.builder.sdiv(stride, self.whole(self._size)))
            column = self.builder.add(row, column)
        return self.builder.gep(array.data, [column])

    def many(self, value: Any) -> Any:
        """Return a register full of one number."""
        single = self.builder.insert_element(self._none, value, ir.IntType(32)(0))
        first = ir.VectorType(ir.IntType(32), self.lanes)([0] * self.lanes)
        return self.builder.shuffle_vector(single, self._none, first)

    def load(self, address: Any) -> Any:
        """Return a register of numbers."""
        address = self.builder.bitcast(address, self.vector.as_pointer())
        return self.builder.load(address, align=self._size)

    def store(self, value: Any, address: Any) -> None:
        """Store a register."""
        address = self.builder.bitcast(address, self.vector.as_pointer())
        self.builder.store(value, address, align=self._size)

    def plus(self, term: Any, a: Any, b: Any) -> Any:
        """Return `term + a * b`."""
        more = self.builder.fmul(a, b, flags=("contract",))
        return self.builder.fadd(term, more, flags=("contract",))

    def minus(self, term: Any, a: Any, b: Any) -> Any:
        """Return `term - a * b`."""
        less = self.builder.fmul(a, b, flags=("contract",))
        return self.builder.fsub(term, less, flags=("contract",))


def _panel(n_out: int) -> Any:
    """Return the inner loops of `product` for so many outputs from number k on."""

    @instruction
    def panel(
        typing: Any, x: Any, drop: Any, taken: Any, weight: Any, bias: Any, out: Any, least: Any, k: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write = _Writer(context, builder, signature, arguments)
            x, drop, taken, weight, bias, out, least, k = write.arrays
            floor, n_in = write.many(least), builder.extract_value(weight.shape, 0)
            sums = [write_code.alloca_once(builder, write.vector) for _ in range(n_out)]
            columns = [builder.add(k, write.whole(i)) for i in range(n_out)]
            with write_code.for_range(builder, write.tiles(drop)) as tile:
                r = builder.mul(tile.index, write.whole(write.lanes))
                gone = write.load(write.at(drop, r))
                for column, total in zip(columns, sums, strict=True):
                    builder.store(write.many(builder.load(write.at(bias, column))), total)
                with write_code.for_range(builder, n_in) as inner:
                    j = inner.index
                    factor = write.many(builder.load(write.at(taken, j)))
                    left = write.minus(write.load(write.at(x, r, j)), factor, gone)
                    left = builder.select(builder.fcmp_ordered("<", left, floor), floor, left)
                    for column, total in zip(columns, sums, strict=True):
                        factor = write.many(builder.load(write.at(weight, column, j)))
                        builder.store(write.plus(builder.load(total), factor, left), total)
                for column, total in zip(columns, sums, strict=True):
                    write.store(builder.load(total), write.at(out, r, column))
            return context.get_dummy_value()

        return types.void(x, drop, taken, weight, bias, out, x.dtype, types.intp), generate

    return panel


_four, _eight, _twelve = map(_panel, (4, 8, _AT_ONCE))


def _rises(n_units: int, n_tiles: int) -> Any:
    """Return the inner loops of `bounds` for so many units from number c on, and registers of rows."""

    @instruction
    def rises(
        typing: Any, x: Any, slopes: Any, drops: Any, outgoing: Any, totals: Any, which: Any, places: Any,
        least: Any, c: Any, end: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            write = _Writer(context, builder, signature, arguments)
            x, slopes, drops, outgoing, totals, which, places, least, c, end = write.arrays
            floor, units = write.many(least), [builder.add(c, write.whole(i)) for i in range(n_units)]
            gone = [builder.load(write.at(which, unit)) for unit in units]
            taken = [builder.load(write.at(places, unit)) for unit in units]
            both = [(i, t) for i in range(n_units) for t in range(n_tiles)]
            sums = {key: write_code.alloca_once(builder, write.vector) for key in both}
            step = write.whole(write.lanes * n_tiles)
            with write_code.for_range(builder, builder.sdiv(end, step)) as tile:
                start = builder.mul(tile.index, step)
                rows = [builder.add(start, write.whole(write.lanes * t)) for t in range(n_tiles)]
                lost = {(i, t): write.load(write.at(drops, rows[t], gone[i])) for i, t in both}
                for total in sums.values():
                    builder.store(write.many(write.number(0.0)), total)
                with write_code.for_range(builder, builder.extract_value(x.shape, 0)) as inner:
                    j = inner.index
                    factors = [write.many(builder.load(write.at(outgoing, j, place))) for place in taken]
                    now = [write.load(write.at(x, row, j)) for row in rows]
                    slope = [write.load(write.at(slopes, row, j)) for row in rows]
                    for (i, t), total in sums.items():
                        left = write.minus(now[t], factors[i], lost[i, t])
                        left = builder.select(builder.fcmp_ordered("<", left, floor), floor, left)
                        builder.store(write.plus(builder.load(total), slope[t], left), total)
                for (i, t), total in sums.items():
                    write.store(builder.load(total), write.at(totals, rows[t], units[i]))
            return context.get_dummy_value()

        kinds = (x, slopes, drops, outgoing, totals, which, places, x.dtype, types.intp, types.intp)
        return types.void(*kinds), generate

    return rises


# Enough sums at once that none has to wait for the one before.
_rises_of_four, _rises_of_one = _rises(4, 1), _rises(1, 4)


@instruction
def _squeeze(typing_context: Any, x: Any, drop: Any, taken: Any, out: Any, places: Any) -> Any:
    """Put `x - outer(taken, drop)` in `out`, only rows where the drop is not zero, and these side by side.

    `places` say where in `out` the first of each register of rows belongs. The number of units is a multiple
    of four, that of rows of a register's.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write = _Writer(context, builder, signature, arguments)
        x, drop, taken, out, places = write.arrays
        kind = ir.FunctionType(
            ir.VoidType(),
            (write.vector, write.number.as_pointer(), ir.VectorType(ir.IntType(1), write.lanes)),
        )
        bits = ("f32", "f64")[write.lanes == _WIDTH // 8]
        name = f"llvm.masked.compressstore.v{write.lanes}{bits}"
        compress = write_code.get_or_insert_function(builder.module, kind, name)
        fours = builder.sdiv(builder.extract_value(x.shape, 0), write.whole(4))
        with write_code.for_range(builder, fours) as four:
            rows = [builder.add(builder.mul(four.index, write.whole(4)), write.whole(i)) for i in range(4)]
            factors = [write.many(builder.load(write.at(taken, row))) for row in rows]
            with write_code.for_range(builder, write.tiles(drop)) as tile:
                r = builder.mul(tile.index, write.whole(write.lanes))
                gone = write.load(write.at(drop, r))
                some = builder.fcmp_unordered("!=", gone, write.vector([0.0] * write.lanes))
                place = builder.load(write.at(places, tile.index))
                for row, factor in zip(rows, factors, strict=True):
                    left = write.minus(write.load(write.at(x, r, row)), factor, gone)
                    builder.call(compress, (left, write.at(out, place, row), some))
        return context.get_dummy_value()

    return types.void(x, drop, taken, out, places), generate


@jit
def product(x: Any, drop: Any, taken: Any, relu: bool, weight: Any, bias: Any, out: Any) -> None:
    """Put `weight.T @ (x - outer(taken, drop)) + bias` in `out` `(n_out, block)`, with a relu inside or not.

    `weight` is `(n_in, n_out)`, `x` `(n_in, block)`; `n_out` is a multiple of four. The sums of
    twelve outputs for a register of rows stay in registers.
    """
    n_in, n_out = weight.shape
    least = x.dtype.type(0) if relu else x.dtype.type(-np.inf)
    for k in range(0, n_out, _AT_ONCE):
        if n_out - k >= _AT_ONCE:
            _twelve(x, drop, taken, weight, bias, out, least, k)
        elif n_out - k == 8:
            _eight(x, drop, taken, weight, bias, out, least, k)
        else:
            _four(x, drop, taken, weight, bias, out, least, k)
    block, width = drop.size, _WIDTH // x.itemsize
    for r in range(block - block % width, block):
        for k in range(n_out):
            out[k, r] = bias[k]
        for j in range(n_in):
            left = x[j, r] - taken[j] * drop[r]
            left = least if left < least else left
            for k in range(n_out):
                out[k, r] += weight[j, k] * left


@jit
def put_aside(
    source: Any, gone: Any, outgoing: Any, here: Any, waiting: int, full: bool,
    lost: Any, places: Any, few: Any,
) -> None:  # fmt: skip
    """Put the rows `here` of `source` less `gone` times `outgoing` in `few`, behind those `waiting`.

    They are all where something is gone, if the block is `full`; `lost` and `places` are scratch.
    """
    changed, block, lanes = here.size, source.shape[1], _WIDTH // source.itemsize
    if _SQUEEZES and full and block % lanes == 0 and 10 * changed > block:
        q = 0
        for tile in range(block // lanes):
            while q < changed and here[q] < tile * lanes:
                q += 1
            places[tile] = waiting + q
        _squeeze(source, gone, outgoing, few, places)
        return
    for q in range(changed):
        lost[q] = gone[here[q]]
    for j in range(outgoing.size):
        w, z, target = outgoing[j], source[j], few[j]
        for q in range(changed):
            target[waiting + q] = z[here[q]] - w * lost[q]


@jit
def log_sum_exp(
    scores: Any, n_out: int, largest: Any, total: Any, spare: Any, other: Any, whole: Any
) -> None:  # fmt: skip
    """Put the largest score of every row in `largest`, and the sum of exp(score - largest) in `total`."""
    block = largest.size
    first = scores[0]
    for r in range(block):
        largest[r] = first[r]
        total[r] = 0.0
    for k in range(1, n_out):
        row = scores[k]
        for r in range(block):
            largest[r] = max(largest[r], row[r])
    for k in range(n_out):
        row = scores[k]
        for r in range(block):
            spare[r] = row[r] - largest[r]
        exponential(spare, 1.0, other, whole)
        for r in range(block):
            total[r] += other[r]


@jit
def to_outputs(
    head: int, scores: Any, n_out: int, out: Any, spare: Any, whole: Any, spare64: Any, whole64: Any
) -> None:
    """Put the network's outputs for scores `(n_outputs, block)` in `out`."""
    largest, one, total, logs = spare[0], spare[1], spare64[0], spare64[1]
    block = largest.size
    for k in range(n_out):
        for r in range(block):
            out[k, r] = scores[k, r]
    if head == SIGMOID_HEAD:
        for k in range(n_out):
            activate(SIGMOID, 0.0, 0.0, 0.0, out[k], one, whole)
    elif head == SOFTMAX_HEAD or head == LOG_SOFTMAX_HEAD:
        log_sum_exp(scores, n_out, largest, total, one, spare[2], whole)
        if head == LOG_SOFTMAX_HEAD:
            logarithm(total, logs, whole64)
        for k in range(n_out):
            row = out[k]
            for r in range(block):
                row[r] -= largest[r]
            if head == LOG_SOFTMAX_HEAD:
                for r in range(block):
                    row[r] -= logs[r]
            else:
                exponential(row, 1.0, one, whole)
                for r in range(block):
                    row[r] = one[r] / total[r]


@jit
def losses(
    kind: int, scale: float, head: int, close: Any, threshold: float,
    scores: Any, n_out: int, wanted: Any, labels: Any, out: Any,
    work: Any, spare: Any, whole: Any, spare64: Any, whole64: Any,
) -> None:  # fmt: skip
    """Put the loss of every row in `out` (float64) for its scores `(n_outputs, block)`; see `metrics`.

    `wanted` are the targets (probabilities for an entropy) `(n_outputs, block)`, `labels` the classes
    `(block,)`. A class that is decided by less than `close[0]` times the row's largest score and `close[1]`
    counts as half a mistake: the caller has to look closer. `work` `(n_outputs, block)`, `spare` and
    `spare64` `(3, block)` and the integers `whole` and `whole64` `(block,)` are scratch.
    """
    block = out.size
    if kind == SQUARES or kind == ABSOLUTES:
        to_outputs(head, scores, n_out, work, spare, whole, spare64, whole64)
        for r in range(block):
            out[r] = 0.0
        for k in range(n_out):
            row, target = work[k], wanted[k]
            if kind == SQUARES:
                for r in range(block):
                    d = row[r] - target[r]
                    out[r] += d * d * scale
            else:
                for r in range(block):
                    out[r] += abs(row[r] - target[r]) * scale
    elif kind == BINARY_ENTROPY:
        size, e, grown, logs = spare[0], spare[1], spare64[0], spare64[1]
        for r in range(block):
            out[r] = 0.0
        for k in range(n_out):
            row, target = scores[k], wanted[k]
            for r in range(block):
                size[r] = abs(row[r])
            exponential(size, -1.0, e, whole)
            for r in range(block):
                grown[r] = 1.0 + e[r]
            logarithm(grown, logs, whole64)
            for r in range(block):
                # log(1 + e) of a tiny e is e - e^2/2
                x, s = float(e[r]), float(row[r])
                out[r] += max(s, 0.0) + (logs[r] if x > 1e-5 else x - x * x * 0.5) - target[r] * s
    elif kind == CLASS_ENTROPY or kind == SOFT_ENTROPY:
        largest, total, logs = spare[0], spare64[0], spare64[1]
        log_sum_exp(scores, n_out, largest, total, spare[1], spare[2], whole)
        logarithm(total, logs, whole64)
        if kind == CLASS_ENTROPY:
            right = spare[1]
            for k in range(n_out):  # a selection vectorises, looking up by label does not
                row = scores[k]
                for r in range(block):
                    right[r] = row[r] if labels[r] == k else right[r]
            for r in range(block):
                out[r] = logs[r] - (right[r] - largest[r])
        else:
            for r in range(block):
                out[r] = 0.0
            for k in range(n_out):
                row, target = scores[k], wanted[k]
                for r in range(block):
                    out[r] += target[r] * (logs[r] - (row[r] - largest[r]))
    elif kind == MISTAKES:
        largest, other, right = spare[0], spare[1], spare[2]
        for r in range(block):
            largest[r] = 0.0
            other[r] = -np.inf
        for k in range(n_out):
            row = scores[k]
            for r in range(block):
                largest[r] = max(largest[r], abs(row[r]))
            for r in range(block):
                other[r] = max(other[r], row[r]) if labels[r] != k else other[r]
                right[r] = row[r] if labels[r] == k else right[r]
        for r in range(block):
            margin = right[r] - other[r]
            sure = abs(margin) > close[0] * largest[r] + close[1]
            out[r] = (1.0 if margin < 0 else 0.0) if sure else 0.5
    else:
        to_outputs(head, scores, 1, work, spare, whole, spare64, whole64)
        for r in range(block):
            margin = work[0, r] - threshold
            sure = abs(margin) > close[0] * max(abs(scores[0, r]), 1.0) + close[1]
            found = 1 if margin > 0 else 0
            out[r] = (1.0 if found != labels[r] else 0.0) if sure else 0.5


@jit
def trial(
    first: int, last: int, step: int, drops: Any, which: int, outgoing: Any, entry: Any,
    stages: Any, flat: Any, codes: Any, settings: Any, operands: Any,
    kinds: Any, scales: Any, head: int, n_out: int, threshold: float,
    wanted: Any, labels: Any, rows: int, integers: Any, close: Any,
    before: Any, after: Any, lower: Any, bounded: int, budget: Any, sums: Any, moved: Any, unsure: Any,
) -> tuple[int, bool, float]:  # fmt: skip
    """Run the rest of the chain without one unit, over blocks `first`, `first + step`, ... below `last`.

    - the next layer's input `entry` `(n_blocks, n_next, block)` loses number `which` of the `drops`
      `(n_blocks, n_drops, block)` times `outgoing` `(n_next,)`
    - the program: `stages[i]` is n_in, n_out, where weight and bias start in `flat`, and the range of
      elementwise operations after it; the first stage has no weights
    - `before` `(n_blocks, n_metrics, block)` are the present losses, the new ones go to `after`
    - `integers` is any array of the integer type as wide as the floats of `entry`
    - `sums` take the new losses, `moved` those (new and old) of rows that were run, `unsure` counts
      mistakes that are too close to call
    - it ends once a sum exceeds its `budget`; for the metric `bounded` what counts is how far the blocks'
      losses exceed their bounds `lower` `(n_blocks,)`

    Returns how many rows were run, whether it ended early, and by how much losses exceeded their bounds.
    """
    n_next, block = entry.shape[1], entry.shape[2]
    zero = entry.dtype.type(0)
    width = n_next
    for i in range(stages.shape[0]):
        width = max(width, stages[i, 1])
    one, other = np.empty((width, block), entry.dtype), np.empty((width, block), entry.dtype)
    few, few_index = np.empty((n_next, block + _WIDTH), entry.dtype), np.empty((2, block), np.int64)
    lost, places = np.empty(block, entry.dtype), np.empty(block, np.int64)
    none = np.zeros(width + block, entry.dtype)
    work, spare, spare64 = (
        np.empty((n_out, block), entry.dtype),
        np.empty((3, block), entry.dtype),
        np.empty((3, block)),
    )
    whole, whole64, here = (
        np.empty(block, integers.dtype),
        np.empty(block, np.int64),
        np.empty(block, np.int32),
    )
    touched, over, excess, waiting = 0, False, 0.0, 0
    for b in range(first, last, step):
        count = min(block, rows - b * block)
        gone = drops[b, which]
        changed = 0
        for r in range(count):
            here[changed] = r
            changed += 1 if gone[r] != zero else 0
        touched += changed
        source = entry[b]
        if changed <= _MANY * block:
            # Rows where nothing goes keep their losses; the others wait until there is a block of them.
            for m in range(kinds.size):
                new, old = after[b, m], before[b, m]
                kept = 0.0
                for r in range(count):
                    new[r] = old[r]
                    kept += old[r] if gone[r] == zero else 0.0
                sums[m] += kept
                excess += kept - lower[b] if m == bounded else 0.0
                if kinds[m] >= MISTAKES:
                    for r in range(count):
                        unsure[m] += 1 if old[r] == 0.5 and gone[r] == zero else 0
            if waiting + changed > block:
                over, excess = finish(
                    few, few_index, waiting, none, one, other, stages, flat, codes, settings, operands,
                    kinds, scales, head, n_out, threshold, wanted, labels, close, before, after,
                    bounded, budget, sums, moved, unsure, excess, work, spare, whole, spare64, whole64,
                )  # fmt: skip
                waiting = 0
                if over:
                    break
            for q in range(changed):
                few_index[0, waiting + q], few_index[1, waiting + q] = b, here[q]
            put_aside(source, gone, outgoing, here[:changed], waiting, count == block, lost, places, few)
            waiting += changed
            continue
        scores = rest(
            stages, flat, codes, settings, operands, source, gone, outgoing, none, one, other, spare[0], whole
        )
        for m in range(kinds.size):
            new, old = after[b, m], before[b, m]
            losses(
                kinds[m], scales[m], head, close, threshold,
                scores, n_out, wanted[b], labels[b], new, work, spare, whole, spare64, whole64,
            )  # fmt: skip
            total_new, total_moved = 0.0, 0.0
            for r in range(count):
                total_new += new[r]
            for r in range(count):
                total_moved += (new[r] + old[r]) if gone[r] != zero else 0.0
            sums[m] += total_new
            moved[m] += total_moved
            if kinds[m] >= MISTAKES:
                for r in range(count):
                    unsure[m] += 1 if new[r] == 0.5 else 0
            if m == bounded:
                excess += total_new - lower[b]
                over |= excess > budget[m]
            else:
                over |= sums[m] - 0.5 * unsure[m] > budget[m]
        if over:
            break
    if waiting and not over:
        over, excess = finish(
            few, few_index, waiting, none, one, other, stages, flat, codes, settings, operands,
            kinds, scales, head, n_out, threshold, wanted, labels, close, before, after,
            bounded, budget, sums, moved, unsure, excess, work, spare, whole, spare64, whole64,
        )  # fmt: skip
    return touched, over, excess


@jit
def rest(
    stages: Any, flat: Any, codes: Any, settings: Any, operands: Any,
    source: Any, drop: Any, taken: Any, none: Any, x: Any, y: Any, spare: Any, whole: Any,
) -> Any:  # fmt: skip
    """Return the scores for what the next layer gets, `source` `(n_next, block)` less `drop` times `taken`.

    They are computed in `x` and `y`; `none` is zero, and as long as any layer is wide.
    """
    zero, n_next, count = x.dtype.type(0), source.shape[0], stages.shape[0]
    first, last = stages[0, 4], stages[0, 5]
    relu = first < last and codes[first] == RELU
    # The product takes the drop, and the relu, along.
    fused = count > 1 and last - first == (1 if relu else 0)
    if not fused:
        for j in range(n_next):
            w, z, target = taken[j], source[j], x[j]
            for r in range(drop.size):
                target[r] = z[r] - w * drop[r]
            if relu:
                for r in range(drop.size):
                    target[r] = max(target[r], zero)
        elementwise(codes, settings, operands, first + (1 if relu else 0), last, x[:n_next], spare, whole)
    for i in range(1, count):
        n_in, n_to, at, bias_at = stages[i, 0], stages[i, 1], stages[i, 2], stages[i, 3]
        weight, bias = flat[at : at + n_in * n_to].reshape(n_in, n_to), flat[bias_at : bias_at + n_to]
        if i == 1 and fused:
            product(source, drop, taken, relu, weight, bias, y)
        else:
            product(x, none[: drop.size], none, False, weight, bias, y)
        elementwise(codes, settings, operands, stages[i, 4], stages[i, 5], y[:n_to], spare, whole)
        x, y = y, x
    return x


@jit
def look_up(index: Any, start: int, count: int, wanted: Any, labels: Any, wish: Any, right: Any) -> None:
    """Put the targets and labels of `count` rows of `index`, from `start` on, in `wish` and `right`.

    What is left of `wish` `(n_outputs, block)` and `right` `(block,)` repeats the last row.
    """
    block = right.size
    for r in range(block):
        i = index[start + min(r, count - 1)]
        for k in range(wish.shape[0]):
            wish[k, r] = wanted[i // block, k, i % block]
        right[r] = labels[i // block, i % block]


@jit
def finish(
    x: Any, index: Any, count: int, none: Any, one: Any, other: Any,
    stages: Any, flat: Any, codes: Any, settings: Any, operands: Any,
    kinds: Any, scales: Any, head: int, n_out: int, threshold: float,
    wanted: Any, labels: Any, close: Any, before: Any, after: Any,
    bounded: int, budget: Any, sums: Any, moved: Any, unsure: Any, excess: float,
    work: Any, spare: Any, whole: Any, spare64: Any, whole64: Any,
) -> tuple[bool, float]:  # fmt: skip
    """Run the rest of the chain for `count` rows in `x`, of which `index` holds blocks and places in them.

    See `trial`. Returns whether a sum exceeds its budget, and by how much losses exceed their bounds.
    """
    block, over = index.shape[1], False
    nothing = none[:block]
    scores = rest(
        stages, flat, codes, settings, operands, x, nothing, none, none, one, other, spare[0], whole
    )
    wish, right, found = np.empty((wanted.shape[1], block)), np.empty(block, np.int64), np.empty(block)
    for r in range(block):
        b, i = index[0, min(r, count - 1)], index[1, min(r, count - 1)]
        for k in range(wish.shape[0]):
            wish[k, r] = wanted[b, k, i]
        right[r] = labels[b, i]
    for m in range(kinds.size):
        losses(
            kinds[m], scales[m], head, close, threshold,
            scores, n_out, wish, right, found, work, spare, whole, spare64, whole64,
        )  # fmt: skip
        total, changed = 0.0, 0.0
        for r in range(count):
            b, i, new = index[0, r], index[1, r], found[r]
            old = before[b, m, i]
            after[b, m, i] = new
            total += new
            changed += new + old
            if kinds[m] >= MISTAKES:
                unsure[m] += 1 if new == 0.5 else 0
        sums[m] += total
        moved[m] += changed
        if m == bounded:
            excess += total
            over |= excess > budget[m]
        else:
            over |= sums[m] - 0.5 * unsure[m] > budget[m]
    return over, excess


@jit
def search(
    drops: Any, which: Any, outgoing: Any, places: Any, entry: Any,
    stages: Any, flat: Any, codes: Any, settings: Any, operands: Any,
    kinds: Any, scales: Any, head: int, n_out: int, threshold: float,
    wanted: Any, labels: Any, rows: int, integers: Any, close: Any,
    before: Any, after: Any, relu: bool, slopes: Any, anchors: Any,
    bounded: int, budget: Any, most: int, sure: Any, room: int, taken: Any,
    sums: Any, moved: Any, unsure: Any,
) -> tuple[int, bool, int, int]:  # fmt: skip
    """Try the removal of one unit after the other, until one is neither given up nor taken out.

    `which`, `places`, `taken`, `sums`, `moved` and `unsure` have an entry for each; the other arguments are
    those of `trial` and `bounds`. Sums of what is given up are bounds. It ends once about `most` rows were
    looked at.

    A unit is taken out of `entry` and `before` if all sums without it are below `sure`, `room` of them at
    most. Where `which` is -1 nothing goes, and the unit is taken.

    Returns how many were tried, whether the last was given up or taken out, how many rows were run, and how
    many removals changed anything.
    """
    n_blocks = entry.shape[0]
    run, looked, went = 0, 0, 0
    left, lower, bound = np.empty(kinds.size), np.zeros((_TOGETHER, n_blocks)), np.zeros(_TOGETHER)
    enough = np.full(_TOGETHER, budget[max(bounded, 0)])
    next_c, at, count = 0, 0, 0  # the trials that have bounds, and which of them is to come
    for c in range(which.size):
        if which[c] < 0:
            taken[c] = True
            continue
        left[:] = budget
        over, excess = False, 0.0
        if bounded >= 0:
            if c >= next_c:
                # The fewer share a look, the less is lost when one of them goes.
                some = np.flatnonzero(which[c:] >= 0)[: min(2 * count + 1, _TOGETHER)] + c
                next_c, at, count = some[-1] + 1, 0, some.size
                bound[:] = 0.0
                looked += bounds_of_some(
                    0, n_blocks, 1, drops, which[some], outgoing[places[some]], entry, relu,
                    slopes, anchors, before, bounded, rows, enough, bound, lower,
                )  # fmt: skip
            left[bounded] -= bound[at]
            over = left[bounded] < 0
        if not over:
            touched, over, excess = trial(
                0, n_blocks, 1, drops, which[c], outgoing[places[c]], entry,
                stages, flat, codes, settings, operands, kinds, scales, head, n_out, threshold,
                wanted, labels, rows, integers, close,
                before, after, lower[at], bounded, left, sums[c], moved[c], unsure[c],
            )  # fmt: skip
            run += touched
            looked += touched
        if not over:
            taken[c] = below(sums[c], unsure[c], sure)
            if not taken[c]:
                return c + 1, False, run, went
            subtract(0, n_blocks, drops, which[c], outgoing[places[c]], entry)
            before[:] = after
            went += 1
            next_c, count = 0, 0
        elif bounded >= 0:
            sums[c, bounded] = bound[at] + excess
        at += 1
        if looked > most or went >= room:
            return c + 1, True, run, went
    return which.size, True, run, went


@jit
def below(sums: Any, unsure: Any, limits: Any) -> bool:
    """Say whether all sums are below their limits, and nothing is too close to call."""
    found = True
    for m in range(sums.size):
        found &= sums[m] < limits[m] and unsure[m] == 0
    return found


@jit
def bounds(
    first: int, last: int, drops: Any, which: Any, outgoing: Any, places: Any, entry: Any, relu: bool,
    slopes: Any, anchors: Any, present: Any, metric: int, rows: int, out: Any,
) -> None:  # fmt: skip
    """Put lower bounds of blocks' losses without each of some units in `out` `(n_units, n_blocks)`.

    Unit number c is number `which[c]` of the `drops` and has the weights `outgoing[places[c]]`. A loss that
    is convex in the scores lies above its tangent: above `anchors` plus the sum of `slopes` times the next
    layer's activations. Rows where the unit is zero keep their `present` loss.
    """
    n_next, block = entry.shape[1], entry.shape[2]
    totals = np.empty((which.size, block), entry.dtype)
    least = entry.dtype.type(0) if relu else entry.dtype.type(-np.inf)
    fours, lanes = which.size - which.size % 4, _WIDTH // entry.itemsize
    whole = block - block % (4 * lanes)
    for b in range(first, last):
        count = min(block, rows - b * block)
        for c in range(0, fours, 4):
            _rises_of_four(
                entry[b], slopes[b], drops[b], outgoing, totals, which, places, least, c, whole
            )  # fmt: skip
        for c in range(fours, which.size):
            _rises_of_one(
                entry[b], slopes[b], drops[b], outgoing, totals, which, places, least, c, whole
            )  # fmt: skip
        for c in range(which.size):
            drop, taken = drops[b, which[c]], outgoing[places[c]]
            for r in range(whole, block):
                total = entry.dtype.type(0)
                for j in range(n_next):
                    x = entry[b, j, r] - taken[j] * drop[r]
                    total += slopes[b, j, r] * (least if x < least else x)
                totals[c, r] = total
        for c in range(which.size):
            drop, rise = drops[b, which[c]], totals[c]
            bound = 0.0
            for r in range(count):
                bound += max(anchors[b, r] + rise[r], 0.0) if drop[r] != 0 else present[b, metric, r]
            out[c, b] = bound


@jit
def bounds_of_some(
    first: int, last: int, step: int, drops: Any, which: Any, outgoing: Any, entry: Any, relu: bool,
    slopes: Any, anchors: Any, present: Any, metric: int, rows: int, enough: Any, below: Any, out: Any,
) -> int:  # fmt: skip
    """Put lower bounds in `out` `(n_units, n_blocks)`, of blocks `first`, `first + step`, ... below `last`.

    `below` `(n_units,)` takes their sums; a unit whose sum is more than is `enough` is looked at no further.
    Unit number c is number `which[c]` of the `drops` and has the weights `outgoing[c]`; see `bounds`.
    Returns how many rows were looked at, for all units together.
    """
    left, looked = which.size, 0
    places, drop, found = np.arange(left), which.copy(), np.empty((left, out.shape[1]))
    for b in range(first, last, step):
        bounds(
            b, b + 1, drops, drop[:left], outgoing, places[:left], entry, relu,
            slopes, anchors, present, metric, rows, found,
        )  # fmt: skip
        some, left, looked = left, 0, looked + left * entry.shape[2]
        for c in range(some):
            unit = places[c]
            out[unit, b] = found[c, b]
            below[unit] += found[c, b]
            places[left], drop[left] = unit, drop[c]
            left += 0 if below[unit] > enough[unit] else 1
        if not left:
            break
    return looked


@jit
def slopes(
    first: int, last: int, entry: Any, stages: Any, flat: Any, codes: Any, backward: Any,
    kind: int, scale: float, n_out: int, wanted: Any, labels: Any, present: Any, metric: int, integers: Any,
    out: Any, anchors: Any,
) -> None:  # fmt: skip
    """Put in `out` `(n_blocks, n_next, block)` how the loss grows with each activation of the next layer.

    `anchors` `(n_blocks, block)` take what the tangent is where these activations are zero.

    The chain ends after one more layer at most; `backward` `(n_outputs, n_next)` are its weights, transposed
    and padded, or empty.
    """
    n_next, block = entry.shape[1], entry.shape[2]
    number = entry.dtype.type
    width = max(n_next, backward.shape[0])
    y, gradient = np.zeros((width, block), entry.dtype), np.zeros((width, block), entry.dtype)
    spare, whole = np.empty((3, block), entry.dtype), np.empty(block, integers.dtype)
    total, none = np.empty(block), np.zeros(width + block, entry.dtype)
    shifts = np.zeros(width, entry.dtype)
    for b in range(first, last):
        if backward.size:
            n_in, n_to, at, bias_at = stages[1, 0], stages[1, 1], stages[1, 2], stages[1, 3]
            shifts = flat[bias_at : bias_at + n_to]
            weight = flat[at : at + n_in * n_to].reshape(n_in, n_to)
            product(entry[b], none[:block], none, codes.size > 0, weight, shifts, y)
        else:
            y[:n_next] = entry[b]
        if kind == CLASS_ENTROPY or kind == SOFT_ENTROPY:
            log_sum_exp(y, n_out, spare[0], total, spare[1], spare[2], whole)
        for k in range(n_out):
            row, target = y[k], gradient[k]
            if kind == SQUARES:
                for r in range(block):
                    target[r] = 2.0 * scale * (row[r] - wanted[b, k, r])
                continue
            if kind == BINARY_ENTROPY:
                exponential(row, -1.0, spare[1], whole)
                for r in range(block):
                    target[r] = number(1) / (number(1) + spare[1, r]) - wanted[b, k, r]
                continue
            for r in range(block):
                spare[1, r] = row[r] - spare[0, r]
            exponential(spare[1], 1.0, spare[2], whole)
            for r in range(block):
                target[r] = spare[2, r] / total[r]
            if kind == CLASS_ENTROPY:
                for r in range(block):
                    target[r] -= number(1) if labels[b, r] == k else number(0)
        if kind == SOFT_ENTROPY:
            for r in range(block):
                total[r] = 0.0
            for k in range(n_out):
                for r in range(block):
                    total[r] += wanted[b, k, r]
            for k in range(n_out):
                for r in range(block):
                    gradient[k, r] = gradient[k, r] * total[r] - wanted[b, k, r]
        for r in range(block):
            anchors[b, r] = present[b, metric, r]
        # What slopes times activations add up to is what gradients times the scores do, less their bias.
        for k in range(n_out):
            score, target, bias = y[k], gradient[k], shifts[k]
            for r in range(block):
                anchors[b, r] -= np.float64(target[r]) * np.float64(score[r] - bias)
        if backward.size:
            product(gradient, none[:block], none, False, backward, none, out[b])
        else:
            out[b] = gradient[:n_next]


@jit
def gather(rows_first: Any, order: Any, out: Any, first: int, last: int) -> None:
    """Put rows `(n_rows, units)` in `order` into blocks of `out` `(n_blocks, units, block)`.

    What is left of the last block repeats the last row.
    """
    block, units, n = out.shape[2], out.shape[1], order.size
    flat, at = rows_first.reshape(-1), np.empty(block, np.int64)
    for b in range(first, last):
        for r in range(block):
            at[r] = order[min(b * block + r, n - 1)] * units
        # Some rows at a time: what is read across stays in the nearest cache.
        for start in range(0, block, 64):
            stop = min(start + 64, block)
            for j in range(units):
                target = out[b, j]
                for r in range(start, stop):
                    target[r] = flat[at[r] + j]


@jit
def silent(held: Any, units: Any) -> Any:
    """Say which of some units of `held` `(n_blocks, units, block)` are zero on all rows."""
    zero = held.dtype.type(0)
    out = np.ones(units.size, np.bool_)
    for i in range(units.size):
        for b in range(held.shape[0]):
            for r in range(held.shape[2]):
                if held[b, units[i], r] != zero:
                    out[i] = False
                    break
            if not out[i]:
                break
    return out


@jit
def sparse_dense(rows_first: Any, weight: Any, places: Any, bias: Any, out: Any) -> None:
    """Put `rows_first @ weight` in columns `places` of `out`, and the bias everywhere.

    A row at a time: best where most of a row is zero. Computed in float64, whatever the inputs are (in
    compiled code `float` of a float32 is one still).
    """
    n_in, n_some = weight.shape
    index, sums = np.empty(n_in + 1, np.int64), np.empty(n_some)
    for i in range(out.shape[0]):
        source, target, count = rows_first[i], out[i], 0
        for j in range(n_in):
            index[count] = j
            count += 1 if source[j] != 0 else 0
        sums[:] = 0.0
        eights = count - count % 8
        for q in range(0, eights, 8):
            j0, j1, j2, j3 = index[q], index[q + 1], index[q + 2], index[q + 3]
            j4, j5, j6, j7 = index[q + 4], index[q + 5], index[q + 6], index[q + 7]
            a0, a1 = np.float64(source[j0]), np.float64(source[j1])
            a2, a3 = np.float64(source[j2]), np.float64(source[j3])
            a4, a5 = np.float64(source[j4]), np.float64(source[j5])
            a6, a7 = np.float64(source[j6]), np.float64(source[j7])
            w0, w1, w2, w3 = weight[j0], weight[j1], weight[j2], weight[j3]
            w4, w5, w6, w7 = weight[j4], weight[j5], weight[j6], weight[j7]
            for k in range(n_some):
                some = a0 * w0[k] + a1 * w1[k] + a2 * w2[k] + a3 * w3[k]
                sums[k] += some + a4 * w4[k] + a5 * w5[k] + a6 * w6[k] + a7 * w7[k]
        for q in range(eights, count):
            a0, w0 = np.float64(source[index[q]]), weight[index[q]]
            for k in range(n_some):
                sums[k] += a0 * w0[k]
        for k in range(bias.size):
            target[k] = bias[k]
        for k in range(n_some):
            target[places[k]] += sums[k]


@jit
def one_hidden_layer(
    inputs: Any, weight: Any, codes: Any, settings: Any, operands: Any, integers: Any,
    outgoing: Any, bias: Any, wanted: Any, rough: Any, scores: Any, with_residuals: Any,
) -> None:  # fmt: skip
    """Run a network of one hidden layer on rows `inputs` `(n_rows, n_inputs)`.

    `weight` `(n_inputs + 1, units)` has the bias last, and the operations after it are those of
    `elementwise`; `outgoing` `(n_outputs, units)` and `bias` make the `scores` `(n_rows, n_outputs)`. The
    activations go to `rough` `(n_rows, units + 1)`, of which the last column is left; what they add up to
    times scores less `wanted` is added to `with_residuals` `(n_outputs, units + 1)`, as if there was one more
    that is always 1.
    """
    n_in, units = inputs.shape[1], weight.shape[1]
    some = 64  # rows whose activations stay in the cache
    values, held = np.ones((some, n_in + 1)), np.zeros((some, units))
    residuals = np.empty((bias.size, some))
    for start in range(0, inputs.shape[0], some):
        count = min(some, inputs.shape[0] - start)
        for r in range(count):
            for j in range(n_in):
                values[r, j] = inputs[start + r, j]
        np.dot(values[:count], weight, held[:count])
        _each_row(codes, settings, operands, 0, codes.size, held[:count], integers)
        for r in range(count):
            row, copy = held[r], rough[start + r]
            for j in range(units):
                copy[j] = row[j]
            for k in range(bias.size):
                into, total = outgoing[k], bias[k]
                for j in range(units):
                    total += row[j] * into[j]
                scores[start + r, k] = total
                residuals[k, r] = total - wanted[start + r, k]
        residuals[:, count:] = 0.0
        for k in range(bias.size):
            target, wrong = with_residuals[k], residuals[k]
            for r in range(0, count, 4):
                r0, r1, r2, r3 = held[r], held[r + 1], held[r + 2], held[r + 3]
                e0, e1, e2, e3 = wrong[r], wrong[r + 1], wrong[r + 2], wrong[r + 3]
                for j in range(units):
                    target[j] += r0[j] * e0 + r1[j] * e1 + r2[j] * e2 + r3[j] * e3
                target[units] += e0 + e1 + e2 + e3


@jit
def search_squares(
    places: Any, shifts: Any, outgoing: Any, products: Any, sizes: Any, count: int, residuals: Any,
    rounding: float, removed: float, scales: Any, base: Any, base_error: Any, slack: float,
    upper: Any, on: bool, sums: Any, errors: Any, refused: Any, taken: Any,
) -> tuple[int, float]:  # fmt: skip
    """Try one unit after the other in front of linear scores, up to the first that is not refused.

    - of unit number t the activation plus `shifts[t]` is dropped, that of `places[t]`; -1 for nothing
    - `outgoing` `(units, n_outputs)` are weights, `products` `(units + 1, units + 1)` those of activations
      added up over `count` rows, one more standing last that is always 1, and `sizes` the roots of their
      diagonal; `residuals` `(units + 1, n_outputs)` are the products with residuals
    - products can be off by `rounding`, relative, those with residuals since units of size `removed` went
    - `base` are the sums of losses now and `base_error` how far they can be off, `scales` what makes losses
      of squares; `sums`, `errors` `(n_trials, n_metrics)`, `refused` and `taken` take what is found
    - a unit is refused if some sum is above its limit `upper` for sure, be there any limits; it is taken out
      and the search goes `on` if all are below

    Returns how many were tried, and `removed` after that.
    """
    last = products.shape[0] - 1
    for t in range(places.size):
        place, shift = places[t], shifts[t]
        rise, off, length, size = 0.0, 0.0, 0.0, 0.0
        if place >= 0:
            cross = 0.0
            for k in range(outgoing.shape[1]):
                w = outgoing[place, k]
                length += w * w
                cross += w * (residuals[place, k] + shift * residuals[last, k])
            size = sizes[place] + abs(shift) * sizes[last]
            square = products[place, place] + shift * (2 * products[place, last] + shift * count)
            rise = length * square - 2 * cross
            off = rounding * (length * size * size + 2 * math.sqrt(length) * size * removed)
        finite, above, below_all = True, False, True
        for m in range(base.size):
            sums[t, m] = base[m] + scales[m] * rise
            errors[t, m] = base_error[m]
            if place >= 0:
                errors[t, m] += scales[m] * off + 1e-12 * abs(base[m])
            reach = errors[t, m] + slack * abs(sums[t, m])
            finite &= math.isfinite(sums[t, m] + errors[t, m])
            if upper.size:
                above |= sums[t, m] - reach > upper[m]
                below_all &= sums[t, m] + reach < upper[m]
        refused[t] = place >= 0 and finite and above
        if refused[t]:
            continue
        taken[t] = on and below_all
        if not taken[t]:
            return t + 1, removed
        base, base_error = sums[t], errors[t]
        if place >= 0:
            for j in range(last + 1):
                gone = products[place, j] + shift * products[last, j]
                for k in range(outgoing.shape[1]):
                    residuals[j, k] -= gone * outgoing[place, k]
            removed += math.sqrt(length) * size
    return places.size, removed


@jit
def subtract(first: int, last: int, drops: Any, which: int, outgoing: Any, entry: Any) -> None:
    """Take number `which` of the drops times `outgoing` from blocks of `entry`, in place."""
    for b in range(first, last):
        gone = drops[b, which]
        for j in range(entry.shape[1]):
            w, target = outgoing[j], entry[b, j]
            for r in range(gone.size):
                target[r] -= w * gone[r]


@jit
def subtract_rows(
    first: int, last: int, drop: Any, outgoing: Any, relu: bool, entry: Any, moved: Any
) -> None:  # fmt: skip
    """Take a drop times `outgoing` from rows `first` to `last` of `entry` `(n_rows, n_next)`, in place.

    `moved` takes how far that moves what comes out of a relu behind, or the entry itself.
    """
    zero = entry.dtype.type(0)
    least = zero if relu else entry.dtype.type(-np.inf)
    for i in range(first, last):
        d, row, square = drop[i], entry[i], zero
        if d != zero:
            for j in range(outgoing.size):
                old = row[j]
                new = old - d * outgoing[j]
                row[j] = new
                step = max(new, least) - max(old, least)
                square += step * step
        moved[i] = math.sqrt(square)


@jit
def pick(first: int, last: int, held: Any, places: Any, shifts: Any, out: Any) -> None:
    """Put units `places` of `held` `(n_blocks, units, block)`, plus shifts, in `out`, a unit at a time."""
    for b in range(first, last):
        for c in range(places.size):
            row, target, shift = held[b, places[c]], out[c, b], shifts[c]
            for r in range(row.size):
                target[r] = row[r] + shift


@jit
def select(
    t: int, gone: Any, speeds: Any, leads: Any, before: Any, lower: Any, bounded: int,
    entry: Any, taken: Any, factor: float, unseen: Any, rows: Any,
) -> int:  # fmt: skip
    """Put which rows trial `t` may have to run in row `t` of `rows`, and return how many these are.

    A row need not be run if nothing is `gone`, or if that times the trial's speed lies within its lead. If
    `factor` is not 0, neither if that times what comes out of a relu behind the `entry` less `gone` times
    `taken` moves within its lead: that is seen to here where there is a loss, and later by `_sift`.
    Of what has to be run, the losses `before` go off `unseen` `(n_metrics,)`, and bounds `lower`
    `(n_trials, n_rows)` of the losses by metric `bounded` come on.
    """
    block = before.shape[2]
    zero = gone.dtype.type(0)
    drop, index, speed, found = gone[t], rows[t], speeds[t], 0
    matters = np.empty(block, np.int8)
    for b in range(before.shape[0]):
        at, start = b * block, found
        count = min(block, index.size - at)
        some = np.int8(0)
        for r in range(count):
            size = abs(drop[at + r])
            # No branch: it could not be foreseen.
            matters[r] = (size != zero) & (1 - (size * speed <= leads[at + r]))
            some |= matters[r]
        if not some:
            continue
        if factor:
            for r in range(count):
                if before[b, 0, r] > 0 and matters[r]:
                    matters[r] = _moves(at + r, drop, taken[t], entry, leads, factor)
        for r in range(count):
            index[found] = at + r
            found += matters[r]
        for m in range(before.shape[1]):
            for k in range(start, found):
                unseen[m] -= before[b, m, index[k] - at]
        if bounded >= 0:
            for k in range(start, found):
                unseen[bounded] += lower[t, index[k]]
    return found


@jit
def _moves(i: int, drop: Any, taken: Any, entry: Any, leads: Any, factor: float) -> bool:
    """Say whether a relu lets row `i` move beyond its lead; see `select`."""
    zero = entry.dtype.type(0)
    x, d, square = entry[i], drop[i], zero
    for j in range(taken.size):
        step = max(x[j] - d * taken[j], zero) - max(x[j], zero)
        square += step * step
    return not math.sqrt(square) * factor <= leads[i]


@jit
def _sift(
    index: Any, kept: int, start: int, stop: int, enough: int,
    drop: Any, taken: Any, entry: Any, leads: Any, factor: float,
) -> tuple[int, int]:  # fmt: skip
    """Put those of rows `start` to `stop` of `index` that move beyond their lead behind those `kept`.

    Ends when there are `enough`. Returns how many are kept then, and where the others start.
    """
    enough += kept
    while start < stop and kept < enough:
        index[kept] = index[start]
        kept += 1 if _moves(index[start], drop, taken, entry, leads, factor) else 0
        start += 1
    return kept, start


_SHIFT = 20  # bits of a float32 behind those that rows are sorted by: they are told apart by an eighth


@jit
def put_first(index: Any, drop: Any, leads: Any, before: Any, metric: int) -> None:
    """Sort `index` so that the rows that are likely to matter most to a trial come first.

    `metric` is the one that tangents bound: they are off by the square of the movement, and by the more the
    less sure the class is. If it is -1 only classes count: mistakes come first, since they count as none as
    long as they are not run, and then those whose lead is used up most.
    """
    n, block = index.size, before.shape[2]
    weight = np.empty(n, np.float32)
    for k in range(n):
        i = index[k]
        size, loss = abs(drop[i]), before[i // block, max(metric, 0), i % block]
        if metric >= 0:
            weight[k] = size * size * min(loss, 1.0)
        else:
            weight[k] = np.inf if loss > 0 or not leads[i] > 0 else size / leads[i]
    keys, starts = weight.view(np.int32), np.zeros((1 << 31 - _SHIFT) + 1, np.int64)
    top = starts.size - 1
    for k in range(n):
        keys[k] = top - 1 - (keys[k] >> _SHIFT)
        starts[keys[k] + 1] += 1
    for q in range(top):
        starts[q + 1] += starts[q]
    unsorted = index.copy()
    for k in range(n):
        index[starts[keys[k]]] = unsorted[k]
        starts[keys[k]] += 1


@jit
def put_rows(index: Any, values: Any, out: Any) -> None:
    """Put values `(n_metrics, n_rows)` of rows `index` in blocks `(n_blocks, n_metrics, block)`."""
    block = out.shape[2]
    for k in range(index.size):
        i = index[k]
        for m in range(values.shape[0]):
            out[i // block, m, i % block] = values[m, k]


@jit
def _lose(entry: Any, index: Any, gone: Any, taken: Any, relu: bool, out: Any) -> None:
    """Put rows `index` of `entry` `(n_rows, n_next)` less `gone` times `taken` in `out`, activated or not."""
    zero = entry.dtype.type(0)
    for i in range(index.size):
        source, target, d = entry[index[i]], out[i], gone[index[i]]
        if relu:
            for j in range(taken.size):
                target[j] = max(source[j] - d * taken[j], zero)
        else:
            for j in range(taken.size):
                target[j] = source[j] - d * taken[j]


@jit
def _add_bias(values: Any, bias: Any, relu: bool) -> None:
    """Add the bias to rows `(n_rows, units)`, and activate them or not, in place."""
    zero = values.dtype.type(0)
    for i in range(values.shape[0]):
        row = values[i]
        if relu:
            for j in range(row.size):
                row[j] = max(row[j] + bias[j], zero)
        else:
            for j in range(row.size):
                row[j] += bias[j]


@jit
def _each_row(
    codes: Any, settings: Any, operands: Any, first: int, last: int, values: Any, integers: Any
) -> None:
    """Apply the operations `first` to `last` of a program to rows `(n_rows, units)`, in place."""
    units, flat = values.shape[1], values.reshape(values.size)
    some = min(1024, flat.size)
    spare, whole = np.empty(some, values.dtype), np.empty(some, integers.dtype)
    for i in range(first, last):
        code, start = codes[i], int(settings[i, 0])
        if code < ADD:
            for at in range(0, flat.size, some):
                piece = flat[at : at + some]
                activate(
                    code, settings[i, 0], settings[i, 1], settings[i, 2], piece,
                    spare[: piece.size], whole[: piece.size],
                )  # fmt: skip
            continue
        for r in range(values.shape[0]):
            row = values[r]
            for j in range(units):
                c = values.dtype.type(operands[start + j])
                if code == ADD:
                    row[j] += c
                elif code == SUB:
                    row[j] -= c
                elif code == MUL:
                    row[j] *= c
                else:
                    row[j] /= c


@jit
def _scores(
    index: Any, drop: Any, taken: Any, entry: Any,
    stages: Any, flat: Any, codes: Any, settings: Any, operands: Any, integers: Any, one: Any, other: Any,
) -> Any:  # fmt: skip
    """Return scores `(n_rows, n_outputs)`, padded, of rows `index` without a drop: by matrix products."""
    n, width = index.size, entry.shape[1]
    values = one[: n * width].reshape(n, width)
    for i in range(stages.shape[0]):
        first, last = stages[i, 4], stages[i, 5]
        relu = first < last and codes[first] == RELU
        if i == 0:
            _lose(entry, index, drop, taken, relu, values)
        else:
            n_to, at, bias_at = stages[i, 1], stages[i, 2], stages[i, 3]
            out = other[: n * n_to].reshape(n, n_to)
            # The last of the weights' rows may be padding.
            np.dot(values, flat[at : at + width * n_to].reshape(width, n_to), out)
            _add_bias(out, flat[bias_at : bias_at + n_to], relu)
            values, width = out, n_to
            one, other = other, one
        _each_row(codes, settings, operands, first + (1 if relu else 0), last, values, integers)
    return values


@jit
def leads_of(scores: Any, labels: Any, between: Any, speed: float, close: Any, out: Any) -> None:
    """Put in `out` the lead of each row by its scores `(n_rows, n_classes)` and its class; see `radii`.

    It is -1 where the class is decided by less than `close[0]` times the largest score and `close[1]`.
    """
    for i in range(scores.shape[0]):
        row, label, largest, total = scores[i], labels[i], 0.0, 0.0
        for k in range(between.shape[0]):
            size = abs(np.float64(row[k]))
            largest = max(largest, size)
            total += size
        margin = 2 * (close[0] * largest + close[1])
        right, wrong = np.inf, -np.inf
        for k in range(between.shape[0]):
            if k != label:
                ahead = np.float64(row[label]) - np.float64(row[k])
                rate = 1 / (between[label, k] + 2 * close[0] * speed)
                right = min(right, (ahead - margin) * rate)
                wrong = max(wrong, (-ahead - margin) * rate)
        lead = max(right, wrong)
        out[i] = lead * (1 - 1e-5) if lead > 0 and total < np.inf else -1.0


@jit
def run_rows(
    t: int, first: int, last: int, sums: Any, unseen: Any, moved: Any, unsure: Any, many: int,
    gone: Any, taken: Any, lower: Any, bounded: int, rows: Any,
    entry: Any, stages: Any, flat: Any, codes: Any, settings: Any, operands: Any, one: Any, other: Any,
    kinds: Any, scales: Any, head: int, n_out: int, close: Any, threshold: float,
    wanted: Any, labels: Any, between: Any, speed: float, before: Any, integers: Any, after: Any, leads: Any,
) -> None:  # fmt: skip
    """Run the rest of the chain without what trial `t` drops on `first` to `last` of its `rows`.

    What arrays have of a trial is in row `t` of them. `entry` `(n_rows, n_next)` is what the next layer gets,
    rows first; `many` rows are run at once, and `one` and `other` are scratch for as many. Losses go to
    `after` `(n_trials, n_metrics, n_rows)`, and leads to `leads`, unless `between` is empty: see `radii`.
    `sums` take what losses are more than those `before`, and `unseen` loses those and the bounds `lower`, see
    `select`. The other arguments are those of `trial`.
    """
    block, width = labels.shape[1], min(labels.shape[1], last - first)
    kind = entry.dtype
    x, work, spare = (
        np.empty((n_out, width), kind),
        np.empty((n_out, width), kind),
        np.empty((3, width), kind),
    )
    spare64, wish, found = np.empty((3, width)), np.empty((wanted.shape[1], width)), np.empty(width)
    whole, whole64, right = (
        np.empty(width, integers.dtype),
        np.empty(width, np.int64),
        np.empty(width, np.int64),
    )
    for begin in range(first, last, many):
        index = rows[t, begin : min(begin + many, last)]
        scores = _scores(
            index, gone[t], taken[t], entry, stages, flat, codes, settings, operands, integers, one, other
        )
        for start in range(0, index.size, width):
            count, at = min(width, index.size - start), begin + start
            for r in range(width):
                row, i = scores[start + min(r, count - 1)], index[start + min(r, count - 1)]
                for k in range(n_out):
                    x[k, r] = row[k]
                for k in range(wish.shape[0]):
                    wish[k, r] = wanted[i // block, k, i % block]
                right[r] = labels[i // block, i % block]
            if between.size:
                some = scores[start : start + count]
                leads_of(some, right, between, speed, close, leads[t, at : at + count])
            for m in range(kinds.size):
                losses(
                    kinds[m], scales[m], head, close, threshold,
                    x, n_out, wish, right, found, work, spare, whole, spare64, whole64,
                )  # fmt: skip
                for r in range(count):
                    i = index[start + r]
                    old, new = before[i // block, m, i % block], found[r]
                    after[t, m, at + r] = new
                    sums[m] += new - old
                    unseen[m] += old
                    moved[m] += new + old
                    if kinds[m] >= MISTAKES:
                        unsure[m] += (1 if new == 0.5 else 0) - (1 if old == 0.5 else 0)
            if bounded >= 0:
                for r in range(count):
                    unseen[bounded] -= lower[t, index[start + r]]


@jit
def run_trial(
    t: int, first: int, most: int, held: Any, places: Any, shifts: Any,
    speeds: Any, present: Any, factor: float, budget: Any,
    counts: Any, waiting: Any, done: Any, sums: Any, unseen: Any, moved: Any, unsure: Any, many: int,
    gone: Any, taken: Any, lower: Any, bounded: int, rows: Any,
    entry: Any, stages: Any, flat: Any, codes: Any, settings: Any, operands: Any, one: Any, other: Any,
    kinds: Any, scales: Any, head: int, n_out: int, close: Any, threshold: float,
    wanted: Any, labels: Any, between: Any, speed: float, before: Any, integers: Any, after: Any, leads: Any,
) -> bool:  # fmt: skip
    """Run trial `t` on so many of its rows at `most`, or until some error is too large; say if one is.

    If `counts[t]` is negative its drop is picked first, unless `places[t]` is negative, see `pick`, and its
    rows are chosen, see `select`; `done[t]` of them have been run.
    `first` rows are run at once, then ever more. Those from `waiting[t]` on are sifted before they are run.
    The other arguments are those of `run_rows`.
    """
    index, drop = rows[t], gone[t]
    if counts[t] < 0:
        if places[t] >= 0:
            blocks = gone.reshape(places.size, before.shape[0], before.shape[2])
            pick(0, before.shape[0], held, places[t : t + 1], shifts[t : t + 1], blocks[t : t + 1])
        counts[t] = select(
            t, gone, speeds, present, before, lower, bounded, entry, taken, factor, unseen, rows
        )
        waiting[t] = 0 if factor else counts[t]
        if counts[t] > first and (bounded >= 0 or between.size):
            put_first(index[: counts[t]], drop, present, before, bounded)
    last = done[t] + most
    while True:
        for m in range(kinds.size):
            if sums[m] + unseen[m] - 0.5 * unsure[m] > budget[m]:
                return True
        at = done[t]
        end = min(at + min(max(first, at), many), last)
        if waiting[t] < counts[t]:
            # Most are given up on the first rows.
            enough = first if at == 0 and most >= first else counts[t]
            ready, waiting[t] = _sift(
                index, at, waiting[t], counts[t], enough, drop, taken[t], entry, present, factor
            )
            if waiting[t] == counts[t]:
                counts[t] = waiting[t] = ready
        else:
            ready = counts[t]
        end = min(end, ready)
        if end <= at:
            return False
        run_rows(
            t, at, end, sums, unseen, moved, unsure, many, gone, taken, lower, bounded, rows,
            entry, stages, flat, codes, settings, operands, one, other,
            kinds, scales, head, n_out, close, threshold, wanted, labels, between, speed, before, integers,
            after, leads,
        )  # fmt: skip
        done[t] = end
