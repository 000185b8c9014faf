"""What is known of a computed tensor of an ONNX graph, and of how a layer's tensors lie in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import onnx

from pruner_gui.formats.onnx_curves import Curves
from pruner_gui.formats.onnx_shapes import Shape


class StoredAs(NamedTuple):
    """How a dense layer lies in the file: names of its tensors, and whether the weight is (n_out, n_in)."""

    weight: str
    bias: str
    transposed: bool


class NormStoredAs(NamedTuple):
    """Names of a batch normalisation's tensors in the file."""

    scale: str
    shift: str
    mean: str
    variance: str


class Form(NamedTuple):
    """What a part of a spelt-out function is, where its values on a grid would not tell.

    `kind` is ">", ">=", "<" or "<=" (`source` compared with `number`), "square" (`source` squared, times
    `number`) or "winner" (the index of a row's largest value).
    """

    kind: str
    source: str
    number: float = 1.0


@dataclass(frozen=True, eq=False)
class Value:
    """A computed tensor.

    `source` is the node of the network that makes it, "" for a part of a spelt-out function, which none
    makes. `sole` says that nothing else reads what it came through since then. `curves` holds, for the values
    that it is one function of, unit by unit, what that function is on a grid (`onnx_curves`). `given` is what
    the activation was given that makes it.
    """

    source: str
    shape: Shape
    sole: bool
    curves: Curves
    maker: onnx.NodeProto | None = None
    form: Form | None = None
    given: Value | None = None
