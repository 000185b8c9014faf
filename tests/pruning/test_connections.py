from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import chain, problems

from pruner_gui.evaluation import Objective, Score, Targets
from pruner_gui.network import Dense, FloatArray, Network
from pruner_gui.pruning import RANKINGS
from pruner_gui.pruning.connections import Prefix, largest_prefix, ranking

Problem = tuple[Network, FloatArray, Targets]


def weights(network: Network) -> dict[str, FloatArray]:
    return {node.name: dense.weight for node, dense in network.dense}


@given(problems(), st.sampled_from(RANKINGS), st.floats(0, 1))
def test_the_weakest_go_and_nothing_else_changes(problem: Problem, kind: str, share: float) -> None:
    network, inputs, targets = problem
    found = ranking(network, kind, Objective(inputs, targets, ("mse",)))
    assert len(found) == network.connections
    assert (np.diff(found.strength) >= 0).all()
    count = int(share * len(found))
    edit = found.weakest(count)
    after = edit.apply(network)
    assert edit.count == count
    assert after.connections == network.connections - count
    assert after.layer_sizes == network.layer_sizes
    for name, weight in weights(after).items():
        before = weights(network)[name]
        assert ((weight == before) | (weight == 0)).all()
        assert weight.dtype == before.dtype


def test_magnitude_ranks_by_magnitude_over_all_layers() -> None:
    network = chain(np.random.default_rng(0), [3, 4, 2], ["relu"], "linear")
    found = ranking(network, "magnitude", None)
    left = found.weakest(len(found) // 2).apply(network)
    stays = np.concatenate([weight.ravel() != 0 for weight in weights(left).values()])
    every = np.concatenate([weight.ravel() for weight in weights(network).values()])
    gone, stay = every[~stays], every[stays]
    assert np.abs(gone).max() <= np.abs(stay).min()


def test_an_input_that_is_always_zero_makes_its_connections_the_weakest() -> None:
    network = chain(np.random.default_rng(0), [3, 4, 2], ["tanh"], "linear")
    inputs = np.random.default_rng(1).normal(size=(30, 3))
    inputs[:, 1] = 0
    objective = Objective(inputs, Targets(np.ones((30, 2)), None, "linear"), ("mse",))
    for kind in ("contribution", "saliency"):
        found = ranking(network, kind, objective)
        silent = (found.layer == 0) & (found.place // 4 == 1)
        assert silent.any()
        assert (found.strength[silent] == 0).all()


def test_one_layer_of_a_ranking_keeps_its_order() -> None:
    network = chain(np.random.default_rng(0), [3, 4, 2], ["relu"], "linear")
    whole, part = ranking(network, "magnitude", None), ranking(network, "magnitude", None, ["dense1"])
    assert whole.of_layer("dense1").place.tolist() == part.place.tolist()
    assert part.below(float("inf")) == len(part)
    op = network.by_name["dense1"].op
    assert isinstance(op, Dense)
    assert part.below(0.3) == np.count_nonzero((np.abs(op.weight) < 0.3) & (op.weight != 0))


# -- the search


def found(length: int, holds: Callable[[int], bool]) -> tuple[Prefix | None, list[Prefix]]:
    search = largest_prefix(
        length, lambda count: Score((float(count),)), lambda score: holds(int(score.values[0]))
    )
    tried = []
    while True:
        try:
            tried.append(next(search))
        except StopIteration as done:
            return done.value, tried


@given(st.integers(0, 500), st.integers(0, 500))
def test_where_errors_only_rise_the_largest_is_found(length: int, most: int) -> None:
    best, tried = found(length, lambda count: count <= most)
    expected = min(length, most)
    assert (best.count if best else 0) == expected
    assert len(tried) <= 20 + 9


def test_a_later_dip_of_the_error_is_found() -> None:
    best, _ = found(1000, lambda count: count < 100 or 500 <= count <= 700)
    assert best is not None
    assert best.count == 700


@pytest.mark.parametrize("length", [0, 1, 7])
def test_nothing_may_go(length: int) -> None:
    assert found(length, lambda count: False)[0] is None
