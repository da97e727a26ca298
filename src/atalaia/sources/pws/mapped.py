"""JSON of any form, by a mapping that the station's owner writes: Home Assistant, ChirpStack v4.

Payloads: source ``pws``, content ``mqtt-json``, the station's name in `places`. There is no one
form of such messages, so a mapping says where each value stands and in which unit. It is the first
line of the body, so that what is made of a payload depends on nothing else; the message as it was
received follows. As in the settings::

    time = "time"                          # ISO 8601 with an offset, or Unix seconds; else: receipt
    message_id = "deduplicationId"         # the same message by two gateways is one
    [[values]]
    variable = "temperature_c"
    path = "object.temperature"            # names and numbers of places, with dots between; "": all
    unit = "°F"                            # left out: the catalogue's

A counter of rain (`counter`, in mm or `counter_unit`) becomes rain by differences, as consoles' do.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.station_reading import NO_REPORT, StationReport, Value, report_number
from atalaia.domain.variable import CATALOGUE
from atalaia.sources.body import read_json, value_at
from atalaia.sources.instruments import StationsTold
from atalaia.sources.pws.form import number
from atalaia.sources.pws.rain import told as counted
from atalaia.sources.pws.stands import standing
from atalaia.sources.rejects import Rejects, Unreadable, shown
from atalaia.sources.times import EARLIEST, LATEST, utc_second
from atalaia.sources.units import conversion

CONTENT = "mqtt-json"

_MISSING = ("unavailable", "unknown")
"""What Home Assistant says of a sensor that is silent, besides what consoles say."""


class MappedValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one variable stands. `period_s`: of what it is a sum, a mean or an extreme over."""

    variable: str
    path: str
    unit: str | None = None
    period_s: int = 0


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one station's messages are read."""

    values: tuple[MappedValue, ...] = ()
    time: str | None = None
    message_id: str | None = None
    counter: str | None = None
    counter_unit: str = "mm"

    def faults(self) -> list[str]:
        """What is wrong with this mapping, in words; nothing if nothing is."""
        faults = []
        for each in self.values:
            variable = CATALOGUE.get(each.variable)
            if variable is None:
                faults.append(f"no variable is called {each.variable!r} (see atalaia variables)")
            elif each.unit is not None and conversion(each.unit, each.variable) is None:
                faults.append(f"{each.variable}: unit {each.unit!r} is not known for it")
            elif variable.is_sum and each.period_s <= 0:
                faults.append(f"{each.variable}: a sum needs period_s, the seconds it is over")
        if self.counter is not None and conversion(self.counter_unit, "rain_mm") is None:
            faults.append(f"counter_unit {self.counter_unit!r} is not known: mm, cm or inch")
        if not self.values and self.counter is None:
            faults.append("a mapping needs values, or a counter")
        return faults


class MappedStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station whose messages come by MQTT.

    name, place   as people read it, and where it stands
    topic         filter of its messages; no other station's has one in common
    mapping       how they are read
    """

    name: str
    place: str
    topic: str
    mapping: Mapping


_decode_mapping = msgspec.json.Decoder(Mapping).decode


def body_of(mapping: Mapping, message: bytes) -> bytes:
    """A message with how it is to be read, as a payload's body."""
    return msgspec.json.encode(mapping) + b"\n" + message


def read(payload: Payload, places: Places, rejects: Rejects) -> StationsTold:
    """OBSERVED rows of one message. Raises Unreadable."""
    if not 1 <= len(payload.places) <= 2 or not payload.places[0]:
        raise Unreadable("no station", "a message needs the name of the station that sent it")
    head, _, message = payload.body.partition(b"\n")
    try:
        mapping = _decode_mapping(head)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable("no mapping", str(error)) from None
    if faults := mapping.faults():
        raise Unreadable("no mapping", faults[0])
    return _read(mapping, message, payload, places, rejects)


def _read(
    mapping: Mapping, message: bytes, payload: Payload, places: Places, rejects: Rejects
) -> StationsTold:
    body = read_json(message, rejects)
    stands = standing(payload.places, places)
    station = stands.id
    at = payload.received_at if mapping.time is None else _time(value_at(body, mapping.time))
    if at is None:
        raise Unreadable("not a time", f"{station}: {mapping.time} is {_shown(body, mapping.time)}")
    told = []
    for each in mapping.values:
        unit = each.unit or CATALOGUE[each.variable].unit
        value = _number(body, each.path, unit, each.variable, rejects)
        if value is not None:
            told.append(Value(at, each.period_s, each.variable, value))
    if mapping.counter is not None:
        mm = _number(body, mapping.counter, mapping.counter_unit, "rain_mm", rejects)
        told += [] if mm is None else counted(at, {"total": mm})
    name = value_at(body, mapping.message_id)
    report = StationReport(
        station,
        payload.source,
        told,
        payload.received_at,
        report=report_number(f"{station}|{name}") if isinstance(name, str) else NO_REPORT,
    )
    return StationsTold([report], [stands])


def _shown(body: Any, path: str | None) -> str:
    return shown(value_at(body, path))


def _time(value: Any) -> int | None:
    if type(value) in (int, float) and EARLIEST <= value <= LATEST:
        return int(value)
    return utc_second(value)


def _number(body: Any, path: str, unit: str, variable: str, rejects: Rejects) -> float | None:
    value, known = value_at(body, path), conversion(unit, variable)
    if value is None or (isinstance(value, str) and value.casefold() in _MISSING):
        return None
    try:
        # Numbers come as texts too: Home Assistant's states all do.
        told = number(value) if isinstance(value, str) else _finite(value)
    except ValueError:
        rejects.add("not a number", f"{path} is {shown(value)}")
        return None
    if told is None or known is None:
        return None
    scale, offset = known
    return round(told * scale + offset, 4)


def _finite(value: Any) -> float:
    if type(value) in (int, float) and math.isfinite(value):
        return float(value)
    raise ValueError(value)
