"""Encog's `.eg` files of a BasicNetwork, as Encog 3 writes and reads them, in float64.

A file is a line that says what it is, then sections of `key=value` lines. All arrays run from the output
layer back. `layerCounts` includes a layer's bias neuron, `layerFeedCounts` does not; in `weights` stands,
layer by layer, one row for each neuron fed, the bias last. What the bias neuron puts out, mostly 1, stands at
its place in `output`: it is multiplied into the bias on reading, and taken out of it again on writing.
Weights below `connectionLimit` are disconnected: zero.

An activation is read as what `pruner_gui.network.ACTIVATIONS` has, with constant factors around it where
Encog's function has them built in. (Its ramp and its rectifier do not what their parameters say: see
`_ramp` and `_rectifier`.)
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pruner_gui.formats import text_file
from pruner_gui.formats.errors import NotAModel, UnsupportedOp, UnsupportedVersion
from pruner_gui.formats.layers import Builder, Chain, Function, Layer, as_wanted, same
from pruner_gui.formats.running import Ran, reread
from pruner_gui.formats.text_file import integers, numbers, plain
from pruner_gui.network import Dense, FloatArray, Network, Origin

_HEAD = "encog,BasicNetwork,java,3.4.1,1,0"
_PACKAGE = "org.encog.engine.network.activation."
_SPLIT = 2048  # numbers a line, where an array is longer

_ABOVE_ZERO = 1.401298464324817e-45  # the smallest number in float32: x >= it where x > 0
_FIXED: Mapping[str, Function] = MappingProxyType(
    {
        "Linear": Function(),
        "Sigmoid": Function("sigmoid"),
        "TANH": Function("tanh"),
        "SoftMax": Function("softmax"),
        "LOG": Function("symmetric_log"),
        "SIN": Function("sin", slope=2.0),
        "SteepenedSigmoid": Function("sigmoid", slope=4.9),
        "BipolarSteepenedSigmoid": Function("tanh", slope=2.45),
        "BiPolar": Function("step", {"centre": _ABOVE_ZERO, "low": -1.0, "high": 1.0}),
        "ClippedLinear": Function("clip", {"low": -1.0, "high": 1.0}),
    }
)
_GAUSSIAN = Function("gaussian", {"width": float(np.sqrt(0.5))}, slope=2.5)


def load(path: Path) -> Network:
    """Read a network.

    Raises:
        OSError, NotAModel, TooLarge, UnsupportedVersion, UnsupportedOp.
    """
    return text_file.load(path, "encog", lambda lines: _Reader(path, lines).network())


def dump(network: Network) -> bytes:
    """Return the file's content. Parameters, biases and names of activations are as they came in.

    Raises:
        NotExpressible: no chain of dense layers, or a function that Encog does not have.
    """
    known = network.origin.extra if network.origin.format == "encog" else {}
    layers = Chain(network, "encog").layers(_words)
    if len(known.get("biases", ())) != len(layers):
        known = {}
    return text_file.encoded("encog", _written(layers, known))


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the file, read again."""
    return reread(path, load, rows)


def tolerance(network: Network) -> float:
    """What rounding makes of a network that is read again."""
    return text_file.tolerance(network)


# -- reading


