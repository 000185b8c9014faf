"""How much the connections of a network matter for an objective, without trying them one by one.

The curvature of the loss along a weight is approximated as Gauss and Newton do: with the scores' Jacobian J
and the loss's curvature H in the scores it is the diagonal of J' H J. For a dense layer with inputs a and
pre-activations z that is, for weight (i, j), the mean over the rows of a_i^2 h_j, where h_j is the curvature
along z_j. H is split into S S', and every column of S is sent back through the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from pruner_gui.evaluation.evaluator import Objective, scores_name
from pruner_gui.evaluation.metrics import Targets
from pruner_gui.evaluation.threads import summed
from pruner_gui.network import (
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    FloatArray,
    Network,
    Node,
)

_CHUNK = 2048  # rows at a time at most
_CALL = 1 << 28  # multiply-adds between two looks at whether to stop: some 20 ms
_THREADS = 2
_MOST = 16  # scores up to which every column of S is sent back; of more, so many random mixtures of them
_STEP = 1e-4  # of the central difference that a slope is estimated by


def mean_squares(network: Network, objective: Objective) -> dict[str, FloatArray]:
    """Return, for every dense layer, the mean square `(n_in,)` of its inputs over the rows.

    Raises:
        Stopped: the thread that asks is to stop.
    """

    def of(part: slice) -> tuple[FloatArray, ...]:
        values = _trace(network, objective.inputs[part])
        return tuple(np.square(values[node.inputs[0]]).sum(axis=0) for node, _ in network.dense)

    return _means(network, objective, of, _parts(network, objective, 1))


def curvature(network: Network, objective: Objective) -> dict[str, FloatArray]:
    """Return, for every dense layer, the loss's curvature `(n_in, n_out)` along each weight, by Gauss-Newton.

    The loss is the objective's first metric as a mean over rows and, for squares, outputs. One that has no
    curvature (mean absolute error, error rate) is taken as the cross-entropy or squared error that suits the
    outputs.

    Raises:
        Stopped: the thread that asks is to stop.
    """
    last = scores_name(network)
    n_scores = network.sizes[last]
    parts = _parts(network, objective, min(n_scores, _MOST))
    mixtures: dict[int, FloatArray] = {}
    if n_scores > _MOST:
        rng = np.random.default_rng(0)
        mixtures = {
            part.start: rng.choice([-1.0, 1.0], size=(_MOST, n_scores)) / np.sqrt(_MOST) for part in parts
        }

    def of(part: slice) -> tuple[FloatArray, ...]:
        values = _trace(network, objective.inputs[part])
        roots = _roots(objective.metrics[0], objective.targets.take(part), values[last])
        if mixtures:
            roots = np.tensordot(mixtures[part.start], roots, axes=1)
        along = {node.name: np.zeros((len(values[last]), dense.bias.size)) for node, dense in network.dense}
        back = _Back(network, values, last)
        for root in roots:
            for name, slope in back.send(root):
                along[name] += np.square(slope)
        return tuple(np.square(values[node.inputs[0]]).T @ along[node.name] for node, _ in network.dense)

    return _means(network, objective, of, parts)


def _means(
    network: Network,
    objective: Objective,
    of: Callable[[slice], tuple[FloatArray, ...]],
    parts: Sequence[slice],
) -> dict[str, FloatArray]:
    """Return the mean over the rows of what every dense layer's rows add up to."""
    totals = summed(of, parts, _THREADS)
    return {
        node.name: total / len(objective.inputs)
        for (node, _), total in zip(network.dense, totals, strict=True)
    }


