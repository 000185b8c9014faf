"""What ONNX files say in the wild, read and held to onnxruntime."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import make_model

from pruner_gui.formats import (
    NotAModel,
    TooLarge,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedTensor,
    UnsupportedUse,
    UnsupportedVersion,
)
from pruner_gui.network import Activation, Add, Arithmetic, Concat, Dense, Network

Agreed = Callable[[onnx.ModelProto, Sequence[int]], Network]
Opened = Callable[[onnx.ModelProto], Network]
node = helper.make_node
rng = np.random.default_rng(0)


def values(*shape: int, dtype: Any = np.float32) -> Any:
    return rng.normal(size=shape).astype(dtype)


def sizes(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


def kinds(network: Network) -> list[str]:
    return [op.kind if isinstance(op := one.op, Activation) else type(op).__name__ for one in network.nodes]


def layer(network: Network, name: str) -> Dense:
    op = network.by_name[name].op
    assert isinstance(op, Dense)
    return op


# -- dense layers


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("bias", [(), (1,), (3,), (1, 1), (1, 3), None])
@pytest.mark.parametrize("factors", [{}, {"alpha": 0.5}, {"alpha": -2.0, "beta": 0.25}, {"beta": 0.0}])
def test_gemm(agreed: Agreed, turned: int, bias: tuple[int, ...] | None, factors: dict[str, float]) -> None:
    constants = {"w": values(3, 4) if turned else values(4, 3)}
    if bias is not None:
        constants["c"] = values(*bias)
    settings: dict[str, Any] = {**factors, "transB": turned} if turned else factors
    model = make_model([node("Gemm", ["x", *constants], ["y"], **settings)], constants)
    assert agreed(model, (6, 4)).layer_sizes == (4, 3)


@pytest.mark.parametrize("bias", [(3, 1), (1, 1), (), None])
def test_gemm_with_the_weight_on_the_left_reads_a_column(
    agreed: Agreed, bias: tuple[int, ...] | None
) -> None:
    constants = {"w": values(4, 3)} | ({} if bias is None else {"c": values(*bias)})
    nodes = [node("Gemm", ["w", "x", *([] if bias is None else ["c"])], ["y"], transA=1)]
    assert agreed(make_model(nodes, constants, (4, 1)), (4, 1)).layer_sizes == (4, 3)


def test_gemm_that_turns_a_column(agreed: Agreed) -> None:
    model = make_model([node("Gemm", ["x", "w", ""], ["y"], transA=1)], {"w": values(4, 3)}, (4, 1))
    assert agreed(model, (4, 1)).layer_sizes == (4, 3)


@pytest.mark.parametrize(
    "shape", [("N", 4), (5, 4), (1, 4), (None, 4), ("N", "features"), (None, None), None]
)
def test_the_batch_is_symbolic_fixed_or_not_given(agreed: Agreed, shape: Any) -> None:
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["y"])]
    model = make_model(nodes, {"w": values(4, 3), "b": values(3)}, shape)
    batch = shape[0] if shape and isinstance(shape[0], int) else 7
    network = agreed(model, (batch, 4))
    assert network.layer_sizes == (4, 3)
    assert network.origin.input_shape == ((shape or (None,))[0], 4)


@pytest.mark.parametrize(
    ("weight", "shape", "left"),
    [
        ((3, 4), (4,), True),
        ((4, 3), (4,), False),
        ((3, 4), (4, 1), True),
        ((3, 4), (1, 4, 1), True),
        ((1, 3, 4), (1, 4, 1), True),
        ((3, 4), ("N", 4, 1), True),
        ((4, 3), ("N", 1, 4), False),
        ((1, 4, 3), ("N", 4), False),
        ((4, 3), (1, 1, 1, 4), False),
        ((4,), ("N", 4), False),
        ((3, 4), ("V",), True),
    ],
)
def test_matmul_on_either_side(agreed: Agreed, weight: tuple[int, ...], shape: Any, left: bool) -> None:
    model = make_model(
        [node("MatMul", ["w", "x"] if left else ["x", "w"], ["y"])], {"w": values(*weight)}, shape
    )
    fed = [4 if size == "V" else 5 if size == "N" else size for size in shape]
    network = agreed(model, fed)
    assert network.layer_sizes == (4, 1 if len(weight) == 1 else 3)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("bias", [(3,), (1, 3), (), (1,)])
def test_a_bias_added_on_its_own_joins_its_layer(agreed: Agreed, left: bool, bias: tuple[int, ...]) -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("Identity", ["h"], ["i"]),
        node("Add", ["b", "i"] if left else ["i", "b"], ["y"]),
    ]
    network = agreed(make_model(nodes, {"w": values(4, 3), "b": values(*bias)}), (5, 4))
    assert kinds(network) == ["Input", "Dense"]
    assert network.dense[0][1].bias.any()


def test_a_constant_added_to_a_layer_that_something_else_reads_stays_apart(agreed: Agreed) -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("Add", ["h", "b"], ["i"]),
        node("Concat", ["h", "i"], ["y"], axis=1),
    ]
    network = agreed(make_model(nodes, {"w": values(4, 3), "b": values(3)}), (5, 4))
    assert kinds(network) == ["Input", "Dense", "Arithmetic", "Concat"]


def test_two_linear_layers_and_a_bottleneck_of_one(agreed: Agreed) -> None:
    nodes = [node("Gemm", ["x", "a"], ["h"]), node("Gemm", ["h", "b"], ["y"])]
    network = agreed(make_model(nodes, {"a": values(4, 1), "b": values(1, 3)}), (5, 4))
    assert network.layer_sizes == (4, 1, 3)


def test_double_precision_stays(agreed: Agreed) -> None:
    constants = {"w": values(4, 3, dtype=np.float64), "c": values(3, dtype=np.float64)}
    network = agreed(make_model([node("Gemm", ["x", "w", "c"], ["y"])], constants, dtype=np.float64), (5, 4))
    assert network.origin.dtype == "float64"
    assert network.dense[0][1].weight.dtype == np.float64


def test_half_precision_is_widened(opened: Opened) -> None:
    weight = values(4, 3, dtype=np.float16)
    network = opened(make_model([node("Gemm", ["x", "w"], ["y"])], {"w": weight}, dtype=np.float16))
    assert network.origin.dtype == "float32"
    np.testing.assert_array_equal(network.dense[0][1].weight, weight.astype(np.float32))


def test_nan_weights_are_read(opened: Opened) -> None:
    weight = values(4, 3)
    weight[2, 1] = np.nan
    network = opened(make_model([node("Gemm", ["x", "w"], ["y"])], {"w": weight}))
    assert network.non_finite() == (network.dense[0][0].name, "weight", (2, 1))


# -- shapes


@pytest.mark.parametrize(
    ("shape", "fed"),
    [
        (("N", 1, 2, 2), (3, 1, 2, 2)),
        ((1, 1, 2, 2), (1, 1, 2, 2)),
        ((1, 4, 1), (1, 4, 1)),
        ((1, 1, 1, 4), (1, 1, 1, 4)),
        ((5, 4, 1), (5, 4, 1)),
    ],
)
@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("Flatten", ["x"], ["h"])], {}),
        ([node("Reshape", ["x", "s"], ["h"])], {"s": sizes(-1, 4)}),
        ([node("Reshape", ["x", "s"], ["h"])], {"s": sizes(0, -1)}),
        (
            [node("Reshape", ["x", "s"], ["g"]), node("Squeeze", ["g", "a"], ["h"])],
            {"s": sizes(0, 4, 1), "a": sizes(-1)},
        ),
        (
            [
                node("Shape", ["x"], ["shape"]),
                node("Gather", ["shape", "zero"], ["n"], axis=0),
                node("Unsqueeze", ["n", "first"], ["rows"]),
                node("Concat", ["rows", "rest"], ["target"], axis=0),
                node("Reshape", ["x", "target"], ["h"]),
            ],
            {"zero": np.array(0), "first": sizes(0), "rest": sizes(-1)},
        ),
        (
            [
                node("Shape", ["x"], ["shape"]),
                node("Slice", ["shape", "zero", "one"], ["rows"]),
                node("Concat", ["rows", "rest"], ["target"], axis=0),
                node("Reshape", ["x", "target"], ["h"]),
            ],
            {"zero": sizes(0), "one": sizes(1), "rest": sizes(4)},
        ),
    ],
)
def test_features_are_flattened(
    agreed: Agreed, shape: Any, fed: Sequence[int], nodes: list[onnx.NodeProto], constants: dict[str, Any]
) -> None:
    model = make_model(
        [*nodes, node("Gemm", ["h", "w"], ["g2"]), node("Softmax", ["g2"], ["y"], axis=1)],
        {**constants, "w": values(4, 3)},
        shape,
    )
    network = agreed(model, fed)
    assert kinds(network) == ["Input", "Dense", "softmax"]
    assert network.origin.input_shape == shape


@pytest.mark.parametrize("shape", [(1, 2, 2), ("N", 2, 2)])
@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("Flatten", ["x"], ["h"], axis=0)], {}),
        ([node("Reshape", ["x", "s"], ["h"])], {"s": sizes(1, -1)}),
        ([node("Reshape", ["x", "s"], ["h"])], {"s": sizes(1, 4)}),
        (
            [node("Reshape", ["x", "s"], ["g"]), node("Unsqueeze", ["g", "a"], ["h"])],
            {"s": sizes(-1), "a": sizes(0)},
        ),
    ],
)
def test_one_row_may_be_flattened_with_its_batch(
    agreed: Agreed, shape: Any, nodes: list[onnx.NodeProto], constants: dict[str, Any]
) -> None:
    model = make_model([*nodes, node("Gemm", ["h", "w"], ["y"])], {**constants, "w": values(4, 3)}, shape)
    assert agreed(model, (1, 2, 2)).layer_sizes == (4, 3)


def test_axes_were_attributes_before_opset_13(agreed: Agreed) -> None:
    nodes = [
        node("Unsqueeze", ["x"], ["g"], axes=[1, 3]),
        node("Squeeze", ["g"], ["h"], axes=[1, 3]),
        node("Transpose", ["h"], ["i"], perm=[0, 1]),
        node("MatMul", ["i", "w"], ["y"]),
    ]
    assert agreed(make_model(nodes, {"w": values(4, 3)}, opset=11), (5, 4)).layer_sizes == (4, 3)


def test_axes_of_size_one_may_change_places(agreed: Agreed) -> None:
    nodes = [node("Transpose", ["x"], ["h"], perm=[0, 3, 1, 2]), node("Flatten", ["h"], ["i"])]
    model = make_model([*nodes, node("Gemm", ["i", "w"], ["y"])], {"w": values(4, 3)}, ("N", 2, 2, 1))
    assert agreed(model, (5, 2, 2, 1)).layer_sizes == (4, 3)


def test_operators_that_change_nothing_vanish(agreed: Agreed) -> None:
    nodes = [
        node("Identity", ["x"], ["a"]),
        node("Cast", ["a"], ["b"], to=TensorProto.DOUBLE),
        node("Cast", ["b"], ["c"], to=TensorProto.FLOAT),
        node("Gemm", ["c", "w"], ["d"]),
        node("Dropout", ["d"], ["e", "mask"]),
        node("Relu", ["e"], ["y"]),
    ]
    assert kinds(agreed(make_model(nodes, {"w": values(4, 3)}), (5, 4))) == ["Input", "Dense", "relu"]


def test_dropout_of_old_and_its_dead_mask(agreed: Agreed) -> None:
    nodes = [node("Dropout", ["x"], ["a"], ratio=0.5), node("Gemm", ["a", "w", "c"], ["y"])]
    model = make_model(nodes, {"w": values(4, 3), "c": values(3)}, opset=7)
    assert kinds(agreed(model, (5, 4))) == ["Input", "Dense"]


# -- constants


@pytest.mark.parametrize(
    "entry",
    [
        {"value": numpy_helper.from_array(np.array([[1], [2], [3], [4]], np.float32), "w")},
        {"value_floats": [1.0, 2.0, 3.0, 4.0]},
    ],
)
def test_constants_are_nodes(agreed: Agreed, entry: dict[str, Any]) -> None:
    nodes = [
        node("Constant", [], ["w"], **entry),
        node("Constant", [], ["s"], value_ints=[4, 1]),
        node("Constant", [], ["scale"], value_float=0.5),
        node("Reshape", ["w", "s"], ["v"]),
        node("Mul", ["v", "scale"], ["u"]),
        node("MatMul", ["x", "u"], ["y"]),
    ]
    network = agreed(make_model(nodes, {}), (5, 4))
    assert network.dense[0][1].weight.ravel().tolist() == [0.5, 1, 1.5, 2]


def test_constants_are_computed(agreed: Agreed) -> None:
    nodes = [
        node("Transpose", ["fc1.weight"], ["t"], perm=[1, 0]),
        node("Identity", ["t"], ["u"]),
        node("MatMul", ["x", "u"], ["h"]),
        node("Cast", ["fc1.bias"], ["b"], to=TensorProto.FLOAT),
        node("Squeeze", ["b", "zero"], ["c"]),
        node("Unsqueeze", ["c", "zero"], ["d"]),
        node("Flatten", ["d"], ["e"], axis=0),
        node("Add", ["h", "e"], ["y"]),
    ]
    constants = {"fc1.weight": values(3, 4), "fc1.bias": values(1, 3, dtype=np.float64), "zero": sizes(0)}
    network = agreed(make_model(nodes, constants), (5, 4))
    assert [one.name for one, _ in network.dense] == ["fc1"]
    assert network.origin.extra["stored"]["fc1"].transposed


def test_initializers_may_be_listed_as_inputs(agreed: Agreed) -> None:
    model = make_model(
        [node("Gemm", ["x", "w", "c"], ["y"])], {"w": values(4, 3), "c": values(3)}, opset=7, ir_version=3
    )
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert agreed(model, (5, 4)).layer_sizes == (4, 3)


@pytest.mark.parametrize("field", ["float_data", "raw_data"])
def test_values_lie_in_either_field(agreed: Agreed, field: str) -> None:
    model = make_model([node("Gemm", ["x", "w"], ["y"])], {})
    weight = values(4, 3)
    stored = weight.tobytes() if field == "raw_data" else weight.ravel()
    model.graph.initializer.append(
        helper.make_tensor("w", TensorProto.FLOAT, (4, 3), stored, raw=field == "raw_data")
    )
    np.testing.assert_array_equal(agreed(model, (5, 4)).dense[0][1].weight, weight)


# -- arithmetic


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 4), (1, 1, 4)])
def test_arithmetic_with_a_constant(agreed: Agreed, operator: str, shape: tuple[int, ...]) -> None:
    network = agreed(make_model([node(operator, ["x", "c"], ["y"])], {"c": values(*shape)}), (5, 4))
    assert kinds(network) == ["Input", "Arithmetic"]
    op = network.nodes[1].op
    assert isinstance(op, Arithmetic)
    assert op.operand.shape == (4,)


@pytest.mark.parametrize(("operator", "count"), [("Add", 1), ("Mul", 1), ("Sub", 2)])
def test_arithmetic_with_the_constant_on_the_left(agreed: Agreed, operator: str, count: int) -> None:
    network = agreed(make_model([node(operator, ["c", "x"], ["y"])], {"c": values(4)}), (5, 4))
    assert kinds(network) == ["Input", *["Arithmetic"] * count]


def test_normalisation_of_an_image_and_behind_the_last_layer(agreed: Agreed) -> None:
    nodes = [
        node("Sub", ["x", "mean"], ["a"]),
        node("Div", ["a", "deviation"], ["b"]),
        node("Flatten", ["b"], ["c"]),
        node("Gemm", ["c", "w"], ["d"]),
        node("Mul", ["d", "range"], ["e"]),
        node("Add", ["e", "least"], ["y"]),
    ]
    constants = {"mean": values(1, 2, 2), "deviation": values(1, 1, 2, 2) + 3, "w": values(4, 3)}
    constants |= {"range": values(3), "least": values()}
    network = agreed(make_model(nodes, constants, ("N", 1, 2, 2)), (5, 1, 2, 2))
    assert kinds(network) == ["Input", "Arithmetic", "Arithmetic", "Dense", "Arithmetic", "Arithmetic"]


# -- activations


@pytest.mark.parametrize(
    ("operator", "settings", "kind", "expected", "lowest"),
    [
        ("Relu", {}, "relu", {}, 7),
        ("LeakyRelu", {}, "leaky_relu", {"alpha": 0.01}, 7),
        ("LeakyRelu", {"alpha": 0.3}, "leaky_relu", {"alpha": 0.3}, 16),
        ("Elu", {"alpha": 0.7}, "elu", {"alpha": 0.7}, 7),
        ("Selu", {}, "selu", {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}, 7),
        ("Selu", {"gamma": 2.0}, "selu", {"alpha": 1.6732632423543772, "gamma": 2.0}, 7),
        ("Gelu", {}, "gelu", {}, 20),
        ("Gelu", {"approximate": "none"}, "gelu", {}, 20),
        ("Gelu", {"approximate": "tanh"}, "gelu_tanh", {}, 20),
        ("Sigmoid", {}, "sigmoid", {}, 7),
        ("Tanh", {}, "tanh", {}, 7),
        ("Softplus", {}, "softplus", {}, 7),
        ("Softsign", {}, "softsign", {}, 7),
        ("HardSigmoid", {}, "hard_sigmoid", {"alpha": 0.2, "beta": 0.5}, 7),
        ("HardSigmoid", {"alpha": 0.1, "beta": 0.4}, "hard_sigmoid", {"alpha": 0.1, "beta": 0.4}, 7),
        ("Softmax", {}, "softmax", {}, 7),
        ("Softmax", {"axis": -1}, "softmax", {}, 11),
        ("Softmax", {"axis": 1}, "softmax", {}, 13),
        ("LogSoftmax", {"axis": 1}, "log_softmax", {}, 7),
    ],
)
def test_activations(
    agreed: Agreed, operator: str, settings: Any, kind: str, expected: dict[str, float], lowest: int
) -> None:
    for opset in {lowest, max(lowest, 17), onnx.defs.onnx_opset_version()}:
        network = agreed(make_model([node(operator, ["x"], ["y"], **settings)], {}, opset=opset), (9, 4))
        op = network.nodes[1].op
        assert isinstance(op, Activation)
        assert (op.kind, op.settings) == (kind, expected)
        assert network.nodes[1].name == f"x.{kind}"


@pytest.mark.parametrize(
    ("shape", "axis", "opset"),
    [
        ((1, 4), 0, 11),
        ((4,), 0, 11),
        ((4,), 0, 13),
        (("N", 4, 1), 1, 11),
        (("N", 4, 1), 1, 13),
        (("N", 1, 4), 1, 11),
    ],
)
def test_softmax_over_all_features_by_another_axis(agreed: Agreed, shape: Any, axis: int, opset: int) -> None:
    model = make_model([node("Softmax", ["x"], ["y"], axis=axis)], {}, shape, opset=opset)
    assert kinds(agreed(model, [5 if size == "N" else size for size in shape])) == ["Input", "softmax"]


def spelt_gelu(order: str) -> tuple[list[onnx.NodeProto], dict[str, Any]]:
    """The error function's gelu, as three exporters spell it."""
    constants = {"root": np.float32(1.41421), "one": np.float32(1), "half": np.array([0.5], np.float32)}
    begin = [node("Div", ["h", "root"], ["a"]), node("Erf", ["a"], ["b"])]
    ends = {
        "torch": [("Add", "b", "one", "c"), ("Mul", "h", "c", "d"), ("Mul", "d", "half", "g")],
        "keras": [("Mul", "half", "h", "c"), ("Add", "one", "b", "d"), ("Mul", "c", "d", "g")],
        "other": [("Add", "b", "one", "c"), ("Mul", "c", "half", "d"), ("Mul", "d", "h", "g")],
    }
    return [*begin, *(node(op, [a, b], [c]) for op, a, b, c in ends[order])], constants


