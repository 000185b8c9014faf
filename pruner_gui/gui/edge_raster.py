"""Draws the connections of a network into an image. numpy and numba only, no Qt, no state.

Every connection is an S-curve between two columns. Where curves overlap, each pixel belongs to the strongest:
nothing is averaged, so that two signs never mix to mud. Below the crisp curves lies a haze that shows
where the mass of the many faint connections runs. How much ink a curve gets is set by how crowded the
picture is: few connections are thick and plain, of many only the strongest stand out.

The first call compiles (or loads) the kernels and takes seconds: never make it in the window's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numba
import numpy as np
import numpy.typing as npt

from pruner_gui.gui.graph_layout import Layout, Piece, Ys
from pruner_gui.network import IndexArray, Network

Rgb = tuple[int, int, int]
Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]

POSITIVE, NEGATIVE, WEAK = 0, 1, 2
DASH, DASH_PERIOD = 5.0, 9.0  # of weak connections, in logical pixels along x

_STRIP = 64  # columns drawn between two looks at `aborted`
_CELL = 4  # pixels of one haze cell, each way
_FAINTEST = 0.04  # strength below which a curve is left to the haze
_INK = 0.35  # strength of all curves of a block together, a pixel of height
_WEAK_SHARE = 0.6  # weak curves drawn one by one, a pixel of height; of more, some, and the haze of all
_CROWDED = 200  # connections from which a block has a haze and bent curves
_MOST_BINS = 160
_BEND = 0.07
_SEARCHED = 200_000


@dataclass(frozen=True, eq=False)
class EdgeBlock:
    """The connections of one pair of layers, strongest first, and their way through the scene.

    `source` and `target` are positions in the layout's layers; `strength` is |w|, or what it is measured by.
    """

    source_layer: int
    target_layer: int
    source: Indices
    target: Indices
    weight: Floats
    strength: Floats
    pieces: tuple[Piece, ...]

    @cached_property
    def bend(self) -> Floats:
        """How far each curve arches off the plain S, as a share of its rise.

        On two evenly spaced columns many plain curves meet in the same points and leave holes between
        them, which shows as moire. Curves that are a little different do not. It depends on the layers as
        they were laid out, so that curves keep their shape when others go.
        """
        if self.pieces[0].y0.size * self.pieces[-1].y1.size < _CROWDED:
            return np.zeros(self.weight.size, np.float32)
        return (_scatter(self.source, self.target) - np.float32(0.5)) * np.float32(2 * _BEND)

    def ends(self, piece: Piece, chosen: IndexArray | slice = slice(None)) -> tuple[Ys, Ys]:
        """Return the y of some connections at both ends of a piece of the way."""
        target = self.target if piece is self.pieces[-1] else self.source
        return piece.y0[self.source[chosen]], piece.y1[target[chosen]]

    def curves(self, piece: Piece, xs: Ys, chosen: IndexArray | slice) -> Ys:
        """Return the y of some connections at these x of a piece: `(n_chosen, n_xs)`."""
        t = (xs - piece.x0) / (piece.x1 - piece.x0)
        y0, y1 = (y.reshape(-1, 1) for y in self.ends(piece, chosen))
        bend = self.bend[chosen].reshape(-1, 1)
        arch = 16 * t * t * (1 - t) * (1 - t) * bend
        return np.asarray(y0 + (t * t * (3 - 2 * t) + arch) * (y1 - y0), np.float64)

    def heights(self, x: float) -> Ys | None:
        """Return the y of every connection where it passes x, or None where the block has none."""
        for piece in self.pieces:
            if piece.x0 <= x <= piece.x1:
                return self.curves(piece, np.array([x]), slice(None))[:, 0]
        return None

    def strongest_at(self, x: float, y: float, reach: float) -> int | None:
        """Return the strongest connection that passes a point within `reach`, or None.

        Only the strongest 200,000 are looked at, so that the mouse never waits.
        """
        for piece in self.pieces:
            if piece.x0 <= x <= piece.x1:
                target = self.target if piece is self.pieces[-1] else self.source
                t = (x - piece.x0) / (piece.x1 - piece.x0)
                edge = _first_near(
                    self.source[:_SEARCHED], target, piece.y0, piece.y1, self.bend, t, y, reach
                )
                return edge if edge >= 0 else None
        return None

    def only(self, chosen: IndexArray) -> EdgeBlock:
        """Return the block with some of its connections, strongest first."""
        return replace(
            self,
            source=self.source[chosen],
            target=self.target[chosen],
            weight=self.weight[chosen],
            strength=self.strength[chosen],
        )

    def touching(self, layer: int, position: int) -> IndexArray:
        """Return which connections start or end at a neuron, strongest first."""
        found = np.zeros(self.weight.size, bool)
        if layer == self.source_layer:
            found |= self.source == position
        if layer == self.target_layer:
            found |= self.target == position
        return np.flatnonzero(found)


@dataclass(frozen=True)
class Frame:
    """The part of the scene to draw: its top left corner, device pixels a scene unit, and size in pixels.

    `ratio` is device pixels a logical pixel: lines and dashes keep their size on any screen.
    """

    left: float
    top: float
    scale: float
    width: int
    height: int
    ratio: float = 1.0

    def covers(self, other: Frame) -> bool:
        """Whether all of another frame of the same scale is in this one, to a pixel or so."""
        x, y = (other.left - self.left) * self.scale, (other.top - self.top) * self.scale
        same = (self.scale, self.ratio) == (other.scale, other.ratio)
        return (
            same
            and min(x, y) >= -1.5
            and x + other.width <= self.width + 1.5
            and y + other.height <= self.height + 1.5
        )


@dataclass(frozen=True)
class Ink:
    """The colours of connections."""

    positive: Rgb
    negative: Rgb
    weak: Rgb
    haze: Rgb  # where both signs are equally strong


def prepare(
    network: Network, layout: Layout, most: int | None = None, strengths: Network | None = None
) -> tuple[EdgeBlock, ...]:
    """Return the connections of a network (the layout's or one cut down from it), zero weights left out.

    Of each pair of layers the `most` strongest; None: all. The |w| of `strengths`, a network of the same
    shape, say how strong a connection is; None: its own.
    """
    blocks = []
    for link, measured in zip(network.links, (strengths or network).links, strict=True):
        source, target = layout.layer_index(link.source), layout.layer_index(link.target)
        rows = layout.layers[source].positions(network.by_name[link.source].units[link.sources])
        columns = layout.layers[target].positions(network.by_name[link.target].units)
        strength = np.abs(measured.weight).ravel()
        order = _strongest(strength, most)
        i, j = np.divmod(order, np.int32(link.weight.shape[1]))
        blocks.append(
            EdgeBlock(
                source,
                target,
                rows.astype(np.int32)[i],
                columns.astype(np.int32)[j],
                link.weight.ravel()[order].astype(np.float32, copy=False),
                strength[order].astype(np.float32, copy=False),
                layout.route(source, target),
            )
        )
    return tuple(blocks)


def _strongest(magnitude: Floats, most: int | None) -> Indices:
    """Return where the largest values are, largest first, without zeros."""
    least = 0.0
    if most is not None and most < magnitude.size:
        least = float(np.partition(magnitude, magnitude.size - most)[magnitude.size - most])
    found = np.flatnonzero((magnitude >= least) & (magnitude > 0)).astype(np.int32)
    strongest: Indices = found[np.argsort(-magnitude[found])]
    return strongest[:most]


def draw_edges(
    blocks: Sequence[EdgeBlock],
    frame: Frame,
    ink: Ink,
    weak_threshold: float | None = None,
    focus: bool = False,
    aborted: Callable[[], bool] = lambda: False,
) -> Image | None:
    """Return the picture `(height, width, 4)`: blue, green, red, alpha, premultiplied.

    `weak_threshold`: connections with a strength below it are weak: another colour, thin and dashed. `focus`
    dims all others. Returns None when `aborted()` turned true on the way.
    """
    image = np.zeros((frame.height, frame.width, 4), np.uint8)
    batches = [batch for block in blocks for batch in _batches(block, frame, weak_threshold)]
    colours = np.array([ink.positive, ink.negative, ink.weak, ink.haze], np.float32)
    for left in range(0, frame.width, _STRIP):
        if aborted():
            return None
        columns = min(_STRIP, frame.width - left)
        curves = np.zeros((columns, 3, frame.height), np.float32)
        haze = np.zeros((columns, 3, frame.height // _CELL + 2), np.float32)
        for batch in batches:
            if batch.x1 > left and batch.x0 < left + columns:
                batch.draw(left, curves, haze, frame.ratio)
        _compose(image[:, left : left + columns], curves, haze, colours, focus)
    return image


@cache
def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache. Takes seconds the very first time."""
    sizes = [20, 20]
    layout = Layout.from_sizes(sizes)
    source, target = (index.ravel().astype(np.int32) for index in np.indices(sizes))
    weight = np.linspace(1, -1, source.size, dtype=np.float32)
    block = EdgeBlock(0, 1, source, target, weight, np.abs(weight), layout.route(0, 1))
    black = (0, 0, 0)
    draw_edges([block], Frame(0.0, -4.0, 0.05, 16, 16), Ink(black, black, black, black), 0.5)
    block.strongest_at(layout.layers[1].x, 0.0, 1.0)


# -- what each curve looks like


@dataclass(frozen=True, eq=False)
class _Curves:
    """Curves of one kind in one piece of a block, strongest first.

    `table` has a row a curve, in pixels: y at both ends, bend, strength, width, and where its dashes start
    (0 to 1; below 0: a solid line).
    """

    x0: float
    x1: float
    kind: int
    table: Floats

    def draw(self, left: int, curves: Floats, haze: Floats, ratio: float) -> None:
        _draw_curves(curves[:, self.kind], left, self.x0, self.x1, self.table, ratio)


@dataclass(frozen=True, eq=False)
class _Haze:
    """The density of all curves of one piece of a block.

    `table` has a row a bundle, in cells: y at both ends, and its mass: 1 is an even spread
    over the room.
    """

    x0: float
    x1: float
    kind: Indices
    table: Floats

    def draw(self, left: int, curves: Floats, haze: Floats, ratio: float) -> None:
        _draw_haze(haze, left, self.x0, self.x1, self.kind, self.table)


def _batches(block: EdgeBlock, frame: Frame, weak_threshold: float | None) -> Iterator[_Curves | _Haze]:
    """What to draw of a block in this frame, culled."""
    if not block.weight.size:
        return
    n_strong = _count_strong(block.strength, weak_threshold)
    kinds, looks = _looks(block, frame, n_strong)
    for piece in block.pieces:
        x0, x1 = (piece.x0 - frame.left) * frame.scale, (piece.x1 - frame.left) * frame.scale
        if x1 <= 0 or x0 >= frame.width:
            continue
        if block.weight.size >= _CROWDED:
            yield _bundle(block, piece, frame, n_strong, x0, x1)
        y0, y1 = ((y - frame.top) * frame.scale for y in block.ends(piece))
        bend = block.bend * (y1 - y0)
        table = np.stack([y0, y1, bend, *looks], axis=1, dtype=np.float32, casting="same_kind")
        seen = (np.minimum(y0, y1) - abs(bend) < frame.height + 4) & (np.maximum(y0, y1) + abs(bend) > -4)
        for kind, chosen in kinds:
            if seen[chosen].any():
                yield _Curves(x0, x1, kind, table[chosen[seen[chosen]]])


def _looks(
    block: EdgeBlock, frame: Frame, n_strong: int
) -> tuple[tuple[tuple[int, IndexArray], ...], tuple[Floats, Floats, Floats]]:
    """Which connections are drawn as what kind; and the strength, width and dashes of all."""
    room = _room(block) * frame.scale / frame.ratio
    strength, crowd = _exposure(block.strength, room)
    width = frame.ratio * (1.0 + strength * (1.9 - 1.5 * crowd))
    drawn = int(np.count_nonzero(strength[:n_strong] >= _FAINTEST))
    weak = _sample(n_strong, room * _WEAK_SHARE, block)
    strength[weak] = 0.8 - 0.25 * crowd
    width[weak] = frame.ratio * (1.2 - 0.2 * crowd)
    dashes = np.full_like(strength, -1)
    dashes[weak] = _scatter(block.source[weak], block.target[weak])
    kinds = (
        (POSITIVE, np.flatnonzero(block.weight[:drawn] > 0)),
        (NEGATIVE, np.flatnonzero(block.weight[:drawn] < 0)),
        (WEAK, weak),
    )
    return kinds, (strength, width, dashes)


def strokes(
    block: EdgeBlock, frame: Frame, weak_threshold: float | None
) -> Iterator[tuple[int, IndexArray, Floats, Floats]]:
    """Yield what `draw_edges` draws one by one: kind, connections, and the strength and width of each."""
    if block.weight.size:
        kinds, (strength, width, _) = _looks(block, frame, _count_strong(block.strength, weak_threshold))
        for kind, chosen in kinds:
            yield kind, chosen, strength[chosen], width[chosen]


def _count_strong(magnitude: Floats, weak_threshold: float | None) -> int:
    """How many connections, strongest first, are not weak."""
    if weak_threshold is None:
        return magnitude.size
    return int(np.searchsorted(-magnitude, -weak_threshold, side="right"))


def _room(block: EdgeBlock) -> float:
    """Height that a block's curves have, in scene units: that of the taller end."""
    y0, y1 = block.pieces[0].y0, block.pieces[-1].y1
    return max(float(np.ptp(y0)), float(np.ptp(y1)), 1.0)


def _exposure(magnitude: Floats, room: float) -> tuple[Floats, float]:
    """Return the strength (0 to 1) of every connection and how crowded the picture is (0 to 1).

    Strength is a power of |w|, whose exponent grows until the ink of all curves fits the room (in pixels).
    """
    relative = magnitude / magnitude[min(magnitude.size // 50, 60)]
    sample = np.minimum(relative[:: max(1, relative.size // 2048)], 1)
    share = relative.size / sample.size / room
    exponent = 0.6
    while exponent < 10 and float((sample**exponent).sum()) * share > _INK:
        exponent += 0.1
    # Strictly rising, so that where two curves cross one is always the stronger.
    strength = np.where(relative < 1, 0.9 * relative**exponent, 1 - 0.1 / np.maximum(relative, 1))
    crowd = min(1.0, float(np.log2(1 + 8 * relative.size / room)) / 8)
    return np.maximum(strength, 0.25 * (1 - crowd) ** 2).astype(np.float32), crowd


def _sample(start: int, limit: float, block: EdgeBlock) -> IndexArray:
    """About `limit` of the connections from `start` on, as far as possible the same whatever `start` is."""
    count = block.weight.size - start
    if count <= limit:
        return np.arange(start, block.weight.size)
    return start + np.flatnonzero(_scatter(block.target[start:], block.source[start:]) < limit / count)


def _scatter(first: Indices, second: Indices) -> Floats:
    """A number from 0 to 1 for each pair, evenly spread and always the same."""
    mixed = first.astype(np.uint32) * np.uint32(2654435761) + second.astype(np.uint32) * np.uint32(2246822519)
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(2246822519)
    mixed ^= mixed >> np.uint32(13)
    return (mixed.astype(np.float64) / 2**32).astype(np.float32)


def _bundle(block: EdgeBlock, piece: Piece, frame: Frame, n_strong: int, x0: float, x1: float) -> _Haze:
    """Bundle the curves whose ends share a cell."""
    cell = _CELL / frame.scale
    bins0, ys0 = _bins(piece.y0, cell)
    bins1, ys1 = _bins(piece.y1, cell)
    last = piece is block.pieces[-1]
    kind = np.where(block.weight > 0, POSITIVE, NEGATIVE)
    kind[n_strong:] = WEAK
    grid = (3, ys0.size, ys1.size)
    place = np.ravel_multi_index(
        (kind, bins0[block.source], bins1[block.target if last else block.source]), grid
    )
    mass = np.bincount(place, block.strength**1.5)
    used = np.flatnonzero(mass)
    kind, i, j = np.unravel_index(used, grid)
    even = mass.sum() * cell / _room(block)
    table = np.stack([(ys0[i] - frame.top) / cell, (ys1[j] - frame.top) / cell, mass[used] / even], axis=1)
    return _Haze(x0, x1, kind.astype(np.int32), table.astype(np.float32))


def _bins(ys: npt.NDArray[np.float64], cell: float) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Put places that share a cell together: the bin of each place, and where the bins are."""
    step = max(cell, float(np.ptp(ys)) / _MOST_BINS)
    _, index = np.unique(np.round((ys - ys.min()) / step), return_inverse=True)
    return index.astype(np.int32), np.bincount(index, ys) / np.bincount(index)


# -- the kernels


@numba.njit(cache=True, nogil=True)
def _first_near(
    source: Indices, target: Indices, y0: Ys, y1: Ys, bend: Floats, t: float, y: float, reach: float
) -> int:
    """Return the first curve that is within `reach` of `y` at the share `t` of its way, -1 for none."""
    s, arch = t * t * (3 - 2 * t), 16 * t * t * (1 - t) * (1 - t)
    slack = reach + arch * _BEND * (max(y0.max(), y1.max()) - min(y0.min(), y1.min()))
    if y < (1 - s) * y0.min() + s * y1.min() - slack or y > (1 - s) * y0.max() + s * y1.max() + slack:
        return -1
    for e in range(source.size):
        start = y0[source[e]]
        if abs(start + (s + arch * bend[e]) * (y1[target[e]] - start) - y) <= reach:
            return e
    return -1


@numba.njit(cache=True, nogil=True, fastmath=True)
def _draw_haze(haze: Floats, left: int, x0: float, x1: float, kind: Indices, table: Floats) -> None:
    rows = haze.shape[2]
    for c in range(haze.shape[0]):
        t = np.float32((left + c + 0.5 - x0) / (x1 - x0))
        if t < 0 or t > 1:
            continue
        s = t * t * (np.float32(3) - np.float32(2) * t)
        # Near its ends a bundle is a blob on the neuron: let it grow out of there.
        grown = min(np.float32(1), np.float32(7) * t * (np.float32(1) - t))
        for e in range(kind.size):
            y = table[e, 0] + s * (table[e, 1] - table[e, 0])
            if 0 <= y < rows - 1:
                row = int(y)
                part = y - row
                haze[c, kind[e], row] += table[e, 2] * grown * (1 - part)
                haze[c, kind[e], row + 1] += table[e, 2] * grown * part


@numba.njit(cache=True, nogil=True, fastmath=True)
def _draw_curves(layer: Floats, left: int, x0: float, x1: float, table: Floats, ratio: float) -> None:
    """Raise each pixel of `layer` (columns, rows) to the strength of the strongest curve that covers it.

    Coverage is the profile of a slanted line across one pixel column: a trapezoid whose flanks are as
    long as the line rises in the column.
    """
    columns, rows = layer.shape
    one, half = np.float32(1), np.float32(0.5)
    dash, period = np.float32(DASH * ratio), np.float32(DASH_PERIOD * ratio)
    for c in range(columns):
        x = left + c + 0.5
        t = np.float32((x - x0) / (x1 - x0))
        if t < 0 or t > 1:
            continue
        s = t * t * (np.float32(3) - np.float32(2) * t)
        rise = np.float32(6) * t * (one - t) / np.float32(x1 - x0)
        arch = np.float32(16) * t * t * (one - t) * (one - t)
        arch_rise = np.float32(32) * t * (one - t) * (one - 2 * t) / np.float32(x1 - x0)
        along = np.float32(x - x0)
        for e in range(table.shape[0]):
            y0, y1, bend, fade, width, dashes = table[e]
            y = y0 + s * (y1 - y0) + arch * bend
            slope = abs(rise * (y1 - y0) + arch_rise * bend)
            flank = max(one, slope)
            reach = half * (width * (one + slope) + flank)  # never less than the exact one below
            if y + reach < 0 or y - reach > rows:
                continue
            if dashes >= 0:
                place = (along + dashes * period) % period
                fade *= min(max(min(place, dash - place) + half, np.float32(0)), one)
                if fade <= 0:
                    continue
            thick = width * np.sqrt(one + slope * slope)
            reach = half * (thick + flank)
            low, high = int(max(y - reach, np.float32(0))), min(rows, int(y + reach) + 1)
            peak = min(one, thick / flank) * fade
            steep = fade / flank
            for row in range(low, high):
                value = min(peak, (reach - abs(np.float32(row) + half - y)) * steep)
                if value > layer[c, row]:
                    layer[c, row] = value


@numba.njit(cache=True, nogil=True, fastmath=True)
def _compose(image: Image, curves: Floats, haze: Floats, colours: Floats, focus: bool) -> None:
    """Lay haze, weak curves and the others over one another; in focus mode the weak ones come last."""
    zero, one, half, tiny = np.float32(0), np.float32(1), np.float32(0.5), np.float32(1e-9)
    dim = np.float32(0.3) if focus else one
    weak_cloud_alpha = np.float32(0.6) if focus else np.float32(0.25)
    for c in range(curves.shape[0]):
        for row in range(curves.shape[2]):
            fy = (np.float32(row) + half) / np.float32(_CELL)
            cell = int(fy)
            fy -= np.float32(cell)
            plus = haze[c, 0, cell] * (one - fy) + haze[c, 0, cell + 1] * fy
            minus = haze[c, 1, cell] * (one - fy) + haze[c, 1, cell + 1] * fy
            faint = haze[c, 2, cell] * (one - fy) + haze[c, 2, cell + 1] * fy
            p, n, w = curves[c, 0, row], curves[c, 1, row], curves[c, 2, row]
            if plus + minus + faint + p + n + w <= zero:
                continue
            top = max(p, n)
            share = min(max(half + np.float32(6) * (p - n) / (p + n + tiny), zero), one)
            cloud = np.float32(0.25) * (one - np.exp(-half * (plus + minus))) * dim
            lean = abs(plus - minus) / (plus + minus + tiny)
            sign = 0 if plus >= minus else 1
            weak_cloud = weak_cloud_alpha * (one - np.exp(-np.float32(2) * faint))
            if focus:
                top *= dim * (one - w)
            else:
                w *= one - min(one, np.float32(3) * top)
                w *= np.float32(0.85)
            weak_cloud *= one - top
            clear = (one - cloud) * (one - weak_cloud) * (one - w) * (one - top)
            for k in range(3):
                v = (colours[3, k] * (one - lean) + colours[sign, k] * lean) * cloud
                v = v * (one - weak_cloud) + colours[2, k] * weak_cloud
                line = colours[0, k] * share + colours[1, k] * (one - share)
                v = v * (one - w) + colours[2, k] * w
                v = v * (one - top) + line * top
                image[row, c, 2 - k] = np.uint8(v + half)
            image[row, c, 3] = np.uint8((one - clear) * np.float32(255) + half)
