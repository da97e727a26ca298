"""Reports of a place, of a system and of a range of days; on paper, and as one picture."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from atalaia.cli import app
from atalaia.cli.replays import replay
from atalaia.domain.hazard import Level
from atalaia.domain.place import Place, Places
from atalaia.errors import AtalaiaError, PayloadInvalid
from atalaia.homes.embedded import open_home
from atalaia.report import printed as paper
from atalaia.report.asked import AskedHome
from atalaia.report.extremes import seen_of
from atalaia.report.printed import printed
from atalaia.report.ranged import _unseen, ranged_report
from atalaia.report.render import page
from atalaia.report.reported import Report, ReportScope
from atalaia.report.scope import midnight
from atalaia.report.wish import ReportWish
from atalaia.report.words import offset_of
from atalaia.rules import load
from telling import news

ZONE = "America/Sao_Paulo"
NAME = 'Porto "Alegre" <b>#1</b> *ñ* _ã_ $x$ @y [z]'
PLACES = Places(
    [
        Place(id="poa", name=NAME, latitude=-30.03, longitude=-51.23, timezone=ZONE, area="Sul"),
        Place(
            id="pel", name="Pelotas", latitude=-31.77, longitude=-52.34, timezone=ZONE, area="Sul"
        ),
    ]
)
RULES = load("inmet")
NOW = 1_718_000_000
RAIN = {30: 12.0, 31: 25.0, 32: 35.0, 33: 40.0, 34: 8.0}
DAY = 86_400


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days: a storm at one of two places, and two days and a half of silence at the other."""
    folder = tmp_path_factory.mktemp("ranged")
    lines = ["place_id,source,kind,valid_at,period_s,rain_mm,temperature_c"]
    for hour in range(240):
        at = f"2024-05-{1 + hour // 24:02}T{hour % 24:02}:00:00Z"
        lines.append(f"poa,station,observed,{at},3600,{RAIN.get(hour, 0.0)},{20 + hour % 5}")
        if not 20 <= hour < 86:
            lines.append(f"pel,gauge,observed,{at},3600,0.0,{18 + hour % 3}")
    (folder / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    replay(PLACES, [folder / "readings.csv"], RULES, home=folder / "home")
    return folder / "home"


@cache
def told(home: Path, **wanted: Any) -> Report:
    """Of a home that nothing is written to: what several tests look at is gathered once."""
    with open_home(home, exclusive=False) as opened:
        return ranged_report(opened, RULES, ReportWish(**wanted), NOW)


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# From when to when


@pytest.mark.parametrize(
    ("day", "zone", "at"),
    [
        ("2024-05-01", "UTC", "2024-05-01T00:00"),
        ("2024-05-01", ZONE, "2024-05-01T03:00"),
        ("2018-11-04", ZONE, "2018-11-04T03:00"),  # its midnight is left out: it begins at 01:00
        ("2018-11-05", ZONE, "2018-11-05T02:00"),
        ("2018-02-18", ZONE, "2018-02-18T03:00"),  # the hour before it is there twice
        ("2018-02-17", ZONE, "2018-02-17T02:00"),
        ("2024-03-31", "Europe/Madrid", "2024-03-30T23:00"),
        ("2024-04-01", "Europe/Madrid", "2024-03-31T22:00"),
    ],
)
def test_a_day_begins_by_the_clock_of_its_zone(day: str, zone: str, at: str) -> None:
    assert midnight(date.fromisoformat(day), zone) == instant(at)


def test_a_range_is_half_open_and_its_days_are_the_places(home: Path) -> None:
    found = told(home, place="poa", first=date(2024, 5, 2), until=date(2024, 5, 4))
    assert found.scope is not None
    assert (found.begins, found.ends) == (instant("2024-05-02T03:00"), instant("2024-05-04T03:00"))
    assert [day.date for day in found.days] == ["2024-05-02", "2024-05-03"]
    assert [day.level for day in found.days] == [Level.RED, Level.RED]
    assert (found.levels, found.alerts) == ((0, 0, 0, 1), 4)
    (one,) = found.episodes
    assert (one.hazard, one.level, one.peak, one.unit) == ("heavy_rain", Level.RED, 120.0, "mm")
    # It was over at 15:00 UTC of the third: the day after has nothing of it.
    assert told(home, place="poa", first=date(2024, 5, 4), until=date(2024, 5, 5)).episodes == ()
    before = told(home, place="poa", first=date(2024, 5, 1), until=date(2024, 5, 2))
    assert (before.episodes, before.alerts, before.storm) == ((), 0, None)


def test_days_of_a_change_of_clocks_are_days(tmp_path: Path) -> None:
    lines = ["place_id,source,kind,valid_at,period_s,rain_mm"]
    lines += [
        f"poa,station,observed,2018-11-{3 + hour // 24:02}T{hour % 24:02}:00:00Z,3600,{hour // 2}"
        for hour in range(96)
    ]
    (tmp_path / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    replay(PLACES, [tmp_path / "readings.csv"], RULES, home=tmp_path / "home")
    found = told(tmp_path / "home", place="poa", first=date(2018, 11, 3), until=date(2018, 11, 6))
    assert found.ends - found.begins == 3 * DAY - 3600
    assert [(day.date, day.has_data) for day in found.days] == [
        ("2018-11-03", True),
        ("2018-11-04", True),
        ("2018-11-05", True),
    ]
    assert sum(one.readings for one in found.sources) == 71


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"place": "nowhere"}, "there is no place 'nowhere'; .* lists them"),
        ({"system": "ffff"}, "there is no system 'ffff'; .* lists them"),
        ({"system": "x' OR '1'='1"}, "there is no system"),
        (
            {"place": "poa", "first": date(2024, 5, 3), "until": date(2024, 5, 3)},
            "there is no day: the last one is left out; give a later --to",
        ),
        ({"first": date(1900, 1, 1), "until": date(2024, 5, 3)}, "more than 3660 days"),
    ],
)
def test_what_cannot_be_reported_is_said_with_what_to_do(
    home: Path, wanted: dict[str, Any], why: str
) -> None:
    with pytest.raises(AtalaiaError, match=why):
        told(home, **wanted)


