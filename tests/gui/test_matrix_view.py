from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from graph_networks import chain, random_chain, with_skip
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from pruner_gui.gui import matrix_view
from pruner_gui.gui.graph_paint import GraphMarks
from pruner_gui.gui.matrix_image import Order
from pruner_gui.gui.matrix_view import MatrixView
from pruner_gui.gui.palette import DARK, LIGHT

NETWORK = chain([[2.0, -1.0, 0.5], [0.1, 1.0, -2.0]], [[1.0], [-1.0], [0.5]])


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[MatrixView]:
    view = MatrixView()
    qtbot.addWidget(view)
    view.resize(640, 480)
    view.show()
    with qtbot.waitSignal(view.rendered):
        view.set_network(NETWORK)
    yield view
    view.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "matrix-renderer"]


def place(view: MatrixView, source: int, target: int) -> QPoint:
    cell = view.cell(source, target)
    assert cell is not None
    return cell.center().toPoint()


def colour(view: MatrixView, source: int, target: int) -> QColor:
    """The colour of a cell, beside its number."""
    cell = view.cell(source, target)
    assert cell is not None
    return view.grab().toImage().pixelColor(cell.topLeft().toPoint() + QPoint(6, 6))


def click(view: MatrixView, at: QPoint, shift: bool = False) -> None:
    keys = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, keys, at)


class Shown:
    """In place of QToolTip, whose window some platforms cannot raise."""

    words = ""

    @classmethod
    def showText(cls, place: QPoint, words: str, widget: QWidget) -> None:
        cls.words = words

    @classmethod
    def hideText(cls) -> None:
        cls.words = ""


@pytest.fixture(autouse=True)
def shown_tooltips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_view, "QToolTip", Shown)


def tooltip(view: MatrixView, at: QPoint) -> str:
    QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, at, view.mapToGlobal(at)))
    return Shown.words


def test_positive_is_blue_and_negative_orange(view: MatrixView) -> None:
    positive, negative = colour(view, 0, 0), colour(view, 1, 2)
    assert positive.blue() > positive.red() + 40
    assert negative.red() > negative.blue() + 40


def test_weak_by_another_measure_is_told_by_its_strengths(view: MatrixView, qtbot: QtBot) -> None:
    strengths = chain([[0.1, 9.0, 9.0], [9.0, 9.0, 9.0]], [[9.0], [9.0], [9.0]])
    plain, other = colour(view, 0, 0), colour(view, 1, 0)
    with qtbot.waitSignal(view.rendered):
        view.set_statuses(GraphMarks(weak_threshold=1.0, strengths=strengths))
    assert colour(view, 0, 0) != plain
    assert colour(view, 1, 0) == other  # |w| is 0.1, but it matters
    assert tooltip(view, place(view, 0, 0)).splitlines()[1:] == ["Strength: 0.100", "A weak connection."]
    assert "weak" not in tooltip(view, place(view, 1, 0))


def test_a_click_selects_the_target_and_with_shift_the_source(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.neuron_selected) as selected:
        click(view, place(view, 0, 2))
    assert selected.args == [1, 2]
    with qtbot.waitSignal(view.neuron_selected) as selected:
        click(view, place(view, 1, 0), shift=True)
    assert selected.args == [0, 1]
    with qtbot.waitSignal(view.selection_cleared):
        click(view, QPoint(5, 470))
    assert view.selected is None


def test_a_click_beside_a_row_selects_its_source(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.neuron_selected) as selected:
        click(view, QPoint(50, place(view, 1, 0).y()))
    assert selected.args == [0, 1]


def test_the_selected_column_is_outlined(view: MatrixView) -> None:
    cell = view.cell(0, 1)
    assert cell is not None
    edge = QPointF(cell.left() - 1, cell.center().y()).toPoint()
    before = view.grab().toImage().pixelColor(edge)
    view.select((1, 1))
    after = view.grab().toImage().pixelColor(edge)
    assert after != before
    assert after.name() == LIGHT.selection


def test_selecting_elsewhere_shows_a_matrix_with_the_neuron(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.pair_changed) as changed:
        view.select((2, 0))
    assert changed.args == [1]
    assert view.pairs[view.pair] == (1, 2)


