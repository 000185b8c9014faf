"""What reading a file may take: the one place that raises all limits of all readers together.

Limits are generous, so that no genuine file meets one; whoever has a file that does raises them all, by the
environment variable `PRUNER_GUI_LIMITS`, `--limits` or the window, to so many times as much.
"""

from __future__ import annotations

import os

VARIABLE = "PRUNER_GUI_LIMITS"
MOST = 64.0

RATIO = 200  # of what is unpacked to what is stored: weights hardly get smaller, unless nearly all are zero
FREE = 1 << 28  # bytes that may be unpacked whatever the ratio


def scale() -> float:
    """How many times as much files may take: from 1 to `MOST`, what is no number counts as 1."""
    try:
        return min(MOST, max(1.0, float(os.environ.get(VARIABLE, "1"))))
    except ValueError:
        return 1.0


def raise_to(times: float) -> None:
    """Let files take so many times as much from now on, in processes that are started as well."""
    os.environ[VARIABLE] = f"{times:g}"


def scaled(limit: int) -> int:
    """Return a limit as the user has raised it."""
    return int(limit * scale())


def unpacked(stored: int) -> int:
    """Return how many bytes may be unpacked from so many."""
    return scaled(max(FREE, RATIO * stored))
