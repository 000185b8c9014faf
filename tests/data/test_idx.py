import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from pruner_gui.data import ReadOptions, raw, read
from pruner_gui.data.errors import CannotReadData, DataTooLarge


def idx(shape: tuple[int, ...], values: bytes, code: int = 8) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values


@pytest.mark.parametrize("packed", [False, True])
def test_images_and_labels_are_a_pair_in_either_order(tmp_path: Path, packed: bool) -> None:
    images, labels = tmp_path / "images", tmp_path / "labels"
    pack = gzip.compress if packed else bytes
    images.write_bytes(pack(idx((3, 2, 2), bytes(range(12)))))
    labels.write_bytes(pack(idx((3,), bytes([1, 0, 1]))))
    for pair in ([images, labels], [labels, images]):
        dataset = read(pair, 4, 2, ReadOptions(scale="255"))
        assert dataset.inputs.dtype == np.float32
        assert np.array_equal(dataset.inputs, np.arange(12, dtype=np.float32).reshape(3, 4) / np.float32(255))
        assert dataset.labels is not None
        assert dataset.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("code", "form", "values"),
    [(0x0B, ">2h", (-2, 300)), (0x0C, ">2i", (70000, 1)), (0x0E, ">2d", (0.1, -1))],
)
def test_values_are_big_endian(tmp_path: Path, code: int, form: str, values: tuple[float, float]) -> None:
    path = tmp_path / "x.idx"
    path.write_bytes(idx((1, 2), struct.pack(form, *values), code))
    assert read([path], 2, 5).inputs.tolist() == [list(values)]


@pytest.mark.parametrize(
    "content",
    [
        idx((3, 4), bytes(11)),
        idx((3, 4), bytes(13)),
        idx((1, 1, 1, 1, 1), bytes(1)),
        idx((), bytes(1)),
        idx((2, 2), bytes(4), code=0x0A),
        idx((3, 4), b"")[:6],
        b"\0\0",
        gzip.compress(idx((3, 4), bytes(12)), mtime=0)[:-12],
    ],
)
def test_sizes_must_be_those_of_the_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.idx").write_bytes(content)
    with pytest.raises(CannotReadData) as caught:
        read([tmp_path / "x.idx"], 4, 1)
    assert caught.value.reason == "damaged"


def test_a_promise_of_too_much_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.idx").write_bytes(idx((2**32 - 1, 2**32 - 1), bytes(4)))
    with pytest.raises(DataTooLarge):
        read([tmp_path / "x.idx"], 4, 1)


def test_a_file_that_unpacks_beyond_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(idx((1000, 1000), bytes(10**6))))
    monkeypatch.setattr(raw, "MAX_BYTES", 10**5)
    with pytest.raises(DataTooLarge) as caught:
        read([tmp_path / "x.gz"], 1000, 1)
    assert caught.value.what == "bytes"
