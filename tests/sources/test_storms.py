"""Energy, shear and thunder, from the provider's hours to one number."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind
from atalaia.sources import decode_all
from atalaia.sources.open_meteo_apis import FURTHER, asked_by

AT = 1_789_416_000  # 2026-09-14T20:00:00Z
HOUR = 3600
WHERE = Places([Place(id="poa", name="Porto Alegre", latitude=-30.0, longitude=-51.2)])
UNITS = {
    "weather_code": "wmo code",
    "cape": "J/kg",
    "wind_speed_10m": "m/s",
    "wind_direction_10m": "\u00b0",
    "wind_speed_500hPa": "m/s",
    "wind_direction_500hPa": "\u00b0",
}
STORM = dict(zip(UNITS, (95, 3000.0, 5.0, 90.0, 25.0, 270.0), strict=True))


def answer(*hours: dict[str, Any], units: dict[str, str] | None = None) -> dict[str, Any]:
    times = [AT + i * HOUR for i in range(len(hours))]
    told = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M") for at in times]
    columns = {name: [hour.get(name) for hour in hours] for name in UNITS}
    return {
        "latitude": -30.0,
        "longitude": -51.25,
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601", **UNITS, **(units or {})},
        "hourly": {"time": told, **columns},
    }


def decoded(body: Any) -> Decoded:
    payload = Payload(
        source="open-meteo:storms",
        content="storms",
        places=("poa",),
        received_at=AT,
        body=json.dumps(body).encode(),
    )
    return decode_all(WHERE)([payload], None)


def index(*hours: dict[str, Any], units: dict[str, str] | None = None) -> list[float]:
    told = decoded(answer(*hours, units=units)).readings
    return told.values["severe_storm_m3_s3"].tolist() if "severe_storm_m3_s3" in told.values else []


def test_winds_against_each_other_are_added_up_and_with_each_other_taken_off() -> None:
    """3,000 J/kg: an east wind of 5 m/s under a west wind of 25 m/s is a shear of 30 m/s."""
    same_way = STORM | {"wind_direction_10m": 270.0}
    across = STORM | {"wind_speed_10m": 15.0, "wind_speed_500hPa": 20.0, "wind_direction_10m": 0.0}
    assert index(STORM, same_way, across) == pytest.approx([90_000, 60_000, 75_000])


def test_the_storm_prediction_centers_example() -> None:
    """A shear of 20 m/s and CAPE of 3,000 J/kg come to 60,000 (help_cbsig.html)."""
    calm = STORM | {"wind_speed_10m": 0.0, "wind_speed_500hPa": 20.0}
    assert index(calm) == pytest.approx([60_000])


def test_without_thunder_there_is_nothing_to_become_severe() -> None:
    assert index(STORM | {"weather_code": 63}, STORM) == [0, pytest.approx(90_000)]


@pytest.mark.parametrize("missing", list(UNITS))
def test_what_lacks_a_part_is_missing_and_not_calm(missing: str) -> None:
    first, second = index(STORM | {missing: None}, STORM)
    assert np.isnan(first)
    assert second == pytest.approx(90_000)


def test_other_units_are_converted() -> None:
    told = STORM | {"wind_speed_500hPa": 90.0}
    assert index(told, units={"wind_speed_500hPa": "km/h"}) == pytest.approx([90_000])


def test_rows_are_of_the_hours_and_hold_nothing_else() -> None:
    told = decoded(answer(STORM, STORM))
    assert told.rejects == []
    assert set(told.readings.values) == {"severe_storm_m3_s3"}
    assert told.readings.valid_at.tolist() == [AT, AT + HOUR]
    assert told.readings.kind.tolist() == [Kind.ANALYSIS, Kind.FORECAST]


def test_it_is_asked_where_a_rule_measures_it_alone() -> None:
    (api,) = asked_by({"severe_storm_m3_s3"})
    assert api.name == "open-meteo:storms"
    assert api in FURTHER
    assert asked_by({"cape_j_kg", "thunderstorm_class"}) == ()
