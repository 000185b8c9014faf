"""ONNX, read and written with the `onnx` package and run with onnxruntime.

Half precision is widened: such a file is read, and written again, in float32. Tensors that are kept in other
files are read from there, and written into the model itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from pruner_gui.formats import onnx_activations, onnx_guard, onnx_reader, onnx_writer
from pruner_gui.formats.errors import ExportDoesNotRun, NotAModel, NotExpressible
from pruner_gui.formats.onnx_shapes import batch_axis
from pruner_gui.formats.running import Ran
from pruner_gui.network import Activation, BatchNorm, FloatArray, Network

_TYPES: dict[str, npt.DTypeLike] = {"tensor(double)": np.float64, "tensor(float16)": np.float16}


def load(path: Path) -> Network:
    """Read a dense network.

    Raises:
        OSError, NotAModel, TooLarge, UnsupportedVersion, UnsupportedPart, UnsupportedTensor, UnsupportedOp,
        UnsupportedUse, ExternalData, ChangedWhileRead.
    """
    try:
        model, beside = onnx_guard.decode(path)
        network = onnx_reader.to_network(path, model)
    except UnicodeDecodeError as error:  # names are decoded when they are looked at
        raise NotAModel(path, "onnx", "damaged", str(error)) from error
    if not beside:
        return network
    extra = {**network.origin.extra, "beside": {name: tuple(stamp) for name, stamp in beside.items()}}
    return Network(network.nodes, network.outputs, replace(network.origin, extra=MappingProxyType(extra)))


def dump(network: Network) -> bytes:
    """Return the file's content: names, shapes, types and opset as they came in.

    Raises:
        NotExpressible: several outputs, or more than 2 GB.
    """
    itemsize = np.dtype(onnx_writer.dtype_of(network)).itemsize
    if network.parameters * itemsize > onnx_guard.MAX_BYTES:
        raise NotExpressible("onnx", "", "size")
    return onnx_writer.to_model(network).SerializeToString(deterministic=True)


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the file on rows `(n_samples, n_inputs)`, on one core.

    A file with a fixed batch is run in batches of that size, the last one filled up.

    Raises:
        OSError, ExportDoesNotRun.
    """
    return run_content(path, path.read_bytes(), rows)


def run_content(path: Path, content: bytes, rows: FloatArray) -> Ran:
    """Run a model that is not, or not in this form, at `path`; see `run`.

    Raises:
        ExportDoesNotRun.
    """
    runtime = f"onnxruntime {onnxruntime.__version__}"
    try:
        return Ran(_run(onnxruntime.InferenceSession(content, _options()), rows), runtime)
    except Exception as error:  # onnxruntime's have no base of their own
        raise ExportDoesNotRun(path, runtime, str(error)) from error


def prepared(path: Path, content: bytes, rows: FloatArray) -> Callable[[], FloatArray]:
    """Return what runs a model with a free batch on all rows at once, on one core; see `run_content`.

    Raises:
        ExportDoesNotRun.
    """
    try:
        session = onnxruntime.InferenceSession(content, _options())
        source = session.get_inputs()[0]
        given = {source.name: rows.astype(_TYPES.get(source.type, np.float32))}
        session.run(None, given)
    except Exception as error:  # onnxruntime's have no base of their own
        raise ExportDoesNotRun(path, f"onnxruntime {onnxruntime.__version__}", str(error)) from error

    def answer() -> FloatArray:
        (output,) = session.run(None, given)
        return output

    return answer


def tolerance(network: Network) -> float:
    """1e-4 in float32, 1e-9 in float64; more where a function or an epsilon is in float32 nevertheless."""
    if onnx_writer.dtype_of(network) == "float32":
        return 1e-4
    ops = [node.op for node in network.nodes]
    if any(isinstance(op, Activation) and op.kind in onnx_activations.SINGLE_ONLY for op in ops):
        return 1e-5
    rounded = any(isinstance(op, BatchNorm) and float(np.float32(op.epsilon)) != op.epsilon for op in ops)
    return 1e-7 if rounded else 1e-9


def _options() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return options


def _run(session: Any, rows: FloatArray) -> FloatArray:
    source = session.get_inputs()[0]
    rows = rows.astype(_TYPES.get(source.type, np.float32))
    shape = list(source.shape)
    axis = batch_axis(shape, rows.shape[1])
    size = 1 if axis is None else shape[axis]
    if not isinstance(size, int):
        size = max(len(rows), 1)
    if axis is not None:
        shape[axis] = size
    outputs = []
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        filled = np.concatenate([chunk, chunk[-1:].repeat(size - len(chunk), axis=0)])
        (output,) = session.run(None, {source.name: filled.reshape(shape)})
        outputs.append(output.reshape(size, math.prod(output.shape) // size)[: len(chunk)])
    return np.concatenate(outputs)
