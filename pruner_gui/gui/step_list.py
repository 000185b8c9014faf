"""The steps of a run as a list to edit, and to keep as a recipe."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QListWidget,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui import text
from pruner_gui.gui.plan import Plan
from pruner_gui.pruning import STRATEGIES

_MOST_ROWS = 5


def strategy(name: str) -> str:
    """Return what a strategy is called."""
    tr = QCoreApplication.translate
    names = {
        "selective": tr("step_list", "Selective pruning"),
        "free": tr("step_list", "Neurons that cost nothing"),
        "connections": tr("step_list", "Weakest connections"),
        "magnitude": tr("step_list", "Smallest weights first (to compare)"),
        "random": tr("step_list", "Random neurons (to compare)"),
    }
    return names[name]


class StepList(QWidget):
    """The list. Emits what the user made of it as a new plan."""

    changed = Signal(object)  # Plan
    save_wanted = Signal()
    open_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plan = Plan()
        self.list = QListWidget()
        self.own = QCheckBox(self.tr("this step has a tolerance of its own"))
        self.add = self._menu_button(self.tr("Add"), self.tr("Add a step behind the one chosen"))
        self.remove = self._button(
            self.tr("Remove"), self.tr("Remove the step chosen"), lambda: self.plan.removed()
        )
        self.up = self._button("↑", self.tr("Do the step earlier"), lambda: self.plan.moved(-1))
        self.down = self._button("↓", self.tr("Do the step later"), lambda: self.plan.moved(1))
        self.recipe = self._menu_button(
            self.tr("Recipe"), self.tr("Keep the steps in a file, or take others")
        )
        self._fill_menus()
        self._build()
        self.show_plan(self.plan)

    def show_plan(self, plan: Plan) -> None:
        """Show these steps; emits nothing."""
        self.plan = plan
        several = len(plan.steps) > 1
        with QSignalBlocker(self.list), QSignalBlocker(self.own):
            self.list.clear()
            self.list.addItems([self._title(place) for place in range(len(plan.steps))])
            self.list.setCurrentRow(plan.place)
            self.own.setChecked(plan.own[plan.place])
        rows = min(len(plan.steps), _MOST_ROWS)
        self.list.setFixedHeight(rows * (self.list.fontMetrics().height() + 6) + 6)
        self.own.setVisible(several)
        self.remove.setEnabled(several)
        self.up.setEnabled(plan.place > 0)
        self.down.setEnabled(plan.place + 1 < len(plan.steps))

    def _title(self, place: int) -> str:
        step = self.plan.steps[place]
        line = self.tr("{n}. {step}").format(n=text.integer(place + 1), step=strategy(step.strategy))
        if not self.plan.own[place]:
            return line
        tolerance = step.tolerances[0]
        shown = text.number(tolerance.value, 3) + (" %" if tolerance.relative else "")
        return self.tr("{step}, within {tolerance}").format(step=line, tolerance=shown)

    def _button(self, title: str, tip: str, plan: Callable[[], Plan]) -> QToolButton:
        button = QToolButton()
        button.setText(title)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.clicked.connect(lambda: self._take(plan()))
        return button

    def _menu_button(self, title: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(title)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setMenu(QMenu(button))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _fill_menus(self) -> None:
        for name in STRATEGIES:
            action = self.add.menu().addAction(strategy(name))
            action.setData(name)
        self.add.menu().triggered.connect(lambda action: self._take(self.plan.added(action.data())))
        menu = self.recipe.menu()
        menu.addAction(self.tr("&Open recipe…")).triggered.connect(lambda: self.open_wanted.emit())
        menu.addAction(self.tr("&Save recipe…")).triggered.connect(lambda: self.save_wanted.emit())

    def _build(self) -> None:
        self.list.setAccessibleName(self.tr("Steps of the run"))
        self.list.setToolTip(
            self.tr("A run does these steps one after the other. Choose one to set its options.")
        )
        self.own.setToolTip(
            self.tr("The tolerance above, and the preview, are then those of this step while it is chosen")
        )
        self.list.currentRowChanged.connect(lambda row: self._take(self.plan.chosen(row)))
        self.own.toggled.connect(lambda own: self._take(self.plan.with_own(own)))
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.add, self.remove, self.up, self.down):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.recipe)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(4)
        layout.addWidget(self.list)
        layout.addLayout(row)
        layout.addWidget(self.own)

    def _take(self, plan: Plan) -> None:
        self.show_plan(plan)
        self.changed.emit(plan)
