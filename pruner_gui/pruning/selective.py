"""The order in which selective pruning visits the neurons."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

import numpy as np

from pruner_gui.evaluation import Evaluator
from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning.config import PruneConfig
from pruner_gui.pruning.events import Ranked

Proposal = Generator[Ranked, None, Sequence[Edit]]


class Strategy(Protocol):
    """Proposes what a pass tries."""

    def propose(self, network: Network, evaluator: Evaluator) -> Proposal:
        """Return the edits to try on `network`, in order; yield what had to be measured to find it."""


def candidates(network: Network, layers: tuple[int, ...] | None) -> list[RemoveUnits]:
    """Return the removal of every neuron that may go, input side to output side, index ascending.

    `layers` are hidden layers counted from 0, None for all. The last neuron of a layer may not go.
    """
    shrinkable = {layer.index for layer in network.hidden_layers if layer.units.size > 1}
    wanted = shrinkable if layers is None else shrinkable.intersection(layers)
    return [RemoveUnits(group.node, (group.unit,)) for group in network.groups() if group.layer in wanted]


class Selective:
    """Every neuron once a pass, in the order of the configuration."""

    def __init__(self, config: PruneConfig) -> None:
        self._config = config

    def propose(self, network: Network, evaluator: Evaluator) -> Proposal:
        """Return the removal of every neuron that may go, in order."""
        edits = candidates(network, self._config.layers)
        if self._config.order == "least-harm":
            rises = []
            for edit, score in evaluator.trials(network, edits):
                rises.append(score.values[0])
                yield Ranked(edit, score)
            return [edits[i] for i in np.argsort(rises, kind="stable")]
        if self._config.order == "random":
            return sorted(edits, key=self._chance)
        return edits

    def _chance(self, edit: RemoveUnits) -> float:
        # A number that belongs to the neuron, so that what is already gone does not change the order.
        name = int.from_bytes(edit.node.encode(), "little")
        return float(np.random.default_rng((self._config.seed, name, *edit.units)).random())
