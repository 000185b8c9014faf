"""Whatever way it takes, the fast evaluator accepts the edits that the plain one accepts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from random_networks import problems

from pruner_gui.evaluation import (
    Evaluator,
    IncrementalEvaluator,
    Objective,
    ReferenceEvaluator,
    Targets,
    Tuning,
)
from pruner_gui.network import Edit, FloatArray, Network
from pruner_gui.pruning import Accepted, NothingToRelateTo, PruneConfig, Tolerance, prune

METRICS = ["mse", "rmse", "mae", "half-sse", "cross-entropy", "error-rate"]
TUNINGS = [
    Tuning(block, threads, dtype, wide)
    for block, threads in ((16, 1), (64, 2), (128, 2))
    for dtype in ("float32", "float64")
    for wide in (1, 1 << 20)
]

Problem = tuple[Network, FloatArray, Targets]


def accepted(network: Network, config: PruneConfig, evaluator: Evaluator) -> list[Edit]:
    return [event.edit for event in prune(network, config, evaluator) if isinstance(event, Accepted)]


tolerances = st.sampled_from(
    [Tolerance(0, True), Tolerance(1, True), Tolerance(20, True), Tolerance(0.05, False)]
)


@given(
    problems(),
    st.lists(st.sampled_from(METRICS), min_size=1, max_size=2, unique=True),
    tolerances,
    st.sampled_from(TUNINGS),
    st.sampled_from(["original", "current", "absolute"]),
    st.sampled_from(["le", "lt", "abs"]),
    st.sampled_from(["index", "least-harm", "random"]),
    st.booleans(),
)
def test_all_ways_accept_the_same(
    problem: Problem,
    metrics: list[str],
    tolerance: Tolerance,
    tuning: Tuning,
    baseline: str,
    comparison: str,
    order: str,
    restart: bool,
) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, tuple(metrics))
    config = PruneConfig(
        metrics=tuple(metrics),
        tolerances=(tolerance,),
        baseline=baseline,
        comparison=comparison,
        order=order,
        restart=restart,
    )
    try:
        expected = accepted(network, config, ReferenceEvaluator(objective))
    except NothingToRelateTo:
        return
    assert accepted(network, config, IncrementalEvaluator(objective, tuning=tuning)) == expected
