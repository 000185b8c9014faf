"""How fast a network answers, before and after: both in onnxruntime, on one thread, taking turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pruner_gui.formats import runner
from pruner_gui.network import FloatArray, Network
from pruner_gui.stopping import Stopped, check

Answer = Callable[[], object]
Prepare = Callable[[Network, FloatArray], Answer]
Clock = Callable[[], float]

BATCH = 256
_WARM_UP = 20  # calls
_LEAST, _MOST = 30, 2000  # measured rounds
_ENOUGH = 0.6  # seconds of measuring after which the least number of rounds suffices


@dataclass(frozen=True)
class Times:
    """Seconds a call: the median, the 95th percentile, and the middle half of all calls."""

    median: float
    p95: float
    low: float
    high: float


@dataclass(frozen=True)
class Pair:
    """The times of both networks on the same rows."""

    rows: int
    before: Times
    after: Times

    @property
    def within_noise(self) -> bool:
        """Whether the middle halves of both overlap, so that no difference can be told."""
        return self.before.low <= self.after.high and self.after.low <= self.before.high


@dataclass(frozen=True)
class Latency:
    """The times for one row and for a batch, `rounds` calls each, and what ran them."""

    one: Pair
    batch: Pair
    runtime: str


def measure_latency(
    before: Network,
    after: Network,
    rows: FloatArray | None = None,
    prepare: Prepare | None = None,
    clock: Clock = time.perf_counter,
) -> Latency:
    """Measure one row, and a batch of up to 256 of `rows` `(n_samples, n_inputs)`, or of random normal ones.

    Each network answers some times unmeasured; then both take turns, and who is first changes every round,
    so that what disturbs the machine disturbs both. The call from Python counts. Takes up to a second, more
    where a single call takes longer than 10 ms.

    Raises:
        NotExpressible: ONNX cannot say one of the networks.
        ExportDoesNotRun: onnxruntime refuses one.
        Stopped: the thread is to stop.
    """
    if rows is None or not len(rows):
        rows = np.random.default_rng(0).standard_normal((BATCH, before.n_inputs))
    make = prepare or runner.prepare

    def pair(some: FloatArray) -> Pair:
        return Pair(len(some), *_taking_turns(make(before, some), make(after, some), clock))

    return Latency(pair(rows[:1]), pair(rows[:BATCH]), runner.runtime())


def _taking_turns(before: Answer, after: Answer, clock: Clock) -> tuple[Times, Times]:
    stopped = check()
    both = (before, after)
    for answer in both * _WARM_UP:
        if stopped():
            raise Stopped
        answer()
    taken: tuple[list[float], list[float]] = ([], [])
    began = clock()
    for number in range(_MOST):
        for who in (0, 1) if number % 2 else (1, 0):
            if stopped():
                raise Stopped
            start = clock()
            both[who]()
            taken[who].append(clock() - start)
        if number + 1 >= _LEAST and clock() - began > _ENOUGH:
            break
    return _times(taken[0]), _times(taken[1])


def _times(seconds: list[float]) -> Times:
    low, median, high, p95 = np.percentile(seconds, (25, 50, 75, 95)).tolist()
    return Times(median, p95, low, high)
