"""Uploads of consoles → readings of private stations.

Payloads: source ``pws``; content ``ecowitt`` (the form of its custom server) or ``wunderground``
(the query string of its upload), without the secret (`form.without_secrets`), or ``mqtt-json``
(`mapped`); the station's name, a pseudonym, in `places`, and after it the place where it stands, if
it is known. Its id is ``pws:`` and that name.

Some senders split an upload (Acurite: wind and rain in one message, temperature in the next, each
at ``dateutc=now``): each message tells what it holds, and a row may have little in it.
"""

from __future__ import annotations

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.station_reading import StationReport
from atalaia.sources.instruments import DecodeStations, StationsTold, by_content
from atalaia.sources.pws import mapped
from atalaia.sources.pws.fields import counters, values
from atalaia.sources.pws.form import fields, observed_at, without_secrets
from atalaia.sources.pws.rain import told as counted
from atalaia.sources.pws.stands import NAME as PWS
from atalaia.sources.pws.stands import standing
from atalaia.sources.rejects import Rejects, Unreadable

NAME = PWS
ECOWITT = "ecowitt"
WUNDERGROUND = "wunderground"


def decoder(places: Places) -> DecodeStations:
    """Uploads → OBSERVED rows of stations ``pws:NAME``, with their counters of rain (`rain`)."""

    def read(payload: Payload, rejects: Rejects) -> StationsTold:
        return _read(payload, places, rejects)

    def read_mapped(payload: Payload, rejects: Rejects) -> StationsTold:
        return mapped.read(payload, places, rejects)

    return by_content({ECOWITT: read, WUNDERGROUND: read, mapped.CONTENT: read_mapped})


def _read(payload: Payload, places: Places, rejects: Rejects) -> StationsTold:
    if not 1 <= len(payload.places) <= 2 or not payload.places[0]:
        raise Unreadable("no station", "an upload needs the name of the station that sent it")
    # Taken out before it was kept; a payload that was not must not tell its secret either.
    sent = fields(without_secrets(payload.body).body)
    at = observed_at(sent, payload.received_at)
    station = standing(payload.places, places)
    told = values(sent, at, rejects) + counted(at, counters(sent, rejects))
    report = StationReport(station.id, payload.source, told, payload.received_at)
    return StationsTold([report], [station])
