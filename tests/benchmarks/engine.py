"""How fast the pruning engine is, against a plain loop on the same work: `make bench`.

The plain loop runs, for every neuron that is tried, the network without it on all rows, in float32. What it
would take for a whole run is reckoned from a sample of the neurons that the engine's run tried, at the size
that the network had then. Decisions of the run are checked against the definition, in float64. The figures go
to `build/bench/engine.json`.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import works
from works import ROOT, Work

from pruner_gui.evaluation import IncrementalEvaluator, ReferenceEvaluator, Score
from pruner_gui.network import Network, RemoveUnits
from pruner_gui.pruning import Accepted, Judge, PruneConfig, Started, Tolerance, Trial, prune

RESULT = ROOT / "build" / "bench" / "engine.json"
CPUS = os.cpu_count() or 1

PLAIN_SECONDS = 6.0  # spent on sampling one plain loop
SHORT = 3.0  # runs below this many seconds are repeated
SCALE_SECONDS = 3.0  # at most, for one row of the table of scaling

# What holds a work back, where more is known than the figures below the table say.
LIMITS: dict[str, str] = {}


# -- the run


@dataclass(frozen=True)
class Run:
    """A run of the engine: `rows` is how many rows it looked at in all trials, `whole` whether it ended."""

    seconds: float
    setup: float
    trials: list[Trial]
    network: Network
    rows: int
    whole: bool


def config_of(work: Work) -> PruneConfig:
    return PruneConfig(metrics=work.metrics, tolerances=(Tolerance(1, relative=True),))


def run_engine(work: Work, seconds: float = float("inf"), trials: float = float("inf")) -> Run:
    """Prune, and stop after so many seconds or trials."""
    tried: list[Trial] = []
    network, setup, whole = work.network, 0.0, True
    gc.collect()
    began = time.perf_counter()
    evaluator = IncrementalEvaluator(work.objective)
    for event in prune(work.network, config_of(work), evaluator):
        if isinstance(event, Started):
            setup = time.perf_counter() - began
        elif isinstance(event, Accepted):
            network = event.network
        elif isinstance(event, Trial):
            tried.append(event)
            if len(tried) >= trials or time.perf_counter() - began >= seconds:
                whole = False
                break
    taken = time.perf_counter() - began
    everything = len(tried) * len(work.objective.inputs)
    touched = getattr(getattr(evaluator, "statistics", None), "rows", everything)
    return Run(taken, setup, tried, network, int(touched), whole)


def warm_up(work: Work) -> None:
    """Have everything compiled that the work needs."""
    run_engine(work.first(5_000), trials=100)


def best_run(work: Work) -> Run:
    runs = [run_engine(work)]
    while runs[0].seconds < SHORT and len(runs) < 3:
        runs.append(run_engine(work))
    return min(runs, key=lambda run: run.seconds)


def spread(count: int, wanted: int) -> list[int]:
    """Return so many positions out of `count`, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int)).tolist()


def networks_at(work: Work, run: Run, positions: Iterable[int]) -> dict[int, Network]:
    """Return the networks that these trials were about, before their edits."""
    wanted, network, found = set(positions), work.network, {}
    for position, trial in enumerate(run.trials):
        if position in wanted:
            found[position] = network
        if trial.accepted:
            network = trial.edit.apply(network)
    return found


# -- the plain loop


