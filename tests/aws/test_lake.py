"""The lake on S3: who was erased goes from it, and damaged files of it are made again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from atalaia.batch.mend import ASIDE
from atalaia.batch.sweep import EVERY_S
from atalaia.clock import Clock
from atalaia.domain.alert import instant
from atalaia.domain.contact import read_contact
from atalaia.domain.decoded import Decode
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.lake import gold, raw
from atalaia.people.bodies import own_source, seal_body
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.ports import Commit
from atalaia.run import services
from atalaia.run.aws import archive, deployment, refine
from atalaia.sources.readings_csv import STATION, content_of
from aws import moto
from aws.calls import Calls
from aws.mapper import Context, Mapper
from telling import HERE, news

SETTINGS = """
rules = "inmet"
[sources.open-meteo]
enabled = false
[[place]]
id = "recife"
name = "Recife"
latitude = -8.05
longitude = -34.9
timezone = "America/Recife"
"""
DAY = 86_400
FIVE_DAYS_AGO = int(time.time()) // DAY * DAY - 5 * DAY  # one day for all, also over midnight


@pytest.fixture
def filled(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """A deployment in which two people pushed, days ago; all is refined. Their pseudonyms."""
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url)
    file = tmp_path / "atalaia.toml"
    file.write_text(SETTINGS, "utf-8")
    for name, value in moto.variables(config, str(file)).items():
        monkeypatch.setenv(name, value)
    deployment.forget()
    home = deployment.home()
    registry = Registry(home.people, home.keys)
    ana, bia = (person(registry, f"email:{name}@people.example") for name in ("ana", "bia"))
    home.stream.append([pushed(registry, ana), pushed(registry, bia)])
    Mapper(config.stream, archive.handle, config.queue("dead")).run()
    assert refine.handle({}, Context())["rows"] == 2
    yield ana, bia
    deployment.forget()


def person(registry: Registry, contact: str) -> str:
    request = Request(contacts=(read_contact(contact),), where=(HERE,), proof="form 12")
    return subscribe(registry, request, int(time.time()) - 60, lambda *_: None).pseudonym


def pushed(registry: Registry, who: str, hours: int = 0) -> Payload:
    """One row, at so many hours of that day."""
    at = FIVE_DAYS_AGO + hours * 3600
    rows = [{"place_id": "recife", "valid_at": instant(at), "rain_mm": 1.0, "period_s": 3600}]
    body = seal_body(registry.vault, who, json.dumps(rows).encode())
    return Payload(
        source=STATION,
        content=content_of(own_source(who)),
        places=("recife",),
        received_at=at,
        body=body,
    )


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    at = time.time() + seconds
    monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: at))


def test_who_was_erased_goes_from_raw_gold_and_what_was_set_aside_and_nobody_else_does(
    filled: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bia = filled
    home = deployment.home()
    [theirs] = [key for key in home.lake.keys(gold.READINGS) if own_source(ana) in key]
    [part] = home.lake.keys(raw.PAYLOADS)
    for key in (theirs, part):
        home.lake.write(ASIDE + key, b"torn")
    Registry(home.people, home.keys).erase(ana, int(time.time()))
    later(monkeypatch, 7 * 3600)
    refine.handle({}, Context())
    assert home.lake.keys(ASIDE) == []
    sources = {key.split("/")[2] for key in home.lake.keys(gold.READINGS)}
    assert sources == {f"source={raw.folder_name(own_source(bia))}"}
    [left] = raw.read_part(home.lake.read(part))
    assert left.payload.content == content_of(own_source(bia))


def test_a_week_after_a_day_its_files_are_one_for_a_listing_and_a_call_or_two_a_file(
    filled: tuple[str, str], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, config = deployment.home(), deployment.home().config
    registry = Registry(home.people, home.keys)
    came = Mapper(config.stream, archive.handle, config.queue("dead"))
    home.stream.append([pushed(registry, who, hour) for hour in (1, 2, 3) for who in filled])
    came.run()
    refine.handle({}, Context())
    hours = home.lake.keys(raw.PAYLOADS)
    before = [one for key in hours for one in raw.read_part(home.lake.read(key))]
    assert len(before) == 8
    later(monkeypatch, 9 * DAY)
    calls.calls.clear()
    refine.handle({}, Context(left_s=60))
    without = calls.calls.copy()
    assert home.lake.keys(raw.PAYLOADS) == hours, "there is no time for it"
    later(monkeypatch, 9 * DAY + EVERY_S)
    calls.calls.clear()
    refine.handle({}, Context(left_s=900))
    cost = calls.calls - without
    [day] = home.lake.keys(raw.PAYLOADS)
    assert raw.is_of_day(day)
    assert raw.read_part(home.lake.read(day)) == before
    assert cost["s3.GetObject"] <= len(hours)
    assert cost["s3.PutObject"] == 1
    assert cost["s3.DeleteObjects"] == 1
    assert cost["s3.DeleteObject"] == 0
    assert cost["s3.ListObjectsV2"] <= 1


def test_a_week_after_a_day_its_alert_log_is_one_part_with_the_same_entries(
    filled: tuple[str, str], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = deployment.home()
    for hour in range(3):
        entries = [news(f"i{hour}", at=FIVE_DAYS_AGO + 3600 * hour)]
        home.state.commit(Commit("speed/lane-0", hour + 1, entries=entries))
        refine.handle({}, Context())
    parts = home.lake.keys(raw.ALERTS)
    before = [one for key in parts for one in raw.read_alerts(home.lake.read(key))]
    assert (len(parts), len(before)) == (3, 3)
    later(monkeypatch, 9 * DAY)
    refine.handle({}, Context(left_s=60))
    assert home.lake.keys(raw.ALERTS) == parts, "there is no time for it"
    later(monkeypatch, 9 * DAY + EVERY_S)
    calls.calls.clear()
    refine.handle({}, Context(left_s=900))
    [whole] = home.lake.keys(raw.ALERTS)
    assert list(raw.read_alerts(home.lake.read(whole))) == before
    later(monkeypatch, 9 * DAY + 2 * EVERY_S)
    calls.calls.clear()
    refine.handle({}, Context(left_s=900))
    assert not calls.calls.keys() & {"s3.PutObject", "s3.DeleteObject", "s3.DeleteObjects"}


def test_refine_reads_places_into_a_decoder_once_a_container(
    filled: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    make = services.decode_all

    def counted(places: Places) -> Decode:
        made.append(places)
        return make(places)

    monkeypatch.setattr(services, "decode_all", counted)
    deployment.forget()
    for _ in range(3):
        refine.handle({}, Context())
    assert len(made) == 1


def test_a_damaged_file_of_gold_is_set_aside_and_made_again(
    filled: tuple[str, str], tmp_path: Path
) -> None:
    ana, _ = filled
    home, config = deployment.home(), deployment.home().config
    [key] = [key for key in home.lake.keys(gold.READINGS) if own_source(ana) in key]
    home.lake.write(key, b"torn")
    registry = Registry(home.people, home.keys)
    home.stream.append([pushed(registry, ana, hours=1)])
    Mapper(config.stream, archive.handle, config.queue("dead")).run()
    refine.handle({}, Context())
    assert home.lake.read(ASIDE + key) == b"torn"
    file = tmp_path / "again.parquet"
    file.write_bytes(home.lake.read(key))
    rows = duckdb.sql(f"SELECT count(*) FROM read_parquet('{file}')").fetchall()
    assert rows == [(2,)], "what it held, and what is new"
