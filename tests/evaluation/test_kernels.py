"""The compiled activations, held to those of the operations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.program import Chain, Program
from pruner_gui.network import ACTIVATIONS, Activation, Arithmetic, Dense, FloatArray, Input, Network, Node

COMPILED = [name for name, kind in ACTIVATIONS.items() if not kind.mixes and name not in ("linear", "ramp")]
SETTINGS = {
    "gaussian": {"centre": 0.5, "peak": -2.0, "width": 0.7},
    "step": {"centre": 0.25, "low": -3.0, "high": 2.0},
    "clip": {"low": -0.5, "high": np.inf},
    "thresholded_relu": {"theta": 0.3},
    "elu": {"alpha": 0.4},
}


def compiled(activation: Activation, values: FloatArray) -> FloatArray:
    """What the loops make of values, `(block,)`."""
    program = Program.of([(activation,)], [], [], 4, values.dtype)
    out = np.repeat(values[None], 4, axis=0)
    whole = np.zeros(values.size, np.int32 if values.itemsize == 4 else np.int64)
    spare = np.zeros_like(values)
    kernels.elementwise(
        program.codes, program.settings, program.operands, 0, len(program.codes), out, spare, whole
    )
    assert (out == out[:1]).all() or np.isnan(out).any()
    row: FloatArray = out[0]
    return row


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("kind", COMPILED)
def test_a_compiled_activation_is_the_activation(kind: str, dtype: type, tolerance: float) -> None:
    activation = Activation(kind, SETTINGS.get(kind, {}))
    near = np.linspace(-8, 8, 1999)
    far = np.array([-1e4, -300, -90, -40, -20.5, 0.0, -0.0, 1e-30, 1e-8, 20.5, 40, 85, 300, 1e4])
    values: FloatArray = np.concatenate((near, far)).astype(dtype)
    with np.errstate(over="ignore"):
        expected = activation.forward(values[None])[0]
    found = compiled(activation, values)
    np.testing.assert_allclose(found, expected, rtol=4 * tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", COMPILED)
def test_chains_with_them_take_the_fast_way(kind: str) -> None:
    dense = Dense(np.ones((2, 2)), np.zeros(2))
    nodes = (
        Node("x", Input(2)),
        Node("a", dense, ("x",)),
        Node("f", Activation(kind), ("a",)),
        Node("b", dense, ("f",)),
    )
    chain = Chain.of(Network(nodes, ("b",)))
    assert chain is not None
    assert chain.jumps == (kind in ("step", "thresholded_relu"))


def test_inputs_that_are_mostly_zero_are_multiplied_in_double_precision() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.integers(0, 256, (50, 37)) * (rng.random((50, 37)) < 0.2)).astype(np.float32)
    weight, bias = rng.normal(size=(37, 6)).astype(np.float32), rng.normal(size=6).astype(np.float32)
    weight[:, [1, 4]] = 0
    reading, out = np.array([0, 2, 3, 5]), np.empty((50, 6))
    kernels.sparse_dense(rows, np.ascontiguousarray(weight[:, reading]), reading, bias, out)
    expected = rows.astype(np.float64) @ weight.astype(np.float64) + bias.astype(np.float64)
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-10)


@given(st.integers(0, 2**32), st.booleans())
def test_rows_are_run_that_move_beyond_their_lead(seed: int, relu: bool) -> None:
    rng = np.random.default_rng(seed)
    entry, taken = rng.normal(size=(32, 5)), rng.normal(size=(2, 5))
    gone = rng.normal(size=(2, 32)) * (rng.random((2, 32)) < 0.6)
    leads = rng.uniform(-0.5, 3, 32)
    losses, index = rng.random((2, 1, 16)), np.zeros((2, 30), np.int32)
    factor, sizes = 1.5, np.linalg.norm(taken, axis=1)
    for t in range(2):
        unseen = np.zeros(1)
        count = kernels.select(
            t, gone, factor * sizes, leads, losses, np.zeros((2, 0)), -1,
            entry, taken, factor if relu else 0.0, unseen, index,
        )  # fmt: skip
        moved = entry.copy()
        distance = np.zeros(32)
        kernels.subtract_rows(0, 32, gone[t], taken[t], relu, moved, distance)
        least = 0 if relu else -np.inf
        exact = np.linalg.norm(np.maximum(moved, least) - np.maximum(entry, least), axis=1)
        assert moved == pytest.approx(entry - np.outer(gone[t], taken[t]))
        assert distance == pytest.approx(exact)
        expected = np.flatnonzero((gone[t] != 0) & (exact * factor > leads))
        expected = expected[expected < 30]
        assert index[t, :count].tolist() == expected.tolist()
        assert unseen[0] == pytest.approx(-losses.ravel()[expected].sum())


def test_bounds_of_some_units_are_their_bounds_until_they_are_enough() -> None:
    rng = np.random.default_rng(3)
    n_blocks, n_next, block, rows = 6, 4, 16, 90
    drops = np.maximum(rng.normal(size=(n_blocks, 5, block)), 0)
    entry, slopes = rng.normal(size=(2, n_blocks, n_next, block))
    anchors, present = rng.random((n_blocks, block)) + 3, rng.random((n_blocks, 1, block))
    which, outgoing = np.array([4, 1, 2]), rng.normal(size=(3, n_next))
    fixed = (entry, True, slopes, anchors, present, 0, rows)
    every = np.zeros((3, n_blocks))
    kernels.bounds(0, n_blocks, drops, which, outgoing, np.arange(3), *fixed, every)
    enough = np.array([np.inf, every[1, [1, 3]].sum() - 1e-6, -1.0])
    below, found = np.zeros(3), np.zeros((3, n_blocks))
    kernels.bounds_of_some(1, n_blocks, 2, drops, which, outgoing, *fixed, enough, below, found)
    expected = np.zeros((3, n_blocks))
    expected[0, [1, 3, 5]] = every[0, [1, 3, 5]]
    expected[1, [1, 3]] = every[1, [1, 3]]
    expected[2, 1] = every[2, 1]
    assert found == pytest.approx(expected, rel=1e-12)
    assert below == pytest.approx(expected.sum(axis=1), rel=1e-12)


@pytest.mark.parametrize("kind", ["tanh", "relu", "elu"])
@pytest.mark.parametrize(("rows", "units", "outputs"), [(3, 5, 1), (130, 7, 3)])
def test_a_network_of_one_hidden_layer_is_run_and_its_products_added_up(
    kind: str, rows: int, units: int, outputs: int
) -> None:
    rng = np.random.default_rng(0)
    inputs, weight = rng.normal(size=(rows, 4)), rng.normal(size=(5, units))
    outgoing, bias = rng.normal(size=(outputs, units)), rng.normal(size=outputs)
    wanted, operand = rng.normal(size=(rows, outputs)), rng.normal(size=units)
    ops = (Activation(kind), Arithmetic("mul", operand))
    program = Program.of([ops], [], [], units, np.float64)
    rough, scores = np.ones((rows, units + 1), np.float32), np.empty((rows, outputs))
    with_residuals = np.zeros((outputs, units + 1))
    kernels.one_hidden_layer(
        inputs, weight, program.codes, program.settings, program.operands, np.zeros(0, np.int64),
        outgoing, bias, wanted, rough, scores, with_residuals,
    )  # fmt: skip
    held = inputs @ weight[:-1] + weight[-1]
    for op in ops:
        held = op.forward(held)
    held = np.column_stack((held, np.ones(rows)))
    expected = held[:, :-1] @ outgoing.T + bias
    np.testing.assert_allclose(rough, held, rtol=1e-6)
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    np.testing.assert_allclose(with_residuals, (expected - wanted).T @ held, rtol=1e-10)
