from __future__ import annotations

import numpy as np
import pytest
from graph_networks import chain, random_chain, with_skip
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.gui.matrix_image import (
    MOST_DRAWN,
    Frame,
    Ink,
    Matrix,
    Order,
    Raster,
    Span,
    colour_table,
    downsample,
    draw_matrix,
    matrix_of,
    opens_as_matrix,
    robust_scale,
)
from pruner_gui.network import Dense, FloatArray, Input, Network, Node

INK = Ink((250, 250, 250), (20, 20, 20), (0, 90, 190), (210, 90, 0), (30, 160, 120), (150, 150, 150))


def matrix(weight: FloatArray, scale: float = 1.0) -> Matrix:
    rows, columns = weight.shape
    return Matrix(
        np.arange(rows),
        np.arange(columns),
        np.ones(rows, bool),
        np.ones(columns, bool),
        weight.astype(np.float32),
        weight.astype(np.float32),
        scale,
    )


def whole(shown: Matrix, height: int, width: int) -> Frame:
    rows, columns = shown.weight.shape
    return Frame(Span(0, height, height, rows), Span(0, width, width, columns))


def shrunk(weight: FloatArray, height: int, width: int, weak: float | None = None) -> Raster:
    shown = matrix(weight)
    return downsample(shown, whole(shown, height, width), weak)


# -- which weights are in a pixel


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_every_unit_is_in_exactly_one_pixel_or_in_several_neighbouring_ones(
    size: int, full: int, data: st.DataObject
) -> None:
    edges = Span(0, full, full, size).cells()
    counts = edges[:, 1] - edges[:, 0]
    assert (counts >= 1).all()
    if full < size:
        assert edges[0, 0] == 0
        assert edges[-1, 1] == size
        assert (edges[1:, 0] == edges[:-1, 1]).all()
    else:
        assert (counts == 1).all()
        assert set(edges[:, 0].tolist()) == set(range(size))
    start = data.draw(st.integers(0, full - 1))
    part = Span(start, full - start, full, size).cells()
    assert (part == edges[start:]).all(), "a picture does not depend on where it is cut"


def test_zooming_keeps_the_unit_under_the_mouse() -> None:
    span = Span.fitting(1000, 400, 20)
    for factor in (1.3, 2.0, 7.0):
        nearer = span.zoomed(span.full * factor, 150, 400)
        assert nearer.unit_at(150) == pytest.approx(span.unit_at(150), abs=2)
        span = nearer
    assert span.full > 1000


def test_a_small_matrix_is_in_the_middle_and_grows_from_there() -> None:
    span = Span.fitting(4, 400, 20)
    assert (span.full, span.count) == (80, 80)
    assert span.zoomed(160, 200, 400) == Span(0, 160, 160, 4)


@given(st.integers(1, 500), st.integers(1, 300), st.floats(-900, 900), st.floats(0.2, 9), st.floats(0, 299))
def test_a_view_never_leaves_the_matrix(size: int, room: int, way: float, factor: float, at: float) -> None:
    span = Span.fitting(size, room, 20).zoomed(size * 5 * factor, at, room).moved(way)
    for shown in (span, span.widened(0.25)):
        assert shown.start >= 0
        assert shown.count >= 1
        assert shown.start + shown.count <= shown.full
    assert span.widened(0.25).covers(span)


def test_outside_of_the_matrix_there_is_no_unit() -> None:
    span = Span(0, 30, 30, 10)
    assert span.unit_at(29.5) == 9
    assert span.unit_at(-1) is None
    assert span.unit_at(30) is None


# -- the rule


def test_a_rare_strong_weight_still_shows() -> None:
    random = np.random.default_rng(0)
    weight = random.normal(size=(400, 300)) * 0.01
    weight[123, 45] = -1.0
    value = shrunk(weight, 40, 30).value
    assert value[12, 4] < -0.25
    rest = np.delete(np.abs(value).ravel(), 12 * 30 + 4)
    assert rest.max() < 0.04


def test_among_zeros_too() -> None:
    weight = np.zeros((400, 300))
    weight[123, 45] = 1.0
    value = shrunk(weight, 40, 30).value
    assert value[12, 4] > 0.25
    assert np.count_nonzero(value) == 1


def test_noise_does_not_look_stronger_than_it_is() -> None:
    value = shrunk(np.random.default_rng(0).normal(size=(800, 800)), 80, 80).value
    assert 0.8 < np.abs(value).mean() < 2.0
    assert 0.4 < (value > 0).mean() < 0.6


def test_structure_below_the_noise_shows_in_the_signs() -> None:
    weight = np.random.default_rng(0).normal(size=(800, 800))
    weight[:, :400] += 0.5
    value = shrunk(weight, 80, 80).value
    assert (value[:, :40] > 0).mean() > 0.85
    assert 0.4 < (value[:, 40:] > 0).mean() < 0.6


def test_a_checkerboard_keeps_both_signs_at_full_strength() -> None:
    weight = np.where(np.indices((400, 400)).sum(axis=0) % 2, 1.0, -1.0)
    value = shrunk(weight, 40, 40).value
    assert np.abs(value) == pytest.approx(1.0)
    assert 0.4 < (value > 0).mean() < 0.6
    rows_alike = (value[1:] > 0) == (value[:-1] > 0)
    assert 0.3 < rows_alike.mean() < 0.7, "a texture, and no false stripes"


def test_enlarged_weights_are_what_they_are() -> None:
    weight = np.array([[1.0, -0.5], [0.0, 0.25]])
    assert shrunk(weight, 4, 4).value == pytest.approx(weight.repeat(2, axis=0).repeat(2, axis=1))


