"""Whether two networks differ on the same rows by more than chance, from the losses of single rows.

Each row is compared with itself, so what makes rows hard or easy cancels.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from pruner_gui.network import FloatArray

_LEVEL = 0.05


def standard_error(before: FloatArray, after: FloatArray) -> float:
    """Return the standard error of the mean of `after - before`, losses `(n_rows,)`.

    The standard deviation of the differences over the root of their number. Of one row nothing is known, its
    difference may be all noise: infinite, unless there is none.
    """
    differences = after - before
    if len(differences) < 2:
        return math.inf if differences.any() else 0.0
    return float(differences.std(ddof=1)) / math.sqrt(len(differences))


def beyond_noise(before: FloatArray, after: FloatArray, candidates: int = 1) -> bool:
    """Say whether mean losses `(n_rows,)` differ by more than chance would make them, at 95 %.

    Losses of 0 and 1 are told by McNemar's exact test: of the rows that only one of the two gets wrong each
    should have half (McNemar, Note on the sampling error of the difference between correlated proportions or
    percentages, 1947). Any others by the mean of their differences against its standard error, as normal.
    `after` may be what was picked of so many candidates because it looked best, which chance alone makes look
    good: each then has its share of the 5 % (Bonferroni).
    """
    level = _LEVEL / candidates
    if all(np.isin(losses, (0, 1)).all() for losses in (before, after)):
        worse, better = int((after > before).sum()), int((after < before).sum())
        return _two_sided(min(worse, better), worse + better) <= level
    error = standard_error(before, after)
    return abs(float((after - before).mean())) > NormalDist().inv_cdf(1 - level / 2) * error


def _two_sided(fewer: int, of: int) -> float:
    """The probability of a split at least this uneven of `of` fair coins, `fewer` on one side."""
    if of == 0:
        return 1.0
    counts = np.arange(fewer + 1)
    ways = [math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) for k in counts.tolist()]
    return min(1.0, 2 * float(np.exp(np.array(ways) - of * math.log(2)).sum()))
