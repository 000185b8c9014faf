"""C headers: compiled, where there is a compiler, and held to the network."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from chains import chain

from pruner_gui.formats import (
    FORMATS,
    ExportDoesNotRun,
    NotExpressible,
    UnknownFormat,
    c_header_format,
    extensions,
    read,
    write,
)
from pruner_gui.formats.layers import Function
from pruner_gui.network import ACTIVATIONS, Add, Arithmetic, FloatArray, Network, Node

COMPILER = shutil.which("cc")
MAIN = """#include <stdio.h>
#include "network.h"
int main(void) {
  float in[NETWORK_INPUTS], out[NETWORK_OUTPUTS];
  for (;;) {
    for (int i = 0; i < NETWORK_INPUTS; ++i) if (scanf("%f", in + i) != 1) return 0;
    predict(in, out);
    for (int i = 0; i < NETWORK_OUTPUTS; ++i) printf("%.9g ", out[i]);
    puts("");
  }
}
"""
ROWS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
SCALED = {"slope": 0.5, "phase": 0.25, "factor": 2.0, "offset": -1.0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.h"


def compiled(path: Path) -> FloatArray:
    """What the program makes of the rows."""
    assert COMPILER
    (path.parent / "main.c").write_text(MAIN)
    strict = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    subprocess.run([COMPILER, *strict, "main.c", "-o", "main", "-lm"], check=True, cwd=path.parent)
    text = " ".join(f"{value:.9g}" for value in ROWS.ravel().tolist())
    found = subprocess.run([path.parent / "main"], input=text, text=True, capture_output=True, check=True)
    return np.array([[float(number) for number in line.split()] for line in found.stdout.splitlines()])


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_function_compiles_and_computes_the_same(path: Path, kind: str, scaled: bool) -> None:
    function = Function(kind, {}, **(SCALED if scaled else {}))
    network = chain((4, 6, 5, 3), [Function("relu"), Function("tanh"), function])
    export = write(network, path)
    assert export.max_difference < 1e-4
    np.testing.assert_allclose(compiled(path), network.forward(ROWS), atol=1e-4)


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_a_jump_stays_where_it_is_for_floats(path: Path) -> None:
    above_zero = Function("step", {"centre": 5e-324, "low": -1.0, "high": 1.0})
    network = chain((4, 3), [above_zero])
    dense = network.dense[0][1]
    nothing = type(dense)(dense.weight * 0, dense.bias * 0)
    network = network.with_ops({"dense_1": nothing})
    write(network, path)
    assert (compiled(path) == -1).all()


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_normalisation_in_front_is_folded(path: Path) -> None:
    inner = chain((4, 3, 1), [Function("tanh"), Function()])
    front = Node("x", Arithmetic("div", np.array([2.0, 4.0, 3.0, 5.0])), ("input",))
    first = Node("dense_1", inner.nodes[1].op, ("x",))
    network = Network((inner.nodes[0], front, first, *inner.nodes[2:]), inner.outputs)
    write(network, path)
    np.testing.assert_allclose(compiled(path), network.forward(ROWS), atol=1e-5)


def test_weights_stand_by_output_neuron_and_sizes_as_macros(path: Path) -> None:
    network = chain((2, 3, 1), [Function("relu"), Function()])
    write(network, path)
    text = path.read_text()
    assert {"#define NETWORK_INPUTS 2", "#define NETWORK_OUTPUTS 1", "#define NETWORK_WIDEST 3"} <= set(
        text.splitlines()
    )
    first = text.partition("network_weight_1[3 * 2] = {")[2].partition("}")[0].replace("f,", "").split()
    np.testing.assert_allclose(
        [float(number) for number in first], network.dense[0][1].weight.T.ravel(), rtol=1e-7
    )


def test_headers_are_not_read(path: Path) -> None:
    write(chain((2, 3, 1), [Function("relu"), Function()]), path)
    with pytest.raises(UnknownFormat) as refusal:
        read(path)
    assert ".h" not in refusal.value.known
    assert ".h" in extensions()
    assert [row.name for row in FORMATS if not row.reads] == ["c-header"]


def test_what_a_header_cannot_say(path: Path) -> None:
    with pytest.raises(NotExpressible) as refusal:
        write(chain((2, 3), [Function("competitive", {"winners": 2.0})]), path)
    assert refusal.value.problem == "operation"
    inner = chain((2, 2), [Function("relu")])
    branched = Network((*inner.nodes, Node("sum", Add(), ("input", "dense_1.relu"))), ("sum",))
    with pytest.raises(NotExpressible) as refusal:
        write(branched, path)
    assert (refusal.value.node, refusal.value.problem) == ("sum", "chain")


@pytest.mark.parametrize(("old", "new"), [("network_bias_1[3]", "network_bias_2[3]"), ("relu(", "swoosh(")])
def test_a_header_that_was_written_wrong_does_not_run(path: Path, old: str, new: str) -> None:
    write(chain((2, 3, 1), [Function("relu"), Function()]), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ExportDoesNotRun):
        c_header_format.run(path, ROWS[:, :2])
