"""The comparison panel: what the network cost and how good it was, before and after."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QBrush, QColor, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.comparison import Pair, Rate, Summary, Times, rate
from pruner_gui.gui import text, theme
from pruner_gui.gui.document import Compared
from pruner_gui.pruning import SLACK

_RATE = "error-rate"
_PADDING = 9  # of a row, above and below its text together


@dataclass(frozen=True)
class Row:
    """One line of the comparison, as shown. `verdict`: 1 better, -1 worse, 0 neither."""

    name: str
    before: str
    after: str = ""
    change: str = ""
    verdict: int = 0
    tip: str = ""


def _tr(source: str, comment: str = "") -> str:
    return QCoreApplication.translate("compare", source, comment)


def rows(
    before: Summary,
    after: Summary | None,
    metrics: tuple[str, ...],
    with_data: bool,
    compared: Compared | None = None,
) -> list[Row]:
    """Return the lines for two summaries; `after` None: nothing was pruned yet.

    `compared` None: not measured yet.
    """
    figures = [
        _count(_tr("Hidden neurons"), before, after, lambda s: s.hidden_neurons),
        _layers(before, after),
        _count(_tr("Connections"), before, after, lambda s: s.connections),
        _count(_tr("Parameters"), before, after, lambda s: s.parameters),
        _count(_tr("Multiply-adds"), before, after, lambda s: s.macs),
        _size(before, after),
        _bytes(_tr("Weights in\nmemory"), before, after, lambda s: s.weight_bytes),
        _bytes(_tr("Activations\na row"), before, after, lambda s: s.activation_bytes),
    ]
    times = [] if after is None else _times(compared)
    if not with_data:
        return [*figures, *times, Row(_tr("Error"), "", "", _tr("load data to measure it"))]
    found = None if compared is None else compared.answers
    noise = {} if found is None else found.within_noise
    names = (*metrics, *(() if _RATE in metrics else (_RATE,)))
    for name in names:
        if name in before.errors:
            figures += _error_rows(name, before, after, noise.get(name, False))
    return figures + times


def _count(name: str, before: Summary, after: Summary | None, count: Callable[[Summary], int]) -> Row:
    old = count(before)
    if after is None:
        return Row(name, text.integer(old))
    new = count(after)
    share = (new - old) / old if old else 0.0
    change, verdict = _verdict(text.signed(text.percent(share, 3), share), new - old, _tr("smaller"))
    return Row(name, text.integer(old), text.integer(new), change, verdict)


def _layers(before: Summary, after: Summary | None) -> Row:
    old = "-".join(map(str, before.layers))
    new = "-".join(map(str, after.layers)) if after is not None else ""
    return Row(_tr("Layers"), old, new, tip=f"{old} → {new}" if new else old)


def _size(before: Summary, after: Summary | None) -> Row:
    name = _tr("File size ({format})").format(format=before.format)
    old, new = (text.NOTHING if s is None or s.bytes is None else text.size(s.bytes) for s in (before, after))
    if after is None or before.bytes is None or after.bytes is None:
        return Row(name, old, new if after is not None else "")
    share = (after.bytes - before.bytes) / before.bytes
    change, verdict = _verdict(text.signed(text.percent(share, 3), share), share, _tr("smaller"))
    return Row(name, old, new, change, verdict)


def _bytes(name: str, before: Summary, after: Summary | None, count: Callable[[Summary], int]) -> Row:
    row = _count(name, before, after, count)
    new = "" if after is None else text.size(count(after))
    tip = _tr("In the precision the parameters are stored in; activation functions work in place.")
    return replace(row, before=text.size(count(before)), after=new, tip=tip)


def _times(compared: Compared | None) -> list[Row]:
    if compared is None:
        return [
            Row(_tr("Time"), "", "", _tr("measuring…"), tip=_tr("Measured once nothing else is computed."))
        ]
    if compared.latency is None:
        return [Row(_tr("Time"), "", "", _tr("cannot be measured"), tip=compared.reason)]
    runtime = compared.latency.runtime
    return [_time_row(pair, runtime) for pair in (compared.latency.one, compared.latency.batch)]


def _time_row(pair: Pair, runtime: str) -> Row:
    name = text.plural(pair.rows, _tr("Time for\n{n} row"), _tr("Time for\n{n} rows"))
    old, new = pair.before, pair.after
    share = (new.median - old.median) / old.median if old.median else 0.0
    change, verdict = _verdict(text.signed(text.percent(share, 3), share), share, _tr("faster"))
    if pair.within_noise:
        change, verdict = _tr("= within noise"), 0
    tip = _tr(
        "Median, and 95th percentile, of a call in {runtime} on this machine, on one thread, both networks "
        "in turns. Within noise: the middle halves of the times overlap."
    )
    return Row(name, _time_text(old), _time_text(new), change, verdict, tip.format(runtime=runtime))


def _time_text(times: Times) -> str:
    unit, name = (1e6, "µs") if times.median < 1e-3 else (1e3, "ms")
    line = _tr("{median} {unit}\n95 %: {p95}")
    return line.format(
        median=text.number(unit * times.median, 3), p95=text.number(unit * times.p95, 3), unit=name
    )


def _error_rows(name: str, before: Summary, after: Summary | None, noise: bool) -> list[Row]:
    old = before.errors[name]
    new = after.errors.get(name) if after is not None else None
    pruning = None if new is None else new.pruning
    shown = [_error_row(name, _tr("pruning rows"), before.pruning_rows, old.pruning, pruning)]
    if old.holdout is None:
        if name != _RATE:
            shown.append(Row(_tr("… held-out rows"), _tr("none held out")))
        return shown
    held = None if new is None else new.holdout
    row = _error_row(name, _tr("held-out rows"), before.holdout_rows, old.holdout, held)
    if noise and row.verdict:
        line, tip = _tr("{change}\nwithin noise"), _tr("Chance alone may have made this change.")
        row = replace(row, change=line.format(change=row.change.partition("\n")[0]), verdict=0, tip=tip)
    shown.append(row)
    return shown


def _error_row(name: str, which: str, count: int, before: float, after: float | None) -> Row:
    title = f"{text.capitalised(text.metric(name))},\n{which}"
    show = _rate_text if name == _RATE else _error_text
    if after is None:
        return Row(title, show(before, count))
    difference = 0.0 if math.isclose(before, after, rel_tol=SLACK) else after - before
    if name == _RATE:
        change = text.signed(text.percent(difference), difference)
        change = change.replace("%", _tr("pp", "percentage points, short"))
    else:
        share = difference / abs(before) if before else 0.0
        change = text.signed(text.percent(share, 3) if before else text.number(difference), difference)
    change, verdict = _verdict(change, difference, _tr("better"))
    return Row(title, show(before, count), show(after, count), change, verdict)


def _error_text(value: float, count: int) -> str:
    return text.number(value)


def _rate_text(value: float, count: int) -> str:
    found: Rate = rate(value, count)
    low, high = found.interval
    line = _tr("{share} ({k}/{n})\n{low} – {high}")
    k, n = text.integer(found.mistakes), text.integer(count)
    return line.format(
        share=text.percent(value, 3), k=k, n=n, low=text.percent(low, 3), high=text.percent(high, 3)
    )


def _verdict(change: str, difference: float, less: str) -> tuple[str, int]:
    """Add to a change what it means, in a sign and a word: less is better in every line."""
    if difference == 0:
        return _tr("= same"), 0
    if difference < 0:
        return f"{change}\n▼ {less}", 1
    more = {_tr("better"): _tr("worse"), _tr("faster"): _tr("slower")}.get(less, _tr("larger"))
    return f"{change}\n▲ {more}", -1


class ComparisonPanel(QWidget):
    """The table of `rows`, with a note below it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self.table = _Table(0, 4)
        self.note = QLabel()
        self.note.setObjectName("muted")
        self.note.setWordWrap(True)
        self.gap = QLabel()
        self.gap.setWordWrap(True)
        self.predictions = QPushButton(self.tr("P&redictions…"))
        self.predictions.setToolTip(
            self.tr("What both networks answer, and which rows they answer otherwise")
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 6)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.gap)
        layout.addWidget(self.note)
        layout.addWidget(self.predictions, 0, Qt.AlignmentFlag.AlignLeft)
        self.show_compared(None)
        headers = [self.tr("Figure"), self.tr("Before"), self.tr("After"), self.tr("Change")]
        self.table.setHorizontalHeaderLabels(headers)
        self.table.setAccessibleName(self.tr("Comparison before and after"))

    def show_rows(self, shown: list[Row]) -> None:
        """Show these lines."""
        if shown == self._rows:
            return
        self._rows = shown
        self.table.setRowCount(len(shown))
        for index, row in enumerate(shown):
            self._show_row(index, row)
        for index, row in enumerate(shown):
            self.table.setRowHeight(index, self._height(row))

    def _height(self, row: Row) -> int:
        lines = max(cell.count("\n") + 1 for cell in (row.name, row.before, row.after, row.change))
        return lines * self.table.fontMetrics().lineSpacing() + _PADDING

    def say(self, note: str) -> None:
        """Show a note below the table, or nothing."""
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def show_compared(self, compared: Compared | None) -> None:
        """Say what pruning did to the gap, and offer the predictions, where they are known."""
        found = None if compared is None else compared.answers
        gap = None if found is None else found.gap
        self.gap.setText("" if gap is None else text.gap(gap))
        self.gap.setVisible(gap is not None)
        self.predictions.setEnabled(found is not None)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        for index, row in enumerate(self._rows):
            self._show_row(index, row)

    def cells(self) -> list[list[str]]:
        """Return the table with its headings, each cell in one line."""
        lines = [["", self.tr("Before"), self.tr("After"), self.tr("Change")]]
        lines += [[row.name, row.before, row.after, row.change] for row in self._rows]
        return [[cell.replace("\n", " ") for cell in line] for line in lines]

    def as_tsv(self) -> str:
        """Return the table as tab-separated text."""
        return text.tsv(self.cells())

    def copy(self) -> None:
        """Copy the table for a spreadsheet."""
        QGuiApplication.clipboard().setText(self.as_tsv())

    def _show_row(self, index: int, row: Row) -> None:
        colours = theme.colours()
        verdicts = {1: colours.weak, -1: colours.negative, 0: colours.text}
        for column, cell in enumerate((row.name, row.before, row.after, row.change)):
            item = self.table.item(index, column)
            if item is None:
                item = QTableWidgetItem()
                self.table.setItem(index, column, item)
            item.setText(cell)
            item.setToolTip(row.tip)
            shade = {0: colours.muted, 3: verdicts[row.verdict]}.get(column, colours.text)
            item.setForeground(QBrush(QColor(shade)))


class _Table(QTableWidget):
    """Cells to read; Ctrl+C copies all."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(rows, columns)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(True)
        self.verticalHeader().hide()
        self.verticalHeader().setMinimumSectionSize(24)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        for column in range(3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            panel = self.parentWidget()
            if isinstance(panel, ComparisonPanel):
                panel.copy()
            return
        super().keyPressEvent(event)
