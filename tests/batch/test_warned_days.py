"""Which days were warned of, held against a count quarter of an hour by quarter of an hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.batch.occurrences import Occurrence
from atalaia.batch.verify import verify
from atalaia.domain.alert import Alert
from telling import news

QUARTER = 900

# Clocks that are changed at midnight, so that it comes twice or never; by half an hour; by none.
CHANGES = {
    "America/Sao_Paulo": (date(2018, 2, 14), date(2018, 10, 31)),
    "America/Havana": (date(2018, 3, 8), date(2018, 10, 31)),
    "Australia/Lord_Howe": (date(2018, 3, 29), date(2018, 10, 4)),
    "America/Manaus": (date(2018, 2, 14),),
}
DAYS = 8

FIRST, LAST = 2, 5
"""Of these days, those that are scored."""


@st.composite
def lives(draw: st.DrawFn, first: date, zone: ZoneInfo) -> list[Alert]:
    """An incident, whose entries often lie on a midnight of the place."""
    midnights = [_midnight(first + timedelta(days=i), zone) for i in range(DAYS)]
    anywhere = st.integers(midnights[0] // QUARTER, midnights[-1] // QUARTER).map(
        lambda i: i * QUARTER
    )
    number = draw(st.integers(1, 4))
    at = sorted(draw(st.sampled_from(midnights) | anywhere) for _ in range(number))
    place = draw(st.sampled_from(["rio", "recife"]))
    name = f"{place}-{draw(st.uuids())}"
    hazard = draw(st.sampled_from(["flood", "wind", "cannot_see"]))
    expires_s = draw(st.integers(0, 60)) * QUARTER
    found = []
    for version, when in enumerate(at, 1):
        is_last = version == number and version > 1
        kind = "alert" if version == 1 else "update"
        if is_last:
            kind = draw(st.sampled_from(["update", "end", "cancel"]))
        is_forecast = draw(st.booleans())
        found.append(
            news(
                name,
                version,
                kind,
                at=when,
                place=place,
                hazard=hazard,
                level=draw(st.sampled_from(["watch", "yellow", "orange", "red"])),
                expires_s=expires_s,
                evidence="forecast" if is_forecast else "observed",
                onset_at=when + draw(st.integers(-8, 120)) * QUARTER,
                rule=draw(st.sampled_from(["a", "b", "official"])) if version == 1 else "a",
            ).alert
        )
    if any(one.rule == "official" for one in found):
        return [one for one in found if one.rule == "official"]
    return found


@st.composite
def logs(draw: st.DrawFn) -> tuple[ZoneInfo, date, list[Alert]]:
    name = draw(st.sampled_from(sorted(CHANGES)))
    zone, first = ZoneInfo(name), draw(st.sampled_from(CHANGES[name]))
    told = [one for life in draw(st.lists(lives(first, zone), max_size=6)) for one in life]
    return zone, first, draw(st.permutations(told))


@settings(max_examples=150, deadline=None)
@given(log=logs(), has_places=st.booleans())
def test_the_days_that_were_warned_of_are_those_that_a_plain_count_finds(
    log: tuple[ZoneInfo, date, list[Alert]], has_places: bool
) -> None:
    zone, first, told = log
    days = [first + timedelta(days=i) for i in range(FIRST, LAST + 1)]
    happened = [
        Occurrence(_midnight(day, zone) + 15 * 3600, place_id=place if has_places else None)
        for day, place in ((days[1], "rio"), (days[2], "recife"))
    ]
    verified = verify(told, happened, zone, first_day=days[0], last_day=days[-1])
    plain = _warned(told, zone) & {(place, day) for place in ("rio", "recife") for day in days}
    cases = plain if has_places else {day for _, day in plain}
    score = verified.score
    assert score.hits + score.false_alarms == len(cases)
    assert verified.outside == len({day for _, day in plain} & {days[0], days[-1]})
    for place, one in verified.groups["place"].items():
        mine = {day for name, day in plain if name == place}
        assert one.hits + one.false_alarms == len(mine)
    months = Counter(f"{(case[1] if isinstance(case, tuple) else case).month:02}" for case in cases)
    told_of = {name: one.hits + one.false_alarms for name, one in verified.groups["month"].items()}
    assert {name: n for name, n in told_of.items() if n} == months
    for hazard, one in verified.groups["hazard"].items():
        some = _warned([entry for entry in told if entry.hazard == hazard], zone) & plain
        assert one.hits + one.false_alarms == len(some if has_places else {d for _, d in some})


@settings(max_examples=50, deadline=None)
@given(log=logs())
def test_without_a_first_and_a_last_day_each_day_that_was_warned_of_is_scored(
    log: tuple[ZoneInfo, date, list[Alert]],
) -> None:
    zone, first, told = log
    day = first + timedelta(days=3)
    verified = verify(told, [Occurrence(_midnight(day, zone) + 15 * 3600)], zone)
    plain = {day for _, day in _warned(told, zone)}
    assert verified.score.hits + verified.score.false_alarms == len(plain)
    assert verified.outside == len(plain - {day})
    assert (verified.first_day, verified.last_day) == (
        min(plain | {day}).isoformat(),
        max(plain | {day}).isoformat(),
    )


@pytest.mark.parametrize(
    ("begins", "ends", "days"),
    [
        ("2018-03-01T22:00", "2018-03-02T00:00", 1),  # over at midnight: not of the new day
        ("2018-03-02T00:00", "2018-03-02T01:00", 1),  # told at midnight: of the new day
        ("2018-03-01T22:00", "2018-03-02T00:15", 2),
        ("2018-03-02T00:00", "2018-03-02T00:00", 1),  # over as it was told
    ],
)
def test_a_day_begins_at_its_midnight_and_an_incident_ends_before_its_last_instant(
    begins: str, ends: str, days: int
) -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    told = [
        news("i", version, kind, at=_at(when, zone)).alert
        for version, (kind, when) in enumerate((("alert", begins), ("end", ends)), 1)
    ]
    verified = verify(told, [Occurrence(_at("2018-03-02T12:00", zone))], zone)
    assert verified.score.hits + verified.score.false_alarms == days == len(_warned(told, zone))


def _warned(told: Sequence[Alert], zone: ZoneInfo) -> set[tuple[str, date]]:
    """Places and days; each quarter of an hour of each incident is looked at."""
    found = set()
    for name in {one.incident for one in told}:
        life = sorted((e for e in told if e.incident == name), key=lambda e: e.version)
        for i, one in enumerate(life):
            if one.hazard == "cannot_see" or one.rule == "official":
                continue
            if one.type in ("end", "cancel"):
                continue
            until = life[i + 1].sent_at if i + 1 < len(life) else one.expires_at
            begins = one.sent_at
            if one.evidence == "forecast":
                begins = max(begins, one.onset_at or 0)
            assert until is not None
            # What is over as it is told was told; a forecast whose hours never came was not.
            instants = range(begins, until, QUARTER) or (
                [begins] if begins == until == one.sent_at else []
            )
            found |= {
                (one.place_id, datetime.fromtimestamp(at, UTC).astimezone(zone).date())
                for at in instants
            }
    return found


def _midnight(day: date, zone: ZoneInfo) -> int:
    """The first instant of a day, by looking at each quarter of an hour before its noon."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=zone).timestamp())
    at = noon
    while datetime.fromtimestamp(at - QUARTER, UTC).astimezone(zone).date() == day:
        at -= QUARTER
    return at


def _at(text: str, zone: ZoneInfo) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())
