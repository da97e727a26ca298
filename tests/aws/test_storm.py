"""A recorded storm through the functions, with what Amazon's services do to them: records twice,
records that are none, processes that die. It comes to what the embedded home makes of it, and who
asked is told, once.

On what Terraform made of ``infra/``, or where it is not there on the tables of `aws.moto` with two
lanes. Both are gone through, one after the other, where ATALAIA_AWS_KILLS says how often each
function is killed (`make crash-aws`).
"""

from __future__ import annotations

import csv
import json
import math
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import boto3
import duckdb
import msgspec
import numpy as np
import pytest

from atalaia import rules
from atalaia.cli.replays import replay
from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Status, letter_of
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.homes.aws import AwsHome, open_home
from atalaia.homes.aws.local import LocalLake
from atalaia.homes.aws.stream import Carried, pack
from atalaia.homes.embedded import open_home as open_embedded
from atalaia.homes.embedded.lake import FolderLake
from atalaia.lake import gold, raw
from atalaia.notify.rehearsal import rehearse
from atalaia.people.registry import Registry
from atalaia.ports import Notice
from atalaia.replay.readings import Replayed
from atalaia.sources import CLOCK, readings_csv
from atalaia.sources.recorded import read_files, read_places
from aws import moto, terraform
from aws.cloud import Cloud
from aws.conftest import Applied, alone, sent
from aws.deployed import Deployed, applied, on_tables
from aws.kills import Reaper
from aws.mapper import messages
from aws.outside import TOKEN, Outside, code_in
from aws.terraform import ENVIRONMENT
from aws.terraform import REGION as APPLIED_REGION

KILLS = int(os.environ.get("ATALAIA_AWS_KILLS", "2"))
WHERE = ("applied", "tables")
ONCE = ("applied",) if terraform.is_here() else ("tables",)
MORTAL = ("detect", "archive", "fan-out", "deliver", "refine")
SINCE, UNTIL = "2013-06-06", "2013-06-11"
"""Tropical storm Andrea, with days before and behind it."""

KEY = "p8Zk2mQx7vN4tR1cW9sLbYd3"
PHONE, CHAT, MAIL = "+12125550100", "77000111222", "ana@people.example"
HOUR = 3600
LEASE_S = 120
"""After so long what a dead function had claimed may be claimed again."""


@dataclass(frozen=True)
class Storm:
    """The recorded readings, where they were measured, and what the embedded home makes of them."""

    file: Path
    places: Places
    replayed: Replayed
    home: Path

    def hours(self) -> Iterator[tuple[int, list[Payload]]]:
        """Each hour as it came: what each airport said, and then what time it is."""
        rows = read_files([self.file], self.places).readings.in_order()
        for at in np.unique(rows.known_at).tolist():
            now = rows.take(rows.known_at == at)
            yield at, [*(self._said(now, int(i), at) for i in np.unique(now.place)), tick(at)]

    def _said(self, now: Any, place: int, at: int) -> Payload:
        return Payload(
            source=readings_csv.NAME,
            content=readings_csv.CSV,
            places=(self.places[place].id,),
            received_at=at,
            body=readings_csv.write(now.take(now.place == place), self.places),
            is_recorded=True,
        )

    def settings(self, file: Path, outside: str, *, is_polled: bool) -> Path:
        """Of a deployment that watches these places."""
        lines = [
            'rules = "inmet"',
            "[sources.open-meteo]",
            f"enabled = {str(is_polled).lower()}",
            f'base_url = "{outside}"',
            "[sources.tomorrow-io]",
            "enabled = false",
            "[people]",
            'controller = "Civil defence"',
            'contact = "privacy@example.org"',
            'countries = ["+1"]',
            "[channels.telegram]",
            f'base_url = "{outside}"',
            "[channels.whatsapp]",
            'phone_number_id = "1"',
            "[channels.sms]",
            "enabled = true",
            "usd_a_month = 1000.0",
            "[channels.email]",
            'via = "ses"',
            'sender = "Atalaia <alerts@example.org>"',
            "[channels.webhook]",
            'allow = ["127.0.0.0/8"]',
        ]
        for place in self.places:
            lines += ["[[place]]", f'id = "{place.id}"', f'name = "{place.name}"']
            lines += [f"latitude = {place.latitude}", f"longitude = {place.longitude}"]
            lines += [f'timezone = "{place.timezone}"']
        file.write_text("\n".join(lines) + "\n")
        return file


