"""What every reader gives: rows and columns as they stand in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.data.dataset import BoolArray, FloatArray
from pruner_gui.data.errors import MissingValue, NonFiniteData, NotANumber

Words = Mapping[int, str]  # the cells of a column that are not numbers, by row

_MISSING = frozenset({"", "?", "na", "n/a", "#n/a", "nil", "null", "none", "missing"})


def is_missing(cell: str) -> bool:
    """Whether a cell says that it has no value."""
    return cell.strip().casefold() in _MISSING


@dataclass(frozen=True, eq=False)
class Table:
    """Rows and columns, not yet told apart into inputs and targets unless the file does so itself.

    `values` is `(n_rows, n_columns)` of any real type; a cell that is not a number is NaN there and stands in
    `words[column][row]`. `rank` is the number of dimensions in the file (images have three). `targets` holds
    what the file itself calls targets; None leaves it open whether some of the columns are. `lines` are the
    rows' line numbers in a text file.
    """

    path: Path
    values: npt.NDArray[Any]
    names: tuple[str, ...]
    words: Mapping[int, Words] = field(default_factory=dict)
    lines: Sequence[int] = ()
    rank: int = 2
    targets: Table | None = None
    test: BoolArray | None = None

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

    def has_words(self, column: int) -> bool:
        """Whether most of a column's cells are words; in a column of numbers a word is a mistake."""
        return 2 * len(self.words.get(column, ())) > self.n_rows

    def row_number(self, row: int) -> int:
        """The number that the user finds the row by, from 1."""
        return self.lines[row] if self.lines else row + 1

    def numbers(self) -> FloatArray:
        """Return the values, float32 where that is exact, otherwise float64.

        Raises:
            NotANumber, MissingValue, NonFiniteData: the first cell, row by row, that is no finite number.
        """
        if self.words:
            row, column = min((row, column) for column, words in self.words.items() for row in words)
            cell = self.words[column][row]
            if is_missing(cell):
                raise MissingValue(self.path, self.row_number(row), self.names[column])
            raise NotANumber(self.path, self.row_number(row), self.names[column], cell)
        finite = np.isfinite(self.values)
        if not finite.all():
            row, column = np.argwhere(~finite)[0].tolist()
            raise NonFiniteData(self.path, self.row_number(row), self.names[column])
        with np.errstate(over="ignore"):
            narrow = self.values.astype(np.float32)
        return narrow if (narrow == self.values).all() else self.values.astype(np.float64)

    def cells(self, column: int) -> list[str]:
        """Return a column's cells as text; whole numbers without a point.

        Raises:
            MissingValue, NonFiniteData: a cell has no value.
        """
        words = self.words.get(column, {})
        for row, word in words.items():
            if is_missing(word):
                raise MissingValue(self.path, self.row_number(row), self.names[column])
        for row in np.flatnonzero(~np.isfinite(self.values[:, column])).tolist():
            if row not in words:
                raise NonFiniteData(self.path, self.row_number(row), self.names[column])
        return [
            words[row] if row in words else in_short(value)
            for row, value in enumerate(self.values[:, column].tolist())
        ]


def in_short(value: float) -> str:
    """Write a number the short way: 3 rather than 3.0."""
    return str(int(value)) if value == int(value) else str(value)


def numbered(count: int) -> tuple[str, ...]:
    """Names for columns that have none: their index from 0."""
    return tuple(map(str, range(count)))


def array_table(path: Path, array: npt.NDArray[Any], name: str = "") -> Table:
    """Make a table of an array `(n_rows, ...)` of numbers or text: a row's further dimensions are flattened.

    A single column takes `name`.
    """
    flat = array.reshape(array.shape[0], -1)
    names = (name,) if name and flat.shape[1] == 1 else numbered(flat.shape[1])
    if flat.dtype.kind not in "US":
        return Table(path, flat, names, rank=array.ndim)
    text = flat if flat.dtype.kind == "U" else np.char.decode(flat, "latin-1")
    words = {column: dict(enumerate(text[:, column].tolist())) for column in range(flat.shape[1])}
    return Table(path, np.full(flat.shape, np.nan), names, words, rank=array.ndim)
