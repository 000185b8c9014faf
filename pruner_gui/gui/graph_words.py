"""The words in the picture of a network: captions of the layers, and the legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication

from pruner_gui.gui import text
from pruner_gui.gui.graph_layout import Layer, Layout
from pruner_gui.gui.graph_paint import GraphMarks, Halo, Status, Statuses, Stroke, Symbol
from pruner_gui.gui.graph_render import Shown
from pruner_gui.gui.graph_scene import Legend


def _tr(source: str) -> str:
    return QCoreApplication.translate("graph_words", source)


def captions(layout: Layout, statuses: Sequence[Statuses]) -> tuple[tuple[str, str], ...]:
    """Return name, and size with activation, of every layer."""
    found = []
    alone = sum(layer.is_output for layer in layout.layers) == 1
    for layer, here in zip(layout.layers, statuses, strict=True):
        left, all_ = int(np.count_nonzero(here != Status.REMOVED)), layer.units.size
        size = text.integer(all_)
        if left < all_:
            size = _tr("{left} of {all}").format(left=text.integer(left), all=size)
        detail = size if layer.activation == "linear" else f"{size} · {layer.activation}"
        found.append((_title(layer, alone), detail))
    return tuple(found)


def _title(layer: Layer, alone: bool) -> str:
    if layer.is_input:
        return _tr("Input")
    return _tr("Output") if layer.is_output and alone else layer.name


def legend(hide_removed: bool, draws_all: bool) -> Legend:
    """Return all that a legend can explain."""
    strength = _tr("stronger = bolder") if draws_all else _tr("only the strongest, stronger = bolder")
    entries: Legend = (
        (Stroke.POSITIVE, _tr("positive weight")),
        (Stroke.NEGATIVE, _tr("negative weight")),
        (Stroke.STRENGTH, strength),
        (Stroke.WEAK, _tr("weak connection")),
        (Status.NORMAL, _tr("neuron")),
        (Status.CANDIDATE, _tr("would be removed")),
        (Status.CONSTANT, _tr("constant output")),
        (Status.DISCONNECTED, _tr("disconnected")),
        (Status.PROTECTED, _tr("protected")),
        (Status.REMOVED, _tr("removed")),
        (Halo.TRYING, _tr("being tried")),
    )
    return tuple(entry for entry in entries if not (hide_removed and entry[0] is Status.REMOVED))


def to_explain(statuses: Sequence[Statuses], marks: GraphMarks, shown: Shown) -> set[Symbol]:
    """Return what a legend has to explain: of the signs those that are drawn, of the rest what is there."""
    present: set[Symbol] = {Status(code) for found in statuses for code in np.unique(found)}
    if shown is not Shown.WEAK:
        present |= {Stroke.POSITIVE, Stroke.NEGATIVE, Stroke.STRENGTH}
    if shown is Shown.WEAK or (shown is Shown.ALL and marks.weak_threshold is not None):
        present.add(Stroke.WEAK)
    if marks.trying is not None:
        present.add(Halo.TRYING)
    return present
