"""Levels with wide layers behind them: matrix products over the rows that a removal changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.layer import Drop, Found
from pruner_gui.evaluation.level import RunLevel
from pruner_gui.evaluation.program import Array
from pruner_gui.evaluation.radii import Radii
from pruner_gui.evaluation.rows import ALONE
from pruner_gui.evaluation.tangents import Tangents
from pruner_gui.evaluation.threads import in_parallel
from pruner_gui.network import Activation, FloatArray, IndexArray, Op

_MOST = 2048  # rows of a product at most
_FIRST = 64  # rows of a trial that are run at first
_ALONE = 512  # rows below which a second thread costs more than it brings
_USED = 0.1  # share of leads that may be used up when they are carried to the next level
_RUN = -1.0  # lead of a row that is run whatever happens


@dataclass(eq=False)
class _Trial:
    """A trial on its way: what is dropped, the weights it had and their norm.

    Of the rows `index` that have to be run, `done` were. What the others add to the present sums at least is
    `unseen`; together with `sums`, which have what was run, they are a lower bound.
    """

    number: int
    gone: FloatArray
    taken: FloatArray
    size: float
    index: IndexArray
    unseen: FloatArray
    lower: FloatArray
    bounded: int
    done: int = 0
    gave_up: bool = False

    def start(self, present: Found, counts: Array) -> None:
        """Begin with the sums of now."""
        self.sums = present.sums.copy()
        self.moved: Array = np.zeros(len(self.sums))
        self.unsure: Array = np.where(counts, np.rint(2 * present.error), 0).astype(np.int64)
        self.losses: Array = np.empty((len(self.sums), self.index.size))
        self.scores: Array = np.empty((self.index.size, 0))

    def next(self, count: int) -> slice:
        """Return which are the next rows to run, so many at most."""
        first, self.done = self.done, min(self.done + count, self.index.size)
        return slice(first, self.done)

    def judge(self, budget: FloatArray) -> None:
        """Give up if some error is too large already."""
        self.gave_up = bool((self.sums + self.unseen - 0.5 * self.unsure > budget).any())

    def found(self, counts: Array) -> Found:
        """Return the result; for counts the error is half of what is in doubt."""
        doubt = 0.5 * self.unsure
        sums = self.sums + self.unseen - doubt if self.gave_up else self.sums
        return Found(sums, np.where(counts, doubt, self.moved), self.gave_up)


class WideLevel(RunLevel):
    """Runs the rest by matrix products, best for wide layers, over the rows that have to be run.

    These are the rows on which the unit is not zero. Where only mistakes count, they are those that the
    removal moves so far that their class could change.
    """

    def _pack(self) -> None:
        rows = self.rows
        self._entry = np.empty((rows.n_blocks * rows.tuning.block, len(self.bias)), self._dtype)
        weights, biases, self._behind = _without_idle(self._weights, self._biases, self._afters)
        self._rough = [
            (weight.astype(self._dtype), bias.astype(self._dtype))
            for weight, bias in zip(weights, biases, strict=True)
        ]
        size = _MOST * max([len(self.bias), *(weight.shape[1] for weight in weights)])
        # Each thread takes a pair and brings it back.
        self._spare = [[np.empty(size, self._dtype) for _ in range(2)] for _ in range(rows.tuning.threads)]
        # How much of the leads is used up, relative to what they usually were.
        self._used, self._usual = 0.0, 1.0
        nothing = np.zeros(len(rows.measure.kinds))
        self._now = Found(nothing, nothing)
        self._radii: Radii | None = None
        if rows.measure.only_classes:
            self._radii = Radii.of(self._afters, self._weights, len(self.bias))
        self._leads = np.zeros(len(self._entry), self._dtype)
        self._shift = np.zeros(len(self._entry), self._dtype)  # by how much the last removal moved rows
        self._tangents: Tangents | None = None
        if Tangents.fit(rows, self._afters):
            self._tangents = Tangents(rows, self._entry, self._rough)

    def _take_entry(self, chunk: slice, held: FloatArray, outgoing: FloatArray, bias: FloatArray) -> None:
        block = self.rows.tuning.block
        entry = self.rows.spare.of("product", (len(held), len(bias), block), self._dtype)
        np.matmul(outgoing, held, out=entry)
        entry += bias
        rows_first = entry.swapaxes(1, 2).reshape(-1, len(self.bias))
        self._entry[chunk.start * block : chunk.stop * block] = rows_first
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
            # Leads that removals have used up are to be made anew.
            if not isinstance(before, WideLevel) or before._radii is None or before._used > _USED:
                return False
            self._leads, self._usual, self._used = before._leads, before._usual, before._used
        found = super()._carry_on(before)
        losses = self._losses.swapaxes(0, 1).reshape(len(counts), -1)[:, : self.rows.count]
        doubts = (losses == 0.5).sum(axis=1)
        self._now = Found(self._present, np.where(counts, 0.5 * doubts, 0))
        return found

    def _measure_present(self) -> None:
        self._leads[:] = _RUN
        self._shift[:] = 0
        super()._measure_present()
        self._used, self._usual = 0.0, max(float(np.median(self._leads)), 1e-30)

    def _take_over(self) -> None:
        done, self._now = self._done, self._tried
        kernels.put_rows(done.index, done.losses, self._losses)
        if self._tangents is not None:
            self._tangents.moved(self._shift)
        if self._radii is not None:
            used = self._shift * self._radii.factor
            self._used += float(used.mean()) / self._usual
            self._leads -= used
            labels = self.rows.labels.ravel()[done.index]
            self._leads[done.index] = self._radii.leads(done.scores, labels, self._close)
        else:
            self._leads[:] = 0  # a row is run if anything happens to it

    # -- trials

    def _search(self, drops: Sequence[Drop], outgoing: FloatArray, budget: FloatArray) -> list[Found]:
        counts, threads = self.rows.measure.counts, self.rows.tuning.threads
        trials = self._chosen(drops, outgoing.astype(self._dtype), budget)
        left = [trial for trial in trials if not trial.gave_up]
        # Most are given up on the rows that matter most: all trials share one look at these.
        groups = [left[thread::threads] for thread in range(min(threads, len(left)))]
        in_parallel(partial(self._look, budget), groups, threads)
        left = [trial for trial in left if not trial.gave_up]
        while left:
            # On the next rows each thread has a trial of its own.
            self._open = len(trials)
            in_parallel(partial(self._begin, budget), left, threads)
            left = [trial for trial in left if not trial.gave_up]
            if left:
                trial = left.pop(0)
                while not trial.gave_up and trial.done < trial.index.size:
                    self._go_on(trial, budget)
                if not trial.gave_up:
                    self._done = trial
                    return [one.found(counts) for one in trials[: trial.number + 1]]
        return [trial.found(counts) for trial in trials]

    def _chosen(self, drops: Sequence[Drop], taken: FloatArray, budget: FloatArray) -> list[_Trial]:
        """Return trials with the rows that they have to run; some are given up already.

        Adds to the budget what bounds can be off.
        """
        rows, n = self.rows, len(drops)
        gone = self._dropped(drops).reshape(n, -1)
        sizes = np.sqrt(np.square(taken.astype(np.float64)).sum(axis=1))
        factor = self._radii.factor if self._radii is not None else 0.0
        speeds = sizes * (factor or 1.0)
        factor *= _first_relu(self._behind[0])[0]
        lower, bounded = self._bounds(gone, taken, sizes, budget)
        index = rows.spare.of("index", (n, rows.count), np.int32)
        counts, unseen = np.zeros(n, np.int64), np.zeros((n, len(budget)))
        threads = rows.tuning.threads if gone.size > ALONE else 1
        in_parallel(
            lambda part: kernels.select(
                *part, gone, speeds, self._leads, self._losses, lower, bounded,
                self._entry, taken, factor, unseen, index, counts,
            ),
            [(n * i // threads, n * (i + 1) // threads) for i in range(threads)],
            threads,
        )  # fmt: skip
        trials = [
            _Trial(i, gone[i], taken[i], sizes[i], index[i, : counts[i]], unseen[i], lower[i], bounded)
            for i in range(n)
        ]
        for trial in trials:
            trial.start(self._now, rows.measure.counts)
            trial.judge(budget)
        return trials

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

    def _look(self, budget: FloatArray, trials: Sequence[_Trial]) -> None:
        """Run the first rows of some trials in one thread."""
        for trial in trials:
            self._sort(trial)
            if self._radii is not None:
                trial.scores = np.empty((trial.index.size, self._radii.n_classes), self._dtype)
        step = min(_FIRST, _MOST // len(trials))
        self._run(budget, [(trial, trial.next(step)) for trial in trials])

    def _begin(self, budget: FloatArray, trial: _Trial) -> None:
        """Run some more rows of a trial, unless one before it may be accepted."""
        if trial.number > self._open:
            return
        limit = min(max(_MOST, trial.index.size // 4), trial.index.size)
        while not trial.gave_up and trial.done < limit:
            self._run(budget, [(trial, trial.next(min(max(_FIRST, trial.done), _MOST)))])
        if not trial.gave_up:
            self._open = min(self._open, trial.number)

    def _sort(self, trial: _Trial) -> None:
        """Put those rows first that are likely to matter most."""
        if trial.index.size > _FIRST and (self._radii is not None or trial.bounded >= 0):
            ranks = np.empty(trial.index.size, np.float32)
            kernels.ranks(trial.index, trial.gone, self._leads, self._losses, trial.bounded, ranks)
            trial.index = trial.index[np.argsort(ranks)]

    def _go_on(self, trial: _Trial, budget: FloatArray) -> None:
        """Run many more rows of a trial, in several threads."""
        part = trial.next(_MOST)
        threads = self.rows.tuning.threads if part.stop - part.start > _ALONE else 1
        edges = np.linspace(part.start, part.stop, threads + 1).astype(int).tolist()
        shares = [slice(*ends) for ends in pairwise(edges)]
        found = in_parallel(lambda share: self._losses_of([(trial, share)]), shares, threads)
        for share, (one,) in zip(shares, found, strict=True):
            self._take_in(trial, share, one)
        trial.judge(budget)

    def _run(self, budget: FloatArray, pieces: Sequence[tuple[_Trial, slice]]) -> None:
        """Run rows of some trials, and see which are to be given up."""
        for (trial, part), found in zip(pieces, self._losses_of(pieces), strict=True):
            self._take_in(trial, part, found)
            trial.judge(budget)

    def _take_in(self, trial: _Trial, part: slice, found: Sequence[Array]) -> None:
        sums, moved, unsure = found
        trial.sums += sums
        trial.moved += moved
        trial.unsure += unsure
        kernels.seen(trial.index[part], self._losses, trial.lower, trial.bounded, trial.unseen)

    def _losses_of(self, pieces: Sequence[tuple[_Trial, slice]]) -> list[tuple[Array, ...]]:
        """Run some rows; return by piece what sums, moved losses and doubts grow by."""
        rows, measure = self.rows, self.rows.measure
        spare = self._spare.pop()
        with np.errstate(over="ignore", invalid="ignore"):
            all_scores = self._products(pieces, spare)
        results, at = [], 0
        for trial, part in pieces:
            index, scores = trial.index[part], all_scores[at : at + part.stop - part.start]
            at += len(scores)
            found: tuple[Array, ...] = tuple(
                np.zeros(len(measure.kinds), kind) for kind in (np.float64, np.float64, np.int64)
            )
            kernels.compare(
                index, scores, measure.kinds, measure.scales, measure.head, scores.shape[1],
                self._close, measure.threshold, rows.wanted, rows.labels, self._losses,
                trial.losses[:, part], self._integers, *found,
            )  # fmt: skip
            if self._radii is not None:
                trial.scores[part] = scores
            results.append(found)
        self._spare.append(spare)
        rows.statistics.rows += at
        return results

    def _products(self, pieces: Sequence[tuple[_Trial, slice]], spare: Sequence[FloatArray]) -> FloatArray:
        """Return the scores `(n_rows, n_outputs)` of some rows without the drops."""
        one, other = spare
        count = sum(part.stop - part.start for _, part in pieces)
        width, at = len(self.bias), 0
        values = one[: count * width].reshape(count, width)
        for i, after in enumerate(self._behind):
            relu, rest = _first_relu(after)
            if not i:
                for trial, part in pieces:
                    index = trial.index[part]
                    out = values[at : at + index.size]
                    kernels.lose(self._entry, index, trial.gone, trial.taken, relu, out)
                    at += index.size
            else:
                weight, bias = self._rough[i - 1]
                out = other[: count * len(bias)].reshape(count, len(bias))
                np.matmul(values, weight, out=out)
                kernels.add_bias(out, bias, relu)
                values = out
                one, other = other, one
            for op in rest:
                values[...] = op.forward(values)
        return values


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
