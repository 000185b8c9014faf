"""Errors of a network, and of every network without one of its units."""

from pruner_gui.evaluation.evaluator import (
    Evaluator,
    NonFiniteError,
    NonFiniteWeight,
    Objective,
    ReferenceEvaluator,
    Score,
)
from pruner_gui.evaluation.examples import Examples, WrongWidth, prepare
from pruner_gui.evaluation.incremental import IncrementalEvaluator
from pruner_gui.evaluation.metrics import (
    METRICS,
    Choice,
    MetricUnfit,
    Targets,
    default_metrics,
    tell_different_stories,
    wilson,
)

__all__ = [
    "METRICS",
    "Choice",
    "Evaluator",
    "Examples",
    "IncrementalEvaluator",
    "MetricUnfit",
    "NonFiniteError",
    "NonFiniteWeight",
    "Objective",
    "ReferenceEvaluator",
    "Score",
    "Targets",
    "WrongWidth",
    "default_metrics",
    "prepare",
    "tell_different_stories",
    "wilson",
]
