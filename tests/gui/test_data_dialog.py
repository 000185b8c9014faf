"""The data dialog: what it shows of a file, how columns get their roles, when it lets the user go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialogButtonBox
from pytestqt.qtbot import QtBot

from pruner_gui.data import READERS
from pruner_gui.gui import app
from pruner_gui.gui.data_dialog import DataDialog, data_filter
from pruner_gui.gui.data_memory import Counts, remembered

FLOWERS = "a,b,c,kind\n1,2,3,rose\n4,5,6,tulip\n7,8,9,lily\n1,5,9,rose\n"
ROOMS = "wall,area,note,price\nred,10,1,5\nblue,20,2,6\nred,,3,7\n"

Asked = Callable[..., DataDialog]


@pytest.fixture
def ask(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Asked]:
    """Open the dialog on a file with this text, and wait until it was looked at."""
    app.name_application()
    opened = []

    def open_dialog(content: str, counts: Counts = (3, 3), name: str = "data.csv") -> DataDialog:
        path = tmp_path / name
        path.write_text(content)
        dialog = DataDialog(counts, [path])
        qtbot.addWidget(dialog)
        opened.append(dialog)
        dialog.show()
        settle(qtbot, dialog)
        return dialog

    yield open_dialog
    for dialog in opened:
        dialog.reject()


def settle(qtbot: QtBot, dialog: DataDialog) -> None:
    qtbot.waitUntil(lambda: not dialog.tasks.running("look"), timeout=10_000)


def choose(qtbot: QtBot, dialog: DataDialog, columns: list[int], role: str) -> None:
    dialog.set_role(columns, role)
    settle(qtbot, dialog)


def headers(dialog: DataDialog) -> list[str]:
    model = dialog.preview.shown
    return [
        str(model.headerData(column, Qt.Orientation.Horizontal)).replace("\n", ": ")
        for column in range(model.columnCount())
    ]


def cells(dialog: DataDialog, row: int) -> list[str]:
    model = dialog.preview.shown
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def may_load(dialog: DataDialog) -> bool:
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()


def test_the_first_rows_and_every_columns_role_are_shown(ask: Asked) -> None:
    dialog = ask(FLOWERS)
    assert headers(dialog) == ["a: Input", "b: Input", "c: Input", "kind: Target"]
    assert cells(dialog, 1) == ["4", "5", "6", "tulip"]
    assert "3 classes: lily, rose, tulip" in dialog.verdict.what.text()
    assert may_load(dialog)


def test_counts_that_do_not_fit_are_named_and_mended_by_ignoring_a_column(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask(FLOWERS, (2, 3))
    assert not may_load(dialog)
    assert dialog.verdict.what.text() == "The network takes 2 inputs, these columns give 3."
    choose(qtbot, dialog, [1], "ignored")
    assert headers(dialog)[1] == "b: Ignored"
    assert may_load(dialog)
    options = dialog.data.options
    assert (options.target, options.ignore) == ("#3", "#1")


def test_words_say_how_many_inputs_they_give(ask: Asked) -> None:
    dialog = ask(ROOMS.replace("red,,", "red,30,"), (4, 1))
    assert headers(dialog)[0] == "wall: Input · 2 categories"
    assert may_load(dialog)


def test_missing_values_wait_for_a_choice(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask(ROOMS, (4, 1))
    assert not may_load(dialog)
    assert "row 4, column area" in dialog.verdict.what.text()
    assert cells(dialog, 2)[1] == "–"
    dialog.missing.setCurrentIndex(dialog.missing.findData("mean"))
    dialog.missing.activated.emit(dialog.missing.currentIndex())
    settle(qtbot, dialog)
    assert may_load(dialog)
    assert dialog.data.options.missing == "mean"


def test_the_menu_of_a_column_changes_its_role(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask(FLOWERS)
    dialog.preview.selectColumn(3)
    actions = {action.text(): action for action in dialog.preview.menu().actions()}
    assert [text for text, action in actions.items() if action.isChecked()] == ["Target"]
    actions["Ignored"].trigger()
    settle(qtbot, dialog)
    assert headers(dialog)[3] == "kind: Ignored"
    assert "no target" in dialog.verdict.what.text()


def test_letters_and_the_combo_change_the_selected_columns(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask(FLOWERS, (2, 3))
    dialog.preview.selectColumn(2)
    qtbot.keyClick(dialog.preview, Qt.Key.Key_X)  # type: ignore[no-untyped-call]
    settle(qtbot, dialog)
    assert headers(dialog)[2] == "c: Ignored"
    assert dialog.role.currentText() == "Ignored"
    dialog.role.setCurrentIndex(0)
    dialog.role.activated.emit(0)
    settle(qtbot, dialog)
    assert headers(dialog)[2] == "c: Input"
    assert not may_load(dialog)


def test_automatic_takes_the_roles_back(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask(FLOWERS)
    choose(qtbot, dialog, [0, 1], "ignored")
    assert not may_load(dialog)
    dialog.automatic.click()
    settle(qtbot, dialog)
    assert may_load(dialog)
    assert dialog.data.options.target is None


def test_the_column_that_looks_like_the_classes_is_proposed(ask: Asked) -> None:
    dialog = ask("a,kind,b\n.5,0,1\n.25,1,1\n.5,2,1\n", (2, 3))
    assert headers(dialog) == ["a: Input", "kind: Target", "b: Input"]
    assert may_load(dialog)


def test_the_choice_is_remembered_for_the_file_and_the_counts(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask(FLOWERS, (2, 3))
    choose(qtbot, dialog, [0], "ignored")
    dialog.scale.setCurrentIndex(dialog.scale.findData("divisor"))
    dialog.divisor.setValue(12.5)
    settle(qtbot, dialog)
    assert headers(dialog)[1] == "b: Input · ÷ 12.50"
    dialog.accept()
    again = ask(FLOWERS, (2, 3))
    assert headers(again)[0] == "a: Ignored"
    assert again.data.options == dialog.data.options
    assert again.data.options.scale == "12.5"
    assert remembered(dialog.files, (3, 3)) is None


def test_a_file_that_changed_behind_the_memory_is_told(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask(FLOWERS, (2, 3))
    choose(qtbot, dialog, [0], "ignored")
    dialog.accept()
    again = ask("a,b\n1,2\n", (2, 3))
    assert not may_load(again)
    assert "#3" in again.verdict.what.text()
    again.automatic.click()
    settle(qtbot, again)
    assert may_load(again)


def test_pixels_are_divided_by_255_unless_said_otherwise(qtbot: QtBot, ask: Asked) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (9, 64)) * np.tile([0, 1], 32)
    content = "\n".join(",".join(map(str, row)) for row in rows)
    dialog = ask(content, (64, 3))
    assert dialog.data.options.scale == "255"
    dialog.scale.setCurrentIndex(dialog.scale.findData("none"))
    dialog.scale.activated.emit(0)
    settle(qtbot, dialog)
    dialog.accept()
    assert ask(content, (64, 3)).data.options.scale == "none"


def test_arrays_that_the_file_divides_stay_divided(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x=np.arange(12).reshape(4, 3), y=np.array([0, 1, 2, 1]))
    dialog = DataDialog((2, 3), [path])
    qtbot.addWidget(dialog)
    settle(qtbot, dialog)
    assert headers(dialog) == ["0: Input", "1: Input", "2: Input", "y: Target"]
    assert not dialog.preview.can_be([3], "input")
    assert not dialog.preview.can_be([0], "target")
    choose(qtbot, dialog, [2], "ignored")
    assert may_load(dialog)
    dialog.reject()


def test_a_file_that_cannot_be_read_is_refused_in_words(ask: Asked) -> None:
    dialog = ask("1,2,3\n1,2,3,4\n")
    assert not may_load(dialog)
    assert "Row 2" in dialog.verdict.what.text()
    assert headers(dialog) == []


def test_other_delimiters_and_headers_are_read_again(qtbot: QtBot, ask: Asked) -> None:
    dialog = ask("1,2,3\n4,5,6\n", (2, 1))
    assert headers(dialog)[0] == "0: Input"
    dialog.header.setCurrentIndex(dialog.header.findData("yes"))
    dialog.header.activated.emit(dialog.header.currentIndex())
    settle(qtbot, dialog)
    assert headers(dialog)[0] == "1: Input"
    assert cells(dialog, 0) == ["4", "5", "6"]


def test_the_last_file_wins(qtbot: QtBot, ask: Asked, tmp_path: Path) -> None:
    dialog = ask(FLOWERS)
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("p,q\n" + "1,2\n" * 50_000)
    second.write_text("u,v,w,z\n1,2,3,0\n1,2,3,1\n1,2,3,2\n")
    dialog.set_files([first])
    dialog.set_files([second])
    settle(qtbot, dialog)
    assert headers(dialog)[0] == "u: Input"


def test_closing_amid_reading_leaves_nothing_behind(ask: Asked, tmp_path: Path) -> None:
    dialog = ask(FLOWERS)
    big = tmp_path / "big.csv"
    big.write_text("1,2,3,0\n" * 100_000)
    dialog.set_files([big])
    dialog.reject()
    assert not dialog.tasks.running("look")


def test_the_files_that_can_be_chosen_are_those_that_can_be_read() -> None:
    assert all(f"*{ending}" in data_filter() for reader in READERS for ending in reader.extensions)


def test_guard_rows_are_asked_for_and_remembered(qtbot: QtBot, ask: Asked) -> None:
    content = "a,b,c,kind\n" + "1,2,3,x\n4,5,6,y\n7,8,9,z\n" * 4
    dialog = ask(content)
    assert dialog.data.options.guard == 0
    dialog.guard.setValue(20)
    assert dialog.data.options.guard == 0.2
    dialog.accept()
    assert ask(content).guard.value() == 20
