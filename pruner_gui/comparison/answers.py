"""What two networks answer, row by row: predictions, what changed, and how well it carries over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from pruner_gui.comparison.gap import Gap, gap
from pruner_gui.data import Dataset
from pruner_gui.evaluation import METRICS, Examples, Objective, beyond_noise, scores
from pruner_gui.network import FloatArray, IndexArray, Network

_ROUNDING = 1e-6  # of the largest output: outputs closer than that are the same


@dataclass(frozen=True)
class Change:
    """A row that is answered otherwise: where it stands in its file, and the answers in words or numbers.

    `truth` is None where it is not known.
    """

    row: int
    truth: str | tuple[float, ...] | None
    before: str | tuple[float, ...]
    after: str | tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Where:
    """Which rows of which files: `numbers` `(n_rows,)`, of lines or of records; see `data.Dataset`."""

    source: str
    lines: bool
    numbers: IndexArray


@dataclass(frozen=True, eq=False)
class Classes:
    """Predicted classes `(n_rows,)`, as indices into the names; `truth` is None where it is not known."""

    where: Where
    names: tuple[str, ...]
    truth: IndexArray | None
    before: IndexArray
    after: IndexArray

    def confusion(self, predicted: IndexArray) -> IndexArray | None:
        """Return counts `(n_classes, n_classes)`: a row a true class, a column a predicted one."""
        if self.truth is None:
            return None
        count = len(self.names)
        cells = np.bincount(self.truth * count + predicted, minlength=count * count)
        return cells.reshape(count, count).astype(np.intp)

    @property
    def changed(self) -> IndexArray:
        """The rows that are answered otherwise."""
        return np.flatnonzero(self.before != self.after)

    def changes(self, most: int | None = None) -> Iterator[Change]:
        """Yield the rows that are answered otherwise, at most so many."""
        for row in self.changed[:most].tolist():
            truth = None if self.truth is None else self.names[self.truth[row]]
            words = self.names[self.before[row]], self.names[self.after[row]]
            yield Change(int(self.where.numbers[row]), truth, *words)


@dataclass(frozen=True, eq=False)
class Values:
    """Predicted values `(n_rows, n_outputs)` and what they should be."""

    where: Where
    names: tuple[str, ...]
    truth: FloatArray
    before: FloatArray
    after: FloatArray

    @property
    def changed(self) -> IndexArray:
        """The rows with other values than before, beyond rounding; the largest change first."""
        size = np.abs(self.after - self.before).max(axis=1)
        scale = float(np.abs(self.before).max(initial=0))
        order = np.argsort(-size, kind="stable")
        return order[size[order] > _ROUNDING * scale]

    def changes(self, most: int | None = None) -> Iterator[Change]:
        """Yield the rows that changed, the largest change first, at most so many."""
        for row in self.changed[:most].tolist():
            truth, before, after = (tuple(v[row].tolist()) for v in (self.truth, self.before, self.after))
            yield Change(int(self.where.numbers[row]), truth, before, after)


RowSet = Classes | Values


@dataclass(frozen=True, eq=False)
class Answers:
    """What both networks say on the pruning rows and on the held-out rows (None: there are none).

    With `fidelity` the truth is what the network itself said, as the data has no targets. `within_noise`
    says of metrics whether chance may have made the change of their held-out errors, see `beyond_noise`.
    """

    pruning: RowSet
    holdout: RowSet | None
    gap: Gap | None
    fidelity: bool = False
    within_noise: Mapping[str, bool] = field(default_factory=dict)

    @property
    def sets(self) -> dict[str, RowSet]:
        """The sets of rows by name, "pruning" and perhaps "holdout"."""
        found = {"pruning": self.pruning}
        return found if self.holdout is None else {**found, "holdout": self.holdout}


def answers(before: Network, after: Network, examples: Examples, metric: str) -> Answers:
    """Run both networks on all rows; `metric` is what the gap is measured by.

    Raises:
        MetricUnfit: it cannot be measured on these rows.
        Stopped: the thread is to stop.
    """
    objective, held = examples.objective((metric,)), examples.holdout_objective((metric,))
    pruning = _Both(objective, before, after)
    found = pruning.row_set(examples.pruning)
    if held is None or examples.holdout is None:
        return Answers(found, None, None, examples.fidelity)
    holdout = _Both(held, before, after)
    over_fitting = gap(metric, pruning.losses(metric), holdout.losses(metric))
    names = {metric, "error-rate"} if examples.classification else {metric}
    noise = {name: not beyond_noise(*holdout.losses(name)) for name in names}
    return Answers(found, holdout.row_set(examples.holdout), over_fitting, examples.fidelity, noise)


class _Both:
    """The scores of both networks on the rows of one objective."""

    def __init__(self, objective: Objective, before: Network, after: Network) -> None:
        self._objective = objective
        self._before, self._after = (scores(network, objective.inputs) for network in (before, after))

    def losses(self, metric: str) -> tuple[FloatArray, FloatArray]:
        targets, loss = self._objective.targets, METRICS[metric].losses
        with np.errstate(over="ignore", invalid="ignore"):
            return loss(targets, self._before), loss(targets, self._after)

    def row_set(self, rows: Dataset) -> RowSet:
        targets, where = self._objective.targets, Where(rows.source, rows.lines, rows.numbers)
        if targets.labels is None and targets.head not in ("softmax", "log_softmax"):
            names = rows.target_names or tuple(str(i) for i in range(targets.values.shape[1]))
            return Values(where, names, targets.values, *map(targets.outputs, (self._before, self._after)))
        before, after = map(self._objective.predictions, (self._before, self._after))
        count = max(self._before.shape[1], 2)
        classes = rows.classes or tuple(str(i) for i in range(count))
        return Classes(where, classes, targets.labels, before, after)
