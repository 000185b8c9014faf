"""How fast the network is drawn, and how smoothly while a run goes on: `make bench-graph`.

Beside it pyqtgraph's GraphItem with one pen on the smaller networks, in the same run. A frame's time is that
of handling the event and painting, until both are done, in the window's thread. The figures go to
`build/bench/graph.json`.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QDeadlineTimer, QEvent, QEventLoop, QPoint, QPointF, QSettings, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from works import ROOT

from pruner_gui import formats
from pruner_gui.gui import app
from pruner_gui.gui.document import DataFiles
from pruner_gui.gui.edge_raster import warm_up
from pruner_gui.gui.graph_paint import GraphMarks
from pruner_gui.gui.graph_render import Picture
from pruner_gui.gui.graph_view import GraphView
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.window import MainWindow
from pruner_gui.network import Activation, Dense, Input, Network, Node
from pruner_gui.session import DataOptions

RESULT = ROOT / "build" / "bench" / "graph.json"
SIZES = ((64, 128, 64, 10), (784, 300, 100, 10), (784, 1000, 500, 10), (4096, 2048, 1000))
MOST_FOR_ITEM = 300_000  # connections from which GraphItem is left out: a frame takes minutes
FRAMES = 60
PRUNE_SECONDS = 6.0
MOST_ROWS = 60_000
ROW_WORK = 5_000_000_000  # multiply-adds of all rows: runs of seconds, not of a blink


def made(sizes: Sequence[int], seed: int = 0) -> Network:
    """Return a classifier whose weights have structure, as if trained: few strong directions, and noise."""
    rng = np.random.default_rng(seed)
    nodes = [Node("input", Input(sizes[0]))]
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        rank = max(2, min(n_in, n_out) // 10)
        strong = rng.standard_normal((n_in, rank)) * np.geomspace(1, 0.05, rank)
        weight = strong @ rng.standard_normal((rank, n_out)) + 0.3 * rng.standard_normal((n_in, n_out))
        weight *= np.exp(0.6 * rng.standard_normal(n_out)) / np.sqrt(n_in)
        bias = 0.1 * rng.standard_normal(n_out)
        name = f"dense_{i + 1}"
        nodes.append(Node(name, Dense(weight.astype(np.float32), bias.astype(np.float32)), (nodes[-1].name,)))
        kind = "softmax" if i + 2 == len(sizes) else "relu"
        nodes.append(Node(f"{name}.{kind}", Activation(kind), (name,)))
    return Network(tuple(nodes), (nodes[-1].name,))


# -- letting the window work


def wait(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    """Let the window work until a condition holds."""
    loop, look, patience = QEventLoop(), QTimer(), QDeadlineTimer(int(seconds * 1000))

    def see() -> None:
        if patience.hasExpired():
            sys.exit("The window did not come so far.")
        if condition():
            loop.quit()

    look.timeout.connect(see)
    look.start(3)
    loop.exec()
    look.stop()
    look.timeout.disconnect(see)


def spread(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    return {
        "median": round(statistics.median(milliseconds), 3),
        "p95": round(float(np.percentile(milliseconds, 95)), 3),
    }


def timed(done: Callable[[], None]) -> float:
    """Return how many milliseconds something takes."""
    began = time.perf_counter()
    done()
    return (time.perf_counter() - began) * 1000


# -- the graph alone


@dataclass(frozen=True)
class Seen:
    """A picture, and when it was on the screen."""

    at: float
    refined: bool


class Eye:
    """Sees when pictures arrive in a view."""

    def __init__(self, view: GraphView) -> None:
        self.view = view
        self.pictures: list[Seen] = []
        view._renderer.done.connect(self._arrived)

    def _arrived(self, picture: Picture) -> None:
        self.view.repaint()
        self.pictures.append(Seen(time.perf_counter(), picture.refined))

    def watch(self, act: Callable[[], None]) -> tuple[float, float]:
        """Do something; return after how many milliseconds its first and its refined picture are painted."""
        self.pictures.clear()
        began = time.perf_counter()
        act()
        wait(lambda: bool(self.pictures) and self.pictures[-1].refined)
        return (self.pictures[0].at - began) * 1000, (self.pictures[-1].at - began) * 1000


def send_move(widget: QWidget, place: QPointF, buttons: Qt.MouseButton) -> None:
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, widget.mapToGlobal(place), Qt.MouseButton.NoButton, buttons,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def send_button(widget: QWidget, kind: QEvent.Type, place: QPointF) -> None:
    held = Qt.MouseButton.LeftButton if kind == QEvent.Type.MouseButtonPress else Qt.MouseButton.NoButton
    event = QMouseEvent(
        kind, place, widget.mapToGlobal(place), Qt.MouseButton.LeftButton, held,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def send_wheel(widget: QWidget, place: QPointF, turn: int) -> None:
    event = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def pan(view: QWidget, frames: int) -> list[float]:
    """Drag the picture about; return each frame's time."""
    place = QPointF(640, 400)
    send_button(view, QEvent.Type.MouseButtonPress, place)
    found = []
    for i in range(frames):
        place += QPointF(9 if i % 24 < 12 else -9, 5 if i % 16 < 8 else -5)

        def frame(at: QPointF = place) -> None:
            send_move(view, at, Qt.MouseButton.LeftButton)
            view.repaint()

        found.append(timed(frame))
        QApplication.processEvents()
    send_button(view, QEvent.Type.MouseButtonRelease, place)
    return found


