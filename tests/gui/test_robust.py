"""Work that dies, models opened amid a run, results that come too late: the document stays true."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from windows import sample, settled

from pruner_gui.gui import dialogs
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.samples import samples
from pruner_gui.gui.status import StatusBar
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Accepted, Event, Started, Tolerance
from pruner_gui.session import Session
from pruner_gui.stopping import check

Question = tuple[str, dict[Answer, str]]


class Asked:
    """Stands for the user at questions."""

    def __init__(self) -> None:
        self.answer = Answer.Discard
        self.questions: list[Question] = []

    def __call__(self, *arguments: object) -> Answer:
        names = arguments[5] if len(arguments) > 5 else {}
        assert isinstance(names, dict)
        self.questions.append((str(arguments[1]), names))
        return self.answer


@pytest.fixture
def asked(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked()
    monkeypatch.setattr(dialogs, "ask", found)
    return found


def opened(qtbot: QtBot, window: MainWindow, name: str = "iris") -> MainWindow:
    window.open_sample(sample(name))
    qtbot.waitUntil(lambda: window.document.is_open and window.document.session.examples is not None)
    settled(qtbot, window)
    config = window.document.config
    window.document.set_config(replace(config, tolerances=(Tolerance(20, relative=True),)))
    return window


def running(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, last: type[Event] = Started
) -> MainWindow:
    """Have a run go on that never ends on its own, after the first event of a kind."""
    real = Session.prune

    def endless(session: Session, *steps: object) -> Iterator[Event]:
        events, stopped, quiet = real(session, *steps), check(), threading.Event()  # type: ignore[arg-type]
        for event in events:
            yield event
            if isinstance(event, last):
                break
        while not stopped():
            quiet.wait(0.01)

    monkeypatch.setattr(Session, "prune", endless)
    window.document.prune()
    qtbot.waitUntil(lambda: window.document.session.run is not None)
    return window


def breaking(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Have a run raise after what it accepts first."""
    real = Session.prune

    def broken(session: Session, *steps: object) -> Iterator[Event]:
        for event in real(session, *steps):  # type: ignore[arg-type]
            yield event
            if isinstance(event, Accepted):
                raise error

    monkeypatch.setattr(Session, "prune", broken)


@pytest.mark.parametrize("error", [ValueError("broken"), MemoryError(), SystemExit(3)], ids=repr)
def test_a_run_that_dies_leaves_the_document_as_it_was(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    document = opened(qtbot, window).document
    session = document.session
    before = session.network, session.versions, session.examples
    with monkeypatch.context() as patch:
        breaking(patch, error)
        document.prune()
        qtbot.waitUntil(lambda: bool(window.errors), timeout=20_000)
    settled(qtbot, window)
    assert len(window.errors) == 1
    assert (session.network, session.versions, session.examples) == before
    assert session.run is None
    assert not document.runs
    window.errors[0].close()
    document.prune()  # and on it goes
    settled(qtbot, window)
    assert session.network.hidden_neurons < session.original.hidden_neurons


def test_events_that_cannot_be_applied_end_the_run_and_change_nothing(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = opened(qtbot, window).document
    real, network = Session.apply, document.session.network

    def apply(session: Session, event: Event) -> object:
        if isinstance(event, Accepted):
            raise KeyError("lost")
        return real(session, event)

    monkeypatch.setattr(Session, "apply", apply)
    document.prune()
    qtbot.waitUntil(lambda: bool(window.errors), timeout=20_000)
    assert document.session.network is network
    assert document.session.run is None
    assert not document.running


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a shell script")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGSEGV"])
def test_a_reading_process_that_is_killed_leaves_the_document_as_it_was(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    session = opened(qtbot, window).document.session
    before = session.network, session.examples, session.path
    program = tmp_path / "child.sh"
    program.write_text(f"#!/bin/sh\nkill -{end.removeprefix('SIG')} $$\n")
    program.chmod(0o755)
    monkeypatch.setattr("pruner_gui.reading._spare", [])
    monkeypatch.setattr(sys, "executable", str(program))
    window.open_files([sample("xor").model])
    qtbot.waitUntil(lambda: bool(window.errors), timeout=10_000)
    assert signal.Signals[end].name in window.errors[0].what.text()
    assert (session.network, session.examples, session.path) == before


Opening = Callable[[MainWindow], None]


def by_menu(window: MainWindow) -> None:
    window.choose_model()


def by_drop(window: MainWindow) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(sample("xor").model))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, buttons, keys))


def by_recent(window: MainWindow) -> None:
    window._fill_recent()
    window.actions_.recent.actions()[0].trigger()


def by_sample(window: MainWindow) -> None:
    entries = window.actions_.samples.actions()
    entries[[found.model.stem for found in samples()].index("xor")].trigger()


def by_session(window: MainWindow) -> None:
    window.open_files([Path("any.pruner")])


OPENINGS = [by_menu, by_drop, by_recent, by_sample, by_session]


