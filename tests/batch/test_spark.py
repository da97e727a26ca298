"""Batch work on Spark makes what one process makes, to the byte."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ensembles
from atalaia.batch import refine_steps as module
from atalaia.batch.archive import archive
from atalaia.batch.counted import counted
from atalaia.batch.learn import learn, learn_on
from atalaia.batch.refine import compact, rebuild, refine
from atalaia.batch.spark import SparkWorkers, _in_a_line, open_spark
from atalaia.cli.workers import lake_of
from atalaia.domain.decoded import Decode
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.rule import RuleSet
from atalaia.errors import SettingsInvalid
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.homes.embedded.lake import FolderLake
from atalaia.lake import raw
from atalaia.lake.gold import refused_rows
from atalaia.lake.merge import merge_readings
from atalaia.sources import decode_all
from batch import helpers
from batch.helpers import DAY, HOUR, NOON, PLACES, answer, decode, row
from stories import rule_set


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    pyspark = pytest.importorskip(
        "pyspark", reason="Spark is not tested: install atalaia[spark] (pyspark)"
    )
    if shutil.which("java") is None:
        pytest.skip("Spark is not tested: there is no Java here; install a JRE of 17 or newer")
    pyspark.cloudpickle.register_pickle_by_value(helpers)  # workers do not know the tests
    pyspark.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with open_spark("local[2]") as context:
        yield context


def some_weeks(seed: int, polls: int, since: int = NOON) -> list[Payload]:
    """Polls of four places by two sources: repeats, late rows, revisions, nulls, nonsense."""
    chance = random.Random(seed)
    payloads = []
    for poll in range(polls):
        now = since + poll * 11 * HOUR + chance.randrange(60)
        rows = [
            row(
                chance.choice(["poa", "recife", "d'água", "são paulo"]),
                (now // HOUR + chance.randrange(-90, 60)) * HOUR,
                chance.choice(["observed", "analysis", "forecast"]),
                temperature_c=chance.choice([None, 20.0, 20.5]),
                rain_mm=chance.choice([0.0, None, 3.5]),
                period_s=chance.choice([0, HOUR]),
            )
            for _ in range(15)
        ]
        payloads.append(answer(now, *rows, source=chance.choice(["a", "b/c"])))
        if poll % 13 == 5:
            payloads.append(Payload(source="a", content="rows", received_at=now, body=b"<html>"))
    return payloads


def put(home: EmbeddedHome, payloads: list[Payload]) -> None:
    home.stream.append(payloads)
    archive(home.stream, home.state, home.lake)


def gold(home: EmbeddedHome) -> dict[str, bytes]:
    return helpers.files(home, "gold/")


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[tuple[EmbeddedHome, EmbeddedHome]]:
    """Two homes that are given the same."""
    with open_home(tmp_path / "here") as here, open_home(tmp_path / "there") as there:
        yield here, there


def workers(spark: Any, home: EmbeddedHome) -> SparkWorkers:
    open_lake = partial(FolderLake, home.path / "lake")
    return SparkWorkers(spark, open_lake, lambda: helpers.decode, PLACES)


def test_one_row_that_cannot_be_written_stops_no_other_on_spark_either(
    spark: Any, twins: tuple[EmbeddedHome, EmbeddedHome]
) -> None:
    here, there = twins
    for home in twins:
        good = row("poa", NOON, "observed", rain_mm=1.0)
        bad = row("poa", NOON + 2**40, "observed", rain_mm=1.0)
        put(home, [answer(NOON, good, bad, source="a"), answer(NOON, bad, good, source="b")])
    one = refine(here.state, here.lake, decode, PLACES)
    many = refine(there.state, there.lake, decode, PLACES, workers=workers(spark, there))
    assert one.rejects == many.rejects == 2
    assert refused_rows(here.state) == refused_rows(there.state) == 2
    assert gold(here) == gold(there) != {}
    assert [r.detail for *_, r in here.state.rejects()] == [
        r.detail for *_, r in there.state.rejects()
    ]


def test_refine_and_rebuild_make_the_same_files_as_one_process(
    spark: Any, twins: tuple[EmbeddedHome, EmbeddedHome], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = twins
    monkeypatch.setattr(module, "STEP_ROWS", 100)
    far_later = NOON + 400 * DAY
    for i, since in enumerate((NOON, NOON + 11 * DAY)):
        for home in twins:
            put(home, some_weeks(i, 24, since))
        if i == 1:  # what a part that cannot be read to its end costs
            damaged = here.lake.keys(raw.PAYLOADS)[-1]
            for home in twins:
                home.lake.write(damaged, home.lake.read(damaged)[:-9])
        one = refine(here.state, here.lake, decode, PLACES)
        many = refine(there.state, there.lake, decode, PLACES, workers=workers(spark, there))
        assert (one.rows, one.rejects) == (many.rows, many.rejects)
        assert one.rows > 250
        assert one.rejects > 0
        assert gold(here) == gold(there)
        # The second round finds closed months, which are one file each.
        assert compact(here.lake, far_later) == compact(there.lake, far_later)
        assert gold(here) == gold(there)
    assert here.state.load("part:") == there.state.load("part:") == {}
    assert list(here.state.rejects()) == list(there.state.rejects())
    stray = "gold/readings/source=gone/date=2020-01-01/readings.parquet"
    for home in twins:
        home.lake.write(stray, b"nothing made this")
    one = rebuild(here.state, here.lake, decode, PLACES)
    many = rebuild(there.state, there.lake, decode, PLACES, workers=workers(spark, there))
    assert (one.rows, one.rejects) == (many.rows, many.rejects)
    assert gold(here) == gold(there)
    assert stray not in gold(there)
    assert any("/month=" in key for key in gold(there))


def test_ensembles_are_counted_by_the_workers_as_by_one_process(
    spark: Any, twins: tuple[EmbeddedHome, EmbeddedHome]
) -> None:
    """Late, told again, and two of one second: the later one of these counts there, too."""
    where = Places([Place(id="mao", name="Manaus", latitude=-3.1, longitude=-60.0)])
    rules = rule_set({"chance": 0.3}, {"name": "other", "hazard": "storm", "chance": 0.2})

    def told(at: int, seed: int) -> Payload:
        gusts = np.random.default_rng(seed).integers(0, 40, (12, 24 * 30)).tolist()

        def said(run: int, when: int) -> float:
            return float(gusts[run][(when - at) // HOUR])

        body = ensembles.answer(
            at, said, runs=12, field="wind_gusts_10m", unit="m/s", where=(-3.2, -60.0)
        )
        return ensembles.payload(at, body)

    some = [told(NOON + at * 6 * HOUR, seed) for seed, at in enumerate((0, 2, 1, 1, 1, 4, 3, 9))]
    here, there = twins

    def counting_workers(home: EmbeddedHome) -> SparkWorkers:
        folder = home.path / "lake"
        open_lake = partial(FolderLake, folder)
        make = partial(_counting_decoder, where, rules, folder)
        return SparkWorkers(spark, open_lake, make, where)

    make = {home.path: _counting_decoder(where, rules, home.path / "lake") for home in twins}
    for part in (some[:4], some[4:], some[2:6]):
        for home in twins:
            for one in part:
                put(home, [one])
        one = refine(here.state, here.lake, make[here.path], where)
        many = refine(
            there.state, there.lake, make[there.path], where, workers=counting_workers(there)
        )
        assert (one.rows, one.rejects) == (many.rows, many.rejects)
        assert one.rows > 100
        assert gold(here) == gold(there)
    assert len(there.lake.keys("gold/ensembles/")) == 3
    stray = "gold/ensembles/source=gone/date=2020-01-01/ensembles.parquet"
    before = gold(here)
    there.lake.write(stray, b"nothing made this")
    rebuild(here.state, here.lake, make[here.path], where)
    rebuild(there.state, there.lake, make[there.path], where, workers=counting_workers(there))
    assert gold(here) == gold(there) == before


def _counting_decoder(where: Places, rules: RuleSet, lake: Path) -> Decode:
    return counted(decode_all(where), rules, where, FolderLake(lake))


def test_done_again_after_a_kill_it_changes_nothing(
    spark: Any, twins: tuple[EmbeddedHome, EmbeddedHome]
) -> None:
    here, there = twins
    for home in twins:
        put(home, some_weeks(7, 12))
    refine(here.state, here.lake, decode, PLACES)
    keys = sorted((key.decode() for key in there.state.load("part:").values()), key=raw.first_of)
    workers(spark, there).fold(keys)  # killed before the commit
    assert there.state.load("part:")
    report = refine(there.state, there.lake, decode, PLACES, workers=workers(spark, there))
    assert gold(here) == gold(there)
    assert report.rows > 0
    again = refine(there.state, there.lake, decode, PLACES, workers=workers(spark, there))
    assert (again.rows, again.partitions) == (0, 0)


def test_the_climate_is_the_same(spark: Any, twins: tuple[EmbeddedHome, EmbeddedHome]) -> None:
    here, there = twins
    places = Places(
        Place(id=name, name=name, latitude=0, longitude=0, timezone=zone)
        for name, zone in (("poa", "America/Sao_Paulo"), ("jfk", "America/New_York"), ("x", "UTC"))
    )
    first = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp())
    quarters = np.arange(64 * 24 * 4)  # an hour's four lie in two files where a day ends
    for home in twins:
        place = np.repeat([0, 1], len(quarters))
        both = np.tile(quarters, 2)
        for source, shift in (("station", 0), ("other", 1)):
            rows = Readings.build(
                place=place[shift:],
                source=source,
                kind=Kind.OBSERVED,
                valid_at=first + both[shift:] * HOUR // 4,
                period_s=HOUR // 4,
                values={
                    "temperature_c": 15 + 10 * np.sin(both[shift:] / 1000 + place[shift:]),
                    "rain_mm": np.sin(both[shift:]) ** 8 + shift,
                },
            )
            merge_readings(home.lake, rows, places)
    one = {each.place.id: each for each in learn(here.lake, places, least_years=1)}
    many = {
        each.place.id: each for each in learn_on(spark, lake_of(there.path), places, least_years=1)
    }
    assert sorted(many) == ["jfk", "poa"]
    assert one["poa"].climate.months
    assert one == many
    assert gold(here) == gold(there)


def test_one_process_has_one_context_and_says_so(spark: Any) -> None:
    refused = pytest.raises(SettingsInvalid, match=r"Spark at local\[2\] cannot be used")
    with refused, open_spark("local[2]"):
        pass
    with open_spark(None) as same:
        assert same is spark


@pytest.mark.usefixtures("spark")
def test_a_master_that_is_none_is_told_in_a_line() -> None:
    with pytest.raises(SettingsInvalid, match="give local"), open_spark("nonsense"):
        pass


def test_what_fails_in_a_worker_is_told_in_a_line() -> None:
    told = """An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collect.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 0.0 failed
  File "/x/atalaia/homes/embedded/lake.py", line 40, in write
atalaia.errors.StateConflict: /lake/gold cannot be written: No space left on device
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.next(PythonRunner.scala:9)
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
"""
    said = _in_a_line(Exception(told))
    assert (
        said
        == "atalaia.errors.StateConflict: /lake/gold cannot be written: No space left on device"
    )


def test_without_pyspark_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(SettingsInvalid, match=r"atalaia\[spark\]"), open_spark("local[2]"):
        pass
