"""Steps of a run, free removals, connections and guard rows, as the user meets them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from graph_networks import chain
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from windows import opened, sample, settled

from pruner_gui import formats
from pruner_gui.gui import dialogs
from pruner_gui.gui.document import DataFiles
from pruner_gui.gui.status import StatusBar
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import Network, RemoveUnits, ZeroConnections
from pruner_gui.pruning import Tolerance
from pruner_gui.session import DataOptions

IRIS = sample("iris")


def without_readers(network: Network, unit: int) -> Network:
    """The network with nothing that reads this neuron of the first hidden layer."""
    node, dense = network.dense[1]
    mask = np.zeros(dense.weight.shape, bool)
    mask[unit] = True
    return ZeroConnections(((node.name, mask),)).apply(network)


@pytest.fixture
def spare_model(tmp_path: Path) -> Path:
    """The iris network with one neuron that nothing reads."""
    path = tmp_path / "spare.onnx"
    formats.write(without_readers(formats.read(IRIS.model), 2), path)
    return path


def test_neurons_that_cost_nothing_go_at_a_click_and_come_back(
    qtbot: QtBot, window: MainWindow, spare_model: Path
) -> None:
    work = opened(qtbot, window, spare_model, *IRIS.data).workspace
    session, free = window.document.session, window.document.free
    assert free is not None
    assert free.exact
    assert not work.offer.isHidden()
    assert str(len(free.found)) in work.offer.remove.text()
    assert "any input" in work.offer.words.text()
    work.offer.remove.click()
    settled(qtbot, window)
    assert session.network.hidden_neurons == session.original.hidden_neurons - len(free.found)
    assert session.version.run is not None
    assert work.offer.remove.isHidden()
    window.actions_.undo.trigger()
    settled(qtbot, window)
    assert session.network is session.original
    assert not work.offer.remove.isHidden()


def test_the_list_names_the_neurons_and_a_click_selects_one(
    qtbot: QtBot, window: MainWindow, spare_model: Path
) -> None:
    work = opened(qtbot, window, spare_model, *IRIS.data).workspace
    work.offer.fill()
    lines = [work.offer.list.item(i) for i in range(work.offer.list.count())]
    silent = next(line for line in lines if "nothing reads it" in line.text())
    assert "neuron 2" in silent.text()
    work.offer.list.itemClicked.emit(silent)
    assert work.graph.view.selected == (1, 2)


def test_without_data_what_is_free_for_any_input_goes_and_comes_back(
    qtbot: QtBot, window: MainWindow, spare_model: Path
) -> None:
    document, work = window.document, opened(qtbot, window, spare_model).workspace
    session, offer = document.session, work.offer
    assert "free for any input" in offer.words.text()
    assert "load data to find" in offer.words.text()
    count = len(document.free.exact) if document.free is not None else 0
    assert count
    with qtbot.waitSignal(document.free_removed, timeout=10_000) as told:
        offer.remove.click()
    settled(qtbot, window)
    assert session.network.hidden_neurons == session.original.hidden_neurons - count
    inputs = np.random.default_rng(1).normal(size=(50, session.original.n_inputs))
    before, after = session.original.forward(inputs), session.network.forward(inputs)
    assert abs(after - before).max() < 1e-5 * abs(before).max()
    assert told.args is not None
    assert told.args[0].difference < 1e-5
    assert "256 random inputs" in work.success.text
    assert work.history.list.count() == 2
    assert "Free for any input" in work.history.list.item(1).text()
    assert document.unsaved
    work.layers.neuron_selected.emit(1, 2)
    assert "Removed at no cost" in work.layers.selection.text()
    window.actions_.undo.trigger()
    settled(qtbot, window)
    assert session.network is session.original
    assert not offer.remove.isHidden()


def test_what_is_free_without_data_is_pruned_on_from_once_there_is_some(
    qtbot: QtBot, window: MainWindow, spare_model: Path
) -> None:
    document = opened(qtbot, window, spare_model).document
    with qtbot.waitSignal(document.free_removed, timeout=10_000):
        window.workspace.offer.remove.click()
    document.load_data(DataFiles(IRIS.data, DataOptions()))
    qtbot.waitUntil(lambda: document.can_prune, timeout=10_000)
    settled(qtbot, window)
    window.actions_.prune.trigger()
    settled(qtbot, window)
    run = document.session.version.run
    assert run is not None
    assert run.started.start.values == pytest.approx(run.started.original.values, rel=1e-5)
    assert window.workspace.history.list.count() == 3


def test_weakly_connected_neurons_follow_the_threshold(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    path = tmp_path / "weak.npz"
    formats.write(chain([[1.0, 0.01, 0.7], [1.0, -0.01, 2.0]], [[1.0], [1.0], [1.0]]), path)
    work = opened(qtbot, window, path).workspace
    work.graph.weak_box.setValue(2)
    assert "1 neuron has only weak connections" in work.offer.words.text()
    work.graph.weak_box.setValue(0)
    assert "weak" not in work.offer.words.text()


def test_weakly_connected_neurons_are_explained_and_pruned_alone(qtbot: QtBot, window: MainWindow) -> None:
    work, document = opened(qtbot, window, IRIS.model, *IRIS.data).workspace, window.document
    window.document.set_config(replace(document.config, tolerances=(Tolerance(50, relative=True),)))
    work.graph.weak_box.setValue(60)
    work._update_preview()
    offer = work.offer
    offer.fill()
    lines = [offer.list.item(i) for i in range(offer.list.count())]
    thin = [line for line in lines if " weak, at most " in line.text()]
    names = {line.data(Qt.ItemDataRole.UserRole) for line in thin}
    assert 0 < len(names) < document.session.network.hidden_neurons
    going = {(edit.node, edit.units[0]) for edit in work.preview.candidates if isinstance(edit, RemoveUnits)}
    fates = [line.text().endswith("would go") for line in thin]
    assert fates == [line.data(Qt.ItemDataRole.UserRole) in going for line in thin]
    assert fates == sorted(fates, reverse=True)
    assert str(len(names)) in offer.attempt_listed.text()
    offer.attempt_listed.click()
    settled(qtbot, window)
    run = document.session.version.run
    assert run is not None
    assert run.removed.keys() <= names
    assert set(run.removed) | set(run.rejected) == names
    assert document.config.protected == frozenset()  # the plan is as it was


def test_steps_are_added_and_run_one_after_the_other(qtbot: QtBot, window: MainWindow) -> None:
    document, steps = opened(qtbot, window, IRIS.model, *IRIS.data).document, window.workspace.form.steps
    assert steps.list.count() == 1
    assert not steps.remove.isEnabled()
    next(action for action in steps.add.menu().actions() if action.data() == "connections").trigger()
    assert [step.strategy for step in document.plan.steps] == ["selective", "connections"]
    assert not window.workspace.form.ranking.isHidden()
    assert window.workspace.form.order.isHidden()
    window.actions_.prune.trigger()
    settled(qtbot, window)
    run = document.session.version.run
    assert run is not None
    assert [stage.config.strategy for stage in run.stages] == ["selective", "connections"]
    assert isinstance(run.steps[-1].edit, ZeroConnections)
    assert "zero" in window.workspace.offer.words.text()


def test_each_step_has_options_of_its_own(qtbot: QtBot, window: MainWindow) -> None:
    document, form = opened(qtbot, window, IRIS.model, *IRIS.data).document, window.workspace.form
    form.steps.add.menu().actions()[0].trigger()
    form.order.setCurrentIndex(form.order.findData("random"))
    form.order.activated.emit(form.order.currentIndex())
    form.steps.own.setChecked(True)
    window.workspace.tolerance.box.setValue(1)
    assert [step.order for step in document.plan.steps] == ["index", "random"]
    assert [step.tolerances[0].value for step in document.plan.steps] == [5, 1]
    form.steps.list.setCurrentRow(0)
    assert window.workspace.tolerance.box.value() == 5
    settled(qtbot, window)


def test_a_recipe_is_saved_and_taken_up_again(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "steps.json"
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: target)
    monkeypatch.setattr(dialogs, "choose_file", lambda *_: target)
    document, steps = window.document, window.workspace.form.steps
    document.set_plan(document.plan.added("free").moved(-1))
    wanted = document.plan.steps
    steps.recipe.menu().actions()[1].trigger()
    assert [step["strategy"] for step in json.loads(target.read_text())["steps"]] == ["free", "selective"]
    document.set_plan(document.plan.removed())
    steps.recipe.menu().actions()[0].trigger()
    assert document.plan.steps == wanted
    assert steps.list.count() == 2


@pytest.mark.parametrize(
    "content", ["no json", '{"version": 1, "steps": [{"strategy": "free", "layers": [7]}]}']
)
def test_what_is_no_recipe_for_this_network_is_told(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(content)
    before = opened(qtbot, window, IRIS.model).document.plan
    window.document.open_recipe(path)
    assert window.errors
    assert window.document.plan == before


@pytest.mark.parametrize("kind", ["contribution", "saliency"])
def test_weak_connections_follow_the_measure_and_are_pruned_by_it(
    qtbot: QtBot, window: MainWindow, kind: str
) -> None:
    work = opened(qtbot, window, IRIS.model, *IRIS.data).workspace
    document, graph = window.document, work.graph
    by_weight = graph.view.weak_threshold
    graph.measure.setCurrentIndex(graph.measure.findData(kind))
    graph.measure.activated.emit(graph.measure.currentIndex())
    settled(qtbot, window)
    assert document.strengths is not None
    assert document.strengths.kind == kind
    assert graph.view.weak_threshold != by_weight
    assert graph.view.weak_threshold == pytest.approx(0.02 * document.strengths.values.strongest)
    graph.prune.menu().actions()[0].trigger()
    settled(qtbot, window)
    run = document.session.version.run
    assert run is not None
    assert (run.config.strategy, run.config.ranking) == ("connections", kind)
    assert document.session.network.layer_sizes == document.session.original.layer_sizes
    assert "the file is not smaller for that yet" in work.offer.words.text()
    assert document.strengths is not None  # measured anew
    window.actions_.undo.trigger()
    settled(qtbot, window)


def test_guard_rows_are_told_and_decide_how_far_a_run_goes(qtbot: QtBot, window: MainWindow) -> None:
    document = opened(qtbot, window, IRIS.model, *IRIS.data).document
    assert document.data is not None
    document.load_data(replace(document.data, options=replace(document.data.options, guard=0.3)))
    examples = document.session.examples
    qtbot.waitUntil(lambda: document.session.examples is not examples)
    settled(qtbot, window)
    status = window.statusBar()
    assert isinstance(status, StatusBar)
    assert "guard rows" in status.label.text()
    window.actions_.prune.trigger()
    settled(qtbot, window)
    run = document.session.last_run
    assert run is None or run.started.guard is not None
