"""Mutations that know how a file is built, so that they get past its checksums and into the reader.

Everything is drawn from one random generator: the same seed makes the same file.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import onnx

Random = np.random.Generator

_NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 65535, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, -(2**63))
_TEXTS = (
    "",
    "x",
    "../../etc/passwd",
    "/etc/passwd",
    "\0",
    "é" * 50,
    "a" * 5000,
    "%s%n",
    "-1",
    "1e999",
    "nan",
)
_TOKENS = (
    b"0",
    b"-1",
    b"1e999",
    b"nan",
    b"inf",
    b"99999999999999999999",
    b"",
    b"x",
    b"\xff",
    b'"',
    b"#" * 300,
)


def mutated(content: bytes, rng: Random) -> bytes:
    """Return the content of a file, changed in one to four places."""
    for _ in range(int(rng.integers(1, 5))):
        content = _mutators(content, rng)(content, rng)
    return content


def _mutators(content: bytes, rng: Random) -> Callable[[bytes, Random], bytes]:
    """Choose how: mostly by what the file is, now and then byte by byte."""
    if rng.random() < 0.25:
        return of_bytes
    if content[:4] == b"PK\x03\x04":
        return of_zip
    if content[:2] == b"\x1f\x8b":
        return of_gzip
    if content[:6] == b"\x93NUMPY":
        return of_npy
    if content[:1] in (b"{", b"["):
        return of_json
    if content.lstrip()[:1] == b"<":
        return of_xml
    if content[:8] == b"\x89HDF\r\n\x1a\n":
        return of_hdf5
    if content[:1] == b"\x08" and len(content) > 16:
        return of_onnx
    if _is_text(content):
        return of_text
    return of_bytes


def _is_text(content: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in content[:400])


def of_bytes(content: bytes, rng: Random) -> bytes:
    """Flip, cut, repeat or overwrite."""
    data = bytearray(content)
    if not data:
        return bytes(rng.integers(0, 256, 8, np.uint8))
    at = int(rng.integers(0, len(data)))
    length = min(len(data) - at, int(rng.integers(1, 40)))
    match int(rng.integers(0, 7)):
        case 0:
            data[at] ^= 1 << int(rng.integers(0, 8))
        case 1:
            del data[at:]
        case 2:
            del data[at : at + length]
        case 3:
            data[at:at] = data[at : at + length] * int(rng.integers(1, 4))
        case 4:
            data[at : at + length] = rng.integers(0, 256, length, np.uint8).tobytes()
        case 5:
            number = _NUMBERS[int(rng.integers(0, len(_NUMBERS)))]
            size = (1, 2, 4, 8)[int(rng.integers(0, 4))]
            data[at : at + size] = (number & (256**size - 1)).to_bytes(size, "little")
        case _:
            data[at : at + length] = bytes(length)
    return bytes(data)


def of_text(content: bytes, rng: Random) -> bytes:
    """Change lines, or the numbers and words in one."""
    lines = content.split(b"\n")
    at = int(rng.integers(0, len(lines)))
    match int(rng.integers(0, 6)):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[int(rng.integers(0, len(lines)))])
        case 2:
            lines[at] = lines[at][: int(rng.integers(0, len(lines[at]) + 1))]
        case 3:
            lines[at] = lines[at] * int(rng.integers(2, 50))
        case _:
            mark = next((m for m in (b",", b"=", b" ", b"\t", b";") if m in lines[at]), b",")
            parts = lines[at].split(mark)
            parts[int(rng.integers(0, len(parts)))] = _TOKENS[int(rng.integers(0, len(_TOKENS)))]
            lines[at] = mark.join(parts)
    return b"\n".join(lines)


def of_json(content: bytes, rng: Random) -> bytes:
    """Change a value somewhere in the tree."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return of_bytes(content, rng)
    return json.dumps(_tree(tree, rng)).encode()


def _tree(node: Any, rng: Random) -> Any:
    if isinstance(node, dict) and node and rng.random() < 0.9:
        key = list(node)[int(rng.integers(0, len(node)))]
        if rng.random() < 0.1:
            return {name: value for name, value in node.items() if name != key}
        return {**node, key: _tree(node[key], rng)}
    if isinstance(node, list) and node and rng.random() < 0.9:
        at = int(rng.integers(0, len(node)))
        if rng.random() < 0.15:
            return node[:at] + node[at + 1 :]
        if rng.random() < 0.15:
            return [*node, node[at]]
        return [*node[:at], _tree(node[at], rng), *node[at + 1 :]]
    return _leaf(rng)


def _leaf(rng: Random) -> Any:
    match int(rng.integers(0, 7)):
        case 0:
            return None
        case 1:
            return int(_NUMBERS[int(rng.integers(0, len(_NUMBERS)))])
        case 2:
            return _TEXTS[int(rng.integers(0, len(_TEXTS)))]
        case 3:
            return float(rng.choice([0.5, -1.5, 1e308]))
        case 4:
            return [[]] if rng.random() < 0.5 else {}
        case 5:
            nested: Any = []
            for _ in range(int(rng.integers(1, 200))):
                nested = [nested]
            return nested
        case _:
            return bool(rng.integers(0, 2))


