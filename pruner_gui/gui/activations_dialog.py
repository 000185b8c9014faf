"""Asks which activation follows each layer of a file that holds weights alone."""

from __future__ import annotations

import json

from PySide6.QtCore import QSettings, QUrl
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.formats import NeedsActivations, activation_text
from pruner_gui.network import ACTIVATIONS


def remembered(need: NeedsActivations) -> tuple[str, ...]:
    """Return what was last chosen for this file and these sizes, or what is usual in PyTorch."""
    usual = (*["relu"] * (len(need.layers) - 1), "linear")
    try:
        stored = json.loads(str(QSettings().value(_key(need)) or "[]"))
    except ValueError:
        return usual
    fits = isinstance(stored, list) and len(stored) == len(usual)
    return tuple(map(str, stored)) if fits else usual


def _key(need: NeedsActivations) -> str:
    sizes = "-".join(str(layer.n_out) for layer in need.layers)
    name = bytes(QUrl.toPercentEncoding(str(need.path.absolute())).data()).decode()
    return f"activations/{name}:{need.layers[0].n_in}-{sizes}"


class ActivationsDialog(QDialog):
    """The form. `activations` is what is chosen, one text a layer."""

    def __init__(self, need: NeedsActivations, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Activations"))
        self._need = need
        self.boxes = [QComboBox() for _ in need.layers]
        self.same = QCheckBox(self.tr("The &same for all hidden layers"))
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._fill()
        self._lay_out()
        self._connect()
        self._check()

    @property
    def activations(self) -> tuple[str, ...]:
        """One text for each layer, input side first."""
        return tuple(box.currentText().strip() for box in self.boxes)

    def accept(self) -> None:
        """Remember, and close."""
        QSettings().setValue(_key(self._need), json.dumps(self.activations))
        super().accept()

    def _fill(self) -> None:
        chosen = remembered(self._need)
        for box, layer, text in zip(self.boxes, self._need.layers, chosen, strict=True):
            box.setEditable(True)
            box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            box.addItems(list(ACTIVATIONS))
            box.setCurrentText(text)
            box.setAccessibleName(layer.name)
            box.setToolTip(self.tr("Parameters go in parentheses: leaky_relu(0.2)"))
        self.same.setVisible(len(self.boxes) > 2)
        self.same.setChecked(len(self.boxes) > 2 and len(set(chosen[:-1])) == 1)

    def _lay_out(self) -> None:
        what = self.tr(
            "{file} holds weights alone, not which activation follows each layer. "
            "Choose those of the program that trained it."
        )
        hint = QLabel(what.format(file=self._need.path.name))
        hint.setWordWrap(True)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for box, layer in zip(self.boxes, self._need.layers, strict=True):
            label = QLabel(self.tr("{name} ({n_in} → {n_out})").format(**layer._asdict()))
            label.setBuddy(box)
            form.addRow(label, box)
        page = QWidget()
        page.setLayout(form)
        area = QScrollArea()
        area.setWidget(page)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setMinimumHeight(min(page.sizeHint().height(), 360))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 14)
        layout.setSpacing(14)
        layout.addWidget(hint)
        layout.addWidget(area, 1)
        layout.addWidget(self.same)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(460)

    def _connect(self) -> None:
        for box in self.boxes:
            box.currentTextChanged.connect(self._changed)
        self.same.toggled.connect(self._unify)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _changed(self, text: str) -> None:
        sender = self.sender()
        if self.same.isChecked() and sender in self.boxes[:-1]:
            self._spread(text)
        self._check()

    def _unify(self, on: bool) -> None:
        if on:
            self._spread(self.boxes[0].currentText())

    def _spread(self, text: str) -> None:
        for box in self.boxes[:-1]:
            if box.currentText() != text:
                box.setCurrentText(text)

    def _check(self) -> None:
        known = all(activation_text.parse(text) is not None for text in self.activations)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(known)