class NumpyLoop:
    """The plain loop as one writes it with numpy, without needless copies."""

    name = "numpy"

    def __init__(self, work: Work) -> None:
        targets = work.objective.targets
        self.activation = work.network.hidden_layers[0].activation
        self.metric = work.metrics[0]
        self.inputs: Any = np.asarray(work.objective.inputs, np.float32)
        self.values: Any = np.asarray(targets.values, np.float32)
        self.labels: Any = targets.labels

    def layers(self, network: Network) -> list[tuple[Any, Any]]:
        return [(dense.weight, dense.bias) for _, dense in network.dense]

    def error(self, layers: Sequence[tuple[Any, Any]]) -> float:
        """Return the error on all rows of the network with these layers."""
        function = {"relu": lambda x: np.maximum(x, 0, out=x), "tanh": lambda x: np.tanh(x, out=x)}
        values = self.inputs
        for number, (weight, bias) in enumerate(layers, 1):
            values = values @ weight
            values += bias
            if number < len(layers):
                function[self.activation](values)
        if self.metric == "mse":
            values -= self.values
            return float(np.square(values, out=values).mean())
        if self.metric == "error-rate":
            return float((values.argmax(axis=1) != self.labels).mean())
        values -= values.max(axis=1, keepdims=True)
        wanted = values[np.arange(len(values)), self.labels]
        return float((np.log(np.exp(values, out=values).sum(axis=1)) - wanted).mean())

    def seconds(self, network: Network) -> float:
        """Return what one pass takes: the median of three."""
        layers, taken = self.layers(network), []
        for _ in range(3):
            began = time.perf_counter()
            self.error(layers)
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    def sample(self, work: Work, run: Run) -> list[int]:
        """Return the trials to measure: as many as there is time for."""
        self.error(self.layers(work.network))
        affordable = PLAIN_SECONDS / (3 * self.seconds(work.network))
        return spread(len(run.trials), int(np.clip(affordable, 12, 100)))


class TorchLoop(NumpyLoop):
    """The same with PyTorch."""

    name = "torch"

    def __init__(self, work: Work, torch: Any) -> None:
        super().__init__(work)
        self.torch, self.functional = torch, importlib.import_module("torch.nn.functional")
        torch.set_num_threads(CPUS)
        self.inputs, self.values = torch.tensor(self.inputs), torch.tensor(self.values)
        self.labels = None if self.labels is None else torch.tensor(self.labels)

    def layers(self, network: Network) -> list[tuple[Any, Any]]:
        return [(self.torch.tensor(w.T.copy()), self.torch.tensor(b)) for w, b in super().layers(network)]

    def error(self, layers: Sequence[tuple[Any, Any]]) -> float:
        function = {"relu": self.torch.relu_, "tanh": self.torch.tanh_}[self.activation]
        with self.torch.no_grad():
            values = self.inputs
            for weight, bias in layers[:-1]:
                values = function(self.functional.linear(values, weight, bias))
            values = self.functional.linear(values, *layers[-1])
            if self.metric == "mse":
                return float(self.functional.mse_loss(values, self.values))
            if self.metric == "error-rate":
                return float((values.argmax(dim=1) != self.labels).float().mean())
            return float(self.functional.cross_entropy(values, self.labels))


def find_torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError:
        return None


# -- what the definition says


class Definition:
    """Decides by the definition: a forward pass in float64 for every question."""

    def __init__(self, work: Work) -> None:
        # Converted once instead of at every question.
        exact = replace(work.objective, inputs=np.asarray(work.objective.inputs, np.float64))
        self._evaluator = ReferenceEvaluator(exact)
        self._judge = Judge(config_of(work), work.metrics, self._evaluator.baseline(work.network))
        self.limit = self._judge.limits[0]

    def score(self, network: Network, trial: Trial) -> Score:
        """Return the errors without the neuron that was tried on `network`."""
        assert isinstance(trial.edit, RemoveUnits)
        ((_, score),) = self._evaluator.trials(network, [trial.edit])
        return score

    def agrees(self, network: Network, trial: Trial) -> bool:
        """Say whether the neuron that was tried on `network` was judged rightly."""
        return self._judge.allows(self.score(network, trial)) == trial.accepted

    def sample(self, run: Run, every: bool) -> list[int]:
        """Return the trials to check: all, or some spread evenly and those that were decided most closely."""
        count = len(run.trials)
        if every:
            return list(range(count))
        chosen = set(spread(count, 24))
        # A score that was given up early tells little of how close it was: ranked on its own.
        for given_up in (False, True):
            alike = [i for i in range(count) if getattr(run.trials[i].score, "partial", False) is given_up]
            chosen.update(sorted(alike, key=lambda i: abs(run.trials[i].score.values[0] - self.limit))[:8])
        return sorted(chosen)


