"""Who may say what: a key's source and places are fixed by the key, and no record stops GOLD."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from atalaia.api.access import Role
from atalaia.api.keys import add_key, caller_of
from atalaia.batch.archive import archive
from atalaia.batch.refine import refine
from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReadings, StationsDecoded
from atalaia.errors import StateConflict
from atalaia.homes.embedded.lake import FolderLake
from atalaia.lake import gold
from atalaia.lake.merge import UnreadableGold, merge_all_but, merge_readings
from atalaia.lake.stations import merge_stations
from atalaia.people.bodies import seal_body, unsealed
from atalaia.sources.readings_csv import JSON, STATION, content_of, decoder
from people.world import NOW, World

PLACES = Places(
    [Place(id=i, name=i, latitude=0, longitude=0, timezone="UTC") for i in ("p1", "p2")]
)


def pushed(
    *records: dict[str, object], content: str = JSON, places: tuple[str, ...] = ()
) -> Payload:
    at = {"valid_at": "2023-11-14T22:00:00Z", "rain_mm": 1.0, "period_s": 3600}
    return Payload(
        source=STATION,
        content=content,
        places=places,
        received_at=NOW,
        body=json.dumps([{**at, "place_id": "p1", **one} for one in records]).encode(),
    )


def test_a_keys_source_is_fixed_by_the_key_whatever_its_rows_say() -> None:
    payload = pushed({"source": "open-meteo"}, {"source": "a\nb"}, {}, content=content_of("garden"))
    decoded = decoder(PLACES)([payload], None)
    assert decoded.readings.sources == ("garden",)
    assert len(decoded.readings) == 3


def test_a_keys_places_are_bound_to_it() -> None:
    payload = pushed({}, {"place_id": "p2"}, content=content_of("garden"), places=("p1",))
    decoded = decoder(PLACES)([payload], None)
    assert len(decoded.readings) == 1
    assert "not this key's" in decoded.rejects[0].detail


@pytest.mark.parametrize("name", ["a\nb", "x" * 41, "x" * 300, "\u202eevil", "\x00", "   "])
def test_a_source_whose_name_cannot_be_printed_is_set_aside_and_the_rest_goes_on(
    name: str, tmp_path: Path
) -> None:
    decoded = decoder(PLACES)([pushed({"source": name}, {"source": "garden"})], None)
    assert [r.reason for r in decoded.rejects] == ["bad source name"]
    assert merge_readings(FolderLake(tmp_path), decoded.readings, PLACES).rows == 1


def reading(source: str, at: int = NOW, period_s: int = 3600, value: float = 1.0) -> Readings:
    return Readings.build(
        place=[0],
        source=source,
        kind=Kind.OBSERVED,
        valid_at=[at],
        known_at=NOW,
        period_s=period_s,
        values={"rain_mm": np.array([value])},
    )


HOSTILE = [
    "a" * 300,
    "é" * 200,
    "../../etc",
    "a/b",
    "nul\0",
    "con",
    ".",
    "..",
    "' OR 1=1",
    "🌀" * 80,
]


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=300)),
            st.sampled_from([0, 1, -(2**62), 2**62, -(2**40), 2**40, NOW]),
            st.sampled_from([0, -1, 2**31 - 1]),
            st.sampled_from([1.0, float("inf"), -float("inf"), 1e308, 5e-324, float("nan")]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_rows_that_cannot_be_written_are_set_aside_and_counted_and_the_rest_goes_on(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, float]]
) -> None:
    """Past all decoders, whatever a mistake in one lets through."""
    good = reading("garden")
    hostile = [reading(source, at, period, value) for source, at, period, value in rows]
    half = len(hostile) // 2
    every = Readings.concat([*hostile[:half], good, *hostile[half:]])
    lake = FolderLake(tmp_path_factory.mktemp("lake"))
    done, refused = merge_all_but(lake, every, PLACES)
    assert lake.keys("gold/readings/source=garden/date=2023-11-14/")
    assert done.rows + len(refused) >= 1
    again, refused_again = merge_all_but(lake, every, PLACES)
    assert sorted(refused_again) == sorted(refused)
    assert again.partitions == 0


def test_what_is_refused_is_told_and_the_next_refine_does_not_meet_it_again(w: World) -> None:
    def decode(payloads: Sequence[Payload], _wanted: frozenset[str] | None) -> Decoded:
        """A decoder with the mistake that a name of 300 letters came through."""
        rows = [reading(name) for name in ("garden", "x" * 300, "roof")]
        return Decoded(Readings.concat(rows))

    w.home.stream.append([pushed({})])
    archive(w.home.stream, w.home.state, w.home.lake)
    with capture_logs() as logs:
        report = refine(w.home.state, w.home.lake, decode, PLACES)
    assert (report.rejects, gold.refused_rows(w.home.state)) == (1, 1)
    assert [log["rows"] for log in logs if "set aside" in log["event"]] == [1]
    [(_, _, reject)] = w.home.state.rejects()
    assert (reject.reason, reject.source) == ("cannot be written", "x" * 40)
    sources = {key.split("/")[2] for key in w.home.lake.keys("gold/readings/")}
    assert sources == {"source=garden", "source=roof"}
    refine(w.home.state, w.home.lake, decode, PLACES)
    assert gold.refused_rows(w.home.state) == 1


def heard(source: str, valid_at: int = NOW) -> StationsDecoded:
    """One row of one station of this source, and what is said of it."""
    rows = StationReadings(
        station=np.zeros(1, np.int32),
        source=np.zeros(1, np.int16),
        valid_at=np.array([valid_at]),
        known_at=np.array([NOW]),
        period_s=np.array([3600], np.int32),
        report=np.array([1]),
        revision=np.array([0]),
        values={"temperature_c": np.array([20.0])},
        stations=(f"{source}:1",),
        sources=(source,),
    )
    return StationsDecoded(
        rows, [Station(id=f"{source}:1", latitude=0.0, longitude=0.0, kind="official")]
    )


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=300)),
            st.sampled_from([0, -(2**62), 2**62, -(2**40), 2**40, NOW]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_row_of_a_station_stops_what_other_stations_said(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]]
) -> None:
    hostile = [heard(source, at) for source, at in rows]
    lake = FolderLake(tmp_path_factory.mktemp("lake"))
    done, refused = merge_stations(lake, [*hostile, heard("garden"), *hostile])
    assert lake.keys("gold/station_readings/network=garden/")
    assert done.rows + len(refused) >= 1
    again, refused_again = merge_stations(lake, [*hostile, heard("garden"), *hostile])
    assert (again.partitions, sorted(refused_again)) == (0, sorted(refused))


def test_a_station_that_cannot_be_written_is_told_and_the_next_refine_does_not_meet_it_again(
    w: World,
) -> None:
    def decode(_payloads: Sequence[Payload], _wanted: frozenset[str] | None) -> Decoded:
        some = [heard("garden"), heard("x" * 300), heard("roof")]
        return Decoded(stations=some)

    w.home.stream.append([pushed({})])
    archive(w.home.stream, w.home.state, w.home.lake)
    report = refine(w.home.state, w.home.lake, decode, PLACES)
    assert (report.rejects, gold.refused_rows(w.home.state)) == (1, 1)
    [(_, _, reject)] = w.home.state.rejects()
    assert (reject.reason, reject.source) == ("cannot be written", "x" * 40)
    networks = {key.split("/")[2] for key in w.home.lake.keys("gold/station_readings/")}
    assert networks == {"network=garden", "network=roof"}
    refine(w.home.state, w.home.lake, decode, PLACES)
    assert gold.refused_rows(w.home.state) == 1


def test_a_damaged_file_of_stations_is_no_rows_fault(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    merge_stations(lake, [heard("garden")])
    for key in lake.keys("gold/station"):
        body = lake.read(key)
        lake.write(key, b"torn")
        with pytest.raises(UnreadableGold):
            merge_stations(lake, [heard("garden", NOW - 60), heard("roof")])
        lake.write(key, body)


def test_a_fault_of_the_machine_is_no_rows_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = FolderLake(tmp_path)
    row = reading("garden")
    merge_all_but(lake, row, PLACES)
    [key] = lake.keys("gold/readings/")
    lake.write(key, b"torn")
    with pytest.raises(UnreadableGold):
        merge_all_but(lake, row, PLACES)

    def full(_files: dict[str, bytes]) -> None:
        raise StateConflict("the disk is full")

    lake.delete(key)
    monkeypatch.setattr(lake, "write_all", full)
    with pytest.raises(StateConflict):
        merge_all_but(lake, row, PLACES)


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=320))
def test_no_name_of_a_source_stops_gold(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    lake = FolderLake(tmp_path_factory.mktemp("lake"))
    decoded = decoder(PLACES)([pushed({"source": name}, {"source": "garden"})], None)
    assert merge_readings(lake, decoded.readings, PLACES).rows == len(decoded.readings) >= 1


def test_a_stations_key_speaks_for_no_provider(w: World) -> None:
    notes = w.home.state
    for source in ("open-meteo", "Tomorrow-IO", "a\nb", "x" * 41):
        with pytest.raises(ValueError, match="source"):
            add_key(notes, Role.STATION, "", NOW, source=source)
    made, text = add_key(notes, Role.STATION, "open-meteo", NOW, places=["p1"])
    caller = caller_of(notes, text)
    assert caller is not None
    assert (caller.source, caller.places) == (made.id, ("p1",))
    _, text = add_key(notes, Role.STATION, "the garden", NOW)
    caller = caller_of(notes, text)
    assert caller is not None
    assert caller.source == "the garden"


def test_no_reject_quotes_a_body_that_was_sealed(w: World) -> None:
    person = w.told("email:ana@example.org")
    payload = pushed({"place_id": "CANARY-1"}, {"valid_at": "CANARY-2"}, {"CANARY-3": 1})
    sealed = Payload(
        source=STATION,
        content=JSON,
        received_at=NOW,
        body=seal_body(w.registry.vault, person, payload.body),
    )
    decode = unsealed(decoder(PLACES), lambda: w.registry.vault)
    decoded = decode([sealed, pushed({})], None)
    assert len(decoded.readings) == 2
    assert decoded.rejects
    assert "CANARY" not in repr(decoded.rejects)
