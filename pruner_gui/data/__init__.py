"""What examples are: data sets, their scaling and splits, and the readers of data files. numpy only.

`read` makes a `Dataset` for a network of given counts from one file or from a pair. A reader of a file format
is one row of `READERS`; it gives a `Table`, and what is input and what target is decided in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from pruner_gui.data.dataset import (
    DEFAULT_SHARE,
    SCALINGS,
    BoolArray,
    Dataset,
    FloatArray,
    IndexArray,
    Scaling,
    ScalingKind,
    Split,
    cap,
    split,
)
from pruner_gui.data.divide import Targets, divide, targets_of
from pruner_gui.data.errors import CannotPair, RowsDiffer, WrongFileCount
from pruner_gui.data.raw import read_head
from pruner_gui.data.table import Table

__all__ = [
    "DEFAULT_SHARE",
    "READERS",
    "SCALINGS",
    "BoolArray",
    "Dataset",
    "FloatArray",
    "IndexArray",
    "Reader",
    "Scaling",
    "ScalingKind",
    "Split",
    "cap",
    "read",
    "split",
]


@dataclass(frozen=True)
class Reader:
    """A row of the table of readers: `module` has `read(path) -> Table`; `sniff` knows its first bytes."""

    name: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    module: str


READERS = (
    Reader("npy", (".npy",), lambda head: head.startswith(b"\x93NUMPY"), "pruner_gui.data.npy"),
    Reader("npz", (".npz",), lambda head: head.startswith(b"PK"), "pruner_gui.data.npz"),
    Reader("idx", (".idx", ".gz"), lambda head: head.startswith(b"\0\0"), "pruner_gui.data.idx"),
    # Text has no first bytes of its own: it takes what nobody else wants.
    Reader("text", (".csv", ".tsv", ".txt"), lambda head: True, "pruner_gui.data.text"),
)


def read(
    paths: Sequence[Path],
    n_inputs: int,
    n_outputs: int,
    *,
    target: str | None = None,
    scale: ScalingKind | Scaling = "none",
    classes: Sequence[str] = (),
) -> Dataset:
    """Read the examples for a network of these counts from one file, or from a pair: inputs and targets.

    Of a pair, the file with more dimensions holds the inputs; of equals the one with `n_inputs` columns; else
    the first. `target` names the target columns (see `divide`). For rows held out in a second data set pass
    the first one's `scaling` and `classes`, so that both are scaled and labelled alike.

    Raises:
        CannotReadData, DataTooLarge, RaggedRow, WrongFileCount, CannotPair, RowsDiffer: the files.
        NotANumber, MissingValue, NonFiniteData: a cell.
        DataMismatch, TargetMismatch, UnknownTarget, AmbiguousTarget: the columns.
        NotALabel, TooManyClasses, UnknownClass: the class labels.
    """
    match [_table(Path(path)) for path in paths]:
        case [whole]:
            table = whole
        case [first, second]:
            table = _pair(first, second, n_inputs)
        case tables:
            raise WrongFileCount(len(tables))
    table = divide(table, n_inputs, n_outputs, target)
    raw = table.numbers()
    scaling = scale if isinstance(scale, Scaling) else Scaling.fit(scale, raw)
    targets = targets_of(table.targets, n_outputs, classes) if table.targets else Targets()
    divides = table.test is not None and 0 < table.test.sum() < table.n_rows
    return Dataset(
        inputs=scaling.apply(raw),
        targets=targets.values,
        labels=targets.labels,
        classes=targets.classes,
        input_names=table.names,
        target_names=table.targets.names if table.targets else (),
        test=table.test if divides else None,
        source=" + ".join(Path(path).name for path in paths),
        scaling=scaling,
    )


def _table(path: Path) -> Table:
    head = read_head(path)
    row = next(row for row in READERS if row.sniff(head))
    table: Table = import_module(row.module).read(path)
    return table


def _pair(first: Table, second: Table, n_inputs: int) -> Table:
    for table in (first, second):
        if table.targets is not None:
            raise CannotPair(table.path)
    if first.n_rows != second.n_rows:
        raise RowsDiffer(first.path, first.n_rows, second.path, second.n_rows)
    fits = [(table.rank, table.n_columns == n_inputs) for table in (first, second)]
    inputs, targets = (second, first) if fits[1] > fits[0] else (first, second)
    test = targets.test if inputs.test is None else inputs.test
    return replace(inputs, targets=targets, test=test)
