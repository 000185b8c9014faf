from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from graph_networks import chain, random_chain, with_skip
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QHelpEvent, QImage, QPalette, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from pruner_gui.gui import graph_view
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.gui.graph_view import EdgeHit, GraphMarks, GraphView, Hit, Shown
from pruner_gui.gui.palette import DARK, LIGHT
from pruner_gui.network import Network

NETWORK = chain([[2.0, -1.0, 0.5], [0.1, 1.0, -2.0]], [[1.0], [-1.0], [0.5]])


def drawing_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "graph-renderer"]


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[GraphView]:
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(600, 400)
    view.show()
    with qtbot.waitSignal(view.rendered):
        view.set_network(NETWORK)
    yield view
    view.close()
    assert not drawing_threads()


def screen(view: GraphView) -> QImage:
    return view.grab().toImage()


def colour_at(view: GraphView, layer: int, unit: int, dx: float = 0.0, dy: float = 0.0) -> str:
    place = view.neuron_position(layer, unit)
    assert place is not None
    return screen(view).pixelColor(round(place.x() + dx), round(place.y() + dy)).name()


def place_of(view: GraphView, layer: int, unit: int) -> QPoint:
    place = view.neuron_position(layer, unit)
    assert place is not None
    return place.toPoint()


def between(view: GraphView, source: int, target: int) -> QPoint:
    """The middle of the connection from an input to a hidden neuron."""
    a, b = view.neuron_position(0, source), view.neuron_position(1, target)
    assert a is not None
    assert b is not None
    return ((a + b) / 2).toPoint()


