"""The bytes of a file, within bounds."""

from __future__ import annotations

import errno
import gzip
import math
import stat
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from pruner_gui import limits
from pruner_gui.data.errors import CannotReadData, DataTooLarge

MAX_BYTES = 2**31 - 1
MAX_VALUES = 2**31 - 1
MAX_LINE = 2**24  # bytes of one line of text
MAX_COLUMNS = 2**18  # of a text or parquet file
_GZIP = b"\x1f\x8b"
_CHUNK = 2**20


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked when it is gzip.

    Raises:
        CannotReadData: it is not there, not a file, not readable, damaged.
    """
    return _read(path, 512)


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """Return a whole file, or its first `limit` bytes, unpacked when it is gzip.

    Raises:
        CannotReadData: it is not there, not a file, not readable, damaged, empty.
        DataTooLarge: it has, or unpacks to, more than `MAX_BYTES`, or to far more than is stored.
    """
    data = _read(path, limits.scaled(MAX_BYTES) + 1 if limit is None else limit)
    hold(path, "bytes", len(data), MAX_BYTES)
    if not data:
        raise CannotReadData(path, "empty")
    return data


def _read(path: Path, count: int) -> bytes:
    try:
        _check_kind(path)
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            if not packed:
                return _read_up_to(file, count)
            most = limits.unpacked(path.stat().st_size)
            data = _read_up_to(gzip.GzipFile(fileobj=file), min(count, most + 1))
            hold_unpacked(path, len(data), path.stat().st_size)
            return data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CannotReadData(path, "damaged", str(error)) from error
    except OSError as error:
        raise CannotReadData(path, reason_of(error), error.strerror or "") from error


def reason_of(error: OSError) -> str:
    """The errno's name."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _check_kind(path: Path) -> None:
    # a pipe or a device would be waited for, or never end
    if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
        raise CannotReadData(path, "special")


def _read_up_to(file: IO[bytes] | gzip.GzipFile, count: int) -> bytes:
    # in pieces: one read of `count` would reserve that much at once
    data = bytearray()
    while len(data) < count and (piece := file.read(min(_CHUNK, count - len(data)))):
        data += piece
    return bytes(data)


def hold(path: Path, what: str, found: int, limit: int) -> None:
    """Refuse more than a limit, as the user has raised it; see `DataTooLarge` for `what`.

    Raises:
        DataTooLarge.
    """
    most = limits.scaled(limit)
    if found > most:
        raise DataTooLarge(path, what, found, most)


def hold_unpacked(path: Path, found: int, stored: int) -> None:
    """Refuse what unpacks to far more bytes than are stored of it.

    Raises:
        DataTooLarge.
    """
    most = limits.unpacked(stored)
    if found > most:
        raise DataTooLarge(path, "bytes", found, most)


def check_values(path: Path, count: int) -> None:
    """Refuse an array of more than `MAX_VALUES` values before it is made.

    Raises:
        DataTooLarge: it would have more.
    """
    hold(path, "values", count, MAX_VALUES)


def check_columns(path: Path, count: int) -> None:
    """Refuse a table of more than `MAX_COLUMNS` columns.

    Raises:
        DataTooLarge: it has more.
    """
    hold(path, "columns", count, MAX_COLUMNS)


def part_that_is_there(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], found: int, limit: int | None
) -> tuple[int, ...]:
    """Return the shape of what `found` bytes hold of an array: all of it or, with a `limit`, its first rows.

    Raises:
        CannotReadData, DataTooLarge: it has no values, too many, or not as many as it declares.
    """
    if not shape or min(shape) < 1:
        raise CannotReadData(path, "empty")
    values = math.prod(shape)
    hold(path, "values", values, MAX_VALUES)
    size = values * dtype.itemsize
    if limit is not None and found < size and (rows := found * shape[0] // size):
        return (rows, *shape[1:])
    if found != size:
        raise CannotReadData(path, "damaged", f"{dtype} {shape}, {found} bytes")
    return shape
