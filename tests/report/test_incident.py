"""One incident as a report shows it: the value that was the worst, and what else was open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from atalaia.batch.told import stretches
from atalaia.cli.replays import replay
from atalaia.domain.hazard import Level
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import AtalaiaError, PayloadInvalid
from atalaia.homes.embedded import open_home
from atalaia.lake.places import named_place
from atalaia.report import days as calendar
from atalaia.report import gather, incident
from atalaia.report.gather import report_of
from atalaia.report.render import page
from atalaia.report.reported import IncidentReport, Line
from stories import DAY, HOUR, T0, places, rows, rule_set, series, write_readings
from telling import news

COLD = {
    "hazard": "cold",
    "variable": "temperature_c",
    "when": "below",
    "limits": {"yellow": 5, "orange": 0.5},
    "keep_firing_for": "1h",
}
NIGHT = [8.0, 6.0, 4.0, 1.0, -2.5, 1.0, 6.0, 9.0, 9.0, 9.0, 9.0]


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a cold night, in which nothing else happened."""
    folder = tmp_path_factory.mktemp("cold")
    where = places(2)
    file = write_readings(folder / "r.csv", rows(series(NIGHT, "temperature_c")), where)
    replay(where, [file], rule_set(COLD), home=folder / "home")
    return folder / "home"


def storm(home: Path, rules: RuleSet) -> IncidentReport:
    with open_home(home, exclusive=False) as opened:
        found = report_of(opened, rules, now=T0 + DAY, days=2).storm
    assert found is not None
    return found


OTHERS = rule_set(COLD | {"limits": {"yellow": 4, "orange": 0.4}})


@pytest.mark.parametrize("rules", [rule_set(COLD), OTHERS], ids=["the same", "changed since"])
def test_the_worst_of_a_cold_night_is_its_lowest_by_whatever_rules_it_is_looked_at(
    cold: Path, rules: RuleSet
) -> None:
    found = storm(cold, rules)
    assert found.is_below
    assert found.is_same_rule == (rules is not OTHERS)
    assert (found.peak, found.peak_at) == (-2.5, T0 + 4 * HOUR)


def test_and_it_is_called_so_in_every_language(cold: Path) -> None:
    with open_home(cold, exclusive=False) as opened:
        told = report_of(opened, rule_set(COLD), now=T0 + DAY, days=2)
    for language, said in (
        ("en", "lowest <b>-2.5 °C</b>"),
        ("pt-BR", "mínimo <b>-2,5 °C</b>"),
        ("es", "mínimo <b>-2,5 °C</b>"),
    ):
        html = page(told, language)
        assert said in html
        assert "peak <b>" not in html
        assert "máximo <b>" not in html


def test_an_incident_is_asked_for_by_its_key_and_by_nothing_else(cold: Path) -> None:
    key = storm(cold, rule_set(COLD)).incident
    with open_home(cold, exclusive=False) as opened:
        by_key = report_of(opened, rule_set(COLD), now=T0 + DAY, incident=key)
        assert by_key.storm is not None
        assert by_key.storm.incident == key
        for other in ("ffff", "", key.upper(), f"{key}' OR '1'='1", "x" * 70):
            with pytest.raises(AtalaiaError, match=r"there is no incident .* lists them"):
                report_of(opened, rule_set(COLD), now=T0 + DAY, incident=other)


def test_a_home_of_which_nothing_is_known_has_nothing_to_report(tmp_path: Path) -> None:
    with (
        open_home(tmp_path / "home") as home,
        pytest.raises(PayloadInvalid, match="nothing to report; let the watch run, or replay"),
    ):
        report_of(home, rule_set(COLD), now=T0)


# The worst value


LINES = (
    Line("a", (T0, T0 + 60, T0 + 120), (1.0, 7.0, 3.0)),
    Line("b", (T0 + 30, T0 + 90), (7.0, -4.0)),
)


