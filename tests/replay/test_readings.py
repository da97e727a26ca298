"""A replay of readings: the same rows tell the same, however they are given or interrupted."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from atalaia.domain.alert import entry_line, from_line
from atalaia.domain.place import Place, Places
from atalaia.errors import AtalaiaError, PayloadInvalid, StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake.places import note_places, places_of
from atalaia.ports import Home
from atalaia.replay.readings import Replayed, claim_new, log_of, replay, write_alerts
from stories import DAY, HOUR, T0, places, rows, rule_set, series, write_readings

WHERE = places(3)
RULES = rule_set({"keep_firing_for": "2h"})
GUSTS = [5.0, 12.0, 25.0, 31.0, 12.0, 5.0, None, 5.0, 4.0, 4.0] * 5
STORM = rows(*(series(GUSTS[i:], place=i, start=T0 + i * 900) for i in range(2)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_readings(tmp_path / "readings.csv", STORM, WHERE)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """What a replay without anything in its way comes to."""
    folder = tmp_path_factory.mktemp("whole")
    with open_home(folder / "home") as home:
        return replay(home, WHERE, [write_readings(folder / "r.csv", STORM, WHERE)], RULES)


def test_it_says_what_it_came_to(whole: Replayed) -> None:
    assert whole.readings == len(STORM)
    assert (whole.rejected, whole.sources, whole.unjudged) == ([], ["station"], [])
    assert whole.silent == ["p2"], "of a place that no file names that is said"
    assert not whole.resumed
    assert len(whole.entries) > 20


def test_rows_may_be_split_over_files_shuffled_and_said_twice(
    whole: Replayed, file: Path, home: EmbeddedHome
) -> None:
    header, *lines = file.read_text("utf-8").splitlines()
    lines += lines[10:60]
    random.Random(4).shuffle(lines)
    files = []
    for i in range(3):
        files.append(file.with_name(f"part{i}.csv"))
        files[-1].write_text("\n".join([header, *lines[i::3]]) + "\n", "utf-8")
    assert replay(home, WHERE, files, RULES, is_kept=False).entries == whole.entries


class Killed(Exception):
    """A process that stops between two of its steps."""


def replayed_until(home: Home, file: Path, step: int) -> Replayed:
    """Killed at the `step`-th word of its progress; a long one goes to its end."""
    said = itertools.count()

    def progress(_what: str, _done: int, _total: int) -> None:
        if next(said) == step:
            raise Killed

    return replay(home, WHERE, [file], RULES, progress=progress)


def test_killed_at_any_step_it_goes_on_where_its_home_stands(
    tmp_path: Path, whole: Replayed, file: Path
) -> None:
    for step in itertools.count():
        with open_home(tmp_path / f"killed{step}") as home:
            try:
                replayed_until(home, file, step)
                break
            except Killed:
                pass
            again = replay(home, WHERE, [file], RULES)
            assert again.entries == whole.entries, step
            assert again.resumed == (step > 0), "before the first step there was nothing yet"
    with open_home(tmp_path / f"killed{step}") as home:
        twice = replay(home, WHERE, [file], RULES)
        assert (twice.entries, twice.resumed) == (whole.entries, True)
    assert step >= 5


@pytest.mark.parametrize("change", ["rows", "places", "rules"])
def test_another_replay_is_not_mixed_into_a_home(
    home: EmbeddedHome, file: Path, change: str
) -> None:
    replay(home, WHERE, [file], RULES)
    known = (home.stream.last_offset(), log_of(home))
    where = places(2) if change == "places" else WHERE
    rules = rule_set({"limits": {"yellow": 11}}) if change == "rules" else RULES
    if change == "rows":
        text = file.read_text("utf-8")
        file.write_text(
            text.replace("25.0", "24.0") if "25.0" in text else text.replace("25", "24")
        )
    with pytest.raises(StateConflict, match=r"another replay .*use another --home"):
        replay(home, where, [file], rules)
    assert (home.stream.last_offset(), log_of(home)) == known


def test_a_home_of_a_live_watch_is_no_replays(home: EmbeddedHome, file: Path) -> None:
    from atalaia.domain.payload import Payload

    home.stream.append([Payload(source="clock", content="tick", received_at=T0, body=b"")])
    with pytest.raises(StateConflict, match="a live watch; use another --home"):
        replay(home, WHERE, [file], RULES)
    with pytest.raises(StateConflict, match="is in use; give a new --home"):
        claim_new(home, "of payloads")


def test_a_home_is_claimed_once(home: EmbeddedHome) -> None:
    claim_new(home, "of payloads")
    with pytest.raises(StateConflict, match="give a new --home"):
        claim_new(home, "of payloads")


def test_a_row_that_cannot_be_read_is_told_and_costs_itself(
    whole: Replayed, home: EmbeddedHome, file: Path
) -> None:
    _, first, *_ = file.read_text("utf-8").splitlines()
    bad = first.replace("2024-01-01T00:00:00Z", "yesterday").replace("station", "another")
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{bad}\n" * 2)
    done = replay(home, WHERE, [file], RULES, is_kept=False)
    assert done.entries == whole.entries
    assert [reject.reason for reject in done.rejected] == ["not a time"] * 2
    assert done.sources == ["station"], "a source of which nothing could be read said nothing"
    assert len(list(home.state.rejects())) == 2
    again = replay(home, WHERE, [file], RULES, is_kept=False)
    assert len(again.rejected) == len(list(home.state.rejects())) == 2, "told once, also if resumed"


def test_where_no_row_can_be_read_nothing_is_kept(home: EmbeddedHome, tmp_path: Path) -> None:
    for name, text in (("empty.csv", ""), ("html.csv", "<html></html>\n")):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(PayloadInvalid):
            replay(home, WHERE, [path], RULES)
    assert home.stream.last_offset() == 0
    assert log_of(home) == []


def test_a_hundred_times_as_many_places_that_say_nothing_change_no_alert(
    whole: Replayed, home: EmbeddedHome, file: Path
) -> None:
    done = replay(home, places(300), [file], RULES, is_kept=False)
    strip = [e.alert.text for e in done.entries]
    assert strip == [e.alert.text for e in whole.entries]
    assert len(done.silent) == 298


def test_a_forecast_from_the_future_is_lived_through_when_it_was_issued(
    home: EmbeddedHome, tmp_path: Path
) -> None:
    from stories import forecast

    file = write_readings(
        tmp_path / "f.csv", rows(forecast(T0, [25.0] * 6, has_run_time=True)), WHERE
    )
    done = replay(home, WHERE, [file], RULES, is_kept=False)
    first = done.entries[0].alert
    assert (first.evidence, first.sent_at, first.onset_at) == ("forecast", T0, T0 + HOUR)
    assert first.certainty == "Possible"


# Places that a home was filled for


def test_a_home_remembers_every_place_as_it_was_last_described(home: EmbeddedHome) -> None:
    note_places(home.state, places(2))
    moved = Place(id="p1", name="Moved", latitude=5, longitude=5, timezone="UTC")
    new = Place(id="p9", name="New", latitude=9, longitude=9, timezone="UTC")
    note_places(home.state, Places([moved, new]))
    note_places(home.state, Places([]))
    assert list(places_of(home.state)) == [places(2)[0], moved, new]


# The alerts file


def test_the_alerts_file_is_the_log_a_line_an_entry(whole: Replayed, tmp_path: Path) -> None:
    path = tmp_path / "alerts.ndjson"
    path.write_text("of before\n" * 9)
    write_alerts(whole.entries, path)
    lines = path.read_bytes().splitlines()
    assert lines == [entry_line(entry) for entry in whole.entries]
    for line, entry in zip(lines, whole.entries, strict=True):
        fields = json.loads(line)
        assert fields.pop("places") == list(entry.places)
        assert from_line(json.dumps(fields).encode()) == entry.alert
    assert [p.name for p in tmp_path.iterdir()] == ["alerts.ndjson"], "nothing is left beside it"


def test_where_the_alerts_file_cannot_be_written_what_was_there_stays(
    whole: Replayed, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(AtalaiaError, match=r"cannot be written: .*; give another --alerts"):
        write_alerts(whole.entries, tmp_path / "folder")
    with pytest.raises(AtalaiaError, match="give another --alerts"):
        write_alerts([], tmp_path / "nowhere" / "alerts.ndjson")


def test_the_log_is_in_the_order_of_time(whole: Replayed) -> None:
    keys = [(e.alert.sent_at, e.alert.incident, e.alert.version) for e in whole.entries]
    assert keys == sorted(keys)
    assert keys[-1][0] - keys[0][0] < 30 * DAY
