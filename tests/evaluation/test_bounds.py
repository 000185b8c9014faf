"""What the fast evaluator takes for granted of rows that it does not run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import chain
from ways import accepted

from pruner_gui.evaluation import (
    IncrementalEvaluator,
    Objective,
    ReferenceEvaluator,
    Targets,
    Tuning,
    kernels,
)
from pruner_gui.evaluation.program import Chain
from pruner_gui.evaluation.radii import Radii, norm, steepest
from pruner_gui.evaluation.rows import Rows, Statistics
from pruner_gui.evaluation.tangents import Tangents
from pruner_gui.network import ACTIVATIONS, Activation, Arithmetic, Dense, FloatArray, Network
from pruner_gui.pruning import NothingToRelateTo, PruneConfig, Tolerance

sizes = st.lists(st.integers(2, 7), min_size=4, max_size=8)
seeds = st.integers(0, 2**32)


def parts(network: Network) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return all weights and all biases."""
    layers = [dense for _, dense in network.dense]
    return [dense.weight for dense in layers], [dense.bias for dense in layers]


def labelled(rng: np.random.Generator, network: Network, rows: int) -> tuple[FloatArray, Targets]:
    """Return random rows, most of which the network classifies rightly."""
    inputs = rng.normal(size=(rows, network.n_inputs))
    labels = network.forward(inputs).argmax(axis=1)
    labels[::5] = rng.integers(0, network.n_outputs, labels[::5].size)
    return inputs, Targets(np.eye(network.n_outputs)[labels], labels, "softmax")


def rest(weights: list[FloatArray], biases: list[FloatArray], first: int, entry: FloatArray) -> FloatArray:
    """Return the scores for what layer `first` of a relu chain gets."""
    for weight, bias in zip(weights[first + 1 :], biases[first + 1 :], strict=True):
        entry = np.maximum(entry, 0) @ weight + bias
    return entry


@given(
    seeds,
    sizes,
    st.integers(1, 60),
    st.sampled_from(["cross-entropy", "error-rate", "mse"]),
    st.sampled_from([0.0, 1.0, 10.0]),
    st.sampled_from(["none", "refit"]),
    st.sampled_from(["float32", "float64"]),
)
def test_deep_relu_chains_lose_the_same_neurons(
    seed: int, sizes: list[int], rows: int, metric: str, percent: float, compensation: str, dtype: str
) -> None:
    rng = np.random.default_rng(seed)
    head = "linear" if metric == "mse" else "softmax"
    network = chain(rng, sizes, ["relu"] * 7, head)
    inputs, targets = labelled(rng, network, rows)
    objective = Objective(inputs, Targets(targets.values, targets.labels, head), (metric,))
    config = PruneConfig(
        metrics=(metric,), tolerances=(Tolerance(percent, relative=True),), compensation=compensation
    )
    try:
        expected = accepted(network, config, ReferenceEvaluator(objective, compensation))
    except NothingToRelateTo:
        return
    fast = IncrementalEvaluator(objective, compensation, Tuning(16, 1, dtype, wide=1))
    assert accepted(network, config, fast) == expected


@given(seeds, sizes, st.floats(0, 3))
def test_within_its_radius_a_row_keeps_its_class(seed: int, sizes: list[int], size: float) -> None:
    rng = np.random.default_rng(seed)
    network = chain(rng, sizes, ["relu"] * 7, "softmax")
    inputs, targets = labelled(rng, network, 30)
    assert targets.labels is not None
    stages = Chain.of(network)
    assert stages is not None
    weights, biases = parts(network)
    for layer in range(len(weights) - 1):
        afters = [stage.after for stage in stages.stages[layer:-1]] + [()]
        radii = Radii.of(afters, weights[layer + 1 :], network.n_outputs)
        if radii is None:
            continue
        entry = inputs
        for i in range(layer + 1):
            entry = (np.maximum(entry, 0) if i else entry) @ weights[i] + biases[i]
        scores = rest(weights, biases, layer, entry)
        radius = np.zeros(30)
        kernels.leads_of(scores, targets.labels, radii.between, radii.speed, np.array([1e-6, 0]), radius)
        radius /= radii.factor
        move = rng.normal(size=entry.shape)
        move *= np.minimum(size, radius)[:, None] / np.linalg.norm(move, axis=1, keepdims=True)
        moved = rest(weights, biases, layer, entry + np.where(radius[:, None] > 0, move, 0))
        rows = np.arange(len(scores))
        leads = []
        for found in (scores, moved):
            others = found.copy()
            others[rows, targets.labels] = -np.inf
            leads.append(found[rows, targets.labels] - others.max(axis=1))
        known = radius > 0
        assert (np.sign(leads[0]) == np.sign(leads[1]))[known].all()
        assert known.any() or (np.abs(leads[0]) < 1e-4 * np.abs(scores).max(axis=1)).any()


