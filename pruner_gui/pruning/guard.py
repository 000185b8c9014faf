"""How far along a run to go, by guard rows, which took no part in the single decisions."""

from __future__ import annotations

import math
from collections.abc import Generator

from pruner_gui.evaluation import Evaluator, Score, row_losses, standard_error
from pruner_gui.network import Network
from pruner_gui.pruning.config import PruneConfig
from pruner_gui.pruning.events import Preparing
from pruner_gui.pruning.judge import Judge
from pruner_gui.pruning.trajectory import Trajectory


class Guard:
    """Chooses the smallest network that is within the tolerance on the guard rows by one standard error.

    Of many points, the last whose mean happens to be within the tolerance is one where chance was kind; on
    other rows it is beyond. So every metric has to hold with the standard error of its rise added: that of
    the rows' paired differences from the original network. One standard error is the usual allowance
    (Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984), here for caution.

    Raises:
        NothingToRelateTo: see `Judge`.
    """

    def __init__(self, config: PruneConfig, evaluator: Evaluator, original: Network) -> None:
        self._objective = evaluator.objective
        self._judge = Judge(config, self._objective.metrics, evaluator.baseline(original))
        self._before = row_losses(original, self._objective)
        self._within: list[int] = []  # points whose mean errors are within the tolerance

    def see(self, accepted: int, score: Score | None) -> None:
        """Take note of the errors after so many accepted edits."""
        if score is not None and self._judge.allows(score):
            self._within.append(accepted)

    def choose(self, points: Trajectory) -> Generator[Preparing, None, int]:
        """Return how many of the accepted edits are to be kept; yield now and then, to be stopped."""
        for number, accepted in enumerate(reversed(self._within), 1):
            if self._holds(points.network(accepted)):
                return accepted
            yield Preparing(number / len(self._within))
        return 0

    def _holds(self, network: Network) -> bool:
        rows = len(self._objective.inputs)
        sums = [
            float(after.sum()) + rows * standard_error(before, after)
            for before, after in zip(self._before, row_losses(network, self._objective), strict=True)
        ]
        return all(map(math.isfinite, sums)) and self._judge.allows(self._objective.total(sums))
