"""The comparison and the report as files: values of the document in, csv, JSON, HTML or PDF out.

`facts` is asked in the main thread; what writes can run in any.
"""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QSize, Qt, QUrl
from PySide6.QtGui import QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument
from PySide6.QtSvg import QSvgRenderer

from pruner_gui import files, report_page
from pruner_gui.gui import graph_export
from pruner_gui.gui.document import Document
from pruner_gui.gui.text import tr_wording
from pruner_gui.report import compared, report

Facts = Mapping[str, Any]

_SHARPNESS = 3  # pixels of a plot for each of its units
_GRAPH_WIDTH = 640
_MARGIN = 1.0  # millimetres; Qt puts 2 cm inside of it, with the number of the page


@dataclass(frozen=True)
class Graph:
    """A picture of the graph with its title."""

    title: str
    picture: graph_export.Export


def facts(document: Document) -> dict[str, Any] | None:
    """Return what is known of the network before and after, as far as measured; None: nothing was pruned."""
    before, after = document.before, document.after
    if before is None or after is None:
        return None
    found = document.compared
    told = compared(
        document.session.path,
        before,
        after,
        document.metrics[0] if document.metrics else "",
        None if found is None else found.answers,
        None if found is None else found.latency,
        latency_reason="not measured yet." if found is None else found.reason,
    )
    run, examples = document.shown_run, document.session.examples
    if run is None or examples is None:
        return told
    guard = 0 if examples.guard is None else len(examples.guard)
    return report(told, document.session.original, run, None, guard)


def write_comparison(target: Path, told: Facts, table: Sequence[Sequence[str]]) -> Path:
    """Write the comparison: `told` as JSON, or the cells of its `table` as csv, by the ending.

    Raises:
        CannotWrite: it cannot be written.
    """
    if target.suffix.lower() == ".json":
        text = json.dumps(told, indent=2) + "\n"
    else:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(table)
        text = lines.getvalue()
    files.write(target, text.encode())
    return target


def write_report(target: Path, told: Facts, graph: Graph | None = None) -> Path:
    """Write the report as HTML or, by the ending, as PDF on A4; the graph's picture is in it.

    Raises:
        CannotWrite: it cannot be written.
        MemoryError: the picture is too large.
    """
    if target.suffix.lower() == ".pdf":
        content = _pdf(document(told, graph), Path(told["model"]).name)
    else:
        content = _html(told, graph).encode()
    files.write(target, content)
    return target


def _html(told: Facts, graph: Graph | None) -> str:
    if graph is None:
        return report_page.page(told, translate=tr_wording)
    url = "data:image/png;base64," + base64.b64encode(graph_export.png(graph.picture)).decode()
    picture = f'<img width="{_GRAPH_WIDTH}" alt="" src="{url}">'
    return report_page.page(told, pictures=[(graph.title, picture)], translate=tr_wording)


def _pdf(text: QTextDocument, name: str) -> bytes:
    content, buffer = QByteArray(), QBuffer()
    buffer.setBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(name)
    writer.setCreator("Pruner")
    margins = QMarginsF(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
    size = QPageSize(QPageSize.PageSizeId.A4)
    upright, unit = QPageLayout.Orientation.Portrait, QPageLayout.Unit.Millimeter
    writer.setPageLayout(QPageLayout(size, upright, margins, unit))
    text.print_(writer)
    return bytes(content.data())


def document(told: Facts, graph: Graph | None) -> QTextDocument:
    """Return the report as Qt's rich text; its pictures are resources of it."""
    text = QTextDocument()
    text.setMetaInformation(QTextDocument.MetaInformation.CssMedia, "rich text")  # neither screen nor print
    numbers = itertools.count()

    def add(image: QImage, size: QSize) -> str:
        name = f"picture:{next(numbers)}"
        text.addResource(QTextDocument.ResourceType.ImageResource, QUrl(name), image)
        return f'<img src="{name}" width="{size.width()}" height="{size.height()}">'

    def drawn(svg: str) -> str:
        renderer = QSvgRenderer(QByteArray(svg.encode()))
        return add(_rendered(renderer), renderer.defaultSize())

    pictures = []
    if graph is not None:
        image = graph_export.image(graph.picture)
        image.setDevicePixelRatio(1)  # the page says how large it is
        height = round(_GRAPH_WIDTH * image.height() / image.width())
        pictures.append((graph.title, add(image, QSize(_GRAPH_WIDTH, height))))
    text.setHtml(report_page.page(told, drawn, pictures, tr_wording))
    return text


def _rendered(renderer: QSvgRenderer) -> QImage:
    image = QImage(renderer.defaultSize() * _SHARPNESS, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    return image
