"""The order in which selective pruning visits the neurons."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

import numpy as np

from pruner_gui.evaluation import Evaluator, Limits
from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning.config import SLACK, Protected, PruneConfig
from pruner_gui.pruning.events import Ranked

Proposal = Generator[Ranked, None, Sequence[Edit]]


class Strategy(Protocol):
    """Proposes what a pass tries."""

    def propose(self, network: Network, evaluator: Evaluator) -> Proposal:
        """Return the edits to try on `network`, in order; yield what had to be measured to find it."""


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


class Selective:
    """Every neuron once a pass, in the order of the configuration."""

    def __init__(self, config: PruneConfig) -> None:
        self._config = config

    def propose(self, network: Network, evaluator: Evaluator) -> Proposal:
        """Return the removal of every neuron that may go, in order."""
        edits = candidates(network, self._config.layers, self._config.protected)
        if self._config.order == "least-harm":
            errors = []
            everything = Limits((np.inf,) * len(evaluator.objective.metrics), exact=True)
            for edit, score in evaluator.trials(network, edits, everything):
                errors.append(score.values[0])
                yield Ranked(edit, score)
            return [edits[i] for i in ranked(errors)]
        if self._config.order == "random":
            return sorted(edits, key=self._chance)
        return edits

    def _chance(self, edit: RemoveUnits) -> float:
        # A number that belongs to the neuron, so that what is already gone does not change the order.
        name = int.from_bytes(edit.node.encode(), "little")
        return float(np.random.default_rng((self._config.seed, name, *edit.units)).random())


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
