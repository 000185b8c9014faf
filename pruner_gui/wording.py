"""The sentences for what the lower layers say in values: refusals, reasons, names.

The window passes a translator, the command line takes the English source. Every sentence stands in
`QT_TRANSLATE_NOOP`, where the translation tools find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pruner_gui.comparison import Gap
from pruner_gui.data import Note
from pruner_gui.data.errors import (
    AmbiguousTarget,
    CannotPair,
    CannotReadData,
    DataMismatch,
    DataTooLarge,
    MissingValues,
    NonFiniteData,
    NotALabel,
    NotANumber,
    Place,
    RaggedRow,
    RowsDiffer,
    TargetMismatch,
    TooFewClasses,
    TooManyClasses,
    UnknownClass,
    UnknownColumn,
    WordsMismatch,
    WrongClassCount,
    WrongFileCount,
)
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import MetricUnfit, NonFiniteError, NonFiniteWeight, WrongWidth
from pruner_gui.files import Bytes, CannotWrite, ChangedWhileRead
from pruner_gui.formats.errors import (
    BadActivations,
    BadEntry,
    CannotRead,
    ExportDiffers,
    ExportDoesNotRun,
    ExternalData,
    LayerSizes,
    MissingExtra,
    NeedsActivations,
    NoOrder,
    NotAModel,
    NotExpressible,
    NotWeights,
    TooLarge,
    UnknownFormat,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedTensor,
    UnsupportedUse,
    UnsupportedVersion,
)
from pruner_gui.network import CannotRemove, MalformedGraph, ShapeMismatch
from pruner_gui.pruning import BadSetting, NothingToRelateTo
from pruner_gui.pruning.recipe import BadRecipe
from pruner_gui.reading import ReadingFailed
from pruner_gui.session import WouldReplaceSource
from pruner_gui.session_file import DataChanged, NewerSession, NotASession
from pruner_gui.stopping import NoResult

Translate = Callable[[str], str]


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:  # noqa: N802
    """Mark a text for the translation tools, which know this name."""
    return text


@dataclass(frozen=True)
class Problem:
    """A refusal in words: what happened and why, and what to do about it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}"


def problem(error: PrunerError, translate: Translate = str) -> Problem:
    """Return the sentences for a refusal: by its type and the code in one of its fields, or its type alone."""
    kind = type(error)
    codes = [code for code in vars(error).values() if isinstance(code, str) and (kind, code) in PROBLEMS]
    what, remedy = PROBLEMS[kind, codes[0] if codes else None]
    facts = {name: _plain(value, translate) for name, value in vars(error).items()}
    return Problem(translate(what).format(**facts), translate(remedy).format(**facts))


def reason(code: str, translate: Translate = str) -> str:
    """Return why the default metrics were chosen."""
    return translate(_REASONS[code])


def metric(name: str, translate: Translate = str) -> str:
    """Return a metric's name as shown."""
    return translate(_METRICS[name])


def option(name: str, translate: Translate = str) -> str:
    """Return what an option does, for help texts and tooltips."""
    return translate(_OPTIONS[name])


def note(done: Note, translate: Translate = str) -> str:
    """Return what was done to the data."""
    return translate(_NOTES[done.code]).format(count=done.count, names=_plain(done.names, translate))


def gap(measured: Gap, number: Callable[[float], str] = "{:.4g}".format, translate: Translate = str) -> str:
    """Return what pruning did to the gap between both kinds of rows; `number` writes its figures."""
    figures = {name: number(getattr(measured, name)) for name in ("before", "after")}
    return translate(_GAPS[measured.verdict]).format(
        metric=metric(measured.metric, translate),
        noise=number(1.96 * measured.noise),
        change=number(abs(measured.change)),
        **figures,
    )


def _plain(value: object, translate: Translate) -> str:
    if isinstance(value, Place):
        return translate(_PLACE).format(row=value.row, column=value.column)
    if isinstance(value, Bytes):
        return _size(value)
    if isinstance(value, tuple) and not isinstance(value, LayerSizes):
        separator = "; " if any(isinstance(item, Place) for item in value) else ", "
        more = ["…"] if len(value) > _NAMES_SHOWN else []
        return separator.join([*(_plain(item, translate) for item in value[:_NAMES_SHOWN]), *more])
    return str(value)


def _size(count: int) -> str:
    power, unit = next((pair for pair in _UNITS if count >= pair[0]), _UNITS[-1])
    return f"{count / power:.4g} {unit}"


_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"), (1, "bytes"))
_NAMES_SHOWN = 12
_PLACE = QT_TRANSLATE_NOOP("wording", "row {row}, column {column}")
_EXPORT_AGAIN = QT_TRANSLATE_NOOP("wording", "Export the model again from the program that trained it.")
_RAISE_LIMITS = QT_TRANSLATE_NOOP(
    "wording",
    "If the file is right, raise what files may take: Tools > Limits for files, --limits 4, or PRUNER_GUI_LIMITS=4.",
)
_RECIPE = QT_TRANSLATE_NOOP(
    "wording", "Save a recipe from the window, or see the README for how it is written."
)
_CHECK_FILE = QT_TRANSLATE_NOOP("wording", "Check the file, or save it again from where it came from.")
_OTHER_PLACE = QT_TRANSLATE_NOOP("wording", "Choose another folder, or make room and try again.")
_CHOOSE_COLUMN = QT_TRANSLATE_NOOP(
    "wording", "Name the target column (--target), or choose the data this network was trained for."
)
_ONE_FILE = QT_TRANSLATE_NOOP("wording", "Save the model as a single file.")
_DENSE_ONLY = QT_TRANSLATE_NOOP(
    "wording", "Networks of fully connected layers can be opened; export such a one."
)
_MEND_CELL = QT_TRANSLATE_NOOP("wording", "Mend or leave out this row, then load the file again.")
_MEND_WEIGHTS = QT_TRANSLATE_NOOP(
    "wording",
    "Train or export the model again, set such weights to zero (--non-finite zero, or the button above the graph), or only look at it.",
)
_LEAVE_OR_FILL = QT_TRANSLATE_NOOP(
    "wording",
    "Leave such rows out (--missing drop-rows), put in the mean of the column (--missing mean), or mend the file.",
)
_USE_ONNX = QT_TRANSLATE_NOOP("wording", "Export as ONNX (.onnx), which can carry it.")
_SAVE_WEIGHTS = QT_TRANSLATE_NOOP(
    "wording", "Save its state_dict (torch.save(model.state_dict(), ...)), safetensors or ONNX instead."
)
_AS_GRAPH = QT_TRANSLATE_NOOP("wording", "Export it as ONNX, which says how the layers are connected.")

