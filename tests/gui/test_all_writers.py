"""Every file that the program writes goes through the one atomic writer, and nothing can pass it by."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "pruner_gui").rglob("*.py"))

# What writes a file, by the name it is called by.
FORBIDDEN = {
    *("write_text", "write_bytes", "mkstemp", "mkdtemp", "NamedTemporaryFile", "TemporaryDirectory"),
    *("rename", "renames", "truncate", "copyfile", "copy2", "copytree", "move", "touch"),
    *("savez", "savez_compressed", "savetxt", "tofile", "QSaveFile", "QFile", "QTemporaryFile"),
    *("QPdfWriter", "setFileName", "RotatingFileHandler", "FileHandler"),
}
OPENERS = {"open", "fdopen", "ZipFile", "File"}
# What looks like it and is none: by module, the calls that are known to be something else.
KNOWN = {
    "files.py": None,  # where files are written
    "gui/log.py": None,  # the log, which is added to
    "formats/keras_writer.py": {"ZipFile", "File"},  # in memory
    "formats/npz_format.py": {"ZipFile", "open"},  # in memory
    "formats/torch_archive.py": {"ZipFile"},  # in memory
    "formats/onnx_external.py": {"open"},  # only to read
    "gui/printing.py": {"QPdfWriter"},  # in memory
    "reading/child.py": {"fdopen"},  # a pipe
    "session_file.py": {"ZipFile", "open"},  # in a draft
}


def test_every_file_is_written_by_the_atomic_writer(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "out").mkdir()
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        environment[name] = str(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "support" / "write_everything.py"), str(tmp_path / "out")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert told["opened elsewhere"] == told["not asked for"] == told["missing"] == "[]"
    kinds = {".onnx", ".keras", ".pmml", ".h", ".pruner", ".recipe", ".json", ".csv", ".html", ".pdf"}
    assert kinds - {".recipe"} | {".png", ".svg", ".py"} <= set(told["kinds"].split())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_writes_on_its_own(source: Path) -> None:
    name = source.relative_to(ROOT / "pruner_gui").as_posix()
    known = KNOWN.get(name, set())
    calls = [node for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.Call)]
    if known is not None:
        assert {called(call) for call in calls if writes(call)} <= known


def called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def writes(call: ast.Call) -> bool:
    """Whether this call may write a file, as far as the source shows."""
    owner, kind = ast.unparse(call.func).rpartition(".")[0], called(call)
    if kind == "write_bytes" and owner == "draft":
        return False
    if owner == "os" and kind == "open":
        return True
    if kind in OPENERS:
        texts = (*call.args, *(word.value for word in call.keywords))
        modes = [
            each.value for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        return any(set(mode) & set("wax+") and len(mode) <= 3 for mode in modes)
    return kind in FORBIDDEN or (owner == "os" and kind in ("replace", "remove", "write"))
