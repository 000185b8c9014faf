"""Kills programs with signal 9 at random moments while they autosave, and recovers what they leave.

A process takes over what the one before it left and goes on to save sessions, each with the next number in
every weight. After each kill what is left behind must be whole, in every weight the number that was last
reported safe or the one after it. A second process saves beside it all the time: its folder must never be
offered, and be whole in the end.

    python -m tests.soak.kill_autosave [--kills 400] [--seed 0]
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from ctypes import c_long
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from kept_work import keep_writing, written_in  # noqa: E402

from pruner_gui.autosave import Found, left_behind, look_into  # noqa: E402

SIZES = (20, 120, 600)  # weights a side: files of 4 kB to 3 MB
PATIENCE = 60.0  # seconds until a process must have saved something


@dataclass
class Tally:
    """What was seen."""

    kills: int = 0
    amid: int = 0  # a file was half written
    unreported: int = 0  # the newest was in place, but not reported yet
    taking_over: int = 0  # the process had not saved anything of its own yet


def work(folder: str, size: int, safe: Any) -> None:
    """Save without end (in a process of its own)."""

    def told(number: int) -> None:
        safe.value = number

    keep_writing(Path(folder), told, size)


def started(folder: Path, size: int, safe: Any) -> BaseProcess:
    """Start a process that saves."""
    process = multiprocessing.get_context("forkserver").Process(target=work, args=(str(folder), size, safe))
    process.start()
    return process


def ended(process: BaseProcess) -> None:
    """Kill a process, which must not have ended by itself."""
    assert process.exitcode is None, "the process ended by itself"
    process.kill()
    process.join()


def wait_for(safe: Any, number: int) -> None:
    """Wait until a number is safe."""
    patience = time.monotonic() + PATIENCE
    while safe.value < number:
        assert time.monotonic() < patience, "nothing is saved"
        time.sleep(0.001)


def kill_one(folder: Path, chance: random.Random, safe: Any, tally: Tally) -> None:
    """Let a process take over and save, kill it, and look at what is left."""
    before = safe.value
    process = started(folder, chance.choice(SIZES), safe)
    if chance.random() < 0.8:
        wait_for(safe, before + 1)
        time.sleep(chance.random() * 0.05)
    else:
        time.sleep(chance.random() * 0.3)  # amid taking over, as often as not
    ended(process)
    tally.kills += 1
    tally.amid += bool(list(folder.glob("*/.*.tmp")))
    found = only(folder)
    if found is None:
        assert safe.value == 0, "what was safe is gone"
        return
    number = written_in(found)
    assert found.damaged == 0, "a damaged generation"
    assert safe.value <= number <= safe.value + 1, f"{number} is there, {safe.value} was safe"
    tally.unreported += number > safe.value
    tally.taking_over += safe.value == before
    safe.value = number
    found.folder.release()


def only(folder: Path) -> Found | None:
    """Return what is left behind, which is one folder at most: the other process lives."""
    found = [look_into(each) for each in left_behind(folder)]
    assert len(found) <= 1, "a folder of a living process was offered"
    return found[0] if found else None


def main() -> None:
    """Kill as often as wanted; any loss is an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    context, chance, tally = multiprocessing.get_context("forkserver"), random.Random(options.seed), Tally()
    context.set_forkserver_preload(["pruner_gui.autosave"])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "recovery"
        safe, other_safe = context.RawValue(c_long, 0), context.RawValue(c_long, 0)
        other = started(folder, SIZES[1], other_safe)
        wait_for(other_safe, 1)
        for _ in range(options.kills):
            kill_one(folder, chance, safe, tally)
        alone = only(folder)
        if alone is not None:
            alone.folder.remove()
        ended(other)
        beside = only(folder)
        assert beside is not None, "what the other process saved is gone"
        assert beside.damaged == 0, "the other process' work is damaged"
        assert written_in(beside) >= other_safe.value, "the other process' work is not the newest"
    print(
        f"autosave: {tally.kills} kills in {time.monotonic() - began:.0f} s, {safe.value} saves; "
        f"{tally.amid} amid writing, {tally.unreported} after the file was in place but before it was told, "
        f"{tally.taking_over} before the first save; the process beside it saved {other_safe.value} times. "
        "Nothing was lost, nothing torn was offered."
    )


if __name__ == "__main__":
    main()
