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
    qtbot.waitUntil(lambda: len(document.session.versions) == 1)
    settled(qtbot, window)
    window.open_files([saved])
    qtbot.waitUntil(lambda: len(document.session.versions) == 2)
    qtbot.waitUntil(lambda: document.session.examples is not None)
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
