from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from typer.testing import CliRunner

from atalaia.batch.occurrences import Occurrence, read_events
from atalaia.batch.score import Score
from atalaia.batch.told import read_alerts
from atalaia.batch.verify import Verified, verify
from atalaia.cli import app
from atalaia.domain.alert import Alert, to_line
from atalaia.errors import PayloadInvalid, SettingsInvalid
from stories import HOUR, T0, objects, places, rows, series, write_places, write_readings
from telling import news

UTC_ZONE = ZoneInfo("UTC")
RIO = ZoneInfo("America/Sao_Paulo")


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"2018-{text}").replace(tzinfo=UTC).timestamp())


def entry(incident: str, version: int, kind: str, when: str, **fields: Any) -> Alert:
    said: dict[str, Any] = {
        "level": "yellow",
        "hazard": "flood",
        "source": "gauges",
        "rule": "burst",
        "reason": "onset" if kind == "alert" else "ended",
        **fields,
    }
    return news(incident, version, kind, at=at(when), place="rio", **said).alert


def incident(name: str, begins: str, ends: str, **fields: Any) -> list[Alert]:
    return [entry(name, 1, "alert", begins, **fields), entry(name, 2, "end", ends, **fields)]


def events(*times: str, place: str | None = None) -> list[Occurrence]:
    return [Occurrence(at(time), place_id=place) for time in times]


def year(told: list[Alert], happened: list[Occurrence], **options: Any) -> Verified:
    """Scored over the 365 days of 2018."""
    days = {"first_day": date(2018, 1, 1), "last_day": date(2018, 12, 31)}
    return verify(told, happened, options.pop("zone", UTC_ZONE), **days, **options)


def table(score: Score) -> tuple[int, int, int, int | None]:
    return score.hits, score.misses, score.false_alarms, score.correct_quiet


def test_each_day_is_a_hit_a_miss_a_false_alarm_or_quiet() -> None:
    told = incident("a", "03-01T10:00", "03-01T12:00") + incident("b", "03-05T10:00", "03-05T12:00")
    score = year(told, events("03-01T11:00", "04-01T11:00", "04-01T12:00")).score
    assert table(score) == (1, 1, 1, 362)
    assert (score.pod, score.far, score.csi, score.frequency_bias) == (0.5, 0.5, 0.3333, 1.0)


def test_an_incident_warns_of_every_day_in_which_it_was_active() -> None:
    told = incident("a", "03-01T22:00", "03-03T01:00")
    assert table(year(told, events("03-03T20:00")).score)[:3] == (1, 0, 2)


def test_an_incident_that_ends_at_midnight_was_not_active_in_the_new_day() -> None:
    told = incident("a", "03-01T22:00", "03-02T00:00")
    assert table(year(told, events("03-02T20:00")).score)[:3] == (0, 1, 1)


def test_an_incident_that_ended_as_it_was_told_was_told_all_the_same() -> None:
    told = incident("a", "03-01T22:00", "03-01T22:00")
    assert year(told, events("03-01T23:00")).score.hits == 1


def test_days_are_those_of_the_time_zone() -> None:
    told = incident("a", "03-02T01:00", "03-02T02:00")
    happened = events("03-01T20:00")
    assert year(told, happened).score.hits == 0
    assert year(told, happened, zone=RIO).score.hits == 1, "22:00 of March 1st in Rio"


def test_days_with_less_than_an_event_count_neither_way_and_against_us_where_strict() -> None:
    told = [
        *incident("a", "03-01T10:00", "03-01T12:00"),
        *incident("b", "03-05T10:00", "03-05T12:00"),
    ]
    happened = events("03-01T11:00", "03-01T12:00", "03-05T11:00", "06-01T11:00")
    score = year(told, happened, min_events=2).score
    assert table(score) == (1, 0, 0, 362)
    assert score.partial == (1, 1)
    assert (score.far, score.csi) == (0.0, 1.0)
    assert (score.strict.false_alarms, score.strict.correct_quiet) == (1, 363)
    assert (score.strict.far, score.strict.csi) == (0.5, 0.5)