@pytest.mark.parametrize("order", ["torch", "keras", "other"])
def test_a_gelu_spelt_out_is_one(agreed: Agreed, order: str) -> None:
    nodes, constants = spelt_gelu(order)
    nodes = [node("Gemm", ["x", "w"], ["h"]), *nodes, node("Gemm", ["g", "v"], ["y"])]
    network = agreed(make_model(nodes, {**constants, "w": values(4, 3), "v": values(3, 2)}), (9, 4))
    assert kinds(network) == ["Input", "Dense", "gelu", "Dense"]


@pytest.mark.parametrize("cube", ["pow", "mul"])
def test_a_tanh_gelu_spelt_out_is_one(agreed: Agreed, cube: str) -> None:
    cubes = [node("Pow", ["x", "three"], ["a"])]
    if cube == "mul":
        cubes = [node("Mul", ["x", "x"], ["s"]), node("Mul", ["x", "s"], ["a"])]
    nodes = [
        *cubes,
        node("Mul", ["a", "share"], ["b"]),
        node("Add", ["x", "b"], ["c"]),
        node("Mul", ["c", "root"], ["d"]),
        node("Tanh", ["d"], ["e"]),
        node("Add", ["e", "one"], ["f"]),
        node("Mul", ["x", "f"], ["g"]),
        node("Mul", ["g", "half"], ["y"]),
    ]
    numbers = {"three": 3, "share": 0.044715, "root": 0.7978845608, "one": 1, "half": 0.5}
    model = make_model(nodes, {name: np.float32(number) for name, number in numbers.items()})
    assert kinds(agreed(model, (9, 4))) == ["Input", "gelu_tanh"]


