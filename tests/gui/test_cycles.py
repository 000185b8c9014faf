"""Opening, pruning, undoing and closing again and again leaves nothing behind; `make soak` does it longer."""

from __future__ import annotations

import gc
import sys
import tempfile
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from pruner_gui.gui import app, dialogs
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.document import Document
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import Network
from tests.soak._window import cycle, open_files, reading_here, sample, temporary_files, threads

WINDOWS = 30


def alive() -> dict[str, int]:
    """How many windows, documents and networks there are."""
    gc.collect()
    kinds = [type(each) for each in gc.get_objects()]
    return {kind.__name__: kinds.count(kind) for kind in (MainWindow, Document, Network)}


@pytest.mark.skipif(sys.platform != "linux", reason="handles and threads are counted in /proc")
def test_nothing_is_left_of_windows_that_were_closed(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(dialogs, "ask", lambda *anything: Answer.Discard)
    app.name_application()
    theme, chosen = Theme(), [sample("xor"), sample("iris")]
    for each in chosen:
        cycle(theme, each)  # what is made once is there now
    with reading_here():
        for number in range(3):
            cycle(theme, chosen[number % 2])
        before = threads(), open_files(), temporary_files(), alive()
        for number in range(WINDOWS):
            cycle(theme, chosen[number % 2])
    assert (threads(), open_files(), temporary_files(), alive()) == before
