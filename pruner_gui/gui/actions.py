"""Everything the user can do, as actions with their shortcuts, and the menus and tool bar made of them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from pruner_gui.gui import resources
from pruner_gui.gui.document import Document
from pruner_gui.gui.theme import Mode, Theme
from pruner_gui.gui.workspace import Workspace


class Actions:
    """The actions of a window. Slots come from the window; `refresh` sets what is possible now."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self._icons: list[tuple[QAction, str]] = []
        tr = window.tr
        self.open = self._action("open", tr("&Open model…"), "Ctrl+O", tr("Open"))
        self.data = self._action("data", tr("Load &data…"), "Ctrl+D", tr("Data"))
        self.export = self._action("export", tr("&Export…"), "Ctrl+E", tr("Export"))
        self.open_session = self._action("", tr("Open &session…"), "Ctrl+Shift+O")
        self.save_session = self._action("", tr("&Save session…"), "Ctrl+S")
        self.comparison = self._action("", tr("Export c&omparison…"), "Ctrl+Alt+E")
        self.report = self._action("", tr("Print &report…"), "Ctrl+P")
        self.picture = self._action("picture", tr("Export p&icture…"), "Ctrl+Shift+E")
        self.quit = self._action("", tr("&Quit"), "Ctrl+Q")
        self.undo = self._action("undo", tr("&Undo"), "Ctrl+Z")
        self.redo = self._action("redo", tr("&Redo"), "Ctrl+Shift+Z")
        self.copy = self._action("copy", tr("&Copy the comparison"), "Ctrl+Shift+C")
        self.prune = self._action("prune", tr("&Prune"), "F5", tr("Prune"))
        self.cancel = self._action("stop", tr("&Cancel"), "Esc", tr("Cancel"))
        self.options = self._action("options", tr("&Options"), "Ctrl+,", tr("Options"))
        self.full_screen = self._action("", tr("F&ull screen"), "F11")
        self.full_screen.setCheckable(True)
        self.next_panel = self._action("", tr("&Next panel"), "F6")
        self.limits = self._action("", tr("&Limits for files…"), "")
        self.help = self._action("", tr("&Help"), "F1")
        self.log = self._action("", tr("Show the &log"), "")
        self.about = self._action("", tr("&About"), "")
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        self.about.setMenuRole(QAction.MenuRole.AboutRole)
        self.samples, self.recent = QMenu(tr("&Samples"), window), QMenu(tr("&Recent models"), window)

    def refresh(self, document: Document) -> None:
        """Enable what is possible."""
        idle = document.is_open and not document.running
        self.data.setEnabled(idle)
        self.export.setEnabled(idle)
        self.copy.setEnabled(document.is_open)
        self.picture.setEnabled(document.is_open)
        # One at a time: of two the older could come last.
        self.save_session.setEnabled(idle and not document.tasks.running("session"))
        for action in (self.comparison, self.report):
            action.setEnabled(idle and document.before is not None and document.after is not None)
        self.prune.setEnabled(document.can_prune)
        self.cancel.setEnabled(document.running and not document.stopping)
        self.options.setEnabled(document.is_open)
        self.undo.setEnabled(idle and document.session.can_undo)
        self.redo.setEnabled(idle and document.session.can_redo)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        for action, name in self._icons:
            action.setIcon(resources.icon(name))

    def _action(self, icon: str, title: str, key: str, short: str = "") -> QAction:
        action = QAction(title, self._window)
        if key:
            action.setShortcut(QKeySequence(key))
        if icon:
            action.setIcon(resources.icon(icon))
            self._icons.append((action, icon))
        plain = title.replace("&", "").removesuffix("…")
        action.setIconText(short or plain)
        shortcut = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{plain} ({shortcut})" if key else plain)
        self._window.addAction(action)
        return action


def build_menus(
    window: QMainWindow, actions: Actions, panels: list[QAction], graph: list[QAction], theme: Theme
) -> None:
    """Fill the menu bar."""
    tr, bar = window.tr, window.menuBar()
    _menu(bar.addMenu(tr("&File")), actions.open, actions.data, None,
          actions.open_session, actions.save_session, None, actions.samples, actions.recent, None,
          actions.export, actions.picture, actions.comparison, actions.report, None,
          actions.quit)  # fmt: skip
    _menu(bar.addMenu(tr("&Edit")), actions.undo, actions.redo, None, actions.copy)
    view = bar.addMenu(tr("&View"))
    _menu(
        view, *panels, None, *graph, None, _theme_menu(window, theme), actions.full_screen, actions.next_panel
    )
    _menu(bar.addMenu(tr("&Prune")), actions.prune, actions.cancel, None, actions.options)
    _menu(bar.addMenu(tr("&Tools")), actions.limits)
    _menu(bar.addMenu(tr("&Help")), actions.help, actions.log, actions.about)


def _menu(menu: QMenu, *entries: QAction | QMenu | None) -> None:
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        elif isinstance(entry, QMenu):
            menu.addMenu(entry)
        else:
            menu.addAction(entry)


def _theme_menu(window: QMainWindow, theme: Theme) -> QMenu:
    menu = QMenu(window.tr("&Theme"), window)
    group = QActionGroup(menu)
    names = {
        Mode.SYSTEM: window.tr("&System"),
        Mode.LIGHT: window.tr("&Light"),
        Mode.DARK: window.tr("&Dark"),
    }
    for mode, name in names.items():
        action = menu.addAction(name)
        action.setCheckable(True)
        action.setChecked(theme.mode is mode)
        action.triggered.connect(_setter(theme, mode))
        group.addAction(action)
    return menu


def _setter(theme: Theme, mode: Mode) -> Callable[[], None]:
    return lambda: theme.set_mode(mode)


def build_tool_bar(window: QMainWindow, actions: Actions, workspace: Workspace) -> QToolBar:
    """Return the tool bar."""
    bar = QToolBar(window.tr("Tools"), window)
    bar.setObjectName("tools")
    bar.setMovable(False)
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    bar.addActions([actions.open, actions.data])
    bar.addSeparator()
    bar.addActions([actions.undo, actions.redo])
    bar.addSeparator()
    bar.addWidget(workspace.tolerance)
    bar.addActions([actions.prune, actions.cancel, actions.options])
    spacer = QWidget()
    spacer.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
    bar.addWidget(spacer)
    bar.addAction(actions.export)
    for action in (actions.undo, actions.redo):
        button = bar.widgetForAction(action)
        assert isinstance(button, QToolButton)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    window.addToolBar(bar)
    return bar
