"""What a network costs and how good it is, in figures that are all measured."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pruner_gui import formats
from pruner_gui.comparison.memory import peak_activations, weight_bytes
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import Examples, IncrementalEvaluator, wilson
from pruner_gui.network import Network


@dataclass(frozen=True)
class Measured:
    """One error on the pruning rows and on the held-out rows (None: there are none)."""

    pruning: float
    holdout: float | None


@dataclass(frozen=True)
class Summary:
    """What a network costs and how good it is.

    `connections` counts weights other than zero, `parameters` stored ones; `macs` is one a stored weight a
    row, biases and activations not counted; `bytes` is the size of its file, or of the one it would make in
    `format`, None where that format cannot hold it. `weight_bytes` is what the parameters take in memory,
    `activation_bytes` what a row takes on its way through (see `memory`). `errors` is empty without data;
    `pruning_rows` and `holdout_rows` are what they were measured on.
    """

    layers: tuple[int, ...]
    hidden_neurons: int
    connections: int
    parameters: int
    macs: int
    bytes: int | None
    weight_bytes: int
    activation_bytes: int
    format: str
    errors: Mapping[str, Measured]
    pruning_rows: int
    holdout_rows: int


@dataclass(frozen=True)
class Rate:
    """A share of rows, with its 95 % interval."""

    mistakes: int
    rows: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        return wilson(self.mistakes, self.rows)


def rate(value: float, rows: int) -> Rate:
    """Return an error rate as whole rows."""
    return Rate(round(value * rows), rows)


def measured_metrics(examples: Examples, metrics: tuple[str, ...]) -> tuple[str, ...]:
    """The metrics of a comparison: those that decide, and the error rate of a classifier."""
    extra = ("error-rate",) if examples.classification and "error-rate" not in metrics else ()
    return metrics + extra


def summarise(
    network: Network, examples: Examples | None, metrics: tuple[str, ...], stored: int | None = None
) -> Summary:
    """Measure a network: size, cost, and errors under `metrics` (and the error rate of a classifier).

    `stored` is the size of its file in bytes; without it the size is that of the file it would make.

    Raises:
        NonFiniteWeight, NonFiniteError, MetricUnfit: its error cannot be measured.
    """
    errors: dict[str, Measured] = {}
    if examples is not None:
        names = measured_metrics(examples, metrics)
        held = examples.holdout_objective(names)
        pruning = IncrementalEvaluator(examples.objective(names)).baseline(network).values
        holdout = IncrementalEvaluator(held).baseline(network).values if held is not None else ()
        pairs = itertools.zip_longest(pruning, holdout)
        errors = {name: Measured(*pair) for name, pair in zip(names, pairs, strict=True)}
    kind = network.origin.format or "onnx"
    size: int | None
    try:
        size = formats.size_in(network, kind) if stored is None else stored
    except PrunerError:
        size = None
    return Summary(
        network.layer_sizes,
        network.hidden_neurons,
        network.connections,
        network.parameters,
        network.macs,
        size,
        weight_bytes(network),
        peak_activations(network),
        kind,
        MappingProxyType(errors),
        len(examples.pruning) if examples is not None else 0,
        len(examples.holdout) if examples is not None and examples.holdout is not None else 0,
    )
