"""From cells to the numbers that a network takes: words become columns, gaps are dropped or filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.data.dataset import BoolArray, Encoding, FloatArray, Note
from pruner_gui.data.errors import CannotReadData, MissingValues, NonFiniteData, Place, UnknownClass
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.table import Table, narrow

_SHOWN = 5  # places of missing values that are named
_TRUTHS = {"false", "true"}

Categories = tuple[tuple[str, ...], ...]  # of each column, in the order of their numbers; () for numbers


@dataclass(frozen=True, eq=False)
class Inputs:
    """Raw inputs `(n_samples, n_inputs)`; `words` are the columns among them that stand for words."""

    values: FloatArray
    names: tuple[str, ...]
    words: tuple[int, ...]
    encoding: Encoding
    notes: tuple[Note, ...]


def categories_of(table: Table) -> Categories:
    """Return the words of each column of words, sorted."""
    return tuple(
        tuple(sorted(set(table.cells(column)) - {""})) if table.has_words(column) else ()
        for column in range(table.n_columns)
    )


def n_numbers(table: Table, kind: str) -> tuple[int, ...]:
    """Return how many numbers each column gives with its words treated as `kind` says."""
    return tuple(_width(words, kind) for words in categories_of(table))


def _width(words: Sequence[str], kind: str) -> int:
    if not words or _as_one(words, kind):
        return 1
    return len(words) - (kind == "drop-first")


def _as_one(words: Sequence[str], kind: str) -> bool:
    """Whether words become one number, their place in order; true and false are 1 and 0."""
    return kind == "number" or {word.casefold() for word in words} <= _TRUTHS


# -- gaps


def without_infinite(table: Table, missing: str) -> Table:
    """Return a table and its targets with infinite cells as cells without a value.

    Raises:
        NonFiniteData: there are such cells, and `missing` is "refuse".
    """
    parts = [(part, part.infinite()) for part in (table, table.targets) if part is not None]
    if not any(cells.any() for _, cells in parts):
        return table
    if missing == "refuse":
        raise NonFiniteData(*_first_places(parts))
    emptied = [replace(part, values=np.where(cells, np.nan, part.values)) for part, cells in parts]
    return replace(emptied[0], targets=emptied[1] if len(emptied) > 1 else None)


def whole_rows(table: Table, missing: str) -> tuple[Table, tuple[Note, ...]]:
    """Return the rows that can be used, and what was left out: a row without a target is never of use.

    Raises:
        MissingValues: cells have no value, and `missing` is "refuse".
        CannotReadData: no row is left.
    """
    gaps = table.missing()
    parts = [(table, gaps)]
    useless = gaps.any(axis=1) if missing == "drop-rows" else np.zeros(table.n_rows, bool)
    if table.targets is not None:
        parts.append((table.targets, table.targets.missing()))
        useless |= parts[1][1].any(axis=1)
    if missing == "refuse" and any(part_gaps.any() for _, part_gaps in parts):
        raise MissingValues(*_first_places(parts))
    if useless.all():
        raise CannotReadData(table.path, "incomplete")
    if not useless.any():
        return table, ()
    return table.take(np.flatnonzero(~useless)), (Note("rows-dropped", int(useless.sum())),)


def _first_places(parts: Sequence[tuple[Table, BoolArray]]) -> tuple[Path, tuple[Place, ...], int]:
    """Return the file with marked cells, where the first of them are, and their number."""
    places = [
        (row, Place(table.row_number(row), table.names[column]))
        for table, gaps in parts
        for row, column in np.argwhere(gaps)[:_SHOWN].tolist()
    ]
    first = tuple(place for _, place in sorted(places, key=lambda found: found[0])[:_SHOWN])
    path = next(table.path for table, gaps in parts if gaps.any())
    return path, first, sum(int(gaps.sum()) for _, gaps in parts)


# -- words


def encode(table: Table, options: ReadOptions, categories: Categories, like: Encoding | None) -> Inputs:
    """Turn the input columns into numbers; cells without a value take the mean of their column.

    `categories` are as `categories_of` gives them. With `like`, words and means are those of an earlier file.

    Raises:
        NotANumber: a cell of a column of numbers.
        UnknownClass: a word that the earlier file does not have.
        MissingValues: no cell of a column has a value.
    """
    if like is not None:
        categories = like.categories
    kind = options.categories
    worded = [c for c, words in enumerate(categories) if words and (kind == "number") is _as_one(words, kind)]
    values, names, expanded = _expanded(table, options.categories, categories)
    gaps = np.isnan(values) if values.dtype.kind == "f" else np.zeros((1, 1), bool)
    notes = [_note(table, options.categories, worded)] if worded else []
    if gaps.any():
        fill = _means(table, values, gaps) if like is None else like.fill
        values = np.where(gaps, fill, values)
        notes.append(Note("cells-filled", int(table.missing().sum())))
    else:
        fill = values.mean(axis=0, dtype=np.float64) if like is None else like.fill
    return Inputs(narrow(values), names, expanded, Encoding(categories, fill), tuple(notes))


def _note(table: Table, kind: str, worded: Sequence[int]) -> Note:
    return Note("numbered" if kind == "number" else "one-hot", names=tuple(table.names[c] for c in worded))


def _expanded(
    table: Table, kind: str, categories: Categories
) -> tuple[npt.NDArray[Any], tuple[str, ...], tuple[int, ...]]:
    if not any(categories):
        return table.numbers(), table.names, ()
    blocks: list[npt.NDArray[Any]] = []
    names: list[str] = []
    expanded: list[int] = []
    for column, words in enumerate(categories):
        single, name = table.select([column]), table.names[column]
        block = _numbers_for(single, words, kind) if words else single.numbers()
        if words:
            expanded += range(len(names), len(names) + block.shape[1])
        blocks.append(block)
        shown = words[-block.shape[1] :] if not _as_one(words, kind) else ()
        names += [f"{name}={word}" for word in shown] or [name]
    return np.hstack(blocks), tuple(names), tuple(expanded)


def _numbers_for(column: Table, words: Sequence[str], kind: str) -> FloatArray:
    """One column of words as numbers; NaN where there is no word."""
    place = {word: float(number) for number, word in enumerate(words)} | {"": np.nan}
    cells = column.cells(0)
    for row, cell in enumerate(cells):
        if cell not in place:
            raise UnknownClass(column.path, column.row_number(row), column.names[0], cell, tuple(words))
    numbers = np.array([place[cell] for cell in cells])[:, None]
    if _as_one(words, kind):
        return numbers
    ones = (numbers == np.arange(len(words))).astype(np.float64)
    ones[np.isnan(numbers[:, 0])] = np.nan
    return ones[:, 1:] if kind == "drop-first" else ones


def _means(table: Table, values: FloatArray, gaps: BoolArray) -> FloatArray:
    if gaps.all(axis=0).any():
        empty = table.missing()
        raise MissingValues(*_first_places([(table, empty & empty.all(axis=0))]))
    means: FloatArray = np.nanmean(values, axis=0, dtype=np.float64)
    return means
