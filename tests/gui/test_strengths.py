from __future__ import annotations

import numpy as np
import pytest
from graph_networks import chain

from pruner_gui.evaluation import Objective, Targets
from pruner_gui.gui.edge_raster import prepare
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.gui.strengths import Strengths

NETWORK = chain([[2.0, -1.0], [0.0, 3.0]], [[1.0], [-1.0]])
ROWS = np.array([[10.0, 0.0], [-10.0, 0.0]])
OBJECTIVE = Objective(ROWS, Targets(np.ones((2, 1)), None, "linear"), ("mse",))


def test_by_magnitude_they_are_the_weights() -> None:
    assert Strengths.of(NETWORK, "magnitude", None).values is NETWORK


def test_a_contribution_is_the_weight_times_the_inputs_root_mean_square() -> None:
    found = Strengths.of(NETWORK, "contribution", OBJECTIVE)
    assert found.values.by_name["h1"].op.tensors()["weight"][0] == pytest.approx([20.0, 10.0])
    assert found.of_edge(("x", 0), ("h1", 1)) == pytest.approx(10.0)
    assert found.of_edge(("x", 0), ("h1", 7)) is None


def test_a_connection_that_does_nothing_is_weak_but_there() -> None:
    strength = Strengths.of(NETWORK, "contribution", OBJECTIVE).values.by_name["h1"].op.tensors()["weight"]
    assert strength[1, 0] == 0  # there is none
    assert 0 < strength[1, 1] < 1e-6


def test_connections_are_drawn_by_their_strength_in_the_colour_of_their_weight() -> None:
    strengths = Strengths.of(NETWORK, "contribution", OBJECTIVE).values
    block = prepare(NETWORK, Layout.from_network(NETWORK), None, strengths)[0]
    assert block.weight.tolist() == [2.0, -1.0, 3.0]
    assert block.strength == pytest.approx([20.0, 10.0, 0.0], abs=1e-5)
