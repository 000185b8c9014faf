"""What PyTorch's own exporter makes of small networks, read and written; held to PyTorch and onnxruntime."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pruner_gui.formats import UnsupportedOp, read, write
from pruner_gui.network import Activation, Network

torch: Any = pytest.importorskip("torch")
nn = torch.nn
Module: Any = nn.Module


def kinds(network: Network) -> list[str]:
    return [op.kind if isinstance(op := one.op, Activation) else type(op).__name__ for one in network.nodes]


class Wired(Module):  # type: ignore[misc]
    """Layers by name, and how a value goes through them."""

    def __init__(self, wiring: Callable[[Any, Any], Any], **layers: Any) -> None:
        super().__init__()
        self.wiring = wiring
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Any) -> Any:
        """Run it."""
        return self.wiring(self, x)


def residual(net: Any, x: Any) -> Any:
    """A block that adds what went in, and a concatenation."""
    hidden = nn.functional.silu(net.first(x))
    hidden = hidden + nn.functional.hardswish(net.block(hidden))
    return torch.softmax(net.last(torch.cat([hidden, x], dim=1)), dim=1)


def with_function(function: Callable[[Any], Any]) -> Any:
    """A perceptron with a function of one's own."""
    return Wired(lambda net, x: net.last(function(net.first(x))), first=nn.Linear(6, 5), last=nn.Linear(5, 3))


def exported(model: Any, path: Path, opset: int, double: bool = False) -> tuple[Any, Any]:
    """Save a model in inference mode as ONNX; return rows and what PyTorch makes of them."""
    generator = torch.Generator().manual_seed(0)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.running_mean.uniform_(-1, 1, generator=generator)
            part.running_var.uniform_(0.2, 2, generator=generator)
            part.weight.data.uniform_(0.5, 2, generator=generator)
    dtype = torch.float64 if double else torch.float32
    model = model.to(dtype).eval()
    rows = torch.randn(50, 6, dtype=dtype, generator=generator) * 2
    axes = {"x": {0: "rows"}, "y": {0: "rows"}}
    options = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": axes, "opset_version": opset}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a newer exporter needs further packages
        torch.onnx.export(model, (rows[:4],), str(path), dynamo=False, **options)
    return rows.numpy(), model(rows).detach().numpy()


def held(model: Any, folder: Path, opset: int, double: bool = False) -> Network:
    """Export, read, compare, write, read again."""
    rows, expected = exported(model, folder / "torch.onnx", opset, double)
    network = read(folder / "torch.onnx")
    tolerance = 1e-6 if double else 2e-5
    np.testing.assert_allclose(network.forward(rows), expected, rtol=tolerance, atol=tolerance)
    write(network, folder / "again.onnx", rows)
    again = read(folder / "again.onnx")
    assert [one.name for one in again.nodes] == [one.name for one in network.nodes]
    assert kinds(again) == kinds(network)
    np.testing.assert_array_equal(again.forward(rows), network.forward(rows))
    return network


@pytest.mark.parametrize(
    ("activation", "names"),
    [
        (nn.GELU(), ["gelu"]),
        (nn.GELU("tanh"), ["gelu_tanh"]),
        (nn.SiLU(), ["swish"]),
        (nn.Hardswish(), ["hard_swish"]),
        (nn.Mish(), ["mish"]),
        (nn.ELU(0.7), ["elu"]),
        (nn.LeakyReLU(0.2), ["leaky_relu"]),
        (nn.PReLU(), ["leaky_relu"]),
        (nn.ReLU6(), ["clip"]),
        (nn.Hardtanh(-1, 1), ["clip"]),
        (nn.Hardsigmoid(), ["hard_sigmoid"]),
        (nn.Softplus(beta=2), ["Arithmetic", "softplus", "Arithmetic"]),
        (nn.LogSigmoid(), ["Arithmetic", "softplus", "Arithmetic"]),
        (nn.Softsign(), ["softsign"]),
        (nn.Dropout(0.5), []),
    ],
)
@pytest.mark.parametrize(("opset", "double"), [(9, False), (13, True), (17, False), (20, False)])
def test_perceptrons_with_batch_normalisation(
    tmp_path: Path, activation: Any, names: list[str], opset: int, double: bool
) -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), activation, nn.Linear(5, 3))
    network = held(model, tmp_path, opset, double)
    assert kinds(network) == ["Input", "Dense", "BatchNorm", *names, "Dense"]
    assert network.nodes[1].name == "0"


