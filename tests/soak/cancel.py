"""How soon a cancel is acknowledged and the run has ended, on the largest networks of the benches."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal

from pruner_gui.gui.document import DataFiles
from pruner_gui.gui.status import StatusBar
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.session import DataOptions
from tests.soak._window import application, flush, wait
from tests.soak._works import written

ACKNOWLEDGED, IDLE = 100.0, 1000.0  # milliseconds: the 99th percentile, and the longest
LONGEST = 1.0  # seconds after the run was begun


@dataclass(frozen=True)
class Work:
    """A network, how many rows, and how many cancels."""

    sizes: tuple[int, ...]
    rows: int
    cancels: int


WORKS = (
    Work((784, 300, 100, 10), 60_000, 60),
    Work((32, *[256] * 6, 8), 20_000, 60),
    Work((4096, 2048, 1000), 500, 30),
)


class Key(QObject):
    """A key that another thread presses, as the desktop does."""

    pressed = Signal()

    def press_after(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._press)
        timer.start()

    def _press(self) -> None:
        self.at = time.perf_counter()
        self.pressed.emit()


class Stopwatch(QObject):
    """Cancels at a random moment; knows when that was painted, and when the run had ended."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.key = window, Key()
        self.acknowledged = self.ended = 0.0
        self.key.pressed.connect(self._cancel, Qt.ConnectionType.QueuedConnection)
        window.document.runs_changed.connect(self._end)

    def once(self, after: float) -> tuple[float, float]:
        """Return both times in milliseconds from the key."""
        document = self.window.document
        self.acknowledged = self.ended = 0.0
        wait(lambda: document.can_prune)
        document.prune()
        self.key.press_after(after)
        wait(lambda: self.ended > 0 and self.acknowledged > 0)
        document.undo()
        return (self.acknowledged - self.key.at) * 1000, (self.ended - self.key.at) * 1000

    def _cancel(self) -> None:
        bar = self.window.statusBar()
        assert isinstance(bar, StatusBar)
        self.window.actions_.cancel.trigger()
        if bar.label.text() == "Stopping…":
            bar.label.repaint()
        self.acknowledged = time.perf_counter()

    def _end(self) -> None:
        self.ended = time.perf_counter()


def measure(theme: Theme, work: Work, folder: Path) -> Sequence[tuple[float, float]]:
    """Return the times of all cancels of a work."""
    model, data = written(folder, work.sizes, work.rows)
    window = MainWindow(theme)
    window.show()
    window.document.warm_up()  # as the program does when it starts
    window.document.open(model, DataFiles((data,), DataOptions()))
    wait(lambda: not window.document.tasks.running("compile"))
    stopwatch, chance = Stopwatch(window), random.Random(0)
    found = [stopwatch.once(LONGEST * chance.random()) for _ in range(work.cancels)]
    window.close()
    window.deleteLater()
    flush()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, help="one of the networks, from 0")
    only = parser.parse_args().only
    theme, bad = Theme(application()), False
    print(
        "milliseconds                    acknowledged: median, 99 %   idle: median, 99 %, longest", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="pruner-cancel-") as name:
        for work in WORKS if only is None else [WORKS[only]]:
            title = "-".join(map(str, work.sizes))
            acknowledged, idle = np.array(measure(theme, work, Path(name) / title)).T
            at_99 = float(np.percentile(acknowledged, 99))
            figures = np.median(acknowledged), at_99, np.median(idle), np.percentile(idle, 99), idle.max()
            print(
                f"{title:30}  {{:20.0f}}, {{:4.0f}}   {{:12.0f}}, {{:4.0f}}, {{:7.0f}}".format(*figures),
                flush=True,
            )
            bad |= at_99 > ACKNOWLEDGED or idle.max() > IDLE
    if bad:
        print(f"FAILED: more than {ACKNOWLEDGED:.0f} ms (99 %), or than {IDLE:.0f} ms")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
