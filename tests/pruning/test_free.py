from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import batch_norm, chain, networks

from pruner_gui.network import Activation, BatchNorm, Concat, Dense, FloatArray, Input, Network, Node
from pruner_gui.pruning.free import Free, free_removals


def small(kind: str, weight: FloatArray, bias: FloatArray, out: FloatArray | None = None) -> Network:
    """Return a network of one hidden layer."""
    n_in, n_out = weight.shape
    if out is None:
        out = np.random.default_rng(0).normal(size=(n_out, 2))
    nodes = (
        Node("x", Input(n_in)),
        Node("h", Dense(weight, bias), ("x",)),
        Node("a", Activation(kind), ("h",)),
        Node("out", Dense(out, np.zeros(out.shape[1])), ("a",)),
    )
    return Network(nodes, ("out",))


def random_weights(n_in: int = 3, n_out: int = 5) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)


def found(network: Network, rows: FloatArray | None = None) -> list[Free]:
    return [free for free, _ in free_removals(network, rows)]


def assert_same_outputs(network: Network, rows: FloatArray | None, inputs: FloatArray) -> None:
    for _, smaller in free_removals(network, rows):
        expected, got = network.forward(inputs), smaller.forward(inputs)
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7 * scale)


def test_a_neuron_that_nobody_reads_goes() -> None:
    weight, bias = random_weights()
    out = np.ones((5, 2))
    out[3] = 0
    (free,) = found(small("tanh", weight, bias, out))
    assert (free.reason, free.edit.units, free.exact) == ("silent", (3,), True)


def test_a_neuron_without_inputs_goes_into_the_next_bias() -> None:
    weight, bias = random_weights()
    weight[:, 2], bias[2] = 0, 0.7
    network = small("sigmoid", weight, bias)
    ((free, smaller),) = free_removals(network)
    assert (free.reason, free.edit.units) == ("deaf", (2,))
    assert free.constant == pytest.approx(1 / (1 + np.exp(-0.7)))
    inputs = np.random.default_rng(2).normal(size=(9, 3)) * 100
    np.testing.assert_allclose(smaller.forward(inputs), network.forward(inputs), rtol=1e-10)


def test_what_is_constant_on_the_data_goes_when_there_is_data() -> None:
    weight, bias = random_weights()
    bias[1] = -1e3
    network = small("relu", weight, bias)
    rows = np.random.default_rng(2).normal(size=(50, 3))
    assert not found(network)
    ((free, smaller),) = free_removals(network, rows)
    assert (free.reason, free.edit.units, free.exact) == ("constant", (1,), False)
    np.testing.assert_allclose(smaller.forward(rows), network.forward(rows), rtol=1e-10)


@pytest.mark.parametrize(
    ("kind", "factor", "merges"),
    [
        ("relu", 1.0, True),
        ("relu", 2.5, True),
        ("relu", -2.5, False),
        ("leaky_relu", 0.25, True),
        ("linear", -3.0, True),
        ("tanh", 1.0, True),
        ("tanh", -1.0, True),
        ("tanh", 2.0, False),
        ("sigmoid", 1.0, True),
        ("sigmoid", -1.0, False),
        ("elu", 2.0, False),
    ],
)
def test_twins_merge_where_the_activation_lets_them(kind: str, factor: float, merges: bool) -> None:
    weight, bias = random_weights()
    weight[:, 4], bias[4] = factor * weight[:, 1], factor * bias[1]
    network = small(kind, weight, bias)
    frees = found(network)
    assert bool(frees) is merges
    if merges:
        assert (frees[0].reason, frees[0].edit.units, frees[0].partner) == ("twin", (4,), 1)
        assert frees[0].factor == pytest.approx(factor)
    assert_same_outputs(network, None, np.random.default_rng(3).normal(size=(20, 3)) * 10)


