"""FANN's `.net` files (FANN_FLO), as FANN 2 writes and reads them.

A file is a line with its version, then `key=value` lines: settings of the training, the sizes of the layers,
`neurons` as (inputs, function, steepness) and `connections` as (source, weight), neuron after neuron. In a
layered network every layer ends in a bias neuron, the output layer in one that nothing reads; missing
connections are zero. In a network with shortcuts only the inputs have a bias neuron, and every layer reads
all before it.

A neuron puts out `function(steepness * sum)`. The stepwise functions of FANN (4 and 6) are read as what they
approximate to within 0.034 (0.067), and the limit of 150 that it puts on `sum` is left out. Scaling that the
file includes becomes part of the network: inputs and outputs are as they are outside of `fann_scale_input`
and `fann_descale_output`.

Weights that float32 can hold are float32, as in FANN's usual library, others float64.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.formats import text_file
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import (
    NotExpressible,
    UnsupportedOp,
    UnsupportedTensor,
    UnsupportedUse,
    UnsupportedVersion,
)
from pruner_gui.formats.layers import Builder, Chain, Function, Layer, as_wanted, same
from pruner_gui.formats.running import Ran, reread
from pruner_gui.formats.text_file import integers, numbers
from pruner_gui.network import Concat, Dense, FloatArray, Input, Network, Node, Origin

MAX_WEIGHTS = 1 << 28  # with the missing connections

_GAUSSIAN = {"width": float(np.sqrt(0.5))}  # exp(-x^2)
_FUNCTIONS: Mapping[int, Function] = MappingProxyType(
    {
        0: Function(),
        1: Function("step", {"low": 0.0, "high": 1.0}),
        2: Function("step", {"low": -1.0, "high": 1.0}),
        3: Function("sigmoid", slope=2.0),
        4: Function("sigmoid", slope=2.0),
        5: Function("tanh"),
        6: Function("tanh"),
        7: Function("gaussian", _GAUSSIAN),
        8: Function("gaussian", _GAUSSIAN, factor=2.0, offset=-1.0),
        10: Function("softsign", factor=0.5, offset=0.5),
        11: Function("softsign"),
        12: Function("clip", {"low": 0.0, "high": 1.0}),
        13: Function("clip", {"low": -1.0, "high": 1.0}),
        14: Function("sin"),
        15: Function("sin", phase=np.pi / 2),
        16: Function("sin", factor=0.5, offset=0.5),
        17: Function("sin", phase=np.pi / 2, factor=0.5, offset=0.5),
    }
)
_NEURONS = "neurons (num_inputs, activation_function, activation_steepness)"
_CONNECTIONS = "connections (connected_to_neuron, weight)"
_SETTINGS = """num_layers=0
learning_rate=0.700000
connection_rate=1.000000
network_type=0
learning_momentum=0.000000
training_algorithm=2
train_error_function=1
train_stop_function=0
cascade_output_change_fraction=0.010000
quickprop_decay=-0.000100
quickprop_mu=1.750000
rprop_increase_factor=1.200000
rprop_decrease_factor=0.500000
rprop_delta_min=0.000000
rprop_delta_max=50.000000
rprop_delta_zero=0.100000
cascade_output_stagnation_epochs=12
cascade_candidate_change_fraction=0.010000
cascade_candidate_stagnation_epochs=12
cascade_max_out_epochs=150
cascade_min_out_epochs=50
cascade_max_cand_epochs=150
cascade_min_cand_epochs=50
cascade_num_candidate_groups=2
bit_fail_limit=3.49999994039535522461e-01
cascade_candidate_limit=1.00000000000000000000e+03
cascade_weight_multiplier=4.00000005960464477539e-01
cascade_activation_functions_count=10
cascade_activation_functions=3 5 7 8 10 11 14 15 16 17
cascade_activation_steepnesses_count=4
cascade_activation_steepnesses=2.5e-01 5.0e-01 7.5e-01 1.0e+00
layer_sizes="""  # in the order that FANN's reader wants
_SCALES = tuple(
    f"scale_{what}_{where}" for where in ("in", "out") for what in ("mean", "deviation", "new_min", "factor")
)
Word = tuple[int, float]  # number of a function, steepness
Steps = list[tuple[str, FloatArray]]


def load(path: Path) -> Network:
    """Read a network.

    Raises:
        OSError, NotAModel, TooLarge, UnsupportedVersion, UnsupportedTensor (fixed point), UnsupportedOp,
        UnsupportedUse (a layer whose neurons have different functions).
    """
    return text_file.load(path, "fann", lambda lines: _Reader(path, lines).network())


def dump(network: Network) -> bytes:
    """Return the file's content. Settings and scaling are as they came in.

    Raises:
        NotExpressible: no chain of dense layers, none in which each reads all before it, or a function that
            FANN does not have.
    """
    known = network.origin.extra if network.origin.format == "fann" else {}
    shortcuts = any(isinstance(node.op, Concat) for node in network.nodes)
    if shortcuts:
        return text_file.encoded("fann", _written(_shortcut_layers(network), known, None, shortcuts))
    chain = Chain(network, "fann")
    scales = known.get("scales")
    if scales and not (chain.strip_front(_scale_in(scales)) and chain.strip_back(_scale_out(scales))):
        chain, scales = Chain(network, "fann"), None
    return text_file.encoded("fann", _written(chain.layers(_words), known, scales, shortcuts))


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the file, read again."""
    return reread(path, load, rows)


