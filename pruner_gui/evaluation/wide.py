"""Levels with wide layers behind them: matrix products over the rows that a removal changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.layer import Drop, Found
from pruner_gui.evaluation.level import RunLevel
from pruner_gui.evaluation.program import Array, Program
from pruner_gui.evaluation.radii import Radii
from pruner_gui.evaluation.rows import CALL
from pruner_gui.evaluation.tangents import Tangents
from pruner_gui.evaluation.threads import in_parallel
from pruner_gui.network import Activation, FloatArray, IndexArray, Op

_FIRST, _MANY = 48, 512  # rows of a trial that are run at once: at first, and at most
_MOST = 2048  # rows of a trial that one thread runs, or a quarter of all
_ALONE = 512  # rows below which a second thread costs more than it brings
_USED = 0.5  # share of a row's lead that may be used up when it is carried to the next level
_RUN = -1.0  # lead of a row that is run whatever happens
_Totals = tuple[FloatArray, FloatArray, FloatArray, Array]


@dataclass(frozen=True, eq=False)
class _Trials:
    """Trials on their way: what is dropped, `gone` `(n_trials, n_rows)`, and the weights `taken` with it.

    The drops of those with a place are still to be picked, see `kernels.pick`.
    `lower` are bounds of the losses of one metric, `bounded`, or that is -1. Of the rows `index` that may
    have to be run, `counts` of them, `done` were; those from `waiting` on were not looked at closely. What
    they and others add to the present sums at least is `unseen`; together with `sums`, which have what was
    run, they are a lower bound. Of what was run, `losses` `(n_trials, n_metrics, n_rows)` and `leads` are
    kept. Those that are `over` are given up.
    """

    places: Array
    shifts: FloatArray
    gone: FloatArray
    taken: FloatArray
    speeds: FloatArray
    factor: float
    lower: FloatArray
    bounded: int
    budget: FloatArray
    index: IndexArray
    counts: Array
    waiting: Array
    done: Array
    losses: FloatArray
    leads: FloatArray
    sums: FloatArray
    unseen: FloatArray
    moved: FloatArray
    unsure: Array
    over: Array

    def totals(self, t: int) -> _Totals:
        """Return what adds up over the rows of a trial."""
        return self.sums[t], self.unseen[t], self.moved[t], self.unsure[t]

    def found(self, count: int, counts: Array) -> list[Found]:
        """Return the results of the first few; for counts the error is half of what is in doubt."""
        doubt = 0.5 * self.unsure
        sums = np.where(self.over[:, None], self.sums + self.unseen - doubt, self.sums)
        errors = np.where(counts, doubt, self.moved)
        return [*map(Found, sums[:count], errors, self.over.tolist())]


class WideLevel(RunLevel):
    """Runs the rest by matrix products, best for wide layers, over the rows that have to be run.

    These are the rows on which the unit is not zero. Where only mistakes count, they are those that the
    removal moves so far that their class could change.
    """

    def _pack(self) -> None:
        rows = self.rows
        self._entry = np.empty((rows.n_blocks * rows.tuning.block, len(self.bias)), self._dtype)
        weights, biases, self._behind = _without_idle(self._weights, self._biases, self._afters)
        measure, n_next = rows.measure, len(self.bias)
        program = Program.of(self._behind, weights, biases, n_next, self._dtype)
        # Each thread takes a pair and brings it back.
        size = _MANY * max(n_next, *program.stages[:, 1].tolist())
        self._spare = [
            (np.empty(size, self._dtype), np.empty(size, self._dtype)) for _ in range(rows.tuning.threads)
        ]
        self._call = max(_FIRST, CALL // program.multiply_adds)  # rows of one call at most
        nothing = np.zeros(len(rows.measure.kinds))
        self._now = Found(nothing, nothing)
        self._radii: Radii | None = None
        if measure.only_classes:
            self._radii = Radii.of(self._afters, self._weights, n_next)
        between, speed = (self._radii.between, self._radii.speed) if self._radii else (np.zeros((0, 0)), 0.0)
        self._program = (
            self._entry, program.stages, program.flat, program.codes, program.settings, program.operands
        )  # fmt: skip
        self._measures = measure.kinds, measure.scales, measure.head, program.n_out
        self._targets = measure.threshold, rows.wanted, rows.labels, between, speed
        self._leads = np.zeros(len(self._entry), self._dtype)
        self._used = np.zeros(len(self._entry), self._dtype)  # how much of a lead is used up
        self._shift = np.zeros(len(self._entry), self._dtype)  # by how much the last removal moved rows
        self._tangents: Tangents | None = None
        if Tangents.fit(rows, self._afters):
            layers = [
                (weight.astype(self._dtype), bias.astype(self._dtype))
                for weight, bias in zip(weights, biases, strict=True)
            ]
            self._tangents = Tangents(rows, self._entry, layers)
        else:
            self.few = self.most

    def _take_entry(self, chunk: slice, held: FloatArray, outgoing: FloatArray, bias: FloatArray) -> None:
        block = self.rows.tuning.block
        entry = self._entry[chunk.start * block : chunk.stop * block].reshape(-1, block, len(bias))
        np.matmul(held.swapaxes(1, 2), outgoing.T, out=entry)
        entry += bias[:, 0]
        if self._tangents is not None:
            self._tangents.forget()

    def entry(self, chunk: slice) -> FloatArray:
        """Return what the next layer gets in some blocks."""
        block = self.rows.tuning.block
        rows_first = self._entry[chunk.start * block : chunk.stop * block]
        return rows_first.reshape(-1, block, len(self.bias)).swapaxes(1, 2)

    def _take_out(self, drop: Drop, outgoing: FloatArray) -> None:
        gone, taken = self._dropped([drop]).ravel(), outgoing.astype(self._dtype)
        block, relu = self.rows.tuning.block, _first_relu(self._behind[0])[0]
        self.rows.split(
            lambda a, b: kernels.subtract_rows(
                a * block, b * block, gone, taken, relu, self._entry, self._shift
            ),
            4 * len(taken),
        )

    def end(self) -> None:
        """Give back what only this level needs, all but what the next takes over."""
        super().end()
        self._entry = np.zeros((0, 0))
        self._spare.clear()
        self._tangents = None

    def _carry_on(self, before: RunLevel) -> bool:
        counts = self.rows.measure.counts
        if self._radii is not None:
            if not isinstance(before, WideLevel) or before._radii is None:
                return False
            self._leads, self._used = before._leads, before._used
        found = super()._carry_on(before)
        losses = self._losses.swapaxes(0, 1).reshape(len(counts), -1)[:, : self.rows.count]
        doubts = (losses == 0.5).sum(axis=1)
        self._now = Found(self._present, np.where(counts, 0.5 * doubts, 0))
        if self._radii is not None:
            # Leads that removals have used up are made anew.
            self._leads[self._used > _USED * (self._leads + self._used)] = _RUN
            super()._measure_present()
        return found

    def _measure_present(self) -> None:
        self._leads[:] = _RUN
        self._shift[:] = 0
        super()._measure_present()

    def _take_over(self) -> None:
        (trials, t), self._now = self._done, self._tried
        index = trials.index[t, : trials.counts[t]]
        kernels.put_rows(index, trials.losses[t], self._losses)
        if self._tangents is not None:
            self._tangents.moved(self._shift)
        if self._radii is not None:
            used = self._shift * self._radii.factor
            self._leads -= used
            self._used += used
            self._leads[index] = trials.leads[t, : index.size]
            self._used[index] = 0
        else:
            self._leads[:] = 0  # a row is run if anything happens to it

    # -- trials

    def _search(self, drops: Sequence[Drop], outgoing: FloatArray, budget: FloatArray) -> list[Found]:
        counts, threads = self.rows.measure.counts, self.rows.tuning.threads
        trials = self._trials(drops, outgoing.astype(self._dtype), budget)
        n, left = len(drops), list(range(len(drops)))
        while left:
            # Each thread has a trial of its own: most are given up soon.
            self._open = n
            in_parallel(partial(self._begin, trials), left, threads)
            left = [t for t in left if not trials.over[t]]
            if left:
                t = left.pop(0)
                self._finish(trials, t)
                if not trials.over[t]:
                    self._done, n = (trials, t), t + 1
                    break
        self.rows.statistics.rows += int(trials.done.sum())
        return trials.found(n, counts)

    def _trials(self, drops: Sequence[Drop], taken: FloatArray, budget: FloatArray) -> _Trials:
        """Return trials of which nothing is done yet.

        Adds to the budget what bounds can be off.
        """
        rows, n, metrics = self.rows, len(drops), len(budget)
        # Without bounds, what is dropped is looked up when a trial begins.
        late = self._tangents is None and not drops[0].coefficients.size
        gone = rows.spare.of("dropped", (n, len(self._entry)), self._dtype) if late else self._dropped(drops)
        gone = gone.reshape(n, -1)
        sizes = np.sqrt(np.square(taken.astype(np.float64)).sum(axis=1))
        factor = self._radii.factor if self._radii is not None else 0.0
        speeds = sizes * (factor or 1.0)
        factor *= _first_relu(self._behind[0])[0]
        lower, bounded = self._bounds(gone, taken, sizes, budget)
        doubts = np.where(rows.measure.counts, np.rint(2 * self._now.error), 0)
        return _Trials(
            np.array([drop.place if late else -1 for drop in drops]),
            np.array([drop.shift for drop in drops], self._dtype),
            gone, taken, speeds, factor, lower, bounded, budget,
            index=rows.spare.of("index", (n, rows.count), np.int32),
            counts=np.full(n, -1),
            waiting=np.zeros(n, np.int64),
            done=np.zeros(n, np.int64),
            losses=rows.spare.of("losses", (n, metrics, rows.count)),
            leads=rows.spare.of("leads", (n, rows.count if self._radii is not None else 0), self._dtype),
            sums=np.tile(self._now.sums, (n, 1)),
            unseen=np.zeros((n, metrics)),
            moved=np.zeros((n, metrics)),
            unsure=np.tile(doubts.astype(np.int64), (n, 1)),
            over=np.zeros(n, bool),
        )  # fmt: skip

    def _bounds(
        self, gone: FloatArray, taken: FloatArray, sizes: FloatArray, budget: FloatArray
    ) -> tuple[FloatArray, int]:
        """Return lower bounds of one metric's losses `(n_trials, n_rows)`, and which one, -1 for none.

        Adds to that metric's budget what bounds can be off.
        """
        if self._tangents is None or not np.isfinite(budget).all():
            return np.zeros((len(gone), 0), self._dtype), -1
        lower = self.rows.spare.of("lower", gone.shape, self._dtype)
        self._tangents.lower(gone, taken, sizes, self._losses, lower)
        budget[self._tangents.metric] += self._tangents.rounding
        return lower, self._tangents.metric

    def _begin(self, trials: _Trials, t: int) -> None:
        """Run some rows of a trial, unless one before it may be accepted."""
        alone = not np.isfinite(trials.budget).all()
        limit = 0 if alone else _MOST
        while t < self._open and not trials.over[t]:
            self._run_trial(trials, t, limit - trials.done[t])
            limit = 0 if alone else min(max(_MOST, trials.counts[t] // 4), trials.counts[t])
            if trials.done[t] >= limit and not trials.over[t]:
                self._open = min(self._open, t)

    def _run_trial(self, trials: _Trials, t: int, most: int) -> None:
        """Run some rows of a trial in this thread, and judge it."""
        spare = self._spare.pop()
        trials.over[t] = kernels.run_trial(
            t, _FIRST, min(most, self._call), self.held, trials.places, trials.shifts,
            trials.speeds, self._leads, trials.factor, trials.budget,
            trials.counts, trials.waiting, trials.done, *trials.totals(t), _MANY,
            *self._arguments(trials, spare),
        )  # fmt: skip
        self._spare.append(spare)

    def _finish(self, trials: _Trials, t: int) -> None:
        """Run the other rows of a trial in several threads, or until it is given up."""
        threads = self.rows.tuning.threads
        while not trials.over[t] and trials.done[t] < trials.counts[t]:
            at = int(trials.done[t])
            end = min(at + min(_MOST, threads * self._call), int(trials.counts[t]))
            shares = threads if end - at > _ALONE else 1
            edges = np.linspace(at, end, shares + 1).astype(int).tolist()
            for added in in_parallel(partial(self._run_rows, trials, t), [*pairwise(edges)], shares):
                for total, part in zip(trials.totals(t), added, strict=True):
                    total += part
            trials.done[t] = end
            self._run_trial(trials, t, 0)

    def _run_rows(self, trials: _Trials, t: int, part: tuple[int, int]) -> _Totals:
        """Run rows of a trial in this thread; return what its totals grow by."""
        sums, unseen, moved, unsure = trials.totals(t)
        added = np.zeros_like(sums), np.zeros_like(unseen), np.zeros_like(moved), np.zeros_like(unsure)
        spare = self._spare.pop()
        kernels.run_rows(t, *part, *added, _MANY, *self._arguments(trials, spare))
        self._spare.append(spare)
        return added

    def _arguments(self, trials: _Trials, spare: tuple[FloatArray, FloatArray]) -> Any:
        """Return what both loops need to know."""
        return (
            trials.gone, trials.taken, trials.lower, trials.bounded, trials.index, *self._program, *spare,
            *self._measures, self._close, *self._targets, self._losses, self._integers,
            trials.losses, trials.leads,
        )  # fmt: skip


def _without_idle(
    weights: Sequence[FloatArray], biases: Sequence[FloatArray], afters: Sequence[tuple[Op, ...]]
) -> tuple[list[FloatArray], list[FloatArray], list[tuple[Op, ...]]]:
    """Return layers without the units between them that nothing reads or that read nothing.

    The latter are constant, and go into the next bias. `afters[i]` are the operations in front of
    `weights[i]`, the last stand behind all.
    """
    weights, biases, afters = list(weights), list(biases), list(afters)

    def keep(i: int, kept: Array) -> None:
        left = np.flatnonzero(kept) if kept.any() else np.zeros(1, np.intp)
        weights[i - 1], biases[i - 1] = weights[i - 1][:, left], biases[i - 1][left]
        weights[i] = weights[i][left]
        afters[i] = tuple(op.keep_in(0, left) for op in afters[i])

    for i in range(len(weights) - 1, 0, -1):
        keep(i, np.any(weights[i], axis=1))
    for i in range(1, len(weights)):
        fixed = biases[i - 1]
        for op in afters[i]:
            fixed = op.forward(fixed[None])[0]
        reads: Array = weights[i - 1].any(axis=0) | ~np.isfinite(fixed)
        if reads.any():
            biases[i] = biases[i] + np.where(reads, 0, fixed) @ weights[i]
            keep(i, reads)
    return weights, biases, afters


def _first_relu(ops: tuple[Op, ...]) -> tuple[bool, tuple[Op, ...]]:
    """Say whether a relu comes first, and return the other operations."""
    relu = bool(ops) and isinstance(ops[0], Activation) and ops[0].kind == "relu"
    return relu, ops[1:] if relu else ops
