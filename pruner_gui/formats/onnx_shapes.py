"""Shapes of computed tensors, with the batch followed through them.

A shape is a tuple of sizes, one of which may be `BATCH`: the axis along which the rows lie. Everything in
front of it is 1, so that a tensor always is one row of features after the other. Without it the whole tensor
is one row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]
BATCH = -(1 << 40)  # no size, and not the -1 that asks a Reshape to work a size out


class NotRows(Exception):
    """The result would not be rows of features; the argument is a `problem` of UnsupportedUse."""


def features(shape: Shape) -> int:
    """Number of values in a row."""
    return math.prod(size for size in shape if size != BATCH)


def rows(shape: Sequence[int]) -> Shape:
    """Return the shape when its rows lie one after the other."""
    shape = tuple(shape)
    if BATCH in shape and any(size != 1 for size in shape[: shape.index(BATCH)]):
        raise NotRows("mixes_rows")
    return shape


def axis_in(shape: Shape, axis: int, extra: int = 0) -> int:
    """Return `axis` counted from the front, for a tensor with `extra` more axes."""
    rank = len(shape) + extra
    if not -rank <= axis < rank:
        raise NotRows("axis")
    return axis % rank if rank else 0


def flattened(shape: Shape, axis: int) -> Shape:
    """Flatten: what is in front of `axis`, and the rest."""
    axis = axis + len(shape) if axis < 0 else axis
    if not 0 <= axis <= len(shape) or BATCH in shape[axis:]:
        raise NotRows("mixes_rows")
    front = math.prod(size for size in shape[:axis] if size != BATCH)
    if BATCH in shape and front != 1:
        raise NotRows("mixes_rows")
    return (BATCH if BATCH in shape else front), math.prod(shape[axis:])


def reshaped(shape: Shape, target: Sequence[int], batch: int | None, allowzero: bool = False) -> Shape:
    """Reshape: 0 copies a size, -1 works it out; `batch` is how many rows the file is fixed to, if it is."""
    if not allowzero:
        if any(size == 0 and i >= len(shape) for i, size in enumerate(target)):
            raise NotRows("shape")
        target = [shape[i] if size == 0 else size for i, size in enumerate(target)]
    dims = list(target)
    given = math.prod(size for size in dims if size not in (-1, BATCH))
    if BATCH in shape and BATCH not in dims:
        if -1 in dims and given == features(shape):
            dims[dims.index(-1)] = BATCH
        elif batch in dims and given and math.prod(dims[: dims.index(batch)]) == 1:
            dims[dims.index(batch)] = BATCH
            given //= batch
        else:
            raise NotRows("mixes_rows")
    if -1 in dims and given > 0:
        dims[dims.index(-1)] = features(shape) // given
    if (BATCH in dims) != (BATCH in shape) or any(size < 0 and size != BATCH for size in dims):
        raise NotRows("shape")
    if features(tuple(dims)) != features(shape):
        raise NotRows("shape")
    return rows(dims)


def squeezed(shape: Shape, axes: Sequence[int] | None) -> Shape:
    """Squeeze: without these axes of size 1 (all of them when None)."""
    gone = {i for i, size in enumerate(shape) if size == 1} if axes is None else set()
    gone.update(axis_in(shape, axis) for axis in axes or ())
    if any(shape[i] != 1 for i in gone):
        raise NotRows("mixes_rows" if any(shape[i] == BATCH for i in gone) else "shape")
    return tuple(size for i, size in enumerate(shape) if i not in gone)


def unsqueezed(shape: Shape, axes: Sequence[int]) -> Shape:
    """Unsqueeze: with axes of size 1 at these places of the result."""
    places = {axis_in(shape, axis, len(axes)) for axis in axes}
    rest = iter(shape)
    return tuple(1 if i in places else next(rest) for i in range(len(shape) + len(places)))


def transposed(shape: Shape, order: Sequence[int] | None) -> Shape:
    """Transpose, as long as only axes of size 1 change places."""
    order = range(len(shape))[::-1] if order is None else order
    if sorted(order) != list(range(len(shape))):
        raise NotRows("shape")
    moved = [i for i in order if shape[i] != 1]
    if moved != sorted(moved):
        raise NotRows("order")
    return tuple(shape[i] for i in order)


def joined(shapes: Sequence[Shape], axis: int) -> Shape:
    """Concat: the rows side by side."""
    first = shapes[0]
    axis = axis_in(first, axis)
    if any(shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :] for shape in shapes):
        raise NotRows("shape")
    if first[axis] == BATCH:
        raise NotRows("mixes_rows")
    if any(size not in (1, BATCH) for size in first[:axis]):
        raise NotRows("order")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def operand(shape: Shape, constant: npt.NDArray[Any]) -> tuple[Shape, npt.NDArray[Any]]:
    """Broadcast a constant to a row: the result's shape and one value a feature."""
    rank = max(len(shape), constant.ndim)
    shape = (1,) * (rank - len(shape)) + shape
    sizes = (1,) * (rank - constant.ndim) + constant.shape
    if any(size not in (1, own) for size, own in zip(sizes, shape, strict=True)):
        raise NotRows("broadcast")
    row = tuple(1 if size == BATCH else size for size in shape)
    return shape, np.broadcast_to(constant.reshape(sizes), row).ravel()


def multiplied(shape: Shape, weight: Shape) -> Shape:
    """Shape of `x @ weight`, when `x` is one vector a row."""
    if not shape or not weight or shape[-1] != weight[-2 if len(weight) > 1 else -1]:
        raise NotRows("shape")
    return _product(shape[:-1], weight[:-2], weight[-1:] if len(weight) > 1 else (), len(shape) > 1)


def multiplied_left(weight: Shape, shape: Shape) -> Shape:
    """Shape of `weight @ x`, when `x` is one vector (or one column) a row."""
    if len(weight) < 2 or not shape or shape[-2 if len(shape) > 1 else -1] != weight[-1]:
        raise NotRows("shape")
    column = shape[-1:] if len(shape) > 1 else ()
    if column not in ((), (1,)):
        raise NotRows("mixes_rows" if column == (BATCH,) else "shared_weights")
    return _product(shape[:-2], weight[:-2], (weight[-2], *column), False)


def _product(lead: Shape, weight_lead: Shape, result: Shape, row_axis: bool) -> Shape:
    if any(size not in (1, BATCH) for size in lead) or any(size != 1 for size in weight_lead):
        raise NotRows("shared_weights")
    missing = len(weight_lead) - (len(lead) - row_axis)
    return (1,) * max(missing, 0) + lead + result


def normalised(shape: Shape, axis: int, coerced: bool) -> None:
    """See that a softmax over `axis` is over the whole row.

    `coerced`: as until opset 12, over that axis and all behind it.
    """
    axis = axis_in(shape, axis)
    over = shape[axis:] if coerced else shape[axis : axis + 1]
    if BATCH in over or features(over) != features(shape):
        raise NotRows("axis")


def batch_axis(shape: Sequence[int | str | None], size: int) -> int | None:
    """Return which axis of a declared shape counts rows of `size` values; None when all of it is one row."""
    for i, _ in enumerate(shape):
        rest = [n for n in shape[i + 1 :] if isinstance(n, int)]
        if len(rest) == len(shape) - i - 1 and math.prod(rest) == size:
            return i
        if shape[i] != 1:
            break
    return None
