"""Lets the user prune on from a point of the history, with another tolerance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from pruner_gui.gui import run_words, text
from pruner_gui.gui.tolerance import ToleranceControl
from pruner_gui.pruning import PruneConfig, Tolerance


@dataclass(frozen=True)
class Place:
    """Where a run is to go on: neurons left, the first error there, and that of the network as opened."""

    neurons: int
    error: float | None
    original: float | None


class ResumeDialog(QDialog):
    """The form: one tolerance, and what it means here. `limit_of` tells the limit that one makes."""

    def __init__(
        self,
        place: Place,
        config: PruneConfig,
        limit_of: Callable[[Tolerance], float | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._place, self._limit_of = place, limit_of
        self.setWindowTitle(self.tr("Prune on from here"))
        self.tolerance, self.limit = ToleranceControl(), QLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.go = self.buttons.addButton(self.tr("Prune"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.tolerance.changed.connect(lambda: self._show_limit())
        self.tolerance.set_tolerance(config.tolerance(0))
        self.tolerance.set_reference(place.original)
        self._lay_out(config)
        self._show_limit()

    def _lay_out(self, config: PruneConfig) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        for words in (self._here(), run_words.baseline(config.baseline)):
            label = QLabel(words)
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addWidget(self.tolerance)
        self.limit.setWordWrap(True)
        self.limit.setMinimumHeight(2 * self.limit.fontMetrics().lineSpacing())
        layout.addWidget(self.limit)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(520)
        self.tolerance.box.setFocus()

    def _here(self) -> str:
        place = self._place
        line = self.tr("The run goes on from {neurons}.")
        if place.error is not None:
            line = self.tr("The run goes on from {neurons}, with an error of {error}.")
        if place.error is not None and place.original:
            line = self.tr(
                "The run goes on from {neurons}, with an error of {error}: {change} against the network"
                " as opened."
            )
        change = run_words.change(place.error, place.original)
        error = "" if place.error is None else text.number(place.error)
        return line.format(neurons=run_words.neurons(place.neurons), error=error, change=change)

    def _show_limit(self) -> None:
        limit, error = self._limit_of(self.tolerance.tolerance), self._place.error
        if limit is None or error is None:
            self.limit.setText("")
        elif limit < error:
            line = self.tr(
                "The limit {limit} is passed here already: only neurons can go that bring the error below it."
            )
            self.limit.setText(line.format(limit=text.number(limit)))
        else:
            line = self.tr("The limit is {limit}: from here the error may rise by {rise}.")
            rise = text.number(limit - error, 3)
            self.limit.setText(line.format(limit=text.number(limit), rise=rise))