def wheel(view: GraphView, place: QPoint, turn: int) -> None:
    event = QWheelEvent(
        QPointF(place),
        QPointF(view.mapToGlobal(place)),
        QPoint(),
        QPoint(0, turn),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_neurons_and_connections_are_shown(view: GraphView) -> None:
    assert colour_at(view, 1, 0) == LIGHT.neuron
    assert colour_at(view, 0, 0) == LIGHT.neutral
    image = screen(view)
    positive, negative = (image.pixelColor(between(view, *pair)) for pair in ((0, 0), (1, 2)))
    assert positive.blue() > positive.red() + 40
    assert negative.red() > negative.blue() + 40


def test_marks_change_the_neurons_shape_and_colour(view: GraphView) -> None:
    before = screen(view)
    view.set_statuses(GraphMarks(candidates={1: frozenset({0})}, constant={1: frozenset({2})}))
    assert colour_at(view, 1, 0) == LIGHT.candidate
    assert colour_at(view, 1, 1) == LIGHT.neuron
    assert colour_at(view, 1, 2, dy=8) == LIGHT.constant
    assert screen(view) != before
    view.set_statuses(GraphMarks())
    assert colour_at(view, 1, 0) == LIGHT.neuron


def test_the_neuron_being_tried_has_a_halo(view: GraphView) -> None:
    before = colour_at(view, 1, 1, dy=19)
    view.set_statuses(GraphMarks(trying=(1, 1)))
    assert colour_at(view, 1, 1, dy=19) != before
    assert colour_at(view, 1, 1) == LIGHT.neuron


def test_removal_leaves_a_hollow_neuron_in_its_place_and_no_connection(view: GraphView, qtbot: QtBot) -> None:
    place, middle = place_of(view, 1, 0), between(view, 0, 0)
    with qtbot.waitSignal(view.rendered):
        view.set_current(NETWORK.without({"h1": [0]}))
    assert place_of(view, 1, 0) == place
    assert colour_at(view, 1, 0) == LIGHT.ground
    assert screen(view).pixelColor(middle).name() == LIGHT.ground
    assert colour_at(view, 1, 1) == LIGHT.neuron
    assert "2 of 3" in view.accessibleDescription()


def test_undo_brings_the_neuron_back(view: GraphView, qtbot: QtBot) -> None:
    before = screen(view)
    with qtbot.waitSignal(view.rendered):
        view.set_current(NETWORK.without({"h1": [0]}))
    with qtbot.waitSignal(view.rendered):
        view.set_current(NETWORK)
    assert screen(view) == before


def test_weak_connections_are_drawn_anew(view: GraphView, qtbot: QtBot) -> None:
    middle = between(view, 1, 0)
    around = [middle + QPoint(dx, dy) for dx in range(-12, 13) for dy in range(-12, 13)]

    def green() -> bool:
        image = screen(view)
        colours = [image.pixelColor(point) for point in around]
        return any(c.green() > max(c.red(), c.blue()) + 15 for c in colours)

    assert not green()
    with qtbot.waitSignal(view.rendered):
        view.set_statuses(GraphMarks(weak_threshold=0.3))
    assert green()


def test_no_network_is_an_empty_view(view: GraphView) -> None:
    view.set_network(None)
    image = screen(view)
    assert image.pixelColor(5, 5).name() == LIGHT.ground
    assert np.unique(np.frombuffer(image.constBits(), np.uint8).reshape(-1, 4), axis=0).shape[0] == 1
    assert view.neuron_position(0, 0) is None
    view.fit()
    view.zoom(2)
    assert view.scene is None
    assert view.facts is None


def test_wheel_zooms_to_the_mouse(view: GraphView) -> None:
    place = place_of(view, 1, 2)
    other = place_of(view, 0, 0)
    wheel(view, place, 240)
    assert (place_of(view, 1, 2) - place).manhattanLength() <= 2
    assert (place_of(view, 0, 0) - other).manhattanLength() > 20


def test_keys_zoom_fit_and_pan(view: GraphView, qtbot: QtBot) -> None:
    fitted = place_of(view, 1, 0)
    QTest.keyClick(view, Qt.Key.Key_Plus)
    assert place_of(view, 1, 0).y() < fitted.y()
    QTest.keyClick(view, Qt.Key.Key_0)
    assert place_of(view, 1, 0) == fitted
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert place_of(view, 1, 0).x() == fitted.x() + 60
    QTest.keyClick(view, Qt.Key.Key_1)
    a, b = place_of(view, 1, 0), place_of(view, 1, 1)
    assert b.y() - a.y() == pytest.approx(Layout.from_network(NETWORK).layers[1].spacing, abs=1)


def test_dragging_moves_the_picture_and_selects_nothing(view: GraphView, qtbot: QtBot) -> None:
    start = place_of(view, 1, 0)
    with qtbot.assertNotEmitted(view.neuron_selected):
        QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
        QTest.mouseMove(view, start + QPoint(40, 25))
        QTest.mouseRelease(
            view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start + QPoint(40, 25)
        )
    assert (place_of(view, 1, 0) - start - QPoint(40, 25)).manhattanLength() <= 2


def test_resizing_keeps_all_in_view_until_the_user_zooms(view: GraphView) -> None:
    view.resize(300, 300)
    assert place_of(view, 2, 0).x() < 300
    view.zoom(3)
    zoomed = place_of(view, 2, 0)
    view.resize(320, 300)
    assert place_of(view, 2, 0) == zoomed


def test_a_click_selects_and_a_click_beside_clears(view: GraphView, qtbot: QtBot) -> None:
    unrelated = between(view, 1, 1)
    before = screen(view).pixelColor(unrelated)
    with qtbot.waitSignal(view.neuron_selected) as selected:
        QTest.mouseClick(
            view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place_of(view, 1, 0)
        )
    assert selected.args == [1, 0]
    assert view.selected == (1, 0)
    qtbot.waitUntil(lambda: screen(view).pixelColor(unrelated) != before)
    faded = screen(view).pixelColor(unrelated)
    assert faded.lightness() > before.lightness()
    with qtbot.waitSignal(view.selection_cleared):
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 395))
    assert view.selected is None


def test_shift_and_arrows_move_the_selection(view: GraphView, qtbot: QtBot) -> None:
    view.set_current(NETWORK.without({"h1": [1]}))
    view.select((1, 0))
    QTest.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected == (1, 2)  # 1 is gone
    QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected == (2, 0)
    QTest.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected == (2, 0)


def test_hovering_tells_neurons_and_connections(view: GraphView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.neuron_hovered) as neuron:
        QTest.mouseMove(view, place_of(view, 1, 2))
    assert neuron.args == [1, 2]
    with qtbot.waitSignal(view.edge_hovered) as edge:
        QTest.mouseMove(view, between(view, 0, 0))
    assert edge.args == [EdgeHit((0, 0), (1, 0), 2.0)]
    with qtbot.waitSignal(view.hover_cleared):
        QTest.mouseMove(view, QPoint(3, 3))


