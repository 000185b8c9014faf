"""Killed at random moments while writing: every file is the old or the new one. A few of `tests/soak`'s."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no copies of a process")
def test_a_kill_leaves_whole_files_and_what_is_left_is_swept(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.soak.kill_export", "--kills", "40", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    amid = re.search(r"(\d+) of them amid", done.stdout)
    assert amid is not None
    assert int(amid[1]) > 0  # else it said nothing about writing
