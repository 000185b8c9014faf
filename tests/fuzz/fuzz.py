"""Feeds mutated files to all readers: `make fuzz`. Files that break a reader are kept in `build/fuzz`.

Every file must be read or refused with a reason, in bounded time and memory. Readers run in a process with a
limit of memory; when it dies or hangs, the file that it had is the culprit, and a new one goes on after it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

import numpy as np
from mutations import mutated
from seeds import COMPANIONS, data_seeds, inputs_alone, model_seeds

from pruner_gui import data, formats
from pruner_gui.errors import PrunerError
from pruner_gui.reading.wire import codec

ROOT = Path(__file__).parents[2]
SECONDS = 5.0
MEMORY = 3 << 30  # bytes of address space beyond what the process has when it begins

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Target:
    """A reader and the files to begin with."""

    name: str
    extension: str
    seeds: Sequence[bytes]
    read: Read


@dataclass(frozen=True)
class Failure:
    """A file that broke a reader."""

    target: str
    number: int
    what: str


class TooSlow(BaseException):
    """A reader took longer than it may."""


def targets(folder: Path) -> list[Target]:
    """Return all readers."""
    found = [
        Target(row.name, row.extensions[0], seeds, _read_weights if row.weights_only else _read_model)
        for row in formats.FORMATS
        if row.reads and (seeds := model_seeds(row, folder))
    ]
    found += [
        Target(f"data{extension}", extension, seeds, _read_data) for extension, seeds in data_seeds().items()
    ]
    return [*found, Target("data two files", ".npy", [inputs_alone()], _read_two)]


def _read_model(path: Path, activations: Sequence[str] | None = None) -> object:
    """Read a model, and do with it what is done with every model that was read."""
    network = formats.read(path, activations)
    codec().dump(network, io.BytesIO())
    network.non_finite()
    with np.errstate(all="ignore"):
        return network.forward(np.zeros((2, network.n_inputs)))


def _read_weights(path: Path) -> object:
    try:
        return _read_model(path, ("relu", "linear"))
    except formats.BadActivations:  # not so many
        with contextlib.suppress(formats.NeedsActivations):
            return _read_model(path)
        return None


def _read_data(path: Path) -> object:
    with contextlib.suppress(PrunerError):
        data.scan([path], 3, data.ReadOptions(), limit=200)
    return data.read([path], 3, 2, data.ReadOptions(missing="mean", categories="number"))


def _read_two(path: Path) -> object:
    labels = path.with_name("labels.npy")
    np.save(labels, np.arange(12) % 2)
    return data.read([path, labels], 3, 2)


def content_of(target: Target, number: int) -> bytes:
    """Return the file of this number: always the same."""
    rng = np.random.default_rng([number, *target.name.encode()])
    return mutated(target.seeds[number % len(target.seeds)], rng)


def attempt(target: Target, number: int, folder: Path) -> str:
    """Read one mutated file; return what went wrong, "" when nothing did."""
    path = folder / f"file{target.extension}"
    path.write_bytes(content_of(target, number))
    for name, content in COMPANIONS.items():
        (folder / name).write_bytes(content)
    try:
        with at_most(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.read(path)
    except (PrunerError, MemoryError):  # out of memory: the reading process says so
        return ""
    except TooSlow:
        return f"took longer than {SECONDS} s"
    except Exception:
        return traceback.format_exc()
    return ""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the block when it takes more of the processor's time, or ten times as long."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, seconds),
        (signal.SIGALRM, signal.ITIMER_REAL, 10 * seconds),
    )
    before = [signal.signal(number, ring) for number, _, _ in timers]
    for _, timer, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


# -- many, in a process of its own


def fuzz(target: Target, count: int, report: Callable[[Failure], None]) -> None:
    """Try this many mutations of a reader's files."""
    start = 0
    while start < count:
        ours, theirs = multiprocessing.Pipe()
        worker = multiprocessing.Process(target=_work, args=(target, start, count, theirs))
        worker.start()
        theirs.close()
        start = _listen(target, start, ours, worker, report)
        worker.kill()
        worker.join()


def _listen(
    target: Target,
    start: int,
    line: Connection,
    worker: multiprocessing.Process,
    report: Callable[[Failure], None],
) -> int:
    """Take in a worker's answers; return the number to go on with."""
    number = start
    while True:
        try:
            if not line.poll(20 * SECONDS):
                report(Failure(target.name, number, "hangs"))
                return number + 1
            answer: tuple[int, str] | None = line.recv()
        except EOFError:
            worker.join()
            report(Failure(target.name, number, f"the process died ({worker.exitcode})"))
            return number + 1
        if answer is None:
            return sys.maxsize
        if answer[1]:
            report(Failure(target.name, *answer))
        number = answer[0] + 1


def _work(target: Target, start: int, count: int, line: Connection) -> None:
    _limit_memory()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(start, count):
            line.send((number, attempt(target, number, Path(folder))))
    line.send(None)


def _limit_memory() -> None:
    import resource

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))


def main() -> int:
    """Fuzz all readers, or some; return how many files broke one, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutations of each format")
    parser.add_argument("--only", nargs="*", help="names of formats")
    options = parser.parse_args()
    failures: list[Failure] = []
    with tempfile.TemporaryDirectory() as folder:
        for target in targets(Path(folder)):
            if options.only and target.name not in options.only:
                continue
            began, before = time.monotonic(), len(failures)
            fuzz(target, options.count, failures.append)
            new = failures[before:]
            seconds = time.monotonic() - began
            print(f"{target.name}: {options.count:,} files, {len(new)} broke it, {seconds:.0f} s", flush=True)
            for failure in new:
                _keep(target, failure)
    return min(1, len(failures))


def _keep(target: Target, failure: Failure) -> None:
    kept = ROOT / "build" / "fuzz" / f"{target.name}_{failure.number}{target.extension}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content_of(target, failure.number))
    print(f"  {kept.relative_to(ROOT)}: {failure.what.strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
