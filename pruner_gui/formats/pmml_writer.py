"""From a network to PMML 4.4.

Names, data dictionary and normalisation are those that came in with a PMML file, as long as they still say
what the network does; otherwise fields are called by the network's feature names, or x1, x2... and y1, y2...
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from pruner_gui.formats.errors import NotExpressible
from pruner_gui.formats.pmml_document import (
    MAX_BYTES,
    MAX_ELEMENTS,
    affine,
    operations,
    same,
    steps_of,
    to_target,
)
from pruner_gui.formats.pmml_names import Column, Names, Step
from pruner_gui.network import Activation, Arithmetic, Concat, Dense, Network, Node, Op

_FUNCTIONS = {
    "linear": "identity",
    "relu": "rectifier",
    "sigmoid": "logistic",
    "tanh": "tanh",
    "exponential": "exponential",
    "sin": "sine",
    "softsign": "Elliott",
    "step": "threshold",
    "gaussian": "Gauss",
}
_APPLY = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


@dataclass
class _Layer:
    """A layer to be written: its sums, the ids they read, its own ids, and what follows the sums."""

    dense: Dense
    sources: list[str]
    ids: list[str]
    function: Activation
    softmax: bool = False


def to_xml(network: Network) -> bytes:
    """Return the file's content.

    Raises:
        NotExpressible
    """
    if len(network.outputs) != 1:
        raise NotExpressible("pmml", network.outputs[1], "outputs")
    if network.connections > min(MAX_ELEMENTS // 2, MAX_BYTES // 100):
        raise NotExpressible("pmml", "", "size")
    return _Writer(network).content()


class _Writer:
    """Takes a network apart into what PMML has words for, then writes it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        tensors = [tensor.dtype for node in network.nodes for tensor in node.op.tensors().values()]
        single = np.result_type(np.float32, *tensors) == np.float32
        self._dtype: type[np.floating[Any]] = np.float32 if single else np.float64
        kept = network.origin.extra.get("pmml")
        self._names = (
            kept if isinstance(kept, Names) and _fits(kept, network) else _new_names(network, single)
        )
        self._layers: list[_Layer] = []
        self._front: list[Op] = []
        self._back: list[Op] = []
        self._ids: dict[str, list[str]] = {}  # of a node's values, where neurons can read them
        self._done: set[str] = set()
        self._take_apart()
        self._outputs = self._current_outputs()

    def content(self) -> bytes:
        root = Element("PMML", version="4.4", xmlns="http://www.dmg.org/PMML-4_4")
        SubElement(SubElement(root, "Header"), "Application", name="Pruner")
        self._write_fields(root)
        model = SubElement(root, "NeuralNetwork", self._attributes())
        self._write_schema(model)
        self._write_targets(model)
        self._write_inputs(model)
        for layer in self._layers:
            self._write_layer(model, layer)
        if self._names.complement:
            self._write_complement(model)
        self._write_outputs(model)
        content: bytes = ElementTree.tostring(root, "UTF-8", xml_declaration=True)
        return content

    # -- taking apart

    def _take_apart(self) -> None:
        end = self._network.input
        self._done.add(end.name)
        for node in self._behind(end):
            if not isinstance(node.op, Arithmetic) and getattr(node.op, "kind", "") != "clip":
                break
            self._front.append(node.op)
            self._done.add(node.name)
            end = node
        self._ids[end.name] = [column.id for column in self._names.inputs]
        for node in self._network.nodes:
            match node.op:
                case _ if node.name in self._done:
                    pass
                case Dense() as dense:
                    self._take_layer(node, dense)
                case Concat():
                    self._ids[node.name] = [
                        name for source in node.inputs for name in self._read(node, source)
                    ]
                case _:
                    raise NotExpressible("pmml", node.name, "operation")
        output = self._network.outputs[0]
        if not self._layers or self._ids.get(output) is not self._layers[-1].ids:
            raise NotExpressible("pmml", output, "chain")

    def _take_layer(self, node: Node, dense: Dense) -> None:
        """Take a dense node and the activations behind it, and the arithmetic between it and the output."""
        known = self._names.neurons.get(node.name)
        ids = [known[unit] if known else f"{len(self._layers) + 1},{unit}" for unit in node.units.tolist()]
        layer = _Layer(dense, self._read(node, node.inputs[0]), ids, Activation("linear"))
        passed = [node]
        for other in self._behind(node):
            if isinstance(other.op, Activation) and other.op.kind == "softmax" and not layer.softmax:
                layer.softmax = True
            elif isinstance(other.op, Activation) and passed == [node] and _has_word(other.op):
                layer.function = other.op
            else:
                break
            passed.append(other)
        tail = list(self._behind(passed[-1]))
        if all(isinstance(other.op, Arithmetic) for other in tail) and self._ends([*passed, *tail]):
            self._back = [other.op for other in tail]
            passed += tail
        self._done.update(other.name for other in passed)
        self._ids[passed[-1].name] = ids
        self._layers.append(layer)

    def _ends(self, nodes: Sequence[Node]) -> bool:
        """Whether the last of these is the network's output."""
        return nodes[-1].name in self._network.outputs

    def _behind(self, node: Node) -> Iterator[Node]:
        """The nodes behind one, as long as each is all that reads the one before."""
        while node.name not in self._network.outputs:
            readers = [other for other in self._network.nodes if node.name in other.inputs]
            if len(readers) != 1 or len(readers[0].inputs) != 1:
                return
            node = readers[0]
            yield node

    def _read(self, node: Node, source: str) -> list[str]:
        if source not in self._ids:
            raise NotExpressible("pmml", node.name, "operation")
        return self._ids[source]

    # -- writing

    def _attributes(self) -> dict[str, str]:
        attributes = {
            **self._names.model,
            "activationFunction": _FUNCTIONS[self._layers[0].function.kind],
            "numberOfLayers": str(len(self._layers) + bool(self._names.complement)),
        }
        return attributes if self._dtype is np.float64 else {**attributes, "x-mathContext": "float"}

    def _number(self, value: float) -> str:
        """The shortest text that gives this number back."""
        text = str(float(value) if self._dtype is np.float64 else np.float32(value))
        return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(text, text)

    def _write_fields(self, root: Element) -> None:
        fields = SubElement(root, "DataDictionary", numberOfFields=str(len(self._names.fields)))
        for attributes, children in self._names.fields:
            field = SubElement(fields, "DataField", dict(attributes))
            for tag, values in children:
                SubElement(field, tag, dict(values))

    def _write_schema(self, model: Element) -> None:
        schema = SubElement(model, "MiningSchema")
        known = {attributes.get("name") for attributes, _ in self._names.fields}
        for name in dict.fromkeys(column.field for column in self._names.inputs):
            SubElement(schema, "MiningField", name=name)
        for name in dict.fromkeys(column.field for column in self._names.outputs):
            if name in known:
                SubElement(schema, "MiningField", name=name, usageType="target")

    def _write_inputs(self, model: Element) -> None:
        columns = self._names.inputs
        kept = self._kept([column.steps for column in columns], self._front)
        element = SubElement(model, "NeuralInputs", numberOfInputs=str(len(columns)))
        for i, column in enumerate(columns):
            if not kept:
                column = replace(column, steps=steps_of(self._front, i), points=())
            if column.value is not None and column.steps:
                raise NotExpressible("pmml", self._network.input.name, "operation")
            _derived(SubElement(element, "NeuralInput", id=column.id)).append(self._expression(column))

    def _kept(self, steps: Sequence[Sequence[Step]], ops: Sequence[Op]) -> bool:
        """Whether the normalisation that came in is still that of the network."""
        with np.errstate(all="ignore"):
            return same(operations(steps, self._dtype), ops)

    def _expression(self, column: Column) -> Element:
        if column.value is not None:
            return Element("NormDiscrete", field=column.field, value=column.value)
        if column.points:
            attributes = {} if column.outliers == "asIs" else {"outliers": column.outliers}
            return _continuous(column.field, column.points, attributes)
        element = Element("FieldRef", field=column.field)
        for operator, constant, high in column.steps:
            if operator != "clip":
                element = self._apply(_APPLY[operator], element, constant)
                continue
            if np.isfinite(high):
                element = self._apply("min", element, high)
            if np.isfinite(constant):
                element = self._apply("max", element, constant)
        return element

    def _apply(self, function: str, element: Element, constant: float) -> Element:
        apply = Element("Apply", function=function)
        apply.append(element)
        SubElement(apply, "Constant", dataType="double").text = self._number(constant)
        return apply

    def _write_layer(self, model: Element, layer: _Layer) -> None:
        attributes = {
            "numberOfNeurons": str(len(layer.ids)),
            "activationFunction": _FUNCTIONS[layer.function.kind],
        }
        if layer.function.kind == "step":
            attributes["threshold"] = self._number(below(layer.function.settings["centre"], self._dtype))
        if layer.softmax:
            attributes["normalizationMethod"] = "softmax"
        element = SubElement(model, "NeuralLayer", attributes)
        for name, weights, bias in zip(layer.ids, layer.dense.weight.T, layer.dense.bias, strict=True):
            neuron = SubElement(element, "Neuron", id=name, bias=self._number(bias))
            for k in np.flatnonzero(weights).tolist() or [0]:  # the standard wants one at least
                SubElement(neuron, "Con", {"from": layer.sources[k], "weight": self._number(weights[k])})

    def _write_complement(self, model: Element) -> None:
        """A sigmoid p as two neurons, 1 - p and p: one for each class."""
        attributes = {"numberOfNeurons": "2", "activationFunction": self._names.complement}
        if self._names.complement == "threshold":
            attributes["threshold"] = "0.5"
        element = SubElement(model, "NeuralLayer", attributes)
        for column, bias, weight in zip(self._names.outputs, ("1.0", "0.0"), ("-1.0", "1.0"), strict=True):
            neuron = SubElement(element, "Neuron", id=column.id, bias=bias)
            SubElement(neuron, "Con", {"from": self._layers[-1].ids[0], "weight": weight})

    def _write_targets(self, model: Element) -> None:
        targets = [column for column in self._outputs if column.rescale != (1.0, 0.0)]
        if not targets:
            return
        element = SubElement(model, "Targets")
        for column in targets:
            factor, constant = map(self._number, column.rescale)
            SubElement(element, "Target", field=column.field, rescaleFactor=factor, rescaleConstant=constant)

    def _write_outputs(self, model: Element) -> None:
        ids = [column.id for column in self._outputs] if self._names.complement else self._layers[-1].ids
        element = SubElement(model, "NeuralOutputs", numberOfOutputs=str(len(self._outputs)))
        for name, column in zip(ids, self._outputs, strict=True):
            _derived(SubElement(element, "NeuralOutput", outputNeuron=name)).append(self._expression(column))

    def _current_outputs(self) -> tuple[Column, ...]:
        """The outputs, with what the network does to them now: its linear function in the target."""
        columns = self._names.outputs
        if self._kept([to_target(column) for column in columns], self._back):
            return columns
        current = []
        for i, column in enumerate(columns):
            (_, factor, _), (_, constant, _) = affine(steps_of(self._back, i))
            if column.value is not None:
                raise NotExpressible("pmml", self._network.outputs[0], "operation")
            current.append(replace(column, steps=(), points=(), rescale=(factor, constant)))
        return tuple(current)


