"""What a session keeps of the window: what is selected, which view and page is shown and how, the panels.

Plain values. What is taken back may come from any file: what makes no sense here is passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QComboBox, QMainWindow, QTabWidget

from pruner_gui.gui.graph_panel import GraphPanel
from pruner_gui.gui.graph_view import EdgeHit
from pruner_gui.gui.neuron import visible_layers
from pruner_gui.gui.selecting import Selection
from pruner_gui.gui.workspace import Workspace
from pruner_gui.network import Network

State = dict[str, Any]


def of(window: QMainWindow, workspace: Workspace, tabs: Mapping[str, QTabWidget]) -> State:
    """Return the state of the window; `tabs` are those of its panels, by name."""
    panel = workspace.graph
    return {
        "layout": bytes(window.saveState().data()),
        "tabs": {name: found.currentIndex() for name, found in tabs.items()},
        "page": panel.pages.currentIndex(),
        "place": list(panel.view.place or ()),
        "combos": {name: box.currentIndex() for name, box in _combos(panel).items()},
        "order": panel.order,
        "weak": panel.weak_box.value(),
        "checks": {"legend": panel.legend.isChecked(), "hide": panel.hide_removed.isChecked()},
        "selection": _plain(workspace.selecting.selected),
    }


def restore(
    state: Mapping[str, Any], window: QMainWindow, workspace: Workspace, tabs: Mapping[str, QTabWidget]
) -> None:
    """Take back a state, of the network that is open."""
    panel = workspace.graph
    layout = state.get("layout")
    if isinstance(layout, bytes):
        window.restoreState(layout)
    for name, found in tabs.items():
        found.setCurrentIndex(_number(state, "tabs", name, found.currentIndex()))
    page = state.get("page")
    if isinstance(page, int) and page in (0, 1):
        panel.pages.show_page(page)
    for name, box in _combos(panel).items():
        box.setCurrentIndex(min(_number(state, "combos", name, box.currentIndex()), box.count() - 1))
    panel.measure_changed.emit(panel.measure.currentData())
    weak = state.get("weak")
    if isinstance(weak, float) and 0 <= weak <= panel.weak_box.maximum():
        panel.weak_box.setValue(weak)
    order = state.get("order")
    if isinstance(order, str) and order in panel.orders and order != panel.order:
        panel.orders[order].trigger()
    for name, action in (("legend", panel.legend), ("hide", panel.hide_removed)):
        action.setChecked(bool(_number(state, "checks", name, action.isChecked())))
    match state.get("place"):
        case [float(scale), float(left), float(top)] if all(map(math.isfinite, (scale, left, top))):
            panel.view.go_to(scale, left, top)
    workspace.selecting.select(_selection(state.get("selection"), workspace.document.session.original))


def _combos(panel: GraphPanel) -> dict[str, QComboBox]:
    pages = panel.pages
    return {"shown": panel.shown, "measure": panel.measure, "pair": pages.pairs, "matrix": pages.order}


def _number(state: Mapping[str, Any], group: str, name: str, now: int) -> int:
    found = state.get(group)
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, int) and 0 <= value < 10_000 else now


def _plain(selected: Selection) -> Any:
    if isinstance(selected, EdgeHit):
        return [list(selected.source), list(selected.target), selected.weight]
    return list(selected) if isinstance(selected, tuple) else selected


def _selection(plain: Any, network: Network) -> Selection:
    sizes = [network.sizes[name] for name in visible_layers(network)]
    match plain:
        case int(layer) if 0 <= layer < len(sizes):
            return layer
        case [int(layer), int(unit)] if _is_there(layer, unit, sizes):
            return layer, unit
        case [[int(a), int(b)], [int(c), int(d)], float(weight)]:
            if _is_there(a, b, sizes) and _is_there(c, d, sizes):
                return EdgeHit((a, b), (c, d), weight)
    return None


def _is_there(layer: int, unit: int, sizes: list[int]) -> bool:
    return 0 <= layer < len(sizes) and 0 <= unit < sizes[layer]
