"""The trajectory in the window: its cursor moves network, graph and figures; runs are kept, plots written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from windows import opened_sample, settled

from pruner_gui.gui import neuron
from pruner_gui.gui.error_plot import ErrorPlot
from pruner_gui.gui.theme import Mode, Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Tolerance
from pruner_gui.session import Run


@pytest.fixture
def window(qtbot: QtBot, window: MainWindow) -> MainWindow:
    """The window with the iris sample, pruned."""
    opened_sample(qtbot, window)
    prune(qtbot, window)
    return window


def prune(qtbot: QtBot, window: MainWindow, percent: float = 5, compensation: str = "none") -> None:
    config = window.document.config
    tolerances = (Tolerance(percent, relative=True),)
    window.document.set_config(replace(config, tolerances=tolerances, compensation=compensation))
    window.actions_.prune.trigger()
    settled(qtbot, window)


def last_run(window: MainWindow) -> Run:
    run = window.document.session.version.run
    assert run is not None
    return run


def cells(window: MainWindow) -> dict[str, list[str]]:
    lines = [line.split("\t") for line in window.workspace.comparison.as_tsv().splitlines()]
    return {line[0]: line[1:] for line in lines}


def unsaved(window: MainWindow) -> bool:
    return window.document.unsaved


def place_of(plot: ErrorPlot, neurons: float) -> QPoint:
    """Where on the plot so many neurons are left."""
    (low, high) = plot.getViewBox().viewRange()[1]
    return plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(neurons, (low + high) / 2)))


def drag(plot: ErrorPlot, start: float, end: float) -> None:
    """Drag the cursor from so many neurons to so many others."""
    here, there = place_of(plot, start), place_of(plot, end)
    QTest.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=here)
    QTest.mouseMove(plot.viewport(), (here + there) / 2)
    QTest.mouseMove(plot.viewport(), there)
    QTest.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=there)


def test_the_cursor_moves_network_graph_and_figures_both_ways(qtbot: QtBot, window: MainWindow) -> None:
    plot, session, run = window.workspace.plots.errors, window.document.session, last_run(window)
    final, middle = session.network, len(run.steps) // 2
    smallest, between = run.steps[-1].neurons, run.steps[middle - 1].neurons
    drag(plot, smallest, between)
    assert session.network.hidden_neurons == run.steps[middle - 1].neurons
    shown = window.workspace.graph.view.current
    assert shown is session.network
    assert cells(window)["Hidden neurons"][1] == str(session.network.hidden_neurons)  # at once
    assert str(session.network.hidden_neurons) in window.workspace.plots.readout.text()
    drag(plot, between, smallest)
    assert session.network is final
    assert window.workspace.graph.view.current is final
    assert cells(window)["Hidden neurons"][1] == str(final.hidden_neurons)


def test_a_click_moves_the_cursor(window: MainWindow) -> None:
    plot, run = window.workspace.plots.errors, last_run(window)
    wanted = run.steps[1].neurons
    QTest.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place_of(plot, wanted))
    assert window.document.session.network.hidden_neurons == wanted
    layers = neuron.visible_layers(window.document.session.original)
    later = run.steps[-1].edit
    told = window.workspace.selecting.tooltip((layers.index(later.node), later.units[0]))
    assert "Removed" not in told  # not yet, at this point


def test_keys_move_the_cursor_to_every_point(qtbot: QtBot, window: MainWindow) -> None:
    plot, session, run = window.workspace.plots.errors, window.document.session, last_run(window)
    QTest.keyClick(plot, Qt.Key.Key_Home)
    assert session.network is session.original
    assert not unsaved(window)
    QTest.keyClick(plot, Qt.Key.Key_Right)
    assert session.network.hidden_neurons == run.steps[0].neurons
    assert unsaved(window)
    QTest.keyClick(plot, Qt.Key.Key_End)
    assert session.point == len(run.steps)
    QTest.keyClick(plot, Qt.Key.Key_Left)
    assert session.point == len(run.steps) - 1
    assert f"at {len(run.steps) - 1} of {len(run.steps)}" in window.workspace.history.list.item(1).text()


def test_a_click_in_the_history_goes_back_to_the_end_of_its_run(window: MainWindow) -> None:
    final, history = window.document.session.network, window.workspace.history.list
    window.document.move_to(1)
    place = history.visualItemRect(history.item(1)).center()
    QTest.mouseClick(history.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert window.document.session.network is final


def test_a_point_is_measured_once_the_cursor_rests(qtbot: QtBot, window: MainWindow) -> None:
    window.document.move_to(1)
    assert window.document.after is not None
    assert window.document.after.bytes is None
    assert window.document.errors_of(window.document.session.network) == last_run(window).steps[0].score
    qtbot.waitUntil(lambda: getattr(window.document.after, "bytes", None) is not None, timeout=30_000)
    settled(qtbot, window)
    assert len(window.document.sweep) > 0


def test_the_point_shown_is_exported_and_pruned_on_from(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    document = window.document
    document.move_to(2)
    shown = document.session.network
    window.export(tmp_path / "point.onnx")
    settled(qtbot, window)
    assert not unsaved(window)
    document.move_to(1)
    assert unsaved(window)
    document.move_to(2)
    assert not unsaved(window)
    prune(qtbot, window, 50)
    assert last_run(window).started.network is shown


def test_runs_are_kept_through_undo_and_overlaid(qtbot: QtBot, window: MainWindow) -> None:
    plots, document = window.workspace.plots, window.document
    window.actions_.undo.trigger()
    settled(qtbot, window)
    assert not plots.empty  # the run that was undone
    prune(qtbot, window, 5, "refit")
    assert [record.name for record in document.runs] == [
        "Run 1: selective 5 %",
        "Run 2: selective + refit 5 %",
    ]
    assert [record.name for record in plots.errors.overlays] == ["Run 1: selective 5 %"]
    legend = [label.text for _, label in plots.errors.plotItem.legend.items]
    assert legend == ["pruning rows", "held-out rows", "Run 1"]
    document.show_run(document.runs[0], False)
    qtbot.waitUntil(lambda: not plots.errors.overlays)


def test_of_many_runs_the_last_are_plotted_and_those_the_user_ticks(qtbot: QtBot, window: MainWindow) -> None:
    document = window.document

    def another() -> None:
        document.undo()
        settled(qtbot, window)
        prune(qtbot, window, 5)

    for _ in range(5):
        another()
    assert [record.shown for record in document.runs] == [False] + [True] * 5
    document.show_run(document.runs[0], True)
    another()
    assert [record.shown for record in document.runs] == [True, False] + [True] * 5
    assert [record.number for record in window.workspace.plots.errors.overlays] == [1, 3, 4, 5, 6]


def test_the_table_of_runs_names_hides_and_goes_to_them(qtbot: QtBot, window: MainWindow) -> None:
    prune(qtbot, window, 60)
    table, document = window.workspace.runs.table, window.document
    assert table.rowCount() == 2
    first = table.item(0, 0)
    assert first is not None
    first.setText("the first")
    assert document.runs[0].name == "the first"
    table.item(0, 0).setCheckState(Qt.CheckState.Unchecked)  # type: ignore[union-attr]
    assert not document.runs[0].shown
    table.cellDoubleClicked.emit(0, 1)
    assert document.session.version.run is document.runs[0].source()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = QGuiApplication.clipboard().text().splitlines()
    assert len(copied) == 3
    assert copied[1].startswith("the first\tselective\t5 %\t24 → ")


def test_runs_on_other_data_are_not_plotted(qtbot: QtBot, window: MainWindow) -> None:
    document, plots = window.document, window.workspace.plots
    assert document.data is not None
    document.load_data(document.data)
    qtbot.waitUntil(lambda: document.runs[0].outdated, timeout=30_000)
    settled(qtbot, window)
    assert "data loaded before" in plots.readout.text()
    window.actions_.undo.trigger()
    settled(qtbot, window)
    assert window.workspace.plots.empty


def test_the_cursor_hides_while_a_run_goes_on(qtbot: QtBot, window: MainWindow) -> None:
    plots, run = window.workspace.plots, last_run(window)
    assert plots.errors.cursor.isVisible()
    plots.show_run(run, (), None, live=True)
    assert not plots.errors.cursor.isVisible()
    QTest.keyClick(plots.errors, Qt.Key.Key_Home)
    assert window.document.session.point == len(run.steps)


@pytest.mark.parametrize("mode", [Mode.LIGHT, Mode.DARK])
def test_plots_are_written_as_image_drawing_and_figures(
    window: MainWindow, tmp_path: Path, mode: Mode
) -> None:
    Theme().set_mode(mode)
    window.workspace.plots.retheme()
    for suffix in (".png", ".svg", ".csv"):
        window.workspace.write_plots(tmp_path / f"plot{suffix}")
    image = QImage(str(tmp_path / "plot.png"))
    assert image.width() > 2 * window.workspace.plots.errors.width()
    assert len({image.pixel(x, image.height() // 2) for x in range(image.width())}) > 5
    drawing = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert "neurons left" in drawing
    assert "<image" not in drawing  # nothing but lines and words
    figures = (tmp_path / "plot.csv").read_text(encoding="utf-8").splitlines()
    assert len(figures) == len(last_run(window).steps) + 2
    assert figures[1].startswith("Run 1: selective 5 %,0,24,cross-entropy,0.")


def test_a_plot_that_cannot_be_written_says_why(window: MainWindow, tmp_path: Path) -> None:
    window.workspace.write_plots(tmp_path / "missing" / "plot.svg")
    assert len(window.errors) == 1
    window.errors[0].close()
