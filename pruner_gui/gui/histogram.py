"""Two histograms, each with its threshold as a line to drag: sizes of weights, and harms of neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSplitter, QVBoxLayout, QWidget
from superqt import QElidingLabel

from pruner_gui.gui import text, theme
from pruner_gui.gui.bins import Magnitudes, Stretch, Values, round_sizes
from pruner_gui.gui.latest import Latest
from pruner_gui.gui.live_plots import style_plot
from pruner_gui.network import Network


@dataclass(frozen=True)
class Job:
    """A wish: the weights of all layers of a network, or from one layer to another."""

    network: Network
    pair: tuple[str, str] | None


@dataclass(frozen=True, eq=False)
class Sorted:
    """A done job."""

    job: Job
    sizes: Magnitudes


def _sort(job: Job) -> Sorted:
    if job.pair is None:
        return Sorted(job, Magnitudes.of(dense.weight for _, dense in job.network.dense))
    links = (link for link in job.network.links if (link.source, link.target) == job.pair)
    return Sorted(job, Magnitudes.of(link.weight for link in links))


class HistogramPanel(QWidget):
    """Both histograms side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.weights, self.units = WeightHistogram(), UnitHistogram()
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(self.weights)
        splitter.addWidget(self.units)
        splitter.setChildrenCollapsible(False)
        splitter.setSizes([560, 440])  # the left one has more to say above it
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 4)
        layout.addWidget(splitter)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        self.weights.retheme()
        self.units.retheme()

    def shutdown(self) -> None:
        """Stop and join the sorting thread."""
        self.weights.shutdown()


class WeightHistogram(QWidget):
    """How many connections have which |w|; weights are sorted in a thread. The line is the weak threshold."""

    threshold_wanted = Signal(float)  # |w|; 0: no connection is weak
    sorted_ = Signal()  # what is shown is of the newest network and choice

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart = Chart(self.tr("Histogram of the sizes of weights"))
        self.pairs = QComboBox()
        self._links: list[tuple[str, str]] = []
        self._network: Network | None = None
        self._job: Job | None = None
        self._sizes = Magnitudes.of([])
        self._edges: Values = np.zeros(0)
        self._threshold: float | None = None
        self._sorting = Latest("weight-sorter", _sort, lambda: None)
        self._sorting.done.connect(self._take)
        self.pairs.setAccessibleName(self.tr("Weights of which layers"))
        self.pairs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.pairs.currentIndexChanged.connect(self._ask)
        self.chart.line.setToolTip(self.tr("Drag: connections left of it are weak"))
        self.chart.plot.setLabel("left", self.tr("connections"))
        self.chart.dragged.connect(self._dragged)
        self.pairs.setMaximumWidth(118)
        _build(self, self.chart, self.pairs)
        self.retheme()

    def set_links(self, links: Sequence[tuple[str, str, str]]) -> None:
        """Offer these pairs of layers: source, target, and how to call the pair."""
        self._links = [(source, target) for source, target, _ in links]
        with QSignalBlocker(self.pairs):
            self.pairs.clear()
            self.pairs.addItem(self.tr("All layers"))
            self.pairs.addItems([title for _, _, title in links])

    def set_network(self, network: Network, strengths: Network | None = None) -> None:
        """Show the weights of a version, or what else says how strong its connections are."""
        self._network = strengths or network
        label = self.tr("size of the weight |w| (logarithmic)")
        if strengths is not None:
            label = self.tr("strength of the connection (logarithmic)")
        self.chart.plot.setLabel("bottom", label)
        self._ask()

    def show_threshold(self, threshold: float | None) -> None:
        """Show a weak threshold; emits nothing."""
        if threshold != self._threshold:
            self._threshold = threshold
            self._draw()

    def retheme(self) -> None:
        """Take the colours of the theme."""
        colours = theme.colours()
        self.chart.retheme(colours.weak, colours.muted, colours.weak)

    def shutdown(self) -> None:
        """Stop and join the sorting thread."""
        self._sorting.stop()

    def showEvent(self, event: object) -> None:
        """Sort what was put off while nobody could see it."""
        self._ask()

    def _ask(self) -> None:
        if self._network is None or not self.isVisible():
            return
        chosen = self.pairs.currentIndex() - 1
        job = Job(self._network, self._links[chosen] if chosen >= 0 else None)
        if job != self._job:
            self._job = job
            self._sorting.request(job)

    def _take(self, result: Sorted) -> None:
        if result.job == self._job:
            self._sizes = result.sizes
            self._edges, counts = self._sizes.bins()
            if self._edges.size:
                places = np.log10(self._edges)
                ticks = round_sizes(self._edges[0], self._edges[-1])
                self.chart.show_bins(places, counts, [(float(np.log10(t)), text.number(t, 1)) for t in ticks])
                self._draw()
            else:
                self.chart.clear()
                self.chart.say(self.tr("There are no connections."))
            self.sorted_.emit()

    def _draw(self) -> None:
        """The line, and what it says. Left of the axis' beginning it is at the beginning."""
        if not self._edges.size:
            return
        low, high = np.log10(self._edges[[0, -1]])
        place = np.log10(self._threshold) if self._threshold else low
        value = text.number(self._threshold, 2) if self._threshold else self.tr("none")
        self.chart.set_line(min(max(float(place), float(low)), float(high)), (float(low), float(high)), value)
        weak, total = self._sizes.below(self._threshold or 0.0), self._sizes.total
        words = self.tr("{n} of {total} connections ({share}) are weak").format(
            n=text.integer(weak), total=text.integer(total), share=text.percent(weak / total)
        )
        self.chart.say(words if self._threshold else self.tr("No connection counts as weak: drag the line."))

    def _dragged(self, place: float) -> None:
        at_start = place <= np.log10(self._edges[0]) + 1e-9
        self.threshold_wanted.emit(0.0 if at_start else float(10**place))


