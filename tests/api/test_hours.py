"""What stood when: the log read backwards says the same as the view did at that instant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.api import log_past
from atalaia.api.alert_view import AlertView
from atalaia.api.hour_answers import HourAnswers, newest_values
from atalaia.api.incidents import Numbered
from atalaia.api.log_past import LogPast, Stood
from atalaia.api.shown import Shown
from atalaia.detect.sight import Sight
from atalaia.domain.alert import LogEntry
from atalaia.domain.reading import NO_TIME, Bools, Kind, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.errors import StateConflict
from atalaia.ports import State
from telling import NOON, PLACES, news

HOUR = 3600
IDS = ("recife", "natal", "poa")
LEVELS = ("watch", "yellow", "orange", "red")


class Log:
    """A state of which nothing but the alert log is asked."""

    def __init__(self, entries: Sequence[Numbered]) -> None:
        self._entries = list(entries)
        self.asked = 0
        self.questions = 0

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[Numbered]:
        some = [one for one in self._entries if one[0] > after][:limit]
        self.asked += len(some)
        self.questions += 1
        return iter(some)

    def life(self, incident: str) -> list[Numbered]:
        return [one for one in self._entries if one[1].alert.incident == incident]


class Broken(Log):
    """It cannot be read at first."""

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[Numbered]:
        if not self.asked:
            self.asked += 1
            raise StateConflict("the database is locked")
        return super().alerts(after, limit)


def past_of(entries: Sequence[Numbered], taken: int | None = None) -> tuple[LogPast, AlertView]:
    view = AlertView()
    view.take(entries[:taken])
    return LogPast(cast(State, Log(entries)), view), view


@st.composite
def logs(draw: st.DrawFn) -> list[Numbered]:
    """Incidents over one or more places, an hour or none between their entries; what expired may go
    on, and an official warning may be over at some of its places."""
    lives: dict[str, tuple[int, bool, tuple[str, ...]]] = {}
    log: list[Numbered] = []
    at = NOON
    for incident in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30)):
        version, is_finished, under = lives.get(incident, (0, False, ()))
        if is_finished:
            continue
        at += HOUR * draw(st.integers(0, 2))
        version += 1
        kind = draw(st.sampled_from(("update", "step", "end", "cancel", "expired", "partly")))
        type_ = {"expired": "end", "partly": "end"}.get(kind, kind)
        type_ = "alert" if version == 1 else type_
        places = under
        if type_ not in ("end", "cancel"):
            places = tuple(draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True)))
        still: tuple[str, ...] = ()
        if kind == "partly" and type_ == "end" and len(under) > 1:
            places, still = under[:1], under[1:]
        entry = news(
            incident, version, type_, at=at, level=draw(st.sampled_from(LEVELS)),
            place=incident, hazard="wind" if incident in "bd" else "heavy_rain",
            reason="expired" if kind == "expired" and version > 1 else "escalated",
        )  # fmt: skip
        entry = msgspec.structs.replace(entry, places=places, still=still)
        is_over = entry.is_over
        is_finished = is_over and entry.alert.reason != "expired"
        lives[incident] = version, is_finished, still or (() if is_over else places)
        if is_over and not is_finished:
            lives[incident] = version, False, places
        log.append((len(log) + 1, entry))
    return log


def levels_at(rows: Sequence[Stood], at: int, place: str) -> dict[str, str]:
    worst: dict[str, str] = {}
    for row in rows:
        if row.place == place and row.since <= at and (row.until is None or at < row.until):
            worst[row.hazard] = max(row.level, worst.get(row.hazard, "watch"), key=LEVELS.index)
    return dict(sorted(worst.items()))


@settings(max_examples=120, deadline=None)
@given(logs(), st.integers(0, 30))
def test_what_stood_at_any_instant_is_what_the_view_had_then(
    log: list[Numbered], taken: int
) -> None:
    past, view = past_of(log, taken)
    past.stood(NOON)  # what comes later is taken up by and by
    view.take(log[taken:])
    rows, known = past.stood(NOON)
    assert known == NOON
    for at in sorted({entry.alert.sent_at for _, entry in log}):
        then = AlertView()
        then.take(one for one in log if one[1].alert.sent_at <= at)
        for place in IDS:
            assert levels_at(rows, at, place) == then.levels(place), (at - NOON, place)


@settings(max_examples=60, deadline=None)
@given(logs(), st.integers(0, 20))
def test_what_began_before_the_days_that_are_asked_for_stood_from_their_first_instant_on(
    log: list[Numbered], hours: int
) -> None:
    since = NOON + hours * HOUR
    whole, _ = past_of(log)[0].stood(NOON)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log_past, "_PAGE", 3)  # so that the log is not read to its beginning
        rows, known = past_of(log)[0].stood(since)
    assert known == since
    for at in range(since, since + 60 * HOUR, HOUR):
        for place in IDS:
            assert levels_at(rows, at, place) == levels_at(whole, at, place)
    assert all(row.since >= since for row in rows)


def test_of_a_log_that_is_too_long_the_newest_counts_and_from_when_on_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_past, "MOST_ENTRIES", 20)
    monkeypatch.setattr(log_past, "_PAGE", 10)
    log = [(i, news(f"i{i}", at=NOON + i * HOUR)) for i in range(1, 101)]
    past, _ = past_of(log)
    rows, known = past.stood(NOON)
    assert known == NOON + 81 * HOUR
    assert len({row.incident for row in rows}) == 100  # what stands is known in any case
    assert min(row.since for row in rows) == known


@pytest.mark.parametrize("leap", [0, 7, 100, 1_000_000])
def test_a_log_whose_numbers_leap_is_read_as_one_whose_numbers_do_not(leap: int) -> None:
    """A restored home's do. What lies beyond the gap is found without walking through it."""
    entries = [news(f"i{n}", at=NOON + n) for n in range(30)]
    for gap_at in (0, 1, 13, 29):
        numbered = [(n + 1 + leap * (n >= gap_at), one) for n, one in enumerate(entries)]
        view = AlertView()
        view.take(numbered)
        log = Log(numbered)
        rows, known = LogPast(cast(State, log), view).stood(NOON - HOUR)
        assert {row.incident for row in rows} == {f"i{n}" for n in range(30)}
        assert known == NOON - HOUR
        assert log.questions < 150


