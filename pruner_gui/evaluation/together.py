"""The search for the next removal by several threads that meet in compiled code.

To hand work to another thread and wait for it through the interpreter takes as long as a thousand rows do. So
the threads stay in one compiled call for a whole look at several units: one leads, and lays one *task* after
the other on a desk; it is cut into as many shares as there are threads. Whoever comes takes a share that is
left: results do not depend on whether another thread came, or how late.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import add_symbol
from numba import types

from pruner_gui.evaluation.kernels import below, bounds, instruction, jit, subtract, trial, write_code
from pruner_gui.evaluation.threads import in_parallel

_BOUND, _TRY, _TAKE = range(3)  # what a task may be
# What is where on the desk: the task; whether the search is over; how many shares are done; the first unit
# that is untried, the block its trial goes on with if it was paused, and for how many; who took which share.
_KIND, _FIRST, _LAST, _UNIT, _ROW, _OVER, _DONE, _UNTRIED, _BLOCK, _SIZE = range(10)
_TAKEN, _DESK = 16, 32
_BATCH = 16  # units that are bounded together: what bounds are made of is read once for all
_HEAD = 0.15  # of the blocks, those that are bounded at first
_LIKELY = 0.6  # of what losses may rise: whoever moves those of the hardest rows by less is likely to go
_ROUND = 8  # blocks of each thread that are bounded before sums are looked at
_AWAKE, _PATIENCE = 10_000, 50_000  # looks at a desk before others are let run, and before giving up


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@instruction
def _load(typing_context: Any, desk: Any, at: Any) -> Any:
    """Read a number that another thread may have written; what it wrote before is seen, too."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_pointer(context, builder, signature, arguments), "seq_cst", 8)

    return types.int64(desk, types.int64), generate


