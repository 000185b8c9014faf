"""Help in short, and what the program is made of."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QWidget,
)

from pruner_gui.gui import diagnostics, log, resources, theme


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
    title = _tr("How it works")
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, "", QMessageBox.StandardButton.Close, parent)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(f"<h3>{title}</h3><ol>{items}</ol>")
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


class AboutDialog(QDialog):
    """The program, its licences and the versions of its parts; what helps to find a fault, to be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("About Pruner"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.copy = QPushButton(self.tr("Copy diagnostics"))
        self.copy.setToolTip(self.tr("Versions, the machine and the log of now, as text to send along"))
        self.copy.clicked.connect(self._copy)
        self.logs = QPushButton(self.tr("Open log folder"))
        self.logs.setToolTip(str(log.folder()))
        self.logs.setEnabled(log.folder().is_dir())
        self.logs.clicked.connect(show_logs)
        self._build()

    def _build(self) -> None:
        picture, name = QLabel(), QLabel("Pruner")
        picture.setPixmap(resources.pixmap("app", theme.colours().text, 48, self.devicePixelRatioF()))
        font = name.font()
        font.setPointSizeF(1.5 * font.pointSizeF())
        font.setBold(True)
        name.setFont(font)
        what = QLabel(
            self.tr("Opens a trained neural network, prunes it, and exports one that really is smaller.")
        )
        licences = QLabel(
            self.tr(
                "Qt for Python: LGPL 3. numpy, numba, superqt: BSD. pyqtgraph, onnx, onnxruntime: MIT, Apache 2.0."
            )
        )
        private = QLabel(self.tr("Nothing is sent anywhere: the program does not use the network."))
        layout = QGridLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setHorizontalSpacing(16)
        layout.setVerticalSpacing(10)
        layout.addWidget(picture, 0, 0, 2, 1, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(name, 0, 1)
        for row, label in enumerate((what, self._parts(), licences, private), 1):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(label, row, 1)
        layout.addWidget(self._buttons(), 5, 0, 1, 2)
        layout.setColumnStretch(1, 1)
        self.setMinimumWidth(480)

    def _parts(self) -> QLabel:
        label = QLabel(diagnostics.versions())
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setObjectName("muted")
        return label

    def _buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.button(QDialogButtonBox.StandardButton.Close).setDefault(True)
        for button in (self.copy, self.logs):
            box.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        box.rejected.connect(self.reject)
        return box

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(diagnostics.report())
        self.copy.setText(self.tr("Copied"))


def show_logs() -> None:
    """Open the folder of logs in the desktop's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(log.folder())))


def _tr(source: str) -> str:
    return QCoreApplication.translate("about", source)