PROBLEMS: Mapping[tuple[type[PrunerError], str | None], tuple[str, str]] = MappingProxyType(
    {
        (ShapeMismatch, None): (
            QT_TRANSLATE_NOOP(
                "wording", "The network does not fit together: {where} has size {found}, not {expected}."
            ),
            _EXPORT_AGAIN,
        ),
        (MalformedGraph, "duplicate"): (
            QT_TRANSLATE_NOOP("wording", "The network has two nodes called {node}."),
            _EXPORT_AGAIN,
        ),
        (MalformedGraph, "order"): (
            QT_TRANSLATE_NOOP(
                "wording", "The network's node {node} reads something that does not come before it."
            ),
            _EXPORT_AGAIN,
        ),
        (MalformedGraph, "empty"): (
            QT_TRANSLATE_NOOP("wording", "The layer {node} has no neurons."),
            _EXPORT_AGAIN,
        ),
        (MalformedGraph, None): (
            QT_TRANSLATE_NOOP("wording", "The network is not well formed ({problem}) {node}."),
            _EXPORT_AGAIN,
        ),
        (CannotRemove, None): (
            QT_TRANSLATE_NOOP("wording", "Neurons {units} of layer {layer} cannot be removed."),
            QT_TRANSLATE_NOOP("wording", "A layer keeps at least one neuron; inputs and outputs stay."),
        ),
        (MetricUnfit, "labels"): (
            QT_TRANSLATE_NOOP(
                "wording", "The error {metric} needs classes as targets, and this data has none."
            ),
            QT_TRANSLATE_NOOP("wording", "Choose mse, rmse or mae, or data with a class column."),
        ),
        (MetricUnfit, None): (
            QT_TRANSLATE_NOOP("wording", "There is no error called {metric}."),
            QT_TRANSLATE_NOOP("wording", "Choose mse, rmse, mae, half-sse, cross-entropy or error-rate."),
        ),
        (NonFiniteWeight, "matrix"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "Weights that are not finite numbers: {count}. The first is {value}, in {tensor} of {node} at row, column {index}. Nothing can be measured with it.",
            ),
            _MEND_WEIGHTS,
        ),
        (NonFiniteWeight, "vector"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "Weights that are not finite numbers: {count}. The first is {value}, in {tensor} of {node} at position {index}. Nothing can be measured with it.",
            ),
            _MEND_WEIGHTS,
        ),
        (NonFiniteError, None): (
            QT_TRANSLATE_NOOP("wording", "The network's {metric} on this data is not a finite number."),
            QT_TRANSLATE_NOOP("wording", "Check how the inputs are scaled (--scale)."),
        ),
        (WrongWidth, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{source} has {features} inputs and {targets} targets a row, but the network takes {inputs} inputs and gives {outputs} outputs.",
            ),
            QT_TRANSLATE_NOOP("wording", "Choose the data this network was trained for."),
        ),
        (BadSetting, None): (
            QT_TRANSLATE_NOOP("wording", "{value} is not possible for {option}."),
            QT_TRANSLATE_NOOP("wording", "Possible: {allowed}."),
        ),
        (NothingToRelateTo, None): (
            QT_TRANSLATE_NOOP(
                "wording", "The original {metric} is zero, so a tolerance in percent of it means nothing."
            ),
            QT_TRANSLATE_NOOP("wording", "Give the tolerance in the error's own unit, for example 0.01."),
        ),
        (WouldReplaceSource, None): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} is the model that was opened, and the export would replace it."
            ),
            QT_TRANSLATE_NOOP("wording", "Choose another file name."),
        ),
        (CannotRead, "ENOENT"): (
            QT_TRANSLATE_NOOP("wording", "There is no file {path}."),
            QT_TRANSLATE_NOOP("wording", "Check the name and the folder."),
        ),
        (CannotRead, "EISDIR"): (
            QT_TRANSLATE_NOOP("wording", "{path} is a folder, not a model file."),
            QT_TRANSLATE_NOOP("wording", "Choose a file in it."),
        ),
        (CannotRead, "EACCES"): (
            QT_TRANSLATE_NOOP("wording", "{path} may not be read by you."),
            QT_TRANSLATE_NOOP("wording", "Ask for the permission to read it, or choose another file."),
        ),
        (CannotRead, None): (
            QT_TRANSLATE_NOOP("wording", "{path} could not be read ({reason})."),
            _CHECK_FILE,
        ),
        (CannotWrite, "ENOENT"): (
            QT_TRANSLATE_NOOP("wording", "There is no folder for {path}."),
            QT_TRANSLATE_NOOP("wording", "Create the folder, or choose another one."),
        ),
        (CannotWrite, "ENOSPC"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "The disk is full: {path} needs {needed}, and {free} are free there; what was there before is unchanged.",
            ),
            _OTHER_PLACE,
        ),
        (CannotWrite, "entries"): (
            QT_TRANSLATE_NOOP(
                "wording", "The disk is full: it has no room for one more file, such as {path}."
            ),
            _OTHER_PLACE,
        ),
        (CannotWrite, "EDQUOT"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "Your share of the disk is used up: {path} needs {needed}; what was there before is unchanged.",
            ),
            _OTHER_PLACE,
        ),
        (CannotWrite, "EFBIG"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} would be larger than a file may be on this disk; what was there before is unchanged.",
            ),
            QT_TRANSLATE_NOOP("wording", "Choose a folder on another disk, or write a smaller file."),
        ),
        (CannotWrite, "EIO"): (
            QT_TRANSLATE_NOOP(
                "wording", "The disk failed while {path} was written; what was there before is unchanged."
            ),
            QT_TRANSLATE_NOOP("wording", "Write to another disk, and have this one checked."),
        ),
        (CannotWrite, "ENAMETOOLONG"): (
            QT_TRANSLATE_NOOP("wording", "The name {path} is too long for this disk."),
            QT_TRANSLATE_NOOP("wording", "Choose a shorter name."),
        ),
        (CannotWrite, "ENOTDIR"): (
            QT_TRANSLATE_NOOP("wording", "{path} cannot be written: what should be its folder is a file."),
            QT_TRANSLATE_NOOP("wording", "Choose another folder."),
        ),
        (CannotWrite, "folder"): (
            QT_TRANSLATE_NOOP("wording", "You may not make files in the folder of {path}."),
            QT_TRANSLATE_NOOP("wording", "Choose another folder, or ask for the permission to write there."),
        ),
        (CannotWrite, "special"): (
            QT_TRANSLATE_NOOP("wording", "{path} is not a file, but a pipe or a device."),
            QT_TRANSLATE_NOOP("wording", "Choose another file name."),
        ),
        (CannotWrite, "unconfirmed"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} was written, but the disk does not confirm that it will stay there."
            ),
            QT_TRANSLATE_NOOP("wording", "Write it again, to another disk."),
        ),
        (CannotWrite, "EACCES"): (
            QT_TRANSLATE_NOOP("wording", "{path} is protected: you may not write to it."),
            QT_TRANSLATE_NOOP("wording", "Choose another file name, or take the protection away."),
        ),
        (CannotWrite, "EROFS"): (
            QT_TRANSLATE_NOOP("wording", "{path} is on a disk that can only be read."),
            _OTHER_PLACE,
        ),
        (CannotWrite, "EISDIR"): (
            QT_TRANSLATE_NOOP("wording", "{path} is a folder."),
            QT_TRANSLATE_NOOP("wording", "Choose a file name."),
        ),
        (CannotWrite, None): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} could not be written ({reason}); what was there before is unchanged."
            ),
            _OTHER_PLACE,
        ),
        (ChangedWhileRead, None): (
            QT_TRANSLATE_NOOP("wording", "{path} was changed while it was read, so nothing of it is used."),
            QT_TRANSLATE_NOOP("wording", "Wait until it is written completely, then open it again."),
        ),
        (UnknownFormat, None): (
            QT_TRANSLATE_NOOP("wording", "{path} is in no format that is known here."),
            QT_TRANSLATE_NOOP("wording", "Known are {known}."),
        ),
        (MissingExtra, None): (
            QT_TRANSLATE_NOOP(
                "wording", "Files of format {format} need the package {module}, which is not installed."
            ),
            QT_TRANSLATE_NOOP("wording", 'Install it with: pip install "pruner-gui[{extra}]".'),
        ),
        (NotAModel, "empty"): (
            QT_TRANSLATE_NOOP("wording", "{path} is empty."),
            _CHECK_FILE,
        ),
        (NotAModel, "damaged"): (
            QT_TRANSLATE_NOOP("wording", "{path} is damaged or cut off; it cannot be read as {format}."),
            _CHECK_FILE,
        ),
        (NotAModel, "constant"): (
            QT_TRANSLATE_NOOP("wording", "The output of {path} does not depend on its input."),
            _EXPORT_AGAIN,
        ),
        (NotAModel, "pickle"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} is a pickle, as joblib writes them: opening it would run what is in it."
            ),
            QT_TRANSLATE_NOOP("wording", "Save the model with skops (.skops), or export it to ONNX."),
        ),
        (NotAModel, "kind"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} is a {format} file, but holds something else than layers: {detail}."
            ),
            _DENSE_ONLY,
        ),
        (NotAModel, None): (
            QT_TRANSLATE_NOOP("wording", "{path} is not a valid {format} file: {detail}."),
            _CHECK_FILE,
        ),
        (TooLarge, None): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} asks for more than is read safely: {found} {what}, at most {limit}."
            ),
            _RAISE_LIMITS,
        ),
        (TooLarge, "protobuf"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} is larger than an ONNX model can be: {found} bytes, at most {limit}."
            ),
            QT_TRANSLATE_NOOP("wording", "Save it in float16 or float32, or as Keras or safetensors."),
        ),
        (UnsupportedVersion, "Encog"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} was written by Encog {found}, in the XML form from before Encog 3."
            ),
            QT_TRANSLATE_NOOP("wording", "Open it with Encog 3 and save it again, or export its weights."),
        ),
        (UnsupportedVersion, None): (
            QT_TRANSLATE_NOOP("wording", "{path} has {what} {found}; understood are {lowest} to {highest}."),
            QT_TRANSLATE_NOOP("wording", "Export the model with a version in this range."),
        ),
        (UnsupportedOp, "convolution"): (
            QT_TRANSLATE_NOOP("wording", "{path} is a convolutional network: node {node} ({op})."),
            _DENSE_ONLY,
        ),
        (UnsupportedOp, "recurrent"): (
            QT_TRANSLATE_NOOP("wording", "{path} is a recurrent network: node {node} ({op})."),
            _DENSE_ONLY,
        ),
        (UnsupportedOp, "normalization"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} has a normalisation that is not supported: node {node} ({op})."
            ),
            QT_TRANSLATE_NOOP(
                "wording",
                "Fully connected layers with batch normalisation can be opened; export such a network.",
            ),
        ),
        (UnsupportedOp, "quantized"): (
            QT_TRANSLATE_NOOP("wording", "{path} is quantised: node {node} ({op})."),
            QT_TRANSLATE_NOOP(
                "wording", "Export the network as it was before quantisation, and quantise after pruning."
            ),
        ),
        (UnsupportedOp, "label"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} ends in a class label instead of scores: node {node} ({op})."
            ),
            QT_TRANSLATE_NOOP(
                "wording", "Export it with scores as its only output (scikit-learn: zipmap off)."
            ),
        ),
        (UnsupportedOp, "domain"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} uses an operator from outside the ONNX standard: node {node} ({op})."
            ),
            QT_TRANSLATE_NOOP("wording", "Export it with standard operators only."),
        ),
        (UnsupportedOp, "custom"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} has a layer made of own program code, which is not run: {node} ({op})."
            ),
            QT_TRANSLATE_NOOP("wording", "Replace it by the library's own layers, or export as ONNX."),
        ),
        (UnsupportedOp, "subgraph"): (
            QT_TRANSLATE_NOOP("wording", "{path} has control flow: node {node} ({op})."),
            QT_TRANSLATE_NOOP("wording", "Export the network for inference, as a fixed graph."),
        ),
        (UnsupportedOp, "computed"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} computes something that is no known activation: node {node} ({op})."
            ),
            QT_TRANSLATE_NOOP("wording", "Use one of the activations in the documentation."),
        ),
        (UnsupportedOp, "step"): (
            QT_TRANSLATE_NOOP("wording", "{path} has a step that is not supported: {node} ({op})."),
            QT_TRANSLATE_NOOP(
                "wording",
                "Supported are StandardScaler, MinMaxScaler, MaxAbsScaler and RobustScaler, then MLPClassifier or MLPRegressor. Do other steps beforehand.",
            ),
        ),
        (UnsupportedOp, "transformation"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} transforms the field or neuron {node} in a way that is not supported ({op}).",
            ),
            QT_TRANSLATE_NOOP("wording", "Transform the data beforehand, and export the network alone."),
        ),
        (UnsupportedOp, "model"): (
            QT_TRANSLATE_NOOP("wording", "{path} holds a model of another kind: {node} ({op})."),
            QT_TRANSLATE_NOOP("wording", "Export a neural network that stands alone."),
        ),
        (UnsupportedOp, None): (
            QT_TRANSLATE_NOOP("wording", "{path} has an operator that is not supported: node {node} ({op})."),
            _DENSE_ONLY,
        ),
        (UnsupportedUse, "functions"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} mixes activation functions in a layer: {node} ({op}) is not as the first."
            ),
            QT_TRANSLATE_NOOP("wording", "Give all neurons of a layer the same function and steepness."),
        ),
        (UnsupportedUse, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} uses an operator in a way that is not supported ({problem}): node {node} ({op}).",
            ),
            _DENSE_ONLY,
        ),
        (ExternalData, "missing"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} keeps the values of {tensor} in {location}, which is not beside it."
            ),
            QT_TRANSLATE_NOOP(
                "wording", "Put that file into the model's folder, or save the model as one file."
            ),
        ),
        (ExternalData, "location"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} keeps the values of {tensor} outside of its own folder ({location})."
            ),
            _ONE_FILE,
        ),
        (ExternalData, "link"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} keeps the values of {tensor} behind a link out of its folder ({location})."
            ),
            _ONE_FILE,
        ),
        (ExternalData, "range"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} keeps the values of {tensor} in {location}, which does not have as many there.",
            ),
            _CHECK_FILE,
        ),
        (ExternalData, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} keeps the values of {tensor} in another file that cannot be read safely ({reason}).",
            ),
            _ONE_FILE,
        ),
        (UnsupportedTensor, None): (
            QT_TRANSLATE_NOOP("wording", "{path} stores {tensor} in a way that is not read ({kind})."),
            QT_TRANSLATE_NOOP("wording", "Save its weights as float32 or float64."),
        ),
        (UnsupportedPart, "inputs"): (
            QT_TRANSLATE_NOOP("wording", "{path} has several inputs ({names}), where one is supported."),
            QT_TRANSLATE_NOOP("wording", "Export the network with one input."),
        ),
        (UnsupportedPart, "outputs"): (
            QT_TRANSLATE_NOOP("wording", "{path} has several outputs ({names}), where one is supported."),
            QT_TRANSLATE_NOOP("wording", "Export the network with one output."),
        ),
        (UnsupportedPart, "types"): (
            QT_TRANSLATE_NOOP("wording", "{path} has objects that are not known to be harmless ({names})."),
            QT_TRANSLATE_NOOP("wording", "Save the scikit-learn model alone, without other objects."),
        ),
        (UnsupportedPart, None): (
            QT_TRANSLATE_NOOP("wording", "{path} has {part} ({names}), which are not supported."),
            QT_TRANSLATE_NOOP("wording", "Export it without them."),
        ),
        (BadEntry, "missing"): (
            QT_TRANSLATE_NOOP("wording", "{path} has no entry {key}."),
            QT_TRANSLATE_NOOP("wording", "Expected: {expected}."),
        ),
        (BadEntry, None): (
            QT_TRANSLATE_NOOP("wording", "The entry {key} of {path} does not fit: {found}."),
            QT_TRANSLATE_NOOP("wording", "Expected: {expected}."),
        ),
        (NeedsActivations, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} holds weights alone, not which activation follows each layer. Its layers are {layers}.",
            ),
            QT_TRANSLATE_NOOP(
                "wording", "Say one for each, as in the program that trained it: --activations {example}."
            ),
        ),
        (BadActivations, "unneeded"): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} is a file of format {expected}, which has its activations in it."
            ),
            QT_TRANSLATE_NOOP("wording", "Leave out --activations."),
        ),
        (BadActivations, "count"): (
            QT_TRANSLATE_NOOP("wording", "{found} activations are given for the layers of {path}."),
            QT_TRANSLATE_NOOP("wording", "Say one for each: {expected}."),
        ),
        (BadActivations, "unknown"): (
            QT_TRANSLATE_NOOP("wording", "“{found}” is no activation that is known here."),
            QT_TRANSLATE_NOOP("wording", "Known are {expected}."),
        ),
        (NotWeights, "module"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} is a pickled object ({detail}), and reading it would run the code that is in it.",
            ),
            _SAVE_WEIGHTS,
        ),
        (NotWeights, "torchscript"): (
            QT_TRANSLATE_NOOP("wording", "{path} is a TorchScript program, which is not run."),
            _SAVE_WEIGHTS,
        ),
        (NotWeights, "old"): (
            QT_TRANSLATE_NOOP("wording", "{path} was written by a PyTorch from before version 0.4."),
            QT_TRANSLATE_NOOP("wording", "Load it and save its state_dict again with a newer PyTorch."),
        ),
        (NotWeights, "several"): (
            QT_TRANSLATE_NOOP("wording", "{path} has several tables of weights ({detail})."),
            QT_TRANSLATE_NOOP("wording", "Save the one network's state_dict in a file of its own."),
        ),
        (NotWeights, None): (
            QT_TRANSLATE_NOOP("wording", "{path} has no weights of fully connected layers in it."),
            _SAVE_WEIGHTS,
        ),
        (NoOrder, "sizes"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "The layers of {path} do not form a chain, each taking in what the one before puts out: {layers}.",
            ),
            _AS_GRAPH,
        ),
        (NoOrder, "several"): (
            QT_TRANSLATE_NOOP(
                "wording", "The layers of {path} could follow each other in several orders: {layers}."
            ),
            _AS_GRAPH,
        ),
        (NoOrder, None): (
            QT_TRANSLATE_NOOP(
                "wording", "It cannot be told behind which layers of {path} its normalisations are: {layers}."
            ),
            _AS_GRAPH,
        ),
        (NotExpressible, "chain"): (
            QT_TRANSLATE_NOOP(
                "wording", "The format {format} knows one layer after another only, and {node} is not so."
            ),
            _USE_ONNX,
        ),
        (NotExpressible, "activations"): (
            QT_TRANSLATE_NOOP(
                "wording",
                "The format {format} knows one activation for all hidden layers, and {node} has another.",
            ),
            _USE_ONNX,
        ),
        (NotExpressible, "outputs"): (
            QT_TRANSLATE_NOOP("wording", "The format {format} knows one output only."),
            _USE_ONNX,
        ),
        (NotExpressible, "operation"): (
            QT_TRANSLATE_NOOP("wording", "The format {format} has no word for what {node} does."),
            QT_TRANSLATE_NOOP("wording", "Choose another format."),
        ),
        (NotExpressible, "code"): (
            QT_TRANSLATE_NOOP(
                "wording", "A file of format {format} has its activations in it; there is no code for it."
            ),
            QT_TRANSLATE_NOOP("wording", "Leave out --code, or export as .pth or .safetensors."),
        ),
        (NotExpressible, None): (
            QT_TRANSLATE_NOOP("wording", "The network is too large for the format {format}."),
            QT_TRANSLATE_NOOP("wording", "Choose another format."),
        ),
        (ExportDiffers, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "The exported file computes something else than the network: {max_difference} apart, allowed are {tolerance}. Nothing was put at {path}.",
            ),
            QT_TRANSLATE_NOOP("wording", "Please report this as an error of this program, with the model."),
        ),
        (ExportDoesNotRun, None): (
            QT_TRANSLATE_NOOP(
                "wording", "{runtime} does not run the exported file: {detail}. Nothing was put at {path}."
            ),
            QT_TRANSLATE_NOOP("wording", "Please report this as an error of this program, with the model."),
        ),
        (NotASession, None): (
            QT_TRANSLATE_NOOP("wording", "{path} is no session, or a damaged one ({detail})."),
            _CHECK_FILE,
        ),
        (DataChanged, None): (
            QT_TRANSLATE_NOOP("wording", "The data of this session, {path}, has changed or is gone."),
            QT_TRANSLATE_NOOP("wording", "Networks and runs are back as they were; load data to go on."),
        ),
        (NewerSession, None): (
            QT_TRANSLATE_NOOP("wording", "{path} was written by a newer version of this program."),
            QT_TRANSLATE_NOOP("wording", "Open it with that version, or with a newer one."),
        ),
        (BadRecipe, "json"): (
            QT_TRANSLATE_NOOP("wording", "The recipe is not valid JSON: {detail}."),
            _RECIPE,
        ),
        (BadRecipe, "version"): (
            QT_TRANSLATE_NOOP("wording", "The recipe is not of version 1, the one that is known here."),
            _RECIPE,
        ),
        (BadRecipe, "steps"): (
            QT_TRANSLATE_NOOP("wording", "The recipe has no list of steps."),
            _RECIPE,
        ),
        (BadRecipe, None): (
            QT_TRANSLATE_NOOP("wording", "A setting in the recipe has no meaning here (step {detail})."),
            _RECIPE,
        ),
        (ReadingFailed, "time"): (
            QT_TRANSLATE_NOOP("wording", "Reading {path} took longer than {limit} seconds and was ended."),
            _RAISE_LIMITS,
        ),
        (ReadingFailed, "memory"): (
            QT_TRANSLATE_NOOP(
                "wording", "Reading {path} needed more memory than the {limit} bytes it may take."
            ),
            _RAISE_LIMITS,
        ),
        (ReadingFailed, None): (
            QT_TRANSLATE_NOOP("wording", "{path} made the reading process break down ({detail})."),
            QT_TRANSLATE_NOOP(
                "wording", "The file is probably damaged. Nothing else was touched; open another file."
            ),
        ),
        (NoResult, None): (
            QT_TRANSLATE_NOOP("wording", "The work in the background broke off without a result ({detail})."),
            QT_TRANSLATE_NOOP("wording", "The network and the data are as they were. Try it again."),
        ),
        (CannotReadData, "ENOENT"): (
            QT_TRANSLATE_NOOP("wording", "There is no file {path}."),
            QT_TRANSLATE_NOOP("wording", "Check the name and the folder."),
        ),
        (CannotReadData, "EISDIR"): (
            QT_TRANSLATE_NOOP("wording", "{path} is a folder, not a data file."),
            QT_TRANSLATE_NOOP("wording", "Choose a file in it."),
        ),
        (CannotReadData, "special"): (
            QT_TRANSLATE_NOOP("wording", "{path} is not a regular file."),
            QT_TRANSLATE_NOOP("wording", "Choose a csv, parquet, npz, npy or idx file."),
        ),
        (CannotReadData, "EACCES"): (
            QT_TRANSLATE_NOOP("wording", "{path} may not be read by you."),
            QT_TRANSLATE_NOOP("wording", "Ask for the permission to read it, or choose another file."),
        ),
        (CannotReadData, "empty"): (
            QT_TRANSLATE_NOOP("wording", "{path} has no rows."),
            QT_TRANSLATE_NOOP("wording", "Choose a file with data."),
        ),
        (CannotReadData, "binary"): (
            QT_TRANSLATE_NOOP("wording", "{path} is not text, and no data format that is known here."),
            QT_TRANSLATE_NOOP("wording", "Choose a csv, parquet, npz, npy or idx file."),
        ),
        (CannotReadData, "damaged"): (
            QT_TRANSLATE_NOOP("wording", "{path} is damaged or cut off ({detail})."),
            _CHECK_FILE,
        ),
        (CannotReadData, "dtype"): (
            QT_TRANSLATE_NOOP("wording", "{path} holds values of type {detail}, where numbers are needed."),
            QT_TRANSLATE_NOOP("wording", "Save the arrays as numbers."),
        ),
        (CannotReadData, "keys"): (
            QT_TRANSLATE_NOOP("wording", "{path} has no arrays that are known as inputs (found: {detail})."),
            QT_TRANSLATE_NOOP("wording", "Call the arrays X and y, or X_train, y_train, X_test and y_test."),
        ),
        (CannotReadData, "quote"): (
            QT_TRANSLATE_NOOP("wording", "A cell of {path} goes over several lines, from line {detail}."),
            _CHECK_FILE,
        ),
        (CannotReadData, "incomplete"): (
            QT_TRANSLATE_NOOP("wording", "No row of {path} has all its values."),
            QT_TRANSLATE_NOOP("wording", "Leave out a column (--ignore), or fill the gaps (--missing mean)."),
        ),
        (CannotReadData, "package"): (
            QT_TRANSLATE_NOOP("wording", "{path} needs a package to be read that is not installed."),
            QT_TRANSLATE_NOOP("wording", 'Install it with: pip install "pruner-gui[{detail}]".'),
        ),
        (CannotReadData, None): (
            QT_TRANSLATE_NOOP("wording", "{path} could not be read ({detail})."),
            _CHECK_FILE,
        ),
        (DataTooLarge, None): (
            QT_TRANSLATE_NOOP("wording", "{path} holds more than is read: {size} ({what}), at most {limit}."),
            _RAISE_LIMITS,
        ),
        (RaggedRow, None): (
            QT_TRANSLATE_NOOP(
                "wording", "Row {row} of {path} has {found} cells, where the first has {expected}."
            ),
            _MEND_CELL,
        ),
        (NotANumber, None): (
            QT_TRANSLATE_NOOP(
                "wording", 'Row {row}, column {column} of {path} is "{value}", where a number is needed.'
            ),
            _MEND_CELL,
        ),
        (MissingValues, None): (
            QT_TRANSLATE_NOOP("wording", "Cells without a value in {path}: {count}, of which {places}."),
            _LEAVE_OR_FILL,
        ),
        (NonFiniteData, None): (
            QT_TRANSLATE_NOOP("wording", "Infinite cells in {path}: {count}, of which {places}."),
            _LEAVE_OR_FILL,
        ),
        (DataMismatch, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{path} has {columns} columns, but the network takes {n_inputs} inputs and gives {n_outputs} outputs.",
            ),
            _CHOOSE_COLUMN,
        ),
        (TargetMismatch, None): (
            QT_TRANSLATE_NOOP(
                "wording", "{path} has {columns} target columns, but the network gives {n_outputs} outputs."
            ),
            _CHOOSE_COLUMN,
        ),
        (WordsMismatch, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "The columns of {path} give {columns} numbers a row, with words as one column a category: {words}. The network takes {n_inputs} inputs and gives {n_outputs} outputs.",
            ),
            QT_TRANSLATE_NOOP(
                "wording",
                "Name the target (--target), leave columns out (--ignore), or number the words (--categories number).",
            ),
        ),
        (UnknownColumn, None): (
            QT_TRANSLATE_NOOP("wording", "{path} has {matches} columns called {wanted}."),
            QT_TRANSLATE_NOOP("wording", "Its columns are {columns}; the first has the index 0."),
        ),
        (AmbiguousTarget, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "The last column ({trailing}) of {path} would be the target, but column {better} looks more like the classes.",
            ),
            QT_TRANSLATE_NOOP("wording", "Name the target column: --target {better}."),
        ),
        (NotALabel, None): (
            QT_TRANSLATE_NOOP(
                "wording", "Row {row}, column {column} of {path} is {value}, which is no class."
            ),
            _CHOOSE_COLUMN,
        ),
        (TooManyClasses, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "Column {column} of {path} has {found} classes, but the network gives {n_outputs} outputs.",
            ),
            _CHOOSE_COLUMN,
        ),
        (TooFewClasses, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "Column {column} of {path} has fewer classes ({found}) than {n_outputs} outputs tell apart: which output stands for which is not known.",
            ),
            QT_TRANSLATE_NOOP("wording", "Name all classes in the order of the outputs (--classes A,B,C)."),
        ),
        (WrongClassCount, None): (
            QT_TRANSLATE_NOOP(
                "wording", "The classes {classes} are not as many as {n_outputs} outputs tell apart."
            ),
            QT_TRANSLATE_NOOP(
                "wording", "Name each class once, in the order of the outputs; for one output name two."
            ),
        ),
        (UnknownClass, None): (
            QT_TRANSLATE_NOOP(
                "wording", "Row {row}, column {column} of {path} is {value}, which is not known."
            ),
            QT_TRANSLATE_NOOP("wording", "Known are {classes}."),
        ),
        (RowsDiffer, None): (
            QT_TRANSLATE_NOOP("wording", "{path} has {rows} rows and {other} has {other_rows}."),
            QT_TRANSLATE_NOOP("wording", "Choose inputs and targets that belong together."),
        ),
        (CannotPair, None): (
            QT_TRANSLATE_NOOP("wording", "{path} already has inputs and targets."),
            QT_TRANSLATE_NOOP("wording", "Choose it alone, or two files with one of each."),
        ),
        (WrongFileCount, None): (
            QT_TRANSLATE_NOOP(
                "wording", "A data set is one file, or two with inputs and targets; {count} were given."
            ),
            QT_TRANSLATE_NOOP("wording", "Choose one or two files."),
        ),
    }
)

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "softmax": QT_TRANSLATE_NOOP(
            "wording", "Cross-entropy, because the network ends in a softmax and the targets are classes."
        ),
        "softmax-unsure": QT_TRANSLATE_NOOP(
            "wording",
            "Cross-entropy and error rate together: the cross-entropy is far higher than this error rate calls for, so alone it would say little about mistakes.",
        ),
        "softmax-fidelity": QT_TRANSLATE_NOOP(
            "wording", "Cross-entropy against the network's own outputs, because the data has no targets."
        ),
        "softmax-values": QT_TRANSLATE_NOOP(
            "wording", "Cross-entropy, because the network ends in a softmax and the targets are shares."
        ),
        "fidelity": QT_TRANSLATE_NOOP(
            "wording",
            "Mean squared error against the network's own outputs, because the data has no targets.",
        ),
        "sigmoid": QT_TRANSLATE_NOOP(
            "wording",
            "Binary cross-entropy, because the network ends in one sigmoid and the targets are two classes.",
        ),
        "sigmoid-unsure": QT_TRANSLATE_NOOP(
            "wording",
            "Binary cross-entropy and error rate together: the cross-entropy is far higher than this error rate calls for, so alone it would say little about mistakes.",
        ),
        "one-hot": QT_TRANSLATE_NOOP(
            "wording",
            "Mean squared error against one-hot targets, because the outputs look like such targets.",
        ),
        "logits": QT_TRANSLATE_NOOP(
            "wording", "Cross-entropy, because the outputs spread like logits and the targets are classes."
        ),
        "logits-unsure": QT_TRANSLATE_NOOP(
            "wording",
            "Cross-entropy and error rate together: the outputs spread like logits, but their cross-entropy is far higher than this error rate calls for.",
        ),
        "values": QT_TRANSLATE_NOOP("wording", "Mean squared error, because the targets are values."),
    }
)

