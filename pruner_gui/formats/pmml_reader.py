"""From a decoded PMML file to a network.

One input of the network is one NeuralInput, in the file's order: a number field, before it is normalised, or
the indicator of a category. What an activation function computes, and how a field is normalised, follows the
standard's pages "Neural Network Models" and "Transformation Dictionary" (PMML 3.0 to 4.4).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from xml.etree.ElementTree import Element

import numpy as np

from pruner_gui.formats.bounds import hold
from pruner_gui.formats.errors import (
    NotAModel,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedUse,
    UnsupportedVersion,
)
from pruner_gui.formats.pmml_document import (
    Document,
    Layer,
    Unaligned,
    as_number,
    attribute,
    number,
    operations,
    to_target,
)
from pruner_gui.formats.pmml_names import Column, Names, Step
from pruner_gui.network import (
    Activation,
    Arithmetic,
    Concat,
    Dense,
    FloatArray,
    Input,
    MalformedGraph,
    Network,
    Node,
    Op,
    Origin,
    ShapeMismatch,
    UnitFlow,
)

MAX_VALUES = 1 << 28  # weights, those of missing connections too
_MAX_REFERENCES = 32  # from derived field to derived field
_NO_MODELS = ("Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary", "Extension")
_KEPT = ("modelName", "functionName", "algorithmName")
_ADJUSTED = ("min", "max", "castInteger")
_OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
_SIMPLE = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "exponential": "exponential",
    "sine": "sin",
    "cosine": "sin",  # a quarter of a turn further on
    "Elliott": "softsign",
    "rectifier": "relu",
}


def to_network(path: Path, document: Document) -> Network:
    """Return the network of a decoded file.

    Raises:
        NotAModel, TooLarge, UnsupportedVersion, UnsupportedPart, UnsupportedOp, UnsupportedUse.
    """
    try:
        return _Reader(path, document).network()
    except (ShapeMismatch, MalformedGraph) as error:
        raise NotAModel(path, "pmml", "invalid", str(error)) from error


def _model(path: Path, root: Element) -> Element:
    """The one neural network in the file."""
    if root.tag != "PMML":
        raise NotAModel(path, "pmml", "invalid", f"its root is {root.tag}, not PMML")
    major = root.get("version", "").partition(".")[0]
    if major not in ("3", "4"):
        raise UnsupportedVersion(
            path, "version", int(major) if major.isascii() and major.isdigit() else 0, 3, 4
        )
    models = [child for child in root if child.tag not in _NO_MODELS]
    names = tuple(model.get("modelName", model.tag) for model in models)
    if not models:
        raise NotAModel(path, "pmml", "invalid", "no model in it")
    if len(models) > 1:
        raise UnsupportedPart(path, "models", names)
    if models[0].tag != "NeuralNetwork":
        raise UnsupportedOp(path, names[0], models[0].tag, "model")
    return models[0]


class _Reader:
    """Follows one file from its inputs to its outputs."""

    def __init__(self, path: Path, document: Document) -> None:
        self._path = path
        self._model = _model(path, document.root)
        self._layers = document.layers
        self._fields = document.root.findall("DataDictionary/DataField")
        places = (document.root.find("TransformationDictionary"), self._model.find("LocalTransformations"))
        fields = [field for place in places if place is not None for field in place.findall("DerivedField")]
        self._derived = {field.get("name", ""): field for field in fields}
        self._dtype = np.float32 if self._model.get("x-mathContext") == "float" else np.float64
        self._nodes: list[Node] = []
        self._places: dict[str, tuple[int, int]] = {}  # of input and neuron ids: layer and position
        self._ends: list[str] = []  # the node that a layer's values come from, inputs first
        self._widths: list[int] = []
        self._start = 0  # of the last layer's nodes

    def network(self) -> Network:
        self._check_fields()
        inputs = self._inputs()
        if not self._layers:
            raise NotAModel(self._path, "pmml", "invalid", "no NeuralLayer")
        for i, layer in enumerate(self._layers, 1):
            self._layer(i, layer)
        outputs = self._outputs()
        outputs, complement = self._take_outputs(outputs)
        nodes = self._needed()
        ids = {
            f"layer_{i}": tuple(neuron.id for neuron in layer.neurons)
            for i, layer in enumerate(self._layers, 1)
        }
        kept = {name: self._model.attrib[name] for name in _KEPT if name in self._model.attrib}
        names = Names(kept, tuple(map(_field, self._fields)), inputs, outputs, ids, complement)
        extra = {
            "pmml": names,
            "feature_names": tuple(column.name for column in inputs),
            "classes": self._classes(outputs),
        }
        dtype = np.dtype(self._dtype).name
        return Network(nodes, (nodes[-1].name,), Origin("pmml", dtype=dtype, extra=MappingProxyType(extra)))

    # -- inputs

    def _check_fields(self) -> None:
        """Refuse what changes values without being a transformation."""
        for field in self._model.findall("MiningSchema/MiningField"):
            if field.get("outliers", "asIs") != "asIs":
                raise UnsupportedOp(self._path, field.get("name", ""), "outliers", "transformation")

    def _inputs(self) -> tuple[Column, ...]:
        columns = []
        for element in self._model.findall("NeuralInputs/NeuralInput"):
            name = attribute(self._path, element, "id")
            columns.append(replace(self._expression(_content(element.find("DerivedField")), name), id=name))
        if not columns:
            raise NotAModel(self._path, "pmml", "invalid", "no NeuralInput")
        self._add("input", Input(len(columns)))
        self._operations(columns, [column.steps for column in columns])
        self._register([column.id for column in columns])
        return tuple(columns)

    def _expression(self, element: Element | None, name: str, depth: int = 0) -> Column:
        """Follow an expression back to the field that it is made of."""
        if element is None or depth > _MAX_REFERENCES:
            raise NotAModel(self._path, "pmml", "invalid", f"{name} is made of nothing, or of itself")
        match element.tag:
            case "FieldRef":
                return self._reference(element, name, depth)
            case "NormContinuous":
                return self._continuous(element, name, depth)
            case "NormDiscrete" if element.get("method", "indicator") == "indicator":
                column = self._reference(element, name, depth)
                if not column.steps and column.value is None:
                    return replace(column, value=attribute(self._path, element, "value"))
            case "Apply" if len(element) == 2:
                return self._apply(element, name, depth)
        raise UnsupportedOp(self._path, name, element.get("function", element.tag), "transformation")

    def _reference(self, element: Element, name: str, depth: int) -> Column:
        field = attribute(self._path, element, "field")
        if field in self._derived:
            return self._expression(_content(self._derived[field]), name, depth + 1)
        return Column("", field)

    def _continuous(self, element: Element, name: str, depth: int) -> Column:
        """Linear interpolation between two points, and beyond them."""
        base = self._reference(element, name, depth)
        points = tuple(
            (number(self._path, point, "orig"), number(self._path, point, "norm"))
            for point in element.findall("LinearNorm")
        )
        outliers = element.get("outliers", "asIs")
        if len(points) != 2 or outliers not in ("asIs", "asExtremeValues") or base.value is not None:
            raise UnsupportedOp(self._path, name, "NormContinuous", "transformation")
        (x0, y0), (x1, y1) = points
        if x0 == x1:
            raise NotAModel(
                self._path, "pmml", "invalid", f"NormContinuous of {name} has the same point twice"
            )
        steps: tuple[Step, ...] = (
            ("sub", x0, 0.0),
            ("div", x1 - x0, 0.0),
            ("mul", y1 - y0, 0.0),
            ("add", y0, 0.0),
        )
        if outliers == "asExtremeValues":
            steps += (("clip", min(y0, y1), max(y0, y1)),)
        alone = not base.steps
        return Column("", base.field, None, base.steps + steps, points if alone else (), outliers)

    def _apply(self, element: Element, name: str, depth: int) -> Column:
        """Arithmetic with one constant."""
        function = attribute(self._path, element, "function")
        constants = [child.tag == "Constant" for child in element]
        if sum(constants) != 1:
            raise UnsupportedOp(self._path, name, function, "transformation")
        base = self._expression(element[constants.index(False)], name, depth + 1)
        constant = as_number(self._path, f"a constant of {name}", element[constants.index(True)].text or "")
        if function == "/" and not constant:
            raise NotAModel(self._path, "pmml", "invalid", f"{name} is divided by zero")
        steps = _steps(function, constant, first=constants[0])
        if not steps or base.value is not None:
            raise UnsupportedOp(self._path, name, function, "transformation")
        return Column("", base.field, None, _joined(base.steps, steps))

    def _operations(self, columns: Sequence[Column], steps: Sequence[Sequence[Step]]) -> None:
        """Add what is done to all columns of the last node."""
        try:
            ops = operations(steps, self._dtype)
        except Unaligned as unaligned:
            name = columns[unaligned.column].name
            raise UnsupportedOp(self._path, name, "outliers", "transformation") from None
        for op in ops:
            what = op.operator if isinstance(op, Arithmetic) else "clip"
            self._add(f"{self._nodes[-1].name}.{what}", op, self._nodes[-1].name)

    # -- layers

    def _add(self, name: str, op: Op, *inputs: str) -> None:
        self._nodes.append(Node(name, op, inputs))

    def _register(self, ids: Sequence[str]) -> None:
        """Note where values of these ids come from from now on."""
        for position, name in enumerate(ids):
            if name in self._places:
                raise NotAModel(self._path, "pmml", "invalid", f"two neurons with the id {name}")
            self._places[name] = (len(self._ends), position)
        self._ends.append(self._nodes[-1].name)
        self._widths.append(len(ids))

    def _layer(self, i: int, layer: Layer) -> None:
        name = f"layer_{i}"
        self._start = len(self._nodes)
        if not layer.neurons:
            raise NotAModel(self._path, "pmml", "invalid", f"layer {i} has no neurons")
        sources = self._sources(layer)
        weight = self._weight(layer, sources)
        bias = np.array([neuron.bias for neuron in layer.neurons], np.float64)
        function = self._setting(layer, "activationFunction")
        if function == "cosine":
            bias = bias + math.pi / 2
        source = self._ends[sources[0]]
        if len(sources) > 1:
            source = f"{name}.sources"
            self._add(source, Concat(), *(self._ends[place] for place in sources))
        if isinstance(self._nodes[-1].op, Dense) and self._nodes[-1].name == source and _passes(weight, bias):
            name = source  # sums and activations of one layer, written as two
            self._start -= 1
        else:
            self._add(name, Dense(weight, bias.astype(self._dtype)), source)
        for activation in self._activations(i, layer, function):
            self._add(f"{name}.{activation.kind}", activation, self._nodes[-1].name)
        self._register([neuron.id for neuron in layer.neurons])

    def _sources(self, layer: Layer) -> list[int]:
        """The layers that this one reads, the one before it when there is no connection at all."""
        found = set()
        for neuron in layer.neurons:
            for source in neuron.sources:
                if source not in self._places:
                    self._refuse_source(neuron.id, source)
                found.add(self._places[source][0])
        return sorted(found) or [len(self._ends) - 1]

    def _refuse_source(self, neuron: str, source: str) -> None:
        if any(other.id == source for layer in self._layers for other in layer.neurons):
            raise UnsupportedOp(self._path, neuron, f"Con {source}", "recurrent")
        raise NotAModel(self._path, "pmml", "invalid", f"neuron {neuron} reads {source}, which there is not")

    def _weight(self, layer: Layer, sources: Sequence[int]) -> FloatArray:
        starts = dict(
            zip(sources, np.cumsum([0, *(self._widths[k] for k in sources)]).tolist(), strict=False)
        )
        shape = sum(self._widths[k] for k in sources), len(layer.neurons)
        dense = [node.op.parameters for node in self._nodes]
        hold(self._path, "values", sum(dense) + math.prod(shape), MAX_VALUES)
        weight = np.zeros(shape, self._dtype)
        for column, neuron in enumerate(layer.neurons):
            places = (self._places[source] for source in neuron.sources)
            rows = np.array([starts[k] + position for k, position in places], np.intp)
            np.add.at(weight[:, column], rows, neuron.weights)
        return weight

    def _setting(self, layer: Layer, name: str, default: str = "") -> str:
        """An attribute of a layer, or of the whole network."""
        return layer.attributes.get(name) or self._model.get(name) or default

    def _activations(self, i: int, layer: Layer, function: str) -> Iterator[Activation]:
        if function == "threshold":
            limit = as_number(self._path, f"threshold of layer {i}", self._setting(layer, "threshold", "0"))
            yield Activation("step", {"centre": above(limit, self._dtype)})
        elif function == "Gauss":
            yield Activation("gaussian", {"width": math.sqrt(0.5)})
        elif function not in _SIMPLE:
            raise UnsupportedOp(self._path, f"layer {i}", function or "no activationFunction", "computed")
        elif function != "identity":
            yield Activation(_SIMPLE[function])
        method = self._setting(layer, "normalizationMethod", "none")
        if method == "softmax":
            yield Activation("softmax")
        elif method != "none":
            raise UnsupportedOp(self._path, f"layer {i}", method, "computed")

    # -- outputs

    def _outputs(self) -> tuple[Column, ...]:
        elements = self._model.findall("NeuralOutputs/NeuralOutput")
        if not elements:
            return tuple(Column(neuron.id, neuron.id) for neuron in self._layers[-1].neurons)
        columns = []
        for element in elements:
            name = attribute(self._path, element, "outputNeuron")
            column = replace(self._expression(_content(element.find("DerivedField")), name), id=name)
            if any(operator == "clip" or (operator, c) == ("mul", 0.0) for operator, c, _ in column.steps):
                raise UnsupportedOp(self._path, name, "NormContinuous", "transformation")
            columns.append(replace(column, rescale=self._rescale(column)))
        return tuple(columns)

    def _rescale(self, column: Column) -> tuple[float, float]:
        """What the Targets do to an output: factor and constant."""
        for target in self._model.findall("Targets/Target"):
            if target.get("field", column.field) != column.field:
                continue
            factor, constant = (
                number(self._path, target, name, neutral)
                for name, neutral in (("rescaleFactor", 1.0), ("rescaleConstant", 0.0))
            )
            changed = [name for name in _ADJUSTED if name in target.attrib]
            if column.value is not None and (factor, constant) != (1.0, 0.0):
                changed.append("rescaleFactor")
            if changed:
                raise UnsupportedOp(self._path, column.field, changed[0], "transformation")
            return factor, constant
        return 1.0, 0.0

    def _take_outputs(self, columns: tuple[Column, ...]) -> tuple[tuple[Column, ...], str]:
        """Bring the last layer into the order of the outputs; tell how one sigmoid stands for two."""
        last = len(self._ends) - 1
        order = []
        for column in columns:
            layer, position = self._places.get(column.id, (-1, 0))
            if layer != last or position in order:
                raise UnsupportedUse(self._path, column.id, "NeuralOutput", "shape")
            order.append(position)
        nodes = [node for node in self._nodes[self._start :] if not isinstance(node.op, Concat)]
        if len(order) < self._widths[last] and any(node.op.flow is UnitFlow.MIXES for node in nodes):
            raise UnsupportedUse(self._path, columns[0].id, "NeuralOutput", "shape")
        if order != list(range(self._widths[last])):
            units = np.array(order, np.intp)
            self._nodes[-len(nodes) :] = [
                Node(node.name, node.op.keep_out(units), node.inputs, units) for node in nodes
            ]
        if len(columns) == 2 and all(column.value is not None for column in columns):
            for complement in ("identity", "threshold"):
                positive = self._drop_complement(complement)
                if positive is not None:
                    return (columns[1 - positive], columns[positive]), complement
        self._operations(columns, [to_target(column) for column in columns])
        return columns, ""

    def _drop_complement(self, function: str) -> int | None:
        """Leave out a last layer that makes p and 1 - p of one sigmoid; return which output p is."""
        nodes = self._nodes
        if function == "threshold":  # as R's nnet is exported: one output for each class, 1 or 0
            match nodes[-1].op:
                case Activation(kind="step", settings={"centre": centre}) if centre == above(
                    0.5, self._dtype
                ):
                    nodes = nodes[:-1]
                case _:
                    return None
        match nodes[-2].op, nodes[-1].op:
            case Activation(kind="sigmoid"), Dense(weight=weight, bias=bias):
                found = [*weight.ravel().tolist(), *bias.tolist()]
                for positive, expected in ((1, [-1, 1, 1, 0]), (0, [1, -1, 0, 1])):
                    if found == expected and nodes[-1].inputs == (nodes[-2].name,):
                        self._nodes = nodes[:-1]
                        return positive
        return None

    def _classes(self, columns: Sequence[Column]) -> tuple[object, ...]:
        """The labels of the classes, where all outputs speak of one field."""
        values = [column.value for column in columns if column.value is not None]
        if len(values) != len(columns) or len({column.field for column in columns}) != 1:
            return ()
        field = next((field for field in self._fields if field.get("name") == columns[0].field), Element(""))
        if len(values) == 1:
            known = [value.get("value", "") for value in field.findall("Value")]
            values = [value for value in known if value not in values] + values
            if len(values) != 2:
                return ()
        if field.get("dataType") == "integer" and all(re.fullmatch(r"-?[0-9]{1,18}", v) for v in values):
            return tuple(map(int, values))
        return tuple(values)

    def _needed(self) -> tuple[Node, ...]:
        """The nodes that the last one depends on."""
        wanted = {self._nodes[-1].name, "input"}
        for node in reversed(self._nodes):
            if node.name in wanted:
                wanted.update(node.inputs)
        return tuple(node for node in self._nodes if node.name in wanted)


def above(threshold: float, dtype: type[np.floating]) -> float:
    """The least number over a threshold: a step is one there, the standard's threshold function over it."""
    return float(np.nextafter(dtype(threshold), dtype(np.inf)))