def test_an_empty_home_has_nothing_to_report(tmp_path: Path) -> None:
    with (
        open_home(tmp_path / "home") as opened,
        pytest.raises(PayloadInvalid, match="nothing to report"),
    ):
        ranged_report(opened, RULES, ReportWish(place="poa"), NOW)


# What could be seen


def test_a_range_of_which_nothing_is_known_is_not_called_calm(home: Path) -> None:
    found = told(home, place="poa", first=date(2020, 1, 1), until=date(2020, 1, 4))
    assert [day.has_data for day in found.days] == [False] * 3
    for language, said in (
        ("en", "nothing is known of it. That is not calm weather"),
        ("pt-BR", "nada se sabe dele. Isto não é tempo calmo"),
        ("es", "nada se sabe de él. Esto no es tiempo en calma"),
    ):
        html = page(found, language)
        assert said in html
        assert "No incident" not in html


def test_a_range_without_an_incident_says_so_of_what_could_be_seen(home: Path) -> None:
    html = page(told(home, place="poa", first=date(2024, 5, 6), until=date(2024, 5, 8)), "en")
    assert "No incident in what could be seen of this period." in html
    assert "Of each of the 2 days there are some data." in html
    assert "from 6 May 2024 00:00 to 8 May 2024 00:00 (America/Sao_Paulo)" in html
    assert "the last instant is left out" in html


def test_a_range_in_which_the_watch_was_blind_says_since_when_and_until_when(home: Path) -> None:
    found = told(home, place="Pelotas", first=date(2024, 5, 1), until=date(2024, 5, 6))
    (spell,) = found.unseen
    assert spell.source == "gauge"
    assert spell.ends is not None
    assert spell.begins < instant("2024-05-02T03:00") < spell.ends < instant("2024-05-05T03:00")
    assert [day.has_data for day in found.days] == [True, False, False, True, True]
    assert [day.is_blind for day in found.days] == [True, True, True, True, False]
    html = page(found, "pt-BR")
    assert "De 2 de 5 dias não há nenhum dado" in html
    assert "uma fonte não pôde ser vista" in html
    assert told(home, place="poa", first=date(2024, 5, 1), until=date(2024, 5, 6)).unseen == ()


def test_blindness_is_told_of_the_places_that_it_is_of() -> None:
    def silent(version: int, at: int, *places: str, **more: Any) -> Any:
        entry = news("x", version, hazard="cannot_see", place="b", at=at, **more)
        return replace(entry, places=places)

    from atalaia.report.reported import UnseenSpell

    scope = ReportScope(
        kind="place", id="a", name=("A",) * 3, places=("a",), incidents=None, zone="UTC",
        begins=100, ends=200,
    )  # fmt: skip
    life = [
        silent(1, 90, "b"),
        silent(2, 110, "a"),
        silent(3, 120, "a", reason="eased"),
        silent(4, 150, "a"),
        silent(5, 260, "a", "b", type="end"),
    ]
    found = _unseen(life, scope)
    assert found == [UnseenSpell("station", 110, 120), UnseenSpell("station", 150, 260)]
    assert _unseen(life[:1], scope) == []
    assert _unseen(life[:4], scope)[-1] == UnseenSpell("station", 150, None)