_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "rows-dropped": QT_TRANSLATE_NOOP(
            "wording", "Rows left out because a value is missing or infinite: {count}."
        ),
        "cells-filled": QT_TRANSLATE_NOOP(
            "wording", "Cells without a finite value, filled with the mean of their column: {count}."
        ),
        "constant": QT_TRANSLATE_NOOP(
            "wording", "Columns that do not vary, and so are not divided when scaled: {count} ({names})."
        ),
        "one-hot": QT_TRANSLATE_NOOP(
            "wording", "Columns of words that became one column a category, in sorted order: {names}."
        ),
        "numbered": QT_TRANSLATE_NOOP(
            "wording", "Columns of words that were numbered in sorted order: {names}."
        ),
        "classes": QT_TRANSLATE_NOOP("wording", "Classes in the order of the outputs: {names}."),
    }
)

_GAPS: Mapping[str, str] = MappingProxyType(
    {
        "smaller": QT_TRANSLATE_NOOP(
            "wording",
            "Pruning reduced over-fitting: {metric} on held-out minus pruning rows went from {before} to {after}, down by {change}, which is beyond the noise of ± {noise}.",
        ),
        "larger": QT_TRANSLATE_NOOP(
            "wording",
            "Pruning increased over-fitting: {metric} on held-out minus pruning rows went from {before} to {after}, up by {change}, which is beyond the noise of ± {noise}.",
        ),
        "same": QT_TRANSLATE_NOOP(
            "wording",
            "Pruning left over-fitting the same within noise: {metric} on held-out minus pruning rows went from {before} to {after}, a change of {change} with a noise of ± {noise}.",
        ),
        "unknown": QT_TRANSLATE_NOOP(
            "wording",
            "What pruning did to over-fitting cannot be told from a single row: {metric} on held-out minus pruning rows went from {before} to {after}.",
        ),
    }
)

