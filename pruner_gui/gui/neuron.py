"""What is known of one neuron, in words: for the selection panel and the tooltip. Quick: it only looks up."""

from __future__ import annotations

from html import escape

import numpy as np
from PySide6.QtCore import QCoreApplication

from pruner_gui.evaluation import Score
from pruner_gui.gui import text
from pruner_gui.gui.document import Document, Preview
from pruner_gui.gui.graph_facts import Facts
from pruner_gui.network import Network, RemoveUnits
from pruner_gui.pruning import SLACK
from pruner_gui.session import Step

Rows = list[tuple[str, str]]


def visible_layers(network: Network) -> list[str]:
    """Return the names of the layers in the picture: the input and every dense layer."""
    return [network.input.name, *(node.name for node, _ in network.dense)]


def _tr(source: str) -> str:
    return QCoreApplication.translate("neuron", source)


def title(document: Document, layer: int, unit: int) -> str:
    """Return the neuron's name."""
    name = visible_layers(document.session.original)[layer]
    what = _tr("Input {unit}") if layer == 0 else _tr("{layer}, neuron {unit}")
    return what.format(layer=name, unit=text.integer(unit))


def tooltip(document: Document, preview: Preview, facts: Facts | None, layer: int, unit: int) -> str:
    """Return what hovering tells, a few lines of plain text."""
    name = visible_layers(document.session.original)[layer]
    activation = document.session.original.activation_after(name)
    first = title(document, layer, unit)
    lines = [first if activation == "linear" else f"{first} · {activation}"]
    lines += [why(document, preview, facts, layer, unit)]
    lines += [f"{what}: {value}" for what, value in _figures(document, preview, facts, layer, unit)]
    return "\n".join(lines)


def details(
    document: Document, preview: Preview, facts: Facts | None, layer: int, unit: int, hint: str = ""
) -> str:
    """Return the neuron's details as rich text, with a hint in rich text among them."""
    name = visible_layers(document.session.original)[layer]
    rows = _figures(document, preview, facts, layer, unit)
    rows += _bias(document.session.network, name, unit)
    reason = escape(why(document, preview, facts, layer, unit))
    return f"<b>{escape(title(document, layer, unit))}</b><p>{reason}</p>{hint}" + table(rows)


