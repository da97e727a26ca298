"""Chances in RAW against outside events: what a case is, and the way through the command."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from rich.console import Console

from atalaia.batch import chances
from atalaia.batch.chance_scores import ChanceScore, chance_scores
from atalaia.batch.chances_told import told_chances
from atalaia.batch.occurrences import Occurrence
from atalaia.batch.verify import Calendar
from atalaia.cli.scores_chances import show_chances
from atalaia.detect.values import no_norms
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.homes.embedded import open_home
from atalaia.homes.embedded.lake import FolderLake
from atalaia.lake.places import note_places
from ensembles import DAY, HOUR, answer, keep, payload, storm
from stories import here, rule_set, rule_text

AT = 1_789_344_000  # 2026-09-14T00:00:00Z
WHERE = Places(
    [
        Place(id="mao", name="Manaus", latitude=-3.1, longitude=-60.0, timezone="UTC"),
        Place(id="bel", name="Belém", latitude=-1.4, longitude=-48.5, timezone="UTC"),
    ]
)
RULE = {
    "name": "rain-6h",
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "6h",
    "limits": {"yellow": 30, "orange": 50},
    "chance": {"yellow": 0.3},
}


def told(at: int, *, mao: int, bel: int = 0, begins: int = 14 * HOUR) -> Payload:
    """What the ensemble says at `at` of a storm of the next day: so many of 10 runs bring it."""
    storms = [
        storm(at // DAY * DAY + DAY + begins, lambda run, n=n: 40.0 * (run < n)) for n in (mao, bel)
    ]
    where = [(place.latitude, place.longitude) for place in WHERE]
    bodies = [
        answer(at, said, runs=10, ahead=48, where=each)
        for said, each in zip(storms, where, strict=True)
    ]
    return payload(at, bodies, tuple(place.id for place in WHERE))


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chances, "RESAMPLES", 20)


def lake_of(folder: Path, payloads: Sequence[Payload]) -> FolderLake:
    lake = FolderLake(folder)
    keep(lake, payloads)
    return lake


def days(n: int) -> Calendar:
    first = datetime.fromtimestamp(AT, UTC).date()
    return Calendar.of(first, date.fromordinal(first.toordinal() + n - 1), ZoneInfo("UTC"))


def test_a_case_is_the_highest_chance_of_a_day_by_the_first_answer_of_one(tmp_path: Path) -> None:
    """The second answer of a day, and the hours beside the worst, are the same weather again."""
    lake = lake_of(tmp_path, [told(AT, mao=4), told(AT + 6 * HOUR, mao=9), told(AT + DAY, mao=1)])
    calendar = days(4)
    rules = rule_set(RULE)
    found = told_chances(lake, rules, WHERE, no_norms, lambda _, at: calendar.day(at - 1))
    cases = {
        (WHERE[place].id, (known - AT) // DAY, day): (round(chance, 3), (at - AT) // HOUR)
        for place, known, day, chance, at in zip(
            found.place.tolist(),
            found.known_at.tolist(),
            found.group.tolist(),
            found.chance.tolist(),
            found.valid_at.tolist(),
            strict=True,
        )
    }
    assert cases["mao", 0, 1] == (0.4, 24 + 21), "where 33 of the 40 mm fall in 6 h"
    assert cases["mao", 1, 2][0] == 0.1
    assert cases["bel", 0, 1][0] == 0.0
    assert set(found.level.tolist()) == {2}, "yellow alone has a chance"


def test_chances_are_held_against_the_events_of_their_own_day_and_place(tmp_path: Path) -> None:
    """20 days: of what is told with 8 of 10 runs eight tenths come, at Manaus alone."""
    lake = lake_of(tmp_path, [told(AT + day * DAY, mao=8 if day % 2 else 2) for day in range(20)])
    comes = [day for day in range(20) if (day % 10 in (1, 3, 5, 7) if day % 2 else day % 10 == 0)]
    events = [Occurrence(AT + (day + 1) * DAY + 15 * HOUR, place_id="mao") for day in comes]
    found = chance_scores(lake, rule_set(RULE), WHERE, no_norms, events, days(21), 1)
    by_days = {one.days_ahead: one.reliability for one in found}
    assert {(one.rule, one.level) for one in found} == {("rain-6h", "yellow")}
    ahead = by_days[1]
    assert (ahead.cases, ahead.events) == (40, len(comes))
    steps = {step.chance: (step.observed, step.cases) for step in ahead.diagram}
    assert steps == {0.0: (0.0, 20), 0.2: (0.2, 10), 0.8: (0.8, 10)}
    assert ahead.miscalibration == 0
    assert ahead.roc_area is not None
    assert ahead.roc_area > 0.9
    lost = chance_scores(lake, rule_set(RULE), WHERE, no_norms, events, days(21), 2)
    assert by_days.keys() == {one.days_ahead for one in lost}
    assert {one.reliability.events for one in lost} == {0}, "one occurrence is less than an event"


def test_too_few_days_are_not_scored_and_a_damaged_part_costs_itself(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, [told(AT + day * DAY, mao=5) for day in range(6)])
    events = [Occurrence(AT + DAY, place_id="mao")]
    kept = lake.keys("raw/")
    assert chance_scores(lake, rule_set(RULE), WHERE, no_norms, events, days(8), 1) != []
    lake.write(kept[0], lake.read(kept[0])[:40])
    lake.write(kept[1], lake.read(kept[1])[:40])
    assert chance_scores(lake, rule_set(RULE), WHERE, no_norms, events, days(8), 1) == []


def test_verify_tells_them_of_a_home(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(rule_text(RULE))
    (tmp_path / "atalaia.toml").write_text(
        'rules = "rules.toml"\n[[place]]\nid = "mao"\nname = "Manaus"\nlatitude = -3.1\n'
        'longitude = -60.0\ntimezone = "UTC"\n'
    )
    with open_home(tmp_path / "home") as home:
        note_places(home.state, WHERE)
        keep(home.lake, [told(AT + day * DAY, mao=8 if day % 2 else 1) for day in range(12)])
    events = tmp_path / "events.csv"
    events.write_text("started_at,place_id\n2026-09-16T15:00:00Z,mao\n2026-09-20T15:00:00Z,mao\n")
    asked = ["verify", "--alerts", "gold", "--events", events, "--home", tmp_path / "home"]
    asked += ["--settings", tmp_path / "atalaia.toml"]
    done = here(*asked, "--json")
    assert done.returncode == 0, done.stderr
    said = msgspec.convert(json.loads(done.stdout)["chances"], list[ChanceScore])
    (ahead,) = (one.reliability for one in said if one.days_ahead == 1)
    assert ahead.events == 2
    assert set(ahead.value) == {"0.05", "0.1", "0.2", "0.3", "0.5"}
    shown = io.StringIO()
    show_chances(said, Console(file=shown, width=160))
    assert "rain-6h, yellow, 1" in shown.getvalue()
    assert "miscalibration" in shown.getvalue()
