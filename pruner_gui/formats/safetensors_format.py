"""safetensors: a table of weights with a header of text, read with the `safetensors` package.

The file is eight bytes with the header's length, the header (JSON: dtype, shape and place of each tensor, and
metadata), and the numbers. Written by hand, since the package has bfloat16 only beside PyTorch.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import safetensors

from pruner_gui.formats import onnx_format, state_dict
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import NotAModel, UnsupportedTensor
from pruner_gui.formats.running import Ran, reread
from pruner_gui.formats.tensors import DTYPES, Tensor, decode, encode
from pruner_gui.network import FloatArray, Network

MAX_BYTES = (1 << 31) - 1
MAX_HEADER = 1 << 25
_TENSORS = 50_000
_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "I64": "int64"}
_deserialize = cast(Callable[[bytes], list[tuple[str, dict[str, Any]]]], safetensors.deserialize)
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def load(path: Path, activations: Sequence[str] | None = None) -> Network:
    """Read a table of weights; `activations` is one text a layer, see `state_dict.to_network`.

    Raises:
        OSError, NotAModel, TooLarge, NotWeights, UnsupportedOp, UnsupportedTensor, NoOrder, NeedsActivations,
        BadActivations.
    """
    size = path.stat().st_size
    hold(path, "file", size, MAX_BYTES)
    content = path.read_bytes()
    header = _header(path, content)
    try:
        parts = _deserialize(content)
    except safetensors.SafetensorError as error:
        raise NotAModel(path, "safetensors", "damaged", str(error)) from error
    tensors = [_tensor(path, name, part["dtype"], part["shape"], part["data"]) for name, part in parts]
    tensors.sort(key=lambda tensor: (tensor.dtype == "int64", header[tensor.name]["data_offsets"]))
    extra = {"metadata": MappingProxyType(header.get("__metadata__") or {})}
    ordered = _is_ordered(tensors)
    return state_dict.to_network(path, "safetensors", tensors, activations, ordered=ordered, extra=extra)


def dump(network: Network) -> bytes:
    """Return the file's content: names, dtypes and metadata as they came in.

    Raises:
        NotExpressible: no chain of layers.
    """
    metadata = network.origin.extra.get("metadata", {}) if network.origin.format == "safetensors" else {}
    header: dict[str, object] = {"__metadata__": {"format": "pt", **metadata}}
    chunks: list[bytes] = []
    end = 0
    tensors = state_dict.to_tensors(network, "safetensors")
    tensors.sort(key=lambda tensor: -_width(tensor))  # wide ones first: readers want them aligned
    for tensor in tensors:
        chunks.append(encode(tensor.values, tensor.dtype))
        begin, end = end, end + len(chunks[-1])
        header[tensor.name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.values.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(chunks)


def run(path: Path, rows: FloatArray, activations: Sequence[str]) -> Ran:
    """Run the file, read again, in onnxruntime."""
    return reread(path, partial(load, activations=activations), rows)


def tolerance(network: Network) -> float:
    """ONNX's, and room for what half precision rounds off weights that pruning changed."""
    return max(onnx_format.tolerance(network), 32 * state_dict.loses(network, "safetensors"))


def _width(tensor: Tensor) -> int:
    return np.dtype(DTYPES[tensor.dtype]).itemsize


def _header(path: Path, content: bytes) -> dict[str, dict[str, Any]]:
    """The header, once its length and its number of tensors are known to be reasonable."""
    if not content:
        raise NotAModel(path, "safetensors", "empty")
    length = int.from_bytes(content[:8], "little")
    hold(path, "file", length, MAX_HEADER)
    try:
        header = json.loads(content[8 : 8 + length], object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise NotAModel(path, "safetensors", "damaged", str(error)) from error
    if not isinstance(header, dict):
        raise NotAModel(path, "safetensors", "damaged")
    hold(path, "tensors", len(header), _TENSORS)
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the header. Of a name that stands twice, readers take one tensor or the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _tensor(path: Path, name: str, kind: str, shape: list[int], raw: bytes) -> Tensor:
    dtype = _DTYPES.get(kind)
    if dtype is None:
        raise UnsupportedTensor(path, name, kind)
    return Tensor(name, dtype, decode(bytes(raw), dtype).reshape(shape))


def _is_ordered(tensors: Sequence[Tensor]) -> bool:
    """Whether the order of the tensors says something: the package sorts them by dtype, then by name."""
    names = [tensor.name for tensor in tensors if tensor.dtype != "int64"]
    return names != sorted(names) and len({tensor.dtype for tensor in tensors} - {"int64"}) == 1
