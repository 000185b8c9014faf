"""Edits: small frozen values that turn one network into another. A run's history is its list of edits."""

from __future__ import annotations

from dataclasses import dataclass

from pruner_gui.network.graph import Network


@dataclass(frozen=True)
class RemoveUnits:
    """Remove these units (original indices) of the dense layer `node`.

    Their outgoing connections carry nothing from then on; the biases of the layers that read them stay.
    """

    node: str
    units: tuple[int, ...]

    def apply(self, network: Network) -> Network:
        """Return the physically smaller network.

        Raises:
            CannotRemove: a unit that is not there, cannot go, or is its layer's last.
        """
        return network.without({self.node: self.units})


Edit = RemoveUnits
