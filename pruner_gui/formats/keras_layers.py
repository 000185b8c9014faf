"""Keras' layers as nodes of a network: the table of classes, and what each becomes.

Every computed value is followed as a row of features with the shape that Keras gives it, without the batch.
Layers that only reshape vanish, and so do those that do something in training alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import NotAModel, UnsupportedOp, UnsupportedUse
from pruner_gui.formats.keras_config import Layer, invalid
from pruner_gui.formats.keras_files import Weights
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
    Node,
    Op,
)

MAX_UNITS = 1 << 24  # of all nodes
EPSILON = 1e-7  # Keras' own, where a layer has none


@dataclass(frozen=True)
class Value:
    """A computed row: the node it comes from and the shape Keras gives it."""

    source: str
    shape: tuple[int, ...]


@dataclass
class Building:
    """The nodes made so far, and what to keep of the layers for the way back.

    `layers` tells for each node the name and class of its layer, `idle` the layers behind a node that do
    nothing once trained, each as name, class and settings. `top` are the outermost layers by the last part
    of their group.
    """

    path: Path
    major: int
    weights: Weights
    nodes: list[Node] = field(default_factory=list)
    layers: dict[str, tuple[str, str]] = field(default_factory=dict)
    idle: dict[str, tuple[tuple[str, str, Mapping[str, Any]], ...]] = field(default_factory=dict)
    flatten: str = ""
    top: dict[str, str] = field(default_factory=dict)
    _names: UniqueNames = field(default_factory=UniqueNames)
    _units: int = 0
    _tensors: dict[tuple[str, ...], FloatArray] = field(default_factory=dict)

    def emit(self, layer: Layer, name: str, op: Op, inputs: Sequence[Value], shape: tuple[int, ...]) -> Value:
        """Add a node."""
        self._units += math.prod(shape)
        hold(self.path, "units", self._units, MAX_UNITS)
        name = self._names.take(name)
        self.nodes.append(Node(name, op, tuple(value.source for value in inputs)))
        self.layers[name] = layer.name, layer.class_name
        return Value(name, shape)

    def activate(self, layer: Layer, value: Value, kind: str, settings: Mapping[str, float]) -> Value:
        """Add an activation, unless it does nothing; its node is called as its layer where it is one."""
        if kind == "linear":
            return value
        if ACTIVATIONS[kind].mixes and len(value.shape) != 1:
            raise self.refused(layer, "axis")
        own = self.layers[value.source][0] != layer.name
        name = layer.name if own else f"{layer.name}.{kind}"
        return self.emit(layer, name, Activation(kind, dict(settings)), [value], value.shape)

    def tensor(self, layer: Layer, index: int, total: int, shape: tuple[int, ...]) -> FloatArray:
        """Variable number `index` of a layer that has `total` of them."""
        place = (*self._variables(layer, index, total),)
        if place not in self._tensors:
            self._tensors[place] = self.weights.tensor(place, shape)
        found = self._tensors[place]
        if found.shape != shape:
            raise invalid(self.path, f"{'/'.join(place)} has shape {found.shape}, its layer {shape}")
        return found

    def refused(self, layer: Layer, problem: str) -> UnsupportedUse:
        """The refusal of a known layer that is used in a way that is not read."""
        return UnsupportedUse(self.path, layer.name, layer.class_name, problem)

    def _variables(self, layer: Layer, index: int, total: int) -> tuple[str, ...]:
        """Where a variable is: `dense/vars/0` in Keras 3's own files, a list of names elsewhere."""
        if layer.group[0] == "layers":
            for root in _ROOTS:
                place = (*(root if part == "layers" else part for part in layer.group), "vars", str(index))
                if self.weights.has(*place):
                    return place
            raise invalid(self.path, f"no variable {index} of layer {layer.name}")
        nested = len(layer.group) > _TOP
        outer = self.top[layer.group[2]] if nested else layer.name
        names = self.weights.names("weight_names", "model_weights", outer)
        if nested:
            names = [name for name in names if layer.name in name.split("/")]
        if len(names) != total:
            raise invalid(self.path, f"layer {layer.name} has {len(names)} tensors instead of {total}")
        return ("model_weights", outer, *names[index].split("/"))


_TOP = 3
_ROOTS = ("layers", "_layer_checkpoint_dependencies")  # Keras 2.12 had the second name
Handler = Callable[[Building, Layer, Sequence[Value]], Value]


def numbers(layer: Layer, **defaults: float | None) -> list[float]:
    """Settings as finite floats: the names stand for one another, left to right, later versions last."""
    return [number(layer.config, name, default) for name, default in defaults.items()]


