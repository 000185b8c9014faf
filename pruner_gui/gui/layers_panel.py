"""The layers of the network, one a row, and below them what is known of the selected neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QScrollArea,
    QSpinBox,
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

_UNITS, _WOULD_GO, _PROTECTED = 2, 3, 4
_SHARE = Qt.ItemDataRole.UserRole
_FLOOR = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class LayerRow:
    """A visible layer: how many units it has and had, how many would go (None: it cannot lose any).

    `protected` counts those that are protected from pruning; `least` is how many stay at least, None where
    nothing is said. `left_out`: the options do not prune this layer.
    """

    name: str
    activation: str
    units: int
    before: int
    candidates: int | None
    protected: int = 0
    least: int | None = None
    left_out: bool = False


def layer_rows(
    original: Network,
    network: Network,
    candidates: Mapping[str, int],
    protected: Mapping[str, int],
    least: Mapping[str, int],
    layers: tuple[int, ...] | None,
) -> list[LayerRow]:
    """Return the input and every dense layer; `layers` are the hidden ones that are pruned, None: all."""
    hidden = {layer.name: layer for layer in network.hidden_layers}
    names = [network.input.name, *(node.name for node, _ in network.dense)]
    result = []
    for name in names:
        layer = hidden.get(name)
        activation = layer.activation if layer is not None else ""
        if name == names[-1]:
            activation = network.head
        count = candidates.get(name, 0) if layer is not None and layer.prunable.any() else None
        sizes = network.sizes[name], original.sizes[name]
        left_out = layer is not None and layers is not None and layer.index not in layers
        shown = None if left_out else count
        stays = protected.get(name, 0), least.get(name)
        result.append(LayerRow(name, activation, *sizes, shown, *stays, left_out))
    return result


class LayersPanel(QWidget):
    """The list of layers above the details of the selection: a layer, a neuron or a connection."""

    layer_selected = Signal(int)  # visible layer
    neuron_selected = Signal(int, int)  # visible layer, original unit
    selection_cleared = Signal()
    leave_out_wanted = Signal(str)  # the layer's name: no longer prune it, or prune it again
    limit_wanted = Signal(str)  # the layer's name: say how many of its neurons stay

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tree = QTreeWidget()
        self.selection, self.unit = QLabel(), QSpinBox()
        self._rows: list[LayerRow] = []
        self._build_tree()
        self._build_selection()
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.tree)
        splitter.addWidget(self._framed_selection())
        splitter.setStretchFactor(0, 2)
        splitter.setStretchFactor(1, 3)
        splitter.setSizes([200, 300])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 6)
        layout.addWidget(splitter)
        self.setMinimumWidth(264)

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
        self.tree.setColumnHidden(_PROTECTED, not any(row.protected for row in rows))

    def show_selection(self, html: str, layer: int | None = None, unit: int | None = None) -> None:
        """Show the details of what is selected in a visible layer, or a hint when empty; emits nothing."""
        with QSignalBlocker(self.tree), QSignalBlocker(self.unit):
            item = None if layer is None else self.tree.topLevelItem(layer)
            self.tree.setCurrentItem(item)  # type: ignore[arg-type]
            last = self._rows[layer].before - 1 if layer is not None and layer < len(self._rows) else -1
            self.unit.setRange(-1, last)
            self.unit.setValue(-1 if unit is None else unit)
            self.unit.setEnabled(layer is not None)
        hint = self.tr("Click a neuron or a connection in the graph, or a layer above, to learn about it.")
        self.selection.setText(html or f'<span style="color:{theme.colours().muted}">{hint}</span>')

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Clear the selection by Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.selection_cleared.emit()
        else:
            super().keyPressEvent(event)

    def menu_of(self, row: LayerRow) -> QMenu:
        """Return what can be done with a layer."""
        menu = QMenu(self.tree)
        title = self.tr("&Prune this layer again") if row.left_out else self.tr("&Leave this layer out")
        hidden = row.candidates is not None or row.left_out
        leave_out = menu.addAction(title)
        leave_out.triggered.connect(lambda: self.leave_out_wanted.emit(row.name))
        limit = menu.addAction(self.tr("&Neurons that stay at least…"))
        limit.triggered.connect(lambda: self.limit_wanted.emit(row.name))
        limit.setEnabled(hidden and not row.left_out)
        leave_out.setEnabled(hidden)
        return menu

    def _show_menu(self, place: QPoint) -> None:
        item = self.tree.itemAt(place)
        if item is not None:
            menu = self.menu_of(self._rows[self.tree.indexOfTopLevelItem(item)])
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.tree.viewport().mapToGlobal(place))

    def _layer_chosen(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.layer_selected.emit(self.tree.indexOfTopLevelItem(item))

    def _unit_chosen(self, unit: int) -> None:
        item = self.tree.currentItem()
        layer = self.tree.indexOfTopLevelItem(item) if item is not None else -1
        if layer >= 0 and unit >= 0:
            self.neuron_selected.emit(layer, unit)
        elif layer >= 0:
            self.layer_selected.emit(layer)

    def _build_tree(self) -> None:
        tree = self.tree
        tree.setHeaderLabels([self.tr("Layer"), self.tr("Function"), self.tr("Neurons"), "◆", "▲"])
        tree.headerItem().setToolTip(_WOULD_GO, self.tr("Would be removed under this tolerance"))
        tree.headerItem().setToolTip(_PROTECTED, self.tr("Protected from pruning"))
        tree.setColumnHidden(_PROTECTED, True)
        tree.currentItemChanged.connect(self._layer_chosen)
        tree.itemClicked.connect(self._layer_chosen)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.customContextMenuRequested.connect(self._show_menu)
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setAlternatingRowColors(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setItemDelegateForColumn(_UNITS, BarDelegate(tree))
        tree.setAccessibleName(self.tr("Layers"))
        header = tree.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(22)
        for column in (_WOULD_GO, _PROTECTED):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, header.fontMetrics().horizontalAdvance("000") + 8)
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_UNITS, QHeaderView.ResizeMode.Stretch)

    def _build_selection(self) -> None:
        self.selection.setWordWrap(True)
        self.selection.setTextFormat(Qt.TextFormat.RichText)
        self.selection.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.selection.setMargin(8)
        self.selection.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.selection.setAccessibleName(self.tr("Selected neuron"))
        self.unit.setSpecialValueText(self.tr("none"))
        self.unit.setAccessibleName(self.tr("Neuron of the selected layer"))
        self.unit.setToolTip(self.tr("Select a neuron of this layer by its number"))
        self.unit.valueChanged.connect(self._unit_chosen)
        self.show_selection("")

    def _framed_selection(self) -> QWidget:
        page = QWidget()
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(self.selection)
        heading, label = QHBoxLayout(), QLabel(self.tr("&Neuron"))
        label.setBuddy(self.unit)
        heading.addWidget(QLabel(self.tr("Selection")), 1)
        heading.addWidget(label)
        heading.addWidget(self.unit)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(heading)
        layout.addWidget(area, 1)
        self.selection.setObjectName("selection")
        return page

    def _show_row(self, item: QTreeWidgetItem, row: LayerRow) -> None:
        units = text.integer(row.units)
        if row.units != row.before:
            units = self.tr("{now}/{before}").format(now=units, before=text.integer(row.before))
        would_go = "" if row.candidates is None else text.integer(row.candidates)
        if row.left_out:
            would_go = text.NOTHING
        protected = text.integer(row.protected) if row.protected else ""
        for column, cell in enumerate((row.name, row.activation, units, would_go, protected)):
            item.setText(column, cell)
        item.setToolTip(0, row.name)
        item.setToolTip(_UNITS, "" if row.least is None else self._stay(row.least))
        item.setToolTip(_WOULD_GO, self.tr("The options leave this layer out") if row.left_out else "")
        item.setData(_UNITS, _FLOOR, None if row.least is None else min(1.0, row.least / row.before))
        item.setTextAlignment(_WOULD_GO, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setData(_UNITS, _SHARE, row.units / row.before)
        item.setTextAlignment(_PROTECTED, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setForeground(_PROTECTED, QColor(theme.colours().protected))
        if row.candidates:
            item.setForeground(_WOULD_GO, QColor(theme.colours().candidate))
        else:
            item.setData(_WOULD_GO, Qt.ItemDataRole.ForegroundRole, None)

    def _stay(self, least: int) -> str:
        return text.plural(least, self.tr("At least {n} neuron stays"), self.tr("At least {n} neurons stay"))


class BarDelegate(QStyledItemDelegate):
    """A cell with a bar behind its text: the share of units that are left, with a tick at what has to be."""

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
        whole = frame.width()
        frame.setWidth(max(2, round(whole * share)))
        painter.fillRect(frame, QColor(colours.pruning))
        floor = index.data(_FLOOR)
        if floor is not None:
            at = frame.left() + min(round(whole * floor), whole - 2)
            painter.fillRect(at, frame.top() - 2, 2, frame.height() + 4, QColor(colours.limit))