def test_a_pixel_tells_which_share_of_its_connections_is_weak() -> None:
    weight = np.array([[0.1, 0.1, 1.0, 0.0], [0.1, 1.0, 1.0, 0.0]])
    assert shrunk(weight, 1, 2, weak=0.5).weak.tolist() == [[0.75, 0.0]]
    assert shrunk(weight, 2, 4, weak=0.5).weak[:, 3].tolist() == [0.0, 0.0], "a zero is no connection"
    assert not shrunk(weight, 1, 2).weak.any()


# -- the colours


def colour(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], y: int, x: int) -> tuple[int, ...]:
    return tuple(int(c) for c in image[y, x, 2::-1])


def test_signs_differ_in_hue_and_alike_strengths_in_lightness() -> None:
    table = colour_table(INK)
    middle = len(table) // 2
    assert table[middle] * 255 == pytest.approx(INK.ground)
    assert table[-1, 2] > table[-1, 0]
    assert table[0, 0] > table[0, 2]
    for step in range(1, middle):
        assert table[middle + step + 1].sum() <= table[middle + step].sum()
        assert table[middle - step - 1].sum() <= table[middle - step].sum()


def test_zero_is_ground_and_weak_a_tint_that_focus_makes_strong() -> None:
    shown = matrix(np.array([[0.0, 0.1, 1.0]]))
    plain, focused = (draw_matrix(shown, whole(shown, 1, 3), INK, 0.5, focus) for focus in (False, True))
    assert colour(plain, 0, 0) == INK.ground
    assert plain[0, 1, 1] > plain[0, 1, 2], "greenish"
    assert colour(focused, 0, 1) == INK.weak
    assert int(focused[0, 2].sum()) > int(plain[0, 2].sum()), "the others are paler"


def test_removed_rows_are_hatched_ground() -> None:
    shown = matrix(np.ones((4, 4)))
    shown.source_left[1] = False
    image = draw_matrix(shown, whole(shown, 40, 40), INK)
    removed = {colour(image, y, x) for y in range(10, 20) for x in range(40)}
    others = {colour(image, y, x) for y in range(20, 40) for x in range(40)}
    assert removed == {INK.ground, INK.removed}
    assert not removed & others


def test_the_scale_ignores_outliers_and_zeros() -> None:
    weight = np.concatenate([np.zeros(1000), np.linspace(-1, 1, 1000), [50.0]])
    assert 0.98 < robust_scale(weight) <= 1.0
    assert robust_scale(np.zeros((2, 2))) == 1.0
    assert robust_scale(np.array([0.0, -3.0])) == 3.0


# -- the matrix of a network


def test_removed_units_keep_their_place() -> None:
    network = random_chain(3, 5, 2)
    smaller = network.without({"h1": [1, 3]})
    shown = matrix_of(network, smaller, "x", "h1", Order.INDEX)
    assert shown.target_left.tolist() == [True, False, True, False, True]
    assert shown.source_left.all()
    original = network.dense[0][1].weight.astype(np.float32)
    assert (shown.weight[:, shown.target_left] == original[:, shown.target_left]).all()
    assert not shown.weight[:, ~shown.target_left].any()
    after = matrix_of(network, smaller, "h1", "y", Order.INDEX)
    assert after.source_left.tolist() == shown.target_left.tolist()
    assert after.scale == matrix_of(network, network, "h1", "y", Order.INDEX).scale


def test_by_importance_the_strongest_units_come_first() -> None:
    network = chain([[0.1, 3.0], [0.2, -1.0], [2.0, 0.0]], [[1.0], [1.0]])
    shown = matrix_of(network, network, "x", "h1", Order.IMPORTANCE)
    assert shown.source_units.tolist() == [0, 2, 1]
    assert shown.target_units.tolist() == [1, 0]
    assert shown.weight.tolist() == pytest.approx(np.array([[3.0, 0.1], [0.0, 2.0], [-1.0, 0.2]]))
    assert (shown.row_of(2), shown.column_of(0), shown.row_of(9)) == (1, 1, None)


@pytest.mark.parametrize("order", list(Order))
def test_what_is_weak_is_told_by_the_strengths_whatever_the_weights(order: Order) -> None:
    network = chain([[2.0, 0.1], [0.0, -1.0]], [[1.0], [1.0]])
    strengths = chain([[0.2, 5.0], [0.0, 3.0]], [[1.0], [1.0]])
    shown = matrix_of(network, network, "x", "h1", order, strengths)
    raster = downsample(shown, whole(shown, 2, 2), 1.0)
    rows, columns = shown.source_units, shown.target_units
    expected = np.array([[True, False], [False, False]])[np.ix_(rows, columns)]
    assert (raster.weak == expected).all()
    assert [[shown.is_weak(i, j, 1.0) for j in range(2)] for i in range(2)] == expected.tolist()
    assert abs(raster.value).max() > 1.5  # the colours are those of the weights


def test_every_link_of_a_network_with_skips_has_its_own_matrix() -> None:
    network = with_skip()
    weights = [
        matrix_of(network, network, link.source, link.target, Order.INDEX).weight for link in network.links
    ]
    for link, weight in zip(network.links, weights, strict=True):
        assert weight == pytest.approx(link.weight, abs=1e-6)


# -- which view first


@pytest.mark.parametrize(("extra", "expected"), [(0, False), (1, True)])
def test_a_network_of_more_than_ten_million_connections_opens_as_a_matrix(extra: int, expected: bool) -> None:
    n_out = MOST_DRAWN // 1000 + extra
    weight = np.broadcast_to(np.float32(0), (1000, n_out))
    nodes = (Node("x", Input(1000)), Node("y", Dense(weight, np.zeros(n_out)), ("x",)))
    assert opens_as_matrix(Network(nodes, ("y",))) is expected