@pytest.mark.parametrize("opening", OPENINGS)
def test_opening_another_model_mid_run_asks_and_the_run_may_go_on(
    qtbot: QtBot,
    window: MainWindow,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
    opening: Opening,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(dialogs, "choose_file", lambda *anything: sample("xor").model)
    monkeypatch.setattr("pruner_gui.gui.window._recent", lambda: [sample("xor").model])
    running(qtbot, opened(qtbot, window), monkeypatch)
    asked.answer = Answer.Cancel
    opening(window)
    qtbot.waitUntil(lambda: bool(asked.questions))
    question, names = asked.questions[0]
    assert "Stop pruning" in question
    assert set(names.values()) == {"Stop and open", "Keep running"}
    assert window.document.running
    assert not window.document.stopping
    assert not window.document.tasks.running("read")


def test_stop_and_open_ends_the_run_and_opens(
    qtbot: QtBot, window: MainWindow, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(qtbot, opened(qtbot, window), monkeypatch)
    asked.answer = Answer.Ok
    window.open_sample(sample("xor"))
    assert window.document.stopping
    qtbot.waitUntil(lambda: window.document.session.path == sample("xor").model)
    assert not window.document.running
    assert window.document.session.versions[0].network is window.document.session.network
    assert not window.document.runs


def test_data_dropped_mid_run_asks_too(
    qtbot: QtBot, window: MainWindow, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(qtbot, opened(qtbot, window), monkeypatch)
    asked.answer = Answer.Cancel
    window.open_files(list(sample("iris").data))
    assert "load other data" in asked.questions[0][0]
    assert window.document.running


def test_cancelling_is_acknowledged_at_once(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(qtbot, opened(qtbot, window), monkeypatch)
    bar = window.statusBar()
    assert isinstance(bar, StatusBar)
    window.actions_.cancel.trigger()
    assert bar.label.text() == "Stopping…"
    assert not window.actions_.cancel.isEnabled()
    qtbot.waitUntil(lambda: not window.document.running)
    assert bar.label.text() != "Stopping…"


def test_nothing_is_pruned_while_a_file_is_read(qtbot: QtBot, window: MainWindow) -> None:
    opened(qtbot, window)
    window.open_sample(sample("xor"))
    assert not window.document.can_prune
    qtbot.waitUntil(lambda: window.document.can_prune, timeout=10_000)


@pytest.mark.parametrize("slot", ["run", "sweep", "measure", "free", "order", "session"])
def test_what_was_under_way_for_another_document_is_never_heard_of(
    qtbot: QtBot, window: MainWindow, slot: str
) -> None:
    document, heard = opened(qtbot, window).document, list[object]()
    document.tasks.start(slot, lambda: iter(()), heard.append, heard.extend)
    task = document.tasks._tasks[slot]
    task.wait()  # its end is there, and not handed over yet
    document.session.open(document.session.original, None)
    document._drop_work()
    qtbot.waitUntil(lambda: task not in document.tasks._dropped)
    assert not heard


def test_a_comparison_of_a_network_that_was_left_is_not_shown(qtbot: QtBot, window: MainWindow) -> None:
    document = opened(qtbot, window).document
    document.prune()
    qtbot.waitUntil(lambda: document.compared is not None, timeout=30_000)
    document.undo()
    assert document.compared is None
    document._compared.clear()
    document.redo()
    document.undo()
    settled(qtbot, window)
    assert document.compared is None
    assert document.after is None


def test_nothing_arrives_after_closing(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(qtbot, opened(qtbot, window), monkeypatch)
    heard: list[object] = []
    document = window.document
    document.changed.connect(heard.append)
    document.measured.connect(lambda: heard.append("measured"))
    assert window.close()
    heard.clear()
    QApplication.processEvents()
    assert not heard
    assert not document.tasks._tasks
    assert not document.tasks._dropped


def test_closing_amid_a_run_asks_about_what_was_there_before_it(
    qtbot: QtBot, window: MainWindow, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = opened(qtbot, window).document
    document.prune()
    qtbot.waitUntil(lambda: not document.running, timeout=20_000)
    settled(qtbot, window)
    running(qtbot, window, monkeypatch)
    asked.answer = Answer.Cancel
    assert not window.close()
    assert document.running
    assert [question for question, _ in asked.questions] == ["Export the pruned network first?"]
    asked.answer = Answer.Discard
    assert window.close()


def test_closing_amid_a_run_asks_about_what_it_removed_so_far(
    qtbot: QtBot, window: MainWindow, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = running(qtbot, opened(qtbot, window), monkeypatch, Accepted).document
    qtbot.waitUntil(lambda: document.session.run is not None and bool(document.session.run.steps))
    asked.answer = Answer.Cancel
    assert not window.close()
    assert document.running
    assert [question for question, _ in asked.questions] == ["Stop pruning and close?"]
    asked.answer = Answer.Ok
    assert window.close()
    assert not document.running
