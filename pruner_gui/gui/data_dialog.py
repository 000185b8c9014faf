"""Asks which data to load and how to read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.data import DEFAULT_SHARE, SCALINGS
from pruner_gui.gui import dialogs
from pruner_gui.gui.document import DataFiles
from pruner_gui.session import DataOptions

_AUTOMATIC, _SHARE, _FILE, _NONE = range(4)


def remembered(files: Sequence[Path]) -> DataOptions:
    """Return the options last used for files of these names, or what suits their kind."""
    stored = QSettings().value(_key(files))
    try:
        entry = json.loads(str(stored)) if stored else {}
        held = tuple(Path(name) for name in entry.pop("holdout_files", ()))
        if entry and all(path.exists() for path in held):
            return DataOptions(**entry, holdout_files=held)
    except (ValueError, TypeError):
        pass  # written by another version: the defaults will do
    pixels = any("idx" in path.name for path in files)
    return DataOptions(scale="255" if pixels else "none")


def remember(data: DataFiles) -> None:
    """Keep the options for the next time."""
    entry = asdict(data.options) | {"holdout_files": [str(path) for path in data.options.holdout_files]}
    QSettings().setValue(_key(data.files), json.dumps(entry))


def _key(files: Sequence[Path]) -> str:
    return "data/" + "+".join(path.name for path in files)


class DataDialog(QDialog):
    """The form. `data` is what it was asked for."""

    def __init__(self, files: Sequence[Path] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Load data"))
        self.files: tuple[Path, ...] = ()
        self.holdout_files: tuple[Path, ...] = ()
        self.chosen, self.browse = QLabel(), QPushButton(self.tr("&Choose…"))
        self.target, self.scale = QLineEdit(), QComboBox()
        self.holdout, self.share, self.held = QComboBox(), QDoubleSpinBox(), QPushButton()
        self.seed, self.max_rows = QSpinBox(), QSpinBox()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._fill()
        self._lay_out()
        self._connect()
        self.set_files(files)

    @property
    def data(self) -> DataFiles:
        """The files and options that are set."""
        kind = self.holdout.currentIndex()
        shares = {_AUTOMATIC: None, _SHARE: self.share.value() / 100, _NONE: 0.0, _FILE: None}
        options = DataOptions(
            target=self.target.text().strip() or None,
            scale=self.scale.currentData(),
            holdout=shares[kind],
            holdout_files=self.holdout_files if kind == _FILE else (),
            seed=self.seed.value(),
            max_rows=self.max_rows.value() or None,
        )
        return DataFiles(self.files, options)

    def set_files(self, files: Sequence[Path]) -> None:
        """Take these files, with the options that were used for them before."""
        self.files = tuple(files)
        names = "\n".join(path.name for path in files)
        self.chosen.setText(names or self.tr("one file, or inputs and targets as two"))
        self.chosen.setToolTip("\n".join(map(str, files)))
        self.chosen.setObjectName("" if files else "hint")
        if files:
            self._show_options(remembered(files))
        self._enable()

    def accept(self) -> None:
        """Remember, and close."""
        remember(self.data)
        super().accept()

    def _show_options(self, options: DataOptions) -> None:
        self.target.setText(options.target or "")
        self.scale.setCurrentIndex(self.scale.findData(options.scale))
        self.holdout_files = options.holdout_files
        kind = _FILE if options.holdout_files else _AUTOMATIC
        if options.holdout is not None:
            kind = _SHARE if options.holdout else _NONE
            self.share.setValue(100 * (options.holdout or DEFAULT_SHARE))
        self.holdout.setCurrentIndex(kind)
        self.seed.setValue(options.seed)
        self.max_rows.setValue(options.max_rows or 0)

    def _fill(self) -> None:
        names = {
            "none": self.tr("none"),
            "255": self.tr("divide by 255 (pixels)"),
            "standard": self.tr("standard: mean 0, deviation 1"),
            "minmax": self.tr("range 0 to 1"),
        }
        for code in SCALINGS:
            self.scale.addItem(names[code], code)
        share = self.tr("the file's test rows, else {n} %").format(n=round(100 * DEFAULT_SHARE))
        self.holdout.addItems(
            [share, self.tr("a share of the rows"), self.tr("another file"), self.tr("none")]
        )
        self.target.setPlaceholderText(self.tr("the last columns, or a name or number"))
        self.share.setRange(1, 90)
        self.share.setValue(100 * DEFAULT_SHARE)
        self.share.setDecimals(0)
        self.share.setSuffix(" %")
        self.seed.setRange(0, 2**31 - 1)
        self.max_rows.setRange(0, 10**9)
        self.max_rows.setSpecialValueText(self.tr("all"))
        self.max_rows.setGroupSeparatorShown(True)
        for box in (self.share, self.seed, self.max_rows):
            box.setMinimumHeight(self.scale.sizeHint().height())
        self.browse.setToolTip(self.tr("csv, npz, npy or idx; select two files for inputs and targets"))

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows = (
            (self.tr("Data"), _beside(self.chosen, self.browse), self.browse),
            (self.tr("&Target column"), self.target, self.target),
            (self.tr("&Scale inputs"), self.scale, self.scale),
            (self.tr("&Held-out rows"), _beside(self.holdout, self.share, self.held), self.holdout),
            (self.tr("&Pruning rows, at most"), self.max_rows, self.max_rows),
            (self.tr("&Random seed"), self.seed, self.seed),
        )
        for name, field, focus in rows:
            label = QLabel(name)
            label.setBuddy(focus)
            focus.setAccessibleName(name.replace("&", ""))
            form.addRow(label, field)
        hint = QLabel(
            self.tr("Pruning rows decide what goes. Held-out rows only report, so that the result is honest.")
        )
        hint.setObjectName("hint")
        hint.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 14)
        layout.setSpacing(14)
        layout.addLayout(form)
        layout.addWidget(hint)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(520)

    def _connect(self) -> None:
        self.browse.clicked.connect(self._browse)
        self.held.clicked.connect(self._browse_holdout)
        self.holdout.currentIndexChanged.connect(self._enable)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _enable(self) -> None:
        kind = self.holdout.currentIndex()
        self.share.setVisible(kind == _SHARE)
        self.held.setVisible(kind == _FILE)
        names = ", ".join(path.name for path in self.holdout_files)
        self.held.setText(names or self.tr("Choose…"))
        ready = bool(self.files) and (kind != _FILE or bool(self.holdout_files))
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    def _browse(self) -> None:
        files = dialogs.choose_files(self, self.tr("Choose data"), data_filter(), "data")
        if files:
            self.set_files(files)

    def _browse_holdout(self) -> None:
        files = dialogs.choose_files(self, self.tr("Choose held-out data"), data_filter(), "data")
        if files:
            self.holdout_files = tuple(files)
            self._enable()


def data_filter() -> str:
    """Return the file dialog's filter for data."""
    kinds = "*.csv *.tsv *.txt *.npz *.npy *.idx *-ubyte *.gz"
    return f"Data ({kinds});;All files (*)"


def _beside(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QHBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    for index, widget in enumerate(widgets):
        layout.addWidget(widget, 0 if index else 1, Qt.AlignmentFlag.AlignVCenter)
    return page
