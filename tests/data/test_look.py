"""Heads of files, and what a look at a table finds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pruner_gui.data import ReadOptions, Table, assign, look, scan, spelled
from pruner_gui.data.errors import MissingValues, UnknownColumn, WordsMismatch

Writer = Callable[..., Path]


def pair_of(folder: Path) -> list[Path]:
    np.save(folder / "x.npy", np.arange(4000.0).reshape(1000, 4))
    np.save(folder / "y.npy", np.arange(1000) % 3)
    return [folder / "x.npy", folder / "y.npy"]


def test_a_head_of_text_ends_with_a_whole_row(write: Writer) -> None:
    path = write("größe,b,y\n" + "1.25,2,3\n" * 1000)
    for limit in range(200, 230):
        head = scan([path], 2, limit=limit)
        assert not head.complete
        assert head.values.tolist() == [[1.25, 2, 3]] * ((limit - 12) // 9)
    assert scan([path], 2, limit=2**20).complete


def test_heads_of_a_pair_go_as_far_as_the_shorter(tmp_path: Path) -> None:
    head = scan(pair_of(tmp_path), 4, limit=2000)
    assert not head.complete
    assert head.targets is not None
    assert head.n_rows == head.targets.n_rows < 100
    assert head.values.tolist() == np.arange(4.0 * head.n_rows).reshape(-1, 4).tolist()


def test_a_head_of_an_archive_has_inputs_and_targets(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "d.npz", np.arange(4000.0).reshape(1000, 4), np.arange(1000) % 3)
    head = scan([tmp_path / "d.npz"], 4, limit=2000)
    assert not head.complete
    assert head.targets is not None
    assert 0 < head.n_rows == head.targets.n_rows < 100


def test_an_array_that_stands_column_by_column_is_read_whole(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(4000.0).reshape(1000, 4))
    np.save(tmp_path / "x.npy", array)
    assert scan([tmp_path / "x.npy"], 4, limit=2000).values.tolist() == array.tolist()


def test_a_look_finds_what_a_network_would_get(write: Writer) -> None:
    found = look(scan([write("a,b,y\n1,2,0\n3,4,1\n")], 2), 2, 2, ReadOptions())
    assert (found.roles.inputs, found.roles.targets, found.error) == ((0, 1), (2,), None)
    assert found.dataset is not None
    assert found.dataset.inputs.tolist() == [[1, 2], [3, 4]]


def test_a_look_never_raises_for_what_is_in_the_file(write: Writer) -> None:
    table = scan([write("a,b,y\n1,,0\n3,4,1\n")], 2)
    assert isinstance(look(table, 2, 2, ReadOptions()).error, MissingValues)
    assert isinstance(look(table, 2, 2, ReadOptions(ignore="z")).error, UnknownColumn)


def test_only_a_whole_file_can_lack_words(write: Writer) -> None:
    path = write("wall,y\n" + "red,1\n" * 500 + "blue,2\n")
    whole, head = scan([path], 2), scan([path], 2, limit=500)
    assert look(whole, 2, 1, ReadOptions()).error is None
    assert look(head, 2, 1, ReadOptions(target="y")).error is None
    assert isinstance(look(whole, 3, 1, ReadOptions(target="y")).error, WordsMismatch)


@pytest.mark.parametrize("columns", [[], [0], [1, 2, 3], [0, 2, 3, 7]])
def test_spelled_columns_are_found_again(columns: list[int]) -> None:
    table = Table(Path("x.csv"), np.zeros((1, 8)), tuple("76543210"))
    roles = assign(table, 8 - len(columns), 1, ReadOptions(ignore=spelled(columns), target=""))
    assert roles.inputs == tuple(column for column in range(8) if column not in columns)
