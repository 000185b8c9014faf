"""What is input and what is target: decided here alone, by the options and the network's counts."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pruner_gui.data.encode import n_numbers
from pruner_gui.data.errors import (
    AmbiguousTarget,
    DataMismatch,
    TargetMismatch,
    UnknownColumn,
    WordsMismatch,
)
from pruner_gui.data.labels import classes_in
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.table import Table
from pruner_gui.errors import PrunerError

_TARGET_NAMES = frozenset({"target", "label", "class", "y"})
_INDICES = re.compile(r"(#?)(-?\d+)(?:-(-?\d+))?")


@dataclass(frozen=True)
class Roles:
    """Which columns of a table are inputs and which targets; the others are ignored.

    Of a table with targets of its own, `targets` are columns of those. `widths` says how many numbers each of
    the table's columns gives. `error` is why this does not fit the network: the roles are then a proposal.
    """

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    widths: tuple[int, ...]
    error: PrunerError | None = None

    @property
    def n_inputs(self) -> int:
        """How many numbers the input columns give."""
        return sum(self.widths[column] for column in self.inputs)


def divide(table: Table, roles: Roles) -> Table:
    """Return the input columns as a table with the target columns as its targets, None if there are none.

    Raises:
        PrunerError: the roles do not fit.
    """
    if roles.error is not None:
        raise roles.error
    own = table.targets
    targets = (table if own is None else own).select(roles.targets) if roles.targets else None
    return replace(table.select(roles.inputs), targets=targets)


def assign(table: Table, n_inputs: int, n_outputs: int, options: ReadOptions) -> Roles:
    """Tell inputs and targets apart.

    Columns that the options name are what they say. Of the others, n_inputs numbers are inputs only, and
    n_outputs columns more, or one more, are targets: the trailing ones, but see `_label_column` for where a
    single one is looked for.

    Raises:
        UnknownColumn: an option names a column that is not there.
    """
    ignored = find(table, options.ignore)
    chosen = find(table, options.inputs)
    widths = n_numbers(table, options.categories)
    targets: Sequence[int]
    error: PrunerError | None = None
    if table.targets is not None:
        own = table.targets
        targets = range(own.n_columns) if options.target is None else find(own, options.target)
    elif options.target is not None:
        targets = find(table, options.target)
    else:
        left = [column for column in range(table.n_columns) if column not in {*ignored, *chosen}]
        if options.inputs is not None:
            targets, error = _beside_inputs(table, left, n_outputs)
        else:
            targets, error = _default(table, left, widths, (n_inputs, n_outputs))
    taken = {*ignored, *(targets if table.targets is None else ())}
    inputs = chosen if options.inputs is not None else range(table.n_columns)
    roles = Roles(tuple(c for c in inputs if c not in taken), tuple(targets), widths, error)
    return replace(roles, error=error or _misfit(table, roles, n_inputs, n_outputs))


def _misfit(table: Table, roles: Roles, n_inputs: int, n_outputs: int) -> PrunerError | None:
    if roles.n_inputs != n_inputs:
        targets = roles.targets if table.targets is None else ()
        return _mismatch(table, [*roles.inputs, *targets], roles.widths, (n_inputs, n_outputs))
    if len(roles.targets) not in (0, 1, n_outputs):
        return TargetMismatch((table.targets or table).path, len(roles.targets), n_outputs)
    return None


def _mismatch(
    table: Table, columns: Sequence[int], widths: Sequence[int], counts: tuple[int, int]
) -> PrunerError:
    total = sum(widths[column] for column in columns)
    words = tuple(f"{table.names[column]} ({widths[column]})" for column in columns if widths[column] != 1)
    if words:
        return WordsMismatch(table.path, total, words, *counts)
    return DataMismatch(table.path, total, *counts)


# -- columns by name and index


def find(table: Table, wanted: str | None) -> list[int]:
    """Return the columns that a text names: see `ReadOptions`.

    Raises:
        UnknownColumn: one of them is not there, or two columns have this name.
    """
    if wanted is None:
        return []
    parts = [wanted] if wanted in table.names else next(csv.reader([wanted], skipinitialspace=True), [])
    return list(dict.fromkeys(column for part in parts for column in _find_one(table, part.strip())))


def _find_one(table: Table, wanted: str) -> range:
    named = [column for column, name in enumerate(table.names) if name == wanted]
    if len(named) == 1:
        return range(named[0], named[0] + 1)
    width = table.n_columns
    parsed = _INDICES.fullmatch(wanted)
    if not named and parsed is not None:
        first, last = int(parsed[2]), int(parsed[3] or parsed[2])
        if -width <= first < width and -width <= last < width and first % width <= last % width:
            return range(first % width, last % width + 1)
    raise UnknownColumn(table.path, wanted, len(named), table.names)


def spelled(columns: Sequence[int]) -> str:
    """Return the text that names these columns whatever they are called, for an option: #0-3,#5."""
    runs: list[list[int]] = []
    for column in sorted(columns):
        if runs and runs[-1][-1] == column - 1:
            runs[-1][1:] = [column]
        else:
            runs.append([column])
    return ",".join("#" + "-".join(map(str, run)) for run in runs)


