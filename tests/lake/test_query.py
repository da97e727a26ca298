from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from atalaia.batch.archive import archive
from atalaia.batch.refine import refine
from atalaia.domain.alert import LogEntry
from atalaia.errors import QueryInvalid
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import query as asking
from atalaia.lake.query import query
from atalaia.lake.tables import tables
from atalaia.ports import Commit
from batch.helpers import DAY, HOUR, NOON, PLACES, answer, decode, files, row
from contracts.state_contract import entry

VIEWS = tuple(tables())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


@pytest.fixture(scope="module")
def refined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedHome]:
    """A home with a row in GOLD, which nothing may change."""
    with open_home(tmp_path_factory.mktemp("refined") / "home") as home:
        home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
        archive(home.stream, home.state, home.lake)
        refine(home.state, home.lake, decode, PLACES)
        yield home


def ask(home: EmbeddedHome, sql: str) -> list[tuple[Any, ...]]:
    return list(query(home, decode, PLACES, sql).rows)


def life(*kinds: tuple[str, str, str, float]) -> list[LogEntry]:
    """An incident's entries, an hour apart: type, reason, level, value."""
    entries = []
    peak, peak_level, levels = 0.0, "yellow", ("yellow", "orange", "red")
    for version, (kind, reason, level, value) in enumerate(kinds, start=1):
        if value > peak:
            peak, peak_level = value, max(level, peak_level, key=levels.index)
        alert = msgspec.structs.replace(
            entry("i").alert,
            version=version,
            type=kind,
            reason=reason,
            level=level,
            value=value,
            sent_at=NOON + version * HOUR,
            onset_at=NOON,
        )
        entries.append(
            LogEntry(
                alert=alert,
                places=("poa",),
                opened_at=NOON + HOUR,
                peak=peak,
                peak_level=peak_level,
            )
        )
    return entries


def test_without_data_the_views_are_empty_and_have_their_columns(home: EmbeddedHome) -> None:
    for view in VIEWS:
        result = query(home, decode, PLACES, f"SELECT * FROM {view}")
        assert list(result.columns) == list(tables()[view])
        assert len(list(result.rows)) == (len(PLACES) if view == "places" else 0)


def test_every_column_is_described(home: EmbeddedHome) -> None:
    for columns in tables().values():
        assert all(columns.values())


def test_what_came_a_moment_ago_counts_like_what_is_in_gold(home: EmbeddedHome) -> None:
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)
    home.stream.append([answer(NOON, row("recife", NOON, rain_mm=2.0))])
    archive(home.stream, home.state, home.lake)  # in RAW, not in GOLD
    home.stream.append([answer(NOON, row("d'água", NOON, rain_mm=4.0))])  # in the stream alone
    home.stream.append([answer(NOON, row("poa", NOON + DAY, rain_mm=8.0))])
    assert ask(home, "SELECT sum(rain_mm), count(*), count(DISTINCT date) FROM readings") == [
        (15.0, 4, 2)
    ]


def test_the_answer_is_what_it_will_be_after_the_next_refine(home: EmbeddedHome) -> None:
    polls = [
        answer(NOON, row("poa", NOON, rain_mm=1.0), row("poa", NOON + HOUR, "forecast", rain_mm=3)),
        answer(NOON + 60, row("poa", NOON, rain_mm=None, temperature_c=20)),
        answer(NOON + 120, row("poa", NOON + HOUR, "forecast", rain_mm=3)),
        answer(NOON + 180, row("poa", NOON + HOUR, "forecast", rain_mm=5)),
    ]
    everything = "SELECT * FROM readings ORDER BY ALL"
    home.stream.append(polls[:1])
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)
    home.stream.append(polls[1:])
    newest = ask(home, everything)
    archive(home.stream, home.state, home.lake)
    archived = ask(home, everything)
    refine(home.state, home.lake, decode, PLACES)
    assert newest == archived == ask(home, everything)
    assert len(newest) == 3


