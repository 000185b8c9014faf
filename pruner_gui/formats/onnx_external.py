"""Tensors whose values are in a file beside the model, found and read without trusting what the model says.

The location must be a plain relative path to a regular file inside the model's folder, and the range must be
exactly the tensor's, inside the file. Values that were read lie in the model then, as if they always had.
"""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from onnx import TensorProto

from pruner_gui.files import ChangedWhileRead, Stamp
from pruner_gui.formats.errors import ExternalData, TooLarge

_DIGITS = 19  # of the largest file offset


class ExternalTensors:
    """Brings in the tensors of one model; together they may take at most `limit` bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._taken = 0
        self.stamps: dict[str, Stamp] = {}  # of the files, by their place in the model's folder

    def bring_in(self, tensor: TensorProto, name: str, itemsize: int) -> None:
        """Read a tensor's values into it.

        Raises:
            OSError, ExternalData, TooLarge.
            ChangedWhileRead: the file is not what it was for an earlier tensor.
        """
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")

        def refuse(reason: str) -> ExternalData:
            return ExternalData(self._path, name, location, reason)

        if len(entries) != len(tensor.external_data) or tensor.HasField("raw_data"):
            raise refuse("entries")
        if any(size < 0 for size in tensor.dims):
            raise refuse("range")
        size = math.prod(tensor.dims) * itemsize
        offset, length = (
            _whole(entries.get(key, default)) for key, default in (("offset", "0"), ("length", str(size)))
        )
        if offset is None or length is None:
            raise refuse("entries")
        if length != size:
            raise refuse("range")
        self._taken += size
        if self._taken > self._limit:
            raise TooLarge(self._path, "protobuf", self._taken, self._limit)
        target = self._target(location)
        if isinstance(target, str):
            raise refuse(target)
        with _opened(target) as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise refuse("irregular")
            self._hold(target, file.fileno())
            if offset + size > state.st_size:
                raise refuse("range")
            file.seek(offset)
            values = file.read(size)
            self._hold(target, file.fileno())
        if len(values) != size:
            raise refuse("range")
        tensor.raw_data = values
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")

    def _hold(self, target: Path, handle: int) -> None:
        """Make sure that all tensors come from the same content of a file."""
        name, stamp = target.relative_to(self._path.parent.resolve()).as_posix(), Stamp.of(handle)
        if self.stamps.setdefault(name, stamp) != stamp:
            raise ChangedWhileRead(target)

    def _target(self, location: str) -> Path | str:
        """The file at a location, or the reason why it is none."""
        posix, windows = PurePosixPath(location), PureWindowsPath(location)
        if not location or "\0" in location or posix.is_absolute() or windows.anchor or ".." in windows.parts:
            return "location"
        folder = self._path.parent.resolve()
        try:
            target = (folder / posix).resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        except (RuntimeError, OSError):  # a loop of links
            return "link"
        if not target.is_relative_to(folder):
            return "link"
        return target if target.is_file() else "irregular"


def _opened(path: Path) -> BinaryIO:
    """Open a file that was found; a link or pipe in its place by now is not followed or waited for."""
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    return os.fdopen(os.open(path, flags), "rb")


def _whole(text: str) -> int | None:
    """A number of bytes as the model writes it, None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None
