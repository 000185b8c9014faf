"""The float64 side of a chain: what decides where rounding could, rows in their own order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.compensation import Moments
from pruner_gui.evaluation.evaluator import Objective
from pruner_gui.evaluation.products import Products
from pruner_gui.evaluation.program import Array, Chain, Measure, Program
from pruner_gui.evaluation.threads import Spare, as_done, in_parallel, summed
from pruner_gui.network import Activation, FloatArray, IndexArray, Op

CHUNK = 2048  # rows at a time at most
_SPARSE = 0.25  # of the inputs that are not zero, below which it pays to look for them
_APART = 32  # rows of which one is looked at for that
_WAVE = 1 << 28  # multiply-adds of a thread between two reports
_NONE = np.zeros((0, 0))
_INTEGERS = np.zeros(0, np.int64)  # as wide as the floats
_KEPT = 0.7  # of the rows, for whose activations in a later layer there is memory
_LEAST, _CACHED = 256, 1 << 18  # rows at a time at least; numbers that stay in a core's cache


class ExactChain:
    """A chain with its weights of now, and the first layer's activations on all rows.

    `weights` and `biases` are float64, and those of the layers as they are, like `afters`, the operations
    behind each; `units` are the original indices that each layer still has. `whole` as long as none was
    removed: then the `losses` that `prepare` leaves are those of now. `first` `(n_samples, units)`
    keeps a column for every unit that the layer had. With `keeps` a later layer's activations may be kept as
    well, while it is taken up.
    """

    def __init__(self, objective: Objective, chain: Chain, threads: int) -> None:
        self.chain = chain
        self.weights: list[FloatArray] = [stage.dense.weight.astype(np.float64) for stage in chain.stages]
        self.biases: list[FloatArray] = [stage.dense.bias.astype(np.float64) for stage in chain.stages]
        self._affine = np.vstack((self.weights[0], self.biases[0]))  # the first layer's, for a column of ones
        # Units of the first layer that read some input, and the weights of these, as they are.
        self._reading = np.flatnonzero(self.weights[0].any(axis=0))
        self._narrow = np.ascontiguousarray(chain.stages[0].dense.weight[:, self._reading])
        self.units = [stage.units for stage in chain.stages]
        self.afters = [stage.after for stage in chain.stages]
        self.first: FloatArray = np.zeros((0, 0))
        self.losses: FloatArray = np.zeros((0, 0))
        self.hardness: FloatArray = np.zeros(0)
        self.products: Products | None = None
        measure = Measure.of(objective.metrics, objective.targets)
        self.only_squares = measure.only_squares and not chain.stages[-1].after
        self._first_units = self.units[0]
        self._first_left = np.ones(len(self._first_units), bool)
        self._objective, self._threads = objective, threads
        self._count = len(objective.inputs)
        widest = max(weight.shape[1] for weight in self.weights)
        self._step = min(CHUNK, max(_LEAST, min(_CACHED // widest, -(-self._count // threads))))
        self._counts = bool(measure.counts[0])
        self._spare = Spare()
        self.whole = True
        self.keeps = False
        self._held: FloatArray = _NONE
        self.begin(0)

    def prepare(self) -> Iterator[float]:
        """Run the whole chain once; yield the share that is done.

        Leaves the losses `(n_metrics, n_samples)` and the hardness of every row.
        """
        self.losses = np.empty((len(self._objective.metrics), self._count))
        self.hardness = np.empty(self._count)
        units, outputs = self.weights[1].shape
        self.products = None
        if self.only_squares and len(self.weights) == 2:  # then a run needs nothing else of the rows
            self.products = Products(units, outputs)
            self._program = Program.of(self.afters[:1], (), (), units, np.float64)
        else:
            self.first = np.empty((self._count, units))
        chunks = self.chunks()
        macs = sum(weight.size for weight in self.weights) + (units**2 if self.products is not None else 0)
        every = max(1, _WAVE // (macs * self._step))
        for i, _ in enumerate(as_done(self._prepare, chunks, self._threads), 1):
            if i % every == 0:
                yield min(1.0, self._threads * i / len(chunks))
        self._spare = Spare()  # the inputs' part of it is large, and done with
        yield 1.0

    def _prepare(self, part: slice) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            if self.products is not None and not self._is_sparse(part):
                scores = self._run(part, self.products)
            else:
                held = self._start(part, self.first[part] if self.first.size else None)
                if self.first.size and held.base is not self.first:
                    self.first[part] = held
                scores = self._rest(0, held, self.weights[1], self.biases[1])
                if self.products is not None:
                    self.products.add(held, scores - self._objective.targets.values[part])
            found = self._objective.losses(scores, part)
        self.losses[:, part] = found
        self.hardness[part] = self._hardness(scores, found[0], part)

    def _run(self, part: slice, products: Products) -> FloatArray:
        """Return the scores of a network of one hidden layer for some rows, whose products it adds up."""
        inputs = np.ascontiguousarray(self._objective.inputs[part], np.float64)
        for op in self.chain.before:
            inputs = np.ascontiguousarray(op.forward(inputs))
        wanted = np.ascontiguousarray(self._objective.targets.values[part], np.float64)
        program, rough, scores = self._program, products.rough(len(inputs)), np.empty_like(wanted)
        kernels.one_hidden_layer(
            inputs, self._affine, program.codes, program.settings, program.operands, _INTEGERS,
            np.ascontiguousarray(self.weights[1].T), self.biases[1], wanted,
            rough, scores, products.sums()[1],
        )  # fmt: skip
        products.multiply(rough)
        return scores

    def _start(self, part: slice, out: FloatArray | None = None) -> FloatArray:
        """Return the first layer's activations for some rows, by its first weights; in `out` if it can."""
        inputs, dense = self._objective.inputs[part], self.chain.stages[0].dense
        if out is None:
            out = self._spare.of("first", (len(inputs), dense.bias.size))
        if self._is_sparse(part):
            kernels.sparse_dense(inputs, self._narrow, self._reading, dense.bias, out)
            return applied(self.afters[0], out)
        values: FloatArray = self._spare.of("inputs", (len(inputs), inputs.shape[1] + 1))
        values[:, :-1] = inputs
        for op in self.chain.before:
            values[:, :-1] = op.forward(values[:, :-1])
        values[:, -1] = 1
        values = np.matmul(values, self._affine, out=out)
        return applied(self.afters[0], values)

    def _is_sparse(self, part: slice) -> bool:
        """Say whether most of some rows' inputs are zero."""
        some = self._objective.inputs[part][::_APART]  # counting holds up all threads
        return not self.chain.before and bool(np.count_nonzero(some) < _SPARSE * some.size)

    def _hardness(self, scores: FloatArray, found: FloatArray, part: slice) -> FloatArray:
        """Return how much of the first error each row is likely to make up, whatever is removed."""
        targets = self._objective.targets.take(part)
        if not self._counts or targets.labels is None:
            return found
        if scores.shape[1] == 1:
            return 2 * found - np.abs(targets.outputs(scores)[:, 0] - targets.threshold)
        every = np.arange(len(scores))
        others = scores.copy()
        others[every, targets.labels] = -np.inf
        hard: FloatArray = others.max(axis=1) - scores[every, targets.labels]
        return hard

    def chunks(self) -> list[slice]:
        """Return the rows cut into chunks."""
        step = self._step
        return [slice(i, min(i + step, self._count)) for i in range(0, self._count, step)]

    def _rest(self, index: int, values: FloatArray, outgoing: FloatArray, bias: FloatArray) -> FloatArray:
        """Return the scores for activations of hidden layer `index`, the next layer having these weights."""
        for i in range(index + 1, len(self.weights)):
            now = (outgoing, bias) if i == index + 1 else (self.weights[i], self.biases[i])
            values = self._product(i, values, *now)
            values = applied(self.afters[i], values)
        return values

    def _product(self, i: int, values: FloatArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
        """Return what layer `i` makes of its inputs; that of a hidden one is void after the next call."""
        out = self._spare.of(f"rest {i % 2}", (len(values), bias.size)) if i + 1 < len(self.weights) else None
        out = np.matmul(values, weight, out=out)
        out += bias
        return out

    # -- one hidden layer

    def begin(self, index: int) -> None:
        """Take up a hidden layer: what is asked of it from now on has all the units it has now."""
        self._begun = self.weights[index], self.biases[index], self.afters[index]
        self._held = _NONE

    def removed(self, index: int, units: Sequence[int], outgoing: FloatArray, bias: FloatArray) -> None:
        """Take units out of a hidden layer; the next layer has these weights and this bias from then on."""
        self.whole = False
        gone = set(units)
        kept = np.array([unit not in gone for unit in self.units[index].tolist()])
        self.units[index] = self.units[index][kept]
        if not index:
            self._first_left[self._first_left] = kept
        if index:  # what is in front of the first hidden layer is not run again
            self.weights[index] = self.weights[index][:, kept]
            self.biases[index] = self.biases[index][kept]
            left = np.flatnonzero(kept)
            self.afters[index] = tuple(op.keep_in(0, left) for op in self.afters[index])
        self.weights[index + 1], self.biases[index + 1] = outgoing, bias

    def outgoing(self, index: int) -> FloatArray:
        """Return the weights that read what `activations(index)` gives, zero for units that are gone."""
        return self.weights[index + 1] if index else self._for_first(self.weights[1])

    def _for_first(self, weight: FloatArray) -> FloatArray:
        full: FloatArray = np.zeros((len(self._first_units), weight.shape[1]))
        full[self._first_left] = weight
        return full

    def columns(self, index: int) -> IndexArray:
        """Return the original indices of the units that `activations(index)` has columns for."""
        return self.units[index] if index else self._first_units

    def activations(self, index: int, part: slice) -> FloatArray:
        """Return some rows' activations in a hidden layer, void after the next call."""
        if not self.first.size:
            return self._start(part)
        if part.stop <= len(self._held):
            return self._held[part]
        return self._up_to(index, self.first[part])

    def _up_to(self, index: int, values: FloatArray) -> FloatArray:
        """Return the activations of a hidden layer for some of the first, void after the next call."""
        if index:
            values = self._columns(values, np.flatnonzero(self._first_left))
        for i in range(1, index + 1):
            now = self.weights[i], self.biases[i], self.afters[i]
            weight, bias, after = self._begun if i == index else now
            values = applied(after, self._product(i, values, weight, bias))
        return values

    def _columns(self, values: FloatArray, used: IndexArray) -> FloatArray:
        """Return some columns of activations, void after the next call."""
        if used.size == values.shape[1]:
            return values
        out: FloatArray = self._spare.of("columns", (len(values), used.size))
        return np.take(values, used, axis=1, out=out, mode="clip")  # other modes copy once more

    def products_of(self, index: int) -> Products:
        """Return the sums of products of the last hidden layer's activations and the residuals of now."""
        if self.products is not None:
            products, self.products = self.products, None
            return products
        outgoing, bias, wanted = self.outgoing(index), self.biases[-1], self._objective.targets.values
        products = Products(*outgoing.shape)

        def add(part: slice) -> None:
            values = self.activations(index, part)
            products.add(values, values @ outgoing + bias - wanted[part])

        in_parallel(add, self.chunks(), self._threads)
        return products

    def moments(self, index: int) -> Moments:
        """Return means and covariance of a hidden layer's activations."""

        def of(part: slice) -> tuple[FloatArray, ...]:
            values = self.activations(index, part)
            return values.sum(axis=0), values.T @ values

        return Moments.of(self._count, *summed(of, self.chunks(), self._threads))

    def sums(self, index: int, outgoing: FloatArray, bias: FloatArray) -> FloatArray:
        """Return the sums of losses with these weights behind a hidden layer."""

        used = np.flatnonzero(outgoing.any(axis=1))

        def of(part: slice) -> tuple[FloatArray, ...]:
            with np.errstate(over="ignore", invalid="ignore"):
                values = self._columns(self.activations(index, part), used)
                scores = self._rest(index, values, outgoing[used], bias)
            return (np.array([loss.sum() for loss in self._objective.losses(scores, part)]),)

        if index and self.keeps and not self._held.size:
            self._hold(index)
        (total,) = summed(of, self.chunks(), self._threads)
        return total

    def _hold(self, index: int) -> None:
        """Keep the layer's activations, as far as there is memory: close decisions come in swarms."""
        held: FloatArray = np.empty((int(_KEPT * self._count), len(self._begun[1])))

        def fill(part: slice) -> None:
            held[part] = self.activations(index, part)

        in_parallel(fill, [part for part in self.chunks() if part.stop <= len(held)], self._threads)
        self._held = held

    def sample(self, index: int, rows: IndexArray) -> tuple[FloatArray, FloatArray, Array]:
        """Return some rows' activations in a hidden layer, `(n_rows, units)`, their scores and losses."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = self._up_to(index, self.first[rows]).copy()
            scores = self._rest(index, values, self.outgoing(index), self.biases[index + 1])
        return values, scores, np.array(self._objective.losses(scores, rows))


def applied(ops: tuple[Op, ...], values: FloatArray) -> FloatArray:
    """Return `values` `(n_rows, units)`, which may be overwritten, after elementwise operations."""
    for op in ops:
        kind = op.kind if isinstance(op, Activation) else ""
        if kind == "relu":
            np.maximum(values, 0, out=values)
        elif kind == "tanh":
            np.tanh(values, out=values)
        else:
            values = op.forward(values)
    return values
