"""The status bar: what goes on in the background, how far it is, and a way to end it."""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QStatusBar, QWidget

from pruner_gui.gui import text
from pruner_gui.gui.document import Document
from pruner_gui.pruning import candidates
from pruner_gui.session import Run

PATIENCE = 2.5  # seconds; an engine that was compiled before is ready by then
_REFRESH_MS = 150
_SLOTS = ("read", "run", "export", "picture", "sweep", "measure", "sensitivity")  # what the user waits for


class StatusBar(QStatusBar):
    """Refreshes itself from the document while something goes on."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self.label, self.progress = QLabel(), QProgressBar()
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setToolTip(self.tr("End the run and keep what it removed so far (Esc)"))
        self.cancel.clicked.connect(document.cancel)
        self.progress.setFixedWidth(180)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(14)
        self.progress.setAccessibleName(self.tr("Progress"))
        self.addWidget(self.label, 1)
        self.unsafe = QLabel(self.tr("⚠ Not saved automatically"))
        self.unsafe.hide()
        self.addPermanentWidget(self.unsafe)
        self.addPermanentWidget(self.progress)
        self.addPermanentWidget(self.cancel)
        self.setSizeGripEnabled(False)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        document.activity_changed.connect(self.refresh)
        self.refresh()

    def say_unsafe(self, problem: Exception | None) -> None:
        """Say that the work cannot be saved by itself, and why; None: it can."""
        self.unsafe.setVisible(problem is not None)
        if problem is not None:
            why = self.tr("A crash would lose the work: {problem} It is tried again every 20 seconds.")
            self.unsafe.setToolTip(why.format(problem=text.problem(problem).what))

    def refresh(self) -> None:
        """Say what goes on now."""
        tasks = self._document.tasks
        self.cancel.setVisible(self._document.running)
        self.cancel.setEnabled(not self._document.stopping)
        busy = any(tasks.running(slot) for slot in _SLOTS)
        self.progress.setVisible(busy)
        self._timer.start() if busy or tasks.running("compile") else self._timer.stop()
        self.label.setText(self._sentence())

    def _sentence(self) -> str:
        document, tasks = self._document, self._document.tasks
        if document.stopping:
            return self._busy(self.tr("Stopping…"))
        if tasks.running("run"):
            return self._run_sentence(document.session.run)
        if tasks.running("read"):
            return self._busy(self.tr("Reading {file}…").format(file=document.reading))
        if tasks.running("export"):
            return self._busy(self.tr("Writing and verifying…"))
        if tasks.running("picture"):
            return self._busy(self.tr("Drawing the picture…"))
        if tasks.running("sweep"):
            return self._sweep_sentence()
        if tasks.running("measure"):
            return self._busy(self.tr("Measuring the network…"))
        if tasks.running("sensitivity"):
            return self._sensitivity_sentence()
        if self._compiling:
            sentence = self.tr("Preparing the engine for its first use… {share}")
            return sentence.format(share=_percent(document.compiled))
        return self._idle()

    @property
    def _compiling(self) -> bool:
        """Whether the engine is being compiled, and not only loaded."""
        document = self._document
        return document.tasks.running("compile") and time.monotonic() - document.compile_began > PATIENCE

    def _waiting(self) -> str:
        sentence = self.tr("Waiting for the engine, which is prepared for its first use… {share}")
        return self._busy(sentence.format(share=_percent(self._document.compiled)))

    def _busy(self, sentence: str) -> str:
        self.progress.setRange(0, 0)
        return sentence

    def _idle(self) -> str:
        session = self._document.session
        if not session.is_open:
            return self.tr("Ready")
        name = session.path.name if session.path is not None else ""
        examples = session.examples
        if examples is None:
            return name
        held = len(examples.holdout) if examples.holdout is not None else 0
        rows = self.tr("{name}  ·  {source}: {pruning} pruning rows, {held} held-out rows")
        if examples.guard is not None:
            rows = self.tr(
                "{name}  ·  {source}: {pruning} pruning rows, {guard} guard rows, {held} held-out rows"
            )
        return rows.format(
            name=name,
            source=examples.pruning.source,
            pruning=text.integer(len(examples.pruning)),
            held=text.integer(held),
            guard=text.integer(len(examples.guard) if examples.guard is not None else 0),
        )

    def _sweep_sentence(self) -> str:
        done = len(self._document.sweep)
        if not done and self._compiling:
            return self._waiting()
        total = max(done, len(candidates(self._document.session.network, None)))
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        sentence = self.tr("Measuring neuron {n} of {total}")
        return sentence.format(n=text.integer(done), total=text.integer(total))

    def _sensitivity_sentence(self) -> str:
        known = self._document.sensitivity
        if known is None or not known.points:
            return self._busy(self.tr("Measuring how much each layer bears…"))
        self.progress.setRange(0, known.total)
        self.progress.setValue(len(known.points))
        sentence = self.tr("Measuring how much each layer bears: {n} of {total}")
        return sentence.format(n=text.integer(len(known.points)), total=text.integer(known.total))

    def _run_sentence(self, run: Run | None) -> str:
        if run is None and self._document.prepared is not None:
            return self._preparing_sentence(self._document.prepared)
        if self._compiling and (run is None or not run.trials):
            return self._waiting()
        if run is None:
            return self._busy(self.tr("Pruning…"))
        return self._trials_sentence(run)

    def _preparing_sentence(self, share: float) -> str:
        self.progress.setRange(0, 100)
        self.progress.setValue(round(100 * share))
        return self.tr("Measuring the network… {share}").format(share=_percent(share))

    def _trials_sentence(self, run: Run) -> str:
        network = self._document.session.network
        seconds = max(time.monotonic() - self._document.run_began, 1e-3)
        size = max(1, network.hidden_neurons)
        self.progress.setRange(0, size)
        self.progress.setValue(min(size, run.trials - self._document.pass_began_at))
        error = run.steps[-1].score.values[0] if run.steps else run.started.start.values[0]
        parts = [
            self.tr("Pass {n}").format(n=text.integer(run.passes + 1)),
            self.tr("error {error} (limit {limit})").format(
                error=text.number(error), limit=text.number(run.limits[0])
            ),
            text.plural(network.hidden_neurons, self.tr("{n} neuron left"), self.tr("{n} neurons left")),
            self._pace(run.trials / seconds),
            text.duration(seconds),
        ]
        if run.trying is not None and run.trying.units:
            trying = self.tr("trying {layer}, neuron {unit}")
            parts.insert(1, trying.format(layer=run.trying.node, unit=text.integer(run.trying.units[0])))
        return "  ·  ".join(parts)

    def _pace(self, trials: float) -> str:
        if self._compiling:
            return self.tr("preparing the engine… {share}").format(share=_percent(self._document.compiled))
        return self.tr("{n} trials a second").format(n=text.integer(round(trials)))


def _percent(share: float) -> str:
    return text.percent(round(share, 2), 1)
