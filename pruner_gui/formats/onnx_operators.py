"""ONNX operators, one after the other, as nodes of a network.

Every computed tensor is followed as rows of features (`onnx_shapes`). Operators that only reshape rows
vanish, a bias added on its own joins its layer, and what has no equal in `pruner_gui.network` is refused by
name.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from pruner_gui.formats import onnx_shapes as shapes
from pruner_gui.formats.errors import TooLarge, UnsupportedOp, UnsupportedUse
from pruner_gui.formats.onnx_constants import (
    FOLDS,
    Array,
    Constant,
    attributes,
    axes,
    constant,
    fold,
    number_type,
)
from pruner_gui.formats.onnx_guard import node_name
from pruner_gui.formats.onnx_names import UniqueNames, derived, stem
from pruner_gui.formats.onnx_shapes import NotRows, Shape
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Add,
    Arithmetic,
    Concat,
    Dense,
    FloatArray,
    Input,
    Node,
    Op,
)

MAX_UNITS = 1 << 24  # of all nodes together: concatenations of concatenations grow without a byte of file
REUSE = 16  # so many times as large as the stored values may all that is made of them be
MAX_CURVES = 8  # how far back a spelt-out function may begin, in recognisable steps


class StoredAs(NamedTuple):
    """How a dense layer lies in the file: names of its tensors, and whether the weight is (n_out, n_in)."""

    weight: str
    bias: str
    transposed: bool


Curves = tuple[tuple[str, FloatArray], ...]
_GRID: FloatArray = np.linspace(-8, 8, 65)
_SPELT = {kind: ACTIVATIONS[kind].apply(_GRID) for kind in ("gelu", "gelu_tanh")}


@dataclass(frozen=True, eq=False)
class Value:
    """A computed tensor.

    `source` is the node of the network that makes it, "" for a part of a spelt-out function, which none
    makes. `sole` says that nothing else reads what it came through since then. `curves` holds, for the values
    that it is one function of, unit by unit, what that function is on a grid.
    """

    source: str
    shape: Shape
    sole: bool
    curves: Curves
    maker: onnx.NodeProto | None = None


class Reading:
    """Reads a graph's nodes in order, beginning with an input of a given shape.

    `batch` is the number of rows that the file is fixed to, None when it takes any.
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
        self.stored: dict[str, StoredAs] = {}
        self.nodes: dict[str, Node] = {}
        self.values: dict[str, Value] = {}
        self._path = path
        self._constants = dict(constants)
        self._uses: Counter[str] = Counter()
        self._without_bias: set[str] = set()
        self._units = 0
        self._names = UniqueNames()
        self._dense_count = 0
        self._values_left = REUSE * sum(one.values.size for one in constants.values()) + MAX_UNITS
        name = self._add(source or "input", Input(shapes.features(shape)), (), shape)
        self.values[source] = Value(name, shape, False, ((name, _GRID),))

    def follow(self, nodes: Sequence[onnx.NodeProto], result: str) -> Value | None:
        """Read the nodes; return the tensor `result`, None when it is a constant.

        Raises:
            UnsupportedUse, UnsupportedOp, TooLarge.
        """
        self._uses = Counter([result, *(name for node in nodes for name in node.input)])
        for node in nodes:
            try:
                self._step(node)
            except NotRows as refusal:
                use = UnsupportedUse(self._path, node_name(node), node.op_type, str(refusal))
                raise use from refusal
        value = self.values.get(result)
        if value is not None:
            self._source(value)
        return value

    def needed(self, result: str) -> tuple[Node, ...]:
        """The nodes of the network that `result` depends on, in order."""
        wanted, kept = {result}, []
        for node in reversed(self.nodes.values()):
            if node.name in wanted:
                wanted.update(node.inputs)
                kept.append(node)
        return tuple(kept[::-1])

    def _step(self, node: onnx.NodeProto) -> None:
        inputs = [name for name in node.input if name]
        if node.op_type == "Constant":
            self._constants[node.output[0]] = Constant(constant(node), node.output[0])
        elif node.op_type == "Shape" and inputs[0] in self.values:
            settings = attributes(node)
            shape = self.values[inputs[0]].shape[settings.get("start", 0) : settings.get("end")]
            self._constants[node.output[0]] = Constant(np.array(shape, np.int64), node.output[0])
        elif all(name in self._constants for name in inputs):
            folded = fold(node, [self._constants[name] for name in inputs])
            self._spend(folded.values.size)
            self._constants[node.output[0]] = folded
        elif node.op_type in HANDLERS:
            HANDLERS[node.op_type](self, node)
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
        curves = (*curves[1 - MAX_CURVES :], (name, _GRID))
        self.values[node.output[0]] = Value(name, shape, self._uses[node.output[0]] == 1, curves, node)

    def pend(self, node: onnx.NodeProto, shape: Shape, curves: Curves) -> None:
        """The node's output is a part of what may turn out to be an activation."""
        if not curves:
            raise UnsupportedOp(self._path, node_name(node), node.op_type, "computed")
        self.values[node.output[0]] = Value("", shape, False, curves[-MAX_CURVES:], node)

    def activate(self, node: onnx.NodeProto, value: Value, kind: str, settings: dict[str, float]) -> None:
        """The node's output is an activation of `value`."""
        self.emit(node, derived(value.source, kind), Activation(kind, settings), [value], value.shape)

    def recognise(self, node: onnx.NodeProto, shape: Shape, curves: Curves) -> bool:
        """Emit the activation that has these curves, if there is one.

        Before opset 20, and by habit after, a gelu is spelt out in some five operators, in any of many
        orders: it is known by its values instead.
        """
        for base, curve in curves:
            for kind, known in _SPELT.items():
                if np.allclose(curve, known, rtol=0, atol=1e-5):
                    self.activate(node, Value(base, shape, False, ()), kind, {})
                    return True
        return False

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
        self._spend(kernel.size)
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
        self.nodes[name] = Node(name, Dense(op.weight, bias), self.nodes[name].inputs)
        self.stored[name] = self.stored[name]._replace(bias=stored)
        self._without_bias.discard(name)

    def _add(self, name: str, op: Op, inputs: tuple[str, ...], shape: Shape) -> str:
        self._units += shapes.features(shape)
        if self._units > MAX_UNITS:
            raise TooLarge(self._path, "units", self._units, MAX_UNITS)
        name = self._names.take(name)
        self.nodes[name] = Node(name, op, inputs)
        return name

    def _spend(self, count: int) -> None:
        """Count values made of the stored ones: one weight can serve any number of nodes."""
        self._values_left -= count
        if self._values_left < 0:
            raise TooLarge(self._path, "values", count, count + self._values_left)