def test_the_log_is_read_once_and_then_what_is_new() -> None:
    log = [(i, news(f"i{i}", at=NOON + i * HOUR)) for i in range(1, 51)]
    view = AlertView()
    view.take(log)
    state = Log(log)
    past = LogPast(cast(State, state), view)
    past.stood(NOON)
    asked = state.asked
    past.stood(NOON)
    assert state.asked == asked


def test_a_log_that_cannot_be_read_at_first_is_read_whole_by_who_asks_next() -> None:
    log = [(i, news(f"i{i}", at=NOON + i * HOUR)) for i in range(1, 51)]
    view = AlertView()
    view.take(log)
    state = Broken(log)
    past = LogPast(cast(State, state), view)
    with pytest.raises(StateConflict):
        past.stood(NOON)
    assert past.stood(NOON) == past_of(log)[0].stood(NOON)


def test_what_came_while_nobody_asked_is_read_no_further_than_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_past, "MOST_ENTRIES", 20)
    monkeypatch.setattr(log_past, "_PAGE", 10)
    log = [(i, news(f"i{i}", at=NOON + i * HOUR)) for i in range(1, 101)]
    view = AlertView()
    view.take(log[:5])
    state = Log(log)
    past = LogPast(cast(State, state), view)
    past.stood(NOON)
    view.take(log[5:])
    state.asked = 0
    rows, known = past.stood(NOON)
    assert state.asked <= 20
    assert known == NOON + 81 * HOUR
    assert len({row.incident for row in rows}) == 100


# The answer


class History:
    """Every place was seen in every hour, but where it says otherwise."""

    def __init__(self, unseen: Sequence[tuple[int, int]] = ()) -> None:
        self._unseen = unseen

    async def seen(self, since: int, hours: int, reach: Any) -> Bools:
        found = np.ones((2, hours), bool)
        for place, hour in self._unseen:
            found[place, hour] = False
        return found