def test_lead_runs_from_the_first_alert_to_the_occurrence_that_makes_the_event() -> None:
    told = incident("a", "03-01T10:00", "03-01T12:00") + incident("b", "03-01T09:00", "03-01T09:30")
    happened = events("03-01T08:00", "03-01T11:30", "03-01T13:00")
    lead = year(told, happened, min_events=2).score.lead_h
    assert lead is not None
    assert lead.median == 2.5


def test_lead_of_an_incident_from_the_day_before_runs_from_local_midnight() -> None:
    told = incident("a", "03-01T10:00", "03-02T12:00")
    lead = year(told, events("03-02T07:00"), zone=RIO).score.lead_h
    assert lead is not None
    assert lead.median == 4.0, "midnight in Rio is 03:00 UTC"


def test_lead_is_negative_where_the_alert_came_after_the_event() -> None:
    lead = year(incident("a", "03-01T10:00", "03-01T12:00"), events("03-01T09:00")).score.lead_h
    assert lead is not None
    assert lead.median == -1.0
    assert lead.share_of_an_hour_or_more == 0


def test_being_unable_to_see_is_no_warning() -> None:
    told = incident("a", "03-01T10:00", "03-01T12:00", hazard="cannot_see")
    assert table(year(told, events("03-01T11:00")).score) == (0, 1, 0, 364)


def test_an_easing_is_no_warning_of_its_own() -> None:
    told = [
        entry("a", 1, "alert", "03-01T10:00", level="orange", rule="sum"),
        entry("a", 2, "update", "03-02T10:00", reason="eased", rule="rate"),
        entry("a", 3, "end", "03-03T10:00"),
    ]
    verified = year(told, events("03-01T11:00"))
    assert list(verified.groups["rule"]) == ["sum"]
    assert verified.groups["level"]["orange"].false_alarms == 1, "eased on the second day"
    assert verified.groups["level"]["yellow"].false_alarms == 2


def test_a_forecast_warns_of_the_hours_that_it_speaks_of() -> None:
    told = [
        entry("a", 1, "alert", "03-01T10:00", evidence="forecast", onset_at=at("03-02T06:00")),
        entry("a", 2, "end", "03-02T12:00", evidence="forecast"),
    ]
    assert table(year(told, events("03-02T08:00")).score)[:3] == (1, 0, 0)


def test_a_forecast_that_was_taken_back_in_time_warned_of_nothing() -> None:
    told = [
        entry("a", 1, "alert", "03-01T10:00", evidence="forecast", onset_at=at("03-02T06:00")),
        entry("a", 2, "cancel", "03-01T22:00", evidence="forecast", reason="withdrawn"),
    ]
    assert table(year(told, events("05-01T08:00")).score)[:3] == (0, 1, 0)


def test_only_the_named_hazard_is_scored() -> None:
    told = incident("a", "03-01T10:00", "03-01T12:00", hazard="wind")
    assert year(told, events("03-01T11:00")).score.hits == 1
    assert year(told, events("03-01T11:00"), hazard="flood").score.hits == 0


def test_events_that_name_their_place_are_held_against_alerts_of_that_place() -> None:
    told = incident("a", "03-01T10:00", "03-01T12:00", place_id="recife")
    happened = events("03-01T11:00", place="rio") + events("03-01T11:00", place="recife")
    verified = year(told, happened)
    assert table(verified.score) == (1, 1, 0, 728)
    assert table(verified.groups["place"]["recife"]) == (1, 0, 0, 364)
    assert table(verified.groups["place"]["rio"]) == (0, 1, 0, 364)


def test_groups_by_month_and_year_add_up_to_the_whole() -> None:
    told = [
        *incident("a", "03-01T10:00", "03-01T12:00"),
        *incident("b", "08-05T10:00", "08-05T12:00"),
    ]
    verified = year(told, events("03-01T11:00", "11-01T11:00"))
    for group in ("month", "year"):
        tables = [table(score) for score in verified.groups[group].values()]
        assert tuple(map(sum, zip(*tables, strict=True))) == table(verified.score)


