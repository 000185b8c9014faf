import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from literal_pruning import selective
from random_networks import chain, problems

from pruner_gui.evaluation import IncrementalEvaluator, Objective, ReferenceEvaluator, Targets
from pruner_gui.network import Activation, Add, Dense, Edit, FloatArray, Input, Network, Node, RemoveUnits
from pruner_gui.pruning import (
    PRESETS,
    Accepted,
    BadSetting,
    Event,
    Finished,
    NothingToRelateTo,
    PassEnded,
    Preparing,
    PruneConfig,
    Started,
    Tolerance,
    Trial,
    candidates,
    prune,
)

Problem = tuple[Network, FloatArray, Targets]
METRICS = ["mse", "rmse", "mae", "half-sse", "cross-entropy", "error-rate"]


@dataclass(frozen=True)
class Story:
    """What a run told."""

    events: list[Event]

    @property
    def started(self) -> Started:
        return next(event for event in self.events if isinstance(event, Started))

    @property
    def finished(self) -> Finished:
        return next(event for event in self.events if isinstance(event, Finished))

    @property
    def trials(self) -> list[Trial]:
        return [event for event in self.events if isinstance(event, Trial)]

    @property
    def accepted(self) -> list[Accepted]:
        return [event for event in self.events if isinstance(event, Accepted)]

    @property
    def removals(self) -> list[Edit]:
        return [event.edit for event in self.accepted]


def run(
    network: Network,
    config: PruneConfig,
    objective: Objective,
    holdout: Objective | None = None,
    original: Network | None = None,
) -> Story:
    held = IncrementalEvaluator(holdout) if holdout is not None else None
    return Story(list(prune(network, config, IncrementalEvaluator(objective), held, original)))


def absolute(value: float, **settings: Any) -> PruneConfig:
    return PruneConfig(tolerances=(Tolerance(value, relative=False),), **settings)


@given(problems(), st.sampled_from(METRICS), st.sampled_from([0.0, 0.003, 0.05, 0.5]))
def test_the_kept_neurons_are_those_of_the_literal_algorithm(
    problem: Problem, metric: str, tolerance: float
) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, (metric,))
    plain = ReferenceEvaluator(objective)
    expected = selective(network, lambda n: plain.baseline(n).values[0], tolerance)
    story = run(network, absolute(tolerance), objective)
    assert story.removals == expected

    # At the end no neuron that is left can be removed within the tolerance.
    end = story.finished.network
    for _, score in plain.trials(end, candidates(end, None)):
        assert score.values[0] > story.started.limits[0]


@given(problems(), st.sampled_from(["index", "least-harm", "random"]), st.booleans())
def test_every_order_ends_where_nothing_more_can_go(problem: Problem, order: str, restart: bool) -> None:
    network, rows, targets = problem
    objective = Objective(rows, targets, ("mse",))
    config = absolute(0.02, order=order, restart=restart, seed=5)
    story = run(network, config, objective)
    limit, end = story.started.limits[0], story.finished.network
    for _, score in ReferenceEvaluator(objective).trials(end, candidates(end, None)):
        assert score.values[0] > limit
    assert all(layer.units.size >= 1 for layer in end.hidden_layers)
    assert run(network, config, objective).removals == story.removals


def line(weights: list[float]) -> tuple[Network, Objective]:
    """One input of 1 and linear neurons that contribute `weights` to the output; the target is 10."""
    n = len(weights)
    nodes = (
        Node("x", Input(1)),
        Node("h", Dense(np.ones((1, n)), np.zeros(n)), ("x",)),
        Node("y", Dense(np.array(weights)[:, None], np.zeros(1)), ("h",)),
    )
    targets = Targets(np.array([[10.0]]), None, "linear")
    return Network(nodes, ("y",)), Objective(np.ones((1, 1)), targets, ("mae",))


def kept(weights: list[float], config: PruneConfig) -> list[float]:
    network, objective = line(weights)
    end = run(network, config, objective).finished.network
    return [weights[unit] for unit in end.by_name["h"].units]


def test_the_tolerance_bounds_the_total_rise_over_the_original_network() -> None:
    assert kept([1, 1, 1, 1, 6], absolute(2)) == [1, 1, 6]


def test_against_the_current_network_the_rises_add_up() -> None:
    assert kept([1, 1, 1, 1, 6], absolute(1, baseline="current")) == [6]


def test_an_absolute_ceiling_is_the_error_itself() -> None:
    assert kept([1, 1, 1, 1, 4], absolute(3, baseline="absolute")) == [1, 1, 1, 4]  # the error is 2 at first
    assert kept([1, 1, 1, 1, 4], absolute(3, baseline="absolute", comparison="lt")) == [1, 1, 1, 1, 4]


def test_strictly_below_refuses_a_rise_of_just_the_tolerance() -> None:
    assert kept([1, 1, 8], absolute(1, comparison="le")) == [1, 8]
    assert kept([1, 1, 8], absolute(1, comparison="lt")) == [1, 1, 8]


