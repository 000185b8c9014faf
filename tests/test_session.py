from pathlib import Path

import pytest
from small_examples import classifier

from pruner_gui.evaluation import ReferenceEvaluator
from pruner_gui.pruning import (
    Accepted,
    Least,
    NothingToRelateTo,
    PruneConfig,
    Tolerance,
    Trial,
    candidates,
    floors,
)
from pruner_gui.session import Changes, Session, WouldReplaceSource, refuse_source, would_go

CONFIG = PruneConfig(tolerances=(Tolerance(20, relative=True),))


def opened() -> Session:
    network, examples = classifier()
    session = Session()
    session.open(network, None)
    session.use(examples)
    return session


def pruned(config: PruneConfig = CONFIG) -> Session:
    session = opened()
    for event in session.prune(config):
        session.apply(event)
    session.end_run()
    return session


def test_a_run_is_one_step_that_can_be_undone_and_redone() -> None:
    session = pruned()
    original, smaller = session.original, session.network
    assert smaller.hidden_neurons < original.hidden_neurons
    assert session.undo() & Changes.NETWORK
    assert session.network is original
    assert not session.can_undo
    assert session.redo() & Changes.NETWORK
    assert session.network is smaller
    assert not session.can_redo


def test_the_network_of_now_follows_the_run() -> None:
    session = opened()
    neurons = []
    for event in session.prune(CONFIG):
        changes = session.apply(event)
        assert bool(changes & Changes.NETWORK) == isinstance(event, Accepted)
        neurons.append(session.network.hidden_neurons)
    assert neurons[0] == session.original.hidden_neurons
    assert neurons[-1] == session.network.hidden_neurons < neurons[0]
    assert not session.can_undo  # not while it runs


def test_a_cancelled_run_keeps_what_was_accepted_as_one_step() -> None:
    session = opened()
    events = session.prune(CONFIG)
    for event in events:
        session.apply(event)
        if session.run is not None and len(session.run.steps) == 2:
            events.close()
    session.end_run()
    assert session.network.hidden_neurons == session.original.hidden_neurons - 2
    assert session.last_run is not None
    assert session.last_run.finished is None
    session.undo()
    assert session.network is session.original


def test_a_run_without_removals_leaves_no_step() -> None:
    session = pruned(PruneConfig(tolerances=(Tolerance(0, relative=False),), layers=()))
    assert session.network is session.original
    assert not session.can_undo


def test_a_new_run_after_undo_replaces_what_could_be_redone() -> None:
    session = pruned()
    session.undo()
    for event in session.prune(PruneConfig(tolerances=(Tolerance(1, relative=False),))):
        session.apply(event)
    session.end_run()
    assert len(session.versions) == 2
    assert not session.can_redo


def test_the_tolerance_of_a_second_run_refers_to_the_network_as_opened() -> None:
    session = pruned()
    before = session.network
    for event in session.prune(CONFIG):
        session.apply(event)
    session.end_run()
    assert session.network is before  # the same tolerance again allows nothing more


def test_opening_another_network_starts_anew() -> None:
    session = pruned()
    session.open(classifier(1)[0], Path("other.onnx"))
    assert session.examples is None
    assert not session.can_undo
    assert session.last_run is None


def test_the_preview_lists_what_each_on_its_own_would_be_accepted() -> None:
    session = opened()
    assert session.examples is not None
    metrics = ("mse",)
    config = PruneConfig(metrics=metrics, tolerances=CONFIG.tolerances)
    plain = ReferenceEvaluator(session.examples.objective(metrics))
    error = plain.baseline(session.original)
    found = would_go(config, metrics, error, error, dict(session.sweep(config)), session.network)
    limit = error.values[0] * 1.2
    expected = [
        edit
        for edit, score in plain.trials(session.original, candidates(session.original, None))
        if score.values[0] <= limit
    ]
    assert found == expected
    assert 0 < len(found) < session.original.hidden_neurons


@pytest.mark.parametrize("order", ["index", "least-harm"])
def test_the_preview_leaves_every_layer_what_has_to_stay_as_a_run_does(order: str) -> None:
    session = opened()
    keep = ((0, Least(5, relative=False)), (1, Least(50, relative=True)))
    config = PruneConfig(
        metrics=("mse",), tolerances=(Tolerance(1e9, relative=True),), keep=keep, order=order
    )
    assert session.examples is not None
    error = ReferenceEvaluator(session.examples.objective(("mse",))).baseline(session.original)
    sweep = dict(session.sweep(config))
    least = floors(config, session.original)
    found = would_go(config, ("mse",), error, error, sweep, session.original, least)
    of_each = [
        [edit for edit in sweep if edit.node == layer.name] for layer in session.original.hidden_layers
    ]
    if order == "least-harm":
        of_each = [sorted(edits, key=lambda edit: sweep[edit].values[0]) for edits in of_each]
    assert set(found) == {*of_each[0][:3], *of_each[1][:3]}
    for event in session.prune(config):
        session.apply(event)
    assert session.network.layer_sizes[1:3] == (5, 3)


def test_the_preview_of_a_percentage_of_nothing_is_refused() -> None:
    session = opened()
    _, score = next(session.sweep(CONFIG))
    nothing = type(score)((0.0,))
    with pytest.raises(NothingToRelateTo):
        would_go(CONFIG, ("mse",), nothing, nothing, {}, session.network)


def test_a_model_is_not_replaced_by_its_export(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.touch()
    (tmp_path / "link.onnx").symlink_to(model)
    with pytest.raises(WouldReplaceSource):
        refuse_source(model, tmp_path / "link.onnx")
    refuse_source(model, tmp_path / "other.onnx")


def test_a_run_remembers_with_which_errors_neurons_stayed() -> None:
    session = opened()
    for event in session.prune(CONFIG):
        session.apply(event)
        if isinstance(event, Trial):
            run = session.run
            assert run is not None
            assert run.rejected.get((event.edit.node, event.edit.units[0])) == (
                None if event.accepted else event.score
            )
    session.end_run()
    assert session.last_run is not None
    left = {(layer.name, unit) for layer in session.network.hidden_layers for unit in layer.units.tolist()}
    assert session.last_run.rejected.keys() == left


def test_any_point_of_a_run_can_be_shown_both_ways_and_gone_on_from() -> None:
    session = pruned()
    run = session.version.run
    assert run is not None
    assert session.point == len(run.steps)
    assert session.move_to(1) & Changes.NETWORK
    assert session.network.hidden_neurons == run.steps[0].neurons
    assert session.move_to(0) & Changes.NETWORK
    assert session.network.layer_sizes == session.original.layer_sizes
    assert session.move_to(2) & Changes.NETWORK
    assert not session.move_to(2)
    for event in session.prune(PruneConfig(tolerances=(Tolerance(0, relative=True),))):
        session.apply(event)
    session.end_run()
    assert session.network.hidden_neurons <= run.steps[1].neurons


def test_undo_leaves_a_point_behind() -> None:
    session = pruned()
    smallest = session.network
    session.move_to(1)
    session.undo()
    assert session.point is None
    session.redo()
    assert session.network is smallest


def test_without_a_run_there_are_no_points() -> None:
    session = opened()
    assert session.point is None
    assert not session.move_to(0)
