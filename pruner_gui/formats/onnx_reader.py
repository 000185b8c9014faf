"""From a decoded ONNX model to a network: which axis the rows are, and what to keep for the way back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx

from pruner_gui.formats import onnx_guard as guard
from pruner_gui.formats import onnx_shapes as shapes
from pruner_gui.formats.errors import (
    NotAModel,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedTensor,
    UnsupportedUse,
)
from pruner_gui.formats.onnx_constants import Constant, attributes, stored
from pruner_gui.formats.onnx_operators import HANDLERS, KNOWN, ML_HANDLERS
from pruner_gui.formats.onnx_reading import Reading
from pruner_gui.formats.onnx_scores import ML_DOMAIN, Scores, scores
from pruner_gui.formats.onnx_shapes import BATCH, Shape
from pruner_gui.network import Input, Network, Origin

Declared = tuple[int | str | None, ...]


def to_network(path: Path, model: onnx.ModelProto) -> Network:
    """Return the network of a decoded model.

    Raises:
        NotAModel, TooLarge, UnsupportedPart, UnsupportedTensor, UnsupportedOp, UnsupportedUse.
    """
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    source = _only(path, "inputs", [value for value in graph.input if value.name not in tensors])
    found = scores(graph)
    result = _result(path, graph, found)
    _float_type(path, source)
    live = _live(graph.node, result.name)
    _check_known(path, live)
    guard.check(path, model)
    wanted = {name for node in live for name in node.input}
    for name in wanted & tensors.keys():
        if tensors[name].data_type == onnx.TensorProto.STRING:
            raise UnsupportedTensor(path, name, "string")
    constants = {name: Constant(stored(tensors[name]), name) for name in tensors if name in wanted}
    refusals = []
    with np.errstate(all="ignore"):
        for shape in _readings(_declared(source), _first_width(live, constants)):
            try:
                return _read(path, model, live, constants, source, result, shape, found)
            except UnsupportedUse as refusal:
                refusals.append(refusal)
    raise (*refusals, UnsupportedUse(path, source.name, "Input", "unknown_size"))[0]


def _read(
    path: Path,
    model: onnx.ModelProto,
    live: Sequence[onnx.NodeProto],
    constants: dict[str, Constant],
    source: onnx.ValueInfoProto,
    result: onnx.ValueInfoProto,
    shape: Shape,
    found: Scores,
) -> Network:
    """Read the graph with the input in this shape."""
    declared = _declared(source)
    batch = declared[0] if declared else None
    reading = Reading(
        path, guard.opset(model), constants, source.name, shape, batch if isinstance(batch, int) else None
    )
    value = reading.follow(live, result.name, HANDLERS | ML_HANDLERS)
    nodes = reading.needed(value) if value else ()
    if value is None or not isinstance(nodes[0].op, Input):
        raise NotAModel(path, "onnx", "constant")
    if BATCH not in shape and shapes.batch_axis(value.shape, shapes.features(value.shape)) is None:
        declared, batch = shape, 1  # the output has no axis for a second row, whatever the input's is called
    types = [tensor.dtype for node in nodes for tensor in node.op.tensors().values()]
    given = _float_type(path, source)
    dtype = np.result_type(*types).name if types else given
    origin = Origin(
        "onnx",
        source.name,
        result.name,
        _as_declared(shape, declared, batch),
        _as_declared(value.shape, _declared(result), batch),
        dtype,
        MappingProxyType(
            {
                "opset": guard.opset(model),
                "stored": MappingProxyType(reading.stored),
                "input_dtype": given,
                "norms": MappingProxyType(reading.norms),
                "output_dtype": _FLOATS.get(result.type.tensor_type.elem_type, dtype),
                "dropped": found.dropped,
                "labels": found.labels,
            }
        ),
    )
    return Network(nodes, (nodes[-1].name,), origin)


# -- the file as a whole


_FLOATS: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.DOUBLE: "float64",
    onnx.TensorProto.FLOAT16: "float32",
}


def _float_type(path: Path, value: onnx.ValueInfoProto) -> str:
    """The input's type; half precision is read and written in single."""
    kind = value.type.tensor_type.elem_type
    if kind not in _FLOATS:
        raise UnsupportedTensor(path, value.name, guard.type_name(kind))
    return _FLOATS[kind]


