"""From target columns to what the network should put out, and the classes that this stands for."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pruner_gui.data.dataset import FloatArray, IndexArray, Note
from pruner_gui.data.errors import (
    NotALabel,
    TooFewClasses,
    TooManyClasses,
    UnknownClass,
    WrongClassCount,
)
from pruner_gui.data.table import Table, in_short, narrow


@dataclass(frozen=True, eq=False)
class Targets:
    """What the network should put out, `(n_samples, n_outputs)`, and the classes that this stands for."""

    values: FloatArray | None = None
    labels: IndexArray | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def classes_in(column: Table, n_outputs: int) -> int:
    """Return how many classes a column of words or whole numbers has; 0 if they are no classes."""
    found = set(column.cells(0)) - {""} if column.has_words(0) else set()
    if found:
        return len(found) if len(found) <= n_outputs else 0
    values = np.unique(column.values[:, 0])
    if not np.isfinite(values).all() or (values != np.floor(values)).any() or len(values) > n_outputs:
        return 0
    counted = values[0] >= 0 and values[-1] < n_outputs
    return len(values) if counted or len(values) == n_outputs else 0


def targets_of(
    table: Table, n_outputs: int, named: str | None = None, earlier: Sequence[str] = ()
) -> Targets:
    """Turn target columns, which have no missing values, into what the network should put out.

    One column for several outputs holds class labels: whole numbers below `n_outputs` are taken as they are,
    anything else is numbered in sorted order, or in the order of the `named` classes, and the targets are
    one-hot. `earlier` are the names that an earlier file gave the classes; the labels are looked up in them.

    Raises:
        NotANumber: a cell that has no use.
        NotALabel, TooFewClasses, TooManyClasses, WrongClassCount, UnknownClass: the labels do not fit.
    """
    order = _order(named, n_outputs)
    if n_outputs > 1 and table.n_columns == 1:
        labels, names = _labels(table, n_outputs, order or tuple(earlier))
        notes = () if names == tuple(map(str, range(n_outputs))) else (Note("classes", names=names),)
        return Targets(np.eye(n_outputs, dtype=np.float32)[labels], labels, names, notes)
    if n_outputs == 1 and (order or table.has_words(0)):
        return _two_classes(table, order or tuple(earlier))
    values = narrow(table.numbers())
    distinct = np.unique(values)
    if n_outputs == 1 and (earlier or distinct.size == 2):
        names = tuple(earlier) or tuple(map(in_short, distinct.tolist()))
        return Targets(values, _look_up(table, table.cells(0), names), names)
    if distinct.size == 2 and ((high := values == distinct[1]).sum(axis=1) == 1).all():
        return Targets(values, high.argmax(axis=1), order or table.names)
    return Targets(values)


def _order(named: str | None, n_outputs: int) -> tuple[str, ...]:
    if named is None:
        return ()
    order = tuple(name.strip() for name in next(csv.reader([named], skipinitialspace=True), []))
    if len(order) != max(n_outputs, 2) or len(set(order)) < len(order):
        raise WrongClassCount(order, n_outputs)
    return order


def _labels(table: Table, n_outputs: int, known: tuple[str, ...]) -> tuple[IndexArray, tuple[str, ...]]:
    if not table.has_words(0):
        _check_whole(table)
    if known:
        return _look_up(table, table.cells(0), known), known
    if table.has_words(0):
        distinct, labels = np.unique(table.cells(0), return_inverse=True)
    else:
        column = table.values[:, 0]
        low, high = column.min(), column.max()
        if low >= 0 and high < n_outputs:
            return column.astype(np.intp), tuple(map(str, range(n_outputs)))
        if low >= 1 and high == n_outputs:  # counted from 1, though some class may have no row
            return column.astype(np.intp) - 1, tuple(map(str, range(1, n_outputs + 1)))
        distinct, labels = np.unique(column, return_inverse=True)
    names = tuple(value if isinstance(value, str) else in_short(float(value)) for value in distinct.tolist())
    if len(names) > n_outputs:
        raise TooManyClasses(table.path, table.names[0], len(names), n_outputs)
    if len(names) < n_outputs:
        raise TooFewClasses(table.path, table.names[0], names, n_outputs)
    return labels, names


def _check_whole(table: Table) -> None:
    column = table.numbers()[:, 0]
    broken = np.flatnonzero(column != np.floor(column))
    if broken.size:
        row = int(broken[0])
        raise NotALabel(table.path, table.row_number(row), table.names[0], float(column[row]))


def _two_classes(table: Table, known: tuple[str, ...]) -> Targets:
    cells = table.cells(0)
    names = known or tuple(sorted(set(cells)))
    if len(names) > 2:
        raise TooManyClasses(table.path, table.names[0], len(names), 1)
    if len(names) < 2:
        raise TooFewClasses(table.path, table.names[0], names, 1)
    labels = _look_up(table, cells, names)
    return Targets(labels[:, None].astype(np.float32), labels, names, (Note("classes", names=names),))


def _look_up(table: Table, cells: Sequence[str], classes: Sequence[str]) -> IndexArray:
    index = {name: label for label, name in enumerate(classes)}
    for row, cell in enumerate(cells):
        if cell not in index:
            raise UnknownClass(table.path, table.row_number(row), table.names[0], cell, tuple(classes))
    return np.array([index[cell] for cell in cells], np.intp)
