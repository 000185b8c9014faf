"""Sessions that tell what was written into them, for tests that kill the writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pruner_gui.autosave import Folder, Found, left_behind, look_into
from pruner_gui.network import Dense, Input, Network, Node
from pruner_gui.pruning import PruneConfig
from pruner_gui.session_file import Saved, SavedVersion, load


def numbered(number: int, size: int) -> Saved:
    """Return a session of two networks in whose every weight this number stands."""
    weight = np.full((size, size), number, np.float32)
    network = Network((Node("x", Input(size)), Node("d", Dense(weight, weight[0]), ("x",))), ("d",))
    versions = (SavedVersion(network, None), SavedVersion(network.with_ops({}), None))
    return Saved(Path("model.onnx"), versions, 1, (PruneConfig(),))


def keep_writing(root: Path, told: Callable[[int], object], size: int = 120) -> None:
    """Save numbers for ever, on from what was left behind; `told` hears of each when it is safe."""
    folder, number = Folder(root), 0
    for lost in left_behind(root):
        found = look_into(lost)
        assert found.generation is not None
        folder, number = lost, written_in(found)
        folder.go_back_to(found.generation)
    while True:
        number += 1
        folder.write(numbered(number, size))
        told(number)


def written_in(found: Found) -> int:
    """Return the number that stands in what was left behind; fails where it is not in all of it."""
    assert found.generation is not None
    networks = [version.network for version in load(found.generation).versions]
    weights = [network.by_name["d"].op.tensors()["weight"] for network in networks]
    (number,) = {float(value) for weight in weights for value in (weight.min(), weight.max())}
    return int(number)
