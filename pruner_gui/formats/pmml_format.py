"""PMML's NeuralNetwork, versions 3.0 to 4.4 read, 4.4 written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pruner_gui.formats import pmml_document, pmml_reader, pmml_writer
from pruner_gui.formats.running import Ran, reread
from pruner_gui.network import FloatArray, Network


def load(path: Path) -> Network:
    """Read a network of dense layers.

    Raises:
        OSError, NotAModel, TooLarge, UnsupportedVersion, UnsupportedPart, UnsupportedOp, UnsupportedUse.
    """
    with np.errstate(all="ignore"):
        return pmml_reader.to_network(path, pmml_document.decode(path))


def dump(network: Network) -> bytes:
    """Return the file's content: names, data dictionary and normalisation as they came in.

    Raises:
        NotExpressible: something between layers that PMML has no word for, several outputs, or too large.
    """
    return pmml_writer.to_xml(network)


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the file, read again; there is no other runtime at hand.

    Raises:
        OSError, ExportDoesNotRun, and what `load` raises.
    """
    return reread(path, load, rows)


def tolerance(network: Network) -> float:
    """1e-4 in float32, 1e-5 in float64: onnxruntime has some functions in float32 only."""
    return (
        1e-4 if all(t.dtype == np.float32 for n in network.nodes for t in n.op.tensors().values()) else 1e-5
    )
