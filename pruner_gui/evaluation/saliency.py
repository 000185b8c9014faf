"""How much the connections of a network matter for an objective, without trying them one by one.

The curvature of the loss along a weight is approximated as Gauss and Newton do: with the scores' Jacobian J
and the loss's curvature H in the scores it is the diagonal of J' H J. For a dense layer with inputs a and
pre-activations z that is, for weight (i, j), the mean over the rows of a_i^2 h_j, where h_j is the curvature
along z_j. H is split into S S', and every column of S is sent back through the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from pruner_gui.evaluation.evaluator import Objective, scores_name
from pruner_gui.evaluation.metrics import Targets
from pruner_gui.network import (
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
)
from pruner_gui.stopping import Stopped, check

_CHUNK = 2048
_MOST = 16  # scores up to which every column of S is sent back; of more, so many random mixtures of them
_STEP = 1e-4  # of the central difference that a slope is estimated by


def mean_squares(network: Network, objective: Objective) -> dict[str, FloatArray]:
    """Return, for every dense layer, the mean square `(n_in,)` of its inputs over the rows."""
    totals = {node.name: np.zeros(dense.weight.shape[0]) for node, dense in network.dense}
    for part in _parts(objective):
        values = _trace(network, objective.inputs[part])
        for node, _ in network.dense:
            totals[node.name] += np.square(values[node.inputs[0]]).sum(axis=0)
    return {name: total / len(objective.inputs) for name, total in totals.items()}


def curvature(network: Network, objective: Objective) -> dict[str, FloatArray]:
    """Return, for every dense layer, the loss's curvature `(n_in, n_out)` along each weight, by Gauss-Newton.

    The loss is the objective's first metric as a mean over rows and, for squares, outputs. One that has no
    curvature (mean absolute error, error rate) is taken as the cross-entropy or squared error that suits the
    outputs.
    """
    totals = {node.name: np.zeros(dense.weight.shape) for node, dense in network.dense}
    last = scores_name(network)
    rng = np.random.default_rng(0)
    for part in _parts(objective):
        values = _trace(network, objective.inputs[part])
        roots = _roots(objective.metrics[0], objective.targets.take(part), values[last])
        if len(roots) > _MOST:
            signs = rng.choice([-1.0, 1.0], size=(_MOST, len(roots))) / np.sqrt(_MOST)
            roots = np.tensordot(signs, roots, axes=1)
        along = {node.name: np.zeros((len(values[last]), dense.bias.size)) for node, dense in network.dense}
        for root in roots:
            for name, slope in _sent_back(network, values, last, root):
                along[name] += np.square(slope)
        for node, _ in network.dense:
            totals[node.name] += np.square(values[node.inputs[0]]).T @ along[node.name]
    return {name: total / len(objective.inputs) for name, total in totals.items()}


def _parts(objective: Objective) -> Iterator[slice]:
    asked = check()
    for start in range(0, len(objective.inputs), _CHUNK):
        if asked():
            raise Stopped
        yield slice(start, start + _CHUNK)


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


def _sent_back(
    network: Network, values: Mapping[str, FloatArray], last: str, root: FloatArray
) -> Iterator[tuple[str, FloatArray]]:
    """Yield, for every dense layer, how a direction in the scores changes with its pre-activations."""
    slopes: dict[str, FloatArray] = {last: root}
    for node in reversed(network.nodes):
        if node.name not in slopes or isinstance(node.op, Input):
            continue
        slope = slopes.pop(node.name)
        if isinstance(node.op, Dense):
            yield node.name, slope
        for name, part in zip(node.inputs, _through(node, values, slope), strict=True):
            slopes[name] = slopes[name] + part if name in slopes else part


def _through(node: Node, values: Mapping[str, FloatArray], slope: FloatArray) -> list[FloatArray]:
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
            sizes = [values[name].shape[1] for name in node.inputs]
            return list(np.split(slope, np.cumsum(sizes)[:-1], axis=1))
        case Activation() as activation:
            return [_through_activation(activation, values[node.inputs[0]], values[node.name], slope)]
        case _:
            return [slope]


def _through_activation(
    activation: Activation, before: FloatArray, after: FloatArray, slope: FloatArray
) -> FloatArray:
    match activation.kind:
        case "softmax":
            return after * (slope - (after * slope).sum(axis=1, keepdims=True))
        case "log_softmax":
            return slope - np.exp(after) * slope.sum(axis=1, keepdims=True)
        case "competitive":
            return np.zeros_like(slope)
        case _:
            with np.errstate(all="ignore"):
                rise = activation.forward(before + _STEP) - activation.forward(before - _STEP)
            return slope * np.nan_to_num(rise / (2 * _STEP))
