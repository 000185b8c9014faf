from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import chain, problems

from pruner_gui.evaluation import (
    IncrementalEvaluator,
    Limits,
    Objective,
    ReferenceEvaluator,
    Targets,
    WholeNetworks,
    curvature,
    mean_squares,
)
from pruner_gui.network import Dense, FloatArray, Network
from pruner_gui.pruning import Event, Judge, PruneConfig, Tolerance, prune
from pruner_gui.pruning.connections import ranking
from pruner_gui.pruning.free import free_removals
from pruner_gui.stopping import Stopped, stopping

Problem = tuple[Network, FloatArray, Targets]


def large(rows: int = 6000, dtype: type = np.float32) -> tuple[Network, Objective]:
    """A problem large enough for float32."""
    rng = np.random.default_rng(0)
    network = chain(rng, [20, 60, 30, 4], ["relu", "tanh"], "softmax", dtype)
    inputs = rng.normal(size=(rows, 20)).astype(np.float32)
    labels = network.forward(inputs).argmax(axis=1)
    return network, Objective(inputs, Targets(np.eye(4)[labels], labels, "softmax"), ("cross-entropy",))


@settings(deadline=None)
@given(
    problems(),
    st.sampled_from(["mse", "rmse", "mae", "cross-entropy", "error-rate"]),
    st.sampled_from(["original", "current"]),
    st.sampled_from(["le", "lt", "abs"]),
    st.sampled_from([0.0, 0.01, 0.3]),
)
def test_every_decision_is_that_of_the_reference(
    problem: Problem, metric: str, baseline: str, comparison: str, tolerance: float
) -> None:
    network, inputs, targets = problem
    objective = Objective(inputs, targets, (metric,))
    plain, whole = ReferenceEvaluator(objective), WholeNetworks(objective, network)
    config = PruneConfig(
        tolerances=(Tolerance(tolerance, relative=False),), baseline=baseline, comparison=comparison
    )
    judge = Judge(config, (metric,), plain.baseline(network))
    weakest = ranking(network, "magnitude", None)
    for count in range(1, len(weakest), max(1, len(weakest) // 7)):
        smaller = weakest.weakest(count).apply(network)
        assert judge.allows(whole.decide(smaller, judge.turns)) == judge.allows(plain.baseline(smaller))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_limit_within_the_rounding_of_float32_decides_all_the_same(dtype: type) -> None:
    network, objective = large(dtype=dtype)
    smaller = ranking(network, "magnitude", None).weakest(400).apply(network)
    plain, whole = ReferenceEvaluator(objective), WholeNetworks(objective, network)
    error = plain.baseline(smaller).values[0]
    for factor in (1 - 1e-3, 1 - 1e-6, 1 - 1e-7, 1 - 2e-8, 1 + 2e-8, 1 + 1e-7, 1 + 1e-6, 1 + 1e-3):
        found = whole.decide(smaller, Limits((error * factor,)))
        assert (not found.partial and found.values[0] <= error * factor) == (factor > 1)
    assert whole.exact(smaller).values[0] == pytest.approx(error, rel=1e-12)


def test_what_is_far_past_its_limit_is_given_up_early() -> None:
    network, objective = large()
    weakest = ranking(network, "magnitude", None)
    smaller = weakest.weakest(len(weakest) - 10).apply(network)
    before = ReferenceEvaluator(objective).baseline(network).values[0]
    found = WholeNetworks(objective, network).decide(smaller, Limits((before,)))
    whole = ReferenceEvaluator(objective).baseline(smaller)
    assert found.partial
    assert before < found.values[0] < whole.values[0]


def test_errors_that_are_no_numbers_are_not_partial() -> None:
    network, objective = large()
    broken = network.with_ops(
        {node.name: Dense(dense.weight * np.float32(1e30), dense.bias) for node, dense in network.dense}
    )
    found = WholeNetworks(objective, network).decide(broken, Limits((1.0,)))
    assert found.partial or not np.isfinite(found.values[0])


class Asked:
    """Says that work is to stop from the n-th time on that it is asked."""

    def __init__(self, patience: int) -> None:
        self.times, self.patience = 0, patience

    def __call__(self) -> bool:
        self.times += 1
        return self.times > self.patience


def test_a_search_among_connections_stops_in_its_middle() -> None:
    network, objective = large(20_000)
    evaluator = IncrementalEvaluator(objective)
    list(evaluator.prepare(network))
    config = PruneConfig(strategy="connections", tolerances=(Tolerance(50, relative=True),))
    patient = Asked(10**9)
    with stopping(patient):
        events = len(list(prune(network, config, evaluator)))
    told: list[Event] = []
    with pytest.raises(Stopped), stopping(Asked(patient.times // 2)):
        told.extend(prune(network, config, evaluator))
    assert 0 < len(told) < events


def with_a_constant(network: Network) -> Network:
    """A network with a neuron that is constant on the rows, so that all of them have to be looked at."""
    node, dense = network.dense[0]
    bias = dense.bias.copy()
    bias[5] = -1e4
    return network.with_ops({node.name: Dense(dense.weight, bias)})


WORK: dict[str, Callable[[Network, Objective], object]] = {
    "mean squares": mean_squares,
    "curvature": curvature,
    "whole": lambda network, objective: WholeNetworks(objective, network),
    "constants": lambda network, objective: list(free_removals(with_a_constant(network), objective.inputs)),
}


@pytest.mark.parametrize("work", WORK)
def test_measuring_over_many_rows_stops_in_its_middle(work: str) -> None:
    network, objective = large(20_000)
    asked = Asked(3)
    with pytest.raises(Stopped), stopping(asked):
        WORK[work](network, objective)
    assert asked.times < 8  # not once more for every part


def test_errors_that_float32_makes_nothing_of_are_decided_in_float64() -> None:
    """The targets are what float32 gives: in float64 there is an error, in float32 none."""
    network, objective = large()
    outputs = network.forward(objective.inputs, network.nodes[-2].name)
    objective = Objective(objective.inputs, Targets(outputs, None, "linear"), ("mae",))
    (error,) = WholeNetworks(objective, network).exact(network).values
    assert error > 0
    (found,) = WholeNetworks(objective, network).decide(network, Limits((error / 2,))).values
    assert found > error / 2
