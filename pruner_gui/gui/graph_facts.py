"""What hovering tells of neurons and connections, worked out once a network in the drawing thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pruner_gui.gui.edge_raster import EdgeBlock, Floats
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.network import FloatArray, IndexArray, Network

Neuron = tuple[int, int]  # (visible layer, original unit)


@dataclass(frozen=True)
class EdgeHit:
    """A connection. Its ends are (visible layer, original unit)."""

    source: Neuron
    target: Neuron
    weight: float


@dataclass(frozen=True, eq=False)
class LayerFacts:
    """By position in the layer: connections other than zero, and the strongest of them (0: none)."""

    n_in: IndexArray
    n_out: IndexArray
    strongest_in: Floats
    strongest_out: Floats


@dataclass(frozen=True, eq=False)
class Facts:
    """The figures of all connections of a network as it is laid out, `weights` by pair of layers."""

    layout: Layout
    layers: tuple[LayerFacts, ...]
    weights: Mapping[tuple[int, int], tuple[FloatArray, ...]]

    @classmethod
    def of(cls, network: Network, layout: Layout) -> Facts:
        """Work out the figures of a network: the layout's, or one cut down from it."""
        layers, weights = [], defaultdict[tuple[int, int], list[FloatArray]](list)
        for layer in layout.layers:
            size = layer.units.size
            counts = np.zeros(size, np.intp), np.zeros(size, np.intp)
            layers.append(LayerFacts(*counts, np.zeros(size, np.float32), np.zeros(size, np.float32)))
        for link in network.links:
            source, target = layout.layer_index(link.source), layout.layer_index(link.target)
            rows = layout.layers[source].positions(network.by_name[link.source].units[link.sources])
            columns = layout.layers[target].positions(network.by_name[link.target].units)
            _count(link.weight, rows, layers[source].n_out, layers[source].strongest_out)
            _count(link.weight.T, columns, layers[target].n_in, layers[target].strongest_in)
            weights[source, target].append(link.weight)
        return cls(layout, tuple(layers), {pair: tuple(found) for pair, found in weights.items()})

    def of_neuron(self, layer: int, unit: int) -> tuple[LayerFacts, int] | None:
        """Return the figures of a layer and the neuron's position in them."""
        if layer >= len(self.layers):
            return None
        place = self.layout.layers[layer].positions([unit])
        return (self.layers[layer], int(place[0])) if place.size else None

    def rank(self, edge: EdgeHit) -> tuple[float, float] | None:
        """Return the shares of the connections between its layers that are weaker, and that are stronger."""
        here, weaker, stronger, count = np.float32(abs(edge.weight)), 0, 0, 0
        for weights in self.weights.get((edge.source[0], edge.target[0]), ()):
            magnitudes = np.abs(weights, dtype=np.float32, casting="same_kind")
            stronger += int(np.count_nonzero(magnitudes > here))
            weaker += int(np.count_nonzero(magnitudes < here)) - int(np.count_nonzero(magnitudes == 0))
            count += int(np.count_nonzero(magnitudes))
        return (weaker / count, stronger / count) if count else None


def _count(weights: FloatArray, places: IndexArray, counts: IndexArray, strongest: Floats) -> None:
    """Count for those that have a row each of `weights`, and note the largest of it."""
    np.add.at(counts, places, np.count_nonzero(weights, axis=1))
    found = weights[np.arange(places.size), np.abs(weights).argmax(axis=1)]
    better = np.abs(found) > np.abs(strongest[places])
    strongest[places[better]] = found[better]


@dataclass(frozen=True, eq=False)
class EdgePlace:
    """Where a connection is in what is drawn."""

    block: EdgeBlock
    edge: int

    def hit(self, layout: Layout) -> EdgeHit:
        """Return which connection it is."""
        block, edge = self.block, self.edge
        source, target = layout.layers[block.source_layer], layout.layers[block.target_layer]
        return EdgeHit(
            (block.source_layer, int(source.units[block.source[edge]])),
            (block.target_layer, int(target.units[block.target[edge]])),
            float(block.weight[edge]),
        )


def find_edge(blocks: Sequence[EdgeBlock], layout: Layout, edge: EdgeHit) -> EdgePlace | None:
    """Return where a connection is in the blocks, or None where it is gone."""
    for block in blocks:
        if (block.source_layer, block.target_layer) == (edge.source[0], edge.target[0]):
            source = layout.layers[block.source_layer].positions([edge.source[1]])
            target = layout.layers[block.target_layer].positions([edge.target[1]])
            if source.size and target.size:
                here = np.flatnonzero((block.source == source[0]) & (block.target == target[0]))
                return EdgePlace(block, int(here[0])) if here.size else None
    return None


def strongest_edge(blocks: Sequence[EdgeBlock], x: float, y: float, reach: float) -> EdgePlace | None:
    """Return the strongest connection that passes a point of the scene within `reach`."""
    best: tuple[float, EdgeBlock, int] | None = None
    for block in blocks:
        edge = block.strongest_at(x, y, reach)
        if edge is not None and (best is None or block.strength[edge] > best[0]):
            best = (float(block.strength[edge]), block, edge)
    return EdgePlace(*best[1:]) if best is not None else None


def next_neuron(
    layout: Layout, left: Sequence[IndexArray], start: Neuron, across: int, down: int
) -> Neuron | None:
    """Return the next neuron up or down its layer, or the nearest one in the next layer.

    `left` are the positions in each layer that can be chosen.
    """
    layer = min(max(start[0] + across, 0), len(layout.layers) - 1)
    place, there = layout.place(*start), layout.layers[layer]
    if place is None or not left[layer].size:
        return None
    ys = there.y[left[layer]]
    beyond = np.flatnonzero((ys - place[1]) * down > 0) if down else np.arange(ys.size)
    if not beyond.size:
        return None
    nearest = beyond[np.argmin(np.abs(ys[beyond] - place[1]))]
    return layer, int(there.units[left[layer][nearest]])
