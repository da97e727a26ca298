from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atalaia.sources.rejects import Rejects, Unreadable
from atalaia.sources.wis2.stations import listed


def feature(**properties: Any) -> dict[str, Any]:
    return {
        "properties": {"wigos_station_identifier": "0-288-0-65487", "name": "Fumbisi  Baasa"}
        | properties,
        "geometry": {"type": "Point", "coordinates": [-1.2927, 10.4195, 164.0]},
    }


def read(*features: Any) -> tuple[list[Any], list[str]]:
    rejects = Rejects("wis2:gh-gmet")
    found = listed(json.dumps({"features": features}).encode(), rejects)
    return found, [each.reason for each in rejects.listed()]


def test_a_station_is_known_before_it_reports() -> None:
    (station,), rejects = read(feature(traditional_station_identifier="65487"))
    assert (station.id, station.name) == ("wis2:0-288-0-65487", "Fumbisi Baasa")
    assert station.aliases == ("wis2:0-20000-0-65487",)
    assert (station.latitude, station.longitude, station.elevation_m) == (10.4195, -1.2927, 164.0)
    assert rejects == []


def test_a_ship_has_no_place_in_a_list() -> None:
    assert read(feature(facility_type="seaMobile")) == ([], [])


def test_what_is_no_station_costs_only_itself() -> None:
    bad = [None, [], {}, {"properties": {}}, feature(wigos_station_identifier=7)]
    found, rejects = read(*bad, feature())
    assert len(found) == 1
    assert rejects == ["not a station"] * 5
    for body in (b"[]", b"{}", b"<html>", b'{"features":{}}'):
        with pytest.raises(Unreadable):
            listed(body, Rejects("x"))


def test_the_recorded_list_is_read(shared: Path) -> None:
    rejects = Rejects("wis2:gh-gmet")
    found = listed((shared / "live/wis2/node_stations_gh-gmet.json").read_bytes(), rejects)
    assert len(found) == 9
    assert rejects.listed() == []
    assert all(each.name and each.latitude is not None for each in found)
