"""FANN's files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from chains import assert_same, chain
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui import wording
from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    NotAModel,
    NotExpressible,
    TooLarge,
    UnsupportedOp,
    UnsupportedTensor,
    UnsupportedUse,
    UnsupportedVersion,
    fann_format,
    read,
    write,
)
from pruner_gui.formats.layers import Function
from pruner_gui.network import Concat, Dense, FloatArray, Network, Node, RemoveUnits

SHARED = Path(__file__).parents[3] / "shared" / "data" / "models" / "fann_xor_float.net"
NEURONS = "neurons (num_inputs, activation_function, activation_steepness)"
CONNECTIONS = "connections (connected_to_neuron, weight)"
EXAMPLE = f"""FANN_FLO_2.1
num_layers=3
learning_rate=0.300000
connection_rate=1.000000
network_type=0
layer_sizes=3 3 2 
scale_included=0
{NEURONS}=(0, 0, 0.0) (0, 0, 0.0) (0, 0, 0.0) (3, 5, 0.5) (3, 5, 0.5) (0, 5, 0.0) (3, 3, 0.25) (0, 3, 0.0) 
{CONNECTIONS}=(0, 1.0) (1, 2.0) (2, 0.5) (0, -1.0) (1, 0.25) (2, -0.5) (3, 2.0) (4, -3.0) (5, 0.125) 
"""  # noqa: W291 - as FANN writes it
ROWS = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.net"


def save(path: Path, *changes: tuple[str, str]) -> Path:
    """The example, with some of its text replaced."""
    text = EXAMPLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def hidden(rows: FloatArray) -> FloatArray:
    sums: FloatArray = rows @ [[1, -1], [2, 0.25]] + [0.5, -0.5]
    return sums


def logistic(x: FloatArray) -> FloatArray:
    outputs: FloatArray = 1 / (1 + np.exp(-x))
    return outputs


def by_hand(rows: FloatArray) -> FloatArray:
    return logistic(0.5 * (np.tanh(0.5 * hidden(rows)) @ [[2.0], [-3.0]] + 0.125))


def test_what_the_numbers_mean(path: Path) -> None:
    network = read(save(path))
    np.testing.assert_allclose(network.forward(ROWS), by_hand(ROWS), atol=1e-6)
    assert (network.origin.format, network.origin.dtype) == ("fann", "float32")
    assert [node.name for node in network.nodes] == [
        "input", "dense_1", "dense_1.mul", "dense_1.tanh", "dense_2", "dense_2.mul", "dense_2.sigmoid",
    ]  # fmt: skip


def test_it_is_written_as_it_came(path: Path) -> None:
    network = read(save(path))
    write(network, path)
    assert_same(network, read(path))
    text = path.read_text()
    for line in EXAMPLE.splitlines():
        assert f"{line}\n" in text
    assert text.index("learning_rate=0.3") < text.index("cascade_max_out_epochs") < text.index("layer_sizes")


@pytest.mark.skipif(not SHARED.exists(), reason="no folder ../shared/data")
def test_a_network_found_in_the_wild_computes_xor() -> None:
    rows = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    assert (read(SHARED).forward(rows).ravel() > 0).tolist() == [False, True, True, False]


def test_numbers_that_float32_cannot_hold_are_float64(path: Path) -> None:
    assert read(save(path, ("(1, 2.0)", "(1, 0.1)"))).origin.dtype == "float64"
    assert read(save(path, ("(1, 2.0)", f"(1, {float(np.float32(0.1))!r})"))).origin.dtype == "float32"


FUNCTIONS: dict[int, Callable[[FloatArray], FloatArray]] = {
    0: lambda x: x,
    1: lambda x: np.where(x < 0, 0, 1),
    2: lambda x: np.where(x < 0, -1, 1),
    3: lambda x: logistic(2 * x),
    4: lambda x: logistic(2 * x),
    5: np.tanh,
    6: np.tanh,
    7: lambda x: np.exp(-x * x),
    8: lambda x: np.exp(-x * x) * 2 - 1,
    10: lambda x: x / 2 / (1 + np.abs(x)) + 0.5,
    11: lambda x: x / (1 + np.abs(x)),
    12: lambda x: np.clip(x, 0, 1),
    13: lambda x: np.clip(x, -1, 1),
    14: np.sin,
    15: np.cos,
    16: lambda x: np.sin(x) / 2 + 0.5,
    17: lambda x: np.cos(x) / 2 + 0.5,
}


@pytest.mark.parametrize("number", FUNCTIONS)
def test_every_function(path: Path, number: int) -> None:
    network = read(save(path, ("(3, 5, 0.5)", f"(3, {number}, 0.75)"), ("(3, 3, 0.25)", "(3, 0, 1.0)")))
    expected = FUNCTIONS[number](0.75 * hidden(ROWS)) @ [[2.0], [-3.0]] + 0.125
    np.testing.assert_allclose(network.forward(ROWS), expected, atol=2e-6)
    write(network, path)
    assert_same(network, read(path))
    assert f"(3, {number}, 0.75) (3, {number}, 0.75)" in path.read_text()


def test_missing_connections_are_zero_and_stay_missing(path: Path) -> None:
    changes = [("(3, 5, 0.5) (3", "(2, 5, 0.5) (3"), ("(1, 2.0) ", ""), ("rate=1.0", "rate=0.9")]
    network = read(save(path, *changes))
    assert network.dense[0][1].weight.tolist() == [[1, -1], [0, 0.25]]
    write(network, path)
    assert_same(network, read(path))
    assert "(2, 5, 0.5) (3, 5, 0.5)" in path.read_text()


def test_shortcuts_read_all_layers_before(path: Path) -> None:
    changes = [("network_type=0", "network_type=1"), ("layer_sizes=3 3 2", "layer_sizes=3 2 1")]
    changes += [("(0, 5, 0.0) (3, 3, 0.25) (0, 3, 0.0)", "(5, 0, 1.0)")]
    changes += [("(3, 2.0) (4, -3.0) (5, 0.125)", "(0, 4.0) (1, 5.0) (2, 0.125) (3, 2.0) (4, -3.0)")]
    network = read(save(path, *changes))
    changed = path.read_text()
    expected = np.tanh(0.5 * hidden(ROWS)) @ [[2.0], [-3.0]] + ROWS @ [[4.0], [5.0]] + 0.125
    np.testing.assert_allclose(network.forward(ROWS), expected, atol=1e-5)
    write(network, path)
    assert_same(network, read(path))
    assert all(f"{line}\n" in path.read_text() for line in changed.splitlines())
    smaller = RemoveUnits("dense_1", (0,)).apply(network)
    write(smaller, path)
    assert "layer_sizes=3 1 1 \n" in path.read_text()
    np.testing.assert_allclose(read(path).forward(ROWS), smaller.forward(ROWS), atol=1e-6)


def test_other_branches_are_no_shortcuts(path: Path) -> None:
    inner = chain((2, 2, 2), [Function("tanh"), Function("tanh")])
    side = Node("side", Concat(), ("dense_1.tanh", "input"))
    last = Node("last", Dense(np.ones((4, 1)), np.zeros(1)), ("side",))
    with pytest.raises(NotExpressible) as refusal:
        write(Network((*inner.nodes[:3], side, last), ("last",)), path)
    assert (refusal.value.node, refusal.value.problem) == ("side", "chain")


SCALES = """scale_included=1
scale_mean_in=1.0 2.0 
scale_deviation_in=2.0 4.0 
scale_new_min_in=-1.0 0.0 
scale_factor_in=0.5 0.25 
scale_mean_out=10.0 
scale_deviation_out=3.0 
scale_new_min_out=0.5 
scale_factor_out=0.125 """  # noqa: W291 - as FANN writes it


def test_scaling_becomes_part_of_the_network(path: Path) -> None:
    network = read(save(path, ("scale_included=0", SCALES)))
    inputs = ((ROWS - [1, 2]) / [2, 4] + 1) * [0.5, 0.25] + [-1, 0]
    expected = ((by_hand(inputs) - 0.5) / 0.125 - 1) * 3 + 10
    np.testing.assert_allclose(network.forward(ROWS), expected, atol=1e-4)
    write(network, path)
    assert_same(network, read(path))
    assert "\n".join(line.rstrip() for line in SCALES.splitlines()) in path.read_text().replace(" \n", "\n")


@given(
    st.lists(st.sampled_from(sorted(FUNCTIONS)), min_size=1, max_size=4), st.booleans(), st.integers(0, 99)
)
@settings(max_examples=30, deadline=None)
def test_chains_of_other_formats(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], double: bool, seed: int
) -> None:
    path = tmp_path_factory.mktemp("fann") / "network.net"
    functions = [fann_format._FUNCTIONS[number] for number in numbers]
    sizes = np.random.default_rng(seed).integers(1, 6, len(numbers) + 1).tolist()
    network = chain(sizes, functions, np.float64 if double else np.float32, seed)
    write(network, path)
    rows = np.random.default_rng(seed).normal(size=(10, sizes[0]))
    found, expected = read(path).forward(rows), network.forward(rows)
    np.testing.assert_allclose(found, expected, atol=1e-9 if double else 1e-4)


def test_what_fann_has_no_word_for(path: Path) -> None:
    with pytest.raises(NotExpressible) as refusal:
        write(chain((2, 3, 1), [Function("relu"), Function()]), path)
    assert (refusal.value.format, refusal.value.node, refusal.value.problem) == (
        "fann",
        "dense_1.relu",
        "operation",
    )


# -- refusals


def test_fixed_point_and_old_versions_are_refused(path: Path) -> None:
    with pytest.raises(UnsupportedTensor):
        read(save(path, ("FANN_FLO_2.1", "FANN_FIX_2.1")))
    with pytest.raises(UnsupportedVersion) as refusal:
        read(save(path, ("FANN_FLO_2.1", "FANN_FLO_1.1")))
    assert (refusal.value.what, refusal.value.found) == ("FANN", 1)


def test_mixed_layers_are_refused_by_the_neuron(path: Path) -> None:
    with pytest.raises(UnsupportedUse) as refusal:
        read(save(path, ("(3, 5, 0.5) (0", "(3, 7, 0.5) (0")))
    assert (refusal.value.node, refusal.value.problem) == ("neuron 2 of layer 1", "functions")
    assert "neuron 2 of layer 1" in wording.problem(refusal.value).what


@pytest.mark.parametrize("number", [9, 18, 99])
def test_unknown_functions_are_refused(path: Path, number: int) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        read(save(path, ("(3, 3, 0.25)", f"(3, {number}, 0.25)")))
    assert (refusal.value.node, refusal.value.op) == ("layer 2", f"function {number}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("layer_sizes=3 3 2", "layer_sizes=3 3"),
        ("layer_sizes=3 3 2", "layer_sizes=8"),
        ("layer_sizes=3 3 2", "layer_sizes=3 999999999 2"),
        ("layer_sizes=3 3 2", "layer_sizes=6 1 1"),
        ("layer_sizes", "sizes"),
        ("(3, 5, 0.5) (0", "(999999999, 5, 0.5) (0"),
        ("(3, 5, 0.5) (0", "(-3, 5, 0.5) (0"),
        ("(3, 5, 0.5) (0", "(3.5, 5, 0.5) (0"),
        ("(3, 3, 0.25)", "(3, 3, 0.0)"),
        ("(3, 3, 0.25)", "(3, 3, nan)"),
        ("(3, 3, 0.25)", "(3, 3)"),
        ("(5, 0.125)", "(6, 0.125)"),
        ("(3, 2.0)", "(2, 2.0)"),
        ("(5, 0.125)", ""),
        ("(5, 0.125)", "(5, x)"),
        ("(5, 0.125)", "(5, 0.125"),
        ("(5, 0.125)", "(5, 0,125000)"),
        ("scale_included=0", "scale_included=1"),
        ("scale_included=0", SCALES.replace("2.0 4.0", "2.0 0.0")),
        ("scale_included=0", SCALES.replace("2.0 4.0", "2.0")),
    ],
)
def test_files_that_do_not_fit_together(path: Path, old: str, new: str) -> None:
    with pytest.raises(NotAModel) as refusal:
        read(save(path, (old, new)))
    assert (refusal.value.format, refusal.value.reason) == ("fann", "invalid")


def test_wide_layers_with_few_connections_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fann_format, "MAX_WEIGHTS", 8)
    with pytest.raises(TooLarge) as refusal:
        read(save(path))
    assert (refusal.value.what, refusal.value.found) == ("values", 9)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_nothing_else_than_a_refusal_comes_of_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = EXAMPLE.encode()
    at = data.draw(st.integers(0, len(content)))
    change = data.draw(st.sampled_from([b"", b"\x00", b"9", b",", b"\xff", b"\n", b"-", b"(", b")", b"="]))
    path = tmp_path_factory.mktemp("damaged") / "network.net"
    path.write_bytes(content[:at] + change + content[at + data.draw(st.integers(0, 40)) :])
    with contextlib.suppress(PrunerError):
        assert min(read(path).layer_sizes) > 0
