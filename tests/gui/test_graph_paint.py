from __future__ import annotations

from dataclasses import fields
from itertools import combinations

import numpy as np
import pytest
from graph_networks import random_chain
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFontMetricsF, QGuiApplication, QImage, QPainter, QPalette
from pytestqt.qtbot import QtBot

from pruner_gui.gui.graph_layout import Camera, Layout
from pruner_gui.gui.graph_paint import (
    GraphMarks,
    Status,
    Stroke,
    Symbol,
    legend_rows,
    paint_glyph,
    paint_layer,
    paint_legend,
    statuses,
)
from pruner_gui.gui.palette import DARK, LIGHT, Colours, colours_for, rgb


def one(unit: int) -> dict[int, frozenset[int]]:
    return {1: frozenset({unit})}


def test_statuses_are_by_position_and_the_gravest_shows() -> None:
    network = random_chain(2, 7, 1)
    pruned = network.without({"h1": [6]})
    marks = GraphMarks(
        protected=one(0),
        candidates={1: frozenset({0, 1, 6})},
        constant={1: frozenset({1, 2})},
        disconnected={1: frozenset({2, 3, 99})},
    )
    found = statuses(Layout.from_network(network), pruned, marks)
    assert found[0].tolist() == [Status.NEUTRAL] * 2
    assert found[1].tolist() == [
        Status.CANDIDATE,
        Status.CONSTANT,
        Status.DISCONNECTED,
        Status.DISCONNECTED,
        Status.NORMAL,
        Status.NORMAL,
        Status.REMOVED,
    ]


def test_marks_are_values() -> None:
    assert GraphMarks(candidates=one(3)) == GraphMarks(candidates=one(3))
    assert GraphMarks(candidates=one(3)) != GraphMarks(candidates=one(4))


def canvas(width: int = 40, height: int = 40) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(LIGHT.ground))
    return image


def pixels(image: QImage) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return data[..., :3].astype(np.int64)


@pytest.mark.parametrize("radius", [1.8, 5.0, 14.0])
def test_every_status_has_a_shape_of_its_own_without_any_colour(qapp: QGuiApplication, radius: float) -> None:
    black = {field.name: "#000000" for field in fields(LIGHT)}
    grey = Colours(**{**black, "dark": False, "ground": LIGHT.ground})  # type: ignore[arg-type]
    drawn = {}
    for status in Status:
        image = canvas()
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_glyph(painter, status, 20, 20, radius, grey)
        painter.end()
        drawn[status] = pixels(image)
    for a, b in combinations([status for status in Status if status is not Status.NEUTRAL], 2):
        assert np.abs(drawn[a] - drawn[b]).sum() > 500, (a, b)


def test_a_crowded_layer_becomes_a_strip_with_ticks_and_gaps(qapp: QGuiApplication) -> None:
    layer = Layout.from_sizes([1, 400, 1]).layers[1]
    camera = Camera(0.5, layer.x - 40.0, layer.top - 10)
    found = np.full(400, Status.NORMAL, np.uint8)
    found[100:110], found[200:220] = Status.CANDIDATE, Status.REMOVED
    image = canvas(60, 340)
    painter = QPainter(image)
    paint_layer(painter, layer, found, camera, LIGHT, 340)
    painter.end()

    def colour(x: int, position: int) -> str:
        y = (layer.top + position * layer.spacing - camera.top) * camera.scale
        return image.pixelColor(x, round(y)).name()

    assert colour(20, 50) == LIGHT.neuron
    assert colour(20, 210) == LIGHT.ground
    assert colour(27, 105) == LIGHT.candidate
    assert colour(27, 50) == LIGHT.ground


def test_the_legend_wraps_to_its_room(qapp: QGuiApplication) -> None:
    image = canvas(220, 120)
    painter = QPainter(image)
    entries: list[tuple[Symbol, str]] = [
        (Stroke.POSITIVE, "positive"),
        (Stroke.WEAK, "weak"),
        (Status.CANDIDATE, "would go"),
    ]
    rows = legend_rows(entries, QFontMetricsF(painter.font()), 150)
    paint_legend(painter, entries, LIGHT, QRectF(5, 5, 150, 110))
    painter.end()
    assert len(rows) > 1
    assert [text for row in rows for _, text, _, _ in row] == ["positive", "weak", "would go"]
    assert (pixels(image)[:, 170:] == rgb(LIGHT.ground)[::-1]).all()
    assert (pixels(image)[60:, :150] != rgb(LIGHT.ground)[::-1]).any()


def test_the_palette_follows_the_windows_lightness() -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor("#202020"))
    assert colours_for(palette) is DARK
    palette.setColor(QPalette.ColorRole.Window, QColor("#f0f0f0"))
    assert colours_for(palette) is LIGHT


def luminance(colour: str) -> float:
    """Relative luminance: WCAG 2.1, definition of that name."""
    channels = np.array(rgb(colour)) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_words_and_marks_stand_out_from_the_ground(colours: Colours) -> None:
    ground = luminance(colours.ground)

    def contrast(colour: str) -> float:
        low, high = sorted((luminance(colour), ground))
        return (high + 0.05) / (low + 0.05)

    assert contrast(colours.text) >= 7
    assert contrast(colours.muted) >= 4.5
    for colour in (
        colours.positive,
        colours.negative,
        colours.weak,
        colours.candidate,
        colours.constant,
        colours.disconnected,
        colours.protected,
    ):
        assert contrast(colour) >= 3


def test_a_legend_of_nothing_paints_nothing(qtbot: QtBot) -> None:
    image = canvas()
    painter = QPainter(image)
    paint_legend(painter, [], LIGHT, QRectF(0, 0, 40, 40))
    painter.end()
    assert (pixels(image) == rgb(LIGHT.ground)[::-1]).all()
