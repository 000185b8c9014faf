"""scikit-learn's exports: scalers in front, labels and maps of labels behind; held to onnxruntime."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pruner_gui.formats import UnsupportedOp, UnsupportedPart, UnsupportedTensor, UnsupportedUse, read, write
from pruner_gui.network import Activation, FloatArray, Network

Opened = Callable[[onnx.ModelProto], Network]
node = helper.make_node
ML = {"domain": "ai.onnx.ml"}


def values(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def exported(
    nodes: list[onnx.NodeProto], constants: dict[str, Any], outputs: list[onnx.ValueInfoProto]
) -> onnx.ModelProto:
    """A model of four features, "X", in the dress of skl2onnx."""
    graph = helper.make_graph(
        nodes,
        "ONNX(MLPClassifier)",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 4])],
        outputs,
        [numpy_helper.from_array(np.asarray(one), name) for name, one in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="skl2onnx")


def layers(source: str, *sizes: int, activation: str = "Relu") -> tuple[list[onnx.NodeProto], dict[str, Any]]:
    """A perceptron as skl2onnx lays it out, up to "add_result" with the last layer's number."""
    nodes, source = [node("Cast", [source], ["cast_input"], to=1)], "cast_input"
    constants: dict[str, Any] = {}
    last = len(sizes) - 2
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        mark = str(i) if i else ""
        constants |= {f"coefficient{mark}": values(n_in, n_out), f"intercepts{mark}": values(1, n_out)}
        nodes.append(node("MatMul", [source, f"coefficient{mark}"], [f"mul_result{mark}"]))
        result = "scores" if i == last else f"add_result{mark}"
        nodes.append(node("Add", [f"mul_result{mark}", f"intercepts{mark}"], [result]))
        if i < last:
            nodes.append(node(activation, [result], [f"next_activations{mark}"]))
            source = f"next_activations{mark}"
    return nodes, constants


def labels(source: str, text: bool) -> tuple[list[onnx.NodeProto], dict[str, Any]]:
    """What turns scores into the label of the largest."""
    nodes = [
        node("ArgMax", [source], ["argmax_output"], axis=1),
        node("ArrayFeatureExtractor", ["classes", "argmax_output"], ["array_feature_extractor_result"], **ML),
        node("Reshape", ["array_feature_extractor_result", "shape_tensor"], ["reshaped_result"]),
    ]
    if text:
        nodes.append(node("Identity", ["reshaped_result"], ["output_label"]))
        classes: Any = np.array(["setosa", "versicolor", "virginica"], object)
    else:
        nodes.append(node("Cast", ["reshaped_result"], ["label"], to=TensorProto.INT64))
        nodes.append(node("Cast", ["label"], ["output_label"], to=TensorProto.INT64))
        classes = np.array([3, 5, 8], np.int32)
    return nodes, {"classes": classes, "shape_tensor": np.array([-1])}


def zipped(source: str, text: bool) -> tuple[onnx.NodeProto, onnx.ValueInfoProto]:
    """A map of labels to probabilities for every row, and what the file says of it."""
    names: Any = (
        {"classlabels_strings": ["setosa", "versicolor", "virginica"]}
        if text
        else {"classlabels_int64s": [3, 5, 8]}
    )
    key = TensorProto.STRING if text else TensorProto.INT64
    number = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(key, number))
    return node("ZipMap", [source], ["output_probability"], **names, **ML), helper.make_value_info(
        "output_probability", kind
    )


def label_info(text: bool) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(
        "output_label", TensorProto.STRING if text else TensorProto.INT64, [None]
    )


def kinds(network: Network) -> list[str]:
    return [op.kind if isinstance(op := one.op, Activation) else type(op).__name__ for one in network.nodes]


