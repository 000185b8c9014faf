"""The evaluator used by default: remembers what the layers put out, and re-runs only what an edit reaches.

Chains of dense layers have an engine of their own; any other graph goes another way. Both accept the same
edits as the reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter

from pruner_gui.evaluation.branched import BranchedEngine
from pruner_gui.evaluation.chain import ChainEngine
from pruner_gui.evaluation.evaluator import Limits, Objective, ReferenceEvaluator, Score, checked
from pruner_gui.evaluation.program import Chain, Measure
from pruner_gui.evaluation.rows import Rows, Statistics, Tuning
from pruner_gui.evaluation.threads import without_blas_threads
from pruner_gui.network import Network, RemoveUnits

_units = attrgetter("units")


class IncrementalEvaluator:
    """Accepts the same edits as the reference, and gives its errors up to rounding.

    Memory: the rows of the objective and up to four float64 arrays as large as the widest layer's
    activations.
    """

    def __init__(
        self, objective: Objective, compensation: str = "none", tuning: Tuning | None = None
    ) -> None:
        self.objective = objective
        self.statistics = Statistics()
        self._compensation, self._tuning = compensation, tuning or Tuning()
        self._engine: ChainEngine | BranchedEngine | None = None
        without_blas_threads(self)

    def prepare(self, network: Network) -> Iterator[float]:
        """Run the network once on all rows; yield the share that is done."""
        if self._engine is not None and self._engine.network is network:
            return
        self._engine = None  # its memory is needed
        engine = self._engine_for(network)
        yield from engine.prepare()
        self._engine = engine

    def baseline(self, network: Network) -> Score:
        """Return the errors of `network`; see `Evaluator.baseline`."""
        engine = self._follow(network)
        return checked(network, self.objective, self.objective.total(engine.sums.tolist()))

    def trials(
        self, network: Network, edits: Iterable[RemoveUnits], limits: Limits | None = None
    ) -> Iterator[tuple[RemoveUnits, Score]]:
        """Yield every edit with the errors of the network it would give; see `Evaluator.trials`."""
        if not isinstance(edits, Sequence):
            for edit in edits:
                yield from self.trials(network, [edit], limits)
        elif max(map(len, map(_units, edits)), default=1) == 1:
            with self._whole_or_not():
                yield from self._follow(network).trials(edits, limits)
        else:
            yield from ReferenceEvaluator(self.objective, self._compensation).trials(network, edits)

    def advance(self, edit: RemoveUnits, network: Network) -> None:
        """Follow the last trial's edit to the network that it gave."""
        if self._engine is not None:
            with self._whole_or_not():
                self._engine.advance(edit, network)

    @contextmanager
    def _whole_or_not(self) -> Iterator[None]:
        """Forget everything when the work is broken off: it may stand half done in the engine."""
        try:
            yield
        except Exception:
            self._engine = None
            raise

    def _follow(self, network: Network) -> ChainEngine | BranchedEngine:
        for _ in self.prepare(network):
            pass
        assert self._engine is not None
        return self._engine

    def _engine_for(self, network: Network) -> ChainEngine | BranchedEngine:
        chain = Chain.of(network)
        if chain is None or not Measure.of(self.objective.metrics, self.objective.targets).fits:
            return BranchedEngine(self.objective, network, self._compensation, self.statistics)
        rows = Rows(self.objective, self._tuning, self.statistics)
        return ChainEngine(network, chain, rows, self._compensation)