def told(entries: Sequence[LogEntry], history: Any, now: int, sight: Sight | None = None) -> Any:
    view = AlertView()
    log = list(enumerate(entries, 1))
    view.take(log)
    shown = SimpleNamespace(
        state=Log(log), view=view, history=history, now=lambda: now, places=PLACES,
        expected_s={}, sight=lambda: sight or Sight.none(2),
    )  # fmt: skip
    return json.loads(asyncio.run(HourAnswers(cast(Shown, shown)).hours()).body)


def unseen_of(answer: Any, place: int) -> list[tuple[int, int]]:
    columns = answer["unseen"]
    rows = zip(columns["place"], columns["first"], columns["last"], strict=True)
    return [(first, last) for one, first, last in rows if one == place]


def test_an_hour_without_rows_is_unseen_and_so_is_one_in_which_a_source_was_blind() -> None:
    now = NOON + 1_000
    blind = news(
        "blind", at=now - 50 * HOUR, hazard="cannot_see", place="open-meteo", source="open-meteo"
    )
    seen = news(
        "blind", 2, "end", at=now - 40 * HOUR, hazard="cannot_see", place="open-meteo",
        source="open-meteo",
    )  # fmt: skip
    both = [msgspec.structs.replace(one, places=("natal",)) for one in (blind, seen)]
    answer = told(both, History([(0, 100), (0, 101)]), now)
    assert answer["places"] == ["recife", "natal"]
    assert answer["hours"] == 169
    assert unseen_of(answer, 0) == [(100, 101)]
    assert unseen_of(answer, 1) == [(168 - 49, 168 - 40)]
    assert answer["stood"]["place"] == []  # blindness is no weather


def test_before_anything_is_known_no_place_was_seen() -> None:
    class Nothing:
        async def seen(self, since: int, hours: int, reach: Any) -> Bools:
            return np.zeros((2, hours), bool)

    answer = told([], Nothing(), NOON)
    assert unseen_of(answer, 0) == unseen_of(answer, 1) == [(0, 168)]
    # What came since GOLD was made is seen, as long as its value stands.
    newest = np.array([NOON - 600, NO_TIME], np.int64)
    answer = told([], Nothing(), NOON, Sight(newest, newest + HOUR))
    assert unseen_of(answer, 0) == [(0, 167)]
    assert unseen_of(answer, 1) == [(0, 168)]


def test_announced_is_what_is_foretold_or_official_and_never_what_is_measured() -> None:
    now = NOON
    foretold = news(
        "f", at=now - HOUR, certainty="Possible", onset_at=now + 6 * HOUR, expires_at=now + 9 * HOUR
    )
    over = news("o", at=now - HOUR, certainty="Possible", onset_at=now - 9, expires_at=now - 5)
    measured = news("m", at=now - HOUR, place="natal")
    stood = told([foretold, over, measured], History(), now)["stood"]
    rows = [dict(zip(stood, row, strict=True)) for row in zip(*stood.values(), strict=True)]
    ahead = [row for row in rows if row["is_ahead"]]
    assert [(row["since"] - now, row["until"] - now) for row in ahead] == [(6 * HOUR, 9 * HOUR)]
    assert sorted(row["place"] for row in rows if not row["is_ahead"]) == [0, 0, 1]


# Values


def readings(*rows: tuple[int, int, int, float], names: tuple[str, ...] = ("a", "b")) -> Readings:
    """Rows of (source, minutes before NOON, period in minutes, mm of rain) at the first place."""
    source, ago, period, value = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return Readings(
        place=np.zeros(n, np.int32), source=source.astype(np.int16),
        kind=np.full(n, Kind.OBSERVED, np.int8), valid_at=NOON - ago * 60,
        issued_at=np.full(n, NO_TIME, np.int64), known_at=NOON - ago * 60,
        period_s=(period * 60).astype(np.int32), values={"rain_mm": value.astype(float)},
        sources=names,
    )  # fmt: skip


