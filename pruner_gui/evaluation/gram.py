"""The last hidden layer where errors are squares: sums over rows are made once, and a trial looks at none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pruner_gui.evaluation.exact import ExactChain
from pruner_gui.evaluation.layer import ALL, Drop, Found, Layer
from pruner_gui.evaluation.products import Products
from pruner_gui.evaluation.program import Array
from pruner_gui.evaluation.rows import SLACK, Rows
from pruner_gui.network import FloatArray

_AHEAD = 16  # trials made together where each has a compensation to be found


class GramLevel(Layer):
    """The last hidden layer in front of linear scores, by the products of its activations.

    With the residuals r = scores - targets, taking drop d times the weights w from the scores changes the sum
    of squares by -2 w . (sum of d r) + |w|^2 (sum of d^2). Both sums follow from the activations' products.
    """

    def __init__(self, index: int, exact: ExactChain, compensation: str, rows: Rows) -> None:
        super().__init__(index, exact, compensation)
        self._scales, self._count = rows.measure.scales, rows.count
        products = exact.products_of(index)
        self._products, self._residuals = products.of_units, products.with_residuals
        self._sizes = np.sqrt(np.diag(self._products))
        self._silent = self._sizes[:-1] == 0
        self.most = ALL if compensation == "none" else _AHEAD
        self._removed = 0.0  # size of what was taken out of the residuals, which has that rounding

    def search(
        self, drops: Sequence[Drop], base: FloatArray, base_error: FloatArray, upper: FloatArray
    ) -> list[Found]:
        """Return the sums of losses without each of some units; see `Layer.search`."""
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
            refused = self._refused(sums, errors, upper)
        count = len(drops) if refused.all() else int(np.argmin(refused)) + 1
        return [Found(sums[i], errors[i], refused=bool(refused[i])) for i in range(count)]

    @staticmethod
    def _refused(sums: FloatArray, errors: FloatArray, upper: FloatArray) -> Array:
        """Say which `(n_drops,)` are above a limit for sure."""
        if not upper.size:
            return np.zeros(len(sums), bool)
        finite: Array = np.all(np.isfinite(sums + errors), axis=1)
        finite &= (sums - errors - SLACK * np.abs(sums) > upper).any(axis=1)
        return finite

    def remove(self, unit: int, drop: Drop | None, *, exactly: bool) -> None:
        """Take the unit of the last trial out."""
        if drop is not None:
            amounts = np.append(drop.coefficients, drop.shift)
            if not drop.coefficients.size:
                amounts = np.zeros(len(self._products))
                amounts[drop.place], amounts[-1] = 1, drop.shift
            w = self.outgoing[drop.place]
            with np.errstate(over="ignore", invalid="ignore"):
                self._residuals -= np.outer(self._products @ amounts, w)
                self._removed += float(w @ w) ** 0.5 * float(np.abs(amounts) @ self._sizes)
        super().remove(unit, drop, exactly=exactly)
