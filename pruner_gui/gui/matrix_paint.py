"""Paints a weight matrix and what lies around it: lines and numbers in cells, axes, outlines, the legend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from pruner_gui.gui import text
from pruner_gui.gui.matrix_image import WEAK_TINT, Frame, Ink, Matrix, Span, colour_table
from pruner_gui.gui.palette import Colours, rgb
from pruner_gui.network import IndexArray

_BAR = (130.0, 11.0)  # the colour scale
_GRID, _NUMBERS = 9.0, (50.0, 17.0)  # size of a cell from which there are lines, and numbers
_STRONG = 0.55  # of the scale: from there on a number is written in the colour of the ground


@dataclass(frozen=True)
class Place:
    """Where in the widget a part of a matrix is: its top left corner in logical pixels."""

    frame: Frame
    left: float
    top: float

    @property
    def body(self) -> QRectF:
        """The whole of it."""
        high, wide = self.frame.shape
        return QRectF(self.left, self.top, wide / self.frame.ratio, high / self.frame.ratio)

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a weight."""
        return self.frame.across.step / self.frame.ratio, self.frame.down.step / self.frame.ratio

    def row(self, row: int) -> QRectF:
        """The band of a row, at least a pixel high, from edge to edge."""
        y = self.top + self.frame.down.place_of(row) / self.frame.ratio
        return QRectF(self.left, y, self.body.width(), max(1.0, self.cell[1]))

    def column(self, column: int) -> QRectF:
        """The band of a column, at least a pixel wide, from edge to edge."""
        x = self.left + self.frame.across.place_of(column) / self.frame.ratio
        return QRectF(x, self.top, max(1.0, self.cell[0]), self.body.height())


@dataclass(frozen=True, eq=False)
class Axis:
    """What is written along one side: the positions of `units` along `span`, of those some `left`."""

    title: str
    span: Span
    units: IndexArray
    left: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    doomed: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    hovered: int | None
    across: bool


@dataclass(frozen=True)
class Sign:
    """An entry of the legend: words behind a sample of a colour."""

    words: str
    colour: QColor
    style: Qt.BrushStyle = Qt.BrushStyle.SolidPattern
    height: float = 12.0


def paint_image(painter: QPainter, place: Place, image: QImage, drawn: Frame, colours: Colours) -> None:
    """Paint the picture of another frame where it belongs in this one, and the edge around it."""
    body, frame, places = place.body, place.frame, []
    for now, then in ((frame.across, drawn.across), (frame.down, drawn.down)):
        share = now.full / then.full
        places.append(((then.start * share - now.start) / frame.ratio, then.count * share / frame.ratio))
    (x, width), (y, height) = places
    painter.save()
    painter.setClipRect(body)
    painter.drawImage(QRectF(body.left() + x, body.top() + y, width, height), image)
    painter.restore()
    painter.setPen(QPen(QColor(colours.removed), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(body.adjusted(-1, -1, 0, 0))


def paint_cells(
    painter: QPainter, place: Place, matrix: Matrix, weak_threshold: float | None, colours: Colours
) -> None:
    """Paint lines between large cells, and numbers in larger ones."""
    wide, high = place.cell
    if min(wide, high) < _GRID:
        return
    rows, columns = visible(place.frame.down), visible(place.frame.across)
    painter.save()
    painter.setClipRect(place.body)
    painter.setPen(QPen(QColor(colours.ground), 1))
    for row in rows:
        painter.drawLine(place.row(row).topLeft(), place.row(row).topRight())
    for column in columns:
        painter.drawLine(place.column(column).topLeft(), place.column(column).bottomLeft())
    if wide >= _NUMBERS[0] and high >= _NUMBERS[1]:
        for row in rows:
            for column in columns:
                if matrix.source_left[row] and matrix.target_left[column]:
                    _paint_number(painter, place, matrix, (row, column), weak_threshold or 0.0, colours)
    painter.restore()


def _paint_number(
    painter: QPainter, place: Place, matrix: Matrix, at: tuple[int, int], weak: float, colours: Colours
) -> None:
    weight = float(matrix.weight[at])
    strong = abs(weight) > _STRONG * matrix.scale and not matrix.is_weak(*at, weak)
    painter.setPen(QColor(colours.ground if strong else colours.text))
    cell = place.row(at[0]).intersected(place.column(at[1]))
    painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text.beside(weight, matrix.scale))


def paint_outlines(
    painter: QPainter, place: Place, selected: Sequence[QRectF], hovered: Sequence[QRectF], colours: Colours
) -> None:
    """Paint the outlines of selected rows and columns, and of what is under the mouse."""
    painter.save()
    painter.setClipRect(place.body.adjusted(-2, -2, 2, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colours.muted), 1, Qt.PenStyle.DotLine))
    for band in hovered:
        painter.drawRect(band.adjusted(-1, -1, 0, 0))
    for band in selected:
        for colour, width in ((colours.ground, 4), (colours.selection, 2)):
            painter.setPen(QPen(QColor(colour), width))
            painter.drawRect(band.adjusted(-1, -1, 1, 1))
    painter.restore()


