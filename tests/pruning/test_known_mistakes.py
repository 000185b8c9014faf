"""Mistakes that pruning programs are known for, and that this one does not make."""

from __future__ import annotations

import numpy as np
import pytest
from graph_networks import chain

from pruner_gui.evaluation import IncrementalEvaluator, Objective, Targets
from pruner_gui.network import Dense, FloatArray, Network, RemoveUnits
from pruner_gui.pruning import PRESETS, Accepted, Event, PruneConfig, Tolerance, Trial, prune
from pruner_gui.pruning.connections import ranking
from pruner_gui.pruning.controls import weight_norms


def linear_sum(parts: list[float]) -> tuple[Network, Objective]:
    """One row on which hidden neuron i adds `parts[i]` to the output, which should be the sum of all."""
    network = chain([[1.0] * len(parts)], [[part] for part in parts])
    targets = Targets(np.array([[sum(parts)]]), None, "linear")
    return network, Objective(np.ones((1, 1)), targets, ("mae",))


def tried(parts: list[float], tolerance: float, **settings: bool) -> list[tuple[int, bool]]:
    """The neurons that the run tried, by the number they had at first, and whether they went."""
    network, objective = linear_sum(parts)
    config = PruneConfig(tolerances=(Tolerance(tolerance, relative=False),), **settings)  # type: ignore[arg-type]
    events: list[Event] = list(prune(network, config, IncrementalEvaluator(objective)))
    return [(event.edit.units[0], event.accepted) for event in events if isinstance(event, Trial)]


# -- who a neuron is


def test_after_unit_2_is_gone_unit_3_is_still_unit_3() -> None:
    weights: FloatArray = np.arange(12.0).reshape(2, 6) + 1
    network = chain(weights, np.arange(6.0)[:, None] + 1)
    smaller = RemoveUnits("h1", (3,)).apply(RemoveUnits("h1", (2,)).apply(network))
    assert smaller.by_name["h1"].units.tolist() == [0, 1, 4, 5]
    (_, into), (_, out) = smaller.dense
    assert into.weight.tolist() == weights[:, [0, 1, 4, 5]].tolist()
    assert out.weight[:, 0].tolist() == [1, 2, 5, 6]


def test_a_run_reports_neurons_by_their_first_numbers() -> None:
    # of 6 the second and fourth matter; by shifted numbers the last would be called 1
    assert tried([0, 5, 0, 7, 0, 0], 0)[:6] == [
        (0, True),
        (1, False),
        (2, True),
        (3, False),
        (4, True),
        (5, True),
    ]


def test_the_columns_that_go_are_those_of_the_neurons_named() -> None:
    network, objective = linear_sum([0, 5, 0, 7, 0, 0])
    config = PruneConfig(tolerances=(Tolerance(0, relative=False),))
    *_, finished = prune(network, config, IncrementalEvaluator(objective))
    left = finished.network  # type: ignore[union-attr]
    assert left.by_name["h1"].units.tolist() == [1, 3]
    assert left.dense[1][1].weight[:, 0].tolist() == [5, 7]


# -- what a weight is worth


def cancelling() -> Network:
    """Hidden neuron 0 has large weights in and out that cancel when added up; the others have small ones."""
    into = np.array([[9.0, 0.3, 0.2], [-9.0, 0.3, 0.2]])
    out = np.array([[8.0, -8.0], [0.2, 0.2], [0.1, 0.3]])
    return chain(into, out)


def test_a_neuron_whose_weights_cancel_is_not_weak() -> None:
    network = cancelling()
    (norms,) = weight_norms(network).values()
    assert norms.argmax() == 0
    assert norms[0] == pytest.approx(np.sqrt(2 * 81) * np.sqrt(2 * 64))
    targets = Targets(network.forward(np.eye(2)), None, "linear")
    objective = Objective(np.eye(2), targets, ("mse",))
    config = PruneConfig(tolerances=(Tolerance(1, relative=False),), strategy="magnitude")
    events = list(prune(network, config, IncrementalEvaluator(objective)))
    order = [event.edit.units[0] for event in events if isinstance(event, Trial)]
    assert order[0] != 0


@pytest.mark.parametrize("kind", ["magnitude", "contribution", "saliency"])
def test_a_negative_weight_is_as_strong_as_a_positive_one(kind: str) -> None:
    network = cancelling()
    rows = np.random.default_rng(0).normal(size=(50, 2))
    targets = Targets(network.forward(rows) + 1, None, "linear")
    objective = Objective(rows, targets, ("mse",))
    found = ranking(network, kind, objective)
    flipped = network.with_ops({node.name: _negated(dense) for node, dense in network.dense[1:]})
    again = ranking(flipped, kind, objective, [network.dense[1][0].name])
    alone = found.of_layer(network.dense[1][0].name)
    assert (alone.strength >= 0).all()
    np.testing.assert_allclose(again.strength, alone.strength)
    weight = np.abs(network.dense[1][1].weight.reshape(-1))[alone.place]
    assert set(weight[-2:]) == {8.0}  # the large ones are last: the strongest


def _negated(dense: Dense) -> Dense:
    return Dense(-dense.weight, dense.bias)


# -- where a pass goes on


def test_with_restart_the_first_neuron_is_tried_again_after_a_removal() -> None:
    assert tried([9, 1, 8, 7], 1, restart=True)[:5] == [
        (0, False),
        (1, True),
        (0, False),
        (2, False),
        (3, False),
    ]


def test_without_restart_the_next_neuron_is_tried_after_a_removal() -> None:
    found = tried([9, 1, 8, 7], 1)
    assert found[:4] == [(0, False), (1, True), (2, False), (3, False)]
    assert found[4:] == [(0, False)]  # then all that are left were tried since the removal


def test_a_removal_can_make_an_earlier_neuron_free_to_go() -> None:
    # without 1 and -3 the sum is too large by 2: now it may lose 3
    found = tried([3, 1, -3, 5], 2.5)
    assert (0, False) in found
    went = [unit for unit, accepted in found if accepted]
    assert went == [1, 2, 0]


@pytest.mark.parametrize(("ceiling", "gone"), [(1.0, []), (1.001, [1])])
def test_the_ceiling_of_2008_itself_is_too_much(ceiling: float, gone: list[int]) -> None:
    network, objective = linear_sum([9, 1, 8])
    config = PruneConfig(tolerances=(Tolerance(ceiling, relative=False),), **PRESETS["heaton-2008"])
    squares = Objective(objective.inputs, objective.targets, config.metrics)
    events = prune(network, config, IncrementalEvaluator(squares))
    assert [event.edit.units[0] for event in events if isinstance(event, Accepted)] == gone
