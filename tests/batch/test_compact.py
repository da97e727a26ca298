"""Few files of many, and the same rows: at any moment, after any death, and by a rebuild."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from atalaia.batch.archive import archive
from atalaia.batch.refine import CompactReport, compact, rebuild, refine
from atalaia.domain.payload import Payload
from atalaia.errors import QueryInvalid
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.homes.embedded.sql import DuckSql
from atalaia.lake import compact as module
from atalaia.lake import gold, raw
from atalaia.lake.query import query
from atalaia.lake.raw_days import compact_days
from atalaia.ports import Commit, Lake
from batch.helpers import DAY, HOUR, NOON, PLACES, answer, decode, files, row
from contracts.state_contract import entry
from oracles import cases
from stories import here

LATER = NOON + 70 * DAY
EVERYTHING = "SELECT * FROM readings ORDER BY ALL"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def ask(home: EmbeddedHome, sql: str = EVERYTHING) -> list[tuple[Any, ...]]:
    return list(query(home, decode, PLACES, sql).rows)


def keep(home: EmbeddedHome, *payloads: Payload) -> None:
    home.stream.append(payloads)
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)


def weeks(seed: int) -> list[Payload]:
    """Rows of two sources over the end of April and the beginning of May 2024, in any order."""
    chance = random.Random(seed)
    return [
        answer(
            NOON + poll * 6 * HOUR,
            *(
                row(
                    chance.choice(["poa", "recife", "d'água"]),
                    NOON + chance.randrange(-6 * 24, 6 * 24) * HOUR,
                    chance.choice(["observed", "analysis", "forecast"]),
                    temperature_c=chance.choice([None, 20.0, 20.5]),
                    rain_mm=chance.choice([0.0, None, 3.5]),
                )
                for _ in range(12)
            ),
            source=chance.choice(["a", "b/c"]),
        )
        for poll in range(20)
    ]


def test_a_closed_month_becomes_one_file_with_the_same_rows(home: EmbeddedHome) -> None:
    keep(home, *weeks(1))
    before = ask(home)
    days = home.lake.keys("gold/readings/")
    assert compact(home.lake, LATER) == CompactReport(months=4, days=0)
    assert home.lake.keys("gold/readings/") == [
        f"gold/readings/source={source}/month=2024-{month}/readings.parquet"
        for source in ("a", "b%2Fc")
        for month in ("04", "05")
    ]
    assert len(days) > 20
    assert ask(home) == before
    by_day = "SELECT date, count(*) FROM readings WHERE date > '2024-05-03' GROUP BY 1 ORDER BY 1"
    assert ask(home, by_day)[0][0].isoformat() == "2024-05-04"
    assert compact(home.lake, LATER) == CompactReport(0, 0)


def test_a_month_is_closed_a_week_after_its_end(home: EmbeddedHome) -> None:
    keep(home, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    end_of_april = 1_714_521_600
    assert compact(home.lake, end_of_april + 7 * DAY - 1).months == 0
    assert compact(home.lake, end_of_april + 7 * DAY).months == 1


def test_a_late_row_goes_into_its_months_file(home: EmbeddedHome) -> None:
    keep(home, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    compact(home.lake, LATER)
    late = answer(LATER, row("recife", NOON, rain_mm=2.0), row("poa", NOON - DAY, rain_mm=4.0))
    keep(home, late, answer(LATER, row("poa", LATER, rain_mm=8.0)))
    assert len(home.lake.keys("gold/readings/")) == 2
    by_day = "SELECT strftime(date, '%m-%d'), sum(rain_mm) FROM readings GROUP BY 1 ORDER BY 1"
    assert ask(home, by_day) == [("04-29", 4.0), ("04-30", 3.0), ("07-09", 8.0)]


def test_what_is_newer_than_gold_is_laid_over_a_months_file(home: EmbeddedHome) -> None:
    keep(home, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    compact(home.lake, LATER)
    home.stream.append([answer(LATER, row("poa", NOON + HOUR, rain_mm=2.0))])
    assert ask(home, "SELECT sum(rain_mm), count(*) FROM readings") == [(3.0, 2)]


@pytest.fixture(scope="module")
def refined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that has refined some weeks, to be copied."""
    folder = tmp_path_factory.mktemp("refined") / "home"
    with open_home(folder) as made:
        keep(made, *weeks(2))
    return folder


