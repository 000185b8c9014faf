"""The reading process: what it sends back, and what becomes of one that does not."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seeds import model_seeds

from pruner_gui import data, formats, reading
from pruner_gui.data.errors import CannotReadData
from pruner_gui.formats import UnknownFormat
from pruner_gui.network import Network
from pruner_gui.reading import Limits, ReadingFailed
from pruner_gui.reading.wire import codec
from pruner_gui.stopping import Stopped, stopping

MODELS = Path(__file__).parents[2] / "models"


def same(one: Network, other: Network) -> bool:
    rows = np.random.default_rng(0).normal(size=(5, one.n_inputs))
    return (
        [node.name for node in one.nodes] == [node.name for node in other.nodes]
        and same_origin(one, other)
        and np.array_equal(one.forward(rows), other.forward(rows))
    )


def same_origin(one: Network, other: Network) -> bool:
    def told(network: Network) -> tuple[object, list[Any]]:
        extra = network.origin.extra
        told = {key: value for key, value in extra.items() if not isinstance(value, bytes)}  # archives: dated
        return codec().encode([replace(network.origin, extra=told), list(extra)])

    (facts, arrays), (wanted, theirs) = told(one), told(other)
    return facts == wanted and all(map(np.array_equal, arrays, theirs))


def test_a_model_is_the_one_that_reading_here_gives() -> None:
    assert same(reading.model(MODELS / "iris.onnx"), formats.read(MODELS / "iris.onnx"))


@pytest.mark.parametrize("row", [row for row in formats.FORMATS if row.reads], ids=lambda row: row.name)
def test_every_format_comes_through_whole(row: formats.Format, tmp_path: Path) -> None:
    path = tmp_path / f"model{row.extensions[0]}"
    activations = ("relu", "linear") if row.weights_only else None
    path.write_bytes(model_seeds(row, tmp_path)[0])
    assert same(reading.model(path, activations=activations), formats.read(path, activations))


def test_data_is_what_reading_here_gives() -> None:
    options = data.ReadOptions(scale="standard")
    found = reading.dataset([MODELS / "iris.csv"], 4, 3, options)
    here = data.read([MODELS / "iris.csv"], 4, 3, options)
    np.testing.assert_array_equal(found.inputs, here.inputs)
    assert (found.classes, found.source) == (here.classes, here.source)
    assert found.scaling.kind == "standard"


def test_other_rows_are_read_like_the_first_ones() -> None:
    first = reading.dataset([MODELS / "iris.csv"], 4, 3, data.ReadOptions(scale="standard"))
    again = reading.dataset([MODELS / "iris.csv"], 4, 3, like=first)
    np.testing.assert_array_equal(again.inputs, first.inputs)


def test_the_head_of_a_file_is_what_reading_here_gives() -> None:
    found = reading.table([MODELS / "iris.csv"], 4, data.ReadOptions(), 1000)
    here = data.scan([MODELS / "iris.csv"], 4, data.ReadOptions(), limit=1000)
    np.testing.assert_array_equal(found.values, here.values)
    assert (found.names, dict(found.words), list(found.lines)) == (
        here.names,
        dict(here.words),
        list(here.lines),
    )
    assert not found.complete


def test_a_child_that_was_started_before_reads_as_well() -> None:
    reading.prestart()
    reading.prestart()
    assert reading.model(MODELS / "iris.onnx").n_inputs == 4


def test_refusals_come_back_as_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.what"
    path.write_bytes(b"?")
    with pytest.raises(UnknownFormat) as refusal:
        reading.model(path)
    assert refusal.value.path == path
    with pytest.raises(CannotReadData):
        reading.dataset([tmp_path / "none.csv"], 1, 1)


# -- children that do not do what they should

BEHAVIOURS = {
    "crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "leave": "import sys; sys.exit(3)",
    "hang": "import time; time.sleep(1000)",
    "noise": "import sys; sys.stdout.write('noise' * 1000)",
}


@pytest.fixture
def behaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Have a program of another behaviour in the child's place."""
    program = tmp_path / "child.sh"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{BEHAVIOURS[request.param]}"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a shell script")
@pytest.mark.parametrize(
    ("behaving", "detail"),
    [("crash", signal.Signals.SIGSEGV.name), ("leave", "exit code 3"), ("noise", "exit code 0")],
    indirect=["behaving"],
)
@pytest.mark.usefixtures("behaving")
def test_a_child_that_breaks_down_is_an_error(detail: str) -> None:
    with pytest.raises(ReadingFailed) as refusal:
        reading.model(MODELS / "iris.onnx")
    assert (refusal.value.reason, refusal.value.detail) == ("crash", detail)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a shell script")
@pytest.mark.parametrize("behaving", ["hang"], indirect=True)
@pytest.mark.usefixtures("behaving")
def test_a_child_that_hangs_is_ended() -> None:
    with pytest.raises(ReadingFailed) as refusal:
        reading.model(MODELS / "iris.onnx", Limits(seconds=0.1))
    assert (refusal.value.reason, refusal.value.limit) == ("time", 0.1)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in is a shell script")
@pytest.mark.parametrize("behaving", ["hang"], indirect=True)
@pytest.mark.usefixtures("behaving")
def test_reading_stops_when_asked() -> None:
    with pytest.raises(Stopped), stopping(lambda: True):
        reading.model(MODELS / "iris.onnx")


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux")
def test_a_file_that_needs_too_much_memory_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    np.savez(path, X=np.zeros((300_000, 100)), y=np.zeros(300_000))
    with pytest.raises(ReadingFailed) as refusal:
        reading.dataset([path], 100, 1, limits=Limits(base=300 << 20, factor=0))
    assert refusal.value.reason in ("memory", "crash")
