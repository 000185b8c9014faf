"""The points that a run went through: the network after each accepted edit, and which points stand out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pruner_gui.network import Edit, Network, RemoveUnits

_KEPT = 64_000_000  # weights that the networks kept at hand may have together
_PIECES = 32  # networks made when a trajectory is made again


class Trajectory:
    """The networks of a run, made again from its edits when they are asked for.

    As many are kept as fit in memory, spread evenly: any other is a few edits behind one of them.
    """

    def __init__(self, start: Network) -> None:
        self._start = start
        self._edits: list[Edit] = []
        self._kept: dict[int, Network] = {0: start}

    @classmethod
    def again(cls, start: Network, edits: Sequence[Edit]) -> Trajectory:
        """Return that of a run that accepted these edits; some of its networks are made now."""
        trajectory = cls(start)
        trajectory._edits = list(edits)
        each = max(1, -(-len(edits) // _PIECES))
        network = start
        for first in range(0, len(edits), each):
            done = min(first + each, len(edits))
            trajectory._kept[done] = network = replayed(network, edits[first:done])
            trajectory._stay_small()
        return trajectory

    def __len__(self) -> int:
        return len(self._edits)

    def add(self, edit: Edit, network: Network) -> None:
        """Take note of an accepted edit and the network it gave."""
        self._edits.append(edit)
        self._kept[len(self._edits)] = network
        self._stay_small()

    def network(self, accepted: int) -> Network:
        """Return the network after so many of the accepted edits.

        Raises:
            IndexError: there were not so many.
        """
        if not 0 <= accepted <= len(self._edits):
            raise IndexError(accepted)
        nearest = max(index for index in self._kept if index <= accepted)
        found = replayed(self._kept[nearest], self._edits[nearest:accepted])
        if accepted not in self._kept and found.parameters * 2 < _KEPT:
            self._kept[accepted] = found
            self._stay_small()
        return found

    def _stay_small(self) -> None:
        """Where they are too large together let go of every other network but the first and the last."""
        if sum(each.parameters for each in self._kept.values()) <= _KEPT:
            return
        indices = sorted(self._kept)
        for index in indices[1:-1:2]:
            del self._kept[index]


def replayed(network: Network, edits: Sequence[Edit]) -> Network:
    """Return what these edits make of a network, one after the other.

    Removals that fold nothing into other layers are done together.
    """
    together: dict[str, list[int]] = {}
    for edit in edits:
        if isinstance(edit, RemoveUnits) and not edit.folds:
            together.setdefault(edit.node, []).extend(edit.units)
            continue
        if together:
            network, together = network.without(together), {}
        network = edit.apply(network)
    return network.without(together) if together else network


def knee(errors: Sequence[float], neurons: Sequence[int]) -> int | None:
    """Return the point from which on errors begin to rise steeply, None where there is none.

    Both axes scaled from 0 to 1, it is the point farthest below the straight line from the first to the last
    (Satopaa, Albrecht, Irwin and Raghavan, Finding a Kneedle in a Haystack, 2011).
    """
    rise, gone = np.asarray(errors, np.float64), neurons[0] - np.asarray(neurons, np.float64)
    # What falls before it rises counts from its lowest point so far.
    rise = np.maximum.accumulate(rise)
    if len(rise) < 3 or rise[-1] <= rise[0] or gone[-1] <= 0:
        return None
    below = gone / gone[-1] - (rise - rise[0]) / (rise[-1] - rise[0])
    best = int(np.argmax(below))
    return best if below[best] > 0.1 else None


def lowest(errors: Sequence[float]) -> int | None:
    """Return the last point of lowest error, None where no point is below the first."""
    values = np.asarray(errors, np.float64)
    if not len(values) or values.min() >= values[0]:
        return None
    return int(np.flatnonzero(values == values.min())[-1])
