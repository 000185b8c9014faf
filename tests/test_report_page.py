"""The page holds the figures of the report, is well formed, and needs nothing from elsewhere."""

from __future__ import annotations

import json
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

_ALONE = {"meta", "img"}


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
    assert "Limits by layer" in found.text
    assert "100%" in found.words
    assert "reached: this limit held" in found.words
    found = Page(page({**facts, "keep": [{**facts["keep"][0], "reached": False}]}))
    assert "not reached" in found.words


def test_a_report_survives_json(facts: dict[str, Any]) -> None:
    assert page(json.loads(json.dumps(facts))) == page(facts)
