"""How much each layer bears, as curves: what the plot is made of, without Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pruner_gui.evaluation import Score
from pruner_gui.network import FloatArray, Network
from pruner_gui.pruning import Point, candidates

NEAR = 14.0  # pixels


@dataclass
class Sensitivity:
    """What was measured so far of a network; `total` is the number of points when all is measured."""

    order: str
    total: int
    points: list[Point] = field(default_factory=list)

    @classmethod
    def of(cls, network: Network, order: str) -> Sensitivity:
        """Return that nothing was measured yet."""
        layers = network.hidden_layers
        gone = (min(len(candidates(network, (each.index,))), each.units.size - 1) for each in layers)
        return cls(order, sum(1 + count for count in gone))

    @property
    def complete(self) -> bool:
        """Whether all is measured."""
        return len(self.points) == self.total


@dataclass(frozen=True, eq=False)
class Curve:
    """The error of a layer over the share of its neurons that is gone, both `(n_points,)`.

    `place` counts the layers from 0. `borne` is the number of the last point up to which all are within the
    tolerance; None without one, or where the whole network is not.
    """

    layer: str
    place: int
    of: int
    shares: FloatArray
    errors: FloatArray
    borne: int | None

    def distance(self, at: tuple[float, float], unit: tuple[float, float]) -> float:
        """Return how far a place is from the curve, in pixels of this width and height."""
        x, y = (self.shares - at[0]) / unit[0], (self.errors - at[1]) / unit[1]
        if x.size == 1:
            return float(np.hypot(x[0], y[0]))
        dx, dy = np.diff(x), np.diff(y)
        along = np.clip(-(x[:-1] * dx + y[:-1] * dy) / np.maximum(dx**2 + dy**2, 1e-12), 0, 1)
        return float(np.hypot(x[:-1] + along * dx, y[:-1] + along * dy).min())


def curves(points: Sequence[Point], allows: Callable[[Score], bool] | None) -> list[Curve]:
    """Return a curve a layer, errors by the first metric; `allows` says what is within the tolerance."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(point.layer, []).append(point)
    return [
        Curve(
            layer,
            place,
            of[0].of,
            np.array([point.share for point in of]),
            np.array([point.score.values[0] for point in of]),
            None if allows is None else _borne(of, allows),
        )
        for place, (layer, of) in enumerate(found.items())
    ]


def _borne(points: Sequence[Point], allows: Callable[[Score], bool]) -> int | None:
    refused = next((place for place, point in enumerate(points) if not allows(point.score)), len(points))
    return refused - 1 if refused else None


def nearest(
    shown: Sequence[Curve], at: tuple[float, float], unit: tuple[float, float]
) -> tuple[Curve, int] | None:
    """Return the curve at a place, and its point; None where none is near.

    `at` is a share and an error, `unit` those of a pixel.
    """
    if not shown:
        return None
    curve = min(shown, key=lambda each: each.distance(at, unit))
    if curve.distance(at, unit) > NEAR:
        return None
    return curve, int(np.abs(curve.shares - at[0]).argmin())
