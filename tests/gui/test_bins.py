from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pruner_gui.gui.bins import Magnitudes, Stretch, round_sizes
from pruner_gui.gui.tolerance import tolerance_for
from pruner_gui.network import FloatArray
from pruner_gui.pruning import Tolerance

WEIGHTS = arrays(np.float32, st.integers(1, 60), elements=st.floats(-8, 8, width=32))
HARMS = arrays(np.float64, st.integers(1, 60), elements=st.floats(-3, 900))


@given(WEIGHTS, st.floats(0, 9, width=32))
def test_connections_below_a_threshold_are_counted_exactly(weights: FloatArray, threshold: float) -> None:
    sizes = Magnitudes.of([weights[::2], weights[1::2].reshape(1, -1)])
    assert sizes.total == np.count_nonzero(weights)
    assert sizes.below(threshold) == np.count_nonzero((weights != 0) & (np.abs(weights) < threshold))


@given(WEIGHTS)
def test_every_connection_is_in_one_bin(weights: FloatArray) -> None:
    sizes = Magnitudes.of([weights])
    edges, counts = sizes.bins()
    assert counts.sum() == sizes.total
    if sizes.total:
        assert (np.diff(edges) > 0).all()
        assert edges[0] > 0
        assert edges[-1] == pytest.approx(np.abs(weights).max())


def test_bins_are_even_on_a_logarithmic_axis_and_tiny_weights_do_not_stretch_it() -> None:
    weights = np.concatenate([np.geomspace(1e-3, 1.0, 10_000), [1e-30]])
    edges, counts = Magnitudes.of([weights]).bins()
    assert np.diff(np.log(edges)) == pytest.approx(np.log(edges[1] / edges[0]))
    assert edges[0] > 5e-4
    assert counts[1:].min() > 0.8 * counts[1:].max()


def test_without_connections_there_are_no_bins() -> None:
    sizes = Magnitudes.of([np.zeros((3, 3))])
    assert sizes.bins()[0].size == sizes.below(1.0) == Magnitudes.of([]).total == 0


@given(HARMS, st.floats(-1, 1000))
def test_every_neuron_is_in_one_bin_and_the_limit_on_the_axis(harms: FloatArray, limit: float) -> None:
    stretch = Stretch.of(harms, limit)
    edges, counts = stretch.bins(harms, limit)
    assert counts.sum() == harms.size
    assert edges[0] <= stretch.place(limit) <= edges[-1]
    assert np.abs(edges).min() == pytest.approx(0, abs=1e-9)


@given(HARMS)
def test_the_axis_can_be_read_back_and_its_marks_are_apart(harms: FloatArray) -> None:
    stretch = Stretch.of(harms, 1.0)
    edges, _ = stretch.bins(harms, 1.0)
    for place in edges[:: max(1, edges.size // 7)]:
        assert stretch.place(stretch.value(place)) == pytest.approx(place, abs=1e-6)
    ticks = stretch.ticks(edges[0], edges[-1])
    places = [stretch.place(tick) for tick in ticks]
    assert 0.0 in ticks
    assert len(ticks) < 14
    assert all(edges[0] <= place <= edges[-1] for place in places)
    assert (np.diff(places) > (edges[-1] - edges[0]) / 10).all()


def test_small_harms_are_told_apart_beside_a_huge_one() -> None:
    harms = np.array([0.0, 1e-4, 2e-4, 3e-4, 5e-4, 4.0])
    stretch = Stretch.of(harms, 1e-4)
    _, counts = stretch.bins(harms, 1e-4)
    assert np.count_nonzero(counts) == 6


@pytest.mark.parametrize(("low", "high"), [(1e-6, 3.0), (0.02, 0.9), (0.4, 0.6), (3.0, 4e5)])
def test_a_logarithmic_axis_has_some_round_numbers(low: float, high: float) -> None:
    sizes = round_sizes(low, high)
    assert 1 <= len(sizes) <= 10
    assert all(low <= size <= high for size in sizes)


# -- a limit that is dragged becomes a tolerance


@pytest.mark.parametrize(
    ("tolerance", "wanted", "expected"),
    [
        (Tolerance(5, relative=True), 0.44, Tolerance(10, relative=True)),
        (Tolerance(5, relative=True), 0.40, Tolerance(0, relative=True)),
        (Tolerance(5, relative=True), 0.10, Tolerance(0, relative=True)),
        (Tolerance(0.02, relative=False), 0.47, Tolerance(0.07, relative=False)),
    ],
)
def test_the_tolerance_that_makes_a_limit(tolerance: Tolerance, wanted: float, expected: Tolerance) -> None:
    found = tolerance_for(wanted, 0.42, tolerance, 0.4)
    assert found.relative is expected.relative
    assert found.value == pytest.approx(expected.value)


def test_percent_of_nothing_stay_as_they_are() -> None:
    assert tolerance_for(0.5, 0.0, Tolerance(5, relative=True), 0.0) == Tolerance(5, relative=True)