def test_tooltips_come_from_the_provider(view: GraphView, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shown:
        """In place of QToolTip, whose window some platforms cannot raise."""

        words = ""

        @classmethod
        def showText(cls, place: QPoint, words: str, widget: QWidget) -> None:
            cls.words = words

        @classmethod
        def hideText(cls) -> None:
            cls.words = ""

    monkeypatch.setattr(graph_view, "QToolTip", Shown)
    asked: list[Hit] = []

    def provide(hit: Hit) -> str:
        asked.append(hit)
        return "about this"

    view.tooltip_provider = provide

    def tooltip(place: QPoint) -> str:
        QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, place, view.mapToGlobal(place)))
        return Shown.words

    assert tooltip(place_of(view, 1, 1)) == "about this"
    assert tooltip(between(view, 0, 0)) == "about this"
    assert asked == [(1, 1), EdgeHit((0, 0), (1, 0), 2.0)]
    assert tooltip(QPoint(3, 3)) == ""


def test_the_dark_theme_is_followed(view: GraphView, qtbot: QtBot) -> None:
    palette = QPalette(view.palette())
    palette.setColor(QPalette.ColorRole.Window, QColor("#15171a"))
    with qtbot.waitSignal(view.rendered):
        view.setPalette(palette)
    assert screen(view).pixelColor(5, 5).name() == DARK.ground
    assert colour_at(view, 1, 0) == DARK.neuron


def test_the_legend_can_be_hidden(view: GraphView) -> None:
    def drawn_below() -> bool:
        image = screen(view)
        return any(image.pixelColor(x, 384).name() != LIGHT.ground for x in range(600))

    assert drawn_below()
    view.set_legend_visible(False)
    assert not drawn_below()


def test_it_says_what_it_is_to_assistive_tools(view: GraphView) -> None:
    assert view.accessibleName()
    assert "h1 3" in view.accessibleDescription()
    assert view.focusPolicy() == Qt.FocusPolicy.StrongFocus


@pytest.mark.parametrize("network", [with_skip(), random_chain(900, 5, 1), random_chain(1, 1)])
def test_other_shapes_are_shown_too(view: GraphView, qtbot: QtBot, network: Network) -> None:
    with qtbot.waitSignal(view.rendered):
        view.set_network(network)
    last = len(network.layer_sizes) - 1
    assert colour_at(view, last, 0) == LIGHT.neutral


def test_a_hidden_view_draws_when_it_is_shown(qtbot: QtBot) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.set_network(NETWORK)
    assert not drawing_threads()
    with qtbot.waitSignal(view.rendered):
        view.show()
    view.close()


def test_closing_while_drawing_stops_the_thread(qtbot: QtBot) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.show()
    view.set_network(random_chain(300, 300, 300))
    view.close()
    assert not drawing_threads()
    view.set_network(NETWORK)  # nothing starts again
    view.shutdown()
    assert not drawing_threads()


def left_click(view: GraphView, place: QPoint) -> None:
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def test_a_click_on_a_connection_selects_it_and_the_others_fade(view: GraphView, qtbot: QtBot) -> None:
    unrelated = between(view, 1, 1)
    before = screen(view).pixelColor(unrelated)
    with qtbot.waitSignal(view.edge_selected) as selected:
        left_click(view, between(view, 0, 0))
    assert selected.args == [EdgeHit((0, 0), (1, 0), 2.0)]
    assert view.selected == selected.args[0]
    QTest.mouseMove(view, QPoint(3, 3))
    image = screen(view)
    assert image.pixelColor(unrelated).lightness() > before.lightness()
    strong = image.pixelColor(between(view, 0, 0))
    assert strong.blue() > strong.red() + 80  # the colour of positive weights
    with qtbot.waitSignal(view.selection_cleared):
        QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.selected is None
    assert screen(view).pixelColor(unrelated) == before


def test_a_layer_is_shown_as_selected_until_something_else_is(view: GraphView, qtbot: QtBot) -> None:
    before = screen(view)
    view.select_layer(1)
    assert screen(view) != before
    with qtbot.waitSignal(view.selection_cleared):
        left_click(view, QPoint(5, 395))
    assert view.selected_layer is None
    assert screen(view) == before


def test_a_click_on_a_layers_caption_selects_the_layer(view: GraphView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.layer_selected) as selected:
        left_click(view, place_of(view, 1, 0) - QPoint(0, 40))
    assert selected.args == [1]
    assert view.selected_layer == 1