def test_normalisation_in_front_and_behind_and_a_log_softmax(tmp_path: Path) -> None:
    layers = [
        nn.BatchNorm1d(6),
        nn.Linear(6, 5),
        nn.ReLU(),
        nn.BatchNorm1d(5),
        nn.Linear(5, 3),
        nn.LogSoftmax(1),
    ]
    network = held(nn.Sequential(*layers), tmp_path, 17)
    assert kinds(network) == ["Input", "BatchNorm", "Dense", "relu", "BatchNorm", "Dense", "log_softmax"]


@pytest.mark.parametrize("opset", [9, 13, 17])
def test_residual_blocks_and_images(tmp_path: Path, opset: int) -> None:
    layers = {"first": nn.Linear(6, 5), "block": nn.Linear(5, 5), "last": nn.Linear(11, 3)}
    network = held(Wired(residual, **layers), tmp_path, opset)
    assert kinds(network) == [
        "Input",
        "Dense",
        "swish",
        "Dense",
        "hard_swish",
        "Add",
        "Concat",
        "Dense",
        "softmax",
    ]
    perceptron = nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    image = Wired(lambda net, x: net.layers((x.view(-1, 1, 2, 3) - 0.13) / 0.31), layers=perceptron)
    network = held(image, tmp_path, opset)
    assert kinds(network) == ["Input", "Arithmetic", "Arithmetic", "Dense", "relu", "Dense"]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x: x * torch.sigmoid(1.702 * x), ["Arithmetic", "swish", "Arithmetic"]),
        (lambda x: x * torch.tanh(torch.log(1 + torch.exp(x))), ["mish"]),
        (lambda x: x * nn.functional.relu6(x + 3) / 6, ["hard_swish"]),
        (lambda x: torch.clamp(0.2 * x + 0.5, 0, 1), ["hard_sigmoid"]),
        (lambda x: torch.maximum(x, 0.1 * x), ["leaky_relu"]),
        (lambda x: torch.where(x > 0.3, x, torch.zeros_like(x)), ["thresholded_relu"]),
        (lambda x: x * (x > 0.3), ["thresholded_relu"]),
        (lambda x: torch.where(x >= 0.25, torch.ones_like(x), -torch.ones_like(x)), ["step"]),
        (lambda x: (x > 0.1).to(x.dtype), ["step"]),
        (lambda x: 2.5 * torch.exp(-0.5 * ((x - 1) / 0.4) ** 2), ["gaussian"]),
        (lambda x: torch.sign(x) * torch.log1p(torch.abs(x)), ["symmetric_log"]),
        (lambda x: nn.functional.one_hot(x.argmax(1), 5).to(x.dtype), ["competitive"]),
        (torch.sin, ["sin"]),
    ],
)
@pytest.mark.parametrize("double", [False, True])
def test_functions_of_ones_own(
    tmp_path: Path, function: Callable[[Any], Any], names: list[str], double: bool
) -> None:
    network = held(with_function(function), tmp_path, 13, double)
    assert kinds(network) == ["Input", "Dense", *names, "Dense"]


@pytest.mark.parametrize(("opset", "operator"), [(13, "ReduceMean"), (17, "LayerNormalization")])
def test_layer_normalisation_is_refused(tmp_path: Path, opset: int, operator: str) -> None:
    exported(nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.Linear(5, 3)), tmp_path / "n.onnx", opset)
    with pytest.raises(UnsupportedOp) as refusal:
        read(tmp_path / "n.onnx")
    assert refusal.value.op == operator


def test_convolutions_and_recurrent_layers_are_refused_by_node(tmp_path: Path) -> None:
    layers = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    convolution = Wired(lambda net, x: net.layers(x.view(-1, 1, 6)), layers=layers)
    recurrent = Wired(lambda net, x: net.layer(x.view(-1, 2, 3))[0], layer=nn.GRU(3, 4, batch_first=True))
    for model, op, hint in ((convolution, "Conv", "convolution"), (recurrent, "GRU", "recurrent")):
        exported(model, tmp_path / "n.onnx", 17)
        with pytest.raises(UnsupportedOp) as refusal:
            read(tmp_path / "n.onnx")
        assert (refusal.value.op, refusal.value.hint) == (op, hint)
        assert refusal.value.node.endswith(f"/{op}")
