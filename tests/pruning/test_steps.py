from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import chain, networks, problems

from pruner_gui.evaluation import IncrementalEvaluator, Objective, ReferenceEvaluator, Targets
from pruner_gui.network import FloatArray, Network, RemoveUnits, ZeroConnections
from pruner_gui.pruning import (
    STRATEGIES,
    Accepted,
    BadSetting,
    Event,
    Finished,
    Least,
    PruneConfig,
    StageEnded,
    StageStarted,
    Started,
    Tolerance,
    Trial,
    candidates,
    prune_in_steps,
    recipe,
    together,
)
from pruner_gui.pruning.controls import weight_norms
from pruner_gui.pruning.trajectory import replayed

Problem = tuple[Network, FloatArray, Targets]


def run(
    network: Network, steps: Sequence[PruneConfig], objective: Objective, guard: Objective | None = None
) -> list[Event]:
    def evaluator_for(config: PruneConfig) -> IncrementalEvaluator:
        return IncrementalEvaluator(objective, "none" if config.strategy == "free" else config.compensation)

    watcher = ReferenceEvaluator(guard) if guard is not None else None
    return list(prune_in_steps(network, steps, evaluator_for, None, None, watcher))


def of(*strategies: str, tolerance: float = 10, **settings: object) -> list[PruneConfig]:
    whole = (Tolerance(tolerance, relative=True),)
    return [PruneConfig(tolerances=whole, strategy=name, **settings) for name in strategies]  # type: ignore[arg-type]


def example(seed: int = 0, rows: int = 60) -> tuple[Network, Objective]:
    rng = np.random.default_rng(seed)
    network = chain(rng, [4, 9, 7, 3], ["relu", "tanh"], "softmax")
    inputs = rng.normal(size=(rows, 4))
    labels = network.forward(inputs).argmax(axis=1)
    return network, Objective(inputs, Targets(np.eye(3)[labels], labels, "softmax"), ("cross-entropy",))


@settings(max_examples=40, deadline=None)
@given(problems(), st.lists(st.sampled_from(STRATEGIES), min_size=1, max_size=3), st.floats(0, 50))
def test_every_error_is_that_of_its_network(problem: Problem, names: list[str], tolerance: float) -> None:
    network, inputs, targets = problem
    objective = Objective(inputs, targets, ("mse",))
    plain = ReferenceEvaluator(objective)
    steps = [
        PruneConfig(tolerances=(Tolerance(tolerance / 100, relative=False),), strategy=name) for name in names
    ]
    events = run(network, steps, objective)
    limit = plain.baseline(network).values[0] + tolerance / 100
    for event in events:
        if isinstance(event, Accepted):
            found = plain.baseline(event.network).values[0]
            assert event.score.values[0] == pytest.approx(found, rel=1e-5, abs=1e-9)
            assert found <= limit * (1 + 1e-5) + 1e-9
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert [event.number for event in events if isinstance(event, StageEnded)] == list(range(len(names)))


def test_steps_follow_one_another() -> None:
    network, objective = example()
    events = run(network, of("free", "selective", "connections"), objective)
    stages = [event for event in events if isinstance(event, (StageStarted, StageEnded))]
    assert [type(event).__name__ for event in stages] == ["StageStarted", "StageEnded"] * 3
    strategies = [event.config.strategy for event in stages if isinstance(event, StageStarted)]
    assert strategies == ["free", "selective", "connections"]
    accepted = [event for event in events if isinstance(event, Accepted)]
    assert isinstance(accepted[-1].edit, ZeroConnections)
    assert all(isinstance(event.edit, RemoveUnits) for event in accepted[:-1])
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.network is accepted[-1].network
    assert finished.chosen == len(accepted)


