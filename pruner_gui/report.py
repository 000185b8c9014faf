"""A run, or any two networks, as data: what `--report` writes, pages are made of, and scripts read."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pruner_gui.comparison import Answers, Classes, Gap, Latency, Pair, RowSet, Summary, Values, rate
from pruner_gui.formats import Export
from pruner_gui.network import Network, ZeroConnections
from pruner_gui.pruning import Point, PruneConfig, knee
from pruner_gui.session import Run

LISTED = 100  # changed predictions
POINTS = 500  # predicted against true


def figures(summary: Summary, metric: str) -> dict[str, Any]:
    """Return one side of the comparison as plain values; `metric` is the one that decides first."""
    values: dict[str, Any] = {
        "layers": list(summary.layers),
        "hidden_neurons": summary.hidden_neurons,
        "connections": summary.connections,
        "parameters": summary.parameters,
        "macs": summary.macs,
        "bytes": summary.bytes,
        "weight_bytes": summary.weight_bytes,
        "activation_bytes": summary.activation_bytes,
    }
    if metric in summary.errors:
        values["error"] = summary.errors[metric].pruning
        values["holdout_error"] = summary.errors[metric].holdout
    if "error-rate" in summary.errors:
        rates = summary.errors["error-rate"]
        values["error_rate"] = rates.pruning
        values["holdout_error_rate"] = rates.holdout
        values["error_rate_interval"] = list(rate(rates.pruning, summary.pruning_rows).interval)
        if rates.holdout is not None:
            values["holdout_error_rate_interval"] = list(rate(rates.holdout, summary.holdout_rows).interval)
    return values


def compared(
    model: Path | None,
    before: Summary,
    after: Summary,
    metric: str,
    found: Answers | None = None,
    latency: Latency | None = None,
    *,
    latency_reason: str = "",
) -> dict[str, Any]:
    """Return two networks side by side as plain values, whatever made the second of the first.

    `metric` is the one that decides first, "" without data. `latency_reason` says why `latency` is None.
    Rows are named by where they stand in their file, from 1: by line in text, else by record. Of the changed
    predictions 100 are listed, of values predicted against true ones (of the first output) up to 500, evenly
    over the rows. With `fidelity` the data has no targets: what is true is what the network said at first.
    """
    return {
        "model": "" if model is None else str(model),
        "format": before.format,
        "metric": metric,
        "before": figures(before, metric),
        "after": figures(after, metric),
        "rows": {"pruning": before.pruning_rows, "holdout": before.holdout_rows},
        "data": None if found is None else {name: rows.where.source for name, rows in found.sets.items()},
        "fidelity": found is not None and found.fidelity,
        "latency": None if latency is None else _latency(latency),
        "latency_reason": latency_reason,
        "confusion": None if found is None else _confusion(found),
        "predicted": None if found is None else _predicted(found),
        "changed_predictions": None if found is None else _by_rows(found, _changed),
        "holdout_within_noise": None if found is None else dict(found.within_noise),
        "gap": None if found is None or found.gap is None else _gap(found.gap),
    }


def sensitivity_table(points: Iterable[Point], metrics: Sequence[str]) -> str:
    """Return how much the layers bear as CSV, a line a point, numbers as computers read them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["layer", "removed", "neurons", "share", *metrics])
    for point in points:
        errors = [repr(float(error)) for error in point.score.values]
        writer.writerow([point.layer, point.removed, point.of, repr(point.share), *errors])
    return out.getvalue()


def _by_rows(found: Answers, tell: Callable[[RowSet], dict[str, Any]]) -> dict[str, Any]:
    holdout = None if found.holdout is None else tell(found.holdout)
    return {"pruning": tell(found.pruning), "holdout": holdout}


def _confusion(found: Answers) -> dict[str, Any] | None:
    """Counts by true class (a row each) and predicted class (a column each); None without classes."""
    names = found.pruning
    if isinstance(names, Values) or names.truth is None:
        return None
    return {"classes": list(names.names), **_by_rows(found, _confusions)}


def _confusions(rows: RowSet) -> dict[str, Any]:
    assert isinstance(rows, Classes)
    counts = {"before": rows.confusion(rows.before), "after": rows.confusion(rows.after)}
    return {when: None if cells is None else cells.tolist() for when, cells in counts.items()}


