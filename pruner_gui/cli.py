"""The command line: the same run as in the window, with a printer at the end of the event stream.

Exit codes: 0 done; 1 the job could not be done, one sentence on stderr says what, why and what to do; 2 wrong
usage.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pruner_gui import files, formats, limits, reading, report_page, wording
from pruner_gui.comparison import (
    Answers,
    Latency,
    Pair,
    Rate,
    Summary,
    Times,
    answers,
    measure_latency,
    rate,
    summarise,
)
from pruner_gui.data import SCALINGS, ReadOptions, is_scaling
from pruner_gui.errors import PrunerError
from pruner_gui.evaluation import METRICS, Examples, MetricUnfit, NonFiniteWeight
from pruner_gui.formats import activation_text
from pruner_gui.network import Network
from pruner_gui.pruning import (
    PRESETS,
    SENSITIVITY_ORDERS,
    SLACK,
    STRATEGIES,
    Accepted,
    BadSetting,
    Event,
    Least,
    PassEnded,
    PruneConfig,
    StageStarted,
    Tolerance,
    Trial,
    recipe,
)
from pruner_gui.report import compared, report, sensitivity_table
from pruner_gui.session import DataOptions, Run, Session, load_examples, refuse_source

VERBS = ("prune", "info", "evaluate")


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    if options.verb is None:
        _parser().print_help()
        return 0
    if options.limits is not None:
        limits.raise_to(options.limits)
    try:
        options.run(options)
    except PrunerError as error:
        return _fail(str(wording.problem(error)))
    except MemoryError:
        return _fail("There is not enough memory. Use fewer rows: --max-rows.")
    except OSError as error:
        return _fail(f"{error.filename or 'A file'} could not be used: {error.strerror}.")
    except KeyboardInterrupt:
        return _fail("Stopped. Files are whole: each is the old one or the new one.")
    return 0


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


# -- options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pruner-gui",
        description="Open a trained neural network, prune it, export a smaller one.",
        epilog="pruner-gui [MODEL [DATA]] without a command opens the window.",
    )
    version = importlib.metadata.version("pruner-gui")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND")
    _add_prune(verbs.add_parser("prune", help="prune a network and write the smaller one"))
    _add_info(verbs.add_parser("info", help="say what is in a network file"))
    _add_evaluate(verbs.add_parser("evaluate", help="measure a network's errors on data"))
    return parser


def _add_prune(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_prune)
    _add_model(parser)
    _add_non_finite(parser)
    _add_data(parser)
    parser.add_argument("--holdout", type=_share, metavar="SHARE", help=_help("holdout"))
    parser.add_argument(
        "--holdout-data",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help=_help("holdout_files"),
    )
    parser.add_argument("--guard", type=_share, default=0.0, metavar="SHARE", help=_help("guard"))
    parser.add_argument("--steps", type=_strategies, metavar="S[,S2]", help=_help("steps"))
    parser.add_argument("--recipe", type=Path, metavar="R.json", help=_help("recipe"))
    parser.add_argument("--preset", choices=tuple(PRESETS), help=_help("preset"))
    for field in dataclasses.fields(PruneConfig):
        if field.name != "strategy":  # that is what --steps is for
            _add_setting(parser, field)
    parser.add_argument("-o", "--output", type=Path, required=True, help=_help("output"))
    parser.add_argument("--report", type=Path, metavar="R.json", help=_help("report"))
    parser.add_argument("--html", type=Path, metavar="R.html", help=_help("html"))
    parser.add_argument("--no-latency", dest="latency", action="store_false", help=_help("latency"))
    parser.add_argument("--code", type=Path, metavar="FILE.py", help=_help("code"))
    parser.add_argument("--quiet", action="store_true", help=_help("quiet"))


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_info)
    _add_model(parser)
    parser.add_argument("--json", action="store_true", help=_help("json"))


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_evaluate)
    _add_model(parser)
    _add_non_finite(parser)
    _add_data(parser)
    parser.add_argument("--seed", type=int, default=0, help=_help("seed"))
    parser.add_argument("--metric", type=_names, default=(), metavar="M[,M2]", help=_help("metrics"))
    parser.add_argument("--sensitivity", type=Path, metavar="S.csv", help=_help("sensitivity"))
    parser.add_argument("--json", action="store_true", help=_help("json"))


def _help(name: str) -> str:
    return wording.option(name).replace("%", "%%")  # argparse formats its help texts


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help=_help("model"))
    parser.add_argument(
        "--activations", type=activation_text.split, metavar="A[,A2]", help=_help("activations")
    )
    parser.add_argument("--limits", type=_limits, metavar="N", help=_help("limits"))


def _add_non_finite(parser: argparse.ArgumentParser) -> None:
    choices = ("refuse", "zero")
    parser.add_argument("--non-finite", choices=choices, default="refuse", help=_help("non_finite"))


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help=_help("data"))
    for field in dataclasses.fields(ReadOptions):
        keywords: dict[str, Any] = {"default": field.default, "help": _help(field.name)}
        if field.name == "header":
            keywords["action"] = _YesNo
        elif field.name in _TEXTS:
            keywords["type"], keywords["metavar"] = _TEXTS[field.name]
        else:
            keywords["choices"] = field.metadata["choices"]
        parser.add_argument(f"--{field.name}", **keywords)
    parser.add_argument("--max-rows", type=_rows, metavar="N", help=_help("max_rows"))


def _add_setting(parser: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    """Add the option of one field of `PruneConfig`. Not given, it is left to the preset."""
    flag, read, metavar = _FLAGS.get(field.name, (field.name, str, None))
    keywords: dict[str, Any] = {"dest": field.name, "help": _help(field.name), "default": None}
    if read is bool:
        keywords["action"] = "store_true"
    else:
        keywords["type"] = read
        keywords["metavar"] = metavar
        if field.name == "layers":
            keywords["nargs"] = "+"
        if field.name == "protected":
            keywords["action"] = "append"
        if read is str:
            keywords["choices"] = field.metadata["choices"]
    parser.add_argument(f"--{flag}", **keywords)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in METRICS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(METRICS)}")
    return names


def _strategies(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in STRATEGIES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(STRATEGIES)}")
    return names


def _tolerances(text: str) -> tuple[Tolerance, ...]:
    try:
        return tuple(Tolerance.parse(part) for part in text.split(","))
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(wording.problem(error))) from None


def _layers(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _protected(text: str) -> list[tuple[str, int]]:
    name, colon, units = text.rpartition(":")
    if not name or not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is not LAYER:UNIT[,UNIT]")
    return [(name, _count(unit)) for unit in units.split(",")]


def _least(text: str) -> tuple[tuple[int, Least], ...]:
    pairs = [part.partition(":") for part in text.split(",")]
    if not all(colon for _, colon, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not L:N[,L2:N2]")
    try:
        return tuple((_count(layer), Least.parse(least)) for layer, _, least in pairs)
    except BadSetting as error:
        raise argparse.ArgumentTypeError(str(wording.problem(error))) from None


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _rows(text: str) -> int:
    if _count(text) == 0:
        raise argparse.ArgumentTypeError("at least one row is needed")
    return int(text)


def _limits(text: str) -> float:
    if not 1 <= float(text) <= limits.MOST:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {limits.MOST:g}")
    return float(text)


def _share(text: str) -> float:
    share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 up to, but not including, 1")
    return share


def _scale(text: str) -> str:
    if not is_scaling(text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(SCALINGS)}, and no number above 0")
    return text


def _delimiter(text: str) -> str:
    named = {"tab": "\t", "\\t": "\t", "space": " ", "auto": "auto"}
    delimiter = named.get(text, text)
    if delimiter != "auto" and (len(delimiter) != 1 or delimiter.isalnum() or delimiter in "\"'\r\n"):
        raise argparse.ArgumentTypeError(f"{text!r} cannot stand between cells")
    return delimiter


class _YesNo(argparse.BooleanOptionalAction):
    """`--header` and `--no-header`, kept as the option's yes and no."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, "no" if (option_string or "").startswith("--no-") else "yes")


