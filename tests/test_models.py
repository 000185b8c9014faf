"""The sample models, as they are shipped and as their script makes them."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pruner_gui import data, formats
from pruner_gui.network import Network

FOLDER = Path(__file__).parents[1] / "models"
ENTRIES: list[dict[str, Any]] = json.loads((FOLDER / "samples.json").read_text(encoding="utf-8"))
LEAST_TEST_SCORE = {"digits": 0.96, "iris": 0.93, "breast_cancer": 0.95, "diabetes": 0.35, "xor": 0.95}

every_sample = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])


def opened(entry: dict[str, Any]) -> tuple[Network, data.Split]:
    network = formats.read(FOLDER / entry["model"])
    dataset = data.read([FOLDER / entry["data"]], network.n_inputs, network.n_outputs)
    return network, data.split(dataset, None, 0)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location("train_samples", FOLDER / "train_samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_samples_are_all_there_and_small() -> None:
    assert [entry["name"] for entry in ENTRIES] == list(LEAST_TEST_SCORE)
    assert sum(file.stat().st_size for file in FOLDER.iterdir() if file.is_file()) < 400_000


@every_sample
def test_a_sample_opens_as_it_is_listed(entry: dict[str, Any]) -> None:
    network, rows = opened(entry)
    assert list(network.layer_sizes) == entry["layers"]
    assert rows.holdout is not None
    assert rows.pruning.test is not None
    assert {"train": len(rows.pruning), "test": len(rows.holdout)} == entry["rows"]
    assert not rows.pruning.test.any()
    assert rows.holdout.test is not None
    assert rows.holdout.test.all()
    assert rows.pruning.targets is not None
    assert (rows.pruning.labels is None) == (entry["score"]["kind"] == "r2")


@every_sample
def test_the_scores_are_what_the_network_gives(entry: dict[str, Any], script: ModuleType) -> None:
    network, rows = opened(entry)
    assert script.score(network, rows.pruning) == pytest.approx(entry["score"]["train"], abs=1e-4)
    assert script.score(network, rows.holdout) == pytest.approx(entry["score"]["test"], abs=1e-4)
    assert entry["score"]["test"] >= LEAST_TEST_SCORE[entry["name"]]


@pytest.mark.parametrize("name", ["xor", "iris"])
def test_the_script_writes_the_same_data_again(name: str, script: ModuleType, tmp_path: Path) -> None:
    sample = next(sample for sample in script.SAMPLES if sample.name == name)
    sample.write_data(tmp_path / sample.data)
    assert (tmp_path / sample.data).read_bytes() == (FOLDER / sample.data).read_bytes()


def test_the_script_trains_the_same_network_again(script: ModuleType) -> None:
    entry = next(entry for entry in ENTRIES if entry["name"] == "xor")
    network, rows = opened(entry)
    sample = next(sample for sample in script.SAMPLES if sample.name == "xor")
    again = script.train(sample, rows.pruning)
    for (_, dense), (_, other) in zip(network.dense, again.dense, strict=True):
        # another processor may round differently on the way
        assert np.allclose(dense.weight, other.weight, atol=1e-2)
        assert np.allclose(dense.bias, other.bias, atol=1e-2)