def below(centre: float, dtype: type[np.floating[Any]]) -> float:
    """The greatest number under a step: the standard's threshold function is one over its threshold only."""
    return float(np.nextafter(dtype(centre), dtype(-np.inf)))


def _derived(parent: Element) -> Element:
    return SubElement(parent, "DerivedField", optype="continuous", dataType="double")


def _continuous(field: str, points: Sequence[tuple[float, float]], attributes: Mapping[str, str]) -> Element:
    element = Element("NormContinuous", {"field": field, **attributes})
    for orig, norm in points:
        SubElement(element, "LinearNorm", orig=repr(orig), norm=repr(norm))
    return element


def _has_word(activation: Activation) -> bool:
    """Whether PMML has this function with these parameters."""
    match activation:
        case Activation(kind="step", settings={"low": low, "high": high}):
            return (low, high) == (0.0, 1.0)
        case Activation(kind="gaussian", settings=settings):
            return settings == {"centre": 0.0, "peak": 1.0, "width": math.sqrt(0.5)}
        case _:
            return activation.kind in _FUNCTIONS


# -- names


def _fits(names: Names, network: Network) -> bool:
    """Whether the names that came in are enough for the network as it is now."""
    if names.complement and (network.n_outputs, network.head) != (1, "sigmoid"):
        return False
    outputs = len(names.outputs) - bool(names.complement)
    known = all(node.units.max() < len(names.neurons.get(node.name, ())) for node, _ in network.dense)
    return known and (len(names.inputs), outputs) == (network.n_inputs, network.n_outputs)


