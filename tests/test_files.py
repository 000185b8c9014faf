"""The atomic writer where nothing fails: what it leaves alone, keeps, sweeps and refuses."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pruner_gui import cli, files, wording
from pruner_gui.files import Bytes, CannotWrite, ChangedWhileRead, Fingerprint, check_target, held

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and pipes")
NAME = ".pruner-0123456789abcdef.tmp"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_can_be_written_in_pieces_and_corrected(tmp_path: Path) -> None:
    with files.atomic(tmp_path / "a.zip") as draft, zipfile.ZipFile(draft, "w") as archive:
        archive.writestr("one", "1" * 3_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read("one") == b"1" * 3_000_000
    assert names(tmp_path) == ["a.zip"]


def test_nothing_is_seen_of_a_file_before_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a"
    with files.atomic(target) as draft:
        draft.write(b"half")
        assert not target.exists()
        assert draft.path.parent == tmp_path
        assert draft.path.read_bytes() == b"half"
    assert target.read_bytes() == b"half"


def test_a_block_that_ends_badly_leaves_what_was_there(tmp_path: Path) -> None:
    files.write(tmp_path / "a", b"old")

    def work() -> None:
        with files.atomic(tmp_path / "a") as draft:
            draft.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@posix
@pytest.mark.parametrize("mode", [0o640, 0o600, 0o664])
def test_permissions_are_kept(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "a"
    target.touch()
    target.chmod(mode)
    files.write(target, b"new")
    assert target.stat().st_mode & 0o777 == mode


@posix
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    files.write(tmp_path / "a", b"new")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@posix
def test_the_owner_is_kept(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    target = tmp_path / "a"
    target.touch()
    os.chown(target, 12345, 12346)
    files.write(target, b"new")
    assert (target.stat().st_uid, target.stat().st_gid) == (12345, 12346)


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    files.write(tmp_path / "folder" / "real", b"old")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "real")
    files.write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "real").read_bytes() == b"new"


# -- leftovers


def test_what_killed_programs_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"half")
    (tmp_path / ".pruner-notes.tmp").write_bytes(b"of somebody else")
    files.write(tmp_path / "a", b"new")
    assert names(tmp_path) == [".pruner-notes.tmp", "a"]


@posix
def test_what_another_process_is_writing_is_not_swept(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from pruner_gui import files\n"
        "with files.atomic(pathlib.Path(sys.argv[1])) as draft:\n"
        "    draft.write(b'other'); print('ready', flush=True); input()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "b")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        files.write(tmp_path / "a", b"new")
        assert len(names(tmp_path)) == 2
        other.communicate("\n")
    assert names(tmp_path) == ["a", "b"]
    assert (tmp_path / "b").read_bytes() == b"other"


def test_several_threads_do_not_sweep_each_other(tmp_path: Path) -> None:
    def work(number: int) -> None:
        for _ in range(20):
            files.write(tmp_path / f"file{number % 2}", str(number).encode() * 1000)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(tmp_path) == ["file0", "file1"]
    for number in range(2):
        content = (tmp_path / f"file{number}").read_bytes()
        assert content in {str(each).encode() * 1000 for each in (number, number + 2)}


# -- refusals


def refused(path: Path) -> CannotWrite:
    """The refusal, which is the same before and at writing; and nothing was left."""
    before = names(path.parent) if path.parent.is_dir() else []
    with pytest.raises(CannotWrite) as early:
        check_target(path)
    with pytest.raises(CannotWrite) as late:
        files.write(path, b"new")
    assert (early.value.path, early.value.reason) == (late.value.path, late.value.reason)
    assert before == (names(path.parent) if path.parent.is_dir() else [])
    return late.value


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert refused(tmp_path / "folder").reason == "EISDIR"
    assert refused(tmp_path / "none" / "a").reason == "ENOENT"
    assert refused(tmp_path / "file" / "a").reason == "ENOTDIR"
    assert refused(tmp_path / ("a" * 300)).reason == "ENAMETOOLONG"


@posix
def test_a_name_as_long_as_a_name_may_be_can_be_written(tmp_path: Path) -> None:
    files.write(tmp_path / ("a" * 255), b"new")


@posix
def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").reason == "special"


@pytest.mark.parametrize(("name", "reason"), [("a", "EACCES"), ("", "folder")])
def test_what_is_protected_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    # The tests may run as root, who may write everything: the answer for anybody else is given.
    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / name)
    assert refused(tmp_path / "a").reason == reason
    assert (tmp_path / "a").read_bytes() == b"old"


def test_what_has_no_room_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1500})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(CannotWrite) as refusal:
        files.write(tmp_path / "a", b"1" * 2_500_000)
    told = refusal.value
    assert (told.reason, told.needed, told.free) == ("ENOSPC", 2_500_000, 1500)
    words = str(wording.problem(told))
    assert "needs 2.5 MB, and 1.5 kB are free" in words
    assert str(tmp_path) in words
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "reason",
    [
        "ENOSPC",
        "entries",
        "EDQUOT",
        "EFBIG",
        "EIO",
        "EROFS",
        "EACCES",
        "folder",
        "ENOENT",
        "ENOTDIR",
        "EISDIR",
        "special",
        "ENAMETOOLONG",
        "unconfirmed",
        "EBUSY",
    ],
)
def test_every_refusal_says_where_and_what_to_do(reason: str) -> None:
    problem = wording.problem(CannotWrite(Path("/disk/a.onnx"), reason, Bytes(10), Bytes(5)))
    assert "/disk/a.onnx" in problem.what
    assert problem.remedy.endswith(".")
    assert (f"({reason})" in problem.what) is (reason == "EBUSY")  # which has no sentence of its own


# -- what was read


def test_a_fingerprint_knows_its_file_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    found = Fingerprint.of(path)
    assert found.again() is found
    os.utime(path, ns=(1, 1))
    touched = found.again()
    assert touched is not None
    assert touched is not found
    assert found.same_content(touched)
    path.write_bytes(b"new")
    changed = found.again()
    assert changed is not None
    assert not found.same_content(changed)
    path.unlink()
    assert found.again() is None


def test_a_replaced_file_is_noticed_even_with_its_old_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    found = Fingerprint.of(path)
    state = path.stat()
    path.write_bytes(b"new")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    changed = found.again()
    assert changed is not None
    assert not found.same_content(changed)


@pytest.mark.parametrize("change", ["write", "truncate", "replace", "delete", "create"])
def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path, change: str) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    for each in (path, other):
        each.write_bytes(b"content")
    if change == "create":
        path.unlink()
    changes: dict[str, Callable[[], object]] = {
        "write": lambda: path.write_bytes(b"others!"),
        "truncate": lambda: os.truncate(path, 3),
        "replace": lambda: other.replace(path),
        "delete": path.unlink,
        "create": lambda: path.write_bytes(b"content"),
    }
    with pytest.raises(ChangedWhileRead) as told, held([other, path]):
        changes[change]()
    assert told.value.path in {path, other}


def test_an_error_in_the_block_is_not_hidden_by_a_change(tmp_path: Path) -> None:
    def work() -> None:
        with held([tmp_path / "a"]):
            (tmp_path / "a").touch()
            raise OSError(errno.ENOENT, "gone")

    with pytest.raises(OSError, match="gone"):
        work()


def test_what_cannot_be_written_is_told_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = Path(__file__).parents[1] / "models"
    arguments = ["prune", str(models / "iris.onnx"), "--data", str(models / "iris.csv")]
    arguments += ["-o", str(tmp_path / "a.onnx"), "--report", str(tmp_path / "none" / "r.json")]
    assert cli.main(arguments) == 1
    told = capsys.readouterr()
    assert "There is no folder" in told.err
    assert "pass 1" not in told.err
    assert names(tmp_path) == []
