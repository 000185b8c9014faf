"""Genuine files of every kind to begin with, made when they are needed."""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pruner_gui import data, formats
from pruner_gui.formats import NotExpressible
from pruner_gui.network import (
    ACTIVATIONS,
    Activation,
    Add,
    Arithmetic,
    BatchNorm,
    Concat,
    Dense,
    Input,
    Network,
    Node,
)

sys.path.append(str(Path(__file__).parents[1] / "support"))
import torch_files

WORDS = """# measured by hand
"when";"long, in cm";"wide";"kind"
2020-01-01;1,5;;"good"
2020-01-02;2,5;x;bad
2020-01-03;-0,25;NA;"go""od"
2020-01-04;3;2;bad
"""
SHARED = Path(__file__).parents[3] / "shared" / "data"


def networks() -> Iterator[Network]:
    """Small networks: plain, normalised, with every activation, branched."""
    rng = np.random.default_rng(0)

    def dense(n_in: int, n_out: int) -> Dense:
        return Dense(
            rng.normal(size=(n_in, n_out)).astype(np.float32), rng.normal(size=n_out).astype(np.float32)
        )

    x = Node("x", Input(3))
    a, b = Node("a", dense(3, 4), ("x",)), Node("b", dense(4, 2), ("a.act",))
    for kind, head in (("relu", "softmax"), ("tanh", ""), ("sigmoid", "sigmoid"), ("leaky_relu", "")):
        act = Node("a.act", Activation(kind), ("a",))
        last = (b, Node("b.act", Activation(head), ("b",))) if head else (b,)
        yield Network((x, a, act, *last), (last[-1].name,))
    ones = np.ones(4, np.float32)
    yield Network(
        (
            x, Node("s", Arithmetic("sub", np.ones(3, np.float32)), ("x",)),
            Node("d", Arithmetic("div", np.ones(3, np.float32)), ("s",)),
            Node("a", a.op, ("d",)), Node("n", BatchNorm(ones, ones, ones, ones), ("a",)),
            Node("a.act", act.op, ("n",)), b,
        ),
        ("b",),
    )  # fmt: skip
    for kind in ACTIVATIONS:
        inner = Node("a.act", Activation(kind), ("a",))
        yield Network((x, a, inner, b), ("b",))
    yield Network(
        (x, a, act, Node("k", dense(3, 4), ("x",)), Node("sum", Add(), ("a.act", "k")),
         Node("both", Concat(), ("sum", "x")), Node("b", dense(7, 2), ("both",))),
        ("b",),
    )  # fmt: skip


def model_seeds(row: formats.Format, folder: Path) -> list[bytes]:
    """Return files of a model format: written ones, and those that others wrote where they are at hand."""
    seeds = []
    for number, network in enumerate(networks()):
        path = folder / f"{number}{row.extensions[0]}"
        try:
            formats.write(network, path, format=row.name)
        except NotExpressible:
            continue
        seeds.append(path.read_bytes())
    seeds += _MORE[row.name]() if row.name in _MORE else []
    known = [path for path in sorted(SHARED.glob("*/*")) if path.suffix.lower() in row.extensions]
    return seeds + [path.read_bytes() for path in known if path.stat().st_size < 300_000]


def _torch() -> list[bytes]:
    """A checkpoint, a file as before PyTorch 1.6, and normalised layers, whose order has to be found out."""
    layers = torch_files.table((3, 4, 2), ("fc1", "fc2"))
    checkpoint = {"epoch": 3, "state_dict": layers, "optimizer": {"lr": 0.1, "steps": [1, 2]}}
    normed = {**torch_files.table((3, 4), ("0",)), **torch_files.norm("1", 4)}
    normed |= torch_files.table((4, 2), ("3",))
    mixed = dict(reversed(torch_files.table((3, 4, 5, 2), ("net.in", "net.mid", "net.out")).items()))
    saved = [torch_files.saved(value) for value in (checkpoint, normed, mixed)]
    return [*saved, torch_files.saved_before(layers), torch_files.saved_before(checkpoint)]


