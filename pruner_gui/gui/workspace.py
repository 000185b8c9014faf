"""The panels of an open document, each refreshed only by what concerns it."""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import NonFiniteWeight
from pruner_gui.gui import compare, neuron, plot_export, printing, text
from pruner_gui.gui.compare import ComparisonPanel
from pruner_gui.gui.crash import Failure
from pruner_gui.gui.document import Arrangement, Document, Exported, Preview
from pruner_gui.gui.graph_export import Export, Ground
from pruner_gui.gui.graph_panel import GraphPanel
from pruner_gui.gui.graph_view import GraphMarks
from pruner_gui.gui.histogram import HistogramPanel
from pruner_gui.gui.history import HistoryPanel
from pruner_gui.gui.layers_panel import LayersPanel, layer_rows
from pruner_gui.gui.live_plots import LivePlots
from pruner_gui.gui.message_bar import MessageBar
from pruner_gui.gui.offer import OfferBar
from pruner_gui.gui.predictions_dialog import PredictionsDialog
from pruner_gui.gui.prune_form import PruneForm
from pruner_gui.gui.runs_panel import RunsPanel
from pruner_gui.gui.selecting import Selecting
from pruner_gui.gui.sensitivity_panel import SensitivityPanel
from pruner_gui.gui.sources import Change
from pruner_gui.gui.spare import Folded, Weak
from pruner_gui.gui.tolerance import PreviewStrip, ToleranceControl, tolerance_for
from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning import PruneConfig, Tolerance
from pruner_gui.report import sensitivity_table
from pruner_gui.session import Changes

DEBOUNCE_MS = 60
PROGRESS_MS = 40  # while a run goes on: plots and figures are dear to draw, so one of them at a time
SORTED_LIVE = 1_000_000  # weights up to which their histogram follows a run; sorting more slows it down

Units = dict[int, frozenset[int]]


