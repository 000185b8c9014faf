"""The memory a network needs: for its parameters, and for what goes through it."""

from __future__ import annotations

import numpy as np

from pruner_gui.network import Network
from pruner_gui.network.ops import UnitFlow


def weight_bytes(network: Network) -> int:
    """Return the bytes of all stored parameters, each in the precision it is stored in."""
    return sum(tensor.nbytes for node in network.nodes for tensor in node.op.tensors().values())


def peak_activations(network: Network) -> int:
    """Return the bytes of the values that are alive at once, at most, while one row goes through.

    Node by node in the graph's order: a value lives from the node that makes it to the last that reads it,
    and what works one to one (an activation, a normalisation) writes over its input where nobody else reads
    that. In the widest precision of the parameters; a batch needs that many times more.
    """
    last_reader = {name: node.name for node in network.nodes for name in node.inputs}
    alive: dict[str, int] = {}
    peak = 0
    for node in network.nodes:
        ends = [n for n in node.inputs if last_reader[n] == node.name and n not in network.outputs]
        if node.op.flow in (UnitFlow.KEEPS, UnitFlow.MIXES) and ends and len(node.inputs) == 1:
            alive.pop(ends[0])
        alive[node.name] = network.sizes[node.name]
        peak = max(peak, sum(alive.values()))
        for name in ends:
            alive.pop(name, None)
    return peak * _itemsize(network)


def _itemsize(network: Network) -> int:
    types = [tensor.dtype for node in network.nodes for tensor in node.op.tensors().values()]
    return int((np.result_type(*types) if types else np.dtype(network.origin.dtype)).itemsize)
