"""Runs every script in this folder, one after another: `make soak`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> int:
    """Run them all; return 1 if one fails."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    failed = []
    for name in names:
        print(f"== {name}", flush=True)
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", f"tests.soak.{name}"], cwd=FOLDER.parents[1], check=False
        )
        print(f"== {name}: {time.monotonic() - began:.0f} s", flush=True)
        failed += [name] if done.returncode else []
    print("FAILED: " + ", ".join(failed) if failed else "all went well")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
