"""Numbers at their limits, and data that says little: a defined answer, or a refusal that names it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_examples import classifier, dataset

from pruner_gui import cli, formats, wording
from pruner_gui.comparison import summarise
from pruner_gui.comparison.gap import gap
from pruner_gui.data import Dataset, ReadOptions, Scaling, Split, read, split
from pruner_gui.data.errors import TooFewClasses
from pruner_gui.evaluation import (
    METRICS,
    Evaluator,
    IncrementalEvaluator,
    NonFiniteError,
    NonFiniteWeight,
    Objective,
    ReferenceEvaluator,
    Targets,
    prepare,
)
from pruner_gui.network import (
    Activation,
    Arithmetic,
    BatchNorm,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
    Origin,
    RemoveUnits,
)
from pruner_gui.pruning import (
    Accepted,
    BadSetting,
    Finished,
    NothingToRelateTo,
    PruneConfig,
    Tolerance,
    prune,
)

Measuring = Callable[[Objective], Evaluator]
EVALUATORS = (ReferenceEvaluator, IncrementalEvaluator)
MODELS = Path(__file__).parents[1] / "models"


def network(weights: FloatArray, head: str, hidden: int = 2) -> Network:
    """Rows of two inputs through units that pass them on; `weights` `(hidden, n_out)` make the scores."""
    first = np.eye(2)[:, np.arange(hidden) % 2]
    nodes = (
        Node("x", Input(2)),
        Node("a", Dense(first, np.zeros(hidden)), ("x",)),
        Node("a.relu", Activation("relu"), ("a",)),
        Node("y", Dense(weights, np.zeros(weights.shape[1])), ("a.relu",)),
        Node("out", Activation(head), ("y",)),
    )
    return Network(nodes, ("out",))


def objective(head: str, labels: list[int], metrics: tuple[str, ...], inputs: FloatArray) -> Objective:
    return Objective(inputs, Targets(np.eye(2)[labels], np.array(labels), head), metrics)


# -- overflow and logarithms


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("head", ["softmax", "log_softmax"])
@pytest.mark.parametrize("size", [1e3, 1e38, 1e300])
def test_a_softmax_of_huge_scores_does_not_overflow(evaluator: Measuring, head: str, size: float) -> None:
    # Right on both rows, then wrong on one: exp(size) is beyond any float, the error is not.
    made = network(np.array([[size, -size], [-size, size]]) / 4, head)
    for labels, loss, mistakes in (([0, 1], 0.0, 0.0), ([0, 0], size / 4, 0.5)):
        asked = objective(head, labels, ("cross-entropy", "error-rate"), np.eye(2))
        found = evaluator(asked).baseline(made).values
        assert list(found) == pytest.approx([loss, mistakes], rel=1e-6)


def test_the_probability_of_a_class_may_be_zero_and_its_logarithm_is_still_finite() -> None:
    made = network(np.array([[2e3, -2e3], [-2e3, 2e3]]), "softmax")
    outputs = made.forward(np.eye(2))
    assert outputs[0, 1] == 0  # whose logarithm would be infinite
    asked = objective("softmax", [1, 0], ("cross-entropy",), np.eye(2))
    assert IncrementalEvaluator(asked).baseline(made).values[0] == pytest.approx(4e3)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_a_sigmoid_that_is_sure_of_what_is_wrong_has_a_finite_error(evaluator: Measuring) -> None:
    made = network(np.array([[1e4], [-1e4]]), "sigmoid")
    targets = Targets(np.array([[0.0], [1.0]]), np.array([0, 1]), "sigmoid")
    asked = Objective(np.eye(2), targets, ("cross-entropy", "mse"))
    assert made.forward(np.eye(2)).tolist() == [[1], [0]]
    assert list(evaluator(asked).baseline(made).values) == pytest.approx([1e4, 1])


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("metric", ["mse", "cross-entropy"])
def test_scores_that_leave_the_range_of_numbers_are_refused_by_name(
    evaluator: Measuring, metric: str
) -> None:
    made = network(np.full((2, 2), 1e308), "softmax" if metric == "cross-entropy" else "relu")
    head = made.head if metric == "cross-entropy" else "linear"
    asked = objective(head, [0, 1], (metric,), np.full((2, 2), 1e10))
    with pytest.raises(NonFiniteError) as refusal:
        evaluator(asked).baseline(made)
    assert refusal.value.metric == metric
    assert "not a finite number" in str(wording.problem(refusal.value))


# -- columns


@pytest.mark.parametrize("kind", ["standard", "minmax"])
def test_a_column_that_does_not_vary_is_only_shifted(kind: str) -> None:
    rows = np.array([[0.1, 1], [0.1, 2], [0.1, 3]])
    scaled = Scaling.fit(kind, rows).apply(rows)
    assert scaled[:, 0].tolist() == [0, 0, 0]
    assert np.isfinite(scaled).all()


def test_a_column_that_does_not_vary_is_told(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b,y\n7,1,1\n7,2,2\n7,3,3\n")
    found = read([tmp_path / "rows.csv"], 2, 1, ReadOptions(scale="standard"))
    assert [(note.code, note.names) for note in found.notes] == [("constant", ("a",))]


def test_standard_scaling_does_not_overflow() -> None:
    rows = np.array([[1e300], [2e300], [3e300]])
    scaled = Scaling.fit("standard", rows).apply(rows)
    np.testing.assert_allclose(scaled[:, 0], [-math.sqrt(1.5), 0, math.sqrt(1.5)])


@pytest.mark.parametrize("strategy", ["selective", "free", "connections"])
@pytest.mark.parametrize("compensation", ["none", "mean", "refit"])
def test_data_that_does_not_vary_can_be_pruned_on(strategy: str, compensation: str) -> None:
    made, examples = classifier()
    still = replace(examples.pruning, inputs=np.ones_like(examples.pruning.inputs))
    fixed = prepare(made, Split(still, None))
    config = PruneConfig(strategy=strategy, compensation=compensation)
    final = finished(made, config, IncrementalEvaluator(fixed.objective(("mse",)), _folds(config)))
    assert np.isfinite(final.network.forward(still.inputs)).all()


def _folds(config: PruneConfig) -> str:
    return "none" if config.strategy == "free" else config.compensation


def finished(made: Network, config: PruneConfig, evaluator: Evaluator) -> Finished:
    return next(event for event in prune(made, config, evaluator) if isinstance(event, Finished))


# -- few rows, few classes


def rows(inputs: FloatArray, labels: list[int], n_classes: int) -> Dataset:
    made = dataset(inputs, np.eye(n_classes)[labels])
    return replace(made, labels=np.array(labels), classes=tuple(map(str, range(n_classes))))


@pytest.mark.parametrize("metric", METRICS)
def test_one_row_can_be_measured_and_pruned_on(metric: str) -> None:
    made, _ = classifier()
    one = rows(np.ones((1, made.n_inputs)), [0], made.n_outputs)
    divided = split(one, None, 0)
    assert (len(divided.pruning), divided.holdout) == (1, None)  # the only row decides
    examples = prepare(made, divided)
    config = PruneConfig(tolerances=(Tolerance(0.1, relative=False),))
    final = finished(made, config, IncrementalEvaluator(examples.objective((metric,))))
    assert np.isfinite(summarise(final.network, examples, (metric,)).errors[metric].pruning)
    assert all(layer.units.size for layer in final.network.hidden_layers)


@pytest.mark.parametrize("compensation", ["mean", "refit"])
def test_compensation_from_one_row_is_finite(compensation: str) -> None:
    made, _ = classifier()
    one = rows(np.ones((1, made.n_inputs)), [0], made.n_outputs)
    asked = prepare(made, split(one, None, 0)).objective(("mse",))
    config = PruneConfig(compensation=compensation)
    final = finished(made, config, IncrementalEvaluator(asked, compensation))
    assert final.network.non_finite() is None


def test_of_one_row_nothing_is_said_about_over_fitting() -> None:
    one, many = np.array([1.0]), np.array([1.0, 2.0, 3.0])
    found = gap("mse", (many, many + 1), (one, one + 5))
    assert found is not None
    assert found.verdict == "unknown"
    words = wording.gap(found)
    assert "single row" in words
    assert "inf" not in words
    assert "nan" not in words


def test_rows_of_one_class_can_be_measured_and_pruned_on() -> None:
    made, _ = classifier()
    inputs = np.random.default_rng(0).normal(size=(20, made.n_inputs))
    examples = prepare(made, split(rows(inputs, [1] * 20, made.n_outputs), None, 0))
    found = summarise(made, examples, examples.choice.metrics)
    assert all(np.isfinite(error.pruning) for error in found.errors.values())
    asked = examples.objective(("error-rate",))
    final = finished(
        made, PruneConfig(tolerances=(Tolerance(0, relative=False),)), IncrementalEvaluator(asked)
    )
    before, after = (IncrementalEvaluator(asked).baseline(each).values for each in (made, final.network))
    assert after <= before


def test_labels_of_one_class_as_words_are_refused_until_all_classes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,y\n1,2,cat\n2,3,cat\n")
    with pytest.raises(TooFewClasses) as refusal:
        read([path], 2, 2)
    assert refusal.value.found == ("cat",)
    found = read([path], 2, 2, ReadOptions(classes="cat,dog"))
    assert found.targets is not None
    assert found.targets.tolist() == [[1, 0], [1, 0]]


# -- tolerances


def test_at_tolerance_0_only_what_costs_nothing_goes() -> None:
    made = network(np.array([[1.0, 0], [0, 1.0], [0, 0]]), "softmax", hidden=3)
    asked = objective("softmax", [0, 1], ("cross-entropy",), np.eye(2))
    config = PruneConfig(tolerances=(Tolerance(0, relative=True),))
    events = list(prune(made, config, IncrementalEvaluator(asked)))
    assert [event.edit for event in events if isinstance(event, Accepted)] == [RemoveUnits("a", (2,))]


@pytest.mark.parametrize("tolerance", [Tolerance(1e308, relative=True), Tolerance(1e308, relative=False)])
@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_at_a_huge_tolerance_each_layer_keeps_one_neuron(evaluator: Measuring, tolerance: Tolerance) -> None:
    made, examples = classifier()
    asked = examples.objective(("cross-entropy",))
    final = finished(made, PruneConfig(tolerances=(tolerance,)), evaluator(asked))
    assert [layer.units.size for layer in final.network.hidden_layers] == [1] * len(made.hidden_layers)
    assert np.isfinite(evaluator(asked).baseline(final.network).values).all()


@pytest.mark.parametrize("text", ["inf", "nan", "1e999%", "-1", "-0.1%", "much"])
def test_a_tolerance_that_is_no_number_from_0_is_refused(text: str) -> None:
    with pytest.raises(BadSetting):
        Tolerance.parse(text)


def test_a_percentage_of_an_error_of_zero_is_refused_and_0_percent_is_not() -> None:
    made = network(np.array([[2e3, -2e3], [-2e3, 2e3]]), "softmax")
    asked = objective("softmax", [0, 1], ("error-rate",), np.eye(2))
    with pytest.raises(NothingToRelateTo):
        list(prune(made, PruneConfig(tolerances=(Tolerance(5, relative=True),)), IncrementalEvaluator(asked)))
    final = finished(
        made, PruneConfig(tolerances=(Tolerance(0, relative=True),)), IncrementalEvaluator(asked)
    )
    assert IncrementalEvaluator(asked).baseline(final.network).values == (0,)


def strictly(text: str) -> Any:
    """JSON as it is defined, which has no NaN and no infinity."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("tolerance", ["0", "1e300%", "1e300"])
