"""The weights between two layers as a picture: a row a source unit, a column a target unit. No Qt, no state.

Where many weights share a pixel, their mean says nothing (signs cancel to mud) and their strongest says too
much (noise looks as strong as structure). The rule here, for the weights w of a pixel:

- strength: the geometric mean of max |w| and the root of the mean square. One strong weight among a hundred
  zeros still shows with a third of its strength; noise stays near its own level.
- sign: that of the sum of w^3, in which the strongest weights have the say. Where both signs are about
  equally strong, neighbouring pixels take one or the other in proportion, so that what is mixed looks mixed.

Every weight counts in exactly one pixel, and pixels are counted from the matrix's corner, so that a picture
does not shimmer when it is moved.

The first call compiles (or loads) the kernels and takes seconds: never make it in the window's thread.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from functools import cache
from math import floor

import numba
import numpy as np
import numpy.typing as npt

from pruner_gui.network import FloatArray, IndexArray, Network

Rgb = tuple[int, int, int]
Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Edges = npt.NDArray[np.int64]

MOST_DRAWN = 10_000_000  # connections beyond which the matrix is the better first view
SHARE_IN_SCALE = 0.995  # of the weights that are within the ends of the colour scale
_SAMPLE = 200_000  # weights that are looked at for the scale
_GRAIN = 0.6  # how mixed the signs of a pixel must be (0 never, 1 always) to be dithered
_HATCH = 6  # device pixels between the hatches of removed units, for every device pixel a logical one
WEAK_TINT = 0.3  # of a weak weight's colour in the ground
_DIMMED = 0.25


class Order(enum.Enum):
    """In which order the units of both layers are shown."""

    INDEX = "index"
    IMPORTANCE = "importance"  # by the norm of a unit's weights here, the largest first


def opens_as_matrix(network: Network) -> bool:
    """Whether a network has so many connections that it is better seen as matrices at first."""
    return sum(dense.weight.size for _, dense in network.dense) > MOST_DRAWN


@dataclass(frozen=True, eq=False)
class Matrix:
    """The weights `(n_source, n_target)` between two layers, in the order shown.

    Rows and columns are those of the original network: what is removed keeps its place, with `source_left` or
    `target_left` false and weights of zero. `source_units` and `target_units` are original indices.
    """

    source_units: IndexArray
    target_units: IndexArray
    source_left: Bools
    target_left: Bools
    weight: Floats
    strength: Floats
    """What makes a weight weak, `(n_source, n_target)`; its sign says nothing."""
    scale: float
    """|w| at the ends of the colour scale."""

    def is_weak(self, row: int, column: int, threshold: float | None) -> bool:
        """Whether there is a weight whose strength is below a threshold."""
        there = self.weight[row, column] != 0
        return bool(threshold is not None and there and abs(self.strength[row, column]) < threshold)

    def row_of(self, unit: int) -> int | None:
        """Return the row of a source unit, or None."""
        found = np.flatnonzero(self.source_units == unit)
        return int(found[0]) if found.size else None

    def column_of(self, unit: int) -> int | None:
        """Return the column of a target unit, or None."""
        found = np.flatnonzero(self.target_units == unit)
        return int(found[0]) if found.size else None


def matrix_of(
    original: Network,
    current: Network,
    source: str,
    target: str,
    order: Order,
    strengths: Network | None = None,
) -> Matrix:
    """Return the weights from layer `source` to layer `target` that `current` has left of `original`.

    The order and the colour scale are those of the original, so that neither moves while units go.
    `strengths` is `current` with strengths in place of weights, None where those are |w|.
    """
    first = _placed(original, original, source, target)
    weight = first if current is original else _placed(original, current, source, target)
    strength = weight if strengths is None else _placed(original, strengths, source, target)
    source_units, target_units = original.by_name[source].units, original.by_name[target].units
    left = [
        np.isin(original.by_name[name].units, current.by_name[name].units)
        if name in current.by_name
        else np.zeros(original.sizes[name], bool)
        for name in (source, target)
    ]
    rows, columns = np.arange(source_units.size), np.arange(target_units.size)
    if order is Order.IMPORTANCE:
        rows = np.argsort(-np.einsum("ij,ij->i", first, first), kind="stable")
        columns = np.argsort(-np.einsum("ij,ij->j", first, first), kind="stable")
        weight, strength = weight[np.ix_(rows, columns)], strength[np.ix_(rows, columns)]
    return Matrix(
        source_units[rows],
        target_units[columns],
        left[0][rows],
        left[1][columns],
        np.ascontiguousarray(weight),
        np.ascontiguousarray(strength),
        robust_scale(first),
    )


def _placed(original: Network, network: Network, source: str, target: str) -> Floats:
    """The weights of a version in the places of the original."""
    shape = original.sizes[source], original.sizes[target]
    for link in network.links:
        if (link.source, link.target) == (source, target):
            if link.weight.shape == shape and (link.sources == np.arange(shape[0])).all():
                return link.weight.astype(np.float32, copy=False)
            rows = _positions(original, source, network.by_name[source].units[link.sources])
            columns = _positions(original, target, network.by_name[target].units)
            placed = np.zeros(shape, np.float32)
            np.add.at(placed, np.ix_(rows, columns), link.weight)  # a unit may be read more than once
            return placed
    return np.zeros(shape, np.float32)


def _positions(original: Network, name: str, units: IndexArray) -> IndexArray:
    known = original.by_name[name].units
    order = np.argsort(known)
    return order[np.searchsorted(known, units, sorter=order)]


def robust_scale(weight: FloatArray) -> float:
    """Return the |w| within which `SHARE_IN_SCALE` of the weights other than zero are; 1 where all are zero.

    Of a large matrix an even sample is looked at. A single outlier does not wash out all the rest.
    """
    flat = weight.ravel()
    sample = np.abs(flat[:: max(1, flat.size // _SAMPLE | 1)])
    sample = sample[sample > 0]
    if not sample.size:
        sample = np.abs(flat[flat != 0])
    return float(np.quantile(sample, SHARE_IN_SCALE)) if sample.size else 1.0


# -- the picture


@dataclass(frozen=True)
class Span:
    """A stretch of one side of the matrix.

    `count` device pixels from `start`, of the `full` that stand for all `size` units.
    """

    start: int
    count: int
    full: int
    size: int

    @classmethod
    def fitting(cls, size: int, room: int, most: float) -> Span:
        """Show all units in so many pixels, none in more than `most` pixels."""
        full = max(1, min(room, floor(size * most)))
        return cls(0, full, full, size)

    @property
    def step(self) -> float:
        """Device pixels a unit."""
        return self.full / self.size

    def cells(self) -> Edges:
        """Return for each pixel its first unit and the one after its last: `(count, 2)`.

        Where a pixel holds several units, every unit belongs to exactly one; where a unit takes several
        pixels, a pixel shows the unit at its centre.
        """
        pixel = np.arange(self.start, self.start + self.count + 1)
        if self.full >= self.size:
            first = (2 * pixel[:-1] + 1) * self.size // (2 * self.full)
            return np.stack([first, first + 1], axis=1)
        bounds = (2 * pixel * self.size + self.full) // (2 * self.full)
        return np.stack([bounds[:-1], bounds[1:]], axis=1)

    def unit_at(self, place: float) -> int | None:
        """Return the position of the unit at a pixel of the stretch, or None outside."""
        if not 0 <= place < self.count:
            return None
        return int(self.cells()[int(place), 0])

    def place_of(self, position: float) -> float:
        """Return where in the stretch a unit begins, in pixels."""
        return position * self.step - self.start

    def moved(self, pixels: float) -> Span:
        """Return the stretch further on, inside the matrix."""
        return replace(self, start=min(max(0, round(self.start + pixels)), self.full - self.count))

    def zoomed(self, full: float, at: float, room: int) -> Span:
        """Return a stretch with so many pixels for all that keeps what is at pixel `at` of the room.

        A matrix smaller than the room is in its middle.
        """
        share = (self.start + at - (room - self.count) // 2) / self.full
        whole = max(1, round(full))
        count = min(room, whole)
        start = round(share * whole - at + (room - count) // 2)
        return Span(min(max(0, start), whole - count), count, whole, self.size)

    def widened(self, share: float) -> Span:
        """Return the stretch with a share of it more on either side, where there is more."""
        more = round(share * self.count)
        start = max(0, self.start - more)
        return replace(self, start=start, count=min(self.full, self.start + self.count + more) - start)

    def covers(self, other: Span) -> bool:
        """Whether a picture of this stretch shows all of the other, as sharp."""
        same = (self.full, self.size) == (other.full, other.size)
        return same and self.start <= other.start and self.start + self.count >= other.start + other.count


@dataclass(frozen=True)
class Frame:
    """A part of the matrix in device pixels. `ratio` is device pixels a logical pixel."""

    down: Span
    across: Span
    ratio: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of its picture."""
        return self.down.count, self.across.count

    def widened(self, share: float) -> Frame:
        """Return the frame with a share of it more on every side, where there is more."""
        return replace(self, down=self.down.widened(share), across=self.across.widened(share))

    def covers(self, other: Frame) -> bool:
        """Whether a picture of this frame shows all of the other, as sharp."""
        return self.ratio == other.ratio and self.down.covers(other.down) and self.across.covers(other.across)


