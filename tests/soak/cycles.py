"""1,000 times in one process: open a window and a model, prune, undo, close. Nothing may pile up.

Every fifth time the files are read in processes of their own, as always; the other times in this one, which
takes a third of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from pruner_gui.gui.document import Document
from pruner_gui.gui.theme import Theme
from pruner_gui.network import Network
from tests.soak._window import (
    application,
    cycle,
    forget_styles,
    memory,
    open_files,
    reading_here,
    sample,
    temporary_files,
    threads,
)

EVERY = 50
MOST_GROWTH = 0.02  # MB a cycle, in the second half


@dataclass(frozen=True)
class Point:
    """What the process holds after so many cycles."""

    cycle: int
    memory: float  # MB
    threads: int
    handles: int
    temporary: int
    documents: int
    networks: int


def look(number: int) -> Point:
    forget_styles()
    gc.collect()
    alive = [type(each) for each in gc.get_objects()]
    counts = threads(), open_files(), temporary_files()
    return Point(number, memory(), *counts, alive.count(Document), alive.count(Network))


def slope(points: Sequence[Point]) -> float:
    """Return by how many MB the memory grows in a cycle, by least squares."""
    return float(np.polyfit([p.cycle for p in points], [p.memory for p in points], 1)[0])


def problems(points: Sequence[Point]) -> list[str]:
    """Return what does not level off, comparing the second half with its beginning."""
    half = points[len(points) // 2 :]
    found = []
    if (grows := slope(half)) > MOST_GROWTH:
        found.append(f"memory grows by {grows:.3f} MB a cycle")
    for name in ("threads", "handles", "temporary", "documents", "networks"):
        first, last = getattr(half[0], name), getattr(half[-1], name)
        if last > first:
            found.append(f"{name} grew from {first} to {last}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--every", type=int, default=EVERY)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pruner-cycles-") as folder:
        tempfile.tempdir = folder
        theme, chosen = Theme(application()), [sample("iris"), sample("xor"), sample("breast_cancer")]
        points, began = [], time.monotonic()
        print("cycle  memory MB  threads  handles  temporary files  documents  networks", flush=True)
        for number in range(1, options.cycles + 1):
            with contextlib.nullcontext() if number % 5 == 0 else reading_here():
                cycle(theme, chosen[number % 3])
            if number % options.every == 0:
                points.append(look(number))
                print("{:5} {:10.1f} {:8} {:8} {:16} {:10} {:9}".format(*astuple(points[-1])), flush=True)
        seconds = time.monotonic() - began
    print(f"{seconds / options.cycles:.2f} s a cycle; {slope(points[len(points) // 2 :]):+.4f} MB a cycle")
    found = problems(points)
    for problem in found:
        print(f"FAILED: {problem}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
