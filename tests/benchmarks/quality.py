"""What is left after pruning, and how good it is on other rows, by what a neuron leaves behind.

Every network is pruned on several splits of its rows, without and with compensation, and by the magnitude of
the weights down to as many neurons. Some also with guard rows, which choose how far to go: beside all pruning
rows without, and beside the same run to its end, so that the choice is told from the rows that it costs. The
figures go to `build/bench/quality.json`; `quality.py guard` makes those with guard rows anew and keeps the
others.

The sample networks were trained on some of the rows that are held out here, so their held-out error says only
what pruning adds. "digits retrained" is trained for every split, on the rows that decide alone.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import works
from threadpoolctl import threadpool_limits
from works import ROOT

from models.train_samples import SAMPLES
from pruner_gui import data
from pruner_gui.evaluation import COMPENSATIONS, Examples, IncrementalEvaluator, ReferenceEvaluator, prepare
from pruner_gui.formats import read
from pruner_gui.network import FloatArray, Network
from pruner_gui.pruning import Accepted, Finished, PruneConfig, Tolerance, prune, prune_in_steps
from pruner_gui.session import DataOptions, load_examples

RESULT = ROOT / "build" / "bench" / "quality.json"
MODELS = ROOT / "models"
SEEDS = range(5)
TOLERANCES = (Tolerance(0, relative=False), Tolerance(5, relative=True))
RETRAINED = "digits retrained"
RETRAINED_HOLDOUT = 0.4


# -- what is pruned


@dataclass(frozen=True, eq=False)
class Case:
    """A network and its rows, split with one seed."""

    network: Network
    examples: Examples


def sample_cases(entry: Mapping[str, str], seeds: Sequence[int] = SEEDS) -> list[Case]:
    network = read(MODELS / entry["model"])
    # The share is given, else the file's own marks would give every seed the same rows.
    options = (DataOptions(holdout=data.DEFAULT_SHARE, seed=seed) for seed in seeds)
    return [Case(network, load_examples(network, [MODELS / entry["data"]], option)) for option in options]


def retrained_cases(seeds: Sequence[int] = SEEDS) -> list[Case]:
    """Train the digits sample anew for every seed; the rows held out are never trained on."""
    recipe = next(sample for sample in SAMPLES if sample.name == "digits")
    rows = data.read([MODELS / recipe.data], recipe.layers[0], recipe.layers[-1])
    rows = replace(rows, inputs=rows.inputs / 16)
    cases = []
    for seed in seeds:
        split = data.split(rows, RETRAINED_HOLDOUT, seed)
        weights = _train(split.pruning, recipe.layers[1:-1], recipe.penalty, recipe.max_iterations, seed)
        network = works.chain(weights, recipe.activation, recipe.head)
        cases.append(Case(network, prepare(network, split)))
    return cases


def _train(
    rows: data.Dataset, hidden: Sequence[int], penalty: float, iterations: int, seed: int
) -> list[tuple[FloatArray, FloatArray]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        hidden, activation="relu", alpha=penalty, max_iter=iterations, solver="lbfgs", random_state=seed
    )
    with warnings.catch_warnings():
        # stopping early is meant
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows.inputs.astype(np.float64), rows.labels)
    return list(zip(model.coefs_, model.intercepts_, strict=True))


# -- how it is pruned


def pruned(case: Case, tolerance: Tolerance, compensation: str) -> Network:
    metrics = case.examples.choice.metrics
    config = PruneConfig(metrics=metrics, tolerances=(tolerance,), compensation=compensation)
    objective, held = case.examples.objective(metrics), case.examples.holdout_objective(metrics)
    assert held is not None
    evaluator = IncrementalEvaluator(objective, compensation)
    *_, finished = prune(case.network, config, evaluator, IncrementalEvaluator(held))
    assert isinstance(finished, Finished)
    return finished.network


def cut_by_magnitude(network: Network, kept: int) -> Network:
    """Return the network with the `kept` hidden neurons of largest weights, at least one in every layer.

    A neuron's magnitude is the norm of its incoming weights times the norm of its outgoing ones.
    """
    scored: list[tuple[float, str, int]] = []
    safe = set()
    for (node, dense), (_, reader) in pairwise(network.dense):
        norms = np.linalg.norm(dense.weight, axis=0) * np.linalg.norm(reader.weight, axis=1)
        scored += [(norm, node.name, unit) for unit, norm in enumerate(norms.tolist())]
        safe.add((node.name, int(norms.argmax())))
    scored.sort()
    doomed: dict[str, list[int]] = {}
    for _, name, unit in [row for row in scored if row[1:] not in safe][: len(scored) - kept]:
        doomed.setdefault(name, []).append(unit)
    return network.without(doomed) if doomed else network


# -- what came of it


@dataclass(frozen=True)
class Figures:
    """A network on one split: error and error rate (NaN without classes), of pruning and of held-out rows."""

    error: float
    rate: float
    held_error: float
    held_rate: float

    @staticmethod
    def of(network: Network, examples: Examples, metric: str = "") -> Figures:
        """Measure `metric`, by default the one that suits the network."""
        first = metric or examples.choice.metrics[0]
        metrics = (first, "error-rate") if examples.classification else (first,)
        found: list[float] = []
        for objective in (examples.objective(metrics), examples.holdout_objective(metrics)):
            assert objective is not None
            found += (*ReferenceEvaluator(objective).baseline(network).values, math.nan)[:2]
        return Figures(*found)


@dataclass(frozen=True)
class Result:
    """One method on one split."""

    kept: int
    before: Figures
    after: Figures
    seconds: float


def results(case: Case, tolerance: Tolerance) -> dict[str, Result]:
    """Return what came of every method."""
    before = Figures.of(case.network, case.examples)
    found: dict[str, Result] = {}

    def note(method: str, network: Network, began: float) -> None:
        seconds = time.perf_counter() - began
        after = Figures.of(network, case.examples)
        found[method] = Result(network.hidden_neurons, before, after, seconds)

    for compensation in COMPENSATIONS:
        began = time.perf_counter()
        note(compensation, pruned(case, tolerance, compensation), began)
    for compensation in ("none", "refit"):
        began = time.perf_counter()
        cut = cut_by_magnitude(case.network, found[compensation].kept)
        note(f"magnitude, as {compensation}", cut, began)
    return found


@dataclass(frozen=True)
class Row:
    """One method at one tolerance on all splits, with those of no compensation to compare with."""

    model: str
    tolerance: Tolerance
    method: str
    neurons: int
    results: Sequence[Result]
    plain: Sequence[Result]

    @property
    def held_change(self) -> tuple[float, float]:
        """How much the held-out error rose, with its standard error."""
        return mean_and_error([r.after.held_error - r.before.held_error for r in self.results])

    @property
    def against_plain(self) -> tuple[float, float]:
        """How much larger the held-out error rate is than without compensation, with its standard error."""
        pairs = zip(self.results, self.plain, strict=True)
        return mean_and_error([one.after.held_rate - other.after.held_rate for one, other in pairs])

    def entry(self) -> dict[str, object]:
        """Return the entry in the file: means over the seeds, and rates null where there are no classes."""
        means: dict[str, object] = {}
        for key, name in (
            ("pruning_error", "error"),
            ("holdout_error", "held_error"),
            ("pruning_error_rate", "rate"),
            ("holdout_error_rate", "held_rate"),
        ):
            for when in ("before", "after"):
                value = _mean([getattr(getattr(result, when), name) for result in self.results])
                means[f"{key}_{when}"] = None if math.isnan(value) else value
        against = [None if math.isnan(value) else value for value in self.against_plain]
        return {
            "model": self.model,
            "tolerance": str(self.tolerance),
            "method": self.method,
            "seeds": list(SEEDS),
            "kept": self.kept,
            "of": self.neurons,
            **means,
            "holdout_error_change": self.held_change,
            "holdout_error_rate_against_none": against,
            "seconds": _mean([result.seconds for result in self.results]),
        }

    @property
    def kept(self) -> float:
        """Neurons left."""
        return _mean([result.kept for result in self.results])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error."""
    return _mean(values), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def rows(model: str, cases: Sequence[Case], tolerances: Sequence[Tolerance]) -> Iterator[Row]:
    neurons = cases[0].network.hidden_neurons
    for tolerance in tolerances:
        found = [results(case, tolerance) for case in cases]
        plain = [methods["none"] for methods in found]
        for method in found[0]:
            yield Row(model, tolerance, method, neurons, [methods[method] for methods in found], plain)


