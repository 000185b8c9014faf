"""scikit-learn's multi-layer perceptrons, saved with skops; scalers in front of them are kept.

A skops file names the classes of the objects in it. It is opened only when all of them are on skops's own
list of harmless ones, or are the optimizers that a perceptron still carries after its training.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skops.io

from pruner_gui.errors import PrunerError
from pruner_gui.formats import sklearn_estimators
from pruner_gui.formats.bounds import hold, hold_unpacked
from pruner_gui.formats.errors import ExportDoesNotRun, NotAModel, UnsupportedPart
from pruner_gui.formats.running import Ran
from pruner_gui.network import FloatArray, Network

MAX_BYTES = (1 << 31) - 1  # of a file, and of all arrays, unpacked, each as often as it is asked for
MAX_SCHEMA = 1 << 26  # bytes of the description of the objects
MAX_ENTRIES = 10_000
_SCHEMA = "schema.json"
_MODULE = "sklearn.neural_network._stochastic_optimizers"
_HARMLESS = frozenset({f"{_MODULE}.AdamOptimizer", f"{_MODULE}.SGDOptimizer"})  # numbers and arrays only


def load(path: Path) -> Network:
    """Read a perceptron, alone or at the end of a pipeline of scalers.

    Raises:
        OSError, NotAModel, TooLarge, UnsupportedPart, UnsupportedOp.
    """
    estimator = _estimator(path)
    try:
        with np.errstate(all="ignore"):
            return sklearn_estimators.to_network(path, estimator)
    except sklearn_estimators.Malformed as error:
        raise NotAModel(path, "skops", "invalid", str(error)) from error


def dump(network: Network) -> bytes:
    """Return the file's content: the estimator that came in, or a new one, with this network's layers.

    Raises:
        NotExpressible: no chain of dense layers, or not one activation for all hidden ones.
    """
    content: bytes = skops.io.dumps(sklearn_estimators.to_estimator(network))
    return content


def run(path: Path, rows: FloatArray) -> Ran:
    """Predict rows `(n_samples, n_inputs)` with scikit-learn: probabilities of classes, or values.

    Raises:
        OSError, ExportDoesNotRun, and what `load` raises.
    """
    estimator = _estimator(path)
    runtime = f"scikit-learn {sklearn.__version__}"
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # rows have no column names here
            return Ran(sklearn_estimators.predict(estimator, rows), runtime)
    except Exception as error:  # whatever an estimator makes of its state
        raise ExportDoesNotRun(path, runtime, str(error)) from error


def tolerance(network: Network) -> float:
    """1e-4 in float32, 1e-9 in float64."""
    tensors = [tensor for node in network.nodes for tensor in node.op.tensors().values()]
    return 1e-9 if any(tensor.dtype == np.float64 for tensor in tensors) else 1e-4


def _estimator(path: Path) -> Any:
    """The object in a file, made only when nothing in it could do harm."""
    hold(path, "file", path.stat().st_size, MAX_BYTES)
    content = path.read_bytes()
    if not content:
        raise NotAModel(path, "skops", "empty")
    try:
        _check_bounds(path, content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # saved by another version
            untrusted = set(skops.io.get_untrusted_types(data=content))
            if not untrusted <= _HARMLESS:
                raise UnsupportedPart(path, "types", tuple(sorted(untrusted - _HARMLESS)))
            return skops.io.loads(content, trusted=sorted(untrusted))
    except PrunerError:
        raise
    except Exception as error:  # skops checks no more of a file than it needs: anything can be raised
        raise NotAModel(path, "skops", "damaged", str(error) or type(error).__name__) from error


def _check_bounds(path: Path, content: bytes) -> None:
    """See that the objects ask for no more than there may be, before any is made.

    Raises:
        TooLarge, zipfile.BadZipFile, and what zipfile, zlib and json raise.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: info for info in archive.infolist()}
        hold(path, "parts", len(archive.infolist()), MAX_ENTRIES)
        for info in members.values():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"compression {info.compress_type}")
            if info.compress_type == zipfile.ZIP_STORED and info.file_size > len(content):
                raise zipfile.BadZipFile(f"{info.filename} is cut off")
        hold(path, "entries", members[_SCHEMA].file_size, MAX_SCHEMA)
        asked = sum(members[name].file_size for name in _files(json.loads(archive.read(_SCHEMA))))
        total = max(asked, sum(info.file_size for info in members.values()))
        hold(path, "entries", total, MAX_BYTES)
        hold_unpacked(path, total, len(content))


def _files(schema: object) -> list[str]:
    """The entries that the objects are made from, as often as each is named."""
    files, todo = [], [schema]
    while todo:
        match todo.pop():
            case dict() as fields:
                if isinstance(fields.get("file"), str):
                    files.append(fields["file"])
                todo += fields.values()
            case list() as items:
                todo += items
    return files
