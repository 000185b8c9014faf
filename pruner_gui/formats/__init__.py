"""Model files in and out: `read`, `write` and `size_in` over the table of formats in `table.py`."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from pruner_gui import files
from pruner_gui.files import CannotWrite
from pruner_gui.formats.errors import (
    BadActivations,
    BadEntry,
    CannotRead,
    ExportDiffers,
    ExportDoesNotRun,
    ExternalData,
    MissingExtra,
    NeedsActivations,
    NoOrder,
    NotAModel,
    NotExpressible,
    NotWeights,
    TooLarge,
    UnknownFormat,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedTensor,
    UnsupportedUse,
    UnsupportedVersion,
)
from pruner_gui.formats.running import Ran
from pruner_gui.formats.table import (
    FORMATS,
    Format,
    FormatModule,
    WeightsModule,
    by_extension,
    extensions,
    is_pickle,
    module_of,
)
from pruner_gui.network import FloatArray, Network

__all__ = [
    "FORMATS",
    "BadActivations",
    "BadEntry",
    "CannotRead",
    "CannotWrite",
    "Export",
    "ExportDiffers",
    "ExportDoesNotRun",
    "ExternalData",
    "Format",
    "FormatModule",
    "MissingExtra",
    "NeedsActivations",
    "NoOrder",
    "NotAModel",
    "NotExpressible",
    "NotWeights",
    "TooLarge",
    "UnknownFormat",
    "UnsupportedOp",
    "UnsupportedPart",
    "UnsupportedTensor",
    "UnsupportedUse",
    "UnsupportedVersion",
    "extensions",
    "format_for",
    "read",
    "rebuild_code",
    "size_in",
    "write",
]

_HEAD = 512  # bytes that decide a format
_SAMPLES = 256


@dataclass(frozen=True)
class Export:
    """A written file: its size in bytes, and how far `runtime`'s outputs are from the network's."""

    path: Path
    format: str
    bytes: int
    max_difference: float
    runtime: str


def read(path: Path, activations: Sequence[str] | None = None) -> Network:
    """Return the network in a model file. The first bytes decide the format, then the extension.

    `activations`, one text a layer such as "relu", "softmax" or "leaky_relu(0.2)", is for files that hold
    weights alone.

    Raises:
        CannotRead: the system refuses.
        UnknownFormat: neither bytes nor extension say what it is.
        MissingExtra: the format's library is not installed.
        NeedsActivations: the file holds weights alone, and no activations are given.
        BadActivations: they do not fit, or the file has its own.
        NotAModel, TooLarge, UnsupportedVersion, UnsupportedOp, UnsupportedUse, UnsupportedTensor,
        ExternalData, UnsupportedPart, BadEntry, NotWeights, NoOrder: what is in the file is not, or may not
        be, understood.
        ChangedWhileRead: a file beside the model did.
    """
    try:
        _refuse_special(path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
        named = by_extension(path)
        found = next((row for row in FORMATS if row.sniff(head)), None)
        if found is None and head and is_pickle(head, path) and (named is None or named.name != "torch"):
            raise NotAModel(path, "pickle", "pickle")
        found = found or named
        if found is None or not found.reads:
            raise UnknownFormat(path, extensions(read=True))
        module = module_of(found)
        if found.weights_only:
            return cast(WeightsModule, module).load(path, activations)
        if activations is not None:
            raise BadActivations(path, "unneeded", found.name)
        return module.load(path)
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
    module = module_of(row)
    content = module.dump(network)
    rows = _sample_rows(network, samples)
    with files.atomic(path) as draft:
        draft.write_bytes(content)
        ran = _run(row, network, draft.path, rows)
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
    return len(module_of(format_for(network, Path(), format)).dump(network))


def rebuild_code(network: Network, path: Path) -> str:
    """Return a few lines of Python that build the network in PyTorch and load its weights from `path`.

    Raises:
        NotExpressible: no chain of layers, an activation that PyTorch does not have, or a format that needs
            no code.
        UnknownFormat: an extension that is no format's.
    """
    from pruner_gui.formats import rebuild  # only now: few need it

    row = format_for(network, path)
    if not row.weights_only:
        raise NotExpressible(row.name, "", "code")
    return rebuild.code(network, path, row.name)


def format_for(network: Network, path: Path, name: str | None = None) -> Format:
    """Return the format that a network is written to `path` in: see `write`.

    Raises:
        UnknownFormat: an extension, or a name, that is no format's.
    """
    by_name = {row.name: row for row in FORMATS}
    found = by_name.get(name) if name else by_extension(path)
    if found is None and not name and not path.suffix:
        found = by_name.get(network.origin.format)
    if found is None:
        raise UnknownFormat(path, extensions())
    return found


def _run(row: Format, network: Network, path: Path, rows: FloatArray) -> Ran:
    module = module_of(row)
    if not row.weights_only:
        return module.run(path, rows)
    from pruner_gui.formats import state_dict

    return cast(WeightsModule, module).run(path, rows, state_dict.activations(network))


def _refuse_special(path: Path) -> None:
    """Keep away from pipes and devices: some never end."""
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
