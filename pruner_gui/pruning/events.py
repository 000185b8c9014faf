"""What a pruning run reports: one stream of frozen events, read by the window and by the command line.

Those that come by the thousand are named tuples, which are made several times faster than dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pruner_gui.evaluation import Score
from pruner_gui.network import Edit, Network
from pruner_gui.pruning.config import PruneConfig


@dataclass(frozen=True)
class Started:
    """The run begins: what the network's errors are and must not pass.

    `original` is what the tolerances refer to, `limits` are in the metrics' units. `holdout` and `guard` are
    None where no rows were held out, or set apart as guard rows.
    """

    network: Network
    metrics: tuple[str, ...]
    original: Score
    start: Score
    limits: tuple[float, ...]
    holdout: Score | None
    candidates: int
    guard: Score | None = None


@dataclass(frozen=True)
class StageStarted:
    """Step number `number` (from 0) of the run begins, with limits of its own."""

    number: int
    config: PruneConfig
    limits: tuple[float, ...]


@dataclass(frozen=True)
class StageEnded:
    """A step of the run ended with this network, which has these errors."""

    number: int
    network: Network
    score: Score
    holdout: Score | None


@dataclass(frozen=True)
class Preparing:
    """The evaluator gets ready for the run: this share of the rows is done."""

    share: float


class Ranked(NamedTuple):
    """A neuron's removal was measured to find the order of the pass that begins."""

    edit: Edit
    score: Score


class Trial(NamedTuple):
    """The network was tried without a neuron, or without some connections.

    `number` counts trials from 1, `number_of_pass` passes from 1.
    """

    edit: Edit
    score: Score
    accepted: bool
    number: int
    number_of_pass: int


@dataclass(frozen=True)
class Accepted:
    """What the last trial took away is gone: `network` is without it, `limits` are those from now on.

    `reason` says why it cost nothing, see `pruning.free`; "" where it may have.
    """

    edit: Edit
    network: Network
    score: Score
    holdout: Score | None
    limits: tuple[float, ...]
    guard: Score | None = None
    reason: str = ""


@dataclass(frozen=True)
class PassEnded:
    """A pass over the neurons ended, after `removed` removals."""

    number: int
    removed: int


@dataclass(frozen=True)
class Lowest:
    """The point of lowest held-out error, after so many accepted edits, where it is below that of the start.

    `improved` says whether it is so beyond what chance makes of the best of all points, see `beyond_noise`.
    """

    accepted: int
    improved: bool


@dataclass(frozen=True)
class Finished:
    """The run ended. `seconds` counts the loop and its set-up.

    Guard rows choose how far to go: `network` is the one after the first `chosen` of the accepted edits, see
    `pruning.guard`. Without any it is the last. `lowest` is None where no held-out error fell.
    """

    network: Network
    passes: int
    evaluations: int
    seconds: float
    chosen: int
    lowest: Lowest | None = None


Event = Preparing | Started | StageStarted | Ranked | Trial | Accepted | PassEnded | StageEnded | Finished
