"""A recorded storm through the functions, with what Amazon's services do to them: records twice,
records that are none, functions that die. It comes to what the embedded home makes of it."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import numpy as np
import pytest

from atalaia import rules
from atalaia.app.replay import Replayed, replay
from atalaia.aws import deployment, detect, handlers, tell
from atalaia.domain.alert import LogEntry
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.homes import gold, raw
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.stream import Carried, pack
from atalaia.sources import CLOCK, readings_csv
from atalaia.sources.recorded import read_files, read_places
from aws import moto
from aws.kills import Reaper
from aws.mapper import Context, Killed, Mapper, messages
from aws.runtime import Runtime

KILLS = int(os.environ.get("ATALAIA_AWS_KILLS", "3"))
SINCE, UNTIL = "2013-06-06", "2013-06-11"
"""Tropical storm Andrea, with days before and behind it."""

Settings = tuple[Path, Path]


@pytest.fixture(scope="module")
def storm(nyc: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A file of readings, and settings that watch their places and poll nobody."""
    folder = tmp_path_factory.mktemp("storm")
    with (nyc / "readings.csv").open() as file:
        rows = csv.DictReader(file)
        kept = [row for row in rows if SINCE <= row["valid_at"] < UNTIL]
        with (folder / "readings.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, rows.fieldnames or ())
            writer.writeheader()
            writer.writerows(kept)
    lines = ['rules = "inmet"', "[sources.open-meteo]", "enabled = false"]
    for place in read_places(nyc / "places.csv"):
        lines += ["[[place]]", f'id = "{place.id}"', f'name = "{place.name}"']
        lines += [f"latitude = {place.latitude}", f"longitude = {place.longitude}"]
        lines += [f'timezone = "{place.timezone}"']
    (folder / "atalaia.toml").write_text("\n".join(lines) + "\n")
    return folder / "readings.csv", folder / "atalaia.toml"


@pytest.fixture(scope="module")
def embedded(storm: Settings, nyc: Path, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    where = Places(read_places(nyc / "places.csv"))
    home = tmp_path_factory.mktemp("embedded") / "home"
    return replay(where, [storm[0]], rules.load("inmet"), home=home)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server, url = moto.start()
    yield url
    server.stop()


@pytest.fixture
def deployed(
    url: str, storm: Settings, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Config:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    lanes = getattr(request, "param", 1)
    config = moto.deploy(url, lanes=lanes, shards=lanes)
    for name, value in {
        "ATALAIA_ENV": config.env,
        "ATALAIA_ACCOUNT": config.account,
        "ATALAIA_LANES": str(lanes),
        "ATALAIA_QUEUES": config.queues,
        "ATALAIA_SETTINGS": str(storm[1]),
    }.items():
        monkeypatch.setenv(name, value)
    new_container()
    return config


def new_container() -> None:
    for part in (deployment, detect, tell):
        part.forget()


def hours(file: Path) -> Iterator[list[Payload]]:
    """Each hour as it came: what the three airports said, and then what time it is."""
    places = deployment.places()
    rows = read_files([file], places).readings.in_order()
    for at in np.unique(rows.known_at).tolist():
        part = rows.take(rows.known_at == at)
        yield [
            Payload(
                source=readings_csv.NAME,
                content=readings_csv.CSV,
                places=tuple(places[i].id for i in np.unique(part.place).tolist()),
                received_at=at,
                body=readings_csv.write(part, places),
                is_recorded=True,
            ),
            Payload(source=CLOCK, content="tick", received_at=at, body=b""),
        ]


def put_poison(config: Config, chance: random.Random, n: int) -> None:
    """Records that nobody can read: cut, of another's making, or with another shape."""
    whole = pack(Carried(1, 0, False, Payload(source="x", content="y", received_at=0, body=b"")))
    kinds = [chance.randbytes(40), whole[: len(whole) // 2], b"ATA1" + chance.randbytes(40), b"{}"]
    for _ in range(n):
        lane = f"lane-{chance.randrange(config.lanes)}"
        boto3.client("kinesis").put_record(
            StreamName=config.stream, Data=chance.choice(kinds), PartitionKey=lane
        )


def fill(config: Config, file: Path) -> tuple[int, int]:
    """The storm into the stream in the order of time; return how many records, and poison ones."""
    chance = random.Random(1)
    stream = deployment.home().stream
    n = poison = 0
    for payloads in hours(file):
        stream.append(payloads)
        n += len(payloads) * config.lanes
        if n // 100 > poison:
            put_poison(config, chance, 1)
            poison += 1
    return n, poison


def life(entries: list[LogEntry]) -> dict[str, Any]:
    """By incident: what it was, how bad it became, and when it began and ended."""
    found: dict[str, Any] = {}
    for entry in sorted(entries, key=lambda e: (e.alert.incident, e.alert.version)):
        alert = entry.alert
        is_over = alert.type in ("end", "cancel")
        is_blind = alert.hazard == "cannot_see"
        told = found.setdefault(alert.incident, {"hazard": alert.hazard, "levels": []})
        if not is_over and told["levels"][-1:] != [alert.level]:
            told["levels"].append(alert.level)
        told["place"] = None if is_blind else alert.place_id
        told["onset"] = alert.onset_at
        told["peak"] = (entry.peak_level, entry.peak, entry.peak_at)
        told["end"] = (alert.sent_at, alert.type, alert.reason) if is_over else None
    return found


def rows_of(files: dict[str, list[Any]], dataset: str) -> list[tuple[Any, ...]]:
    """GOLD's rows of a dataset, sorted."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone='UTC'")
        sql = f"SELECT COLUMNS(*)::VARCHAR FROM ({gold.rows(dataset, files[dataset])}) ORDER BY ALL"
        return con.execute(sql).fetchall()


def gold_files(lake: Any) -> dict[str, list[Any]]:
    return {
        dataset: [lake.path(key) for key in keys]
        for dataset, keys in gold.partition_files(lake, ["readings", "alerts"]).items()
    }


def assert_as_embedded(embedded: Replayed) -> None:
    from atalaia.aws.local import LocalLake
    from atalaia.homes.embedded.lake import FolderLake

    home = deployment.home()
    entries = [entry for _, entry in home.state.alerts()]
    keys = [(e.alert.incident, e.alert.version) for e in entries]
    assert len(keys) == len(set(keys)), "an entry was told twice"
    assert any("red" in told["levels"] for told in life(entries).values()), "Andrea"
    assert life(entries) == life(embedded.entries)
    assert embedded.gold is not None
    here, there = LocalLake(home.lake), FolderLake(embedded.gold.parent)
    ours, theirs = gold_files(here), gold_files(there)
    for dataset in ("readings", "alerts"):
        assert rows_of(ours, dataset) == rows_of(theirs, dataset), dataset
    here.close()


def payloads_in_raw() -> list[Any]:
    lake = deployment.home().lake
    return [r for key in lake.keys(raw.PAYLOADS) for r in raw.read_part(lake.read(key))]


@pytest.mark.parametrize("deployed", [1, 2], indirect=True)
def test_a_storm_comes_to_the_same_on_lambda_however_often_its_records_come(
    deployed: Config, storm: Settings, embedded: Replayed
) -> None:
    n, poison = fill(deployed, storm[0])
    assert poison >= 2
    dead = deployed.queue("dead")
    for name in ("detect", "archive"):
        with Runtime(f"atalaia.aws.handlers.{name}") as function:
            Mapper(deployed.stream, function, dead, times=2).run()
    with Runtime("atalaia.aws.handlers.refine") as function:
        for _ in range(2):
            function({}, None)
    assert_as_embedded(embedded)
    assert len(messages(deployed.queue("poison"))) == poison
    assert messages(dead) == []
    numbers = [record.offset for record in payloads_in_raw()]
    assert len(numbers) == len(set(numbers)) == n // deployed.lanes
    assert deployment.home().state.load(gold.UNREFINED) == {}


def test_a_storm_comes_to_the_same_through_functions_that_die(
    deployed: Config, storm: Settings, embedded: Replayed, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, poison = fill(deployed, storm[0])
    reaper = Reaper(monkeypatch)

    def restarted() -> None:
        reaper.new_container()
        new_container()

    dead = deployed.queue("dead")
    left = {"detect": KILLS, "archive": KILLS}
    calls = dict.fromkeys(left, 0)

    def mortal(name: str) -> Any:
        def call(event: dict[str, Any], context: Any) -> dict[str, Any]:
            calls[name] += 1
            if left[name] and calls[name] % 3:  # two die of three: a batch has only so many tries
                reaper.arm(most=3)
            try:
                return getattr(handlers, name)(event, context)
            except Killed:
                left[name] -= 1
                raise
            finally:
                reaper.disarm()

        return call

    for name in left:
        Mapper(
            deployed.stream, mortal(name), dead, times=2, size=10, retries=8, on_killed=restarted
        ).run()
    assert reaper.deaths == 2 * KILLS
    handlers.refine({}, Context())
    assert_as_embedded(embedded)
    # Each is there; once more, where the function died before it could note that it had sent it.
    found = messages(deployed.queue("poison"))
    assert len({one["sequence"] for one in found}) == poison
    assert messages(dead) == []
    numbers = [record.offset for record in payloads_in_raw()]
    assert len(numbers) == len(set(numbers)) == n
