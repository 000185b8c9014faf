"""What can be wrong with data, as values.

`row` counts from 1: the line in a text file, the row of an array otherwise. `column` is the column's name, or
where it has none, its index from 0, by which a target can be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pruner_gui.errors import PrunerError


@dataclass
class CannotReadData(PrunerError):
    """The file cannot be read as data.

    `reason` is the errno's name where the system refuses (ENOENT, EACCES, EISDIR...), or "special" (not a
    regular file), "empty" (no rows), "binary" (posing as text), "damaged" (`detail` says what did not fit),
    "dtype" (`detail` names the type, e.g. object), "keys" (no inputs among the arrays in `detail`) or "quote"
    (a quoted cell goes on beyond line `detail`), "incomplete" (no row has all its values) or "package"
    (`detail` names the extra that has what is needed).
    """

    path: Path
    reason: str
    detail: str = ""


@dataclass
class DataTooLarge(PrunerError):
    """The file declares or holds more than is read.

    `what` is "bytes" (of the unpacked file), "values", "columns", "arrays" or "line" (bytes of one line).
    """

    path: Path
    what: str
    size: int
    limit: int


@dataclass
class RaggedRow(PrunerError):
    """A row has more cells than the first."""

    path: Path
    row: int
    found: int
    expected: int


@dataclass
class NotANumber(PrunerError):
    """A cell that has to be a number is not one."""

    path: Path
    row: int
    column: str
    value: str


class Place(NamedTuple):
    """Where a cell stands."""

    row: int
    column: str


@dataclass
class MissingValues(PrunerError):
    """Cells that are empty or say that their value is missing: the first places, and how many there are."""

    path: Path
    places: tuple[Place, ...]
    count: int


@dataclass
class NonFiniteData(PrunerError):
    """Cells that are infinite: the first places, and how many there are."""

    path: Path
    places: tuple[Place, ...]
    count: int


@dataclass
class DataMismatch(PrunerError):
    """The columns do not fit the network: neither inputs alone nor inputs and targets.

    `columns` counts those that could be inputs, targets among them unless the file keeps those apart.
    """

    path: Path
    columns: int
    n_inputs: int
    n_outputs: int


@dataclass
class WordsMismatch(PrunerError):
    """The columns do not fit the network, and some hold words, which count as so many numbers each.

    `columns` counts all of these numbers; `words` names those columns, with their numbers.
    """

    path: Path
    columns: int
    words: tuple[str, ...]
    n_inputs: int
    n_outputs: int


@dataclass
class TargetMismatch(PrunerError):
    """The number of target columns is neither one nor the number of outputs."""

    path: Path
    columns: int
    n_outputs: int


@dataclass
class UnknownColumn(PrunerError):
    """No column (`matches` 0), or more than one, goes by what was asked for."""

    path: Path
    wanted: str
    matches: int
    columns: tuple[str, ...]


@dataclass
class AmbiguousTarget(PrunerError):
    """The trailing column could be the class, but another one fits the network's outputs better."""

    path: Path
    trailing: str
    better: str


@dataclass
class NotALabel(PrunerError):
    """A class label is a number with a fraction."""

    path: Path
    row: int
    column: str
    value: float


@dataclass
class TooManyClasses(PrunerError):
    """The label column has more distinct values than the network has outputs."""

    path: Path
    column: str
    found: int
    n_outputs: int


@dataclass
class TooFewClasses(PrunerError):
    """The label column has fewer classes than the network has outputs: which output is which is not known."""

    path: Path
    column: str
    found: tuple[str, ...]
    n_outputs: int


@dataclass
class WrongClassCount(PrunerError):
    """The classes that were named are not as many as the network has outputs (one output: two classes)."""

    classes: tuple[str, ...]
    n_outputs: int


@dataclass
class UnknownClass(PrunerError):
    """A label, or a word of an input column, that the first data file or the named classes do not have."""

    path: Path
    row: int
    column: str
    value: str
    classes: tuple[str, ...]


@dataclass
class RowsDiffer(PrunerError):
    """Two files, or two arrays of one file, that belong together have different numbers of rows."""

    path: Path
    rows: int
    other: Path
    other_rows: int


@dataclass
class CannotPair(PrunerError):
    """Two files were given, and this one already has inputs and targets of its own."""

    path: Path


@dataclass
class WrongFileCount(PrunerError):
    """A data set is one file, or two: inputs and targets."""

    count: int
