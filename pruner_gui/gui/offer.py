"""Offers to remove what costs nothing, and tells it apart from what is only weak, or only zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)
from superqt import QElidingLabel

from pruner_gui.gui import text, theme
from pruner_gui.gui.spare import FreeNeurons, Weak
from pruner_gui.pruning.free import Free

Fates = Mapping[tuple[str, int], bool]  # by layer and original unit: whether it would go, judged alone


class OfferBar(QWidget):
    """One line with a button; hidden where there is nothing to say."""

    remove_wanted = Signal()
    attempt_wanted = Signal(object)  # set[tuple[str, int]]: prune these neurons only
    neuron_wanted = Signal(str, int)  # layer, original unit

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words, self.remove = QElidingLabel(), QPushButton()
        self.which, self.list = QToolButton(), QListWidget()
        self.attempt, self.attempt_listed = QPushButton(), QPushButton()  # in the line, and below the list
        self._said: tuple[FreeNeurons | None, Sequence[Weak]] = (None, ())
        self._fates: Fates = {}
        self._ready = False
        self._build()
        self.retheme()
        self.hide()

    def show_spare(
        self, free: FreeNeurons | None, weak: Sequence[Weak], fates: Fates, *, ready: bool
    ) -> None:
        """Offer this; `weak` neurons have weak connections only. `ready`: there is data."""
        known = {(each.edit.node, each.edit.units[0]) for each in free.found} if free is not None else set()
        weak = [each for each in weak if (each.layer, each.unit) not in known]
        self._said, self._fates, self._ready = (free, weak), fates, ready
        count = 0 if free is None else len(free.found)
        line = text.plural(
            count, self.tr("Remove {n} neuron at no cost"), self.tr("Remove {n} neurons at no cost")
        )
        self.remove.setText(line)
        self.remove.setVisible(bool(count))
        sentence = "  ·  ".join(self._sentences())
        self.words.setText(sentence)
        self.words.setToolTip(sentence.replace("  ·  ", "\n"))
        self.remove.setToolTip(self._tip())
        self.which.setVisible(bool(count or weak))
        self._show_attempt(bool(count))
        self.setAccessibleName(sentence)
        self.setVisible(bool(sentence))

    def retheme(self) -> None:
        """Take the colours of the theme."""
        self.setAutoFillBackground(True)
        palette = self.palette()
        palette.setColor(self.backgroundRole(), theme.tinted(theme.colours().weak))
        self.setPalette(palette)

    def _show_attempt(self, free: bool) -> None:
        """The button that prunes the weakly connected alone; in the line only where nothing is free."""
        count = len(self._said[1])
        line = self.tr("Prune only the {n} weakly connected").format(n=text.integer(count))
        for button in (self.attempt, self.attempt_listed):
            button.setText(line)
            button.setVisible(bool(count))
            button.setEnabled(self._ready)
        if free:
            self.attempt.hide()

    def _attempted(self) -> None:
        self.which.menu().close()
        self.attempt_wanted.emit({(each.layer, each.unit) for each in self._said[1]})

    def _build(self) -> None:
        self.remove.clicked.connect(lambda: self.remove_wanted.emit())
        for button in (self.attempt, self.attempt_listed):
            button.clicked.connect(self._attempted)
            button.setToolTip(
                self.tr(
                    "Tries each of them, and no other: it goes if the error stays within the tolerance."
                    "\nOne step of the history, which can be undone."
                )
            )
        self.which.setText(self.tr("Which?"))
        self.which.setToolTip(self.tr("List these neurons; a click on one selects it"))
        self.which.setAccessibleName(self.which.toolTip())
        self.which.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu, action = QMenu(self.which), QWidgetAction(self.which)
        self.list.setMinimumSize(560, 220)
        self.list.setAccessibleName(self.tr("Neurons that are free, or weakly connected"))
        self.list.itemClicked.connect(self._chosen)
        self.list.itemActivated.connect(self._chosen)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.list)
        column.addWidget(self.attempt_listed, 0, Qt.AlignmentFlag.AlignRight)
        action.setDefaultWidget(page)
        menu.addAction(action)
        menu.aboutToShow.connect(self.fill)
        self.which.setMenu(menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 3, 8, 3)
        layout.setSpacing(8)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.which)
        layout.addWidget(self.attempt)
        layout.addWidget(self.remove)

    def _sentences(self) -> list[str]:
        free, weak = self._said
        said: list[str] = []
        if free is not None and free.found:
            said.append(self._kinds(free))
            if not self._ready:
                said.append(self.tr("load data to find those that are free on it"))
        if weak:
            one = self.tr("{n} neuron has only weak connections in or out")
            many = self.tr("{n} neurons have only weak connections in or out")
            said.append(text.plural(len(weak), one, many))
        if free is not None and free.zeros:
            zero = self.tr("{n} connection is zero: the file is not smaller for that yet")
            many = self.tr("{n} connections are zero: the file is not smaller for that yet")
            said.append(text.plural(free.zeros, zero, many))
        return said

    def _kinds(self, free: FreeNeurons) -> str:
        exact, constant = len(free.exact), len(free.constant)
        if exact and constant:
            line = self.tr("{exact} neurons are free for any input, {constant} on this data only")
            return line.format(exact=text.integer(exact), constant=text.integer(constant))
        one, many = self.tr("{n} neuron is free for any input"), self.tr("{n} neurons are free for any input")
        if constant:
            one = self.tr("{n} neuron is free on this data only")
            many = self.tr("{n} neurons are free on this data only")
        return text.plural(exact or constant, one, many)

    def _tip(self) -> str:
        told = [
            self.tr("Their part is moved into other weights and biases, so that the outputs stay the same."),
            self.tr("One step of the history, which can be undone."),
        ]
        if not self._ready:
            told.insert(1, self.tr("Without data only what holds for any input is found, and removed."))
        return "\n".join(told)

    def fill(self) -> None:
        """Fill the list."""
        free, weak = self._said
        self.list.clear()
        for title, found in (
            (self.tr("Free for any input"), free.exact if free is not None else ()),
            (self.tr("Free on this data only"), free.constant if free is not None else ()),
        ):
            self._section(title, [(each.edit.node, each.edit.units[0], self._why(each)) for each in found])
        self._section(
            self.tr("Weakly connected: not free, pruning has to try them"),
            [(each.layer, each.unit, self._thin(each)) for each in sorted(weak, key=self._stays)],
        )

    def _stays(self, weak: Weak) -> bool:
        return not self._fates.get((weak.layer, weak.unit), False)

    def _thin(self, weak: Weak) -> str:
        """Which connections are weak, and what the preview says of the neuron."""
        sentences = {
            (True, True): self.tr("all weak, at most {into} in and {out} out"),
            (True, False): self.tr("all in are weak, at most {into}"),
            (False, True): self.tr("all out are weak, at most {out}"),
        }
        strongest = {
            name: text.number(value, 2) if value is not None else ""
            for name, value in (("into", weak.into), ("out", weak.out))
        }
        line = sentences[weak.into is not None, weak.out is not None].format(**strongest)
        fate = self._fates.get((weak.layer, weak.unit))
        if fate is None:
            return line
        verdict = self.tr("{line} — would go") if fate else self.tr("{line} — would stay")
        return verdict.format(line=line)

    def _section(self, title: str, neurons: list[tuple[str, int, str]]) -> None:
        if not neurons:
            return
        heading = QListWidgetItem(title)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        heading.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(heading)
        for name, unit, why in neurons:
            line = self.tr("{layer}, neuron {unit}: {why}")
            item = QListWidgetItem(line.format(layer=name, unit=text.integer(unit), why=why))
            item.setData(Qt.ItemDataRole.UserRole, (name, unit))
            self.list.addItem(item)

    def _why(self, free: Free) -> str:
        reasons = {
            "silent": self.tr("nothing reads it"),
            "deaf": self.tr("no input reaches it, so its output is always {value}"),
            "constant": self.tr("its output is {value} on every row"),
            "twin": self.tr("the same as neuron {partner}, times {factor}"),
        }
        partner = text.integer(free.partner) if free.partner is not None else ""
        return reasons[free.reason].format(
            value=text.number(free.constant, 3), partner=partner, factor=text.number(free.factor, 3)
        )

    def _chosen(self, item: QListWidgetItem) -> None:
        found = item.data(Qt.ItemDataRole.UserRole)
        if found is not None:
            self.which.menu().close()
            self.neuron_wanted.emit(*found)
