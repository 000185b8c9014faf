"""Tables of weights, as PyTorch keeps them: from named tensors to a network, and back.

A table has no graph in it: `layer_order` tells how its layers follow each other. Which activations there
are is not in the file at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pruner_gui.formats import activation_text
from pruner_gui.formats.errors import (
    BadActivations,
    LayerSizes,
    NeedsActivations,
    NotExpressible,
)
from pruner_gui.formats.layer_order import COUNTER, Module, find_modules, find_steps
from pruner_gui.formats.tensors import Tensor, decode, encode
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Arithmetic,
    BatchNorm,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
    Op,
    Origin,
)

EPSILON = 1e-5  # of nn.BatchNorm1d; the file does not say another
WRAPPERS = ("module", "_orig_mod")  # what wrappers of a module put in front of every name


@dataclass(frozen=True)
class Stored:
    """How an operation lies in the file: its module's name, and the dtype of each of its tensors."""

    module: str
    dtypes: Mapping[str, str]
    batches: int = 0  # what a normalisation has counted


# -- from tensors to a network


def to_network(
    path: Path,
    format: str,
    tensors: Sequence[Tensor],
    activations: Sequence[str] | None,
    *,
    ordered: bool,
    extra: Mapping[str, Any] | None = None,
) -> Network:
    """Return the network of a table of weights.

    `activations` is one text a layer, and "linear" for the last where it is left out. `ordered` says whether
    the tensors come in the order of the layers; `extra` goes into the network's origin.

    Raises:
        NotWeights, UnsupportedOp, UnsupportedTensor, NoOrder, NeedsActivations, BadActivations.
    """
    modules = find_modules(path, tensors)
    front, steps = find_steps(path, modules, ordered)
    kinds = _kinds(path, [step.layer for step in steps], activations)
    nodes = [Node(_free_name("input", modules), Input(steps[0].layer.n_in))]
    stored: dict[str, Stored] = {}

    def add(name: str, op: Dense | BatchNorm | Activation, module: Module | None = None) -> None:
        nodes.append(Node(name, op, (nodes[-1].name,)))
        if module is not None:
            stored[name] = _stored(module)

    if front is not None:
        add(_node_name(front), _norm(front), front)
    for step, activation in zip(steps, kinds, strict=True):
        layer, norm, name = step.layer, step.norm, _node_name(step.layer)
        add(name, Dense(layer.values("weight").T, layer.values("bias")), layer)
        if norm is not None and not step.norm_last:
            add(_node_name(norm), _norm(norm), norm)
        if activation.kind != "linear":
            add(f"{name}.{activation.kind}", activation)
        if norm is not None and step.norm_last:
            add(_node_name(norm), _norm(norm), norm)
    types = {tensor.dtype for node in nodes for tensor in node.op.tensors().values()}
    origin = Origin(
        format,
        dtype=np.result_type(*types).name,
        extra=MappingProxyType({**(extra or {}), "stored": MappingProxyType(stored)}),
    )
    return Network(tuple(nodes), (nodes[-1].name,), origin)


def _node_name(module: Module) -> str:
    parts = module.name.split(".")
    while len(parts) > 1 and parts[0] in WRAPPERS:
        parts.pop(0)
    return ".".join(parts) or "layer"


def _stored(module: Module) -> Stored:
    dtypes = MappingProxyType({name: tensor.dtype for name, tensor in module.tensors.items()})
    counter = module.tensors.get(COUNTER)
    return Stored(module.name, dtypes, 0 if counter is None else int(counter.values.sum()))


def _free_name(wanted: str, modules: Sequence[Module]) -> str:
    taken = set(map(_node_name, modules))
    return next(name for i in itertools.count() if (name := wanted + "_" * i) not in taken)


def _norm(module: Module) -> BatchNorm:
    names = (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1))
    scale, shift, mean, variance = (module.values(name, default) for name, default in names)
    return BatchNorm(scale, shift, mean, variance, EPSILON)


def _kinds(path: Path, layers: Sequence[Module], texts: Sequence[str] | None) -> list[Activation]:
    """The activation of each layer."""
    if texts is None:
        raise NeedsActivations(
            path, tuple(LayerSizes(_node_name(layer), layer.n_in, layer.size) for layer in layers)
        )
    if len(texts) not in (len(layers), len(layers) - 1):
        names = ", ".join(_node_name(layer) for layer in layers)[:1000]
        raise BadActivations(path, "count", f"{len(layers)} ({names})", str(len(texts)))
    kinds = []
    for text in (*texts, "linear")[: len(layers)]:
        activation = activation_text.parse(text)
        if activation is None:
            raise BadActivations(path, "unknown", ", ".join(ACTIVATIONS), text)
        kinds.append(activation)
    return kinds


# -- from a network to tensors


