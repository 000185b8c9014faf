"""The fast exact evaluator of chains: one layer's activations at hand, and only the rest is run.

Errors are sums in float64 of losses that may come from float32 values. How far those can be off is measured
whenever a layer is begun, and a decision that could hang on it is made in float64.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from pruner_gui.evaluation.evaluator import Limits, Score
from pruner_gui.evaluation.exact import ExactChain
from pruner_gui.evaluation.gram import GramLevel
from pruner_gui.evaluation.layer import ALL, Drop, Found, Layer
from pruner_gui.evaluation.level import RunLevel
from pruner_gui.evaluation.narrow import NarrowLevel
from pruner_gui.evaluation.program import Chain
from pruner_gui.evaluation.rows import SLACK, Rows
from pruner_gui.evaluation.threads import in_parallel
from pruner_gui.evaluation.wide import WideLevel
from pruner_gui.network import FloatArray, Network, RemoveUnits

_NONE = np.zeros(0)
_DEEP = 3  # layers of weights


class ChainEngine:
    """Follows one chain through its removals."""

    def __init__(self, network: Network, chain: Chain, rows: Rows, compensation: str) -> None:
        self.network = network
        self.sums: FloatArray = _NONE
        self._error: FloatArray = _NONE
        self._rows, self._compensation = rows, compensation
        self._exact = ExactChain(rows.objective, chain, rows.tuning.threads)
        self._stage = {stage.name: i for i, stage in enumerate(chain.stages)}
        self._held: FloatArray | None = None  # of the first layer
        self._level: Layer | None = None
        self._last: tuple[RemoveUnits, Drop | None, Found] | None = None
        self._turns: tuple[Limits | None, FloatArray, FloatArray] = (None, _NONE, _NONE)
        # What is tried, how much of it was, and whether the last of it was accepted.
        self._edits: Sequence[RemoveUnits] = ()
        self._limits: Limits | None = None
        self._at, self._went = 0, False
        self._gone: list[int] = []  # units of the level that the float64 side still has
        self._found = deque[tuple[Drop | None, Found, Score]]()  # what waits to be asked for
        self._goes_on = True  # whether trials go on after a removal with those that were to follow

    def prepare(self) -> Iterator[float]:
        """Run the whole network once, in float64; yield the share that is done."""
        yield from self._exact.prepare()
        self.sums = self._exact.losses.sum(axis=1)
        self._error = np.zeros(len(self.sums))

    # -- trials

    def trials(
        self, edits: Sequence[RemoveUnits], limits: Limits | None
    ) -> Iterator[tuple[RemoveUnits, Score]]:
        """Yield every edit, of one unit each, with its folds and the errors of the network it would give.

        Several edits share a look at the rows, more of them the longer none is accepted. What is accepted for
        sure is, and the look goes on: what it finds waits for the trials that follow, if they are the same.
        """
        self._take_up(edits, limits)
        ahead, statistics = 0, self._rows.statistics
        for at, edit in enumerate(edits):
            if not self._found:
                level = self._enter(self._stage[edit.node])
                ahead = min(max(2 * ahead, level.few), level.most)
                most = ahead if level.most < ALL else ALL
                self._look(level, edits[at : at + (most if limits is not None else 1)], limits)
            drop, found, score = self._found.popleft()
            self._at = at + 1
            statistics.trials += 1
            if found.partial:
                self._last = None
                yield edit, score
                continue
            yield self._tried(edit, drop, found, score, limits)
            if found.taken and self._last is not None:  # it was not accepted
                self._go_back()

    def _take_up(self, edits: Sequence[RemoveUnits], limits: Limits | None) -> None:
        """Begin to try some edits; forget what was found before if it does not go on as it was foreseen."""
        follows = limits == self._limits and self._edits[self._at :] == edits
        if self._went and self._at < len(self._edits):
            self._goes_on = follows
        if not follows or self._last is not None:
            self._go_back()
        self._edits, self._at, self._limits, self._went = edits, 0, limits, False

    def _go_back(self) -> None:
        """Forget what was found, and put back what was taken out."""
        refused = self._last is not None and self._last[2].taken
        self._goes_on &= not refused
        if self._level is not None and (refused or any(found.taken for _, found, _ in self._found)):
            self._level.restore()
        self._last = None
        self._found.clear()

    def _look(self, level: Layer, edits: Sequence[RemoveUnits], limits: Limits | None) -> None:
        """Try the first few of some edits."""
        upper, lower = self._decisive(limits)
        on = level.goes_on and self._goes_on and limits is not None and not (limits.exact or limits.lower)
        on = on and not edits[0].folds and self._is_inside(self.sums, self._error, upper, lower)
        drops, node = list[Drop | None](), edits[0].node
        for edit in edits:
            if edit.node != node:
                break
            drop = level.drop(edit)
            if drop is None and not on:
                break
            drops.append(drop)
        now = Found(self.sums, self._error)
        found = level.search(drops, now, upper, on=on) if drops else [now]
        sums, partial = np.array([one.sums for one in found]), [one.partial for one in found]
        scores = self._rows.objective.totals(sums, partial)
        self._found.extend(zip(drops or [None], found, scores, strict=False))

    def _tried(
        self, edit: RemoveUnits, drop: Drop | None, found: Found, score: Score, limits: Limits | None
    ) -> tuple[RemoveUnits, Score]:
        """Return the answer to a trial that was not given up, and remember it.

        It is made in float64 where that may matter.
        """
        rows, level = self._rows, self._level
        assert level is not None
        if not (found.refused or found.taken) and self._is_close(found, limits):
            rows.statistics.exact += 1
            drop = level.drop(edit, anew=True)
            assert drop is not None
            self._settle()
            found = Found(level.exact(drop), np.zeros(len(self.sums)))
            score = rows.objective.total(found.sums.tolist())
        self._last = (edit, drop, found)
        return level.with_fold(edit, drop), score

    def _decisive(self, limits: Limits | None) -> tuple[FloatArray, FloatArray]:
        """Return the sums of losses at which decisions turn, upper and lower."""
        if limits is None:
            return _NONE, _NONE
        if self._turns[0] != limits:
            objective = self._rows.objective
            upper = objective.largest_sums(limits.upper)
            lower = objective.sums(limits.lower) if limits.lower else np.full(len(upper), -np.inf)
            self._turns = (limits, upper, lower)
        return self._turns[1:]

    def _is_close(self, found: Found, limits: Limits | None) -> bool:
        """Say whether these sums have to be known exactly."""
        if not np.isfinite(found.sums + found.error).all():
            return True
        if not found.error.any():
            return False
        if limits is None:
            return bool(found.error[self._rows.measure.counts].any())
        upper, lower = self._decisive(limits)
        reach = found.error + SLACK * np.abs(found.sums)
        if (found.sums - reach > upper).any() or (found.sums + reach < lower).any():
            return False
        inside = self._is_inside(found.sums, found.error, upper, lower)
        return limits.exact or not inside or bool(found.error[self._rows.measure.counts].any())

    @staticmethod
    def _is_inside(sums: FloatArray, error: FloatArray, upper: FloatArray, lower: FloatArray) -> bool:
        """Say whether sums are within all limits for sure."""
        reach = error + SLACK * np.abs(sums)
        return bool((sums + reach < upper).all() and (sums - reach > lower).all())

    def advance(self, edit: RemoveUnits, network: Network) -> None:
        """Follow the removal of the last trial."""
        assert self._last is not None
        assert self._last[0] == edit
        assert self._level is not None
        _, drop, found = self._last
        self._last, self.network, self._went = None, network, True
        self.sums, self._error = found.sums, found.error
        (unit,) = edit.units
        self._level.remove(unit, drop, found)
        self._gone.append(unit)

    def _settle(self) -> None:
        """Have the float64 side follow all removals so far."""
        if self._level is not None and self._gone:
            self._exact.removed(self._level.index, self._gone, self._level.left(), self._level.bias)
            self._gone.clear()

    # -- levels

    def _enter(self, index: int) -> Layer:
        """Make a hidden layer the one whose units are tried."""
        if self._level is not None and self._level.index == index:
            return self._level
        self._settle()
        before, self._level = self._level, None
        self._rows.spare.clear()
        exact, rows = self._exact, self._rows
        exact.begin(index)
        if index + 2 == len(exact.weights) and exact.only_squares:
            self._level = GramLevel(index, exact, self._compensation, rows)
            return self._level
        if not rows.order.size:
            rows.choose(sum(weight.size for weight in exact.weights[1:]), exact.chain.jumps)
            rows.put_in_order(np.argsort(-exact.hardness, kind="stable"))
        last = before if isinstance(before, RunLevel) else None
        held = last.next_held() if last is not None and index and last.index == index - 1 else None
        if last is not None:
            last.end()  # its memory is needed
        if held is None:
            held = self._run_to(index)
        wide = any(weight.size >= rows.tuning.wide for weight in exact.weights[index + 2 :])
        # Where only classes count, few rows have to be run.
        wide |= rows.measure.only_classes and rows.is_large
        exact.keeps = not wide and rows.dtype.itemsize == 4  # else the memory is needed for the work
        kind = WideLevel if wide else NarrowLevel
        self._level = kind(index, exact, self._compensation, rows, held, last)
        return self._level

    def _run_to(self, index: int) -> FloatArray:
        """Return a hidden layer's activations in blocks."""
        exact, rows = self._exact, self._rows
        if index:
            held: FloatArray = np.empty((rows.count, exact.outgoing(index).shape[0]))
            in_parallel(partial(self._fill, index, held), exact.chunks(), rows.tuning.threads)
            return rows.blocks(held)
        first = self._held if self._held is not None else rows.blocks(exact.first)
        # In a deep chain the first layer is come back to seldom enough to be gathered anew.
        self._held = first if len(exact.weights) <= _DEEP else None
        return first

    def _fill(self, index: int, held: FloatArray, part: slice) -> None:
        held[part] = self._exact.activations(index, part)
