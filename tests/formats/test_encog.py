"""Encog's files: held to what Encog itself computed, there and back, and not to be trusted."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from chains import assert_same, chain
from hypothesis import given, settings
from hypothesis import strategies as st

from pruner_gui import wording
from pruner_gui.errors import PrunerError
from pruner_gui.formats import (
    NotAModel,
    NotExpressible,
    TooLarge,
    UnsupportedOp,
    UnsupportedVersion,
    read,
    text_file,
    write,
)
from pruner_gui.formats.layers import Function
from pruner_gui.network import Arithmetic, Dense, Input, Network, Node, RemoveUnits

SHARED = Path(__file__).parents[3] / "shared" / "data" / "encog"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no folder ../shared/data")
FILES = sorted(path.name for path in SHARED.glob("*.eg") if "xml" not in path.name)
ACTIVATION = "org.encog.engine.network.activation.Activation"

EXAMPLE = f"""encog,BasicNetwork,java,3.4.1,1,1700000000000
[BASIC]
[BASIC:PARAMS]
NOTE=by hand
[BASIC:NETWORK]
beginTraining=0
connectionLimit=0
contextTargetOffset=0,0,0
contextTargetSize=0,0,0
endTraining=2
hasContext=f
inputCount=2
layerCounts=1,3,3
layerFeedCounts=1,2,2
layerContextCount=0,0,0
layerIndex=0,1,4
output=0,0,0,0.5,0,0,1
outputCount=1
weightIndex=0,3,9
weights=2,3,4,0.1,0.2,0.3,0.4,0.5,0.6
biasActivation=0,1,1
[BASIC:ACTIVATION]
"{ACTIVATION}Sigmoid"
"ActivationTANH"
"{ACTIVATION}Linear"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.eg"


def save(path: Path, *changes: tuple[str, str]) -> Path:
    """The example, with some of its text replaced."""
    text = EXAMPLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def by_hand(rows: np.ndarray) -> np.ndarray:
    hidden = np.tanh(rows @ [[0.1, 0.4], [0.2, 0.5]] + [0.3, 0.6])
    return 1 / (1 + np.exp(-(hidden @ [[2], [3]] + 0.5 * 4)))


ROWS = np.random.default_rng(0).normal(size=(20, 2))


def test_rows_stand_for_neurons_and_the_bias_comes_last(path: Path) -> None:
    network = read(save(path))
    np.testing.assert_allclose(network.forward(ROWS), by_hand(ROWS), rtol=1e-14)
    assert (network.origin.format, network.origin.dtype) == ("encog", "float64")
    assert [node.name for node in network.nodes] == [
        "input", "dense_1", "dense_1.tanh", "dense_2", "dense_2.sigmoid",
    ]  # fmt: skip


def test_line_ends_comments_and_spaces_do_not_matter(path: Path) -> None:
    path.write_bytes(
        EXAMPLE.replace("weights=2,3", "// a note\n\nweights = 2, 3").replace("\n", "\r\n").encode()
    )
    np.testing.assert_allclose(read(path).forward(ROWS), by_hand(ROWS), rtol=1e-14)


@needs_shared
@pytest.mark.parametrize("name", FILES)
def test_encog_s_own_outputs(name: str) -> None:
    network = read(SHARED / name)
    found = SHARED / f"{name.removesuffix('.eg')}.io.csv"
    if found.exists():
        rows = np.loadtxt(found, delimiter=",", ndmin=2)
        inputs, outputs = np.split(rows, [network.n_inputs], axis=1)
        np.testing.assert_allclose(network.forward(inputs), outputs, rtol=0, atol=1e-9)


@needs_shared
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_written_as_encog_wrote_it(path: Path, name: str) -> None:
    network = read(SHARED / name)
    write(network, path)
    assert_same(network, read(path))
    old, new = ([line.rstrip() for line in file.read_text().splitlines()] for file in (SHARED / name, path))
    changed = {a.partition("=")[0] for a, b in zip(old, new, strict=True) if a != b}
    assert changed <= {"output"}  # which also holds what the neurons put out last


