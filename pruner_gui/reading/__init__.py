"""Reading model and data files in a process of its own, which nothing in a file can carry beyond.

A child process reads one file, or those of one data set, and sends back the network or the rows, as data. It
has a limit of memory and of time: what crashes, hangs or fills the memory there is an ordinary error here.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any

import numpy as np

from pruner_gui.codec import BadValue
from pruner_gui.data import AS_USUAL, Dataset, ReadOptions
from pruner_gui.data.table import Table
from pruner_gui.errors import PrunerError
from pruner_gui.files import ChangedWhileRead, Fingerprint, fingerprints, held
from pruner_gui.limits import scale
from pruner_gui.network import Network
from pruner_gui.reading.wire import Answer, Job, Limits, codec
from pruner_gui.stopping import Stopped, check

__all__ = ["Limits", "ReadingFailed", "dataset", "model", "model_with_files", "prestart", "table"]

_LOOK = 0.02  # seconds between two looks at whether to stop


@dataclass
class ReadingFailed(PrunerError):
    """The child process did not answer.

    `reason` is "crash" (`detail` says how it ended), "time" (`limit` in seconds) or "memory" (`limit` in
    bytes).
    """

    path: Path
    reason: str
    detail: str = ""
    limit: float = 0


def model(path: Path, limits: Limits | None = None, **options: Any) -> Network:
    """Return the network in a model file; see `formats.read` for options and refusals.

    Raises:
        ReadingFailed, ChangedWhileRead, Stopped, and what `formats.read` raises.
    """
    network = _ask("model", [path], (Path(path),), options, limits or Limits())
    assert isinstance(network, Network)
    return network


def model_with_files(path: Path, **options: Any) -> tuple[Network, tuple[Fingerprint, ...]]:
    """Return the network in a model file, and what its file, and those beside it, were when it was read.

    Raises:
        As `model`.
    """
    taken = fingerprints([path])
    network = model(path, **options)
    for file in taken:
        file.hold()
    for name, stamp in network.origin.extra.get("beside", {}).items():
        found = fingerprints([path.parent / name])
        if [tuple(file.stamp) for file in found] != [tuple(stamp)]:
            raise ChangedWhileRead(path.parent / name)
        taken += found
    return network, taken


def dataset(
    paths: Sequence[Path],
    n_inputs: int,
    n_outputs: int,
    options: ReadOptions = AS_USUAL,
    *,
    like: Dataset | None = None,
    limits: Limits | None = None,
) -> Dataset:
    """Return the rows in data files; see `data.read`.

    Raises:
        ReadingFailed, ChangedWhileRead, Stopped, and what `data.read` raises.
    """
    paths = [Path(path) for path in paths]
    if like is not None:
        like = like.take(np.zeros(0, np.intp))  # its rows are not asked for
    arguments = (paths, n_inputs, n_outputs, _plain(options))
    rows = _ask("data", paths, arguments, {"like": like}, limits or Limits())
    assert isinstance(rows, Dataset)
    return rows


def table(paths: Sequence[Path], n_inputs: int, options: ReadOptions, limit: int) -> Table:
    """Return the head of data files as it stands; see `data.scan`.

    Raises:
        ReadingFailed, ChangedWhileRead, Stopped, and what `data.scan` raises.
    """
    paths = [Path(path) for path in paths]
    arguments = (paths, n_inputs, _plain(options))
    head = _ask("table", paths, arguments, {"limit": limit}, Limits())
    assert isinstance(head, Table)
    return head


def _plain(options: ReadOptions) -> ReadOptions:
    """Return the options of reading, of options that may say more."""
    return ReadOptions(**{field.name: getattr(options, field.name) for field in fields(ReadOptions)})


def prestart() -> None:
    """Start the next child now, so that the next file need not wait for it."""
    with _lock:
        if not _spare:
            _spare.append(_start("--ahead"))


# -- children

_spare: list[subprocess.Popen[bytes]] = []
_lock = threading.Lock()


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    # Threads of a BLAS library take address space, and reading has no use for them.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "pruner_gui.reading.child", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


@atexit.register
def _end_spare() -> None:
    while _spare:
        _end(_spare.pop())


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


@contextlib.contextmanager
def _child() -> Iterator[subprocess.Popen[bytes]]:
    with _lock:
        child = _spare.pop() if _spare else _start()
    if child.poll() is not None:  # a spare that something else has ended
        _end(child)
        child = _start()
    try:
        yield child
    finally:
        _end(child)


def _ask(
    what: str, paths: Sequence[Path], arguments: tuple[Any, ...], options: dict[str, Any], limits: Limits
) -> Any:
    where = paths[0] if paths else Path()
    size = sum(path.stat().st_size for path in paths if path.is_file())
    memory, seconds = limits.memory(size), limits.time(size)
    with held(paths), _child() as child, _watch(child, seconds) as watch:
        try:
            answer = _exchange(child, Job(what, arguments, options, memory, scale()))
        except (BadValue, OSError) as error:
            if watch.reason == "stopped":
                raise Stopped from None
            if watch.reason == "time":
                raise ReadingFailed(where, "time", limit=seconds) from error
            raise ReadingFailed(where, "crash", _ending(child.wait())) from error
        return _result(answer, where, memory)


def _exchange(child: subprocess.Popen[bytes], job: Job) -> Answer:
    assert isinstance(child.stdin, BufferedWriter)
    assert isinstance(child.stdout, BufferedReader)
    codec().dump(job, child.stdin)
    child.stdin.flush()
    answer = codec().load(child.stdout)
    if not isinstance(answer, Answer):
        raise BadValue(type(answer).__name__)
    return answer


def _result(answer: Answer, where: Path, memory: int) -> Any:
    if answer.out_of_memory:
        raise ReadingFailed(where, "memory", limit=memory)
    error = answer.error
    if error is None and answer.trace:
        error = ReadingFailed(where, "crash", answer.trace.strip().splitlines()[-1])
    if error is None:
        return answer.value
    error.add_note(f"In the reading process:\n{answer.trace}")
    raise error


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


@dataclass
class _Watch:
    """Why a child was ended early: "stopped" or "time", "" while it was not."""

    reason: str = ""


@contextlib.contextmanager
def _watch(child: subprocess.Popen[bytes], seconds: float) -> Iterator[_Watch]:
    """End a child that takes longer, or when this thread's work is to stop."""
    watch, stopped, done = _Watch(), check(), threading.Event()
    deadline = time.monotonic() + seconds

    def look() -> None:
        while not done.wait(_LOOK):
            watch.reason = "stopped" if stopped() else "time" if time.monotonic() > deadline else ""
            if watch.reason:
                child.kill()
                return

    thread = threading.Thread(target=look, name="reading-watch")
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()
