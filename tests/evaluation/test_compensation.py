"""Making up for a neuron that goes: the estimates, the folds, and the decisions that follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import branched, chain, problems
from ways import TUNINGS, accepted

from pruner_gui.evaluation import IncrementalEvaluator, Objective, ReferenceEvaluator, Targets, Tuning
from pruner_gui.evaluation.compensation import RIDGE, Estimator, Moments, ridge_regression
from pruner_gui.network import FloatArray, Network, RemoveUnits
from pruner_gui.pruning import NothingToRelateTo, PruneConfig, Tolerance, candidates


@st.composite
def activations(draw: st.DrawFn) -> FloatArray:
    """Rows of activations with twins, dead and constant units, sometimes fewer rows than units."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, units = draw(st.integers(2, 60)), draw(st.integers(3, 12))
    values = rng.normal(size=(rows, units)) * rng.choice([1e-3, 1, 50], size=units) + rng.normal(size=units)
    if draw(st.booleans()):
        values = np.maximum(values, 0)
    for _ in range(draw(st.integers(0, 3))):
        one, other = rng.choice(units, 2, replace=False)
        values[:, one] = rng.choice([0, 1.5, np.nan])
        values[np.isnan(values[:, one]), one] = -2 * values[np.isnan(values[:, one]), other] + 0.5
    return values


@given(activations(), st.data())
def test_an_estimate_is_the_direct_least_squares_solution(values: FloatArray, data: st.DataObject) -> None:
    units = values.shape[1]
    moments = Moments.of(len(values), values.sum(axis=0), values.T @ values)
    left = list(range(units))
    estimator = Estimator(moments, np.array(left))
    for _ in range(data.draw(st.integers(1, units - 2))):
        gone = data.draw(st.sampled_from(left))
        others = [unit for unit in left if unit != gone]
        coefficients, constant = estimator.estimate(gone)
        expected = ridge_regression(values[:, others], values[:, gone])
        estimate = values @ coefficients + constant
        direct = values[:, others] @ expected
        direct += values[:, gone].mean() - direct.mean()
        spread = max(float(values[:, gone].std()), 1e-6)
        np.testing.assert_allclose(estimate, direct, atol=1e-4 * spread)
        assert not coefficients[[unit for unit in range(units) if unit not in others]].any()
        estimator.removed(gone)
        left = others


def test_a_regression_without_ridge_is_approached() -> None:
    rng = np.random.default_rng(0)
    inputs, noise = rng.normal(size=(200, 5)), rng.normal(size=200)
    target = inputs @ np.arange(5.0) + noise
    found = ridge_regression(inputs, target)
    exact = np.linalg.lstsq(np.column_stack([inputs, np.ones(200)]), target, rcond=None)[0]
    np.testing.assert_allclose(found, exact[:-1], rtol=100 * RIDGE, atol=100 * RIDGE)


@pytest.mark.parametrize("kind", ["mean", "refit"])
def test_a_twin_and_a_constant_go_without_a_trace(kind: str) -> None:
    rng = np.random.default_rng(1)
    network = chain(rng, [3, 6, 4, 2], ["tanh", "relu"], "linear")
    (first, dense), *_ = network.dense
    weight, bias = dense.weight.copy(), dense.bias.copy()
    weight[:, 1], bias[1] = weight[:, 2], bias[2]  # a twin
    weight[:, 3], bias[3] = 0, 0.7  # a constant
    network = network.with_ops({first.name: type(dense)(weight, bias)})
    rows = rng.normal(size=(50, 3))
    outputs = network.forward(rows)
    objective = Objective(rows, Targets(outputs, None, "linear"), ("mse",))
    evaluator = IncrementalEvaluator(objective, kind)
    for unit, made_up in ((3, True), (1, kind == "refit")):
        edit, _ = next(evaluator.trials(network, [RemoveUnits(first.name, (unit,))]))
        apart = np.abs(edit.apply(network).forward(rows) - outputs).max()
        assert (apart < 1e-4) == made_up


@given(problems(), st.sampled_from(["mean", "refit"]), st.data())
def test_the_errors_are_those_of_the_edited_network(
    problem: tuple[Network, FloatArray, Targets], kind: str, data: st.DataObject
) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, ("mse", "mae"))
    fast, plain = IncrementalEvaluator(objective, kind), ReferenceEvaluator(objective)
    for _ in range(3):
        edits = candidates(network, None)
        if not edits:
            return
        edit, score = next(fast.trials(network, [data.draw(st.sampled_from(edits))]))
        smaller = edit.apply(network)
        np.testing.assert_allclose(score.values, plain.baseline(smaller).values, rtol=1e-7, atol=1e-12)
        assert smaller.sizes[edit.node] == network.sizes[edit.node] - 1
        fast.advance(edit, smaller)
        network = smaller


@given(
    problems(),
    st.sampled_from(["mean", "refit"]),
    st.sampled_from(["mse", "cross-entropy", "error-rate"]),
    st.sampled_from([Tolerance(1, True), Tolerance(20, True), Tolerance(0.05, False)]),
    st.sampled_from(TUNINGS),
)
def test_all_ways_accept_the_same(
    problem: tuple[Network, FloatArray, Targets],
    kind: str,
    metric: str,
    tolerance: Tolerance,
    tuning: Tuning,
) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, (metric,))
    config = PruneConfig(metrics=(metric,), tolerances=(tolerance,), compensation=kind)
    try:
        expected = accepted(network, config, ReferenceEvaluator(objective, kind))
    except NothingToRelateTo:
        return
    assert accepted(network, config, IncrementalEvaluator(objective, kind, tuning)) == expected


def test_folds_go_into_every_layer_that_reads_the_neuron() -> None:
    rng = np.random.default_rng(2)
    network = branched(rng, 4, "tanh", "linear")
    rows = rng.normal(size=(80, 3))
    objective = Objective(rows, Targets(network.forward(rows), None, "linear"), ("mse",))
    edits: list[RemoveUnits] = [edit for edit in candidates(network, None) if edit.node == "a"]
    plain = dict(ReferenceEvaluator(objective).trials(network, edits))
    for edit, score in IncrementalEvaluator(objective, "refit").trials(network, edits):
        assert {fold.target for fold in edit.folds} == {"c", "out"}
        assert score.values[0] < plain[edit].values[0]


def test_held_out_rows_see_the_network_that_the_pruning_rows_made() -> None:
    rng = np.random.default_rng(3)
    network = chain(rng, [4, 8, 2], ["relu"], "linear")
    rows, held = rng.normal(size=(60, 4)), rng.normal(size=(40, 4))

    def make(some: FloatArray) -> Objective:
        return Objective(some, Targets(network.forward(some), None, "linear"), ("mse",))

    edit, _ = next(IncrementalEvaluator(make(rows), "refit").trials(network, candidates(network, None)))
    _, score = next(IncrementalEvaluator(make(held)).trials(network, [edit]))
    expected = ReferenceEvaluator(make(held)).baseline(edit.apply(network))
    assert score.values == pytest.approx(expected.values, rel=1e-9)
