"""Every recorded file, against what ecCodes and a second decoder made of it."""

from __future__ import annotations

import importlib.util
import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from atalaia.sources import thunder, violent_wind
from atalaia.sources.bufr.observations import Observation, observe
from atalaia.sources.bufr.reader import Damaged, Told, find, read

DEVIATION = {"pressure_hpa": 0.0501, "pressure_sea_level_hpa": 0.0501}
"""The expected rows have pressure in whole tenths."""


def recorded(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "live/bufr").iterdir() if path.is_file())


def expected(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (path.parent / "expected" / f"{path.name}.json").read_bytes()
    )
    return found


def test_every_recorded_message_is_found_and_read(shared: Path) -> None:
    values = 0
    for path in recorded(shared):
        found = list(find(path.read_bytes()))
        assert len(found) == expected(path)["messages_in_file"], path.name
        assert [each.fault for each in found if each.fault] == [], path.name
        values += sum(
            len(subset) for each in found if each.body for subset in read(each.body).subsets
        )
    assert values > 100_000


def test_elements_are_those_of_two_other_decoders(shared: Path) -> None:
    compared = 0
    for path in recorded(shared):
        found = list(find(path.read_bytes()))
        for told in expected(path)["messages"]:
            body = found[told["message"]].body
            assert body is not None
            message = read(body)
            assert message.section1.centre == told["centre"]
            assert message.section1.edition == told["edition"]
            assert message.section1.update == told["update_sequence"]
            assert list(message.section1.time) == told["section1_time"]
            assert message.is_compressed == told["compressed"]
            assert len(message.subsets) == told["subsets"]
            assert [f"{each:06d}" for each in message.descriptors] == told["descriptors"]
            first = told.get("elements_of_first_subset")
            for subset, elements in zip(
                message.subsets, told.get("elements") or ([first] if first else []), strict=False
            ):
                assert same(subset, elements), path.name
                compared += len(elements)
    assert compared > 2000


def same(subset: list[Told], elements: list[list[Any]]) -> bool:
    ours = [(code, value) for code, value in subset if value is not None and code // 1000 != 31]
    theirs = [(int(code), value) for code, value in elements if not code.startswith("031")]
    return len(ours) == len(theirs) and all(
        one[0] == other[0] and (one[1] == other[1] or one[1] == pytest.approx(other[1], rel=1e-9))
        for one, other in zip(ours, theirs, strict=True)
    )


def test_rows_are_the_expected_ones(shared: Path) -> None:
    compared = 0
    for path in recorded(shared):
        found = list(find(path.read_bytes()))
        for told in expected(path)["messages"]:
            body = found[told["message"]].body
            assert body is not None
            ours = observe(read(body))
            for one, other in zip(ours, told.get("observations", []), strict=False):
                compared += 1
                assert_same(one, other)
    assert compared > 100


def assert_same(one: Observation, other: dict[str, Any]) -> None:
    assert one.station == other["station"]
    assert one.valid_at == seconds(other["valid_at"])
    assert (one.latitude, one.longitude) == (other["latitude"], other["longitude"])
    assert one.elevation_m == other["height_m"]
    assert one.refused == other["refused"]
    # What was expected was written down before present weather was read.
    read_since = (thunder.VARIABLE, violent_wind.VARIABLE)
    ours = [row for row in one.rows if row.variable not in read_since]
    assert len(ours) == len(other["rows"])
    for row, (variable, valid_at, value, period_s, note) in zip(ours, other["rows"], strict=True):
        assert (row.variable, row.valid_at) == (variable, seconds(valid_at))
        assert (row.period_s, row.note) == (period_s, note)
        assert row.value == pytest.approx(value, abs=DEVIATION.get(variable, 1e-9))


def seconds(text: str | None) -> int | None:
    return None if text is None else int(datetime.fromisoformat(text).timestamp())


def test_a_station_whose_name_has_accents_keeps_them(shared: Path) -> None:
    names = {
        one.name
        for path in recorded(shared)
        for found in find(path.read_bytes())
        if found.body
        for one in observe(read(found.body))
    }
    assert "KISUMU" in names
    assert not any("\ufffd" in name or "\0" in name for name in names)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_recordings_cost_only_their_own_message(shared: Path, seed: int) -> None:
    chance = random.Random(seed)
    for path in recorded(shared):
        whole = path.read_bytes()[:6000]
        for _ in range(8):
            body = bytearray(whole)
            for _ in range(chance.choice([1, 3, 20])):
                body[chance.randrange(len(body))] = chance.choice([0, 255, chance.randrange(256)])
            if chance.random() < 0.3:
                del body[chance.randrange(len(body)) :]
            for found in find(bytes(body)):
                if found.body is not None:
                    try:
                        observe(read(found.body))
                    except Damaged:
                        continue


@pytest.mark.skipif(importlib.util.find_spec("eccodes") is None, reason="eccodes is not here")
def test_all_values_of_the_small_recordings_are_eccodes(shared: Path) -> None:
    """All of every file, the large ones too, by `bench/bench_bufr.py`."""
    bench = Path(__file__).resolve().parents[3] / "bench/bench_bufr.py"
    spec = importlib.util.spec_from_file_location("bench_bufr", bench)
    assert spec is not None
    assert spec.loader is not None
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    for path in recorded(shared):
        if path.stat().st_size > 5000:
            continue
        for found in find(path.read_bytes()):
            assert found.body is not None
            ours = [
                each
                for subset in read(found.body).subsets
                for each in subset
                if each[0] // 1000 != 31
            ]
            theirs = peer.told_by_eccodes(found.body)
            assert len(ours) == len(theirs)
            assert all(map(peer.same, ours, theirs))
