"""Python code that builds a network in PyTorch and loads its weights: what a table of weights leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pruner_gui.formats import state_dict
from pruner_gui.formats.errors import NotExpressible
from pruner_gui.network import Activation, BatchNorm, Dense, Network, Node

_PLAIN = {
    "linear": "Identity()",
    "relu": "ReLU()",
    "gelu": "GELU()",
    "gelu_tanh": 'GELU(approximate="tanh")',
    "sigmoid": "Sigmoid()",
    "tanh": "Tanh()",
    "softplus": "Softplus()",
    "softsign": "Softsign()",
    "swish": "SiLU()",
    "hard_swish": "Hardswish()",
    "mish": "Mish()",
    "softmax": "Softmax(dim=1)",
    "log_softmax": "LogSoftmax(dim=1)",
    "leaky_relu": "LeakyReLU({alpha!r})",
    "elu": "ELU({alpha!r})",
    "clip": "Hardtanh({low!r}, {high!r})",
    "thresholded_relu": "Threshold({theta!r}, 0.0)",
}
_FIXED = {"selu": ("SELU()", {}), "hard_sigmoid": ("Hardsigmoid()", {"alpha": 1 / 6, "beta": 0.5})}
_LOAD = {
    "torch": ("import torch", "state = torch.load({path!r}, weights_only=True)"),
    "safetensors": ("from safetensors.torch import load_file", "state = load_file({path!r})"),
}


def code(network: Network, path: Path, format: str) -> str:
    """Return the code; `format` is that of the file at `path`, "torch" or "safetensors".

    Raises:
        NotExpressible: no chain of layers, or an activation that PyTorch does not have.
    """
    parts = state_dict.sequence(network, format)
    with_bias = {tensor.name for tensor in state_dict.to_tensors(network, format)}
    lines = [_line(node, module, with_bias, format) for node, module in parts]
    names = {module: str(i) for i, (node, module) in enumerate(parts) if not isinstance(node.op, Activation)}
    imports, load = _LOAD[format]
    wide = (
        np.result_type(*(t.dtype for node in network.nodes for t in node.op.tensors().values())) == np.float64
    )
    return "\n".join(
        [
            imports,
            "from torch import nn",
            "",
            "model = nn.Sequential(",
            *(f"    {line}," for line in lines),
            ")" + (".double()" if wide else ""),
            load.format(path=str(path)),
            *_renaming(names),
            "model.load_state_dict(state)",
            "model.eval()",
            "",
        ]
    )


def _renaming(names: dict[str, str]) -> list[str]:
    if all(old == new for old, new in names.items()):
        return []
    pairs = ", ".join(f"{old!r}: {new!r}" for old, new in names.items())
    return [
        f"names = {{{pairs}}}  # what the file's modules are called in nn.Sequential",
        'split = {name: name.rpartition(".") for name in state}',
        'state = {f"{names[split[name][0]]}.{split[name][2]}": value for name, value in state.items()}',
    ]


def _line(node: Node, module: str, tensors: set[str], format: str) -> str:
    match node.op:
        case Dense(weight=weight):
            bias = (f"{module}.bias" if module else "bias") in tensors
            return f"nn.Linear({weight.shape[0]}, {weight.shape[1]}{'' if bias else ', bias=False'})"
        case BatchNorm(scale=scale):
            affine = f"{module}.weight" in tensors
            return f"nn.BatchNorm1d({scale.size}{'' if affine else ', affine=False'})"
        case Activation(kind=kind, settings=settings) if kind in _PLAIN:
            return "nn." + _PLAIN[kind].format(**{name: float(value) for name, value in settings.items()})
        case Activation(kind=kind, settings=settings) if kind in _FIXED:
            text, wanted = _FIXED[kind]
            if settings == {**Activation(kind).settings, **wanted}:
                return f"nn.{text}"
    raise NotExpressible(format, node.name, "operation")
