from __future__ import annotations

import numpy as np
import pytest
from graph_networks import random_chain, with_skip
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui.gui.graph_layout import TALLEST, Camera, Layout

sizes_of_layers = st.lists(st.integers(1, 900), min_size=2, max_size=6)


@settings(max_examples=60, deadline=None)
@given(sizes=sizes_of_layers, data=st.data())
def test_neuron_is_found_where_it_is_placed(sizes: list[int], data: st.DataObject) -> None:
    layout = Layout.from_sizes(sizes)
    layer = data.draw(st.integers(0, len(sizes) - 1))
    unit = data.draw(st.integers(0, sizes[layer] - 1))
    place = layout.place(layer, unit)
    assert place is not None
    assert layout.neuron_at(*place) == (layer, unit)


@settings(max_examples=60, deadline=None)
@given(sizes=sizes_of_layers)
def test_all_neurons_are_inside_the_bounds_and_apart(sizes: list[int]) -> None:
    layout = Layout.from_sizes(sizes)
    left, top, right, bottom = layout.bounds
    assert bottom - top <= TALLEST + 30
    for layer in layout.layers:
        assert left <= layer.x - layer.radius
        assert layer.x + layer.radius <= right
        assert top <= layer.y.min() - layer.radius
        assert layer.y.max() + layer.radius <= bottom
        assert layer.spacing > 2 * layer.radius
        assert layer.y == pytest.approx(-layer.y[::-1])  # in the middle of its column


def test_columns_stand_from_left_to_right() -> None:
    xs = [layer.x for layer in Layout.from_sizes([4, 16, 8, 3]).layers]
    assert np.ptp(np.diff(xs)) == pytest.approx(0)
    assert xs == sorted(xs)


def test_larger_layers_are_taller_but_far_from_in_proportion() -> None:
    small, large = Layout.from_sizes([80, 800]).layers
    heights = [layer.bottom - layer.top for layer in (small, large)]
    assert heights[1] / heights[0] == pytest.approx(10**0.35)


@pytest.mark.parametrize("point", [(200.0, 0.0), (0.0, 9_000.0), (0.0, -9_000.0)])
def test_nothing_is_found_beside_the_neurons(point: tuple[float, float]) -> None:
    assert Layout.from_sizes([5, 5]).neuron_at(*point) is None


def test_reach_finds_a_neuron_from_nearby() -> None:
    layout = Layout.from_sizes([5, 5])
    layer = layout.layers[0]
    beside = (layer.x + layer.radius + 5, float(layer.y[2]))
    assert layout.neuron_at(*beside) is None
    assert layout.neuron_at(*beside, reach=6.0) == (0, 2)


def test_units_keep_their_original_numbers() -> None:
    pruned = random_chain(3, 6, 2).without({"h1": [0, 4]})
    layout = Layout.from_network(pruned)
    assert layout.layers[1].units.tolist() == [1, 2, 3, 5]
    assert layout.layers[1].positions([5, 4, 1]).tolist() == [3, 0]
    assert layout.place(1, 4) is None
    assert layout.place(7, 0) is None
    place = layout.place(1, 5)
    assert place is not None
    assert layout.neuron_at(*place) == (1, 5)


def test_layers_know_what_they_are() -> None:
    layers = Layout.from_network(random_chain(3, 6, 2)).layers
    assert [layer.name for layer in layers] == ["x", "h1", "y"]
    assert [layer.activation for layer in layers] == ["linear", "relu", "linear"]
    assert [(layer.is_input, layer.is_output) for layer in layers] == [
        (True, False),
        (False, False),
        (False, True),
    ]


def test_parallel_layers_share_a_column_one_above_the_other() -> None:
    layout = Layout.from_network(with_skip())
    assert layout.columns == (0, 1, 2, 2, 3)
    b, c = layout.layers[2:4]
    assert b.x == c.x
    assert b.bottom < c.top


def test_a_link_that_skips_columns_passes_below_them() -> None:
    layout = Layout.from_network(with_skip())
    pieces = layout.route(0, 4)
    assert [(piece.x0, piece.x1) for piece in pieces] == [
        (layout.layers[i].x, layout.layers[j].x) for i, j in ((0, 1), (1, 2), (2, 4))
    ]
    assert pieces[0].y1.min() > layout.layers[1].bottom + layout.layers[1].radius
    assert pieces[1].y1.min() > layout.layers[3].bottom + layout.layers[3].radius
    assert pieces[1].y1.max() <= layout.bounds[3]
    assert layout.route(0, 1)[0].y1.tolist() == layout.layers[1].y.tolist()


@settings(max_examples=50, deadline=None)
@given(scale=st.floats(0.01, 50), x=st.floats(-500, 500), y=st.floats(-500, 500), factor=st.floats(0.1, 10))
def test_zoom_keeps_the_point_it_goes_to(scale: float, x: float, y: float, factor: float) -> None:
    camera = Camera(scale, -30.0, 70.0)
    zoomed = camera.zoomed(scale * factor, x, y)
    assert zoomed.to_scene(x, y) == pytest.approx(camera.to_scene(x, y), abs=1e-6)
    assert camera.to_view(*camera.to_scene(x, y)) == pytest.approx((x, y), abs=1e-6)


def test_fitting_shows_all_in_the_middle() -> None:
    camera = Camera.fitting((-100.0, -50.0, 300.0, 50.0), (10.0, 20.0, 210.0, 520.0))
    assert camera.to_view(-100, 0) == pytest.approx((10, 270))
    assert camera.to_view(300, 0) == pytest.approx((210, 270))


def test_moving_moves_the_picture() -> None:
    camera = Camera(2.0, 5.0, 6.0)
    x, y = camera.to_view(1, 1)
    assert camera.moved(30, -7).to_view(1, 1) == pytest.approx((x + 30, y - 7))
