from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.station_reading import StationsDecoded
from atalaia.settings import load
from atalaia.sources.pws.decoder import decoder
from atalaia.sources.pws.mapped import MappedValue, Mapping, body_of
from atalaia.sources.pws.rain import Gauges

RECEIVED = 1_786_442_460  # 2026-08-11T10:01Z

CHIRPSTACK = Mapping(
    time="time",
    message_id="deduplicationId",
    values=(
        MappedValue("temperature_c", "object.temperature"),
        MappedValue("wind_gust_m_s", "object.wind.1", unit="km/h", period_s=600),
    ),
    counter="object.rain_in",
    counter_unit="inch",
)


def up(**more: Any) -> dict[str, Any]:
    """An uplink of ChirpStack v4, with a codec set."""
    return {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": "2026-08-11T10:00:00.433777+00:00",
        "deviceInfo": {"devEui": "0101010101010101"},
        "fCnt": 7,
        "data": "qmZm",
        "object": {"temperature": 21.5, "wind": [18.0, 72.0], "rain_in": 10.0},
    } | more


def decode(*messages: Any, mapping: Mapping = CHIRPSTACK, name: str = "river") -> StationsDecoded:
    payloads = [
        Payload(
            source="pws",
            content="mqtt-json",
            received_at=RECEIVED,
            places=(name,),
            body=body_of(mapping, each if isinstance(each, bytes) else json.dumps(each).encode()),
        )
        for each in messages
    ]
    return decoder(Places([]))(payloads)


def test_a_mapping_says_where_each_value_stands_and_in_which_unit() -> None:
    decoded = decode(up())
    assert decoded.rejects == []
    assert [each.id for each in decoded.stations] == ["pws:river"]
    readings = decoded.readings
    assert set(readings.valid_at.tolist()) == {RECEIVED - 60}
    assert readings.values["temperature_c"][readings.period_s == 0].tolist() == [21.5]
    assert readings.values["wind_gust_m_s"][readings.period_s == 600].tolist() == [20.0]
    assert CHIRPSTACK.faults() == []


def test_one_message_by_two_gateways_is_one() -> None:
    decoded = decode(up(), up())
    assert len(decoded.readings) == 4
    assert len(decoded.readings.settled()) == 2
    assert len(set(decoded.readings.report.tolist())) == 1


def test_a_counter_becomes_rain_by_differences() -> None:
    later = up(time="2026-08-11T10:10:00Z", object={"rain_in": 10.1})
    rain = Gauges().rain(decode(up(), later).readings)[0].value("rain_mm")
    assert rain[~np.isnan(rain)].tolist() == pytest.approx([2.54])


def test_home_assistants_texts_are_numbers_and_silence_is_missing() -> None:
    mapping = Mapping(values=(MappedValue("temperature_c", "state", unit="°F"),))
    assert decode({"state": "68"}, mapping=mapping).readings.values["temperature_c"].tolist() == [
        20
    ]
    for silent in ("unavailable", "unknown", "", None):
        decoded = decode({"state": silent}, mapping=mapping)
        assert len(decoded.readings) == 0
        assert decoded.rejects == []


@pytest.mark.parametrize("value", ["warm", [], {}, True, "1e400"])
def test_what_is_no_number_costs_only_itself(value: Any) -> None:
    decoded = decode(up(object={"temperature": value, "wind": [0, 36]}))
    assert [each.reason for each in decoded.rejects] == ["not a number"]
    assert decoded.readings.values.keys() == {"wind_gust_m_s"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"{", b"[" * 50_000, up(time="soon"), up(time=None), up(time=1e300)]
)
def test_a_message_without_a_time_is_a_reject_and_the_others_are_read(body: Any) -> None:
    decoded = decode(body, up())
    assert len(decoded.rejects) == 1
    assert len(decoded.readings) == 2


