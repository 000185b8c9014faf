"""How long work is asked to stop: a check that belongs to the thread that does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """The work was asked to stop, see `stopping`."""


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
