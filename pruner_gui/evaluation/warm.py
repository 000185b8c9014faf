"""Getting the compiled loops ready: `python -m pruner_gui.evaluation.warm` fills numba's cache on the disk.

The very first time takes some twenty seconds. A process of its own does it, since compiling holds the
interpreter and cannot be stopped; what it leaves in the cache is loaded in a moment.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from pruner_gui.evaluation.evaluator import Limits, Objective
from pruner_gui.evaluation.incremental import IncrementalEvaluator
from pruner_gui.evaluation.metrics import Targets
from pruner_gui.evaluation.rows import Tuning
from pruner_gui.network import Activation, Dense, Input, Network, Node, RemoveUnits

_TUNINGS = tuple(Tuning(dtype=dtype, wide=wide) for dtype in ("float32", "float64") for wide in (1 << 30, 1))
_LOOK = 0.1  # seconds between two looks at the other process


def warm_up() -> Iterator[float]:
    """Get the loops ready; yield the share that is done, several times a second. Can be stopped."""
    with tempfile.TemporaryFile() as told:
        child = subprocess.Popen([sys.executable, "-m", __name__], stdout=told, stderr=subprocess.DEVNULL)
        try:
            while child.poll() is None:
                yield told.seek(0, 2) / (len(_PIECES) + 1)
                try:
                    child.wait(_LOOK)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            child.kill()
            child.wait()
    for piece in _PIECES:
        piece()
    yield 1.0


def _classify(tuning: Tuning) -> None:
    """Have a small classifier pruned, in one way of doing it."""
    labels = np.array([0, 1, 0])
    objective = Objective(np.eye(3, 2), Targets(np.eye(2)[labels], labels, "softmax"), ("cross-entropy",))
    network = _chain(("relu", "relu", "relu", "softmax"))
    evaluator = IncrementalEvaluator(objective, tuning=tuning)
    for node in ("layer_2", "layer_1", "layer_0"):
        edit, _ = next(evaluator.trials(network, [RemoveUnits(node, (0,))], Limits((1e9,))))
    evaluator.advance(edit, edit.apply(network))


def _fit() -> None:
    """Have a regression of one hidden layer pruned."""
    objective = Objective(np.eye(3, 2, dtype=np.float32), Targets(np.eye(3, 2), None, "linear"), ("mse",))
    network = _chain(("tanh", "linear"))
    next(IncrementalEvaluator(objective).trials(network, [RemoveUnits("layer_0", (0,))], Limits((1e9,))))


def _chain(kinds: Sequence[str]) -> Network:
    nodes = [Node("x", Input(2))]
    for number, kind in enumerate(kinds):
        name = f"layer_{number}"
        nodes.append(Node(name, Dense(np.eye(2), np.ones(2)), (nodes[-1].name,)))
        nodes.append(Node(f"{name}_out", Activation(kind), (name,)))
    return Network(tuple(nodes), (nodes[-1].name,))


_PIECES: tuple[Callable[[], None], ...] = (*(partial(_classify, tuning) for tuning in _TUNINGS), _fit)


if __name__ == "__main__":
    for some in _PIECES:
        some()
        print(end=".", flush=True)
