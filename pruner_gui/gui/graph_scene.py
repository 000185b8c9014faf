"""All that the picture of a network shows, as a value: painted in the window, and for a file in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from pruner_gui.gui import graph_paint as paint
from pruner_gui.gui.edge_raster import Frame, Ink
from pruner_gui.gui.graph_facts import EdgeHit, Neuron
from pruner_gui.gui.graph_layout import Camera, Layout, Rect
from pruner_gui.gui.graph_paint import GraphMarks, Status, Statuses, Symbol
from pruner_gui.gui.graph_render import Job, Picture, Shown
from pruner_gui.gui.graph_stamps import Stamp, paint_now
from pruner_gui.gui.palette import Colours, rgb
from pruner_gui.network import Network

Legend = tuple[tuple[Symbol, str], ...]
Fading = Mapping[int, Mapping[int, float]]  # visible layer -> position -> how far it has gone, 0 to 1

MARGIN = 26.0  # pixels around the network when all of it is shown
FADED = 0.16  # the other connections while something is selected
_LEGEND_SIDES = 28.0
_NOTHING: Fading = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture but for its connections, which come as pixels or as paths."""

    layout: Layout
    statuses: tuple[Statuses, ...]
    marks: GraphMarks
    colours: Colours
    captions: tuple[tuple[str, str], ...]
    """Name, and size with activation, of every layer."""
    legend: Legend
    whole_legend: Legend
    """What the legend may grow to; empty: there is none."""
    selected: Neuron | EdgeHit | None = None
    layer: int | None = None
    """The layer that is selected."""
    shown: Shown = Shown.ALL
    hide_removed: bool = False
    most: int | None = None
    """How many connections of each pair of layers are drawn, strongest first, None for all."""

    def job(self, network: Network, seen: Rect, scale: float, ratio: float) -> Job:
        """Return the wish for the connections of a part of the scene."""
        selected = None
        if isinstance(self.selected, tuple) and self.layout.place(*self.selected) is not None:
            layer, unit = self.selected
            selected = layer, int(self.layout.layers[layer].positions([unit])[0])
        frame = frame_of(self.layout.bounds, seen, scale, ratio)
        marks, ink = self.marks, _ink(self.colours)
        return Job(
            network, self.layout, frame, ink, marks.weak_threshold, marks.focus,
            selected, self.shown, self.most, marks.strengths,
        )  # fmt: skip

    def fitting(self, size: QSizeF, words: QFontMetricsF) -> Camera:
        """Return the camera that shows everything between the captions and the legend."""
        # Room for two rows at least, so that the picture stays where it is when the legend grows a little.
        legend = paint.legend_height(self.legend, words, size.width() - _LEGEND_SIDES)
        legend = max(legend, 2 * paint.LEGEND_ROW)
        room = (
            MARGIN + 14,
            2 * words.height() + MARGIN,
            size.width() - MARGIN - 14,
            size.height() - (legend if self.whole_legend else 0.0) - MARGIN,
        )
        return Camera.fitting(self.layout.bounds, room)

    def paint_ground(self, painter: QPainter, size: QSizeF) -> None:
        """Fill the ground."""
        painter.fillRect(QRectF(0, 0, size.width(), size.height()), QColor(self.colours.ground))

    def paint_picture(self, painter: QPainter, camera: Camera, picture: Picture, share: float = 1.0) -> None:
        """Paint the connections from their pixels; `share` is how much they cover."""
        place = in_view(picture.place, camera)
        painter.setOpacity(share * (1.0 if self.selected is None else FADED))
        _blit(painter, place, picture.connections)
        painter.setOpacity(share)
        if picture.selected is not None:
            _blit(painter, place, picture.selected)
        painter.setOpacity(1.0)

    def paint_neurons(
        self,
        painter: QPainter,
        size: QSizeF,
        camera: Camera,
        fading: Fading = _NOTHING,
        stamp: Stamp = paint_now,
    ) -> None:
        """Paint neurons, signs and words."""
        if self.layer is not None:
            paint.paint_column(painter, self.layout.layers[self.layer], camera, self.colours)
        self.paint_sign(painter, camera, self.marks.trying, trying=True)
        for index, (layer, found) in enumerate(zip(self.layout.layers, self.statuses, strict=True)):
            paint.paint_layer(
                painter, layer, found, camera, self.colours, size.height(),
                hide_removed=self.hide_removed, stamp=stamp,
            )  # fmt: skip
            for position, gone in fading.get(index, {}).items():
                paint.paint_going(painter, layer, position, gone, camera, self.colours)
        for neuron in self._rings():
            self.paint_sign(painter, camera, neuron)
        self._paint_words(painter, size, camera, stamp)

    def _rings(self) -> tuple[Neuron, ...]:
        if isinstance(self.selected, EdgeHit):
            return self.selected.source, self.selected.target
        return () if self.selected is None else (self.selected,)

    def paint_sign(
        self, painter: QPainter, camera: Camera, neuron: Neuron | None, trying: bool = False
    ) -> None:
        """Paint the ring of a selected neuron, or the halo of the one being tried."""
        place = self.layout.place(*neuron) if neuron else None
        if neuron is None or place is None or self._hidden(*neuron):
            return
        x, y = camera.to_view(*place)
        radius = paint.glyph_radius(self.layout.layers[neuron[0]], camera)
        sign = paint.paint_halo if trying else paint.paint_ring
        sign(painter, x, y, radius, self.colours)

    def _hidden(self, layer: int, unit: int) -> bool:
        position = self.layout.layers[layer].positions([unit])
        return self.hide_removed and bool((self.statuses[layer][position] == Status.REMOVED).any())

    def neuron_at(self, x: float, y: float, reach: float) -> Neuron | None:
        """Return the neuron at a point of the scene, unless it is hidden."""
        found = self.layout.neuron_at(x, y, reach)
        return None if found is None or self._hidden(*found) else found

    def layer_at(self, place: QPointF, size: QSizeF, camera: Camera, font: QFont) -> int | None:
        """Return the layer whose caption is at a place in the view."""
        room, width = _room(size), self._caption_width(camera)
        for index, (layer, lines) in enumerate(zip(self.layout.layers, self.captions, strict=True)):
            box = paint.caption_box(lines, font, layer, camera, room, width)
            if box is not None and box.contains(place):
                return index
        return None

    def _caption_width(self, camera: Camera) -> float:
        columns = sorted({layer.x for layer in self.layout.layers})
        pitch = (columns[1] - columns[0] if len(columns) > 1 else 400.0) * camera.scale - 14
        return max(pitch, 44.0)

    def _paint_words(self, painter: QPainter, size: QSizeF, camera: Camera, stamp: Stamp) -> None:
        side, room, width = _LEGEND_SIDES / 2, _room(size), self._caption_width(camera)
        for layer, lines in zip(self.layout.layers, self.captions, strict=True):
            box = paint.caption_box(lines, painter.font(), layer, camera, room, width)
            if box is not None:
                paint.paint_caption(painter, lines, box, self.colours, stamp)
        if self.whole_legend:
            height = paint.legend_height(
                self.legend, QFontMetricsF(painter.font()), room.width() - 2 * side + 12
            )
            place = room.adjusted(side - 6, room.height() - height - 6, 6 - side, -2)
            paint.paint_legend(painter, self.legend, self.colours, place, stamp)


