"""What is looked at in an HDF5 file before the library reads it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from pruner_gui.formats.hdf5_guard import check_heaps, unpacked_size


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.h5"


def with_texts(path: Path, count: int = 50) -> bytearray:
    with h5py.File(path, "w") as file:
        for i in range(count):
            file.attrs[f"text {i}"] = "x" * i * 40
            if i % 3 == 0:
                del file.attrs[f"text {i}"]
    return bytearray(path.read_bytes())


def test_heaps_as_the_library_writes_them_are_let_through(path: Path) -> None:
    content = with_texts(path)
    assert content.count(b"GCOL") > 1
    check_heaps(bytes(content))


@pytest.mark.parametrize(("index", "length"), [(0, 0), (0, 8), (1, 2**64 - 8), (1, 2**64 - 16), (3, 1 << 20)])
def test_a_heap_that_does_not_lead_onwards_is_refused(path: Path, index: int, length: int) -> None:
    content = with_texts(path)
    struct.pack_into("<HH4xQ", content, content.index(b"GCOL") + 16, index, 1, length)
    with pytest.raises(ValueError, match="leads nowhere"):
        check_heaps(bytes(content))


def test_heaps_within_heaps_are_not_walked_through_again_and_again() -> None:
    heap = b"GCOL\x01\0\0\0" + struct.pack("<Q", 4096) + struct.pack("<HH4xQ", 0, 0, 4080)
    inside = b"GCOL\x01\0\0\0" + struct.pack("<Q", 4096) + struct.pack("<HH4xQ", 0, 0, 4080)
    with pytest.raises(ValueError, match="within"):
        check_heaps(heap + inside + bytes(4096))


def test_a_heap_of_empty_objects_is_not_followed_for_long() -> None:
    objects = struct.pack("<HH4xQ", 1, 1, 0) * 70_000
    heap = b"GCOL\x01\0\0\0" + struct.pack("<Q", 16 + len(objects)) + objects
    with pytest.raises(ValueError, match="too many"):
        check_heaps(heap)


@pytest.mark.parametrize("more", [{}, {"shuffle": True}, {"shuffle": True, "fletcher32": True}])
def test_chunks_unpack_to_their_size(path: Path, more: dict[str, bool]) -> None:
    values = np.random.default_rng(0).integers(0, 9, (50, 30)).astype("f4")
    with h5py.File(path, "w") as file:
        one = file.create_dataset("one", data=values, chunks=(20, 15), compression="gzip", **more)
        assert unpacked_size(one, 1 << 20) == 6 * 20 * 15 * 4


def test_chunks_that_would_not_get_smaller_count_as_well(path: Path) -> None:
    noise = np.frombuffer(np.random.default_rng(0).bytes(64), "f4")
    with h5py.File(path, "w") as file:
        one = file.create_dataset("one", data=noise, chunks=(16,), compression="gzip")
        assert unpacked_size(one, 1 << 20) == 64


def test_a_chunk_that_swells_is_refused(path: Path) -> None:
    with h5py.File(path, "w") as file:
        one = file.create_dataset("one", (4, 4), "f4", chunks=(4, 4), compression="gzip")
        one.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 20)))
        assert unpacked_size(one, 1 << 20) is None


def test_other_filters_are_not_known(path: Path) -> None:
    with h5py.File(path, "w") as file:
        one = file.create_dataset("one", data=np.ones(8), chunks=(8,), compression="lzf")
        assert unpacked_size(one, 1 << 20) is None
        assert unpacked_size(file.create_dataset("two", data=np.ones(8)), 1 << 20) == 64