@dataclass(frozen=True)
class _Reader:
    path: Path
    lines: Sequence[str]

    def network(self) -> Network:
        """Return the network that the lines describe."""
        self._check_head()
        sections, arrays = _sections(self.lines)
        entries = _entries(sections.get("[BASIC:NETWORK]", []))
        self._check_contexts(entries)
        counts = integers("layerCounts", _entry(entries, "layerCounts"))
        fed = integers("layerFeedCounts", _entry(entries, "layerFeedCounts"))
        has_bias = [count - feeds for count, feeds in zip(counts, fed, strict=False)]
        fits = len(counts) == len(fed) > 1 and min(fed) > 0 and set(has_bias) <= {0, 1}
        ends = (_entry(entries, "outputCount"), _entry(entries, "inputCount"))
        if not fits or ends != (str(fed[0]), str(fed[-1])):
            raise ValueError("layerCounts, layerFeedCounts, inputCount and outputCount disagree")
        blocks = _blocks(entries, arrays, counts, fed)
        output = _array(entries, arrays, "output", sum(counts))
        ends_at = itertools.accumulate(counts)
        biases = [float(output[end - 1]) if one else 0.0 for end, one in zip(ends_at, has_bias, strict=True)]
        functions = self._functions(sections.get("[BASIC:ACTIVATION]", []), len(counts))
        builder = Builder(fed[-1])
        for layer in range(len(fed) - 2, -1, -1):
            rows, value = blocks[layer], biases[layer + 1]
            bias = rows[:, -1] * value if has_bias[layer + 1] else np.zeros(fed[layer])
            dense = Dense(rows[:, : fed[layer + 1]].T, bias)
            builder.layer(f"dense_{len(fed) - 1 - layer}", dense, functions[layer][1])
        extra = {
            "head": self.lines[0],
            "parameters": tuple(sections.get("[BASIC:PARAMS]", ())),
            "connectionLimit": _entry(entries, "connectionLimit", "0"),
            "biasActivation": _entry(entries, "biasActivation", ""),
            "biases": tuple(zip(has_bias, biases, strict=True))[:0:-1],
            "activations": tuple(text for text, _ in functions)[::-1],
        }
        return builder.network(Origin("encog", dtype="float64", extra=MappingProxyType(extra)))

    def _check_head(self) -> None:
        if self.lines[0].startswith("<"):
            found = re.search(r"<encogVersion>\s*(\d{1,9})", "".join(self.lines)[:10_000])
            raise UnsupportedVersion(self.path, "Encog", int(found[1]) if found else 2, 3, 3)
        head = self.lines[0].split(",")
        if head[0] != "encog" or len(head) < 2:
            raise ValueError("the first line is not Encog's")
        if head[1] != "BasicNetwork":
            raise NotAModel(self.path, "encog", "kind", head[1][:80])

    def _check_contexts(self, entries: Mapping[str, str]) -> None:
        for key in ("contextTargetSize", "contextTargetOffset", "layerContextCount"):
            if any(integers(key, _entry(entries, key, "0"))):
                raise UnsupportedOp(self.path, key, "context", "recurrent")
        if _entry(entries, "hasContext", "f").lower().startswith("t"):
            raise UnsupportedOp(self.path, "hasContext", "context", "recurrent")
        dropout = _entry(entries, "layerDropoutRates", "0") or "0"
        if numbers("layerDropoutRates", dropout).any():
            raise UnsupportedOp(self.path, "layerDropoutRates", "dropout")

    def _functions(self, lines: Sequence[str], count: int) -> list[tuple[str, Function]]:
        """Each layer's activation, as written and what it means; the input layer's means nothing."""
        if len(lines) != count:
            raise ValueError(f"{count} activations expected, {len(lines)} found")
        functions = [(line, _meaning(line)) for line in lines]
        for line, function in functions[:-1]:
            if function is None:
                raise UnsupportedOp(self.path, "[BASIC:ACTIVATION]", line[:80], "computed")
        return [(line, function or Function()) for line, function in functions]


def _sections(lines: Sequence[str]) -> tuple[dict[str, list[str]], list[FloatArray]]:
    """The lines of every section, and the arrays that stand on lines of their own."""
    sections: dict[str, list[str]] = {}
    arrays: list[FloatArray] = []
    current: list[str] = []
    rows: list[str] | None = None
    declared = 0
    for line in lines[1:]:
        if not line or line.startswith("//"):
            continue
        if line.startswith("##double#"):
            (declared,), rows = integers("##double", line.removeprefix("##double#")), []
        elif line.startswith("##end"):
            arrays.append(numbers("##double", ",".join(rows or ()), declared))
            rows = None
        elif rows is not None:
            rows.append(line)
        elif line.startswith("["):
            current = sections.setdefault(line, [])
        else:
            current.append(line)
    if rows is not None:
        raise ValueError("##end is missing")
    return sections, arrays


