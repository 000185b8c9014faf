"""Reader of text files: comma, semicolon, tab, bar or blanks between the cells, with or without a header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from pruner_gui.data.dataset import FloatArray
from pruner_gui.data.errors import CannotReadData, RaggedRow
from pruner_gui.data.options import DELIMITERS, ReadOptions
from pruner_gui.data.raw import MAX_LINE, check_columns, check_values, hold, read_bytes
from pruner_gui.data.table import Table, Words, in_short, is_missing, numbered

_BLOCK = 2**20  # cells turned into numbers at once
_SAMPLE = 2**18  # characters looked at to find the delimiter
_PREFERRED = sorted(DELIMITERS[1:], key="\t;,| ".index)  # of equally good ones the first is taken
_LINE_END = re.compile(r"\r\n|\n|\r")
_REMARK = re.compile(r"(?m)(?:^|(?<=[ \t]))#.*$")
_CONTROL = bytes({*range(32)} - set(b"\t\n\v\f\r\x1a\x1b"))
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
# In a file with decimal commas a point groups thousands, or is a mistake: no number.
_COMMA_TO_POINT = str.maketrans({",": ".", ".": "_."})


def read(path: Path, options: ReadOptions, limit: int | None = None) -> Table:
    """Read a text file of rows and columns; blank lines and lines that begin with # are left out.

    UTF-8, UTF-16, otherwise Latin-1. A nameless first column that counts the rows is dropped.

    Raises:
        CannotReadData, DataTooLarge: not text, empty, a quote that does not close, beyond bounds.
        RaggedRow: a row has more cells than the first.
    """
    data = read_bytes(path, limit)
    complete = limit is None or len(data) < limit
    text = _text(path, data)
    if not complete:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    table = _table(path, _sheet(path, text, _dialect(text, options.delimiter)), options.header)
    return replace(table, complete=complete)


# -- from bytes to rows of cells


class _CsvReader(Protocol):
    """What csv.reader gives."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    quote: str

    def reader(self, text: str) -> _CsvReader:
        """The rows of cells in a text, without the blanks in front of a cell."""
        if self.delimiter == " ":
            text = _REMARK.sub("", text).replace("\t", " ")
        lines = io.StringIO(text, newline="")
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, skipinitialspace=True)


def _text(path: Path, data: bytes) -> str:
    wide = _wide(data)
    if wide:
        data = data.decode(wide, "replace").encode()
    if len(data.translate(None, _CONTROL)) < len(data):
        raise CannotReadData(path, "binary")
    _check_lines(path, data)
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data)  # a head may end amid a character
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _wide(data: bytes) -> str:
    """The kind of UTF-16, by its mark or by the empty halves of its first characters; "" if it is none."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = data[:64:2], data[1:64:2]
    if len(even) > 1 and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(even) > 1 and not any(even) and all(odd) else ""


def _check_lines(path: Path, data: bytes) -> None:
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero((codes == ord("\n")) | (codes == ord("\r")))
    longest = int(np.diff(ends, prepend=-1, append=len(data)).max()) - 1
    hold(path, "line", longest, MAX_LINE)


def _dialect(text: str, delimiter: str) -> _Dialect:
    lines = [line for line in text[:_SAMPLE].splitlines() if line.strip() and line[0] != "#"][:100]
    sample = "\n".join(lines)
    single = '"' not in sample and re.search(r"(?m)(^|[,;|\t ])'", sample)
    quote = "'" if single else '"'
    if delimiter != "auto":
        return _Dialect(delimiter, quote)
    # csv.Sniffer guesses from letters when it finds no pattern; here we know that cells are numbers
    dialects = [_Dialect(each, quote) for each in _PREFERRED]
    return max(dialects, key=lambda dialect: _share_of_numbers(dialect, sample))


def _share_of_numbers(dialect: _Dialect, sample: str) -> float:
    """The part of the cells that are numbers in this dialect; 0 when it does not divide the rows."""
    try:
        rows = [[cell for cell in row if cell] for row in dialect.reader(sample)]
    except csv.Error:  # a long line is one cell beyond what csv takes, where its delimiter is another
        return -1.0
    if 2 * sum(len(row) > 1 for row in rows) <= len(rows):
        return 0.0
    cells = [cell for row in rows[1:] or rows for cell in row]
    # words alone are still better divided than not
    return (1e-9 + sum(map(_is_number, cells))) / max(len(cells), 1)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return _DECIMAL_COMMA.fullmatch(cell.strip()) is not None
    return True


def _rows(path: Path, text: str, dialect: _Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows that have something in them, all as wide as the first, each with the number of its line."""
    reader = dialect.reader(text)
    width = line = 0
    try:
        for cells in reader:
            above, line = line, reader.line_num
            if line - above > 1 and width:
                raise CannotReadData(path, "quote", str(above + 1))
            cut = len(cells)
            while cut and not cells[cut - 1]:
                cut -= 1
            if not cut or cells[0].startswith("#"):
                continue
            if not width:
                width = len(cells)
                check_columns(path, width)
            if cut > width:
                raise RaggedRow(path, line, cut, width)
            yield line, cells[:width] + [""] * (width - len(cells))
    except csv.Error as error:
        raise CannotReadData(path, "quote", str(line + 1)) from error


