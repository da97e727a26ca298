"""A piece of a home's past to hand on: what arrived, and the places, without anybody's data."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.errors import AtalaiaError
from atalaia.lake import raw
from atalaia.lake.places import places_of
from atalaia.ports import Home
from atalaia.replay.lines import lines_of

PAYLOADS, PLACES = "payloads.ndjson", "places.csv"


def cut(home: Home, folder: Path, since: int, until: int, source: str | None = None) -> int:
    """Write what arrived from `since` on and before `until` (Unix seconds), and the places.

    `source` None: of all. Returns how many payloads there are. Raises AtalaiaError where nothing
    arrived then, or the folder cannot be written, and PayloadInvalid where RAW is damaged.
    """
    written = 0

    def counted() -> Iterator[Payload]:
        nonlocal written
        for record in raw.in_order(home.lake, home.stream, home.stream.last_offset()):
            payload = record.payload
            if since <= payload.received_at < until and source in (None, payload.source):
                written += 1
                yield payload

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / PAYLOADS).open("wb") as file:
            file.writelines(lines_of(counted()))
        _write_places(folder / PLACES, places_of(home.state))
    except OSError as error:
        raise AtalaiaError(f"{folder}: {error.strerror}; give another folder") from error
    if not written:
        raise AtalaiaError(f"home {home.name}: nothing arrived then; give other times")
    return written


def _write_places(path: Path, places: Places) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            ("place_id", "name", "latitude", "longitude", "timezone", "area", "elevation_m")
        )
        for one in places:
            height = "" if one.elevation_m is None else one.elevation_m
            where = (one.latitude, one.longitude, one.timezone, one.area or "", height)
            table.writerow((one.id, one.name, *where))
