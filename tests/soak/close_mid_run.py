"""200 times: start the program, open, prune, close the window amid the run. Every one must exit with 0.

Every tenth is started anew; the others are forked from one in which everything is imported and compiled, so
that it takes minutes and not half an hour. All of them end as the interpreter ends.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.soak._works import written

SIZES, ROWS = (64, 512, 512, 512, 10), 3000  # a run of some seconds
LONGEST = 700  # milliseconds after the run was begun
ANEW = 10

_FORKING = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from pruner_gui.evaluation import threads, warm_up
from tests.soak._closing import closed_after

def child():
    threads._POOL = ThreadPoolExecutor(1)  # its thread stayed in the parent
    sys.exit(closed_after(Path(sys.argv[1]), Path(sys.argv[2]), delay))

for _ in warm_up():
    pass
for delay in map(int, sys.argv[3:]):
    if not (process := os.fork()):
        break
    _, status = os.waitpid(process, 0)
    print("code", os.waitstatus_to_exitcode(status), flush=True)
else:
    os._exit(0)
child()
"""


@dataclass(frozen=True)
class Ended:
    """How programs ended, where in the run they were when they were closed, and what they complained of."""

    codes: list[int]
    where: list[str]
    complaints: str


def closed(folder: Path, files: tuple[Path, Path], delays: list[int]) -> Ended:
    """Have one program closed after the only delay, or several that are forked from one."""
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    program = ["-m", "tests.soak._closing"] if len(delays) == 1 else ["-c", _FORKING]
    command = [sys.executable, "-X", "faulthandler", *program, *map(str, [*files, *delays])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    codes = [int(line.split()[1]) for line in lines if line.startswith("code")]
    where = [line for line in lines if not line.startswith("code")]
    complaints = [line for line in done.stderr.splitlines() if "propagateSizeHints" not in line]
    return Ended(codes or [done.returncode], where, "\n".join(complaints))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--lanes", type=int, default=os.cpu_count(), help="how many at once")
    options = parser.parse_args()
    times, lanes, chance, began = options.times, options.lanes, random.Random(0), time.monotonic()
    delays = [chance.randrange(LONGEST) for _ in range(times)]
    anew, forked = [[delay] for delay in delays[::ANEW]], [d for i, d in enumerate(delays) if i % ANEW]
    jobs = [*(forked[lane::lanes] for lane in range(lanes)), *anew]
    with tempfile.TemporaryDirectory(prefix="pruner-closing-") as name, ThreadPoolExecutor(lanes) as pool:
        files = written(Path(name), SIZES, ROWS)
        ends = list(pool.map(lambda job: closed(Path(name), files, job), jobs))
    codes = Counter(code for end in ends for code in end.codes)
    print("exit codes:", dict(codes))
    print("closed:", dict(Counter(where for end in ends for where in end.where)))
    print(f"{(time.monotonic() - began) / times:.2f} s each")
    for end in ends:
        if end.complaints:
            print(f"FAILED:\n{end.complaints[-3000:]}")
    return 0 if codes == {0: times} and not any(end.complaints for end in ends) else 1


if __name__ == "__main__":
    sys.exit(main())
