"""Small dialogs: an error in words with its details, questions, choosing files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from pruner_gui.gui import diagnostics, resources, text, theme
from pruner_gui.gui.crash import Failure

Answer = QMessageBox.StandardButton


class ErrorDialog(QDialog):
    """What happened in one sentence, what to do, and on demand the details with a Copy button."""

    def __init__(self, title: str, failure: Failure, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sentences = text.problem(failure.error)
        self.details = QPlainTextEdit(
            f"{title}\n{failure.error}\n\n{failure.trace}\n{diagnostics.versions()}"
        )
        self.what, self.remedy, self.more = QLabel(sentences.what), QLabel(sentences.remedy), QLabel()
        self.copy = QPushButton(self.tr("Copy details"))
        self._added = 0
        self._build()

    def add(self, failure: Failure) -> None:
        """Tell of another one, in the details."""
        self._added += 1
        words = text.plural(self._added, self.tr("And {n} more error."), self.tr("And {n} more errors."))
        self.more.setText(words)
        self.more.show()
        self.details.appendPlainText(f"\n{failure.error}\n\n{failure.trace}")

    def _build(self) -> None:
        picture = QLabel()
        picture.setPixmap(resources.pixmap("error", theme.colours().negative, 40, self.devicePixelRatioF()))
        for label in (self.what, self.remedy, self.more):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        font = self.what.font()
        font.setBold(True)
        self.what.setFont(font)
        self.more.hide()
        self.details.setReadOnly(True)
        self.details.setVisible(False)
        self.details.setMinimumHeight(200)
        self.details.setAccessibleName(self.tr("Details"))
        layout = QGridLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setHorizontalSpacing(16)
        layout.setVerticalSpacing(10)
        layout.addWidget(picture, 0, 0, 2, 1, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.what, 0, 1)
        layout.addWidget(self.remedy, 1, 1)
        layout.addWidget(self.more, 2, 1)
        layout.addWidget(self.details, 3, 0, 1, 2)
        layout.addWidget(self._buttons(), 4, 0, 1, 2)
        layout.setColumnStretch(1, 1)
        self.setMinimumWidth(480)

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        details = QPushButton(self.tr("Details"))
        details.setCheckable(True)
        details.toggled.connect(self.details.setVisible)
        details.toggled.connect(self.adjustSize)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.details.toPlainText()))
        box.addButton(details, QDialogButtonBox.ButtonRole.ActionRole)
        box.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        box.rejected.connect(self.reject)
        return box


def ask(
    parent: QWidget,
    question: str,
    more: str,
    buttons: Answer,
    default: Answer,
    names: Mapping[Answer, str] | None = None,
) -> Answer:
    """Ask, and return the answer; Escape and closing mean Cancel. `names` are what buttons say instead."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, "Pruner", question, buttons, parent)
    box.setInformativeText(more)
    box.setDefaultButton(default)
    for button, name in (names or {}).items():
        box.button(button).setText(name)
    return Answer(box.exec())


def choose_files(parent: QWidget, title: str, filters: str, key: str) -> list[Path]:
    """Let the user choose files, beginning where he was last."""
    names, _ = QFileDialog.getOpenFileNames(parent, title, _last_folder(key), filters)
    _remember_folder(key, names[0] if names else "")
    return [Path(name) for name in names]


def choose_file(parent: QWidget, title: str, filters: str, key: str) -> Path | None:
    """Let the user choose a file, beginning where he was last."""
    name, _ = QFileDialog.getOpenFileName(parent, title, _last_folder(key), filters)
    _remember_folder(key, name)
    return Path(name) if name else None


def choose_target(parent: QWidget, title: str, proposal: Path, filters: str) -> Path | None:
    """Let the user say where to write; the dialog asks before an existing file is replaced."""
    dialog = QFileDialog(parent, title, str(proposal.parent), filters)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(proposal.suffix.removeprefix("."))
    dialog.selectFile(proposal.name)
    if not dialog.exec():
        return None
    return Path(dialog.selectedFiles()[0])


def _last_folder(key: str) -> str:
    return str(QSettings().value(f"folder/{key}", ""))


def _remember_folder(key: str, name: str) -> None:
    if name:
        QSettings().setValue(f"folder/{key}", str(Path(name).parent))
