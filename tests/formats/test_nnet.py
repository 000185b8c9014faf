"""The text format of the verification benchmarks."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from chains import assert_same, chain
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui.errors import PrunerError
from pruner_gui.formats import NotAModel, NotExpressible, TooLarge, read, write
from pruner_gui.formats.layers import Function
from pruner_gui.network import BatchNorm, FloatArray, Network, Node, RemoveUnits

SHARED = Path(__file__).parents[3] / "shared" / "data" / "models" / "TestNetwork.nnet"
EXAMPLE = """// made by hand
// in two lines
2,2,1,3,
2,3,1,
0,
-1.0,-2.0,
1.0,2.0,
0.5,0.25,10.0,
2.0,4.0,3.0,
0.1,0.2,
0.3,-0.4,
-0.5,0.6,
0.01,
0.02,
0.03,
1.0,2.0,3.0,
0.5,
"""
ROWS = np.random.default_rng(0).normal(size=(20, 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.nnet"


def by_hand(rows: FloatArray) -> FloatArray:
    scaled = (rows - [0.5, 0.25]) / [2, 4]
    hidden = np.maximum(scaled @ np.array([[0.1, 0.2], [0.3, -0.4], [-0.5, 0.6]]).T + [0.01, 0.02, 0.03], 0)
    outputs: FloatArray = (hidden @ [[1.0], [2.0], [3.0]] + 0.5) * 3 + 10
    return outputs


@pytest.mark.parametrize("end", [",\n", "\n", ",\r\n"])
def test_what_the_numbers_mean(path: Path, end: str) -> None:
    path.write_bytes(EXAMPLE.replace(",\n", end).encode())
    network = read(path)
    np.testing.assert_allclose(network.forward(ROWS), by_hand(ROWS), rtol=1e-12)
    assert (network.origin.format, network.origin.dtype, network.layer_sizes) == (
        "nnet",
        "float64",
        (2, 3, 1),
    )


def test_it_is_written_as_it_came(path: Path) -> None:
    path.write_text(EXAMPLE)
    network = read(path)
    write(network, path)
    assert path.read_text() == EXAMPLE
    assert_same(network, read(path))


@pytest.mark.skipif(not SHARED.exists(), reason="no folder ../shared/data")
def test_a_network_found_in_the_wild(path: Path) -> None:
    network = read(SHARED)
    assert network.layer_sizes == (5, 50, 50, 50, 50, 50, 50, 5)
    write(network, path)
    assert_same(network, read(path))
    old, new = (file.read_text().splitlines() for file in (SHARED, path))
    assert old[:8] == new[:8]
    assert len(old) == len(new)


def test_a_pruned_network_is_a_smaller_file(path: Path) -> None:
    path.write_text(EXAMPLE)
    network = RemoveUnits("dense_1", (1,)).apply(read(path))
    write(network, path)
    assert path.read_text().splitlines()[2:4] == ["2,2,1,2,", "2,2,1,"]
    assert "\n1.0,3.0,\n" in path.read_text()
    assert_same(read(path).with_ops({}), read(path))
    np.testing.assert_allclose(read(path).forward(ROWS), network.forward(ROWS), rtol=1e-12)


def test_networks_of_other_formats_get_bounds_that_bound_nothing(path: Path) -> None:
    network = chain((2, 3, 2), [Function("relu"), Function()], np.float32)
    write(network, path)
    lines = path.read_text().splitlines()
    assert lines[0].startswith("//")
    assert lines[4:8] == [
        "-3.4028234663852886e+38," * 2,
        "3.4028234663852886e+38," * 2,
        "0.0,0.0,0.0,",
        "1.0,1.0,1.0,",
    ]
    np.testing.assert_allclose(read(path).forward(ROWS), network.forward(ROWS), rtol=1e-6)


def test_normalisation_behind_a_layer_is_folded(path: Path) -> None:
    inner = chain((2, 3, 2), [Function("relu"), Function()])
    rng = np.random.default_rng(1)
    scale, shift, mean, variance = rng.uniform(0.5, 2, size=(4, 3))
    norm = BatchNorm(scale, shift, mean, variance)
    last = Node("dense_2", inner.nodes[-1].op, ("norm",))
    nodes = (*inner.nodes[:-1], Node("norm", norm, ("dense_1.relu",)), last)
    network = Network(nodes, ("dense_2",))
    write(network, path)
    np.testing.assert_allclose(read(path).forward(ROWS), network.forward(ROWS), rtol=1e-12)


@pytest.mark.parametrize(
    ("functions", "culprit"),
    [
        ([Function("tanh"), Function()], "dense_1.tanh"),
        ([Function("relu"), Function("relu")], "dense_2"),
        ([Function(), Function()], "dense_1"),
    ],
)
def test_only_rectified_layers_and_a_linear_one(path: Path, functions: list[Function], culprit: str) -> None:
    with pytest.raises(NotExpressible) as refusal:
        write(chain((2, 3, 2), functions), path)
    assert (refusal.value.format, refusal.value.node, refusal.value.problem) == ("nnet", culprit, "operation")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2,2,1,3,\n", ""),
        ("2,2,1,3,", "2,2,1,"),
        ("2,2,1,3,", "3,2,1,3,"),
        ("2,2,1,3,", "999999999,2,1,3,"),
        ("2,3,1,", "2,999999999,1,"),
        ("2,3,1,", "2,0,1,"),
        ("2,3,1,", "2,-3,1,"),
        ("2.0,4.0,3.0,", "2.0,0.0,3.0,"),
        ("2.0,4.0,3.0,", "2.0,4.0,"),
        ("0.3,-0.4,", "0.3,-0.4,1,"),
        ("0.3,-0.4,", "0.3,x,"),
        ("0.3,-0.4,", ""),
        ("0.02,", "0.02,0.03,"),
        ("\n0.5,\n", "\n"),
    ],
)
def test_files_that_do_not_fit_together(path: Path, old: str, new: str) -> None:
    assert old in EXAMPLE
    path.write_text(EXAMPLE.replace(old, new))
    with pytest.raises(NotAModel) as refusal:
        read(path)
    assert (refusal.value.format, refusal.value.reason) == ("nnet", "invalid")


def test_very_many_layers_are_not_built(path: Path) -> None:
    depth = 20_000
    head = f"// deep\n{depth},1,1,1,\n{'1,' * (depth + 1)}\n0,\n0,\n0,\n0,0,\n1,1,\n"
    path.write_text(head + "1,\n" * (2 * depth))
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert (refusal.value.what, refusal.value.limit) == ("nodes", 10_000)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_nothing_else_than_a_refusal_comes_of_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = EXAMPLE.encode()
    at = data.draw(st.integers(0, len(content)))
    change = data.draw(st.sampled_from([b"", b"\x00", b"9", b",", b"\xff", b"\n", b"-", b"/"]))
    path = tmp_path_factory.mktemp("damaged") / "network.nnet"
    path.write_bytes(content[:at] + change + content[at + data.draw(st.integers(0, 40)) :])
    with contextlib.suppress(PrunerError):
        assert min(read(path).layer_sizes) > 0
