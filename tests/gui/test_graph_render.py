from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from graph_networks import random_chain
from pytestqt.qtbot import QtBot

from pruner_gui.gui.edge_raster import Frame, Ink, prepare
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.gui.graph_render import Job, Picture, Renderer, draw
from pruner_gui.network import Network


def job(network: Network) -> Job:
    layout = Layout.from_network(network)
    left, top, right, bottom = layout.bounds
    frame = Frame(left, top, 0.5, round((right - left) / 2), round((bottom - top) / 2))
    black = (0, 0, 0)
    return Job(network, layout, frame, Ink(black, black, black, black), None, False)


@pytest.fixture
def drawn(qtbot: QtBot) -> list[Picture]:
    return []


@pytest.fixture
def renderer(drawn: list[Picture]) -> Iterator[Renderer]:
    renderer = Renderer()
    renderer.done.connect(drawn.append)
    yield renderer
    renderer.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "graph-renderer"]


def test_the_newest_wish_wins(qtbot: QtBot, renderer: Renderer, drawn: list[Picture]) -> None:
    wishes = [replace(job(random_chain(80, 80)), weak_threshold=step / 10) for step in range(20)]
    for wish in wishes:
        renderer.request(wish)
    qtbot.waitUntil(lambda: bool(drawn) and drawn[-1].refined and drawn[-1].job is wishes[-1])
    assert len(drawn) < 2 * len(wishes)


def test_a_big_network_has_a_coarse_picture_first(
    qtbot: QtBot, renderer: Renderer, drawn: list[Picture]
) -> None:
    renderer.request(job(random_chain(80, 80)))
    qtbot.waitUntil(lambda: len(drawn) == 2)
    assert [picture.refined for picture in drawn] == [False, True]
    coarse, fine = drawn
    assert coarse.connections.width() == (fine.connections.width() + 1) // 2
    assert coarse.place.width() == pytest.approx(fine.place.width(), abs=4)


def test_a_small_network_is_drawn_once(qtbot: QtBot, renderer: Renderer, drawn: list[Picture]) -> None:
    wish = job(random_chain(3, 4))
    renderer.request(wish)
    qtbot.waitUntil(lambda: bool(drawn))
    assert drawn[0].refined
    again = draw(wish, prepare(wish.network, wish.layout))
    assert again is not None
    assert np.array_equal(drawn[0].pixels, again.pixels)


def test_a_selection_adds_its_connections_and_keeps_the_rest(
    qtbot: QtBot, renderer: Renderer, drawn: list[Picture]
) -> None:
    wish = job(random_chain(80, 80))
    renderer.request(wish)
    qtbot.waitUntil(lambda: len(drawn) == 2)
    renderer.request(replace(wish, selected=(1, 7)))
    qtbot.waitUntil(lambda: len(drawn) == 3)
    plain, chosen = drawn[1:]
    assert plain.selected is None
    assert chosen.selected is not None
    assert chosen.pixels[0] is plain.pixels[0]
    assert 0 < np.count_nonzero(chosen.pixels[1]) < np.count_nonzero(chosen.pixels[0])


def test_nothing_is_drawn_after_the_stop(qtbot: QtBot, renderer: Renderer, drawn: list[Picture]) -> None:
    renderer.request(job(random_chain(300, 300)))
    renderer.stop()
    renderer.request(job(random_chain(3, 4)))
    renderer.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "graph-renderer"]
    assert not any(picture.refined for picture in drawn)


def test_no_thread_waits_when_there_is_nothing_to_draw(qtbot: QtBot, renderer: Renderer) -> None:
    renderer.request(job(random_chain(3, 4)))
    qtbot.waitUntil(lambda: not [t for t in threading.enumerate() if t.name == "graph-renderer"])
