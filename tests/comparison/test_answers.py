import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import chain
from small_examples import classifier, dataset

from pruner_gui import wording
from pruner_gui.comparison import (
    Classes,
    Gap,
    Values,
    answers,
    peak_activations,
    summarise,
    weight_bytes,
)
from pruner_gui.comparison.gap import gap
from pruner_gui.data import split
from pruner_gui.evaluation import Examples, prepare
from pruner_gui.network import Add, Dense, Input, Network, Node


def smaller(network: Network, units: int = 4) -> Network:
    return network.without({network.hidden_layers[0].name: range(units)})


def regression(rows: int = 60) -> tuple[Network, Examples]:
    rng = np.random.default_rng(3)
    network = chain(rng, [3, 6, 2], ["tanh"], "linear")
    inputs = rng.normal(size=(rows, 3))
    targets = network.forward(inputs) + rng.normal(size=(rows, 2))
    return network, prepare(network, split(dataset(inputs, targets), 0.3, seed=1))


def test_confusion_matrices_count_every_row_and_agree_with_the_error_rate() -> None:
    network, examples = classifier()
    after = smaller(network)
    found = answers(network, after, examples, "cross-entropy")
    for name, rows in found.sets.items():
        assert isinstance(rows, Classes)
        for each, predicted in ((network, rows.before), (after, rows.after)):
            cells = rows.confusion(predicted)
            assert cells is not None
            figures = summarise(each, examples, ("cross-entropy",)).errors["error-rate"]
            rate = figures.pruning if name == "pruning" else figures.holdout
            assert 1 - np.trace(cells) / cells.sum() == pytest.approx(rate)
            assert cells.sum(axis=1).tolist() == np.bincount(rows.truth, minlength=3).tolist()  # type: ignore[arg-type]


def test_changed_rows_are_those_where_the_networks_say_other_classes() -> None:
    network, examples = classifier()
    after = smaller(network)
    rows = answers(network, after, examples, "cross-entropy").pruning
    inputs = examples.pruning.inputs
    old, new = (each.forward(inputs).argmax(axis=1) for each in (network, after))
    assert [each.row for each in rows.changes()] == examples.pruning.numbers[old != new].tolist()
    first = next(rows.changes(1))
    place = examples.pruning.numbers.tolist().index(first.row)
    assert (first.before, first.after) == (str(old[place]), str(new[place]))
    assert len(list(rows.changes(2))) == 2


def test_of_values_the_largest_change_comes_first() -> None:
    network, examples = regression()
    after = smaller(network, 3)
    rows = answers(network, after, examples, "mse").pruning
    assert isinstance(rows, Values)
    sizes = np.abs(rows.after - rows.before).max(axis=1)
    assert next(rows.changes()).row == examples.pruning.numbers[sizes.argmax()]
    assert (np.diff(sizes[rows.changed]) <= 0).all()
    np.testing.assert_allclose(rows.before, network.forward(examples.pruning.inputs))


def test_the_same_network_changes_nothing() -> None:
    for network, examples in (classifier(), regression()):
        found = answers(network, network, examples, examples.choice.metrics[0])
        assert all(not len(rows.changed) for rows in found.sets.values())
        assert found.gap is not None
        assert found.gap.verdict == "same"


def test_without_targets_a_classifier_has_changes_but_no_truth() -> None:
    network, examples = classifier()
    bare = prepare(network, split(dataset(examples.pruning.inputs, None), 0.3, seed=1))
    rows = answers(network, smaller(network), bare, "cross-entropy").pruning
    assert isinstance(rows, Classes)
    assert rows.confusion(rows.after) is None
    assert next(rows.changes()).truth is None


def test_without_held_out_rows_there_is_no_gap() -> None:
    network, examples = classifier()
    alone = prepare(network, split(examples.pruning, 0.0, seed=1))
    found = answers(network, smaller(network), alone, "cross-entropy")
    assert found.gap is None
    assert list(found.sets) == ["pruning"]


# -- the gap


def test_the_gap_is_the_difference_of_the_errors() -> None:
    network, examples = classifier()
    after = smaller(network)
    found = answers(network, after, examples, "cross-entropy").gap
    assert found is not None
    for each, told in ((network, found.before), (after, found.after)):
        errors = summarise(each, examples, ("cross-entropy",)).errors["cross-entropy"]
        assert errors.holdout is not None
        assert told == pytest.approx(errors.holdout - errors.pruning)


def losses(mean: float, spread: float, rows: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return mean + spread * np.resize([-1.0, 1.0], rows)


@pytest.mark.parametrize(
    ("pruning_after", "holdout_after", "verdict"),
    [(1.0, 2.5, "larger"), (1.5, 1.6, "smaller"), (1.0, 2.01, "same")],
)
def test_the_verdict_weighs_the_change_against_its_noise(
    pruning_after: float, holdout_after: float, verdict: str
) -> None:
    before = losses(1.0, 0.0, 100), losses(2.0, 0.0, 100)
    after = losses(pruning_after, 0.1, 100), losses(holdout_after, 0.1, 100)
    found = gap("mse", (before[0], after[0]), (before[1], after[1]))
    assert found is not None
    assert found.noise == pytest.approx(0.1 * math.sqrt(2 / 99))
    assert found.verdict == verdict
    sentence = wording.gap(found)
    words = {"larger": "increased", "smaller": "reduced", "same": "the same within noise"}
    assert words[verdict] in sentence
    assert "mean squared error" in sentence


def test_rows_that_are_hard_before_and_after_make_no_noise() -> None:
    hard = np.random.default_rng(0).exponential(10, 50)
    found = gap("mse", (hard, hard), (hard, hard + 0.1))
    assert found is not None
    assert found.noise == pytest.approx(0, abs=1e-12)
    assert found.verdict == "larger"


def test_one_held_out_row_proves_nothing() -> None:
    many, one = np.ones(50), np.ones(1)
    found = gap("mse", (many, many), (one, one + 100))
    assert found is not None
    assert found.verdict == "unknown"


def test_of_a_root_the_squares_are_compared() -> None:
    rows = np.ones(5)
    found = gap("rmse", (rows, rows), (rows, rows))
    assert found is not None
    assert found.metric == "mse"


@given(st.lists(st.floats(0, 100), min_size=4, max_size=4), st.floats(0, 10))
def test_the_verdict_has_the_sign_of_the_change(means: list[float], noise: float) -> None:
    found = Gap("mse", means[0], means[1], means[2], means[3], noise)
    if found.verdict != "same":
        assert (found.verdict == "larger") == (found.change > 0)
        assert abs(found.change) > 1.9 * noise


# -- memory


def test_memory_of_a_chain() -> None:
    network = chain(np.random.default_rng(0), [3, 7, 5, 2], ["relu", "relu"], "softmax", np.float32)
    assert weight_bytes(network) == 4 * network.parameters
    assert peak_activations(network) == 4 * (7 + 5)  # both sides of the middle layer


def test_what_a_later_node_reads_stays_alive() -> None:
    rng = np.random.default_rng(0)

    def layer(size: int, source: int) -> Dense:
        return Dense(rng.normal(size=(source, size)), np.zeros(size))

    nodes = (
        Node("x", Input(3)),
        Node("a", layer(4, 3), ("x",)),
        Node("b", layer(9, 4), ("a",)),
        Node("c", layer(4, 9), ("b",)),
        Node("sum", Add(), ("a", "c")),
        Node("y", layer(1, 4), ("sum",)),
    )
    assert peak_activations(Network(nodes, ("y",))) == 8 * (4 + 9 + 4)