def test_what_only_begins_like_a_gelu_is_refused_by_its_node(opened: Opened) -> None:
    nodes = [node("Erf", ["x"], ["a"], name="error function"), node("Gemm", ["a", "w"], ["y"])]
    with pytest.raises(UnsupportedOp) as refusal:
        opened(make_model(nodes, {"w": values(4, 3)}))
    assert (refusal.value.node, refusal.value.op, refusal.value.hint) == ("error function", "Erf", "computed")


# -- graphs


def test_skip_connections_and_concatenations(agreed: Agreed) -> None:
    nodes = [
        node("Gemm", ["x", "a"], ["h"]),
        node("Relu", ["h"], ["i"]),
        node("Add", ["i", "x"], ["j"], name="skip"),
        node("Sum", ["j", "x", "i"], ["k"]),
        node("Concat", ["k", "x"], ["m"], axis=-1, name="both"),
        node("Gemm", ["m", "b"], ["y"]),
    ]
    network = agreed(make_model(nodes, {"a": values(4, 4), "b": values(8, 2)}), (5, 4))
    assert kinds(network) == ["Input", "Dense", "relu", "Add", "Add", "Concat", "Dense"]
    assert isinstance(network.by_name["skip"].op, Add)
    assert isinstance(network.by_name["both"].op, Concat)


