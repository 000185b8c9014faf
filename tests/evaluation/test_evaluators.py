from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import chain, problems

from pruner_gui.evaluation import (
    IncrementalEvaluator,
    MetricUnfit,
    NonFiniteError,
    NonFiniteWeight,
    Objective,
    ReferenceEvaluator,
    Targets,
)
from pruner_gui.network import Activation, Dense, FloatArray, Input, Network, Node, RemoveUnits
from pruner_gui.pruning import candidates
from pruner_gui.stopping import Stopped, stopping

ALL = ("mse", "rmse", "mae", "half-sse", "cross-entropy", "error-rate")


@given(problems(), st.data())
def test_the_incremental_evaluator_gives_the_figures_of_the_plain_one(
    problem: tuple[Network, FloatArray, Targets], data: st.DataObject
) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, ALL)
    plain, fast = ReferenceEvaluator(objective), IncrementalEvaluator(objective)
    for _ in range(4):
        np.testing.assert_allclose(fast.baseline(network).values, plain.baseline(network).values, rtol=1e-9)
        edits = candidates(network, None)
        pairs = zip(fast.trials(network, edits), plain.trials(network, edits), strict=True)
        for (edit, found), (same, expected) in pairs:
            assert edit == same
            np.testing.assert_allclose(found.values, expected.values, rtol=1e-9, atol=1e-12)
        if not edits:
            return
        network = data.draw(st.sampled_from(edits)).apply(network)


def test_the_memory_follows_any_change_of_network() -> None:
    rng = np.random.default_rng(3)
    rows, targets = rng.normal(size=(9, 4)), Targets(np.zeros((9, 2)), None, "linear")
    objective = Objective(rows, targets, ("mse",))
    fast = IncrementalEvaluator(objective)
    one, other = (chain(np.random.default_rng(seed), [4, 5, 2], ["tanh"], "linear") for seed in (1, 2))
    hot = Network((*one.nodes[:2], Node("act0", Activation("relu"), ("dense0",)), one.nodes[3]), one.outputs)
    smaller = candidates(one, None)[2].apply(one)
    for network in (one, other, one, hot, one, smaller, one):
        assert fast.baseline(network).values == pytest.approx(
            ReferenceEvaluator(objective).baseline(network).values
        )


def test_trials_are_made_only_as_they_are_asked_for() -> None:
    network = chain(np.random.default_rng(0), [3, 6, 2], ["relu"], "softmax")
    rows = np.random.default_rng(0).normal(size=(5, 3))
    objective = Objective(
        rows, Targets(np.eye(2)[[0, 1, 0, 1, 0]], np.array([0, 1, 0, 1, 0]), "softmax"), ALL
    )
    asked: list[RemoveUnits] = []

    def edits() -> Iterator[RemoveUnits]:
        for edit in candidates(network, None):
            asked.append(edit)
            yield edit

    next(IncrementalEvaluator(objective).trials(network, edits()))
    assert len(asked) == 1


def test_an_error_of_weights_that_are_no_numbers_is_refused_by_name() -> None:
    nodes = (Node("x", Input(1)), Node("y", Dense(np.array([[np.inf]]), np.zeros(1)), ("x",)))
    objective = Objective(np.ones((2, 1)), Targets(np.ones((2, 1)), None, "linear"), ("mse",))
    with pytest.raises(NonFiniteWeight) as refusal:
        IncrementalEvaluator(objective).baseline(Network(nodes, ("y",)))
    assert (refusal.value.node, refusal.value.tensor, refusal.value.index) == ("y", "weight", (0, 0))


def test_an_error_that_overflows_is_refused_by_metric() -> None:
    nodes = (Node("x", Input(1)), Node("y", Dense(np.array([[1e200]]), np.zeros(1)), ("x",)))
    objective = Objective(np.full((2, 1), 1e10), Targets(np.ones((2, 1)), None, "linear"), ("mse",))
    with pytest.raises(NonFiniteError):
        ReferenceEvaluator(objective).baseline(Network(nodes, ("y",)))


@pytest.mark.parametrize("metric", ["cross-entropy", "error-rate", "nonsense"])
def test_a_metric_that_needs_classes_is_refused_without_them(metric: str) -> None:
    with pytest.raises(MetricUnfit):
        Objective(np.ones((2, 1)), Targets(np.ones((2, 1)), None, "linear"), (metric,))


@pytest.mark.parametrize("evaluator", [ReferenceEvaluator, IncrementalEvaluator])
def test_an_error_that_is_no_number_is_refused(
    evaluator: type[ReferenceEvaluator] | type[IncrementalEvaluator],
) -> None:
    network = chain(np.random.default_rng(0), [2, 3, 1], ["relu"], "linear")
    objective = Objective(np.full((4, 2), np.nan), Targets(np.ones((4, 1)), None, "linear"), ("mse",))
    with pytest.raises(NonFiniteError):
        evaluator(objective).baseline(network)


def test_rounding_of_outputs_that_are_as_wanted_is_no_error() -> None:
    network = chain(np.random.default_rng(0), [9, 33, 5], ["tanh"], "linear")
    rows = np.random.default_rng(1).normal(size=(5000, 9))
    one_by_one = np.concatenate([network.forward(rows[i : i + 7]) for i in range(0, 5000, 7)])
    objective = Objective(rows, Targets(one_by_one, None, "linear"), ("mse", "mae", "rmse"))
    assert IncrementalEvaluator(objective).baseline(network).values == (0, 0, 0)


def test_an_evaluation_stops_in_its_middle_when_asked_to() -> None:
    network = chain(np.random.default_rng(0), [4, 30, 20, 3], ["relu", "relu"], "softmax")
    rows = np.random.default_rng(1).normal(size=(50_000, 4))
    labels = network.forward(rows).argmax(axis=1)
    objective = Objective(rows, Targets(np.eye(3)[labels], labels, "softmax"), ("cross-entropy",))
    evaluator = IncrementalEvaluator(objective)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 30

    with pytest.raises(Stopped), stopping(stop):
        list(evaluator.trials(network, candidates(network, None)))
    assert evaluator.statistics.trials < 50
    assert len(list(evaluator.trials(network, candidates(network, None)))) == 50  # not asked any more


def test_after_a_removal_was_broken_off_the_figures_are_right_all_the_same() -> None:
    network = chain(np.random.default_rng(0), [4, 30, 20, 3], ["relu", "relu"], "softmax")
    rows = np.random.default_rng(1).normal(size=(20_000, 4))
    labels = network.forward(rows).argmax(axis=1)
    objective = Objective(rows, Targets(np.eye(3)[labels], labels, "softmax"), ("cross-entropy",))
    evaluator = IncrementalEvaluator(objective)
    edit = candidates(network, None)[5]
    next(evaluator.trials(network, [edit]))
    smaller = edit.apply(network)
    with pytest.raises(Stopped), stopping(lambda: True):
        evaluator.advance(edit, smaller)
    edits = candidates(smaller, None)[:3]
    for (_, found), (_, expected) in zip(
        evaluator.trials(smaller, edits), ReferenceEvaluator(objective).trials(smaller, edits), strict=True
    ):
        assert found.values == pytest.approx(expected.values, rel=1e-5)
