"""The steps of the run that is planned: what they share, and the one that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pruner_gui.pruning import PruneConfig, Tolerance

_SHARED = ("metrics", "baseline", "comparison", "layers", "protected", "keep")


@dataclass(frozen=True)
class Plan:
    """One step or several, the one number `place` shown.

    Steps share the error that is held, what it is compared with, layers and what has to stay of them, and
    the tolerance too unless `own` says that one has its own.
    """

    steps: tuple[PruneConfig, ...] = (PruneConfig(),)
    own: tuple[bool, ...] = (False,)
    place: int = 0

    @classmethod
    def of(cls, steps: Sequence[PruneConfig], own: Sequence[bool] = (), place: int = 0) -> Plan:
        """Return the plan of a recipe, or of a session, which says what a recipe leaves open.

        Where nobody says it a tolerance unlike that of the first step is the step's own.
        """
        first = steps[0].tolerances[0]
        if len(own) != len(steps):
            own = [step.tolerances[0] != first for step in steps]
        return cls(tuple(steps), tuple(own)).chosen(place)

    @property
    def config(self) -> PruneConfig:
        """The options of the step that is shown."""
        return self.steps[self.place]

    def with_config(self, config: PruneConfig) -> Plan:
        """Return the plan with these options for the step shown; what is shared goes to the others."""
        steps = [
            config if place == self.place else self._sharing(place, config)
            for place in range(len(self.steps))
        ]
        return replace(self, steps=tuple(steps))

    def _sharing(self, place: int, config: PruneConfig) -> PruneConfig:
        step = self.steps[place]
        apart = self.own[place] or self.own[self.place]
        first = step.tolerances[0] if apart else config.tolerances[0]
        shared = {name: getattr(config, name) for name in _SHARED}
        return replace(step, tolerances=(first, *config.tolerances[1:]), **shared)

    def with_own(self, own: bool) -> Plan:
        """Let the step shown have a tolerance of its own, or take that of the others again."""
        flags = tuple(own if place == self.place else flag for place, flag in enumerate(self.own))
        common = self._common()
        plan = replace(self, own=flags)
        if own or common is None:
            return plan
        return plan.with_config(replace(self.config, tolerances=(common, *self.config.tolerances[1:])))

    def _common(self) -> Tolerance | None:
        """The tolerance of the other steps that share one."""
        others = (
            step.tolerances[0]
            for place, step in enumerate(self.steps)
            if place != self.place and not self.own[place]
        )
        return next(others, None)

    def chosen(self, place: int) -> Plan:
        """Return the plan with another step shown."""
        return replace(self, place=min(max(place, 0), len(self.steps) - 1))

    def added(self, strategy: str) -> Plan:
        """Return the plan with a step more behind the one shown, and that one shown."""
        new = PruneConfig(
            strategy=strategy,
            tolerances=self.config.tolerances,
            **{name: getattr(self.config, name) for name in _SHARED},
        )
        at = self.place + 1
        steps, own = (*self.steps[:at], new, *self.steps[at:]), (*self.own[:at], False, *self.own[at:])
        plan = Plan(steps, own, at)
        return plan.with_own(False) if self.own[self.place] else plan

    def removed(self) -> Plan:
        """Return the plan without the step shown; the last one stays."""
        if len(self.steps) == 1:
            return self
        steps = self.steps[: self.place] + self.steps[self.place + 1 :]
        own = self.own[: self.place] + self.own[self.place + 1 :]
        return Plan(steps, own if len(steps) > 1 else (False,), min(self.place, len(steps) - 1))

    def moved(self, by: int) -> Plan:
        """Return the plan with the step shown so many places further on, as far as there are any."""
        to = min(max(self.place + by, 0), len(self.steps) - 1)
        steps, own = list(self.steps), list(self.own)
        steps.insert(to, steps.pop(self.place))
        own.insert(to, own.pop(self.place))
        return Plan(tuple(steps), tuple(own), to)

    def for_another_network(self) -> Plan:
        """Return the plan without what belongs to one network: layers, what has to stay, metrics."""
        own: dict[str, Any] = {"layers": None, "metrics": (), "protected": frozenset(), "keep": ()}
        steps = tuple(replace(step, tolerances=step.tolerances[:1], **own) for step in self.steps)
        return replace(self, steps=steps)