def test_what_the_output_does_not_need_is_left_out_even_unknown(opened: Opened) -> None:
    nodes = [
        node("Gemm", ["x", "w"], ["y"]),
        node("ArgMax", ["y"], ["label"], axis=1),
        node("Relu", ["x"], ["z"]),
    ]
    assert kinds(opened(make_model(nodes, {"w": values(4, 3)}))) == ["Input", "Dense"]


# -- names


@pytest.mark.parametrize(
    ("weight", "name", "expected"),
    [
        ("fc1.weight", "/fc1/Gemm", "fc1"),
        ("layers.0.weight", "", "layers.0"),
        ("sequential/dense/MatMul/ReadVariableOp:0", "sequential/dense/MatMul", "dense"),
        ("StatefulPartitionedCall/model/dense_1/Cast/ReadVariableOp:0", "", "dense_1"),
        ("dense_2/kernel:0", "", "dense_2"),
        ("onnx::MatMul_23", "/fc2/MatMul", "fc2"),
        ("W0", "Gemm_2", "Gemm_2"),
        ("W0", "", "dense_1"),
    ],
)
def test_a_layer_is_called_what_a_reader_would(opened: Opened, weight: str, name: str, expected: str) -> None:
    model = make_model(
        [node("MatMul", ["x", weight], ["h"], name=name), node("Relu", ["h"], ["y"])], {weight: values(4, 3)}
    )
    assert [one.name for one in opened(model).nodes] == ["x", expected, f"{expected}.relu"]


