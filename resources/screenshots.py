"""Makes the pictures of the README: the digits sample before, during and after pruning, light and dark.

Run by `make screenshots`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from PySide6.QtCore import QDeadlineTimer, QEventLoop, QSettings
from PySide6.QtWidgets import QApplication

from pruner_gui.gui import app
from pruner_gui.gui.samples import samples
from pruner_gui.gui.theme import Mode, Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Tolerance

FOLDER = Path(__file__).parent / "screenshots"
SLOTS = ("read", "run", "sweep", "measure", "free", "strengths", "export")


def until(condition: Callable[[], bool]) -> None:
    """Let the program work until a condition holds, and then until the pictures are drawn."""
    loop, patience = QEventLoop(), QDeadlineTimer(60_000)
    while not condition():
        if patience.hasExpired():
            sys.exit("The window did not come so far.")
        loop.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)
    settle = QDeadlineTimer(700)
    while not settle.hasExpired():
        loop.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def take(window: MainWindow, name: str) -> None:
    """Save a picture of the window."""
    path = FOLDER / f"{name}.png"
    window.grab().save(str(path))
    print(path)


def main() -> None:
    """Take all pictures."""
    with TemporaryDirectory() as folder:
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        QApplication(sys.argv[:1])
        app.name_application()
        QApplication.setStyle("Fusion")
        theme = Theme()
        FOLDER.mkdir(exist_ok=True)
        for mode in (Mode.LIGHT, Mode.DARK):
            theme.set_mode(mode)
            _tour(MainWindow(theme), str(mode), Path(folder))


def _tour(window: MainWindow, mode: str, folder: Path) -> None:
    document = window.document
    window.show()
    window.resize(1280, 800)
    until(lambda: True)
    take(window, f"start_{mode}")
    window.open_sample(samples()[0])
    until(lambda: document.can_prune and not any(document.tasks.running(slot) for slot in SLOTS))
    document.set_config(replace(document.config, tolerances=(Tolerance(2.0, relative=True),)))
    until(lambda: True)
    take(window, f"preview_{mode}")
    document.prune()
    until(lambda: not any(document.tasks.running(slot) for slot in SLOTS))
    window.export(folder / f"digits_pruned_{mode}.onnx")
    until(lambda: not document.unsaved)
    take(window, f"result_{mode}")
    window.close()


if __name__ == "__main__":
    main()
