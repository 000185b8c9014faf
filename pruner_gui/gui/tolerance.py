"""How much worse the network may get: a slider, an exact box beside it, and the unit."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from superqt import QDoubleSlider, QElidingLabel

from pruner_gui.gui import text
from pruner_gui.gui.document import Preview
from pruner_gui.gui.latest import Latest
from pruner_gui.network import Network
from pruner_gui.pruning import Tolerance

MOST_PERCENT = 50.0
_POWER = 3  # a quarter of the way is 1 %: small tolerances are what one looks for
_STEP = 0.02  # of the slider's way, for an arrow key

_ROWS = 1024  # of a weight, counted at a time


def value_at(place: float, most: float) -> float:
    """Return the tolerance at a place (0 to 1) of the slider, as a number of two digits."""
    value = most * place**_POWER
    return round(value, 1 - math.floor(math.log10(value))) if value > 0 else 0.0


def place_of(value: float, most: float) -> float:
    """Return where on the slider (0 to 1) a tolerance is."""
    return float(min(1.0, max(0.0, value / most) ** (1 / _POWER)))


def tolerance_for(wanted: float, limit: float, tolerance: Tolerance, original: float) -> Tolerance:
    """Return the tolerance that makes a limit what is wanted, given the limit that one makes now.

    Limits are linear in the tolerance, whatever they are counted from. `original` is the error of the network
    as opened, which percent refer to.
    """
    unit = abs(original) / 100 if tolerance.relative else 1.0
    if not unit:
        return tolerance
    value = max(0.0, tolerance.value + (wanted - limit) / unit)
    digits = 2 if tolerance.relative or not value else 3 - math.floor(math.log10(value))
    return Tolerance(round(value, digits), tolerance.relative)


class ToleranceControl(QWidget):
    """Slider, box and unit of one tolerance."""

    changed = Signal(object)  # Tolerance

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._error: float | None = None
        self.slider = QDoubleSlider(Qt.Orientation.Horizontal)  # type: ignore[no-untyped-call]
        self.box = QDoubleSpinBox()
        self.unit = QComboBox()
        self._build()
        self.set_tolerance(Tolerance(5, relative=True))

    @property
    def tolerance(self) -> Tolerance:
        """What is set."""
        return Tolerance(self.box.value(), relative=self._relative)

    def set_tolerance(self, tolerance: Tolerance) -> None:
        """Show a tolerance; emits nothing."""
        with QSignalBlocker(self.unit):
            self.unit.setCurrentIndex(0 if tolerance.relative else 1)
        self._show_unit()
        self._show_value(tolerance.value)

    def set_reference(self, error: float | None) -> None:
        """Take the original error: what percent refer to, None while it is not known."""
        if error == self._error:
            return
        self._error = error
        value = self.box.value()
        self._show_unit()
        self._show_value(value)

    @property
    def _relative(self) -> bool:
        return self.unit.currentIndex() == 0

    @property
    def _most(self) -> float:
        """The value at the slider's right end."""
        return MOST_PERCENT if self._relative else (self._error or 1.0) * MOST_PERCENT / 100

    def _build(self) -> None:
        label = QLabel(self.tr("&Tolerance"))
        label.setBuddy(self.box)
        self.slider.setRange(0, 1)
        self.slider.setSingleStep(_STEP)
        self.slider.setPageStep(5 * _STEP)
        self.slider.setMinimumWidth(150)
        self.slider.setAccessibleName(self.tr("Tolerance slider"))
        self.slider.setToolTip(
            self.tr("How much worse the network may get. Moving it shows, it does not prune.")
        )
        self.box.setAccessibleName(self.tr("Exact tolerance"))
        self.box.setToolTip(self.tr("The exact tolerance"))
        self.unit.addItems([self.tr("% of the original error"), self.tr("in the error's unit")])
        self.unit.setAccessibleName(self.tr("Unit of the tolerance"))
        self.unit.setToolTip(self.tr("Relative to the error of the network as opened, or absolute"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 0, 6, 0)
        for widget, stretch in ((label, 0), (self.slider, 1), (self.box, 0), (self.unit, 0)):
            layout.addWidget(widget, stretch)
        self.slider.valueChanged.connect(self._slid)
        self.box.valueChanged.connect(self._typed)
        self.unit.currentIndexChanged.connect(self._unit_changed)

    def _slid(self, place: float) -> None:
        with QSignalBlocker(self.box):
            self.box.setValue(value_at(place, self._most))
        self.changed.emit(self.tolerance)

    def _typed(self, value: float) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(place_of(value, self._most))
        self.changed.emit(self.tolerance)

    def _unit_changed(self) -> None:
        """Say the same tolerance in the other unit."""
        value = self.box.value()
        if self._error:
            value = 100 * value / self._error if self._relative else value * self._error / 100
        self._show_unit()
        self._show_value(value)
        self.changed.emit(self.tolerance)

    def _show_unit(self) -> None:
        with QSignalBlocker(self.box):
            small = 2 if self._relative else min(12, max(4, 4 - math.floor(math.log10(self._most))))
            self.box.setDecimals(small)
            self.box.setSuffix(" %" if self._relative else "")
            self.box.setRange(0, 1e6)
            self.box.setSingleStep(0.1 if self._relative else self._most / 100)
            self.box.setFixedWidth(self.box.fontMetrics().horizontalAdvance("0" * (small + 7)) + 16)

    def _show_value(self, value: float) -> None:
        with QSignalBlocker(self.box), QSignalBlocker(self.slider):
            self.box.setValue(value)
            self.slider.setValue(place_of(value, self._most))


class PreviewStrip(QWidget):
    """Says what would go, under which limit, measured how and why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Eliding, so that a long sentence does not widen the window.
        self.what, self.limit, self.why = QElidingLabel(), QLabel(), QElidingLabel()
        font = self.what.font()
        font.setBold(True)
        self.what.setFont(font)
        self.why.setObjectName("muted")
        self.what.setToolTip(
            self.tr(
                "Each of them alone stays within the tolerance. Their harm adds up, so a run, which measures"
                " after every removal, may remove fewer, or others."
            )
        )
        top = QHBoxLayout()
        top.setSpacing(18)
        top.addWidget(self.what, 1)
        top.addWidget(self.limit)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(12, 5, 12, 3)
        lines.setSpacing(2)
        lines.addLayout(top)
        lines.addWidget(self.why)
        self._preview = Preview()
        self._counting = Latest("connection-counter", _count, lambda: None)
        self._counting.done.connect(self._take)

    def show_preview(self, preview: Preview, network: Network) -> None:
        """Say what would go, and with how many connections of the network as soon as they are counted."""
        self._preview = preview
        if preview.error is not None:
            self._say(text.problem(preview.error).what)
        elif not preview.limits:
            self._say(self.tr("Measuring the network…"))
        elif not preview.candidates:
            self._say(self._sentence(preview, 0))
        else:
            self._counting.request((preview, network))

    def shutdown(self) -> None:
        """Stop and join the counting thread."""
        self._counting.stop()

    def _take(self, result: tuple[Preview, int]) -> None:
        preview, connections = result
        if preview is self._preview:
            self._say(self._sentence(preview, connections))

    def _say(self, sentence: str) -> None:
        self.what.setText(sentence)
        self.what.setAccessibleName(sentence)

    def show_nothing(self, sentence: str) -> None:
        """Say why there is no preview."""
        self._preview = Preview()
        self._say(sentence)
        self.limit.setText("")
        self.why.setText("")

    def show_limit(self, preview: Preview, original: float | None, metric: str, reason: str) -> None:
        """Say error and limit of the first metric, and why it is this one."""
        if preview.limits and preview.now:
            share = self._share(preview.limits[0], original)
            line = self.tr("limit {limit}{share}, now {now}")
            now, limit = text.number(preview.now[0]), text.number(preview.limits[0])
            self.limit.setText(line.format(limit=limit, share=share, now=now))
        else:
            self.limit.setText("")
        self.why.setText(reason or metric)
        self.why.setToolTip(f"{metric}: {reason}")

    def _share(self, limit: float, original: float | None) -> str:
        """The rise in the unit that the control does not show."""
        if not original:
            return ""
        rise = (limit - original) / original
        return f" ({text.signed(text.percent(rise), rise)})"

    def _sentence(self, preview: Preview, connections: int) -> str:
        neurons = len(preview.candidates)
        if not neurons:
            said = self.tr("No neuron would go")
        else:
            said = self.tr("{neurons} would go with {connections}").format(
                neurons=text.plural(neurons, self.tr("{n} neuron"), self.tr("{n} neurons")),
                connections=text.plural(connections, self.tr("{n} connection"), self.tr("{n} connections")),
            )
        if preview.measured < preview.total:
            so_far = self.tr(" (of the {n} of {total} measured so far)")
            said += so_far.format(n=text.integer(preview.measured), total=text.integer(preview.total))
        return said


def _count(job: tuple[Preview, Network]) -> tuple[Preview, int]:
    """Count the connections other than zero that go with the candidates, each once."""
    preview, network = job
    doomed: dict[str, set[int]] = defaultdict(set)
    for edit in preview.candidates:
        doomed[edit.node].update(edit.units)
    count = 0
    for link in network.links:
        rows = np.isin(network.by_name[link.source].units[link.sources], list(doomed.get(link.source, ())))
        columns = np.isin(network.by_name[link.target].units, list(doomed.get(link.target, ())))
        if rows.any() or columns.any():
            for at in range(0, len(rows), _ROWS):
                there, gone = link.weight[at : at + _ROWS] != 0, rows[at : at + _ROWS]
                count += int(np.count_nonzero(there[gone])) + int(np.count_nonzero(there[~gone][:, columns]))
    return preview, count