def test_names_are_unique(opened: Opened) -> None:
    nodes = [node("Gemm", ["x", "a/dense/kernel"], ["h"]), node("Gemm", ["h", "b/dense/kernel"], ["y"])]
    network = opened(make_model(nodes, {"a/dense/kernel": values(4, 4), "b/dense/kernel": values(4, 4)}))
    assert [one.name for one in network.nodes] == ["x", "dense", "dense_2"]


# -- refusals


@pytest.mark.parametrize(
    ("operator", "settings", "hint"),
    [
        ("Conv", {"kernel_shape": [1, 1]}, "convolution"),
        ("MaxPool", {"kernel_shape": [1, 1]}, "convolution"),
        ("ReduceMean", {}, ""),
        ("LSTM", {"hidden_size": 3}, "recurrent"),
        ("NoSuchOperator", {}, ""),
    ],
)
def test_unknown_operators_are_refused_by_name(
    opened: Opened, operator: str, settings: Any, hint: str
) -> None:
    inputs = ["x", "w"] if operator == "Conv" else ["x"]
    model = make_model(
        [node(operator, inputs, ["y"], name="the node", **settings)],
        {"w": values(1, 1, 1, 1)},
        ("N", 1, 2, 2),
    )
    with pytest.raises(UnsupportedOp) as refusal:
        opened(model)
    assert (refusal.value.node, refusal.value.op, refusal.value.hint) == ("the node", operator, hint)


