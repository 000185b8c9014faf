"""Which hidden layers are pruned, and how many neurons stay in each at least: a table to tick and type in."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from pruner_gui.pruning import BadSetting, Least, PruneConfig

_MOST_ROWS = 5


class LayerLimits(QTableWidget):
    """The table. Says that the user changed it; what it holds then is in `layers` and `keep`."""

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 2, parent)
        self._config = PruneConfig()
        self.setHorizontalHeaderLabels([self.tr("Prune"), self.tr("Stay at least")])
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setTabKeyNavigation(False)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(1, header.fontMetrics().horizontalAdvance(self.tr("one, or 12 or 40%")) + 24)
        self.itemChanged.connect(lambda: self.edited.emit())

    def set_layers(self, names: Sequence[str]) -> None:
        """Offer these hidden layers."""
        with QSignalBlocker(self):
            self.setRowCount(len(names))
            for row, name in enumerate(names):
                item = QTableWidgetItem(name)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                item.setToolTip(self.tr("Ticked: neurons of this layer may go"))
                self.setItem(row, 0, item)
                self.setCellWidget(row, 1, self._field(name))
        high = self.fontMetrics().height() + 10
        self.verticalHeader().setDefaultSectionSize(high)
        rows = min(max(len(names), 1), _MOST_ROWS)
        self.setFixedHeight(rows * high + self.horizontalHeader().sizeHint().height() + 4)
        self.show_config(self._config)

    def show_config(self, config: PruneConfig) -> None:
        """Show what a configuration says of the layers; emits nothing."""
        self._config = config
        least = dict(config.keep)
        with QSignalBlocker(self):
            for row in range(self.rowCount()):
                chosen = config.layers is None or row in config.layers
                item, field = self._item(row), self.field(row)
                item.setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
                field.setText(str(least[row]) if row in least else "")
                field.setEnabled(chosen)

    def field(self, row: int) -> QLineEdit:
        """Return the field of a layer: how many of its neurons stay at least, empty: the last one."""
        found = self.cellWidget(row, 1)
        assert isinstance(found, QLineEdit)
        return found

    def ask(self, name: str) -> None:
        """Put the cursor where it is said how many of a layer's neurons stay."""
        for row in range(self.rowCount()):
            if self._item(row).text() == name:
                self.scrollToItem(self._item(row))
                self.field(row).setFocus(Qt.FocusReason.ShortcutFocusReason)

    @property
    def layers(self) -> tuple[int, ...] | None:
        """The layers that are ticked; None for all, which is also what none stands for."""
        rows = range(self.rowCount())
        chosen = tuple(row for row in rows if self._item(row).checkState() is Qt.CheckState.Checked)
        return None if len(chosen) in (0, len(rows)) else chosen

    @property
    def keep(self) -> tuple[tuple[int, Least], ...]:
        """How many neurons stay at least, by layer; what cannot be read counts as not changed."""
        before = dict(self._config.keep)
        found = []
        for row in range(self.rowCount()):
            words = self.field(row).text().strip()
            try:
                least = Least.parse(words) if words else None
            except BadSetting:
                least = before.get(row)
            if least is not None:
                found.append((row, least))
        return tuple(found)

    def _item(self, row: int) -> QTableWidgetItem:
        found = self.item(row, 0)
        assert found is not None
        return found

    def _field(self, name: str) -> QLineEdit:
        field = QLineEdit()
        field.setFrame(False)
        field.setPlaceholderText(self.tr("one, or 12 or 40%"))
        field.setToolTip(
            self.tr(
                "How many neurons of this layer stay at least: a number, or percent of those it was opened"
                " with. Empty: the last one."
            )
        )
        field.setAccessibleName(self.tr("Neurons of {layer} that stay at least").format(layer=name))
        field.editingFinished.connect(lambda: self.edited.emit())
        return field