# -- dense layers


def _gemm(reading: Reading, node: onnx.NodeProto) -> None:
    value, weight, left = reading.split(node)
    settings = attributes(node)
    turned = [bool(settings.get(name, 0)) for name in ("transA", "transB")]
    if weight.values.ndim != 2 or len(value.shape) != 2:
        raise NotRows("shape")
    kernel = weight.values.T if turned[1 - left] else weight.values
    shape = shapes.transposed(value.shape, (1, 0)) if turned[left] else value.shape
    shape = shapes.multiplied_left(kernel.shape, shape) if left else shapes.multiplied(shape, kernel.shape)
    kernel = kernel.T if left else kernel
    bias = reading.constant(node, 2)
    kernel = kernel * kernel.dtype.type(settings.get("alpha", 1.0))
    name = reading.dense(node, value, weight, kernel, shape, turned[1] ^ left)
    if bias is not None:
        _, row = shapes.operand(shape, bias)
        reading.add_bias(name, row * row.dtype.type(settings.get("beta", 1.0)), node.input[2])


def _matmul(reading: Reading, node: onnx.NodeProto) -> None:
    value, weight, left = reading.split(node)
    sizes = weight.values.shape
    shape = shapes.multiplied_left(sizes, value.shape) if left else shapes.multiplied(value.shape, sizes)
    kernel = weight.values.reshape(sizes[-2:] if len(sizes) > 1 else (*sizes, 1))
    reading.dense(node, value, weight, kernel.T if left else kernel, shape, left)


# -- one value a unit


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Pow": np.power,
}


def _arithmetic(reading: Reading, node: onnx.NodeProto) -> None:
    if any(reading.is_constant(name) for name in node.input):
        _with_constant(reading, node)
    else:
        _with_computed(reading, node)


def _with_constant(reading: Reading, node: onnx.NodeProto) -> None:
    value, constant, left = reading.split(node)
    if left and node.op_type in ("Div", "Pow"):
        raise NotRows("division")
    shape, operand = shapes.operand(value.shape, constant.values)
    curves: Curves = ()
    if constant.values.size == 1:
        number, apply = operand.flat[0], _OPERATORS[node.op_type]
        curves = tuple((b, apply(number, c) if left else apply(c, number)) for b, c in value.curves)
    if reading.recognise(node, shape, curves):
        return
    if node.op_type == "Pow" or (curves and not value.source):
        reading.pend(node, shape, curves)
    elif node.op_type == "Add" and reading.takes_bias(value):
        reading.add_bias(value.source, operand, constant.name)
        reading.alias(node, value, shape)
    elif node.op_type == "Sub" and left:
        minus = np.full_like(operand, -1)
        reading.emit(node, derived(value.source, "mul"), Arithmetic("mul", minus), [value], shape)
        middle = reading.value(node.output[0])
        reading.emit(node, derived(middle.source, "add"), Arithmetic("add", operand), [middle], shape, curves)
    else:
        operator = node.op_type.lower()
        op = Arithmetic(operator, operand)
        reading.emit(node, derived(value.source, operator), op, [value], shape, curves)


def _with_computed(reading: Reading, node: onnx.NodeProto) -> None:
    one, two = (reading.value(name) for name in node.input)
    if one.shape != two.shape:
        raise NotRows("broadcast")
    others, apply = dict(two.curves), _OPERATORS[node.op_type]
    curves = tuple((base, apply(curve, others[base])) for base, curve in one.curves if base in others)
    if reading.recognise(node, one.shape, curves):
        return
    if node.op_type == "Add" and ((one.source and two.source) or not curves):
        reading.emit(node, node.name or "add", Add(), [one, two], one.shape, curves)
    else:
        reading.pend(node, one.shape, curves)


