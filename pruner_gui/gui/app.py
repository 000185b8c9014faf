"""Starts the application: names, theme, translation, log, and one place for errors that nobody caught."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QLibraryInfo, QLocale, QTimer, QTranslator
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from pruner_gui import reading
from pruner_gui.gui import limits_dialog, log, resources
from pruner_gui.gui.document import Failure
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow


def run(files: Sequence[Path]) -> int:
    """Open the window, with a model and perhaps its data; return the exit code when it is closed."""
    app = QApplication(sys.argv[:1])
    name_application()
    limits_dialog.restore()
    translate(app)
    log.start()
    app.setStyle("Fusion")
    theme = Theme(app)
    app.setWindowIcon(resources.icon("app"))
    window = MainWindow(theme)
    catch_errors(window)
    window.show()
    reading.prestart()
    QTimer.singleShot(0, window.document, window.document.warm_up)
    window.keeper.look_for_lost()
    if files:
        window.open_files(files, is_model=True)
    return app.exec()


def name_application() -> None:
    """Say who we are, for settings, folders and the desktop."""
    QApplication.setOrganizationName("pruner_gui")
    QApplication.setApplicationName("pruner-gui")
    QGuiApplication.setApplicationDisplayName("Pruner")


def translate(app: QApplication) -> None:
    """Take the system's language, where there is a translation."""
    own = str(resources.folder("resources") / "i18n")
    qt = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for name, folder in (("pruner_gui", own), ("qtbase", qt)):
        translator = QTranslator(app)
        if translator.load(QLocale(), name, "_", folder):
            app.installTranslator(translator)


def catch_errors(window: MainWindow) -> None:
    """Show what a slot raises once, in a dialog, and write it to the log; the window stays usable."""

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            lines = "".join(traceback.format_exception(kind, error, trace))
            window.document.failed.emit(Failure(error, lines))
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = show
