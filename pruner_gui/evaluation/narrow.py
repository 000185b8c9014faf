"""Levels with narrow layers behind them: one compiled loop, and bounds that spare most of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.layer import ALL, Drop, Found
from pruner_gui.evaluation.level import RENEW, RunLevel
from pruner_gui.evaluation.program import Array, Program, padded
from pruner_gui.evaluation.rows import ALONE, CALL
from pruner_gui.evaluation.together import Together
from pruner_gui.network import FloatArray

_NONE = np.zeros(0)
_BOUNDED = 0.7  # of the blocks, those that are bounded: rows that lose little have bounds that tell nothing
_CHEAP = 0.1  # of what it takes to run a block, below which bounds of all blocks pay
_LOSS = 32  # multiply-adds that an output's part in a loss takes as long as
_SLOPES = 500  # times the precision: how far tangents can be off, relative to the sum of losses


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
        macs = program.multiply_adds + _LOSS * program.n_out
        self._cost = rows.tuning.block * macs
        self._small = rows.n_blocks * self._cost <= 2 * ALONE
        bounds = rows.n_blocks * rows.tuning.block * self.held.shape[1] * len(self.bias)
        if (not self._small or bounds <= CALL) and self._compensation == "none":
            self.most = ALL  # it costs nothing to ask for more than are tried
            self.goes_on = True
        self._cheap = len(self.bias) / macs
        most = 1.0 if self._small or self._cheap < _CHEAP else _BOUNDED
        self._end = math.ceil(most * rows.n_blocks)
        self._together = Together(rows.tuning.threads, rows.n_blocks, len(measure.kinds))
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
        room = min(self._STALE - self._age if bounded >= 0 else RENEW, RENEW - self._pending)
        never = -np.full(len(budget), np.inf)
        if self._small:
            tried, gave_up, run, went = kernels.search(
                gone, which, outgoing, places, self._entry, *self._fixed, rows.wanted, rows.labels,
                rows.count, self._integers, self._close, self._losses, self._new_losses, self._relu,
                self._slopes, self._anchors, bounded, budget, CALL // self._cost * rows.tuning.block,
                never if sure is None else sure, room, taken, sums, moved, unsure,
            )  # fmt: skip
        else:
            task = (
                gone, which, outgoing, places, self._entry, self._losses, self._new_losses,
                self._relu, self._slopes, self._anchors, bounded,
            )  # fmt: skip
            model = (self._fixed, rows.wanted, rows.labels, rows.count, self._integers, self._close)
            tried, gave_up, run, went = self._together.search(
                task, model, max(1, CALL * rows.tuning.threads // self._cost), self._cheap, self._end,
                budget, never if sure is None else sure, room, taken, sums, moved, unsure,
            )  # fmt: skip
        rows.statistics.rows += run
        self._age += went
        doubts = 0.5 * unsure[:tried]
        found = [Found(one, _NONE, True) for one in sums[:tried] - doubts + offset]
        errors = np.where(counts, doubts, moved[:tried])
        for i in np.flatnonzero(taken[:tried]).tolist():
            found[i] = Found(sums[i], errors[i], taken=True)
        if not gave_up:
            found[-1] = Found(sums[tried - 1], errors[-1])
        return found

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
            last=self._end,
        )  # fmt: skip
