"""Reader of npz files: numpy arrays by name. Nothing is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from pruner_gui.data.errors import CannotReadData, DataMismatch, RowsDiffer
from pruner_gui.data.npy import array_in
from pruner_gui.data.options import ReadOptions
from pruner_gui.data.raw import MAX_BYTES, hold, hold_unpacked
from pruner_gui.data.table import Table, array_table

# Any case; the first that is there counts.
_INPUTS = ("x", "inputs", "data", "images", "features", "arr_0")
_TARGETS = ("y", "targets", "target", "labels", "label", "arr_1")
_MARKED_INPUTS = ("x_{part}", "{part}_x", "{part}_images", "{part}_data")
_MARKED_TARGETS = ("y_{part}", "{part}_y", "{part}_labels", "{part}_targets")
_MAX_MEMBERS = 10_000

_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError)


def read(path: Path, options: ReadOptions, limit: int | None = None) -> Table:
    """Read the arrays of an npz file that go by the usual names, in any case.

    Inputs: X, inputs, data, images, features or arr_0; targets: y, targets, target, labels, label or arr_1,
    or none. Instead, X_train, y_train, X_test and y_test, or train_images and so on, mark test rows. A single
    array by any name is taken as well.

    Raises:
        CannotReadData, DataTooLarge: as for npy files; no inputs by these names.
        RowsDiffer, DataMismatch: the arrays do not go together.
    """
    arrays = _Archive(path, limit)
    if arrays.marked(_MARKED_INPUTS, "train"):
        return _marked(path, arrays)
    inputs = arrays.first(_INPUTS) or arrays.only()
    if inputs is None:
        raise CannotReadData(path, "keys", ", ".join(arrays.names))
    targets = arrays.first(_TARGETS)
    return _with_targets(arrays.table(inputs), arrays.table(targets) if targets else None)


def _marked(path: Path, arrays: _Archive) -> Table:
    parts = []
    for part in ("train", "test"):
        inputs, targets = arrays.marked(_MARKED_INPUTS, part), arrays.marked(_MARKED_TARGETS, part)
        if inputs:
            parts.append(_with_targets(arrays.table(inputs), arrays.table(targets) if targets else None))
    if len(parts) == 1:
        return parts[0]
    train, test = parts
    if (train.targets is None) != (test.targets is None):
        raise CannotReadData(path, "keys", ", ".join(arrays.names))
    marks = np.arange(train.n_rows + test.n_rows) >= train.n_rows
    whole = _stacked(train, test)
    both = _stacked(train.targets, test.targets) if train.targets and test.targets else None
    return replace(whole, targets=both, test=marks)


def _stacked(above: Table, below: Table) -> Table:
    if above.n_columns != below.n_columns:
        raise DataMismatch(below.path, below.n_columns, above.n_columns, 0)
    words = {
        column: {
            **above.words.get(column, {}),
            **{above.n_rows + row: word for row, word in below.words.get(column, {}).items()},
        }
        for column in {*above.words, *below.words}
    }
    values = np.concatenate([above.values, below.values])
    return replace(above, values=values, words=words, complete=above.complete and below.complete)


def _with_targets(inputs: Table, targets: Table | None) -> Table:
    if targets is None or targets.n_rows == inputs.n_rows:
        return replace(inputs, targets=targets)
    if inputs.complete and targets.complete:
        raise RowsDiffer(inputs.path, inputs.n_rows, targets.path, targets.n_rows)
    rows = np.arange(min(inputs.n_rows, targets.n_rows))
    return replace(inputs.take(rows), targets=targets.take(rows), complete=False)


class _Archive:
    """The arrays of an npz file by name, read when asked for."""

    def __init__(self, path: Path, limit: int | None) -> None:
        self._path, self._limit, self._taken = path, limit, 0
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {
                    info.filename.removesuffix(".npy"): info
                    for info in archive.infolist()
                    if info.filename.endswith(".npy")
                }
        except _BAD_ZIP as error:
            raise CannotReadData(path, "damaged", str(error)) from error
        hold(path, "arrays", len(self._members), _MAX_MEMBERS)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def first(self, wanted: Iterable[str]) -> str | None:
        """The first of the wanted names that is there but for its case."""
        known = {name.casefold(): name for name in reversed(self._members)}
        return next((known[name] for name in wanted if name in known), None)

    def marked(self, wanted: tuple[str, ...], part: str) -> str | None:
        return self.first(name.format(part=part) for name in wanted)

    def only(self) -> str | None:
        return next(iter(self._members)) if len(self._members) == 1 else None

    def table(self, name: str) -> Table:
        info = self._members[name]
        self._taken += info.file_size
        hold(self._path, "bytes", self._taken, MAX_BYTES)
        hold_unpacked(self._path, info.file_size, info.compress_size)
        array, complete = array_in(self._path, partial(self._content, info), self._limit)
        return array_table(self._path, array, name, complete=complete)

    def _content(self, info: zipfile.ZipInfo, count: int | None) -> bytes:
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(info) as member:
                return member.read() if count is None else member.read(count)
        except _BAD_ZIP as error:
            raise CannotReadData(self._path, "damaged", str(error)) from error