@instruction
def _store(typing_context: Any, desk: Any, at: Any, value: Any) -> Any:
    """Write a number that another thread may read, after all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _pointer(context, builder, signature, arguments), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(desk, types.int64, types.int64), generate


@instruction
def _count(typing_context: Any, desk: Any, at: Any) -> Any:
    """Add one to a number, and return what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        return builder.atomic_rmw("add", pointer, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(desk, types.int64), generate


def _address_of_yield() -> int:
    """Return the address of what lets another thread run on this processor."""
    if sys.platform == "win32":
        found: Any = ctypes.windll.kernel32.SwitchToThread
    else:
        found = ctypes.CDLL(None).sched_yield
    return ctypes.cast(found, ctypes.c_void_p).value or 0


add_symbol("pruner_gui_yield", _address_of_yield())  # by name, so that compiled code can be kept


@instruction
def _let_others_run(typing_context: Any) -> Any:
    """Let another thread run on this processor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), ())
        builder.call(write_code.get_or_insert_function(builder.module, kind, "pruner_gui_yield"), ())
        return context.get_dummy_value()

    return types.void(), generate


@jit
def _do(share: int, desk: Any, task: Any, model: Any, scratch: Any) -> None:
    """Do a share of what lies on the desk."""
    drops, which, outgoing, places, entry, before, after, relu, slopes, anchors, bounded = task
    program, wanted, labels, rows, integers, close = model
    stages, flat, codes, settings, operands, kinds, scales, head, n_out, threshold = program
    some, found, lower, left, sums, moved, unsure, told = scratch
    kind, first, last, unit, shares = desk[_KIND], desk[_FIRST], desk[_LAST], desk[_UNIT], sums.shape[0]
    if kind == _BOUND:
        for b in range(first + share, last, shares):
            bounds(
                b, b + 1, drops, some[1, :unit], outgoing, some[2, :unit], entry, relu,
                slopes, anchors, before, bounded, rows, found,
            )  # fmt: skip
    elif kind == _TRY:
        sums[share], moved[share], unsure[share] = 0.0, 0.0, 0
        touched, over, excess = trial(
            first + share, last, shares, drops, which[unit], outgoing[places[unit]], entry,
            stages, flat, codes, settings, operands, kinds, scales, head, n_out, threshold,
            wanted, labels, rows, integers, close, before, after, lower[desk[_ROW]], bounded, left,
            sums[share], moved[share], unsure[share],
        )  # fmt: skip
        told[share, 0], told[share, 1], told[share, 2] = touched, 1.0 if over else 0.0, excess
    else:
        for b in range(first + share, last, shares):
            subtract(b, b + 1, drops, which[unit], outgoing[places[unit]], entry)
            before[b] = after[b]


@jit
def _take_shares(thread: int, desk: Any, task: Any, model: Any, scratch: Any) -> bool:
    """Do all shares that are left, one's own first; say whether there were any."""
    shares, found = scratch[4].shape[0], False
    for i in range(shares):
        share = (thread + i) % shares
        if _load(desk, _TAKEN + share) == 0 and _count(desk, _TAKEN + share) == 0:
            _do(share, desk, task, model, scratch)
            _count(desk, _DONE)
            found = True
    return found


@jit
def _all_do(
    kind: int, first: int, last: int, unit: int, row: int, desk: Any, task: Any, model: Any, scratch: Any
) -> None:  # fmt: skip
    """Lay a task on the desk and see to it that it is done."""
    shares = scratch[4].shape[0]
    desk[_KIND], desk[_FIRST], desk[_LAST], desk[_UNIT], desk[_ROW] = kind, first, last, unit, row
    _store(desk, _DONE, 0)
    for share in range(shares):
        _store(desk, _TAKEN + share, 0)
    _take_shares(0, desk, task, model, scratch)
    looks = 0
    while _load(desk, _DONE) < shares:
        looks += 1
        if looks > _AWAKE:  # the other may wait for this processor
            _let_others_run()


@jit
def _bound(
    count: int, first: int, last: int, enough: float, sums: Any,
    desk: Any, task: Any, model: Any, scratch: Any,
) -> None:  # fmt: skip
    """Bound the losses of some blocks without the units in the front of `some`, and add them to `sums`.

    `some[0]` are their rows of bounds, `some[1]` and `some[2]` their drops and weights; one whose sum is more
    than enough is looked at no further. The list is used up.
    """
    some, found, lower = scratch[0], scratch[1], scratch[2]
    step = _ROUND * scratch[4].shape[0]
    for start in range(first, last, step):
        stop = min(start + step, last)
        _all_do(_BOUND, start, stop, count, 0, desk, task, model, scratch)
        looked, count = count, 0
        for k in range(looked):
            row = some[0, k]
            for b in range(start, stop):
                lower[row, b] = found[k, b]
                sums[row] += found[k, b]
            some[:, count] = some[:, k]
            count += 0 if sums[row] > enough else 1
        if not count:
            break


@jit
def _list(first: int, last: int, unit: int, enough: float, sums: Any, task: Any, some: Any) -> int:
    """Put those rows of bounds `first` to `last` in `some` whose sums are not more than enough; count them.

    Row `first` is that of unit number `unit`.
    """
    which, places, count = task[1], task[3], 0
    for row in range(first, last):
        some[0, count] = row
        some[1, count] = which[unit + row - first]
        some[2, count] = places[unit + row - first]
        count += 0 if sums[row] > enough else 1
    return count


@jit
def _run(
    unit: int, row: int, most: int, desk: Any, task: Any, model: Any, scratch: Any,
    sums: Any, moved: Any, unsure: Any,
) -> tuple[int, int, bool]:  # fmt: skip
    """Go on with a trial, some blocks and then ever more, until about `most` of them were looked at.

    What bounds leave of the budget is in `left`, the bound of the sum in the last of `told`. Returns how many
    rows were run, how many blocks were looked at, and whether it was given up.
    """
    _, _, lower, left, part_sums, part_moved, part_unsure, told = scratch
    bounded, n_blocks, shares = task[10], task[4].shape[0], part_sums.shape[0]
    run, looked, over = 0, 0, _is_over(left)
    while desk[_BLOCK] < n_blocks and not over and looked <= most:
        first, last = desk[_BLOCK], min(desk[_BLOCK] + desk[_SIZE], n_blocks)
        _all_do(_TRY, first, last, unit, row, desk, task, model, scratch)
        for share in range(shares):
            run += int(told[share, 0])
            over |= told[share, 1] > 0
            told[shares, 0] += told[share, 2]
            for m in range(left.size):
                sums[m] += part_sums[share, m]
                moved[m] += part_moved[share, m]
                unsure[m] += part_unsure[share, m]
                left[m] -= part_sums[share, m] - 0.5 * part_unsure[share, m]
        if bounded >= 0:
            for b in range(first, last):
                left[bounded] += lower[row, b]
        over |= _is_over(left)
        desk[_BLOCK], desk[_SIZE] = last, min(2 * desk[_SIZE], most)
        looked += last - first
    if over and bounded >= 0:
        sums[bounded] = told[shares, 0]
    return run, looked, over


@jit
def _is_over(left: Any) -> bool:
    """Say whether more than nothing is gone."""
    found = False
    for m in range(left.size):
        found |= left[m] < 0
    return found


@jit
def _lead(
    desk: Any, task: Any, model: Any, scratch: Any, most: int, cheap: float, end: int,
    budget: Any, sure: Any, room: int, taken: Any, sums: Any, moved: Any, unsure: Any,
) -> tuple[int, bool, int, int]:  # fmt: skip
    """Try the removal of one unit after the other; see `kernels.search`.

    It ends once about `most` blocks were looked at: bounds are `cheap`, a part of that, and made of blocks up
    to `end`. Amid a trial it pauses: the next call goes on with it.
    """
    which, n_blocks, before, bounded = task[1], task[4].shape[0], task[5], task[10]
    some, lower, left, told = scratch[0], scratch[2], scratch[3], scratch[7]
    end = min(end, int(np.ceil(most / cheap)))
    head = min(end, int(np.ceil(_HEAD * n_blocks)))
    run, work, went = 0, 0.0, 0
    bound, total, hardest = np.empty(_BATCH), 0.0, 0.0
    c, paused = desk[_UNTRIED], desk[_BLOCK] > 0
    while c < which.size and work <= most and went < room:
        if which[c] < 0:
            taken[c] = True
            c += 1
            continue
        n, i, gone = 1, 0, False
        while not paused and n < _BATCH and c + n < which.size and which[c + n] >= 0:
            n += 1
        if bounded >= 0 and not paused:
            total = 0.0
            for b in range(n_blocks):
                hardest = total if b == head else hardest
                for r in range(before.shape[2]):
                    total += before[b, bounded, r]
            lower[:n], bound[:n] = 0.0, 0.0
            count = _list(0, n, c, np.inf, bound, task, some)
            _bound(count, 0, head, budget[bounded], bound, desk, task, model, scratch)
            work += head * n * cheap
        while i < n and not gone:
            likely = i
            if bounded >= 0 and not paused:
                while likely < n and abs(bound[likely] - hardest) >= _LIKELY * (budget[bounded] - total):
                    likely += 1
                count = _list(i, likely, c + i, budget[bounded], bound, task, some)
                if count:
                    _bound(count, head, end, budget[bounded], bound, desk, task, model, scratch)
                work += (end - head) * count * cheap
            while i < min(likely + 1, n) and not gone:
                unit = c + i
                if not paused:
                    left[:] = budget
                    if bounded >= 0:
                        left[bounded] -= bound[i]
                        told[-1, 0] = bound[i]
                    desk[_BLOCK] = 0
                    desk[_SIZE] = min(n_blocks // 4 + 2, most) if i == likely else 2 * (told.shape[0] - 1)
                touched, looked, over = _run(
                    unit, i, most, desk, task, model, scratch, sums[unit], moved[unit], unsure[unit]
                )
                run += touched
                work += looked
                if desk[_BLOCK] < n_blocks and not over:
                    lower[0], desk[_UNTRIED] = lower[i], unit
                    return unit, True, run, went
                desk[_BLOCK], paused = 0, False
                i += 1
                if not over:
                    taken[unit] = below(sums[unit], unsure[unit], sure)
                    if not taken[unit]:
                        return unit + 1, False, run, went
                    _all_do(_TAKE, 0, n_blocks, unit, 0, desk, task, model, scratch)
                    gone = True
        went += 1 if gone else 0
        c += i
    return c, True, run, went


@jit
def take_part(
    thread: int, desk: Any, task: Any, model: Any, scratch: Any, most: int, cheap: float, end: int,
    budget: Any, sure: Any, room: int, taken: Any, sums: Any, moved: Any, unsure: Any,
) -> tuple[int, bool, int, int]:  # fmt: skip
    """Lead the search, as the first thread, or do shares of it."""
    if thread:
        idle = 0
        while idle < _PATIENCE and not _load(desk, _OVER):
            idle = 0 if _take_shares(thread, desk, task, model, scratch) else idle + 1
            if idle > _AWAKE:
                _let_others_run()
        return 0, True, 0, 0
    found = _lead(
        desk, task, model, scratch, most, cheap, end, budget, sure, room, taken, sums, moved, unsure
    )
    _store(desk, _OVER, 1)
    return found


Task = tuple[Any, ...]
Model = tuple[Any, ...]


class Together:
    """The desk, and what the threads compute in."""

    def __init__(self, threads: int, n_blocks: int, metrics: int) -> None:
        self._threads = threads
        self._desk = np.ones(_DESK, np.int64)  # all shares are taken
        self._scratch = (
            np.zeros((3, _BATCH), np.int64), np.zeros((_BATCH, n_blocks)), np.zeros((_BATCH, n_blocks)),
            np.zeros(metrics), np.zeros((threads, metrics)), np.zeros((threads, metrics)),
            np.zeros((threads, metrics), np.int64), np.zeros((threads + 1, 3)),
        )  # fmt: skip

    def search(self, task: Task, model: Model, *limits: Any) -> tuple[int, bool, int, int]:
        """Try the removal of one unit after the other; see `kernels.search`."""
        desk, run, went = self._desk, 0, 0
        desk[_UNTRIED] = desk[_BLOCK] = 0
        while True:
            desk[_OVER] = 0
            tried, gave_up, touched, more = in_parallel(
                lambda thread: take_part(thread, desk, task, model, self._scratch, *limits),
                range(self._threads), self._threads,
            )[0]  # fmt: skip
            run, went = run + touched, went + more
            if not desk[_BLOCK]:
                return tried, gave_up, run, went
