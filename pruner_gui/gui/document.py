"""The open document as the window sees it: the session, what is measured, the work in the background.

The only place that starts tasks. Views call its methods and listen to its signals; none of them computes.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from pruner_gui import files, formats, reading, session_file
from pruner_gui.comparison import (
    Answers,
    Latency,
    Measured,
    Summary,
    answers,
    measure_latency,
    peak_activations,
    summarise,
    weight_bytes,
)
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import Examples, Score, warm_up
from pruner_gui.files import Fingerprint, fingerprints
from pruner_gui.gui import graph_export, run_words, text
from pruner_gui.gui.crash import Failure, unhandled
from pruner_gui.gui.graph_order import units_in_order
from pruner_gui.gui.plan import Plan
from pruner_gui.gui.sensitivity_curves import Curve, Sensitivity, curves
from pruner_gui.gui.sources import Sources
from pruner_gui.gui.spare import Folded, FreeNeurons, folded, free_neurons
from pruner_gui.gui.strengths import Strengths
from pruner_gui.gui.worker import Outcome, Tasks
from pruner_gui.network import Edit, IndexArray, Network, RemoveUnits
from pruner_gui.pruning import (
    Accepted,
    Event,
    Judge,
    PassEnded,
    Point,
    Preparing,
    PruneConfig,
    Tolerance,
    candidates,
    floors,
    recipe,
)
from pruner_gui.pruning import check as check_steps
from pruner_gui.pruning.free import Free, kept_by
from pruner_gui.records import Record
from pruner_gui.session import Changes, DataOptions, Run, Session, Step, Version, load_examples, would_go

PLOTTED = 5  # runs, the last ones, unless the user ticks others: so many can be told apart
REST_MS = 150  # without another move, before the point shown is measured

MOST_SEARCHED = 20_000_000  # weights up to which neurons that cost nothing are looked for
_BUSY = (
    "run",
    "read",
    "measure",
    "sweep",
    "export",
    "picture",
    "report",
    "compile",
    "order",
    "session",
    "autosave",
    "free",
    "fold",
    "strengths",
    "sensitivity",
)


@dataclass(frozen=True)
class DataFiles:
    """Data on the disk and how to read it."""

    files: tuple[Path, ...]
    options: DataOptions


@dataclass(frozen=True)
class Preview:
    """Which neurons would go under the present tolerance, each judged alone, as far as measured.

    `error` is why there is no answer. `limits` are empty until the errors of now are known.
    """

    candidates: tuple[Edit, ...] = ()
    measured: int = 0
    total: int = 0
    now: tuple[float, ...] = ()
    limits: tuple[float, ...] = ()
    error: Exception | None = None


@dataclass(frozen=True)
class Wanted:
    """A model that cannot be opened before its activations are said, and the data to load with it."""

    need: formats.NeedsActivations
    data: DataFiles | None


@dataclass(frozen=True)
class Exported:
    """A finished export; `code` loads the file in PyTorch, where that needs any."""

    result: formats.Export
    bytes_before: int | None
    code: str = ""


@dataclass(frozen=True)
class Arrangement:
    """The order of the units of some layers, and whether measured errors gave it."""

    units: Mapping[str, IndexArray]
    measured: bool


@dataclass(frozen=True)
class Compared:
    """The network of now beside the one opened. `refusal` is why there is no `latency`."""

    answers: Answers | None
    latency: Latency | None
    refusal: PrunerError | None = None

    @property
    def reason(self) -> str:
        """Why there is no latency, "" where there is."""
        return "" if self.refusal is None else str(text.problem(self.refusal))


@dataclass(frozen=True)
class Written:
    """A session that was saved, and the document's `state` that is in it."""

    path: Path
    state: object


@dataclass(frozen=True)
class Read:
    """A session that was read, with the versions made again; `unchanged` says whether its data still is."""

    saved: session_file.Saved
    versions: tuple[Version, ...]
    unchanged: bool


