"""Numbers, plurals and the lower layers' sentences as the user reads them, in language and locale."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLocale

from pruner_gui import wording
from pruner_gui.comparison import Gap
from pruner_gui.errors import PrunerError

MINUS = "−"
NOTHING = "–"


def plural(count: int, one: str, many: str) -> str:
    """Return `one` or `many` with the count in place of {n}.

    Both are translated strings. Unlike `%n` this reads well without an installed English translation.
    """
    return (one if count == 1 else many).format(n=integer(count))


def integer(value: int) -> str:
    """Return a whole number with the locale's group separators."""
    return QLocale().toString(value).replace("-", MINUS)


def number(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits."""
    value = float(value)  # Qt does not take an int for it
    if math.isnan(value):
        return _tr("no number")
    if math.isinf(value):
        return ("" if value > 0 else MINUS) + _tr("infinite")
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -5 <= exponent < 7:
        return QLocale().toString(value, "e", digits - 1).replace("-", MINUS)
    decimals = max(0, digits - 1 - exponent)
    return QLocale().toString(value, "f", decimals).replace("-", MINUS)


def beside(value: float, largest: float) -> str:
    """Return a number of a table, with its sign and the decimals that suit the largest one there."""
    decimals = 2 - math.floor(math.log10(largest)) if largest > 0 else 0
    if not 0 <= decimals <= 6:
        return signed(number(value, 2), value)
    rounded = round(float(value), decimals)
    words = QLocale().toString(rounded, "f", decimals) if rounded else "0"
    return signed(words.replace("-", MINUS), rounded)


def percent(share: float, digits: int = 2) -> str:
    """Return a share (0.05) as percent, to so many significant digits, at least to whole percents."""
    value = 100.0 * share
    exponent = math.floor(math.log10(abs(value))) if value else 0
    decimals = min(3, max(0, digits - 1 - exponent)) if value else 0
    return QLocale().toString(value, "f", decimals).replace("-", MINUS) + " %"


def signed(text: str, value: float) -> str:
    """Put a plus sign in front of the text of a positive value."""
    return f"+{text}" if value > 0 else text


def capitalised(words: str) -> str:
    """Return the words as the beginning of a line."""
    return words[:1].upper() + words[1:]


def size(count: int) -> str:
    """Return a file size."""
    return QLocale().formattedDataSize(count, 1, QLocale.DataSizeFormat.DataSizeTraditionalFormat)


def duration(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"


def tr_wording(text: str) -> str:
    """Translate a sentence of `pruner_gui.wording`."""
    return QCoreApplication.translate("wording", text)


def metric(name: str) -> str:
    """Return a metric's name."""
    return wording.metric(name, tr_wording)


def reason(code: str) -> str:
    """Return why the default metrics were chosen."""
    return wording.reason(code, tr_wording)


def gap(measured: Gap) -> str:
    """Return what pruning did to the gap between pruning rows and held-out rows."""
    return wording.gap(measured, number, tr_wording)


def tsv(lines: Sequence[Sequence[str]]) -> str:
    """Return a table as tab-separated text, for a spreadsheet."""
    return "\n".join("\t".join(line) for line in lines) + "\n"


def problem(error: Exception) -> wording.Problem:
    """Return the sentences for anything that went wrong."""
    if isinstance(error, PrunerError):
        return wording.problem(error, tr_wording)
    if isinstance(error, OSError):
        return _os_problem(error)
    if isinstance(error, MemoryError):
        what = _tr("There is not enough memory for this.")
        return wording.Problem(what, _tr("Close other programs, or load fewer rows."))
    what = _tr("Something went wrong inside the program: {error}").format(error=type(error).__name__)
    return wording.Problem(what, _tr("Nothing was lost. Please report it with the details below."))


def _os_problem(error: OSError) -> wording.Problem:
    why = error.strerror or str(error)
    if error.filename:
        what = _tr("The file “{file}” cannot be used: {why}.").format(file=error.filename, why=why)
    else:
        what = _tr("The file cannot be used: {why}.").format(why=why)
    return wording.Problem(what, _tr("Check that it exists and may be used, or choose another place."))


def _tr(text: str) -> str:
    return QCoreApplication.translate("text", text)
