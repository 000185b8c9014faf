"""What runs a written file, to compare it with the network that was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pruner_gui.formats.errors import NotExpressible
from pruner_gui.network import FloatArray, Network


class Ran(NamedTuple):
    """Outputs `(n_samples, n_outputs)`, and name and version of what computed them."""

    outputs: FloatArray
    runtime: str


def reread(path: Path, load: Callable[[Path], Network], rows: FloatArray) -> Ran:
    """Run a file of a format that has no runtime at hand: read it again, and run that as ONNX.

    What ONNX has no words for, numpy runs.

    Raises:
        OSError, ExportDoesNotRun, and what `load` raises.
    """
    from pruner_gui.formats import onnx_format  # only now: it is slow to import

    network = load(path)
    try:
        content = onnx_format.dump(network)
    except NotExpressible:
        with np.errstate(all="ignore"):
            return Ran(network.forward(rows), f"numpy {np.__version__}")
    return onnx_format.run_content(path, content, rows)
