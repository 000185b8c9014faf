"""A run's steps as JSON: saved, edited, and replayed on other networks.

    {"version": 1, "steps": [{"strategy": "free"}, {"strategy": "selective", "tolerances": ["5%"]}]}

Every field of `PruneConfig` may stand in a step; what is left out has its default.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pruner_gui.errors import PrunerError
from pruner_gui.pruning.config import Least, PruneConfig, Tolerance

VERSION = 1


@dataclass
class BadRecipe(PrunerError):
    """A text is no recipe. `problem` is "json", "version", "steps", or "setting"; `detail` says where."""

    problem: str
    detail: str


def to_json(steps: Sequence[PruneConfig]) -> str:
    """Return steps as text; what has its default is left out."""
    return json.dumps({"version": VERSION, "steps": [_plain(config) for config in steps]}, indent=2)


def from_json(text: str) -> tuple[PruneConfig, ...]:
    """Return the steps of a recipe.

    Raises:
        BadRecipe: it is none.
        BadSetting: a setting has a value that is not allowed.
    """
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecipe("json", str(error)) from error
    if not isinstance(whole, dict) or whole.get("version") != VERSION:
        raise BadRecipe("version", str(whole.get("version") if isinstance(whole, dict) else ""))
    steps = whole.get("steps")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise BadRecipe("steps", "")
    return tuple(_config(number, step) for number, step in enumerate(steps))


def _plain(config: PruneConfig) -> dict[str, Any]:
    usual = PruneConfig(strategy=config.strategy)
    values = {"strategy": config.strategy}
    for field in dataclasses.fields(PruneConfig):
        value = getattr(config, field.name)
        if value != getattr(usual, field.name):
            values[field.name] = _WRITE.get(field.name, lambda same: same)(value)
    return values


_WRITE: dict[str, Any] = {
    "tolerances": lambda value: [str(tolerance) for tolerance in value],
    "protected": lambda value: [[name, unit] for name, unit in sorted(value)],
    "metrics": list,
    "layers": list,
    "keep": lambda value: [[layer, str(least)] for layer, least in value],
}
_READ: dict[str, Any] = {
    "tolerances": lambda value: tuple(Tolerance.parse(text) for text in value),
    "protected": lambda value: frozenset((str(name), int(unit)) for name, unit in value),
    "metrics": tuple,
    "layers": lambda value: tuple(int(layer) for layer in value),
    "keep": lambda value: tuple((int(layer), Least.parse(str(least))) for layer, least in value),
    "seed": int,
    "restart": bool,
}


def _config(number: int, step: dict[str, Any]) -> PruneConfig:
    known = {field.name for field in dataclasses.fields(PruneConfig)}
    settings = {}
    for name, value in step.items():
        if name not in known:
            raise BadRecipe("setting", f"{number + 1}: {name}")
        try:
            settings[name] = _READ.get(name, str)(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise BadRecipe("setting", f"{number + 1}: {name}") from error
    try:
        return PruneConfig(**settings)
    except TypeError as error:
        raise BadRecipe("setting", str(number + 1)) from error
