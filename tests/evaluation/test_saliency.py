from __future__ import annotations

import numpy as np
import pytest
from random_networks import branched, chain

from pruner_gui.evaluation import Objective, ReferenceEvaluator, Targets, curvature, mean_squares
from pruner_gui.network import Dense, Network

ROWS = 37


def objective_for(network: Network, metric: str, seed: int = 0) -> Objective:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, network.n_outputs, ROWS)
    values = np.eye(network.n_outputs)[labels]
    return Objective(
        rng.normal(size=(ROWS, network.n_inputs)), Targets(values, labels, network.head), (metric,)
    )


def moved(network: Network, name: str, place: tuple[int, int], by: float) -> Network:
    dense = network.by_name[name].op
    assert isinstance(dense, Dense)
    weight = dense.weight.copy()
    weight[place] += by
    return network.with_ops({name: Dense(weight, dense.bias)})


def second_difference(network: Network, objective: Objective, name: str, place: tuple[int, int]) -> float:
    step = 1e-3
    one, two, three = (
        ReferenceEvaluator(objective).baseline(moved(network, name, place, by)).values[0]
        for by in (-step, 0.0, step)
    )
    return (one - 2 * two + three) / step**2


@pytest.mark.parametrize(
    ("head", "metric"),
    [("linear", "mse"), ("linear", "half-sse"), ("softmax", "cross-entropy"), ("sigmoid", "cross-entropy")],
)
def test_in_the_last_layer_it_is_the_second_derivative(head: str, metric: str) -> None:
    """There the scores are linear in the weights, so that the approximation leaves nothing out."""
    network = chain(np.random.default_rng(1), [3, 5, 4], ["tanh"], head)
    objective = objective_for(network, metric)
    found = curvature(network, objective)["dense1"]
    if metric == "half-sse":
        found = found * network.n_outputs / 2 * ROWS
    for place in [(0, 0), (2, 3), (4, 1)]:
        expected = second_difference(network, objective, "dense1", place)
        assert found[place] == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_in_front_it_is_that_of_the_linearised_network() -> None:
    """Where every target is the output itself, residuals vanish, and with them what is left out."""
    network = branched(np.random.default_rng(3), 3, "tanh", "linear")
    rows = np.random.default_rng(4).normal(size=(ROWS, network.n_inputs))
    objective = Objective(rows, Targets(network.forward(rows), None, "linear"), ("mse",))
    found = curvature(network, objective)
    for name, place in [("a", (0, 1)), ("b", (2, 0)), ("c", (1, 1)), ("out", (5, 2))]:
        expected = second_difference(network, objective, name, place)
        assert found[name][place] == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_of_many_scores_a_sample_of_directions_comes_close() -> None:
    network = chain(np.random.default_rng(5), [4, 12, 40], ["tanh"], "softmax")
    objective = objective_for(network, "cross-entropy")
    sampled = curvature(network, objective)["dense0"].sum()
    every = sum(second_difference(network, objective, "dense0", (i, j)) for i in range(4) for j in range(12))
    assert sampled == pytest.approx(every, rel=0.7)


def test_mean_squares_are_those_of_the_inputs() -> None:
    network = chain(np.random.default_rng(6), [3, 5, 2], ["relu"], "linear")
    objective = objective_for(network, "mse")
    found = mean_squares(network, objective)
    assert found["dense0"] == pytest.approx((objective.inputs**2).mean(axis=0))
    hidden = network.forward(objective.inputs, at="act0")
    assert found["dense1"] == pytest.approx((hidden**2).mean(axis=0))
