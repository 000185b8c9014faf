"""The error of a network, and of every network that an edit would give.

`Evaluator` is what the pruning run asks; `ReferenceEvaluator` is its specification: apply the edit, run the
whole network on all rows, take the error. Every other evaluator gives the same figures, faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, Protocol

import numpy as np

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation.compensation import with_folds
from pruner_gui.evaluation.metrics import METRICS, SCORED_HEADS, MetricUnfit, Targets, predictions
from pruner_gui.network import FloatArray, IndexArray, Network, RemoveUnits
from pruner_gui.stopping import Stopped, check

_CHUNK = 4096  # rows between two looks at whether to stop
_ROUNDING = 1e-14  # of an output in float64, relative to the largest


@dataclass
class NonFiniteWeight(PrunerError):
    """Weights that are not finite numbers: nothing can be measured.

    `index`, from 0, and `value` are of the first of `count`; `kind` is "matrix", where the index is row and
    column, or "vector".
    """

    node: str
    tensor: str
    index: tuple[int, ...]
    value: float
    count: int
    kind: str

    @staticmethod
    def of(network: Network) -> NonFiniteWeight | None:
        """Return what is wrong with a network's weights, None where nothing is."""
        first = network.non_finite() if network.non_finite_count else None
        if first is None:
            return None
        node, tensor, index = first
        value = float(network.by_name[node].op.tensors()[tensor][index])
        kind = "matrix" if len(index) > 1 else "vector"
        return NonFiniteWeight(node, tensor, index, value, network.non_finite_count, kind)


@dataclass
class NonFiniteError(PrunerError):
    """The network's error on these rows is not a finite number."""

    metric: str


class Score(NamedTuple):
    """The errors of one network on one set of rows, in the order of the objective's metrics.

    A `partial` score was given up: the errors are at least these, and one is past its limit.
    """

    values: tuple[float, ...]
    partial: bool = False


class Limits(NamedTuple):
    """Where decisions turn, so that an evaluator knows how far it has to go.

    An error above its `upper` is refused: the score may be partial. One close to a value of `upper` or
    `lower` has to be as exact as the reference's, and with `exact` so has every score that is not partial.
    """

    upper: tuple[float, ...]
    lower: tuple[float, ...] = ()
    exact: bool = False


@dataclass(frozen=True, eq=False)
class Objective:
    """What is measured: some rows, what they should give, and the metrics.

    `inputs` has shape `(n_samples, n_inputs)`. Errors are defined by computing in float64.

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

    def score(self, scores: FloatArray) -> Score:
        """Return the errors for scores of shape `(n_samples, n_outputs)`."""
        return self.total([float(loss.sum()) for loss in self.losses(scores)])

    def losses(self, scores: FloatArray, rows: slice | IndexArray = slice(None)) -> list[FloatArray]:
        """Return every metric's losses `(n_rows,)` for the scores `(n_rows, n_outputs)` of some rows."""
        return losses(self.metrics, self.targets.take(rows), scores)

    def total(self, sums: Sequence[float], *, partial: bool = False) -> Score:
        """Return the errors for the sums of losses, metric by metric."""
        (score,) = self.totals(np.array([sums]), (partial,))
        return score

    def totals(self, sums: FloatArray, partial: Iterable[bool]) -> list[Score]:
        """Return the errors for several sums of losses `(n_scores, n_metrics)`."""
        rows, columns = len(self.inputs), []
        for column, (total, rounding) in zip(sums.T, self._totals, strict=True):
            columns.append(total(np.where(column <= rounding, 0.0, column), rows).tolist())
        return [Score(*both) for both in zip(zip(*columns, strict=True), partial, strict=True)]

    @cached_property
    def _totals(self) -> tuple[tuple[Callable[[FloatArray, int], FloatArray], float], ...]:
        """Metric by metric what makes an error of a sum, and up to which sum it counts as none.

        That much is rounding of outputs that are as wanted.
        """
        size = float(np.abs(self.targets.values).max(initial=0)) * _ROUNDING
        losses = {"mse": size**2, "rmse": size**2, "half-sse": size**2, "mae": size}
        rows = len(self.inputs)
        return tuple((METRICS[name].total, rows * losses.get(name, 0.0)) for name in self.metrics)

    def sums(self, values: Sequence[float]) -> FloatArray:
        """Return the sums of losses that errors stand for, metric by metric."""
        rows = len(self.inputs)
        pairs = zip(self.metrics, values, strict=True)
        return np.array([METRICS[name].sum(value, rows) for name, value in pairs], np.float64)

    def largest_sums(self, values: Sequence[float]) -> FloatArray:
        """Return the largest sums of losses whose errors are these or less: what counts as none is."""
        sums, none = self.sums(values), np.array([rounding for _, rounding in self._totals])
        return np.where(sums < 0, sums, np.maximum(sums, none))

    def predictions(self, scores: FloatArray) -> IndexArray:
        """Return the predicted class of every row."""
        return predictions(self.targets, scores)


