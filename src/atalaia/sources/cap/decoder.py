"""Payloads of warnings → warnings, and what of them cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import Readings
from atalaia.sources.body import read_json
from atalaia.sources.cap.document import XmlReader
from atalaia.sources.cap.fields import Fields
from atalaia.sources.cap.found import Found, WarningsFound, forms_of
from atalaia.sources.cap.geojson import GeojsonReader
from atalaia.sources.cap.tree import parsed
from atalaia.sources.decoding import Wanted, is_answer, plain_error
from atalaia.sources.rejects import Rejects, Unreadable

NAME = "cap"
FEED = "feed"
"""Content of what an address of the settings answered."""
MESSAGE = "message"
"""Content of what an index led to."""
UNFOLLOWED = "unfollowed"

_LOST = frozenset(
    (
        "could not be placed",
        "message could not be had",
        "no identifier or sender",
        "no link to a message",
        "not a warning",
        "too many links",
        "too many warnings",
    )
)
"""Reasons that each mean a warning that cannot be used; others cost a field of one."""


def decoder(places: Places) -> Decode:
    """Warnings are no readings: no rows come out, and what cannot be used is told."""
    forms = cache(lambda: forms_of(places))  # of ten thousand places they take a while

    def decode(payloads: Sequence[Payload], _wanted: Wanted) -> Decoded:
        found = [(payload.received_at, read(payload, forms())) for payload in payloads]
        return Decoded(
            Readings.empty(),
            [reject for _, one in found for reject in one.rejects],
            [(received_at, official) for received_at, one in found for official in one.officials],
        )

    return decode


def read(payload: Payload, forms: frozenset[str] = frozenset()) -> Found:
    """All that one payload holds. Never raises for what is in it. `forms` are `forms_of`."""
    rejects = Rejects(payload.source)
    if payload.failure is not None:
        if payload.content == MESSAGE:
            rejects.add("message could not be had", payload.failure)
        return Found(rejects=tuple(rejects.listed()))
    if not is_answer(payload):
        return Found(rejects=(plain_error(payload),))
    found, fields = WarningsFound(payload.received_at, rejects, forms), Fields(rejects)
    try:
        if payload.content == UNFOLLOWED:
            noted = read_json(payload.body, rejects)
            for reason, link in noted if isinstance(noted, list) else ():
                rejects.add(str(reason), str(link))
        elif payload.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
            GeojsonReader(found, fields, rejects).read(read_json(payload.body, rejects))
        else:
            XmlReader(found, fields, rejects).read(parsed(payload.body, rejects))
    except Unreadable as error:
        rejects.add_unreadable(error)
    return found.all()


def lost(found: Found) -> int:
    """How many warnings of a payload cannot be used."""
    told = sum(reject.reason in _LOST for reject in found.rejects)
    is_empty = not (found.officials or found.links)
    return told or int(is_empty and bool(found.rejects))
