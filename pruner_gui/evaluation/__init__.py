"""Errors of a network, and of every network without one of its units."""

from pruner_gui.evaluation.compensation import COMPENSATIONS
from pruner_gui.evaluation.evaluator import (
    Evaluator,
    Limits,
    NonFiniteError,
    NonFiniteWeight,
    Objective,
    ReferenceEvaluator,
    Score,
    row_losses,
    scores,
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
from pruner_gui.evaluation.paired import beyond_noise, standard_error
from pruner_gui.evaluation.rows import Statistics, Tuning
from pruner_gui.evaluation.saliency import curvature, mean_squares
from pruner_gui.evaluation.warm import warm_up
from pruner_gui.evaluation.whole import WholeNetworks

__all__ = [
    "COMPENSATIONS",
    "METRICS",
    "Choice",
    "Evaluator",
    "Examples",
    "IncrementalEvaluator",
    "Limits",
    "MetricUnfit",
    "NonFiniteError",
    "NonFiniteWeight",
    "Objective",
    "ReferenceEvaluator",
    "Score",
    "Statistics",
    "Targets",
    "Tuning",
    "WholeNetworks",
    "WrongWidth",
    "beyond_noise",
    "curvature",
    "default_metrics",
    "mean_squares",
    "prepare",
    "row_losses",
    "scores",
    "standard_error",
    "tell_different_stories",
    "warm_up",
    "wilson",
]
