"""A run as data: what the command line writes with `--report`, and what scripts read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pruner_gui.comparison import Summary
from pruner_gui.formats import Export
from pruner_gui.network import Network, ZeroConnections
from pruner_gui.session import Run


def figures(summary: Summary, metric: str) -> dict[str, Any]:
    """Return one side of the comparison as plain values; `metric` is the one that decides first."""
    values: dict[str, Any] = {
        "layers": list(summary.layers),
        "hidden_neurons": summary.hidden_neurons,
        "connections": summary.connections,
        "parameters": summary.parameters,
        "macs": summary.macs,
        "bytes": summary.bytes,
        "error": summary.errors[metric].pruning,
        "holdout_error": summary.errors[metric].holdout,
    }
    if "error-rate" in summary.errors:
        values["error_rate"] = summary.errors["error-rate"].pruning
        values["holdout_error_rate"] = summary.errors["error-rate"].holdout
    return values


def report(
    model: Path,
    original: Network,
    run: Run,
    before: Summary,
    after: Summary,
    export: Export,
    guard_rows: int = 0,
) -> dict[str, Any]:
    """Return a finished run as plain values.

    `metric` and `tolerance` are those of the first criterion, `criteria` lists all of them. `removed` names
    hidden layers from 0 and neurons by their original index, with the error right after each removal;
    `protected` does so with those that were to stay. `steps` has an entry a step of the run, with what it
    did; what guard rows turned down again is in `steps`, but not in `removed`.
    """
    assert run.finished is not None
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
    metric = run.started.metrics[0]
    return {
        "model": str(model),
        "metric": metric,
        "tolerance": {key: criteria[0][key] for key in ("value", "relative", "limit")},
        "criteria": criteria,
        "compensation": run.config.compensation,
        "protected": [
            {"layer": hidden[name], "neuron": unit}
            for name, unit in sorted(run.config.protected, key=lambda each: (hidden[each[0]], each[1]))
        ],
        "before": figures(before, metric),
        "after": figures(after, metric),
        "removed": _removed(run, 0, run.kept, hidden),
        "steps": [_stage(run, number, hidden) for number in range(len(run.stages))],
        "guard": _guard(run),
        "evaluations": run.finished.evaluations,
        "passes": run.finished.passes,
        "seconds": run.finished.seconds,
        "rows": {
            "pruning": before.pruning_rows,
            "holdout": before.holdout_rows,
            **({"guard": guard_rows} if guard_rows else {}),
        },
        "export": {
            "path": str(export.path),
            "format": export.format,
            "bytes": export.bytes,
            "max_difference": export.max_difference,
            "compared_by": export.runtime,
        },
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


def _stage(run: Run, number: int, hidden: Mapping[str, int]) -> dict[str, Any]:
    """What one step of a run did."""
    stage, started = run.stages[number], run.started
    first = stage.first
    last = run.stages[number + 1].first if number + 1 < len(run.stages) else len(run.steps)
    before, after = (_point(run, place) for place in (first, last))
    zeroed = sum(step.edit.count for step in run.steps[first:last] if isinstance(step.edit, ZeroConnections))
    return {
        "strategy": stage.config.strategy,
        "tolerance": str(stage.config.tolerance(0)),
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
        score, held = started.start, started.holdout
        neurons, connections = started.network.hidden_neurons, started.network.connections
    else:
        step = run.steps[accepted - 1]
        score, held, neurons, connections = step.score, step.holdout, step.neurons, step.connections
    return {
        "neurons": neurons,
        "error": score.values[0],
        "holdout_error": None if held is None else held.values[0],
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