def _skops() -> list[bytes]:
    """Pipelines: scalers before a classifier of words, a regressor of several values."""
    import skops.io
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

    rng = np.random.default_rng(0)
    rows, names = rng.normal(size=(20, 3)), np.array(["no", "yes"])[rng.integers(0, 2, 20)]
    settings = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one step of training is few
        found = [
            make_pipeline(StandardScaler(), MinMaxScaler(), MLPClassifier(**settings)).fit(rows, names),
            make_pipeline(RobustScaler(), MaxAbsScaler(), MLPRegressor(**settings)).fit(rows, rows[:, :2]),
            MLPClassifier(activation="tanh", **settings).fit(rows, rng.integers(0, 3, 20)),
        ]
    return [skops.io.dumps(one) for one in found]


def _keras_h5() -> list[bytes]:
    """Compressed tensors; Keras 1; a model in a model."""
    import h5py
    import keras_models as made

    tensors = {"d": made.variables("d", made.kernel(3, 2), np.zeros(2, "f4"))}
    dense = made.dense("d", 2, "softmax", batch_input_shape=[None, 3])
    outer = made.sequential({**made.sequential(dense), "name": "inner"}, made.layer("Softmax", "s"))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        for config, version in ((made.sequential(dense), "2.15.0"), (outer, "2.15.0"), (outer, None)):
            found.append(made.save_h5(path, config, tensors, version).read_bytes())
        made.save_h5(path, made.sequential(dense), tensors)
        with h5py.File(path, "r+") as file:
            kernel = file["model_weights/d/d/kernel:0"][()]
            del file["model_weights/d/d/kernel:0"]
            packing = {"compression": "gzip", "shuffle": True, "fletcher32": True}
            file.create_dataset("model_weights/d/d/kernel:0", data=kernel, chunks=(2, 2), **packing)
        found.append(path.read_bytes())
    return found


def _onnx() -> list[bytes]:
    """A weight in a file beside the model, `weights`; constants as nodes, and what exporters spell out."""
    values = numpy_helper.from_array(np.eye(3, dtype="f4"), "w")
    outside = TensorProto(name="w", dims=[3, 3], data_type=1, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "weights"), ("offset", "0"), ("length", "36")):
        outside.external_data.add(key=key, value=value)
    node = helper.make_node
    product, result = node("MatMul", ["x", "w"], ["h"]), node("Softmax", ["g"], ["y"])
    three = helper.make_tensor("c", 1, [], [3.0])
    curve = [
        node("Constant", [], ["c"], value=three),
        node("Add", ["h", "c"], ["a"]),
        node("Relu", ["a"], ["b"]),
        node("Mul", ["h", "b"], ["e"]),
        node("Div", ["e", "c"], ["g"]),
    ]
    shaped = [node("Transpose", ["w"], ["wt"]), node("Gemm", ["x", "wt"], ["g"], transB=1, alpha=0.5)]
    flat = [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["g"])]
    graphs = [([product, *curve, result], values), ([*shaped, result], values), ([*flat, result], outside)]
    return [_model(nodes, tensor) for nodes, tensor in graphs]


def _model(nodes: list[NodeProto], tensor: TensorProto) -> bytes:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    graph = helper.make_graph(nodes, "g", [x], [y], [tensor])
    content: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()
    return content