# -- from cells to numbers


@dataclass
class _Sheet:
    """All rows as numbers and words, a header still among them."""

    blocks: list[FloatArray] = field(default_factory=list)
    words: dict[int, dict[int, str]] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)

    @property
    def n_words(self) -> int:
        return sum(map(len, self.words.values()))

    def add(self, rows: Sequence[Sequence[str]], decimal_comma: bool) -> None:
        top = sum(map(len, self.blocks))
        block = np.empty((len(rows), len(rows[0])))
        for column, cells in enumerate(zip(*rows, strict=True)):
            block[:, column], words = _numbers(cells, decimal_comma)
            if words:
                below = self.words.setdefault(column, {})
                below.update((top + row, word) for row, word in words.items())
        self.blocks.append(block)


def _sheet(path: Path, text: str, dialect: _Dialect) -> _Sheet:
    plain = _plain(path, text, dialect)
    if plain is not None:
        return plain
    sheet = _parse(path, _rows(path, text, dialect), decimal_comma=False)
    words = (word for column in sheet.words.values() for word in column.values())
    if dialect.delimiter != "," and any(map(_DECIMAL_COMMA.fullmatch, words)):
        other = _parse(path, _rows(path, text, dialect), decimal_comma=True)
        return min(sheet, other, key=lambda candidate: candidate.n_words)
    return sheet


def _plain(path: Path, text: str, dialect: _Dialect) -> _Sheet | None:
    """The sheet where every line but the first has equally many numbers, several times faster; else None."""
    end = _LINE_END.search(text)
    if end is None or dialect.delimiter == " " or text[: end.start()].count(dialect.quote) % 2:
        return None
    first, rest = list(_rows(path, text[: end.start()], dialect)), text[end.end() :].rstrip("\r\n")
    n_lines = rest.count("\n") + 1
    check_values(path, rest.count(dialect.delimiter) + n_lines)
    if not first or not rest or rest.count("\r") > rest.count("\r\n"):
        return None
    try:
        values = np.loadtxt(io.StringIO(rest), delimiter=dialect.delimiter, comments=None, ndmin=2)
    except ValueError:
        return None
    line, cells = first[0]
    if line != 1 or values.shape != (n_lines, len(cells)):
        return None
    sheet = _Sheet(lines=list(range(1, n_lines + 2)))
    sheet.add([cells], decimal_comma=False)
    sheet.blocks.append(values)
    return sheet


