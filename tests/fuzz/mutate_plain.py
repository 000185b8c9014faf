"""Mutations of bytes and of lines of text, and what others put in the place of a value.

Everything is drawn from one random generator: the same seed makes the same file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Random = np.random.Generator

NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 65535, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, -(2**63))
TEXTS = (
    "",
    "x",
    "../../etc/passwd",
    "/etc/passwd",
    "\0",
    "é" * 50,
    "a" * 5000,
    "%s%n",
    "-1",
    "1e999",
    "nan",
)
TOKENS = (
    b"0",
    b"-1",
    b"1e999",
    b"nan",
    b"inf",
    b"99999999999999999999",
    b"",
    b"x",
    b"\xff",
    b'"',
    b"#" * 300,
)


T = TypeVar("T")


def one_of(values: Sequence[T], rng: Random) -> T:
    """Return any of them."""
    return values[int(rng.integers(0, len(values)))]


def of_bytes(content: bytes, rng: Random) -> bytes:
    """Flip, cut, repeat or overwrite."""
    data = bytearray(content)
    if not data:
        return bytes(rng.integers(0, 256, 8, np.uint8))
    at = int(rng.integers(0, len(data)))
    length = min(len(data) - at, int(rng.integers(1, 40)))
    match int(rng.integers(0, 7)):
        case 0:
            data[at] ^= 1 << int(rng.integers(0, 8))
        case 1:
            del data[at:]
        case 2:
            del data[at : at + length]
        case 3:
            data[at:at] = data[at : at + length] * int(rng.integers(1, 4))
        case 4:
            data[at : at + length] = rng.integers(0, 256, length, np.uint8).tobytes()
        case 5:
            number = one_of(NUMBERS, rng)
            size = (1, 2, 4, 8)[int(rng.integers(0, 4))]
            data[at : at + size] = (number & (256**size - 1)).to_bytes(size, "little")
        case _:
            data[at : at + length] = bytes(length)
    return bytes(data)


def of_text(content: bytes, rng: Random) -> bytes:
    """Change lines, or the numbers and words in one."""
    lines = content.split(b"\n")
    at = int(rng.integers(0, len(lines)))
    match int(rng.integers(0, 6)):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[int(rng.integers(0, len(lines)))])
        case 2:
            lines[at] = lines[at][: int(rng.integers(0, len(lines[at]) + 1))]
        case 3:
            lines[at] = lines[at] * int(rng.integers(2, 50))
        case _:
            mark = next((m for m in (b",", b"=", b" ", b"\t", b";") if m in lines[at]), b",")
            parts = lines[at].split(mark)
            parts[int(rng.integers(0, len(parts)))] = one_of(TOKENS, rng)
            lines[at] = mark.join(parts)
    return b"\n".join(lines)


def of_idx(content: bytes, rng: Random) -> bytes:
    """Change the kind, the number of dimensions, or a size."""
    at = (2, 3, *range(4, min(len(content), 4 + 4 * content[3]), 4))
    place = one_of(at, rng)
    number = one_of((0, 1, 2, 3, 5, 8, 9, 11, 12, 13, 14, 255), rng)
    if place < 4:
        return content[:place] + bytes([number]) + content[place + 1 :]
    return content[:place] + (one_of(NUMBERS, rng) % 2**32).to_bytes(4, "big") + content[place + 4 :]
