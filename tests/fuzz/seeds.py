"""Genuine files of every kind to begin with, made when they are needed."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pruner_gui import data, formats
from pruner_gui.formats import NotExpressible
from pruner_gui.network import (
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    Input,
    Network,
    Node,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"


def networks() -> Iterator[Network]:
    """A few small networks: plain, normalised, branched."""
    rng = np.random.default_rng(0)

    def dense(n_in: int, n_out: int) -> Dense:
        return Dense(
            rng.normal(size=(n_in, n_out)).astype(np.float32), rng.normal(size=n_out).astype(np.float32)
        )

    x = Node("x", Input(3))
    a, b = Node("a", dense(3, 4), ("x",)), Node("b", dense(4, 2), ("a.act",))
    for kind, head in (("relu", "softmax"), ("tanh", ""), ("sigmoid", "sigmoid"), ("leaky_relu", "")):
        act = Node("a.act", Activation(kind), ("a",))
        last = (b, Node("b.act", Activation(head), ("b",))) if head else (b,)
        yield Network((x, a, act, *last), (last[-1].name,))
    ones = np.ones(4, np.float32)
    yield Network(
        (
            x, Node("s", Arithmetic("sub", np.ones(3, np.float32)), ("x",)),
            Node("d", Arithmetic("div", np.ones(3, np.float32)), ("s",)),
            Node("a", a.op, ("d",)), Node("n", BatchNorm(ones, ones, ones, ones), ("a",)),
            Node("a.act", act.op, ("n",)), b,
        ),
        ("b",),
    )  # fmt: skip
    yield Network(
        (x, a, act, Node("k", dense(3, 4), ("x",)), Node("sum", Add(), ("a.act", "k")),
         Node("both", Concat(), ("sum", "x")), Node("b", dense(7, 2), ("both",))),
        ("b",),
    )  # fmt: skip


def model_seeds(row: formats.Format, folder: Path) -> list[bytes]:
    """Return files of a model format: written ones, and those that others wrote where they are at hand."""
    seeds = []
    for number, network in enumerate(networks()):
        path = folder / f"{number}{row.extensions[0]}"
        try:
            formats.write(network, path, format=row.name)
        except NotExpressible:
            continue
        seeds.append(path.read_bytes())
    known = [path for path in sorted(SHARED.glob("*/*")) if path.suffix.lower() in row.extensions]
    return seeds + [path.read_bytes() for path in known if path.stat().st_size < 300_000]


def data_seeds() -> dict[str, list[bytes]]:
    """Return files of every data format, by extension."""
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(12, 3)).astype(np.float32), rng.integers(0, 2, 12)
    table = np.column_stack([inputs, labels])
    lines = "\n".join(",".join(f"{value:.4g}" for value in row) for row in table.tolist())
    text = f"a,b,c,kind\n{lines}\n"
    npz, npy = io.BytesIO(), io.BytesIO()
    np.savez_compressed(npz, X=inputs, y=labels)
    np.save(npy, table)
    idx = b"\0\0\x08\x02" + (12).to_bytes(4, "big") + (5).to_bytes(4, "big") + bytes(range(60))
    seeds = {
        ".csv": [text.encode(), text.replace(",", ";").encode("utf-16"), lines.encode()],
        ".npz": [npz.getvalue()],
        ".npy": [npy.getvalue()],
        ".idx": [idx],
        ".gz": [gzip.compress(idx)],
    }
    known = {extension for reader in data.READERS for extension in reader.extensions}
    if ".parquet" in known:
        seeds[".parquet"] = [_parquet(table)]
    return seeds


def _parquet(table: npt.NDArray[np.float64]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    content = io.BytesIO()
    columns = {f"column {i}": table[:, i] for i in range(table.shape[1])}
    pyarrow.parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()
