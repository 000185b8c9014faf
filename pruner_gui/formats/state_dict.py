"""Tables of weights, as PyTorch keeps them: from named tensors to a network, and back.

A table has no graph in it. Layers are the two-dimensional `NAME.weight` `(n_out, n_in)` with their
`NAME.bias`; `NAME.running_mean` and `NAME.running_var` tell a batch normalisation. Their order is that of the
file where each layer takes in what the one before puts out; else, and in files that sort their tensors, the
one order that sizes and names leave. A normalisation stands behind its layer and in front of the activation,
unless the numbers of an `nn.Sequential` leave room for an activation between the two. Which activations there
are is not in the file at all.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.formats import activation_text
from pruner_gui.formats.errors import (
    BadActivations,
    LayerSizes,
    NeedsActivations,
    NoOrder,
    NotExpressible,
    NotWeights,
    UnsupportedOp,
    UnsupportedTensor,
)
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
    Origin,
)

EPSILON = 1e-5  # of nn.BatchNorm1d; the file does not say another
WRAPPERS = ("module", "_orig_mod")  # what wrappers of a module put in front of every name
DTYPES = {"float16": "f2", "bfloat16": "u2", "float32": "f4", "float64": "f8", "int64": "i8"}
COUNTER = "num_batches_tracked"
Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named tensor; `dtype`, one of `DTYPES`, is how the file stores `values`."""

    name: str
    dtype: str
    values: Array


@dataclass(frozen=True)
class Stored:
    """How an operation lies in the file: its module's name, and the dtype of each of its tensors."""

    module: str
    dtypes: Mapping[str, str]
    batches: int = 0  # what a normalisation has counted


# -- numbers


def decode(raw: bytes, dtype: str, order: str = "<") -> Array:
    """Return stored numbers; half precision is widened to float32."""
    values: Array = np.frombuffer(raw, order + DTYPES[dtype])
    if dtype == "bfloat16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype("f4" if dtype == "float16" else DTYPES[dtype])


def encode(values: Array, dtype: str) -> bytes:
    """Return numbers as they are stored, little-endian, rounded to the nearest of their kind."""
    if dtype != "bfloat16":
        with np.errstate(over="ignore"):
            return values.astype("<" + DTYPES[dtype]).tobytes()
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + ((bits >> 16) & 1) + 0x7FFF) >> 16  # to even, where two are as near
    return np.where(np.isnan(values), 0x7FC0, rounded).astype("<u2").tobytes()


# -- from tensors to a network


