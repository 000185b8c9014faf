"""From a network to a Keras file: a Sequential where it is a chain, else a Functional model.

Layers are written flat: the input keeps its shape, a Flatten follows it. Names, the order of layers, the
precision and what is active in training only are the origin's, where it was a Keras file too.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from pruner_gui.formats.errors import NotExpressible
from pruner_gui.formats.keras_config import snake_case
from pruner_gui.formats.keras_files import CONFIG, MAX_BYTES, METADATA, WEIGHTS
from pruner_gui.formats.keras_layers import EPSILON, HARD_SIGMOID
from pruner_gui.formats.onnx_names import UniqueNames
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
)

_VERSIONS = {"keras": "3.3.3", "keras-h5": "2.15.0"}  # of files that come from elsewhere
_LIBRARY = ("v108", "v108")  # groups take a tenth of the room they took before HDF5 1.8
_ATTRIBUTE = 64_000  # bytes: HDF5 takes no more in one
_NAMED = frozenset(
    {
        *("linear", "relu", "sigmoid", "tanh", "softplus", "softsign", "softmax", "log_softmax", "gelu"),
        *("exponential", "swish", "mish", "elu", "selu", "hard_swish"),
    }
)
_NAMES = {"swish": "silu", "hard_swish": "hard_silu"}  # what Keras 3 calls them
_ACTIVE = ("ReLU", "Softmax", "ELU")  # classes that are kept where the named function would do, too

Variables = tuple[tuple[str, npt.NDArray[Any]], ...]


@dataclass(frozen=True)
class _Layer:
    """A layer as it is written; `width` is the size of a row behind it."""

    name: str
    class_name: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    width: tuple[int, ...]
    variables: Variables = ()


def archive(network: Network) -> bytes:
    """Return the content of a `.keras` file in Keras 3's form.

    Raises:
        NotExpressible: an operation that Keras has no word for, several outputs, or more than 2 GB.
    """
    writer = _Writer(network, "keras")
    metadata = {"keras_version": writer.version, "date_saved": "1980-01-01@00:00:00"}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, entry in (
            (METADATA, json.dumps(metadata).encode()),
            (CONFIG, json.dumps(writer.config()).encode()),
            (WEIGHTS, _numbered(writer.layers)),
        ):
            file.writestr(zipfile.ZipInfo(name), entry)
    return content.getvalue()


def hdf5(network: Network) -> bytes:
    """Return the content of an `.h5` file in Keras 2's form.

    Raises:
        NotExpressible: as for `archive`.
    """
    writer = _Writer(network, "keras-h5")
    content = io.BytesIO()
    with h5py.File(content, "w", libver=_LIBRARY) as file:
        group = file.create_group("model_weights")
        for holder in (file, group):
            holder.attrs["keras_version"] = np.bytes_(writer.version.encode())
            holder.attrs["backend"] = np.bytes_(b"tensorflow")
        file.attrs["model_config"] = json.dumps(writer.config())
        _set_texts(group, "layer_names", [layer.name for layer in writer.layers])
        for layer in writer.layers:
            own = group.create_group(layer.name)
            _set_texts(own, "weight_names", [f"{layer.name}/{name}:0" for name, _ in layer.variables])
            for name, values in layer.variables:
                own.create_dataset(f"{layer.name}/{name}:0", data=values)
    return content.getvalue()


def _numbered(layers: Iterable[_Layer]) -> bytes:
    """Keras 3's file of weights: groups by class, counted; variables by number."""
    content, counts = io.BytesIO(), UniqueNames()
    with h5py.File(content, "w", libver=_LIBRARY) as file:
        for layer in layers:
            group = file.create_group(f"layers/{_counted(counts, snake_case(layer.class_name))}/vars")
            for number, (_, values) in enumerate(layer.variables):
                group.create_dataset(str(number), data=values)
        file.create_group("vars")
    return content.getvalue()


def _counted(counts: UniqueNames, name: str) -> str:
    """`dense`, `dense_1`, `dense_2`: Keras counts from 0."""
    taken = counts.take(name)
    number = taken.removeprefix(name)
    return f"{name}_{int(number[1:]) - 1}" if number else name


