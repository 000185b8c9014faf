from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from graph_networks import random_chain, with_skip
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from pruner_gui.files import CannotWrite
from pruner_gui.gui.graph_export import Export, Ground, image, svg, write
from pruner_gui.gui.graph_facts import EdgeHit
from pruner_gui.gui.graph_view import GraphView
from pruner_gui.gui.palette import DARK, LIGHT
from pruner_gui.network import Network
from pruner_gui.stopping import Stopped, stopping


def export(qtbot: QtBot, network: Network) -> Export:
    view = GraphView()
    qtbot.addWidget(view)
    view.set_network(network)
    assert view.scene is not None
    return Export(view.scene, network, view.font(), QSize(500, 320))


def words(content: bytes) -> set[str]:
    root = ElementTree.fromstring(content)
    return {"".join(each.itertext()).strip() for each in root.iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize("scale", [1, 3])
def test_a_png_has_the_size_that_was_asked_for(qtbot: QtBot, tmp_path: Path, scale: int) -> None:
    wanted = replace(export(qtbot, random_chain(4, 6, 2)), scale=scale)
    found = QImage(str(write(wanted, tmp_path / "graph.png")))
    assert found.size() == QSize(500, 320) * scale
    assert found.pixelColor(2, 2).name() == LIGHT.ground
    assert list(tmp_path.iterdir()) == [tmp_path / "graph.png"]


def test_the_ground_is_that_of_the_theme_white_or_none(qtbot: QtBot) -> None:
    wanted = export(qtbot, random_chain(4, 6, 2))
    wanted = replace(wanted, scene=replace(wanted.scene, colours=DARK))
    corners = {ground: image(replace(wanted, ground=ground)).pixelColor(2, 2) for ground in Ground}
    assert corners[Ground.THEME].name() == DARK.ground
    assert corners[Ground.WHITE] == QColor("white")
    assert corners[Ground.TRANSPARENT].alpha() == 0


def test_the_whole_network_is_in_the_picture_whatever_is_in_view(qtbot: QtBot) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    network = random_chain(4, 6, 2)
    view.set_network(network)
    assert view.scene is not None
    before = image(Export(view.scene, network, view.font(), QSize(400, 300)))
    view.zoom(4)
    assert image(Export(view.scene, network, view.font(), QSize(400, 300))) == before


@pytest.mark.parametrize("network", [random_chain(4, 6, 2), with_skip()])
def test_an_svg_is_made_of_vectors_with_the_layers_names(
    qtbot: QtBot, tmp_path: Path, network: Network
) -> None:
    content = write(export(qtbot, network), tmp_path / "graph.svg").read_bytes()
    hidden = {layer.name for layer in network.hidden_layers}
    assert hidden | {"Input", "Output"} <= words(content)
    assert b"<image" not in content
    assert content.count(b"<path") >= 2


def test_a_crowd_of_connections_goes_into_an_svg_as_pixels(qtbot: QtBot) -> None:
    content = svg(export(qtbot, random_chain(200, 110, 3)))
    assert b"<image" in content
    assert "h1" in words(content)


@pytest.mark.parametrize("selected", [(1, 2), EdgeHit((0, 0), (1, 2), 1.0)])
def test_a_selection_is_seen_in_both(qtbot: QtBot, selected: tuple[int, int] | EdgeHit) -> None:
    plain = export(qtbot, random_chain(4, 6, 2))
    chosen = replace(plain, scene=replace(plain.scene, selected=selected))
    assert image(chosen) != image(plain)
    assert svg(chosen) != svg(plain)


def test_what_cannot_be_written_leaves_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="none"):
        write(export(qtbot, random_chain(4, 6, 2)), tmp_path / "none" / "graph.png")
    too_large = replace(export(qtbot, random_chain(4, 6, 2)), size=QSize(300_000, 300_000))
    with pytest.raises(MemoryError):
        write(too_large, tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())


def test_drawing_ends_when_the_thread_is_to_stop(qtbot: QtBot, tmp_path: Path) -> None:
    with stopping(lambda: True), pytest.raises(Stopped):
        write(export(qtbot, random_chain(4, 6, 2)), tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())
