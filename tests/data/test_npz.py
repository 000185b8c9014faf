import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.data import ReadOptions, npz, read
from pruner_gui.data.errors import CannotReadData, DataMismatch, DataTooLarge, RowsDiffer
from pruner_gui.errors import PrunerError

X = np.array([[0.5, 1], [2, 3], [4, 5]])
Y = np.array([2, 0, 1])


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [("X", "y"), ("x", "Y"), ("inputs", "targets"), ("data", "target"), ("Images", "labels")],
)
def test_the_usual_names_are_understood(tmp_path: Path, inputs: str, targets: str) -> None:
    path = tmp_path / "data.npz"
    arrays = {targets: Y, inputs: X, "notes": np.zeros(7)}
    np.savez_compressed(path, allow_pickle=False, **arrays)
    dataset = read([path], 2, 3)
    assert dataset.inputs.tolist() == X.tolist()
    assert dataset.labels is not None
    assert dataset.labels.tolist() == Y.tolist()
    assert dataset.target_names == (targets,)
    assert dataset.test is None


def test_test_arrays_mark_test_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    words = np.array(["c", "a", "b"])
    np.savez(path, X_train=X, y_train=words, X_test=10 * X[:2], y_test=words[1:])
    dataset = read([path], 2, 3)
    assert dataset.test is not None
    assert dataset.test.tolist() == [False, False, False, True, True]
    assert dataset.inputs.tolist() == np.vstack([X, 10 * X[:2]]).tolist()
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [2, 0, 1, 0, 1]


@pytest.mark.parametrize("key", ["X", "anything"])
def test_inputs_alone_are_enough(tmp_path: Path, key: str) -> None:
    np.savez(tmp_path / "data.npz", allow_pickle=False, **{key: X})
    dataset = read([tmp_path / "data.npz"], 2, 3)
    assert dataset.inputs.tolist() == X.tolist()
    assert dataset.targets is None


def test_training_rows_alone_are_enough(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x_train=X, y_train=Y)
    dataset = read([tmp_path / "data.npz"], 2, 3)
    assert dataset.test is None
    assert dataset.targets is not None


def test_a_target_is_chosen_among_the_files_targets(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=X, y=np.stack([Y, 10 + Y], axis=1))
    dataset = read([tmp_path / "data.npz"], 2, 1, ReadOptions(target="1"))
    assert dataset.targets is not None
    assert dataset.targets.tolist() == [[12], [10], [11]]


def test_arrays_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=X, y=Y[:2])
    with pytest.raises(RowsDiffer) as caught:
        read([path], 2, 3)
    assert (caught.value.rows, caught.value.other_rows) == (3, 2)
    np.savez(path, x_train=X, x_test=X[:, :1])
    with pytest.raises(DataMismatch):
        read([path], 2, 3)
    np.savez(path, x_train=X, y_train=Y, x_test=X)
    with pytest.raises(CannotReadData) as unlike:
        read([path], 2, 3)
    assert unlike.value.reason == "keys"


def test_names_that_say_nothing_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", a=X, b=Y)
    with pytest.raises(CannotReadData) as caught:
        read([tmp_path / "data.npz"], 2, 3)
    assert (caught.value.reason, caught.value.detail) == ("keys", "a, b")


def test_an_entry_beyond_the_limit_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "data.npz", x=np.zeros((100, 2)))
    monkeypatch.setattr(npz, "MAX_BYTES", 1000)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    with pytest.raises(DataTooLarge):
        read([tmp_path / "data.npz"], 2, 3)


@given(position=st.integers(0, 499), byte=st.integers(0, 255), length=st.integers(4, 1000))
def test_a_broken_archive_gives_data_or_a_refusal(position: int, byte: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.npz")
        np.savez_compressed(path, x=X, y=Y)
        content = bytearray(path.read_bytes())
        content[position % len(content)] = byte
        path.write_bytes(content[:length])
        try:
            assert len(read([path], 2, 3)) > 0
        except PrunerError:
            return