# -- the table

COLUMNS = (
    ("model", "<17"),
    ("tol.", "<5"),
    ("method", "<20"),
    ("kept", ">7"),
    ("of", ">5"),
    ("error", ">10"),
    ("after", ">10"),
    ("held-out", ">10"),
    ("change", ">21"),
    ("rate", ">8"),
    ("after", ">8"),
    ("held-out", ">9"),
    ("after", ">8"),
    ("- none", ">16"),
    ("s", ">7"),
)

LEGEND = f"""
Means over {len(SEEDS)} splits, which share rows; ± one standard error over them
error: what decides, on the rows that decide, before and after; rate: the error rate
change: of the held-out error
- none: the held-out error rate less that without compensation
magnitude: those of smallest weights cut, down to as many neurons as the method named keeps
"""


def heading() -> str:
    return "".join(f"{title:{form}}" for title, form in COLUMNS)


def line(row: Row) -> str:
    def mean(when: str, name: str, form: str) -> str:
        value = _mean([getattr(getattr(result, when), name) for result in row.results])
        return "-" if math.isnan(value) else f"{value:{form}}"

    change, change_error = row.held_change
    against, against_error = row.against_plain
    cells = (
        row.model,
        str(row.tolerance),
        row.method,
        f"{row.kept:.1f}",
        str(row.neurons),
        mean("before", "error", ".4g"),
        mean("after", "error", ".4g"),
        mean("before", "held_error", ".4g"),
        f"{change:+.3g} ± {change_error:.2g}",
        mean("before", "rate", ".2%"),
        mean("after", "rate", ".2%"),
        mean("before", "held_rate", ".2%"),
        mean("after", "held_rate", ".2%"),
        "-" if math.isnan(against) else f"{against:+.2%} ± {against_error:.2%}",
        f"{_mean([result.seconds for result in row.results]):.3f}",
    )
    return "".join(f"{cell:{form}}" for cell, (_, form) in zip(cells, COLUMNS, strict=True))


