"""Starts the application: names, theme, translation, log, and one place for errors that nobody caught."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, Qt, QTimer, QTranslator
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from pruner_gui import reading
from pruner_gui.gui import diagnostics, limits_dialog, log, resources
from pruner_gui.gui.crash import Crashes
from pruner_gui.gui.diary import Diary
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow

_logger = logging.getLogger(__name__)


def run(files: Sequence[Path]) -> int:
    """Open the window, with a model and perhaps its data; return the exit code when it is closed."""
    app = QApplication(sys.argv[:1])
    name_application()
    log.start()
    _logger.info("Started\n%s", diagnostics.versions())
    crashes = Crashes()
    crashes.install()
    try:
        window = open_window(app, crashes)
        if files:
            window.open_files(files, is_model=True)
        code = app.exec()
        _logger.info("Ended")
        return code
    except Exception:
        _logger.exception("Ended by an error")
        raise
    finally:
        crashes.uninstall()
        log.stop()


def open_window(qt: QApplication, crashes: Crashes) -> MainWindow:
    """Show the window, which tells of crashes from now on."""
    limits_dialog.restore()
    translate(qt)
    qt.setStyle("Fusion")
    theme = Theme(qt)
    qt.setWindowIcon(resources.icon("app"))
    window = MainWindow(theme)
    # Queued: it may have happened in another thread, or while something was painted.
    crashes.caught.connect(window.show_crash, Qt.ConnectionType.QueuedConnection)
    Diary(window.document)
    window.show()
    reading.prestart()
    QTimer.singleShot(0, window.document, window.document.warm_up)
    window.keeper.look_for_lost()
    return window


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
