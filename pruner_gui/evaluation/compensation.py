"""What a layer's remaining units can say about one that goes, so that its readers lose less.

- "none": nothing, as in the textbook
- "mean": its mean over the rows
- "refit": its least-squares estimate from the units that stay and a constant

With the covariance C of a layer's activations, scaled to unit variances, P the inverse of C + RIDGE I over
the units that are left, the estimate of unit u from the others has the coefficients -P[:, u] / P[u, u];
without u, P becomes P - P[:, u] P[u, :] / P[u, u] (block inversion, see Golub and Van Loan, Matrix
Computations).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pruner_gui.network import FloatArray, Fold, IndexArray, Network, RemoveUnits

COMPENSATIONS = ("none", "mean", "refit")

# Relative to a unit's variance. Twins and dead units make the covariance singular; this decides between the
# many solutions there are then, and costs nothing that could be seen in an error.
RIDGE = 1e-6
# Units that vary by less than a thousandth are taken as constant: estimates that lean on them need huge
# weights, which rounding spoils.
_CONSTANT = 1e-6  # of the mean square


@dataclass(frozen=True, eq=False)
class Moments:
    """Means `(units,)` and covariance `(units, units)` of activations over rows, in float64."""

    mean: FloatArray
    covariance: FloatArray

    @staticmethod
    def of(rows: int, total: FloatArray, products: FloatArray) -> Moments:
        """Return them from the sums `(units,)` and the sums of products `(units, units)` over `rows` rows."""
        mean = total / rows
        covariance = products / rows - np.outer(mean, mean)
        constant = np.diag(covariance) <= _CONSTANT * np.diag(products) / rows
        covariance[constant] = 0
        covariance[:, constant] = 0
        return Moments(mean, covariance)


class Estimator:
    """Estimates each unit of a layer from the others that are left."""

    REFRESH = 8  # removals after which the inverse is made anew: downdates add up rounding

    def __init__(self, moments: Moments, left: IndexArray) -> None:
        self._moments = moments
        deviation = np.sqrt(np.diag(moments.covariance))
        self._scale = np.where(deviation > 0, deviation, 1.0)
        self._left = np.zeros(len(moments.mean), bool)
        self._left[left] = True
        self._downdates = 0
        self.refresh()

    def refresh(self) -> None:
        """Make the inverse anew."""
        left = np.flatnonzero(self._left)
        scale = self._scale[left]
        matrix = self._moments.covariance[np.ix_(left, left)] / np.outer(scale, scale)
        matrix[np.diag_indices_from(matrix)] += RIDGE
        self._inverse = np.zeros_like(self._moments.covariance)
        self._inverse[np.ix_(left, left)] = np.linalg.inv(matrix)
        self._downdates = 0

    def estimate(self, unit: int) -> tuple[FloatArray, float]:
        """Return the coefficients `(units,)` of the other units, zero for those gone, and the constant."""
        column = self._inverse[:, unit]
        coefficients = -column / column[unit] * (self._scale[unit] / self._scale)
        coefficients[unit] = 0
        constant = float(self._moments.mean[unit] - coefficients @ self._moments.mean)
        return coefficients, constant

    def removed(self, unit: int) -> None:
        """Take note that a unit is gone."""
        column = self._inverse[:, unit].copy()
        self._inverse -= np.outer(column, column / column[unit])
        self._inverse[unit] = 0
        self._inverse[:, unit] = 0
        self._left[unit] = False
        self._downdates += 1
        if self._downdates >= self.REFRESH:
            self.refresh()


def with_folds(
    network: Network, edit: RemoveUnits, kind: str, values: Callable[[str], FloatArray]
) -> RemoveUnits:
    """Return the removal with what takes the units' place, in every dense layer that reads them.

    `values` gives what a node puts out for all rows, `(n_samples, units)`. Solves the normal equations anew.
    """
    if kind == "none":
        return edit
    tags = network.tags[edit.node]
    doomed = tags[np.isin(network.by_name[edit.node].units, edit.units)]
    folds = []
    for node, dense in network.dense:
        inputs = network.tags[node.inputs[0]]
        gone = np.flatnonzero(np.isin(inputs, doomed))
        if not gone.size:
            continue
        mates = np.flatnonzero(np.isin(inputs, tags) & ~np.isin(inputs, doomed))
        rows = values(node.inputs[0]).astype(np.float64, copy=False)
        for position in gone:
            coefficients = np.zeros(len(dense.weight))
            target = rows[:, position]
            if kind == "refit":
                coefficients[mates] = ridge_regression(rows[:, mates], target)
            constant = float(target.mean() - rows.mean(axis=0) @ coefficients)
            folds.append(Fold(node.name, int(position), coefficients, constant))
    return replace(edit, folds=tuple(folds))


def ridge_regression(inputs: FloatArray, target: FloatArray) -> FloatArray:
    """Return the coefficients `(n_inputs,)` that estimate `target` `(n_samples,)` best, with a constant."""
    both = np.column_stack([inputs, target])
    moments = Moments.of(len(both), both.sum(axis=0), both.T @ both)
    covariance = moments.covariance[:-1, :-1]
    deviation = np.sqrt(np.diag(covariance))
    scale = np.where(deviation > 0, deviation, 1.0)
    matrix = covariance / np.outer(scale, scale) + RIDGE * np.eye(len(scale))
    solution: FloatArray = np.linalg.solve(matrix, moments.covariance[:-1, -1] / scale) / scale
    return solution