# -- the axes


def paint_axis(painter: QPainter, place: Place, axis: Axis, colours: Colours) -> None:
    """Paint a side's title, numbers of its units, and a stroke at each that would go."""
    metrics = QFontMetricsF(painter.font())
    _paint_title(painter, place, axis, colours)
    _paint_doomed(painter, place, axis, colours)
    apart = metrics.horizontalAdvance("0000") if axis.across else metrics.height() + 8
    for position in _ticks(axis, apart * place.frame.ratio):
        _paint_tick(painter, place, axis, position, colours)


def _paint_title(painter: QPainter, place: Place, axis: Axis, colours: Colours) -> None:
    body = place.body
    painter.save()
    font = QFont(painter.font())
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor(colours.text))
    high = QFontMetricsF(font).height()
    if axis.across:
        painter.translate(body.center().x(), body.top() - 50)
    else:
        painter.translate(body.left() - 64, body.center().y())
        painter.rotate(-90)
    painter.drawText(QRectF(-400, 0, 800, high), Qt.AlignmentFlag.AlignCenter, axis.title)
    painter.restore()


def _paint_doomed(painter: QPainter, place: Place, axis: Axis, colours: Colours) -> None:
    """A stroke at the edge of every row or column that would go, neighbours as one."""
    cells = axis.span.cells()
    here = np.logical_or.reduceat(axis.doomed[: cells[-1, 1]], cells[:, 0])
    ends = np.flatnonzero(np.diff(here, prepend=False, append=False)) / place.frame.ratio
    for start, end in ends.reshape(-1, 2).tolist():
        if axis.across:
            stroke = QRectF(place.left + start, place.top - 5, end - start, 3)
        else:
            stroke = QRectF(place.left - 5, place.top + start, 3, end - start)
        painter.fillRect(stroke, QColor(colours.candidate))


def _paint_tick(painter: QPainter, place: Place, axis: Axis, position: int, colours: Colours) -> None:
    """A unit's number: struck out where it is removed, bold where the mouse is."""
    hovered = position == axis.hovered
    painter.save()
    font = QFont(painter.font())
    font.setBold(hovered)
    font.setStrikeOut(not axis.left[position])
    painter.setFont(font)
    words, metrics = text.integer(int(axis.units[position])), QFontMetricsF(font)
    wide, high = metrics.horizontalAdvance(words) + 4, metrics.height()
    if axis.across:
        x, y = place.column(position).center().x(), place.top
        mark = QPointF(x, y - 8), QPointF(x, y - 4)
        box = QRectF(x - wide / 2, y - 9 - high, wide, high)
    else:
        x, y = place.left, place.row(position).center().y()
        mark = QPointF(x - 8, y), QPointF(x - 4, y)
        box = QRectF(x - 11 - wide, y - high / 2, wide, high)
    painter.setPen(QPen(QColor(colours.muted), 1))
    painter.drawLine(*mark)
    if hovered:
        painter.fillRect(box.adjusted(-4, 0, 4, 0), QColor(colours.ground))
    painter.setPen(QColor(colours.text if hovered else colours.muted))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
    painter.restore()