class UnitHistogram(QWidget):
    """How many neurons would do which harm alone. The line is the limit that the tolerance sets."""

    limit_wanted = Signal(float)  # rise of the error over that of now

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart = Chart(self.tr("Histogram of the errors without each neuron"))
        self._stretch, self._limit = Stretch(1.0), 0.0
        self.chart.line.setToolTip(self.tr("Drag: what the tolerance allows"))
        self.chart.plot.setLabel("left", self.tr("neurons"))
        self.chart.dragged.connect(self._dragged)
        _build(self, self.chart)
        self.retheme()

    def _dragged(self, place: float) -> None:
        self.limit_wanted.emit(self._stretch.value(place))

    def show_missing(self, sentence: str) -> None:
        """Say why there is nothing to show."""
        self.chart.clear()
        self.chart.say(sentence)

    def show_harms(self, harms: Values, limit: float, metric: str, sentence: str) -> None:
        """Show the rise of an error without each neuron `(n_neurons,)`, and the rise that is allowed."""
        if not self.chart.dragging:  # the axis stays while the line moves on it
            self._stretch, self._limit = Stretch.of(harms, limit), limit
        edges, counts = self._stretch.bins(harms, self._limit)
        ticks = [
            (self._stretch.place(t), text.number(t, 1)) for t in self._stretch.ticks(edges[0], edges[-1])
        ]
        self.chart.plot.setLabel("bottom", self.tr("rise of the {metric} without it").format(metric=metric))
        self.chart.show_bins(edges, counts, ticks)
        self.chart.set_line(
            self._stretch.place(limit), (float(edges[0]), float(edges[-1])), self._rise(limit)
        )
        self.chart.say(sentence)

    def _rise(self, limit: float) -> str:
        return self.tr("limit {rise}").format(rise=text.signed(text.number(limit, 2), limit))

    def set_movable(self, movable: bool) -> None:
        """Let the line be dragged, or not."""
        self.chart.line.setMovable(movable)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        colours = theme.colours()
        self.chart.retheme(colours.candidate, colours.muted, colours.limit)