@dataclass(frozen=True)
class Ink:
    """The colours of the picture."""

    ground: Rgb
    text: Rgb
    positive: Rgb
    negative: Rgb
    weak: Rgb
    removed: Rgb


@dataclass(frozen=True, eq=False)
class Raster:
    """What each pixel stands for, all `(height, width)`.

    `value` is signed strength, `weak` the share of its connections that are weak, `gone` whether its row or
    column is removed.
    """

    value: Floats
    weak: Floats
    gone: Bools


def downsample(matrix: Matrix, frame: Frame, weak_threshold: float | None = None) -> Raster:
    """Return what the pixels of a frame stand for, by the rule of this module."""
    rows, columns = frame.down.cells(), frame.across.cells()
    value = np.empty(frame.shape, np.float32)
    weak = np.empty_like(value)
    threshold = weak_threshold or 0.0
    row_left, column_left = _share(matrix.source_left, rows), _share(matrix.target_left, columns)
    _downsample(matrix.weight, matrix.strength, rows, columns, row_left, column_left, threshold, value, weak)
    return Raster(value, weak, (row_left < 0.5)[:, None] | (column_left < 0.5))


def _share(left: Bools, edges: Edges) -> Floats:
    """The share of the rows of each pixel that are left."""
    total = np.concatenate([[0], np.cumsum(left)])
    return ((total[edges[:, 1]] - total[edges[:, 0]]) / (edges[:, 1] - edges[:, 0])).astype(np.float32)


