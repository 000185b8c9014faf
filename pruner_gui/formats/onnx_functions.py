"""ONNX operators that are a function of one value, or a part of one: activations as exporters write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx

from pruner_gui.formats import onnx_shapes as shapes
from pruner_gui.formats.onnx_constants import Array, attributes
from pruner_gui.formats.onnx_curves import Curves
from pruner_gui.formats.onnx_names import derived
from pruner_gui.formats.onnx_reading import Handler, Reading
from pruner_gui.formats.onnx_shapes import NotRows
from pruner_gui.formats.onnx_values import Form, Value
from pruner_gui.network import ACTIVATIONS, Activation, Add, Arithmetic

_LARGEST = float(np.finfo(np.float32).max)  # of a Clip until opset 10: no bound

# -- one operator, one activation


def setting(given: float, default: float | None = None) -> float:
    """The number that was meant: attributes are float32, 0.1 is stored as 0.10000000149."""
    if default is not None and np.float32(given) == np.float32(default):
        return default
    return float(str(np.float32(given)))


def scalar(values: Array) -> float:
    """The one number of a constant, as it was meant.

    Raises:
        NotRows: it holds several.
    """
    if values.size != 1:
        raise NotRows("broadcast")
    return setting(values.flat[0]) if values.dtype == np.float32 else float(values.flat[0])


def _activation(kind: str, names: dict[str, str] | None = None) -> Handler:
    """`names`: what ONNX calls those settings that have another name here."""
    defaults, names = ACTIVATIONS[kind].defaults, names or {}

    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        given = attributes(node)
        settings = {
            name: setting(given.get(names.get(name, name), value), value) for name, value in defaults.items()
        }
        reading.activate(node, reading.value(node.input[0]), kind, settings)

    return handle


def _gelu(reading: Reading, node: onnx.NodeProto) -> None:
    kind = "gelu_tanh" if attributes(node).get("approximate") == "tanh" else "gelu"
    reading.activate(node, reading.value(node.input[0]), kind)


def _softmax(kind: str) -> Handler:
    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        value = reading.value(node.input[0])
        coerced = reading.opset < 13
        axis = attributes(node).get("axis", 1 if coerced else -1)
        shapes.normalised(value.shape, axis, coerced)
        reading.activate(node, value, kind)

    return handle


def _celu(reading: Reading, node: onnx.NodeProto) -> None:
    """A celu is `alpha elu(x / alpha)`."""
    alpha = setting(attributes(node).get("alpha", 1.0))
    if alpha <= 0:
        raise NotRows("constant")
    reading.activate(node, reading.value(node.input[0]), "elu", scale=setting(1 / alpha))


def _swish(reading: Reading, node: onnx.NodeProto) -> None:
    scale = setting(attributes(node).get("alpha", 1.0))
    reading.activate(node, reading.value(node.input[0]), "swish", scale=scale)


def _prelu(reading: Reading, node: onnx.NodeProto) -> None:
    """One slope for all is a leaky relu; several are `relu(x) - slope relu(-x)`."""
    value, slope = reading.value(node.input[0]), reading.constant(node, 1)
    if slope is None:
        raise NotRows("constant")
    shape, row = shapes.operand(value.shape, slope)
    if (row == row[0]).all():
        return reading.activate(node, value, "leaky_relu", {"alpha": scalar(row[:1])})
    reading.activate(node, value, "relu")
    above = reading.value(node.output[0])
    reading.activate(node, reading.scaled(node, value, "mul", -1), "relu")
    below = reading.value(node.output[0])
    reading.emit(node, derived(below.source, "mul"), Arithmetic("mul", -row), [below], shape)
    below = reading.value(node.output[0])
    return reading.emit(node, node.name or "add", Add(), [above, below], shape)


# -- bounds


def _clip(reading: Reading, node: onnx.NodeProto) -> None:
    given, value = attributes(node), reading.value(node.input[0])
    low, high = -math.inf, math.inf
    for place, name in enumerate(("min", "max"), 1):
        values = reading.constant(node, place)
        bound = scalar(values) if values is not None else setting(given[name]) if name in given else math.inf
        if abs(bound) < _LARGEST:
            low, high = (bound, high) if name == "min" else (low, bound)
    _bound(reading, node, value, low, high)


def _bound(reading: Reading, node: onnx.NodeProto, value: Value, low: float, high: float) -> None:
    """The node's output is `value`, cut off below `low` and above `high`."""
    curves = tuple((base, np.clip(curve, low, high)) for base, curve in value.curves if base != value.source)
    if value.given is None and reading.recognise(node, value.shape, curves):
        return
    if not value.source:
        reading.pend(node, value.shape, curves)
    elif (low, high) == (-math.inf, math.inf):
        reading.alias(node, value, value.shape)
    elif (low, high) == (0, math.inf):
        reading.activate(node, value, "relu")
    else:
        reading.activate(node, value, "clip", {"low": low, "high": high})


def _joined_bounds(reading: Reading, value: Value, low: float, high: float) -> tuple[Value, float, float]:
    """A Max and a Min in a row, or one of them and a Relu, are one clip."""
    relu, clip = reading.before(value, "relu"), reading.before(value, "clip")
    if relu:
        return relu[0], max(low, 0.0), max(high, 0.0)
    if clip:
        before = (clip[1]["low"], clip[1]["high"])
        return clip[0], min(max(before[0], low), high), max(min(before[1], high), low)
    return value, low, high


