"""What runs and their points are called: in the plots, the table of runs and the history."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLocale

from pruner_gui.gui import text
from pruner_gui.gui.run_points import Mark, Points
from pruner_gui.pruning import PruneConfig

_SHORT = 18  # letters


def _tr(source: str) -> str:
    return QCoreApplication.translate("run_words", source)


def strategy(name: str) -> str:
    """Return what a step of a run does, in a word."""
    words = {
        "selective": _tr("selective"),
        "free": _tr("what is free"),
        "connections": _tr("connections"),
        "magnitude": _tr("by magnitude"),
        "random": _tr("at random"),
    }
    return words[name]


def steps(configs: Sequence[PruneConfig]) -> str:
    """Return what the steps of a run do, and what took the place of the neurons that went."""
    line = ", ".join(strategy(config.strategy) for config in configs)
    found = dict.fromkeys(c.compensation for c in configs if c.compensation != "none")
    return " + ".join([line, *({"mean": _tr("mean"), "refit": _tr("refit")}[name] for name in found)])


def tolerance(config: PruneConfig) -> str:
    """Return the tolerances of a run, one for each metric."""
    return ", ".join(
        QLocale().toString(float(each.value), "g", 6) + (" %" if each.relative else "")
        for each in config.tolerances
    )


def run(number: int, configs: Sequence[PruneConfig]) -> str:
    """Return the name that a run has until the user gives it another."""
    line = _tr("Run {n}: {steps} {tolerance}")
    return line.format(n=text.integer(number), steps=steps(configs), tolerance=tolerance(configs[0]))


def short(name: str) -> str:
    """Return the name of a run for a legend: up to a colon, and no more than some letters."""
    found = name.partition(":")[0]
    return found if len(found) <= _SHORT else found[: _SHORT - 1] + "…"


def neurons(count: int) -> str:
    """Return a number of neurons."""
    return text.plural(count, _tr("{n} neuron"), _tr("{n} neurons"))


def point(points: Points, index: int) -> str:
    """Return the figures at a point of a run."""
    parts = [
        neurons(points.neurons[index]),
        _tr("error {value}").format(value=text.number(points.pruning[index], 3)),
    ]
    if points.holdout:
        parts.append(_tr("held out {value}").format(value=text.number(points.holdout[index], 3)))
    if points.guard:
        parts.append(_tr("guard {value}").format(value=text.number(points.guard[index], 3)))
    return ", ".join(parts)


def mark(found: Mark) -> str:
    """Return the label of a point that stands out."""
    words = {
        "knee": _tr("knee: {neurons}"),
        "improved": _tr("pruning improved it here: {neurons}"),
        "noise": _tr("lowest held-out error, within noise of the start: {neurons}"),
        "chosen": _tr("chosen by the guard rows: {neurons}"),
    }
    return words[found.kind].format(neurons=neurons(found.neurons))


def seconds(value: float) -> str:
    """Return how long a run took."""
    return _tr("{n} s").format(n=text.number(value, 3))


def cancelled(value: float) -> str:
    """Return how long a run took until it was cancelled."""
    return _tr("{time}, cancelled").format(time=seconds(value))
