"""Collects the nodes and initializers of an ONNX graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from pruner_gui.formats.onnx_names import UniqueNames

TYPES = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}


class Builder:
    """A graph in the making that computes in one precision; every tensor and every node gets its own name.

    `tensors` and `nodes` are names that are kept for later.
    """

    def __init__(self, opset: int, dtype: str, tensors: Iterable[str], nodes: Iterable[str]) -> None:
        self.opset = opset
        self.dtype = dtype
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._names = UniqueNames(tensors)
        self._node_names = UniqueNames(nodes)

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node; return the name of its output: the node's own, unless a tensor has it."""
        output = self._names.take(name)
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def between(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node that no node of the network has its name from; return the name of its output."""
        return self.node(operator, inputs, self._node_names.take(name), **attributes)

    def constant(self, name: str, values: npt.ArrayLike, dtype: str | None = None) -> str:
        """Add an initializer, in the graph's precision unless told; return its name."""
        name = self._names.take(name)
        values = np.ascontiguousarray(values, dtype or self.dtype).reshape(np.shape(values))
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def cast(self, tensor: str, given: str, wanted: str) -> str:
        """Return the tensor in another precision."""
        if given == wanted:
            return tensor
        return self.between("Cast", [tensor], f"{tensor}.{wanted}", to=TYPES[wanted])

    def reshape(self, tensor: str, target: Sequence[int | str | None]) -> str:
        """Return the tensor in another shape."""
        shape = self.constant(f"{tensor}.shape", np.array(target), "int64")
        return self.between("Reshape", [tensor, shape], f"{tensor}.reshaped")