def _erf(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    curves = tuple((base, np.array([math.erf(x) for x in curve])) for base, curve in value.curves)
    reading.pend(node, value.shape, curves)


def _tanh(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    if value.source:
        reading.activate(node, value, "tanh", {})
    else:
        reading.pend(node, value.shape, tuple((base, np.tanh(curve)) for base, curve in value.curves))


# -- several inputs


def _sum(reading: Reading, node: onnx.NodeProto) -> None:
    values = [reading.value(name) for name in node.input]
    if len(values) == 1:
        return reading.alias(node, values[0], values[0].shape)
    if any(value.shape != values[0].shape for value in values):
        raise NotRows("broadcast")
    return reading.emit(node, node.name or "add", Add(), values, values[0].shape)


def _concat(reading: Reading, node: onnx.NodeProto) -> None:
    values = [reading.value(name) for name in node.input]
    shape = shapes.joined([value.shape for value in values], attributes(node)["axis"])
    if len(values) == 1:
        return reading.alias(node, values[0], shape)
    return reading.emit(node, node.name or "concat", Concat(), values, shape)


# -- activations


def _setting(given: float, default: float) -> float:
    """The number that was meant: attributes are float32, 0.1 is stored as 0.10000000149."""
    return default if np.float32(given) == np.float32(default) else float(str(np.float32(given)))


def _activation(kind: str) -> Callable[[Reading, onnx.NodeProto], None]:
    defaults = ACTIVATIONS[kind].defaults

    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        given = attributes(node)
        settings = {name: _setting(given.get(name, value), value) for name, value in defaults.items()}
        value = reading.value(node.input[0])
        reading.activate(node, value, kind, settings)

    return handle


def _gelu(reading: Reading, node: onnx.NodeProto) -> None:
    kind = "gelu_tanh" if attributes(node).get("approximate") == "tanh" else "gelu"
    reading.activate(node, reading.value(node.input[0]), kind, {})


def _softmax(kind: str) -> Callable[[Reading, onnx.NodeProto], None]:
    def handle(reading: Reading, node: onnx.NodeProto) -> None:
        value = reading.value(node.input[0])
        coerced = reading.opset < 13
        axis = attributes(node).get("axis", 1 if coerced else -1)
        shapes.normalised(value.shape, axis, coerced)
        reading.activate(node, value, kind, {})

    return handle


# -- the same rows in another shape


def _identity(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(node, value, value.shape)


def _dropout(reading: Reading, node: onnx.NodeProto) -> None:
    training = reading.constant(node, 2)
    if training is not None and training.any():
        raise NotRows("training")
    _identity(reading, node)


def _cast(reading: Reading, node: onnx.NodeProto) -> None:
    kind = number_type(attributes(node)["to"])
    if kind is None or kind.kind != "f":
        raise NotRows("type")
    _identity(reading, node)


def _reshape(reading: Reading, node: onnx.NodeProto) -> None:
    value, allowzero = reading.value(node.input[0]), bool(attributes(node).get("allowzero", 0))
    target = reading.constant(node, 1)
    if target is None or target.ndim != 1:
        raise NotRows("shape")
    sizes = [int(size) for size in target]
    reading.alias(node, value, shapes.reshaped(value.shape, sizes, reading.batch, allowzero))


def _flatten(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(node, value, shapes.flattened(value.shape, attributes(node).get("axis", 1)))


def _squeeze(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(
        node, value, shapes.squeezed(value.shape, axes(attributes(node), reading.constant(node, 1)))
    )


def _unsqueeze(reading: Reading, node: onnx.NodeProto) -> None:
    value, places = reading.value(node.input[0]), axes(attributes(node), reading.constant(node, 1))
    reading.alias(node, value, shapes.unsqueezed(value.shape, places or ()))


def _transpose(reading: Reading, node: onnx.NodeProto) -> None:
    value = reading.value(node.input[0])
    reading.alias(node, value, shapes.transposed(value.shape, attributes(node).get("perm")))


HANDLERS: dict[str, Callable[[Reading, onnx.NodeProto], None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    **dict.fromkeys(_OPERATORS, _arithmetic),
    "Erf": _erf,
    "Tanh": _tanh,
    "Sum": _sum,
    "Concat": _concat,
    "Relu": _activation("relu"),
    "LeakyRelu": _activation("leaky_relu"),
    "Elu": _activation("elu"),
    "Selu": _activation("selu"),
    "Sigmoid": _activation("sigmoid"),
    "Softplus": _activation("softplus"),
    "Softsign": _activation("softsign"),
    "HardSigmoid": _activation("hard_sigmoid"),
    "Gelu": _gelu,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Identity": _identity,
    "Dropout": _dropout,
    "Cast": _cast,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
}
KNOWN = frozenset({*HANDLERS, *FOLDS, "Constant", "Shape"})
