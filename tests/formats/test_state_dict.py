"""From named tensors to layers in their order, and what has to be said beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import HIDDEN, chain

from pruner_gui.formats import (
    BadActivations,
    NeedsActivations,
    NoOrder,
    NotExpressible,
    read,
    state_dict,
    write,
)
from pruner_gui.formats.tensors import Tensor, encode
from pruner_gui.network import (
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    Input,
    Network,
    Node,
    Op,
    RemoveUnits,
)

PATH = Path("model.pth")


def tensors(*modules: str) -> list[Tensor]:
    """Tensors of modules told as "fc1 4-8" (a layer) or "bn1 8" (a normalisation), in this order."""
    rng, found = np.random.default_rng(0), []
    for module in modules:
        name, sizes = module.rsplit(" ", 1)
        parts: dict[str, tuple[int, ...]]
        if "-" in sizes:
            n_in, n_out = map(int, sizes.split("-"))
            parts = {"weight": (n_out, n_in), "bias": (n_out,)}
        else:
            parts = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (int(sizes),))
        found += [Tensor(f"{name}.{key}", "float32", rng.random(shape, "f4")) for key, shape in parts.items()]
    return found


def order(*modules: str, ordered: bool = True) -> list[str]:
    """The order of what becomes of these modules, with tanh behind each layer but the last."""
    given = tensors(*modules)
    layers = sum(tensor.values.ndim == 2 for tensor in given)
    found = state_dict.to_network(PATH, "torch", given, ["tanh"] * (layers - 1), ordered=ordered)
    return ["tanh" if isinstance(node.op, Activation) else node.name for node in found.nodes[1:]]


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["fc1 4-8", "fc2 8-3"], "fc1 tanh fc2"),
        (["b 4-4", "a 4-4"], "b tanh a"),
        (["out 8-3", "body 4-8"], "body tanh out"),
        (["0 4-8", "1 8", "3 8-3"], "0 1 tanh 3"),
        (["0 4-8", "2 8", "4 8-3"], "0 tanh 2 4"),
        (["bn0 4", "fc1 4-8", "fc2 8-3"], "bn0 fc1 tanh fc2"),
        (["fc1 4-8", "fc2 8-8", "bn1 8", "fc3 8-3"], "fc1 bn1 tanh fc2 tanh fc3"),
        (["fc1 4-8", "fc2 8-8", "fc3 8-3", "bn1 8", "bn2 8"], "fc1 bn1 tanh fc2 bn2 tanh fc3"),
        (["bn1 8", "fc1 8-8", "bn2 8", "fc2 8-8"], "bn1 fc1 bn2 tanh fc2"),
        (["l.0 4-8", "l.1 8-8", "l.2 8-3", "n.0 8", "n.1 8"], "l.0 n.0 tanh l.1 n.1 tanh l.2"),
        (["l.0.fc 4-8", "l.0.bn 8", "l.1.fc 8-3"], "l.0.fc l.0.bn tanh l.1.fc"),
        (["a 4-8", "b 8-6", "c 6-3", "norm 6"], "a tanh b norm tanh c"),
        (["fc1 4-8", "fc2 8-3", "out_norm 3"], "fc1 tanh fc2 out_norm"),
    ],
)
def test_the_order_of_a_file_that_has_one(modules: list[str], expected: str) -> None:
    assert order(*modules) == expected.split()


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (["hidden 8-6", "input 4-8", "output 6-3"], "input tanh hidden tanh output"),
        (["hidden 8-8", "input 8-8", "output 8-8"], "input tanh hidden tanh output"),
        (["decoder 3-8", "encoder 8-3"], "encoder tanh decoder"),
        (["0 4-4", "10 4-4", "2 4-4"], "0 tanh 2 tanh 10"),
        (["bn1 8", "bn2 8", "fc1 8-8", "fc2 8-8", "fc_out 8-8"], "fc1 bn1 tanh fc2 bn2 tanh fc_out"),
        (["0 8-8", "1 8", "3 8-8"], "0 1 tanh 3"),
        (["0 8-8", "2 8", "3 8-8"], "0 tanh 2 3"),
        (["l.0.bn 8", "l.0.fc 8-8", "l.1.fc 8-3"], "l.0.fc l.0.bn tanh l.1.fc"),
        (["l.0 8-8", "l.1 8-8", "n.0 8"], "l.0 n.0 tanh l.1"),
    ],
)
def test_the_order_of_a_file_that_sorts(modules: list[str], expected: str) -> None:
    assert order(*modules, ordered=False) == expected.split()


@pytest.mark.parametrize(
    ("modules", "ordered", "problem"),
    [
        (["fc1 4-8", "fc2 7-3"], True, "sizes"),
        (["fc1 8-4", "fc2 3-8"], False, "sizes"),
        (["a 4-8", "b 8-4", "c 8-8"], True, "several"),
        (["a 8-8", "b 8-8"], False, "several"),
        (["bn 8", "fc1 8-8", "fc2 8-8"], False, "norms"),
        (["fc1 4-8", "fc2 8-3", "bn1 5"], True, "norms"),
        (["fc1 4-8", "bn1 8", "bn2 8", "fc2 8-3"], True, "norms"),
    ],
)
def test_orders_that_cannot_be_told(modules: list[str], ordered: bool, problem: str) -> None:
    with pytest.raises(NoOrder) as refusal:
        order(*modules, ordered=ordered)
    assert refusal.value.problem == problem
    assert len(refusal.value.layers) >= 2


def test_many_layers_are_ordered_at_once_or_refused() -> None:
    names = [f"fc{i}" for i in range(150)]
    found = order(*(f"{name} 4-4" for name in reversed(names)), ordered=False)
    assert [name for name in found if name != "tanh"] == names
    with pytest.raises(NoOrder):
        order(*(f"{'abcdefgh'[i % 8] * (1 + i // 8)} 4-4" for i in range(150)), ordered=False)


def test_masks_of_a_pruning_are_applied() -> None:
    kept, mask = np.array([[1, 2], [3, 4]], np.float32), np.array([[1, 0], [0, 1]], np.float32)
    given = [Tensor("a.bias", "float32", np.ones(2, np.float32)), *tensors("b 2-2")]
    given += [Tensor("a.weight_orig", "float32", kept), Tensor("a.weight_mask", "float32", mask)]
    network = state_dict.to_network(PATH, "torch", given, ["relu"], ordered=True)
    np.testing.assert_array_equal(network.dense[0][1].weight, [[1, 0], [0, 4]])
    assert [tensor.name for tensor in state_dict.to_tensors(network, "torch")][:2] == ["a.weight", "a.bias"]


# -- activations


def of_activations(*activations: str) -> Network:
    return state_dict.to_network(PATH, "torch", tensors("a 2-4", "b 4-1"), activations, ordered=True)


def test_without_activations_the_layers_are_named() -> None:
    with pytest.raises(NeedsActivations) as refusal:
        state_dict.to_network(PATH, "torch", tensors("module.a 2-4", "module.b 4-1"), None, ordered=True)
    assert refusal.value.layers == (("a", 2, 4), ("b", 4, 1))
    assert refusal.value.example == "relu,linear"


def test_the_last_activation_can_be_left_out() -> None:
    assert of_activations("relu").head == "linear"
    assert of_activations("relu", "sigmoid").head == "sigmoid"


@pytest.mark.parametrize(
    ("activations", "problem"), [([], "count"), (["relu"] * 3, "count"), (["swoosh"], "unknown")]
)
def test_activations_that_do_not_fit(activations: list[str], problem: str) -> None:
    with pytest.raises(BadActivations) as refusal:
        of_activations(*activations)
    assert refusal.value.problem == problem


def test_formats_with_activations_of_their_own_take_none(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    write(of_activations("relu"), path)
    with pytest.raises(BadActivations) as refusal:
        read(path, ["relu", "linear"])
    assert (refusal.value.problem, refusal.value.expected) == ("unneeded", "onnx")


def test_activations_come_back_as_text() -> None:
    assert state_dict.activations(of_activations("leaky_relu(0.2)", "sigmoid")) == (
        "leaky_relu(0.2)",
        "sigmoid",
    )


# -- from other formats


def dense(n_in: int = 2, n_out: int = 2) -> Dense:
    return Dense(np.ones((n_in, n_out)), np.zeros(n_out))


def norm(epsilon: float = 1e-3) -> BatchNorm:
    rng = np.random.default_rng(0)
    scale, shift, mean, variance = rng.uniform(0, 2, (4, 2))
    return BatchNorm(scale, shift, mean, variance, epsilon)


def made(*steps: tuple[object, ...]) -> Network:
    nodes = [Node("x", Input(2))]
    for name, op, *inputs in steps:
        assert isinstance(op, Op)
        nodes.append(Node(str(name), op, tuple(map(str, inputs)) or (nodes[-1].name,)))
    return Network(tuple(nodes), (nodes[-1].name,))


def test_names_are_those_of_a_sequence() -> None:
    network = made(("a", dense()), ("b", Activation("relu")), ("n", norm()), ("c", dense(2, 3)))
    names = [tensor.name for tensor in state_dict.to_tensors(network, "torch")]
    assert names == [
        *("0.weight", "0.bias", "2.weight", "2.bias", "2.running_mean", "2.running_var"),
        *("2.num_batches_tracked", "3.weight", "3.bias"),
    ]


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-9])
@pytest.mark.parametrize("first", ["norm", "activation"])
def test_a_normalisation_with_another_epsilon(
    tmp_path: Path, ending: str, epsilon: float, first: str
) -> None:
    pair: list[tuple[object, ...]] = [("n", norm(epsilon)), ("s", Activation("sigmoid"))]
    network = made(("a", dense()), *(pair if first == "norm" else reversed(pair)), ("c", dense()))
    rows = np.random.default_rng(1).normal(size=(9, 2))
    write(network, tmp_path / f"a{ending}")
    again = read(tmp_path / f"a{ending}", ["sigmoid"])
    np.testing.assert_allclose(again.forward(rows), network.forward(rows), rtol=1e-12)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@given(st.integers(0, 2**32), st.lists(st.integers(1, 6), min_size=2, max_size=6), st.data())
@settings(max_examples=40)
def test_any_chain_comes_back_pruned_or_not(
    tmp_path_factory: pytest.TempPathFactory, ending: str, seed: int, sizes: list[int], data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    smooth = [kind for kind in HIDDEN if kind not in ("step", "thresholded_relu")]  # rounding is no jump
    kinds = data.draw(st.lists(st.sampled_from(smooth), min_size=6, max_size=6))
    head = data.draw(st.sampled_from(["linear", "softmax", "sigmoid"]))
    network = chain(rng, sizes, kinds, head, data.draw(st.sampled_from(["f4", "f8"])), normalised=0.5)
    path = tmp_path_factory.mktemp("chain") / f"a{ending}"
    rows = rng.normal(size=(5, sizes[0]))
    for _ in range(2):
        write(network, path)
        again = read(path, state_dict.activations(network))
        np.testing.assert_allclose(again.forward(rows), network.forward(rows), rtol=1e-5, atol=1e-6)
        written = path.read_bytes()
        write(again, path)
        assert path.read_bytes() == written
        network = next(
            (
                RemoveUnits(layer.name, (int(layer.units[0]),)).apply(again)
                for layer in again.hidden_layers
                if layer.units.size > 1 and layer.prunable[0]
            ),
            again,
        )


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "operators", [["sub", "div"], ["mul", "add"], ["div"], ["sub"], ["sub", "mul", "add", "div"]]
)
def test_constants_at_the_input_become_a_normalisation(
    tmp_path: Path, ending: str, operators: list[str]
) -> None:
    rng = np.random.default_rng(0)
    front = [(name, Arithmetic(name, rng.uniform(1, 9, 2))) for name in operators]
    network = made(*front, ("a", dense()), ("t", Activation("tanh")), ("b", dense()))
    rows = rng.normal(size=(9, 2))
    assert write(network, tmp_path / f"a{ending}").max_difference < 1e-9
    again = read(tmp_path / f"a{ending}", ["tanh"])
    assert [type(node.op) for node in again.nodes[:3]] == [Input, BatchNorm, Dense]
    np.testing.assert_allclose(again.forward(rows), network.forward(rows), rtol=1e-12)


@pytest.mark.parametrize(
    ("steps", "culprit", "problem"),
    [
        ([("a", dense(), "x"), ("b", dense(), "x"), ("c", Add(), "a", "b")], "b", "chain"),
        ([("a", dense(), "x"), ("c", Add(), "a", "a")], "c", "chain"),
        ([("a", Activation("relu")), ("b", dense())], "a", "chain"),
        ([("a", dense()), ("b", Activation("relu")), ("c", Activation("tanh"))], "c", "chain"),
        ([("a", dense()), ("b", Concat())], "b", "operation"),
        (
            [("a", dense()), ("b", Arithmetic("mul", np.ones(2))), ("c", Activation("relu")), ("d", norm())],
            "d",
            "chain",
        ),
        ([], "x", "chain"),
    ],
)
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_what_is_no_chain_is_not_written(
    tmp_path: Path, steps: list[tuple[object, ...]], culprit: str, problem: str, ending: str
) -> None:
    with pytest.raises(NotExpressible) as refusal:
        write(made(*steps), tmp_path / f"a{ending}")
    assert (refusal.value.node, refusal.value.problem) == (culprit, problem)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("value", "bits"),
    [(1.0, 0x3F80), (1 + 2**-8, 0x3F80), (1 + 3 * 2**-8, 0x3F82), (np.nan, 0x7FC0), (-np.inf, 0xFF80)],
)
def test_bfloat16_rounds_to_the_nearest(value: float, bits: int) -> None:
    assert encode(np.array([value], np.float32), "bfloat16") == bits.to_bytes(2, "little")