def test_by_episode_one_flood_over_midnight_is_one_event() -> None:
    told = incident("a", "03-01T21:00", "03-01T23:00")
    happened = events("03-01T22:00", "03-02T01:00", "03-02T02:00")
    score = year(told, happened, by="episode", min_events=2).score
    assert table(score) == (1, 0, 0, None)
    assert score.lead_h is not None
    assert score.lead_h.median == 4.0


def test_by_episode_a_warning_long_before_is_a_false_alarm_and_the_event_a_miss() -> None:
    told = incident("a", "03-01T01:00", "03-01T02:00")
    assert table(year(told, events("03-01T22:00"), by="episode").score) == (0, 1, 1, None)


def test_intervals_hold_the_score_and_are_the_same_each_time() -> None:
    told = [
        one
        for month in range(1, 13)
        for one in incident(f"{month}", f"{month:02}-01T10:00", f"{month:02}-01T12:00")
    ]
    happened = events(*(f"{month:02}-{day:02}T11:00" for month in range(1, 13) for day in (1, 15)))
    first, again = year(told, happened), year(told, happened)
    assert first == again
    low, high = first.score.intervals["pod"] or (1.0, 0.0)
    assert low < 0.5 < high
    assert first.score.intervals["far"] == (0.0, 0.2876), "of none in 12 weeks"


def test_without_days_every_event_and_every_alert_is_scored() -> None:
    told = incident("a", "03-01T10:00", "03-01T12:00")
    verified = verify(told, events("03-03T11:00", "03-05T11:00"), UTC_ZONE)
    assert (verified.first_day, verified.last_day) == ("2018-03-01", "2018-03-05")
    assert table(verified.score) == (0, 2, 1, 2)
    assert verified.outside == 1


def test_a_score_with_nothing_to_score_is_none() -> None:
    score = year([], events("03-03T11:00")).score
    assert (score.pod, score.far, score.csi, score.lead_h) == (0.0, None, 0.0, None)


def test_no_event_at_all_is_told() -> None:
    with pytest.raises(SettingsInvalid, match="no event"):
        verify([], [], UTC_ZONE)


# Files


def test_times_without_an_offset_are_local_and_coordinates_of_zero_unknown(
    tmp_path: Path,
) -> None:
    file = tmp_path / "events.csv"
    file.write_text(
        "started_at,ended_at,latitude,longitude,place_id,severity\n"
        "2018-02-15 00:40:00,2018-02-15T02:00:00,0.0,0.0,,Alto\n"
        "2018-02-15T00:40:00Z,,-22.9,-43.2,rio,\n"
    )
    first, second = read_events(file, RIO)
    assert first == Occurrence(at("02-15T00:40"), None, -22.9, -43.2, "rio", None)
    assert second.started_at == at("02-15T02:40"), "summer time, UTC-2"
    assert (second.latitude, second.place_id, second.severity) == (None, None, "Alto")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ended_at\n1\n", ":1: no column started_at"),
        ("started_at\n", ":2: no event"),
        ("started_at\nyesterday\n", ":2: 'yesterday' is no time"),
        ("started_at,ended_at\n2018-01-02,2018-01-01\n", ":2: ended_at 2018-01-01 is before"),
        ("started_at,latitude,longitude\n2018-01-02,x,1\n", ":2: latitude 'x' is no number"),
    ],
)
def test_a_faulty_events_file_is_named_by_its_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(text)
    with pytest.raises(SettingsInvalid, match=f"events.csv{problem}"):
        read_events(file, UTC_ZONE)


def test_a_line_that_is_no_alert_is_named(tmp_path: Path) -> None:
    file = tmp_path / "alerts.ndjson"
    file.write_text('\n{"incident": "a"}\n')
    with pytest.raises(PayloadInvalid, match=r"alerts.ndjson:2: not a line of an alerts file"):
        read_alerts(file)
    with pytest.raises(PayloadInvalid, match="give an alerts file"):
        read_alerts(tmp_path / "none")


