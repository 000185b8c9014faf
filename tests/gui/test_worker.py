from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

from pytestqt.qtbot import QtBot

from pruner_gui.gui.worker import Outcome, Tasks


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
