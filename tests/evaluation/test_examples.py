import numpy as np
import pytest
from random_networks import chain
from small_examples import classifier, dataset

from pruner_gui.data import Split
from pruner_gui.evaluation import IncrementalEvaluator, WrongWidth, prepare


def test_rows_without_targets_are_held_to_the_networks_own_outputs() -> None:
    network = chain(np.random.default_rng(0), [3, 5, 2], ["tanh"], "linear")
    rows = np.random.default_rng(1).normal(size=(20, 3))
    examples = prepare(network, Split(dataset(rows, None), dataset(rows[:5], None)))
    assert examples.fidelity
    assert not examples.classification
    assert IncrementalEvaluator(examples.objective(("mse",))).baseline(network).values == (0,)
    held = examples.holdout_objective(("mse",))
    assert held is not None
    assert IncrementalEvaluator(held).baseline(network).values == (0,)


def test_without_held_out_rows_there_is_nothing_to_report() -> None:
    network, examples = classifier()
    assert examples.holdout_objective(("mse",)) is not None
    assert prepare(network, Split(examples.pruning, None)).holdout_objective(("mse",)) is None


def test_rows_that_do_not_fit_name_both_shapes() -> None:
    network, _ = classifier()
    with pytest.raises(WrongWidth) as refusal:
        prepare(network, Split(dataset(np.ones((2, 5)), None), None))
    assert (refusal.value.features, refusal.value.inputs, refusal.value.outputs) == (5, 4, 3)


def test_two_values_of_one_output_are_cut_half_way() -> None:
    network = chain(np.random.default_rng(0), [1, 2, 1], ["tanh"], "tanh")
    rows = np.array([[-1.0], [1.0]])
    labels = np.array([0, 1])
    examples = prepare(network, Split(dataset(rows, np.array([[-1.0], [1.0]]), labels), None))
    assert examples.objective(("error-rate",)).targets.threshold == 0