def sequence(network: Network, format: str) -> tuple[tuple[Node, str], ...]:
    """Return what an nn.Sequential of the network is made of, each with the name of its module.

    Names are those that the network came with, or else the numbers that nn.Sequential gives.

    Raises:
        NotExpressible: no chain of layers, each with at most one activation and one normalisation.
    """
    nodes = _with_norms(network)
    known: set[type] = {Activation}  # what stands since the last layer; nothing activates the input
    previous = network.nodes[0]
    for node in nodes:
        if node.inputs != (previous.name,):
            raise NotExpressible(format, node.name, "chain")
        kind = type(node.op)
        if kind not in (Dense, BatchNorm, Activation):
            raise NotExpressible(format, node.name, "operation")
        if kind in known:
            raise NotExpressible(format, node.name, "chain")
        known = set() if kind is Dense else known | {kind}
        previous = node
    if not network.dense or network.outputs != (network.nodes[-1].name,):
        raise NotExpressible(format, network.outputs[0], "chain")
    stored = stored_in(network)
    return tuple(
        (node, stored[node.name].module if node.name in stored else str(i)) for i, node in enumerate(nodes)
    )


def _with_norms(network: Network) -> list[Node]:
    """The nodes behind the input, with constants that are added or multiplied as batch normalisations."""
    nodes = [network.nodes[0]]
    for node, before in zip(network.nodes[1:], network.nodes, strict=False):
        if isinstance(node.op, Arithmetic) and node.inputs == (before.name,):
            norm = nodes.pop().op if isinstance(nodes[-1].op, BatchNorm) else None
            node = Node(node.name, _and_then(norm, node.op), (nodes[-1].name,), node.units)
        nodes.append(node)
    return nodes[1:]


def _and_then(norm: Op | None, constant: Arithmetic) -> BatchNorm:
    """A normalisation that does what `norm` does, if there is one, and then adds or multiplies."""
    zeros = np.zeros_like(constant.operand)
    factor, offset = (norm.factor, norm.offset) if isinstance(norm, BatchNorm) else (zeros + 1, zeros)
    with np.errstate(all="ignore"):
        offset = constant.forward(offset)
        if constant.operator in ("mul", "div"):
            factor = constant.forward(factor)
    scale, shift = factor.astype(zeros.dtype), offset.astype(zeros.dtype)
    return BatchNorm(scale, shift, zeros, zeros + 1 - zeros.dtype.type(EPSILON), EPSILON)


def stored_in(network: Network) -> Mapping[str, Stored]:
    """How the network's operations lay in the table of weights they came from, if it was one."""
    found = network.origin.extra.get("stored", {})
    return {name: entry for name, entry in found.items() if isinstance(entry, Stored)}


def to_tensors(network: Network, format: str) -> list[Tensor]:
    """Return the table of weights, in the order of the layers.

    A normalisation with another epsilon than `EPSILON` is written as one of the same effect that has it.

    Raises:
        NotExpressible: as `sequence`.
    """
    stored = stored_in(network)
    tensors: list[Tensor] = []
    for node, module in sequence(network, format):
        entry = stored.get(node.name)
        for name, values, default in _parts(node):
            dtype = values.dtype.name if entry is None else entry.dtypes.get(name, "")
            if dtype or np.any(values != default):
                full = f"{module}.{name}" if module else name
                tensors.append(Tensor(full, dtype or values.dtype.name, values))
        if isinstance(node.op, BatchNorm) and (entry is None or COUNTER in entry.dtypes):
            count = np.array(entry.batches if entry is not None else 0)
            tensors.append(Tensor(f"{module}.{COUNTER}" if module else COUNTER, "int64", count))
    return tensors


def activations(network: Network) -> tuple[str, ...]:
    """Return what `to_network` needs to know beside the table: a text for each layer."""
    texts: list[str] = []
    for node in network.nodes:
        if isinstance(node.op, Dense):
            texts.append("linear")
        elif isinstance(node.op, Activation):
            texts[-1] = activation_text.text(node.op)
    return tuple(texts)


def loses(network: Network, format: str) -> float:
    """Return the largest relative rounding that the file's half precision makes of the network's weights."""
    worst = 0.0
    for tensor in to_tensors(network, format):
        if tensor.dtype in _ROUNDING:
            again = decode(encode(tensor.values, tensor.dtype), tensor.dtype).reshape(tensor.values.shape)
            if np.any((again != tensor.values) & np.isfinite(tensor.values)):
                worst = max(worst, _ROUNDING[tensor.dtype])
    return worst


_ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}


def _parts(node: Node) -> list[tuple[str, FloatArray, float]]:
    """The tensors of a layer or normalisation: name, values, and the value that need not be written."""
    match node.op:
        case Dense(weight=weight, bias=bias):
            return [("weight", weight.T, np.nan), ("bias", bias, 0)]
        case BatchNorm(scale=scale, shift=shift, mean=mean, variance=variance, epsilon=epsilon):
            if epsilon != EPSILON:
                wide = variance.astype(np.float64)
                scale = (scale * np.sqrt((wide + EPSILON) / (wide + epsilon))).astype(scale.dtype)
            parts = (("weight", scale, 1.0), ("bias", shift, 0.0))
            return [*parts, ("running_mean", mean, np.nan), ("running_var", variance, np.nan)]
    return []
