"""The first rows of data as a table whose header says what each column is for, and lets it be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QMenu, QTableView, QWidget

from pruner_gui.data import Look, Table
from pruner_gui.gui import text, theme

INPUT, TARGET, IGNORED = ROLES = ("input", "target", "ignored")

_ROWS = 100
_PADDING = 8
_WIDEST = 220  # pixels of a column when shown first
_MEASURED = 60  # columns whose width follows their cells
_KEYS = {Qt.Key.Key_I: INPUT, Qt.Key.Key_T: TARGET, Qt.Key.Key_X: IGNORED}

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Column:
    """One column as it is shown: `count` is how many numbers it gives, `own` that it can only be a target."""

    name: str
    role: str
    count: int
    own: bool = False


def role_name(role: str) -> str:
    """Return what a role is called."""
    names = {INPUT: _tr("Input"), TARGET: _tr("Target"), IGNORED: _tr("Ignored")}
    return names[role]


def columns_of(look: Look) -> list[Column]:
    """Return the columns of a look: those of the table, then those that the file itself calls targets."""
    table, roles = look.table, look.roles
    roles_of = dict.fromkeys(roles.inputs, INPUT)
    if table.targets is None:
        roles_of |= dict.fromkeys(roles.targets, TARGET)
    columns = [
        Column(name, roles_of.get(column, IGNORED), roles.widths[column])
        for column, name in enumerate(table.names)
    ]
    if table.targets is not None:
        columns += [
            Column(name, TARGET if column in roles.targets else IGNORED, 1, own=True)
            for column, name in enumerate(table.targets.names)
        ]
    return columns


class PreviewModel(QAbstractTableModel):
    """The first rows and what each column is for."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.columns: list[Column] = []
        self.scaling = ""
        self._table: Table | None = None

    def show_look(self, look: Look | None, scaling: str) -> None:
        """Show other data, or other roles of the same."""
        table, columns = (None, []) if look is None else (look.table, columns_of(look))
        same = table is self._table and len(columns) == len(self.columns)
        if not same:
            self.beginResetModel()
        self._table, self.columns, self.scaling = table, columns, scaling
        if not same:
            self.endResetModel()
        elif columns:
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(columns) - 1)
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(columns) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """Number of rows shown."""
        return 0 if parent.isValid() or self._table is None else min(self._table.n_rows, _ROWS)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        """Number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell as in the file, tinted in the colour of its column."""
        cell = self._cell(index.row(), index.column())
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell or text.NOTHING
        if role == Qt.ItemDataRole.TextAlignmentRole:
            number = not cell or _is_number(cell)
            side = Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.BackgroundRole and column.role != IGNORED:
            return theme.tinted(accent(column.role), 0.07)
        if role == Qt.ItemDataRole.ForegroundRole and (column.role == IGNORED or not cell):
            return QColor(theme.colours().muted)
        if role == Qt.ItemDataRole.ToolTipRole and not cell:
            return _tr("No value")
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's name and role as one text, or a row's number in the file."""
        if orientation is Qt.Orientation.Vertical:
            shown = role == Qt.ItemDataRole.DisplayRole and self._table is not None
            return str(self._table.row_number(section)) if shown and self._table is not None else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{self.columns[section].name}\n{self.purpose(section)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            hint = _tr("Click, or press I, T or X, to make it an input, a target, or ignored")
            return f"{self.columns[section].name}: {self.purpose(section)}\n{hint}"
        return None

    def purpose(self, section: int) -> str:
        """Return a column's role with its scaling, or the numbers that its words become."""
        column = self.columns[section]
        name = role_name(column.role)
        if column.role != INPUT:
            return name
        if column.count != 1:
            return _tr("{role} · {n} categories").format(role=name, n=column.count)
        return f"{name} · {self.scaling}" if self.scaling else name

    def _cell(self, row: int, column: int) -> str:
        """A cell as in the file; "" where it has no value."""
        table = self._table
        assert table is not None
        if column >= table.n_columns:
            assert table.targets is not None
            table, column = table.targets, column - table.n_columns
        return table.shown(row, column)


