from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atalaia.batch.archive import archive, archive_logs
from atalaia.batch.refine import rebuild, refine
from atalaia.domain.alert import LogEntry
from atalaia.domain.linking import Neighbours
from atalaia.domain.place import Place, Places
from atalaia.domain.spells import said_by
from atalaia.domain.systems import SystemLog
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake.query import query
from atalaia.lake.systems import merge_systems
from atalaia.ports import Commit
from batch.helpers import decode, files
from telling import DAY, NOON, news

COAST = Places(
    Place(id=f"p{i}", name=f"P {i}", latitude=-8.0, longitude=-35 + i / 2) for i in range(6)
)
HOUR = 3600
EVERYTHING = "SELECT * FROM systems ORDER BY started_at, system"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def ask(home: EmbeddedHome, sql: str) -> list[tuple[Any, ...]]:
    return list(query(home, decode, COAST, sql).rows)


def storm(place: int, hour: int, hours: int, day: int = 0) -> list[LogEntry]:
    """An alert and an end."""
    at = NOON + day * DAY + hour * HOUR
    key, where = f"{day}-{hour:02}-{place}", f"p{place}"
    return [
        news(key, at=at, place=where),
        news(key, 2, "end", at=at + hours * HOUR, place=where, reason="ended"),
    ]


def a_week() -> list[LogEntry]:
    """A storm along the coast each other day, from both of its ends until they meet."""
    told = [
        entry
        for day in (0, 2, 6)
        for hour, places in enumerate(((0,), (5,), (1,), (4,), (2, 3)))
        for place in places
        for entry in storm(place, hour, 6, day)
    ]
    return sorted(told, key=lambda entry: (entry.alert.sent_at, entry.alert.version))


def commit(home: EmbeddedHome, offset: int, entries: list[LogEntry]) -> None:
    home.state.commit(Commit("speed", offset, entries=entries))


def test_systems_are_those_of_the_whole_log_whenever_it_is_asked(home: EmbeddedHome) -> None:
    told = a_week()
    commit(home, 1, told[:7])
    first = ask(home, EVERYTHING)
    refine(home.state, home.lake, decode, COAST)
    assert ask(home, EVERYTHING) == first
    assert [row[0] for row in ask(home, "SELECT system FROM systems WHERE status = 'open'")]
    commit(home, 2, told[7:20])
    refine(home.state, home.lake, decode, COAST)
    refine(home.state, home.lake, decode, COAST)
    commit(home, 3, told[20:])
    newest = ask(home, EVERYTHING)
    refine(home.state, home.lake, decode, COAST)
    assert ask(home, EVERYTHING) == newest
    log = SystemLog(COAST, Neighbours(COAST))
    log.take(one for entry in told if (one := said_by(entry)) is not None)
    assert ask(home, "SELECT system, status, joined, incidents FROM systems ORDER BY 1") == sorted(
        (one.system, one.status, one.joined, list(one.incidents)) for one in log.systems()
    )
    assert len(newest) == 6


def test_a_system_is_told_with_its_name_its_outline_and_which_joined_it(home: EmbeddedHome) -> None:
    commit(home, 1, a_week())
    older, younger = ask(
        home,
        "SELECT system, name_en, status, joined, joined_by, peak_level, len(places), outline,"
        " epoch(ended_at) FROM systems WHERE date = '2026-01-10' ORDER BY started_at",
    )
    assert older[:2] == ("0-00-0", "heavy rain over the northeast of Pernambuco, 6 places")
    assert older[2:7] == ("over", None, ["0-01-5"], "orange", 6)
    assert younger[:5] == ("0-01-5", younger[1], "joined", "0-00-0", [])
    assert younger[8] == NOON + 4 * HOUR
    assert json.loads(older[7])["type"] == "Polygon"


def test_a_rebuild_makes_the_same_systems_from_raw(home: EmbeddedHome) -> None:
    told = a_week()
    for offset, i in enumerate(range(0, len(told), 9), start=1):
        commit(home, offset, told[i : i + 9])
        refine(home.state, home.lake, decode, COAST)
    archive(home.stream, home.state, home.lake)
    archive_logs(home.state, home.lake, home.outbox)
    before = files(home, "gold/systems")
    assert before
    for key in home.lake.keys("gold/system"):
        home.lake.delete(key)
    rebuild(home.state, home.lake, decode, COAST)
    assert files(home, "gold/systems") == before


def test_what_met_another_in_its_first_second_leaves_no_row(home: EmbeddedHome) -> None:
    """Two lanes tell of one instant, one after the other."""
    commit(home, 1, [news("b", at=NOON, place="p1")])
    refine(home.state, home.lake, decode, COAST)
    assert ask(home, "SELECT system FROM systems") == [("b",)]
    commit(home, 2, [news("a", at=NOON, place="p0")])
    assert ask(home, "SELECT system, incidents FROM systems") == [("a", ["a", "b"])]


def test_the_whole_log_taken_up_again_changes_no_system(home: EmbeddedHome) -> None:
    told = a_week()
    commit(home, 1, told)
    refine(home.state, home.lake, decode, COAST)
    before = files(home, "gold/systems")
    assert merge_systems(home.lake, told, COAST) == 0
    assert files(home, "gold/systems") == before


def test_where_what_is_kept_is_damaged_the_error_says_what_mends_it(home: EmbeddedHome) -> None:
    commit(home, 1, a_week()[:7])
    refine(home.state, home.lake, decode, COAST)
    (key,) = home.lake.keys("gold/system_log/")
    home.lake.write(key, b"half")
    commit(home, 2, a_week()[7:])
    with pytest.raises(StateConflict, match="refine --rebuild"):
        refine(home.state, home.lake, decode, COAST)


def test_a_file_of_systems_that_cannot_be_read_is_made_again(home: EmbeddedHome) -> None:
    told = a_week()
    commit(home, 1, told[:-1])
    refine(home.state, home.lake, decode, COAST)
    whole = ask(home, EVERYTHING)
    for key in home.lake.keys("gold/systems/"):
        home.lake.write(key, b"half")
    commit(home, 2, told[-1:])
    refine(home.state, home.lake, decode, COAST)
    after = ask(home, EVERYTHING)
    assert [row[:4] for row in after] == [row[:4] for row in whole]
    assert [row[6] for row in after].count("open") == [row[6] for row in whole].count("open") - 1