def test_what_was_measured_is_told_by_the_days_of_the_place(home: Path) -> None:
    found = told(home, place="poa", first=date(2024, 5, 2), until=date(2024, 5, 4)).extremes
    rain = next(one for one in found if one.variable == "rain_mm")
    assert (rain.total, rain.most, rain.most_on) == (120.0, 120.0, "2024-05-02")
    assert (rain.highest, rain.lowest) == (None, None)  # of amounts there are only sums
    heat = next(one for one in found if one.variable == "temperature_c")
    assert (heat.highest, heat.lowest, heat.total, heat.days) == (24.0, 20.0, None, 2)


def test_of_days_that_share_an_extreme_the_first_is_named(home: Path) -> None:
    found = told(home, place="poa", first=date(2024, 5, 2), until=date(2024, 5, 9)).extremes
    heat = next(one for one in found if one.variable == "temperature_c")  # the same on each day
    assert (heat.days, heat.highest_on, heat.lowest_on) == (7, "2024-05-02", "2024-05-02")


def test_extremes_look_for_every_variable_that_daily_has_whatever_the_clock(tmp_path: Path) -> None:
    zones = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata")
    there = Places(
        [Place(id=f"p{i}", name="", latitude=0, longitude=i, timezone=zones[i]) for i in range(3)]
    )
    lines = ["place_id,source,kind,valid_at,period_s,rain_mm,temperature_c,wind_gust_m_s"]
    for hour in range(96):  # rain is told of one hour alone, heat early, gusts late
        at = f"2024-05-{1 + hour // 24:02}T{hour % 24:02}:00:00Z"
        rain, heat, gust = ("1" if i else "" for i in (hour == 50, hour < 30, hour > 66))
        lines += [f"p{i},gauge,observed,{at},3600,{rain},{heat},{gust}" for i in range(3)]
    (tmp_path / "readings.csv").write_text("\n".join(lines) + "\n", "utf-8")
    replay(there, [tmp_path / "readings.csv"], RULES, home=tmp_path / "home")
    with open_home(tmp_path / "home", exclusive=False) as opened:
        asked = AskedHome(opened)
        rows = asked("SELECT DISTINCT place_id, day, variable FROM daily")
        assert {day.isoformat() for _, day, _ in rows} >= {f"2024-05-0{i}" for i in range(1, 5)}
        for place, day in {row[:2] for row in rows}:
            of_day = {variable for *where, variable in rows if where == [place, day]}
            scope = ReportScope(
                kind="place", id=place, name=(), places=(place,), incidents=None, zone="UTC",
                begins=0, ends=NOW,
            )  # fmt: skip
            assert of_day <= set(seen_of(asked, scope, day, day).variables)


# A system


def test_a_system_is_reported_from_its_first_day_to_its_last(home: Path) -> None:
    with open_home(home, exclusive=False) as opened:
        ((key,),) = AskedHome(opened)("SELECT system FROM systems")
    found = told(home, system=key)
    assert found.scope is not None
    assert (found.scope.kind, found.scope.places) == ("system", ("poa",))
    assert [day.date for day in found.days] == ["2024-05-02", "2024-05-03"]
    assert [one.place for one in found.episodes] == [NAME]
    assert f"System {key}" in page(found, "en")


def test_all_places_are_reported_of_a_range(home: Path) -> None:
    found = told(home, first=date(2024, 5, 2), until=date(2024, 5, 3), zone=ZONE)
    assert found.scope is not None
    assert found.scope.places == ("poa", "pel")
    assert {spot.place.id for spot in found.spots} == {"poa", "pel"}
    assert len(found.unseen) == 1


# On paper


@pytest.mark.parametrize("language", ["pt-BR", "en", "es"])
def test_a_pdf_has_its_title_its_language_and_its_tags(home: Path, language: str) -> None:
    found = told(home, place="poa", first=date(2024, 5, 1), until=date(2024, 5, 8))
    pdf = printed(found, language, "pdf")
    assert pdf.startswith(b"%PDF-")
    lang = {"pt-BR": "pt-BR", "en": "en-US", "es": "es-ES"}[language]
    assert f"/Lang({lang})".encode() in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert b"/MarkInfo<</Marked true" in pdf
    title = re.search(rb'<dc:title>.*?x-default">(.*?)</rdf:li>', pdf, re.DOTALL)
    assert title is not None
    assert "Porto &quot;Alegre&quot; &lt;b&gt;#1&lt;/b&gt; *ñ* _ã_" in title[1].decode()
    assert b"<xmpTPg:NPages>2</xmpTPg:NPages>" in pdf
    assert pdf == printed(found, language, "pdf"), "the same report makes the same file"


