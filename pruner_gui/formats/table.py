"""The table of model file formats: how each is known, and which module reads and writes it.

A format is one module, one row of `FORMATS` and one test. Its module is imported when a file needs it and
satisfies `FormatModule`.
"""

from __future__ import annotations

import codecs
import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from pruner_gui.formats.errors import MissingExtra
from pruner_gui.formats.running import Ran
from pruner_gui.network import FloatArray, Network


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


class WeightsModule(Protocol):
    """The same of a format that holds weights alone, to which the activations have to be said."""

    def load(self, path: Path, activations: Sequence[str] | None = None) -> Network:
        """Read a file. Raises also NeedsActivations, BadActivations."""

    def run(self, path: Path, rows: FloatArray, activations: Sequence[str]) -> Ran:
        """Run the file with these activations."""


@dataclass(frozen=True)
class Format:
    """A row of the table of formats.

    `sniff` tells the format from the first bytes; `extra` is the optional dependency group that brings what
    `module` imports ("" when it is always there). `weights_only`: its module is a `WeightsModule`. Without
    `reads` it is only written.
    """

    name: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    module: str
    extra: str = ""
    weights_only: bool = False
    reads: bool = True


def _is_onnx(head: bytes) -> bool:
    # Protobuf has no magic number, but a model begins with field 1 (ir_version), a small number.
    return len(head) > 2 and head[0] == 0x08 and 0 < head[1] < 0x40


def _is_npz(head: bytes) -> bool:
    # Other formats are zip archives too: the first member's name decides.
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return head[:4] == b"PK\x03\x04" and name.endswith(b".npy")


def _is_skops(head: bytes) -> bool:
    # skops calls an array by the number of its object, as no npz model does; its schema comes last.
    return re.match(rb"PK\x03\x04.{26}(\d{6,}\.npy|schema\.json)", head, re.DOTALL) is not None


def _is_pmml(head: bytes) -> bool:
    wide = {
        codecs.BOM_UTF16_LE: "utf-16",
        codecs.BOM_UTF16_BE: "utf-16",
        b"<\0": "utf-16-le",
        b"\0<": "utf-16-be",
    }
    text = head.decode(wide.get(head[:2], "utf-8-sig"), "ignore")
    return re.match(r"\s*<", text) is not None and re.search(r"<([\w.-]+:)?PMML\b", text) is not None


def is_pickle(head: bytes, path: Path) -> bool:
    """Whether a file is a pickle, which is not opened."""
    # joblib compresses what it pickles: then only the name tells.
    plain = re.match(rb"\x80[\x02-\x05]|c[a-z_.]+\n", head) is not None
    return plain or not {".pkl", ".pickle", ".joblib"}.isdisjoint(map(str.lower, path.suffixes[-2:]))


def _is_torch(head: bytes) -> bool:
    # A zip archive with the pickle first, or (before PyTorch 1.6) a pickled magic number behind its protocol.
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    zipped = head[:4] == b"PK\x03\x04" and name.endswith(b"/data.pkl")
    return zipped or (head[:1] == b"\x80" and b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." in head[:32])


def _is_safetensors(head: bytes) -> bool:
    # The length of the header, below 4 GB, and the header's first character.
    return head[4:9] == b"\0\0\0\0{"


def _is_encog(head: bytes) -> bool:
    # The second form is that of versions before 3, which the reader refuses.
    return head.startswith(b"encog,") or (head.startswith(b"<") and b"<encogVersion>" in head)


def _is_nnet(head: bytes) -> bool:
    return re.match(rb"(//[^\n]*\n)+\s*(\d+,\s*){3}\d+,?\s*\n\s*\d+,", head) is not None


def _is_keras(head: bytes) -> bool:
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return head[:4] == b"PK\x03\x04" and name in (b"metadata.json", b"config.json", b"model.weights.h5")


def _is_hdf5(head: bytes) -> bool:
    return head.startswith(b"\x89HDF\r\n\x1a\n")


FORMATS = (
    # Before ONNX, since a length can begin as an ONNX file does.
    Format(
        "safetensors",
        (".safetensors",),
        _is_safetensors,
        "pruner_gui.formats.safetensors_format",
        "safetensors",
        weights_only=True,
    ),
    Format("onnx", (".onnx",), _is_onnx, "pruner_gui.formats.onnx_format"),
    Format("skops", (".skops",), _is_skops, "pruner_gui.formats.skops_format", "sklearn"),
    Format("npz", (".npz",), _is_npz, "pruner_gui.formats.npz_format"),
    Format("pmml", (".pmml", ".xml"), _is_pmml, "pruner_gui.formats.pmml_format", "pmml"),
    Format(
        "torch",
        (".pth", ".pt", ".ckpt", ".bin"),
        _is_torch,
        "pruner_gui.formats.torch_format",
        weights_only=True,
    ),
    Format("encog", (".eg",), _is_encog, "pruner_gui.formats.encog_format"),
    Format("nnet", (".nnet",), _is_nnet, "pruner_gui.formats.nnet_format"),
    Format("fann", (".net",), lambda head: head.startswith(b"FANN_"), "pruner_gui.formats.fann_format"),
    Format("c-header", (".h",), lambda head: False, "pruner_gui.formats.c_header_format", reads=False),
    Format("keras", (".keras",), _is_keras, "pruner_gui.formats.keras_format", "keras"),
    Format("keras-h5", (".h5", ".hdf5"), _is_hdf5, "pruner_gui.formats.keras_h5_format", "keras"),
)


def extensions(read: bool = False) -> tuple[str, ...]:
    """Return the extensions of all formats, or of those that can be read."""
    return tuple(extension for row in FORMATS if row.reads or not read for extension in row.extensions)


def by_extension(path: Path) -> Format | None:
    """Return the format of a file's extension."""
    return next((row for row in FORMATS if path.suffix.lower() in row.extensions), None)


def module_of(row: Format) -> FormatModule:
    """Import a format's module.

    Raises:
        MissingExtra: what it needs is not installed.
    """
    try:
        return cast(FormatModule, importlib.import_module(row.module))
    except ModuleNotFoundError as error:
        raise MissingExtra(row.name, error.name or "", row.extra) from error
