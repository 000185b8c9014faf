"""Whatever way it takes, the fast evaluator accepts the edits that the plain one accepts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from random_networks import chain, problems
from ways import TUNINGS, accepted

from pruner_gui.evaluation import (
    IncrementalEvaluator,
    Limits,
    Objective,
    ReferenceEvaluator,
    Score,
    Targets,
    Tuning,
    narrow,
)
from pruner_gui.network import Activation, Dense, FloatArray, Input, Network, Node
from pruner_gui.pruning import Judge, NothingToRelateTo, PruneConfig, Tolerance, candidates

METRICS = ["mse", "rmse", "mae", "half-sse", "cross-entropy", "error-rate"]
Problem = tuple[Network, FloatArray, Targets]


tolerances = st.sampled_from(
    [Tolerance(0, True), Tolerance(1, True), Tolerance(20, True), Tolerance(0.05, False)]
)


@given(
    problems(),
    st.lists(st.sampled_from(METRICS), min_size=1, max_size=2, unique=True),
    tolerances,
    st.sampled_from(TUNINGS),
    st.sampled_from(["original", "current", "absolute"]),
    st.sampled_from(["le", "lt", "abs"]),
    st.sampled_from(["index", "least-harm", "random"]),
    st.booleans(),
)
def test_all_ways_accept_the_same(
    problem: Problem,
    metrics: list[str],
    tolerance: Tolerance,
    tuning: Tuning,
    baseline: str,
    comparison: str,
    order: str,
    restart: bool,
) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, tuple(metrics))
    config = PruneConfig(
        metrics=tuple(metrics),
        tolerances=(tolerance,),
        baseline=baseline,
        comparison=comparison,
        order=order,
        restart=restart,
    )
    try:
        expected = accepted(network, config, ReferenceEvaluator(objective))
    except NothingToRelateTo:
        return
    assert accepted(network, config, IncrementalEvaluator(objective, tuning=tuning)) == expected


@given(
    problems(),
    st.sampled_from(METRICS),
    tolerances,
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(["le", "abs"]),
)
def test_threads_that_search_together_accept_the_same(
    problem: Problem, metric: str, tolerance: Tolerance, threads: int, dtype: str, comparison: str
) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, (metric,))
    config = PruneConfig(metrics=(metric,), tolerances=(tolerance,), comparison=comparison)
    tuning = Tuning(block=16, threads=threads, dtype=dtype, wide=1 << 30)
    try:
        expected = accepted(network, config, ReferenceEvaluator(objective))
    except NothingToRelateTo:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(narrow, "ALONE", 0)  # so that no work is too little
        assert accepted(network, config, IncrementalEvaluator(objective, tuning=tuning)) == expected


def many_rows(
    head: str, sizes: list[int], activation: str, rows: int, noise: int = 9
) -> tuple[Network, Objective]:
    """A network with dead, constant and twin neurons; all rows but one in `noise` are as it says."""
    rng = np.random.default_rng(7)
    network = chain(rng, sizes, [activation] * len(sizes), head, np.float32)
    inputs = rng.normal(size=(rows, sizes[0])).astype(np.float32)
    outputs = network.forward(inputs)
    if head == "linear":
        return network, Objective(
            inputs, Targets(outputs + rng.normal(size=outputs.shape), None, head), ("mse",)
        )
    labels = outputs.argmax(axis=1)
    labels[::noise] = rng.integers(0, sizes[-1], labels[::noise].size)
    return network, Objective(inputs, Targets(np.eye(sizes[-1])[labels], labels, head), ("cross-entropy",))


@pytest.mark.parametrize(
    ("head", "sizes", "activation", "metric", "tuning"),
    [
        ("softmax", [5, 9, 7, 4], "relu", "cross-entropy", Tuning()),
        ("softmax", [5, 9, 7, 4], "relu", "cross-entropy", Tuning(block=64, threads=1)),
        ("softmax", [5, 9, 7, 4], "relu", "cross-entropy", Tuning(wide=1)),
        ("softmax", [5, 9, 7, 4], "relu", "error-rate", Tuning()),
        ("softmax", [5, 6, 6, 6, 3], "tanh", "error-rate", Tuning(wide=1, threads=1)),
        ("softmax", [5, 8, 6, 4], "sigmoid", "mae", Tuning()),
        ("linear", [5, 12, 2], "tanh", "mse", Tuning()),
        ("linear", [5, 7, 7, 2], "relu", "rmse", Tuning(threads=1)),
    ],
)
def test_all_ways_accept_the_same_on_very_many_rows(
    head: str, sizes: list[int], activation: str, metric: str, tuning: Tuning
) -> None:
    network, objective = many_rows(head, sizes, activation, 100_000)
    objective = dataclasses.replace(objective, metrics=(metric,))
    for tolerance in (Tolerance(0, True), Tolerance(3, True)):
        config = PruneConfig(metrics=(metric,), tolerances=(tolerance,))
        expected = accepted(network, config, ReferenceEvaluator(objective))
        assert accepted(network, config, IncrementalEvaluator(objective, tuning=tuning)) == expected


@pytest.mark.parametrize("metric", ["mse", "cross-entropy", "error-rate", "mae"])
def test_what_is_given_up_is_past_its_limit_and_the_rest_is_right(metric: str) -> None:
    network, objective = many_rows("softmax", [5, 9, 7, 4], "relu", 20_000)
    objective = dataclasses.replace(objective, metrics=(metric,))
    plain, fast = ReferenceEvaluator(objective), IncrementalEvaluator(objective)
    judge = Judge(PruneConfig(tolerances=(Tolerance(2, True),)), (metric,), plain.baseline(network))
    edits = candidates(network, None)
    seen = set()
    for (edit, score), (_, exact) in zip(
        fast.trials(network, edits, judge.turns), plain.trials(network, edits), strict=True
    ):
        if score.partial:
            assert judge.limits[0] < score.values[0] <= exact.values[0] * (1 + 1e-5), edit
        else:
            assert score.values == pytest.approx(exact.values, rel=1e-5)
        assert judge.allows(score) == judge.allows(exact)
        seen.add(score.partial)
    assert seen == {True, False}


def test_only_with_limits_trials_are_given_up_before_all_rows_are_seen() -> None:
    network, objective = many_rows("softmax", [5, 9, 7, 4], "relu", 20_000, noise=1000)
    evaluator = IncrementalEvaluator(objective)
    edits = candidates(network, None)
    found = dict(evaluator.trials(network, edits))
    for edit, exact in ReferenceEvaluator(objective).trials(network, edits):
        assert not found[edit].partial
        assert found[edit].values == pytest.approx(exact.values, rel=1e-5)
    limits = Limits(tuple(0.9 * error for error in evaluator.baseline(network).values))  # for none to meet
    before = evaluator.statistics.rows
    # One by one: of several, those that follow on the first may be tried without it.
    partial = [score.partial for edit in edits for _, score in evaluator.trials(network, [edit], limits)]
    assert sum(partial) > len(edits) / 2
    assert evaluator.statistics.rows - before < before


def test_two_criteria_hold_at_once() -> None:
    network, objective = many_rows("softmax", [5, 9, 7, 4], "relu", 20_000)
    both: dict[str, Any] = {"metrics": ("cross-entropy", "error-rate")}
    objective = dataclasses.replace(objective, **both)
    config = PruneConfig(**both, tolerances=(Tolerance(5, True), Tolerance(1, True)))
    expected = accepted(network, config, ReferenceEvaluator(objective))
    assert accepted(network, config, IncrementalEvaluator(objective)) == expected


def test_weights_far_beyond_the_range_of_single_precision_are_decided_in_double() -> None:
    network, objective = many_rows("linear", [3, 6, 5, 1], "relu", 5_000)
    (_, _), (second, dense), (last, out) = network.dense
    network = network.with_ops(
        {
            second.name: type(dense)(dense.weight.astype(float) * 1e30, dense.bias),
            last.name: type(out)(out.weight.astype(float) * 1e-30, out.bias),
        }
    )
    config = PruneConfig(metrics=("mse",), tolerances=(Tolerance(1, True),))
    objective = dataclasses.replace(objective, metrics=("mse",))
    expected = accepted(network, config, ReferenceEvaluator(objective))
    tuning = Tuning(dtype="float32")
    assert accepted(network, config, IncrementalEvaluator(objective, tuning=tuning)) == expected


def test_a_tie_of_two_outputs_is_decided_exactly_beside_a_root_of_squares() -> None:
    rng = np.random.default_rng(2)
    weight, bias = rng.normal(size=(3, 4)), rng.normal(size=4)
    weight[:, 3], bias[3] = weight[:, 0], bias[0]  # the first of two equal classes wins
    nodes = (
        Node("x", Input(2)),
        Node("a", Dense(rng.normal(size=(2, 3)), np.zeros(3)), ("x",)),
        Node("f", Activation("relu"), ("a",)),
        Node("y", Dense(weight, bias), ("f",)),
    )
    network, rows, labels = Network(nodes, ("y",)), rng.normal(size=(40, 2)), np.zeros(40, np.intp)
    objective = Objective(rows, Targets(np.eye(4)[labels], labels, "linear"), ("rmse", "error-rate"))
    edits = candidates(network, None)
    exact = [score.values for _, score in ReferenceEvaluator(objective).trials(network, edits)]
    for _, rate in exact:
        turns = Limits((1e9, rate))  # where the decision turns
        found = [score for _, score in IncrementalEvaluator(objective).trials(network, edits, turns)]
        assert [not one.partial and one.values[1] <= rate for one in found] == [
            other <= rate for _, other in exact
        ]


@pytest.mark.parametrize("wide", [1, 1 << 20])
def test_as_many_mistakes_as_allowed_are_allowed(wide: int) -> None:
    """Five mistakes of 15 and 20 % more are six, though 15 * (5 / 15 * 1.2) is less than 6."""
    sixes = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        network = chain(rng, [2, 4, 3, 1], ["tanh", "tanh"], "linear")
        rows = rng.normal(size=(15, 2))
        outputs = network.forward(rows)[:, 0]
        threshold = float(np.sort(outputs)[7:9].mean())
        labels = (outputs > threshold).astype(np.intp)
        labels[:5] = 1 - labels[:5]
        targets = Targets(labels[:, None].astype(float), labels, "linear", threshold)
        objective = Objective(rows, targets, ("error-rate",))
        judge = Judge(PruneConfig(tolerances=(Tolerance(20, True),)), ("error-rate",), Score((5 / 15,)))
        assert objective.sums(judge.turns.upper)[0] < 6
        edits = candidates(network, None)
        plain = [score for _, score in ReferenceEvaluator(objective).trials(network, edits)]
        fast = IncrementalEvaluator(objective, tuning=Tuning(wide=wide)).trials(network, edits, judge.turns)
        for (_, score), exact in zip(fast, plain, strict=True):
            assert judge.allows(score) == judge.allows(exact)
        sixes += sum(round(score.values[0] * 15) == 6 for score in plain)
    assert sixes


@pytest.mark.parametrize("wide", [1, 1 << 20])
def test_what_is_left_of_scores_that_cancel_decides_no_class(wide: int) -> None:
    """Without its only active neuron a row has the scores 0, and rounding of what they were before."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        network = chain(rng, [3, 6, 5, 4], ["relu", "relu"], "softmax")
        (_, _), (second, dense), (last, out) = network.dense
        bias = np.array([1.0, *np.full(4, -1e3)])  # the first is active on all rows, the others on none
        network = network.with_ops(
            {
                second.name: type(dense)(np.abs(dense.weight), bias),
                last.name: type(out)(out.weight, np.zeros(4)),
            }
        )
        rows = rng.normal(size=(300, 3))
        labels = rng.integers(0, 4, 300) * (rng.random(300) < 0.2)  # of equal scores the first one counts
        objective = Objective(rows, Targets(np.eye(4)[labels], labels, "softmax"), ("error-rate",))
        config = PruneConfig(metrics=("error-rate",), tolerances=(Tolerance(0.2, relative=False),))
        expected = accepted(network, config, ReferenceEvaluator(objective))
        for block in (16, 64):
            tuning = Tuning(block, 1, "float32", wide)
            assert accepted(network, config, IncrementalEvaluator(objective, tuning=tuning)) == expected


