"""Parts of the picture that look the same in the next frame: painted once, then only blitted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import ceil, floor

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

Paint = Callable[[QPainter], None]
Stamp = Callable[[QPainter, Hashable, QPointF, Callable[[], QRectF], Paint], None]
"""Paints a part, given what it looks like, where it is, the room it takes, and how to paint it."""

_MOST_BYTES = 24_000_000
_LARGEST = 8192  # device pixels, each way; larger parts are painted anew
_PARTS = 64  # of a pixel: between them a part looks alike


def paint_now(
    painter: QPainter, look: Hashable, place: QPointF, room: Callable[[], QRectF], paint: Paint
) -> None:
    """Paint a part itself: for files, in any thread."""
    paint(painter)


@dataclass(frozen=True, eq=False)
class _Kept:
    pixmap: QPixmap
    left: int
    top: int
    """Where it begins, in device pixels from the part's place."""

    @property
    def bytes(self) -> int:
        return 4 * self.pixmap.width() * self.pixmap.height()


class Stamps:
    """Keeps parts as pixmaps, those used last. Lives in the window's thread.

    A part that moves by whole pixels looks the same; at other parts of a pixel it is painted anew.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0

    def __call__(
        self, painter: QPainter, look: Hashable, place: QPointF, room: Callable[[], QRectF], paint: Paint
    ) -> None:
        """Paint a part: blit it when it is known."""
        ratio = painter.device().devicePixelRatioF()
        x, y = round(place.x() * ratio * _PARTS), round(place.y() * ratio * _PARTS)
        left, top = x // _PARTS, y // _PARTS
        key = look, x % _PARTS, y % _PARTS, ratio
        kept = self._kept.get(key)
        if kept is None:
            kept = _made(painter, room(), left, top, paint) if ratio == int(ratio) else None
            if kept is None:
                paint(painter)
                return
            self._keep(key, kept)
        self._kept.move_to_end(key)
        painter.drawPixmap(QPointF((left + kept.left) / ratio, (top + kept.top) / ratio), kept.pixmap)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._bytes = 0

    def _keep(self, key: Hashable, kept: _Kept) -> None:
        self._kept[key] = kept
        self._bytes += kept.bytes
        while self._bytes > _MOST_BYTES:
            self._bytes -= self._kept.popitem(last=False)[1].bytes


def _made(painter: QPainter, room: QRectF, left: int, top: int, paint: Paint) -> _Kept | None:
    """Paint a part into a pixmap; None where it is too large."""
    ratio = painter.device().devicePixelRatioF()
    x0, y0 = floor(room.left() * ratio), floor(room.top() * ratio)
    width, height = ceil(room.right() * ratio) - x0, ceil(room.bottom() * ratio) - y0
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        return None
    pixmap = QPixmap(width, height)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    inner = QPainter(pixmap)
    inner.setRenderHints(painter.renderHints())
    inner.setFont(painter.font())
    inner.translate(-x0 / ratio, -y0 / ratio)
    paint(inner)
    inner.end()
    return _Kept(pixmap, x0 - left, y0 - top)
