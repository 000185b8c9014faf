"""What tells a stranger how the program stands: versions, the machine, the end of the log."""

from __future__ import annotations

import locale
import os
import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import QLocale, qVersion
from PySide6.QtGui import QGuiApplication

from pruner_gui.gui import log

LIBRARIES = ("PySide6_Essentials", "numpy", "numba", "pyqtgraph", "superqt", "onnx", "onnxruntime")

_END = 20_000  # characters of the log


def versions() -> str:
    """Return the versions of what the program is made of, one a line."""
    lines = [
        f"pruner-gui {_version('pruner-gui')}",
        f"Python {platform.python_version()}, {platform.platform()}",
        f"Qt {qVersion()}",
    ]
    return "\n".join(lines + [f"{name} {_version(name)}" for name in LIBRARIES])


def report() -> str:
    """Return everything that helps to find a fault: not what is in the files that were opened."""
    return f"{versions()}\n{_machine()}\nlog {log.path()}\n\n{log.end(_END)}"


def _machine() -> str:
    screen = QGuiApplication.primaryScreen()
    size = screen.size()
    lines = [
        f"{os.cpu_count()} processors, {platform.machine()}",
        f"{QGuiApplication.platformName()}, screen {size.width()}x{size.height()}",
        f"language {QLocale().name()}, encoding {locale.getpreferredencoding(False)}",
    ]
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
