"""Selective pruning: for every hidden neuron compare the network's error with and without it.

Within the tolerance the neuron goes, else it stays; passes repeat until one removes nothing (Heaton).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np

from pruner_gui.evaluation import Limits
from pruner_gui.network import Edit, RemoveUnits
from pruner_gui.pruning.candidates import full
from pruner_gui.pruning.config import SLACK
from pruner_gui.pruning.events import Event, PassEnded, Ranked, Trial
from pruner_gui.pruning.state import State

Order = Generator[Ranked, None, Sequence[RemoveUnits]]


def run(state: State) -> Iterator[Event]:
    """Do this step of a run."""
    visits = _Visits(state)
    removed = -1
    while removed:
        before = len(state.accepted)
        yield from visits.one_pass()
        removed = len(state.accepted) - before
        yield PassEnded(state.passes, removed)
        if visits.settled():
            break


class _Visits:
    """Who may still go, and for how long nobody went."""

    def __init__(self, state: State) -> None:
        self._state, self._config = state, state.config
        self._allowed = set[Edit](self._state.candidates())
        self._shrunk = False
        self._rejected = 0  # in a row, since the last removal

    def settled(self) -> bool:
        """Say whether every neuron left was tried since the last removal: all further answers are known."""
        return self._rejected >= len(self._allowed)

    def one_pass(self) -> Iterator[Event]:
        state = self._state
        state.passes += 1
        waiting: list[RemoveUnits] = list((yield from self._order()))
        went = True
        while went and not self.settled():
            went, tried = False, 0
            for edit, score in state.evaluator.trials(state.network, waiting, state.judge.turns):
                tried += 1
                state.trials += 1
                went = state.judge.allows(score)
                self._rejected = 0 if went else self._rejected + 1
                yield Trial(edit, score, went, state.trials, state.passes)
                if went:
                    yield state.accept(edit, score)
                    self._forget(edit)
                if went or self.settled():
                    break
            if went and self._config.restart:
                waiting = list((yield from self._order()))
            else:
                waiting = waiting[tried:]
                if went and self._shrunk:
                    waiting = [edit for edit in waiting if edit in self._allowed]

    def _order(self) -> Order:
        ordered = in_order(self._state)
        while True:
            try:
                yield next(ordered)
            except StopIteration as done:
                edits: Sequence[RemoveUnits] = done.value
                return edits
            self._state.trials += 1

    def _forget(self, edit: Edit) -> None:
        """Take note that a neuron is gone."""
        self._allowed.discard(edit)
        self._shrunk = bool(full(self._state.network, self._state.least))
        if self._shrunk:  # a layer has no more than what has to stay
            self._allowed &= set[Edit](self._state.candidates())


def in_order(state: State) -> Order:
    """Return the removals that a pass tries, in order; yield what had to be measured to find it."""
    config = state.config
    edits = state.candidates()
    if config.order == "least-harm":
        errors = []
        everything = Limits((np.inf,) * len(state.evaluator.objective.metrics), exact=True)
        for edit, score in state.evaluator.trials(state.network, edits, everything):
            errors.append(score.values[0])
            yield Ranked(edit, score)
        return [edits[i] for i in ranked(errors)]
    if config.order == "random":
        return shuffled(edits, config.seed)
    return edits


def shuffled(edits: Sequence[RemoveUnits], seed: int) -> list[RemoveUnits]:
    """Return removals in a random order."""

    def chance(edit: RemoveUnits) -> float:
        # A number that belongs to the neuron, so that what is already gone does not change the order.
        name = int.from_bytes(edit.node.encode(), "little")
        return float(np.random.default_rng((seed, name, *edit.units)).random())

    return sorted(edits, key=chance)


def ranked(errors: Sequence[float]) -> list[int]:
    """Return the positions by ascending error; what differs by rounding only keeps its order."""
    order = np.argsort(errors, kind="stable").tolist()
    groups: list[list[int]] = []
    for i in order:
        if groups and errors[i] - errors[groups[-1][0]] <= SLACK * abs(errors[i]):
            groups[-1].append(i)
        else:
            groups.append([i])
    return [i for group in groups for i in sorted(group)]
