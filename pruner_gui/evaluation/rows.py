"""The rows of an objective in blocks, hardest first, and how work on them is divided among threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.evaluator import Objective
from pruner_gui.evaluation.program import Array, Measure
from pruner_gui.evaluation.rounding import Rounding
from pruner_gui.evaluation.threads import Spare, in_parallel
from pruner_gui.network import FloatArray, IndexArray

Result = TypeVar("Result")

ALONE = 1 << 20  # multiply-adds below which a second thread costs more than it brings
CALL = 1 << 28  # multiply-adds of one call into compiled code at most: some 10 ms
SLACK = 4e-9  # relative: differences this small count as none when a run decides, see `pruning.run`
CHUNK = 2048  # rows at a time where whole layers are run
_SMALL = 1 << 18  # multiply-adds of a whole trial below which nothing is gained by float32


@dataclass(frozen=True)
class Tuning:
    """How the work is cut up. Nothing of it changes a decision.

    `dtype` "" lets the size decide; layers with at least `wide` weights go through matrix products.
    """

    block: int = 256
    threads: int = 2
    dtype: str = ""
    wide: int = 64 * 64


@dataclass
class Statistics:
    """What was done: trials, rows that were run for them, and trials that were decided in float64."""

    trials: int = 0
    rows: int = 0
    exact: int = 0


class Rows:
    """The rows of one objective; blocks are arrays `(n_blocks, ..., block)`."""

    def __init__(self, objective: Objective, tuning: Tuning, statistics: Statistics) -> None:
        self.objective, self.tuning, self.statistics = objective, tuning, statistics
        self.measure = Measure.of(objective.metrics, objective.targets)
        self.count = len(objective.inputs)
        self.n_blocks = -(-self.count // tuning.block)
        self.dtype = np.dtype(tuning.dtype or "float64")
        self.is_large = False
        self.spare = Spare()  # for what only one level at a time needs
        self.order: IndexArray = np.zeros(0, np.intp)
        # By hidden layer, how far losses can be off: removals do not add to it.
        self.rounding: dict[int, tuple[Rounding, FloatArray]] = {}
        self.wanted: FloatArray = np.zeros((self.n_blocks, 0, tuning.block))
        self.labels: Array = np.zeros((self.n_blocks, tuning.block), np.int64)

    def choose(self, macs: int, jumps: bool) -> None:
        """Choose the precision of the work, for trials of so many multiply-adds a row.

        It is float64 where functions jump: what float32 makes of that no sample of rows can tell.
        """
        self.is_large = macs * self.count >= _SMALL
        usual = "float32" if self.is_large else "float64"
        self.dtype = np.dtype("float64" if jumps else self.tuning.dtype or usual)

    def put_in_order(self, order: IndexArray) -> None:
        """Take the rows in this order from now on."""
        self.order = order
        targets = self.objective.targets.take(order)
        if self.measure.wanted:
            values = targets.probabilities() if self.measure.probabilities else targets.values
            self.wanted = self._in_blocks(values.astype(np.float64, copy=False))
        if targets.labels is not None:
            self.labels = self._in_blocks(targets.labels[:, None].astype(np.int64))[:, 0].copy()

    def blocks(self, rows_first: FloatArray) -> FloatArray:
        """Return values `(n_samples, units)` in the objective's order as blocks."""
        out = np.empty((self.n_blocks, rows_first.shape[1], self.tuning.block), self.dtype)
        self.split(lambda a, b: kernels.gather(rows_first, self.order, out, a, b), 4 * rows_first.shape[1])
        return out

    def _in_blocks(self, ordered: Array) -> Array:
        spare = self.n_blocks * self.tuning.block - self.count
        filled = np.concatenate([ordered, np.repeat(ordered[-1:], spare, axis=0)])
        shape = (self.n_blocks, self.tuning.block, ordered.shape[1])
        return np.ascontiguousarray(filled.reshape(shape).swapaxes(1, 2))

    def chunks(self) -> list[slice]:
        """Return the blocks cut into chunks of some thousand rows."""
        step = max(1, CHUNK // self.tuning.block)
        return [slice(a, min(a + step, self.n_blocks)) for a in range(0, self.n_blocks, step)]

    def split(
        self, work: Callable[[int, int], object], macs: int, first: int = 0, last: int | None = None
    ) -> None:
        """Do blocks, by default all, in several threads where it pays and in short calls.

        `macs` are the multiply-adds of a row.
        """
        block, end = self.tuning.block, self.n_blocks if last is None else last
        threads = self.tuning.threads if macs * (end - first) * block > 4 * ALONE else 1
        step = max(1, min(CALL // (macs * block), -(-(end - first) // threads)))
        parts = [(a, min(a + step, end)) for a in range(first, end, step)]
        in_parallel(lambda part: work(*part), parts, threads)

    def each_chunk(self, work: Callable[[slice], Result], macs: int | None = None) -> list[Result]:
        """Do all chunks of blocks and return what each gave; in several threads, if it is not too little."""
        alone = macs is not None and macs <= ALONE
        return in_parallel(work, self.chunks(), 1 if alone else self.tuning.threads)
