"""A session as a file: a zip archive of `session.json`, with a version, and an `.npy` an array. Never pickle.

It holds the networks of the history, the runs with their edits and errors, the settings, and where the model
and its data are, with a checksum of the data. The data itself is not in it.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pruner_gui import files, limits, network, pruning
from pruner_gui.codec import BadValue, Codec
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import Score
from pruner_gui.formats import state_dict
from pruner_gui.network import Network, ops
from pruner_gui.session import Changes, DataOptions, Run, Session, Stage, Step, Version

VERSION = 1
_MAX_BYTES = 8 << 30  # of all arrays, unpacked
_MAX_JSON = 1 << 28


@dataclass
class NotASession(PrunerError):
    """The file is no session, or a damaged one; `detail` says how."""

    path: Path
    detail: str


@dataclass
class NewerSession(PrunerError):
    """The file was written by a newer version of this program."""

    path: Path
    found: int
    known: int


@dataclass
class DataChanged(PrunerError):
    """The data of a session is no longer what it was, or no longer there."""

    path: Path


@dataclass(frozen=True)
class DataReference:
    """Where the data is, how it was read, and what it was: `checksum` is zlib's crc32 of all files."""

    files: tuple[Path, ...]
    options: DataOptions
    checksum: int

    @staticmethod
    def of(paths: Iterable[Path], options: DataOptions) -> DataReference:
        """Make a reference to files as they are now.

        Raises:
            OSError: one cannot be read.
        """
        paths = tuple(path.absolute() for path in paths)
        return DataReference(paths, options, files.checksum(paths))

    def is_unchanged(self) -> bool:
        """Whether the files are there and hold what they held."""
        try:
            return files.checksum(self.files) == self.checksum
        except OSError:
            return False


@dataclass(frozen=True, eq=False)
class SavedVersion:
    """A network of the history and the run that made it."""

    network: Network
    run: Run | None


@dataclass(frozen=True, eq=False)
class Saved:
    """What a session file holds. `window` is for the window's own use: plain values."""

    path: Path | None
    versions: tuple[SavedVersion, ...]
    cursor: int
    steps: tuple[pruning.PruneConfig, ...]
    data: DataReference | None = None
    window: dict[str, Any] = field(default_factory=dict)


def save(saved: Saved, path: Path) -> None:
    """Write a session, whole or not at all.

    Raises:
        CannotWrite: the system does not take it.
    """
    encoded, arrays = _codec().encode(saved)
    text = json.dumps({"version": VERSION, "session": encoded}, allow_nan=False)
    with files.atomic(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        archive.writestr("session.json", text, zipfile.ZIP_DEFLATED)
        for number, array in enumerate(arrays):
            with archive.open(f"arrays/{number}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)


def load(path: Path) -> Saved:
    """Read a session.

    Raises:
        OSError: the system does not give it out.
        NewerSession: a newer version of the program wrote it.
        NotASession: anything else than a whole session.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            whole = json.loads(archive.read("session.json"))
            version = whole["version"] if isinstance(whole, dict) else None
            if not isinstance(version, int) or version < 1:
                raise NotASession(path, "no version")
            if version > VERSION:
                raise NewerSession(path, version, VERSION)
            count = sum(name.startswith("arrays/") for name in archive.namelist())
            arrays = [_array(archive, number) for number in range(count)]
        saved = _codec().decode(whole["session"], arrays)
    except (
        BadValue,
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        EOFError,
        RecursionError,
    ) as error:
        raise NotASession(path, str(error) or type(error).__name__) from error
    except (NotImplementedError, RuntimeError, MemoryError, PrunerError) as error:
        if isinstance(error, (NewerSession, NotASession)):
            raise
        raise NotASession(path, type(error).__name__) from error
    if not isinstance(saved, Saved) or not 0 <= saved.cursor < len(saved.versions):
        raise NotASession(path, "incomplete")
    return saved


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Make sure that unpacking stays within bounds."""
    infos = archive.infolist()
    if sum(info.file_size for info in infos) > limits.scaled(_MAX_BYTES):
        raise NotASession(path, "too large")
    if archive.getinfo("session.json").file_size > limits.scaled(_MAX_JSON):
        raise NotASession(path, "too large")


def _array(archive: zipfile.ZipFile, number: int) -> Any:
    content = io.BytesIO(archive.read(f"arrays/{number}.npy"))
    return np.lib.format.read_array(content, allow_pickle=False)


@cache
def _codec() -> Codec:
    values: list[type] = [Saved, SavedVersion, Run, Step, Stage, DataReference, DataOptions]
    values += [Network, network.Node, network.Origin, network.RemoveUnits, network.Fold]
    values += [network.ZeroConnections, state_dict.Stored]
    values += [kind for kind in vars(ops).values() if isinstance(kind, type) and issubclass(kind, ops.Op)]
    values += [pruning.PruneConfig, pruning.Tolerance, pruning.Started, pruning.Finished, Score]
    return Codec(values)


def saved_from(
    session: Session,
    steps: Sequence[pruning.PruneConfig],
    data: DataReference | None = None,
    window: dict[str, Any] | None = None,
) -> Saved:
    """Return what is to be saved of a session that has a network open and no run going on."""
    versions = tuple(SavedVersion(version.network, version.run) for version in session.versions)
    cursor = session.versions.index(session.version)
    return Saved(session.path, versions, cursor, tuple(steps), data, window or {})


def restore(session: Session, saved: Saved) -> Changes:
    """Make a session what it was when it was saved; its data is loaded by whoever has `saved.data`."""
    versions = [Version(each.network, each.run, _trajectory(each.run)) for each in saved.versions]
    return session.restore(saved.path, versions, saved.cursor)


def _trajectory(run: Run | None) -> pruning.Trajectory | None:
    if run is None:
        return None
    network = run.started.network
    trajectory = pruning.Trajectory(network)
    for step in run.steps:
        network = step.edit.apply(network)
        trajectory.add(step.edit, network)
    return trajectory