class Document(QObject):
    """One document with its background work. Lives in the main thread."""

    changed = Signal(object)  # Changes
    config_changed = Signal()
    swept = Signal()  # more neurons' own errors are known, or none are any more
    measured = Signal()  # a summary arrived, or they are void
    activity_changed = Signal()  # some background work began or ended
    failed = Signal(object)  # Failure
    activations_wanted = Signal(object)  # Wanted
    exported = Signal(object)  # Exported
    opened = Signal(object)  # Path: a model was opened
    data_loaded = Signal(object)  # DataFiles
    session_saved = Signal(object)  # Written
    session_opened = Signal(object)  # Read
    replaced = Signal(bool)  # another document is open; whether it was recovered
    report_written = Signal(object)  # Path
    arranged = Signal(object)  # Arrangement
    picture_written = Signal(object)  # Path
    runs_changed = Signal()  # a run ended, or what is said of one changed
    free_removed = Signal(object)  # Folded: what costs nothing for any input is gone, without a run
    free_found = Signal()  # what costs nothing is known
    sensed = Signal()  # more is known of how much each layer bears
    strengths_found = Signal()  # how strong connections are by the measure chosen is known, or void

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = Session()
        self.tasks = Tasks(self)
        self.tasks.changed.connect(self.activity_changed)
        self.plan = Plan()
        self.free: FreeNeurons | None = None  # of the network of now; None until looked for
        self.data: DataFiles | None = None
        self.sources = Sources(self.tasks, self)
        self._activations: Sequence[str] | None = None  # said when the model was opened
        self._reference: session_file.DataReference | None = None  # to the data, as it was when it was read
        self.measure_error: Exception | None = None
        self.reading = ""  # the name of the file that is being read
        self.compile_began, self.compiled = 0.0, 0.0  # when, and the share of the engine that is ready
        self.run_began = 0.0
        self.prepared: float | None = None  # share of what a run measures first, None before it begins
        self.pass_began_at = 0  # number of trials before the present pass
        self._summaries: dict[Network, Summary] = {}
        self._sweeps: dict[Network, dict[Edit, Score]] = {}
        self._compared: dict[Network, Compared] = {}
        self._sensitivities: dict[Network, Sensitivity] = {}
        self._saved: set[Network] = set()
        self.runs: list[Record] = []  # those that ended, whatever became of their networks
        self._expected: DataFiles | None = None  # what the runs of a session were measured on
        self._opened_with = self.plan
        self.window_state: Callable[[], dict[str, Any]] = dict  # what a session keeps of the window
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._rested)
        # Times mean something only while nothing else is computed: they wait until all other work has ended.
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.timeout.connect(self._compare)
        self.tasks.changed.connect(lambda: self._idle.start())
        self._measure_by = "magnitude"  # what a connection's strength is measured by
        self._strengths: Strengths | None = None
        self._strengths_of: tuple[Network | None, str] = (None, "")

    # -- what is known

    @property
    def config(self) -> PruneConfig:
        """The options of the step that is shown."""
        return self.plan.config

    @property
    def is_open(self) -> bool:
        """Whether a network is open."""
        return self.session.is_open

    @property
    def running(self) -> bool:
        """Whether a pruning run goes on."""
        return self.tasks.running("run")

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end, and has not yet."""
        return self.tasks.stopping("run")

    @property
    def can_prune(self) -> bool:
        """Whether a run can be started now: not while a file is read that will replace what is open."""
        busy = self.running or self.tasks.running("read")
        return self.is_open and self.session.examples is not None and not busy

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that decide; empty without data."""
        return self.session.metrics(self.config)

    @property
    def shown_run(self) -> Run | None:
        """The run that goes on, or the one that made the version shown."""
        return self.session.last_run if self.is_open else None

    @property
    def unsaved(self) -> bool:
        """Whether the network of now, or the one that a run began with, is a result that was not exported."""
        if not self.is_open:
            return False
        network = self.session.version.network if self.running else self.session.network
        return network is not self.session.original and network not in self._saved

    @property
    def before(self) -> Summary | None:
        """The figures of the network as opened, None until measured."""
        return self._summaries.get(self.session.original) if self.is_open else None

    @property
    def after(self) -> Summary | None:
        """The figures of the network of now, None while it is the original or not measured."""
        if not self.is_open or self.session.network is self.session.original:
            return None
        known = self._summaries.get(self.session.network)
        if known is not None or self.before is None:
            return known
        run, step = self._passed
        return _live_summary(self.session.network, self.before, run, step) if run and step else None

    @property
    def _passed(self) -> tuple[Run | None, Step | None]:
        """The run whose point is shown and the step that led to it, None where that says nothing."""
        run = self.session.last_run
        record = self.record_of(run) if run is not None and self.session.run is None else None
        if run is None or (record is not None and record.outdated):
            return None, None
        count = len(run.steps) if self.session.run is not None else self.session.point
        return run, run.steps[count - 1] if count else None

    def record_of(self, run: Run | None) -> Record | None:
        """Return what is remembered of a run that ended."""
        return next((record for record in self.runs if record.source() is run), None) if run else None

    @property
    def compared(self) -> Compared | None:
        """What both networks answer, and how fast; None while the network is the original or not measured."""
        return self._compared.get(self.session.network) if self.is_open else None

    @property
    def sweep(self) -> dict[Edit, Score]:
        """The errors without each neuron of the network of now, as far as measured."""
        return self._sweeps.get(self.session.network, {}) if self.is_open else {}

    @property
    def judged(self) -> dict[Edit, Score]:
        """The sweep, of those neurons alone that the options let go."""
        measured = self.sweep
        allowed = self._candidates() if measured else ()
        return {edit: measured[edit] for edit in allowed if edit in measured}

    @property
    def least(self) -> dict[str, int]:
        """How many neurons stay at least, by layer, for those that the options name."""
        return floors(self.config, self.session.original)

    def leaves_out(self, name: str) -> bool:
        """Whether the options do not prune this hidden layer."""
        layers, chosen = self.session.original.hidden_layers, self.config.layers
        return chosen is not None and any(each.name == name and each.index not in chosen for each in layers)

    def _candidates(self) -> list[RemoveUnits]:
        config = self.config
        return candidates(self.session.network, config.layers, config.protected, self.least)

    def errors_of(self, network: Network) -> Score | None:
        """Return the deciding errors of a version on the pruning rows, None until measured."""
        summary = self._summaries.get(network)
        if summary is None and network is self.session.network:
            summary = self.after
        if summary is None or not self.metrics or not all(name in summary.errors for name in self.metrics):
            return None
        return Score(tuple(summary.errors[name].pruning for name in self.metrics))

    def preview(self) -> Preview:
        """Return what would go under the present tolerance."""
        if not self.is_open or self.session.examples is None:
            return Preview()
        network = self.session.network
        original, current = self.errors_of(self.session.original), self.errors_of(network)
        total = len(self._candidates())
        sweep = self.judged
        if original is None or current is None:
            return Preview((), len(sweep), total, error=self.measure_error)
        try:
            judge = self._judge(self.config, original, current)
            found = would_go(self.config, self.metrics, original, current, sweep, network, self.least)
        except PrunerError as error:
            return Preview((), len(sweep), total, now=current.values, error=error)
        return Preview(tuple(found), len(sweep), total, current.values, judge.limits)

    def limit_of(self, tolerance: Tolerance) -> float | None:
        """Return the limit that another tolerance makes for the first error here; None: not known."""
        original, current = self.errors_of(self.session.original), self.errors_of(self.session.network)
        if original is None or current is None:
            return None
        config = replace(self.config, tolerances=(tolerance, *self.config.tolerances[1:]))
        with contextlib.suppress(PrunerError):  # percent of no error
            return self._judge(config, original, current).limits[0]
        return None

    def _judge(self, config: PruneConfig, original: Score, current: Score) -> Judge:
        judge = Judge(config, self.metrics, original)
        judge.accepted(current)
        return judge

    # -- how much each layer bears

    @property
    def sensitivity(self) -> Sensitivity | None:
        """What is known of the network of now; None: not asked for."""
        return self._sensitivities.get(self.session.network) if self.is_open else None

    def sensitivity_curves(self) -> list[Curve]:
        """Return what is known as curves, with how far each goes within the tolerance."""
        known = self.sensitivity
        if known is None:
            return []
        original, current = self.errors_of(self.session.original), self.errors_of(self.session.network)
        allows = None
        if original is not None and current is not None:
            with contextlib.suppress(PrunerError):  # the preview says why there is no limit
                allows = self._judge(self.config, original, current).allows
        return curves(known.points, allows)

    def measure_sensitivity(self, order: str) -> None:
        """Measure in the background how much each layer of the network of now bears."""
        if not self.can_prune:
            return
        network = self.session.network
        known = self._sensitivities[network] = Sensitivity.of(network, order)
        events = self.session.sensitivity(self.config, order, dict(self.sweep))
        take = partial(self._take_sensitivity, known)
        self.tasks.start("sensitivity", lambda: events, self._sensed, take)
        self.sensed.emit()

    def stop_sensitivity(self) -> None:
        """End that early; what was measured stays."""
        self.tasks.stop("sensitivity")

    def _take_sensitivity(self, known: Sensitivity, points: list[Point]) -> None:
        known.points += points
        self.sensed.emit()

    def _sensed(self, outcome: Outcome) -> None:
        self._succeeded(outcome)
        self.sensed.emit()

    def _forget_sensitivity(self) -> None:
        self.tasks.drop("sensitivity")
        self._sensitivities.clear()
        self.sensed.emit()

    # -- the picture

    def arrange(self, order: str) -> None:
        """Find an order of `graph_order.ORDERS` for the original's neurons in the background."""
        original = self.session.original
        sweep = self._sweeps.get(original, {})
        complete = order == "importance" and 0 < len(candidates(original, None)) <= len(sweep)
        errors = {(edit.node, edit.units[0]): score.values[0] for edit, score in sweep.items()}
        work = partial(units_in_order, original, order, errors if complete else None)
        self.tasks.start("order", work, partial(self._arranged, complete))

    def _arranged(self, measured: bool, outcome: Outcome) -> None:
        if self._succeeded(outcome):
            self.arranged.emit(Arrangement(outcome.value, measured))

    def write_picture(self, export: graph_export.Export, path: Path) -> None:
        """Draw a picture into a file in the background."""
        self.tasks.start("picture", partial(graph_export.write, export, path), self._picture_written)

    def write_report(self, write: Callable[[], Path]) -> None:
        """Write the comparison or the report in the background."""
        self.tasks.start("report", write, self._report_written)

    def _report_written(self, outcome: Outcome) -> None:
        if self._succeeded(outcome):
            self.report_written.emit(outcome.value)

    def _picture_written(self, outcome: Outcome) -> None:
        if self._succeeded(outcome):
            self.picture_written.emit(outcome.value)

    # -- the engine

    def warm_up(self) -> None:
        """Get the engine's loops ready in the background, so that the first run need not wait."""
        self.compile_began, self.compiled = time.monotonic(), 0.0
        self.tasks.start("compile", warm_up, self._warmed, self._take_compiled)

    def _take_compiled(self, shares: list[float]) -> None:
        self.compiled = shares[-1]

    def _warmed(self, outcome: Outcome) -> None:
        """Nobody asked for it: an error is in the log, and is told when a run needs what is missing."""

    # -- files

    def open(
        self, path: Path, data: DataFiles | None = None, activations: Sequence[str] | None = None
    ) -> None:
        """Read a model in the background, and then its data. The document stays until it is read."""
        self.reading = path.name
        work = partial(_read, path, activations)
        self.tasks.start("read", work, partial(self._opened, path, data, activations))

    def reload(self) -> None:
        """Read the model, and its data, anew from where they were read."""
        if self.session.path is not None:
            self.open(self.session.path, self.data, self._activations)

    def set_non_finite_to_zero(self) -> None:
        """Open the network anew with zero in place of every weight that is not a finite number."""
        self._drop_runs()
        changes = self.session.open(self.session.original.with_finite_weights(), self.session.path)
        self._changed(changes)
        if self.data is not None:
            self.load_data(self.data)

    def load_data(self, data: DataFiles) -> None:
        """Read data for the open network in the background."""
        self.reading = data.files[0].name
        work = partial(_read_data, self.session.original, data)
        self.tasks.start("read", work, partial(self._loaded, data))

    def export(self, path: Path) -> None:
        """Write the network of now in the background, verified on sample rows."""
        network, examples = self.session.network, self.session.examples
        samples = None if examples is None else examples.pruning.inputs[:256]
        before = self.before.bytes if self.before is not None else None
        work = partial(formats.write, network, path, samples)
        self.sources.look()
        self.tasks.start("export", work, partial(self._exported, network, before))

    def _opened(
        self, path: Path, data: DataFiles | None, activations: Sequence[str] | None, outcome: Outcome
    ) -> None:
        if isinstance(outcome.error, formats.NeedsActivations):
            self.activations_wanted.emit(Wanted(outcome.error, data))
            return
        if not self._succeeded(outcome):
            return
        self._drop_work()
        self.plan = self._opened_with = self.plan.for_another_network()
        network, read = outcome.value
        self._activations = activations
        changes = self.session.open(network, path)
        self.sources.watch("model", read)
        self.config_changed.emit()
        self._changed(changes)
        self.opened.emit(path)
        if data is not None:
            self.load_data(data)
        self.replaced.emit(False)

    def save_session(self, path: Path) -> None:
        """Write the history, the runs and the settings in the background."""
        network, state = self.session.network, self.state
        work = partial(_write_session, self.snapshot(), path)
        self.sources.look()
        self.tasks.start("session", work, partial(self._session_written, path, network, state))

    def _session_written(self, path: Path, network: Network, state: object, outcome: Outcome) -> None:
        if self._succeeded(outcome):
            self._saved.add(network)
            self.session_saved.emit(Written(path, state))

    @property
    def state(self) -> object:
        """What a session keeps but for the window, to be compared with that of another moment."""
        session, run = self.session, self.session.run
        progress = None if run is None else (len(run.steps), run.kept)
        records = tuple((record, record.name, record.shown, record.outdated) for record in self.runs)
        data = self.data or self._expected
        return session.versions, session.version, session.point, progress, records, self.plan, data

    @property
    def has_work(self) -> bool:
        """Whether there is anything in the document that opening the model would not give."""
        if not self.is_open:
            return False
        ran = self.session.run is not None or self.runs or len(self.session.versions) > 1
        return bool(ran) or self.plan != self._opened_with

    def snapshot(self) -> session_file.Snapshot:
        """Return the session as it is now, the run that goes on as if it were cancelled."""
        versions, cursor, run = self.session.so_far()
        draft = session_file.Saved(
            self.session.path,
            (),
            cursor,
            self.plan.steps,
            self._reference,
            self.window_state(),
            tuple(copy(record) for record in self.runs),
            self.session.point,
            self.plan.own,
            self.plan.place,
        )
        seconds = time.monotonic() - self.run_began
        ongoing = None if run is None else partial(self._record, run, seconds)
        return session_file.Snapshot(draft, versions, ongoing)

    def open_session(self, path: Path) -> None:
        """Read a session in the background, and then its data. The document stays until it is read."""
        self._read_session(path, path.name, recovered=False)

    def recover(self, path: Path, name: str) -> None:
        """Read a session that a program that ended left behind: it counts as not saved."""
        self._read_session(path, name, recovered=True)

    def _read_session(self, path: Path, name: str, *, recovered: bool) -> None:
        self.reading = name
        self.tasks.start("read", partial(_read_session, path), partial(self._session_opened, path, recovered))

    def _session_opened(self, path: Path, recovered: bool, outcome: Outcome) -> None:
        if not self._succeeded(outcome):
            return
        read: Read = outcome.value
        saved = read.saved
        self._drop_work()
        self.plan = self._opened_with = Plan.of(saved.steps, saved.own, saved.place)
        changes = self.session.restore(saved.path, read.versions, saved.cursor)
        for record in saved.records:
            record.name = record.name or run_words.run(record.number, record.configs)
            self.runs.append(record)
        if not recovered:
            self._saved.update(version.network for version in self.session.versions)
        self.config_changed.emit()
        self._changed(changes)
        self.opened.emit(saved.path or path)
        if saved.point is not None:
            self.move_to(saved.point)
            if not recovered:
                self._saved.add(self.session.network)
        self._reference = saved.data  # also where it cannot be loaded
        if saved.data is not None and read.unchanged:
            self._expected = DataFiles(saved.data.files, saved.data.options)
            self.load_data(self._expected)
        self.session_opened.emit(read)
        self.replaced.emit(recovered)
        if saved.data is not None and not read.unchanged:
            self.failed.emit(Failure(session_file.DataChanged(saved.data.files[0]), ""))

    def _drop_work(self) -> None:
        """Let go of what goes on for a document that is no more."""
        self._drop_runs()
        self.data = self._reference = self._expected = None
        self.sources.watch("model")
        self.sources.watch("data")

    def _drop_runs(self) -> None:
        """Let go of what goes on for a network that is no more, and of its runs."""
        slots = ("run", "measure", "sweep", "free", "fold", "strengths", "sensitivity")
        for slot in (*slots, "export", "order"):
            self.tasks.drop(slot)
        self._saved.clear()
        self._rest.stop()
        self.runs.clear()

    def _loaded(self, data: DataFiles, outcome: Outcome) -> None:
        if self._succeeded(outcome):
            examples, self._reference, read = outcome.value
            self.data = data
            self.sources.watch("data", read)
            for record in self.runs:
                record.outdated |= data is not self._expected
            self._expected = None
            self._changed(self.session.use(examples))
            self.data_loaded.emit(data)

    def _exported(self, network: Network, before: int | None, outcome: Outcome) -> None:
        if self._succeeded(outcome):
            self._saved.add(network)
            self.sources.written(outcome.value.path)
            code = ""
            with contextlib.suppress(PrunerError):  # the format says all, or PyTorch has no such activation
                code = formats.rebuild_code(network, outcome.value.path)
            self.exported.emit(Exported(outcome.value, before, code))

    def _tell_unforeseen(self, outcome: Outcome) -> None:
        """Tell what went wrong in work that nobody asked for; a refusal there is told elsewhere."""
        if outcome.error is not None and not isinstance(outcome.error, PrunerError):
            unhandled(outcome.error)

    def _succeeded(self, outcome: Outcome) -> bool:
        if outcome.error is not None:
            self.failed.emit(Failure(outcome.error, outcome.trace))
        return outcome.error is None

    # -- the run

    def set_config(self, config: PruneConfig) -> None:
        """Take other options for the step that is shown."""
        self.set_plan(self.plan.with_config(config))

    def set_plan(self, plan: Plan) -> None:
        """Take other steps. Errors are measured anew only where the metrics are others."""
        before, self.plan = self.config, plan
        config = plan.config
        others = self.is_open and self.session.metrics(config) != self.session.metrics(before)
        outdated = self.is_open and config.compensation != before.compensation
        stays = [(each.protected, each.layers, each.keep) for each in (config, before)]
        self.config_changed.emit()
        if others:
            self._changed(Changes.EXAMPLES)
        elif outdated:
            self._sweeps.clear()
            self._forget_sensitivity()
            self._sweep()
        elif self.is_open and stays[0] != stays[1] and not self.running:
            self._find_free()

    def save_recipe(self, path: Path) -> None:
        """Write the steps as JSON; what goes wrong is told."""
        try:
            files.write(path, f"{recipe.to_json(self.plan.steps)}\n".encode())
        except PrunerError as error:
            self.failed.emit(Failure(error, traceback.format_exc()))

    def open_recipe(self, path: Path) -> None:
        """Take the steps of a recipe; one that is none, or is not for this network, is told."""
        try:
            steps = recipe.from_json(path.read_text("utf-8", errors="replace"))
            if self.is_open:
                check_steps(steps, self.session.network, self.session.original)
        except (PrunerError, OSError) as error:
            self.failed.emit(Failure(error, traceback.format_exc()))
        else:
            self.set_plan(Plan.of(steps))

    def can_protect(self, name: str, unit: int) -> bool:
        """Whether this is a hidden neuron of the network of now, and no run goes on."""
        layers = {layer.name: layer.units for layer in self.session.network.hidden_layers}
        return not self.running and unit in layers.get(name, ())

    def toggle_protected(self, name: str, unit: int) -> None:
        """Protect a neuron from pruning, or no longer; nothing where that cannot be done now."""
        if self.can_protect(name, unit):
            self.set_config(replace(self.config, protected=self.config.protected ^ {(name, unit)}))

    def toggle_layer(self, name: str) -> None:
        """Leave a hidden layer out, or prune it again; nothing during a run, or if none were left."""
        hidden = self.session.original.hidden_layers
        every = {layer.index for layer in hidden}
        index = next(layer.index for layer in hidden if layer.name == name)
        chosen = (every if self.config.layers is None else set(self.config.layers)) ^ {index}
        if chosen and not self.running:
            layers = None if chosen == every else tuple(sorted(chosen))
            self.set_config(replace(self.config, layers=layers))

    def prune(self) -> None:
        """Start a run of the steps from the network of now."""
        self._prune(*self.plan.steps)

    def remove_free(self) -> None:
        """Remove the neurons that cost nothing: by a run, or without data those that do so for any input."""
        network, free = self.session.network, self.free
        if self.session.examples is not None:
            self._prune(replace(self.config, strategy="free"))
        elif free is not None and free.exact:
            self.tasks.start("fold", partial(_fold, network, free.exact), partial(self._folded, network))

    def _folded(self, network: Network, outcome: Outcome) -> None:
        if self._succeeded(outcome) and network is self.session.network and not self.running:
            self._changed(self.session.put(outcome.value.network))
            self.free_removed.emit(outcome.value)

    def prune_only(self, neurons: Set[tuple[str, int]]) -> None:
        """Start a run of selective pruning that tries these neurons (layer, original unit) and no others."""
        every = {
            (each.name, unit) for each in self.session.network.hidden_layers for unit in each.units.tolist()
        }
        protected = self.config.protected | (every - neurons)
        self._prune(replace(self.config, strategy="selective", protected=frozenset(protected)))

    def prune_connections(self, scope: str) -> None:
        """Start a run that zeroes the weakest connections, by the measure chosen, as the tolerance allows."""
        config = replace(self.config, strategy="connections", ranking=self._measure_by, scope=scope)
        self._prune(config)

    def _prune(self, *steps: PruneConfig) -> None:
        if not self.can_prune:
            return
        for slot in ("sweep", "measure", "free", "strengths", "sensitivity"):
            self.tasks.drop(slot)
        self.sources.look()
        self.run_began, self.pass_began_at, self.prepared = time.monotonic(), 0, None
        events = _looked_at(self.session.prune(*steps))
        self.tasks.start("run", lambda: events, self._run_ended, self._apply)

    def cancel(self) -> None:
        """End the run early; what it removed so far stands."""
        self.tasks.stop("run")

    def _apply(self, events: list[Event]) -> None:
        changes = Changes.NOTHING
        for event in events:
            changes |= self.session.apply(event)
            if isinstance(event, Preparing):
                self.prepared = event.share
            if isinstance(event, PassEnded) and self.session.run is not None:
                self.pass_began_at = self.session.run.trials
        if changes:
            self.changed.emit(changes)

    def _run_ended(self, outcome: Outcome) -> None:
        run = self.session.run
        if outcome.error is not None:  # what it did before it broke down is not to be trusted
            changes = self.session.abandon_run()
        else:
            if run is not None:
                self.runs.append(self._record(run, time.monotonic() - self.run_began))
                for older in self.runs[-1 - PLOTTED : -PLOTTED]:
                    older.shown = False
            changes = self.session.end_run()
        # A run that ended before it began changed nothing; what it had put off is measured all the same.
        self._changed(changes or Changes.RUN)
        self.runs_changed.emit()
        self._succeeded(outcome)

    def _record(self, run: Run, seconds: float) -> Record:
        number = self.runs[-1].number + 1 if self.runs else 1
        configs = [stage.config for stage in run.stages] or [run.config]
        return Record.of(run, number, run_words.run(number, configs), seconds)

    def show_run(self, record: Record, shown: bool) -> None:
        """Show a remembered run beside the present one, or no longer."""
        record.shown = shown
        self.runs_changed.emit()

    def rename_run(self, record: Record, name: str) -> None:
        """Give a remembered run another name."""
        record.name = name
        self.runs_changed.emit()

    # -- the history

    def move_to(self, accepted: int) -> None:
        """Show the network after so many accepted edits of its run; it is measured when that rests."""
        changes = self.session.move_to(accepted)
        if changes:
            for slot in ("measure", "sweep", "free", "compare", "sensitivity"):
                self.tasks.drop(slot)
            self.free = None
            self.changed.emit(changes)
            self._rest.start()

    def _rested(self) -> None:
        if self.running or self.session.run is not None:
            return
        needed = {version.network for version in self.session.versions} | {self.session.network}
        for known in (self._summaries, self._sweeps, self._compared, self._sensitivities):
            for network in known.keys() - needed:  # points left behind would fill the memory
                del known[network]
        self._find_strengths()
        self._measure()
        self._sweep()
        self._idle.start()

    def go_to_run(self, record: Record) -> None:
        """Go to the version that a remembered run made, where the history still has it."""
        run = record.source()
        for index, version in enumerate(self.session.versions):
            if run is not None and version.run is run:
                self.go_to(index)

    def undo(self) -> None:
        """Go one version back."""
        self._changed(self.session.undo())

    def redo(self) -> None:
        """Go one version forward."""
        self._changed(self.session.redo())

    def go_to(self, index: int) -> None:
        """Go to a version of the history, to the end of its run."""
        changes = Changes.NOTHING
        versions = self.session.versions
        while (here := versions.index(self.session.version)) != index:
            step = self.session.undo() if here > index else self.session.redo()
            if not step:
                break
            changes |= step
        self._changed(changes)
        run = self.session.version.run
        if run is not None:
            self.move_to(run.kept)

    # -- the end

    def shutdown(self) -> None:
        """Stop all background work and wait for it."""
        self._rest.stop()
        self.sources.shutdown()
        self.tasks.shutdown()
        self._idle.stop()

    # -- measuring

    def _changed(self, changes: Changes) -> None:
        """Tell the views, and measure what is not known yet."""
        if not changes:
            return
        if changes & (Changes.DOCUMENT | Changes.EXAMPLES):
            self._summaries.clear()
            self._sweeps.clear()
            self._compared.clear()
            self.tasks.drop("compare")
            self._forget_sensitivity()
        self._rest.stop()
        if changes & (Changes.NETWORK | Changes.EXAMPLES):
            self.free = None
            self.tasks.drop("sensitivity")
        if changes & (Changes.DOCUMENT | Changes.EXAMPLES):
            self._strengths_of = (None, "")
        self.changed.emit(changes)
        if not self.running and self.session.run is None:
            self._find_strengths()
            self._measure()
            self._sweep()
            self._idle.start()

    def _measure(self) -> None:
        self.measure_error = None
        wanted = dict.fromkeys((self.session.original, self.session.network))
        todo = [network for network in wanted if network not in self._summaries]
        self.measured.emit()
        if todo:
            work = partial(_summaries, todo, self.session.examples, self.metrics)
            self.tasks.start("measure", work, self._measured, self._take_summaries)
        else:
            self.tasks.drop("measure")

    def _compare(self) -> None:
        """Measure what takes a quiet machine; give it up for anything else."""
        session = self.session
        if self._rest.isActive() or any(self.tasks.running(slot) for slot in _BUSY):
            self.tasks.drop("compare")
        elif session.is_open and session.run is None and self._is_uncompared(session.network):
            work = partial(_compared, session.original, session.network, session.examples, self.metrics)
            self.tasks.start("compare", work, partial(self._take_compared, session.network))

    def _is_uncompared(self, network: Network) -> bool:
        known = network is self.session.original or network in self._compared
        return not (known or self.measure_error or self.tasks.running("compare"))

    def _take_compared(self, network: Network, outcome: Outcome) -> None:
        self._tell_unforeseen(outcome)
        if outcome.error is not None:
            self.measure_error = outcome.error
        elif not outcome.stopped:
            self._compared[network] = outcome.value
        self.measured.emit()

    def _take_summaries(self, items: list[tuple[Network, Summary]]) -> None:
        self._summaries.update(items)
        self.measured.emit()

    def _measured(self, outcome: Outcome) -> None:
        self._tell_unforeseen(outcome)
        self.measure_error = outcome.error
        if outcome.error is not None:
            self.measured.emit()

    def _sweep(self) -> None:
        """Measure every neuron's own removal error, unless it is known."""
        self.tasks.drop("sweep")
        if self.session.examples is not None:
            network = self.session.network
            known = self._sweeps.setdefault(network, {})
            if len(known) < len(candidates(network, None)):
                known.clear()
                events = self.session.sweep(self.config)
                self.tasks.start("sweep", lambda: events, self._swept, partial(self._take_sweep, known))
        if not self.tasks.running("sweep"):
            self._find_free()
        self.swept.emit()

    def _take_sweep(self, known: dict[Edit, Score], items: list[tuple[Edit, Score]]) -> None:
        known.update(items)
        self.swept.emit()

    def _swept(self, outcome: Outcome) -> None:
        # A refusal here is the one that measuring reports: the same weights on the same rows.
        self._tell_unforeseen(outcome)
        self.swept.emit()
        self._find_free()

    # -- connections

    @property
    def strengths(self) -> Strengths | None:
        """How strong connections are by the measure chosen; None until that is measured, and during a run."""
        now = (self.session.network, self._measure_by) if self.is_open else (None, "")
        return self._strengths if self._strengths_of == now else None

    def measure_by(self, kind: str) -> None:
        """Measure strengths of connections by one of `pruning.RANKINGS`."""
        self._measure_by = kind
        self._find_strengths()

    def _find_strengths(self) -> None:
        """Measure in the background, unless it is known; without data by the size of the weights."""
        self.tasks.drop("strengths")
        if not self.is_open or self.running or self.strengths is not None:
            self.strengths_found.emit()
            return
        network, kind, examples = self.session.network, self._measure_by, self.session.examples
        objective = None if examples is None else examples.objective(self.metrics)
        work = partial(Strengths.of, network, kind if objective is not None else "magnitude", objective)
        self.tasks.start("strengths", work, partial(self._found_strengths, network, kind))
        self.strengths_found.emit()

    def _found_strengths(self, network: Network, kind: str, outcome: Outcome) -> None:
        self._tell_unforeseen(outcome)
        if outcome.error is None:
            self._strengths, self._strengths_of = outcome.value, (network, kind)
            self.strengths_found.emit()

    # -- what costs nothing

    def _find_free(self) -> None:
        """Look for neurons that cost nothing, once all others' errors are measured."""
        network, examples = self.session.network, self.session.examples
        rows = None if examples is None else examples.pruning.inputs
        work = partial(free_neurons, network, rows, kept_by(self.config, network), self.least)
        self.tasks.drop("free")
        if network.macs <= MOST_SEARCHED:
            self.tasks.start("free", work, self._found_free)

    def _found_free(self, outcome: Outcome) -> None:
        # Weights that are no numbers are told by what measures them.
        self._tell_unforeseen(outcome)
        self.free = outcome.value
        self.free_found.emit()