def _new_names(network: Network, single: bool) -> Names:
    inputs = [Column(f"0,{i}", name) for i, name in enumerate(_feature_names(network))]
    taken = {column.field for column in inputs}
    labels = _labels(network)
    kind = "float" if single else "double"
    fields: list[Any] = [_number_field(column.field, kind) for column in inputs]
    if labels:
        target = _free("class", taken)
        outputs = [Column(f"{len(network.dense) + 1},{i}", target, label) for i, label in enumerate(labels)]
        values = tuple(("Value", {"value": label}) for label in labels)
        fields.append(({"name": target, "optype": "categorical", "dataType": "string"}, values))
    else:
        outputs = [Column("", _free(f"y{i + 1}", taken)) for i in range(network.n_outputs)]
        fields += [_number_field(column.field, kind) for column in outputs]
    model = {"functionName": "classification" if labels else "regression"}
    complement = "identity" if labels and network.n_outputs == 1 else ""
    return Names(model, tuple(fields), tuple(inputs), tuple(outputs), {}, complement)


def _feature_names(network: Network) -> list[str]:
    names = [_clean(name) for name in network.origin.extra.get("feature_names", ())]
    if len(names) == network.n_inputs == len(set(names)):
        return names
    return [f"x{i + 1}" for i in range(network.n_inputs)]


def _labels(network: Network) -> list[str]:
    """A label for each class; none where the outputs are no classes."""
    count = {("softmax", True): network.n_outputs, ("sigmoid", False): 2}.get(
        (network.head, network.n_outputs > 1), 0
    )
    labels = [_clean(str(label)) for label in network.origin.extra.get("classes", ())]
    return labels if len(labels) == count == len(set(labels)) else [str(i) for i in range(count)]


def _number_field(name: str, kind: str) -> tuple[Mapping[str, str], tuple[()]]:
    return {"name": name, "optype": "continuous", "dataType": kind}, ()


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _clean(text: str) -> str:
    """The text without what XML cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "_", text)
