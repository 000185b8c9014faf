"""The containers of PyTorch files: what was pickled, and the numbers of its tensors.

Since PyTorch 1.6 a zip archive, nothing compressed: `NAME/data.pkl`, `NAME/byteorder`, and `NAME/data/KEY`
for each storage. Before, one stream: a magic number, a version, facts on the machine, the pickle, the
storages' keys, and each storage as its length and its numbers. Sizes are checked against the file before an
array is made.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pruner_gui.formats import data_pickle
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.data_pickle import Calls, Global, NotPlain, TooLong
from pruner_gui.formats.errors import NotAModel, NotWeights, TooLarge, UnsupportedTensor
from pruner_gui.formats.tensors import DTYPES, Array, Tensor, decode, encode

MAX_BYTES = (1 << 31) - 1
MAX_PICKLE = 1 << 25  # bytes of the pickle itself, without numbers
_OLD_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # as a pickle, behind the protocol
_DIRECTORY = 1 << 23  # bytes of an archive's list of entries
_DIMENSIONS = 8
_ALIGNMENT = 64


@dataclass(frozen=True)
class Storage:
    """A row of numbers that tensors are views of; `kind` is the name of its class."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class View:
    """A tensor: where in a storage its numbers are. All are plain integers, checked when it is read."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """What it takes in memory, once read."""
        return math.prod(self.shape) * 8


@dataclass(frozen=True, eq=False)
class Kept:
    """An open file: what was pickled, the file's size, and a way to a storage's bytes."""

    path: Path
    value: object
    size: int
    order: str
    read: Callable[[Storage, int], bytes]

    def numbers(self, name: str, view: View) -> tuple[str, Array]:
        """Return dtype and numbers of a tensor.

        Raises:
            UnsupportedTensor: a dtype that is not read, or places outside of the storage.
            NotAModel: the storage is not there, or shorter than it says.
        """
        dtype = _KINDS.get(view.storage.kind)
        if dtype is None:
            raise UnsupportedTensor(self.path, name, view.storage.kind[:100])
        last = view.offset + sum((n - 1) * step for n, step in zip(view.shape, view.strides, strict=True))
        if math.prod(view.shape) == 0:
            return dtype, np.zeros(view.shape, np.float32)
        if last >= view.storage.count or math.prod(view.shape) > view.storage.count:
            raise UnsupportedTensor(self.path, name, "size")
        raw = self.read(view.storage, view.storage.count * np.dtype(DTYPES[dtype]).itemsize)
        numbers = decode(raw, dtype, self.order)[view.offset :]
        steps = tuple(step * numbers.itemsize for step in view.strides)
        return dtype, np.lib.stride_tricks.as_strided(numbers, view.shape, steps).copy()


_KINDS = {
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "LongStorage": "int64",
}


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Kept]:
    """Open a file of either kind.

    Raises:
        OSError, NotAModel, TooLarge, NotWeights.
    """
    size = path.stat().st_size
    hold(path, "file", size, MAX_BYTES)
    try:
        with path.open("rb") as file:
            head = file.read(32)
        if head[:1] == b"\x80" and _OLD_MAGIC in head:
            yield _old(path, size)
        elif head[:4] == b"PK\x03\x04":
            hold(path, "entries", _directory_size(path), _DIRECTORY)
            with zipfile.ZipFile(path) as archive:
                yield _zipped(path, size, archive)
        else:
            _refuse(path, head)
    except TooLong as error:
        raise TooLarge(path, "parts", error.limit + 1, error.limit) from error
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, struct.error) as error:
        raise NotAModel(path, "torch", "damaged", str(error)) from error


def _refuse(path: Path, head: bytes) -> None:
    if not head:
        raise NotAModel(path, "torch", "empty")
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":  # a pickle, but none of PyTorch's
        raise NotWeights(path, "module", "pickle")
    if head[257:262] == b"ustar" or path.read_bytes()[257:262] == b"ustar":
        raise NotWeights(path, "old")
    raise NotAModel(path, "torch", "damaged")


# -- what a pickle refers to


def _ordered_dict(arguments: tuple[object, ...]) -> object:
    return {} if not arguments else data_pickle.Opaque(_ORDERED_DICT)


def _tensor(arguments: tuple[object, ...]) -> object:
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage):
        return data_pickle.Opaque(_TENSOR)
    (start,) = _sizes((offset,))
    shape, strides = _sizes(shape), _sizes(strides)
    if len(shape) != len(strides):
        raise NotPlain("shape and strides differ")
    return View(storage, start, shape, strides)


def _parameter(arguments: tuple[object, ...]) -> object:
    return arguments[0]


def _typed(arguments: tuple[object, ...]) -> object:
    """A tensor with attributes of its own: what makes it, its class, and the arguments of the former."""
    function, _, inner = arguments[:3]
    if function == _TENSOR and isinstance(inner, tuple):
        return _tensor(inner)
    return data_pickle.Opaque(function if isinstance(function, Global) else _TENSOR)


def _sizes(values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple) or len(values) > _DIMENSIONS:
        raise NotPlain("no sizes")
    if not all(isinstance(value, int) and 0 <= value < 1 << 62 for value in values):
        raise NotPlain("no sizes")
    return values


def _storage(reference: object) -> object:
    """The storage that a persistent id names; what has numbers elsewhere (a view of a storage) is opaque."""
    match reference:
        case ("storage", Global(name=kind), str(key), _, int(count), *view) if view in ([], [None]):
            return Storage(key, kind, count)
    return data_pickle.Opaque(Global("torch", "storage"))


_ORDERED_DICT = Global("collections", "OrderedDict")
_TENSOR = Global("torch._utils", "_rebuild_tensor_v2")
_CALLS: Calls = {
    _ORDERED_DICT: _ordered_dict,
    _TENSOR: _tensor,
    Global("torch._tensor", "_rebuild_from_type_v2"): _typed,
    Global("torch._utils", "_rebuild_parameter"): _parameter,
    Global("torch._utils", "_rebuild_parameter_with_state"): _parameter,
}


# -- since 1.6


def _zipped(path: Path, size: int, archive: zipfile.ZipFile) -> Kept:
    entries = {info.filename: info for info in archive.infolist()}
    if sum(info.file_size for info in entries.values()) > size:
        raise NotAModel(path, "torch", "damaged", "entries overlap, or are compressed")
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise NotAModel(path, "torch", "damaged", "no data.pkl")
    root = pickles[0].removesuffix("data.pkl")
    if root + "constants.pkl" in entries:
        raise NotWeights(path, "torchscript")

    def read(name: str, limit: int) -> bytes:
        info = entries.get(root + name)
        if info is None or info.compress_type != zipfile.ZIP_STORED or info.file_size > limit:
            raise NotAModel(path, "torch", "damaged", f"{name[:100]} is missing, compressed or too long")
        return archive.read(info)

    def storage(wanted: Storage, length: int) -> bytes:
        raw = read(f"data/{wanted.key}", length)
        if len(raw) != length:
            raise NotAModel(path, "torch", "damaged", f"data/{wanted.key[:100]} is too short")
        return raw

    hold(path, "entries", entries[pickles[0]].file_size, MAX_PICKLE)
    value = data_pickle.read(io.BytesIO(read("data.pkl", size)), _CALLS, _storage)
    big = root + "byteorder" in entries and read("byteorder", 16) == b"big"
    return Kept(path, value, size, ">" if big else "<", storage)


def _directory_size(path: Path) -> int:
    """The bytes of an archive's list of entries, which is read as a whole before anything can be asked."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 16) - 100))
        tail = file.read()
    end = len(tail) - 22
    if tail[end : end + 4] != b"PK\x05\x06":
        end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        return 0  # no archive: the library will say so
    if end >= 76 and tail[end - 20 : end - 16] == b"PK\x06\x07":
        return int.from_bytes(tail[end - 36 : end - 28], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")


# -- before


_WIDTHS = {kind: np.dtype(DTYPES[dtype]).itemsize for kind, dtype in _KINDS.items()} | {
    "ByteStorage": 1,
    "CharStorage": 1,
    "BoolStorage": 1,
    "ShortStorage": 2,
    "IntStorage": 4,
}


def _old(path: Path, size: int) -> Kept:
    stream = io.BytesIO(path.read_bytes())
    kinds: dict[str, Storage] = {}

    def storage(reference: object) -> object:
        found = _storage(reference)
        if isinstance(found, Storage):
            kinds[found.key] = found
        return found

    _, _, facts, value, keys = (data_pickle.read(stream, _CALLS, storage) for _ in range(5))
    if not isinstance(facts, dict) or not isinstance(keys, list):
        raise NotPlain("no list of storages")
    raw: dict[str, bytes] = {}
    for key in keys:
        if not isinstance(key, str) or key not in kinds or kinds[key].kind not in _WIDTHS:
            raise NotPlain("a storage of an unknown kind")
        count = int.from_bytes(stream.read(8), "little")
        if count != kinds[key].count:
            raise NotPlain("a storage of another length")
        raw[key] = stream.read(count * _WIDTHS[kinds[key].kind])

    def read(wanted: Storage, length: int) -> bytes:
        if len(raw.get(wanted.key, b"")) != length:
            raise NotAModel(path, "torch", "damaged", "a storage is cut off")
        return raw[wanted.key]

    return Kept(path, value, size, "<" if facts.get("little_endian", True) else ">", read)


# -- writing


def content(tensors: Sequence[Tensor]) -> bytes:
    """Return a file that holds tensors as one ordered dictionary, laid out as `torch.save` does it.

    The pickle is of protocol 2; every storage begins at a multiple of 64 bytes.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        _add(archive, stream, "data.pkl", _pickle(tensors))
        _add(archive, stream, "byteorder", b"little")
        for i, tensor in enumerate(tensors):
            _add(archive, stream, f"data/{i}", encode(tensor.values, tensor.dtype))
        _add(archive, stream, "version", b"3\n")
    return stream.getvalue()


def _add(archive: zipfile.ZipFile, stream: io.BytesIO, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(f"archive/{name}")
    begin = stream.tell() + 30 + len(info.filename) + 4  # behind the entry's header and that of the padding
    padding = -begin % _ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    archive.writestr(info, data)


_STORAGES = {dtype: kind for kind, dtype in _KINDS.items()}


def _pickle(tensors: Sequence[Tensor]) -> bytes:
    items = b"".join(_text(tensor.name) + _pickled(str(i), tensor) for i, tensor in enumerate(tensors))
    return b"\x80\x02" + _EMPTY + b"(" + items + b"u."


def _pickled(key: str, tensor: Tensor) -> bytes:
    shape = tensor.values.shape
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    kind = _global("torch", _STORAGES[tensor.dtype])
    storage = _tuple([_text("storage"), kind, _text(key), _text("cpu"), _int(tensor.values.size)]) + b"Q"
    sizes = [_tuple([_int(value) for value in values]) for values in (shape, strides)]
    needs_no_gradient = b"\x89"
    view = _tuple([storage, _int(0), *sizes, needs_no_gradient, _EMPTY])
    return _global(*_TENSOR) + view + b"R"


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _int(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)


def _global(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _tuple(items: Sequence[bytes]) -> bytes:
    return b"(" + b"".join(items) + b"t"


_EMPTY = _global(*_ORDERED_DICT) + b")R"
