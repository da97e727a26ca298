"""The command line as people and programs use it."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atalaia import __version__
from atalaia.cli import app
from atalaia.domain.place import Places
from atalaia.sources.recorded import read_places
from patience import LIMIT_S
from stories import (
    HOUR,
    T0,
    atalaia,
    command,
    forecast,
    here,
    objects,
    rows,
    series,
    write_places,
    write_readings,
)

KEYS = [
    *("incident", "version", "type", "place_id", "hazard", "level", "severity", "urgency"),
    *("certainty", "sent_at", "onset_at", "expires_at", "evidence", "source", "valid_at"),
    *("variable", "window_s", "value", "unit", "limit", "rule", "reason", "text"),
]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """places.csv and readings.csv of a stormy day at two places, one of which falls silent."""
    folder = tmp_path_factory.mktemp("story")
    places = Places(read_places(write_places(folder / "places.csv", "north", "south")))
    parts = [
        series([3, 12, 18, 29, 18, 3, 3, 3, 3, 3], rain_mm=[0, 5, 35, 10, 0, 0, 0, 0, 0, 0]),
        series([3, 4], place=1),
        forecast(T0 + 2 * HOUR, [3, 3, 3, 20, 20, 3], place=1),
    ]
    write_readings(folder / "readings.csv", rows(*parts), places)
    return folder


@pytest.fixture(scope="module")
def home(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that keeps the story."""
    folder = tmp_path_factory.mktemp("homes") / "home"
    done = replay(story, "--home", folder, "--alerts", folder.with_suffix(".ndjson"))
    assert done.returncode == 0, done.stderr
    return folder


