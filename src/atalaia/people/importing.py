"""Many requests from a file: a row each, the good ones whole, the bad ones told by their line.

A file is CSV with a header (comma or semicolon, UTF-8 or Windows-1252), or JSON lines with the
same names. Where something may be several, they are parted by ``|``, or a JSON array.

    email, sms, telegram, whatsapp, webpush, webhook, inbox, apprise, alertmanager
                  addresses, one a channel; the order of columns is that of preference. An inbox
                  has no address: write yes
    place         towns, or latitude,longitude
    radius_km     around each of them; 25
    area          GeoJSON, in JSON lines alone
    hazards       heavy_rain=orange | wind; none, and no thresholds: all weather from yellow
    thresholds    rain_mm over 1h >= 35
    language      pt-BR, en, es
    quiet, timezone    22:00-07:00, America/Recife
    organisation  yes or no
    escalate_after_min    to the next channel, for red; 10
    proof         what proves that they agreed, in place of a code

What is told of a bad row has no address in it, also where somebody mixed up the columns.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from atalaia.domain.contact import CHANNELS, NONE_BROUGHT, Brought, Contact, contact_of
from atalaia.domain.rule import RuleSet
from atalaia.domain.subscription import (
    DEFAULT_RADIUS_KM,
    Circle,
    Polygon,
    read_hazards,
    read_threshold,
)
from atalaia.errors import SettingsInvalid
from atalaia.people.request import Request, check, read_geojson, read_quiet, read_where

_HINTS = {
    "place": "write a town's name, or latitude,longitude",
    "radius_km": "write kilometres as a number",
    "area": "give a GeoJSON Polygon or MultiPolygon (in JSON lines)",
    "hazards": "write for example heavy_rain=orange | wind",
    "thresholds": "write for example rain_mm over 1h >= 35",
    "language": "write pt-BR, en or es",
    "quiet": "write for example 22:00-07:00; a timezone is such as America/Recife",
    "organisation": "write yes or no",
    "escalate_after_min": "write minutes as a number; 0: never",
}
_OTHERS = (*_HINTS, "timezone", "proof")
COLUMNS = (*CHANNELS, *_OTHERS)

_YES, _NO = ("yes", "sim", "si", "sí", "true", "1"), ("no", "não", "nao", "false", "0", "")
_ADDRESS_LIKE = re.compile(r"@|://|\d(?:[\s().-]*\d){6}")

T = TypeVar("T")
Find = Callable[[str], Circle]


class Row(NamedTuple):
    """A request with the line of the file that it stands on, from 1."""

    line: int
    request: Request


class _Fault(Exception):
    """A row that cannot be taken; its words have no address in them."""


def read_requests(
    file: Path,
    rules: RuleSet,
    find: Find,
    *,
    proof: str = "",
    brought: Brought = NONE_BROUGHT,
) -> Iterator[Row | str]:
    """Each row in its order: a request, or words that say where and what is wrong.

    `find` makes a circle of a town's name, or raises ValueError; `proof` is for rows that have
    none of their own; `brought` are plug-ins' channels, a column each. Raises SettingsInvalid
    where the file cannot be read at all.
    """
    try:
        body = file.read_bytes()
    except OSError as error:
        raise SettingsInvalid([f"{file}: {error.strerror}; name another file"]) from error
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1252", "replace")
    rows = _json_rows if text.lstrip().startswith("{") else _csv_rows
    for line, found in rows(text, (*COLUMNS, *brought)):
        try:
            if isinstance(found, str):
                raise _Fault(found)  # noqa: TRY301  told like all other faults
            yield Row(line, _request(found, rules, find, proof, brought))
        except _Fault as fault:
            yield f"{file}:{line}: {fault}"


def _csv_rows(text: str, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    header = text.partition("\n")[0]
    rows = csv.reader(text.splitlines(keepends=True), delimiter=";" if ";" in header else ",")
    try:
        names = [name.strip().lower() for name in next(rows, [])]
        unknown = [str(n) for n, name in enumerate(names, 1) if name not in columns]
        if unknown or len(set(names)) < len(names):
            # Not by name: where the header is missing that is somebody's address.
            which = f"column {', '.join(unknown)} has" if unknown else "two columns have"
            yield 1, f"{which} no name of its own; columns are {', '.join(columns)}"
            return
        for cells in rows:
            if any(cell.strip() for cell in cells):
                fits = len(cells) <= len(names)
                yield (
                    rows.line_num,
                    dict(zip(names, cells, strict=False))
                    if fits
                    else f"{len(cells)} cells under {len(names)} columns; put quotes round commas",
                )
    except csv.Error:
        yield rows.line_num, "this is not CSV; look for a quote that is not closed"


def _json_rows(text: str, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            yield number, "this is not JSON; write one object a line"
            continue
        if not isinstance(found, dict):
            yield number, "write one object a line"
        elif any(name not in columns for name in found):
            yield number, f"a name is not known; names are {', '.join(columns)}"
        else:
            yield number, found


def _request(
    row: Mapping[str, Any], rules: RuleSet, find: Find, proof: str, brought: Brought
) -> Request:
    radius_km = _read(row, "radius_km", lambda cell: float(cell or DEFAULT_RADIUS_KM))
    circles = _each(row, "place", lambda text: read_where(text, radius_km, find))
    where: tuple[Circle | Polygon, ...] = (*circles, *_areas(row))
    request = Request(
        contacts=tuple(_contacts(row, brought)),
        where=where,
        hazards=_read(row, "hazards", lambda cell: read_hazards(tuple(_parts(cell)))),
        thresholds=tuple(_each(row, "thresholds", lambda text: read_threshold(text, rules))),
        language=_text(row, "language") or "pt-BR",
        quiet=_read(
            row, "quiet", lambda cell: read_quiet(str(cell), _text(row, "timezone"), where)
        ),
        is_organisation=_read(row, "organisation", _yes_or_no),
        escalate_after_s=_read(
            row, "escalate_after_min", lambda cell: round(float(cell or 10) * 60)
        ),
        how="import",
        proof=_text(row, "proof") or proof,
        is_operators=True,
    )
    try:
        check(request)
    except ValueError as error:
        raise _Fault(str(error)) from None
    return request


def _contacts(row: Mapping[str, Any], brought: Brought) -> Iterator[Contact]:
    for channel in (
        name for name in row if name in CHANNELS or (name in brought and name not in COLUMNS)
    ):
        address = _text(row, channel)
        if not address or (channel == "inbox" and address.lower() in _NO):
            continue
        try:
            written = "" if channel == "inbox" and address.lower() in _YES else address
            yield contact_of(channel, written, brought)
        except ValueError as error:
            raise _Fault(str(error)) from None


def _areas(row: Mapping[str, Any]) -> tuple[Polygon, ...]:
    return _read(row, "area", lambda cell: read_geojson(cell) if cell else ())


def _each(row: Mapping[str, Any], column: str, read: Callable[[str], T]) -> list[T]:
    return _read(row, column, lambda cell: [read(part) for part in _parts(cell)])


def _read(row: Mapping[str, Any], column: str, read: Callable[[Any], T]) -> T:
    """What a cell says. A fault names the column, and shows nothing of a cell that may be an
    address."""
    cell = row.get(column)
    cell = "" if cell is None else cell
    try:
        return read(cell)
    except (ValueError, TypeError, OverflowError) as error:
        is_ours = isinstance(error, ValueError) and column not in (
            "radius_km",
            "escalate_after_min",
        )
        is_harmless = is_ours and not _ADDRESS_LIKE.search(str(cell))
        said = str(error) if is_harmless else f"this cannot be read; {_HINTS[column]}"
        raise _Fault(f"{column}: {said}") from None


def _parts(cell: Any) -> list[str]:
    parts = cell if isinstance(cell, list) else str(cell).split("|")
    return [part for part in (str(part).strip() for part in parts) if part]


def _text(row: Mapping[str, Any], column: str) -> str:
    cell = row.get(column)
    return "" if cell is None else str(cell).strip()


def _yes_or_no(cell: Any) -> bool:
    word = str(cell).strip().lower()
    if word not in (*_YES, *_NO):
        raise ValueError("write yes or no")
    return word in _YES