def test_a_query_changes_nothing_in_the_home_and_leaves_nothing_behind(
    home: EmbeddedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    before = files(home, "")
    assert ask(home, "SELECT count(*) FROM readings") == [(1,)]
    with pytest.raises(QueryInvalid):
        ask(home, "SELECT nothing FROM nowhere")
    assert files(home, "") == before
    assert list(scratch.iterdir()) == []
    assert home.state.offset("refine") == 0


def test_alerts_are_told_from_gold_and_from_the_log_once_each(home: EmbeddedHome) -> None:
    home.state.commit(Commit("speed", 1, entries=[entry("a"), entry("b")]))
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)
    home.state.commit(Commit("speed", 2, entries=[entry("a", 2)]))
    sql = 'SELECT incident, version, "limit", text_en, places, sent_at FROM alerts ORDER BY 1, 2'
    told = (50.0, "Heavy rain", ["poa"], datetime(2024, 4, 30, 12, tzinfo=UTC))
    assert ask(home, sql) == [("a", 1, *told), ("a", 2, *told), ("b", 1, *told)]


@pytest.mark.parametrize(
    ("last", "status", "has_ended"),
    [
        (("update", "eased", "yellow", 60.0), "open", False),
        (("end", "ended", "yellow", 10.0), "ended", True),
        (("end", "expired", "yellow", 10.0), "expired", True),
        (("cancel", "withdrawn", "yellow", 10.0), "cancelled", True),
        (("cancel", "rule changed", "yellow", 10.0), "cancelled", True),
    ],
)
def test_an_incident_is_one_row_with_its_peak_and_its_status(
    home: EmbeddedHome, last: tuple[str, str, str, float], status: str, has_ended: bool
) -> None:
    entries = life(("alert", "onset", "yellow", 55.0), ("update", "escalated", "red", 109.0), last)
    home.state.commit(Commit("speed", 1, entries=entries))
    sql = (
        "SELECT incident, hazard, place_id, epoch(opened_at)::BIGINT, level, peak_level,"
        " peak_value, unit, epoch(onset_at)::BIGINT, epoch(last_sent_at)::BIGINT,"
        " epoch(ended_at)::BIGINT, status, versions FROM incidents"
    )
    ended = NOON + 3 * HOUR
    assert ask(home, sql) == [
        (
            "i",
            "heavy_rain",
            "poa",
            NOON + HOUR,
            "yellow",
            "red",
            109.0,
            "mm",
            NOON,
            ended,
            ended if has_ended else None,
            status,
            3,
        )
    ]


def test_times_are_aware_and_in_utc_also_inside_lists(home: EmbeddedHome) -> None:
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    noon = datetime(2024, 4, 30, 12, tzinfo=UTC)
    result = query(
        home,
        decode,
        PLACES,
        "SELECT valid_at, valid_at AS valid_at, [valid_at] AS l, {a: received_at} AS s,"
        ' issued_at AS "a""b", date FROM readings -- a comment',
    )
    assert result.columns == ("valid_at", "valid_at", "l", "s", 'a"b', "date")
    assert list(result.rows) == [(noon, noon, [noon], {"a": noon}, None, date(2024, 4, 30))]


