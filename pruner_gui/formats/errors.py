"""Why a model file cannot be read or written, as values. The codes in their fields are listed with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pruner_gui.errors import PrunerError


@dataclass
class CannotRead(PrunerError):
    """The system does not give the file out; `reason` is the errno's name (ENOENT, EACCES, EISDIR...)."""

    path: Path
    reason: str


@dataclass
class CannotWrite(PrunerError):
    """The system does not take the file; `reason` is the errno's name (EROFS, ENOSPC, EACCES...)."""

    path: Path
    reason: str


@dataclass
class UnknownFormat(PrunerError):
    """Neither the first bytes nor the extension say a format; `known` are the extensions that would."""

    path: Path
    known: tuple[str, ...]


@dataclass
class MissingExtra(PrunerError):
    """A format needs `module`, which is not installed; `extra` brings it."""

    format: str
    module: str
    extra: str


@dataclass
class NotAModel(PrunerError):
    """The file is not, or no longer, a valid file of this format.

    `reason` is "empty", "damaged" (cannot be decoded; often cut off), "invalid" (decoded, but breaks the
    format's rules) or "constant" (the output does not depend on the input); `detail` is what the library
    said.
    """

    path: Path
    format: str
    reason: str
    detail: str = ""


@dataclass
class TooLarge(PrunerError):
    """The file asks for more than a reader gives.

    `what` is "file" (bytes), "nodes", "parts" (fields of the file), "units" (of all nodes), "values" (made of
    the stored ones) or "entries" (bytes, unpacked).
    """

    path: Path
    what: str
    found: int
    limit: int


@dataclass
class UnsupportedVersion(PrunerError):
    """The file's `what` ("opset", "ir_version") is outside of what is understood."""

    path: Path
    what: str
    found: int
    lowest: int
    highest: int


@dataclass
class UnsupportedOp(PrunerError):
    """An operator that dense networks do not have.

    `hint` is "", "convolution", "normalization", "recurrent", "quantized", "label" (a class label or map
    behind the scores), "domain" (an operator of another domain), "custom" (own program code), "subgraph", or
    "computed" (a product or function of computed values that is no known activation).
    """

    path: Path
    node: str
    op: str
    hint: str = ""


@dataclass
class UnsupportedUse(PrunerError):
    """A known operator, used in a way that is not one row of features in, one row out.

    `problem` is one of:
    "mixes_rows": it works across the batch;
    "shared_weights": one weight serves several parts of a row;
    "broadcast": the constant would make the row longer, or differs from row to row;
    "axis": a softmax or concatenation along something else than the features;
    "order": features would change places;
    "shape": sizes disagree;
    "constant": a constant where computed values are needed, or the other way round;
    "division": of a constant by computed values;
    "training": a dropout that is active;
    "unknown_size": the input's number of features is not given;
    "type": computed values become something else than floats.
    """

    path: Path
    node: str
    op: str
    problem: str


@dataclass
class UnsupportedTensor(PrunerError):
    """A stored tensor of a kind that is not read.

    `kind` is "external" (its values are in another file), "sparse", "empty", "size" (more or fewer bytes than
    its shape needs) or the name of an element type.
    """

    path: Path
    tensor: str
    kind: str


@dataclass
class UnsupportedPart(PrunerError):
    """The model has `names` as "inputs" or "outputs" where there must be one tensor each, or "functions"."""

    path: Path
    part: str
    names: tuple[str, ...]


@dataclass
class BadEntry(PrunerError):
    """An entry of an npz file does not fit.

    `problem` is "missing", "type", "shape", "units" (no distinct indices) or "activation"; `expected` and
    `found` are for the reader's eyes.
    """

    path: Path
    key: str
    problem: str
    expected: str = ""
    found: str = ""


@dataclass
class NotExpressible(PrunerError):
    """This network cannot be written in `format`.

    `problem` is "chain" (the format knows one layer after another only; `node` is where it is not),
    "outputs" (several), "operation" (what `node` does has no word there) or "size" (over its limit).
    """

    format: str
    node: str
    problem: str


@dataclass
class ExportDiffers(PrunerError):
    """The written file computes something else than the network; nothing was put in place."""

    path: Path
    max_difference: float
    tolerance: float


@dataclass
class ExportDoesNotRun(PrunerError):
    """The runtime refuses the written file; nothing was put in place. `detail` is what it said."""

    path: Path
    runtime: str
    detail: str
