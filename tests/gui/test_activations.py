"""Opening files that hold weights alone in the window: asked once, proposed again, taken back by Cancel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot
from torch_files import saved, table

from pruner_gui.formats import read
from pruner_gui.gui.activations_dialog import ActivationsDialog
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import Activation, RemoveUnits
from pruner_gui.session import Changes


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.pth"
    path.write_bytes(saved(table((4, 5, 6, 3), ("fc1", "fc2", "out"))))
    return path


def asked(qtbot: QtBot, window: MainWindow, model: Path) -> ActivationsDialog:
    window.open_files([model], is_model=True)
    qtbot.waitUntil(lambda: window.asking is not None)
    assert window.asking is not None
    return window.asking


def opened(qtbot: QtBot, window: MainWindow) -> list[str]:
    """Wait for the document; return its activations."""
    tasks = window.document.tasks
    qtbot.waitUntil(lambda: window.document.is_open and not tasks.running("read"))
    qtbot.waitUntil(lambda: not any(tasks.running(slot) for slot in ("measure", "export")))
    nodes = window.document.session.network.nodes
    return [node.op.kind for node in nodes if isinstance(node.op, Activation)]


def test_the_form_names_the_layers_and_opens_the_model(qtbot: QtBot, window: MainWindow, model: Path) -> None:
    form = asked(qtbot, window, model)
    assert [box.accessibleName() for box in form.boxes] == ["fc1", "fc2", "out"]
    assert form.activations == ("relu", "relu", "linear")
    form.boxes[0].setCurrentText("tanh")
    form.boxes[2].setCurrentText("softmax")
    assert form.activations == ("tanh", "tanh", "softmax")
    form.accept()
    assert opened(qtbot, window) == ["tanh", "tanh", "softmax"]
    assert not window.errors


def test_hidden_layers_can_differ(qtbot: QtBot, window: MainWindow, model: Path) -> None:
    form = asked(qtbot, window, model)
    QTest.keyClick(form.same, Qt.Key.Key_Space)
    form.boxes[1].setCurrentText("sigmoid")
    assert form.activations == ("relu", "sigmoid", "linear")
    QTest.keyClick(form.same, Qt.Key.Key_Space)
    assert form.activations == ("relu", "relu", "linear")


def test_what_is_no_activation_is_not_taken(qtbot: QtBot, window: MainWindow, model: Path) -> None:
    form = asked(qtbot, window, model)
    ok = form.buttons.button(QDialogButtonBox.StandardButton.Ok)
    for text, known in (("leaky_relu(0.2)", True), ("swoosh", False), ("", False), ("elu", True)):
        form.boxes[0].setCurrentText(text)
        assert ok.isEnabled() is known


def test_the_answer_is_proposed_the_next_time(qtbot: QtBot, window: MainWindow, model: Path) -> None:
    form = asked(qtbot, window, model)
    form.boxes[0].setCurrentText("elu(0.5)")
    form.accept()
    opened(qtbot, window)
    assert asked(qtbot, window, model).activations == ("elu(0.5)", "elu(0.5)", "linear")
    model.write_bytes(saved(table((4, 7, 6, 3), ("fc1", "fc2", "out"))))
    assert window.asking is not None
    window.asking.reject()
    assert asked(qtbot, window, model).activations == ("relu", "relu", "linear")


def test_cancel_leaves_the_open_document(qtbot: QtBot, window: MainWindow, model: Path) -> None:
    asked(qtbot, window, model).accept()
    opened(qtbot, window)
    network = window.document.session.network
    other = model.with_name("other.pth")
    other.write_bytes(model.read_bytes())
    asked(qtbot, window, other).reject()
    assert window.asking is None
    assert window.document.session.network is network
    assert window.document.session.path == model
    assert not window.errors


def test_data_that_came_with_the_model_is_loaded_after_it(
    qtbot: QtBot, window: MainWindow, model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    rows = np.random.default_rng(0).normal(size=(30, 4))
    data.write_text("\n".join(",".join(map(str, (*row, i % 3))) for i, row in enumerate(rows)))
    window.open_files([data, model])
    qtbot.waitUntil(lambda: window.asking is not None)
    assert window.asking is not None
    window.asking.accept()
    qtbot.waitUntil(lambda: window.document.is_open and window.document.session.examples is not None)
    qtbot.waitUntil(lambda: not window.document.tasks.running("sweep"), timeout=20_000)


def test_after_an_export_the_code_can_be_copied(
    qtbot: QtBot, window: MainWindow, model: Path, tmp_path: Path
) -> None:
    asked(qtbot, window, model).accept()
    opened(qtbot, window)
    document = window.document
    document.session.open(RemoveUnits("fc1", (0,)).apply(document.session.network), model)
    document.changed.emit(~Changes.NOTHING)
    with qtbot.waitSignal(document.exported, timeout=20_000):
        window.export(tmp_path / "small.pth")
    bar = window.workspace.success
    assert "Verified" in bar.text
    bar.action.click()
    code = QGuiApplication.clipboard().text()
    assert "nn.Linear(4, 4)" in code
    assert "small.pth" in code
    with qtbot.waitSignal(document.exported, timeout=20_000):
        window.export(tmp_path / "small.onnx")
    assert bar.action.isHidden()
    assert read(tmp_path / "small.onnx").layer_sizes == (4, 4, 6, 3)
