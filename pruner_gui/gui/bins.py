"""What histograms need: sizes of weights on a logarithmic axis, importances on one that has zero. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pruner_gui.network import FloatArray

Values = npt.NDArray[np.float64]
Counts = npt.NDArray[np.intp]

_BINS = 64
_LOWEST_SHARE = 0.002  # of the weights: smaller ones are in the first bin
_LOWEST = 1e-6  # of the largest weight: where the axis begins at the latest
_ROUNDING = 1e-30  # differences below it mean nothing
_FINEST = 1e-4  # of the largest importance: width of the part that is about linear, at least


@dataclass(frozen=True, eq=False)
class Magnitudes:
    """The |w| of all connections, in ascending order; zeros are no connections."""

    ascending: npt.NDArray[np.float32]

    @classmethod
    def of(cls, weights: Iterable[FloatArray]) -> Magnitudes:
        """Take the weights of some layers, of any shape."""
        parts = [np.abs(weight).astype(np.float32, copy=False).ravel() for weight in weights]
        found = np.concatenate([part[part > 0] for part in parts]) if parts else np.zeros(0, np.float32)
        found.sort()
        return cls(found)

    @property
    def total(self) -> int:
        """Number of connections."""
        return self.ascending.size

    def below(self, threshold: float) -> int:
        """Number of connections with |w| below a threshold."""
        return int(np.searchsorted(self.ascending, np.float32(threshold), side="left"))

    def bins(self) -> tuple[Values, Counts]:
        """Return edges `(n + 1,)`, even on a logarithmic axis, and counts `(n,)`; none without connections.

        The first bin also counts what is smaller than its lower edge.
        """
        if not self.total:
            return np.zeros(0), np.zeros(0, np.intp)
        most = float(self.ascending[-1])
        least = max(float(self.ascending[int(_LOWEST_SHARE * self.total)]), _LOWEST * most)
        edges = np.geomspace(least / 1.5 if least == most else least, most, _BINS + 1)
        places = np.searchsorted(self.ascending, edges.astype(np.float32), side="left")
        places[0], places[-1] = 0, self.total
        return edges, np.diff(places)


@dataclass(frozen=True)
class Stretch:
    """An axis that is about linear within `unit` of zero and logarithmic beyond, on both sides: asinh.

    Harms of neurons span several powers of ten, and some are negative.
    """

    unit: float

    @classmethod
    def of(cls, values: FloatArray, limit: float) -> Stretch:
        """Return the axis that suits these values and this limit."""
        sizes = np.abs(values[values != 0])
        largest = float(np.abs([*sizes, limit]).max())
        typical = float(np.median(sizes)) / 4 if sizes.size else largest
        return cls(max(typical, _FINEST * largest, _ROUNDING))

    def place(self, value: float) -> float:
        """Return where on the axis a value is."""
        return float(np.arcsinh(value / self.unit))

    def value(self, place: float) -> float:
        """Return the value at a place of the axis."""
        return float(self.unit * np.sinh(place))

    def bins(self, values: FloatArray, limit: float) -> tuple[Values, Counts]:
        """Return edges `(n + 1,)` in places of the axis, and counts `(n,)`.

        Zero is an edge, and the limit is between the edges even where no value is.
        """
        ends = [0.0, float(values.min()), float(values.max()), limit]
        low, high = self.place(min(ends)), self.place(max(ends))
        width = ((high - low) or 1.0) / _BINS
        edges = width * np.arange(np.floor(low / width), np.ceil(high / width) + 2)
        counts, _ = np.histogram(np.arcsinh(values / self.unit), edges)
        return edges, counts

    def ticks(self, low: float, high: float, most: int = 9) -> list[float]:
        """Return round values between two places, far enough from each other for about so many.

        Zero goes first, then powers of ten, then twice and five times them; the large before the small.
        """
        largest = max(abs(self.value(low)), abs(self.value(high)), self.unit)
        powers = 10.0 ** np.arange(np.floor(np.log10(largest)), np.floor(np.log10(self.unit)) - 1, -1)
        chosen = [0.0]
        for value in (sign * step * power for step in (1, 5, 2) for power in powers for sign in (1, -1)):
            place = self.place(value)
            room = min(abs(place - self.place(other)) for other in chosen)
            if low <= place <= high and room >= (high - low) / most:
                chosen.append(float(value))
        return sorted(chosen)


def round_sizes(low: float, high: float) -> list[float]:
    """Return round numbers between two positive ones, for a logarithmic axis."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1, 2, 5) if len(powers) < 4 else (1, 3) if len(powers) < 6 else (1,)
    return [s * 10.0**p for p in powers for s in steps if low <= s * 10.0**p <= high]