def _entries(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _entry(entries: Mapping[str, str], key: str, default: str | None = None) -> str:
    value = entries.get(key, default)
    if value is None:
        raise ValueError(f"{key} is missing")
    return value


def _blocks(
    entries: Mapping[str, str], arrays: Sequence[FloatArray], counts: Sequence[int], fed: Sequence[int]
) -> list[FloatArray]:
    """The weights of every layer that is fed, a row for each neuron; what is disconnected is zero."""
    shapes = list(itertools.pairwise(zip(fed, counts, strict=True)))
    sizes = [target[0] * source[1] for target, source in shapes]
    starts = [0, *itertools.accumulate(sizes)]
    if integers("weightIndex", _entry(entries, "weightIndex")) != starts:
        raise ValueError(f"weightIndex: {', '.join(map(str, starts))} expected")
    weights = _array(entries, arrays, "weights", starts[-1])
    weights[np.abs(weights) < float(_entry(entries, "connectionLimit", "0"))] = 0
    parts = np.split(weights, starts[1:-1])
    return [part.reshape(target[0], source[1]) for part, (target, source) in zip(parts, shapes, strict=True)]


def _array(entries: Mapping[str, str], arrays: Sequence[FloatArray], key: str, count: int) -> FloatArray:
    text = _entry(entries, key)
    if not text.startswith("##"):
        return numbers(key, text, count)
    (number,) = integers(key, text[2:])
    if number >= len(arrays) or arrays[number].size != count:
        raise ValueError(f"{key}: {count} numbers expected")
    return arrays[number]


# -- activations


def _meaning(line: str) -> Function | None:
    """What an activation's line means; None for what is not known here."""
    name, *texts = (part.strip().strip('"') for part in line.split(","))
    name = name.rpartition(".")[2].removeprefix("Activation")
    if name in _FIXED:
        return _FIXED[name]
    if name not in _PARAMETERS:
        return None
    settings = [float(text) for text in texts]
    counts, read = _PARAMETERS[name]
    if len(settings) not in counts:
        raise ValueError(f"{name}: {counts[0]} parameters expected, {len(settings)} found")
    return read(*settings)


def _elliott(slope: float) -> Function | None:
    return Function("softsign", slope=slope, factor=0.5, offset=0.5) if slope else None


def _symmetric_elliott(slope: float) -> Function | None:
    return Function("softsign", slope=slope) if slope else None


def _step(centre: float, low: float, high: float) -> Function:
    return Function("step", {"centre": centre, "low": low, "high": high})


def _rectifier(threshold: float, low: float) -> Function | None:
    """max(x, threshold): Encog takes the first parameter for both."""
    if threshold == 0:
        return Function("relu")
    return Function("clip", {"low": threshold, "high": float("inf")})


def _ramp(upper: float, lower: float, high: float, low: float) -> Function | None:
    """Encog's slope between the thresholds is upside down, and nothing is added to the line."""
    if (upper, lower) == (high, low) and low < high:
        return Function("clip", {"low": low, "high": high})
    if high == low:
        return None
    slope = (upper - lower) / (high - low)
    return Function("ramp", {"slope": slope, "lower": lower, "upper": upper, "low": low, "high": high})


def _gaussian(*settings: float) -> Function:
    """exp(-(2.5 x)^2) in Encog 3.4; with parameters in earlier versions."""
    if not settings:
        return _GAUSSIAN
    return Function("gaussian", dict(zip(("centre", "peak", "width"), settings, strict=True)))


def _competitive(winners: float) -> Function:
    return Function("competitive", {"winners": winners})


_PARAMETERS: Mapping[str, tuple[tuple[int, ...], Callable[..., Function | None]]] = MappingProxyType(
    {
        "Elliott": ((1,), _elliott),
        "ElliottSymmetric": ((1,), _symmetric_elliott),
        "Step": ((3,), _step),
        "ReLU": ((2,), _rectifier),
        "Ramp": ((4,), _ramp),
        "Competitive": ((1,), _competitive),
        "Gaussian": ((0, 3), _gaussian),
    }
)

# -- writing


def _words(wanted: Function) -> Iterator[tuple[str, Function]]:
    """The activations of Encog that have the same shape, each as its line and what that means."""
    for name, function in _FIXED.items():
        if same(wanted, function):
            yield _line(name), function
    settings = wanted.settings
    plainly = Function(wanted.kind, settings)
    match wanted.kind:
        case "softsign":
            for name, factor, offset in (("ElliottSymmetric", 1.0, 0.0), ("Elliott", 0.5, 0.5)):
                function = as_wanted(wanted, phase=0.0, factor=factor, offset=offset)
                yield _line(name, function.slope), function
        case "relu":
            yield _line("ReLU", 0, 0), plainly
        case "step":
            yield _line("Step", settings["centre"], settings["low"], settings["high"]), plainly
        case "competitive":
            yield _line("Competitive", settings["winners"]), plainly
        case "clip" if settings["high"] == np.inf:
            yield _line("ReLU", settings["low"], settings["low"]), plainly
        case "clip":
            low, high = settings["low"], settings["high"]
            yield _line("Ramp", high, low, high, low), plainly
        case "ramp":
            names = ("upper", "lower", "high", "low")
            if _ramp(*(settings[name] for name in names)) == plainly:
                yield _line("Ramp", *(settings[name] for name in names)), plainly
        case "gaussian" if same(wanted, _GAUSSIAN):
            yield _line("Gaussian"), _GAUSSIAN


def _line(name: str, *parameters: float) -> str:
    return ",".join([f'"{_PACKAGE}Activation{name}"', *map(plain, parameters)])


def _written(layers: Sequence[Layer[str]], known: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a file, with what is known of the one that the network came from."""
    fed = [layers[0].weight.shape[0], *(layer.bias.size for layer in layers)][::-1]
    biases = [_bias(layer, known["biases"][i] if known else None) for i, layer in enumerate(layers)][::-1]
    counts = [fed[0], *(size + (value is not None) for size, value in zip(fed[1:], biases, strict=True))]
    zeros = ",".join("0" * len(fed))
    output: list[list[float]] = [[0.0] * fed[0]]
    output += [
        [0.0] * size + ([] if value is None else [value]) for size, value in zip(fed[1:], biases, strict=True)
    ]
    blocks = [_block(layer, value) for layer, value in zip(layers[::-1], biases, strict=True)]
    large: list[str] = []
    yield known.get("head", _HEAD)
    yield from ("[BASIC]", "[BASIC:PARAMS]", *known.get("parameters", ()), "[BASIC:NETWORK]")
    yield "beginTraining=0"
    yield f"connectionLimit={known.get('connectionLimit', '0')}"
    yield from (f"contextTargetOffset={zeros}", f"contextTargetSize={zeros}")
    yield from (f"endTraining={len(layers)}", "hasContext=f", f"inputCount={fed[-1]}")
    yield from (f"layerCounts={_listed(counts)}", f"layerFeedCounts={_listed(fed)}")
    yield f"layerContextCount={zeros}"
    yield f"layerIndex={_listed(itertools.accumulate(counts[:-1], initial=0))}"
    yield from _large("output", np.concatenate(output), large)
    yield f"outputCount={fed[0]}"
    yield f"weightIndex={_listed(itertools.accumulate((block.size for block in blocks), initial=0))}"
    yield from _large("weights", np.concatenate(blocks), large)
    activations = ",".join(["0", *(plain(value or 0) for value in biases)])
    yield f"biasActivation={known.get('biasActivation') or activations}"
    yield "[BASIC:ACTIVATION]"
    yield from _activations(layers, known)


def _activations(layers: Sequence[Layer[str]], known: Mapping[str, Any]) -> list[str]:
    """The lines of the activations, as they were where they still mean the same."""
    lines = [_line("Linear"), *(layer.word for layer in layers)]
    if known:
        pairs = zip(known["activations"], lines, strict=True)
        lines = [old if _meaning(old) == _meaning(new) else new for old, new in pairs]
    return lines[::-1]


def _bias(layer: Layer[str], known: tuple[int, float] | None) -> float | None:
    """What the layer's bias neuron puts out; None where there is none."""
    has_one, value = known or (1, 1.0)
    if not layer.bias.any():
        return value if has_one else None
    return value if has_one and value else 1.0


def _block(layer: Layer[str], value: float | None) -> FloatArray:
    """A layer's part of the weights."""
    if value is None:
        return layer.weight.T.ravel()
    column = layer.bias / value if value else layer.bias
    return np.column_stack((layer.weight.T, column)).ravel()


def _listed(sizes: Iterable[int]) -> str:
    return ",".join(map(str, sizes))


def _large(key: str, values: FloatArray, large: list[str]) -> Iterator[str]:
    """The lines of an array; `large` counts those that are split."""
    texts = [plain(value) for value in values.tolist()]
    if len(texts) < _SPLIT:
        yield f"{key}={','.join(texts)}"
        return
    yield f"{key}=##{len(large)}"
    yield f"##double#{len(texts)}"
    for start in range(0, len(texts), _SPLIT):
        yield "   " + ",".join(texts[start : start + _SPLIT])
    yield "##end"
    large.append(key)
