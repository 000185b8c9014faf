"""Reader of parquet files, by pyarrow, which is an extra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from pruner_gui.data.dataset import FloatArray
from pruner_gui.data.divide import find
from pruner_gui.data.errors import CannotReadData
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.raw import MAX_BYTES, check_columns, check_values, hold, hold_unpacked
from pruner_gui.data.table import Table

_INDEX = "__index_level_0__"  # what pandas adds
_BATCH = 2**22  # values read at once


class _NoSuchWord(Exception):
    """A cell points to a word that is not in the column's dictionary."""


def read(path: Path, options: ReadOptions, limit: int | None = None) -> Table:
    """Read the columns of a parquet file that are not ignored; an ignored one is left empty.

    The footer is read first: what it declares is held against the bounds before anything else is read.

    Raises:
        CannotReadData, DataTooLarge: it is damaged, beyond bounds, or has columns within columns.
        UnknownColumn: a column to be ignored is not there.
    """
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise CannotReadData(path, "package", "parquet") from error
    try:
        with parquet.ParquetFile(path) as file:
            fields = [field for field in file.schema_arrow if field.name != _INDEX]
            n_rows = _checked_rows(path, file.metadata, len(fields), limit)
        # words are kept once each, however often they stand in a column
        words = [field.name for field in fields if arrow.types.is_string(field.type)]
        with parquet.ParquetFile(path, read_dictionary=words) as file:
            return _read(path, file, fields, options, n_rows)
    except (arrow.ArrowException, OSError, UnicodeDecodeError, _NoSuchWord) as error:
        raise CannotReadData(path, "damaged", str(error).partition("\n")[0]) from error


def _checked_rows(path: Path, declared: Any, n_columns: int, limit: int | None) -> int:
    """How many rows are to be read, once the footer is within bounds."""
    if declared.num_rows < 1 or not n_columns:
        raise CannotReadData(path, "empty")
    check_columns(path, declared.num_columns)
    check_values(path, declared.num_rows * declared.num_columns)
    size = sum(declared.row_group(group).total_byte_size for group in range(declared.num_row_groups))
    hold(path, "bytes", size, MAX_BYTES)
    if limit is None or size <= limit:
        hold_unpacked(path, declared.num_rows * declared.num_columns * 8, path.stat().st_size)
        return int(declared.num_rows)
    return max(1, declared.num_rows * limit // size)


def _read(path: Path, file: Any, fields: Sequence[Any], options: ReadOptions, n_rows: int) -> Table:
    names = tuple(field.name for field in fields)
    if len(set(names)) < len(names):
        raise CannotReadData(path, "damaged", ", ".join(names))
    values = np.full((n_rows, len(names)), np.nan)
    words: dict[int, dict[int, str]] = {}
    left_out = find(Table(path, values, names), options.ignore)
    wanted = [column for column in range(len(names)) if column not in left_out]
    reads = [_reader_of(path, fields[column]) for column in wanted]
    row = 0
    size = max(1, min(n_rows, _BATCH // len(names)))
    for batch in file.iter_batches(batch_size=size, columns=[names[column] for column in wanted]):
        count = min(batch.num_rows, n_rows - row)
        for column, read_column, cells in zip(wanted, reads, batch.columns, strict=True):
            found = read_column(cells.slice(0, count))
            if isinstance(found, dict):
                words.setdefault(column, {}).update({row + place: word for place, word in found.items()})
            else:
                values[row : row + count, column] = found
        row += count
        if row == n_rows:
            break
    if row < n_rows:
        raise CannotReadData(path, "damaged", f"{row}/{n_rows}")
    return Table(path, values, names, words, complete=n_rows == file.metadata.num_rows)


def _reader_of(path: Path, field: Any) -> Callable[[Any], FloatArray | dict[int, str]]:
    kinds, kind = import_module("pyarrow").types, field.type
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    numbers = (kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal, kinds.is_null)
    if any(is_kind(kind) for is_kind in numbers):
        return _numbers
    if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_temporal(kind):
        return _words
    raise CannotReadData(path, "dtype", f"{field.type} ({field.name})")


def _numbers(cells: Any) -> FloatArray:
    arrow = import_module("pyarrow")
    if arrow.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    found: FloatArray = cells.cast(arrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def _words(cells: Any) -> dict[int, str]:
    arrow = import_module("pyarrow")
    if not arrow.types.is_dictionary(cells.type):
        return {row: word or "" for row, word in enumerate(cells.cast(arrow.string()).to_pylist())}
    known = [word or "" for word in cells.dictionary.to_pylist()]
    places = cells.indices.to_pylist()
    if any(place is not None and not 0 <= place < len(known) for place in places):
        raise _NoSuchWord
    return {row: "" if place is None else known[place] for row, place in enumerate(places)}