def tolerance(network: Network) -> float:
    """What rounding makes of a network that is read again."""
    return text_file.tolerance(network)


# -- reading


@dataclass(frozen=True)
class _Part:
    """A layer: its neurons are `first` to `end`, and read `sources`, the last of which is the bias neuron."""

    first: int
    end: int
    sources: range
    bias: int


@dataclass(frozen=True)
class _Reader:
    path: Path
    lines: Sequence[str]

    def network(self) -> Network:
        """Return the network that the lines describe."""
        self._check_version()
        pairs = (line.partition("=") for line in self.lines[1:] if line)
        entries = {key.strip(): value for key, _, value in pairs}
        shortcuts = _entry(entries, "network_type", "0").strip() == "1"
        sizes = integers("layer_sizes", _entry(entries, "layer_sizes"), None)
        neurons = _tuples(entries, _NEURONS, 3, sum(sizes))
        connections = _tuples(entries, _CONNECTIONS, 2, int(neurons[:, 0].sum()))
        parts = _parts(sizes, shortcuts)
        total = sum(len(part.sources) * (part.end - part.first) for part in parts)
        hold(self.path, "values", total, MAX_WEIGHTS)
        exact = np.concatenate((connections[:, 1], neurons[:, 2]))
        dtype = np.float32 if (exact.astype(np.float32) == exact).all() else np.float64
        scales = _scales(entries, sizes[0] - 1, parts[-1].end - parts[-1].first, dtype)
        builder = Builder(sizes[0] - 1)
        if scales:
            builder.arithmetic(_scale_in(scales))
        ends = np.cumsum(neurons[:, 0].astype(np.intp))
        outputs, functions = [builder.last], []
        for i, part in enumerate(parts, start=1):
            word = self._word(i, neurons[part.first : part.end])
            dense = _dense(part, neurons, connections, ends, dtype)
            if shortcuts and i > 1:
                builder.add(f"concat_{i}", Concat(), *outputs)
            builder.layer(f"dense_{i}", dense, _meaning(word))
            outputs.append(builder.last)
            functions.append(word[0])
        if scales:
            builder.arithmetic(_scale_out(scales))
        settings = {key: text for key, text in entries.items() if key in _DEFAULTS}
        extra = {"settings": settings, "scales": scales, "functions": tuple(functions)}
        return builder.network(Origin("fann", dtype=np.dtype(dtype).name, extra=MappingProxyType(extra)))

    def _check_version(self) -> None:
        found = re.fullmatch(r"FANN_(FLO|FIX)_(\d)\.(\d)", self.lines[0])
        if found is None:
            raise ValueError("the first line is not FANN's")
        if found[1] == "FIX":
            raise UnsupportedTensor(self.path, "weights", "fixed point")
        if found[2] != "2":
            raise UnsupportedVersion(self.path, "FANN", int(found[2]), 2, 2)

    def _word(self, layer: int, neurons: FloatArray) -> Word:
        """The function of a layer's neurons, which must be one."""
        number, steepness = int(neurons[0, 1]), float(neurons[0, 2])
        if not (np.isfinite(steepness) and steepness):
            raise ValueError(f"layer {layer}: a steepness of {steepness}")
        for i in np.flatnonzero((neurons[:, 1:] != neurons[0, 1:]).any(axis=1)).tolist():
            node = f"neuron {i + 1} of layer {layer}"
            raise UnsupportedUse(self.path, node, f"function {int(neurons[i, 1])}", "functions")
        if number not in _FUNCTIONS:
            raise UnsupportedOp(self.path, f"layer {layer}", f"function {number}", "computed")
        return number, steepness


