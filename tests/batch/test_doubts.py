"""A score of nothing but misses and false alarms says why, where alerts and events cannot meet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from stories import places, rows, series, write_places, write_readings


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gusts at p0 in the first days of 2024."""
    folder = tmp_path_factory.mktemp("doubts")
    gusts = [25.0 if hour % 60 == 30 else 3.0 + hour % 5 for hour in range(20 * 24)]
    write_readings(folder / "readings.csv", rows(series(gusts)), places(1))
    where = write_places(folder / "places.csv", "p0")
    file = folder / "alerts.ndjson"
    replayed = CliRunner().invoke(
        app, ["replay", str(folder / "readings.csv"), "--places", str(where), "--alerts", str(file)]
    )
    assert replayed.exit_code == 0, replayed.output
    return file


@pytest.mark.parametrize(
    ("events", "options", "said"),
    [
        ("started_at\n2024-01-02T09:00Z\n", ["--hazard", "flood"], "no alert is of flood"),
        ("started_at\n2025-01-02T09:00Z\n", [], "they have no day in common"),
        (
            "started_at,place_id\n2024-01-02T09:00Z,nowhere\n",
            [],
            "they name nowhere, alerts are of",
        ),
        ("started_at\n2025-01-02\n", ["--to", "2024-02-01"], "no event lies in the days"),
    ],
)
def test_alerts_and_events_that_cannot_meet_are_told_of(
    alerts: Path, tmp_path: Path, events: str, options: list[str], said: str
) -> None:
    (tmp_path / "events.csv").write_text(events)
    asked = ["verify", "--alerts", str(alerts), "--events", str(tmp_path / "events.csv"), *options]
    answer = CliRunner().invoke(app, [*asked, "--json"])
    assert answer.exit_code == 0, answer.output
    assert said in answer.stderr
    assert json.loads(answer.stdout)["score"]["hits"] == 0


def test_where_an_alert_met_an_event_nothing_is_doubted(alerts: Path, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("started_at\n2024-01-02T06:00Z\n2024-01-20T23:00Z\n")
    files = ["--alerts", str(alerts), "--events", str(tmp_path / "events.csv")]
    answer = CliRunner().invoke(app, ["verify", *files, "--hazard", "wind"])
    assert (answer.exit_code, answer.stderr) == (0, "")


def test_no_alert_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "alerts.ndjson").write_text("")
    (tmp_path / "events.csv").write_text("started_at\n2024-01-02\n")
    files = ["--alerts", str(tmp_path / "alerts.ndjson"), "--events", str(tmp_path / "events.csv")]
    assert "no alert warns of anything" in CliRunner().invoke(app, ["verify", *files]).stderr


def test_rules_that_name_a_norm_say_so_where_files_have_none(alerts: Path) -> None:
    folder = alerts.parent
    files = [str(folder / "readings.csv"), "--places", str(folder / "places.csv")]
    asked = ["backtest", "--rules", "basic", "--rules", "climate", *files, "--json"]
    answer = CliRunner().invoke(app, asked)
    assert answer.exit_code == 0, answer.output
    assert "names a norm" in answer.stderr
