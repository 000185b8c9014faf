"""Keras files made by hand, in the layouts of Keras 1, 2 and 3."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pruner_gui.network import FloatArray

Tensors = Mapping[str, Sequence[tuple[str, Any]]]  # by layer, the names and values of its variables


def kernel(n_in: int, n_out: int, seed: int = 0) -> FloatArray:
    """Random float32 weights."""
    return np.random.default_rng(seed).normal(size=(n_in, n_out)).astype(np.float32)


def layer(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    """A layer as Keras 2 writes it."""
    return {"class_name": class_name, "config": {"name": name, "trainable": True, **config}}


def dense(name: str, units: int, activation: Any = "linear", **config: Any) -> dict[str, Any]:
    """A dense layer as Keras 2 writes it."""
    return layer("Dense", name, units=units, activation=activation, **{"use_bias": True, **config})


def sequential(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """A model as Keras 2.2.3 and later write it."""
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}}


def variables(name: str, *values: Any, names: Sequence[str] = ("kernel", "bias")) -> list[tuple[str, Any]]:
    """A layer's tensors, named as Keras 2 does."""
    return [(f"{name}/{what}:0", value) for what, value in zip(names, values, strict=False)]


def save_h5(
    path: Path, config: Any, tensors: Tensors, version: str | None = "2.15.0", as_bytes: bool = False
) -> Path:
    """Write an HDF5 file as Keras 1 and 2 do."""
    text = json.dumps(config)
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = text.encode() if as_bytes else text
        if version:
            file.attrs["keras_version"] = version.encode() if as_bytes else version
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in tensors]
        for name, entries in tensors.items():
            own = group.create_group(name)
            own.attrs["weight_names"] = [what.encode() for what, _ in entries]
            for what, values in entries:
                own[what] = values
    return path


def as_keras_3(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The same layer as Keras 3 writes it."""
    module = "keras" if entry["class_name"] == "Sequential" else "keras.layers"
    config = dict(entry["config"])
    if "layers" in config:
        config["layers"] = [as_keras_3(inner) for inner in config["layers"]]
    return {**entry, "config": config, "module": module, "registered_name": None}


def save_keras(path: Path, config: Any, tensors: Mapping[str, Sequence[Any]], version: str = "3.3.3") -> Path:
    """Write an archive as Keras 3 does; `tensors` by group, such as `layers/dense`."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for group, values in tensors.items():
            for number, value in enumerate(values):
                file[f"{group}/vars/{number}"] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", content.getvalue())
    return path