# -- guard rows

GUARD = 0.2  # of the pruning rows
GUARD_SEEDS = range(20)
MNIST = ROOT.parent / "shared" / "data"
MNIST_MODEL = MNIST / "models" / "softmax-last-layer.onnx"
MNIST_ROWS = [MNIST / f"t10k-{name}.gz" for name in ("images-idx3-ubyte", "labels-idx1-ubyte")]
PLAIN, TO_THE_END, GUARDED = "all rows", "to the end", "guard"  # the last two: one run, two points of it


@dataclass(frozen=True)
class Guarded:
    """A network pruned on all splits in one of the ways, with those on all pruning rows to compare with."""

    model: str
    metrics: tuple[str, ...]
    tolerance: Tolerance
    compensation: str
    way: str
    neurons: int
    results: Sequence[Result]
    plain: Sequence[Result]

    def entry(self) -> dict[str, object]:
        """Return the entry in the file: means over the seeds, with their standard errors."""
        allowed = [self.tolerance.amount(result.before.held_error) for result in self.results]
        return {
            "model": self.model,
            "metrics": list(self.metrics),
            "tolerance": str(self.tolerance),
            "compensation": self.compensation,
            "method": self.way,
            "guard": 0.0 if self.way == PLAIN else GUARD,
            "seeds": list(GUARD_SEEDS),
            "kept": _mean([result.kept for result in self.results]),
            "of": self.neurons,
            "holdout_error_rise_allowed": _mean(allowed),
            **{
                f"{rows}_{error}_rise": _known(_rises(self.results, name))
                for rows, error, name in (
                    ("pruning", "error", "error"),
                    ("holdout", "error", "held_error"),
                    ("pruning", "error_rate", "rate"),
                    ("holdout", "error_rate", "held_rate"),
                )
            },
            "holdout_error_rise_against_all_rows": _known(self._against("held_error")),
            "holdout_error_rate_rise_against_all_rows": _known(self._against("held_rate")),
            "seconds": _mean([result.seconds for result in self.results]),
        }

    def line(self) -> str:
        """Return the row of the table."""
        cells = [
            f"{self.model:<17}{'+'.join(self.metrics):<25}{self.tolerance!s:<5}{self.compensation:<7}"
            f"{self.way:<11}{_mean([result.kept for result in self.results]):>6.1f}{self.neurons:>5}"
        ]
        for values in (_rises(self.results, "held_error"), self._against("held_error")):
            mean, error = mean_and_error(values)
            cells.append(f"{f'{mean:+.2g} ± {error:.1g}':>20}")
        for values in (_rises(self.results, "held_rate"), self._against("held_rate")):
            mean, error = mean_and_error(values)
            cells.append("" if math.isnan(mean) else f"{f'{mean:+.2%} ± {error:.2%}':>18}")
        return "".join(cells)

    def _against(self, name: str) -> list[float]:
        found: list[float] = np.subtract(_rises(self.results, name), _rises(self.plain, name)).tolist()
        return found


def _known(values: Sequence[float]) -> tuple[float, float] | None:
    found = mean_and_error(values)
    return None if math.isnan(found[0]) else found


def _rises(found: Sequence[Result], name: str) -> list[float]:
    return [getattr(result.after, name) - getattr(result.before, name) for result in found]


def guarded(case: Case, config: PruneConfig, guard: float, seed: int) -> tuple[Result, Result]:
    """Prune with a share of the pruning rows as guard rows; return what they chose, and the end of the run.

    Errors on pruning rows are those on all of them.
    """
    whole = case.examples
    split = data.Split(whole.pruning, whole.holdout)
    examples = prepare(case.network, data.set_apart(split, guard, seed) if guard else split)
    decides, watches = examples.objective(config.metrics), examples.guard_objective(config.metrics)
    end = case.network
    began = time.perf_counter()
    for event in prune_in_steps(
        case.network,
        (config,),
        lambda step: IncrementalEvaluator(decides, config.compensation),
        guard=IncrementalEvaluator(watches) if watches is not None else None,
    ):
        if isinstance(event, Accepted):
            end = event.network
    seconds = time.perf_counter() - began
    assert isinstance(event, Finished)
    before = Figures.of(case.network, whole, config.metrics[0])
    chosen, last = (
        Result(each.hidden_neurons, before, Figures.of(each, whole, config.metrics[0]), seconds)
        for each in (event.network, end)
    )
    return chosen, last


