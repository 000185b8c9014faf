from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_examples import classifier

from pruner_gui.pruning import Accepted, PruneConfig, Tolerance
from pruner_gui.records import Record
from pruner_gui.session import DataOptions, Session
from pruner_gui.session_file import (
    VERSION,
    DataReference,
    NewerSession,
    NotASession,
    Saved,
    Snapshot,
    history,
    load,
    save,
)

OLD = Path(__file__).parent / "data" / "session_v1.pruner"

CONFIG = PruneConfig(tolerances=(Tolerance(20, relative=True),), protected=frozenset({("dense0", 1)}))


def worked_on() -> Session:
    """A session with two runs, the second of several steps, and one undone."""
    network, examples = classifier()
    session = Session()
    session.open(network, Path("model.onnx"))
    session.use(examples)
    steps = [dataclasses.replace(CONFIG, strategy=name) for name in ("free", "connections")]
    for run in ([CONFIG], steps):
        for event in session.prune(*run):
            session.apply(event)
        session.end_run()
    session.undo()
    return session


def records(session: Session) -> tuple[Record, ...]:
    runs = [version.run for version in session.versions if version.run is not None]
    return tuple(Record.of(run, number, f"run {number}", 1.5) for number, run in enumerate(runs, 1))


def saved(session: Session, ongoing: Record | None = None) -> Saved:
    versions, cursor, _ = session.so_far()
    window = {"weak": 2.0, "view": "graph"}
    draft = Saved(session.path, (), cursor, (CONFIG,), None, window, records(session), session.point)
    return Snapshot(draft, versions, None if ongoing is None else lambda: ongoing).saved()


def again(path: Path) -> tuple[Session, Saved]:
    found = load(path)
    session = Session()
    session.restore(found.path, history(found), found.cursor)
    return session, found


def outputs(session: Session) -> list[list[float]]:
    rows = np.random.default_rng(0).normal(size=(9, session.original.n_inputs))
    return session.network.forward(rows).tolist()


def test_a_session_comes_back_with_its_history(tmp_path: Path) -> None:
    session = worked_on()
    save(saved(session), tmp_path / "a.pruner")
    found, stored = again(tmp_path / "a.pruner")
    assert (stored.steps, stored.window, stored.path) == (
        (CONFIG,),
        {"weak": 2.0, "view": "graph"},
        session.path,
    )
    assert len(found.versions) == len(session.versions) == 3
    rows = np.random.default_rng(0).normal(size=(9, session.original.n_inputs))
    for one, other in zip(session.versions, found.versions, strict=True):
        np.testing.assert_array_equal(one.network.forward(rows), other.network.forward(rows))
        if one.run is None or other.run is None:
            assert one.run is other.run
            continue
        assert [step.score for step in one.run.steps] == [step.score for step in other.run.steps]
        assert (one.run.config, one.run.stages) == (other.run.config, other.run.stages)
        assert one.run.finished is not None
        assert other.run.finished is not None
        assert one.run.finished.lowest == other.run.finished.lowest
        assert (one.run.removed, one.run.rejected) == (other.run.removed, other.run.rejected)
    assert any(each.run and each.run.finished and each.run.finished.lowest for each in found.versions)
    assert found.version.network.hidden_neurons == session.network.hidden_neurons


def test_undo_redo_and_every_point_survive(tmp_path: Path) -> None:
    session = worked_on()
    save(saved(session), tmp_path / "a.pruner")
    found, _ = again(tmp_path / "a.pruner")
    for each in (session, found):
        each.redo()
    run = found.version.run
    assert run is not None
    for point in range(len(run.steps) + 1):
        for each in (session, found):
            each.move_to(point)
        assert found.point == session.point == point
        assert outputs(found) == outputs(session)
    found.undo()
    found.undo()
    assert not found.can_undo
    assert found.network.layer_sizes == session.original.layer_sizes


def test_undo_comes_back_to_the_point_that_a_run_began_at(tmp_path: Path) -> None:
    session = worked_on()
    session.move_to(1)
    for event in session.prune(CONFIG):
        session.apply(event)
    session.end_run()
    save(saved(session), tmp_path / "a.pruner")
    found, _ = again(tmp_path / "a.pruner")
    for each in (session, found):
        each.undo()
    assert found.point == session.point == 1
    assert outputs(found) == outputs(session)