def tick(at: int) -> Payload:
    return Payload(source=CLOCK, content="tick", received_at=at, body=b"")


@pytest.fixture(scope="module")
def storm(nyc: Path, tmp_path_factory: pytest.TempPathFactory) -> Storm:
    folder = tmp_path_factory.mktemp("storm")
    with (nyc / "readings.csv").open() as file:
        rows = csv.DictReader(file)
        kept = [row for row in rows if SINCE <= row["valid_at"] < UNTIL]
        with (folder / "readings.csv").open("w", newline="") as out:
            writer = csv.DictWriter(out, rows.fieldnames or ())
            writer.writeheader()
            writer.writerows(kept)
    # Without their area, which would keep all three in one lane.
    listed = read_places(nyc / "places.csv")
    places = Places([msgspec.structs.replace(place, area=None) for place in listed])
    readings, home = folder / "readings.csv", folder / "home"
    replayed = replay(places, [readings], rules.load("inmet"), home=home)
    return Storm(readings, places, replayed, home)


@dataclass
class Passed:
    """A deployment that the storm has gone through, and what there is to say of it.

    people       pseudonyms by channel
    records      in the stream, each lane's copies counted; `poison` are those that nobody can read
    in_flight    by message: how often who was sending it died
    """

    cloud: Cloud
    outside: Outside
    home: AwsHome
    storm: Storm
    people: dict[str, str] = field(default_factory=dict)
    records: int = 0
    poison: int = 0
    in_flight: Counter[str] = field(default_factory=Counter)

    @property
    def deployed(self) -> Deployed:
        return self.cloud.deployed

    def texts(self, channel: str) -> list[str]:
        """What came to a person."""
        if channel == "telegram":
            return [text for chat, text in self.outside.chats if chat == CHAT]
        if channel == "sms":
            return [text for to, text in sent(self.deployed.url, "sms") if to == PHONE]
        return [words(mail) for to, mail in sent(self.deployed.url, "mail") if to == MAIL]


