"""Paints what lies over the connections: neurons by status, captions, the legend."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from pruner_gui.gui.edge_raster import EdgeBlock
from pruner_gui.gui.graph_facts import EdgePlace
from pruner_gui.gui.graph_layout import Camera, Layer, Layout
from pruner_gui.gui.graph_stamps import Stamp, paint_now
from pruner_gui.gui.palette import Colours
from pruner_gui.network import IndexArray, Network

Units = Mapping[int, frozenset[int]]  # visible layer index -> original unit indices
Statuses = npt.NDArray[np.uint8]
Paths = list[tuple[QPainterPath, QPen]]
_NONE: Units = MappingProxyType({})

_TILE = 256.0  # pixels of a layer's neurons that are painted as one
STRIP_SPACING = 3.0  # pixels between neurons below which a layer is a strip
_SMALLEST_MARK = 3.3
_STRIP = 3.0  # half the width of a strip
LEGEND_ROW = 20.0  # of the legend
_ROUNDING = 1e-6
_TEXT = 31.0  # where its words begin


@dataclass(frozen=True)
class GraphMarks:
    """What the picture says beyond the network itself.

    Layers are visible layers: 0 is the input, then every dense layer in order (`network.layer_sizes`).
    Units are original indices. A unit in several sets shows the first of: disconnected, constant,
    candidate, protected.
    """

    candidates: Units = field(default_factory=lambda: _NONE)
    disconnected: Units = field(default_factory=lambda: _NONE)
    constant: Units = field(default_factory=lambda: _NONE)
    protected: Units = field(default_factory=lambda: _NONE)
    weak_threshold: float | None = None
    """Connections with a strength below it are drawn as weak; None: none is."""
    strengths: Network | None = None
    """Its |w| say how strong connections are; None: those of the network that is shown."""
    trying: tuple[int, int] | None = None
    """(layer, unit) that the worker is trying now."""
    focus: bool = False
    """Dim what is not weak (while the slider moves)."""


class Status(enum.IntEnum):
    """What a neuron looks like. Of several, the highest shows."""

    NORMAL = 0
    NEUTRAL = 1  # inputs and outputs
    PROTECTED = 2
    CANDIDATE = 3
    CONSTANT = 4
    DISCONNECTED = 5
    REMOVED = 6


class Stroke(enum.Enum):
    """What a connection looks like, in the legend."""

    POSITIVE = enum.auto()
    NEGATIVE = enum.auto()
    WEAK = enum.auto()
    STRENGTH = enum.auto()


class Halo(enum.Enum):
    """The sign around the neuron being tried, in the legend."""

    TRYING = enum.auto()


Symbol = Status | Stroke | Halo


def statuses(layout: Layout, current: Network, marks: GraphMarks) -> tuple[Statuses, ...]:
    """Return the status of every neuron of the layout, by layer and position."""
    shown = (
        (Status.PROTECTED, marks.protected),
        (Status.CANDIDATE, marks.candidates),
        (Status.CONSTANT, marks.constant),
        (Status.DISCONNECTED, marks.disconnected),
    )
    found = []
    for index, layer in enumerate(layout.layers):
        end = layer.is_input or layer.is_output
        here = np.full(layer.units.size, Status.NEUTRAL if end else Status.NORMAL, np.uint8)
        for status, units in shown:
            here[layer.positions(sorted(units.get(index, ())))] = status
        alive = np.zeros(layer.units.size, bool)
        if layer.name in current.by_name:
            alive[layer.positions(current.by_name[layer.name].units)] = True
        here[~alive] = Status.REMOVED
        found.append(here)
    return tuple(found)


# -- neurons


def paint_layer(
    painter: QPainter,
    layer: Layer,
    found: Statuses,
    camera: Camera,
    colours: Colours,
    height: float,
    *,
    hide_removed: bool = False,
    stamp: Stamp = paint_now,
) -> None:
    """Paint the neurons of a layer, or a strip where they stand too close."""
    x, top = camera.to_view(layer.x, layer.top)
    if _is_strip(layer, camera):
        tall = (layer.bottom - layer.top) * camera.scale
        room = QRectF(x - _STRIP - 8, top - 3, 2 * _STRIP + 16, tall + 8)
        look = "strip", layer, found.tobytes(), camera.scale, colours, hide_removed
        paint = partial(_paint_strip, layer, found, camera, colours, hide_removed)
        stamp(painter, look, QPointF(x, top), lambda: room, paint)
        return
    step = layer.spacing * camera.scale
    first = int(max(0, -top / step - 1))
    last = int(min(layer.units.size, (height - top) / step + 2))
    marked = (found > Status.NEUTRAL) & (found < Status.REMOVED)
    drawn = found < Status.REMOVED if hide_removed else np.ones(found.size, bool)
    count = max(1, int(_TILE // step))
    # marked neurons last: they may be larger than their neighbours
    for chosen in (drawn & ~marked, drawn & marked):
        for start in range(first // count * count, last, count):
            positions = start + np.flatnonzero(chosen[start : start + count])
            if positions.size:
                _paint_tile(painter, layer, positions, found, camera, colours, stamp)


def _paint_tile(
    painter: QPainter,
    layer: Layer,
    positions: IndexArray,
    found: Statuses,
    camera: Camera,
    colours: Colours,
    stamp: Stamp,
) -> None:
    """Paint some neurons of a layer that stand near each other."""
    x, top = camera.to_view(layer.x, layer.top)
    radius, step = glyph_radius(layer, camera), layer.spacing * camera.scale

    def room() -> QRectF:
        reach = 1.35 * max(radius, _SMALLEST_MARK) + 2
        begin, end = top + positions[0] * step - reach, top + positions[-1] * step + reach
        return QRectF(x - reach, begin, 2 * reach, end - begin)

    def paint(onto: QPainter) -> None:
        for position in positions.tolist():
            paint_glyph(onto, Status(found[position]), x, top + position * step, radius, colours)

    look = "neurons", positions.tobytes(), found[positions].tobytes(), step, radius, colours
    stamp(painter, look, QPointF(x, top), room, paint)


def paint_going(
    painter: QPainter, layer: Layer, position: int, gone: float, camera: Camera, colours: Colours
) -> None:
    """Paint a neuron on its way from filled to hollow; in a strip it goes unseen."""
    if _is_strip(layer, camera):
        return
    x, y = camera.to_view(layer.x, layer.top + position * layer.spacing)
    painter.setOpacity(1 - gone)
    paint_glyph(painter, Status.NORMAL, x, y, glyph_radius(layer, camera) * (1 - 0.5 * gone), colours)
    painter.setOpacity(1.0)


def paint_column(painter: QPainter, layer: Layer, camera: Camera, colours: Colours) -> None:
    """Paint the sign of a selected layer: a band behind its neurons."""
    x, top = camera.to_view(layer.x, layer.top)
    radius = glyph_radius(layer, camera)
    half = max(radius, _STRIP) + 7
    height = (layer.bottom - layer.top) * camera.scale
    band = QColor(colours.selection)
    painter.setPen(QPen(band, 1.6))
    band.setAlpha(28)
    painter.setBrush(band)
    painter.drawRoundedRect(QRectF(x - half, top - radius - 7, 2 * half, height + 2 * radius + 14), 8, 8)


def _is_strip(layer: Layer, camera: Camera) -> bool:
    return layer.spacing * camera.scale < STRIP_SPACING and layer.units.size > 1


def _marked(status: Status) -> bool:
    return status not in (Status.NORMAL, Status.NEUTRAL, Status.REMOVED)


def glyph_radius(layer: Layer, camera: Camera) -> float:
    """Radius of a layer's neurons in pixels."""
    return float(np.clip(layer.radius * camera.scale, 1.7, 15.0))


