import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pruner_gui.data import SCALINGS, Dataset, Scaling, cap, split


def examples(n_rows: int, test: npt.NDArray[np.bool_] | None = None) -> Dataset:
    """Rows whose input says which row it was."""
    inputs = np.arange(n_rows, dtype=np.float32)[:, None]
    return Dataset(
        inputs=inputs,
        targets=2 * inputs,
        labels=np.arange(n_rows),
        classes=(),
        input_names=("row",),
        target_names=("twice",),
        test=test,
        source="",
        scaling=Scaling.fit("none", inputs),
    )


def rows_in(dataset: Dataset | None) -> list[int]:
    return [] if dataset is None else dataset.inputs[:, 0].astype(int).tolist()


@given(n_rows=st.integers(1, 60), share=st.floats(0, 1), seed=st.integers(0, 9))
def test_a_split_is_a_reproducible_partition_in_order(n_rows: int, share: float, seed: int) -> None:
    parts = split(examples(n_rows), share, seed)
    pruning, holdout = rows_in(parts.pruning), rows_in(parts.holdout)
    assert sorted(pruning + holdout) == list(range(n_rows))
    assert pruning == sorted(pruning)
    assert holdout == sorted(holdout)
    assert pruning
    assert abs(len(holdout) - min(share * n_rows, n_rows - 1)) <= 0.5
    assert rows_in(split(examples(n_rows), share, seed).pruning) == pruning


def test_seeds_draw_different_rows() -> None:
    assert rows_in(split(examples(50), 0.5, 0).holdout) != rows_in(split(examples(50), 0.5, 1).holdout)


def test_without_a_share_the_marked_rows_are_held_out() -> None:
    parts = split(examples(4, np.array([True, False, False, True])), None, 0)
    assert (rows_in(parts.pruning), rows_in(parts.holdout)) == ([1, 2], [0, 3])


def test_a_share_overrules_the_marks() -> None:
    assert split(examples(4, np.array([True, False, False, True])), 0, 0).holdout is None


@pytest.mark.parametrize("marks", [None, np.ones(10, bool), np.zeros(10, bool)])
def test_without_marks_that_divide_three_in_ten_are_held_out(marks: npt.NDArray[np.bool_] | None) -> None:
    assert len(rows_in(split(examples(10, marks), None, 0).holdout)) == 3


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_beyond_the_whole_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        split(examples(4), share, 0)


@given(n_rows=st.integers(1, 40), most=st.integers(1, 50))
def test_cap_takes_some_rows_in_order(n_rows: int, most: int) -> None:
    rows = rows_in(cap(examples(n_rows), most, 3))
    assert len(rows) == min(n_rows, most)
    assert rows == sorted(set(rows))
    assert rows_in(cap(examples(n_rows), most, 3)) == rows


def test_take_takes_every_part_of_the_rows() -> None:
    taken = examples(5, np.array([True, False, True, False, True])).take(np.array([4, 1]))
    assert taken.labels is not None
    assert taken.targets is not None
    assert taken.test is not None
    assert rows_in(taken) == [4, 1]
    assert taken.targets[:, 0].tolist() == [8, 2]
    assert taken.labels.tolist() == [4, 1]
    assert taken.test.tolist() == [True, False]


def test_arrays_can_be_written_to_by_nobody() -> None:
    inputs = np.zeros((3, 1))
    dataset = Dataset(inputs, None, None, (), ("a",), (), None, "", Scaling.fit("none", inputs))
    inputs[0] = 1
    assert dataset.inputs[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        dataset.inputs[0] = 1


def test_parts_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="targets"):
        Dataset(
            np.zeros((3, 1)),
            np.zeros((2, 1)),
            None,
            (),
            (),
            (),
            None,
            "",
            Scaling.fit("none", np.zeros((1, 1))),
        )


columns = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(-1000, 1000, width=32),
)


@given(columns)
def test_standard_gives_mean_0_and_deviation_1(raw: npt.NDArray[np.float64]) -> None:
    varies = np.ptp(raw, axis=0) > 1e-2
    scaled = Scaling.fit("standard", raw).apply(raw)
    assert np.allclose(scaled.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(scaled.std(axis=0)[varies], 1)


@given(columns)
def test_minmax_gives_the_range_0_to_1(raw: npt.NDArray[np.float64]) -> None:
    varies = np.ptp(raw, axis=0) > 0
    scaled = Scaling.fit("minmax", raw).apply(raw)
    assert (scaled.min(axis=0) == 0).all()
    assert (scaled.max(axis=0)[varies] == 1).all()


@pytest.mark.parametrize("kind", SCALINGS)
def test_a_column_that_does_not_vary_stays_finite(kind: str) -> None:
    raw = np.full((7, 1), 0.1)
    assert np.abs(Scaling.fit(kind, raw).apply(raw)).max() <= 0.1


def test_255_divides_in_the_precision_of_the_inputs() -> None:
    raw = np.array([[0, 51, 255]], np.float32)
    scaled = Scaling.fit("255", raw).apply(raw)
    assert scaled.dtype == np.float32
    assert scaled.tolist() == (raw / np.float32(255)).tolist()


def test_a_scaling_applies_to_other_rows_as_measured() -> None:
    scaling = Scaling.fit("minmax", np.array([[0.0], [10.0]]))
    assert scaling.apply(np.array([[20.0]])).tolist() == [[2.0]]
