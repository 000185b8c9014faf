"""Small pictures for a printed report, as SVG: lines over steps, and predicted against true values.

Plain elements and attributes only, so that a browser and Qt's own reader both draw them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 30, 40
_WORDS = 14  # of a mark, above the plot
_GREY, _INK, _FONT = "#646a75", "#1c1f26", "Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Line:
    """One line of a plot; `dash` as in SVG tells it from others without colour."""

    name: str
    values: Sequence[float]
    colour: str
    dash: str = ""


@dataclass(frozen=True)
class Points:
    """Values predicted for true ones; `shape` is "circle" or "square"."""

    name: str
    predicted: Sequence[float]
    colour: str
    shape: str


@dataclass(frozen=True)
class _Scale:
    """From values to places: `low` lies at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values, about so many, from low to high."""
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough * 0.999)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [number * step for number in range(first, last + 1)]


def line_plot(lines: Sequence[Line], across: str, up: str, marks: Sequence[tuple[int, str]] = ()) -> str:
    """Return a plot of lines over 0, 1, 2, ...; `marks` are places with their words, a line of its own each.

    Values that are no finite numbers are left out.
    """
    values = [value for line in lines for value in line.values if math.isfinite(value)]
    last = max(len(line.values) for line in lines) - 1
    x = _Scale(0, max(last, 1), _LEFT, WIDTH - _RIGHT)
    height = HEIGHT + _WORDS * len(marks)
    y = _Scale(*_padded(values), height - _BOTTOM, height - HEIGHT + _TOP)
    drawn = [_line(line, x, y) for line in lines]
    for level, (place, words) in enumerate(marks, 1):
        at, top = x.place(place), _TOP + _WORDS * level - 4
        left = place > last / 2
        drawn.append(_segment(at, y.start, at, top - 8, _GREY, "4 3"))
        drawn.append(_text(at - 4 if left else at + 4, top, words, "end" if left else "start"))
    return _svg(WIDTH, height, [*_axes(x, y, across, up), *drawn, *_line_legend(lines)], up)


def scatter_plot(truth: Sequence[float], clouds: Sequence[Points], across: str, up: str) -> str:
    """Return values predicted against true ones, with the line where both are equal."""
    values = [*truth, *(value for cloud in clouds for value in cloud.predicted)]
    low, high = _padded([value for value in values if math.isfinite(value)])
    width = 320
    x, y = _Scale(low, high, _LEFT, width - _RIGHT), _Scale(low, high, 270 - _BOTTOM, _TOP)
    ends = (x.place(low), y.place(low), x.place(high), y.place(high))
    parts = [*_axes(x, y, across, up, 4), _segment(*ends, _GREY, "4 3")]
    for cloud in clouds:
        pairs = zip(truth, cloud.predicted, strict=True)
        parts += [
            _mark(x.place(a), y.place(b), cloud) for a, b in pairs if math.isfinite(a) and math.isfinite(b)
        ]
    for index, cloud in enumerate(clouds):
        at = _LEFT + 110 * index
        parts += [_mark(at, 14, cloud), _text(at + 8, 18, cloud.name)]
    return _svg(width, 270, parts, up)


def number(value: float) -> str:
    """Return a number short enough for an axis or a cell."""
    return f"{value:.4g}"


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.05 * (high - low) or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _axes(x: _Scale, y: _Scale, across: str, up: str, ticks: int = 5) -> list[str]:
    parts = []
    for value in y.ticks(ticks):
        at = y.place(value)
        parts.append(_segment(x.start, at, x.end, at, "#e3e5e9"))
        parts.append(_text(x.start - 6, at + 4, number(value), "end"))
    for value in x.ticks(ticks):
        at = x.place(value)
        parts.append(_segment(at, y.start, at, y.start + 4, _GREY))
        parts.append(_text(at, y.start + 16, number(value), "middle"))
    parts.append(_segment(x.start, y.start, x.end, y.start, _GREY))
    parts.append(_text((x.start + x.end) / 2, y.start + 34, across, "middle"))
    middle = (y.start + y.end) / 2
    turned = f'transform="rotate(-90 12 {middle:.1f})"'
    parts.append(_text(12, middle, up, "middle", turned))
    return parts


def _line(line: Line, x: _Scale, y: _Scale) -> str:
    places = [
        f"{x.place(i):.1f},{y.place(value):.1f}"
        for i, value in enumerate(line.values)
        if math.isfinite(value)
    ]
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    return (
        f'<polyline points="{" ".join(places)}" fill="none" stroke="{line.colour}" stroke-width="2"{dash}/>'
    )


def _line_legend(lines: Sequence[Line]) -> list[str]:
    parts, at = [], float(_LEFT)
    for line in lines:
        parts.append(_segment(at, 14, at + 26, 14, line.colour, line.dash, 2))
        parts.append(_text(at + 31, 18, line.name))
        at += 48 + 6.2 * len(line.name)
    return parts


def _mark(x: float, y: float, cloud: Points) -> str:
    if cloud.shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke="{cloud.colour}"/>'
    return f'<rect x="{x - 2:.1f}" y="{y - 2:.1f}" width="4" height="4" fill="{cloud.colour}"/>'


def _segment(
    x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "", width: float = 1
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}'
    return f'<text {place} font-size="11" font-family="{_FONT}" fill="{_INK}">{escape(words)}</text>'


def _svg(width: int, height: int, parts: Sequence[str], title: str) -> str:
    box = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    name = f"<title>{escape(title)}</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {box}>{name}{"".join(parts)}</svg>'