@dataclass(frozen=True, eq=False)
class _Module:
    """The tensors of one layer or normalisation, by the last part of their names."""

    name: str
    tensors: Mapping[str, Tensor]

    @property
    def n_in(self) -> int:
        return int(self.tensors["weight"].values.shape[1])

    @property
    def size(self) -> int:
        """What it puts out."""
        tensor = self.tensors["running_mean" if self.is_norm else "weight"]
        return int(tensor.values.shape[0])

    @property
    def is_norm(self) -> bool:
        return "running_mean" in self.tensors

    @property
    def place(self) -> tuple[str, int | None]:
        """Its name without the number it ends in, and that number."""
        found = re.fullmatch(r"(.*?)(\d*)", self.name, re.DOTALL)
        assert found is not None
        return found[1], int(found[2]) if 0 < len(found[2]) < 10 else None

    @property
    def parent(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def rank(self) -> int:
        """0 for what is called an input layer, 2 for an output layer, 1 for others."""
        words = set(re.split(r"[^a-z]+", self.name.lower()))
        return 2 if words & _LAST else 0 if words & _FIRST else 1

    def values(self, name: str, default: float = 0) -> FloatArray:
        tensor = self.tensors.get(name)
        if tensor is None:
            return np.full(self.size, default, self.tensors[next(iter(self.tensors))].values.dtype)
        return tensor.values

    @property
    def stored(self) -> Stored:
        dtypes = MappingProxyType({name: tensor.dtype for name, tensor in self.tensors.items()})
        batches = int(self.tensors[COUNTER].values.sum()) if COUNTER in self.tensors else 0
        return Stored(self.name, dtypes, batches)


_FIRST = frozenset({"in", "input", "inp", "first", "stem", "encoder", "enc"})
_LAST = frozenset({"out", "output", "last", "final", "head", "classifier", "logits", "decoder", "dec"})


@dataclass(frozen=True, eq=False)
class _Step:
    """A layer, the normalisation behind it, and whether that comes after the activation."""

    layer: _Module
    norm: _Module | None = None
    norm_last: bool = False


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
    modules = _modules(path, tensors)
    front, steps = _steps(path, modules, ordered)
    kinds = _kinds(path, [step.layer for step in steps], activations)
    nodes = [Node(_free_name("input", modules), Input(steps[0].layer.n_in))]
    stored: dict[str, Stored] = {}

    def add(name: str, op: Dense | BatchNorm | Activation, module: _Module | None = None) -> None:
        nodes.append(Node(name, op, (nodes[-1].name,)))
        if module is not None:
            stored[name] = module.stored

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


def _node_name(module: _Module) -> str:
    parts = module.name.split(".")
    while len(parts) > 1 and parts[0] in WRAPPERS:
        parts.pop(0)
    return ".".join(parts) or "layer"


def _free_name(wanted: str, modules: Sequence[_Module]) -> str:
    taken = set(map(_node_name, modules))
    return next(name for i in itertools.count() if (name := wanted + "_" * i) not in taken)


def _norm(module: _Module) -> BatchNorm:
    names = (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1))
    scale, shift, mean, variance = (module.values(name, default) for name, default in names)
    return BatchNorm(scale, shift, mean, variance, EPSILON)


def _kinds(path: Path, layers: Sequence[_Module], texts: Sequence[str] | None) -> list[Activation]:
    """The activation of each layer."""
    if texts is None:
        raise NeedsActivations(
            path, tuple(LayerSizes(_node_name(layer), layer.n_in, layer.size) for layer in layers)
        )
    if len(texts) not in (len(layers), len(layers) - 1):
        names = ", ".join(_node_name(layer) for layer in layers)
        raise BadActivations(path, "count", f"{len(layers)} ({names})", str(len(texts)))
    kinds = []
    for text in (*texts, "linear")[: len(layers)]:
        activation = activation_text.parse(text)
        if activation is None:
            raise BadActivations(path, "unknown", ", ".join(ACTIVATIONS), text)
        kinds.append(activation)
    return kinds


# -- which tensors belong together


def _modules(path: Path, tensors: Sequence[Tensor]) -> list[_Module]:
    """The layers and normalisations, in the order of the file."""
    found: dict[str, dict[str, Tensor]] = {}
    for tensor in tensors:
        prefix, _, name = tensor.name.rpartition(".")
        found.setdefault(prefix, {})[name] = tensor
    modules = [_Module(name, parts) for name, parts in found.items()]
    for module in sorted(modules, key=lambda module: module.tensors.keys() <= {"weight", "bias"}):
        _refuse_unknown(path, module)
    if all(module.is_norm for module in modules):
        raise NotWeights(path, "nothing")
    return modules


def _refuse_unknown(path: Path, module: _Module) -> None:
    """Make sure that this is a linear layer or a batch normalisation, and that its tensors fit together."""
    shapes = {name: tensor.values.shape for name, tensor in module.tensors.items()}
    is_norm = {"running_mean", "running_var"} <= shapes.keys()
    allowed = {"weight", "bias", *(("running_mean", "running_var", COUNTER) if is_norm else ())}
    culprits = [name for name in shapes if name not in allowed] or [
        name for name, shape in shapes.items() if name == "weight" and len(shape) != (1 if is_norm else 2)
    ]
    if not culprits and "weight" not in shapes and not is_norm:
        culprits = list(shapes)
    if culprits:
        tensor = module.tensors[culprits[0]]
        hint = _hint(culprits[0], tensor.values.ndim, is_norm)
        raise UnsupportedOp(path, tensor.name, _shape_text(tensor.values.shape), hint)
    for name, tensor in module.tensors.items():
        if name != COUNTER and tensor.values.dtype.kind != "f":
            raise UnsupportedTensor(path, tensor.name, tensor.dtype)
        if tensor.values.size == 0:
            raise UnsupportedTensor(path, tensor.name, "empty")
        if (name != "weight" or is_norm) and name != COUNTER and shapes[name] != (module.size,):
            raise UnsupportedOp(path, tensor.name, _shape_text(tensor.values.shape))


