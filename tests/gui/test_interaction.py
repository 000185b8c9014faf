"""What the user can ask of the graph in the window, and what the panels make of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from windows import opened_sample, settled

from pruner_gui.gui import dialogs
from pruner_gui.gui.graph_export import Ground
from pruner_gui.gui.graph_paint import Status
from pruner_gui.gui.graph_view import EdgeHit
from pruner_gui.gui.picture_dialog import PictureDialog
from pruner_gui.gui.window import MainWindow
from pruner_gui.gui.workspace import Workspace
from pruner_gui.pruning import Tolerance


@pytest.fixture
def window(qtbot: QtBot, window: MainWindow) -> MainWindow:
    """The window with the iris sample, drawn."""
    with qtbot.waitSignal(window.workspace.graph.view.rendered, timeout=30_000):
        opened(qtbot, window)
    return window


def opened(qtbot: QtBot, window: MainWindow, name: str = "iris") -> None:
    opened_sample(qtbot, window, name)
    window.workspace._update_preview()


def prune(qtbot: QtBot, window: MainWindow, percent: float) -> None:
    config = window.document.config
    window.document.set_config(replace(config, tolerances=(Tolerance(percent, relative=True),)))
    window.document.prune()
    settled(qtbot, window)


def double_click(window: MainWindow, layer: int, unit: int) -> None:
    view = window.workspace.graph.view
    place = view.neuron_position(layer, unit)
    assert place is not None
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(view, left, none, place.toPoint())
    QTest.mouseDClick(view, left, none, place.toPoint())


def hidden_name(window: MainWindow, layer: int = 0) -> str:
    return window.document.session.original.hidden_layers[layer].name


def status(window: MainWindow, layer: int, unit: int) -> Status:
    scene = window.workspace.graph.view.scene
    assert scene is not None
    return Status(scene.statuses[layer][unit])


def current_row(work: Workspace) -> int | None:
    item = work.layers.tree.currentItem()
    return work.layers.tree.indexOfTopLevelItem(item) if item is not None else None


# -- protection


def test_a_double_click_protects_a_neuron_and_the_engine_obeys(qtbot: QtBot, window: MainWindow) -> None:
    work, document = window.workspace, window.document
    config = replace(document.config, tolerances=(Tolerance(500, relative=True),))
    document.set_config(config)
    settled(qtbot, window)
    work._update_preview()
    going = work.preview.candidates[0]
    layer, unit = work._place(going)
    assert status(window, layer, unit) is Status.CANDIDATE
    double_click(window, layer, unit)
    assert document.config.protected == {(going.node, unit)}
    qtbot.waitUntil(lambda: status(window, layer, unit) is Status.PROTECTED)
    assert going not in work.preview.candidates
    assert "Protected" in work.layers.selection.text()
    item = work.layers.tree.topLevelItem(layer)
    assert item is not None
    assert item.text(4) == "1"
    document.prune()
    settled(qtbot, window)
    assert unit in document.session.network.by_name[going.node].units
    assert document.session.network.hidden_neurons < document.session.original.hidden_neurons


def test_the_key_and_the_menu_take_a_protection_back(qtbot: QtBot, window: MainWindow) -> None:
    work, document = window.workspace, window.document
    work.selecting.select((1, 0))
    QTest.keyClick(work.graph.view, Qt.Key.Key_P)
    assert document.config.protected == {(hidden_name(window), 0)}
    action = work.selecting.menu_of((1, 0)).actions()[0]
    assert "No longer" in action.text()
    action.trigger()
    assert document.config.protected == frozenset()
    assert not work.selecting.menu_of((0, 0)).actions()[0].isEnabled()  # an input


def test_inputs_and_outputs_cannot_be_protected_and_another_model_has_none(
    qtbot: QtBot, window: MainWindow
) -> None:
    last = len(window.document.session.original.layer_sizes) - 1
    double_click(window, 0, 0)
    double_click(window, last, 0)
    assert window.document.config.protected == frozenset()
    double_click(window, 1, 0)
    assert window.document.config.protected
    opened(qtbot, window, "xor")
    assert window.document.config.protected == frozenset()


def test_presets_keep_protections(qtbot: QtBot, window: MainWindow) -> None:
    double_click(window, 1, 0)
    form = window.workspace.form
    before = form.preset.currentData()
    assert before == "selective"
    form.reset.click()
    assert window.document.config.protected


# -- the selection


def test_a_layer_of_the_list_is_shown_in_the_graph_and_the_other_way_round(
    qtbot: QtBot, window: MainWindow
) -> None:
    work = window.workspace
    view, tree = work.graph.view, work.layers.tree

    def shown() -> tuple[object, int | None, int | None]:
        return view.selected, view.selected_layer, current_row(work)

    tree.setCurrentItem(tree.topLevelItem(1))  # type: ignore[arg-type]
    assert shown() == (None, 1, 1)
    assert hidden_name(window) in work.layers.selection.text()
    work.layers.unit.setValue(3)
    assert shown() == ((1, 3), None, 1)
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert shown()[1:] == (None, 2)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert shown() == (None, None, None)
    tree.setCurrentItem(tree.topLevelItem(1))  # type: ignore[arg-type]
    QTest.keyClick(work.layers, Qt.Key.Key_Escape)
    assert shown() == (None, None, None)


def some_edge(window: MainWindow) -> EdgeHit:
    network = window.document.session.network
    name = hidden_name(window)
    return EdgeHit((0, 1), (1, 2), float(network.by_name[name].op.tensors()["weight"][1, 2]))


def test_a_connection_is_told_with_its_ends_weight_and_rank(qtbot: QtBot, window: MainWindow) -> None:
    work = window.workspace
    edge = some_edge(window)
    work.selecting.select(edge)
    assert current_row(work) == 1
    words = work.layers.selection.text()
    for part in ("Input 1", "neuron 2", "Weight", "of this layer", "Weak"):
        assert part in words
    assert work.selecting.tooltip(edge).splitlines()[0] in words.replace("<b>", "").replace("</b>", "")


# -- hovering


def test_a_neuron_is_told_with_its_error_and_its_connections(qtbot: QtBot, window: MainWindow) -> None:
    words = window.workspace.selecting.tooltip((1, 2))
    for part in ("neuron 2", "Error without it", "Error now", "Limit", "Connections in: 4", "Strongest out"):
        assert part in words


def test_what_was_removed_and_what_was_rejected_say_so(qtbot: QtBot, window: MainWindow) -> None:
    prune(qtbot, window, 5)
    run = window.document.session.last_run
    assert run is not None
    names = [node.name for node, _ in window.document.session.original.dense]
    gone = run.steps[-1].edit
    words = window.workspace.selecting.tooltip((1 + names.index(gone.node), gone.units[0]))
    assert f"Removed in step {len(run.steps)}" in words
    name, unit = next(iter(run.rejected))
    place = 1 + names.index(name), unit
    qtbot.waitUntil(lambda: "Stays: without it" in window.workspace.selecting.tooltip(place))
    assert "Rejected in the last run with" in window.workspace.selecting.tooltip(place)
    window.document.undo()
    settled(qtbot, window)
    assert "Removed" not in window.workspace.selecting.tooltip((1 + names.index(gone.node), gone.units[0]))


# -- filter and order


def test_the_order_follows_what_was_measured(qtbot: QtBot, window: MainWindow) -> None:
    graph, document = window.workspace.graph, window.document
    graph.orders["importance"].trigger()
    settled(qtbot, window)
    assert "error" in graph.order_button.toolTip()
    scene = graph.view.scene
    assert scene is not None
    errors = {
        edit.units[0]: s.values[0] for edit, s in document.sweep.items() if edit.node == hidden_name(window)
    }
    told = [errors[unit] for unit in scene.layout.layers[1].units.tolist()]
    assert told == sorted(told, reverse=True)
    opened(qtbot, window, "xor")  # nothing is measured yet when it is opened
    assert graph.order == "importance"
    graph.orders["index"].trigger()
    settled(qtbot, window)
    assert graph.view.scene is not None
    units = graph.view.scene.layout.layers[1].units.tolist()
    assert units == sorted(units)


# -- the picture


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture_is_written_and_said_so(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"picture{suffix}"

    def choose(dialog: PictureDialog) -> int:
        dialog.format.setCurrentIndex(dialog.format.findData(suffix))
        dialog.scale.setValue(3)
        dialog.ground.setCurrentIndex(dialog.ground.findData(str(Ground.WHITE)))
        assert dialog.scale.isEnabled() == (suffix == ".png")
        dialog.accept()
        return 1

    monkeypatch.setattr(PictureDialog, "exec", choose)
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: target)
    size = window.workspace.graph.view.size()
    window.actions_.picture.trigger()
    settled(qtbot, window)
    assert target.name in window.workspace.success.text
    assert PictureDialog(window.size()).suffix == suffix  # remembered
    if suffix == ".png":
        assert QImage(str(target)).size() == size * 3
    else:
        assert hidden_name(window) in target.read_text()


def test_a_picture_that_cannot_be_written_is_told(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    export = window.workspace.picture(1, Ground.THEME)
    assert export is not None
    window.document.write_picture(export, tmp_path / "none" / "picture.png")
    qtbot.waitUntil(lambda: bool(window.errors), timeout=10_000)
    assert "picture.png" in window.errors[-1].what.text()
