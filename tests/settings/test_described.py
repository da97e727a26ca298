"""Described sources in the settings: what is wrong is told with its own line, all at once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from atalaia.errors import SettingsInvalid
from atalaia.settings import describe, load
from atalaia.settings.described import KEYS

DOCS = Path(__file__).parents[2] / "docs"

PLACE = '[[place]]\nid = "recife"\nname = "Recife"\nlatitude = -8.05\nlongitude = -34.9\n'
URL = 'url = "https://api.example.org/now?at={latitude},{longitude}"\n'
VALUES = '[sources.http.mine.values]\ntemperature_c = "main.temp"\n'


def problems(folder: Path, text: str, **env: str) -> list[str]:
    file = folder / "atalaia.toml"
    file.write_text(PLACE + text)
    with pytest.raises(SettingsInvalid) as told:
        load(file, env)
    # Lines are counted from the first one after the place's.
    return [
        re.sub(r"^file:(\d+)", lambda at: str(int(at[1]) - 5), line.replace(str(file), "file"))
        for line in told.value.problems
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"[sources.http.mine]\n{VALUES}", '1: sources.http.mine.url: missing; write for example'),
        (f"[sources.http.mine]\n{URL}", "1: sources.http.mine.values: no values; write"),
        (f'[sources.http.mine]\nurl = "https://a.example/{{lat}}"\n{VALUES}',
         "2: sources.http.mine.url: {lat} is filled in by nothing; there are {latitude}"),
        (f'[sources.http.mine]\nurl = "https://a.example/"\n{VALUES}',
         "2: sources.http.mine.url: nothing says what it speaks of; write {latitude}"),
        (f'[sources.http.mine]\n{URL}place = "recife"\n{VALUES}',
         "3: sources.http.mine.place: url says what it speaks of; keep one of them"),
        (f'[sources.http.mine]\n{URL}place = "rio"\n{VALUES}',
         "3: sources.http.mine.place: no place 'rio' is watched; give the id of one"),
        (f"[sources.http.mine]\n{URL}urls = 1\n{VALUES}",
         "3: unknown key sources.http.mine.urls (did you mean url?); here go calls_a_day"),
        (f'[sources.http.mine]\n{URL}{VALUES}temperature = "x"\n',
         "5: sources.http.mine.values.temperature: no variable is called so (did you mean temper"),
        (f'[sources.http.mine]\n{URL}{VALUES}rain_mm = "x"\n',
         "5: sources.http.mine.values.rain_mm: a sum needs its period; write rain_mm = { path"),
        (f'[sources.http.mine]\n{URL}{VALUES}wind_gust_m_s = {{ path = "g", unit = "knots" }}\n',
         "5: sources.http.mine.values.wind_gust_m_s: unit 'knots' is not known for it; give"),
        (f'[sources.http.mine]\n{URL}{VALUES}rain_mm = {{ path = "x", period = 1 }}\n',
         "3: sources.http.mine.values: rain_mm: period is no duration"),
        (f'[sources.http.mine]\n{URL}zone = "Recife"\n{VALUES}',
         "3: sources.http.mine.zone: no time zone is called 'Recife'; use an IANA name"),
        (f'[sources.http.mine]\n{URL}kind = "forecast"\n{VALUES}',
         "1: sources.http.mine.time: missing; a forecast without times says nothing"),
        (f"[sources.http.mine]\n{URL}missing = -999\n{VALUES}",
         "3: sources.http.mine.missing: not a list of numbers and texts"),
        (f'[sources.http.mine]\n{URL}station = {{ id = "c", lat = 1 }}\n{VALUES}',
         "3: sources.http.mine.station: Object contains unknown field `lat`; write for example"),
        (f'[sources.http.mine]\n{URL}key_header = "a b"\n{VALUES}',
         "3: sources.http.mine.key_header: not the name of a header; write for example X-Api-Key"),
        (f'[sources.http.mine]\n{URL}interval = "5min"\ncalls_a_day = 100\n{VALUES}',
         "3: sources.http.mine.interval: http:mine: 1 calls a round, every 5 min = 288 a day"),
        (f'[sources.http]\n{URL}', "2: sources.http.url: no source of this name; write [sources."),
        (f'[sources.http."My net"]\n{URL}', "1: sources.http.My net: no source of this name"),
        ("[sources]\nhttp = 1\n", "2: sources.http: not a table; write [sources.http.my-network]"),
    ],
)  # fmt: skip
def test_a_problem_names_its_line_its_key_and_what_to_write(
    tmp_path: Path, text: str, problem: str
) -> None:
    (told,) = problems(tmp_path, text)
    assert told.startswith(problem)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = '[sources.http.mine]\nurl = "here"\nzone = "x"\nformat = "xml"\ninterval = "1s"\n'
    told = problems(tmp_path, f"{text}{VALUES}temperature = 'x'\n")
    assert [line.partition(":")[0] for line in sorted(told)] == ["2", "3", "4", "5", "8"]


def test_what_is_asked_and_what_that_comes_to_is_shown_without_the_query(tmp_path: Path) -> None:
    file = tmp_path / "atalaia.toml"
    file.write_text(f"{PLACE}[sources.http.mine]\n{URL}calls_a_day = 100\n{VALUES}")
    told = "\n".join(describe(load(file, {})))
    assert (
        "http:mine: 1 calls a round, every 15 min = 96 a day (4 an hour), fits in 100 a day; "
        "one round every 15 min would" in told
    )
    assert "http:mine: of places temperature_c, from https://api.example.org/now\n" in told


def test_the_environment_says_any_of_it(tmp_path: Path) -> None:
    file = tmp_path / "atalaia.toml"
    file.write_text(f"{PLACE}[sources.http.mine]\n{URL}{VALUES}")
    env = {
        "ATALAIA_SOURCES_HTTP_MINE_INTERVAL": "20min",
        "ATALAIA_SOURCES_HTTP_MINE_VALUES": json.dumps({"uv_index": "uv"}),
        "ATALAIA_SOURCES_HTTP_MINE_MISSING": "-999,n/a",
    }
    found = load(file, env)
    (one,) = found.described.sources
    assert (one.interval_s, list(one.description.values)) == (1200, ["uv_index"])
    assert one.description.missing == (-999.0, "n/a")
    assert found.ignored == ()
    assert load(file, {"ATALAIA_SOURCES_HTTP_MINE_ENABLED": "false"}).described.sources == ()


def test_every_key_of_a_described_source_is_documented_with_its_variable() -> None:
    page = (DOCS / "described.md").read_text("utf-8")
    told = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(told))) == sorted(KEYS)
    assert "ATALAIA_SOURCES_HTTP_" in page
