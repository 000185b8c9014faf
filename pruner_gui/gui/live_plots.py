"""The plots of a run: both errors with the limit, and the neurons left in every layer, while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui import text, theme
from pruner_gui.session import Run

_LAYER_STYLES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
)
_LEGEND_SIZE = "8pt"
_HEADROOM = 0.28  # of a plot's height, for the legend and the limit's label
_MOST_LAYERS = 5  # more lines than that say nothing; the total always stands


class LivePlots(QWidget):
    """Two plots over the number of removed neurons, or a sentence that says what is missing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        pg.setConfigOptions(antialias=True)
        self.missing, self.load = QLabel(), QPushButton(self.tr("Load data…"))
        self.errors, self.counts = pg.PlotWidget(), pg.PlotWidget()
        self._run: Run | None = None
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty_page())
        self._stack.addWidget(self._plot_page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.addWidget(self._stack)
        self._pruning = self.errors.plot([], [], name=self.tr("pruning rows"))
        self._holdout = self.errors.plot([], [], name=self.tr("held-out rows"))
        self._limit = pg.InfiniteLine(
            angle=0, label="", labelOpts={"position": 0.99, "anchors": [(1, 1), (1, 1)]}
        )
        self.errors.addItem(self._limit, ignoreBounds=False)
        self._layers: list[pg.PlotDataItem] = []
        self.retheme()

    def show_run(self, run: Run | None, missing: str, can_load: bool) -> None:
        """Show a run as far as it is, or, without one, a sentence and perhaps the button to load data."""
        self._stack.setCurrentIndex(0 if run is None else 1)
        self.missing.setText(missing)
        self.load.setVisible(can_load)
        if run is not self._run:
            self._run = run
            self._begin()
        if run is not None:
            self._draw(run)

    def points(self) -> int:
        """Number of points of the error curve that is shown."""
        x, _ = self._pruning.getData()
        return 0 if x is None or self._run is None else len(x)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        colours = theme.colours()
        for plot in (self.errors, self.counts):
            style_plot(plot)
            plot.showGrid(x=True, y=True, alpha=0.15)
            legend = plot.plotItem.legend
            legend.setLabelTextColor(QColor(colours.text))
            for _, label in legend.items:  # which are drawn already, and do not listen
                label.setText(label.text, color=QColor(colours.text), size=_LEGEND_SIZE)
        self._pruning.setPen(pg.mkPen(colours.pruning, width=2))
        self._holdout.setPen(pg.mkPen(colours.heldout, width=2, style=Qt.PenStyle.DashLine))
        self._limit.setPen(pg.mkPen(colours.limit, width=1.5, style=Qt.PenStyle.DotLine))
        self._limit.label.setColor(QColor(colours.limit))
        self._begin()
        if self._run is not None:
            self._draw(self._run)

    def _empty_page(self) -> QWidget:
        page = QWidget()
        self.missing.setObjectName("hint")
        self.missing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.missing.setWordWrap(True)
        layout = QVBoxLayout(page)
        layout.addStretch(1)
        layout.addWidget(self.missing)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.load)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(1)
        return page

    def _plot_page(self) -> QWidget:
        page = QSplitter(Qt.Orientation.Horizontal)
        self.errors.setAccessibleName(self.tr("Plot of the errors over removed neurons"))
        self.counts.setAccessibleName(self.tr("Plot of the neurons left over removed neurons"))
        for plot, columns in ((self.errors, 2), (self.counts, 3)):
            plot.addLegend(
                offset=(4, 1),
                labelTextSize=_LEGEND_SIZE,
                colCount=columns,
                verSpacing=-6,
                brush=None,
                pen=None,
            )
            plot.setLabel("bottom", self.tr("neurons removed"))
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setMouseEnabled(x=False, y=False)
            plot.getAxis("left").enableAutoSIPrefix(False)
            plot.getAxis("bottom").enableAutoSIPrefix(False)
            page.addWidget(plot)
        self.counts.setLabel("left", self.tr("neurons left"))
        page.setStretchFactor(0, 3)
        page.setStretchFactor(1, 2)
        page.setChildrenCollapsible(False)
        return page

    def _begin(self) -> None:
        """Prepare for another run: its layers, its metric."""
        for curve in self._layers:
            self.counts.removeItem(curve)
        self._layers.clear()
        if self._run is None:
            return
        colours = theme.colours()
        self.errors.setLabel("left", text.metric(self._run.started.metrics[0]))
        hidden = self._run.started.network.hidden_layers
        hues = (
            colours.pruning,
            colours.heldout,
            colours.weak,
            colours.candidate,
            colours.constant,
            colours.protected,
        )
        names = [layer.name for layer in hidden][:_MOST_LAYERS] if len(hidden) > 1 else []
        for index, name in enumerate(names):
            style = _LAYER_STYLES[index % len(_LAYER_STYLES)]
            pen = pg.mkPen(hues[index % len(hues)], width=2, style=style)
            self._layers.append(self.counts.plot([], [], name=name, pen=pen))
        pen = pg.mkPen(colours.text, width=2)
        self._layers.append(self.counts.plot([], [], name=self.tr("all hidden"), pen=pen))

    def _draw(self, run: Run) -> None:
        start = run.started
        removed = np.arange(len(run.steps) + 1)
        errors = [start.start.values[0], *(step.score.values[0] for step in run.steps)]
        symbol = "o" if len(removed) == 1 else None  # a line of one point cannot be seen
        self._pruning.setData(removed, errors, symbol=symbol)
        if start.holdout is not None:
            held = [
                start.holdout.values[0],
                *(s.holdout.values[0] for s in run.steps if s.holdout is not None),
            ]
            self._holdout.setData(removed, held, symbol=symbol)
        else:
            held = []
            self._holdout.setData([], [])
        limit = run.limits[0]
        _set_height(self.errors, [*errors, *held, limit])
        self._limit.setValue(limit)
        self._limit.label.setFormat(self.tr("limit {value}").format(value=text.number(limit)))
        self.errors.setXRange(0, max(len(run.steps), 5), padding=0.03)
        self.counts.setXRange(0, max(len(run.steps), 5), padding=0.03)
        self._draw_counts(run, removed)

    def _draw_counts(self, run: Run, removed: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        hidden = run.started.network.hidden_layers
        for curve, layer in zip(self._layers[:-1], hidden, strict=False):
            gone = (len(step.edit.units) * (step.edit.node == layer.name) for step in run.steps)
            left = [layer.units.size - n for n in accumulate(gone, initial=0)]
            curve.setData(removed, left)
        total = [run.started.network.hidden_neurons, *(step.neurons for step in run.steps)]
        self._layers[-1].setData(removed, total)
        _set_height(self.counts, [0, total[0] * (1 + 0.2 * (len(self._layers) > 3))])


def style_plot(plot: pg.PlotWidget) -> None:
    """Give ground and axes of a plot the colours of the theme."""
    colours = theme.colours()
    plot.setBackground(colours.ground)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(QColor(colours.muted))
        axis.setTextPen(QColor(colours.text))


def _set_height(plot: pg.PlotWidget, values: Sequence[float]) -> None:
    """Show these values, and leave room above them for the legend."""
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    plot.setYRange(low - 0.06 * span, high + _HEADROOM * span, padding=0)
