"""The commands of the past, in this process: what they print is what there was, and no more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from atalaia.cli import app
from atalaia.domain.place import Place, Places
from stories import PLACES_HEADER, rows, series, write_readings

WHERE = Places(
    Place(id=i, name=f"[b]{i}[/i]", latitude=1, longitude=2, timezone="UTC") for i in "ab"
)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Places and a source whose names look like markup, and a row that cannot be read."""
    folder = tmp_path_factory.mktemp("story")
    lines = (f"{p.id},{p.name},{p.latitude},{p.longitude},UTC,\n" for p in WHERE)
    (folder / "places.csv").write_text(PLACES_HEADER + "".join(lines))
    gusts = series([5.0, 12.0, 31.0, 5.0, 4.0, 3.0, 3.0, 3.0], source="[/red]")
    file = write_readings(folder / "readings.csv", rows(gusts), WHERE)
    _, first, *_ = file.read_text().splitlines()
    with file.open("a") as more:
        more.write(first.replace("2024-01-01T00:00:00Z", "[/bold]") + "\n")
    return folder


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def replay(story: Path, *words: str | Path) -> Result:
    done = run("replay", story / "readings.csv", "--places", story / "places.csv", *words)
    assert done.exit_code == 0, done.output
    return done


def test_what_files_say_is_told_as_it_stands_there_brackets_and_all(story: Path) -> None:
    said = replay(story).stdout
    assert "▲▲▲ red    wind         [b]a[/i]" in said
    assert "rejected 1: not a time (first: readings.csv:10: valid_at is '[/bold]')" in said
    assert "no readings at all for: b" in said
    assert "gust reached 31 m/s (limit" in said


def test_for_programs_it_is_one_object(story: Path) -> None:
    told = json.loads(replay(story, "--json").stdout)
    assert (told["readings"], told["rejected"]) == (8, {"not a time": 1})
    assert told["places_without_readings"] == ["b"]
    assert (told["raw"], told["gold"], told["as_live"]) == (None, None, None)
    (incident,) = [one for one in told["incidents"] if one["hazard"] == "wind"]
    assert (incident["place_id"], incident["peak"], incident["is_below"]) == ("a", 31.0, False)


def test_alerts_on_stdout_are_all_that_is_there(story: Path, tmp_path: Path) -> None:
    """What is told of them goes to people's own stream."""
    on_stdout = replay(story, "--alerts", "-")
    replay(story, "--alerts", tmp_path / "alerts.ndjson")
    assert on_stdout.stdout == (tmp_path / "alerts.ndjson").read_text()
    assert {json.loads(line)["place_id"] for line in on_stdout.stdout.splitlines()} == {"a"}
    assert "readings 8" in on_stdout.stderr


def test_a_home_that_is_kept_is_named_and_its_past_can_be_cut(story: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    said = replay(story, "--home", home).stdout
    assert f"RAW {home}" in said.replace("\n", "")
    done = run(
        "cut", tmp_path / "out", "--home", home, "--from", "2024-01-01", "--to", "2024-01-02"
    )
    assert (done.exit_code, done.stderr.split()[:2]) == (0, ["1", "payload"])
    again = run("replay", "--payloads", tmp_path / "out" / "payloads.ndjson",
                "--places", tmp_path / "out" / "places.csv", "--json")  # fmt: skip
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["readings"] == 8
    nothing = run("cut", tmp_path / "out", "--home", home, "--from", "2025-01-01")
    assert "nothing arrived then; give other times" in str(nothing.exception)


def test_a_home_of_a_replay_lacks_no_watch(story: Path, tmp_path: Path) -> None:
    """One is refused there: the doctor must not send people to start it."""
    replay(story, "--home", tmp_path / "home")
    done = run("doctor", "--home", tmp_path / "home")
    assert done.exit_code == 0, done.output
    assert "none: a replay made this home" in done.stdout
    (gold, *_) = sorted((tmp_path / "home" / "lake" / "gold" / "readings").rglob("*.parquet"))
    gold.write_bytes(gold.read_bytes()[:-9])
    damaged = run("doctor", "--home", tmp_path / "home")
    assert damaged.exit_code == 1
    assert f"files cannot be read: {gold.relative_to(tmp_path / 'home' / 'lake')}" in damaged.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("x.csv",),
        ("x.csv", "--payloads", "y.ndjson", "--places", "p.csv"),
        ("--payloads", "y.ndjson", "--from-stream", "h"),
        ("--from-stream", "h", "--places", "p.csv"),
    ],
)
def test_what_to_replay_is_said_once(words: tuple[str, ...]) -> None:
    done = run("replay", *words)
    assert done.exit_code == 2
    assert "--from-stream" in done.output


def test_rules_of_areas_without_areas_say_so(story: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        'name = "areas"\n[[rule]]\nname = "wide"\nhazard = "wind"\nvariable = "wind_gust_m_s"\n'
        "limits = { yellow = 10 }\narea = { places = 2 }\n"
    )
    said = replay(story, "--rules", rules).stderr
    assert "no place has an area: the area rules of areas judge none" in said


# What was not read


HEADER = "place_id,valid_at,period_s,kind,wind_gust_m_s\n"


def unread(folder: Path, text: str, *words: str | Path) -> Result:
    (folder / "unread.csv").write_text(text)
    places = folder / "places.csv"
    places.write_text(f"{PLACES_HEADER}a,A,1,2,UTC,\nb,B,1,2,UTC,\n")
    return run("replay", folder / "unread.csv", "--places", places, *words)


