"""The colours of everything we draw, light and dark.

The hues are those of Okabe and Ito's set for colour-blind eyes, moved in lightness until they hold on each
ground. Colour is never the only signal: shape, dashes or a sign always say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor, QPalette


@dataclass(frozen=True)
class Colours:
    """One theme; every value is "#rrggbb". Made to be seen on `ground`."""

    dark: bool
    ground: str
    text: str
    muted: str  # second-rank text, axes, outlines
    positive: str  # weights above zero
    negative: str  # weights below zero
    weak: str  # weights below the weak threshold
    neuron: str
    neutral: str  # inputs and outputs
    candidate: str
    disconnected: str
    constant: str
    protected: str
    removed: str
    trying: str
    selection: str
    pruning: str  # error on the pruning rows
    heldout: str  # error on the held-out rows
    limit: str


LIGHT = Colours(
    dark=False,
    ground="#fdfdfb",
    text="#1c1f26",
    muted="#646a75",
    positive="#0b62b8",
    negative="#d05a00",
    weak="#1f9d78",
    neuron="#2c313c",
    neutral="#6b7280",
    candidate="#b3227e",
    disconnected="#646b77",
    constant="#8a6d00",
    protected="#4a3aa7",
    removed="#9aa0aa",
    trying="#e0a100",
    selection="#111318",
    pruning="#0b62b8",
    heldout="#d05a00",
    limit="#b3227e",
)

DARK = Colours(
    dark=True,
    ground="#13151a",
    text="#e9ebef",
    muted="#9aa1ad",
    positive="#56a8f5",
    negative="#f5923e",
    weak="#3fcf9c",
    neuron="#dfe3ea",
    neutral="#9aa3b2",
    candidate="#ff7cc8",
    disconnected="#a3abb8",
    constant="#e3c341",
    protected="#a79bff",
    removed="#6f7682",
    trying="#ffd34d",
    selection="#ffffff",
    pruning="#56a8f5",
    heldout="#f5923e",
    limit="#ff7cc8",
)


def colours_for(palette: QPalette) -> Colours:
    """Return the theme that fits a widget's palette, by the lightness of its windows."""
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green, blue from 0 to 255."""
    parsed = QColor(colour)
    return parsed.red(), parsed.green(), parsed.blue()