def _entry(entries: Mapping[str, str], key: str, default: str | None = None) -> str:
    value = entries.get(key, default)
    if value is None:
        raise ValueError(f"{key} is missing")
    return value


def _tuples(entries: Mapping[str, str], key: str, width: int, count: int) -> FloatArray:
    """The numbers of `(a, b) (c, d) ...`, a row for each pair of brackets."""
    text, what = _entry(entries, key), key.partition(" ")[0]
    if not text.count("(") == text.count(")") == count:
        raise ValueError(f"{what}: {count} expected")
    *pieces, rest = text.split(")")
    if rest.strip() or not all(piece.lstrip().startswith("(") for piece in pieces):
        raise ValueError(f"{what}: numbers in brackets expected")
    flat = text.replace(")", ",").replace("(", "")
    rows = (numbers(what, flat, width * count) if count else np.zeros(0)).reshape(count, width)
    whole = rows[:, : width - 1]
    if not ((whole >= 0) & (whole < 1 << 31) & (whole == np.floor(whole))).all():
        raise ValueError(f"{what}: whole numbers expected")
    return rows


def _parts(sizes: Sequence[int], shortcuts: bool) -> list[_Part]:
    """The layers behind the inputs; in a layered network, the last neuron of each is no neuron."""
    if len(sizes) < 2 or sizes[0] < 2 or min(sizes) < (1 if shortcuts else 2):
        raise ValueError("layer_sizes: two layers with neurons expected")
    starts = [0, *itertools.accumulate(sizes)]
    return [
        _Part(start, end, range(start), sizes[0] - 1)
        if shortcuts
        else _Part(start, end - 1, range(before, start), start - 1)
        for before, start, end in zip(starts, starts[1:], starts[2:], strict=False)
    ]


def _dense(
    part: _Part,
    neurons: FloatArray,
    connections: FloatArray,
    ends: npt.NDArray[np.intp],
    dtype: npt.DTypeLike,
) -> Dense:
    """The weights of a layer; what is not connected is zero."""
    counts = neurons[part.first : part.end, 0].astype(np.intp)
    if not counts.all():
        raise ValueError("a neuron has no connections")
    mine = connections[ends[part.first] - counts[0] : ends[part.end - 1]]
    rows = mine[:, 0].astype(np.intp) - part.sources.start
    if not ((rows >= 0) & (rows < len(part.sources))).all():
        raise ValueError("a neuron is connected to one that does not come before it")
    weight = np.zeros((len(part.sources), counts.size))
    np.add.at(weight, (rows, np.repeat(np.arange(counts.size), counts)), mine[:, 1])
    bias = part.bias - part.sources.start
    return Dense(np.delete(weight, bias, axis=0).astype(dtype), weight[bias].astype(dtype))


def _meaning(word: Word) -> Function:
    function = _FUNCTIONS[word[0]]
    return replace(function, slope=function.slope * word[1])


# -- scaling


def _scales(
    entries: Mapping[str, str], n_inputs: int, n_outputs: int, dtype: npt.DTypeLike
) -> dict[str, FloatArray] | None:
    """The constants of the scaling, if the file includes one."""
    if _entry(entries, "scale_included", "0").strip() != "1":
        return None
    sizes = [n_inputs] * 4 + [n_outputs] * 4
    scales = {
        key: numbers(key, _entry(entries, key), size, None).astype(dtype)
        for key, size in zip(_SCALES, sizes, strict=True)
    }
    if not (scales["scale_deviation_in"].all() and scales["scale_factor_out"].all()):
        raise ValueError("scaling divides by zero")
    return scales


def _scale_in(scales: Mapping[str, FloatArray]) -> Steps:
    mean, deviation, new_min, factor = (scales[key] for key in _SCALES[:4])
    return [("sub", mean), ("div", deviation), ("add", np.ones_like(mean)), ("mul", factor), ("add", new_min)]


