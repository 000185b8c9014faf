"""The generalisation gap: how much worse a network is on held-out rows than on those that decide."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pruner_gui.evaluation import standard_error
from pruner_gui.network import FloatArray

_SURE = 1.959964  # standard errors: 95 %


@dataclass(frozen=True)
class Gap:
    """Mean losses a row on the pruning and on the held-out rows, before and after.

    `metric` says which losses; of rmse they are the squared errors. `noise` is the standard error of
    `change`: each row's loss is compared with its own before, so what makes rows hard cancels.
    """

    metric: str
    pruning_before: float
    pruning_after: float
    holdout_before: float
    holdout_after: float
    noise: float

    @property
    def before(self) -> float:
        """The held-out error less the pruning rows' error, before."""
        return self.holdout_before - self.pruning_before

    @property
    def after(self) -> float:
        """The held-out error less the pruning rows' error, after."""
        return self.holdout_after - self.pruning_after

    @property
    def change(self) -> float:
        """How much the gap grew; negative where it shrank."""
        return self.after - self.before

    @property
    def verdict(self) -> str:
        """What pruning did to the gap: "smaller", "larger", or "same" within 1.96 standard errors.

        "unknown" where there is only one row of a kind, whose difference may be all noise.
        """
        if not math.isfinite(self.noise):
            return "unknown"
        if abs(self.change) <= _SURE * self.noise or math.isclose(self.after, self.before, rel_tol=1e-9):
            return "same"
        return "larger" if self.change > 0 else "smaller"


def gap(
    metric: str,
    pruning: tuple[FloatArray, FloatArray],
    holdout: tuple[FloatArray, FloatArray],
) -> Gap | None:
    """Return the gap for row losses `(n_rows,)` before and after, or None where one is not finite.

    The change of the gap is the difference of two means of paired differences, on rows that are independent:
    its variance is the sum of theirs.
    """
    if not all(np.isfinite(losses).all() for losses in (*pruning, *holdout)):
        return None
    return Gap(
        "mse" if metric == "rmse" else metric,
        float(pruning[0].mean()),
        float(pruning[1].mean()),
        float(holdout[0].mean()),
        float(holdout[1].mean()),
        math.hypot(*(standard_error(before, after) for before, after in (pruning, holdout))),
    )
