"""Train the sample models and write them with their data: `python -m models.train_samples [NAME...]`.

Each sample is a network file, a data file with training and test rows marked, and an entry in `samples.json`.
The networks are regularised and stop short of a training loss of nothing, so that a tolerance relative to it
means something, and are larger than the task needs, so that there is something to prune.
"""

from __future__ import annotations

import csv
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

from pruner_gui import data, formats
from pruner_gui.network import Activation, Arithmetic, Dense, FloatArray, Input, Network, Node, Op, Origin

FOLDER = Path(__file__).parent
SEED = 0
TEST_SHARE = 0.3

Head = Literal["softmax", "sigmoid", "linear"]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """What one sample is and how it is trained.

    `write_data` writes the data file into a folder; `normalise` gives offset and divisor, kept in the network
    in front of its raw inputs, from the training inputs `(n_samples, n_inputs)`.
    """

    name: str
    title: str
    description: str
    data: str
    layers: tuple[int, ...]
    activation: str
    head: Head
    penalty: float
    max_iterations: int
    write_data: Callable[[Path], None]
    normalise: Callable[[FloatArray], tuple[Array, Array] | None] = lambda inputs: None


# -- data files


def _test_rows(n_rows: int, classes: Array | None) -> npt.NDArray[np.bool_]:
    _, test = train_test_split(np.arange(n_rows), test_size=TEST_SHARE, stratify=classes, random_state=SEED)
    return np.isin(np.arange(n_rows), test)


def _write_csv(path: Path, names: Sequence[str], rows: Array, targets: Sequence[Any], test: Array) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "split"])
        for row, target, is_test in zip(rows.tolist(), targets, test.tolist(), strict=True):
            writer.writerow([*(f"{value:.12g}" for value in row), target, "test" if is_test else "train"])


def _write_npz(path: Path, inputs: Array, targets: Array) -> None:
    test = _test_rows(len(inputs), targets)
    targets = targets.astype(np.uint8)
    np.savez_compressed(
        path, X_train=inputs[~test], y_train=targets[~test], X_test=inputs[test], y_test=targets[test]
    )


def _write_digits(path: Path) -> None:
    inputs, targets = datasets.load_digits(return_X_y=True)
    _write_npz(path, inputs.astype(np.uint8), targets)


def _write_breast_cancer(path: Path) -> None:
    inputs, targets = datasets.load_breast_cancer(return_X_y=True)
    _write_npz(path, inputs.astype(np.float32), targets)


def _write_iris(path: Path) -> None:
    iris = datasets.load_iris()
    names = [name.removesuffix(" (cm)").replace(" ", "_") for name in iris.feature_names]
    species = iris.target_names[iris.target]
    _write_csv(path, [*names, "species"], iris.data, species, _test_rows(len(species), species))


def _write_diabetes(path: Path) -> None:
    diabetes = datasets.load_diabetes(scaled=False)
    progression = diabetes.target.astype(int)
    test = _test_rows(len(progression), None)
    _write_csv(path, [*diabetes.feature_names, "progression"], diabetes.data, progression, test)


def _write_xor(path: Path) -> None:
    corners = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], 50, axis=0)
    noise = np.random.default_rng(SEED).normal(0, 0.15, corners.shape)
    differ = (corners[:, 0] != corners[:, 1]).astype(int)
    points = np.round(corners + noise, 2)
    _write_csv(path, ["x1", "x2", "xor"], points, differ, _test_rows(len(differ), differ))


# -- what the samples are


def _standardise(inputs: FloatArray) -> tuple[Array, Array]:
    return inputs.mean(axis=0, dtype=np.float64), inputs.std(axis=0, dtype=np.float64)


def _sixteenths(inputs: FloatArray) -> tuple[Array, Array]:
    return np.zeros(inputs.shape[1]), np.full(inputs.shape[1], 16.0)


SAMPLES = (
    Sample(
        "digits",
        "Handwritten digits",
        "Tells which of ten digits an 8 × 8 picture shows.",
        "digits.npz",
        (64, 128, 64, 10),
        "relu",
        "softmax",
        penalty=8,
        max_iterations=200,
        write_data=_write_digits,
        normalise=_sixteenths,
    ),
    Sample(
        "iris",
        "Iris flowers",
        "Tells three species of iris apart by four lengths in centimetres.",
        "iris.csv",
        (4, 16, 8, 3),
        "relu",
        "softmax",
        penalty=1,
        max_iterations=1000,
        write_data=_write_iris,
    ),
    Sample(
        "breast_cancer",
        "Breast cancer",
        "Tells benign from malignant tumours by thirty measurements of cell nuclei.",
        "breast_cancer.npz",
        (30, 32, 16, 1),
        "relu",
        "sigmoid",
        penalty=10,
        max_iterations=1000,
        write_data=_write_breast_cancer,
        normalise=_standardise,
    ),
    Sample(
        "diabetes",
        "Diabetes progression",
        "Predicts a number: how far the disease has come in a year, from ten measurements of a patient.",
        "diabetes.csv",
        (10, 64, 1),
        "tanh",
        "linear",
        penalty=20,
        max_iterations=1000,
        write_data=_write_diabetes,
        normalise=_standardise,
    ),
    Sample(
        "xor",
        "Exclusive or",
        "Answers whether exactly one of two noisy inputs is on: the smallest task that needs a hidden layer.",
        "xor.csv",
        (2, 8, 1),
        "tanh",
        "sigmoid",
        penalty=1,
        max_iterations=1000,
        write_data=_write_xor,
    ),
)


