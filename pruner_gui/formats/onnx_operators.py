"""ONNX operators as nodes of a network.

Every computed tensor is followed as rows of features (`onnx_shapes`). Operators that only reshape rows
vanish, a bias added on its own joins its layer, and what has no equal in `pruner_gui.network` is refused by
name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from pruner_gui.formats import onnx_shapes as shapes
from pruner_gui.formats.onnx_comparisons import COMPARISONS, from_comparison, gated
from pruner_gui.formats.onnx_constants import FOLDS, Array, attributes, axes, number_type
from pruner_gui.formats.onnx_functions import FUNCTIONS, scalar, takes_peak, together
from pruner_gui.formats.onnx_names import derived, stem
from pruner_gui.formats.onnx_reading import Handler, Reading
from pruner_gui.formats.onnx_shapes import NotRows
from pruner_gui.formats.onnx_values import Form, NormStoredAs, Value
from pruner_gui.network import Add, Arithmetic, BatchNorm, Concat

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
    shape, operand = shapes.operand(value.shape, constant.values)
    value = replace(value, shape=shape)
    single = constant.values.size == 1
    number, apply = operand[0], _OPERATORS[node.op_type]
    curves = together([value], lambda x: apply(number, x) if left else apply(x, number)) if single else ()
    if single and node.op_type == "Mul" and takes_peak(reading, node, value, scalar(operand[:1])):
        return
    if reading.recognise(node, shape, curves):
        return
    if node.op_type == "Pow" or (left and node.op_type == "Div") or (curves and not value.source):
        if not curves or not single:
            raise NotRows("division" if node.op_type == "Div" else "constant")
        reading.pend(node, shape, curves, _square(value, node.op_type, float(number), left))
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


def _square(value: Value, operator: str, number: float, left: bool) -> Form | None:
    """A square, or a multiple of one: a part of what may become a gaussian."""
    if operator == "Pow" and number == 2 and value.source and not left:
        return Form("square", value.source)
    if value.form is None or value.form.kind != "square":
        return None
    if operator == "Mul":
        return value.form._replace(number=value.form.number * number)
    if operator == "Div" and not left:
        return value.form._replace(number=value.form.number / number)
    return None


def _with_computed(reading: Reading, node: onnx.NodeProto) -> None:
    one, two = (reading.value(name) for name in node.input)
    if one.shape != two.shape:
        raise NotRows("broadcast")
    curves = together([one, two], _OPERATORS[node.op_type])
    if node.op_type == "Mul" and gated(reading, node, one, two):
        return
    if reading.recognise(node, one.shape, curves):
        return
    if node.op_type == "Add" and ((one.source and two.source) or not curves):
        reading.emit(node, node.name or "add", Add(), [one, two], one.shape, curves)
    else:
        squared = node.op_type == "Mul" and one.source and one.source == two.source
        reading.pend(node, one.shape, curves, Form("square", one.source) if squared else None)


# -- normalisation


def _batch_norm(reading: Reading, node: onnx.NodeProto) -> None:
    """One constant a channel, which lies along axis 1; before opset 9 also one a feature (spatial off)."""
    value, settings = reading.value(node.input[0]), attributes(node)
    if settings.get("training_mode", 0) or any(reading.is_read(name) for name in node.output[1:]):
        raise NotRows("training")
    scale, shift, mean, variance = (
        _norm_constant(reading, node, place, value.shape) for place in range(1, 5)
    )
    stored = NormStoredAs(*(reading.stored_name(name) for name in node.input[1:5]))
    name = stem(stored.scale) or node.name or derived(value.source, "norm")
    op = BatchNorm(scale, shift, mean, variance, settings.get("epsilon", _EPSILON))
    reading.emit(node, name, op, [value], value.shape)
    reading.norms[reading.value(node.output[0]).source] = stored


def _norm_constant(reading: Reading, node: onnx.NodeProto, place: int, shape: shapes.Shape) -> Array:
    """One of a batch normalisation's constants, as one number a feature."""
    values, size = reading.constant(node, place), shapes.features(shape)
    if values is None:
        raise NotRows("constant")
    values = values.ravel()
    if attributes(node).get("spatial", 1):
        channels = shape[shapes.axis_in(shape, 1)] if len(shape) > 1 else shapes.BATCH
        if values.size != channels:
            raise NotRows("axis")
        values = np.repeat(values, size // channels)
    if values.size != size:
        raise NotRows("shape")
    reading.spend(size)
    return values


_EPSILON = float(np.float32(1e-5))


def _scaler(reading: Reading, node: onnx.NodeProto) -> None:
    """scikit-learn's scalers: (x - offset) * scale."""
    settings = attributes(node)
    for what, operator, neutral in (("offset", "sub", 0.0), ("scale", "mul", 1.0)):
        value = reading.value(node.input[0] if what == "offset" else node.output[0])
        numbers = np.array(settings.get(what) or [neutral], np.float32)
        shape, operand = shapes.operand(value.shape, numbers)
        reading.emit(node, derived(value.source, operator), Arithmetic(operator, operand), [value], shape)


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
    value = reading.value(node.input[0])
    if value.form is not None and value.form.kind != "square":
        from_comparison(reading, node, value, 0.0, 1.0)
    else:
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
    "BatchNormalization": _batch_norm,
    "Sum": _sum,
    "Concat": _concat,
    **FUNCTIONS,
    **COMPARISONS,
    "Identity": _identity,
    "Dropout": _dropout,
    "Cast": _cast,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
}
ML_HANDLERS: dict[str, Handler] = {"Scaler": _scaler}  # of the domain ai.onnx.ml
KNOWN = frozenset({*HANDLERS, *FOLDS, "Constant", "Shape"})
