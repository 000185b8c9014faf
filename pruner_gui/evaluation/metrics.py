"""Errors of a network: what they measure, in which unit, and how they follow from the losses of single rows.

Every metric is a sum of non-negative losses, one a row, and a last step from that sum to the figure shown.
Losses are computed from the *scores*: the values that go into a final softmax or sigmoid (the logits), or the
outputs themselves where there is none. So a cross-entropy is exact however sure the network is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from pruner_gui.errors import PrunerError
from pruner_gui.network import ACTIVATIONS, FloatArray, IndexArray

SCORED_HEADS = ("softmax", "log_softmax", "sigmoid")


@dataclass
class MetricUnfit(PrunerError):
    """A metric that cannot be measured here. `reason` is "labels" or "unknown"."""

    metric: str
    reason: str


@dataclass(frozen=True, eq=False)
class Targets:
    """What the rows should give, for networks with one kind of head.

    `values` has shape `(n_samples, n_outputs)` and is what the network should put out (one-hot for classes).
    `labels` has shape `(n_samples,)`, the class of every row, or None where there are no classes. `head` is
    the activation at the output, "linear" when there is none. `threshold` tells the two classes of a single
    output apart.
    """

    values: FloatArray
    labels: IndexArray | None
    head: str
    threshold: float = 0.5

    def outputs(self, scores: FloatArray) -> FloatArray:
        """Return the network's outputs for its scores."""
        return ACTIVATIONS[self.head].apply(scores) if self.head in SCORED_HEADS else scores

    def take(self, rows: IndexArray | slice) -> Targets:
        """Return the targets of these rows only."""
        return replace(
            self,
            values=self.values[rows],
            labels=None if self.labels is None else self.labels[rows],
        )

    def probabilities(self) -> FloatArray:
        """The targets as probabilities: a log-softmax network's own output is the logarithm of one."""
        soft = self.head == "log_softmax" and self.labels is None
        return np.exp(self.values) if soft else self.values


def _squares(targets: Targets, scores: FloatArray) -> FloatArray:
    return np.square(targets.outputs(scores) - targets.values).mean(axis=1)


def _absolutes(targets: Targets, scores: FloatArray) -> FloatArray:
    return np.abs(targets.outputs(scores) - targets.values).mean(axis=1)


def _half_squares(targets: Targets, scores: FloatArray) -> FloatArray:
    return 0.5 * np.square(targets.outputs(scores) - targets.values).sum(axis=1)


def _cross_entropy(targets: Targets, scores: FloatArray) -> FloatArray:
    wanted = targets.probabilities()
    if targets.head == "sigmoid" or scores.shape[1] == 1:
        # -y log(p) - (1-y) log(1-p) with p = 1 / (1 + exp(-s)) is softplus(s) - y s
        return (np.maximum(scores, 0) + np.log1p(np.exp(-np.abs(scores))) - wanted * scores).sum(axis=1)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    if targets.labels is not None:
        return log_sum - shifted[np.arange(len(shifted)), targets.labels]
    return log_sum * wanted.sum(axis=1) - (wanted * shifted).sum(axis=1)


# Outputs that are equal but for rounding are a tie, and the first class wins: else the order in which sums
# are computed would decide.
_TIE = 1e-9


def predictions(targets: Targets, scores: FloatArray) -> IndexArray:
    """Return the class `(n_samples,)` that the scores stand for: the largest, or a single one cut in two."""
    if scores.shape[1] == 1:
        return (targets.outputs(scores)[:, 0] > targets.threshold + _TIE).astype(np.intp)
    largest = scores.max(axis=1, keepdims=True)
    band = _TIE * np.abs(scores).max(axis=1, keepdims=True)
    return np.argmax(scores >= largest - band, axis=1)


def _mistakes(targets: Targets, scores: FloatArray) -> FloatArray:
    return (predictions(targets, scores) != targets.labels).astype(np.float64)


