"""Neurons that cost nothing, neurons with weak connections only, and connections that are zero already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from pruner_gui.network import BoolArray, FloatArray, Network
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

    Those of `kept` stay, and so do the last `least` of every layer, by default one.
    """
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


def weakly_connected(
    network: Network, strengths: Mapping[str, FloatArray], threshold: float
) -> dict[str, tuple[int, ...]]:
    """Return, by hidden layer, the units whose connections in, or whose connections out, are all weak.

    A connection is weak where its strength, `(n_in, n_out)` by dense layer, is below the threshold. Units
    without any connection in or out are not among them: those are disconnected.
    """
    strong = {name: strength >= threshold for name, strength in strengths.items()}
    there = {node.name: dense.weight != 0 for node, dense in network.dense}
    hears, hears_well = _outgoing(network, there), _outgoing(network, strong)
    found: dict[str, tuple[int, ...]] = {}
    for layer in network.hidden_layers:
        tags = network.tags[layer.name]
        gives, gives_well = np.isin(tags, hears), np.isin(tags, hears_well)
        gets, gets_well = there[layer.name].any(axis=0), strong[layer.name].any(axis=0)
        weak = layer.prunable & gives & gets & ~(gives_well & gets_well)
        if weak.any():
            found[layer.name] = tuple(layer.units[weak].tolist())
    return found


def _outgoing(network: Network, masks: Mapping[str, BoolArray]) -> list[int]:
    """Return the tags of what dense layers read by connections of these masks `(n_in, n_out)`."""
    return [
        int(tag)
        for node, _ in network.dense
        for tag in network.tags[node.inputs[0]][masks[node.name].any(axis=1)]
    ]
