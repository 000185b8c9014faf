"""A Keras model's configuration, of any version, as a flat list of layers and what each reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import NotAModel, UnsupportedOp, UnsupportedPart

MODELS = ("Sequential", "Functional", "Model")
MAX_LAYERS = 10_000
MAX_CALLS = 20_000  # of all layers, shared ones each time
_MAX_DEPTH = 16
_OWN = ("keras", "tf_keras", "tensorflow")

Call = tuple["Source", ...]
Source = tuple[str, int]  # a layer's name, and which of its calls


@dataclass(frozen=True)
class Layer:
    """One entry of a model's list of layers.

    `calls` are the inputs of each time it is used; a Sequential's layers leave them out. `group` is where
    its variables are: a path from the weights' root, the last part being the name that Keras 3 counts out.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...]
    group: tuple[str, ...]
    is_operation: bool = False


@dataclass(frozen=True)
class Model:
    """The layers of a model in the file's order; `result` is None for a Sequential."""

    class_name: str
    name: str
    layers: tuple[Layer, ...]
    source: str | None = None
    result: Source | None = None


def model(path: Path, config: Mapping[str, Any], group: tuple[str, ...] = ()) -> Model:
    """Return the model of a decoded configuration.

    Raises:
        NotAModel, TooLarge, UnsupportedOp, UnsupportedPart; KeyError, TypeError, ValueError where it breaks
        the rules.
    """
    class_name, body = str(config.get("class_name", "")), config.get("config")
    if class_name not in MODELS or _is_foreign(config):
        raise UnsupportedOp(path, _name(config), class_name, "custom")
    listed = body if isinstance(body, list) else _mapping(body)["layers"]
    settings = body if isinstance(body, dict) else {}
    hold(path, "levels", len(group) // 2, _MAX_DEPTH)
    layers = tuple(_layers(path, listed, group, class_name == "Sequential"))
    name = str(settings.get("name") or _name(config) or "model")
    if class_name == "Sequential":
        return Model(class_name, name, layers)
    return Model(
        "Functional" if class_name == "Functional" else "Model",
        name,
        layers,
        _only(path, "inputs", settings["input_layers"])[0],
        _only(path, "outputs", settings["output_layers"]),
    )


def count(config: Mapping[str, Any]) -> int:
    """The number of layers of a model and of the models inside it."""
    todo, found = [config], 0
    while todo:
        body = todo.pop().get("config")
        listed = body if isinstance(body, list) else _mapping(body).get("layers", [])
        found += len(listed)
        todo += [entry for entry in listed if isinstance(entry, dict) and entry.get("class_name") in MODELS]
    return found


def _layers(path: Path, listed: Sequence[Any], group: tuple[str, ...], sequential: bool) -> Iterator[Layer]:
    counts: dict[str, int] = {}
    for number, entry in enumerate(map(_mapping, listed)):
        class_name, config = str(entry["class_name"]), entry["config"]
        settings = config if isinstance(config, dict) else {"layers": config}
        name = str(settings.get("name") or entry.get("name") or f"{snake_case(class_name)}_{number + 1}")
        operation = ".ops." in f".{entry.get('module')}."
        if _is_foreign(entry):
            raise UnsupportedOp(path, name, class_name, "custom")
        place = snake_case("Functional" if class_name == "Model" else class_name)
        if not operation:
            counts[place] = counts.get(place, -1) + 1
            place = f"{place}_{counts[place]}" if counts[place] else place
        calls = () if sequential else tuple(map(_call, entry.get("inbound_nodes", ())))
        full = {**entry, "config": config} if class_name in MODELS else settings
        yield Layer(name, class_name, full, calls, (*group, "layers", place), operation)


def snake_case(name: str) -> str:
    """The name that Keras 3 gives a class in a file of weights: `batch_normalization`, `re_lu`."""
    out = ""
    for i, letter in enumerate(name):
        after, before = name[i + 1 : i + 2], name[i - 1 : i]
        if i and letter.isupper() and before != "_" and (after.islower() or before.islower()):
            out += "_"
        out += letter.lower()
    return out


def _is_foreign(entry: Mapping[str, Any]) -> bool:
    """Whether a class of this name may be somebody's own."""
    module, registered = entry.get("module"), entry.get("registered_name")
    own = module is None or str(module).split(".")[0] in _OWN
    return not own or (registered is not None and str(registered) != entry.get("class_name"))


def _name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    return str(config.get("name", "") if isinstance(config, dict) else entry.get("name", ""))


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("an object is missing in the configuration")
    return value


def _call(node: Any) -> Call:
    """The inputs of one use of a layer: nested lists in Keras 1 and 2, tensors with a history in Keras 3."""
    found: list[Source] = []
    todo = [node["args"] if isinstance(node, dict) else node]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            history = (
                item["config"]["keras_history"] if item.get("class_name") == "__keras_tensor__" else None
            )
            if history:
                found.append((str(history[0]), int(history[1])))
        elif isinstance(item, list) and len(item) >= 3 and isinstance(item[0], str):
            found.append((item[0], int(item[1])))
        elif isinstance(item, list):
            todo += item[::-1]
    return tuple(found)


def _only(path: Path, part: str, listed: Any) -> Source:
    """The one input or output: Keras 3 may leave out the list around it."""
    if listed and isinstance(listed[0], str):
        listed = [listed]
    if not isinstance(listed, list) or len(listed) != 1:
        raise UnsupportedPart(path, part, tuple(str(entry[0]) for entry in listed))
    return str(listed[0][0]), int(listed[0][1])


def invalid(path: Path, detail: str) -> NotAModel:
    """The refusal of a configuration that breaks the rules."""
    return NotAModel(path, "keras", "invalid", detail)
