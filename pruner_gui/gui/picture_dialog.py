"""Asks how the picture of a network is to be written."""

from __future__ import annotations

from PySide6.QtCore import QSettings, QSize
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QLabel, QSpinBox, QWidget

from pruner_gui.gui import text
from pruner_gui.gui.graph_export import SCALES, Ground


class PictureDialog(QDialog):
    """Format, scale and ground of a picture of `size` pixels."""

    def __init__(self, size: QSize, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export picture"))
        self._size = size
        self.format, self.ground = QComboBox(), QComboBox()
        self.scale, self.pixels = QSpinBox(), QLabel()
        self._build()
        self._show_size()

    @property
    def suffix(self) -> str:
        """The ending of the file that is wanted."""
        return str(self.format.currentData())

    @property
    def chosen_ground(self) -> Ground:
        """What is to be behind the picture."""
        return Ground(self.ground.currentData())

    def accept(self) -> None:
        """Remember the choice."""
        settings = QSettings()
        settings.setValue("picture/format", self.suffix)
        settings.setValue("picture/scale", self.scale.value())
        settings.setValue("picture/ground", str(self.chosen_ground))
        super().accept()

    def _build(self) -> None:
        self.format.addItem(self.tr("PNG, an image"), ".png")
        self.format.addItem(self.tr("SVG, a drawing that can be enlarged"), ".svg")
        self.ground.addItem(self.tr("as in the window"), str(Ground.THEME))
        self.ground.addItem(self.tr("white, for printing"), str(Ground.WHITE))
        self.ground.addItem(self.tr("transparent"), str(Ground.TRANSPARENT))
        self.scale.setRange(*SCALES)
        self.scale.setSuffix(" ×")
        self._restore()
        form = QFormLayout(self)
        form.setContentsMargins(20, 16, 20, 16)
        for name, field in (
            (self.tr("&Format"), self.format),
            (self.tr("&Scale"), self.scale),
            (self.tr("&Background"), self.ground),
            (self.tr("Size"), self.pixels),
        ):
            form.addRow(name, field)
            field.setAccessibleName(name.replace("&", ""))
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        box.accepted.connect(self.accept)
        box.rejected.connect(self.reject)
        form.addRow(box)
        self.format.currentIndexChanged.connect(self._show_size)
        self.scale.valueChanged.connect(self._show_size)

    def _restore(self) -> None:
        settings = QSettings()
        self.format.setCurrentIndex(max(0, self.format.findData(settings.value("picture/format", ".png"))))
        ground = settings.value("picture/ground", str(Ground.THEME))
        self.ground.setCurrentIndex(max(0, self.ground.findData(ground)))
        stored = str(settings.value("picture/scale", 2))
        self.scale.setValue(int(stored) if stored.isdecimal() else 2)

    def _show_size(self) -> None:
        self.scale.setEnabled(self.suffix == ".png")
        factor = self.scale.value() if self.suffix == ".png" else 1
        wide, high = (text.integer(side * factor) for side in (self._size.width(), self._size.height()))
        self.pixels.setText(self.tr("{width} × {height} pixels").format(width=wide, height=high))
