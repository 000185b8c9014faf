"""The views of the network with their tools: those of both, and those of the graph alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSettings, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui import resources
from pruner_gui.gui.graph_view import GraphView, Shown
from pruner_gui.gui.network_pages import NetworkPages
from pruner_gui.network import Network

_MOST_PERCENT = 30.0
_STEPS = 100
_WEAK_PERCENT = 2.0  # at first
_ZOOM = 1.25


class GraphPanel(QWidget):
    """Graph and matrix below a row of tools. `graph_actions` are also for the menu."""

    weak_changed = Signal()
    order_changed = Signal(str)  # one of `graph_order.ORDERS`
    measure_changed = Signal(str)  # one of `pruning.RANKINGS`
    prune_wanted = Signal(str)  # connections: one of `pruning.SCOPES`

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = GraphView()
        self.pages = NetworkPages(self.view)
        self.weak_slider = QSlider(Qt.Orientation.Horizontal)
        self.weak_box = QDoubleSpinBox()
        self.weak_focus = False
        self._icons: list[tuple[QAction, str]] = []
        self.zoom_in = self._action("zoom-in", self.tr("Zoom &in"), "+", lambda: self.pages.zoom(_ZOOM))
        self.zoom_out = self._action(
            "zoom-out", self.tr("Zoom &out"), "-", lambda: self.pages.zoom(1 / _ZOOM)
        )
        self.fit = self._action("fit", self.tr("&Fit to window"), "0", self.pages.fit)
        self.actual = self._action("actual", self.tr("&Actual size"), "1", self.pages.actual_size)
        self.legend = self._action("legend", self.tr("&Legend"), "L", lambda: None)
        self.legend.setCheckable(True)
        self.legend.setChecked(True)
        self.legend.toggled.connect(self.pages.set_legend_visible)
        self.hide_removed = self._action("hide-removed", self.tr("Hide &removed neurons"), "H", lambda: None)
        self.hide_removed.setCheckable(True)
        self.hide_removed.toggled.connect(lambda on: self.view.set_removed_visible(not on))
        self.still = QAction(self.tr("Reduce &motion"), self)
        self.still.setCheckable(True)
        self.still.toggled.connect(self._set_still)
        self.still.setChecked(QSettings().value("graph/still", False, type=bool) is True)
        self.draw_all = QPushButton(self.tr("Draw all connections"))
        self.draw_all.setToolTip(
            self.tr("Only the strongest connections are drawn: all of them take seconds")
        )
        self.draw_all.clicked.connect(self._draw_all)
        self.shown, self.measure, self.prune = QComboBox(), QComboBox(), QToolButton()
        self._connection_tools = QWidget()
        self._of_graph: list[QWidget] = []  # the tools that the matrix has no use for
        self.orders = {name: QAction(title, self) for name, title in self._order_titles()}
        self.order = "index"
        self.order_button = QToolButton()
        self._build_orders()
        self._build_shown()
        self._build_measure()
        self._build_connection_tools()
        self._build()
        self.pages.page_changed.connect(self._show_tools)
        self._show_tools()

    def set_network(self, network: Network) -> None:
        """Show another network, all of it."""
        self.pages.set_network(network)
        self._show_tools()

    def graph_actions(self) -> list[QAction]:
        """The actions for the View menu."""
        return [
            *self.pages.switches,
            self.zoom_in,
            self.zoom_out,
            self.fit,
            self.actual,
            self.legend,
            self.hide_removed,
            *self.orders.values(),
            self.still,
        ]

    def say_order(self, measured: bool) -> None:
        """Tell what the order of the neurons was made from."""
        words = {
            "index": self.tr("Neurons stand in the order of the file"),
            "importance": self.tr("The most important stand on top: those with strong weights in and out"),
            "similarity": self.tr("Neurons with similar incoming weights stand side by side"),
        }
        if measured:
            words["importance"] = self.tr(
                "The most important stand on top: those without which the error is largest"
            )
        self.order_button.setToolTip(words[self.order])
        self.order_button.setText(self.orders[self.order].text().replace("&", ""))

    def weak_threshold(self, network: Network) -> float | None:
        """Return the |w| (or strength) in a network below which a connection is weak; None: none is."""
        share = self.weak_box.value() / 100
        if not share:
            return None
        return share * network.strongest

    def set_weak_threshold(self, network: Network, threshold: float) -> None:
        """Take a |w| for the weak threshold, as near as the box can say it; 0: none."""
        if network.strongest:
            self.weak_box.setValue(100 * threshold / network.strongest)

    def retheme(self) -> None:
        """Take the colours of the theme."""
        for action, name in self._icons:
            action.setIcon(resources.icon(name))
        self.order_button.setIcon(resources.icon("order"))

    def _action(self, icon: str, title: str, key: str, done: Callable[[], None]) -> QAction:
        action = QAction(resources.icon(icon), title, self)
        action.setShortcut(key)
        action.setToolTip(f"{title.replace('&', '')} ({key})")
        action.triggered.connect(lambda: done())
        self._icons.append((action, icon))
        self.addAction(action)
        return action

    def _build(self) -> None:
        label = QLabel(self.tr("&Weak below"))
        label.setBuddy(self.weak_slider)
        self.weak_slider.setRange(0, _STEPS)
        self.weak_slider.setMaximumWidth(130)
        self.weak_slider.setAccessibleName(self.tr("Weak connections slider"))
        self.weak_box.setRange(0, 100)
        self.weak_box.setDecimals(2)
        self.weak_box.setSingleStep(0.5)
        self.weak_box.setSuffix(self.tr(" % of max"))
        self.weak_box.setToolTip(self.tr("In percent of the strongest weight of the whole network"))
        self.weak_box.setAccessibleName(self.tr("Weak connections threshold"))
        self.weak_box.setSpecialValueText(self.tr("none marked"))
        tools = QHBoxLayout()
        tools.setContentsMargins(8, 3, 8, 3)
        tools.setSpacing(4)
        for button in self.pages.switch_buttons():
            tools.addWidget(button)
        for action in (self.zoom_in, self.zoom_out, self.fit, self.actual, self.legend):
            tools.addWidget(_button(action))
        tools.addStretch(1)
        for widget in (label, self.weak_slider, self.weak_box):
            tools.addWidget(widget)
        self.weak_box.setMaximumWidth(115)
        self.weak_slider.setMinimumWidth(60)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(tools)
        layout.addWidget(self._connection_tools)
        layout.addWidget(self.pages, 1)
        self.weak_slider.valueChanged.connect(self._slid)
        self.weak_slider.sliderPressed.connect(lambda: self._set_focus(True))
        self.weak_slider.sliderReleased.connect(lambda: self._set_focus(False))
        self.weak_box.valueChanged.connect(self._typed)
        self.weak_box.setValue(_WEAK_PERCENT)

    def _build_connection_tools(self) -> None:
        """Fill the row of what concerns connections, and the graph."""
        row, label = QHBoxLayout(self._connection_tools), QLabel(self.tr("&Connections"))
        label.setBuddy(self.shown)
        row.setContentsMargins(8, 0, 8, 3)
        row.setSpacing(6)
        by = QLabel(self.tr("Weak b&y"))
        by.setBuddy(self.measure)
        hide = _button(self.hide_removed)
        for tool in (label, self.shown, by, self.measure, self.prune, self.order_button, hide, self.draw_all):
            row.addWidget(tool)
        self._of_graph = [label, self.shown, self.order_button, hide]
        row.addStretch(1)

    def _order_titles(self) -> tuple[tuple[str, str], ...]:
        return (
            ("index", self.tr("Order by &index")),
            ("importance", self.tr("Order by im&portance")),
            ("similarity", self.tr("Order by &similarity")),
        )

    def _build_orders(self) -> None:
        group, menu = QActionGroup(self), QMenu(self)
        for name, action in self.orders.items():
            action.setCheckable(True)
            action.setChecked(name == self.order)
            action.triggered.connect(partial(self._order_chosen, name))
            group.addAction(action)
            menu.addAction(action)
        button = self.order_button
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setAutoRaise(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)  # the tip and the menu tell which
        button.setIcon(resources.icon("order"))
        button.setAccessibleName(self.tr("Order of the neurons"))
        self.say_order(False)

    def _order_chosen(self, name: str) -> None:
        self.order = name
        self.order_changed.emit(name)

    def _build_shown(self) -> None:
        for title, shown in (
            (self.tr("All"), Shown.ALL),
            (self.tr("Weak only"), Shown.WEAK),
            (self.tr("Strong only"), Shown.STRONG),
        ):
            self.shown.addItem(title, str(shown))
        self.shown.setAccessibleName(self.tr("Connections that are shown"))
        self.shown.setToolTip(self.tr("Which connections are shown"))
        self.shown.currentIndexChanged.connect(lambda: self.view.set_shown(Shown(self.shown.currentData())))

    def _build_measure(self) -> None:
        for title, kind in (
            (self.tr("|w|"), "magnitude"),
            (self.tr("contribution"), "contribution"),
            (self.tr("saliency"), "saliency"),
        ):
            self.measure.addItem(title, kind)
        self.measure.setAccessibleName(self.tr("What the strength of a connection is measured by"))
        self.measure.setToolTip(
            self.tr(
                "What makes a connection weak: the size of its weight; that times the typical size of the"
                "\ninput (contribution); the rise of the error that its loss would make (saliency)."
                "\nThe last two need data."
            )
        )
        self.measure.activated.connect(lambda: self.measure_changed.emit(self.measure.currentData()))
        menu = QMenu(self.prune)
        for title, scope in (
            (self.tr("The weakest of &all layers together"), "all"),
            (self.tr("The weakest of &each layer, one after the other"), "layer"),
        ):
            menu.addAction(title).triggered.connect(partial(self.prune_wanted.emit, scope))
        self.prune.setText(self.tr("Zero weakest"))
        self.prune.setToolTip(
            self.tr("Prune connections: zero the weakest, as many as the measured error allows")
        )
        self.prune.setAccessibleName(self.prune.toolTip())
        self.prune.setMenu(menu)
        self.prune.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def _show_tools(self) -> None:
        """Show the tools of the view that is shown."""
        graph = self.pages.shown is self.view
        for tool in self._of_graph:
            tool.setVisible(graph)
        self.draw_all.setVisible(graph and not self.view.draws_all)

    def _draw_all(self) -> None:
        self.view.draw_all()
        self._show_tools()

    def _set_still(self, still: bool) -> None:
        self.view.still = still
        QSettings().setValue("graph/still", still)

    def _slid(self, place: int) -> None:
        with QSignalBlocker(self.weak_box):
            self.weak_box.setValue(_MOST_PERCENT * (place / _STEPS) ** 2)
        self.weak_changed.emit()

    def _typed(self, value: float) -> None:
        with QSignalBlocker(self.weak_slider):
            self.weak_slider.setValue(round(_STEPS * min(1.0, value / _MOST_PERCENT) ** 0.5))
        self.weak_changed.emit()

    def _set_focus(self, focus: bool) -> None:
        self.weak_focus = focus
        self.weak_changed.emit()


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAutoRaise(True)
    button.setAccessibleName(action.toolTip())
    return button
