"""What examples are: data sets, their scaling and splits, and the readers of data files. numpy only.

`read` makes a `Dataset` for a network of given counts from one file or from a pair; `scan`, `assign` and
`make` are its steps, for those who show them. A reader of a file format is one row of `READERS`; it gives a
`Table`, and what is input and what target is decided in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np

from pruner_gui.data.dataset import (
    DEFAULT_SHARE,
    BoolArray,
    Dataset,
    Encoding,
    FloatArray,
    IndexArray,
    Note,
    Scaling,
    Split,
    cap,
    set_apart,
    split,
)
from pruner_gui.data.divide import Roles, assign, spelled
from pruner_gui.data.errors import CannotPair, RowsDiffer, WrongFileCount
from pruner_gui.data.look import Look, look
from pruner_gui.data.make import make
from pruner_gui.data.options import (
    CATEGORIES,
    DELIMITERS,
    HEADERS,
    MISSING,
    SCALINGS,
    ReadOptions,
    is_scaling,
)
from pruner_gui.data.raw import read_head
from pruner_gui.data.table import Table, marked

__all__ = [
    "CATEGORIES",
    "DEFAULT_SHARE",
    "DELIMITERS",
    "HEADERS",
    "MISSING",
    "READERS",
    "SCALINGS",
    "BoolArray",
    "Dataset",
    "Encoding",
    "FloatArray",
    "IndexArray",
    "Look",
    "Note",
    "ReadOptions",
    "Reader",
    "Roles",
    "Scaling",
    "Split",
    "Table",
    "assign",
    "cap",
    "is_scaling",
    "look",
    "make",
    "read",
    "scan",
    "set_apart",
    "spelled",
    "split",
]


@dataclass(frozen=True)
class Reader:
    """A row of the table of readers; `sniff` knows a file by its first bytes.

    `module` has `read(path, options, limit) -> Table`, where `limit` is a number of bytes beyond which only
    the head of a file is read, None for all of it.
    """

    name: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    module: str


READERS = (
    Reader("npy", (".npy",), lambda head: head.startswith(b"\x93NUMPY"), "pruner_gui.data.npy"),
    Reader("npz", (".npz",), lambda head: head.startswith(b"PK"), "pruner_gui.data.npz"),
    Reader("idx", (".idx", ".gz"), lambda head: head.startswith(b"\0\0"), "pruner_gui.data.idx"),
    Reader("parquet", (".parquet",), lambda head: head.startswith(b"PAR1"), "pruner_gui.data.parquet"),
    # Text has no first bytes of its own: it takes what nobody else wants.
    Reader("text", (".csv", ".tsv", ".txt"), lambda head: True, "pruner_gui.data.text"),
)


AS_USUAL = ReadOptions()


def read(
    paths: Sequence[Path],
    n_inputs: int,
    n_outputs: int,
    options: ReadOptions = AS_USUAL,
    *,
    like: Dataset | None = None,
) -> Dataset:
    """Read the examples for a network of these counts from one file, or from a pair: inputs and targets.

    For rows held out in a second data set pass the first one as `like`, so that both are scaled and labelled
    alike.

    Raises:
        CannotReadData, DataTooLarge, RaggedRow, WrongFileCount, CannotPair, RowsDiffer: the files.
        NotANumber, MissingValues, NonFiniteData: a cell.
        DataMismatch, WordsMismatch, TargetMismatch, UnknownColumn, AmbiguousTarget: the columns.
        NotALabel, TooFewClasses, TooManyClasses, WrongClassCount, UnknownClass: the class labels.
    """
    table = scan(paths, n_inputs, options)
    roles = assign(table, n_inputs, n_outputs, options)
    return make(table, roles, n_outputs, options, like=like)


def scan(
    paths: Sequence[Path],
    n_inputs: int,
    options: ReadOptions = AS_USUAL,
    *,
    limit: int | None = None,
) -> Table:
    """Read a file, or a pair, as it stands; with a `limit` only about so many bytes of each.

    Of a pair, the file with more dimensions holds the inputs; of equals the one with `n_inputs` columns; else
    the first.

    Raises:
        CannotReadData, DataTooLarge, RaggedRow, WrongFileCount, CannotPair, RowsDiffer: the files.
    """
    match [_table(Path(path), options, limit) for path in paths]:
        case [whole]:
            return whole
        case [first, second]:
            return _pair(first, second, n_inputs)
        case tables:
            raise WrongFileCount(len(tables))


def _table(path: Path, options: ReadOptions, limit: int | None) -> Table:
    head = read_head(path)
    row = next(row for row in READERS if row.sniff(head))
    table: Table = import_module(row.module).read(path, options, limit)
    return marked(table)


def _pair(first: Table, second: Table, n_inputs: int) -> Table:
    for table in (first, second):
        if table.targets is not None:
            raise CannotPair(table.path)
    if first.complete and second.complete and first.n_rows != second.n_rows:
        raise RowsDiffer(first.path, first.n_rows, second.path, second.n_rows)
    if first.n_rows != second.n_rows:
        common = np.arange(min(first.n_rows, second.n_rows))
        first, second = first.take(common), second.take(common)
    fits = [(table.rank, table.n_columns == n_inputs) for table in (first, second)]
    inputs, targets = (second, first) if fits[1] > fits[0] else (first, second)
    test = targets.test if inputs.test is None else inputs.test
    complete = first.complete and second.complete
    return replace(inputs, targets=targets, test=test, complete=complete)
