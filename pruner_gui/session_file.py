"""A session as a file: a zip archive of `session.json`, with a version, and an `.npy` an array. Never pickle.

It holds the networks of the history, the runs with their edits and errors, the figures of those runs too that
the history lost, the settings, the state of the window, and where the model and its data are, with a checksum
of the data. The data itself is not in it.

Versions: 1 had no records of runs, no place on a trajectory, and no checksum of files of held-out rows.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np

from pruner_gui import files, limits, network, pruning
from pruner_gui.codec import BadValue, Codec
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import Score
from pruner_gui.formats import state_dict
from pruner_gui.network import Network, ops
from pruner_gui.records import Points, Record
from pruner_gui.session import DataOptions, Run, Stage, Step, Version

VERSION = 2
_MAX_BYTES = 8 << 30  # of all arrays, unpacked
_MAX_JSON = 1 << 28
_PIECE = 1 << 20  # bytes written at once, so that other threads are not kept waiting


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
    """Where the data is, how it was read, and what it was: `checksum` is zlib's crc32 of all files.

    `held_checksum` is that of the files of held-out rows, None where there are none, or nobody knows.
    """

    files: tuple[Path, ...]
    options: DataOptions
    checksum: int
    held_checksum: int | None = None

    @staticmethod
    def of(paths: Iterable[Path], options: DataOptions) -> DataReference:
        """Make a reference to files as they are now.

        Raises:
            OSError: one cannot be read.
        """
        paths = tuple(path.absolute() for path in paths)
        held = tuple(path.absolute() for path in options.holdout_files)
        options = replace(options, holdout_files=held)
        return DataReference(paths, options, files.checksum(paths), files.checksum(held) if held else None)

    def is_unchanged(self) -> bool:
        """Whether the files are there and hold what they held."""
        try:
            held = self.options.holdout_files
            same = self.held_checksum is None or files.checksum(held) == self.held_checksum
            return same and files.checksum(self.files) == self.checksum
        except OSError:
            return False


@dataclass(frozen=True, eq=False)
class SavedVersion:
    """A network of the history, the run that made it, and the number of that run's record.

    `began_at` is the point of the version before where that run began, None for what that one kept.
    """

    network: Network
    run: Run | None
    record: int | None = None
    began_at: int | None = None


@dataclass(frozen=True, eq=False)
class Saved:
    """What a session file holds.

    `point` is where on its run the version number `cursor` is shown, None for what the run kept. Of the
    `steps` planned number `place` is shown; `own` says which have a tolerance of their own. `window` is for
    the window's own use: plain values.
    """

    path: Path | None
    versions: tuple[SavedVersion, ...]
    cursor: int
    steps: tuple[pruning.PruneConfig, ...]
    data: DataReference | None = None
    window: dict[str, Any] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    point: int | None = None
    own: tuple[bool, ...] = ()
    place: int = 0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A session at a moment. Quick to take; `saved` works out what takes longer, in any thread.

    `draft` is all but its versions, and has no record yet of the run that goes on: `ongoing` makes that.
    """

    draft: Saved
    versions: tuple[Version, ...]
    ongoing: Callable[[], Record] | None = None

    def saved(self) -> Saved:
        """Return what goes into the file."""
        records = self.draft.records if self.ongoing is None else (*self.draft.records, self.ongoing())
        numbers = {id(run): record.number for record in records if (run := record.source()) is not None}
        versions = tuple(
            SavedVersion(version.network, version.run, numbers.get(id(version.run)), version.began_at)
            for version in self.versions
        )
        return replace(self.draft, versions=versions, records=records)


