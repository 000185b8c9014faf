"""What is written as ONNX: valid, like what came in, smaller after pruning, and read back as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_models import make_model, outputs

from pruner_gui.formats import NotExpressible, read, size_in, write
from pruner_gui.formats.onnx_activations import WRITTEN
from pruner_gui.formats.onnx_format import dump
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    Input,
    Network,
    Node,
    Op,
    Origin,
    RemoveUnits,
)

Opened = Callable[[onnx.ModelProto], Network]
MODELS = Path(__file__).parents[3] / "shared" / "data" / "models"
node = helper.make_node


def values(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def like(network: Network) -> list[tuple[Any, ...]]:
    """What two networks must share to be the same, parameters aside."""
    return [
        (
            one.name,
            type(one.op),
            one.inputs,
            getattr(one.op, "kind", ""),
            getattr(one.op, "settings", {}),
            getattr(one.op, "operator", ""),
            getattr(one.op, "epsilon", 0),
        )
        for one in network.nodes
    ]


def written(network: Network) -> onnx.ModelProto:
    model = onnx.ModelProto.FromString(dump(network))
    onnx.checker.check_model(model, full_check=True)
    return model


def dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


# -- any network


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Random graphs whose nodes are called as a reader calls them, so that names can be compared as well."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    nodes = [Node("x", Input(draw(st.integers(1, 5))))]
    sizes = {"x": nodes[0].op.size()}

    def append(name: str, op: Op, *inputs: str) -> None:
        if name not in sizes:
            nodes.append(Node(name, op, inputs))
            sizes[name] = op.size(*(sizes[source] for source in inputs))

    for i in range(draw(st.integers(1, 6))):
        source = nodes[-1].name
        other = draw(st.sampled_from(nodes)).name
        match draw(
            st.sampled_from(
                ["dense", "dense", "activation", "activation", "norm", "arithmetic", "add", "concat"]
            )
        ):
            case "dense":
                shape = (sizes[source], draw(st.integers(1, 5)))
                weight, bias = rng.normal(size=shape), rng.normal(size=shape[1])
                append(f"layer {i}", Dense(weight.astype(dtype), bias.astype(dtype)), source)
            case "activation":
                kind = draw(st.sampled_from(sorted(WRITTEN - {"linear", "exponential"})))
                changed = {
                    name: round(value + 0.125, 3)
                    for name, value in ACTIVATIONS[kind].defaults.items()
                    if name != "winners"
                }
                append(f"{source}.{kind}", Activation(kind, draw(st.sampled_from([{}, changed]))), source)
            case "norm":
                scale, shift, mean = (rng.normal(size=sizes[source]).astype(dtype) for _ in range(3))
                variance = rng.uniform(0.1, 2, size=sizes[source]).astype(dtype)
                append(f"norm {i}", BatchNorm(scale, shift, mean, variance, 2.0**-10), source)
            case "arithmetic":
                operator = draw(st.sampled_from(["add", "sub", "mul", "div"]))
                operand = rng.uniform(0.5, 2, size=sizes[source] if draw(st.booleans()) else 1)
                append(
                    f"{source}.{operator}",
                    Arithmetic(operator, np.broadcast_to(operand, sizes[source]).astype(dtype)),
                    source,
                )
            case "add":
                peers = [name for name, size in sizes.items() if size == sizes[source]]
                append(
                    f"sum {i}", Add(), source, *draw(st.lists(st.sampled_from(peers), min_size=1, max_size=2))
                )
            case "concat":
                append(f"both {i}", Concat(), source, other)
    last = nodes[-1].name
    append("last", Dense(rng.normal(size=(sizes[last], 2)).astype(dtype), np.zeros(2, dtype)), last)
    opset = draw(st.sampled_from([None, 7, 12, 13, 17, 20, 22]))
    extra = {} if opset is None else {"opset": opset}
    return Network(tuple(nodes), ("last",), Origin(input_name="x", dtype=np.dtype(dtype).name, extra=extra))


@given(networks(), st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_onnxruntime_and_the_reader_see_the_same_network(
    tmp_path_factory: pytest.TempPathFactory, network: Network, count: int
) -> None:
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    export = write(network, path, np.random.default_rng(0).normal(size=(count, network.n_inputs)))
    model = written(network)
    assert model.SerializeToString(deterministic=True) == path.read_bytes()
    again = read(path)
    needed = {"last"}
    for one in reversed(network.nodes):
        needed.update(one.inputs if one.name in needed else ())
    assert like(again) == [entry for entry in like(network) if entry[0] in needed]
    rows = np.random.default_rng(1).normal(size=(7, network.n_inputs)).astype(network.origin.dtype)
    np.testing.assert_array_equal(again.forward(rows), network.forward(rows))
    scale = 1 + np.abs(network.forward(rows)).max()
    tolerance = 1e-4 if network.origin.dtype == "float32" else 1e-5
    assert export.max_difference <= tolerance * scale
    np.testing.assert_allclose(outputs(model, rows), network.forward(rows), rtol=0, atol=tolerance * scale)
    assert again.origin.dtype == network.origin.dtype


def test_a_clip_of_doubles_behind_a_relu_runs(tmp_path: Path) -> None:
    nodes = (
        Node("x", Input(1)),
        Node("x.relu", Activation("relu"), ("x",)),
        Node("x.relu.clip", Activation("clip", {"low": 0.0, "high": 6.0}), ("x.relu",)),
        Node("last", Dense(np.array([[0.5, -0.25]]), np.zeros(2)), ("x.relu.clip",)),
    )
    network = Network(nodes, ("last",), Origin(input_name="x", dtype="float64"))
    write(network, tmp_path / "network.onnx", np.linspace(-9, 9, 7)[:, None])
    assert like(read(tmp_path / "network.onnx")) == like(network)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", sorted(WRITTEN))
def test_every_activation_in_every_opset_and_precision(tmp_path: Path, kind: str, dtype: Any) -> None:
    nodes = (
        Node("x", Input(4)),
        Node("a", Dense(values(4, 5, dtype=dtype), values(5, dtype=dtype)), ("x",)),
        Node(f"a.{kind}", Activation(kind), ("a",)),
    )
    for opset in (7, 9, 13, 17, 18, 20, 22):
        network = Network(nodes, (nodes[-1].name,), Origin("onnx", "x", "y", extra={"opset": opset}))
        write(network, tmp_path / "n.onnx")
        onnx.checker.check_model(onnx.load(tmp_path / "n.onnx"), full_check=True)
        again = read(tmp_path / "n.onnx")
        assert like(again) == like(network)[: 2 if kind == "linear" else 3]
        assert again.origin.extra["opset"] >= opset
        assert again.origin.extra["opset"] == opset or opset < 12


def test_double_precision_is_not_lost(tmp_path: Path) -> None:
    weight, bias = values(4, 3, dtype=np.float64), values(3, dtype=np.float64)
    nodes = (
        Node("x", Input(4)),
        Node("a", Dense(weight, bias), ("x",)),
        Node("a.tanh", Activation("tanh"), ("a",)),
    )
    export = write(Network(nodes, ("a.tanh",), Origin()), tmp_path / "n.onnx")
    assert export.max_difference < 1e-14
    assert read(tmp_path / "n.onnx").origin.dtype == "float64"


def test_a_network_without_nodes_or_with_linear_ones_is_written(tmp_path: Path) -> None:
    for nodes in (
        (Node("x", Input(4)),),
        (Node("x", Input(4)), Node("same", Activation("linear"), ("x",))),
    ):
        network = Network(nodes, (nodes[-1].name,), Origin(output_name="out"))
        assert write(network, tmp_path / "n.onnx").max_difference == 0
        assert [one.name for one in written(network).graph.output] == ["out"]


def test_several_outputs_are_refused() -> None:
    nodes = (Node("x", Input(4)), Node("a", Activation("relu"), ("x",)))
    with pytest.raises(NotExpressible) as refusal:
        dump(Network(nodes, ("a", "x"), Origin()))
    assert refusal.value.problem == "outputs"


# -- like what came in


@pytest.mark.parametrize(
    ("shape", "result"),
    [
        (["rows", 4], ["rows", 3]),
        (["rows", 1, 2, 2], ["rows", 3]),
        ([5, 4], [5, 3]),
        ([1, 1, 1, 4], [1, 3]),
        ([1, 4, 1], [1, 3]),
        ([4], [3]),
        ([4, 1], [3, 1]),
        (["rows", 4, 1], ["rows", 3, 1]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_names_types_and_opset_come_out_as_they_came_in(
    tmp_path: Path, opened: Opened, shape: list[Any], result: list[Any], dtype: Any
) -> None:
    column = shape[-1] == 1 or len(shape) == 1
    keeps = column and len(result) == len(shape)
    nodes = [
        node("MatMul", ["fc.weight", "x"] if keeps else ["h", "fc.weight"], ["g"]),
        node("Relu", ["g"], ["y"]),
    ]
    if not keeps:
        nodes.insert(0, node("Flatten", ["x"], ["h"]))
    weight = values(3, 4, dtype=dtype) if keeps else values(4, 3, dtype=dtype)
    given_model = make_model(nodes, {"fc.weight": weight}, shape, result, opset=12, dtype=dtype)
    network = opened(given_model)
    export = write(network, tmp_path / "out.onnx", values(7, 4))
    model = onnx.load(export.path)
    onnx.checker.check_model(model, full_check=True)
    assert [(one.name, dims(one)) for one in (*model.graph.input, *model.graph.output)] == [
        ("x", shape),
        ("y", result),
    ]
    assert model.graph.input[0].type == given_model.graph.input[0].type
    assert model.opset_import[0].version == 12
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(stored["fc.weight"], weight)
    feed = values(*(3 if size == "rows" else size for size in shape), dtype=dtype)
    np.testing.assert_allclose(outputs(model, feed), outputs(given_model, feed), rtol=1e-5, atol=1e-6)


def test_a_model_for_one_row_whatever_it_says_comes_out_for_one_row(tmp_path: Path, opened: Opened) -> None:
    nodes = [node("Reshape", ["x", "s"], ["h"]), node("MatMul", ["h", "w"], ["y"])]
    constants = {"s": np.array([-1]), "w": values(4, 3)}
    network = opened(make_model(nodes, constants, ("N", 2, 2), (3,)))
    write(network, tmp_path / "out.onnx", values(7, 4))
    model = onnx.load(tmp_path / "out.onnx")
    assert (dims(model.graph.input[0]), dims(model.graph.output[0])) == ([1, 2, 2], [3])


def test_a_model_that_takes_doubles_and_computes_in_single_precision_stays_so(
    tmp_path: Path, opened: Opened
) -> None:
    nodes = [
        node("Cast", ["x"], ["h"], to=TensorProto.FLOAT),
        node("Gemm", ["h", "w"], ["g"]),
        node("Cast", ["g"], ["y"], to=TensorProto.DOUBLE),
    ]
    network = opened(make_model(nodes, {"w": values(4, 3)}, dtype=np.float64))
    write(network, tmp_path / "out.onnx")
    model = onnx.load(tmp_path / "out.onnx")
    ends = (*model.graph.input, *model.graph.output)
    assert [one.type.tensor_type.elem_type for one in ends] == [TensorProto.DOUBLE] * 2
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.FLOAT}


def test_a_network_from_elsewhere_takes_any_number_of_rows() -> None:
    network = Network((Node("x", Input(4)), Node("a", Dense(values(4, 3), values(3)), ("x",))), ("a",))
    model = written(network)
    assert (dims(model.graph.input[0]), dims(model.graph.output[0])) == (["batch", 4], ["batch", 3])
    assert {tensor.name for tensor in model.graph.initializer} == {"a.weight", "a.bias"}
    assert model.opset_import[0].version == 17


def test_names_that_meet_are_kept_apart(tmp_path: Path) -> None:
    nodes = (
        Node("x", Input(4)),
        Node("output", Dense(values(4, 4), values(4)), ("x",)),
        Node("x.weight", Dense(values(4, 4), values(4)), ("output",)),
        Node("output.weight", Add(), ("x.weight", "output")),
    )
    network = Network(
        nodes, ("output.weight",), Origin(input_name="output.weight", output_name="output.weight")
    )
    write(network, tmp_path / "n.onnx")
    assert read(tmp_path / "n.onnx").layer_sizes == (4, 4, 4)


# -- networks from elsewhere


@pytest.mark.parametrize("name", ["ACASXU_run2a_1_1", "mnist2x5_sigmoid", "sine", "softmax-last-layer"])
def test_shared_models_are_read_and_written_as_onnxruntime_has_them(tmp_path: Path, name: str) -> None:
    path = MODELS / f"{name}.onnx"
    if not path.exists():
        pytest.skip("no shared models")
    network = read(path)
    model = onnx.load(path)
    shape = [size if isinstance(size, int) else 6 for size in dims(model.graph.input[0])]
    feed = np.random.default_rng(0).random(shape).astype(np.float32)
    rows = feed.reshape(-1, network.n_inputs)
    expected = outputs(model, feed)
    np.testing.assert_allclose(network.forward(rows), expected.reshape(len(rows), -1), rtol=1e-4, atol=1e-5)
    export = write(network, tmp_path / path.name)
    again = onnx.load(export.path)
    onnx.checker.check_model(again, full_check=True)
    for side in ("input", "output"):
        one, two = getattr(model.graph, side)[0], getattr(again.graph, side)[0]
        assert (one.name, dims(one)) == (two.name, dims(two))
    assert {tensor.name for tensor in model.graph.initializer} <= {
        tensor.name for tensor in again.graph.initializer
    }
    np.testing.assert_allclose(outputs(again, feed), expected, rtol=1e-4, atol=1e-5)
    assert like(read(export.path)) == like(network)


def test_a_pruned_network_makes_a_smaller_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nodes = (
        Node("x", Input(20)),
        Node("a", Dense(rng.normal(size=(20, 30)), rng.normal(size=30)), ("x",)),
        Node("a.gelu", Activation("gelu"), ("a",)),
        Node("b", Dense(rng.normal(size=(30, 30)), rng.normal(size=30)), ("a.gelu",)),
        Node("sum", Add(), ("a.gelu", "b")),
        Node("sum.mul", Arithmetic("mul", rng.normal(size=30)), ("sum",)),
        Node("c", Dense(rng.normal(size=(30, 2)), rng.normal(size=2)), ("sum.mul",)),
    )
    network = Network(nodes, ("c",), Origin("onnx", "x", "y"))
    pruned = RemoveUnits("a", tuple(range(0, 30, 2))).apply(network)
    before, after = (write(one, tmp_path / "n.onnx") for one in (network, pruned))
    assert read(tmp_path / "n.onnx").layer_sizes == (20, 15, 15, 2)
    assert before.bytes - after.bytes > 8 * (network.parameters - pruned.parameters) * 0.95
    assert after.bytes == (tmp_path / "n.onnx").stat().st_size == size_in(pruned, "onnx")
