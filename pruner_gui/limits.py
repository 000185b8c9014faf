"""What reading a file may take: the one place that raises all limits of all readers together.

Limits are generous, so that no genuine file meets one; whoever has a file that does sets `PRUNER_GUI_LIMITS`
to how many times as much it may take.
"""

from __future__ import annotations

import os
from functools import cache

VARIABLE = "PRUNER_GUI_LIMITS"


@cache
def scale() -> float:
    """How many times as much files may take: at least 1, what is no number counts as 1."""
    try:
        return max(1.0, float(os.environ.get(VARIABLE, "1")))
    except ValueError:
        return 1.0


def scaled(limit: int) -> int:
    """Return a limit as the user has raised it."""
    return int(limit * scale())
