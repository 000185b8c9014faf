"""What nobody catches: told once, in one dialog, written to the log, and the window goes on."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, qWarning
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from pruner_gui.gui import dialogs
from pruner_gui.gui.crash import Crashes, Failure
from pruner_gui.gui.diary import Diary
from pruner_gui.gui.latest import Latest
from pruner_gui.gui.samples import samples
from pruner_gui.gui.window import MainWindow


class Broken(Exception):
    pass


@pytest.fixture
def crashes(window: MainWindow) -> Iterator[Crashes]:
    found = Crashes()
    found.install()
    found.caught.connect(window.show_crash, Qt.ConnectionType.QueuedConnection)
    yield found
    found.uninstall()


def fail() -> None:
    raise Broken("broken")


class Unpaintable(QWidget):
    def paintEvent(self, event: QPaintEvent) -> None:
        fail()


class Filter(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.User:
            fail()
        return False


class Unfinished:
    def __del__(self) -> None:
        fail()


def in_a_slot(window: MainWindow) -> None:
    window.document.swept.connect(fail)
    window.document.swept.emit()
    window.document.swept.disconnect(fail)


def in_a_timer(window: MainWindow) -> None:
    QTimer.singleShot(0, fail)


def in_an_event_filter(window: MainWindow) -> None:
    watching = Filter(window)
    window.installEventFilter(watching)
    QCoreApplication.postEvent(window, QEvent(QEvent.Type.User))


def in_painting(window: MainWindow) -> None:
    widget = Unpaintable(window)
    widget.show()


def in_a_thread(window: MainWindow) -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def in_a_finaliser(window: MainWindow) -> None:
    Unfinished()
    gc.collect()


def in_background_work(window: MainWindow) -> None:
    window.document.tasks.start("measure", fail, window.document._measured)


@pytest.mark.qt_no_exception_capture
@pytest.mark.parametrize(
    "break_something",
    [
        in_a_slot,
        in_a_timer,
        in_an_event_filter,
        in_painting,
        in_a_thread,
        in_a_finaliser,
        in_background_work,
    ],
)
def test_wherever_it_is_raised_it_is_told_logged_and_the_window_goes_on(
    qtbot: QtBot,
    window: MainWindow,
    crashes: Crashes,
    caplog: pytest.LogCaptureFixture,
    break_something: object,
) -> None:
    assert callable(break_something)
    break_something(window)
    qtbot.waitUntil(lambda: bool(window.errors))
    assert "Broken" in window.errors[0].what.text()
    assert "fail" in window.errors[0].details.toPlainText()
    logged = caplog.text
    assert "Broken" in logged
    assert "in fail" in logged
    assert "numpy" in logged
    window.errors[0].close()
    window.open_sample(next(found for found in samples() if found.model.stem == "xor"))
    qtbot.waitUntil(lambda: window.document.is_open and window.document.session.examples is not None)
    assert not window.errors


@pytest.mark.qt_no_exception_capture
def test_the_same_again_is_counted_and_not_told_again(
    qtbot: QtBot, window: MainWindow, crashes: Crashes
) -> None:
    for _ in range(5):
        in_a_slot(window)
    in_a_thread(window)
    qtbot.waitUntil(lambda: bool(window.errors))
    window.errors[0].close()
    QApplication.processEvents()
    in_a_slot(window)
    QApplication.processEvents()
    assert not window.errors
    assert crashes.count(Broken) == 7


@pytest.mark.qt_no_exception_capture
def test_another_error_is_added_to_the_dialog_that_is_open(
    qtbot: QtBot, window: MainWindow, crashes: Crashes
) -> None:
    in_a_slot(window)
    QTimer.singleShot(0, lambda: 1 // 0)
    qtbot.waitUntil(lambda: bool(window.errors) and "1 more error" in window.errors[0].more.text())
    assert len(window.errors) == 1
    assert "ZeroDivisionError" in window.errors[0].details.toPlainText()


@pytest.mark.qt_no_exception_capture
def test_an_error_while_telling_goes_to_the_log_alone(
    qtbot: QtBot,
    window: MainWindow,
    crashes: Crashes,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*anything: object) -> None:
        raise RuntimeError("no dialog")

    monkeypatch.setattr(dialogs, "ErrorDialog", refuse)
    in_a_slot(window)
    qtbot.waitUntil(lambda: "no dialog" in caplog.text)
    assert crashes.count(RuntimeError) == 0
    assert not window.errors


def test_a_drawing_thread_that_fails_draws_the_next_picture(qtbot: QtBot, crashes: Crashes) -> None:
    def draw(job: int) -> int:
        return 6 // job

    drawing, drawn = Latest("drawing", draw, lambda: None), list[int]()
    drawing.done.connect(drawn.append)
    drawing.request(0)
    qtbot.waitUntil(lambda: crashes.count(ZeroDivisionError) == 1)
    drawing.request(2)
    qtbot.waitUntil(lambda: drawn == [3])
    drawing.stop()


def test_what_qt_complains_of_is_logged(crashes: Crashes, caplog: pytest.LogCaptureFixture) -> None:
    qWarning("a warning of Qt")
    assert ("qt", logging.WARNING, "a warning of Qt") in caplog.record_tuples


def test_hooks_are_given_back(qapp: QApplication) -> None:
    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    crashes = Crashes()
    crashes.install()
    assert sys.excepthook is not before[0]
    crashes.uninstall()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def test_the_details_can_be_copied(qtbot: QtBot, window: MainWindow) -> None:
    dialog = dialogs.ErrorDialog("Title", Failure(ValueError("why"), "the trace"), window)
    dialog.copy.click()
    copied = QApplication.clipboard().text()
    dialog.close()
    assert "the trace" in copied
    assert "numpy" in copied


def test_the_log_of_a_window_names_what_was_opened(
    qtbot: QtBot, window: MainWindow, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, "pruner_gui")
    Diary(window.document)
    window.open_sample(next(found for found in samples() if found.model.stem == "xor"))
    qtbot.waitUntil(lambda: window.document.can_prune)
    window.document.prune()
    qtbot.waitUntil(lambda: "The run ended" in caplog.text)
    assert "Opened xor.onnx, 2-8-1" in caplog.text
    assert "Loaded xor.csv" in caplog.text
    assert str(tmp_path) not in caplog.text