def words(mail: str) -> str:
    body = message_from_string(mail, policy=policy.default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.fixture(scope="module", params=WHERE if "ATALAIA_AWS_KILLS" in os.environ else ONCE)
def passed(
    request: pytest.FixtureRequest, storm: Storm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Passed]:
    """A deployment after the storm."""
    if request.param == "applied":
        made: Applied = request.getfixturevalue("applied")
        with environment(made.url, APPLIED_REGION):
            deployed = applied(made.url, APPLIED_REGION, ENVIRONMENT).apart("storm")
            yield from gone_through(deployed, storm, tmp_path_factory.mktemp("applied-storm"))
        return
    with alone() as url, environment(url, moto.REGION):
        deployed = on_tables(url, lanes=int(os.environ.get("HAL", "2")))
        yield from gone_through(deployed, storm, tmp_path_factory.mktemp("tables-storm"))


@contextmanager
def environment(url: str, region: str) -> Iterator[None]:
    """Of the tests' own clients."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in moto.ENVIRONMENT.items():
            patch.setenv(name, value)
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            patch.setenv(name, region)
        patch.setenv("AWS_ENDPOINT_URL", url)
        yield


def gone_through(deployed: Deployed, storm: Storm, folder: Path) -> Iterator[Passed]:
    deployed.put_secret("api", ATALAIA_API_KEY=KEY)
    deployed.put_secret("telegram", ATALAIA_CHANNELS_TELEGRAM_TOKEN=TOKEN)
    reaper = Reaper(MORTAL, KILLS)
    with Outside() as outside, Cloud(deployed, folder, reaper, times=2) as cloud:
        deployed.put_settings(storm.settings(folder / "atalaia.toml", outside.url, is_polled=False))
        passed = Passed(cloud, outside, open_home(deployed.config, storm.places), storm)
        reaper.spared.update(MORTAL)
        subscribe(passed)
        reaper.spared.clear()
        let_pass(passed)
        yield passed


# What happens


def subscribe(passed: Passed) -> None:
    """Four people ask to be told, each by another channel, and confirm with the code they get."""
    first, _ = next(passed.storm.hours())
    cloud, outside = passed.cloud, passed.outside
    cloud.set_clock(first - HOUR)
    where = [
        {"latitude": one.latitude, "longitude": one.longitude, "radius_km": 5.0}
        for one in passed.storm.places
    ]
    # One is told of the airport at which the storm came first, one of all, one of the worst.
    wishes: dict[str, dict[str, Any]] = {
        f"webhook:{outside.hook}": {"where": where},
        f"telegram:{CHAT}": {"where": where[:1], "hazards": {"heavy_rain": "yellow"}},
        f"email:{MAIL}": {"where": where[1:2]},
        f"sms:{PHONE}": {"where": where, "hazards": {"heavy_rain": "red", "wind": "yellow"}},
    }
    for contact, wish in wishes.items():
        body = {"contacts": [contact], "language": "en", **wish}
        status, said = cloud.request("POST", "/v1/subscribe", body)
        assert status == 201, said
        passed.people[contact.partition(":")[0]] = said["person"]
    cloud.flow()
    codes = {
        "webhook": outside.hooks[0][1]["data"]["code"],
        "telegram": code_in(passed.texts("telegram")[0]),
        "email": code_in(passed.texts("email")[0]),
        "sms": code_in(passed.texts("sms")[0]),
    }
    for channel, person in passed.people.items():
        path = f"/v1/people/{person}/confirm"
        status, said = cloud.request("POST", path, {"code": codes[channel]})
        assert (status, said["person"]) == (200, person), said
    outside.hooks.clear()
    outside.chats.clear()


def let_pass(passed: Passed) -> None:
    """The storm in the order of time, some hours at once, with 1 % of records that are none."""
    chance = random.Random(1)
    cloud, stream = passed.cloud, passed.home.stream
    some: list[Payload] = []
    left = 1
    for at, payloads in passed.storm.hours():
        some += payloads
        left -= 1
        if left:
            continue
        left = chance.randint(1, 6)
        cloud.set_clock(at + 1)
        stream.append(some)
        passed.records += len(some)
        some = []
        while passed.poison * 100 < passed.records:
            put_poison(passed, chance)
        step(passed)
    cloud.set_clock(cloud.now + 1)
    stream.append(some)
    passed.records += len(some)
    while not cloud.reaper.is_done:
        step(passed)
        cloud.set_clock(cloud.now + 900)
    step(passed)
    for name in sorted(cloud.deployed.schedules.keys() - {"poll"}):
        for _ in range(2):
            cloud.tick(name)


def step(passed: Passed) -> None:
    """What came goes where it leads, and the clock starts what it starts."""
    cloud = passed.cloud
    with watched(passed):
        cloud.flow()
        cloud.tick("fan-out")
        cloud.tick("refine")
        cloud.flow()
    cloud.set_clock(cloud.now + LEASE_S)
    with watched(passed):
        cloud.tick("deliver")


@contextmanager
def watched(passed: Passed) -> Iterator[None]:
    """Note what was being sent by a function that died. It dies first at the door: the target of
    the webhook has the message, and the outbox does not know it."""
    reaper, outside = passed.cloud.reaper, passed.outside
    died, seen = reaper.deaths["deliver"], outside.times()
    if reaper.left["deliver"] and not died:
        reaper.spared.add("deliver")
        outside.on_hook = passed.cloud.functions["deliver"].kill
    yield
    reaper.spared.clear()
    outside.on_hook = lambda: None
    if reaper.deaths["deliver"] > died:
        came = outside.times()
        for one in passed.home.outbox.messages(status=Status.LEASED):
            passed.in_flight[one.id] += came[one.id] > seen[one.id] or one.channel != "webhook"


def put_poison(passed: Passed, chance: random.Random) -> None:
    """A record that nobody can read: cut, of another's making, or with another shape."""
    whole = pack(Carried(1, 0, False, Payload(source="x", content="y", received_at=0, body=b"")))
    kinds = [chance.randbytes(40), whole[: len(whole) // 2], b"ATA1" + chance.randbytes(40), b"{}"]
    config = passed.deployed.config
    boto3.client("kinesis").put_record(
        StreamName=config.stream,
        Data=kinds[passed.poison % len(kinds)],
        PartitionKey=f"lane-{chance.randrange(config.lanes)}",
    )
    passed.poison += 1


# What is found


def life(entries: list[LogEntry]) -> dict[str, Any]:
    """By incident: what it was, how bad it became, and when it began and ended."""
    found: dict[str, Any] = {}
    for entry in sorted(entries, key=lambda e: (e.alert.incident, e.alert.version)):
        alert = entry.alert
        is_over = alert.is_over
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


def payloads_in_raw(home: AwsHome) -> list[Any]:
    lake = home.lake
    return [r for key in lake.keys(raw.PAYLOADS) for r in raw.read_part(lake.read(key))]


def test_every_function_died_as_often_as_it_should(passed: Passed) -> None:
    assert passed.cloud.reaper.deaths == dict.fromkeys(MORTAL, KILLS)


def test_the_incidents_are_those_of_the_embedded_replay(passed: Passed) -> None:
    entries = [entry for _, entry in passed.home.state.alerts()]
    keys = [(e.alert.incident, e.alert.version) for e in entries]
    assert len(keys) == len(set(keys)), "an entry was told twice"
    assert any("red" in told["levels"] for told in life(entries).values()), "Andrea"
    assert life(entries) == life(passed.storm.replayed.entries)


def test_gold_has_the_rows_of_the_embedded_replay(passed: Passed) -> None:
    assert passed.storm.replayed.gold is not None
    here, there = LocalLake(passed.home.lake), FolderLake(passed.storm.replayed.gold.parent)
    ours, theirs = gold_files(here), gold_files(there)
    for dataset in ("readings", "alerts"):
        found = rows_of(ours, dataset)
        assert len(found) > 10
        assert found == rows_of(theirs, dataset), dataset
    here.close()
    assert passed.home.state.load(gold.UNREFINED) == {}


def test_what_came_is_in_raw_once(passed: Passed) -> None:
    numbers = [record.offset for record in payloads_in_raw(passed.home)]
    assert len(numbers) == len(set(numbers)) == passed.records


def test_every_record_that_nobody_can_read_is_in_the_queue_for_them(passed: Passed) -> None:
    """Once more only where the function died before it could note that it had sent it."""
    found = Counter(one["sequence"] for one in messages(queue(passed, "poison")))
    assert len(found) == passed.poison >= passed.records / 100
    assert found.total() - len(found) <= KILLS
    assert messages(queue(passed, "dead")) == [], "nothing was given up"


def queue(passed: Passed, name: str) -> str:
    config = passed.deployed.config
    found = boto3.client("sqs").get_queue_url(QueueName=f"{config.env}-{name}")
    return str(found["QueueUrl"])


@pytest.mark.parametrize("channel", ["webhook", "telegram", "email", "sms"])
def test_who_asked_is_told_their_story_once(passed: Passed, channel: str) -> None:
    """But for what newer news had passed by when its letter was written: that is dropped."""
    pseudonym = passed.people[channel]
    expected = story(passed, pseudonym)
    assert expected
    told = passed.home.outbox.told([key for key, _ in expected], [pseudonym])
    assert sorted((one.incident, one.version) for one in told) == expected
    messages = passed.home.outbox.messages(person=pseudonym, limit=10_000)
    alerts = {m.id: m for m in messages if m.kind == "alert"}
    assert {m.status for m in alerts.values()} <= {Status.SENT, Status.DROPPED}
    for one in told:
        is_passed = sent_behind(passed, one) <= alerts[one.message].settled_at
        assert one.status == Status.SENT or is_passed, "dropped, though it was the news"
    for incident, each in lives(told).items():
        newest = each[-1]
        is_untold = is_end(passed, newest) and not any(one.is_heard for one in each)
        assert newest.status == Status.SENT or is_untold, f"the last of {incident} is not told"
    went = {letter_of(m) for m in alerts.values() if m.status == Status.SENT}  # letters
    again = sum(passed.in_flight[id_] for id_ in alerts)
    if channel == "webhook":
        came = Counter(came_by_hook(passed))
        sure = Counter((o.incident, o.version) for o in told if o.status == Status.SENT)
        doubtful = Counter((o.incident, o.version) for o in told if passed.in_flight[o.message])
        assert sure <= came <= sure | doubtful
        times = passed.outside.times()
        assert went <= times.keys() <= went | passed.in_flight.keys()
        assert all(n - 1 <= passed.in_flight[id_] for id_, n in times.items())
        assert times.total() > len(times), "who died at the door has sent it once more"
    else:
        confirmation = channel != "telegram"
        came_n = len(passed.texts(channel)) - confirmation
        assert 0 < len(went) <= came_n <= len(went) + again


def lives(told: Sequence[Notice]) -> dict[str, list[Notice]]:
    """What somebody was told, by incident in the order of versions."""
    found: dict[str, list[Notice]] = defaultdict(list)
    for one in sorted(told, key=lambda one: one.version):
        found[one.incident].append(one)
    return found


def sent_behind(passed: Passed, one: Notice) -> float:
    """When the next entry of its incident was sent; never, if it has none."""
    life = [entry.alert for _, entry in passed.home.state.life(one.incident)]
    return min((a.sent_at for a in life if a.version > one.version), default=math.inf)


def is_end(passed: Passed, one: Notice) -> bool:
    life = [entry.alert for _, entry in passed.home.state.life(one.incident)]
    return any(alert.is_over for alert in life if alert.version == one.version)


def came_by_hook(passed: Passed) -> Iterator[tuple[str, int]]:
    """What the webhook was told, by its messages' ids once."""
    for body in dict(passed.outside.hooks).values():
        for alert in body["data"]["alerts"]:
            yield alert["incident"], alert["version"]


def story(passed: Passed, pseudonym: str) -> list[tuple[str, int]]:
    """What the embedded home would have told somebody of the storm."""
    person = Registry(passed.home.people, passed.home.keys).person(pseudonym)
    assert person is not None
    with open_embedded(passed.storm.home, exclusive=False) as home:
        return sorted(
            (entry.alert.incident, entry.alert.version)
            for _, entries in rehearse(home.state, person, passed.storm.places)
            for entry in entries
        )


def test_the_api_tells_the_same_incidents(passed: Passed) -> None:
    status, page = passed.cloud.request("GET", "/v1/incidents?limit=500", key=KEY)
    assert status == 200
    expected = life(passed.storm.replayed.entries)
    assert {one["incident"]: one["peak_level"] for one in page["items"]} == {
        key: told["peak"][0] for key, told in expected.items()
    }
    assert passed.cloud.request("GET", "/v1/deliveries")[0] == 401


def test_what_a_source_is_asked_goes_the_same_way(passed: Passed, tmp_path: Path) -> None:
    """A deployment that polls from now on: what Open-Meteo says is kept, judged and told."""
    cloud, outside = passed.cloud, passed.outside
    place: Place = passed.storm.places[0]
    outside.weather.gust[str(place.latitude)] = 45.0
    settings = passed.storm.settings(tmp_path / "atalaia.toml", outside.url, is_polled=True)
    passed.deployed.put_settings(settings)
    cloud.restart()
    outside.hooks.clear()
    for _ in range(2):
        cloud.set_clock(cloud.now + 900)
        outside.clock._now = cloud.now
        assert cloud.tick("poll")["payloads"] >= 1
        assert cloud.tick("poll")["payloads"] == 0, "it remembers what it asked"
        cloud.flow()
    cloud.tick("refine")
    kept = [r.payload for r in payloads_in_raw(passed.home) if r.payload.source == "open-meteo"]
    assert [payload.body for payload in kept] == outside.forecasts
    lake = LocalLake(passed.home.lake)
    assert any("open-meteo" in row for row in rows_of(gold_files(lake), "readings"))
    lake.close()
    gale = [
        entry.alert
        for _, entry in passed.home.state.alerts()
        if entry.alert.source == "open-meteo" and entry.alert.hazard == "wind"
    ]
    assert {alert.place_id for alert in gale} == {place.id}
    told = [one for one in came_by_hook(passed) if one in {(a.incident, a.version) for a in gale}]
    assert Counter(told) == Counter((a.incident, a.version) for a in gale)
    assert "estimated" in json.dumps(outside.hooks)
    left_out = {name for name, function in cloud.functions.items() if not function.seconds}
    assert left_out <= {"recover", "returns"}, "those that an operator and SES call"