_TEXTS: dict[str, tuple[Callable[[str], str], str]] = {
    "target": (str, "COLUMNS"),
    "inputs": (str, "COLUMNS"),
    "ignore": (str, "COLUMNS"),
    "classes": (str, "A,B,..."),
    "scale": (_scale, "{none,standard,minmax,255,...}"),
    "delimiter": (_delimiter, "CHARACTER"),
}

_FLAGS: dict[str, tuple[str, Callable[[str], Any], str | None]] = {
    "metrics": ("metric", _names, "M[,M2]"),
    "tolerances": ("tolerance", _tolerances, "T[,T2]"),
    "layers": ("layers", _layers, "L[,L2]"),
    "protected": ("protect", _protected, "LAYER:UNIT[,UNIT]"),
    "keep": ("keep", _least, "L:N[,L2:N2]"),
    "restart": ("restart", bool, None),
    "seed": ("seed", _count, "N"),
}


def _run_steps(options: argparse.Namespace) -> tuple[PruneConfig, ...]:
    """The steps of the run: those of the recipe, or of --steps with the options of the run."""
    if options.recipe is not None:
        return recipe.from_json(options.recipe.read_text(encoding="utf-8"))
    config = _config(options)
    return tuple(dataclasses.replace(config, strategy=name) for name in options.steps or ("selective",))


