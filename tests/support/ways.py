"""Ways in which the fast evaluator can do its work, and what a run accepts."""

from __future__ import annotations

from pruner_gui.evaluation import Evaluator, Tuning
from pruner_gui.network import Network, RemoveUnits
from pruner_gui.pruning import Accepted, PruneConfig, prune

TUNINGS = [
    Tuning(block, threads, dtype, wide)
    for block, threads in ((16, 1), (64, 2), (128, 2))
    for dtype in ("float32", "float64")
    for wide in (1, 1 << 20)
]


def accepted(network: Network, config: PruneConfig, evaluator: Evaluator) -> list[RemoveUnits]:
    """Return the removals of a run, in order."""
    events = [event for event in prune(network, config, evaluator) if isinstance(event, Accepted)]
    return [event.edit for event in events if isinstance(event.edit, RemoveUnits)]
