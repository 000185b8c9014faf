"""Errors of whole networks of one shape, for edits that reach from the first layer on: many weights at once.

Rows are run hardest first, so that most networks that are too bad are known after a few. Sums come from
float32 values where that decides: how far those are off is measured on a sample of rows for every network,
and what could hang on it is decided in float64.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pruner_gui.evaluation.evaluator import Limits, Objective, Score, scores_name
from pruner_gui.evaluation.rows import ALONE, CHUNK, SLACK
from pruner_gui.evaluation.threads import in_parallel, without_blas_threads
from pruner_gui.network import Activation, Dense, FloatArray, IndexArray, Network

_CALL = 1 << 27  # multiply-adds between two looks at whether to stop: some 10 ms
_SAMPLE = 512  # rows on which rounding is measured
_SAFETY = 4  # times the rounding that was measured
_LEAST = 1e-6  # rounding of float32, relative to the sum of losses, that is always reckoned with
_HOPELESS = 0.1  # rounding, relative, where float32 says nothing, not even of a sum that it makes zero
_EXACT = 1e-12  # the same of float64
_SMOOTH = frozenset(
    {"linear", "relu", "leaky_relu", "sigmoid", "tanh", "softmax", "log_softmax", "elu", "gelu"}
)


class WholeNetworks:
    """Decides on networks as the reference does; `network` is what they were made of.

    Raises:
        Stopped: from any method, the thread that asks is to stop.
    """

    def __init__(self, objective: Objective, network: Network, threads: int = 2) -> None:
        self._objective = objective
        self._scores = scores_name(network)
        self._step = int(np.clip(_CALL // max(network.macs, 1), 64, CHUNK))
        self._threads = threads if network.macs * len(objective.inputs) > ALONE else 1
        without_blas_threads(self)
        kinds = {node.op.kind for node in network.nodes if isinstance(node.op, Activation)}
        # Of jumps and of counts no sample of rows says how far they can be off.
        self._rough = "error-rate" not in objective.metrics and kinds <= _SMOOTH and self._threads > 1
        self._order = np.arange(len(objective.inputs))
        first = np.concatenate([losses[0] for losses in self._losses(network, self._usual)])
        self._order = np.argsort(-first, kind="stable")

    @property
    def _usual(self) -> npt.DTypeLike:
        return np.float32 if self._rough else np.float64

    def decide(self, network: Network, limits: Limits) -> Score:
        """Return the errors of a network, as exact as the decision at these limits needs them.

        Past its limit, a score is partial.
        """
        if self._rough and not limits.exact:
            rounding = self._rounding(network)
            if (rounding < _HOPELESS).all():
                sums, partial = self._sums(network, limits, np.float32, rounding)
                if partial or not self._is_close(sums, rounding, limits):
                    return self._objective.total(sums.tolist(), partial=partial)
        sums, partial = self._sums(network, limits, np.float64, np.full(len(limits.upper), _EXACT))
        return self._objective.total(sums.tolist(), partial=partial)

    def exact(self, network: Network) -> Score:
        """Return the errors of a network in float64."""
        endless = Limits((np.inf,) * len(self._objective.metrics))
        sums, _ = self._sums(network, endless, np.float64, np.full(len(endless.upper), _EXACT))
        return self._objective.total(sums.tolist())

    def _sums(
        self, network: Network, limits: Limits, dtype: npt.DTypeLike, rounding: FloatArray
    ) -> tuple[FloatArray, bool]:
        """Return the sums of losses, and whether they were given up as too large."""
        sums = np.zeros(len(limits.upper))
        for losses in self._losses(network, dtype):
            sums += losses.sum(axis=1)
            least = self._objective.total((sums * (1 - rounding)).tolist()).values
            if any(error > limit * (1 + SLACK) for error, limit in zip(least, limits.upper, strict=True)):
                return sums, True
        return sums, False

    def _losses(self, network: Network, dtype: npt.DTypeLike) -> Iterator[FloatArray]:
        """Yield the losses `(n_metrics, n_rows)` of some rows after the other."""
        network = _in_precision(network, dtype)
        starts = range(0, len(self._order), self._step)
        parts = [self._order[start : start + self._step] for start in starts]

        def of(rows: IndexArray) -> FloatArray:
            return self._of(network, rows, dtype)

        for i in range(0, len(parts), self._threads):
            yield from in_parallel(of, parts[i : i + self._threads], self._threads)

    def _of(self, network: Network, rows: IndexArray, dtype: npt.DTypeLike) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):
            scores = network.forward(self._objective.inputs[rows].astype(dtype), self._scores)
            return np.array(self._objective.losses(scores.astype(np.float64), rows))

    def _rounding(self, network: Network) -> FloatArray:
        """Return how far float32 puts the losses off, relative to their sum, on rows easy and hard."""
        rows = self._order[:: max(1, len(self._order) // _SAMPLE)]
        rough, exact = (
            self._of(_in_precision(network, dtype), rows, dtype) for dtype in (np.float32, np.float64)
        )
        with np.errstate(all="ignore"):
            off, total = np.abs(rough - exact).sum(axis=1), exact.sum(axis=1)
            relative = np.where(off > 0, off / total, 0)
        found: FloatArray = np.maximum(_SAFETY * relative, _LEAST)
        return np.where(np.isfinite(found), found, 1.0)

    def _is_close(self, sums: FloatArray, rounding: FloatArray, limits: Limits) -> bool:
        """Say whether a decision could hang on rounding."""
        reach = (rounding + SLACK) * np.abs(sums)
        upper = self._objective.largest_sums(limits.upper)
        lower = self._objective.sums(limits.lower) if limits.lower else np.full(len(upper), -np.inf)
        return not bool(((sums + reach < upper) & (sums - reach > lower)).all())


def _in_precision(network: Network, dtype: npt.DTypeLike) -> Network:
    """Return the network with the weights of its dense layers in this precision."""
    return network.with_ops(
        {
            node.name: Dense(dense.weight.astype(dtype), dense.bias.astype(dtype))
            for node, dense in network.dense
            if dense.weight.dtype != dtype
        }
    )
