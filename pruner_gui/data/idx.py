"""Reader of idx files, plain or gzip: the format of the MNIST images and labels.

Big-endian: two zero bytes, a type code, the number of dimensions, each dimension as an unsigned 32-bit
number, then the values, last dimension fastest (LeCun, Cortes, Burges: The MNIST database).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pruner_gui.data.errors import CannotReadData
from pruner_gui.data.raw import check_values, read_bytes
from pruner_gui.data.table import Table, array_table

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 4


def read(path: Path) -> Table:
    """Read an idx file; images are flattened row by row.

    Raises:
        CannotReadData, DataTooLarge: the sizes it declares are not those of its content, or beyond bounds.
    """
    data = read_bytes(path)
    if len(data) < 4 or data[2] not in _TYPES or not 1 <= data[3] <= _MAX_DIMENSIONS:
        raise CannotReadData(path, "damaged", data[:4].hex(" "))
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise CannotReadData(path, "damaged", f"{len(data)} bytes")
    shape = tuple(np.frombuffer(data[4:start], ">u4").tolist())
    values = math.prod(shape)
    check_values(path, values)
    dtype = np.dtype(_TYPES[data[2]])
    if len(data) - start != values * dtype.itemsize:
        raise CannotReadData(path, "damaged", f"{shape}, {len(data)} bytes")
    if values == 0:
        raise CannotReadData(path, "empty")
    return array_table(path, np.frombuffer(data, dtype, offset=start).reshape(shape), "label")
