"""Why a model file cannot be read or written, as values. The codes in their fields are listed with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pruner_gui.errors import PrunerError


@dataclass
class CannotRead(PrunerError):
    """The system does not give the file out; `reason` is the errno's name (ENOENT, EACCES, EISDIR...)."""

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
    format's rules), "kind" (of the same family, but no network of layers), "constant" (the output does not
    depend on the input) or "pickle" (opening it would run what is in it); `detail` is what the library said.
    """

    path: Path
    format: str
    reason: str
    detail: str = ""


@dataclass
class TooLarge(PrunerError):
    """The file asks for more than a reader gives.

    `what` is "file" (bytes), "protobuf" (bytes that ONNX's container can hold at all), "tensors", "nodes",
    "parts" (fields of the file), "units" (of all nodes), "values" (made of the stored ones), "entries"
    (bytes, unpacked), "levels" (of parts within parts) or "characters" (of one text).
    """

    path: Path
    what: str
    found: int
    limit: int


@dataclass
class UnsupportedVersion(PrunerError):
    """The file's `what` ("opset", "ir_version", "version", "Encog", "FANN") is not one that is understood."""

    path: Path
    what: str
    found: int
    lowest: int
    highest: int


@dataclass
class UnsupportedOp(PrunerError):
    """An operator that dense networks do not have.

    `hint` is "", "convolution", "normalization", "recurrent", "quantized", "label" (a class label or map
    behind the scores), "domain" (an operator of another domain), "custom" (own program code), "subgraph",
    "computed" (a product or function of computed values that is no known activation), "step" (of a pipeline,
    by its name), "transformation" (of a field, by its name), or "model" (of another kind).
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
    "axis": a softmax, batch normalisation or concatenation along something else than the features;
    "order": features would change places;
    "shape": sizes disagree;
    "constant": a constant where computed values are needed, or the other way round;
    "division": of a constant by computed values;
    "training": a dropout that is active, a batch normalisation that still learns;
    "functions": the neurons of a layer have different activation functions;
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

    `kind` is "sparse", "empty", "size" (more or fewer bytes than its shape needs) or the name of an element
    type.
    """

    path: Path
    tensor: str
    kind: str


@dataclass
class ExternalData(PrunerError):
    """The values of `tensor` are kept in another file, at `location`, and cannot be had from there.

    `reason` is "location" (no plain relative path that stays in the model's folder), "link" (leads out of
    it), "missing", "irregular" (no regular file), "range" (not the bytes that the tensor's shape needs, or
    not in the file) or "entries" (which say where, and do not).
    """

    path: Path
    tensor: str
    location: str
    reason: str


@dataclass
class UnsupportedPart(PrunerError):
    """The model has `names` as "inputs" or "outputs" where there must be one tensor each, "functions",
    "models", or "types" that are not known to be harmless.
    """

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


class LayerSizes(NamedTuple):
    """A layer to which an activation has to be said."""

    name: str
    n_in: int
    n_out: int

    def __str__(self) -> str:
        return f"{self.name} ({self.n_in} to {self.n_out})"


@dataclass
class NeedsActivations(PrunerError):
    """The file holds weights alone: which activation follows each layer has to be said.

    `layers` are all of them, input side first; `example` is what a usual answer looks like.
    """

    path: Path
    layers: tuple[LayerSizes, ...]
    example: str = field(init=False)

    def __post_init__(self) -> None:
        last = "softmax" if self.layers[-1].n_out > 1 else "linear"
        self.example = ",".join(["relu"] * (len(self.layers) - 1) + [last])


@dataclass
class BadActivations(PrunerError):
    """The activations given do not fit.

    `problem` is "unneeded" (the format has its own), "count" or "unknown"; `expected` and `found` are for the
    reader's eyes.
    """

    path: Path
    problem: str
    expected: str = ""
    found: str = ""


@dataclass
class NotWeights(PrunerError):
    """A PyTorch file without a table of weights that could be read.

    `reason` is "module" (a pickled object of the class `detail`), "torchscript", "old" (from before PyTorch
    0.4), "nothing" (no weights in it) or "several" (tables, called `detail`).
    """

    path: Path
    reason: str
    detail: str = ""


@dataclass
class NoOrder(PrunerError):
    """The order of the layers cannot be told from sizes and names.

    `problem` is "sizes" (no order in which each takes in what the one before puts out), "several" (more than
    one) or "norms" (it is not clear behind which layers the normalisations are). `layers` says what there is.
    """

    path: Path
    problem: str
    layers: tuple[str, ...]


@dataclass
class NotExpressible(PrunerError):
    """This network cannot be written in `format`.

    `problem` is "chain" (the format knows one layer after another only; `node` is where it is not),
    "outputs" (several), "activations" (the format has one for all hidden layers; `node` has another),
    "operation" (what `node` does has no word there), "code" (it needs none to be loaded) or "size" (over its
    limit).
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
