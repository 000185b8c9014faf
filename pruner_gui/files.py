"""Files as this program treats them: written whole or not at all, and known again when they change.

Everything that is written goes through `atomic`, the only place that opens a file for writing. What was read
is remembered as a `Fingerprint`, which can tell whether the file still holds it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import stat
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pruner_gui.errors import PrunerError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NAME = re.compile(r"\.pruner-[0-9a-f]{16}\.tmp")
_CHUNK = 1 << 20  # bytes written, or read for a checksum, at once
_DAY = 24 * 60 * 60.0
_UNKNOWN_THERE = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # a file system that has no such thing


class Bytes(int):
    """A number of bytes, to be shown as a size."""


_NOTHING = Bytes(0)


@dataclass
class CannotWrite(PrunerError):
    """The system does not take the file.

    `reason` is the errno's name (ENOSPC, EDQUOT, EACCES, EROFS, EIO, ENAMETOOLONG...), or "entries" (a full
    disk has no room for one more file), "folder" (no file may be made in its folder), "special" (a pipe or a
    device is in its place) or "unconfirmed": only then what was there before is gone, since the new file is
    in place, but the disk does not say that it will stay. `needed` and `free` are for a full disk: what the
    file takes, as far as it was written, and what was free.
    """

    path: Path
    reason: str
    needed: Bytes = _NOTHING
    free: Bytes = _NOTHING


@dataclass
class ChangedWhileRead(PrunerError):
    """The file was replaced, changed or removed while it was read."""

    path: Path


# -- writing


class Draft(io.RawIOBase):
    """The temporary file beside a target: written to like any binary file, read by its `path`."""

    def __init__(self, path: Path, handle: int) -> None:
        super().__init__()
        self.path, self._handle = path, handle
        self.needed = 0  # bytes, once there was no room for them

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place in the file."""
        return os.lseek(self._handle, offset, whence)

    def write(self, content: ReadableBuffer, /) -> int:
        """Write all of the content, and return its length.

        Raises:
            OSError: the disk does not take it.
        """
        view = memoryview(content).cast("B")
        done = 0
        while done < len(view):
            try:
                done += os.write(self._handle, view[done : done + _CHUNK])
            except OSError:
                with contextlib.suppress(OSError):
                    self.needed = self.tell() + len(view) - done
                raise
        return done

    def write_bytes(self, content: bytes) -> int:
        """Write the whole content of the file, unless it is plain that there is no room for it."""
        with contextlib.suppress(OSError):  # a file system that does not say what is free
            if shutil.disk_usage(self.path.parent).free < len(content):
                self.needed = len(content)
        if self.needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.write(content)

    def put_in_place(self, target: Path) -> None:
        """Have the disk take it all, and rename it to its target."""
        try:
            _keep_permissions(target, self.path)
            os.fsync(self._handle)
        except OSError:
            self.needed = self.seek(0, os.SEEK_END)
            raise
        if os.name == "nt":  # where an open file can be neither renamed nor removed
            self.close()
        os.replace(self.path, target)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            super().close()
            with contextlib.suppress(OSError):
                os.close(self._handle)

    def remove(self) -> None:
        """Close the file, and remove it if it was not put in place."""
        if os.name == "nt":
            self.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        self.close()


def write(target: Path, content: bytes) -> None:
    """Write a file whose content is at hand. Raises CannotWrite."""
    with atomic(target) as draft:
        draft.write_bytes(content)


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Draft]:
    """Give a temporary file beside `target` to write to; put it in place when the block ends well.

    The content is on the disk before the rename, and the rename before the return. A file that is replaced
    hands on its permissions. When the block raises, the temporary file is removed and `target` stays as it
    was. What killed programs left behind in the folder is swept.

    Raises:
        CannotWrite: the system refuses, now or in the block.
    """
    draft: Draft | None = None
    try:
        real = target.resolve()  # a link stays a link: what it points to is replaced
        _refuse(real)
        sweep(real.parent)
        draft = _created(real)
        try:
            yield draft
            draft.put_in_place(real)
        finally:
            draft.remove()
    except OSError as error:
        raise _told(target, error, draft) from error
    try:
        _sync_folder(real.parent)
    except OSError as error:
        raise CannotWrite(target, "unconfirmed") from error


def check_target(target: Path) -> None:
    """Make sure, as far as that can be known before, that a file can be written.

    Raises:
        CannotWrite: it cannot.
    """
    try:
        _refuse(target.resolve())
    except OSError as error:
        raise _told(target, error, None) from error


def sweep(folder: Path) -> None:
    """Remove the temporary files that programs left in a folder when they were killed; never those in use."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name):
                _sweep(Path(entry.path))


def _sweep(path: Path) -> None:
    with contextlib.suppress(OSError):
        if os.name == "nt":  # an open file cannot be removed there
            os.unlink(path)
            return
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if _is_left(handle):
                os.unlink(path)
        finally:
            os.close(handle)


def _is_left(handle: int) -> bool:
    """Whether nobody holds this file; where that cannot be told, whether it is a day old."""
    try:
        _lock(handle, alone=True)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - os.fstat(handle).st_mtime > _DAY
    return True


def _lock(handle: int, *, alone: bool) -> None:
    """Hold a file as long as this process lives; the system lets go of it, however that ends.

    Readers that hold it too, as HDF5 does, are not in the way, unless it is to be held alone.

    Raises:
        BlockingIOError: others hold it, and it is to be held alone.
    """
    if os.name == "posix":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)


def _created(target: Path) -> Draft:
    """Make a temporary file beside a target and hold it, so that nobody sweeps it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    mode = 0o600 if target.exists() else 0o666  # of a new file the system takes away what the umask says
    while True:
        path = target.parent / f".pruner-{secrets.token_hex(8)}.tmp"
        try:
            handle = os.open(path, flags, mode)
        except PermissionError as error:
            raise CannotWrite(target, "folder") from error
        draft = Draft(path, handle)
        with contextlib.suppress(OSError):  # a file system without locks
            _lock(handle, alone=False)
        if path.exists():
            return draft
        draft.close()  # swept between being made and being held