def visible(span: Span) -> range:
    """Return the positions of the units that a stretch shows."""
    edges = span.cells()
    return range(int(edges[0, 0]), int(edges[-1, 1]))


def _ticks(axis: Axis, room: float) -> list[int]:
    """Positions to write at an axis, so many pixels apart, the one under the mouse last."""
    apart = next(n for n in _round_numbers() if n * axis.span.step >= room)
    shown = visible(axis.span)
    first = -(-shown.start // apart) * apart
    ticks = [place for place in range(first, shown.stop, apart) if place != axis.hovered]
    ticks = [place for place in ticks if 0 <= axis.span.place_of(place + 0.5) <= axis.span.count]
    return ticks if axis.hovered is None else [*ticks, axis.hovered]


def _round_numbers() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 and so on."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


# -- the legend


def paint_scale(painter: QPainter, x: float, y: float, scale: float, words: str, colours: Colours) -> None:
    """Paint the colours from -scale to +scale with the numbers at the ends, and words behind."""
    high = QFontMetricsF(painter.font()).height()
    number = text.number(scale, 2)
    x = write(painter, x, y, text.MINUS + number, colours.text) + 6
    bar = QRectF(x, y + (high - _BAR[1]) / 2, *_BAR)
    painter.drawImage(bar, _scale_image(ink_of(colours)))
    x = write(painter, bar.right() + 6, y, f"+{number}", colours.text) + 14
    write(painter, x, y, words, colours.text)


def paint_signs(painter: QPainter, x: float, y: float, signs: Sequence[Sign], colours: Colours) -> float:
    """Paint samples of colours with their names; return where the next would begin."""
    for sign in signs:
        painter.setPen(QPen(QColor(colours.removed), 1 if sign.height > 6 else 0))
        painter.setBrush(QBrush(sign.colour, sign.style))
        box = QRectF(x, y + 8 - sign.height / 2, 18, sign.height)
        if sign.height > 6:
            painter.drawRect(box)
        else:
            painter.fillRect(box, sign.colour)
        x = write(painter, box.right() + 6, y, sign.words, colours.text) + 18
    return x


def write(painter: QPainter, x: float, y: float, words: str, colour: str) -> float:
    """Paint words with their top left corner here; return where they end."""
    metrics = QFontMetricsF(painter.font())
    painter.setPen(QColor(colour))
    painter.drawText(QPointF(x, y + metrics.ascent()), words)
    return x + metrics.horizontalAdvance(words)


def ink_of(colours: Colours) -> Ink:
    """Return the colours of the picture."""
    return Ink(
        rgb(colours.ground),
        rgb(colours.text),
        rgb(colours.positive),
        rgb(colours.negative),
        rgb(colours.weak),
        rgb(colours.removed),
    )


def weak_shade(colours: Colours) -> QColor:
    """Return the colour of a weak weight."""
    pairs = zip(rgb(colours.ground), rgb(colours.weak), strict=True)
    return QColor(*(round(ground + (weak - ground) * WEAK_TINT) for ground, weak in pairs))


def _scale_image(ink: Ink) -> QImage:
    """The colour scale, a pixel high."""
    table = (colour_table(ink) * 255).astype(np.uint8)
    pixels = np.full((1, len(table), 4), 255, np.uint8)
    pixels[0, :, :3] = table[:, ::-1]
    return QImage(pixels.data, len(table), 1, 4 * len(table), QImage.Format.Format_RGB32).copy()
