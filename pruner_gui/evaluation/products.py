"""Sums over rows of products of activations, which is all that squares of linear scores depend on."""

from __future__ import annotations

import threading

import numpy as np

from pruner_gui.evaluation.threads import Spare
from pruner_gui.network import FloatArray


class Products:
    """The products of a layer's units with each other and with the residuals, added up over rows.

    One more unit stands last that is always 1. Any thread may add, each its own rows.
    """

    ROUNDING = 1e-6  # of products made in float32, relative to the sizes multiplied

    def __init__(self, units: int, outputs: int) -> None:
        self._shape = outputs, units + 1
        self._own = threading.local()
        self._sums: list[tuple[FloatArray, FloatArray]] = []
        self._spare = Spare()

    def sums(self) -> tuple[FloatArray, FloatArray]:
        """Return this thread's sums so far, which may be added to.

        Those of units `(units + 1, units + 1)`, and of residuals and units `(n_outputs, units + 1)`.
        """
        if not hasattr(self._own, "sums"):
            self._own.sums = np.zeros((self._shape[1], self._shape[1])), np.zeros(self._shape)
            self._sums.append(self._own.sums)
        sums: tuple[FloatArray, FloatArray] = self._own.sums
        return sums

    def rough(self, rows: int) -> FloatArray:
        """Return room for activations, with the unit that is always 1, `(n_rows, units + 1)` in float32."""
        rough: FloatArray = self._spare.of("rough", (rows, self._shape[1]), np.float32)
        rough[:, -1] = 1
        return rough

    def multiply(self, rough: FloatArray) -> None:
        """Add the products of units."""
        n = self._shape[1]
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is decided exactly
            found = np.matmul(rough.T, rough, out=self._spare.of("units", (n, n), np.float32))
            self.sums()[0][...] += found

    def add(self, activations: FloatArray, residuals: FloatArray) -> None:
        """Add rows: activations `(n_rows, units)` and residuals `(n_rows, n_outputs)`."""
        with_residuals = self.sums()[1]
        rough = self.rough(len(activations))
        with np.errstate(over="ignore", invalid="ignore"):
            rough[:, :-1] = activations
            with_residuals[:, :-1] += residuals.T @ activations
            with_residuals[:, -1] += residuals.sum(axis=0)
        self.multiply(rough)

    def totals(self) -> tuple[FloatArray, FloatArray]:
        """Return the products of units, and those with residuals `(units + 1, n_outputs)`.

        The former come from float32 values, the latter from float64 ones.
        """
        of_units, with_residuals = (np.sum(sums, axis=0) for sums in zip(*self._sums, strict=True))
        return of_units, with_residuals.T
