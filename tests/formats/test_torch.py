"""PyTorch's files, made by hand: read without PyTorch, refused where they are programs or would not fit."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_files import Made, Tensor, norm, numbers, ordered, saved, saved_before, table

from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    NotAModel,
    NotWeights,
    TooLarge,
    UnsupportedOp,
    UnsupportedTensor,
    read,
    state_dict,
    torch_archive,
    write,
)
from pruner_gui.network import BatchNorm, Dense, FloatArray, Network, RemoveUnits

SIZES, NAMES = (4, 5, 3), ("fc1", "fc2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.pth"


def opened(path: Path, value: Any, *activations: str, **how: Any) -> Network:
    path.write_bytes(saved(value, **how))
    return read(path, activations or ("relu", "softmax"))


def expected(entries: dict[str, Any], rows: FloatArray) -> FloatArray:
    """What relu between the layers and a softmax at the end make of rows."""
    arrays = list(numbers(entries).values())
    for weight, bias in zip(arrays[::2], arrays[1::2], strict=True):
        scores = rows @ weight.T + bias
        rows = np.maximum(scores, 0)
    scores = np.exp(scores)
    return scores / scores.sum(axis=1, keepdims=True)


ROWS = np.random.default_rng(3).normal(size=(20, 4))


@pytest.mark.parametrize("make", [saved, saved_before])
def test_a_state_dict(path: Path, make: Any) -> None:
    entries = table(SIZES, NAMES)
    path.write_bytes(make(entries))
    network = read(path, ["relu", "softmax"])
    np.testing.assert_allclose(network.forward(ROWS), expected(entries, ROWS), rtol=1e-6)
    assert [node.name for node in network.nodes] == ["input", "fc1", "fc1.relu", "fc2", "fc2.softmax"]
    assert network.origin.format == "torch"


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda entries: {"epoch": 3, "state_dict": entries, "optimizer": {"state": {}, "lr": 0.1}},
        lambda entries: {"model": entries, "optimizer": {"momentum": Tensor(np.ones(3, "f4"))}},
        lambda entries: {"model_state_dict": entries, "args": Made("argparse", "Namespace", (), {"a": 1})},
        lambda entries: {"net": {"state_dict": entries}},
        lambda entries: {"model": Made("models", "Net"), "config": {"net": {}}, "params": entries},
        lambda entries: {"hyper": {"layers": [4, 5]}, "generator": entries},
        lambda entries: {**entries, "epoch": 3, "name": "net", "classes": ["a", "b", "c"]},
        lambda entries: {
            "acc": Made("numpy.core.multiarray", "scalar", (Made("numpy", "dtype", ("f8",)), "bytes")),
            "weights": entries,
        },
        lambda entries: {f"module.{name}": tensor for name, tensor in entries.items()},
        lambda entries: {f"_orig_mod.module.{name}": tensor for name, tensor in entries.items()},
        lambda entries: {
            name: Made("torch._utils", "_rebuild_parameter", (tensor, True, ordered()))
            for name, tensor in entries.items()
        },
    ],
)
def test_where_state_dicts_are_found(path: Path, wrapped: Any) -> None:
    entries = table(SIZES, NAMES)
    network = opened(path, wrapped(entries))
    np.testing.assert_allclose(network.forward(ROWS), expected(entries, ROWS), rtol=1e-6)
    assert [node.name for node, _ in network.dense] == list(NAMES)


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "mps"])
def test_where_tensors_were_is_of_no_importance(path: Path, device: str) -> None:
    entries = {name: Tensor(t.values, device=device) for name, t in table(SIZES, NAMES).items()}
    np.testing.assert_allclose(opened(path, entries).forward(ROWS), expected(entries, ROWS), rtol=1e-6)


@pytest.mark.parametrize(("dtype", "computed"), [("f2", "float32"), ("f4", "float32"), ("f8", "float64")])
def test_precisions(path: Path, dtype: str, computed: str) -> None:
    entries = table(SIZES, NAMES, dtype)
    network = opened(path, entries)
    assert network.dense[0][1].weight.dtype == network.origin.dtype == computed
    np.testing.assert_array_equal(network.dense[0][1].weight, entries["fc1.weight"].values.T)


def test_half_of_another_kind(path: Path) -> None:
    bits = np.array([[0x3F80, 0xBF00], [0x4049, 0x0000]], np.uint16)  # 1, -0.5; 3.140625, 0
    entries = {"fc.weight": Tensor(bits.view(np.int16).astype("i2"), kind="BFloat16Storage")}
    network = opened(path, entries, "linear")
    np.testing.assert_array_equal(network.dense[0][1].weight, np.array([[1, 3.140625], [-0.5, 0]]))
    again = path.with_name("again.pth")
    write(network, again)
    with zipfile.ZipFile(again) as archive:
        assert archive.read("archive/data/0") == bits.tobytes()


def test_the_byte_order_is_the_file_s(path: Path) -> None:
    entries = table((2, 2), ["fc"])
    big = {f"data/{i}": t.values.astype(">f4").tobytes() for i, t in enumerate(entries.values())}
    network = opened(path, entries, "linear", **{"byteorder": b"big", **big})
    np.testing.assert_array_equal(network.dense[0][1].weight, entries["fc.weight"].values.T)


def test_views_of_shared_storage(path: Path) -> None:
    numbers = np.arange(30, dtype="f4")
    entries = {
        "fc1.weight": Tensor(numbers, "0", 2, (3, 4), (1, 3)),
        "fc1.bias": Tensor(numbers, "0", 20, (3,), (2,)),
    }
    network = opened(path, entries, "linear")
    np.testing.assert_array_equal(network.dense[0][1].weight, numbers[2:14].reshape(4, 3))
    np.testing.assert_array_equal(network.dense[0][1].bias, [20, 22, 24])


def test_layers_without_bias(path: Path) -> None:
    entries = {name: t for name, t in table(SIZES, NAMES).items() if name.endswith("weight")}
    network = opened(path, entries)
    assert not network.dense[0][1].bias.any()
    write(network, path.with_name("b.pth"))
    assert b"fc1.bias" not in path.with_name("b.pth").read_bytes()


def test_batch_normalisation_is_at_its_place(path: Path) -> None:
    first, second = (dict(list(table(SIZES, NAMES).items())[i : i + 2]) for i in (0, 2))
    network = opened(path, {**first, **norm("bn1", 5), **second}, "tanh", "linear")
    assert [type(node.op).__name__ for node in network.nodes] == [
        *("Input", "Dense", "BatchNorm", "Activation", "Dense")
    ]
    norm_op = network.by_name["bn1"].op
    assert isinstance(norm_op, BatchNorm)
    values = numbers(norm("bn1", 5))
    hidden = ROWS @ first["fc1.weight"].values.T + first["fc1.bias"].values
    hidden = (hidden - values["bn1.running_mean"]) / np.sqrt(values["bn1.running_var"] + 1e-5)
    hidden = np.tanh(hidden * values["bn1.weight"] + values["bn1.bias"])
    outputs = hidden @ second["fc2.weight"].values.T + second["fc2.bias"].values
    np.testing.assert_allclose(network.forward(ROWS), outputs, rtol=1e-5, atol=1e-6)


# -- refused


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (Made("my_project.models", "Net", (), {"a": 1}), "module", "my_project.models.Net"),
        ({"model": Made("models.yolo", "Model"), "epoch": 3}, "module", "models.yolo.Model"),
        ({"epoch": 3}, "nothing", ""),
        ([1, 2], "nothing", ""),
        ({"a": {"b": {"c": {"d": {}}}}}, "nothing", ""),
        ({"encoder": table((4, 2), ["fc"]), "decoder": table((2, 4), ["fc"])}, "several", "encoder, decoder"),
        (norm("bn", 3), "nothing", ""),
    ],
)
def test_what_is_no_state_dict(path: Path, value: Any, reason: str, detail: str) -> None:
    with pytest.raises(NotWeights) as refusal:
        opened(path, value)
    assert (refusal.value.reason, refusal.value.detail) == (reason, detail)


def test_torchscript(path: Path) -> None:
    with pytest.raises(NotWeights) as refusal:
        opened(path, table(SIZES, NAMES), **{"constants.pkl": b"", "code/model.py": b"def f(): pass"})
    assert refusal.value.reason == "torchscript"


def test_other_pickles(path: Path) -> None:
    path.write_bytes(b"\x80\x04cos\nsystem\n(S'touch never'\ntR.")
    with pytest.raises(NotWeights) as refusal:
        read(path)
    assert refusal.value.reason == "module"


@pytest.mark.parametrize(
    ("name", "tensor", "hint"),
    [
        ("conv1.weight", np.ones((8, 1, 3, 3), "f4"), "convolution"),
        ("lstm.weight_ih_l0", np.ones((8, 4), "f4"), "recurrent"),
        ("norm.weight", np.ones(5, "f4"), "normalization"),
        ("fc1.weight_g", np.ones((5, 1), "f4"), "normalization"),
        ("fc1.parametrizations.weight.original0", np.ones((5, 1), "f4"), "normalization"),
        ("attention.in_proj_weight", np.ones((12, 4), "f4"), ""),
        ("scale", np.ones((), "f4"), ""),
        ("fc3.bias", np.ones(3, "f4"), "normalization"),
        ("fc1.bias", np.ones(4, "f4"), ""),
        ("fc1.bias", np.ones((5, 1), "f4"), ""),
        ("fc1.bias", np.ones((), "f4"), ""),
    ],
)
def test_what_is_no_linear_layer_is_named(path: Path, name: str, tensor: FloatArray, hint: str) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, {**table(SIZES, NAMES), name: Tensor(tensor)})
    assert (refusal.value.node, refusal.value.hint) == (name, hint)


@pytest.mark.parametrize("part", ["running_mean", "running_var", "weight"])
@pytest.mark.parametrize("shape", [(), (5, 1), (4,)])
def test_normalisations_whose_tensors_do_not_fit(path: Path, part: str, shape: tuple[int, ...]) -> None:
    entries = {**table(SIZES, NAMES), **norm("bn1", 5), f"bn1.{part}": Tensor(np.ones(shape, "f4"))}
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, entries)
    assert refusal.value.node.startswith("bn1.")


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (Tensor(np.ones((3, 5), "f4"), kind="QInt8Storage"), "QInt8Storage"),
        (Tensor(np.ones((3, 5), "i8")), "int64"),
        (Tensor(np.ones((0, 5), "f4")), "empty"),
        (Made("torch._utils", "_rebuild_qtensor"), "_rebuild_qtensor"),
    ],
)
def test_tensors_that_are_not_read(path: Path, tensor: Any, kind: str) -> None:
    with pytest.raises(UnsupportedTensor) as refusal:
        opened(path, {**table(SIZES, NAMES), "fc2.weight": tensor})
    assert (refusal.value.tensor, refusal.value.kind) == ("fc2.weight", kind)


# -- archives not to be trusted


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(np.ones(15, "f4"), offset=1, shape=(3, 5)),
        Tensor(np.ones(15, "f4"), shape=(3, 5), strides=(6, 1)),
        Tensor(np.ones(15, "f4"), shape=(10**6, 10**6), strides=(0, 0)),
        Tensor(np.ones(15, "f4"), shape=(4, 5), strides=(1, 1)),
    ],
)
def test_places_outside_of_the_storage(path: Path, tensor: Tensor) -> None:
    with pytest.raises((UnsupportedTensor, TooLarge)):
        opened(path, {**table(SIZES, NAMES), "fc2.weight": tensor})


@pytest.mark.parametrize("count", [2, 10**9])
def test_a_storage_that_is_not_as_long_as_it_says(path: Path, count: int) -> None:
    shape = (1, 2) if count == 2 else (1, 15)
    tensor = Tensor(np.ones((1, 15), "f4"), count=count, shape=shape)
    with pytest.raises(NotAModel):
        opened(path, {"fc1.weight": tensor}, "linear")


def test_sizes_that_are_none(path: Path) -> None:
    for shape, strides in (((-3, 5), (5, 1)), ((3, 5), (1,)), (("3", 5), (5, 1)), ((2,) * 9, (1,) * 9)):
        with pytest.raises(NotAModel):
            opened(path, {"fc.weight": Tensor(np.ones(15, "f4"), shape=shape, strides=strides)})  # type: ignore[arg-type]


def test_one_storage_does_not_become_a_thousand(path: Path) -> None:
    numbers = np.ones((300, 300), "f4")
    entries = {f"fc{i}.weight": Tensor(numbers, "0") for i in range(1000)}
    path.write_bytes(saved(entries))
    tracemalloc.start()
    with pytest.raises(TooLarge) as refusal:
        read(path, ["relu"] * 1000)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert (refusal.value.what, refusal.value.limit) == ("values", 16 * path.stat().st_size)


def test_archives_that_unpack_to_more_than_they_are(path: Path) -> None:
    entries = {"fc.weight": Tensor(np.zeros((1000, 1000), "f4"))}
    path.write_bytes(saved(entries, compression=zipfile.ZIP_DEFLATED))
    assert path.stat().st_size < 10**5
    with pytest.raises(NotAModel):
        read(path, ["linear"])


def test_archives_with_more_entries_than_are_listed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_archive, "_DIRECTORY", 500)
    with pytest.raises(TooLarge) as refusal:
        opened(path, table((2,) * 10, [f"fc{i}" for i in range(9)]), *["relu"] * 9)
    assert refusal.value.what == "entries"


@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."]
)
def test_what_is_no_file_of_pytorch(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(NotAModel) as refusal:
        read(path)
    assert refusal.value.reason == ("damaged" if content else "empty")


def test_archives_of_another_kind(path: Path) -> None:
    for names in (["a/b.txt"], ["a/data.pkl", "b/data.pkl"]):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "N.")
        with pytest.raises(NotAModel):
            read(path)


@pytest.mark.parametrize("make", [saved, saved_before])
def test_a_file_cut_off_anywhere_is_refused(path: Path, make: Any) -> None:
    content = make(table((2, 3, 1), NAMES))
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises((NotAModel, NotWeights)):
            read(path, ["relu", "linear"])


@pytest.mark.parametrize("make", [saved, saved_before])
@given(data=st.data())
@settings(max_examples=100)
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, make: Any, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "model.pth"
    content = bytearray(make(table((2, 2), ["fc"])))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(PrunerError):
        assert read(path, ["linear"]).nodes


# -- there and back


def same(one: Network, two: Network) -> None:
    for a, b in zip(one.nodes, two.nodes, strict=True):
        assert (a.name, type(a.op), a.inputs) == (b.name, type(b.op), b.inputs)
        assert getattr(a.op, "settings", None) == getattr(b.op, "settings", None)
        for key, tensor in a.op.tensors().items():
            assert tensor.dtype == b.op.tensors()[key].dtype
            np.testing.assert_array_equal(tensor, b.op.tensors()[key])
    assert one.origin == two.origin


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_what_is_written_comes_back(path: Path, dtype: str, ending: str) -> None:
    first, second = (dict(list(table(SIZES, NAMES, dtype).items())[i : i + 2]) for i in (0, 2))
    entries = {**first, **norm("bn1", 5), **second}
    activations = ["leaky_relu(0.3)", "softmax"]
    network = opened(path, {f"module.{name}": t for name, t in entries.items()}, *activations)
    target = path.with_name(f"again{ending}")
    assert write(network, target).max_difference < 1e-5
    again = read(target, activations)
    if ending == ".pth":
        same(network, again)
        assert target.read_bytes() == torch_archive.content(state_dict.to_tensors(again, "torch"))
    else:
        np.testing.assert_array_equal(network.forward(ROWS), again.forward(ROWS))
        write(again, path.with_name("third.safetensors"))
        assert path.with_name("third.safetensors").read_bytes() == target.read_bytes()


def test_a_pruned_network_keeps_names_and_types(path: Path) -> None:
    network = opened(path, {"model": table(SIZES, ["body.0", "body.2"], "f2")})
    write(RemoveUnits("body.0", (1, 3)).apply(network), path.with_name("small.pth"))
    with zipfile.ZipFile(path.with_name("small.pth")) as archive:
        sizes = {name: len(archive.read(name)) for name in archive.namelist() if "/data/" in name}
        names = archive.read("archive/data.pkl")
    assert list(sizes.values()) == [2 * 3 * 4, 2 * 3, 2 * 3 * 3, 2 * 3]
    assert all(f"body.{part}".encode() in names for part in ("0.weight", "0.bias", "2.weight", "2.bias"))
    assert b"HalfStorage" in names


def test_numbers_begin_at_multiples_of_64(path: Path) -> None:
    write(opened(path, table(SIZES, NAMES)), path)
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            name, extra = struct.unpack("<HH", content[info.header_offset + 26 : info.header_offset + 30])
            assert (info.header_offset + 30 + name + extra) % 64 == 0
            assert info.compress_type == zipfile.ZIP_STORED


def test_a_fold_gives_a_layer_a_bias(path: Path) -> None:
    entries = {name: t for name, t in table(SIZES, NAMES).items() if name.endswith("weight")}
    network = opened(path, entries)
    dense = network.dense[1][1]
    network = network.with_ops({"fc2": Dense(dense.weight, np.ones(3, "f4"))})
    write(network, path)
    np.testing.assert_array_equal(read(path, ["relu", "softmax"]).dense[1][1].bias, np.ones(3))
