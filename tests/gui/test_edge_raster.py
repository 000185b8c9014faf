from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from graph_networks import chain, random_chain, with_skip
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui.gui.edge_raster import EdgeBlock, Frame, Image, Ink, draw_edges, prepare
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.network import Network

INK = Ink(positive=(0, 0, 255), negative=(255, 0, 0), weak=(0, 255, 0), haze=(128, 128, 128))
BLUE, GREEN, RED, ALPHA = range(4)


class Drawing:
    """A network drawn at one pixel a scene unit, and where things are in it."""

    def __init__(self, network: Network, shown: Network | None = None) -> None:
        self.layout = Layout.from_network(network)
        self.blocks = prepare(shown or network, self.layout)
        left, top, right, bottom = self.layout.bounds
        self.frame = Frame(left - 40, top - 40, 1.0, round(right - left) + 80, round(bottom - top) + 80)

    def draw(self, weak_threshold: float | None = None, focus: bool = False) -> Image:
        image = draw_edges(self.blocks, self.frame, INK, weak_threshold, focus)
        assert image is not None
        return image

    def column(self, x: float) -> int:
        return round(x - self.frame.left - 0.5)

    def along(self, block: EdgeBlock, edge: int) -> list[tuple[int, int]]:
        """The pixels (row, column) that a connection passes, first to last column."""
        x0, x1 = block.pieces[0].x0, block.pieces[-1].x1
        found = []
        for column in range(self.column(x0) + 3, self.column(x1) - 3):
            heights = block.heights(self.frame.left + column + 0.5)
            assert heights is not None
            found.append((int(heights[edge] - self.frame.top), column))
        return found


def colours(image: Image, pixels: list[tuple[int, int]]) -> npt.NDArray[np.intp]:
    """The strongest colour channel of each pixel."""
    rows, columns = zip(*pixels, strict=True)
    return np.argmax(image[rows, columns, :3], axis=1)


def test_a_connection_is_painted_where_its_curve_is() -> None:
    drawing = Drawing(chain([[0, 0, 1.0], [0, 0, 0]]))
    alpha = drawing.draw()[..., ALPHA].astype(float)
    (block,) = drawing.blocks
    rows = np.arange(drawing.frame.height) + 0.5
    for _, column in drawing.along(block, 0):
        heights = block.heights(drawing.frame.left + column + 0.5)
        assert heights is not None
        centre = np.average(rows, weights=alpha[:, column])
        assert centre == pytest.approx(heights[0] - drawing.frame.top, abs=0.3)


def test_nothing_is_painted_outside_the_columns() -> None:
    drawing = Drawing(random_chain(30, 20, 40))
    alpha = drawing.draw(weak_threshold=0.3)[..., ALPHA]
    first, last = drawing.layout.layers[0], drawing.layout.layers[-1]
    assert alpha.any()
    assert not alpha[:, : drawing.column(first.x)].any()
    assert not alpha[:, drawing.column(last.x) + 1 :].any()
    tallest = max(layer.bottom for layer in drawing.layout.layers)
    assert not alpha[int(tallest - drawing.frame.top) + 12 :].any()


@pytest.mark.parametrize(("weight", "channel"), [(0.7, BLUE), (-0.7, RED)])
def test_the_sign_decides_the_colour(weight: float, channel: int) -> None:
    drawing = Drawing(chain([[weight]]))
    pixels = drawing.along(drawing.blocks[0], 0)
    assert (colours(drawing.draw(), pixels) == channel).all()


def test_weak_connections_have_another_colour_and_gaps() -> None:
    drawing = Drawing(chain([[1.0, 0.0], [0.0, 0.1]]))
    image = drawing.draw(weak_threshold=0.5)
    (block,) = drawing.blocks
    strong, weak = drawing.along(block, 0), drawing.along(block, 1)
    assert (colours(image, strong) == BLUE).all()
    assert min(image[pixel][ALPHA] for pixel in strong) > 100
    painted = np.array([image[pixel][ALPHA] for pixel in weak])
    assert (painted < 10).mean() > 0.2
    assert (painted > 100).mean() > 0.2
    dashes = [pixel for pixel in weak if image[pixel][ALPHA] > 60]
    assert (colours(image, dashes) == GREEN).all()


def test_without_a_threshold_nothing_is_weak() -> None:
    drawing = Drawing(chain([[1.0, 0.0], [0.0, 0.1]]))
    assert not drawing.draw()[..., GREEN].any()


def test_a_connection_at_the_threshold_is_not_weak() -> None:
    drawing = Drawing(chain([[0.5]]))
    assert not drawing.draw(weak_threshold=0.5)[..., GREEN].any()
    assert drawing.draw(weak_threshold=0.51)[..., GREEN].any()


@pytest.mark.parametrize(("straight", "crossing", "channel"), [(1.0, -0.4, BLUE), (0.4, -1.0, RED)])
def test_where_two_cross_the_stronger_shows_unmixed(straight: float, crossing: float, channel: int) -> None:
    drawing = Drawing(chain([[0, straight], [crossing, 0]]))
    layers = drawing.layout.layers
    middle = drawing.column((layers[0].x + layers[1].x) / 2)
    pixel = drawing.draw()[int(-drawing.frame.top), middle]
    other = RED if channel == BLUE else BLUE
    assert pixel[channel] > 150
    assert pixel[other] < 20


