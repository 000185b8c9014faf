"""Activations as text: "relu", or "leaky_relu(0.2)" with the function's parameters.

They stand in the order of `pruner_gui.network.ACTIVATIONS`, and may be left out from the right.
"""

from __future__ import annotations

import re

from pruner_gui.network import ACTIVATIONS, Activation


def parse(text: str) -> Activation | None:
    """Return the activation, or None where the text is none."""
    found = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text)
    kind = ACTIVATIONS.get(found[1]) if found else None
    try:
        numbers = [float(number) for number in found[2].split(",")] if found and found[2] else []
    except ValueError:
        return None
    if kind is None or len(numbers) > len(kind.defaults):
        return None
    return Activation(kind.name, dict(zip(kind.defaults, numbers, strict=False)))


def text(activation: Activation) -> str:
    """Return the activation as text; parameters only where they are not the table's."""
    if activation.settings == ACTIVATIONS[activation.kind].defaults:
        return activation.kind
    return f"{activation.kind}({', '.join(repr(float(value)) for value in activation.settings.values())})"


def split(texts: str) -> tuple[str, ...]:
    """Return the activations of a list divided by commas; those in parentheses divide nothing."""
    return tuple(part.strip() for part in re.split(r",(?![^(]*\))", texts))
