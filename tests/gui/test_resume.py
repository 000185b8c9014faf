"""A run is resumed from any point with another tolerance, and the history says what every run did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot
from windows import opened_sample, settled

from pruner_gui.evaluation import Score
from pruner_gui.gui.document import Document
from pruner_gui.gui.resume_dialog import Place, ResumeDialog
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import RemoveUnits
from pruner_gui.pruning import PruneConfig, Tolerance
from pruner_gui.session import Run


@pytest.fixture
def window(qtbot: QtBot, window: MainWindow) -> MainWindow:
    """The window with the iris sample, pruned within 5 %."""
    opened_sample(qtbot, window)
    window.document.prune()
    settled(qtbot, window)
    return window


def last_run(window: MainWindow) -> Run:
    run = window.document.session.version.run
    assert run is not None
    return run


def answered(monkeypatch: pytest.MonkeyPatch, percent: float) -> list[ResumeDialog]:
    """Let every dialog be answered with a tolerance at once; returns those there were."""
    shown: list[ResumeDialog] = []

    def answer(dialog: ResumeDialog) -> int:
        shown.append(dialog)
        dialog.tolerance.box.setValue(percent)
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(ResumeDialog, "exec", answer)
    return shown


def limits(tolerance: Tolerance) -> float:
    return 1.0 + tolerance.value / 100


def dialog(qtbot: QtBot, error: float, config: PruneConfig | None = None) -> ResumeDialog:
    found = ResumeDialog(Place(12, error, 1.0), config or PruneConfig(), limits)
    qtbot.addWidget(found)
    return found


@pytest.mark.parametrize(
    ("baseline", "said"),
    [("original", "as opened, wherever"), ("current", "every removal"), ("absolute", "error itself")],
)
def test_the_dialog_says_where_it_begins_and_what_the_tolerance_is_counted_from(
    qtbot: QtBot, baseline: str, said: str
) -> None:
    found = dialog(qtbot, 1.02, PruneConfig(baseline=baseline, tolerances=(Tolerance(3, relative=True),)))
    words = " ".join(label.text() for label in found.findChildren(type(found.limit)))
    assert "12 neurons" in words
    assert "+2.0 %" in words
    assert said in words
    assert found.tolerance.box.value() == 3


def test_the_dialog_says_what_room_is_left(qtbot: QtBot) -> None:
    found = dialog(qtbot, 1.02)
    assert "may rise by 0.0300" in found.limit.text()  # from 5 %
    found.tolerance.box.setValue(1)
    assert "passed here already" in found.limit.text()


def by_cursor(window: MainWindow) -> None:
    window.document.move_to(2)
    window.workspace.plots.resume.click()


def by_history(window: MainWindow) -> None:
    window.document.move_to(2)
    window.workspace.history.menu_of(1).actions()[1].trigger()


@pytest.mark.parametrize("way", [by_cursor, by_history])
def test_a_run_is_resumed_from_the_point_shown_and_undone_to_it(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, way: Callable[[MainWindow], None]
) -> None:
    session, first = window.document.session, last_run(window)
    shown = answered(monkeypatch, 30)
    way(window)
    settled(qtbot, window)
    assert len(shown) == 1
    run = last_run(window)
    assert run is not first
    assert run.started.start.values == pytest.approx(first.steps[1].score.values)
    assert run.started.original == first.started.original  # what the tolerance is counted from
    assert run.config.tolerance(0) == Tolerance(30, relative=True) == window.workspace.tolerance.tolerance
    assert session.network.hidden_neurons < first.steps[1].neurons
    assert len(window.document.runs) == 2
    window.actions_.undo.trigger()
    settled(qtbot, window)
    assert (session.last_run, session.point) == (first, 2)
    assert session.network.hidden_neurons == first.steps[1].neurons
    window.actions_.redo.trigger()
    settled(qtbot, window)
    assert session.last_run is run


def test_a_version_of_the_history_is_gone_to_and_resumed(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, 1)
    window.workspace.history.menu_of(0).actions()[1].trigger()
    settled(qtbot, window)
    assert last_run(window).started.network is window.document.session.original
    assert last_run(window).config.tolerance(0).value == 1


def test_a_neuron_says_by_which_run_it_went(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = last_run(window)
    answered(monkeypatch, 60)
    by_cursor(window)
    settled(qtbot, window)
    run = last_run(window)
    both = [place for place in run.removed if place in first.removed]
    assert both
    for name, unit in both:
        window.workspace._select(name, unit)
        assert (
            f"Removed in step {2 + run.removed[name, unit] + 1};" in window.workspace.layers.selection.text()
        )
    edit = first.steps[0].edit
    assert isinstance(edit, RemoveUnits)
    window.workspace._select(edit.node, edit.units[0])
    assert "Removed in step 1;" in window.workspace.layers.selection.text()


def test_without_data_it_is_asked_for(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, asked = answered(monkeypatch, 5), []
    monkeypatch.setattr(MainWindow, "choose_data", lambda self: asked.append(self))
    window.document.session.use(None)
    window.workspace.history.menu_of(0).actions()[1].trigger()
    assert asked == [window]
    assert not shown


def test_a_percentage_of_nothing_has_no_limit(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Score((0.0,))
    monkeypatch.setattr(Document, "errors_of", lambda self, network: nothing)
    assert window.document.limit_of(Tolerance(5, relative=True)) is None
    assert window.document.limit_of(Tolerance(0.1, relative=False)) == pytest.approx(0.1)


def test_there_is_nothing_to_resume_while_a_run_goes_on(qtbot: QtBot, window: MainWindow) -> None:
    plots = window.workspace.plots
    assert plots.resume.isVisibleTo(plots)
    plots.show_run(last_run(window), window.document.runs, None, live=True)
    assert not plots.resume.isVisibleTo(plots)


def test_the_history_says_strategy_tolerance_and_result_and_its_tip_the_rest(
    qtbot: QtBot, window: MainWindow
) -> None:
    window.document.set_config(replace(window.document.config, compensation="refit"))
    window.document.prune()
    settled(qtbot, window)
    run, history = last_run(window), window.workspace.history.list
    assert run.config.compensation == "refit"
    words, tip = history.item(history.count() - 1).text(), history.item(history.count() - 1).toolTip()
    after = window.document.session.network.hidden_neurons
    assert "Selective + refit within 5 %" in words
    assert f"{run.started.network.hidden_neurons} → {after} neurons" in words
    assert "error 0." in words
    assert "Decided by cross-entropy, limit 0." in tip
    assert "Held-out error: 0." in tip
    assert "a refit" in tip
    assert f"{run.trials} trials" in tip


def test_connections_that_were_zeroed_are_the_result_of_their_run(qtbot: QtBot, window: MainWindow) -> None:
    window.document.prune_connections("all")
    settled(qtbot, window)
    history = window.workspace.history.list
    assert "connections, error" in history.item(history.count() - 1).text()


def test_what_stands_out_in_the_plot_is_explained(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_.undo.trigger()
    config = replace(window.document.config, tolerances=(Tolerance(300, relative=True),))
    window.document.set_config(config)
    window.document.prune()
    settled(qtbot, window)
    window.workspace._show_plots()
    labels = window.workspace.plots.errors._labels
    tips = {label.mark.kind: label.words.toolTip() for label in labels}
    assert "error rises steeply" in tips["knee"]
