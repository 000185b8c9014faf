"""A short form of `make fuzz`: a few mutated files for every reader."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fuzz import Target, attempt, content_of, targets

COUNT = 60


@pytest.fixture(scope="module")
def every_target(tmp_path_factory: pytest.TempPathFactory) -> list[Target]:
    return targets(tmp_path_factory.mktemp("seeds"))


@pytest.mark.skipif(sys.platform == "win32", reason="the time limit needs a signal")
def test_every_mutated_file_is_read_or_refused(every_target: list[Target], tmp_path: Path) -> None:
    broken = [
        (target.name, number, what)
        for target in every_target
        for number in range(COUNT)
        if (what := attempt(target, number, tmp_path))
    ]
    assert not broken


def test_unchanged_files_are_read(every_target: list[Target], tmp_path: Path) -> None:
    for target in every_target:
        path = tmp_path / f"file{target.extension}"
        path.write_bytes(target.seeds[0])
        target.read(path)


def test_a_number_always_makes_the_same_file(every_target: list[Target]) -> None:
    for target in every_target:
        if target.extension not in (".h5", ".keras"):  # the library writes times into its files
            assert content_of(target, 7) == content_of(target, 7)
