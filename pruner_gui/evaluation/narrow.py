"""Levels with narrow layers behind them: one compiled loop, and bounds that spare most of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.layer import ALL, Drop, Found
from pruner_gui.evaluation.level import RENEW, RunLevel
from pruner_gui.evaluation.program import Array, Program, padded
from pruner_gui.evaluation.rows import ALONE, CALL
from pruner_gui.evaluation.threads import in_parallel
from pruner_gui.network import FloatArray

_NONE = np.zeros(0)
# Of the blocks, those that are bounded at first, and at most.
_BOUNDED = (0.15, 0.7)
_LIKELY = 0.6  # of what losses may rise: whoever moves those of the hardest rows by less is likely to go
_SLOPES = 500  # times the precision: how far tangents can be off, relative to the sum of losses


@dataclass(frozen=True, eq=False)
class _One:
    """A trial: what is dropped, the weights it had, bounds by block, and what is found on the way."""

    gone: FloatArray
    which: int
    taken: FloatArray
    lower: FloatArray
    sums: FloatArray
    moved: FloatArray
    unsure: Array


class NarrowLevel(RunLevel):
    """Runs the rest in one compiled loop: best where the layers behind are narrow.

    Where the loss is convex in the scores and at most one more layer follows, tangents bound every row's loss
    from below at a small part of the cost; a removal is given up as soon as bounds, and the losses that are
    known, exceed what is allowed. Tangents stay true after removals, they only get looser.
    """

    _STALE = 8  # removals after which tangents are made anew

    def _pack(self) -> None:
        rows, measure = self.rows, self.rows.measure
        program = Program.of(self._afters, self._weights, self._biases, len(self.bias), self._dtype)
        self._cost = rows.tuning.block * program.multiply_adds
        self._small = rows.n_blocks * self._cost <= 2 * ALONE
        bounds = rows.n_blocks * rows.tuning.block * self.held.shape[1] * len(self.bias)
        if self._small and bounds <= CALL and self._compensation == "none":
            self.most = ALL  # it costs nothing to ask for more than are tried
            self.goes_on = True
        shape = (rows.n_blocks, padded(len(self.bias)), rows.tuning.block)
        self._entry = rows.spare.of("entry", shape, self._dtype)
        self._entry[:, len(self.bias) :] = 0
        self._program = program
        self._fixed = (
            program.stages, program.flat, program.codes, program.settings, program.operands,
            measure.kinds, measure.scales, measure.head, program.n_out, measure.threshold,
        )  # fmt: skip
        self._relu = bool(program.codes.size)
        self._reach = _SLOPES * float(np.finfo(self._dtype).eps)  # slopes are rounded too
        self._bounded = measure.convex if program.is_bounded else -1
        shape = shape if self._bounded >= 0 else (0, 0, 0)
        self._slopes = rows.spare.of("slopes", shape, self._dtype)
        self._anchors = np.zeros((shape[0], shape[2]))
        self._age = self._STALE
        self._new_losses = np.zeros_like(self._losses)

    def _take_over(self) -> None:
        self._losses, self._new_losses = self._new_losses, self._losses

    def _take_entry(self, chunk: slice, held: FloatArray, outgoing: FloatArray, bias: FloatArray) -> None:
        entry = np.matmul(outgoing, held, out=self.entry(chunk))
        entry += bias
        self._age = self._STALE

    def entry(self, chunk: slice) -> FloatArray:
        """Return what the next layer gets in some blocks."""
        return self._entry[chunk, : len(self.bias)]

    def _take_out(self, drop: Drop, outgoing: FloatArray) -> None:
        gone, (which,) = self._gone([drop])
        taken = self._padded(outgoing)
        self.rows.split(
            lambda a, b: kernels.subtract(a, b, gone, which, taken, self._entry),
            len(taken),
        )
        self._age += 1

    def _padded(self, outgoing: FloatArray) -> FloatArray:
        if outgoing.shape[-1] == self._entry.shape[1] and outgoing.dtype == self._dtype:
            return outgoing
        taken = np.zeros((*outgoing.shape[:-1], self._entry.shape[1]), self._dtype)
        taken[..., : outgoing.shape[-1]] = outgoing
        return taken

    def _gone(self, drops: Sequence[Drop]) -> tuple[FloatArray, Array]:
        """Return what is dropped, among other things, `(n_blocks, n, block)`, and which of it by drop."""
        places = np.array([drop.place for drop in drops])
        shifts = [drop.shift for drop in drops]
        if not drops[0].coefficients.size and not any(shifts):
            return self.held, places
        coefficients = np.array([drop.coefficients for drop in drops], self._dtype)
        shape = (self.rows.n_blocks, len(drops), self.rows.tuning.block)
        out = self.rows.spare.of("gone", shape, self._dtype)
        column = np.array(shifts, self._dtype)[:, None]

        def mix(chunk: slice) -> None:
            held = self.held[chunk]
            out[chunk] = (coefficients @ held if coefficients.size else held[:, places]) + column

        self.rows.each_chunk(mix, out.size * self.held.shape[1])
        return out, np.arange(len(drops))

    def _try(
        self, drops: Sequence[Drop | None], offset: FloatArray, budget: FloatArray, sure: FloatArray | None
    ) -> list[Found]:
        if sure is not None:
            places = np.array([-1 if drop is None else drop.place for drop in drops])
            return self._look(self.held, places, self._padded(self.outgoing), places, offset, budget, sure)
        some = [drop for drop in drops if drop is not None]
        gone, which = self._gone(some)
        places = which if gone is self.held else np.array([drop.place for drop in some])
        return self._look(gone, which, self._padded(self.outgoing), places, offset, budget)

    def _search(self, drops: Sequence[Drop], outgoing: FloatArray, budget: FloatArray) -> list[Found]:
        gone, which = self._gone(drops)
        none = np.zeros(len(budget))
        return self._look(gone, which, self._padded(outgoing), np.arange(len(drops)), none, budget)

    def _look(
        self,
        gone: FloatArray,
        which: Array,
        outgoing: FloatArray,
        places: Array,
        offset: FloatArray,
        budget: FloatArray,
        sure: FloatArray | None = None,
    ) -> list[Found]:
        """Try drops: number `which` of what is gone, nothing for -1, with the weights `outgoing[places]`."""
        rows, counts = self.rows, self.rows.measure.counts
        shape = (len(which), len(budget))
        sums, moved, unsure = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
        bounded = self._bounded if np.isfinite(budget).all() else -1
        if bounded >= 0:
            if self._age >= self._STALE:
                self._renew_slopes()
            budget = budget.copy()
            budget[bounded] += self._reach * (abs(budget[bounded]) + self._present[bounded])
        taken = np.zeros(len(which), bool)
        if self._small:
            room = min(self._STALE - self._age if bounded >= 0 else RENEW, RENEW - self._pending)
            tried, gave_up, run, went = kernels.search(
                gone, which, outgoing, places, self._entry, *self._fixed, rows.wanted, rows.labels,
                rows.count, self._integers, self._close, self._losses, self._new_losses, self._relu,
                self._slopes, self._anchors, bounded, budget, CALL // self._cost * rows.tuning.block,
                -np.full(len(budget), np.inf) if sure is None else sure, room, taken,
                sums, moved, unsure,
            )  # fmt: skip
            rows.statistics.rows += run
            self._age += went
        else:
            weights = outgoing[places]
            lower = np.zeros((len(which), rows.n_blocks))
            likely = len(which)
            if bounded >= 0:
                likely = self._bound(gone, which, weights, budget[bounded], lower)
            gave_up, tried = True, 0
            while gave_up and tried < min(likely + 1, len(which)):
                one = _One(
                    gone, which[tried], weights[tried], lower[tried], sums[tried], moved[tried], unsure[tried]
                )
                size = rows.n_blocks if tried == likely else max(1, ALONE // self._cost)
                gave_up = self._run(one, bounded, budget, size)
                tried += 1
        doubts = 0.5 * unsure[:tried]
        found = [Found(one, _NONE, True) for one in sums[:tried] - doubts + offset]
        errors = np.where(counts, doubts, moved[:tried])
        for i in np.flatnonzero(taken[:tried]).tolist():
            found[i] = Found(sums[i], errors[i], taken=True)
        if not gave_up:
            found[-1] = Found(sums[tried - 1], errors[-1])
        return found

    def _run(self, one: _One, bounded: int, budget: FloatArray, size: int) -> bool:
        """Run one trial in several threads, `size` blocks and then ever more; say if it was given up."""
        rows, metrics = self.rows, len(budget)
        left, below = budget.copy(), float(one.lower.sum())
        if bounded >= 0:
            left[bounded] -= below
        first, largest = 0, max(1, CALL * rows.tuning.threads // self._cost)
        while first < rows.n_blocks and not (left < 0).any():
            last = min(first + min(size, largest), rows.n_blocks)
            threads = rows.tuning.threads if (last - first) * self._cost > ALONE else 1
            parts = [
                (np.zeros(metrics), np.zeros(metrics), np.zeros(metrics, np.int64)) for _ in range(threads)
            ]
            work = partial(self._share, first, last, one, bounded, left, parts)
            results = in_parallel(work, range(threads), threads)
            rows.statistics.rows += sum(touched for touched, _, _ in results)
            below += sum(excess for _, _, excess in results)
            for part in parts:
                one.sums[:] += part[0]
                one.moved[:] += part[1]
                one.unsure[:] += part[2]
                left -= part[0] - 0.5 * part[2]
            if bounded >= 0:
                left[bounded] += one.lower[first:last].sum()
            if any(over for _, over, _ in results):
                break
            first, size = last, (2 if threads == 1 else 4) * size
        else:
            if not (left < 0).any():
                return False
        if bounded >= 0:
            one.sums[bounded] = below
        return True

    def _share(
        self, first: int, last: int, one: _One, bounded: int,
        left: FloatArray, parts: Sequence[tuple[FloatArray, FloatArray, Array]], thread: int,
    ) -> tuple[int, bool, float]:  # fmt: skip
        rows = self.rows
        return kernels.trial(
            first + thread, last, len(parts), one.gone, one.which, one.taken, self._entry, *self._fixed,
            rows.wanted, rows.labels, rows.count, self._integers, self._close,
            self._losses, self._new_losses, one.lower, bounded, left, *parts[thread],
        )  # fmt: skip

    def _bound(self, gone: FloatArray, which: Array, taken: FloatArray, most: float, out: FloatArray) -> int:
        """Put lower bounds of the blocks' losses in `out` `(n_drops, n_blocks)`, as far as they are needed.

        They are not where those in front are more than `most`, nor where rows lose so little that a bound
        tells nothing, nor for a drop that is likely to be accepted and those after it. Returns which is the
        first such, or how many drops there are.
        """
        present = self._losses[:, self._bounded].sum(axis=1)
        margin = most - float(present.sum())
        head, end = (math.ceil(share * self.rows.n_blocks) for share in _BOUNDED)
        below = self._bound_some(gone, which, taken, 0, head, np.full(len(which), most), present, out)
        likely = np.flatnonzero(np.abs(below - present[:head].sum()) < _LIKELY * margin)
        count = int(likely[0]) if likely.size else len(which)
        left = np.flatnonzero(below[:count] <= most)
        rest = np.zeros((len(left), self.rows.n_blocks))
        self._bound_some(gone, which[left], taken[left], head, end, most - below[left], present, rest)
        out[left, head:end] = rest[:, head:end]
        return count

    def _bound_some(
        self, gone: FloatArray, which: Array, taken: FloatArray, first: int, last: int, enough: FloatArray,
        present: FloatArray, out: FloatArray,
    ) -> FloatArray:  # fmt: skip
        """Put bounds of some blocks in `out`, of a drop until their sum is `enough`; return the sums."""
        rows = self.rows
        macs = max(1, len(which) * self._entry.shape[1] * rows.tuning.block)
        threads = rows.tuning.threads if (last - first) * macs > ALONE else 1
        below = np.zeros((threads, len(which)))
        parts = np.array([present[first + thread :: threads].sum() for thread in range(threads)])
        goal = parts[:, None] + (enough - parts.sum()) / threads

        def bound(start: int, stop: int, thread: int) -> None:
            kernels.bounds_of_some(
                start + thread, stop, threads, gone, which, taken, self._entry, self._relu, self._slopes,
                self._anchors, self._losses, self._bounded, rows.count, goal[thread], below[thread], out,
            )  # fmt: skip

        step = max(1, CALL * threads // macs)
        for start in range(first, last, step):
            in_parallel(partial(bound, start, min(start + step, last)), range(threads), threads)
        sums: FloatArray = below.sum(axis=0)
        return sums

    def _renew_slopes(self) -> None:
        """Make tangents to the losses of now."""
        self._age = 0
        rows, measure, program = self.rows, self.rows.measure, self._program
        backward = np.zeros((0, 0), self._dtype)
        if len(program.stages) > 1:
            n_in, n_out, at = program.stages[1, :3].tolist()
            backward = np.ascontiguousarray(program.flat[at : at + n_in * n_out].reshape(n_in, n_out).T)
        kind, scale = int(measure.kinds[self._bounded]), float(measure.scales[self._bounded])
        rows.split(
            lambda a, b: kernels.slopes(
                a, b, self._entry, program.stages, program.flat, program.codes, backward,
                kind, scale, program.n_out, rows.wanted, rows.labels, self._losses, self._bounded,
                self._integers, self._slopes, self._anchors,
            ),
            2 * program.multiply_adds,
            last=rows.n_blocks if self._small else math.ceil(_BOUNDED[-1] * rows.n_blocks),
        )  # fmt: skip
