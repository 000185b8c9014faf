"""Lets the user say how much more than usual files may take."""

from __future__ import annotations

import os

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from pruner_gui import limits

_KEY = "limits"


def restore() -> None:
    """Raise the limits to what was chosen the last time, unless the environment says something."""
    stored = QSettings().value(_KEY)
    if limits.VARIABLE not in os.environ and isinstance(stored, (str, int)) and str(stored).isdecimal():
        limits.raise_to(int(stored))


class LimitsDialog(QDialog):
    """The form: one number. What is chosen holds for the files that are read from then on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Limits for files"))
        self.times = QSpinBox()
        self.times.setRange(1, int(limits.MOST))
        self.times.setPrefix("× ")
        self.times.setValue(round(limits.scale()))
        self.times.setAccessibleName(self.tr("How many times as much"))
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()

    def accept(self) -> None:
        """Remember, use from now on, and close."""
        QSettings().setValue(_KEY, self.times.value())
        limits.raise_to(self.times.value())
        super().accept()

    def _lay_out(self) -> None:
        why = QLabel(
            self.tr(
                "A file is read in a process of its own, with limits of size, memory and time, so that a "
                "damaged or hostile one can do no harm. Raise them if a file that you trust meets one."
            )
        )
        why.setWordWrap(True)
        form = QFormLayout()
        form.addRow(self.tr("Files may take:"), self.times)
        layout = QVBoxLayout(self)
        layout.addWidget(why)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(380)
