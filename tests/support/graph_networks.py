"""Small networks to draw."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pruner_gui.network import Activation, Concat, Dense, FloatArray, Input, Network, Node


def chain(*weights: FloatArray | Sequence[Sequence[float]]) -> Network:
    """A chain of relu layers with these weights: hidden layers are named h1, h2 and so on."""
    matrices = [np.asarray(weight, float) for weight in weights]
    nodes = [Node("x", Input(matrices[0].shape[0]))]
    for number, matrix in enumerate(matrices, 1):
        name = "y" if number == len(matrices) else f"h{number}"
        nodes.append(Node(name, Dense(matrix, np.zeros(matrix.shape[1])), (nodes[-1].name,)))
        if name != "y":
            nodes.append(Node(f"{name}_relu", Activation("relu"), (name,)))
    return Network(tuple(nodes), ("y",))


def random_chain(*sizes: int, seed: int = 0) -> Network:
    """A chain of these layer sizes with random weights."""
    random = np.random.default_rng(seed)
    return chain(*(random.normal(size=pair) for pair in pairwise(sizes)))


def with_skip() -> Network:
    """x(3) feeds a(4), which feeds b(2) and c(3); y(2) reads b, c and x."""
    random = np.random.default_rng(0)

    def dense(n_in: int, n_out: int) -> Dense:
        return Dense(random.normal(size=(n_in, n_out)), np.zeros(n_out))

    nodes = (
        Node("x", Input(3)),
        Node("a", dense(3, 4), ("x",)),
        Node("b", dense(4, 2), ("a",)),
        Node("c", dense(4, 3), ("a",)),
        Node("all", Concat(), ("b", "c", "x")),
        Node("y", dense(8, 2), ("all",)),
    )
    return Network(nodes, ("y",))
