"""The last hidden layer where errors are squares: sums over rows are made once, and a trial looks at none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from pruner_gui.evaluation.exact import ExactChain
from pruner_gui.evaluation.layer import ALL, Drop, Found, Layer
from pruner_gui.evaluation.products import Products
from pruner_gui.evaluation.program import Array
from pruner_gui.evaluation.rows import SLACK, Rows
from pruner_gui.network import FloatArray

_AHEAD = 16  # trials asked for together where each has a compensation to be found
_TOGETHER = 32  # trials reckoned together


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
        base, base_error = now.sums, now.error
        found: list[Found] = []
        while len(found) < len(drops):
            left = drops[len(found) : len(found) + _TOGETHER]
            if left[0] is None:
                sums, errors, refused = base[None], base_error[None], np.zeros(1, bool)
            else:
                some = [drop for drop in takewhile(bool, left) if drop is not None]
                sums, errors = self._without(some, base, base_error)
                refused = self._refused(sums, errors, upper)
            count = len(refused) if refused.all() else int(np.argmin(refused))
            found += [Found(sums[i], errors[i], refused=True) for i in range(count)]
            if count == len(refused):
                continue
            taken = on and self._allowed(sums[count], errors[count], upper)
            found.append(Found(sums[count], errors[count], taken=taken))
            if not taken:
                break
            base, base_error = sums[count], errors[count]
            self._take_out(left[count])
        return found

    def _without(
        self, drops: Sequence[Drop], base: FloatArray, base_error: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the sums of losses without each of some units, and how far they can be off."""
        places = [drop.place for drop in drops]
        outgoing = self.outgoing[places]
        with np.errstate(over="ignore", invalid="ignore"):
            if drops[0].coefficients.size:
                amounts = np.array([np.append(drop.coefficients, drop.shift) for drop in drops])
                cross = amounts @ self._residuals
                squares = np.sum(amounts @ self._products * amounts, axis=1)
                sizes = np.abs(amounts) @ self._sizes
            else:
                shifts, last = np.array([drop.shift for drop in drops]), len(self._products) - 1
                cross = self._residuals[places] + shifts[:, None] * self._residuals[last]
                squares = self._sizes[places] ** 2
                squares += shifts * (2 * self._products[places, last] + shifts * self._count)
                sizes = self._sizes[places] + np.abs(shifts) * self._sizes[last]
            weights = np.sum(outgoing * outgoing, axis=1)
            rises = weights * squares - 2 * np.sum(outgoing * cross, axis=1)
            off = Products.ROUNDING * (weights * sizes**2 + 2 * np.sqrt(weights) * sizes * self._removed)
            sums = base + self._scales * rises[:, None]
            errors = self._scales * off[:, None] + (1e-12 * np.abs(base) + base_error)
        return sums, errors

    @staticmethod
    def _refused(sums: FloatArray, errors: FloatArray, upper: FloatArray) -> Array:
        """Say which `(n_drops,)` are above a limit for sure."""
        if not upper.size:
            return np.zeros(len(sums), bool)
        with np.errstate(over="ignore", invalid="ignore"):
            finite: Array = np.all(np.isfinite(sums + errors), axis=1)
            finite &= (sums - errors - SLACK * np.abs(sums) > upper).any(axis=1)
        return finite

    @staticmethod
    def _allowed(sums: FloatArray, errors: FloatArray, upper: FloatArray) -> bool:
        """Say whether sums are below all limits for sure."""
        with np.errstate(over="ignore", invalid="ignore"):
            return bool((sums + errors + SLACK * np.abs(sums) < upper).all())

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