def _refuse(target: Path) -> None:
    """Refuse what a rename would replace though it must not, and what cannot be written anyway."""
    if target.exists():
        if not target.is_file():
            raise CannotWrite(target, "EISDIR" if target.is_dir() else "special")
        if not os.access(target, os.W_OK):
            raise OSError(_read_only(target) or errno.EACCES, "")
    folder = target.parent
    if not folder.is_dir():
        raise OSError(errno.ENOTDIR if folder.exists() else errno.ENOENT, "")
    if not os.access(folder, os.W_OK | os.X_OK):
        if code := _read_only(folder):
            raise OSError(code, "")
        raise CannotWrite(target, "folder")


def _read_only(path: Path) -> int:
    """EROFS where the file system can only be read, else 0."""
    if hasattr(os, "statvfs") and os.statvfs(path).f_flag & os.ST_RDONLY:
        return errno.EROFS
    return 0


def _keep_permissions(target: Path, path: Path) -> None:
    """Give a file what the one that it replaces has: owner and group where that may be done, mode, lists."""
    if not target.exists():
        return
    old = target.stat()
    if os.name == "posix":
        with contextlib.suppress(PermissionError):
            os.chown(path, old.st_uid, old.st_gid)
    with contextlib.suppress(PermissionError):  # a file system that has no modes
        os.chmod(path, stat.S_IMODE(old.st_mode) & 0o777)
    if hasattr(os, "listxattr"):
        for name in os.listxattr(target):
            with contextlib.suppress(OSError):
                os.setxattr(path, name, os.getxattr(target, name))


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _UNKNOWN_THERE:
            raise
    finally:
        os.close(handle)


def _told(target: Path, error: OSError, draft: Draft | None) -> CannotWrite:
    reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
    needed = draft.needed if draft is not None else 0
    if reason == "ENOSPC" and not needed:
        reason = "entries"
    free = 0
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(target.parent).free
    return CannotWrite(target, reason, Bytes(needed), Bytes(free))


# -- what was read


class Stamp(NamedTuple):
    """What changes whenever a file does, and is known without reading it."""

    size: int
    modified: int
    changed: int
    inode: int

    @staticmethod
    def of(file: Path | int) -> Stamp:
        """Return that of a file, or of what is open. Raises OSError."""
        state = os.stat(file)
        return Stamp(state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


@dataclass(frozen=True)
class Fingerprint:
    """A file as it was at one moment; `checksum` is the crc32 of its content."""

    path: Path
    stamp: Stamp
    checksum: int

    @staticmethod
    def of(path: Path) -> Fingerprint:
        """Take that of a file as it is now.

        Raises:
            OSError: it cannot be read.
            ChangedWhileRead: it changes at this very moment.
        """
        with held([path]):
            return Fingerprint(path, Stamp.of(path), checksum([path]))

    def hold(self) -> None:
        """Make sure that the file has not changed since. Raises ChangedWhileRead."""
        if _stamp(self.path) != self.stamp:
            raise ChangedWhileRead(self.path)

    def again(self) -> Fingerprint | None:
        """Return the file as it is now; None where it is gone, or cannot be read. Raises ChangedWhileRead."""
        try:
            return self if Stamp.of(self.path) == self.stamp else Fingerprint.of(self.path)
        except OSError:
            return None

    def same_content(self, other: Fingerprint) -> bool:
        """Whether both have the same bytes."""
        return (self.stamp.size, self.checksum) == (other.stamp.size, other.checksum)


def fingerprints(paths: Iterable[Path]) -> tuple[Fingerprint, ...]:
    """Take those of the files among paths; what is none is left to who reads it. Raises ChangedWhileRead."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_file():
                found.append(Fingerprint.of(path.absolute()))
    return tuple(found)


@contextlib.contextmanager
def held(paths: Iterable[Path]) -> Iterator[None]:
    """Make sure that files are the same before and after a block that reads them.

    A refusal of the block says nothing where they are not; what the system says stands.

    Raises:
        ChangedWhileRead: one is not.
    """
    before = {path: _stamp(path) for path in paths}
    try:
        yield
    except PrunerError as refusal:
        if changed := _changed(before):
            raise ChangedWhileRead(changed) from refusal
        raise
    if changed := _changed(before):
        raise ChangedWhileRead(changed)


def _changed(before: Mapping[Path, Stamp | None]) -> Path | None:
    return next((path for path, stamp in before.items() if _stamp(path) != stamp), None)


def _stamp(path: Path) -> Stamp | None:
    try:
        return Stamp.of(path)
    except OSError:
        return None


def checksum(paths: Iterable[Path]) -> int:
    """Return the crc32 of the content of files, one after the other. Raises OSError."""
    value = 0
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                value = zlib.crc32(chunk, value)
    return value
