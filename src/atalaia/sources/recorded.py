"""Recorded files for a replay: readings, and the places that they speak of."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import msgspec

from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload, Reject, by_reason
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.errors import PayloadInvalid, SettingsInvalid
from atalaia.given import read_given
from atalaia.sources import inmet, open_meteo, readings_csv
from atalaia.sources.by_time import RowsByTime
from atalaia.sources.rejects import Rejects, Unreadable

_DECODERS = {
    inmet.NAME: inmet.decoder,
    open_meteo.NAME: open_meteo.decoder,
    readings_csv.NAME: readings_csv.decoder,
}

_OF_OTHERS = "unknown place"
_EMPTY = "no rows"
_HARMLESS = {_OF_OTHERS, "unknown column"}
"""Rejects of what nobody may have wanted: a file that has no others is not at fault."""

_HEAD = 20_000
"""Bytes of a file that tell what it is."""

_PLACE_COLUMNS = ("place_id", "name", "latitude", "longitude", "timezone")


def read_files(paths: Iterable[Path], places: Places) -> Decoded:
    """All readings of all files, in the files' order, known at their own event time.

    A file is an INMET station file, an answer of Open-Meteo's archive or a readings CSV; it is
    told by its content. Rows that cannot be read are rejected, each with ``file:line``, and so is a
    file without rows: others are read. Raises PayloadInvalid for a file that is neither, or cannot
    be opened, and where there is no reading in all of them.
    """
    found: list[Readings] = []

    def take(parts: Iterable[Readings]) -> int:
        mine = list(parts)
        found.extend(mine)
        return sum(map(len, mine))

    rejects = _read_each(paths, places, take)
    return Decoded(Readings.concat(found), rejects)


@contextmanager
def read_by_time(
    paths: Iterable[Path], places: Places, wanted: frozenset[str] | None = None
) -> Iterator[tuple[RowsByTime, list[Reject]]]:
    """The same of a record of any length, on disk, with the variables that are wanted (None: all);
    and the rejects. A readings CSV is read part by part, any other file as a whole."""
    with RowsByTime(wanted) as rows:
        yield rows, _read_each(paths, places, rows.add_all)


Take: TypeAlias = Callable[[Iterable[Readings]], int]
"""Take up what a file has, or nothing of it where reading it raises; return how many rows."""


class _FileRead(NamedTuple):
    path: Path
    rows: int
    rejects: list[Reject]


def _read_each(paths: Iterable[Path], places: Places, take: Take) -> list[Reject]:
    files = [_read_file(path, places, take) for path in map(Path, paths)]
    if not any(file.rows for file in files):
        raise PayloadInvalid(_nothing_read(files))
    return [_named(reject, file.path) for file in files for reject in file.rejects]


def _read_file(path: Path, places: Places, take: Take) -> _FileRead:
    try:
        with path.open("rb") as opened:
            # What cannot be begun anew (a pipe) is read as a whole.
            file = opened if opened.seekable() else io.BytesIO(opened.read())
            head = file.read(_HEAD)
            file.seek(0)
            if _has_readings_header(head) and not inmet.is_station_file(head):
                source, rows, rejects = readings_csv.NAME, *_read_csv(file, places, take)
            else:
                payload = _as_payload(path, file.read())
                decoded = _DECODERS[payload.source](places)([payload], None)
                source, rows, rejects = payload.source, take([decoded.readings]), decoded.rejects
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PayloadInvalid(f"{path}: {reason}; give a file that can be read") from error
    if not rows and not rejects:
        rejects = [Reject(source=source, reason=_EMPTY)]
    return _FileRead(path, rows, rejects)


def _read_csv(file: BinaryIO, places: Places, take: Take) -> tuple[int, list[Reject]]:
    rejects = Rejects(readings_csv.NAME)
    rows = 0
    try:
        rows = take(readings_csv.recorded_parts(file, places, rejects))
    except Unreadable as error:
        rejects.add_unreadable(error)
    return rows, rejects.listed()


def _nothing_read(files: Sequence[_FileRead]) -> str:
    """Why there is no reading: what is wrong with the first file that could have had some, or of
    which places they all are."""
    for file in files:
        if any(reject.reason not in _HARMLESS for reject in file.rejects):
            return _unread(file.path, file.rejects)
    return _of_others([_named(reject, file.path) for file in files for reject in file.rejects])


def _unread(path: Path, rejects: Sequence[Reject]) -> str:
    """Why nothing of a file can be read: the most frequent reason, and where it is met first."""
    faults = [one for one in rejects if one.reason not in _HARMLESS]
    if faults[0].reason == _EMPTY:
        return f"{path}: it has no rows; write some, or leave it out"
    reason, _, first = by_reason(faults)[0]
    at, _, why = first.removeprefix("line ").partition(": ")
    where, why = (f"{path}:{at}", why) if first.startswith("line ") else (str(path), first)
    return f"{where}: no row can be read ({reason}: {why}); mend the file, or leave it out"


def _of_others(rejects: Sequence[Reject]) -> str:
    first = rejects[0].detail if rejects else "there are no rows"
    return f"no reading is of a place that is watched ({first}); give --places that have them"


def _as_payload(path: Path, body: bytes) -> Payload:
    if inmet.is_station_file(body[:_HEAD]):
        source, content = inmet.NAME, inmet.CONTENT
    elif open_meteo.is_archive(body):
        source, content = open_meteo.NAME, open_meteo.ARCHIVE
    elif _has_readings_header(body):
        source, content = readings_csv.NAME, readings_csv.CSV
    else:
        raise PayloadInvalid(
            f"{path}:1: neither a readings file (a header with "
            f"{','.join(readings_csv.REQUIRED)}, then variables) nor an INMET station file nor an "
            "answer of Open-Meteo's archive; look at its first lines"
        )
    return Payload(source=source, content=content, received_at=0, body=body, is_recorded=True)


def _has_readings_header(body: bytes) -> bool:
    first = body[:_HEAD].decode("utf-8-sig", "replace").lstrip().split("\n", 1)[0]
    return "place_id" in (name.strip().strip('"') for name in first.split(","))


def _named(reject: Reject, path: Path) -> Reject:
    """The same reject, its detail led by the file, and the line where it names one."""
    at_line = reject.detail.startswith("line ")
    said = f": {reject.detail}" if reject.detail else ""
    detail = f"{path.name}:{reject.detail[5:]}" if at_line else f"{path.name}{said}"
    return msgspec.structs.replace(reject, detail=detail[:200])


def read_places(path: Path) -> list[Place]:
    """The places of a PLACES.csv: place_id,name,latitude,longitude,timezone and optionally area.

    Raises SettingsInvalid with one problem a line: ``file:line: what is wrong; what to do``.
    """
    text = read_given(path)
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in _PLACE_COLUMNS if name not in header]
    if missing:
        raise SettingsInvalid(
            [f"{path}:1: no column {', '.join(missing)}; write {','.join(_PLACE_COLUMNS)}"]
        )
    places: dict[str, Place] = {}
    problems: list[str] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _add_place(f"{path}:{reader.line_num}", header, cells, places, problems)
    except csv.Error as error:
        problems.append(f"{path}:{reader.line_num}: {error}; mend the line")
    if not places and not problems:
        problems.append(f"{path}:2: no place; add one a line")
    if problems:
        raise SettingsInvalid(problems)
    return list(places.values())


def _add_place(
    at: str, header: list[str], cells: list[str], places: dict[str, Place], problems: list[str]
) -> None:
    if len(cells) != len(header):
        problems.append(f"{at}: {len(cells)} cells for {len(header)} columns; mend the line")
        return
    said = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    place = Place(
        id=said["place_id"],
        name=said["name"] or said["place_id"],
        latitude=_degrees(said["latitude"]),
        longitude=_degrees(said["longitude"]),
        timezone=said["timezone"] or "UTC",
        area=said.get("area") or None,
        elevation_m=_degrees(said["elevation_m"]) if said.get("elevation_m") else None,
    )
    faults = place.faults()
    problems += [f"{at}: {fault}; mend the line" for fault in faults]
    if faults:
        return
    if place.id in places:
        problems.append(f"{at}: place {place.id} is there twice; give each place one line")
    else:
        places[place.id] = place


def _degrees(text: str) -> float:
    """NaN for what is no number: `Place.faults` refuses it with the rest."""
    try:
        return float(text)
    except ValueError:
        return math.nan
