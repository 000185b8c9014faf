"""How strong connections are by another measure than |w|, in the shape of a network, to be drawn like one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pruner_gui.evaluation import Objective
from pruner_gui.gui.spare import Strongest
from pruner_gui.network import Dense, FloatArray, Network, Op
from pruner_gui.pruning.connections import strengths

_LEAST = 1e-9  # of the largest: what a connection has that is there, but does nothing


@dataclass(frozen=True, eq=False)
class Strengths:
    """The strengths of a network's connections by a ranking of `pruning.connections`.

    `values` is the network with strengths in place of its weights: zero only where a weight is. `strongest`
    are those of every neuron.
    """

    kind: str
    values: Network
    strongest: Strongest

    @classmethod
    def of(cls, network: Network, kind: str, objective: Objective | None) -> Strengths:
        """Measure; only "magnitude" needs no objective."""
        if kind == "magnitude":
            return cls(kind, network, Strongest.of(network, _sizes(network)))
        measured = strengths(network, kind, objective)
        largest = max((float(strength.max()) for strength in measured.values()), default=0.0)
        ops: dict[str, Op] = {}
        for node, dense in network.dense:
            there = np.maximum(measured[node.name], _LEAST * largest)
            ops[node.name] = Dense(np.where(dense.weight != 0, there, 0.0), dense.bias)
        values = network.with_ops(ops)
        _ = values.links, values.strongest
        return cls(kind, values, Strongest.of(network, _sizes(values)))

    def of_edge(self, source: tuple[str, int], target: tuple[str, int]) -> float | None:
        """Return the strength between two units, each as (visible layer, original unit); None: it is gone."""
        for link in self.values.links:
            if (link.source, link.target) == (source[0], target[0]):
                sources = self.values.by_name[source[0]].units[link.sources]
                found = np.abs(
                    link.weight[sources == source[1]][:, self.values.by_name[target[0]].units == target[1]]
                )
                if found.size:
                    return float(found.max())
        return None


def _sizes(network: Network) -> dict[str, FloatArray]:
    return {node.name: np.abs(dense.weight) for node, dense in network.dense}
