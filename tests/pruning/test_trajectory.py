from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import chain

from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning import candidates, trajectory
from pruner_gui.pruning.connections import ranking
from pruner_gui.pruning.free import free_removals
from pruner_gui.pruning.trajectory import Trajectory, knee, lowest, replayed


def walked(seed: int) -> tuple[Network, list[Edit], list[Network]]:
    """Return a network, edits of every kind, and the networks on the way."""
    rng = np.random.default_rng(seed)
    network = start = chain(rng, [3, 6, 5, 2], ["relu", "tanh"], "linear")
    edits: list[Edit] = []
    networks = [network]
    for free, smaller in free_removals(network):
        edits.append(free.edit)
        networks.append(smaller)
        network = smaller
    while left := candidates(network, None):
        edit: Edit = left[int(rng.integers(len(left)))]
        if rng.random() < 0.3:
            edit = ranking(network, "magnitude", None).weakest(int(rng.integers(1, 4)))
        network = edit.apply(network)
        edits.append(edit)
        networks.append(network)
    return start, edits, networks


def same(one: Network, other: Network) -> bool:
    rows = np.random.default_rng(1).normal(size=(4, one.n_inputs))
    units = [np.array_equal(a.units, b.units) for a, b in zip(one.nodes, other.nodes, strict=True)]
    return all(units) and np.array_equal(one.forward(rows), other.forward(rows))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.sampled_from([10, 200, 10**6]))
def test_any_point_is_the_network_that_was_there(seed: int, kept: int) -> None:
    start, edits, networks = walked(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trajectory, "_KEPT", kept)
        points = Trajectory(start)
        for edit, network in zip(edits, networks[1:], strict=True):
            points.add(edit, network)
        order = np.random.default_rng(seed).permutation(len(networks)).tolist()
        assert all(same(points.network(index), networks[index]) for index in order)
    assert len(points) == len(edits)


def test_there_are_no_other_points() -> None:
    start, _, _ = walked(0)
    for index in (-1, 1):
        with pytest.raises(IndexError):
            Trajectory(start).network(index)


def test_edits_replayed_are_edits_applied() -> None:
    start, edits, networks = walked(3)
    assert any(isinstance(edit, RemoveUnits) for edit in edits)
    assert same(replayed(start, edits), networks[-1])


def test_the_knee_is_where_errors_begin_to_rise_steeply() -> None:
    neurons = list(range(20, 9, -1))
    errors = [1.0, 1.0, 1.01, 1.01, 1.02, 1.02, 1.03, 1.9, 2.5, 3.5, 5.0]
    assert knee(errors, neurons) == 6


@pytest.mark.parametrize("errors", [[1.0], [1.0, 1.0, 1.0], [3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
def test_a_line_has_no_knee(errors: list[float]) -> None:
    assert knee(errors, list(range(len(errors), 0, -1))) is None


def test_the_lowest_error_is_told_where_it_is_below_the_first() -> None:
    assert lowest([2.0, 1.0, 1.0, 3.0]) == 2
    assert lowest([1.0, 1.0, 2.0]) is None
    assert lowest([]) is None
