"""Every test of the window: settings of its own, and no thread left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pyqtgraph as pg
import pytest
import windows
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from pruner_gui.gui import theme
from pruner_gui.gui.window import MainWindow

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    assert not left


@pytest.fixture(autouse=True)
def every_mouse_move_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots pass over moves that come within 10 ms of the last: those of a test do."""
    monkeypatch.setitem(pg.CONFIG_OPTIONS, "mouseRateLimit", -1)


@pytest.fixture(autouse=True)
def light_again() -> Iterator[None]:
    yield
    if QApplication.instance() is not None and theme.colours().dark:
        QApplication.styleHints().unsetColorScheme()
        theme.set_palette(dark=False)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    with windows.shown(qtbot, monkeypatch) as found:
        yield found