def draw_matrix(
    matrix: Matrix, frame: Frame, ink: Ink, weak_threshold: float | None = None, focus: bool = False
) -> Image:
    """Return the picture `(height, width, 4)`: blue, green, red, 255.

    Weak weights are a tint of their own; `focus` makes it strong and dims all others. Removed units are
    hatched ground.
    """
    raster = downsample(matrix, frame, weak_threshold)
    image = np.empty((*frame.shape, 4), np.uint8)
    pitch = max(3, round(_HATCH * frame.ratio))
    table = (colour_table(ink) * 255).astype(np.float32)
    others = np.array([ink.ground, ink.weak, ink.removed], np.float32)
    _colour(
        raster.value / np.float32(matrix.scale), raster.weak, raster.gone, table, others, focus,
        frame.across.start, frame.down.start, pitch, image,
    )  # fmt: skip
    return image


def colour_table(ink: Ink, steps: int = 513) -> FloatArray:
    """Return red, green, blue (0 to 1) for strengths from -1 to 1: `(steps, 3)`.

    The ground in the middle, the colour of each sign two thirds of the way, and on towards the text's colour:
    strength is lightness, and the sign a hue that colour-blind eyes tell apart.
    """
    strength = np.linspace(-1, 1, steps)
    table = np.empty((steps, 3))
    for sign, colour in ((1, ink.positive), (-1, ink.negative)):
        full = 0.55 * np.array(colour) + 0.45 * np.array(ink.text)
        stops = np.array([ink.ground, colour, full]) / 255
        here = np.sign(strength) == sign
        for channel in range(3):
            table[here, channel] = np.interp(np.abs(strength[here]), [0, 0.66, 1], stops[:, channel])
    table[strength == 0] = np.array(ink.ground) / 255
    return table


