"""Where every neuron is drawn. Made once from the original network: what is removed keeps its place.

Scene coordinates: x to the right, y down, the tallest layer `TALLEST` high. A layer's neurons stand in one
column at equal distances, so that the neuron under a point is found by arithmetic. Columns follow the
longest way from the input; layers that run in parallel share a column, one above the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pruner_gui.network import Activation, IndexArray, Network, UnitFlow

TALLEST = 640.0
WIDEST_SPACING = 100.0
WIDEST_RADIUS = 13.0
_SPAN_EXPONENT = 0.35  # a layer ten times as large is some twice as tall
_ASPECT = 2.1  # width of the whole, where the columns are neither too close nor too far apart
_PITCH = (170.0, 480.0)
_GAP = 120.0  # between layers that share a column, and between a column and the links that pass below it
_SQUEEZE = 0.08  # how much narrower a bundle is where it passes below a column

Ys = npt.NDArray[np.float64]
Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class Camera:
    """What a view shows: pixels a scene unit, and the scene point in its top left corner."""

    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0

    @classmethod
    def fitting(cls, bounds: Rect, room: Rect) -> Camera:
        """Show all of `bounds` (scene) in the middle of `room` (view): both left, top, right, bottom."""
        wide, high = bounds[2] - bounds[0], bounds[3] - bounds[1]
        scale = max(1e-3, min((room[2] - room[0]) / max(wide, 1.0), (room[3] - room[1]) / max(high, 1.0)))
        return cls(
            scale,
            (bounds[0] + bounds[2]) / 2 - (room[0] + room[2]) / 2 / scale,
            (bounds[1] + bounds[3]) / 2 - (room[1] + room[3]) / 2 / scale,
        )

    def to_view(self, x: float, y: float) -> tuple[float, float]:
        """Return where a scene point is in the view."""
        return (x - self.left) * self.scale, (y - self.top) * self.scale

    def to_scene(self, x: float, y: float) -> tuple[float, float]:
        """Return the scene point at a place in the view."""
        return self.left + x / self.scale, self.top + y / self.scale

    def zoomed(self, scale: float, x: float, y: float) -> Camera:
        """Return a camera of another scale that keeps the scene point at (x, y) of the view in place."""
        kept_x, kept_y = self.to_scene(x, y)
        return Camera(scale, kept_x - x / scale, kept_y - y / scale)

    def moved(self, dx: float, dy: float) -> Camera:
        """Return a camera whose picture has moved by this many pixels."""
        return Camera(self.scale, self.left - dx / self.scale, self.top - dy / self.scale)


@dataclass(frozen=True, eq=False)
class Layer:
    """A visible layer: `units` are the original indices, from top to bottom."""

    name: str
    activation: str
    units: IndexArray
    x: float
    top: float
    spacing: float
    is_input: bool = False
    is_output: bool = False

    @property
    def radius(self) -> float:
        """Radius of a neuron, smaller where they stand close."""
        return min(WIDEST_RADIUS, 0.36 * self.spacing)

    @property
    def bottom(self) -> float:
        """Where the last neuron is."""
        return self.top + self.spacing * (self.units.size - 1)

    @property
    def y(self) -> Ys:
        """Centres of the neurons, by position."""
        return np.asarray(self.top + self.spacing * np.arange(self.units.size), np.float64)

    def positions(self, units: npt.ArrayLike) -> IndexArray:
        """Return the positions of original indices; those that the layer does not have are left out."""
        wanted = np.asarray(units, np.intp)
        if not wanted.size:
            return wanted
        order = self._sorted
        places = np.searchsorted(self.units, wanted, sorter=order).clip(max=self.units.size - 1)
        found = order[places]
        return found[self.units[found] == wanted]

    @cached_property
    def _sorted(self) -> IndexArray:
        return np.argsort(self.units)


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a link between two columns: a curve from `(x0, y0[i])` to `(x1, y1[j])`.

    `i` is the source's position; so is `j`, but in a link's last piece it is the target's.
    """

    x0: float
    x1: float
    y0: Ys
    y1: Ys