@given(seeds, sizes, st.sampled_from(["cross-entropy", "mse"]), st.integers(0, 5), st.integers(0, 4))
def test_no_loss_is_below_its_bound(seed: int, sizes: list[int], metric: str, at: int, removals: int) -> None:
    """Also after removals that the tangents, made before, know nothing of but how far they moved rows."""
    rng = np.random.default_rng(seed)
    head = "linear" if metric == "mse" else "softmax"
    network = chain(rng, sizes, ["relu"] * 7, head)
    inputs, targets = labelled(rng, network, 48)
    objective = Objective(inputs, Targets(targets.values, targets.labels, head), (metric,))
    weights, biases = parts(network)
    layer = at % (len(weights) - 2) + 1
    rows = Rows(objective, Tuning(16, 1, "float64"), Statistics())
    rows.dtype = np.dtype(np.float64)
    rows.put_in_order(np.arange(48))
    entry = inputs
    for i in range(layer + 1):
        entry = (np.maximum(entry, 0) if i else entry) @ weights[i] + biases[i]
    entry = np.ascontiguousarray(entry)
    stages = Chain.of(network)
    assert stages is not None
    afters = [stage.after for stage in stages.stages[layer:]]
    assert Tangents.fit(rows, afters)
    tangents = Tangents(rows, entry, list(zip(weights[layer + 1 :], biases[layer + 1 :], strict=True)))

    def losses(entry: FloatArray) -> FloatArray:
        (found,) = objective.losses(rest(weights, biases, layer, entry), slice(0, 48))
        return found

    present = losses(entry).reshape(3, 1, 16)
    for _ in range(removals + 1):
        gone = np.abs(rng.normal(size=(3, 48))) * (rng.random((3, 48)) > 0.4) * rng.choice([0.01, 0.3, 3])
        taken = rng.normal(size=(3, entry.shape[1]))
        sizes_of = np.linalg.norm(taken, axis=1)
        lower = np.zeros((3, 48))
        tangents.lower(gone, taken, sizes_of, present, lower)
        for t in range(3):
            exact = losses(entry - np.outer(gone[t], taken[t]))
            run = gone[t] != 0
            assert (lower[t] <= exact * (1 + 1e-9) + 1e-9 * (1 + np.abs(exact).max()))[run].all()
        before = np.maximum(entry, 0)
        entry -= np.outer(gone[0], taken[0])
        tangents.moved(np.linalg.norm(np.maximum(entry, 0) - before, axis=1))


def test_without_a_movement_bounds_are_the_losses() -> None:
    rng = np.random.default_rng(3)
    network = chain(rng, [4, 6, 6, 6, 3], ["relu"] * 7, "softmax")
    inputs, targets = labelled(rng, network, 32)
    objective = Objective(inputs, targets, ("cross-entropy",))
    weights, biases = parts(network)
    entry = np.ascontiguousarray(np.maximum(inputs @ weights[0] + biases[0], 0) @ weights[1] + biases[1])
    rows = Rows(objective, Tuning(16, 1, "float64"), Statistics())
    rows.put_in_order(np.arange(32))
    (exact,) = objective.losses(rest(weights, biases, 1, entry), slice(0, 32))
    tangents = Tangents(rows, entry, list(zip(weights[2:], biases[2:], strict=True)))
    lower = np.zeros((1, 32))
    gone, taken = np.full((1, 32), 1e-9), np.ones((1, entry.shape[1]))
    tangents.lower(gone, taken, np.linalg.norm(taken, axis=1), exact.reshape(2, 1, 16), lower)
    assert lower[0] == pytest.approx(exact, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", [kind for kind, found in ACTIVATIONS.items() if not found.mixes])
def test_no_function_is_steeper_than_its_slope(kind: str) -> None:
    values = np.linspace(-12, 12, 200_001)[:, None]
    op = Activation(kind)
    with np.errstate(over="ignore"):
        rises = np.abs(np.diff(op.forward(values), axis=0) / np.diff(values, axis=0))
    slope = steepest(op)
    assert rises.max() <= slope * (1 + 1e-6)
    assert slope == np.inf or rises.max() > slope * 0.8


def test_slopes_of_arithmetic_are_those_of_its_largest_factor() -> None:
    factors = np.array([0.5, -4.0])
    assert steepest(Arithmetic("mul", factors)) == 4
    assert steepest(Arithmetic("div", factors)) == 2
    assert steepest(Arithmetic("add", factors)) == 1


def test_the_norm_of_weights_is_the_most_that_they_lengthen() -> None:
    weight = np.random.default_rng(0).normal(size=(7, 4))
    assert norm(weight) == pytest.approx(np.linalg.svd(weight, compute_uv=False)[0], rel=1e-6)
    assert norm(weight) >= np.linalg.svd(weight, compute_uv=False)[0]
    assert norm(Dense(np.full((2, 2), np.inf), np.zeros(2)).weight) == np.inf