def _config(options: argparse.Namespace) -> PruneConfig:
    settings = dict(PRESETS[options.preset or "selective"])
    for field in dataclasses.fields(PruneConfig):
        if getattr(options, field.name, None) is not None:
            settings[field.name] = getattr(options, field.name)
    if options.layers is not None:
        settings["layers"] = tuple(layer for part in options.layers for layer in part)
    if options.protected is not None:
        settings["protected"] = frozenset(neuron for part in options.protected for neuron in part)
    return PruneConfig(**settings)


def _data_options(options: argparse.Namespace, holdout: float | None, files: Sequence[Path]) -> DataOptions:
    return DataOptions(
        **{field.name: getattr(options, field.name) for field in dataclasses.fields(ReadOptions)},
        holdout=holdout,
        guard=getattr(options, "guard", 0.0),
        holdout_files=tuple(files),
        seed=options.seed or 0,
        max_rows=options.max_rows,
    )


# -- commands


def _prune(options: argparse.Namespace) -> None:
    steps = _run_steps(options)
    refuse_source(options.model, options.output)
    for path in filter(None, (options.output, options.report, options.html, options.code)):
        files.check_target(path)  # what cannot be written is told before the run
    network, read = _read_model(options)
    formats.format_for(network, options.output)
    if options.code is not None:
        formats.rebuild_code(network, options.output)  # what cannot be said is told before the run
    session = Session()
    session.open(network, options.model)
    chosen = _data_options(options, options.holdout, options.holdout_data)
    session.use(load_examples(network, options.data, chosen))
    assert session.examples is not None
    metrics = session.metrics(steps[0])
    before = summarise(network, session.examples, metrics, _size(read))

    progress = Progress(session, quiet=options.quiet)
    for line in _told(session.examples):
        progress.say(line)
    if not steps[0].metrics:
        progress.say(wording.reason(session.examples.choice.reason))
    for event in session.prune(*steps):
        session.apply(event)
        progress.show(event)
    run = session.run
    session.end_run()
    assert run is not None
    if run.kept < len(run.steps):
        progress.say(f"The guard rows keep {run.kept} of {len(run.steps)} removals.")

    export = formats.write(session.network, options.output, session.examples.pruning.inputs)
    after = summarise(session.network, session.examples, metrics, export.bytes)
    measured = _measured(session, metrics, before, after, latency=options.latency)
    _write_reports(options, session, run, measured, export)
    print(table(before, after, measured.latency, measured.found.within_noise))
    for sentence in measured.sentences():
        print(sentence)
    print(
        f"Written: {export.path}, {export.bytes:,} bytes. {export.runtime} gives the same outputs "
        f"(largest difference {export.max_difference:.2g})."
    )
    _give_code(session.network, options.output, options.code)


