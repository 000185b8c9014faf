"""The threads of the fast evaluator: a pool for its loops and matrix products, and none of BLAS's own.

Threads of a BLAS library wait by spinning. On a machine that has other work to do, a window to paint for
example, they slow small products down a hundredfold; cutting the rows ourselves costs nothing of that.
"""

from __future__ import annotations

import importlib
import math
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import LibController, ThreadpoolController

from pruner_gui.stopping import Stopped, check

Item = TypeVar("Item")
Result = TypeVar("Result")

# Idle, and without cost, between calls. One is enough: the thread that asks does its share.
_POOL = ThreadPoolExecutor(1, thread_name_prefix="evaluation")


def as_done(work: Callable[[Item], object], items: Iterable[Item], threads: int) -> Iterator[None]:
    """Do all items, each thread taking the next one that is left; yield after each that this thread did.

    Closed before its end it stops after the items that are being done.

    Raises:
        Stopped: the thread that asks is to stop.
    """
    stopped, left = check(), iter(items)

    def each() -> Iterator[None]:
        for item in left:  # threads may share it: the next item is taken in one step
            if stopped():
                raise Stopped
            work(item)
            yield

    others = [_POOL.submit(lambda: all(True for _ in each())) for _ in range(threads - 1)]
    try:
        yield from each()
    finally:
        for _ in left:
            pass  # none is left for the others
        # What those write to that began is nobody else's before they end.
        begun = [other for other in others if not other.cancel()]
        wait(begun)
    for other in begun:
        other.result()


def in_parallel(work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """Do all items, each thread taking the next one that is left, and return the results in order.

    Raises:
        Stopped: the thread that asks is to stop.
    """
    results: list[Result] = [*items]  # type: ignore[list-item]

    def keep(i: int) -> None:
        results[i] = work(items[i])

    for _ in as_done(keep, iter(range(len(items))), min(threads, len(items))):
        pass
    return results


def summed(
    work: Callable[[Item], tuple[npt.NDArray[Any], ...]], items: Sequence[Item], threads: int
) -> tuple[npt.NDArray[Any], ...]:
    """Do all items as `in_parallel`, and return the sums of the arrays they give."""
    totals: dict[int, tuple[npt.NDArray[Any], ...]] = {}

    def add(item: Item) -> None:
        found, thread = work(item), threading.get_ident()
        if thread in totals:
            for total, array in zip(totals[thread], found, strict=True):
                total += array
        else:
            totals[thread] = found

    in_parallel(add, items, threads)
    return tuple(np.sum(arrays, axis=0) for arrays in zip(*totals.values(), strict=True))


class Spare(threading.local):
    """Arrays to compute in, each thread its own: fresh memory costs as much as what is computed in it."""

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def of(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
        """Return the array of this name, with anything in it; the one returned before is void."""
        size = math.prod(shape)
        array = self._arrays.get(name)
        if array is None or array.size < size or array.dtype != dtype:
            array = self._arrays[name] = np.empty(size, dtype)
        return array[:size].reshape(shape)

    def clear(self) -> None:
        """Give all memory back."""
        self._arrays.clear()


_lock = threading.Lock()
_users = 0
_before: dict[str, int] = {}


@cache
def _libraries() -> tuple[LibController, ...]:
    importlib.import_module("scipy.linalg.cython_blas")  # the one that products in compiled loops use
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def without_blas_threads(user: object) -> None:
    """Keep every BLAS to one thread a call as long as `user` lives."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            for library in _libraries():
                _before[library.filepath] = library.num_threads
                library.set_num_threads(1)
    weakref.finalize(user, _give_back).atexit = False


def _give_back() -> None:
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for library in _libraries():
                library.set_num_threads(_before[library.filepath])