# The commands


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def basin(tmp_path: Path) -> Path:
    """Two years of made-up rain at two gauges, with a flood after each burst on wet ground."""
    where = places(2, area="basin")
    hours = 2 * 366 * 24
    wet, burst = [0.0] * hours, [0.0] * hours
    lines = ["started_at"]
    for i, hour in enumerate(range(200, hours - 200, 400)):
        burst[hour] = 20.0
        if i % 2:
            wet[hour - 10 : hour] = [3.0] * 10
            lines.append(datetime.fromtimestamp(T0 + (hour + 2) * HOUR, UTC).isoformat())
    rain = [series(fell, "rain_mm", place=p, period_s=HOUR) for p, fell in enumerate((wet, burst))]
    write_readings(tmp_path / "readings.csv", rows(*rain), where)
    (tmp_path / "places.csv").write_text(
        "place_id,name,latitude,longitude,timezone,area\n"
        "p0,p0,0,0,UTC,basin\np1,p1,1,-1,UTC,basin\n"
    )
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_from_a_record_to_a_rule_file_to_its_score(basin: Path) -> None:
    history = [basin / "readings.csv", "--places", basin / "places.csv"]
    events = ["--events", basin / "events.csv", "--hazard", "flood"]
    found = run("calibrate", *history, *events, "--write", basin / "basin.toml", "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["cross_validated"]["csi"] == 1.0
    rules = ["--rules", basin / "basin.toml"]
    replayed = run("replay", *history, *rules, "--alerts", basin / "alerts.ndjson")
    assert replayed.exit_code == 0, replayed.output
    verified = run("verify", "--alerts", basin / "alerts.ndjson", *events, "--json")
    assert json.loads(verified.stdout)["score"]["csi"] == 1.0
    side_by_side = run("backtest", "--rules", "basic", *rules, *history, *events, "--json")
    basic, calibrated = objects(side_by_side.stdout)
    assert basic["verified"]["score"]["csi"] == 0.0, "it has no rule for floods"
    assert calibrated["verified"]["score"]["csi"] == 1.0
    assert len(calibrated["days_gained"]) == calibrated["warned_days"] > 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--beside", "dew_point_c"), "--beside and --update are for scores"),
        (("--update", "yearly"), "--beside and --update are for scores"),
        (("--form", "score", "--splits", "2"), "--splits are for limits"),
        (("--form", "score", "--near", "0,0,9", "--near", "1,1,9"), "a score has one circle"),
        (("--form", "score", "--beside", "dew_point"), "did you mean dew_point_c?"),
        (("--form", "score", "--beside", "rain_mm"), "'rain_mm' is nothing that has a mean"),
    ],
)
def test_what_is_for_the_other_form_is_refused(
    basin: Path, options: tuple[str, ...], said: str
) -> None:
    given = [basin / "readings.csv", "--places", basin / "places.csv", "--hazard", "flood"]
    written = basin / "basin.toml"
    done = run("calibrate", *given, "--events", basin / "events.csv", "--write", written, *options)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.replace("│", " ").split())
    assert not written.exists()


def test_gold_is_scored_as_its_alerts_file_is(tmp_path: Path) -> None:
    gusts = [25.0 if hour % 60 == 30 else 3.0 + hour % 5 for hour in range(20 * 24)]
    write_readings(tmp_path / "readings.csv", rows(series(gusts)), places(1))
    where = write_places(tmp_path / "places.csv", "p0")
    (tmp_path / "events.csv").write_text("started_at\n2024-01-02T09:00Z\n2024-01-05T09:00Z\n")
    home, alerts = tmp_path / "home", tmp_path / "alerts.ndjson"
    events = ["--events", tmp_path / "events.csv", "--hazard", "wind", "--json"]
    run("replay", tmp_path / "readings.csv", "--places", where, "--home", home, "--alerts", alerts)
    of_file = run("verify", "--alerts", alerts, *events).stdout
    assert json.loads(of_file)["incidents"] == 8
    assert run("verify", "--alerts", "gold", "--home", home, *events).stdout == of_file


