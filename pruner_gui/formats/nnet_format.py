"""`.nnet`, the text format of the Stanford verification benchmarks (ACAS Xu), in float64.

Comment lines starting with `//`; then lines of numbers, each ended by a comma: number of layers, inputs,
outputs, widest layer; all sizes; a zero; smallest and largest value of every input; mean of every input and
of the output; range of every input and of the output; then for every layer its weights, one line a neuron,
and its biases, one line each. Hidden layers are rectified, the last one is linear.

Inputs are normalised by `(x - mean) / range`, outputs get `y * range + mean`. The format's own evaluator also
clips every input to its smallest and largest value before. That is left out here: the bounds say where the
network was trained, they are kept and written again, and rows within them are computed alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from pruner_gui.formats import text_file
from pruner_gui.formats.errors import NotExpressible
from pruner_gui.formats.layers import Builder, Chain, Function, Layer
from pruner_gui.formats.running import Ran, reread
from pruner_gui.formats.text_file import integers, numbers
from pruner_gui.network import Arithmetic, Dense, FloatArray, Network, Node, Origin

_COMMENT = ("// Neural network: sizes, bounds, normalisation, then weights and biases layer by layer",)
_BOUND = float(np.finfo(np.float32).max)  # of inputs that nothing is known of


def load(path: Path) -> Network:
    """Read a network.

    Raises:
        OSError, NotAModel, TooLarge.
    """
    return text_file.load(path, "nnet", _parse)


def dump(network: Network) -> bytes:
    """Return the file's content. Comments and bounds are as they came in, and so is the normalisation.

    Raises:
        NotExpressible: no chain of rectified layers and a linear one.
    """
    chain = Chain(network, "nnet")
    means, ranges = _front(chain)
    scale, shift = _back(chain)
    layers = chain.layers(_words)
    for i, layer in enumerate(layers):
        if layer.word != ("linear" if i == len(layers) - 1 else "relu"):
            raise NotExpressible("nnet", layer.name, "operation")
    extra = network.origin.extra if network.origin.format == "nnet" else {}
    bounds = [
        extra.get(key, np.full(means.size, bound))
        for key, bound in (("lowest", -_BOUND), ("highest", _BOUND))
    ]
    numbers = [*bounds, np.append(means, shift), np.append(ranges, scale)]
    comments = extra.get("comments", _COMMENT)
    return text_file.encoded("nnet", _written(comments, extra.get("flag", "0,"), numbers, layers))


def run(path: Path, rows: FloatArray) -> Ran:
    """Run the file, read again."""
    return reread(path, load, rows)


def tolerance(network: Network) -> float:
    """What rounding makes of a network that is read again."""
    return text_file.tolerance(network)


def _parse(lines: list[str]) -> Network:
    """Return the network that the lines describe."""
    comments = tuple(itertools.takewhile(lambda line: line.startswith("//"), lines))
    rest = iter([line for line in lines[len(comments) :] if line])
    depth, n_inputs, n_outputs, _ = _sizes(rest, 4)
    sizes = _sizes(rest, depth + 1)
    if depth < 1 or sizes[0] != n_inputs or sizes[-1] != n_outputs or min(sizes) < 1:
        raise ValueError("the sizes of the layers disagree")
    flag = next(rest, "")
    counts = (n_inputs, n_inputs, n_inputs + 1, n_inputs + 1)
    names = ("smallest values", "largest values", "means", "ranges")
    lowest, highest, means, ranges = (
        numbers(name, next(rest, ""), count) for name, count in zip(names, counts, strict=True)
    )
    if not ranges.all():
        raise ValueError("a range is zero")
    builder = Builder(n_inputs)
    if means[:-1].any() or (ranges[:-1] != 1).any():
        builder.arithmetic([("sub", means[:-1]), ("div", ranges[:-1])])
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
        weight = _block(rest, f"weights of layer {i}", n_out, n_in)
        bias = _block(rest, f"biases of layer {i}", n_out, 1)
        builder.layer(f"dense_{i}", Dense(weight.T, bias[:, 0]), Function("linear" if i == depth else "relu"))
    if means[-1] != 0 or ranges[-1] != 1:
        outputs = np.ones(n_outputs)
        builder.arithmetic([("mul", outputs * ranges[-1]), ("add", outputs * means[-1])])
    extra = {"comments": comments, "flag": flag, "lowest": lowest, "highest": highest}
    return builder.network(Origin("nnet", dtype="float64", extra=MappingProxyType(extra)))


def _sizes(lines: Iterator[str], count: int) -> list[int]:
    line = next(lines, "")
    if line.count(",") > count:
        raise ValueError(f"{count} sizes expected")
    found = integers("sizes", line)
    if len(found) != count:
        raise ValueError(f"{count} sizes expected, {len(found)} found")
    return found


def _block(lines: Iterator[str], what: str, rows: int, columns: int) -> FloatArray:
    """The next lines as an array, made only once all of them are there."""
    found = [numbers(what, line, columns) for line in itertools.islice(lines, rows)]
    if len(found) != rows:
        raise ValueError(f"{what}: {rows} lines expected, {len(found)} found")
    return np.array(found)


def _words(wanted: Function) -> Iterator[tuple[str, Function]]:
    if wanted.kind in ("linear", "relu"):
        yield wanted.kind, Function(wanted.kind)


def _front(chain: Chain) -> tuple[FloatArray, FloatArray]:
    """Take means and ranges off the inputs, if there are just such."""
    units = chain.nodes[0].units.size
    match _operands(chain.nodes[1:3], "sub", "div"):
        case [means, ranges] if ranges.all():
            chain.strip_front([("sub", means), ("div", ranges)])
            return means, ranges
    return np.zeros(units), np.ones(units)


def _back(chain: Chain) -> tuple[float, float]:
    """Take the outputs' range and mean off them, if they are the same for all."""
    match _operands(chain.nodes[-2:], "mul", "add"):
        case [scale, shift] if np.ptp(scale) == np.ptp(shift) == 0 and scale[0]:
            chain.strip_back([("mul", scale), ("add", shift)])
            return float(scale[0]), float(shift[0])
    return 1.0, 0.0


def _operands(nodes: Sequence[Node], *operators: str) -> list[FloatArray]:
    """The constants of these operations, if the nodes are just such."""
    ops = [node.op for node in nodes if isinstance(node.op, Arithmetic)]
    return [op.operand for op in ops] if [op.operator for op in ops] == list(operators) else []


def _written(
    comments: Sequence[str], flag: str, tables: Sequence[FloatArray], layers: Sequence[Layer[str]]
) -> Iterator[str]:
    sizes = [layers[0].weight.shape[0], *(layer.bias.size for layer in layers)]
    yield from comments
    yield _line([len(layers), sizes[0], sizes[-1], max(sizes)])
    yield _line(sizes)
    yield flag
    yield from (_line(table.tolist()) for table in tables)
    for layer in layers:
        yield from (_line(row) for row in layer.weight.T.tolist())
        yield from (_line([value]) for value in layer.bias.tolist())


def _line(values: Sequence[float]) -> str:
    return "".join(f"{value!r}," for value in values)
