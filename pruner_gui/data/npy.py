"""Reader of npy files: one numpy array. Nothing is unpickled."""

from __future__ import annotations

import io
import math
import tokenize
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.data.errors import CannotReadData
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.raw import part_that_is_there, read_bytes
from pruner_gui.data.table import Table, array_table

_BAD_HEADER = (ValueError, SyntaxError, TypeError, tokenize.TokenError, RecursionError, MemoryError)


def read(path: Path, options: ReadOptions, limit: int | None = None) -> Table:
    """Read the one array of an npy file: a matrix, or rows of any shape, which are flattened.

    Raises:
        CannotReadData, DataTooLarge: it is damaged, holds no plain numbers or text, or is beyond bounds.
    """
    array, complete = array_in(path, lambda count: read_bytes(path, count), limit)
    return array_table(path, array, path.stem, complete=complete)


def array_in(
    path: Path, read_up_to: Callable[[int | None], bytes], limit: int | None
) -> tuple[npt.NDArray[Any], bool]:
    """Return the array in the bytes of an npy file, whose header must agree with their number.

    With a `limit`, only the rows within so many bytes; the second value is whether that is all.

    Raises:
        CannotReadData, DataTooLarge: as for `read`.
    """
    data = read_up_to(limit)
    shape, fortran, dtype, start = _header(path, data)
    if dtype.hasobject or dtype.names or dtype.subdtype or dtype.kind not in "biufUS" or not dtype.itemsize:
        raise CannotReadData(path, "dtype", str(dtype))
    if fortran and limit is not None:  # its rows do not stand one after the other
        data, limit = read_up_to(None), None
    part = part_that_is_there(path, shape, dtype, len(data) - start, limit)
    array = np.frombuffer(data, dtype, math.prod(part), start).reshape(part, order="F" if fortran else "C")
    if not is_text(array):
        raise CannotReadData(path, "damaged", "no characters")
    return array, part == shape


def is_text(array: npt.NDArray[Any]) -> bool:
    """Whether all characters of an array of text are some, so that Python takes them; True for numbers."""
    if array.dtype.kind != "U" or not array.nbytes:
        return True
    codes = (
        np.ascontiguousarray(array).reshape(-1).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    )
    return bool(((codes < 0xD800) | ((codes > 0xDFFF) & (codes < 0x110000))).all())


def _header(path: Path, data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    stream = io.BytesIO(data)
    readers: Mapping[tuple[int, int], Any] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(stream)
        if version not in readers:
            raise ValueError(f"npy version {version}")
        shape, fortran, dtype = readers[version](stream)
    except _BAD_HEADER as error:
        raise CannotReadData(path, "damaged", str(error)) from error
    return shape, fortran, dtype, stream.tell()
