"""Model files in and out: the table of formats, and `read`, `write` and `size_in` over it.

A format is one module, one row of `FORMATS` and one test. Its module is imported when a file needs it and
satisfies `FormatModule`.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from pruner_gui import files
from pruner_gui.formats.errors import (
    BadEntry,
    CannotRead,
    CannotWrite,
    ExportDiffers,
    ExportDoesNotRun,
    MissingExtra,
    NotAModel,
    NotExpressible,
    TooLarge,
    UnknownFormat,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedTensor,
    UnsupportedUse,
    UnsupportedVersion,
)
from pruner_gui.formats.running import Ran
from pruner_gui.network import FloatArray, Network

__all__ = [
    "FORMATS",
    "BadEntry",
    "CannotRead",
    "CannotWrite",
    "Export",
    "ExportDiffers",
    "ExportDoesNotRun",
    "Format",
    "FormatModule",
    "MissingExtra",
    "NotAModel",
    "NotExpressible",
    "TooLarge",
    "UnknownFormat",
    "UnsupportedOp",
    "UnsupportedPart",
    "UnsupportedTensor",
    "UnsupportedUse",
    "UnsupportedVersion",
    "format_for",
    "read",
    "size_in",
    "write",
]

_HEAD = 512  # bytes that decide a format
_SAMPLES = 256


class FormatModule(Protocol):
    """What the module of a format provides, as functions."""

    def load(self, path: Path) -> Network:
        """Read a file. Raises the refusals of `pruner_gui.formats.errors`, or OSError."""

    def dump(self, network: Network) -> bytes:
        """Return the file's content. Raises NotExpressible."""

    def run(self, path: Path, rows: FloatArray) -> Ran:
        """Run the file on rows `(n_samples, n_inputs)`. Raises ExportDoesNotRun."""

    def tolerance(self, network: Network) -> float:
        """The relative difference that rounding alone may make between the network and `run`."""


@dataclass(frozen=True)
class Format:
    """A row of the table of formats.

    `sniff` tells the format from the first bytes; `extra` is the optional dependency group that brings what
    `module` imports ("" when it is always there).
    """

    name: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    module: str
    extra: str = ""


def _is_onnx(head: bytes) -> bool:
    # Protobuf has no magic number, but a model begins with field 1 (ir_version), a small number.
    return len(head) > 2 and head[0] == 0x08 and 0 < head[1] < 0x40


def _is_npz(head: bytes) -> bool:
    # Other formats are zip archives too: the first member's name decides.
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return head[:4] == b"PK\x03\x04" and name.endswith(b".npy")


def _is_keras(head: bytes) -> bool:
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return head[:4] == b"PK\x03\x04" and name in (b"metadata.json", b"config.json", b"model.weights.h5")


def _is_hdf5(head: bytes) -> bool:
    return head.startswith(b"\x89HDF\r\n\x1a\n")


FORMATS = (
    Format("onnx", (".onnx",), _is_onnx, "pruner_gui.formats.onnx_format"),
    Format("npz", (".npz",), _is_npz, "pruner_gui.formats.npz_format"),
    Format("keras", (".keras",), _is_keras, "pruner_gui.formats.keras_format", "keras"),
    Format("keras-h5", (".h5", ".hdf5"), _is_hdf5, "pruner_gui.formats.keras_h5_format", "keras"),
)


@dataclass(frozen=True)
class Export:
    """A written file: its size in bytes, and how far `runtime`'s outputs are from the network's."""

    path: Path
    format: str
    bytes: int
    max_difference: float
    runtime: str


