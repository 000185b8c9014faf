"""PyTorch files made by hand, byte by byte: as PyTorch writes them, and as it never would."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STORAGES = {
    "i2": "ShortStorage",
    "f2": "HalfStorage",
    "f4": "FloatStorage",
    "f8": "DoubleStorage",
    "i8": "LongStorage",
}


@dataclass(frozen=True)
class Made:
    """An object of a class, or a function's result: `module`, `name`, arguments, state."""

    module: str
    name: str
    arguments: tuple[Any, ...] = ()
    state: Any = None


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor; what is left out follows from `values`. Tensors with the same `storage` share it."""

    values: np.ndarray[Any, Any]
    storage: str | None = None
    offset: int = 0
    shape: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None
    kind: str | None = None
    count: int | None = None
    device: str = "cpu"


@dataclass
class Pickled:
    """A pickle of protocol 2, and the storages that it refers to."""

    value: Any
    old: bool = False  # before 1.6 references have a part more
    storages: dict[str, bytes] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def content(self) -> bytes:
        return b"\x80\x02" + self._put(self.value) + b"."

    def _put(self, value: Any) -> bytes:
        match value:
            case None | bool():
                return {None: b"N", True: b"\x88", False: b"\x89"}[value]
            case int():
                return b"J" + struct.pack("<i", value)
            case float():
                return b"G" + struct.pack(">d", value)
            case str():
                raw = value.encode()
                return b"X" + struct.pack("<I", len(raw)) + raw
            case tuple():
                return b"(" + b"".join(map(self._put, value)) + b"t"
            case list():
                return b"](" + b"".join(map(self._put, value)) + b"e"
            case dict():
                return b"}(" + b"".join(map(self._put, sum(value.items(), ()))) + b"u"
            case Made():
                made = self._global(value.module, value.name) + self._put(value.arguments) + b"R"
                return made if value.state is None else made + self._put(value.state) + b"b"
            case Tensor():
                return self._tensor(value)
        raise TypeError(value)

    def _tensor(self, tensor: Tensor) -> bytes:
        values = tensor.values
        key = tensor.storage or str(len(self.storages))
        self.storages.setdefault(key, values.astype(values.dtype.newbyteorder("<")).tobytes())
        count = self.counts.setdefault(key, values.size if tensor.count is None else tensor.count)
        kind = tensor.kind or STORAGES[values.dtype.str[1:]]
        shape = values.shape if tensor.shape is None else tensor.shape
        strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
        reference = b"(" + self._put("storage") + self._global("torch", kind) + self._put(key)
        reference += self._put(tensor.device) + self._put(count) + (b"N" if self.old else b"") + b"tQ"
        view = self._put(tensor.offset) + self._put(shape) + self._put(tensor.strides or strides) + b"\x89"
        made = self._global("torch._utils", "_rebuild_tensor_v2") + b"(" + reference + view
        return made + self._put(ordered()) + b"tR"

    def _global(self, module: str, name: str) -> bytes:
        return f"c{module}\n{name}\n".encode()


def ordered() -> Made:
    return Made("collections", "OrderedDict")


def saved(
    value: Any, *, root: str = "archive", compression: int = zipfile.ZIP_STORED, **entries: bytes
) -> bytes:
    """Return a zip file as since PyTorch 1.6; `entries` are added, or replace others."""
    pickled = Pickled(value)
    files = {"data.pkl": pickled.content(), "version": b"3\n"}
    files |= {f"data/{key}": raw for key, raw in pickled.storages.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in {**files, **entries}.items():
            archive.writestr(f"{root}/{name}", content)
    return stream.getvalue()


def saved_before(value: Any) -> bytes:
    """Return a file as before PyTorch 1.6."""
    pickled = Pickled(value, old=True)
    magic, version = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", b"\x80\x02M\xe9\x03."
    facts = Pickled({"protocol_version": 1001, "little_endian": True}).content()
    content = magic + version + facts + pickled.content() + Pickled(list(pickled.storages)).content()
    for key, raw in pickled.storages.items():
        content += struct.pack("<q", pickled.counts[key]) + raw
    return content


def table(sizes: Sequence[int], names: Sequence[str], dtype: str = "f4", seed: int = 0) -> dict[str, Any]:
    """Return the state dict of linear layers."""
    rng = np.random.default_rng(seed)
    entries: dict[str, Any] = {}
    for name, n_in, n_out in zip(names, sizes[:-1], sizes[1:], strict=True):
        entries[f"{name}.weight"] = Tensor(rng.normal(size=(n_out, n_in)).astype(dtype))
        entries[f"{name}.bias"] = Tensor(rng.normal(size=n_out).astype(dtype))
    return entries


def norm(name: str, units: int, seed: int = 1) -> dict[str, Any]:
    """Return the tensors of a batch normalisation."""
    rng = np.random.default_rng(seed)
    parts = {key: rng.normal(size=units).astype("f4") for key in ("weight", "bias", "running_mean")}
    parts["running_var"] = rng.uniform(0.5, 2, units).astype("f4")
    entries: dict[str, Any] = {f"{name}.{key}": Tensor(values) for key, values in parts.items()}
    return {**entries, f"{name}.num_batches_tracked": Tensor(np.array(7))}


def numbers(entries: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of a state dict."""
    return {name: entry.values for name, entry in entries.items() if isinstance(entry, Tensor)}
