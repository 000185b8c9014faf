"""PyTorch's `.pt` and `.pth` files: state dicts, read and written without PyTorch.

Such a file is a pickle, with the numbers beside it: in a zip archive since PyTorch 1.6 (`torch_archive`),
behind the pickle before. It is read as data (`data_pickle`); whole modules and TorchScript, which are
programs, are refused. The table of weights may be what was saved, or lie in a checkpoint under a usual name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeGuard

from pruner_gui.formats import onnx_format, state_dict, torch_archive
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.data_pickle import Opaque
from pruner_gui.formats.errors import NotWeights, UnsupportedTensor
from pruner_gui.formats.running import Ran, reread
from pruner_gui.formats.tensors import Tensor
from pruner_gui.formats.torch_archive import Kept, View
from pruner_gui.network import FloatArray, Network

TABLES = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights"),
    *("params", "net_state_dict", "network_state_dict", "best_state_dict", "best_model", "ema"),
)
_DEPTH = 3
_TENSORS = 50_000
_COPIES = 16  # times the file's size that tensors may take: some share their numbers


def load(path: Path, activations: Sequence[str] | None = None) -> Network:
    """Read a state dict; `activations` is one text a layer, see `state_dict.to_network`.

    Raises:
        OSError, NotAModel, TooLarge, NotWeights, UnsupportedOp, UnsupportedTensor, NoOrder, NeedsActivations,
        BadActivations.
    """
    with torch_archive.opened(path) as kept:
        tensors = _tensors(path, kept, _table(path, kept.value))
    return state_dict.to_network(path, "torch", tensors, activations, ordered=True)


def dump(network: Network) -> bytes:
    """Return the file's content: a plain state dict, names and dtypes as they came in.

    Raises:
        NotExpressible: no chain of layers.
    """
    return torch_archive.content(state_dict.to_tensors(network, "torch"))


def run(path: Path, rows: FloatArray, activations: Sequence[str]) -> Ran:
    """Run the file, read again, in onnxruntime."""
    return reread(path, partial(load, activations=activations), rows)


def tolerance(network: Network) -> float:
    """ONNX's, and room for what half precision rounds off weights that pruning changed."""
    return max(onnx_format.tolerance(network), 32 * state_dict.loses(network, "torch"))


def _table(path: Path, value: object) -> dict[str, object]:
    """The table of weights in what was saved."""
    found = _found(path, value)
    if found is not None:
        return found
    parts = [value, *(value.get(name) for name in TABLES)] if isinstance(value, dict) else [value]
    objects = [part for part in parts if isinstance(part, Opaque)]
    if objects:
        raise NotWeights(path, "module", ".".join(objects[0].kind)[:100])
    raise NotWeights(path, "nothing")


def _found(path: Path, value: object, depth: int = 0) -> dict[str, object] | None:
    """The table that this is, that has a usual name in it, or that is the only one in it."""
    if not isinstance(value, dict) or depth == _DEPTH:
        return None
    if _is_table(value):
        return value
    for name in TABLES:
        if (found := _found(path, value.get(name), depth + 1)) is not None:
            return found
    tables = {name: entry for name, entry in value.items() if _is_table(entry)}
    if len(tables) > 1:
        raise NotWeights(path, "several", ", ".join(tables)[:200])
    return next(iter(tables.values()), None)


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and any(
        isinstance(entry, View) or (isinstance(entry, Opaque) and entry.kind.module == "torch._utils")
        for entry in value.values()
    )


def _tensors(path: Path, kept: Kept, table: dict[str, object]) -> list[Tensor]:
    """The table's tensors; what else is in it (numbers, text) is none of the network's."""
    views: dict[str, View] = {}
    for name, entry in table.items():
        if isinstance(entry, Opaque):
            raise UnsupportedTensor(path, name[:200], entry.kind.name[:100] or "object")
        if isinstance(entry, View):
            views[name[:1000].encode("utf-8", "replace").decode()] = entry
    hold(path, "tensors", len(views), _TENSORS)
    hold(path, "values", sum(view.nbytes for view in views.values()), _COPIES * kept.size)
    return [Tensor(name, *kept.numbers(name, view)) for name, view in views.items()]
