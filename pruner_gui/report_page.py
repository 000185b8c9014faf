"""A report as a page to print: one HTML file with everything in it, made of the values of `report`.

Simple tables and few styles, since Qt's rich text, which makes the PDF, knows no others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import PurePath
from typing import Any

from pruner_gui import report_charts as charts
from pruner_gui import wording
from pruner_gui.comparison import Gap
from pruner_gui.report_charts import Line, Points, number

Facts = Mapping[str, Any]
Draw = Callable[[str], str]

PRUNING, HOLDOUT, LIMIT, INK = "#0b62b8", "#d05a00", "#b3227e", "#1c1f26"
_BETTER, _WORSE = "#17795c", "#b04a00"
_MOST_CLASSES = 20  # more do not fit on a page
_SETS = (("pruning", "Pruning rows"), ("holdout", "Held-out rows"))

_STYLE = """
@page { size: A4; margin: 16mm 14mm; }
body { font-family: Helvetica, Arial, sans-serif; font-size: 10pt; color: #1c1f26; background: #ffffff;
       max-width: 180mm; margin: 8mm auto; }
h1 { font-size: 18pt; margin-bottom: 4px; }
h2 { font-size: 13pt; margin-top: 22px; margin-bottom: 6px; page-break-after: avoid; }
h3 { font-size: 10.5pt; margin-top: 12px; margin-bottom: 4px; page-break-after: avoid; }
p { margin-top: 3px; margin-bottom: 7px; }
.page { page-break-before: always; }
.muted { color: #646a75; }
table { border-collapse: collapse; page-break-inside: auto; }
thead { display: table-header-group; }
tr { page-break-inside: avoid; }
th { text-align: left; font-weight: 600; border-bottom: 1px solid #646a75; padding: 2px 8px; }
td { border-bottom: 1px solid #e3e5e9; padding: 2px 8px; vertical-align: top; }
.figures td, .figures th { font-variant-numeric: tabular-nums; }
.plain td { border: none; padding: 0 22px 0 0; }
.counts td, .counts th { font-size: 8pt; padding: 2px 4px; border: 1px solid #e3e5e9; white-space: nowrap; }
svg, img { max-width: 100%; height: auto; page-break-inside: avoid; }
"""


def page(facts: Facts, draw: Draw = str, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """Return the page for what `report.report` or `report.compared` says.

    `draw` turns an SVG text into what stands for it in the page, by default itself. `pictures` are further
    ones with their titles, as HTML.
    """
    sections = [
        _head(facts),
        _figures(facts),
        _notes(facts),
        *(f'<h2 class="page">{escape(title)}</h2>{picture}' for title, picture in pictures),
        _run(facts, draw, "" if pictures else ' class="page"'),
        _confusions(facts),
        _scatter(facts, draw),
        _changes(facts),
    ]
    title = escape(f"Pruning report: {PurePath(facts['model']).name}")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>{"".join(sections)}</body></html>\n'


def _head(facts: Facts) -> str:
    before, after = facts["before"], facts["after"]
    lines = [_sentence_of_size(before, after)]
    if facts.get("criteria"):
        lines.append("; ".join(_criterion(each) for each in facts["criteria"]) + ".")
    if facts.get("export"):
        export = facts["export"]
        lines.append(
            f"Written to {export['path']} ({export['bytes']:,} bytes); {export['compared_by']} gives the "
            f"same outputs (largest difference {export['max_difference']:.2g})."
        )
    name = PurePath(facts["model"]).name or "network"
    return f"<h1>Pruning report: {escape(name)}</h1>" + "".join(f"<p>{escape(line)}</p>" for line in lines)


def _sentence_of_size(before: Facts, after: Facts) -> str:
    return (
        f"{before['hidden_neurons']:,} hidden neurons became {after['hidden_neurons']:,}, "
        f"{before['parameters']:,} parameters {after['parameters']:,}."
    )


def _criterion(each: Facts) -> str:
    unit = " %" if each["relative"] else ""
    limit = number(each["limit"])
    return f"{_capital(wording.metric(each['metric']))} within {each['value']:g}{unit} (limit {limit})"


# -- the table of figures


def _figures(facts: Facts) -> str:
    before, after = facts["before"], facts["after"]
    rows = [["Layers", _sizes(before), _sizes(after), ""]]
    for key, label in (
        ("hidden_neurons", "Hidden neurons"),
        ("connections", "Connections other than zero"),
        ("parameters", "Parameters"),
        ("macs", "Multiply-adds a row"),
        ("bytes", f"File size, bytes ({facts['format']})"),
        ("weight_bytes", "Weights in memory, bytes"),
        ("activation_bytes", "Activations a row, bytes"),
    ):
        old, new = before[key], after[key]
        if old is not None and new is not None:
            rows.append([label, f"{old:,}", f"{new:,}", _change(old, new, ("smaller", "larger"))])
    rows += _errors(facts)
    if facts.get("latency"):
        rows += [_times(facts["latency"][which]) for which in ("one", "batch")]
    body = "".join(_row(row) for row in rows)
    titles = _row(["", "Before", "After", "Change"], "th")
    table = f"<thead>{titles}</thead><tbody>{body}</tbody>"
    return f'<h2>Before and after</h2><table class="figures">{table}</table>'


def _errors(facts: Facts) -> list[list[str]]:
    rows = []
    names = [("error", wording.metric(facts["metric"]) if facts["metric"] else "")]
    if facts["metric"] != "error-rate":
        names.append(("error_rate", "error rate"))
    for key, label in names:
        for prefix, which in (("", "pruning rows"), ("holdout_", "held-out rows")):
            sides = [facts[when].get(prefix + key) for when in ("before", "after")]
            if None in sides:
                continue
            rate = key == "error_rate" or facts["metric"] == "error-rate"
            spans = [facts[w].get(f"{prefix}error_rate_interval") for w in ("before", "after")]
            count = facts["rows"]["holdout" if prefix else "pruning"]
            shown = [
                _rate(value, count, span) if rate else f"{value:.6g}"
                for value, span in zip(sides, spans, strict=True)
            ]
            rows.append(
                [f"{_capital(label)}, {which}", *shown, _change(sides[0], sides[1], ("better", "worse"))]
            )
    return rows


def _rate(value: float, rows: int, span: Sequence[float]) -> str:
    return f"{value:.2%} ({round(value * rows):,}/{rows:,}; {span[0]:.1%} to {span[1]:.1%})"


def _times(pair: Facts) -> list[str]:
    rows = pair["rows"]
    sides = (pair["before"], pair["after"])
    shown = [f"{1e6 * each['median']:.4g} µs (p95 {1e6 * each['p95']:.4g})" for each in sides]
    change = "= within noise"
    if not pair["within_noise"]:
        change = _change(sides[0]["median"], sides[1]["median"], ("faster", "slower"))
    return [f"Time for {rows:,} {'row' if rows == 1 else 'rows'}", *shown, change]


def _change(old: float, new: float, words: tuple[str, str]) -> str:
    """The change with a sign and a word: less is better in every line."""
    if old == new:
        return "= same"
    size = f"{(new - old) / abs(old):+.1%}" if old else f"{new - old:+.3g}"
    return f"▼ {size} {words[0]}" if new < old else f"▲ {size} {words[1]}"


def _sizes(side: Facts) -> str:
    return "-".join(map(str, side["layers"]))


# -- sentences


def _notes(facts: Facts) -> str:
    lines = []
    if facts.get("gap"):
        lines.append(wording.gap(_gap(facts["gap"])))
    rows = facts["rows"]
    if rows["holdout"]:
        lines.append(
            f"Errors on {rows['pruning']:,} pruning rows, which decided, and on {rows['holdout']:,} held-out "
            "rows, which did not. Error rates with Wilson's 95 % interval."
        )
    elif rows["pruning"]:
        lines.append(
            f"Errors on {rows['pruning']:,} pruning rows. No rows were held out: how the network does on "
            "other rows is not known."
        )
    lines.append(
        "Multiply-adds: one a stored weight. Activations: the values that are alive at once while a row goes "
        "through, activation functions in place."
    )
    if facts.get("latency"):
        lines.append(
            f"Times: median and 95th percentile of single calls in {facts['latency']['runtime']} on this "
            "machine, one thread, both networks in turns; within noise where the middle halves overlap."
        )
    elif facts.get("latency_reason"):
        lines.append(f"Times: {facts['latency_reason']}")
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


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


# -- the run


def _run(facts: Facts, draw: Draw, style: str) -> str:
    if not facts.get("trajectory"):
        return ""
    return "".join(
        (f"<h2{style}>The run</h2>", *_plots(facts, draw), _steps(facts), _guard(facts), _effort(facts))
    )


def _plots(facts: Facts, draw: Draw) -> list[str]:
    points = facts["trajectory"]
    if len(points) < 2:
        return ["<p>Nothing was removed.</p>"]
    errors = [Line("pruning rows", [p["error"] for p in points], PRUNING)]
    if points[0]["holdout_error"] is not None:
        errors.append(Line("held-out rows", [p["holdout_error"] for p in points], HOLDOUT, "7 4"))
    limit = facts["criteria"][0]["limit"]
    errors.append(Line("limit", [limit] * len(points), LIMIT, "2 3"))
    left = [Line("hidden neurons left", [p["neurons"] for p in points], INK)]
    guard = facts["guard"]
    kept = guard["kept"] if guard is not None and guard["kept"] < guard["accepted"] else None
    name = wording.metric(facts["criteria"][0]["metric"])
    drawn = ((errors, name), (left, "neurons"))
    plots = (charts.line_plot(lines, "edits accepted", up, kept) for lines, up in drawn)
    return [f"<p>{draw(plot)}</p>" for plot in plots]


def _steps(facts: Facts) -> str:
    steps = facts["steps"]
    if not steps:
        return ""
    head = ["", "Step", "Tolerance", "Neurons", "Connections zeroed", "Error", "Held-out error"]
    rows = [
        [
            str(place),
            step["strategy"],
            step["tolerance"],
            f"{step['neurons_before']:,} → {step['neurons']:,}",
            f"{step['zeroed']:,}",
            number(step["error"]),
            "–" if step["holdout_error"] is None else number(step["holdout_error"]),
        ]
        for place, step in enumerate(steps, 1)
    ]
    return f"<h3>Steps</h3>{_table(head, rows)}"


def _guard(facts: Facts) -> str:
    guard = facts["guard"]
    if guard is None:
        return ""
    after = "" if guard["error"] is None else f" to {number(guard['error'])}"
    return (
        f"<p>Guard rows ({facts['rows'].get('guard', 0):,}) chose how far to go: {guard['kept']:,} of "
        f"{guard['accepted']:,} accepted edits are kept. The error on them went from "
        f"{number(guard['error_before'])}{after}.</p>"
    )


def _effort(facts: Facts) -> str:
    took = ", cancelled" if facts["seconds"] is None else f", {facts['seconds']:.3g} s"
    made = f"Compensation: {facts['compensation']}. " if facts.get("compensation") else ""
    return f'<p class="muted">{made}{facts["evaluations"]:,} trials, {facts["passes"]:,} passes{took}.</p>'


# -- answers


def _confusions(facts: Facts) -> str:
    told = facts.get("confusion")
    if not told:
        return ""
    parts = [
        "<h2>Confusion matrices</h2>",
        '<p class="muted">A row a true class, a column a predicted one.</p>',
    ]
    if len(told["classes"]) > _MOST_CLASSES:
        return parts[0] + f"<p>{len(told['classes'])} classes are too many for a page.</p>"
    for key, title in _SETS:
        if told[key]:
            cells = "".join(
                f"<td><p>{when}</p>{_matrix(told['classes'], told[key][when.lower()])}</td>"
                for when in ("Before", "After")
            )
            side = len(told["classes"]) <= 10
            inner = cells if side else cells.replace("</td><td><p>After", "</td></tr><tr><td><p>After")
            parts.append(f'<h3>{title}</h3><table class="plain"><tr>{inner}</tr></table>')
    return "".join(parts)


def _matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in classes)
    rows = []
    for index, (name, row) in enumerate(zip(classes, counts, strict=True)):
        cells = "".join(_cell(count, max(sum(row), 1), index == column) for column, count in enumerate(row))
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return f'<table class="counts"><tr><th></th>{head}</tr>{"".join(rows)}</table>'


def _cell(count: int, total: int, right: bool) -> str:
    """A count on a ground that is darker the larger its share of the true class; mistakes in bold."""
    share = count / total
    strong = (11, 98, 184) if right else (208, 90, 0)
    shade = "".join(f"{round(255 + (c - 255) * min(0.12 + share * 0.5, 0.6)):02x}" for c in strong)
    ground = f' bgcolor="#{shade}"' if count else ""
    words = f"<b>{count:,}</b>" if count and not right else f"{count:,}" if count else "·"
    return f'<td align="right"{ground}>{words}</td>'


def _scatter(facts: Facts, draw: Draw) -> str:
    told = facts.get("predicted")
    if not told:
        return ""
    parts = [f"<h2>Predicted against true: {escape(told['output'])}</h2>"]
    cells = []
    for key, title in _SETS:
        points = told[key]
        if points:
            clouds = [
                Points("before", points["before"], PRUNING, "circle"),
                Points("after", points["after"], HOLDOUT, "square"),
            ]
            plot = charts.scatter_plot(points["true"], clouds, "true", "predicted")
            cells.append(f"<td><h3>{title}</h3>{draw(plot)}</td>")
    return "".join((*parts, f'<table class="plain"><tr>{"".join(cells)}</tr></table>'))


def _changes(facts: Facts) -> str:
    told = facts.get("changed_predictions")
    if not told:
        return ""
    parts = ["<h2>Changed predictions</h2>"]
    for key, title in _SETS:
        found = told[key]
        if found:
            total = facts["rows"][key]
            parts.append(f"<h3>{title}: {found['count']:,} of {total:,}</h3>")
            parts.append(_listed(found))
    return "".join(parts)


def _listed(found: Facts) -> str:
    if not found["count"]:
        return "<p>None.</p>"
    first = found["first"]
    rows = [
        [str(each["row"]), *(_answer(each[key]) for key in ("true", "before", "after"))] for each in first
    ]
    more = found["count"] - len(first)
    rest = f'<p class="muted">… and {more:,} more.</p>' if more else ""
    place = f"{'Line' if found['counted'] == 'lines' else 'Row'} of {found['source']}"
    return _table([place, "True", "Before", "After"], rows) + rest


def _answer(value: str | Sequence[float] | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else ", ".join(map(number, value))


# -- pieces


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    body = "".join(_row(row) for row in rows)
    return f"<table><thead>{_row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _row(cells: Sequence[str], tag: str = "td") -> str:
    return f"<tr>{''.join(f'<{tag}>{_coloured(cell)}</{tag}>' for cell in cells)}</tr>"


def _coloured(cell: str) -> str:
    colour, words = {"▼": _BETTER, "▲": _WORSE}.get(cell[:1]), escape(cell)
    return f'<span style="color: {colour}">{words}</span>' if colour else words


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
