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
    assert (done.exit_code, done.stderr.split()[:2]) == (0, ["1", "payloads"])
    again = run("replay", "--payloads", tmp_path / "out" / "payloads.ndjson",
                "--places", tmp_path / "out" / "places.csv", "--json")  # fmt: skip
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["readings"] == 8
    nothing = run("cut", tmp_path / "out", "--home", home, "--from", "2025-01-01")
    assert "nothing arrived then; give other times" in str(nothing.exception)


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
