from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from windows import opened, sample, settled

from pruner_gui.gui.samples import samples
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Tolerance
from pruner_gui.session_file import DataChanged


def rows(window: MainWindow) -> list[list[str]]:
    """The table of runs, without its headers."""
    return [line.split("\t") for line in window.workspace.runs.as_tsv().splitlines()[1:]]


@pytest.fixture
def saved(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> Path:
    """A session of a pruned network with data of its own, saved."""
    iris = sample("iris")
    (tmp_path / "rows.csv").write_bytes(iris.data[0].read_bytes())
    opened(qtbot, window, iris.model, tmp_path / "rows.csv")
    config = window.document.config
    window.document.set_config(replace(config, tolerances=(Tolerance(20, relative=True),)))
    window.document.prune()
    settled(qtbot, window)
    with qtbot.waitSignal(window.document.session_saved, timeout=30_000):
        window.document.save_session(tmp_path / "work.pruner")
    return tmp_path / "work.pruner"


def test_a_session_is_opened_with_its_history_settings_and_data(
    qtbot: QtBot, window: MainWindow, saved: Path
) -> None:
    document = window.document
    neurons = document.session.network.hidden_neurons
    assert not document.unsaved
    window.open_sample(samples()[0])
    qtbot.waitUntil(lambda: len(document.session.versions) == 1, timeout=30_000)
    settled(qtbot, window)
    window.open_files([saved])
    qtbot.waitUntil(lambda: len(document.session.versions) == 2, timeout=30_000)
    qtbot.waitUntil(lambda: document.session.examples is not None, timeout=30_000)
    settled(qtbot, window)
    assert document.session.network.hidden_neurons == neurons
    assert document.config.tolerances[0] == Tolerance(20, relative=True)
    assert [record.outdated for record in document.runs] == [False]  # measured on this very data
    assert window.workspace.runs.table.rowCount() == 1
    document.move_to(1)
    assert document.session.network.hidden_neurons > neurons
    assert document.session.can_undo
    document.undo()
    assert document.session.network.hidden_neurons > neurons


def test_data_that_changed_is_told_and_not_mixed_in(qtbot: QtBot, window: MainWindow, saved: Path) -> None:
    (saved.parent / "rows.csv").write_text("1,2,3,4,a\n")
    with qtbot.waitSignal(window.document.failed) as told:
        window.open_files([saved])
    assert isinstance(told.args[0].error, DataChanged)
    settled(qtbot, window)
    assert window.document.session.examples is None
    assert window.document.session.can_undo


def test_a_damaged_session_leaves_the_open_document(qtbot: QtBot, window: MainWindow, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-30])
    before = window.document.session.network
    with qtbot.waitSignal(window.document.failed):
        window.open_files([saved])
    assert window.document.session.network is before


def test_a_cancelled_run_keeps_its_time_and_a_run_its_name(
    qtbot: QtBot, window: MainWindow, saved: Path
) -> None:
    (record,) = window.document.runs
    record.complete, record.seconds, record.name, record.shown = False, 12.5, "mine", False
    with qtbot.waitSignal(window.document.session_saved, timeout=30_000):
        window.document.save_session(saved)
    window.open_files([saved])
    qtbot.waitUntil(lambda: window.document.runs != [record], timeout=30_000)
    settled(qtbot, window)
    table = window.workspace.runs.table
    qtbot.waitUntil(lambda: table.rowCount() == 1 and rows(window)[0][0] == "mine", timeout=30_000)
    assert rows(window)[0][-1] == "12.5 s, cancelled"
    assert [found.shown for found in window.document.runs] == [False]


def test_steps_and_which_of_them_have_their_own_tolerance_come_back(
    qtbot: QtBot, window: MainWindow, saved: Path
) -> None:
    plan = window.document.plan.added("connections").with_own(True)
    window.document.set_plan(plan)
    with qtbot.waitSignal(window.document.session_saved, timeout=30_000):
        window.document.save_session(saved)
    window.open_sample(samples()[0])
    qtbot.waitUntil(lambda: len(window.document.session.versions) == 1, timeout=30_000)
    settled(qtbot, window)
    window.open_files([saved])
    qtbot.waitUntil(lambda: len(window.document.session.versions) == 2, timeout=30_000)
    assert window.document.plan == plan


def test_the_part_of_the_graph_that_is_looked_at_comes_back(
    qtbot: QtBot, window: MainWindow, saved: Path
) -> None:
    view = window.workspace.graph.view
    view.zoom(1.5)
    looked_at = view.place
    assert looked_at is not None
    with qtbot.waitSignal(window.document.session_saved, timeout=30_000):
        window.document.save_session(saved)
    window.open_sample(samples()[0])
    qtbot.waitUntil(lambda: len(window.document.session.versions) == 1, timeout=30_000)
    settled(qtbot, window)
    assert view.place != looked_at
    window.open_files([saved])
    qtbot.waitUntil(lambda: view.place == looked_at, timeout=30_000)


def test_a_session_of_version_1_opens_in_the_window(qtbot: QtBot, window: MainWindow) -> None:
    old = Path(__file__).parents[1] / "data" / "session_v1.pruner"
    with qtbot.waitSignal(window.document.failed, timeout=30_000) as told:  # its data is long gone
        window.open_files([old])
    assert isinstance(told.args[0].error, DataChanged)
    settled(qtbot, window)
    table = window.workspace.runs.table
    qtbot.waitUntil(lambda: table.rowCount() == 2, timeout=30_000)
    assert [row[0][:5] for row in rows(window)] == ["Run 1", "Run 2"]
    assert rows(window)[1][-1] == "cancelled"
    assert window.document.session.can_redo


def test_of_two_sessions_to_be_saved_none_overtakes_the_other(
    qtbot: QtBot, window: MainWindow, saved: Path
) -> None:
    window.document.save_session(saved)
    assert not window.actions_.save_session.isEnabled()
    settled(qtbot, window)
    assert window.actions_.save_session.isEnabled()


def test_data_that_was_to_be_loaded_with_a_model_is_not_loaded_into_a_session(
    qtbot: QtBot, window: MainWindow, saved: Path, tmp_path: Path
) -> None:
    window.document.data = window.document._reference = None
    bare = tmp_path / "bare.pruner"
    with qtbot.waitSignal(window.document.session_saved, timeout=30_000):
        window.document.save_session(bare)
    window.open_files([bare])
    qtbot.waitUntil(lambda: window.document.session.examples is None, timeout=30_000)
    settled(qtbot, window)
    assert window.document.data is None
