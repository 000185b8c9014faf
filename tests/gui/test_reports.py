"""What the window says of before and after once a run has ended: times, the gap, predictions, files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from random_networks import chain
from small_examples import classifier, dataset
from windows import sample

from pruner_gui.comparison import Values, answers
from pruner_gui.data import split
from pruner_gui.evaluation import prepare
from pruner_gui.gui import dialogs, printing
from pruner_gui.gui.document import Document
from pruner_gui.gui.predictions_dialog import PredictionsDialog
from pruner_gui.gui.window import MainWindow


def pruned(qtbot: QtBot, window: MainWindow) -> MainWindow:
    window.open_sample(sample("iris"))
    document = window.document
    qtbot.waitUntil(lambda: document.can_prune, timeout=30_000)
    document.prune()
    qtbot.waitUntil(lambda: document.compared is not None, timeout=30_000)
    return window


def cells(window: MainWindow) -> dict[str, list[str]]:
    return {line[0]: line[1:] for line in window.workspace.comparison.cells()}


def written(
    qtbot: QtBot, window: MainWindow, path: Path, monkeypatch: pytest.MonkeyPatch, trigger: str
) -> Path:
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: path)
    with qtbot.waitSignal(window.document.report_written, timeout=30_000):
        getattr(window.actions_, trigger).trigger()
    assert path.name in window.workspace.success.text
    return path


def test_memory_and_times_stand_in_the_comparison(qtbot: QtBot, window: MainWindow) -> None:
    found = cells(pruned(qtbot, window))
    assert "smaller" in found["Weights in memory"][2]
    assert "smaller" in found["Activations a row"][2]
    for name in ("Time for 1 row", "Time for 105 rows"):
        before, after, change = found[name]
        assert "µs" in before
        assert "µs" in after
        assert any(word in change for word in ("within noise", "faster", "slower"))


def test_until_they_are_measured_the_comparison_says_so(qtbot: QtBot, window: MainWindow) -> None:
    document = pruned(qtbot, window).document
    document.undo()
    assert "Time" not in cells(window)
    document._compared.clear()
    document.redo()
    assert cells(window)["Time"][2] == "measuring…"
    assert not window.workspace.comparison.predictions.isEnabled()
    qtbot.waitUntil(lambda: document.compared is not None, timeout=30_000)
    assert "Time" not in cells(window)


def test_nothing_is_timed_while_other_work_goes_on(qtbot: QtBot, window: MainWindow) -> None:
    document = pruned(qtbot, window).document
    seen: list[bool] = []
    document.activity_changed.connect(
        lambda: seen.append(document.tasks.running("compare") and document.running)
    )
    document.prune()
    qtbot.waitUntil(lambda: not document.running, timeout=30_000)
    assert seen
    assert not any(seen)


def test_the_gap_is_told_in_a_sentence(qtbot: QtBot, window: MainWindow) -> None:
    panel = pruned(qtbot, window).workspace.comparison
    assert "over-fitting" in panel.gap.text()
    assert panel.gap.isVisibleTo(panel)
    window.document.undo()
    assert not panel.gap.isVisibleTo(panel)


def test_the_comparison_is_exported(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned(qtbot, window)
    path = written(qtbot, window, tmp_path / "c.csv", monkeypatch, "comparison")
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == window.workspace.comparison.cells()
    path = written(qtbot, window, tmp_path / "c.json", monkeypatch, "comparison")
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["after"]["hidden_neurons"] == window.document.session.network.hidden_neurons
    assert told["latency"]["one"]["rows"] == 1
    assert len(told["trajectory"]) == 1 + len(told["removed"])


def test_the_report_is_printed_as_html_and_pdf_with_the_graph(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned(qtbot, window)
    page = written(qtbot, window, tmp_path / "r.html", monkeypatch, "report").read_text(encoding="utf-8")
    assert "The network after pruning" in page
    assert "data:image/png;base64," in page
    assert page.count("<svg") == 2
    assert written(qtbot, window, tmp_path / "r.pdf", monkeypatch, "report").read_bytes()[:5] == b"%PDF-"


def test_a_report_that_cannot_be_written_says_why(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned(qtbot, window)
    monkeypatch.setattr(dialogs, "choose_target", lambda *_: tmp_path / "no folder" / "r.pdf")
    window.actions_.report.trigger()
    qtbot.waitUntil(lambda: bool(window.errors), timeout=10_000)
    assert "no folder" in window.errors[-1].what.text()
    window.errors[-1].close()


def test_nothing_can_be_printed_before_anything_was_pruned(qtbot: QtBot, window: MainWindow) -> None:
    document = pruned(qtbot, window).document
    assert window.actions_.report.isEnabled()
    document.undo()
    assert not window.actions_.report.isEnabled()
    assert not window.actions_.comparison.isEnabled()
    assert printing.facts(document) is None


def test_the_report_on_paper_has_the_figures(qtbot: QtBot, window: MainWindow) -> None:
    told = printing.facts(pruned(qtbot, window).document)
    assert told is not None
    words = printing.document(told, window.workspace.graph_for_print()).toPlainText()
    assert f"{told['after']['parameters']:,}" in words
    assert "Confusion matrices" in words


def test_predictions_open_from_the_comparison(qtbot: QtBot, window: MainWindow) -> None:
    pruned(qtbot, window).workspace.comparison.predictions.click()
    (dialog,) = window.findChildren(PredictionsDialog)
    assert dialog.isVisible()
    dialog.close()


# -- the dialog alone


def listed(dialog: PredictionsDialog) -> list[str]:
    """The first of the changed rows."""
    items = [dialog.changed.item(0, column) for column in range(4)]
    return [item.text() for item in items if item is not None]


def test_matrices_and_changed_rows_of_a_classifier(qtbot: QtBot) -> None:
    network, examples = classifier()
    after = network.without({network.hidden_layers[0].name: range(4)})
    found = answers(network, after, examples, "cross-entropy")
    dialog = PredictionsDialog(found)
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.which.currentData() == "holdout"
    dialog.which.setCurrentIndex(0)
    rows = found.pruning
    assert dialog.changed.rowCount() == len(rows.changed) > 0
    first = next(rows.changes())
    shown = listed(dialog)
    assert shown == [str(first.row), first.truth, first.before, first.after]
    counts = [[int(cell) for cell in line[1:]] for line in dialog.after.cells()[1:]]
    assert sum(map(sum, counts)) == len(rows.after)
    assert not dialog.plot.isVisible()
    dialog.copy.click()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[1].split("\t") == shown
    assert lines[0].split("\t")[1:] == ["True", "Before", "After"]


def test_values_are_plotted_and_their_changes_listed_output_by_output(qtbot: QtBot) -> None:
    rng = np.random.default_rng(4)  # one whose outputs are not the same
    network = chain(rng, [3, 6, 2], ["tanh"], "linear")
    inputs = rng.normal(size=(60, 3))
    examples = prepare(network, split(dataset(inputs, network.forward(inputs)), 0.3, seed=1))
    after = network.without({network.hidden_layers[0].name: range(3)})
    dialog = PredictionsDialog(answers(network, after, examples, "mse"))
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.plot.isVisible()
    assert not dialog.before.isVisible()
    assert dialog.output.count() == 2
    rows = dialog.rows
    assert isinstance(rows, Values)
    for output in (0, 1):
        dialog.output.setCurrentIndex(output)
        _, heights = dialog.plot.plotItem.listDataItems()[2].getData()
        assert heights.tolist() == rows.after[:, output].tolist()
    assert ";" in listed(dialog)[2]


def test_the_document_measures_nothing_after_its_end(qtbot: QtBot) -> None:
    document = Document()
    network, _ = classifier()
    document.session.open(network, None)
    document.shutdown()
    qtbot.wait(10)
    assert not document.tasks.running("compare")
