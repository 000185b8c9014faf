"""The sentences for what the lower layers say in values: refusals, reasons, names.

The window passes a translator, the command line takes the English source. Every sentence stands in
`QT_TRANSLATE_NOOP`, where the translation tools find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import MetricUnfit, NonFiniteError, NonFiniteWeight, WrongWidth
from pruner_gui.network import CannotRemove, MalformedGraph, ShapeMismatch
from pruner_gui.pruning import BadSetting, NothingToRelateTo

Translate = Callable[[str], str]


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:  # noqa: N802
    """Mark a text for the translation tools, which know this name."""
    return text


@dataclass(frozen=True)
class Problem:
    """A refusal in words: what happened and why, and what to do about it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


def problem(error: PrunerError, translate: Translate = str) -> Problem:
    """Return the sentences for a refusal."""
    what, remedy = _PROBLEMS[type(error)]
    facts = {name: _plain(value) for name, value in vars(error).items()}
    return Problem(translate(what).format(**facts), translate(remedy).format(**facts))


def reason(code: str, translate: Translate = str) -> str:
    """Return why the default metrics were chosen."""
    return translate(_REASONS[code])


def metric(name: str, translate: Translate = str) -> str:
    """Return a metric's name as shown."""
    return translate(_METRICS[name])


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


_PROBLEMS: Mapping[type[PrunerError], tuple[str, str]] = MappingProxyType(
    {
        ShapeMismatch: (
            QT_TRANSLATE_NOOP("wording", "The network does not fit together: {where} has {found}, not {expected}."),
            QT_TRANSLATE_NOOP("wording", "Export the model again from the program that trained it."),
        ),
    }
)

_REASONS: Mapping[str, str] = MappingProxyType({})
_METRICS: Mapping[str, str] = MappingProxyType({})
