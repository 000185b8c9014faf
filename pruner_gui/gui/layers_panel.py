"""The layers of the network, one a row, and below them what is known of the selected neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QSplitter,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui import text, theme
from pruner_gui.network import Network

_UNITS, _WOULD_GO = 2, 3
_SHARE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class LayerRow:
    """A visible layer: how many units it has and had, and how many would go (None: it cannot lose any)."""

    name: str
    activation: str
    units: int
    before: int
    candidates: int | None


def layer_rows(original: Network, network: Network, candidates: Mapping[str, int]) -> list[LayerRow]:
    """Return the input and every dense layer."""
    hidden = {layer.name: layer for layer in network.hidden_layers}
    names = [network.input.name, *(node.name for node, _ in network.dense)]
    result = []
    for name in names:
        layer = hidden.get(name)
        activation = layer.activation if layer is not None else ""
        if name == names[-1]:
            activation = network.head
        count = candidates.get(name, 0) if layer is not None and layer.prunable.any() else None
        result.append(LayerRow(name, activation, network.sizes[name], original.sizes[name], count))
    return result


class LayersPanel(QWidget):
    """The list of layers above the details of the selection."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tree = QTreeWidget()
        self.selection = QLabel()
        self._rows: list[LayerRow] = []
        self._build_tree()
        self._build_selection()
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.tree)
        splitter.addWidget(self._framed_selection())
        splitter.setStretchFactor(0, 2)
        splitter.setStretchFactor(1, 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 6)
        layout.addWidget(splitter)
        self.setMinimumWidth(240)

    def show_layers(self, rows: Sequence[LayerRow]) -> None:
        """Show these layers."""
        if list(rows) == self._rows:
            return
        self._rows = list(rows)
        while self.tree.topLevelItemCount() > len(rows):
            self.tree.takeTopLevelItem(self.tree.topLevelItemCount() - 1)
        while self.tree.topLevelItemCount() < len(rows):
            self.tree.addTopLevelItem(QTreeWidgetItem())
        for index, row in enumerate(rows):
            item = self.tree.topLevelItem(index)
            assert item is not None
            self._show_row(item, row)

    def show_selection(self, html: str, layer: int | None = None) -> None:
        """Show the details of a neuron of a visible layer, or a hint when empty."""
        self.tree.setCurrentItem(None if layer is None else self.tree.topLevelItem(layer))  # type: ignore[arg-type]
        hint = self.tr("Click a neuron in the graph to see its connections and why it stays or goes.")
        self.selection.setText(html or f'<span style="color:{theme.colours().muted}">{hint}</span>')

    def _build_tree(self) -> None:
        tree = self.tree
        tree.setHeaderLabels([self.tr("Layer"), self.tr("Function"), self.tr("Neurons"), "◆"])
        tree.headerItem().setToolTip(_WOULD_GO, self.tr("Would be removed under this tolerance"))
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setAlternatingRowColors(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setItemDelegateForColumn(_UNITS, BarDelegate(tree))
        tree.setAccessibleName(self.tr("Layers"))
        header = tree.header()
        header.setStretchLastSection(False)
        for column in (0, 1, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_UNITS, QHeaderView.ResizeMode.Stretch)

    def _build_selection(self) -> None:
        self.selection.setWordWrap(True)
        self.selection.setTextFormat(Qt.TextFormat.RichText)
        self.selection.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.selection.setMargin(8)
        self.selection.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.selection.setAccessibleName(self.tr("Selected neuron"))
        self.show_selection("")

    def _framed_selection(self) -> QWidget:
        page = QWidget()
        title = QLabel(self.tr("Selection"))
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(title)
        layout.addWidget(self.selection, 1)
        self.selection.setObjectName("selection")
        return page

    def _show_row(self, item: QTreeWidgetItem, row: LayerRow) -> None:
        units = text.integer(row.units)
        if row.units != row.before:
            units = self.tr("{now}/{before}").format(now=units, before=text.integer(row.before))
        would_go = "" if row.candidates is None else text.integer(row.candidates)
        for column, cell in enumerate((row.name, row.activation, units, would_go)):
            item.setText(column, cell)
        item.setToolTip(0, row.name)
        item.setTextAlignment(_WOULD_GO, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setData(_UNITS, _SHARE, row.units / row.before)
        if row.candidates:
            item.setForeground(_WOULD_GO, QColor(theme.colours().candidate))
        else:
            item.setData(_WOULD_GO, Qt.ItemDataRole.ForegroundRole, None)


class BarDelegate(QStyledItemDelegate):
    """A cell with a bar behind its text: the share of units that are left."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint the cell, and below its text the bar."""
        super().paint(painter, option, index)
        share = index.data(_SHARE)
        if share is None:
            return
        colours = theme.colours()
        frame = option.rect.adjusted(4, option.rect.height() - 5, -4, -2)
        painter.fillRect(frame, theme.tinted(colours.muted, 0.3))
        frame.setWidth(max(2, round(frame.width() * share)))
        painter.fillRect(frame, QColor(colours.pruning))
