"""The main window: puts panels and actions together and asks the user what only the user can say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from pruner_gui import formats
from pruner_gui.autosave import Found
from pruner_gui.errors import PrunerError
from pruner_gui.gui import about, dialogs, log, printing, text, window_state
from pruner_gui.gui.actions import Actions, build_menus, build_tool_bar
from pruner_gui.gui.activations_dialog import ActivationsDialog
from pruner_gui.gui.crash import Failure
from pruner_gui.gui.data_dialog import DataDialog
from pruner_gui.gui.data_memory import remembered, suited
from pruner_gui.gui.dialogs import Answer
from pruner_gui.gui.document import DataFiles, Document, Read, Wanted
from pruner_gui.gui.keeper import Keeper
from pruner_gui.gui.limits_dialog import LimitsDialog
from pruner_gui.gui.picture_dialog import PictureDialog
from pruner_gui.gui.recovery_dialog import RecoveryDialog
from pruner_gui.gui.resume_dialog import Place, ResumeDialog
from pruner_gui.gui.samples import Sample, samples
from pruner_gui.gui.start_page import StartPage
from pruner_gui.gui.status import StatusBar
from pruner_gui.gui.theme import Theme
from pruner_gui.gui.workspace import Workspace
from pruner_gui.session import DataOptions, refuse_source

_RECENT = 8
_logger = logging.getLogger(__name__)
_SESSION = ".pruner"


class MainWindow(QMainWindow):
    """One window on one document."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.document = Document(self)
        self.keeper = Keeper(self.document, log.path().parent / "recovery", self)
        self.workspace = Workspace(self.document, self)
        self.start = StartPage(samples())
        self.errors: list[dialogs.ErrorDialog] = []
        self.crashed: dialogs.ErrorDialog | None = None  # tells what nobody caught
        self.asking: ActivationsDialog | None = None
        self.offer: RecoveryDialog | None = None
        self._waiting: tuple[Path, ...] = ()  # data to be loaded once the model is open
        self._docks: dict[str, QDockWidget] = {}
        self._pages = QStackedWidget()
        self._pages.addWidget(self.start)
        self._pages.addWidget(self.workspace.centre)
        # Less than the start page asks for: with the panels beside it the graph has to do with that.
        self._pages.setMinimumWidth(540)
        self.setCentralWidget(self._pages)
        self._status = StatusBar(self.document, self)
        self.setStatusBar(self._status)
        self._add_docks()
        self.actions_ = Actions(self)
        panels = [dock.toggleViewAction() for dock in self._docks.values()]
        build_menus(self, self.actions_, panels, self.workspace.graph.graph_actions(), theme)
        build_tool_bar(self, self.actions_, self.workspace)
        self._connect(theme)
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        self._restore("geometry", self.restoreGeometry)
        self._show_page()

    # -- putting it together

    def _add_docks(self) -> None:
        work = self.workspace
        self._dock("layers", self.tr("Layers"), work.layers, Qt.DockWidgetArea.LeftDockWidgetArea)
        self._sides = _tabs((work.comparison, self.tr("Comparison")), (work.form, self.tr("Options")))
        self._dock(
            "sides", self.tr("Comparison and options"), self._sides, Qt.DockWidgetArea.RightDockWidgetArea
        )
        self._plots = _tabs(
            (work.plots, self.tr("Plots")),
            (work.runs, self.tr("Runs")),
            (work.histogram, self.tr("Histograms")),
            (work.sensitivity, self.tr("Sensitivity")),
            (work.history, self.tr("History")),
        )
        self._dock("plots", self.tr("Plots and history"), self._plots, Qt.DockWidgetArea.BottomDockWidgetArea)
        self._sides.setMinimumWidth(430)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)

    def _arrange(self) -> None:
        layers, sides, plots = self._docks.values()
        self.resizeDocks([layers, sides], [268, 430], Qt.Orientation.Horizontal)
        self.resizeDocks([plots], [225], Qt.Orientation.Vertical)

    def _dock(self, name: str, title: str, panel: QWidget, area: Qt.DockWidgetArea) -> None:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setTitleBarWidget(
            QWidget()
        )  # tabs and headings say what it is; the View menu shows and hides it
        dock.setWidget(panel)
        self.addDockWidget(area, dock)
        self._docks[name] = dock

    def _connect(self, theme: Theme) -> None:
        document, actions = self.document, self.actions_
        for action, done in (
            (actions.open, self.choose_model),
            (actions.data, lambda: self.choose_data()),
            (actions.export, self.choose_export),
            (actions.open_session, self.choose_session),
            (actions.save_session, self.choose_session_target),
            (actions.picture, self.choose_picture),
            (actions.comparison, self.choose_comparison),
            (actions.report, self.choose_report),
            (actions.quit, self.close),
            (actions.undo, document.undo),
            (actions.redo, document.redo),
            (actions.copy, self.workspace.comparison.copy),
            (actions.prune, document.prune),
            (actions.cancel, document.cancel),
            (actions.options, self._show_options),
            (actions.next_panel, self._next_panel),
            (actions.limits, self._ask_limits),
            (actions.help, lambda: about.show_help(self)),
            (actions.about, lambda: about.AboutDialog(self).open()),
            (actions.log, self._show_log),
        ):
            action.triggered.connect(done)
        actions.full_screen.toggled.connect(lambda on: self.showFullScreen() if on else self.showNormal())
        actions.recent.aboutToShow.connect(self._fill_recent)
        for sample in samples():
            _add_entry(actions.samples, sample.title, partial(self.open_sample, sample))
        steps = self.workspace.form.steps
        steps.open_wanted.connect(self.choose_recipe)
        steps.save_wanted.connect(self.choose_recipe_target)
        self.workspace.layers.limit_wanted.connect(self._show_limit)
        self.workspace.plots.resume_wanted.connect(self.choose_tolerance)
        self.workspace.history.resume_wanted.connect(self._resume)
        self.workspace.plots.load.clicked.connect(lambda: self.choose_data())
        work = self.workspace
        work.plots.export_wanted.connect(partial(self.choose_plot, "plot", work.write_plots))
        sensed = partial(self.choose_plot, "sensitivity", work.write_sensitivity)
        work.sensitivity.export_wanted.connect(sensed)
        self.start.open_wanted.connect(self.choose_model)
        self.start.recent_wanted.connect(lambda path: self.open_files([path], is_model=True))
        self.start.sample_wanted.connect(self.open_sample)
        document.changed.connect(self._refresh)
        document.activity_changed.connect(self._refresh)
        document.failed.connect(self._show_failure)
        document.activations_wanted.connect(self._ask_activations)
        document.exported.connect(self._refresh)
        document.measured.connect(self._refresh)
        document.opened.connect(self._opened)
        document.window_state = lambda: window_state.of(self, self.workspace, self._panel_tabs())
        document.session_opened.connect(self._session_opened)
        self.keeper.found.connect(self._offer_recovery)
        self.keeper.problem_changed.connect(lambda: self._status.say_unsafe(self.keeper.problem))
        self.workspace.reload_wanted.connect(self._reload)
        theme.changed.connect(self._retheme)

    def _retheme(self) -> None:
        self.actions_.retheme()
        self.start.retheme()
        self.workspace.retheme()

    def _restore(self, key: str, restore: Callable[[QByteArray], bool]) -> bool:
        stored = QSettings().value(f"window/{key}")
        return isinstance(stored, QByteArray) and restore(stored)

    # -- what is shown

    def _refresh(self) -> None:
        self.actions_.refresh(self.document)
        session = self.document.session
        name = session.path.name if session.is_open and session.path is not None else ""
        self.setWindowTitle(f"{name}[*] — Pruner" if name else "Pruner")
        self.setWindowModified(bool(name) and self.document.unsaved)

    def _show_page(self) -> None:
        is_open = self.document.is_open
        self._pages.setCurrentIndex(1 if is_open else 0)
        for dock in self._docks.values():
            dock.setVisible(is_open)
        if not is_open:
            self.start.show_recent(_recent())
        self._refresh()

    def _opened(self, path: Path) -> None:
        if self._waiting:
            self.document.load_data(DataFiles(self._waiting, self._options_for(self._waiting)))
        shown = self._pages.currentIndex()
        if path not in [sample.model for sample in samples()]:
            _remember(path)
        if not shown:
            size = self.size()
            self._show_page()
            if not self._restore("layout", self.restoreState):
                self.resize(size)  # panels that appear would widen the window
                self._arrange()

    def _panel_tabs(self) -> dict[str, QTabWidget]:
        return {"sides": self._sides, "plots": self._plots}

    def _session_opened(self, read: Read) -> None:
        window_state.restore(read.saved.window, self, self.workspace, self._panel_tabs())

    def _show_failure(self, failure: Failure) -> None:
        """Tell that something that was asked for could not be done."""
        _logger.warning("Told: %r", failure.error)
        self._open_error(self.tr("This did not work"), failure)

    def show_crash(self, failure: Failure) -> None:
        """Tell what nobody caught, in one dialog; what cannot be told is in the log alone."""
        try:
            if self.crashed is not None:
                self.crashed.add(failure)
                return
            self.crashed = self._open_error(self.tr("An error in the program"), failure)
            self.crashed.finished.connect(self._forget_crash)
        except Exception:
            _logger.exception("An error could not be shown")

    def _forget_crash(self) -> None:
        self.crashed = None

    def _open_error(self, title: str, failure: Failure) -> dialogs.ErrorDialog:
        dialog = dialogs.ErrorDialog(title, failure, self)
        self.errors.append(dialog)
        dialog.finished.connect(lambda: self.errors.remove(dialog))
        dialog.open()
        return dialog

    def _show_options(self) -> None:
        self._docks["sides"].show()
        self._sides.setCurrentWidget(self.workspace.form)

    def _show_limit(self, name: str) -> None:
        self._show_options()
        self.workspace.form.layers.ask(name)

    def _show_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(log.path())))

    def _next_panel(self) -> None:
        work = self.workspace
        panels: list[QWidget] = [work.tolerance, work.graph.pages.shown, work.layers]
        panels += [work.comparison, work.plots, work.runs, work.histogram, work.sensitivity, work.history]
        focus = QApplication.focusWidget()
        inside = (
            [i for i, panel in enumerate(panels) if panel is focus or panel.isAncestorOf(focus)]
            if focus
            else []
        )
        order = panels[inside[0] + 1 :] + panels[: inside[0] + 1] if inside else panels
        target = next((panel for panel in order if panel.isVisible() and panel.isEnabled()), None)
        while target is not None and target.focusPolicy() is Qt.FocusPolicy.NoFocus:
            target = target.nextInFocusChain()
        if target is not None:
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # -- opening

    def choose_model(self) -> None:
        """Ask for a model, and open it."""
        path = dialogs.choose_file(self, self.tr("Open a model"), _model_filter(read=True), "model")
        if path is not None:
            self.open_files([path], is_model=True)

    def _ask_activations(self, wanted: Wanted) -> None:
        """Ask what a file leaves out, and open it then; the open document stays until it is read."""
        if self.asking is not None:
            self.asking.reject()
        dialog = self.asking = ActivationsDialog(wanted.need, self)

        def done(result: int) -> None:
            self.asking = None
            dialog.deleteLater()
            if result:
                self.document.open(wanted.need.path, wanted.data, dialog.activations)

        dialog.finished.connect(done)
        dialog.open()

    def _ask_limits(self) -> None:
        dialog = LimitsDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _reload(self, kind: str) -> None:
        """Read the model or the data again, which changed on the disk."""
        if kind == "data" and self.document.data is not None:
            self.document.load_data(self.document.data)
        elif kind == "model" and self._may_replace():
            self._waiting = ()
            self.document.reload()

    def choose_data(self, files: Sequence[Path] = ()) -> None:
        """Ask which data to load and how, and load it; proposes what is loaded, or was to be."""
        network, loaded = self.document.session.original, self.document.data
        proposed = files or (self._waiting if loaded is None else loaded.files)
        dialog = DataDialog((network.n_inputs, network.n_outputs), proposed, self)
        if dialog.exec():
            self.document.load_data(dialog.data)
        dialog.deleteLater()

    def open_sample(self, sample: Sample) -> None:
        """Open a sample with its data."""
        self.open_files([sample.model, *sample.data])

    def open_files(self, files: Sequence[Path], *, is_model: bool = False) -> None:
        """Open a model, its data, or both.

        An npz file can be either: it is the model where no other is given and none is open, or `is_model`.
        """
        if len(files) == 1 and files[0].suffix.lower() == _SESSION:
            if self._may_replace():
                self._waiting = ()
                self.document.open_session(files[0])
            return
        endings = set(formats.extensions(read=True)) - {".npz"}
        models = [path for path in files if path.suffix.lower() in endings]
        if not models and self.document.is_open and not is_model:
            if self._may_load():
                self.choose_data(files)
            return
        if not self._may_replace():
            return
        model = (models or list(files))[0]
        self._waiting = tuple(path for path in files if path != model)
        self.document.open(model)

    def _options_for(self, files: Sequence[Path]) -> DataOptions:
        """How to read data without asking: as the last time for such a network."""
        network = self.document.session.original
        return remembered(files, (network.n_inputs, network.n_outputs)) or suited(files)

    def _may_replace(self) -> bool:
        """Ask before a run, or a result that was not exported, is given up."""
        if self.document.running:
            question = self.tr("Stop pruning and open another model?")
            return self._may_stop(question, self.tr("Stop and open"))
        return self._may_discard()

    def _may_load(self) -> bool:
        """Ask before a run is ended for other data."""
        question = self.tr("Stop pruning and load other data?")
        return not self.document.running or self._may_stop(question, self.tr("Stop and load"))

    def _may_close(self) -> bool:
        """Ask before what a run removed so far, or a result that was not exported, is given up."""
        run = self.document.session.run if self.document.is_open else None
        if run is None or not run.steps:
            return self._may_discard()
        more = self.tr("The run is not finished, and what it removed so far was not written to a file yet.")
        return self._may_stop(self.tr("Stop pruning and close?"), self.tr("Stop and close"), more)

    def _may_stop(self, question: str, stop: str, more: str = "") -> bool:
        names = {Answer.Ok: stop, Answer.Cancel: self.tr("Keep running")}
        more = more or self.tr("The run is not finished.")
        buttons = Answer.Ok | Answer.Cancel
        if dialogs.ask(self, question, more, buttons, Answer.Cancel, names) == Answer.Cancel:
            return False
        self.document.cancel()
        return True

    def _may_discard(self) -> bool:
        if not self.document.unsaved:
            return True
        question = self.tr("Export the pruned network first?")
        more = self.tr("It was not written to a file yet.")
        buttons = Answer.Save | Answer.Discard | Answer.Cancel
        answer = dialogs.ask(self, question, more, buttons, Answer.Save)
        if answer == Answer.Save:
            self.choose_export()
        return answer == Answer.Discard

    def _fill_recent(self) -> None:
        menu = self.actions_.recent
        menu.clear()
        for path in _recent():
            _add_entry(menu, str(path), partial(self.open_files, [path], is_model=True))
        menu.setEnabled(bool(menu.actions()))

    # -- pruning on

    def _resume(self, version: int) -> None:
        if self.document.session.versions[version] is not self.document.session.version:
            self.document.go_to(version)
        self.choose_tolerance()

    def choose_tolerance(self) -> None:
        """Ask within which tolerance to prune on from the network of now, and do so."""
        document = self.document
        if not document.running and document.session.examples is None:
            self.choose_data()
        if not document.can_prune:
            return
        errors = [document.errors_of(each) for each in (document.session.network, document.session.original)]
        now, original = (None if score is None else score.values[0] for score in errors)
        place = Place(document.session.network.hidden_neurons, now, original)
        dialog = ResumeDialog(place, document.config, document.limit_of, self)
        if dialog.exec():
            config = document.config
            tolerances = dialog.tolerance.tolerance, *config.tolerances[1:]
            document.set_config(replace(config, tolerances=tolerances))
            document.prune()
        dialog.deleteLater()

    # -- recipes

    def choose_recipe(self) -> None:
        """Ask for a recipe, and take its steps."""
        path = dialogs.choose_file(self, self.tr("Open a recipe"), _recipe_filter(), "recipe")
        if path is not None:
            self.document.open_recipe(path)

    def choose_recipe_target(self) -> None:
        """Ask where to keep the steps, and write them."""
        source = self.document.session.path if self.document.is_open else None
        proposal = (source or Path("network")).with_suffix(".recipe.json")
        path = dialogs.choose_target(self, self.tr("Save the recipe"), proposal, _recipe_filter())
        if path is not None:
            self.document.save_recipe(path)

    # -- sessions

    def choose_session(self) -> None:
        """Ask for a session, and open it."""
        path = dialogs.choose_file(self, self.tr("Open a session"), self._session_filter(), "session")
        if path is not None:
            self.open_files([path])

    def choose_session_target(self) -> None:
        """Ask where to save the session, and save it."""
        source = self.document.session.path or Path("network")
        proposal = source.with_name(f"{source.stem}{_SESSION}")
        path = dialogs.choose_target(self, self.tr("Save the session"), proposal, self._session_filter())
        if path is not None:
            self.document.save_session(path)

    def _session_filter(self) -> str:
        return self.tr("Sessions (*{ending})").format(ending=_SESSION)

    # -- lost work

    def _offer_recovery(self, found: Sequence[Found]) -> None:
        """Offer what programs that ended left behind; whatever else goes on goes on."""
        dialog = self.offer = RecoveryDialog(found, self)
        dialog.recover_wanted.connect(self._recover)
        dialog.discard_wanted.connect(self.keeper.discard)

        def done() -> None:
            self.offer = None
            self.keeper.leave_lost()

        dialog.finished.connect(done)
        dialog.open()

    def _recover(self, found: Found) -> None:
        if self._may_replace():
            self._waiting = ()
            self.keeper.recover(found)

    # -- exporting

    def choose_export(self) -> None:
        """Ask where to write, and write."""
        session = self.document.session
        source = session.path or Path("network.onnx")
        suffix = source.suffix if source.suffix in formats.extensions() else ".onnx"
        proposal = source.with_name(f"{source.stem}_pruned{suffix}")
        path = dialogs.choose_target(self, self.tr("Export the pruned network"), proposal, _model_filter())
        if path is not None:
            self.export(path)

    def export(self, path: Path) -> None:
        """Write the network of now; never over the model it came from without asking."""
        source = self.document.session.path
        try:
            if source is not None:
                refuse_source(source, path)
        except PrunerError as error:
            question, more = text.problem(error).what, self.tr("Replace the original model?")
            if source is not None and self.document.sources.differs(source):
                more = self.tr("It changed on disk since it was opened. Replace what is there now?")
            if dialogs.ask(self, question, more, Answer.Yes | Answer.Cancel, Answer.Cancel) != Answer.Yes:
                return
        self.document.export(path)

    def choose_picture(self) -> None:
        """Ask how and where to write the picture of the graph, and write it."""
        dialog = PictureDialog(self.workspace.graph.view.size(), self)
        if dialog.exec():
            source = self.document.session.path or Path("network")
            proposal = source.with_suffix(dialog.suffix)
            filters = f"{dialog.suffix.removeprefix('.').upper()} (*{dialog.suffix})"
            path = dialogs.choose_target(self, self.tr("Export the picture"), proposal, filters)
            export = self.workspace.picture(dialog.scale.value(), dialog.chosen_ground)
            if path is not None and export is not None:
                self.document.write_picture(export, path)
        dialog.deleteLater()

    def choose_plot(self, name: str, write: Callable[[Path], None], suffix: str) -> None:
        """Ask where to write plots, or their figures, in a format, and write them."""
        source = self.document.session.path or Path("network")
        proposal = source.with_name(f"{source.stem}_{name}{suffix}")
        filters = f"{suffix.removeprefix('.').upper()} (*{suffix})"
        path = dialogs.choose_target(self, self.tr("Export the plot"), proposal, filters)
        if path is not None:
            write(path)

    def choose_comparison(self) -> None:
        """Ask where to write the comparison, and write it as csv or JSON."""
        told, filters = printing.facts(self.document), "CSV (*.csv);;JSON (*.json)"
        path = self._target(self.tr("Export the comparison"), "_comparison.csv", filters)
        if path is not None and told is not None:
            table = self.workspace.comparison.cells()
            self.document.write_report(partial(printing.write_comparison, path, told, table))

    def choose_report(self) -> None:
        """Ask where to write the report to print, and write it as PDF or HTML."""
        told, graph = printing.facts(self.document), self.workspace.graph_for_print()
        path = self._target(self.tr("Print the report"), "_report.pdf", "PDF (*.pdf);;HTML (*.html)")
        if path is not None and told is not None:
            self.document.write_report(partial(printing.write_report, path, told, graph))

    def _target(self, title: str, ending: str, filters: str) -> Path | None:
        source = self.document.session.path or Path("network")
        return dialogs.choose_target(self, title, source.with_name(source.stem + ending), filters)

    # -- events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        if event.mimeData().hasUrls():
            self.start.set_drop_active(True)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Nothing is dropped after all."""
        self.start.set_drop_active(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what is dropped, once the other program is let go."""
        self.start.set_drop_active(False)
        files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            QTimer.singleShot(0, self, lambda: self.open_files(files))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about a result that was not exported, stop all work, remember the layout."""
        if not self._may_close():
            event.ignore()
            return
        settings = QSettings()
        if self.document.is_open:
            settings.setValue("window/layout", self.saveState())
        settings.setValue("window/geometry", self.saveGeometry())
        self.keeper.stop()
        self.workspace.shutdown()
        self.document.shutdown()
        self.keeper.close()
        event.accept()


def _tabs(*pages: tuple[QWidget, str]) -> QTabWidget:
    tabs = QTabWidget()
    tabs.setDocumentMode(True)
    for page, title in pages:
        tabs.addTab(page, title)
    return tabs


def _model_filter(read: bool = False) -> str:
    endings = " ".join(f"*{ending}" for ending in formats.extensions(read))
    return f"Models ({endings});;All files (*)"


def _recipe_filter() -> str:
    return "JSON (*.json);;All files (*)"


def _recent() -> list[Path]:
    stored = QSettings().value("recent", [])
    names = [stored] if isinstance(stored, str) else list(stored) if isinstance(stored, list) else []
    return [Path(name) for name in names if Path(name).is_file()]


def _remember(path: Path) -> None:
    paths = [path.absolute(), *(other for other in _recent() if other != path.absolute())]
    QSettings().setValue("recent", [str(each) for each in paths[:_RECENT]])


def _add_entry(menu: QMenu, title: str, done: Callable[[], None]) -> None:
    menu.addAction(title.replace("&", "&&")).triggered.connect(lambda: done())
