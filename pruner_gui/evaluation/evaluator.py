"""The error of a network, and of every network that an edit would give.

`Evaluator` is what the pruning run asks; `ReferenceEvaluator` is its specification: apply the edit, run the
whole network on all rows, take the error. Every other evaluator gives the same figures, faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation.metrics import METRICS, SCORED_HEADS, MetricUnfit, Targets, predictions
from pruner_gui.network import Edit, FloatArray, IndexArray, Network


@dataclass
class NonFiniteWeight(PrunerError):
    """A weight that is not a finite number: nothing can be measured."""

    node: str
    tensor: str
    index: tuple[int, ...]


@dataclass
class NonFiniteError(PrunerError):
    """The network's error on these rows is not a finite number."""

    metric: str


@dataclass(frozen=True)
class Score:
    """The errors of one network on one set of rows, in the order of the objective's metrics."""

    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Objective:
    """What is measured: some rows, what they should give, and the metrics.

    `inputs` has shape `(n_samples, n_inputs)`. Figures are computed in float64.

    Raises:
        MetricUnfit: an unknown metric, or one that needs classes where there are none.
    """

    inputs: FloatArray
    targets: Targets
    metrics: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.metrics:
            if name not in METRICS:
                raise MetricUnfit(name, "unknown")
            soft = name == "cross-entropy" and self.targets.head in ("softmax", "log_softmax")
            if METRICS[name].needs_classes and self.targets.labels is None and not soft:
                raise MetricUnfit(name, "labels")
        object.__setattr__(self, "inputs", np.asarray(self.inputs, np.float64))

    def score(self, scores: FloatArray) -> Score:
        """Return the errors for scores of shape `(n_samples, n_outputs)`."""
        rows = len(scores)
        totals = ((METRICS[name], METRICS[name].losses(self.targets, scores).sum()) for name in self.metrics)
        return Score(tuple(metric.total(float(total), rows) for metric, total in totals))

    def predictions(self, scores: FloatArray) -> IndexArray:
        """Return the predicted class of every row."""
        return predictions(self.targets, scores)


class Evaluator(Protocol):
    """Measures networks on the rows of one objective."""

    objective: Objective

    def baseline(self, network: Network) -> Score:
        """Return the errors of `network`.

        Raises:
            NonFiniteWeight: a weight is not a finite number.
            NonFiniteError: an error is not a finite number.
        """

    def trials(self, network: Network, edits: Iterable[Edit]) -> Iterator[tuple[Edit, Score]]:
        """Yield every edit with the errors of the network it would give, one by one as they are asked for."""


def scores_name(network: Network) -> str:
    """Return the node whose output is the scores: what a final softmax or sigmoid reads, or the output."""
    node = network.by_name[network.outputs[0]]
    return node.inputs[0] if network.head in SCORED_HEADS else node.name


def checked(network: Network, objective: Objective, score: Score) -> Score:
    """Return the score if it means something.

    Raises:
        NonFiniteWeight: a weight is not a finite number.
        NonFiniteError: an error is not a finite number.
    """
    bad = network.non_finite()
    if bad is not None:
        raise NonFiniteWeight(*bad)
    for name, value in zip(objective.metrics, score.values, strict=True):
        if not np.isfinite(value):
            raise NonFiniteError(name)
    return score


class ReferenceEvaluator:
    """The plain one: a full forward pass for every question."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def baseline(self, network: Network) -> Score:
        """Return the errors of `network`; see `Evaluator.baseline`."""
        return checked(network, self.objective, self._score(network))

    def trials(self, network: Network, edits: Iterable[Edit]) -> Iterator[tuple[Edit, Score]]:
        """Yield every edit with the errors of the network it would give."""
        for edit in edits:
            yield edit, self._score(edit.apply(network))

    def _score(self, network: Network) -> Score:
        with np.errstate(over="ignore", invalid="ignore"):
            return self.objective.score(network.forward(self.objective.inputs, scores_name(network)))
