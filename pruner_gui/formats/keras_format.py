"""Keras' own files, without Keras: `.keras` archives (Keras 3, late 2) and `.h5` (Keras 1, 2 and 3).

Nothing that a file says is executed: layers are looked up in a table, all others are refused by name. Half
precision is widened to float32.
"""

from __future__ import annotations

from pathlib import Path

from pruner_gui.formats import keras_files, keras_reader, keras_writer, onnx_format
from pruner_gui.formats.running import Ran, reread
from pruner_gui.network import FloatArray, Network


def load(path: Path) -> Network:
    """Read a dense network.

    Raises:
        OSError, NotAModel, TooLarge, UnsupportedOp, UnsupportedUse, UnsupportedTensor, UnsupportedPart.
    """
    with keras_files.opened(path) as contents:
        return keras_reader.to_network(path, contents, contents.container)


def dump(network: Network) -> bytes:
    """Return the content of a `.keras` archive.

    Raises:
        NotExpressible.
    """
    return keras_writer.archive(network)


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the file, read again, with onnxruntime where it can."""
    return reread(path, load, rows)


def tolerance(network: Network) -> float:
    """That of ONNX, which runs it."""
    return onnx_format.tolerance(network)
