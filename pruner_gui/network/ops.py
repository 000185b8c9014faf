"""The operations a network is made of.

Every operation knows its shape, its forward pass and how to lose units: `keep_out` and `keep_in` return a
new operation with only the given positions on that side. Values are batches of rows `(n_samples, units)`.
Operations never change: their arrays are read-only, and equality is identity.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.errors import PrunerError

FloatArray = npt.NDArray[np.floating[Any]]
IndexArray = npt.NDArray[np.intp]


@dataclass
class ShapeMismatch(PrunerError):
    """Two sizes inside a network do not go together."""

    where: str
    expected: int
    found: int


def frozen(values: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """Return a read-only, contiguous array that nobody else can write to."""
    array = np.array(values, dtype=dtype, order="C")
    array.setflags(write=False)
    return array


def _is_frozen(array: npt.NDArray[Any]) -> bool:
    """Whether nobody can write to an array: it is read-only, and a view of nothing that is not."""
    return not array.flags.writeable and array.flags.c_contiguous and array.base is None


def frozen_floats(values: npt.ArrayLike) -> FloatArray:
    """Return a read-only float array: float32 stays, anything else becomes float64."""
    array = np.asarray(values)
    if array.dtype in (np.float32, np.float64) and _is_frozen(array):
        return array
    return frozen(array, np.float32 if array.dtype in (np.float16, np.float32) else np.float64)


def _taken(values: FloatArray, index: IndexArray, axis: int) -> FloatArray:
    """Return a part of an array, read-only and its own, copied once."""
    part: FloatArray = np.take(values, index, axis=axis)
    part.setflags(write=False)
    return part


class UnitFlow(enum.Enum):
    """How the units of an operation's output follow from those of its inputs."""

    CREATES = enum.auto()  # new units (a dense layer)
    KEEPS = enum.auto()  # one to one (a sigmoid)
    MIXES = enum.auto()  # one to one, but each output depends on every input (softmax): none may go
    JOINS = enum.auto()  # inputs side by side (concatenation)
    COUPLES = enum.auto()  # several inputs one to one (addition): what goes, goes from all


class Op(abc.ABC):
    """One operation. Stateless but for its read-only parameters."""

    flow: UnitFlow

    @abc.abstractmethod
    def size(self, *inputs: int) -> int:
        """Return the number of output units for inputs of these sizes.

        Raises:
            ShapeMismatch: the inputs do not fit the parameters.
        """

    @abc.abstractmethod
    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return the output rows `(n_samples, size)` for input rows."""

    def keep_out(self, index: IndexArray) -> Op:
        """Return the operation with only these output positions, in this order."""
        return self

    def keep_in(self, slot: int, index: IndexArray) -> Op:
        """Return the operation reading only these positions of input number `slot`."""
        return self

    @property
    def parameters(self) -> int:
        """Number of stored parameters."""
        return sum(array.size for array in self.tensors().values())

    def tensors(self) -> dict[str, FloatArray]:
        """The parameter arrays by name."""
        return {}


@dataclass(frozen=True, eq=False)
class Input(Op):
    """Where the rows come in: `units` features each."""

    units: int
    flow = UnitFlow.CREATES

    def size(self, *inputs: int) -> int:
        """Return the number of features."""
        return self.units

    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return the rows unchanged."""
        return inputs[0]


