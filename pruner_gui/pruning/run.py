"""A run: one step or several, each by a strategy of its own, reported as one stream of events."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from types import MappingProxyType

from pruner_gui.evaluation import Evaluator, Score, beyond_noise, row_losses
from pruner_gui.network import Network
from pruner_gui.pruning import connections, controls, free, selective
from pruner_gui.pruning.candidates import count, floors
from pruner_gui.pruning.config import SLACK, BadSetting, PruneConfig
from pruner_gui.pruning.events import Accepted, Event, Finished, Lowest, StageEnded, StageStarted, Started
from pruner_gui.pruning.guard import Guard
from pruner_gui.pruning.judge import Judge
from pruner_gui.pruning.state import State, get_ready
from pruner_gui.pruning.trajectory import Trajectory, lowest

Events = Generator[Event, None, None]  # closing it cancels the run

# A strategy is a module, a row here, its name in `config.STRATEGIES`, and a test.
_STRATEGIES: Mapping[str, Callable[[State], Iterator[Event]]] = MappingProxyType(
    {
        "selective": selective.run,
        "free": free.run,
        "connections": connections.run,
        "magnitude": controls.magnitude,
        "random": controls.at_random,
    }
)


def prune(
    network: Network,
    config: PruneConfig,
    evaluator: Evaluator,
    holdout: Evaluator | None = None,
    original: Network | None = None,
) -> Events:
    """Prune `network` in one step; see `prune_in_steps`."""
    yield from prune_in_steps(network, (config,), lambda step: evaluator, holdout, original)


def prune_in_steps(
    network: Network,
    steps: Sequence[PruneConfig],
    evaluator_for: Callable[[PruneConfig], Evaluator],
    holdout: Evaluator | None = None,
    original: Network | None = None,
    guard: Evaluator | None = None,
) -> Events:
    """Prune `network` and yield what happens. Close the generator to cancel; what was accepted stands.

    `evaluator_for` gives what measures a step on the pruning rows, with its compensation; that alone decides.
    `holdout` only reports. `guard` chooses how much of what was accepted is kept in the end. Tolerances refer
    to the error of `original`, by default that of `network` itself.

    Raises:
        BadSetting: a hidden layer, or a protected neuron, that is not there; steps with different metrics.
        NothingToRelateTo, NonFiniteWeight, NonFiniteError: there is no error to compare with.
    """
    began = time.perf_counter()
    origin = network if original is None else original
    check(steps, network, origin)
    evaluator = evaluator_for(steps[0])
    metrics = evaluator.objective.metrics
    if origin is not network:
        yield from get_ready(evaluator, origin)
        reference = evaluator.baseline(origin)
    yield from get_ready(evaluator, network)
    start = evaluator.baseline(network)
    if origin is network:
        reference = start
    limits = Judge(steps[0], metrics, reference).limits
    seen: list[Score | None] = []
    for watcher in (holdout, guard):
        if watcher is not None:
            yield from get_ready(watcher, network)
        seen.append(None if watcher is None else watcher.baseline(network))
    guarding = None if guard is None else Guard(steps[-1], guard, origin)
    points = Trajectory(network)
    state = State(network, start, (holdout, guard))
    goes = count(steps[0], network, origin)
    yield Started(network, metrics, reference, start, limits, seen[0], goes, seen[1])
    held, on_held_rows = seen[0], [seen[0]]
    for number, config in enumerate(steps):
        judge = Judge(config, metrics, reference)
        judge.accepted(state.score)
        yield StageStarted(number, config, judge.limits)
        measures = evaluator if number == 0 else evaluator_for(config)
        yield from state.begin(config, judge, measures, origin)
        for event in _STRATEGIES[config.strategy](state):
            if isinstance(event, Accepted):
                held = event.holdout
                on_held_rows.append(held)
                if guarding is not None:
                    guarding.see(len(state.accepted), event.guard)
                if holdout is not None or guarding is not None:
                    points.add(event.edit, event.network)
            yield event
        yield StageEnded(number, state.network, state.score, held)
    chosen = len(state.accepted) if guarding is None else (yield from guarding.choose(points))
    kept = state.network if chosen == len(state.accepted) else points.network(chosen)
    seconds = time.perf_counter() - began
    best = None if holdout is None else _lowest(holdout, points, on_held_rows)
    yield Finished(kept, state.passes, state.trials, seconds, chosen, best)


def _lowest(holdout: Evaluator, points: Trajectory, scores: Sequence[Score | None]) -> Lowest | None:
    """The point of lowest held-out error, and whether it is below that of the start by more than chance."""
    errors = [score.values[0] for score in scores if score is not None]
    best = lowest(errors)
    if best is None or errors[best] >= errors[0] - SLACK * abs(errors[0]):
        return None
    before, after = (row_losses(points.network(point), holdout.objective)[0] for point in (0, best))
    return Lowest(best, beyond_noise(before, after, len(errors) - 1))


def check(steps: Sequence[PruneConfig], network: Network, original: Network) -> None:
    """Make sure that these steps can be done on a network, which was made from `original`.

    Raises:
        BadSetting: a hidden layer, or a protected neuron, that is not there; steps with different metrics.
    """
    for config in steps:
        _check(config, network, original)
        if config.metrics != steps[0].metrics:
            raise BadSetting("steps", "metrics", "the same in every step")


def _check(config: PruneConfig, network: Network, original: Network) -> None:
    """Make sure that layers are there, and that protected neurons are, or were, hidden ones."""
    for layer in config.layers or ():
        if layer not in range(len(network.hidden_layers)):
            raise BadSetting("layers", str(layer), f"0-{len(network.hidden_layers) - 1}")
    floors(config, original)
    hidden = {layer.name: layer.units for layer in original.hidden_layers}
    for name, unit in sorted(config.protected):
        if name not in hidden:
            raise BadSetting("protect", f"{name}:{unit}", ", ".join(hidden))
        if unit not in hidden[name]:
            raise BadSetting("protect", f"{name}:{unit}", f"{name}:0-{hidden[name].max()}")
