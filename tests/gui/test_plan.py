from __future__ import annotations

from dataclasses import replace

from pruner_gui.gui.plan import Plan
from pruner_gui.pruning import PruneConfig, Tolerance

ONE, TWO = Tolerance(1, relative=True), Tolerance(2, relative=True)


def strategies(plan: Plan) -> list[str]:
    return [step.strategy for step in plan.steps]


def tolerances(plan: Plan) -> list[float]:
    return [step.tolerances[0].value for step in plan.steps]


def test_one_selective_step_is_the_plan_at_first() -> None:
    assert Plan().steps == (PruneConfig(),)


def test_steps_are_added_moved_and_removed() -> None:
    plan = Plan().added("connections").added("random")
    assert strategies(plan) == ["selective", "connections", "random"]
    assert plan.place == 2
    plan = plan.moved(-1)
    assert strategies(plan) == ["selective", "random", "connections"]
    assert plan.config.strategy == "random"
    assert plan.moved(-9).config.strategy == plan.config.strategy
    plan = plan.removed()
    assert strategies(plan) == ["selective", "connections"]
    assert strategies(plan.removed().removed()) == ["selective"]


def test_what_steps_share_goes_to_all_and_the_rest_to_one() -> None:
    plan = Plan().added("connections")
    config = replace(
        plan.config, metrics=("mse",), layers=(0,), ranking="saliency", tolerances=(ONE,), baseline="current"
    )
    first, second = plan.with_config(config).steps
    assert second == config
    assert (first.metrics, first.layers, first.baseline) == (("mse",), (0,), "current")
    assert (first.strategy, first.ranking) == ("selective", "magnitude")


def test_the_tolerance_is_shared_until_a_step_has_its_own() -> None:
    plan = Plan().added("connections")
    plan = plan.with_config(replace(plan.config, tolerances=(ONE,)))
    assert tolerances(plan) == [1, 1]
    plan = plan.with_own(True).with_config(replace(plan.config, tolerances=(TWO,)))
    assert tolerances(plan) == [1, 2]
    first = plan.chosen(0)
    assert tolerances(first.with_config(replace(first.config, tolerances=(Tolerance(3, True),)))) == [3, 2]
    assert tolerances(plan.with_own(False)) == [1, 1]


def test_a_step_behind_one_with_its_own_tolerance_has_the_common_one() -> None:
    plan = Plan().added("connections").with_own(True)
    plan = plan.with_config(replace(plan.config, tolerances=(TWO,)))
    assert tolerances(plan.added("random")) == [5, 2, 5]


def test_a_recipe_keeps_the_tolerances_that_differ() -> None:
    steps = (PruneConfig(tolerances=(ONE,)), PruneConfig(strategy="free", tolerances=(TWO,)))
    plan = Plan.of(steps)
    assert plan.steps == steps
    assert plan.own == (False, True)


def test_another_network_has_other_layers_and_neurons() -> None:
    config = PruneConfig(
        metrics=("mse", "mae"),
        tolerances=(ONE, TWO),
        layers=(1,),
        protected=frozenset({("a", 0)}),
        order="random",
    )
    plan = Plan((config,)).for_another_network()
    assert plan.steps == (PruneConfig(tolerances=(ONE,), order="random"),)