def _parts(network: Network, objective: Objective, sent: int) -> list[slice]:
    """Return the rows in parts, so many slopes being sent back for each row."""
    last = network.sizes[scores_name(network)]
    work = network.macs * (1 + sent) + last * last * 64
    step = int(np.clip(_CALL // work, 16, _CHUNK))
    return [slice(start, start + step) for start in range(0, len(objective.inputs), step)]


def _trace(network: Network, rows: FloatArray) -> Mapping[str, FloatArray]:
    with np.errstate(all="ignore"):
        return network.trace(np.asarray(rows, np.float64))


def _roots(metric: str, targets: Targets, scores: FloatArray) -> FloatArray:
    """Return the columns of S, `(n_columns, n_samples, n_scores)`, with S S' the curvature in the scores."""
    every = np.eye(scores.shape[1])[:, None]
    squares = metric in ("mse", "rmse", "half-sse") or (metric == "mae" and targets.head == "linear")
    outputs = targets.outputs(scores)
    if targets.head == "log_softmax":
        outputs = np.exp(outputs)
    if targets.head in ("softmax", "log_softmax"):
        # Of the cross-entropy: diag(p) - p p'; of a squared error: the square of that.
        spread = outputs.T[:, :, None] * (every - outputs)
        if squares:
            return spread * np.sqrt(2 / scores.shape[1])
        return spread / np.sqrt(np.maximum(outputs.T[:, :, None], 1e-300))
    if targets.head == "sigmoid":
        slope = outputs * (1 - outputs)
        return every * (slope * np.sqrt(2 / scores.shape[1]) if squares else np.sqrt(slope))
    return every * np.full_like(scores, np.sqrt(2 / scores.shape[1]))


class _Back:
    """Sends directions in the scores back through a network, for the rows that gave these values."""

    def __init__(self, network: Network, values: Mapping[str, FloatArray], last: str) -> None:
        self._values, self._last = values, last
        self._rises: dict[str, FloatArray] = {}
        below: set[str] = set()  # what no dense layer stands in front of
        for node in network.nodes:
            if not isinstance(node.op, Dense) and below.issuperset(node.inputs):
                below.add(node.name)
        self._nodes = [node for node in reversed(network.nodes) if node.name not in below]
        self._below = below

    def send(self, root: FloatArray) -> Iterator[tuple[str, FloatArray]]:
        """Yield, for every dense layer, how a direction in the scores changes with its pre-activations."""
        slopes: dict[str, FloatArray] = {self._last: root}
        for node in self._nodes:
            if node.name not in slopes:
                continue
            slope = slopes.pop(node.name)
            if isinstance(node.op, Dense):
                yield node.name, slope
            if self._below.issuperset(node.inputs):
                continue
            for name, part in zip(node.inputs, self._through(node, slope), strict=True):
                slopes[name] = slopes[name] + part if name in slopes else part

    def _through(self, node: Node, slope: FloatArray) -> list[FloatArray]:
        """Return the slopes in a node's inputs for those in its output."""
        match node.op:
            case Dense(weight=weight):
                return [slope @ weight.T.astype(np.float64)]
            case BatchNorm() as norm:
                return [slope * norm.factor]
            case Arithmetic(operator="mul", operand=operand):
                return [slope * operand]
            case Arithmetic(operator="div", operand=operand):
                return [slope / operand]
            case Add():
                return [slope] * len(node.inputs)
            case Concat():
                sizes = [self._values[name].shape[1] for name in node.inputs]
                return list(np.split(slope, np.cumsum(sizes)[:-1], axis=1))
            case Activation() as activation:
                return [self._through_activation(node, activation, slope)]
            case _:
                return [slope]

    def _through_activation(self, node: Node, activation: Activation, slope: FloatArray) -> FloatArray:
        before, after = self._values[node.inputs[0]], self._values[node.name]
        match activation.kind:
            case "softmax":
                return after * (slope - (after * slope).sum(axis=1, keepdims=True))
            case "log_softmax":
                return slope - np.exp(after) * slope.sum(axis=1, keepdims=True)
            case "competitive":
                return np.zeros_like(slope)
        if node.name not in self._rises:
            with np.errstate(all="ignore"):
                rise = activation.forward(before + _STEP) - activation.forward(before - _STEP)
            self._rises[node.name] = np.nan_to_num(rise / (2 * _STEP))
        return slope * self._rises[node.name]
