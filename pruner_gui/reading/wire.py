"""What the two processes say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from pruner_gui import files, limits, network
from pruner_gui.codec import Codec
from pruner_gui.data import dataset, options, table
from pruner_gui.data import errors as data_errors
from pruner_gui.errors import PrunerError
from pruner_gui.formats import errors as format_errors
from pruner_gui.formats import pmml_names, state_dict
from pruner_gui.network import graph, ops

_GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """What the reading of one file may take, before the user raises it (`pruner_gui.limits`)."""

    seconds: float = 120.0
    rate: int = 4 << 20  # bytes of file that get another second
    base: int = 4 * _GIB  # bytes of address space: an interpreter with its libraries takes more than one
    factor: int = 12  # bytes for every byte of the file

    def time(self, size: int) -> float:
        """Return the seconds for a file of this size."""
        return (self.seconds + size // self.rate) * limits.scale()

    def memory(self, size: int) -> int:
        """Return the bytes of address space for a file of this size."""
        return limits.scaled(self.base + self.factor * size)


@dataclass(frozen=True)
class Job:
    """What to read. `what` is a key of the child's table of calls, `scale` that of the readers' limits."""

    what: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    memory: int
    scale: float


@dataclass(frozen=True)
class Answer:
    """What came of it. `trace` is that of an error, expected or not."""

    value: Any = None
    error: PrunerError | None = None
    trace: str = ""
    out_of_memory: bool = False


@cache
def codec() -> Codec:
    """Return what both sides speak: jobs, answers, networks, rows and refusals."""
    kinds = [network.Network, network.Node, network.Origin, dataset.Dataset, dataset.Scaling, Job, Answer]
    kinds += [dataset.Encoding, dataset.Note, table.Table, options.ReadOptions, data_errors.Place]
    kinds += [state_dict.Stored, format_errors.LayerSizes, pmml_names.Names, pmml_names.Column]
    kinds += [kind for kind in vars(ops).values() if isinstance(kind, type) and issubclass(kind, ops.Op)]
    return Codec(
        [
            *kinds,
            *_refusals(files),
            *_refusals(data_errors),
            *_refusals(format_errors),
            *_refusals(graph),
            *_refusals(ops),
        ]
    )


def _refusals(module: ModuleType) -> list[type]:
    found = [kind for kind in vars(module).values() if isinstance(kind, type)]
    return [kind for kind in found if issubclass(kind, PrunerError)]
