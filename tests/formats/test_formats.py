"""The table of formats: which one a file is in, and what is told when the system or a file is in the way."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui import formats
from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    CannotRead,
    CannotWrite,
    ExportDiffers,
    ExportDoesNotRun,
    MissingExtra,
    NotAModel,
    UnknownFormat,
    npz_format,
    onnx_format,
    read,
    size_in,
    write,
)
from pruner_gui.formats.running import Ran
from pruner_gui.network import Activation, Dense, FloatArray, Input, Network, Node, Origin


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(0)
    nodes = (
        Node("x", Input(4)),
        Node("a", Dense(rng.normal(size=(4, 5)), rng.normal(size=5)), ("x",)),
        Node("a.relu", Activation("relu"), ("a",)),
        Node("b", Dense(rng.normal(size=(5, 2)), rng.normal(size=2)), ("a.relu",)),
    )
    return Network(nodes, ("b",))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "network.onnx"
    path.write_bytes(b"what was there before")
    return path


def unchanged(path: Path) -> bool:
    return path.read_bytes() == b"what was there before" and list(path.parent.iterdir()) == [path]


def test_no_format_is_imported_before_a_file_needs_it() -> None:
    code = "import sys, pruner_gui.formats; print(sorted({'onnx', 'onnxruntime'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# -- which format


@pytest.mark.parametrize(
    ("format", "wrong"), [("onnx", ".npz"), ("npz", ".onnx"), ("npz", ""), ("onnx", ".txt")]
)
def test_the_content_decides(tmp_path: Path, network: Network, format: str, wrong: str) -> None:
    path = tmp_path / f"file{wrong}"
    write(network, path, format=format)
    assert read(path).origin.format == format


def test_the_extension_decides_what_is_written_then_the_origin(tmp_path: Path, network: Network) -> None:
    assert write(network, tmp_path / "a.ONNX").format == "onnx"
    assert write(network, tmp_path / "a.npz").format == "npz"
    assert write(read(tmp_path / "a.npz"), tmp_path / "b.onnx").format == "onnx"
    assert write(read(tmp_path / "a.npz"), tmp_path / "b").format == "npz"
    assert write(network, tmp_path / "a.npz", format="onnx").format == "onnx"


def test_a_format_that_nothing_names_is_refused(tmp_path: Path, network: Network) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(UnknownFormat) as refusal:
        read(tmp_path / "notes.txt")
    assert {".onnx", ".npz", ".pth"} <= set(refusal.value.known)
    for path, format in (("a.pdf", None), ("a", None), ("a.onnx", "pdf")):
        with pytest.raises(UnknownFormat):
            write(network, tmp_path / path, format=format)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_missing_library_names_itself(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def import_module(name: str) -> Any:
        raise ModuleNotFoundError(name="onnx")

    monkeypatch.setattr(importlib, "import_module", import_module)
    with pytest.raises(MissingExtra) as refusal:
        write(network, tmp_path / "a.onnx")
    assert (refusal.value.format, refusal.value.module) == ("onnx", "onnx")


def test_sizes_are_those_of_files(tmp_path: Path, network: Network) -> None:
    for format in ("onnx", "npz"):
        export = write(network, tmp_path / f"a.{format}")
        assert export.bytes == size_in(network, format) == export.path.stat().st_size


# -- files that cannot be read


def test_what_the_system_does_not_give_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, reason in ((tmp_path, "EISDIR"), (tmp_path / "none.onnx", "ENOENT")):
        with pytest.raises(CannotRead) as refusal:
            read(path)
        assert (refusal.value.path, refusal.value.reason) == (path, reason)

    def refuse(*arguments: Any) -> Any:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CannotRead) as refusal:
        read(tmp_path / "secret.onnx")
    assert refusal.value.reason == "EACCES"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"some text", "damaged"), (b"\x08", "damaged"), (b"PK\x03\x04", "damaged")],
)
@pytest.mark.parametrize("extension", [".onnx", ".npz"])
def test_what_is_no_model(tmp_path: Path, content: bytes, reason: str, extension: str) -> None:
    path = tmp_path / f"file{extension}"
    path.write_bytes(content)
    with pytest.raises(NotAModel) as refusal:
        read(path)
    assert (refusal.value.format, refusal.value.reason) == (extension[1:], reason)


@pytest.mark.parametrize("extension", [".onnx", ".npz"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, network: Network, extension: str) -> None:
    path = tmp_path / f"file{extension}"
    write(network, path)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(NotAModel):
            read(path)


@pytest.mark.parametrize("extension", [".onnx", ".npz"])
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, extension: str, data: st.DataObject
) -> None:
    rng = np.random.default_rng(0)
    nodes = (Node("x", Input(2)), Node("a", Dense(rng.normal(size=(2, 2)), rng.normal(size=2)), ("x",)))
    path = tmp_path_factory.mktemp("damaged") / f"file{extension}"
    write(Network(nodes, ("a",), Origin()), path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(PrunerError):
        assert read(path).nodes


# -- files that cannot be written


def test_a_full_disk_keeps_the_old_file(old: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite) as refusal:
        write(network, old)
    assert (refusal.value.path, refusal.value.reason) == (old, "ENOSPC")
    assert unchanged(old)


def test_a_protected_file_is_not_replaced(
    old: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.chmod(0o444)
    if os.geteuid() == 0:  # who may write everything, so the answer for anybody else is given
        monkeypatch.setattr(os, "access", lambda path, mode: path != old)
    with pytest.raises(CannotWrite) as refusal:
        write(network, old)
    assert refusal.value.reason == "EACCES"
    assert unchanged(old)


def test_a_folder_that_is_not_there_or_in_the_way(tmp_path: Path, network: Network) -> None:
    (tmp_path / "folder.onnx").mkdir()
    for name, reason in (("none/a.onnx", "ENOENT"), ("folder.onnx", "EISDIR")):
        with pytest.raises(CannotWrite) as refusal:
            write(network, tmp_path / name)
        assert refusal.value.reason == reason
    assert [path.name for path in tmp_path.iterdir()] == ["folder.onnx"]


@pytest.mark.skipif(os.name != "posix", reason="no pipes in folders")
def test_pipes_are_neither_read_nor_replaced(tmp_path: Path, network: Network) -> None:
    path = tmp_path / "pipe.onnx"
    os.mkfifo(path)
    with pytest.raises(CannotRead):
        read(path)
    with pytest.raises(CannotWrite):
        write(network, path)
    assert path.is_fifo()


# -- the comparison


@pytest.mark.parametrize("error", [1e-3, np.nan, np.inf])
def test_an_export_that_differs_keeps_the_old_file(
    old: Path, network: Network, monkeypatch: pytest.MonkeyPatch, error: float
) -> None:
    run = onnx_format.run
    monkeypatch.setattr(onnx_format, "run", lambda path, rows: Ran(run(path, rows).outputs + error, ""))
    with pytest.raises(ExportDiffers) as refusal:
        write(network, old)
    assert refusal.value.max_difference == pytest.approx(error if error < 1 else np.inf)
    assert refusal.value.max_difference > refusal.value.tolerance
    assert unchanged(old)


def test_an_export_of_another_shape_keeps_the_old_file(
    old: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_format, "run", lambda path, rows: Ran(network.forward(rows)[:, :1], ""))
    with pytest.raises(ExportDiffers):
        write(network, old)
    assert unchanged(old)


def test_an_export_that_does_not_run_keeps_the_old_file(
    old: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_format, "dump", lambda network: b"\x08\x08no model")
    with pytest.raises(ExportDoesNotRun) as refusal:
        write(network, old)
    assert refusal.value.runtime.startswith("onnxruntime ")
    assert unchanged(old)


@pytest.mark.parametrize(("count", "compared"), [(None, 256), (0, 256), (3, 3), (1000, 256)])
def test_the_given_rows_are_compared(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch, count: int | None, compared: int
) -> None:
    seen: list[FloatArray] = []

    def run(path: Path, rows: FloatArray) -> Ran:
        seen.append(rows)
        return Ran(network.forward(rows), "")

    monkeypatch.setattr(npz_format, "run", run)
    samples = None if count is None else np.arange(4.0 * count).reshape(count, 4)
    export = formats.write(network, tmp_path / "a.npz", samples)
    assert export.max_difference == 0
    assert seen[0].shape == (compared, 4)
    if count:
        np.testing.assert_array_equal(seen[0], np.arange(4.0 * count).reshape(count, 4)[:compared])


def test_what_single_precision_loses_anyway_is_no_difference(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(50, 50)).astype(np.float32) * 1e4
    nodes = (
        Node("x", Input(50)),
        Node("a", Dense(first, np.zeros(50, np.float32)), ("x",)),
        Node("b", Dense(np.linalg.inv(first).astype(np.float32) * 10, np.zeros(50, np.float32)), ("a",)),
        Node("b.sigmoid", Activation("sigmoid"), ("b",)),
    )
    rows = rng.normal(size=(100, 50)) * 1e3
    write(Network(nodes, ("b.sigmoid",)), tmp_path / "a.onnx", rows)


def test_infinite_and_undefined_outputs_are_compared_too(tmp_path: Path) -> None:
    weight = np.array([[1, np.nan, np.inf]], np.float32)
    nodes = (Node("x", Input(1)), Node("a", Dense(weight, np.zeros(3, np.float32)), ("x",)))
    assert write(Network(nodes, ("a",)), tmp_path / "a.onnx").max_difference == 0