@pytest.mark.parametrize("compensation", ["mean", "refit"])
def test_every_point_survives_where_others_took_the_place_of_neurons(
    tmp_path: Path, compensation: str
) -> None:
    network, examples = classifier()
    session = Session()
    session.open(network, None)
    session.use(examples)
    for event in session.prune(dataclasses.replace(CONFIG, compensation=compensation)):
        session.apply(event)
    session.end_run()
    save(saved(session), tmp_path / "a.pruner")
    found, _ = again(tmp_path / "a.pruner")
    run = session.version.run
    assert run is not None
    assert len(run.steps) > 2
    for point in range(len(run.steps) + 1):
        for each in (session, found):
            each.move_to(point)
        assert outputs(found) == outputs(session)


def test_arrays_that_versions_share_are_stored_once(tmp_path: Path) -> None:
    session = worked_on()
    save(saved(session), tmp_path / "a.pruner")
    with zipfile.ZipFile(tmp_path / "a.pruner") as archive:
        names = archive.namelist()
    arrays = {id(t) for v in session.versions for node in v.network.nodes for t in node.op.tensors().values()}
    units = {id(node.units) for v in session.versions for node in v.network.nodes}
    folds = sum(1 for name in names if name.startswith("arrays/")) - len(arrays | units)
    assert folds <= sum(len(v.run.steps) for v in session.versions if v.run is not None) * 3


def test_a_newer_session_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.pruner"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("session.json", json.dumps({"version": 99, "session": {}}))
    with pytest.raises(NewerSession) as refusal:
        load(path)
    assert (refusal.value.found, refusal.value.known) == (99, VERSION)


def test_a_session_of_version_1_opens_whole() -> None:
    with zipfile.ZipFile(OLD) as archive:
        assert json.loads(archive.read("session.json"))["version"] == 1
    session, found = again(OLD)
    assert [len(version.run.steps) if version.run else 0 for version in found.versions] == [0, 10, 1]
    assert [version.network.hidden_neurons for version in session.versions] == [14, 5, 4]
    assert found.cursor == 1
    assert found.data is not None
    assert found.data.options == DataOptions(scale="standard", holdout=0.2)
    first, second = found.records
    assert [(first.number, first.complete), (second.number, second.complete)] == [(1, True), (2, False)]
    assert first.seconds is not None
    assert second.seconds is None  # version 1 did not keep how long a cancelled run took
    assert [record.source() for record in found.records] == [v.run for v in session.versions[1:]]
    assert session.can_redo
    session.undo()
    assert session.network is session.original


def test_the_figures_of_runs_survive_also_of_those_that_the_history_lost(tmp_path: Path) -> None:
    session = worked_on()
    kept = records(session)
    lost = dataclasses.replace(kept[1], number=3, name="lost", shown=False, outdated=True)
    cancelled = dataclasses.replace(kept[1], number=4, complete=False, seconds=12.5)
    draft = Saved(session.path, (), 1, (CONFIG,), records=(*kept, lost))
    save(Snapshot(draft, session.versions, lambda: cancelled).saved(), tmp_path / "a.pruner")
    found, stored = again(tmp_path / "a.pruner")
    told = [(r.number, r.name, r.shown, r.outdated, r.complete, r.seconds) for r in stored.records]
    assert told == [
        (1, "run 1", True, False, True, kept[0].seconds),
        (2, "run 2", True, False, True, kept[1].seconds),
        (3, "lost", False, True, True, kept[1].seconds),
        (4, "run 2", True, False, False, 12.5),
    ]
    for one, other in zip((*kept, lost, cancelled), stored.records, strict=True):
        assert dataclasses.asdict(one.points) == dataclasses.asdict(other.points)
        assert (one.configs, one.firsts, one.limits) == (other.configs, other.firsts, other.limits)
        assert (one.kept, one.trials) == (other.kept, other.trials)
    runs = [version.run for version in found.versions]
    assert [record.source() for record in stored.records] == [runs[1], runs[2], None, None]


