"""The window in tests: opened on files, and waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from pruner_gui.gui import app, dialogs
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.samples import Sample, samples
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow

# All work in the background but the two kinds that wait for quiet: "compare" and "compile".
SLOTS = (
    *("read", "run", "sweep", "measure", "export", "order", "picture"),
    *("report", "session", "free", "fold", "strengths", "sensitivity", "sources"),
)


@contextmanager
def shown(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window that is closed again with all that it started."""
    app.name_application()
    monkeypatch.setattr(dialogs, "ask", lambda *_: Answer.Discard)  # nobody answers: it would wait for ever
    found = MainWindow(Theme())
    qtbot.addWidget(found)
    found.show()
    yield found
    for dialog in list(found.errors):
        dialog.close()
    if found.asking is not None:
        found.asking.reject()
    found.document.cancel()
    found.workspace.shutdown()
    found.document.shutdown()


def sample(name: str) -> Sample:
    """The sample whose model is called so."""
    return next(found for found in samples() if found.model.stem == name)


def settled(qtbot: QtBot, window: MainWindow, *also: str) -> None:
    """Wait until nothing goes on in the background, and neither in slots that are waited for `also`."""
    tasks, panels = window.document.tasks, window.workspace
    qtbot.waitUntil(
        lambda: not any(tasks.running(slot) for slot in (*SLOTS, *also)) and not panels._turn.isActive(),
        timeout=60_000,
    )


def opened(qtbot: QtBot, window: MainWindow, *files: Path) -> MainWindow:
    """Open a model, with data if there is any, and wait until all is known of it."""
    window.open_files(files)
    session, with_data = window.document.session, len(files) > 1
    qtbot.waitUntil(lambda: session.is_open and session.path == files[0], timeout=30_000)
    qtbot.waitUntil(lambda: not with_data or session.examples is not None, timeout=30_000)
    settled(qtbot, window)
    return window


def opened_sample(qtbot: QtBot, window: MainWindow, name: str = "iris") -> MainWindow:
    """Open a sample with its data, and wait until all is known of it."""
    found = sample(name)
    return opened(qtbot, window, found.model, *found.data)
