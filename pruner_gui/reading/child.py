"""The process that reads: takes one job from its input, answers on its output, and ends."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from io import BufferedReader
from typing import Any

from pruner_gui import data, formats, limits
from pruner_gui.errors import PrunerError
from pruner_gui.reading.wire import Answer, Job, codec

_CALLS: dict[str, Callable[..., Any]] = {"model": formats.read, "data": data.read, "table": data.scan}


def main() -> None:
    """Do one job. With `--ahead` as argument there is time before it comes: import what it may need."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not an answer
    if "--ahead" in sys.argv:
        import pruner_gui.formats.onnx_format  # noqa: F401
    source = sys.stdin.buffer
    assert isinstance(source, BufferedReader)
    job = codec().load(source)
    answer = _do(job)
    with answers:
        try:
            codec().dump(answer, answers)
        except TypeError:  # a reader put something into a network that does not travel
            codec().dump(Answer(trace=traceback.format_exc()), answers)
    os._exit(0)  # nothing is worth waiting for


def _do(job: Job) -> Answer:
    limits.raise_to(job.scale)
    _limit(job.memory)
    try:
        return Answer(_CALLS[job.what](*job.arguments, **job.options))
    except PrunerError as error:
        return Answer(error=error, trace=traceback.format_exc())
    except MemoryError:
        return Answer(out_of_memory=True)
    except Exception:
        return Answer(trace=traceback.format_exc())


def _limit(memory: int) -> None:
    """Limit the address space, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    main()
