import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import branched, chain, networks

from pruner_gui.network import (
    Activation,
    CannotRemove,
    Dense,
    Input,
    MalformedGraph,
    Network,
    Node,
    RemoveUnits,
    ShapeMismatch,
)


def small() -> Network:
    return chain(np.random.default_rng(0), [4, 5, 3, 2], ["relu", "tanh"], "softmax")


def silenced(network: Network, edit: RemoveUnits) -> Network:
    """The literal meaning of a removal: whatever leaves the unit is multiplied by zero."""
    gone = network.tags[edit.node][np.isin(network.by_name[edit.node].units, edit.units)]
    nodes = []
    for node in network.nodes:
        op = node.op
        if isinstance(op, Dense):
            weight = op.weight.copy()
            weight[np.isin(network.tags[node.inputs[0]], gone)] = 0
            op = Dense(weight, op.bias)
        nodes.append(Node(node.name, op, node.inputs, node.units))
    return Network(tuple(nodes), network.outputs)


@given(networks(), st.data())
def test_a_smaller_network_gives_what_the_silenced_one_gives(network: Network, data: st.DataObject) -> None:
    rows = np.random.default_rng(1).normal(size=(7, network.n_inputs))
    masked = network
    for _ in range(3):
        groups = [g for g in network.groups() if _width(network, g.node) > 1]
        if not groups:
            return
        group = data.draw(st.sampled_from(groups))
        edit = RemoveUnits(group.node, (group.unit,))
        smaller = edit.apply(network)
        np.testing.assert_allclose(
            smaller.forward(rows), silenced(masked, edit).forward(rows), rtol=1e-9, atol=1e-12
        )
        assert smaller.parameters < network.parameters
        assert group.unit not in smaller.by_name[group.node].units
        masked, network = silenced(masked, edit), smaller


def _width(network: Network, name: str) -> int:
    return network.sizes[name]


def test_units_keep_their_original_index() -> None:
    network = RemoveUnits("dense0", (1, 3)).apply(small())
    assert network.by_name["dense0"].units.tolist() == [0, 2, 4]
    assert RemoveUnits("dense0", (4,)).apply(network).by_name["act0"].units.tolist() == [0, 2]


@pytest.mark.parametrize("units", [(9,), (0, 1, 2, 3, 4)])
def test_a_unit_that_is_not_there_and_the_last_of_a_layer_stay(units: tuple[int, ...]) -> None:
    with pytest.raises(CannotRemove):
        RemoveUnits("dense0", units).apply(small())


def test_outputs_cannot_be_removed() -> None:
    with pytest.raises(CannotRemove):
        RemoveUnits("dense2", (0,)).apply(small())


def test_units_in_front_of_a_hidden_softmax_are_no_groups() -> None:
    network = chain(np.random.default_rng(0), [4, 5, 3, 2], ["softmax", "tanh"], "linear")
    assert {group.node for group in network.groups()} == {"dense1"}
    assert not network.hidden_layers[0].prunable.any()


def test_what_an_addition_couples_goes_together() -> None:
    network = branched(np.random.default_rng(0), 4, "relu", "linear")
    group = network.groups()[1]
    assert group.slices == (("a", "out", 1), ("b", "out", 1), ("c", "in", 1), ("out", "in", 6))
    smaller = RemoveUnits("a", (1,)).apply(network)
    assert smaller.by_name["b"].units.tolist() == [0, 2, 3]


def test_figures_of_a_network() -> None:
    network = small()
    assert network.layer_sizes == (4, 5, 3, 2)
    assert [layer.activation for layer in network.hidden_layers] == ["relu", "tanh"]
    assert network.hidden_neurons == 8
    assert network.macs == 4 * 5 + 5 * 3 + 3 * 2
    assert network.parameters == network.macs + 5 + 3 + 2
    assert network.connections <= network.macs
    assert network.head == "softmax"


def test_disconnected_neurons_have_no_way_in_or_no_way_out() -> None:
    first, second = np.ones((2, 3)), np.ones((3, 1))
    first[:, 0] = 0
    second[2] = 0
    nodes = (
        Node("x", Input(2)),
        Node("h", Dense(first, np.ones(3)), ("x",)),
        Node("y", Dense(second, np.zeros(1)), ("h",)),
    )
    network = Network(nodes, ("y",))
    assert network.without_incoming["h"].tolist() == [True, False, False]
    assert network.without_outgoing["h"].tolist() == [False, False, True]


def test_connections_of_a_branched_network_lead_from_where_units_are_made() -> None:
    network = branched(np.random.default_rng(0), 4, "relu", "linear")
    pairs = [(link.source, link.target, link.weight.shape) for link in network.links]
    assert pairs == [
        ("x", "a", (3, 4)),
        ("x", "b", (3, 4)),
        ("a", "c", (4, 2)),
        ("b", "c", (4, 2)),
        ("x", "out", (3, 3)),
        ("a", "out", (4, 3)),
        ("b", "out", (4, 3)),
        ("c", "out", (2, 3)),
    ]


def test_a_weight_that_is_no_number_is_found() -> None:
    weight = np.ones((2, 3))
    weight[1, 2] = np.nan
    nodes = (Node("x", Input(2)), Node("y", Dense(weight, np.zeros(3)), ("x",)))
    assert Network(nodes, ("y",)).non_finite() == ("y", "weight", (1, 2))


@pytest.mark.parametrize(
    ("nodes", "outputs"),
    [
        ([Node("x", Input(2)), Node("x", Activation("relu"), ("x",))], ("x",)),
        ([Node("a", Activation("relu"), ("x",)), Node("x", Input(2))], ("a",)),
        ([Node("x", Input(2)), Node("z", Input(2))], ("x",)),
        ([Node("x", Input(2))], ("y",)),
        ([Node("x", Input(0))], ("x",)),
    ],
)
def test_what_is_no_network_is_refused(nodes: list[Node], outputs: tuple[str, ...]) -> None:
    with pytest.raises(MalformedGraph):
        Network(tuple(nodes), outputs)


def test_layers_that_do_not_fit_are_refused() -> None:
    nodes = (Node("x", Input(3)), Node("y", Dense(np.ones((2, 1)), np.zeros(1)), ("x",)))
    with pytest.raises(ShapeMismatch):
        Network(nodes, ("y",))
