"""Scores: evidence that adds up. Amounts of a place, or of the places of an area, each by its
weight, and the chance that the sum stands for.

A rule of ``measure = "score"`` has one (`domain.rule`). What its amounts are is for the rule to
say, as if each were a rule of its own; here is what is made of them.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from atalaia.domain.reading import Floats

Shape = Literal["identity", "log1p", "hinge"]
Clock = Literal["hour", "month"]

UNITS = {"chance_pct": "%", "score": "1"}
"""What a rule that adds up is judged by, and its unit."""

MOST_OCCURRENCES = 100
"""A chance of more at once is not asked for: it would be computed one by one."""

_FARTHEST = 50.0
"""Scores beyond stand for chances of 0 and 1 as this one does, and exp() overflows later."""


class Term(msgspec.Struct, frozen=True, omit_defaults=True):
    """One amount, and how it counts: ``weight * shape(amount)``.

    amount   position of the amount among the score's; -1: it is the clock's
    of       in an area: the k-th largest of its places; 0: their mean
    places   in an area: of these places alone (ids, or patterns); empty: of all that are counted
    knot     of a hinge: it counts what is above this
    unknown  what the amount is taken for where it is not known; None: it counts as little as it can
             for what raises, and as much as it can for what ends
    clock, first, last    the local clock: 1 from the hour `first` to before `last`, or in the
             months from `first` to `last`, else 0; over midnight, or the turn of the year, where
             `last` is smaller
    """

    weight: float
    amount: int = -1
    shape: Shape = "identity"
    knot: float = 0.0
    unknown: float | None = None
    of: int = 1
    places: tuple[str, ...] = ()
    clock: Clock | None = None
    first: int = 0
    last: int = 0

    def shaped(self, amount: Floats) -> Floats:
        """What counts of an amount. A logarithm is of what is above 0."""
        if self.shape == "log1p":
            out: Floats = np.log1p(np.maximum(amount, 0.0))
            return out
        return np.maximum(amount - self.knot, 0.0) if self.shape == "hinge" else amount

    def is_time(self, month: Floats, hour: Floats) -> Floats:
        """1 where the local clock (month 1 … 12, hour 0 … 23) is in its span, else 0."""
        at, last = (hour, self.last - 1) if self.clock == "hour" else (month, self.last)
        after, before = at >= self.first, at <= last
        is_in = after & before if self.first <= last else after | before
        return is_in.astype(np.float64)


class Amount(msgspec.Struct, frozen=True):
    """What a term weighs, at one place: as a rule of its own would measure it."""

    variable: str
    measure: Literal["value", "sum", "mean", "change"]
    window_s: int


class Because(msgspec.Struct, frozen=True, omit_defaults=True):
    """A term that weighed most in what was decided, as people are told it.

    variable  of the amount; ``hour`` or ``month``: the clock's, which has no amount
    of        in an area: the k-th largest of its places; 0: their mean
    place     the name of the place whose the largest amount is; empty: not of one of several
    runs      so many of `of_runs` runs of an ensemble pass the value; of_runs 0: it is of none
    record    what the home's record says of so many runs, 0 … 1; None: it says nothing yet
    """

    variable: str
    measure: str = "value"
    window_s: int = 0
    value: float = 0.0
    unit: str = ""
    of: int = 1
    place: str = ""
    runs: int = 0
    of_runs: int = 0
    record: float | None = None


class Chance(msgspec.Struct, frozen=True):
    """The chance of so many occurrences: their number has a negative binomial distribution of mean
    exp(score) and variance mean + dispersion * mean**2 (NB2; Cameron & Trivedi 2013, *Regression
    Analysis of Count Data*, 3.3)."""

    occurrences: int
    dispersion: float

    def of(self, score: Floats) -> Floats:
        """0 … 1, of each score.

        >>> Chance(1, 1.0).of(np.array([0.0]))  # mean 1, geometric: half of the days have none
        array([0.5])
        """
        mean = np.exp(np.clip(score, -_FARTHEST, _FARTHEST))
        size = 1 / self.dispersion
        further = mean / (size + mean)
        exactly = (1 + mean * self.dispersion) ** -size
        fewer = exactly.copy()
        for n in range(1, self.occurrences):
            exactly = exactly * (n - 1 + size) / n * further
            fewer += exactly
        chance: Floats = np.clip(1 - fewer, 0.0, 1.0)
        return chance


class AddedUp(msgspec.Struct, frozen=True):
    """``intercept + Σ weight * shape(amount)``, and the chance that it stands for.

    chance   None: limits are of the score itself; else of the chance, in %
    """

    intercept: float
    amounts: tuple[Amount, ...]
    terms: tuple[Term, ...]
    chance: Chance | None = None

    @property
    def variable(self) -> str:
        """What is held against the limits."""
        return "chance_pct" if self.chance else "score"

    def judged(self, score: Floats) -> Floats:
        """Scores in the unit of the limits. Rounded, so that the last digits of a sum, which may
        depend on how many are made at once, decide nothing."""
        value = 100 * self.chance.of(score) if self.chance else score
        out: Floats = np.round(value, 6)
        return out
