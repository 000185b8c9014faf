"""ONNX operators that compare: what a step, a threshold and the winner of a row are spelt out with."""

from __future__ import annotations

import math

import numpy as np
import onnx

from pruner_gui.formats import onnx_shapes as shapes
from pruner_gui.formats.onnx_constants import Array, attributes
from pruner_gui.formats.onnx_functions import scalar, setting, together
from pruner_gui.formats.onnx_reading import Handler, Reading
from pruner_gui.formats.onnx_shapes import NotRows
from pruner_gui.formats.onnx_values import Form, Value

_APPLY = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


def _compare(relation: str) -> Handler:
    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        value, constant, left = reading.split(node)
        kind = _TURNED[relation] if left else relation
        if not value.source or constant.values.size != 1:
            raise NotRows("broadcast")
        limit = scalar(constant.values)
        # The grid shows where a function changes at 0, and nowhere else.
        curves = together([value], lambda x: _APPLY[kind](x, limit)) if limit == 0 else ()
        reading.pend(node, value.shape, curves, Form(kind, value.source, limit))

    return handle


def _not(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    if value.form is None or value.form.kind not in _OPPOSITE:
        raise NotRows("type")
    form = value.form._replace(kind=_OPPOSITE[value.form.kind])
    reading.pend(node, value.shape, together([value], np.logical_not), form)


def _next(reading: Reading, number: float, towards: float) -> float:
    """The next number in the precision that is computed in."""
    if not reading.single:
        return math.nextafter(number, towards)
    return setting(np.nextafter(np.float32(number), np.float32(towards)))


def _from(reading: Reading, form: Form) -> float:
    """The number from which on a comparison is another than below."""
    return form.number if form.kind in (">=", "<") else _next(reading, form.number, math.inf)


def from_comparison(reading: Reading, node: onnx.NodeProto, value: Value, low: float, high: float) -> None:
    """The node's output is `high` where the comparison `value` holds, else `low`."""
    form = value.form
    if form is None or form.kind not in _OPPOSITE:
        raise NotRows("type")
    if form.kind in ("<", "<="):
        low, high = high, low
    settings = {"centre": _from(reading, form), "low": low, "high": high}
    reading.activate(node, Value(form.source, value.shape, False, ()), "step", settings)


def _where(reading: Reading, node: onnx.NodeProto) -> None:
    condition = reading.value(node.input[0])
    form = condition.form
    if form is None:
        raise NotRows("type")
    then, other = (_branch(reading, node, place) for place in (1, 2))
    if isinstance(then, float) and isinstance(other, float):
        return from_comparison(reading, node, condition, other, then)
    branches = (then, other)
    computed = [one for one in branches if isinstance(one, Value)]

    def chosen(condition: Array, *parts: Array) -> Array:
        rest = iter(parts)
        return np.where(condition, *(next(rest) if isinstance(one, Value) else one for one in branches))

    curves = together([condition, *computed], chosen)
    if reading.recognise(node, condition.shape, curves):
        return None
    kept, gone = branches if form.kind in (">", ">=") else branches[::-1]
    compared = (form.source, condition.shape)
    if isinstance(kept, Value) and gone == 0 and (kept.source, kept.shape) == compared:
        return _threshold(reading, node, kept, _from(reading, form))
    return reading.pend(node, condition.shape, curves)


def _branch(reading: Reading, node: onnx.NodeProto, place: int) -> float | Value:
    """One of the two that a Where chooses from: a number or a computed value."""
    if not reading.is_constant(node.input[place]):
        return reading.value(node.input[place])
    values = reading.constant(node, place)
    return math.nan if values is None else scalar(values)


def _threshold(reading: Reading, node: onnx.NodeProto, value: Value, start: float) -> None:
    """The node's output is `value` from `start` on, and 0 below."""
    reading.activate(node, value, "thresholded_relu", {"theta": _next(reading, start, -math.inf)})


def gated(reading: Reading, node: onnx.NodeProto, one: Value, two: Value) -> bool:
    """Whether a product is that of a value and a step from 0 to 1 of the same value."""
    for value, gate in ((one, two), (two, one)):
        found = reading.before(gate, "step")
        if found and found[0].source == value.source and (found[1]["low"], found[1]["high"]) == (0, 1):
            _threshold(reading, node, value, found[1]["centre"])
            return True
    return False


# -- the winner of a row


def _arg_max(reading: Reading, node: onnx.NodeProto) -> None:
    value, given = reading.value(node.input[0]), attributes(node)
    axis = given.get("axis", 0)
    if given.get("select_last_index", 0) or not value.source:
        raise NotRows("axis")
    shapes.normalised(value.shape, axis, False)
    axis, kept = shapes.axis_in(value.shape, axis), (1,) * given.get("keepdims", 1)
    shape = (*value.shape[:axis], *kept, *value.shape[axis + 1 :])
    reading.pend(node, shape, (), Form("winner", value.source, shapes.features(value.shape)))


def _one_hot(reading: Reading, node: onnx.NodeProto) -> None:
    value, depth, levels = reading.value(node.input[0]), reading.constant(node, 1), reading.constant(node, 2)
    form = value.form
    if form is None or form.kind != "winner" or depth is None or levels is None:
        raise NotRows("type")
    if scalar(depth) != form.number or levels.tolist() != [0, 1]:
        raise NotRows("shape")
    axis = shapes.axis_in(value.shape, attributes(node).get("axis", -1), 1)
    shape = shapes.rows((*value.shape[:axis], int(form.number), *value.shape[axis:]))
    reading.activate(node, Value(form.source, shape, False, ()), "competitive")


COMPARISONS: dict[str, Handler] = {
    "Greater": _compare(">"),
    "GreaterOrEqual": _compare(">="),
    "Less": _compare("<"),
    "LessOrEqual": _compare("<="),
    "Not": _not,
    "Where": _where,
    "ArgMax": _arg_max,
    "OneHot": _one_hot,
}