def _write_session(snapshot: session_file.Snapshot, path: Path) -> None:
    session_file.save(snapshot.saved(), path)


def _read_session(path: Path) -> Read:
    saved = session_file.load(path)
    versions = tuple(session_file.history(saved))
    for version in versions:
        _look_at(version.network)
    return Read(saved, versions, saved.data is None or saved.data.is_unchanged())


def _read(path: Path, activations: Sequence[str] | None) -> tuple[Network, tuple[Fingerprint, ...]]:
    network, read = reading.model_with_files(path, activations=activations)
    reading.prestart()
    _look_at(network)
    return network, read


def _read_data(
    network: Network, data: DataFiles
) -> tuple[Examples, session_file.DataReference, tuple[Fingerprint, ...]]:
    """Read data, and what its files were when they were read."""
    taken = fingerprints((*data.files, *data.options.holdout_files))
    examples = load_examples(network, data.files, data.options)
    reference = session_file.DataReference.of(data.files, data.options)
    for file in taken:
        file.hold()
    return examples, reference, taken


def _fold(network: Network, found: Sequence[Free]) -> Folded:
    done = folded(network, found)
    _look_at(done.network)
    return done


def _looked_at(events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, Accepted):
            _look_at(event.network)
        yield event


def _look_at(network: Network) -> None:
    """Have the network find out what the window will ask it, in the thread of the work."""
    _ = network.links, network.strongest, network.connections
    _ = network.without_outgoing, network.without_incoming, network.non_finite_count