def test_the_command_line_reports_extremes_in_words_and_valid_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tolerance: str
) -> None:
    arguments = ["prune", str(MODELS / "iris.onnx"), "--data", str(MODELS / "iris.csv"), "--no-latency"]
    arguments += ["--tolerance", tolerance, "-o", str(tmp_path / "out.onnx")]
    arguments += ["--report", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    assert cli.main(arguments) == 0
    told = capsys.readouterr().out
    assert strictly((tmp_path / "r.json").read_text())
    assert " nan" not in told
    assert " inf" not in told


@pytest.mark.parametrize(("count", "share"), [(1, None), (2, "0.5"), (3, None)])
def test_the_command_line_prunes_on_a_row_or_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, share: str | None
) -> None:
    lines = (MODELS / "iris.csv").read_text().splitlines(keepends=True)
    (tmp_path / "few.csv").write_text("".join([lines[0], *lines[1::60][:count]]))
    arguments = ["prune", str(MODELS / "iris.onnx"), "--data", str(tmp_path / "few.csv"), "--no-latency"]
    arguments += ["--classes", "setosa,versicolor,virginica", "-o", str(tmp_path / "out.onnx")]
    arguments += ["--tolerance", "0.1", "--report", str(tmp_path / "r.json")]
    assert cli.main(arguments + (["--holdout", share] if share else [])) == 0
    told = capsys.readouterr().out
    assert strictly((tmp_path / "r.json").read_text())
    assert " nan" not in told
    assert " inf" not in told