def zoom(view: QWidget, frames: int) -> list[float]:
    """Turn the wheel in and out; return each frame's time."""
    found = []
    for i in range(frames):
        turn = 60 if i % 20 < 10 else -60

        def frame(by: int = turn) -> None:
            send_wheel(view, QPointF(500, 350), by)
            view.repaint()

        found.append(timed(frame))
        QApplication.processEvents()
    return found


def hover(view: QWidget, frames: int) -> list[float]:
    """Move the mouse over the picture; return what it takes to find what is under it."""
    rng = np.random.default_rng(0)
    found = []
    for x, y in rng.uniform((60, 100), (1200, 700), (frames, 2)):
        place = QPointF(x, y)
        found.append(timed(lambda at=place: send_move(view, at, Qt.MouseButton.NoButton)))  # type: ignore[misc]
        QApplication.processEvents()
    return found


def graph_alone(network: Network) -> dict[str, Any]:
    """Measure the graph view by itself, 1280x800."""
    view = GraphView()
    view.resize(1280, 800)
    eye = Eye(view)
    view.show()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first, first_refined = eye.watch(lambda: view.set_network(network))
    strongest = max(float(abs(dense.weight).max()) for _, dense in network.dense)
    steps = iter(np.linspace(0.004, 0.05, 7))
    looks = [
        eye.watch(
            lambda: view.set_statuses(GraphMarks(weak_threshold=strongest * float(next(steps)), focus=True))
        )
        for _ in range(5)
    ]
    found = {
        "first_frame_ms": round(first, 1),
        "first_refined_ms": round(first_refined, 1),
        "preview_ms": round(statistics.median(look[0] for look in looks), 1),
        "refined_ms": round(statistics.median(look[1] for look in looks), 1),
        "pan_ms": spread(pan(view, FRAMES)),
        "zoom_ms": spread(zoom(view, FRAMES)),
    }
    view.fit()
    QApplication.processEvents()
    found["hover_ms"] = round(statistics.median(hover(view, FRAMES)), 3)
    view.shutdown()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["memory_mb"] = round(max(0, peak - before) / 1024, 1)
    view.close()
    view.deleteLater()
    return found


# -- GraphItem


def graph_item(network: Network) -> float:
    """Return the median milliseconds of a frame of pyqtgraph's GraphItem while it is panned."""
    sizes = network.layer_sizes
    offsets = np.cumsum([0, *sizes])
    places = np.concatenate(
        [np.stack([np.full(size, i * 3.0), np.linspace(-1, 1, size)], axis=1) for i, size in enumerate(sizes)]
    )
    edges = np.concatenate(
        [
            np.argwhere(np.ones((n_in, n_out))) + np.array([offsets[i], offsets[i + 1]])
            for i, (n_in, n_out) in enumerate(pairwise(sizes))
        ]
    )
    plot = pg.PlotWidget()
    plot.resize(1280, 800)
    plot.addItem(pg.GraphItem(pos=places, adj=edges, pen=pg.mkPen("#888"), size=3))
    plot.show()
    QApplication.processEvents()
    plot.repaint()
    box = plot.getViewBox()

    def frame() -> None:
        box.translateBy(x=0.05, y=0.01)
        plot.viewport().repaint()

    found = statistics.median(timed(frame) for _ in range(5))
    plot.close()
    plot.deleteLater()
    QApplication.processEvents()
    return found


