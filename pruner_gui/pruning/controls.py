"""Strategies to compare selective pruning with: an order that no error decides, followed while errors hold.

Neurons go in that order, one after the other, up to the first whose removal is not within the tolerance.

- magnitude: by the norm of the weights into a neuron times that of the weights out of it, smallest first
- random: by chance, as a control
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pruner_gui.network import FloatArray, Network, RemoveUnits
from pruner_gui.pruning.candidates import full
from pruner_gui.pruning.events import Event, PassEnded, Trial
from pruner_gui.pruning.selective import shuffled
from pruner_gui.pruning.state import State


def magnitude(state: State) -> Iterator[Event]:
    """Do this step of a run, smallest weights first."""
    edits = state.candidates()
    norms = weight_norms(state.network)
    units = {name: state.network.by_name[name].units for name in norms}
    size = {(name, int(u)): norms[name][i] for name in norms for i, u in enumerate(units[name])}
    yield from _follow(state, sorted(edits, key=lambda edit: size[edit.node, edit.units[0]]))


def at_random(state: State) -> Iterator[Event]:
    """Do this step of a run, by chance."""
    yield from _follow(state, shuffled(state.candidates(), state.config.seed))


def _follow(state: State, edits: list[RemoveUnits]) -> Iterator[Event]:
    state.passes += 1
    before = len(state.accepted)
    while edits:
        edit, *edits = edits
        network = state.network
        here = network.by_name[edit.node].units == edit.units[0]
        if full(network, state.least) & set(network.tags[edit.node][here].tolist()):
            continue
        whole, score = next(iter(state.evaluator.trials(state.network, [edit], state.judge.turns)))
        state.trials += 1
        went = state.judge.allows(score)
        yield Trial(whole, score, went, state.trials, state.passes)
        if not went:
            break
        yield state.accept(whole, score)
    yield PassEnded(state.passes, len(state.accepted) - before)


def weight_norms(network: Network) -> dict[str, FloatArray]:
    """Return, for every hidden layer, the norm of each unit's weights in times that of its weights out."""
    weights = {node.name: dense.weight.astype(np.float64) for node, dense in network.dense}
    into = {layer.name: np.linalg.norm(weights[layer.name], axis=0) for layer in network.hidden_layers}
    out = {name: np.zeros(norm.size) for name, norm in into.items()}
    for link in network.links:
        if link.source in out:
            squares = np.square(link.weight.astype(np.float64)).sum(axis=1)
            np.add.at(out[link.source], link.sources, squares)
    return {name: norm * np.sqrt(out[name]) for name, norm in into.items()}
