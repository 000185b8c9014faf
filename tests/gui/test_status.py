"""What the status bar says while the engine gets ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from pruner_gui.gui import document, status
from pruner_gui.gui.document import DataFiles, Document
from pruner_gui.gui.status import StatusBar
from pruner_gui.session import DataOptions

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def bar(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StatusBar, Document]]:
    monkeypatch.setattr(status, "PATIENCE", 0.0)
    found = Document()
    shown = StatusBar(found)
    qtbot.addWidget(shown)
    shown.show()
    yield shown, found
    found.shutdown()


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A compilation that stands at 40 % until this is set."""
    go = threading.Event()

    def warm_up() -> Iterator[float]:
        while not go.wait(0.01):
            yield 0.4
        yield 1.0

    monkeypatch.setattr(document, "warm_up", warm_up)
    yield go
    go.set()


def held_up(go: threading.Event) -> Callable[..., Iterator[Any]]:
    def wait(*_: object) -> Iterator[Any]:
        go.wait(10)
        yield from ()

    return wait


def open_iris(qtbot: QtBot, found: Document) -> None:
    found.open(MODELS / "iris.onnx", DataFiles((MODELS / "iris.csv",), DataOptions()))
    qtbot.waitUntil(lambda: found.is_open and found.session.examples is not None)


def test_compiling_is_said_quietly_and_only_while_it_goes_on(
    qtbot: QtBot, bar: tuple[StatusBar, Document], compiling: threading.Event
) -> None:
    shown, found = bar
    found.warm_up()
    qtbot.waitUntil(lambda: shown.label.text() == "Preparing the engine for its first use… 40 %")
    assert shown.progress.isHidden()
    assert shown.cancel.isHidden()
    compiling.set()
    qtbot.waitUntil(lambda: shown.label.text() == "Ready")


def test_an_engine_that_is_only_loaded_is_not_worth_a_word(
    qtbot: QtBot,
    bar: tuple[StatusBar, Document],
    compiling: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown, found = bar
    monkeypatch.setattr(status, "PATIENCE", 60.0)
    found.warm_up()
    qtbot.waitUntil(lambda: found.compiled > 0)
    shown.refresh()
    assert shown.label.text() == "Ready"


@pytest.mark.parametrize("slot", ["sweep", "prune"])
def test_who_waits_for_the_engine_is_told(
    qtbot: QtBot,
    bar: tuple[StatusBar, Document],
    compiling: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    slot: str,
) -> None:
    shown, found = bar
    monkeypatch.setattr(found.session, slot, held_up(compiling))
    found.warm_up()
    open_iris(qtbot, found)
    if slot == "prune":
        found.prune()
    qtbot.waitUntil(lambda: shown.label.text().startswith("Waiting for the engine"))
    assert shown.label.text().endswith("40 %")
    assert not shown.progress.isHidden()
    compiling.set()
    qtbot.waitUntil(lambda: "pruning rows" in shown.label.text())


def test_closing_meanwhile_ends_it(
    qtbot: QtBot, bar: tuple[StatusBar, Document], compiling: threading.Event
) -> None:
    _, found = bar
    found.warm_up()
    qtbot.waitUntil(lambda: found.compiled == 0.4)
    found.shutdown()
    assert not found.tasks.running("compile")


def test_a_compilation_that_fails_opens_no_dialog(
    qtbot: QtBot,
    bar: tuple[StatusBar, Document],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown, found = bar
    failures: list[object] = []
    found.failed.connect(failures.append)

    def fail() -> Iterator[float]:
        yield 0.1
        raise RuntimeError("no compiler")

    monkeypatch.setattr(document, "warm_up", fail)
    found.warm_up()
    qtbot.waitUntil(lambda: not found.tasks.running("compile"))
    assert not failures
    assert shown.label.text() == "Ready"
    assert "no compiler" in caplog.text
