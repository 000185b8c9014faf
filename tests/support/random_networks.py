"""Random networks and data for property tests, and the literal algorithm they are held to."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pruner_gui.evaluation import Targets
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
)

# A few layers of exponentials overflow.
HIDDEN = tuple(name for name, kind in ACTIVATIONS.items() if not kind.mixes and name != "exponential")


def dense(rng: np.random.Generator, n_in: int, n_out: int, dtype: Any = np.float64) -> Dense:
    """Return a random dense layer in which units can be dead, silent, weak or twins."""
    weight = rng.normal(size=(n_in, n_out)) * rng.choice([1e-3, 0.3, 1.0], size=n_out)
    weight *= rng.random((n_in, n_out)) > 0.15
    bias = rng.normal(size=n_out) * 0.3
    if n_out > 1 and rng.random() < 0.5:
        weight[:, 0], bias[0] = weight[:, -1], bias[-1]
    if rng.random() < 0.3:
        weight[:, 0], bias[0] = 0, -1
    return Dense(weight.astype(dtype), bias.astype(dtype))


def batch_norm(rng: np.random.Generator, units: int, dtype: Any = np.float64) -> BatchNorm:
    """Return a random normalisation."""
    scale, shift, mean = (rng.normal(size=units).astype(dtype) for _ in range(3))
    return BatchNorm(scale, shift, mean, rng.uniform(0.1, 2, units).astype(dtype), 1e-3)


def chain(
    rng: np.random.Generator,
    sizes: list[int],
    activations: list[str],
    head: str,
    dtype: Any = np.float64,
    normalised: float = 0,
) -> Network:
    """Return a plain network: `sizes` from input to output, one activation a hidden layer, and the head.

    The share `normalised` of the hidden layers is normalised, before or after the activation.
    """
    nodes = [Node("x", Input(sizes[0]))]
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        nodes.append(Node(f"dense{i}", dense(rng, n_in, n_out, dtype), (nodes[-1].name,)))
        kind = head if i + 2 == len(sizes) else activations[i]
        hidden = i + 2 < len(sizes)
        norm = batch_norm(rng, n_out, dtype) if hidden and normalised and rng.random() < normalised else None
        first = norm is not None and rng.random() < 0.5
        if norm and first:
            nodes.append(Node(f"norm{i}", norm, (nodes[-1].name,)))
        if kind != "linear":
            nodes.append(Node(f"act{i}", Activation(kind), (nodes[-1].name,)))
        if norm and not first:
            nodes.append(Node(f"norm{i}", norm, (nodes[-1].name,)))
    return Network(tuple(nodes), (nodes[-1].name,))


def branched(rng: np.random.Generator, width: int, activation: str, head: str) -> Network:
    """Return a network with normalisation in front, a skip connection, an addition and a concatenation."""
    nodes: tuple[Node, ...] = (
        Node("x", Input(3)),
        Node("centre", Arithmetic("sub", rng.normal(size=3)), ("x",)),
        Node("a", dense(rng, 3, width), ("centre",)),
        Node("a_act", Activation(activation), ("a",)),
        Node("b", dense(rng, 3, width), ("x",)),
        Node("sum", Add(), ("a_act", "b")),
        Node("c", dense(rng, width, 2), ("sum",)),
        Node("c_act", Activation(activation), ("c",)),
        Node("c_scaled", Arithmetic("mul", rng.normal(size=2)), ("c_act",)),
        Node("both", Concat(), ("c_scaled", "centre", "sum")),
        Node("out", dense(rng, 5 + width, 3), ("both",)),
    )
    if head != "linear":
        nodes = (*nodes, Node("head", Activation(head), ("out",)))
    return Network(nodes, (nodes[-1].name,))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Random networks of one to six hidden layers, one in four branched."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    head = draw(st.sampled_from(["linear", "sigmoid", "softmax", "log_softmax", "tanh"]))
    if draw(st.integers(0, 3)) == 0:
        return branched(rng, draw(st.integers(1, 4)), draw(st.sampled_from(HIDDEN)), head)
    sizes = draw(st.lists(st.integers(1, 6), min_size=3, max_size=8))
    return chain(
        rng, sizes, draw(st.lists(st.sampled_from(HIDDEN), min_size=7, max_size=7)), head, normalised=0.2
    )


@st.composite
def problems(draw: st.DrawFn) -> tuple[Network, FloatArray, Targets]:
    """A random network with random rows and targets, classes where it has several outputs."""
    network = draw(networks())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = draw(st.integers(1, 40))
    inputs = rng.normal(size=(rows, network.n_inputs))
    if network.n_outputs == 1:
        labels = rng.integers(0, 2, rows)
        values = labels[:, None].astype(np.float64)
    else:
        labels = rng.integers(0, network.n_outputs, rows)
        values = np.eye(network.n_outputs)[labels]
    return network, inputs, Targets(values, labels, network.head)
