"""The log: a file for every process, of bounded size; no place for it is no hindrance."""

from __future__ import annotations

import faulthandler
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from pruner_gui.gui import app, log
from pruner_gui.gui.about import AboutDialog


@pytest.fixture
def logging_on(qapp: QApplication) -> Iterator[logging.Logger]:
    app.name_application()
    before = faulthandler.is_enabled()
    log.start()
    yield logging.getLogger("pruner_gui.test")
    log.stop()
    if before:
        faulthandler.enable(sys.__stderr__ or sys.stderr)


def test_what_is_logged_is_in_the_file_with_the_process(logging_on: logging.Logger) -> None:
    logging_on.info("said")
    assert "INFO pruner_gui.test: said" in log.path().read_text()
    assert "said" in log.end(100)


def test_it_is_rotated_and_of_bounded_size(
    logging_on: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(300):
        logging_on.info("x" * 10_000)
    files = list(log.folder().glob("*.log*"))
    assert len(files) == 2
    assert sum(file.stat().st_size for file in files) < 2 << 20


def test_old_files_are_swept(qapp: QApplication) -> None:
    app.name_application()
    log.folder().mkdir(parents=True)
    for number in range(30):
        (log.folder() / f"pruner_{number:02d}_1.log").write_text("old")
    (log.folder() / "somebody_elses.txt").write_text("stays")
    log.start()
    log.stop()
    assert len(list(log.folder().glob("pruner_*"))) <= 11
    assert (log.folder() / "somebody_elses.txt").exists()


def test_a_folder_that_cannot_be_made_is_no_hindrance(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(log, "folder", lambda: tmp_path / "file" / "log")
    log.start()
    logging.getLogger("pruner_gui.test").error("nowhere")
    assert log.end(100) == ""
    log.stop()


def test_a_folder_that_goes_away_is_no_hindrance(
    logging_on: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in log.folder().iterdir():
        file.unlink()
    log.folder().rmdir()
    logging_on.error("nowhere")
    assert capsys.readouterr().err == ""


def test_diagnostics_are_versions_machine_and_log(qtbot: QtBot, logging_on: logging.Logger) -> None:
    logging_on.info("the last words")
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    dialog.copy.click()
    copied = QApplication.clipboard().text()
    for part in ("pruner-gui", "PySide6", "numba", "offscreen", "the last words"):
        assert part in copied
    assert dialog.logs.isEnabled()


_BREAKDOWN = """
import os, signal
from PySide6.QtWidgets import QApplication
from pruner_gui.gui import app, log
qt = QApplication([])
app.name_application()
log.start()
os.kill(os.getpid(), signal.SIGSEGV)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_breakdown_of_the_interpreter_is_written_beside_the_log(qapp: QApplication) -> None:
    app.name_application()
    done = subprocess.run([sys.executable, "-c", _BREAKDOWN], check=False, timeout=60)
    assert done.returncode < 0
    (crash,) = log.folder().glob("*.crash")
    assert "Segmentation fault" in crash.read_text()
