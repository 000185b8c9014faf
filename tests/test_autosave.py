"""Folders of autosaves: what is left behind is found, whole, by one process alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from kept_work import written_in
from random_networks import chain

from pruner_gui.autosave import MOST_DAYS, Folder, Found, left_behind, look_into
from pruner_gui.files import CannotWrite
from pruner_gui.network import Network
from pruner_gui.pruning import PruneConfig
from pruner_gui.session_file import NotASession, Saved, SavedVersion

SUPPORT = Path(__file__).parent / "support"


def session(neurons: int) -> Saved:
    network: Network = chain(np.random.default_rng(0), [3, neurons, 2], ["relu"], "linear", np.float32)
    return Saved(Path("model.onnx"), (SavedVersion(network, None),), 0, (PruneConfig(),))


def abandoned(root: Path, *sizes: int) -> Path:
    """Leave generations with networks of these sizes behind."""
    folder = Folder(root)
    for size in sizes:
        folder.write(session(size))
    path = folder.path
    assert path is not None
    folder.release()
    return path


def offered(root: Path) -> list[Found]:
    return [look_into(folder) for folder in left_behind(root)]


def test_nothing_is_found_where_nothing_was(tmp_path: Path) -> None:
    assert left_behind(tmp_path / "never") == []


def test_two_generations_are_kept_and_the_newest_is_offered(tmp_path: Path) -> None:
    path = abandoned(tmp_path, 5, 6, 7, 8)
    assert len(list(path.glob("*.pruner"))) == 2
    (found,) = offered(tmp_path)
    assert (found.neurons, found.model, found.damaged, found.steps) == ((8, 8), Path("model.onnx"), 0, 0)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_torn_newer_generation_gives_way_to_the_older(tmp_path: Path, share: float) -> None:
    path = abandoned(tmp_path, 5, 6)
    newest = max(path.glob("*.pruner"))
    content = newest.read_bytes()
    newest.write_bytes(content[: int(share * len(content))])
    (found,) = offered(tmp_path)
    assert (found.neurons[1], found.damaged) == (5, 1)


def test_one_changed_byte_in_the_newer_generation_gives_way_to_the_older(tmp_path: Path) -> None:
    path = abandoned(tmp_path, 5, 6)
    newest = max(path.glob("*.pruner"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    (found,) = offered(tmp_path)
    assert (found.neurons[1], found.damaged) == (5, 1)


def test_where_both_are_torn_it_is_told_and_nothing_is_offered(tmp_path: Path) -> None:
    for generation in abandoned(tmp_path, 5, 6).glob("*.pruner"):
        generation.write_bytes(generation.read_bytes()[:100])
    (found,) = offered(tmp_path)
    assert (found.generation, found.damaged) == (None, 2)
    assert isinstance(found.error, NotASession)


def test_what_a_killed_writer_left_half_done_is_no_generation_and_goes(tmp_path: Path) -> None:
    path = abandoned(tmp_path, 5)
    torn = path / ".2.pruner.abc.tmp"
    torn.write_bytes(b"PK")
    (found,) = offered(tmp_path)
    assert found.neurons[1] == 5
    assert not torn.exists()


def test_a_folder_is_given_to_one_alone_and_again_when_he_lets_go(tmp_path: Path) -> None:
    abandoned(tmp_path, 5)
    (first,) = left_behind(tmp_path)
    assert left_behind(tmp_path) == []
    first.release()
    assert len(left_behind(tmp_path)) == 1


def test_the_folder_of_one_that_lives_is_left_alone(tmp_path: Path) -> None:
    mine, other = Folder(tmp_path), Folder(tmp_path)
    mine.write(session(5))
    other.write(session(6))
    assert mine.path != other.path
    assert left_behind(tmp_path) == []
    other.remove()
    assert [path.exists() for path in mine.generations()] == [True]


def test_who_goes_on_from_the_older_generation_writes_behind_it(tmp_path: Path) -> None:
    path = abandoned(tmp_path, 5, 6)
    newest = max(path.glob("*.pruner"))
    newest.write_bytes(b"")
    (found,) = offered(tmp_path)
    assert found.generation is not None
    found.folder.go_back_to(found.generation)
    found.folder.write(session(7))
    found.folder.release()
    (found,) = offered(tmp_path)
    assert (found.neurons[1], found.damaged) == (7, 0)
    assert len(found.folder.generations()) == 2


def test_what_was_removed_or_cleared_is_not_offered(tmp_path: Path) -> None:
    removed, cleared = Folder(tmp_path), Folder(tmp_path)
    for folder in (removed, cleared):
        folder.write(session(5))
    removed.remove()
    cleared.clear()
    cleared.release()
    assert left_behind(tmp_path) == []
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []  # the empty one was swept


def test_what_nobody_wants_for_long_goes(tmp_path: Path) -> None:
    old, young = abandoned(tmp_path, 5), abandoned(tmp_path, 6)
    for path, days in ((old, MOST_DAYS + 1), (young, MOST_DAYS - 1)):
        then = time.time() - days * 24 * 3600
        for generation in path.glob("*.pruner"):
            os.utime(generation, (then, then))
    assert [found.neurons[1] for found in offered(tmp_path)] == [6]
    assert not old.exists()


def test_a_disk_that_refuses_leaves_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    folder.write(session(5))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(3):
        with pytest.raises(CannotWrite, match="ENOSPC"):
            folder.write(session(6))
    monkeypatch.undo()
    folder.release()
    (found,) = offered(tmp_path)
    assert (found.neurons[1], found.damaged) == (5, 0)


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from kept_work import keep_writing
keep_writing(Path(sys.argv[1]), lambda number: print(number, flush=True))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by a signal")
def test_a_program_that_is_killed_while_it_saves_leaves_a_whole_generation(tmp_path: Path) -> None:
    random = np.random.default_rng()
    for _ in range(4):
        program = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(SUPPORT)], stdout=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        told = [int(program.stdout.readline()) for _ in range(int(random.integers(2, 30)))]
        assert left_behind(tmp_path) == []  # it lives
        program.send_signal(signal.SIGKILL)
        rest = program.stdout.read().split()
        program.wait()
        program.stdout.close()
        (found,) = offered(tmp_path)
        assert found.damaged == 0
        assert written_in(found) >= int(rest[-1] if rest else told[-1])
        found.folder.remove()
