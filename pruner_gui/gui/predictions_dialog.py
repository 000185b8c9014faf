"""What both networks answer: confusion matrices or values, and the rows they answer otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QBrush, QColor, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.comparison import Answers, Classes, RowSet, Values
from pruner_gui.gui import text, theme
from pruner_gui.gui.live_plots import style_plot
from pruner_gui.network import IndexArray

LISTED = 1000  # changed rows in the table; all of them are copied
_DRAWN = 5000  # points of a plot


class PredictionsDialog(QDialog):
    """Shows one set of rows at a time."""

    def __init__(self, answers: Answers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Predictions before and after"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._answers = answers
        self.which, self.output = QComboBox(), QComboBox()
        self.before, self.after, self.plot = ConfusionTable(), ConfusionTable(), _scatter()
        self.count = QLabel()
        self.changed = _table()
        self._build()
        self._connect()
        self._show_set()

    @property
    def rows(self) -> RowSet:
        """The set of rows that is shown."""
        return self._answers.sets[self.which.currentData()]

    def as_tsv(self) -> str:
        """Return what is shown, with all changed rows, as tab-separated text."""
        lines = [self._headings(), *_cells(self.rows)]
        found = text.tsv(lines)
        for title, table in ((self.tr("Before"), self.before), (self.tr("After"), self.after)):
            if not table.isHidden():
                found += "\n" + text.tsv([[title], *table.cells()])
        return found

    def _headings(self) -> list[str]:
        where = self.rows.where
        place = self.tr("Line of {file}") if where.lines else self.tr("Row of {file}, from 1")
        return [place.format(file=where.source), self.tr("True"), self.tr("Before"), self.tr("After")]

    def _build(self) -> None:
        names = {"pruning": self.tr("Pruning rows"), "holdout": self.tr("Held-out rows")}
        for key in self._answers.sets:
            self.which.addItem(names[key], key)
        self.which.setCurrentIndex(self.which.count() - 1)  # held-out rows tell more
        first = self._answers.pruning
        self.output.addItems(list(first.names))
        self.output.setVisible(isinstance(first, Values) and len(first.names) > 1)
        self.which.setAccessibleName(self.tr("Which rows"))
        self.output.setAccessibleName(self.tr("Which output"))
        self.plot.setAccessibleName(self.tr("Plot of predicted against true values"))
        self.changed.setAccessibleName(self.tr("Changed predictions"))
        choice = QHBoxLayout()
        choice.addWidget(self.which)
        choice.addWidget(self.output)
        choice.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addLayout(choice)
        layout.addLayout(self._pictures(first), 3)
        layout.addWidget(self.count)
        layout.addWidget(self.changed, 2)
        layout.addWidget(self._buttons())
        self.resize(820, 640)

    def _pictures(self, first: RowSet) -> QHBoxLayout:
        """Both matrices side by side, or the plot; without true classes neither."""
        pictures = QHBoxLayout()
        pictures.addWidget(self.plot)
        self.plot.setVisible(isinstance(first, Values))
        titles = (self.tr("Before: a row a true class, a column a predicted one"), self.tr("After"))
        for title, table in zip(titles, (self.before, self.after), strict=True):
            label, column = QLabel(title), QVBoxLayout()
            label.setObjectName("muted")
            table.setAccessibleName(title)
            for widget in (label, table):
                widget.setVisible(isinstance(first, Classes) and first.truth is not None)
                column.addWidget(widget)
            pictures.addLayout(column)
        return pictures

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = QPushButton(self.tr("&Copy"))
        self.copy.setToolTip(self.tr("Copy all changed rows and the matrices, for a spreadsheet"))
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.as_tsv()))
        box.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        box.rejected.connect(self.reject)
        return box

    def _connect(self) -> None:
        self.which.currentIndexChanged.connect(lambda: self._show_set())
        self.output.currentIndexChanged.connect(lambda: self._show_set())

    def _show_set(self) -> None:
        rows = self.rows
        if isinstance(rows, Values):
            _draw(self.plot, rows, max(self.output.currentIndex(), 0))
        else:
            for table, predicted in ((self.before, rows.before), (self.after, rows.after)):
                counts = rows.confusion(predicted)
                if counts is not None:
                    table.show_counts(rows.names, counts)
        self._show_changed(rows)

    def _show_changed(self, rows: RowSet) -> None:
        total, count = len(rows.before), len(rows.changed)
        line = self.tr("{count} of {total} predictions changed")
        if count > LISTED:
            line = self.tr("{count} of {total} predictions changed; {shown} are listed")
        numbers = {"count": count, "total": total, "shown": LISTED}
        self.count.setText(line.format(**{name: text.integer(n) for name, n in numbers.items()}))
        self.changed.setHorizontalHeaderLabels(self._headings())
        lines = _cells(rows, LISTED)
        self.changed.setRowCount(len(lines))
        for at, line_cells in enumerate(lines):
            for column, cell in enumerate(line_cells):
                self.changed.setItem(at, column, QTableWidgetItem(cell))


class ConfusionTable(QTableWidget):
    """Counts by true and predicted class; the ground says how large a share of the true class they are."""

    def __init__(self) -> None:
        super().__init__(0, 0)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setMinimumSectionSize(28)

    def show_counts(self, names: Sequence[str], counts: IndexArray) -> None:
        """Show a matrix `(n_classes, n_classes)`."""
        self.setRowCount(len(names))
        self.setColumnCount(len(names))
        self.setHorizontalHeaderLabels(list(names))
        self.setVerticalHeaderLabels(list(names))
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        for true, predicted in itertools.product(range(len(names)), repeat=2):
            self.setItem(true, predicted, _cell(int(counts[true, predicted]), shares[true, predicted],
                                                names[true], names[predicted]))  # fmt: skip

    def cells(self) -> list[list[str]]:
        """Return the matrix with its headings."""
        size = range(self.rowCount())
        names = [_words(self.horizontalHeaderItem(i)) for i in size]
        lines = [[names[i], *(_words(self.item(i, j)) or "0" for j in size)] for i in size]
        return [["", *names], *lines]


def _cell(count: int, share: float, true: str, predicted: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text.integer(count) if count else "")
    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
    if count:
        right = true == predicted
        colours = theme.colours()
        accent = colours.positive if right else colours.negative
        item.setBackground(QBrush(theme.tinted(accent, 0.12 + 0.4 * float(share))))
        font = item.font()
        font.setBold(not right)  # mistakes are told by more than their colour
        item.setFont(font)
    tip = QCoreApplication.translate("predictions", "{count} of class {true} taken for {predicted}")
    item.setToolTip(tip.format(count=text.integer(count), true=true, predicted=predicted))
    return item


def _words(item: QTableWidgetItem | None) -> str:
    return "" if item is None else item.text()


def _table() -> QTableWidget:
    table = QTableWidget(0, 4)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setAlternatingRowColors(True)
    table.verticalHeader().hide()
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    return table


def _cells(rows: RowSet, most: int | None = None) -> list[list[str]]:
    return [
        [str(each.row), *map(_answer, (each.truth, each.before, each.after))] for each in rows.changes(most)
    ]


def _answer(value: str | tuple[float, ...] | None) -> str:
    if value is None:
        return text.NOTHING
    return value if isinstance(value, str) else "; ".join(map(text.number, value))


def _scatter() -> pg.PlotWidget:
    plot = pg.PlotWidget(enableMenu=False)
    plot.hideButtons()
    plot.addLegend(offset=(6, 4), labelTextColor=theme.colours().text)
    plot.setLabel("bottom", QCoreApplication.translate("predictions", "true"))
    plot.setLabel("left", QCoreApplication.translate("predictions", "predicted"))
    for side in ("left", "bottom"):
        plot.getAxis(side).enableAutoSIPrefix(False)
    style_plot(plot)
    return plot


def _draw(plot: pg.PlotWidget, rows: Values, output: int) -> None:
    """Draw the predictions of one output over the true values, with the line where both are equal."""
    colours = theme.colours()
    plot.clear()
    some = np.unique(np.linspace(0, len(rows.truth) - 1, min(_DRAWN, len(rows.truth))).astype(int))
    truth = rows.truth[some, output]
    ends = [float(truth.min()), float(truth.max())]
    plot.plot(ends, ends, pen=pg.mkPen(colours.muted, style=Qt.PenStyle.DashLine))
    for values, name, colour, symbol in (
        (rows.before, QCoreApplication.translate("predictions", "before"), colours.pruning, "o"),
        (rows.after, QCoreApplication.translate("predictions", "after"), colours.heldout, "x"),
    ):
        plot.plot(
            truth, values[some, output], pen=None, name=name, symbol=symbol, symbolSize=6,
            symbolPen=pg.mkPen(QColor(colour)), symbolBrush=None,
        )  # fmt: skip
