"""Files made to do harm: `python tests/fuzz/hostile.py` makes each, and tells what comes of reading it.

Each is to be refused with a reason, soon, and without a look outside; those with numbers that are none are
opened, since the user may want to see where.
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import json
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pyarrow
import pyarrow.parquet
import skops.io
from onnx import TensorProto, helper, numpy_helper
from seeds import model_seeds, networks

from pruner_gui import formats
from pruner_gui.errors import PrunerError
from pruner_gui.formats import table

SECRET = b"\x00\x00\x80\x3f" * 64  # what stands outside: ones, as float32
MANY = 600 << 20  # bytes that an archive unpacks to, a thousand times what is stored


Make = Callable[[Path], object]


@dataclass(frozen=True)
class Hostile:
    """A way to do harm: `make` writes the file, of a model unless `data`; `opens` where it is no refusal."""

    name: str
    extension: str
    make: Make
    data: bool = False
    opens: bool = False

    @property
    def file(self) -> str:
        """What the file is called."""
        return f"{self.name.replace(' ', '_')}{self.extension}"

    def write(self, folder: Path) -> Path:
        """Write the file, and what stands outside: `secret` beside the folder of the file."""
        (folder / "secret").write_bytes(SECRET)
        (folder / "inside").mkdir(exist_ok=True)
        path = folder / "inside" / self.file
        self.make(path)
        return path


def genuine(format: str) -> bytes:
    """A file with nothing wrong."""
    row = next(row for row in formats.FORMATS if row.name == format)
    with tempfile.TemporaryDirectory() as folder:
        return model_seeds(row, Path(folder))[0]


def content(data: bytes | str) -> Make:
    """A maker of a file with this content."""
    raw = data.encode() if isinstance(data, str) else data
    return lambda path: path.write_bytes(raw)


# -- archives that unpack a thousandfold


def zeros(count: int, head: bytes = b"", window: int = -15) -> bytes:
    """What deflate makes of so many zeros behind a head, without making them: one piece, again and again."""
    piece = 1 << 20
    squeeze = zlib.compressobj(9, wbits=window)
    start = squeeze.compress(head) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(bytes(piece)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return start + again * (count // piece) + squeeze.flush()


def zipped(name: str, packed: bytes, size: int, entries: dict[str, bytes]) -> bytes:
    """A zip archive of plain entries and one that is deflated already; its checksum is no matter."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, packed)
        for other, plain in entries.items():
            archive.writestr(other, plain)
    raw = bytearray(stream.getvalue())
    directory = raw.rfind(b"PK\x01\x02" + raw[4:5]) if not entries else raw.find(b"PK\x01\x02")
    raw[8:10] = raw[directory + 10 : directory + 12] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    raw[22:26] = raw[directory + 24 : directory + 28] = struct.pack("<I", size)
    return bytes(raw)


