"""How much each layer bears, as the user measures it, reads it and writes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from windows import opened, opened_sample, sample, settled

from pruner_gui.gui import dialogs, theme
from pruner_gui.gui.palette import DARK
from pruner_gui.gui.sensitivity_panel import SensitivityPanel
from pruner_gui.gui.theme import Mode, Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Tolerance
from pruner_gui.session import Session


@pytest.fixture
def panel(qtbot: QtBot, window: MainWindow) -> SensitivityPanel:
    """The panel of a window with the iris sample, shown and measured."""
    opened_sample(qtbot, window)
    show(window)
    measured(qtbot, window)
    return window.workspace.sensitivity


def show(window: MainWindow) -> None:
    tabs = window._docks["plots"].widget()
    tabs.setCurrentWidget(window.workspace.sensitivity)  # type: ignore[attr-defined]


def measured(qtbot: QtBot, window: MainWindow) -> None:
    window.workspace.sensitivity.measure.click()
    qtbot.waitUntil(lambda: window.document.sensitivity is not None, timeout=10_000)
    settled(qtbot, window)
    window.workspace._show_sensitivity()


def place(panel: SensitivityPanel, share: float, error: float) -> QPoint:
    scene = panel.plot.getViewBox().mapViewToScene(QPointF(100 * share, error))
    found: QPoint = panel.plot.mapFromScene(scene)
    return found


def in_legend(panel: SensitivityPanel) -> list[str]:
    return [label.text for _, label in panel.plot.plotItem.legend.items]


def test_every_layer_has_a_curve_with_a_name_a_colour_and_a_style(
    window: MainWindow, panel: SensitivityPanel
) -> None:
    hidden = window.document.session.original.hidden_layers
    assert [curve.layer for curve in panel.curves] == [layer.name for layer in hidden]
    assert [curve.shares.size for curve in panel.curves] == [layer.units.size for layer in hidden]
    lines = panel.plot.plotItem.listDataItems()
    pens = [line.opts["pen"] for line in lines if line.name()]
    assert len({pen.color().name() for pen in pens}) == len({pen.style() for pen in pens}) == len(hidden)
    for layer, words in zip(hidden, in_legend(panel), strict=True):
        assert words.startswith(f"{layer.name}: up to ")


def test_the_tolerance_is_a_line_and_moves_what_a_layer_bears(
    qtbot: QtBot, window: MainWindow, panel: SensitivityPanel
) -> None:
    before = [curve.borne for curve in panel.curves]
    assert panel.limit.isVisible()
    assert panel.limit.value() == pytest.approx(window.workspace.preview.limits[0])
    config = replace(window.document.config, tolerances=(Tolerance(1e6, relative=True),))
    window.document.set_config(config)
    qtbot.waitUntil(lambda: [curve.borne for curve in panel.curves] != before)
    assert panel.limit.value() == pytest.approx(window.workspace.preview.limits[0])
    assert [curve.borne for curve in panel.curves] == [curve.shares.size - 1 for curve in panel.curves]


def test_pointing_at_a_curve_tells_its_figures_and_a_click_selects_its_layer(
    window: MainWindow, panel: SensitivityPanel
) -> None:
    panel.range.setCurrentIndex(panel.range.findData("all"))
    curve = panel.curves[1]
    last = curve.shares.size - 1
    at = place(panel, float(curve.shares[last]), float(curve.errors[last]))
    QTest.mouseMove(panel.plot.viewport(), at)
    QTest.mouseClick(panel.plot.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert f"{curve.layer} without {last} of {curve.of}" in panel.describe(curve, last)
    assert panel.curve_at(panel.plot.mapToScene(at)) == (curve, last)
    item = window.workspace.layers.tree.currentItem()
    assert item is not None
    assert item.text(0) == curve.layer
    assert window.workspace.graph.view.selected_layer == 2


def test_near_the_limit_is_what_lies_around_it_and_all_errors_are_all(panel: SensitivityPanel) -> None:
    first, limit = float(panel.curves[0].errors[0]), float(panel.limit.value())
    largest = max(float(curve.errors.max()) for curve in panel.curves)
    assert largest > first + 8 * (limit - first)
    for shown, highest in (("limit", first + 4 * (limit - first)), ("all", largest)):
        panel.range.setCurrentIndex(panel.range.findData(shown))
        low, high = panel.plot.getViewBox().viewRange()[1]
        assert low < first < limit < high
        assert highest < high < low + 3 * (highest - low)  # and room for the legend


def test_another_order_is_measured_anew(qtbot: QtBot, window: MainWindow, panel: SensitivityPanel) -> None:
    before = [curve.errors.tolist() for curve in panel.curves]
    panel.order.setCurrentIndex(panel.order.findData("magnitude"))
    panel.order.activated.emit(panel.order.currentIndex())
    settled(qtbot, window)
    window.workspace._show_sensitivity()
    assert [curve.errors.tolist() for curve in panel.curves] != before
    assert panel.order.currentData() == "magnitude"


def test_curves_belong_to_a_network_and_come_back_with_it(
    qtbot: QtBot, window: MainWindow, panel: SensitivityPanel
) -> None:
    before = [curve.errors.tolist() for curve in panel.curves]
    window.document.prune()
    settled(qtbot, window)
    window.workspace._show_sensitivity()
    assert panel.curves == []
    assert "how the error rises" in panel.missing.text()
    assert panel.missing.isVisibleTo(panel)
    assert not panel.plot.isVisibleTo(panel)
    assert not panel.limit.isVisible()
    assert not panel.export.isEnabled()
    window.actions_.undo.trigger()
    settled(qtbot, window)
    window.workspace._show_sensitivity()
    assert [curve.errors.tolist() for curve in panel.curves] == before


def test_other_compensation_voids_what_was_measured(
    qtbot: QtBot, window: MainWindow, panel: SensitivityPanel
) -> None:
    window.document.set_config(replace(window.document.config, compensation="mean"))
    settled(qtbot, window)
    window.workspace._show_sensitivity()
    assert panel.curves == []


def test_it_is_cancelled_and_what_was_measured_stays(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_sample(qtbot, window)
    show(window)
    points = list(window.document.session.sensitivity(window.document.config, "magnitude"))

    go = threading.Event()

    def hesitating(*_: Any) -> Iterator[Any]:
        yield from points[:3]
        go.wait(10)
        yield from points[3:]

    monkeypatch.setattr(Session, "sensitivity", hesitating)
    panel = window.workspace.sensitivity
    panel.measure.click()
    qtbot.waitUntil(lambda: bool(panel.curves) and panel.measure.text() == "Cancel", timeout=10_000)
    panel.measure.click()
    go.set()
    settled(qtbot, window)
    window.workspace._show_sensitivity()
    assert panel.measure.text() == "Measure"
    assert "Cancelled" in panel.readout.text()
    assert panel.curves


def test_without_data_it_says_so(qtbot: QtBot, window: MainWindow) -> None:
    opened(qtbot, window, sample("iris").model)
    window.workspace._show_sensitivity()
    panel = window.workspace.sensitivity
    assert "Load data" in panel.missing.text()
    assert not panel.measure.isEnabled()


def test_the_curves_are_written(
    window: MainWindow, panel: SensitivityPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, suffix in enumerate((".png", ".svg", ".csv")):
        target = tmp_path / f"curves{suffix}"
        monkeypatch.setattr(dialogs, "choose_target", lambda *_, found=target: found)
        panel.export.menu().actions()[number].trigger()
        assert target.exists()
    assert QImage(str(tmp_path / "curves.png")).width() == 2 * panel.plot.width()
    assert "percent" in (tmp_path / "curves.svg").read_text("utf-8")
    lines = (tmp_path / "curves.csv").read_text("utf-8").splitlines()
    assert lines[0] == "layer,removed,neurons,share,cross-entropy"
    assert len(lines) == 1 + sum(curve.shares.size for curve in panel.curves)


def test_the_theme_is_taken_and_the_layers_keep_their_colours(
    window: MainWindow, panel: SensitivityPanel
) -> None:
    Theme().set_mode(Mode.DARK)
    panel.retheme()
    assert theme.colours() is DARK
    lines = [line for line in panel.plot.plotItem.listDataItems() if line.name()]
    assert lines[0].opts["pen"].color().name() == DARK.pruning
    assert len(lines) == len(panel.curves)
    Theme().set_mode(Mode.LIGHT)
