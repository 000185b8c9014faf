"""The weights between two layers as a heat-map: rows are the source's units, columns the target's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from pruner_gui.gui import neuron, text
from pruner_gui.gui.graph_paint import GraphMarks
from pruner_gui.gui.latest import Latest
from pruner_gui.gui.matrix_image import (
    SHARE_IN_SCALE,
    WEAK_TINT,
    Frame,
    Image,
    Ink,
    Matrix,
    Order,
    Span,
    colour_table,
    draw_matrix,
    matrix_of,
    warm_up,
)
from pruner_gui.gui.palette import Colours, colours_for, rgb
from pruner_gui.network import Network

_LEFT, _TOP, _RIGHT, _BOTTOM = 66, 52, 20, 14  # around the matrix, in logical pixels
_LEGEND = 48  # its height
_BAR = (130.0, 11.0)  # the colour scale
_MOST = (150.0, 64.0)  # of a cell when all is shown: across, down
_CLOSEST = (62.0, 26.0)  # a cell as near as one gets
_GRID, _NUMBERS = 9.0, (50.0, 17.0)  # size of a cell from which there are lines, and numbers
_OVERSCAN = 0.25
_STEP = 1.25  # zoom of one key press
_PAN = 60.0
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


@dataclass(frozen=True)
class Job:
    """A wish for a picture. Networks are equal when they are the same object."""

    original: Network
    current: Network
    source: str
    target: str
    order: Order
    frame: Frame
    ink: Ink
    weak_threshold: float | None
    focus: bool


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn job. `pixels` are behind the image and must live as long as it."""

    job: Job
    matrix: Matrix
    pixels: Image
    image: QImage


@dataclass(frozen=True)
class Hit:
    """The weight under the mouse: of all in that pixel, the strongest."""

    row: int
    column: int
    shared_by: int


class _Drawer:
    """Draws jobs; keeps the matrix of the last one, which is dear for large layers."""

    def __init__(self) -> None:
        self._kept: tuple[Job, Matrix] | None = None

    def __call__(self, job: Job) -> Picture:
        kept = self._kept
        if kept is None or _what(kept[0]) != _what(job):
            matrix = matrix_of(job.original, job.current, job.source, job.target, job.order)
            self._kept = kept = job, matrix
        pixels = draw_matrix(kept[1], job.frame, job.ink, job.weak_threshold, job.focus)
        height, width = job.frame.shape
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        return Picture(job, kept[1], pixels, image)


def _what(job: Job) -> tuple[Network, Network, str, str, Order]:
    return job.original, job.current, job.source, job.target, job.order


