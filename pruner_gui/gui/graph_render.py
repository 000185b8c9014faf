"""Draws connections outside the window's thread; the newest wish wins."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QImage

from pruner_gui.gui.edge_raster import EdgeBlock, Frame, Image, Ink, draw_edges, prepare, warm_up
from pruner_gui.gui.graph_layout import Layout
from pruner_gui.network import Network

_PREVIEWED = 3_000  # connections from which a coarse picture comes first


@dataclass(frozen=True)
class Job:
    """A wish for a picture. Networks and layouts are equal when they are the same object."""

    network: Network
    layout: Layout
    frame: Frame
    ink: Ink
    weak_threshold: float | None
    focus: bool


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn job. `pixels` back the image and must live as long as it."""

    job: Job
    blocks: tuple[EdgeBlock, ...]
    pixels: Image
    image: QImage
    place: QRectF
    """Where in the scene the image belongs."""
    refined: bool

    @classmethod
    def of(
        cls, job: Job, blocks: tuple[EdgeBlock, ...], pixels: Image, frame: Frame, refined: bool
    ) -> Picture:
        """Wrap what the raster made."""
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
        place = QRectF(frame.left, frame.top, width / frame.scale, height / frame.scale)
        return cls(job, blocks, pixels, image, place, refined)


def draw(job: Job, blocks: tuple[EdgeBlock, ...] | None = None) -> Picture:
    """Return the finished picture of a job, drawn in the caller's thread."""
    blocks = prepare(job.network, job.layout) if blocks is None else blocks
    pixels = draw_edges(blocks, job.frame, job.ink, job.weak_threshold, job.focus)
    assert pixels is not None, "nobody aborts this one"
    return Picture.of(job, blocks, pixels, job.frame, refined=True)


class Renderer(QObject):
    """A slot for the newest job and a thread that lives as long as there is something to draw.

    `pictured` brings a coarse picture of big networks, which is always finished, then the refined one, which
    a newer job cuts short.
    """

    pictured = Signal(object)  # Picture

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._next: Job | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._prepared: tuple[Network, Layout, tuple[EdgeBlock, ...]] | None = None

    def request(self, job: Job) -> None:
        """Draw this next, instead of what is still waiting."""
        with self._lock:
            if self._stopped:
                return
            self._next = job
        self.wake()

    def wake(self) -> None:
        """Have the thread running, so that the kernels are compiled before the first job needs them."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._work, name="graph-renderer")
                self._thread.start()

    def stop(self) -> None:
        """Drop what waits, cut short what runs, and join the thread. For good."""
        with self._lock:
            self._stopped, self._next = True, None
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        warm_up()
        while (job := self._take()) is not None:
            blocks = self._blocks(job)
            if sum(block.weight.size for block in blocks) >= _PREVIEWED:
                frame = _coarse(job.frame)
                self._draw(job, blocks, frame, refined=False)
            self._draw(job, blocks, job.frame, refined=True)

    def _take(self) -> Job | None:
        with self._lock:
            job, self._next = self._next, None
            if job is None:
                self._thread = None
            return job

    def _draw(self, job: Job, blocks: tuple[EdgeBlock, ...], frame: Frame, refined: bool) -> None:
        aborted = self._overtaken if refined else self._is_stopped
        pixels = draw_edges(blocks, frame, job.ink, job.weak_threshold, job.focus, aborted)
        if pixels is not None:
            self.pictured.emit(Picture.of(job, blocks, pixels, frame, refined))

    def _overtaken(self) -> bool:
        return self._stopped or self._next is not None

    def _is_stopped(self) -> bool:
        return self._stopped

    def _blocks(self, job: Job) -> tuple[EdgeBlock, ...]:
        kept = self._prepared
        if kept is None or kept[0] is not job.network or kept[1] is not job.layout:
            kept = self._prepared = (job.network, job.layout, prepare(job.network, job.layout))
        return kept[2]


def _coarse(frame: Frame) -> Frame:
    return replace(
        frame,
        scale=frame.scale / 2,
        ratio=frame.ratio / 2,
        width=(frame.width + 1) // 2,
        height=(frame.height + 1) // 2,
    )
