"""safetensors: as its package writes them, and as nobody should."""

from __future__ import annotations

import contextlib
import itertools
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    NotAModel,
    TooLarge,
    UnsupportedTensor,
    read,
    safetensors_format,
    write,
)

safetensors = pytest.importorskip("safetensors.numpy")


def arrays(sizes: tuple[int, ...] = (4, 5, 3), dtype: str = "f4") -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    found = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        found[f"{2 * i}.weight"] = rng.normal(size=(n_out, n_in)).astype(dtype)
        found[f"{2 * i}.bias"] = rng.normal(size=n_out).astype(dtype)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def raw(header: object, numbers: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + numbers


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_what_the_package_writes_and_reads(path: Path, dtype: str) -> None:
    entries = arrays(dtype=dtype)
    path.write_bytes(safetensors.save(entries, {"author": "me"}))
    network = read(path, ["relu", "linear"])
    rows = np.random.default_rng(1).normal(size=(6, 4))
    wide = {name: values.astype("f8") for name, values in entries.items()}
    hidden = np.maximum(rows @ wide["0.weight"].T + wide["0.bias"], 0)
    np.testing.assert_allclose(network.forward(rows), hidden @ wide["2.weight"].T + wide["2.bias"], rtol=1e-6)
    write(network, path)
    found = safetensors.load_file(path)
    assert found.keys() == entries.keys()
    for name, values in entries.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    with safetensors.safe_open(path, framework="np") as file:
        assert file.metadata() == {"format": "pt", "author": "me"}


def test_eleven_layers_are_not_in_the_order_of_the_alphabet(path: Path) -> None:
    path.write_bytes(safetensors.save(arrays((4,) * 12)))
    names = [node.name for node, _ in read(path, ["relu"] * 11).dense]
    assert names == [str(2 * i) for i in range(11)]


def test_a_header_that_begins_as_onnx_does(path: Path) -> None:
    entries = arrays((4, 3))
    header = json.loads(safetensors.save(entries)[8:].split(b"}}")[0] + b"}}")
    for length in range(256, 4096):
        if struct.pack("<Q", length)[:2] == b"\x08\x01":
            text = json.dumps(header).encode().ljust(length)
            path.with_suffix("").write_bytes(
                raw(text, b"".join(entries[name].tobytes() for name in sorted(entries)))
            )
    assert read(path.with_suffix(""), ["linear"]).origin.format == "safetensors"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        raw({}, length=1000),
        raw(b"{" * 100),
        raw(b'{"a":' * 100_000),
        raw([1]),
        raw({"a": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}}, b"1234"),
        raw({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}, b"1234"),
        raw({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"1234"),
        raw({"a": 1}),
    ],
)
def test_what_is_none(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(NotAModel) as refusal:
        read(path)
    assert refusal.value.format == "safetensors"


def test_headers_that_are_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(raw({}, length=2**40))
    with pytest.raises(TooLarge):
        read(path)
    monkeypatch.setattr(safetensors_format, "_TENSORS", 3)
    path.write_bytes(safetensors.save(arrays()))
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert (refusal.value.what, refusal.value.found) == ("tensors", 4)


def test_types_that_are_not_read(path: Path) -> None:
    path.write_bytes(safetensors.save({"0.weight": np.ones((2, 2), np.int8)}))
    with pytest.raises(UnsupportedTensor) as refusal:
        read(path)
    assert (refusal.value.tensor, refusal.value.kind) == ("0.weight", "I8")


@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "model.safetensors"
    content = bytearray(safetensors.save(arrays((2, 2))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(PrunerError):
        assert read(path, ["linear"]).nodes
