"""How much each hidden layer bears: its neurons taken out one after the other, the other layers whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pruner_gui.evaluation import Evaluator, Score
from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning.candidates import candidates
from pruner_gui.pruning.config import BadSetting
from pruner_gui.pruning.controls import weight_norms
from pruner_gui.pruning.selective import ranked

SENSITIVITY_ORDERS = ("least-harm", "magnitude")


@dataclass(frozen=True)
class Point:
    """The errors of the network without `removed` of the `of` neurons of one hidden layer."""

    layer: str
    removed: int
    of: int
    score: Score

    @property
    def share(self) -> float:
        """The share of the layer's neurons that is gone, from 0 to 1."""
        return self.removed / self.of


def sensitivity(
    network: Network,
    evaluator: Evaluator,
    order: str = "least-harm",
    alone: Mapping[Edit, Score] | None = None,
) -> Iterator[Point]:
    """Yield, layer by layer, the errors without none, one, two and so on of its neurons, down to the last.

    They go by "least-harm", the error without each of them alone, or by "magnitude", see
    `controls.weight_norms`. `alone` has those errors where they are known already; others are measured.

    Raises:
        BadSetting: another order.
        Stopped: the thread that asks is to stop.
        NonFiniteWeight, NonFiniteError: the network has no error.
    """
    if order not in SENSITIVITY_ORDERS:
        raise BadSetting("order", order, ", ".join(SENSITIVITY_ORDERS))
    whole = evaluator.baseline(network)
    for layer in network.hidden_layers:
        edits = candidates(network, (layer.index,))
        places = _ranked(network, edits, evaluator, order, alone or {})
        yield Point(layer.name, 0, layer.units.size, whole)
        now = network
        for removed, place in enumerate(places[: layer.units.size - 1], 1):
            edit, score = next(iter(evaluator.trials(now, [edits[place]])))
            now = edit.apply(now)
            evaluator.advance(edit, now)
            yield Point(layer.name, removed, layer.units.size, score)


def _ranked(
    network: Network,
    edits: list[RemoveUnits],
    evaluator: Evaluator,
    order: str,
    alone: Mapping[Edit, Score],
) -> list[int]:
    """Return the positions of a layer's removals in the order in which they go."""
    if order == "least-harm":
        known = {**alone}
        known.update(evaluator.trials(network, [edit for edit in edits if edit not in known]))
        return ranked([known[edit].values[0] for edit in edits])
    norms = weight_norms(network)
    sizes = [norms[e.node][network.by_name[e.node].units == e.units[0]][0] for e in edits]
    return np.argsort(sizes, kind="stable").tolist()
