"""A season of hours, made up, through the decoder to the index of its last days."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from atalaia.domain.decoded import Decoded
from atalaia.domain.fire_weather import Codes, Noon, fire_weather_index, next_codes
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind
from atalaia.sources import decode_all

HOUR, DAY = 3600, 86_400
MIDNIGHT = 1_789_344_000  # 2026-09-14T00:00:00Z
AT = MIDNIGHT + 20 * HOUR
WHERE = Places([Place(id="bsb", name="Brasília", latitude=-15.8, longitude=-47.9)])
NOON_S = 15 * HOUR
"""At 47.9° W the sun is highest a quarter past 15:00 UTC."""


def no_rain(_at: int) -> float | None:
    return 0.0


def season(since: int = -92, rain: Callable[[int], float | None] = no_rain) -> Any:
    """An answer by the hour from so many days before MIDNIGHT on: hot, dry, windy at noon."""
    times = range(MIDNIGHT + since * DAY, MIDNIGHT + 4 * DAY, HOUR)
    columns = {
        "temperature_2m": [32.0 if at % DAY == NOON_S else 22.0 for at in times],
        "relative_humidity_2m": [20.0 if at % DAY == NOON_S else 60.0 for at in times],
        "wind_speed_10m": [5.0 if at % DAY == NOON_S else 1.0 for at in times],
        "precipitation": [rain(at) for at in times],
    }
    units = dict(zip(columns, ("°C", "%", "m/s", "mm"), strict=True))
    told = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M") for at in times]
    return {
        "latitude": -15.75,
        "longitude": -47.875,
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601", **units},
        "hourly": {"time": told, **columns},
    }


def decoded(body: Any) -> Decoded:
    payload = Payload(
        source="open-meteo:fire-weather",
        content="fire-weather",
        places=("bsb",),
        received_at=AT,
        body=json.dumps(body).encode(),
    )
    return decode_all(WHERE)([payload], None)


def test_the_last_days_have_the_index_that_the_whole_season_comes_to() -> None:
    told = decoded(season())
    assert told.rejects == []
    readings = told.readings
    assert set(readings.values) == {"fire_weather_index"}, "the hours are told by the forecast"
    assert readings.valid_at.tolist() == [MIDNIGHT + i * DAY + NOON_S for i in range(-1, 4)]
    assert readings.kind.tolist() == [Kind.ANALYSIS] * 2 + [Kind.FORECAST] * 3
    noon, codes = Noon(32.0, 20.0, 18.0, 0.0), Codes()
    for day in range(-91, 1):
        month = datetime.fromtimestamp(MIDNIGHT + day * DAY, UTC).month
        codes = next_codes(noon, codes, month, -15.8)
    expected = fire_weather_index(codes, 18.0)
    assert readings.values["fire_weather_index"][1] == pytest.approx(expected)


def test_rain_until_noon_damps_its_day_and_rain_after_noon_the_next() -> None:
    def falls(hour: int) -> list[float]:
        body = season(rain=lambda at: 20.0 if at == MIDNIGHT + hour * HOUR else 0.0)
        return decoded(body).readings.values["fire_weather_index"].tolist()

    dry, before, after = falls(-9999), falls(15), falls(16)
    assert before[1] < dry[1] / 2
    assert after[1] == dry[1]
    assert after[2] < dry[2] / 2


def test_a_day_with_a_missing_hour_has_no_index_and_changes_nothing() -> None:
    body = season(rain=lambda at: None if at == MIDNIGHT + 3 * HOUR else 0.0)
    index = decoded(body).readings.values["fire_weather_index"]
    assert np.flatnonzero(np.isnan(index)).tolist() == [1]
    assert index[2] > index[0]


@pytest.mark.parametrize("since", [-30, 0])
def test_a_past_too_short_to_warm_up_is_told_and_makes_no_index(since: int) -> None:
    told = decoded(season(since))
    assert [reject.reason for reject in told.rejects] == ["too short a past"]
    assert len(told.readings) == 0


def test_hours_that_lack_a_variable_make_no_index() -> None:
    body = season()
    del body["hourly"]["wind_speed_10m"]
    told = decoded(body)
    assert not any(np.isfinite(column).any() for column in told.readings.values.values())