def paint_glyph(
    painter: QPainter, status: Status, x: float, y: float, radius: float, colours: Colours
) -> None:
    """Paint one neuron: each status has a shape of its own."""
    centre, ground = QPointF(x, y), QColor(colours.ground)
    size = max(radius, _SMALLEST_MARK) if _marked(status) else radius
    outline = QPen(ground, 1.0 if size < 5 else 1.5)
    painter.setPen(outline)
    if status in (Status.NORMAL, Status.NEUTRAL):
        painter.setBrush(QColor(colours.neuron if status is Status.NORMAL else colours.neutral))
        painter.drawEllipse(centre, size, size)
    elif status is Status.CANDIDATE:
        painter.setBrush(QColor(colours.candidate))
        painter.drawPolygon(_polygon(x, y, size * 1.35, (0, 90, 180, 270)))
    elif status is Status.PROTECTED:
        painter.setBrush(QColor(colours.protected))
        painter.drawPolygon(_polygon(x, y + size * 0.15, size * 1.35, (-90, 30, 150)))
    elif status is Status.CONSTANT:
        painter.setBrush(QColor(colours.constant))
        side = size * 0.95
        painter.drawRect(QRectF(x - side, y - side, 2 * side, 2 * side))
        if size > 4:
            painter.setPen(QPen(ground, max(1.5, size * 0.25)))
            painter.drawLine(QPointF(x - side * 0.6, y), QPointF(x + side * 0.6, y))
    elif status is Status.DISCONNECTED:
        painter.setBrush(ground)
        painter.setPen(QPen(QColor(colours.disconnected), max(1.0, size * 0.16)))
        if size > 4:
            painter.drawEllipse(centre, size, size)
        arm = size * (0.7 if size > 4 else 1.0)
        painter.setPen(QPen(QColor(colours.disconnected), max(1.5, size * 0.22)))
        painter.drawLine(QPointF(x - arm, y - arm), QPointF(x + arm, y + arm))
        painter.drawLine(QPointF(x - arm, y + arm), QPointF(x + arm, y - arm))
    else:
        painter.setBrush(ground)
        painter.setPen(QPen(QColor(colours.removed), 1.0 if size < 5 else 1.4))
        painter.drawEllipse(centre, size * 0.9, size * 0.9)