def number(config: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """A setting as a finite float; Keras wraps some in an object or a list."""
    found = config.get(name, default)
    if found is None:
        found = default
    if isinstance(found, dict):
        found = found.get("value", found.get("config", {}).get("value"))
    value = float(found if not isinstance(found, list) or len(found) != 1 else found[0])
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}")
    return value


# -- activations


_PLAIN: dict[str, tuple[str, Mapping[str, float]]] = {
    **{
        name: (name, {})
        for name in (
            *("linear", "relu", "elu", "selu", "gelu", "sigmoid", "tanh", "softplus", "softsign", "swish"),
            *("mish", "exponential", "softmax", "log_softmax", "hard_swish"),
        )
    },
    "silu": ("swish", {}),
    "hard_silu": ("hard_swish", {}),
    "relu6": ("clip", {"low": 0.0, "high": 6.0}),
    "leaky_relu": ("leaky_relu", {"alpha": 0.2}),
}
HARD_SIGMOID = {1: (0.2, 0.5), 2: (0.2, 0.5), 3: (1 / 6, 0.5)}  # slope and offset, by Keras' version


def function(building: Building, layer: Layer, given: Any) -> tuple[str, Mapping[str, float]]:
    """Kind and settings of an activation: a name, or an object that stands for a function or a layer."""
    if given is None:
        return "linear", {}
    if isinstance(given, dict):
        inner = given.get("config")
        name = str(given.get("class_name"))
        if isinstance(inner, dict) and name in _ACTIVATION_LAYERS:
            return _ACTIVATION_LAYERS[name](building, Layer(layer.name, name, inner, (), layer.group))
        given = inner if name == "function" else name
    name = str(given)
    if name == "hard_sigmoid":
        slope, offset = HARD_SIGMOID[building.major]
        return "hard_sigmoid", {"alpha": slope, "beta": offset}
    if name not in _PLAIN:
        raise UnsupportedOp(building.path, layer.name, name, "computed")
    return _PLAIN[name]


def _relu(building: Building, layer: Layer) -> tuple[str, Mapping[str, float]]:
    slope, threshold = numbers(layer, negative_slope=0.0, threshold=0.0)
    largest = layer.config.get("max_value")
    if largest is None and not threshold:
        return ("leaky_relu", {"alpha": slope}) if slope else ("relu", {})
    if slope or (largest is not None and threshold):
        raise UnsupportedOp(building.path, layer.name, layer.class_name, "computed")
    if threshold:
        return "thresholded_relu", {"theta": threshold}
    return "clip", {"low": 0.0, "high": number(layer.config, "max_value")}


def _leaky_relu(building: Building, layer: Layer) -> tuple[str, Mapping[str, float]]:
    name = "negative_slope" if "negative_slope" in layer.config else "alpha"
    return "leaky_relu", {"alpha": number(layer.config, name, 0.3)}


def _softmax_layer(building: Building, layer: Layer) -> tuple[str, Mapping[str, float]]:
    axis = layer.config.get("axis", -1)
    if axis not in (-1, 1, [-1], [1]):
        raise building.refused(layer, "axis")
    return "softmax", {}


_ACTIVATION_LAYERS: Mapping[str, Callable[[Building, Layer], tuple[str, Mapping[str, float]]]] = {
    "Activation": lambda building, layer: function(building, layer, layer.config.get("activation")),
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": lambda building, layer: ("elu", {"alpha": number(layer.config, "alpha", 1.0)}),
    "ThresholdedReLU": lambda building, layer: (
        "thresholded_relu",
        {"theta": number(layer.config, "theta", 1.0)},
    ),
    "Softmax": _softmax_layer,
}


