"""The one way of doing long things: a thread that runs a function, or iterates an iterator, and a queue.

Results come back in the main thread: a 30 Hz timer drains the queue, at most what was there on entry, and
hands over whole batches. Never one signal an item: thousands a second would freeze the window.
"""

from __future__ import annotations

import logging
import queue
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

from PySide6.QtCore import QObject, QThread, QTimer, Signal

from pruner_gui.errors import PrunerError
from pruner_gui.gui import crash
from pruner_gui.stopping import NoResult, Stopped, stopping

INTERVAL_MS = 33

_logger = logging.getLogger(__name__)

Work = Callable[[], Any]
OnItems = Callable[[list[Any]], None]


@dataclass(frozen=True)
class Outcome:
    """How a task ended. `value` is what the function, or the generator, returned."""

    value: Any = None
    stopped: bool = False
    error: Exception | None = None
    trace: str = ""


OnEnd = Callable[[Outcome], None]


def _no_items(items: list[Any]) -> None:
    pass


class Task(QThread):
    """One piece of background work."""

    def __init__(self, work: Work, on_items: OnItems, on_end: OnEnd) -> None:
        super().__init__()
        self.on_items, self.on_end = on_items, on_end
        self.outcome: Outcome | None = None
        self._work = work
        self._broken: Outcome | None = None
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._stop = False

    def stop(self) -> None:
        """Ask the work to end before its next item, or amid a long evaluation. What it gave still arrives."""
        self._stop = True

    @property
    def stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop

    def break_off(self, error: Exception) -> None:
        """End the work, since its items could not be taken: with this error, and no more items arrive."""
        self._broken = Outcome(error=error, trace=_trace(error))
        self.on_items = _no_items
        self.stop()

    @property
    def end(self) -> Outcome:
        """How it ended; a thread that left nothing behind failed too."""
        return self._broken or self.outcome or Outcome(error=NoResult())

    def run(self) -> None:
        """Do the work (in the thread). Whatever is raised becomes the outcome."""
        try:
            with stopping(lambda: self._stop):
                outcome = self._run()
        except Stopped:
            outcome = Outcome(stopped=True)
        except Exception as error:
            outcome = Outcome(error=error, trace=_trace(error))
        except BaseException as error:  # one that would end the program
            outcome = Outcome(error=NoResult(type(error).__name__), trace=_trace(error))
        self._work = _nothing  # lets go of what the work held
        self.outcome = outcome

    def drain(self) -> list[Any]:
        """Return the items that are waiting now."""
        return [self._queue.get() for _ in range(self._queue.qsize())]

    def _run(self) -> Outcome:
        result = self._work()
        if not isinstance(result, GeneratorType):
            return Outcome(result)
        with closing(result):
            return self._iterate(result)

    def _iterate(self, items: Iterator[Any]) -> Outcome:
        while not self._stop:
            try:
                self._queue.put(next(items))
            except StopIteration as done:
                return Outcome(done.value)
        return Outcome(stopped=True)


def _nothing() -> None:
    return None


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


class Tasks(QObject):
    """The background work of one window, by slot: what starts in a slot replaces what ran there.

    Results of a replaced or dropped task never arrive, so nobody sees a stale one.
    """

    changed = Signal()  # a task started or ended

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks: dict[str, Task] = {}
        self._dropped: list[Task] = []
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._drain)

    def start(self, slot: str, work: Work, on_end: OnEnd, on_items: OnItems = _no_items) -> None:
        """Run `work` in a thread: a function; when it returns a generator, its items arrive in batches."""
        self.drop(slot)
        task = self._tasks[slot] = Task(work, on_items, on_end)
        task.start()
        self._timer.start()
        self.changed.emit()

    def running(self, slot: str) -> bool:
        """Whether this slot has work whose end has not been handed over."""
        return slot in self._tasks

    def stopping(self, slot: str) -> bool:
        """Whether the work in this slot was asked to end, and has not yet."""
        return slot in self._tasks and self._tasks[slot].stopping

    def stop(self, slot: str) -> None:
        """Ask the work to end early; its items so far and its end still arrive."""
        if slot in self._tasks:
            self._tasks[slot].stop()
            self.changed.emit()

    def drop(self, slot: str) -> None:
        """Ask the work to end, and never hear of it again."""
        task = self._tasks.pop(slot, None)
        if task is not None:
            task.stop()
            self._dropped.append(task)
            self.changed.emit()

    def shutdown(self) -> None:
        """Stop everything and wait until no thread is left."""
        for slot in list(self._tasks):
            self.drop(slot)
        for task in self._dropped:
            task.wait()
        self._dropped.clear()
        self._timer.stop()

    def _drain(self) -> None:
        self._dropped = [task for task in self._dropped if not task.isFinished()]
        for slot, task in list(self._tasks.items()):
            ended = task.isFinished()  # asked first: what comes before the end is then in the queue
            items = task.drain()
            if items and self._tasks.get(slot) is task:
                self._hand_over(task, items)
            if ended and self._tasks.get(slot) is task:
                self._end(slot, task)
        if not self._tasks and not self._dropped:
            self._timer.stop()

    def _hand_over(self, task: Task, items: list[Any]) -> None:
        try:
            task.on_items(items)
        except Exception as error:
            task.break_off(error)

    def _end(self, slot: str, task: Task) -> None:
        del self._tasks[slot]
        self.changed.emit()
        outcome = task.end
        if isinstance(outcome.error, PrunerError) and not isinstance(outcome.error, NoResult):
            _logger.info("%s: %s", slot, outcome.error)
        elif outcome.error is not None:
            crash.log(f"{slot}: {outcome.error!r}", outcome.trace)
        task.on_end(outcome)
