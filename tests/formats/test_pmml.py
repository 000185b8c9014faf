"""PMML: files as other programs write them, held to the standard's formulas.

What these files give was compared once with two other scorers; the formulas here are the standard's.
"""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import chain

from pruner_gui import wording
from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    NotAModel,
    NotExpressible,
    TooLarge,
    UnsupportedOp,
    UnsupportedPart,
    UnsupportedUse,
    UnsupportedVersion,
    pmml_document,
    pmml_reader,
    read,
    write,
)
from pruner_gui.network import (
    Activation,
    Add,
    Arithmetic,
    Concat,
    Dense,
    FloatArray,
    Input,
    Network,
    Node,
    RemoveUnits,
)

ROWS = np.array([[0.0, 0.0], [1.0, -2.0], [2.5, 0.3], [-1.0, 3.0]])
HIDDEN = '<Neuron id="h1" bias="0.1"><Con from="a" weight="0.7"/><Con from="b" weight="-0.3"/></Neuron>'
HIDDEN += '<Neuron id="h2"><Con from="b" weight="1.1"/></Neuron>'
LAST = '<Neuron id="o" bias="0.25"><Con from="h1" weight="1.5"/><Con from="h2" weight="-0.5"/></Neuron>'


def field(name: str) -> str:
    return f'<FieldRef field="{name}"/>'


def points(name: str, first: tuple[float, float], second: tuple[float, float], more: str = "") -> str:
    norms = "".join(f'<LinearNorm orig="{orig}" norm="{norm}"/>' for orig, norm in (first, second))
    return f'<NormContinuous field="{name}" {more}>{norms}</NormContinuous>'


def derived(expression: str, more: str = "") -> str:
    return f'<DerivedField optype="continuous" dataType="double" {more}>{expression}</DerivedField>'