def _set_texts(holder: h5py.Group, name: str, texts: Sequence[str]) -> None:
    encoded = [text.encode() for text in texts]
    longest = max(map(len, encoded), default=1)
    size = max(_ATTRIBUTE // longest, 1)
    if len(encoded) <= size:
        holder.attrs[name] = np.array(encoded, f"S{longest}")
        return
    for number, start in enumerate(range(0, len(encoded), size)):
        holder.attrs[f"{name}{number}"] = np.array(encoded[start : start + size], f"S{longest}")


class _Writer:
    """Collects the layers of one network's file."""

    def __init__(self, network: Network, format: str) -> None:
        if len(network.outputs) != 1:
            raise NotExpressible(format, network.outputs[1], "outputs")
        tensors = [tensor for node in network.nodes for tensor in node.op.tensors().values()]
        if sum(tensor.nbytes for tensor in tensors) > MAX_BYTES:
            raise NotExpressible(format, "", "size")
        self._network, self._format = network, format
        known = network.origin.format in ("keras", "keras-h5")
        self._known: Mapping[str, Any] = network.origin.extra if known else {}
        version = str(self._known.get("version", ""))
        same = network.origin.format == format and version[:1] in ("23" if format == "keras-h5" else "3")
        self._same = same and bool(version)
        self.version = version if self._same else _VERSIONS[format]
        self._dtype = np.result_type(*tensors).name if tensors else "float32"
        self._hints: Mapping[str, tuple[str, str]] = self._known.get("layers", {})
        self._names = UniqueNames()
        self._readers: dict[str, list[Node]] = {}
        for node in network.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)
        self._places: dict[str, str] = {}  # of a node's value, the layer that puts it out
        self._done: set[str] = set()
        self.layers: list[_Layer] = []
        self._write()

    # -- the model

    def config(self) -> dict[str, Any]:
        """The configuration of the whole model."""
        chain = all(
            layer.inputs == (before.name,)
            for before, layer in zip(self.layers, self.layers[1:], strict=False)
        )
        wanted = str(self._known.get("model", "Sequential"))
        name = str(self._known.get("name", "model"))
        inside: dict[str, Any] = {"name": name, "trainable": True, "dtype": self._dtype}
        if chain and wanted == "Sequential":
            entries = [self._entry(layer, False) for layer in self.layers]
            config = {"name": name, "layers": entries}
            listed = self._same and self._known.get("listed") and self._format == "keras-h5"
            return self._object("keras", "Sequential", entries if listed else config)
        inside["layers"] = [self._entry(layer, True) for layer in self.layers]
        first, last = [self.layers[0].name, 0, 0], [self._places[self._network.outputs[0]], 0, 0]
        in_list = self._format == "keras-h5"  # Keras 3 means another structure of arguments by the list
        inside["input_layers"] = [first] if in_list else first
        inside["output_layers"] = [last] if in_list else last
        kind = "Model" if self._same and wanted == "Model" else "Functional"
        return self._object("keras.src.models.functional", kind, inside)

    def _object(self, module: str, class_name: str, config: Any) -> dict[str, Any]:
        if self._format == "keras-h5":
            return {"class_name": class_name, "config": config}
        registered = "Functional" if class_name == "Functional" else None
        return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}

    def _entry(self, layer: _Layer, functional: bool) -> dict[str, Any]:
        config: dict[str, Any] = {"name": layer.name, "dtype": self._dtype, **layer.config}
        entry = self._object("keras.layers", layer.class_name, config)
        if not functional:
            return entry
        widths = {other.name: other.width for other in self.layers}
        sources = [(name, [None, *widths[name]]) for name in layer.inputs]
        if not sources:
            nodes: list[Any] = []
        elif self._format == "keras-h5":
            nodes = [[[name, 0, 0, {}] for name, _ in sources]]
        else:
            tensors = [
                {
                    "class_name": "__keras_tensor__",
                    "config": {"shape": shape, "dtype": self._dtype, "keras_history": [name, 0, 0]},
                }
                for name, shape in sources
            ]
            nodes = [{"args": tensors if len(tensors) == 1 else [tensors], "kwargs": {}}]
        return {**entry, "name": layer.name, "inbound_nodes": nodes}

    # -- the layers

    def _write(self) -> None:
        for node in self._network.nodes:
            if node.name not in self._done:
                self._node(node)
        shape = (self._network.origin.output_shape or ())[1:]
        if self._known and len(shape) > 1 and all(isinstance(n, int) for n in shape):
            result = self._network.outputs[0]
            size = tuple(int(n) for n in shape if isinstance(n, int))
            config = {"target_shape": list(size)}
            self._places[result] = self._add("reshape", "Reshape", config, (self._places[result],), size)

    def _add(
        self,
        name: str,
        class_name: str,
        config: Mapping[str, Any],
        inputs: tuple[str, ...],
        width: tuple[int, ...],
        variables: Variables = (),
    ) -> str:
        name = re.sub(r"[^\w.>-]", "_", name, flags=re.ASCII)
        name = self._names.take(name if name[:1].isalnum() else f"layer{name}")
        self.layers.append(_Layer(name, class_name, config, inputs, width, variables))
        return name

    def _put(
        self,
        node: Node,
        class_name: str,
        config: Mapping[str, Any],
        variables: Variables = (),
        name: str = "",
    ) -> None:
        """Add the layer of a node, under the name it had."""
        inputs = tuple(self._places[source] for source in node.inputs)
        inputs = (self._places[node.name],) if node.name in self._places else inputs
        name = name or self._hints.get(node.name, (node.name,))[0]
        width = (self._network.sizes[node.name],)
        self._places[node.name] = self._add(name, class_name, config, inputs, width, variables)

    def _node(self, node: Node) -> None:
        match node.op:
            case Input(units=units):
                self._input(node, units)
            case Dense() as dense:
                self._dense(node, dense)
            case Activation() as activation:
                self._activation(node, activation)
            case BatchNorm() as norm:
                config = {"axis": -1, "epsilon": norm.epsilon, "center": True, "scale": True}
                names = ("gamma", "beta", "moving_mean", "moving_variance")
                self._put(node, "BatchNormalization", config, self._variables(names, norm.tensors().values()))
            case Arithmetic():
                self._arithmetic(node, node.op)
            case Add():
                self._put(node, "Add", {})
            case Concat():
                self._put(node, "Concatenate", {"axis": -1})
            case _:
                raise NotExpressible(self._format, node.name, "operation")
        self._idle(node.name)

    def _variables(self, names: Sequence[str], arrays: Iterable[FloatArray]) -> Variables:
        return tuple((name, values.astype(self._dtype)) for name, values in zip(names, arrays, strict=True))

    def _idle(self, name: str) -> None:
        """Put the layers that a node had behind it where the node's value is read."""
        for layer, class_name, config in self._known.get("idle", {}).get(name, ()):
            width = (self._network.sizes[name],)
            self._places[name] = self._add(layer, class_name, config, (self._places[name],), width)

    def _input(self, node: Node, units: int) -> None:
        given = self._network.origin.input_shape if self._known else None
        shape = tuple(n for n in (given or (None, units))[1:] if isinstance(n, int))
        batch = given[0] if given and isinstance(given[0], int) else None
        key = "batch_input_shape" if self._format == "keras-h5" else "batch_shape"
        config = {key: [batch, *shape], "sparse": False}
        self._places[node.name] = self._add(node.name, "InputLayer", config, (), shape)
        if len(shape) > 1:
            name = self._known.get("flatten") or "flatten"
            self._places[node.name] = self._add(name, "Flatten", {}, (self._places[node.name],), (units,))

    def _dense(self, node: Node, dense: Dense) -> None:
        readers = self._readers.get(node.name, [])
        activation = "linear"
        follower = readers[0] if len(readers) == 1 and node.name not in self._network.outputs else None
        if follower and isinstance(follower.op, Activation) and self._joins(node, follower):
            activation = self._named(follower.op) or "linear"
        config = {"units": dense.bias.size, "activation": activation, "use_bias": True}
        self._put(node, "Dense", config, self._variables(("kernel", "bias"), (dense.weight, dense.bias)))
        if follower and activation != "linear":
            self._places[follower.name] = self._places[node.name]
            self._done.add(follower.name)
            self._idle(follower.name)

    def _joins(self, node: Node, follower: Node) -> bool:
        """Whether an activation belongs to its dense layer: as it did, or wherever it came from elsewhere."""
        if follower.name in self._hints:
            return self._hints[follower.name] == self._hints.get(node.name)
        return True

    # -- activations

    def _named(self, activation: Activation) -> str:
        """The name that Keras has for a function with just these settings; "" for none."""
        kind, settings = activation.kind, activation.settings
        if kind == "hard_sigmoid":
            fixed = self._same or self._format == "keras"
            usual = tuple(settings.values()) == HARD_SIGMOID[int(self.version[0])]
            return kind if usual and fixed else ""
        if kind not in _NAMED or settings != ACTIVATIONS[kind].defaults:
            return ""
        if self._format == "keras-h5" and kind == "swish":
            return kind  # Keras 2 knows only this name, Keras 3 both
        return _NAMES.get(kind, kind)

    def _activation(self, node: Node, activation: Activation) -> None:
        name, class_name = self._named(activation), self._hints.get(node.name, ("", ""))[1]
        steps = self._spelt(activation)
        if name and not (class_name in _ACTIVE and steps):
            steps = [("Activation", {"activation": name})]
        if not steps:
            raise NotExpressible(self._format, node.name, "operation")
        self._steps(node, steps)

    def _steps(self, node: Node, steps: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Write one node as several layers, the last of which has its name."""
        last = self._hints.get(node.name, (node.name,))[0]
        if any(layer.name == last for layer in self.layers):  # it was its dense layer's
            last = node.name
        for class_name, config in steps[:-1]:
            self._put(node, class_name, config, name=f"{last}.{snake_case(class_name)}")
        self._put(node, *steps[-1], name=last)

    def _spelt(self, activation: Activation) -> list[tuple[str, Mapping[str, Any]]]:
        """The layers that compute a function with these settings; none where there are no such layers."""
        match activation.kind, tuple(activation.settings.values()):
            case ("relu", _):
                return [("ReLU", {})]
            case ("softmax", _):
                return [("Softmax", {})]
            case ("elu", (alpha,)):
                return [("ELU", {"alpha": alpha})]
            case ("leaky_relu", (alpha,)) if alpha >= 0:
                return [("LeakyReLU", {"alpha" if self._format == "keras-h5" else "negative_slope": alpha})]
            case ("thresholded_relu", (theta,)) if theta >= 0:
                return [("ReLU", {"threshold": theta})]
            case ("hard_sigmoid", (alpha, beta)):
                return [("Rescaling", {"scale": alpha, "offset": beta}), ("ReLU", {"max_value": 1.0})]
            case ("clip", (low, high)) if low == 0 <= high:
                return [("ReLU", {"max_value": high})]
            case ("clip", (low, high)) if -np.inf < low <= high < np.inf:
                steps: list[tuple[str, Mapping[str, Any]]] = [("Rescaling", {"scale": 1.0, "offset": -low})]
                return [
                    *steps,
                    ("ReLU", {"max_value": high - low}),
                    ("Rescaling", {"scale": 1.0, "offset": low}),
                ]
        return []

    # -- constants

    def _arithmetic(self, node: Node, op: Arithmetic) -> None:
        """Write a shift and a scaling as one layer where they follow each other as in Keras' own."""
        pair = {"sub": "div", "mul": "add"}.get(op.operator)
        readers = self._readers.get(node.name, [])
        other = readers[0] if len(readers) == 1 and node.name not in self._network.outputs else None
        second = (
            other.op if other and isinstance(other.op, Arithmetic) and other.op.operator == pair else None
        )
        if other and second and (second.operator == "add" or _normalises(second)):
            self._done.add(other.name)
        else:
            second = None
        constants = {op.operator: op.operand} | ({second.operator: second.operand} if second else {})
        if "div" in constants and _normalises(Arithmetic("div", constants["div"])):
            self._normalization(node, constants)
        else:
            self._rescaling(node, constants)
        if other and second:
            self._places[other.name] = self._places[node.name]
            self._idle(other.name)

    def _normalization(self, node: Node, constants: Mapping[str, FloatArray]) -> None:
        deviation = constants["div"].astype(self._dtype)
        mean = constants.get("sub", np.zeros_like(deviation)).astype(self._dtype)
        count: tuple[str, npt.NDArray[Any]] = ("count", np.array(0, np.int64))
        variables = (*self._variables(("mean", "variance"), (mean, deviation * deviation)), count)
        self._put(node, "Normalization", {"axis": [-1]}, variables)

    def _rescaling(self, node: Node, constants: Mapping[str, FloatArray]) -> None:
        size = self._network.sizes[node.name]
        scale, offset = np.ones(size), np.zeros(size)
        with np.errstate(all="ignore"):
            for operator, operand in constants.items():
                wide = operand.astype(np.float64)
                scale = wide if operator == "mul" else 1 / wide if operator == "div" else scale
                offset = wide if operator == "add" else -wide if operator == "sub" else offset
        if not (np.isfinite(scale).all() and np.isfinite(offset).all()):
            raise NotExpressible(self._format, node.name, "operation")
        self._put(node, "Rescaling", {"scale": _short(scale), "offset": _short(offset)})


def _normalises(op: Arithmetic) -> bool:
    """Whether Keras' Normalization can divide by this: by a root, and by no less than its epsilon."""
    largest = np.sqrt(np.finfo(op.operand.dtype).max)
    return bool(((op.operand >= EPSILON) & (op.operand < largest)).all())


def _short(values: FloatArray) -> float | list[float]:
    """One number where all are the same."""
    return float(values[0]) if (values == values[0]).all() else values.tolist()