_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "mse": QT_TRANSLATE_NOOP("wording", "mean squared error"),
        "rmse": QT_TRANSLATE_NOOP("wording", "root mean squared error"),
        "mae": QT_TRANSLATE_NOOP("wording", "mean absolute error"),
        "half-sse": QT_TRANSLATE_NOOP("wording", "half the sum of squared errors"),
        "cross-entropy": QT_TRANSLATE_NOOP("wording", "cross-entropy"),
        "error-rate": QT_TRANSLATE_NOOP("wording", "error rate"),
    }
)

_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "model": QT_TRANSLATE_NOOP(
            "wording", "the trained network: .onnx, .keras, .h5, .pth, .safetensors, .skops, .npz..."
        ),
        "activations": QT_TRANSLATE_NOOP(
            "wording",
            "the activation behind each layer, for files with weights alone (.pth, .safetensors): relu,relu,softmax",
        ),
        "limits": QT_TRANSLATE_NOOP(
            "wording", "let files take N times as much memory, time and space as usual, 1 to 64"
        ),
        "code": QT_TRANSLATE_NOOP(
            "wording", "write Python code that builds the exported network in PyTorch (.pth, .safetensors)"
        ),
        "data": QT_TRANSLATE_NOOP(
            "wording",
            "its data: one csv, text, parquet or npz file, or two files with inputs and targets (npy, idx)",
        ),
        "target": QT_TRANSLATE_NOOP(
            "wording",
            "target column or columns: names, indices (from 0, negative from the end) or ranges (0-3), with commas; by default the label column or the last ones",
        ),
        "inputs": QT_TRANSLATE_NOOP("wording", "input columns, likewise; by default all that are left"),
        "ignore": QT_TRANSLATE_NOOP("wording", "columns to leave out, likewise"),
        "classes": QT_TRANSLATE_NOOP(
            "wording", "the classes in the order of the outputs, with commas; by default in sorted order"
        ),
        "scale": QT_TRANSLATE_NOOP(
            "wording",
            "how the inputs are scaled before the network sees them: none (as in the file), standard, minmax, or a number to divide by, such as 255",
        ),
        "non_finite": QT_TRANSLATE_NOOP(
            "wording", "what to do about weights that are not finite numbers: refuse, or set them to zero"
        ),
        "missing": QT_TRANSLATE_NOOP(
            "wording",
            "what to do about cells without a value, or infinite ones: refuse, drop-rows, or mean of the column",
        ),
        "categories": QT_TRANSLATE_NOOP(
            "wording",
            "how a column of words becomes inputs: one-hot, drop-first (one-hot without the first), or number",
        ),
        "delimiter": QT_TRANSLATE_NOOP(
            "wording", "what stands between the cells of a text file: a character, tab, space or auto"
        ),
        "header": QT_TRANSLATE_NOOP("wording", "whether the first row of a text file holds names"),
        "max_rows": QT_TRANSLATE_NOOP("wording", "use at most N rows for pruning, chosen at random"),
        "holdout": QT_TRANSLATE_NOOP(
            "wording", "share of rows that only report (by default the rows marked as test, otherwise 0.3)"
        ),
        "holdout_files": QT_TRANSLATE_NOOP("wording", "a second data set that only reports"),
        "guard": QT_TRANSLATE_NOOP(
            "wording",
            "share of the pruning rows that only choose how far to go, for example 20%: to the last point whose rise on "
            "them, and its standard error, are within the tolerance",
        ),
        "steps": QT_TRANSLATE_NOOP(
            "wording",
            "strategies, one after the other, each with the run's options: selective, free, connections, magnitude, random",
        ),
        "recipe": QT_TRANSLATE_NOOP("wording", "steps with options of their own, from a JSON file"),
        "strategy": QT_TRANSLATE_NOOP("wording", "what a step does"),
        "ranking": QT_TRANSLATE_NOOP(
            "wording",
            "which connections are the weakest: by |w|, by |w| times their input, or by expected rise",
        ),
        "scope": QT_TRANSLATE_NOOP(
            "wording", "whether the weakest connections are sought in all layers together, or layer by layer"
        ),
        "preset": QT_TRANSLATE_NOOP("wording", "a set of options as in the literature"),
        "metrics": QT_TRANSLATE_NOOP(
            "wording",
            "errors that have to stay within their tolerances: mse, rmse, mae, half-sse, cross-entropy, error-rate (by default what suits the outputs)",
        ),
        "tolerances": QT_TRANSLATE_NOOP(
            "wording",
            "how much an error may rise: 5% of the original error (the default), or an amount such as 0.01",
        ),
        "baseline": QT_TRANSLATE_NOOP(
            "wording",
            "what a rise is counted from: the original network, the current one, or the tolerance as a ceiling",
        ),
        "comparison": QT_TRANSLATE_NOOP(
            "wording", "le: a rise up to the tolerance; lt: below it; abs: a change up to it, either way"
        ),
        "restart": QT_TRANSLATE_NOOP("wording", "begin again at the first neuron after every removal"),
        "layers": QT_TRANSLATE_NOOP("wording", "hidden layers to prune, counted from 0 (by default all)"),
        "protected": QT_TRANSLATE_NOOP(
            "wording",
            "neurons that stay whatever their error: a layer's name and original neurons counted from 0 (may be given several times)",
        ),
        "keep": QT_TRANSLATE_NOOP(
            "wording",
            "how many neurons stay at least: hidden layers counted from 0, each with a number or with percent of its neurons, for example 0:16,1:25%",
        ),
        "order": QT_TRANSLATE_NOOP("wording", "the order in which a pass tries the neurons"),
        "compensation": QT_TRANSLATE_NOOP(
            "wording",
            "what makes up for a neuron that goes: nothing; its mean, in the next biases; or refit, its estimate from the layer's other neurons, in their weights and the next biases (far more neurons can go)",
        ),
        "seed": QT_TRANSLATE_NOOP(
            "wording", "seed of what is random: the split of the rows, the random order"
        ),
        "output": QT_TRANSLATE_NOOP("wording", "the file to write; its ending says the format"),
        "report": QT_TRANSLATE_NOOP("wording", "write what happened as JSON"),
        "html": QT_TRANSLATE_NOOP("wording", "write what happened as a page to print, with plots"),
        "latency": QT_TRANSLATE_NOOP("wording", "do not measure how fast both networks answer"),
        "quiet": QT_TRANSLATE_NOOP("wording", "no progress on stderr"),
        "sensitivity": QT_TRANSLATE_NOOP(
            "wording",
            "write how much each hidden layer bears as CSV: the error by the share of its neurons that is gone, least harm first",
        ),
        "json": QT_TRANSLATE_NOOP("wording", "print JSON"),
    }
)