def test_a_run_that_goes_on_is_saved_as_if_it_were_cancelled(tmp_path: Path) -> None:
    network, examples = classifier()
    session = Session()
    session.open(network, None)
    session.use(examples)
    accepted = 0
    for event in session.prune(CONFIG):
        session.apply(event)
        accepted += isinstance(event, Accepted)
        if accepted == 2:
            break
    taken = saved(session)
    save(taken, tmp_path / "a.pruner")
    found, _ = again(tmp_path / "a.pruner")
    run = found.version.run
    assert run is not None
    assert (len(run.steps), run.finished, found.can_undo) == (2, None, True)
    assert outputs(found) == outputs(session)
    session.end_run()
    assert outputs(found) == outputs(session)
    found.undo()
    assert found.network.hidden_neurons == network.hidden_neurons


def test_a_snapshot_does_not_change_while_its_run_goes_on() -> None:
    network, examples = classifier()
    session = Session()
    session.open(network, None)
    session.use(examples)
    events = session.prune(CONFIG)
    session.apply(next(events))
    while len(session.so_far()[0]) == 1:
        session.apply(next(events))
    versions, _, run = session.so_far()
    assert run is not None
    steps, rejected, trials = len(run.steps), dict(run.rejected), run.trials
    for event in events:
        session.apply(event)
    assert (len(run.steps), run.rejected, run.trials) == (steps, rejected, trials)
    assert len(session.run.steps) > steps  # type: ignore[union-attr]
    assert versions[1].network.hidden_neurons > session.network.hidden_neurons


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 0}',
        '{"version": 1}',
        '{"version": 1, "session": 5}',
        '{"version": 1, "session": {"Popen": {}}}',
        '{"version": 2, "session": {"Saved": {"path": null, "versions": 5, "cursor": 0, "steps": []}}}',
        '{"version": 2, "session": {"Saved": {"path": null, "versions": [], "cursor": "0", "steps": []}}}',
    ],
)
def test_what_is_no_session_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.pruner"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("session.json", text)
    with pytest.raises(NotASession):
        load(path)


def test_a_torn_file_is_refused_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "a.pruner"
    save(saved(worked_on()), path)
    content = path.read_bytes()
    for length in np.linspace(0, len(content) - 1, 25).astype(int).tolist():
        path.write_bytes(content[:length])
        with pytest.raises(NotASession):
            load(path)


def test_a_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pruner"
    save(saved(worked_on()), path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("arrays/0.npy").header_offset + 200
    content[at] ^= 255
    path.write_bytes(content)
    with pytest.raises(NotASession):
        load(path)


def test_data_that_changed_or_went_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("1,2\n")
    reference = DataReference.of([path], DataOptions(scale="standard"))
    assert reference.is_unchanged()
    path.write_text("1,3\n")
    assert not reference.is_unchanged()
    path.unlink()
    assert not reference.is_unchanged()


def test_held_out_data_that_changed_is_noticed(tmp_path: Path) -> None:
    path, held = tmp_path / "rows.csv", tmp_path / "held.csv"
    path.write_text("1,2\n")
    held.write_text("3,4\n")
    reference = DataReference.of([path], DataOptions(holdout_files=(held,)))
    assert reference.is_unchanged()
    held.write_text("3,5\n")
    assert not reference.is_unchanged()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from pruner_gui.network import Dense, Input, Network, Node
from pruner_gui.pruning import PruneConfig
from pruner_gui.session_file import Saved, SavedVersion, save
number = 0
while True:
    number += 1
    weight = np.full((200, 200), number, np.float32)
    network = Network((Node("x", Input(200)), Node("d", Dense(weight, weight[0]), ("x",))), ("d",))
    save(Saved(None, (SavedVersion(network, None),), 0, (PruneConfig(),)), Path(sys.argv[1]))
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by a signal")
def test_a_writer_that_is_killed_leaves_the_old_or_the_new_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.pruner"
    rng = np.random.default_rng(0)
    for _ in range(3):
        program = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        done = [program.stdout.readline() for _ in range(int(rng.integers(2, 12)))]
        program.send_signal(signal.SIGKILL)
        program.wait()
        program.stdout.close()
        found = load(path).versions[0].network.by_name["d"].op.tensors()["weight"]
        assert found.min() == found.max() >= int(done[-1])
