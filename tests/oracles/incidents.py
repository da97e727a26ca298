"""One gauge, one rule, one incident after the other: what a patient person would write down.

Told in the words of docs/incidents.md, value by value, without anything clever. Levels are numbered
from 0 (calm); a level's exit limit is 0.8 of its entry limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

HOUR = 3600
DAY = 24 * HOUR
STATED_S = HOUR
"""The period that each value states: the interval before there is a habit."""

Entry = tuple[int, str, str, int]
"""(sent_at, type, reason, level)."""


def usual(gaps: Sequence[int]) -> int:
    """The upper quartile (the lower of two) of the last eight gaps."""
    last = sorted(gaps[-8:])
    return last[3 * (len(last) - 1) // 4] if last else STATED_S


@dataclass
class Person:
    """Who writes it down.

    above, below   by level: since when its entry limit is passed, and since when its exit is not
    level          that holds now; `told`: what was said of it last, 0 where nothing is open
    expired_at     since when what is open can no longer be seen; 0: it can
    """

    enter: Sequence[float]
    for_s: int
    keep_s: int
    log: list[Entry] = field(default_factory=list)
    above: dict[int, int] = field(default_factory=dict)
    below: dict[int, int] = field(default_factory=dict)
    gaps: list[int] = field(default_factory=list)
    before_at: int = 0
    last: float = 0.0
    held_at: int = 0
    expired_at: int = 0
    level: int = 0
    told: int = 0

    def time_passes(self, now: int) -> None:
        """Somebody else spoke: what nothing has held for a day can no longer be seen."""
        if self.told and not self.expired_at and now >= self.held_at + DAY:
            self.log.append((now, "end", "expired", self.told))
            self.expired_at, self.level = self.held_at + DAY, 0
            self.above, self.below = {}, {}

    def hears(self, now: int, value: float) -> None:
        """The gauge spoke."""
        self._sets_clocks(now, value)
        leave = [limit * 0.8 for limit in self.enter]
        holding = sum(value >= limit for limit in leave)
        fired = max((e for e, since in self.above.items() if now - since >= self.for_s), default=0)
        if self.expired_at and now > self.expired_at + DAY:
            self.expired_at = self.told = 0
        if self.expired_at:
            self._goes_on(now, holding, fired)
            return
        self._moves(now, holding, fired)
        if not self.told and self.level:
            self._writes(now, "alert", "onset")
        elif self.told and not self.level:
            self.log.append((now, "end", "ended", self.told))
            self.told = 0
        elif self.level > self.told:
            self._writes(now, "update", "escalated")
        elif self.level < self.told and holding >= self.level:
            self._writes(now, "update", "eased")

    def rules_change(self, now: int, enter: Sequence[float], for_s: int, keep_s: int) -> None:
        """Its limits are others from now on: the last value decides what still holds, and which
        clocks go on."""
        self.enter, self.for_s, self.keep_s = enter, for_s, keep_s
        entering = sum(self.last >= limit for limit in enter)
        holding = sum(self.last >= limit * 0.8 for limit in enter)
        self.above = {level: since for level, since in self.above.items() if level <= entering}
        self.below = {level: since for level, since in self.below.items() if level > holding}
        self.level = min(self.level, holding)
        if self.told and not self.expired_at and not self.level:
            self.log.append((now, "cancel", "rule changed", self.told))
            self.told, self.above, self.below = 0, {}, {}

    def _sets_clocks(self, now: int, value: float) -> None:
        if self.before_at:
            if now - self.before_at >= 3 * usual(self.gaps):
                self.above, self.below = {}, {}
            self.gaps.append(now - self.before_at)
        self.before_at, self.last = now, value
        for level, limit in enumerate(self.enter, 1):
            for clock, runs in ((self.above, value >= limit), (self.below, value < limit * 0.8)):
                if runs:
                    clock.setdefault(level, now)
                else:
                    clock.pop(level, None)

    def _goes_on(self, now: int, holding: int, fired: int) -> None:
        """Within a day after it expired: what passes the exit limit goes on, and calm closes it."""
        if not holding:
            self.expired_at = self.told = 0
            return
        # It may also have entered a higher level meanwhile.
        self.level = max(fired, min(holding, self.told))
        self.expired_at, self.held_at = 0, now
        self._writes(now, "update", "escalated" if self.level > self.told else "certainty")

    def _moves(self, now: int, holding: int, fired: int) -> None:
        if fired > self.level:
            self.level = fired
        else:
            while self.level and self._is_past(now, self.level):
                self.level -= 1
        if self.level and holding:
            self.held_at = now
        elif self.level and now >= self.held_at + DAY:
            self.level = 0  # calm is seen in the moment at which it would have expired

    def _is_past(self, now: int, level: int) -> bool:
        return level in self.below and now - self.below[level] >= self.keep_s

    def _writes(self, now: int, type_: str, reason: str) -> None:
        self.told = self.level
        self.log.append((now, type_, reason, self.level))


def told(
    values: Sequence[tuple[int, float]],
    enter: Sequence[float],
    for_s: int,
    keep_s: int,
    clock: Sequence[int] = (),
    edits: Mapping[int, tuple[Sequence[float], int, int]] = MappingProxyType({}),
) -> list[Entry]:
    """The entries of one place's life. `clock` has instants at which others spoke, `edits` the
    rule (`enter`, `for_s`, `keep_s`) that judges from an instant on."""
    person, value_of = Person(enter, for_s, keep_s), dict(values)
    for now in sorted({*value_of, *clock}):
        if now in edits:
            person.rules_change(now, *edits[now])
        if now in value_of:
            person.hears(now, value_of[now])
        else:
            person.time_passes(now)
    return person.log