def read(path: Path) -> Network:
    """Return the network in a model file. The first bytes decide the format, then the extension.

    Raises:
        CannotRead: the system refuses.
        UnknownFormat: neither bytes nor extension say what it is.
        MissingExtra: the format's library is not installed.
        NotAModel, TooLarge, UnsupportedVersion, UnsupportedOp, UnsupportedUse, UnsupportedTensor,
        UnsupportedPart, BadEntry: what is in the file is not, or may not be, understood.
    """
    try:
        _refuse_special(path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
        found = next((row for row in FORMATS if row.sniff(head)), None) or _by_extension(path)
        if found is None:
            raise UnknownFormat(path, _extensions())
        return _module(found).load(path)
    except OSError as error:
        raise CannotRead(path, _reason(error)) from error


def write(
    network: Network, path: Path, samples: FloatArray | None = None, format: str | None = None
) -> Export:
    """Write a network, run what was written, compare, and only then put it in place of what was there.

    The format is the one asked for, else the extension's; without any, the one that the network came in. The
    outputs are compared on the first 256 rows of `samples` `(n_samples, n_inputs)`, or on as many random
    normal rows.

    Raises:
        CannotWrite: a read-only folder or file, a full disk.
        NotExpressible: the format has no way to say this network.
        ExportDiffers, ExportDoesNotRun: the comparison failed.
        UnknownFormat, MissingExtra: as for `read`.
    """
    row = format_for(network, path, format)
    module = _module(row)
    content = module.dump(network)
    rows = _sample_rows(network, samples)
    with _writing(path), files.atomic(path) as temporary:
        temporary.write_bytes(content)
        ran = module.run(temporary, rows)
        difference, tolerance = _compare(network, rows, ran.outputs, module.tolerance(network))
        if not difference <= tolerance:
            raise ExportDiffers(path, difference, tolerance)
    return Export(path, row.name, len(content), difference, ran.runtime)


def size_in(network: Network, format: str) -> int:
    """Return the number of bytes that the network would take, written in this format.

    Raises:
        NotExpressible: the format has no way to say this network.
        UnknownFormat, MissingExtra: as for `read`.
    """
    return len(_module(format_for(network, Path(), format)).dump(network))


def _extensions() -> tuple[str, ...]:
    return tuple(extension for row in FORMATS for extension in row.extensions)


def _by_extension(path: Path) -> Format | None:
    return next((row for row in FORMATS if path.suffix.lower() in row.extensions), None)


def format_for(network: Network, path: Path, name: str | None = None) -> Format:
    """Return the format that a network is written to `path` in: see `write`.

    Raises:
        UnknownFormat: an extension, or a name, that is no format's.
    """
    by_name = {row.name: row for row in FORMATS}
    found = by_name.get(name) if name else _by_extension(path)
    if found is None and not name and not path.suffix:
        found = by_name.get(network.origin.format)
    if found is None:
        raise UnknownFormat(path, _extensions())
    return found


def _module(row: Format) -> FormatModule:
    try:
        return cast(FormatModule, importlib.import_module(row.module))
    except ModuleNotFoundError as error:
        raise MissingExtra(row.name, error.name or "", row.extra) from error


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Tell the system's refusals as CannotWrite."""
    try:
        _refuse_special(path)
        # A rename replaces a file even where the file itself is write-protected.
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "")
        yield
    except OSError as error:
        raise CannotWrite(path, _reason(error)) from error


def _refuse_special(path: Path) -> None:
    """Keep away from pipes and devices: some never end, and a rename would replace them."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EISDIR if path.is_dir() else errno.EINVAL, "")


def _reason(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _sample_rows(network: Network, samples: FloatArray | None) -> FloatArray:
    if samples is None or not len(samples):
        samples = np.random.default_rng(0).standard_normal((_SAMPLES, network.n_inputs))
    return samples[:_SAMPLES].astype(_dtype(network))


def _dtype(network: Network) -> npt.DTypeLike:
    tensors = [tensor.dtype for node in network.nodes for tensor in node.op.tensors().values()]
    return np.result_type(*tensors) if tensors else np.dtype(network.origin.dtype)


def _compare(network: Network, rows: FloatArray, found: FloatArray, relative: float) -> tuple[float, float]:
    """Return the largest absolute difference of the outputs and what rounding may make of it.

    That is `relative` to the outputs' magnitude (at least 1), or a few times what the network itself loses by
    computing in float32, where large values cancel each other.
    """
    with np.errstate(all="ignore"):
        expected = network.forward(rows)
        noise = _largest_finite(expected - network.forward(rows.astype(np.float64)))
    tolerance = max(relative * max(1.0, _largest_finite(expected)), 16 * noise)
    if found.shape != expected.shape:
        return np.inf, tolerance
    differs = (expected != found) & ~(np.isnan(expected) & np.isnan(found))
    difference = np.abs(np.subtract(expected, found, where=differs, out=np.zeros_like(expected)))
    return float(np.nan_to_num(difference, nan=np.inf, posinf=np.inf).max()), tolerance


def _largest_finite(values: FloatArray) -> float:
    return float(np.max(np.abs(values), initial=0, where=np.isfinite(values)))