def _polygon(x: float, y: float, radius: float, degrees: Sequence[float]) -> QPolygonF:
    turns = np.radians(degrees)
    corners = zip(x + radius * np.cos(turns), y + radius * np.sin(turns), strict=True)
    return QPolygonF([QPointF(cx, cy) for cx, cy in corners])


def _paint_strip(
    layer: Layer,
    found: Statuses,
    camera: Camera,
    colours: Colours,
    hide_removed: bool,
    painter: QPainter,
) -> None:
    """Paint a layer as a bar, hollow where its neurons are gone, with a tick for each pixel row of marks."""
    x = (layer.x - camera.left) * camera.scale
    ys = (layer.y - camera.top) * camera.scale
    top = float(ys[0]) - 1.5
    end = layer.is_input or layer.is_output
    painter.setPen(QPen(QColor(colours.ground), 1.0))
    painter.setBrush(QColor(colours.neutral if end else colours.neuron))
    for first, last in _runs(found != Status.REMOVED) if hide_removed else [(0, len(ys) - 1)]:
        start, stop = float(ys[first]) - 1.5, float(ys[last]) + 1.5
        painter.drawRoundedRect(QRectF(x - _STRIP, start, 2 * _STRIP, stop - start), 2, 2)
    painter.setPen(Qt.PenStyle.NoPen)
    rows = np.floor(ys - top).astype(np.intp)
    whole = np.bincount(rows)
    tick = max(1.0, 0.8 * layer.spacing * camera.scale)
    # (status, colour, from, to): each sticks out in its own way
    for status, colour, start, stop in (
        (Status.REMOVED, colours.ground, -_STRIP + 1.2, _STRIP - 1.2),
        (Status.PROTECTED, colours.protected, -_STRIP - 7, -_STRIP + 1),
        (Status.CANDIDATE, colours.candidate, _STRIP - 1, _STRIP + 7),
        (Status.CONSTANT, colours.constant, _STRIP - 1, _STRIP + 3),
        (Status.DISCONNECTED, colours.disconnected, -_STRIP - 4, -_STRIP + 1),
    ):
        if hide_removed and status is Status.REMOVED:
            continue
        share = np.bincount(rows[found == status], minlength=whole.size) / np.maximum(whole, 1)
        for row in np.flatnonzero(share):
            painter.setOpacity(0.4 + 0.6 * share[row])
            painter.fillRect(QRectF(x + start, top + float(row), stop - start, tick), QColor(colour))
    painter.setOpacity(1)


