"""Networks as the simple formats see them: layers one after the other, each with one named function.

What a format has no word for is folded where it can be: a factor in front of a function goes into the layer's
own weights, one behind it into the next layer's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from pruner_gui import limits
from pruner_gui.formats.errors import NotExpressible
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Arithmetic,
    BatchNorm,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
    Op,
    Origin,
)

MAX_NODES = 10_000


class TooManyNodes(Exception):
    """A file asks for more operations (`found`) than `limit`."""

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(found, limit)
        self.found, self.limit = found, limit


_BELL = Activation("gaussian", {"width": float(np.sqrt(0.5))})  # exp(-x^2)

Word = TypeVar("Word")


@dataclass(frozen=True)
class Function:
    """A layer's function: `factor * kind(slope * x + phase) + offset`, `kind` being one of `ACTIVATIONS`."""

    kind: str = "linear"
    settings: Mapping[str, float] = field(default_factory=dict)
    slope: float = 1.0
    phase: float = 0.0
    factor: float = 1.0
    offset: float = 0.0

    def ops(self, units: int, dtype: npt.DTypeLike) -> list[tuple[str, Op]]:
        """Return the operations that make it, each with what its name ends in."""
        parts: list[tuple[str, float | None, float]] = [
            ("mul", self.slope, 1),
            ("add", self.phase, 0),
            (self.kind, None, 0),
            ("mul", self.factor, 1),
            ("add", self.offset, 0),
        ]
        return [
            (name, Activation(name, dict(self.settings)))
            if value is None
            else (name, Arithmetic(name, np.full(units, value, dtype)))
            for name, value, idle in parts
            if (name != "linear" if value is None else value != idle)
        ]


@dataclass(frozen=True)
class Layer(Generic[Word]):
    """A dense layer in float64, `weight` `(n_in, n_out)`, and the word that a format has for its function."""

    name: str
    weight: FloatArray
    bias: FloatArray
    word: Word


class Builder:
    """Makes a network of layers, node after node.

    Raises:
        TooManyNodes: more than anybody could look at.
    """

    def __init__(self, n_inputs: int) -> None:
        self.nodes = [Node("input", Input(n_inputs))]
        self._names = {"input"}

    @property
    def last(self) -> str:
        """Name of the newest node."""
        return self.nodes[-1].name

    def add(self, name: str, op: Op, *inputs: str) -> None:
        """Add an operation that reads these nodes, or else the newest; a number makes its name its own."""
        if len(self.nodes) >= limits.scaled(MAX_NODES):
            raise TooManyNodes(len(self.nodes) + 1, limits.scaled(MAX_NODES))
        endings = itertools.chain([""], itertools.count(2))
        free = next(free for ending in endings if (free := f"{name}{ending}") not in self._names)
        self._names.add(free)
        self.nodes.append(Node(free, op, inputs or (self.last,)))

    def arithmetic(self, steps: Iterable[tuple[str, FloatArray]]) -> None:
        """Add operations with one constant a unit, named for what they read."""
        for operator, operand in steps:
            self.add(f"{self.last}.{operator}", Arithmetic(operator, operand))

    def layer(self, name: str, dense: Dense, function: Function, *inputs: str) -> None:
        """Add a dense layer and its function."""
        self.add(name, dense, *inputs)
        for ending, op in function.ops(dense.bias.size, dense.bias.dtype):
            self.add(f"{name}.{ending}", op)

    def network(self, origin: Origin) -> Network:
        """Return the network that ends in the newest node."""
        return Network(tuple(self.nodes), (self.last,), origin)


@dataclass
class _Scaling:
    """`x * factor + offset`, one pair a unit, put together step by step."""

    factor: FloatArray
    offset: FloatArray

    @staticmethod
    def none(units: int) -> _Scaling:
        return _Scaling(np.ones(units), np.zeros(units))

    def by(self, factor: float, offset: float) -> _Scaling:
        return _Scaling(self.factor * factor, self.offset * factor + offset)

    def then(self, op: Op) -> _Scaling:
        match op:
            case BatchNorm():
                return _Scaling(self.factor * op.factor, self.offset * op.factor + op.offset)
            case Arithmetic(operator="add"):
                return _Scaling(self.factor, self.offset + op.operand)
            case Arithmetic(operator="sub"):
                return _Scaling(self.factor, self.offset - op.operand)
            case Arithmetic(operator="mul"):
                return _Scaling(self.factor * op.operand, self.offset * op.operand)
            case Arithmetic():
                return _Scaling(self.factor / op.operand, self.offset / op.operand)
        raise TypeError(op)


@dataclass
class _Step:
    """A dense layer as it stands, with what is done before and after its function."""

    name: str
    weight: FloatArray
    bias: FloatArray
    before: _Scaling
    after: _Scaling
    function: Activation | None = None
    function_name: str = ""

    def take(self, op: Activation, name: str) -> None:
        """Have this function; scaling that is one of its parameters is taken out of it, to be folded."""
        self.function_name = name
        match op.kind, op.settings:
            case "hard_sigmoid", {"alpha": alpha, "beta": beta}:
                self.before = self.before.by(alpha, beta)
                op = Activation("clip", {"low": 0.0, "high": 1.0})
            case "gaussian", {"centre": centre, "peak": peak, "width": width} if width:
                factor = _BELL.settings["width"] / width  # exactly 1 where nothing is to be done
                self.before, self.after = self.before.by(factor, -centre * factor), self.after.by(peak, 0.0)
                op = _BELL
        self.function = op

    def wanted(self) -> Function:
        """The function asked for; NaN stands for what differs from unit to unit."""
        kind = self.function.kind if self.function else "linear"
        settings = self.function.settings if self.function else {}
        parts = (self.before.factor, self.before.offset, self.after.factor, self.after.offset)
        slope, phase, factor, offset = (float(part[0]) if np.ptp(part) == 0 else np.nan for part in parts)
        return Function(kind, settings, slope, phase, factor, offset)