def test_what_a_network_is_goes_before_what_is_not_known_of_it(opened: Opened) -> None:
    nodes = [
        node("Det", ["x"], ["h"], name="first"),
        node("Conv", ["h", "w"], ["y"], name="second", kernel_shape=[1, 1]),
    ]
    with pytest.raises(UnsupportedOp) as refusal:
        opened(make_model(nodes, {"w": values(1, 1, 1, 1)}))
    assert (refusal.value.node, refusal.value.hint) == ("second", "convolution")


def test_a_node_without_a_name_is_called_by_its_output(opened: Opened) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(make_model([node("Det", ["x"], ["y"])], {}))
    assert refusal.value.node == "y"


@pytest.mark.parametrize(
    ("nodes", "shape", "problem"),
    [
        ([node("Softmax", ["x"], ["y"], axis=0)], ("N", 4), "axis"),
        ([node("Softmax", ["x"], ["y"], axis=2)], ("N", 2, 2), "axis"),
        ([node("Flatten", ["x"], ["h"], axis=0), node("MatMul", ["h", "w"], ["y"])], (5, 4), "mixes_rows"),
        ([node("Transpose", ["x"], ["y"], perm=[0, 2, 1])], ("N", 2, 2), "order"),
        ([node("MatMul", ["x", "w"], ["y"])], ("N", 3, 4), "shared_weights"),
        ([node("MatMul", ["x", "x"], ["y"])], (4, 4), "constant"),
        ([node("Gemm", ["x", "w"], ["y"])], ("N", 5), "shape"),
        ([node("Add", ["x", "w"], ["y"])], ("N", 3), "broadcast"),
        ([node("Add", ["x", "v"], ["y"])], ("N", 1), "broadcast"),
        ([node("Div", ["v", "x"], ["y"])], ("N", 3), "division"),
        (
            [node("Cast", ["x"], ["h"], to=TensorProto.INT64), node("Cast", ["h"], ["y"], to=1)],
            ("N", 4),
            "type",
        ),
        ([node("Relu", ["v"], ["h"]), node("Add", ["x", "h"], ["y"])], ("N", 3), "constant"),
        ([node("Dropout", ["x", "", "yes"], ["y"])], ("N", 4), "training"),
        ([node("Concat", ["x", "w"], ["y"], axis=0)], ("N", 3), "constant"),
        (
            [node("Concat", ["x", "x"], ["h"], axis=0), node("MatMul", ["h", "w"], ["y"])],
            (4, 3),
            "mixes_rows",
        ),
        ([node("Relu", ["x"], ["y"])], ("N", "features"), "unknown_size"),
        ([node("Relu", ["x"], ["y"])], None, "unknown_size"),
    ],
)
def test_uses_that_are_not_rows_of_features_are_refused(
    opened: Opened, nodes: list[onnx.NodeProto], shape: Any, problem: str
) -> None:
    constants = {"w": values(4, 3), "v": values(3), "yes": np.array(True)}
    with pytest.raises(UnsupportedUse) as refusal:
        opened(make_model(nodes, constants, shape))
    assert refusal.value.problem == problem


