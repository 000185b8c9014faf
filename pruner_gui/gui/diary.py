"""Writes what the user does to the log: files by name, runs and how they ended."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QObject

from pruner_gui.gui.document import DataFiles, Document, Exported

_logger = logging.getLogger(__name__)


class Diary(QObject):
    """Listens to a document for as long as it lives."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self._running = False
        document.opened.connect(self._opened)
        document.data_loaded.connect(self._loaded)
        document.exported.connect(self._exported)
        for written in (document.session_saved, document.report_written, document.picture_written):
            written.connect(self._written)
        document.activity_changed.connect(self._look)

    def _opened(self, path: Path) -> None:
        sizes = "-".join(str(size) for size in self._document.session.original.layer_sizes)
        _logger.info("Opened %s, %s", path.name, sizes)

    def _loaded(self, data: DataFiles) -> None:
        examples = self._document.session.examples
        count = len(examples.pruning) if examples is not None else 0
        _logger.info("Loaded %s, %d pruning rows", ", ".join(file.name for file in data.files), count)

    def _exported(self, exported: Exported) -> None:
        _logger.info("Exported %s", exported.result.path.name)

    def _written(self, path: Path) -> None:
        _logger.info("Written %s", path.name)

    def _look(self) -> None:
        """See whether a run has begun or ended."""
        document = self._document
        if document.running is self._running:
            return
        self._running = document.running
        neurons = document.session.network.hidden_neurons
        if self._running:
            steps = ", ".join(config.strategy for config in document.plan.steps)
            _logger.info("A run began (%s), %d hidden neurons", steps, neurons)
        else:
            _logger.info("The run ended, %d hidden neurons", neurons)
