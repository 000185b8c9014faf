"""Help in short, and what the program is made of."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from pruner_gui.gui import dialogs


def show_help(parent: QWidget) -> None:
    """Say in short how the work goes."""
    steps = (
        _tr("Open a trained network (Ctrl+O) and its data (Ctrl+D), or drop both on the window."),
        _tr(
            "Drag the tolerance: neurons that would each go on their own turn into diamonds. Nothing changes yet."
        ),
        _tr(
            "Press Prune (F5). Neurons are tried one by one; one that raises the error by more than the tolerance stays."
        ),
        _tr(
            "Compare before and after. Held-out rows were not used to decide, so they tell what to expect elsewhere."
        ),
        _tr(
            "Click a neuron, a connection or a layer to learn about it. Double-click a neuron to protect it from pruning."
        ),
        _tr("Export (Ctrl+E) the smaller network. The file is run and compared before it takes its place."),
    )
    items = "".join(f"<li style='margin-bottom: 6px'>{step}</li>" for step in steps)
    _show(parent, _tr("How it works"), f"<ol>{items}</ol>")


def show_about(parent: QWidget) -> None:
    """Name the program, its licences and the versions of its parts."""
    parts = dialogs.versions().replace("\n", "<br>")
    licences = _tr(
        "Qt for Python: LGPL 3. numpy, numba, superqt: BSD. pyqtgraph, onnx, onnxruntime: MIT, Apache 2.0."
    )
    what = _tr("Opens a trained neural network, prunes it, and exports one that really is smaller.")
    _show(parent, _tr("About Pruner"), f"<p>{what}</p><p>{parts}</p><p>{licences}</p>")


def _show(parent: QWidget, title: str, html: str) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, "", QMessageBox.StandardButton.Close, parent)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(f"<h3>{title}</h3>{html}")
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


def _tr(source: str) -> str:
    return QCoreApplication.translate("about", source)