STEPS = range(24) if cases(1) > 1 else (0, 1, 2, 9)
"""Before a month has its file, before and among the deletions of its days, and in a later month."""


@pytest.mark.parametrize("steps", STEPS)
def test_a_compaction_that_was_killed_loses_and_doubles_nothing(
    refined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    shutil.copytree(refined, tmp_path / "home")
    with open_home(tmp_path / "home") as home:
        killed_after(steps, home, monkeypatch)


def killed_after(steps: int, home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ask(home)
    left = steps
    lake_class = type(home.lake)

    def dying(real: Any) -> Any:
        def change(self: Lake, key: str, *rest: Any) -> None:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            real(self, key, *rest)

        return change

    monkeypatch.setattr(lake_class, "write", dying(lake_class.write))
    monkeypatch.setattr(lake_class, "delete", dying(lake_class.delete))
    with pytest.raises(KeyboardInterrupt):
        compact(home.lake, LATER)
    monkeypatch.undo()
    assert ask(home) == before
    # Rows that come before it is done again go where they count.
    keep(home, answer(LATER, row("poa", NOON, "observed", snow_cm=1.0)))
    assert ask(home, "SELECT count(*) FROM readings WHERE snow_cm = 1") == [(1,)]
    compact(home.lake, LATER)
    assert all("/month=" in key for key in home.lake.keys("gold/readings/"))
    told = ask(home, "SELECT place_id, source, valid_at, kind, temperature_c FROM readings")
    assert set(told) >= {(r[0], r[1], r[2], r[3], r[8]) for r in before}


def test_large_months_stay_in_days(home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(home, answer(NOON, row("poa", NOON, rain_mm=1.0), row("poa", NOON - DAY, rain_mm=1.0)))
    monkeypatch.setattr(module, "MONTH_ROWS", 1)
    assert compact(home.lake, LATER).months == 0
    assert len(home.lake.keys("gold/readings/")) == 2


def test_a_query_goes_on_while_files_are_made_one(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(home, *weeks(3))
    before = ask(home)
    real, runs = DuckSql.run, 0

    def run(self: DuckSql, *arguments: Any) -> Any:
        nonlocal runs
        runs += 1
        if runs == 1:  # after the files were listed
            compact(home.lake, LATER)
        return real(self, *arguments)

    monkeypatch.setattr(DuckSql, "run", run)
    assert ask(home) == before
    assert runs == 2
    with pytest.raises(QueryInvalid, match="nothing_of_the_kind"):
        ask(home, "SELECT nothing_of_the_kind FROM readings")
    assert runs == 3


def test_a_rebuild_of_compacted_gold_gives_the_same_rows_in_the_same_files(
    home: EmbeddedHome,
) -> None:
    keep(home, *weeks(4))
    compact(home.lake, LATER)
    keep(home, answer(LATER, row("poa", LATER, rain_mm=8.0)))
    before, names = ask(home), home.lake.keys("gold/")
    rebuild(home.state, home.lake, decode, PLACES)
    assert ask(home) == before
    assert home.lake.keys("gold/") == names


def test_a_decoder_that_was_changed_and_rolled_back_leaves_the_same_gold(
    home: EmbeddedHome,
) -> None:
    keep(home, *weeks(5))
    compact(home.lake, NOON + 8 * DAY)
    before, everything = ask(home), files(home, "gold/")

    def wrong(payloads: Any, wanted: Any) -> Any:
        """One that takes °F for °C, and sees a place's rows a day late."""
        decoded = decode(payloads, wanted)
        readings = decoded.readings
        if "temperature_c" in readings.values:
            readings.values["temperature_c"][:] = readings.values["temperature_c"] * 1.8 + 32
        readings.valid_at[readings.place == 0] += DAY
        return decoded

    rebuild(home.state, home.lake, wrong, PLACES)
    assert ask(home) != before
    rebuild(home.state, home.lake, decode, PLACES)
    assert ask(home) == before
    assert files(home, "gold/").keys() == everything.keys()


def test_a_rebuild_leaves_the_climate_that_was_imported(home: EmbeddedHome) -> None:
    keep(home, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    home.lake.write("gold/climate/place=poa/climate.parquet", b"from an imported history")
    rebuild(home.state, home.lake, decode, PLACES)
    assert home.lake.read("gold/climate/place=poa/climate.parquet") == b"from an imported history"


# RAW's payloads


def test_raw_that_was_made_few_files_gives_the_same_gold(home: EmbeddedHome) -> None:
    for i, payload in enumerate(weeks(6)):
        keep(home, payload)
        if i % 4 == 0:  # a fault of the source, which `answers` counts
            keep(home, msgspec.structs.replace(payload, status=503))
    before, loose = files(home, "gold/"), home.lake.keys(raw.PAYLOADS)
    home.stream.drop(home.stream.last_offset())
    made = compact_days(home.state, home.lake, home.stream, LATER)
    days = home.lake.keys(raw.PAYLOADS)
    assert len(days) == made < len(loose) == 25
    shutil.rmtree(home.lake.path("gold"))
    rebuild(home.state, home.lake, decode, PLACES)
    assert files(home, "gold/") == before
    keep(home, answer(LATER, row("poa", LATER, rain_mm=8.0)))
    assert ask(home, "SELECT count(*) FROM readings WHERE rain_mm = 8") == [(1,)]


def test_the_command_makes_few_files_of_what_the_stream_has_no_more(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        keep(home, *weeks(7))
        many = home.lake.keys(raw.PAYLOADS)
    refine_it = ("refine", "--home", tmp_path / "home")
    assert here(*refine_it).returncode == 0
    with open_home(tmp_path / "home") as home:
        assert home.lake.keys(raw.PAYLOADS) == many
        home.stream.drop(home.stream.last_offset())
        home.state.set_note("swept", '{"at": 0}')  # as if six hours had gone by
    assert here(*refine_it).returncode == 0
    with open_home(tmp_path / "home") as home:
        assert 0 < len(home.lake.keys(raw.PAYLOADS)) < len(many)
        assert all(map(raw.is_of_day, home.lake.keys(raw.PAYLOADS)))


# RAW's alerts


def told(home: EmbeddedHome, first: int, n: int = 30) -> None:
    """An alert every two hours, archived one by one."""
    for i in range(n):
        each = entry(f"i{first + i}")
        alert = msgspec.structs.replace(each.alert, sent_at=NOON + (first + i) * 2 * HOUR)
        said = msgspec.structs.replace(each, alert=alert)
        home.state.commit(Commit("speed", first + i + 1, entries=[said]))
        archive(home.stream, home.state, home.lake)


def test_a_closed_day_of_alerts_becomes_one_part_with_the_same_entries(home: EmbeddedHome) -> None:
    told(home, 0)
    parts = home.lake.keys(raw.ALERTS)
    before = [e for key in parts for e in raw.read_alerts(home.lake.read(key))]
    assert compact(home.lake, NOON + 8 * DAY).days == 1
    compact(home.lake, LATER)
    after = home.lake.keys(raw.ALERTS)
    assert after == [
        "raw/alerts/date=2024-04-30/part-00000000000000000001.ndjson.zst",
        "raw/alerts/date=2024-05-01/part-00000000000000000007.ndjson.zst",
        "raw/alerts/date=2024-05-02/part-00000000000000000019.ndjson.zst",
    ]
    assert [e for key in after for e in raw.read_alerts(home.lake.read(key))] == before
    refine(home.state, home.lake, decode, PLACES)
    rebuild(home.state, home.lake, decode, PLACES)
    assert ask(home, "SELECT count(*), count(DISTINCT incident) FROM alerts") == [(30, 30)]


def test_a_day_with_a_damaged_part_stays_as_it_is(home: EmbeddedHome) -> None:
    told(home, 0, 3)
    parts = home.lake.keys(raw.ALERTS)
    home.lake.write(parts[0], b"damaged")
    assert compact(home.lake, LATER).days == 0
    assert home.lake.keys(raw.ALERTS) == parts


def test_alerts_that_are_in_two_parts_are_told_once(home: EmbeddedHome) -> None:
    told(home, 0, 3)
    entries = [e for k in home.lake.keys(raw.ALERTS) for e in raw.read_alerts(home.lake.read(k))]
    # Killed after the day's part was written, before the hours' were removed.
    home.lake.write(f"{raw.ALERTS}date=2024-04-30/{raw.part_name(1)}", raw.write_alerts(entries))
    rebuild(home.state, home.lake, decode, PLACES)
    assert ask(home, "SELECT count(*) FROM alerts") == [(3,)]
    assert compact(home.lake, LATER).days == 1
    assert len(home.lake.keys(raw.ALERTS)) == 1


def test_a_month_that_counts_hides_the_days_that_are_left_of_it() -> None:
    month = "gold/readings/source=a/month=2024-04/readings.parquet"
    day = "gold/readings/source=a/date=2024-04-30/readings.parquet"
    others = [
        "gold/readings/source=a/date=2024-05-01/readings.parquet",
        "gold/readings/source=b/date=2024-04-30/readings.parquet",
    ]
    assert gold.month_of(day) == month
    assert gold.current([day, month, *others]) == [month, *others]


def contents(home: EmbeddedHome) -> dict[str, bytes]:
    return {key: home.lake.read(key) for key in home.lake.keys("gold/readings/")}


@pytest.mark.parametrize("seed", range(cases(2)))
def test_a_past_that_is_begun_as_months_is_as_if_cut_into_days_and_compacted(
    tmp_path: Path, seed: int
) -> None:
    now = NOON + 26 * DAY  # April is closed, May is not
    found = []
    for name in ("days", "months"):
        with open_home(tmp_path / name) as home:
            home.stream.append(weeks(seed))
            archive(home.stream, home.state, home.lake)
            refine(home.state, home.lake, decode, PLACES, now=now if name == "months" else None)
            compact(home.lake, now)
            found.append(contents(home))
    assert found[0] == found[1]
    assert {"month=2024-04" in key for key in found[1]} == {True, False}


def test_days_that_have_files_stay_days_until_they_are_compacted(home: EmbeddedHome) -> None:
    keep(home, answer(NOON, row("poa", NOON, rain_mm=1.0)))
    home.stream.append([answer(LATER, row("poa", NOON - DAY, rain_mm=4.0))])
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES, now=LATER)
    assert len(home.lake.keys("gold/readings/")) == 2
    assert ask(home, "SELECT sum(rain_mm), count(*) FROM readings") == [(5.0, 2)]


def test_a_month_of_too_many_rows_is_begun_as_days(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atalaia.lake.merge.MONTH_ROWS", 1)
    home.stream.append(
        [answer(LATER, row("poa", NOON, rain_mm=1.0), row("poa", NOON - DAY, rain_mm=4.0))]
    )
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES, now=LATER)
    assert all("/date=" in key for key in home.lake.keys("gold/readings/"))


def test_a_month_says_of_each_row_its_utc_day_also_of_long_ago(home: EmbeddedHome) -> None:
    ends = [-40 * 365 * DAY - 1, -40 * 365 * DAY, -1, 0, DAY - 1, DAY]  # midnights, and just before
    home.stream.append([answer(NOON, *(row("poa", at, rain_mm=1.0) for at in ends))])
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES, now=LATER)
    assert all("/month=" in key for key in home.lake.keys("gold/readings/"))
    days = "(date - DATE '1970-01-01')::INTEGER"
    told = ask(home, f"SELECT epoch(valid_at)::BIGINT, {days} FROM readings")
    assert sorted(told) == [(at, at // DAY) for at in ends]
