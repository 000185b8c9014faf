"""A line that says something without stopping the user: a warning, or that an export went well."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from pruner_gui.gui import resources, theme


class MessageBar(QWidget):
    """One message with a sign and a close button; hidden while there is none."""

    def __init__(self, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._picture, self._label, self._close = QLabel(), QLabel(), QToolButton()
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.action = QPushButton()  # what can be done about it
        self.action.clicked.connect(lambda: self._done())
        self._done: Callable[[], None] = self.hide
        self.keep = QPushButton()  # what leaves all as it is
        self.keep.clicked.connect(self.hide)
        self.keep.hide()
        self._close.setAutoRaise(True)
        self._close.setToolTip(self.tr("Close this message"))
        self._close.setAccessibleName(self.tr("Close this message"))
        self._close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 6, 4)
        layout.setSpacing(8)
        layout.addWidget(self._picture)
        layout.addWidget(self._label, 1)
        layout.addWidget(self.action, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.keep, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.setAutoFillBackground(True)
        self.retheme()
        self.hide()

    @property
    def text(self) -> str:
        """What it says; empty when hidden."""
        return self._label.text() if not self.isHidden() else ""

    def say(
        self, message: str, action: str = "", done: Callable[[], None] | None = None, keep: str = ""
    ) -> None:
        """Show a message, or nothing.

        With an `action` there is also a button of that name, which does `done`; with `keep` one that only
        closes the message.
        """
        self._label.setText(message)
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.keep.setText(keep)
        self.keep.setVisible(bool(keep))
        self._done = done or self.hide
        self.setAccessibleName(message)
        self.setVisible(bool(message))

    def retheme(self) -> None:
        """Take the colours of the theme."""
        colours = theme.colours()
        accent = colours.weak if self._icon == "verified" else colours.trying
        self._picture.setPixmap(resources.pixmap(self._icon, accent, 20, self.devicePixelRatioF()))
        self._close.setIcon(resources.icon("close"))
        palette = self.palette()
        palette.setColor(self.backgroundRole(), theme.tinted(accent))
        self.setPalette(palette)
