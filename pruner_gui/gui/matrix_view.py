"""The weights between two layers as a heat-map: rows are the source's units, columns the target's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import floor

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
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

from pruner_gui.gui import matrix_paint as paint
from pruner_gui.gui import neuron, text
from pruner_gui.gui.graph_facts import EdgeHit, Neuron
from pruner_gui.gui.graph_paint import GraphMarks
from pruner_gui.gui.latest import Latest
from pruner_gui.gui.matrix_image import (
    SHARE_IN_SCALE,
    Frame,
    Image,
    Ink,
    Matrix,
    Order,
    Span,
    draw_matrix,
    matrix_of,
    warm_up,
)
from pruner_gui.gui.matrix_paint import Axis, Place, Sign
from pruner_gui.gui.palette import colours_for
from pruner_gui.network import Network

_LEFT, _TOP, _RIGHT, _BOTTOM = 66, 52, 20, 14  # around the matrix, in logical pixels
_LEGEND = 48  # its height
_MOST = (150.0, 64.0)  # of a cell when all is shown: across, down
_CLOSEST = (62.0, 26.0)  # a cell as near as one gets
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
    strengths: Network | None
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
            matrix = matrix_of(job.original, job.current, job.source, job.target, job.order, job.strengths)
            self._kept = kept = job, matrix
        pixels = draw_matrix(kept[1], job.frame, job.ink, job.weak_threshold, job.focus)
        height, width = job.frame.shape
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        return Picture(job, kept[1], pixels, image)


def _what(job: Job) -> tuple[Network, Network, str, str, Order, Network | None]:
    return job.original, job.current, job.source, job.target, job.order, job.strengths


class MatrixView(QWidget):
    """The heat-map. Draws in a thread of its own; call `shutdown()` before the window goes."""

    neuron_selected = Signal(int, int)  # visible layer, original unit
    selection_cleared = Signal()
    pair_changed = Signal(int)  # another pair of layers is shown
    rendered = Signal()  # the picture of the newest state is on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tooltip_provider: Callable[[Neuron], str] | None = None
        """Set by the window: a neuron -> text."""
        self.pairs: tuple[tuple[int, int], ...] = ()
        """Source and target (visible layers) of every matrix there is."""
        self.pair = 0
        self.order = Order.INDEX
        self._names: list[str] = []
        self._titles: list[str] = []
        self._original: Network | None = None
        self._current: Network | None = None
        self._marks = GraphMarks()
        self._selected: Neuron | EdgeHit | None = None
        self._layer: int | None = None
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
        links = original.links if original is not None else ()
        places = {name: i for i, name in enumerate(self._names)}
        self.pairs = tuple((places[link.source], places[link.target]) for link in links)
        self._titles = self._title_layers()
        self.pair = 0
        self._marks, self._hit = GraphMarks(), None
        self._selected = self._layer = None
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

    def select(self, selected: Neuron | EdgeHit | None) -> None:
        """Select a neuron, a connection or nothing, and show a matrix that has it; emits nothing."""
        self._selected, self._layer = selected, None
        if isinstance(selected, EdgeHit):
            here = (selected.source[0], selected.target[0])
            if here in self.pairs:
                self.set_pair(self.pairs.index(here))
        elif selected is not None:
            self._show_layer(selected[0])
        self.update()

    def select_layer(self, layer: int) -> None:
        """Select a visible layer, and show a matrix that has it; emits nothing."""
        self._selected, self._layer = None, layer
        self._show_layer(layer)
        self.update()

    def _show_layer(self, layer: int) -> None:
        if self.pairs and layer not in self.pairs[self.pair]:
            into = [i for i, pair in enumerate(self.pairs) if pair[1] == layer]
            out = [i for i, pair in enumerate(self.pairs) if pair[0] == layer]
            for pair in (into + out)[:1]:
                self.set_pair(pair)

    @property
    def selected(self) -> Neuron | EdgeHit | None:
        """The selected (visible layer, original unit), or connection."""
        return self._selected

    def name(self, layer: int) -> str:
        """Return the name that a visible layer has in the network."""
        return self._names[layer]

    def title(self, layer: int) -> str:
        """Return what a visible layer is called."""
        return self._titles[layer]

    def cell(self, source_unit: int, target_unit: int) -> QRectF | None:
        """Return where in the widget the weight between two original units is drawn, once it is drawn."""
        place, picture = self._place(), self._shown()
        if place is None or picture is None:
            return None
        row, column = picture.matrix.row_of(source_unit), picture.matrix.column_of(target_unit)
        if row is None or column is None:
            return None
        return place.row(row).intersected(place.column(column))

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
        self._zoom_to(lambda span: float(span.size), self._middle())

    def zoom(self, factor: float) -> None:
        """Zoom around the centre."""
        self._zoom_to(lambda span: span.full * factor, self._middle())

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

    def _place(self) -> Place | None:
        """Where the matrix is."""
        if self._frame is None:
            return None
        left, top, width, height = self._room()
        high, wide = self._frame.shape
        x, y = left + (width - wide) // 2, top + (height - high) // 2
        return Place(self._frame, x / self._frame.ratio, y / self._frame.ratio)

    def _middle(self) -> QPointF:
        place = self._place()
        return place.body.center() if place is not None else QPointF()

    # -- the picture

    def _request(self) -> None:
        """Ask for a new picture where the newest one asked for does not serve."""
        if self._original is None or self._current is None or self._frame is None or not self.isVisible():
            return
        source, target = (self._names[layer] for layer in self.pairs[self.pair])
        frame = self._frame.widened(_OVERSCAN)
        job = Job(
            self._original, self._current, source, target, self.order, frame, paint.ink_of(self._colours),
            self._marks.weak_threshold, self._marks.strengths, self._marks.focus,
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
        place, picture = self._place(), self._shown()
        if place is not None and picture is not None:
            matrix, colours = picture.matrix, self._colours
            paint.paint_image(painter, place, picture.image, picture.job.frame, colours)
            paint.paint_cells(painter, place, matrix, self._marks.weak_threshold, colours)
            hit = self._hit
            hovered = [place.row(hit.row), place.column(hit.column)] if hit is not None else []
            paint.paint_outlines(painter, place, self._selected_bands(place, matrix), hovered, colours)
            for axis in self._axes(place.frame, matrix):
                paint.paint_axis(painter, place, axis, colours)
            if self._legend_visible:
                self._paint_legend(painter, place.frame, matrix)
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

    def _selected_bands(self, place: Place, matrix: Matrix) -> list[QRectF]:
        """The selected row, or column, or both, of a connection or where a layer feeds itself."""
        if self._selected is None:
            return []
        chosen = self._selected
        ends = (chosen.source, chosen.target) if isinstance(chosen, EdgeHit) else (chosen, chosen)
        row, column = matrix.row_of(ends[0][1]), matrix.column_of(ends[1][1])
        source, target = self.pairs[self.pair]
        rows = [place.row(row)] if ends[0][0] == source and row is not None else []
        columns = [place.column(column)] if ends[1][0] == target and column is not None else []
        return rows + columns

    def _axes(self, frame: Frame, matrix: Matrix) -> tuple[Axis, Axis]:
        source, target = self.pairs[self.pair]
        hit, marked = self._hit, self._marks.candidates
        down, across = self.tr("from {layer} · {size}"), self.tr("to {layer} · {size}")
        return (
            Axis(
                self._axis_title(down, source, matrix.source_units.size),
                frame.down,
                matrix.source_units,
                matrix.source_left,
                np.isin(matrix.source_units, list(marked.get(source, ()))),
                None if hit is None else hit.row,
                False,
            ),
            Axis(
                self._axis_title(across, target, matrix.target_units.size),
                frame.across,
                matrix.target_units,
                matrix.target_left,
                np.isin(matrix.target_units, list(marked.get(target, ()))),
                None if hit is None else hit.column,
                True,
            ),
        )

    def _axis_title(self, words: str, layer: int, count: int) -> str:
        """The layer's name and size, and which way it reads."""
        size = text.plural(count, self.tr("{n} neuron"), self.tr("{n} neurons"))
        title = words.format(layer=self.title(layer), size=size)
        return title + self.tr(", strongest first") if self.order is Order.IMPORTANCE else title

    def _paint_legend(self, painter: QPainter, frame: Frame, matrix: Matrix) -> None:
        """The colour scale and what it leaves out; below, the other signs that are to be seen."""
        high = QFontMetricsF(self.font()).height()
        x, y, colours = 14.0, self.height() - 2 * high - 12, self._colours
        words = self.tr("weight ({share} of all are within this scale)")
        paint.paint_scale(
            painter, x, y, matrix.scale, words.format(share=text.percent(SHARE_IN_SCALE, 3)), colours
        )
        x = paint.paint_signs(painter, x, y + high + 4, self._signs(matrix), colours)
        if min(frame.down.step, frame.across.step) < 1:
            words = self.tr("several weights a pixel: zoom in")
            paint.write(painter, x, y + high + 4, words, colours.muted)

    def _signs(self, matrix: Matrix) -> list[Sign]:
        signs, threshold, colours = [], self._marks.weak_threshold, self._colours
        if threshold is not None:
            words = self.tr("weak: below {threshold}")
            if self._marks.strengths is not None:
                words = self.tr("weak: strength below {threshold}")
            words = words.format(threshold=text.number(threshold, 2))
            signs.append(Sign(words, paint.weak_shade(colours)))
        if not (matrix.source_left.all() and matrix.target_left.all()):
            signs.append(Sign(self.tr("removed"), QColor(colours.removed), Qt.BrushStyle.BDiagPattern))
        if any(self._marks.candidates.get(layer) for layer in self.pairs[self.pair]):
            signs.append(Sign(self.tr("would be removed"), QColor(colours.candidate), height=3.0))
        return signs

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
        picture, shown = self._shown(), self._place()
        if picture is None or shown is None:
            return None
        frame = shown.frame
        x = floor((place.x() - shown.left) * frame.ratio)
        y = floor((place.y() - shown.top) * frame.ratio)
        if not (0 <= y < frame.down.count and 0 <= x < frame.across.count):
            return None
        (top, bottom), (left, right) = frame.down.cells()[y].tolist(), frame.across.cells()[x].tolist()
        here = np.abs(picture.matrix.weight[top:bottom, left:right])
        row, column = np.unravel_index(int(here.argmax()), here.shape)
        return Hit(top + int(row), left + int(column), here.size)

    def _unit_at(self, place: QPointF, source: bool) -> tuple[int, int] | None:
        """The neuron that a click means."""
        shown, picture = self._place(), self._shown()
        if shown is None or picture is None:
            return None
        body = shown.body
        inside = QPointF(
            min(max(place.x(), body.left()), body.right() - 0.5),
            min(max(place.y(), body.top()), body.bottom() - 0.5),
        )
        hit = self._hit_at(inside)
        way = place - inside
        if hit is None or (way.x() and way.y()) or max(way.x(), way.y()) > 0:
            return None
        if way.x() or (source and not way.y()):
            return self.pairs[self.pair][0], int(picture.matrix.source_units[hit.row])
        return self.pairs[self.pair][1], int(picture.matrix.target_units[hit.column])

    def _choose(self, selected: tuple[int, int] | None) -> None:
        if selected == self._selected and (selected is not None or self._layer is None):
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
            return self.tooltip_provider(unit) if unit is not None and self.tooltip_provider else ""
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
        if self._marks.strengths is not None:
            strength = abs(float(matrix.strength[hit.row, hit.column]))
            lines.append(self.tr("Strength: {strength}").format(strength=text.number(strength, 3)))
        if matrix.is_weak(hit.row, hit.column, self._marks.weak_threshold):
            lines.append(self.tr("A weak connection."))
        if hit.shared_by > 1:
            lines.append(self.tr("The strongest of {n} weights here.").format(n=text.integer(hit.shared_by)))
        return "\n".join(lines)

    # -- the keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, fit and pan; with Shift the arrows move the selection; Page up and down change layers."""
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.set_pair(self.pair + (1 if key == Qt.Key.Key_PageDown else -1))
        elif key == Qt.Key.Key_Escape:
            self._choose(None)
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
        chosen = self._selected if isinstance(self._selected, tuple) else None
        here = (matrix.row_of, matrix.column_of)[side](chosen[1]) if chosen else None
        if chosen is None or chosen[0] != layer or here is None:
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
