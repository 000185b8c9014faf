"""Selective pruning, written down literally: the specification the program is held to."""

from __future__ import annotations

from collections.abc import Callable

from pruner_gui.network import Network, RemoveUnits


def selective(network: Network, error: Callable[[Network], float], tolerance: float) -> list[RemoveUnits]:
    """Return the removals, in order: what rises by at most `tolerance` over the original error goes."""
    limit, removed, went = error(network) + tolerance, [], True
    while went:
        went = False
        for group in network.groups():
            if network.sizes[group.node] == 1:
                continue
            edit = RemoveUnits(group.node, (group.unit,))
            smaller = edit.apply(network)
            if error(smaller) <= limit + 1e-9 * max(limit, error(smaller)):
                network, went = smaller, True
                removed.append(edit)
    return removed
