"""A network made ready in onnxruntime, to be run again and again on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pruner_gui.network import FloatArray, Network


def prepare(network: Network, rows: FloatArray) -> Callable[[], FloatArray]:
    """Return what runs the network as ONNX on `rows` `(n_samples, n_inputs)`, on one thread.

    Raises:
        NotExpressible, ExportDoesNotRun.
    """
    from pruner_gui.formats import onnx_format  # only now: it is slow to import

    # A batch of any size, whatever the file it came from asks for.
    free = replace(network.origin, input_shape=None, output_shape=None)
    content = onnx_format.dump(Network(network.nodes, network.outputs, free))
    return onnx_format.prepared(Path(), content, np.ascontiguousarray(rows))


def runtime() -> str:
    """Return name and version of what runs it."""
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"