def save(saved: Saved, path: Path) -> None:
    """Write a session, whole or not at all.

    Raises:
        CannotWrite: the system does not take it.
    """
    encoded, arrays = _codec().encode(saved)
    # Token by token, since encoding at one go would keep every other thread waiting.
    text = "".join(json.JSONEncoder(allow_nan=False).iterencode({"version": VERSION, "session": encoded}))
    with files.atomic(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        archive.writestr("session.json", text, zipfile.ZIP_DEFLATED)
        for number, array in enumerate(arrays):
            with archive.open(f"arrays/{number}.npy", "w", force_zip64=True) as entry:
                _write_array(np.ascontiguousarray(array).reshape(array.shape), entry)


def _write_array(array: np.ndarray[Any, Any], entry: IO[bytes]) -> None:
    np.lib.format.write_array_header_1_0(entry, np.lib.format.header_data_from_array_1_0(array))
    content = array.reshape(-1).view(np.uint8) if array.nbytes else np.zeros(0, np.uint8)
    for first in range(0, content.size, _PIECE):
        entry.write(content[first : first + _PIECE].data)


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
        saved = _checked(path, _codec().decode(whole["session"], arrays), version)
    except (
        BadValue,
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        EOFError,
        RecursionError,
    ) as error:
        raise NotASession(path, str(error) or type(error).__name__) from error
    except (NotImplementedError, RuntimeError, MemoryError, PrunerError) as error:
        if isinstance(error, (NewerSession, NotASession)):
            raise
        raise NotASession(path, type(error).__name__) from error
    return saved


def _checked(path: Path, saved: object, version: int) -> Saved:
    """Return a decoded session as one of this version; what is no session at all is refused."""
    if not isinstance(saved, Saved) or not _is_complete(saved):
        raise NotASession(path, "incomplete")
    return _upgraded(saved, version)


def _is_complete(saved: Any) -> bool:
    kinds = ((saved.versions, SavedVersion), (saved.steps, pruning.PruneConfig), (saved.records, Record))
    return (
        all(isinstance(each, kind) for values, kind in kinds for each in values)
        and bool(saved.steps)
        and all(isinstance(each.network, Network) for each in saved.versions)
        and all(isinstance(each.run, Run | None) for each in saved.versions)
        and all(_begins(each, before) for before, each in pairwise(saved.versions))
        and all(0 <= each.kept < len(each.points) == len(each.points.pruning) for each in saved.records)
        and all(each.configs for each in saved.records)
        and isinstance(saved.window, dict)
        and isinstance(saved.own, tuple)
        and isinstance(saved.place, int)
        and isinstance(saved.point, int | None)
        and isinstance(saved.cursor, int)
        and 0 <= saved.cursor < len(saved.versions)
    )


def _begins(version: Any, before: Any) -> bool:
    """Say whether a version began at a point that the one before it has."""
    last = len(before.run.steps) if before.run is not None else -1
    return version.began_at is None or (isinstance(version.began_at, int) and 0 <= version.began_at <= last)


def _upgraded(saved: Saved, version: int) -> Saved:
    """Return a session that an older version wrote with what it lacks.

    Records of version 1 are made from the runs of the history; they have no name, and a run that was
    cancelled no time.
    """
    if version > 1:
        return saved
    records: list[Record] = []
    versions = []
    for each in saved.versions:
        if each.run is not None:
            records.append(Record.of(each.run, len(records) + 1, "", None))
            each = replace(each, record=len(records))
        versions.append(each)
    return replace(saved, versions=tuple(versions), records=tuple(records))


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
    values: list[type] = [Saved, SavedVersion, Record, Points, Run, Step, Stage, DataReference, DataOptions]
    values += [Network, network.Node, network.Origin, network.RemoveUnits, network.Fold]
    values += [network.ZeroConnections, state_dict.Stored]
    values += [kind for kind in vars(ops).values() if isinstance(kind, type) and issubclass(kind, ops.Op)]
    values += [
        pruning.PruneConfig,
        pruning.Tolerance,
        pruning.Started,
        pruning.Finished,
        pruning.Lowest,
        Score,
    ]
    return Codec(values)


def history(saved: Saved) -> list[Version]:
    """Return the versions of a session with their trajectories, for `Session.restore`, and tell its records.

    Takes its time, since networks on the way are made again. Data is loaded by whoever has `saved.data`.

    Raises:
        PrunerError: the edits of a run are not for its network.
    """
    records = {record.number: record for record in saved.records}
    versions = []
    for each in saved.versions:
        run, trajectory = each.run, None
        if run is not None:
            edits = [step.edit for step in run.steps]
            trajectory = pruning.Trajectory.again(run.started.network, edits)
            if each.record in records:
                records[each.record].made(run)
        versions.append(Version(each.network, run, trajectory, each.began_at))
    return versions