def test_a_double_click_and_a_key_ask_for_protection(view: GraphView, qtbot: QtBot) -> None:
    place = place_of(view, 1, 2)
    with qtbot.waitSignal(view.protect_wanted) as wanted:
        QTest.mouseDClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert wanted.args == [1, 2]
    view.select((1, 0))
    with qtbot.waitSignal(view.protect_wanted) as wanted:
        QTest.keyClick(view, Qt.Key.Key_P)
    assert wanted.args == [1, 0]
    with qtbot.assertNotEmitted(view.protect_wanted):
        QTest.mouseDClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 395))


def test_the_menu_is_that_of_what_is_under_the_mouse_or_of_the_selection(
    view: GraphView, qtbot: QtBot
) -> None:
    place = place_of(view, 1, 2)
    mouse, keyboard = QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard
    for reason, where, expected in (
        (mouse, place, (1, 2)),
        (keyboard, QPoint(3, 3), (1, 2)),
        (mouse, QPoint(3, 3), None),
    ):
        with qtbot.waitSignal(view.menu_wanted) as wanted:
            QApplication.sendEvent(view, QContextMenuEvent(reason, where, view.mapToGlobal(where)))
        assert wanted.args == [expected, view.mapToGlobal(where)]
        assert view.selected == (1, 2)


def test_only_weak_or_only_strong_connections_can_be_shown(view: GraphView, qtbot: QtBot) -> None:
    weak, strong = between(view, 1, 0), between(view, 0, 0)  # |w| 0.1 and 2
    with qtbot.waitSignal(view.rendered):
        view.set_statuses(GraphMarks(weak_threshold=0.3))

    def hits(shown: Shown) -> list[bool]:
        with qtbot.waitSignal(view.rendered):
            view.set_shown(shown)
        found = []
        for place in (weak, strong):
            QTest.mouseMove(view, QPoint(3, 3))
            with qtbot.waitSignal(view.edge_hovered, timeout=50, raising=False) as hovered:
                QTest.mouseMove(view, place)
            found.append(bool(hovered.signal_triggered))
        return found

    assert hits(Shown.WEAK) == [True, False]
    assert screen(view).pixelColor(strong).name() == LIGHT.ground
    assert hits(Shown.STRONG)[1]
    assert hits(Shown.ALL) == [True, True]
    assert view.facts is not None
    assert view.facts.layers[1].n_in.tolist() == [2, 2, 2]  # of all connections, whatever is shown


def test_removed_neurons_can_be_hidden(view: GraphView, qtbot: QtBot) -> None:
    place = place_of(view, 1, 0)
    around = [place + QPoint(dx, dy) for dx in range(-15, 16) for dy in range(-15, 16)]

    def colours() -> set[str]:
        image = screen(view)
        return {image.pixelColor(point).name() for point in around}

    with qtbot.waitSignal(view.rendered):
        view.set_current(NETWORK.without({"h1": [0]}))
    assert len(colours()) > 1
    view.set_removed_visible(False)
    assert colours() == {LIGHT.ground}
    left_click(view, place)
    assert view.selected is None
    view.set_removed_visible(True)
    assert len(colours()) > 1


def test_neurons_stand_in_the_order_asked_for_and_keep_their_names(view: GraphView, qtbot: QtBot) -> None:
    first, last = place_of(view, 1, 0), place_of(view, 1, 2)
    view.select((1, 2))
    with qtbot.waitSignal(view.rendered):
        view.set_units({"h1": np.array([2, 0, 1])})
    assert place_of(view, 1, 2) == first
    assert place_of(view, 1, 1) == last
    assert view.selected == (1, 2)
    with qtbot.waitSignal(view.rendered):
        view.set_units({})
    assert place_of(view, 1, 0) == first


def test_a_removal_is_seen_going_and_then_nothing_moves(view: GraphView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.rendered):
        view.set_current(NETWORK.without({"h1": [0]}), animated=True)
        assert view.moves
    qtbot.waitUntil(lambda: not view.moves)
    assert colour_at(view, 1, 0) == LIGHT.ground


def test_without_motion_a_removal_shows_at_once(view: GraphView) -> None:
    view.still = True
    view.set_current(NETWORK.without({"h1": [0]}), animated=True)
    assert not view.moves
    assert colour_at(view, 1, 0) == LIGHT.ground