@pytest.mark.parametrize("words", [(), ("--json",), ("--home", "home"), ("--alerts", "told")])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "neither a readings file"),
        (HEADER, "it has no rows; write some, or leave it out"),
        (
            "place_id,valid_at,wind_gust_m_s\na,2024-01-01T00:00:00Z,31\n",
            "unread.csv:1: no row can be read (missing column: no period_s, kind: period_s is the "
            "seconds that a sum is over (3600 for hourly rain, 0 for instants), kind is observed, "
            "analysis or forecast; found place_id,valid_at,",
        ),
        (
            f"{HEADER}c,2024-01-01T00:00:00Z,0,observed,31\n",
            "no reading is of a place that is watched (unread.csv:2: 'c' is not watched (1 rows",
        ),
        (
            f"{HEADER}a,2024-01-01T00:00:00Z,0,seen,31\na,x,0,seen,31\n",
            "unread.csv:2: no row can be read (unknown kind: 'seen'); mend the file",
        ),
    ],
)
def test_where_nothing_can_be_read_nothing_is_told_but_why(
    tmp_path: Path, text: str, why: str, words: tuple[str, ...]
) -> None:
    options = [tmp_path / word if word in ("home", "told") else word for word in words]
    done = unread(tmp_path, text, *options)
    assert done.exit_code == 1
    assert why in str(done.exception)
    assert done.stdout == ""
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "place_id,valid_at,rain_mm\na,2024-01-01T00:00:00Z,31\n",
            "rejected 1: missing column (first: more.csv:1: no period_s, kind: period_s is",
        ),
        (HEADER, "rejected 1: no rows (first: more.csv)"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_costs_no_other_and_is_no_calm(
    tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "rules.toml").write_text(GUSTS)
    (tmp_path / "more.csv").write_text(text)
    rows_ = "".join(f"{i},2024-01-01T00:00:00Z,0,observed,1\n" for i in "ab")
    done = unread(
        tmp_path, HEADER + rows_, tmp_path / "more.csv", "--rules", tmp_path / "rules.toml"
    )
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert said.startswith("No incident in what was read; of the rest, which is named below,")
    assert named in said


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"{HEADER}a,2024-01-01T00:00:00Z,0,observed,1\n", "no readings at all for: b"),
        (
            f"{HEADER}a,2024-01-01T00:00:00Z,0,observed,1\nb,x,0,observed,31\n",
            "rejected 1: not a time (first: unread.csv:3: valid_at is 'x')",
        ),
        (
            f"{HEADER}a,2024-01-01T00:00:00Z,0,observed,\nb,2024-01-01T00:00:00Z,0,observed,\n",
            "no value at all of wind_gust_m_s: what rules judge by them is not known",
        ),
    ],
)
def test_what_was_read_in_part_is_no_calm(tmp_path: Path, text: str, named: str) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(GUSTS)
    done = unread(tmp_path, text, "--rules", rules)
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert said.startswith("No incident in what was read; of the rest, which is named below,")
    assert named in said


GUSTS = (
    'name = "gusts"\n[[rule]]\nname = "gust"\nhazard = "wind"\nvariable = "wind_gust_m_s"\n'
    "limits = { yellow = 10 }\n"
)


def test_calm_is_said_where_all_was_read(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(GUSTS)
    rows_ = "".join(f"{i},2024-01-01T00:00:00Z,0,observed,1\n" for i in "ab")
    done = unread(tmp_path, HEADER + rows_, "--rules", rules)
    assert done.stdout.startswith("No incident: nothing passed a limit of the rules.")
    told = json.loads(unread(tmp_path, HEADER + rows_, "--rules", rules, "--json").stdout)
    assert told["variables_without_values"] == []


def test_payloads_without_a_reading_are_no_calm(tmp_path: Path) -> None:
    (tmp_path / "p.ndjson").write_text(
        '{"received_at": "2024-01-01T00:00:00Z", "source": "csv", "content": "readings-csv", '
        '"body_text": "place_id,valid_at\\na,2024-01-01T00:00:00Z"}\n'
    )
    (tmp_path / "places.csv").write_text(f"{PLACES_HEADER}a,A,1,2,UTC,\n")
    done = run("replay", "--payloads", tmp_path / "p.ndjson", "--places", tmp_path / "places.csv")
    assert done.exit_code == 1
    assert done.stdout.startswith("No reading was read: what the weather was is not known")
    assert "no reading could be read (missing column: " in str(done.exception)
    assert "give payloads, places or a home that have some" in str(done.exception)


def test_a_backtest_says_what_was_not_read(tmp_path: Path) -> None:
    text = f"{HEADER}a,2024-01-01T00:00:00Z,0,observed,3\na,x,0,observed,3\n"
    unread(tmp_path, text)
    (tmp_path / "gusts.toml").write_text(GUSTS)
    (tmp_path / "cold.toml").write_text(
        'name = "cold"\n[[rule]]\nname = "cold"\nhazard = "cold"\nvariable = "temperature_c"\n'
        'when = "below"\nlimits = { yellow = 3 }\n'
    )
    tried = ("backtest", tmp_path / "unread.csv", "--places", tmp_path / "places.csv", "--rules")
    done = run(*tried, tmp_path / "gusts.toml", "--rules", tmp_path / "cold.toml")
    assert done.exit_code == 0, done.output
    assert "rejected 1: not a time (first: unread.csv:3: valid_at is 'x')" in done.stderr
    assert "cold.toml: no value at all of temperature_c: what rules judge" in done.stderr
    assert "gusts.toml: no value" not in done.stderr
    nothing = run(*tried, tmp_path / "cold.toml")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "the files have no value of pressure_hpa or relative" in str(nothing.exception)
