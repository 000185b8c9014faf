"""ONNX operators as nodes of a network.

Every computed tensor is followed as rows of features (`onnx_shapes`). Operators that only reshape rows
vanish, a bias added on its own joins its layer, and what has no equal in `pruner_gui.network` is refused by
name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from pruner_gui.formats import onnx_shapes as shapes
from pruner_gui.formats.onnx_constants import FOLDS, attributes, axes, number_type
from pruner_gui.formats.onnx_names import derived
from pruner_gui.formats.onnx_reading import Curves, Handler, Reading
from pruner_gui.formats.onnx_shapes import NotRows
from pruner_gui.network import ACTIVATIONS, Add, Arithmetic, Concat

# -- dense layers


def _gemm(reading: Reading, node: onnx.NodeProto) -> None:
    value, weight, left = reading.split(node)
    settings = attributes(node)
    turned = [bool(settings.get(name, 0)) for name in ("transA", "transB")]
    if weight.values.ndim != 2 or len(value.shape) != 2:
        raise NotRows("shape")
    kernel = weight.values.T if turned[1 - left] else weight.values
    shape = shapes.transposed(value.shape, (1, 0)) if turned[left] else value.shape
    shape = shapes.multiplied_left(kernel.shape, shape) if left else shapes.multiplied(shape, kernel.shape)
    kernel = kernel.T if left else kernel
    bias = reading.constant(node, 2)
    kernel = kernel * kernel.dtype.type(settings.get("alpha", 1.0))
    name = reading.dense(node, value, weight, kernel, shape, turned[1] ^ left)
    if bias is not None:
        _, row = shapes.operand(shape, bias)
        reading.add_bias(name, row * row.dtype.type(settings.get("beta", 1.0)), node.input[2])


def _matmul(reading: Reading, node: onnx.NodeProto) -> None:
    value, weight, left = reading.split(node)
    sizes = weight.values.shape
    shape = shapes.multiplied_left(sizes, value.shape) if left else shapes.multiplied(value.shape, sizes)
    kernel = weight.values.reshape(sizes[-2:] if len(sizes) > 1 else (*sizes, 1))
    reading.dense(node, value, weight, kernel.T if left else kernel, shape, left)


# -- one value a unit


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
}


def _arithmetic(reading: Reading, node: onnx.NodeProto) -> None:
    if any(reading.is_constant(name) for name in node.input):
        _with_constant(reading, node)
    else:
        _with_computed(reading, node)


def _with_constant(reading: Reading, node: onnx.NodeProto) -> None:
    value, constant, left = reading.split(node)
    if left and node.op_type in ("Div", "Pow"):
        raise NotRows("division")
    shape, operand = shapes.operand(value.shape, constant.values)
    curves: Curves = ()
    if constant.values.size == 1:
        number, apply = operand.flat[0], _OPERATORS[node.op_type]
        curves = tuple((b, apply(number, c) if left else apply(c, number)) for b, c in value.curves)
    if reading.recognise(node, shape, curves):
        return
    if node.op_type == "Pow" or (curves and not value.source):
        reading.pend(node, shape, curves)
    elif node.op_type == "Add" and reading.takes_bias(value):
        reading.add_bias(value.source, operand, constant.name)
        reading.alias(node, value, shape)
    elif node.op_type == "Sub" and left:
        minus = np.full_like(operand, -1)
        reading.emit(node, derived(value.source, "mul"), Arithmetic("mul", minus), [value], shape)
        middle = reading.value(node.output[0])
        reading.emit(node, derived(middle.source, "add"), Arithmetic("add", operand), [middle], shape, curves)
    else:
        operator = node.op_type.lower()
        op = Arithmetic(operator, operand)
        reading.emit(node, derived(value.source, operator), op, [value], shape, curves)


def _with_computed(reading: Reading, node: onnx.NodeProto) -> None:
    one, two = (reading.value(name) for name in node.input)
    if one.shape != two.shape:
        raise NotRows("broadcast")
    others, apply = dict(two.curves), _OPERATORS[node.op_type]
    curves = tuple((base, apply(curve, others[base])) for base, curve in one.curves if base in others)
    if reading.recognise(node, one.shape, curves):
        return
    if node.op_type == "Add" and ((one.source and two.source) or not curves):
        reading.emit(node, node.name or "add", Add(), [one, two], one.shape, curves)
    else:
        reading.pend(node, one.shape, curves)


def _erf(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    curves = tuple((base, np.array([math.erf(x) for x in curve])) for base, curve in value.curves)
    reading.pend(node, value.shape, curves)


def _tanh(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    if value.source:
        reading.activate(node, value, "tanh", {})
    else:
        reading.pend(node, value.shape, tuple((base, np.tanh(curve)) for base, curve in value.curves))


# -- several inputs


def _sum(reading: Reading, node: onnx.NodeProto) -> None:
    values = [reading.value(name) for name in node.input]
    if len(values) == 1:
        return reading.alias(node, values[0], values[0].shape)
    if any(value.shape != values[0].shape for value in values):
        raise NotRows("broadcast")
    return reading.emit(node, node.name or "add", Add(), values, values[0].shape)


def _concat(reading: Reading, node: onnx.NodeProto) -> None:
    values = [reading.value(name) for name in node.input]
    shape = shapes.joined([value.shape for value in values], attributes(node)["axis"])
    if len(values) == 1:
        return reading.alias(node, values[0], shape)
    return reading.emit(node, node.name or "concat", Concat(), values, shape)


# -- activations


def _setting(given: float, default: float) -> float:
    """The number that was meant: attributes are float32, 0.1 is stored as 0.10000000149."""
    return default if np.float32(given) == np.float32(default) else float(str(np.float32(given)))


def _activation(kind: str) -> Handler:
    defaults = ACTIVATIONS[kind].defaults

    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        given = attributes(node)
        settings = {name: _setting(given.get(name, value), value) for name, value in defaults.items()}
        value = reading.value(node.input[0])
        reading.activate(node, value, kind, settings)

    return handle


def _gelu(reading: Reading, node: onnx.NodeProto) -> None:
    kind = "gelu_tanh" if attributes(node).get("approximate") == "tanh" else "gelu"
    reading.activate(node, reading.value(node.input[0]), kind, {})


def _softmax(kind: str) -> Handler:
    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        value = reading.value(node.input[0])
        coerced = reading.opset < 13
        axis = attributes(node).get("axis", 1 if coerced else -1)
        shapes.normalised(value.shape, axis, coerced)
        reading.activate(node, value, kind, {})

    return handle


# -- the same rows in another shape


def _identity(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(node, value, value.shape)


def _dropout(reading: Reading, node: onnx.NodeProto) -> None:
    training = reading.constant(node, 2)
    if training is not None and training.any():
        raise NotRows("training")
    _identity(reading, node)


def _cast(reading: Reading, node: onnx.NodeProto) -> None:
    kind = number_type(attributes(node)["to"])
    if kind is None or kind.kind != "f":
        raise NotRows("type")
    _identity(reading, node)


def _reshape(reading: Reading, node: onnx.NodeProto) -> None:
    value, allowzero = reading.value(node.input[0]), bool(attributes(node).get("allowzero", 0))
    target = reading.constant(node, 1)
    if target is None or target.ndim != 1:
        raise NotRows("shape")
    sizes = [int(size) for size in target]
    reading.alias(node, value, shapes.reshaped(value.shape, sizes, reading.batch, allowzero))


def _flatten(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(node, value, shapes.flattened(value.shape, attributes(node).get("axis", 1)))


def _squeeze(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(
        node, value, shapes.squeezed(value.shape, axes(attributes(node), reading.constant(node, 1)))
    )


def _unsqueeze(reading: Reading, node: onnx.NodeProto) -> None:
    value, places = reading.value(node.input[0]), axes(attributes(node), reading.constant(node, 1))
    reading.alias(node, value, shapes.unsqueezed(value.shape, places or ()))


def _transpose(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(node, value, shapes.transposed(value.shape, attributes(node).get("perm")))


HANDLERS: dict[str, Handler] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    **dict.fromkeys(_OPERATORS, _arithmetic),
    "Erf": _erf,
    "Tanh": _tanh,
    "Sum": _sum,
    "Concat": _concat,
    "Relu": _activation("relu"),
    "LeakyRelu": _activation("leaky_relu"),
    "Elu": _activation("elu"),
    "Selu": _activation("selu"),
    "Sigmoid": _activation("sigmoid"),
    "Softplus": _activation("softplus"),
    "Softsign": _activation("softsign"),
    "HardSigmoid": _activation("hard_sigmoid"),
    "Gelu": _gelu,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Identity": _identity,
    "Dropout": _dropout,
    "Cast": _cast,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
}
KNOWN = frozenset({*HANDLERS, *FOLDS, "Constant", "Shape"})