def _passes(weight: FloatArray, bias: FloatArray) -> bool:
    """Whether a layer only passes values on."""
    return not bias.any() and np.array_equal(weight, np.eye(len(bias)))


def _content(derived: Element | None) -> Element | None:
    """The expression in a DerivedField."""
    children = (
        [] if derived is None else [child for child in derived if child.tag not in ("Value", "Interval")]
    )
    return children[0] if len(children) == 1 else None


def _field(element: Element) -> tuple[Mapping[str, str], tuple[tuple[str, Mapping[str, str]], ...]]:
    children = tuple(
        (child.tag, dict(child.attrib)) for child in element if child.tag in ("Value", "Interval")
    )
    return dict(element.attrib), children


def _steps(function: str, constant: float, first: bool) -> tuple[Step, ...]:
    """The steps of an Apply; `first` when the constant comes first. None when there are no words for it."""
    match function, first:
        case (("+" | "*"), _):
            return ((_OPERATORS[function], constant, 0.0),)
        case (("-" | "/"), False):
            return ((_OPERATORS[function], constant, 0.0),)
        case "-", True:
            return (("mul", -1.0, 0.0), ("add", constant, 0.0))
        case "max", _:
            return (("clip", constant, math.inf),)
        case "min", _:
            return (("clip", -math.inf, constant),)
        case _:
            return ()


def _joined(steps: tuple[Step, ...], more: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps one after another, the two halves of a clip made one."""
    if steps and steps[-1][0] == more[0][0] == "clip":
        low, high = max(steps[-1][1], more[0][1]), min(steps[-1][2], more[0][2])
        if low <= high:
            return (*steps[:-1], ("clip", low, high))
    return steps + more
