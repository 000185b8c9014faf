"""Uses the whole program to write every kind of file, and tells of each that went past `files.atomic`.

Run as a program with a folder as argument: it prints what was opened for writing elsewhere, by Python (which
an audit hook sees) or by a library (which leaves a file that no `atomic` was asked for).
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

_DRAFT = re.compile(r"\.pruner-[0-9a-f]{16}\.tmp")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

found: set[str] = set()


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, (str, bytes, os.PathLike)) and flags & _WRITING:
            _note(Path(os.fsdecode(path)))
    elif event in ("os.rename", "os.truncate", "shutil.move", "shutil.copyfile", "tempfile.mkstemp"):
        _note(Path(os.fsdecode(arguments[0])))


def _note(path: Path) -> None:
    """Take down a file that is neither a draft, a lock without content, compiled code nor the system's."""
    apart = (
        path.name == ".lock"
        or {"__pycache__", "numba", "dev"} & set(path.parts)
        or path.suffix in (".nbi", ".nbc")
    )
    if not (apart or _DRAFT.fullmatch(path.name)):
        found.add(str(path))


def main(folder: Path) -> None:
    """Write everything into a folder."""
    sys.addaudithook(_watch)
    from pruner_gui import files

    asked: set[str] = set()
    atomic = files.atomic

    @contextlib.contextmanager
    def noted(target: Path) -> Iterator[files.Draft]:
        if target.parent.resolve() == folder.resolve():  # not what the program keeps for itself
            asked.add(target.name)
        with atomic(target) as draft:
            yield draft

    files.atomic = noted
    _without_a_window(folder)
    _with_a_window(folder)
    there = {path.name for path in folder.iterdir()}
    print("opened elsewhere:", sorted(found))
    print("not asked for:", sorted(there - asked))
    print("missing:", sorted(asked - there))
    print("kinds:", " ".join(sorted({Path(name).suffix for name in there})))


def _without_a_window(folder: Path) -> None:
    from writers import WRITERS, network

    from pruner_gui import cli

    for name, writer in WRITERS.items():
        writer.write(network(5, Path(name).suffix), folder / name)
    models = Path(__file__).parents[2] / "models"
    outputs = ["--report", folder / "cli.json", "--html", folder / "cli.html", "--code", folder / "cli.py"]
    arguments = ["prune", models / "iris.onnx", "--data", models / "iris.csv", "--quiet", "--no-latency"]
    arguments += [*outputs, "-o", folder / "cli.safetensors"]
    with contextlib.redirect_stdout(None):
        code = cli.main([str(argument) for argument in arguments])
    assert code == 0


def _with_a_window(folder: Path) -> None:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    application = QApplication([])
    from pruner_gui.gui import app, printing
    from pruner_gui.gui.graph_export import Ground
    from pruner_gui.gui.samples import samples
    from pruner_gui.gui.theme import Theme
    from pruner_gui.gui.window import MainWindow

    app.name_application()
    window = MainWindow(Theme())
    window.show()
    document = window.document

    def until(done: Callable[[], object]) -> None:
        while not done():
            application.processEvents()

    def written(write: Callable[[], object], slot: str) -> None:
        write()
        until(lambda: not document.tasks.running(slot))
        assert not window.errors, window.errors[0].details.toPlainText()

    window.open_sample(next(sample for sample in samples() if sample.model.stem == "iris"))
    until(lambda: document.can_prune)
    document.prune()
    until(lambda: document.compared is not None)
    told, graph = printing.facts(document), window.workspace.graph_for_print()
    assert told is not None
    cells = window.workspace.comparison.cells()
    for name in ("window.csv", "window.json"):
        path = folder / name
        written(
            partial(document.write_report, partial(printing.write_comparison, path, told, cells)), "report"
        )
    for name in ("window.pdf", "window.html"):
        path = folder / name
        written(partial(document.write_report, partial(printing.write_report, path, told, graph)), "report")
    for ending in (".png", ".svg"):
        picture = window.workspace.picture(2, Ground.WHITE)
        assert picture is not None
        written(partial(document.write_picture, picture, folder / f"picture{ending}"), "picture")
    for ending in (".png", ".svg", ".csv"):
        window.workspace.write_plots(folder / f"plot{ending}")
    document.set_config(replace(document.config, seed=3))
    document.save_recipe(folder / "window.recipe.json")
    written(partial(document.export, folder / "window.onnx"), "export")
    written(partial(document.save_session, folder / "window.pruner"), "session")
    window.workspace.shutdown()
    document.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
