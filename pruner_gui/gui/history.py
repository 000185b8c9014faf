"""The versions of the document, the present one marked; a click goes to one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QLabel, QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from pruner_gui.gui import run_words, text
from pruner_gui.session import Version


class HistoryPanel(QWidget):
    """The list of versions."""

    version_wanted = Signal(int)
    resume_wanted = Signal(int)  # go to a version, and prune on from there

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("History"))
        hint = QLabel(self.tr("Click to go to a version · right-click to prune on from there"))
        hint.setObjectName("muted")
        self.list.currentRowChanged.connect(self._wanted)
        self.list.itemClicked.connect(lambda item: self._wanted(self.list.row(item)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 6)
        layout.setSpacing(2)
        layout.addWidget(hint)
        layout.addWidget(self.list)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._show_menu)

    def show_versions(self, versions: Sequence[Version], current: int, point: int | None = None) -> None:
        """Show the versions, this one marked; `point` is where on its run we are."""
        with QSignalBlocker(self.list):
            self.list.clear()
            for index, version in enumerate(versions):
                title = self._title(version) if index else self._opened(version)
                item = QListWidgetItem(("▸ " if index == current else "   ") + title)
                if index == current:
                    item.setText(item.text() + self._place(version, point))
                font = QFont(self.list.font())
                font.setBold(index == current)
                item.setFont(font)
                item.setToolTip(self._tip(version))
                self.list.addItem(item)
            self.list.setCurrentRow(current)

    def _wanted(self, row: int) -> None:
        if row >= 0:
            self.version_wanted.emit(row)

    def menu_of(self, row: int) -> QMenu:
        """Return what can be done with a version."""
        menu = QMenu(self.list)
        menu.addAction(self.tr("&Go to this version")).triggered.connect(lambda: self._wanted(row))
        resume = menu.addAction(self.tr("&Prune on from here…"))
        resume.triggered.connect(lambda: self.resume_wanted.emit(row))
        return menu

    def _show_menu(self, place: QPoint) -> None:
        item = self.list.itemAt(place)
        if item is not None:
            menu = self.menu_of(self.list.row(item))
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.list.viewport().mapToGlobal(place))

    def _tip(self, version: Version) -> str:
        if version.run is not None:
            return f"{run_words.title(version.run)}\n{run_words.details(version.run)}"
        return self.tr("Click to go to this version (Ctrl+Z, Ctrl+Shift+Z)")

    def _opened(self, version: Version) -> str:
        return self.tr("Opened: {neurons}").format(neurons=run_words.neurons(version.network.hidden_neurons))

    def _title(self, version: Version) -> str:
        if version.run is not None:
            return run_words.title(version.run)
        neurons = run_words.neurons(version.network.hidden_neurons)
        return self.tr("Free for any input, removed: {neurons}").format(neurons=neurons)

    def _place(self, version: Version, point: int | None) -> str:
        """Where on its run a version is shown; nothing where that is its end."""
        if version.run is None or point is None or point == version.run.kept:
            return ""
        steps = version.run.steps
        count = steps[point - 1].neurons if point else version.run.started.network.hidden_neurons
        line = self.tr(" — at {n} of {total} removals: {neurons}")
        return line.format(
            n=text.integer(point), total=text.integer(len(steps)), neurons=run_words.neurons(count)
        )
