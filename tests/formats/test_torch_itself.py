"""Files that PyTorch itself writes and reads: a zoo of modules, checkpoints, and what is written here."""

from __future__ import annotations

import argparse
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pruner_gui import formats
from pruner_gui.formats import NotExpressible, NotWeights, UnsupportedOp, UnsupportedTensor, read, write
from pruner_gui.network import ACTIVATIONS, Activation, Dense, Input, Network, Node, RemoveUnits

torch = pytest.importorskip("torch")
nn: Any = torch.nn


def trained(module: Any) -> Any:
    """The module with weights and statistics that are not what it begins with."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.fill_(5)
        else:
            low, high = (0.3, 1.5) if name.endswith("running_var") else (-1, 1)
            tensor.copy_(torch.empty(tensor.shape).uniform_(low, high, generator=generator))
    return module.eval()


class Plain(nn.Module):  # type: ignore[misc]
    """The usual way to write a network."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.out = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        return torch.log_softmax(self.out(torch.relu(self.fc2(torch.relu(self.fc1(x))))), dim=1)


class Normalised(nn.Module):  # type: ignore[misc]
    """Layers first, then their normalisations, as many write it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm1d(8), nn.BatchNorm1d(8, affine=False)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Any) -> Any:
        x = self.drop(torch.tanh(self.bn1(self.fc1(x))))
        return self.fc3(torch.sigmoid(self.bn2(self.fc2(x))))


class Listed(nn.Module):  # type: ignore[misc]
    """Layers and normalisations in lists."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(6)
        self.layers = nn.ModuleList(nn.Linear(n, m) for n, m in itertools.pairwise((6, 7, 7, 2)))
        self.norms = nn.ModuleList(nn.BatchNorm1d(7) for _ in range(2))

    def forward(self, x: Any) -> Any:
        x = self.norm(x)
        for layer, norm in zip(self.layers, self.norms, strict=False):
            x = torch.relu(norm(layer(x)))
        return self.layers[-1](x)


ZOO: dict[str, tuple[Callable[[], Any], Sequence[str]]] = {
    "plain": (Plain, ["relu", "relu", "log_softmax"]),
    "normalised": (Normalised, ["tanh", "sigmoid", "linear"]),
    "listed": (Listed, ["relu", "relu"]),
    "one layer": (lambda: nn.Linear(6, 2), []),
    "sequence": (
        lambda: nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.Linear(5, 1), nn.Sigmoid()),
        ["gelu", "sigmoid"],
    ),
    "activation first": (
        lambda: nn.Sequential(
            *(nn.Linear(6, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Dropout(0.1)),
            *(nn.Linear(5, 5), nn.BatchNorm1d(5), nn.SELU(), nn.Linear(5, 2), nn.Softmax(dim=1)),
        ),
        ["relu", "selu", "softmax"],
    ),
    "nested": (
        lambda: nn.Sequential(
            OrderedDict(
                encoder=nn.Sequential(nn.Linear(6, 2), nn.ELU(0.5)),
                decoder=nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 6)),
            )
        ),
        ["elu(0.5)", "leaky_relu(0.2)"],
    ),
    "double": (lambda: nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2)).double(), ["tanh"]),
}
ROWS = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)


def outputs(module: Any, rows: Any = ROWS) -> Any:
    with torch.no_grad():
        return module(torch.from_numpy(rows).to(next(module.parameters()).dtype)).numpy()


