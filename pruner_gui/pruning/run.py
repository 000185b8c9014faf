"""The pruning run: asks a strategy for edits, has them scored, decides, and reports.

Selective pruning (Heaton): for every hidden neuron compare the network's error with and without it; within
the tolerance it goes, else it stays; passes repeat until one removes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import Evaluator, Limits, Score
from pruner_gui.network import Edit, Network
from pruner_gui.pruning.config import SLACK, BadSetting, PruneConfig
from pruner_gui.pruning.events import Accepted, Event, Finished, PassEnded, Preparing, Started, Trial
from pruner_gui.pruning.selective import Selective, Strategy, candidates


@dataclass
class NothingToRelateTo(PrunerError):
    """A tolerance in percent of an error that is zero."""

    metric: str


Events = Generator[Event, None, None]  # closing it cancels the run


class Judge:
    """Decides whether an error is within the tolerance.

    Raises:
        NothingToRelateTo: a tolerance in percent of an original error of zero, for the first metric. For the
            others it means that the error has to stay zero.
    """

    def __init__(self, config: PruneConfig, metrics: Sequence[str], original: Score) -> None:
        self._comparison = config.comparison
        self._moves = config.baseline == "current"
        self._amounts = []
        for index, (metric, error) in enumerate(zip(metrics, original.values, strict=True)):
            tolerance = config.tolerance(index)
            if index == 0 and tolerance.relative and tolerance.value > 0 and error == 0:
                raise NothingToRelateTo(metric)
            ceiling = config.baseline == "absolute" and not tolerance.relative
            self._amounts.append(tolerance.value - error if ceiling else tolerance.amount(error))
        self._reference = original

    @property
    def limits(self) -> tuple[float, ...]:
        """The largest error allowed, metric by metric."""
        pairs = zip(self._reference.values, self._amounts, strict=True)
        return tuple(error + amount for error, amount in pairs)

    @property
    def turns(self) -> Limits:
        """Where its decisions turn, for the evaluator."""
        lower: tuple[float, ...] = ()
        if self._comparison == "abs":
            pairs = zip(self._reference.values, self._amounts, strict=True)
            lower = tuple(max(error - amount, 0.0) for error, amount in pairs)
        return Limits(tuple(max(limit, 0.0) for limit in self.limits), lower, exact=self._moves)

    def allows(self, score: Score) -> bool:
        """Say whether every error of `score` is within its tolerance."""
        if score.partial:
            return False
        rows = zip(score.values, self._reference.values, self._amounts, strict=True)
        return all(self._holds(error, reference, amount) for error, reference, amount in rows)

    def accepted(self, score: Score) -> None:
        """Take note of a removal: with the current network as baseline the reference moves."""
        if self._moves:
            self._reference = score

    def _holds(self, error: float, reference: float, amount: float) -> bool:
        rise = error - reference
        slack = SLACK * max(abs(error), abs(reference))
        if self._comparison == "lt":
            return rise < amount - slack
        return (abs(rise) if self._comparison == "abs" else rise) <= amount + slack


def prune(
    network: Network,
    config: PruneConfig,
    evaluator: Evaluator,
    holdout: Evaluator | None = None,
    original: Network | None = None,
) -> Events:
    """Prune `network` and yield what happens. Close the generator to cancel; what was accepted stands.

    `evaluator` measures on the pruning rows and alone decides; `holdout` only reports. Tolerances refer to
    the error of `original`, by default that of `network` itself.

    Raises:
        BadSetting: a hidden layer, or a protected neuron, that is not there.
        NothingToRelateTo, NonFiniteWeight, NonFiniteError: there is no error to compare with.
    """
    began = time.perf_counter()
    for layer in config.layers or ():
        if layer not in range(len(network.hidden_layers)):
            allowed = f"0-{len(network.hidden_layers) - 1}"
            raise BadSetting("layers", str(layer), allowed)
    _check(config, original or network)
    metrics = evaluator.objective.metrics
    if original is not None and original is not network:
        yield from _get_ready(evaluator, original)
        reference = evaluator.baseline(original)
    yield from _get_ready(evaluator, network)
    start = evaluator.baseline(network)
    if original is None or original is network:
        reference = start
    judge = Judge(config, metrics, reference)
    judge.accepted(start)
    if holdout is not None:
        yield from _get_ready(holdout, network)
    held = holdout.baseline(network) if holdout is not None else None
    run = _Run(network, Selective(config), judge, evaluator, holdout, config)
    count = len(candidates(network, config.layers, config.protected))
    yield Started(network, metrics, reference, start, judge.limits, held, count)
    removed = -1
    while removed:
        before = run.removals
        yield from run.one_pass()
        removed = run.removals - before
        yield PassEnded(run.passes, removed)
        if run.settled():
            break
    yield Finished(run.network, run.passes, run.trials, time.perf_counter() - began)


def _check(config: PruneConfig, network: Network) -> None:
    """Make sure that the protected neurons are, or were, hidden ones."""
    hidden = {layer.name: layer.units for layer in network.hidden_layers}
    for name, unit in sorted(config.protected):
        if name not in hidden:
            raise BadSetting("protect", f"{name}:{unit}", ", ".join(hidden))
        if unit not in hidden[name]:
            raise BadSetting("protect", f"{name}:{unit}", f"{name}:0-{hidden[name].max()}")


def _get_ready(evaluator: Evaluator, network: Network) -> Iterator[Preparing]:
    for share in evaluator.prepare(network):
        yield Preparing(share)


class _Run:
    """The state of a run between two events."""

    def __init__(
        self,
        network: Network,
        strategy: Strategy,
        judge: Judge,
        evaluator: Evaluator,
        holdout: Evaluator | None,
        config: PruneConfig,
    ) -> None:
        self.network = network
        self.passes = self.trials = self.removals = 0
        self._strategy, self._judge = strategy, judge
        self._evaluator, self._holdout = evaluator, holdout
        self._config = config
        self._allowed = set(candidates(network, config.layers, config.protected))
        self._shrunk = False
        self._rejected = 0  # in a row, since the last removal

    def settled(self) -> bool:
        """Say whether every neuron left was tried since the last removal: all further answers are known."""
        return self._rejected >= len(self._allowed)

    def one_pass(self) -> Iterator[Event]:
        self.passes += 1
        waiting = list((yield from self._order()))
        went = True
        while went and not self.settled():
            went, tried = False, 0
            for edit, score in self._evaluator.trials(self.network, waiting, self._judge.turns):
                tried += 1
                self.trials += 1
                went = self._judge.allows(score)
                self._rejected = 0 if went else self._rejected + 1
                yield Trial(edit, score, went, self.trials, self.passes)
                if went:
                    yield self._accept(edit, score)
                if went or self.settled():
                    break
            if went and self._config.restart:
                waiting = list((yield from self._order()))
            else:
                waiting = waiting[tried:]
                if went and self._shrunk:
                    waiting = [edit for edit in waiting if edit in self._allowed]

    def _order(self) -> Generator[Event, None, Sequence[Edit]]:
        asked = self._strategy.propose(self.network, self._evaluator)
        while True:
            try:
                yield next(asked)
            except StopIteration as done:
                edits: Sequence[Edit] = done.value
                return edits
            self.trials += 1

    def _accept(self, edit: Edit, score: Score) -> Accepted:
        smaller = edit.apply(self.network)
        held = None
        if self._holdout is not None:
            _, held = next(self._holdout.trials(self.network, [edit]))
            self._holdout.advance(edit, smaller)
        self._evaluator.advance(edit, smaller)
        self.network = smaller
        self.removals += 1
        self._allowed.discard(edit)
        self._shrunk = any(layer.units.size == 1 for layer in smaller.hidden_layers)
        if self._shrunk:  # to its last neuron, which may not go
            self._allowed &= set(candidates(smaller, self._config.layers, self._config.protected))
        self._judge.accepted(score)
        return Accepted(edit, self.network, score, held, self._judge.limits)