@cache
def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache. Takes seconds the very first time."""
    units = np.arange(2)
    left = np.ones(2, bool)
    black = (0, 0, 0)
    weight = np.eye(2, dtype=np.float32)
    matrix = Matrix(units, units, left, left, weight, weight, 1.0)
    frame = Frame(Span.fitting(2, 2, 1), Span.fitting(2, 2, 1))
    draw_matrix(matrix, frame, Ink(black, black, black, black, black, black), 0.5)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _downsample(
    weight: Floats,
    strength: Floats,
    rows: Edges,
    columns: Edges,
    row_left: Floats,
    column_left: Floats,
    threshold: float,
    value: Floats,
    weak: Floats,
) -> None:
    height, width = value.shape
    for y in range(height):
        for x in range(width):
            value[y, x] = weak[y, x] = 0.0
            if row_left[y] == 0.0 or column_left[x] == 0.0:
                continue
            strongest = squares = cubes = all_cubes = np.float32(0.0)
            faint = connected = 0
            for i in range(rows[y, 0], rows[y, 1]):
                for j in range(columns[x, 0], columns[x, 1]):
                    w = weight[i, j]
                    size = abs(w)
                    square = w * w
                    strongest = max(strongest, size)
                    squares += square
                    cubes += square * w
                    all_cubes += square * size
                    faint += size > 0.0 and abs(strength[i, j]) < threshold
                    connected += size > 0.0
            if strongest == 0.0:
                continue
            n_rows, n_columns = rows[y, 1] - rows[y, 0], columns[x, 1] - columns[x, 0]
            count = n_rows * row_left[y] * n_columns * column_left[x]
            shown = np.sqrt(strongest * np.sqrt(squares / count))
            positive = 0.5 + 0.5 * cubes / max(all_cubes, np.float32(1e-38))
            mixed = 0.5 + _GRAIN * (_noise(rows[y, 0], columns[x, 0]) - 0.5)
            value[y, x] = shown if positive > mixed else -shown
            weak[y, x] = faint / connected


@numba.njit(cache=True, nogil=True)
def _noise(i: int, j: int) -> float:
    """A number from 0 to 1 that looks random and belongs to a place."""
    mixed = np.uint32(i) * np.uint32(0x9E3779B1) ^ np.uint32(j) * np.uint32(0x85EBCA77)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    mixed ^= mixed >> np.uint32(12)
    return float(mixed & np.uint32(0xFFFF)) / 65535.0


@numba.njit(cache=True, nogil=True, fastmath=True)
def _colour(
    value: Floats,
    weak: Floats,
    gone: Bools,
    table: Floats,
    others: Floats,
    focus: bool,
    left: int,
    top: int,
    pitch: int,
    image: Image,
) -> None:
    """`others` are the colours of the ground, of weak and of removed ones."""
    height, width = value.shape
    middle = (table.shape[0] - 1) // 2
    for y in range(height):
        for x in range(width):
            strength = min(1.0, max(-1.0, value[y, x]))
            entry = middle + int(np.rint(strength * middle))
            share = weak[y, x] if focus else np.float32(weak[y, x] == 1.0)
            tint = share if focus else WEAK_TINT * share
            dimmed = _DIMMED if focus else 1.0 - share
            hatched = gone[y, x] and (left + x + top + y) % pitch < max(1, pitch // 6)
            for channel in range(3):
                ground = others[0, channel]
                shade = ground + (table[entry, channel] - ground) * dimmed
                shade += (others[1, channel] - shade) * tint
                if gone[y, x]:
                    shade = others[2, channel] if hatched else ground
                image[y, x, 2 - channel] = np.uint8(shade)
            image[y, x, 3] = 255