def test_what_is_written_keeps_what_the_example_says(path: Path) -> None:
    write(read(save(path)), path)
    assert path.read_text() == EXAMPLE


def test_a_pruned_network_is_a_smaller_file(path: Path) -> None:
    network = RemoveUnits("dense_1", (0,)).apply(read(save(path)))
    write(network, path)
    lines = path.read_text().splitlines()
    assert {"layerCounts=1,2,3", "layerIndex=0,1,3", "weightIndex=0,2,5", "weights=3,4,0.4,0.5,0.6"} <= set(
        lines
    )
    np.testing.assert_array_equal(read(path).forward(ROWS), network.forward(ROWS))


def test_weights_below_the_limit_are_no_connections(path: Path) -> None:
    network = read(save(path, ("connectionLimit=0", "connectionLimit=0.25")))
    assert network.dense[0][1].weight.tolist() == [[0, 0.4], [0, 0.5]]
    write(network, path)
    assert "connectionLimit=0.25" in path.read_text()


def test_a_layer_without_bias_stays_without_until_it_needs_one(path: Path) -> None:
    changes = [("layerCounts=1,3,3", "layerCounts=1,2,3"), ("output=0,0,0,0.5,", "output=0,0,0,")]
    changes += [("weightIndex=0,3,9", "weightIndex=0,2,8"), ("weights=2,3,4,", "weights=2,3,")]
    network = read(save(path, *changes))
    assert not network.dense[1][1].bias.any()
    write(network, path)
    assert "layerCounts=1,2,3\n" in path.read_text()
    op = network.dense[1][1]
    write(network.with_ops({"dense_2": Dense(op.weight, op.bias + 1)}), path)
    assert "layerCounts=1,3,3\n" in path.read_text()
    assert read(path).dense[1][1].bias.tolist() == [1]


WORDS = [
    ('"ActivationReLU",0,0', lambda x: np.maximum(x, 0)),
    ('"ActivationReLU",0.5,0.5', lambda x: np.maximum(x, 0.5)),
    ('"ActivationRamp",1,-1,1,-1', lambda x: np.clip(x, -1, 1)),
    ('"ActivationRamp",0.5,-0.25,2,1', lambda x: np.where(x < -0.25, 1, np.where(x > 0.5, 2, 0.75 * x))),
    ('"ActivationStep",0.5,-2,3', lambda x: np.where(x >= 0.5, 3, -2)),
    ('"ActivationBiPolar"', lambda x: np.where(x > 0, 1, -1)),
    ('"ActivationElliott",2', lambda x: x / (1 + np.abs(2 * x)) + 0.5),
    ('"ActivationElliottSymmetric",3', lambda x: 3 * x / (1 + np.abs(3 * x))),
    ('"ActivationGaussian"', lambda x: np.exp(-((2.5 * x) ** 2))),
    ('"ActivationGaussian",0.5,2,0.7', lambda x: 2 * np.exp(-((x - 0.5) ** 2) / (2 * 0.49))),
    ('"ActivationCompetitive",1', lambda x: x == x.max(axis=1, keepdims=True)),
]


@pytest.mark.parametrize(("line", "function"), WORDS, ids=[line for line, _ in WORDS])
def test_activations_with_parameters(path: Path, line: str, function: object) -> None:
    assert callable(function)
    network = read(save(path, ('"ActivationTANH"', line)))
    before = ROWS @ [[0.1, 0.4], [0.2, 0.5]] + [0.3, 0.6]
    expected = 1 / (1 + np.exp(-(function(before) @ [[2], [3]] + 2)))
    np.testing.assert_allclose(network.forward(ROWS), expected, atol=1e-12)
    write(network, path)
    if "0.5,2,0.7" in line:  # Encog 3.4 has no such word any more
        np.testing.assert_allclose(read(path).forward(ROWS), expected, atol=1e-12)
        return
    assert_same(network, read(path))
    assert line in path.read_text()


