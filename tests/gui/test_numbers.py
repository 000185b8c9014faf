"""Numbers that are none, and data that says little, in the window: named in words, and the user decides."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot
from windows import settled

from pruner_gui import formats
from pruner_gui.evaluation import NonFiniteWeight
from pruner_gui.gui.data_dialog import DataDialog
from pruner_gui.gui.document import DataFiles
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import Activation, Dense, Input, Network, Node
from pruner_gui.pruning import Tolerance
from pruner_gui.session import DataOptions

MODELS = Path(__file__).parents[2] / "models"
NO_WORD = re.compile(r"(?<![\w])[-−+±]?\s?(nan|inf)(?![\w])", re.IGNORECASE)


def words(widget: QWidget) -> list[str]:
    """All that is said in labels and in the cells of the comparison."""
    return [label.text() for label in widget.findChildren(QLabel) if label.text()]


def no_nan(window: MainWindow) -> None:
    cells = [cell for line in window.workspace.comparison.cells() for cell in line]
    for text in [*words(window), *cells]:
        assert not NO_WORD.search(re.sub("<[^>]*>", " ", text)), text


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A model with weights that are no numbers, and data for it."""
    weight = np.array([[1.0, np.nan, 2], [np.inf, 3, 1]], np.float32)
    nodes = (
        Node("x", Input(2)),
        Node("a", Dense(weight, np.zeros(3, np.float32)), ("x",)),
        Node("a.relu", Activation("relu"), ("a",)),
        Node("b", Dense(np.ones((3, 2), np.float32), np.zeros(2, np.float32)), ("a.relu",)),
    )
    formats.write(Network(nodes, ("b",)), tmp_path / "bad.onnx")
    np.savez(tmp_path / "rows.npz", X=np.random.default_rng(0).normal(size=(20, 2)), y=np.zeros((20, 2)))
    return tmp_path / "bad.onnx"


def test_bad_weights_are_named_and_pruning_says_why_not(qtbot: QtBot, window: MainWindow, bad: Path) -> None:
    document, bar = window.document, window.workspace.numbers
    window.open_files([bad, bad.with_name("rows.npz")])
    qtbot.waitUntil(lambda: document.session.examples is not None, timeout=30_000)
    settled(qtbot, window, "compare", "compile")
    assert "not finite numbers: 2. The first is nan, in weight of" in bar.text
    assert "row, column 0, 1" in bar.text
    assert isinstance(document.measure_error, NonFiniteWeight)
    with qtbot.waitSignal(document.failed, timeout=30_000) as told:
        document.prune()
    assert isinstance(told.args[0].error, NonFiniteWeight)
    settled(qtbot, window, "compare", "compile")
    bar.keep.click()  # only look
    assert not bar.text
    assert document.session.network.non_finite() is not None


def test_the_user_can_have_bad_weights_set_to_zero(qtbot: QtBot, window: MainWindow, bad: Path) -> None:
    document, bar = window.document, window.workspace.numbers
    window.open_files([bad, bad.with_name("rows.npz")])
    qtbot.waitUntil(lambda: document.session.examples is not None, timeout=30_000)
    settled(qtbot, window, "compare", "compile")
    content = bad.read_bytes()
    bar.action.click()
    qtbot.waitUntil(lambda: document.before is not None and bool(document.before.errors), timeout=30_000)
    settled(qtbot, window, "compare", "compile")
    assert not bar.text
    assert document.session.original.non_finite() is None
    assert document.measure_error is None
    assert bad.read_bytes() == content
    no_nan(window)
    document.prune()
    settled(qtbot, window, "compare", "compile")
    assert not window.errors


def test_infinite_cells_are_named_in_the_data_dialog_and_the_user_decides(
    qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,y\n1,2,0.5\n3,inf,0.25\n-inf,4,1.5\n5,6,2.5\n")
    dialog = DataDialog((2, 1), [path])
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.look is not None and not dialog.tasks.running("look"), timeout=30_000)
    said = " ".join(words(dialog))
    assert "Infinite cells in rows.csv: 2, of which row 3, column b; row 4, column a." in said
    assert "Choose below what becomes of cells" in said
    dialog.missing.setCurrentIndex(dialog.missing.findData("drop-rows"))
    dialog.missing.activated.emit(dialog.missing.currentIndex())
    qtbot.waitUntil(lambda: dialog.look is not None and dialog.look.error is None, timeout=30_000)
    qtbot.waitUntil(lambda: not dialog.tasks.running("look"), timeout=30_000)
    assert "missing or infinite: 2" in " ".join(words(dialog))
    dialog.reject()


@pytest.fixture
def iris(qtbot: QtBot, window: MainWindow) -> MainWindow:
    window.open_files([MODELS / "iris.onnx"])
    qtbot.waitUntil(lambda: window.document.is_open, timeout=30_000)
    return window


def pruned(qtbot: QtBot, window: MainWindow, data: Path, holdout: float | None, tolerance: Tolerance) -> None:
    document = window.document
    document.load_data(DataFiles((data,), DataOptions(holdout=holdout)))
    qtbot.waitUntil(lambda: document.can_prune, timeout=30_000)
    settled(qtbot, window, "compare", "compile")
    document.set_config(replace(document.config, tolerances=(tolerance,)))
    document.prune()
    settled(qtbot, window, "compare", "compile")
    qtbot.waitUntil(lambda: document.compared is not None, timeout=60_000)
    settled(qtbot, window, "compare", "compile")


@pytest.mark.parametrize(("rows", "holdout"), [(1, None), (2, 0.5)])
def test_one_row_of_a_kind_is_measured_without_a_nan(
    qtbot: QtBot, iris: MainWindow, tmp_path: Path, rows: int, holdout: float | None
) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "rows.npz", X=rng.normal(size=(rows, 4)) + 3, y=np.eye(3)[[0, 1][:rows]])
    pruned(qtbot, iris, tmp_path / "rows.npz", holdout, Tolerance(0.5, relative=False))
    no_nan(iris)
    if rows == 2:
        assert any("single row" in text for text in words(iris.workspace.comparison))


def test_rows_of_one_class_are_measured_without_a_nan(qtbot: QtBot, iris: MainWindow, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "rows.npz", X=rng.normal(size=(30, 4)) + 3, y=np.eye(3)[[1] * 30])
    pruned(qtbot, iris, tmp_path / "rows.npz", 0.3, Tolerance(20, relative=True))
    no_nan(iris)
    iris.workspace.show_predictions()
    shown = iris.findChildren(QWidget)
    for text in [text for widget in shown for text in words(widget)]:
        assert not NO_WORD.search(re.sub("<[^>]*>", " ", text)), text


@pytest.mark.parametrize(
    "tolerance",
    [Tolerance(0, relative=True), Tolerance(1e300, relative=False), Tolerance(1e308, relative=True)],
)
def test_a_tolerance_of_0_or_beyond_all_bounds_is_shown_without_a_nan(
    qtbot: QtBot, iris: MainWindow, tolerance: Tolerance
) -> None:
    pruned(qtbot, iris, MODELS / "iris.csv", 0.3, tolerance)
    no_nan(iris)
    left = [layer.units.size for layer in iris.document.session.network.hidden_layers]
    assert (left == [1] * len(left)) is (tolerance.value > 0)
