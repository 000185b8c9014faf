import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.data import ReadOptions, raw, read, scan
from pruner_gui.data.errors import CannotReadData, DataTooLarge, MissingValues, UnknownColumn
from pruner_gui.errors import PrunerError

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

COLUMNS = {
    "size": [0.5, 1.5, 2.5],
    "count": [1, 2, 3],
    "open": [True, False, True],
    "kind": ["b", "a", "c"],
}


def stored(folder: Path, columns: dict[str, object], **options: object) -> Path:
    path = folder / "data.parquet"
    parquet.write_table(arrow.table(columns), path, **options)
    return path


def test_numbers_truths_and_words_are_read(tmp_path: Path) -> None:
    dataset = read([stored(tmp_path, COLUMNS, row_group_size=2)], 3, 3)
    assert dataset.inputs.tolist() == [[0.5, 1, 1], [1.5, 2, 0], [2.5, 3, 1]]
    assert dataset.input_names == ("size", "count", "open")
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [1, 0, 2]


def test_words_kept_as_a_dictionary_and_decimals_are_read(tmp_path: Path) -> None:
    kinds = arrow.array(COLUMNS["kind"]).dictionary_encode()
    prices = arrow.array([1, 2, 3]).cast(arrow.decimal128(21, 2))
    dataset = read([stored(tmp_path, {"price": prices, "kind": kinds})], 1, 3)
    assert dataset.inputs.tolist() == [[1], [2], [3]]
    assert dataset.classes == ("a", "b", "c")


def test_nothing_in_a_cell_is_a_missing_value(tmp_path: Path) -> None:
    path = stored(tmp_path, {"a": [1, None, 3], "kind": ["b", "a", None]})
    with pytest.raises(MissingValues) as caught:
        read([path], 1, 2)
    assert [tuple(place) for place in caught.value.places] == [(2, "a"), (3, "kind")]


def test_an_ignored_column_may_hold_anything(tmp_path: Path) -> None:
    path = stored(tmp_path, {**COLUMNS, "tags": [[1], [2, 3], []]})
    with pytest.raises(CannotReadData) as caught:
        read([path], 3, 3)
    assert (caught.value.reason, "tags" in caught.value.detail) == ("dtype", True)
    assert len(read([path], 3, 3, ReadOptions(ignore="tags"))) == 3
    with pytest.raises(UnknownColumn):
        read([path], 3, 3, ReadOptions(ignore="nothing"))


def test_the_footer_is_held_against_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(tmp_path, {"a": np.zeros(1000), "b": np.zeros(1000)})
    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", None)
    for name, limit, what in (("MAX_VALUES", 1999, "values"), ("MAX_COLUMNS", 1, "columns")):
        with monkeypatch.context() as bounds:
            bounds.setattr(raw, name, limit)
            with pytest.raises(DataTooLarge) as caught:
                read([path], 1, 1)
        assert caught.value.what == what


def test_a_head_is_some_first_rows(tmp_path: Path) -> None:
    path = stored(tmp_path, {"a": np.arange(10_000) * 0.1, "b": np.arange(10_000)}, compression="none")
    head = scan([path], 1, limit=10_000)
    assert not head.complete
    assert 0 < head.n_rows < 1000
    assert head.values[:, 1].tolist() == list(range(head.n_rows))


def test_without_the_package_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stored(tmp_path, COLUMNS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CannotReadData) as caught:
        read([path], 3, 3)
    assert (caught.value.reason, caught.value.detail) == ("package", "parquet")


@given(position=st.integers(0, 2000), byte=st.integers(0, 255), length=st.integers(4, 4000))
def test_a_broken_file_gives_data_or_a_refusal(position: int, byte: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = stored(Path(folder), COLUMNS)
        content = bytearray(path.read_bytes())
        content[position % len(content)] = byte
        path.write_bytes(content[:length])
        try:
            assert len(read([path], 3, 3)) > 0
        except PrunerError:
            return