def test_hovering_names_source_target_and_weight(view: MatrixView) -> None:
    view.set_statuses(GraphMarks(weak_threshold=0.2))
    assert "Input 0 → h1 1: weight −1.000" in tooltip(view, place(view, 0, 1))
    assert "weak" in tooltip(view, place(view, 1, 0))
    view.tooltip_provider = lambda unit: f"neuron {unit[0]} {unit[1]}"
    assert tooltip(view, QPoint(place(view, 0, 2).x(), 40)) == "neuron 1 2"


def test_removed_neurons_leave_a_blank_place_and_weak_weights_a_tint(view: MatrixView, qtbot: QtBot) -> None:
    before = view.cell(0, 2)
    with qtbot.waitSignal(view.rendered):
        view.set_current(NETWORK.without({"h1": [1]}))
    assert view.cell(0, 2) == before
    assert colour(view, 0, 1).name() in (LIGHT.ground, LIGHT.removed)
    assert "removed" in tooltip(view, place(view, 0, 1))
    with qtbot.waitSignal(view.rendered):
        view.set_statuses(GraphMarks(weak_threshold=0.2))
    weak = colour(view, 1, 0)
    assert weak.green() > max(weak.red(), weak.blue())


def test_the_theme_changes_everything(view: MatrixView, qtbot: QtBot) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor("#1d2027"))
    with qtbot.waitSignal(view.rendered):
        view.setPalette(palette)
    assert view.grab().toImage().pixelColor(3, 3).name() == DARK.ground
    assert colour(view, 0, 0).lightness() > colour(view, 0, 2).lightness()


def test_by_importance_the_strongest_column_comes_first(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.rendered):
        view.set_order(Order.IMPORTANCE)
    columns = {unit: place(view, 0, unit).x() for unit in range(3)}
    assert sorted(columns, key=lambda unit: columns[unit]) == [2, 0, 1]
    click(view, place(view, 0, 2))
    assert view.selected == (1, 2)


def test_keys_step_through_layers_and_neurons(view: MatrixView, qtbot: QtBot) -> None:
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected == (1, 0)
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected == (1, 1)
    QTest.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected == (0, 0)
    QTest.keyClick(view, Qt.Key.Key_PageDown)
    assert view.pairs[view.pair] == (1, 2)
    QTest.keyClick(view, Qt.Key.Key_PageUp)
    assert view.pairs[view.pair] == (0, 1)


def test_zooming_makes_cells_larger_and_fit_shows_all_again(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.rendered):
        view.set_network(random_chain(200, 300, 5))
    whole = view.cell(0, 0)
    assert whole is not None
    for _ in range(12):
        QTest.keyClick(view, Qt.Key.Key_Plus)
    middle = view.cell(100, 150)
    assert middle is not None
    assert middle.width() > 3 * whole.width()
    assert view.rect().contains(middle.center().toPoint())
    QTest.keyClick(view, Qt.Key.Key_0)
    assert view.cell(0, 0) == whole


def test_every_link_has_a_matrix_and_an_empty_view_paints(view: MatrixView, qtbot: QtBot) -> None:
    network = with_skip()
    view.set_network(network)
    assert len(view.pairs) == len(network.links)
    view.set_network(None)
    assert view.grab().toImage().pixelColor(100, 100).name() == LIGHT.ground
    assert view.cell(0, 0) is None


def test_what_would_go_is_marked_at_the_edge(view: MatrixView) -> None:
    view.set_statuses(GraphMarks(candidates={1: frozenset({1}), 0: frozenset({0})}))
    image = view.grab().toImage()
    body = view.cell(0, 0)
    assert body is not None
    marked = [image.pixelColor(place(view, 0, unit).x(), round(body.top()) - 3).name() for unit in range(3)]
    assert [colour == LIGHT.candidate for colour in marked] == [False, True, False]
    beside = [image.pixelColor(round(body.left()) - 3, place(view, unit, 0).y()).name() for unit in range(2)]
    assert [colour == LIGHT.candidate for colour in beside] == [True, False]


def test_a_smaller_network_forgets_what_the_mouse_was_on(view: MatrixView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.rendered):
        view.set_network(random_chain(40, 50, 5))
    QTest.mouseMove(view, place(view, 39, 49))
    with qtbot.waitSignal(view.rendered):
        view.set_network(NETWORK)
    assert "Input 0 → h1 2" in tooltip(view, place(view, 0, 2))