def _runs(there: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and last position of each stretch of what is there."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in edges.reshape(-1, 2)]


def paint_halo(painter: QPainter, x: float, y: float, radius: float, colours: Colours) -> None:
    """Paint the sign of the neuron that is being tried."""
    glow = QColor(colours.trying)
    painter.setPen(QPen(glow, 2.4))
    glow.setAlpha(90)
    painter.setBrush(glow)
    painter.drawEllipse(QPointF(x, y), radius + 6, radius + 6)


def paint_ring(painter: QPainter, x: float, y: float, radius: float, colours: Colours) -> None:
    """Paint a ring around a neuron: under the mouse, or selected."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colours.selection), 1.8))
    painter.drawEllipse(QPointF(x, y), radius + 3.5, radius + 3.5)


# -- the connection under the mouse


def highlight(place: EdgePlace | None, colours: Colours) -> Paths:
    """Return one connection, if there is one, as a bold line on a casing."""
    if place is None:
        return []
    block, edge = place.block, place.edge
    path = _path(block, np.array([edge]))
    colour = colours.positive if block.weight[edge] > 0 else colours.negative
    pens = QPen(QColor(colours.ground), 5.5), QPen(QColor(colour), 3.0)
    for pen in pens:
        pen.setCosmetic(True)
    return [(path, pen) for pen in pens]


def _path(block: EdgeBlock, edges: IndexArray) -> QPainterPath:
    path = QPainterPath()
    for piece in block.pieces if edges.size else ():
        xs = np.linspace(piece.x0, piece.x1, 33)
        for ys in block.curves(piece, xs, edges):
            path.addPolygon(QPolygonF([QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]))
    return path


# -- words


def paint_caption(
    painter: QPainter, lines: tuple[str, str], box: QRectF, colours: Colours, stamp: Stamp = paint_now
) -> None:
    """Paint a layer's name and size in their box."""
    font = painter.font()

    def paint(onto: QPainter) -> None:
        _paint_ground(onto, box, colours)
        y, wide = box.top() + 2, box.width() - 10
        for each, line, colour in zip(
            _caption_fonts(font), lines, (colours.text, colours.muted), strict=True
        ):
            metrics = QFontMetricsF(each)
            onto.setFont(each)
            onto.setPen(QColor(colour))
            place = QRectF(box.left() + 5, y, wide + 1, metrics.height())
            shown = metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, wide + _ROUNDING)
            onto.drawText(place, Qt.AlignmentFlag.AlignCenter, shown)
            y += metrics.height() + 1
        onto.setFont(font)

    look = "caption", lines, font.toString(), round(box.width(), 2), colours
    stamp(painter, look, box.topLeft(), lambda: box, paint)


def caption_box(
    lines: tuple[str, str], font: QFont, layer: Layer, camera: Camera, room: QRectF, width: float
) -> QRectF | None:
    """Return where in the view a layer's caption is; None where the layer is out of it.

    That is above its column, or at the upper edge when that is out of view.
    """
    x, top = camera.to_view(layer.x, layer.top)
    bottom = camera.to_view(layer.x, layer.bottom)[1]
    if not room.left() < x < room.right() or bottom < room.top() or top > room.bottom():
        return None
    widths, high = _caption_size(lines, font.toString())
    wide = max(min(each, width) for each in widths)
    y = max(room.top(), top - glyph_radius(layer, camera) - 10 - high)
    left = min(max(x - wide / 2, room.left() + 2), room.right() - wide - 2)
    return QRectF(left - 5, y - 2, wide + 10, high + 4)


@lru_cache(maxsize=256)
def _caption_size(lines: tuple[str, str], font: str) -> tuple[tuple[float, ...], float]:
    """Return the width of each line, and the height of both."""
    described = QFont()
    described.fromString(font)
    metrics = [QFontMetricsF(each) for each in _caption_fonts(described)]
    widths = tuple(each.horizontalAdvance(line) for each, line in zip(metrics, lines, strict=True))
    return widths, sum(each.height() for each in metrics) + 1