class MatrixView(QWidget):
    """The heat-map. Draws in a thread of its own; call `shutdown()` before the window goes."""

    neuron_selected = Signal(int, int)  # visible layer, original unit
    selection_cleared = Signal()
    pair_changed = Signal(int)  # another pair of layers is shown
    rendered = Signal()  # the picture of the newest state is on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tooltip_provider: Callable[[int, int], str] | None = None
        """Set by the window: (visible layer, original unit) -> text."""
        self.pairs: tuple[tuple[int, int], ...] = ()
        """Source and target (visible layers) of every matrix there is."""
        self.pair = 0
        self.order = Order.INDEX
        self._names: list[str] = []
        self._titles: list[str] = []
        self._original: Network | None = None
        self._current: Network | None = None
        self._marks = GraphMarks()
        self._selected: tuple[int, int] | None = None
        self._hit: Hit | None = None
        self._frame: Frame | None = None
        self._fitted = True
        self._legend_visible = True
        self._press: tuple[QPointF, Frame] | None = None
        self._dragging = False
        self._colours = colours_for(self.palette())
        self._job: Job | None = None
        self._picture: Picture | None = None
        self._drawing = Latest("matrix-renderer", _Drawer(), warm_up)
        self._drawing.done.connect(self._show_picture)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._describe()

    # -- what it shows

    def set_network(self, original: Network | None) -> None:
        """Show this network's first matrix; None empties the view. Clears marks and selection."""
        self._original = self._current = original
        self._names = neuron.visible_layers(original) if original is not None else []
        links = original.links() if original is not None else ()
        places = {name: i for i, name in enumerate(self._names)}
        self.pairs = tuple((places[link.source], places[link.target]) for link in links)
        self._titles = self._title_layers()
        self.pair = 0
        self._marks, self._selected, self._hit = GraphMarks(), None, None
        self._picture = self._job = None
        self.fit()
        self._describe()

    def set_current(self, network: Network) -> None:
        """Show what is left of the original: removed units leave hatched rows and columns."""
        if network is not self._current:
            self._current = network
            self._refresh()

    def set_statuses(self, marks: GraphMarks) -> None:
        """Show these statuses and this weak threshold."""
        if marks != self._marks:
            self._marks = marks
            self._refresh()

    def set_pair(self, pair: int) -> None:
        """Show another pair of layers, all of it."""
        if pair != self.pair and 0 <= pair < len(self.pairs):
            self.pair = pair
            self._hit = None
            self.fit()
            self._describe()
            self.pair_changed.emit(pair)

    def set_order(self, order: Order) -> None:
        """Show rows and columns in another order."""
        self.order = order
        self._hit = None
        self._refresh()

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the legend."""
        self._legend_visible = visible
        self._keep_fitted()
        self._refresh()

    def select(self, selected: tuple[int, int] | None) -> None:
        """Select (visible layer, original unit) or nothing, and show a matrix that has it; emits nothing."""
        self._selected = selected
        if selected is not None and self.pairs and selected[0] not in self.pairs[self.pair]:
            into = [i for i, pair in enumerate(self.pairs) if pair[1] == selected[0]]
            out = [i for i, pair in enumerate(self.pairs) if pair[0] == selected[0]]
            for pair in (into + out)[:1]:
                self.set_pair(pair)
        self.update()

    @property
    def selected(self) -> tuple[int, int] | None:
        """The selected (visible layer, original unit)."""
        return self._selected

    def name(self, layer: int) -> str:
        """Return the name that a visible layer has in the network."""
        return self._names[layer]

    def title(self, layer: int) -> str:
        """Return what a visible layer is called."""
        return self._titles[layer]

    def cell(self, source_unit: int, target_unit: int) -> QRectF | None:
        """Return where in the widget the weight between two original units is drawn, once it is drawn."""
        picture = self._shown()
        if picture is None:
            return None
        row, column = picture.matrix.row_of(source_unit), picture.matrix.column_of(target_unit)
        if row is None or column is None:
            return None
        return self._rows(row).intersected(self._columns(column))

    def shutdown(self) -> None:
        """Stop and join the drawing thread. Harmless twice."""
        self._drawing.stop()

    def _title_layers(self) -> list[str]:
        if self._original is None:
            return []
        hidden = {layer.name for layer in self._original.hidden_layers}
        outputs = [name for name in self._names[1:] if name not in hidden]
        titles = [self.tr("Output") if [name] == outputs else name for name in self._names]
        return [self.tr("Input"), *titles[1:]]

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Weight matrix"))
        if not self.pairs:
            self.setAccessibleDescription(self.tr("No network is open."))
            return
        source, target = self.pairs[self.pair]
        words = self.tr("Weights from {source} (rows) to {target} (columns)")
        self.setAccessibleDescription(words.format(source=self.title(source), target=self.title(target)))

    def _refresh(self) -> None:
        self._request()
        self.update()

    # -- the camera, in device pixels

    def fit(self) -> None:
        """Show the whole matrix."""
        self._fitted = True
        self._keep_fitted()
        self._refresh()

    def actual_size(self) -> None:
        """Show one weight as one pixel, or all of a smaller matrix."""
        self._zoom_to(lambda span: float(span.size), self._body().center())

    def zoom(self, factor: float) -> None:
        """Zoom around the centre."""
        self._zoom_to(lambda span: span.full * factor, self._body().center())

    def _room(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of what is free for the matrix."""
        ratio = self.devicePixelRatioF()
        below = _BOTTOM + (_LEGEND if self._legend_visible else 0)
        left, top = round(_LEFT * ratio), round(_TOP * ratio)
        width = round((self.width() - _RIGHT) * ratio) - left
        height = round((self.height() - below) * ratio) - top
        return left, top, max(1, width), max(1, height)

    def _shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        if self._original is None or not self.pairs:
            return 0, 0
        source, target = self.pairs[self.pair]
        return self._original.sizes[self._names[source]], self._original.sizes[self._names[target]]

    def _fitting(self) -> Frame | None:
        rows, columns = self._shape()
        if not rows or not columns:
            return None
        _, _, width, height = self._room()
        ratio = self.devicePixelRatioF()
        down = Span.fitting(rows, height, _MOST[1] * ratio)
        return Frame(down, Span.fitting(columns, width, _MOST[0] * ratio), ratio)

    def _keep_fitted(self) -> None:
        if self._fitted or self._frame is None or self._frame.ratio != self.devicePixelRatioF():
            self._frame, self._fitted = self._fitting(), True
        else:
            _, _, width, height = self._room()
            down, across = self._frame.down, self._frame.across
            across = across.zoomed(max(across.full, width), width / 2, width)
            down = down.zoomed(max(down.full, height), height / 2, height)
            self._frame = replace(self._frame, down=down, across=across)

    def _zoom_to(self, full: Callable[[Span], float], place: QPointF) -> None:
        """Give each side so many pixels, and keep what is at this place of the widget."""
        fit, frame = self._fitting(), self._frame
        if fit is None or frame is None:
            return
        left, top, width, height = self._room()
        ratio = frame.ratio
        spans = [
            span.zoomed(min(max(full(span), all_.full), max(all_.full, most * ratio * span.size)), at, room)
            for span, all_, most, at, room in (
                (frame.down, fit.down, _CLOSEST[1], place.y() * ratio - top, height),
                (frame.across, fit.across, _CLOSEST[0], place.x() * ratio - left, width),
            )
        ]
        self._frame = Frame(spans[0], spans[1], ratio)
        self._fitted = self._frame == fit
        self._refresh()

    def _pan(self, start: Frame, dx: float, dy: float) -> None:
        """Move what a frame shows by logical pixels."""
        down = start.down.moved(-dy * start.ratio)
        self._frame = replace(start, down=down, across=start.across.moved(-dx * start.ratio))
        self._fitted = self._frame == self._fitting()
        self._refresh()

    def _body(self) -> QRectF:
        """Where the matrix is, in logical pixels."""
        if self._frame is None:
            return QRectF()
        left, top, width, height = self._room()
        down, across, ratio = self._frame.down, self._frame.across, self._frame.ratio
        x, y = left + (width - across.count) // 2, top + (height - down.count) // 2
        return QRectF(x / ratio, y / ratio, across.count / ratio, down.count / ratio)

    def _rows(self, row: int) -> QRectF:
        """The band of a row, at least a pixel high, from edge to edge."""
        assert self._frame is not None
        body, span = self._body(), self._frame.down
        y = body.top() + span.place_of(row) / self._frame.ratio
        return QRectF(body.left(), y, body.width(), max(1.0, span.step / self._frame.ratio))

    def _columns(self, column: int) -> QRectF:
        """The band of a column, at least a pixel wide, from edge to edge."""
        assert self._frame is not None
        body, span = self._body(), self._frame.across
        x = body.left() + span.place_of(column) / self._frame.ratio
        return QRectF(x, body.top(), max(1.0, span.step / self._frame.ratio), body.height())

    # -- the picture

    def _request(self) -> None:
        """Ask for a new picture where the newest one asked for does not serve."""
        if self._original is None or self._current is None or self._frame is None or not self.isVisible():
            return
        source, target = (self._names[layer] for layer in self.pairs[self.pair])
        frame = self._frame.widened(_OVERSCAN)
        job = Job(
            self._original, self._current, source, target, self.order, frame, _ink(self._colours),
            self._marks.weak_threshold, self._marks.focus,
        )  # fmt: skip
        old = self._job
        if old is None or replace(old, frame=frame) != job or not old.frame.covers(self._frame):
            self._job = job
            self._drawing.request(job)

    def _show_picture(self, picture: Picture) -> None:
        if picture.job.original is not self._original:
            return
        self._picture = picture
        self.update()
        if picture.job is self._job:
            self.rendered.emit()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Blit the matrix, paint everything else."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._colours.ground))
        picture, frame = self._shown(), self._frame
        if frame is not None and self.pairs:
            if picture is not None:
                self._paint_image(painter, picture, frame)
                self._paint_cells(painter, picture.matrix, frame)
                self._paint_bands(painter, picture.matrix)
            self._paint_axes(painter, frame, picture.matrix if picture is not None else None)
            if picture is not None and self._legend_visible:
                self._paint_legend(painter, picture)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _shown(self) -> Picture | None:
        """The last picture, if it is of these layers in this order, whatever its frame and marks."""
        if self._picture is None or not self.pairs:
            return None
        job = self._picture.job
        pair = tuple(self._names[layer] for layer in self.pairs[self.pair])
        same = job.original is self._original and (job.source, job.target) == pair and job.order is self.order
        return self._picture if same else None

    def _paint_image(self, painter: QPainter, picture: Picture, frame: Frame) -> None:
        body, drawn = self._body(), picture.job.frame
        places = []
        for now, then in ((frame.across, drawn.across), (frame.down, drawn.down)):
            share = now.full / then.full
            places.append(((then.start * share - now.start) / frame.ratio, then.count * share / frame.ratio))
        (x, width), (y, height) = places
        painter.save()
        painter.setClipRect(body)
        painter.drawImage(QRectF(body.left() + x, body.top() + y, width, height), picture.image)
        painter.restore()
        painter.setPen(QPen(QColor(self._colours.removed), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(body.adjusted(-1, -1, 0, 0))

    def _paint_cells(self, painter: QPainter, matrix: Matrix, frame: Frame) -> None:
        """Lines between large cells, and numbers in larger ones."""
        wide, high = frame.across.step / frame.ratio, frame.down.step / frame.ratio
        if min(wide, high) < _GRID:
            return
        painter.save()
        painter.setClipRect(self._body())
        painter.setPen(QPen(QColor(self._colours.ground), 1))
        rows, columns = _visible(frame.down), _visible(frame.across)
        for row in rows:
            painter.drawLine(self._rows(row).topLeft(), self._rows(row).topRight())
        for column in columns:
            painter.drawLine(self._columns(column).topLeft(), self._columns(column).bottomLeft())
        if wide >= _NUMBERS[0] and high >= _NUMBERS[1]:
            for row in rows:
                for column in columns:
                    if matrix.source_left[row] and matrix.target_left[column]:
                        self._paint_number(painter, matrix, row, column)
        painter.restore()

    def _paint_number(self, painter: QPainter, matrix: Matrix, row: int, column: int) -> None:
        weight = float(matrix.weight[row, column])
        strong = abs(weight) > 0.55 * matrix.scale and not self._is_weak(weight)
        painter.setPen(QColor(self._colours.ground if strong else self._colours.text))
        place = self._rows(row).intersected(self._columns(column))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text.signed(text.number(weight, 2), weight))

    def _is_weak(self, weight: float) -> bool:
        threshold = self._marks.weak_threshold
        return threshold is not None and 0 < abs(weight) < threshold

    def _paint_bands(self, painter: QPainter, matrix: Matrix) -> None:
        """The outlines of the selected row and column, and of the weight under the mouse."""
        painter.save()
        painter.setClipRect(self._body().adjusted(-2, -2, 2, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._hit is not None:
            painter.setPen(QPen(QColor(self._colours.muted), 1, Qt.PenStyle.DotLine))
            for band in (self._rows(self._hit.row), self._columns(self._hit.column)):
                painter.drawRect(band.adjusted(-1, -1, 0, 0))
        for band in self._selected_bands(matrix):
            painter.setPen(QPen(QColor(self._colours.ground), 4))
            painter.drawRect(band.adjusted(-1, -1, 1, 1))
            painter.setPen(QPen(QColor(self._colours.selection), 2))
            painter.drawRect(band.adjusted(-1, -1, 1, 1))
        painter.restore()

    def _selected_bands(self, matrix: Matrix) -> Iterator[QRectF]:
        if self._selected is None:
            return
        layer, unit = self._selected
        source, target = self.pairs[self.pair]
        row, column = matrix.row_of(unit), matrix.column_of(unit)
        if layer == source and row is not None:
            yield self._rows(row)
        if layer == target and column is not None:
            yield self._columns(column)

    # -- the axes

    def _paint_axes(self, painter: QPainter, frame: Frame, matrix: Matrix | None) -> None:
        source, target = self.pairs[self.pair]
        body, metrics = self._body(), QFontMetricsF(self.font())
        self._paint_title(
            painter, QRectF(0, body.top() - 50, self.width(), metrics.height()), target, across=True
        )
        painter.save()
        painter.translate(body.left() - 64, body.center().y())
        painter.rotate(-90)
        self._paint_title(
            painter, QRectF(-self.height() / 2, 0, self.height(), metrics.height()), source, across=False
        )
        painter.restore()
        sides = (
            (frame.down, source, metrics.height() + 8),
            (frame.across, target, metrics.horizontalAdvance("0000")),
        )
        for number, (span, layer, room) in enumerate(sides):
            left = None if matrix is None else (matrix.source_left, matrix.target_left)[number]
            units = None if matrix is None else (matrix.source_units, matrix.target_units)[number]
            hovered = None if self._hit is None else (self._hit.row, self._hit.column)[number]
            if units is None or left is None:
                continue
            self._paint_candidates(painter, layer, units, span, across=bool(number))
            for place in _ticks(span, room * frame.ratio, hovered):
                words = text.integer(int(units[place]))
                self._paint_tick(painter, place, words, bool(number), place == hovered, bool(left[place]))

    def _paint_title(self, painter: QPainter, place: QRectF, layer: int, across: bool) -> None:
        """The layer's name and size, and which way it reads."""
        assert self._original is not None
        size = text.plural(
            self._original.sizes[self._names[layer]], self.tr("{n} neuron"), self.tr("{n} neurons")
        )
        words = self.tr("to {layer} · {size}") if across else self.tr("from {layer} · {size}")
        if self.order is Order.IMPORTANCE:
            words += self.tr(", strongest first")
        painter.setPen(QColor(self._colours.text))
        bold = QFont(self.font())
        bold.setBold(True)
        painter.setFont(bold)
        line = words.format(layer=self.title(layer), size=size)
        if across:
            middle = self._body().center().x()
            place = QRectF(middle - 400, place.top(), 800, place.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, line)
        painter.setFont(self.font())

    def _paint_tick(
        self, painter: QPainter, place: int, words: str, across: bool, hovered: bool, left: bool
    ) -> None:
        body = self._body()
        font = QFont(self.font())
        font.setBold(hovered)
        font.setStrikeOut(not left)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        painter.setPen(QPen(QColor(self._colours.muted), 1))
        wide = metrics.horizontalAdvance(words) + 4
        if across:
            x = self._columns(place).center().x()
            painter.drawLine(QPointF(x, body.top() - 8), QPointF(x, body.top() - 4))
            box = QRectF(x - wide / 2, body.top() - 9 - metrics.height(), wide, metrics.height())
        else:
            y = self._rows(place).center().y()
            painter.drawLine(QPointF(body.left() - 8, y), QPointF(body.left() - 4, y))
            box = QRectF(body.left() - 11 - wide, y - metrics.height() / 2, wide, metrics.height())
        if hovered:
            painter.fillRect(box.adjusted(-4, 0, 4, 0), QColor(self._colours.ground))
        painter.setPen(QColor(self._colours.text if hovered else self._colours.muted))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
        painter.setFont(self.font())

    def _paint_candidates(
        self,
        painter: QPainter,
        layer: int,
        units: np.ndarray[tuple[int], np.dtype[np.intp]],
        span: Span,
        across: bool,
    ) -> None:
        """A stroke at the edge of every row or column that would go, neighbours as one."""
        assert self._frame is not None
        body, ratio = self._body(), self._frame.ratio
        doomed = np.isin(units, list(self._marks.candidates.get(layer, ())))
        cells = span.cells()
        here = np.logical_or.reduceat(doomed[: cells[-1, 1]], cells[:, 0])
        ends = np.flatnonzero(np.diff(here, prepend=False, append=False)) / ratio
        colour = QColor(self._colours.candidate)
        for start, end in ends.reshape(-1, 2).tolist():
            if across:
                painter.fillRect(QRectF(body.left() + start, body.top() - 5, end - start, 3), colour)
            else:
                painter.fillRect(QRectF(body.left() - 5, body.top() + start, 3, end - start), colour)

    # -- the legend

    def _paint_legend(self, painter: QPainter, picture: Picture) -> None:
        """The colour scale with its numbers and what it leaves out; below, the other signs."""
        high = QFontMetricsF(self.font()).height()
        x, y = 14.0, self.height() - 2 * high - 12
        scale = text.number(picture.matrix.scale, 2)
        x = self._write(painter, x, y, text.MINUS + scale) + 6
        bar = QRectF(x, y + (high - _BAR[1]) / 2, *_BAR)
        painter.drawImage(bar, _scale_image(picture.job.ink))
        x = self._write(painter, bar.right() + 6, y, f"+{scale}") + 14
        words = self.tr("weight ({share} of all are within this scale)")
        self._write(painter, x, y, words.format(share=text.percent(SHARE_IN_SCALE, 3)))
        self._paint_signs(painter, picture, 14.0, y + high + 4)

    def _paint_signs(self, painter: QPainter, picture: Picture, x: float, y: float) -> None:
        """What else there is to see, each with its name."""
        threshold, matrix = self._marks.weak_threshold, picture.matrix
        if threshold is not None:
            x = self._swatch(painter, x, y, QColor(*_weak_shade(picture.job.ink)), Qt.BrushStyle.SolidPattern)
            words = self.tr("weak: below {threshold}").format(threshold=text.number(threshold, 2))
            x = self._write(painter, x, y, words) + 18
        if not (matrix.source_left.all() and matrix.target_left.all()):
            x = self._swatch(painter, x, y, QColor(self._colours.removed), Qt.BrushStyle.BDiagPattern)
            x = self._write(painter, x, y, self.tr("removed")) + 18
        if any(self._marks.candidates.get(layer) for layer in self.pairs[self.pair]):
            painter.fillRect(QRectF(x, y + 7, 18, 3), QColor(self._colours.candidate))
            x = self._write(painter, x + 24, y, self.tr("would be removed")) + 18
        down, across = picture.job.frame.down, picture.job.frame.across
        if min(down.step, across.step) < 1:
            self._write(painter, x, y, self.tr("several weights a pixel: zoom in"), muted=True)

    def _write(self, painter: QPainter, x: float, y: float, words: str, muted: bool = False) -> float:
        """Paint words; return where they end."""
        metrics = QFontMetricsF(self.font())
        wide = metrics.horizontalAdvance(words)
        painter.setPen(QColor(self._colours.muted if muted else self._colours.text))
        painter.drawText(QPointF(x, y + metrics.ascent()), words)
        return x + wide

    def _swatch(self, painter: QPainter, x: float, y: float, colour: QColor, style: Qt.BrushStyle) -> float:
        """Paint a sample of a colour; return where the words begin."""
        box = QRectF(x, y + 2, 18, 12)
        painter.setPen(QPen(QColor(self._colours.removed), 1))
        painter.setBrush(colour)
        brush = painter.brush()
        brush.setStyle(style)
        painter.setBrush(brush)
        painter.drawRect(box)
        return box.right() + 6

    # -- the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a click or a drag."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton) and self._frame:
            self._press = (event.position(), self._frame)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the picture, or see what is under the mouse."""
        if self._press is None:
            self._set_hit(self._hit_at(event.position()))
            return
        way = event.position() - self._press[0]
        if self._dragging or way.manhattanLength() >= QApplication.startDragDistance():
            self._dragging = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._pan(self._press[1], way.x(), way.y())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag, or select: a weight's target unit, with Shift its source; at an edge that unit."""
        clicked = self._press is not None and not self._dragging
        self._press, self._dragging = None, False
        self.unsetCursor()
        if clicked and event.button() == Qt.MouseButton.LeftButton:
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._choose(self._unit_at(event.position(), shift))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom to the mouse."""
        turn = event.angleDelta().y()
        if turn:
            self._zoom_to(lambda span: span.full * 1.0016**turn, event.position())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        self._set_hit(None)

    def _set_hit(self, hit: Hit | None) -> None:
        if hit != self._hit:
            self._hit = hit
            self.update()

    def _hit_at(self, place: QPointF) -> Hit | None:
        """The strongest of the weights in the pixel under the mouse."""
        picture, frame, body = self._shown(), self._frame, self._body()
        if picture is None or frame is None or not body.contains(place):
            return None
        x, y = (int((a - b) * frame.ratio) for a, b in ((place.x(), body.left()), (place.y(), body.top())))
        if not (0 <= y < frame.down.count and 0 <= x < frame.across.count):
            return None
        (top, bottom), (left, right) = frame.down.cells()[y].tolist(), frame.across.cells()[x].tolist()
        here = np.abs(picture.matrix.weight[top:bottom, left:right])
        row, column = np.unravel_index(int(here.argmax()), here.shape)
        return Hit(top + int(row), left + int(column), here.size)

    def _unit_at(self, place: QPointF, source: bool) -> tuple[int, int] | None:
        """The neuron that a click means."""
        body, picture = self._body(), self._shown()
        inside = QPointF(
            min(max(place.x(), body.left()), body.right() - 0.5),
            min(max(place.y(), body.top()), body.bottom() - 0.5),
        )
        hit = self._hit_at(inside)
        way = place - inside
        if hit is None or picture is None or (way.x() and way.y()) or max(way.x(), way.y()) > 0:
            return None
        if way.x() or (source and not way.y()):
            return self.pairs[self.pair][0], int(picture.matrix.source_units[hit.row])
        return self.pairs[self.pair][1], int(picture.matrix.target_units[hit.column])

    def _choose(self, selected: tuple[int, int] | None) -> None:
        if selected == self._selected:
            return
        self.select(selected)
        if selected is None:
            self.selection_cleared.emit()
        else:
            self.neuron_selected.emit(*selected)

    def _tooltip(self, place: QPointF) -> str:
        picture, hit = self._shown(), self._hit_at(place)
        if picture is None:
            return ""
        if hit is None:
            unit = self._unit_at(place, source=False)
            return self.tooltip_provider(*unit) if unit is not None and self.tooltip_provider else ""
        matrix, pair = picture.matrix, self.pairs[self.pair]
        weight = float(matrix.weight[hit.row, hit.column])
        line = self.tr("{source} {i} → {target} {j}: weight {weight}").format(
            source=self.title(pair[0]),
            i=text.integer(int(matrix.source_units[hit.row])),
            target=self.title(pair[1]),
            j=text.integer(int(matrix.target_units[hit.column])),
            weight=text.signed(text.number(weight), weight),
        )
        if not (matrix.source_left[hit.row] and matrix.target_left[hit.column]):
            return self.tr("{weight} (removed)").format(weight=line.rsplit(":", 1)[0])
        lines = [line]
        if self._is_weak(weight):
            lines.append(self.tr("A weak connection."))
        if hit.shared_by > 1:
            lines.append(self.tr("The strongest of {n} weights here.").format(n=text.integer(hit.shared_by)))
        return "\n".join(lines)

    # -- the keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, fit and pan; with Shift the arrows move the selection; Page up and down change the layers."""
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.set_pair(self.pair + (1 if key == Qt.Key.Key_PageDown else -1))
        elif key in _ARROWS and shift:
            self._step_selection(*_ARROWS[Qt.Key(key)])
        elif key in _ARROWS and self._frame is not None:
            dx, dy = _ARROWS[Qt.Key(key)]
            self._pan(self._frame, -dx * _PAN, -dy * _PAN)
        else:
            super().keyPressEvent(event)

    def _step_selection(self, across: int, down: int) -> None:
        """Select the next unit that is left: up and down among the rows, left and right among the columns."""
        picture = self._shown()
        if picture is None:
            return
        matrix, side = picture.matrix, 1 if across else 0
        layer = self.pairs[self.pair][side]
        units = (matrix.source_units, matrix.target_units)[side]
        left = np.flatnonzero((matrix.source_left, matrix.target_left)[side])
        here = (matrix.row_of, matrix.column_of)[side](self._selected[1]) if self._selected else None
        if self._selected is None or self._selected[0] != layer or here is None:
            beyond = left[:1]
        else:
            beyond = left[left > here][:1] if across + down > 0 else left[left < here][-1:]
        if beyond.size:
            self._choose((layer, int(units[beyond[0]])))
            self._bring_into_view(int(beyond[0]), side)

    def _bring_into_view(self, position: int, side: int) -> None:
        assert self._frame is not None
        span = (self._frame.down, self._frame.across)[side]
        place = span.place_of(position)
        if not 0 <= place <= span.count - span.step:
            moved = span.moved(place - span.count / 2)
            self._frame = replace(self._frame, across=moved) if side else replace(self._frame, down=moved)
            self._refresh()

    # -- what Qt tells

    def event(self, event: QEvent) -> bool:
        """Show tooltips; draw anew on a screen of another density."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            words = self._tooltip(QPointF(event.pos()))
            if words:
                QToolTip.showText(event.globalPos(), words, self)
            else:
                QToolTip.hideText()
            return True
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.fit()
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme and the font."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._colours = colours_for(self.palette())
            self._refresh()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the whole matrix in view while nobody has zoomed."""
        self._keep_fitted()
        self._refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what was put off while nobody could see it."""
        self._keep_fitted()
        self._refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop drawing."""
        self.shutdown()
        super().closeEvent(event)

    def sizeHint(self) -> QSize:
        """Prefer room for a picture."""
        return QSize(760, 520)

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(260, 180)


def _ink(colours: Colours) -> Ink:
    return Ink(
        rgb(colours.ground),
        rgb(colours.text),
        rgb(colours.positive),
        rgb(colours.negative),
        rgb(colours.weak),
        rgb(colours.removed),
    )


def _weak_shade(ink: Ink) -> tuple[int, int, int]:
    """The colour of a weak weight."""
    pairs = zip(ink.ground, ink.weak, strict=True)
    red, green, blue = (round(ground + (weak - ground) * WEAK_TINT) for ground, weak in pairs)
    return red, green, blue


def _scale_image(ink: Ink) -> QImage:
    """The colour scale, a pixel high."""
    table = (colour_table(ink) * 255).astype(np.uint8)
    pixels = np.full((1, len(table), 4), 255, np.uint8)
    pixels[0, :, :3] = table[:, ::-1]
    return QImage(pixels.data, len(table), 1, 4 * len(table), QImage.Format.Format_RGB32).copy()


def _visible(span: Span) -> range:
    """The positions of the units that a stretch shows."""
    edges = span.cells()
    return range(int(edges[0, 0]), int(edges[-1, 1]))


def _ticks(span: Span, room: float, hovered: int | None) -> list[int]:
    """Positions to write at an axis, so many pixels apart, the one under the mouse last."""
    apart = next(n for n in _round_numbers() if n * span.step >= room)
    shown = _visible(span)
    first = -(-shown.start // apart) * apart
    ticks = [place for place in range(first, shown.stop, apart) if place != hovered]
    return ticks if hovered is None else [*ticks, hovered]


def _round_numbers() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 and so on."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10
