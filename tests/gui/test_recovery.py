"""Work that is kept safe, and recovered at the next start."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from windows import sample, settled

from pruner_gui.autosave import left_behind, look_into
from pruner_gui.gui import app, dialogs, log
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.keeper import INTERVAL_MS
from pruner_gui.gui.recovery_dialog import RecoveryDialog
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Tolerance
from pruner_gui.session_file import load

IRIS = sample("iris")

Start = Callable[[], MainWindow]


@pytest.fixture
def start(qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start the program, as often as wanted."""
    app.name_application()
    monkeypatch.setattr(dialogs, "ask", lambda *_: Answer.Discard)
    windows: list[MainWindow] = []

    def begin() -> MainWindow:
        window = MainWindow(Theme())
        qtbot.addWidget(window)
        window.show()
        windows.append(window)
        return window

    yield begin
    for window in windows:
        for dialog in list(window.errors):
            dialog.close()
        window.close()


def root() -> Path:
    return log.path().parent / "recovery"


def generations() -> list[Path]:
    return sorted(root().glob("*/*.pruner"))


def opened(qtbot: QtBot, window: MainWindow, rows: Path | None = None) -> MainWindow:
    window.open_files([IRIS.model, rows or IRIS.data[0]])
    qtbot.waitUntil(
        lambda: window.document.is_open and window.document.session.examples is not None, timeout=30_000
    )
    settled(qtbot, window, "autosave")
    return window


def pruned(qtbot: QtBot, window: MainWindow, rows: Path | None = None, percent: float = 20) -> MainWindow:
    opened(qtbot, window, rows)
    config = window.document.config
    window.document.set_config(replace(config, tolerances=(Tolerance(percent, relative=True),)))
    window.document.prune()
    settled(qtbot, window, "autosave")
    return window


def crash(window: MainWindow) -> None:
    """End a window as a crash does: its folder stays, its lock goes."""
    window.keeper.stop()
    window.workspace.shutdown()
    window.document.shutdown()
    window.keeper._folder.release()
    window.document.session = type(window.document.session)()


def offered(qtbot: QtBot, window: MainWindow) -> RecoveryDialog:
    window.keeper.look_for_lost()
    qtbot.waitUntil(lambda: window.offer is not None, timeout=30_000)
    assert window.offer is not None
    return window.offer


def nothing_offered(qtbot: QtBot, window: MainWindow) -> bool:
    window.keeper.look_for_lost()
    settled(qtbot, window, "autosave")
    return window.offer is None


def recovered(qtbot: QtBot, window: MainWindow) -> MainWindow:
    offered(qtbot, window).recover.click()
    qtbot.waitUntil(lambda: window.document.is_open, timeout=30_000)
    settled(qtbot, window, "autosave")
    return window


def test_after_each_run_the_work_is_safe_and_a_crash_loses_none_of_it(qtbot: QtBot, start: Start) -> None:
    window = pruned(qtbot, start())
    window.document.move_to(1)
    window.document.toggle_protected("dense_1", 0)
    neurons = window.document.session.network.hidden_neurons
    config, names = window.document.config, [record.name for record in window.document.runs]
    window.keeper.save()
    settled(qtbot, window, "autosave")
    crash(window)
    again = start()
    dialog = offered(qtbot, again)
    assert IRIS.model.name in dialog.list.item(0).text()
    assert again.document.is_open is False
    dialog.recover.click()
    qtbot.waitUntil(
        lambda: again.document.is_open and again.document.session.examples is not None, timeout=30_000
    )
    settled(qtbot, again, "autosave")
    document = again.document
    assert (document.session.point, document.session.network.hidden_neurons) == (1, neurons)
    assert (document.config, [record.name for record in document.runs]) == (config, names)
    assert [record.outdated for record in document.runs] == [False]
    assert document.unsaved
    document.undo()
    assert document.session.network is document.session.original


def test_what_was_recovered_stays_safe_and_is_offered_again_after_another_crash(
    qtbot: QtBot, start: Start
) -> None:
    crash(pruned(qtbot, start()))
    window = recovered(qtbot, start())
    assert len(generations()) == 1  # the folder was taken over
    crash(window)
    assert offered(qtbot, start()).list.count() == 1


def test_opening_alone_is_nothing_to_recover(qtbot: QtBot, start: Start) -> None:
    window = opened(qtbot, start())
    window.keeper.save()
    settled(qtbot, window, "autosave")
    assert generations() == []


def test_settings_are_work_too(qtbot: QtBot, start: Start) -> None:
    window = opened(qtbot, start())
    window.document.toggle_protected("dense_1", 0)
    window.keeper.save()
    settled(qtbot, window, "autosave")
    crash(window)
    assert recovered(qtbot, start()).document.config.protected == {("dense_1", 0)}