def agrees(network: Network, module: Any) -> None:
    np.testing.assert_allclose(network.forward(ROWS), outputs(module), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_of_all_kinds(tmp_path: Path, name: str, zipped: bool) -> None:
    make, activations = ZOO[name]
    module = trained(make())
    path = tmp_path / "a.pth"
    torch.save(module.state_dict(), path, _use_new_zipfile_serialization=zipped)
    network = read(path, activations)
    agrees(network, module)


@pytest.mark.parametrize("name", ZOO)
def test_what_is_written_is_what_was_saved(tmp_path: Path, name: str) -> None:
    make, activations = ZOO[name]
    module = trained(make())
    torch.save(module.state_dict(), tmp_path / "a.pth")
    write(read(tmp_path / "a.pth", activations), tmp_path / "b.pth")
    saved, ours = module.state_dict(), torch.load(tmp_path / "b.pth", weights_only=True)
    assert saved.keys() == ours.keys()
    for key, tensor in saved.items():
        assert tensor.dtype == ours[key].dtype
        assert torch.equal(tensor, ours[key])
    again = make()
    again.load_state_dict(ours)
    agrees(read(tmp_path / "b.pth", activations), again.eval())


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_the_code_builds_the_pruned_network(tmp_path: Path, name: str, ending: str) -> None:
    make, activations = ZOO[name]
    torch.save(trained(make()).state_dict(), tmp_path / "a.pth")
    network = read(tmp_path / "a.pth", activations)
    if network.hidden_layers:
        layer = network.hidden_layers[0]
        network = RemoveUnits(layer.name, (int(layer.units[0]),)).apply(network)
    path = tmp_path / f"b{ending}"
    write(network, path)
    made: dict[str, Any] = {}
    exec(formats.rebuild_code(network, path), made)
    agrees(network, made["model"])


@pytest.mark.parametrize("name", ZOO)
def test_files_that_safetensors_writes(tmp_path: Path, name: str) -> None:
    library = pytest.importorskip("safetensors.torch")
    make, activations = ZOO[name]
    module = trained(make())
    library.save_file(module.state_dict(), tmp_path / "a.safetensors")
    network = read(tmp_path / "a.safetensors", activations)
    agrees(network, module)
    write(network, tmp_path / "b.safetensors")
    ours = library.load_file(tmp_path / "b.safetensors")
    assert ours.keys() == module.state_dict().keys()
    assert all(torch.equal(tensor, ours[key]) for key, tensor in module.state_dict().items())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_half_precision_is_widened_and_written_back(tmp_path: Path, dtype: str, ending: str) -> None:
    library = pytest.importorskip("safetensors.torch")
    module = trained(Plain()).to(getattr(torch, dtype))
    torch.save(module.state_dict(), tmp_path / "a.pth")
    network = read(tmp_path / "a.pth", ["relu", "relu", "log_softmax"])
    agrees(network, module.float())
    write(network, tmp_path / f"b{ending}")
    ours = (
        torch.load(tmp_path / "b.pth") if ending == ".pth" else library.load_file(tmp_path / "b.safetensors")
    )
    for key, tensor in module.to(getattr(torch, dtype)).state_dict().items():
        assert ours[key].dtype == tensor.dtype
        assert torch.equal(tensor, ours[key])


def test_checkpoints_of_a_training(tmp_path: Path) -> None:
    module = trained(Plain())
    optimiser = torch.optim.Adam(module.parameters())
    module(torch.from_numpy(ROWS)).sum().backward()
    optimiser.step()
    checkpoint = {
        "epoch": 12,
        "args": argparse.Namespace(lr=0.1, layers=[8, 8]),
        "best": np.float64(0.98),
        "history": {"loss": [1.0, 0.5], "scores": np.arange(3)},
        "optimizer": optimiser.state_dict(),
        "scheduler": torch.optim.lr_scheduler.StepLR(optimiser, 3).state_dict(),
        "state_dict": nn.DataParallel(module).state_dict(),
    }
    for zipped, protocol in itertools.product((True, False), (2, 3)):
        path = tmp_path / "last.ckpt"
        how = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": zipped}
        torch.save(checkpoint, path, **how)
        agrees(read(path, ["relu", "relu", "log_softmax"]), module)


def test_tables_of_parameters(tmp_path: Path) -> None:
    module = trained(Plain())
    torch.save(dict(module.named_parameters()), tmp_path / "a.pt")
    agrees(read(tmp_path / "a.pt", ["relu", "relu", "log_softmax"]), module)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_protocols_of_the_pickle(tmp_path: Path, zipped: bool, protocol: int) -> None:
    module, how = trained(Plain()), {"_use_new_zipfile_serialization": zipped}
    torch.save(module.state_dict(), tmp_path / "model", pickle_protocol=protocol, **how)
    agrees(read(tmp_path / "model", ["relu", "relu", "log_softmax"]), module)


def test_tensors_with_attributes_and_masks(tmp_path: Path) -> None:
    module = trained(Plain())
    pytest.importorskip("torch.nn.utils.prune").random_unstructured(module.fc1, "weight", 0.5)
    table = module.state_dict()
    table["fc2.weight"].note = "mine"
    torch.save(table, tmp_path / "a.pth")
    agrees(read(tmp_path / "a.pth", ["relu", "relu", "log_softmax"]), module)


def test_numbers_of_a_new_kind_are_named(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.ones(3, 4).to(torch.float8_e4m3fn)}, tmp_path / "a.pth")
    with pytest.raises(UnsupportedTensor) as refusal:
        read(tmp_path / "a.pth")
    assert refusal.value.tensor == "fc.weight"


@pytest.mark.filterwarnings("ignore")
def test_programs_are_refused(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(6, 2))
    torch.save(module, tmp_path / "whole.pt")
    torch.save({"model": module, "epoch": 1}, tmp_path / "inside.pt")
    torch.jit.script(module).save(str(tmp_path / "script.pt"))
    for name, reason in (("whole", "module"), ("inside", "module"), ("script", "torchscript")):
        with pytest.raises(NotWeights) as refusal:
            read(tmp_path / f"{name}.pt")
        assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("make", "node", "hint"),
    [
        (lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8, 2)), "0.weight", "convolution"),
        (lambda: nn.LSTM(4, 8), "weight_ih_l0", "recurrent"),
        (lambda: nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8)), "1.weight", "normalization"),
        (
            lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 8)),
            "parametrizations.weight.original0",
            "normalization",
        ),
    ],
)
def test_other_layers_are_named(tmp_path: Path, make: Callable[[], Any], node: str, hint: str) -> None:
    torch.save(make().state_dict(), tmp_path / "a.pth")
    with pytest.raises(UnsupportedOp) as refusal:
        read(tmp_path / "a.pth")
    assert (refusal.value.node, refusal.value.hint) == (node, hint)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_the_code_has_the_activation_or_says_that_there_is_none(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    first, second = (Dense(rng.normal(size=shape), rng.normal(size=shape[1])) for shape in ((6, 4), (4, 3)))
    nodes = (Node("x", Input(6)), Node("a", first, ("x",)), Node("f", Activation(kind), ("a",)))
    network = Network((*nodes, Node("b", second, ("f",))), ("b",))
    path = tmp_path / "a.pth"
    write(network, path)
    try:
        code = formats.rebuild_code(network, path)
    except NotExpressible as refusal:
        assert refusal.node == "f"  # noqa: PT017
        missing = {
            "ramp",
            "hard_sigmoid",
            "exponential",
            "sin",
            "symmetric_log",
            "gaussian",
            "step",
            "competitive",
        }
        assert kind in missing
    else:
        made: dict[str, Any] = {}
        exec(code, made)
        agrees(network, made["model"])
