"""Plots as a file: PNG, SVG or the figures as CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice, QPoint, QRect, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QMenu, QWidget

from pruner_gui import files
from pruner_gui.gui import theme

_SCALE = 2.0  # of a PNG


def write(path: Path, plots: Sequence[pg.PlotWidget], table: str) -> Path:
    """Write what the ending of `path` says: .svg and .csv (the table), or else PNG. Whole, or not at all.

    Raises:
        CannotWrite: the file cannot be written.
    """
    makers = {".svg": lambda: svg(plots), ".csv": lambda: table.encode()}
    content = makers.get(path.suffix.lower(), lambda: png(plots))()
    files.write(path, content)
    return path


def export_menu(parent: QWidget, wanted: Callable[[str], None]) -> QMenu:
    """Return the menu of what plots can be written as; `wanted` is told the ending."""
    menu, tr = QMenu(parent), QCoreApplication.translate
    for suffix, title in (
        (".png", tr("plot_export", "PNG, an image…")),
        (".svg", tr("plot_export", "SVG, a drawing that can be enlarged…")),
        (".csv", tr("plot_export", "CSV, the figures…")),
    ):
        menu.addAction(title).triggered.connect(partial(wanted, suffix))
    return menu


def png(plots: Sequence[pg.PlotWidget]) -> bytes:
    """Return plots side by side as a PNG file, twice their size on screen."""
    picture = QImage(_size(plots) * _SCALE, QImage.Format.Format_ARGB32_Premultiplied)
    picture.setDevicePixelRatio(_SCALE)
    painter = QPainter(picture)
    _paint(painter, plots)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise MemoryError
    return bytes(buffer.data().data())


def svg(plots: Sequence[pg.PlotWidget]) -> bytes:
    """Return plots side by side as an SVG file."""
    content, buffer, size = QByteArray(), QBuffer(), _size(plots)
    buffer.setBuffer(content)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setResolution(96)  # a pixel of CSS
    generator.setTitle("; ".join(plot.accessibleName() for plot in plots))
    _paint(QPainter(generator), plots)
    return bytes(content.data())


def _size(plots: Sequence[pg.PlotWidget]) -> QSize:
    return QSize(sum(plot.width() for plot in plots), max(plot.height() for plot in plots))


def _paint(painter: QPainter, plots: Sequence[pg.PlotWidget]) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRect(QPoint(0, 0), _size(plots)), QColor(theme.colours().ground))
    left = 0
    for plot in plots:
        target = QRectF(left, 0, plot.width(), plot.height())
        plot.render(painter, target, plot.viewport().rect())
        left += plot.width()
    painter.end()
