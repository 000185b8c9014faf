"""How files were read the last time, by where they are and the counts of the network they were for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from PySide6.QtCore import QSettings

from pruner_gui.data import is_scaling
from pruner_gui.session import DataOptions

Counts = tuple[int, int]  # a network's inputs and outputs


def remembered(files: Sequence[Path], counts: Counts) -> DataOptions | None:
    """Return the options last used for these files and counts, None when there are none that still hold."""
    stored = QSettings().value(_key(files, counts))
    try:
        entry = json.loads(str(stored)) if stored else {}
        held = tuple(Path(name) for name in entry.pop("holdout_files", ()))
        options = DataOptions(**entry, holdout_files=held)
    except (ValueError, TypeError, AttributeError):
        return None  # written by another version: the defaults will do
    return options if entry and _hold(options) else None


def suited(files: Sequence[Path]) -> DataOptions:
    """Return the options for files never seen: what suits their kind."""
    return DataOptions(scale="255" if any("idx" in path.name for path in files) else "none")


def remember(files: Sequence[Path], counts: Counts, options: DataOptions) -> None:
    """Keep the options for the next time."""
    entry = asdict(options) | {"holdout_files": [str(path) for path in options.holdout_files]}
    QSettings().setValue(_key(files, counts), json.dumps(entry))


def _hold(options: DataOptions) -> bool:
    known = all(
        not field.metadata.get("choices")
        or field.name in ("scale", "delimiter")
        or getattr(options, field.name) in field.metadata["choices"]
        for field in fields(options)
    )
    return known and is_scaling(options.scale) and all(path.exists() for path in options.holdout_files)


def _key(files: Sequence[Path], counts: Counts) -> str:
    names = "\n".join(str(path.absolute()) for path in files)
    return f"data/{counts[0]}-{counts[1]}/{hashlib.sha256(names.encode()).hexdigest()}"