def _predicted(found: Answers) -> dict[str, Any] | None:
    """True values, and what was predicted for them; None where the answers are classes."""
    if isinstance(found.pruning, Classes):
        return None
    return {"output": found.pruning.names[0], **_by_rows(found, _points)}


def _points(rows: RowSet) -> dict[str, Any]:
    assert isinstance(rows, Values)
    some = np.unique(np.linspace(0, len(rows.truth) - 1, min(POINTS, len(rows.truth))).astype(int))
    columns = {"true": rows.truth, "before": rows.before, "after": rows.after}
    return {
        "row": rows.where.numbers[some].tolist(),
        **{name: values[some, 0].tolist() for name, values in columns.items()},
    }


def _changed(rows: RowSet) -> dict[str, Any]:
    first = [
        {"row": each.row, "true": each.truth, "before": each.before, "after": each.after}
        for each in rows.changes(LISTED)
    ]
    where = {"source": rows.where.source, "counted": "lines" if rows.where.lines else "records"}
    return {"count": len(rows.changed), **where, "first": first}


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "metric": gap.metric,
        "pruning_before": gap.pruning_before,
        "pruning_after": gap.pruning_after,
        "holdout_before": gap.holdout_before,
        "holdout_after": gap.holdout_after,
        "before": gap.before,
        "after": gap.after,
        "change": gap.change,
        "standard_error": gap.noise if math.isfinite(gap.noise) else None,
        "verdict": gap.verdict,
    }


def _latency(latency: Latency) -> dict[str, Any]:
    return {"runtime": latency.runtime, "one": _pair(latency.one), "batch": _pair(latency.batch)}


def _pair(pair: Pair) -> dict[str, Any]:
    """Times in seconds a call."""
    sides = {"before": pair.before, "after": pair.after}
    times = {when: {"median": each.median, "p95": each.p95} for when, each in sides.items()}
    return {"rows": pair.rows, **times, "within_noise": pair.within_noise}


def report(
    comparison: Mapping[str, Any],
    original: Network,
    run: Run,
    export: Export | None = None,
    guard_rows: int = 0,
) -> dict[str, Any]:
    """Return a run as plain values: what `compared` says of its two ends, and how one became the other.

    `metric` and `tolerance` are those of the first criterion, `criteria` lists all of them. `removed` names
    hidden layers from 0 and neurons by their original index, with the error right after each removal;
    `protected` does so with those that were to stay. `keep` lists the layers of which a number was to stay,
    with the number `left` and whether the limit was `reached`. `steps` has an entry a step of the run, with
    what it did; what guard rows turned down again is in `steps`, but not in `removed`. `trajectory` has the
    figures at the start and after each accepted edit; `knee` and `lowest` are points of it, `lowest` that of
    the lowest held-out error, `improved` where that is below the first by more than chance. Of a cancelled
    run `evaluations` and `passes` are as far as it came, and `seconds` is None.
    """
    hidden = {layer.name: layer.index for layer in original.hidden_layers}
    criteria = [
        {
            "metric": metric,
            "value": run.config.tolerance(i).value,
            "relative": run.config.tolerance(i).relative,
            "limit": limit,
        }
        for i, (metric, limit) in enumerate(zip(run.started.metrics, run.started.limits, strict=True))
    ]
    ended = run.finished
    return {
        **comparison,
        "tolerance": {key: criteria[0][key] for key in ("value", "relative", "limit")},
        "criteria": criteria,
        "compensation": run.config.compensation,
        "protected": [
            {"layer": hidden[name], "neuron": unit}
            for name, unit in sorted(run.config.protected, key=lambda each: (hidden[each[0]], each[1]))
        ],
        "keep": _held(run.config, original, comparison["after"]["layers"]),
        "removed": _removed(run, 0, run.kept, hidden),
        "steps": [_stage(run, number, original) for number in range(len(run.stages))],
        "guard": _guard(run),
        "knee": _knee(run),
        "lowest": _lowest(run),
        "trajectory": [_point(run, accepted) for accepted in range(len(run.steps) + 1)],
        "evaluations": run.trials if ended is None else ended.evaluations,
        "passes": run.passes if ended is None else ended.passes,
        "seconds": None if ended is None else ended.seconds,
        "rows": {**comparison["rows"], **({"guard": guard_rows} if guard_rows else {})},
        "export": None if export is None else _export(export),
    }