def test_an_improvement_goes_through_unless_the_difference_is_taken_absolutely() -> None:
    assert kept([-5, 1, 9], absolute(0.5)) == [9]
    assert kept([-5, 1, 9], absolute(0.5, comparison="abs")) == [-5, 1, 9]


def test_a_relative_tolerance_is_a_share_of_the_original_error() -> None:
    config = PruneConfig(tolerances=(Tolerance(50, relative=True),))
    assert kept([1, 1, 1, 1, 4], config) == [1, 1, 1, 4]  # error 2, so at most 3


def test_the_last_neuron_of_a_layer_stays() -> None:
    assert kept([0, 0, 0], absolute(100)) == [0]


def test_at_tolerance_zero_a_neuron_without_effect_goes() -> None:
    assert kept([0, 3, 0, 7], absolute(0)) == [3, 7]


def test_least_harm_first_tries_the_smallest_rise_first() -> None:
    network, objective = line([2, 1, 7])
    config = absolute(2.5, order="least-harm")
    assert run(network, config, objective).removals == [RemoveUnits("h", (1,))]
    assert run(network, absolute(2.5), objective).removals == [RemoveUnits("h", (0,))]


def test_a_restart_goes_back_to_the_first_neuron() -> None:
    network, objective = line([3, 1, 1, 5])

    def tried(**settings: Any) -> list[int]:
        trials = run(network, absolute(2, **settings), objective).trials
        return [trial.edit.units[0] for trial in trials]

    assert tried() == [0, 1, 2, 3, 0]
    assert tried(restart=True) == [0, 1, 0, 2, 0, 3]


def test_a_pass_ends_when_all_further_answers_are_known() -> None:
    network, objective = line([5, 0, 5])
    story = run(network, absolute(0), objective)
    tried = [trial.edit.units[0] for trial in story.trials]
    assert tried == [0, 1, 2, 0]  # a literal second pass would try neuron 2 once more
    assert [event.removed for event in story.events if isinstance(event, PassEnded)] == [1, 0]
    assert story.finished.evaluations == 4
    assert story.finished.passes == 2


def test_only_the_chosen_layers_are_pruned() -> None:
    rng = np.random.default_rng(0)
    network = chain(rng, [3, 5, 4, 1], ["tanh", "tanh"], "linear")
    objective = Objective(rng.normal(size=(20, 3)), Targets(np.zeros((20, 1)), None, "linear"), ("mse",))
    finished = run(network, absolute(1e9, layers=(1,)), objective).finished
    assert finished.network.layer_sizes == (3, 5, 1, 1)
    with pytest.raises(BadSetting):
        run(network, absolute(0, layers=(2,)), objective)


def test_every_criterion_has_to_hold() -> None:
    network, objective = line([2, 1, 7])
    both = dataclasses.replace(objective, metrics=("mae", "mse"))
    config = PruneConfig(
        metrics=("mae", "mse"), tolerances=(Tolerance(2.5, relative=False), Tolerance(2, relative=False))
    )
    assert run(network, config, both).removals == [RemoveUnits("h", (1,))]


def test_held_out_rows_report_and_do_not_decide() -> None:
    network, objective = line([1, 1, 8])
    other = dataclasses.replace(objective, inputs=np.full((1, 1), 100.0))
    config = absolute(1)
    alone, watched = run(network, config, objective), run(network, config, objective, other)
    assert alone.removals == watched.removals
    assert alone.started.holdout is None
    assert watched.started.holdout is not None
    assert watched.started.holdout.values == pytest.approx((990,))
    assert watched.accepted[0].holdout is not None
    assert watched.accepted[0].holdout.values == pytest.approx((890,))


def test_a_run_that_goes_on_is_held_to_the_original_network() -> None:
    network, objective = line([1, 1, 1, 7])
    first = run(network, absolute(1), objective).finished
    second = run(first.network, absolute(2), objective, original=network).finished
    assert second.network.by_name["h"].units.tolist() == [2, 3]


def test_a_percentage_of_no_error_is_refused() -> None:
    network, objective = line([1, 9])
    with pytest.raises(NothingToRelateTo):
        run(network, PruneConfig(), objective)
    assert kept([1, 9], PruneConfig(tolerances=(Tolerance(0, relative=True),))) == [1, 9]


def test_a_cancelled_run_leaves_what_was_accepted() -> None:
    network, objective = line([0, 0, 5])
    events = prune(network, absolute(0), IncrementalEvaluator(objective))
    accepted = next(event for event in events if isinstance(event, Accepted))
    events.close()
    assert accepted.network.by_name["h"].units.tolist() == [1, 2]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_configurations(preset: str) -> None:
    network, objective = line([1, 1, 1, 7])
    config = PruneConfig(**PRESETS[preset], tolerances=(Tolerance(1.5, relative=False),))
    objective = dataclasses.replace(objective, metrics=config.metrics or ("rmse",))
    finished = run(network, config, objective).finished
    assert {"selective": 3, "heaton-2008": 3, "heaton-2005": 1}[preset] == finished.network.hidden_neurons


