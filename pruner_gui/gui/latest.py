"""Work outside the window's thread of which only the newest wish counts."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal


class Latest(QObject):
    """A slot for the newest job and a thread that lives as long as there is something to do.

    What is asked for while a job runs waits; of what waits, the newest is done. `done` brings results, in the
    thread of whoever listens; None is no result. `ready` runs first in every thread. What the work raises is
    told as of any thread, and the next wish is done.
    """

    done = Signal(object)

    def __init__(self, name: str, work: Callable[[Any], object], ready: Callable[[], None]) -> None:
        super().__init__()
        self._name, self._job_to_result, self._ready = name, work, ready
        self._lock = threading.Lock()
        self._next: Any = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def request(self, job: object) -> None:
        """Do this next, instead of what is still waiting."""
        with self._lock:
            if self._stopped:
                return
            self._next = job
        self.wake()

    def wake(self) -> None:
        """Have the thread running, so that it is ready before the first job needs it."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._work, name=self._name)
                self._thread.start()

    def is_stopped(self) -> bool:
        """Whether nothing is wanted any more."""
        return self._stopped

    def is_overtaken(self) -> bool:
        """Whether a newer job waits, or nothing is wanted any more."""
        return self._stopped or self._next is not None

    def stop(self) -> None:
        """Drop what waits, and join the thread. For good; harmless twice."""
        with self._lock:
            self._stopped, self._next = True, None
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        self._try(self._ready)
        while (job := self._take()) is not None:
            result = self._try(partial(self._job_to_result, job))
            if result is not None:
                self.done.emit(result)

    def _try(self, work: Callable[[], object]) -> object:
        """Return the result, None of work that raises: the thread must live on, or nothing is drawn again."""
        try:
            return work()
        except Exception:
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
            return None

    def _take(self) -> Any:
        with self._lock:
            job, self._next = self._next, None
            if job is None:
                self._thread = None
            return job
