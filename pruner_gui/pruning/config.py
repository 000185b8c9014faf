"""What a pruning run is asked to do. The window's form and the command line's options are built from this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import COMPENSATIONS, METRICS

Protected = frozenset[tuple[str, int]]  # (layer, original unit)

BASELINES = ("original", "current", "absolute")
COMPARISONS = ("le", "lt", "abs")
ORDERS = ("index", "least-harm", "random")
STRATEGIES = ("selective", "free", "connections", "magnitude", "random")
RANKINGS = ("magnitude", "contribution", "saliency")
SCOPES = ("all", "layer")


# Dropping a column reorders floating-point sums, so a removal without any effect can still show a rise of the
# order of rounding. Rises this small, relative to the errors compared, count as none.
SLACK = 1e-9


@dataclass
class BadSetting(PrunerError):
    """A value that an option cannot take."""

    option: str
    value: str
    allowed: str


@dataclass(frozen=True)
class Tolerance:
    """How much worse a network may get: in percent of the original error, or in the metric's unit."""

    value: float
    relative: bool

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Read "5%" (relative) or "0.01" (absolute).

        Raises:
            BadSetting: not a number, negative, or not finite.
        """
        number = text.strip().removesuffix("%")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise BadSetting("tolerance", text, "5%, 0.01")
        return cls(value, relative=text.strip().endswith("%"))

    def amount(self, original: float) -> float:
        """Return the tolerance in the metric's unit, for an original error."""
        return abs(original) * self.value / 100 if self.relative else self.value

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.relative else f"{self.value:g}"


@dataclass(frozen=True)
class Least:
    """How many neurons stay in a layer at least: a number, or percent of those it had at first."""

    value: float
    relative: bool

    @classmethod
    def parse(cls, text: str) -> Least:
        """Read "12" or "40%" (relative).

        Raises:
            BadSetting: not a number, negative, more than 100 %, or a part of a neuron.
        """
        relative = text.strip().endswith("%")
        number = text.strip().removesuffix("%")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 <= value <= (100 if relative else 2**31) or (not relative and value % 1):
            raise BadSetting("keep", text, "12, 40%")
        return cls(value, relative)

    def count(self, size: int) -> int:
        """Return the number of neurons, for a layer that had `size`; the last one stays always."""
        return max(1, math.ceil(size * self.value / 100 - 1e-9) if self.relative else int(self.value))

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.relative else str(int(self.value))


def _option(default: Any, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True)
class PruneConfig:
    """The options of one step of a run.

    - `strategy`: selective pruning; neurons that cost nothing; connections; or, to compare with, neurons by
      the magnitude of their weights or at random, up to the first that the tolerance does not allow.
    - `metrics`: errors to hold, empty to let the network's outputs decide; `tolerances`: one for each, or one
      for all. A removal has to satisfy every one.
    - `baseline`: what an error is compared with: that of the original network, of the current one, or the
      tolerance itself as a ceiling.
    - `comparison`: "le" rise <= tolerance, "lt" rise < tolerance, "abs" |rise| <= tolerance.
    - `restart`: after a removal begin again at the first neuron, instead of going on with the next.
    - `layers`: hidden layers counted from 0, None for all.
    - `protected`: neurons that stay whatever their error, as (layer name, original unit).
    - `keep`: how many neurons stay at least, as (hidden layer counted from 0, number or percent).
    - `order`: of the neurons in a pass: input to output side; least rise first, measured when the pass
      begins; random by `seed`.
    - `compensation`: what takes the place of a neuron that goes: nothing, its mean, or its least-squares
      estimate from the layer's other neurons. The error that is judged is the one after it.
    - `ranking`: of connections, see `pruning.connections`; `scope`: whether they are taken from all layers
      together, or from one layer after the other.

    Raises:
        BadSetting: a value that is not allowed, or as many tolerances as do not fit the metrics.
    """

    metrics: tuple[str, ...] = _option((), tuple(METRICS))
    tolerances: tuple[Tolerance, ...] = _option((Tolerance(5, relative=True),))
    baseline: str = _option("original", BASELINES)
    comparison: str = _option("le", COMPARISONS)
    restart: bool = _option(False)
    layers: tuple[int, ...] | None = _option(None)
    protected: frozenset[tuple[str, int]] = _option(frozenset())
    keep: tuple[tuple[int, Least], ...] = _option(())
    order: str = _option("index", ORDERS)
    seed: int = _option(0)
    compensation: str = _option("none", COMPENSATIONS)
    strategy: str = _option("selective", STRATEGIES)
    ranking: str = _option("magnitude", RANKINGS)
    scope: str = _option("all", SCOPES)

    def __post_init__(self) -> None:
        for name, choice in self.__dataclass_fields__.items():
            allowed = choice.metadata["choices"]
            value = getattr(self, name)
            for item in value if isinstance(value, tuple) else (value,):
                if allowed and item not in allowed:
                    raise BadSetting(name, str(item), ", ".join(allowed))
        if len(self.tolerances) not in (1, max(len(self.metrics), 1)):
            raise BadSetting("tolerances", ", ".join(map(str, self.tolerances)), str(len(self.metrics)))

    def tolerance(self, index: int) -> Tolerance:
        """Return the tolerance of metric number `index`."""
        return self.tolerances[index if len(self.tolerances) > 1 else 0]


# Heaton, Introduction to Neural Networks with Java, 1st edition 2005 and 2nd edition 2008: chapter on pruning
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "selective": {},
        "heaton-2008": {
            "metrics": ("rmse",),
            "baseline": "absolute",
            "comparison": "lt",
            "restart": True,
            "layers": (0,),
        },
        "heaton-2005": {
            "metrics": ("rmse",),
            "baseline": "current",
            "comparison": "abs",
            "restart": True,
        },
    }
)