def _only(path: Path, part: str, values: Sequence[onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
    if len(values) != 1 or not values[0].type.HasField("tensor_type"):
        raise UnsupportedPart(path, part, tuple(value.name for value in values))
    return values[0]


def _result(path: Path, graph: onnx.GraphProto, found: Scores) -> onnx.ValueInfoProto:
    """The output, or the tensor of scores that the labels in the outputs are made of."""
    if len(found.tensors) != 1:
        raise UnsupportedPart(path, "outputs", tuple(value.name for value in graph.output))
    (name,) = found.tensors
    declared = [value for value in (*graph.output, *graph.value_info) if value.name == name]
    return _only(path, "outputs", declared[:1] or [onnx.helper.make_tensor_value_info(name, 0, None)])


def _live(nodes: Sequence[onnx.NodeProto], result: str) -> list[onnx.NodeProto]:
    """The nodes that the output depends on, in order."""
    wanted, live = {result}, []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            wanted.update(node.input)
            live.append(node)
    return live[::-1]


_HINTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool"), "convolution"),
    **dict.fromkeys(("LayerNormalization", "InstanceNormalization", "GroupNormalization"), "normalization"),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), "recurrent"),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "QLinearMatMul", "MatMulInteger"), "quantized"),
    **dict.fromkeys(("TopK",), "label"),
}
_ML_HINTS = {"Normalizer": "normalization", "ZipMap": "label", "ArrayFeatureExtractor": "label"}


def _check_known(path: Path, live: Iterable[onnx.NodeProto]) -> None:
    """Refuse operators that are not read: by one that says what kind of network this is, if there is one."""
    unknown = [
        UnsupportedOp(path, guard.node_name(node), *refused) for node in live if (refused := _refused(node))
    ]
    if unknown:
        raise next((refusal for refusal in unknown if refusal.hint), unknown[0])


def _refused(node: onnx.NodeProto) -> tuple[str, str] | None:
    """The name of a node's operator and a hint at what it is, None when it is read."""
    if guard.is_default(node.domain):
        return None if node.op_type in KNOWN else (node.op_type, _HINTS.get(node.op_type, ""))
    if node.domain != ML_DOMAIN:
        return f"{node.domain}.{node.op_type}", "domain"
    if node.op_type in ML_HANDLERS:
        return None
    return f"{node.domain}.{node.op_type}", _ML_HINTS.get(node.op_type, "domain")


# -- which axis is the batch


def _declared(value: onnx.ValueInfoProto) -> Declared | None:
    """The shape that the file gives a tensor; None where it says nothing."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    return tuple(
        int(dim.dim_value) if dim.dim_value > 0 else dim.dim_param or None
        for dim in value.type.tensor_type.shape.dim
    )


def _readings(declared: Declared | None, width: int | None) -> Iterator[Shape]:
    """The ways to see rows in the input, likeliest first.

    Axis 0 is the batch, unless it is fixed to 1: then the tensor is one row, batch or not. A fixed axis may
    also be features (a vector, a column); a symbolic one may stand for a single row only. A number of
    features that is not given is worked out from `width`, what the first layer reads.
    """
    lead, *rest = (None, None) if declared is None else declared or (1,)
    known = math.prod(size for size in rest if isinstance(size, int))
    unknown = sum(not isinstance(size, int) for size in rest)
    if unknown > 1 or (unknown and not width):
        return
    features = tuple(size if isinstance(size, int) else (width or 0) // known for size in rest)
    if lead == 1:
        yield (1, *features)
    elif isinstance(lead, int):
        seen = [(BATCH, *features), (lead, *features)]
        yield from seen if rest else seen[::-1]
    else:
        yield from ((BATCH, *features), (1, *features))
        if width and not rest:
            yield (width,)


def _first_width(live: Iterable[onnx.NodeProto], constants: dict[str, Constant]) -> int | None:
    """How many features the first layer reads, when its weight is an initializer."""
    for node in live:
        for place, name in enumerate(node.input[:2] if node.op_type in ("MatMul", "Gemm") else ()):
            if name in constants and constants[name].values.ndim == 2:
                turned = bool(attributes(node).get("transB" if place else "transA", 0))
                return int(constants[name].values.shape[1 - (place ^ turned)])
    return None


def _as_declared(shape: Shape, declared: Declared | None, batch: int | str | None) -> Declared:
    """A tensor's shape as the file has it, with the sizes that were worked out."""
    if declared is None or len(declared) != len(shape):
        return tuple(batch if size == BATCH else size for size in shape)
    return tuple(
        given if size == BATCH or (i == 0 and size == 1 and not isinstance(given, int)) else size
        for i, (size, given) in enumerate(zip(shape, declared, strict=True))
    )
