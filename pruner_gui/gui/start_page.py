"""What the window shows before a model is open: where to drop one, recent files, and the samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui import resources, theme
from pruner_gui.gui.samples import Sample

_CARDS_A_ROW = 3


class StartPage(QWidget):
    """The empty state."""

    open_wanted = Signal()
    recent_wanted = Signal(object)  # Path
    sample_wanted = Signal(object)  # Sample

    def __init__(self, found: Sequence[Sample], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = [SampleCard(sample) for sample in found]
        self.drop_zone = QFrame()
        self._recent = QVBoxLayout()
        self._picture = QLabel()
        column = QVBoxLayout()
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(self._drop_zone(), 5)
        column.addLayout(self._recent)
        if self.cards:
            column.addWidget(_heading(self.tr("Or try a sample: a trained network with its data")))
            column.addLayout(self._grid())
        column.addStretch(2)
        row = QHBoxLayout(self)
        row.setContentsMargins(32, 12, 32, 12)
        row.addStretch(1)
        row.addLayout(column, 12)
        row.addStretch(1)
        self.retheme()

    def show_recent(self, paths: Sequence[Path]) -> None:
        """List recent models."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        if paths:
            self._recent.addWidget(_heading(self.tr("Recent models")))
        for path in paths[:4]:
            self._recent.addWidget(self._recent_button(path))

    def set_drop_active(self, active: bool) -> None:
        """Show that what is dragged would be taken."""
        self.drop_zone.setProperty("active", active)
        self.drop_zone.style().unpolish(self.drop_zone)
        self.drop_zone.style().polish(self.drop_zone)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        colour = theme.colours().muted
        self._picture.setPixmap(resources.pixmap("open", colour, 44, self.devicePixelRatioF()))

    def _drop_zone(self) -> QFrame:
        self.drop_zone.setObjectName("dropzone")
        self.drop_zone.setMaximumHeight(230)
        title = _heading(self.tr("Drop a trained network here"), 15)
        hint = QLabel(
            self.tr("ONNX, Keras, PyTorch, scikit-learn and more. Drop its data with it, or load it later.")
        )
        hint.setObjectName("hint")
        button = QPushButton(self.tr("Open a model…"))
        button.clicked.connect(self.open_wanted)
        layout = QVBoxLayout(self.drop_zone)
        layout.setContentsMargins(20, 18, 20, 18)
        layout.addStretch(1)
        for widget in (self._picture, title, hint, button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        return self.drop_zone

    def _recent_button(self, path: Path) -> QPushButton:
        button = QPushButton(f"{path.name}   —   {path.parent}")
        button.setFlat(True)
        button.setStyleSheet("text-align: left; padding: 3px 6px;")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setToolTip(str(path))
        button.clicked.connect(lambda: self.recent_wanted.emit(path))
        return button

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(12)
        for index, card in enumerate(self.cards):
            card.chosen.connect(self.sample_wanted)
            grid.addWidget(card, *divmod(index, _CARDS_A_ROW))
        for column in range(_CARDS_A_ROW):
            grid.setColumnStretch(column, 1)
        return grid


class SampleCard(QFrame):
    """A sample to click, or to choose by keyboard."""

    chosen = Signal(object)  # Sample

    def __init__(self, sample: Sample) -> None:
        super().__init__()
        self.sample = sample
        self.setObjectName("card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(sample.title)
        self.setAccessibleDescription(sample.description)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 10)
        layout.setSpacing(3)
        layout.addWidget(_heading(sample.title))
        layers, description = QLabel("-".join(map(str, sample.layers))), QLabel(sample.description)
        layers.setObjectName("muted")
        description.setWordWrap(True)
        layout.addWidget(layers)
        layout.addWidget(description, 1, Qt.AlignmentFlag.AlignTop)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click chooses."""
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self.sample)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """So do Return and Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.sample)
        else:
            super().keyPressEvent(event)


def _heading(title: str, size: int = 0) -> QLabel:
    label = QLabel(title)
    font = label.font()
    font.setBold(True)
    if size:
        font.setPointSize(size)
    label.setFont(font)
    return label