def test_a_message_without_a_station_or_a_mapping_that_can_be_one_is_refused() -> None:
    assert [each.reason for each in decode(up(), name="").rejects] == ["no station"]
    for wrong in (Mapping(), Mapping(values=(MappedValue("temp", "t"),))):
        assert [each.reason for each in decode(up(), mapping=wrong).rejects] == ["no mapping"]
    bare = Payload(
        source="pws", content="mqtt-json", received_at=RECEIVED, places=("a",), body=b"{}"
    )
    assert [each.reason for each in decoder(Places([]))([bare]).rejects] == ["no mapping"]


def test_a_message_that_is_one_number_is_read_by_an_empty_path() -> None:
    mapping = Mapping(values=(MappedValue("temperature_c", ""),))
    assert decode(b"21.5", mapping=mapping).readings.values["temperature_c"].tolist() == [21.5]


@pytest.mark.parametrize(
    ("mapping", "fault"),
    [
        (Mapping(), "a mapping needs values"),
        (Mapping(values=(MappedValue("temp", "t"),)), "no variable is called 'temp'"),
        (Mapping(values=(MappedValue("temperature_c", "t", unit="K"),)), "unit 'K' is not known"),
        (Mapping(values=(MappedValue("rain_mm", "r"),)), "a sum needs period_s"),
        (Mapping(counter="r", counter_unit="tips"), "counter_unit 'tips' is not known"),
    ],
)
def test_a_mapping_says_what_is_wrong_with_it(mapping: Mapping, fault: str) -> None:
    (found,) = mapping.faults()
    assert fault in found


def test_a_mapping_is_read_from_settings() -> None:
    told = {"values": [{"variable": "temperature_c", "path": "t"}], "time": "at"}
    assert msgspec.convert(told, Mapping).values == (MappedValue("temperature_c", "t"),)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**told, "typo": 1}, Mapping)


ROOT = Path(__file__).parents[3]


def test_the_documented_mapping_reads_the_example_and_is_the_one_in_it(tmp_path: Path) -> None:
    page = (ROOT / "docs/stations.md").read_text("utf-8")
    section = page.partition("## JSON by MQTT")[2]
    found = re.search(r"^`atalaia.toml`\n\n```toml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    (tmp_path / "atalaia.toml").write_text(found[1], "utf-8")
    (tmp_path / "mqtt.password").touch(0o600)
    (tmp_path / "mqtt.password").write_text("a-password")
    settings = load(tmp_path / "atalaia.toml", {})
    told = {station.name: station.mapping for station in settings.mqtt.stations}
    assert settings.mqtt.broker is not None
    assert settings.mqtt.broker.password == "a-password"
    lines = [
        json.loads(line) for line in (ROOT / "examples/mqtt.ndjson").read_text("utf-8").splitlines()
    ]
    for line in lines:
        head, _, message = line["body"].partition("\n")
        assert msgspec.json.decode(head, type=Mapping) == told[line["places"][0]]
        assert json.loads(message)
    payloads = [
        Payload(
            source="pws",
            content="mqtt-json",
            received_at=RECEIVED,
            places=(line["places"][0],),
            body=line["body"].encode(),
        )
        for line in lines
    ]
    decoded = decoder(Places([]))(payloads)
    assert decoded.rejects == []
    gusts = decoded.readings.value("wind_gust_m_s")
    assert gusts[~np.isnan(gusts)].tolist() == [10.0, 15.0]


def test_damage_ends_nothing_and_makes_no_weather_that_cannot_be_counted() -> None:
    chance = random.Random(3)
    lines = (ROOT / "examples/mqtt.ndjson").read_text("utf-8").splitlines()
    wholes = [json.loads(line)["body"].encode() for line in lines]
    for _ in range(400):
        body = bytearray(chance.choice(wholes))
        for _ in range(chance.choice([1, 4, 30])):
            body[chance.randrange(len(body))] = chance.randrange(256)
        if chance.random() < 0.3:
            del body[chance.randrange(len(body)) :]
        payload = Payload(
            source="pws", content="mqtt-json", received_at=RECEIVED, places=("a",), body=bytes(body)
        )
        decoded = decoder(Places([]))([payload])
        for column in decoded.readings.values.values():
            assert not np.isinf(column).any()
