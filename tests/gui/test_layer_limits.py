"""Layers left out and limits by layer, as the user sets them and sees them kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from windows import opened_sample, settled

from pruner_gui.gui.layer_limits import LayerLimits
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Least, PruneConfig, Tolerance

FLOORS = (("12", Least(12, relative=False)), ("40%", Least(40, relative=True)))


@pytest.fixture
def window(qtbot: QtBot, window: MainWindow) -> MainWindow:
    """The window with the iris sample, under a tolerance that lets nearly all go."""
    opened_sample(qtbot, window)
    config = replace(window.document.config, tolerances=(Tolerance(1e6, relative=True),))
    window.document.set_config(config)
    window.workspace._update_preview()
    return window


def write(window: MainWindow, row: int, words: str) -> None:
    field = window.workspace.form.layers.field(row)
    field.setText(words)
    field.editingFinished.emit()
    window.workspace._update_preview()


def going(window: MainWindow, layer: int) -> int:
    name = window.document.session.original.hidden_layers[layer].name
    return sum(edit.node == name for edit in window.workspace.preview.candidates)


@pytest.mark.parametrize(("words", "least"), FLOORS)
def test_what_is_typed_is_kept_and_shown_again(qtbot: QtBot, words: str, least: Least) -> None:
    table = LayerLimits()
    qtbot.addWidget(table)
    table.set_layers(["one", "two"])
    with qtbot.waitSignal(table.edited):
        QTest.keyClicks(table.field(1), words)
        QTest.keyClick(table.field(1), Qt.Key.Key_Return)
    assert table.keep == ((1, least),)
    table.show_config(PruneConfig(keep=((0, least),), layers=(0,)))
    assert (table.field(0).text(), table.field(1).text()) == (words, "")
    assert not table.field(1).isEnabled()  # a layer that is left out keeps all
    assert table.layers == (0,)


@pytest.mark.parametrize("wrong", ["-1", "101%", "many", "2.5"])
def test_what_is_no_number_of_neurons_changes_nothing(window: MainWindow, wrong: str) -> None:
    write(window, 0, "3")
    write(window, 0, wrong)
    assert dict(window.document.config.keep) == {0: Least(3, relative=False)}
    assert window.workspace.form.layers.field(0).text() == "3"
    write(window, 0, "")
    assert not window.document.config.keep


def test_a_limit_holds_in_the_preview_the_list_of_layers_and_the_run(
    qtbot: QtBot, window: MainWindow
) -> None:
    document, work = window.document, window.workspace
    first = document.session.original.hidden_layers[0]
    before = going(window, 0)
    least = first.units.size - 2
    write(window, 0, str(least))
    assert going(window, 0) == 2 < before
    item = work.layers.tree.topLevelItem(1)
    assert item is not None
    assert item.text(3) == "2"
    assert f"At least {least} neurons stay" in item.toolTip(2)
    work.layers.layer_selected.emit(1)
    assert "Stay at least" in work.layers.selection.text()
    stays = next(u for u in first.units.tolist() if (first.name, u) not in _places(window))
    work.layers.neuron_selected.emit(1, stays)
    assert f"{least} of its layer have to stay" in work.layers.selection.text()
    document.prune()
    settled(qtbot, window)
    assert document.session.network.sizes[first.name] == least
    work._update_preview()
    assert going(window, 0) == 0


def _places(window: MainWindow) -> set[tuple[str, int]]:
    return {
        (edit.node, unit)
        for edit in window.workspace.preview.candidates
        for unit in getattr(edit, "units", ())
    }


def test_limits_are_those_of_all_steps_stay_with_presets_and_go_with_the_network(
    qtbot: QtBot, window: MainWindow
) -> None:
    write(window, 0, "50%")
    form = window.workspace.form
    assert form.preset.currentData() == "selective"
    form.reset.click()
    form.steps.add.menu().actions()[0].trigger()
    assert [step.keep for step in window.document.plan.steps] == [((0, Least(50, relative=True)),)] * 2
    opened_sample(qtbot, window, "xor")
    assert window.document.config.keep == ()
    assert form.layers.field(0).text() == ""


def test_the_menu_of_a_layer_leaves_it_out_and_leads_to_its_limit(window: MainWindow) -> None:
    work, document = window.workspace, window.document
    rows = work.layers._rows
    inputs, hidden = (work.layers.menu_of(rows[i]).actions() for i in (0, 1))
    assert not any(action.isEnabled() for action in inputs)
    hidden[0].trigger()
    work._update_preview()
    assert document.leaves_out(rows[1].name)
    assert going(window, 0) == 0
    item = work.layers.tree.topLevelItem(1)
    assert item is not None
    assert item.text(3) == "–"
    assert "left out" in _told(window, 1)
    again, limit = work.layers.menu_of(work.layers._rows[1]).actions()
    assert not limit.isEnabled()
    again.trigger()
    assert not document.leaves_out(rows[1].name)
    work.layers.menu_of(rows[1]).actions()[1].trigger()
    assert work.form.isVisible()
    assert work.form.layers.field(0).hasFocus() or not window.isActiveWindow()


def test_the_last_layer_cannot_be_left_out(window: MainWindow) -> None:
    names = [layer.name for layer in window.document.session.original.hidden_layers]
    for name in names:
        window.document.toggle_layer(name)
    assert window.document.config.layers == (len(names) - 1,)


def _told(window: MainWindow, layer: int) -> str:
    window.workspace.layers.layer_selected.emit(layer)
    return window.workspace.layers.selection.text()