def replay(folder: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return here("replay", "--places", folder / "places.csv", folder / "readings.csv", *more)


# Replay


def test_the_same_rows_give_a_byte_identical_file_in_whatever_files_they_come(
    nyc: Path, tmp_path: Path
) -> None:
    header, *body = (nyc / "readings.csv").read_text().splitlines(keepends=True)
    body = [row for row in body if "-06-" in row[:13] or "-07-" in row[:13]]
    names = header.strip().split(",")
    chance = random.Random(7)

    def alerts_of(label: str, *files: Path) -> bytes:
        out = tmp_path / f"{label}.ndjson"
        done = here("replay", "--places", nyc / "places.csv", *files, "--alerts", out)
        assert done.returncode == 0, done.stderr
        return out.read_bytes()

    def written(label: str, lines: list[str], columns: list[str] | None = None) -> Path:
        path = tmp_path / f"{label}.csv"
        if columns is None:
            path.write_text(header + "".join(lines))
            return path
        with path.open("w", newline="") as file:
            out = csv.DictWriter(file, columns)
            out.writeheader()
            out.writerows(csv.DictReader(io.StringIO(header + "".join(lines))))
        return path

    plain = alerts_of("plain", written("plain-rows", body))
    assert plain.count(b"\n") > 100
    shuffled = chance.sample(body, len(body))
    assert alerts_of("shuffled", written("shuffled-rows", shuffled)) == plain
    thirds = [
        written(
            f"part-{i}", chance.sample(body, 500) + shuffled[i::3], chance.sample(names, len(names))
        )
        for i in range(3)
    ]
    assert alerts_of("split-and-repeated", *thirds, thirds[0]) == plain


def test_alerts_are_lines_of_json_with_every_key_in_order(home: Path) -> None:
    lines = home.with_suffix(".ndjson").read_text().splitlines()
    assert len(lines) > 6
    for line in lines:
        alert = json.loads(line)
        assert list(alert) == [*KEYS, "places"]
        assert alert["valid_at"] is not None
        assert alert["sent_at"].endswith("+00:00")
        assert set(alert["text"]) == {"pt-BR", "en", "es"}
    keys = [(a["sent_at"], a["incident"], a["version"]) for a in map(json.loads, lines)]
    assert keys == sorted(keys)


def test_a_dash_writes_the_alerts_to_stdout_and_nothing_else(story: Path, home: Path) -> None:
    done = replay(story, "--alerts", "-")
    assert done.returncode == 0
    assert done.stdout == home.with_suffix(".ndjson").read_text()
    assert "readings 18" in done.stderr
    both = replay(story, "--alerts", "-", "--json")
    assert both.stdout == done.stdout
    assert json.loads(both.stderr)["readings"] == 18


def test_the_summary_is_for_people_or_with_json_for_programs(story: Path) -> None:
    people = replay(story)
    assert people.returncode == 0
    assert "readings 18" in people.stdout.splitlines()
    assert "north town" in people.stdout
    assert "heavy rain" in people.stdout
    assert people.stderr == ""
    told = json.loads(replay(story, "--json").stdout)
    assert told["readings"] == 18
    assert told["alerts"] == len(told["incidents"])
    assert {one["hazard"] for one in told["incidents"]} >= {"wind", "heavy_rain", "cannot_see"}


def test_no_colour_where_nobody_wants_it(story: Path) -> None:
    assert "\x1b" not in replay(story).stdout, "not on a terminal"
    forced = atalaia(
        "replay", "--places", story / "places.csv", story / "readings.csv",
        NO_COLOR="1", FORCE_COLOR="",
    )  # fmt: skip
    assert "\x1b" not in forced.stdout


def test_an_interrupted_home_is_gone_on_with_and_a_finished_one_is_told_again(
    story: Path, home: Path
) -> None:
    file = home.with_suffix(".ndjson")
    before = file.read_bytes()
    file.write_text("half a li")
    done = replay(story, "--home", home, "--alerts", file)
    assert done.returncode == 0
    assert file.read_bytes() == before


def test_a_rule_file_of_ones_own_is_used(story: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'name = "mine"\n[[rule]]\nname = "breeze"\nhazard = "wind"\n'
        'variable = "wind_gust_m_s"\nlimits = { yellow = 4 }\n'
    )
    done = replay(story, "--rules", mine, "--json")
    assert {i["hazard"] for i in json.loads(done.stdout)["incidents"]} == {"wind", "cannot_see"}


# Exit codes and errors

WRONG_USE = [
    (),
    ("replay",),
    ("replay", "--places"),
    ("no-such-command",),
    ("sql", "SELECT 1", "--format", "xml"),
    ("replay", "--places", "p.csv", "--colour", "red", "r.csv"),
    ("alerts", "--language", "klingon"),
    ("alerts", "--last", "many"),
    ("alerts", "--last", "0"),
]


@pytest.mark.parametrize("arguments", WRONG_USE)
def test_wrong_use_is_exit_2_and_said_on_stderr(arguments: tuple[str, ...]) -> None:
    done = here(*arguments)
    assert done.returncode == 2
    assert done.stderr or not arguments
    assert "Traceback" not in done.stderr


def test_what_a_person_can_mend_is_exit_1_with_file_and_next_step(
    story: Path, tmp_path: Path
) -> None:
    bad_rules = tmp_path / "bad.toml"
    bad_rules.write_text(
        '[[rule]]\nname = "x"\nhazard = "wind"\nvariable = "gusts"\nlimits = { yellow = 3 }\n'
    )
    bad_places = tmp_path / "bad-places.csv"
    bad_places.write_text("place_id,name,latitude,longitude,timezone\na,A,95,0,UTC\na,A,1,1,Mars\n")
    readings, places = story / "readings.csv", story / "places.csv"
    cases = [
        (("replay", "--places", places, tmp_path / "none.csv"), ["none.csv"]),
        (("replay", "--places", tmp_path / "none.csv", readings), ["none.csv:1"]),
        (("replay", "--places", places, bad_rules), ["bad.toml:1", "neither a readings file"]),
        (("replay", "--places", bad_places, readings), ["bad-places.csv:2", "95", ":3", "Mars"]),
        (("replay", "--places", places, readings, "--rules", bad_rules), ["bad.toml:4", "gusts"]),
        (
            ("replay", "--places", places, readings, "--rules", "nope"),
            ["nope", "inmet, inmet-quiet"],
        ),
        (("replay", "--places", places, readings, "--alerts", tmp_path / "no/such/f"), ["no/such"]),
        (("sql", "SELECT 1", "--home", tmp_path / "nowhere"), ["nowhere", "atalaia"]),
        (("alerts", "--home", tmp_path / "nowhere"), ["nowhere"]),
        (("refine", "--home", tmp_path / "nowhere"), ["nowhere"]),
        (("rules", bad_rules), ["bad.toml:4", "`atalaia variables`"]),
        (("config", "check", tmp_path / "none.toml"), ["none.toml"]),
    ]
    for arguments, words in cases:
        done = here(*arguments)
        assert done.returncode == 1, (arguments, done.stderr)
        assert done.stdout == "", arguments
        assert "Traceback" not in done.stderr, arguments
        assert all(word in done.stderr for word in words), (arguments, done.stderr)


def test_rows_that_cannot_be_read_are_counted_and_the_rest_is_replayed(
    story: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.csv"
    good = (story / "readings.csv").read_text()
    damaged.write_text(
        good + "north,yesterday,3600,observed\nnowhere" + ",2024-01-01T00:00:00Z" * 9
    )
    done = here("replay", "--places", story / "places.csv", damaged)
    assert done.returncode == 0
    assert "readings 18" in done.stdout
    assert "rejected" in done.stdout
    assert "damaged.csv:20" in done.stdout


# Asking


def test_sql_answers_as_table_csv_or_json(home: Path) -> None:
    query = "SELECT place_id, count(*) AS n FROM readings GROUP BY 1 ORDER BY 1"
    table = here("sql", query, "--home", home)
    assert table.returncode == 0
    assert "north" in table.stdout
    found = list(
        csv.reader(io.StringIO(here("sql", query, "--home", home, "--format", "csv").stdout))
    )
    assert found == [["place_id", "n"], ["north", "10"], ["south", "8"]]
    as_json = objects(here("sql", query, "--home", home, "--json").stdout)
    assert as_json == [{"place_id": "north", "n": 10}, {"place_id": "south", "n": 8}]


def test_sql_is_read_from_stdin_and_from_a_file_as_from_the_line(
    home: Path, tmp_path: Path
) -> None:
    query = "SELECT place_id,\n  count(*) AS n\nFROM readings GROUP BY 1 ORDER BY 1"
    (tmp_path / "q.sql").write_text(query)

    def asked(*options: str, stdin: str = "") -> str:
        done = CliRunner().invoke(app, ["sql", "--home", str(home), "--json", *options], stdin)
        assert done.exit_code == 0, done.output
        return done.stdout

    on_the_line = asked(query)
    assert objects(on_the_line) == [
        {"place_id": "north", "n": 10},
        {"place_id": "south", "n": 8},
    ]
    assert asked("-", stdin=query) == on_the_line
    assert asked("--file", str(tmp_path / "q.sql")) == on_the_line


@pytest.mark.parametrize("options", [[], ["SELECT 1", "--file", "q.sql"]])
def test_sql_from_nowhere_or_from_two_places_is_refused(options: list[str]) -> None:
    done = CliRunner().invoke(app, ["sql", *options])
    assert done.exit_code == 2
    assert "one of them" in done.stderr


def test_a_shell_completes_commands() -> None:
    ask = {"_ATALAIA_COMPLETE": "complete_bash", "COMP_WORDS": "atalaia back", "COMP_CWORD": "1"}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['atalaia']; from atalaia.cli import main; main()",
        ],
        env={**os.environ, **ask},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.stdout.split() == ["backup", "backtest"]


def test_sql_knows_readings_alerts_and_incidents(home: Path) -> None:
    told = home.with_suffix(".ndjson").read_text().splitlines()
    query = (
        "SELECT (SELECT count(*) FROM alerts) AS alerts, (SELECT count(*) FROM incidents) AS "
        "incidents, (SELECT count(*) FROM readings) AS readings"
    )
    (row,) = objects(here("sql", query, "--home", home, "--json").stdout)
    incidents = {json.loads(line)["incident"] for line in told}
    assert row == {"alerts": len(told), "incidents": len(incidents), "readings": 18}


@pytest.mark.parametrize(
    "query", ["SELECT nothing FROM readings", "DROP TABLE readings", "SELEC", ""]
)
def test_sql_that_cannot_be_run_is_exit_1(home: Path, query: str) -> None:
    done = here("sql", query, "--home", home)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("atalaia: ")
    assert "Traceback" not in done.stderr


def test_gold_rebuilt_from_raw_is_the_same(home: Path) -> None:
    query = "SELECT * FROM readings ORDER BY ALL"
    before = here("sql", query, "--home", home, "--json").stdout
    done = here("refine", "--rebuild", "--home", home, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 18
    assert here("sql", query, "--home", home, "--json").stdout == before


def test_the_inbox_tells_the_newest_last_in_the_language_asked_for(home: Path) -> None:
    told = here("alerts", "--home", home, "--language", "en", "--last", "2")
    lines = told.stdout.splitlines()
    assert len(lines) == 2
    assert all("not an official warning" in line for line in lines)
    assert lines[0][:25] <= lines[1][:25]
    as_json = here("alerts", "--home", home, "--json", "--last", "1")
    assert list(json.loads(as_json.stdout)) == KEYS


@pytest.mark.parametrize("name", ["tables", "variables", "rules"])
def test_what_there_is_is_listed_for_people_and_programs(name: str) -> None:
    assert "rain" in here(name).stdout
    assert objects(here(name, "--json").stdout)


def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    writer = subprocess.Popen(
        command("sql", "SELECT * FROM readings, range(20000)", "--home", home, "--format", "csv"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.readline()
    writer.stdout.close()
    error = writer.stderr.read().decode()
    assert writer.wait(LIMIT_S) == 0
    assert error == ""
    writer.stderr.close()


def test_the_version_is_told_at_once() -> None:
    took = []
    for _ in range(3):
        before = os.times()
        done = atalaia("--version")
        after = os.times()
        took.append(
            after.children_user + after.children_system
            - before.children_user - before.children_system
        )  # fmt: skip
        assert done.stdout.startswith(f"atalaia {__version__} (time zones: tzdata ")
    assert min(took) < 1.0, "about 0.3 s of a core, whatever else it has to do"


def test_every_command_says_what_it_is_for() -> None:
    for name in ("run", "replay", "sql", "tables", "alerts", "refine", "variables", "rules"):
        done = here(name, "--help")
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) > 4