def test_letters_that_no_font_here_has_cost_no_report(home: Path) -> None:
    found = told(home, place="poa", first=date(2024, 5, 1), until=date(2024, 5, 3))
    assert found.scope is not None
    odd = replace(found, scope=replace(found.scope, name=("東京 \U0001f300 \ue000",) * 3))
    assert printed(odd, "en", "pdf").startswith(b"%PDF-")
    assert printed(odd, "en", "png").startswith(b"\x89PNG")


def test_a_png_is_one_picture_of_all_of_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(home, place="poa", first=date(2024, 5, 1), until=date(2024, 5, 8))
    png = printed(found, "es", "png")
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    assert width < height
    monkeypatch.setattr(paper, "_MOST_PIXELS", 1000)
    small = printed(found, "es", "png")
    assert int.from_bytes(small[20:24]) <= 1001


def test_nothing_of_what_is_drawn_names_a_variable_that_only_browsers_know() -> None:
    for version in ("ordinary", "colour-blind"):
        for is_paper in (True, False):
            style = paper._style(version, is_paper=is_paper)
            assert "var(" not in style
            assert ".m.l4 {" in style
            assert "@media" not in style


def test_long_tables_are_cut_on_paper_and_say_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "MOST_ROWS", 1)
    seen: list[Any] = []

    class Typst:
        TypstError = RuntimeError

        @staticmethod
        def compile(files: dict[str, bytes], **_: Any) -> bytes:
            seen.append(json.loads(files["report.json"]))
            return b"%PDF-"

    monkeypatch.setitem(sys.modules, "typst", Typst)  # type: ignore[arg-type]
    printed(told(home, place="poa", first=date(2024, 5, 1), until=date(2024, 5, 8)), "en", "pdf")
    notes = [one["text"] for one in seen[0]["blocks"] if one["kind"] == "note"]
    assert "… and 1 more; the page in HTML has all." in notes  # of two variables
    assert "… and 3 more; the page in HTML has all." in notes  # of four messages


# The command


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["report", *words])


def test_the_command_writes_each_format_where_it_is_told_to(home: Path, tmp_path: Path) -> None:
    asked = ["--home", str(home), "--rules", "inmet", "--place", "poa", "--from", "2024-05-01"]
    for format_, begins in (("html", b"<!doctype"), ("png", b"\x89PNG"), ("pdf", b"%PDF-")):
        out = tmp_path / f"r.{format_}"
        result = run(*asked, "--to", "2024-05-08", "--format", format_, "--out", str(out))
        assert result.exit_code == 0, result.output
        assert out.read_bytes().startswith(begins)
    result = run(*asked, "--format", "pdf", "--out", "-")
    assert result.stdout_bytes.startswith(b"%PDF-")


def test_without_its_extra_a_pdf_says_which_one_is_missing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.chdir(tmp_path)
    result = run("--home", str(home), "--rules", "inmet", "--place", "poa", "--format", "pdf")
    assert isinstance(result.exception, AtalaiaError)
    assert "pip install 'atalaia[report]'" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--format", "doc"],
        ["--place", "poa", "--system", "x"],
        ["--place", "poa", "--incident", "abcd"],
        ["--from", "yesterday"],
        ["--from", "2024-05-01", "--events", "e.csv"],
        ["--days", "99999999999"],
    ],
)
def test_options_that_do_not_go_together_are_refused(home: Path, words: list[str]) -> None:
    result = run("--home", str(home), *words)
    assert result.exit_code == 2, result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--from", "0001-01-01", "--to", "0001-01-05"], "0001-01-01 is not from"),
        (["--to", "0001-01-02"], "0001-01-02 is not from"),
        (["--from", "9999-12-30", "--to", "9999-12-31"], "9999-12-30 is not from"),
        (["--place", ""], "there is no place ''"),
        (["--system", ""], "there is no system ''"),
    ],
)
def test_what_no_report_can_be_of_is_said(home: Path, words: list[str], says: str) -> None:
    result = run("--home", str(home), "--out", "-", *words)
    assert isinstance(result.exception, AtalaiaError), result.output
    assert says in str(result.exception)


@pytest.mark.parametrize(
    ("zone", "said"), [("UTC", ""), ("Asia/Kathmandu", "+5:45"), (ZONE, "−3"), ("Asia/Tokyo", "+9")]
)
def test_an_offset_is_told_in_hours(zone: str, said: str) -> None:
    assert offset_of(NOW, zone) == said
