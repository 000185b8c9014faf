"""The page holds the figures of the report, is well formed, and needs nothing from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from random_networks import chain
from small_examples import classifier, dataset

from pruner_gui.comparison import answers, measure_latency, summarise
from pruner_gui.data import split
from pruner_gui.evaluation import Examples, prepare
from pruner_gui.network import Network
from pruner_gui.pruning import Least, PruneConfig, Tolerance
from pruner_gui.report import compared, report
from pruner_gui.report_page import page
from pruner_gui.session import Run, Session

_ALONE = {"meta", "img", "br"}


class Page(HTMLParser):
    """Checks that tags nest, and gathers the text and what the page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in _ALONE:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def finished(
    network: Network,
    examples: Examples,
    percent: float = 60,
    keep: tuple[tuple[int, Least], ...] = (),
) -> Session:
    session = Session()
    session.open(network, Path("some <model>.onnx"))
    session.use(examples)
    for event in session.prune(PruneConfig(tolerances=(Tolerance(percent, relative=True),), keep=keep)):
        session.apply(event)
    session.end_run()
    return session


def facts_of(session: Session, *, latency: bool = False) -> dict[str, Any]:
    examples = session.examples
    assert examples is not None
    metrics = session.metrics(PruneConfig())
    before, after = (summarise(each, examples, metrics) for each in (session.original, session.network))
    found = answers(session.original, session.network, examples, metrics[0])
    times = measure_latency(session.original, session.network) if latency else None
    told = compared(session.path, before, after, metrics[0], found, times)
    run: Run | None = session.last_run
    return told if run is None else report(told, session.original, run)


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    return facts_of(finished(*classifier()), latency=True)


def regression() -> tuple[Network, Examples]:
    rng = np.random.default_rng(3)
    network = chain(rng, [3, 6, 1], ["tanh"], "linear")
    inputs = rng.normal(size=(60, 3))
    targets = network.forward(inputs) + rng.normal(size=(60, 1))
    return network, prepare(network, split(dataset(inputs, targets), 0.3, seed=1))


def test_the_figures_are_in_the_page(facts: dict[str, Any]) -> None:
    found = Page(page(facts))
    for side in ("before", "after"):
        for key in ("hidden_neurons", "parameters", "weight_bytes"):
            assert f"{facts[side][key]:,}" in found.words
        assert f"{facts[side]['error']:.6g}" in found.words
    assert "over-fitting" in found.text
    assert "256 rows" in found.text
    assert "Confusion matrices" in found.text
    assert "smaller" in found.text
    assert found.tags.count("svg") == 2


def test_sizes_of_the_same_kind_get_a_word_and_a_sign(facts: dict[str, Any]) -> None:
    worse = {**facts["after"], "parameters": facts["before"]["parameters"] + 1, "error": 9.0}
    found = Page(page({**facts, "after": worse})).text
    assert "▲" in found
    assert "larger" in found
    assert "worse" in found


def test_a_change_of_the_held_out_error_is_better_or_worse_only_beyond_noise(facts: dict[str, Any]) -> None:
    after = {**facts["after"], "holdout_error": facts["before"]["holdout_error"] * 1.01}
    for noise in (True, False):
        text = page({**facts, "after": after, "holdout_within_noise": {"cross-entropy": noise}})
        assert ("▲ +1.0%, within noise" in text) == noise
        assert ("▲ +1.0% worse" in text) != noise


def test_rounding_is_no_change(facts: dict[str, Any]) -> None:
    after = {**facts["after"], "error": facts["before"]["error"] * (1 + 1e-13)}
    assert "+0.0%" not in page({**facts, "after": after})


@pytest.mark.parametrize("improved", [True, False])
def test_the_lowest_held_out_error_is_an_improvement_only_beyond_noise(
    facts: dict[str, Any], improved: bool
) -> None:
    lowest = {**facts["trajectory"][1], "accepted": 1, "improved": improved}
    found = Page(page({**facts, "lowest": lowest})).text
    assert ("improved" in found) == improved
    assert ("lowest held-out error, within noise" in found) != improved


def test_what_was_to_stay_is_told(facts: dict[str, Any]) -> None:
    keep = [{"layer": 0, "name": "dense<1>", "asked": "40%", "least": 4, "left": 5, "reached": False}]
    text = page({**facts, "keep": keep, "protected": [{"layer": 1, "neuron": 3}]})
    assert "At least 4 neurons (40%) were to stay in layer dense&lt;1&gt;; 5 are left." in text
    assert "1:3." in text