def test_focus_dims_all_that_is_not_weak() -> None:
    drawing = Drawing(chain([[1.0, 0.0], [0.0, 0.1]]))
    plain, focused = drawing.draw(0.5), drawing.draw(0.5, focus=True)
    assert focused[..., BLUE].max() < 0.5 * plain[..., BLUE].max()
    assert focused[..., GREEN].max() >= plain[..., GREEN].max()


def test_no_connection_leaves_the_picture_empty() -> None:
    drawing = Drawing(chain(np.zeros((3, 2))))
    assert not drawing.draw(weak_threshold=1.0).any()
    assert draw_edges((), drawing.frame, INK) is not None


def test_removed_neurons_lose_their_connections_and_the_others_keep_their_place() -> None:
    network = random_chain(3, 5, 2)
    whole, cut = Drawing(network), Drawing(network, network.without({"h1": [1, 3]}))
    assert set(np.concatenate([block.source for block in cut.blocks[1:]]).tolist()) == {0, 2, 4}
    layer = whole.layout.layers[1]
    beside = whole.column(layer.x) + 4
    for unit, drawn in ((0, True), (1, False), (2, True), (3, False), (4, True)):
        near = slice(int(layer.y[unit] - whole.frame.top) - 6, int(layer.y[unit] - whole.frame.top) + 6)
        assert whole.draw()[near, beside, ALPHA].any()
        assert cut.draw()[near, beside, ALPHA].any() == drawn


def test_zero_weights_are_no_connections() -> None:
    network = chain([[0.0, 0.5], [-2.0, 0.0]])
    (block,) = prepare(network, Layout.from_network(network))
    assert block.weight.tolist() == [-2.0, 0.5]  # strongest first
    assert (block.source.tolist(), block.target.tolist()) == ([1, 0], [0, 1])


def test_a_skipping_link_is_drawn_below_the_columns_between() -> None:
    drawing = Drawing(with_skip())
    image = drawing.draw()
    for layer in drawing.layout.layers[1], drawing.layout.layers[3]:
        below = int(layer.bottom + layer.radius - drawing.frame.top) + 3
        assert image[below:, drawing.column(layer.x), ALPHA].any()


def test_the_same_is_drawn_twice_alike() -> None:
    drawing = Drawing(random_chain(40, 30, 20))
    assert np.array_equal(drawing.draw(0.4), drawing.draw(0.4))


def test_a_part_is_drawn_as_it_is_in_the_whole() -> None:
    drawing = Drawing(random_chain(6, 5, 4))
    whole, frame = drawing.draw(0.4), drawing.frame
    part = Frame(frame.left + 100, frame.top + 50, 1.0, 150, 120)
    image = draw_edges(drawing.blocks, part, INK, 0.4)
    assert image is not None
    expected = whole[50:170, 100:250]
    assert np.abs(image.astype(int) - expected).max() <= 3


def test_drawing_can_be_aborted() -> None:
    drawing = Drawing(random_chain(5, 5))
    assert draw_edges(drawing.blocks, drawing.frame, INK, aborted=lambda: True) is None


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    seed=st.integers(0, 99),
    quantile=st.floats(0, 1),
    focus=st.booleans(),
    scale=st.sampled_from([0.2, 1.0, 3.0]),
)
def test_colours_are_premultiplied(
    sizes: list[int], seed: int, quantile: float, focus: bool, scale: float
) -> None:
    network = random_chain(*sizes, seed=seed)
    layout = Layout.from_network(network)
    blocks = prepare(network, layout)
    threshold = float(np.quantile(np.concatenate([np.abs(block.weight) for block in blocks]), quantile))
    frame = Frame(-20.0, layout.layers[0].top - 15.0, scale, 160, 120)
    image = draw_edges(blocks, frame, INK, threshold, focus)
    assert image is not None
    assert image.any()
    assert (image[..., :3].max(axis=2).astype(int) <= image[..., ALPHA].astype(int) + 1).all()


def test_many_connections_leave_room_between_the_strongest() -> None:
    drawing = Drawing(random_chain(120, 120))
    alpha = drawing.draw()[..., ALPHA]
    middle = alpha[:, drawing.frame.width // 2]
    assert (middle > 180).mean() < 0.5
    assert (middle > 0).mean() > 0.5


def test_the_strongest_within_reach_is_found() -> None:
    drawing = Drawing(chain([[0, 1.0], [-0.4, 0]]))
    (block,) = drawing.blocks
    first, second = drawing.layout.layers
    assert block.strongest_at((first.x + second.x) / 2, 0.0, 3.0) == 0
    assert block.strongest_at(first.x + 1, float(first.y[1]), 3.0) == 1
    assert block.strongest_at(first.x + 1, float(first.y[1]) + 20, 3.0) is None
    assert block.strongest_at(first.x - 10, 0.0, 3.0) is None
    assert block.touching(0, 1).tolist() == [1]
