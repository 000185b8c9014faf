"""Autosaves: a folder for each running program, and what programs left behind that ended before they could
remove theirs.

A program holds the lock of its folder as long as it lives; the system frees it however the program ends, so
that a folder whose lock can be had belongs to nobody. Folders are made, taken over and removed under the lock
of the root, which is held for moments only. In a folder lie two generations, numbered: sessions, each written
whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from pruner_gui.session_file import NewerSession, NotASession, Saved, load, save

KEPT = 2  # generations
MOST_DAYS = 30  # until what nobody recovered goes
_ENDING = ".pruner"
_PATIENCE = 10.0  # seconds for the lock of the root
_DAY = 24 * 3600


class Folder:
    """A folder of autosaves that this process holds, made when there is something to write.

    Its methods may run in any thread, one at a time. They raise OSError, and CannotWrite
    where a file is not taken.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path: Path | None = None
        self._lock: FileLock | None = None

    @classmethod
    def held(cls, path: Path, lock: FileLock) -> Folder:
        """Return a folder that there is, whose lock was had."""
        folder = cls(path.parent)
        folder.path, folder._lock = path, lock
        return folder

    def generations(self) -> list[Path]:
        """Return what was saved, newest first."""
        if self.path is None:
            return []
        found = (path for path in self.path.glob(f"*{_ENDING}") if path.stem.isdecimal())
        return sorted(found, key=lambda path: int(path.stem), reverse=True)

    def write(self, saved: Saved) -> Path:
        """Save a session as the newest generation, and remove those that are too many."""
        folder, before = self._made(), self.generations()
        path = folder / f"{int(before[0].stem) + 1 if before else 1}{_ENDING}"
        save(saved, path)
        for old in before[KEPT - 1 :]:
            old.unlink()
        return path

    def go_back_to(self, generation: Path) -> None:
        """Remove the generations that are newer than one."""
        for path in self.generations():
            if int(path.stem) > int(generation.stem):
                path.unlink()

    def clear(self) -> None:
        """Remove all generations, the oldest first: of what is left the newest is the last."""
        for path in reversed(self.generations()):
            path.unlink()

    def release(self) -> None:
        """Leave the folder as it is to whoever comes."""
        if self._lock is not None:
            self._lock.release()
        self.path = self._lock = None

    def remove(self) -> None:
        """Remove the folder with what is in it. Where another process keeps the root it stays, empty."""
        self.clear()
        path = self.path
        try:
            if path is not None:
                with _alone(self.root):
                    self.release()  # an open file cannot be removed everywhere
                    shutil.rmtree(path)
        finally:
            self.release()

    def _made(self) -> Path:
        if self.path is None:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(self.root):
                path = self.root / f"{os.getpid()}-{time.time_ns()}"
                path.mkdir()
                lock = _lock(path / ".lock")
                lock.acquire(timeout=0)
            self.path, self._lock = path, lock
        return self.path


def left_behind(root: Path) -> list[Folder]:
    """Take over the folders in `root` of processes that have ended, those with something in them.

    Empty ones and those older than `MOST_DAYS` are removed, and so is what a killed writer left half done.

    Raises:
        OSError: the root cannot be locked.
    """
    if not root.is_dir():
        return []
    found = []
    with _alone(root):
        for path in sorted(path for path in root.iterdir() if path.is_dir()):
            with contextlib.suppress(OSError):  # held by another process, or gone, or not ours to use
                lock = _lock(path / ".lock")
                lock.acquire(timeout=0)
                folder = Folder.held(path, lock)
                if _is_wanted(folder):
                    _tidy(path)
                    found.append(folder)
                else:
                    folder.release()
                    shutil.rmtree(path)
    return found


def _is_wanted(folder: Folder) -> bool:
    newest = folder.generations()[:1]
    return bool(newest) and time.time() - newest[0].stat().st_mtime < MOST_DAYS * _DAY


def _tidy(path: Path) -> None:
    for torn in path.glob(".*.tmp"):
        torn.unlink()


@dataclass(frozen=True)
class Found:
    """What a program that ended left behind in a folder.

    `generation` is the newest that is whole, None where none is: `error` is then what is wrong with the
    newest. `damaged` counts the newer ones that are not whole. `when` is in seconds since 1970. `steps`
    counts the accepted edits of all runs.
    """

    folder: Folder
    generation: Path | None
    when: float
    damaged: int = 0
    error: Exception | None = None
    model: Path | None = None
    neurons: tuple[int, int] = (0, 0)
    steps: int = 0


def look_into(folder: Folder) -> Found:
    """Read the newest whole generation and say what is in it.

    Raises:
        OSError: the folder cannot be read.
    """
    errors: list[Exception] = []
    generations = folder.generations()
    for path in generations:
        try:
            saved = load(path)
        except (NotASession, NewerSession, OSError) as error:
            errors.append(error)
            continue
        networks = saved.versions[0].network, saved.versions[saved.cursor].network
        return Found(
            folder,
            path,
            path.stat().st_mtime,
            len(errors),
            None,
            saved.path,
            (networks[0].hidden_neurons, networks[1].hidden_neurons),
            sum(len(version.run.steps) for version in saved.versions if version.run is not None),
        )
    return Found(folder, None, generations[0].stat().st_mtime, len(errors), errors[0])


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Be the only process that makes, takes over or removes folders.

    Raises:
        Timeout: an OSError; another process keeps the lock too long.
    """
    with _lock(root / ".lock").acquire(timeout=_PATIENCE):
        yield


def _lock(path: Path) -> FileLock:
    # One thread locks, another lets go: the lock is the process'.
    return FileLock(path, thread_local=False)