# -- weights that are no numbers


def with_bad_weights(extra: tuple[Node, ...] = ()) -> Network:
    weight = np.array([[1.0, np.nan, 2], [np.inf, 3, -np.inf]], np.float32)
    nodes = (
        Node("x", Input(2)),
        Node("a", Dense(weight, np.array([0, np.nan, 1], np.float32)), ("x",)),
        Node("a.relu", Activation("relu"), ("a",)),
        Node("b", Dense(np.ones((3, 2), np.float32), np.zeros(2, np.float32)), ("a.relu",)),
    )
    return Network(nodes, ("b",), Origin())


def test_weights_that_are_no_numbers_are_counted_and_the_first_is_named() -> None:
    bad = NonFiniteWeight.of(with_bad_weights())
    assert bad is not None
    assert (bad.node, bad.tensor, bad.index, bad.count) == ("a", "weight", (0, 1), 4)
    assert math.isnan(bad.value)
    words = str(wording.problem(bad))
    assert "4. The first is nan, in weight of a at row, column 0, 1" in words
    assert NonFiniteWeight.of(with_bad_weights().with_finite_weights()) is None


def test_a_bias_that_is_no_number_is_named_by_its_position() -> None:
    nodes = (Node("x", Input(1)), Node("y", Dense(np.ones((1, 2)), np.array([0, np.inf])), ("x",)))
    bad = NonFiniteWeight.of(Network(nodes, ("y",)))
    assert bad is not None
    assert "The first is inf, in bias of y at position 1" in str(wording.problem(bad))