# -- the target where nobody names it


def _default(
    table: Table, left: Sequence[int], widths: Sequence[int], counts: tuple[int, int]
) -> tuple[Sequence[int], PrunerError | None]:
    """Find the targets among the columns `left`, so that the others give what the network takes.

    Where nothing fits, a proposal comes with the error.
    """
    n_inputs, n_outputs = counts
    total = sum(widths[column] for column in left)
    if total == n_inputs:
        return [], None
    single = [column for column in left if n_inputs == total - widths[column]]
    named = _named(table, left)
    if named and single:
        single = [column for column in single if column in named]
    if single:
        return _label_column(table, single, n_outputs)
    if n_inputs == sum(widths[column] for column in left[:-n_outputs]) and len(left) > n_outputs:
        return _several(table, left[-n_outputs:], n_outputs)
    return named or left[-1:], _mismatch(table, left, widths, counts)


def _beside_inputs(
    table: Table, left: Sequence[int], n_outputs: int
) -> tuple[Sequence[int], PrunerError | None]:
    """Find the targets among the columns that are not called inputs."""
    if len(left) < 2:
        return left, None
    if len(left) == n_outputs:
        return _several(table, left, n_outputs)
    return _label_column(table, _named(table, left) or left, n_outputs)


def _several(
    table: Table, columns: Sequence[int], n_outputs: int
) -> tuple[Sequence[int], PrunerError | None]:
    """Take these columns as the outputs' targets, unless one of them looks like the classes."""
    found, error = _label_column(table, columns, n_outputs)
    return (columns, None) if error is None or n_outputs == 2 else (found, error)


def _named(table: Table, left: Sequence[int]) -> list[int]:
    """The only one that is called a target, if there is one."""
    named = [column for column in left if table.names[column].casefold() in _TARGET_NAMES]
    return named if len(named) == 1 else []


def _label_column(
    table: Table, single: Sequence[int], n_outputs: int
) -> tuple[Sequence[int], PrunerError | None]:
    """Find the one target column among some.

    The last, unless it cannot hold class labels and the first column can; where another one fits better the
    file does not say, and neither do we.
    """
    first, last = single[0], single[-1]
    if len(single) == 1 or n_outputs == 1:
        return [last], None
    found = {column: classes_in(table.select([column]), n_outputs) for column in single}
    if found[last] < 2 <= found[first] and first == 0:
        return [first], None
    complete = [column for column, count in found.items() if count == n_outputs]
    if len(complete) == 1 and complete[0] != last:
        better = complete[0]
        return [better], AmbiguousTarget(table.path, table.names[last], table.names[better])
    return [last], None
