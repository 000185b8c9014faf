import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pruner_gui.data import raw, read
from pruner_gui.data.errors import CannotReadData, DataTooLarge, NonFiniteData, Place
from pruner_gui.errors import PrunerError


def saved(path: Path, array: npt.NDArray[np.generic]) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize("dtype", ["u1", "i2", ">i4", "f4", ">f8", "f2", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_of_any_real_type_is_read_as_it_is(tmp_path: Path, dtype: str, order: str) -> None:
    array = np.array([[1, 0, 1], [0, 1, 0]]).astype(dtype).copy(order="F" if order == "F" else "C")
    dataset = read([saved(tmp_path / "x.npy", array)], 3, 4)
    assert dataset.inputs.tolist() == array.tolist()
    assert dataset.inputs.dtype == np.float32


def test_images_and_labels_are_a_pair(tmp_path: Path) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
    paths = [saved(tmp_path / "y.npy", np.array([2, 0, 1])), saved(tmp_path / "x.npy", images)]
    dataset = read(paths, 8, 3)
    assert dataset.inputs.tolist() == images.reshape(3, 8).tolist()
    assert dataset.target_names == ("y",)
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_text_labels_name_the_classes(tmp_path: Path, dtype: str) -> None:
    words = np.array(["b", "a", "b"]).astype(dtype)
    paths = [saved(tmp_path / "x.npy", np.zeros((3, 2))), saved(tmp_path / "y.npy", words)]
    assert read(paths, 2, 2).classes == ("a", "b")


def test_a_value_that_is_not_finite_is_named(tmp_path: Path) -> None:
    array = np.zeros((3, 2))
    array[1, 1] = np.inf
    with pytest.raises(NonFiniteData) as caught:
        read([saved(tmp_path / "x.npy", array)], 2, 1)
    assert caught.value.places == (Place(2, "1"),)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(CannotReadData) as caught:
        read([path], 1, 1)
    assert (caught.value.reason, caught.value.detail) == ("dtype", "object")


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2), complex), np.zeros(2, [("a", "f4")]), np.zeros(2, "M8[s]")]
)
def test_what_is_no_real_number_is_refused(tmp_path: Path, array: npt.NDArray[np.generic]) -> None:
    with pytest.raises(CannotReadData) as caught:
        read([saved(tmp_path / "x.npy", array)], 2, 1)
    assert caught.value.reason == "dtype"


@pytest.mark.parametrize("array", [np.zeros((0, 2)), np.array(1.0)])
def test_an_array_without_rows_is_refused(tmp_path: Path, array: npt.NDArray[np.float64]) -> None:
    with pytest.raises(CannotReadData) as caught:
        read([saved(tmp_path / "x.npy", array)], 2, 1)
    assert caught.value.reason == "empty"


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.npy", np.zeros((100, 2)))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(100, 2)", b"(999, 2)"))
    with pytest.raises(CannotReadData):
        read([path], 2, 1)
    path.write_bytes(content.replace(b"(100, 2), }     ", b"(999999999999,)}"))
    with pytest.raises(DataTooLarge):
        read([path], 2, 1)


def test_an_array_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAX_VALUES", 5)
    with pytest.raises(DataTooLarge):
        read([saved(tmp_path / "x.npy", np.zeros((3, 2)))], 2, 1)


@given(
    array=hnp.arrays(np.int16, (2, 3)),
    position=st.integers(0, 139),
    byte=st.integers(0, 255),
    length=st.integers(8, 140),
)
def test_a_broken_file_gives_data_or_a_refusal(
    array: npt.NDArray[np.int16], position: int, byte: int, length: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder, "x.npy"), array)
        content = bytearray(path.read_bytes())
        content[min(position, len(content) - 1)] = byte
        path.write_bytes(content[:length])
        try:
            assert len(read([path], 3, 1)) > 0
        except PrunerError:
            return


def test_text_of_what_are_no_characters_is_damaged(tmp_path: Path) -> None:
    for code in (0xD800, 0x110000, 2**32 - 1):
        words = np.array([["1", "a"], ["2", "b"]])
        words.view(np.uint32)[1, 1] = code
        np.save(tmp_path / "x.npy", words)
        with pytest.raises(CannotReadData) as refusal:
            read([tmp_path / "x.npy"], 1, 1)
        assert refusal.value.reason == "damaged"
