"""What HDF5's own library does not check: heaps that it would walk through for ever, chunks that swell.

Texts of variable length stand in global heaps: `GCOL`, version, three bytes, the heap's size; then objects,
each an index, a count, four bytes, its length, and its bytes padded to eight. Object 0 is what is left free;
its length counts its head too. The library goes from one to the next and does not ask if that leads onwards.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any, Protocol

import h5py

_HEAP = b"GCOL\x01\0\0\0"
_OBJECT = struct.Struct("<HH4xQ")
_SMALLEST = 4096  # bytes of a heap
_OBJECTS = 1 << 16  # in a heap


class Content(Protocol):
    """The bytes of a file: `bytes`, or a map of it."""

    def find(self, wanted: bytes, start: int, /) -> int:
        """Return where they are, -1 if nowhere."""

    def __len__(self) -> int: ...

    def __getitem__(self, where: slice, /) -> bytes: ...


def check_heaps(content: Content) -> None:
    """Refuse a file with a global heap that leads nowhere.

    Raises:
        ValueError.
    """
    left = len(content)  # of bytes that are in one heap each
    at = content.find(_HEAP, 0)
    while at >= 0:
        size = int.from_bytes(content[at + 8 : at + 16], "little")
        # a larger one is cut off, a smaller one none: the library says so itself
        if _SMALLEST <= size <= len(content) - at:
            left -= size
            if left < 0:
                raise ValueError("heaps within heaps")
            _check_heap(content[at : at + size])
        at = content.find(_HEAP, at + len(_HEAP))


def _check_heap(heap: bytes) -> None:
    at = 16
    for _ in range(_OBJECTS):
        if at + _OBJECT.size > len(heap):
            return
        index, _, length = _OBJECT.unpack_from(heap, at)
        step = _OBJECT.size + -(-length // 8) * 8 if index else length
        if not _OBJECT.size <= step <= len(heap) - at:
            raise ValueError("a heap that leads nowhere")
        at += step
    raise ValueError("a heap of too many objects")


def unpacked_size(dataset: Any, most: int) -> int | None:
    """Return how many bytes a dataset's chunks unpack to, each no more than it should; None if they might.

    `most` is what may be stored of one chunk. Chunks are shuffled, deflated and summed, in this order, or
    some of that.

    Raises:
        zlib.error: a chunk that is damaged.
    """
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    order = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32]
    if filters != [one for one in order if one in filters]:
        return None
    if h5py.h5z.FILTER_DEFLATE not in filters:
        return int(dataset.id.get_storage_size())
    room = math.prod(dataset.chunks) * dataset.dtype.itemsize
    skipped = 1 << filters.index(h5py.h5z.FILTER_DEFLATE)
    stored: list[Any] = []
    dataset.id.chunk_iter(stored.append)
    if any(chunk.size > most for chunk in stored):
        return None
    for chunk in stored:
        raw = dataset.id.read_direct_chunk(chunk.chunk_offset)[1]
        if chunk.filter_mask & skipped:  # what would not get smaller
            continue
        if len(zlib.decompressobj().decompress(raw, room + 1)) > room:  # behind it may stand the sum
            return None
    return room * len(stored)
