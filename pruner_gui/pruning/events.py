"""What a pruning run reports: one stream of frozen events, read by the window and by the command line."""

from __future__ import annotations

from dataclasses import dataclass

from pruner_gui.evaluation import Score
from pruner_gui.network import Edit, Network


@dataclass(frozen=True)
class Started:
    """The run begins: what the network's errors are and must not pass.

    `original` is what the tolerances refer to, `limits` are in the metrics' units. `holdout` is None where no
    rows were held out.
    """

    network: Network
    metrics: tuple[str, ...]
    original: Score
    start: Score
    limits: tuple[float, ...]
    holdout: Score | None
    candidates: int


@dataclass(frozen=True)
class Preparing:
    """The evaluator gets ready for the run: this share of the rows is done."""

    share: float


@dataclass(frozen=True)
class Ranked:
    """A neuron's removal was measured to find the order of the pass that begins."""

    edit: Edit
    score: Score


@dataclass(frozen=True)
class Trial:
    """One neuron was tried. `number` counts trials from 1, `number_of_pass` passes from 1."""

    edit: Edit
    score: Score
    accepted: bool
    number: int
    number_of_pass: int


@dataclass(frozen=True)
class Accepted:
    """The neuron of the last trial is gone: `network` is the smaller one, `limits` are those from now on."""

    edit: Edit
    network: Network
    score: Score
    holdout: Score | None
    limits: tuple[float, ...]


@dataclass(frozen=True)
class PassEnded:
    """A pass over the neurons ended, after `removed` removals."""

    number: int
    removed: int


@dataclass(frozen=True)
class Finished:
    """The run ended: the last pass removed nothing. `seconds` counts the loop and its set-up."""

    network: Network
    passes: int
    evaluations: int
    seconds: float


Event = Preparing | Started | Ranked | Trial | Accepted | PassEnded | Finished