def test_zeroed_connections_stay_zero_in_later_steps() -> None:
    network, objective = example()
    events = run(network, of("connections", "selective", tolerance=20), objective)
    (zeroed,) = [e.network for e in events if isinstance(e, Accepted) and isinstance(e.edit, ZeroConnections)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.network.hidden_neurons < zeroed.hidden_neurons
    for node, dense in finished.network.dense:
        before = zeroed.by_name[node.name].op.tensors()["weight"]
        columns = np.isin(zeroed.by_name[node.name].units, node.units)
        source = zeroed.by_name[node.inputs[0]].units
        rows = np.isin(source, finished.network.by_name[node.inputs[0]].units)
        assert np.array_equal(dense.weight == 0, before[rows][:, columns] == 0)


@pytest.mark.parametrize("scope", ["all", "layer"])
@pytest.mark.parametrize("ranking", ["magnitude", "contribution", "saliency"])
def test_connections_go_as_long_as_the_error_holds(scope: str, ranking: str) -> None:
    network, objective = example()
    events = run(network, of("connections", scope=scope, ranking=ranking), objective)
    accepted = [event for event in events if isinstance(event, Accepted)]
    assert len(accepted) == (1 if scope == "all" else 3)
    started = events[0] if isinstance(events[0], Started) else events[1]
    assert isinstance(started, Started)
    assert accepted[-1].score.values[0] <= started.limits[0]
    assert accepted[-1].network.connections < network.connections
    assert accepted[-1].network.layer_sizes == network.layer_sizes


def test_by_magnitude_neurons_go_up_to_the_first_that_may_not() -> None:
    network, objective = example()
    events = run(network, of("magnitude", tolerance=5), objective)
    trials = [event for event in events if isinstance(event, Trial)]
    assert [trial.accepted for trial in trials] == [True] * (len(trials) - 1) + [False]
    norms = weight_norms(network)
    sizes = [norms[trial.edit.node][trial.edit.units[0]] for trial in trials]
    assert sizes == sorted(sizes)


def test_chance_follows_the_seed() -> None:
    network, objective = example()
    first, again, other = (
        [
            event.edit
            for event in run(network, of("random", tolerance=500, seed=seed), objective)
            if isinstance(event, Trial)
        ]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_free_step_says_why_and_changes_no_error() -> None:
    network, objective = example(3)
    events = run(network, of("free", tolerance=0), objective)
    accepted = [event for event in events if isinstance(event, Accepted)]
    assert accepted
    assert {event.reason for event in accepted} <= {"silent", "deaf", "constant", "twin"}
    before = ReferenceEvaluator(objective).baseline(network).values[0]
    assert accepted[-1].score.values[0] == pytest.approx(before, rel=1e-6)


def test_a_step_keeps_protected_neurons_and_other_layers() -> None:
    network, objective = example(3)
    freed = [e.edit for e in run(network, of("free"), objective) if isinstance(e, Accepted)]
    kept = frozenset((edit.node, edit.units[0]) for edit in freed[:1])
    events = run(network, of("free", protected=kept), objective)
    assert not kept & {
        (e.edit.node, unit) for e in events if isinstance(e, Accepted) for unit in e.edit.units
    }
    layers = {
        e.edit.node for e in run(network, of("free", layers=(1,)), objective) if isinstance(e, Accepted)
    }
    assert layers <= {network.hidden_layers[1].name}


def test_guard_rows_choose_the_smallest_network_that_holds_on_them_by_a_standard_error() -> None:
    network, objective = example(3, rows=40)
    _, guard = example(3, rows=100)
    events = run(network, of("selective", tolerance=15), objective, guard)
    accepted = [event for event in events if isinstance(event, Accepted)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    before, holds, on_average = rows_of(network, guard), [], []
    for event in accepted:
        rise = rows_of(event.network, guard) - before
        assert event.guard is not None
        assert event.guard.values[0] == pytest.approx(before.mean() + rise.mean())
        on_average.append(rise.mean() <= 0.15 * before.mean())
        holds.append(rise.mean() + rise.std(ddof=1) / np.sqrt(len(rise)) <= 0.15 * before.mean())
    assert finished.chosen == last(holds)
    assert 0 < last(holds) < last(on_average) < len(accepted)
    names = [layer.name for layer in network.hidden_layers]
    expected = accepted[finished.chosen - 1].network if finished.chosen else network
    for name in names:
        assert finished.network.by_name[name].units.tolist() == expected.by_name[name].units.tolist()


def rows_of(network: Network, objective: Objective) -> FloatArray:
    """The cross-entropy of single rows, worked out once more."""
    outputs = network.forward(objective.inputs)
    labels = objective.targets.labels
    assert labels is not None
    found: FloatArray = -np.log(outputs[np.arange(len(outputs)), labels])
    return found


def last(holds: Sequence[bool]) -> int:
    """How many edits there were up to the last that holds."""
    return max((place for place, held in enumerate(holds, 1) if held), default=0)


def test_what_costs_nothing_goes_however_few_the_guard_rows() -> None:
    network, objective = example(3)
    _, guard = example(3, rows=8)
    events = run(network, of("free", tolerance=0), objective, guard)
    accepted = [event for event in events if isinstance(event, Accepted)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.chosen == len(accepted) > 0


def test_the_lowest_held_out_error_is_found_and_weighed() -> None:
    network, objective = example(3, rows=40)
    _, held = example(3, rows=200)
    whole = IncrementalEvaluator(objective)
    events = list(
        prune_in_steps(network, of("selective", tolerance=30), lambda step: whole, ReferenceEvaluator(held))
    )
    finished = events[-1]
    assert isinstance(finished, Finished)
    errors = [e.holdout.values[0] for e in events if isinstance(e, (Started, Accepted)) and e.holdout]
    if min(errors) < errors[0]:
        assert finished.lowest is not None
        assert errors[finished.lowest.accepted] == min(errors)
    else:
        assert finished.lowest is None


def test_steps_share_their_metrics() -> None:
    network, objective = example()
    steps = [PruneConfig(metrics=("cross-entropy",)), PruneConfig(metrics=("error-rate",))]
    with pytest.raises(BadSetting):
        run(network, steps, objective)


# -- recipes

configs = st.builds(
    PruneConfig,
    metrics=st.just(("mse", "error-rate")),
    tolerances=st.sampled_from(
        [(Tolerance(5, relative=True),), (Tolerance(0.1, relative=False), Tolerance(0, relative=True))]
    ),
    baseline=st.sampled_from(["original", "current"]),
    restart=st.booleans(),
    layers=st.none() | st.just((0, 2)),
    protected=st.just(frozenset()) | st.just(frozenset({("h", 3)})),
    keep=st.just(()) | st.just(((0, Least(3, relative=False)), (2, Least(12.5, relative=True)))),
    seed=st.integers(0, 9),
    compensation=st.sampled_from(["none", "refit"]),
    strategy=st.sampled_from(STRATEGIES),
    ranking=st.sampled_from(["magnitude", "saliency"]),
)


@given(st.lists(configs, min_size=1, max_size=3))
def test_a_recipe_comes_back_as_it_was(steps: list[PruneConfig]) -> None:
    assert recipe.from_json(recipe.to_json(steps)) == tuple(steps)


def test_a_recipe_may_leave_out_what_is_usual() -> None:
    text = '{"version": 1, "steps": [{"strategy": "free"}, {"tolerances": ["2%"]}]}'
    free, selective = recipe.from_json(text)
    assert free == PruneConfig(strategy="free")
    assert selective == dataclasses.replace(PruneConfig(), tolerances=(Tolerance(2, relative=True),))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "json"),
        ("[]", "version"),
        ('{"version": 2, "steps": []}', "version"),
        ('{"version": 1, "steps": []}', "steps"),
        ('{"version": 1, "steps": [1]}', "steps"),
        ('{"version": 1, "steps": [{"speed": 3}]}', "setting"),
        ('{"version": 1, "steps": [{"layers": 3}]}', "setting"),
        ('{"version": 1, "steps": [{"protected": ["a"]}]}', "setting"),
    ],
)
def test_what_is_no_recipe_is_refused(text: str, problem: str) -> None:
    with pytest.raises(recipe.BadRecipe) as refusal:
        recipe.from_json(text)
    assert refusal.value.problem == problem


def test_a_recipe_with_an_impossible_value_is_refused() -> None:
    with pytest.raises(BadSetting):
        recipe.from_json('{"version": 1, "steps": [{"strategy": "guess"}]}')


# -- how many neurons stay


@pytest.mark.parametrize("strategy", ["selective", "free", "magnitude", "random"])
@pytest.mark.parametrize("restart", [False, True])
def test_every_strategy_leaves_the_neurons_that_have_to_stay(strategy: str, restart: bool) -> None:
    network, objective = example(3)
    ample = PruneConfig(strategy=strategy, tolerances=(Tolerance(1e9, relative=True),), restart=restart)
    asked = dataclasses.replace(ample, keep=((0, Least(7, relative=False)), (1, Least(85, relative=True))))
    free, kept = (sizes(run(network, [config], objective)) for config in (ample, asked))
    assert kept[0] == max(7, free[0])
    assert kept[1] == max(6, free[1])  # 85 % of 7
    if strategy != "free":
        assert free == [1, 1]
        assert kept == [7, 6]


def sizes(events: list[Event]) -> list[int]:
    finished = events[-1]
    assert isinstance(finished, Finished)
    return [layer.units.size for layer in finished.network.hidden_layers]


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 4))
def test_what_goes_together_leaves_every_layer_what_has_to_stay(network: Network, count: int) -> None:
    least = {layer.name: count for layer in network.hidden_layers}
    allowed = candidates(network, None, least=least)
    going = together(network, allowed, least)
    left = replayed(network, going).sizes
    for layer in network.hidden_layers:
        assert left[layer.name] >= min(layer.units.size, count)
    rest = [edit for edit in allowed if edit not in going]
    assert all(count >= left[edit.node] for edit in rest if edit.node in left)  # as many as can go


