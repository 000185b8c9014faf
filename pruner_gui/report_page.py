"""A report as a page to print: one HTML file with everything in it, made of the values of `report`.

Simple tables and few styles, since Qt's rich text makes the PDF of it and leaves out what it does not know; a
browser lays out the same page for any width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import PurePath
from typing import Any

from pruner_gui import report_charts as charts
from pruner_gui import wording
from pruner_gui.comparison import Gap
from pruner_gui.pruning import SLACK
from pruner_gui.report_charts import Line, Points, number
from pruner_gui.wording import QT_TRANSLATE_NOOP, Translate

Facts = Mapping[str, Any]
Draw = Callable[[str], str]
Cell = str  # HTML

PRUNING, HOLDOUT, LIMIT, GUARD, INK = "#0b62b8", "#d05a00", "#b3227e", "#6a4fb5", "#1c1f26"
_BETTER, _WORSE, _MUTED = "#17795c", "#b04a00", "#646a75"
_MOST_CLASSES = 20  # more do not fit on a page
_LINES = 25  # of a list, before it goes on beside or below

# What stands outside of @media is for Qt as well, which then reads its own medium only.
_STYLE = """
@page { size: A4; margin: 16mm 14mm; }
body { font-family: Helvetica, Arial, sans-serif; font-size: 10pt; color: #1c1f26; background: #ffffff; }
h1 { font-size: 20pt; margin-bottom: 4px; }
h2 { font-size: 13pt; margin-top: 24px; margin-bottom: 8px; page-break-after: avoid; }
h3 { font-size: 10.5pt; margin-top: 14px; margin-bottom: 4px; page-break-after: avoid; }
p { margin-top: 3px; margin-bottom: 7px; }
.page { page-break-before: always; }
.small { font-size: 8.5pt; color: #646a75; }
.lead { page-break-after: avoid; }
table { border-collapse: collapse; page-break-inside: auto; }
thead { display: table-header-group; }
tr { page-break-inside: avoid; }
th { font-weight: 600; border-bottom: 1px solid #646a75; padding: 3px 8px; }
td { border-bottom: 1px solid #e3e5e9; padding: 3px 8px; vertical-align: top; }
.tiles td { background-color: #f3f5f8; border: 3px solid #ffffff; padding: 8px 10px; }
.value { font-size: 12pt; font-weight: 600; }
.plain td { border: none; padding: 0 18px 6px 0; }
.counts td, .counts th { font-size: 8pt; padding: 2px 4px; border: 1px solid #e3e5e9; white-space: nowrap; }
.list { font-size: 9pt; }
@media screen, print {
  body { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; line-height: 1.4;
         max-width: 182mm; margin: 0 auto; }
  h1 { line-height: 1.2; }
  h1, p { overflow-wrap: anywhere; }
  table { font-variant-numeric: tabular-nums; }
  th[align=right], .counts th { text-align: right; }
  .tiles td { width: 25%; }
  .value { white-space: nowrap; }
  .counts th, .counts td { min-width: 1.4em; }
  svg, img { max-width: 100%; height: auto; page-break-inside: avoid; }
}
@media screen {
  body { padding: 8mm 4mm 16mm; }
  .scroll { overflow-x: auto; max-width: 100%; }
  .list { display: inline-table; margin: 0 18px 8px 0; vertical-align: top; }
  .plain, .plain > tbody, .plain > tbody > tr { display: block; }
  .plain > tbody > tr > td { display: inline-block; max-width: 100%; overflow-x: auto; }
}
@media screen and (max-width: 560px) {
  .tiles, .tiles tbody, .tiles tr { display: block; }
  .tiles td { display: inline-block; width: 46%; box-sizing: border-box; margin: 0 1% 4px 0; }
  th, td { padding: 3px 5px; }
}
"""


def page(
    facts: Facts, draw: Draw = str, pictures: Sequence[tuple[str, str]] = (), translate: Translate = str
) -> str:
    """Return the page for what `report.report` or `report.compared` says.

    `draw` turns an SVG text into what stands for it in the page, by default itself. `pictures` are further
    ones with their titles, as HTML. `translate` gives the sentences, of the context "wording", in the user's
    language.
    """
    return _Page(facts, draw, translate).html(pictures)


class _Page:
    def __init__(self, facts: Facts, draw: Draw, translate: Translate) -> None:
        self._facts, self._draw, self._translate = facts, draw, translate

    def html(self, pictures: Sequence[tuple[str, str]]) -> str:
        sections = [
            self._head(),
            self._tiles(),
            self._figures(),
            self._notes(),
            *(f'<h2 class="page">{escape(title)}</h2>{picture}' for title, picture in pictures),
            self._run("" if pictures else ' class="page"'),
            self._confusions(),
            self._scatter(),
            self._changes(),
        ]
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self._title())}</title><style>{_STYLE}</style>"
        )
        body = "".join(sections)
        language = ' lang="en"' if self._translate is str else ""
        return f"<!DOCTYPE html>\n<html{language}><head>{head}</head>\n<body>{body}</body></html>\n"

    def _say(self, text: str, **values: object) -> str:
        return self._translate(text).format(**values)

    def _metric(self, name: str) -> str:
        return wording.metric(name, self._translate)

    def _set(self, which: str) -> str:
        """What the rows of a set are called."""
        if which == "pruning":
            return self._say(QT_TRANSLATE_NOOP("wording", "pruning rows"))
        return self._say(QT_TRANSLATE_NOOP("wording", "held-out rows"))

    def _sides(self) -> list[tuple[str, str]]:
        return [
            ("before", self._say(QT_TRANSLATE_NOOP("wording", "Before"))),
            ("after", self._say(QT_TRANSLATE_NOOP("wording", "After"))),
        ]

    # -- what it is about

    def _title(self) -> str:
        if name := PurePath(self._facts["model"]).name:
            return self._say(QT_TRANSLATE_NOOP("wording", "Pruning report: {name}"), name=name)
        return self._say(QT_TRANSLATE_NOOP("wording", "Pruning report"))

    def _head(self) -> str:
        facts = self._facts
        lines = [self._sentence_of_size(), *self._sentences_of_data()]
        if facts.get("criteria"):
            lines.append("; ".join(map(self._criterion, facts["criteria"])) + ".")
        if export := facts.get("export"):
            line = QT_TRANSLATE_NOOP(
                "wording",
                "Written to {path} ({bytes:,} bytes); {compared_by} gives the same outputs (largest "
                "difference {max_difference:.2g}).",
            )
            lines.append(self._say(line, **export))
        return f"<h1>{escape(self._title())}</h1>" + _paragraphs(lines)

    def _sentence_of_size(self) -> str:
        before, after = self._facts["before"], self._facts["after"]
        line = QT_TRANSLATE_NOOP(
            "wording", "{old:,} hidden neurons became {new:,}, {parameters:,} parameters {left:,}."
        )
        return self._say(
            line,
            old=before["hidden_neurons"],
            new=after["hidden_neurons"],
            parameters=before["parameters"],
            left=after["parameters"],
        )

    def _sentences_of_data(self) -> Iterable[str]:
        facts, rows = self._facts, self._facts["rows"]
        if not facts.get("data"):
            return
        parts = {which: f"{rows[which]:,} {self._set(which)}" for which in facts["data"]}
        if rows.get("guard"):
            line = QT_TRANSLATE_NOOP("wording", "{count:,} guard rows")
            parts["pruning"] += ", " + self._say(line, count=rows["guard"])
        told = [parts[which] for which in parts]
        if len(set(facts["data"].values())) == 1:
            told = [", ".join(told)]
        lines = [f"{file}: {words}" for file, words in zip(facts["data"].values(), told, strict=False)]
        yield "; ".join(lines) + "."
        if facts.get("fidelity"):
            line = QT_TRANSLATE_NOOP(
                "wording",
                "The data has no targets: what the network put out before pruning stands for them, so errors "
                "do not say how right it is.",
            )
            yield self._say(line)

    def _criterion(self, each: Facts) -> str:
        line = QT_TRANSLATE_NOOP("wording", "{metric} within {tolerance} (limit {limit})")
        return self._say(
            line,
            metric=_capital(self._metric(each["metric"])),
            tolerance=f"{each['value']:g}{' %' if each['relative'] else ''}",
            limit=number(each["limit"]),
        )

    def _tiles(self) -> str:
        """The few figures that most readers want."""
        before, after = self._facts["before"], self._facts["after"]
        tiles = [
            (QT_TRANSLATE_NOOP("wording", "Hidden neurons"), "hidden_neurons", "{:,}", "size"),
            (QT_TRANSLATE_NOOP("wording", "Parameters"), "parameters", "{:,}", "size"),
            (QT_TRANSLATE_NOOP("wording", "File size, bytes"), "bytes", "{:,}", "size"),
        ]
        rated = before.get("holdout_error_rate") is not None
        if rated:
            name = QT_TRANSLATE_NOOP("wording", "Held-out error rate")
            tiles.append((name, "holdout_error_rate", "{:.2%}", "error"))
        elif before.get("holdout_error") is not None:
            tiles.append((QT_TRANSLATE_NOOP("wording", "Held-out error"), "holdout_error", "{:.4g}", "error"))
        cells = []
        for name, key, form, kind in tiles:
            old, new = before[key], after[key]
            if old is not None and new is not None:
                shown = f"{form.format(old)} → {form.format(new)}"
                change = self._change(old, new, kind)
                if kind == "error":
                    metric = "error-rate" if rated else self._facts["metric"]
                    change = self._error_change(old, new, metric, "holdout")
                cells.append(
                    f'<td width="25%"><span class="small">{escape(self._say(name))}</span><br>'
                    f'<span class="value">{shown}</span><br>{change}</td>'
                )
        return f'<table class="tiles" width="100%"><tr>{"".join(cells)}</tr></table>'

    # -- the table of figures

    def _figures(self) -> str:
        before, after = self._facts["before"], self._facts["after"]
        layers = [escape("-".join(map(str, side["layers"]))) for side in (before, after)]
        rows = [[self._say(QT_TRANSLATE_NOOP("wording", "Layers")), *layers, ""]]
        for key, label in (
            ("hidden_neurons", QT_TRANSLATE_NOOP("wording", "Hidden neurons")),
            ("connections", QT_TRANSLATE_NOOP("wording", "Connections other than zero")),
            ("parameters", QT_TRANSLATE_NOOP("wording", "Parameters")),
            ("macs", QT_TRANSLATE_NOOP("wording", "Multiply-adds a row")),
            ("bytes", QT_TRANSLATE_NOOP("wording", "File size, bytes ({format})")),
            ("weight_bytes", QT_TRANSLATE_NOOP("wording", "Weights in memory, bytes")),
            ("activation_bytes", QT_TRANSLATE_NOOP("wording", "Activations a row, bytes")),
        ):
            old, new = before[key], after[key]
            if old is not None and new is not None:
                name = escape(self._say(label, format=self._facts["format"]))
                rows.append([name, f"{old:,}", f"{new:,}", self._change(old, new, "size")])
        rows += self._errors()
        if latency := self._facts.get("latency"):
            rows += [self._times(latency[which]) for which in ("one", "batch")]
        titles = ["", *(title for _, title in self._sides())]
        titles.append(self._say(QT_TRANSLATE_NOOP("wording", "Change")))
        title = escape(self._say(QT_TRANSLATE_NOOP("wording", "Before and after")))
        return f"<h2>{title}</h2>{_table(titles, rows, 'wide', numbers=range(1, 4))}"

    def _errors(self) -> list[list[Cell]]:
        facts, rows = self._facts, []
        names = [("error", facts["metric"])] if facts["metric"] else []
        if facts["metric"] != "error-rate":
            names.append(("error_rate", "error-rate"))
        for key, metric in names:
            for prefix, which in (("", "pruning"), ("holdout_", "holdout")):
                sides = [facts[when].get(prefix + key) for when in ("before", "after")]
                if None in sides:
                    continue
                shown = [f"{value:.6g}" for value in sides]
                if metric == "error-rate":
                    spans = [facts[when][f"{prefix}error_rate_interval"] for when in ("before", "after")]
                    shown = [_rate(*each, facts["rows"][which]) for each in zip(sides, spans, strict=True)]
                name = escape(f"{_capital(self._metric(metric))}, {self._set(which)}")
                rows.append([name, *shown, self._error_change(sides[0], sides[1], metric, which)])
        return rows

    def _error_change(self, old: float, new: float, metric: str, which: str) -> Cell:
        """The change of an error; on held-out rows only what is more than noise is better or worse."""
        noise = (self._facts.get("holdout_within_noise") or {}).get(metric, False)
        if which == "pruning" or math.isclose(old, new, rel_tol=SLACK) or not noise:
            return self._change(old, new, "error")
        line = QT_TRANSLATE_NOOP("wording", "{size}, within noise")
        return escape(self._say(line, size=f"{'▼' if new < old else '▲'} {_size(old, new)}"))

    def _times(self, pair: Facts) -> list[Cell]:
        sides = (pair["before"], pair["after"])
        shown = [
            _two_lines(f"{1e6 * each['median']:.4g} µs", f"95 %: {1e6 * each['p95']:.4g}") for each in sides
        ]
        change = escape(self._say(QT_TRANSLATE_NOOP("wording", "= within noise")))
        if not pair["within_noise"]:
            change = self._change(sides[0]["median"], sides[1]["median"], "time")
        name = QT_TRANSLATE_NOOP("wording", "Time for {rows:,} rows")
        if pair["rows"] == 1:
            name = QT_TRANSLATE_NOOP("wording", "Time for 1 row")
        return [escape(self._say(name, rows=pair["rows"])), *shown, change]

    def _change(self, old: float, new: float, kind: str) -> Cell:
        """The change with a sign, a word and a colour: less is better in every line."""
        if math.isclose(old, new, rel_tol=SLACK):
            return escape(self._say(QT_TRANSLATE_NOOP("wording", "= same")))
        words = {
            "size": (QT_TRANSLATE_NOOP("wording", "smaller"), QT_TRANSLATE_NOOP("wording", "larger")),
            "error": (QT_TRANSLATE_NOOP("wording", "better"), QT_TRANSLATE_NOOP("wording", "worse")),
            "time": (QT_TRANSLATE_NOOP("wording", "faster"), QT_TRANSLATE_NOOP("wording", "slower")),
        }[kind]
        size = _size(old, new)
        sign, word, colour = ("▼", words[0], _BETTER) if new < old else ("▲", words[1], _WORSE)
        return f'<span style="color: {colour}">{sign} {size} {escape(self._say(word))}</span>'

    # -- sentences

    def _notes(self) -> str:
        facts, rows = self._facts, self._facts["rows"]
        told = []
        if facts.get("gap"):
            told.append(wording.gap(_gap(facts["gap"]), translate=self._translate))
        if not rows["holdout"] and rows["pruning"]:
            line = QT_TRANSLATE_NOOP(
                "wording", "No rows were held out: how the network does on other rows is not known."
            )
            told.append(self._say(line))
        return _paragraphs(told) + _paragraphs(self._footnotes(), "small")

    def _footnotes(self) -> Iterable[str]:
        facts = self._facts
        if facts["rows"]["holdout"]:
            line = QT_TRANSLATE_NOOP(
                "wording",
                "Pruning rows decided, held-out rows did not. Error rates with Wilson's 95 % interval.",
            )
            yield self._say(line)
        line = QT_TRANSLATE_NOOP(
            "wording",
            "Multiply-adds: one a stored weight. Activations: the values that are alive at once while a "
            "row goes through, activation functions in place.",
        )
        yield self._say(line)
        if facts.get("latency"):
            line = QT_TRANSLATE_NOOP(
                "wording",
                "Times: median and 95th percentile of single calls in {runtime} on this machine, one "
                "thread, both networks in turns; within noise where the middle halves overlap.",
            )
            yield self._say(line, runtime=facts["latency"]["runtime"])
        elif facts.get("latency_reason"):
            yield self._say(QT_TRANSLATE_NOOP("wording", "Times: {reason}"), reason=facts["latency_reason"])

    # -- the run

    def _run(self, style: str) -> str:
        if not self._facts.get("trajectory"):
            return ""
        title = escape(self._say(QT_TRANSLATE_NOOP("wording", "The run")))
        told = [*self._limits(), *self._stand_out(), *self._guard()]
        parts = (self._plots(), _paragraphs(told), self._steps(), _paragraphs([self._effort()], "small"))
        return f"<h2{style}>{title}</h2>{''.join(parts)}"

    def _plots(self) -> str:
        facts, points = self._facts, self._facts["trajectory"]
        if len(points) < 2:
            return _paragraphs([self._say(QT_TRANSLATE_NOOP("wording", "Nothing was removed."))])
        errors = [Line(self._set("pruning"), [p["error"] for p in points], PRUNING)]
        if points[0]["holdout_error"] is not None:
            errors.append(Line(self._set("holdout"), [p["holdout_error"] for p in points], HOLDOUT, "7 4"))
        if points[0]["guard_error"] is not None:
            name = self._say(QT_TRANSLATE_NOOP("wording", "guard rows"))
            errors.append(Line(name, [p["guard_error"] for p in points], GUARD, "9 3 2 3"))
        limit = facts["criteria"][0]["limit"]
        name = self._say(QT_TRANSLATE_NOOP("wording", "limit"))
        errors.append(Line(name, [limit] * len(points), LIMIT, "2 3"))
        name = self._say(QT_TRANSLATE_NOOP("wording", "hidden neurons left"))
        left = [Line(name, [p["neurons"] for p in points], INK)]
        across = self._say(QT_TRANSLATE_NOOP("wording", "edits accepted"))
        up = self._metric(facts["criteria"][0]["metric"])
        neurons = self._say(QT_TRANSLATE_NOOP("wording", "neurons"))
        plots = (
            charts.line_plot(errors, across, up, list(self._marks())),
            charts.line_plot(left, across, neurons),
        )
        return "".join(f"<p>{self._draw(plot)}</p>" for plot in plots)

    def _marks(self) -> Iterable[tuple[int, str]]:
        """The places in the plot that stand out, with their words."""
        facts = self._facts
        if knee := facts["knee"]:
            line = QT_TRANSLATE_NOOP("wording", "knee: {neurons:,} neurons")
            yield knee["accepted"], self._say(line, neurons=knee["neurons"])
        if best := facts["lowest"]:
            line = QT_TRANSLATE_NOOP("wording", "lowest held-out error, within noise: {neurons:,} neurons")
            if best["improved"]:
                line = QT_TRANSLATE_NOOP("wording", "pruning improved it here: {neurons:,} neurons")
            yield best["accepted"], self._say(line, neurons=best["neurons"])
        guard = facts["guard"]
        if guard is not None and guard["kept"] < guard["accepted"]:
            line = QT_TRANSLATE_NOOP("wording", "kept by the guard rows: {neurons:,} neurons")
            kept = guard["kept"]
            yield kept, self._say(line, neurons=facts["trajectory"][kept]["neurons"])

    def _limits(self) -> Iterable[str]:
        """What was not to go."""
        for each in self._facts["keep"]:
            line = QT_TRANSLATE_NOOP(
                "wording",
                "At least {least:,} neurons ({asked}) were to stay in layer {name}; {left:,} are left.",
            )
            if each["reached"]:
                line = QT_TRANSLATE_NOOP(
                    "wording",
                    "At least {least:,} neurons ({asked}) were to stay in layer {name}: this limit held.",
                )
            yield self._say(line, **each)
        if protected := self._facts["protected"]:
            line = QT_TRANSLATE_NOOP("wording", "Protected, as layer:neuron, both from 0: {neurons}.")
            names = [f"{each['layer']}:{each['neuron']}" for each in protected]
            yield self._say(line, neurons=", ".join(names[:50] + ["…"] * (len(names) > 50)))

    def _stand_out(self) -> Iterable[str]:
        best = self._facts["lowest"]
        if best is None:
            return
        metric = self._metric(self._facts["criteria"][0]["metric"])
        line = QT_TRANSLATE_NOOP(
            "wording",
            "The held-out {metric} was lowest with {neurons:,} neurons, {error} from {first}: within noise, "
            "since chance alone makes the best of so many points look as good.",
        )
        if best["improved"]:
            line = QT_TRANSLATE_NOOP(
                "wording",
                "Pruning improved the held-out {metric}: it was lowest with {neurons:,} neurons, {error} "
                "from {first}, beyond what chance makes of the best of so many points.",
            )
        first = self._facts["trajectory"][0]["holdout_error"]
        told = {"error": number(best["holdout_error"]), "first": number(first), "metric": metric}
        yield self._say(line, neurons=best["neurons"], **told)

    def _guard(self) -> Iterable[str]:
        guard = self._facts["guard"]
        if guard is None:
            return
        line = QT_TRANSLATE_NOOP(
            "wording",
            "Guard rows ({rows:,}) chose how far to go: {kept:,} of {accepted:,} accepted edits are kept, "
            "as far as the rise on these rows and its standard error are within the tolerance. The error "
            "on them went from {before} to {after}.",
        )
        yield self._say(
            line,
            rows=self._facts["rows"].get("guard", 0),
            kept=guard["kept"],
            accepted=guard["accepted"],
            before=number(guard["error_before"]),
            after="–" if guard["error"] is None else number(guard["error"]),
        )

    def _steps(self) -> str:
        steps = self._facts["steps"]
        if not steps:
            return ""
        titles = [
            QT_TRANSLATE_NOOP("wording", "Step"),
            QT_TRANSLATE_NOOP("wording", "Tolerance"),
            QT_TRANSLATE_NOOP("wording", "Neurons"),
            QT_TRANSLATE_NOOP("wording", "Connections zeroed"),
            QT_TRANSLATE_NOOP("wording", "Error"),
            QT_TRANSLATE_NOOP("wording", "Held-out error"),
        ]
        rows = [
            [
                f"{place}. {escape(step['strategy'])}",
                escape(step["tolerance"]),
                f"{step['neurons_before']:,} → {step['neurons']:,}",
                f"{step['zeroed']:,}",
                number(step["error"]),
                "–" if step["holdout_error"] is None else number(step["holdout_error"]),
            ]
            for place, step in enumerate(steps, 1)
        ]
        title = escape(self._say(QT_TRANSLATE_NOOP("wording", "Steps")))
        return f"<h3>{title}</h3>{_table(list(map(self._say, titles)), rows, numbers=range(1, 6))}"

    def _effort(self) -> str:
        facts = self._facts
        line = QT_TRANSLATE_NOOP(
            "wording", "Compensation: {made}. {trials:,} trials, {passes:,} passes, {seconds:.3g} s."
        )
        if facts["seconds"] is None:
            line = QT_TRANSLATE_NOOP(
                "wording", "Compensation: {made}. {trials:,} trials, {passes:,} passes, cancelled."
            )
        told = {"trials": facts["evaluations"], "passes": facts["passes"], "seconds": facts["seconds"]}
        return self._say(line, made=facts["compensation"], **told)

    # -- answers

    def _confusions(self) -> str:
        told = self._facts.get("confusion")
        if not told:
            return ""
        title = (
            f'<h2 class="page">{escape(self._say(QT_TRANSLATE_NOOP("wording", "Confusion matrices")))}</h2>'
        )
        if len(told["classes"]) > _MOST_CLASSES:
            line = QT_TRANSLATE_NOOP("wording", "{count} classes are too many for a page.")
            return title + _paragraphs([self._say(line, count=len(told["classes"]))])
        line = QT_TRANSLATE_NOOP("wording", "A row a true class, a column a predicted one; mistakes in bold.")
        parts = [title, _paragraphs([self._say(line)], "small lead")]
        for which in ("pruning", "holdout"):
            if counts := told[which]:
                cells = [
                    f"<td><p>{escape(name)}</p>{_matrix(told['classes'], counts[when])}</td>"
                    for when, name in self._sides()
                ]
                between = "" if len(told["classes"]) <= 10 else "</tr><tr>"
                parts.append(f"<h3>{escape(_capital(self._set(which)))}</h3>")
                parts.append(f'<table class="plain"><tr>{between.join(cells)}</tr></table>')
        return "".join(parts)

    def _scatter(self) -> str:
        told = self._facts.get("predicted")
        if not told:
            return ""
        line = QT_TRANSLATE_NOOP("wording", "Predicted against true: {output}")
        names = dict(self._sides())
        across, up = (
            self._say(QT_TRANSLATE_NOOP("wording", "true")),
            self._say(QT_TRANSLATE_NOOP("wording", "predicted")),
        )
        cells = []
        for which in ("pruning", "holdout"):
            if points := told[which]:
                clouds = [
                    Points(names["before"], points["before"], PRUNING, "circle"),
                    Points(names["after"], points["after"], HOLDOUT, "square"),
                ]
                plot = self._draw(charts.scatter_plot(points["true"], clouds, across, up))
                cells.append(f"<td><h3>{escape(_capital(self._set(which)))}</h3>{plot}</td>")
        title = escape(self._say(line, output=told["output"]))
        return f'<h2>{title}</h2><table class="plain"><tr>{"".join(cells)}</tr></table>'

    def _changes(self) -> str:
        told = self._facts.get("changed_predictions")
        if not told:
            return ""
        parts = [f"<h2>{escape(self._say(QT_TRANSLATE_NOOP('wording', 'Changed predictions')))}</h2>"]
        for which in ("pruning", "holdout"):
            if found := told[which]:
                line = QT_TRANSLATE_NOOP("wording", "{which}: {count:,} of {total:,}")
                name, total = _capital(self._set(which)), self._facts["rows"][which]
                title = self._say(line, which=name, count=found["count"], total=total)
                parts.append(f"<h3>{escape(title)}</h3>{self._listed(found)}")
        return "".join(parts)

    def _listed(self, found: Facts) -> str:
        line = QT_TRANSLATE_NOOP("wording", "Rows of {file}, counted from 1.")
        if found["counted"] == "lines":
            line = QT_TRANSLATE_NOOP("wording", "Lines of {file}, counted from 1.")
        if not found["count"]:
            return ""
        first = found["first"]
        titles = [
            self._say(QT_TRANSLATE_NOOP("wording", "Line"))
            if found["counted"] == "lines"
            else self._say(QT_TRANSLATE_NOOP("wording", "Row")),
            self._say(QT_TRANSLATE_NOOP("wording", "True")),
            *(title for _, title in self._sides()),
        ]
        rows = [
            [str(each["row"]), *(escape(_answer(each[key])) for key in ("true", "before", "after"))]
            for each in first
        ]
        pieces = [rows[at : at + _LINES] for at in range(0, len(rows), _LINES)]
        tables = "".join(_table(titles, some, "list") for some in pieces)
        more = found["count"] - len(first)
        rest = [self._say(QT_TRANSLATE_NOOP("wording", "… and {count:,} more."), count=more)] if more else []
        return (
            _paragraphs([self._say(line, file=found["source"])], "small")
            + tables
            + _paragraphs(rest, "small")
        )


# -- pieces


def _gap(told: Facts) -> Gap:
    noise = told["standard_error"]
    return Gap(
        told["metric"],
        told["pruning_before"],
        told["pruning_after"],
        told["holdout_before"],
        told["holdout_after"],
        math.inf if noise is None else noise,
    )


def _size(old: float, new: float) -> str:
    return f"{(new - old) / abs(old):+.1%}" if old else f"{new - old:+.3g}"


def _rate(value: float, span: Sequence[float], rows: int) -> Cell:
    counts = f"{round(value * rows):,} of {rows:,}; {span[0]:.1%} to {span[1]:.1%}"
    return _two_lines(f"{value:.2%}", counts)


def _two_lines(first: str, second: str) -> Cell:
    return f'{escape(first)}<br><span class="small">{escape(second)}</span>'


def _matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in classes)
    rows = []
    for index, (name, row) in enumerate(zip(classes, counts, strict=True)):
        cells = "".join(_count(count, max(sum(row), 1), index == column) for column, count in enumerate(row))
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return f'<table class="counts"><tr><th></th>{head}</tr>{"".join(rows)}</table>'


def _count(count: int, total: int, right: bool) -> str:
    """A count on a ground that is darker the larger its share of the true class; mistakes in bold."""
    share = count / total
    strong = (11, 98, 184) if right else (208, 90, 0)
    shade = "".join(f"{round(255 + (c - 255) * min(0.12 + share * 0.4, 0.5)):02x}" for c in strong)
    ground = f' bgcolor="#{shade}"' if count else ""
    words = f"<b>{count:,}</b>" if count and not right else f"{count:,}" if count else "·"
    return f'<td align="right"{ground}>{words}</td>'


def _answer(value: str | Sequence[float] | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else ", ".join(map(number, value))


def _table(
    head: Sequence[str], rows: Iterable[Sequence[Cell]], kind: str = "", numbers: Sequence[int] = ()
) -> str:
    """A table of titles and cells; the columns `numbers` stand to the right."""

    def row(cells: Sequence[Cell], tag: str) -> str:
        sides = [f' align="{"right" if column in numbers else "left"}"' for column in range(len(cells))]
        inner = (f"<{tag}{side}>{cell}</{tag}>" for side, cell in zip(sides, cells, strict=True))
        return f"<tr>{''.join(inner)}</tr>"

    name = f' class="{kind}"' if kind else ""
    name += ' width="100%"' if kind == "wide" else ""
    body = "".join(row(cells, "td") for cells in rows)
    table = f"<table{name}><thead>{row(list(map(escape, head)), 'th')}</thead><tbody>{body}</tbody></table>"
    return table if kind == "list" else f'<div class="scroll">{table}</div>'


def _paragraphs(lines: Iterable[str], kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return "".join(f"<p{name}>{escape(line)}</p>" for line in lines)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