def _hint(name: str, dimensions: int, is_norm: bool) -> str:
    if name.startswith(("weight_ih", "weight_hh", "bias_ih", "bias_hh")):
        return "recurrent"
    if name in ("weight", "bias") and dimensions > 2:
        return "convolution"
    # LayerNorm and the like; weight_norm, spectral_norm and other parametrisations
    if (
        is_norm
        or (name in ("weight", "bias") and dimensions == 1)
        or name.startswith(("weight_", "original"))
    ):
        return "normalization"
    return ""


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


# -- in which order


def _steps(path: Path, modules: Sequence[_Module], ordered: bool) -> tuple[_Module | None, list[_Step]]:
    """The normalisation in front of all layers, if there is one, and the layers with theirs."""
    modules = list(modules) if ordered else sorted(modules, key=lambda module: _natural(module.name))
    layers = _in_order(path, [module for module in modules if not module.is_norm], ordered)
    norms = [module for module in modules if module.is_norm]
    at: dict[int, _Module] = {}
    for group in {norm.place[0]: None for norm in norms}:
        members = [norm for norm in norms if norm.place[0] == group]
        plan = _Plan(layers, members, modules, ordered)
        found = (places for rule in _RULES for places in rule(plan) if at.keys().isdisjoint(places))
        places = next(found, None)
        if places is None:
            raise NoOrder(path, "norms", tuple(map(_described, (*layers, *norms))))
        at |= dict(zip(places, members, strict=True))
    return at.get(-1), [
        _Step(layer, at.get(i), _norm_last(layer, at.get(i))) for i, layer in enumerate(layers)
    ]


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer 10 behind layer 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d{1,9})", name)]


def _described(module: _Module) -> str:
    name = module.name or "weight"
    return f"{name} ({module.size})" if module.is_norm else f"{name} ({module.n_in} to {module.size})"


def _in_order(path: Path, layers: list[_Module], ordered: bool) -> list[_Module]:
    """The layers so that each takes in what the one before puts out."""
    if ordered and all(one.size == two.n_in for one, two in itertools.pairwise(layers)):
        return layers
    orders = _orders(layers) if len(layers) <= _MOST else [layers] * 2
    if len(orders) == 1:
        return orders[0]
    raise NoOrder(path, "several" if orders else "sizes", tuple(map(_described, layers)))


_MOST = 200  # layers whose order is sought
_STEPS = 20_000  # then there are too many orders to tell


def _orders(layers: Sequence[_Module]) -> list[list[_Module]]:
    """The orders that sizes and names allow, or two of them."""
    found: list[list[_Module]] = []
    steps = itertools.count()

    def go_on(done: list[_Module], left: Sequence[_Module]) -> None:
        if not left or next(steps) > _STEPS:
            found.append(done)
            return
        for layer in _next(left):
            if len(found) < 2 and (not done or done[-1].size == layer.n_in):
                go_on([*done, layer], [other for other in left if other is not layer])

    go_on([], layers)
    return found


def _next(left: Sequence[_Module]) -> list[_Module]:
    """What names allow to come next."""
    rank = min(layer.rank for layer in left)
    lowest: dict[str, int] = {}
    for layer in left:
        stem, number = layer.place
        if number is not None:
            lowest[stem] = min(number, lowest.get(stem, number))
    return [
        layer
        for layer in left
        if layer.rank == rank and (layer.place[1] is None or layer.place[1] == lowest[layer.place[0]])
    ]