@pytest.mark.parametrize("text", ["", "x", "-1", "nan", "inf%", "5 percent"])
def test_what_is_no_tolerance_is_refused(text: str) -> None:
    with pytest.raises(BadSetting):
        Tolerance.parse(text)


@pytest.mark.parametrize(("text", "value", "relative"), [("5%", 5, True), ("0.01", 0.01, False)])
def test_a_tolerance_is_a_percentage_or_an_amount(text: str, value: float, relative: bool) -> None:
    assert Tolerance.parse(text) == Tolerance(value, relative)


@pytest.mark.parametrize(
    "settings",
    [
        {"baseline": "best"},
        {"metrics": ("mse", "nonsense")},
        {"metrics": ("mse", "mae", "rmse"), "tolerances": (Tolerance(1, True), Tolerance(2, True))},
    ],
)
def test_settings_that_are_not_possible_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(BadSetting):
        PruneConfig(**settings)


@given(problems())
def test_a_run_tells_a_consistent_story(problem: Problem) -> None:
    network, rows, targets = problem
    assume(candidates(network, None))
    story = run(network, absolute(0.1), Objective(rows, targets, ("mse",)))
    story = Story([event for event in story.events if not isinstance(event, Preparing)])
    assert isinstance(story.events[0], Started)
    assert isinstance(story.events[-1], Finished)
    assert [trial.number for trial in story.trials] == list(range(1, len(story.trials) + 1))
    assert story.finished.evaluations == len(story.trials)
    assert sum(trial.accepted for trial in story.trials) == len(story.removals)
    neurons = [event.network.hidden_neurons for event in story.accepted]
    assert neurons == sorted(neurons, reverse=True)


def test_a_dead_relu_goes_at_tolerance_zero() -> None:
    weight = np.array([[1.0, -1.0, 0.5]])
    nodes = (
        Node("x", Input(1)),
        Node("h", Dense(weight, np.array([0, -5.0, 0])), ("x",)),
        Node("r", Activation("relu"), ("h",)),
        Node("y", Dense(np.array([[1.0], [9.0], [1.0]]), np.zeros(1)), ("r",)),
    )
    rows = np.linspace(0, 1, 7)[:, None]
    objective = Objective(rows, Targets(1.5 * rows + 0.1, None, "linear"), ("mse",))
    assert run(Network(nodes, ("y",)), absolute(0), objective).removals == [RemoveUnits("h", (1,))]


@given(problems(), st.sampled_from(["index", "least-harm", "random"]), st.booleans(), st.data())
def test_protected_neurons_stay_and_all_others_that_can_go_do(
    problem: Problem, order: str, restart: bool, data: st.DataObject
) -> None:
    network, rows, targets = problem
    neurons = [(edit.node, edit.units[0]) for edit in candidates(network, None)]
    assume(neurons)
    protected = frozenset(data.draw(st.sets(st.sampled_from(neurons))))
    config = absolute(0.05, order=order, restart=restart, seed=3, protected=protected)
    objective = Objective(rows, targets, ("mse",))
    story = run(network, config, objective)
    tried = {(trial.edit.node, trial.edit.units[0]) for trial in story.trials}
    assert tried <= set(neurons) - protected
    assert story.started.candidates == len(neurons) - len(protected)
    limit, end = story.started.limits[0], story.finished.network
    assert all(unit in end.by_name[name].units for name, unit in protected)
    left = candidates(end, None, protected)
    assert all(score.values[0] > limit for _, score in ReferenceEvaluator(objective).trials(end, left))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_obeys_a_protection(preset: str) -> None:
    network, objective = line([1, 1, 1, 7])
    settings = {**PRESETS[preset], "tolerances": (Tolerance(9, relative=False),)}
    objective = dataclasses.replace(objective, metrics=settings.get("metrics") or ("rmse",))
    config = PruneConfig(**settings, protected=frozenset({("h", 1), ("h", 0)}))
    assert {0, 1} <= set(run(network, config, objective).finished.network.by_name["h"].units.tolist())


def test_a_neuron_bound_to_a_protected_one_stays_with_it() -> None:
    nodes = (
        Node("x", Input(2)),
        Node("a", Dense(np.ones((2, 3)), np.zeros(3)), ("x",)),
        Node("b", Dense(np.ones((2, 3)), np.zeros(3)), ("x",)),
        Node("sum", Add(), ("a", "b")),
        Node("y", Dense(np.ones((3, 1)), np.zeros(1)), ("sum",)),
    )
    network = Network(nodes, ("y",))
    assert candidates(network, None, frozenset({("b", 1)})) == [
        RemoveUnits("a", (0,)),
        RemoveUnits("a", (2,)),
    ]


def test_what_is_gone_may_be_protected_and_what_never_was_may_not() -> None:
    network, objective = line([0, 0, 9])
    smaller = network.without({"h": [0]})
    config = absolute(0, protected=frozenset({("h", 0), ("h", 1)}))
    assert run(smaller, config, objective, original=network).removals == []
    for wrong in (("h", 3), ("g", 0), ("y", 0), ("x", 0)):
        with pytest.raises(BadSetting):
            run(network, absolute(0, protected=frozenset({wrong})), objective)
