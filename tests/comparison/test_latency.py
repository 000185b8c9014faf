from collections.abc import Callable, Iterator

import numpy as np
import pytest
from random_networks import chain
from small_examples import classifier

from pruner_gui import formats
from pruner_gui.comparison import measure_latency
from pruner_gui.comparison.latency import BATCH
from pruner_gui.network import FloatArray, Network
from pruner_gui.stopping import Stopped, stopping


class Machine:
    """A clock that only the answers of two networks move on, and a log of who answered."""

    def __init__(self, seconds: dict[Network, Callable[[int], float]]) -> None:
        self.now = 0.0
        self.log: list[Network] = []
        self.rows: list[int] = []
        self._seconds = seconds

    def clock(self) -> float:
        return self.now

    def prepare(self, network: Network, rows: FloatArray) -> Callable[[], object]:
        self.rows.append(len(rows))

        def answer() -> None:
            self.log.append(network)
            self.now += self._seconds[network](self.log.count(network))

        return answer


@pytest.fixture
def pair() -> tuple[Network, Network]:
    before, _ = classifier()
    return before, before.without({before.hidden_layers[0].name: [0, 1]})


def constant(seconds: float) -> Callable[[int], float]:
    return lambda _: seconds


def test_median_and_95th_percentile_are_those_of_the_calls(pair: tuple[Network, Network]) -> None:
    before, after = pair
    slow_now_and_then: Callable[[int], float] = lambda call: 0.1 if call % 10 == 0 else 0.04  # noqa: E731
    machine = Machine({before: slow_now_and_then, after: constant(0.01)})
    found = measure_latency(before, after, np.zeros((50, 4)), machine.prepare, machine.clock)
    assert found.one.before.median == pytest.approx(0.04)
    assert found.one.before.p95 == pytest.approx(0.1)
    assert found.one.after.median == found.one.after.p95 == pytest.approx(0.01)
    assert not found.one.within_noise
    assert (found.one.rows, found.batch.rows) == (1, 50)


def test_a_large_set_is_cut_to_a_batch(pair: tuple[Network, Network]) -> None:
    machine = Machine({pair[0]: constant(0.02), pair[1]: constant(0.01)})
    measure_latency(*pair, np.zeros((1000, 4)), machine.prepare, machine.clock)
    assert machine.rows == [1, 1, BATCH, BATCH]


def test_overlapping_times_are_within_noise(pair: tuple[Network, Network]) -> None:
    before, after = pair
    machine = Machine({before: lambda call: 0.01 + 0.001 * (call % 7), after: constant(0.013)})
    found = measure_latency(before, after, None, machine.prepare, machine.clock)
    assert found.one.within_noise
    assert found.batch.within_noise


def test_both_take_turns_and_each_is_first_as_often(pair: tuple[Network, Network]) -> None:
    before, _ = pair
    machine = Machine({network: constant(0.05) for network in pair})
    measure_latency(*pair, None, machine.prepare, machine.clock)
    rounds = [machine.log[i : i + 2] for i in range(0, len(machine.log), 2)]
    assert all(len(set(both)) == 2 for both in rounds)
    measured = rounds[20:50]
    assert sum(both[0] is before for both in measured) == 15


def test_measuring_stops_when_it_is_asked_to(pair: tuple[Network, Network]) -> None:
    machine = Machine({network: constant(0.05) for network in pair})

    def asked() -> Iterator[bool]:
        yield from [False] * 25
        while True:
            yield True

    answers = asked()
    with stopping(lambda: next(answers)), pytest.raises(Stopped):
        measure_latency(*pair, None, machine.prepare, machine.clock)
    assert len(machine.log) == 25


def test_onnxruntime_runs_both_whatever_batch_the_file_asks_for(pair: tuple[Network, Network]) -> None:
    found = measure_latency(*pair, np.random.default_rng(0).normal(size=(40, 4)))
    assert found.runtime.startswith("onnxruntime ")
    for pair_ in (found.one, found.batch):
        assert 0 < pair_.before.median <= pair_.before.p95
        assert 0 < pair_.after.median <= pair_.after.p95


def test_a_network_with_several_outputs_is_refused_by_name() -> None:
    network = chain(np.random.default_rng(0), [3, 4, 2], ["relu"], "linear")
    two = Network(network.nodes, (network.outputs[0], network.hidden_layers[0].name))
    with pytest.raises(formats.NotExpressible) as refusal:
        measure_latency(two, two)
    assert refusal.value.problem == "outputs"
