"""Kills the program with signal 9 at random moments while it writes, and looks at what is then on the disk.

A process writes files of every kind again and again, each time one of two networks over the other. After each
kill every file must hold one of the two, whole, and the next writing must have swept what was left.

    python -m tests.soak.kill_export [--kills 400] [--seed 0] [--folder DIR]
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from writers import WRITERS, Writer, network  # noqa: E402

from pruner_gui import files  # noqa: E402

INPUTS, UNITS = 40, (300, 500)  # some 50 to 100 kB, so that writing takes a while
AT_MOST = 0.2  # seconds after which a process is killed at the latest


@dataclass
class Figures:
    """What was seen."""

    kills: int = 0
    amid: int = 0  # while a file was being written: its temporary was left
    old: int = 0
    new: int = 0
    broken: list[str] = field(default_factory=list)
    most_left: int = 0  # temporaries at one moment
    unswept: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.amid} of them amid writing a file: {self.old} files held one, "
            f"{self.new} the other network, {len(self.broken)} neither. At most {self.most_left} temporary "
            f"files were left at once, {self.unswept} after the next writing."
        )


def write_on(writer: Writer, folder: Path) -> None:
    """Write for ever, one network and the other in turns."""
    target = folder / writer.name
    networks = [network(units, target.suffix, INPUTS) for units in UNITS]
    for turn in itertools.count(1):
        writer.write(networks[turn % 2], target)


def look(writer: Writer, folder: Path, figures: Figures) -> None:
    """See which network a file holds."""
    target = folder / writer.name
    held = []
    for units in UNITS:
        try:
            held.append(writer.holds(network(units, target.suffix, INPUTS), target))
        except Exception:
            held.append(False)
    figures.old += held[0]
    figures.new += held[1]
    if sum(held) != 1:
        figures.broken.append(f"{writer.name} after kill {figures.kills}")


def soak(kills: int, seed: int, folder: Path) -> Figures:
    """Kill so many processes, each writing one kind of file, and return what was seen."""
    chance, figures = random.Random(seed), Figures()
    for writer in WRITERS.values():  # also imports what the processes need, which are copies of this one
        writer.write(network(UNITS[0], Path(writer.name).suffix, INPUTS), folder / writer.name)
    for writer in itertools.islice(itertools.cycle(WRITERS.values()), kills):
        _kill(writer, folder, chance.uniform(0, AT_MOST))
        figures.kills += 1
        left = list(folder.glob(".pruner-*.tmp"))
        figures.amid += bool(left)
        figures.most_left = max(figures.most_left, len(left))
        look(writer, folder, figures)
        files.write(folder / "swept.txt", b"")
        figures.unswept += len(list(folder.glob(".pruner-*.tmp")))
    return figures


def _kill(writer: Writer, folder: Path, after: float) -> None:
    process = os.fork()
    if not process:
        try:
            write_on(writer, folder)
        finally:
            os._exit(1)
    time.sleep(after)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status), "the writing process ended by itself"


def main() -> int:
    """Run as the options say; 1 where a file was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = soak(options.kills, options.seed, Path(folder))
    print(figures)
    for line in figures.broken:
        print("broken:", line)
    return 1 if figures.broken or figures.unswept else 0


if __name__ == "__main__":
    sys.exit(main())