class Chart(QWidget):
    """Bars, a line to drag, and a sentence. Bars left of the line have another colour, and more of it."""

    dragged = Signal(float)  # place on the axis

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot, self.sentence = pg.PlotWidget(enableMenu=False), QElidingLabel()
        self.plot.setAccessibleName(name)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.getAxis("left").enableAutoSIPrefix(False)
        self.plot.getAxis("bottom").enableAutoSIPrefix(False)
        self._below, self._above = (pg.BarGraphItem(x0=[], x1=[], height=[]) for _ in range(2))
        self.line = pg.InfiniteLine(
            angle=90,
            movable=True,
            label="",
            labelOpts={"position": 0.9, "anchors": [(-0.05, 0.5), (1.05, 0.5)]},
        )
        for item in (self._above, self._below, self.line):
            self.plot.addItem(item)
        self.line.sigDragged.connect(lambda line: self._moved(line.value()))
        self._edges: Values = np.zeros(0)
        self._counts: Values = np.zeros(0)

    @property
    def dragging(self) -> bool:
        """Whether the line is being dragged now."""
        return bool(self.line.moving)

    @property
    def counts(self) -> list[int]:
        """The heights of the bars."""
        return [int(count) for count in self._counts]

    def show_bins(
        self, edges: Values, counts: np.ndarray[tuple[int], np.dtype[np.intp]], ticks: list[tuple[float, str]]
    ) -> None:
        """Show bars between edges (places on the axis), and name these places."""
        self._edges, self._counts = edges, counts.astype(np.float64)
        self.plot.getAxis("bottom").setTicks([ticks])
        self.plot.setXRange(float(edges[0]), float(edges[-1]), padding=0.02)
        # room above the bars for what is written at the line
        self.plot.setYRange(0, max(1.0, 1.22 * float(self._counts.max())), padding=0)
        self.plot.show()
        self._draw()

    def clear(self) -> None:
        """Show no plot, only the sentence."""
        self._edges, self._counts = np.zeros(0), np.zeros(0)
        self.plot.hide()

    def set_line(self, place: float, bounds: tuple[float, float], label: str) -> None:
        """Put the line, unless it is being dragged, and say at it what it stands for."""
        self.line.label.setFormat(label)
        if not self.dragging:
            self.line.setBounds(bounds)
            self.line.setValue(place)
        self._draw()

    def say(self, sentence: str) -> None:
        """Say what there is to see."""
        self.sentence.setText(sentence)
        self.sentence.setToolTip(sentence)
        self.plot.setAccessibleDescription(sentence)

    def retheme(self, below: str, above: str, line: str) -> None:
        """Take colours for the bars on both sides of the line, and for the line."""
        style_plot(self.plot)
        self.plot.showGrid(x=False, y=True, alpha=0.15)
        ground = theme.colours().ground
        for item, colour, strength in ((self._below, below, 0.85), (self._above, above, 0.55)):
            item.setOpts(brush=theme.tinted(colour, strength), pen=pg.mkPen(ground, width=0.5))
        self.line.setPen(pg.mkPen(line, width=2.5))
        self.line.label.setColor(QColor(theme.colours().text))
        self.line.setHoverPen(pg.mkPen(line, width=5))

    def _moved(self, place: float) -> None:
        self._draw()
        self.dragged.emit(float(place))

    def _draw(self) -> None:
        """The bars; the one under the line is cut in two there."""
        low, high, cut = self._edges[:-1], self._edges[1:], float(self.line.value())
        self._below.setOpts(x0=low, x1=np.clip(cut, low, high), height=np.where(low < cut, self._counts, 0))
        self._above.setOpts(x0=np.clip(cut, low, high), x1=high, height=np.where(high > cut, self._counts, 0))


def _build(page: QWidget, chart: Chart, *choice: QWidget) -> None:
    """Put the sentence, behind what chooses, above the plot."""
    top = QHBoxLayout()
    top.setContentsMargins(4, 2, 4, 0)
    for widget in choice:
        top.addWidget(widget)
    top.addWidget(chart.sentence, 1)
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    layout.addLayout(top)
    layout.addWidget(chart.plot, 1)
