"""Uploads of consoles → readings of private stations.

Payloads: source ``pws``; content ``ecowitt`` (the form of its custom server) or ``wunderground``
(the query string of its upload), without the secret (`form.without_secrets`); the station's name,
a pseudonym, in `places`. Its id is ``pws:`` and that name.

Some senders split an upload (Acurite: wind and rain in one message, temperature in the next, each
at ``dateutc=now``): each message tells what it holds, and a row may have little in it.
"""

from __future__ import annotations

from atalaia.domain.payload import Payload
from atalaia.domain.station import Station
from atalaia.domain.station_reading import StationReadings, StationsDecoded
from atalaia.sources.instruments import DecodeStations, by_content
from atalaia.sources.pws.fields import counters, values
from atalaia.sources.pws.form import fields, observed_at, without_secrets
from atalaia.sources.pws.rain import told as counted
from atalaia.sources.rejects import Rejects, Unreadable

NAME = "pws"
ECOWITT = "ecowitt"
WUNDERGROUND = "wunderground"


def decoder() -> DecodeStations:
    """Uploads → OBSERVED rows of stations ``pws:NAME``, with their counters of rain (`rain`)."""
    return by_content({ECOWITT: _read, WUNDERGROUND: _read})


def _read(payload: Payload, rejects: Rejects) -> StationsDecoded:
    if len(payload.places) != 1 or not payload.places[0]:
        raise Unreadable("no station", "an upload needs the name of the station that sent it")
    # Taken out before it was kept; a payload that was not must not tell its secret either.
    sent = fields(without_secrets(payload.body).body)
    at = observed_at(sent, payload.received_at)
    station = f"{NAME}:{payload.places[0]}"
    told = values(sent, at, rejects) + counted(at, counters(sent, rejects))
    readings = StationReadings.of(station, payload.source, told, known_at=payload.received_at)
    return StationsDecoded(readings, [Station(id=station, kind="private")])
