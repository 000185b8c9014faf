"""Decode an ONNX file without trusting it: bounds first, then the library's parser, then its checker."""

from __future__ import annotations

import math
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto

from pruner_gui import limits
from pruner_gui.files import Stamp
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import (
    NotAModel,
    TooLarge,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedTensor,
    UnsupportedVersion,
)
from pruner_gui.formats.onnx_external import ExternalTensors

MAX_BYTES = (1 << 31) - 1  # protobuf's own limit
MAX_NODES = 100_000
MAX_PARTS = 2_000_000  # fields of all messages: two bytes of file can become 150 of memory
LOWEST_OPSET = 7  # from here on operands broadcast as numpy's do


def decode(path: Path) -> tuple[onnx.ModelProto, dict[str, Stamp]]:
    """Return the model in a file, with its bounds, versions and tensors checked, but not yet its operators.

    Tensors that are kept in other files (`onnx_external`) are brought in; which files, and as they were then,
    is the second thing that is returned.

    Raises:
        OSError, NotAModel, TooLarge, UnsupportedVersion, UnsupportedPart, UnsupportedTensor, UnsupportedOp,
        ExternalData.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TooLarge(path, "protobuf", size, MAX_BYTES)
    content = path.read_bytes()
    if not content:
        raise NotAModel(path, "onnx", "empty")
    try:
        _count_parts(path, content)
        model = onnx.ModelProto.FromString(content)
    except (DecodeError, IndexError, ValueError) as error:
        raise NotAModel(path, "onnx", "damaged", str(error)) from error
    if not model.HasField("graph") or not model.opset_import:
        raise NotAModel(path, "onnx", "invalid", "no graph or no opset")
    hold(path, "nodes", len(model.graph.node), MAX_NODES)
    _check_versions(path, model)
    outside = ExternalTensors(path, MAX_BYTES - size)
    _check_parts(path, model, outside)
    return model, outside.stamps


def check(path: Path, model: onnx.ModelProto) -> None:
    """Hold the model to the rules of ONNX: sorted, every name once, attributes and types as they should be.

    Raises:
        NotAModel
    """
    values = (*model.graph.input, *model.graph.output)
    types = [value.type.tensor_type for value in values if value.type.HasField("tensor_type")]
    shapeless = [kind for kind in types if not kind.HasField("shape")]
    for kind in shapeless:
        kind.shape.SetInParent()  # the checker wants a shape there, onnxruntime does not
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        detail = str(error).strip().partition("\n")[0].rstrip(".")
        raise NotAModel(path, "onnx", "invalid", detail) from error
    finally:
        for kind in shapeless:
            kind.ClearField("shape")


def opset(model: onnx.ModelProto) -> int:
    """Version of the operators of the default domain (0 when it is not imported)."""
    return max((int(entry.version) for entry in model.opset_import if is_default(entry.domain)), default=0)


def is_default(domain: str) -> bool:
    """Whether operators of this domain are ONNX's own."""
    return domain in ("", "ai.onnx")


def node_name(node: onnx.NodeProto) -> str:
    """The node's name, or that of its first output."""
    return node.name or next(iter(node.output), "")


def type_name(number: int) -> str:
    """The name of an element type ("float16", "string"...), or its number when ONNX has no such type."""
    known = number in TensorProto.DataType.values()
    return TensorProto.DataType.Name(TensorProto.DataType.ValueType(number)).lower() if known else str(number)


def _count_parts(path: Path, content: bytes) -> None:
    """Walk over the fields of all messages, so that a file that would fill the memory is never parsed."""
    parts, most = 0, limits.scaled(MAX_PARTS)
    todo = [(onnx.ModelProto.DESCRIPTOR, 0, len(content))]
    while todo:
        message, at, end = todo.pop()
        while at < end:
            parts += 1
            if parts > most:
                raise TooLarge(path, "parts", parts, most)
            # nearly all are of one byte: no call for these
            key, at = (content[at], at + 1) if content[at] < 128 else _varint(content, at)
            kind = key & 7
            if kind == 2:
                size, at = (content[at], at + 1) if content[at] < 128 else _varint(content, at)
                field = message.fields_by_number.get(key >> 3)
                if field is not None and field.message_type is not None:
                    todo.append((field.message_type, at, at + size))
                at += size
            elif kind == 0:
                at = _varint(content, at)[1]
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
            else:
                raise ValueError(f"wire type {kind}")
        if at != end:
            raise ValueError("cut off")


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Decode the number of seven bits a byte at a position; return it and the position behind it."""
    value = shift = 0
    while shift < 70:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("number too long")


def _check_versions(path: Path, model: onnx.ModelProto) -> None:
    highest = onnx.defs.onnx_opset_version()
    if not LOWEST_OPSET <= opset(model) <= highest:
        raise UnsupportedVersion(path, "opset", opset(model), LOWEST_OPSET, highest)
    if not 3 <= model.ir_version <= onnx.IR_VERSION:
        raise UnsupportedVersion(path, "ir_version", int(model.ir_version), 3, int(onnx.IR_VERSION))


def _check_parts(path: Path, model: onnx.ModelProto, outside: ExternalTensors) -> None:
    if model.functions:
        raise UnsupportedPart(path, "functions", tuple(function.name for function in model.functions))
    for sparse in model.graph.sparse_initializer:
        raise UnsupportedTensor(path, sparse.values.name, "sparse")
    for tensor in model.graph.initializer:
        _check_tensor(path, tensor, tensor.name, outside)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs:
                raise UnsupportedOp(path, node_name(node), node.op_type, "subgraph")
            if attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                raise UnsupportedTensor(path, node_name(node), "sparse")
            for tensor in (*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])):
                _check_tensor(path, tensor, node_name(node), outside)


def _check_tensor(path: Path, tensor: TensorProto, name: str, outside: ExternalTensors) -> None:
    """Compare what a tensor's shape declares with the values that are there, before any array is made."""
    if tensor.data_type not in _STORED:
        raise UnsupportedTensor(path, name, type_name(tensor.data_type))
    field, itemsize = _STORED[tensor.data_type]
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        if tensor.data_type == TensorProto.STRING:
            raise UnsupportedTensor(path, name, "string")
        outside.bring_in(tensor, name, itemsize)
    declared = math.prod(tensor.dims) if all(size >= 0 for size in tensor.dims) else -1
    stored = len(tensor.raw_data) / itemsize if tensor.HasField("raw_data") else len(getattr(tensor, field))
    if declared != stored:
        raise UnsupportedTensor(path, name, "size")


# Element types that are read: where their values are when not raw, and their size when raw.
_STORED: dict[int, tuple[str, int]] = {
    TensorProto.FLOAT: ("float_data", 4),
    TensorProto.DOUBLE: ("double_data", 8),
    TensorProto.FLOAT16: ("int32_data", 2),
    TensorProto.INT64: ("int64_data", 8),
    TensorProto.INT32: ("int32_data", 4),
    TensorProto.INT8: ("int32_data", 1),
    TensorProto.UINT8: ("int32_data", 1),
    TensorProto.BOOL: ("int32_data", 1),
    TensorProto.STRING: ("string_data", 1),  # labels, which nothing computes with
}
