"""A C header with the network in it, for devices: arrays of floats and `predict`. Written, never read.

Plain C99 with `<math.h>` and nothing allocated: two static buffers as wide as the widest layer, so `predict`
is not for several threads at a time. Weights stand row by row, one row for each output neuron.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from pruner_gui.formats import text_file
from pruner_gui.formats.errors import ExportDoesNotRun
from pruner_gui.formats.layers import Chain, Function, Layer, as_wanted
from pruner_gui.formats.running import Ran
from pruner_gui.network import ACTIVATIONS, Activation, FloatArray, Network

_EXPRESSIONS = {
    "linear": "x",
    "relu": "fmaxf(x, 0.0f)",
    "leaky_relu": "x >= 0.0f ? x : {alpha} * x",
    "elu": "x >= 0.0f ? x : {alpha} * expm1f(x)",
    "selu": "{gamma} * (x >= 0.0f ? x : {alpha} * expm1f(x))",
    "gelu": "0.5f * x * (1.0f + erff(x * 0.70710678f))",
    "gelu_tanh": "0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)))",
    "sigmoid": "1.0f / (1.0f + expf(-x))",
    "tanh": "tanhf(x)",
    "softplus": "fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x)))",
    "softsign": "x / (1.0f + fabsf(x))",
    "hard_sigmoid": "fminf(fmaxf({alpha} * x + {beta}, 0.0f), 1.0f)",
    "clip": "fminf(fmaxf(x, {low}), {high})",
    "thresholded_relu": "x > {theta} ? x : 0.0f",
    "swish": "x / (1.0f + expf(-x))",
    "hard_swish": "x * fminf(fmaxf(x / 6.0f + 0.5f, 0.0f), 1.0f)",
    "mish": "x * tanhf(fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))))",
    "exponential": "expf(x)",
    "sin": "sinf(x)",
    "symmetric_log": "copysignf(log1pf(fabsf(x)), x)",
    "gaussian": "{peak} * expf(-0.5f * ((x - {centre}) / {width}) * ((x - {centre}) / {width}))",
    "step": "x >= {centre} ? {high} : {low}",
    "ramp": "x < {lower} ? {low} : x > {upper} ? {high} : {slope} * x",
}
_LARGEST = ("float most = out[0];", "for (int i = 1; i < {n}; ++i) if (out[i] > most) most = out[i];")
_BLOCKS = {
    "softmax": (
        *_LARGEST,
        "float sum = 0.0f;",
        "for (int i = 0; i < {n}; ++i) sum += out[i] = expf(out[i] - most);",
        "for (int i = 0; i < {n}; ++i) out[i] /= sum;",
    ),
    "log_softmax": (
        *_LARGEST,
        "float sum = 0.0f;",
        "for (int i = 0; i < {n}; ++i) sum += expf(out[i] - most);",
        "for (int i = 0; i < {n}; ++i) out[i] -= most + logf(sum);",
    ),
    "competitive": (
        "int best = 0;",
        "for (int i = 1; i < {n}; ++i) if (out[i] > out[best]) best = i;",
        "for (int i = 0; i < {n}; ++i) out[i] = i == best ? 1.0f : 0.0f;",
    ),
}
_NEURONS = """static void network_dense(const float *weight, const float *bias, int n_in, int n_out,
                          const float *in, float *out) {
  for (int i = 0; i < n_out; ++i) {
    float sum = bias[i];
    for (int j = 0; j < n_in; ++j) sum += weight[i * n_in + j] * in[j];
    out[i] = sum;
  }
}"""
_ARRAY = re.compile(r"static const float network_(weight|bias)_(\d+)\[(\d+)(?: \* (\d+))?\] = \{([^{}]*)\};")
_FUNCTION = re.compile(r"/\* layer (\d+): (\w+)\((.*)\), scaled by (.*) \*/")


def load(path: Path) -> Network:
    """Never called: `FORMATS` says that headers are not read."""
    raise NotImplementedError(path)


def dump(network: Network) -> bytes:
    """Return the file's content.

    Raises:
        NotExpressible: no chain of dense layers, or a function of which only one winner can be said.
    """
    return text_file.encoded("c-header", _written(Chain(network, "c-header").layers(_words)))


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the numbers and functions that stand in the file with numpy, in float32; C is not compiled.

    Raises:
        OSError, ExportDoesNotRun: the file is not what `dump` writes.
    """
    runtime = f"numpy {np.__version__} on the header's arrays"
    try:
        with np.errstate(all="ignore"):
            return Ran(_computed(path.read_text("ascii"), rows), runtime)
    except (ValueError, KeyError) as error:
        raise ExportDoesNotRun(path, runtime, str(error)) from error


def tolerance(network: Network) -> float:
    """1e-4: floats are written, whatever the network's precision."""
    return 1e-4


def _words(wanted: Function) -> Iterator[tuple[Function, Function]]:
    if wanted.kind == "competitive" and wanted.settings["winners"] != 1:
        return
    function = as_wanted(wanted)
    yield function, function


# -- writing


