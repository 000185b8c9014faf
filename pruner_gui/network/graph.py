"""A network: an immutable graph of operations in topological order.

A *unit* is one value that an operation puts out for a row. Dense layers create units (neurons); an activation
passes them on one to one, a concatenation places them side by side, an addition couples them. Following the
units through the graph tells, for any shape of graph, which slices of which layers belong to a neuron and go
with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from pruner_gui.errors import PrunerError
from pruner_gui.network.ops import (
    Activation,
    Arithmetic,
    BatchNorm,
    Dense,
    FloatArray,
    IndexArray,
    Input,
    Op,
    UnitFlow,
    frozen,
    join_units,
)

BoolArray = npt.NDArray[np.bool_]

_AT_ONCE = 256  # units at most that a network loses in one go


@dataclass
class MalformedGraph(PrunerError):
    """The nodes do not form a network: a name twice, an input that does not come earlier, no single input."""

    node: str
    problem: str


@dataclass
class CannotRemove(PrunerError):
    """These units are not there, cannot go, or are all that a layer has left."""

    layer: str
    units: tuple[int, ...]


@dataclass(frozen=True)
class Node:
    """One operation in its place: its name, where its inputs come from, and who its units are.

    `units` holds the original index of every unit the node still has: a neuron keeps its identity for life.
    Left out, they are counted from 0.
    """

    name: str
    op: Op
    inputs: tuple[str, ...] = ()
    units: IndexArray = field(default_factory=lambda: np.zeros(0, np.intp), compare=False)


@dataclass(frozen=True)
class Origin:
    """Where a network came from, so that an export matches what came in.

    `input_shape` and `output_shape` are as in the file, the batch dimension first where there is one: an
    int is fixed, a str is a symbol, None is unknown. `extra` is for what only one format needs: plain values
    and arrays, since it goes from one process to another and into files.
    """

    format: str = ""
    input_name: str = "input"
    output_name: str = "output"
    input_shape: tuple[int | str | None, ...] | None = None
    output_shape: tuple[int | str | None, ...] | None = None
    dtype: str = "float32"
    extra: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class HiddenLayer:
    """A dense layer whose units are not the network's outputs.

    `index` counts hidden layers from 0, input side first. `units` are original indices, position by position;
    `prunable` says which of them may go (the units in front of a softmax, for example, may not).
    """

    index: int
    name: str
    activation: str
    units: IndexArray
    prunable: BoolArray


@dataclass(frozen=True)
class UnitGroup:
    """A neuron that can be removed, with every slice that goes with it.

    `slices` are (node, side, position): side "out" for what makes the unit, "in" for what reads it.
    """

    layer: int
    node: str
    unit: int
    slices: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, eq=False)
class Connections:
    """The weights from some units to the units of one dense layer.

    `weight` has shape `(len(sources), n_out)`; `sources` are positions in the output of node `source`, which
    is an input or a dense layer; `target` is the dense layer that reads them.
    """

    source: str
    sources: IndexArray
    target: str
    weight: FloatArray


@dataclass(frozen=True, eq=False)
class Network:
    """A feed-forward network. Never changes; every edit gives a new one that shares what did not change.

    One that lost units is made when it is first looked at: a run removes many neurons between two looks.

    Raises:
        MalformedGraph: the nodes do not form a network.
        ShapeMismatch: the sizes of two nodes do not go together.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    origin: Origin = field(default_factory=Origin)
    sizes: Mapping[str, int] = field(init=False)

    # What it is made from while nobody has looked: a network, and the tags of the units that it loses.
    _source: ClassVar[tuple[Network, frozenset[int]] | None] = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make what `without` left for later."""
            if name != "nodes" or self._source is None:
                raise AttributeError(name, name=name, obj=self)
            self._make()
            return self.__dict__[name]

    def __post_init__(self) -> None:
        sizes: dict[str, int] = {}
        nodes = []
        for node in self.nodes:
            if node.name in sizes:
                raise MalformedGraph(node.name, "duplicate")
            for source in node.inputs:
                if source not in sizes:
                    raise MalformedGraph(node.name, "order")
            sizes[node.name] = size = node.op.size(*(sizes[source] for source in node.inputs))
            if size < 1:
                raise MalformedGraph(node.name, "empty")
            if node.units.size != size:
                if node.units.size:
                    raise MalformedGraph(node.name, "units")
                node = Node(node.name, node.op, node.inputs, np.arange(size))
            if node.units.flags.writeable:
                node = Node(node.name, node.op, node.inputs, frozen(node.units, np.intp))
            nodes.append(node)
        if sum(isinstance(node.op, Input) for node in nodes) != 1:
            raise MalformedGraph("", "inputs")
        if not self.outputs or any(name not in sizes for name in self.outputs):
            raise MalformedGraph("", "outputs")
        object.__setattr__(self, "nodes", tuple(nodes))
        object.__setattr__(self, "sizes", MappingProxyType(sizes))

    # -- what it computes

    def forward(self, rows: FloatArray, at: str | None = None) -> FloatArray:
        """Return the outputs `(n_samples, n_outputs)` for `rows` of shape `(n_samples, n_inputs)`.

        Computes in the wider of the rows' and the weights' precision. Several outputs come side by side.
        With `at`, returns what that node puts out instead.
        """
        wanted = self.outputs if at is None else (at,)
        last_reader = {name: node.name for node in self.nodes for name in node.inputs}
        values: dict[str, FloatArray] = {}
        for node in self.nodes:
            inputs = [values[name] for name in node.inputs] if node.inputs else [rows]
            values[node.name] = node.op.forward(*inputs)
            if all(name in values for name in wanted):
                break
            for name in node.inputs:  # what nobody reads any more need not be kept
                if last_reader[name] == node.name and name not in wanted:
                    values.pop(name, None)
        return np.concatenate([values[name] for name in wanted], axis=1)

    def trace(self, rows: FloatArray) -> dict[str, FloatArray]:
        """Return what every node puts out, `(n_samples, units)` each, for `(n_samples, n_inputs)` rows."""
        values: dict[str, FloatArray] = {}
        for node in self.nodes:
            inputs = [values[name] for name in node.inputs] if node.inputs else [rows]
            values[node.name] = node.op.forward(*inputs)
        return values

    # -- what it is made of

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by name."""
        return MappingProxyType({node.name: node for node in self.nodes})

    @cached_property
    def input(self) -> Node:
        """The node where rows come in."""
        return next(node for node in self.nodes if isinstance(node.op, Input))

    @property
    def n_inputs(self) -> int:
        """Number of features of a row."""
        return self.sizes[self.input.name]

    @property
    def n_outputs(self) -> int:
        """Number of outputs of a row."""
        return sum(self.sizes[name] for name in self.outputs)

    @property
    def dense(self) -> tuple[tuple[Node, Dense], ...]:
        """The dense layers in order, each as node and operation."""
        return tuple((node, node.op) for node in self.nodes if isinstance(node.op, Dense))

    @cached_property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units in the input and in every dense layer."""
        return (self.n_inputs, *(self.sizes[node.name] for node, _ in self.dense))

    @property
    def parameters(self) -> int:
        """Number of stored parameters: weights, biases, normalisation constants."""
        return sum(node.op.parameters for node in self.nodes)

    @cached_property
    def connections(self) -> int:
        """Number of connections whose weight is not zero."""
        return sum(int(np.count_nonzero(dense.weight)) for _, dense in self.dense)

    @cached_property
    def strongest(self) -> float:
        """The largest |w| of all connections."""
        return max((float(np.abs(dense.weight).max()) for _, dense in self.dense), default=0.0)

    @property
    def macs(self) -> int:
        """Multiply-accumulates a row: one a stored dense weight; biases and activations are not counted."""
        return sum(dense.weight.size for _, dense in self.dense)

    @property
    def hidden_neurons(self) -> int:
        """Number of units in all hidden layers."""
        return sum(self.sizes[name] for name in self.hidden_names)

    @cached_property
    def head(self) -> str:
        """The activation right at the output ("linear" when there is none, or several outputs)."""
        op = self.by_name[self.outputs[0]].op
        return op.kind if len(self.outputs) == 1 and isinstance(op, Activation) else "linear"

    def non_finite(self) -> tuple[str, str, tuple[int, ...]] | None:
        """Return node, tensor and index of the first weight that is not a finite number, or None."""
        for node in self.nodes:
            for name, tensor in node.op.tensors().items():
                bad = np.argwhere(~np.isfinite(tensor))
                if bad.size:
                    return node.name, name, tuple(int(i) for i in bad[0])
        return None

    @cached_property
    def non_finite_count(self) -> int:
        """Number of weights, biases and other parameters that are not finite numbers."""
        tensors = [tensor for node in self.nodes for tensor in node.op.tensors().values()]
        return sum(tensor.size - int(np.count_nonzero(np.isfinite(tensor))) for tensor in tensors)

    def with_finite_weights(self) -> Network:
        """Return the network with zero in place of every parameter that is not a finite number."""
        return Network(tuple(map(_finite, self.nodes)), self.outputs, self.origin)

    # -- who is who

    @cached_property
    def tags(self) -> Mapping[str, IndexArray]:
        """For every node the identity of each output unit: positions with the same tag are the same unit."""
        if self._source is not None:
            return self._make().tags
        tags: dict[str, IndexArray] = {}
        count = 0
        for node in self.nodes:
            inputs = [tags[name] for name in node.inputs]
            if node.op.flow is UnitFlow.CREATES:
                tags[node.name] = np.arange(count, count + self.sizes[node.name])
                count += self.sizes[node.name]
                continue
            tags[node.name] = join_units(node.op, inputs)
            if node.op.flow is UnitFlow.COUPLES:
                for other in inputs[1:]:
                    _couple(tags, other, tags[node.name])
        return MappingProxyType(tags)

    @cached_property
    def _fixed(self) -> frozenset[int]:
        """Tags of the units that cannot go: inputs, outputs, and what a softmax mixes."""
        fixed = {*self.tags[self.input.name].tolist()}
        for name in self.outputs:
            fixed.update(self.tags[name].tolist())
        for node in self.nodes:
            if node.op.flow is UnitFlow.MIXES:
                fixed.update(self.tags[node.name].tolist())
        return frozenset(fixed)

    @cached_property
    def hidden_layers(self) -> tuple[HiddenLayer, ...]:
        """The dense layers that are not outputs, input side first."""
        if self._source is not None:
            return self._make().hidden_layers
        outputs = {tag for name in self.outputs for tag in self.tags[name].tolist()}
        seen: set[int] = set()
        layers: list[HiddenLayer] = []
        for node, _ in self.dense:
            tags = self.tags[node.name].tolist()
            if outputs.issuperset(tags):
                continue
            # Of units that an addition couples, the first layer speaks for all.
            prunable = np.array([tag not in self._fixed and tag not in seen for tag in tags])
            seen.update(tags)
            layers.append(
                HiddenLayer(len(layers), node.name, self.activation_after(node.name), node.units, prunable)
            )
        return tuple(layers)

    @cached_property
    def hidden_names(self) -> tuple[str, ...]:
        """The names of the hidden layers."""
        return tuple(layer.name for layer in self.hidden_layers)

    def activation_after(self, name: str) -> str:
        """The activation that first reads a node, through normalisation ("linear" when there is none)."""
        for node in self.nodes:
            if name in node.inputs:
                if isinstance(node.op, Activation):
                    return node.op.kind
                if node.op.flow is UnitFlow.KEEPS:
                    return self.activation_after(node.name)
        return "linear"

    def groups(self) -> tuple[UnitGroup, ...]:
        """What can be pruned: every removable neuron, input side to output side, index ascending."""
        places: dict[int, list[tuple[str, str, int]]] = {}
        for node in self.nodes:
            sides = [("out", node.name)] if node.op.flow is UnitFlow.CREATES else []
            sides += [("in", name) for name in node.inputs if isinstance(node.op, Dense)]
            for side, name in sides:
                for position, tag in enumerate(self.tags[name].tolist()):
                    places.setdefault(tag, []).append((node.name, side, position))
        return tuple(
            UnitGroup(layer.index, layer.name, int(unit), tuple(places[tag]))
            for layer in self.hidden_layers
            for tag, unit, prunable in zip(
                self.tags[layer.name].tolist(), layer.units, layer.prunable, strict=True
            )
            if prunable
        )

    @cached_property
    def links(self) -> tuple[Connections, ...]:
        """The connections between visible layers (the input and the dense layers), for showing them."""
        makers = [node for node in self.nodes if node.op.flow is UnitFlow.CREATES]
        found = []
        for node, dense in self.dense:
            tags = self.tags[node.inputs[0]]
            for maker in makers:
                here = np.flatnonzero(np.isin(tags, self.tags[maker.name]))
                if here.size:
                    order = {int(tag): i for i, tag in enumerate(self.tags[maker.name])}
                    sources = np.array([order[int(tag)] for tag in tags[here]], np.intp)
                    weight = dense.weight if here.size == tags.size else dense.weight[here]
                    found.append(Connections(maker.name, sources, node.name, weight))
        return tuple(found)

    @cached_property
    def without_outgoing(self) -> Mapping[str, BoolArray]:
        """For every hidden layer which units have no outgoing connection other than zero."""
        silent = {layer.name: np.ones(layer.units.size, bool) for layer in self.hidden_layers}
        for link in self.links:
            if link.source in silent:
                silent[link.source][link.sources[link.weight.any(axis=1)]] = False
        return silent

    @cached_property
    def without_incoming(self) -> Mapping[str, BoolArray]:
        """For every hidden layer which units have no incoming connection but zero: they are constant."""
        weights = {node.name: dense.weight for node, dense in self.dense}
        return {layer.name: (weights[layer.name] == 0).all(axis=0) for layer in self.hidden_layers}

    def with_ops(self, ops: Mapping[str, Op]) -> Network:
        """Return the network with other operations of the same kinds and sizes at these nodes."""
        nodes = (replace(node, op=ops[node.name]) if node.name in ops else node for node in self.nodes)
        changed = Network(tuple(nodes), self.outputs, self.origin)
        changed._inherit(self, {})
        return changed

    def without(self, removed: Mapping[str, Sequence[int]]) -> Network:
        """Return the network without these units (original indices, by the name of the layer they are in).

        Raises:
            CannotRemove: a unit that is not there, cannot go, or is its layer's last.
        """
        source = self._source
        larger, gone = source if source and len(source[1]) < _AT_ONCE else (self, frozenset[int]())
        doomed: set[int] = set()
        for name, units in removed.items():
            tags = [larger._tag_of[name].get(unit, -1) for unit in units]
            if any(tag < 0 or tag in gone or tag in self._fixed for tag in tags):
                raise CannotRemove(name, tuple(units))
            doomed.update(tags)
        sizes = dict(self.sizes)
        for tag in doomed:
            for name in larger._holders[tag]:
                sizes[name] -= 1
                if not sizes[name]:
                    raise CannotRemove(name, tuple(self.by_name[name].units.tolist()))
        smaller = object.__new__(Network)
        smaller.__dict__.update(
            outputs=self.outputs,
            origin=self.origin,
            sizes=MappingProxyType(sizes),
            hidden_names=self.hidden_names,
            _fixed=self._fixed,
            _source=(larger, gone | doomed),
        )
        return smaller

    @cached_property
    def _tag_of(self) -> Mapping[str, Mapping[int, int]]:
        """For every node the tag of each unit, by its original index."""
        return {
            node.name: dict(zip(node.units.tolist(), self.tags[node.name].tolist(), strict=True))
            for node in self.nodes
        }

    @cached_property
    def _holders(self) -> Mapping[int, Sequence[str]]:
        """The nodes that put out the unit of each tag."""
        holders: dict[int, list[str]] = {}
        for name, tags in self.tags.items():
            for tag in tags.tolist():
                holders.setdefault(tag, []).append(name)
        return holders

    def _make(self) -> Network:
        """Become what `without` promised; any thread may do it, and several at once."""
        source = self._source
        if source is None:  # another thread did
            return self
        larger, doomed = source
        goes = np.zeros(1 + max(int(tags.max()) for tags in larger.tags.values()), bool)
        goes[list(doomed)] = True
        kept: dict[str, IndexArray] = {}  # of the nodes that lose something
        for name, tags in larger.tags.items():
            gone_here = goes[tags]
            if gone_here.any():
                kept[name] = np.flatnonzero(~gone_here)
        nodes = []
        for node in larger.nodes:
            op, units = node.op, node.units
            for slot, input_name in enumerate(node.inputs):
                if input_name in kept:
                    op = op.keep_in(slot, kept[input_name])
            if node.name in kept:
                op, units = op.keep_out(kept[node.name]), units[kept[node.name]]
                units.setflags(write=False)
            nodes.append(
                node if op is node.op and units is node.units else Node(node.name, op, node.inputs, units)
            )
        self._inherit(larger, kept)
        self.__dict__["nodes"] = tuple(nodes)
        self.__dict__.pop("_source", None)
        return self

    def _inherit(self, larger: Network, kept: Mapping[str, IndexArray]) -> None:
        """Take over who is who from the network that this one was made from, instead of finding it anew."""
        known = self.__dict__  # where `cached_property` looks
        known["_fixed"] = larger._fixed
        known["tags"] = MappingProxyType(
            {name: tags[kept[name]] if name in kept else tags for name, tags in larger.tags.items()}
        )
        known["hidden_layers"] = tuple(
            replace(layer, units=layer.units[kept[layer.name]], prunable=layer.prunable[kept[layer.name]])
            if layer.name in kept
            else layer
            for layer in larger.hidden_layers
        )


def _couple(tags: dict[str, IndexArray], old: IndexArray, new: IndexArray) -> None:
    """Give units that an addition couples one tag, everywhere."""
    rename = {int(a): int(b) for a, b in zip(old, new, strict=True) if a != b}
    for name, values in tags.items():
        if np.isin(values, tuple(rename)).any():
            tags[name] = np.array([rename.get(int(tag), int(tag)) for tag in values], np.intp)


def _finite(node: Node) -> Node:
    tensors = {name: np.where(np.isfinite(each), each, 0) for name, each in node.op.tensors().items()}
    match node.op:
        case Dense():
            return replace(node, op=Dense(**tensors))
        case Arithmetic() as op:
            return replace(node, op=replace(op, operand=tensors["operand"]))
        case BatchNorm() as op:
            return replace(node, op=BatchNorm(**tensors, epsilon=op.epsilon))
    return node
