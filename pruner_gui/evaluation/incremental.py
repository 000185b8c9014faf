"""The evaluator used by default: remembers what every node put out, and re-runs only what an edit reaches.

Removing a unit changes the layers that read it by `activation * outgoing weights`; everything before them
stays. The memory follows the network from version to version: what did not change is kept, what lost units is
cut, the rest is computed anew. It is found by comparing the two networks, so no caller can leave it stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from pruner_gui.evaluation.evaluator import Objective, Score, checked, scores_name
from pruner_gui.network import Dense, Edit, FloatArray, IndexArray, Network, Node, Op, UnitFlow


class IncrementalEvaluator:
    """Exact as the reference up to the rounding of float64 sums.

    Memory: one float64 array `(n_samples, units)` a node.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self._network: Network | None = None
        self._values: dict[str, FloatArray] = {}

    def baseline(self, network: Network) -> Score:
        """Return the errors of `network`; see `Evaluator.baseline`."""
        self._follow(network)
        return checked(network, self.objective, self.objective.score(self._values[scores_name(network)]))

    def trials(self, network: Network, edits: Iterable[Edit]) -> Iterator[tuple[Edit, Score]]:
        """Yield every edit with the errors of the network it would give."""
        self._follow(network)
        for edit in edits:
            yield edit, self.objective.score(self._scores_without(network, edit))

    def _scores_without(self, network: Network, edit: Edit) -> FloatArray:
        """Return the scores when the units of `edit` carry nothing."""
        gone = np.isin(network.by_name[edit.node].units, edit.units)
        doomed = network.tags[edit.node][gone]
        fresh: dict[str, FloatArray] = {}
        last = scores_name(network)
        for node in network.nodes:
            inputs = [fresh.get(name, self._values[name]) for name in node.inputs]
            touched = any(name in fresh for name in node.inputs)
            if isinstance(node.op, Dense):
                silent = np.flatnonzero(np.isin(network.tags[node.inputs[0]], doomed))
                if touched or silent.size:
                    out = node.op.forward(*inputs) if touched else self._values[node.name]
                    if silent.size:
                        out = out - inputs[0][:, silent] @ node.op.weight[silent]
                    fresh[node.name] = out
            elif touched:
                fresh[node.name] = node.op.forward(*inputs)
            if node.name == last:
                break
        return fresh.get(last, self._values[last])

    def _follow(self, network: Network) -> None:
        """Bring the memory to `network`."""
        if network is self._network:
            return
        before = self._network.by_name if self._network is not None else {}
        values: dict[str, FloatArray] = {}
        # For every node whose old values still hold: which of its old units it still has (None: all).
        kept: dict[str, IndexArray | None] = {}
        last = scores_name(network)
        with np.errstate(over="ignore", invalid="ignore"):
            for node in network.nodes:
                if last in values:
                    break
                old = before.get(node.name)
                inputs = [values[name] for name in node.inputs] or [self.objective.inputs]
                if old is not None and old.inputs == node.inputs and all(n in kept for n in node.inputs):
                    left = _units_left(old, node)
                    slices = [kept[name] for name in node.inputs]
                    if _is_cut(old.op, node.op, slices, left):
                        kept[node.name] = left
                        value = self._values[node.name]
                        values[node.name] = value if left is None else value[:, left]
                        continue
                    if isinstance(node.op, Dense) and _lost_inputs(old.op, node.op, slices[0], left):
                        values[node.name] = self._less(old, slices[0])
                        continue
                values[node.name] = node.op.forward(*inputs)
        self._network, self._values = network, values

    def _less(self, old: Node, slice_: IndexArray | None) -> FloatArray:
        """Return a dense layer's values after it lost some inputs: the old ones less what those gave."""
        assert slice_ is not None
        source, weight = self._values[old.inputs[0]], old.op.tensors()["weight"]
        gone = np.setdiff1d(np.arange(len(weight)), slice_)
        return self._values[old.name] - source[:, gone] @ weight[gone]


def _units_left(old: Node, new: Node) -> IndexArray | None:
    """Positions in `old` of the units that `new` still has; None when it has all."""
    if np.array_equal(old.units, new.units):
        return None
    return np.flatnonzero(np.isin(old.units, new.units))


def _is_cut(old: Op, new: Op, slices: list[IndexArray | None], left: IndexArray | None) -> bool:
    """Whether a node gives the values it gave before, less the units it lost."""
    if old.flow is UnitFlow.MIXES and slices[0] is not None:
        return False
    if old.flow is UnitFlow.CREATES and any(slice_ is not None for slice_ in slices):
        return False
    expected = old
    for slot, slice_ in enumerate(slices):
        expected = expected if slice_ is None else expected.keep_in(slot, slice_)
    return _same(expected if left is None else expected.keep_out(left), new)


def _lost_inputs(old: Op, new: Op, slice_: IndexArray | None, left: IndexArray | None) -> bool:
    """Whether a dense layer only lost inputs."""
    return slice_ is not None and left is None and _same(old.keep_in(0, slice_), new)


def _same(one: Op, other: Op) -> bool:
    if one is other:
        return True
    mine, theirs = one.tensors(), other.tensors()
    return (
        type(one) is type(other)
        and bool(mine)
        and all(np.array_equal(mine[name], theirs[name]) for name in mine)
        and getattr(one, "operator", None) == getattr(other, "operator", None)
    )