def _parse(path: Path, rows: Iterable[tuple[int, list[str]]], decimal_comma: bool) -> _Sheet:
    sheet = _Sheet()
    block: list[list[str]] = []
    for line, cells in rows:
        sheet.lines.append(line)
        block.append(cells)
        if len(block) * len(cells) >= _BLOCK:
            check_values(path, len(sheet.lines) * len(cells))
            sheet.add(block, decimal_comma)
            block = []
    if block:
        sheet.add(block, decimal_comma)
    if not sheet.lines:
        raise CannotReadData(path, "empty")
    return sheet


def _numbers(cells: Sequence[str], decimal_comma: bool) -> tuple[FloatArray, Words]:
    """One column as numbers, NaN in place of words, and the words."""
    plain = [cell.translate(_COMMA_TO_POINT) for cell in cells] if decimal_comma else cells
    try:
        return np.array(plain, np.float64), {}
    except ValueError:
        pass
    values, words = np.full(len(cells), np.nan), {}
    for row, cell in enumerate(plain):
        try:
            values[row] = float(cell)
        except ValueError:
            words[row] = cells[row].strip()
    return values, words


# -- from a sheet to a table


def _table(path: Path, sheet: _Sheet, header: str) -> Table:
    values = np.concatenate(sheet.blocks)
    table = Table(path, values, numbered(values.shape[1]), sheet.words, tuple(sheet.lines))
    used = [column for column in range(table.n_columns) if not _is_empty(table, column)]
    if not used:
        raise CannotReadData(path, "empty")
    if len(used) < table.n_columns:
        table = replace(table.select(used), names=numbered(len(used)))
    if header == "yes" or (header == "auto" and _has_header(table)):
        table = _without_index(_headed(table))
    if not table.n_rows:
        raise CannotReadData(path, "empty")
    return table


def _is_empty(table: Table, column: int) -> bool:
    words = table.words.get(column, {})
    return len(words) == table.n_rows and not any(words.values())


def _has_header(table: Table) -> bool:
    """Whether the first row holds names.

    It does when it has only words and there are numbers below, when words stand above pure numbers and what
    else it has could be numbered names, and when it counts the columns from 0.
    """
    first = [table.words.get(column, {}).get(0) for column in range(table.n_columns)]
    if first[0] == "" and _counts_rows(table.values[1:, 0]):
        first[0] = "index"
    if any(word is not None and is_missing(word) for word in first):
        return False
    below = {
        column: len(table.words.get(column, {})) - 1 for column, word in enumerate(first) if word is not None
    }
    if len(below) == table.n_columns:
        return any(n_words < table.n_rows - 1 for n_words in below.values()) or table.n_rows == 1
    numbers = [value for value, word in zip(table.values[0].tolist(), first, strict=True) if word is None]
    names = len(set(numbers)) == len(numbers) and all(value >= 0 and value.is_integer() for value in numbers)
    if below:
        return names and any(n_words == 0 for n_words in below.values()) and table.n_rows > 1
    return len(numbers) > 2 and numbers == list(range(len(numbers)))


def _counts_rows(column: FloatArray) -> bool:
    start = column[0] if column.size > 1 else np.nan  # a single number counts nothing
    return start in (0, 1) and np.array_equal(column, np.arange(column.size) + start)


def _headed(table: Table) -> Table:
    """Take the names from the first row."""
    names = (
        table.words[column][0] if np.isnan(value) and column in table.words else in_short(value)
        for column, value in enumerate(table.values[0].tolist())
    )
    words = {
        column: {row - 1: word for row, word in words.items() if row}
        for column, words in table.words.items()
        if set(words) != {0}
    }
    return replace(table, names=tuple(names), values=table.values[1:], words=words, lines=table.lines[1:])


def _without_index(table: Table) -> Table:
    """Drop a nameless first column that counts the rows; other nameless columns go by their index."""
    if table.names[0] == "" and table.n_columns > 1 and _counts_rows(table.values[:, 0]):
        table = table.select(range(1, table.n_columns))
    return replace(table, names=tuple(name or str(column) for column, name in enumerate(table.names)))
