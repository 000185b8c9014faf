"""Files made to do harm are refused with a reason, soon, and nothing outside is read or run."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fuzz import SECONDS, at_most
from hostile import FAMILIES, SECRET, Hostile, hdf5, onnx_files, promises, read, tables, xml

from pruner_gui import data, formats, limits, reading
from pruner_gui.errors import PrunerError
from pruner_gui.network import Network

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the time limit needs a signal")


@pytest.fixture(autouse=True)
def usual_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.VARIABLE, "1")


def answer(sample: Hostile, path: Path) -> object:
    """The refusal, or what was opened."""
    try:
        with at_most(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(sample, path, formats.read, data.read)
    except PrunerError as refusal:
        return refusal


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_they_are_refused_soon(family: Callable[[], Iterator[Hostile]], tmp_path: Path) -> None:
    for sample in family():
        path = sample.write(tmp_path)
        found = answer(sample, path)
        if sample.opens:
            assert isinstance(found, Network), sample.name
            assert found.non_finite() is not None, sample.name
        else:
            assert isinstance(found, PrunerError), sample.name
        path.unlink()
        assert not (tmp_path / "inside" / "ran").exists(), sample.name
        assert (tmp_path / "secret").read_bytes() == SECRET, sample.name


@pytest.mark.parametrize(
    "family", [promises, hdf5, onnx_files, xml, tables], ids=lambda family: family.__name__
)
def test_the_reading_process_refuses_them_likewise(
    family: Callable[[], Iterator[Hostile]], tmp_path: Path
) -> None:
    sample = next(family())
    path = sample.write(tmp_path)
    here = answer(sample, path)
    assert isinstance(here, PrunerError)
    with pytest.raises(type(here)) as refusal:
        read(sample, path, reading.model, reading.dataset)
    assert repr(refusal.value).startswith(repr(here).removesuffix(")"))


def test_a_file_that_only_the_clock_can_end_is_an_error(tmp_path: Path) -> None:
    sample = next(sample for sample in tables() if sample.name == "csv blank")
    with pytest.raises(reading.ReadingFailed) as refusal:
        reading.dataset([sample.write(tmp_path)], 3, 2, limits=reading.Limits(seconds=0.01, rate=1 << 40))
    assert refusal.value.reason == "time"


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux")
def test_a_file_that_unpacks_to_more_than_there_is_memory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits.raise_to(64)  # past the guards
    sample = next(sample for sample in FAMILIES[0]() if sample.name == "bomb data")
    few = reading.Limits(base=8 << 20, factor=0)
    with pytest.raises(reading.ReadingFailed) as refusal:
        reading.dataset([sample.write(tmp_path)], 3, 2, limits=few)
    assert refusal.value.reason == "memory"