def pmml(**parts: str) -> str:
    """A file of two inputs, two hidden neurons and one output; its parts can be replaced."""
    p = {
        "version": "4.4",
        "function": "tanh",
        "network": "",
        "dictionary": "".join(
            f'<DataField name="{n}" optype="continuous" dataType="double"/>' for n in "uvy"
        ),
        "schema": '<MiningField name="u"/><MiningField name="v"/><MiningField name="y" usageType="target"/>',
        "local": "",
        "u": field("u"),
        "v": field("v"),
        "layer": "",
        "hidden": HIDDEN,
        "last": f'<NeuralLayer activationFunction="identity">{LAST}</NeuralLayer>',
        "y": field("y"),
        **parts,
    }
    p.setdefault("outputs", f'<NeuralOutput outputNeuron="o">{derived(p["y"])}</NeuralOutput>')
    return f"""<?xml version="1.0"?>
<PMML version="{p["version"]}" xmlns="http://www.dmg.org/PMML-{p["version"].replace(".", "_")}">
 <Header copyright="none"><Extension name="a" value="b"/></Header>
 <DataDictionary>{p["dictionary"]}</DataDictionary>
 <NeuralNetwork functionName="regression" activationFunction="{p["function"]}" {p["network"]}>
  <MiningSchema>{p["schema"]}</MiningSchema>
  <LocalTransformations>{p["local"]}</LocalTransformations>
  <NeuralInputs>
   <NeuralInput id="a">{derived(p["u"])}</NeuralInput><NeuralInput id="b">{derived(p["v"])}</NeuralInput>
  </NeuralInputs>
  <NeuralLayer {p["layer"]}>{p["hidden"]}</NeuralLayer>{p["last"]}
  <NeuralOutputs>{p["outputs"]}</NeuralOutputs>
 </NeuralNetwork>
</PMML>"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.pmml"


def opened(path: Path, text: str) -> Network:
    path.write_text(text)
    return read(path)


def plain(rows: FloatArray, function: Callable[[FloatArray], FloatArray] = np.tanh) -> FloatArray:
    """What the file of `pmml` gives."""
    sums = np.column_stack([0.7 * rows[:, 0] - 0.3 * rows[:, 1] + 0.1, 1.1 * rows[:, 1]])
    return function(sums) @ np.array([[1.5], [-0.5]]) + 0.25


def same(one: Network, other: Network) -> None:
    """The nodes are the same, to the bit."""
    assert [(node.name, node.inputs, type(node.op)) for node in one.nodes] == [
        (node.name, node.inputs, type(node.op)) for node in other.nodes
    ]
    for node, again in zip(one.nodes, other.nodes, strict=True):
        assert getattr(node.op, "kind", "") == getattr(again.op, "kind", "")
        assert getattr(node.op, "settings", {}) == getattr(again.op, "settings", {})
        for name, tensor in node.op.tensors().items():
            assert tensor.dtype == again.op.tensors()[name].dtype
            np.testing.assert_array_equal(tensor, again.op.tensors()[name])


def check(path: Path, text: str, expected: FloatArray, rows: FloatArray = ROWS) -> Network:
    """The file gives this, and is the same network when it has been written and read again."""
    network = opened(path, text)
    np.testing.assert_allclose(network.forward(rows), expected, rtol=1e-12, atol=1e-12)
    write(network, path, rows)
    again = read(path)
    same(network, again)
    assert again.origin.extra["feature_names"] == network.origin.extra["feature_names"]
    assert again.origin.extra["classes"] == network.origin.extra["classes"]
    return network


# -- what layers compute


FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "threshold": lambda z: (z > 0).astype(float),
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (1 - np.exp(-2 * z)) / (1 + np.exp(-2 * z)),
    "identity": lambda z: z,
    "exponential": np.exp,
    "Gauss": lambda z: np.exp(-(z**2)),
    "sine": np.sin,
    "cosine": np.cos,
    "Elliott": lambda z: z / (1 + np.abs(z)),
    "rectifier": lambda z: np.maximum(0, z),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("version", ["3.0", "3.2", "4.1", "4.4"])
def test_activation_functions(path: Path, function: str, version: str) -> None:
    check(path, pmml(function=function, version=version), plain(ROWS, FUNCTIONS[function]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_layer_has_its_own_function(path: Path, function: str) -> None:
    text = pmml(function="arctan", layer=f'activationFunction="{function}"')
    check(path, text, plain(ROWS, FUNCTIONS[function]))


@pytest.mark.parametrize("function", ["arctan", "square", "reciprocal", "radialBasis", "swoosh", ""])
def test_functions_without_a_word_are_named(path: Path, function: str) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, pmml(function=function))
    assert (refusal.value.node, refusal.value.op) == ("layer 1", function or "no activationFunction")


@pytest.mark.parametrize("place", ["layer", "network"])
def test_a_threshold_is_passed_not_reached(path: Path, place: str) -> None:
    text = pmml(function="threshold", **{place: 'threshold="0.1"'})
    check(path, text, plain(ROWS, lambda z: (z > 0.1).astype(float)))


def softmax(z: FloatArray) -> FloatArray:
    e = np.exp(z)
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def test_softmax_comes_after_the_function(path: Path) -> None:
    text = pmml(layer='normalizationMethod="softmax"')
    check(path, text, plain(ROWS, lambda z: softmax(np.tanh(z))))


def test_softmax_of_the_network_is_every_layers_default(path: Path) -> None:
    last = f'<NeuralLayer normalizationMethod="none" activationFunction="identity">{LAST}</NeuralLayer>'
    text = pmml(network='normalizationMethod="softmax"', last=last)
    check(path, text, plain(ROWS, lambda z: softmax(np.tanh(z))))


def test_simplemax_is_refused(path: Path) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, pmml(layer='normalizationMethod="simplemax"'))
    assert refusal.value.op == "simplemax"


def test_connections_over_layers(path: Path) -> None:
    last = '<Neuron id="o"><Con from="h1" weight="1.5"/><Con from="a" weight="-0.5"/></Neuron>'
    text = pmml(last=f'<NeuralLayer activationFunction="identity">{last}</NeuralLayer>')
    expected = 1.5 * np.tanh(0.7 * ROWS[:, 0] - 0.3 * ROWS[:, 1] + 0.1) - 0.5 * ROWS[:, 0]
    network = check(path, text, expected[:, None])
    assert any(isinstance(node.op, Concat) for node in network.nodes)


@pytest.mark.parametrize("source", ["o", "h2"])
def test_recurrent_connections_are_refused_by_neuron(path: Path, source: str) -> None:
    hidden = f'<Neuron id="h1"><Con from="{source}" weight="1"/></Neuron><Neuron id="h2"/>'
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, pmml(hidden=hidden))
    assert (refusal.value.node, refusal.value.hint) == ("h1", "recurrent")


# -- inputs and outputs


def test_fields_are_normalised(path: Path) -> None:
    text = pmml(u=points("u", (1, 0), (3, 1)), v=points("v", (-1, -1), (4, 1)))
    u, v = ROWS.T
    network = check(path, text, plain(np.column_stack([(u - 1) / 2, (v + 1) / 5 * 2 - 1])))
    assert network.origin.extra["feature_names"] == ("u", "v")
    norms = ElementTree.parse(path).getroot().findall(".//{*}NeuralInputs//{*}LinearNorm")
    assert [(float(norm.get("orig", "")), float(norm.get("norm", ""))) for norm in norms] == [
        (1, 0),
        (3, 1),
        (-1, -1),
        (4, 1),
    ]


def test_only_some_fields_are_normalised(path: Path) -> None:
    u, v = ROWS.T
    check(path, pmml(u=points("u", (1, 0), (3, 1))), plain(np.column_stack([(u - 1) / 2, v])))


def test_values_outside_can_be_cut(path: Path) -> None:
    more = 'outliers="asExtremeValues"'
    text = pmml(u=points("u", (1, 0), (3, 1), more), v=points("v", (0, 0), (2, 1), more))
    u, v = ROWS.T
    cut = np.column_stack([np.clip((u - 1) / 2, 0, 1), np.clip(v / 2, 0, 1)])
    check(path, text, plain(cut))


def test_normalisation_in_derived_fields(path: Path) -> None:
    # As KNIME writes it: z-scores as the values at 0 and 1, in local transformations.
    local = derived(points("u", (0, -1.5), (1, -0.5)), 'name="u*"') + derived(field("u*"), 'name="u**"')
    local += derived(points("v", (0, 0.25), (1, 1.5)), 'name="v*"')
    u, v = ROWS.T
    text = pmml(u=field("u**"), v=field("v*"), local=local)
    network = check(path, text, plain(np.column_stack([u - 1.5, v * 1.25 + 0.25])))
    assert network.origin.extra["feature_names"] == ("u", "v")


def apply(function: str, *arguments: str) -> str:
    return f'<Apply function="{function}">{"".join(arguments)}</Apply>'


def constant(value: float) -> str:
    return f'<Constant dataType="double">{value}</Constant>'


def test_arithmetic_with_constants(path: Path) -> None:
    u, v = ROWS.T
    one = apply("/", apply("-", field("u"), constant(0.5)), constant(2))
    two = apply("-", constant(3), apply("*", constant(4), field("v")))
    check(path, pmml(u=one, v=two), plain(np.column_stack([(u - 0.5) / 2, 3 - 4 * v])))
    one, two = (apply("max", apply("min", field(n), constant(1)), constant(-1)) for n in "uv")
    check(path, pmml(u=one, v=two), plain(np.clip(ROWS, -1, 1)))


@pytest.mark.parametrize(
    "expression",
    [
        '<NormContinuous field="u"><LinearNorm orig="0" norm="0"/></NormContinuous>',
        points("u", (0, 0), (1, 1)).replace("</Norm", '<LinearNorm orig="2" norm="5"/></Norm'),
        points("u", (0, 0), (1, 1), 'outliers="asMissingValues"'),
        points("u", (0, 0), (1, 1), 'outliers="asExtremeValues"'),  # of one field only
        apply("ln", field("u")),
        apply("+", field("u"), field("v")),
        apply("/", constant(1), field("u")),
        apply("+", '<NormDiscrete field="u" value="1"/>', constant(1)),
        '<NormDiscrete field="u" value="1" method="thermometer"/>',
        '<Discretize field="u"/>',
        '<Constant dataType="double">1</Constant>',
    ],
)
def test_other_transformations_are_named(path: Path, expression: str) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, pmml(u=expression))
    assert (refusal.value.node in "au", refusal.value.hint) == (True, "transformation")
    assert str(path) in wording.problem(refusal.value).what


@pytest.mark.parametrize("change", ['castInteger="round"', 'min="0"', 'max="9"'])
def test_targets_changed_elsewhere_are_refused(path: Path, change: str) -> None:
    targets = f'<Targets><Target field="y" {change}/></Targets></NeuralNetwork>'
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, pmml().replace("</NeuralNetwork>", targets))
    assert (refusal.value.node, refusal.value.hint) == ("y", "transformation")


def test_fields_changed_elsewhere_are_refused(path: Path) -> None:
    schema = '<MiningField name="u" outliers="asExtremeValues" lowValue="0" highValue="1"/>'
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, pmml(schema=schema))
    assert (refusal.value.node, refusal.value.hint) == ("u", "transformation")


def test_targets_are_rescaled(path: Path) -> None:
    targets = '<Targets><Target field="y" rescaleFactor="-3" rescaleConstant="7"/></Targets></NeuralNetwork>'
    rescaled = (plain(ROWS) * 20 + 10) * -3 + 7
    check(path, pmml(y=points("y", (10, 0), (30, 1))).replace("</NeuralNetwork>", targets), rescaled)
    check(path, pmml().replace("</NeuralNetwork>", targets), plain(ROWS) * -3 + 7)
    check(path, pmml(y=points("y", (10, 0), (30, 1))), plain(ROWS) * 20 + 10)
    check(path, pmml(y=points("y", (10, -1), (30, 1))), (plain(ROWS) + 1) / 2 * 20 + 10)


CATEGORIES = '<DataField name="c" optype="categorical" dataType="string"><Value value="red"/>'
CATEGORIES += '<Value value="gr&amp;y"/></DataField>'


def test_categories_are_inputs_of_their_own(path: Path) -> None:
    dictionary = CATEGORIES + '<DataField name="y" optype="continuous" dataType="double"/>'
    red, grey = '<NormDiscrete field="c" value="red"/>', '<NormDiscrete field="c" value="gr&amp;y"/>'
    rows = np.array([[1.0, 0.0], [0.0, 1.0]])
    text = pmml(dictionary=dictionary, schema='<MiningField name="c"/>', u=red, v=grey)
    network = check(path, text, plain(rows), rows)
    assert network.origin.extra["feature_names"] == ("c=red", "c=gr&y")
    mixed = opened(path, pmml(dictionary=dictionary, u=points("u", (1, 0), (3, 1)), v=grey))
    np.testing.assert_allclose(mixed.forward(rows), plain((rows - [1, 0]) / [2, 1]), rtol=1e-12)


def two_classes(first: str = "red", second: str = "gr&amp;y") -> dict[str, str]:
    """One sigmoid for two classes, as scikit-learn's converters write it."""
    layers = f'<NeuralLayer activationFunction="identity">{LAST}</NeuralLayer>'
    layers += '<NeuralLayer activationFunction="logistic"><Neuron id="p"><Con from="o" weight="1"/></Neuron>'
    layers += '</NeuralLayer><NeuralLayer activationFunction="identity">'
    layers += '<Neuron id="no" bias="1"><Con from="p" weight="-1"/></Neuron>'
    layers += '<Neuron id="yes"><Con from="p" weight="1"/></Neuron></NeuralLayer>'
    outputs = "".join(
        f'<NeuralOutput outputNeuron="{neuron}">{derived(f"""<NormDiscrete field="c" value="{value}"/>""")}'
        "</NeuralOutput>"
        for neuron, value in (("no", first), ("yes", second))
    )
    return {"last": layers, "outputs": outputs, "dictionary": CATEGORIES}


