"""The last hidden layer where errors are squares: sums over rows are made once, and a trial looks at none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.exact import ExactChain
from pruner_gui.evaluation.layer import ALL, Drop, Found, Layer
from pruner_gui.evaluation.products import Products
from pruner_gui.evaluation.rows import SLACK, Rows
from pruner_gui.network import FloatArray

_AHEAD = 16  # trials asked for together where each has a compensation to be found


class GramLevel(Layer):
    """The last hidden layer in front of linear scores, by the products of its activations.

    With the residuals r = scores - targets, taking drop d times the weights w from the scores changes the sum
    of squares by -2 w . (sum of d r) + |w|^2 (sum of d^2). Both sums follow from the activations' products.
    """

    def __init__(self, index: int, exact: ExactChain, compensation: str, rows: Rows) -> None:
        super().__init__(index, exact, compensation)
        self._scales, self._count = rows.measure.scales, rows.count
        self._products, self._residuals = exact.products_of(index).totals()
        self._sizes = np.sqrt(np.diag(self._products))
        self._silent = self._sizes[:-1] == 0
        self.goes_on = compensation == "none"
        self.most = ALL if self.goes_on else _AHEAD
        self._removed = 0.0  # size of what was taken out of the residuals, which has that rounding
        self._before = self._residuals, self.outgoing  # of the last search

    def search(self, drops: Sequence[Drop | None], now: Found, upper: FloatArray, *, on: bool) -> list[Found]:
        """Return the sums of losses without each of some units; see `Layer.search`."""
        self._before = self._residuals.copy(), self.outgoing.copy()
        some = [drop for drop in drops if drop is not None]
        if some and some[0].coefficients.size:
            return self._mixtures(some, now, upper)
        n = len(drops)
        places = np.array([-1 if drop is None else drop.place for drop in drops])
        shifts = np.array([0.0 if drop is None else drop.shift for drop in drops])
        sums, errors = np.empty((n, len(now.sums))), np.empty((n, len(now.sums)))
        refused, taken = np.zeros(n, bool), np.zeros(n, bool)
        tried, self._removed = kernels.search_squares(
            places, shifts, self.outgoing, self._products, self._sizes, self._count, self._residuals,
            Products.ROUNDING, self._removed, self._scales, now.sums, now.error, SLACK,
            upper, on, sums, errors, refused, taken,
        )  # fmt: skip
        found = zip(sums, errors, refused.tolist(), taken.tolist(), strict=True)
        return [Found(one, error, refused=no, taken=yes) for one, error, no, yes in islice(found, tried)]

    def _mixtures(self, drops: Sequence[Drop], now: Found, upper: FloatArray) -> list[Found]:
        """Return the sums of losses without each of some units that others make up for.

        Up to the first that is not above a limit for sure.
        """
        outgoing = self.outgoing[[drop.place for drop in drops]]
        with np.errstate(over="ignore", invalid="ignore"):
            amounts = np.array([np.append(drop.coefficients, drop.shift) for drop in drops])
            cross = amounts @ self._residuals
            squares = np.sum(amounts @ self._products * amounts, axis=1)
            sizes = np.abs(amounts) @ self._sizes
            weights = np.sum(outgoing * outgoing, axis=1)
            rises = weights * squares - 2 * np.sum(outgoing * cross, axis=1)
            off = Products.ROUNDING * (weights * sizes**2 + 2 * np.sqrt(weights) * sizes * self._removed)
            sums = now.sums + self._scales * rises[:, None]
            errors = self._scales * off[:, None] + (1e-12 * np.abs(now.sums) + now.error)
            refused = np.all(np.isfinite(sums + errors), axis=1)
            refused &= bool(upper.size) and (sums - errors - SLACK * np.abs(sums) > upper).any(axis=1)
        count = len(drops) if refused.all() else int(np.argmin(refused)) + 1
        return [Found(sums[i], errors[i], refused=bool(refused[i])) for i in range(count)]

    def _take_out(self, drop: Drop | None) -> None:
        if drop is None:
            return
        w = self.outgoing[drop.place]
        with np.errstate(over="ignore", invalid="ignore"):
            if drop.coefficients.size:
                amounts = np.append(drop.coefficients, drop.shift)
                gone, size = self._products @ amounts, np.abs(amounts) @ self._sizes
            else:
                gone = self._products[drop.place] + drop.shift * self._products[-1]
                size = self._sizes[drop.place] + abs(drop.shift) * self._sizes[-1]
            self._residuals -= np.outer(gone, w)
            self._removed += float(w @ w) ** 0.5 * float(size)

    def remove(self, unit: int, drop: Drop | None, found: Found) -> None:
        """Take the unit of a trial out, of which that was found."""
        if not found.taken:
            self._take_out(drop)
        super().remove(unit, drop, found)

    def restore(self) -> None:
        """Undo what was taken out and not followed by `remove`."""
        residuals, outgoing = self._before
        with np.errstate(over="ignore", invalid="ignore"):
            self._residuals = residuals - self._products[:, :-1] @ (outgoing - self.outgoing)