def _held(config: PruneConfig, original: Network, left: Sequence[int]) -> list[dict[str, Any]]:
    """`_keep`, with what came of it; `left` counts the neurons of the input and every dense layer."""
    dense = [node.name for node, _ in original.dense]
    limits = _keep(config, original)
    now = [left[1 + dense.index(each["name"])] for each in limits]
    return [
        {**each, "left": count, "reached": count <= each["least"]}
        for each, count in zip(limits, now, strict=True)
    ]


def _export(export: Export) -> dict[str, Any]:
    return {
        "path": str(export.path),
        "format": export.format,
        "bytes": export.bytes,
        "max_difference": export.max_difference,
        "compared_by": export.runtime,
    }


def _removed(run: Run, first: int, last: int, hidden: Mapping[str, int]) -> list[dict[str, Any]]:
    """The neurons that went by these accepted edits."""
    return [
        {
            "layer": hidden[step.edit.node],
            "neuron": unit,
            "error": step.score.values[0],
            "holdout_error": step.holdout.values[0] if step.holdout is not None else None,
            **({"reason": step.reason} if step.reason else {}),
        }
        for step in run.steps[first:last]
        for unit in step.edit.units
    ]


def _keep(config: PruneConfig, original: Network) -> list[dict[str, Any]]:
    """How many neurons were to stay in a hidden layer at least."""
    layers = original.hidden_layers
    return [
        {
            "layer": index,
            "name": layers[index].name,
            "asked": str(least),
            "least": least.count(layers[index].units.size),
        }
        for index, least in config.keep
    ]


def _knee(run: Run) -> dict[str, Any] | None:
    """The point from which on errors rise steeply, of a run that ended."""
    points = [_point(run, accepted) for accepted in range(len(run.steps) + 1)]
    found = knee([point["error"] for point in points], [point["neurons"] for point in points])
    return None if found is None or run.finished is None else {"accepted": found, **points[found]}


def _lowest(run: Run) -> dict[str, Any] | None:
    found = None if run.finished is None else run.finished.lowest
    if found is None:
        return None
    return {"accepted": found.accepted, "improved": found.improved, **_point(run, found.accepted)}


def _stage(run: Run, number: int, original: Network) -> dict[str, Any]:
    """What one step of a run did."""
    hidden = {layer.name: layer.index for layer in original.hidden_layers}
    stage, started = run.stages[number], run.started
    first = stage.first
    last = run.stages[number + 1].first if number + 1 < len(run.stages) else len(run.steps)
    before, after = (_point(run, place) for place in (first, last))
    zeroed = sum(step.edit.count for step in run.steps[first:last] if isinstance(step.edit, ZeroConnections))
    return {
        "strategy": stage.config.strategy,
        "tolerance": str(stage.config.tolerance(0)),
        "keep": _keep(stage.config, original),
        "limit": stage.limits[0],
        "neurons_before": before["neurons"],
        "neurons": after["neurons"],
        "error": after["error"],
        "holdout_error": after["holdout_error"] if started.holdout is not None else None,
        "zeroed": zeroed,
        "nonzero_connections": after["nonzero_connections"],
        "removed": _removed(run, first, last, hidden),
    }


def _point(run: Run, accepted: int) -> dict[str, Any]:
    """The figures after so many accepted edits."""
    started = run.started
    if not accepted:
        score, held, guard = started.start, started.holdout, started.guard
        neurons, connections = started.network.hidden_neurons, started.network.connections
    else:
        step = run.steps[accepted - 1]
        score, held, guard = step.score, step.holdout, step.guard
        neurons, connections = step.neurons, step.connections
    return {
        "neurons": neurons,
        "error": score.values[0],
        "holdout_error": None if held is None else held.values[0],
        "guard_error": None if guard is None else guard.values[0],
        "nonzero_connections": connections,
    }


def _guard(run: Run) -> dict[str, Any] | None:
    """What the guard rows chose; None without any."""
    if run.started.guard is None:
        return None
    errors = [run.started.guard, *(step.guard for step in run.steps)]
    chosen = errors[run.kept]
    return {
        "accepted": len(run.steps),
        "kept": run.kept,
        "error_before": run.started.guard.values[0],
        "error": None if chosen is None else chosen.values[0],
    }
