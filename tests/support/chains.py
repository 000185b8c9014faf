"""Chains of dense layers, and whether two networks are the same, for the tests of formats."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pruner_gui.formats.layers import Builder, Function
from pruner_gui.network import Dense, Network, Origin


def chain(
    sizes: Sequence[int],
    functions: Sequence[Function],
    dtype: npt.DTypeLike = np.float64,
    seed: int = 0,
    origin: Origin | None = None,
) -> Network:
    """A chain with random weights."""
    rng = np.random.default_rng(seed)
    builder = Builder(sizes[0])
    for i, (shape, function) in enumerate(zip(pairwise(sizes), functions, strict=True)):
        dense = Dense(rng.normal(size=shape).astype(dtype), rng.normal(size=shape[1]).astype(dtype))
        builder.layer(f"dense_{i + 1}", dense, function)
    return builder.network(origin or Origin(dtype=np.dtype(dtype).name))


def assert_same(one: Network, two: Network) -> None:
    """Same nodes, operations and numbers."""
    assert one.outputs == two.outputs
    for a, b in zip(one.nodes, two.nodes, strict=True):
        assert (a.name, type(a.op), a.inputs) == (b.name, type(b.op), b.inputs)
        for attribute in ("kind", "settings", "operator", "units"):
            assert getattr(a.op, attribute, None) == getattr(b.op, attribute, None)
        for key, tensor in a.op.tensors().items():
            np.testing.assert_array_equal(b.op.tensors()[key], tensor)
            assert b.op.tensors()[key].dtype == tensor.dtype
