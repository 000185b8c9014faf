"""What chance makes of two networks, and what not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.evaluation import beyond_noise, standard_error
from pruner_gui.network import FloatArray


def mistakes(worse: int, better: int, rows: int = 100) -> tuple[FloatArray, FloatArray]:
    """Which rows are wrong, before and after: `worse` became so, `better` are right now."""
    before, after = np.zeros(rows), np.zeros(rows)
    before[:better] = 1
    after[better : better + worse] = 1
    before[-5:] = after[-5:] = 1  # wrong both times: says nothing
    return before, after


@pytest.mark.parametrize(
    ("worse", "better", "sure"),
    [
        # two-sided exact binomial: 2 * 0.5^5 = 0.0625, 2 * 0.5^6 = 0.031, 2 * (1 + 8) / 2^8 = 0.07
        (0, 0, False),
        (0, 5, False),
        (0, 6, True),
        (6, 0, True),
        (1, 7, False),
        (1, 8, True),  # 2 * (1 + 9) / 2^9 = 0.039
        (20, 20, False),
    ],
)
def test_mistakes_are_told_by_the_rows_that_only_one_gets_wrong(worse: int, better: int, sure: bool) -> None:
    assert beyond_noise(*mistakes(worse, better)) is sure


def test_many_mistakes_are_no_more_than_numbers_can_hold() -> None:
    assert beyond_noise(*mistakes(4000, 6000, 20_000))
    assert not beyond_noise(*mistakes(5000, 5050, 20_000))


def test_rows_that_are_hard_both_times_make_no_noise() -> None:
    hard = np.random.default_rng(0).exponential(10, 100)
    assert standard_error(hard, hard) == 0
    assert not beyond_noise(hard, hard)
    assert beyond_noise(hard, hard - 0.01)
    wobble = 0.02 * np.resize([-1.0, 1.0], 100)  # a standard error of 0.002
    assert standard_error(hard, hard + wobble) == pytest.approx(0.02 / math.sqrt(99))
    assert beyond_noise(hard, hard + wobble - 0.005)
    assert not beyond_noise(hard, hard + wobble - 0.003)


def test_one_row_proves_nothing() -> None:
    assert standard_error(np.ones(1), np.zeros(1) + 0.5) == math.inf
    assert not beyond_noise(np.ones(1), np.zeros(1) + 0.5)


def test_the_best_of_many_has_to_be_better_by_more() -> None:
    hard = np.random.default_rng(0).exponential(10, 100)
    better = hard + 0.02 * np.resize([-1.0, 1.0], 100) - 0.005  # 2.5 standard errors
    assert beyond_noise(hard, better)
    assert not beyond_noise(hard, better, candidates=50)


def test_chance_alone_is_seldom_called_an_improvement() -> None:
    rng = np.random.default_rng(1)
    calls = 0
    for _ in range(200):
        before = rng.exponential(1, 80)
        tries = [before + rng.normal(0, 0.5, 80) for _ in range(20)]
        best = min(tries, key=lambda losses: float(losses.mean()))
        calls += beyond_noise(before, best, candidates=20)
    assert calls <= 20  # 5 % are 10


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 9))
def test_what_holds_of_many_holds_alone(worse: int, better: int, candidates: int) -> None:
    rows = mistakes(worse, better)
    assert beyond_noise(*rows, 1) or not beyond_noise(*rows, candidates)
