"""The network as a picture: neurons in columns, connections as curves, statuses by shape and colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QFocusEvent,
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

from pruner_gui.gui import graph_paint as paint
from pruner_gui.gui import text
from pruner_gui.gui.edge_raster import EdgeBlock, Frame, Ink, prepare
from pruner_gui.gui.graph_layout import Camera, Layer, Layout, Rect
from pruner_gui.gui.graph_paint import GraphMarks, Halo, Status, Statuses, Stroke, Symbol
from pruner_gui.gui.graph_render import Job, Picture, Renderer, draw
from pruner_gui.gui.palette import Colours, colours_for, rgb
from pruner_gui.network import Network

__all__ = ["EdgeHit", "GraphMarks", "GraphView"]

_MARGIN = 26.0  # pixels around the network when all of it is shown
_LEGEND_SIDES = 28.0
_REACH = 4.0  # pixels beside a neuron that still hit it
_EDGE_REACH = 3.0
_STEP = 1.25  # zoom of one key press
_PAN = 60.0  # pixels of one arrow key
_MANY = 2_000_000  # connections from which only the strongest are drawn unless asked
_STRONGEST = 200_000  # so many of each pair of layers
_FADED = 0.16  # the other connections while a neuron is selected
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_BY_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
_REFRESHING = (
    QEvent.Type.PaletteChange,
    QEvent.Type.StyleChange,
    QEvent.Type.FontChange,
    QEvent.Type.LanguageChange,
)


@dataclass(frozen=True)
class EdgeHit:
    """The connection under the mouse. Its ends are (visible layer, original unit)."""

    source: tuple[int, int]
    target: tuple[int, int]
    weight: float


class GraphView(QWidget):
    """The graph panel. Draws connections in a thread of its own; call `shutdown()` before the window goes."""

    neuron_hovered = Signal(int, int)  # visible layer, original unit
    edge_hovered = Signal(object)  # EdgeHit
    hover_cleared = Signal()
    neuron_selected = Signal(int, int)  # visible layer, original unit
    selection_cleared = Signal()
    rendered = Signal()  # the refined picture of the newest state is on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tooltip_provider: Callable[[int, int], str] | None = None
        """Set by the window: (visible layer, original unit) -> text."""
        self._layout: Layout | None = None
        self._current: Network | None = None
        self._marks = GraphMarks()
        self._statuses: tuple[Statuses, ...] = ()
        self._camera = Camera()
        self._fitted = True
        self._most: int | None = None
        self._legend_visible = True
        self._selected: tuple[int, int] | None = None
        self._hovered: tuple[int, int] | EdgeHit | None = None
        self._press: tuple[QPointF, Camera] | None = None
        self._dragging = False
        self._tab_focus = False
        self._colours = colours_for(self.palette())
        self._job: Job | None = None
        self._picture: Picture | None = None
        self._hovered_paths: paint.Paths = []
        self._renderer = Renderer()
        self._renderer.pictured.connect(self._show_picture)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._describe()

    # -- what it shows

    def set_network(self, original: Network | None) -> None:
        """Lay out this network and show all of it; None empties the view. Clears marks and selection."""
        self._layout = None if original is None else Layout.from_network(original)
        self._marks = GraphMarks()
        self._selected = self._hovered = self._picture = self._job = None
        self._fitted = True
        self._current = original
        many = original is not None and original.macs > _MANY
        self._most = _STRONGEST if many else None
        self._refresh()
        self._describe()

    def set_current(self, network: Network) -> None:
        """Show what is left of the original: removed neurons turn hollow, their connections go."""
        if network is not self._current:
            self._current = network
            self._refresh()
            self._describe()

    def set_statuses(self, marks: GraphMarks) -> None:
        """Show these statuses. Cheap when only neurons change; a new weak threshold redraws connections."""
        if marks != self._marks:
            self._marks = marks
            self._refresh()

    @property
    def draws_all(self) -> bool:
        """Whether all connections are drawn, not the strongest only."""
        return self._most is None

    def draw_all(self) -> None:
        """Draw every connection of a network that has very many."""
        self._most = None
        self._request()

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the legend."""
        self._legend_visible = visible
        self._keep_fitted()
        self.update()

    def select(self, neuron: tuple[int, int] | None) -> None:
        """Select (visible layer, original unit) or nothing; emits nothing."""
        self._selected = neuron
        self._request()
        self.update()

    @property
    def selected(self) -> tuple[int, int] | None:
        """The selected (visible layer, original unit)."""
        return self._selected

    def neuron_position(self, layer: int, unit: int) -> QPointF | None:
        """Where in the widget a neuron is drawn; None when the network has no such neuron."""
        place = self._layout.place(layer, unit) if self._layout else None
        return QPointF(*self._camera.to_view(*place)) if place else None

    def _refresh(self) -> None:
        """Work out the statuses anew and see whether the connections must be drawn again."""
        if self._layout is not None and self._current is not None:
            self._statuses = paint.statuses(self._layout, self._current, self._marks)
        self._keep_fitted()
        self._request()
        self.update()

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Network graph"))
        layers = [f"{title} {detail}" for title, detail in self._captions()]
        self.setAccessibleDescription("; ".join(layers) if layers else self.tr("No network is open."))

    # -- the camera

    def fit(self) -> None:
        """Show the whole network."""
        self._fitted = True
        self._keep_fitted()
        self._request()
        self.update()

    def actual_size(self) -> None:
        """Show one scene unit as one pixel, around the centre."""
        self._move(self._camera.zoomed(1.0, self.width() / 2, self.height() / 2))

    def zoom(self, factor: float) -> None:
        """Zoom around the centre."""
        self._zoom_at(factor, self.width() / 2, self.height() / 2)

    def _zoom_at(self, factor: float, x: float, y: float) -> None:
        if self._layout is None:
            return
        smallest = 0.4 * self._fitting(self.size()).scale
        largest = max(6.0, 60.0 / min(layer.spacing for layer in self._layout.layers))
        scale = min(max(self._camera.scale * factor, smallest), largest)
        self._move(self._camera.zoomed(scale, x, y))

    def _move(self, camera: Camera) -> None:
        self._fitted = False
        self._camera = camera
        self._request()
        self.update()

    def _keep_fitted(self) -> None:
        if self._fitted and self._layout is not None:
            self._camera = self._fitting(self.size())

    def _fitting(self, size: QSize) -> Camera:
        """The camera that shows everything between the captions and the legend."""
        if self._layout is None:
            return Camera()
        words = QFontMetricsF(self.font())
        # Room for the whole legend, so that the picture stays where it is when the legend grows.
        legend = paint.legend_height(self._whole_legend(), words, size.width() - _LEGEND_SIDES)
        room = (
            _MARGIN + 14,
            2 * words.height() + _MARGIN,
            size.width() - _MARGIN - 14,
            size.height() - (legend if self._legend_visible else 0.0) - _MARGIN,
        )
        return Camera.fitting(self._layout.bounds, room)

    # -- the picture of the connections

    def _request(self) -> None:
        """Ask for a new picture where the newest one asked for does not serve."""
        if self._layout is None or self._current is None or not self.isVisible():
            return
        frame = _frame(self._layout.bounds, self._seen(0.25), self._camera.scale, self.devicePixelRatioF())
        job = self._job_for(self._current, self._layout, frame)
        if frame.width and frame.height and not (self._job and self._serves(self._job, job)):
            self._job = job
            self._renderer.request(job)

    def _job_for(self, network: Network, layout: Layout, frame: Frame) -> Job:
        marks, selected = self._marks, None
        if self._selected is not None and layout.place(*self._selected) is not None:
            layer, unit = self._selected
            selected = layer, int(layout.layers[layer].positions([unit])[0])
        ink = _ink(self._colours)
        return Job(network, layout, frame, ink, marks.weak_threshold, marks.focus, selected, self._most)

    def _seen(self, overscan: float) -> Rect:
        """The part of the scene in view, wider by a share of the view on each side."""
        dx, dy = self.width() * overscan, self.height() * overscan
        return (
            *self._camera.to_scene(-dx, -dy),
            *self._camera.to_scene(self.width() + dx, self.height() + dy),
        )

    def _serves(self, old: Job, new: Job) -> bool:
        """Whether an older picture shows all of the new one that can be seen now."""
        needed = _frame(new.layout.bounds, self._seen(0.0), self._camera.scale, new.frame.ratio)
        return replace(old, frame=new.frame) == new and old.frame.covers(needed)

    def _show_picture(self, picture: Picture) -> None:
        if picture.job.layout is not self._layout:
            return
        self._picture = picture
        self.update()
        if picture.refined and picture.job is self._job:
            self.rendered.emit()

    def shutdown(self) -> None:
        """Stop and join the drawing thread. Also done by `close()`; harmless twice."""
        self._renderer.stop()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Blit the connections, paint everything else."""
        painter = QPainter(self)
        self._paint(painter, self.size(), self._camera, self._picture)
        self._paint_hover(painter)
        if self._tab_focus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def render_image(self, size: QSize, scale: float = 1.0) -> QImage:
        """Return the whole network as a picture of `size` pixels times `scale`, for export. Blocks."""
        image = QImage(size * scale, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(scale)
        camera = self._fitting(size)
        picture = None
        if self._layout is not None and self._current is not None:
            seen = (*camera.to_scene(0, 0), *camera.to_scene(size.width(), size.height()))
            frame = _frame(self._layout.bounds, seen, camera.scale, scale)
            job = self._job_for(self._current, self._layout, frame)
            picture = draw(job, prepare(job.network, job.layout, job.most))
        painter = QPainter(image)
        painter.setFont(self.font())
        self._paint(painter, size, camera, picture)
        painter.end()
        return image

    def _paint(self, painter: QPainter, size: QSize, camera: Camera, picture: Picture | None) -> None:
        painter.fillRect(QRectF(0, 0, size.width(), size.height()), QColor(self._colours.ground))
        if self._layout is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if picture is not None:
            place = _in_view(picture.place, camera)
            painter.setOpacity(1.0 if picture.selected is None else _FADED)
            painter.drawImage(place, picture.connections)
            painter.setOpacity(1.0)
            if picture.selected is not None:
                painter.drawImage(place, picture.selected)
        self._paint_sign(painter, camera, self._marks.trying, trying=True)
        for layer, found in zip(self._layout.layers, self._statuses, strict=True):
            paint.paint_layer(painter, layer, found, camera, self._colours, size.height())
        self._paint_sign(painter, camera, self._selected)
        self._paint_words(painter, size, camera)

    def _paint_sign(
        self, painter: QPainter, camera: Camera, neuron: tuple[int, int] | None, trying: bool = False
    ) -> None:
        place = self._layout.place(*neuron) if self._layout and neuron else None
        if self._layout is None or neuron is None or place is None:
            return
        x, y = camera.to_view(*place)
        radius = paint.glyph_radius(self._layout.layers[neuron[0]], camera)
        if trying:
            paint.paint_halo(painter, x, y, radius, self._colours)
        else:
            paint.paint_ring(painter, x, y, radius, self._colours)

    def _paint_hover(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(self._hovered, tuple):
            self._paint_sign(painter, self._camera, self._hovered)
        elif self._hovered is not None and self._hovered_paths:
            _stroke(painter, self._camera, self._hovered_paths)

    def _paint_words(self, painter: QPainter, size: QSize, camera: Camera) -> None:
        assert self._layout is not None
        side = _LEGEND_SIDES / 2
        room = QRectF(0, 0, size.width(), size.height()).adjusted(6, 6, -6, -6)
        columns = sorted({layer.x for layer in self._layout.layers})
        pitch = (columns[1] - columns[0] if len(columns) > 1 else 400.0) * camera.scale - 14
        for layer, lines in zip(self._layout.layers, self._captions(), strict=True):
            paint.paint_caption(painter, lines, layer, camera, self._colours, room, max(pitch, 44.0))
        if self._legend_visible:
            paint.paint_legend(
                painter, self._legend(), self._colours, room.adjusted(side - 6, 0, 6 - side, -2)
            )

    # -- words

    def _captions(self) -> list[tuple[str, str]]:
        """Name, and size with activation, of every layer."""
        if self._layout is None:
            return []
        captions = []
        for layer, found in zip(self._layout.layers, self._statuses, strict=True):
            left, all_ = int(np.count_nonzero(found != Status.REMOVED)), layer.units.size
            size = text.integer(all_)
            if left < all_:
                size = self.tr("{left} of {all}").format(left=text.integer(left), all=size)
            detail = size if layer.activation == "linear" else f"{size} · {layer.activation}"
            captions.append((self._title(layer), detail))
        return captions

    def _title(self, layer: Layer) -> str:
        if layer.is_input:
            return self.tr("Input")
        alone = self._layout is not None and sum(other.is_output for other in self._layout.layers) == 1
        return self.tr("Output") if layer.is_output and alone else layer.name

    def _legend(self) -> list[tuple[Symbol, str]]:
        """What to explain: the signs always, of the rest only what is to be seen."""
        present: set[Symbol] = {Status(code) for found in self._statuses for code in np.unique(found)}
        present |= {Stroke.POSITIVE, Stroke.NEGATIVE, Stroke.STRENGTH}
        if self._marks.weak_threshold is not None:
            present.add(Stroke.WEAK)
        if self._marks.trying is not None:
            present.add(Halo.TRYING)
        return [(symbol, words) for symbol, words in self._whole_legend() if symbol in present]

    def _strength(self) -> str:
        if self._most is None:
            return self.tr("stronger = bolder")
        return self.tr("only the strongest, stronger = bolder")

    def _whole_legend(self) -> list[tuple[Symbol, str]]:
        return [
            (Stroke.POSITIVE, self.tr("positive weight")),
            (Stroke.NEGATIVE, self.tr("negative weight")),
            (Stroke.STRENGTH, self._strength()),
            (Stroke.WEAK, self.tr("weak connection")),
            (Status.NORMAL, self.tr("neuron")),
            (Status.CANDIDATE, self.tr("would be removed")),
            (Status.CONSTANT, self.tr("constant output")),
            (Status.DISCONNECTED, self.tr("disconnected")),
            (Status.PROTECTED, self.tr("protected")),
            (Status.REMOVED, self.tr("removed")),
            (Halo.TRYING, self.tr("being tried")),
        ]

    # -- the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a click or a drag."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = (event.position(), self._camera)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the picture, or see what is under the mouse."""
        if self._press is None:
            self._hover(event.position())
            return
        way = event.position() - self._press[0]
        if self._dragging or way.manhattanLength() >= QApplication.startDragDistance():
            self._dragging = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._move(self._press[1].moved(way.x(), way.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag, or select what was clicked."""
        clicked = self._press is not None and not self._dragging
        self._press, self._dragging = None, False
        self.unsetCursor()
        if clicked and event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._neuron_at(event.position()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom to the mouse."""
        turn = event.angleDelta().y()
        if turn:
            self._zoom_at(1.0016**turn, event.position().x(), event.position().y())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        self._set_hovered(None)

    def _choose(self, neuron: tuple[int, int] | None) -> None:
        if neuron == self._selected:
            return
        self.select(neuron)
        if neuron is None:
            self.selection_cleared.emit()
        else:
            self.neuron_selected.emit(*neuron)

    def _hover(self, place: QPointF) -> None:
        neuron = self._neuron_at(place)
        self._set_hovered(neuron if neuron is not None else self._edge_at(place))

    def _set_hovered(self, hit: tuple[int, int] | EdgeHit | None) -> None:
        if hit == self._hovered:
            return
        self._hovered = hit
        if hit is None:
            self.hover_cleared.emit()
        elif isinstance(hit, EdgeHit):
            self.edge_hovered.emit(hit)
        else:
            self.neuron_hovered.emit(*hit)
        self.update()

    def _neuron_at(self, place: QPointF) -> tuple[int, int] | None:
        if self._layout is None:
            return None
        x, y = self._camera.to_scene(place.x(), place.y())
        return self._layout.neuron_at(x, y, _REACH / self._camera.scale)

    def _edge_at(self, place: QPointF) -> EdgeHit | None:
        """The strongest connection within reach."""
        if self._layout is None or self._picture is None:
            return None
        x, y = self._camera.to_scene(place.x(), place.y())
        best: tuple[float, EdgeBlock, int] | None = None
        for block in self._picture.blocks:
            edge = block.strongest_at(x, y, _EDGE_REACH / self._camera.scale)
            if edge is not None and (best is None or abs(block.weight[edge]) > best[0]):
                best = (abs(float(block.weight[edge])), block, edge)
        if best is None:
            return None
        _, block, edge = best
        self._hovered_paths = paint.highlight(block, edge, self._colours)
        source, target = self._layout.layers[block.source_layer], self._layout.layers[block.target_layer]
        return EdgeHit(
            (block.source_layer, int(source.units[block.source[edge]])),
            (block.target_layer, int(target.units[block.target[edge]])),
            float(block.weight[edge]),
        )

    def _tooltip(self, place: QPointF) -> str:
        neuron = self._neuron_at(place)
        if neuron is not None:
            return self.tooltip_provider(*neuron) if self.tooltip_provider else ""
        edge = self._edge_at(place)
        if edge is None or self._layout is None:
            return ""
        names = [f"{self._captions()[layer][0]} {unit}" for layer, unit in (edge.source, edge.target)]
        words = self.tr("{source} → {target}: weight {weight}")
        return words.format(source=names[0], target=names[1], weight=text.number(edge.weight))

    # -- the keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, fit and pan; with Shift the arrows move the selection."""
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.actual_size()
        elif key in _ARROWS and shift:
            self._step_selection(*_ARROWS[Qt.Key(key)])
        elif key in _ARROWS:
            dx, dy = _ARROWS[Qt.Key(key)]
            self._move(self._camera.moved(-dx * _PAN, -dy * _PAN))
        else:
            super().keyPressEvent(event)

    def _step_selection(self, across: int, down: int) -> None:
        """Select the next neuron that is left in its layer, or the nearest one in the next layer."""
        if self._layout is None:
            return
        start = self._selected or (0, int(self._layout.layers[0].units[0]))
        layer = min(max(start[0] + across, 0), len(self._layout.layers) - 1) if self._selected else 0
        place = self._layout.place(*start)
        there = self._layout.layers[layer]
        left = np.flatnonzero(self._statuses[layer] != Status.REMOVED)
        if place is None or not left.size:
            return
        ys = there.y[left]
        beyond = np.flatnonzero((ys - place[1]) * down > 0) if down else np.arange(left.size)
        if beyond.size:
            nearest = beyond[np.argmin(np.abs(ys[beyond] - place[1]))]
            self._choose((layer, int(there.units[left[nearest]])))

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
            self._request()
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme, the font and the language."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._colours = colours_for(self.palette())
        if event.type() in _REFRESHING:
            self._refresh()
            self._describe()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep all of the network in view while nobody has zoomed."""
        self._keep_fitted()
        self._request()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what was put off while nobody could see it."""
        self._renderer.wake()
        self._keep_fitted()
        self._request()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop drawing."""
        self.shutdown()
        super().closeEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus when it came by the keyboard."""
        self._tab_focus = event.reason() in _BY_KEYBOARD
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the focus."""
        self._tab_focus = False
        super().focusOutEvent(event)

    def sizeHint(self) -> QSize:
        """Prefer room for a picture."""
        return QSize(760, 520)

    def minimumSizeHint(self) -> QSize:
        """Stay readable."""
        return QSize(260, 180)


def _ink(colours: Colours) -> Ink:
    return Ink(rgb(colours.positive), rgb(colours.negative), rgb(colours.weak), rgb(colours.neutral))


def _frame(bounds: Rect, seen: Rect, scale: float, ratio: float) -> Frame:
    """The part of the scene that is worth drawing: what is seen and not empty."""
    left, top = max(bounds[0], seen[0]), max(bounds[1] - 4, seen[1])
    right, bottom = min(bounds[2], seen[2]), min(bounds[3] + 4, seen[3])
    pixels = scale * ratio
    width, height = ceil((right - left) * pixels), ceil((bottom - top) * pixels)
    return Frame(left, top, pixels, max(0, width), max(0, height), ratio)


def _in_view(place: QRectF, camera: Camera) -> QRectF:
    left, top = camera.to_view(place.x(), place.y())
    return QRectF(left, top, place.width() * camera.scale, place.height() * camera.scale)


def _stroke(painter: QPainter, camera: Camera, paths: paint.Paths) -> None:
    painter.save()
    painter.scale(camera.scale, camera.scale)
    painter.translate(-camera.left, -camera.top)
    for path, pen in paths:
        painter.strokePath(path, pen)
    painter.restore()