# -- memory


def memory(work: Work) -> dict[str, int]:
    """Return what a run takes at most, its data included: call it in a process that did nothing else."""
    targets = work.objective.targets
    data = work.objective.inputs.nbytes + targets.values.nbytes
    data += 0 if targets.labels is None else targets.labels.nbytes
    warm_up(work)
    gc.collect()
    tracemalloc.start()
    run_engine(work)
    peak = tracemalloc.get_traced_memory()[1]
    widest = len(work.objective.inputs) * max(work.network.layer_sizes[1:]) * 8
    return {
        "peak_bytes": data + peak,
        "data_bytes": data,
        "widest_activation_bytes": widest,
        "memory_limit_bytes": data + 4 * widest,
    }


def memory_of(name: str) -> dict[str, int]:
    command = [sys.executable, __file__, "--memory", name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


# -- where the limit is


def bounds(work: Work, run: Run) -> tuple[float, float]:
    """Return the floating-point operations and the bytes that the rows looked at ask for at least.

    Of a neuron that is tried, its column and the next layer's stored sums are read, and the layers behind
    those are run.
    """
    layer = {node.name: number for number, (node, _) in enumerate(work.network.dense, 1)}
    sizes, sums, values = list(work.network.layer_sizes), 0, 0
    for trial in run.trials:
        number = layer[trial.edit.node]
        after = sizes[number + 1 :]
        sums += after[0] + sum(a * b for a, b in pairwise(after))
        values += 1 + after[0]
        sizes[number] -= len(trial.edit.units) if trial.accepted else 0
    a_trial = run.rows / len(run.trials)
    return 2 * sums * a_trial, np.dtype(np.float32).itemsize * values * a_trial


def best_seconds(action: Callable[[], object]) -> float:
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return min(taken)


class Company:
    """What share of the processors others have used since this was made.

    Threads that wait for each other in a matrix product lose far more time than that share, and the loops
    that are compared do not lose the same.
    """

    def __init__(self) -> None:
        self._before = self._now()

    def share(self) -> float | None:
        """Return the share, or None where it cannot be known."""
        before, now = self._before, self._now()
        if before is None or now is None:
            return None
        ticks, idle, own = np.subtract(now, before)
        return max(0.0, float((ticks - idle - own * os.sysconf("SC_CLK_TCK")) / ticks))

    @staticmethod
    def _now() -> tuple[float, float, float] | None:
        """Ticks of all processors, those of them idle, and this process's seconds."""
        source = Path("/proc/stat")
        if not source.exists():
            return None
        ticks = [float(word) for word in source.read_text().split()[1:9]]
        return sum(ticks), ticks[3] + ticks[4], time.process_time()


def machine() -> tuple[float, float]:
    """Return operations a second in a float32 matrix product, and bytes a second read by one core."""
    size = 2_000
    square = np.ones((size, size), np.float32)
    large = np.ones(50_000_000, np.float32)
    operations = 2 * size**3 / best_seconds(lambda: square @ square)
    return operations, large.nbytes / best_seconds(large.sum)


# -- one work


@dataclass(frozen=True)
class Outcome:
    """What was measured of a work: its entry in the file, and what only the table says."""

    entry: dict[str, Any]
    checked: str
    footnote: str


def sample_plain(work: Work, run: Run, torch: Any, definition: Definition) -> dict[str, tuple[float, int]]:
    """Return for every plain loop its seconds a candidate, and from how many candidates they are."""
    found = {}
    for loop in [NumpyLoop(work)] + ([TorchLoop(work, torch)] if torch else []):
        positions = loop.sample(work, run)
        networks = networks_at(work, run, positions)
        smaller = {i: run.trials[i].edit.apply(networks[i]) for i in positions}
        first = positions[0]
        error = loop.error(loop.layers(smaller[first]))
        right = definition.score(networks[first], run.trials[first]).values[0]
        if not np.isclose(error, right, rtol=0.01):
            raise AssertionError(f"{work.name}: the plain loop of {loop.name} measures {error}, not {right}")
        found[loop.name] = statistics.fmean(map(loop.seconds, smaller.values())), len(positions)
    return found


def measure(name: str, torch: Any, peak: float) -> Outcome:
    """Return what is measured of a work; `peak` is how many operations a second the machine can do."""
    work = works.load(name)
    warm_up(work)
    company = Company()
    run = best_run(work)
    definition = Definition(work)
    positions = definition.sample(run, every=name == works.NAMES[0])
    networks = networks_at(work, run, positions)
    agree = sum(definition.agrees(networks[i], run.trials[i]) for i in positions)
    loops = sample_plain(work, run, torch, definition)
    others = company.share()
    plain = min(seconds for seconds, _ in loops.values()) * len(run.trials)
    entry = {
        "work": name,
        "plain_seconds": plain,
        "seconds": run.seconds,
        "ratio": plain / run.seconds,
        "agree": agree == len(positions),
        "rows_touched": run.rows,
        **memory_of(name),
        "setup_seconds": run.setup,
        "plain_numpy_ms": loops["numpy"][0] * 1e3,
        "plain_torch_ms": loops["torch"][0] * 1e3 if torch else None,
        "candidates": len(run.trials),
        "removed": work.network.hidden_neurons - run.network.hidden_neurons,
        "kept": run.network.hidden_neurons,
        "rows": len(work.objective.inputs),
        "sampled": min(count for _, count in loops.values()),
        "others": others,
    }
    operations, read = (amount / run.seconds / 1e9 for amount in bounds(work, run))
    sampled = " and ".join(f"{count} ({key})" for key, (_, count) in loops.items())
    footnote = (
        f"{name}: set-up {run.setup / run.seconds:.0%} of the run; behind the neurons tried {operations:.3g} "
        f"GFLOP/s ({operations * 1e9 / peak:.0%} of the matrix product's), {read:.3g} GB/s of stored values; "
        f"plain loops from {sampled} candidates. {LIMITS.get(name, '')}"
    )
    return Outcome(entry, f"{agree}/{len(positions)}", footnote.rstrip())


COLUMNS = (
    ("work", "<22"),
    ("rows", ">8,"),
    ("tried", ">7,"),
    ("gone", ">6,"),
    ("numpy ms", ">10.2f"),
    ("torch ms", ">10"),
    ("plain s", ">9.2f"),
    ("ours s", ">8.2f"),
    ("ratio", ">7.1f"),
    ("agree", ">10"),
    ("rows seen", ">11.1%"),
    ("peak MB", ">9.0f"),
    ("of MB", ">7.0f"),
    ("others", ">8"),
)


LEGEND = """
tried: neurons tried in the whole run; gone: neurons removed; ms: of the plain loop, for one neuron
agree: decisions checked by the definition; rows seen: of all rows in all trials
of MB: the data and four copies of the widest activation in float64; others: what other processes and the host
took of the processors meanwhile: above some percent distrust the ratio
"""


def heading() -> str:
    return "".join(f"{title:{form.split('.')[0].rstrip(',')}}" for title, form in COLUMNS)


def line(outcome: Outcome) -> str:
    e = outcome.entry
    cells = (
        e["work"],
        e["rows"],
        e["candidates"],
        e["removed"],
        e["plain_numpy_ms"],
        "-" if e["plain_torch_ms"] is None else f"{e['plain_torch_ms']:.2f}",
        e["plain_seconds"],
        e["seconds"],
        e["ratio"],
        outcome.checked,
        e["rows_touched"] / (e["candidates"] * e["rows"]),
        e["peak_bytes"] / 1e6,
        e["memory_limit_bytes"] / 1e6,
        "-" if e["others"] is None else f"{e['others']:.0%}",
    )
    return "".join(f"{cell:{form}}" for cell, (_, form) in zip(cells, COLUMNS, strict=True))


# -- the walk scales


def scaling() -> None:
    """Print what a candidate costs against the size of the work."""
    base = (30_000, (392, 150, 50, 10))
    sweeps: dict[str, list[tuple[int, tuple[int, ...]]]] = {
        "rows": [(rows, base[1]) for rows in (15_000, 30_000, 60_000)],
        "input width": [(base[0], (width, *base[1][1:])) for width in (196, 392, 784)],
        "hidden width": [(base[0], (392, width, 50, 10)) for width in (75, 150, 300)],
        "depth": [(10_000, (64, *[128] * depth, 8)) for depth in (2, 4, 6)],
    }
    print(f"\nThe walk scales{'':<24}{'tried':>7}{'gone':>6}{'set-up s':>10}{'ms a candidate':>16}")
    known: dict[tuple[int, tuple[int, ...]], Run] = {}
    for sweep, cases in sweeps.items():
        for case in cases:
            work = works.random_work(*case)
            if case not in known:
                warm_up(work)
                known[case] = run_engine(work, seconds=SCALE_SECONDS)
            run = known[case]
            gone = work.network.hidden_neurons - run.network.hidden_neurons
            cost = (run.seconds - run.setup) / len(run.trials) * 1e3
            print(
                f"{sweep:<14}{work.name:<25}{len(run.trials):>7,}{gone:>6,}{run.setup:>10.3f}{cost:>16.3f}"
                f"{'' if run.whole else f'  (the first {run.seconds:.0f} s)'}"
            )


# -- the first run of all

_START = """
import time
began = time.perf_counter()
from pathlib import Path
import pruner_gui as pg
network = pg.read(Path("models/iris.onnx"))
examples = pg.load_examples(network, [Path("models/iris.csv")], pg.DataOptions())
evaluator = pg.IncrementalEvaluator(examples.objective(examples.choice.metrics))
for event in pg.prune(network, pg.PruneConfig(), evaluator):
    pass
print(time.perf_counter() - began)
"""


def starts() -> None:
    """Print how long the first small run takes, compiled anew and from the cache."""
    print("\nFrom import to the end of a first small run")
    with tempfile.TemporaryDirectory() as cache:
        for state in ("nothing compiled yet", "compiled before"):
            command = [sys.executable, "-c", _START]
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
            )
            print(f"{state:<22}{float(done.stdout):>6.2f} s")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the pruning engine against the plain loop.")
    parser.add_argument("--only", choices=works.NAMES, action="append", help="this work only")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out of the plain loop")
    parser.add_argument("--quick", action="store_true", help="leave out scaling and start")
    parser.add_argument("--memory", choices=works.NAMES, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.memory:
        print(json.dumps(memory(works.load(options.memory))))
        return
    names = options.only or works.NAMES
    for name in names:
        works.load(name)  # made before anything is timed
    torch = None if options.no_torch else find_torch()
    peak, read = machine()
    print(
        f"{CPUS} CPUs, {peak / 1e9:.0f} GFLOP/s in a float32 matrix product, {read / 1e9:.0f} GB/s read by "
        f"one core; numpy {np.__version__}, {f'torch {torch.__version__}' if torch else 'no torch'}"
    )
    print(heading())
    outcomes = []
    for name in names:
        outcomes.append(measure(name, torch, peak))
        print(line(outcomes[-1]), flush=True)
    print(LEGEND)
    for outcome in outcomes:
        print(outcome.footnote)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps([outcome.entry for outcome in outcomes], indent=2) + "\n", encoding="utf-8")
    if not options.quick:
        scaling()
        starts()


if __name__ == "__main__":
    main()
