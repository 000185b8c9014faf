"""The network as a picture: neurons in columns, connections as curves, statuses by shape and colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QContextMenuEvent,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
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
from PySide6.QtWidgets import QApplication, QStyle, QToolTip, QWidget

from pruner_gui.gui import graph_paint as paint
from pruner_gui.gui import graph_words as words
from pruner_gui.gui.graph_facts import (
    EdgeHit,
    EdgePlace,
    Facts,
    Neuron,
    find_edge,
    next_neuron,
    strongest_edge,
)
from pruner_gui.gui.graph_layout import Camera, Layout, Rect
from pruner_gui.gui.graph_motion import Motion
from pruner_gui.gui.graph_paint import GraphMarks, Status
from pruner_gui.gui.graph_render import Job, Picture, Renderer, Shown
from pruner_gui.gui.graph_scene import Scene, frame_of, stroke
from pruner_gui.gui.graph_stamps import Stamps
from pruner_gui.gui.palette import colours_for
from pruner_gui.network import IndexArray, Network

__all__ = ["EdgeHit", "GraphMarks", "GraphView", "Hit", "Shown"]

_REACH = 4.0  # pixels beside a neuron that still hit it
_EDGE_REACH = 3.0
_STEP = 1.25  # zoom of one key press
_PAN = 60.0  # pixels of one arrow key
_MANY = 2_000_000  # connections from which only the strongest are drawn unless asked
_STRONGEST = 200_000  # so many of each pair of layers
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

Hit = Neuron | EdgeHit


class GraphView(QWidget):
    """The graph panel. Draws connections in a thread of its own; call `shutdown()` before the window goes."""

    neuron_hovered = Signal(int, int)  # visible layer, original unit
    edge_hovered = Signal(object)  # EdgeHit
    hover_cleared = Signal()
    neuron_selected = Signal(int, int)  # visible layer, original unit
    edge_selected = Signal(object)  # EdgeHit
    layer_selected = Signal(int)  # visible layer, by its caption
    selection_cleared = Signal()
    protect_wanted = Signal(int, int)  # visible layer, original unit: to be protected, or no longer
    menu_wanted = Signal(object, object)  # Hit | None, QPoint on the screen
    rendered = Signal()  # the refined picture of the newest state is on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tooltip_provider: Callable[[Hit], str] | None = None
        """Set by the window: what is under the mouse -> text."""
        self.still = False
        """Show removals at once instead of letting neurons fade."""
        self._layout: Layout | None = None
        self._original: Network | None = None
        self._current: Network | None = None
        self._marks = GraphMarks()
        self._scene: Scene | None = None
        self._camera = Camera()
        self._fitted = True
        self._most: int | None = None
        self._legend_visible, self._hide_removed, self._shown = True, False, Shown.ALL
        self._selected: Hit | None = None
        self._layer: int | None = None
        self._hovered: Hit | None = None
        self._under: EdgePlace | None = None  # the connection that was hit last
        self._press: tuple[QPointF, Camera] | None = None
        self._dragging = False
        self._tab_focus = False
        self._colours = colours_for(self.palette())
        self._job: Job | None = None
        self._picture: Picture | None = None
        self._hovered_paths: paint.Paths = []
        self._selected_paths: paint.Paths = []
        self._motion = Motion(self.update, parent=self)
        self._renderer = Renderer()
        self._stamps = Stamps()
        self._renderer.done.connect(self._show_picture)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._describe()

    # -- what it shows

    def set_network(self, original: Network | None) -> None:
        """Lay out this network and show all of it; None empties the view. Clears marks and selection."""
        self._original = self._current = original
        self._marks = GraphMarks()
        self._selected = self._layer = None
        self._fitted = True
        many = original is not None and original.macs > _MANY
        self._most = _STRONGEST if many else None
        self._lay_out({})
        self._describe()

    def set_units(self, units: Mapping[str, IndexArray]) -> None:
        """Let the units of some layers stand in this order; where nothing is said, in their own."""
        if self._original is not None:
            self._lay_out(units)

    def _lay_out(self, units: Mapping[str, IndexArray]) -> None:
        self._motion.stop()
        self._stamps.clear()
        self._layout = None if self._original is None else Layout.from_network(self._original, units)
        self._hovered = self._picture = self._job = self._scene = None
        self._selected_paths = []
        self._refresh()

    def set_current(self, network: Network, *, animated: bool = False) -> None:
        """Show what is left of the original: removed neurons turn hollow, their connections go."""
        if network is self._current:
            return
        before, self._current = self._scene, network
        self._refresh()
        self._describe()
        if not animated or self._is_still:
            self._motion.stop()
        elif before is not None and self._scene is not None and before.layout is self._scene.layout:
            self._motion.removed(before.statuses, self._scene.statuses)

    @property
    def moves(self) -> bool:
        """Whether a removal is still on its way."""
        return self._motion.active

    @property
    def _is_still(self) -> bool:
        """Whether the user, or the system, wants no motion."""
        return self.still or not self.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration)

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
        self._refresh()

    def set_shown(self, shown: Shown) -> None:
        """Draw all connections, or only the weak or the strong ones."""
        self._shown = shown
        self._refresh()

    def set_removed_visible(self, visible: bool) -> None:
        """Show removed neurons hollow, or not at all."""
        self._hide_removed = not visible
        self._refresh()

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the legend."""
        self._legend_visible = visible
        self._refresh()

    def select(self, hit: Hit | None) -> None:
        """Select (visible layer, original unit), a connection, or nothing; emits nothing."""
        self._selected, self._layer = hit, None
        self._show_selection()

    def select_layer(self, layer: int | None) -> None:
        """Select a visible layer, or nothing; emits nothing."""
        self._selected, self._layer = None, layer
        self._show_selection()

    def _show_selection(self) -> None:
        if self._scene is not None:
            self._scene = replace(self._scene, selected=self._selected, layer=self._layer)
        self._find_selected()
        self._request()
        self.update()

    @property
    def selected(self) -> Hit | None:
        """The selected (visible layer, original unit), or connection."""
        return self._selected

    @property
    def selected_layer(self) -> int | None:
        """The visible layer that is selected as a whole."""
        return self._layer

    @property
    def scene(self) -> Scene | None:
        """What is shown now, but for the connections."""
        return self._scene

    @property
    def current(self) -> Network | None:
        """The network that is shown now."""
        return self._current

    @property
    def weak_threshold(self) -> float | None:
        """|w| below which a connection is weak."""
        return self._marks.weak_threshold

    @property
    def facts(self) -> Facts | None:
        """The figures of the network in the newest picture."""
        return self._picture.facts if self._picture is not None else None

    def neuron_position(self, layer: int, unit: int) -> QPointF | None:
        """Where in the widget a neuron is drawn; None when the network has no such neuron."""
        place = self._layout.place(layer, unit) if self._layout else None
        return QPointF(*self._camera.to_view(*place)) if place else None

    def _refresh(self) -> None:
        """Work out the scene anew and see whether the connections must be drawn again."""
        if self._layout is None or self._current is None:
            self._scene = None
        else:
            self._scene = self._new_scene(self._layout, self._current)
        self._keep_fitted()
        self._request()
        self.update()

    def _new_scene(self, layout: Layout, network: Network) -> Scene:
        statuses = paint.statuses(layout, network, self._marks)
        whole = words.legend(self._hide_removed, self.draws_all) if self._legend_visible else ()
        present = words.to_explain(statuses, self._marks, self._shown)
        return Scene(
            layout,
            statuses,
            self._marks,
            self._colours,
            words.captions(layout, statuses),
            tuple(entry for entry in whole if entry[0] in present),
            whole,
            self._selected,
            self._layer,
            self._shown,
            self._hide_removed,
            self._most,
        )

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Network graph"))
        layers = [f"{title} {detail}" for title, detail in (self._scene.captions if self._scene else ())]
        self.setAccessibleDescription("; ".join(layers) if layers else self.tr("No network is open."))

    # -- the camera

    def fit(self) -> None:
        """Show the whole network."""
        self._fitted = True
        self._keep_fitted()
        self._request()
        self.update()

    @property
    def place(self) -> tuple[float, float, float] | None:
        """Scale, left and top of what is shown; None: the whole network."""
        return None if self._fitted else (self._camera.scale, self._camera.left, self._camera.top)

    def go_to(self, scale: float, left: float, top: float) -> None:
        """Show another part, at a scale as near as the network allows."""
        if self._scene is not None:
            self._move(Camera(self._allowed(self._scene, scale), left, top))

    def actual_size(self) -> None:
        """Show one scene unit as one pixel, around the centre."""
        self._move(self._camera.zoomed(1.0, self.width() / 2, self.height() / 2))

    def zoom(self, factor: float) -> None:
        """Zoom around the centre."""
        self._zoom_at(factor, self.width() / 2, self.height() / 2)

    def _zoom_at(self, factor: float, x: float, y: float) -> None:
        if self._scene is not None:
            scale = self._allowed(self._scene, self._camera.scale * factor)
            self._move(self._camera.zoomed(scale, x, y))

    def _allowed(self, scene: Scene, scale: float) -> float:
        largest = max(6.0, 60.0 / min(layer.spacing for layer in scene.layout.layers))
        return min(max(scale, 0.4 * self._fitting(scene).scale), largest)

    def _move(self, camera: Camera) -> None:
        self._fitted = False
        self._camera = camera
        self._request()
        self.update()

    def _keep_fitted(self) -> None:
        if self._fitted and self._scene is not None:
            self._camera = self._fitting(self._scene)

    def _fitting(self, scene: Scene) -> Camera:
        return scene.fitting(QSizeF(self.size()), QFontMetricsF(self.font()))

    # -- the picture of the connections

    def _request(self) -> None:
        """Ask for a new picture where the newest one asked for does not serve."""
        if self._scene is None or self._current is None or not self.isVisible():
            return
        job = self._scene.job(self._current, self._seen(0.25), self._camera.scale, self.devicePixelRatioF())
        if job.frame.width and job.frame.height and not (self._job and self._serves(self._job, job)):
            self._job = job
            self._renderer.request(job)

    def _seen(self, overscan: float) -> Rect:
        """The part of the scene in view, wider by a share of the view on each side."""
        dx, dy = self.width() * overscan, self.height() * overscan
        return (
            *self._camera.to_scene(-dx, -dy),
            *self._camera.to_scene(self.width() + dx, self.height() + dy),
        )

    def _serves(self, old: Job, new: Job) -> bool:
        """Whether an older picture shows all of the new one that can be seen now."""
        needed = frame_of(new.layout.bounds, self._seen(0.0), self._camera.scale, new.frame.ratio)
        return replace(old, frame=new.frame) == new and old.frame.covers(needed)

    def _show_picture(self, picture: Picture) -> None:
        if picture.job.layout is not self._layout:
            return
        last, self._picture = self._picture, picture
        if self._motion.active and last is not None and last.job.network is not picture.job.network:
            self._motion.replaced(last)
        if last is None or last.blocks is not picture.blocks:
            self._find_selected()
        self.update()
        if picture.refined and picture.job is self._job:
            self.rendered.emit()

    def _find_selected(self) -> None:
        """Find the way of the selected connection, if it is still there."""
        self._selected_paths = []
        if isinstance(self._selected, EdgeHit) and self._picture is not None:
            found = find_edge(self._picture.blocks, self._picture.job.layout, self._selected)
            self._selected_paths = paint.highlight(found, self._colours)

    def shutdown(self) -> None:
        """Stop and join the drawing thread. Also done by `close()`; harmless twice."""
        self._motion.stop()
        self._renderer.stop()

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Blit the connections, paint everything else."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._colours.ground)
        if self._scene is not None:
            self._paint(painter, self._scene)
        if self._tab_focus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _paint(self, painter: QPainter, scene: Scene) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._picture is not None:
            scene.paint_picture(painter, self._camera, self._picture)
        if self._motion.last is not None:
            scene.paint_picture(painter, self._camera, self._motion.last, self._motion.last_share)
        stroke(painter, self._camera, self._selected_paths)
        size, going = QSizeF(self.size()), self._motion.neurons
        scene.paint_neurons(painter, size, self._camera, going, self._stamps)
        if isinstance(self._hovered, EdgeHit):
            stroke(painter, self._camera, self._hovered_paths)
        else:
            scene.paint_sign(painter, self._camera, self._hovered)

    # -- the mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start a click or a drag."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = (event.position(), self._camera)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the picture, or see what is under the mouse."""
        if self._press is None:
            self._set_hovered(self._hit(event.position()))
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
            self._click(event.position())

    def _click(self, place: QPointF) -> None:
        hit = self._hit(place)
        layer = None
        if hit is None and self._scene is not None:
            layer = self._scene.layer_at(place, QSizeF(self.size()), self._camera, self.font())
        if layer is None:
            self._choose(hit)
        elif layer != self._layer:
            self.select_layer(layer)
            self.layer_selected.emit(layer)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Protect a neuron, or no longer."""
        hit = self._hit(event.position())
        if event.button() == Qt.MouseButton.LeftButton and isinstance(hit, tuple):
            self.protect_wanted.emit(*hit)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of what is under the mouse, or of the selection when asked by the keyboard."""
        if event.reason() is QContextMenuEvent.Reason.Keyboard:
            hit = self._selected
        else:
            hit = self._hit(QPointF(event.pos()))
            if hit is not None:
                self._choose(hit)
        self.menu_wanted.emit(hit, event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom to the mouse."""
        turn = event.angleDelta().y()
        if turn:
            self._zoom_at(1.0016**turn, event.position().x(), event.position().y())
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the mouse any more."""
        self._set_hovered(None)

    def _choose(self, hit: Hit | None) -> None:
        if hit == self._selected and (hit is not None or self._layer is None):
            return
        self.select(hit)
        if hit is None:
            self.selection_cleared.emit()
        elif isinstance(hit, EdgeHit):
            self.edge_selected.emit(hit)
        else:
            self.neuron_selected.emit(*hit)

    def _set_hovered(self, hit: Hit | None) -> None:
        if hit == self._hovered:
            return
        self._hovered = hit
        if hit is None:
            self.hover_cleared.emit()
        elif isinstance(hit, EdgeHit):
            self._hovered_paths = paint.highlight(self._under, self._colours)
            self.edge_hovered.emit(hit)
        else:
            self.neuron_hovered.emit(*hit)
        self.update()

    def _hit(self, place: QPointF) -> Hit | None:
        """The neuron at a place in the view, or else the strongest connection within reach."""
        if self._scene is None:
            return None
        x, y = self._camera.to_scene(place.x(), place.y())
        neuron = self._scene.neuron_at(x, y, _REACH / self._camera.scale)
        if neuron is not None or self._picture is None:
            return neuron
        self._under = strongest_edge(self._picture.blocks, x, y, _EDGE_REACH / self._camera.scale)
        return self._under.hit(self._scene.layout) if self._under is not None else None

    # -- the keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, fit and pan; with Shift the arrows move the selection; P protects, Escape clears."""
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
        elif key == Qt.Key.Key_P and isinstance(self._selected, tuple):
            self.protect_wanted.emit(*self._selected)
        elif key == Qt.Key.Key_Escape:
            self._choose(None)
        else:
            super().keyPressEvent(event)

    def _step_selection(self, across: int, down: int) -> None:
        """Select the next neuron that is left in its layer, or the nearest one in the next layer."""
        if self._scene is None:
            return
        layout, chosen = self._scene.layout, isinstance(self._selected, tuple)
        start = self._selected if isinstance(self._selected, tuple) else (0, int(layout.layers[0].units[0]))
        left = [np.flatnonzero(found != Status.REMOVED) for found in self._scene.statuses]
        found = next_neuron(layout, left, start, across if chosen else 0, down)
        if found is not None:
            self._choose(found)

    # -- what Qt tells

    def event(self, event: QEvent) -> bool:
        """Show tooltips; draw anew on a screen of another density."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            hit = self._hit(QPointF(event.pos()))
            told = self.tooltip_provider(hit) if hit is not None and self.tooltip_provider else ""
            if told:
                QToolTip.showText(event.globalPos(), told, self)
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
            self._find_selected()
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
