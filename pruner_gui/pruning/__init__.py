"""Strategies propose edits; `prune` decides and yields events."""

from pruner_gui.pruning.candidates import candidates
from pruner_gui.pruning.config import (
    BASELINES,
    COMPARISONS,
    ORDERS,
    PRESETS,
    RANKINGS,
    SCOPES,
    SLACK,
    STRATEGIES,
    BadSetting,
    Least,
    Protected,
    PruneConfig,
    Tolerance,
)
from pruner_gui.pruning.events import (
    Accepted,
    Event,
    Finished,
    Lowest,
    PassEnded,
    Preparing,
    Ranked,
    StageEnded,
    StageStarted,
    Started,
    Trial,
)
from pruner_gui.pruning.judge import Judge, NothingToRelateTo
from pruner_gui.pruning.run import Events, check, prune, prune_in_steps
from pruner_gui.pruning.sensitivity import Point, sensitivity
from pruner_gui.pruning.trajectory import Trajectory, knee, lowest

__all__ = [
    "BASELINES",
    "COMPARISONS",
    "ORDERS",
    "PRESETS",
    "RANKINGS",
    "SCOPES",
    "SLACK",
    "STRATEGIES",
    "Accepted",
    "BadSetting",
    "Event",
    "Events",
    "Finished",
    "Judge",
    "Least",
    "Lowest",
    "NothingToRelateTo",
    "PassEnded",
    "Point",
    "Preparing",
    "Protected",
    "PruneConfig",
    "Ranked",
    "StageEnded",
    "StageStarted",
    "Started",
    "Tolerance",
    "Trajectory",
    "Trial",
    "candidates",
    "check",
    "knee",
    "lowest",
    "prune",
    "prune_in_steps",
    "sensitivity",
]
