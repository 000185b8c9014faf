"""The program as it is started, closed some milliseconds after its run was begun: see `close_mid_run`.

An even number of milliseconds counts from the first neuron that was tried, an odd one from the wish to prune.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from pruner_gui.gui import app, dialogs
from pruner_gui.gui.crash import Crashes
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.window import MainWindow
from pruner_gui.pruning import Tolerance


def closed_after(model: Path, data: Path, delay: int) -> int:
    """Run the program until it has been closed; return its exit code. Prints where the run was."""
    real = app.open_window

    def open_window(qt: QApplication, crashes: Crashes) -> MainWindow:
        window = real(qt, crashes)
        document = window.document

        def close() -> None:
            where = "run" if document.session.run is not None else "begin" if document.running else "no run"
            print(where, flush=True)
            window.close()

        def prune() -> None:
            document.set_config(replace(document.config, tolerances=(Tolerance(50, relative=True),)))
            document.prune()
            if delay % 2:  # even before its first neuron
                QTimer.singleShot(delay, close)

        def begun() -> None:
            if not delay % 2 and document.session.run is not None:
                document.changed.disconnect(begun)
                QTimer.singleShot(delay, close)

        document.changed.connect(begun)
        document.failed.connect(lambda failure: qt.exit(3))  # the machine is too slow to read a file
        document.data_loaded.connect(lambda _: QTimer.singleShot(0, prune))
        return window

    app.open_window = open_window
    dialogs.ask = lambda *anything: Answer.Ok  # whoever closes it means it
    return app.run([model, data])


if __name__ == "__main__":
    sys.exit(closed_after(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