def test_who_asks_meanwhile_has_the_same_answer_and_no_variable_drives_the_hours_out() -> None:
    asked: list[str] = []

    class Counting(History):
        async def seen(self, since: int, hours: int, reach: Any) -> Bools:
            asked.append("hours")
            return await super().seen(since, hours, reach)

        async def newest(self, variable: str) -> Readings:
            asked.append(variable)
            await asyncio.sleep(0)
            return Readings.empty()

    shown = SimpleNamespace(
        state=Log([]), view=AlertView(), history=Counting(), now=lambda: NOON, places=PLACES,
        expected_s={}, sight=lambda: Sight.none(2),
    )  # fmt: skip
    answers = HourAnswers(cast(Shown, shown))

    async def ask() -> None:
        await answers.hours()
        for variable in CATALOGUE:
            await asyncio.gather(*(answers.values(variable) for _ in range(5)))
        await answers.hours()

    asyncio.run(ask())
    assert asked == ["hours", *CATALOGUE]


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([(0, 10, 60, 4.0), (0, 70, 60, 9.0)], 4.0),
        ([(0, 0, 15, 1.0), (0, 15, 15, 2.0), (0, 30, 15, 3.0), (0, 45, 15, 4.0)], 10.0),
        ([(0, 0, 15, 1.0), (0, 15, 15, 2.0), (0, 45, 15, 4.0)], None),  # with a hole
        ([(0, 0, 15, 1.0), (0, 15, 15, np.nan), (0, 30, 15, 3.0), (0, 45, 15, 4.0)], None),
        ([(0, 10, 0, 4.0)], None),  # of a time that nobody says
        ([(0, 10, 1440, 40.0)], None),
        ([(0, 70, 60, 9.0), (1, 10, 60, 2.0)], 2.0),  # another source is newer
    ],
)
def test_an_hours_rain_is_what_covers_an_hour_and_else_is_missing(
    rows: list[tuple[int, int, int, float]], value: float | None
) -> None:
    found = newest_values(readings(*rows), "rain_mm").value.tolist()
    assert found == ([] if value is None else [value])


def by_hand(told: Readings, variable: str) -> dict[int, tuple[float, int, int]]:
    """Row by row: value, time and source at each place."""
    series: dict[tuple[int, int, int], dict[int, tuple[int, float]]] = {}
    for i in range(len(told)):
        value, length = float(told.values[variable][i]), int(told.period_s[i])
        if variable == "rain_mm" and not 0 < length <= HOUR:
            continue
        key = int(told.place[i]), int(told.source[i]), length if variable == "rain_mm" else 0
        known, at = int(told.known_at[i]), int(told.valid_at[i])
        times = series.setdefault(key, {})
        if not np.isnan(value) and known >= times.get(at, (0, 0.0))[0]:
            times[at] = known, value
    best: dict[int, tuple[float, int, int]] = {}
    for (place, source, length), times in sorted(series.items()):
        if not times:
            continue
        at = max(times)
        some = [value for when, (_, value) in times.items() if at - HOUR < when]
        if variable == "rain_mm" and len(some) * length != HOUR:
            continue
        value = sum(some) if variable == "rain_mm" else times[at][1]
        if place not in best or at > best[place][1]:
            best[place] = value, at, source
    return best


@pytest.mark.parametrize("variable", ["rain_mm", "temperature_c"])
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60))
def test_columns_have_what_counting_row_by_row_finds(variable: str, seed: int, n: int) -> None:
    dice = np.random.default_rng(seed)
    at = NOON - 900 * dice.integers(0, 6, n)
    value = np.where(dice.random(n) < 0.1, np.nan, dice.integers(0, 9, n).astype(float))
    told = Readings(
        place=dice.integers(0, 3, n).astype(np.int32),
        source=dice.integers(0, 2, n).astype(np.int16),
        kind=np.full(n, Kind.OBSERVED, np.int8), valid_at=at,
        issued_at=np.full(n, NO_TIME, np.int64), known_at=at + np.arange(n),
        period_s=dice.choice([0, 900, 1800, 3600, 7200], n).astype(np.int32),
        values={variable: value}, sources=("a", "b"),
    )  # fmt: skip
    found = newest_values(told, variable)
    rows = zip(*(column.tolist() for column in found[1:4]), strict=True)
    assert dict(zip(found.place.tolist(), rows, strict=True)) == by_hand(told, variable)