def losses(metrics: Sequence[str], targets: Targets, scores: FloatArray) -> list[FloatArray]:
    """Return every metric's losses `(n_samples,)` for scores `(n_samples, n_outputs)`."""
    with np.errstate(over="ignore", invalid="ignore"):
        return [METRICS[name].losses(targets, scores) for name in metrics]


class Evaluator(Protocol):
    """Measures networks on the rows of one objective."""

    objective: Objective

    def prepare(self, network: Network) -> Iterator[float]:
        """Get ready to measure `network`; yield the share that is done, so that it can be stopped."""

    def baseline(self, network: Network) -> Score:
        """Return the errors of `network`.

        Raises:
            NonFiniteWeight: a weight is not a finite number.
            NonFiniteError: an error is not a finite number.
        """

    def trials(
        self, network: Network, edits: Iterable[RemoveUnits], limits: Limits | None = None
    ) -> Iterator[tuple[RemoveUnits, Score]]:
        """Yield every edit with the errors of the network it would give, one by one as they are asked for.

        Of a sequence several may be tried at once.
        A removal comes back with the folds that the evaluator's compensation gives it, unless its score is
        partial. Without `limits` no score is.
        """

    def advance(self, edit: RemoveUnits, network: Network) -> None:
        """Take note that `network` is what the last trial's edit made of the last trial's network."""


def scores_name(network: Network) -> str:
    """Return the node whose output is the scores: what a final softmax or sigmoid reads, or the output."""
    node = network.by_name[network.outputs[0]]
    return node.inputs[0] if network.head in SCORED_HEADS else node.name


def scores(network: Network, inputs: FloatArray) -> FloatArray:
    """Return the scores `(n_samples, n_outputs)` for inputs `(n_samples, n_inputs)`, in float64.

    Raises:
        Stopped: the thread is to stop.
    """
    stopped, name = check(), scores_name(network)
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(inputs), _CHUNK):
            if stopped():
                raise Stopped
            found.append(network.forward(np.asarray(inputs[start : start + _CHUNK], np.float64), name))
    return np.concatenate(found)


def row_losses(network: Network, objective: Objective) -> list[FloatArray]:
    """Return every metric's losses `(n_samples,)` of a network.

    Raises:
        Stopped: the thread is to stop.
    """
    return losses(objective.metrics, objective.targets, scores(network, objective.inputs))


def checked(network: Network, objective: Objective, score: Score) -> Score:
    """Return the score if it means something.

    Raises:
        NonFiniteWeight: a weight is not a finite number.
        NonFiniteError: an error is not a finite number.
    """
    bad = NonFiniteWeight.of(network)
    if bad is not None:
        raise bad
    for name, value in zip(objective.metrics, score.values, strict=True):
        if not np.isfinite(value):
            raise NonFiniteError(name)
    return score


class ReferenceEvaluator:
    """The plain one: a full forward pass for every question."""

    def __init__(self, objective: Objective, compensation: str = "none") -> None:
        self.objective = objective
        self._compensation = compensation

    def prepare(self, network: Network) -> Iterator[float]:
        """Nothing to prepare."""
        yield from ()

    def baseline(self, network: Network) -> Score:
        """Return the errors of `network`; see `Evaluator.baseline`."""
        return checked(network, self.objective, self._score(network))

    def trials(
        self, network: Network, edits: Iterable[RemoveUnits], limits: Limits | None = None
    ) -> Iterator[tuple[RemoveUnits, Score]]:
        """Yield every edit with the errors of the network it would give, never partial."""
        for edit in edits:
            whole = with_folds(network, edit, self._compensation, partial(self._forward, network))
            yield whole, self._score(whole.apply(network))

    def advance(self, edit: RemoveUnits, network: Network) -> None:
        """Nothing is remembered."""

    def _score(self, network: Network) -> Score:
        return self.objective.score(self._forward(network, scores_name(network)))

    def _forward(self, network: Network, at: str) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):
            return network.forward(np.asarray(self.objective.inputs, np.float64), at)
