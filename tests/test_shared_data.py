"""Networks and data that nobody here made: the whole job, held to an independent runtime."""

import gzip
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from sklearn.datasets import load_iris

from pruner_gui import cli, formats
from pruner_gui.network import FloatArray, IndexArray

SHARED = Path(__file__).parents[2] / "shared" / "data"
MODEL = SHARED / "models" / "softmax-last-layer.onnx"
IMAGES, LABELS = SHARED / "t10k-images-idx3-ubyte.gz", SHARED / "t10k-labels-idx1-ubyte.gz"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no folder ../shared/data")
MNIST = ["--data", str(IMAGES), str(LABELS), "--scale", "255"]


def images() -> FloatArray:
    pixels = np.frombuffer(gzip.decompress(IMAGES.read_bytes()), np.uint8, offset=16)
    return (pixels.reshape(-1, 784) / 255).astype(np.float32)


def labels() -> IndexArray:
    return np.frombuffer(gzip.decompress(LABELS.read_bytes()), np.uint8, offset=8).astype(np.intp)


def constant_neurons() -> set[tuple[int, int]]:
    """The hidden neurons that put out the same on all images."""
    network = formats.read(MODEL)
    rows, found = images(), set()
    for layer, (node, _) in enumerate(network.dense[:-1]):
        reader = next(other for other in network.nodes if node.name in other.inputs)
        values = network.forward(rows, reader.name)
        found |= {(layer, int(unit)) for unit in np.flatnonzero(np.ptp(values, axis=0) == 0)}
    return found


@pytest.mark.parametrize(
    ("model", "accuracy"), [("softmax-last-layer.onnx", 0.8895), ("mnist2x5_sigmoid.onnx", 0.8516)]
)
def test_the_accuracy_is_the_one_to_expect(
    model: str, accuracy: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", str(SHARED / "models" / model), *MNIST, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(accuracy, abs=1e-9)


def test_constant_neurons_go_at_tolerance_zero_and_the_export_gives_the_error_reported(
    tmp_path: Path,
) -> None:
    out, report = tmp_path / "out.onnx", tmp_path / "report.json"
    arguments = ["prune", str(MODEL), *MNIST, "--metric", "mse", "--tolerance", "0", "--holdout", "0"]
    assert cli.main([*arguments, "-o", str(out), "--report", str(report), "--quiet"]) == 0
    facts = json.loads(report.read_text())
    removed = {(entry["layer"], entry["neuron"]) for entry in facts["removed"]}
    constant = constant_neurons()
    assert [sum(layer == which for layer, _ in constant) for which in (0, 1)] == [12, 2]
    assert constant <= removed
    assert out.stat().st_size < MODEL.stat().st_size

    session = onnxruntime.InferenceSession(out)
    assert session.get_inputs()[0].name == "input"
    assert session.get_outputs()[0].name == "output"
    outputs = session.run(None, {"input": images().reshape(-1, 1, 28, 28)})[0]
    assert np.square(outputs - np.eye(10)[labels()]).mean() == pytest.approx(
        facts["after"]["error"], rel=1e-5
    )
    rate = np.mean(outputs.argmax(axis=1) != labels())
    assert rate == pytest.approx(facts["after"]["error_rate"], abs=2e-4)
    assert facts["before"]["error_rate"] == pytest.approx(1 - 0.8895)


def test_what_nobody_chose_keeps_the_network_useful(tmp_path: Path) -> None:
    """By its cross-entropy alone this network, far surer than it is right, would be pruned to guessing."""
    out, report = tmp_path / "out.onnx", tmp_path / "report.json"
    assert cli.main(["prune", str(MODEL), *MNIST, "-o", str(out), "--report", str(report), "--quiet"]) == 0
    facts = json.loads(report.read_text())
    assert [row["metric"] for row in facts["criteria"]] == ["cross-entropy", "error-rate"]
    assert facts["after"]["hidden_neurons"] < facts["before"]["hidden_neurons"]
    assert facts["after"]["holdout_error_rate"] < facts["before"]["holdout_error_rate"] + 0.03


def test_a_table_of_weights_from_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    model, data = (
        SHARED / "models" / "iris_model_full_statedict.pth",
        SHARED / "iris_dataset_preprocessed.csv",
    )
    arguments = ["evaluate", str(model), "--data", str(data), "--target", "species", "--scale", "standard"]
    assert cli.main([*arguments, "--activations", "relu,relu,softmax", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(0.98)


@pytest.mark.parametrize(
    ("model", "accuracy"), [("iris_k2.1.1.h5", 0.98), ("kera1_iris_dropout.keras", 13 / 15)]
)
def test_keras_models_reach_the_accuracy_to_expect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, accuracy: float
) -> None:
    iris = load_iris()
    path = tmp_path / "iris.csv"
    lines = [
        ",".join(map(str, [*row, iris.target_names[k]]))
        for row, k in zip(iris.data, iris.target, strict=True)
    ]
    path.write_text("\n".join(lines))
    assert cli.main(["evaluate", str(SHARED / "models" / model), "--data", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("model", "rows", "error"),
    [
        ("sine.onnx", [(x, np.sin(x)) for x in np.linspace(0, 2 * np.pi, 500)], 8e-4),
        ("fann_xor_float.net", [(-1, -1, -1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)], 0.01),
    ],
)
def test_regressions_reach_the_error_to_expect(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: str,
    rows: list[tuple[float, ...]],
    error: float,
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(",".join(map(repr, map(float, row))) for row in rows))
    asked = ["evaluate", str(SHARED / "models" / model), "--data", str(path), "--metric", "mse", "--json"]
    assert cli.main(asked) == 0
    assert json.loads(capsys.readouterr().out)["errors"]["mse"] <= error


def test_a_convolutional_network_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(SHARED / "models" / "cnn_max_mnist3_k2.h5")]) == 1
    assert "conv2d" in capsys.readouterr().err
