from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyqtgraph as pg
import pytest
from graph_networks import chain
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from pruner_gui.gui.histogram import Chart, HistogramPanel

NETWORK = chain([[2.0, -1.0, 0.5], [0.1, 0.0, -2.0]], [[0.01], [-1.0], [0.5]])


@pytest.fixture(autouse=True)
def every_move_counts() -> Iterator[None]:
    usual = pg.getConfigOption("mouseRateLimit")
    pg.setConfigOption("mouseRateLimit", 0)
    yield
    pg.setConfigOption("mouseRateLimit", usual)


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[HistogramPanel]:
    panel = HistogramPanel()
    qtbot.addWidget(panel)
    panel.resize(900, 260)
    panel.show()
    panel.weights.set_links([("x", "h1", "Input → h1"), ("h1", "y", "h1 → Output")])
    with qtbot.waitSignal(panel.weights.sorted_):
        panel.weights.set_network(NETWORK)
    yield panel
    panel.shutdown()


def drag(chart: Chart, place: float) -> None:
    """Drag the line to a place on the axis, as with the mouse."""
    plot: pg.PlotWidget = chart.plot
    plot.grab()  # places are known once it is painted
    box = plot.getViewBox()

    def point(x: float) -> QPointF:
        middle = box.viewRange()[1][1] / 2
        return QPointF(plot.mapFromScene(box.mapViewToScene(QPointF(x, middle))))

    start, end = point(chart.line.value()), point(place)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    mouse(plot, QEvent.Type.MouseMove, start, none, none)
    mouse(plot, QEvent.Type.MouseButtonPress, start, left, left)
    for share in (0.3, 0.7, 1.0):
        mouse(plot, QEvent.Type.MouseMove, start + (end - start) * share, none, left)
    mouse(plot, QEvent.Type.MouseButtonRelease, end, left, none)


def mouse(
    plot: pg.PlotWidget, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, held: Qt.MouseButton
) -> None:
    viewport = plot.viewport()
    everywhere = QPointF(viewport.mapToGlobal(place))
    event = QMouseEvent(kind, place, everywhere, button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(viewport, event)


def test_all_connections_are_counted_and_those_of_a_pair(panel: HistogramPanel, qtbot: QtBot) -> None:
    assert sum(panel.weights.chart.counts) == 8
    with qtbot.waitSignal(panel.weights.sorted_):
        panel.weights.pairs.setCurrentIndex(2)
    assert sum(panel.weights.chart.counts) == 3


def test_it_says_how_many_are_weak(panel: HistogramPanel) -> None:
    panel.weights.show_threshold(0.5)
    assert panel.weights.chart.sentence.text() == "2 of 8 connections (25 %) are weak"
    panel.weights.show_threshold(None)
    assert "No connection" in panel.weights.chart.sentence.text()


def test_showing_a_threshold_asks_for_nothing(panel: HistogramPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.weights.threshold_wanted):
        panel.weights.show_threshold(0.5)
    assert panel.weights.chart.line.value() == pytest.approx(np.log10(0.5))


def test_dragging_the_line_asks_for_a_threshold(panel: HistogramPanel, qtbot: QtBot) -> None:
    panel.weights.show_threshold(0.5)
    with qtbot.waitSignal(panel.weights.threshold_wanted):
        drag(panel.weights.chart, np.log10(0.05))
    assert 10 ** panel.weights.chart.line.value() == pytest.approx(0.05, rel=0.1)


def test_harms_have_a_limit_to_drag(panel: HistogramPanel, qtbot: QtBot) -> None:
    units = panel.units
    units.show_harms(np.array([-0.1, 0.0, 0.2, 0.4, 3.0]), 0.3, "error", "3 neurons would go")
    assert sum(units.chart.counts) == 5
    assert units.chart.sentence.text() == "3 neurons would go"
    wanted: list[float] = []
    units.limit_wanted.connect(wanted.append)
    drag(units.chart, float(np.arcsinh(1.0 / units_scale(panel))))
    assert wanted[-1] == pytest.approx(1.0, rel=0.15)


def units_scale(panel: HistogramPanel) -> float:
    """The value at place asinh(1) of the axis."""
    wanted: list[float] = []
    panel.units.limit_wanted.connect(wanted.append)
    panel.units.chart.dragged.emit(float(np.arcsinh(1.0)))
    return wanted[0]


def test_what_is_not_measured_is_said_without_a_plot(panel: HistogramPanel) -> None:
    panel.units.show_missing("Not measured yet.")
    assert panel.units.chart.sentence.text() == "Not measured yet."
    assert not panel.units.chart.plot.isVisible()