def test_the_order_asked_for_is_kept_over_many_pages(home: EmbeddedHome) -> None:
    sql = "SELECT i, now() AS t FROM range(5000) r(i) ORDER BY i DESC;"
    assert [i for i, _ in ask(home, sql)] == list(range(4999, -1, -1))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT rain FROM readings", r'(?s)"rain" not found.*rain_mm.*LINE 1'),
        ("SELEC 1", "syntax error"),
        ("", "one SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("SELECT CAST(i::VARCHAR || 'x' AS INT) FROM range(3000) r(i)", "Could not convert"),
    ],
)
def test_a_wrong_query_gets_the_engines_own_words(
    home: EmbeddedHome, sql: str, message: str
) -> None:
    with pytest.raises(QueryInvalid, match=message):
        ask(home, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{secret}'",
        "COPY (SELECT 1) TO '{gold}'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{gold}'",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM glob('{folder}/*')",
        "FROM query('COPY (SELECT 1) TO ''{gold}''')",
        "ATTACH '{secret}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW readings",
        "SELECT 1; COPY (SELECT 1) TO '{gold}'",
        "IMPORT DATABASE '{folder}'",
        "CALL pragma_version(); COPY (SELECT 1) TO '{gold}'",
    ],
)
def test_a_query_can_read_the_views_and_touch_nothing_else(
    refined: EmbeddedHome, tmp_path: Path, sql: str
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    (gold,) = refined.lake.keys("gold/readings/")
    before = files(refined, "")
    with pytest.raises(QueryInvalid):
        ask(refined, sql.format(secret=secret, gold=refined.lake.path(gold), folder=tmp_path))
    assert files(refined, "") == before
    assert secret.read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM reading",
        "SELECT nothere FROM readings",
        "SELECT nothere FROM daily",
        "SELECT day FROM daily GROUP BY place_id",
        "SELEC 1 FROM readings",
        "SELECT 1 FROM readings; SELECT 2",
        "DROP TABLE readings",
        "SELECT nothing(temperature_c) FROM hourly",
        "SELECT count(*) FROM readings, read_csv('/etc/hostname')",
        "SHOW nothere",
    ],
)
def test_a_mistake_in_a_query_costs_no_look_for_damaged_files(
    refined: EmbeddedHome, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(asking, "unreadable", lambda _, keys: looked.extend(keys) or [])
    with pytest.raises(QueryInvalid):
        ask(refined, sql)
    assert looked == []


def test_what_cannot_be_decoded_does_not_stop_a_query(home: EmbeddedHome) -> None:
    bad = answer(NOON)
    home.stream.append([msgspec.structs.replace(bad, body=b"<html>")])
    archive(home.stream, home.state, home.lake)
    (key,) = home.lake.keys("raw/")
    home.lake.write(key, b"damaged")
    home.stream.append([msgspec.structs.replace(bad, body=b"<html>")])
    home.stream.append([answer(NOON, row("poa", NOON, rain_mm=1.0))])
    assert ask(home, "SELECT count(*) FROM readings") == [(1,)]


def warned(*spoken: tuple[str, str, tuple[str, ...]]) -> list[LogEntry]:
    """An official warning's entries, an hour apart: type, reason, the places each speaks of."""
    entries = life(*((type_, reason, "orange", 0.0) for type_, reason, _ in spoken))
    return [
        msgspec.structs.replace(
            one, places=places, alert=msgspec.structs.replace(one.alert, rule="official")
        )
        for one, (_, _, places) in zip(entries, spoken, strict=True)
    ]


@pytest.mark.parametrize(
    ("after", "status", "ended_at"),
    [
        ([], "open", None),
        ([("update", "escalated", ("b",))], "open", None),
        ([("end", "ended", ("b",))], "ended", NOON + 3 * HOUR),
        ([("cancel", "withdrawn", ("b",))], "cancelled", NOON + 3 * HOUR),
        ([("update", "revised", ("b",)), ("end", "ended", ("b",))], "ended", NOON + 4 * HOUR),
    ],
)
def test_a_warning_that_is_cancelled_in_part_is_open_until_it_is_over_everywhere(
    home: EmbeddedHome,
    after: list[tuple[str, str, tuple[str, ...]]],
    status: str,
    ended_at: int | None,
) -> None:
    entries = warned(("alert", "onset", ("a", "b")), ("cancel", "withdrawn", ("a",)), *after)
    home.state.commit(Commit("speed", 1, entries=entries))
    sql = "SELECT status, epoch(ended_at)::BIGINT, versions FROM incidents"
    told = [(status, ended_at, 2 + len(after))]
    assert ask(home, sql) == told
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)
    assert ask(home, sql) == told


def test_a_warning_is_at_the_highest_level_at_which_it_stands_at_a_place(
    home: EmbeddedHome,
) -> None:
    entries = warned(
        ("alert", "onset", ("a", "b")),
        ("update", "eased", ("a",)),
        ("end", "ended", ("b",)),
        ("end", "ended", ("a",)),
    )
    levels = ("red", "yellow", "red", "yellow")
    sql = "SELECT level, status FROM incidents"
    told = []
    for i, (one, level) in enumerate(zip(entries, levels, strict=True), 1):
        alert = msgspec.structs.replace(one.alert, level=level)
        said = msgspec.structs.replace(one, alert=alert)
        home.state.commit(Commit("speed", i, entries=[said]))
        told += ask(home, sql)
    assert told == [("red", "open"), ("red", "open"), ("yellow", "open"), ("yellow", "ended")]
