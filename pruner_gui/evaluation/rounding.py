"""How far sums of losses that come from float32 values can be off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pruner_gui.network import FloatArray

SAFETY = 4  # times the rounding that was measured on a sample
_CHANCE, _SPREADS = 2, 5  # the same where rows are off at random, by so many standard deviations
_HOPELESS = 1e30  # rounding where float32 says nothing: all is decided in float64


class Rounding(NamedTuple):
    """How far sums of losses can be off, metric by metric, as measured on a sample of rows.

    `alike` is relative to the losses, were all rows off in one direction. Where every row is off by chance,
    and by what all are on the average, it is `together`, relative to sums of `least` or more.
    """

    alike: FloatArray
    together: FloatArray
    least: FloatArray

    @staticmethod
    def of(found: FloatArray, exact: FloatArray, floor: float) -> Rounding:
        """Compare losses `(n_metrics, n_rows)` with exact ones; `floor` is reckoned with in any case."""
        with np.errstate(all="ignore"):
            off, total = found - exact, exact.sum(axis=1)
            sizes = np.abs(off).sum(axis=1)
            spread = np.abs(off.sum(axis=1)) + _SPREADS * np.sqrt(np.square(off).sum(axis=1))
            relative, by_chance = (np.where(sizes == 0, 0, sum_ / total) for sum_ in (sizes, spread))
        known = np.isfinite(relative) & np.isfinite(by_chance)
        return Rounding(
            np.where(known, SAFETY * np.maximum(relative, floor), _HOPELESS),
            np.where(known, _CHANCE * np.maximum(by_chance, floor), _HOPELESS),
            total,
        )

    def __call__(self, losses: FloatArray, factor: float) -> FloatArray:
        """Return how far sums of changed losses can be off; a mixture's `factor` is not 1.

        What mixtures are rounded to can move all rows alike.
        """
        if factor != 1:
            return factor * self.alike * losses
        return np.minimum(self.alike * losses, self.together * np.maximum(losses, self.least))
