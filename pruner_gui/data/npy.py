"""Reader of npy files: one numpy array. Nothing is unpickled."""

from __future__ import annotations

import io
import math
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.data.errors import CannotReadData
from pruner_gui.data.raw import check_values, read_bytes
from pruner_gui.data.table import Table, array_table

_BAD_HEADER = (ValueError, SyntaxError, TypeError, tokenize.TokenError, RecursionError, MemoryError)


def read(path: Path) -> Table:
    """Read the one array of an npy file: a matrix, or rows of any shape, which are flattened.

    Raises:
        CannotReadData, DataTooLarge: it is damaged, holds no plain numbers or text, or is beyond bounds.
    """
    return array_table(path, array_in(path, read_bytes(path)), path.stem)


def array_in(path: Path, data: bytes) -> npt.NDArray[Any]:
    """Return the array in the bytes of an npy file, whose header must agree with their number.

    Raises:
        CannotReadData, DataTooLarge: as for `read`.
    """
    shape, fortran, dtype, start = _header(path, data)
    if dtype.hasobject or dtype.names or dtype.subdtype or dtype.kind not in "biufUS":
        raise CannotReadData(path, "dtype", str(dtype))
    if not shape or min(shape) < 1:
        raise CannotReadData(path, "empty")
    values = math.prod(shape)
    check_values(path, values)
    if len(data) - start != values * dtype.itemsize:
        raise CannotReadData(path, "damaged", f"{dtype} {shape}, {len(data)} bytes")
    return np.frombuffer(data, dtype, values, start).reshape(shape, order="F" if fortran else "C")


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
