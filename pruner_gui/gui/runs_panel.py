"""The table of the runs of the document: what each did, and which of them are plotted."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QKeyEvent, QKeySequence, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui import run_words, text, theme
from pruner_gui.gui.error_plot import run_pen
from pruner_gui.records import Record

_SWATCH = QSize(36, 12)


class RunsPanel(QWidget):
    """A row for every run that ended; its check box shows it in the plot beside the present one."""

    shown_wanted = Signal(object, bool)  # Record
    name_wanted = Signal(object, str)  # Record
    run_wanted = Signal(object)  # Record: go to the version it made

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._records: list[Record] = []
        self._present: Record | None = None
        self.table, self.copy_button = QTableWidget(), QPushButton(self.tr("Copy table"))
        hint = QLabel(self.tr("Tick to plot · double-click to go to its network · F2 to rename"))
        hint.setToolTip(self.tr("The last runs are ticked, until you tick others."))
        hint.setObjectName("muted")
        self._build()
        row = QHBoxLayout()
        row.addWidget(hint, 1)
        row.addWidget(self.copy_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 6)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.table, 1)

    def show_runs(self, records: Sequence[Record], present: Record | None) -> None:
        """Show these runs; `present` made the network of now."""
        self._records, self._present = list(records), present
        with QSignalBlocker(self.table):
            self.table.setRowCount(len(records))
            for index, record in enumerate(records):
                self._show_row(index, record)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        self.show_runs(self._records, self._present)

    def as_tsv(self) -> str:
        """Return the table as tab-separated text."""
        lines = [self._headers(), *([record.name, *_cells(record)] for record in self._records)]
        return "\n".join("\t".join(line) for line in lines) + "\n"

    def copy(self) -> None:
        """Copy the table for a spreadsheet."""
        QGuiApplication.clipboard().setText(self.as_tsv())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy on Ctrl+C."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def _headers(self) -> list[str]:
        return [
            self.tr("Run"),
            self.tr("Steps"),
            self.tr("Tolerance"),
            self.tr("Neurons"),
            self.tr("Pruning error"),
            self.tr("Held-out error"),
            self.tr("Trials"),
            self.tr("Time"),
        ]

    def _build(self) -> None:
        table, headers = self.table, self._headers()
        table.setColumnCount(len(headers))
        table.setHorizontalHeaderLabels(headers)
        table.setAccessibleName(self.tr("Runs of this document"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        table.setShowGrid(False)
        table.setAlternatingRowColors(True)
        table.setIconSize(_SWATCH)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(headers) - 1, QHeaderView.ResizeMode.Stretch)
        table.itemChanged.connect(self._item_changed)
        table.cellDoubleClicked.connect(lambda row, _: self.run_wanted.emit(self._records[row]))
        self.copy_button.clicked.connect(self.copy)

    def _show_row(self, index: int, record: Record) -> None:
        present = record is self._present
        name = self._item(index, 0)
        name.setText(record.name)
        name.setIcon(_swatch(record, present))
        name.setFlags(name.flags() | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsUserCheckable)
        name.setCheckState(Qt.CheckState.Checked if record.shown else Qt.CheckState.Unchecked)
        font = name.font()
        font.setBold(present)
        name.setFont(font)
        shade = QColor(theme.colours().muted if record.outdated else theme.colours().text)
        why = self.tr("Measured on data that was loaded before: not plotted.") if record.outdated else ""
        for column, cell in enumerate(_cells(record), start=1):
            item = self._item(index, column)
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            item.setText(cell)
            item.setForeground(shade)
            item.setToolTip(why)

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        """The item of a cell: always the same one, as it may be what the user just changed."""
        item = self.table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.table.setItem(row, column, item)
        return item

    def _item_changed(self, item: QTableWidgetItem) -> None:
        if item.column() != 0:
            return
        record, name = self._records[item.row()], item.text().strip()
        shown = item.checkState() is Qt.CheckState.Checked
        if shown != record.shown:
            self.shown_wanted.emit(record, shown)
        elif name and name != record.name:
            self.name_wanted.emit(record, name)


def _cells(record: Record) -> list[str]:
    """What the table says of a run behind its name: at the point it kept."""
    points, kept = record.points, record.kept
    count = f"{text.integer(points.neurons[0])} → {text.integer(points.neurons[kept])}"
    return [
        run_words.steps(record.configs),
        run_words.tolerance(record.configs[0]),
        count,
        text.number(points.pruning[kept]),
        text.number(points.holdout[kept]) if points.holdout else text.NOTHING,
        text.integer(record.trials),
        _time(record),
    ]


def _time(record: Record) -> str:
    if record.complete and record.seconds is not None:
        return run_words.seconds(record.seconds)
    return run_words.cancelled(record.seconds)


def _swatch(record: Record, present: bool) -> QIcon:
    """A piece of the run's line, as the plot draws it."""
    picture = QPixmap(_SWATCH * 2)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = run_pen(record.number)
    if present:
        pen.setStyle(Qt.PenStyle.SolidLine)
        pen.setColor(QColor(theme.colours().pruning))
    painter.setPen(pen)
    middle = _SWATCH.height() / 2
    painter.drawLine(QPointF(0, middle), QPointF(_SWATCH.width(), middle))
    painter.end()
    return QIcon(picture)
