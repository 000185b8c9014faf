"""What is remembered of the runs of a document: their figures, also when the history lost their networks."""

from __future__ import annotations

import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from pruner_gui.evaluation import Score
from pruner_gui.pruning import PruneConfig
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


def _gone() -> None:
    return None


@dataclass(eq=False)
class Record:
    """A finished run of the document, remembered by its figures.

    `number` counts from 1; `limits` are those of the first metric, one a step of the run. `seconds` is None
    where nobody knows. `source` gives the run while a version of the history still has it. `outdated`: the
    data was changed since.
    """

    number: int
    name: str
    configs: tuple[PruneConfig, ...]
    firsts: tuple[int, ...]
    limits: tuple[float, ...]
    points: Points
    kept: int
    trials: int
    seconds: float | None
    complete: bool
    shown: bool = True
    outdated: bool = False
    source: Callable[[], Run | None] = field(default_factory=lambda: _gone, init=False)

    @classmethod
    def of(cls, run: Run, number: int, name: str, seconds: float | None) -> Record:
        """Return what is to be remembered of a run that ended, and took so long."""
        record = cls(
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
        )
        record.made(run)
        return record

    def made(self, run: Run) -> None:
        """Say which run this is, as long as something else holds it."""
        self.source = weakref.ref(run)
