"""How far a layer's input may move before a row can change its class.

Scores are a Lipschitz function of what a layer gets: they move by no more than that moves, times the norms of
the weights behind it and the steepest slopes of the functions between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pruner_gui.network import Activation, Arithmetic, FloatArray, Op

_ROUNDING = 1 + 1e-5  # what norms and products in float32 can be off

# The steepest slope of functions that have no parameter; those of gelu and its like are rounded up.
_SLOPES = {
    "relu": 1.0,
    "tanh": 1.0,
    "sigmoid": 0.25,
    "softplus": 1.0,
    "softsign": 1.0,
    "clip": 1.0,
    "sin": 1.0,
    "symmetric_log": 1.0,
    "gelu": 1.13,
    "gelu_tanh": 1.13,
    "swish": 1.1,
    "hard_swish": 1.5,
    "mish": 1.09,
}


def steepest(op: Op) -> float:
    """Return the steepest slope of an elementwise operation; infinite where none is known."""
    if isinstance(op, Arithmetic):
        with np.errstate(divide="ignore"):
            factors = {"mul": op.operand, "div": 1 / op.operand}.get(op.operator, np.ones(1))
        return float(np.abs(factors).max())
    assert isinstance(op, Activation)
    match op.kind:
        case "leaky_relu" | "elu":
            return max(1.0, abs(op.settings["alpha"]))
        case "selu":
            return abs(op.settings["gamma"]) * max(1.0, abs(op.settings["alpha"]))
        case "hard_sigmoid":
            return abs(op.settings["alpha"])
    return _SLOPES.get(op.kind, np.inf)


def norm(weight: FloatArray) -> float:
    """Return the largest factor by which a matrix lengthens a vector: its largest singular value."""
    if not np.isfinite(weight).all():
        return np.inf
    small = weight.T @ weight if weight.shape[0] > weight.shape[1] else weight @ weight.T
    return float(np.sqrt(max(np.linalg.eigvalsh(small.astype(np.float64))[-1], 0)) * (1 + 1e-7))


class Radii:
    """For the rest of a chain: how far the differences of its scores move for a movement of what it gets.

    A row's *lead* is the least difference of scores that decides its class, relative to how fast that
    difference moves with what the last layer gets; `factor` is how fast that moves with what this rest gets.
    """

    def __init__(self, between: FloatArray, speed: float, factor: float) -> None:
        self.between, self.speed = between, speed
        self.factor = factor * _ROUNDING

    @staticmethod
    def of(afters: Sequence[tuple[Op, ...]], weights: Sequence[FloatArray], n_classes: int) -> Radii | None:
        """Return them for the operations behind a layer and behind each later one, and the latter's weights.

        None if there is no bound on how fast scores change.
        """
        factor = float(np.prod([norm(weight) for weight in weights[:-1]]))
        factor *= float(np.prod([steepest(op) for after in afters[:-1] for op in after]))
        last = weights[-1].astype(np.float64) if weights else np.eye(n_classes)
        between = np.linalg.norm(last[:, :, None] - last[:, None, :], axis=0)
        speed = float(np.linalg.norm(last, axis=0).max())
        if afters[-1] or not np.isfinite(factor * speed) or not factor * speed:
            return None
        return Radii(between, speed, factor)