def _extreme(reading: Reading, node: onnx.NodeProto) -> None:
    """A Max or Min: of one computed value and numbers, or of two functions of the same value."""
    computed = [reading.value(name) for name in node.input if not reading.is_constant(name)]
    places = [i for i, name in enumerate(node.input) if reading.is_constant(name)]
    bounds = [scalar(values) for i in places if (values := reading.constant(node, i)) is not None]
    if len(computed) == 1:
        low = max(bounds, default=-math.inf) if node.op_type == "Max" else -math.inf
        high = min(bounds, default=math.inf) if node.op_type == "Min" else math.inf
        return _bound(reading, node, *_joined_bounds(reading, computed[0], low, high))
    apply = np.maximum if node.op_type == "Max" else np.minimum
    curves = together(computed, lambda *parts: apply.reduce(parts)) if not bounds else ()
    return settle(reading, node, computed[0], curves)


# -- parts of spelt-out functions


def together(values: list[Value], apply: Callable[..., Array]) -> Curves:
    """The curves of a function of several values, over what all of them are functions of."""
    tables = [dict(value.curves) for value in values]
    shared = (base for base in tables[0] if all(base in table for table in tables))
    same_shape = all(value.shape == values[0].shape for value in values)
    return tuple((base, apply(*(table[base] for table in tables))) for base in shared if same_shape)


def settle(
    reading: Reading, node: onnx.NodeProto, value: Value, curves: Curves, form: Form | None = None
) -> None:
    """The node's output is the activation with these curves, or a part of one."""
    if not reading.recognise(node, value.shape, curves):
        reading.pend(node, value.shape, curves, form)


def _function(apply: Callable[[Array], Array]) -> Handler:
    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        value = reading.value(node.input[0])
        settle(reading, node, value, together([value], apply))

    return handle


def _neg(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    if value.source:
        reading.scaled(node, value, "mul", -1)
    else:
        form = value.form and value.form._replace(number=-value.form.number)
        squared = form if form and form.kind == "square" else None
        settle(reading, node, value, together([value], np.negative), squared)


def _tanh(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    if value.source:
        reading.activate(node, value, "tanh")
    else:
        settle(reading, node, value, together([value], np.tanh))


def _log(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    softmax, sigmoid = (reading.before(value, kind) for kind in ("softmax", "sigmoid"))
    if softmax:
        reading.activate(node, softmax[0], "log_softmax")
    elif sigmoid:  # -softplus(-x)
        reading.activate(node, sigmoid[0], "softplus", scale=-1)
    else:
        settle(reading, node, value, together([value], np.log))


def _exp(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    if value.form and value.form.kind == "square" and value.form.number < 0:
        return _gaussian(reading, node, value, value.form)
    if value.source:
        return reading.activate(node, value, "exponential")
    return settle(reading, node, value, together([value], np.exp))


def _gaussian(reading: Reading, node: onnx.NodeProto, value: Value, square: Form) -> None:
    """`exp(-t^2 / 2)`, where t may be `(x - centre) / width`."""
    centre, width, source = 0.0, 1.0, square.source
    for operator in ("div", "sub"):
        made = reading.nodes[source]
        if not isinstance(made.op, Arithmetic) or made.op.operator != operator:
            continue
        operand = made.op.operand
        if (operand == operand[0]).all():
            source = made.inputs[0]
            centre, width = (
                (centre, scalar(operand[:1])) if operator == "div" else (scalar(operand[:1]), width)
            )
    if square.number != -0.5:
        width = setting(width / math.sqrt(-2 * square.number))
    settings = {"centre": centre, "width": abs(width)}
    reading.activate(node, Value(source, value.shape, False, ()), "gaussian", settings)


def takes_peak(reading: Reading, node: onnx.NodeProto, value: Value, peak: float) -> bool:
    """Whether a gaussian, read just before, takes on what it is multiplied by."""
    found = reading.before(value, "gaussian")
    if not found or not value.sole or value.maker is None or value.maker.op_type != "Exp":
        return False
    reading.replace(value.source, Activation("gaussian", {**found[1], "peak": peak}))
    reading.alias(node, replace(value, maker=node), value.shape)
    return True


def _erf(curve: Array) -> Array:
    return np.array([math.erf(x) for x in curve])


FUNCTIONS: dict[str, Handler] = {
    "Relu": _activation("relu"),
    "LeakyRelu": _activation("leaky_relu"),
    "ThresholdedRelu": _activation("thresholded_relu", {"theta": "alpha"}),
    "PRelu": _prelu,
    "Elu": _activation("elu"),
    "Celu": _celu,
    "Selu": _activation("selu"),
    "Sigmoid": _activation("sigmoid"),
    "Softplus": _activation("softplus"),
    "Softsign": _activation("softsign"),
    "HardSigmoid": _activation("hard_sigmoid"),
    "HardSwish": _activation("hard_swish"),
    "Mish": _activation("mish"),
    "Sin": _activation("sin"),
    "Swish": _swish,
    "Gelu": _gelu,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Hardmax": _softmax("competitive"),
    "Clip": _clip,
    "Max": _extreme,
    "Min": _extreme,
    "Tanh": _tanh,
    "Exp": _exp,
    "Log": _log,
    "Neg": _neg,
    "Erf": _function(_erf),
    "Abs": _function(np.abs),
    "Sign": _function(np.sign),
    "Sqrt": _function(np.sqrt),
    "Reciprocal": _function(np.reciprocal),
}