def _written(layers: Sequence[Layer[Function]]) -> Iterator[str]:
    sizes = [layers[0].weight.shape[0], *(layer.bias.size for layer in layers)]
    yield f"/* Feed-forward network {'-'.join(map(str, sizes))}. C99; link with the mathematical library. */"
    yield from ("#ifndef NETWORK_H", "#define NETWORK_H", "", "#include <math.h>", "")
    yield f"#define NETWORK_INPUTS {sizes[0]}"
    yield f"#define NETWORK_OUTPUTS {sizes[-1]}"
    yield f"#define NETWORK_WIDEST {max(sizes[1:])}"
    for i, (layer, (n_in, n_out)) in enumerate(zip(layers, itertools.pairwise(sizes), strict=True), start=1):
        yield from ("", f"/* layer {i}: {_described(layer.word)} */")
        yield f"static const float network_weight_{i}[{n_out} * {n_in}] = {{"
        yield from (f"  {_listed(row)}" for row in layer.weight.T)
        yield from (
            "};",
            f"static const float network_bias_{i}[{n_out}] = {{",
            f"  {_listed(layer.bias)}",
            "};",
        )
    yield from ("", _NEURONS, "")
    yield "/* Computes NETWORK_OUTPUTS values of NETWORK_INPUTS values. */"
    yield "static inline void predict(const float *in, float *out) {"
    for buffer in ("odd", "even")[: len(layers) - 1]:
        yield f"  static float {buffer}[NETWORK_WIDEST];"
    source = "in"
    for i, layer in enumerate(layers, start=1):
        target = "out" if i == len(layers) else "odd" if i % 2 else "even"
        arrays = f"network_weight_{i}, network_bias_{i}, {sizes[i - 1]}, {sizes[i]}"
        yield f"  network_dense({arrays}, {source}, {target});"
        yield from _applied(layer.word, sizes[i], target)
        source = target
    yield from ("}", "", "#endif")


def _described(function: Function) -> str:
    """The function in words that `run` understands."""
    settings = ", ".join(
        f"{name}={_number(value, name == 'centre')}" for name, value in function.settings.items()
    )
    scaling = (function.slope, function.phase, function.factor, function.offset)
    return f"{function.kind}({settings}), scaled by {' '.join(_number(value) for value in scaling)}"


def _applied(function: Function, n_out: int, target: str) -> Iterator[str]:
    """The statements that apply a layer's function to its buffer."""
    before = _scaled("{x}", function.slope, function.phase)
    if function.kind in _BLOCKS:
        lines = [line.replace("{n}", str(n_out)) for line in _BLOCKS[function.kind]]
        each = "for (int i = 0; i < " + str(n_out) + "; ++i) out[i] = {};"
        if before != "{x}":
            lines.insert(0, each.format(before.replace("{x}", "out[i]")))
        after = _scaled("out[i]", function.factor, function.offset)
        if after != "out[i]":
            lines.append(each.format(after))
        yield from ("  {", *(f"    {re.sub('out', target, line)}" for line in lines), "  }")
        return
    settings = {name: _literal(value, name == "centre") for name, value in function.settings.items()}
    value = _EXPRESSIONS[function.kind].format(**settings)
    value = _scaled(
        value if function.factor == 1 and function.offset == 0 else f"({value})",
        function.factor,
        function.offset,
    )
    if value == "x" and before == "{x}":
        return
    yield f"  for (int i = 0; i < {n_out}; ++i) {{"
    yield f"    const float x = {before.replace('{x}', f'{target}[i]')};"
    yield from (f"    {target}[i] = {value};", "  }")


def _scaled(value: str, factor: float, offset: float) -> str:
    product = value if factor == 1 else f"{_literal(factor)} * {value}"
    return product if offset == 0 else f"{product} + {_literal(offset)}"


def _number(value: float, up: bool = False) -> str:
    """A number in as few digits as tell it from all other float32; `up`: none below it."""
    single = np.float32(value)
    if up and float(single) < value:
        single = np.nextafter(single, np.float32(np.inf))
    return np.format_float_scientific(single, trim="0") if np.isfinite(single) else str(single)


def _literal(value: float, up: bool = False) -> str:
    text = _number(value, up)
    return f"{text}f" if text[-1].isdigit() else {"inf": "INFINITY", "-inf": "-INFINITY"}.get(text, "NAN")


def _listed(values: FloatArray) -> str:
    return ", ".join(_literal(value) for value in values.tolist()) + ","


# -- running


@dataclass(frozen=True)
class _Read:
    """A layer as it stands in a header."""

    weight: FloatArray
    bias: FloatArray
    function: Function


def _computed(text: str, rows: FloatArray) -> FloatArray:
    """What `predict` gives for these rows, by the numbers and functions in the file."""
    values = rows.astype(np.float32)
    for layer in _layers(text):
        slope, phase, factor, offset = (np.float32(value) for value in astuple(layer.function)[2:])
        sums = values @ layer.weight.T + layer.bias
        activation = Activation(layer.function.kind, dict(layer.function.settings))
        values = factor * activation.forward(slope * sums + phase) + offset
    return values


def _layers(text: str) -> list[_Read]:
    arrays = {(found[1], found[2]): found for found in _ARRAY.finditer(text)}
    functions = {found[1]: found for found in _FUNCTION.finditer(text)}
    layers = []
    for number, found in functions.items():
        weight, bias = arrays["weight", number], arrays["bias", number]
        shape = int(weight[3]), int(weight[4])
        matrix = _floats(weight[5], shape[0] * shape[1]).reshape(shape)
        layers.append(_Read(matrix, _floats(bias[5], shape[0]), _understood(found)))
    if len(arrays) != 2 * len(layers):
        raise ValueError("a layer is missing")
    return layers


def _understood(found: re.Match[str]) -> Function:
    pairs = (part.partition("=") for part in found[3].split(", ") if part)
    settings = {name: float(value) for name, _, value in pairs}
    return Function(found[2], {**ACTIVATIONS[found[2]].defaults, **settings}, *map(float, found[4].split()))


def _floats(text: str, count: int) -> FloatArray:
    """The numbers of an initialiser."""
    named = text.replace("f,", ",").replace("INFINITY", "inf").replace("NAN", "nan")
    return text_file.numbers("array", named, count).astype(np.float32)
