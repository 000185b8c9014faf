"""Pickles read as data: what is plain comes back, and nothing else happens."""

from __future__ import annotations

import argparse
import collections
import contextlib
import datetime
import io
import pickle
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruner_gui.formats import data_pickle
from pruner_gui.formats.data_pickle import Global, NotPlain, Opaque

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
)


def read(content: bytes, **calls: Any) -> object:
    named = {Global(*name.split("__")): call for name, call in calls.items()}
    return data_pickle.read(io.BytesIO(content), named, lambda reference: ("kept", reference))


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_data_comes_back(value: object, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)) == value


def test_a_value_that_is_shared_stays_one() -> None:
    inner = [1, 2]
    found = read(pickle.dumps([inner, inner]))
    assert isinstance(found, list)
    assert found[0] is found[1]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_become_opaque_and_are_not_made(protocol: int) -> None:
    found = read(pickle.dumps({"date": datetime.date(2020, 1, 1), "kind": dict, "set": {1}}, protocol))
    assert isinstance(found, dict)
    assert isinstance(found["date"], Opaque)
    assert isinstance(found["kind"], Global)
    assert isinstance(found["set"], Opaque)
    namespace = read(pickle.dumps(argparse.Namespace(lr=0.1), protocol))
    assert isinstance(namespace, Opaque)


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch /tmp/never'\ntR.",
        b"(S'touch /tmp/never'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch /tmp/never'\no.",
        b"cnowhere_to_be_found\nthing\n)R.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93)\x81.",
    ],
)
def test_nothing_is_imported_or_called(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.system", lambda command: pytest.fail(command))
    monkeypatch.setattr("builtins.__import__", lambda name, *rest, **more: pytest.fail(name))
    assert isinstance(read(content), Opaque)


def test_the_calls_that_have_a_meaning() -> None:
    pairs = collections.OrderedDict(a=1)
    assert read(pickle.dumps(pairs, 2), collections__OrderedDict=lambda arguments: {}) == {"a": 1}


def test_references_are_handed_over() -> None:
    assert read(b"\x80\x02K\x05Q.") == ("kept", 5)
    assert read(b"Pabc\n.") == ("kept", "abc")


def test_several_pickles_in_one_stream() -> None:
    stream = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps("two", 2) + b"rest")
    assert [data_pickle.read(stream, {}, id) for _ in range(2)] == [1, "two"]
    assert stream.read() == b"rest"


# -- what would cost without end


def test_keys_that_are_no_text_are_left_out() -> None:
    assert read(pickle.dumps({"a": 1, 2: 3, (4,): 5})) == {"a": 1}


def test_a_key_that_doubles_with_every_opcode_is_never_hashed() -> None:
    doubling = b")" + b"2\x86" * 200  # a tuple of itself twice, and so on
    assert read(b"\x80\x02}" + doubling + b"K\x01s.") == {}


def test_depth_costs_nothing() -> None:
    depth = 200_000
    assert isinstance(read(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."), list)


def test_no_more_opcodes_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_pickle, "MAX_OPS", 100)
    with pytest.raises(NotPlain):
        read(b"N0" * 51 + b"N.")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"N",
        b".",
        b"0.",
        b"h\x05.",
        b"t.",
        b"\xff.",
        b"K\x01R.",
        b"\x80\x04K\x01K\x02\x93.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x8b\xff\xff\xff\x7f.",
        b"\x8e" + b"\xff" * 8 + b".",
        b"\x97.",
    ],
)
def test_what_is_no_pickle(content: bytes) -> None:
    with pytest.raises(NotPlain):
        read(content)


@given(st.binary(max_size=60), PLAIN)
def test_a_damaged_pickle_is_read_or_refused(noise: bytes, value: object) -> None:
    content = bytearray(pickle.dumps(value, 2))
    for place, byte in zip(noise[::2], noise[1::2], strict=False):
        content[place % len(content)] = byte
    modules = set(sys.modules)
    with contextlib.suppress(NotPlain):
        read(bytes(content))
    assert set(sys.modules) == modules