def run(model: onnx.ModelProto, rows: FloatArray) -> Any:
    """What onnxruntime says the last output is; maps as an array."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    found = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"X": rows})[-1]
    return np.array([list(row.values()) for row in found]) if isinstance(found, list) else found


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("zip_map", [False, True])
def test_a_classifier_ends_at_its_probabilities(
    tmp_path: Path, opened: Opened, text: bool, zip_map: bool
) -> None:
    nodes, constants = layers("X", 4, 6, 3)
    behind, more = labels("probabilities", text)
    nodes += [node("Softmax", ["scores"], ["probabilities"]), *behind]
    shown = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 3])
    if zip_map:
        zip_node, shown = zipped("probabilities", text)
        nodes.append(zip_node)
    model = exported(nodes, constants | more, [label_info(text), shown])
    network = opened(model)
    assert kinds(network) == ["Input", "Dense", "relu", "Dense", "softmax"]
    rows = values(20, 4)
    np.testing.assert_allclose(network.forward(rows), run(model, rows), rtol=1e-5, atol=1e-6)
    assert network.origin.output_name == "probabilities"
    assert network.origin.extra["labels"] == (("setosa", "versicolor", "virginica") if text else (3, 5, 8))
    dropped = set(network.origin.extra["dropped"])
    assert dropped == {one.op_type for one in behind} | ({"ZipMap"} if zip_map else set())
    write(network, tmp_path / "out.onnx", rows)
    again = onnx.load(tmp_path / "out.onnx")
    assert [one.name for one in again.graph.output] == ["probabilities"]
    assert {one.name for one in again.graph.initializer} == constants.keys()
    assert kinds(read(tmp_path / "out.onnx")) == kinds(network)


def test_two_classes_are_one_score_and_what_it_leaves(opened: Opened) -> None:
    nodes, constants = layers("X", 4, 6, 1, activation="Sigmoid")
    behind, more = labels("probabilities", False)
    nodes += [
        node("Sigmoid", ["scores"], ["out_activations_result"]),
        node("Sub", ["unity", "out_activations_result"], ["negative_class_proba"]),
        node("Concat", ["negative_class_proba", "out_activations_result"], ["probabilities"], axis=1),
        *behind,
    ]
    shown = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
    constants |= more | {"unity": np.float32(1), "classes": np.array([0, 1], np.int32)}
    model = exported(nodes, constants, [label_info(False), shown])
    network = opened(model)
    rows = values(20, 4)
    np.testing.assert_allclose(network.forward(rows), run(model, rows), rtol=1e-5, atol=1e-6)
    assert network.n_outputs == 2


def test_several_labels_at_once_are_cut_from_the_scores(opened: Opened) -> None:
    nodes, constants = layers("X", 4, 6, 3)
    zip_node, shown = zipped("out_activations_result", False)
    nodes += [
        node("Sigmoid", ["scores"], ["out_activations_result"]),
        node("Binarizer", ["out_activations_result"], ["binariser_output"], threshold=0.5, **ML),
        node("Cast", ["binariser_output"], ["output_label"], to=TensorProto.INT64),
        zip_node,
    ]
    network = opened(exported(nodes, constants, [label_info(False), shown]))
    assert kinds(network) == ["Input", "Dense", "relu", "Dense", "sigmoid"]


def test_a_label_alone_shows_the_scores_it_is_made_of(opened: Opened) -> None:
    nodes, constants = layers("X", 4, 6, 3)
    behind, more = labels("scores", True)
    network = opened(exported([*nodes, *behind], constants | more, [label_info(True)]))
    assert kinds(network) == ["Input", "Dense", "relu", "Dense"]
    assert network.origin.output_name == "scores"


@pytest.mark.parametrize(
    ("offset", "scale"), [([1.0, 2, 3, 4], [0.5, 1, 2, 4]), ([0.5], [2.0]), ([], [0.1, 0.2, 0.3, 0.4])]
)
def test_a_scaler_in_front_of_a_regressor(
    tmp_path: Path, opened: Opened, offset: list[float], scale: list[float]
) -> None:
    nodes, constants = layers("variable", 4, 6, 2, activation="Tanh")
    settings: dict[str, Any] = {name: one for name, one in (("offset", offset), ("scale", scale)) if one}
    nodes.insert(0, node("Scaler", ["X"], ["variable"], **settings, **ML))
    nodes.append(node("Reshape", ["scores", "shape_tensor"], ["y"]))
    shown = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])
    model = exported(nodes, constants | {"shape_tensor": np.array([-1, 2])}, [shown])
    network = opened(model)
    assert kinds(network) == ["Input", "Arithmetic", "Arithmetic", "Dense", "tanh", "Dense"]
    assert network.origin.extra["dropped"] == ()
    rows = values(20, 4)
    if offset:  # onnxruntime wants both
        np.testing.assert_allclose(network.forward(rows), run(model, rows), rtol=1e-5, atol=1e-5)
    write(network, tmp_path / "out.onnx", rows)
    assert kinds(read(tmp_path / "out.onnx")) == kinds(network)


@pytest.mark.parametrize(
    ("operator", "hint"),
    [("Normalizer", "normalization"), ("Imputer", "domain"), ("LinearClassifier", "domain")],
)
def test_other_operators_of_scikit_learn_are_refused_by_name(
    opened: Opened, operator: str, hint: str
) -> None:
    nodes, constants = layers("variable", 4, 6, 2)
    nodes.insert(0, node(operator, ["X"], ["variable"], name="first", **ML))
    shown = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2])
    with pytest.raises(UnsupportedOp) as refusal:
        opened(exported(nodes, constants, [shown]))
    assert (refusal.value.node, refusal.value.op, refusal.value.hint) == (
        "first",
        f"ai.onnx.ml.{operator}",
        hint,
    )


def test_labels_that_go_on_into_the_network_are_refused(opened: Opened) -> None:
    nodes, constants = layers("X", 4, 6, 3)
    nodes += [
        node("ArgMax", ["scores"], ["winner"], axis=1),
        node("Cast", ["winner"], ["h"], to=1),
        node("Relu", ["h"], ["y"]),
    ]
    shown = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    with pytest.raises(UnsupportedUse) as refusal:
        opened(exported(nodes, constants, [shown]))
    assert (refusal.value.op, refusal.value.problem) == ("Cast", "type")


def test_two_different_scores_are_several_outputs(opened: Opened) -> None:
    nodes, constants = layers("X", 4, 6, 3)
    nodes.append(node("Softmax", ["scores"], ["probabilities"]))
    shown = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3])
        for name in ("scores", "probabilities")
    ]
    with pytest.raises(UnsupportedPart) as refusal:
        opened(exported(nodes, constants, shown))
    assert (refusal.value.part, refusal.value.names) == ("outputs", ("scores", "probabilities"))


def test_texts_are_labels_and_nothing_else(opened: Opened) -> None:
    nodes, constants = layers("X", 4, 3)
    constants["coefficient"] = np.array(["text"], object)
    shown = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 3])
    with pytest.raises(UnsupportedTensor) as refusal:
        opened(exported(nodes, constants, [shown]))
    assert refusal.value.kind == "string"


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_what_skl2onnx_makes_of_a_pipeline(tmp_path: Path, activation: str, text: bool) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 4)).astype(np.float32)
    classes = np.array(["a", "b", "c"])[rng.integers(0, 3, 60)] if text else rng.integers(0, 3, 60)
    model = make_pipeline(StandardScaler(), MLPClassifier((6, 5), activation=activation, max_iter=5))
    path = tmp_path / "pipeline.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # five rounds are too few, it says
        model.fit(rows, classes)
        path.write_bytes(skl2onnx.to_onnx(model, rows[:1]).SerializeToString())
    np.testing.assert_allclose(read(path).forward(rows), model.predict_proba(rows), rtol=1e-4, atol=1e-5)
