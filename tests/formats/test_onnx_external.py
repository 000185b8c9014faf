"""ONNX tensors kept in other files: read where it is safe, refused with the reason where it is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import make_model

from pruner_gui.formats import ExternalData, TooLarge, onnx_guard, read, write

node = helper.make_node
WEIGHT = np.arange(12, dtype=np.float32).reshape(4, 3)
BIAS = np.arange(3, dtype=np.float32)


def keep_elsewhere(tensor: TensorProto, **entries: Any) -> None:
    """Say that a tensor's values are in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))


def model_with(**entries: Any) -> onnx.ModelProto:
    """A layer whose weight is elsewhere."""
    model = make_model([node("Gemm", ["x", "w", "c"], ["y"])], {"w": WEIGHT, "c": BIAS})
    keep_elsewhere(model.graph.initializer[0], **entries)
    return model


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("location", ["weights.bin", "parts/weights.bin", "./weights.bin"])
@pytest.mark.parametrize("offset", [None, 0, 16])
def test_values_beside_the_model_are_read_and_written_into_it(
    tmp_path: Path, location: str, offset: int | None
) -> None:
    file = tmp_path / location
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"\xff" * (offset or 0) + WEIGHT.tobytes() + b"more")
    entries = {"location": location} | ({} if offset is None else {"offset": offset, "length": WEIGHT.nbytes})
    network = read(saved(model_with(**entries), tmp_path))
    np.testing.assert_array_equal(network.dense[0][1].weight, WEIGHT)
    np.testing.assert_array_equal(network.dense[0][1].bias, BIAS)
    (tmp_path / "out").mkdir()
    write(network, tmp_path / "out" / "model.onnx")
    (weight, _) = onnx.load(tmp_path / "out" / "model.onnx", load_external_data=False).graph.initializer
    assert not weight.external_data
    np.testing.assert_array_equal(numpy_helper.to_array(weight), WEIGHT)


def test_what_the_library_saves_is_read(tmp_path: Path) -> None:
    model = make_model([node("Gemm", ["x", "w", "c"], ["y"])], {"w": WEIGHT, "c": BIAS})
    options: dict[str, Any] = {"save_as_external_data": True, "location": "all.bin", "size_threshold": 0}
    onnx.save_model(model, tmp_path / "model.onnx", **options)
    network = read(tmp_path / "model.onnx")
    np.testing.assert_array_equal(network.dense[0][1].weight, WEIGHT)
    np.testing.assert_array_equal(network.dense[0][1].bias, BIAS)


def test_a_constant_node_may_keep_its_values_elsewhere(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(WEIGHT, "value")
    keep_elsewhere(tensor, location="w.bin")
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    nodes = [node("Constant", [], ["w"], value=tensor), node("MatMul", ["x", "w"], ["y"])]
    network = read(saved(make_model(nodes, {}), tmp_path))
    np.testing.assert_array_equal(network.dense[0][1].weight, WEIGHT)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"location": "/etc/passwd"}, "location"),
        ({"location": "../secret.bin"}, "location"),
        ({"location": "parts/../../secret.bin"}, "location"),
        ({"location": "parts\\..\\..\\secret.bin"}, "location"),
        ({"location": "C:\\secret.bin"}, "location"),
        ({"location": "\\\\host\\share\\secret.bin"}, "location"),
        ({"location": "w.bin\0"}, "location"),
        ({"location": ""}, "location"),
        ({}, "location"),
        ({"location": "none.bin"}, "missing"),
        ({"location": "w.bin/inside"}, "missing"),
        ({"location": "."}, "irregular"),
        ({"location": "parts"}, "irregular"),
        ({"location": "out.bin"}, "link"),
        ({"location": "outside/secret.bin"}, "link"),
        ({"location": "loop.bin"}, "link"),
        ({"location": "w.bin", "offset": 1}, "range"),
        ({"location": "w.bin", "offset": 10**18}, "range"),
        ({"location": "w.bin", "length": 44}, "range"),
        ({"location": "w.bin", "length": 10**18}, "range"),
        ({"location": "short.bin"}, "range"),
        ({"location": "w.bin", "offset": -1}, "entries"),
        ({"location": "w.bin", "offset": "1e3"}, "entries"),
        ({"location": "w.bin", "offset": "9" * 30}, "entries"),
        ({"location": "w.bin", "length": "\u0663"}, "entries"),
    ],
)
def test_what_is_not_safely_there_is_refused(tmp_path: Path, entries: dict[str, Any], reason: str) -> None:
    folder = tmp_path / "models"
    (folder / "parts").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(WEIGHT.tobytes())
    (folder / "w.bin").write_bytes(WEIGHT.tobytes())
    (folder / "short.bin").write_bytes(WEIGHT.tobytes()[:-1])
    (folder / "out.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "outside").symlink_to(tmp_path)
    (folder / "loop.bin").symlink_to(folder / "loop.bin")
    with pytest.raises(ExternalData) as refusal:
        read(saved(model_with(**entries), folder))
    assert (refusal.value.tensor, refusal.value.reason) == ("w", reason)
    assert refusal.value.location == entries.get("location", "")


def test_a_link_that_stays_in_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    (tmp_path / "link.bin").symlink_to("w.bin")
    network = read(saved(model_with(location="link.bin"), tmp_path))
    np.testing.assert_array_equal(network.dense[0][1].weight, WEIGHT)


@pytest.mark.skipif(os.name != "posix", reason="no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.bin")
    with pytest.raises(ExternalData) as refusal:
        read(saved(model_with(location="pipe.bin"), tmp_path))
    assert refusal.value.reason == "irregular"


@pytest.mark.parametrize("dims", [(-4, -3), (10**6, 10**6)])
def test_a_shape_that_the_file_does_not_hold_is_refused(tmp_path: Path, dims: tuple[int, int]) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    model = model_with(location="w.bin")
    model.graph.initializer[0].dims[:] = dims
    with pytest.raises((ExternalData, TooLarge)):
        read(saved(model, tmp_path))


def test_values_in_both_places_or_said_twice_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    model = model_with(location="w.bin")
    model.graph.initializer[0].raw_data = WEIGHT.tobytes()
    with pytest.raises(ExternalData) as refusal:
        read(saved(model, tmp_path))
    assert refusal.value.reason == "entries"
    model = model_with(location="w.bin")
    model.graph.initializer[0].external_data.add(key="location", value="other.bin")
    with pytest.raises(ExternalData):
        read(saved(model, tmp_path))


def test_one_file_is_not_read_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.bin").write_bytes(WEIGHT.tobytes())
    model = model_with(location="w.bin")
    for i in range(100):
        model.graph.initializer.append(model.graph.initializer[0])
        model.graph.initializer[-1].name = f"w{i}"
    path = saved(model, tmp_path)
    monkeypatch.setattr(onnx_guard, "MAX_BYTES", path.stat().st_size + 20 * WEIGHT.nbytes)
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert refusal.value.what == "protobuf"
