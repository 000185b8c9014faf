"""Values as JSON and arrays, and back: how they cross to another process or lie in a file. Never pickle.

Text, numbers, bytes, paths, tuples, lists, dicts and arrays are known; of classes only the dataclasses and
named tuples that a codec is made for; other tuples lose their kind. Decoding calls constructors, which check
what they get.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import math
import struct
from collections.abc import Iterable, Mapping
from io import BufferedReader
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Json = Any

_KINDS = "biufSU"  # of arrays: plain values, no objects
_LENGTH = struct.Struct("<Q")
_LONGEST = 1 << 30  # bytes of JSON


class BadValue(ValueError):
    """What is decoded was not encoded by this codec, or is damaged."""


class Codec:
    """Encodes and decodes values made of plain ones and of these classes. A subclass of one is not one."""

    def __init__(self, classes: Iterable[type]) -> None:
        self._classes = {cls.__name__: cls for cls in classes}

    # -- values as JSON and a list of arrays

    def encode(self, value: object) -> tuple[Json, list[Array]]:
        """Return a value as JSON, and the arrays that it refers to by number, each once.

        Raises:
            TypeError: something in it is of a class that the codec is not made for.
        """
        encoder = _Encoder(self._classes)
        return encoder.of(value), encoder.arrays

    def decode(self, encoded: Json, arrays: list[Array]) -> Any:
        """Return the value. Arrays are read-only.

        Raises:
            BadValue: see there.
        """
        for array in arrays:
            array.setflags(write=False)
        try:
            return self._of(encoded, arrays)
        except BadValue:
            raise
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError, binascii.Error) as error:
            raise BadValue(f"{type(error).__name__}: {error}") from error

    def _of(self, encoded: Json, arrays: list[Array]) -> Any:
        if isinstance(encoded, list):
            return [self._of(part, arrays) for part in encoded]
        if not isinstance(encoded, dict):
            return encoded
        ((tag, inner),) = encoded.items()
        match tag:
            case "dict":
                return {self._of(key, arrays): self._of(value, arrays) for key, value in inner}
            case "tuple":
                return tuple(self._of(part, arrays) for part in inner)
            case "set":
                return frozenset(self._of(part, arrays) for part in inner)
            case "array":
                return arrays[inner]
            case "range":
                return range(*inner)
            case "bytes":
                return base64.b64decode(inner, validate=True)
            case "path":
                return Path(inner)
            case "float":
                return float(inner)
            case _:
                fields = {name: self._of(value, arrays) for name, value in inner.items()}
                return self._classes[tag](**fields)

    # -- as a stream of bytes

    def dump(self, value: object, stream: BinaryIO) -> None:
        """Write a value to a stream."""
        encoded, arrays = self.encode(value)
        plain = [np.ascontiguousarray(array) for array in arrays]
        shapes = [(array.dtype.str, list(array.shape)) for array in plain]
        head = json.dumps([encoded, shapes], allow_nan=False).encode()
        stream.write(_LENGTH.pack(len(head)))
        stream.write(head)
        for array in plain:
            stream.write(array.reshape(-1).view(np.uint8).data)

    def load(self, stream: BufferedReader) -> Any:
        """Read a value that `dump` wrote.

        Raises:
            BadValue: see there.
        """
        (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
        if length > _LONGEST:
            raise BadValue("too long")
        try:
            encoded, shapes = json.loads(_exactly(stream, length))
            arrays = [_array(stream, np.dtype(kind), shape) for kind, shape in shapes]
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            raise BadValue(f"{type(error).__name__}: {error}") from error
        return self.decode(encoded, arrays)


class _Encoder:
    def __init__(self, classes: Mapping[str, type]) -> None:
        self.arrays: list[Array] = []
        self._classes = classes
        self._numbers: dict[int, int] = {}  # of arrays that were seen, by identity

    def of(self, value: Any) -> Json:
        match value:
            case None | bool() | str():
                return value
            case int() if type(value) is int:
                return value
            case float() if type(value) is float:
                return value if math.isfinite(value) else {"float": str(value)}
            case list():
                return [self.of(part) for part in value]
            case set() | frozenset():
                return {"set": [self.of(part) for part in sorted(value)]}
            case range():
                return {"range": [value.start, value.stop, value.step]}
            case bytes():
                return {"bytes": base64.b64encode(value).decode()}
            case PurePath():
                return {"path": str(value)}
            case np.ndarray():
                return {"array": self._number(value)}
            case np.generic():
                return self.of(value.item())
            case Mapping():
                return {"dict": [[self.of(key), self.of(inner)] for key, inner in value.items()]}
        if self._classes.get(type(value).__name__) is type(value):
            return {type(value).__name__: {name: self.of(inner) for name, inner in _fields(value)}}
        if isinstance(value, tuple):
            return {"tuple": [self.of(part) for part in value]}
        raise TypeError(f"{type(value).__name__} has no code")

    def _number(self, array: Array) -> int:
        if array.dtype.kind not in _KINDS:
            raise TypeError(f"arrays of {array.dtype} have no code")
        if id(array) not in self._numbers:
            self._numbers[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return self._numbers[id(array)]


def _fields(value: Any) -> list[tuple[str, Any]]:
    """What a dataclass or a named tuple is constructed from."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.init]
    else:
        names = list(value._fields)
    return [(name, getattr(value, name)) for name in names]


def _exactly(stream: BufferedReader, count: int) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise BadValue("cut off")
    return content


def _array(stream: BufferedReader, dtype: np.dtype[Any], shape: list[int]) -> Array:
    if dtype.kind not in _KINDS or dtype.hasobject or any(type(n) is not int or n < 0 for n in shape):
        raise BadValue(f"array of {dtype}, {shape}")
    array = np.empty(shape, dtype)
    content = array.reshape(-1).view(np.uint8) if array.nbytes else np.zeros(0, np.uint8)
    at = 0
    while at < array.nbytes:
        got = stream.readinto(content[at:].data)
        if not got:
            raise BadValue("cut off")
        at += got
    return array
