"""Before and after: what a network costs, how good it is, how fast it is, and what it answers otherwise.

`summarise` measures one network, `answers` two of them row by row, `measure_latency` both by the clock.
"""

from pruner_gui.comparison.answers import (
    Answers,
    Change,
    Classes,
    RowSet,
    Values,
    Where,
    answers,
)
from pruner_gui.comparison.gap import Gap
from pruner_gui.comparison.latency import Latency, Pair, Times, measure_latency
from pruner_gui.comparison.memory import peak_activations, weight_bytes
from pruner_gui.comparison.summary import (
    Measured,
    Rate,
    Summary,
    measured_metrics,
    rate,
    summarise,
)

__all__ = [
    "Answers",
    "Change",
    "Classes",
    "Gap",
    "Latency",
    "Measured",
    "Pair",
    "Rate",
    "RowSet",
    "Summary",
    "Times",
    "Values",
    "Where",
    "answers",
    "measure_latency",
    "measured_metrics",
    "peak_activations",
    "rate",
    "summarise",
    "weight_bytes",
]
