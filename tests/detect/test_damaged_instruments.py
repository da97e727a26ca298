"""Damage: whatever instruments send, nothing ends, and no value that cannot be raises an alert."""

from __future__ import annotations

import base64
import json
import random
from urllib.parse import urlencode

import pytest
from tests.sources.bufr.encode import inmet

from atalaia import rules
from atalaia.detect.consumer import FAULT
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.variable import CATALOGUE
from atalaia.ports import Record
from atalaia.sources import decode_all

TEN = 1_786_442_400  # 2026-08-11T10:00Z
WHERE = Places([Place(id="garden", name="Garden", latitude=-13.3, longitude=-49.1)])
AERODROME = {
    "icaoId": "SBXX", "lat": -13.31, "lon": -49.11, "elev": 365, "name": "Field",
    "obsTime": TEN, "temp": 22, "rawOb": "METAR SBXX 111000Z 05026G45KT 0800 TSRA 22/19 Q1016",
}  # fmt: skip
CONSOLE = {
    "dateutc": "2026-08-11 10:00:00", "tempf": "70", "humidity": "65", "windspeedmph": "20",
    "windgustmph": "50", "rainratein": "3.1", "dailyrainin": "1.5", "baromrelin": "29.9",
}  # fmt: skip


def notice(data: bytes) -> bytes:
    message = {
        "id": "a", "type": "Feature", "geometry": None,
        "properties": {
            "data_id": "a", "pubtime": "2026-08-11T10:40:00Z", "datetime": None,
            "content": {"encoding": "base64", "value": base64.b64encode(data).decode()},
        },
        "links": [{"rel": "update", "href": "http://a.example/x"}],
    }  # fmt: skip
    return json.dumps(message).encode()


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """A few octets changed, digits multiplied, pieces cut out or doubled."""
    body = bytearray(whole)
    for _ in range(chance.choice([1, 1, 3, 10])):
        at = chance.randrange(len(body))
        how = chance.randrange(4)
        if how == 0:
            body[at] = chance.randrange(256)
        elif how == 1:
            body[at:at] = bytes(chance.choice(b"0123456789-.eN") for _ in range(3))
        elif how == 2:
            del body[at : at + chance.randrange(1, 9)]
        else:
            body[at:at] = body[at : at + 20]
        if not body:
            return b"x"
    return bytes(body)


def some(seed: int) -> list[Payload]:
    chance = random.Random(seed)
    told = []
    for i in range(60):
        at = TEN + 60 * i
        rain = {"b13011": chance.choice([0.0, 80.0, 1600.0]), "b11002": chance.choice([3.0, 80.0])}
        report = inmet(**rain, b12101=273.15 + chance.choice([20.0, 49.0]))
        kinds = (
            ("wis2:br-inmet", "wnm", notice(damaged(report, chance))),
            ("wis2:br-inmet", "wnm", damaged(notice(report), chance)),
            ("metar", "metar-json", damaged(json.dumps([AERODROME]).encode(), chance)),
            ("metar", "metar-raw", damaged(AERODROME["rawOb"].encode(), chance)),  # type: ignore[attr-defined]
            ("pws", "ecowitt", damaged(urlencode(CONSOLE).encode(), chance)),
            ("pws", "wunderground", damaged(urlencode(CONSOLE).encode(), chance)),
        )
        source, content, body = chance.choice(kinds)
        places = ("garden",) if source == "pws" else ()
        told.append(
            Payload(source=source, content=content, received_at=at, body=body, places=places)
        )
    return told


@pytest.mark.parametrize("seed", range(8))
def test_no_damage_ends_the_watch_and_no_implausible_value_raises_an_alert(seed: int) -> None:
    watch = Watch(rules.load("inmet"), WHERE, decode_all(WHERE))
    entries: list[LogEntry] = []
    for offset, payload in enumerate(some(seed), 1):
        _, commit = watch.step([Record(offset, payload)])
        entries += commit.entries
        reasons = {reject.reason for _, reject in commit.rejects}
        assert not reasons & {FAULT, "fault in the decoder"}, payload.body
    for entry in entries:
        alert = entry.alert
        variable = CATALOGUE.get(alert.variable or "")
        if variable is None or alert.value is None:
            continue
        assert variable.lowest <= alert.value <= variable.highest, instant(alert.sent_at)
        if entry.station:
            assert alert.level != "red" or not entry.is_alone
