"""Sums over rows of products of activations, which is all that squares of linear scores depend on."""

from __future__ import annotations

import threading

import numpy as np

from pruner_gui.evaluation.threads import Spare
from pruner_gui.network import FloatArray


class Products:
    """The products of a layer's units with each other and with the residuals, added up over rows.

    One more unit stands last that is always 1. `of_units` `(units + 1, units + 1)` comes from float32 values,
    `with_residuals` `(units + 1, n_outputs)` from float64 ones.
    """

    ROUNDING = 1e-6  # of products made in float32, relative to the sizes multiplied

    def __init__(self, units: int, outputs: int) -> None:
        self.of_units = np.zeros((units + 1, units + 1))
        self.with_residuals = np.zeros((units + 1, outputs))
        self._lock, self._spare = threading.Lock(), Spare()

    def add(self, activations: FloatArray, residuals: FloatArray) -> None:
        """Add rows: activations `(n_rows, units)` and residuals `(n_rows, n_outputs)`. Any thread may."""
        rows, n = activations.shape
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is decided exactly
            rough = self._spare.of("rough", (rows, n + 1), np.float32)
            rough[:, :n] = activations
            rough[:, n] = 1
            with_residuals, residual = activations.T @ residuals, residuals.sum(axis=0)
            units = np.matmul(rough.T, rough, out=self._spare.of("units", (n + 1, n + 1), np.float32))
        with self._lock:
            self.of_units += units
            self.with_residuals[:n] += with_residuals
            self.with_residuals[n] += residual
