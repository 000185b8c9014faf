"""Prune trained neural networks: the public face, and how the program is built.

    import pruner_gui as pg

    network = pg.read(Path("digits.onnx"))
    examples = pg.load_examples(network, [Path("digits.npz")], pg.DataOptions())
    evaluator = pg.IncrementalEvaluator(examples.objective(examples.choice.metrics))
    *_, finished = pg.prune(network, pg.PruneConfig(), evaluator)
    pg.write(finished.network, Path("smaller.onnx"))

Layers, arrows point down only:

    gui | cli -> wording -> report -> session -> reading -> comparison -> pruning
        -> evaluation | formats -> network | data -> codec | files | limits | stopping -> errors

`read` reads in this process; window and command line read in a child of theirs, by `reading`.

A prune run, top to bottom: `gui.worker` or `cli` iterates `session.prune`; `pruning.run` goes through the
steps of the run, such as `pruning.selective`, which has `evaluation.incremental` score edits, decides, and
yields events; an accepted edit of `network.edits` gives the next, smaller network.

- a new model format: a module in `formats`, a row in its table, a test
- a new data format: a module in `data`, a row in its table, a test
- a new metric: a row in `evaluation.metrics`
- a new strategy: a module in `pruning`, a row in the table of `pruning.run`
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pruner_gui.data import Dataset
    from pruner_gui.evaluation import IncrementalEvaluator
    from pruner_gui.formats import read, write
    from pruner_gui.network import Network
    from pruner_gui.pruning import Finished, PruneConfig, prune
    from pruner_gui.session import DataOptions, load_examples

__all__ = [
    "DataOptions",
    "Dataset",
    "Finished",
    "IncrementalEvaluator",
    "Network",
    "PruneConfig",
    "load_examples",
    "prune",
    "read",
    "write",
]

# Imported when asked for: a process that only reads a file has no use for the engine.
_HOMES = {
    "Dataset": "data",
    "IncrementalEvaluator": "evaluation",
    "read": "formats",
    "write": "formats",
    "Network": "network",
    "Finished": "pruning",
    "PruneConfig": "pruning",
    "prune": "pruning",
    "DataOptions": "session",
    "load_examples": "session",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"pruner_gui.{_HOMES[name]}"), name)
