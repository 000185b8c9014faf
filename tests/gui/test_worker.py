from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from pruner_gui.gui.worker import Outcome, Task, Tasks
from pruner_gui.stopping import NoResult


def test_items_and_the_end_arrive_in_the_main_thread_in_order(qtbot: QtBot) -> None:
    tasks, items, ends = Tasks(), list[int](), list[Outcome]()
    threads: set[int] = set()

    def work() -> Iterator[int]:
        threads.add(threading.get_ident())
        yield from range(1000)

    def ended(outcome: Outcome) -> None:
        ends.append(outcome)
        threads.add(-threading.get_ident())

    tasks.start("slot", work, ended, items.extend)
    qtbot.waitUntil(lambda: bool(ends))
    assert items == list(range(1000))
    assert -threading.get_ident() in threads
    assert threading.get_ident() not in threads
    assert not tasks.running("slot")
    tasks.shutdown()


def test_stopping_closes_the_generator_and_hands_over_what_came(qtbot: QtBot) -> None:
    tasks, items, ends = Tasks(), list[int](), list[Outcome]()
    closed = threading.Event()

    def forever() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed.set()

    tasks.start("slot", forever, ends.append, items.extend)
    qtbot.waitUntil(lambda: len(items) > 5)
    tasks.stop("slot")
    qtbot.waitUntil(lambda: bool(ends))
    assert ends[0].stopped
    assert closed.is_set()
    assert items == list(range(len(items)))
    tasks.shutdown()


def test_an_error_comes_back_as_a_value(qtbot: QtBot) -> None:
    tasks, ends = Tasks(), list[Outcome]()

    def fail() -> None:
        raise ValueError("no")

    tasks.start("slot", fail, ends.append)
    qtbot.waitUntil(lambda: bool(ends))
    assert isinstance(ends[0].error, ValueError)
    assert "fail" in ends[0].trace
    tasks.shutdown()


def test_a_dropped_task_is_never_heard_of_again(qtbot: QtBot) -> None:
    tasks, heard, ends = Tasks(), list[int](), list[Outcome]()
    go = threading.Event()

    def slow() -> int:
        go.wait(10)
        return 1

    tasks.start("slot", slow, lambda outcome: heard.append(1))
    tasks.start("slot", lambda: 2, ends.append)
    go.set()
    qtbot.waitUntil(lambda: bool(ends))
    tasks.shutdown()
    assert not heard
    assert ends[0].value == 2


def test_the_binding_does_not_lose_references_to_none(qtbot: QtBot) -> None:
    """PySide6 6.12 does on Python 3.11, and aborts after some thousand calls."""
    tasks = Tasks()
    before = sys.getrefcount(None)
    for _ in range(2000):
        tasks.setObjectName("x")
        tasks.blockSignals(False)
    assert abs(sys.getrefcount(None) - before) < 500


class Fatal(BaseException):
    pass


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), Fatal()])
def test_work_that_would_end_the_program_ends_alone(qtbot: QtBot, error: BaseException) -> None:
    tasks, ends = Tasks(), list[Outcome]()

    def fail() -> None:
        raise error

    tasks.start("slot", fail, ends.append)
    qtbot.waitUntil(lambda: bool(ends))
    assert ends[0].error == NoResult(type(error).__name__)
    tasks.shutdown()


def test_a_thread_that_leaves_nothing_behind_has_failed(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Task, "run", lambda task: None)
    tasks, ends = Tasks(), list[Outcome]()
    tasks.start("slot", lambda: 1, ends.append)
    qtbot.waitUntil(lambda: bool(ends))
    assert isinstance(ends[0].error, NoResult)
    tasks.shutdown()


def test_items_that_cannot_be_taken_end_the_work_with_that_error(qtbot: QtBot) -> None:
    tasks, ends = Tasks(), list[Outcome]()
    closed = threading.Event()

    def forever() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    def refuse(items: list[int]) -> None:
        raise MemoryError

    tasks.start("slot", forever, ends.append, refuse)
    qtbot.waitUntil(lambda: bool(ends))
    assert isinstance(ends[0].error, MemoryError)
    assert "refuse" in ends[0].trace
    assert closed.is_set()
    tasks.shutdown()


def test_what_was_asked_to_end_says_so_at_once(qtbot: QtBot) -> None:
    tasks, ends, heard = Tasks(), list[Outcome](), list[bool]()
    go = threading.Event()
    tasks.start("slot", lambda: go.wait(10), ends.append)
    tasks.changed.connect(lambda: heard.append(tasks.stopping("slot")))
    assert not tasks.stopping("slot")
    tasks.stop("slot")
    assert heard == [True]
    go.set()
    qtbot.waitUntil(lambda: bool(ends))
    assert not tasks.stopping("slot")
    tasks.shutdown()
