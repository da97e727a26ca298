"""Recorded files for a replay: readings, and the places that they speak of."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from atalaia.domain.payload import Payload, Reject, by_reason
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Decoded
from atalaia.errors import PayloadInvalid, SettingsInvalid
from atalaia.given import read_given
from atalaia.sources import inmet, open_meteo, readings_csv

_DECODERS = {
    inmet.NAME: inmet.decoder,
    open_meteo.NAME: open_meteo.decoder,
    readings_csv.NAME: readings_csv.decoder,
}

_OF_OTHERS = "unknown place"
_EMPTY = "no rows"
_HARMLESS = {_OF_OTHERS, "unknown column"}
"""Rejects of what nobody may have wanted: a file that has no others is not at fault."""

_PLACE_COLUMNS = ("place_id", "name", "latitude", "longitude", "timezone")


def read_files(paths: Iterable[Path], places: Places) -> Decoded:
    """All readings of all files, in the files' order, known at their own event time.

    A file is an INMET station file, an answer of Open-Meteo's archive or a readings CSV; it is
    told by its content. Rows that cannot be read are rejected, each with ``file:line``, and so is a
    file without rows: others are read. Raises PayloadInvalid for a file that is neither, or cannot
    be opened, and where there is no reading in all of them.
    """
    files = [(path, _read_file(path, places)) for path in map(Path, paths)]
    if not any(len(decoded.readings) for _, decoded in files):
        raise PayloadInvalid(_nothing_read(files))
    return Decoded.together(
        replace(decoded, rejects=[_named(reject, path) for reject in decoded.rejects])
        for path, decoded in files
    )


def _read_file(path: Path, places: Places) -> Decoded:
    payload = as_payload(path)
    decoded = _DECODERS[payload.source](places)([payload], None)
    if not len(decoded.readings) and not decoded.rejects:
        decoded = replace(decoded, rejects=[Reject(source=payload.source, reason=_EMPTY)])
    return decoded


def _nothing_read(files: Sequence[tuple[Path, Decoded]]) -> str:
    """Why there is no reading: what is wrong with the first file that could have had some, or of
    which places they all are."""
    for path, decoded in files:
        if any(reject.reason not in _HARMLESS for reject in decoded.rejects):
            return _unread(path, decoded.rejects)
    rejects = [_named(reject, path) for path, decoded in files for reject in decoded.rejects]
    return _of_others(rejects)


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


def as_payload(path: Path) -> Payload:
    """A recorded file as the payload that holds it. Raises PayloadInvalid as `read_files` does."""
    try:
        body = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PayloadInvalid(f"{path}: {reason}; give a file that can be read") from error
    if inmet.is_station_file(body[:20_000]):
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
    first = body[:20_000].decode("utf-8-sig", "replace").lstrip().split("\n", 1)[0]
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
