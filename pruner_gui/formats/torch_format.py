"""PyTorch's `.pt` and `.pth` files: state dicts, read and written without PyTorch.

Such a file is a pickle, with the numbers beside it: in a zip archive since PyTorch 1.6 (`torch_archive`),
behind the pickle before. It is read as data (`data_pickle`); whole modules and TorchScript, which are
programs, are refused. The table of weights may be what was saved, or lie in a checkpoint under a usual name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pruner_gui.formats import onnx_format, state_dict, torch_archive
from pruner_gui.formats.data_pickle import Opaque
from pruner_gui.formats.errors import NotWeights, TooLarge, UnsupportedTensor
from pruner_gui.formats.running import Ran, reread
from pruner_gui.formats.tensors import Tensor
from pruner_gui.formats.torch_archive import Kept, View
from pruner_gui.network import FloatArray, Network

TABLES = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights"),
    *("params", "net_state_dict", "network_state_dict", "best_state_dict", "best_model", "ema"),
)
_DEPTH = 3
_TENSORS = 20_000
_COPIES = 4  # times the file's size that tensors may take: some share their numbers


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


def _table(path: Path, value: object, depth: int = 0) -> dict[str, object]:
    """The table of weights in what was saved."""
    if isinstance(value, Opaque):
        raise NotWeights(path, "module", ".".join(value.kind)[:100])
    if not isinstance(value, dict) or depth == _DEPTH:
        raise NotWeights(path, "nothing")
    if any(isinstance(entry, View) for entry in value.values()):
        return value
    named = next((value[name] for name in TABLES if isinstance(value.get(name), dict | Opaque)), None)
    if named is not None:
        return _table(path, named, depth + 1)
    tables = [name for name, entry in value.items() if _is_table(entry)]
    if len(tables) == 1:
        return _table(path, value[tables[0]], depth + 1)
    raise NotWeights(path, "several" if tables else "nothing", ", ".join(tables)[:200])


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(entry, View) for entry in value.values())


def _tensors(path: Path, kept: Kept, table: dict[str, object]) -> list[Tensor]:
    """The table's tensors; what else is in it (numbers, text) is none of the network's."""
    views: dict[str, View] = {}
    for name, entry in table.items():
        if isinstance(entry, Opaque):
            raise UnsupportedTensor(path, name[:200], entry.kind.name[:100] or "object")
        if isinstance(entry, View):
            views[name[:1000].encode("utf-8", "replace").decode()] = entry
    if len(views) > _TENSORS:
        raise TooLarge(path, "tensors", len(views), _TENSORS)
    total, limit = sum(view.nbytes for view in views.values()), _COPIES * kept.size
    if total > limit:
        raise TooLarge(path, "values", total, limit)
    return [Tensor(name, *kept.numbers(name, view)) for name, view in views.items()]
