"""Writing a file so that either the old or the new one is there, whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target` to write to; put it in place when the block ends well.

    The content is flushed to the disk before the rename, and the rename before the return. When the
    block raises, the temporary file is removed and `target` stays as it was.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    target = target.resolve()  # a link stays a link: what it points to is replaced
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        if os.name == "posix":
            _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    # There is no way to read the mask without setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
