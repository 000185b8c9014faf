"""Reader of npz files: numpy arrays by name. Nothing is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from pruner_gui.data.errors import CannotReadData, DataMismatch, DataTooLarge, RowsDiffer
from pruner_gui.data.npy import array_in
from pruner_gui.data.raw import MAX_BYTES
from pruner_gui.data.table import Table, array_table

# Any case; the first that is there counts.
_INPUTS = ("x", "inputs", "data", "images")
_TARGETS = ("y", "targets", "target", "labels")

_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError)


def read(path: Path) -> Table:
    """Read the arrays of an npz file that go by the usual names, in any case.

    Inputs: X, inputs, data or images; targets: y, targets, target or labels, or none. Instead, X_train,
    y_train, X_test and y_test mark test rows. A single array by any name is taken as well.

    Raises:
        CannotReadData, DataTooLarge: as for npy files; no inputs by these names.
        RowsDiffer, DataMismatch: the arrays do not go together.
    """
    arrays = _Archive(path)
    if arrays.key("x_train"):
        return _marked(path, arrays)
    inputs = arrays.first(_INPUTS) or arrays.only()
    if inputs is None:
        raise CannotReadData(path, "keys", ", ".join(arrays.names))
    targets = arrays.first(_TARGETS)
    return _with_targets(arrays.table(inputs), arrays.table(targets) if targets else None)


def _marked(path: Path, arrays: _Archive) -> Table:
    parts = []
    for part in ("train", "test"):
        inputs, targets = arrays.key(f"x_{part}"), arrays.key(f"y_{part}")
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
    return replace(above, values=np.concatenate([above.values, below.values]), words=words)


def _with_targets(inputs: Table, targets: Table | None) -> Table:
    if targets is not None and targets.n_rows != inputs.n_rows:
        raise RowsDiffer(inputs.path, inputs.n_rows, targets.path, targets.n_rows)
    return replace(inputs, targets=targets)


class _Archive:
    """The arrays of an npz file by name, read when asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {
                    info.filename.removesuffix(".npy"): info
                    for info in archive.infolist()
                    if info.filename.endswith(".npy")
                }
        except _BAD_ZIP as error:
            raise CannotReadData(path, "damaged", str(error)) from error

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def key(self, wanted: str) -> str | None:
        """The name that is `wanted` but for its case."""
        return next((name for name in self._members if name.casefold() == wanted), None)

    def first(self, wanted: tuple[str, ...]) -> str | None:
        return next((key for name in wanted if (key := self.key(name))), None)

    def only(self) -> str | None:
        return next(iter(self._members)) if len(self._members) == 1 else None

    def table(self, name: str) -> Table:
        info = self._members[name]
        if info.file_size > MAX_BYTES:
            raise DataTooLarge(self._path, "bytes", info.file_size, MAX_BYTES)
        try:
            with zipfile.ZipFile(self._path) as archive:
                data = archive.read(info)
        except _BAD_ZIP as error:
            raise CannotReadData(self._path, "damaged", str(error)) from error
        return array_table(self._path, array_in(self._path, data), name)
