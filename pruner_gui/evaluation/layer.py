"""One hidden layer of a chain, ready to lose units.

Removing unit u takes `drop * outgoing[u]` from what the next layer gets, `drop` being u's activation less
what a compensation puts in its place.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pruner_gui.evaluation.compensation import Estimator, Moments
from pruner_gui.evaluation.exact import ExactChain
from pruner_gui.network import FloatArray, Fold, RemoveUnits

ALL = 1 << 30  # trials: as many as there are
_NONE = np.zeros(0)


class Drop(NamedTuple):
    """What leaves the next layer's input: `held[place] + shift`, or `coefficients @ held + shift`.

    `coefficients` `(units,)` are empty, or have 1 at `place` and less the compensation's elsewhere.
    """

    place: int
    coefficients: FloatArray
    shift: float

    @property
    def is_plain(self) -> bool:
        """Whether nothing takes the unit's place."""
        return not self.coefficients.size and self.shift == 0


class Found(NamedTuple):
    """Sums of losses, metric by metric, and how far they can be off.

    `partial` ones are too low, and how far they are off is not said. `refused` ones are above a limit for
    sure. What was `taken` is within all limits for sure, and the level went on without it.
    """

    sums: FloatArray
    error: FloatArray
    partial: bool = False
    refused: bool = False
    taken: bool = False


class Layer(abc.ABC):
    """A hidden layer, number `index`, and its weights to the next.

    `outgoing` `(units, n_next)` has a row for every unit that was there when the level began, and may have
    some for units long gone; `bias` `(n_next,)` is the next layer's. `most` trials gain from being made
    together, and a `few` where one may soon be accepted; one that `goes_on` can do so without a unit whose
    removal is within all limits for sure.
    """

    most, few = ALL, 4
    goes_on = False

    def __init__(self, index: int, exact: ExactChain, compensation: str) -> None:
        self.index = index
        self.outgoing, self.bias = exact.outgoing(index).copy(), exact.biases[index + 1]
        self._exact, self._compensation = exact, compensation
        left, columns = set(exact.units[index].tolist()), exact.columns(index).tolist()
        self._place = {unit: place for place, unit in enumerate(columns) if unit in left}
        self._silent = np.zeros(len(columns), bool)
        self._known: dict[int, Drop | None] = {}  # plain drops, by unit
        self._estimator: Estimator | None = None
        self._moments: Moments | None = None

    @abc.abstractmethod
    def search(self, drops: Sequence[Drop | None], now: Found, upper: FloatArray, *, on: bool) -> list[Found]:
        """Return the sums of losses without each of some units, up to the first that may be accepted.

        `now` is what is known of the sums of now. A unit is given up or refused once a sum
        exceeds `upper`, if that is not empty. With `on`, for a level that `goes_on`, what is below for sure
        is taken out, and the search goes on, with `remove` to follow for each. Then `now` is below for sure,
        too, and some of the drops may be None.
        """

    @abc.abstractmethod
    def restore(self) -> None:
        """Undo what was taken out and not followed by `remove`."""

    # -- what goes

    def drop(self, edit: RemoveUnits, *, anew: bool = False) -> Drop | None:
        """Return what a removal takes away; None when that is nothing at all.

        With `anew` a compensation is computed without the rounding of earlier removals.
        """
        (unit,) = edit.units
        if unit in self._known and not (anew or edit.folds):
            return self._known[unit]
        place = self._place[unit]
        plain = self._compensation == "none" and not edit.folds
        if plain and not anew:
            self._know()
            return self._known[unit]
        if not anew and (self._silent[place] or not self.outgoing[place].any()):
            return None
        return Drop(place, _NONE, 0.0) if plain else self._compensated(edit, place, anew)

    def _know(self) -> None:
        """Find what is left to be known of plain drops."""
        nothing = (self._silent | ~self.outgoing.any(axis=1)).tolist()
        self._known = {
            unit: None if nothing[place] else Drop(place, _NONE, 0.0) for unit, place in self._place.items()
        }

    def _compensated(self, edit: RemoveUnits, place: int, anew: bool) -> Drop:
        if edit.folds:
            (fold,) = edit.folds
            mixed = np.zeros(len(self.outgoing))
            mixed[list(self._place.values())] = -fold.coefficients
            mixed[place] = 1
            return Drop(place, mixed, -fold.constant)
        if self._moments is None:
            self._moments = self._exact.moments(self.index)
        if self._compensation == "mean":
            return Drop(place, _NONE, -float(self._moments.mean[place]))
        if self._estimator is None:
            self._estimator = Estimator(self._moments, np.fromiter(self._place.values(), np.intp))
        if anew:
            self._estimator.refresh()
        coefficients, constant = self._estimator.estimate(place)
        coefficients = -coefficients
        coefficients[place] = 1
        return Drop(place, coefficients, -constant)

    def with_fold(self, edit: RemoveUnits, drop: Drop | None) -> RemoveUnits:
        """Return the removal with what takes the unit's place."""
        if drop is None or drop.is_plain or edit.folds:
            return edit
        places = list(self._place.values())
        coefficients: FloatArray = np.zeros(len(places))
        if drop.coefficients.size:
            coefficients = -drop.coefficients[places]
        position = places.index(drop.place)
        coefficients[position] = 0
        target = self._exact.chain.stages[self.index + 1].name
        return replace(edit, folds=(Fold(target, position, coefficients, -drop.shift),))

    def exact(self, drop: Drop) -> FloatArray:
        """Return the sums of losses without a unit, in float64 all through."""
        return self._exact.sums(self.index, *self.after(drop))

    def after(self, drop: Drop) -> tuple[FloatArray, FloatArray]:
        """Return the next layer's weights and bias after a removal, rounded as they would be stored."""
        dense = self._exact.chain.stages[self.index + 1].dense
        outgoing, bias = self.outgoing.copy(), self.bias
        gone = outgoing[drop.place].copy()
        if not drop.is_plain:
            if drop.coefficients.size:
                outgoing -= np.outer(drop.coefficients, gone)
                outgoing = outgoing.astype(dense.weight.dtype).astype(np.float64)
            bias = (bias - drop.shift * gone).astype(dense.bias.dtype).astype(np.float64)
        outgoing[drop.place] = 0
        return outgoing, bias

    def remove(self, unit: int, drop: Drop | None, found: Found) -> None:
        """Take the unit of a trial out, of which that was found."""
        place = self._place.pop(unit)
        if drop is None or drop.is_plain:
            self.outgoing[place] = 0
        else:
            self.outgoing, self.bias = self.after(drop)
            self._known.clear()
        if self._estimator is not None:
            self._estimator.removed(place)

    def left(self) -> FloatArray:
        """Return the next layer's weights of the units that are left."""
        return self.outgoing[list(self._place.values())]
