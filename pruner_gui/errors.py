"""What can go wrong and be told to the user, as values.

A lower layer raises one of these with the facts in its fields; the sentences are in `pruner_gui.wording`,
so that the window can show them in the user's language. Each layer defines its own subclasses.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class PrunerError(Exception):
    """Base of every refusal that the user can understand and act on.

    Subclasses are dataclasses; their fields are the facts that the sentence names.
    """

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({facts})"
