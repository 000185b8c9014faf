from __future__ import annotations

import numpy as np
import pytest
from random_networks import chain

from pruner_gui.evaluation import Score
from pruner_gui.gui.sensitivity_curves import NEAR, Sensitivity, curves, nearest
from pruner_gui.pruning import Point

POINTS = [
    *(Point("one", i, 4, Score((error,))) for i, error in enumerate((1.0, 1.0, 3.0, 2.0))),
    *(Point("two", i, 2, Score((error,))) for i, error in enumerate((1.0, 5.0))),
    Point("three", 0, 1, Score((1.0,))),
]


def up_to(limit: float, score: Score) -> bool:
    return score.values[0] <= limit


@pytest.mark.parametrize(("limit", "borne"), [(2.5, [1, 0, 0]), (9.0, [3, 1, 0]), (0.5, [None] * 3)])
def test_a_layer_bears_what_comes_before_the_first_that_is_too_much(
    limit: float, borne: list[int | None]
) -> None:
    assert [curve.borne for curve in curves(POINTS, lambda score: up_to(limit, score))] == borne
    assert [curve.borne for curve in curves(POINTS, None)] == [None] * 3


def test_curves_have_the_shares_and_errors_of_their_layers() -> None:
    one, two, three = curves(POINTS, None)
    assert (one.layer, one.shares.tolist(), one.errors.tolist()) == (
        "one",
        [0.0, 0.25, 0.5, 0.75],
        [1.0, 1.0, 3.0, 2.0],
    )
    assert (two.place, two.of) == (1, 2)
    assert three.shares.tolist() == [0.0]


def test_the_curve_nearest_to_a_place_is_found_also_where_it_is_steep() -> None:
    shown, unit = curves(POINTS, None), (0.01, 0.01)
    found = nearest(shown, (0.37, 2.0), unit)  # half the way up from 1 to 3
    assert found is not None
    assert (found[0].layer, found[1]) == ("one", 1)
    found = nearest(shown, (0.5, 5.0), unit)
    assert found is not None
    assert (found[0].layer, found[1]) == ("two", 1)
    assert nearest(shown, (0.75 + 1.1 * NEAR * unit[0], 1.0), unit) is None
    assert nearest([], (0.0, 0.0), unit) is None


def test_the_number_of_points_is_known_beforehand() -> None:
    network = chain(np.random.default_rng(0), [3, 6, 1, 4, 2], ["relu", "relu", "tanh"], "linear")
    assert Sensitivity.of(network, "magnitude").total == 6 + 1 + 4
