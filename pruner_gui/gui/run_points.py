"""What stands out among the points of a run, and the points as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pruner_gui.pruning import Lowest, knee
from pruner_gui.records import Points


@dataclass(frozen=True)
class Mark:
    """A point that stands out; `error` is that of its curve.

    `kind` is "knee"; "improved", of lowest held-out error, or "noise" where chance may have made it so;
    "chosen", by the guard rows.
    """

    kind: str
    point: int
    neurons: int
    error: float


def marks(points: Points, kept: int, lowest: Lowest | None = None) -> list[Mark]:
    """Return what stands out in a finished run of which so many accepted edits were kept.

    The knee of the pruning rows' error; the lowest held-out error where it is below that of the start; what
    guard rows chose, where it is not the end.
    """
    found = []
    bend = knee(points.pruning, points.neurons)
    if bend is not None:
        found.append(_mark("knee", bend, points, points.pruning))
    if lowest is not None:
        kind = "improved" if lowest.improved else "noise"
        found.append(_mark(kind, lowest.accepted, points, points.holdout))
    if kept < len(points) - 1:
        found.append(_mark("chosen", kept, points, points.guard or points.pruning))
    return found


def _mark(kind: str, point: int, points: Points, curve: Sequence[float]) -> Mark:
    return Mark(kind, point, points.neurons[point], curve[point])


def boundaries(firsts: Sequence[int], names: Sequence[str], neurons: Sequence[int]) -> list[tuple[int, str]]:
    """Return where the steps of a run begin, as neurons left, with their names; those at one place together.

    `firsts` are the points where they begin, `neurons` those left at every point. Empty for a single step.
    """
    if len(firsts) < 2:
        return []
    found: dict[int, list[str]] = {}
    for first, name in zip(firsts, names, strict=True):
        found.setdefault(neurons[first], []).append(name)
    return [(place, " → ".join(here)) for place, here in found.items()]


def as_csv(runs: Iterable[tuple[str, Points]]) -> str:
    """Return the points of named runs as a table, numbers as computers read them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run", "accepted", "neurons", "metric", "pruning", "holdout", "guard"])
    for name, points in runs:
        for index, neurons in enumerate(points.neurons):
            errors = [
                repr(float(curve[index])) if curve else ""
                for curve in (points.pruning, points.holdout, points.guard)
            ]
            writer.writerow([name, index, neurons, points.metric, *errors])
    return out.getvalue()