def _room(size: QSizeF) -> QRectF:
    """Where words can stand."""
    return QRectF(0, 0, size.width(), size.height()).adjusted(6, 6, -6, -6)


def frame_of(bounds: Rect, seen: Rect, scale: float, ratio: float) -> Frame:
    """Return the part of the scene that is worth drawing: what is seen and not empty."""
    left, top = max(bounds[0], seen[0]), max(bounds[1] - 4, seen[1])
    right, bottom = min(bounds[2], seen[2]), min(bounds[3] + 4, seen[3])
    pixels = scale * ratio
    width, height = ceil((right - left) * pixels), ceil((bottom - top) * pixels)
    return Frame(left, top, pixels, max(0, width), max(0, height), ratio)


def _ink(colours: Colours) -> Ink:
    return Ink(rgb(colours.positive), rgb(colours.negative), rgb(colours.weak), rgb(colours.neutral))


def in_view(place: QRectF, camera: Camera) -> QRectF:
    """Return where in the view a rectangle of the scene is."""
    left, top = camera.to_view(place.x(), place.y())
    return QRectF(left, top, place.width() * camera.scale, place.height() * camera.scale)


def _blit(painter: QPainter, place: QRectF, image: QImage) -> None:
    """Draw an image into a place; without scaling, which costs three times as much, where it fits."""
    if abs(place.width() - image.width()) + abs(place.height() - image.height()) < 0.01:
        painter.drawImage(place.topLeft(), image)
    else:
        painter.drawImage(place, image)


def stroke(painter: QPainter, camera: Camera, paths: paint.Paths) -> None:
    """Draw paths of the scene; their pens are in pixels."""
    painter.save()
    painter.scale(camera.scale, camera.scale)
    painter.translate(-camera.left, -camera.top)
    for path, pen in paths:
        painter.strokePath(path, pen)
    painter.restore()
