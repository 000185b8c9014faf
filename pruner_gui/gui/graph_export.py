"""The picture of a network as a file: PNG at a chosen scale, or SVG. Made of values, in any thread."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QImage, QPainter, QPainterPath, QPen
from PySide6.QtSvg import QSvgGenerator

from pruner_gui import files
from pruner_gui.gui import graph_paint as paint
from pruner_gui.gui.edge_raster import NEGATIVE, POSITIVE, WEAK, EdgeBlock, Frame, prepare, strokes
from pruner_gui.gui.graph_facts import EdgeHit, find_edge
from pruner_gui.gui.graph_layout import Camera
from pruner_gui.gui.graph_render import choose, draw
from pruner_gui.gui.graph_scene import FADED, Scene, stroke
from pruner_gui.gui.palette import LIGHT, Colours
from pruner_gui.network import IndexArray, Network
from pruner_gui.stopping import Stopped, check

SCALES = (1, 8)  # of a PNG: smallest, largest
_MOST_PATHS = 20_000  # connections; more go into an SVG as pixels
_SHADES = 12
_EMBEDDED = 2.0  # scale of those pixels


class Ground(enum.StrEnum):
    """What is behind the picture."""

    THEME = "theme"
    WHITE = "white"
    TRANSPARENT = "transparent"


@dataclass(frozen=True, eq=False)
class Export:
    """What to write: all of a network in `size` logical pixels. `scale` is that of a PNG."""

    scene: Scene
    network: Network
    font: QFont
    size: QSize
    scale: int = 1
    ground: Ground = Ground.THEME

    def prepared(self) -> Export:
        """Return it with the colours its ground asks for, and a font that is the same on every device."""
        font, scene = QFont(self.font), self.scene
        font.setPixelSize(QFontInfo(self.font).pixelSize())
        if self.ground is Ground.WHITE:
            scene = replace(scene, colours=replace(LIGHT, ground="#ffffff"))
        return replace(self, scene=scene, font=font)


def write(export: Export, path: Path) -> Path:
    """Write the picture as what the ending of `path` says: .svg, or else PNG. Whole, or not at all.

    Raises:
        CannotWrite: the file cannot be written.
        MemoryError: the picture is too large.
        Stopped: the thread was asked to stop.
    """
    content = svg(export) if path.suffix.lower() == ".svg" else png(export)
    files.write(path, content)
    return path


def png(export: Export) -> bytes:
    """Return the picture as a PNG file. Raises as `image`."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image(export).save(buffer, "PNG"):  # type: ignore[call-overload]
        raise MemoryError
    return bytes(buffer.data().data())


def image(export: Export) -> QImage:
    """Return the picture as an image of `size * scale` pixels.

    Raises:
        MemoryError: it is too large.
    """
    export = export.prepared()
    picture = QImage(export.size * export.scale, QImage.Format.Format_ARGB32_Premultiplied)
    if picture.isNull():
        raise MemoryError
    picture.setDevicePixelRatio(export.scale)
    picture.fill(Qt.GlobalColor.transparent)
    camera = _camera(export)
    blocks = _blocks(export)
    painter = QPainter(picture)
    _begin(painter, export)
    _draw_pixels(painter, export, camera, blocks, export.scale)
    _finish(painter, export, camera, blocks)
    return picture


def svg(export: Export) -> bytes:
    """Return the picture as an SVG file: words, neurons and not too many connections stay vectors."""
    export = export.prepared()
    content, buffer = QByteArray(), QBuffer()
    buffer.setBuffer(content)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(export.size)
    generator.setViewBox(QRectF(0, 0, export.size.width(), export.size.height()))
    generator.setResolution(96)  # a pixel of CSS
    generator.setTitle(", ".join(name for name, _ in export.scene.captions))
    camera = _camera(export)
    blocks = _blocks(export)
    painter = QPainter(generator)
    _begin(painter, export)
    if sum(block.weight.size for block in blocks) <= _MOST_PATHS:
        _draw_paths(painter, export, camera, blocks)
    else:
        _draw_pixels(painter, export, camera, blocks, _EMBEDDED)
    _finish(painter, export, camera, blocks)
    return bytes(content.data())