@dataclass(frozen=True, eq=False)
class _Plan:
    """Layers in their order, and normalisations of one kind of name to be placed among them.

    A list of places has for each normalisation the layer that it follows, -1 for the input. `modules` are
    both, in the order of the file where it is `ordered`, and else by name.
    """

    layers: Sequence[_Module]
    norms: Sequence[_Module]
    modules: Sequence[_Module]
    ordered: bool

    @property
    def sizes(self) -> list[int]:
        return [self.layers[0].n_in, *(layer.size for layer in self.layers)]

    def fitting(self, places: list[int]) -> Iterator[list[int]]:
        """The places if sizes agree there and each is taken once, or nothing."""
        fits = all(norm.size == self.sizes[place + 1] for norm, place in zip(self.norms, places, strict=True))
        if fits and len(set(places)) == len(places):
            yield places


def _by_size(plan: _Plan) -> Iterator[list[int]]:
    """Places where there is one of this size only."""
    if all(plan.sizes.count(norm.size) == 1 for norm in plan.norms):
        yield from plan.fitting([plan.sizes.index(norm.size) - 1 for norm in plan.norms])


def _by_number(plan: _Plan) -> Iterator[list[int]]:
    """Places by numbers that are part of a name: bn2 follows fc2, unless the file has it in front."""
    numbered = {(layer.parent, layer.place[1]): i for i, layer in enumerate(plan.layers) if _is_named(layer)}
    keys = [(norm.parent, norm.place[1]) for norm in plan.norms if _is_named(norm)]
    if len(keys) == len(plan.norms) and all(key in numbered for key in keys):
        places = [numbered[key] for key in keys]
        at = plan.modules.index
        behind = all(at(norm) > at(plan.layers[i]) for norm, i in zip(plan.norms, places, strict=True))
        if behind or not plan.ordered:
            yield from plan.fitting(places)


def _by_parent(plan: _Plan) -> Iterator[list[int]]:
    """Places by the module that has one layer and one normalisation, in a file that sorts them."""
    parents = [layer.parent for layer in plan.layers]
    if not plan.ordered and all(parents.count(norm.parent) == 1 for norm in plan.norms):
        yield from plan.fitting([parents.index(norm.parent) for norm in plan.norms])


def _by_position(plan: _Plan) -> Iterator[list[int]]:
    """Places by the order of the file, or by the numbers of a sequence."""
    stems = {module.place[0] if module.place[1] is not None else None for module in plan.modules}
    if plan.ordered or (len(stems) == 1 and None not in stems):
        places, place = [], -1
        for module in plan.modules:
            if not module.is_norm:
                place = plan.layers.index(module)
            elif module in plan.norms:
                places.append(place)
        yield from plan.fitting(places)


def _by_rank(plan: _Plan) -> Iterator[list[int]]:
    """Places by counting: the first of a list of normalisations follows the first layer."""
    stems = {norm.place[0] if norm.place[1] is not None else None for norm in plan.norms}
    if len(plan.norms) <= len(plan.layers) and (plan.ordered or (len(stems) == 1 and None not in stems)):
        yield from plan.fitting(list(range(len(plan.norms))))


_RULES = (_by_size, _by_number, _by_parent, _by_position, _by_rank)


def _is_named(module: _Module) -> bool:
    stem, number = module.place
    return number is not None and stem != "" and not stem.endswith(".")


def _norm_last(layer: _Module, norm: _Module | None) -> bool:
    """Whether the numbers of an nn.Sequential leave room for an activation in front of the normalisation."""
    if norm is None or layer.place[0] != norm.place[0] or _is_named(layer):
        return False
    one, two = layer.place[1], norm.place[1]
    return one is not None and two is not None and two - one > 1


# -- from a network to tensors


def sequence(network: Network, format: str) -> tuple[tuple[Node, str], ...]:
    """Return what an nn.Sequential of the network is made of, each with the name of its module.

    Names are those that the network came with, or else the numbers that nn.Sequential gives.

    Raises:
        NotExpressible: no chain of layers, each with at most one activation and one normalisation.
    """
    nodes = network.nodes[1:]
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
    if not network.dense or network.outputs != (previous.name,):
        raise NotExpressible(format, network.outputs[0], "chain")
    stored = stored_in(network)
    return tuple(
        (node, stored[node.name].module if node.name in stored else str(i)) for i, node in enumerate(nodes)
    )


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