def of_xml(content: bytes, rng: Random) -> bytes:
    """Change an element, an attribute or a text."""
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError):
        return of_bytes(content, rng)
    elements = list(root.iter())
    one = elements[int(rng.integers(0, len(elements)))]
    match int(rng.integers(0, 5)):
        case 0 if len(one):
            one.remove(one[int(rng.integers(0, len(one)))])
        case 1 if len(one):
            one.append(one[int(rng.integers(0, len(one)))])
        case 2 if one.attrib:
            name = list(one.attrib)[int(rng.integers(0, len(one.attrib)))]
            text = _TEXTS[int(rng.integers(0, len(_TEXTS)))]
            one.set(name, text.replace("\0", "") if rng.random() < 0.5 else str(_leaf(rng)).replace("\0", ""))
        case 3 if one.attrib:
            del one.attrib[list(one.attrib)[int(rng.integers(0, len(one.attrib)))]]
        case _:
            one.text = str(_NUMBERS[int(rng.integers(0, len(_NUMBERS)))])
    return ElementTree.tostring(root)


def of_zip(content: bytes, rng: Random) -> bytes:
    """Change an entry by what it is, or the list of entries; checksums are right again."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [(info, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        return of_bytes(content, rng)
    if not entries:
        return of_bytes(content, rng)
    at = int(rng.integers(0, len(entries)))
    info, inner = entries[at]
    match int(rng.integers(0, 12)):
        case 0:
            del entries[at]
        case 1:
            entries.append((info, inner))
        case 2:
            renamed = zipfile.ZipInfo(_TEXTS[int(rng.integers(0, len(_TEXTS)))].replace("\0", "") or "y")
            entries[at] = (renamed, inner)
        case 3:
            entries[at] = (info, b"")
        case 4:
            entries[at] = (info, inner * 50)
        case _:
            entries[at] = (info, mutated(inner, rng))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for info, inner in entries:
            kind = info.compress_type if info.compress_type in (0, 8) else 0
            try:
                _write(archive, info.filename, inner, kind)
            except (ValueError, UnicodeError, struct.error):
                _write(archive, "z", inner, kind)
    return target.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes, kind: int) -> None:
    if name in archive.NameToInfo:  # writing it twice is meant, and warned of
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr(name, content, kind)
    else:
        archive.writestr(name, content, kind)


def of_gzip(content: bytes, rng: Random) -> bytes:
    """Change what is inside."""
    try:
        return gzip.compress(of_bytes(gzip.decompress(content), rng))
    except (OSError, EOFError, zlib.error):
        return of_bytes(content, rng)


def of_npy(content: bytes, rng: Random) -> bytes:
    """Change the header of an array, or its values."""
    length = int.from_bytes(content[8:10], "little")
    header, values = content[10 : 10 + length], content[10 + length :]
    match int(rng.integers(0, 5)):
        case 0:
            header = header.replace(b"<f", [b"<i", b"|O", b">f", b"|V", b"<U"][int(rng.integers(0, 5))])
        case 1:
            number = str(_NUMBERS[int(rng.integers(0, len(_NUMBERS)))]).encode()
            header = header.replace(b"(", b"(" + number + b", ")
        case 2:
            header = of_bytes(header, rng)
        case 3:
            values = of_bytes(values, rng)
        case _:
            header = header.replace(b"False", b"True")
    return content[:8] + (len(header) & 0xFFFF).to_bytes(2, "little") + header + values


def of_onnx(content: bytes, rng: Random) -> bytes:
    """Change a field somewhere in the message."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:  # the parser's own kind
        return of_bytes(content, rng)
    _message(model, rng)
    try:
        return model.SerializeToString()
    except Exception:
        return of_bytes(content, rng)


def _message(message: Any, rng: Random) -> None:
    fields = message.ListFields()
    if not fields:
        return
    field, value = fields[int(rng.integers(0, len(fields)))]
    several = not isinstance(value, (str, bytes, int, float)) and hasattr(value, "__len__")
    if several and len(value) and field.message_type is not None:
        at = int(rng.integers(0, len(value)))
        match int(rng.integers(0, 8)):
            case 0:
                del value[at]
            case 1:
                value.append(value[at])
            case _:
                _message(value[at], rng)
    elif field.message_type is not None:
        _message(value, rng)
    elif several:
        _repeated(value, rng)
    else:
        _single(message, field.name, value, rng)


def _repeated(value: Any, rng: Random) -> None:
    at = int(rng.integers(0, len(value)))
    if rng.random() < 0.3:
        del value[at]
        return
    try:
        value[at] = type(value[at])(_other(value[at], rng))
    except (ValueError, TypeError, OverflowError):
        del value[at]


def _single(message: Any, name: str, value: Any, rng: Random) -> None:
    try:
        setattr(message, name, _other(value, rng))
    except (ValueError, TypeError, OverflowError):
        message.ClearField(name)


def _other(value: Any, rng: Random) -> Any:
    if isinstance(value, bytes):
        return of_bytes(value, rng)
    if isinstance(value, str):
        return _TEXTS[int(rng.integers(0, len(_TEXTS)))]
    if isinstance(value, float):
        return float(rng.choice([0.0, -1.0, np.inf, np.nan, 1e30]))
    if rng.random() < 0.5:
        return int(value) + int(rng.integers(-2, 3))
    return int(_NUMBERS[int(rng.integers(0, len(_NUMBERS)))])


def of_hdf5(content: bytes, rng: Random) -> bytes:
    """Change an attribute or a dataset; the library writes the file anew."""
    import h5py

    target = io.BytesIO(content)
    try:
        with h5py.File(target, "r+") as file:
            objects: list[Any] = [file]
            file.visititems(lambda _, found: objects.append(found))
            _hdf5_object(objects[int(rng.integers(0, len(objects)))], rng)
        return target.getvalue()
    except Exception:  # a file that was changed before may break in any way
        return of_bytes(content, rng)


def _hdf5_object(one: Any, rng: Random) -> None:
    import h5py

    names = list(one.attrs)
    if names and rng.random() < 0.6:
        name = names[int(rng.integers(0, len(names)))]
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
