"""The document: an opened network with its examples, the versions that edits made of it, and its runs.

The main thread owns it. What takes long is a function of immutable values (`load_examples`, the iterators of
`prune` and `sweep`, `comparison.summarise`, `formats.write`) and can be run anywhere; its result comes back
through a method that is quick and says what changed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from pruner_gui import data, pruning, reading
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import Evaluator, Examples, IncrementalEvaluator, Score, prepare
from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning import (
    Accepted,
    Event,
    Events,
    Finished,
    Judge,
    PassEnded,
    Point,
    Preparing,
    PruneConfig,
    Ranked,
    StageStarted,
    Started,
    Trajectory,
    Trial,
)


class Changes(enum.Flag):
    """What a step changed, so that every view refreshes only its part."""

    NOTHING = 0
    DOCUMENT = enum.auto()  # another network was opened
    EXAMPLES = enum.auto()  # other data
    NETWORK = enum.auto()  # the network of now: an edit, undo, redo
    HISTORY = enum.auto()  # the list of versions, or the place in it
    RUN = enum.auto()  # the running or last run: its trajectory or progress


@dataclass(frozen=True)
class DataOptions(data.ReadOptions):
    """How a data file is read (see `data.ReadOptions`) and split (see `data.split`).

    `holdout` is the share of rows that only report, None for the file's own test marks or else 30 %. `guard`
    is the share of the other rows that choose how far a run goes.
    """

    holdout: float | None = None
    guard: float = 0.0
    holdout_files: tuple[Path, ...] = ()
    seed: int = 0
    max_rows: int | None = None


def load_examples(network: Network, files: Sequence[Path], options: DataOptions) -> Examples:
    """Read, scale and split data for a network.

    Raises:
        PrunerError: a file that cannot be read, or that does not fit the network.
    """
    counts = network.n_inputs, network.n_outputs
    rows = reading.dataset(files, *counts, options)
    if options.holdout_files:
        split = data.Split(rows, reading.dataset(options.holdout_files, *counts, options, like=rows))
    else:
        split = data.split(rows, options.holdout, options.seed)
    if options.guard:
        split = data.set_apart(split, options.guard, options.seed)
    if options.max_rows is not None:
        split = replace(split, pruning=data.cap(split.pruning, options.max_rows, options.seed))
    return prepare(network, split)


@dataclass(frozen=True)
class Step:
    """One accepted edit and the errors after it.

    `holdout` and `guard` are None where there are no such rows; `connections` counts weights other than zero.
    `reason` says why it cost nothing, "" where it may have.
    """

    edit: Edit
    score: Score
    holdout: Score | None
    neurons: int
    connections: int
    guard: Score | None = None
    reason: str = ""


@dataclass(frozen=True)
class Stage:
    """A step of a run's recipe: `first` is the number of edits that were accepted before it."""

    config: PruneConfig
    first: int
    limits: tuple[float, ...]


@dataclass
class Run:
    """A pruning run as far as it came. `finished` is None while it runs, and when it was cancelled.

    `config` is that of the first of its `stages`. By (layer, original unit): `removed` has the step in which
    a neuron went, `rejected` the errors with which one was last found to have to stay.
    """

    config: PruneConfig
    started: Started
    limits: tuple[float, ...]
    steps: list[Step] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    removed: dict[tuple[str, int], int] = field(default_factory=dict)
    rejected: dict[tuple[str, int], Score] = field(default_factory=dict)
    trials: int = 0
    passes: int = 0
    trying: Edit | None = None
    finished: Finished | None = None

    @property
    def kept(self) -> int:
        """How many of the accepted edits are kept: all, unless guard rows chose fewer."""
        return len(self.steps) if self.finished is None else self.finished.chosen

    def note(self, event: Trial | Ranked) -> None:
        """Remember the answer of a trial; not its edit, which may carry weights."""
        if isinstance(event, Trial):
            for unit in event.edit.units:
                if event.accepted:
                    self.rejected.pop((event.edit.node, unit), None)
                else:
                    self.rejected[event.edit.node, unit] = event.score


