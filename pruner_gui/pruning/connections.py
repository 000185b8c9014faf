"""Pruning connections: zero the weakest as long as the measured error stays within the tolerance.

Weakest by one of these rankings:

- "magnitude": |w|
- "contribution": |w| times the root mean square of the input that it weighs
- "saliency": the rise of the error that a second-order expansion expects, w^2 h / 2 (LeCun, Denker and Solla,
  Optimal Brain Damage, 1990; for h see `pruner_gui.evaluation.saliency`)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pruner_gui.evaluation import Objective, Score, WholeNetworks, curvature, mean_squares
from pruner_gui.network import FloatArray, IndexArray, Network, ZeroConnections
from pruner_gui.pruning.events import Event, PassEnded, Trial
from pruner_gui.pruning.state import State

_PARTS = 20  # of a ranking, whose ends are all looked at: an error need not rise with every connection


@dataclass(frozen=True, eq=False)
class Ranking:
    """Connections other than zero, weakest first.

    Connection i is number `place[i]` of the flat weight of dense layer `names[layer[i]]`. Strengths of
    different layers can be compared.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    layer: IndexArray
    place: IndexArray
    strength: FloatArray

    def __len__(self) -> int:
        return self.strength.size

    def weakest(self, count: int) -> ZeroConnections:
        """Return the edit that zeroes the first `count` connections."""
        masks = []
        for index, (name, shape) in enumerate(zip(self.names, self.shapes, strict=True)):
            mask = np.zeros(shape, bool)
            mask.reshape(-1)[self.place[:count][self.layer[:count] == index]] = True
            if mask.any():
                masks.append((name, mask))
        return ZeroConnections(tuple(masks))

    def of_layer(self, name: str) -> Ranking:
        """Return the ranking of one layer's connections."""
        here = self.layer == self.names.index(name)
        return Ranking(self.names, self.shapes, self.layer[here], self.place[here], self.strength[here])

    def below(self, threshold: float) -> int:
        """Return how many connections are weaker than a threshold."""
        return int(np.searchsorted(self.strength, threshold))


def ranking(
    network: Network, kind: str, objective: Objective | None, layers: Sequence[str] | None = None
) -> Ranking:
    """Rank the connections of these dense layers, None for all. Only "magnitude" needs no objective."""
    measured = strengths(network, kind, objective)
    chosen = [
        (node.name, dense.weight) for node, dense in network.dense if layers is None or node.name in layers
    ]
    places = [np.flatnonzero(weight) for _, weight in chosen]
    layer = np.repeat(np.arange(len(chosen)), [place.size for place in places])
    place = np.concatenate([np.zeros(0, np.intp), *places])
    strength = np.concatenate(
        [
            np.zeros(0),
            *(measured[name].reshape(-1)[at] for (name, _), at in zip(chosen, places, strict=True)),
        ]
    )
    order = np.argsort(strength, kind="stable")
    names, shapes = tuple(name for name, _ in chosen), tuple(weight.shape for _, weight in chosen)
    return Ranking(names, shapes, layer[order], place[order], strength[order])


def strengths(network: Network, kind: str, objective: Objective | None) -> Mapping[str, FloatArray]:
    """Return how strong each connection is, `(n_in, n_out)` by dense layer; see the top of this module."""
    weights = {node.name: dense.weight.astype(np.float64) for node, dense in network.dense}
    if kind == "magnitude" or objective is None:
        return {name: np.abs(weight) for name, weight in weights.items()}
    if kind == "contribution":
        squares = mean_squares(network, objective)
        return {name: np.abs(weight) * np.sqrt(squares[name])[:, None] for name, weight in weights.items()}
    curved = curvature(network, objective)
    return {name: 0.5 * np.square(weight) * curved[name] for name, weight in weights.items()}


@dataclass(frozen=True)
class Prefix:
    """So many of the weakest connections were tried."""

    count: int
    score: Score
    holds: bool


Search = Generator[Prefix, None, Prefix | None]


def largest_prefix(length: int, measure: Callable[[int], Score], allows: Callable[[Score], bool]) -> Search:
    """Find the largest number of weakest connections whose error holds; yield what is tried.

    An error need not rise with every connection, so the ends of twenty equal parts are all measured; from the
    last that holds on, the next part is halved until it is exact. Returns None where not even one may go.
    """
    ends = np.unique(np.linspace(0, length, _PARTS + 1).round().astype(int)).tolist()[1:]
    best: Prefix | None = None
    beyond = length + 1
    for count in ends:
        tried = Prefix(count, score := measure(count), allows(score))
        yield tried
        if tried.holds:
            best, beyond = tried, length + 1
        elif beyond > length:
            beyond = count
    low = best.count if best is not None else 0
    while beyond - low > 1 and low < length:
        count = (low + beyond) // 2
        tried = Prefix(count, score := measure(count), allows(score))
        yield tried
        if tried.holds:
            best, low = tried, count
        else:
            beyond = count
    return best


def run(state: State) -> Iterator[Event]:
    """Do this step of a run: over all layers together, or over one after the other."""
    config, network = state.config, state.network
    hidden = {layer.index: layer.name for layer in network.hidden_layers}
    names = [node.name for node, _ in network.dense]
    if config.layers is not None:
        names = [hidden[index] for index in config.layers]
    state.passes += 1
    before = len(state.accepted)
    for chosen in [names] if config.scope == "all" else [[name] for name in names]:
        yield from _zero(state, chosen)
    yield PassEnded(state.passes, len(state.accepted) - before)


def _zero(state: State, names: Sequence[str]) -> Iterator[Event]:
    objective, network = state.evaluator.objective, state.network
    found = ranking(network, state.config.ranking, objective, names)
    measured = WholeNetworks(objective, network)

    def measure(count: int) -> Score:
        return measured.decide(found.weakest(count).apply(network), state.judge.turns)

    search = largest_prefix(len(found), measure, state.judge.allows)
    while True:
        try:
            tried = next(search)
        except StopIteration as done:
            best: Prefix | None = done.value
            break
        state.trials += 1
        edit = found.weakest(tried.count)
        yield Trial(edit, tried.score, tried.holds, state.trials, state.passes)
    if best is not None:
        edit = found.weakest(best.count)
        yield state.accept(edit, measured.exact(edit.apply(network)))
