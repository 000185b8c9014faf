"""Draws connections outside the window's thread; the newest wish wins."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage

from pruner_gui.gui.edge_raster import EdgeBlock, Frame, Image, Ink, draw_edges, prepare, warm_up
from pruner_gui.gui.graph_facts import Facts
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.gui.latest import Latest
from pruner_gui.network import Network

_Wanted = tuple[Network, Layout, int | None, Network | None]
_Choice = tuple[tuple[EdgeBlock, ...], "Shown", float | None]

_PREVIEWED = 3_000  # connections from which a coarse picture comes first


class Shown(enum.StrEnum):
    """Which connections are drawn."""

    ALL = "all"
    WEAK = "weak"
    STRONG = "strong"


@dataclass(frozen=True)
class Job:
    """A wish for a picture. Networks and layouts are equal when they are the same object."""

    network: Network
    layout: Layout
    frame: Frame
    ink: Ink
    weak_threshold: float | None
    focus: bool
    selected: tuple[int, int] | None = None
    """(layer, position) of a neuron whose connections get a picture of their own."""
    shown: Shown = Shown.ALL
    most: int | None = None
    """How many connections of each pair of layers, strongest first, None for all."""
    strengths: Network | None = None
    """Its |w| say how strong connections are; None: the network's own."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn job."""

    job: Job
    blocks: tuple[EdgeBlock, ...]
    place: QRectF
    """Where in the scene the images belong."""
    refined: bool
    pixels: tuple[Image, ...]
    """Behind the images: must live as long as they."""
    connections: QImage
    selected: QImage | None
    facts: Facts | None = None


def choose(
    blocks: tuple[EdgeBlock, ...], shown: Shown, weak_threshold: float | None
) -> tuple[EdgeBlock, ...]:
    """Return the blocks with those of their connections that are to be drawn."""
    if shown is Shown.ALL or (weak_threshold is None and shown is Shown.STRONG):
        return blocks
    chosen = []
    for block in blocks:
        weak = 0.0 if weak_threshold is None else weak_threshold
        n_strong = int(np.searchsorted(-block.strength, -weak, side="right"))
        part = slice(0, n_strong) if shown is Shown.STRONG else slice(n_strong, None)
        chosen.append(block.only(np.arange(block.weight.size)[part]))
    return tuple(chosen)


def draw(
    job: Job,
    blocks: tuple[EdgeBlock, ...],
    frame: Frame | None = None,
    aborted: Callable[[], bool] = lambda: False,
    known: Image | None = None,
) -> Picture | None:
    """Return the picture of a job, drawn here and now; None when aborted.

    `frame` instead of the job's makes a coarse picture. `known` are the pixels of all connections, if they
    have been drawn before.
    """
    at = frame or job.frame
    wanted = [blocks] if known is None else []
    if job.selected is not None:
        wanted.append(tuple(block.only(block.touching(*job.selected)) for block in blocks))
    pixels = [] if known is None else [known]
    for chosen in wanted:
        drawn = draw_edges(chosen, at, job.ink, job.weak_threshold, job.focus, aborted)
        if drawn is None:
            return None
        pixels.append(drawn)
    images = [_image(array) for array in pixels]
    place = QRectF(at.left, at.top, at.width / at.scale, at.height / at.scale)
    selected = images[1] if job.selected is not None else None
    return Picture(job, blocks, place, frame is None, tuple(pixels), images[0], selected)


def _image(pixels: Image) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)


class Renderer(Latest):
    """Draws the newest job.

    Brings a coarse picture of big networks, which is always finished, then the refined one, which a newer job
    cuts short.
    """

    def __init__(self) -> None:
        super().__init__("graph-renderer", self._draw, warm_up)
        self._prepared: tuple[_Wanted, tuple[EdgeBlock, ...], Facts] | None = None
        self._chosen: tuple[_Choice, tuple[EdgeBlock, ...]] | None = None
        self._last: Picture | None = None

    def _draw(self, job: Job) -> Picture | None:
        blocks, facts = self._blocks(job)
        known = self._known(job)
        if known is None and sum(block.weight.size for block in blocks) >= _PREVIEWED:
            coarse = draw(job, blocks, _coarse(job.frame), self.is_stopped)
            if coarse is not None:
                self.done.emit(replace(coarse, facts=facts))
        picture = draw(job, blocks, None, self.is_overtaken, known)
        if picture is not None:
            self._last = picture = replace(picture, facts=facts)
        return picture

    def _known(self, job: Job) -> Image | None:
        """The pixels of all connections, where only the selection has changed."""
        last = self._last
        if last is not None and replace(last.job, selected=job.selected) == job:
            return last.pixels[0]
        return None

    def _blocks(self, job: Job) -> tuple[tuple[EdgeBlock, ...], Facts]:
        """What to draw, and the figures of everything."""
        wanted = (job.network, job.layout, job.most, job.strengths)
        if self._prepared is None or self._prepared[0] != wanted:
            self._prepared = (wanted, prepare(*wanted), Facts.of(job.network, job.layout))
        blocks, facts = self._prepared[1:]
        if job.shown is Shown.ALL:
            return blocks, facts
        chosen = (blocks, job.shown, job.weak_threshold)
        if self._chosen is None or self._chosen[0] != chosen:
            self._chosen = chosen, choose(*chosen)
        return self._chosen[1], facts


def _coarse(frame: Frame) -> Frame:
    return replace(
        frame,
        scale=frame.scale / 2,
        ratio=frame.ratio / 2,
        width=(frame.width + 1) // 2,
        height=(frame.height + 1) // 2,
    )
