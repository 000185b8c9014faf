"""Keeps the work of a document safe: saves it every so often and after each run, finds what others lost.

What takes long runs in the slot "autosave" of the document's tasks, one thing after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from pruner_gui import autosave
from pruner_gui.autosave import Folder, Found
from pruner_gui.gui.document import Document, Written
from pruner_gui.gui.worker import Outcome
from pruner_gui.session_file import Snapshot

# 30 s may be lost at most: the rest is for a save that takes its time, and for one that has to wait for it.
INTERVAL_MS = 20_000


class Keeper(QObject):
    """Owns the folder of autosaves of one window, which is made when there is something to save.

    `root` is where these folders are. Work is removed from the folder when it is saved as a session, when the
    user opens something else, and when the window is closed: he was asked then.
    """

    found = Signal(object)  # list[Found]: what programs that ended left behind, the newest first
    problem_changed = Signal()

    def __init__(self, document: Document, root: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.problem: Exception | None = None  # why the work is not safe now
        self._document, self._root = document, root
        self._folder = Folder(root)
        self._lost: list[Folder] = []  # of others, held while the user is asked
        self._recovering: Found | None = None
        self._kept: object = None  # the document's state that needs no saving
        self._document_number = 0  # counts those that were open
        self._wanted: list[Callable[[], None]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.save)
        self._timer.start()
        document.runs_changed.connect(self.save)
        document.replaced.connect(self._replaced)
        document.session_saved.connect(self._session_saved)

    # -- saving

    def save(self) -> None:
        """Save the work, unless there is none or it is safe already."""
        if self._save not in self._wanted:
            self._wanted.append(self._save)
        self._next()

    def _save(self) -> None:
        document = self._document
        state = document.state if document.has_work else self._kept
        if state != self._kept:
            work = partial(_write, self._folder, document.snapshot())
            self._start(work, partial(self._written, state, self._document_number))

    def _written(self, state: object, number: int, outcome: Outcome) -> None:
        if self._tell(outcome) and number == self._document_number:
            self._kept = state

    def _session_saved(self, written: Written) -> None:
        if written.state == self._document.state:
            self._kept = written.state
            self._want(self._clear)

    def _replaced(self, recovered: bool) -> None:
        self._wanted = [step for step in self._wanted if step != self._save]
        self._kept = self._document.state
        self._document_number += 1
        if recovered and self._recovering is not None:
            self._want(partial(self._take_over, self._recovering))
        else:
            self._want(self._clear)
        self._recovering = None

    def _clear(self) -> None:
        # Whatever was written for a document that is no more came before this.
        self._start(self._folder.clear, self._tell)

    # -- one thing after the other

    def _want(self, step: Callable[[], None]) -> None:
        self._wanted.append(step)
        self._next()

    def _next(self) -> None:
        while self._wanted and not self._document.tasks.running("autosave"):
            self._wanted.pop(0)()

    def _start(self, work: Callable[[], Any], on_end: Callable[[Outcome], object]) -> None:
        def ended(outcome: Outcome) -> None:
            on_end(outcome)
            self._next()

        self._document.tasks.start("autosave", work, ended)

    def _tell(self, outcome: Outcome) -> bool:
        """Tell trouble once, and that it is over."""
        before, self.problem = self.problem, outcome.error
        if outcome.error is not None and before is None:
            logging.getLogger(__name__).warning("The work cannot be saved\n%s", outcome.trace)
        if (before is None) != (outcome.error is None):
            self.problem_changed.emit()
        return outcome.error is None

    # -- what others left behind

    def look_for_lost(self) -> None:
        """Find what programs that ended left behind; `found` tells it, where there is anything."""
        self._want(lambda: self._start(partial(_find, self._root), self._found))

    def _found(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            logging.getLogger(__name__).warning("Lost work cannot be looked for\n%s", outcome.trace)
        elif outcome.value:
            self._lost = [found.folder for found in outcome.value]
            self.found.emit(outcome.value)

    def recover(self, found: Found) -> None:
        """Open what was lost; its folder becomes that of this window."""
        assert found.generation is not None
        self._recovering = found
        self._document.recover(found.generation, found.model.name if found.model else "")

    def _take_over(self, found: Found) -> None:
        before, self._folder = self._folder, found.folder
        self._lost.remove(found.folder)
        self._start(partial(_take_over, found, before), self._tell)

    def discard(self, found: Found) -> None:
        """Remove what was lost for good."""
        if found.folder in self._lost:
            self._lost.remove(found.folder)
            self._want(lambda: self._start(found.folder.remove, self._tell))

    def leave_lost(self) -> None:
        """Let whatever was lost lie, to be offered again at another start."""
        kept = self._recovering.folder if self._recovering is not None else None
        for folder in [folder for folder in self._lost if folder is not kept]:
            folder.release()
            self._lost.remove(folder)

    # -- the end

    def stop(self) -> None:
        """Start nothing more."""
        self._timer.stop()
        self._wanted.clear()

    def close(self) -> None:
        """Remove the folder: the window was closed in order. For when no task is left."""
        self.stop()
        for folder in self._lost:
            folder.release()
        self._lost.clear()
        try:
            self._folder.remove()
        except OSError as error:
            logging.getLogger(__name__).warning("Autosaves are left over: %s", error)


def _write(folder: Folder, snapshot: Snapshot) -> None:
    folder.write(snapshot.saved())


def _find(root: Path) -> list[Found]:
    found = [autosave.look_into(folder) for folder in autosave.left_behind(root)]
    return sorted(found, key=lambda each: each.when, reverse=True)


def _take_over(found: Found, before: Folder) -> None:
    assert found.generation is not None
    found.folder.go_back_to(found.generation)
    before.remove()
