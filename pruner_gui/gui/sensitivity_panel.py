"""How much each layer bears: the error over the share of its neurons that is gone, the other layers whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from pruner_gui.gui import text, theme
from pruner_gui.gui.error_plot import prepare_plot
from pruner_gui.gui.live_plots import layer_pen, style_plot
from pruner_gui.gui.plot_export import export_menu
from pruner_gui.gui.sensitivity_curves import Curve, nearest
from pruner_gui.pruning import SENSITIVITY_ORDERS

_MOST_NAMED = 9  # layers in the legend; the others are told by the mouse
_LETTERS = 16  # of a layer's name in the legend
_LEGEND_LINE = 17  # pixels
_NEAR_LIMIT = 4.0  # times the way from the error of now to the limit
_HARDLY = 0.02  # of the whole way up, where the limit is no higher than the error of now


class _Ground(pg.ViewBox):  # type: ignore[misc]
    """The ground of the plot: a click on it says where."""

    clicked = Signal(QPointF)

    def mouseClickEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.clicked.emit(event.scenePos())


class SensitivityPanel(QWidget):
    """The plot with its tools. The owner measures, and says what is known."""

    measure_wanted = Signal(str)  # the order of the neurons, of `SENSITIVITY_ORDERS`
    cancel_wanted = Signal()
    layer_wanted = Signal(str)
    export_wanted = Signal(str)  # as a file with this ending

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = pg.PlotWidget(viewBox=_Ground(enableMenu=False), enableMenu=False)
        self.readout = QElidingLabel()
        self.missing, self._stack = QLabel(), QStackedWidget()
        self.order, self.range = QComboBox(), QComboBox()
        self.measure, self.export = QPushButton(), QPushButton(self.tr("Export plot"))
        self.curves: list[Curve] = []
        self.limit = pg.InfiniteLine(
            angle=0, label="", labelOpts={"position": 0.99, "anchors": [(1, 1), (1, 1)]}
        )
        self._chosen = ""  # the layer that was clicked
        self._hint, self._running = "", False
        self._items: list[Any] = []
        self._drawn: object = None  # what is on the screen
        self._build()
        self.retheme()

    # -- what is shown

    def show_curves(self, curves: Sequence[Curve], metric: str, limit: float | None) -> None:
        """Show these curves of an error, and the limit as a line."""
        if not curves and not self.curves:
            return
        self.curves = list(curves)
        self.plot.setLabel("left", text.metric(metric) if metric else "")
        self.limit.setVisible(limit is not None and bool(curves))
        if limit is not None:
            self.limit.setValue(limit)
            self.limit.label.setFormat(self.tr("limit {value}").format(value=text.number(limit)))
        self.export.setEnabled(bool(curves))
        self._stack.setCurrentWidget(self.plot if curves else self.missing)
        self._draw()

    def say(self, hint: str, *, running: bool, can_measure: bool) -> None:
        """Say what is going on, or what is missing; the button measures, or while `running` cancels."""
        self._hint, self._running = hint, running
        self.measure.setText(self.tr("Cancel") if running else self.tr("Measure"))
        self.measure.setEnabled(running or can_measure)
        self._say(None)

    def show_order(self, order: str) -> None:
        """Show in which order the neurons go; emits nothing."""
        with QSignalBlocker(self.order):
            self.order.setCurrentIndex(self.order.findData(order))

    def choose(self, layer: str) -> None:
        """Draw a layer's curve bolder, "" for none."""
        if layer != self._chosen:
            self._chosen = layer
            self._draw()

    def retheme(self) -> None:
        """Take the colours of the theme."""
        colours = theme.colours()
        style_plot(self.plot)
        self.plot.showGrid(x=True, y=True, alpha=0.15)
        self.limit.setPen(pg.mkPen(colours.limit, width=1.5, style=Qt.PenStyle.DotLine))
        self.limit.label.setColor(QColor(colours.limit))
        legend, ground = self.plot.plotItem.legend, QColor(colours.ground)
        ground.setAlphaF(0.85)  # curves that rise steeply run behind it
        legend.setBrush(pg.mkBrush(ground))
        legend.setLabelTextColor(QColor(colours.text))
        self._draw()

    def describe(self, curve: Curve, point: int) -> str:
        """Return the figures at a point of a curve."""
        error, first = float(curve.errors[point]), float(curve.errors[0])
        gone = round(float(curve.shares[point]) * curve.of)
        line = self.tr("{layer} without {gone} of {all} ({share}): error {error}").format(
            layer=curve.layer,
            gone=text.integer(gone),
            all=text.integer(curve.of),
            share=text.percent(float(curve.shares[point])),
            error=text.number(error),
        )
        if first and error != first:
            change = (error - first) / abs(first)
            line += f" ({text.signed(text.percent(change), change)})"
        return line

    # -- drawing

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what changed while nobody saw it."""
        super().showEvent(event)
        self._draw()

    def _draw(self) -> None:
        shown = [(curve.layer, curve.borne, curve.errors.tobytes()) for curve in self.curves]
        limit = self.limit.value() if self.limit.isVisible() else None
        now = shown, limit, self._chosen, theme.colours().dark
        if not self.isVisible() or now == self._drawn:
            return
        self._drawn = now
        for item in self._items:
            self.plot.removeItem(item)
        self._items.clear()
        self.plot.plotItem.legend.clear()
        for curve in self.curves:
            self._draw_curve(curve)
        self._fit()

    def _draw_curve(self, curve: Curve) -> None:
        pen = layer_pen(curve.place, 3.5 if curve.layer == self._chosen else 2.0)
        named = self._named(curve) if curve.place < _MOST_NAMED else None
        symbol = "o" if curve.shares.size == 1 else None  # a line of one point cannot be seen
        line = self.plot.plot(100 * curve.shares, curve.errors, pen=pen, name=named, symbol=symbol)
        self._items.append(line)
        if curve.borne is not None and curve.shares.size > 1:
            at = [100 * float(curve.shares[curve.borne])], [float(curve.errors[curve.borne])]
            ground = pg.mkPen(theme.colours().ground, width=1)
            dot = pg.ScatterPlotItem(*at, size=10, brush=pen.color(), pen=ground, useCache=False)
            dot.setZValue(10)
            self.plot.addItem(dot, ignoreBounds=True)
            self._items.append(dot)

    def _named(self, curve: Curve) -> str:
        """A layer's name, and how much of it can go within the tolerance."""
        layer = curve.layer if len(curve.layer) <= _LETTERS else curve.layer[: _LETTERS - 1] + "…"
        if curve.borne is None:
            return layer
        line = self.tr("{layer}: up to {share}")
        return line.format(layer=layer, share=text.percent(float(curve.shares[curve.borne])))

    def _fit(self) -> None:
        """Show all of the curves, or what is near the limit, with room for the legend above."""
        if not self.curves:
            return
        low = min(float(curve.errors.min()) for curve in self.curves)
        high = max(float(curve.errors.max()) for curve in self.curves)
        first, limit = float(self.curves[0].errors[0]), float(self.limit.value())
        if self.limit.isVisible():
            low, high = min(low, limit), max(high, limit)
            if self.range.currentData() == "limit":
                way = limit - first if limit > first else _HARDLY * (high - first)
                high = min(high, first + _NEAR_LIMIT * way)
        span = (high - low) or abs(high) or 1.0
        rows = -(-len(self.plot.plotItem.legend.items) // 3)
        above = min(0.6, (rows * _LEGEND_LINE + 8) / max(self.plot.getViewBox().height(), 1.0))
        self.plot.setYRange(low - 0.05 * span, low + 1.05 * span / (1 - above), padding=0)
        self.plot.setXRange(0, 100, padding=0.01)

    # -- the mouse

    def curve_at(self, place: QPointF) -> tuple[Curve, int] | None:
        """Return the curve at a place of the plot's scene, and its point."""
        box = self.plot.getViewBox()
        if not self.curves or not box.sceneBoundingRect().contains(place):
            return None
        at, (width, height) = box.mapSceneToView(place), box.viewPixelSize()
        return nearest(self.curves, (at.x() / 100, at.y()), (width / 100, height))

    def _moved(self, place: QPointF) -> None:
        self._say(self.curve_at(place))

    def _clicked(self, place: QPointF) -> None:
        found = self.curve_at(place)
        if found is not None:
            self.choose(found[0].layer)
            self.layer_wanted.emit(found[0].layer)

    def _say(self, found: tuple[Curve, int] | None) -> None:
        self.missing.setText(self._hint)
        words = self._hint if found is None else self.describe(*found)
        if not self.curves:
            words = ""  # it stands in place of the plot
        if self.readout.text() != words:
            self.readout.setText(words)
            self.readout.setToolTip(words)

    # -- putting it together

    def _build(self) -> None:
        self._build_plot()
        self._build_tools()
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.readout, 1)
        for widget in (self.order, self.range, self.measure, self.export):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.setSpacing(2)
        layout.addLayout(row)
        self.missing.setObjectName("hint")
        self.missing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.missing.setWordWrap(True)
        for page in (self.missing, self.plot):
            self._stack.addWidget(page)
        layout.addWidget(self._stack, 1)

    def _build_plot(self) -> None:
        plot = self.plot
        prepare_plot(plot)
        plot.setLabel("bottom", self.tr("share of the layer's neurons that is gone, in percent"))
        plot.setAccessibleName(self.tr("Plot of the error over the share removed, by layer"))
        plot.setToolTip(
            self.tr(
                "Each layer alone: its neurons go one after the other, the other layers stay whole.\n"
                "The dot, and the share beside the name, are how far that goes within every tolerance.\n"
                "Click a curve to select its layer."
            )
        )
        plot.addItem(self.limit, ignoreBounds=True)
        self.limit.hide()
        plot.setXRange(0, 100, padding=0.01)
        plot.getViewBox().clicked.connect(self._clicked)
        plot.getViewBox().sigResized.connect(self._fit)
        plot.scene().sigMouseMoved.connect(self._moved)

    def _build_tools(self) -> None:
        names = {"least-harm": self.tr("least harm first"), "magnitude": self.tr("smallest weights first")}
        for order in SENSITIVITY_ORDERS:
            self.order.addItem(names[order], order)
        self.order.setAccessibleName(self.tr("Order in which a layer's neurons go"))
        self.order.setToolTip(self.order.accessibleName())
        self.range.addItem(self.tr("near the limit"), "limit")
        self.range.addItem(self.tr("all errors"), "all")
        self.range.setAccessibleName(self.tr("Which errors the plot shows"))
        self.range.setToolTip(self.range.accessibleName())
        self.readout.setAccessibleName(self.tr("Point of the curve under the mouse"))
        self.order.activated.connect(lambda: self.measure_wanted.emit(self.order.currentData()))
        self.range.currentIndexChanged.connect(self._fit)
        self.measure.clicked.connect(self._pressed)
        self.export.setEnabled(False)
        self.export.setMenu(export_menu(self.export, self.export_wanted.emit))

    def _pressed(self) -> None:
        if self._running:
            self.cancel_wanted.emit()
        else:
            self.measure_wanted.emit(self.order.currentData())