def test_a_jump_is_above_zero_in_one_and_at_zero_in_the_other(path: Path) -> None:
    weights = ("weights=2,3,4,0.1,0.2,0.3,0.4,0.5,0.6", "weights=1,1,0,1,0,0,0,1,0")
    rows = np.array([[0.0, 1e-40]])
    linear = (f'"{ACTIVATION}Sigmoid"', '"ActivationLinear"')
    for name, expected in (("BiPolar", 0), ("Step,0,0,1", 2)):
        line = '"Activation' + name.replace(",", '",', 1) + ("" if "," in name else '"')
        network = read(save(path, weights, linear, ('"ActivationTANH"', line)))
        assert network.forward(rows).tolist() == [[expected]]


# -- from other formats

FUNCTIONS = [
    Function(),
    Function("relu"),
    Function("sigmoid"),
    Function("sigmoid", slope=4.9),
    Function("tanh", slope=2.45),
    Function("tanh", slope=0.3, factor=2.0, offset=1.0),
    Function("softsign", slope=3.0, factor=0.5, offset=0.5),
    Function("sin"),
    Function("clip", {"low": -1.0, "high": 2.0}, phase=1.0),
    Function("step", {"centre": 0.5, "low": -1.0, "high": 1.0}),
    Function("symmetric_log", factor=-1.0),
    Function("hard_sigmoid"),
    Function("gaussian", {"centre": 0.5, "peak": -2.0, "width": 0.7}),
]


@given(
    st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=4),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_chains_of_other_formats(
    tmp_path_factory: pytest.TempPathFactory, functions: list[Function], dtype: type, seed: int
) -> None:
    path = tmp_path_factory.mktemp("encog") / "network.eg"
    sizes = np.random.default_rng(seed).integers(1, 6, len(functions) + 2).tolist()
    network = chain(sizes, [*functions, Function("softmax")], dtype, seed)
    write(network, path)
    rows = np.random.default_rng(seed).normal(size=(10, sizes[0]))
    np.testing.assert_allclose(read(path).forward(rows), network.forward(rows), atol=1e-9)
    again = read(path)
    write(again, path)
    assert_same(again, read(path))


def test_normalisation_in_front_is_folded(path: Path) -> None:
    inner = chain((2, 3, 1), [Function("tanh"), Function()])
    front = Node("x", Arithmetic("div", np.array([2.0, 4.0])), ("input",))
    first = Node("dense_1", inner.nodes[1].op, ("x",))
    network = Network((inner.nodes[0], front, first, *inner.nodes[2:]), inner.outputs)
    write(network, path)
    np.testing.assert_allclose(read(path).forward(ROWS), network.forward(ROWS), rtol=1e-12)
    assert len(read(path).nodes) == 4


@pytest.mark.parametrize(
    ("function", "culprit"),
    [(Function("softplus"), "dense_2.softplus"), (Function("sigmoid", factor=2.0), "dense_2.mul")],
)
def test_what_encog_has_no_word_for(path: Path, function: Function, culprit: str) -> None:
    with pytest.raises(NotExpressible) as refusal:
        write(chain((2, 3, 1), [Function("tanh"), function]), path)
    assert (refusal.value.format, refusal.value.node, refusal.value.problem) == (
        "encog",
        culprit,
        "operation",
    )


def test_what_is_no_chain(path: Path) -> None:
    dense = Dense(np.ones((2, 2)), np.zeros(2))
    nodes = (Node("x", Input(2)), Node("a", dense, ("x",)), Node("b", dense, ("x",)))
    with pytest.raises(NotExpressible) as refusal:
        write(Network(nodes, ("b",)), path)
    assert (refusal.value.node, refusal.value.problem) == ("b", "chain")


def test_long_arrays_are_split(path: Path) -> None:
    network = chain((60, 50, 1), [Function("tanh"), Function()])
    write(network, path)
    text = path.read_text()
    assert "weights=##0\n##double#3101\n   " in text
    assert_same(network, read(path))
    path.write_text(text.replace("##end", ""))
    with pytest.raises(NotAModel):
        read(path)


# -- refusals


@needs_shared
def test_files_from_before_version_3_are_refused_with_a_remedy() -> None:
    with pytest.raises(UnsupportedVersion) as refusal:
        read(SHARED / "networks_v2.2_xml.eg")
    assert (refusal.value.what, refusal.value.found, refusal.value.lowest) == ("Encog", 2, 3)
    told = wording.problem(refusal.value)
    assert "before Encog 3" in told.what
    assert "Encog 3" in told.remedy


