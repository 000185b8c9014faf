"""Decides whether an error is within the tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import Limits, Score
from pruner_gui.pruning.config import SLACK, PruneConfig


@dataclass
class NothingToRelateTo(PrunerError):
    """A tolerance in percent of an error that is zero."""

    metric: str


class Judge:
    """Decides whether an error is within the tolerance.

    Raises:
        NothingToRelateTo: a tolerance in percent of an original error of zero, for the first metric. For the
            others it means that the error has to stay zero.
    """

    def __init__(self, config: PruneConfig, metrics: Sequence[str], original: Score) -> None:
        self._comparison = config.comparison
        self._moves = config.baseline == "current"
        self._amounts = []
        for index, (metric, error) in enumerate(zip(metrics, original.values, strict=True)):
            tolerance = config.tolerance(index)
            if index == 0 and tolerance.relative and tolerance.value > 0 and error == 0:
                raise NothingToRelateTo(metric)
            ceiling = config.baseline == "absolute" and not tolerance.relative
            self._amounts.append(tolerance.value - error if ceiling else tolerance.amount(error))
        self._refer_to(original)

    def _refer_to(self, score: Score) -> None:
        self._reference = score
        pairs = list(zip(score.values, self._amounts, strict=True))
        self._limits = tuple(error + amount for error, amount in pairs)
        lower: tuple[float, ...] = ()
        if self._comparison == "abs":
            lower = tuple(max(error - amount, 0.0) for error, amount in pairs)
        self._turns = Limits(tuple(max(limit, 0.0) for limit in self._limits), lower, exact=self._moves)

    @property
    def limits(self) -> tuple[float, ...]:
        """The largest error allowed, metric by metric."""
        return self._limits

    @property
    def turns(self) -> Limits:
        """Where its decisions turn, for the evaluator."""
        return self._turns

    def allows(self, score: Score) -> bool:
        """Say whether every error of `score` is within its tolerance."""
        if score.partial:
            return False
        rows = zip(score.values, self._reference.values, self._amounts, strict=True)
        return all(self._holds(error, reference, amount) for error, reference, amount in rows)

    def accepted(self, score: Score) -> None:
        """Take note of a removal: with the current network as baseline the reference moves."""
        if self._moves:
            self._refer_to(score)

    def _holds(self, error: float, reference: float, amount: float) -> bool:
        rise = error - reference
        slack = SLACK * max(abs(error), abs(reference))
        if self._comparison == "lt":
            return rise < amount - slack
        return (abs(rise) if self._comparison == "abs" else rise) <= amount + slack
