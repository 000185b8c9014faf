"""The works of the benchmark: trained networks and their rows, made once and kept in `build/bench/works`.

Each is larger than its task needs, so that there is something to prune, and stops short of a loss of nothing,
so that a tolerance relative to it means something. Delete the folder to make them again.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pruner_gui.evaluation import Objective, Targets
from pruner_gui.network import Activation, Dense, Input, Network, Node, Op

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "bench" / "works"
SEED = 0

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Work:
    """A network to prune and what decides."""

    name: str
    network: Network
    objective: Objective

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is measured."""
        return self.objective.metrics

    def first(self, rows: int) -> Work:
        """Return the work with its first rows only."""
        targets = self.objective.targets
        labels = None if targets.labels is None else targets.labels[:rows]
        targets = replace(targets, values=targets.values[:rows], labels=labels)
        return replace(self, objective=Objective(self.objective.inputs[:rows], targets, self.metrics))


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; `rows` gives the inputs and the class, or the value, of every row."""

    sizes: tuple[int, ...]
    activation: str
    head: str
    penalty: float
    epochs: int
    rows: Callable[[np.random.Generator], tuple[Array, Array]]


# -- rows


def _digits(random: np.random.Generator) -> tuple[Array, Array]:
    from sklearn.datasets import load_digits

    inputs, labels = load_digits(return_X_y=True)
    chosen = random.permutation(len(inputs))[: len(inputs) * 4 // 5]
    return inputs[chosen] / 16, labels[chosen]


def _pen_strokes(random: np.random.Generator) -> tuple[Array, Array]:
    """Pictures of 28 x 28 like handwriting: a class is four curves, drawn by an unsteady hand."""
    rows, styles, side = 60_000, 4, 28
    labels = random.integers(10, size=rows)
    curves = random.uniform(-3, side + 3, (10, styles, 5, 2))
    moments = np.linspace(0, 1, 40)[:, None]
    bezier = np.array([1, 4, 6, 4, 1]) * moments ** np.arange(5) * (1 - moments) ** np.arange(4, -1, -1)
    pixels = np.arange(side)
    pictures = np.empty((rows, side, side), np.float32)
    for begin in range(0, rows, 2_000):
        some = labels[begin : begin + 2_000]
        n = len(some)
        controls = curves[some, random.integers(styles, size=n)] - side / 2
        controls = controls * random.normal(1, 0.08, (n, 1, 2)) + random.normal(0, 1.5, controls.shape)
        controls += side / 2 + random.normal(0, 1, (n, 1, 2))
        width = random.uniform(0.8, 1.3, (n, 1, 1, 1))
        away = (bezier @ controls)[:, :, None, :] - pixels[:, None]
        ink = np.exp(-np.square(away / width) / 2)
        drawn = random.uniform(0.7, 1, (n, 1, 1)) * (ink[..., 1].transpose(0, 2, 1) @ ink[..., 0])
        drawn += random.normal(0, 0.03, drawn.shape)
        drawn[drawn < 0.15] = 0
        pictures[begin : begin + n] = np.round(np.minimum(drawn, 1) * 255) / 255
    return pictures.reshape(rows, side * side), labels


def _surface(random: np.random.Generator) -> tuple[Array, Array]:
    """A smooth function of 13 features, with noise."""
    inputs = random.normal(size=(100_000, 13))
    directions, phases = random.normal(0, 0.35, (13, 6)), random.uniform(0, 2 * np.pi, 6)
    values = np.sin(inputs @ directions + phases) @ random.uniform(0.5, 1, 6)
    values += 0.3 * inputs[:, 0] * np.tanh(inputs[:, 1]) + random.normal(0, 0.2, len(inputs))
    return inputs, (values - values.mean()) / values.std()


def _clusters(random: np.random.Generator) -> tuple[Array, Array]:
    """Eight classes of five overlapping clusters each."""
    labels = random.integers(8, size=20_000)
    centres = random.normal(size=(8, 5, 32))
    inputs = centres[labels, random.integers(5, size=len(labels))]
    return inputs + random.normal(0, 1.0, inputs.shape), labels


_RECIPES = {
    "64-128-64-10": Recipe((64, 128, 64, 10), "relu", "softmax", 0.5, 60, _digits),
    "784-300-100-10": Recipe((784, 300, 100, 10), "relu", "softmax", 0.05, 40, _pen_strokes),
    "13-256-1": Recipe((13, 256, 1), "tanh", "linear", 0.005, 40, _surface),
    "32-256x6-8": Recipe((32, *[256] * 6, 8), "relu", "softmax", 0.3, 20, _clusters),
}

# Name of a work: its recipe and what is measured.
_WORKS = {
    "64-128-64-10": ("64-128-64-10", "cross-entropy"),
    "784-300-100-10": ("784-300-100-10", "cross-entropy"),
    "13-256-1": ("13-256-1", "mse"),
    "32-256x6-8": ("32-256x6-8", "cross-entropy"),
    "32-256x6-8 error-rate": ("32-256x6-8", "error-rate"),
}
NAMES = tuple(_WORKS)


# -- making and loading


def chain(weights: Sequence[tuple[Array, Array]], activation: str, head: str) -> Network:
    """Return dense layers, each a weight `(n_in, n_out)` and a bias, one after the other."""
    ops: list[tuple[str, Op]] = [("input", Input(len(weights[0][0])))]
    for number, (weight, bias) in enumerate(weights, 1):
        is_last = number == len(weights)
        name = "output" if is_last else f"dense_{number}"
        ops.append((name, Dense(weight.astype(np.float32), bias.astype(np.float32))))
        kind = head if is_last else activation
        if kind != "linear":
            ops.append((f"{name}_{kind}", Activation(kind)))
    before = ["", *(name for name, _ in ops)]
    nodes = (
        Node(name, op, (source,) if source else ()) for (name, op), source in zip(ops, before, strict=False)
    )
    return Network(tuple(nodes), (ops[-1][0],))


def targets_of(wanted: Array, outputs: int, head: str) -> Targets:
    """Return the targets for the class, or the value, of every row."""
    if head == "linear":
        return Targets(wanted.astype(np.float32).reshape(-1, outputs), None, head)
    return Targets(np.eye(outputs, dtype=np.float32)[wanted], wanted.astype(np.intp), head)


def load(name: str) -> Work:
    """Return a work of `NAMES`; the first time it is made."""
    key, metric = _WORKS[name]
    recipe, path = _RECIPES[key], FOLDER / f"{key}.npz"
    if not path.exists():
        _make(key, recipe, path)
    with np.load(path) as arrays:
        weights = [(arrays[f"W{i}"], arrays[f"b{i}"]) for i in range(len(recipe.sizes) - 1)]
        network = chain(weights, recipe.activation, recipe.head)
        targets = targets_of(arrays["wanted"], recipe.sizes[-1], recipe.head)
        return Work(name, network, Objective(arrays["inputs"], targets, (metric,)))


def _make(key: str, recipe: Recipe, path: Path) -> None:
    began = time.perf_counter()
    print(f"making {key} ...", end=" ", flush=True)
    inputs, wanted = recipe.rows(np.random.default_rng(SEED))
    inputs = inputs.astype(np.float32)
    arrays: dict[str, Any] = {"inputs": inputs, "wanted": wanted}
    for number, (weight, bias) in enumerate(_train(recipe, inputs, wanted)):
        arrays |= {f"W{number}": _without_dust(weight), f"b{number}": bias.astype(np.float32)}
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when it is whole, so that a run that is stopped leaves no half a file.
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.replace(path)
    print(f"{time.perf_counter() - began:.0f} s")


def _without_dust(weight: Array) -> Array:
    """Return the weight in float32 with 0 for what the penalty has worn down to nothing.

    Else the plain loop would compute with denormal numbers, twenty times as slowly.
    """
    return np.where(np.abs(weight) < 1e-10, 0, weight).astype(np.float32)


def _train(recipe: Recipe, inputs: Array, wanted: Array) -> list[tuple[Array, Array]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if recipe.head == "linear" else MLPClassifier
    model = kind(
        hidden_layer_sizes=recipe.sizes[1:-1],
        activation=recipe.activation,
        alpha=recipe.penalty,
        max_iter=recipe.epochs,
        random_state=SEED,
    )
    with warnings.catch_warnings():
        # stopping early is meant
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs, wanted.astype(np.float32) if recipe.head == "linear" else wanted)
    return list(zip(model.coefs_, model.intercepts_, strict=True))


def random_work(rows: int, sizes: Sequence[int]) -> Work:
    """Return an untrained relu network that behaves like a trained one, and rows for it.

    Most of a layer's units count for little, and the classes are drawn from the network's own outputs, so
    that it is about as sure as it may be.
    """
    random = np.random.default_rng(SEED)
    weights: list[tuple[Array, Array]] = []
    for n_in, n_out in pairwise(sizes):
        share = np.exp(-4 * random.random(n_in)) if weights else np.ones(n_in)
        scale = share * np.sqrt(2 / np.square(share).sum())
        weights.append((random.normal(size=(n_in, n_out)) * scale[:, None], np.zeros(n_out)))
    weights[-1][0][:] *= 6
    network = chain(weights, "relu", "softmax")
    inputs = random.normal(size=(rows, sizes[0])).astype(np.float32)
    scores = network.forward(inputs, "output")
    drawn = (scores + random.gumbel(size=scores.shape)).argmax(axis=1)
    objective = Objective(inputs, targets_of(drawn, sizes[-1], "softmax"), ("cross-entropy",))
    alike = ((size, len(list(group))) for size, group in groupby(sizes))
    shape = "-".join(f"{size}x{count}" if count > 1 else f"{size}" for size, count in alike)
    return Work(f"{rows:,} rows, {shape}", network, objective)
