"""The figures of a run: its points, what stands out among them, the words for them. No window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_examples import classifier

from pruner_gui.gui import run_words
from pruner_gui.gui.run_points import Mark, as_csv, boundaries, marks
from pruner_gui.pruning import Lowest, PruneConfig, Tolerance
from pruner_gui.records import Points, Record
from pruner_gui.session import Session


def points(
    neurons: list[int],
    pruning: list[float],
    holdout: list[float] | None = None,
    guard: list[float] | None = None,
) -> Points:
    return Points("mse", neurons, pruning, holdout or [], guard or [])


@given(
    gone=st.lists(st.integers(0, 5), max_size=30),
    wanted=st.floats(-10, 200, allow_nan=False),
)
def test_the_cursor_lands_on_a_point_that_no_other_is_nearer_than(gone: list[int], wanted: float) -> None:
    neurons = [150 - sum(gone[:count]) for count in range(len(gone) + 1)]
    found = points(neurons, [0.0] * len(neurons)).nearest(wanted)
    assert abs(neurons[found] - wanted) == min(abs(left - wanted) for left in neurons)


def test_of_points_with_as_many_neurons_the_cursor_takes_the_last_and_before_the_start_the_first() -> None:
    ours = points([10, 10, 9, 9, 8], [0.0] * 5)
    assert [ours.nearest(left) for left in (11, 10, 9, 8, 0)] == [0, 1, 3, 4, 4]


def test_the_knee_is_marked_where_the_error_begins_to_rise_steeply() -> None:
    neurons, errors = list(range(20, 9, -1)), [1.0] * 8 + [2.0, 5.0, 9.0]
    assert marks(points(neurons, errors), kept=10) == [Mark("knee", 7, 13, 1.0)]


@pytest.mark.parametrize(
    ("lowest", "expected"),
    [
        (Lowest(2, improved=True), [Mark("improved", 2, 8, 0.8)]),
        (Lowest(2, improved=False), [Mark("noise", 2, 8, 0.8)]),
        (None, []),
    ],
)
def test_the_lowest_held_out_error_is_called_an_improvement_only_where_it_is_one(
    lowest: Lowest | None, expected: list[Mark]
) -> None:
    assert marks(points([10, 9, 8, 7], [1.0] * 4, [1.0, 0.9, 0.8, 1.2]), 3, lowest) == expected
    words = [run_words.mark(mark) for mark in expected]
    assert all(
        ("improved" in line) == (mark.kind == "improved") for line, mark in zip(words, expected, strict=True)
    )
    assert all(
        ("noise" in line) == (mark.kind == "noise") for line, mark in zip(words, expected, strict=True)
    )


def test_what_guard_rows_chose_is_marked_where_it_is_not_the_end() -> None:
    ours = points([10, 9, 8, 7], [1.0] * 4, guard=[1.0, 1.1, 1.2, 2.0])
    assert marks(ours, kept=2) == [Mark("chosen", 2, 8, 1.2)]
    assert marks(ours, kept=3) == []


def test_steps_that_begin_at_one_place_are_named_together() -> None:
    neurons = [10, 9, 9, 8]
    assert boundaries([0], ["selective"], neurons) == []
    assert boundaries([0, 0, 2], ["free", "selective", "connections"], neurons) == [
        (10, "free → selective"),
        (9, "connections"),
    ]


def test_the_figures_of_a_point_are_said_as_far_as_there_are_any() -> None:
    ours = points([80, 71], [0.1, 0.0812], [0.11, 0.1174])
    assert run_words.point(ours, 1) == "71 neurons, error 0.0812, held out 0.117"
    assert (
        run_words.point(replace(ours, holdout=[], guard=[0.2, 0.25]), 0)
        == "80 neurons, error 0.100, guard 0.200"
    )


def test_a_run_is_named_by_its_steps_and_its_tolerance() -> None:
    refit = PruneConfig(tolerances=(Tolerance(5, relative=True),), compensation="refit")
    assert run_words.run(1, [PruneConfig()]) == "Run 1: selective 5 %"
    named = run_words.run(2, [replace(refit, strategy="free"), refit])
    assert named == "Run 2: what is free, selective + refit 5 %"


def test_figures_as_csv_come_back_exactly() -> None:
    lines = as_csv([("a, b", points([3, 2], [0.1, 1 / 3], [0.5, 0.25]))]).splitlines()
    assert lines[0] == "run,accepted,neurons,metric,pruning,holdout,guard"
    assert lines[2] == f'"a, b",1,2,mse,{1 / 3!r},0.25,'


def test_points_follow_a_run_and_a_record_has_its_figures() -> None:
    network, examples = classifier()
    session = Session()
    session.open(network, None)
    session.use(examples)
    for event in session.prune(PruneConfig(tolerances=(Tolerance(20, relative=True),))):
        session.apply(event)
    run = session.run
    assert run is not None
    ours = Points.of(replace(run, steps=run.steps[:1]))
    ours.extend(run)
    assert ours.neurons == Points.of(run).neurons == [ours.neurons[0], *(s.neurons for s in run.steps)]
    assert [sum(left) for left in zip(*ours.layers.values(), strict=True)] == ours.neurons
    record = Record.of(run, 1, "first", 2.0)
    assert record.source() is run
    assert (record.kept, record.trials, len(record.points)) == (run.kept, run.trials, len(run.steps) + 1)
