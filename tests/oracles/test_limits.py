"""The search of limits against trying each pair by itself, day by day, over random records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from atalaia.batch.calibrate import CURVE, MONTH_DAYS, Calibration, Wanted, calibrate
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.raised import NEVER, Candidate, FirstRaised, Space, Wide
from atalaia.batch.sums import Sums
from atalaia.batch.verify import Calendar, Happened, Occurrences
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME
from atalaia.domain.rule import Near
from atalaia.errors import SettingsInvalid

from . import cases

STEP = 6 * 3600
FIRST, DAYS = date(2020, 1, 1), 3 * 365
START = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
ZONE = ZoneInfo("UTC")
PLACES = Places(
    Place(id=f"g{i}", name=f"g{i}", latitude=float(i), longitude=0, area="basin") for i in range(3)
)
SPACE = Space(
    circles=(Near(0.0, 0.0, 150.0),),
    triggers=(STEP,),
    givens=(8 * STEP,),
    wide=((2 * STEP, 2), (4 * STEP, 2)),
)
WISHES = [
    Wanted(0.6, 0),
    Wanted(0.4, 3 * 3600),
    Wanted(0.5, 0, 3.0),
    Wanted(0.3, 9 * 3600, 4.0),
    Wanted(0.2, 48 * 3600),
]


class Past:
    """A made-up past: rain each six hours, some of it missing, and floods on some wet days; in one
    year of three there may be none."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        shape = DAYS * 4, 3
        rain = np.round(random.gamma(0.5, 12, shape) * (random.random(shape) < 0.06), 1)
        wet = np.flatnonzero(rain.sum(axis=1) > 15)
        wet = wet[wet < random.choice([2 * 365 * 4, DAYS * 4])]
        chosen = random.choice(wet, 30, replace=False)
        self.at = START + STEP * np.arange(1, len(rain) + 1)
        when = self.at[chosen] + random.integers(-STEP, 2 * STEP, len(chosen))
        rain[random.random(shape) < 0.02] = np.nan
        self.sums = Sums(self.at, rain, STEP, (0, 1, 2))
        self.events = Occurrences.of([Occurrence(int(at)) for at in when])
        self.calendar = Calendar.of(FIRST, FIRST + timedelta(days=DAYS - 1), ZONE)
        self.begins = Happened.by_day(
            self.events.started_at, self.events.ended_at, self.calendar, 1
        ).begins.tolist()
        self.years = [day.year for day in self.calendar.dates()]

    def fell(self, step: int, place: int, window_s: int) -> float:
        """What is known to have fallen in the window that ends with a step."""
        first = max(step + 1 - window_s // STEP, 0)
        amounts: list[float] = self.sums.amount[first : step + 1, place].tolist()
        return round(sum(mm for mm in amounts if mm == mm), 3)  # noqa: PLR0124 - NaN

    def first(self, passes: list[bool]) -> list[int]:
        """By day, the first instant that passes."""
        found = [NEVER] * DAYS
        for step, is_passed in enumerate(passes):
            day = (int(self.at[step]) - START) // 86_400
            if is_passed and day < DAYS and found[day] == NEVER:
                found[day] = int(self.at[step])
        return found

    def trigger(self, one: Candidate) -> list[int]:
        """By day, when it first raised."""
        members = [
            i
            for i, place in enumerate(PLACES)
            if not one.circles
            or any(circle.has(place.latitude, place.longitude) for circle in one.circles)
        ]
        return self.first(
            [
                max(self.fell(step, i, one.window_s) for i in members) >= one.limit
                and max(self.fell(step, i, one.given_window_s) for i in range(3)) >= one.given_limit
                for step in range(len(self.at))
            ]
        )

    def wide(self, rules: tuple[Wide, ...]) -> list[int]:
        """By day, when any of them first raised."""
        return self.first(
            [
                any(
                    sum(self.fell(step, i, rule.window_s) >= rule.limit for i in range(3))
                    >= rule.places
                    for rule in rules
                )
                for step in range(len(self.at))
            ]
        )


@pytest.mark.parametrize("seed", range(cases(1)))
def test_each_limit_raises_when_it_is_first_passed(seed: int) -> None:
    past = Past(seed)
    table = FirstRaised(past.sums, PLACES, past.calendar, SPACE)
    random = np.random.default_rng(seed)
    for row in random.choice(len(table.triggers), 20, replace=False).tolist():
        assert table.trigger_first[row].tolist() == past.trigger(table.triggers[row])
    for row in [0, *random.choice(len(table.wides), 20, replace=False).tolist()]:
        assert table.wide_first[row].tolist() == past.wide(table.wides[row])


@pytest.mark.parametrize("seed", range(cases(1)))
def test_what_is_chosen_is_the_best_of_all_pairs(seed: int) -> None:
    past = Past(seed)
    plain = Plain(past, FirstRaised(past.sums, PLACES, past.calendar, SPACE))
    found = 0
    for wanted in WISHES:
        expected = plain.best(wanted)
        calibration = searched(past, wanted)
        assert (calibration.chosen if calibration else None) == expected
        if calibration is None:
            continue
        found += 1
        for fold in calibration.folds:
            assert fold.chosen == (plain.best(wanted, fold.year) or expected)
        for point in calibration.curve:
            asked = Wanted(point.wanted_pod, wanted.lead_s, wanted.days_a_month)
            assert point.chosen == plain.best(asked)
        told = {point.wanted_pod for point in calibration.curve}
        for pod in set(CURVE) - told:
            asked = Wanted(pod, wanted.lead_s, wanted.days_a_month)
            assert plain.best(asked) is None
    assert 0 < found < len(WISHES), "some wishes are fulfilled, and some cannot be"


def searched(past: Past, wanted: Wanted) -> Calibration | None:
    try:
        return calibrate(past.sums, PLACES, past.events, past.calendar, 1, wanted, SPACE)
    except SettingsInvalid:
        return None


class Plain:
    """All pairs of a table, one after the other; days are bits of a number."""

    def __init__(self, past: Past, table: FirstRaised) -> None:
        self.past, self.table = past, table
        self.trigger_days = [bits(first != NEVER for first in row) for row in table.trigger_first]
        self.wide_days = [bits(first != NEVER for first in row) for row in table.wide_first]
        self.events = bits(at != NO_TIME for at in past.begins)
        with_events = {
            year for year, at in zip(past.years, past.begins, strict=True) if at != NO_TIME
        }
        self.scored = bits(year in with_events for year in past.years)

    def best(self, wanted: Wanted, left_out: int | None = None) -> Candidate | None:
        """The pair with the highest strict CSI that keeps what is wanted, by all years but one; of
        equals the first."""
        days = [day for day in range(DAYS) if self.past.years[day] != left_out]
        events = [day for day in days if self.past.begins[day] != NO_TIME]
        most = wanted.days_a_month * len(days) / MONTH_DAYS
        for _, one, other, hits, warned in self.ranked(left_out):
            if hits < wanted.pod * len(events) - 1e-6 or warned > most:
                continue
            first = np.minimum(self.table.trigger_first[one], self.table.wide_first[other])
            ahead = [self.past.begins[day] - first[day] for day in events if first[day] != NEVER]
            if ahead and median(ahead) >= wanted.lead_s:
                return self.table.candidate((one, other))
        return None

    @cache  # noqa: B019 - it lives as long as a test
    def ranked(self, left_out: int | None) -> list[tuple[float, int, int, int, int]]:
        """(score, trigger, wide, hits, warned days) of all pairs, the best first."""
        asked = bits(year != left_out for year in self.past.years)
        events, quiet = self.events & asked, self.scored & asked & ~self.events
        found = []
        for one, its in enumerate(self.trigger_days):
            for other, theirs in enumerate(self.wide_days):
                warned = (its | theirs) & asked
                hits = (warned & events).bit_count()
                score = hits / (events.bit_count() + (warned & quiet).bit_count())
                found.append((-score, one, other, hits, warned.bit_count()))
        return sorted(found)


def bits(days: Iterator[bool]) -> int:
    return sum(1 << day for day, is_so in enumerate(days) if is_so)
