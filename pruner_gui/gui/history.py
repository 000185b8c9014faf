"""The versions of the document, the present one marked; a click goes to one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from pruner_gui.gui import run_words, text
from pruner_gui.session import Version


class HistoryPanel(QWidget):
    """The list of versions."""

    version_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("History"))
        self.list.setToolTip(self.tr("Click to go to a version (Ctrl+Z, Ctrl+Shift+Z)"))
        self.list.currentRowChanged.connect(self._wanted)
        self.list.itemClicked.connect(lambda item: self._wanted(self.list.row(item)))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 2, 6, 6)
        layout.addWidget(self.list)

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
                self.list.addItem(item)
            self.list.setCurrentRow(current)

    def _wanted(self, row: int) -> None:
        if row >= 0:
            self.version_wanted.emit(row)

    def _opened(self, version: Version) -> str:
        return self.tr("Opened: {neurons}").format(neurons=run_words.neurons(version.network.hidden_neurons))

    def _title(self, version: Version) -> str:
        neurons = run_words.neurons(version.network.hidden_neurons)
        if version.run is None:
            return self.tr("Free for any input, removed: {neurons}").format(neurons=neurons)
        line = self.tr("Pruned within {tolerance} ({steps}): {neurons}")
        if version.run.finished is None:
            line = self.tr("Pruned within {tolerance} ({steps}), cancelled: {neurons}")
        configs = [stage.config for stage in version.run.stages] or [version.run.config]
        tolerance, steps = run_words.tolerance(configs[0]), run_words.steps(configs)
        return line.format(tolerance=tolerance, steps=steps, neurons=neurons)

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
