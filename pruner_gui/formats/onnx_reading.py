"""What has been read of an ONNX graph so far: its tensors, and the nodes of the network that make them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx

from pruner_gui import limits
from pruner_gui.formats import onnx_shapes as shapes
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import TooLarge, UnsupportedOp, UnsupportedUse
from pruner_gui.formats.onnx_constants import Array, Constant, attributes, constant, fold
from pruner_gui.formats.onnx_curves import GRID, OPAQUE, Curves, recognised
from pruner_gui.formats.onnx_guard import node_name
from pruner_gui.formats.onnx_names import UniqueNames, derived, stem
from pruner_gui.formats.onnx_shapes import NotRows, Shape
from pruner_gui.formats.onnx_values import Form, NormStoredAs, StoredAs, Value
from pruner_gui.network import ACTIVATIONS, Activation, Arithmetic, Dense, FloatArray, Input, Node, Op

MAX_UNITS = 1 << 24  # of all nodes together: concatenations of concatenations grow without a byte of file
REUSE = 16  # so many times as large as the stored values may all that is made of them be
MAX_CURVES = 6  # how far back a spelt-out function may begin, in steps that are nodes themselves


class Reading:
    """Reads a graph's nodes in order, beginning with an input of a given shape.

    `batch` is the number of rows that the file is fixed to, None when it takes any; `single` says that all
    constants so far are float32.
    """

    def __init__(
        self,
        path: Path,
        opset: int,
        constants: Mapping[str, Constant],
        source: str,
        shape: Shape,
        batch: int | None,
    ) -> None:
        self.opset = opset
        self.batch = batch
        self.single = all(one.values.dtype != np.float64 for one in constants.values())
        self.stored: dict[str, StoredAs] = {}
        self.norms: dict[str, NormStoredAs] = {}
        self.nodes: dict[str, Node] = {}
        self.values: dict[str, Value] = {}
        self._path = path
        self._constants = dict(constants)
        self._uses: Counter[str] = Counter()
        self._without_bias: set[str] = set()
        self._units = 0
        self._names = UniqueNames()
        self._asked: dict[str, str] = {}  # the name that a node would have, were it alone
        self._dense_count = 0
        stored = sum(one.values.size for one in constants.values())
        self._values_left = limits.scaled(REUSE * stored + MAX_UNITS)
        name = self._add(source or "input", Input(shapes.features(shape)), (), shape)
        self.values[source] = Value(name, shape, False, ((name, GRID),))

    def follow(
        self, nodes: Sequence[onnx.NodeProto], result: str, handlers: Mapping[str, Handler]
    ) -> Value | None:
        """Read the nodes, each by the handler of its operator.

        Returns the tensor `result`, None when it is a constant.

        Raises:
            UnsupportedUse, UnsupportedOp, TooLarge.
        """
        self._uses = Counter([result, *(name for node in nodes for name in node.input)])
        left = self._uses.copy()
        for node in nodes:
            try:
                self._step(node, handlers)
                left.subtract(node.input)
                for name in node.input:
                    if not left[name]:
                        self.values.pop(name, None)  # the curves of a long file take room
            except NotRows as refusal:
                use = UnsupportedUse(self._path, node_name(node), node.op_type, str(refusal))
                raise use from refusal
        value = self.values.get(result)
        if value is not None:
            self._source(value)
        return value

    def needed(self, value: Value) -> tuple[Node, ...]:
        """The nodes of the network that `value` depends on, in order; it is the output of the last.

        What a spelt-out function was made of is not among them, and its names are free again.
        """
        wanted, kept = {value.source}, []
        for node in reversed(self.nodes.values()):
            if node.name in wanted:
                wanted.update(node.inputs)
                kept.append(node)
        names = UniqueNames()
        new: dict[str, str] = {}
        for node in kept[::-1]:
            name, first = self._asked[node.name], next(iter(node.inputs), "")
            if first and name.startswith(f"{first}."):
                name = new[first] + name[len(first) :]
            new[node.name] = names.take(name)
        self.stored = {new[name]: stored for name, stored in self.stored.items() if name in new}
        self.norms = {new[name]: stored for name, stored in self.norms.items() if name in new}
        return tuple(
            Node(new[node.name], node.op, tuple(new[name] for name in node.inputs)) for node in kept[::-1]
        )

    def _step(self, node: onnx.NodeProto, handlers: Mapping[str, Handler]) -> None:
        inputs = [name for name in node.input if name]
        if node.op_type == "Constant":
            self._constants[node.output[0]] = Constant(constant(node), node.output[0])
            self.single &= self._constants[node.output[0]].values.dtype != np.float64
        elif node.op_type == "Shape" and inputs[0] in self.values:
            settings = attributes(node)
            shape = self.values[inputs[0]].shape[settings.get("start", 0) : settings.get("end")]
            self._constants[node.output[0]] = Constant(np.array(shape, np.int64), node.output[0])
        elif all(name in self._constants for name in inputs):
            folded = fold(node, [self._constants[name] for name in inputs])
            self.spend(folded.values.size)
            self._constants[node.output[0]] = folded
        elif node.op_type in handlers:
            handlers[node.op_type](self, node)
        else:
            raise UnsupportedOp(self._path, node_name(node), node.op_type)

    # -- tensors

    def value(self, name: str) -> Value:
        """The computed tensor of this name."""
        if name not in self.values:
            raise NotRows("constant" if name in self._constants else "type")
        return self.values[name]

    def constant(self, node: onnx.NodeProto, place: int) -> Array | None:
        """The constant at an input of a node, None when there is none."""
        if len(node.input) <= place or not node.input[place]:
            return None
        if node.input[place] not in self._constants:
            raise NotRows("constant")
        return self._constants[node.input[place]].values

    def split(self, node: onnx.NodeProto) -> tuple[Value, Constant, bool]:
        """A node's two operands: the computed one, the constant one, and whether that one is on the left."""
        left = node.input[0] in self._constants
        value, other = self.value(node.input[left]), node.input[1 - left]
        if other not in self._constants:
            raise NotRows("constant")
        if self._constants[other].values.dtype.kind != "f":
            raise NotRows("type")
        return value, self._constants[other], left

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is the same for all rows."""
        return name in self._constants

    def stored_name(self, name: str) -> str:
        """The name of the stored tensor that a constant was made of."""
        return self._constants[name].name

    def is_read(self, name: str) -> bool:
        """Whether a node, or the output, reads a tensor."""
        return bool(name) and self._uses[name] > 0

    def _source(self, value: Value) -> str:
        if not value.source and value.maker is not None:
            raise UnsupportedOp(self._path, node_name(value.maker), value.maker.op_type, "computed")
        return value.source

    # -- results

    def alias(self, node: onnx.NodeProto, value: Value, shape: Shape) -> None:
        """The node's output is `value`, in another shape."""
        sole = value.sole and self._uses[node.output[0]] == 1
        self.values[node.output[0]] = replace(value, shape=shape, sole=sole)

    def emit(
        self,
        node: onnx.NodeProto,
        name: str,
        op: Op,
        inputs: Sequence[Value],
        shape: Shape,
        curves: Curves = (),
    ) -> None:
        """The node's output is made by a new node of the network."""
        name = self._add(name, op, tuple(self._source(value) for value in inputs), shape)
        curves = (*curves[1 - MAX_CURVES :], (name, GRID))
        self.values[node.output[0]] = Value(name, shape, self._uses[node.output[0]] == 1, curves, node)

    def pend(self, node: onnx.NodeProto, shape: Shape, curves: Curves, form: Form | None = None) -> None:
        """The node's output is a part of what may turn out to be an activation."""
        if not curves and not form:
            raise UnsupportedOp(self._path, node_name(node), node.op_type, "computed")
        self.values[node.output[0]] = Value("", shape, False, curves[-MAX_CURVES:], node, form)

    def activate(
        self,
        node: onnx.NodeProto,
        value: Value,
        kind: str,
        settings: Mapping[str, float] = MappingProxyType({}),
        scale: float = 1.0,
    ) -> None:
        """The node's output is an activation f of `value`; with `scale` b it is `f(b x) / b`."""
        if scale != 1:
            value = self.scaled(node, value, "mul", scale)
        activation = Activation(kind, dict(settings))
        row = ACTIVATIONS[kind]
        opaque = row.mixes or kind in OPAQUE
        curves = () if opaque else tuple((b, activation.forward(c)) for b, c in value.curves)
        self.emit(node, derived(self._source(value), kind), activation, [value], value.shape, curves)
        made = self.values[node.output[0]]
        self.values[node.output[0]] = replace(made, given=replace(value, given=None))
        if scale != 1:
            self.scaled(node, self.values[node.output[0]], "div", scale)

    def scaled(self, node: onnx.NodeProto, value: Value, operator: str, number: float) -> Value:
        """The node's output is `value` times, plus... one number. Returns it."""
        size = shapes.features(value.shape)
        operand: FloatArray = np.full(size, number, np.float32 if self.single else np.float64)
        name = derived(self._source(value), operator)
        op = Arithmetic(operator, operand)
        one = Arithmetic(operator, operand[:1])
        curves = tuple((base, one.forward(curve)) for base, curve in value.curves)
        self.emit(node, name, op, [value], value.shape, curves)
        return self.values[node.output[0]]

    def recognise(self, node: onnx.NodeProto, shape: Shape, curves: Curves) -> bool:
        """Emit the activation that has one of these curves, the one from furthest back, if there is one.

        An operator that changes nothing, such as a division by 1, makes no activation of what is one already.
        """
        if curves and np.array_equal(curves[-1][1], GRID):
            return False
        for base, curve in curves:
            found = recognised(curve, self.single)
            if found:
                self.activate(node, Value(base, shape, False, ()), *found)
                made = self.values[node.output[0]]
                curves = (*curves[1 - MAX_CURVES :], *made.curves)
                self.values[node.output[0]] = replace(made, curves=curves, given=None)
                return True
        return False

    def before(self, value: Value, kind: str) -> tuple[Value, dict[str, float]] | None:
        """What the activation `kind` that makes `value` was given, and its settings; None if none does."""
        made = self.nodes[value.source].op if value.source else None
        if value.given is None or not isinstance(made, Activation) or made.kind != kind:
            return None
        return replace(value.given, shape=value.shape), made.settings

    def dense(
        self,
        node: onnx.NodeProto,
        value: Value,
        weight: Constant,
        kernel: FloatArray,
        shape: Shape,
        transposed: bool,
    ) -> str:
        """Emit a dense layer without a bias; `kernel` is (n_in, n_out). Return its name."""
        if not kernel.size:
            raise NotRows("shape")
        self.spend(kernel.size)
        self._dense_count += 1
        name = stem(weight.name) or stem(node.name) or node.name or f"dense_{self._dense_count}"
        bias = np.zeros(kernel.shape[1], kernel.dtype)
        self.emit(node, name, Dense(kernel, bias), [value], shape)
        name = self.values[node.output[0]].source
        self.stored[name] = StoredAs(weight.name, "", transposed ^ weight.turned)
        self._without_bias.add(name)
        return name

    def takes_bias(self, value: Value) -> bool:
        """Whether what is added to `value` is the bias of the layer that makes it."""
        return value.sole and value.source in self._without_bias

    def add_bias(self, name: str, bias: FloatArray, stored: str) -> None:
        """Give a dense layer its bias."""
        op = self.nodes[name].op
        assert isinstance(op, Dense)
        self.replace(name, Dense(op.weight, bias))
        self.stored[name] = self.stored[name]._replace(bias=stored)
        self._without_bias.discard(name)

    def replace(self, name: str, op: Op) -> None:
        """Put another operation in the place of a node's."""
        self.nodes[name] = Node(name, op, self.nodes[name].inputs)

    def _add(self, name: str, op: Op, inputs: tuple[str, ...], shape: Shape) -> str:
        self._units += shapes.features(shape)
        hold(self._path, "units", self._units, MAX_UNITS)
        asked, name = name, self._names.take(name)
        self._asked[name] = asked
        self.nodes[name] = Node(name, op, inputs)
        return name

    def spend(self, count: int) -> None:
        """Count values made of the stored ones: one weight can serve any number of nodes."""
        self._values_left -= count
        if self._values_left < 0:
            raise TooLarge(self._path, "values", count, count + self._values_left)


Handler = Callable[[Reading, onnx.NodeProto], None]