@pytest.mark.parametrize(
    ("is_below", "opened", "closed", "peak"),
    [
        (False, T0, T0 + 120, (7.0, T0 + 30)),  # of two alike the earlier
        (False, T0 + 31, T0 + 120, (7.0, T0 + 60)),
        (False, T0 + 61, T0 + 120, (3.0, T0 + 120)),
        (True, T0, T0 + 120, (-4.0, T0 + 90)),
        (True, T0, T0 + 89, (1.0, T0)),
    ],
)
def test_the_peak_is_the_worst_while_it_was_open(
    is_below: bool, opened: int, closed: int, peak: tuple[float, int]
) -> None:
    entry = news(value=99.0)
    worst = entry if not is_below else with_(entry, is_below=True)
    rule = rule_set(COLD if is_below else {}).rules[0]
    assert incident._peak(LINES, rule, [worst], worst, opened, closed) == peak


def with_(entry: Any, **changes: Any) -> Any:
    from msgspec.structs import replace as changed

    return changed(entry, **changes)


def test_where_nothing_is_kept_the_worst_that_was_told_counts_of_the_same_measure() -> None:
    life = [news(value=30.0), news(version=2, value=41.0), news(version=3, value=12.0, window_s=0)]
    assert incident._peak((), None, life, life[0], 0, 9) == (41.0, life[1].alert.valid_at)
    low = [with_(one, is_below=True) for one in life]
    assert incident._peak((), None, low, low[0], 0, 9) == (30.0, low[0].alert.valid_at)
    blind = [news(hazard="cannot_see", value=None, variable=None)]
    assert incident._peak((), None, blind, blind[0], 0, 9) == (None, None)


def test_the_picture_begins_before_the_first_word_and_ends_after_the_last_within_a_month() -> None:
    life = [news(at=T0 + HOUR), news(version=2, at=T0 + 9 * HOUR)]
    assert incident._shown(life, T0) == (T0 - 6 * HOUR, T0 + 15 * HOUR)
    long = [news(at=T0), news(version=2, at=T0 + 100 * DAY)]
    first, until = incident._shown(long, T0)
    assert first == T0 - 20 * DAY
    assert until == T0 + 30 * DAY


def test_limits_that_were_told_stand_where_the_rule_is_gone() -> None:
    life = [
        news(level="yellow", limit=30.0),
        news(version=2, level="red", limit=100.0),
        news(version=3, level="orange", limit=50.0, reason="eased"),
        news(version=4, level="orange", limit=9.0, window_s=60),
    ]
    found = incident._limits_told(life, incident._measure(life[0]), T0, T0 + 9)
    assert [(one.level, one.line.value[0]) for one in found] == [
        (Level.YELLOW, 30.0),
        (Level.RED, 100.0),
    ]
    assert {one.line.at for one in found} == {(T0, T0 + 9)}


def test_of_an_entry_of_another_measure_the_value_is_not_drawn_on_this_scale() -> None:
    measure = incident._measure(news())
    same, other = incident._entry(news(), measure), incident._entry(news(window_s=60), measure)
    assert (same.value, same.limit) == (35.0, 30.0)
    assert (other.value, other.limit) == (None, None)


# What else was open


WHERE = Places(
    [
        Place(id="a", name="A", latitude=0, longitude=0, area="north"),
        Place(id="b", name="B", latitude=0, longitude=1, area="north"),
        Place(id="c", name="C", latitude=0, longitude=2, area="south"),
    ]
)


def lanes(*log: Any, at: str = "a", key: str = "me") -> list[tuple[str, str]]:
    members = incident._members(WHERE, at)
    held = stretches([entry.alert for entry in log])
    found = incident._lanes(held, WHERE, key, members, T0, T0 + DAY)
    return [(lane.incident, lane.place) for lane in found]


def test_first_comes_the_incident_then_those_at_its_place_then_those_of_its_area() -> None:
    log = [
        news("near", place="b", at=T0, level="red"),
        news("far", place="c", at=T0, level="red"),
        news("late", place="a", at=T0 + 3 * DAY),
        news("here", place="a", at=T0, level="yellow"),
        news("graver", place="a", at=T0 + HOUR, level="orange"),
        news("area", place="north", at=T0),
        news("me", place="a", at=T0 + HOUR, level="watch"),
        news("blind", place="a", at=T0, hazard="cannot_see"),
    ]
    assert lanes(*log) == [
        ("me", "A"), ("graver", "A"), ("here", "A"), ("near", "B"), ("area", "north"),
    ]  # fmt: skip


