"""Mutations that know how a file is built, so that they get past its checksums and into the reader.

Everything is drawn from one random generator: the same seed makes the same file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mutate_archives import of_gzip, of_npy, of_parquet, of_zip
from mutate_models import of_hdf5, of_onnx, of_pickle, of_safetensors
from mutate_plain import Random, of_bytes, of_idx, of_text
from mutate_trees import of_json, of_xml

BLIND = 0.06  # of all mutations are of bytes, whatever they are of


def mutated(content: bytes, rng: Random) -> bytes:
    """Return the content of a file, changed in one to four places."""
    for _ in range(int(rng.integers(1, 5))):
        content = _mutator(content, rng)(content, rng)
    return content


def _mutator(content: bytes, rng: Random) -> Callable[[bytes, Random], bytes]:
    """Choose how: mostly by what the file is, now and then byte by byte."""
    if rng.random() < BLIND:
        return of_bytes
    for known, mutate in _KINDS:
        if known(content):
            return mutate
    return of_bytes


def _begins(*heads: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(heads)


def _is_safetensors(content: bytes) -> bool:
    return content[4:9] == b"\0\0\0\0{"


def _is_onnx(content: bytes) -> bool:
    return content[:1] == b"\x08" and len(content) > 16


def _is_idx(content: bytes) -> bool:
    return content[:2] == b"\0\0" and len(content) > 8


def _is_text(content: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in content[:400])


_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes, Random], bytes]], ...] = (
    (_begins(b"PK\x03\x04"), partial(of_zip, inner=mutated)),
    (_begins(b"\x1f\x8b"), partial(of_gzip, inner=mutated)),
    (_begins(b"\x93NUMPY"), of_npy),
    (_begins(b"PAR1"), of_parquet),
    (_is_safetensors, of_safetensors),
    (_begins(b"{", b"["), of_json),
    (lambda content: content.lstrip()[:1] == b"<", of_xml),
    (_begins(b"\x89HDF\r\n\x1a\n"), of_hdf5),
    (_begins(b"\x80\x02", b"\x80\x03", b"\x80\x04"), of_pickle),
    (_is_onnx, of_onnx),
    (_is_idx, of_idx),
    (_is_text, of_text),
)