def _activation(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    kind, settings = _ACTIVATION_LAYERS[layer.class_name](building, layer)
    return building.activate(layer, values[0], kind, settings)


def _prelu(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    """Equal slopes only: a network's activation has one for all units."""
    shared = layer.config.get("shared_axes") or []
    shape = tuple(1 if i + 1 in shared else size for i, size in enumerate(values[0].shape))
    slopes = building.tensor(layer, 0, 1, shape)
    if (slopes != slopes.flat[0]).any():
        raise UnsupportedOp(building.path, layer.name, layer.class_name, "computed")
    return building.activate(layer, values[0], "leaky_relu", {"alpha": float(slopes.flat[0])})


# -- weights


def _dense(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    (value,) = values
    if len(value.shape) != 1:
        raise building.refused(layer, "shared_weights")
    if layer.config.get("quantization_config") or "Quantized" in str(layer.config.get("dtype")):
        raise UnsupportedOp(building.path, layer.name, layer.class_name, "quantized")
    units = layer.config.get("units", layer.config.get("output_dim"))
    if type(units) is not int or units < 1:
        raise invalid(building.path, f"layer {layer.name} has {units} units")
    has_bias = bool(layer.config.get("use_bias", layer.config.get("bias", True)))
    kernel = building.tensor(layer, 0, 1 + has_bias, (value.shape[0], units))
    bias = building.tensor(layer, 1, 2, (units,)) if has_bias else np.zeros(units, kernel.dtype)
    made = building.emit(layer, layer.name, Dense(kernel, bias), values, (units,))
    return building.activate(layer, made, *function(building, layer, layer.config.get("activation")))


def _batch_norm(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    shape = values[0].shape
    config = layer.config
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if axis not in (-1, len(shape)) or config.get("mode", 0) != 0 or config.get("virtual_batch_size"):
        raise building.refused(layer, "axis")
    learned = [bool(config.get(name, True)) for name in ("scale", "center")]
    total = sum(learned) + 2
    found = iter([building.tensor(layer, i, total, shape[-1:]) for i in range(total)])
    parts = [next(found) if there else None for there in (*learned, True, True)]
    mean = parts[2]
    assert mean is not None
    defaults = (np.ones_like(mean), np.zeros_like(mean), mean, mean)
    scale, shift, mean, variance = (
        np.resize(default if part is None else part, math.prod(shape))
        for part, default in zip(parts, defaults, strict=True)
    )
    epsilon = number(config, "epsilon", 1e-3)
    return building.emit(layer, layer.name, BatchNorm(scale, shift, mean, variance, epsilon), values, shape)


def _normalization(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    (value,) = values
    axes = layer.config.get("axis", -1)
    axes = [] if axes is None else [axes] if isinstance(axes, int) else list(axes)
    rank = len(value.shape) + 1
    kept = sorted(axis % rank for axis in axes)
    if 0 in kept:
        raise building.refused(layer, "mixes_rows")
    shape = tuple(value.shape[axis - 1] for axis in kept)
    full = tuple(size if i + 1 in kept else 1 for i, size in enumerate(value.shape))
    given = [layer.config.get(name, layer.config.get(f"input_{name}")) for name in ("mean", "variance")]
    if None in given:
        found = [building.tensor(layer, i, 3, shape) for i in range(2)]
    else:
        found = [np.asarray(_plain(values), np.float32) for values in given]
        found = [np.broadcast_to(values.reshape(values.shape or (1,)), shape or (1,)) for values in found]
    mean, variance = (np.broadcast_to(part.reshape(full), value.shape).ravel() for part in found)
    with np.errstate(invalid="ignore"):
        deviation = np.maximum(np.sqrt(variance), np.asarray(EPSILON, variance.dtype))
    steps = [("mul", deviation), ("add", mean)] if layer.config.get("invert") else []
    return _arithmetic(building, layer, value, steps or [("sub", mean), ("div", deviation)])


def _plain(value: Any) -> Any:
    """The list in what Keras makes of an array in its configuration."""
    return value["config"]["value"] if isinstance(value, dict) else value


def _rescaling(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    (value,) = values
    steps = []
    for name, operator, neutral in (("scale", "mul", 1.0), ("offset", "add", 0.0)):
        given = np.asarray(_plain(layer.config.get(name, neutral)), np.float64)
        operand = np.broadcast_to(given, value.shape).ravel()
        if (operand != neutral).any():
            steps.append((operator, operand.astype(_dtype(layer))))
    return _arithmetic(building, layer, value, steps)


def _dtype(layer: Layer) -> str:
    return "float64" if "float64" in str(layer.config.get("dtype")) else "float32"


def _arithmetic(
    building: Building, layer: Layer, value: Value, steps: Sequence[tuple[str, FloatArray]]
) -> Value:
    for number, (operator, operand) in enumerate(steps):
        name = f"{layer.name}.{operator}" if number else layer.name
        value = building.emit(layer, name, Arithmetic(operator, operand), [value], value.shape)
    return value


# -- several inputs, shapes, and nothing


def _add(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    if any(value.shape != values[0].shape for value in values):
        raise building.refused(layer, "broadcast")
    return _joined(building, layer, values, Add(), values[0].shape)


def _concatenate(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    axis = layer.config.get("axis", layer.config.get("concat_axis", -1))
    if axis not in (-1, 1) or any(len(value.shape) != 1 for value in values):
        raise building.refused(layer, "axis")
    return _joined(building, layer, values, Concat(), (sum(value.shape[0] for value in values),))


def _merge(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    """Keras 1's layer of several kinds."""
    mode = layer.config.get("mode", "sum")
    if mode not in ("sum", "concat"):
        raise UnsupportedOp(building.path, layer.name, f"{layer.class_name} {mode}", "computed")
    return (_add if mode == "sum" else _concatenate)(building, layer, values)


def _joined(
    building: Building, layer: Layer, values: Sequence[Value], op: Op, shape: tuple[int, ...]
) -> Value:
    if len(values) < 2:
        raise building.refused(layer, "constant")
    return building.emit(layer, layer.name, op, values, shape)


def _flatten(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    shape = values[0].shape
    if (
        layer.config.get("data_format") == "channels_first"
        and len(shape) > 1
        and 1
        not in (
            shape[0],
            math.prod(shape[1:]),
        )
    ):
        raise building.refused(layer, "order")
    building.flatten = building.flatten or layer.name
    return Value(values[0].source, (math.prod(shape),))


def _reshape(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    size = math.prod(values[0].shape)
    target = [int(given) for given in layer.config["target_shape"]]
    known = math.prod(given for given in target if given != -1)
    shape = tuple(size // known if given == -1 and known > 0 else given for given in target)
    if min(shape, default=1) < 1 or math.prod(shape) != size:
        raise building.refused(layer, "shape")
    return Value(values[0].source, shape)


def _idle(building: Building, layer: Layer, values: Sequence[Value]) -> Value:
    (value,) = values
    settings = IDLE[layer.class_name]
    kept = {new: layer.config.get(new, layer.config.get(old)) for new, old in settings.items()}
    if settings and None not in kept.values() and len(value.shape) == 1:
        entry = (layer.name, layer.class_name, kept)
        building.idle[value.source] = (*building.idle.get(value.source, ()), entry)
    return value


# Layers that do nothing once trained: the settings to keep for the way back, with their names in Keras 1.
# Those without are left out then: they are for images or sequences, or change nothing in training either.
IDLE: Mapping[str, Mapping[str, str]] = {
    "Dropout": {"rate": "p"},
    "AlphaDropout": {"rate": "p"},
    "GaussianDropout": {"rate": "p"},
    "GaussianNoise": {"stddev": "sigma"},
    "ActivityRegularization": {"l1": "l1", "l2": "l2"},
    **{
        name: {}
        for name in (
            *("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Identity", "RandomFlip"),
            *("RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness"),
        )
    },
}

HANDLERS: Mapping[str, Handler] = {
    "Dense": _dense,
    **dict.fromkeys(_ACTIVATION_LAYERS, _activation),
    "PReLU": _prelu,
    "BatchNormalization": _batch_norm,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
    "Add": _add,
    "Concatenate": _concatenate,
    "Merge": _merge,
    "Flatten": _flatten,
    "Reshape": _reshape,
    **dict.fromkeys(IDLE, _idle),
}
OPERATIONS = frozenset({"Add", "Concatenate"})  # that are functions in Keras 3, too

_HINTS = (
    ("recurrent", ("LSTM", "GRU", "RNN", "Bidirectional", "TimeDistributed")),
    ("convolution", ("Conv", "Pool", "ZeroPadding", "UpSampling", "Cropping", "LocallyConnected")),
    ("normalization", ("Normalization",)),
    ("computed", ("Multiply", "Subtract", "Average", "Maximum", "Minimum", "Dot", "Lambda")),
)


def check_known(path: Path, layer: Layer) -> None:
    """Refuse a class that is not in the table, by the layer's name.

    Raises:
        UnsupportedOp.
    """
    name = layer.class_name
    if name in HANDLERS and not (layer.is_operation and name not in OPERATIONS):
        return
    hint = next((hint for hint, parts in _HINTS if any(part in name for part in parts)), "")
    raise UnsupportedOp(path, layer.name, name, "custom" if name == "Lambda" else hint)


def source(building: Building, layer: Layer, shape: tuple[int, ...]) -> Value:
    """Add the node where rows come in."""
    size = math.prod(shape)
    hold(building.path, "units", size, MAX_UNITS)
    if size < 1:
        raise NotAModel(building.path, "keras", "invalid", f"an input of shape {shape}")
    return building.emit(layer, layer.name, Input(size), (), shape)
