"""What is selected in graph, matrix and the list of layers, kept the same in all; hovering; protecting."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtWidgets import QMenu

from pruner_gui.gui import connection, neuron, theme
from pruner_gui.gui.document import Document, Preview
from pruner_gui.gui.graph_panel import GraphPanel
from pruner_gui.gui.graph_view import EdgeHit, Hit
from pruner_gui.gui.layers_panel import LayersPanel

Selection = Hit | int | None  # a neuron, a connection, a visible layer


class Selecting(QObject):
    """Owns the selection. Listens to the views and the list; all are told it, and answer nothing."""

    def __init__(
        self, document: Document, graph: GraphPanel, layers: LayersPanel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._document, self._graph, self._layers = document, graph, layers
        self._view, self._pages = graph.view, graph.pages
        self._preview = Preview()
        self._selected: Selection = None
        view, pages = graph.view, graph.pages
        pages.neuron_selected.connect(lambda layer, unit: self.select((layer, unit)))
        pages.edge_selected.connect(self.select)
        pages.layer_selected.connect(self.select_layer)
        pages.selection_cleared.connect(lambda: self.select(None))
        pages.set_tooltips(self.tooltip)
        view.rendered.connect(self._show)
        view.protect_wanted.connect(self._toggle_protected)
        view.menu_wanted.connect(self._show_menu)
        layers.layer_selected.connect(self.select_layer)
        layers.neuron_selected.connect(lambda layer, unit: self.select((layer, unit)))
        layers.selection_cleared.connect(lambda: self.select(None))

    @property
    def selected(self) -> Selection:
        """What is selected."""
        return self._selected

    def select(self, selected: Selection) -> None:
        """Select a neuron, a connection, a layer or nothing, in the views and beside them."""
        if isinstance(selected, int):
            self.select_layer(selected)
            return
        self._pages.select(selected)
        self._take(selected)

    def show(self, preview: Preview) -> None:
        """Tell what is known now of what is selected."""
        self._preview = preview
        self._show()

    def select_layer(self, layer: int) -> None:
        """Select a visible layer, in the views and beside them."""
        if self._selected != layer:
            self._pages.select_layer(layer)
            self._take(layer)

    def _take(self, selected: Selection) -> None:
        self._selected = selected
        self._show()

    def _show(self) -> None:
        chosen, document, facts = self._selected, self._document, self._view.facts
        if chosen is None or not document.is_open:
            self._layers.show_selection("")
        elif isinstance(chosen, EdgeHit):
            words = connection.details(document, facts, chosen, self._view.weak_threshold)
            self._layers.show_selection(words, chosen.target[0])
        elif isinstance(chosen, int):
            words = connection.layer_details(document, self._preview, facts, chosen)
            self._layers.show_selection(words, chosen)
        else:
            words = neuron.details(document, self._preview, facts, *chosen, self._hint(*chosen))
            self._layers.show_selection(words, *chosen)

    def _hint(self, layer: int, unit: int) -> str:
        if not self._can_protect(layer, unit):
            return ""
        words = self.tr("Double-click it or press P to protect it from pruning.")
        if self._is_protected(layer, unit):
            words = self.tr("Double-click it or press P to let it be pruned again.")
        return f'<p style="color:{theme.colours().muted}">{words}</p>'

    def tooltip(self, hit: Hit) -> str:
        """Return what hovering tells."""
        document, facts = self._document, self._view.facts
        if not document.is_open:
            return ""
        if isinstance(hit, EdgeHit):
            return connection.tooltip(document, facts, hit, self._view.weak_threshold)
        return neuron.tooltip(document, self._preview, facts, *hit)

    # -- protection

    def _name(self, layer: int) -> str:
        return neuron.visible_layers(self._document.session.original)[layer]

    def _is_protected(self, layer: int, unit: int) -> bool:
        return (self._name(layer), unit) in self._document.config.protected

    def _can_protect(self, layer: int, unit: int) -> bool:
        return self._document.can_protect(self._name(layer), unit)

    def _toggle_protected(self, layer: int, unit: int) -> None:
        self._document.toggle_protected(self._name(layer), unit)

    # -- the menu

    def _show_menu(self, hit: Hit | None, place: QPoint) -> None:
        menu = self.menu_of(hit)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def menu_of(self, hit: Hit | None) -> QMenu:
        """Return what can be done with a neuron, a connection, or the graph."""
        menu = QMenu(self._view)
        if isinstance(hit, tuple):
            title = self.tr("&Protect from pruning")
            if self._is_protected(*hit):
                title = self.tr("No longer &protect from pruning")
            protect = menu.addAction(title)
            protect.setEnabled(self._can_protect(*hit))
            protect.triggered.connect(lambda: self._toggle_protected(*hit))
        clear = menu.addAction(self.tr("&Clear the selection"))
        clear.setEnabled(self._selected is not None)
        clear.triggered.connect(lambda: self.select(None))
        menu.addSeparator()
        menu.addActions([self._graph.fit, self._graph.hide_removed])
        return menu
