"""All decoders together: what they share, and that no bytes whatever make one raise."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Readings
from atalaia.domain.variable import CATALOGUE
from atalaia.sources import decode_all, decoders
from atalaia.sources.decoding import Wanted
from atalaia.sources.tomorrow_io_fields import FIELDS
from atalaia.sources.units import conversion

RECORDED = {
    "tomorrowio/realtime_toronto_2024-09-21.json": ("tomorrow-io", "realtime", "toronto"),
    "tomorrowio/realtime_frisco_2024-01-04.json": ("tomorrow-io", "realtime", "toronto"),
    "tomorrowio/forecast_newyork_state_2024-09-21.json": ("tomorrow-io", "forecast", "ny"),
    "tomorrowio/timelines_1hour_imperial_2022.json": ("tomorrow-io", "timelines-imperial", "ny"),
    "tomorrowio/documented_errors_and_rate_headers.json": ("tomorrow-io", "realtime", "ny"),
    "open_meteo/forecast_enschede_2026-10-03_subset.json": ("open-meteo", "forecast", "enschede"),
    "open_meteo/forecast_minutely_15_enschede_2026-10-03.json": (
        "open-meteo",
        "forecast",
        "enschede",
    ),
    "open_meteo/chunk_20240330_to_20240628.json": ("open-meteo", "archive", "poa"),
    "inmet/A801_porto_alegre_2024.csv": ("inmet", "station-csv", ""),
    "inmet/recife_2022_all_missing.csv": ("inmet", "station-csv", ""),
}
LONGEST = 24_000
"""Large files are damaged in their first kilobytes, which hold every kind of line they have."""

COUNTABLE = re.compile(r"(error|warning) (\d{3}|\d{6})|not UTF-8|\D+")
"""A reason is a label of a metric: no values in it, so that there are few different ones."""


def recorded(shared: Path, name: str) -> Payload:
    source, content, place = RECORDED[name]
    return Payload(
        source=source,
        content=content,
        places=(place,) if place else (),
        received_at=1_791_030_000,
        body=(shared / name).read_bytes(),
    )


def with_body(payload: Payload, body: bytes) -> Payload:
    return Payload(
        source=payload.source,
        content=payload.content,
        places=payload.places,
        received_at=payload.received_at,
        body=body,
    )


CUT, CHANGED = (30, 100) if os.environ.get("ATALAIA_FUZZ") == "long" else (8, 24)
"""So often each body is cut short, and so often some of its bytes are others."""


def damaged(body: bytes, dice: random.Random) -> Iterator[bytes]:
    yield from (body[: dice.randrange(len(body))] for _ in range(CUT))
    short = body[:LONGEST] if body.startswith(b"REGIAO") else body
    for _ in range(CHANGED):
        changed = bytearray(short)
        for _ in range(dice.choice((1, 1, 1, 4, 30))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        yield bytes(changed)


def check(decoded: Decoded) -> None:
    readings = decoded.readings
    columns = (readings.place, readings.source, readings.kind, readings.known_at)
    assert {len(column) for column in columns} == {len(readings)}
    assert (readings.valid_at != NO_TIME).all()
    for name, column in readings.values.items():
        assert name in CATALOGUE
        assert column.dtype == np.float64
        assert len(column) == len(readings)
        assert not np.isinf(column).any()
    for reject in decoded.rejects:
        assert COUNTABLE.fullmatch(reject.reason), reject.reason
        assert len(reject.detail) <= 200


@pytest.mark.parametrize("name", RECORDED)
def test_no_damage_to_a_recorded_answer_makes_its_decoder_raise(
    shared: Path, places: Places, name: str
) -> None:
    whole = recorded(shared, name)
    # The source's own decoder, without the net that `decode_all` holds under it.
    decode = decoders(places)[whole.source]
    for body in damaged(whole.body, random.Random(name)):
        check(decode([with_body(whole, body)], None))


def test_damage_to_pushed_readings_never_raises(places: Places) -> None:
    rows = b"".join(
        b"poa,2024-05-01T%02d:00:00Z,3600,forecast,2024-05-01T00:00:00Z,12.5,own\n" % hour
        for hour in range(24)
    )
    table = b"place_id,valid_at,period_s,kind,issued_at,rain_mm,source\n" + rows
    record = b'{"place_id": "poa", "valid_at": "2024-05-01T00:00:00Z", "rain_mm": 1, "kind": null}'
    bodies = {
        "readings-csv": [table],
        "readings-json": [record, b"\n".join([record] * 5), b"[" + b",".join([record] * 5) + b"]"],
    }
    decode = decoders(places)["csv"]
    dice = random.Random(2)
    for content, whole in bodies.items():
        for body in whole:
            for changed in damaged(body, dice):
                payload = Payload(
                    source="csv", content=content, received_at=1_791_030_000, body=changed
                )
                check(decode([payload], None))


def test_the_same_variable_has_the_same_name_and_unit_from_every_provider(
    shared: Path, places: Places
) -> None:
    names = {
        "tomorrow-io": "tomorrowio/realtime_toronto_2024-09-21.json",
        "open-meteo": "open_meteo/forecast_enschede_2026-10-03_subset.json",
        "inmet": "inmet/A801_porto_alegre_2024.csv",
    }
    found = {
        source: decoders(places)[source]([recorded(shared, name)], None).readings.values
        for source, name in names.items()
    }
    shared_by_all = set.intersection(*(set(values) for values in found.values()))
    assert shared_by_all == {
        "temperature_c",
        "dew_point_c",
        "relative_humidity_pct",
        "wind_speed_m_s",
        "wind_gust_m_s",
        "wind_direction_deg",
        "pressure_hpa",
    }
    for values in found.values():
        for name in values:
            variable = CATALOGUE[name]
            known = values[name][~np.isnan(values[name])]
            assert variable.lowest <= known.min() <= known.max() <= variable.highest


def test_every_field_of_tomorrow_io_has_a_conversion_in_both_systems() -> None:
    for field in FIELDS:
        assert conversion(field.metric, field.variable) is not None
        assert conversion(field.imperial, field.variable) is not None


def test_a_mixed_batch_is_read_source_by_source(shared: Path, places: Places) -> None:
    payloads = [recorded(shared, name) for name in RECORDED]
    mixed = [
        payloads[0],
        Payload(source="oracle", content="dream", received_at=0, body=b"rain"),
        *payloads[2:],
        payloads[0],
    ]
    decoded = decode_all(places)(mixed, None)
    check(decoded)
    assert set(decoded.readings.sources) == {"tomorrow-io", "open-meteo", "inmet"}
    by_source = np.bincount(decoded.readings.source).tolist()
    assert dict(zip(decoded.readings.sources, by_source, strict=True)) == {
        "tomorrow-io": 2 + 180 + 109,
        "open-meteo": 4 + 4 + 2184,
        "inmet": 8784 + 8760,
    }
    assert "unknown source" in {reject.reason for reject in decoded.rejects}
    assert len(decode_all(places)([], None).readings) == 0


def test_a_mistake_in_a_decoder_costs_one_payload(
    shared: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = recorded(shared, "tomorrowio/realtime_toronto_2024-09-21.json")
    poison = with_body(good, b"poison")

    def faulty(places: Places) -> dict[str, Decode]:
        real = decoders(places)["tomorrow-io"]

        def decode(payloads: list[Payload], wanted: Wanted) -> Decoded:
            if any(payload.body == b"poison" for payload in payloads):
                raise KeyError("a mistake")
            return real(payloads, wanted)

        return {"tomorrow-io": decode}

    monkeypatch.setattr("atalaia.sources.decoders", faulty)
    decoded = decode_all(places)([good, poison, good], None)
    assert len(decoded.readings) == 2
    assert [reject.reason for reject in decoded.rejects] == ["fault in the decoder"]


def test_rejects_are_the_streams_own_type_and_short(places: Places) -> None:
    body = b"<html>" + b"x" * 5000
    payload = Payload(source="open-meteo", content="forecast", received_at=0, body=body)
    (reject,) = decode_all(places)([payload], None).rejects
    assert isinstance(reject, Reject)
    assert len(reject.detail) <= 200
    assert isinstance(decode_all(places)([payload], None).readings, Readings)
