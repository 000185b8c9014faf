"""Neurons that cost nothing to remove: what they do is moved into the layers that read them.

- "silent": nothing reads it but by weights of zero
- "deaf": all its incoming weights are zero, so its output is one constant, which goes into the next biases
- "constant": its output is the same on every row of the data, and so goes into the next biases
- "twin": another neuron of its layer gives the same, or so many times as much; that one's outgoing weights
  take over

All but "constant" hold for any input. Removing one can make others free, so it goes on until none is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from pruner_gui.evaluation import Score
from pruner_gui.evaluation.threads import in_parallel
from pruner_gui.network import (
    Activation,
    Arithmetic,
    BatchNorm,
    BoolArray,
    Dense,
    FloatArray,
    Fold,
    HiddenLayer,
    Network,
    Node,
    Op,
    RemoveUnits,
    UnitFlow,
)
from pruner_gui.pruning.candidates import full
from pruner_gui.pruning.config import Protected
from pruner_gui.pruning.events import Event, PassEnded, Trial
from pruner_gui.pruning.state import State

REASONS = ("silent", "deaf", "constant", "twin")

_ROUNDING = 1e-5  # rise, relative to the error, that the rounding of moved weights may make
_STEADY = 1e-9  # range of a constant output, relative to its size
_ALIKE = 1e-6  # difference of twins' weights, relative to the largest: float32 rounds by a tenth of it
_CHUNK = 4096  # rows at a time at most
_CALL = 1 << 27  # multiply-adds between two looks at whether to stop: some 10 ms

# f(c x) = c f(x) for every c > 0
_HOMOGENEOUS = frozenset({"linear", "relu", "leaky_relu"})
# f(-x) = -f(x)
_ODD = frozenset({"linear", "tanh", "softsign", "sin", "symmetric_log"})


@dataclass(frozen=True)
class Free:
    """A removal that changes no output.

    `edit` holds for the network as it is when all earlier ones are done. `partner` is the twin that takes
    over, `factor` how many times as much as the twin's the output was, `constant` the output where it has
    one. `exact` is whether it holds for any input, or for the rows of the data only.
    """

    edit: RemoveUnits
    reason: str
    partner: int | None = None
    factor: float = 1.0
    constant: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether no input at all can tell the difference."""
        return self.reason != "constant"


