"""How data is read, described once: the command line and the window's dialog are built from these fields."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

SCALINGS = ("none", "255", "standard", "minmax")
MISSING = ("refuse", "drop-rows", "mean")
CATEGORIES = ("one-hot", "drop-first", "number")
HEADERS = ("auto", "yes", "no")
DELIMITERS = ("auto", ",", ";", "\t", "|", " ")


def _option(default: str | None, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True)
class ReadOptions:
    """How the columns of a file become inputs and targets.

    `target`, `inputs` and `ignore` name columns: names, indices from 0 (negative: from the end) or ranges of
    them such as 0-3, with commas between; `#` in front of an index keeps it from being taken for a name. Left
    out, the network's counts decide. `classes` are the classes in the order of the outputs; by default the
    labels in sorted order. `scale` is one of `SCALINGS`, or a number to divide by. `missing` says what
    becomes of cells without a value, `categories` how a column of words becomes numbers.
    """

    target: str | None = _option(None)
    inputs: str | None = _option(None)
    ignore: str | None = _option(None)
    classes: str | None = _option(None)
    scale: str = _option("none", SCALINGS)
    missing: str = _option("refuse", MISSING)
    categories: str = _option("one-hot", CATEGORIES)
    delimiter: str = _option("auto", DELIMITERS)
    header: str = _option("auto", HEADERS)


def is_scaling(scale: str) -> bool:
    """Whether a text is a scaling: one of the known ones, or a number that can be divided by."""
    if scale in SCALINGS:
        return True
    try:
        return math.isfinite(float(scale)) and float(scale) > 0
    except ValueError:
        return False