def test_one_of_many_twins_stays() -> None:
    weight, bias = random_weights()
    weight[:] = weight[:, :1]
    bias[:] = bias[0]
    network = small("tanh", weight, bias)
    frees = list(free_removals(network))
    assert [free.edit.units[0] for free, _ in frees] == [1, 2, 3, 4]
    inputs = np.random.default_rng(3).normal(size=(20, 3))
    np.testing.assert_allclose(frees[-1][1].forward(inputs), network.forward(inputs), rtol=1e-10)


def test_twins_that_are_normalised_differently_are_none() -> None:
    weight, bias = random_weights()
    weight[:, 4], bias[4] = weight[:, 1], bias[1]
    rng = np.random.default_rng(5)
    norm = batch_norm(rng, 5)
    for same in (False, True):
        scale, shift, mean, variance = (array.copy() for array in norm.tensors().values())
        for array in (scale, shift, mean, variance) if same else ():
            array[4] = array[1]
        plain = small("tanh", weight, bias)
        x, h, a, out = plain.nodes
        network = Network(
            (
                x,
                h,
                a,
                Node("n", BatchNorm(scale, shift, mean, variance), ("a",)),
                Node("out", out.op, ("n",)),
            ),
            ("out",),
        )
        assert len(found(network)) == same
        assert_same_outputs(network, None, rng.normal(size=(20, 3)))


def test_twins_behind_a_concatenation_merge_in_every_reader() -> None:
    weight, bias = random_weights()
    weight[:, 4], bias[4] = 2 * weight[:, 1], 2 * bias[1]
    plain = small("relu", weight, bias)
    x, h, a, _ = plain.nodes
    rng = np.random.default_rng(6)
    network = Network(
        (
            x, h, a,
            Node("both", Concat(), ("a", "x")),
            Node("one", Dense(rng.normal(size=(8, 2)), np.zeros(2)), ("both",)),
            Node("two", Dense(rng.normal(size=(5, 2)), np.zeros(2)), ("a",)),
            Node("out", Concat(), ("one", "two")),
        ),
        ("out",),
    )  # fmt: skip
    assert [free.edit.units for free in found(network)] == [(4,)]
    assert_same_outputs(network, None, rng.normal(size=(20, 3)))


def test_it_goes_on_to_what_becomes_free() -> None:
    rng = np.random.default_rng(7)
    network = chain(rng, [3, 4, 4, 2], ["tanh", "tanh"], "linear")
    ops = {node.name: node.op for node in network.nodes}
    first, second = ops["dense0"], ops["dense1"]
    assert isinstance(first, Dense)
    assert isinstance(second, Dense)
    weight = second.weight.copy()
    weight[:, 2] = 0
    weight[0, 2] = 1.0  # reads the first neuron only
    deaf = first.weight.copy()
    deaf[:, 0] = 0
    network = network.with_ops({"dense0": Dense(deaf, first.bias), "dense1": Dense(weight, second.bias)})
    reasons = {(free.edit.node, free.edit.units[0]): free.reason for free in found(network)}
    assert reasons["dense0", 0] == "deaf"
    assert reasons["dense1", 2] == "deaf"


def test_protected_neurons_and_the_last_of_a_layer_stay() -> None:
    weight, bias = np.zeros((3, 3)), np.array([1.0, 2.0, 3.0])
    network = small("tanh", weight, bias)
    assert len(found(network)) == 2
    kept = frozenset({("h", 0), ("h", 1)})
    assert [free.edit.units for free, _ in free_removals(network, kept=kept)] == [(2,)]


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 2**32))
def test_no_input_tells_the_difference(network: Network, seed: int) -> None:
    inputs = np.random.default_rng(seed).normal(size=(20, network.n_inputs)) * 3
    assert_same_outputs(network, None, inputs)


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 2**32))
def test_no_row_tells_the_difference(network: Network, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(20, network.n_inputs)) * 3
    assert_same_outputs(network, rows, rows)
