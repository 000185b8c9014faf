from __future__ import annotations

import numpy as np
import pytest
from graph_networks import chain, random_chain, with_skip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pruner_gui.gui import graph_order
from pruner_gui.gui.graph_order import ORDERS, by_importance, by_similarity, units_in_order, weight_importance
from pruner_gui.network import FloatArray

vectors = arrays.arrays(
    np.float64, arrays.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.floats(-5, 5)
)


@settings(deadline=None)
@given(vectors)
def test_an_order_by_similarity_has_everyone_once_and_is_always_the_same(found: FloatArray) -> None:
    order = by_similarity(found)
    assert sorted(order.tolist()) == list(range(len(found)))
    assert by_similarity(found).tolist() == order.tolist()


@pytest.mark.parametrize("exact", [1024, 4])
def test_neurons_alike_stand_together(monkeypatch: pytest.MonkeyPatch, exact: int) -> None:
    monkeypatch.setattr(graph_order, "_EXACT", exact)
    random = np.random.default_rng(1)
    kinds = random.integers(0, 3, 60)
    centres = random.normal(size=(3, 40))
    found = centres[kinds] * random.uniform(0.5, 2, (60, 1)) + 0.01 * random.normal(size=(60, 40))
    seen = kinds[by_similarity(found)]
    assert np.count_nonzero(np.diff(seen)) == 2  # three groups


def test_a_turning_fan_is_put_in_the_order_of_its_angles() -> None:
    angles = np.linspace(0, np.pi, 50)
    shuffled = np.random.default_rng(2).permutation(50)
    fan = np.stack([np.cos(angles), np.sin(angles)], axis=1)[shuffled]
    steps = np.diff(shuffled[by_similarity(fan)])
    assert np.all(steps == steps[0])
    assert abs(steps[0]) == 1


def test_what_has_no_direction_or_is_no_number_is_still_ordered() -> None:
    assert sorted(by_similarity(np.zeros((5, 3))).tolist()) == [0, 1, 2, 3, 4]
    assert by_similarity(np.full((4, 2), np.nan)).tolist() == [0, 1, 2, 3]
    assert by_similarity(np.ones((1, 2))).tolist() == [0]


def test_the_most_important_come_first_and_equals_keep_their_order() -> None:
    assert by_importance([0.1, 5, 0.1, float("nan"), 7]).tolist() == [4, 1, 0, 2, 3]


def test_importance_is_that_of_weights_in_and_out() -> None:
    network = chain([[3.0, 0.0, 1.0], [4.0, 1.0, 0.0]], [[1.0, 0.0], [0.0, 9.0], [3.0, 4.0]])
    assert weight_importance(network, "h1").tolist() == [5.0, 9.0, 5.0]
    assert units_in_order(network, "importance")["h1"].tolist() == [1, 0, 2]


def test_measured_errors_say_what_is_important_where_they_are_known() -> None:
    network = random_chain(2, 4, 1)
    errors = {("h1", 0): 0.2, ("h1", 1): 0.1, ("h1", 2): 0.9, ("h1", 3): 0.5}
    assert units_in_order(network, "importance", errors)["h1"].tolist() == [2, 3, 0, 1]


@pytest.mark.parametrize("order", ORDERS)
def test_hidden_layers_of_any_network_can_be_ordered(order: str) -> None:
    for network in (random_chain(3, 9, 5, 2), with_skip(), random_chain(4, 8, 2).without({"h1": [0, 3]})):
        found = units_in_order(network, order)
        hidden = {layer.name: sorted(layer.units.tolist()) for layer in network.hidden_layers}
        assert {name: sorted(units.tolist()) for name, units in found.items()} == (
            {} if order == "index" else hidden
        )