def test_no_more_lanes_are_drawn_than_fit() -> None:
    log = [news(f"i{n:02}", place="a", at=T0 + n) for n in range(30)]
    assert len(lanes(*log, news("me", place="a", at=T0 + 99))) == 10
    assert lanes(*log, news("me", place="a", at=T0 + 99))[0] == ("me", "A")


def test_a_stretch_is_cut_to_the_picture() -> None:
    held = stretches([news("me", place="a", at=T0 - DAY, expires_s=9 * DAY).alert])
    (lane,) = incident._lanes(held, WHERE, "me", (0,), T0, T0 + DAY)
    assert [(one.begins, one.ends) for one in lane.stretches] == [(T0, T0 + DAY)]


# Days and places


def test_blindness_lasts_from_its_first_word_to_its_last_or_to_the_end() -> None:
    def silent(key: str, version: int, type_: str, at: int) -> Any:
        return news(key, version, type_, hazard="cannot_see", at=at).alert

    log = [
        silent("x", 1, "alert", T0), silent("x", 2, "update", T0 + 10),
        silent("x", 3, "end", T0 + 20), silent("y", 1, "alert", T0 + 50),
        silent("z", 2, "end", T0 + 5), silent("w", 1, "alert", T0 - 900),
        silent("w", 2, "end", T0 - 800), news("weather", at=T0).alert,
    ]  # fmt: skip
    found = calendar.blind_of(log, T0, T0 + 100)
    assert sorted((first - T0, last - T0) for first, last, _ in found) == [
        (0, 20),
        (5, 5),
        (50, 100),
    ]


@pytest.mark.parametrize(
    ("begins", "ends", "zone", "days"),
    [
        (T0, T0 + DAY, "UTC", ["2024-01-01"]),  # half open
        (T0, T0 + DAY + 1, "UTC", ["2024-01-01", "2024-01-02"]),
        (T0, T0, "UTC", ["2024-01-01"]),
        (T0, T0 + HOUR, "America/Recife", ["2023-12-31"]),
        (T0 + 2 * HOUR, T0 + 4 * HOUR, "America/Recife", ["2023-12-31", "2024-01-01"]),
    ],
)
def test_days_are_those_of_the_place(begins: int, ends: int, zone: str, days: list[str]) -> None:
    from zoneinfo import ZoneInfo

    found = calendar.local_days(begins, ends, ZoneInfo(zone))
    assert [day.isoformat() for day in found] == days


def test_an_area_stands_in_the_middle_of_its_places_where_it_had_incidents_of_its_own() -> None:
    held = stretches([news("x", place="north").alert, news("y", place="a").alert])
    spots = list(gather.spots_of(WHERE, held, {"a", "north"}))
    assert [(one.place.id, one.incidents, one.has_data) for one in spots] == [
        ("a", 1, True), ("b", 0, False), ("c", 0, False), ("north", 1, True),
    ]  # fmt: skip
    assert (spots[3].place.latitude, spots[3].place.longitude) == (0, 0.5)


def test_an_incident_counts_once_by_its_highest_level() -> None:
    log = [news("x", level="yellow"), news("x", 2, level="red", at=T0 + 60)]
    log += [news("y", level="watch"), news("z", level="yellow")]
    times = {"x": T0, "y": T0, "z": T0}
    held = stretches([with_(e.alert, sent_at=times[e.alert.incident] + 60 * e.alert.version)
                      for e in log])  # fmt: skip
    assert gather.by_level(held) == (1, 1, 0, 1)
    chosen = gather._within(held, T0 - DAY * 60, T0 - DAY * 50)
    assert gather.by_level(chosen) == (0, 0, 0, 0)