@example(706, "mse", Tuning(block=16, threads=1, dtype="float64", wide=1))  # rounding that counts as none
@given(st.integers(0, 2**32), st.sampled_from(["mse", "cross-entropy"]), st.sampled_from(TUNINGS))
def test_single_precision_rows_of_mostly_zeros_are_exact(seed: int, metric: str, tuning: Tuning) -> None:
    rng = np.random.default_rng(seed)
    head = "linear" if metric == "mse" else "softmax"
    network = chain(rng, [30, 5, 4, 3], ["sigmoid", "relu"], head, np.float32)
    rows = (rng.integers(0, 256, (40, 30)) * (rng.random((40, 30)) < 0.15)).astype(np.float32)
    outputs = network.forward(rows.astype(np.float64))
    objective = Objective(rows, Targets(outputs, None, head), (metric,))
    plain, fast = ReferenceEvaluator(objective), IncrementalEvaluator(objective, tuning=tuning)
    (expected,), (found,) = plain.baseline(network).values, fast.baseline(network).values
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-20)
    config = PruneConfig(metrics=(metric,), tolerances=(Tolerance(0, relative=True),))
    assert accepted(network, config, fast) == accepted(network, config, plain)


@given(
    problems(),
    st.sampled_from(["mse", "cross-entropy", "error-rate"]),
    st.sampled_from(TUNINGS),
    st.lists(
        st.sampled_from(["accept", "refuse", "begin anew", "leave some out", "ask for more"]), min_size=1
    ),
)
def test_whoever_asks_may_go_on_otherwise_than_was_foreseen(
    problem: Problem, metric: str, tuning: Tuning, whims: list[str]
) -> None:
    """What the search took out ahead of its time is put back."""
    network, rows, targets = problem
    objective = Objective(rows, targets, (metric,))
    plain, fast = ReferenceEvaluator(objective), IncrementalEvaluator(objective, tuning=tuning)
    judge = Judge(PruneConfig(tolerances=(Tolerance(0.05, False),)), (metric,), plain.baseline(network))
    waiting, whim = candidates(network, None), iter(whims)
    while waiting:
        turns = judge.turns
        for edit, score in fast.trials(network, waiting, turns):
            ((_, exact),) = plain.trials(network, [edit])
            assert judge.allows(score) == judge.allows(exact), edit
            assert score.partial or score.values == pytest.approx(exact.values, rel=1e-4, abs=1e-6)
            waiting = waiting[1:]
            if not judge.allows(score):
                continue
            wish = next(whim, "accept")
            if wish == "refuse":
                continue
            network = edit.apply(network)
            fast.advance(edit, network)
            waiting = [other for other in waiting if other in candidates(network, None)]
            if wish == "begin anew":
                waiting = candidates(network, None)
            elif wish == "leave some out":
                waiting = waiting[::2]
            elif wish == "ask for more":
                assert fast.baseline(network).values == pytest.approx(
                    plain.baseline(network).values, rel=1e-4, abs=1e-6
                )
                judge = Judge(
                    PruneConfig(tolerances=(Tolerance(0.1, False),)), (metric,), plain.baseline(network)
                )
            break


