"""How much files may take: chosen once, remembered, and what the environment says goes before it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings
from pytestqt.qtbot import QtBot

from pruner_gui import limits
from pruner_gui.gui import limits_dialog
from pruner_gui.gui.limits_dialog import LimitsDialog


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.VARIABLE, "1")


def test_what_is_chosen_holds_now_and_the_next_time(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = LimitsDialog()
    qtbot.addWidget(dialog)
    assert dialog.times.value() == 1
    dialog.times.setValue(8)
    dialog.accept()
    assert limits.scale() == 8
    monkeypatch.delenv(limits.VARIABLE)
    limits_dialog.restore()
    assert limits.scale() == 8
    monkeypatch.setenv(limits.VARIABLE, "2")
    limits_dialog.restore()
    assert limits.scale() == 2


def test_nothing_changes_when_it_is_cancelled(qtbot: QtBot) -> None:
    dialog = LimitsDialog()
    qtbot.addWidget(dialog)
    dialog.times.setValue(8)
    dialog.reject()
    assert limits.scale() == 1


def test_what_was_stored_badly_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(limits.VARIABLE)
    QSettings().setValue("limits", "many")
    limits_dialog.restore()
    assert limits.scale() == 1
