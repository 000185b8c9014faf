"""skops: scikit-learn's perceptrons, held to scikit-learn's own predictions."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import chain
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from pruner_gui import wording
from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    NotAModel,
    NotExpressible,
    TooLarge,
    UnsupportedOp,
    UnsupportedPart,
    read,
    skops_format,
    write,
)
from pruner_gui.network import (
    Activation,
    Add,
    Arithmetic,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
    RemoveUnits,
)

IRIS = load_iris(return_X_y=True)
DIGITS = load_digits(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
LABELS = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
TARGETS = (DIABETES[0], np.column_stack([DIABETES[1], -DIABETES[1] / 7]))
BINARY = (IRIS[0], np.where(IRIS[1] == 1, "other", "setosa"))


def fitted(estimator: Any, data: tuple[Any, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(*data)


def expected(estimator: Any, rows: FloatArray) -> FloatArray:
    """What the network should put out, by scikit-learn."""
    if not hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict(rows)).reshape(len(rows), -1)
    last = perceptron(estimator)
    probabilities: FloatArray = estimator.predict_proba(rows)
    return probabilities[:, 1:] if last.n_outputs_ == 1 else probabilities


def perceptron(estimator: Any) -> Any:
    return perceptron(estimator[-1]) if isinstance(estimator, Pipeline) else estimator


def classifier(**settings: Any) -> MLPClassifier:
    return MLPClassifier(**{"hidden_layer_sizes": (7, 5), "max_iter": 20, "random_state": 0, **settings})


def regressor(**settings: Any) -> MLPRegressor:
    return MLPRegressor(**{"hidden_layer_sizes": (7, 5), "max_iter": 20, "random_state": 0, **settings})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.skops"


CASES = {
    "classes": (classifier(), IRIS),
    "two named classes": (classifier(activation="tanh"), BINARY),
    "many": (make_pipeline(MinMaxScaler(clip=True), classifier(activation="logistic")), DIGITS),
    "labels": (classifier(activation="identity", solver="sgd"), LABELS),
    "values": (make_pipeline(StandardScaler(), regressor()), DIABETES),
    "several values": (regressor(activation="tanh", solver="lbfgs", max_iter=200), TARGETS),
    "positive values": (regressor(loss="poisson"), (DIABETES[0], DIABETES[1] / 100)),
    "one layer": (classifier(hidden_layer_sizes=[6], early_stopping=True), IRIS),
    "none": (classifier(hidden_layer_sizes=()), IRIS),
    "scale only": (make_pipeline(StandardScaler(with_mean=False), MaxAbsScaler(), classifier()), IRIS),
    "centre only": (make_pipeline(StandardScaler(with_std=False), "passthrough", classifier()), IRIS),
    "robust": (make_pipeline(RobustScaler(), RobustScaler(with_centering=False), classifier()), IRIS),
    "robust centre": (make_pipeline(RobustScaler(with_scaling=False), classifier()), IRIS),
    "nested": (
        Pipeline(
            [
                ("front", make_pipeline(StandardScaler(), make_pipeline(MinMaxScaler((-2, 3))))),
                ("nothing", None),
                ("model", make_pipeline("passthrough", classifier())),
            ]
        ),
        IRIS,
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Any, FloatArray]:
    estimator, data = CASES[request.param]
    return fitted(estimator, data), data[0]


def test_scikit_learn_predicts_the_same_before_and_after(case: tuple[Any, FloatArray], path: Path) -> None:
    estimator, rows = case
    rows = rows[:200]
    skops.io.dump(estimator, path)
    network = read(path)
    np.testing.assert_allclose(network.forward(rows), expected(estimator, rows), rtol=1e-9, atol=1e-12)
    export = write(network, path, rows)
    assert export.max_difference <= 1e-9
    assert export.runtime.startswith("scikit-learn ")
    again = skops.io.load(path, trusted=[])
    np.testing.assert_array_equal(again.predict(rows), estimator.predict(rows))
    np.testing.assert_array_equal(expected(again, rows), expected(estimator, rows))
    same(network, read(path))
    if isinstance(estimator, Pipeline):
        assert [name for name, _ in again.steps] == [name for name, _ in estimator.steps]


def same(one: Network, other: Network) -> None:
    """The nodes are the same, to the bit."""
    assert [(node.name, node.inputs, type(node.op)) for node in one.nodes] == [
        (node.name, node.inputs, type(node.op)) for node in other.nodes
    ]
    for node, again in zip(one.nodes, other.nodes, strict=True):
        assert getattr(node.op, "kind", "") == getattr(again.op, "kind", "")
        assert getattr(node.op, "settings", {}) == getattr(again.op, "settings", {})
        for name, tensor in node.op.tensors().items():
            assert tensor.dtype == again.op.tensors()[name].dtype
            np.testing.assert_array_equal(tensor, again.op.tensors()[name])


def test_a_pruned_network_is_smaller_in_scikit_learn_too(case: tuple[Any, FloatArray], path: Path) -> None:
    estimator, rows = case
    skops.io.dump(estimator, path)
    network = read(path)
    if not network.hidden_layers:
        pytest.skip("nothing to prune")
    network = RemoveUnits(network.hidden_layers[0].name, (0, 3)).apply(network)
    write(network, path, rows)
    again = skops.io.load(path, trusted=[])
    np.testing.assert_allclose(expected(again, rows), network.forward(rows), rtol=1e-9, atol=1e-9)
    last = perceptron(again)
    assert last.hidden_layer_sizes == network.layer_sizes[1:-1]
    assert [weight.shape for weight in last.coefs_] == [dense.weight.shape for _, dense in network.dense]


def test_a_written_estimator_can_be_trained_further(path: Path) -> None:
    skops.io.dump(fitted(classifier(), IRIS), path)
    network = read(path)
    write(RemoveUnits("dense_1", (0, 3)).apply(network), path)
    again = skops.io.load(path, trusted=[])
    again.partial_fit(*IRIS)
    assert again.coefs_[0].shape == (4, 5)


def test_single_precision_stays(path: Path) -> None:
    rows = IRIS[0].astype(np.float32)
    estimator = fitted(classifier(), (rows, IRIS[1]))
    skops.io.dump(estimator, path)
    network = read(path)
    assert network.origin.dtype == "float32"
    np.testing.assert_allclose(network.forward(rows), estimator.predict_proba(rows), rtol=1e-5, atol=1e-6)
    write(network, path, rows)
    assert skops.io.load(path, trusted=[]).coefs_[0].dtype == np.float32


def test_class_labels_travel_along(path: Path) -> None:
    skops.io.dump(fitted(classifier(), BINARY), path)
    assert read(path).origin.extra["classes"] == ("other", "setosa")


def test_another_version_of_scikit_learn(path: Path) -> None:
    estimator = fitted(make_pipeline(MinMaxScaler(), regressor()), DIABETES)
    skops.io.dump(estimator, path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries["schema.json"])
    mlp = schema["content"]["content"]["steps"]["content"][1]["content"][1]["content"]["content"]
    version = mlp.pop("_sklearn_version")
    del mlp["loss"]
    mlp["_sklearn_version"] = {**version, "content": '"0.24.2"'}
    rewrite(path, {**entries, "schema.json": json.dumps(schema).encode()})
    network = read(path)
    np.testing.assert_allclose(network.forward(DIABETES[0])[:, 0], estimator.predict(DIABETES[0]), rtol=1e-9)
    write(network, path)


# -- from other formats


@pytest.mark.parametrize("hidden", ["linear", "sigmoid", "tanh", "relu"])
@pytest.mark.parametrize(("head", "outputs"), [("softmax", 3), ("softmax", 2), ("sigmoid", 1)])
def test_a_new_classifier_has_numbers_as_classes(path: Path, hidden: str, head: str, outputs: int) -> None:
    network = chain(np.random.default_rng(0), [4, 5, 5, outputs], [hidden, hidden], head)
    write(network, path)
    estimator = skops.io.load(path, trusted=[])
    rows = np.random.default_rng(1).normal(size=(50, 4))
    found = network.forward(rows)
    np.testing.assert_allclose(expected(estimator, rows), found, rtol=1e-9)
    winners = (found[:, 0] > 0.5).astype(int) if outputs == 1 else found.argmax(axis=1)
    assert estimator.predict(rows).tolist() == winners.tolist()
    assert estimator.classes_.tolist() == list(range(max(outputs, 2)))


@pytest.mark.parametrize("head", ["linear", "sigmoid", "tanh", "relu", "exponential"])
def test_a_new_regressor(path: Path, head: str) -> None:
    network = chain(np.random.default_rng(0), [4, 5, 3], ["tanh"], head)
    write(network, path)
    estimator = skops.io.load(path, trusted=[])
    rows = np.random.default_rng(1).normal(size=(50, 4))
    assert isinstance(estimator, MLPRegressor)
    np.testing.assert_allclose(estimator.predict(rows), network.forward(rows), rtol=1e-9)
    assert read(path).head == head


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_any_normalisation_in_front_becomes_scalers(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    nodes = [Node("x", Input(3))]
    for i, what in enumerate(data.draw(st.lists(st.sampled_from(["add", "sub", "mul", "div", "clip"])))):
        clip = Activation("clip", {"low": -1.0, "high": 1.5})
        op = clip if what == "clip" else Arithmetic(what, rng.uniform(0.5, 2, 3))
        nodes.append(Node(f"front{i}", op, (nodes[-1].name,)))
    nodes.append(Node("out", Dense(rng.normal(size=(3, 2)), rng.normal(size=2)), (nodes[-1].name,)))
    network = Network(tuple(nodes), ("out",))
    path = tmp_path_factory.mktemp("skops") / "model.skops"
    assert write(network, path).max_difference < 1e-9
    rows = rng.normal(size=(20, 3))
    np.testing.assert_allclose(read(path).forward(rows), network.forward(rows), rtol=1e-12, atol=1e-12)
    same(read(path), reopened(path))


def reopened(path: Path) -> Network:
    write(read(path), path)
    return read(path)


def test_changed_scalers_are_written_as_they_are_now(path: Path) -> None:
    skops.io.dump(fitted(make_pipeline(StandardScaler(), classifier()), IRIS), path)
    network = read(path)
    network = network.with_ops({"standardscaler.div": Arithmetic("div", np.ones(4) * 2)})
    write(network, path)
    np.testing.assert_allclose(read(path).forward(IRIS[0]), network.forward(IRIS[0]), rtol=1e-12)


def dense(n_in: int = 2, n_out: int = 2) -> Dense:
    return Dense(np.ones((n_in, n_out)), np.zeros(n_out))


@pytest.mark.parametrize(
    ("steps", "culprit", "problem"),
    [
        ([("a", dense(), "x"), ("b", dense(), "x"), ("c", Add(), "a", "b")], "b", "chain"),
        ([("a", dense(), "x"), ("c", Add(), "a", "x")], "c", "chain"),
        ([("a", dense(), "x"), ("b", Arithmetic("mul", np.ones(2)), "a")], "b", "operation"),
        ([("a", dense(), "x"), ("b", Activation("elu"), "a"), ("c", dense(), "b")], "b", "operation"),
        ([("a", dense(), "x"), ("b", Activation("softmax"), "a"), ("c", dense(), "b")], "a", "operation"),
        ([("a", Activation("relu"), "x"), ("b", dense(), "a")], "a", "operation"),
        (
            [("a", dense(), "x"), ("b", Activation("tanh"), "a"), ("c", Activation("tanh"), "b")],
            "c",
            "operation",
        ),
        (
            [("a", dense(), "x"), ("b", dense(), "a"), ("c", Activation("tanh"), "b"), ("d", dense(), "c")],
            "b",
            "activations",
        ),
        ([], "x", "chain"),
    ],
)
def test_what_scikit_learn_cannot_say(
    path: Path, steps: list[tuple[Any, ...]], culprit: str, problem: str
) -> None:
    nodes = [Node("x", Input(2)), *(Node(name, op, tuple(inputs)) for name, op, *inputs in steps)]
    with pytest.raises(NotExpressible) as refusal:
        write(Network(tuple(nodes), (nodes[-1].name,)), path)
    assert (refusal.value.format, refusal.value.node, refusal.value.problem) == ("skops", culprit, problem)
    assert not path.exists()


# -- what is refused


@pytest.mark.parametrize(
    ("estimator", "step", "kind"),
    [
        (Pipeline([("reduce", PCA(2)), ("mlp", classifier())]), "reduce", "PCA"),
        (Pipeline([("inner", make_pipeline(PCA(2))), ("mlp", classifier())]), "inner.pca", "PCA"),
        (
            Pipeline([("cols", ColumnTransformer([("s", StandardScaler(), [0])])), ("mlp", classifier())]),
            "cols",
            "ColumnTransformer",
        ),
        (PCA(2), "PCA", "PCA"),
        (make_pipeline(StandardScaler()), "standardscaler", "StandardScaler"),
    ],
)
def test_other_steps_are_named(path: Path, estimator: Any, step: str, kind: str) -> None:
    skops.io.dump(fitted(estimator, IRIS), path)
    with pytest.raises(UnsupportedOp) as refusal:
        read(path)
    assert (refusal.value.node, refusal.value.op, refusal.value.hint) == (step, kind, "step")
    assert step in wording.problem(refusal.value).what


class Unknown:
    """A class that nobody vouches for."""


def test_other_types_are_named_and_not_made(path: Path) -> None:
    estimator = fitted(classifier(), IRIS)
    estimator.extra = Unknown()
    skops.io.dump(estimator, path)
    with pytest.raises(UnsupportedPart) as refusal:
        read(path)
    assert refusal.value.part == "types"
    assert [name.rpartition(".")[2] for name in refusal.value.names] == ["Unknown"]


class Bomb:
    """A pickle that leaves a trace when it is opened."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.skops", "model"])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_pickles_are_never_opened(tmp_path: Path, name: str, protocol: int) -> None:
    trace, path = tmp_path / "trace", tmp_path / name
    path.write_bytes(pickle.dumps(Bomb(trace), protocol))
    with pytest.raises(NotAModel) as refusal:
        read(path)
    assert (refusal.value.format, refusal.value.reason) == ("pickle", "pickle")
    assert not trace.exists()


