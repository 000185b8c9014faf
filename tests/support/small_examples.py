"""A small trained-like network with data, made in memory."""

from __future__ import annotations

import numpy as np
from random_networks import chain

from pruner_gui.data import Dataset, Scaling, split
from pruner_gui.evaluation import Examples, prepare
from pruner_gui.network import FloatArray, IndexArray, Network


def dataset(
    inputs: FloatArray, targets: FloatArray | None, labels: IndexArray | None = None, source: str = "made"
) -> Dataset:
    """Return rows as if read from a file."""
    return Dataset(
        inputs=inputs,
        targets=targets,
        labels=labels,
        classes=() if labels is None else tuple(str(i) for i in range(int(labels.max()) + 1)),
        input_names=tuple(f"x{i}" for i in range(inputs.shape[1])),
        target_names=(),
        test=None,
        source=source,
        scaling=Scaling.fit("none", inputs),
    )


def classifier(seed: int = 0, rows: int = 200) -> tuple[Network, Examples]:
    """Return a 4-8-6-3 classifier and rows it is mostly right on, 30 % of them held out."""
    rng = np.random.default_rng(seed)
    network = chain(rng, [4, 8, 6, 3], ["relu", "tanh"], "softmax", np.float32)
    inputs = rng.normal(size=(rows, 4))
    labels = network.forward(inputs).argmax(axis=1)
    labels[:: rows // 10] = 0
    return network, prepare(network, split(dataset(inputs, np.eye(3)[labels], labels), 0.3, seed=1))
