"""Named tensors, and their numbers as files store them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

DTYPES = {"float16": "f2", "bfloat16": "u2", "float32": "f4", "float64": "f8", "int64": "i8"}
Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named tensor; `dtype`, one of `DTYPES`, is how the file stores `values`."""

    name: str
    dtype: str
    values: Array


def decode(raw: bytes, dtype: str, order: str = "<") -> Array:
    """Return stored numbers; half precision is widened to float32."""
    values: Array = np.frombuffer(raw, order + DTYPES[dtype])
    if dtype == "bfloat16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype("f4" if dtype == "float16" else DTYPES[dtype])


def encode(values: Array, dtype: str) -> bytes:
    """Return numbers as they are stored, little-endian, rounded to the nearest of their kind."""
    if dtype != "bfloat16":
        with np.errstate(over="ignore"):
            return values.astype("<" + DTYPES[dtype]).tobytes()
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + ((bits >> 16) & 1) + 0x7FFF) >> 16  # to even, where two are as near
    return np.where(np.isnan(values), 0x7FC0, rounded).astype("<u2").tobytes()
