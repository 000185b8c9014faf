"""The sample models that come with the program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from pruner_gui.gui import resources


@dataclass(frozen=True)
class Sample:
    """A trained network with its data."""

    title: str
    description: str
    layers: tuple[int, ...]
    model: Path
    data: tuple[Path, ...]


@cache
def samples() -> tuple[Sample, ...]:
    """Return the samples, as listed in `models/samples.json`; none where that is not there."""
    folder = resources.folder("models")
    try:
        listed = json.loads((folder / "samples.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return tuple(_sample(folder, entry) for entry in listed)


def _sample(folder: Path, entry: dict[str, object]) -> Sample:
    data = entry["data"]
    names = [data] if isinstance(data, str) else data
    assert isinstance(names, list)
    layers = entry["layers"]
    assert isinstance(layers, list)
    return Sample(
        _tr(str(entry["title"])),
        _tr(str(entry["description"])),
        tuple(map(int, layers)),
        folder / str(entry["model"]),
        tuple(folder / str(name) for name in names),
    )


def _tr(source: str) -> str:
    return QCoreApplication.translate("samples", source)