def test_products_of_computed_values_are_refused(opened: Opened) -> None:
    nodes = [node("Tanh", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"], name="gate")]
    with pytest.raises(UnsupportedOp) as refusal:
        opened(make_model(nodes, {}))
    assert (refusal.value.node, refusal.value.hint) == ("gate", "computed")


def test_several_outputs_or_inputs_are_refused(opened: Opened) -> None:
    model = make_model([node("Relu", ["x"], ["y"])], {})
    model.graph.output.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, None))
    with pytest.raises(UnsupportedPart) as refusal:
        opened(model)
    assert (refusal.value.part, refusal.value.names) == ("outputs", ("y", "x"))
    model = make_model([node("Relu", ["x"], ["y"])], {})
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, None))
    with pytest.raises(UnsupportedPart) as refusal:
        opened(model)
    assert (refusal.value.part, refusal.value.names) == ("inputs", ("x", "z"))


def test_a_constant_output_is_no_network(opened: Opened) -> None:
    for nodes in ([node("Identity", ["c"], ["y"])], [node("Constant", [], ["y"], value_floats=[1.0])]):
        with pytest.raises(NotAModel) as refusal:
            opened(make_model(nodes, {"c": values(4)}))
        assert refusal.value.reason == "constant"


def test_other_domains_functions_and_subgraphs_are_refused(opened: Opened) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(make_model([node("Imputer", ["x"], ["y"], name="imputer", domain="ai.onnx.ml")], {}))
    assert (refusal.value.op, refusal.value.hint) == ("ai.onnx.ml.Imputer", "domain")
    model = make_model([node("Relu", ["x"], ["y"])], {})
    body = helper.make_function("ours", "F", ["a"], ["b"], [node("Relu", ["a"], ["b"])], model.opset_import)
    model.functions.append(body)
    with pytest.raises(UnsupportedPart):
        opened(model)
    branch = helper.make_graph(
        [node("Relu", ["x"], ["b"])], "g", [], [helper.make_tensor_value_info("b", 1, None)]
    )
    model = make_model(
        [node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)], {"yes": np.array(True)}
    )
    with pytest.raises(UnsupportedOp) as refusal:
        opened(model)
    assert refusal.value.hint == "subgraph"


@pytest.mark.parametrize("opset", [6, 999])
def test_versions_that_are_not_understood(opened: Opened, opset: int) -> None:
    model = make_model([node("Relu", ["x"], ["y"])], {}, ir_version=8)
    model.opset_import[0].version = opset
    with pytest.raises(UnsupportedVersion) as refusal:
        opened(model)
    assert (refusal.value.what, refusal.value.found, refusal.value.lowest) == ("opset", opset, 7)


# -- files that are not what they should be


def test_text_and_sparse_tensors_are_refused(opened: Opened) -> None:
    model = make_model([node("Gemm", ["x", "w"], ["y"])], {})
    model.graph.initializer.append(numpy_helper.from_array(np.array(["text"], object), "w"))
    with pytest.raises(UnsupportedTensor) as refusal:
        opened(model)
    assert refusal.value.kind == "string"
    model = make_model([node("Gemm", ["x", "w"], ["y"])], {})
    places = helper.make_tensor("w_places", TensorProto.INT64, [1], [2])
    entries = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(entries, places, [4, 3]))
    with pytest.raises(UnsupportedTensor) as refusal:
        opened(model)
    assert refusal.value.kind == "sparse"


