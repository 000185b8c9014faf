"""What every reader gives: rows and columns as they stand in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.data.dataset import BoolArray, FloatArray, IndexArray
from pruner_gui.data.errors import NotANumber

Words = Mapping[int, str]  # the cells of a column that are not numbers, by row

_MISSING = frozenset({"", "?", "na", "n/a", "<na>", "#n/a", "nan", "nil", "null", "none", "missing"})


def is_missing(cell: str) -> bool:
    """Whether a cell says that it has no value."""
    return cell.strip().casefold() in _MISSING


@dataclass(frozen=True, eq=False)
class Table:
    """Rows and columns, not yet told apart into inputs and targets unless the file does so itself.

    `values` is `(n_rows, n_columns)` of any real type; a cell that is not a number is NaN there and stands in
    `words[column][row]`. `rank` is the number of dimensions in the file (images have three). `targets` holds
    what the file itself calls targets; None leaves it open whether some of the columns are. `lines` are the
    rows' line numbers in a text file. Of a file of which only the head was read, `complete` is False.
    """

    path: Path
    values: npt.NDArray[Any]
    names: tuple[str, ...]
    words: Mapping[int, Words] = field(default_factory=dict)
    lines: Sequence[int] = ()
    rank: int = 2
    targets: Table | None = None
    test: BoolArray | None = None
    complete: bool = True

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self.values.shape[1])

    def select(self, columns: Sequence[int]) -> Table:
        """Return only these columns, in this order."""
        return replace(
            self,
            values=self.values[:, list(columns)],
            names=tuple(self.names[column] for column in columns),
            words={new: self.words[old] for new, old in enumerate(columns) if old in self.words},
        )

    def take(self, rows: IndexArray) -> Table:
        """Return only these rows, in this order."""
        new = {old: place for place, old in enumerate(rows.tolist())}
        return replace(
            self,
            values=self.values[rows],
            words={
                column: {new[row]: word for row, word in words.items() if row in new}
                for column, words in self.words.items()
            },
            lines=[self.row_number(row) for row in rows.tolist()],
            targets=None if self.targets is None else self.targets.take(rows),
            test=None if self.test is None else self.test[rows],
        )

    def has_words(self, column: int) -> bool:
        """Whether most of a column's cells are words; in a column of numbers a word is a mistake."""
        if column not in self.words:
            return False
        words = [word for word in self.words[column].values() if not is_missing(word)]
        return 2 * len(words) > self.n_rows - int(self._open(column).sum())

    def missing(self) -> BoolArray:
        """Return which cells, `(n_rows, n_columns)`, have no value."""
        if self.values.dtype.kind != "f":
            return np.zeros(self.values.shape, bool)
        found: BoolArray = np.isnan(self.values)
        for column in self.words:
            found[:, column] = self._open(column)
        return found

    def row_number(self, row: int) -> int:
        """The number that the user finds the row by, from 1."""
        return self.lines[row] if self.lines else row + 1

    def numbers(self) -> npt.NDArray[Any]:
        """Return the values, NaN where they are missing.

        Raises:
            NotANumber: the first cell, row by row, that is a word.
        """
        wrong = [
            (row, column)
            for column, words in self.words.items()
            for row in words
            if not is_missing(words[row])
        ]
        if wrong:
            row, column = min(wrong)
            raise NotANumber(self.path, self.row_number(row), self.names[column], self.words[column][row])
        return self.values

    def infinite(self) -> BoolArray:
        """Return which cells, `(n_rows, n_columns)`, are infinite."""
        if self.values.dtype.kind != "f":
            return np.zeros(self.values.shape, bool)
        return np.isinf(self.values)

    def cells(self, column: int) -> list[str]:
        """Return a column's cells as text: whole numbers without a point, "" where there is no value."""
        words = self.words.get(column, {})
        return [
            ("" if is_missing(words[row]) else words[row]) if row in words else self._number(row, column)
            for row in range(self.n_rows)
        ]

    def shown(self, row: int, column: int) -> str:
        """Return a cell to be shown, whatever it holds; "" where it has no value."""
        word, value = self.words.get(column, {}).get(row), self.values[row, column]
        if word is not None:
            return "" if is_missing(word) else word
        if np.isnan(value):
            return ""
        return in_short(float(value)) if value == np.floor(value) else str(value)  # as short as its type

    def _open(self, column: int) -> BoolArray:
        """Which cells of a column have no value."""
        if self.values.dtype.kind != "f":
            return np.zeros(self.n_rows, bool)
        found: BoolArray = np.isnan(self.values[:, column])
        for row, word in self.words.get(column, {}).items():
            found[row] = is_missing(word)
        return found

    def _number(self, row: int, column: int) -> str:
        value = float(self.values[row, column])
        return "" if np.isnan(value) else in_short(value)


def narrow(values: npt.NDArray[Any]) -> FloatArray:
    """Return finite values as float32 where that is exact, otherwise as float64."""
    with np.errstate(over="ignore"):
        small = values.astype(np.float32)
    return small if (small == values).all() else values.astype(np.float64)


def in_short(value: float) -> str:
    """Write a number the short way: 3 rather than 3.0."""
    return str(int(value)) if value.is_integer() else str(value)


def numbered(count: int) -> tuple[str, ...]:
    """Names for columns that have none: their index from 0."""
    return tuple(map(str, range(count)))


def array_table(path: Path, array: npt.NDArray[Any], name: str = "", *, complete: bool = True) -> Table:
    """Make a table of an array `(n_rows, ...)` of numbers or text: a row's further dimensions are flattened.

    A single column takes `name`.
    """
    flat = array.reshape(array.shape[0], -1)
    names = (name,) if name and flat.shape[1] == 1 else numbered(flat.shape[1])
    if flat.dtype.kind not in "US":
        return Table(path, flat, names, rank=array.ndim, complete=complete)
    text = flat if flat.dtype.kind == "U" else np.char.decode(flat, "latin-1")
    words = {column: dict(enumerate(text[:, column].tolist())) for column in range(flat.shape[1])}
    return Table(path, np.full(flat.shape, np.nan), names, words, rank=array.ndim, complete=complete)


def marked(table: Table) -> Table:
    """Make a column named "split" of the words train and test the marks of the rows."""
    for column, name in enumerate(table.names):
        words = [word.casefold() for word in table.words.get(column, {}).values()]
        if name.casefold() == "split" and len(words) == table.n_rows and set(words) <= {"train", "test"}:
            kept = table.select([other for other in range(table.n_columns) if other != column])
            return replace(kept, test=np.array(words) == "test")
    return table