@pytest.mark.parametrize(
    "options",
    [
        ["--hazard", "rain"],
        ["--hazard", "cannot_see"],
        ["--timezone", "Mars/Olympus"],
        ["--min-events", "0"],
        ["--by", "week"],
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "alerts.ndjson").write_text("")
    (tmp_path / "events.csv").write_text("started_at\n2024-01-02\n")
    files = ["--alerts", tmp_path / "alerts.ndjson", "--events", tmp_path / "events.csv"]
    assert run("verify", *files, *options).exit_code == 2


def lasting(begins: str, ends: str) -> Occurrence:
    return Occurrence(at(begins), at(ends))


def test_a_flood_of_three_days_that_was_warned_of_throughout_is_three_hits() -> None:
    told = incident("a", "03-01T08:00", "03-03T20:00")
    score = year(told, [lasting("03-01T10:00", "03-03T18:00")]).score
    assert table(score) == (3, 0, 0, 362)
    assert score.far == 0.0


def test_what_ended_at_midnight_is_not_of_the_new_day() -> None:
    score = year([], [lasting("03-01T10:00", "03-02T00:00")]).score
    assert table(score)[:2] == (0, 1)


def test_a_flood_that_lasts_is_one_episode_with_what_comes_before_its_end() -> None:
    happened = [lasting("03-01T10:00", "03-03T10:00"), *events("03-03T16:00")]
    score = year(incident("a", "03-01T08:00", "03-01T12:00"), happened, by="episode").score
    assert table(score)[:3] == (1, 0, 0)


def test_a_warning_that_ended_before_the_first_day_still_counts_for_its_water() -> None:
    told = incident("a", "02-28T20:00", "02-28T23:00")
    options = {"by": "episode", "first_day": date(2018, 3, 1), "last_day": date(2018, 3, 31)}
    score = verify(told, events("03-01T02:00"), UTC_ZONE, **options).score  # type: ignore[arg-type]
    assert table(score)[:3] == (1, 0, 0)


def test_places_are_told_apart_or_not_whatever_days_are_scored() -> None:
    happened = [*events("01-01T10:00"), *events("03-01T10:00", place="poa")]
    told = incident("a", "03-01T09:00", "03-01T12:00")  # at rio
    whole = year(told, happened).score
    days = {"first_day": date(2018, 2, 1), "last_day": date(2018, 12, 31)}
    part = verify(told, happened, UTC_ZONE, **days).score
    assert whole.hits == part.hits == 1, "one event names no place: all are held against all"


def test_lead_runs_from_the_first_alert_of_the_incident_a_forecast_too() -> None:
    told = [
        entry("a", 1, "alert", "02-28T22:00", evidence="forecast", onset_at=at("03-01T04:00")),
        entry("a", 2, "update", "03-01T00:00", level="orange", reason="escalated"),
        entry("a", 3, "end", "03-01T09:00"),
    ]
    verified = year(told, events("03-01T05:00"))
    assert verified.score.lead_h is not None
    assert verified.score.lead_h.median == 7.0
    orange = verified.groups["level"]["orange"].lead_h
    assert orange is not None
    assert orange.median == 5.0, "of a level from when it was told"


def test_official_warnings_that_were_passed_on_are_not_scored_from_a_file_either(
    tmp_path: Path,
) -> None:
    told = incident("a", "03-01T10:00", "03-01T12:00", rule="official")
    assert table(year(told, events("03-01T11:00")).score) == (0, 1, 0, 364)
    file, happened = tmp_path / "a.ndjson", tmp_path / "events.csv"
    file.write_bytes(b"\n".join(to_line(one) for one in told))
    happened.write_text("started_at\n2018-03-01T11:00:00Z\n")
    told_of = CliRunner().invoke(app, ["verify", "--alerts", str(file), "--events", str(happened)])
    assert told_of.exit_code == 0, told_of.output
    assert "1 official warning was passed on and is not scored" in told_of.stderr


def test_a_time_without_an_offset_is_refused_and_never_the_machines(tmp_path: Path) -> None:
    (one, _) = incident("a", "03-01T10:00", "03-01T12:00")
    file = tmp_path / "a.ndjson"
    file.write_bytes(to_line(one).replace(b"T10:00:00+00:00", b"T10:00:00"))
    with pytest.raises(PayloadInvalid, match=r"a\.ndjson:1: .*has no offset"):
        read_alerts(file)
