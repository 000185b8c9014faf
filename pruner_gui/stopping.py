"""How long work is asked to stop: a check that belongs to the thread that does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pruner_gui.errors import PrunerError


class Stopped(Exception):
    """The work was asked to stop, see `stopping`."""


@dataclass
class NoResult(PrunerError):
    """Work in a thread ended without a result. `detail` says how, as far as that is known."""

    detail: str = "?"


_asked = threading.local()


@contextmanager
def stopping(asked: Callable[[], bool]) -> Iterator[None]:
    """Have long work of this thread raise `Stopped` within milliseconds once `asked` says so."""
    _asked.check = asked
    try:
        yield
    finally:
        del _asked.check


def _never() -> bool:
    return False


def check() -> Callable[[], bool]:
    """Return what says whether this thread's work is to stop; any thread may call it."""
    found: Callable[[], bool] = getattr(_asked, "check", _never)
    return found
