"""Constants of an ONNX graph, and the few operators that make one constant from others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from pruner_gui.formats.onnx_shapes import BATCH, NotRows

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Constant:
    """A stored tensor. `name` is the initializer's; `turned` when a Transpose came in between."""

    values: Array
    name: str
    turned: bool = False


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes by name, strings decoded."""
    found = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in found.items()}


def stored(tensor: onnx.TensorProto) -> Array:
    """The values of a tensor; float16 is widened to float32."""
    return _widened(np.asarray(onnx.numpy_helper.to_array(tensor)))


def constant(node: onnx.NodeProto) -> Array:
    """The values of a Constant node.

    Raises:
        NotRows: it holds text.
    """
    if len(node.attribute) != 1:
        raise NotRows("constant")
    entry = node.attribute[0]
    if entry.name == "value" and entry.t.data_type != onnx.TensorProto.STRING:
        return stored(entry.t)
    if entry.name not in _PLAIN:
        raise NotRows("type")
    return np.array(onnx.helper.get_attribute_value(entry), _PLAIN[entry.name])


def fold(node: onnx.NodeProto, inputs: Sequence[Constant]) -> Constant:
    """Compute a node of constants. Nothing here makes more values than it was given.

    Raises:
        NotRows: the operator is not computed, or its inputs do not fit.
    """
    if node.op_type not in FOLDS:
        raise NotRows("constant")
    try:
        values = FOLDS[node.op_type](attributes(node), *(one.values for one in inputs))
    except (ValueError, IndexError, TypeError) as error:
        raise NotRows("shape") from error
    if values.size > sum(one.values.size for one in inputs):
        raise NotRows("broadcast")
    return replace(inputs[0], values=values, turned=inputs[0].turned ^ (node.op_type == "Transpose"))


def axes(settings: dict[str, Any], given: Array | None) -> list[int] | None:
    """The axes of a Squeeze or Unsqueeze: an attribute until opset 12, an input since."""
    if given is not None:
        return [int(axis) for axis in given.ravel()]
    return settings.get("axes")


def number_type(code: int) -> np.dtype[Any] | None:
    """The number type that a Cast asks for (never narrower than float32), None when it is not read."""
    return _CASTS.get(code)


_PLAIN = {
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}
_CASTS: dict[int, np.dtype[Any]] = {
    onnx.TensorProto.FLOAT: np.dtype(np.float32),
    onnx.TensorProto.FLOAT16: np.dtype(np.float32),
    onnx.TensorProto.DOUBLE: np.dtype(np.float64),
    onnx.TensorProto.INT32: np.dtype(np.int32),
    onnx.TensorProto.INT64: np.dtype(np.int64),
}


def _widened(values: Array) -> Array:
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _cast(settings: dict[str, Any], x: Array) -> Array:
    kind = number_type(settings["to"])
    if kind is None:
        raise NotRows("type")
    return x.astype(kind)


def _reshape(settings: dict[str, Any], x: Array, target: Array) -> Array:
    copied = not settings.get("allowzero", 0)
    return x.reshape([x.shape[i] if size == 0 and copied else int(size) for i, size in enumerate(target)])


def _flatten(settings: dict[str, Any], x: Array) -> Array:
    axis = settings.get("axis", 1)
    return x.reshape(int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:])))


def _squeeze(settings: dict[str, Any], x: Array, given: Array | None = None) -> Array:
    gone = axes(settings, given)
    return np.squeeze(x, None if gone is None else tuple(gone))


def _unsqueeze(settings: dict[str, Any], x: Array, given: Array | None = None) -> Array:
    return np.expand_dims(x, tuple(axes(settings, given) or ()))


def _gather(settings: dict[str, Any], x: Array, index: Array) -> Array:
    _need_shape(x)
    return np.asarray(x[index])


def _concat(settings: dict[str, Any], *parts: Array) -> Array:
    _need_shape(*parts)
    return np.concatenate(parts)


def _slice(settings: dict[str, Any], x: Array, *given: Array) -> Array:
    _need_shape(x)
    start, end = given[:2] if given else (settings["starts"], settings["ends"])
    step = given[3] if len(given) > 3 else [1]
    return x[int(start[0]) : int(end[0]) : int(step[0])]


def _filled(settings: dict[str, Any], shape: Array) -> Array:
    """ConstantOfShape, of a computed tensor's shape: the same number for every row, so one is enough."""
    _need_shape(shape)
    if BATCH not in shape:
        raise NotRows("constant")
    value = stored(settings["value"]) if "value" in settings else np.zeros(1, np.float32)
    return value.reshape((1,) * shape.size)


def _need_shape(*parts: Array) -> None:
    """These operators are computed on shapes, as exporters of dynamic batches write them."""
    if any(part.ndim > 1 or part.dtype.kind != "i" for part in parts):
        raise NotRows("constant")


def _arithmetic(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    def apply(settings: dict[str, Any], a: Array, b: Array) -> Array:
        if a.dtype.kind != "f" or max(a.size, b.size) < np.broadcast(a, b).size:
            raise NotRows("constant")
        return function(a, b)

    return apply


def _function(apply: Callable[[Array], Array]) -> Callable[..., Array]:
    def of_floats(settings: dict[str, Any], x: Array) -> Array:
        if x.dtype.kind != "f":
            raise NotRows("type")
        return apply(x)

    return of_floats


FOLDS: dict[str, Callable[..., Array]] = {
    "Identity": lambda settings, x: x,
    "Cast": _cast,
    "Transpose": lambda settings, x: np.transpose(x, settings.get("perm")),
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Gather": _gather,
    "Concat": _concat,
    "Slice": _slice,
    "ConstantOfShape": _filled,
    "Neg": _function(np.negative),
    "Sqrt": _function(np.sqrt),
    "Reciprocal": _function(np.reciprocal),
    "Add": _arithmetic(np.add),
    "Sub": _arithmetic(np.subtract),
    "Mul": _arithmetic(np.multiply),
    "Div": _arithmetic(np.divide),
}
