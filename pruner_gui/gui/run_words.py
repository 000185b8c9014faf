"""What runs and their points are called: in the plots, the table of runs and the history."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLocale

from pruner_gui.gui import text
from pruner_gui.gui.run_points import Mark
from pruner_gui.pruning import SLACK, PruneConfig
from pruner_gui.records import Points
from pruner_gui.session import Run

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


def change(value: float | None, before: float | None) -> str:
    """Return by how much a value differs from another, in percent of that; "" where that says nothing."""
    if value is None or not before:
        return ""
    rise = (value - before) / abs(before)
    if abs(rise) < SLACK:
        return _tr("no change")
    return text.signed(text.percent(rise), rise)


def title(found: Run) -> str:
    """Return what a run did, under which tolerance, and what came of it."""
    configs = [stage.config for stage in found.stages] or [found.config]
    line = _tr("{steps} within {tolerance}: {result}, error {error}")
    if found.finished is None:
        line = _tr("{steps} within {tolerance}, cancelled: {result}, error {error}")
    score = found.steps[found.kept - 1].score if found.kept else found.started.start
    shown = line.format(
        steps=text.capitalised(steps(configs)),
        tolerance=tolerance(configs[0]),
        result=_result(found),
        error=text.number(score.values[0]),
    )
    rise = change(score.values[0], found.started.original.values[0])
    return f"{shown} ({rise})" if rise else shown


def _result(found: Run) -> str:
    """How many neurons, or where none went how many connections, are left of how many."""
    start, last = found.started.network, found.steps[found.kept - 1] if found.kept else None
    if last is None:
        return neurons(start.hidden_neurons)
    line, before, after = _tr("{before} → {after} neurons"), start.hidden_neurons, last.neurons
    if before == after:
        line, before, after = _tr("{before} → {after} connections"), start.connections, last.connections
    return line.format(before=text.integer(before), after=text.integer(after))


def details(found: Run) -> str:
    """Return more of a run: what decided, what it cost, what it changed; a line each."""
    started, kept = found.started, found.kept
    names = " + ".join(text.metric(name) for name in started.metrics)
    limits = ", ".join(text.number(limit) for limit in started.limits)
    lines = [
        _tr("Decided by {metrics}, limit {limits}").format(metrics=names, limits=limits),
        baseline(found.config.baseline),
        _tr("Replaced by: {what}").format(what=compensation(found.config.compensation)),
    ]
    held = [score for score in (started.holdout, found.steps[kept - 1].holdout if kept else None) if score]
    if len(held) == 2:
        line = _tr("Held-out error: {before} → {after} ({change})")
        first, last = (score.values[0] for score in held)
        shown = {"before": text.number(first), "after": text.number(last), "change": change(last, first)}
        lines.append(line.format(**shown))
    if kept < len(found.steps):
        line = _tr("Guard rows kept {kept} of {accepted} removals")
        lines.append(line.format(kept=text.integer(kept), accepted=text.integer(len(found.steps))))
    took = "" if found.finished is None else ", " + seconds(found.finished.seconds)
    trials = text.plural(found.trials, _tr("{n} trial"), _tr("{n} trials"))
    return "\n".join([*lines, trials + took])


def compensation(name: str) -> str:
    """Return what takes the place of a neuron that goes."""
    return {"none": _tr("nothing"), "mean": _tr("its mean"), "refit": _tr("a refit")}[name]


def baseline(name: str) -> str:
    """Return what a tolerance is counted from."""
    sentences = {
        "original": _tr("The tolerance is counted from the network as opened, wherever a run begins."),
        "current": _tr(
            "The tolerance is counted from the network of each moment: it moves with every removal."
        ),
        "absolute": _tr("The tolerance is the error itself that may be reached, whatever it was before."),
    }
    return sentences[name]


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


def mark_tip(found: Mark) -> str:
    """Return what it means that a point stands out."""
    words = {
        "knee": _tr(
            "The knee: up to here much went for little, from here on the error rises steeply.\n"
            "It is where the curve is farthest below the straight line from its first to its last point."
        ),
        "improved": _tr(
            "The lowest held-out error of the run, below that of the start by more than chance explains.\n"
            "These rows decided nothing, they only report."
        ),
        "noise": _tr(
            "The lowest held-out error of the run; the best of so many points is as low by chance alone.\n"
            "These rows decided nothing, they only report."
        ),
        "chosen": _tr(
            "The smallest network whose error on the guard rows is within the tolerance, "
            "and that by a standard error."
        ),
    }
    return words[found.kind]


def seconds(value: float) -> str:
    """Return how long a run took."""
    return _tr("{n} s").format(n=text.number(value, 3))


def cancelled(value: float | None) -> str:
    """Return how long a run took until it was cancelled; None where nobody knows."""
    return _tr("cancelled") if value is None else _tr("{time}, cancelled").format(time=seconds(value))
