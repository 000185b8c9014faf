"""In which order a layer's neurons can stand. Pure functions of a network, numpy only, deterministic.

An order is an array of positions in the layer, top to bottom. The picture keeps telling neurons by their
original indices, whatever the order.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pruner_gui.network import FloatArray, IndexArray, Network

Values = npt.NDArray[np.float64]

ORDERS = ("index", "importance", "similarity")
_EXACT = 1024  # size up to which eigenvectors are found without sampling
_SAMPLED, _ROUNDS = 12, 8  # directions that are followed beyond it, and how often


def units_in_order(
    network: Network, order: str, errors: Mapping[tuple[str, int], float] | None = None
) -> dict[str, IndexArray]:
    """Return the units of every hidden layer in an order of `ORDERS`, by the layer's name.

    `errors` without each neuron, by (layer, unit), say what is important; weights do where there are none.
    Inputs and outputs keep their own order, which means something.
    """
    found = {}
    for layer in network.hidden_layers if order != "index" else ():
        if order == "similarity":
            dense = network.by_name[layer.name].op.tensors()["weight"]
            places = by_similarity(np.asarray(dense, np.float64).T)
        else:
            places = by_importance(_importance(network, layer.name, errors))
        found[layer.name] = network.by_name[layer.name].units[places]
    return found


def _importance(
    network: Network, name: str, errors: Mapping[tuple[str, int], float] | None
) -> npt.NDArray[np.float64]:
    if errors is None:
        return weight_importance(network, name)
    return np.array([errors.get((name, unit), np.inf) for unit in network.by_name[name].units.tolist()])


def weight_importance(network: Network, name: str) -> Values:
    """Return for every unit of a layer the norm of its incoming times that of its outgoing weights."""
    node = network.by_name[name]
    incoming = np.linalg.norm(np.asarray(node.op.tensors()["weight"], np.float64), axis=0)
    squares = np.zeros(node.units.size)
    for link in network.links:
        if link.source == name:
            np.add.at(squares, link.sources, np.square(link.weight, dtype=np.float64).sum(axis=1))
    return np.asarray(incoming * np.sqrt(squares), np.float64)


def by_importance(values: npt.ArrayLike) -> IndexArray:
    """Return positions, the most important first; equals stay in order. What is no number comes last."""
    return np.argsort(-np.nan_to_num(np.asarray(values, np.float64), nan=-np.inf), kind="stable")


def by_similarity(vectors: FloatArray) -> IndexArray:
    """Return positions so that neighbours point the same way, for `vectors` of shape `(n_units, n_in)`.

    The order of the Fiedler vector (Atkins, Boman and Hendrickson 1998) of the graph whose edges weigh
    (1 + cosine) / 2, normalised. That graph is a product of two thin matrices, so nothing of size `n_units`
    squared is made. The end that holds the lower indices comes first.
    """
    count = len(vectors)
    if count < 3 or not np.isfinite(vectors).all():
        return np.arange(count)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    turned = np.divide(vectors, lengths, out=np.zeros_like(vectors, np.float64), where=lengths > 0)
    factor = np.hstack([np.ones((count, 1)), turned])  # factor @ factor.T is twice the graph
    degrees = factor @ factor.sum(axis=0)
    factor /= np.sqrt(np.maximum(degrees, 1e-12))[:, None]
    fiedler = _second_left(factor) / np.sqrt(np.maximum(degrees, 1e-12))
    if fiedler @ (np.arange(count) - (count - 1) / 2) < 0:
        fiedler = -fiedler
    return np.argsort(np.round(fiedler / max(np.abs(fiedler).max(), 1e-300), 12), kind="stable")


def _second_left(matrix: Values) -> Values:
    """Return the left singular vector that belongs to the second largest singular value."""
    if min(matrix.shape) > _EXACT:  # Halko, Martinsson and Tropp 2011, algorithm 4.4
        seeds = np.random.default_rng(0).standard_normal((matrix.shape[1], _SAMPLED))
        basis = np.linalg.qr(matrix @ seeds)[0]
        for _ in range(_ROUNDS):
            basis = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])[0]
        left, _, _ = np.linalg.svd(basis.T @ matrix, full_matrices=False)
        return np.asarray(basis @ left[:, 1], np.float64)
    if matrix.shape[0] <= matrix.shape[1]:
        return np.asarray(np.linalg.eigh(matrix @ matrix.T)[1][:, -2], np.float64)
    right = np.linalg.eigh(matrix.T @ matrix)[1]
    return np.asarray(matrix @ right[:, -2], np.float64)
