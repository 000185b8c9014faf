"""A hidden layer whose trials run the rest of the network on rows, and nothing before it."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np

from pruner_gui.evaluation import kernels
from pruner_gui.evaluation.exact import ExactChain, applied
from pruner_gui.evaluation.layer import Drop, Found, Layer
from pruner_gui.evaluation.program import Array
from pruner_gui.evaluation.rounding import SAFETY, Rounding
from pruner_gui.evaluation.rows import SLACK, Rows
from pruner_gui.network import FloatArray, IndexArray

_NONE = np.zeros(0)
_LEAST = {"float32": 5e-8, "float64": 1e-13}  # rounding of losses, relative, that is always reckoned with
RENEW = 64  # removals after which the next layer's input is made anew
_AHEAD, _AHEAD_ROWS = 16, 1 << 20  # trials that share a look at the rows, and rows for all of them
_READ = 0.8  # of the units, above which leaving out the others costs more than it saves
_SAMPLE = 1024  # rows on which rounding is measured
_MUCH = 1e9  # more than an activation
_FEW = RENEW // 2  # removals whose rounding is little beside that of products


class RunLevel(Layer):
    """A layer with its activations `held` `(n_blocks, units, block)`, in the precision of the work.

    `before` is the level that was worked on before this one, with the losses of now.
    """

    def __init__(
        self,
        index: int,
        exact: ExactChain,
        compensation: str,
        rows: Rows,
        held: FloatArray,
        before: RunLevel | None,
    ) -> None:
        super().__init__(index, exact, compensation)
        self.rows, self.held = rows, held
        left = np.fromiter(self._place.values(), np.intp)
        silent = rows.each_chunk(lambda chunk: kernels.silent(held[chunk], left))
        self._silent = np.ones(held.shape[1], bool)
        self._silent[left] = np.all(silent, axis=0)
        self._afters = exact.afters[index + 1 :]
        self._weights, self._biases = exact.weights[index + 2 :], exact.biases[index + 2 :]
        self._dtype: np.dtype[Any] = rows.dtype
        self._integers = np.zeros(1, np.int32 if self._dtype.itemsize == 4 else np.int64)
        block, metrics = rows.tuning.block, len(rows.measure.kinds)
        self._losses: FloatArray = np.zeros((rows.n_blocks, metrics, block))
        self._present: FloatArray = np.zeros(metrics)
        self._close: FloatArray = np.zeros(2)  # see `kernels.losses`
        self._pending, self._mixed = 0, 1.0
        self._inherited = 0 if before is None else before._left  # removals whose rounding is in `held`
        self._left: int = 0  # and those whose rounding is in what the next level holds
        self.most = max(1, min(_AHEAD, _AHEAD_ROWS // rows.count))
        self._pack()
        self._renew()
        if before is not None and before.index == index - 1 and not rows.measure.counts.any():
            # The level before ran all that this one runs, and more.
            rows.rounding.setdefault(index, rows.rounding[before.index])
        known = index in rows.rounding and compensation == "none"
        if known:
            self._rounding, self._close = rows.rounding[index]
        sample = None if known else self._take_sample()
        if not (known and before is not None and self._carry_on(before)):
            self._measure_present()
        if sample is not None:
            self._rounding = self._measure_rounding(*sample)
            rows.rounding[index] = self._rounding, self._close

    @abc.abstractmethod
    def _pack(self) -> None:
        """Get weights and arrays ready."""

    @abc.abstractmethod
    def _take_entry(self, chunk: slice, held: FloatArray, outgoing: FloatArray, bias: FloatArray) -> None:
        """Make what the next layer gets in some blocks, `outgoing @ held + bias`, of their activations."""

    @abc.abstractmethod
    def entry(self, chunk: slice) -> FloatArray:
        """Return what the next layer gets in some blocks."""

    @abc.abstractmethod
    def _take_out(self, drop: Drop, outgoing: FloatArray) -> None:
        """Take a drop out of what the next layer gets."""

    @abc.abstractmethod
    def _take_over(self) -> None:
        """Keep the losses of the last trial as the present ones."""

    @abc.abstractmethod
    def _search(self, drops: Sequence[Drop], outgoing: FloatArray, budget: FloatArray) -> list[Found]:
        """Run the rest of the chain without each `drop * outgoing`, up to the first within the budget.

        The error found is the sum of the losses, old and new, that changed; half of what is in doubt for
        counts.
        """

    def _try(
        self, drops: Sequence[Drop | None], offset: FloatArray, budget: FloatArray, sure: FloatArray | None
    ) -> list[Found]:
        """Run the rest of the chain without each of the drops, with the weights of now; see `_search`.

        What is below `sure` is taken out, and the search goes on: None for a level that does not go on.
        Sums of what is given up come with `offset` added.
        """
        some = [drop for drop in drops if drop is not None]
        found = self._search(some, self.outgoing[[drop.place for drop in some]], budget)
        return [one._replace(sums=one.sums + offset) if one.partial else one for one in found]

    def _dropped(self, drops: Sequence[Drop]) -> FloatArray:
        """Return what is dropped, `(n_drops, n_blocks, block)`."""
        shape = (len(drops), self.rows.n_blocks, self.rows.tuning.block)
        out = self.rows.spare.of("dropped", shape, self._dtype)
        shifts = np.array([drop.shift for drop in drops], self._dtype)
        if not drops[0].coefficients.size:  # then none has any
            places = np.array([drop.place for drop in drops])
            self.rows.split(lambda a, b: kernels.pick(a, b, self.held, places, shifts, out), len(drops))
            return out
        coefficients = np.array([drop.coefficients for drop in drops], self._dtype)

        def mix(chunk: slice) -> None:
            out[:, chunk] = (coefficients @ self.held[chunk] + shifts[:, None]).swapaxes(0, 1)

        if coefficients.any():
            self.rows.each_chunk(mix, out.size * self.held.shape[1])
        else:
            out[:] = shifts[:, None, None]
        return out

    # -- the next layer's input

    def renew(self) -> None:
        """Make the next layer's input anew, without the rounding of removals."""
        if self._pending:
            self._renew()
            self._pending = 0
            self._start_anew()

    def _renew(self) -> None:
        read = self.outgoing.any(axis=1) & ~self._silent
        used = np.flatnonzero(read if read.mean() < _READ else np.ones_like(read))
        outgoing, bias = self.outgoing[used].T.astype(self._dtype), self.bias[:, None].astype(self._dtype)

        def take(chunk: slice) -> None:
            held = self.held[chunk]
            n_blocks, units, block = held.shape
            if used.size < units:
                some = self.rows.spare.of("some", (n_blocks, used.size, block), self._dtype)
                held = np.take(held, used, axis=1, out=some, mode="clip")  # others copy once more
            self._take_entry(chunk, held, outgoing, bias)

        self.rows.each_chunk(take)

    def next_held(self) -> FloatArray:
        """Return the next layer's activations."""
        if self._dtype.itemsize == 4 and self._inherited + self._pending > _FEW:
            self.renew()
        self._left = self._inherited + self._pending
        held = np.empty((self.rows.n_blocks, len(self.bias), self.rows.tuning.block), self._dtype)

        def fill(chunk: slice) -> None:
            held[chunk] = self.entry(chunk)
            rows = held[chunk].swapaxes(1, 2)
            values = applied(self._afters[0], rows)
            if values is not rows:
                rows[...] = values

        self.rows.each_chunk(fill)
        return held

    def end(self) -> None:
        """Give back what only this level needs, all but what the next takes over."""
        self.held = np.zeros((0, 0, 0), self._dtype)

    # -- rounding

    def _carry_on(self, before: RunLevel) -> bool:
        """Take over the present losses from another level of the same network; say if that can be done."""
        self._losses, self._present = before._losses, before._present
        self._start_anew()
        return True

    def _measure_present(self) -> None:
        """Run every row with nothing taken out."""
        nothing = Drop(0, _NONE, _MUCH)  # is zero on no row, times weights of zero
        unbounded = np.full(len(self.rows.measure.kinds), np.inf)
        self._tried = self._search([nothing], np.zeros((1, len(self.bias))), unbounded)[0]
        self._present = self._tried.sums
        self._start_anew()
        self._take_over()

    def _take_sample(self) -> tuple[IndexArray, Array]:
        """Return some rows and their exact losses, and measure how far scores are off."""
        rows, block = self.rows, self.rows.tuning.block
        step = max(1, rows.n_blocks * block // max(_SAMPLE // 4, min(_SAMPLE, rows.count // 8)))
        positions = (np.arange(0, rows.n_blocks, step)[:, None] * block + np.arange(block)).ravel()
        positions = positions[positions < rows.count]
        chosen = rows.order[positions]
        if self._exact.whole and not rows.measure.counts.any():
            return positions, self._exact.losses[:, chosen]
        values, scores, exact = self._exact.sample(self.index, chosen)
        if rows.measure.counts.any():
            with np.errstate(all="ignore"):
                self._close = self._measure_close(values, scores)
        return positions, exact

    def _measure_rounding(self, positions: IndexArray, exact: Array) -> Rounding:
        """Return how far sums of losses are off, by a sample of rows."""
        block = self.rows.tuning.block
        found = self._losses[positions // block, :, positions % block].T
        return Rounding.of(found, exact, _LEAST[self._dtype.name])

    def _measure_close(self, values: FloatArray, scores: FloatArray) -> FloatArray:
        """Return how far scores are off, for activations and their exact scores.

        Relative to the largest, and at least: what is left of large terms that cancel has their rounding.
        """
        largest = float(np.abs(scores).max())
        apart = float(np.abs(self._rough_scores(values.astype(self._dtype)) - scores).max())
        least = 16 * float(np.finfo(self._dtype).eps)
        relative = 2e-9 + least + 2 * SAFETY * (apart / largest if largest else 0)
        return np.array([relative, relative * largest / (2 * SAFETY)])

    def _rough_scores(self, values: FloatArray) -> FloatArray:
        """Return the scores for activations `(n_rows, units)`, in the precision of the work."""
        dtype = self._dtype
        weights = [self.outgoing, *self._weights]
        biases = [self.bias, *self._biases]
        for weight, bias, after in zip(weights, biases, self._afters, strict=True):
            values = values @ weight.astype(dtype) + bias.astype(dtype)
            for op in after:
                values = op.forward(values)
        return values

    # -- trials

    def _start_anew(self) -> None:
        """From now on rounding is that of differences from the losses of now."""
        self._anchor: tuple[FloatArray, FloatArray] | None = None
        self._moved: FloatArray = np.zeros(len(self._present))

    def _anchored(self, error: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the losses that differences start from and how far they can be off, now `error`."""
        if self._anchor is None:
            self._anchor = self._present, error
        return self._anchor

    def search(self, drops: Sequence[Drop | None], now: Found, upper: FloatArray, *, on: bool) -> list[Found]:
        """Return the sums of losses without each of some units; see `Layer.search`."""
        counts, base, base_error = self.rows.measure.counts, now.sums, now.error
        if self._pending >= RENEW:
            self.renew()
        start, error = self._anchored(base_error)
        # Rounding of what mixtures of units drop grows with what they are mixed by.
        mixtures = [drop.coefficients for drop in drops if drop is not None and drop.coefficients.size]
        mixed = max(self._mixed, *map(float, map(np.linalg.norm, mixtures)), 0.0)
        offset = np.where(counts, 0, base - self._present)
        budget, sure = np.full(len(base), np.inf), None
        if upper.size:
            # Of an infinite limit nothing is below for sure.
            with np.errstate(over="ignore", invalid="ignore"):
                reach = base_error + 4 * self._rounding(np.abs(upper) + self._present, mixed)
                if on:  # as far as anything can be off when the search has gone on
                    largest = start + self._present + 2 * (np.abs(upper) + np.abs(offset))
                    reach = np.maximum(error, base_error) + 8 * self._rounding(largest, mixed)
                reach = np.abs(upper) * SLACK + np.where(counts, 0, reach)
                budget = upper - offset + reach
                sure = upper - offset - reach if on else None
        trials = self._try(drops, offset, budget, sure)
        # What a mixture of units drops can be rounded to nothing, on any row.
        mixing = np.inf if mixtures else 0.0
        found = []
        for drop, one in zip(drops, trials, strict=False):
            if one.partial:
                found.append(one)
                continue
            if drop is None:
                found.append(Found(base, base_error, taken=one.taken))
                continue
            start, error = self._anchored(base_error)
            # Differences from the same start do not add up their rounding.
            moved = np.minimum(mixing + self._moved + one.error, 2 * (start + one.sums))
            moved = (1 + (self._inherited + self._pending) / RENEW) * self._rounding(moved, mixed)
            reached = Found(one.sums + offset, np.where(counts, one.error, error + moved), taken=one.taken)
            found.append(reached)
            self._tried = one
            if one.taken:
                base, base_error = reached.sums, reached.error
                self._went(drop, reached)
        return found

    def _went(self, drop: Drop, found: Found) -> None:
        """Take note that the last trial's drop is taken out."""
        self._present = self._tried.sums
        self._moved = self._moved + self._tried.error
        self._pending += 1
        if drop.coefficients.size:
            self._mixed = max(self._mixed, float(np.linalg.norm(drop.coefficients)))
        if not found.error.any():
            self._start_anew()

    def remove(self, unit: int, drop: Drop | None, found: Found) -> None:
        """Take the unit of a trial out, of which that was found."""
        if drop is not None and not found.taken:
            self._take_out(drop, self.outgoing[drop.place])
            self._take_over()
            self._went(drop, found)
        super().remove(unit, drop, found)

    def restore(self) -> None:
        """Undo what was taken out and not followed by `remove`."""
        self._renew()
        self._pending = 0
        self._measure_present()
