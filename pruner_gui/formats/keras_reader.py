"""From an opened Keras file to a network: inputs, the order of layers, and models inside of models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from pruner_gui.formats import keras_config, keras_layers
from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import NotAModel, UnsupportedPart, UnsupportedUse
from pruner_gui.formats.keras_config import MAX_CALLS, MAX_LAYERS, Layer, Model, Source
from pruner_gui.formats.keras_files import Contents
from pruner_gui.formats.keras_layers import Building, Value
from pruner_gui.network import Network, Origin

_SHAPES = ("batch_shape", "batch_input_shape")


def to_network(path: Path, contents: Contents, format: str) -> Network:
    """Return the network of an opened file.

    Raises:
        NotAModel, TooLarge, UnsupportedOp, UnsupportedUse, UnsupportedTensor, UnsupportedPart; KeyError,
        TypeError, ValueError where a configuration breaks the rules.
    """
    layers = keras_config.count(contents.config)
    hold(path, "nodes", layers, MAX_LAYERS)
    start = () if format == "keras" else ("model_weights",)
    model = keras_config.model(path, contents.config, start)
    _check_known(path, model)
    building = Building(path, _major(contents.version), contents.weights)
    building.top.update({layer.group[-1]: layer.name for layer in model.layers})
    layer, batch_shape = _input(path, contents.config, model)
    value = keras_layers.source(building, layer, _row(path, layer, batch_shape))
    first = value.source
    value = _run(building, model, value, [0])
    if value.source == first:
        raise NotAModel(path, "keras", "constant")
    return Network(
        _needed(building, value.source, first),
        (value.source,),
        Origin(
            format,
            first,
            value.source,
            tuple(batch_shape),
            (batch_shape[0], *value.shape),
            np.result_type(*(t for node in building.nodes for t in node.op.tensors().values())).name,
            MappingProxyType(_kept(contents, building, model)),
        ),
    )


def _kept(contents: Contents, building: Building, model: Model) -> dict[str, Any]:
    """What a file written from the network has in common with this one."""
    return {
        "version": contents.version,
        "model": model.class_name,
        "name": model.name,
        "listed": isinstance(contents.config.get("config"), list),
        "layers": MappingProxyType(building.layers),
        "idle": MappingProxyType(building.idle),
        "flatten": building.flatten,
    }


def _needed(building: Building, result: str, first: str) -> tuple[Any, ...]:
    wanted, kept = {result, first}, []
    for node in reversed(building.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
            kept.append(node)
    return tuple(kept[::-1])


def _major(version: str) -> int:
    """1, 2 or 3: what later ones change is not known."""
    found = re.match(r"\d+", version)
    return min(max(int(found[0]), 1), 3) if found and len(found[0]) < 4 else 3


def _check_known(path: Path, model: Model) -> None:
    for layer in model.layers:
        if layer.class_name in keras_config.MODELS:
            _check_known(path, _inner(path, layer))
        elif layer.class_name != "InputLayer":
            keras_layers.check_known(path, layer)


def _inner(path: Path, layer: Layer) -> Model:
    return keras_config.model(path, layer.config, layer.group)


# -- the input


def _input(path: Path, config: Mapping[str, Any], model: Model) -> tuple[Layer, tuple[Any, ...]]:
    """The layer where rows come in, with the shape of a batch: a Sequential's may be its first layer's."""
    name = model.source
    layer = next((layer for layer in model.layers if name in (None, layer.name)), None)
    if layer is None:
        raise UnsupportedPart(path, "inputs", ())
    shape: Any = None
    todo: list[Any] = [layer.config]
    while todo and shape is None:
        settings = todo.pop()
        shape = next((settings[key] for key in _SHAPES if settings.get(key)), None)
        if shape is None and settings.get("input_dim"):  # Keras 1
            shape = [None, settings["input_dim"]]
        inner = settings.get("config")
        listed = inner if isinstance(inner, list) else inner.get("layers", []) if inner else []
        todo += [
            entry["config"] if entry["class_name"] not in keras_config.MODELS else entry
            for entry in listed[:1]
        ]
    if shape is None and isinstance(config.get("config"), dict):
        shape = config["config"].get("build_input_shape")
    if shape is None:
        raise UnsupportedUse(path, layer.name, layer.class_name, "unknown_size")
    if layer.class_name != "InputLayer":
        layer = Layer(f"{layer.name}_input", "InputLayer", {}, (), layer.group)
    return layer, tuple(shape)


def _row(path: Path, layer: Layer, batch_shape: tuple[Any, ...]) -> tuple[int, ...]:
    sizes = batch_shape[1:]
    if not sizes or any(type(size) is not int for size in sizes):
        raise UnsupportedUse(path, layer.name, layer.class_name, "unknown_size")
    return sizes


# -- the layers


def _run(building: Building, model: Model, value: Value, calls: list[int]) -> Value:
    """Run a model on a value; `calls` counts over all models."""
    if model.class_name == "Sequential":
        for layer in model.layers:
            value = _apply(building, layer, [value], calls)
        return value
    values: dict[Source, Value] = {}
    uses = {layer.name: len(layer.calls) for layer in model.layers}
    waiting = list(_uses(model))
    values[str(model.source), 0] = value
    while waiting:
        later = []
        for layer, number, sources in waiting:
            places = [_place(values, uses, source) for source in sources]
            if None in places:
                later.append((layer, number, sources))
                continue
            inputs = [values[place] for place in places if place]
            values[layer.name, number] = _apply(building, layer, inputs, calls)
        if len(later) == len(waiting):
            raise NotAModel(building.path, "keras", "invalid", f"layer {later[0][0].name} has no input")
        waiting = later
    place = _place(values, uses, model.result or ("", 0))
    if place is None:
        raise NotAModel(building.path, "keras", "invalid", "no layer is the output")
    return values[place]


def _uses(model: Model) -> Iterator[tuple[Layer, int, keras_config.Call]]:
    for layer in model.layers:
        if layer.class_name != "InputLayer":
            for number, sources in enumerate(layer.calls):
                yield layer, number, sources


def _place(values: Mapping[Source, Value], uses: Mapping[str, int], source: Source) -> Source | None:
    """The value that a layer refers to: models inside count their uses from 1, in their own definition."""
    name, number = source
    if uses.get(name, 0) < 2:
        number = 0
    elif number >= uses[name]:
        number -= 1
    return (name, number) if (name, number) in values else None


def _apply(building: Building, layer: Layer, values: list[Value], calls: list[int]) -> Value:
    calls[0] += 1
    hold(building.path, "nodes", calls[0], MAX_CALLS)
    if layer.class_name == "InputLayer":
        return values[0]
    if layer.class_name in keras_config.MODELS:
        if len(values) != 1:
            raise UnsupportedPart(building.path, "inputs", tuple(value.source for value in values))
        return _run(building, _inner(building.path, layer), values[0], calls)
    if not values:
        raise building.refused(layer, "constant")
    if len(values) != 1 and layer.class_name not in ("Add", "Concatenate", "Merge"):
        raise building.refused(layer, "shape")
    return keras_layers.HANDLERS[layer.class_name](building, layer, values)
