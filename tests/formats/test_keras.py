"""Keras files: what is read from each version's layout, what is refused, and that writing gives it back."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras_models as made
import numpy as np
import pytest

from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    NotAModel,
    NotExpressible,
    TooLarge,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedTensor,
    UnsupportedUse,
    keras_files,
    keras_reader,
    read,
    write,
)
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
    RemoveUnits,
)

SHARED = Path(__file__).parents[3] / "shared" / "data" / "models"
W, B = made.kernel(4, 3), np.array([0.5, -1.0, 0.25], np.float32)
X = np.random.default_rng(9).normal(size=(7, 4)).astype(np.float32)
PLACE = "model_weights/d/d/kernel:0"
HARD = {"2.15.0": 0.2 * (X @ W + B) + 0.5, "3.3.3": (X @ W + B) / 6 + 0.5}


def one_dense(path: Path, *behind: Mapping[str, Any], version: str = "2.15.0", **config: Any) -> Path:
    """An HDF5 file of a dense layer `d` from 4 to 3, and what comes behind it."""
    first = made.dense("d", 3, **{"batch_input_shape": [None, 4], **config})
    return made.save_h5(
        path, made.sequential(first, *behind), {"d": made.variables("d", W, B)}, version=version
    )


def outputs(path: Path, rows: FloatArray = X) -> FloatArray:
    return read(path).forward(rows)


# -- layouts


def test_keras_1_is_read(tmp_path: Path) -> None:
    config = {
        "class_name": "Sequential",
        "config": [
            made.layer("Dense", "d", output_dim=3, input_dim=4, init="uniform", activation="relu", bias=True),
            made.layer("Dropout", "drop", p=0.5),
        ],
    }
    path = made.save_h5(tmp_path / "a.h5", config, {"d": [("d_W", W), ("d_b", B)]}, version=None)
    assert outputs(path) == pytest.approx(np.maximum(X @ W + B, 0), abs=1e-6)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_keras_2_is_read(tmp_path: Path, as_bytes: bool) -> None:
    config = made.sequential(made.dense("d", 3, batch_input_shape=[None, 4]))
    tensors = {"d": made.variables("d", W, B)}
    path = made.save_h5(tmp_path / "a.h5", config, tensors, as_bytes=as_bytes)
    assert read(path).origin.input_shape == (None, 4)
    assert outputs(path) == pytest.approx(X @ W + B, abs=1e-6)


@pytest.mark.parametrize("root", ["layers", "_layer_checkpoint_dependencies"])
def test_keras_3_counts_layers_by_class(tmp_path: Path, root: str) -> None:
    second = made.kernel(3, 2, seed=1)
    config = made.as_keras_3(
        made.sequential(
            made.layer("InputLayer", "x", batch_shape=[None, 4]),
            made.dense("zeta", 3, {"module": "keras.layers", "class_name": "ReLU", "config": {}}),
            made.dense("alpha", 2, use_bias=False, dtype={"class_name": "DTypePolicy"}),
        )
    )
    path = made.save_keras(
        tmp_path / "a.keras", config, {f"{root}/dense": [W, B], f"{root}/dense_1": [second]}
    )
    assert [node.name for node, _ in read(path).dense] == ["zeta", "alpha"]
    assert outputs(path) == pytest.approx(np.maximum(X @ W + B, 0) @ second, abs=1e-5)


def functional(call: Callable[..., Any]) -> dict[str, Any]:
    """x -> d -> drop; add(d, drop), concatenated with x. The layers are out of order."""
    layers = [
        {**made.layer("Concatenate", "all", axis=-1), "inbound_nodes": [call("sum", "x")]},
        {**made.layer("Add", "sum"), "inbound_nodes": [call("d", "drop")]},
        {**made.layer("Dropout", "drop", rate=0.5), "inbound_nodes": [call("d")]},
        {**made.dense("d", 3), "inbound_nodes": [call("x")]},
        {**made.layer("InputLayer", "x", batch_input_shape=[None, 4]), "inbound_nodes": []},
    ]
    config = {"name": "f", "layers": [{**entry, "name": entry["config"]["name"]} for entry in layers]}
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["all", 0, 0]]}
    return {"class_name": "Functional", "config": config | ends}


def lists(*names: str) -> Any:
    return [[name, 0, 0, {}] for name in names]


def histories(*names: str) -> Any:
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in names
    ]
    return {"args": tensors if len(names) == 1 else [tensors], "kwargs": {}}


@pytest.mark.parametrize("call", [lists, histories])
def test_functional_models_are_read(tmp_path: Path, call: Callable[..., Any]) -> None:
    path = made.save_h5(tmp_path / "a.h5", functional(call), {"d": made.variables("d", W, B)})
    assert outputs(path) == pytest.approx(np.hstack([2 * (X @ W + B), X]), abs=1e-5)


def test_models_inside_models_are_read(tmp_path: Path) -> None:
    second = made.kernel(3, 3, seed=1)
    inner = made.sequential(made.dense("d", 3, batch_input_shape=[None, 4]), made.dense("e", 3))
    config = made.sequential({**inner, "config": {**inner["config"], "name": "in"}}, made.layer("ReLU", "r"))
    expected = np.maximum((X @ W + B) @ second + B, 0)
    tensors = {"in": [*made.variables("d", W, B), *made.variables("e", second, B)]}
    assert outputs(made.save_h5(tmp_path / "a.h5", config, tensors)) == pytest.approx(expected, abs=1e-5)
    place = "layers/sequential/layers/dense"
    path = made.save_keras(
        tmp_path / "a.keras", made.as_keras_3(config), {place: [W, B], f"{place}_1": [second, B]}
    )
    assert outputs(path) == pytest.approx(expected, abs=1e-5)


# -- layers


@pytest.mark.parametrize(
    ("class_name", "config", "kind", "parameters"),
    [
        ("ReLU", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}, "relu", []),
        ("ReLU", {"max_value": 6.0}, "clip", [0, 6]),
        ("ReLU", {"negative_slope": 0.1}, "leaky_relu", [0.1]),
        ("ReLU", {"threshold": 0.5}, "thresholded_relu", [0.5]),
        ("LeakyReLU", {"alpha": 0.25}, "leaky_relu", [0.25]),
        ("LeakyReLU", {"negative_slope": 0.25}, "leaky_relu", [0.25]),
        ("LeakyReLU", {}, "leaky_relu", [0.3]),
        ("ELU", {"alpha": 0.5}, "elu", [0.5]),
        ("ThresholdedReLU", {"theta": 0.7}, "thresholded_relu", [0.7]),
        ("Softmax", {"axis": -1}, "softmax", []),
        ("Activation", {"activation": "silu"}, "swish", []),
        ("Activation", {"activation": "relu6"}, "clip", [0, 6]),
        ("Activation", {"activation": "leaky_relu"}, "leaky_relu", [0.2]),
        ("Activation", {"activation": "hard_silu"}, "hard_swish", []),
        ("Activation", {"activation": {"class_name": "function", "config": "gelu"}}, "gelu", []),
    ],
)
def test_activation_layers(
    tmp_path: Path, class_name: str, config: dict[str, Any], kind: str, parameters: list[float]
) -> None:
    network = read(one_dense(tmp_path / "a.h5", made.layer(class_name, "act", **config)))
    op = network.by_name["act"].op
    assert isinstance(op, Activation)
    assert (op.kind, list(op.settings.values())) == (kind, parameters)


@pytest.mark.parametrize("version", HARD)
def test_a_hard_sigmoid_is_as_steep_as_in_its_version(tmp_path: Path, version: str) -> None:
    path = one_dense(tmp_path / "a.h5", version=version, activation="hard_sigmoid")
    assert outputs(path) == pytest.approx(np.clip(HARD[version], 0, 1), abs=1e-6)


@pytest.mark.parametrize(("scale", "center"), [(True, True), (True, False), (False, True), (False, False)])
def test_batch_normalisation(tmp_path: Path, scale: bool, center: bool) -> None:
    gamma, beta, mean, variance = (np.array(row, np.float32) for row in ([2, 3, 4], [1, 0, 2], B, [1, 4, 9]))
    values = [*([gamma] if scale else []), *([beta] if center else []), mean, variance]
    norm = made.layer("BatchNormalization", "n", scale=scale, center=center, epsilon=0.5, axis=[1])
    first = made.dense("d", 3, batch_input_shape=[None, 4])
    tensors = {"d": made.variables("d", W, B), "n": made.variables("n", *values, names="abcd")}
    path = made.save_h5(tmp_path / "a.h5", made.sequential(first, norm), tensors)
    expected = (X @ W + B - mean) / np.sqrt(variance + 0.5) * (gamma if scale else 1) + (
        beta if center else 0
    )
    assert outputs(path) == pytest.approx(expected, abs=1e-5)


def test_normalisation_and_rescaling_of_an_image(tmp_path: Path) -> None:
    norm = made.layer(
        "Normalization", "n", axis=[-1], mean=None, variance=None, batch_input_shape=[None, 2, 2]
    )
    scale = made.layer("Rescaling", "s", scale=0.5, offset=-1.0)
    layers = (norm, scale, made.layer("Flatten", "flat"), made.dense("d", 3))
    mean, variance = np.array([1, 2], np.float32), np.array([4, 0], np.float32)
    tensors = {"n": made.variables("n", mean, variance, 5, names="abc"), "d": made.variables("d", W, B)}
    path = made.save_h5(tmp_path / "a.h5", made.sequential(*layers), tensors)
    rows = X.copy()
    rows[:, 1::2] = 2  # a variance of 0 divides by Keras' epsilon
    expected = ((rows - [1, 2, 1, 2]) / [2, 1e-7, 2, 1e-7] * 0.5 - 1) @ W + B
    assert outputs(path, rows) == pytest.approx(expected, abs=1e-5)
    write(read(path), tmp_path / "b.keras")
    again = read(tmp_path / "b.keras")
    assert again.origin.input_shape == (None, 2, 2)
    assert again.forward(rows) == pytest.approx(expected, abs=1e-5)


def test_slopes_of_a_prelu_have_to_be_equal(tmp_path: Path) -> None:
    config = made.sequential(made.dense("d", 3, batch_input_shape=[None, 4]), made.layer("PReLU", "p"))
    for slopes, name in ((np.full(3, 0.25, np.float32), "equal.h5"), (B, "other.h5")):
        tensors = {"d": made.variables("d", W, B), "p": [("p/alpha:0", slopes)]}
        made.save_h5(tmp_path / name, config, tensors)
    line = X @ W + B
    assert outputs(tmp_path / "equal.h5") == pytest.approx(np.where(line > 0, line, line / 4), abs=1e-6)
    with pytest.raises(UnsupportedOp) as refusal:
        read(tmp_path / "other.h5")
    assert (refusal.value.node, refusal.value.hint) == ("p", "computed")


# -- refused


@pytest.mark.parametrize(
    ("class_name", "hint"),
    [
        ("Conv2D", "convolution"),
        ("MaxPooling2D", "convolution"),
        ("LSTM", "recurrent"),
        ("LayerNormalization", "normalization"),
        ("Lambda", "custom"),
        ("Multiply", "computed"),
        ("Embedding", ""),
    ],
)
def test_other_layers_are_refused_by_name(tmp_path: Path, class_name: str, hint: str) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        read(one_dense(tmp_path / "a.h5", made.layer(class_name, "mine")))
    assert (refusal.value.node, refusal.value.op, refusal.value.hint) == ("mine", class_name, hint)


@pytest.mark.parametrize("place", [{"module": "evil.layers"}, {"registered_name": "evil>Dense"}])
def test_a_class_of_somebodys_own_is_not_taken_for_keras(tmp_path: Path, place: dict[str, str]) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        read(one_dense(tmp_path / "a.h5", {**made.dense("mine", 3), **place}))
    assert (refusal.value.node, refusal.value.hint) == ("mine", "custom")


def test_an_unknown_function_is_refused(tmp_path: Path) -> None:
    for activation in ("sparsemax", {"module": "evil", "class_name": "Own", "config": {}}):
        with pytest.raises(UnsupportedOp):
            read(one_dense(tmp_path / "a.h5", activation=activation))


def test_several_outputs_a_dense_layer_on_sequences_and_no_shape_are_refused(tmp_path: Path) -> None:
    config = functional(lists)
    config["config"]["output_layers"] *= 2
    with pytest.raises(UnsupportedPart):
        read(made.save_h5(tmp_path / "a.h5", config, {"d": made.variables("d", W, B)}))
    for shape, problem in (([None, 5, 4], "shared_weights"), ([None, None], "unknown_size")):
        with pytest.raises(UnsupportedUse) as refusal:
            read(one_dense(tmp_path / "a.h5", batch_input_shape=shape))
        assert refusal.value.problem == problem


def replace(path: Path, make: Callable[[h5py.File], None]) -> Path:
    """Take the kernel out of a file and put something else in its place."""
    one_dense(path)
    with h5py.File(path, "r+") as file:
        del file[PLACE]
        make(file)
    return path


def external(file: h5py.File) -> None:
    file.create_dataset(PLACE, (4, 3), "f4", external=[("/etc/hostname", 0, 48)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (4, 3))
    file.create_virtual_dataset(PLACE, layout)


def linked(link: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.__setitem__(PLACE, link)


def unwritten(file: h5py.File) -> None:
    file.create_dataset(PLACE, (4, 3), "f4", chunks=(2, 3))


def bomb(file: h5py.File) -> None:
    file.create_dataset(PLACE, (4, 3), "f4", maxshape=(None, 3), chunks=(1 << 28, 3), compression="gzip")


def compressed(file: h5py.File) -> None:
    file.create_dataset(PLACE, data=W, compression="lzf")


def objects(file: h5py.File) -> None:
    file.create_dataset(PLACE, (4, 3), h5py.string_dtype())


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (external, UnsupportedTensor),
        (virtual, UnsupportedTensor),
        (linked(h5py.ExternalLink("other.h5", "/x")), NotAModel),
        (linked(h5py.SoftLink("/model_weights/d/d/bias:0")), NotAModel),
        (unwritten, UnsupportedTensor),
        (bomb, TooLarge),
        (compressed, UnsupportedTensor),
        (objects, UnsupportedTensor),
        (lambda file: file.create_dataset(PLACE, data=W.T), NotAModel),
        (lambda file: file.create_dataset(PLACE, data=W.astype(int)), UnsupportedTensor),
        (lambda file: file.create_group(PLACE), NotAModel),
    ],
)
def test_tensors_that_are_not_plainly_in_the_file_are_refused(
    tmp_path: Path, make: Callable[[h5py.File], None], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        read(replace(tmp_path / "a.h5", make))


def test_a_gzipped_tensor_is_read(tmp_path: Path) -> None:
    path = replace(
        tmp_path / "a.h5", lambda file: file.create_dataset(PLACE, data=W, compression="gzip", shuffle=True)
    )
    assert outputs(path) == pytest.approx(X @ W + B, abs=1e-6)


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge):
        read(one_dense(tmp_path / "a.h5", batch_input_shape=[None, 1 << 40]))
    monkeypatch.setattr(keras_reader, "MAX_LAYERS", 30)
    with pytest.raises(TooLarge):
        read(one_dense(tmp_path / "a.h5", *[made.layer("Dropout", f"d{i}", rate=0.5) for i in range(50)]))
    monkeypatch.setattr(keras_files, "MAX_CONFIG", 50)
    with pytest.raises(TooLarge):
        read(one_dense(tmp_path / "a.h5"))


def test_an_archive_of_nothing_but_zeros_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(made.sequential()))
        archive.writestr("model.weights.h5", bytes(300 << 20))
    with pytest.raises(TooLarge):
        read(path)


def test_an_archive_that_unpacks_to_more_than_it_says_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(made.sequential()) + " " * 1_000_000)
    content = bytearray(path.read_bytes())
    start = content.rindex(b"PK\x01\x02")
    content[start + 24 : start + 28] = (100).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(NotAModel):
        read(path)


def test_damage_anywhere_is_told_as_such(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    config = made.as_keras_3(made.sequential(made.dense("d", 3, batch_input_shape=[None, 4])))
    good = (
        one_dense(tmp_path / "a.h5").read_bytes(),
        made.save_keras(tmp_path / "a.keras", config, {"layers/dense": [W, B]}).read_bytes(),
    )
    refused = 0
    for content in good:
        for number in range(60):
            broken = bytearray(content[: len(content) if number % 3 else rng.integers(20, len(content))])
            for place in rng.integers(10, len(broken), size=8):
                broken[place] = rng.integers(256)
            (tmp_path / "broken").write_bytes(broken)
            try:
                read(tmp_path / "broken")
            except PrunerError:  # and nothing else
                refused += 1
    assert refused > 40


@pytest.mark.parametrize(
    "config", [{}, {"class_name": "Sequential", "config": {}}, functional(lambda *_: [])]
)
def test_a_configuration_that_makes_no_sense_is_refused(tmp_path: Path, config: Any) -> None:
    with pytest.raises((NotAModel, UnsupportedOp, UnsupportedUse)):
        read(made.save_h5(tmp_path / "a.h5", config, {}))


# -- and back


def every_kind(dtype: str = "float32") -> Network:
    """A network with each operation that Keras has a word for, in branches."""
    rng = np.random.default_rng(3)
    kinds = [name for name, kind in ACTIVATIONS.items() if not kind.mixes]
    kinds = [
        name
        for name in kinds
        if name not in ("gelu_tanh", "sin", "symmetric_log", "gaussian", "step", "ramp")
    ]

    def floats(*shape: int) -> FloatArray:
        return (rng.random(shape) * 0.4 + 0.3).astype(dtype)

    nodes = [Node("x", Input(5))]
    for operator in ("sub", "div", "mul", "add"):
        nodes.append(Node(operator, Arithmetic(operator, floats(5)), (nodes[-1].name,)))
    for kind in kinds:
        nodes.append(Node(f"d_{kind}", Dense(floats(5, 5) - np.array(0.5, dtype), floats(5)), ("add",)))
        nodes.append(Node(f"d_{kind}.{kind}", Activation(kind), (nodes[-1].name,)))
    nodes.append(Node("sum", Add(), ("d_relu.relu", "d_elu.elu", "add")))
    nodes.append(Node("norm", BatchNorm(floats(5), floats(5), floats(5), floats(5), 0.01), ("sum",)))
    nodes.append(Node("both", Concat(), ("norm", *(f"d_{kind}.{kind}" for kind in kinds[1:]))))
    nodes.append(Node("y", Dense(floats(5 * len(kinds), 3), floats(3)), ("both",)))
    nodes.append(Node("softmax", Activation("softmax"), ("y",)))
    return Network(tuple(nodes), ("softmax",))


def same(one: Network, two: Network) -> bool:
    """Whether two networks have the same nodes, with the same numbers in them."""
    for a, b in zip(one.nodes, two.nodes, strict=True):
        settings = [node.op.settings if isinstance(node.op, Activation) else {} for node in (a, b)]
        tensors = zip(a.op.tensors().items(), b.op.tensors().items(), strict=True)
        equal = all(n == m and v.dtype == w.dtype and np.array_equal(v, w) for (n, v), (m, w) in tensors)
        if (a.name, a.inputs, type(a.op)) != (b.name, b.inputs, type(b.op)) or not equal:
            return False
        if settings[0] != settings[1]:
            return False
    return one.outputs == two.outputs and one.origin.input_shape == two.origin.input_shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("format", ["keras", "keras-h5"])
def test_what_is_written_reads_the_same(tmp_path: Path, format: str, dtype: str) -> None:
    network = every_kind(dtype)
    once, twice, thrice = (tmp_path / name for name in ("once", "twice", "thrice"))
    assert write(network, once, format=format).max_difference < 1e-5
    assert read(once).origin.dtype == dtype
    assert write(read(once), twice).format == format
    assert same(read(once), read(twice))
    write(read(twice), thrice)
    assert twice.read_bytes() == thrice.read_bytes()


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_names_order_and_what_acts_in_training_are_kept(tmp_path: Path, ending: str) -> None:
    layers = (made.layer("Dropout", "drop", rate=0.5), made.layer("ReLU", "act"), made.dense("e", 2, "tanh"))
    first = made.dense("d", 3, batch_input_shape=[7, 4])
    tensors = {"d": made.variables("d", W, B), "e": made.variables("e", made.kernel(3, 2), B[:2])}
    network = read(made.save_h5(tmp_path / "a.h5", made.sequential(first, *layers), tensors))
    smaller = RemoveUnits("d", (1,)).apply(network)
    path = tmp_path / f"b{ending}"
    write(smaller, path)
    with keras_files.opened(path) as contents:
        written = contents.config["config"]["layers"]
    names = [(entry["class_name"], entry["config"]["name"]) for entry in written]
    expected = [("Dense", "d"), ("Dropout", "drop"), ("ReLU", "act"), ("Dense", "e")]
    assert names == [("InputLayer", "d_input"), *expected]
    assert [entry["config"].get("units") for entry in written] == [None, 2, None, None, 2]
    assert written[2]["config"]["rate"] == 0.5
    assert read(path).origin.input_shape == (7, 4)
    assert np.array_equal(read(path).forward(X), smaller.forward(X))


def test_a_hard_sigmoid_keeps_its_slope_in_the_other_container(tmp_path: Path) -> None:
    network = read(one_dense(tmp_path / "a.h5", activation="hard_sigmoid"))
    write(network, tmp_path / "b.keras")
    assert outputs(tmp_path / "b.keras") == pytest.approx(network.forward(X), abs=1e-6)


@pytest.mark.parametrize("kind", ["gelu_tanh", "sin", "competitive"])
def test_what_keras_has_no_word_for_is_not_written(tmp_path: Path, kind: str) -> None:
    nodes = (Node("x", Input(4)), Node("d", Dense(W, B), ("x",)), Node("act", Activation(kind), ("d",)))
    for format in ("keras", "keras-h5"):
        with pytest.raises(NotExpressible) as refusal:
            write(Network(nodes, ("act",)), tmp_path / "a", format=format)
        assert (refusal.value.node, refusal.value.problem) == ("act", "operation")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no folder ../shared/data")
@pytest.mark.parametrize(("name", "correct"), [("iris_k2.1.1.h5", 147), ("kera1_iris_dropout.keras", 130)])
def test_files_that_nobody_here_made(tmp_path: Path, name: str, correct: int) -> None:
    from sklearn.datasets import load_iris

    rows, labels = load_iris(return_X_y=True)
    network = read(SHARED / name)
    assert (network.forward(rows.astype(np.float32)).argmax(axis=1) == labels).sum() == correct
    write(network, tmp_path / name)
    assert np.array_equal(read(tmp_path / name).forward(rows), network.forward(rows))


@pytest.mark.skipif(not SHARED.is_dir(), reason="no folder ../shared/data")
def test_a_convolutional_network_is_refused_by_its_layer() -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        read(SHARED / "cnn_max_mnist3_k2.h5")
    assert (refusal.value.node, refusal.value.hint) == ("conv2d", "convolution")
