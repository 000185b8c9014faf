"""The points of a run as figures: what its curves, marks and cursor are made of, without the networks."""

from __future__ import annotations

import csv
import io
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pruner_gui.evaluation import Score
from pruner_gui.pruning import Lowest, PruneConfig, knee
from pruner_gui.session import Run


@dataclass(eq=False)
class Points:
    """The figures at every point of a run: at the start, and after each accepted edit.

    Errors are those of the first metric; `holdout` and `guard` stay empty where there are no such rows.
    `layers` counts the neurons left by layer. Memory: a few numbers a point.
    """

    metric: str
    neurons: list[int] = field(default_factory=list)
    pruning: list[float] = field(default_factory=list)
    holdout: list[float] = field(default_factory=list)
    guard: list[float] = field(default_factory=list)
    layers: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> Points:
        """Return the points of a run as far as it came."""
        started = run.started
        points = cls(started.metrics[0])
        points._add(started.network.hidden_neurons, started.start, started.holdout, started.guard)
        points.layers = {layer.name: [layer.units.size] for layer in started.network.hidden_layers}
        points.extend(run)
        return points

    def __len__(self) -> int:
        return len(self.neurons)

    def extend(self, run: Run) -> None:
        """Add what the run accepted since."""
        for step in run.steps[len(self) - 1 :]:
            self._add(step.neurons, step.score, step.holdout, step.guard)
            for name, left in self.layers.items():
                left.append(left[-1] - len(step.edit.units) * (step.edit.node == name))

    def _add(self, neurons: int, score: Score, holdout: Score | None, guard: Score | None) -> None:
        self.neurons.append(neurons)
        self.pruning.append(score.values[0])
        if holdout is not None:
            self.holdout.append(holdout.values[0])
        if guard is not None:
            self.guard.append(guard.values[0])

    def nearest(self, neurons: float) -> int:
        """Return the point with about so many neurons left.

        Of several with as many it is the last; before the start it is the first of all.
        """
        if neurons > self.neurons[0]:
            return 0
        # Neurons only ever go: negated, they are in order.
        after = bisect_left(self.neurons, -neurons, key=lambda left: -left)
        if after == len(self):
            return after - 1
        nearer = [self.neurons[after]] if after == 0 else [self.neurons[after - 1], self.neurons[after]]
        wanted = min(nearer, key=lambda left: abs(left - neurons))
        return bisect_right(self.neurons, -wanted, key=lambda left: -left) - 1


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


@dataclass(eq=False)
class Record:
    """A finished run of the document, remembered by its figures.

    `number` counts from 1; `limits` are those of the first metric, one a step of the run. `source` is the run
    while a version of the history still has it. `outdated`: the data was changed since.
    """

    number: int
    name: str
    configs: tuple[PruneConfig, ...]
    firsts: tuple[int, ...]
    limits: tuple[float, ...]
    points: Points
    kept: int
    trials: int
    seconds: float
    complete: bool
    source: weakref.ref[Run]
    shown: bool = True
    outdated: bool = False

    @classmethod
    def of(cls, run: Run, number: int, name: str, seconds: float) -> Record:
        """Return what is to be remembered of a run that ended, and took so long."""
        return cls(
            number,
            name,
            tuple(stage.config for stage in run.stages) or (run.config,),
            tuple(stage.first for stage in run.stages),
            tuple(stage.limits[0] for stage in run.stages),
            Points.of(run),
            run.kept,
            run.trials,
            seconds if run.finished is None else run.finished.seconds,
            run.finished is not None,
            weakref.ref(run),
        )


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
