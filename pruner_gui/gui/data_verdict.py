"""Says whether data fits the open network, with the counts, and what to do where it does not."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from pruner_gui import wording
from pruner_gui.data import Look
from pruner_gui.data.errors import (
    AmbiguousTarget,
    DataMismatch,
    MissingValues,
    NonFiniteData,
    TargetMismatch,
    TooFewClasses,
    UnknownClass,
    UnknownColumn,
    WordsMismatch,
    WrongClassCount,
)
from pruner_gui.errors import PrunerError
from pruner_gui.gui import resources, text, theme
from pruner_gui.gui.data_memory import Counts

_CLASSES_SHOWN = 6
_SIGN = 22  # pixels


@dataclass(frozen=True)
class Words:
    """A verdict: what, and below it more."""

    fits: bool
    what: str
    more: str


class Verdict(QFrame):
    """A sign, a sentence and a line of details. It keeps its height, so that the table does not move."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sign, self.what, self.more = QLabel(), QLabel(), QLabel()
        self._sign.setFixedSize(_SIGN, _SIGN)
        font = self.what.font()
        font.setBold(True)
        self.what.setFont(font)
        self.more.setObjectName("muted")
        for label in (self.what, self.more):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        lines = QVBoxLayout()
        lines.setSpacing(2)
        lines.addWidget(self.what)
        lines.addWidget(self.more)
        lines.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(10)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(lines, 1)
        self.setAutoFillBackground(True)
        self.setMinimumHeight(3 * self.fontMetrics().lineSpacing() + 20)

    def show_verdict(self, words: Words | None) -> None:
        """Show a verdict, or nothing."""
        if words is None:
            self._say("", theme.colours().neutral, "", "")
        elif words.fits:
            self._say("verified", theme.colours().weak, words.what, words.more)
        else:
            self._say("warning", theme.colours().trying, words.what, words.more)

    def wait(self, what: str) -> None:
        """Say what goes on."""
        self._say("", theme.colours().neutral, what, "")

    def refuse(self, problem: wording.Problem) -> None:
        """Say why the file cannot be read."""
        self._say("error", theme.colours().negative, problem.what, problem.remedy)

    def _say(self, sign: str, accent: str, what: str, more: str) -> None:
        self._sign.setVisible(bool(sign))
        if sign:
            self._sign.setPixmap(resources.pixmap(sign, accent, _SIGN, self.devicePixelRatioF()))
        self.what.setText(what)
        self.more.setText(more)
        self.setAccessibleName(f"{what} {more}".strip())
        palette = self.palette()
        palette.setColor(self.backgroundRole(), theme.tinted(accent, 0.12))
        self.setPalette(palette)


def verdict_on(look: Look, counts: Counts) -> Words:
    """Return whether what was looked at fits a network of these counts."""
    if look.error is not None:
        return Words(False, *_trouble(look, look.error, counts))
    return Words(True, _fitting(look, counts), "  ".join(_details(look)))


def _fitting(look: Look, counts: Counts) -> str:
    dataset = look.dataset
    inputs = text.plural(counts[0], _tr("{n} input"), _tr("{n} inputs"))
    if dataset is None:
        may = _tr("These columns may fit: {inputs}. All rows have to be read to be sure.")
        return may.format(inputs=inputs)
    if dataset.targets is None:
        return _tr("Fits: {inputs}, no target.").format(inputs=inputs)
    if dataset.classes:
        more = len(dataset.classes) > _CLASSES_SHOWN
        names = ", ".join(dataset.classes[:_CLASSES_SHOWN]) + (", …" if more else ".")
        many = _tr("Fits: {inputs}, and {n} classes: {names}")
        return many.format(inputs=inputs, n=len(dataset.classes), names=names)
    targets = text.plural(counts[1], _tr("{n} target"), _tr("{n} targets"))
    return _tr("Fits: {inputs} and {targets}.").format(inputs=inputs, targets=targets)


def _details(look: Look) -> list[str]:
    dataset, table = look.dataset, look.table
    rows = text.plural(table.n_rows, _tr("{n} row"), _tr("{n} rows"))
    told = [f"{rows}." if table.complete else _tr("Judged by its first {rows}.").format(rows=rows)]
    if dataset is None:
        return told
    if dataset.targets is None:
        told.append(_tr("Without targets, the network's own outputs are what pruning has to keep."))
    if dataset.test is not None:
        told.append(_tr("The file marks {n} test rows.").format(n=text.integer(int(dataset.test.sum()))))
    told += [wording.note(note, text.tr_wording) for note in dataset.notes if note.code != "classes"]
    return told


def _trouble(look: Look, error: PrunerError, counts: Counts) -> tuple[str, str]:
    path = look.table.path
    what = text.problem(error).what.replace(str(path), path.name)  # the folder says nothing here
    if isinstance(error, (DataMismatch, WordsMismatch)):
        return _miscount(look, counts[0])
    if isinstance(error, TargetMismatch):
        found = text.plural(error.columns, _tr("{n} column is a target"), _tr("{n} columns are targets"))
        many = _tr("The network gives {n} outputs, but {found}.").format(n=counts[1], found=found)
        return many, _tr("Make one column of classes the target, or one column for each output.")
    if isinstance(error, (MissingValues, NonFiniteData)):
        return what, _tr("Choose below what becomes of cells without a value, or ignore the column.")
    if isinstance(error, (TooFewClasses, WrongClassCount, UnknownClass)):
        return what, _tr("Name all classes below, in the order of the network's outputs.")
    if isinstance(error, UnknownColumn):
        return what, _tr("The file had other columns before. Press “Automatic”, or click on the headers.")
    if isinstance(error, AmbiguousTarget):
        return what, _tr("Click on a column's header to make it the target.")
    return what, _tr("Click on a column's header to say what it is for, or mend the file.")


def _miscount(look: Look, n_inputs: int) -> tuple[str, str]:
    """Say by how many numbers the inputs are off, and which columns give several."""
    found = look.roles.n_inputs
    takes = text.plural(n_inputs, _tr("The network takes {n} input"), _tr("The network takes {n} inputs"))
    what = _tr("{takes}, these columns give {found}.").format(takes=takes, found=text.integer(found))
    off = abs(found - n_inputs)
    if found > n_inputs:
        remedy = text.plural(
            off,
            _tr("Click on the header of one column to ignore it."),
            _tr("Click on the headers of columns to ignore {n} of them."),
        )
    else:
        remedy = text.plural(off, _tr("One more input is needed."), _tr("{n} more inputs are needed."))
    names, widths = look.table.names, look.roles.widths
    worded = [f"{names[column]}: {widths[column]}" for column in look.roles.inputs if widths[column] != 1]
    if worded:
        remedy += " " + _tr("Words give one input a category ({columns}).").format(columns=", ".join(worded))
    return what, remedy


def _tr(source: str) -> str:
    return QCoreApplication.translate("data_verdict", source)
