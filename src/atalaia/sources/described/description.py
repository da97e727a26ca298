"""How the answers of one described source are read: what is kept with each of them.

A payload's body is the description as one line of JSON, and then the answer as it came. So a record
is read years later as it was read when it came, whatever the settings say by then; and a changed
description holds for what comes from then on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from atalaia.domain.variable import CATALOGUE
from atalaia.given import meant
from atalaia.sources.rejects import Unreadable
from atalaia.sources.units import conversion, units_of

NAME = "http"
"""What stands before the colon in the names of described sources: ``http:my-network``."""

PLACES, STATIONS = "places", "stations"
"""Contents of payloads: what the rows speak of."""

_LONGEST_PERIOD_S = 366 * 86_400
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class DescribedValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where one variable stands in a row.

    path      as `Description` has them
    unit      empty: the catalogue's
    period_s  of a sum: the seconds that it is over, which end at the row's time
    """

    path: str
    unit: str = ""
    period_s: Annotated[int, Meta(ge=0, le=_LONGEST_PERIOD_S)] = 0


class DescribedStation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the rows say of the station that measured them. A text is a path, a number the value.

    id     path of the station's own id; empty: there is one station, called as the source is
    owner  private: as a person's, it needs a witness for every alert
    """

    id: str = ""
    name: str = ""
    latitude: Annotated[float, Meta(ge=-90, le=90)] | str = ""
    longitude: Annotated[float, Meta(ge=-180, le=180)] | str = ""
    elevation_m: Annotated[float, Meta(ge=-500, le=9000)] | str = ""
    owner: Literal["private", "official"] = "private"


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How an answer is read.

    A path is names and numbers of places with dots between, from a row on; of CSV it is a column's
    name. JSON whose values stand in lists side by side is read as rows, too.

    values       by variable of the catalogue
    rows         path from the answer to the list of rows; empty: the answer itself. JSON alone
    kind         forecast: rows up to the receipt are analysis
    time         path; empty: every row is of the instant of its receipt
    time_format  as `datetime.strptime` has it; empty: ISO 8601, or Unix seconds or milliseconds
    zone         IANA name, of times without an offset; empty: such times are refused
    place        path of the id of a watched place; empty: of the one place that was asked for
    station      the rows are of stations; None: of places
    missing      what stands for a value that is not there, besides null and an empty cell
    delimiter, decimal   of CSV
    """

    values: dict[str, DescribedValue]
    format: Literal["json", "csv"] = "json"
    rows: str = ""
    kind: Literal["observed", "analysis", "forecast"] = "observed"
    time: str = ""
    time_format: str = ""
    zone: str = ""
    place: str = ""
    station: DescribedStation | None = None
    missing: tuple[str | float, ...] = ()
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."

    @property
    def content(self) -> str:
        """Of the payloads of this source."""
        return PLACES if self.station is None else STATIONS

    def faults(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What is wrong with it: the key, and what to do about it."""
        if not self.values:
            yield (
                ("values",),
                'no values; write for example temperature_c = "main.temp" in this table',
            )
        for name, value in self.values.items():
            for fault in _faults_of(name, value):
                yield ("values", name), fault
        sums = {
            value.period_s
            for name, value in self.values.items()
            if name in CATALOGUE and CATALOGUE[name].is_sum
        }
        if self.station is None and len(sums) > 1:
            yield ("values",), "sums over several periods; keep one, or describe another source"
        if self.zone and not _is_zone(self.zone):
            yield ("zone",), f"no time zone is called {self.zone!r}; use an IANA name"
        if self.kind == "forecast" and not self.time:
            yield ("time",), "missing; a forecast without times says nothing"
        if self.kind != "observed" and self.station is not None:
            yield ("kind",), "stations observe; leave kind out, or station"
        if self.place and self.station is not None:
            yield ("place_id",), "rows are of places or of stations; keep one of them"
        if self.format == "csv" and self.rows:
            yield ("rows",), "CSV is rows already; leave it out"
        if self.delimiter == self.decimal:
            yield ("delimiter",), "the same as decimal; one of them is another"


def _faults_of(name: str, value: DescribedValue) -> Iterator[str]:
    variable = CATALOGUE.get(name)
    if variable is None:
        yield f"no variable is called so{meant(name, CATALOGUE)}; atalaia variables lists them"
        return
    if value.unit and conversion(value.unit, name) is None:
        yield f"unit {value.unit!r} is not known for it; give one of {', '.join(units_of(name))}"
    if variable.is_sum and not value.period_s:
        yield f'a sum needs its period; write {name} = {{ path = "{value.path}", period = "1h" }}'


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def is_name(name: str) -> bool:
    """Whether a described source can be called so, after `NAME` and a colon."""
    return _NAME.fullmatch(name) is not None


def head_of(description: Description) -> bytes:
    """What stands before an answer in the body of its payload."""
    return msgspec.json.encode(description) + b"\n"


_decode = msgspec.json.Decoder(Description).decode


def parted(body: bytes) -> tuple[Description, bytes]:
    """A payload's body: how it is to be read, and the answer as it came. Raises Unreadable."""
    head, _, answer = body.partition(b"\n")
    try:
        description = _decode(head)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unreadable("no description", str(error)) from None
    for key, fault in description.faults():
        raise Unreadable("no description", f"{'.'.join(key)}: {fault}")
    return description, answer