def test_percent_are_those_of_the_layer_as_it_was_at_first() -> None:
    network, objective = example()
    half = PruneConfig(
        tolerances=(Tolerance(1e9, relative=True),), keep=((0, Least(50, relative=True)),), layers=(0,)
    )
    once = run(network, [half], objective)
    assert sizes(once) == [5, 7]  # of 9
    assert sizes(run(network, [half, half], objective)) == [5, 7]
    reached = once[-1]
    assert isinstance(reached, Finished)
    again = list(
        prune_in_steps(reached.network, [half], lambda step: IncrementalEvaluator(objective), None, network)
    )
    assert sizes(again) == [5, 7]


def test_no_layer_can_be_asked_for_that_is_not_there() -> None:
    network, objective = example()
    with pytest.raises(BadSetting):
        run(network, [PruneConfig(keep=((2, Least(1, relative=False)),))], objective)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "nan", "x"])
def test_what_is_no_number_of_neurons_is_refused(text: str) -> None:
    with pytest.raises(BadSetting):
        Least.parse(text)


@pytest.mark.parametrize(
    ("text", "of", "count"), [("12", 40, 12), ("0", 40, 1), ("25%", 40, 10), ("26%", 40, 11), ("0%", 9, 1)]
)
def test_percent_are_rounded_up_and_the_last_neuron_stays(text: str, of: int, count: int) -> None:
    assert Least.parse(text).count(of) == count
    assert str(Least.parse(text)) == text
