"""Which tensors of a table of weights make a layer, and in which order the layers follow each other.

Layers are the two-dimensional `NAME.weight` `(n_out, n_in)` with their `NAME.bias`; `NAME.running_mean` and
`NAME.running_var` tell a batch normalisation. Their order is that of the file where each layer takes in what
the one before puts out; else, and in files that sort their tensors, the one order that sizes and names leave.
A normalisation stands behind its layer and in front of the activation, unless the numbers of an
`nn.Sequential` leave room for an activation between the two.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pruner_gui.formats.errors import NoOrder, NotWeights, UnsupportedOp, UnsupportedTensor
from pruner_gui.formats.tensors import Tensor
from pruner_gui.network import FloatArray

COUNTER = "num_batches_tracked"


@dataclass(frozen=True, eq=False)
class Module:
    """The tensors of one layer or normalisation, by the last part of their names."""

    name: str
    tensors: Mapping[str, Tensor]

    @property
    def n_in(self) -> int:
        """What a layer takes in."""
        return int(self.tensors["weight"].values.shape[1])

    @property
    def size(self) -> int:
        """What it puts out."""
        tensor = self.tensors["running_mean" if self.is_norm else "weight"]
        return int(tensor.values.shape[0])

    @property
    def is_norm(self) -> bool:
        """Whether it is a normalisation, and no layer."""
        return "running_mean" in self.tensors

    @property
    def place(self) -> tuple[str, int | None]:
        """Its name without the number it ends in, and that number."""
        found = re.fullmatch(r"(.*?)(\d*)", self.name, re.DOTALL)
        assert found is not None
        return found[1], int(found[2]) if 0 < len(found[2]) < 10 else None

    @property
    def parent(self) -> str:
        """The name of the module that it is a part of."""
        return self.name.rpartition(".")[0]

    @property
    def rank(self) -> int:
        """0 for what is called an input layer, 2 for an output layer, 1 for others."""
        words = set(re.split(r"[^a-z]+", self.name.lower()))
        return 2 if words & _LAST else 0 if words & _FIRST else 1

    def values(self, name: str, default: float = 0) -> FloatArray:
        """The numbers of a tensor, or the default for each unit where there is none."""
        tensor = self.tensors.get(name)
        if tensor is None:
            return np.full(self.size, default, self.tensors[next(iter(self.tensors))].values.dtype)
        return tensor.values


_FIRST = frozenset({"in", "input", "inp", "first", "stem", "encoder", "enc"})
_LAST = frozenset({"out", "output", "last", "final", "head", "classifier", "logits", "decoder", "dec"})


@dataclass(frozen=True, eq=False)
class Step:
    """A layer, the normalisation behind it, and whether that comes after the activation."""

    layer: Module
    norm: Module | None = None
    norm_last: bool = False


def find_modules(path: Path, tensors: Sequence[Tensor]) -> list[Module]:
    """The layers and normalisations, in the order of the file."""
    found: dict[str, dict[str, Tensor]] = {}
    for tensor in tensors:
        prefix, _, name = tensor.name.rpartition(".")
        found.setdefault(prefix, {})[name] = tensor
    modules = [Module(name, _unmasked(name, parts)) for name, parts in found.items()]
    for module in sorted(modules, key=lambda module: module.tensors.keys() <= {"weight", "bias"}):
        _refuse_unknown(path, module)
    if all(module.is_norm for module in modules):
        raise NotWeights(path, "nothing")
    return modules


def _unmasked(module: str, parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """A module's tensors, with those that `torch.nn.utils.prune` keeps beside a mask as it uses them."""
    for name in ("weight", "bias"):
        kept, mask = parts.get(f"{name}_orig"), parts.get(f"{name}_mask")
        if kept is not None and mask is not None and kept.values.shape == mask.values.shape:
            full = f"{module}.{name}" if module else name
            values = (kept.values * mask.values).astype(kept.values.dtype)
            parts = {name: Tensor(full, kept.dtype, values), **parts}
            del parts[f"{name}_orig"], parts[f"{name}_mask"]
    return parts


