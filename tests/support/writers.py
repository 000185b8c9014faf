"""Everything that writes a file without a window: a function a kind, and how to tell what is in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pruner_gui import files, formats, session_file
from pruner_gui.formats import c_header_format, rebuild_code
from pruner_gui.network import Activation, Dense, Input, Network, Node, Origin
from pruner_gui.pruning import PruneConfig, recipe
from pruner_gui.session import Session

_WITHOUT_RELU = (".eg", ".net")
_WEIGHTS_ALONE = tuple(ending for row in formats.FORMATS if row.weights_only for ending in row.extensions)


@dataclass(frozen=True)
class Writer:
    """Writes a network, or something of it, to a file of this `name`; `holds` tells whether it is there."""

    name: str
    write: Callable[[Network, Path], object]
    holds: Callable[[Network, Path], bool]


def network(units: int, extension: str = ".onnx", inputs: int = 4) -> Network:
    """Return a network with so many hidden units that the format of an extension has words for."""
    rng = np.random.default_rng(units)
    sizes = (inputs, units, 3)
    nodes = [Node("x", Input(inputs))]
    for number, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        weight = rng.normal(size=(n_in, n_out)).astype(np.float32)
        layer = Node(f"layer{number}", Dense(weight, np.zeros(n_out, np.float32)), (nodes[-1].name,))
        nodes.append(layer)
        if number == 0:
            nodes.append(
                Node("act", Activation("tanh" if extension in _WITHOUT_RELU else "relu"), (layer.name,))
            )
    return Network(tuple(nodes), (nodes[-1].name,), Origin())


def _model(extension: str) -> Writer:
    def write(wanted: Network, path: Path) -> object:
        return formats.write(wanted, path)

    def holds(wanted: Network, path: Path) -> bool:
        if extension == ".h":
            return path.read_bytes() == c_header_format.dump(wanted)
        found = formats.read(path, ["relu", "linear"] if extension in _WEIGHTS_ALONE else None)
        rows = np.random.default_rng(0).normal(size=(5, wanted.n_inputs)).astype(np.float32)
        return found.layer_sizes == wanted.layer_sizes and np.allclose(
            found.forward(rows), wanted.forward(rows), atol=1e-4
        )

    return Writer(f"model{extension}", write, holds)


def _session(wanted: Network, path: Path) -> None:
    session = Session()
    session.open(wanted, Path("model.onnx"))
    draft = session_file.Saved(session.path, (), 0, (PruneConfig(),))
    session_file.save(session_file.Snapshot(draft, session.versions, None).saved(), path)


def _holds_session(wanted: Network, path: Path) -> bool:
    found = session_file.load(path).versions[0].network
    return all(
        np.array_equal(one.op.tensors()[name], other.op.tensors()[name])
        for one, other in zip(found.nodes, wanted.nodes, strict=True)
        for name in one.op.tensors()
    )


def _text(name: str, text: Callable[[Network], str]) -> Writer:
    return Writer(
        name,
        lambda wanted, path: files.write(path, text(wanted).encode()),
        lambda wanted, path: path.read_text() == text(wanted),
    )


WRITERS: Mapping[str, Writer] = {
    writer.name: writer
    for writer in (
        *map(_model, formats.extensions()),
        Writer("work.pruner", _session, _holds_session),
        _text("steps.json", lambda wanted: recipe.to_json([PruneConfig(seed=wanted.hidden_neurons)])),
        _text("code.py", lambda wanted: rebuild_code(wanted, Path("a.safetensors"))),
    )
}