@pytest.mark.parametrize("dims", [(10**6, 10**6), (2, 2), (-4, -3)])
def test_a_shape_must_be_that_of_the_bytes(opened: Opened, dims: tuple[int, int]) -> None:
    model = make_model([node("Gemm", ["x", "w"], ["y"])], {"w": values(4, 3)})
    model.graph.initializer[0].dims[:] = dims
    with pytest.raises(UnsupportedTensor) as refusal:
        opened(model)
    assert refusal.value.kind == "size"


def test_a_layer_of_no_units_is_refused(opened: Opened) -> None:
    with pytest.raises(UnsupportedUse) as refusal:
        opened(make_model([node("Gemm", ["x", "w"], ["y"])], {"w": np.zeros((4, 0), np.float32)}))
    assert refusal.value.problem == "shape"


def test_integers_are_no_rows(opened: Opened) -> None:
    with pytest.raises(UnsupportedTensor) as refusal:
        opened(make_model([node("Identity", ["x"], ["y"])], {}, dtype=np.int64))
    assert refusal.value.kind == "int64"


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Relu", ["a"], ["b"]), node("Add", ["b", "x"], ["a"]), node("Relu", ["a"], ["y"])],
        [node("Relu", ["x"], ["a"]), node("Relu", ["x"], ["a"]), node("Relu", ["a"], ["y"])],
        [node("Relu", ["nowhere"], ["y"])],
        [node("Relu", ["x", "x"], ["y"])],
        [node("Relu", ["x"], ["y"], alpha="no such attribute")],
    ],
)
def test_graphs_against_the_rules_are_refused(opened: Opened, nodes: list[onnx.NodeProto]) -> None:
    with pytest.raises(NotAModel) as refusal:
        opened(make_model(nodes, {}))
    assert refusal.value.reason == "invalid"
    assert refusal.value.detail


def test_growth_without_bytes_is_stopped(opened: Opened) -> None:
    names = ["x", *(f"t{i}" for i in range(40)), "y"]
    nodes = [node("Concat", [a, a], [b], axis=1) for a, b in itertools.pairwise(names)]
    with pytest.raises(TooLarge):
        opened(make_model(nodes, {}))
    with pytest.raises(TooLarge):
        opened(make_model([node("Relu", ["x"], ["y"])], {}, ("N", 10**12)))


def test_one_weight_is_not_copied_without_end(opened: Opened) -> None:
    names = ["x", *(f"t{i}" for i in range(40)), "y"]
    weight = np.zeros((1000, 1000), np.float32)
    layers = [node("MatMul", [a, "w"], [b]) for a, b in itertools.pairwise(names)]
    with pytest.raises(TooLarge) as refusal:
        opened(make_model(layers, {"w": weight}, ("N", 1000)))
    assert refusal.value.what == "values"
    names[0], one = "w", np.float32(1)
    sums = [node("Add", [a, "one"], [b]) for a, b in itertools.pairwise(names[:-1])]
    with pytest.raises(TooLarge):
        opened(
            make_model(
                [*sums, node("MatMul", ["x", names[-2]], ["y"])], {"w": weight, "one": one}, ("N", 1000)
            )
        )


def test_names_do_not_grow_without_end(opened: Opened) -> None:
    names = ["x", *(f"t{i}" for i in range(3000)), "y"]
    nodes = [node("Relu", [a], [b]) for a, b in itertools.pairwise(names)]
    network = opened(make_model(nodes, {}))
    assert len(network.nodes) == 3002
    assert max(len(one.name) for one in network.nodes) < 100


def test_millions_of_parts_are_not_even_decoded(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pruner_gui.formats import onnx_guard, read

    monkeypatch.setattr(onnx_guard, "MAX_PARTS", 1000)
    model = make_model([node("Relu", ["x"], ["y"])], {})
    graph = model.graph.SerializeToString() + b"\x0a\x00" * 1000  # empty nodes
    length = bytes([len(graph) & 0x7F | 0x80, len(graph) >> 7])
    model.ClearField("graph")
    path = tmp_path / "many.onnx"
    path.write_bytes(model.SerializeToString() + b"\x3a" + length + graph)
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert refusal.value.what == "parts"
    monkeypatch.setattr(onnx_guard, "MAX_PARTS", 10_000)
    monkeypatch.setattr(onnx_guard, "MAX_NODES", 1000)
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert refusal.value.what == "nodes"