# -- the whole window, pruning


@dataclass
class Ticks:
    """Gaps between the beats of a timer in the window's thread."""

    gaps: list[float]
    last: float = 0.0

    def beat(self) -> None:
        now = time.perf_counter()
        if self.last:
            self.gaps.append((now - self.last) * 1000)
        self.last = now


def gaps_while_pruning(network: Network, folder: Path) -> dict[str, float]:
    """Open a network with data in the window, prune, and measure how long the window does not answer."""
    rng = np.random.default_rng(1)
    count = min(MOST_ROWS, ROW_WORK // network.macs)
    rows = rng.standard_normal((count, network.n_inputs)).astype(np.float32)
    labels = network.forward(rows).argmax(axis=1)
    np.savez(folder / "data.npz", X=rows, y=labels)
    formats.write(network, folder / "network.onnx", rows[:8])
    window = MainWindow(Theme())
    window.resize(1280, 800)
    window.show()
    window.document.open(folder / "network.onnx", DataFiles((folder / "data.npz",), DataOptions()))
    wait(lambda: window.document.can_prune and not busy(window, "read", "measure"))
    ticks = Ticks([])
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(8)
    timer.timeout.connect(ticks.beat)
    deadline = time.monotonic() + PRUNE_SECONDS
    while time.monotonic() < deadline:
        window.document.prune()
        ticks.last = 0.0
        timer.start()
        wait(lambda: not busy(window, "run") or time.monotonic() > deadline)
        timer.stop()
        window.document.cancel()
        wait(lambda: not busy(window, "run"))
        window.document.undo()
        window.document.runs.clear()  # so that each is the only one that is plotted
    window.document._saved.add(window.document.session.network)
    window.close()
    window.deleteLater()
    QApplication.processEvents()
    return {
        "p99": round(float(np.percentile(ticks.gaps, 99)), 1),
        "max": round(max(ticks.gaps), 1),
        "beats": len(ticks.gaps),
    }


def busy(window: MainWindow, *slots: str) -> bool:
    """Whether any of these kinds of work goes on."""
    return any(window.document.tasks.running(slot) for slot in slots)


# -- the report


def line(network: Network, folder: Path) -> dict[str, Any]:
    """Measure all of one network."""
    name = "-".join(str(size) for size in network.layer_sizes)
    found: dict[str, Any] = {"network": name, "connections": network.connections, **graph_alone(network)}
    item = graph_item(network) if network.connections <= MOST_FOR_ITEM else None
    found["graphitem_pan_ms"] = None if item is None else round(item, 1)
    found["pan_ratio"] = None if item is None else round(item / found["pan_ms"]["median"], 1)
    gc.collect()
    found["frame_gap_ms"] = gaps_while_pruning(network, folder)
    return found


def main() -> None:
    """Measure, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, help="the number of one network, from 0")
    wanted = parser.parse_args().only
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        QApplication(sys.argv[:1])
        app.name_application()
        QApplication.setStyle("Fusion")
        warm_up()
        found = []
        for i, sizes in enumerate(SIZES):
            if wanted in (None, i):
                found.append(line(made(sizes), Path(folder)))
                report(found[-1])
    if wanted is None:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(found, indent=2) + "\n")
        print(f"\n{RESULT.relative_to(ROOT)}")


def report(found: dict[str, Any]) -> None:
    """Print one network's figures."""
    print(f"\n{found['network']}: {found['connections']:,} connections, 1280x800")
    gap = found["frame_gap_ms"]
    print(f"  first frame {found['first_frame_ms']} ms, refined after {found['first_refined_ms']} ms")
    for kind in ("pan", "zoom"):
        print("  {} {median} ms (p95 {p95})".format(kind, **found[f"{kind}_ms"]))
    print(f"  other threshold: preview {found['preview_ms']} ms, refined {found['refined_ms']} ms")
    print(f"  hover {found['hover_ms']} ms, memory {found['memory_mb']} MB more at most")
    if found["graphitem_pan_ms"] is not None:
        print(f"  GraphItem pans in {found['graphitem_pan_ms']} ms: {found['pan_ratio']}x")
    print(f"  while pruning, {gap['beats']} beats: gap p99 {gap['p99']} ms, max {gap['max']} ms", flush=True)


if __name__ == "__main__":
    main()
