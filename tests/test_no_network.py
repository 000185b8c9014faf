"""The program does not use the network: nothing imports what could, and a day's work opens no connection."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
FORBIDDEN = {
    "aiohttp",
    "asyncio",
    "ftplib",
    "http",
    "httpx",
    "imaplib",
    "poplib",
    "requests",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "telnetlib",
    "urllib",
    "urllib3",
    "webbrowser",
    "xmlrpc",
    "PySide6.QtNetwork",
    "PySide6.QtWebSockets",
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def reaches_out(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:count]) in FORBIDDEN for count in range(1, len(parts) + 1))


def test_nothing_is_imported_that_reaches_the_network() -> None:
    files = sorted((ROOT / "pruner_gui").rglob("*.py"))
    assert files
    found = {str(path): names for path in files if (names := set(filter(reaches_out, imported(path))))}
    assert not found


_GUARD = """
import sys

CALLS = ("connect", "bind", "getaddrinfo", "gethostbyname", "sendto")

def guard(event, arguments):
    if event.startswith("socket.") and event.removeprefix("socket.") in CALLS:
        sys.stderr.write(f"network: {event} {arguments}\\n")
        import os
        os._exit(77)

sys.addaudithook(guard)
"""

_WINDOW = """
import sys
from functools import partial
from pathlib import Path
from PySide6.QtCore import QTimer
from pruner_gui.gui import app, printing

model, data, folder = map(Path, sys.argv[1:])
real = app.open_window

def open_window(qt, crashes):
    window = real(qt, crashes)
    document = window.document
    document.data_loaded.connect(lambda _: QTimer.singleShot(0, document.prune))
    document.runs_changed.connect(lambda: QTimer.singleShot(0, lambda: window.export(folder / "small.onnx")))
    document.exported.connect(lambda _: QTimer.singleShot(0, report))
    document.report_written.connect(lambda _: QTimer.singleShot(0, window.close))

    def report():
        told, graph = printing.facts(document), window.workspace.graph_for_print()
        if told is None:
            QTimer.singleShot(20, report)
        else:
            document.write_report(partial(printing.write_report, folder / "report.pdf", told, graph))

    return window

app.open_window = open_window
sys.exit(app.run([model, data]))
"""


def run(folder: Path, program: str, *arguments: str) -> None:
    """Run a program whose every process ends with 77 when it reaches for the network."""
    (folder / "sitecustomize.py").write_text(_GUARD)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "network:" not in done.stderr


def test_the_window_opens_prunes_exports_and_reports_without_the_network(tmp_path: Path) -> None:
    run(tmp_path, _WINDOW, str(MODELS / "iris.onnx"), str(MODELS / "iris.csv"), str(tmp_path))
    assert (tmp_path / "small.onnx").is_file()
    assert (tmp_path / "report.pdf").is_file()


def test_the_command_line_does_without_the_network(tmp_path: Path) -> None:
    program = "import sys; from pruner_gui.__main__ import main; sys.exit(main())"
    out, page = tmp_path / "small.onnx", tmp_path / "report.html"
    files = [str(MODELS / "iris.onnx"), "--data", str(MODELS / "iris.csv")]
    run(tmp_path, program, "prune", *files, "--tolerance", "20%", "-o", str(out), "--html", str(page))
    assert out.is_file()
    assert page.is_file()


def test_the_guard_hears_of_connections(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="network: socket"):
        run(tmp_path, "import socket; socket.create_connection(('127.0.0.1', 9))")