def test_two_classes_are_one_sigmoid(path: Path) -> None:
    network = check(path, pmml(**two_classes()), 1 / (1 + np.exp(-plain(ROWS))))
    assert (network.head, network.layer_sizes) == ("sigmoid", (2, 2, 1))
    assert network.origin.extra["classes"] == ("red", "gr&y")
    parts = two_classes()
    no, yes = parts["outputs"].split("</NeuralOutput>")[:2]
    parts["outputs"] = f"{yes}</NeuralOutput>{no}</NeuralOutput>"
    network = check(path, pmml(**parts), 1 / (1 + np.exp(-plain(ROWS))))
    assert network.origin.extra["classes"] == ("red", "gr&y")


def test_two_classes_told_by_a_threshold(path: Path) -> None:
    # As R's nnet is exported: behind the sigmoid each class is 1 or 0. The network ends in the sigmoid.
    parts = two_classes()
    last = 'activationFunction="identity"><Neuron id="no"'
    assert last in parts["last"]
    parts["last"] = parts["last"].replace(
        last, 'activationFunction="threshold" threshold="0.5"><Neuron id="no"'
    )
    network = check(path, pmml(**parts), 1 / (1 + np.exp(-plain(ROWS))))
    assert network.origin.extra["classes"] == ("red", "gr&y")
    layer = ElementTree.parse(path).getroot().findall(".//{*}NeuralLayer")[-1]
    assert (layer.get("activationFunction"), layer.get("threshold")) == ("threshold", "0.5")