def npy_head(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    """The head of an npy file."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def bomb(name: str, head: bytes = b"", entries: dict[str, bytes] | None = None) -> Make:
    """A maker of an archive with `MANY` zeros in one entry."""
    return lambda path: content(zipped(name, zeros(MANY, head), MANY + len(head), entries or {}))(path)


def archives() -> Iterator[Hostile]:
    """Archives of every kind."""
    head = npy_head((3, MANY // 12))
    yield Hostile("bomb npz", ".npz", bomb("W0.npy", head))
    yield Hostile("bomb data", ".npz", bomb("X.npy", npy_head((MANY // 12, 3))), data=True)
    yield Hostile("bomb skops", ".skops", _skops_bomb)
    config = {"metadata.json": b"{}", "config.json": b"{}"}
    yield Hostile("bomb keras", ".keras", bomb("model.weights.h5", b"\x89HDF\r\n\x1a\n", config))
    yield Hostile("bomb config", ".keras", bomb("config.json", b"{", {"model.weights.h5": b""}))
    yield Hostile("bomb torch", ".pt", bomb("archive/data.pkl", b"\x80\x02"))
    yield Hostile("bomb hdf5", ".h5", _hdf5_bomb)
    yield Hostile("bomb gzip", ".gz", lambda path: content(_gzip_bomb())(path), data=True)
    yield Hostile("bomb parquet", ".parquet", _parquet_bomb, data=True)
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for i in range(12_000):
            archive.writestr(f"a{i}.npy", b"")
    yield Hostile("many entries", ".npz", content(many.getvalue()), data=True)


def _skops_bomb(path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(genuine("skops"))) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    name = next(name for name in entries if name.endswith(".npy"))
    del entries[name]
    bomb(name, npy_head((3, MANY // 12)), entries)(path)


def _gzip_bomb() -> bytes:
    head = b"\0\0\x08\x02" + struct.pack(">II", MANY // 5, 5)
    return zeros(MANY, head, 31)


def _keras_h5(path: Path, units: int, make: Callable[[h5py.File], None], inputs: int = 4) -> None:
    layer = {"name": "d", "units": units, "activation": "linear", "use_bias": False}
    layer["batch_input_shape"] = [None, inputs]
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": layer}]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"d"]
        group.create_group("d").attrs["weight_names"] = [b"d/kernel:0"]
        make(file)


KERNEL = "model_weights/d/d/kernel:0"


def _hdf5_bomb(path: Path) -> None:
    def make(file: h5py.File) -> None:
        shape = (MANY // 4096, 1024)
        one = file.create_dataset(KERNEL, shape, "f4", chunks=shape, compression="gzip")
        one.id.write_direct_chunk((0, 0), zeros(MANY, window=15))

    _keras_h5(path, 1024, make, MANY // 4096)


def _parquet_bomb(path: Path) -> None:
    column = pyarrow.DictionaryArray.from_arrays(np.zeros(MANY // 8, np.int8), [0.5])
    table = pyarrow.table(dict.fromkeys("abcd", column))
    pyarrow.parquet.write_table(table, path, compression="zstd")


# -- heads that promise what is not there


def promises() -> Iterator[Hostile]:
    """Sizes that are only said."""
    many = npy_head((10**6, 10**6), "<f8")
    yield Hostile("promise npy", ".npy", content(many + bytes(64)), data=True)
    yield Hostile("promise npz", ".npz", _npz(W0=many + bytes(64)))
    yield Hostile("promise data npz", ".npz", _npz(X=many + bytes(64)), data=True)
    yield Hostile("promise idx", ".idx", content(b"\0\0\x08\x02" + b"\xff" * 8 + bytes(64)), data=True)
    for name, length in (("tera", 1 << 40), ("all", 2**64 - 1), ("giga", 1 << 30)):
        yield Hostile(f"head {name}", ".safetensors", content(struct.pack("<Q", length) + b"{}" + bytes(99)))
    deep = b'{"a":' + b"[" * 1_000_000
    yield Hostile("head deep", ".safetensors", content(struct.pack("<Q", len(deep)) + deep))
    large = {"w": {"dtype": "F32", "shape": [1 << 30, 1 << 20], "data_offsets": [0, 16]}}
    yield Hostile("promise safetensors", ".safetensors", _safetensors(large))
    entries = {f"t{i}": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for i in range(60_000)}
    yield Hostile("many tensors", ".safetensors", _safetensors(entries))
    yield Hostile("promise hdf5", ".h5", lambda path: _keras_h5(path, 1 << 20, _unwritten, 1 << 20))
    yield Hostile("promise fann", ".net", content(b"FANN_FLO_2.1\nlayer_sizes=999999999 999999999 \n"))
    eg = "encog,BasicNetwork,java,3.4.0,1,1\n[BASIC]\n[BASIC:PARAMS]\n[BASIC:NETWORK]\n"
    yield Hostile(
        "promise encog",
        ".eg",
        content(f"{eg}layerCounts=999999999,999999999\nweights=##0\n##double#{10**12}\n##end\n"),
    )
    yield Hostile(
        "promise nnet", ".nnet", content("// a\n1,900000000,900000000,900000000,\n900000000,900000000,\n0,\n")
    )


def _npz(**entries: bytes) -> Make:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, raw in entries.items():
            archive.writestr(f"{name}.npy", raw)
    return content(stream.getvalue())


def _safetensors(head: dict[str, Any], numbers: bytes = bytes(16)) -> Make:
    text = json.dumps(head).encode()
    return content(struct.pack("<Q", len(text)) + text + numbers)


def _unwritten(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (1 << 20, 1 << 20), "f4", chunks=(1 << 10, 1 << 10), compression="gzip")


# -- HDF5 that leads elsewhere


def hdf5() -> Iterator[Hostile]:
    """Links and storage outside, and a heap without end."""

    def made(name: str, make: Callable[[h5py.File], None]) -> Hostile:
        return Hostile(name, ".h5", lambda path: _keras_h5(path, 4, make))

    def external(file: h5py.File) -> None:
        file.create_dataset(KERNEL, (4, 4), "f4", external=[("../secret", 0, 64)])

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((4, 4), "f4")
        layout[:] = h5py.VirtualSource("../outside.h5", "x", (4, 4))
        file.create_virtual_dataset(KERNEL, layout)

    def link(target: Any, where: str = KERNEL) -> Callable[[h5py.File], None]:
        def make(file: h5py.File) -> None:
            if where in file:
                del file[where]
            file[where] = target

        return make

    yield made("outside storage", external)
    yield made("outside virtual", virtual)
    yield made("outside link", link(h5py.ExternalLink("../outside.h5", "x")))
    yield made("outside group", link(h5py.ExternalLink("../outside.h5", "/"), "model_weights/d"))
    yield made("soft link", link(h5py.SoftLink("/model_weights")))
    yield made("loop of groups", lambda file: file.__setitem__(KERNEL, file["/"]))
    yield Hostile("endless heap", ".h5", _endless_heap)


def _endless_heap(path: Path) -> None:
    _keras_h5(path, 4, lambda file: file.create_dataset(KERNEL, data=np.ones((4, 4), "f4")))
    raw = bytearray(path.read_bytes())
    heap = raw.index(b"GCOL") + 16
    raw[heap : heap + 16] = bytes(16)  # the free object, of no length
    path.write_bytes(raw)


# -- ONNX


def onnx_files() -> Iterator[Hostile]:
    """Values outside, and small graphs that grow."""
    for name, location in (("above", "../secret"), ("absolute", "/etc/passwd"), ("link", "link")):
        yield Hostile(f"onnx {name}", ".onnx", _external(location))
    yield Hostile("onnx device", ".onnx", _external("/dev/zero"))
    shape = numpy_helper.from_array(np.array([1 << 15, 1 << 15]), "s")
    fill = helper.make_node("ConstantOfShape", ["s"], ["w"])
    yield Hostile("onnx fill", ".onnx", _onnx([fill, _matmul("x", "w")], [shape]))
    one = numpy_helper.from_array(np.ones((3, 1), "f4"), "one")
    expand = helper.make_node("Expand", ["one", "s"], ["w"])
    yield Hostile("onnx expand", ".onnx", _onnx([expand, _matmul("x", "w")], [shape, one]))
    names = ["x", *(f"c{i}" for i in range(40))]
    doubled = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in itertools.pairwise(names)]
    yield Hostile("onnx concat", ".onnx", _onnx([*doubled, helper.make_node("Relu", [names[-1]], ["y"])], []))
    yield Hostile("onnx long", ".onnx", _nodes(_matmul("x", "w").SerializeToString(), 120_000))
    # two bytes a node, each empty: a parser makes objects of a hundred bytes and more of them
    yield Hostile("onnx nodes", ".onnx", _nodes(b"", 1 << 25))
    promise = TensorProto(name="w", dims=[1 << 30, 1 << 30], data_type=1)
    yield Hostile("onnx promise", ".onnx", _onnx([_matmul("x", "w")], [promise]))
    inner = helper.make_graph([], "inner", [], [])
    for _ in range(25):
        inner = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=inner)], "g", [], [])
    yield Hostile("onnx nested", ".onnx", _onnx(list(inner.node), []))


def _nodes(node: bytes, count: int) -> Make:
    """A maker of a model of so many times one node."""
    head, part = b"\x08\x08\x42\x02\x10\x0d\x3a", b"\x0a" + _varint(len(node)) + node
    return lambda path: content(head + _varint(len(part) * count) + part * count)(path)


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _matmul(a: str, b: str) -> onnx.NodeProto:
    return helper.make_node("MatMul", [a, b], ["y"])


def _onnx(
    nodes: Sequence[onnx.NodeProto], tensors: Sequence[TensorProto], shape: tuple[int, ...] = (1, 3)
) -> Make:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return content(model.SerializeToString())


def _external(location: str) -> Make:
    def make(path: Path) -> None:
        link = path.parent / "link"
        if not link.is_symlink():
            link.symlink_to("../secret")
        tensor = TensorProto(name="w", dims=[3, 3], data_type=1, data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=location)
        _onnx([_matmul("x", "w")], [tensor])(path)

    return make


# -- XML


def xml() -> Iterator[Hostile]:
    """Entities, levels, texts."""
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    yield Hostile(
        "xml laughs", ".pmml", content(f'<!DOCTYPE PMML [<!ENTITY l0 "ha">{laughs}]><PMML>&l11;</PMML>')
    )
    outside = '<!DOCTYPE PMML [<!ENTITY e SYSTEM "../secret">]><PMML version="4.4">&e;</PMML>'
    yield Hostile("xml outside", ".pmml", content(outside))
    levels = 500_000
    yield Hostile("xml levels", ".pmml", content("<PMML>" + "<a>" * levels + "</a>" * levels + "</PMML>"))
    yield Hostile("xml text", ".pmml", content("<PMML><a>" + " " * (40 << 20) + "</a></PMML>"))
    attributes = " ".join(f'a{i}=""' for i in range(500_000))
    yield Hostile("xml attributes", ".pmml", content(f"<PMML {attributes}/>"))


# -- text


def tables() -> Iterator[Hostile]:
    """Lines and cells without end."""
    columns = ",".join(["1"] * 1_000_000)
    yield Hostile("csv columns", ".csv", content(f"{columns}\n{columns}\n"), data=True)
    yield Hostile("csv quoted", ".csv", content(f'"{columns}\n{columns}\n'), data=True)
    yield Hostile("csv line", ".csv", content("1" * (40 << 20)), data=True)
    yield Hostile("csv digits", ".csv", content(f"a,b,c,d\n1,2,{'9' * 1_000_000},1\n"), data=True)
    yield Hostile("csv blank", ".csv", content("\n" * (8 << 20)), data=True)
    yield Hostile("encog line", ".eg", content("encog,BasicNetwork,java,3.4.0,1,1\n" + "1," * (10 << 20)))
    yield Hostile("fann line", ".net", content("FANN_FLO_2.1\nneurons=" + "(0, 0, 0) " * (1 << 20)))


# -- graphs that are none


def graphs() -> Iterator[Hostile]:
    """Circles, names twice, layers of nothing."""
    w = numpy_helper.from_array(np.ones((3, 3), "f4"), "w")
    circle = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    yield Hostile("onnx circle", ".onnx", _onnx([*circle, helper.make_node("Relu", ["b"], ["y"])], []))
    yield Hostile("onnx twice", ".onnx", _onnx([_matmul("x", "w"), _matmul("x", "w")], [w]))
    yield Hostile("onnx tensor twice", ".onnx", _onnx([_matmul("x", "w")], [w, w]))
    nothing = numpy_helper.from_array(np.ones((3, 0), "f4"), "w")
    yield Hostile("onnx nothing", ".onnx", _onnx([_matmul("x", "w")], [nothing]))
    empty = npy_head((3, 0))
    yield Hostile("npz nothing", ".npz", _npz(W0=empty, b0=npy_head((0,))))
    no_rows = {"w.weight": {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]}}
    yield Hostile("safetensors nothing", ".safetensors", _safetensors(no_rows, b""))
    one = '"w.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}'
    text = f"{{{one},{one}}}".encode()
    raw = struct.pack("<Q", len(text)) + text + bytes(16)
    yield Hostile("safetensors twice", ".safetensors", content(raw))
    yield Hostile("keras nothing", ".h5", lambda path: _keras_h5(path, 0, _empty))
    yield Hostile("keras circle", ".h5", _keras_circle)
    yield Hostile(
        "nnet nothing", ".nnet", content("// a\n1,3,0,3,\n3,0,\n0,\n0,0,0,\n0,0,0,\n0,0,0,0,\n1,1,1,1,\n")
    )
    yield Hostile("fann nothing", ".net", content("FANN_FLO_2.1\nnum_layers=2\nlayer_sizes=0 0 \n"))
    pmml = genuine("pmml").decode()
    first = pmml.index("<Neuron ")
    end = pmml.index("</Neuron>", first) + len("</Neuron>")
    neuron = pmml[first:end]
    name = neuron.split('id="')[1].split('"')[0]
    source = neuron.split('from="')[1].split('"')[0]
    yield Hostile("pmml twice", ".pmml", content(pmml[:end] + neuron + pmml[end:]))
    circle_ = neuron.replace(f'from="{source}"', f'from="{name}"')
    yield Hostile("pmml circle", ".pmml", content(pmml.replace(neuron, circle_)))


def _empty(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (4, 0), "f4")


def _keras_circle(path: Path) -> None:
    def entry(kind: str, name: str, before: str, **config: Any) -> dict[str, Any]:
        nodes = [[[before, 0, 0, {}]]] if before else []
        return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}

    layers = [
        entry("InputLayer", "x", "", batch_input_shape=[None, 4]),
        entry("Activation", "a", "b", activation="relu"),
        entry("Activation", "b", "a", activation="relu"),
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["b", 0, 0]]}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.create_group("model_weights").attrs["layer_names"] = [b"x"]


# -- what would run


def code() -> Iterator[Hostile]:
    """Programs in pickles, layers and objects: each would make a file `ran` beside it."""
    yield Hostile("pickle torch", ".pt", lambda path: _torch(path, _pickle(path)))
    yield Hostile("pickle plain", ".pth", lambda path: content(_pickle(path))(path))
    old = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."
    yield Hostile("pickle old", ".pt", lambda path: content(old + _pickle(path))(path))
    yield Hostile("pickle joblib", ".joblib", lambda path: content(_pickle(path))(path))
    objects = npy_head((1,), "|O")
    yield Hostile("pickle npz", ".npz", lambda path: _npz(W0=objects + _pickle(path))(path))
    yield Hostile("pickle data", ".npy", lambda path: content(objects + _pickle(path))(path), data=True)
    yield Hostile("skops system", ".skops", _skops_system)
    yield Hostile("keras lambda", ".h5", _keras_lambda)


def _pickle(path: Path) -> bytes:
    """A pickle that makes a file when it is opened as one."""
    command = f"touch '{path.parent / 'ran'}'"
    return b"cposix\nsystem\n(S" + repr(command).encode() + b"\ntR."


def _torch(path: Path, pickled: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", b"3\n")


def _skops_system(path: Path) -> None:
    raw = skops.io.dumps(np.ones)  # a function, by its name
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema["__class__"] = "system"
    schema["__module__"] = "posix"
    schema["content"] = {"module_path": "posix", "function": "system"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))


def _keras_lambda(path: Path) -> None:
    program = base64.b64encode(b"\xe3" + bytes(60)).decode()
    layer = {"name": "l", "function": [program, None, None], "batch_input_shape": [None, 4]}
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": layer}]}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.create_group("model_weights").attrs["layer_names"] = [b"l"]


# -- numbers that are none


def numbers() -> Iterator[Hostile]:
    """Weights that are no numbers: opened, and named."""
    network = next(networks())
    dense = network.nodes[1]
    weight = np.array(dense.op.tensors()["weight"])
    weight[1, 2] = np.nan
    broken = type(dense.op)(weight, dense.op.tensors()["bias"])  # type: ignore[call-arg]
    nodes = tuple(
        type(node)(node.name, broken, node.inputs) if node is dense else node for node in network.nodes
    )
    for row in formats.FORMATS:
        if row.reads and row.name in ("onnx", "npz", "safetensors", "torch", "keras", "keras-h5"):
            yield Hostile(
                f"nan {row.name}",
                row.extensions[0],
                _written(type(network)(nodes, network.outputs), row.name),
                opens=True,
            )


def _written(network: Any, format: str) -> Make:
    return lambda path: path.write_bytes(
        table.module_of(next(row for row in formats.FORMATS if row.name == format)).dump(network)
    )


FAMILIES = (archives, promises, hdf5, onnx_files, xml, tables, graphs, code, numbers)


def read(sample: Hostile, path: Path, model: Callable[..., object], data: Callable[..., object]) -> object:
    """Read a file by one of two functions, those of `reading` or of `formats` and `data`."""
    if sample.data:
        return data([path], 3, 2)
    weights_only = any(row.weights_only and sample.extension in row.extensions for row in formats.FORMATS)
    return model(path, activations=("relu", "linear") if weights_only else None)


def main() -> int:
    """Have the reading process read each; return 1 when one was opened that should not be."""
    from pruner_gui import reading

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="names, or the first words of names")
    options = parser.parse_args()
    wrong = 0
    for sample in itertools.chain.from_iterable(family() for family in FAMILIES):
        if options.only and not sample.name.startswith(tuple(options.only)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = sample.write(Path(folder))
            began = time.monotonic()
            try:
                read(sample, path, reading.model, reading.dataset)
                answer = "opened"
            except PrunerError as error:
                answer = repr(error).split("__notes__")[0][:150]
            seconds = time.monotonic() - began
            bad = (answer == "opened") != sample.opens or "ReadingFailed" in answer or seconds > 5
            wrong += bad or (path.parent / "ran").exists()
            mark, size = "!" if bad else " ", path.stat().st_size
            print(f"{mark} {sample.name}: {seconds:.1f} s, {size:,} bytes, {answer}", flush=True)
    return min(1, wrong)


if __name__ == "__main__":
    sys.exit(main())
