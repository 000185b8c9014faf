"""Disks that fail: at every call to the system of every writer, the old or the new file is whole.

Faults are made in three ways: by an `os` that refuses its n-th call, for every n; by the kernel, which lets a
process write no more than so many bytes to a file; and by a real disk that is full or read-only, where the
system lets us have one.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from writers import WRITERS, Writer, network

from pruner_gui import files
from pruner_gui.files import CannotWrite
from pruner_gui.network import Network

CODES = ("ENOSPC", "EIO", "EACCES", "EROFS")
CALLS = {
    "open",
    "write",
    "lseek",
    "fsync",
    "replace",
    "close",
    "unlink",
    "chmod",
    "chown",
    "fstat",
    "scandir",
}


class Disk:
    """Stands for `os`; refuses call number `at`, or all from there on, with an errno; writes half before."""

    def __init__(self, at: int, code: str, *, dead: bool = False) -> None:
        self.calls, self.at, self.code, self.dead = 0, at, code, dead

    @property
    def failed(self) -> bool:
        return self.calls >= self.at

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == self.at or (self.dead and self.failed):
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                if name == "close":
                    real(*arguments)  # as the system does it: told, but closed all the same
                raise OSError(getattr(errno, self.code), os.strerror(getattr(errno, self.code)))
            return real(*arguments, **options)

        return call


@pytest.fixture(params=list(WRITERS))
def writer(request: pytest.FixtureRequest) -> Writer:
    return WRITERS[request.param]


def pair(writer: Writer) -> tuple[Network, Network]:
    """The network in the old file, and the one to write."""
    extension = Path(writer.name).suffix
    return network(7, extension), network(9, extension)


def attempt(
    writer: Writer, new: Network, target: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> CannotWrite | None:
    """Write on such a disk, and return the refusal."""
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", disk)
        try:
            writer.write(new, target)
        except CannotWrite as refusal:
            return refusal
    return None


def test_every_call_that_fails_leaves_the_old_or_the_new_file(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / writer.name
    old, new = pair(writer)
    writer.write(old, target)
    before = target.read_bytes()
    told, at = set(), 0
    while True:
        at += 1
        disks = [Disk(at, code) for code in CODES]
        for disk in disks:
            target.write_bytes(before)
            refusal = attempt(writer, new, target, disk, monkeypatch)
            if refusal is not None:
                told.add(refusal.reason)
                assert refusal.path == target
            if refusal is None or refusal.reason == "unconfirmed":
                assert writer.holds(new, target)
            else:
                assert target.read_bytes() == before
            assert [path.name for path in tmp_path.iterdir()] == [writer.name]
        if not all(disk.failed for disk in disks):
            break
    assert told >= {*CODES, "unconfirmed"}
    assert at > 8  # more calls than that there are


@pytest.mark.parametrize("name", ["model.onnx", "work.pruner"])
@pytest.mark.parametrize("code", CODES)
def test_a_disk_that_dies_leaves_the_old_or_the_new_file(
    name: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = WRITERS[name]
    target = tmp_path / name
    old, new = pair(writer)
    writer.write(old, target)
    before = target.read_bytes()
    at = 0
    while True:
        at += 1
        target.write_bytes(before)
        disk = Disk(at, code, dead=True)
        refusal = attempt(writer, new, target, disk, monkeypatch)
        if refusal is None or refusal.reason == "unconfirmed":
            assert writer.holds(new, target)
        else:
            assert target.read_bytes() == before
        files.sweep(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        if not disk.failed:
            break


# -- the kernel's own refusals

_LIMITED = """
import pathlib, resource, sys
from writers import WRITERS, network
from pruner_gui.files import CannotWrite
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
folder = pathlib.Path(sys.argv[1])
for name, writer in WRITERS.items():
    target, new = folder / name, network(60, pathlib.Path(name).suffix)
    before = target.read_bytes()
    for limit in (0, 1, 50, len(before) // 2, len(before) - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            writer.write(new, target)
        except CannotWrite as refusal:
            assert refusal.reason == "EFBIG", refusal
        else:
            sys.exit(f"{name} was written in spite of the limit of {limit} bytes")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert target.read_bytes() == before, name
    writer.write(new, target)
    assert writer.holds(new, target), name
"""


def run(code: str, *arguments: str, command: tuple[str, ...] = ()) -> None:
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests" / "support")])}
    done = subprocess.run(
        [*command, sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.name != "posix", reason="limits of the system")
def test_no_file_is_harmed_when_the_kernel_takes_no_more_bytes(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    for name, writer in WRITERS.items():
        writer.write(network(7, Path(name).suffix), tmp_path / name)
    run(_LIMITED, str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(WRITERS)


_REAL_DISK = """
import pathlib, subprocess, sys
from writers import WRITERS, network
from pruner_gui.files import CannotWrite
folder = pathlib.Path(sys.argv[1])

def mount(*options):
    subprocess.run(["mount", *options, str(folder)], check=True)

def refused(writer, reason):
    target, new = folder / writer.name, network(3000, pathlib.Path(writer.name).suffix)
    before = target.read_bytes()
    try:
        writer.write(new, target)
    except CannotWrite as refusal:
        assert refusal.reason == reason, (writer.name, refusal)
        if reason == "ENOSPC":
            assert refusal.needed > refusal.free > 0, (writer.name, refusal)
    else:
        sys.exit(f"{writer.name} was written")
    assert target.read_bytes() == before, writer.name
    assert [path.name for path in folder.iterdir()] == [writer.name]

for name, writer in WRITERS.items():
    if name != "steps.json" and name != "code.py":  # which are as small whatever is in them
        mount("-t", "tmpfs", "-o", "size=40k", "none")
        writer.write(network(7, pathlib.Path(name).suffix), folder / name)
        refused(writer, "ENOSPC")
        mount("-o", "remount,ro")
        refused(writer, "EROFS")
        subprocess.run(["umount", str(folder)], check=True)
"""


def test_no_file_is_harmed_on_a_real_disk_that_is_full_or_read_only(tmp_path: Path) -> None:
    private = ("unshare", "--user", "--map-root-user", "--mount")
    try:
        able = (
            shutil.which("mount") and subprocess.run([*private, "true"], capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("this system does not let us mount a disk of our own")
    run(_REAL_DISK, str(tmp_path), command=private)
