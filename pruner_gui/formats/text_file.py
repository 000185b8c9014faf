"""Text files of numbers, read without trusting them and written without losing a digit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import NotAModel, NotExpressible, TooLarge
from pruner_gui.formats.layers import TooManyNodes
from pruner_gui.network import FloatArray, Network

MAX_BYTES = (1 << 31) - 1
MAX_LINES = 1 << 24
_TOLD = 200  # characters of a file's own text in a refusal


def load(path: Path, format: str, parse: Callable[[list[str]], Network]) -> Network:
    """Return what `parse` makes of the file's lines; its ValueErrors say what is wrong with them.

    Raises:
        OSError, TooLarge, NotAModel, and the refusals of `parse`.
    """
    size = path.stat().st_size
    hold(path, "file", size, MAX_BYTES)
    content = path.read_bytes()
    if not content.strip():
        raise NotAModel(path, format, "empty")
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise NotAModel(path, format, "damaged", str(error)) from error
    hold(path, "parts", len(lines), MAX_LINES)
    try:
        return parse([line.strip() for line in lines])
    except TooManyNodes as error:
        raise TooLarge(path, "nodes", error.found, error.limit) from error
    except ValueError as error:
        raise NotAModel(path, format, "invalid", str(error)[:_TOLD]) from error


def encoded(format: str, lines: Iterable[str]) -> bytes:
    """Return the content of a file of these lines.

    Raises:
        NotExpressible: it would be too large to be read again.
    """
    content = "".join(f"{line}\n" for line in lines).encode()
    if len(content) > MAX_BYTES:
        raise NotExpressible(format, "", "size")
    return content


def tolerance(network: Network) -> float:
    """Return what rounding may make of a network that is read again, and run as `running.reread` does."""
    from pruner_gui.formats import onnx_format  # only now: it is slow to import

    return onnx_format.tolerance(network)


def numbers(what: str, text: str, count: int | None = None, separator: str | None = ",") -> FloatArray:
    """Return the numbers in a text, as many as there must be; a separator at the end counts for nothing.

    Raises:
        ValueError: not so many, or something that is no number; `what` names it.
    """
    parts = text.strip().removesuffix(separator or "").split(separator, -1 if count is None else count)
    if count is not None and len(parts) != count:
        raise ValueError(f"{what}: {count} numbers expected, {len(parts)} or more found")
    try:
        return np.array([float(part) for part in parts])
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def integers(what: str, text: str, separator: str | None = ",") -> list[int]:
    """Return the sizes in a text: whole numbers, none below zero.

    Raises:
        ValueError: something else; `what` names it.
    """
    parts = text.strip().removesuffix(separator or "").split(separator)
    if not all(part.strip().isdecimal() and len(part) < 10 for part in parts):
        raise ValueError(f"{what}: whole numbers expected")
    return [int(part) for part in parts]


def plain(value: float) -> str:
    """Return a number in as few digits as tell it from all others, without an exponent."""
    if not np.isfinite(value):
        return str(float(value))
    return np.format_float_positional(float(value), trim="-")