class Workspace(QObject):
    """Owns the panels, and keeps them true to the document."""

    reload_wanted = Signal(str)  # "model" or "data": to be read again from the disk

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self.preview = Preview()
        self.graph, self.layers, self.history = GraphPanel(), LayersPanel(), HistoryPanel()
        self.plots, self.comparison, self.form = LivePlots(), ComparisonPanel(), PruneForm()
        self.histogram, self.runs = HistogramPanel(), RunsPanel()
        self.sensitivity = SensitivityPanel()
        self.tolerance, self.strip, self.offer = ToleranceControl(), PreviewStrip(), OfferBar()
        self.warning, self.success = MessageBar("warning"), MessageBar("verified")
        self.numbers = MessageBar("warning")  # weights that are none
        self.changes = {kind: MessageBar("warning") for kind in ("model", "data")}  # on the disk
        self.centre = self._centre()
        self.selecting = Selecting(document, self.graph, self.layers, self)
        self._judged_by = document.config.tolerance(0)  # what made the limits of the preview
        self._unconnected: tuple[Network | None, Units, Units] = (None, {}, {})
        self._finite: tuple[Network | None, Network | None] = (None, None)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self._update_preview)
        self._progress_timer = QTimer(self)
        self._progress_timer.setSingleShot(True)
        self._progress_timer.setInterval(PROGRESS_MS)
        self._progress_timer.timeout.connect(self._show_progress)
        self._progress = cycle((self._show_now, self._show_plots, self._show_comparison))
        self._waiting: dict[Callable[[], None], None] = {}
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.timeout.connect(self._show_next)
        self._connect()
        self._show_enabled()

    def retheme(self) -> None:
        """Take the colours of the theme."""
        for panel in (self.graph, self.plots, self.histogram, self.comparison, self.warning, self.success):
            panel.retheme()
        for bar in (self.numbers, *self.changes.values()):
            bar.retheme()
        self.runs.retheme()
        self.sensitivity.retheme()
        self.offer.retheme()
        self._update_preview()

    def shutdown(self) -> None:
        """Stop what runs in the panels."""
        self._timer.stop()
        self._progress_timer.stop()
        self._turn.stop()
        self.graph.pages.shutdown()
        self.histogram.shutdown()
        self.strip.shutdown()

    def _centre(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        bars = (self.numbers, *self.changes.values(), self.warning, self.success)
        for widget in (self.strip, self.offer, *bars):
            layout.addWidget(widget)
        layout.addWidget(self.graph, 1)
        return page

    def _connect(self) -> None:
        document = self.document
        document.changed.connect(self._changed)
        document.config_changed.connect(self._config_changed)
        for signal in (document.swept, document.measured):
            signal.connect(self._refresh_soon)
        document.measured.connect(self._show_comparison)
        document.exported.connect(self._say_exported)
        document.sources.changed.connect(self._say_changed)
        document.activity_changed.connect(self._show_enabled)
        self.tolerance.changed.connect(self._tolerance_changed)
        self.form.changed.connect(document.set_config)
        self.form.steps.changed.connect(document.set_plan)
        document.free_found.connect(self._show_offer)
        document.free_removed.connect(self._say_folded)
        document.strengths_found.connect(self._show_strengths)
        self.graph.measure_changed.connect(document.measure_by)
        self.graph.prune_wanted.connect(document.prune_connections)
        self.offer.remove_wanted.connect(document.remove_free)
        self.offer.attempt_wanted.connect(document.prune_only)
        self.offer.neuron_wanted.connect(self._select)
        document.sensed.connect(lambda: self._soon(self._show_sensitivity))
        self.sensitivity.measure_wanted.connect(document.measure_sensitivity)
        self.sensitivity.cancel_wanted.connect(document.stop_sensitivity)
        self.sensitivity.layer_wanted.connect(self._select_layer)
        self.layers.leave_out_wanted.connect(document.toggle_layer)
        self.history.version_wanted.connect(document.go_to)
        self.plots.point_wanted.connect(document.move_to)
        document.runs_changed.connect(lambda: self._soon(self._show_runs))
        self.runs.shown_wanted.connect(document.show_run)
        self.runs.name_wanted.connect(document.rename_run)
        self.runs.run_wanted.connect(document.go_to_run)
        self.graph.weak_changed.connect(self._weak_changed)
        self.histogram.weights.threshold_wanted.connect(self._threshold_wanted)
        self.histogram.units.limit_wanted.connect(self._limit_wanted)
        self.graph.order_changed.connect(self._arrange)
        document.arranged.connect(self._show_arranged)
        document.picture_written.connect(self._say_written)
        document.report_written.connect(self._say_reported)
        self.comparison.predictions.clicked.connect(self.show_predictions)

    # -- what changed

    def _changed(self, changes: Changes) -> None:
        session = self.document.session
        if changes & Changes.DOCUMENT:
            self._new_document()
        if changes & Changes.NETWORK:
            self.graph.pages.set_current(self._drawn(session.network), animated=self.document.running)
            self.success.hide()
        if changes & (Changes.HISTORY | Changes.NETWORK) and not self.document.running:
            self.history.show_versions(
                session.versions, session.versions.index(session.version), session.point
            )
        if changes & (Changes.HISTORY | Changes.EXAMPLES):
            self._soon(self._show_runs)
        if changes & Changes.EXAMPLES:
            self._warn()
        if self.document.running:
            self._show_run()
            return
        if changes & (Changes.RUN | Changes.EXAMPLES):
            self._soon(self._show_plots)
        elif changes & Changes.NETWORK and session.point is not None:
            self.plots.show_point(session.point)
        if changes is Changes.NETWORK:  # a cursor that moves: at once
            self._show_comparison()
        elif changes & (Changes.NETWORK | Changes.EXAMPLES):
            self._soon(self._show_comparison)
        self._update_preview()

    def _soon(self, show: Callable[[], None]) -> None:
        """Refresh a panel that is dear to draw, one of them at a time, so that frames come in between."""
        self._waiting[show] = None
        if not self._turn.isActive():
            self._turn.start()

    def _show_next(self) -> None:
        show = next(iter(self._waiting))
        del self._waiting[show]
        show()
        if self._waiting:
            self._turn.start()

    def _new_document(self) -> None:
        original = self.document.session.original
        self.graph.set_network(self._drawn(original))
        self.histogram.weights.set_links(self.graph.pages.links())
        self.selecting.select(None)
        self._say_numbers(original)
        self.form.set_layers([layer.name for layer in original.hidden_layers])
        if self.graph.order != "index":
            self._arrange(self.graph.order)

    def _drawn(self, network: Network) -> Network:
        """Return what is drawn of a network: no connection where a weight is not a finite number."""
        if not network.non_finite_count:
            return network
        if self._finite[0] is not network:
            self._finite = network, network.with_finite_weights()
        assert self._finite[1] is not None
        return self._finite[1]

    def _config_changed(self) -> None:
        config = self.document.config
        if config.tolerance(0) != self.tolerance.tolerance:
            self.tolerance.set_tolerance(config.tolerance(0))
        self.form.steps.show_plan(self.document.plan)
        self.form.show_config(config)
        self._warn()
        self._refresh_soon()

    def _tolerance_changed(self, tolerance: Tolerance) -> None:
        config: PruneConfig = self.document.config
        self.document.set_config(replace(config, tolerances=(tolerance, *config.tolerances[1:])))

    def _threshold_wanted(self, threshold: float) -> None:
        if self.document.is_open:
            shown = self._strengths() or self._drawn(self.document.session.network)
            self.graph.set_weak_threshold(shown, threshold)

    def _by_weight(self) -> bool:
        return bool(self.graph.measure.currentData() == "magnitude")

    def _strengths(self) -> Network | None:
        """What says how strong connections are, where that is not |w|; None: |w|, or not measured yet."""
        measured = self.document.strengths
        return None if self._by_weight() or measured is None else measured.values

    def _weak_threshold(self) -> float | None:
        """Return the strength below which a connection is weak; None: none is, or that is not known yet."""
        strengths = self._strengths()
        if strengths is None and not self._by_weight():
            return None
        return self.graph.weak_threshold(strengths or self._drawn(self.document.session.network))

    def _show_strengths(self) -> None:
        if self.document.is_open and not self.document.running:
            network = self._drawn(self.document.session.network)
            self.histogram.weights.set_network(network, self._strengths())
            self._weak_changed()

    def _limit_wanted(self, rise: float) -> None:
        """Take another limit, said as the rise over the error of now."""
        original = self.document.errors_of(self.document.session.original)
        if original is not None and self.preview.limits and not self.document.running:
            wanted, limit = self.preview.now[0] + rise, self.preview.limits[0]
            self._tolerance_changed(tolerance_for(wanted, limit, self._judged_by, original.values[0]))

    def _weak_changed(self) -> None:
        self._show_marks()
        if not self.graph.weak_focus:  # while the slider moves the marks are enough
            self._show_offer()

    def _refresh_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _show_enabled(self) -> None:
        idle = not self.document.running
        ready = self.document.is_open and self.document.session.examples is not None
        self.tolerance.setEnabled(idle and ready)
        self.form.setEnabled(idle)
        self.graph.measure.setEnabled(ready)
        self.graph.prune.setEnabled(idle and ready)
        self.history.setEnabled(idle)
        self.histogram.units.set_movable(idle and ready)

    # -- the preview

    def _update_preview(self) -> None:
        self._timer.stop()
        if not self.document.is_open or self.document.running:
            return
        self._show_enabled()
        self.preview = self.document.preview()
        self._judged_by = self.document.config.tolerance(0)
        original = self.document.errors_of(self.document.session.original)
        self.tolerance.set_reference(original.values[0] if original is not None else None)
        if self.document.session.examples is None:
            self.strip.show_nothing(self.tr("Load data to measure errors and prune."))
        else:
            nothing_yet = self.preview.total and not self.preview.measured
            self.strip.show_preview(
                replace(self.preview, limits=()) if nothing_yet else self.preview,
                self.document.session.network,
            )
            self._show_limit()
        self._show_marks()
        self._show_histogram()
        self._show_layers()
        self._show_offer()
        self.selecting.show(self.preview)
        self._soon(self._show_sensitivity)

    def _show_offer(self) -> None:
        """What costs nothing, what is weak, what is zero already."""
        document = self.document
        if document.running or not document.is_open:
            self.offer.hide()
        else:
            ready = document.session.examples is not None
            going = set(self.preview.candidates)
            fates = {(e.node, e.units[0]): e in going for e in document.judged if self.preview.limits}
            self.offer.show_spare(document.free, self._weakly_connected(), fates, ready=ready)

    def _weakly_connected(self) -> tuple[Weak, ...]:
        if not self.document.is_open or self.document.running:
            return ()
        threshold, measured = self._weak_threshold(), self.document.strengths
        return () if threshold is None or measured is None else measured.strongest.weak(threshold)

    def _select(self, name: str, unit: int) -> None:
        self.selecting.select((neuron.visible_layers(self.document.session.original).index(name), unit))

    def _select_layer(self, name: str) -> None:
        self.selecting.select_layer(neuron.visible_layers(self.document.session.original).index(name))

    def _show_sensitivity(self) -> None:
        """How much each layer bears: what is known, what goes on, or what is missing."""
        document, panel = self.document, self.sensitivity
        known, running = document.sensitivity, document.tasks.running("sensitivity")
        metrics = document.metrics
        limit = self.preview.limits[0] if self.preview.limits else None
        panel.show_curves(document.sensitivity_curves(), metrics[0] if metrics else "", limit)
        if known is not None:
            panel.show_order(known.order)
        hint = self.tr("Press Measure to see how the error rises as each layer alone loses its neurons.")
        if document.session.examples is None:
            hint = self.tr("Load data to measure how much each layer bears.")
        elif running:
            done = 0 if known is None else len(known.points) / known.total
            hint = self.tr("Measuring… {share}").format(share=text.percent(done, 1))
        elif known is not None:
            hint = self.tr("Point at a curve for its figures; click it to select its layer.")
            if len(metrics) > 1:
                names = " + ".join(text.metric(name) for name in metrics)
                hint = self.tr("The dots heed {metrics}, of which the first is plotted.").format(
                    metrics=names
                )
            if not known.complete:
                hint = self.tr("Cancelled: measured only in part.")
        panel.say(hint, running=running, can_measure=document.can_prune)

    def _show_histogram(self) -> None:
        """The weights of now, and what each neuron's removal would do."""
        document, preview, units = self.document, self.preview, self.histogram.units
        self.histogram.weights.set_network(self._drawn(document.session.network), self._strengths())
        if document.session.examples is None:
            units.show_missing(self.tr("Load data to measure what each neuron is worth."))
            return
        if not preview.limits or not document.judged:
            units.show_missing(self.tr("Not measured yet."))
            return
        now = preview.now[0]
        harms = np.array([score.values[0] - now for score in document.judged.values()])
        gone = len(preview.candidates)
        words = text.plural(gone, self.tr("{n} neuron would go"), self.tr("{n} neurons would go"))
        if not gone:
            words = self.tr("No neuron would go")
        if preview.measured < preview.total:
            so_far = self.tr(" ({n} of {total} measured so far)")
            words += so_far.format(n=text.integer(preview.measured), total=text.integer(preview.total))
        units.show_harms(harms, preview.limits[0] - now, text.metric(document.metrics[0]), words)

    def _show_limit(self) -> None:
        examples = self.document.session.examples
        if examples is None:
            return
        original = self.document.errors_of(self.document.session.original)
        first = original.values[0] if original is not None else None
        metrics = " + ".join(text.metric(name) for name in self.document.metrics)
        why = (
            self.tr("{metrics}, chosen by you").format(metrics=metrics)
            if self.document.config.metrics
            else text.reason(examples.choice.reason)
        )
        self.strip.show_limit(self.preview, first, metrics, why)

    def _show_run(self) -> None:
        """While a run goes on: what it has reached."""
        run = self.document.session.run
        if run is not None:
            removed = run.started.network.hidden_neurons - self.document.session.network.hidden_neurons
            line = text.plural(
                removed, self.tr("{n} neuron removed so far"), self.tr("{n} neurons removed so far")
            )
            self.strip.what.setText(line)
        self.offer.hide()
        self.histogram.units.show_missing(self.tr("Measured anew when the run ends."))
        self._show_marks()
        if not self._progress_timer.isActive():
            self._progress_timer.start()

    def _show_progress(self) -> None:
        """While a run goes on: the next of its plots and figures."""
        if self.document.session.run is not None:
            next(self._progress)()

    def _show_now(self) -> None:
        """While a run goes on: its error, its layers, what is selected."""
        run = self.document.session.run
        assert run is not None
        now = run.steps[-1].score if run.steps else run.started.start
        self.preview = replace(self.preview, now=now.values, limits=run.limits)
        self._show_limit()
        self._show_layers()
        network = self.document.session.network
        if network.macs <= SORTED_LIVE:
            self.histogram.weights.set_network(network)
        self.selecting.show(self.preview)

    # -- the panels

    def _show_marks(self) -> None:
        if not self.document.is_open:
            return
        network, run = self.document.session.network, self.document.session.run
        marks = GraphMarks(
            candidates={} if run is not None else self._by_layer(self.preview.candidates),
            disconnected=self._without_connections(network)[0],
            constant=self._without_connections(network)[1],
            protected=self._protected(),
            weak_threshold=self._weak_threshold(),
            strengths=self._strengths(),
            trying=self._place(run.trying) if run is not None and run.trying and run.trying.units else None,
            focus=self.graph.weak_focus,
        )
        self.histogram.weights.show_threshold(marks.weak_threshold)
        self.graph.pages.set_statuses(marks)

    def _place(self, edit: Edit) -> tuple[int, int]:
        return neuron.visible_layers(self.document.session.original).index(edit.node), edit.units[0]

    def _by_layer(self, edits: tuple[Edit, ...]) -> Units:
        names = {name: i for i, name in enumerate(neuron.visible_layers(self.document.session.original))}
        found: dict[int, set[int]] = defaultdict(set)
        for edit in edits:
            found[names[edit.node]].update(edit.units)
        return {layer: frozenset(units) for layer, units in found.items()}

    def _protected(self) -> Units:
        edits = tuple(RemoveUnits(name, (unit,)) for name, unit in self.document.config.protected)
        return self._by_layer(edits)

    def _without_connections(self, network: Network) -> tuple[Units, Units]:
        """Units without outgoing connections, and units without incoming ones."""
        if self._unconnected[0] is not network:
            names = neuron.visible_layers(self.document.session.original)
            silent, deaf = (
                {
                    names.index(name): frozenset(network.by_name[name].units[mask].tolist())
                    for name, mask in masks.items()
                    if mask.any()
                }
                for masks in (network.without_outgoing, network.without_incoming)
            )
            self._unconnected = (network, silent, deaf)
        return self._unconnected[1:]

    def _show_layers(self) -> None:
        session = self.document.session
        counts: dict[str, int] = defaultdict(int)
        for edit in () if session.run is not None else self.preview.candidates:
            counts[edit.node] += len(edit.units)
        protected = Counter(name for name, _ in self.document.config.protected)
        stays = protected, self.document.least, self.document.config.layers
        self.layers.show_layers(layer_rows(session.original, session.network, counts, *stays))

    def _show_plots(self) -> None:
        document = self.document
        run, with_data = document.shown_run, document.session.examples is not None
        if with_data:
            point = document.session.point if document.is_open else None
            self.plots.show_run(run, document.runs, point, live=document.session.run is not None)
        if not with_data:
            self.plots.say(self.tr("Load data to measure errors and prune."), can_load=True)
        elif self.plots.empty:
            hint = self.tr("Press Prune (F5): errors and neurons left are plotted here while it runs.")
            self.plots.say(hint, can_load=False)

    def _show_runs(self) -> None:
        self.runs.show_runs(self.document.runs, self.document.record_of(self.document.shown_run))
        if not self.document.running:
            self._soon(self._show_plots)

    def write_plots(self, path: Path) -> None:
        """Write the plots, or their figures, into a file and say so."""
        self._write(path, self.plots.plots(), self.plots.table())

    def write_sensitivity(self, path: Path) -> None:
        """Write the plot of how much each layer bears, or its figures, into a file and say so."""
        known = self.document.sensitivity
        if known is not None:
            table = sensitivity_table(known.points, self.document.metrics)
            self._write(path, [self.sensitivity.plot], table)

    def _write(self, path: Path, plots: Sequence[pg.PlotWidget], table: str) -> None:
        try:
            self._say_written(plot_export.write(path, plots, table))
        except (PrunerError, MemoryError) as error:
            self.document.failed.emit(Failure(error, traceback.format_exc()))

    def _show_comparison(self) -> None:
        document = self.document
        if not document.is_open:
            return
        examples, before = document.session.examples, document.before
        if before is not None:
            self.comparison.show_rows(
                compare.rows(
                    before, document.after, document.metrics, examples is not None, document.compared
                )
            )
        self.comparison.show_compared(document.compared)
        note = ""
        if document.measure_error is not None:
            note = str(text.problem(document.measure_error))
        elif examples is not None and examples.holdout is None:
            note = self.tr("No rows are held out: the errors are those of the very rows that decide.")
        elif examples is not None and examples.fidelity:
            note = self.tr(
                "The data has no targets: errors are differences from the opened network's own outputs."
            )
        self.comparison.say(note)

    def show_predictions(self) -> None:
        """Show what both networks answer, where it is known."""
        found = self.document.compared
        if found is not None and found.answers is not None:
            PredictionsDialog(found.answers, self.centre.window()).open()

    def graph_for_print(self) -> printing.Graph | None:
        """Return the picture of the graph as it goes onto paper; None without a network."""
        picture = self.picture(2, Ground.WHITE)
        return None if picture is None else printing.Graph(self.tr("The network after pruning"), picture)

    def _warn(self) -> None:
        examples = self.document.session.examples if self.document.is_open else None
        unsure = examples is not None and examples.choice.reason.endswith("-unsure")
        asked = bool(self.document.config.metrics)
        self.warning.say(text.reason(examples.choice.reason) if examples and unsure and not asked else "")

    def _say_exported(self, exported: Exported) -> None:
        result = exported.result
        sizes = text.size(result.bytes)
        if exported.bytes_before is not None:
            sizes = f"{text.size(exported.bytes_before)} → {sizes}"
        line = self.tr(
            "✓ Verified: {file} gives the same outputs in {runtime} (at most {difference} apart). {sizes}"
        )
        self.success.say(
            line.format(
                file=result.path.name,
                runtime=result.runtime,
                difference=text.number(result.max_difference, 2),
                sizes=sizes,
            ),
            self.tr("Copy PyTorch code") if exported.code else "",
            lambda: QGuiApplication.clipboard().setText(exported.code),
        )
        self.success.setToolTip(str(result.path))

    def _say_numbers(self, original: Network) -> None:
        """Name weights that are not finite numbers, and have the user decide what becomes of them."""
        bad = NonFiniteWeight.of(original)
        self.numbers.say(
            "" if bad is None else text.problem(bad).what,
            self.tr("Set to zero"),
            self.document.set_non_finite_to_zero,
            self.tr("Only look"),
        )

    def _say_changed(self, change: Change) -> None:
        """Tell of a file that is no longer what was read, which the document stays until it is reloaded."""
        bar, keep = self.changes[change.kind], self.tr("Keep what is open")
        bar.setToolTip(str(change.path))
        if not change.state:
            bar.say("")
        elif change.state == "gone":
            line = self.tr("{file} is no longer there, or cannot be read. What is open stays as it was read.")
            bar.say(line.format(file=change.path.name), keep=keep)
        else:
            line = self.tr("{file} changed on disk. What is open stays as it was read.")
            done = partial(self.reload_wanted.emit, change.kind)
            bar.say(line.format(file=change.path.name), self.tr("Reload"), done, keep)

    # -- the order of the neurons, and the picture

    def _arrange(self, order: str) -> None:
        if self.document.is_open:
            self.document.arrange(order)

    def _show_arranged(self, arrangement: Arrangement) -> None:
        self.graph.view.set_units(arrangement.units)
        self.graph.say_order(arrangement.measured)

    def picture(self, scale: int, ground: Ground) -> Export | None:
        """Return the picture of the graph to be written; None without a network."""
        view = self.graph.view
        if view.scene is None or view.current is None:
            return None
        return Export(view.scene, view.current, view.font(), view.size(), scale, ground)

    def _say_folded(self, folded: Folded) -> None:
        one = self.tr("✓ {n} neuron is gone at no cost.")
        many = self.tr("✓ {n} neurons are gone at no cost.")
        checked = self.tr("Compared on {rows} random inputs: the outputs are the same.")
        if folded.difference:
            checked = self.tr(
                "Compared on {rows} random inputs: the outputs differ by at most {difference} of the largest."
            )
        difference = text.number(folded.difference, 2)
        checked = checked.format(rows=text.integer(folded.rows), difference=difference)
        self.success.say(f"{text.plural(folded.count, one, many)} {checked}")
        self.success.setToolTip("")

    def _say_reported(self, path: Path) -> None:
        self.success.say(self.tr("✓ Written: {file}").format(file=path.name))
        self.success.setToolTip(str(path))

    def _say_written(self, path: Path) -> None:
        self.success.say(self.tr("✓ The picture was written: {file}").format(file=path.name))
        self.success.setToolTip(str(path))
