"""A look at data before it is loaded: what its columns would be, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pruner_gui.data.dataset import Dataset
from pruner_gui.data.divide import Roles, assign
from pruner_gui.data.errors import DataMismatch, TooFewClasses, UnknownColumn, WordsMismatch
from pruner_gui.data.make import make
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.table import Table
from pruner_gui.errors import PrunerError

_PIXELS = 49  # inputs from which whole numbers up to 255 are taken for an image


@dataclass(frozen=True, eq=False)
class Look:
    """What would come of a table.

    `error` is why it cannot be used as it is. Of a table that is only the head of a file `dataset` is only a
    part, and None where more rows are needed to tell. `pixels`: the inputs look like brightness, 0 to 255.
    """

    table: Table
    roles: Roles
    dataset: Dataset | None = None
    error: PrunerError | None = None
    pixels: bool = False


def look(table: Table, n_inputs: int, n_outputs: int, options: ReadOptions) -> Look:
    """Try what a network of these counts would get from a table. Never raises for what is in it."""
    try:
        roles = assign(table, n_inputs, n_outputs, options)
    except UnknownColumn as error:  # remembered from when the file had other columns
        return Look(table, Roles((), (), (1,) * table.n_columns), error=error)
    pixels = _are_pixels(table, roles)
    try:
        return Look(table, roles, make(table, roles, n_outputs, options), pixels=pixels)
    except PrunerError as error:
        undecided = not table.complete and _more_rows_may_tell(table, roles, error)
        return Look(table, roles, error=None if undecided else error, pixels=pixels)


def _more_rows_may_tell(table: Table, roles: Roles, error: PrunerError) -> bool:
    """Whether further rows may bring words or classes that make it fit."""
    if isinstance(error, DataMismatch):
        return any(table.has_words(column) for column in roles.inputs)
    return isinstance(error, (TooFewClasses, WordsMismatch))


def _are_pixels(table: Table, roles: Roles) -> bool:
    if len(roles.inputs) < _PIXELS or table.words:
        return False
    values = table.values[:, list(roles.inputs)]
    whole = values.dtype.kind in "iu" or bool((values == np.floor(values)).all())
    return bool(whole and values.min() == 0 and 128 <= values.max() <= 255)
