"""The one way in which readers hold a file to a limit."""

from __future__ import annotations

from pathlib import Path

from pruner_gui import limits
from pruner_gui.formats.errors import TooLarge


def hold(path: Path, what: str, found: int, limit: int) -> None:
    """Refuse more than a limit, as the user has raised it; see `TooLarge` for `what`.

    Raises:
        TooLarge.
    """
    most = limits.scaled(limit)
    if found > most:
        raise TooLarge(path, what, found, most)


def hold_unpacked(path: Path, found: int, stored: int) -> None:
    """Refuse an archive's entry that unpacks to far more than is stored of it.

    Raises:
        TooLarge.
    """
    most = limits.unpacked(stored)
    if found > most:
        raise TooLarge(path, "entries", found, most)
