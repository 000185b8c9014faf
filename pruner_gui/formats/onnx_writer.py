"""From a network to an ONNX model that looks like the file it came from.

Inside, all tensors are `(rows, features)`; a reshape at either end makes the input's and output's shapes what
they were. onnxruntime has some functions in float32 only: in a float64 network they stand between two casts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from pruner_gui.formats.errors import NotExpressible
from pruner_gui.formats.onnx_names import UniqueNames
from pruner_gui.formats.onnx_reading import StoredAs
from pruner_gui.formats.onnx_shapes import batch_axis
from pruner_gui.network import Activation, Add, Arithmetic, Concat, Dense, Network, Node

DEFAULT_OPSET = 17
GELU_OPSET = 20  # before, a gelu is spelt out
ERF_OPSET = 9
SINGLE_ONLY = frozenset({"leaky_relu", "elu", "selu", "gelu", "softplus", "softsign", "hard_sigmoid"})

_TYPES = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}
OPERATORS = {
    "linear": "Identity",
    "relu": "Relu",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
    "selu": "Selu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "hard_sigmoid": "HardSigmoid",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
}
WRITTEN = frozenset(OPERATORS) | {"gelu", "gelu_tanh"}
Declared = tuple[int | str | None, ...]


def to_model(network: Network) -> onnx.ModelProto:
    """Return the model. Names, shapes, types and opset are the origin's, where it has them.

    Raises:
        NotExpressible: several outputs, or an operation that ONNX has no word for.
    """
    if len(network.outputs) != 1:
        raise NotExpressible("onnx", network.outputs[1], "outputs")
    return _Writer(network).model()


def dtype_of(network: Network) -> str:
    """The precision that a network computes in: the widest of its parameters'."""
    types = [tensor.dtype for node in network.nodes for tensor in node.op.tensors().values()]
    return str(np.result_type(*types).name) if types else network.origin.dtype


def _opset(network: Network) -> int:
    kinds = {node.op.kind for node in network.nodes if isinstance(node.op, Activation)}
    return max(network.origin.extra.get("opset", DEFAULT_OPSET), ERF_OPSET if "gelu" in kinds else 0)


def _ends(network: Network) -> tuple[Declared, Declared]:
    """The shapes of input and output: as they came in, if they still say the same number of features."""
    origin = network.origin
    source, result = origin.input_shape, origin.output_shape
    if source is None or not _fits(source, network.n_inputs):
        source = ("batch", network.n_inputs)
    axis = batch_axis(source, network.n_inputs)
    batch = 1 if axis is None else source[axis]
    if result is None or not _fits(result, network.n_outputs):
        return source, (batch, network.n_outputs)
    axis = batch_axis(result, network.n_outputs)
    if axis is not None and isinstance(result[axis], int):
        result = (*result[:axis], batch, *result[axis + 1 :])
    return source, result


def _fits(shape: Declared, size: int) -> bool:
    whole = [n for n in shape if isinstance(n, int)]
    alone = len(whole) == len(shape) and math.prod(whole) == size
    return alone or batch_axis(shape, size) is not None