@dataclass(frozen=True)
class Metric:
    """A row of the table of metrics.

    `total` turns sums of losses and the row count into the figures, `sum` turns a figure back.
    """

    name: str
    losses: Callable[[Targets, FloatArray], FloatArray]
    total: Callable[[FloatArray, int], FloatArray]
    sum: Callable[[float, int], float]
    needs_classes: bool = False


def _mean(totals: FloatArray, rows: int) -> FloatArray:
    return totals / rows


def _mean_sum(value: float, rows: int) -> float:
    return value * rows


def _root(totals: FloatArray, rows: int) -> FloatArray:
    return np.sqrt(totals / rows)


def _root_sum(value: float, rows: int) -> float:
    return value * value * rows


def _plain_sum(value: float, rows: int) -> float:
    return value


def _plain(totals: FloatArray, rows: int) -> FloatArray:
    return totals


METRICS = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("mse", _squares, _mean, _mean_sum),
            Metric("rmse", _squares, _root, _root_sum),
            Metric("mae", _absolutes, _mean, _mean_sum),
            Metric("half-sse", _half_squares, _plain, _plain_sum),
            Metric("cross-entropy", _cross_entropy, _mean, _mean_sum, needs_classes=True),
            Metric("error-rate", _mistakes, _mean, _mean_sum, needs_classes=True),
        )
    }
)


def wilson(mistakes: int, rows: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the Wilson score interval of a rate (95 % by default).

    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    rate, square = mistakes / rows, z * z
    centre = rate + square / (2 * rows)
    spread = z * math.sqrt(rate * (1 - rate) / rows + square / (4 * rows * rows))
    scale = 1 + square / rows
    low = (centre - spread) / scale if mistakes else 0.0
    return low, (centre + spread) / scale if mistakes < rows else 1.0


@dataclass(frozen=True)
class Choice:
    """The metrics that suit a network and its data, and why (a code; the sentence is in `wording`)."""

    metrics: tuple[str, ...]
    reason: str


def default_metrics(targets: Targets, scores: FloatArray, own: bool = False) -> Choice:
    """Return the metrics that suit what a network puts out: its `scores` `(n_samples, n_outputs)`.

    `own`: the targets are the network's own outputs, since the data has none.

    A cross-entropy that tells another story than the error rate is not trusted alone: both have to hold.
    """
    softmax, single = targets.head in ("softmax", "log_softmax"), scores.shape[1] == 1
    if targets.labels is None:
        kind = "fidelity" if own else "values"
        return Choice(("cross-entropy",), f"softmax-{kind}") if softmax else Choice(("mse",), kind)
    if softmax:
        reason = "softmax"
    elif single and targets.head == "sigmoid":
        reason = "sigmoid"
    elif single or targets.head != "linear" or _like_one_hot(scores):
        return Choice(("mse",), "values" if single else "one-hot")
    else:
        reason = "logits"
    loss, rate = (float(losses(targets, scores).mean()) for losses in (_cross_entropy, _mistakes))
    if tell_different_stories(loss, rate, max(scores.shape[1], 2)):
        return Choice(("cross-entropy", "error-rate"), f"{reason}-unsure")
    return Choice(("cross-entropy",), reason)


def _like_one_hot(outputs: FloatArray) -> bool:
    inside = np.mean((outputs > -0.5) & (outputs < 1.5))
    return bool(inside > 0.99 and abs(np.median(outputs.sum(axis=1)) - 1) < 0.25)


def tell_different_stories(cross_entropy: float, error_rate: float, classes: int) -> bool:
    """Say whether a cross-entropy is far higher than a classifier with this error rate needs to have.

    A classifier that knows how sure it may be has at most the entropy of Fano's inequality,
    H(e) + e log(classes - 1) (Cover and Thomas, Elements of Information Theory, 2.10).
    """
    known = [p for p in (error_rate, 1 - error_rate) if p > 0]
    bound = -sum(p * math.log(p) for p in known) + error_rate * math.log(max(classes - 1, 1))
    return cross_entropy > max(2 * bound, bound + 0.5)
