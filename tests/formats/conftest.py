"""Reading models made by hand, held to onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx_models import outputs

from pruner_gui.formats import read
from pruner_gui.network import Network


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[onnx.ModelProto], Network]:
    """Save a model and read it."""

    def read_model(model: onnx.ModelProto) -> Network:
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return read(path)

    return read_model


@pytest.fixture
def agreed(opened: Callable[[onnx.ModelProto], Network]) -> Callable[..., Network]:
    """Read a model, and see that it computes what onnxruntime does on a random batch of a shape."""

    def read_and_compare(model: onnx.ModelProto, shape: Sequence[int]) -> Network:
        network = opened(model)
        kind = model.graph.input[0].type.tensor_type.elem_type
        feed = np.random.default_rng(1).normal(size=shape).astype(helper.tensor_dtype_to_np_dtype(kind))
        expected = outputs(model, feed)
        found = network.forward(feed.reshape(-1, network.n_inputs))
        tolerance = 1e-5 if feed.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(found, expected.reshape(len(found), -1), rtol=tolerance, atol=tolerance)
        return network

    return read_and_compare
