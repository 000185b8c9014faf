"""A chain of dense layers, and what the compiled loops need to run its rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.evaluator import scores_name
from pruner_gui.evaluation.metrics import Targets
from pruner_gui.network import (
    Activation,
    Arithmetic,
    BatchNorm,
    Dense,
    FloatArray,
    IndexArray,
    Input,
    Network,
    Op,
)

Array = npt.NDArray[Any]

_ACTIVATIONS = {
    "relu": (kernels.RELU, ()),
    "leaky_relu": (kernels.LEAKY_RELU, ("alpha",)),
    "elu": (kernels.ELU, ("alpha",)),
    "selu": (kernels.SELU, ("alpha", "gamma")),
    "gelu": (kernels.GELU, ()),
    "gelu_tanh": (kernels.GELU_TANH, ()),
    "sigmoid": (kernels.SIGMOID, ()),
    "tanh": (kernels.TANH, ()),
    "softplus": (kernels.SOFTPLUS, ()),
    "softsign": (kernels.SOFTSIGN, ()),
    "hard_sigmoid": (kernels.HARD_SIGMOID, ("alpha", "beta")),
    "clip": (kernels.CLIP, ("low", "high")),
    "thresholded_relu": (kernels.THRESHOLDED_RELU, ("theta",)),
    "swish": (kernels.SWISH, ()),
    "hard_swish": (kernels.HARD_SWISH, ()),
    "mish": (kernels.MISH, ()),
    "exponential": (kernels.EXPONENTIAL, ()),
    "sin": (kernels.SIN, ()),
    "symmetric_log": (kernels.SYMMETRIC_LOG, ()),
    "gaussian": (kernels.GAUSSIAN, ("centre", "peak", "width")),
    "step": (kernels.STEP, ("centre", "low", "high")),
}
_JUMPS = ("thresholded_relu", "step")
_ARITHMETIC = {"add": kernels.ADD, "sub": kernels.SUB, "mul": kernels.MUL, "div": kernels.DIV}
_HEADS = {
    "sigmoid": kernels.SIGMOID_HEAD,
    "softmax": kernels.SOFTMAX_HEAD,
    "log_softmax": kernels.LOG_SOFTMAX_HEAD,
}


@dataclass(frozen=True, eq=False)
class Stage:
    """A dense layer and the elementwise operations between it and the next."""

    name: str
    dense: Dense
    units: IndexArray
    after: tuple[Op, ...]


@dataclass(frozen=True, eq=False)
class Chain:
    """A network whose scores come out of one dense layer after the other."""

    before: tuple[Op, ...]  # elementwise, on the inputs
    stages: tuple[Stage, ...]

    @property
    def jumps(self) -> bool:
        """Whether a function has a jump: there, rounding of any size can change much."""
        return any(
            isinstance(op, Activation) and op.kind in _JUMPS for stage in self.stages for op in stage.after
        )

    @staticmethod
    def of(network: Network) -> Chain | None:
        """Return the network as a chain, or None when it is none, or has no hidden layer."""
        last = scores_name(network)
        before: list[Op] = []
        stages: list[Stage] = []
        previous = ""
        for node in network.nodes:
            if isinstance(node.op, Input) and not previous:
                pass
            elif node.inputs != (previous,):
                return None
            elif isinstance(node.op, Dense):
                stages.append(Stage(node.name, node.op, node.units, ()))
            elif (steps := _elementwise(node.op)) is None:
                return None
            elif stages:
                old = stages[-1]
                stages[-1] = Stage(old.name, old.dense, old.units, (*old.after, *steps))
            else:
                before += steps
            previous = node.name
            if node.name == last:
                return Chain(tuple(before), tuple(stages)) if len(stages) > 1 else None
        return None


def _elementwise(op: Op) -> tuple[Op, ...] | None:
    """Return the operation as steps that the compiled loops know, None where it works across units."""
    match op:
        case Activation(kind="linear"):
            return ()
        case Activation(kind=kind) if kind in _ACTIVATIONS:
            return (op,)
        case Arithmetic():
            return (op,)
        case BatchNorm():
            return (Arithmetic("mul", op.factor), Arithmetic("add", op.offset))
        case _:
            return None


@dataclass(frozen=True, eq=False)
class Program:
    """The rest of a chain from what a dense layer gets to the scores, packed for `kernels.trial`.

    All sizes but the last are padded with zeros to multiples of four. `multiply_adds` are those of a row.
    """

    stages: Array
    flat: FloatArray
    codes: Array
    settings: FloatArray
    operands: FloatArray
    n_next: int
    n_out: int
    multiply_adds: int

    @property
    def is_bounded(self) -> bool:
        """Whether the scores follow from the next layer's activations by one more layer at most.

        And these are the inputs themselves, or a relu of them.
        """
        relu = not self.codes.size or (self.codes.tolist() == [kernels.RELU] and self.stages[0, 5] == 1)
        return relu and ((len(self.stages) == 1 and not self.codes.size) or len(self.stages) == 2)

    @staticmethod
    def of(
        afters: Sequence[tuple[Op, ...]],
        weights: Sequence[FloatArray],
        biases: Sequence[FloatArray],
        n_next: int,
        dtype: npt.DTypeLike,
    ) -> Program:
        """Pack the operations after the first layer, and for each further one weight, bias and operations."""
        stages, flat, operands = [], [np.zeros(0)], [np.zeros(0)]
        codes: list[int] = []
        settings: list[tuple[float, float, float]] = []
        size, width, macs = 0, n_next, n_next
        for i, after in enumerate(afters):
            n_in, at, bias_at = 0, 0, 0
            if i:
                weight, bias = weights[i - 1], biases[i - 1]
                macs += weight.size
                n_in, width = padded(width), weight.shape[1]
                square = np.zeros((n_in, padded(width)))
                square[: weight.shape[0], : weight.shape[1]] = weight
                at, bias_at = size, size + square.size
                flat += [square.ravel(), np.pad(bias, (0, padded(width) - width))]
                size = bias_at + padded(width)
            first = len(codes)
            for op in after:
                if isinstance(op, Activation):
                    code, names = _ACTIVATIONS[op.kind]
                    one, two, three = ([op.settings[name] for name in names] + [0.0, 0.0, 0.0])[:3]
                    settings.append((one, two, three))
                else:
                    assert isinstance(op, Arithmetic)
                    code = _ARITHMETIC[op.operator]
                    settings.append((float(sum(part.size for part in operands)), 0.0, 0.0))
                    operands.append(np.pad(op.operand, (0, padded(width) - width), constant_values=1))
                codes.append(code)
            stages.append((n_in, padded(width), at, bias_at, first, len(codes)))
        return Program(
            np.array(stages, np.int64),
            np.concatenate(flat).astype(dtype),
            np.array(codes, np.int64),
            np.array(settings, np.float64).reshape(-1, 3),
            np.concatenate(operands).astype(np.float64),
            n_next,
            width,
            macs,
        )


def padded(size: int) -> int:
    """Return the size rounded up to a multiple of four."""
    return -(-size // 4) * 4


@dataclass(frozen=True, eq=False)
class Measure:
    """What `kernels.losses` needs to know of the metrics."""

    kinds: Array
    scales: FloatArray
    head: int
    threshold: float
    wanted: bool  # whether the targets' values are needed
    probabilities: bool  # whether they are needed as probabilities

    @staticmethod
    def of(metrics: Sequence[str], targets: Targets) -> Measure:
        """Return it for these metrics."""
        n_out = targets.values.shape[1]
        rows = [_kind(name, targets, n_out) for name in metrics]
        kinds = np.array([kind for kind, _ in rows], np.int64)
        scales = np.array([scale for _, scale in rows], np.float64)
        needs = set(kinds.tolist()) & {
            kernels.SQUARES, kernels.ABSOLUTES, kernels.SOFT_ENTROPY, kernels.BINARY_ENTROPY,
        }  # fmt: skip
        head = _HEADS.get(targets.head, kernels.NO_HEAD)
        soft = kernels.SOFT_ENTROPY in needs
        return Measure(kinds, scales, head, targets.threshold, bool(needs), soft)

    @cached_property
    def counts(self) -> Array:
        """Which metrics count mistakes."""
        return self.kinds >= kernels.MISTAKES

    @property
    def only_classes(self) -> bool:
        """Whether all that counts is which score is the largest."""
        return bool((self.kinds == kernels.MISTAKES).all())

    @property
    def convex(self) -> int:
        """Which metric is convex in the scores, the first one that is; -1 for none."""
        convex = (kernels.CLASS_ENTROPY, kernels.SOFT_ENTROPY, kernels.BINARY_ENTROPY)
        for i, kind in enumerate(self.kinds.tolist()):
            if kind in convex or (kind == kernels.SQUARES and self.head == kernels.NO_HEAD):
                return i
        return -1

    @property
    def fits(self) -> bool:
        """Whether one form of the targets serves all metrics."""
        others = {kernels.SQUARES, kernels.ABSOLUTES} & set(self.kinds.tolist())
        return not (self.probabilities and self.head == kernels.LOG_SOFTMAX_HEAD and others)

    @property
    def only_squares(self) -> bool:
        """Whether everything is a sum of squares of linear scores."""
        return self.head == kernels.NO_HEAD and bool((self.kinds == kernels.SQUARES).all())


def _kind(name: str, targets: Targets, n_out: int) -> tuple[int, float]:
    if name in ("mse", "rmse"):
        return kernels.SQUARES, 1 / n_out
    if name == "half-sse":
        return kernels.SQUARES, 0.5
    if name == "mae":
        return kernels.ABSOLUTES, 1 / n_out
    if name == "cross-entropy":
        if targets.head == "sigmoid" or n_out == 1:
            return kernels.BINARY_ENTROPY, 1.0
        return (kernels.CLASS_ENTROPY if targets.labels is not None else kernels.SOFT_ENTROPY), 1.0
    return (kernels.SINGLE_MISTAKES if n_out == 1 else kernels.MISTAKES), 1.0
