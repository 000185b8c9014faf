from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from pruner_gui.gui.graph_motion import INTERVAL_MS, SECONDS, Motion
from pruner_gui.gui.graph_paint import Status, Statuses


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def statuses(*removed: int, size: int = 4) -> tuple[Statuses, ...]:
    found = np.full(size, Status.NORMAL, np.uint8)
    found[list(removed)] = Status.REMOVED
    return (np.full(2, Status.NEUTRAL, np.uint8), found)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def updates() -> list[int]:
    return []


@pytest.fixture
def motion(qtbot: QtBot, clock: Clock, updates: list[int]) -> Motion:
    return Motion(lambda: updates.append(1), clock)


def test_at_most_thirty_updates_a_second() -> None:
    assert 1000 / INTERVAL_MS <= 30


def test_a_neuron_goes_bit_by_bit_and_then_all_is_still(
    motion: Motion, clock: Clock, updates: list[int]
) -> None:
    motion.removed(statuses(), statuses(2))
    assert motion.neurons == {1: {2: 0.0}}
    clock.now = SECONDS / 2
    motion.tick()
    assert motion.neurons == {1: {2: pytest.approx(0.5)}}
    clock.now = SECONDS
    motion.tick()
    assert motion.neurons == {}
    assert not motion.active
    assert len(updates) == 3


def test_many_that_go_at_different_moments_share_one_timer(motion: Motion, clock: Clock) -> None:
    motion.removed(statuses(), statuses(0))
    clock.now = SECONDS / 2
    motion.removed(statuses(0), statuses(0, 1, 3))
    motion.tick()
    assert motion.neurons == {1: {0: pytest.approx(0.5), 1: 0.0, 3: 0.0}}
    clock.now = SECONDS * 1.2
    motion.tick()
    assert set(motion.neurons[1]) == {1, 3}
    assert motion.active


def test_nothing_moves_where_nothing_goes_or_all_goes_at_once(motion: Motion, updates: list[int]) -> None:
    motion.removed(statuses(1), statuses(1))
    motion.removed(statuses(1), statuses())  # came back
    motion.removed(statuses(size=2000), statuses(*range(1500), size=2000))
    assert not motion.active
    assert not updates


def test_stopping_is_at_once(motion: Motion) -> None:
    motion.removed(statuses(), statuses(2))
    motion.stop()
    assert not motion.active
    assert motion.neurons == {}
