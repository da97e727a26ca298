"""Rain of which all is known, told as stations tell it, and the most that a telling proves."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

HOUR = 3600


@dataclass
class Rain:
    """Rain by minute from `start` on, in tenths of a millimetre; it falls evenly in a minute."""

    start: int
    minutes: list[int]

    def fell(self, begins: int, ends: int) -> float:
        """Tenths of a millimetre from one instant to another."""
        total = 0.0
        for minute in range((begins - self.start) // 60, (ends - 1 - self.start) // 60 + 1):
            if 0 <= minute < len(self.minutes):
                opens = self.start + minute * 60
                seconds = min(ends, opens + 60) - max(begins, opens)
                total += self.minutes[minute] * seconds / 60
        return total

    @staticmethod
    def random(chance: random.Random, start: int, hours: int) -> Rain:
        """Dry, but for a few bursts."""
        minutes = [0] * (hours * 60)
        for _ in range(chance.randint(1, 6)):
            begins = chance.randrange(len(minutes))
            for minute in range(begins, min(begins + chance.randint(1, 90), len(minutes))):
                minutes[minute] += chance.randint(0, 30)
        return Rain(start, minutes)


@dataclass
class Telling:
    """How a station tells: sums over `period` every `step` seconds, `off` the clock by so much."""

    period: int
    step: int
    off: int = 0
    jitter: int = 0
    lost: float = 0.0
    rows: list[tuple[int, int, float]] = field(default_factory=list)

    def tell(self, rain: Rain, hours: int, chance: random.Random) -> Telling:
        """Rows (valid_at, period_s, amount) of all that lies within the rain's hours."""
        ends = rain.start + hours * HOUR
        at = rain.start + self.off % self.step
        while at <= ends:
            told_at = at + chance.randint(-self.jitter, self.jitter)
            is_whole = told_at - self.period >= rain.start and told_at <= ends
            if is_whole and chance.random() >= self.lost:
                amount = rain.fell(told_at - self.period, told_at)
                self.rows.append((told_at, self.period, amount))
            at += self.step
        return self

    @property
    def is_rolling(self) -> bool:
        return self.step < self.period

    @staticmethod
    def random(chance: random.Random) -> Telling:
        period = chance.choice([60, 300, 600, 900, 1800, 3600])
        steps = [period, *(s for s in (60, 300, 600, 900, 1800) if s < period)]
        step = chance.choice([step for step in steps if period % step == 0])
        return Telling(
            period=period,
            step=step,
            off=chance.choice([0, 0, 0, 2, 300, 1800, chance.randrange(3600)]),
            jitter=chance.choice([0, 0, 0, period // 60]),
            lost=chance.choice([0.0, 0.0, 0.05, 0.3]),
        )


def best(rows: list[tuple[int, int, float]], overlap: float = 0.0) -> float:
    """The most that periods have brought of which none overlaps the next one by more than this
    share of the shorter one."""
    rows = sorted(rows)
    through = [0.0] * len(rows)
    for i, (ends, period, amount) in enumerate(rows):
        before = [
            through[j]
            for j, (other, shorter, _) in enumerate(rows[:i])
            if other <= ends - period + min(period, shorter) * overlap
        ]
        through[i] = amount + max(before, default=0.0)
    return max(through, default=0.0)
