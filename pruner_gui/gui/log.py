"""The log: a file of its own for every process, of bounded size, and the newest of those before.

Processes that share a file would tear it apart when it is rotated; so none do. An interpreter that breaks
down writes where it was into a file beside it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import time
from functools import cache
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from PySide6.QtCore import QStandardPaths

_BYTES = 512 * 1024  # of a file before it is rotated; one rotated file is kept
_KEPT = 10  # files of earlier processes
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"

_open: list[tuple[logging.Handler, TextIO]] = []


def folder() -> Path:
    """Return where logs are."""
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation)
    return Path(place) / "log"


def path() -> Path:
    """Return where the log of this process is."""
    return folder() / f"{_name()}.log"


def end(characters: int) -> str:
    """Return the end of the log of this process; "" where there is none."""
    with contextlib.suppress(OSError):
        return path().read_text("utf-8", errors="replace")[-characters:]
    return ""


def start() -> None:
    """Write to the log from now on. Without a place to write there is no log."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        _sweep(folder())
        breakdown = path().with_suffix(".crash").open("w", encoding="utf-8")
    except OSError:
        return
    faulthandler.enable(breakdown)
    handler = _Handler(path(), maxBytes=_BYTES, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.getLogger().addHandler(handler)
    logging.getLogger("pruner_gui").setLevel(logging.INFO)
    _open.append((handler, breakdown))


def stop() -> None:
    """Close the log."""
    while _open:
        handler, breakdown = _open.pop()
        logging.getLogger().removeHandler(handler)
        handler.close()
        faulthandler.disable()
        breakdown.close()
        with contextlib.suppress(OSError):  # it did not break down
            path().with_suffix(".crash").unlink()


class _Handler(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on without a word: a full disk must not make errors of its own."""


@cache
def _name() -> str:
    return f"pruner_{time.strftime('%Y%m%d-%H%M%S')}_{os.getpid()}"


def _sweep(place: Path) -> None:
    """Remove all but the newest files; a running program's are among those unless it has been silent long."""
    for old in sorted(place.glob("pruner_*"), key=_changed_at)[:-_KEPT]:
        with contextlib.suppress(OSError):  # another process was faster, or has it open
            old.unlink()


def _changed_at(file: Path) -> float:
    with contextlib.suppress(OSError):
        return file.stat().st_mtime
    return 0.0