class _Writer:
    """Collects the nodes and initializers of one network's model."""

    def __init__(self, network: Network) -> None:
        origin = network.origin
        self._network = network
        self._dtype = dtype_of(network)
        self._opset = _opset(network)
        self._stored: Mapping[str, tuple[str, str, bool]] = (
            origin.extra.get("stored", {}) if origin.format == "onnx" else {}
        )
        self._names = UniqueNames((origin.input_name, origin.output_name))
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._tensors: dict[str, str] = {}

    def model(self) -> onnx.ModelProto:
        """Return the whole model."""
        network, origin = self._network, self._network.origin
        given, wanted = _ends(network)
        types = [origin.extra.get(name, self._dtype) for name in ("input_dtype", "output_dtype")]
        tensor = self._cast(origin.input_name, types[0], self._dtype)
        if len(given) != 2 or batch_axis(given, network.n_inputs) != 0:
            tensor = self._reshape(tensor, (-1, network.n_inputs))
        for node in network.nodes:
            self._tensors[node.name] = self._write(node) if node.inputs else tensor
        tensor = self._tensors[network.outputs[0]]
        axis = batch_axis(wanted, network.n_outputs)
        if len(wanted) != 2 or axis != 0:
            tensor = self._reshape(tensor, [-1 if i == axis else n for i, n in enumerate(wanted)])
        tensor = self._cast(tensor, self._dtype, types[1])
        self._finish(tensor)
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(origin.input_name, _TYPES[types[0]], given)],
            [helper.make_tensor_value_info(self._result, _TYPES[types[1]], wanted)],
            self._initializers,
        )
        opset = helper.make_opsetid("", self._opset)
        # Before IR version 4 initializers had to be inputs too.
        version = max(4, helper.find_min_ir_version_for([opset]))
        return helper.make_model(graph, opset_imports=[opset], ir_version=version, producer_name="pruner-gui")

    @property
    def _result(self) -> str:
        origin = self._network.origin
        return (
            origin.output_name if origin.output_name != origin.input_name else f"{origin.output_name}_output"
        )

    def _finish(self, tensor: str) -> None:
        """Give the last tensor the output's name."""
        if not self._nodes or tensor == self._network.origin.input_name:
            self._node("Identity", [tensor], "output")
            tensor = self._nodes[-1].output[0]
        for node in self._nodes:
            for names in (node.input, node.output):
                for i, name in enumerate(names):
                    if name == tensor:
                        names[i] = self._result

    # -- parts

    def _node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node; return the name of its output: the node's own, unless a tensor has it."""
        output = self._names.take(name)
        self._nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def _constant(self, name: str, values: npt.ArrayLike, dtype: str) -> str:
        name = self._names.take(name)
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype), name))
        return name

    def _cast(self, tensor: str, given: str, wanted: str) -> str:
        if given == wanted:
            return tensor
        return self._node("Cast", [tensor], f"{tensor}.{wanted}", to=_TYPES[wanted])

    def _reshape(self, tensor: str, target: Sequence[int | str | None]) -> str:
        shape = self._constant(f"{tensor}.shape", np.array(target), "int64")
        return self._node("Reshape", [tensor, shape], f"{tensor}.reshaped")

    # -- operations

    def _write(self, node: Node) -> str:
        inputs = [self._tensors[name] for name in node.inputs]
        match node.op:
            case Dense() as dense:
                return self._dense(node.name, dense, inputs[0])
            case Activation() as activation:
                return self._activation(node.name, activation, inputs[0])
            case Arithmetic() as arithmetic:
                return self._arithmetic(node.name, arithmetic, inputs[0])
            case Add():
                return self._node("Add" if len(inputs) == 2 else "Sum", inputs, node.name)
            case Concat():
                return self._node("Concat", inputs, node.name, axis=1)
            case _:
                raise NotExpressible("onnx", node.name, "operation")

    def _dense(self, name: str, dense: Dense, tensor: str) -> str:
        stored = StoredAs(*self._stored.get(name, ("", "", True)))
        weight = dense.weight.T if stored.transposed else dense.weight
        inputs = [
            tensor,
            self._constant(stored.weight or f"{name}.weight", weight, self._dtype),
            self._constant(stored.bias or f"{name}.bias", dense.bias, self._dtype),
        ]
        return self._node("Gemm", inputs, name, **({"transB": 1} if stored.transposed else {}))

    def _arithmetic(self, name: str, arithmetic: Arithmetic, tensor: str) -> str:
        values = arithmetic.operand
        if (values == values[0]).all():
            values = values[:1].reshape(())
        operand = self._constant(f"{name}.operand", values, self._dtype)
        return self._node(arithmetic.operator.capitalize(), [tensor, operand], name)

    def _activation(self, name: str, activation: Activation, tensor: str) -> str:
        if activation.kind not in WRITTEN:
            raise NotExpressible("onnx", name, "operation")
        dtype = "float32" if activation.kind in SINGLE_ONLY else self._dtype
        tensor = self._cast(tensor, self._dtype, dtype)
        if activation.kind in ("gelu", "gelu_tanh"):
            tensor = self._gelu(name, activation.kind, tensor, dtype)
        else:
            settings: dict[str, Any] = dict(activation.settings)
            if activation.kind in ("softmax", "log_softmax"):
                settings["axis"] = 1
            tensor = self._node(OPERATORS[activation.kind], [tensor], name, **settings)
        return self._cast(tensor, dtype, self._dtype)

    def _gelu(self, name: str, kind: str, x: str, dtype: str) -> str:
        """Write a gelu: one operator since opset 20 (in float32), spelt out otherwise."""
        if self._opset >= GELU_OPSET and dtype == "float32":
            return self._node("Gelu", [x], name, approximate="tanh" if kind == "gelu_tanh" else "none")

        def number(value: float, what: str) -> str:
            return self._constant(f"{name}/{what}", np.array(value), dtype)

        if kind == "gelu":
            inner = self._node("Div", [x, number(np.sqrt(2), "root")], f"{name}/div")
            inner = self._node("Erf", [inner], f"{name}/erf")
        else:
            cube = self._node("Mul", [self._node("Mul", [x, x], f"{name}/square"), x], f"{name}/cube")
            cube = self._node("Mul", [cube, number(0.044715, "share")], f"{name}/scaled")
            inner = self._node("Add", [x, cube], f"{name}/sum")
            inner = self._node("Mul", [inner, number(np.sqrt(2 / np.pi), "root")], f"{name}/inner")
            inner = self._node("Tanh", [inner], f"{name}/tanh")
        inner = self._node("Add", [inner, number(1, "one")], f"{name}/add")
        inner = self._node("Mul", [x, inner], f"{name}/mul")
        return self._node("Mul", [inner, number(0.5, "half")], name)
