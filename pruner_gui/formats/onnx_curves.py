"""Functions of one value that a file spells out in several operators, known by what they are on a grid.

An exporter writes a gelu or a swish in some five operators, in any of many orders: following the values of
every step tells which function it is, whatever the order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pruner_gui.network import ACTIVATIONS, FloatArray

Curves = tuple[tuple[str, FloatArray], ...]

_CLOSE = 1e-5  # some exporters write constants of six digits


def _grid() -> FloatArray:
    """Every quarter from -8 to 8, points in between, so that a kink shows, and a few far out."""
    between = np.random.default_rng(0).uniform(-8, 8, 64)
    return np.sort(np.concatenate([np.linspace(-8, 8, 65), between, (-30.0, -12.0, 12.0, 30.0)]))


GRID = _grid()
_ONE, _MINUS_ONE = int(np.flatnonzero(GRID == 1)[0]), int(np.flatnonzero(GRID == -1)[0])
_POSITIVE = GRID >= 0

_FIXED = (
    "relu",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "selu",
    "gelu",
    "gelu_tanh",
    "swish",
    "hard_swish",
    "mish",
    "symmetric_log",
)
_KNOWN = [ACTIVATIONS[kind].apply(GRID, **ACTIVATIONS[kind].defaults) for kind in _FIXED]
_ENDS = [(float(known[0]), float(known[-1])) for known in _KNOWN]
# Off the grid these can do what no point of it shows.
OPAQUE = frozenset({"step", "thresholded_relu", "gaussian", "sin"})


class Found(NamedTuple):
    """An activation with its settings; `scale` b other than 1 stands for `f(b x) / b`."""

    kind: str
    settings: dict[str, float]
    scale: float = 1.0


def recognised(curve: FloatArray, single: bool) -> Found | None:
    """Return the activation with this curve, if there is one; `single` when its constants are float32."""
    if curve.dtype.kind != "f":
        return None
    first, last = float(curve[0]), float(curve[-1])  # which few functions share: most curves end here
    for kind, known, ends in zip(_FIXED, _KNOWN, _ENDS, strict=True):
        if _near(first, ends[0]) and _near(last, ends[1]) and _same(curve, known):
            return Found(kind, {})
    if _near(last, float(GRID[-1])):
        return _leaky(curve, single) or _scaled_swish(curve, single)
    if {round(first, 4), round(last, 4)} == {0, 1}:
        return _hard_sigmoid(curve, single)
    return None


def rounded(number: float, single: bool) -> float:
    """The number that was meant, of one worked out with the last bits lost."""
    if single:
        return float(str(np.float32(number)))
    shorter = (float(f"{number:.{digits}g}") for digits in range(1, 16))
    return next((short for short in shorter if abs(short - number) <= 1e-14 * abs(number)), float(number))


def _near(number: float, known: float) -> bool:
    return abs(number - known) <= _CLOSE * (1 + abs(known))


def _same(curve: FloatArray, known: FloatArray) -> bool:
    return bool((np.abs(curve - known) <= _CLOSE * (1 + np.abs(known))).all())


def _apply(kind: str, settings: dict[str, float]) -> FloatArray:
    return ACTIVATIONS[kind].apply(GRID, **settings)


def _leaky(curve: FloatArray, single: bool) -> Found | None:
    """What leaves positive values alone: `max(x, alpha x)`, or alpha (e^x - 1) below 0."""
    at = curve[_MINUS_ONE]
    if not np.isfinite(at) or not _same(curve[_POSITIVE], GRID[_POSITIVE]) or _same(curve, GRID):
        return None
    for kind, alpha in (("leaky_relu", -at), ("elu", at / np.expm1(-1))):
        settings = {"alpha": rounded(alpha, single)}
        if _same(curve, _apply(kind, settings)):
            return Found(kind, settings)
    return None


def _hard_sigmoid(curve: FloatArray, single: bool) -> Found | None:
    """A straight line between 0 and 1."""
    low, high = np.abs(curve) < _CLOSE, np.abs(curve - 1) < _CLOSE
    inside = np.flatnonzero((curve > 0) & (curve < 1) & ~low & ~high)
    if min(low.sum(), high.sum()) < 2 or inside.size < 3:
        return None
    first, last = inside[[0, -1]]
    alpha = (curve[last] - curve[first]) / (GRID[last] - GRID[first])
    nearest = inside[np.abs(GRID[inside]).argmin()]
    beta = curve[nearest] - alpha * GRID[nearest]
    settings = {"alpha": rounded(alpha, single), "beta": rounded(beta, single)}
    return Found("hard_sigmoid", settings) if _same(curve, _apply("hard_sigmoid", settings)) else None


def _scaled_swish(curve: FloatArray, single: bool) -> Found | None:
    """`x sigmoid(b x)`; 1.702 for b comes close to a gelu."""
    share = curve[_ONE]
    if not 0.5 < share < 1:
        return None
    scale = rounded(np.log(share / (1 - share)), single)
    spelt = ACTIVATIONS["swish"].apply(GRID * scale) / scale
    return Found("swish", {}, scale) if _same(curve, spelt) else None
