"""Limits of all readers are raised together: what one guard refuses goes through when files may take more."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from seeds import data_seeds, model_seeds, networks

from pruner_gui import cli, data, formats, limits, reading, wording
from pruner_gui.data import npz, parquet, raw, text
from pruner_gui.data.errors import DataTooLarge
from pruner_gui.formats import (
    TooLarge,
    data_pickle,
    fann_format,
    keras_files,
    keras_layers,
    keras_reader,
    layers,
    npz_format,
    onnx_guard,
    onnx_reading,
    pmml_document,
    pmml_reader,
    safetensors_format,
    skops_format,
    text_file,
    torch_archive,
    torch_format,
)

MODELS = [
    ("safetensors", safetensors_format, "MAX_BYTES"),
    ("safetensors", safetensors_format, "MAX_HEADER"),
    ("safetensors", safetensors_format, "_TENSORS"),
    ("onnx", onnx_guard, "MAX_NODES"),
    ("onnx", onnx_guard, "MAX_PARTS"),
    ("onnx", onnx_reading, "MAX_UNITS"),
    ("skops", skops_format, "MAX_BYTES"),
    ("skops", skops_format, "MAX_SCHEMA"),
    ("skops", skops_format, "MAX_ENTRIES"),
    ("npz", npz_format, "MAX_BYTES"),
    ("pmml", pmml_document, "MAX_BYTES"),
    ("pmml", pmml_document, "MAX_ELEMENTS"),
    ("pmml", pmml_document, "MAX_LEVELS"),
    ("pmml", pmml_reader, "MAX_VALUES"),
    ("torch", torch_archive, "MAX_BYTES"),
    ("torch", torch_archive, "MAX_PICKLE"),
    ("torch", torch_archive, "_DIRECTORY"),
    ("torch", data_pickle, "MAX_OPS"),
    ("torch", torch_format, "_TENSORS"),
    ("encog", text_file, "MAX_BYTES"),
    ("encog", layers, "MAX_NODES"),
    ("nnet", text_file, "MAX_LINES"),
    ("nnet", layers, "MAX_NODES"),
    ("fann", fann_format, "MAX_WEIGHTS"),
    ("fann", layers, "MAX_NODES"),
    ("keras", keras_files, "MAX_BYTES"),
    ("keras", keras_files, "MAX_CONFIG"),
    ("keras", keras_files, "MAX_ENTRIES"),
    ("keras-h5", keras_files, "MAX_NAMES"),
    ("keras-h5", keras_reader, "MAX_LAYERS"),
    ("keras-h5", keras_reader, "MAX_CALLS"),
    ("keras-h5", keras_layers, "MAX_UNITS"),
]
DATA = [
    (".csv", raw, "MAX_BYTES"),
    (".csv", raw, "MAX_VALUES"),
    (".csv", raw, "MAX_COLUMNS"),
    (".csv", text, "MAX_LINE"),
    (".npy", raw, "MAX_VALUES"),
    (".idx", raw, "MAX_BYTES"),
    (".gz", raw, "MAX_BYTES"),
    (".npz", npz, "MAX_BYTES"),
    (".npz", npz, "_MAX_MEMBERS"),
    (".parquet", parquet, "MAX_BYTES"),
]


def model(folder: Path, format: str) -> tuple[formats.Format, Path]:
    """A file of a format that can carry at least one of the networks."""
    row = next(row for row in formats.FORMATS if row.name == format)
    path = folder / f"model{row.extensions[0]}"
    path.write_bytes(model_seeds(row, folder)[0])
    return row, path


def lowest(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, read: object) -> int:
    """The lowest value of a limit that a file passes."""
    assert callable(read)
    low, high = 0, 1 << 17
    while low < high:
        middle = (low + high) // 2
        monkeypatch.setattr(module, name, middle)
        try:
            read()
            high = middle
        except (TooLarge, DataTooLarge):
            low = middle + 1
    return low


def check(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, read: object) -> None:
    assert callable(read)
    monkeypatch.setenv(limits.VARIABLE, "1")
    needed = lowest(monkeypatch, module, name, read)
    assert needed > 1
    monkeypatch.setattr(module, name, -(-needed // 4))
    with pytest.raises((TooLarge, DataTooLarge)) as refusal:
        read()
    assert "PRUNER_GUI_LIMITS" in wording.problem(refusal.value).remedy
    limits.raise_to(4)
    read()


@pytest.mark.parametrize(("format", "module", "name"), MODELS)
def test_a_guard_lets_through_four_times_as_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, module: ModuleType, name: str
) -> None:
    row, path = model(tmp_path, format)
    activations = ("relu", "linear") if row.weights_only else None
    check(monkeypatch, module, name, lambda: formats.read(path, activations))


@pytest.mark.parametrize(("extension", "module", "name"), DATA)
def test_so_does_one_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str, module: ModuleType, name: str
) -> None:
    path = tmp_path / f"data{extension}"
    path.write_bytes(data_seeds()[extension][0])
    check(monkeypatch, module, name, lambda: data.read([path], 3, 2))


@pytest.mark.parametrize("format", ["npz", "skops", "keras"])
def test_so_does_what_unpacks_to_far_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    path = model(tmp_path, format)[1]
    monkeypatch.setattr(limits, "RATIO", 0)
    check(monkeypatch, limits, "FREE", lambda: formats.read(path))


def deep(path: Path) -> Path:
    """A model with a description of more levels than are read."""
    formats.write(next(networks()), path)
    levels = 100
    nested = "<Extension>" * levels + "</Extension>" * levels
    path.write_text(
        path.read_text()
        .replace("</Header>", f"{nested}</Header>")
        .replace("<Header />", f"<Header>{nested}</Header>")
    )
    return path


def test_the_reading_process_holds_to_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = deep(tmp_path / "model.pmml")
    monkeypatch.setenv(limits.VARIABLE, "1")
    reading.prestart()
    with pytest.raises(TooLarge) as refusal:
        reading.model(path)
    assert refusal.value.what == "levels"
    reading.prestart()
    limits.raise_to(4)
    assert reading.model(path).n_inputs == 3


def test_the_command_line_raises_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = deep(tmp_path / "model.pmml")
    monkeypatch.setenv(limits.VARIABLE, "1")
    assert cli.main(["info", str(path)]) == 1
    assert "--limits" in capsys.readouterr().err
    assert cli.main(["info", str(path), "--limits", "4"]) == 0
    with pytest.raises(SystemExit):
        cli.main(["info", str(path), "--limits", "65"])


@pytest.mark.parametrize(
    ("said", "scale"), [("", 1), ("4", 4), ("0.5", 1), ("many", 1), ("nan", 1), ("inf", 64), ("1e9", 64)]
)
def test_what_the_environment_says(monkeypatch: pytest.MonkeyPatch, said: str, scale: float) -> None:
    monkeypatch.setenv(limits.VARIABLE, said)
    assert limits.scale() == scale
    assert limits.scaled(100) == 100 * scale


def test_larger_files_get_more_memory_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.VARIABLE, "1")
    usual = reading.Limits()
    assert usual.time(1 << 30) > usual.time(0) == usual.seconds
    assert usual.memory(1 << 30) > usual.memory(0) == usual.base
    limits.raise_to(2)
    assert (usual.time(0), usual.memory(0)) == (2 * usual.seconds, 2 * usual.base)
