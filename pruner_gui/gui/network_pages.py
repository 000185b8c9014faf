"""The two views of the network, graph and weight matrix, one at a time, and what chooses between them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSettings, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui.graph_paint import GraphMarks
from pruner_gui.gui.graph_view import GraphView, Hit
from pruner_gui.gui.matrix_image import Order, opens_as_matrix
from pruner_gui.gui.matrix_view import MatrixView
from pruner_gui.network import Network

_SETTING = "network/view"


class NetworkPages(QStackedWidget):
    """The graph and the matrix, told the same: selection, statuses, the network of now.

    What one of them selects the owner of the selection hears from here, and tells both by `select`.
    `switches` choose between them. What the user chose is remembered; a very large network opens as a matrix
    all the same.
    """

    neuron_selected = Signal(int, int)  # visible layer, original unit; by either view
    edge_selected = Signal(object)  # EdgeHit
    layer_selected = Signal(int)  # visible layer
    selection_cleared = Signal()
    page_changed = Signal()

    def __init__(self, graph: GraphView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.graph, self.matrix = graph, MatrixView()
        self.pairs, self.order = QComboBox(), QComboBox()
        group = QActionGroup(self)
        names = ((self.tr("&Graph"), "Ctrl+1"), (self.tr("&Matrix"), "Ctrl+2"))
        self.switches = [self._switch(group, i, *name) for i, name in enumerate(names)]
        self.addWidget(graph)
        self.addWidget(self._matrix_page())
        self._connect()
        self._show_remembered()

    @property
    def shown(self) -> GraphView | MatrixView:
        """The view that is shown."""
        return self.matrix if self.currentIndex() else self.graph

    def switch_buttons(self) -> list[QToolButton]:
        """Return a button for each view, for the row of tools."""
        return [_button(action) for action in self.switches]

    # -- for both views

    def set_network(self, original: Network) -> None:
        """Show another network, in the view that suits it."""
        self.graph.set_network(original)
        self.matrix.set_network(original)
        with QSignalBlocker(self.pairs):
            self.pairs.clear()
            self.pairs.addItems([title for _, _, title in self.links()])
        if opens_as_matrix(original):
            self.show_page(1)
        else:
            self._show_remembered()

    def links(self) -> list[tuple[str, str, str]]:
        """Return source, target and title of every pair of layers that is connected."""
        words, matrix = self.tr("{source} → {target}"), self.matrix
        return [
            (matrix.name(i), matrix.name(j), words.format(source=matrix.title(i), target=matrix.title(j)))
            for i, j in matrix.pairs
        ]

    def set_current(self, network: Network, *, animated: bool = False) -> None:
        """Show what is left of the original."""
        self.graph.set_current(network, animated=animated)
        self.matrix.set_current(network)

    def set_statuses(self, marks: GraphMarks) -> None:
        """Show these statuses and this weak threshold."""
        self.graph.set_statuses(marks)
        self.matrix.set_statuses(marks)

    def select(self, hit: Hit | None) -> None:
        """Select a neuron, a connection or nothing in both; emits nothing."""
        self.graph.select(hit)
        self.matrix.select(hit)

    def select_layer(self, layer: int) -> None:
        """Select a visible layer in both; emits nothing."""
        self.graph.select_layer(layer)
        self.matrix.select_layer(layer)

    def set_tooltips(self, told: Callable[[Hit], str]) -> None:
        """Let hovering tell this of a neuron or a connection."""
        self.graph.tooltip_provider = self.matrix.tooltip_provider = told

    def set_legend_visible(self, visible: bool) -> None:
        """Show or hide the legends."""
        self.graph.set_legend_visible(visible)
        self.matrix.set_legend_visible(visible)

    def zoom(self, factor: float) -> None:
        """Zoom the view that is shown around its centre."""
        self.shown.zoom(factor)

    def fit(self) -> None:
        """Show everything in the view that is shown."""
        self.shown.fit()

    def actual_size(self) -> None:
        """Show the view that is shown in its own size."""
        self.shown.actual_size()

    def shutdown(self) -> None:
        """Stop and join the drawing threads."""
        self.graph.shutdown()
        self.matrix.shutdown()

    # -- putting it together

    def _switch(self, group: QActionGroup, index: int, title: str, key: str) -> QAction:
        action = QAction(title, self)
        action.setShortcut(key)
        plain = title.replace("&", "")
        tip = self.tr("Show the network as a {view} ({key})")
        action.setToolTip(tip.format(view=plain.lower(), key=key))
        action.setCheckable(True)
        group.addAction(action)
        action.triggered.connect(lambda: self._choose(index))
        return action

    def _matrix_page(self) -> QWidget:
        page, row = QWidget(), QHBoxLayout()
        row.setContentsMargins(8, 2, 8, 3)
        row.setSpacing(6)
        self.order.addItem(self.tr("by number"), Order.INDEX)
        self.order.addItem(self.tr("strongest first"), Order.IMPORTANCE)
        self.order.setToolTip(self.tr("In which order both layers' neurons are shown"))
        for words, box in ((self.tr("&Weights of"), self.pairs), (self.tr("Neu&rons"), self.order)):
            label = QLabel(words)
            label.setBuddy(box)
            box.setAccessibleName(words.replace("&", ""))
            row.addWidget(label)
            row.addWidget(box)
        self.pairs.setToolTip(self.tr("From which layer to which (Page up, Page down)"))
        self.pairs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        row.addStretch(1)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self.matrix, 1)
        return page

    def _connect(self) -> None:
        self.graph.edge_selected.connect(self.edge_selected)
        self.graph.layer_selected.connect(self.layer_selected)
        for view in (self.graph, self.matrix):
            view.neuron_selected.connect(self.neuron_selected)
            view.selection_cleared.connect(self.selection_cleared)
        self.pairs.currentIndexChanged.connect(self.matrix.set_pair)
        self.matrix.pair_changed.connect(self.pairs.setCurrentIndex)
        self.order.currentIndexChanged.connect(lambda: self.matrix.set_order(self.order.currentData()))

    def _choose(self, index: int) -> None:
        QSettings().setValue(_SETTING, ("graph", "matrix")[index])
        had_focus = self.shown.hasFocus()
        self.show_page(index)
        if had_focus:
            self.shown.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_remembered(self) -> None:
        self.show_page(int(QSettings().value(_SETTING) == "matrix"))

    def show_page(self, index: int) -> None:
        """Show the graph (0) or the matrix (1), for now."""
        self.setCurrentIndex(index)
        self.switches[index].setChecked(True)
        self.page_changed.emit()


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setObjectName("segment")
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    button.setAccessibleName(action.toolTip())
    return button
