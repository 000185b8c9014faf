"""What a run has reached, for the step of it that goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pruner_gui.evaluation import Evaluator, Score
from pruner_gui.network import Edit, Network, RemoveUnits
from pruner_gui.pruning.candidates import candidates, floors
from pruner_gui.pruning.config import PruneConfig
from pruner_gui.pruning.events import Accepted, Preparing
from pruner_gui.pruning.judge import Judge


class State:
    """The network that a run has reached, and what measures and judges the next.

    `evaluator` decides, on the pruning rows; `watchers` only report: on held-out rows and on guard rows, None
    where there are none. `least` says how many neurons of a layer have to stay, one if it says nothing.
    """

    def __init__(
        self, network: Network, score: Score, watchers: tuple[Evaluator | None, Evaluator | None]
    ) -> None:
        self.network, self.score = network, score
        self.passes = self.trials = 0
        self.accepted: list[Edit] = []
        self._watchers = watchers
        self.least: Mapping[str, int] = {}
        self._known: tuple[Network, list[RemoveUnits]] | None = None  # candidates
        self.config: PruneConfig
        self.judge: Judge
        self.evaluator: Evaluator

    def begin(
        self, config: PruneConfig, judge: Judge, evaluator: Evaluator, original: Network
    ) -> Iterator[Preparing]:
        """Take up a step of the run; what stays at least is counted from the `original` layers."""
        self.config, self.judge, self.evaluator = config, judge, evaluator
        self.least = floors(config, original)
        self._known = None
        yield from get_ready(evaluator, self.network)

    def candidates(self) -> list[RemoveUnits]:
        """Return the removal of every neuron that may go now."""
        if self._known is None or self._known[0] is not self.network:
            found = candidates(self.network, self.config.layers, self.config.protected, self.least)
            self._known = self.network, found
        return self._known[1]

    def accept(self, edit: Edit, score: Score, reason: str = "") -> Accepted:
        """Go on to the network that an edit gives, which has this error."""
        smaller = edit.apply(self.network)
        seen = [self._watch(watcher, edit, smaller) for watcher in self._watchers]
        if isinstance(edit, RemoveUnits):
            self.evaluator.advance(edit, smaller)
        self.network, self.score = smaller, score
        self.accepted.append(edit)
        self.judge.accepted(score)
        return Accepted(edit, smaller, score, seen[0], self.judge.limits, seen[1], reason)

    def _watch(self, watcher: Evaluator | None, edit: Edit, smaller: Network) -> Score | None:
        if watcher is None:
            return None
        if not isinstance(edit, RemoveUnits):
            return watcher.baseline(smaller)
        _, score = next(iter(watcher.trials(self.network, [edit])))
        watcher.advance(edit, smaller)
        return score


def get_ready(evaluator: Evaluator, network: Network) -> Iterator[Preparing]:
    """Have an evaluator take up a network."""
    for share in evaluator.prepare(network):
        yield Preparing(share)
