from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import chain, problems

from pruner_gui.evaluation import IncrementalEvaluator, Objective, ReferenceEvaluator, Targets
from pruner_gui.network import Edit, FloatArray, Network
from pruner_gui.pruning import BadSetting, candidates, sensitivity
from pruner_gui.stopping import Stopped, stopping

Problem = tuple[Network, FloatArray, Targets]


def example() -> tuple[Network, Objective]:
    rng = np.random.default_rng(0)
    network = chain(rng, [4, 6, 5, 2], ["relu", "tanh"], "linear")
    inputs = rng.normal(size=(50, 4))
    return network, Objective(inputs, Targets(network.forward(inputs), None, "linear"), ("mse",))


@settings(max_examples=30, deadline=None)
@given(problems(), st.sampled_from(["least-harm", "magnitude"]))
def test_points_are_the_errors_of_the_networks_that_they_stand_for(problem: Problem, order: str) -> None:
    network, inputs, targets = problem
    objective = Objective(inputs, targets, ("mse",))
    plain = list(sensitivity(network, ReferenceEvaluator(objective), order))
    fast = list(sensitivity(network, IncrementalEvaluator(objective), order))
    assert [(p.layer, p.removed, p.of) for p in fast] == [(p.layer, p.removed, p.of) for p in plain]
    for point, expected in zip(fast, plain, strict=True):
        assert point.score.values == pytest.approx(expected.score.values, rel=1e-5, abs=1e-9)


def test_every_layer_goes_from_whole_to_its_last_neuron() -> None:
    network, objective = example()
    points = list(sensitivity(network, IncrementalEvaluator(objective)))
    first, second = network.hidden_layers
    assert [(p.layer, p.removed) for p in points] == [
        *((first.name, i) for i in range(6)),
        *((second.name, i) for i in range(5)),
    ]
    assert points[0].score == points[6].score  # the whole network
    assert [p.share for p in points if p.layer == second.name] == [0, 0.2, 0.4, 0.6, 0.8]


def test_the_least_harmful_go_first() -> None:
    network, objective = example()
    evaluator = IncrementalEvaluator(objective)
    alone = dict(evaluator.trials(network, candidates(network, None)))
    for layer in network.hidden_layers:
        points = [p for p in sensitivity(network, evaluator) if p.layer == layer.name]
        least = min(score.values[0] for edit, score in alone.items() if edit.node == layer.name)
        assert points[1].score.values[0] == pytest.approx(least)


def test_errors_that_are_known_are_not_measured_again() -> None:
    network, objective = example()
    measured = IncrementalEvaluator(objective)
    alone: dict[Edit, object] = dict(measured.trials(network, candidates(network, None)))
    evaluator = IncrementalEvaluator(objective)
    found = list(sensitivity(network, evaluator, alone=alone))  # type: ignore[arg-type]
    assert evaluator.statistics.trials == len(found) - 2  # one for each removal
    again = list(sensitivity(network, IncrementalEvaluator(objective)))
    assert [p.score.values for p in found] == [pytest.approx(p.score.values) for p in again]


def test_points_come_as_they_are_asked_for_and_stop() -> None:
    network, objective = example()
    evaluator = IncrementalEvaluator(objective)
    points = sensitivity(network, evaluator, "magnitude")
    next(points)
    next(points)
    assert evaluator.statistics.trials == 1
    with pytest.raises(Stopped), stopping(lambda: True):
        list(points)


def test_an_unknown_order_is_refused() -> None:
    network, objective = example()
    with pytest.raises(BadSetting):
        next(sensitivity(network, ReferenceEvaluator(objective), "random"))
