"""The one place for what nobody caught in slots, events, timers, threads, finalisers; it hears Qt too.

All of it goes to the log. What is raised for the first time is also told, once, to whoever listens.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

from pruner_gui.gui import diagnostics

_Place = tuple[type[BaseException], str, int | None]

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


@dataclass(frozen=True)
class Failure:
    """Something that could not be done, and where."""

    error: Exception
    trace: str


def log(what: str, trace: str) -> None:
    """Write an error to the log, with its trace and all versions."""
    _logger.error("%s\n%s\n%s", what, trace.rstrip(), diagnostics.versions())


def unhandled(error: Exception) -> None:
    """Hand over what went wrong in work that nobody waits for."""
    sys.excepthook(type(error), error, error.__traceback__)


class Crashes(QObject):
    """Hears of everything that was not caught, in any thread, from `install` to `uninstall`."""

    caught = Signal(object)  # Failure: one of its kind, the first; from the thread in which it happened

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._counts: Counter[_Place] = Counter()
        self._lock = threading.Lock()
        self._undo: list[Callable[[], object]] = []

    def install(self) -> None:
        """Take the places of all hooks."""
        hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        qt = qInstallMessageHandler(_qt_said)
        self._undo = [lambda: _set_hooks(*hooks), lambda: qInstallMessageHandler(qt)]
        _set_hooks(self._from_main, self._from_thread, self._from_finaliser)

    def uninstall(self) -> None:
        """Give the places back."""
        while self._undo:
            self._undo.pop()()

    def count(self, kind: type[BaseException]) -> int:
        """Return how many of a kind were heard of."""
        with self._lock:
            return sum(count for place, count in self._counts.items() if place[0] is kind)

    def _from_main(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self._report(error, trace, threading.current_thread().name)
        else:
            sys.__excepthook__(kind, error, trace)

    def _from_thread(self, raised: threading.ExceptHookArgs) -> None:
        name = raised.thread.name if raised.thread is not None else ""
        if isinstance(raised.exc_value, Exception):
            self._report(raised.exc_value, raised.exc_traceback, name)

    def _from_finaliser(self, raised: sys.UnraisableHookArgs) -> None:
        if isinstance(raised.exc_value, Exception):
            self._report(raised.exc_value, raised.exc_traceback, raised.err_msg or "finaliser")

    def _report(self, error: Exception, trace: TracebackType | None, where: str) -> None:
        count = self._counted(error, trace)
        if count == 1:
            lines = "".join(traceback.format_exception(type(error), error, trace))
            log(f"Not caught ({where})", lines)
            if sys.stderr is not None:
                print(lines, end="", file=sys.stderr)
            self.caught.emit(Failure(error, lines))
        elif count & (count - 1) == 0:  # what fails in every frame must not fill the log
            _logger.error("The same for the %dth time (%s): %s", count, where, error)

    def _counted(self, error: Exception, trace: TracebackType | None) -> int:
        """Count this error, by its type and the line that raised it: Qt's binding changes messages."""
        lines = traceback.extract_tb(trace)
        place = (type(error), lines[-1].filename, lines[-1].lineno) if lines else (type(error), "", None)
        with self._lock:
            self._counts[place] += 1
            return self._counts[place]


_logger = logging.getLogger(__name__)
_qt = logging.getLogger("qt")


def _set_hooks(
    main: Callable[..., object], thread: Callable[..., object], finaliser: Callable[..., object]
) -> None:
    sys.excepthook, threading.excepthook, sys.unraisablehook = main, thread, finaliser


def _qt_said(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    level = _LEVELS.get(kind, logging.WARNING)
    _qt.log(level, "%s", message)
    if level >= logging.WARNING and sys.stderr is not None:
        print(message, file=sys.stderr)
