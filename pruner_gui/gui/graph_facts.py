"""What hovering tells of neurons and connections, worked out once a network in the drawing thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pruner_gui.gui.edge_raster import EdgeBlock, Floats, Indices
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.network import IndexArray

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
    """The figures of a network as it is laid out. `ranks` are -|w| ascending, by pair of layers."""

    layout: Layout
    layers: tuple[LayerFacts, ...]
    ranks: Mapping[tuple[int, int], Floats]

    @classmethod
    def of(cls, blocks: Sequence[EdgeBlock], layout: Layout) -> Facts:
        """Work out the figures from all connections, strongest first."""
        layers = []
        for layer in layout.layers:
            size = layer.units.size
            counts = np.zeros(size, np.intp), np.zeros(size, np.intp)
            layers.append(LayerFacts(*counts, np.zeros(size, np.float32), np.zeros(size, np.float32)))
        for block in blocks:
            start, end = layers[block.source_layer], layers[block.target_layer]
            _count(block.source, block.weight, start.n_out, start.strongest_out)
            _count(block.target, block.weight, end.n_in, end.strongest_in)
        ranks = {(block.source_layer, block.target_layer): -np.abs(block.weight) for block in blocks}
        return cls(layout, tuple(layers), ranks)

    def of_neuron(self, layer: int, unit: int) -> tuple[LayerFacts, int] | None:
        """Return the figures of a layer and the neuron's position in them."""
        if layer >= len(self.layers):
            return None
        place = self.layout.layers[layer].positions([unit])
        return (self.layers[layer], int(place[0])) if place.size else None

    def rank(self, edge: EdgeHit) -> tuple[float, float] | None:
        """Return the shares of the connections between its layers that are weaker, and that are stronger."""
        ranks = self.ranks.get((edge.source[0], edge.target[0]))
        if ranks is None or not ranks.size:
            return None
        here = -np.float32(abs(edge.weight))
        stronger, others = (np.searchsorted(ranks, here, side=side) for side in ("left", "right"))
        return 1 - float(others) / ranks.size, float(stronger) / ranks.size


def _count(ends: Indices, weights: Floats, counts: IndexArray, strongest: Floats) -> None:
    counts += np.bincount(ends, minlength=counts.size)
    found = np.zeros_like(strongest)
    found[ends[::-1]] = weights[::-1]  # the last one written is the first, the strongest
    better = np.abs(found) > np.abs(strongest)
    strongest[better] = found[better]


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
        if edge is not None and (best is None or abs(block.weight[edge]) > best[0]):
            best = (abs(float(block.weight[edge])), block, edge)
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