def test_work_is_saved_as_time_goes_by(qtbot: QtBot, start: Start) -> None:
    assert INTERVAL_MS < 30_000
    window = opened(qtbot, start())
    assert (window.keeper._timer.interval(), window.keeper._timer.isActive()) == (INTERVAL_MS, True)
    window.document.toggle_protected("dense_1", 0)
    window.keeper._timer.setInterval(1)
    qtbot.waitUntil(lambda: len(generations()) == 1, timeout=30_000)


def test_what_did_not_change_is_not_saved_again(qtbot: QtBot, start: Start) -> None:
    window = pruned(qtbot, start())
    before = generations()
    window.keeper.save()
    settled(qtbot, window, "autosave")
    assert generations() == before
    window.document.undo()
    window.keeper.save()
    settled(qtbot, window, "autosave")
    assert len(generations()) == 2


def test_a_run_that_goes_on_is_recovered_as_a_partial_result(
    qtbot: QtBot, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened(qtbot, start())
    document = window.document
    config = replace(document.config, tolerances=(Tolerance(80, relative=True),))
    events = list(document.session.prune(config))
    monkeypatch.setattr(document.session, "prune", lambda *_: iter(()))
    middle = [i for i, event in enumerate(events) if type(event).__name__ == "Accepted"][2]
    for event in events[: middle + 1]:
        document.session.apply(event)
    window.keeper.save()
    settled(qtbot, window, "autosave")
    reached = document.session.network.hidden_neurons
    crash(window)
    again = recovered(qtbot, start()).document
    run = again.session.version.run
    assert run is not None
    assert (len(run.steps), run.finished) == (3, None)
    assert again.session.network.hidden_neurons == reached
    assert [(record.complete, record.kept) for record in again.runs] == [(False, 3)]
    again.undo()
    assert again.session.network is again.session.original


def test_the_older_generation_is_recovered_where_the_newer_is_torn(qtbot: QtBot, start: Start) -> None:
    window = pruned(qtbot, start())
    reached = window.document.session.network.hidden_neurons
    window.document.undo()
    window.keeper.save()
    settled(qtbot, window, "autosave")
    crash(window)
    newest = generations()[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    again = start()
    assert "damaged" in offered(qtbot, again).list.item(0).text()
    again.offer.recover.click()  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: again.document.is_open, timeout=30_000)
    settled(qtbot, again, "autosave")
    assert again.document.session.network.hidden_neurons == reached


def test_where_all_is_torn_it_is_told_and_can_only_be_discarded(qtbot: QtBot, start: Start) -> None:
    crash(pruned(qtbot, start()))
    for path in generations():
        path.write_bytes(path.read_bytes()[:-100])
    window = start()
    dialog = offered(qtbot, window)
    assert "nothing can be recovered" in dialog.list.item(0).text()
    assert not dialog.recover.isEnabled()
    dialog.discard.click()
    settled(qtbot, window, "autosave")
    assert nothing_offered(qtbot, window)
    assert generations() == []


def test_later_leaves_it_for_the_next_start(qtbot: QtBot, start: Start) -> None:
    crash(pruned(qtbot, start()))
    window = start()
    offered(qtbot, window).later.click()
    assert window.offer is None
    assert not window.document.is_open
    window.close()
    assert offered(qtbot, start()).list.count() == 1


def test_a_window_closed_in_order_leaves_nothing(qtbot: QtBot, start: Start) -> None:
    window = pruned(qtbot, start())
    assert len(generations()) == 1
    window.close()
    assert generations() == []
    assert nothing_offered(qtbot, start())


def test_a_saved_session_leaves_nothing_to_recover(qtbot: QtBot, start: Start, tmp_path: Path) -> None:
    window = pruned(qtbot, start())
    window.document.save_session(tmp_path / "work.pruner")
    settled(qtbot, window, "autosave")
    window.keeper.save()
    settled(qtbot, window, "autosave")
    assert generations() == []
    window.document.undo()
    window.keeper.save()
    settled(qtbot, window, "autosave")
    assert len(generations()) == 1


def test_another_model_takes_the_place_of_what_was_kept(qtbot: QtBot, start: Start) -> None:
    window = opened(qtbot, pruned(qtbot, start()))
    assert len(window.document.session.versions) == 1
    assert generations() == []


def test_two_windows_keep_apart(qtbot: QtBot, start: Start) -> None:
    first, second = pruned(qtbot, start()), pruned(qtbot, start(), percent=50)
    assert len({path.parent for path in generations()}) == 2
    assert nothing_offered(qtbot, second)
    crash(first)
    dialog = offered(qtbot, second)
    assert dialog.list.count() == 1
    assert nothing_offered(qtbot, start())  # the second window holds it while it asks
    dialog.later.click()
    second.close()
    assert len(generations()) == 1  # the first one's


def test_changed_data_is_told_and_not_mixed_in(qtbot: QtBot, start: Start, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_bytes(IRIS.data[0].read_bytes())
    crash(pruned(qtbot, start(), rows))
    rows.write_text("1,2,3,4,a\n")
    window = start()
    with qtbot.waitSignal(window.document.failed, timeout=30_000):
        offered(qtbot, window).recover.click()
    settled(qtbot, window, "autosave")
    assert window.document.session.examples is None
    assert window.document.session.can_undo
    window.document.undo()
    window.keeper.save()
    settled(qtbot, window, "autosave")
    found = load(generations()[-1])
    assert found.data is not None  # where the data was is not forgotten
    assert found.data.files == (rows,)


def test_a_place_that_takes_nothing_is_told_once_and_without_a_dialog(
    qtbot: QtBot, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    root().parent.mkdir(parents=True, exist_ok=True)
    root().write_text("a file is in the way")
    window = start()
    with caplog.at_level(logging.WARNING):
        pruned(qtbot, window)
        for _ in range(3):
            window.keeper.save()
            settled(qtbot, window, "autosave")
    assert window._status.unsafe.isVisible()
    assert not window.errors
    assert len([record for record in caplog.records if "cannot be saved" in record.message]) == 1
    root().unlink()
    window.keeper.save()
    settled(qtbot, window, "autosave")
    assert not window._status.unsafe.isVisible()
    assert len(generations()) == 1


def test_a_file_of_the_command_line_is_opened_and_the_offer_made(qtbot: QtBot, start: Start) -> None:
    crash(pruned(qtbot, start()))
    window = start()
    window.keeper.look_for_lost()
    window.open_files([IRIS.model], is_model=True)
    qtbot.waitUntil(lambda: window.document.is_open and window.offer is not None, timeout=30_000)
    settled(qtbot, window, "autosave")
    window.offer.recover.click()  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: len(window.document.session.versions) == 2, timeout=30_000)
    settled(qtbot, window, "autosave")


def test_the_state_of_the_window_comes_back(qtbot: QtBot, start: Start) -> None:
    window = pruned(qtbot, start())
    work = window.workspace
    graph = work.graph
    graph.pages.show_page(1)
    graph.weak_box.setValue(7.5)
    graph.shown.setCurrentIndex(2)
    graph.legend.setChecked(False)
    graph.orders["importance"].trigger()
    window._plots.setCurrentIndex(3)
    window._docks["layers"].hide()
    work.selecting.select((1, 2))
    window.document.move_to(1)
    window.keeper.save()
    settled(qtbot, window, "autosave")
    crash(window)
    again = recovered(qtbot, start())
    graph = again.workspace.graph
    assert graph.pages.currentIndex() == 1
    assert (graph.weak_box.value(), graph.shown.currentIndex(), graph.order) == (7.5, 2, "importance")
    assert not graph.legend.isChecked()
    assert again._plots.currentIndex() == 3
    assert again._docks["layers"].isHidden()
    assert again.workspace.selecting.selected == (1, 2)


PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pruner_gui.gui import app
from pruner_gui.gui.samples import samples
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Tolerance

program = QApplication([])
app.name_application()
window = MainWindow(Theme())
document, keeper = window.document, window.keeper
window.show()

def act():
    if document.is_open and document.can_prune:
        config = replace(document.config, tolerances=(Tolerance(40, relative=True),))
        if document.session.can_undo:
            document.undo()
        document.set_config(config)
        document.prune()

keeper._timer.setInterval(1)  # in place of 20 s
keeper.problem_changed.connect(lambda: print("trouble", keeper.problem, flush=True))
written = keeper._written
def tell(state, number, outcome):
    written(state, number, outcome)
    print("kept", len(document.session.versions), flush=True)
keeper._written = tell
timer = QTimer()
timer.timeout.connect(act)
timer.start(50)
window.open_sample(next(sample for sample in samples() if sample.model.stem == "iris"))
program.exec()
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by a signal")
def test_a_program_killed_at_a_random_moment_is_recovered_by_the_next(
    qtbot: QtBot, start: Start, tmp_path: Path
) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path)}
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert program.stdout is not None
    lines = [program.stdout.readline().split() for _ in range(25)]
    assert {line[0] for line in lines} == {"kept"}
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    (found,) = [look_into(folder) for folder in left_behind(root())]
    assert found.damaged == 0
    found.folder.release()
    window = recovered(qtbot, start())
    session = window.document.session
    assert session.can_undo or session.can_redo
    while session.can_undo:
        window.document.undo()
    assert session.network is session.original