class Chain:
    """A network as a chain: operations on the inputs, dense layers, and operations behind them.

    Raises:
        NotExpressible: it is no chain, or has two functions in a row, or none of the layers.
    """

    def __init__(self, network: Network, format: str) -> None:
        self._format = format
        self.nodes = network.nodes
        for previous, node in zip(self.nodes, self.nodes[1:], strict=False):
            if node.inputs != (previous.name,):
                raise NotExpressible(format, node.name, "chain")
        if not isinstance(self.nodes[0].op, Input) or network.outputs != (self.nodes[-1].name,):
            raise NotExpressible(format, network.outputs[0], "chain")

    def strip_front(self, steps: Sequence[tuple[str, FloatArray]]) -> bool:
        """Take these operations off the inputs, if they are just so there."""
        count = len(steps)
        if not _are(self.nodes[1 : 1 + count], steps):
            return False
        self.nodes = (self.nodes[0], *self.nodes[1 + count :])
        return True

    def strip_back(self, steps: Sequence[tuple[str, FloatArray]]) -> bool:
        """Take these operations off the outputs, if they are just so there."""
        if not _are(self.nodes[len(self.nodes) - len(steps) :], steps):
            return False
        self.nodes = self.nodes[: len(self.nodes) - len(steps)]
        return True

    def layers(self, words: Callable[[Function], Iterable[tuple[Word, Function]]]) -> list[Layer[Word]]:
        """Return the layers in a format's words.

        `words` gives, for the function that a layer wants, words of the same kind with what they mean. The
        one that needs least folding is taken.

        Raises:
            NotExpressible: no word, or scaled outputs that it does not cover.
        """
        scaling, steps = self._steps()
        layers = []
        for step in steps:
            wanted = step.wanted()
            candidates = list(words(wanted))
            if not candidates:
                raise NotExpressible(self._format, step.function_name, "operation")
            word, said = min(candidates, key=lambda candidate: _distance(wanted, candidate[1]))
            weight = scaling.factor[:, None] * step.weight
            bias = step.bias + scaling.offset @ step.weight if scaling.offset.any() else step.bias
            ratio = step.before.factor / said.slope
            shift = (step.before.offset - said.phase) / said.slope
            layers.append(Layer(step.name, weight * ratio, bias * ratio + shift, word))
            factor = step.after.factor / said.factor
            scaling = _Scaling(factor, step.after.offset - factor * said.offset)
        if (scaling.factor != 1).any() or scaling.offset.any():
            raise NotExpressible(self._format, self.nodes[-1].name, "operation")
        return layers

    def _steps(self) -> tuple[_Scaling, list[_Step]]:
        """Return what is done to the inputs, and the layers."""
        front = _Scaling.none(self.nodes[0].units.size)
        steps: list[_Step] = []
        for node in self.nodes[1:]:
            op = node.op
            if isinstance(op, Dense):
                weight, bias = op.weight.astype(np.float64), op.bias.astype(np.float64)
                none = _Scaling.none(bias.size)
                steps.append(_Step(node.name, weight, bias, none, none, None, node.name))
            elif isinstance(op, Arithmetic | BatchNorm):
                if not steps:
                    front = front.then(op)
                elif steps[-1].function is None:
                    steps[-1].before = steps[-1].before.then(op)
                else:
                    steps[-1].after = steps[-1].after.then(op)
            elif not isinstance(op, Activation) or not steps:
                raise NotExpressible(self._format, node.name, "chain")
            elif op.kind != "linear":
                if steps[-1].function is not None:
                    raise NotExpressible(self._format, node.name, "chain")
                steps[-1].take(op, node.name)
        if not steps:
            raise NotExpressible(self._format, self.nodes[-1].name, "chain")
        return front, steps


def _are(nodes: Sequence[Node], steps: Sequence[tuple[str, FloatArray]]) -> bool:
    return len(nodes) == len(steps) and all(
        isinstance(node.op, Arithmetic)
        and node.op.operator == operator
        and np.array_equal(node.op.operand, operand)
        for node, (operator, operand) in zip(nodes, steps, strict=True)
    )


def _distance(wanted: Function, said: Function) -> tuple[bool, bool]:
    """How far a word is from what is wanted: behind the function first, since the last layer cannot fold."""
    behind = (wanted.factor, wanted.offset) != (said.factor, said.offset)
    return behind, (wanted.slope, wanted.phase) != (said.slope, said.phase)


def same(wanted: Function, said: Function) -> bool:
    """Whether two functions differ in nothing but what can be folded."""
    defaults = ACTIVATIONS[said.kind].defaults
    return wanted.kind == said.kind and {**defaults, **wanted.settings} == {**defaults, **said.settings}


def as_wanted(
    wanted: Function, phase: float = np.nan, factor: float = np.nan, offset: float = np.nan
) -> Function:
    """Return the wanted function, with these parts where they are given; what cannot be is left to be folded.

    That is what differs from unit to unit, and a slope or factor of zero.
    """
    return replace(
        wanted,
        slope=_usable(1.0, wanted.slope) or 1.0,
        phase=_usable(0.0, phase, wanted.phase),
        factor=_usable(1.0, factor, wanted.factor) or 1.0,
        offset=_usable(0.0, offset, wanted.offset),
    )


def _usable(idle: float, *values: float) -> float:
    return next((value for value in values if np.isfinite(value)), idle)
