"""npz: a chain of dense layers as plain arrays, for those who make networks with numpy alone.

Keys, for layer i = 0, 1, ... from the input on:

- `W{i}` `(n_in, n_out)` and `b{i}` `(n_out,)`: weight and bias;
- `activations`: one text a layer, such as "relu", "linear" or "leaky_relu(0.2)"; a function's parameters
  stand in parentheses, in the order of `pruner_gui.network.ACTIVATIONS`, and may be left out from the right;
- `input_offset`, `input_divisor` (optional): a number or one for each input; rows are normalised in front by
  `(x - input_offset) / input_divisor`;
- `units{i}` `(n_out,)` (optional): which units of the original network these are, when some were removed.

Other keys are ignored.
"""

from __future__ import annotations

import io
import math
import re
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.data.npy import is_text
from pruner_gui.formats import activation_text
from pruner_gui.formats.bounds import hold, hold_unpacked
from pruner_gui.formats.errors import BadEntry, NotAModel, NotExpressible
from pruner_gui.formats.running import Ran
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Arithmetic,
    Dense,
    FloatArray,
    IndexArray,
    Input,
    Network,
    Node,
    Origin,
)

MAX_BYTES = (1 << 31) - 1  # of all entries, unpacked
Array = npt.NDArray[Any]


_NORMALISATION = (("input_offset", "sub"), ("input_divisor", "div"))
_KEY = re.compile(r"(W\d+|b\d+|units\d+|activations|input_offset|input_divisor)\.npy")
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # encrypted, or nested too deep
    MemoryError,  # a header nested too deep
    ValueError,
    SyntaxError,  # a type that numpy takes for a list of types
    TypeError,
    tokenize.TokenError,
)


def load(path: Path) -> Network:
    """Read a chain of dense layers.

    Raises:
        OSError, NotAModel, TooLarge, BadEntry.
    """
    entries = _Entries(path)
    width = entries.numbers("W0", (None, None)).shape[0]
    nodes = [Node("input", Input(width))]
    for key, operator in _NORMALISATION:
        if key in entries:
            op = Arithmetic(operator, entries.broadcast(key, width))
            nodes.append(Node(f"{nodes[-1].name}.{operator}", op, (nodes[-1].name,)))
    for i, activation in enumerate(entries.activations()):
        weight = entries.numbers(f"W{i}", (width, None))
        width = weight.shape[1]
        units = entries.units(f"units{i}", width)
        name = f"dense_{i + 1}"
        dense = Dense(weight, entries.numbers(f"b{i}", (width,)))
        nodes.append(Node(name, dense, (nodes[-1].name,), units))
        if activation.kind != "linear":
            nodes.append(Node(f"{name}.{activation.kind}", activation, (name,), units))
    dtype = np.result_type(*(tensor for node in nodes for tensor in node.op.tensors().values())).name
    return Network(tuple(nodes), (nodes[-1].name,), Origin("npz", dtype=dtype))