def test_classes_that_are_numbers(path: Path) -> None:
    parts = two_classes("4", "-7")
    parts["dictionary"] = '<DataField name="c" optype="categorical" dataType="integer"/>'
    assert opened(path, pmml(**parts)).origin.extra["classes"] == (4, -7)


def test_one_output_for_two_classes(path: Path) -> None:
    grey = derived('<NormDiscrete field="c" value="gr&amp;y"/>')
    outputs = f'<NeuralOutput outputNeuron="o">{grey}</NeuralOutput>'
    last = f'<NeuralLayer activationFunction="logistic">{LAST}</NeuralLayer>'
    text = pmml(last=last, outputs=outputs, dictionary=CATEGORIES)
    network = check(path, text, 1 / (1 + np.exp(-plain(ROWS))))
    assert network.origin.extra["classes"] == ("red", "gr&y")


def test_outputs_in_another_order(path: Path) -> None:
    outputs = "".join(
        f'<NeuralOutput outputNeuron="{n}">{derived(field(f"y{n}"))}</NeuralOutput>' for n in ("h2", "h1")
    )
    hidden = np.tanh(np.column_stack([1.1 * ROWS[:, 1], 0.7 * ROWS[:, 0] - 0.3 * ROWS[:, 1] + 0.1]))
    network = opened(path, pmml(last="", outputs=outputs))
    np.testing.assert_allclose(network.forward(ROWS), hidden, rtol=1e-12)
    write(network, path)
    np.testing.assert_array_equal(read(path).forward(ROWS), network.forward(ROWS))
    network = opened(path, pmml(last="", outputs=outputs.partition("</NeuralOutput>")[0] + "</NeuralOutput>"))
    np.testing.assert_allclose(network.forward(ROWS), hidden[:, :1], rtol=1e-12)


