"""Keras' two containers, opened without trusting them: a zip archive, and HDF5.

Only named places are looked at, one hard link after another: nothing walks through a file, so that cycles and
the number of its objects do not matter. Sizes are compared with the configuration and with the file before
anything is read.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import mmap
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np

from pruner_gui.formats import hdf5_guard
from pruner_gui.formats.bounds import hold, hold_unpacked
from pruner_gui.formats.errors import NotAModel, UnsupportedTensor
from pruner_gui.network import FloatArray

MAX_BYTES = (1 << 31) - 1  # of a file, of an entry, of all tensors
MAX_CONFIG = 64 << 20
MAX_ENTRIES = 10_000
MAX_NAMES = 100_000  # in one attribute
SIGNATURE = b"\x89HDF\r\n\x1a\n"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # HDF5's own errors; an encrypted or too deeply nested file
    OSError,  # HDF5's errors again
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    ArithmeticError,  # a number too large for its place
    struct.error,
)


@dataclass(frozen=True)
class Contents:
    """What a file says: its kind ("keras" or "keras-h5"), configuration (as decoded json) and version."""

    container: str
    config: Mapping[str, Any]
    version: str
    weights: Weights


class Weights:
    """The tensors of an open HDF5 file."""

    def __init__(self, path: Path, root: h5py.Group, size: int) -> None:
        self._path, self._root, self._size = path, root, size
        self._read = 0

    def has(self, *names: str) -> bool:
        """Whether there is such a group, reached by hard links."""
        return self._find(names) is not None

    def names(self, attribute: str, *group: str) -> list[str]:
        """The texts in an attribute of a group; what is too long for one attribute stands in several."""
        found = self._find(group)
        if found is None:
            raise NotAModel(self._path, "keras", "invalid", f"no group {'/'.join(group)}")
        parts = [attribute] if attribute in found.attrs else []
        while not parts or parts[-1] != attribute:
            following = f"{attribute}{len(parts)}"
            if following not in found.attrs:
                break
            parts.append(following)
        return [text for part in parts for text in texts(self._path, found, part)]

    def tensor(self, names: Sequence[str], shape: tuple[int, ...]) -> FloatArray:
        """The floats of a dataset, whose shape is known beforehand.

        Raises:
            NotAModel, TooLarge, UnsupportedTensor.
        """
        dataset, name = self._find(names), "/".join(names)
        if not isinstance(dataset, h5py.Dataset):
            raise NotAModel(self._path, "keras", "invalid", f"no tensor {name}")
        if dataset.is_virtual or dataset.external:
            raise UnsupportedTensor(self._path, name, "external")
        if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
            raise UnsupportedTensor(self._path, name, str(dataset.dtype))
        if dataset.shape != shape:
            detail = f"{name} has shape {dataset.shape}, its layer {shape}"
            raise NotAModel(self._path, "keras", "invalid", detail)
        self._bound(dataset, name)
        values = np.empty(shape, dataset.dtype.newbyteorder("="))
        dataset.read_direct(values)
        return values

    def _find(self, names: Sequence[str]) -> Any:
        """The object at the end of these links; None where one is missing or no hard link."""
        here = self._root
        for name in names:
            link = here.get(name, getlink=True) if isinstance(here, h5py.Group) and name else None
            if "/" in name or name == "." or type(link) is not h5py.HardLink:
                return None
            here = here[name]
        return here

    def _bound(self, dataset: h5py.Dataset, name: str) -> None:
        """Compare what a dataset unpacks to with what the file holds of it."""
        self._read += dataset.nbytes
        hold(self._path, "entries", self._read, MAX_BYTES)
        hold(self._path, "entries", math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize, MAX_BYTES)
        stored = dataset.id.get_storage_size()
        if stored > self._size:
            raise UnsupportedTensor(self._path, name, "size")
        hold_unpacked(self._path, dataset.nbytes, stored)
        unpacked = hdf5_guard.unpacked_size(dataset, self._size)
        if unpacked is None:
            raise UnsupportedTensor(self._path, name, "compressed")
        if unpacked < dataset.nbytes:
            raise UnsupportedTensor(self._path, name, "size")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Contents]:
    """Open a model file of either kind; errors on damaged files, inside too, become NotAModel.

    Raises:
        OSError, NotAModel, TooLarge.
    """
    size = path.stat().st_size
    hold(path, "file", size, MAX_BYTES)
    with path.open("rb") as file:  # a system's refusal is told as such
        head = file.read(len(SIGNATURE))
    if not head:
        raise NotAModel(path, "keras", "empty")
    try:
        with contextlib.ExitStack() as stack:
            yield _from_zip(path, stack) if head[:2] == b"PK" else _from_hdf5(path, size, stack)
    except _DAMAGED as error:
        raise NotAModel(path, "keras", "damaged", str(error)) from error


def texts(path: Path, holder: h5py.Group, attribute: str) -> list[str]:
    """The text or texts in an attribute, which may be text or bytes, of fixed or variable length.

    Raises:
        NotAModel, TooLarge.
    """
    kind = holder.attrs.get_id(attribute)
    count = math.prod(kind.shape or ())
    hold(path, "parts", count, MAX_NAMES)
    hold(path, "entries", count * kind.dtype.itemsize, MAX_CONFIG)
    if not count:
        return []
    if kind.dtype.kind not in "SU" and h5py.check_string_dtype(kind.dtype) is None:
        raise NotAModel(path, "keras", "invalid", f"{attribute} is no text")
    found = np.atleast_1d(np.asarray(holder.attrs[attribute], object)).ravel().tolist()
    return [text.decode() if isinstance(text, bytes) else str(text) for text in found]


def _from_hdf5(path: Path, size: int, stack: contextlib.ExitStack) -> Contents:
    with path.open("rb") as content, mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        hdf5_guard.check_heaps(mapped)
    file = stack.enter_context(h5py.File(path, "r"))
    if "model_config" not in file.attrs:
        raise NotAModel(path, "keras", "invalid", "it holds weights only, and no model_config")
    (config,) = texts(path, file, "model_config")
    weights = Weights(path, file, size)
    version = texts(path, file, "keras_version")[0] if "keras_version" in file.attrs else "1"
    return Contents("keras-h5", _json(path, config), version, weights)


def _from_zip(path: Path, stack: contextlib.ExitStack) -> Contents:
    archive = stack.enter_context(zipfile.ZipFile(path))
    hold(path, "parts", len(archive.infolist()), MAX_ENTRIES)
    config = _json(path, _unpack(path, archive, CONFIG, MAX_CONFIG))
    metadata = _json(path, _unpack(path, archive, METADATA, MAX_CONFIG))
    content = _unpack(path, archive, WEIGHTS, MAX_BYTES)
    hdf5_guard.check_heaps(content)
    file = stack.enter_context(h5py.File(io.BytesIO(content), "r"))
    version = str(metadata.get("keras_version", "3"))
    return Contents("keras", config, version, Weights(path, file, len(content)))


def _unpack(path: Path, archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Return an entry, reading no more of it than it says and than the limit."""
    if name not in archive.namelist():
        raise NotAModel(path, "keras", "invalid", f"no {name}")
    info = archive.getinfo(name)
    hold(path, "entries", info.file_size, limit)
    hold_unpacked(path, info.file_size, info.compress_size)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(f"compression {info.compress_type}")
    with archive.open(info) as file:
        return file.read(info.file_size)


def _json(path: Path, text: str | bytes) -> Mapping[str, Any]:
    hold(path, "entries", len(text), MAX_CONFIG)
    found = json.loads(text)
    if not isinstance(found, dict):
        raise NotAModel(path, "keras", "invalid", "the configuration is no object")
    return cast(Mapping[str, Any], found)
