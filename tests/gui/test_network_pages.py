"""Graph, matrix and histograms in the window: one selection, one threshold, one tolerance. Real files."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot
from windows import opened_sample, settled

from pruner_gui.gui import graph_view, network_pages
from pruner_gui.gui.graph_view import EdgeHit, GraphView
from pruner_gui.gui.network_pages import NetworkPages
from pruner_gui.gui.window import MainWindow


@pytest.fixture
def window(qtbot: QtBot, window: MainWindow) -> MainWindow:
    """The window with the iris sample, and what every neuron is worth."""
    work = opened_sample(qtbot, window).workspace
    qtbot.waitUntil(lambda: work.preview.measured == work.preview.total > 0)
    return window


def shows(pages: NetworkPages) -> str:
    return "matrix" if pages.matrix.isVisibleTo(pages) else "graph"


def test_the_shortcuts_switch_the_view_and_it_is_remembered(qtbot: QtBot, window: MainWindow) -> None:
    pages = window.workspace.graph.pages
    assert shows(pages) == "graph"
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert shows(pages) == "matrix"
    other = NetworkPages(GraphView())
    qtbot.addWidget(other)
    assert shows(other) == "matrix"
    other.shutdown()
    QTest.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert shows(pages) == "graph"


def test_a_very_large_network_opens_as_a_matrix_and_changes_no_wish(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, original = window.workspace.graph.pages, window.document.session.original
    monkeypatch.setattr(network_pages, "opens_as_matrix", lambda network: True)
    pages.set_network(original)
    assert shows(pages) == "matrix"
    assert QSettings().value("network/view") is None
    monkeypatch.undo()
    pages.set_network(original)
    assert shows(pages) == "graph"


def test_both_views_have_one_selection(qtbot: QtBot, window: MainWindow) -> None:
    work = window.workspace
    graph, matrix = work.graph.pages.graph, work.graph.pages.matrix
    graph.neuron_selected.emit(2, 1)
    assert matrix.selected == (2, 1)
    assert 2 in matrix.pairs[matrix.pair]
    assert work.graph.pages.pairs.currentIndex() == matrix.pair
    matrix.neuron_selected.emit(1, 3)
    assert graph.selected == (1, 3)
    assert "neuron 3" in work.layers.selection.text()
    matrix.selection_cleared.emit()
    assert graph.selected is None


def test_a_connection_and_a_layer_of_the_graph_are_selected_in_the_matrix(window: MainWindow) -> None:
    work = window.workspace
    graph, matrix = work.graph.pages.graph, work.graph.pages.matrix
    edge = EdgeHit((1, 0), (2, 1), 0.5)
    graph.edge_selected.emit(edge)
    assert matrix.selected == edge
    assert matrix.pairs[matrix.pair] == (1, 2)
    assert "→" in work.layers.selection.text()
    graph.layer_selected.emit(0)
    assert matrix.selected != edge
    assert 0 in matrix.pairs[matrix.pair]
    work.graph.pages.switches[1].trigger()
    QTest.keyClick(matrix, Qt.Key.Key_Escape)
    assert graph.selected_layer is None
    assert work.layers.tree.currentItem() is None


def test_the_list_of_layers_selects_in_both_views(window: MainWindow) -> None:
    work = window.workspace
    graph, matrix = work.graph.pages.graph, work.graph.pages.matrix
    work.layers.neuron_selected.emit(1, 2)
    assert graph.selected == matrix.selected == (1, 2)
    work.layers.selection_cleared.emit()
    assert graph.selected is matrix.selected is None


def test_the_matrix_marks_as_weak_what_the_chosen_measure_says(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, network = window.workspace.graph, window.document.session.network
    panel.pages.switches[1].trigger()
    panel.measure.setCurrentIndex(panel.measure.findData("contribution"))
    panel.measure.activated.emit(panel.measure.currentIndex())
    settled(qtbot, window)
    matrix, measured = panel.pages.matrix, window.document.strengths
    with qtbot.waitSignal(matrix.rendered):
        panel.weak_box.setValue(20)
    assert measured is not None
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, words, widget: told.append(words))
    target, dense = network.dense[0]
    weak = measured.values.by_name[target.name].op.tensors()["weight"] < 0.2 * measured.values.strongest
    by_weight = abs(dense.weight) < 0.2 * network.strongest
    for row, column in np.argwhere(weak != by_weight)[:4]:
        cell = matrix.cell(int(row), int(column))
        assert cell is not None
        at = cell.center().toPoint()
        QApplication.sendEvent(matrix, QHelpEvent(QEvent.Type.ToolTip, at, matrix.mapToGlobal(at)))
        assert ("A weak connection." in told[-1]) == weak[row, column]
    assert told


def test_only_the_tools_of_the_shown_view_are_there(window: MainWindow) -> None:
    panel = window.workspace.graph
    of_graph, of_matrix = (panel.shown, panel.order_button), (panel.pages.pairs, panel.pages.order)
    for shown in (0, 1, 0):
        panel.pages.switches[shown].trigger()
        assert [tool.isVisibleTo(panel) for tool in (*of_graph, *of_matrix)] == [not shown] * 2 + [
            bool(shown)
        ] * 2
        assert panel.weak_box.isVisibleTo(panel)
        assert panel.measure.isVisibleTo(panel)
    assert not panel.draw_all.isVisibleTo(panel)
    assert panel.minimumSizeHint().width() <= 576  # what the docks leave of 1280 pixels


def test_a_network_of_very_many_connections_offers_to_draw_all(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, original = window.workspace.graph, window.document.session.original
    monkeypatch.setattr(graph_view, "_MANY", 10)
    monkeypatch.setattr(graph_view, "_STRONGEST", 3)
    panel.set_network(original)
    scene = panel.view.scene
    assert scene is not None
    assert scene.most == 3
    assert any("only the strongest" in words for _, words in scene.legend)
    assert panel.draw_all.isVisibleTo(panel)
    panel.draw_all.click()
    scene = panel.view.scene
    assert scene is not None
    assert scene.most is None
    assert not panel.draw_all.isVisibleTo(panel)


def test_the_weak_line_and_the_weak_box_are_one_value(qtbot: QtBot, window: MainWindow) -> None:
    work = window.workspace
    weights = work.histogram.weights
    window._docks["plots"].widget().setCurrentWidget(work.histogram)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: sum(weights.chart.counts) > 0)
    work.graph.weak_box.setValue(10)
    threshold = work.graph.weak_threshold(window.document.session.network)
    assert threshold is not None
    assert weights.chart.line.value() == pytest.approx(np.log10(threshold))
    weights.chart.dragged.emit(float(np.log10(threshold * 2)))
    assert work.graph.weak_box.value() == pytest.approx(20, abs=0.02)
    network = window.document.session.network
    weak = sum(
        int(((dense.weight != 0) & (np.abs(dense.weight) < 2 * threshold)).sum())
        for _, dense in network.dense
    )
    assert weights.chart.sentence.text().startswith(f"{weak} of ")


def test_the_limit_line_and_the_tolerance_are_one_value(qtbot: QtBot, window: MainWindow) -> None:
    work = window.workspace
    units = work.histogram.units
    assert sum(units.chart.counts) == len(window.document.sweep)
    before = work.preview.limits[0]
    error = work.preview.now[0]
    units.limit_wanted.emit(error * 0.2)
    assert work.tolerance.box.value() == pytest.approx(20, abs=0.01)
    qtbot.waitUntil(lambda: work.preview.limits[0] != before)
    assert work.preview.limits[0] == pytest.approx(error * 1.2)
    assert units.chart.sentence.text().startswith(f"{len(work.preview.candidates)} neuron")
    units.limit_wanted.emit(-error)
    assert work.tolerance.box.value() == 0


def test_after_a_run_everything_is_of_the_smaller_network(qtbot: QtBot, window: MainWindow) -> None:
    work = window.workspace
    window._docks["plots"].widget().setCurrentWidget(work.histogram)  # type: ignore[attr-defined]
    work.graph.pages.switches[1].trigger()
    work.tolerance.box.setValue(20)
    window.document.prune()
    qtbot.waitUntil(lambda: not window.document.running, timeout=30_000)
    session = window.document.session
    assert session.network.hidden_neurons < session.original.hidden_neurons
    qtbot.waitUntil(lambda: sum(work.histogram.weights.chart.counts) == session.network.connections)
    qtbot.waitUntil(lambda: sum(work.histogram.units.chart.counts) == session.network.hidden_neurons)
    window.document.undo()
    qtbot.waitUntil(lambda: sum(work.histogram.weights.chart.counts) == session.original.connections)