def free_removals(
    network: Network,
    rows: FloatArray | None = None,
    kept: Protected = frozenset(),
    least: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[tuple[Free, Network]]:
    """Yield one removal after the other, each with the network it gives, until none is free.

    With `rows` `(n_samples, n_inputs)` also what is constant on them. Units of `kept`, as (layer, original
    unit), stay, and so do the last `least` of every layer, by default one.
    """
    stays = Kept(kept, least)
    went = True
    while went:
        went = False
        for search in (_silent, _deaf, _twins):
            for found, smaller in search(network, stays):
                network, went = smaller, True
                yield found, network
        if rows is not None and not went:  # the dearest search comes when the others find nothing more
            for found, smaller in _constant(network, rows, stays):
                network, went = smaller, True
                yield found, network


def run(state: State) -> Iterator[Event]:
    """Do this step of a run. Every removal is measured all the same."""
    config, evaluator = state.config, state.evaluator
    hidden = state.network.hidden_layers
    others = {
        layer.name for layer in hidden if config.layers is not None and layer.index not in config.layers
    }
    kept = config.protected | {
        (layer.name, int(u)) for layer in hidden if layer.name in others for u in layer.units
    }
    state.passes += 1
    before = len(state.accepted)
    for found, _ in free_removals(state.network, evaluator.objective.inputs, kept, state.least):
        edit, score = next(iter(evaluator.trials(state.network, [found.edit])))
        state.trials += 1
        went = state.judge.allows(score) or _is_rounding(score, state.score)
        yield Trial(edit, score, went, state.trials, state.passes)
        if not went:  # what follows would stand on it
            break
        yield state.accept(edit, score, found.reason)
    yield PassEnded(state.passes, len(state.accepted) - before)


def _is_rounding(score: Score, before: Score) -> bool:
    pairs = zip(score.values, before.values, strict=True)
    return all(new - old <= _ROUNDING * abs(old) for new, old in pairs)


Found = Iterator[tuple[Free, Network]]


@dataclass(frozen=True)
class Kept:
    """What stays: some neurons, and of each layer at least so many, one where nothing is said."""

    units: Protected
    least: Mapping[str, int]

    def __contains__(self, neuron: tuple[str, int]) -> bool:
        return neuron in self.units


def _silent(network: Network, kept: Kept) -> Found:
    for name, units in _chosen(network, network.without_outgoing, kept):
        for unit in units:
            if _may_go(network, name, unit, kept):
                edit = RemoveUnits(name, (unit,))
                network = edit.apply(network)
                yield Free(edit, "silent"), network


def _deaf(network: Network, kept: Kept) -> Found:
    deaf = network.without_incoming
    hears = {
        int(tag)
        for node, dense in network.dense
        for tag in network.tags[node.name][(dense.weight != 0).any(axis=0)]
    }
    # Of units that an addition binds together, all have to be deaf.
    alone = {name: mask & ~np.isin(network.tags[name], list(hears)) for name, mask in deaf.items()}
    probe = np.zeros((1, network.n_inputs))
    yield from _folded_constants(network, alone, _inputs_of_dense(network, probe), "deaf", kept)


def _constant(network: Network, rows: FloatArray, kept: Kept) -> Found:
    low: dict[str, FloatArray] = {}
    high: dict[str, FloatArray] = {}
    moves: set[int] = set()
    for some in _parts(network, len(rows)):
        for found in in_parallel(lambda part: _ranges(network, rows[part]), some, len(some)):
            for name, (least, most) in found.items():
                low[name] = np.minimum(low.get(name, least), least)
                high[name] = np.maximum(high.get(name, most), most)
        moves = {
            int(tag)
            for node, _ in network.dense
            for tag in network.tags[node.inputs[0]][
                ~(high[node.name] - low[node.name] <= _STEADY * np.abs(high[node.name]))
            ]
        }
        if all(moves.issuperset(network.tags[layer.name].tolist()) for layer in network.hidden_layers):
            return
    masks = {layer.name: ~np.isin(network.tags[layer.name], list(moves)) for layer in network.hidden_layers}
    middle = {name: (low[name] + high[name])[None] / 2 for name in low}
    yield from _folded_constants(network, masks, middle, "constant", kept)


def _parts(network: Network, count: int) -> list[list[slice]]:
    """Return the rows in parts, those together that are run at the same time."""
    step = int(np.clip(_CALL // max(network.macs, 1), 64, _CHUNK))
    parts = [slice(start, start + step) for start in range(0, count, step)]
    return [parts[i : i + 2] for i in range(0, len(parts), 2)]


def _ranges(network: Network, rows: FloatArray) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the least and the largest of what every dense layer gets for some rows, input by input."""
    inputs = _inputs_of_dense(network, rows.astype(np.float64))
    return {name: (values.min(axis=0), values.max(axis=0)) for name, values in inputs.items()}


def _folded_constants(
    network: Network,
    masks: Mapping[str, BoolArray],
    values: Mapping[str, FloatArray],
    reason: str,
    kept: Kept,
) -> Found:
    """Remove the units of these masks; `values[d][0]` is what dense layer d gets as input."""
    known = {
        node.name: dict(zip(network.tags[node.inputs[0]].tolist(), values[node.name][0], strict=True))
        for node, _ in network.dense
    }
    for name, units in _chosen(network, masks, kept):
        for unit in units:
            if not _may_go(network, name, unit, kept):
                continue
            tag = _tag(network, name, unit)
            folds = [
                Fold(node.name, position, np.zeros(len(dense.weight)), float(known[node.name][tag]))
                for node, dense, position in _readers(network, tag)
            ]
            edit = RemoveUnits(name, (unit,), tuple(folds))
            constant = folds[0].constant if folds else 0.0
            network = edit.apply(network)
            yield Free(edit, reason, constant=constant), network


# -- twins


def _twins(network: Network, kept: Kept) -> Found:
    for layer in network.hidden_layers:
        ways = _ways(network, layer.name)
        if ways is None:
            continue
        for unit, partner, factor in _pairs(network, layer, ways, kept):
            if _may_go(network, layer.name, unit, kept):
                edit = _merge(network, layer.name, unit, partner, factor)
                network = edit.apply(network)
                yield Free(edit, "twin", partner, factor), network


def _ways(network: Network, name: str) -> list[Op] | None:
    """Return all that happens to a layer's units until dense layers read them; None where they are added."""
    reached, ops = {name}, []
    for node in network.nodes:
        if reached.isdisjoint(node.inputs) or isinstance(node.op, Dense):
            continue
        if node.op.flow is UnitFlow.COUPLES:
            return None
        reached.add(node.name)
        ops.append((node, node.op))
    own = set(network.tags[name].tolist())
    if any(not own.issuperset(network.tags[node.name].tolist()) for node, op in ops if _has_constants(op)):
        return None  # constants behind a concatenation: which of them are ours is not looked into
    return [op for _, op in ops]


def _has_constants(op: Op) -> bool:
    return isinstance(op, (Arithmetic, BatchNorm))


def _pairs(network: Network, layer: HiddenLayer, ways: list[Op], kept: Kept) -> list[tuple[int, int, float]]:
    """Return (unit, its twin, times the twin's output) for every unit that has an earlier twin."""
    dense = network.by_name[layer.name].op
    assert isinstance(dense, Dense)
    columns = np.vstack([dense.weight, dense.bias]).astype(np.float64)
    constants = [values for op in ways if _has_constants(op) for values in op.tensors().values()]
    kinds = {op.kind for op in ways if isinstance(op, Activation)}
    scale = np.abs(columns).max(axis=0)
    factor = np.ones(columns.shape[1])
    if not constants and kinds <= _HOMOGENEOUS:
        factor = np.where(scale > 0, scale, 1)
    if not constants and kinds <= _ODD:
        first = columns[np.abs(columns).argmax(axis=0), np.arange(columns.shape[1])]
        factor = np.where(first < 0, -factor, factor)
    key = np.vstack([columns / factor, *(np.asarray(values, np.float64)[None] for values in constants)])
    found = []
    for group in _groups(key, layer.prunable):
        # The one that stays is the first, or the first that has to.
        stays = min(group, key=lambda p: ((layer.name, int(layer.units[p])) not in kept, p))
        found += [
            (int(layer.units[p]), int(layer.units[stays]), float(factor[p] / factor[stays]))
            for p in group
            if p != stays and (layer.name, int(layer.units[p])) not in kept
        ]
    return found


def _groups(key: FloatArray, among: BoolArray) -> list[list[int]]:
    """Return the positions of columns that are alike, two or more together, first ones first."""
    direction = np.random.default_rng(0).normal(size=len(key))
    places = direction @ key
    reach = _ALIKE * np.abs(direction).sum() * max(float(np.abs(key).max(initial=0)), 1e-300)
    order = [int(p) for p in np.argsort(places, kind="stable") if among[p]]
    groups: list[list[int]] = []
    for before, here in pairwise(order):
        if places[here] - places[before] <= reach and _alike(key[:, before], key[:, here]):
            if groups and groups[-1][-1] == before and _alike(key[:, groups[-1][0]], key[:, here]):
                groups[-1].append(here)
            else:
                groups.append([before, here])
    return [sorted(group) for group in groups]


def _alike(one: FloatArray, other: FloatArray) -> bool:
    size = max(float(np.abs(one).max()), float(np.abs(other).max()))
    return bool((np.abs(one - other) <= _ALIKE * size).all())


def _merge(network: Network, name: str, unit: int, partner: int, factor: float) -> RemoveUnits:
    """Return the removal of a unit with its outgoing weights given to its twin."""
    tag, other = _tag(network, name, unit), _tag(network, name, partner)
    folds = []
    for node, dense, position in _readers(network, tag):
        coefficients = np.zeros(len(dense.weight))
        coefficients[np.flatnonzero(network.tags[node.inputs[0]] == other)[0]] = factor
        folds.append(Fold(node.name, position, coefficients, 0.0))
    return RemoveUnits(name, (unit,), tuple(folds))


# -- who is who


def _chosen(network: Network, masks: Mapping[str, BoolArray], kept: Kept) -> list[tuple[str, list[int]]]:
    """Return the units of these masks by layer, input side to output side."""
    return [
        (layer.name, [u for u in layer.units[masks[layer.name]].tolist() if (layer.name, u) not in kept])
        for layer in network.hidden_layers
    ]


def _may_go(network: Network, name: str, unit: int, kept: Kept) -> bool:
    """Whether a unit is still there, can go, and its layer has more than have to stay."""
    layer = next(layer for layer in network.hidden_layers if layer.name == name)
    here = layer.units == unit
    return bool(layer.prunable[here].any()) and _tag(network, name, unit) not in full(network, kept.least)


def _tag(network: Network, name: str, unit: int) -> int:
    return int(network.tags[name][network.by_name[name].units == unit][0])


def _readers(network: Network, tag: int) -> list[tuple[Node, Dense, int]]:
    """Return every dense layer that reads a unit, and at which of its inputs."""
    return [
        (node, dense, int(position))
        for node, dense in network.dense
        for position in np.flatnonzero(network.tags[node.inputs[0]] == tag)
    ]


def _inputs_of_dense(network: Network, rows: FloatArray) -> dict[str, FloatArray]:
    """Return what every dense layer gets for some rows."""
    with np.errstate(all="ignore"):
        values = network.trace(rows)
    return {node.name: values[node.inputs[0]] for node, _ in network.dense}
