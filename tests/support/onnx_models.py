"""ONNX models made by hand, and what onnxruntime says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from pruner_gui.network import FloatArray

Shape = Sequence[int | str | None] | None


def make_model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, Any],
    shape: Shape = ("N", 4),
    result: Shape = None,
    opset: int = 17,
    dtype: Any = np.float32,
    **settings: Any,
) -> onnx.ModelProto:
    """A model from "x" to "y"; `result` None declares no output shape."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        list(nodes),
        "made by hand",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, result)],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 2)]
    settings.setdefault("ir_version", max(4, helper.find_min_ir_version_for(opsets[:1])))
    return helper.make_model(graph, opset_imports=opsets, **settings)


def outputs(model: onnx.ModelProto | bytes, feed: FloatArray) -> FloatArray:
    """What onnxruntime makes of one batch."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    content = model if isinstance(model, bytes) else model.SerializeToString()
    session = onnxruntime.InferenceSession(content, options)
    result: FloatArray = session.run(None, {session.get_inputs()[0].name: feed})[0]
    return result