class Preview(QTableView):
    """The table. A click on a header, Return or a letter changes what the selected columns are for."""

    role_wanted = Signal(object, str)  # list[int]: columns, and their role

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown = PreviewModel(self)
        self.setModel(self.shown)
        header = RoleHeader(self.shown, self)
        self.setHorizontalHeader(header)
        header.sectionClicked.connect(self._header_clicked)
        self.setStyleSheet("QTableView::item { padding: 0 6px; }")
        rows = self.verticalHeader()
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setSectionsClickable(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectColumns)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setCornerButtonEnabled(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        palette = self.palette()  # a selection that leaves the roles' colours to be seen
        palette.setColor(QPalette.ColorRole.Highlight, theme.tinted(theme.colours().positive, 0.3))
        palette.setColor(QPalette.ColorRole.HighlightedText, QColor(theme.colours().text))
        self.setPalette(palette)
        self.setAccessibleName(self.tr("First rows of the data"))

    def show_look(self, look: Look | None, scaling: str) -> None:
        """Show data, or nothing; the selection stays where the columns do."""
        before, scaled = self.shown.columnCount(), self.shown.scaling
        self.shown.show_look(look, scaling)
        if self.shown.columnCount() != before or scaling != scaled:
            self._fit_columns()
        if self.shown.columnCount() != before:
            self.selectColumn(0)

    def chosen(self) -> list[int]:
        """The selected columns."""
        return sorted(index.column() for index in self.selectionModel().selectedColumns())

    def menu(self) -> QMenu:
        """The roles that the selected columns can have."""
        menu, columns = QMenu(self), self.chosen()
        roles = {self.shown.columns[column].role for column in columns}
        for role in ROLES:
            action = menu.addAction(role_name(role))
            action.setCheckable(True)
            action.setChecked(roles == {role})
            action.setEnabled(self.can_be(columns, role))
            action.triggered.connect(lambda _=False, role=role: self.role_wanted.emit(columns, role))
        return menu

    def can_be(self, columns: Sequence[int], role: str) -> bool:
        """Whether columns can have a role: what the file itself divides stays divided."""
        own = {self.shown.columns[column].own for column in columns}
        divided = any(column.own for column in self.shown.columns)
        possible = {True: (TARGET, IGNORED), False: (INPUT, IGNORED) if divided else ROLES}
        return bool(columns) and all(role in possible[kind] for kind in own)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return opens the menu, a letter sets the role."""
        role = _KEYS.get(Qt.Key(event.key()))
        if role is not None and self.can_be(self.chosen(), role):
            self.role_wanted.emit(self.chosen(), role)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.chosen():
            self._open_menu(self.chosen()[0])
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu again."""
        if self.chosen():
            self._open_menu(self.chosen()[0])

    def _header_clicked(self, section: int) -> None:
        held = QApplication.keyboardModifiers()
        if not held & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier):
            self._open_menu(section)

    def _open_menu(self, section: int) -> None:
        header = self.horizontalHeader()
        place = QPoint(header.sectionViewportPosition(section), header.height())
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(header.viewport().mapToGlobal(place))

    def _fit_columns(self) -> None:
        for column in range(min(self.shown.columnCount(), _MEASURED)):
            width = max(self.sizeHintForColumn(column), self.horizontalHeader().sectionSizeHint(column))
            self.setColumnWidth(column, min(width + _PADDING, _WIDEST))


class RoleHeader(QHeaderView):
    """A header of two lines: the name, and below it the role in its colour with an arrow to change it."""

    def __init__(self, shown: PreviewModel, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._shown = shown
        self.setSectionsClickable(True)
        self.setDefaultSectionSize(110)
        self.setMinimumSectionSize(48)

    def sectionSizeFromContents(self, section: int) -> QSize:  # noqa: N802
        """Return room for both lines."""
        metrics = self.fontMetrics()
        name, purpose = self._shown.columns[section].name, f"{self._shown.purpose(section)} ▾"
        width = max(metrics.horizontalAdvance(name) * 1.1, metrics.horizontalAdvance(purpose))
        return QSize(round(width) + 2 * _PADDING, 2 * metrics.lineSpacing() + _PADDING + 4)

    def sizeHint(self) -> QSize:
        """Return two lines, whatever the columns."""
        hint = super().sizeHint()
        hint.setHeight(2 * self.fontMetrics().lineSpacing() + _PADDING + 4)
        return hint

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802
        """Draw one column's header."""
        role = self._shown.columns[section].role
        colour, palette = QColor(accent(role)), self.palette()
        selected = self.selectionModel().isColumnSelected(section)
        painter.save()
        painter.fillRect(rect, theme.tinted(accent(role), 0.34 if selected else 0.16))
        painter.fillRect(rect.adjusted(0, rect.height() - 3, 0, 0), colour)
        painter.setPen(palette.color(QPalette.ColorRole.Mid))
        painter.drawLine(rect.topRight(), rect.bottomRight())
        inside = rect.adjusted(_PADDING, 3, -_PADDING, -4)
        font = QFont(self.font())
        font.setBold(True)
        self._line(painter, inside, Qt.AlignmentFlag.AlignTop, font, self._shown.columns[section].name)
        painter.setPen(colour)
        purpose = f"{self._shown.purpose(section)} ▾"
        self._line(painter, inside, Qt.AlignmentFlag.AlignBottom, self.font(), purpose)
        painter.restore()

    def _line(
        self, painter: QPainter, inside: QRect, edge: Qt.AlignmentFlag, font: QFont, words: str
    ) -> None:
        painter.setFont(font)
        if font.bold():
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside, edge | Qt.AlignmentFlag.AlignLeft, shown)


def accent(role: str) -> str:
    """Return the colour of a role."""
    shades = theme.colours()
    return {INPUT: shades.positive, TARGET: shades.negative, IGNORED: shades.removed}[role]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _tr(source: str) -> str:
    return QCoreApplication.translate("data_preview", source)