def _scale_out(scales: Mapping[str, FloatArray]) -> Steps:
    mean, deviation, new_min, factor = (scales[key] for key in _SCALES[4:])
    return [("sub", new_min), ("div", factor), ("sub", np.ones_like(mean)), ("mul", deviation), ("add", mean)]


# -- writing


def _words(wanted: Function) -> Iterator[tuple[Word, Function]]:
    """The functions of FANN that have the same shape, each with the steepness wanted, and what that means."""
    for number, function in _FUNCTIONS.items():
        if same(wanted, function):
            phase = function.phase
            if np.float32(wanted.phase) == np.float32(phase):
                phase = wanted.phase  # as it was rounded to the network's precision
            said = as_wanted(wanted, phase, function.factor, function.offset)
            yield (number, said.slope / function.slope), said


def _shortcut_layers(network: Network) -> list[Layer[Word]]:
    """The layers of a network in which each reads the inputs and all layers before it, side by side."""
    layers: list[Layer[Word]] = []
    starts = [i for i, node in enumerate(network.nodes) if isinstance(node.op, Concat)]
    outputs = [network.nodes[0].name]
    for start, end in itertools.pairwise([0, *starts, len(network.nodes)]):
        source, *rest = network.nodes[start:end]
        path = [source.name, *(node.name for node in rest)]
        in_a_row = all(node.inputs == (name,) for name, node in zip(path, rest, strict=False))
        if not rest or not in_a_row or (start and source.inputs != tuple(outputs)):
            raise NotExpressible("fann", source.name, "chain")
        part = Network((Node(source.name, Input(network.sizes[source.name])), *rest), (path[-1],))
        found = Chain(part, "fann").layers(_words)
        if len(found) != 1:
            raise NotExpressible("fann", found[1].name, "chain")
        layers += found
        outputs.append(path[-1])
    if network.outputs != (outputs[-1],):
        raise NotExpressible("fann", network.outputs[0], "chain")
    return layers


def _written(
    layers: Sequence[Layer[Word]],
    known: Mapping[str, Any],
    scales: Mapping[str, FloatArray] | None,
    shortcuts: bool,
) -> Iterator[str]:
    n_inputs = layers[0].weight.shape[0]
    biases = 0 if shortcuts else 1  # a layer
    sizes = [n_inputs + 1, *(layer.bias.size + biases for layer in layers)]
    settings = _DEFAULTS | known.get("settings", {}) | {"num_layers": str(len(sizes))}
    settings |= {"network_type": str(int(shortcuts)), "layer_sizes": "".join(f"{size} " for size in sizes)}
    sparse = float(settings["connection_rate"]) < 1
    yield "FANN_FLO_2.1"
    yield from (f"{key}={text}" for key, text in settings.items())
    yield f"scale_included={int(scales is not None)}"
    for key, values in (scales or {}).items():
        yield f"{key}={''.join(f'{value!r} ' for value in values.tolist())}"
    neurons = ["(0, 0, 0.0) "] * sizes[0]
    connections: list[str] = []
    first = 0
    for layer, number in zip(layers, _numbers(layers, known), strict=True):
        bias = n_inputs if shortcuts else len(layer.weight)
        for row in np.insert(layer.weight, bias, layer.bias, axis=0).T.tolist():
            kept = [(i, weight) for i, weight in enumerate(row) if weight or i == bias or not sparse]
            neurons.append(f"({len(kept)}, {number}, {layer.word[1]!r}) ")
            connections += [f"({first + i}, {weight!r}) " for i, weight in kept]
        neurons += [f"(0, {number}, 0.0) "] * biases
        first += (len(layer.weight) + 1) * biases
    yield f"{_NEURONS}={''.join(neurons)}"
    yield f"{_CONNECTIONS}={''.join(connections)}"


def _numbers(layers: Sequence[Layer[Word]], known: Mapping[str, Any]) -> list[int]:
    """The numbers of the functions, as they came in where they mean the same."""
    found = [layer.word[0] for layer in layers]
    old = known.get("functions", found)
    if len(old) != len(found):
        return found
    return [a if _FUNCTIONS[a] == _FUNCTIONS[b] else b for a, b in zip(old, found, strict=True)]


_DEFAULTS = {key: text for key, _, text in (line.partition("=") for line in _SETTINGS.splitlines())}
