"""Offers what a program that ended before its work was saved left behind."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QDateTime, QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.autosave import Found
from pruner_gui.gui import dialogs, text
from pruner_gui.gui.dialogs import Answer
from pruner_gui.session_file import NotASession


class RecoveryDialog(QDialog):
    """A list of what was found, and what to do with the entry chosen. To leave it is to decide later."""

    recover_wanted = Signal(object)  # Found
    discard_wanted = Signal(object)  # Found

    def __init__(self, found: Sequence[Found], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Recover unsaved work"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._found = list(found)
        self.list = QListWidget()
        self.recover = QPushButton(self.tr("&Recover"))
        self.discard = QPushButton(self.tr("&Discard…"))
        self.later = QPushButton(self.tr("&Later"))
        self._build()
        for each in self._found:
            self._add(each)
        self.list.setCurrentRow(0)

    def _build(self) -> None:
        heading = QLabel(self.tr("Pruner ended before this work was saved."))
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        hint = QLabel(self.tr("Recover opens it as it was. Later leaves it for another start."))
        hint.setObjectName("muted")
        self.list.setAccessibleName(self.tr("Unsaved work"))
        self.list.setAlternatingRowColors(True)
        self.list.setWordWrap(True)
        self.list.setStyleSheet("QListView::item { padding: 6px 8px; }")
        self.list.currentRowChanged.connect(self._show_possible)
        self.list.itemActivated.connect(lambda: self._recover())
        self.recover.setDefault(True)
        self.recover.clicked.connect(self._recover)
        self.discard.clicked.connect(self._discard)
        self.later.clicked.connect(self.reject)
        box = QDialogButtonBox()
        box.addButton(self.recover, QDialogButtonBox.ButtonRole.AcceptRole)
        box.addButton(self.discard, QDialogButtonBox.ButtonRole.DestructiveRole)
        box.addButton(self.later, QDialogButtonBox.ButtonRole.RejectRole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        for widget in (heading, hint, self.list, box):
            layout.addWidget(widget)
        self.setMinimumSize(520, 300)

    def _add(self, found: Found) -> None:
        item = QListWidgetItem("\n".join((self._title(found), *self._facts(found))))
        item.setToolTip(self._tip(found))
        self.list.addItem(item)

    def _tip(self, found: Found) -> str:
        if found.error is not None:
            return text.problem(found.error).what
        return str(found.model) if found.model is not None else ""

    def _title(self, found: Found) -> str:
        name = found.model.name if found.model is not None else self.tr("Unsaved work")
        when = QDateTime.fromSecsSinceEpoch(int(found.when))
        time = QLocale().toString(when, QLocale.FormatType.ShortFormat)
        return self.tr("{name}  ·  {time}").format(name=name, time=time)

    def _facts(self, found: Found) -> list[str]:
        if found.generation is None:
            assert found.error is not None
            if isinstance(found.error, NotASession):
                return [self.tr("Every copy is damaged: nothing can be recovered.")]
            return [self.tr("Nothing can be recovered."), text.problem(found.error).what]
        before, after = map(text.integer, found.neurons)
        steps = text.plural(found.steps, self.tr("{n} accepted step"), self.tr("{n} accepted steps"))
        line = self.tr("{before} → {after} hidden neurons  ·  {steps}")
        lines = [line.format(before=before, after=after, steps=steps)]
        if found.damaged:
            lines.append(self.tr("The newest copy is damaged: this is the one before it."))
        return lines

    def _show_possible(self, row: int) -> None:
        self.recover.setEnabled(row >= 0 and self._found[row].generation is not None)
        self.discard.setEnabled(row >= 0)

    def _recover(self) -> None:
        found = self._found[self.list.currentRow()]
        if found.generation is not None:
            self.recover_wanted.emit(found)
            self.accept()

    def _discard(self) -> None:
        question, more = self.tr("Discard this work?"), self.tr("It cannot be brought back.")
        buttons = Answer.Discard | Answer.Cancel
        if dialogs.ask(self, question, more, buttons, Answer.Cancel) != Answer.Discard:
            return
        row = self.list.currentRow()
        self.discard_wanted.emit(self._found.pop(row))
        self.list.takeItem(row)
        self._show_possible(self.list.currentRow())
        if not self._found:
            self.accept()