@dataclass(frozen=True, eq=False)
class Version:
    """A network in the history, and the run that made it.

    None where that was no run: the one that was opened, and those without what costs nothing for any input.
    `began_at` is the point of the version before where it began, None for what that one kept.
    """

    network: Network
    run: Run | None = None
    trajectory: Trajectory | None = None
    began_at: int | None = None


@dataclass
class WouldReplaceSource(PrunerError):
    """The file to write is the model that was read."""

    path: Path


def refuse_source(source: Path, target: Path) -> None:
    """Make sure that an export does not replace the model it came from.

    Raises:
        WouldReplaceSource: it would.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise WouldReplaceSource(target)


class Session:
    """One open document.

    `network` is the network of now: while a run goes on the one it has reached.
    """

    def __init__(self) -> None:
        self.path: Path | None = None
        self.examples: Examples | None = None
        self.run: Run | None = None  # the one that goes on
        self._versions: list[Version] = []
        self._cursor = 0
        self._config = PruneConfig()
        self._live: Network | None = None  # what the run has reached
        self._trajectory: Trajectory | None = None  # of the run that goes on
        self._point: int | None = None  # of the version shown, None for what it kept
        self._moved: Network | None = None  # the network at that point

    # -- the document

    def so_far(self) -> tuple[tuple[Version, ...], int, Run | None]:
        """Return the history and the place in it as if the run that goes on were cancelled now.

        The run is a copy, which does not go on; it comes third, None without one.
        """
        if self.run is None:
            return tuple(self._versions), self._cursor, None
        run = self.run
        run = replace(
            run,
            steps=list(run.steps),
            stages=list(run.stages),
            removed=dict(run.removed),
            rejected=dict(run.rejected),
            trying=None,
        )
        if self._live is None or not run.kept:
            return tuple(self._versions), self._cursor, run
        return (*self._versions[: self._cursor + 1], Version(self._live, run)), self._cursor + 1, run

    def open(self, network: Network, path: Path | None) -> Changes:
        """Start anew with a network."""
        self.path, self.examples, self.run, self._live = path, None, None, None
        self._leave_point()
        self._versions, self._cursor = [Version(network)], 0
        return ~Changes.NOTHING

    def restore(self, path: Path | None, versions: Sequence[Version], cursor: int) -> Changes:
        """Take over a history, as it was saved."""
        changes = self.open(versions[0].network, path)
        self._versions, self._cursor = list(versions), cursor
        return changes

    def use(self, examples: Examples | None) -> Changes:
        """Take other examples for the open network."""
        self.examples = examples
        return Changes.EXAMPLES

    @property
    def is_open(self) -> bool:
        """Whether a network is open."""
        return bool(self._versions)

    @property
    def original(self) -> Network:
        """The network as opened."""
        return self._versions[0].network

    @property
    def network(self) -> Network:
        """The network of now."""
        if self._live is not None:
            return self._live
        version = self._versions[self._cursor]
        return version.network if self._moved is None else self._moved

    @property
    def point(self) -> int | None:
        """How many of the accepted edits of its run the network of now has; None without a run."""
        version = self._versions[self._cursor]
        if self.run is not None or version.run is None:
            return None
        return version.run.kept if self._point is None else self._point

    def move_to(self, accepted: int) -> Changes:
        """Show the network after so many of the accepted edits of the run that made this version."""
        version = self._versions[self._cursor]
        if self.run is not None or version.run is None or version.trajectory is None:
            return Changes.NOTHING
        accepted = min(max(accepted, 0), len(version.run.steps))
        if accepted == self.point:
            return Changes.NOTHING
        self._leave_point()
        if accepted != version.run.kept:
            self._point, self._moved = accepted, version.trajectory.network(accepted)
        return Changes.NETWORK

    def _leave_point(self) -> None:
        self._point = self._moved = None

    @property
    def version(self) -> Version:
        """Where in the history we are."""
        return self._versions[self._cursor]

    @property
    def path_of_runs(self) -> tuple[tuple[Run, int], ...]:
        """The runs that led to the network of now, and how many accepted edits of each are in it."""
        until = self._cursor + 1
        versions = self._versions[1:until]
        points = [*(version.began_at for version in versions[1:]), self._point][: len(versions)]
        found = [
            (version.run, version.run.kept if point is None else point)
            for version, point in zip(versions, points, strict=True)
            if version.run is not None
        ]
        return (*found, (self.run, len(self.run.steps))) if self.run is not None else tuple(found)

    @property
    def last_run(self) -> Run | None:
        """The run that goes on, or else the one that made the network of now."""
        return self.run if self.run is not None else self.version.run

    @property
    def versions(self) -> tuple[Version, ...]:
        """The history, oldest first."""
        return tuple(self._versions)

    def metrics(self, config: PruneConfig) -> tuple[str, ...]:
        """Return the metrics that decide: those asked for, or those that suit the examples."""
        return config.metrics or (self.examples.choice.metrics if self.examples is not None else ())

    # -- a run

    def prune(self, *steps: PruneConfig) -> Events:
        """Return the events of a run from the network of now; tolerances refer to the one opened.

        A run has one step or several. The iterator holds values only and may run in any thread. Hand its
        events to `apply`, then call `end_run`. Raises as `pruning.prune_in_steps`.
        """
        assert self.examples is not None
        self._config = steps[0]
        return _prune(self.network, self.original, self.examples, steps, self.metrics(steps[0]))

    def apply(self, event: Event) -> Changes:
        """Take in an event of the run."""
        if isinstance(event, Started):
            self.run = Run(self._config, event, event.limits)
            self._trajectory = Trajectory(event.network)
            return Changes.RUN
        run = self.run
        if run is None or isinstance(event, Preparing):
            return Changes.NOTHING
        if isinstance(event, Accepted):
            assert self._trajectory is not None
            self._live = event.network
            self._trajectory.add(event.edit, event.network)
            run.limits = event.limits
            run.removed.update({(event.edit.node, unit): len(run.steps) for unit in event.edit.units})
            run.steps.append(_step(event))
            return Changes.NETWORK | Changes.RUN
        if isinstance(event, StageStarted):
            run.limits = event.limits
            run.stages.append(Stage(event.config, len(run.steps), event.limits))
        elif isinstance(event, (Trial, Ranked)):
            run.trials, run.trying = run.trials + 1, event.edit
            run.note(event)
        elif isinstance(event, PassEnded):
            run.passes = event.number
        elif isinstance(event, Finished):
            run.finished = event
            if event.chosen < len(run.steps):
                self._live = event.network
                return Changes.NETWORK | Changes.RUN
        return Changes.RUN

    def end_run(self) -> Changes:
        """Close the run, finished or not: what it accepted becomes one step of the history."""
        run, live = self.run, self._live
        trajectory, self.run, self._live, self._trajectory = self._trajectory, None, None, None
        if run is None:
            return Changes.NOTHING
        run.trying = None
        if live is None or not run.kept:
            return Changes.NETWORK | Changes.RUN if run.steps else Changes.RUN
        self._add(Version(live, run, trajectory, self._point))
        return Changes.NETWORK | Changes.HISTORY | Changes.RUN

    def put(self, network: Network) -> Changes:
        """Add a network that gives the same for any input: no run, and no data, has to say so."""
        self._add(Version(network, began_at=self._point))
        return Changes.NETWORK | Changes.HISTORY | Changes.RUN

    def _add(self, version: Version) -> None:
        del self._versions[self._cursor + 1 :]
        self._versions.append(version)
        self._cursor += 1
        self._leave_point()

    def abandon_run(self) -> Changes:
        """Give the run up: the network of now is again the one that it began with."""
        run, self.run, self._live, self._trajectory = self.run, None, None, None
        return Changes.NOTHING if run is None else Changes.NETWORK | Changes.RUN

    def sweep(self, config: PruneConfig) -> Iterator[tuple[Edit, Score]]:
        """Return every removable neuron of the network of now with the errors without it, one by one."""
        assert self.examples is not None
        return _sweep(self.network, self.examples, self.metrics(config), config.compensation)

    def sensitivity(
        self, config: PruneConfig, order: str, alone: Mapping[Edit, Score] = MappingProxyType({})
    ) -> Iterator[Point]:
        """Return how much each layer of the network of now bears; see `pruning.sensitivity`."""
        assert self.examples is not None
        objective = self.examples.objective(self.metrics(config))
        evaluator = IncrementalEvaluator(objective, config.compensation)
        return pruning.sensitivity(self.network, evaluator, order, alone)

    # -- the history

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier version."""
        return self.run is None and self._cursor > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later version."""
        return self.run is None and self._cursor + 1 < len(self._versions)

    def undo(self) -> Changes:
        """Go one version back, to the point where the one of now began."""
        if not self.can_undo:
            return Changes.NOTHING
        began_at = self.version.began_at
        changes = self._go(-1)
        return changes if began_at is None else changes | self.move_to(began_at)

    def redo(self) -> Changes:
        """Go one version forward."""
        return self._go(1) if self.can_redo else Changes.NOTHING

    def _go(self, by: int) -> Changes:
        self._cursor += by
        self._leave_point()
        return Changes.NETWORK | Changes.HISTORY | Changes.RUN


def would_go(
    config: PruneConfig,
    metrics: tuple[str, ...],
    original: Score,
    current: Score,
    sweep: Mapping[Edit, Score],
    network: Network,
    least: Mapping[str, int] = MappingProxyType({}),
) -> list[RemoveUnits]:
    """Return the removals that each on its own would be accepted now.

    `original` and `current` are the errors of the network as opened and of now, `sweep` those of the
    removals from the `network` of now that are in question. Of a layer no more are returned than leave it
    its `least` neurons, by default one: those that a run would try first.

    Raises:
        NothingToRelateTo: a tolerance in percent of an error that is zero.
    """
    judge = Judge(config, metrics, original)
    judge.accepted(current)
    found = [e for e, score in sweep.items() if isinstance(e, RemoveUnits) and judge.allows(score)]
    by_harm = config.order == "least-harm"
    first = sorted(found, key=lambda edit: sweep[edit].values[0]) if by_harm else found
    going = set(pruning.together(network, first, least))
    return [edit for edit in found if edit in going]


def _step(event: Accepted) -> Step:
    network = event.network
    return Step(
        event.edit,
        event.score,
        event.holdout,
        network.hidden_neurons,
        network.connections,
        event.guard,
        event.reason,
    )


def _prune(
    network: Network,
    original: Network,
    examples: Examples,
    steps: Sequence[PruneConfig],
    metrics: tuple[str, ...],
) -> Events:
    objective = examples.objective(metrics)
    held, guarded = examples.holdout_objective(metrics), examples.guard_objective(metrics)

    def evaluator_for(config: PruneConfig) -> Evaluator:
        # What is free brings its own folds.
        compensation = "none" if config.strategy == "free" else config.compensation
        return IncrementalEvaluator(objective, compensation)

    yield from pruning.prune_in_steps(
        network,
        steps,
        evaluator_for,
        IncrementalEvaluator(held) if held is not None else None,
        original,
        IncrementalEvaluator(guarded) if guarded is not None else None,
    )


def _sweep(
    network: Network, examples: Examples, metrics: tuple[str, ...], compensation: str
) -> Iterator[tuple[Edit, Score]]:
    evaluator = IncrementalEvaluator(examples.objective(metrics), compensation)
    yield from evaluator.trials(network, pruning.candidates(network, None))
