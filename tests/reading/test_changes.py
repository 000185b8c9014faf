"""Files that change while they are read: the reader notices, in the window and in the command line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data

from pruner_gui import cli, files, formats, reading
from pruner_gui.files import ChangedWhileRead
from pruner_gui.formats import onnx_external
from pruner_gui.reading.wire import Answer, Job
from pruner_gui.session import load_examples

MODELS = Path(__file__).parents[2] / "models"

CHANGES: dict[str, Callable[[Path], object]] = {
    "replaced": lambda path: files.write(path, path.read_bytes()),
    "truncated": lambda path: os.truncate(path, 40),
    "written": lambda path: path.write_bytes(path.read_bytes()[::-1]),
    "deleted": lambda path: path.unlink(),
}


@pytest.fixture
def copies(tmp_path: Path) -> tuple[Path, Path]:
    """A model and its data, to be changed."""
    for name in ("iris.onnx", "iris.csv"):
        shutil.copy(MODELS / name, tmp_path / name)
    return tmp_path / "iris.onnx", tmp_path / "iris.csv"


def change_while_read(monkeypatch: pytest.MonkeyPatch, path: Path, change: str, *, before: bool) -> None:
    """Have a file change just before, or just after, the reading process reads it."""
    exchange = reading._exchange

    def changing(child: Any, job: Job) -> Answer:
        if before:
            CHANGES[change](path)
        answer = exchange(child, job)
        if not before:
            CHANGES[change](path)
        return answer

    monkeypatch.setattr(reading, "_exchange", changing)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("what", ["model", "data"])
def test_a_change_is_noticed_whatever_came_of_the_reading(
    copies: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, what: str, change: str, before: bool
) -> None:
    model, rows = copies
    path = model if what == "model" else rows
    change_while_read(monkeypatch, path, change, before=before)
    with pytest.raises(ChangedWhileRead) as told:
        reading.model(model) if what == "model" else reading.dataset([rows], 4, 3)
    assert told.value.path == path


def test_either_file_of_a_pair_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, targets = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(inputs, np.zeros((5, 4)))
    np.save(targets, np.arange(5) % 3)
    change_while_read(monkeypatch, targets, "replaced", before=False)
    with pytest.raises(ChangedWhileRead) as told:
        reading.dataset([inputs, targets], 4, 3)
    assert told.value.path == targets


@pytest.fixture
def outside(tmp_path: Path) -> tuple[Path, Path]:
    """A model whose tensors are in a file beside it."""
    model = onnx.load(MODELS / "iris.onnx")
    convert_model_to_external_data(model, location="iris.bin", size_threshold=0)
    onnx.save(model, tmp_path / "outside.onnx")
    return tmp_path / "outside.onnx", tmp_path / "iris.bin"


def test_tensors_never_come_from_two_contents_of_a_file(
    outside: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tensors = outside
    opened, count = onnx_external._opened, 0

    def replacing(path: Path) -> BinaryIO:
        nonlocal count
        count += 1
        if count == 3:
            files.write(path, bytes(path.stat().st_size))
        return opened(path)

    monkeypatch.setattr(onnx_external, "_opened", replacing)
    with pytest.raises(ChangedWhileRead) as told:
        formats.read(model)
    assert told.value.path == tensors


def test_what_was_read_is_known_with_the_files_beside(outside: tuple[Path, Path]) -> None:
    model, tensors = outside
    network, read = reading.model_with_files(model)
    assert [file.path for file in read] == [model, tensors]
    assert network.hidden_neurons == formats.read(MODELS / "iris.onnx").hidden_neurons
    tensors.write_bytes(bytes(tensors.stat().st_size))
    assert [file.again() is file for file in read] == [True, False]


def test_a_file_beside_that_changes_after_it_was_read_is_noticed(
    outside: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tensors = outside
    change_while_read(monkeypatch, tensors, "written", before=False)
    with pytest.raises(ChangedWhileRead) as told:
        reading.model_with_files(model)
    assert told.value.path == tensors


def test_the_command_line_says_that_a_file_changed(
    copies: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, rows = copies
    change_while_read(monkeypatch, rows, "truncated", before=False)
    assert cli.main(["evaluate", str(MODELS / "iris.onnx"), "--data", str(rows)]) == 1
    assert "changed while it was read" in capsys.readouterr().err
    assert model.exists()


def test_the_command_line_reports_the_size_of_what_it_read(
    copies: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model, rows = copies
    size = model.stat().st_size

    def replacing(*arguments: Any) -> Any:
        model.write_bytes(b"shorter")
        return load_examples(*arguments)

    monkeypatch.setattr("pruner_gui.cli.load_examples", replacing)
    report = tmp_path / "report.json"
    arguments = ["prune", str(model), "--data", str(rows), "-o", str(tmp_path / "out.onnx")]
    assert cli.main([*arguments, "--report", str(report), "--no-latency", "--quiet"]) == 0
    told = json.loads(report.read_text())
    assert told["before"]["bytes"] == size
    assert told["after"]["bytes"] == (tmp_path / "out.onnx").stat().st_size