@pytest.mark.parametrize("neurons", [("h1",), ("o", "o"), ("a",), ("nobody",)])
def test_outputs_that_are_no_last_layer(path: Path, neurons: tuple[str, ...]) -> None:
    outputs = "".join(
        f'<NeuralOutput outputNeuron="{n}">{derived(field("y"))}</NeuralOutput>' for n in neurons
    )
    with pytest.raises(UnsupportedUse) as refusal:
        opened(path, pmml(outputs=outputs))
    assert refusal.value.node == neurons[-1]


# -- writing


@pytest.mark.parametrize(
    "hidden", ["linear", "relu", "sigmoid", "tanh", "exponential", "sin", "softsign", "step"]
)
@pytest.mark.parametrize(("head", "outputs"), [("softmax", 3), ("sigmoid", 1), ("sigmoid", 2), ("linear", 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_networks_of_other_formats(path: Path, hidden: str, head: str, outputs: int, dtype: Any) -> None:
    network = chain(np.random.default_rng(0), [4, 5, 3, outputs], [hidden, "tanh"], head, dtype)
    write(network, path)
    again = read(path)
    rows = np.random.default_rng(1).normal(size=(30, 4)).astype(dtype)
    np.testing.assert_array_equal(again.forward(rows), network.forward(rows))
    assert (again.head, again.origin.dtype) == (head, np.dtype(dtype).name)
    root = ElementTree.parse(path).getroot()
    assert root.get("version") == "4.4"
    neurons = root.findall(".//{*}Neuron")
    weights = [[float(con.get("weight", "")) for con in neuron] for neuron in neurons]
    assert all(row == [0] or (row and 0 not in row) for row in weights)
    written = sum(map(np.count_nonzero, weights))
    assert written == network.connections + 2 * (head == "sigmoid" and outputs == 1)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_normalisation_at_either_end(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    nodes = [Node("x", Input(3))]
    operators = st.lists(st.sampled_from(["add", "sub", "mul", "div"]), max_size=4)
    for i, what in enumerate([*data.draw(operators), "dense", *data.draw(operators)]):
        dense = Dense(rng.normal(size=(3, 3)), rng.normal(size=3))
        op = dense if what == "dense" else Arithmetic(what, rng.uniform(0.5, 2, 3))
        nodes.append(Node(f"node{i}", op, (nodes[-1].name,)))
    network = Network(tuple(nodes), (nodes[-1].name,))
    path = tmp_path_factory.mktemp("pmml") / "model.pmml"
    write(network, path)
    again = read(path)
    rows = rng.normal(size=(20, 3))
    np.testing.assert_allclose(again.forward(rows), network.forward(rows), rtol=1e-9, atol=1e-9)
    write(again, path)
    same(read(path), again)


def test_names_stay_when_neurons_go(path: Path) -> None:
    network = opened(path, pmml(u=points("u", (1, 0), (3, 1)), network='modelName="mine"'))
    network = RemoveUnits("layer_1", (0,)).apply(network)
    write(network, path)
    np.testing.assert_array_equal(read(path).forward(ROWS), network.forward(ROWS))
    root = ElementTree.parse(path).getroot()
    assert [neuron.get("id") for neuron in root.findall(".//{*}Neuron")] == ["h2", "o"]
    assert [field.get("name") for field in root.findall(".//{*}DataField")] == ["u", "v", "y"]
    model = root.find("{*}NeuralNetwork")
    assert model is not None
    assert (model.get("modelName"), model.get("functionName")) == ("mine", "regression")
    usage = [field.get("usageType", "active") for field in root.findall(".//{*}MiningField")]
    assert usage == ["active", "active", "target"]


def test_names_that_xml_has_no_letters_for(path: Path) -> None:
    network = chain(np.random.default_rng(0), [2, 2], [], "linear")
    origin = network.origin.__class__(extra={"feature_names": ("<a & \x00\ud800>", 'b"\n')})
    write(Network(network.nodes, network.outputs, origin), path)
    assert read(path).origin.extra["feature_names"] == ("<a & __>", 'b"\n')


def dense(n_in: int = 2, n_out: int = 2) -> Dense:
    return Dense(np.ones((n_in, n_out)), np.zeros(n_out))


@pytest.mark.parametrize(
    ("steps", "culprit", "problem"),
    [
        ([("a", dense(), "x"), ("b", dense(), "x"), ("c", Add(), "a", "b")], "c", "operation"),
        (
            [("a", dense(), "x"), ("b", Arithmetic("mul", np.ones(2)), "a"), ("c", dense(), "b")],
            "b",
            "operation",
        ),
        ([("a", dense(), "x"), ("b", Activation("elu"), "a"), ("c", dense(), "b")], "b", "operation"),
        (
            [("a", dense(), "x"), ("b", Activation("tanh"), "a"), ("c", Activation("tanh"), "b")],
            "c",
            "operation",
        ),
        ([("a", Activation("tanh"), "x"), ("b", dense(), "a")], "a", "operation"),
        ([("a", dense(), "x"), ("b", Activation("gaussian"), "a")], "b", "operation"),
        ([("a", dense(), "x"), ("b", Activation("step", {"low": -1}), "a")], "b", "operation"),
        ([("a", dense(), "x"), ("b", Concat(), "a", "x")], "b", "chain"),
        ([], "x", "chain"),
    ],
)
def test_what_pmml_cannot_say(path: Path, steps: list[tuple[Any, ...]], culprit: str, problem: str) -> None:
    nodes = [Node("x", Input(2)), *(Node(name, op, tuple(inputs)) for name, op, *inputs in steps)]
    with pytest.raises(NotExpressible) as refusal:
        write(Network(tuple(nodes), (nodes[-1].name,)), path)
    assert (refusal.value.format, refusal.value.node, refusal.value.problem) == ("pmml", culprit, problem)
    assert not path.exists()


# -- which files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("name", ["model.pmml", "model.xml", "model", "model.onnx"])
def test_encodings_and_extensions(tmp_path: Path, encoding: str, name: str) -> None:
    declared = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    text = pmml(network='modelName="é"').replace("?>", f' encoding="{declared}"?>', 1)
    (tmp_path / name).write_bytes(text.encode(encoding))
    network = read(tmp_path / name)
    np.testing.assert_allclose(network.forward(ROWS), plain(ROWS))
    assert network.origin.extra["pmml"].model["modelName"] == "é"


def test_prefixed_names(path: Path) -> None:
    text = pmml().replace("</", "</p:").replace("<", "<p:").replace("<p:/p:", "</p:").replace("<p:?", "<?")
    np.testing.assert_allclose(opened(path, text.replace("xmlns=", "xmlns:p=")).forward(ROWS), plain(ROWS))


@pytest.mark.parametrize(("version", "found"), [("2.1", 2), ("5.0", 5), ("", 0), ("four", 0)])
def test_other_versions(path: Path, version: str, found: int) -> None:
    with pytest.raises(UnsupportedVersion) as refusal:
        opened(path, pmml(version=version))
    assert (refusal.value.what, refusal.value.found) == ("version", found)


def test_other_models(path: Path) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        opened(path, pmml().replace("NeuralNetwork", "TreeModel"))
    assert (refusal.value.op, refusal.value.hint) == ("TreeModel", "model")
    text = pmml(network='modelName="one"')
    model = text[text.index("<NeuralNetwork") : text.index("</PMML>")]
    with pytest.raises(UnsupportedPart) as several:
        opened(path, text.replace("</PMML>", model.replace("one", "two") + "</PMML>"))
    assert (several.value.part, several.value.names) == ("models", ("one", "two"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('weight="0.7"', 'weight="much"'),
        ('weight="0.7"', 'weight="1_0"'),
        ('weight="0.7"', ""),
        ('from="a"', ""),
        ('from="a"', 'from="nobody"'),
        ('<Neuron id="h2">', "<Neuron>"),
        ('<Neuron id="h2">', '<Neuron id="h1">'),
        ('id="b"', 'id="a"'),
        ('<FieldRef field="u"/>', ""),
        ('<FieldRef field="u"/>', '<FieldRef field="u"/><FieldRef field="v"/>'),
        ('<FieldRef field="u"/>', "<FieldRef/>"),
        ('<FieldRef field="u"/>', points("u", (1, 0), (1, 1))),
        ('<FieldRef field="u"/>', apply("+", field("u"), "<Constant/>")),
        ("NeuralLayer", "Layer"),
        ("NeuralInput", "Input"),
        (HIDDEN, ""),
        ("<PMML", "<HTML"),
        ("</PMML>", "</HTML>"),
        ("NeuralNetwork", "Extension"),
    ],
)
def test_files_that_break_the_rules(path: Path, old: str, new: str) -> None:
    text = pmml()
    assert old in text
    text = text.replace(old, new).replace("</PMML>", "</HTML>") if new == "<HTML" else text.replace(old, new)
    with pytest.raises(NotAModel) as refusal:
        opened(path, text)
    assert refusal.value.reason == ("damaged" if new == "</HTML>" else "invalid")
    assert refusal.value.format == "pmml"


def test_fields_made_of_themselves(path: Path) -> None:
    local = derived(field("w"), 'name="u"') + derived(field("u"), 'name="w"')
    with pytest.raises(NotAModel) as refusal:
        opened(path, pmml(local=local))
    assert refusal.value.reason == "invalid"


def test_undefined_weights_are_read(path: Path) -> None:
    network = opened(path, pmml().replace('weight="0.7"', 'weight="NaN"').replace('"0.25"', '"-INF"'))
    assert network.non_finite() == ("layer_1", "weight", (0, 0))
    write(network, path)
    same(read(path), network)


# -- files not to be trusted


def test_a_file_cut_off_anywhere(path: Path) -> None:
    content = pmml().encode()
    for size in range(len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(NotAModel) as refusal:
            read(path)
        assert refusal.value.reason == ("damaged" if size else "empty")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_with_a_part_changed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(pmml(**two_classes()).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content) - 1))
        content[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=4))
    path = tmp_path_factory.mktemp("pmml") / "model.pmml"
    path.write_bytes(content)
    with contextlib.suppress(PrunerError):
        read(path)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE PMML [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE PMML [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE PMML SYSTEM "pmml.dtd">',
    ],
)
def test_document_types_are_refused(path: Path, declaration: str) -> None:
    with pytest.raises(NotAModel) as refusal:
        opened(path, pmml().replace("?>", f"?>{declaration}", 1))
    assert refusal.value.reason == "invalid"
    assert "DTDForbidden" in refusal.value.detail


def test_elements_without_end(path: Path) -> None:
    with pytest.raises(TooLarge) as refusal:
        opened(path, '<PMML version="4.4">' + "<Extension>" * 500_000)
    assert refusal.value.what == "levels"


def test_too_many_elements(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmml_document, "MAX_ELEMENTS", 20)
    with pytest.raises(TooLarge) as refusal:
        opened(path, pmml())
    assert (refusal.value.what, refusal.value.limit) == ("parts", 20)


def test_a_text_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmml_document, "MAX_CHARACTERS", 1 << 20)
    with pytest.raises(TooLarge) as refusal:
        opened(path, pmml(local=" " * (1 << 21)))
    assert refusal.value.what == "characters"


def test_a_file_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmml_document, "MAX_BYTES", 100)
    with pytest.raises(TooLarge) as refusal:
        opened(path, pmml())
    assert refusal.value.what == "file"


def test_layers_whose_weights_would_fill_the_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pmml_reader, "MAX_VALUES", 1000)
    neurons = "".join(f'<Neuron id="n{i}"/>' for i in range(600))
    with pytest.raises(TooLarge) as refusal:
        opened(path, pmml(hidden=neurons))
    assert refusal.value.what == "values"


def test_what_is_left_out_takes_no_memory(path: Path) -> None:
    row = "<row><u>1</u><v>2</v></row>"
    rows = f"<ModelVerification><InlineTable>{row * 40_000}</InlineTable></ModelVerification>"
    path.write_text(pmml().replace("</NeuralNetwork>", rows + "</NeuralNetwork>"))
    tracemalloc.start()
    try:
        network = read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(network.forward(ROWS), plain(ROWS))
    assert peak < 20_000_000


def test_nothing_is_divided_by_zero(path: Path) -> None:
    divided = '<Apply function="/"><FieldRef field="u"/><Constant>0</Constant></Apply>'
    with pytest.raises(NotAModel) as refusal:
        opened(path, pmml(u=divided, v=field("v")))
    assert "zero" in refusal.value.detail
