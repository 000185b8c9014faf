"""The sentences for what the lower layers say in values: refusals, reasons, names.

The window passes a translator, the command line takes the English source. Every sentence stands in
`QT_TRANSLATE_NOOP`, where the translation tools find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import MetricUnfit, NonFiniteError, NonFiniteWeight, WrongWidth
from pruner_gui.network import CannotRemove, MalformedGraph, ShapeMismatch
from pruner_gui.pruning import BadSetting, NothingToRelateTo
from pruner_gui.session import WouldReplaceSource

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
    """Return the sentences for a refusal: by its type and its `reason`, or by its type alone."""
    code = getattr(error, "reason", None)
    what, remedy = _PROBLEMS.get((type(error), code)) or _PROBLEMS[type(error), None]
    facts = {name: _plain(value) for name, value in vars(error).items()}
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


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


_CHECK_FILE = QT_TRANSLATE_NOOP("wording", "Check the file, or export it again from where it came from.")
_OTHER_COLUMN = QT_TRANSLATE_NOOP("wording", "Choose another target column (--target), or other data.")

_PROBLEMS: Mapping[tuple[type[PrunerError], str | None], tuple[str, str]] = MappingProxyType(
    {
        (ShapeMismatch, None): (
            QT_TRANSLATE_NOOP(
                "wording", "The network does not fit together: {where} has {found}, not {expected}."
            ),
            QT_TRANSLATE_NOOP("wording", "Export the model again from the program that trained it."),
        ),
        (MalformedGraph, None): (
            QT_TRANSLATE_NOOP("wording", "The network is not well formed: {problem} at {node}."),
            QT_TRANSLATE_NOOP("wording", "Export the model again from the program that trained it."),
        ),
        (CannotRemove, None): (
            QT_TRANSLATE_NOOP("wording", "Neurons {units} of layer {layer} cannot be removed."),
            QT_TRANSLATE_NOOP("wording", "A layer keeps at least one neuron, inputs and outputs stay."),
        ),
        (MetricUnfit, "labels"): (
            QT_TRANSLATE_NOOP(
                "wording", "The error {metric} needs classes as targets, and the data has none."
            ),
            QT_TRANSLATE_NOOP("wording", "Choose mse, rmse or mae, or data with a class column."),
        ),
        (MetricUnfit, "unknown"): (
            QT_TRANSLATE_NOOP("wording", "There is no error called {metric}."),
            QT_TRANSLATE_NOOP("wording", "Choose mse, rmse, mae, half-sse, cross-entropy or error-rate."),
        ),
        (NonFiniteWeight, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "The {tensor} of {node} at {index} is not a finite number, so nothing can be measured.",
            ),
            QT_TRANSLATE_NOOP(
                "wording", "Train or export the model again; the graph can still be looked at."
            ),
        ),
        (NonFiniteError, None): (
            QT_TRANSLATE_NOOP("wording", "The network's {metric} on this data is not a finite number."),
            QT_TRANSLATE_NOOP("wording", "Check the scaling of the inputs (--scale)."),
        ),
        (WrongWidth, None): (
            QT_TRANSLATE_NOOP(
                "wording",
                "{source} has {features} inputs and {targets} targets a row; the network takes {inputs} and gives {outputs}.",
            ),
            QT_TRANSLATE_NOOP("wording", "Choose the data this network was trained for."),
        ),
        (BadSetting, None): (
            QT_TRANSLATE_NOOP("wording", "{value} is not possible for {option}."),
            QT_TRANSLATE_NOOP("wording", "Possible: {allowed}."),
        ),
        (NothingToRelateTo, None): (
            QT_TRANSLATE_NOOP(
                "wording", "The original {metric} is zero, so a tolerance in percent of it allows nothing."
            ),
            QT_TRANSLATE_NOOP("wording", "Give the tolerance in the error's own unit, for example 0.01."),
        ),
        (WouldReplaceSource, None): (
            QT_TRANSLATE_NOOP("wording", "{path} is the model that was opened; the export would replace it."),
            QT_TRANSLATE_NOOP("wording", "Choose another file name."),
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
            "Cross-entropy and error rate together: the network is far surer than it is right, so its cross-entropy alone says little about its mistakes.",
        ),
        "softmax-fidelity": QT_TRANSLATE_NOOP(
            "wording", "Cross-entropy against the network's own outputs, because the data has no targets."
        ),
        "sigmoid": QT_TRANSLATE_NOOP(
            "wording",
            "Binary cross-entropy, because the network ends in one sigmoid and the targets are two classes.",
        ),
        "sigmoid-unsure": QT_TRANSLATE_NOOP(
            "wording",
            "Binary cross-entropy and error rate together: the network is far surer than it is right, so its cross-entropy alone says little about its mistakes.",
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
            "Cross-entropy and error rate together: the outputs spread like logits, but are far surer than they are right.",
        ),
        "values": QT_TRANSLATE_NOOP("wording", "Mean squared error, because the targets are values."),
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
        "model": QT_TRANSLATE_NOOP("wording", "the trained network: .onnx or .npz"),
        "data": QT_TRANSLATE_NOOP(
            "wording", "its data: one csv or npz file, or two files with inputs and targets (npy, idx)"
        ),
        "target": QT_TRANSLATE_NOOP(
            "wording",
            "target column or columns, by name or index (from 0, negative from the end); by default the last",
        ),
        "scale": QT_TRANSLATE_NOOP("wording", "how the inputs are scaled before the network sees them"),
        "max_rows": QT_TRANSLATE_NOOP("wording", "use at most N rows for pruning, chosen at random"),
        "holdout": QT_TRANSLATE_NOOP(
            "wording", "share of rows that only report (by default the rows marked as test, otherwise 0.3)"
        ),
        "holdout_files": QT_TRANSLATE_NOOP("wording", "a second data set that only reports"),
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
        "order": QT_TRANSLATE_NOOP("wording", "the order in which a pass tries the neurons"),
        "seed": QT_TRANSLATE_NOOP(
            "wording", "seed of what is random: the split of the rows, the random order"
        ),
        "output": QT_TRANSLATE_NOOP("wording", "the file to write; its ending says the format"),
        "report": QT_TRANSLATE_NOOP("wording", "write what happened as JSON"),
        "quiet": QT_TRANSLATE_NOOP("wording", "no progress on stderr"),
        "json": QT_TRANSLATE_NOOP("wording", "print JSON"),
    }
)
