"""How much faster the default evaluator is than the plain loop, in the same run: see `make bench`.

Compare the rows of one group; the figures in brackets are the ratios.
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from random_networks import chain

from pruner_gui.evaluation import Evaluator, IncrementalEvaluator, Objective, ReferenceEvaluator, Targets
from pruner_gui.network import Network
from pruner_gui.pruning import Accepted, PruneConfig, Tolerance, prune

WORKS = {
    "64-128-64-10 relu, 1,437 rows": ([64, 128, 64, 10], "relu", "softmax", 1_437),
    "13-256-1 tanh, 10,000 rows": ([13, 256, 1], "tanh", "linear", 10_000),
}


def work(name: str) -> tuple[Network, Objective]:
    sizes, activation, head, rows = WORKS[name]
    rng = np.random.default_rng(0)
    network = chain(rng, sizes, [activation] * len(sizes), head)
    inputs = rng.normal(size=(rows, sizes[0]))
    outputs = network.forward(inputs)
    if head == "linear":
        targets = Targets(outputs + rng.normal(size=outputs.shape), None, head)
        return network, Objective(inputs, targets, ("mse",))
    labels = outputs.argmax(axis=1)
    labels[::20] = 0
    return network, Objective(inputs, Targets(np.eye(sizes[-1])[labels], labels, head), ("cross-entropy",))


@pytest.mark.parametrize("evaluator", [ReferenceEvaluator, IncrementalEvaluator], ids=["plain", "default"])
@pytest.mark.parametrize("name", WORKS)
def test_a_whole_run(
    benchmark: BenchmarkFixture, name: str, evaluator: type[ReferenceEvaluator] | type[IncrementalEvaluator]
) -> None:
    network, objective = work(name)
    config = PruneConfig(tolerances=(Tolerance(1, relative=True),))

    def run() -> Network:
        asked: Evaluator = evaluator(objective)
        last = network
        for event in prune(network, config, asked):
            if isinstance(event, Accepted):
                last = event.network
        return last

    benchmark.group = name
    smaller: Network = benchmark.pedantic(run, rounds=3, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert smaller.hidden_neurons < network.hidden_neurons
