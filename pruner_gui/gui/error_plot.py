"""Error against neurons left: a run's curves, what stands out, other runs, and a cursor that can be moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QWidget

from pruner_gui.gui import run_words, text, theme
from pruner_gui.gui.run_points import Mark, boundaries, marks
from pruner_gui.records import Points, Record
from pruner_gui.session import Run

LEGEND_SIZE = "8pt"
_LEGEND_TOP = 19  # pixels above the legend's lines
_LINE = 17  # pixels for a line of the legend, or of labels above and below the curves
_MARGIN = 5  # pixels
_MOST_WORDS = 0.6  # of the plot's height, for those lines
_COLUMNS = 3
_FEWEST = 5  # neurons that the axis spans at least
_PAGE = 10  # points that Page Up and Page Down move by
_SYMBOLS = {"knee": "d", "improved": "star", "noise": "o", "chosen": "s"}
_DASHES = ((6.0, 2.0), (2.0, 2.0), (8.0, 2.0, 1.5, 2.0), (8.0, 2.0, 1.5, 2.0, 1.5, 2.0), (3.0, 5.0))


def run_pen(number: int, width: float = 2.0) -> Any:
    """Return the pen of run number `number`: a colour and dashes of its own, for a while."""
    colours = theme.colours()
    hues = (colours.weak, colours.candidate, colours.constant, colours.protected, colours.muted)
    pen = pg.mkPen(hues[(number - 1) % len(hues)], width=width)
    pen.setDashPattern(_DASHES[(number - 1) % len(_DASHES)])
    return pen


def prepare_plot(plot: pg.PlotWidget) -> None:
    """Give a plot a legend; the mouse neither pans nor scales it."""
    plot.addLegend(
        offset=(4, 1), labelTextSize=LEGEND_SIZE, colCount=_COLUMNS, verSpacing=-6, brush=None, pen=None
    )
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    plot.getAxis("left").enableAutoSIPrefix(False)
    plot.getAxis("bottom").enableAutoSIPrefix(False)


@dataclass(frozen=True)
class _Range:
    """What the axes have to show: errors from `low` over `span`, and numbers of neurons."""

    low: float
    span: float
    most: int
    fewest: int

    @classmethod
    def of(cls, shown: Sequence[Points], limits: Sequence[float]) -> _Range:
        curves = [curve for p in shown for curve in (p.pruning, p.holdout, p.guard) if curve]
        low, high = min([*limits, *map(min, curves)]), max([*limits, *map(max, curves)])
        most = max(points.neurons[0] for points in shown)
        fewest = min(points.neurons[-1] for points in shown)
        return cls(low, (high - low) or abs(high) or 1.0, most, fewest)


def _make_small(words: pg.TextItem) -> None:
    """Give words in a plot the size of its legend, and hardly a margin."""
    font = words.textItem.font()
    font.setPointSizeF(float(LEGEND_SIZE.removesuffix("pt")))
    words.textItem.document().setDocumentMargin(1)
    words.setFont(font)


class _Label:
    """A symbol on a curve and its words, above all curves (of the knee: below them), with a stem between."""

    def __init__(self, mark: Mark) -> None:
        colours = theme.colours()
        hues = {"knee": colours.pruning, "chosen": colours.protected}
        hue = QColor(hues.get(mark.kind, colours.heldout))
        self.mark = mark
        pen, brush, symbol = pg.mkPen(colours.ground, width=1), pg.mkBrush(hue), _SYMBOLS[mark.kind]
        at = [mark.neurons], [mark.error]
        self._symbol = pg.ScatterPlotItem(*at, symbol=symbol, size=14, brush=brush, pen=pen, useCache=False)
        self._stem = pg.PlotCurveItem(pen=pg.mkPen(hue, width=1, style=Qt.PenStyle.DotLine))
        self.words = pg.TextItem(run_words.mark(mark), hue)
        _make_small(self.words)
        for item in (self._symbol, self.words):
            item.setToolTip(run_words.mark_tip(mark))
        self.items = [self._stem, self.words, self._symbol]
        self._symbol.setZValue(22)

    def place(self, height: float, left: bool) -> None:
        """Put the words at this height, to the left or the right of the stem."""
        self._stem.setData([self.mark.neurons] * 2, [self.mark.error, height])
        self.words.setAnchor((float(left), float(self.mark.kind != "knee")))
        self.words.setPos(self.mark.neurons, height)


class _Box(pg.ViewBox):  # type: ignore[misc]
    """The ground of the plot: a press or a drag on it says where."""

    pointed = Signal(float)

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:
        self._point(event)

    def mouseClickEvent(self, event: Any) -> None:
        self._point(event)

    def _point(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.pointed.emit(self.mapSceneToView(event.scenePos()).x())


class ErrorPlot(pg.PlotWidget):  # type: ignore[misc]
    """The errors of a run on every kind of rows, from all neurons on the left to what it left on the right.

    `moved` says to which point of the run (accepted edits) the user moved the cursor.
    """

    moved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, viewBox=_Box(enableMenu=False), enableMenu=False)
        self.points: Points | None = None
        self.cursor = pg.InfiniteLine(angle=90)
        self.marks: list[Mark] = []
        self.overlays: list[Record] = []
        self._point: int | None = None
        self._range: _Range | None = None
        self._extras: list[Any] = []  # what is made anew for every state: marks, boundaries
        self._labels: list[_Label] = []
        self._boundaries: list[tuple[int, str]] = []
        self._extras_key: tuple[object, ...] = ()
        self._others: dict[Record, list[Any]] = {}
        self._others_dark = False
        self._build()

    def _build(self) -> None:
        self.setAccessibleName(self.tr("Plot of the errors over neurons left"))
        self.setToolTip(
            self.tr("Click or drag to see the network of that point (Left, Right, Home, End).")
            + "\n"
            + self.tr(
                "Of other runs the held-out error is the thick line, that of the pruning rows the thin one."
            )
        )
        prepare_plot(self)
        self.setLabel("bottom", self.tr("neurons left"))
        self.getViewBox().invertX(True)
        self.getViewBox().pointed.connect(self._pointed)
        self.getViewBox().sigResized.connect(self._fit)
        self._pruning, self._holdout, self._guard = (self.plot([], []) for _ in range(3))
        names = self.tr("pruning rows"), self.tr("held-out rows"), self.tr("guard rows")
        self._named = list(zip((self._pruning, self._holdout, self._guard), names, strict=True))
        label = {"position": 0.01, "anchors": [(1, 1), (1, 1)]}  # on the right: the axis runs down
        self._limit = pg.InfiniteLine(angle=0, label="", labelOpts=label)
        self._dots = pg.ScatterPlotItem(size=9, useCache=False)  # cached pictures do not go into an SVG
        for item in (self._limit, self.cursor, self._dots):
            self.addItem(item, ignoreBounds=True)
        self.cursor.setCursor(Qt.CursorShape.SizeHorCursor)
        self.cursor.setZValue(20)
        self._dots.setZValue(21)

    # -- what is shown

    def show_run(self, run: Run | None, points: Points | None, point: int | None, live: bool) -> None:
        """Show the curves of a run, with its marks and the cursor at `point` once it has ended."""
        self.points, self._point = points, point
        self._draw_curves(run, live)
        self._draw_extras(run, live)
        self._fit()
        self.show_point(point)

    def show_overlays(self, records: Sequence[Record]) -> None:
        """Show other runs as well, muted."""
        dark = theme.colours().dark
        kept = set(records) if dark == self._others_dark else set()
        self.overlays, self._others_dark = list(records), dark
        for record in [each for each in self._others if each not in kept]:
            for item in self._others.pop(record):
                self.removeItem(item)
        self._others = {record: self._others.get(record) or self._draw_other(record) for record in records}

    def show_point(self, point: int | None) -> None:
        """Put the cursor on a point of the run, or hide it."""
        self._point = point
        shown = point is not None and self.points is not None
        self.cursor.setVisible(shown)
        self._dots.setVisible(shown)
        if point is None or self.points is None:
            return
        x = self.points.neurons[point]
        self.cursor.setValue(x)
        colours = theme.colours()
        spots = [
            {"pos": (x, curve[point]), "brush": QColor(hue), "pen": QColor(colours.ground)}
            for curve, hue in self._curves()
            if curve
        ]
        self._dots.setData(spots)

    def retheme(self) -> None:
        """Take the colours of the theme; `show_run` and `show_overlays` do the rest."""
        colours = theme.colours()
        self._pruning.setPen(pg.mkPen(colours.pruning, width=2))
        self._holdout.setPen(pg.mkPen(colours.heldout, width=2, style=Qt.PenStyle.DashLine))
        self._guard.setPen(pg.mkPen(colours.protected, width=2, style=Qt.PenStyle.DashDotLine))
        self._limit.setPen(pg.mkPen(colours.limit, width=1.5, style=Qt.PenStyle.DotLine))
        self._limit.label.setColor(QColor(colours.limit))
        self._show_focus()

    def _curves(self) -> list[tuple[list[float], str]]:
        assert self.points is not None
        colours, points = theme.colours(), self.points
        return [
            (points.pruning, colours.pruning),
            (points.holdout, colours.heldout),
            (points.guard, colours.protected),
        ]

    def _draw_curves(self, run: Run | None, live: bool) -> None:
        points = self.points
        for item in (self._pruning, self._holdout, self._guard, self._limit):
            item.setVisible(points is not None)
        shown = [record.points for record in self.overlays]
        limits: list[float] = []
        if points is not None and run is not None:
            self.setLabel("left", text.metric(points.metric))
            symbol = "o" if len(points) == 1 else None  # a line of one point cannot be seen
            for item, (curve, _) in zip(
                (self._pruning, self._holdout, self._guard), self._curves(), strict=True
            ):
                item.setData(points.neurons if curve else [], curve, symbol=symbol)
            limits = [run.limits[0]]
            self._limit.setValue(run.limits[0])
            value = text.number(run.limits[0])
            self._limit.label.setFormat(self.tr("limit {value}").format(value=value))
            shown = [points, *shown]
        elif shown:
            self.setLabel("left", text.metric(shown[0].metric))
        self._fill_legend()
        self.marks = []
        if run is not None and points is not None and not live:
            self.marks = marks(points, run.kept, None if run.finished is None else run.finished.lowest)
        self._range = None if not shown else _Range.of(shown, limits)

    def _fill_legend(self) -> None:
        """Name the curves that are there: first those of the run, then the other runs."""
        named = [(each, name) for each, name in self._named if each.isVisible() and each.xData is not None]
        named = [(each, name) for each, name in named if len(each.xData)]
        named += [(items[0], run_words.short(record.name)) for record, items in self._others.items()]
        legend = self.plotItem.legend
        if [(sample.item, label.text) for sample, label in legend.items] != named:
            legend.clear()
            for item, name in named:
                legend.addItem(item, name)

    def _fit(self) -> None:
        """Show all points, with room for the legend above and for labels above and below."""
        found = self._range
        if found is None:
            return
        rows = -(-len(self.plotItem.legend.items) // _COLUMNS)
        above = [label for label in self._labels if label.mark.kind != "knee"]
        top = _MARGIN + _LEGEND_TOP + _LINE * (rows + len(above))
        bottom = _MARGIN + _LINE * (len(self._labels) - len(above) + bool(self._boundaries))
        height = max(self.getViewBox().height(), (top + bottom) / _MOST_WORDS)
        unit = found.span / (height - top - bottom)  # of the error, a pixel
        self.setYRange(found.low - bottom * unit, found.low + found.span + top * unit, padding=0)
        self.setXRange(min(found.fewest, found.most - _FEWEST), found.most, padding=0.02)
        right = (found.fewest + found.most) / 2
        for label in set(self._labels) - set(above):
            label.place(found.low - _MARGIN * unit, label.mark.neurons < right)
        for level, label in enumerate(above):
            label.place(found.low + found.span + level * _LINE * unit, label.mark.neurons < right)

    def _draw_extras(self, run: Run | None, live: bool) -> None:
        key = (self.points, live, len(run.stages) if run is not None else 0, theme.colours().dark)
        if key == self._extras_key:
            return
        self._extras_key = key
        for item in self._extras:
            self.removeItem(item)
        self._extras.clear()
        self._labels.clear()
        self._boundaries.clear()
        if run is None or self.points is None:
            return
        names = [run_words.strategy(stage.config.strategy) for stage in run.stages]
        firsts = [stage.first for stage in run.stages]
        self._boundaries = boundaries(firsts, names, self.points.neurons)
        for place, name in self._boundaries:
            self._extras.append(self._boundary(place, name))
        self._labels = [_Label(mark) for mark in self.marks]
        for label in self._labels:
            for item in label.items:
                self.addItem(item, ignoreBounds=True)
                self._extras.append(item)

    def _boundary(self, place: int, name: str) -> Any:
        colours, points = theme.colours(), self.points
        assert points is not None
        left = float(place < (points.neurons[0] + points.neurons[-1]) / 2)
        pen = pg.mkPen(colours.muted, width=1)
        where = {"position": 0.01, "anchors": [(left, 1), (left, 1)], "color": QColor(colours.muted)}
        line = pg.InfiniteLine(place, angle=90, pen=pen, label=name, labelOpts=where)
        _make_small(line.label)
        self.addItem(line, ignoreBounds=True)
        return line

    def _draw_other(self, record: Record) -> list[Any]:
        points = record.points
        main, thin = (points.holdout, points.pruning) if points.holdout else (points.pruning, [])
        items = [self.plot(points.neurons, main, pen=run_pen(record.number))]
        if thin:
            items.append(self.plot(points.neurons, thin, pen=run_pen(record.number, 1.0)))
        for item in items:
            item.setOpacity(0.85)
            item.setZValue(-5)
        return items

    # -- the cursor

    def _pointed(self, neurons: float) -> None:
        if self.points is not None and self._point is not None:
            self._move(self.points.nearest(neurons))

    def _move(self, point: int) -> None:
        if self.points is not None and self._point is not None:
            point = min(max(point, 0), len(self.points) - 1)
            if point != self._point:
                self.show_point(point)
                self.moved.emit(point)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the cursor by the keyboard."""
        here, end = self._point, len(self.points) - 1 if self.points is not None else 0
        if here is None:
            super().keyPressEvent(event)
            return
        places = {
            Qt.Key.Key_Left: here - 1,
            Qt.Key.Key_Right: here + 1,
            Qt.Key.Key_PageUp: here - _PAGE,
            Qt.Key.Key_PageDown: here + _PAGE,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: end,
        }
        place = places.get(Qt.Key(event.key()))
        if place is None:
            super().keyPressEvent(event)
        else:
            self._move(place)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that keys move the cursor."""
        super().focusInEvent(event)
        self._show_focus()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keys go elsewhere."""
        super().focusOutEvent(event)
        self._show_focus()

    def _show_focus(self) -> None:
        self.cursor.setPen(pg.mkPen(theme.colours().text, width=2.5 if self.hasFocus() else 1.5))