def gravest() -> Iterator[Any]:
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(T0, UTC)
    yield ("by level", ("a", "red", 0.1, 1.0, 1.0, 2, at), ("b", "orange", 9.0, 9.0, 1.0, 1, at))
    yield ("by excess", ("a", "red", 0.1, 60.0, 30.0, 1, at), ("b", "red", 0.9, 45.0, 30.0, 1, at))
    yield ("two rules", ("a", "red", 0.9, 1.0, 30.0, 2, at), ("b", "red", 0.1, 900.0, 30.0, 2, at))
    yield ("below 0", ("a", "red", 0.0, -9.0, -3.0, 1, at), ("b", "red", 0.0, -4.0, -3.0, 1, at))
    later = at.replace(hour=5)
    yield ("newer", ("a", "red", 0.5, None, None, 1, later), ("b", "red", 0.5, None, None, 1, at))
    yield ("limit 0", ("a", "red", 0.5, 3.0, 0.0, 1, at), ("b", "red", None, 9.0, 0.0, 1, at))


@pytest.mark.parametrize(("why", "graver", "other"), list(gravest()))
def test_the_gravest_is_that_of_the_highest_level_and_furthest_beyond_its_limit(
    why: str, graver: tuple[Any, ...], other: tuple[Any, ...]
) -> None:
    assert gather._gravity(graver) > gather._gravity(other), why


# Places by name


AIRPORTS = Places(
    [
        Place(id="SBRF", name="Recife", latitude=0, longitude=0),
        Place(id="sbrf", name="Other", latitude=0, longitude=0),
        Place(id="Poa", name="Porto Alegre", latitude=0, longitude=0),
    ]
)


@pytest.mark.parametrize(
    ("named", "id_"),
    [
        ("SBRF", "SBRF"),
        ("sbrf", "sbrf"),
        ("recife", "SBRF"),
        ("POA", "Poa"),
        ("PORTO alegre", "Poa"),
    ],
)
def test_a_place_is_found_by_id_or_name_whatever_the_case(named: str, id_: str) -> None:
    assert named_place(AIRPORTS, named).id == id_


def test_a_place_that_is_not_watched_is_told_with_the_next_step() -> None:
    with pytest.raises(AtalaiaError, match=r"there is no place 'Mars'; .* lists them"):
        named_place(AIRPORTS, "Mars")


def test_of_several_places_of_one_name_all_are_said_and_none_is_chosen() -> None:
    twins = Places([*AIRPORTS, Place(id="BR-2", name="recife", latitude=1, longitude=1)])
    with pytest.raises(
        AtalaiaError, match=r"2 places are called 'Recife'; give an id: SBRF \(Recife\), BR-2"
    ):
        named_place(twins, "Recife")
    assert named_place(twins, "SBRF").name == "Recife"


def test_a_report_names_no_storm_where_there_was_none(tmp_path: Path) -> None:
    where = places(1)
    file = write_readings(tmp_path / "r.csv", rows(series([9.0] * 5, "temperature_c")), where)
    replay(where, [file], rule_set(COLD), home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as home:
        calm = report_of(home, rule_set(COLD), now=T0 + DAY, days=1)
    assert (calm.storm, calm.alerts, calm.levels) == (None, 0, (0, 0, 0, 0))
    assert "No incident in this period." in page(calm, "en")
    assert np.all([not day.level for day in calm.days])


def test_days_without_data_are_not_said_to_have_been_calm(tmp_path: Path) -> None:
    where = places(1)
    file = write_readings(tmp_path / "r.csv", rows(series([9.0] * 5, "temperature_c")), where)
    replay(where, [file], rule_set(COLD), home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as home:
        some = report_of(home, rule_set(COLD), now=T0 + DAY, days=30)
    unknown = replace(some, days=tuple(replace(day, has_data=False) for day in some.days))
    assert "No incident in what could be seen of this period." in page(some, "en")
    assert "No data in this period: nothing is known of it." in page(unknown, "en")
    assert "No incident in this period." not in page(some, "en") + page(unknown, "en")
