"""Examples: inputs and targets, how they are scaled, and which rows are for what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
IndexArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

DEFAULT_SHARE = 0.3


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array that nobody can write to: the same when it is so already, otherwise a copy."""
    if array.flags.writeable:
        array = array.copy()
        array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Scaling:
    """How raw inputs are scaled: `(x - offset) / divisor`, column by column.

    `offset` and `divisor` have shape `(n_inputs,)`; the measured divisor of a column that does not vary is 1.
    `kind` is "none", "standard", "minmax" or a number.
    """

    kind: str
    offset: FloatArray
    divisor: FloatArray

    @staticmethod
    def fit(kind: str, inputs: FloatArray, plain: Sequence[int] = ()) -> Scaling:
        """Measure a scaling on raw inputs `(n_samples, n_inputs)`; the columns `plain` stay as they are.

        "standard" gives mean 0 and standard deviation 1, "minmax" the range 0 to 1, a number divides by it.

        Raises:
            ValueError: `kind` is none of these.
        """
        low, high = inputs.min(axis=0).astype(np.float64), inputs.max(axis=0).astype(np.float64)
        match kind:
            case "none":
                offset, divisor = np.zeros_like(low), np.ones_like(low)
            case "standard":
                mean, deviation = _moments(inputs)
                # where nothing varies, rounding still makes some 1e-17 of both
                offset, divisor = np.where(low == high, low, mean), np.where(low == high, 1, deviation)
            case "minmax":
                offset, divisor = low, np.where(low == high, 1, high - low)
            case _:
                offset, divisor = np.zeros_like(low), np.full_like(low, float(kind))
        offset[list(plain)], divisor[list(plain)] = 0, 1
        return Scaling(kind, read_only(offset), read_only(divisor))

    def apply(self, inputs: FloatArray) -> FloatArray:
        """Return raw inputs `(n_samples, n_inputs)` scaled, in their own precision."""
        if self.kind == "none":
            return inputs
        scaled = np.subtract(inputs, self.offset, dtype=np.float64)
        scaled /= self.divisor
        return scaled.astype(inputs.dtype)


def _moments(inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation column by column, also where squares leave the range of floats."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = inputs.mean(axis=0, dtype=np.float64), inputs.std(axis=0, dtype=np.float64)
    if not np.isfinite(mean + deviation).all():
        largest = np.abs(inputs).max(axis=0).astype(np.float64)
        unit = np.where(largest > 0, largest, 1)
        mean, deviation = ((inputs / unit).mean(axis=0) * unit, (inputs / unit).std(axis=0) * unit)
    return mean, deviation


@dataclass(frozen=True)
class Note:
    """Something done to the data that the user should know.

    `code` is "rows-dropped" or "cells-filled" (`count` of them), "constant" (`names` are the columns that do
    not vary and are only shifted), "one-hot" or "numbered" (`names` are the columns of words), "classes"
    (`names` of the classes, in the order of the outputs).
    """

    code: str
    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Encoding:
    """How the cells of a file became raw inputs, so that another file is read alike.

    `categories` has the words of each input column of the file, () for a column of numbers. `fill` is
    `(n_inputs,)`, what stands where a cell has no value.
    """

    categories: tuple[tuple[str, ...], ...]
    fill: FloatArray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of examples. Never changes; all arrays are read-only.

    Attributes:
        inputs: `(n_samples, n_inputs)`, scaled; float32 where the file's numbers fit exactly, else float64.
        targets: `(n_samples, n_outputs)`, as the network should put them out (one-hot for class labels); None
            when the file has inputs only.
        labels: `(n_samples,)` index of each row's class, where the targets are classes.
        classes: the names of the classes; () when there are none.
        test: `(n_samples,)` which rows the file marks as test rows; None when it marks none.
        source: the names of the files, for showing.
        encoding: how the raw inputs were made; None where they came as numbers from somewhere else.
        notes: what was done to the data.
        numbers: `(n_samples,)` where each row stands in its file, from 1; as they come where none are given.
        lines: whether these are the lines of a text file, a header counted; otherwise its records.
    """

    inputs: FloatArray
    targets: FloatArray | None
    labels: IndexArray | None
    classes: tuple[str, ...]
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    test: BoolArray | None
    source: str
    scaling: Scaling
    encoding: Encoding | None = None
    notes: tuple[Note, ...] = ()
    numbers: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp))
    lines: bool = False

    def __post_init__(self) -> None:
        if not self.numbers.size:
            object.__setattr__(self, "numbers", np.arange(1, len(self.inputs) + 1))
        for name in ("inputs", "targets", "labels", "test", "numbers"):
            array = getattr(self, name)
            if array is None:
                continue
            if len(array) != len(self.inputs):
                raise ValueError(f"{name}: {len(array)} rows, inputs: {len(self.inputs)}")
            object.__setattr__(self, name, read_only(array))

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: IndexArray) -> Dataset:
        """Return only these rows, in this order."""
        return replace(
            self,
            inputs=self.inputs[rows],
            targets=None if self.targets is None else self.targets[rows],
            labels=None if self.labels is None else self.labels[rows],
            test=None if self.test is None else self.test[rows],
            numbers=self.numbers[rows],
        )


@dataclass(frozen=True, eq=False)
class Split:
    """The rows that decide what is pruned, and rows that only report; None when there are none.

    `guard` rows take no part in the single decisions, but choose how far to go.
    """

    pruning: Dataset
    holdout: Dataset | None
    guard: Dataset | None = None


def split(dataset: Dataset, share: float | None, seed: int) -> Split:
    """Divide the rows, once, into pruning rows and held-out rows; both keep the file's order.

    `share` is the part held out, from 0 to 1, drawn with `seed`. None means the rows that the file marks as
    test rows or, without marks, `DEFAULT_SHARE`. At least one row stays for pruning.

    Raises:
        ValueError: the share is not from 0 to 1.
    """
    if share is None and dataset.test is not None and dataset.test.any() and not dataset.test.all():
        held = dataset.test
    else:
        held = _draw(len(dataset), DEFAULT_SHARE if share is None else share, seed)
    if not held.any():
        return Split(dataset, None)
    return Split(dataset.take(np.flatnonzero(~held)), dataset.take(np.flatnonzero(held)))


def set_apart(divided: Split, share: float, seed: int) -> Split:
    """Take a share of the pruning rows, from 0 to 1, for guard rows; drawn with `seed`, in the file's order.

    Raises:
        ValueError: the share is not from 0 to 1.
    """
    rows = divided.pruning
    # Another draw than that of the held-out rows, which has the same seed.
    apart = _draw(len(rows), share, (seed, 1))
    if not apart.any():
        return divided
    return replace(divided, pruning=rows.take(np.flatnonzero(~apart)), guard=rows.take(np.flatnonzero(apart)))


def _draw(n_rows: int, share: float, seed: int | tuple[int, ...]) -> BoolArray:
    if not 0 <= share <= 1:
        raise ValueError(f"share: {share}")
    count = min(math.floor(share * n_rows + 0.5), n_rows - 1)
    held = np.zeros(n_rows, bool)
    held[np.random.default_rng(seed).permutation(n_rows)[:count]] = True
    return held


def cap(dataset: Dataset, max_rows: int, seed: int) -> Dataset:
    """Return at most `max_rows` rows, drawn with `seed`, in the file's order."""
    if len(dataset) <= max_rows:
        return dataset
    rows = np.random.default_rng(seed).permutation(len(dataset))[:max_rows]
    return dataset.take(np.sort(rows))