# -- training


def read_data(sample: Sample, folder: Path) -> data.Split:
    """Return the training rows as pruning rows and the test rows as held-out rows."""
    dataset = data.read([folder / sample.data], sample.layers[0], sample.layers[-1])
    return data.split(dataset, None, SEED)


def train(sample: Sample, examples: data.Dataset) -> Network:
    """Train the sample's network on these rows; the same rows give the same network."""
    inputs = examples.inputs.astype(np.float64)
    scale = sample.normalise(examples.inputs)
    if scale is not None:
        inputs = (inputs - scale[0]) / scale[1]
    hidden, settings = sample.layers[1:-1], _settings(sample)
    with warnings.catch_warnings():
        # stopping early is meant
        warnings.simplefilter("ignore", ConvergenceWarning)
        if sample.head != "linear":
            model = MLPClassifier(hidden_layer_sizes=hidden, **settings).fit(inputs, examples.labels)
            return _network(sample, scale, model.coefs_, model.intercepts_)
        assert examples.targets is not None
        targets = examples.targets[:, 0]
        mean, deviation = targets.mean(), targets.std()
        model = MLPRegressor(hidden_layer_sizes=hidden, **settings).fit(inputs, (targets - mean) / deviation)
    # trained on standardised targets, the last layer gives them in their own unit
    *weights, last_weight = model.coefs_
    *biases, last_bias = model.intercepts_
    return _network(
        sample, scale, [*weights, last_weight * deviation], [*biases, last_bias * deviation + mean]
    )


def _settings(sample: Sample) -> dict[str, Any]:
    return {
        "activation": sample.activation,
        "alpha": sample.penalty,
        "max_iter": sample.max_iterations,
        "solver": "lbfgs",
        "random_state": SEED,
    }


def _network(
    sample: Sample, scale: tuple[Array, Array] | None, weights: Sequence[Array], biases: Sequence[Array]
) -> Network:
    ops: list[tuple[str, Op]] = [("input", Input(sample.layers[0]))]
    if scale is not None:
        ops += [
            (name, Arithmetic(name, constant.astype(np.float32)))
            for name, constant in (("sub", scale[0]), ("div", scale[1]))
            if (constant != 0).any()
        ]
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        is_last = number == len(weights)
        name = "output" if is_last else f"dense_{number}"
        ops.append((name, Dense(weight.astype(np.float32), bias.astype(np.float32))))
        kind = sample.head if is_last else sample.activation
        if kind != "linear":
            ops.append((f"{name}_{kind}", Activation(kind)))
    names = [name for name, _ in ops]
    nodes = [
        Node(name, op, (before,) if before else ())
        for (name, op), before in zip(ops, ["", *names], strict=False)
    ]
    return Network(tuple(nodes), (names[-1],), Origin(format="onnx"))


def score(network: Network, examples: data.Dataset) -> float:
    """Return the accuracy for class labels, else the coefficient of determination (R²)."""
    outputs = network.forward(examples.inputs)
    assert examples.targets is not None
    if examples.labels is None:
        rest = np.square(outputs - examples.targets).sum()
        return float(1 - rest / np.square(examples.targets - examples.targets.mean()).sum())
    found = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.5
    return float((found == examples.labels).mean())


# -- files


def make(sample: Sample, folder: Path) -> dict[str, Any]:
    """Write data and network of a sample, and return its entry."""
    sample.write_data(folder / sample.data)
    rows = read_data(sample, folder)
    assert rows.holdout is not None
    network = train(sample, rows.pruning)
    model = f"{sample.name}.onnx"
    formats.write(network, folder / model, rows.holdout.inputs)
    return {
        "name": sample.name,
        "title": sample.title,
        "description": sample.description,
        "model": model,
        "data": sample.data,
        "layers": sample.layers,
        "rows": {"train": len(rows.pruning), "test": len(rows.holdout)},
        "score": {
            "kind": "r2" if sample.head == "linear" else "accuracy",
            "train": round(score(network, rows.pruning), 4),
            "test": round(score(network, rows.holdout), 4),
        },
    }


def main(names: Sequence[str]) -> None:
    """Make the named samples, or all, and update `samples.json`."""
    listing = FOLDER / "samples.json"
    entries = {entry["name"]: entry for entry in json.loads(listing.read_text())} if listing.exists() else {}
    for sample in SAMPLES:
        if not names or sample.name in names:
            entries[sample.name] = make(sample, FOLDER)
            print(sample.name, entries[sample.name]["score"])
    ordered = [entries[sample.name] for sample in SAMPLES if sample.name in entries]
    listing.write_text(json.dumps(ordered, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