def _give_code(network: Network, written: Path, target: Path | None) -> None:
    """Print, or write where it is asked for, how to load a file that holds weights alone."""
    if target is not None:
        files.write(target, formats.rebuild_code(network, written).encode())
    elif formats.format_for(network, written).weights_only:
        with contextlib.suppress(formats.NotExpressible):  # an activation that PyTorch does not have
            print(f"To load it in PyTorch:\n\n{formats.rebuild_code(network, written)}")


@dataclass(frozen=True)
class _Measured:
    """What is known of the network before and after a run; `no_latency` says why there is none."""

    metric: str
    before: Summary
    after: Summary
    found: Answers
    latency: Latency | None
    no_latency: str

    def sentences(self) -> Iterator[str]:
        """Say what the table does not."""
        for name, rows in self.found.sets.items():
            where = "pruning" if name == "pruning" else "held-out"
            total = getattr(self.before, f"{name}_rows")
            yield f"Changed predictions: {len(rows.changed):,} of {total:,} {where} rows."
        if self.found.gap is not None:
            yield wording.gap(self.found.gap)
        if self.latency is not None:
            yield f"Times: median (95th percentile) in {self.latency.runtime}, one thread, taking turns."


def _measured(
    session: Session, metrics: tuple[str, ...], before: Summary, after: Summary, *, latency: bool
) -> _Measured:
    assert session.examples is not None
    original, network = session.original, session.network
    found = answers(original, network, session.examples, metrics[0])
    times, reason = None, "" if latency else "not measured"
    if latency:
        try:
            times = measure_latency(original, network, session.examples.pruning.inputs)
        except (formats.NotExpressible, formats.ExportDoesNotRun) as error:
            reason = str(wording.problem(error))
    return _Measured(metrics[0], before, after, found, times, reason)


def _write_reports(
    options: argparse.Namespace, session: Session, run: Run, found: _Measured, export: formats.Export
) -> None:
    assert session.examples is not None
    guard = session.examples.guard
    facts = report(
        compared(
            options.model,
            found.before,
            found.after,
            found.metric,
            found.found,
            found.latency,
            latency_reason=found.no_latency,
        ),
        session.original,
        run,
        export,
        0 if guard is None else len(guard),
    )
    if options.report is not None:
        files.write(options.report, f"{json.dumps(facts, indent=2)}\n".encode())
    if options.html is not None:
        files.write(options.html, report_page.page(facts).encode())


def _info(options: argparse.Namespace) -> None:
    network = reading.model(options.model, activations=options.activations)
    facts = describe(network)
    if options.json:
        print(json.dumps(facts, indent=2))
        return
    print(f"{options.model}: {network.origin.format}, {facts['inputs']} inputs, {facts['outputs']} outputs")
    rows = [["layer", "activation", "neurons", "parameters", "dead", "disconnected"]]
    rows += [
        [
            layer["name"],
            layer["activation"],
            f"{layer['neurons']:,}",
            f"{layer['parameters']:,}",
            _listed(layer["dead"]),
            _listed(layer["disconnected"]),
        ]
        for layer in facts["layers"]
    ]
    print(aligned(rows))
    print(f"{facts['parameters']:,} parameters, {facts['connections']:,} connections other than zero")
    if bad := NonFiniteWeight.of(network):
        print(wording.problem(bad))


