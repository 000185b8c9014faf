"""Strategies propose edits; `prune` decides and yields events."""

from pruner_gui.pruning.config import (
    BASELINES,
    COMPARISONS,
    ORDERS,
    PRESETS,
    SLACK,
    BadSetting,
    Protected,
    PruneConfig,
    Tolerance,
)
from pruner_gui.pruning.events import Accepted, Event, Finished, PassEnded, Preparing, Ranked, Started, Trial
from pruner_gui.pruning.run import Events, Judge, NothingToRelateTo, prune
from pruner_gui.pruning.selective import candidates

__all__ = [
    "BASELINES",
    "COMPARISONS",
    "ORDERS",
    "PRESETS",
    "SLACK",
    "Accepted",
    "BadSetting",
    "Event",
    "Events",
    "Finished",
    "Judge",
    "NothingToRelateTo",
    "PassEnded",
    "Preparing",
    "Protected",
    "PruneConfig",
    "Ranked",
    "Started",
    "Tolerance",
    "Trial",
    "candidates",
    "prune",
]