@dataclass(frozen=True, eq=False)
class Dense(Op):
    """A fully connected layer: `x @ weight + bias`.

    `weight` has shape `(n_in, n_out)`, `bias` has shape `(n_out,)`.
    """

    weight: FloatArray
    bias: FloatArray
    flow = UnitFlow.CREATES

    def __post_init__(self) -> None:
        weight, bias = frozen_floats(self.weight), frozen_floats(self.bias)
        if weight.ndim != 2:
            raise ShapeMismatch("weight dimensions", 2, weight.ndim)
        if bias.shape != weight.shape[1:]:
            raise ShapeMismatch("bias", weight.shape[1], bias.size)
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    def size(self, *inputs: int) -> int:
        """Return `n_out`."""
        if inputs != (self.weight.shape[0],):
            raise ShapeMismatch("weight", self.weight.shape[0], inputs[0] if inputs else 0)
        return int(self.weight.shape[1])

    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return `x @ weight + bias`."""
        out: FloatArray = inputs[0] @ self.weight
        out += self.bias
        return out

    def keep_out(self, index: IndexArray) -> Dense:
        """Keep only these neurons."""
        return Dense(_taken(self.weight, index, 1), _taken(self.bias, index, 0))

    def keep_in(self, slot: int, index: IndexArray) -> Dense:
        """Keep only the connections from these inputs."""
        return Dense(_taken(self.weight, index, 0), self.bias)

    def tensors(self) -> dict[str, FloatArray]:
        """Weight and bias."""
        return {"weight": self.weight, "bias": self.bias}


@dataclass(frozen=True, eq=False)
class ActivationKind:
    """A row of the table of activation functions."""

    name: str
    apply: Callable[..., FloatArray]
    defaults: dict[str, float] = field(default_factory=dict)
    mixes: bool = False


def _sigmoid(x: FloatArray) -> FloatArray:
    # exp of a non-positive number only, so that nothing overflows
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _softmax(x: FloatArray) -> FloatArray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def _log_softmax(x: FloatArray) -> FloatArray:
    shifted = x - x.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _competitive(x: FloatArray, winners: float) -> FloatArray:
    """The largest values of a row (of equals the first), divided by their sum; zero for the others."""
    count = int(np.clip(winners, 1, x.shape[1]))
    best = np.argsort(-x, axis=1, kind="stable")[:, :count]
    largest = np.take_along_axis(x, best, axis=1)
    shares = largest / largest.sum(axis=1, keepdims=True) if count > 1 else np.ones_like(largest)
    out: FloatArray = np.zeros_like(x)
    np.put_along_axis(out, best, shares, axis=1)
    return out


def _softplus(x: FloatArray) -> FloatArray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _exp_negative(x: FloatArray) -> FloatArray:
    return np.expm1(np.minimum(x, 0))


def _gelu(x: FloatArray) -> FloatArray:
    return 0.5 * x * (1 + _erf(x / np.sqrt(np.array(2, x.dtype))))


def _gelu_tanh(x: FloatArray) -> FloatArray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x * x * x)))


def _erf(x: FloatArray) -> FloatArray:
    """Error function, to double precision (numpy has none).

    Taylor series below 2.5 and the continued fraction of erfc above; both from Abramowitz and Stegun,
    Handbook of Mathematical Functions, 7.1.6 and 7.1.14.
    """
    a = np.minimum(np.abs(np.asarray(x, np.float64)), 6.0)
    square = a * a
    term = series = np.ones_like(a)
    for n in range(1, 40):
        term = term * (2 * square / (2 * n + 1))
        series = series + term
    small = 2 / np.sqrt(np.pi) * a * np.exp(-square) * series
    fraction = a
    for n in range(60, 0, -1):
        fraction = a + n / 2 / np.maximum(fraction, 1e-30)
    large = 1 - np.exp(-square) / np.sqrt(np.pi) / np.maximum(fraction, 1e-30)
    return np.copysign(np.where(a < 2.5, small, large), x).astype(x.dtype)


# SELU's constants: Klambauer et al., Self-Normalizing Neural Networks, 2017.
_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}

ACTIVATIONS = {
    kind.name: kind
    for kind in (
        ActivationKind("linear", lambda x: x),
        ActivationKind("relu", lambda x: np.maximum(x, 0)),
        ActivationKind("leaky_relu", lambda x, alpha: np.where(x >= 0, x, alpha * x), {"alpha": 0.01}),
        ActivationKind("elu", lambda x, alpha: np.where(x >= 0, x, alpha * _exp_negative(x)), {"alpha": 1.0}),
        ActivationKind(
            "selu", lambda x, alpha, gamma: gamma * np.where(x >= 0, x, alpha * _exp_negative(x)), _SELU
        ),
        ActivationKind("gelu", _gelu),
        ActivationKind("gelu_tanh", _gelu_tanh),
        ActivationKind("sigmoid", _sigmoid),
        ActivationKind("tanh", np.tanh),
        ActivationKind("softplus", _softplus),
        ActivationKind("softsign", lambda x: x / (1 + np.abs(x))),
        ActivationKind(
            "hard_sigmoid",
            lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
            {"alpha": 0.2, "beta": 0.5},
        ),
        ActivationKind("clip", lambda x, low, high: np.clip(x, low, high), {"low": 0.0, "high": 6.0}),
        ActivationKind("thresholded_relu", lambda x, theta: np.where(x > theta, x, 0), {"theta": 1.0}),
        ActivationKind("swish", lambda x: x * _sigmoid(x)),
        ActivationKind("hard_swish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
        ActivationKind("mish", lambda x: x * np.tanh(_softplus(x))),
        ActivationKind("exponential", np.exp),
        ActivationKind("sin", np.sin),
        ActivationKind("symmetric_log", lambda x: np.copysign(np.log1p(np.abs(x)), x)),
        ActivationKind(
            "gaussian",
            lambda x, centre, peak, width: peak * np.exp(-0.5 * ((x - centre) / width) ** 2),
            {"centre": 0.0, "peak": 1.0, "width": 1.0},
        ),
        ActivationKind(
            "step",
            lambda x, centre, low, high: np.where(x >= centre, x.dtype.type(high), x.dtype.type(low)),
            {"centre": 0.0, "low": 0.0, "high": 1.0},
        ),
        ActivationKind(
            "ramp",
            lambda x, slope, lower, upper, low, high: np.select(
                [x < lower, x > upper], [x.dtype.type(low), x.dtype.type(high)], slope * x
            ),
            {"slope": 1.0, "lower": 0.0, "upper": 1.0, "low": 0.0, "high": 1.0},
        ),
        ActivationKind("softmax", _softmax, mixes=True),
        ActivationKind("log_softmax", _log_softmax, mixes=True),
        ActivationKind("competitive", _competitive, {"winners": 1.0}, mixes=True),
    )
}


@dataclass(frozen=True, eq=False)
class Activation(Op):
    """An activation function of `ACTIVATIONS`; missing parameters take the table's defaults."""

    kind: str
    settings: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        defaults = ACTIVATIONS[self.kind].defaults
        object.__setattr__(self, "settings", {k: self.settings.get(k, v) for k, v in defaults.items()})

    @property
    def flow(self) -> UnitFlow:  # type: ignore[override]
        """Softmax mixes its units, every other function keeps them apart."""
        return UnitFlow.MIXES if ACTIVATIONS[self.kind].mixes else UnitFlow.KEEPS

    def size(self, *inputs: int) -> int:
        """Return the input's size."""
        return inputs[0]

    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return the function of every value (softmax: of every row)."""
        return ACTIVATIONS[self.kind].apply(inputs[0], **self.settings)


_OPERATORS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
}


@dataclass(frozen=True, eq=False)
class Arithmetic(Op):
    """Add, subtract, multiply or divide by one constant a unit: input normalisation, mostly.

    `operand` has shape `(units,)`.
    """

    operator: str
    operand: FloatArray
    flow = UnitFlow.KEEPS

    def __post_init__(self) -> None:
        if self.operator not in _OPERATORS:
            raise ValueError(self.operator)
        object.__setattr__(self, "operand", frozen_floats(self.operand))

    def size(self, *inputs: int) -> int:
        """Return the input's size."""
        if inputs != self.operand.shape:
            raise ShapeMismatch(self.operator, self.operand.size, inputs[0] if inputs else 0)
        return inputs[0]

    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return `x operator operand`."""
        return _OPERATORS[self.operator](inputs[0], self.operand)

    def keep_in(self, slot: int, index: IndexArray) -> Arithmetic:
        """Keep the constants of these units."""
        return replace(self, operand=self.operand[index])

    def tensors(self) -> dict[str, FloatArray]:
        """The constants."""
        return {"operand": self.operand}


@dataclass(frozen=True, eq=False)
class BatchNorm(Op):
    """Batch normalisation as it works once trained: `x * factor + offset`, one pair a unit.

    `scale`, `shift`, `mean` and `variance` have shape `(units,)`; `factor` is `scale / sqrt(variance +
    epsilon)` and `offset` is `shift - mean * factor` (Ioffe and Szegedy, 2015, algorithm 2).
    """

    scale: FloatArray
    shift: FloatArray
    mean: FloatArray
    variance: FloatArray
    epsilon: float = 1e-5
    flow = UnitFlow.KEEPS

    def __post_init__(self) -> None:
        for name in ("scale", "shift", "mean", "variance"):
            values = frozen_floats(getattr(self, name))
            if values.shape != np.shape(self.scale):
                raise ShapeMismatch(name, np.size(self.scale), values.size)
            object.__setattr__(self, name, values)

    @cached_property
    def factor(self) -> FloatArray:
        """What a unit is multiplied by, in float64."""
        deviation = np.sqrt(self.variance.astype(np.float64) + self.epsilon)
        return np.asarray(self.scale / deviation, np.float64)

    @cached_property
    def offset(self) -> FloatArray:
        """What is added to a unit then, in float64."""
        return np.asarray(self.shift - self.mean * self.factor, np.float64)

    def size(self, *inputs: int) -> int:
        """Return the input's size."""
        if inputs != self.scale.shape:
            raise ShapeMismatch("batch normalisation", self.scale.size, inputs[0] if inputs else 0)
        return inputs[0]

    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return `x * factor + offset`."""
        dtype = np.result_type(inputs[0], self.scale)
        out: FloatArray = inputs[0] * self.factor.astype(dtype)
        out += self.offset.astype(dtype)
        return out

    def keep_in(self, slot: int, index: IndexArray) -> BatchNorm:
        """Keep the constants of these units."""
        scale, shift, mean, variance = (values[index] for values in self.tensors().values())
        return BatchNorm(scale, shift, mean, variance, self.epsilon)

    def tensors(self) -> dict[str, FloatArray]:
        """Scale, shift, mean and variance."""
        return {name: getattr(self, name) for name in ("scale", "shift", "mean", "variance")}


@dataclass(frozen=True, eq=False)
class Add(Op):
    """The sum of two or more inputs of the same size (a skip connection)."""

    flow = UnitFlow.COUPLES

    def size(self, *inputs: int) -> int:
        """Return the common size."""
        for other in inputs[1:]:
            if other != inputs[0]:
                raise ShapeMismatch("add", inputs[0], other)
        return inputs[0]

    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return the sum."""
        total = inputs[0]
        for other in inputs[1:]:
            total = total + other
        return total


@dataclass(frozen=True, eq=False)
class Concat(Op):
    """The inputs side by side."""

    flow = UnitFlow.JOINS

    def size(self, *inputs: int) -> int:
        """Return the sum of the sizes."""
        return sum(inputs)

    def forward(self, *inputs: FloatArray) -> FloatArray:
        """Return the inputs side by side."""
        return np.concatenate(inputs, axis=1)


def join_units(op: Op, inputs: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Carry one value a unit through an operation that makes no units of its own."""
    return np.concatenate(inputs) if op.flow is UnitFlow.JOINS else inputs[0]
