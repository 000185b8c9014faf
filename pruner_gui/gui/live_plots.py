"""The plots of a run: errors against neurons left, with other runs, and what every layer has left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
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

from pruner_gui.gui import run_words, theme
from pruner_gui.gui.error_plot import LEGEND_SIZE, ErrorPlot, prepare_plot
from pruner_gui.gui.plot_export import export_menu
from pruner_gui.gui.run_points import as_csv
from pruner_gui.records import Points, Record
from pruner_gui.session import Run

_LAYER_STYLES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
)
_HEADROOM = 0.28  # of the height of the plot of layers, for its legend
_MOST_LAYERS = 5  # more lines than that say nothing; the total always stands


def layer_pen(place: int, width: float = 2.0) -> Any:
    """Return the pen of hidden layer number `place`: a colour and a line style of its own, for a while."""
    colours = theme.colours()
    hues = (
        *(colours.pruning, colours.heldout, colours.weak),
        *(colours.candidate, colours.constant, colours.protected),
    )
    style = _LAYER_STYLES[place % len(_LAYER_STYLES)]
    return pg.mkPen(hues[place % len(hues)], width=width, style=style)


class LivePlots(QWidget):
    """Two plots of a run with a line that says where its cursor is, or a sentence on what is missing."""

    point_wanted = Signal(int)
    resume_wanted = Signal()  # prune on from the point that is shown
    export_wanted = Signal(str)  # as a file with this ending

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        pg.setConfigOptions(antialias=True)
        self.missing, self.load = QLabel(), QPushButton(self.tr("Load data…"))
        self.readout, self.export = QLabel(), QPushButton(self.tr("Export plot"))
        self.resume = QPushButton(self.tr("Prune on from here…"))
        self.errors, self.counts = ErrorPlot(), pg.PlotWidget(enableMenu=False)
        self._run: Run | None = None
        self._points: Points | None = None
        self._overlays: list[Record] = []
        self._point: int | None = None
        self._live = False
        self._name, self._outdated = "", False
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty_page())
        self._stack.addWidget(self._plot_page())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.addWidget(self._stack)
        self._layers: list[pg.PlotDataItem] = []
        self._counts_next = True
        self._here = pg.InfiniteLine(angle=90)
        self.counts.addItem(self._here, ignoreBounds=True)
        self.errors.moved.connect(self._moved)
        self.retheme()

    def show_run(
        self, run: Run | None, records: Sequence[Record] = (), point: int | None = None, live: bool = False
    ) -> None:
        """Show a run as far as it is, and the others that are to be shown.

        `point` is where its cursor stands; None hides it. `live`: the run goes on.
        """
        if run is not self._run:
            self._run, self._points = run, None if run is None else Points.of(run)
            self._begin()
        elif run is not None and self._points is not None:
            self._points.extend(run)
        metric = None if self._points is None else self._points.metric
        others = [each for each in records if each.shown and not each.outdated and each.source() is not run]
        metric = metric or (others[-1].points.metric if others else None)
        self._overlays = [each for each in others if each.points.metric == metric]
        self._counts_next = self._counts_next or not self._live  # a run that begins shows its errors first
        self._point, self._live = point, live
        record = next((each for each in records if run is not None and each.source() is run), None)
        self._name = record.name if record is not None else ""
        self._outdated = record is not None and record.outdated
        if run is None and not self._overlays:
            return
        self._stack.setCurrentIndex(1)
        self._draw()

    def say(self, missing: str, can_load: bool) -> None:
        """Without any run to show: a sentence, and perhaps the button to load data."""
        self.missing.setText(missing)
        self.load.setVisible(can_load)
        self._stack.setCurrentIndex(0)

    @property
    def empty(self) -> bool:
        """Whether there is no run to show."""
        return self._run is None and not self._overlays

    def show_point(self, point: int) -> None:
        """Put the cursor elsewhere on the same run."""
        self._point = point
        self.errors.show_point(point)
        self._show_here()

    def points(self) -> int:
        """Number of points of the error curve that is shown."""
        return 0 if self._points is None else len(self._points)

    def table(self) -> str:
        """Return the points of the runs shown as CSV."""
        present = [(self._name, self._points)] if self._points is not None else []
        return as_csv([*present, *((each.name, each.points) for each in self._overlays)])

    def plots(self) -> list[pg.PlotWidget]:
        """Return the plots that are shown."""
        return [self.errors, self.counts] if self._run is not None else [self.errors]

    def retheme(self) -> None:
        """Take the colours of the theme."""
        colours = theme.colours()
        for plot in (self.errors, self.counts):
            style_plot(plot)
            plot.showGrid(x=True, y=True, alpha=0.15)
        self._here.setPen(pg.mkPen(colours.text, width=1))
        self.errors.retheme()
        self._begin()
        if not self.empty:
            self._draw()
        for plot in (self.errors, self.counts):
            legend = plot.plotItem.legend
            legend.setLabelTextColor(QColor(colours.text))
            for _, label in legend.items:  # which are drawn already, and do not listen
                label.setText(label.text, color=QColor(colours.text), size=LEGEND_SIZE)

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
        page, both = QWidget(), QSplitter(Qt.Orientation.Horizontal)
        self.counts.setAccessibleName(self.tr("Plot of the neurons left over accepted removals"))
        prepare_plot(self.counts)
        both.addWidget(self.errors)
        both.addWidget(self.counts)
        self.counts.setLabel("left", self.tr("neurons left"))
        self.counts.setLabel("bottom", self.tr("removals accepted"))
        both.setStretchFactor(0, 3)
        both.setStretchFactor(1, 2)
        both.setSizes([3000, 2000])  # shares: what the plots ask for is not what they are worth
        both.setChildrenCollapsible(False)
        self.readout.setAccessibleName(self.tr("Point of the run that is shown"))
        row = QHBoxLayout()
        row.addWidget(self.readout, 1)
        row.addWidget(self.resume)
        row.addWidget(self.export)
        self.resume.setToolTip(self.tr("Begin another run at the cursor, with another tolerance if you like"))
        self.resume.clicked.connect(lambda: self.resume_wanted.emit())
        self.export.setMenu(export_menu(self.export, self.export_wanted.emit))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(both, 1)
        return page

    def _begin(self) -> None:
        """Prepare for another run: its layers."""
        for curve in self._layers:
            self.counts.removeItem(curve)
        self._layers.clear()
        self.counts.setVisible(self._run is not None)
        if self._points is None:
            return
        names = list(self._points.layers)[:_MOST_LAYERS] if len(self._points.layers) > 1 else []
        for index, name in enumerate(names):
            self._layers.append(self.counts.plot([], [], name=name, pen=layer_pen(index)))
        pen = pg.mkPen(theme.colours().text, width=2)
        self._layers.append(self.counts.plot([], [], name=self.tr("all hidden"), pen=pen))

    def _draw(self) -> None:
        # While a run goes on one plot at a time is drawn anew: both together take longer than a frame.
        self._counts_next = self._live and not self._counts_next
        if not self._counts_next:
            self.errors.show_overlays(self._overlays)
            self.errors.show_run(self._run, self._points, self._point, self._live)
        self._show_here()
        if self._points is not None and (self._counts_next or not self._live):
            self._draw_counts(self._points)

    def _draw_counts(self, points: Points) -> None:
        removed = range(len(points))
        for curve, left in zip(self._layers[:-1], points.layers.values(), strict=False):
            curve.setData(removed, left)
        self._layers[-1].setData(removed, points.neurons)
        self.counts.setXRange(0, max(len(points) - 1, 5), padding=0.03)
        _set_height(self.counts, [0, points.neurons[0] * (1 + 0.2 * (len(self._layers) > 3))])

    def _show_here(self) -> None:
        shown = self._point is not None and self._points is not None
        self._here.setVisible(shown)
        self.resume.setVisible(shown and not self._live)
        self.readout.setText("")
        if self._point is not None and self._points is not None:
            self._here.setValue(self._point)
            line = run_words.point(self._points, self._point)
            if self._outdated:
                line += self.tr(" (measured on the data loaded before)")
            self.readout.setText(f"{self._name} — {line}" if self._name else line)

    def _moved(self, point: int) -> None:
        self._point = point
        self._show_here()
        self.point_wanted.emit(point)


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
