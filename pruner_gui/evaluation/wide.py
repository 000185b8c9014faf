"""Levels with wide layers behind them: matrix products over the rows that a removal changes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.layer import Drop, Found
from pruner_gui.evaluation.level import RunLevel
from pruner_gui.evaluation.program import Array
from pruner_gui.evaluation.threads import in_parallel
from pruner_gui.network import Activation, FloatArray, IndexArray, Op

_MOST = 2048  # rows of a product at most
_ALONE = 512  # rows below which a second thread costs more than it brings


class _Trial:
    """A trial on its way: what is dropped, the weights it had, how far it is, and what was found."""

    def __init__(self, gone: FloatArray, taken: FloatArray, thread: int, metrics: int) -> None:
        self.gone, self.taken, self.thread = gone, taken, thread
        self.block, self.gave_up = 0, False
        self.sums: Array = np.zeros(metrics)
        self.moved: Array = np.zeros(metrics)
        self.unsure: Array = np.zeros(metrics, np.int64)

    def found(self, counts: Array) -> Found:
        """Return the result; for counts the error is half of what is in doubt."""
        doubt = 0.5 * self.unsure
        sums = self.sums - doubt if self.gave_up else self.sums
        return Found(sums, np.where(counts, doubt, self.moved), self.gave_up)


class WideLevel(RunLevel):
    """Runs the rest by matrix products over the rows on which the unit is not zero: best for wide layers."""

    def _pack(self) -> None:
        self._entry = np.empty((self.rows.n_blocks * self.rows.tuning.block, len(self.bias)), self._dtype)
        self._rough = [
            (weight.astype(self._dtype), bias.astype(self._dtype))
            for weight, bias in zip(self._weights, self._biases, strict=True)
        ]
        self._most = max(1, _MOST // self.rows.tuning.block)
        size = (
            self._most
            * self.rows.tuning.block
            * max(len(self.bias), *(weight.shape[1] for weight in self._weights))
        )
        threads = range(self.rows.tuning.threads)
        self._own_losses = [np.zeros_like(self._losses) for _ in threads]
        self._spare = [[np.empty(size, self._dtype) for _ in range(2)] for _ in threads]

    def _take_entry(self, chunk: slice, entry: FloatArray) -> None:
        block = self.rows.tuning.block
        rows_first = entry.swapaxes(1, 2).reshape(-1, len(self.bias))
        self._entry[chunk.start * block : chunk.stop * block] = rows_first

    def entry(self, chunk: slice) -> FloatArray:
        """Return what the next layer gets in some blocks."""
        block = self.rows.tuning.block
        rows_first = self._entry[chunk.start * block : chunk.stop * block]
        return rows_first.reshape(-1, block, len(self.bias)).swapaxes(1, 2)

    def _take_out(self, drop: Drop, outgoing: FloatArray) -> None:
        gone, taken, block = (
            self._dropped([drop]).ravel(),
            outgoing.astype(self._dtype),
            self.rows.tuning.block,
        )

        def take_out(chunk: slice) -> None:
            active = chunk.start * block + np.flatnonzero(gone[chunk.start * block : chunk.stop * block])
            self._entry[active] -= np.outer(gone[active], taken)

        self.rows.each_chunk(take_out)

    def _search(self, drops: Sequence[Drop], outgoing: FloatArray, budget: FloatArray) -> list[Found]:
        found: list[Found] = []
        threads = self.rows.tuning.threads
        for first in range(0, len(drops), threads):
            some = slice(first, first + threads)
            trials = [
                _Trial(gone.ravel(), weights.astype(self._dtype), thread, len(budget))
                for thread, (gone, weights) in enumerate(
                    zip(self._dropped(drops[some]), outgoing[some], strict=True)
                )
            ]
            # On the hardest rows, where most are given up, each thread has a trial of its own.
            in_parallel(partial(self._begin, budget), trials, threads)
            for trial in trials:
                while not trial.gave_up and trial.block < self.rows.n_blocks:
                    self._go_on(trial, budget)
                found.append(trial.found(self.rows.measure.counts))
                if not trial.gave_up:
                    self._new_losses, self._own_losses[trial.thread] = (
                        self._own_losses[trial.thread],
                        self._new_losses,
                    )
                    return found
        return found

    def _begin(self, budget: FloatArray, trial: _Trial) -> None:
        """Run the hardest rows of a trial, a few more at a time."""
        limit = -(-self.rows.n_blocks // 4)
        while not trial.gave_up and trial.block < limit:
            index = self._next(trial, min(limit, trial.block + min(max(4, trial.block), self._most)))
            self._take_in(trial, [self._share(trial, (trial.thread, index))], budget)

    def _go_on(self, trial: _Trial, budget: FloatArray) -> None:
        """Run many more rows of a trial, in several threads."""
        index = self._next(trial, min(self.rows.n_blocks, trial.block + self._most))
        threads = self.rows.tuning.threads if index.size > _ALONE else 1
        shares = list(enumerate(np.array_split(index, threads)))
        self._take_in(trial, in_parallel(partial(self._share, trial), shares, threads), budget)

    def _next(self, trial: _Trial, last: int) -> IndexArray:
        """Take a trial up to block `last`, as if nothing changed; return the rows where something does."""
        rows, first = self.rows, trial.block
        block = rows.tuning.block
        start, stop = first * block, min(last * block, rows.count)
        self._own_losses[trial.thread][first:last] = self._losses[first:last]
        old = self._losses[first:last].swapaxes(1, 2).reshape(-1, len(trial.sums))[: stop - start]
        trial.sums += old.sum(axis=0)
        trial.unsure += np.where(rows.measure.counts, (old == 0.5).sum(axis=0), 0)
        trial.block = last
        return start + np.flatnonzero(trial.gone[start:stop])

    def _take_in(self, trial: _Trial, found: Sequence[tuple[Array, ...]], budget: FloatArray) -> None:
        for sums, moved, unsure in found:
            trial.sums += sums
            trial.moved += moved
            trial.unsure += unsure
        trial.gave_up = bool((trial.sums - 0.5 * trial.unsure > budget).any())

    def _share(self, trial: _Trial, share: tuple[int, IndexArray]) -> tuple[Array, ...]:
        """Run some rows in one thread; return what sums of losses, moved losses and doubts grow by."""
        rows, measure = self.rows, self.rows.measure
        thread, index = share
        found: tuple[Array, ...] = tuple(
            np.zeros(len(measure.kinds), kind) for kind in (np.float64, np.float64, np.int64)
        )
        if index.size:
            with np.errstate(over="ignore", invalid="ignore"):
                scores = self._products(index, trial.gone, trial.taken, self._spare[thread])
            kernels.compare(
                index, scores, measure.kinds, measure.scales, measure.head, scores.shape[1],
                self._close, measure.threshold, rows.wanted, rows.labels, self._losses,
                self._own_losses[trial.thread], self._integers, *found,
            )  # fmt: skip
            rows.statistics.rows += index.size
        return found

    def _products(
        self, index: IndexArray, gone: FloatArray, taken: FloatArray, spare: Sequence[FloatArray]
    ) -> FloatArray:
        """Return the scores `(n_rows, n_outputs)` of some rows without the drop."""
        one, other = spare
        values = one[: index.size * len(taken)].reshape(index.size, len(taken))
        for i, after in enumerate(self._afters):
            relu, rest = _first_relu(after)
            if not i:
                kernels.lose(self._entry, index, gone, taken, relu, values)
            else:
                weight, bias = self._rough[i - 1]
                out = other[: index.size * len(bias)].reshape(index.size, len(bias))
                np.matmul(values, weight, out=out)
                kernels.add_bias(out, bias, relu)
                values = out
                one, other = other, one
            for op in rest:
                values[...] = op.forward(values)
        return values


def _first_relu(ops: tuple[Op, ...]) -> tuple[bool, tuple[Op, ...]]:
    """Say whether a relu comes first, and return the other operations."""
    relu = bool(ops) and isinstance(ops[0], Activation) and ops[0].kind == "relu"
    return relu, ops[1:] if relu else ops
