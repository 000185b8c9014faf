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

from pruner_gui.pruning import PruneConfig, Tolerance
from pruner_gui.session import DataOptions, Session
from pruner_gui.session_file import (
    DataReference,
    NewerSession,
    NotASession,
    Saved,
    load,
    restore,
    save,
    saved_from,
)

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


def saved(session: Session) -> Saved:
    return saved_from(session, [CONFIG], None, {"weak": 2.0, "view": "graph"})


def again(path: Path) -> tuple[Session, Saved]:
    found = load(path)
    session = Session()
    restore(session, found)
    return session, found


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
        each.move_to(1)
    assert found.point == session.point == 1
    rows = np.random.default_rng(0).normal(size=(9, session.original.n_inputs))
    np.testing.assert_array_equal(session.network.forward(rows), found.network.forward(rows))
    found.undo()
    found.undo()
    assert not found.can_undo
    assert found.network.layer_sizes == session.original.layer_sizes


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
    assert (refusal.value.found, refusal.value.known) == (99, 1)


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
