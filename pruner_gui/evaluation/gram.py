"""The last hidden layer where errors are squares: sums over rows are made once, and a trial looks at none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pruner_gui.evaluation.exact import ExactChain
from pruner_gui.evaluation.layer import Drop, Found, Layer
from pruner_gui.evaluation.products import Products
from pruner_gui.evaluation.rows import Rows
from pruner_gui.network import FloatArray


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
        self._removed = 0.0  # size of what was taken out of the residuals, which has that rounding

    def search(
        self, drops: Sequence[Drop], base: FloatArray, base_error: FloatArray, upper: FloatArray
    ) -> list[Found]:
        """Return the sums of losses without each of some units; see `Layer.search`."""
        with np.errstate(over="ignore", invalid="ignore"):
            return [self._trial(drop, base, base_error) for drop in drops]

    def _trial(self, drop: Drop, base: FloatArray, base_error: FloatArray) -> Found:
        w = self.outgoing[drop.place]
        if drop.coefficients.size:
            amounts = np.append(drop.coefficients, drop.shift)
            cross = float(w @ (amounts @ self._residuals))
            square = float(amounts @ (self._products @ amounts))
            size = float(np.abs(amounts) @ self._sizes)
        else:
            place, shift, last = drop.place, drop.shift, len(self._products) - 1
            cross = float(w @ (self._residuals[place] + shift * self._residuals[last]))
            square = float(self._products[place, place])
            square += shift * (2 * float(self._products[place, last]) + shift * self._count)
            size = float(self._sizes[place]) + abs(shift) * float(self._sizes[last])
        weight = float(w @ w)
        rise = weight * square - 2 * cross
        off = Products.ROUNDING * (weight * size * size + 2 * weight**0.5 * size * self._removed)
        error = self._scales * off + 1e-12 * np.abs(base)
        return Found(base + self._scales * rise, error + base_error)

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