def _evaluate(options: argparse.Namespace) -> None:
    network, read = _read_model(options)
    examples = load_examples(network, options.data, _data_options(options, 0.0, ()))
    for line in _told(examples):
        print(line, file=sys.stderr)
    wanted = options.metric or tuple(METRICS)
    summary = None
    names = []
    for name in wanted:
        try:
            examples.objective((name,))
        except MetricUnfit:
            if options.metric:
                raise
        else:
            names.append(name)
    summary = summarise(network, examples, tuple(names), _size(read))
    if options.sensitivity is not None:
        _write_sensitivity(options.sensitivity, network, examples, PruneConfig(metrics=options.metric))
    values = {name: summary.errors[name].pruning for name in names}
    facts: dict[str, Any] = {
        "model": str(options.model),
        "rows": summary.pruning_rows,
        "metric": examples.choice.metrics[0],
        "errors": values,
    }
    if "error-rate" in summary.errors:
        facts["error_rate"] = summary.errors["error-rate"].pruning
        facts["accuracy"] = 1 - facts["error_rate"]
    if options.json:
        print(json.dumps(facts, indent=2))
        return
    print(wording.reason(examples.choice.reason))
    rows = [[wording.metric(name), f"{value:.6g}"] for name, value in values.items()]
    if "error-rate" in summary.errors:
        rows.append(["", _rate(rate(facts["error_rate"], summary.pruning_rows))])
        rows.append(["accuracy", f"{facts['accuracy']:.4f}"])
    print(aligned([["error", f"on {summary.pruning_rows:,} rows"], *rows]))


def _write_sensitivity(path: Path, network: Network, examples: Examples, config: PruneConfig) -> None:
    session = Session()
    session.open(network, None)
    session.use(examples)
    points = session.sensitivity(config, SENSITIVITY_ORDERS[0])
    files.write(path, sensitivity_table(points, session.metrics(config)).encode())


def _read_model(options: argparse.Namespace) -> tuple[Network, tuple[files.Fingerprint, ...]]:
    """Read the model; weights that are not finite numbers are refused, or set to zero if so asked."""
    network, read = reading.model_with_files(options.model, activations=options.activations)
    bad = NonFiniteWeight.of(network)
    if bad is None:
        return network, read
    if options.non_finite == "refuse":
        raise bad
    print(f"Set to zero, since they are not finite numbers: {bad.count:,} weights.", file=sys.stderr)
    return network.with_finite_weights(), read


def _size(read: Iterable[files.Fingerprint]) -> int:
    """The bytes of a model's files, as they were when they were read."""
    return sum(file.stamp.size for file in read)


def _told(examples: Examples) -> Iterable[str]:
    return map(wording.note, examples.pruning.notes)


def describe(network: Network) -> dict[str, Any]:
    """Return what `info` says of a network, as plain values."""
    hidden = {layer.name: layer for layer in network.hidden_layers}
    silent, deaf = network.without_outgoing, network.without_incoming
    layers = []
    for node, dense in network.dense:
        layer = hidden.get(node.name)
        layers.append(
            {
                "name": node.name,
                "activation": network.activation_after(node.name),
                "neurons": network.sizes[node.name],
                "parameters": dense.parameters,
                "dead": node.units[deaf[node.name]].tolist() if layer else [],
                "disconnected": node.units[silent[node.name]].tolist() if layer else [],
            }
        )
    return {
        "format": network.origin.format,
        "inputs": network.n_inputs,
        "outputs": network.n_outputs,
        "layers": layers,
        "hidden_neurons": network.hidden_neurons,
        "parameters": network.parameters,
        "connections": network.connections,
        "macs": network.macs,
        "non_finite": network.non_finite_count,
    }


# -- printing


