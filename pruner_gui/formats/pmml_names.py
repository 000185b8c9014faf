"""What a PMML file says beyond the network, as values. They go with the network, wherever that goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Step = tuple[str, float, float]
"""An operation on one column: (operator, constant, 0), or ("clip", lowest, highest)."""


@dataclass(frozen=True)
class Column:
    """What stands between a field of the data and a neural input, or an output neuron and the target.

    `value` is the category that the column indicates, or None for a number. `steps` lead from the field to
    the network, in that direction for outputs too. `points` are the two of a NormContinuous, (orig, norm)
    each, when that is all there is. `rescale` is what a target is multiplied by and what is then added to it.
    """

    id: str
    field: str
    value: str | None = None
    steps: tuple[Step, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    outliers: str = "asIs"
    rescale: tuple[float, float] = (1.0, 0.0)

    @property
    def name(self) -> str:
        """The field's name, with the category where there is one."""
        return self.field if self.value is None else f"{self.field}={self.value}"


@dataclass(frozen=True)
class Names:
    """What a file says beyond the network: kept, and written again.

    `fields` are the DataFields: attributes, and children as tag and attributes. `neurons` are the ids of the
    neurons of every dense node, by original index. `complement` is how one sigmoid stands for two
    classes, the first of them as one minus the second: "identity", "threshold" (which of them is over 0.5) or
    "" (not at all).
    """

    model: Mapping[str, str]
    fields: tuple[tuple[Mapping[str, str], tuple[tuple[str, Mapping[str, str]], ...]], ...]
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    neurons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    complement: str = ""
