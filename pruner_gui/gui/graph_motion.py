"""Removals that are seen: a neuron that goes shrinks from filled to hollow, its connections fade."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QObject, QTimer

from pruner_gui.gui.graph_paint import Status, Statuses
from pruner_gui.gui.graph_render import Picture
from pruner_gui.gui.graph_scene import Fading

SECONDS = 0.2
INTERVAL_MS = 34  # no more than 30 updates a second
_MOST = 500  # neurons at once; more are a change of the whole picture, which fades as a whole


class Motion(QObject):
    """What is going at this moment. One timer for all of it, and only while there is something."""

    def __init__(
        self,
        update: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.neurons: Fading = {}
        self.last: Picture | None = None
        """The picture before the present one, while it still shows through."""
        self.last_share = 0.0
        self._update, self._clock = update, clock
        self._began: dict[tuple[int, int], float] = {}
        self._last_began = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.tick)

    @property
    def active(self) -> bool:
        """Whether something moves."""
        return self._timer.isActive()

    def removed(self, before: Sequence[Statuses], after: Sequence[Statuses]) -> None:
        """Let the neurons go that are removed now and were not before."""
        gone = [
            (layer, int(position))
            for layer, (old, new) in enumerate(zip(before, after, strict=True))
            for position in np.flatnonzero((new == Status.REMOVED) & (old != Status.REMOVED))[: _MOST + 1]
        ]
        if 0 < len(gone) <= _MOST - len(self._began):
            self._began.update(dict.fromkeys(gone, self._clock()))
            self._start()

    def replaced(self, last: Picture) -> None:
        """Let a picture fade that another one takes the place of."""
        self.last, self._last_began = last, self._clock()
        self._start()

    def stop(self) -> None:
        """Be done at once."""
        self._began.clear()
        self.neurons, self.last, self.last_share = {}, None, 0.0
        self._timer.stop()

    def tick(self) -> None:
        """Move on."""
        now = self._clock()
        neurons: dict[int, dict[int, float]] = {}
        for (layer, position), began in list(self._began.items()):
            share = (now - began) / SECONDS
            if share < 1:
                neurons.setdefault(layer, {})[position] = share
            else:
                del self._began[layer, position]
        self.neurons = neurons
        self.last_share = 1 - (now - self._last_began) / SECONDS
        if self.last_share <= 0:
            self.last = None
        if not neurons and self.last is None:
            self.stop()
        self._update()

    def _start(self) -> None:
        if not self._timer.isActive():
            self._timer.start()
            self.tick()
