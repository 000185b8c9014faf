"""What is kept from one frame to the next looks like what is painted anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from graph_networks import random_chain
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter

from pruner_gui.gui import graph_paint as paint
from pruner_gui.gui import graph_words as words
from pruner_gui.gui.graph_layout import Camera, Layout
from pruner_gui.gui.graph_paint import GraphMarks
from pruner_gui.gui.graph_render import Shown
from pruner_gui.gui.graph_scene import Scene
from pruner_gui.gui.graph_stamps import Stamp, Stamps, paint_now
from pruner_gui.gui.palette import DARK, LIGHT

SIZE = QSizeF(420, 320)
NETWORK = random_chain(90, 40, 12, 3)
MARKS = GraphMarks(candidates={1: frozenset({1, 2, 30})}, protected={2: frozenset({4})})


def scene(marks: GraphMarks = MARKS) -> Scene:
    layout = Layout.from_network(NETWORK)
    found = paint.statuses(layout, NETWORK.without({"h1": [7, 8]}), marks)
    whole = words.legend(False, True)
    present = words.to_explain(found, marks, Shown.ALL)
    legend = tuple(entry for entry in whole if entry[0] in present)
    return Scene(layout, found, marks, LIGHT, words.captions(layout, found), legend, whole)


def painted(
    scene: Scene, camera: Camera, stamp: Stamp, ratio: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    image = QImage((SIZE * ratio).toSize(), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    scene.paint_neurons(painter, SIZE, camera, stamp=stamp)
    painter.end()
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return data[..., :3].astype(np.int64)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_a_frame_with_kept_parts_is_the_frame_painted_anew(qapp: QGuiApplication, ratio: float) -> None:
    stamps, first = Stamps(), scene()
    camera = Camera.fitting(first.layout.bounds, (40, 50, 380, 260))
    frames = [(first, camera), (first, camera.moved(12, -5)), (first, camera.moved(0.4, 0.3))]
    frames += [(first, camera.zoomed(camera.scale * zoom, 200, 150)) for zoom in (1.7, 6.0)]
    frames += [(scene(GraphMarks()), camera), (replace(first, colours=DARK), camera)]
    frames += [(replace(first, hide_removed=True), camera), (first, camera)]
    for shown, at in frames:
        plain = painted(shown, at, paint_now, ratio)
        for _ in range(2):  # painted, then kept
            assert np.abs(painted(shown, at, stamps, ratio) - plain).max() <= 4


def counted(stamps: Stamps, places: list[QPointF], side: float) -> int:
    """Return how often a part has to be painted that appears in these places."""
    image, times = QImage(50, 50, QImage.Format.Format_RGB32), 0

    def paint(painter: QPainter) -> None:
        nonlocal times
        times += 1

    painter = QPainter(image)
    for place in places:
        stamps(painter, side, place, lambda place=place: QRectF(place.x(), place.y(), side, side), paint)  # type: ignore[misc]
    painter.end()
    return times


def test_what_moves_by_whole_pixels_is_painted_once(qapp: QGuiApplication) -> None:
    places = [QPointF(3.25 + i, 7.5 - 2 * i) for i in range(9)]
    stamps = Stamps()
    assert counted(stamps, places, 20) == 1
    assert counted(stamps, [QPointF(3.5, 7.5)], 20) == 1
    stamps.clear()
    assert counted(stamps, places, 20) == 1


def test_too_large_a_part_and_too_many_are_not_kept(qapp: QGuiApplication) -> None:
    place, stamps = QPointF(0, 0), Stamps()
    assert counted(stamps, [place, place], 9000) == 2
    assert counted(stamps, [place, place], 10) == 1
    for side in range(2000, 2004):
        assert counted(stamps, [place, place], side) == 1
    assert counted(stamps, [place], 10) == 1
