"""Neurons that cost nothing, neurons with weak connections only, and connections that are zero already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from pruner_gui.network import FloatArray, IndexArray, Network
from pruner_gui.pruning import Protected
from pruner_gui.pruning.free import Free, free_removals
from pruner_gui.pruning.trajectory import replayed


@dataclass(frozen=True)
class FreeNeurons:
    """What can go from a network one after the other without changing an output.

    `on_data` is whether rows were there to find constant outputs on. `zeros` counts the connections that
    are zero, but stored as any other.
    """

    found: tuple[Free, ...]
    on_data: bool
    zeros: int

    @property
    def exact(self) -> tuple[Free, ...]:
        """Those that no input can tell the difference of."""
        return tuple(free for free in self.found if free.exact)

    @property
    def constant(self) -> tuple[Free, ...]:
        """Those that no row of the data can tell the difference of."""
        return tuple(free for free in self.found if not free.exact)


def free_neurons(
    network: Network,
    rows: FloatArray | None,
    kept: Protected,
    least: Mapping[str, int] = MappingProxyType({}),
) -> FreeNeurons:
    """Look for all neurons that cost nothing, on rows `(n_samples, n_inputs)` if there are any.

    Those of `kept` stay, and so do the last `least` of every layer, by default one. Of weights that are no
    numbers nothing is known.
    """
    if network.non_finite_count:
        return FreeNeurons((), rows is not None, network.macs - network.connections)
    found = tuple(free for free, _ in free_removals(network, rows, kept, least))
    return FreeNeurons(found, rows is not None, network.macs - network.connections)


@dataclass(frozen=True)
class Folded:
    """A network without `count` neurons that cost nothing.

    `difference` is the largest of its outputs from those before, relative to the largest output, over `rows`
    random inputs.
    """

    network: Network
    count: int
    difference: float
    rows: int = 256


def folded(network: Network, found: Sequence[Free]) -> Folded:
    """Return a network without what costs nothing for any input, and how exactly that holds."""
    smaller = replayed(network, [free.edit for free in found])
    inputs = np.random.default_rng(0).normal(size=(Folded.rows, network.n_inputs))
    before, after = network.forward(inputs), smaller.forward(inputs)
    scale = float(np.abs(before).max()) or 1.0
    return Folded(smaller, len(found), float(np.abs(after - before).max()) / scale)


@dataclass(frozen=True)
class Weak:
    """A neuron whose connections in, out, or both are all weak, with the strongest; None: not all are."""

    layer: str
    unit: int
    into: float | None
    out: float | None


@dataclass(frozen=True)
class Strongest:
    """The strongest connections in and out, `(n_units,)` each, of hidden neurons that are connected.

    Units without any connection in or out are not among them: those are disconnected.
    """

    layers: tuple[str, ...]
    units: tuple[IndexArray, ...]
    into: tuple[FloatArray, ...]
    out: tuple[FloatArray, ...]

    @staticmethod
    def of(network: Network, strengths: Mapping[str, FloatArray]) -> Strongest:
        """Look at all connections; their strengths are `(n_in, n_out)` by dense layer."""
        count = 1 + max(int(tags.max(initial=0)) for tags in network.tags.values())
        outgoing, reads = np.zeros(count), np.zeros(count, bool)
        weights = {node.name: dense.weight for node, dense in network.dense}
        for node, _ in network.dense:
            tags = network.tags[node.inputs[0]]
            np.maximum.at(outgoing, tags, strengths[node.name].max(axis=1, initial=0))
            np.logical_or.at(reads, tags, (weights[node.name] != 0).any(axis=1))
        names, found = [], []
        for layer in network.hidden_layers:
            tags = network.tags[layer.name]
            there = layer.prunable & reads[tags] & (weights[layer.name] != 0).any(axis=0)
            into = strengths[layer.name].max(axis=0, initial=0)
            names.append(layer.name)
            found.append((layer.units[there], into[there], outgoing[tags[there]]))
        units, into_all, out_all = zip(*found, strict=True) if found else ((), (), ())
        return Strongest(tuple(names), units, into_all, out_all)

    def weak(self, threshold: float) -> tuple[Weak, ...]:
        """Return the neurons whose connections in, or whose connections out, are all below the threshold."""
        found = []
        for layer, units, into, out in zip(self.layers, self.units, self.into, self.out, strict=True):
            for at in np.flatnonzero((into < threshold) | (out < threshold)):
                sides = [float(side[at]) if side[at] < threshold else None for side in (into, out)]
                found.append(Weak(layer, int(units[at]), *sides))
        return tuple(found)
