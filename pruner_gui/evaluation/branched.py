"""The evaluator of any graph: remembers what every node put out, and re-runs only the nodes an edit reaches.

All of it is float64, in chunks of rows, hardest first: a removal that does harm is given up early.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pruner_gui.evaluation.compensation import with_folds
from pruner_gui.evaluation.evaluator import Limits, Objective, Score, losses, scores_name
from pruner_gui.evaluation.rows import CHUNK, SLACK, Statistics
from pruner_gui.network import Dense, FloatArray, Network, Op, RemoveUnits, UnitFlow, folded


class BranchedEngine:
    """Follows one network through its removals. Memory: a float64 array `(n_samples, units)` a node."""

    def __init__(
        self, objective: Objective, network: Network, compensation: str, statistics: Statistics
    ) -> None:
        self.network = network
        self.sums = np.zeros(0)
        self._objective, self._compensation, self._statistics = objective, compensation, statistics
        self._values: dict[str, FloatArray] = {}

    def prepare(self) -> Iterator[float]:
        """Run the network on all rows; yield the share of its nodes that is done."""
        inputs = np.asarray(self._objective.inputs, np.float64)
        last = scores_name(self.network)
        for i, node in enumerate(self.network.nodes):
            with np.errstate(over="ignore", invalid="ignore"):
                sources = [self._values[name] for name in node.inputs] or [inputs]
                self._values[node.name] = node.op.forward(*sources)
            yield (i + 1) / len(self.network.nodes)
            if node.name == last:
                break
        found = np.array(self._objective.losses(self._values[last]))
        self.sums = found.sum(axis=1)
        order = np.argsort(-found[0], kind="stable")
        self._targets = self._objective.targets.take(order)
        self._values = {name: values[order] for name, values in self._values.items()}

    def trials(
        self, edits: Sequence[RemoveUnits], limits: Limits | None
    ) -> Iterator[tuple[RemoveUnits, Score]]:
        """Yield every edit with its folds and the errors of the network it would give."""
        for edit in edits:
            yield self._trial(edit, limits)

    def _trial(self, edit: RemoveUnits, limits: Limits | None) -> tuple[RemoveUnits, Score]:
        objective, network = self._objective, self.network
        self._statistics.trials += 1
        whole = (
            edit if edit.folds else with_folds(network, edit, self._compensation, self._values.__getitem__)
        )
        ops = self._changed(whole)
        upper = None if limits is None else objective.largest_sums(limits.upper) * (1 + SLACK)
        total = np.zeros(len(objective.metrics))
        last, rows = scores_name(network), len(objective.inputs)
        for start in range(0, rows, CHUNK):
            part = slice(start, min(start + CHUNK, rows))
            with np.errstate(over="ignore", invalid="ignore"):
                scores = self._run(ops, last, part)
                found = losses(objective.metrics, self._targets.take(part), scores)
            self._statistics.rows += part.stop - start
            total += np.array([loss.sum() for loss in found])
            if upper is not None and part.stop < rows and (total > upper).any():
                return edit, objective.total(total.tolist(), partial=True)
        self._sums = total
        return whole, objective.total(total.tolist())

    def _changed(self, edit: RemoveUnits) -> dict[str, Op]:
        """Return the operations that read the units of an edit, with nothing coming from these."""
        network = folded(self.network, edit.folds)
        doomed = network.tags[edit.node][np.isin(network.by_name[edit.node].units, edit.units)]
        ops: dict[str, Op] = {}
        for node, dense in network.dense:
            silent = np.isin(network.tags[node.inputs[0]], doomed)
            if silent.any():
                ops[node.name] = Dense(np.where(silent[:, None], 0, dense.weight), dense.bias)
        return ops

    def _run(self, ops: dict[str, Op], last: str, part: slice) -> FloatArray:
        """Return what node `last` puts out for some rows, with other operations at some nodes."""
        fresh: dict[str, FloatArray] = {}
        for node in self.network.nodes:
            if node.name in ops or any(name in fresh for name in node.inputs):
                inputs = [fresh[name] if name in fresh else self._values[name][part] for name in node.inputs]
                fresh[node.name] = ops.get(node.name, node.op).forward(*inputs)
            if node.name == last:
                break
        return fresh[last] if last in fresh else self._values[last][part]

    def advance(self, edit: RemoveUnits, network: Network) -> None:
        """Follow the last trial's edit to the network that it gave."""
        old, fresh = self.network.by_name, set[str]()
        for node in network.nodes:
            if node.name not in self._values:
                break
            before = old[node.name]
            if node.op is before.op and fresh.isdisjoint(node.inputs):
                continue
            fresh.add(node.name)
            if node.op.flow is UnitFlow.CREATES and fresh.isdisjoint(node.inputs):
                self._values[node.name] = self._values[node.name][:, np.isin(before.units, node.units)]
            else:
                self._values[node.name] = node.op.forward(*(self._values[name] for name in node.inputs))
        self.network, self.sums = network, self._sums
