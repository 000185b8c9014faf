"""How far sums of losses are said to be off, against how far they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.evaluation.rounding import Rounding

FLOOR = 1e-12


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 3.0]), st.integers(1, 20_000))
def test_sums_of_other_rows_are_off_by_no_more(seed: int, drift: float, some: int) -> None:
    """Whether rows are off by chance or all one way, and however few are summed."""
    rng = np.random.default_rng(seed)
    exact = rng.exponential(size=(1, 21_000))
    off = 1e-7 * exact * (rng.normal(size=exact.shape) + drift)
    rounding = Rounding.of((exact + off)[:, :1000], exact[:, :1000], FLOOR)
    rows = slice(1000, 1000 + some)
    assert abs(off[0, rows].sum()) <= rounding(exact[:, rows].sum(axis=1), 1.0)[0]


def test_what_is_off_by_chance_is_less_than_all_that_is_off() -> None:
    rng = np.random.default_rng(0)
    exact = rng.exponential(size=(1, 1000))
    rounding = Rounding.of(exact + 1e-7 * rng.normal(size=exact.shape), exact, FLOOR)
    assert rounding(np.array([1e4]), 1.0)[0] < rounding(np.array([1e4]), 1 + 1e-9)[0] / 3


def test_few_rows_are_reckoned_as_if_all_went_one_way() -> None:
    exact = np.ones((1, 4))
    rounding = Rounding.of(exact + 1e-7 * np.array([[1, -1, 1, -1]]), exact, FLOOR)
    assert rounding(np.array([4.0]), 1.0)[0] == pytest.approx(4 * 4e-7)


def test_where_nothing_is_known_nothing_is_sure() -> None:
    exact = np.ones((1, 4))
    assert Rounding.of(exact * np.nan, exact, FLOOR)(np.array([1.0]), 1.0)[0] > 1e20
