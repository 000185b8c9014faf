"""Light and dark: the application's palette and the few style rules on top of it."""

from __future__ import annotations

import enum

from PySide6.QtCore import QObject, QSettings, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from pruner_gui.gui.palette import DARK, LIGHT, Colours

_Role = QPalette.ColorRole

_LIGHT_ROLES = {
    _Role.Window: "#f1f2f4",
    _Role.Base: LIGHT.ground,
    _Role.AlternateBase: "#f5f6f7",
    _Role.Button: "#fafafa",
    _Role.ToolTipBase: "#ffffff",
    _Role.Highlight: "#0b62b8",
    _Role.HighlightedText: "#ffffff",
    _Role.Link: "#0b62b8",
    _Role.Light: "#ffffff",
    _Role.Midlight: "#e6e8eb",
    _Role.Mid: "#c3c7ce",
    _Role.Dark: "#a4a9b2",
    _Role.Shadow: "#70757e",
    _Role.PlaceholderText: "#80868f",
}
_DARK_ROLES = {
    _Role.Window: "#1d2027",
    _Role.Base: DARK.ground,
    _Role.AlternateBase: "#191c22",
    _Role.Button: "#2a2e37",
    _Role.ToolTipBase: "#2a2e37",
    _Role.Highlight: "#2f7cc4",
    _Role.HighlightedText: "#ffffff",
    _Role.Link: "#7fbcf5",
    _Role.Light: "#3a3f4a",
    _Role.Midlight: "#2f333d",
    _Role.Mid: "#3d424d",
    _Role.Dark: "#14161b",
    _Role.Shadow: "#0a0b0e",
    _Role.PlaceholderText: "#7d838f",
}
_DISABLED = {False: "#9aa0aa", True: "#636974"}

_STYLE = """
QToolTip {{ color: {text}; background: {tip}; border: 1px solid {line}; padding: 4px; }}
QMainWindow::separator {{ background: {window}; width: 5px; height: 5px; }}
QMainWindow::separator:hover {{ background: {highlight}; }}
QDockWidget {{ titlebar-close-icon: none; }}
QDockWidget::title {{ background: {window}; padding: 5px 8px; }}
QToolBar {{ border: none; border-bottom: 1px solid {line}; padding: 4px 6px; spacing: 4px; }}
QStatusBar {{ border-top: 1px solid {line}; }}
QStatusBar::item {{ border: none; }}
QHeaderView::section {{ background: {window}; color: {muted}; border: none;
    border-bottom: 1px solid {line}; padding: 4px 6px; }}
QTableView, QListView, QTreeView, QScrollArea#plain {{ border: 1px solid {line}; }}
QFrame#card, QFrame#panel {{ background: {base}; border: 1px solid {line}; border-radius: 6px; }}
QFrame#card:hover, QFrame#card:focus {{ border: 1px solid {highlight}; }}
QFrame#dropzone {{ border: 2px dashed {dashes}; border-radius: 8px; }}
QFrame#dropzone[active="true"] {{ border-color: {highlight}; background: {base}; }}
QTreeView::item {{ min-height: 24px; }}
QToolButton#segment:checked {{ background: {highlight}; color: white; }}
QLabel#muted, QLabel#hint {{ color: {muted}; }}
QDialogButtonBox, QMessageBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
"""


class Mode(enum.StrEnum):
    """Which theme the user wants."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


def colours() -> Colours:
    """Return the colours of the theme that is on."""
    return DARK if QGuiApplication.palette().color(_Role.Window).lightness() < 128 else LIGHT


class Theme(QObject):
    """Sets the application's colours, remembers the user's wish, and follows the system where asked to."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        palette = QGuiApplication.palette()
        self._system_is_dark = palette.color(_Role.Window).lightness() < 128  # before ours is set
        stored = str(QSettings().value("theme", Mode.SYSTEM))
        self.mode = Mode(stored) if stored in list(Mode) else Mode.SYSTEM
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    def set_mode(self, mode: Mode) -> None:
        """Switch the whole application."""
        self.mode = mode
        QSettings().setValue("theme", str(mode))
        self._apply()

    def _system_changed(self) -> None:
        if self.mode is Mode.SYSTEM:
            self._apply()

    def _apply(self) -> None:
        hints = QGuiApplication.styleHints()
        wanted = {Mode.LIGHT: Qt.ColorScheme.Light, Mode.DARK: Qt.ColorScheme.Dark}
        if self.mode in wanted:
            hints.setColorScheme(wanted[self.mode])  # title bars and native dialogs, where there are any
        else:
            hints.unsetColorScheme()
        set_palette(self._is_dark())
        self.changed.emit()

    def _is_dark(self) -> bool:
        if self.mode is not Mode.SYSTEM:
            return self.mode is Mode.DARK
        scheme = QGuiApplication.styleHints().colorScheme()
        return self._system_is_dark if scheme is Qt.ColorScheme.Unknown else scheme is Qt.ColorScheme.Dark


def set_palette(dark: bool) -> None:
    """Give the application our light or dark colours."""
    shades, roles = (DARK, _DARK_ROLES) if dark else (LIGHT, _LIGHT_ROLES)
    palette = QPalette()
    for role in (_Role.WindowText, _Role.Text, _Role.ButtonText, _Role.ToolTipText, _Role.BrightText):
        palette.setColor(role, QColor(shades.text))
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(_DISABLED[dark]))
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    palette.setColor(QPalette.ColorGroup.Disabled, _Role.Highlight, palette.color(_Role.Mid))
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    app.setPalette(palette)
    app.setStyleSheet(
        _STYLE.format(
            text=shades.text,
            muted=shades.muted,
            tip=roles[_Role.ToolTipBase],
            line=roles[_Role.Mid],
            window=roles[_Role.Window],
            base=roles[_Role.Base],
            highlight=roles[_Role.Highlight],
            dashes=roles[_Role.Dark] if not dark else roles[_Role.Light],
        )
    )


def tinted(accent: str, strength: float = 0.14) -> QColor:
    """Return the ground with a little of a colour in it."""
    ground, colour = QColor(colours().ground), QColor(accent)
    pairs = (
        (colour.redF(), ground.redF()),
        (colour.greenF(), ground.greenF()),
        (colour.blueF(), ground.blueF()),
    )
    return QColor.fromRgbF(*(b + (a - b) * strength for a, b in pairs))
