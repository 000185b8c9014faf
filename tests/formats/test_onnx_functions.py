"""Activations in ONNX files: as one operator, and as exporters spell them out; held to onnxruntime."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import make_model

from pruner_gui.formats import UnsupportedOp, UnsupportedUse
from pruner_gui.network import Activation, Network

Agreed = Callable[[onnx.ModelProto, Sequence[int]], Network]
Opened = Callable[[onnx.ModelProto], Network]
node = helper.make_node


def spelt(text: str) -> list[onnx.NodeProto]:
    """Nodes from "x" to "y" by way of t1, t2...: each an operator, its inputs ("_" for none), attributes."""
    nodes = []
    for i, (operator, *words) in enumerate(map(str.split, text.split(";")), 1):
        settings = dict(word.split("=") for word in words if "=" in word)
        inputs = ["" if word == "_" else word for word in words if "=" not in word]
        plain: dict[str, Any] = {
            name: float(value) if "." in value else int(value) for name, value in settings.items()
        }
        nodes.append(node(operator, inputs, [f"t{i}" if i <= text.count(";") else "y"], **plain))
    return nodes


def numbers(text: str, dtype: Any) -> dict[str, Any]:
    """The constants of such nodes: inputs that are numbers are their own values."""
    words = re.findall(r"(?<![\w=.-])-?[\d.]+", text)
    return {word: np.array(float(word), dtype) for word in words}


def the_activation(network: Network) -> tuple[str, dict[str, float]]:
    """The only operation of a network."""
    (_, made) = network.nodes
    assert isinstance(made.op, Activation)
    return made.op.kind, made.op.settings


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("spelling", "kind", "settings"),
    [
        ("Sigmoid x; Mul x t1", "swish", {}),
        ("Neg x; Exp t1; Add t2 1; Div x t3", "swish", {}),
        ("Neg x; Exp t1; Add 1 t2; Div 1 t3", "sigmoid", {}),
        ("Neg x; Exp t1; Add 1 t2; Reciprocal t3", "sigmoid", {}),
        ("Abs x; Add t1 1; Div x t2", "softsign", {}),
        ("Exp x; Add t1 1; Log t2", "softplus", {}),
        ("Exp x; Add t1 1; Log t2; Tanh t3; Mul t4 x", "mish", {}),
        ("Sign x; Abs x; Add t2 1; Log t3; Mul t4 t1", "symmetric_log", {}),
        ("Abs x", "leaky_relu", {"alpha": -1}),
        ("Mul x 0.25; Max x t1", "leaky_relu", {"alpha": 0.25}),
        ("Relu x; Neg x; Relu t2; Mul t3 0.3; Sub t1 t4", "leaky_relu", {"alpha": 0.3}),
        ("Greater x 0; Mul x 0.1; Where t1 x t2", "leaky_relu", {"alpha": 0.1}),
        ("LessOrEqual x 0; Not t1; Where t2 x 0", "relu", {}),
        ("Exp x; Sub t1 1; Mul t2 0.7; Greater x 0; Where t4 x t3", "elu", {"alpha": 0.7}),
        ("Mul x 0.2; Add t1 0.5; Clip t2 0 1", "hard_sigmoid", {"alpha": 0.2, "beta": 0.5}),
        ("Add x 3; Clip t1 0 6; Div t2 6; Mul x t3", "hard_swish", {}),
        ("Add x 3; Clip t1 0 6; Mul x t2; Div t3 6", "hard_swish", {}),
        ("Add x 3; Relu t1; Min t2 6; Div t3 6; Mul x t4", "hard_swish", {}),
        ("Mul x 0.2; Add t1 0.5; Max t2 0; Min 1 t3", "hard_sigmoid", {"alpha": 0.2, "beta": 0.5}),
        ("Max x -1; Min t1 2", "clip", {"low": -1, "high": 2}),
        ("Relu x; Min t1 6", "clip", {"low": 0, "high": 6}),
        ("Min 6 x; Max 0 t1", "clip", {"low": 0, "high": 6}),
        ("Max x -0.5", "clip", {"low": -0.5, "high": np.inf}),
        ("Max x 0", "relu", {}),
        ("Clip x -1 1", "clip", {"low": -1, "high": 1}),
        ("Clip x _ 1", "clip", {"low": -np.inf, "high": 1}),
        ("Clip x 0", "relu", {}),
        ("Less x 0.1; Where t1 -2 3", "step", {"centre": 0.1, "low": -2, "high": 3}),
        ("GreaterOrEqual x 0.1; Where t1 1 0", "step", {"centre": 0.1, "low": 0, "high": 1}),
        ("Greater 0.1 x; Where t1 0 1", "step", {"centre": 0.1, "low": 0, "high": 1}),
        ("Greater x 0.1; Where t1 x 0", "thresholded_relu", {"theta": 0.1}),
        ("LessOrEqual x 0.1; Where t1 0 x", "thresholded_relu", {"theta": 0.1}),
        ("Mul x x; Neg t1; Div t2 2; Exp t3", "gaussian", {"centre": 0, "peak": 1, "width": 1}),
        (
            "Sub x 0.3; Div t1 0.7; Pow t2 2; Mul t3 -0.5; Exp t4; Mul t5 1.5",
            "gaussian",
            {"centre": 0.3, "peak": 1.5, "width": 0.7},
        ),
        ("Exp x", "exponential", {}),
        ("Sin x", "sin", {}),
        ("Softmax x axis=1; Log t1", "log_softmax", {}),
    ],
)
def test_spelt_out_functions_are_known(
    agreed: Agreed, spelling: str, kind: str, settings: dict[str, float], dtype: Any
) -> None:
    model = make_model(spelt(spelling), numbers(spelling, dtype), dtype=dtype)
    network = agreed(model, (40, 4))
    assert the_activation(network) == (kind, settings or Activation(kind).settings)
    assert network.nodes[1].name == f"x.{kind}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("operator", "at_limit"), [("Greater", 0), ("GreaterOrEqual", 1)])
def test_where_a_step_begins_is_exact(opened: Opened, operator: str, at_limit: int, dtype: Any) -> None:
    code = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    compared = node(operator, ["x", "c"], ["t"])
    limit = np.array(0.5, dtype)
    above = np.nextafter(limit, dtype(1))
    rows = np.array([[np.nextafter(limit, dtype(0)), limit, above, 2]], dtype)
    step = opened(make_model([compared, node("Cast", ["t"], ["y"], to=code)], {"c": limit}, dtype=dtype))
    assert step.forward(rows).tolist() == [[0, at_limit, 1, 1]]
    gate = [compared, node("Cast", ["t"], ["g"], to=code), node("Mul", ["x", "g"], ["y"])]
    gated = opened(make_model(gate, {"c": limit}, dtype=dtype))
    assert the_activation(gated)[0] == "thresholded_relu"
    assert gated.forward(rows).tolist() == [[0, at_limit * limit, above, 2]]


@pytest.mark.parametrize(
    ("operator", "settings", "opset", "kind", "expected"),
    [
        ("Clip", {"min": 0.0, "max": 6.0}, 7, "clip", {"low": 0, "high": 6}),
        ("Clip", {"min": -0.1}, 10, "clip", {"low": -0.1, "high": np.inf}),
        ("Clip", {"min": 0.0}, 10, "relu", {}),
        ("Clip", {"max": 3.4028234663852886e38, "min": -1.0}, 9, "clip", {"low": -1, "high": np.inf}),
        ("ThresholdedRelu", {}, 10, "thresholded_relu", {"theta": 1}),
        ("ThresholdedRelu", {"alpha": 0.3}, 22, "thresholded_relu", {"theta": 0.3}),
        ("HardSwish", {}, 14, "hard_swish", {}),
        ("Mish", {}, 18, "mish", {}),
        ("Swish", {}, 24, "swish", {}),
        ("Celu", {}, 12, "elu", {"alpha": 1}),
        ("Hardmax", {"axis": 1}, 7, "competitive", {"winners": 1}),
        ("Hardmax", {}, 13, "competitive", {"winners": 1}),
        ("Sin", {}, 7, "sin", {}),
        ("Exp", {}, 7, "exponential", {}),
    ],
)
def test_operators_of_their_own(
    agreed: Agreed, operator: str, settings: Any, opset: int, kind: str, expected: dict[str, float]
) -> None:
    model = make_model([node(operator, ["x"], ["y"], **settings)], {}, opset=opset)
    assert the_activation(agreed(model, (30, 4))) == (kind, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kept", [0, 1])
def test_the_winner_of_a_row_as_index_and_one_hot(agreed: Agreed, kept: int, dtype: Any) -> None:
    nodes = [
        node("ArgMax", ["x"], ["winner"], axis=-1, keepdims=kept),
        node("OneHot", ["winner", "depth", "levels"], ["hot"]),
        node("Cast", ["hot"], ["wide"], to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype))),
        node("Reshape", ["wide", "rows"], ["y"]),
    ]
    constants = {"depth": np.array(4), "levels": np.array([0, 1], np.float32), "rows": np.array([-1, 4])}
    assert the_activation(agreed(make_model(nodes, constants, dtype=dtype), (30, 4)))[0] == "competitive"


@pytest.mark.parametrize(
    ("spelling", "kinds"),
    [
        ("Celu x alpha=0.5", ["mul", "elu", "div"]),
        ("Mul x 1.702; Sigmoid t1; Mul x t2", ["mul", "swish", "div"]),
        ("Sigmoid x; Log t1", ["mul", "softplus", "div"]),
        ("Neg x; Softmax t1", ["mul", "softmax"]),
        ("Mul x 2; Softplus t1; Div t2 2", ["mul", "softplus", "div"]),
    ],
)
def test_functions_of_a_multiple_are_three_nodes(agreed: Agreed, spelling: str, kinds: list[str]) -> None:
    network = agreed(make_model(spelt(spelling), numbers(spelling, np.float32)), (30, 4))
    assert [one.name.rpartition(".")[2] for one in network.nodes[1:]] == kinds


@pytest.mark.parametrize("slope", [0.25, [0.2] * 4, [[0.2]]])
def test_a_prelu_with_one_slope_is_a_leaky_relu(agreed: Agreed, slope: Any) -> None:
    model = make_model([node("PRelu", ["x", "s"], ["y"])], {"s": np.array(slope, np.float32)})
    alpha = float(str(np.float32(np.ravel(slope)[0])))
    assert the_activation(agreed(model, (30, 4))) == ("leaky_relu", {"alpha": alpha})


def test_a_prelu_with_several_slopes_is_a_sum_of_two_relus(agreed: Agreed) -> None:
    slopes = np.array([0.1, 0.2, -0.3, 1], np.float32)
    network = agreed(make_model([node("PRelu", ["x", "s"], ["y"])], {"s": slopes}), (30, 4))
    assert [type(one.op).__name__ for one in network.nodes[1:]] == [
        "Activation",
        "Arithmetic",
        "Activation",
        "Arithmetic",
        "Add",
    ]


def test_zeros_of_the_same_shape_are_a_number(agreed: Agreed) -> None:
    nodes = [
        node("Greater", ["x", "c"], ["above"]),
        node("Shape", ["x"], ["shape"]),
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("Where", ["above", "x", "zeros"], ["y"]),
    ]
    model = make_model(nodes, {"c": np.float32(0.3)})
    assert the_activation(agreed(model, (30, 4))) == ("thresholded_relu", {"theta": 0.3})


def test_two_uses_of_one_value_keep_the_names_of_what_is_left(agreed: Agreed) -> None:
    nodes = [
        *spelt("Sigmoid x; Mul x t1"),
        node("Relu", ["y"], ["r"]),
        node("Sigmoid", ["x"], ["s"]),
        node("Concat", ["r", "s"], ["z"], axis=1, name="both"),
    ]
    model = make_model(nodes, {})
    model.graph.output[0].name = "z"
    names = [one.name for one in agreed(model, (5, 4)).nodes]
    assert names == ["x", "x.swish", "x.swish.relu", "x.sigmoid", "both"]


@pytest.mark.parametrize(
    "spelling",
    [
        "Greater x 0.1; Mul x 0.5; Where t1 x t2",
        "Greater x 0.1; Where t1 x 2",
        "Mul x x",
        "Tanh x; Sub x t1",
        "Div 1 x",
        "Max x 0; Mul t1 x",
    ],
)
def test_functions_that_are_no_activation_are_refused_by_node(opened: Opened, spelling: str) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(make_model(spelt(spelling), numbers(spelling, np.float32)))
    assert (refusal.value.node, refusal.value.hint) == ("y", "computed")


def test_a_threshold_on_another_shape_is_not_taken_for_one(opened: Opened) -> None:
    nodes = [
        node("Unsqueeze", ["x", "place"], ["wide"]),
        node("Greater", ["wide", "c"], ["above"]),
        node("Where", ["above", "x", "zero"], ["y"]),
    ]
    constants = {"place": np.array([1]), "c": np.float32(0.3), "zero": np.float32(0)}
    with pytest.raises(UnsupportedOp) as refusal:
        opened(make_model(nodes, constants))
    assert refusal.value.op == "Where"


def test_a_celu_turned_over_is_refused(opened: Opened) -> None:
    with pytest.raises(UnsupportedUse):
        opened(make_model([node("Celu", ["x"], ["y"], alpha=-1.0)], {}))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_winner_that_is_not_of_the_row_or_the_last_of_equals_is_refused(opened: Opened, axis: int) -> None:
    settings: dict[str, Any] = {"select_last_index": 1} if axis else {}
    nodes = [
        node("ArgMax", ["x"], ["winner"], axis=axis, **settings),
        node("OneHot", ["winner", "depth", "levels"], ["hot"]),
        node("Cast", ["hot"], ["y"], to=TensorProto.FLOAT),
    ]
    with pytest.raises(UnsupportedUse) as refusal:
        opened(make_model(nodes, {"depth": np.array(4), "levels": np.array([0, 1], np.float32)}))
    assert refusal.value.problem == "axis"