def test_compressed_pickles_are_told_by_their_name(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(b"x\x9c" + bytes(100))
    with pytest.raises(NotAModel) as refusal:
        read(path)
    assert refusal.value.reason == "pickle"


# -- files not to be trusted


def rewrite(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


@pytest.fixture
def entries(path: Path) -> dict[str, bytes]:
    skops.io.dump(fitted(make_pipeline(StandardScaler(), classifier()), IRIS), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_file_cut_off_anywhere(path: Path, entries: dict[str, bytes]) -> None:
    content = path.read_bytes()
    for size in range(0, len(content), 97):
        path.write_bytes(content[:size])
        with pytest.raises(NotAModel) as refusal:
            read(path)
        assert refusal.value.reason == ("damaged" if size else "empty")


def test_a_schema_with_any_part_replaced(path: Path, entries: dict[str, bytes]) -> None:
    schema = json.loads(entries["schema.json"])
    places = list(places_in(schema))
    rng = np.random.default_rng(0)
    for index in rng.choice(len(places), 250, replace=False):
        holder, key = places[index]
        kept = holder[key]
        others: tuple[Any, ...] = (None, -1, "x", [], {})
        for other in others:
            holder[key] = other
            rewrite(path, {**entries, "schema.json": json.dumps(schema).encode()})
            with contextlib.suppress(PrunerError):
                read(path)
        holder[key] = kept


def places_in(schema: Any) -> Any:
    """Every place in a schema, as holder and key."""
    for key in list(schema) if isinstance(schema, dict) else range(len(schema)):
        yield schema, key
        if isinstance(schema[key], (dict, list)):
            yield from places_in(schema[key])


def edit_mlp(**state: Any) -> Callable[[Any], None]:
    return lambda estimator: vars(estimator).update(state)


@pytest.mark.parametrize(
    "edit",
    [
        edit_mlp(coefs_=[]),
        edit_mlp(coefs_=None),
        edit_mlp(coefs_=[np.ones((4, 7)), np.ones((7, 5))]),
        edit_mlp(coefs_=[np.ones((4, 7)), np.ones((6, 5)), np.ones((5, 3))]),
        edit_mlp(coefs_=[np.ones((4, 7), int), np.ones((7, 5)), np.ones((5, 3))]),
        edit_mlp(intercepts_=[np.ones((7, 1)), np.ones(5), np.ones(3)]),
        edit_mlp(activation="swoosh"),
        edit_mlp(out_activation_=None),
        edit_mlp(n_outputs_=5),
        edit_mlp(_label_binarizer=3),
        lambda estimator: delattr(estimator, "coefs_"),
    ],
)
def test_a_state_that_fitting_does_not_make(path: Path, edit: Callable[[Any], None]) -> None:
    estimator = fitted(classifier(), IRIS)
    edit(estimator)
    skops.io.dump(estimator, path)
    with pytest.raises(NotAModel) as refusal:
        read(path)
    assert refusal.value.reason == "invalid"


def test_an_archive_that_unpacks_to_too_much(
    path: Path, entries: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skops_format, "MAX_BYTES", 10**6)
    rewrite(path, {**entries, "0.npy": bytes(10**7)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert (refusal.value.what, refusal.value.limit) == ("entries", 10**6)


def test_an_array_that_is_asked_for_too_often(
    path: Path, entries: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(map(len, entries.values()))
    monkeypatch.setattr(skops_format, "MAX_BYTES", 3 * size)
    schema = json.loads(entries["schema.json"])
    schema["more"] = [{"file": next(iter(entries))}] * 10_000
    rewrite(path, {**entries, "schema.json": json.dumps(schema).encode()})
    with pytest.raises(TooLarge):
        read(path)


def test_too_many_entries(path: Path, entries: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skops_format, "MAX_ENTRIES", 5)
    rewrite(path, entries)
    with pytest.raises(TooLarge) as refusal:
        read(path)
    assert refusal.value.what == "parts"


def test_a_schema_without_end(path: Path) -> None:
    rewrite(path, {"schema.json": b"[" * 10**6})
    with pytest.raises(NotAModel):
        read(path)


def test_an_array_that_promises_more_than_there_is(path: Path, entries: dict[str, bytes]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    rewrite(path, {name: header.getvalue() if name.endswith(".npy") else entries[name] for name in entries})
    with pytest.raises(NotAModel):
        read(path)