def _compared(
    before: Network, after: Network, examples: Examples | None, metrics: tuple[str, ...]
) -> Compared:
    found = None if examples is None else answers(before, after, examples, metrics[0])
    try:
        times = measure_latency(before, after, None if examples is None else examples.pruning.inputs)
    except (formats.NotExpressible, formats.ExportDoesNotRun) as error:
        return Compared(found, None, error)
    return Compared(found, times)


def _summaries(
    networks: Sequence[Network], examples: Examples | None, metrics: tuple[str, ...]
) -> Iterator[tuple[Network, Summary]]:
    for network in networks:
        try:
            yield network, summarise(network, examples, metrics)
        except PrunerError:
            yield network, summarise(network, None, ())  # what it costs is known all the same
            raise


def _live_summary(network: Network, before: Summary, run: Run, step: Step) -> Summary:
    """The figures at a point of a run: errors as the run measured them, no file size yet."""
    held = step.holdout.values if step.holdout is not None else (None,) * len(step.score.values)
    pairs = zip(run.started.metrics, step.score.values, held, strict=True)
    errors = {name: Measured(error, holdout) for name, error, holdout in pairs}
    return replace(
        before,
        layers=network.layer_sizes,
        hidden_neurons=network.hidden_neurons,
        connections=network.connections,
        parameters=network.parameters,
        macs=network.macs,
        bytes=None,
        weight_bytes=weight_bytes(network),
        activation_bytes=peak_activations(network),
        errors=errors,
    )
