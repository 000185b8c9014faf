"""Reader of idx files, plain or gzip: the format of the MNIST images and labels.

Big-endian: two zero bytes, a type code, the number of dimensions, each dimension as an unsigned 32-bit
number, then the values, last dimension fastest (LeCun, Cortes, Burges: The MNIST database).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pruner_gui.data.errors import CannotReadData
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.raw import part_that_is_there, read_bytes
from pruner_gui.data.table import Table, array_table

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 4


def read(path: Path, options: ReadOptions, limit: int | None = None) -> Table:
    """Read an idx file; images are flattened row by row.

    Raises:
        CannotReadData, DataTooLarge: the sizes it declares are not those of its content, or beyond bounds.
    """
    data = read_bytes(path, limit)
    if len(data) < 4 or data[2] not in _TYPES or not 1 <= data[3] <= _MAX_DIMENSIONS:
        raise CannotReadData(path, "damaged", data[:4].hex(" "))
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise CannotReadData(path, "damaged", f"{len(data)} bytes")
    declared = tuple(np.frombuffer(data[4:start], ">u4").tolist())
    dtype = np.dtype(_TYPES[data[2]])
    shape = part_that_is_there(path, declared, dtype, len(data) - start, limit)
    array = np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)
    return array_table(path, array, "label", complete=shape == declared)
