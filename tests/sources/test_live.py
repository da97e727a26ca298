"""Every recorded file of live instruments, by the decoder that it is for, and damaged."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.station_reading import StationsDecoded
from atalaia.sources import ana, cemaden, nws_observations
from atalaia.sources.bufr import decoder as bufr
from atalaia.sources.cap import decoder as cap
from atalaia.sources.instruments import DecodeStations
from atalaia.sources.metar import decoder as metar
from atalaia.sources.pws.decoder import decoder as consoles
from atalaia.sources.wis2 import decoder as wis2
from atalaia.sources.wis2.content import with_data

RECEIVED = 1_790_000_000  # 2026-09-21, after all that was recorded


def _as_it_is(body: bytes) -> list[bytes]:
    return [body]


def _lines(body: bytes) -> list[bytes]:
    return body.splitlines()


def _messages(body: bytes) -> list[bytes]:
    return [json.dumps(json.loads(line)["payload"]).encode() for line in body.splitlines()]


def _with_their_data(body: bytes) -> list[bytes]:
    """As if what is inline had been fetched by the link."""
    found = []
    for message in _messages(body):
        told = json.loads(message)["properties"].get("content", {"value": ""})["value"]
        found.append(with_data(message, base64.b64decode(told)))
    return found


def _form(body: bytes) -> list[bytes]:
    return [urlencode(json.loads(body)).encode()]


def _without_dates(body: bytes) -> list[bytes]:
    return [line.partition(b"\t")[2] for line in body.splitlines()]


def _ana() -> DecodeStations:
    return ana.decoder(Places(()))


def _pws() -> DecodeStations:
    return consoles(Places(()))


KINDS: tuple[tuple[str, str, Callable[[], DecodeStations], Callable[[bytes], list[bytes]]], ...] = (
    ("bufr/*", "bufr", bufr.decoder, _as_it_is),
    ("wis2/global_broker*.jsonl", "wnm", wis2.decoder, _messages),
    ("wis2/global_broker*.jsonl", "wnm-data", wis2.decoder, _with_their_data),
    ("wis2/node_archive*.json", "wnm-archive", wis2.decoder, _as_it_is),
    ("wis2/spec/example*.json", "wnm", wis2.decoder, _as_it_is),
    ("wis2/bad/*.json", "wnm", wis2.decoder, _as_it_is),
    ("metar/raw.tsv", "metar-raw", metar.decoder, _without_dates),
    ("metar/awc_api_data_metar.json", "metar-json", metar.decoder, _as_it_is),
    ("pws/ecowitt2mqtt_wunderground.json", "wunderground", _pws, _form),
    ("pws/*2mqtt_[!w]*.json", "ecowitt", _pws, _form),
    ("pws/aioecowitt_*.json", "ecowitt", _pws, _form),
    ("pws/wu_query_strings.txt", "wunderground", _pws, _lines),
    ("brazil/cemaden_horario*.json", "cemaden-hourly", cemaden.decoder, _as_it_is),
    ("brazil/cemaden_getJson2*.json", "cemaden-last", cemaden.decoder, _as_it_is),
    ("brazil/ana_*.json", "ana-series", _ana, _as_it_is),
    ("us/nws_observation_*.json", "nws-observation", nws_observations.decoder, _as_it_is),
)
"""(files, content, decoder, what each payload's body is made of)."""


def payloads(path: Path, content: str, bodies: list[bytes]) -> list[Payload]:
    return [
        Payload(
            source="wis2:test" if content in ("wnm", "wnm-data", "wnm-archive", "bufr") else "test",
            content=content,
            received_at=RECEIVED,
            places=(path.stem.rpartition("_")[2],) if content == "nws-observation" else ("x",),
            body=body,
        )
        for body in bodies
    ]


@pytest.mark.parametrize(("pattern", "content", "decoder", "bodies"), KINDS)
def test_every_file_is_read_by_its_decoder_and_no_other_payload_is_lost(
    shared: Path, pattern: str, content: str, decoder: Callable[[], DecodeStations],
    bodies: Callable[[bytes], list[bytes]],
) -> None:  # fmt: skip
    files = [path for path in sorted((shared / "live").glob(pattern)) if path.is_file()]
    if not files:
        pytest.skip(f"no recorded file is called {pattern}")
    for path in files:
        told = bodies(path.read_bytes())
        decoded: StationsDecoded = decoder()(payloads(path, content, told))
        is_said = len(decoded.readings) or decoded.rejects or decoded.withdrawn
        # What only points to its data, or speaks of none, gives nothing and is no fault.
        assert is_said or content == "wnm", path.name
        assert decoded.readings.stations != ("",) or not len(decoded.readings)


@pytest.mark.parametrize(("pattern", "content", "decoder", "bodies"), KINDS)
def test_damage_ends_nothing(
    shared: Path, pattern: str, content: str, decoder: Callable[[], DecodeStations],
    bodies: Callable[[bytes], list[bytes]],
) -> None:  # fmt: skip
    chance = random.Random(1)
    files = [path for path in sorted((shared / "live").glob(pattern)) if path.is_file()]
    for path in files[:8]:
        for whole in bodies(path.read_bytes())[:3]:
            damaged = []
            for _ in range(6):
                body = bytearray(whole[:20_000])
                for _ in range(chance.choice([1, 4, 30])):
                    body[chance.randrange(len(body))] = chance.randrange(256)
                if chance.random() < 0.3:
                    del body[chance.randrange(len(body)) :]
                damaged.append(bytes(body))
            decoder()(payloads(path, content, damaged))


def test_the_recorded_warning_is_read(shared: Path) -> None:
    body = (shared / "live/cap/cap_example.xml").read_bytes()
    payload = Payload(source="cap", content="cap", received_at=RECEIVED, body=body)
    found = cap.read(payload)
    assert found.rejects == ()


def test_messages_made_for_tests_are_what_the_standard_asks_for(shared: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not here")
    from tests.sources.wis2.test_notification import notice

    spec = shared / "live/wis2/spec/wis2-notification-message-bundled.json"
    schema = json.loads(spec.read_bytes())
    jsonschema.Draft202012Validator(schema).validate(notice())
    recorded = (shared / "live/wis2/global_broker_2026-08-11.jsonl").read_text("utf-8")
    for line in recorded.splitlines():
        jsonschema.Draft202012Validator(schema).validate(json.loads(line)["payload"])
