"""What is known of one neuron, in words: for the selection panel and the tooltip."""

from __future__ import annotations

from html import escape

import numpy as np
from PySide6.QtCore import QCoreApplication

from pruner_gui.gui import text
from pruner_gui.gui.document import Document, Preview
from pruner_gui.network import Network, RemoveUnits
from pruner_gui.session import Step


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


def why(document: Document, preview: Preview, layer: int, unit: int) -> str:
    """Return why the neuron is gone, would go, or stays."""
    session = document.session
    name = visible_layers(session.original)[layer]
    found = _removal(document, RemoveUnits(name, (unit,)))
    if found is not None:
        number, step = found
        line = _tr("Removed in step {n}; the error after it was {error}.")
        return line.format(n=text.integer(number), error=text.number(step.score.values[0]))
    hidden = {item.name: item for item in session.network.hidden_layers}
    if name not in hidden:
        return _tr("Inputs stay.") if layer == 0 else _tr("Outputs stay.")
    if not hidden[name].prunable[hidden[name].units == unit].any():
        return _tr("Stays: it cannot go alone, because other layers are bound to it.")
    if hidden[name].units.size == 1:
        return _tr("Stays: it is the last of its layer.")
    return _judged(document, preview, RemoveUnits(name, (unit,)))


def _judged(document: Document, preview: Preview, edit: RemoveUnits) -> str:
    score = document.sweep.get(edit)
    if document.session.examples is None:
        return _tr("Load data to measure what the network would be without it.")
    if document.session.run is not None:
        return _tr("The run has not decided on it for good.")
    if score is None or not preview.limits:
        return _tr("Not measured yet.")
    facts = {"error": text.number(score.values[0]), "limit": text.number(preview.limits[0])}
    if edit in preview.candidates:
        return _tr("Would go: without it the error is {error}, within the limit {limit}.").format(**facts)
    if len(score.values) > 1 and score.values[0] <= preview.limits[0]:
        return _tr("Stays: another error would pass its limit.")
    return _tr("Stays: without it the error would be {error}, the limit is {limit}.").format(**facts)


def _removal(document: Document, edit: RemoveUnits) -> tuple[int, Step] | None:
    """The step in which a neuron went, on the way to the version shown."""
    session = document.session
    here = session.versions.index(session.version)
    runs = [version.run for version in session.versions[1 : here + 1]]
    number = 0
    for run in (*runs, session.run):
        for step in run.steps if run is not None else ():
            number += 1
            if step.edit == edit:
                return number, step
    return None


def details(document: Document, preview: Preview, layer: int, unit: int) -> str:
    """Return the neuron's details as rich text."""
    reason = escape(why(document, preview, layer, unit))
    lines = [f"<b>{escape(title(document, layer, unit))}</b>", f"<p>{reason}</p>"]
    rows = _figures(document.session.network, visible_layers(document.session.original)[layer], unit)
    cells = "".join(
        f'<tr><td style="padding-right:12px">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return "".join(lines) + f'<table cellspacing="2">{cells}</table>'


def _figures(network: Network, name: str, unit: int) -> list[tuple[str, str]]:
    node = network.by_name[name]
    position = np.flatnonzero(node.units == unit)
    if not position.size:
        return []
    incoming = node.op.tensors().get("weight")
    leaving = [link.weight[link.sources == position[0]] for link in network.links if link.source == name]
    outgoing = np.concatenate([weights.ravel() for weights in leaving]) if leaving else np.zeros(0)
    rows = []
    if incoming is not None:
        into = incoming[:, position[0]]
        rows += _weights(_tr("Connections in"), _tr("Strongest in"), into)
        bias = float(node.op.tensors()["bias"][position[0]])
        rows.append((_tr("Bias"), text.number(bias, 3)))
    if leaving:
        rows += _weights(_tr("Connections out"), _tr("Strongest out"), outgoing)
    return rows


def _weights(
    count_name: str, strongest_name: str, weights: np.ndarray[tuple[int, ...], np.dtype[np.floating]]
) -> list[tuple[str, str]]:
    rows = [(count_name, text.integer(int(np.count_nonzero(weights))))]
    if weights.size:
        strongest = float(weights[np.abs(weights).argmax()])
        rows.append((strongest_name, text.signed(text.number(strongest, 3), strongest)))
    return rows
