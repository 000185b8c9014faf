from __future__ import annotations

import numpy as np
from graph_networks import chain, with_skip

from pruner_gui.gui.spare import Strongest, Weak, folded, free_neurons
from pruner_gui.network import FloatArray, Network, RemoveUnits
from pruner_gui.pruning.free import Free


def magnitudes(network: Network) -> dict[str, FloatArray]:
    return {node.name: np.abs(dense.weight) for node, dense in network.dense}


def test_what_costs_nothing_is_told_apart_by_what_it_holds_for() -> None:
    network = chain([[1.0, 2.0, 0.0, -1.0], [1.0, 2.0, 0.0, -1.0]], [[1.0], [1.0], [1.0], [3.0]])
    rows = np.ones((5, 2))  # the last neuron is silent on these, since relu
    found = free_neurons(network, rows, frozenset())
    assert {(free.reason, free.edit.units) for free in found.exact} == {("twin", (1,)), ("deaf", (2,))}
    assert [free.reason for free in found.constant] != []
    assert found.on_data
    without = free_neurons(network, None, frozenset())
    assert without.found == found.exact
    assert not without.on_data


def test_protected_neurons_are_not_offered() -> None:
    network = chain([[1.0, 0.0], [1.0, 0.0]], [[1.0], [1.0]])
    assert len(free_neurons(network, None, frozenset()).found) == 1
    assert not free_neurons(network, None, frozenset({("h1", 1)})).found


def test_zeros_are_counted() -> None:
    assert free_neurons(chain([[1.0, 0.0], [1.0, 2.0]], [[1.0], [1.0]]), None, frozenset()).zeros == 1


def test_neurons_whose_connections_on_one_side_are_all_weak() -> None:
    network = chain(
        [[1.0, 0.1, 1.0, 0.0, 0.2], [1.0, -0.1, 0.1, 0.0, 0.0]], [[1.0], [1.0], [0.1], [1.0], [-0.3]]
    )
    assert Strongest.of(network, magnitudes(network)).weak(0.5) == (
        Weak("h1", 1, 0.1, None),
        Weak("h1", 2, None, 0.1),
        Weak("h1", 4, 0.2, 0.3),
    )
    assert Strongest.of(network, magnitudes(network)).weak(0.05) == ()


def test_all_readers_of_a_neuron_count() -> None:
    network = with_skip()
    strengths = {name: np.ones_like(strength) for name, strength in magnitudes(network).items()}
    strengths["b"] = np.zeros_like(strengths["b"])  # a is read by c as well
    found = Strongest.of(network, strengths).weak(0.5)
    assert [(each.layer, each.unit, each.out) for each in found] == [("b", 0, None), ("b", 1, None)]


def test_what_is_free_for_any_input_is_folded_and_compared() -> None:
    network = chain([[1.0, 2.0, 0.0, -1.0], [1.0, 2.0, 0.0, -1.0]], [[1.0], [1.0], [1.0], [3.0]])
    found = free_neurons(network, None, frozenset()).exact
    done = folded(network, found)
    assert done.count == len(found) == 2
    assert done.network.hidden_neurons == 2
    assert done.difference < 1e-12
    ruined = folded(network, [Free(RemoveUnits("h1", (0,)), "silent")])  # it is not
    assert ruined.difference > 0.01


def test_what_has_to_stay_of_a_layer_is_not_offered() -> None:
    network = chain([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]], [[1.0], [1.0], [1.0]])
    assert len(free_neurons(network, None, frozenset()).found) == 2
    assert len(free_neurons(network, None, frozenset(), {"h1": 2}).found) == 1