@dataclass(frozen=True, eq=False)
class Layout:
    """The places of all layers and the ways of the links between them. Layers are in network order."""

    layers: tuple[Layer, ...]
    columns: tuple[int, ...]
    links: tuple[tuple[int, int], ...]

    @classmethod
    def from_sizes(cls, sizes: Sequence[int]) -> Layout:
        """Lay out a chain of layers of these sizes."""
        units = [np.arange(size) for size in sizes]
        names = ["input", *(f"dense_{i}" for i in range(1, len(sizes)))]
        chain = [(i, i + 1) for i in range(len(sizes) - 1)]
        return cls._place(names, ["linear"] * len(sizes), units, chain, {len(sizes) - 1})

    @classmethod
    def from_network(cls, network: Network, units: Mapping[str, IndexArray] | None = None) -> Layout:
        """Lay out the input and every dense layer of a network of any shape.

        `units` says in which order the units of some layers stand, by the layer's name.
        """
        nodes = [node for node in network.nodes if node.op.flow is UnitFlow.CREATES]
        index = {node.name: i for i, node in enumerate(nodes)}
        links = sorted({(index[link.source], index[link.target]) for link in network.links})
        inner = {layer.name for layer in network.hidden_layers} | {network.input.name}
        outputs = {i for i, node in enumerate(nodes) if node.name not in inner}
        activations = [_activation_after(network, node.name) for node in nodes]
        return cls._place(
            [node.name for node in nodes],
            activations,
            [(units or {}).get(node.name, node.units) for node in nodes],
            links,
            outputs,
        )

    @classmethod
    def _place(
        cls,
        names: Sequence[str],
        activations: Sequence[str],
        units: Sequence[IndexArray],
        links: Sequence[tuple[int, int]],
        outputs: set[int],
    ) -> Layout:
        columns = _columns(len(names), links)
        spacings = _spacings([array.size for array in units])
        tops = _tops(columns, [s * (u.size - 1) for s, u in zip(spacings, units, strict=True)])
        low, high = _PITCH
        pitch = min(high, max(low, -2 * min(tops) * _ASPECT / max(1, *columns)))
        layers = tuple(
            Layer(
                names[i],
                activations[i],
                units[i],
                columns[i] * pitch,
                tops[i],
                spacings[i],
                i == 0,
                i in outputs,
            )
            for i in range(len(names))
        )
        return cls(layers, tuple(columns), tuple(links))

    @cached_property
    def bounds(self) -> Rect:
        """Left, top, right, bottom of all neurons and links."""
        if not self.layers:
            return 0.0, 0.0, 1.0, 1.0
        passing = [
            float(y.max()) for link in self.links for y in (piece.y1 for piece in self.route(*link)[:-1])
        ]
        return (
            min(layer.x - layer.radius for layer in self.layers),
            min(layer.top - layer.radius for layer in self.layers),
            max(layer.x + layer.radius for layer in self.layers),
            max([layer.bottom + layer.radius for layer in self.layers] + passing),
        )

    def layer_index(self, name: str) -> int:
        """Return the visible layer of this name.

        Raises:
            KeyError: there is none.
        """
        for index, layer in enumerate(self.layers):
            if layer.name == name:
                return index
        raise KeyError(name)

    def place(self, layer: int, unit: int) -> tuple[float, float] | None:
        """Return the centre of a neuron, or None where there is no such neuron."""
        if not 0 <= layer < len(self.layers):
            return None
        position = self.layers[layer].positions([unit])
        if not position.size:
            return None
        return self.layers[layer].x, self.layers[layer].top + self.layers[layer].spacing * float(position[0])

    def neuron_at(self, x: float, y: float, reach: float = 0.0) -> tuple[int, int] | None:
        """Return (layer, original unit) of the neuron at a point, up to `reach` beyond its radius."""
        for index, layer in enumerate(self.layers):
            near = layer.radius + reach
            if abs(x - layer.x) > near:
                continue
            position = min(max(round((y - layer.top) / layer.spacing), 0), layer.units.size - 1)
            if abs(y - layer.top - position * layer.spacing) <= near:
                return index, int(layer.units[position])
        return None

    def route(self, source: int, target: int) -> tuple[Piece, ...]:
        """Return the way of a link: one piece, or, passing below the columns it skips, several."""
        start, end = self.layers[source], self.layers[target]
        first, last = self.columns[source], self.columns[target]
        bundle = (start.y - (start.top + start.bottom) / 2) * _SQUEEZE
        lane = [link for link in self.links if self.columns[link[1]] - self.columns[link[0]] > 1]
        x, y, pieces = start.x, start.y, []
        for column in range(first + 1, last):
            here = [layer for layer, c in zip(self.layers, self.columns, strict=True) if c == column]
            depth = _GAP * (0.5 + 0.4 * lane.index((source, target)))
            below = max(layer.bottom for layer in here) + depth + bundle
            pieces.append(Piece(x, here[0].x, y, below))
            x, y = here[0].x, below
        return (*pieces, Piece(x, end.x, y, end.y))


def _activation_after(network: Network, name: str) -> str:
    """The activation that first reads a node, through what keeps its units ("linear" when there is none)."""
    for node in network.nodes:
        if name in node.inputs:
            if isinstance(node.op, Activation):
                return node.op.kind
            if node.op.flow is UnitFlow.KEEPS:
                return _activation_after(network, node.name)
    return "linear"


def _columns(count: int, links: Iterable[tuple[int, int]]) -> list[int]:
    """The column of every layer: the longest way from the input."""
    columns = [0] * count
    for source, target in sorted(links, key=lambda link: link[1]):
        columns[target] = max(columns[target], columns[source] + 1)
    return columns


def _spacings(sizes: Sequence[int]) -> list[float]:
    """The distance of neighbours in every layer: spans grow like n^0.35, up to a widest spacing."""
    largest = max(sizes, default=1)
    spans = [TALLEST * (size / largest) ** _SPAN_EXPONENT for size in sizes]
    return [min(WIDEST_SPACING, span / max(1, size - 1)) for span, size in zip(spans, sizes, strict=True)]


def _tops(columns: Sequence[int], spans: Sequence[float]) -> list[float]:
    """The top of every layer: each column is centred on y = 0."""
    tops = [0.0] * len(columns)
    for column in set(columns):
        here = [i for i, c in enumerate(columns) if c == column]
        y = -(sum(spans[i] for i in here) + _GAP * (len(here) - 1)) / 2
        for i in here:
            tops[i] = y
            y += spans[i] + _GAP
    return tops