def _caption_fonts(font: QFont) -> tuple[QFont, QFont]:
    bold = QFont(font)
    bold.setBold(True)
    return bold, font


def _paint_ground(painter: QPainter, rect: QRectF, colours: Colours) -> None:
    ground = QColor(colours.ground)
    ground.setAlpha(215)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(rect, 4, 4)


def legend_rows(
    entries: Sequence[tuple[Symbol, str]], metrics: QFontMetricsF, width: float
) -> list[list[tuple[Symbol, str, float, float]]]:
    """Lay the legend out in rows: (symbol, text, x, width of the text)."""
    rows: list[list[tuple[Symbol, str, float, float]]] = [[]]
    x = 0.0
    for symbol, text in entries:
        wide = metrics.horizontalAdvance(text)
        if rows[-1] and x + _TEXT + wide > width:
            rows.append([])
            x = 0.0
        rows[-1].append((symbol, text, x, wide))
        x += _TEXT + wide + 15
    return rows


def legend_height(entries: Sequence[tuple[Symbol, str]], metrics: QFontMetricsF, width: float) -> float:
    """Return the height that a legend takes."""
    return LEGEND_ROW * len(legend_rows(entries, metrics, width))


def paint_legend(
    painter: QPainter,
    entries: Sequence[tuple[Symbol, str]],
    colours: Colours,
    room: QRectF,
    stamp: Stamp = paint_now,
) -> None:
    """Paint the legend at the lower edge of the room."""
    look = "legend", tuple(entries), painter.font().toString(), room.width(), room.height(), colours
    wider = room.adjusted(-6, 0, 6, 2)
    stamp(painter, look, room.topLeft(), lambda: wider, partial(_paint_legend, entries, colours, room))


def _paint_legend(
    entries: Sequence[tuple[Symbol, str]], colours: Colours, room: QRectF, painter: QPainter
) -> None:
    rows = legend_rows(entries, QFontMetricsF(painter.font()), room.width())
    wide = max((row[-1][2] + _TEXT + row[-1][3] for row in rows if row), default=0.0)
    left, top = room.left(), room.bottom() - len(rows) * LEGEND_ROW
    _paint_ground(painter, QRectF(left - 6, top - 2, wide + 12, len(rows) * LEGEND_ROW + 4), colours)
    for number, row in enumerate(rows):
        y = top + (number + 0.5) * LEGEND_ROW
        for symbol, text, x, text_width in row:
            _paint_symbol(painter, symbol, left + x, y, colours)
            painter.setPen(QColor(colours.text))
            place = QRectF(left + x + _TEXT, y - LEGEND_ROW / 2, text_width + 2, LEGEND_ROW)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def _paint_symbol(painter: QPainter, symbol: Symbol, x: float, y: float, colours: Colours) -> None:
    if isinstance(symbol, Status):
        paint_glyph(painter, symbol, x + 14, y, 5.0, colours)
    elif isinstance(symbol, Halo):
        paint_halo(painter, x + 14, y, 1.0, colours)
        paint_glyph(painter, Status.NORMAL, x + 14, y, 4.0, colours)
    elif symbol is Stroke.STRENGTH:
        for step in range(3):
            colour = QColor(colours.muted)
            colour.setAlphaF(0.35 + 0.3 * step)
            _paint_line(painter, x + 2 + 8 * step, x + 10 + 8 * step, y, QPen(colour, 1.0 + 0.9 * step))
    elif symbol is Stroke.WEAK:
        _paint_line(painter, x + 2, x + 26, y, dashed(QColor(colours.weak), 1.4))
    else:
        sign = colours.positive if symbol is Stroke.POSITIVE else colours.negative
        _paint_line(painter, x + 2, x + 26, y, QPen(QColor(sign), 2.4))


def dashed(colour: QColor, width: float) -> QPen:
    """The pen of weak connections."""
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setDashPattern([5.0 / width, 4.0 / width])
    return pen


def _paint_line(painter: QPainter, start: float, stop: float, y: float, pen: QPen) -> None:
    painter.setPen(pen)
    painter.drawLine(QPointF(start, y), QPointF(stop, y))
