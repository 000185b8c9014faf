"""Asks which data to load and how to read it, and shows at once what would come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from pruner_gui import reading
from pruner_gui.data import (
    CATEGORIES,
    DEFAULT_SHARE,
    DELIMITERS,
    HEADERS,
    MISSING,
    SCALINGS,
    Look,
    look,
    spelled,
)
from pruner_gui.data.errors import AmbiguousTarget
from pruner_gui.gui import dialogs, text
from pruner_gui.gui.data_memory import Counts, remember, remembered, suited
from pruner_gui.gui.data_preview import IGNORED, ROLES, TARGET, Column, Preview, role_name
from pruner_gui.gui.data_verdict import Verdict, verdict_on
from pruner_gui.gui.document import DataFiles
from pruner_gui.gui.worker import Outcome, Tasks
from pruner_gui.session import DataOptions

_AUTOMATIC, _SHARE, _FILE, _NONE = range(4)
_DIVISOR = "divisor"
_HEAD = 2**21  # bytes of a file that are looked at


class DataDialog(QDialog):
    """The form and the preview, for a network of these counts. `data` is what it was asked for."""

    def __init__(self, counts: Counts, files: Sequence[Path] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Load data"))
        self.counts = counts
        self.files: tuple[Path, ...] = ()
        self.holdout_files: tuple[Path, ...] = ()
        self.look: Look | None = None
        self.tasks = Tasks(self)
        self._columns = DataOptions()  # only its target, inputs and ignore
        self._may_suggest = False  # nobody has chosen a scaling
        self.chosen, self.browse = QLabel(), QPushButton(self.tr("&Choose…"))
        self.preview, self.verdict = Preview(), Verdict()
        self.role, self.automatic = QComboBox(), QPushButton(self.tr("&Automatic"))
        self.scale, self.divisor = QComboBox(), QDoubleSpinBox()
        self.missing, self.categories = QComboBox(), QComboBox()
        self.delimiter, self.header, self.classes = QComboBox(), QComboBox(), QLineEdit()
        self.holdout, self.share, self.held = QComboBox(), QDoubleSpinBox(), QPushButton()
        self.seed, self.max_rows, self.guard = QSpinBox(), QSpinBox(), QSpinBox()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.setAcceptDrops(True)
        self._fill()
        self._lay_out()
        self._connect()
        self.set_files(files)

    @property
    def data(self) -> DataFiles:
        """The files and options that are set."""
        return DataFiles(self.files, self.options)

    @property
    def options(self) -> DataOptions:
        """The options that are set."""
        kind = self.holdout.currentIndex()
        shares = {_AUTOMATIC: None, _SHARE: self.share.value() / 100, _NONE: 0.0, _FILE: None}
        scale = self.scale.currentData()
        return replace(
            self._columns,
            classes=self.classes.text().strip() or None,
            scale=f"{self.divisor.value():.10g}" if scale == _DIVISOR else scale,
            missing=self.missing.currentData(),
            categories=self.categories.currentData(),
            delimiter=self.delimiter.currentData(),
            header=self.header.currentData(),
            holdout=shares[kind],
            guard=self.guard.value() / 100,
            holdout_files=self.holdout_files if kind == _FILE else (),
            seed=self.seed.value(),
            max_rows=self.max_rows.value() or None,
        )

    def set_files(self, files: Sequence[Path]) -> None:
        """Take these files, with the options that were used for them before, and read their first rows."""
        self.files = tuple(files)
        names = " + ".join(path.name for path in files)
        self.chosen.setText(names or self.tr("one file, or inputs and targets as two"))
        self.chosen.setToolTip("\n".join(map(str, files)))
        self.chosen.setObjectName("" if files else "hint")
        if files:
            self.preview.setFocus()
            known = remembered(files, self.counts)
            self._may_suggest = known is None
            self._show_options(known or suited(files))
        self._read()

    def accept(self) -> None:
        """Remember, and close."""
        remember(self.files, self.counts, self.options)
        super().accept()

    def done(self, result: int) -> None:
        """Let nothing go on behind a closed dialog."""
        self.tasks.shutdown()
        super().done(result)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take what is dropped in place of what was chosen."""
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            self.set_files(files)

    # -- looking

    def _read(self) -> None:
        """Read the first rows in the background; what is asked for last counts."""
        self.tasks.drop("look")
        self._show(None)
        if not self.files:
            self.verdict.wait(self.tr("Choose the data of this network, or drop it here."))
        else:
            self.verdict.wait(self.tr("Reading the first rows…"))
            work = partial(_scanned, self.files, self.counts, self.options)
            self.tasks.start("look", work, self._looked)
        self._enable()

    def _look(self) -> None:
        """Try the table that is there with other options."""
        if self.look is None:
            self._read()
            return
        work = partial(look, self.look.table, *self.counts, self.options)
        self.tasks.start("look", work, self._looked)
        self._enable()

    def _looked(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._show(None)
            self.verdict.refuse(text.problem(outcome.error))
        else:
            self._show(outcome.value)
            self._settle(outcome.value)
        self._enable()

    def _settle(self, found: Look) -> None:
        """Take up what the first look suggests, once: shown, it can be changed."""
        if self._may_suggest and found.pixels:
            self._may_suggest = False
            with QSignalBlocker(self.scale):
                self.scale.setCurrentIndex(self.scale.findData("255"))
            self._look()
        elif isinstance(found.error, AmbiguousTarget) and self._columns.target is None:
            self._take_roles([column.role for column in self.preview.shown.columns])

    def _show(self, found: Look | None) -> None:
        self.look = found
        self.preview.show_look(found, self._scaling_sign())
        self.verdict.show_verdict(None if found is None else verdict_on(found, self.counts))
        self._show_role()

    def _scaling_sign(self) -> str:
        signs = {
            "none": "",
            "255": "÷ 255",
            "standard": self.tr("standard"),
            "minmax": self.tr("0 to 1"),
            _DIVISOR: f"÷ {text.number(self.divisor.value())}",
        }
        return signs[self.scale.currentData()]

    # -- what the columns are for

    def set_role(self, columns: Sequence[int], role: str) -> None:
        """Make these columns inputs, targets, or ignored, and look again."""
        roles = [column.role for column in self.preview.shown.columns]
        for column in columns:
            roles[column] = role
        self._take_roles(roles)

    def _take_roles(self, roles: Sequence[str]) -> None:
        shown = self.preview.shown.columns
        n_own = sum(column.own for column in shown)
        first = len(shown) - n_own if n_own else 0
        targets = [place - first for place, role in enumerate(roles) if role == TARGET]
        ignored = [place for place, role in enumerate(roles) if role == IGNORED and not shown[place].own]
        self._columns = DataOptions(target=spelled(targets), ignore=spelled(ignored))
        self._look()

    def _let_decide(self) -> None:
        """Leave the roles to the counts again."""
        self._columns = DataOptions()
        self._look()

    def _show_role(self) -> None:
        columns = self._chosen_columns()
        roles = {column.role for column in columns}
        with QSignalBlocker(self.role):
            self.role.setCurrentIndex(ROLES.index(roles.pop()) if len(roles) == 1 else -1)
        self.role.setEnabled(bool(columns))

    def _chosen_columns(self) -> list[Column]:
        return [self.preview.shown.columns[column] for column in self.preview.chosen()]

    def _role_chosen(self, place: int) -> None:
        columns = self.preview.chosen()
        if self.preview.can_be(columns, ROLES[place]):
            self.set_role(columns, ROLES[place])
        else:
            self._show_role()

    # -- the form

    def _show_options(self, options: DataOptions) -> None:
        fields = (self.scale, self.divisor, self.missing, self.categories, self.delimiter, self.header)
        blockers = [QSignalBlocker(field) for field in (*fields, self.classes, self.holdout)]
        self._columns = DataOptions(target=options.target, inputs=options.inputs, ignore=options.ignore)
        known = self.scale.findData(options.scale) >= 0
        if not known:
            self.divisor.setValue(float(options.scale))
        for combo, code in (
            (self.scale, options.scale if known else _DIVISOR),
            (self.missing, options.missing),
            (self.categories, options.categories),
            (self.delimiter, options.delimiter),
            (self.header, options.header),
        ):
            combo.setCurrentIndex(max(0, combo.findData(code)))
        self.classes.setText(options.classes or "")
        self.holdout_files = options.holdout_files
        kind = _FILE if options.holdout_files else _AUTOMATIC
        if options.holdout is not None:
            kind = _SHARE if options.holdout else _NONE
            self.share.setValue(100 * (options.holdout or DEFAULT_SHARE))
        self.holdout.setCurrentIndex(kind)
        self.guard.setValue(round(100 * options.guard))
        self.seed.setValue(options.seed)
        self.max_rows.setValue(options.max_rows or 0)
        del blockers

    def _names(self) -> dict[str, str]:
        """What the codes of the options are called."""
        return {
            "none": self.tr("as in the file"),
            "255": self.tr("divide by 255 (pixels)"),
            "standard": self.tr("standard: mean 0, deviation 1"),
            "minmax": self.tr("range 0 to 1"),
            "refuse": self.tr("refuse the file"),
            "drop-rows": self.tr("leave the row out"),
            "mean": self.tr("put in the column's mean"),
            "one-hot": self.tr("one input a category"),
            "drop-first": self.tr("one a category, without the first"),
            "number": self.tr("the category's number"),
            "auto": self.tr("found out"),
            "yes": self.tr("names"),
            "no": self.tr("data"),
            ",": self.tr("comma"),
            ";": self.tr("semicolon"),
            "\t": self.tr("tab"),
            "|": self.tr("bar"),
            " ": self.tr("blanks"),
        }

    def _fill(self) -> None:
        names = self._names()
        for combo, codes in (
            (self.scale, SCALINGS),
            (self.missing, MISSING),
            (self.categories, CATEGORIES),
            (self.delimiter, DELIMITERS),
            (self.header, HEADERS),
        ):
            for code in codes:
                combo.addItem(names[code], code)
        self.scale.addItem(self.tr("divide by …"), _DIVISOR)
        self.role.addItems([role_name(role) for role in ROLES])
        share = self.tr("the file's test rows, else {n} %").format(n=round(100 * DEFAULT_SHARE))
        self.holdout.addItems(
            [share, self.tr("a share of the rows"), self.tr("another file"), self.tr("none")]
        )
        self.classes.setPlaceholderText(self.tr("in sorted order"))
        self.classes.setToolTip(self.tr("All classes in the order of the network's outputs: cat, dog, …"))
        self.divisor.setRange(1e-6, 1e9)
        self.divisor.setDecimals(6)
        self.divisor.setValue(100)
        self.divisor.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.share.setRange(1, 90)
        self.share.setValue(100 * DEFAULT_SHARE)
        self.share.setDecimals(0)
        self.share.setSuffix(" %")
        self.guard.setRange(0, 50)
        self.guard.setSuffix(" %")
        self.guard.setSpecialValueText(self.tr("none"))
        self.guard.setToolTip(
            self.tr(
                "This share of the other rows decides how far a run goes: the smallest network is kept"
                "\nwhose error on these rows is within the tolerance too, by one standard error."
                "\nThe held-out rows stay untouched."
            )
        )
        self.seed.setRange(0, 2**31 - 1)
        self.max_rows.setRange(0, 10**9)
        self.max_rows.setSpecialValueText(self.tr("all"))
        self.max_rows.setGroupSeparatorShown(True)
        for box in (self.divisor, self.share, self.seed, self.max_rows, self.guard):
            box.setMinimumHeight(self.scale.sizeHint().height())
        self.browse.setToolTip(
            self.tr("csv, text, parquet, npz, npy or idx; select two files for inputs and targets")
        )
        self.automatic.setToolTip(self.tr("Let the network's counts decide what the columns are for"))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 14)
        layout.setSpacing(10)
        font = self.chosen.font()
        font.setBold(True)
        self.chosen.setFont(font)
        layout.addWidget(_beside(self.chosen, self.browse))
        layout.addWidget(self.verdict)
        layout.addWidget(self.preview, 1)
        layout.addWidget(self._role_row())
        layout.addLayout(self._form())
        hint = QLabel(
            self.tr(
                "Pruning rows decide what goes. Guard rows, if there are any, decide how far a run goes."
                " Held-out rows only report, so that the result is honest."
            )
        )
        hint.setObjectName("hint")
        hint.setWordWrap(True)
        layout.addWidget(hint)
        layout.addWidget(self.buttons)
        self.resize(860, 640)

    def _role_row(self) -> QWidget:
        label = QLabel(self.tr("Se&lected columns are"))
        label.setBuddy(self.role)
        self.role.setAccessibleName(self.tr("What the selected columns are for"))
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 4)
        for widget in (label, self.role, self.automatic):
            layout.addWidget(widget)
        layout.addStretch(1)
        return row

    def _form(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        left = (
            (self.tr("&Scale inputs"), _beside(self.scale, self.divisor), self.scale),
            (self.tr("Cells without a &value"), self.missing, self.missing),
            (self.tr("&Words become"), self.categories, self.categories),
            (self.tr("Cla&sses"), self.classes, self.classes),
        )
        right = (
            (self.tr("&Held-out rows"), _beside(self.holdout, self.share, self.held), self.holdout),
            (self.tr("&Guard rows"), self.guard, self.guard),
            (self.tr("&Pruning rows, at most"), self.max_rows, self.max_rows),
            (self.tr("&Random seed"), self.seed, self.seed),
            (
                self.tr("&Between cells; first row"),
                _beside(self.delimiter, self.header),
                self.delimiter,
            ),
        )
        for side, rows in enumerate((left, right)):
            for row, (name, field, focus) in enumerate(rows):
                label = QLabel(name)
                label.setBuddy(focus)
                focus.setAccessibleName(name.replace("&", ""))
                grid.addWidget(label, row, 3 * side)
                grid.addWidget(field, row, 3 * side + 1)
        self.header.setAccessibleName(self.tr("First row"))
        self.divisor.setAccessibleName(self.tr("Number to divide by"))
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(2, 16)
        grid.setColumnStretch(4, 1)
        return grid

    def _connect(self) -> None:
        self.browse.clicked.connect(self._browse)
        self.held.clicked.connect(self._browse_holdout)
        self.holdout.currentIndexChanged.connect(self._enable)
        self.preview.role_wanted.connect(self.set_role)
        self.preview.selectionModel().selectionChanged.connect(self._show_role)
        self.role.activated.connect(self._role_chosen)
        self.automatic.clicked.connect(self._let_decide)
        self.scale.activated.connect(self._scale_chosen)
        for combo in (self.missing, self.categories):
            combo.activated.connect(self._look)
        for combo in (self.delimiter, self.header):
            combo.activated.connect(self._read)
        self.divisor.valueChanged.connect(self._look)
        self.classes.editingFinished.connect(self._look)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _scale_chosen(self) -> None:
        self._may_suggest = False
        self._look()

    def _enable(self) -> None:
        kind = self.holdout.currentIndex()
        self.share.setVisible(kind == _SHARE)
        self.held.setVisible(kind == _FILE)
        names = ", ".join(path.name for path in self.holdout_files)
        self.held.setText(names or self.tr("Choose…"))
        self.divisor.setVisible(self.scale.currentData() == _DIVISOR)
        is_text = self.look is None or bool(self.look.table.lines)
        self.delimiter.setEnabled(is_text)
        self.header.setEnabled(is_text)
        self.automatic.setEnabled(self._columns != DataOptions())
        fits = self.look is not None and self.look.error is None and not self.tasks.running("look")
        ready = fits and (kind != _FILE or bool(self.holdout_files))
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
    kinds = "*.csv *.tsv *.txt *.dat *.data *.parquet *.npz *.npy *.idx *-ubyte *.gz"
    return f"Data ({kinds});;All files (*)"


def _scanned(files: Sequence[Path], counts: Counts, options: DataOptions) -> Look:
    """Read the heads of files and look at them (in a thread)."""
    return look(reading.table(files, counts[0], options, _HEAD), *counts, options)


def _beside(*widgets: QWidget) -> QWidget:
    page = QWidget()
    layout = QHBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    for index, widget in enumerate(widgets):
        layout.addWidget(widget, 0 if index else 1, Qt.AlignmentFlag.AlignVCenter)
    return page