@pytest.mark.parametrize(
    ("old", "new", "node"),
    [
        ("contextTargetSize=0,0,0", "contextTargetSize=0,2,0", "contextTargetSize"),
        ("contextTargetOffset=0,0,0", "contextTargetOffset=0,5,0", "contextTargetOffset"),
        ("layerContextCount=0,0,0", "layerContextCount=0,0,2", "layerContextCount"),
        ("hasContext=f", "hasContext=t", "hasContext"),
    ],
)
def test_recurrent_networks_are_refused(path: Path, old: str, new: str, node: str) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        read(save(path, (old, new)))
    assert (refusal.value.node, refusal.value.hint) == (node, "recurrent")


@pytest.mark.parametrize("line", ['"ActivationSwoosh"', '"ActivationRamp",2,0,1,1', '"ActivationElliott",0'])
def test_unknown_activations_are_refused(path: Path, line: str) -> None:
    with pytest.raises(UnsupportedOp) as refusal:
        read(save(path, ('"ActivationTANH"', line)))
    assert (refusal.value.op, refusal.value.hint) == (line, "computed")


def test_other_things_of_encog_s_are_named(path: Path) -> None:
    with pytest.raises(NotAModel) as refusal:
        read(save(path, ("BasicNetwork", "RBFNetwork")))
    assert (refusal.value.reason, refusal.value.detail) == ("kind", "RBFNetwork")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("layerCounts=1,3,3", "layerCounts=1,3"),
        ("layerCounts=1,3,3", "layerCounts=1,5,3"),
        ("layerCounts=1,3,3", "layerCounts=1,-3,3"),
        ("layerFeedCounts=1,2,2", "layerFeedCounts=1,0,2"),
        ("layerFeedCounts=1,2,2", "layerFeedCounts=1,999999999,2"),
        (
            "layerCounts=1,3,3\nlayerFeedCounts=1,2,2",
            "layerCounts=1,999999999,3\nlayerFeedCounts=1,999999998,2",
        ),
        ("inputCount=2", "inputCount=3"),
        ("outputCount=1", ""),
        ("weightIndex=0,3,9", "weightIndex=0,3,8"),
        ("weights=2,", "weights="),
        ("weights=2,", "weights=2,2,"),
        ("weights=2,", "weights=two,"),
        ("weights=2,", "weights=##0\nother="),
        ("output=0,", "output="),
        ("connectionLimit=0", "connectionLimit=none"),
        ('"ActivationTANH"\n', ""),
        ('"ActivationTANH"', '"ActivationStep",1'),
        ('"ActivationTANH"', '"ActivationStep",1,2,x'),
        ("[BASIC:NETWORK]", ""),
        ("[BASIC:ACTIVATION]", "##double#9999999999999"),
        ("[BASIC:ACTIVATION]", "##double#5"),
    ],
)
def test_files_that_do_not_fit_together(path: Path, old: str, new: str) -> None:
    with pytest.raises(NotAModel) as refusal:
        read(save(path, (old, new)))
    assert (refusal.value.format, refusal.value.reason) == ("encog", "invalid")
    assert refusal.value.detail


def test_a_file_that_is_too_large_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(path)
    monkeypatch.setattr(text_file, "MAX_BYTES", 100)
    with pytest.raises(TooLarge):
        read(path)
    with pytest.raises(NotExpressible):
        write(chain((2, 3, 1), [Function(), Function()]), path)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_nothing_else_than_a_refusal_comes_of_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = EXAMPLE.encode()
    at = data.draw(st.integers(0, len(content)))
    change = data.draw(
        st.sampled_from([b"", b"\x00", b"9", b",", b"=", b"[", b"#", b"\xff", b"\n", b'"', b"-"])
    )
    path = tmp_path_factory.mktemp("damaged") / "network.eg"
    path.write_bytes(content[:at] + change + content[at + data.draw(st.integers(0, 40)) :])
    with contextlib.suppress(PrunerError):
        assert min(read(path).layer_sizes) > 0
