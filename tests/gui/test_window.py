"""The user's day in the window: open, slide, prune, cancel, undo, compare, export. Real files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from random_networks import chain
from windows import opened_sample, sample, settled

from pruner_gui import formats
from pruner_gui.gui import dialogs, theme
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.limits_dialog import LimitsDialog
from pruner_gui.gui.palette import DARK
from pruner_gui.gui.status import StatusBar
from pruner_gui.gui.theme import Mode, Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import Dense, Network, Node
from pruner_gui.pruning import Preparing, Tolerance


def click(qtbot: QtBot, widget: QWidget, place: QPoint) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place)  # type: ignore[no-untyped-call]


def set_tolerance(window: MainWindow, percent: float) -> None:
    config = window.document.config
    window.document.set_config(replace(config, tolerances=(Tolerance(percent, relative=True),)))


def pruned(qtbot: QtBot, window: MainWindow, percent: float = 5) -> MainWindow:
    set_tolerance(window, percent)
    window.actions_.prune.trigger()
    settled(qtbot, window)
    return window


def cells(window: MainWindow) -> dict[str, list[str]]:
    lines = [line.split("\t") for line in window.workspace.comparison.as_tsv().splitlines()]
    return {line[0]: line[1:] for line in lines}


def error_text(qtbot: QtBot, window: MainWindow) -> str:
    qtbot.waitUntil(lambda: bool(window.errors), timeout=10_000)
    dialog = window.errors[-1]
    return f"{dialog.what.text()} {dialog.remedy.text()}"


def answer(monkeypatch: pytest.MonkeyPatch, given: Answer) -> list[str]:
    asked: list[str] = []

    def ask(parent: object, question: str, *rest: Any) -> Answer:
        asked.append(question)
        return given

    monkeypatch.setattr(dialogs, "ask", ask)
    return asked


def test_from_sample_to_result_in_two_clicks(qtbot: QtBot, window: MainWindow) -> None:
    card = window.start.cards[1]
    click(qtbot, card, card.rect().center())
    qtbot.waitUntil(lambda: window.document.can_prune)
    settled(qtbot, window)
    window.actions_.prune.trigger()
    settled(qtbot, window)
    session = window.document.session
    assert session.network.hidden_neurons < session.original.hidden_neurons
    before, after, change = cells(window)["Hidden neurons"]
    assert (before, after) == (str(session.original.hidden_neurons), str(session.network.hidden_neurons))
    assert "smaller" in change
    assert window.workspace.plots.points() == len(session.version.run.steps) + 1  # type: ignore[union-attr]


def test_the_slider_shows_at_once_what_would_go_and_prunes_nothing(qtbot: QtBot, window: MainWindow) -> None:
    work = opened_sample(qtbot, window).workspace
    work.tolerance.box.setValue(0)
    qtbot.waitUntil(lambda: work.preview.limits != () and work.document.config.tolerance(0).value == 0)
    qtbot.waitUntil(lambda: "would go" in work.strip.what.text())
    few = len(work.preview.candidates)
    work.tolerance.box.setValue(50)
    qtbot.waitUntil(lambda: len(work.preview.candidates) > few)
    qtbot.waitUntil(lambda: work.strip.what.text().startswith(str(len(work.preview.candidates))))
    assert window.document.session.network is window.document.session.original


def test_the_metric_and_the_reason_are_shown(qtbot: QtBot, window: MainWindow) -> None:
    opened_sample(qtbot, window)
    assert "softmax" in window.workspace.strip.why.text()


def test_undo_and_redo_step_over_a_whole_run(qtbot: QtBot, window: MainWindow) -> None:
    pruned(qtbot, opened_sample(qtbot, window))
    session = window.document.session
    smaller = session.network
    window.actions_.undo.trigger()
    settled(qtbot, window)
    assert session.network is session.original
    assert cells(window)["Hidden neurons"][1] == ""
    assert not window.actions_.undo.isEnabled()
    window.actions_.redo.trigger()
    settled(qtbot, window)
    assert session.network is smaller


def test_a_cancelled_run_keeps_what_it_removed_and_can_be_undone(qtbot: QtBot, window: MainWindow) -> None:
    opened_sample(qtbot, window, "digits")
    set_tolerance(window, 5)
    window.document.prune()
    session = window.document.session
    qtbot.waitUntil(lambda: session.run is not None and len(session.run.steps) > 2, timeout=20_000)
    window.actions_.cancel.trigger()
    settled(qtbot, window)
    assert session.version.run is not None
    assert session.version.run.finished is None
    assert session.network.hidden_neurons == session.original.hidden_neurons - len(session.version.run.steps)
    window.actions_.undo.trigger()
    assert session.network is session.original


def choose_refit(window: MainWindow) -> None:
    QTest.keyClick(window.workspace.form.compensation, Qt.Key.Key_End)


def test_a_neuron_is_made_up_for_by_a_refit_and_the_preview_knows(qtbot: QtBot, window: MainWindow) -> None:
    opened_sample(qtbot, window, "digits")
    set_tolerance(window, 2)
    work, session = window.workspace, window.document.session
    plainly, said = len(window.document.preview().candidates), work.form.explanation.text()
    choose_refit(window)
    assert window.document.config.compensation == "refit"
    assert work.form.explanation.text() != said
    assert not window.document.sweep
    settled(qtbot, window)
    assert len(window.document.preview().candidates) > plainly
    assert session.network is session.original


def test_with_a_refit_at_least_as_many_go_and_undo_brings_them_back(qtbot: QtBot, window: MainWindow) -> None:
    session = pruned(qtbot, opened_sample(qtbot, window), 2).document.session
    plainly = session.network.hidden_neurons
    window.actions_.undo.trigger()
    choose_refit(window)
    pruned(qtbot, window, 2)
    assert session.network.hidden_neurons <= plainly
    assert session.network.hidden_neurons < session.original.hidden_neurons
    window.actions_.undo.trigger()
    assert session.network is session.original
    settled(qtbot, window)


def test_defaults_and_presets_take_a_refit_back(qtbot: QtBot, window: MainWindow) -> None:
    form = window.workspace.form
    for reset in (form.reset.click, lambda: QTest.keyClick(form.preset, Qt.Key.Key_Home)):
        choose_refit(window)
        assert form.preset.currentData() == ""
        reset()
        assert window.document.config.compensation == form.compensation.currentData() == "none"


def test_cancelling_before_the_first_trial_leaves_no_step(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_sample(qtbot, window)
    window.document.set_config(replace(window.document.config, compensation="mean"))  # a preview to interrupt
    document, status = window.document, window.statusBar()
    assert isinstance(status, StatusBar)
    monkeypatch.setattr(document.session, "prune", lambda config: preparing_for_ever())
    document.prune()
    qtbot.waitUntil(lambda: status.label.text() == "Measuring the network… 40 %")
    assert not status.cancel.isHidden()
    status.cancel.click()
    settled(qtbot, window)
    assert len(document.session.versions) == 1
    assert not window.actions_.undo.isEnabled()
    assert document.preview().measured == document.preview().total > 0


def preparing_for_ever() -> Iterator[Preparing]:
    while True:
        yield Preparing(0.4)
        time.sleep(0.01)


def test_an_export_is_verified_smaller_and_said_so(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    pruned(qtbot, opened_sample(qtbot, window))
    assert window.document.unsaved
    window.export(tmp_path / "small.onnx")
    settled(qtbot, window)
    assert formats.read(tmp_path / "small.onnx").layer_sizes == window.document.session.network.layer_sizes
    assert (tmp_path / "small.onnx").stat().st_size < sample("iris").model.stat().st_size
    assert "Verified" in window.workspace.success.text
    assert not window.document.unsaved


def test_an_export_that_cannot_be_written_says_why_and_loses_nothing(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    pruned(qtbot, opened_sample(qtbot, window))
    window.export(tmp_path / "none" / "small.onnx")
    assert "small.onnx" in error_text(qtbot, window)
    assert window.document.unsaved


def test_the_model_itself_is_not_replaced_without_asking(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes(sample("iris").model.read_bytes())
    window.open_files([model])
    qtbot.waitUntil(lambda: window.document.is_open)
    settled(qtbot, window)
    before = model.read_bytes()
    asked = answer(monkeypatch, Answer.Cancel)
    window.export(model)
    settled(qtbot, window)
    assert asked
    assert model.read_bytes() == before


def test_a_file_that_cannot_be_opened_leaves_the_document(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    opened_sample(qtbot, window)
    network = window.document.session.network
    wrong = tmp_path / "wrong.onnx"
    wrong.write_text("this is no model")
    window.open_files([wrong])
    assert "wrong.onnx" in error_text(qtbot, window)
    assert window.document.session.network is network
    assert window.document.session.examples is not None


def test_data_of_another_width_names_both_shapes(qtbot: QtBot, window: MainWindow) -> None:
    window.open_files([sample("iris").model, *sample("digits").data])
    sentence = error_text(qtbot, window)
    assert "64" in sentence
    assert "4 inputs" in sentence
    assert window.document.is_open


def test_a_model_without_data_shows_its_graph_and_says_what_is_missing(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.open_files([sample("xor").model])
    qtbot.waitUntil(lambda: window.document.is_open)
    settled(qtbot, window)
    assert not window.actions_.prune.isEnabled()
    assert "Load data" in window.workspace.strip.what.text()
    assert cells(window)["Layers"][0] == "2-8-1"


def test_another_text_format_opens_over_an_open_model_and_goes_out_as_it_came(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    opened_sample(qtbot, window)
    model = tmp_path / "model.eg"
    formats.write(chain(np.random.default_rng(0), [2, 3, 1], ["tanh"], "sigmoid"), model)
    window.open_files([model])
    qtbot.waitUntil(lambda: window.document.session.path == model)
    settled(qtbot, window)
    window.export(tmp_path / "smaller.eg")
    qtbot.waitUntil((tmp_path / "smaller.eg").exists)
    settled(qtbot, window)
    assert formats.read(tmp_path / "smaller.eg").layer_sizes == (2, 3, 1)


def test_weights_that_are_no_numbers_open_and_are_named(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    network = chain(np.random.default_rng(0), [4, 3, 3], ["relu"], "softmax", np.float32)
    bad = Dense(np.full((4, 3), np.nan, np.float32), np.zeros(3, np.float32))
    nodes = tuple(Node(n.name, bad if n.name == "dense0" else n.op, n.inputs) for n in network.nodes)
    formats.write(Network(nodes, network.outputs), tmp_path / "nan.onnx")
    window.open_files([tmp_path / "nan.onnx", *sample("iris").data])
    qtbot.waitUntil(lambda: window.document.session.examples is not None, timeout=10_000)
    settled(qtbot, window)
    window.document.prune()
    assert "12. The first is nan, in weight of dense0" in error_text(qtbot, window)


def test_files_can_be_dropped(qtbot: QtBot, window: MainWindow) -> None:
    mime = QMimeData()
    chosen = sample("xor")
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in (chosen.model, *chosen.data)])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)
    qtbot.waitUntil(lambda: window.document.is_open and window.document.session.examples is not None)
    settled(qtbot, window)


def test_closing_in_the_middle_of_a_run_stops_it(qtbot: QtBot, window: MainWindow) -> None:
    opened_sample(qtbot, window, "digits")
    window.document.prune()
    qtbot.waitUntil(lambda: window.document.session.run is not None, timeout=20_000)
    assert window.close()
    assert not window.document.running


def test_a_result_that_was_not_exported_is_not_lost_by_closing(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned(qtbot, opened_sample(qtbot, window))
    asked = answer(monkeypatch, Answer.Cancel)
    assert not window.close()
    assert asked
    answer(monkeypatch, Answer.Discard)
    assert window.close()


def test_stale_measurements_are_dropped(qtbot: QtBot, window: MainWindow) -> None:
    window.open_sample(sample("digits"))
    qtbot.waitUntil(lambda: window.document.tasks.running("sweep"), timeout=20_000)
    opened_sample(qtbot, window, "xor")
    hidden = window.document.session.original.hidden_layers
    assert {edit.node for edit in window.document.sweep} == {layer.name for layer in hidden}
    assert len(window.document.sweep) == 8


def test_the_theme_is_switched_whole(qtbot: QtBot, window: MainWindow) -> None:
    opened_sample(qtbot, window, "xor")
    chosen = Theme()
    for mode, dark in ((Mode.DARK, True), (Mode.LIGHT, False)):
        chosen.set_mode(mode)
        picture = window.workspace.graph.view.grab().toImage()
        assert (picture.pixelColor(3, 3).lightness() < 128) is dark
        assert (theme.colours() is DARK) is dark


def test_a_click_on_a_neuron_tells_about_it(qtbot: QtBot, window: MainWindow) -> None:
    opened_sample(qtbot, window)
    view = window.workspace.graph.view
    place = view.neuron_position(1, 2)
    assert place is not None
    click(qtbot, view, place.toPoint())
    assert view.selected == (1, 2)
    assert "2" in window.workspace.layers.selection.text()


def test_the_menu_asks_for_the_limits(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_.limits.trigger()
    dialog = next(found for found in window.findChildren(LimitsDialog) if found.isVisible())
    dialog.reject()


def test_the_window_fits_a_small_screen(qtbot: QtBot, window: MainWindow) -> None:
    opened_sample(qtbot, window)
    window.resize(1280, 800)
    assert (window.width(), window.height()) == (1280, 800)