def test_the_page_is_in_the_language_that_it_is_asked_for(facts: dict[str, Any]) -> None:
    asked: list[str] = []

    def shouted(text: str) -> str:
        asked.append(text)
        return "".join(part if "{" in part else part.upper() for part in re.split(r"(\{[^}]*\})", text))

    style = re.compile("<style>.*?</style>", re.DOTALL)
    words = Page(style.sub("", page(facts, translate=shouted))).text
    plain = Page(style.sub("", page(facts))).text
    assert "BEFORE AND AFTER" in words
    assert "CROSS-ENTROPY" in words
    left = set(re.findall(r"[a-z]{4,}", words)) & set(re.findall(r"[a-z]{4,}", plain))
    # names of files, of options and of what measured
    assert left <= {"onnx", "made", "model", "some", "none", "selective", "onnxruntime"}
    assert len(set(asked)) > 50


def test_changed_predictions_say_where_they_stand(facts: dict[str, Any]) -> None:
    found = Page(page(facts)).text
    assert "Rows of made, counted from 1." in found
    changed = facts["changed_predictions"]["pruning"]
    lines = {**facts["changed_predictions"], "pruning": {**changed, "counted": "lines", "source": "a.csv"}}
    assert "Lines of a.csv, counted from 1." in Page(page({**facts, "changed_predictions": lines})).text


def test_without_targets_the_page_says_what_the_errors_mean() -> None:
    network, examples = classifier()
    bare = prepare(network, split(dataset(examples.pruning.inputs, None), 0.3, seed=1))
    found = Page(page(facts_of(finished(network, bare)))).text
    assert "no targets" in found
    assert "Confusion" not in found
    assert "Changed predictions" in found


def test_the_page_is_one_file(facts: dict[str, Any]) -> None:
    text = page(facts)
    assert Page(text).links == []
    assert "script" not in Page(text).tags
    assert "url(" not in text


def test_names_are_escaped(facts: dict[str, Any]) -> None:
    text = page({**facts, "confusion": {**facts["confusion"], "classes": ["<b>", "&", '"']}})
    assert "some &lt;model&gt;.onnx" in text
    assert "<th>&lt;b&gt;</th>" in text
    assert "&lt;b&gt;" in text
    assert "<model>" not in text


def test_pictures_are_well_formed_and_can_be_drawn_by_somebody_else(facts: dict[str, Any]) -> None:
    drawn: list[str] = []

    def draw(svg: str) -> str:
        drawn.append(svg)
        return f"[picture {len(drawn)}]"

    text = page(facts, draw, [("Graph", "<p>here</p>")])
    assert "[picture 2]" in text
    assert '<h2 class="page">Graph</h2><p>here</p>' in text
    assert "<svg" not in text
    line = ElementTree.fromstring(drawn[0]).find("{*}polyline")
    assert line is not None
    assert len(line.get("points", "").split()) == len(facts["trajectory"])


def test_a_regression_shows_predicted_against_true_and_no_matrix() -> None:
    facts = facts_of(finished(*regression()))
    text = page(facts)
    assert "Predicted against true" in text
    assert "Confusion" not in text
    assert text.count("<circle") == 42 + 18 + 2  # every row before, and the legend of each plot


def test_two_networks_without_a_run_or_rates_make_a_page() -> None:
    network, _ = classifier()
    smaller = network.without({network.hidden_layers[0].name: [0]})
    before, after = (summarise(each, None, ()) for each in (network, smaller))
    found = Page(page(compared(None, before, after, "")))
    assert "14 hidden neurons became 13" in found.text
    assert "The run" not in found.text


def test_a_cancelled_run_makes_a_page() -> None:
    session = Session()
    network, examples = classifier()
    session.open(network, None)
    session.use(examples)
    events = session.prune(PruneConfig(tolerances=(Tolerance(60, relative=True),)))
    for event in events:
        session.apply(event)
        if session.run is not None and len(session.run.steps) == 2:
            events.close()
            break
    session.end_run()
    facts = facts_of(session)
    assert facts["seconds"] is None
    assert len(facts["trajectory"]) == 3
    assert "cancelled" in page(facts)


def test_limits_by_layer_are_told_with_those_that_held() -> None:
    keep = ((0, Least(100, relative=True)),)
    facts = facts_of(finished(*classifier(), keep=keep))
    found = Page(page(facts))
    assert "(100%) were to stay" in found.text
    assert "this limit held" in found.text
    found = Page(page({**facts, "keep": [{**facts["keep"][0], "reached": False}]}))
    assert "this limit held" not in found.text


def test_a_report_survives_json(facts: dict[str, Any]) -> None:
    assert page(json.loads(json.dumps(facts))) == page(facts)
