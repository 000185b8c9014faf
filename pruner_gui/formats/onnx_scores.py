"""Which tensor holds a model's scores, and what stands behind them: labels, maps of labels to scores.

scikit-learn's exports put out a class label next to the probabilities, both made of the same tensor. The
network ends at that tensor; what is behind it is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto

from pruner_gui.formats.onnx_constants import attributes
from pruner_gui.formats.onnx_guard import is_default

ML_DOMAIN = "ai.onnx.ml"
_LABELS = ("ZipMap", "ArrayFeatureExtractor", "LabelEncoder", "Binarizer")
_PASSES = ("Cast", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Flatten")


@dataclass(frozen=True)
class Scores:
    """The tensors that could be the network's output, and what was found behind them.

    `dropped` are the operators left out, in the file's order; `labels` the names of the classes, if there.
    """

    tensors: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    labels: tuple[int | str, ...] = ()


def scores(graph: onnx.GraphProto) -> Scores:
    """Find where the scores are, behind every output of a graph.

    An output that is only a label counts where no other shows the scores themselves.
    """
    makers = {name: node for node in graph.node for name in node.output}
    texts = {tensor.name: tensor for tensor in graph.initializer}
    shown: list[str] = []
    behind: list[str] = []
    dropped: set[int] = set()
    labels: tuple[int | str, ...] = ()
    for output in graph.output:
        tail = _tail(output.name, makers)
        tensor = tail[-1].input[_scores_place(tail[-1])] if tail else output.name
        dropped.update(id(node) for node in tail)
        labels = next((found for node in tail if (found := _labels(node, texts))), labels)
        only_label = any(node.op_type != "ZipMap" for node in tail)
        (behind if only_label else shown).append(tensor)
    names = tuple(node.op_type for node in graph.node if id(node) in dropped)
    return Scores(tuple(dict.fromkeys(shown or behind)), names, labels)


def _tail(name: str, makers: Mapping[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes from an output back to the one that reads the scores; none when the output is scores."""
    tail: list[onnx.NodeProto] = []
    end = 0
    while name in makers and len(tail) < len(makers):
        node = makers[name]
        if not (_makes_labels(node) or (is_default(node.domain) and node.op_type in _PASSES)):
            break
        tail.append(node)
        if _makes_labels(node):
            end = len(tail)
        name = node.input[_scores_place(node)] if len(node.input) > _scores_place(node) else ""
    return tail[:end]


def _makes_labels(node: onnx.NodeProto) -> bool:
    """Whether a node turns scores into labels, or labels into others."""
    if node.domain == ML_DOMAIN:
        return node.op_type in _LABELS
    by_index = is_default(node.domain) and node.op_type == "ArgMax"
    return by_index and attributes(node).get("axis", 0) in (1, -1)


def _scores_place(node: onnx.NodeProto) -> int:
    """Which input of a label's node the scores come through: an extractor picks from classes, by index."""
    return 1 if node.op_type == "ArrayFeatureExtractor" else 0


def _labels(node: onnx.NodeProto, stored: Mapping[str, TensorProto]) -> tuple[int | str, ...]:
    """The names of the classes that a node knows."""
    if node.op_type == "ZipMap":
        settings: dict[str, Any] = attributes(node)
        return _plain(settings.get("classlabels_strings") or settings.get("classlabels_int64s") or ())
    if node.op_type == "ArrayFeatureExtractor" and node.input[0] in stored:
        tensor = stored[node.input[0]]
        if tensor.data_type == TensorProto.STRING:
            return _plain(tensor.string_data)
        if tensor.data_type in (TensorProto.INT32, TensorProto.INT64):
            return tuple(onnx.numpy_helper.to_array(tensor).ravel().tolist())
    return ()


def _plain(labels: Sequence[int | bytes]) -> tuple[int | str, ...]:
    return tuple(one.decode(errors="replace") if isinstance(one, bytes) else one for one in labels)
