"""The report: one page that stands alone, in three languages, and tells what the home holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from atalaia.cli import app
from atalaia.cli.replays import replay
from atalaia.domain.hazard import Level
from atalaia.domain.place import Places
from atalaia.domain.words import LANGUAGES
from atalaia.errors import AtalaiaError, PayloadInvalid
from atalaia.homes.embedded import open_home
from atalaia.report.gather import report_of
from atalaia.report.pictures.timeline import _unbroken
from atalaia.report.render import page
from atalaia.report.reported import LeadTimeScore, Line, Report, ScorePoint
from atalaia.report.scored import Truth
from atalaia.report.svg import Markup, mark, tag, ticks
from atalaia.rules import load
from atalaia.sources.recorded import read_places

UTC_NOON = 1_714_478_400  # 2024-04-30T12:00:00Z
RULES = load("inmet")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a storm at one of two places, and a day and a half of silence at the other."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "places.csv").write_text(
        "place_id,name,latitude,longitude,timezone,area\n"
        "poa,Porto <Alegre> & co,-30.03,-51.23,America/Sao_Paulo,Sul\n"
        "pel,Pelotas,-31.77,-52.34,America/Sao_Paulo,Sul\n",
        "utf-8",
    )
    rain = {30: 12.0, 31: 25.0, 32: 35.0, 33: 40.0, 34: 8.0}
    lines = ["place_id,source,kind,valid_at,period_s,rain_mm,temperature_c"]
    for hour in range(100):
        at = f"2024-05-{1 + hour // 24:02}T{hour % 24:02}:00:00Z"
        lines.append(f"poa,station,observed,{at},3600,{rain.get(hour, 0.0)},{20 + hour % 5}")
        if not 20 <= hour < 56:
            lines.append(f"pel,gauge,observed,{at},3600,0.0,{18 + hour % 3}")
    (folder / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "events.csv").write_text(
        "started_at,severity\n2024-05-02T09:00:00Z,high\n2024-05-04T09:00:00Z,low\n", "utf-8"
    )
    where = Places(read_places(folder / "places.csv"))
    replay(where, [folder / "readings.csv"], RULES, home=folder / "home")
    return folder


@pytest.fixture(scope="module")
def told(folder: Path) -> Report:
    with open_home(folder / "home", exclusive=False) as home:
        return report_of(home, RULES, now=UTC_NOON, days=10)


@dataclass
class Read:
    texts: list[str]
    tags: list[tuple[str, dict[str, str | None]]]


def read(html: str) -> Read:
    found = Read([], [])

    class Reader(HTMLParser):
        def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
            found.tags.append((name, dict(attributes)))

        def handle_data(self, text: str) -> None:
            found.texts.append(text)

    Reader().feed(html)
    return found


# What it tells


def test_the_gravest_storm_is_shown_with_what_its_rule_judged(told: Report) -> None:
    storm = told.storm
    assert storm is not None
    assert (storm.hazard, storm.place, storm.level) == (
        "heavy_rain",
        "Porto <Alegre> & co",
        Level.RED,
    )
    # 12 + 25 + 35 + 40 + 8 mm: the red limit of a day is passed, and no hour's (60 mm).
    assert (storm.variable, storm.window_s, storm.peak) == ("rain_mm", 86400, 120.0)
    (course,) = storm.lines
    assert course.label == "station"
    assert max(course.value) == 120.0
    assert [(one.level, one.line.value[0]) for one in storm.limits] == [
        (Level.YELLOW, 30.0),
        (Level.ORANGE, 50.0),
        (Level.RED, 100.0),
    ]
    assert max(bar.value for bar in storm.bars) == 40.0
    assert {bar.ends - bar.begins for bar in storm.bars} == {3600}
    assert storm.is_same_rule
    assert storm.status == "ended"
    assert [entry.version for entry in storm.entries] == list(range(1, len(storm.entries) + 1))
    assert storm.lanes[0].incident == storm.incident


def test_a_rule_that_has_changed_is_not_drawn_as_if_it_had_decided(folder: Path) -> None:
    with open_home(folder / "home", exclusive=False) as home:
        storm = report_of(home, load("basic"), now=UTC_NOON, days=10).storm
    assert storm is not None
    assert not storm.is_same_rule
    (course,) = storm.lines
    assert max(course.value) == 40.0  # the variable itself, and not its sum
    assert {one.level for one in storm.limits} >= {Level.RED}  # as they were told


def test_the_calendar_tells_calm_from_silence_and_from_no_data(told: Report) -> None:
    days = {day.date: day for day in told.days}
    assert len(days) == 10
    assert days["2024-05-02"].level == Level.RED
    assert days["2024-05-02"].hazards[0] == "heavy_rain"
    assert not days["2024-04-28"].has_data
    assert days["2024-05-02"].is_blind
    assert days["2024-05-05"].has_data
    assert (days["2024-05-05"].level, days["2024-05-05"].is_blind) == (0, False)


def test_places_and_levels_add_up(told: Report) -> None:
    assert sum(spot.incidents for spot in told.spots) == sum(told.levels)
    calm = next(spot for spot in told.spots if spot.place.id == "pel")
    assert (calm.level, calm.incidents) == (0, 0)
    assert {source.source for source in told.sources} >= {"station", "gauge"}


def test_alerts_are_scored_against_the_events_that_are_given(folder: Path) -> None:
    from zoneinfo import ZoneInfo

    truth = Truth(folder / "events.csv", ZoneInfo("America/Sao_Paulo"), hazard="heavy_rain")
    with open_home(folder / "home", exclusive=False) as home:
        told = report_of(home, RULES, now=UTC_NOON, days=10, truth=truth)
    scored = told.scored
    assert scored is not None
    whole = scored.scores[0]
    assert (whole.of, whole.hits, whole.misses, whole.pod) == ("all", 1, 1, 0.5)
    html = page(told, "en")
    assert "Nothing to score yet" not in html
    assert "2 occurrences" in html


def test_an_incident_can_be_named_and_one_that_is_not_there_is_told(folder: Path) -> None:
    with open_home(folder / "home", exclusive=False) as home:
        key = str(report_of(home, RULES, now=UTC_NOON).storm.incident)  # type: ignore[union-attr]
        again = report_of(home, RULES, now=UTC_NOON, incident=key).storm
        assert again is not None
        assert again.incident == key
        for wrong in ("0123456789abcdef", "x' OR 'a' = 'a"):
            with pytest.raises(AtalaiaError, match="no incident"):
                report_of(home, RULES, now=UTC_NOON, incident=wrong)


def test_an_outage_can_be_shown_though_nothing_is_measured(folder: Path) -> None:
    with open_home(folder / "home", exclusive=False) as home:
        key = next(
            e.alert.incident for _, e in home.state.alerts() if e.alert.hazard == "cannot_see"
        )
        told = report_of(home, RULES, now=UTC_NOON, incident=key)
    assert told.storm is not None
    assert told.storm.lines == ()
    assert "no data" in page(told, "en").lower()


def test_an_empty_home_has_nothing_to_report(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home, pytest.raises(PayloadInvalid, match="nothing"):
        report_of(home, RULES, now=UTC_NOON)


# The page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone(told: Report, language: str) -> None:
    html = page(told, language)
    found = read(html)
    names = {name for name, _ in found.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "use", "a"}
    assert not re.search(r"https?:|url\(|@import", html)
    assert any("default-src 'none'" in str(told.get("content")) for _, told in found.tags)
    assert ("html", {"lang": language}) in found.tags


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks_one_language(told: Report, language: str) -> None:
    words = {
        "pt-BR": ("Relatório do tempo extremo", "Chuva forte", "Calendário", "Vermelho"),
        "en": ("Extreme weather report", "Heavy rain", "Calendar", "Red"),
        "es": ("Informe de tiempo extremo", "Lluvia fuerte", "Calendario", "Rojo"),
    }
    said = " ".join(read(page(told, language)).texts)
    for one, phrases in words.items():
        for phrase in phrases[:2]:
            assert (phrase in said) == (one == language), phrase


def test_every_picture_says_what_it_shows_and_is_well_formed(told: Report) -> None:
    html = page(told, "en")
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) > 20
    names = []
    for picture in pictures:
        svg = ElementTree.fromstring(picture)
        title = svg.find("title")
        assert title is not None
        assert title.text
        assert svg.get("role") == "img"
        assert svg.get("aria-labelledby") == title.get("id")
        names.append(title.get("id"))
        for element in svg.iter():
            assert "nan" not in " ".join(element.attrib.values())
    assert len(set(names)) == len(names)
    assert html.count("<details>") >= 2


def test_a_level_has_a_shape_of_its_own() -> None:
    shapes = {re.sub(r'class="[^"]*"', "", mark(0, 0, 5, level)) for level in (2, 3, 4)}
    assert len(shapes) == 3
    assert mark(0, 0, 5, 1) != mark(0, 0, 5, 2)  # a ring and a disc: by the style of their class


def test_what_people_named_is_escaped(told: Report) -> None:
    html = page(told, "en")
    assert "<Alegre>" not in html
    assert "Porto &lt;Alegre&gt; &amp; co" in html
    assert (
        tag("p", '"<&>', title='"<&>') == '<p title="&quot;&lt;&amp;&gt;">&quot;&lt;&amp;&gt;</p>'
    )
    assert tag("p", Markup("<b>x</b>")) == "<p><b>x</b></p>"


def test_missing_hours_are_not_drawn_as_if_they_were_known() -> None:
    at = (0, 3600, 7200, 7200 + 6 * 3600, 7200 + 7 * 3600)
    parts = list(_unbroken(Line("station", at, (1.0, 2.0, 3.0, 4.0, 5.0))))
    assert [len(part) for part in parts] == [3, 2]


def test_scores_and_reliability_are_drawn_with_their_intervals(told: Report) -> None:
    from msgspec.structs import replace

    score = ScorePoint("model", "source", 8, 2, 2, 0.8, 0.2, 0.67, 1.0, (0.6, 0.9), (0.1, 0.4))
    nothing = ScorePoint("mute", "source", 0, 3, 0, 0.0, None, 0.0, 0.0)
    rows = (
        LeadTimeScore("model", "3 to 6 h", 12, 8, 2, 2, 0.8, (0.49, 0.94)),
        LeadTimeScore("model", "24 h on", 3, 0, 0, 3, None, None),
    )
    html = page(replace(told, sources_scored=(score, nothing), foretold=rows), "pt-BR")
    said = read(html).texts
    assert "8 de 10" in said
    assert "3 a 6 h" in said
    assert "0,80" in said
    assert html.count('class="whisker c0"') == 2
    assert html.count('class="whisker thick c0"') == 1
    assert "mute" in said  # in the table, as there is no place for it in the diagram


def test_ticks_are_round_and_lie_inside() -> None:
    assert ticks(0, 110, 6) == [0, 20, 40, 60, 80, 100]
    assert ticks(-0.3, 0.3, 4) == [-0.2, 0, 0.2]
    assert ticks(5, 5, 4) == [5]


def test_the_command_writes_the_page(folder: Path, tmp_path: Path) -> None:
    def run(out: Path, *more: str) -> Result:
        asked = ["report", "--home", str(folder / "home"), "--days", "10", "--language", "es"]
        return CliRunner().invoke(app, [*asked, *more, "--out", str(out)])

    out = tmp_path / "page.html"
    assert run(out).exit_code == 0
    html = out.read_text("utf-8")
    assert html.startswith("<!doctype html>")
    assert '<html lang="es">' in html
    assert run(out, "--rules", "basic").exit_code == 0
    assert "La regla cambió desde entonces" in out.read_text("utf-8")
    wrong = run(tmp_path / "no" / "page.html")
    assert isinstance(wrong.exception, AtalaiaError)
    assert "give another --out" in str(wrong.exception)


def test_a_day_is_the_places_also_where_it_begins_before_that_of_utc(tmp_path: Path) -> None:
    """21:00 of 30 April in UTC is the morning of 1 May in Auckland."""
    from stories import HOUR, places, rows, rule_set, series, write_readings

    where = places(1, zone="Pacific/Auckland")
    gusts = series([5.0 + i % 3 for i in range(10)] + [25.0], start=UTC_NOON - HOUR)
    file = write_readings(tmp_path / "readings.csv", rows(gusts), where)
    rules = rule_set({"limits": {"yellow": 15}, "keep_firing_for": "1h"})
    replay(where, [file], rules, home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as home:
        report = report_of(home, rules, now=UTC_NOON, days=3)
    days = {day.date: (day.incidents, day.has_data) for day in report.days}
    assert days["2024-05-01"] == (1, True)
    assert len(days) == 3


def test_a_place_that_said_nothing_is_no_data_and_a_change_is_told_in_words(tmp_path: Path) -> None:
    from stories import places, rows, rule_set, series, write_readings

    where = places(2)
    fall = series([21.0] * 13 + [20.0 - i for i in range(12)], variable="temperature_c")
    file = write_readings(tmp_path / "readings.csv", rows(fall), where)
    rule = {"hazard": "temperature_drop", "variable": "temperature_c", "measure": "change"}
    more = {"window": "12h", "when": "below", "limits": {"yellow": -6.05}, "keep_firing_for": "1h"}
    rules = rule_set({**rule, **more, "exit": {"yellow": -4}})
    replay(where, [file], rules, home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as home:
        report = report_of(home, rules, now=UTC_NOON, days=2)
    assert [spot.has_data for spot in report.spots] == [True, False]
    said = " ".join(read(page(report, "en")).texts)
    assert "a fall of 7" in said
    assert "limit a fall of 6.1 °C" in said  # and not -6
    assert "-7 °C" not in said
    assert "Place 1: 0 incidents, no data" in said
    assert "Place 0: 1 incidents, Yellow" in said