@given(
    st.integers(0, 2**32),
    st.sampled_from(["relu", "tanh", "sigmoid"]),
    st.sampled_from(["cross-entropy", "error-rate", "mse"]),
    st.sampled_from([0.0, 0.4, 1.0]),
)
def test_units_that_nothing_reads_or_that_read_nothing_change_no_decision(
    seed: int, activation: str, metric: str, share: float
) -> None:
    rng = np.random.default_rng(seed)
    network = chain(rng, [3, 5, 6, 6, 5, 3], [activation] * 4, "softmax", np.float32, normalised=0.3)
    ops = {}
    for node, dense in network.dense[1:]:
        weight = dense.weight * (rng.random(dense.weight.shape[1]) >= share / 2)
        ops[node.name] = Dense(weight * (rng.random(len(weight)) >= share)[:, None], dense.bias)
    network = network.with_ops(ops)
    rows = rng.normal(size=(60, 3)).astype(np.float32)
    labels = rng.integers(0, 3, 60)
    objective = Objective(rows, Targets(np.eye(3)[labels], labels, "softmax"), (metric,))
    config = PruneConfig(metrics=(metric,), tolerances=(Tolerance(2, relative=True),))
    fast = IncrementalEvaluator(objective, tuning=Tuning(16, 1, "float32", 1))
    assert accepted(network, config, fast) == accepted(network, config, ReferenceEvaluator(objective))
