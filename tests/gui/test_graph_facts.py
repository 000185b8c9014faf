from __future__ import annotations

import numpy as np
import pytest
from graph_networks import chain, random_chain, with_skip

from pruner_gui.gui.edge_raster import prepare
from pruner_gui.gui.graph_facts import EdgeHit, Facts, find_edge, next_neuron, strongest_edge
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.network import Network

NETWORK = chain([[2.0, -3.0, 0.0], [0.1, 1.0, 0.0]], [[1.0], [0.0], [0.5]])


def facts(network: Network) -> Facts:
    layout = Layout.from_network(network)
    return Facts.of(network, layout)


def test_degrees_and_strongest_weights_of_every_neuron() -> None:
    found = facts(NETWORK)
    assert found.layers[1].n_in.tolist() == [2, 2, 0]
    assert found.layers[1].n_out.tolist() == [1, 0, 1]
    assert found.layers[1].strongest_in.tolist() == [2, -3, 0]
    assert found.layers[1].strongest_out.tolist() == [1, 0, 0.5]
    assert found.layers[0].strongest_out.tolist() == [-3, 1]


def test_a_layer_that_several_read_counts_all_of_them() -> None:
    network = with_skip()
    found = facts(network)
    weights = dict(network.by_name["a"].op.tensors())["weight"]
    assert found.layers[0].n_out.tolist() == [6, 6, 6]  # of a and of y
    assert found.of_neuron(1, 2) is not None
    here, place = found.of_neuron(1, 2)  # type: ignore[misc]
    assert here.strongest_in[place] == pytest.approx(weights[np.abs(weights[:, 2]).argmax(), 2])


def test_neurons_are_told_by_their_original_number_whatever_the_order() -> None:
    layout = Layout.from_network(NETWORK, {"h1": np.array([2, 0, 1])})
    found = Facts.of(NETWORK, layout)
    here, place = found.of_neuron(1, 1)  # type: ignore[misc]
    assert here.strongest_in[place] == -3
    assert found.of_neuron(1, 9) is None
    assert found.of_neuron(7, 0) is None


def test_the_rank_of_a_connection_among_its_layers() -> None:
    network = chain([[1.0, 2.0, -3.0, 4.0]], [[1.0]] * 4)
    found = facts(network)
    assert found.rank(EdgeHit((0, 0), (1, 3), 4.0)) == (0.75, 0.0)
    assert found.rank(EdgeHit((0, 0), (1, 2), -3.0)) == (0.5, 0.25)
    assert found.rank(EdgeHit((1, 0), (2, 0), 1.0)) == (0.0, 0.0)  # all alike
    assert found.rank(EdgeHit((0, 0), (2, 0), 1.0)) is None


@pytest.mark.parametrize("network", [NETWORK, with_skip(), random_chain(5, 40, 30, 3)])
def test_a_connection_that_is_hit_is_found_again(network: Network) -> None:
    layout = Layout.from_network(network)
    blocks = prepare(network, layout)
    for block in blocks:
        piece = block.pieces[0]
        x = 0.3 * piece.x0 + 0.7 * piece.x1
        for edge in range(0, block.weight.size, 7):
            y = float(block.curves(piece, np.array([x]), np.array([edge]))[0, 0])
            place = strongest_edge(blocks, x, y, 0.01)
            assert place is not None
            hit = place.hit(layout)
            assert abs(hit.weight) >= abs(block.weight[edge])
            found = find_edge(blocks, layout, hit)
            assert found is not None
            assert (found.block, found.edge) == (place.block, place.edge)
    assert find_edge(blocks, layout, EdgeHit((0, 99), (1, 0), 1.0)) is None


def test_the_next_neuron_is_the_nearest_that_is_left() -> None:
    layout = Layout.from_network(NETWORK)
    left = [np.array([0, 1]), np.array([0, 2]), np.array([0])]
    assert next_neuron(layout, left, (1, 0), 0, 1) == (1, 2)
    assert next_neuron(layout, left, (1, 2), 0, 1) is None
    assert next_neuron(layout, left, (1, 2), 1, 0) == (2, 0)
    assert next_neuron(layout, left, (2, 0), 1, 0) == (2, 0)