class Progress:
    """Prints a run's events on stderr: one line that moves on a terminal, a line a pass elsewhere."""

    def __init__(self, session: Session, *, quiet: bool) -> None:
        self._session, self._quiet = session, quiet
        self._moves = sys.stderr.isatty()
        self._next = 0.0

    def say(self, text: str) -> None:
        """Print a line."""
        if not self._quiet:
            print(text, file=sys.stderr)

    def show(self, event: Event) -> None:
        """Print what an event changes."""
        run = self._session.run
        if self._quiet or run is None:
            return
        if isinstance(event, StageStarted) and len(run.stages) > 1:
            self._line(f"step {event.number + 1}: {event.config.strategy}", end="\n")
        elif isinstance(event, PassEnded):
            self._line(f"pass {event.number}: {event.removed} removed, {self._state()}", end="\n")
        elif self._moves and isinstance(event, (Trial, Accepted)) and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            self._line(f"trial {run.trials}: {self._state()}", end="\r")

    def _state(self) -> str:
        run = self._session.run
        assert run is not None
        score = run.steps[-1].score if run.steps else run.started.start
        neurons = self._session.network.hidden_neurons
        return f"{neurons} neurons left, error {score.values[0]:.6g} (limit {run.limits[0]:.6g})"

    def _line(self, text: str, end: str) -> None:
        print(("\x1b[K" if self._moves else "") + text, end=end, file=sys.stderr, flush=True)


def table(
    before: Summary,
    after: Summary,
    latency: Latency | None = None,
    within_noise: Mapping[str, bool] = MappingProxyType({}),
) -> str:
    """Return the comparison as aligned text; `within_noise` are held-out errors, see `Answers`."""
    rows = [["", "before", "after", "change"]]
    rows.append(["layers", _sizes(before.layers), _sizes(after.layers), ""])
    for name, label in (
        ("hidden_neurons", "hidden neurons"),
        ("connections", "connections"),
        ("parameters", "parameters"),
        ("macs", "multiply-accumulates"),
        ("bytes", "file size, bytes"),
        ("weight_bytes", "weights in memory, bytes"),
        ("activation_bytes", "activations a row, bytes"),
    ):
        old, new = getattr(before, name), getattr(after, name)
        if old is not None and new is not None:
            rows.append([label, f"{old:,}", f"{new:,}", _change(old, new)])
    for name, old in before.errors.items():
        new = after.errors[name]
        rows.append([wording.metric(name), *_errors(name, old.pruning, new.pruning, before.pruning_rows)])
        if old.holdout is not None and new.holdout is not None:
            figures = _errors(name, old.holdout, new.holdout, before.holdout_rows)
            if within_noise.get(name) and figures[-1] != "=":
                figures[-1] += ", within noise"
            rows.append([f"{wording.metric(name)}, held out", *figures])
    if latency is not None:
        rows += [
            _timed("time, one row", latency.one),
            _timed(f"time, {latency.batch.rows} rows", latency.batch),
        ]
    text = aligned(rows)
    measured = f"Errors on {before.pruning_rows:,} pruning rows"
    if before.holdout_rows:
        return f"{text}\n{measured}, held out on {before.holdout_rows:,} rows that were not used for pruning."
    return f"{text}\n{measured}. No rows were held out: how the network does on other rows is not known."


def _errors(name: str, old: float, new: float, rows: int) -> list[str]:
    if name == "error-rate":
        return [_rate(rate(old, rows)), _rate(rate(new, rows)), _change(old, new)]
    return [f"{old:.6g}", f"{new:.6g}", _change(old, new)]


def _timed(label: str, pair: Pair) -> list[str]:
    old, new = pair.before, pair.after
    change = "within noise" if pair.within_noise else _change(old.median, new.median)
    return [label, _time(old), _time(new), change]


def _time(times: Times) -> str:
    return f"{1e6 * times.median:.4g} ({1e6 * times.p95:.4g}) µs"


def _rate(share: Rate) -> str:
    low, high = share.interval
    return f"{share.mistakes / share.rows:.2%} ({share.mistakes}/{share.rows}; {low:.1%}-{high:.1%})"


def _change(old: float, new: float) -> str:
    if math.isclose(old, new, rel_tol=SLACK):
        return "="
    return f"{(new - old) / abs(old):+.1%}" if old else f"{new - old:+.3g}"


def _sizes(layers: Iterable[int]) -> str:
    return "-".join(map(str, layers))


def _listed(units: Sequence[int]) -> str:
    shown = ", ".join(map(str, units[:12]))
    return f"{len(units)}: {shown}{', ...' if len(units) > 12 else ''}" if units else "-"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as text, the first column to the left and the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
