"""A run as data: what the command line writes with `--report`, and what scripts read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pruner_gui.comparison import Summary
from pruner_gui.formats import Export
from pruner_gui.network import Network
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
    model: Path, original: Network, run: Run, before: Summary, after: Summary, export: Export
) -> dict[str, Any]:
    """Return a finished run as plain values.

    `metric` and `tolerance` are those of the first criterion, `criteria` lists all of them. `removed` names
    hidden layers from 0 and neurons by their original index, with the error right after each removal;
    `protected` does so with those that were to stay.
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
        "removed": [
            {
                "layer": hidden[step.edit.node],
                "neuron": unit,
                "error": step.score.values[0],
                "holdout_error": step.holdout.values[0] if step.holdout is not None else None,
            }
            for step in run.steps
            for unit in step.edit.units
        ],
        "evaluations": run.finished.evaluations,
        "passes": run.finished.passes,
        "seconds": run.finished.seconds,
        "rows": {"pruning": before.pruning_rows, "holdout": before.holdout_rows},
        "export": {
            "path": str(export.path),
            "format": export.format,
            "bytes": export.bytes,
            "max_difference": export.max_difference,
            "compared_by": export.runtime,
        },
    }
