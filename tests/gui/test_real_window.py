"""One real window on a real (virtual) display, driven by its keyboard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def display() -> Iterator[str]:
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        pytest.skip("Xvfb and xdotool are not installed")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as numbers:
        yield f":{numbers.readline().strip()}"
    server.terminate()
    server.wait(10)


def test_a_real_window_opens_prunes_and_closes(display: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DISPLAY": display,
        "QT_QPA_PLATFORM": "xcb",
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "pruner_gui", str(MODELS / "iris.onnx"), str(MODELS / "iris.csv")]
    program = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def xdotool(*arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=environment, capture_output=True, text=True, timeout=40, check=True
        )
        return done.stdout.strip()

    def titled(name: str) -> bool:
        return (
            subprocess.run(["xdotool", "search", "--name", name], env=environment, check=False).returncode
            == 0
        )

    def press_until(key: str, name: str) -> None:
        assert any(titled(name) or xdotool("key", key) for _ in range(500)) or titled(name)

    window = xdotool("search", "--sync", "--onlyvisible", "--name", "iris.onnx").splitlines()[0]
    xdotool("windowfocus", "--sync", window)
    press_until("F5", r"^iris\.onnx\* ")  # a result that is not exported is marked in the title
    press_until("ctrl+z", r"^iris\.onnx ")
    xdotool("key", "ctrl+q")
    _, complaints = program.communicate(timeout=40)
    assert program.returncode == 0
    assert complaints == ""