def dump(network: Network) -> bytes:
    """Return the file's content.

    Raises:
        NotExpressible: the network is no chain of dense layers, each with one activation, or too large.
    """
    arrays = _arrays(network)
    if sum(values.nbytes for values in arrays.values()) > MAX_BYTES:
        raise NotExpressible("npz", "", "size")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for key, values in arrays.items():
            with archive.open(f"{key}.npy", "w") as entry:
                np.lib.format.write_array(entry, values, allow_pickle=False)
    return content.getvalue()


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the file, read again, with numpy."""
    with np.errstate(all="ignore"):
        return Ran(load(path).forward(rows), f"numpy {np.__version__}")


def tolerance(network: Network) -> float:
    """1e-12: the same code runs on the same numbers."""
    return 1e-12


def _arrays(network: Network) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    activations: list[str] = []
    previous = network.nodes[0]
    for node in network.nodes[1:]:
        if node.inputs != (previous.name,):
            raise NotExpressible("npz", node.name, "chain")
        match node.op:
            case Arithmetic(operator="sub", operand=operand) if isinstance(previous.op, Input):
                arrays["input_offset"] = operand
            case Arithmetic(operator="div", operand=operand) if arrays.keys() <= {"input_offset"}:
                arrays["input_divisor"] = operand
            case Dense(weight=weight, bias=bias):
                i = len(activations)
                arrays |= {f"W{i}": weight, f"b{i}": bias}
                if not np.array_equal(node.units, np.arange(node.units.size)):
                    arrays[f"units{i}"] = node.units
                activations.append("linear")
            case Activation() as activation if isinstance(previous.op, Dense):
                activations[-1] = activation_text.text(activation)
            case _:
                raise NotExpressible("npz", node.name, "chain")
        previous = node
    if not activations or network.outputs != (previous.name,):
        raise NotExpressible("npz", network.outputs[0], "chain")
    return {**arrays, "activations": np.array(activations)}


_WHAT = {"W": "weights, n_in x n_out", "b": "biases, n_out", "activations": "a text for each layer"}


class _Entries:
    """The arrays of a file, checked as they are asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrays = _unpacked(path)

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def numbers(self, key: str, shape: tuple[int | None, ...]) -> FloatArray:
        """The floats of an entry; None in `shape` is any size but 0."""
        values = self._entry(key, "fiu")
        fits = len(values.shape) == len(shape) and all(
            size == wanted if wanted is not None else size > 0
            for size, wanted in zip(values.shape, shape, strict=True)
        )
        if not fits:
            raise BadEntry(self._path, key, "shape", _shape_text(shape), _shape_text(values.shape))
        return values if values.dtype.kind == "f" else values.astype(np.float64)

    def broadcast(self, key: str, width: int) -> FloatArray:
        """One float for each input, or one for all."""
        if self._entry(key, "fiu").size == 1:
            self._arrays[key] = np.broadcast_to(self._arrays[key].ravel(), (width,))
        return self.numbers(key, (width,))

    def units(self, key: str, width: int) -> IndexArray:
        """The units' original indices; counted from 0 when the entry is missing."""
        if key not in self:
            return np.arange(width)
        values = self._entry(key, "iu")
        if values.shape != (width,):
            raise BadEntry(self._path, key, "shape", _shape_text((width,)), _shape_text(values.shape))
        if np.unique(values).size != width or values.min() < 0:
            raise BadEntry(self._path, key, "units", "distinct indices", "others")
        return values.astype(np.intp)

    def activations(self) -> Iterator[Activation]:
        """Each layer's activation."""
        texts = self._entry("activations", "U")
        count = sum(key.startswith("W") for key in self._arrays)
        if texts.shape != (count,):
            raise BadEntry(
                self._path, "activations", "shape", _shape_text((count,)), _shape_text(texts.shape)
            )
        return (self._activation(text) for text in texts.tolist())

    def _activation(self, text: str) -> Activation:
        activation = activation_text.parse(text)
        if activation is None:
            raise BadEntry(self._path, "activations", "activation", ", ".join(ACTIVATIONS), text)
        return activation

    def _entry(self, key: str, kinds: str) -> Array:
        if key not in self._arrays:
            raise BadEntry(self._path, key, "missing", _WHAT.get(key.rstrip("0123456789"), ""))
        values = self._arrays[key]
        if values.dtype.kind not in kinds:
            raise BadEntry(self._path, key, "type", "text" if kinds == "U" else "numbers", str(values.dtype))
        return values


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape) or "one number"


def _unpacked(path: Path) -> dict[str, Array]:
    """The entries of a network in the archive, none of them larger than it says."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if _KEY.fullmatch(info.filename)]
            total = sum(info.file_size for info in members)
            hold(path, "entries", total, MAX_BYTES)
            hold_unpacked(path, total, sum(info.compress_size for info in members))
            return {info.filename.removesuffix(".npy"): _unpack(archive, info) for info in members}
    except _DAMAGED as error:
        reason = "empty" if not path.stat().st_size else "damaged"
        raise NotAModel(path, "npz", reason, str(error)) from error


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    """Read an array whose header promises exactly what is there."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(f"compression {info.compress_type}")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        header = _HEADERS.get(version)
        if header is None:
            raise ValueError(f"npy version {version}")
        shape, fortran, dtype = header(file)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or min(shape, default=0) < 0 or size != info.file_size - file.tell():
            raise ValueError(f"{info.filename}: {shape} {dtype} is not what the entry holds")
        values = np.frombuffer(file.read(size), dtype, count=math.prod(shape))
    values = values.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))
    if not is_text(values):
        raise ValueError(f"{info.filename}: no characters")
    return values


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
