from __future__ import annotations

import pytest

from pruner_gui.gui import text


@pytest.mark.parametrize(
    ("value", "largest", "expected"),
    [
        (0.05, 0.26, "+0.050"),
        (-0.05, 0.26, "−0.050"),
        (-1e-7, 0.26, "0"),
        (0.0, 0.0, "0"),
        (1.7, 1.9, "+1.70"),
        (2e-9, 3e-9, "+2.0e−09"),
    ],
)
def test_numbers_of_a_table_have_the_decimals_of_the_largest(
    value: float, largest: float, expected: str
) -> None:
    assert text.beside(value, largest) == expected
