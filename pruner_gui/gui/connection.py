"""What is known of one connection, and of one layer, in words: for the selection panel and the tooltip."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QCoreApplication

from pruner_gui.gui import neuron, text
from pruner_gui.gui.document import Document, Preview
from pruner_gui.gui.graph_facts import EdgeHit, Facts


def _tr(source: str) -> str:
    return QCoreApplication.translate("connection", source)


def title(document: Document, edge: EdgeHit) -> str:
    """Return the connection's name: its two ends."""
    ends = (neuron.title(document, *end) for end in (edge.source, edge.target))
    return " → ".join(ends)


def rank(facts: Facts | None, edge: EdgeHit) -> str:
    """Return how strong it is among the connections of its layers; empty where that is not known."""
    shares = facts.rank(edge) if facts is not None else None
    if shares is None:
        return ""
    weaker, stronger = (min(share, 0.999) for share in shares)
    if not weaker and not stronger:
        return _tr("as strong as all others of this layer")
    if not stronger:
        return _tr("the strongest of this layer")
    if weaker > stronger:
        return _tr("stronger than {share} of this layer's").format(share=text.percent(weaker, 3))
    return _tr("weaker than {share} of this layer's").format(share=text.percent(stronger, 3))


def _measured(document: Document, edge: EdgeHit) -> tuple[str, float] | None:
    """How strong it is by another measure than |w|, and what that is called; None without one."""
    strengths = document.strengths
    if strengths is None or strengths.kind == "magnitude":
        return None
    names = neuron.visible_layers(document.session.original)
    (source, unit), (target, other) = edge.source, edge.target
    value = strengths.of_edge((names[source], unit), (names[target], other))
    name = _tr("Contribution") if strengths.kind == "contribution" else _tr("Expected rise of the error")
    return None if value is None else (name, value)


def _rows(
    document: Document, facts: Facts | None, edge: EdgeHit, weak_threshold: float | None
) -> neuron.Rows:
    rows = [(_tr("Weight"), text.signed(text.number(edge.weight), edge.weight))]
    if strength := rank(facts, edge):
        rows.append((_tr("Strength"), strength))
    measured = _measured(document, edge)
    if measured is not None:
        name, value = measured
        rows.append((name, text.number(value, 3)))
        if weak_threshold is not None:
            word = (
                _tr("yes, that is below {limit}") if value < weak_threshold else _tr("no, not below {limit}")
            )
            rows.append((_tr("Weak"), word.format(limit=text.number(weak_threshold, 3))))
    elif weak_threshold is not None:
        weak = abs(edge.weight) < weak_threshold
        word = _tr("yes, |w| is below {limit}") if weak else _tr("no, |w| is not below {limit}")
        rows.append((_tr("Weak"), word.format(limit=text.number(weak_threshold, 3))))
    return rows


def tooltip(document: Document, facts: Facts | None, edge: EdgeHit, weak_threshold: float | None) -> str:
    """Return what hovering tells, a few lines of plain text."""
    lines = [f"{name}: {value}" for name, value in _rows(document, facts, edge, weak_threshold)]
    return "\n".join([title(document, edge), *lines])


def details(document: Document, facts: Facts | None, edge: EdgeHit, weak_threshold: float | None) -> str:
    """Return the connection's details as rich text."""
    heading = f"<b>{escape(title(document, edge))}</b>"
    names = neuron.visible_layers(document.session.original)
    network = document.session.network
    gone = [end for end in (edge.source, edge.target) if end[1] not in network.by_name[names[end[0]]].units]
    if gone:
        return f"{heading}<p>{escape(_tr('Gone with the neuron it began or ended at.'))}</p>"
    return f"{heading}<p></p>" + neuron.table(_rows(document, facts, edge, weak_threshold))


def layer_details(document: Document, preview: Preview, facts: Facts | None, layer: int) -> str:
    """Return a layer's details as rich text."""
    session = document.session
    name = neuron.visible_layers(session.original)[layer]
    left, before = session.network.sizes[name], session.original.sizes[name]
    rows = [(_tr("Neurons"), text.integer(left))]
    if left < before:
        now = _tr("{left} of {all}").format(left=text.integer(left), all=text.integer(before))
        rows = [(_tr("Neurons"), now)]
    going = sum(edit.node == name for edit in preview.candidates) if session.run is None else 0
    protected = sum(of == name for of, _ in document.config.protected)
    rows += [(_tr("Would go"), text.integer(going))] if going else []
    rows += [(_tr("Protected"), text.integer(protected))] if protected else []
    if name in document.least:
        rows.append((_tr("Stay at least"), text.integer(document.least[name])))
    if document.leaves_out(name):
        rows.append((_tr("Pruned"), _tr("no, left out by the options")))
    if facts is not None and layer < len(facts.layers):
        of = facts.layers[layer]
        rows += [(_tr("Connections in"), text.integer(int(of.n_in.sum())))] if layer else []
        out = int(of.n_out.sum())
        rows += [(_tr("Connections out"), text.integer(out))] if out else []
    return f"<b>{escape(name)}</b><p></p>" + neuron.table(rows)
