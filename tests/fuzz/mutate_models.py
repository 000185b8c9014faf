"""Mutations of ONNX's messages, HDF5's objects, the opcodes of pickles and the head of safetensors."""

from __future__ import annotations

import io
import pickletools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from mutate_plain import NUMBERS, TEXTS, Random, of_bytes, one_of
from mutate_trees import of_json


def of_onnx(content: bytes, rng: Random) -> bytes:
    """Change a field somewhere in the message."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:  # the parser's own kind
        return of_bytes(content, rng)
    _message(model.graph if rng.random() < 0.85 else model, rng, _words(model))
    try:
        return model.SerializeToString()
    except Exception:
        return of_bytes(content, rng)


def _words(model: onnx.ModelProto) -> Sequence[str]:
    """The names in a model and those of operators: one in the place of another makes another graph."""
    nodes = model.graph.node
    names = {name for node in nodes for name in (*node.input, *node.output, node.op_type)}
    names |= {tensor.name for tensor in model.graph.initializer} | set(_OPERATORS)
    return sorted(name for name in names if isinstance(name, str))  # bytes where it is no text


_OPERATORS = """
Gemm MatMul Add Sub Mul Div Neg Concat Relu Sigmoid Softmax Transpose Reshape Flatten Identity
Dropout Cast Constant BatchNormalization Clip Where Greater Less Erf Exp Max Min Sum Squeeze
Unsqueeze ArgMax Pow
""".split()  # noqa: SIM905


def _message(message: Any, rng: Random, words: Sequence[str]) -> None:
    fields = message.ListFields()
    if not fields:
        return
    field, value = one_of(fields, rng)
    several = not isinstance(value, (str, bytes, int, float)) and hasattr(value, "__len__")
    if several and len(value) and field.message_type is not None:
        at = int(rng.integers(0, len(value)))
        match int(rng.integers(0, 8)):
            case 0:
                del value[at]
            case 1:
                value.append(value[at])
            case _:
                _message(value[at], rng, words)
    elif field.message_type is not None:
        _message(value, rng, words)
    elif several:
        _repeated(value, rng, words)
    else:
        _single(message, field.name, value, rng, words)


def _repeated(value: Any, rng: Random, words: Sequence[str]) -> None:
    at = int(rng.integers(0, len(value)))
    if rng.random() < 0.3:
        del value[at]
        return
    try:
        value[at] = type(value[at])(_other(value[at], rng, words))
    except (ValueError, TypeError, OverflowError):
        del value[at]


def _single(message: Any, name: str, value: Any, rng: Random, words: Sequence[str]) -> None:
    try:
        setattr(message, name, _other(value, rng, words))
    except (ValueError, TypeError, OverflowError):
        message.ClearField(name)


def _other(value: Any, rng: Random, words: Sequence[str]) -> Any:
    if isinstance(value, bytes):
        return of_bytes(value, rng)
    if isinstance(value, str):
        return one_of(words if rng.random() < 0.8 else TEXTS, rng)
    if isinstance(value, float):
        return float(rng.choice([0.0, -1.0, np.inf, np.nan, 1e30]))
    if rng.random() < 0.5:
        return int(value) + int(rng.integers(-2, 3))
    return int(one_of(NUMBERS, rng))


def of_hdf5(content: bytes, rng: Random) -> bytes:
    """Change an attribute or a dataset; the library writes the file anew."""
    import h5py

    target = io.BytesIO(content)
    try:
        with h5py.File(target, "r+") as file:
            objects: list[Any] = [file]
            file.visititems(lambda _, found: objects.append(found))
            _hdf5_object(one_of(objects, rng), rng)
        return target.getvalue()
    except Exception:  # a file that was changed before may break in any way
        return of_bytes(content, rng)


def _hdf5_object(one: Any, rng: Random) -> None:
    import h5py

    names = list(one.attrs)
    if names and rng.random() < 0.6:
        name = one_of(names, rng)
        value = one.attrs[name]
        text = value if isinstance(value, bytes) else str(value).encode()
        if rng.random() < 0.2:
            del one.attrs[name]
        elif text[:1] in (b"{", b"["):
            one.attrs[name] = of_json(text, rng).decode("utf-8", "replace")
        else:
            one.attrs[name] = of_bytes(text, rng) if rng.random() < 0.5 else 7
    elif isinstance(one, h5py.Dataset):
        parent, name = one.parent, one.name
        shape = tuple(int(size) for size in rng.integers(0, 9, int(rng.integers(0, 4))))
        del parent[name]
        parent.create_dataset(name, shape, rng.choice(["f4", "f8", "i4", "S3"]))
    elif isinstance(one, h5py.Group) and len(one):
        child = list(one)[int(rng.integers(0, len(one)))]
        match int(rng.integers(0, 4)):
            case 0:
                del one[child]
            case 1:
                one["again"] = h5py.SoftLink("/")
            case 2:
                one["outside"] = h5py.ExternalLink("/etc/passwd", "/")
            case _:
                one["loop"] = one


def of_safetensors(content: bytes, rng: Random) -> bytes:
    """Change the head, whose length is right again, or the numbers."""
    end = 8 + int.from_bytes(content[:8], "little")
    head, numbers = content[8:end], content[end:]
    if rng.random() < 0.8:
        head = of_json(head, rng)
    else:
        numbers = of_bytes(numbers, rng)
    return len(head).to_bytes(8, "little") + head + numbers


def of_pickle(content: bytes, rng: Random) -> bytes:
    """Take out, repeat, move or replace an opcode with what belongs to it."""
    try:
        places = list(_places(io.BytesIO(content)))
    except Exception:  # a pickle that was changed before may break in any way
        return of_bytes(content, rng)
    parts = [content[a:b] for a, b in zip(places, [*places[1:], len(content)], strict=True)]
    at, other = int(rng.integers(0, len(parts))), int(rng.integers(0, len(parts)))
    match int(rng.integers(0, 6)):
        case 0:
            del parts[at]
        case 1:
            parts.insert(at, parts[other])
        case 2:
            parts[at], parts[other] = parts[other], parts[at]
        case 3:
            parts[at] = parts[at][:1] + of_bytes(parts[at][1:], rng) if len(parts[at]) > 1 else parts[other]
        case 4:
            parts.insert(at, one_of(_OPCODES, rng))
        case _:
            number = one_of(NUMBERS, rng)
            parts[at] = b"\x8a\x0a" + number.to_bytes(10, "little", signed=True)
    return b"".join(parts)


def _places(stream: io.BytesIO) -> Iterator[int]:
    """Where the opcodes begin, of all pickles that stand one behind the other."""
    head = stream.getvalue()[:2]
    while stream.getvalue()[stream.tell() :].startswith(head):
        for _, _, place in pickletools.genops(stream):
            yield 0 if place is None else place


_OPCODES = (
    *(bytes([code]) for code in b"N02(t)]}asueRbQ.\x81\x88"),
    *(b"cposix\nsystem\n", b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n"),
    *(b"h\0", b"q\0", b"G\x7f\xf0\0\0\0\0\0\0", b"X\x01\0\0\0w"),
)
