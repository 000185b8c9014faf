"""From a network to an ONNX model that looks like the file it came from.

Inside, all tensors are `(rows, features)`; a reshape at either end makes the input's and output's shapes what
they were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper

from pruner_gui.formats import onnx_activations
from pruner_gui.formats.errors import NotExpressible
from pruner_gui.formats.onnx_builder import TYPES, Builder
from pruner_gui.formats.onnx_shapes import batch_axis
from pruner_gui.formats.onnx_values import NormStoredAs, StoredAs
from pruner_gui.network import Activation, Add, Arithmetic, BatchNorm, Concat, Dense, Network, Node

DEFAULT_OPSET = 17

Declared = tuple[int | str | None, ...]


def to_model(network: Network) -> onnx.ModelProto:
    """Return the model. Names, shapes, types and opset are the origin's, where it has them.

    Raises:
        NotExpressible: several outputs, or an operation that is none of a dense network's.
    """
    if len(network.outputs) != 1:
        raise NotExpressible("onnx", network.outputs[1], "outputs")
    return _Writer(network).model()


def dtype_of(network: Network) -> str:
    """The precision that a network computes in: the widest of its parameters'."""
    types = [tensor.dtype for node in network.nodes for tensor in node.op.tensors().values()]
    return str(np.result_type(*types).name) if types else network.origin.dtype


def _opset(network: Network) -> int:
    wanted: int = network.origin.extra.get("opset", DEFAULT_OPSET)
    return max(wanted, onnx_activations.lowest_opset(network, dtype_of(network)))


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
        extra: Mapping[str, Any] = origin.extra if origin.format == "onnx" else {}
        self._stored: Mapping[str, StoredAs] = extra.get("stored", {})
        self._norms: Mapping[str, NormStoredAs] = extra.get("norms", {})
        ends = (origin.input_name, origin.output_name)
        self._build = Builder(_opset(network), self._dtype, ends, network.by_name)
        self._tensors: dict[str, str] = {}

    def model(self) -> onnx.ModelProto:
        """Return the whole model."""
        network, origin = self._network, self._network.origin
        given, wanted = _ends(network)
        types = [origin.extra.get(name, self._dtype) for name in ("input_dtype", "output_dtype")]
        tensor = self._build.cast(origin.input_name, types[0], self._dtype)
        if len(given) != 2 or batch_axis(given, network.n_inputs) != 0:
            tensor = self._build.reshape(tensor, (-1, network.n_inputs))
        for node in network.nodes:
            self._tensors[node.name] = self._write(node) if node.inputs else tensor
        tensor = self._tensors[network.outputs[0]]
        axis = batch_axis(wanted, network.n_outputs)
        if len(wanted) != 2 or axis != 0:
            tensor = self._build.reshape(tensor, [-1 if i == axis else n for i, n in enumerate(wanted)])
        tensor = self._build.cast(tensor, self._dtype, types[1])
        self._finish(tensor)
        graph = helper.make_graph(
            self._build.nodes,
            "network",
            [helper.make_tensor_value_info(origin.input_name, TYPES[types[0]], given)],
            [helper.make_tensor_value_info(self._result, TYPES[types[1]], wanted)],
            self._build.initializers,
        )
        opset = helper.make_opsetid("", self._build.opset)
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
        if not self._build.nodes or tensor == self._network.origin.input_name:
            tensor = self._build.between("Identity", [tensor], "output")
        for node in self._build.nodes:
            for names in (node.input, node.output):
                for i, name in enumerate(names):
                    if name == tensor:
                        names[i] = self._result

    # -- operations

    def _write(self, node: Node) -> str:
        inputs = [self._tensors[name] for name in node.inputs]
        match node.op:
            case Dense() as dense:
                return self._dense(node.name, dense, inputs[0])
            case Activation() as activation:
                units = self._network.sizes[node.name]
                return onnx_activations.write(self._build, node.name, activation, units, inputs[0])
            case BatchNorm() as norm:
                return self._batch_norm(node.name, norm, inputs[0])
            case Arithmetic() as arithmetic:
                return self._arithmetic(node.name, arithmetic, inputs[0])
            case Add():
                return self._build.node("Add" if len(inputs) == 2 else "Sum", inputs, node.name)
            case Concat():
                return self._build.node("Concat", inputs, node.name, axis=1)
            case _:
                raise NotExpressible("onnx", node.name, "operation")

    def _dense(self, name: str, dense: Dense, tensor: str) -> str:
        stored = StoredAs(*self._stored.get(name, ("", "", True)))
        weight = dense.weight.T if stored.transposed else dense.weight
        inputs = [
            tensor,
            self._build.constant(stored.weight or f"{name}.weight", weight),
            self._build.constant(stored.bias or f"{name}.bias", dense.bias),
        ]
        return self._build.node("Gemm", inputs, name, **({"transB": 1} if stored.transposed else {}))

    def _batch_norm(self, name: str, norm: BatchNorm, tensor: str) -> str:
        names = self._norms.get(name) or [
            f"{name}.{what}" for what in ("weight", "bias", "running_mean", "running_var")
        ]
        constants = [self._build.constant(*pair) for pair in zip(names, norm.tensors().values(), strict=True)]
        return self._build.node("BatchNormalization", [tensor, *constants], name, epsilon=norm.epsilon)

    def _arithmetic(self, name: str, arithmetic: Arithmetic, tensor: str) -> str:
        values = arithmetic.operand
        if (values == values[0]).all():
            values = values[:1].reshape(())
        operand = self._build.constant(f"{name}.operand", values)
        return self._build.node(arithmetic.operator.capitalize(), [tensor, operand], name)