def _refuse_unknown(path: Path, module: Module) -> None:
    """Make sure that this is a linear layer or a batch normalisation, and that its tensors fit together."""
    shapes = {name: tensor.values.shape for name, tensor in module.tensors.items()}
    is_norm = {"running_mean", "running_var"} <= shapes.keys()
    allowed = {"weight", "bias", *(("running_mean", "running_var", COUNTER) if is_norm else ())}
    dimensions = {name: 2 if name == "weight" and not is_norm else 1 for name in allowed - {COUNTER}}
    culprits = [name for name in shapes if name not in allowed] or [
        name for name, shape in shapes.items() if len(shape) != dimensions.get(name, len(shape))
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


def find_steps(path: Path, modules: Sequence[Module], ordered: bool) -> tuple[Module | None, list[Step]]:
    """The normalisation in front of all layers, if there is one, and the layers with theirs."""
    modules = list(modules) if ordered else sorted(modules, key=lambda module: _natural(module.name))
    layers = _in_order(path, [module for module in modules if not module.is_norm], ordered)
    norms = [module for module in modules if module.is_norm]
    at: dict[int, Module] = {}
    for group in {norm.place[0]: None for norm in norms}:
        members = [norm for norm in norms if norm.place[0] == group]
        plan = _Plan(layers, members, modules, ordered)
        found = (places for rule in _RULES for places in rule(plan) if at.keys().isdisjoint(places))
        places = next(found, None)
        if places is None:
            raise NoOrder(path, "norms", _listed((*layers, *norms)))
        at |= dict(zip(places, members, strict=True))
    return at.get(-1), [
        Step(layer, at.get(i), _norm_last(layer, at.get(i))) for i, layer in enumerate(layers)
    ]


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts layer 10 behind layer 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d{1,9})", name)]


def _described(module: Module) -> str:
    name = module.name or "weight"
    return f"{name} ({module.size})" if module.is_norm else f"{name} ({module.n_in} to {module.size})"


def _listed(modules: Sequence[Module]) -> tuple[str, ...]:
    more = ("…",) if len(modules) > _LISTED else ()
    return (*map(_described, modules[:_LISTED]), *more)


def _in_order(path: Path, layers: list[Module], ordered: bool) -> list[Module]:
    """The layers so that each takes in what the one before puts out."""
    if ordered and all(one.size == two.n_in for one, two in itertools.pairwise(layers)):
        return layers
    orders = _orders(layers) if len(layers) <= _MOST else [layers] * 2
    if len(orders) == 1:
        return orders[0]
    raise NoOrder(path, "several" if orders else "sizes", _listed(layers))


_LISTED = 20  # modules that a refusal names
_MOST = 200  # layers whose order is sought
_STEPS = 20_000  # then there are too many orders to tell


def _orders(layers: Sequence[Module]) -> list[list[Module]]:
    """The orders that sizes and names allow, or two of them."""
    found: list[list[Module]] = []
    steps = itertools.count()

    def go_on(done: list[Module], left: Sequence[Module]) -> None:
        if not left or next(steps) > _STEPS:
            found.append(done)
            return
        for layer in _next(left):
            if len(found) < 2 and (not done or done[-1].size == layer.n_in):
                go_on([*done, layer], [other for other in left if other is not layer])

    go_on([], layers)
    return found


def _next(left: Sequence[Module]) -> list[Module]:
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

    layers: Sequence[Module]
    norms: Sequence[Module]
    modules: Sequence[Module]
    ordered: bool

    @cached_property
    def place_of(self) -> Mapping[Module, int]:
        """Where in the order a layer is."""
        return {layer: i for i, layer in enumerate(self.layers)}

    @cached_property
    def sizes(self) -> list[int]:
        """What the network takes in, and what each layer puts out."""
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
                place = plan.place_of[module]
            elif module in plan.norms:
                places.append(place)
        yield from plan.fitting(places)


def _by_rank(plan: _Plan) -> Iterator[list[int]]:
    """Places by counting: the first of a list of normalisations follows the first layer."""
    stems = {norm.place[0] if norm.place[1] is not None else None for norm in plan.norms}
    if len(plan.norms) <= len(plan.layers) and (plan.ordered or (len(stems) == 1 and None not in stems)):
        yield from plan.fitting(list(range(len(plan.norms))))


_RULES = (_by_size, _by_number, _by_parent, _by_position, _by_rank)


def _is_named(module: Module) -> bool:
    stem, number = module.place
    return number is not None and stem != "" and not stem.endswith(".")


def _norm_last(layer: Module, norm: Module | None) -> bool:
    """Whether the numbers of an nn.Sequential leave room for an activation in front of the normalisation."""
    if norm is None or layer.place[0] != norm.place[0] or _is_named(layer):
        return False
    one, two = layer.place[1], norm.place[1]
    return one is not None and two is not None and two - one > 1
