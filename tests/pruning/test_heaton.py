"""The presets named after Heaton's books give what his loop gives, on networks that Encog wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from literal_heaton import Chain, Neuron, harms, heaton_2005, heaton_2008, rms
from sklearn.datasets import make_moons

from pruner_gui.evaluation import IncrementalEvaluator, Objective, Targets
from pruner_gui.formats import read
from pruner_gui.network import FloatArray, Network
from pruner_gui.pruning import PRESETS, Accepted, Finished, PruneConfig, Tolerance, prune

ENCOG = Path(__file__).parents[3] / "shared" / "data" / "encog"
pytestmark = pytest.mark.skipif(not ENCOG.is_dir(), reason="no folder ../shared/data/encog")

# 40 or 100 neurons, trained on two half moons, (n_samples, 2) as they are made and 0 or 1 as target
MOONS = ("moons_sig40", "moons_tanh40", "moons_relu40", "moons10k_tanh100")
# with rows of their own: inputs, and what Encog's network put out (no neuron of act_Competitive can go alone)
ROWS = (
    "act_BiPolar",
    "act_BipolarSteepenedSigmoid",
    "act_ClippedLinear",
    "act_Elliott",
    "act_ElliottSymmetric",
    "act_Gaussian",
    "act_LOG",
    "act_Ramp",
    "act_SIN",
    "act_SteepenedSigmoid",
    "act_Step",
    "bias_activation_half",
    "big_weights_array",
    "disconnected_connectionLimit",
    "mixedbias",
    "nobias",
    "relu2hidden_softmax",
    "sigmoid_softmax3",
    "tanh_linear",
)
MADE = ("encodernet_v3.1.0",)  # the same, with inputs that are made
SHARES = (0.01, 0.15, 0.4, 0.7)  # of the neurons whose removal alone is within the tolerance


def problem(name: str) -> tuple[Network, FloatArray, FloatArray]:
    """A network, inputs `(n_samples, n_inputs)`, and noisy targets `(n_samples, n_outputs)`."""
    network = read(ENCOG / f"{name}.eg")
    if name in MOONS:
        inputs, labels = make_moons(120, noise=0.15, random_state=7)
        return network, inputs, labels[:, None].astype(np.float64)
    rng = np.random.default_rng(7)
    if name in MADE:
        inputs = rng.normal(size=(60, network.n_inputs))
        outputs = network.forward(inputs)
    else:
        table = np.loadtxt(ENCOG / f"{name}.io.csv", delimiter=",", ndmin=2)
        inputs, outputs = table[:, : network.n_inputs], table[:, network.n_inputs :]
    return network, inputs, outputs + rng.normal(0, 0.05, outputs.shape)


def between(values: list[float], share: float) -> float:
    """A number with this share of the sorted values below it, and near none of them."""
    places = [i for i in range(1, len(values)) if values[i] - values[i - 1] > 1e-6 * values[-1]]
    at = min(places, key=lambda i: abs(i - share * len(values)))
    return (values[at - 1] + values[at]) / 2


def pruned(
    preset: str, network: Network, inputs: FloatArray, wanted: FloatArray, tolerance: float
) -> tuple[list[Neuron], float, Network]:
    """Who goes by this preset, in order, the error and the network then."""
    config = PruneConfig(tolerances=(Tolerance(tolerance, relative=False),), **PRESETS[preset])
    objective = Objective(inputs, Targets(wanted, None, network.head), config.metrics)
    events = list(prune(network, config, IncrementalEvaluator(objective)))
    accepted = [event for event in events if isinstance(event, Accepted)]
    layer = {hidden.name: hidden.index for hidden in network.hidden_layers}
    gone = [(layer[event.edit.node], unit) for event in accepted for unit in event.edit.units]
    assert isinstance(events[-1], Finished)
    return gone, accepted[-1].score.values[0] if accepted else np.nan, events[-1].network


def assert_some_but_not_all(counts: list[int], most: int) -> None:
    assert max(counts) > 0
    if most > 10:  # of a few neurons, the first that goes may take all others along
        assert any(0 < count < most for count in counts)


@pytest.mark.parametrize("name", MOONS + ROWS + MADE)
def test_2008_removes_what_leaves_the_error_below_the_ceiling_first_neuron_first(name: str) -> None:
    network, inputs, wanted = problem(name)
    alone = harms(network, inputs, wanted)
    counts = []
    for share in SHARES:
        ceiling = between(alone, share)
        expected, error = heaton_2008(network, inputs, wanted, ceiling)
        gone, found, left = pruned("heaton-2008", network, inputs, wanted, ceiling)
        assert gone == expected
        if gone:
            assert found == pytest.approx(error, rel=1e-6)  # exact only where it decides
            assert found < ceiling
        assert rms(Chain(left), inputs, wanted) == pytest.approx(error, rel=1e-9)
        counts.append(len(gone))
    assert_some_but_not_all(counts, network.hidden_layers[0].units.size - 1)


@pytest.mark.parametrize("name", MOONS + ROWS + MADE)
def test_2005_removes_what_hardly_changes_the_error_of_the_network_of_now(name: str) -> None:
    network, inputs, wanted = problem(name)
    before = rms(Chain(network), inputs, wanted)
    changes = sorted(abs(harm - before) for harm in harms(network, inputs, wanted))
    counts = []
    for share in SHARES:
        tolerance = between(changes, share)
        expected, error = heaton_2005(network, inputs, wanted, tolerance)
        gone, found, left = pruned("heaton-2005", network, inputs, wanted, tolerance)
        assert gone == expected
        if gone:
            assert found == pytest.approx(error, rel=1e-9)
        assert rms(Chain(left), inputs, wanted) == pytest.approx(error, rel=1e-9)
        counts.append(len(gone))
    assert_some_but_not_all(counts, network.hidden_neurons - len(network.hidden_layers))


def test_the_two_books_disagree_where_an_improvement_is_large() -> None:
    network, inputs, wanted = problem("moons_tanh40")
    before = rms(Chain(network), inputs, wanted)
    best = harms(network, inputs, wanted)[0]
    assert best < before  # so that a ceiling at the present error lets it go
    gone, *_ = pruned("heaton-2008", network, inputs, wanted, before)
    assert gone
    gone, *_ = pruned("heaton-2005", network, inputs, wanted, 0.0)
    assert not gone
