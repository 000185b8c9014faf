"""Names of nodes and tensors: what a reader would call them, each once."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 80  # a chain of derived names would grow without end


class UniqueNames:
    """Gives every name out once: the second `fc1` is `fc1_2`."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return the name, numbered if it is taken."""
        unique, count = name, self._counts.get(name, 1)
        while unique in self._taken:
            count += 1
            unique = f"{name}_{count}"
        self._taken.add(unique)
        self._counts[name] = count
        return unique


def stem(name: str) -> str:
    """`fc1` for `fc1.weight`, `dense` for `sequential/dense/MatMul/ReadVariableOp:0`; "" for others."""
    name = re.sub(r":\d+$", "", name)
    short = re.sub(r"[._](weight|kernel)$", "", name)
    if short != name:
        return short
    technical = r"(/(MatMul|Gemm|Transpose|Cast|ReadVariableOp|Identity|kernel|weight|read)(_\d+)?)+$"
    short = re.sub(technical, "", name)
    return short.rsplit("/", 1)[-1] if short != name else ""


def derived(source: str, what: str) -> str:
    """`fc1.relu` for the relu behind fc1."""
    return f"{source}.{what}" if len(source) + len(what) < LONGEST else what