def guard_rows(model: str, cases: Sequence[Case], config: PruneConfig) -> Iterator[Guarded]:
    """Yield the three ways: all pruning rows; fewer of them, to the end; and as far as the guard rows say."""
    pairs = list(zip(GUARD_SEEDS, cases, strict=True))
    plain = [guarded(case, config, 0.0, seed)[0] for seed, case in pairs]
    both = [guarded(case, config, GUARD, seed) for seed, case in pairs]
    found = {PLAIN: plain, TO_THE_END: [end for _, end in both], GUARDED: [chosen for chosen, _ in both]}
    for way, there in found.items():
        yield Guarded(
            model,
            config.metrics,
            config.tolerances[0],
            config.compensation,
            way,
            cases[0].network.hidden_neurons,
            there,
            plain,
        )


def mnist_cases() -> list[Case]:
    """Split the images for a network that others trained; none where the folder is missing."""
    if not MNIST.is_dir():
        return []
    network = read(MNIST_MODEL)
    options = (DataOptions(scale="255", holdout=data.DEFAULT_SHARE, seed=seed) for seed in GUARD_SEEDS)
    return [Case(network, load_examples(network, MNIST_ROWS, option)) for option in options]


def all_guard_rows() -> Iterator[Guarded]:
    """Yield the rows for each network, by the errors that suit it and by others that over-fit more."""
    digits = next(
        entry
        for entry in json.loads((MODELS / "samples.json").read_text(encoding="utf-8"))
        if entry["name"] == "digits"
    )
    for model, cases, others in (
        ("digits", sample_cases(digits, GUARD_SEEDS), ("error-rate",)),
        (RETRAINED, retrained_cases(GUARD_SEEDS), ("error-rate",)),
        ("mnist 32-32", mnist_cases(), ("mse", "error-rate")),
    ):
        if not cases:
            continue
        for metrics in (cases[0].examples.choice.metrics, *((other,) for other in others)):
            # Digits have hardly any mistakes to take a share of.
            for tolerance in TOLERANCES[:1] if metrics == ("error-rate",) else TOLERANCES:
                for compensation in ("none", "refit"):
                    config = PruneConfig(metrics, (tolerance,), compensation=compensation)
                    yield from guard_rows(model, cases, config)


GUARD_HEADING = (
    f"\n{'model':<17}{'by':<25}{'tol.':<5}{'':<7}{'rows':<11}{'kept':>6}{'of':>5}{'held-out rises':>20}"
    f"{'- all rows':>20}{'held-out rate':>18}{'- all rows':>18}"
)


def verdict(table: Sequence[Row]) -> str:
    """Return what comes of the claim that a refit keeps a third, and is as good on rows never trained on."""
    of = {row.method: row for row in table if row.model == RETRAINED}
    refit, plain = of["refit"], of["none"]
    difference, error = refit.against_plain
    return (
        f"{RETRAINED}, tolerance 0: refit keeps {refit.kept:.1f} neurons, {refit.kept / plain.kept:.0%} of "
        f"the {plain.kept:.1f} that stay without; held-out error rate less that without: "
        f"{difference:+.2%} ± {error:.2%}"
    )


def everything() -> Iterator[Row]:
    for entry in json.loads((MODELS / "samples.json").read_text(encoding="utf-8")):
        yield from rows(entry["name"], sample_cases(entry), TOLERANCES)
    yield from rows(RETRAINED, retrained_cases(), TOLERANCES[:1])


def main() -> None:
    # Matrices this small gain nothing by threads, which lose a lot where others use the processors as well.
    with threadpool_limits(1):
        entries = _earlier() if "guard" in sys.argv[1:] else _compared()
        print(GUARD_HEADING)
        for row in all_guard_rows():
            print(row.line(), flush=True)
            entries.append(row.entry())
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


def _earlier() -> list[dict[str, object]]:
    """Return what an earlier run found without guard rows."""
    found = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else []
    return [entry for entry in found if "guard" not in entry]


def _compared() -> list[dict[str, object]]:
    print(heading())
    table = []
    for row in everything():
        print(line(row), flush=True)
        table.append(row)
    print(LEGEND)
    print(verdict(table))
    return [row.entry() for row in table]


if __name__ == "__main__":
    main()
