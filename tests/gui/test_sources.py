"""Files that change while they are open: noticed, told, and nothing of the new mixed with the old."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from windows import settled

from pruner_gui import files, formats, reading, session_file
from pruner_gui.files import ChangedWhileRead
from pruner_gui.gui import dialogs
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.document import Document
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import Network
from pruner_gui.pruning import candidates
from pruner_gui.session import load_examples

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> tuple[MainWindow, Path, Path]:
    """A window with a model and its data, which are copies of its own."""
    model, rows = tmp_path / "iris.onnx", tmp_path / "iris.csv"
    shutil.copy(MODELS / "iris.onnx", model)
    shutil.copy(MODELS / "iris.csv", rows)
    window.open_files([model, rows])
    qtbot.waitUntil(lambda: window.document.can_prune, timeout=60_000)
    settled(qtbot, window)
    return window, model, rows


def bar(window: MainWindow, kind: str) -> str:
    return window.workspace.changes[kind].text


def replaced(path: Path, content: bytes) -> None:
    files.write(path, content)


CHANGES: dict[str, Callable[[Path], object]] = {
    "replaced": lambda path: replaced(path, path.read_bytes()[::-1]),
    "written": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "truncated": lambda path: os.truncate(path, 100),
    "deleted": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["model", "data"])
def test_a_change_is_told_by_itself(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path], kind: str, change: str
) -> None:
    window, model, rows = opened
    path = model if kind == "model" else rows
    network, examples = window.document.session.network, window.document.session.examples
    CHANGES[change](path)
    qtbot.waitUntil(lambda: bar(window, kind) != "", timeout=30_000)
    told = "no longer there" if change == "deleted" else "changed on disk"
    assert f"{path.name} " in bar(window, kind)
    assert told in bar(window, kind)
    shown = window.workspace.changes[kind]
    assert shown.action.isVisibleTo(shown) is (change != "deleted")
    assert window.document.session.network is network
    assert window.document.session.examples is examples
    assert not bar(window, "data" if kind == "model" else "model")
    shown.keep.click()
    assert not bar(window, kind)


def test_what_is_kept_is_not_told_again_but_another_change_is(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path]
) -> None:
    window, _, rows = opened
    content = rows.read_bytes()
    rows.write_bytes(content + b"\n")
    qtbot.waitUntil(lambda: bar(window, "data") != "", timeout=30_000)
    window.workspace.changes["data"].keep.click()
    window.document.sources.look()
    settled(qtbot, window)
    assert not bar(window, "data")
    rows.write_bytes(content + b"\n\n")
    qtbot.waitUntil(lambda: bar(window, "data") != "", timeout=30_000)
    rows.write_bytes(content)  # as it was read
    qtbot.waitUntil(lambda: bar(window, "data") == "", timeout=30_000)


def test_a_file_that_is_only_touched_is_not_told(qtbot: QtBot, opened: tuple[MainWindow, Path, Path]) -> None:
    window, model, rows = opened
    for path in (model, rows):
        os.utime(path, ns=(1, 1))
        replaced(path, path.read_bytes())
    window.document.sources.look()
    settled(qtbot, window)
    assert not bar(window, "model")
    assert not bar(window, "data")


def test_a_look_is_taken_when_the_program_comes_to_the_front(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path]
) -> None:
    window, model, _ = opened
    watcher = window.document.sources._watcher
    watcher.removePaths(watcher.files() + watcher.directories())  # a disk that reports nothing
    model.write_bytes(b"no model")
    application = QGuiApplication.instance()
    assert isinstance(application, QGuiApplication)
    application.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
    qtbot.waitUntil(lambda: bar(window, "model") != "", timeout=30_000)


def test_reload_reads_the_new_data_and_measures_anew(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path]
) -> None:
    window, _, rows = opened
    document = window.document
    examples = document.session.examples
    assert examples is not None
    document.prune()
    settled(qtbot, window)
    before = len(examples.pruning)
    lines = rows.read_text().splitlines(keepends=True)
    rows.write_text("".join(lines[:1] + lines[31:]))
    qtbot.waitUntil(lambda: bar(window, "data") != "", timeout=30_000)
    assert document.session.examples is examples
    window.workspace.changes["data"].action.click()
    qtbot.waitUntil(lambda: document.session.examples is not examples, timeout=30_000)
    settled(qtbot, window)
    assert document.session.examples is not None
    assert len(document.session.examples.pruning) < before
    assert [record.outdated for record in document.runs] == [True]
    assert not bar(window, "data")


def test_reload_reads_the_new_model_with_its_data(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path], smaller: bytes
) -> None:
    window, model, _ = opened
    document = window.document
    before = document.session.original
    replaced(model, smaller)
    qtbot.waitUntil(lambda: bar(window, "model") != "", timeout=30_000)
    assert document.session.original is before
    window.workspace.changes["model"].action.click()
    qtbot.waitUntil(lambda: document.session.original is not before and document.can_prune, timeout=30_000)
    settled(qtbot, window)
    assert document.session.original.hidden_neurons < before.hidden_neurons
    assert not bar(window, "model")


@pytest.fixture
def smaller(tmp_path: Path) -> bytes:
    """The content of a model file with fewer neurons than iris.onnx has, for the same data."""
    network = formats.read(MODELS / "iris.onnx")
    for edit in candidates(network, None)[:2]:
        network = edit.apply(network)
    formats.write(network, tmp_path / "smaller.onnx")
    return (tmp_path / "smaller.onnx").read_bytes()


def test_nothing_of_a_new_file_gets_into_run_comparison_export_or_session(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path], tmp_path: Path, smaller: bytes
) -> None:
    window, model, rows = opened
    document = window.document
    reference = files.checksum([rows])
    size = document.before.bytes if document.before is not None else None
    neurons = document.session.original.hidden_neurons
    replaced(model, smaller)
    rows.write_text(rows.read_text().replace("setosa", "virginica"))
    qtbot.waitUntil(lambda: bool(bar(window, "model") and bar(window, "data")), timeout=30_000)
    document.prune()
    settled(qtbot, window)
    qtbot.waitUntil(lambda: document.compared is not None, timeout=60_000)
    assert document.before is not None
    assert document.before.bytes == size
    assert document.before.hidden_neurons == neurons
    with qtbot.waitSignal(document.exported, timeout=30_000) as exported:
        document.export(tmp_path / "out.onnx")
    assert exported.args[0].bytes_before == size
    with qtbot.waitSignal(document.session_saved, timeout=30_000):
        document.save_session(tmp_path / "a.pruner")
    saved = session_file.load(tmp_path / "a.pruner")
    assert saved.data is not None
    assert saved.data.checksum == reference  # of the rows that the runs were measured on
    assert not saved.data.is_unchanged()
    assert saved.versions[0].network.hidden_neurons == neurons


def test_an_export_over_a_model_that_changed_says_so(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window, model, _ = opened
    asked: list[str] = []

    def ask(parent: object, question: str, more: str, *_: object) -> Answer:
        asked.append(more)
        return Answer.Cancel

    monkeypatch.setattr(dialogs, "ask", ask)
    window.export(model)
    model.write_bytes(b"no model")
    qtbot.waitUntil(lambda: bar(window, "model") != "", timeout=30_000)
    window.export(model)
    assert "changed on disk" not in asked[0]
    assert "changed on disk" in asked[1]
    assert model.read_bytes() == b"no model"


def test_ones_own_export_over_the_model_is_no_change(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path]
) -> None:
    window, model, _ = opened
    document = window.document
    document.prune()
    settled(qtbot, window)
    with qtbot.waitSignal(document.exported, timeout=30_000):
        document.export(model)
    document.sources.look()
    settled(qtbot, window)
    assert not bar(window, "model")
    model.write_bytes(b"no model")
    qtbot.waitUntil(lambda: bar(window, "model") != "", timeout=30_000)


def test_tensors_in_a_file_beside_the_model_are_watched_too(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    model = onnx.load(MODELS / "iris.onnx")
    convert_model_to_external_data(model, location="iris.bin", size_threshold=0)
    onnx.save(model, tmp_path / "iris.onnx")
    window.document.open(tmp_path / "iris.onnx")
    qtbot.waitUntil(lambda: window.document.is_open, timeout=60_000)
    settled(qtbot, window)
    content = (tmp_path / "iris.bin").read_bytes()
    (tmp_path / "iris.bin").write_bytes(bytes(len(content)))
    qtbot.waitUntil(lambda: bar(window, "model") != "", timeout=30_000)
    assert "iris.bin" in bar(window, "model")


def test_a_model_that_changes_while_it_is_read_is_told_and_not_opened(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "iris.onnx"
    shutil.copy(MODELS / "iris.onnx", path)
    read = reading.model

    def slowly(path: Path, **options: Any) -> Network:
        network = read(path, **options)
        path.write_bytes(path.read_bytes() + b"\0")
        return network

    monkeypatch.setattr(reading, "model", slowly)
    with qtbot.waitSignal(window.document.failed, timeout=30_000) as told:
        window.document.open(path)
    assert isinstance(told.args[0].error, ChangedWhileRead)
    assert "changed while it was read" in window.errors[0].what.text()
    assert not window.document.is_open


def test_data_that_changes_while_it_is_read_is_told_and_not_used(
    qtbot: QtBot, opened: tuple[MainWindow, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    window, _, rows = opened
    document: Document = window.document
    examples = document.session.examples

    def slowly(*arguments: object) -> object:
        found = load_examples(*arguments)  # type: ignore[arg-type]
        rows.write_bytes(rows.read_bytes() + b"\n")
        return found

    monkeypatch.setattr("pruner_gui.gui.document.load_examples", slowly)
    assert document.data is not None
    with qtbot.waitSignal(document.failed, timeout=30_000) as told:
        document.load_data(document.data)
    assert isinstance(told.args[0].error, ChangedWhileRead)
    assert document.session.examples is examples
    assert np.isfinite(document.session.network.strongest)
