"""Selective pruning: for every hidden neuron compare the network's error with and without it.

Within the tolerance the neuron goes, else it stays; passes repeat until one removes nothing (Heaton).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np

from pruner_gui.evaluation import Limits
from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning.config import SLACK, Protected
from pruner_gui.pruning.events import Event, PassEnded, Ranked, Trial
from pruner_gui.pruning.state import State

Order = Generator[Ranked, None, Sequence[RemoveUnits]]


def candidates(
    network: Network, layers: tuple[int, ...] | None, protected: Protected = frozenset()
) -> list[RemoveUnits]:
    """Return the removal of every neuron that may go, input side to output side, index ascending.

    `layers` are hidden layers counted from 0, None for all. The last neuron of a layer may not go, and none
    that is protected or that an addition binds to a protected one.
    """
    kept = _tags(network, protected)
    return [
        RemoveUnits(layer.name, (unit,))
        for layer in network.hidden_layers
        if layer.units.size > 1 and (layers is None or layer.index in layers)
        for unit in layer.units[layer.prunable & ~np.isin(network.tags[layer.name], kept)].tolist()
    ]


def _tags(network: Network, protected: Protected) -> list[int]:
    """Who the protected neurons are, as far as they are still there."""
    found: list[int] = []
    for name in {name for name, _ in protected} & network.by_name.keys():
        units = [unit for layer, unit in protected if layer == name]
        found += network.tags[name][np.isin(network.by_name[name].units, units)].tolist()
    return found


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
        self._allowed = set[Edit](self._candidates())
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
        self._shrunk = any(layer.units.size == 1 for layer in self._state.network.hidden_layers)
        if self._shrunk:  # to its last neuron, which may not go
            self._allowed &= set[Edit](self._candidates())

    def _candidates(self) -> list[RemoveUnits]:
        return candidates(self._state.network, self._config.layers, self._config.protected)


def in_order(state: State) -> Order:
    """Return the removals that a pass tries, in order; yield what had to be measured to find it."""
    config = state.config
    edits = candidates(state.network, config.layers, config.protected)
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
