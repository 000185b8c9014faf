"""Edits: small frozen values that turn one network into another. A run's history is its list of edits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pruner_gui.network.graph import BoolArray, Network
from pruner_gui.network.ops import Dense, FloatArray, Op


@dataclass(frozen=True, eq=False)
class Fold:
    """What a dense layer takes on for an input that goes.

    Input number `position` of the dense layer `target` is replaced by `inputs @ coefficients + constant`:
    `coefficients` has shape `(n_in,)` and is zero for every input that goes.
    """

    target: str
    position: int
    coefficients: FloatArray
    constant: float

    def apply(self, dense: Dense) -> Dense:
        """Return the layer with the input's part in its other weights and its bias, in its own precision."""
        outgoing = dense.weight[self.position].astype(np.float64)
        weight = dense.weight + np.outer(self.coefficients, outgoing)
        bias = dense.bias + self.constant * outgoing
        return Dense(weight.astype(dense.weight.dtype), bias.astype(dense.bias.dtype))


@dataclass(frozen=True)
class RemoveUnits:
    """Remove these units (original indices) of the dense layer `node`.

    Their outgoing connections carry nothing from then on; the biases of the layers that read them stay,
    unless `folds` say what takes their place. Edits are the same when they remove the same units.
    """

    node: str
    units: tuple[int, ...]
    folds: tuple[Fold, ...] = field(default=(), compare=False)

    def apply(self, network: Network) -> Network:
        """Return the physically smaller network.

        Raises:
            CannotRemove: a unit that is not there, cannot go, or is its layer's last.
        """
        return folded(network, self.folds).without({self.node: self.units})


@dataclass(frozen=True, eq=False)
class ZeroConnections:
    """Set connections to zero. `masks` has (dense layer, mask of the weight's shape, true where it goes)."""

    masks: tuple[tuple[str, BoolArray], ...]

    def apply(self, network: Network) -> Network:
        """Return the network of the same shape with zeros there."""
        changed: dict[str, Op] = {}
        for name, mask in self.masks:
            op = network.by_name[name].op
            assert isinstance(op, Dense)
            changed[name] = Dense(np.where(mask, op.weight.dtype.type(0), op.weight), op.bias)
        return network.with_ops(changed)

    @property
    def node(self) -> str:
        """The first of the layers."""
        return self.masks[0][0] if self.masks else ""

    @property
    def units(self) -> tuple[int, ...]:
        """No neuron goes."""
        return ()

    @property
    def count(self) -> int:
        """How many connections go."""
        return sum(int(np.count_nonzero(mask)) for _, mask in self.masks)


def folded(network: Network, folds: Iterable[Fold]) -> Network:
    """Return the network with these folds in its dense layers; what they replace is still there."""
    changed: dict[str, Dense] = {}
    for fold in folds:
        op = changed.get(fold.target, network.by_name[fold.target].op)
        assert isinstance(op, Dense)
        changed[fold.target] = fold.apply(op)
    return network.with_ops(changed) if changed else network


Edit = RemoveUnits | ZeroConnections
