"""Mutations of archives and tables, by what is in them; lengths and checksums are right again."""

from __future__ import annotations

import gzip
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable

from mutate_plain import NUMBERS, TEXTS, Random, of_bytes, one_of

Mutate = Callable[[bytes, Random], bytes]


def of_zip(content: bytes, rng: Random, inner: Mutate) -> bytes:
    """Change an entry by what it is, or the list of entries; checksums are right again."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [(info, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        return of_bytes(content, rng)
    if not entries:
        return of_bytes(content, rng)
    at = int(rng.integers(0, len(entries)))
    info, old = entries[at]
    match int(rng.integers(0, 12)):
        case 0:
            del entries[at]
        case 1:
            entries.append((info, old))
        case 2:
            renamed = zipfile.ZipInfo(one_of(TEXTS, rng).replace("\0", "") or "y")
            entries[at] = (renamed, old)
        case 3:
            entries[at] = (info, b"")
        case 4:
            entries[at] = (info, old * 50)
        case _:
            entries[at] = (info, inner(old, rng))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for info, entry in entries:
            kind = info.compress_type if info.compress_type in (0, 8) else 0
            try:
                _write(archive, info.filename, entry, kind)
            except (ValueError, UnicodeError, struct.error):
                _write(archive, "z", entry, kind)
    return target.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes, kind: int) -> None:
    if name in archive.NameToInfo:  # writing it twice is meant, and warned of
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr(name, content, kind)
    else:
        archive.writestr(name, content, kind)


def of_gzip(content: bytes, rng: Random, inner: Mutate) -> bytes:
    """Change what is inside."""
    try:
        return gzip.compress(inner(gzip.decompress(content), rng), mtime=0)
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
            number = str(one_of(NUMBERS, rng)).encode()
            header = header.replace(b"(", b"(" + number + b", ")
        case 2:
            header = of_bytes(header, rng)
        case 3:
            values = of_bytes(values, rng)
        case _:
            header = header.replace(b"False", b"True")
    return content[:8] + (len(header) & 0xFFFF).to_bytes(2, "little") + header + values


def of_parquet(content: bytes, rng: Random) -> bytes:
    """Change the footer or a page, byte by byte, or have the library write another table of these values."""
    length = int.from_bytes(content[-8:-4], "little")
    begin = len(content) - 8 - length
    if begin < 4 or rng.random() < 0.3:
        return _other_table(content, rng)
    if rng.random() < 0.7:
        footer = of_bytes(content[begin:-8], rng)
        return content[:begin] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    return content[:4] + of_bytes(content[4:begin], rng) + content[begin:]


def _other_table(content: bytes, rng: Random) -> bytes:
    import pyarrow
    from pyarrow import parquet

    kinds = (pyarrow.float32(), pyarrow.int8(), pyarrow.string(), pyarrow.bool_(), pyarrow.decimal128(20, 4),
             pyarrow.timestamp("s"), pyarrow.float16(), pyarrow.binary())  # fmt: skip
    try:
        table = parquet.read_table(io.BytesIO(content))
        at = int(rng.integers(0, max(1, table.num_columns)))
        match int(rng.integers(0, 5)):
            case 0:
                table = table.rename_columns([one_of(TEXTS, rng) or "a" for _ in table.column_names])
            case 1:
                table = table.slice(int(rng.integers(0, 3)), int(rng.integers(0, 4)))
            case 2:
                cells = table.column(at).to_pylist()
                values = pyarrow.array([None if rng.random() < 0.3 else str(cell) for cell in cells])
                table = table.set_column(at, "words", values.dictionary_encode())
            case 3:
                table = table.append_column("lists", pyarrow.array([[1.0]] * table.num_rows))
            case _:
                changed = table.column(at).cast(one_of(kinds, rng), safe=False)
                table = table.set_column(at, table.column_names[at], changed)
        target = io.BytesIO()
        packing = one_of(("none", "snappy", "zstd", "gzip"), rng)
        parquet.write_table(table, target, compression=packing, use_dictionary=bool(rng.integers(0, 2)))
        return target.getvalue()
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, OverflowError, IndexError):
        return of_bytes(content, rng)
