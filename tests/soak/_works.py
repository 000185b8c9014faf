"""Networks and rows that keep a run going for a while, as files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from pruner_gui import formats
from pruner_gui.network import Activation, Dense, Input, Network, Node


def made(sizes: Sequence[int]) -> Network:
    """Return a classifier of random weights."""
    rng = np.random.default_rng(0)
    nodes = [Node("input", Input(sizes[0]))]
    for i, (n_in, n_out) in enumerate(pairwise(sizes), 1):
        weight = (rng.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)).astype(np.float32)
        bias = (0.1 * rng.standard_normal(n_out)).astype(np.float32)
        nodes.append(Node(f"dense_{i}", Dense(weight, bias), (nodes[-1].name,)))
        kind = "softmax" if i + 1 == len(sizes) else "relu"
        nodes.append(Node(f"{kind}_{i}", Activation(kind), (nodes[-1].name,)))
    return Network(tuple(nodes), (nodes[-1].name,))


def written(folder: Path, sizes: Sequence[int], rows: int) -> tuple[Path, Path]:
    """Write a network and rows with the answers that it gives itself; return both files."""
    network = made(sizes)
    inputs = np.random.default_rng(1).standard_normal((rows, sizes[0])).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    model, data = folder / "network.onnx", folder / "data.npz"
    formats.write(network, model, inputs[:8])
    np.savez(data, X=inputs, y=network.forward(inputs).argmax(axis=1))
    return model, data
