"""Batch normalisation in ONNX files, before and after activations and in front; held to onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx_models import make_model, outputs

from pruner_gui.formats import UnsupportedUse, read, write
from pruner_gui.network import BatchNorm, Input, Network, Node, RemoveUnits

Agreed = Callable[[onnx.ModelProto, Sequence[int]], Network]
Opened = Callable[[onnx.ModelProto], Network]
node = helper.make_node
TENSORS = ("weight", "bias", "running_mean", "running_var")


def constants(name: str, channels: int, dtype: Any = np.float32) -> dict[str, Any]:
    """The four tensors of a normalisation."""
    rng = np.random.default_rng(channels)
    numbers = [rng.normal(size=channels) for _ in range(3)] + [rng.uniform(0.1, 2, channels)]
    return {f"{name}.{what}": one.astype(dtype) for what, one in zip(TENSORS, numbers, strict=True)}


def norm(name: str, source: str, result: str, **settings: Any) -> onnx.NodeProto:
    inputs = [source, *(f"{name}.{what}" for what in TENSORS)]
    return node("BatchNormalization", inputs, [result], name=f"/{name}/BatchNormalization", **settings)


def weights(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(7).normal(size=shape).astype(dtype)


def perceptron(opset: int, dtype: Any = np.float32, **settings: Any) -> onnx.ModelProto:
    """A normalisation on the inputs, one before and one after an activation."""
    nodes = [
        norm("front", "x", "a", **settings),
        node("MatMul", ["a", "fc1.weight"], ["b"]),
        norm("bn1", "b", "c", **settings),
        node("Relu", ["c"], ["d"]),
        norm("bn2", "d", "e", epsilon=0.01, **settings),
        node("MatMul", ["e", "fc2.weight"], ["y"]),
    ]
    tensors = {"fc1.weight": weights(4, 6, dtype=dtype), "fc2.weight": weights(6, 3, dtype=dtype)}
    for name, channels in (("front", 4), ("bn1", 6), ("bn2", 6)):
        tensors |= constants(name, channels, dtype)
    return make_model(nodes, tensors, ("N", 4), ("N", 3), opset, dtype)


@pytest.mark.parametrize(
    ("opset", "settings"),
    [(7, {}), (8, {}), (9, {"momentum": 0.8}), (14, {"training_mode": 0}), (15, {}), (20, {})],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_normalisation_is_read_written_and_pruned(
    tmp_path: Path, agreed: Agreed, opset: int, settings: Any, dtype: Any
) -> None:
    model = perceptron(opset, dtype, **settings)
    network = agreed(model, (20, 4))
    names = ["x", "front", "fc1", "bn1", "bn1.relu", "bn2", "fc2"]
    assert [one.name for one in network.nodes] == names
    op = network.by_name["bn2"].op
    assert isinstance(op, BatchNorm)
    assert op.epsilon == pytest.approx(0.01)
    rows = weights(20, 4, dtype=dtype)
    write(network, tmp_path / "out.onnx", rows)
    again = onnx.load(tmp_path / "out.onnx")
    assert [one.op_type for one in again.graph.node].count("BatchNormalization") == 3
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in again.graph.initializer}
    for tensor in model.graph.initializer:
        if not tensor.name.startswith("fc"):
            np.testing.assert_array_equal(stored[tensor.name], numpy_helper.to_array(tensor))
    np.testing.assert_allclose(outputs(again, rows), outputs(model, rows), rtol=1e-5, atol=1e-5)
    assert [one.name for one in read(tmp_path / "out.onnx").nodes] == names
    pruned = RemoveUnits("fc1", (1, 4)).apply(network)
    write(pruned, tmp_path / "pruned.onnx", rows)
    smaller = read(tmp_path / "pruned.onnx")
    assert smaller.layer_sizes == (4, 4, 3)
    np.testing.assert_array_equal(smaller.forward(rows), pruned.forward(rows))


@pytest.mark.parametrize(
    ("shape", "channels", "settings", "opset"),
    [
        (("N", 4, 1), 4, {}, 15),
        (("N", 4, 1, 1), 4, {}, 9),
        ((1, 4), 4, {}, 15),
        ((1, 4, 1), 4, {}, 15),
        (("N", 1, 2, 2), 1, {}, 15),
        (("N", 2, 3), 2, {}, 15),
        (("N", 4), 4, {"spatial": 1}, 7),
    ],
)
def test_channels_lie_along_axis_1(
    agreed: Agreed, shape: Any, channels: int, settings: Any, opset: int
) -> None:
    nodes = [norm("bn", "x", "h", **settings), node("Flatten", ["h"], ["y"])]
    network = agreed(
        make_model(nodes, constants("bn", channels), shape, opset=opset),
        [size if size != "N" else 5 for size in shape],
    )
    assert [type(one.op).__name__ for one in network.nodes] == ["Input", "BatchNorm"]


def test_constants_a_feature_as_until_opset_8(opened: Opened) -> None:
    tensors = constants("bn", 4)
    model = make_model(
        [norm("bn", "x", "y", spatial=0)],
        {k: v.reshape(2, 2) for k, v in tensors.items()},
        ("N", 2, 2),
        opset=8,
    )
    scale, shift, mean, variance = tensors.values()
    rows = weights(3, 4)
    expected = (rows - mean) / np.sqrt(variance + 1e-5) * scale + shift
    np.testing.assert_allclose(opened(model).forward(rows), expected, rtol=1e-5, atol=1e-5)


def test_an_epsilon_that_float32_does_not_have_is_written_close_enough(tmp_path: Path) -> None:
    op = BatchNorm(np.ones(3), np.zeros(3), np.zeros(3), np.full(3, 1e-12), 1e-3)
    network = Network((Node("x", Input(3)), Node("bn", op, ("x",))), ("bn",))
    assert write(network, tmp_path / "n.onnx").max_difference < 1e-5


@pytest.mark.parametrize(
    ("made", "shape", "opset", "problem"),
    [
        (norm("bn", "x", "y", training_mode=1), ("N", 4), 15, "training"),
        (norm("bn", "x", "y"), ("N", 5), 15, "axis"),
        (norm("bn", "x", "y"), ("N", 1, 4), 15, "axis"),
        (norm("bn", "x", "y"), (4,), 15, "axis"),
        (norm("bn", "x", "y", spatial=0), ("N", 2, 4), 7, "shape"),
    ],
)
def test_uses_of_it_that_are_refused(
    opened: Opened, made: onnx.NodeProto, shape: Any, opset: int, problem: str
) -> None:
    with pytest.raises(UnsupportedUse) as refusal:
        opened(make_model([made], constants("bn", 4), shape, opset=opset))
    assert (refusal.value.op, refusal.value.problem) == ("BatchNormalization", problem)


def test_its_statistics_are_no_output(opened: Opened) -> None:
    made = norm("bn", "x", "h")
    made.output.extend(["mean", "var", "saved_mean", "saved_var"])
    nodes = [made, node("Add", ["h", "mean"], ["y"])]
    with pytest.raises(UnsupportedUse) as refusal:
        opened(make_model(nodes, constants("bn", 4), opset=9))
    assert refusal.value.problem == "training"


def test_constants_must_be_stored(opened: Opened) -> None:
    tensors = constants("bn", 4)
    del tensors["bn.bias"]
    nodes = [node("Relu", ["x"], ["bn.bias"]), norm("bn", "x", "y")]
    with pytest.raises(UnsupportedUse) as refusal:
        opened(make_model(nodes, tensors))
    assert refusal.value.problem == "constant"
