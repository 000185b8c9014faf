import io
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pruner_gui.codec import BadValue, Codec


@dataclass(frozen=True)
class Point:
    x: int
    label: str = ""


@dataclass(frozen=True)
class Positive:
    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(self.value)


class Pair(NamedTuple):
    first: int
    second: int


CODEC = Codec([Point, Positive])


def there_and_back(value: object) -> Any:
    stream = io.BytesIO()
    CODEC.dump(value, stream)
    stream.seek(0)
    return CODEC.load(io.BufferedReader(stream))


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    leaves | st.builds(Point, st.integers(), st.text()),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.frozensets(st.integers())
    ),
)


@given(values)
def test_what_comes_back_is_what_went(value: object) -> None:
    found = there_and_back(value)
    assert found == value
    assert type(found) is type(value)


@given(arrays.arrays(st.sampled_from(["f4", "f8", "i8", "u1", "?", "U3"]), arrays.array_shapes(min_side=0)))
def test_arrays_come_back_read_only(array: Any) -> None:
    found = there_and_back({"it": array})["it"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert not found.flags.writeable


def test_one_array_in_two_places_is_sent_once() -> None:
    array = np.arange(1000.0)
    first, second = there_and_back([array, array])
    assert first is second


def test_special_values() -> None:
    found = there_and_back((float("inf"), float("nan"), Path("a/b"), Pair(1, 2), MappingProxyType({"a": 1})))
    assert found[0] == float("inf")
    assert found[1] != found[1]
    assert found[2:] == (Path("a/b"), (1, 2), {"a": 1})


@pytest.mark.parametrize("value", [object(), {1j}, np.array([object()]), BadValue()])
def test_what_is_not_data_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        CODEC.encode(value)


@pytest.mark.parametrize(
    "encoded",
    [
        {"Path": {}},
        {"Popen": {"args": "true"}},
        {"Point": {"x": 1, "y": 2}},
        {"Positive": {"value": -1}},
        {"array": 3},
        {"bytes": "?"},
        {},
        {"tuple": [], "dict": []},
        {"dict": [[{"dict": []}, 1]]},
    ],
)
def test_what_the_codec_did_not_encode_is_refused(encoded: object) -> None:
    with pytest.raises(BadValue):
        CODEC.decode(encoded, [])


@given(st.binary(max_size=60))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(BadValue):
        CODEC.load(io.BufferedReader(io.BytesIO(noise)))


def test_what_is_cut_off_is_refused() -> None:
    stream = io.BytesIO()
    CODEC.dump(np.arange(50), stream)
    for length in range(0, len(stream.getvalue()), 7):
        with pytest.raises(BadValue):
            CODEC.load(io.BufferedReader(io.BytesIO(stream.getvalue()[:length])))
