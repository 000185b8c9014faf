"""Which neurons may go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from pruner_gui.network import IndexArray, Network, RemoveUnits
from pruner_gui.pruning.config import BadSetting, Protected, PruneConfig


def candidates(
    network: Network,
    layers: tuple[int, ...] | None,
    protected: Protected = frozenset(),
    least: Mapping[str, int] = MappingProxyType({}),
) -> list[RemoveUnits]:
    """Return the removal of every neuron that may go, input side to output side, index ascending.

    `layers` are hidden layers counted from 0, None for all. The last `least` neurons of a layer, by default
    one, may not go, and none that is protected or that an addition binds to one that may not go.
    """
    removable = _removable(network, layers, protected, least)
    return [RemoveUnits(name, (unit,)) for name, units in removable for unit in units.tolist()]


def count(config: PruneConfig, network: Network, original: Network) -> int:
    """Return how many candidates there are, for a network made from `original`."""
    removable = _removable(network, config.layers, config.protected, floors(config, original))
    return sum(units.size for _, units in removable)


def _removable(
    network: Network, layers: tuple[int, ...] | None, protected: Protected, least: Mapping[str, int]
) -> Iterator[tuple[str, IndexArray]]:
    """Yield layers with those of their units that may go."""
    kept = [*_tags(network, protected), *full(network, least)]
    for layer in network.hidden_layers:
        if layer.units.size > 1 and (layers is None or layer.index in layers):
            goes = layer.prunable
            if kept:
                goes = goes & ~np.isin(network.tags[layer.name], kept)
            yield layer.name, layer.units[goes]


def floors(config: PruneConfig, original: Network) -> dict[str, int]:
    """Return how many neurons stay at least, by layer, for those that the settings name.

    Raises:
        BadSetting: a hidden layer that is not there.
    """
    found = {}
    hidden = original.hidden_layers
    for index, least in config.keep:
        if index not in range(len(hidden)):
            raise BadSetting("keep", str(index), f"0-{len(hidden) - 1}")
        found[hidden[index].name] = least.count(hidden[index].units.size)
    return found


def together(network: Network, edits: Sequence[RemoveUnits], least: Mapping[str, int]) -> list[RemoveUnits]:
    """Return as many of these removals, first ones first, as leave every layer what has to stay."""
    spare = {layer.name: layer.units.size - least.get(layer.name, 1) for layer in network.hidden_layers}
    layers_of: dict[int, list[str]] = defaultdict(list)
    for name in spare:
        for tag in network.tags[name].tolist():
            layers_of[tag].append(name)
    tags = {
        name: dict(zip(network.by_name[name].units.tolist(), network.tags[name].tolist(), strict=True))
        for name in spare
    }
    found = []
    for edit in edits:
        layers = [name for unit in edit.units for name in layers_of[tags[edit.node][unit]]]
        if all(spare[name] > 0 for name in layers):
            found.append(edit)
            for name in layers:
                spare[name] -= 1
    return found


def full(network: Network, least: Mapping[str, int]) -> frozenset[int]:
    """Return the tags of the units of all layers that have no more than the neurons that have to stay."""
    names = [name for name in network.hidden_names if network.sizes[name] <= least.get(name, 1)]
    return frozenset(tag for name in names for tag in network.tags[name].tolist())


def _tags(network: Network, protected: Protected) -> list[int]:
    """Who the protected neurons are, as far as they are still there."""
    found: list[int] = []
    for name in {name for name, _ in protected}.intersection(network.hidden_names):
        units = [unit for layer, unit in protected if layer == name]
        found += network.tags[name][np.isin(network.by_name[name].units, units)].tolist()
    return found
