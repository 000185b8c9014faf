"""Driving windows in this process: waiting, and the program's day from opening to closing."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QDeadlineTimer, QEvent, QEventLoop, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from pruner_gui import reading
from pruner_gui.gui import app, dialogs
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.samples import Sample, samples
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.reading import Limits, child


def application() -> QApplication:
    """Return the application, with settings of its own and a user who discards whatever he is asked about."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    found = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(found, QApplication)
    app.name_application()
    found.setStyle("Fusion")
    found.setQuitOnLastWindowClosed(False)
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    folder = tempfile.mkdtemp(prefix="pruner-soak-")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
    os.environ["XDG_DATA_HOME"] = folder
    dialogs.ask = lambda *anything: Answer.Discard
    return found


def wait(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Let windows work until a condition holds; end the program where it never does."""
    loop, look, patience = QEventLoop(), QTimer(), QDeadlineTimer(int(seconds * 1000))

    def see() -> None:
        if condition() or patience.hasExpired():
            loop.quit()

    look.timeout.connect(see)
    look.start(3)
    loop.exec()
    look.stop()
    look.timeout.disconnect(see)
    if not condition():
        sys.exit("The window did not come so far.")


def sample(name: str) -> Sample:
    """Return a sample by its model's name."""
    return next(found for found in samples() if found.model.stem == name)


def cycle(theme: Theme, chosen: Sample) -> None:
    """Open a window and a model, prune, undo, close."""
    window = MainWindow(theme)
    window.show()
    window.open_sample(chosen)
    prune_and_undo(window)
    window.close()
    window.deleteLater()
    del window
    flush()


def forget_styles() -> None:
    """Put the style sheet on anew: until then Qt keeps 30 kB of rules for every window that was closed."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    sheet = app.styleSheet()
    app.setStyleSheet("")
    app.setStyleSheet(sheet)


@contextlib.contextmanager
def reading_here() -> Iterator[None]:
    """Have files read in this process."""

    def ask(
        what: str, paths: Sequence[Path], arguments: tuple[Any, ...], options: dict[str, Any], limits: Limits
    ) -> Any:
        return child._CALLS[what](*arguments, **options)

    real, reading._ask, ahead, reading.prestart = reading._ask, ask, reading.prestart, lambda: None
    try:
        yield
    finally:
        reading._ask, reading.prestart = real, ahead


def prune_and_undo(window: MainWindow) -> None:
    """Prune as soon as that can be done, to the end, and undo it."""
    document = window.document
    wait(lambda: document.can_prune)
    document.prune()
    wait(lambda: not document.running and len(document.session.versions) > 1)
    document.undo()
    wait(lambda: not document.tasks.running("measure"))


def flush() -> None:
    """Have everything deleted that waits for it."""
    QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QApplication.processEvents()


def open_files() -> int:
    """Return how many file handles this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    """Return how many threads this process has."""
    return len(list(Path("/proc/self/task").iterdir()))


def temporary_files() -> int:
    """Return how many files of this process' own are in the folder for temporary files."""
    return sum(len(files) for _, _, files in os.walk(tempfile.gettempdir()))


def memory() -> float:
    """Return the memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