def table(rows: Rows) -> str:
    """Return names and values as a table in rich text."""
    cells = "".join(
        f'<tr><td style="padding-right:12px">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f'<table cellspacing="2">{cells}</table>'


# -- why it is as it is


def why(document: Document, preview: Preview, facts: Facts | None, layer: int, unit: int) -> str:
    """Return why the neuron is gone, would go, or stays."""
    session = document.session
    name = visible_layers(session.original)[layer]
    found = _removal(document, name, unit)
    if found is not None:
        number, step = found
        line = _tr("Removed in step {n}; the error after it was {error}.")
        return line.format(n=text.integer(number), error=text.number(step.score.values[0]))
    if _is_gone(document, name, unit):
        return _tr("Removed at no cost: no output changed for it.")
    hidden = {item.name: item for item in session.network.hidden_layers}
    if name not in hidden:
        return _tr("Inputs stay.") if layer == 0 else _tr("Outputs stay.")
    if (name, unit) in document.config.protected:
        return _tr("Protected: pruning leaves it alone.")
    if not hidden[name].prunable[hidden[name].units == unit].any():
        return _tr("Stays: it cannot go alone, because other layers are bound to it.")
    if hidden[name].units.size == 1:
        return _tr("Stays: it is the last of its layer.")
    return _of_connections(facts, layer, unit) + _judged(document, preview, name, unit)


def _of_connections(facts: Facts | None, layer: int, unit: int) -> str:
    found = facts.of_neuron(layer, unit) if facts is not None else None
    if found is None:
        return ""
    figures, place = found
    if not figures.n_out[place]:
        return _tr("Disconnected: nothing reads it.") + " "
    return "" if figures.n_in[place] else _tr("Constant: no input reaches it.") + " "


def _judged(document: Document, preview: Preview, name: str, unit: int) -> str:
    if document.session.examples is None:
        return _tr("Load data to measure what the network would be without it.")
    rejected = _rejected(document, name, unit)
    if document.session.run is not None:
        if rejected is None:
            return _tr("The run has not tried it yet.")
        return _tr("Stayed so far in this run: without it the error was {error}.").format(
            error=_error(rejected)
        )
    edit = RemoveUnits(name, (unit,))
    score = document.sweep.get(edit)
    if score is not None and preview.limits:
        return _within(document, preview, edit, score)
    if rejected is not None:
        return _tr("Stayed in the last run: without it the error was {error}.").format(error=_error(rejected))
    return _tr("Not measured yet.")


def _within(document: Document, preview: Preview, edit: RemoveUnits, score: Score) -> str:
    facts = {"error": text.number(score.values[0]), "limit": text.number(preview.limits[0])}
    if edit in preview.candidates:
        return _tr("Would go: without it the error is {error}, within the limit {limit}.").format(**facts)
    if score.values[0] > preview.limits[0]:
        return _tr("Stays: without it the error would be {error}, the limit is {limit}.").format(**facts)
    if document.leaves_out(edit.node):
        return _tr("Stays: it is not among the layers to prune.")
    least = document.least.get(edit.node, 1)
    going = sum(each.node == edit.node for each in preview.candidates)
    if document.session.network.sizes[edit.node] - going <= least:
        line = _tr("Could go, but {n} of its layer have to stay, and others would go first.")
        return line.format(n=text.integer(least))
    return _tr("Stays: another error would pass its limit.")


def _rejected(document: Document, name: str, unit: int) -> Score | None:
    run = document.session.last_run
    return run.rejected.get((name, unit)) if run is not None else None


def _error(score: Score) -> str:
    shown = text.number(score.values[0])
    return _tr("at least {error}").format(error=shown) if score.partial else shown


def _is_gone(document: Document, name: str, unit: int) -> bool:
    layer = document.session.network.by_name.get(name)
    return layer is None or unit not in layer.units


def _removal(document: Document, name: str, unit: int) -> tuple[int, Step] | None:
    """The step in which a neuron went, on the way to the network shown; None where it is still there."""
    session = document.session
    if not _is_gone(document, name, unit):
        return None
    before = 0
    found = None
    for run, count in session.path_of_runs:
        place = run.removed.get((name, unit))
        if place is not None and place < count:
            found = before + place + 1, run.steps[place]
        before += count
    return found


# -- its figures


def _figures(document: Document, preview: Preview, facts: Facts | None, layer: int, unit: int) -> Rows:
    name = visible_layers(document.session.original)[layer]
    score = document.sweep.get(RemoveUnits(name, (unit,)))
    rows: Rows = []
    if score is not None and preview.now:
        change = _change(score.values[0], preview.now[0])
        line = _tr("{error} ({change})").format(error=text.number(score.values[0]), change=change)
        rows.append((_tr("Error without it"), line))
        rows.append((_tr("Error now"), text.number(preview.now[0])))
        if preview.limits:
            rows.append((_tr("Limit"), text.number(preview.limits[0])))
            rejected = _rejected(document, name, unit)
            if rejected is not None and document.session.run is None:
                rows.append((_tr("Rejected in the last run with"), _error(rejected)))
    found = facts.of_neuron(layer, unit) if facts is not None else None
    if found is None or _is_gone(document, name, unit):
        return rows
    of, place = found
    if layer:
        rows += _weights(_tr("Connections in"), _tr("Strongest in"), of.n_in[place], of.strongest_in[place])
    if name not in document.session.original.outputs:
        out = _tr("Connections out"), _tr("Strongest out")
        rows += _weights(*out, of.n_out[place], of.strongest_out[place])
    return rows


def _change(error: float, now: float) -> str:
    rise = error - now
    if abs(rise) <= SLACK * max(error, now):
        return _tr("no change")
    return text.signed(text.number(rise, 3), rise)


def _weights(count_name: str, strongest_name: str, count: int, strongest: float) -> Rows:
    rows = [(count_name, text.integer(int(count)))]
    if count:
        rows.append((strongest_name, text.signed(text.number(float(strongest), 3), float(strongest))))
    return rows


def _bias(network: Network, name: str, unit: int) -> Rows:
    node = network.by_name[name]
    position, bias = np.flatnonzero(node.units == unit), node.op.tensors().get("bias")
    if bias is None or not position.size:
        return []
    return [(_tr("Bias"), text.number(float(bias[position[0]]), 3))]