def test_zero_takes_the_place_of_what_is_no_number_and_of_nothing_else() -> None:
    mended = with_bad_weights().with_finite_weights()
    dense = mended.by_name["a"].op
    assert isinstance(dense, Dense)
    assert dense.weight.tolist() == [[1, 0, 2], [0, 3, 0]]
    assert dense.bias.tolist() == [0, 0, 1]
    assert dense.weight.dtype == np.float32


def test_constants_and_normalisations_are_mended_too() -> None:
    ones = np.ones(2)
    nodes = (
        Node("x", Input(2)),
        Node("shift", Arithmetic("sub", np.array([np.nan, 1])), ("x",)),
        Node("norm", BatchNorm(ones, np.array([np.inf, 2]), ones, ones, 1e-3), ("shift",)),
        Node("y", Dense(np.ones((2, 1)), np.zeros(1)), ("norm",)),
    )
    made = Network(nodes, ("y",))
    assert made.non_finite_count == 2
    mended = made.with_finite_weights()
    assert mended.non_finite_count == 0
    assert mended.by_name["shift"].op.tensors()["operand"].tolist() == [0, 1]
    assert mended.by_name["norm"].op.tensors()["shift"].tolist() == [0, 2]


@pytest.mark.parametrize("verb", ["prune", "evaluate"])
def test_the_command_line_refuses_them_unless_zero_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    formats.write(with_bad_weights(), tmp_path / "bad.onnx")
    (tmp_path / "rows.csv").write_text("a,b,y,z\n1,2,3,4\n2,3,4,5\n3,4,5,6\n")
    arguments = [verb, str(tmp_path / "bad.onnx"), "--data", str(tmp_path / "rows.csv")]
    if verb == "prune":
        arguments += ["-o", str(tmp_path / "out.onnx"), "--no-latency"]
    assert cli.main(arguments) == 1
    assert "The first is nan, in weight of " in capsys.readouterr().err
    assert cli.main([*arguments, "--non-finite", "zero"]) == 0
    told = capsys.readouterr()
    assert "Set to zero, since they are not finite numbers: 4 weights." in told.err
    assert "nan" not in told.out
    if verb == "prune":
        assert formats.read(tmp_path / "out.onnx").non_finite() is None


def test_info_names_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formats.write(with_bad_weights(), tmp_path / "bad.onnx")
    assert cli.main(["info", str(tmp_path / "bad.onnx")]) == 0
    assert "Weights that are not finite numbers: 4." in capsys.readouterr().out
    assert cli.main(["info", str(tmp_path / "bad.onnx"), "--json"]) == 0
    assert strictly(capsys.readouterr().out)["non_finite"] == 4
