"""Examples for one network: which rows decide, which only report, and what is measured on them by default."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pruner_gui.data import Dataset, Split
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation.evaluator import Objective, scores_name
from pruner_gui.evaluation.metrics import Choice, Targets, default_metrics
from pruner_gui.network import Network


@dataclass
class WrongWidth(PrunerError):
    """The examples do not fit the network: features and targets a row, against inputs and outputs."""

    source: str
    features: int
    targets: int
    inputs: int
    outputs: int


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows split for one network, with the metrics that suit it.

    `pruning` rows decide, `holdout` rows only report, `guard` rows choose how far to go; None: there are
    none. Where the file had no targets they are the network's own outputs, and `fidelity` is True.
    """

    pruning: Dataset
    holdout: Dataset | None
    head: str
    choice: Choice
    fidelity: bool
    guard: Dataset | None = None

    @property
    def classification(self) -> bool:
        """Whether the targets are classes."""
        return self.pruning.labels is not None

    def objective(self, metrics: tuple[str, ...]) -> Objective:
        """Return what decides.

        Raises:
            MetricUnfit: a metric that cannot be measured on these rows.
        """
        return self._objective(self.pruning, metrics)

    def holdout_objective(self, metrics: tuple[str, ...]) -> Objective | None:
        """Return what only reports, or None.

        Raises:
            MetricUnfit: a metric that cannot be measured on these rows.
        """
        return None if self.holdout is None else self._objective(self.holdout, metrics)

    def guard_objective(self, metrics: tuple[str, ...]) -> Objective | None:
        """Return what chooses how far to go, or None.

        Raises:
            MetricUnfit: a metric that cannot be measured on these rows.
        """
        return None if self.guard is None else self._objective(self.guard, metrics)

    def _objective(self, rows: Dataset, metrics: tuple[str, ...]) -> Objective:
        return Objective(rows.inputs, _targets(rows, self.pruning, self.head), metrics)


def prepare(network: Network, split: Split) -> Examples:
    """Return the rows of `split` as examples for `network`, whose outputs say what is to be measured.

    Raises:
        WrongWidth: the rows do not fit the network.
    """
    pruning, holdout, guard = split.pruning, split.holdout, split.guard
    for part in (pruning, holdout, guard):
        if part is not None:
            _check_width(network, part)
    with np.errstate(over="ignore", invalid="ignore"):  # told by what measures them
        return _examples(network, pruning, holdout, guard)


def _examples(network: Network, pruning: Dataset, holdout: Dataset | None, guard: Dataset | None) -> Examples:
    fidelity = pruning.targets is None or (holdout is not None and holdout.targets is None)
    if fidelity:
        pruning = _own_outputs(network, pruning)
        holdout = None if holdout is None else _own_outputs(network, holdout)
        guard = None if guard is None else _own_outputs(network, guard)
    scores = network.forward(np.asarray(pruning.inputs, np.float64), scores_name(network))
    choice = default_metrics(_targets(pruning, pruning, network.head), scores, fidelity)
    return Examples(pruning, holdout, network.head, choice, fidelity, guard)


def _check_width(network: Network, rows: Dataset) -> None:
    found = 0 if rows.targets is None else rows.targets.shape[1]
    if rows.inputs.shape[1] != network.n_inputs or found not in (0, network.n_outputs):
        raise WrongWidth(rows.source, rows.inputs.shape[1], found, network.n_inputs, network.n_outputs)


def _own_outputs(network: Network, rows: Dataset) -> Dataset:
    outputs = network.forward(np.asarray(rows.inputs, np.float64))
    return replace(rows, targets=outputs, labels=None, classes=())


def _targets(rows: Dataset, pruning: Dataset, head: str) -> Targets:
    assert rows.targets is not None
    # Two classes of one output, whatever their values: the line runs half-way between them.
    known = pruning.targets
    middle = 0.5 if known is None or pruning.labels is None else float(known.min() + known.max()) / 2
    return Targets(rows.targets, rows.labels, head, middle)
