"""The views of the network with their tools: fit and zoom, the legend, and which connections are weak."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from pruner_gui.gui import resources
from pruner_gui.gui.graph_view import GraphView
from pruner_gui.gui.network_pages import NetworkPages
from pruner_gui.network import Network

_MOST_PERCENT = 30.0
_STEPS = 100
_WEAK_PERCENT = 2.0  # at first
_ZOOM = 1.25


class GraphPanel(QWidget):
    """Graph and matrix below a row of tools. `graph_actions` are also for the menu."""

    weak_changed = Signal()

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
        self.draw_all = QPushButton(self.tr("Draw all connections"))
        self.draw_all.setToolTip(
            self.tr("Only the strongest connections are drawn: all of them take seconds")
        )
        self.draw_all.setVisible(False)
        self.draw_all.clicked.connect(self._draw_all)
        self._build()

    def set_network(self, network: Network) -> None:
        """Show another network, all of it."""
        self.pages.set_network(network)
        self.draw_all.setVisible(not self.view.draws_all)

    def graph_actions(self) -> list[QAction]:
        """The actions for the View menu."""
        return [*self.pages.switches, self.zoom_in, self.zoom_out, self.fit, self.actual, self.legend]

    def weak_threshold(self, network: Network) -> float | None:
        """Return the |w| below which a connection is weak, None: none is."""
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
        self.weak_box.setSuffix(self.tr(" % of the strongest |w|"))
        self.weak_box.setAccessibleName(self.tr("Weak connections threshold"))
        self.weak_box.setSpecialValueText(self.tr("none marked"))
        tools = QHBoxLayout()
        tools.setContentsMargins(8, 3, 8, 3)
        tools.setSpacing(4)
        for button in self.pages.switch_buttons():
            tools.addWidget(button)
        for action in self.graph_actions()[len(self.pages.switches) :]:
            button = QToolButton()
            button.setDefaultAction(action)
            button.setAutoRaise(True)
            button.setAccessibleName(action.toolTip())
            tools.addWidget(button)
        tools.addWidget(self.draw_all)
        tools.addStretch(1)
        for widget in (label, self.weak_slider, self.weak_box):
            tools.addWidget(widget)
        self.weak_box.setMaximumWidth(190)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(tools)
        layout.addWidget(self.pages, 1)
        self.weak_slider.valueChanged.connect(self._slid)
        self.weak_slider.sliderPressed.connect(lambda: self._set_focus(True))
        self.weak_slider.sliderReleased.connect(lambda: self._set_focus(False))
        self.weak_box.valueChanged.connect(self._typed)
        self.weak_box.setValue(_WEAK_PERCENT)

    def _draw_all(self) -> None:
        self.view.draw_all()
        self.draw_all.hide()

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