def _camera(export: Export) -> Camera:
    return export.scene.fitting(QSizeF(export.size), QFontMetricsF(export.font))


def _blocks(export: Export) -> tuple[EdgeBlock, ...]:
    scene = export.scene
    return choose(
        prepare(export.network, scene.layout, scene.most, scene.marks.strengths),
        scene.shown,
        scene.marks.weak_threshold,
    )


def _begin(painter: QPainter, export: Export) -> None:
    painter.setFont(export.font)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    if export.ground is not Ground.TRANSPARENT:
        export.scene.paint_ground(painter, QSizeF(export.size))


def _finish(painter: QPainter, export: Export, camera: Camera, blocks: Sequence[EdgeBlock]) -> None:
    scene = export.scene
    if isinstance(scene.selected, EdgeHit):
        found = find_edge(blocks, scene.layout, scene.selected)
        stroke(painter, camera, paint.highlight(found, scene.colours))
    scene.paint_neurons(painter, QSizeF(export.size), camera)
    painter.end()


# -- connections as pixels


def _draw_pixels(
    painter: QPainter, export: Export, camera: Camera, blocks: tuple[EdgeBlock, ...], ratio: float
) -> None:
    seen = (*camera.to_scene(0, 0), *camera.to_scene(export.size.width(), export.size.height()))
    job = export.scene.job(export.network, seen, camera.scale, ratio)
    picture = draw(job, blocks, None, check())
    if picture is None:
        painter.end()
        raise Stopped
    export.scene.paint_picture(painter, camera, picture)


# -- connections as paths


def _draw_paths(painter: QPainter, export: Export, camera: Camera, blocks: Sequence[EdgeBlock]) -> None:
    scene = export.scene
    painter.setOpacity(1.0 if scene.selected is None else FADED)
    stroke(painter, camera, list(_paths(blocks, export, camera)))
    painter.setOpacity(1.0)
    job = scene.job(export.network, scene.layout.bounds, camera.scale, 1.0)
    if job.selected is not None:
        chosen = [block.only(block.touching(*job.selected)) for block in blocks]
        stroke(painter, camera, list(_paths(chosen, export, camera)))


def _paths(
    blocks: Sequence[EdgeBlock], export: Export, camera: Camera
) -> Iterator[tuple[QPainterPath, QPen]]:
    """Connections in a few shades of each kind: the weak ones first, the strongest last."""
    frame = Frame(0.0, 0.0, camera.scale, 1, 1)
    shades: dict[tuple[bool, int, int], list[tuple[EdgeBlock, IndexArray, float]]] = {}
    for block in blocks:
        for kind, chosen, strength, width in strokes(block, frame, export.scene.marks.weak_threshold):
            steps = np.ceil(np.clip(strength, 0, 1) * _SHADES).astype(np.intp)
            for step in np.unique(steps).tolist():
                here = steps == step
                entry = block, chosen[here], float(width[here].mean())
                shades.setdefault((kind != WEAK, step, kind), []).append(entry)
    for (_, step, kind), entries in sorted(shades.items(), key=lambda item: item[0]):
        for block, edges, wide in entries:
            yield _curves(block, edges), _pen(kind, step / _SHADES, wide, export.scene.colours)


def _pen(kind: int, strength: float, width: float, colours: Colours) -> QPen:
    colour = QColor({POSITIVE: colours.positive, NEGATIVE: colours.negative, WEAK: colours.weak}[kind])
    colour.setAlphaF(min(1.0, strength))
    pen = paint.dashed(colour, width) if kind == WEAK else QPen(colour, width)
    pen.setCosmetic(True)
    return pen


def _curves(block: EdgeBlock, edges: IndexArray) -> QPainterPath:
    """Every connection as the one cubic that its S-curve is (without the slight bend that pixels have)."""
    path = QPainterPath()
    for piece in block.pieces:
        third = (piece.x1 - piece.x0) / 3
        y0s, y1s = (ys.tolist() for ys in block.ends(piece, edges))
        for y0, y1 in zip(y0s, y1s, strict=True):
            path.moveTo(piece.x0, y0)
            path.cubicTo(piece.x0 + third, y0, piece.x1 - third, y1, piece.x1, y1)
    return path
