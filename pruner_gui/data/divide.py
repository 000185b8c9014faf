"""What is input and what is target: decided here alone, by the network's counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pruner_gui.data.dataset import FloatArray, IndexArray
from pruner_gui.data.errors import (
    AmbiguousTarget,
    DataMismatch,
    NotALabel,
    TargetMismatch,
    TooManyClasses,
    UnknownClass,
    UnknownTarget,
)
from pruner_gui.data.table import Table, in_short

_TARGET_NAMES = frozenset({"target", "label", "class", "y"})


@dataclass(frozen=True, eq=False)
class Targets:
    """What the network should put out, `(n_samples, n_outputs)`, and the classes that this stands for."""

    values: FloatArray | None = None
    labels: IndexArray | None = None
    classes: tuple[str, ...] = ()


def divide(table: Table, n_inputs: int, n_outputs: int, target: str | None) -> Table:
    """Tell inputs and targets apart; the targets of the result are None when there are only inputs.

    `target` names the target columns: a name or an index from 0 (negative: from the end), or several with
    commas between. Left out, n_inputs columns are inputs only, and n_outputs more, or one more, are targets:
    the trailing ones, but see `_label_column` for where a single one is looked for.

    Raises:
        DataMismatch, TargetMismatch: the counts do not fit.
        UnknownTarget: `target` is not there.
        AmbiguousTarget: two columns could be the class, and the file does not say which.
    """
    own = table.targets
    if own is not None:
        targets = own.select(_find(own, target)) if target is not None else own
    else:
        columns = _find(table, target) if target is not None else _default(table, n_inputs, n_outputs)
        targets = table.select(columns)
        table = table.select([column for column in range(table.n_columns) if column not in set(columns)])
    if table.n_columns != n_inputs:
        total = table.n_columns + (targets.n_columns if own is None else 0)
        raise DataMismatch(table.path, total, n_inputs, n_outputs)
    if targets.n_columns not in (0, 1, n_outputs):
        raise TargetMismatch(targets.path, targets.n_columns, n_outputs)
    return replace(table, targets=targets if targets.n_columns else None)


def _find(table: Table, target: str) -> list[int]:
    wanted = [target] if target in table.names else [part.strip() for part in target.split(",")]
    return list(dict.fromkeys(_find_one(table, part) for part in wanted))


def _find_one(table: Table, wanted: str) -> int:
    named = [column for column, name in enumerate(table.names) if name == wanted]
    if len(named) == 1:
        return named[0]
    if (
        not named
        and wanted.removeprefix("-").isdecimal()
        and -table.n_columns <= int(wanted) < table.n_columns
    ):
        return int(wanted) % table.n_columns
    raise UnknownTarget(table.path, wanted, len(named), table.names)


def _default(table: Table, n_inputs: int, n_outputs: int) -> list[int]:
    width = table.n_columns
    if width == n_inputs:
        return []
    if width == n_inputs + 1:
        return [_label_column(table, n_outputs)]
    if width == n_inputs + n_outputs:
        return list(range(n_inputs, width))
    raise DataMismatch(table.path, width, n_inputs, n_outputs)


def _label_column(table: Table, n_outputs: int) -> int:
    """Find the one target column.

    The only one called target, label, class or y; else the last, unless it cannot hold class labels and the
    first can.
    """
    last = table.n_columns - 1
    named = [column for column, name in enumerate(table.names) if name.casefold() in _TARGET_NAMES]
    if len(named) == 1:
        return named[0]
    if n_outputs == 1:
        return last
    found = [_classes_in(table, column, n_outputs) for column in range(table.n_columns)]
    if found[last] < 2 <= found[0]:
        return 0
    complete = [column for column, count in enumerate(found) if count == n_outputs]
    if len(complete) == 1 and complete[0] != last:
        raise AmbiguousTarget(table.path, table.names[last], table.names[complete[0]])
    return last


def _classes_in(table: Table, column: int, n_outputs: int) -> int:
    """How many classes a column of words or class indices has; 0 for anything else."""
    if table.has_words(column):
        count = len(set(table.words[column].values()))
        return count if count <= n_outputs else 0
    values = np.unique(table.values[:, column])
    return len(values) if np.isin(values, np.arange(n_outputs)).all() else 0


def targets_of(table: Table, n_outputs: int, classes: Sequence[str] = ()) -> Targets:
    """Turn target columns into what the network should put out.

    One column for several outputs holds class labels: whole numbers below `n_outputs` are taken as they are,
    anything else is numbered in sorted order, and the targets are one-hot. `classes` are the names that an
    earlier file gave the classes; the labels are then looked up in them.

    Raises:
        NotANumber, MissingValue, NonFiniteData: a cell that has no use.
        NotALabel, TooManyClasses, UnknownClass: the labels do not fit the outputs.
    """
    if n_outputs > 1 and table.n_columns == 1:
        labels, names = _labels(table, n_outputs, classes)
        return Targets(np.eye(n_outputs, dtype=np.float32)[labels], labels, names)
    if n_outputs == 1 and table.has_words(0):
        return _two_words(table, classes)
    values = table.numbers()
    distinct = np.unique(values)
    if n_outputs == 1 and (classes or distinct.size == 2):
        names = tuple(classes) or tuple(map(in_short, distinct.tolist()))
        return Targets(values, _look_up(table, table.cells(0), names), names)
    if distinct.size == 2 and ((high := values == distinct[1]).sum(axis=1) == 1).all():
        return Targets(values, high.argmax(axis=1), table.names)
    return Targets(values)


def _labels(table: Table, n_outputs: int, classes: Sequence[str]) -> tuple[IndexArray, tuple[str, ...]]:
    if not table.has_words(0):
        _check_whole(table)
    if classes:
        return _look_up(table, table.cells(0), classes), tuple(classes)
    if table.has_words(0):
        distinct, labels = np.unique(table.cells(0), return_inverse=True)
    else:
        column = table.values[:, 0]
        if column.min() >= 0 and column.max() < n_outputs:
            return column.astype(np.intp), tuple(map(str, range(n_outputs)))
        distinct, labels = np.unique(column, return_inverse=True)
    if distinct.size > n_outputs:
        raise TooManyClasses(table.path, table.names[0], distinct.size, n_outputs)
    return labels, tuple(v if isinstance(v, str) else in_short(v) for v in distinct.tolist())


def _check_whole(table: Table) -> None:
    column = table.numbers()[:, 0]
    broken = np.flatnonzero(column != np.floor(column))
    if broken.size:
        row = int(broken[0])
        raise NotALabel(table.path, table.row_number(row), table.names[0], float(column[row]))


def _two_words(table: Table, classes: Sequence[str]) -> Targets:
    cells = table.cells(0)
    names = tuple(classes) or tuple(sorted(set(cells)))
    if len(names) != 2:
        raise TooManyClasses(table.path, table.names[0], len(names), 1)
    labels = _look_up(table, cells, names)
    return Targets(labels[:, None].astype(np.float32), labels, names)


def _look_up(table: Table, cells: Sequence[str], classes: Sequence[str]) -> IndexArray:
    index = {name: label for label, name in enumerate(classes)}
    for row, cell in enumerate(cells):
        if cell not in index:
            raise UnknownClass(table.path, table.row_number(row), table.names[0], cell, tuple(classes))
    return np.array([index[cell] for cell in cells], np.intp)