PMML = """<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/>
<DataDictionary><DataField name="u" optype="continuous" dataType="double"/>
<DataField name="v" optype="categorical" dataType="string"><Value value="no"/><Value value="yes"/>
</DataField>
<DataField name="w" optype="continuous" dataType="double"/>
<DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<TransformationDictionary><DerivedField name="ten" optype="continuous" dataType="double">
<Apply function="/"><FieldRef field="w"/><Constant>10</Constant></Apply></DerivedField>
</TransformationDictionary>
<NeuralNetwork functionName="regression" activationFunction="tanh" normalizationMethod="none">
<MiningSchema><MiningField name="u"/><MiningField name="v"/><MiningField name="w"/>
<MiningField name="y" usageType="target"/></MiningSchema>
<Targets><Target field="y" rescaleFactor="2" rescaleConstant="-1"/></Targets>
<LocalTransformations><DerivedField name="less" optype="continuous" dataType="double">
<Apply function="-"><Apply function="*"><Constant>3</Constant><FieldRef field="ten"/>
</Apply><Constant>1</Constant></Apply></DerivedField></LocalTransformations>
<NeuralInputs><NeuralInput id="a"><DerivedField optype="continuous" dataType="double">
<NormContinuous field="u"><LinearNorm orig="1" norm="0"/><LinearNorm orig="3" norm="1"/>
</NormContinuous></DerivedField></NeuralInput><NeuralInput id="b">
<DerivedField optype="continuous" dataType="double">
<NormDiscrete field="v" value="yes"/></DerivedField></NeuralInput>
<NeuralInput id="c"><DerivedField optype="continuous" dataType="double"><FieldRef field="less"/>
</DerivedField>
</NeuralInput></NeuralInputs>
<NeuralLayer><Neuron id="h" bias="0.1"><Con from="a" weight="1"/><Con from="b" weight="2"/>
</Neuron><Neuron id="i" bias="-1"><Con from="c" weight="0.5"/></Neuron></NeuralLayer>
<NeuralLayer activationFunction="identity"><Neuron id="o"><Con from="h" weight="1"/>
<Con from="i" weight="3"/><Con from="a" weight="4"/></Neuron></NeuralLayer>
<NeuralOutputs><NeuralOutput outputNeuron="o"><DerivedField optype="continuous" dataType="double">
<NormContinuous field="y"><LinearNorm orig="0" norm="0"/><LinearNorm orig="5" norm="1"/></NormContinuous>
</DerivedField></NeuralOutput></NeuralOutputs></NeuralNetwork></PMML>"""


def _pmml() -> list[bytes]:
    """Fields made of fields, categories, a rescaled target, connections past a layer."""
    return [PMML.encode(), PMML.encode("utf-16")]


_MORE: dict[str, Callable[[], list[bytes]]] = {
    "torch": _torch,
    "skops": _skops,
    "keras-h5": _keras_h5,
    "onnx": _onnx,
    "pmml": _pmml,
}
COMPANIONS = {"weights": np.eye(3, dtype="f4").tobytes()}  # files that stand beside the model


def data_seeds() -> dict[str, list[bytes]]:
    """Return files of every data format, by extension."""
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(12, 3)).astype(np.float32), rng.integers(0, 2, 12)
    table = np.column_stack([inputs, labels])
    lines = "\n".join(",".join(f"{value:.4g}" for value in row) for row in table.tolist())
    text = f"a,b,c,kind\n{lines}\n"
    npz, npy = io.BytesIO(), io.BytesIO()
    marked = io.BytesIO()
    np.savez(marked, X_train=inputs, y_train=labels, X_test=inputs[:4], y_test=labels[:4])
    words = np.array([["1", "a"], ["2", "b"]] * 6)
    fortran = io.BytesIO()
    np.save(fortran, np.asfortranarray(table.astype(">f8")))
    worded = io.BytesIO()
    np.save(worded, words)
    np.savez_compressed(npz, X=inputs, y=labels)
    np.save(npy, table)
    idx = b"\0\0\x08\x02" + (12).to_bytes(4, "big") + (5).to_bytes(4, "big") + bytes(range(60))
    seeds = {
        ".csv": [text.encode(), text.replace(",", ";").encode("utf-16"), lines.encode(), WORDS.encode()],
        ".npz": [npz.getvalue(), marked.getvalue()],
        ".npy": [npy.getvalue(), fortran.getvalue(), worded.getvalue()],
        ".idx": [idx],
        ".gz": [gzip.compress(idx)],
    }
    known = {extension for reader in data.READERS for extension in reader.extensions}
    if ".parquet" in known:
        seeds[".parquet"] = [_parquet(table)]
    return seeds


def inputs_alone() -> bytes:
    """The inputs of twelve rows, whose labels are in another file."""
    content = io.BytesIO()
    np.save(content, np.random.default_rng(0).normal(size=(12, 3)))
    return content.getvalue()


def _parquet(table: npt.NDArray[np.float64]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    content = io.BytesIO()
    columns = {f"column {i}": table[:, i] for i in range(table.shape[1])}
    pyarrow.parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()
