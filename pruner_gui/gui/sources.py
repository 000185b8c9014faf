"""The files that the open document was read from: told when they change on the disk.

The document is in memory, and stays what it was when it was read. What is looked at here only decides what
the user is told: in the background, when the system reports a change, when the program comes to the front,
and before what would bring old and new together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from pruner_gui.files import ChangedWhileRead, Fingerprint
from pruner_gui.gui.worker import Outcome, Tasks

REST_MS = 300  # after a report of the system: files change in many steps
AGAIN_MS = 1000  # before a file that is being written is looked at again


@dataclass(frozen=True)
class Change:
    """What became of a file since it was read.

    `kind` is "model" or "data". `state` is "changed", "gone", or "" when it is what it was.
    """

    kind: str
    path: Path
    state: str


@dataclass(frozen=True)
class _Source:
    """A file as it was `read`, and as it was last seen; None: it was gone."""

    kind: str
    read: Fingerprint
    seen: Fingerprint | None

    @property
    def change(self) -> Change:
        if self.seen is None:
            return Change(self.kind, self.read.path, "gone")
        return Change(self.kind, self.read.path, "" if self.read.same_content(self.seen) else "changed")

    def again(self) -> _Source:
        """Look at the file. Raises ChangedWhileRead."""
        return replace(self, seen=(self.seen or self.read).again())


class Sources(QObject):
    """Watches the files of one document; `changed` says what became of one, once for each change."""

    changed = Signal(object)  # Change

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._sources: dict[Path, _Source] = {}
        self._ours: set[Path] = set()  # those that this program has written since
        self._watcher = QFileSystemWatcher(self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self.look)
        for signal in (self._watcher.fileChanged, self._watcher.directoryChanged):
            signal.connect(lambda _: self._soon(REST_MS))
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._state_changed)

    def watch(self, kind: str, read: Iterable[Fingerprint] = ()) -> None:
        """Watch the files of a kind, as they were read, and no longer those of that kind before."""
        before = [source for source in self._sources.values() if source.kind == kind]
        for source in before:
            del self._sources[source.read.path]
        self._sources |= {each.path: _Source(kind, each, each) for each in read}
        for source in before:
            if source.change.state:
                self.changed.emit(Change(kind, source.read.path, ""))
        self._renew_watcher()

    def differs(self, path: Path) -> bool:
        """Whether a file that was read was found to be another, or gone, when it was last looked at."""
        source = self._sources.get(path.absolute())
        return source is not None and bool(source.change.state)

    def written(self, path: Path) -> None:
        """Take it that this program has just replaced a file: no change that has to be told."""
        if path.absolute() in self._sources:
            self._ours.add(path.absolute())
            self.look()

    def look(self) -> None:
        """Look at all files in the background, and tell what changed."""
        self._rest.stop()
        if self._sources:
            work = partial(_look, tuple(self._sources.values()))
            self._tasks.start("sources", work, self._looked)

    def shutdown(self) -> None:
        """Watch nothing any more."""
        self._rest.stop()
        self._sources.clear()
        self._renew_watcher()

    def _state_changed(self, state: Qt.ApplicationState) -> None:
        if state is Qt.ApplicationState.ApplicationActive:
            self.look()

    def _soon(self, wait: int) -> None:
        if not self._rest.isActive():
            self._rest.start(wait)

    def _looked(self, outcome: Outcome) -> None:
        if outcome.error is not None or outcome.stopped:
            return
        found: tuple[_Source, ...] = outcome.value[0]
        for source in found:
            path = source.read.path
            before = self._sources.get(path)
            if before is None or before.read is not source.read:
                continue  # another document by now
            if path in self._ours and source.seen is not None:
                self._ours.discard(path)
                source = replace(source, read=source.seen)
            self._sources[path] = source
            if _differ(before, source):
                self.changed.emit(source.change)
        if outcome.value[1]:
            self._soon(AGAIN_MS)
        self._renew_watcher()

    def _renew_watcher(self) -> None:
        """Have the system report on the files, which it forgets when they go, and on their folders."""
        wanted = {str(path) for path in self._sources if path.exists()}
        wanted |= {str(path.parent) for path in self._sources if path.parent.exists()}
        watched = {*self._watcher.files(), *self._watcher.directories()}
        if watched - wanted:
            self._watcher.removePaths(sorted(watched - wanted))
        if wanted - watched:
            self._watcher.addPaths(sorted(wanted - watched))


def _differ(before: _Source, now: _Source) -> bool:
    """Whether there is something new to tell."""
    if before.change != now.change:
        return True
    return now.seen is not None and before.seen is not None and not before.seen.same_content(now.seen)


def _look(sources: tuple[_Source, ...]) -> tuple[tuple[_Source, ...], bool]:
    """Look at files; also say whether one is being written, which is left out."""
    found, busy = [], False
    for source in sources:
        try:
            found.append(source.again())
        except ChangedWhileRead:
            busy = True
    return tuple(found), busy
