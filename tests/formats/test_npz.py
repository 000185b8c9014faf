"""npz: networks as plain arrays."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui.formats import BadEntry, NotAModel, NotExpressible, TooLarge, npz_format, read, write
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Add,
    Arithmetic,
    Dense,
    Input,
    Network,
    Node,
    Op,
    RemoveUnits,
)


def save(path: Path, **changes: Any) -> Path:
    """A file of two layers, with other entries, or without those that are None."""
    rng = np.random.default_rng(0)
    entries: dict[str, Any] = {
        "W0": rng.normal(size=(4, 3)),
        "b0": rng.normal(size=3),
        "W1": rng.normal(size=(3, 2)),
        "b1": rng.normal(size=2),
        "activations": np.array(["relu", "softmax"]),
    }
    np.savez(path, **{key: value for key, value in {**entries, **changes}.items() if value is not None})
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.npz"


def test_the_documented_keys(path: Path) -> None:
    save(path, input_offset=np.arange(4.0), input_divisor=255, notes="anything")
    network, entries = read(path), np.load(path)
    rows = np.random.default_rng(1).normal(size=(5, 4))
    hidden = np.maximum((rows - entries["input_offset"]) / 255 @ entries["W0"] + entries["b0"], 0)
    scores = np.exp(hidden @ entries["W1"] + entries["b1"])
    np.testing.assert_allclose(network.forward(rows), scores / scores.sum(axis=1, keepdims=True), rtol=1e-12)
    names = ["input", "input.sub", "input.sub.div", "dense_1", "dense_1.relu", "dense_2", "dense_2.softmax"]
    assert [node.name for node in network.nodes] == names
    assert (network.origin.format, network.origin.dtype) == ("npz", "float64")


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("leaky_relu(0.2)", "leaky_relu", {"alpha": 0.2}),
        (" leaky_relu ", "leaky_relu", {"alpha": 0.01}),
        ("hard_sigmoid(0.1)", "hard_sigmoid", {"alpha": 0.1, "beta": 0.5}),
        ("hard_sigmoid(0.1, 0.25)", "hard_sigmoid", {"alpha": 0.1, "beta": 0.25}),
        ("tanh()", "tanh", {}),
    ],
)
def test_parameters_of_activations(path: Path, text: str, kind: str, expected: dict[str, float]) -> None:
    op = read(save(path, activations=np.array(["linear", text]))).nodes[-1].op
    assert isinstance(op, Activation)
    assert (op.kind, op.settings) == (kind, expected)


@pytest.mark.parametrize("text", ["", "swoosh", "relu(1)", "leaky_relu(a)", "leaky_relu(1", "elu(1,2)"])
def test_unknown_activations_are_refused(path: Path, text: str) -> None:
    with pytest.raises(BadEntry) as refusal:
        read(save(path, activations=np.array(["relu", text])))
    assert (refusal.value.key, refusal.value.problem, refusal.value.found) == (
        "activations",
        "activation",
        text,
    )
    assert "relu" in refusal.value.expected


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"W0": None}, "W0", "missing"),
        ({"W1": None, "W2": np.ones((3, 2))}, "W1", "missing"),
        ({"b1": None}, "b1", "missing"),
        ({"activations": None}, "activations", "missing"),
        ({"W0": np.ones(4)}, "W0", "shape"),
        ({"W1": np.ones((4, 2))}, "W1", "shape"),
        ({"b0": np.ones(2)}, "b0", "shape"),
        ({"b0": np.ones((1, 3))}, "b0", "shape"),
        ({"W0": np.full((4, 3), "x")}, "W0", "type"),
        ({"W0": np.ones((4, 3), complex)}, "W0", "type"),
        ({"activations": np.array(["relu"])}, "activations", "shape"),
        ({"activations": np.array([1, 2])}, "activations", "type"),
        ({"input_offset": np.ones(3)}, "input_offset", "shape"),
        ({"units0": np.arange(2)}, "units0", "shape"),
        ({"units0": np.array([1, 1, 2])}, "units0", "units"),
        ({"units0": np.array([-1, 1, 2])}, "units0", "units"),
    ],
)
def test_entries_that_do_not_fit_are_named(
    path: Path, changes: dict[str, Any], key: str, problem: str
) -> None:
    with pytest.raises(BadEntry) as refusal:
        read(save(path, **changes))
    assert (refusal.value.path, refusal.value.key, refusal.value.problem) == (path, key, problem)


def test_integers_and_half_precision_are_widened(path: Path) -> None:
    half = {
        key: np.ones(shape, np.float16)
        for key, shape in (("W0", (4, 3)), ("b0", 3), ("W1", (3, 2)), ("b1", 2))
    }
    assert read(save(path, **half)).origin.dtype == "float32"
    assert read(save(path, W0=np.ones((4, 3), int))).origin.dtype == "float64"
    assert read(save(path, W0=np.ones((4, 3), ">f4"), W1=np.ones((3, 2), order="F"))).layer_sizes == (4, 3, 2)


def test_undefined_weights_are_read(path: Path) -> None:
    network = read(save(path, b0=np.array([0, np.nan, 1])))
    assert network.non_finite() == ("dense_1", "bias", (1,))


# -- archives not to be trusted


def test_objects_are_never_unpickled(path: Path) -> None:
    with pytest.raises(NotAModel) as refusal:
        read(save(path, b0=np.array([{}, None, 1], object)))
    assert refusal.value.reason == "damaged"


def test_a_header_that_promises_more_than_there_is(path: Path) -> None:
    save(path)
    with zipfile.ZipFile(path, "a") as archive, archive.open("b7.npy", "w") as entry:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
        np.lib.format.write_array_header_1_0(entry, header)
    with pytest.raises(NotAModel):
        read(path)


def test_an_archive_that_unpacks_to_too_much(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_format, "MAX_BYTES", 10**6)
    np.savez_compressed(path, W0=np.zeros((1000, 1000)))
    assert path.stat().st_size < 10**5
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert (refusal.value.what, refusal.value.limit) == ("entries", 10**6)
    assert refusal.value.found > 8 * 10**6


def test_compressed_archives_are_read(path: Path) -> None:
    entries = dict(np.load(save(path)))
    np.savez_compressed(path, **entries)
    assert read(path).layer_sizes == (4, 3, 2)


# -- there and back


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_a_chain_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=5))
    nodes = [Node("input", Input(sizes[0]))]
    for operator in data.draw(st.sampled_from([[], ["sub"], ["div"], ["sub", "div"]])):
        op = Arithmetic(operator, rng.uniform(1, 2, sizes[0]).astype(dtype))
        nodes.append(Node(f"{nodes[-1].name}.{operator}", op, (nodes[-1].name,)))
    for i, shape in enumerate(itertools.pairwise(sizes)):
        units = np.sort(rng.choice(20, shape[1], replace=False))
        dense = Dense(rng.normal(size=shape).astype(dtype), rng.normal(size=shape[1]).astype(dtype))
        nodes.append(Node(f"dense_{i + 1}", dense, (nodes[-1].name,), units))
        kind = data.draw(st.sampled_from(list(ACTIVATIONS)))
        if kind != "linear":
            given_settings = {name: data.draw(st.floats(0, 3)) for name in ACTIVATIONS[kind].defaults}
            activation = Activation(kind, given_settings)
            nodes.append(Node(f"dense_{i + 1}.{kind}", activation, (nodes[-1].name,), units))
    network = Network(tuple(nodes), (nodes[-1].name,))
    path = tmp_path_factory.mktemp("npz") / "network.npz"
    assert write(network, path).max_difference == 0
    again = read(path)
    assert again.origin.dtype == np.dtype(dtype).name
    for one, two in zip(network.nodes, again.nodes, strict=True):
        assert (one.name, type(one.op), one.inputs) == (two.name, type(two.op), two.inputs)
        assert getattr(one.op, "settings", None) == getattr(two.op, "settings", None)
        assert one.units.tolist() == two.units.tolist()
        for key, tensor in one.op.tensors().items():
            np.testing.assert_array_equal(two.op.tensors()[key], tensor)


def test_who_the_units_are_survives_pruning(path: Path) -> None:
    network = RemoveUnits("dense_1", (1,)).apply(read(save(path)))
    write(network, path)
    assert set(np.load(path)) == {"W0", "b0", "units0", "W1", "b1", "activations"}
    assert read(path).by_name["dense_1.relu"].units.tolist() == [0, 2]


def dense(n_in: int = 2, n_out: int = 2) -> Dense:
    return Dense(np.ones((n_in, n_out)), np.zeros(n_out))


@pytest.mark.parametrize(
    ("steps", "culprit"),
    [
        ([("a", dense(), "x"), ("b", dense(), "x"), ("c", Add(), "a", "b")], "b"),
        ([("a", dense(), "x"), ("c", Add(), "a", "x")], "c"),
        ([("a", Activation("relu"), "x"), ("b", dense(), "a")], "a"),
        ([("a", dense(), "x"), ("b", Activation("relu"), "a"), ("c", Activation("tanh"), "b")], "c"),
        ([("a", dense(), "x"), ("b", Arithmetic("mul", np.ones(2)), "a")], "b"),
        ([("a", Arithmetic("mul", np.ones(2)), "x"), ("b", dense(), "a")], "a"),
        ([("a", Arithmetic("div", np.ones(2)), "x"), ("b", Arithmetic("sub", np.ones(2)), "a")], "b"),
        ([("a", Arithmetic("sub", np.ones(2)), "x")], "a"),
        ([], "x"),
    ],
)
def test_what_is_no_chain_is_not_written(path: Path, steps: list[tuple[Any, ...]], culprit: str) -> None:
    nodes = [Node("x", Input(2))]
    for name, op, *inputs in steps:
        assert isinstance(op, Op)
        nodes.append(Node(name, op, tuple(inputs)))
    with pytest.raises(NotExpressible) as refusal:
        write(Network(tuple(nodes), (nodes[-1].name,)), path)
    assert (refusal.value.format, refusal.value.node, refusal.value.problem) == ("npz", culprit, "chain")
    assert not path.exists()
