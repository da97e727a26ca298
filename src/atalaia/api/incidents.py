"""An incident as the API shows it: as its newest entry says that it stands, or, where that speaks
of some of its places alone, as the gravest part of it does.

Entry of the alert log → here → JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.domain.alert import Instant, LogEntry, iso_fields, to_line
from atalaia.domain.in_part import Numbered, gravest, parts_of, places_under


class IncidentState(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of an incident besides its newest entry's own fields.

    levels      of an official warning that stands at several levels: those of the places at which
                it is not the incident's own, by id
    status      open, ended, cancelled, expired (it can no longer be seen)
    versions    how many entries it has
    seq         number of its newest entry in the log
    issuer      of an official warning that is passed on; None: it is our own
    """

    levels: dict[str, str]
    status: str
    last_sent_at: Instant
    ended_at: Instant | None
    versions: int
    seq: int
    issuer: str | None


MEASURED = ("measure", "is_below", "stands_for")
"""What an entry is shown with besides its alert: what its value and limit are in words."""

SHOWN = (
    *("incident", "hazard", "place_id", "places"),
    *("level", "levels", "peak_level", "peak", "unit", "peak_at", "status"),
    *("opened_at", "onset_at", "expires_at", "last_sent_at", "ended_at", "versions"),
    *("certainty", "evidence", "source"),
    *("variable", *MEASURED, "window_s", "value", "limit", "valid_at", "rule", "reason"),
    *("seq", "issuer", "linked", "text"),
)
"""An incident's fields in their order, each of `Alert`, `LogEntry` or `IncidentState`."""


def issuer(entry: LogEntry) -> str | None:
    """Who issued the warning that an entry passes on; None: it is our own."""
    return entry.official.issuer if entry.official else None


_OF_ITS_LIFE = ("peak_level", "peak", "peak_at")


def incident_body(seq: int, entry: LogEntry, parts: Sequence[Numbered] = ()) -> bytes:
    """An incident as JSON has it.

    seq, entry   its newest entry
    parts        by which it stands (`in_part.parts_of`), of which the gravest shows it; none: it is
                 over, and the newest does
    """
    alert = entry.alert
    shown = gravest(parts) if parts else entry
    standing = IncidentState(
        levels={
            place: part.alert.level
            for _, part in parts
            for place in part.places
            if part.alert.level != shown.alert.level
        },
        status="open" if entry.still else alert.status,
        last_sent_at=alert.sent_at,
        ended_at=alert.sent_at if entry.is_over else None,
        versions=alert.version,
        seq=seq,
        issuer=issuer(entry),
    )
    newest = iso_fields(entry)
    fields = iso_fields(shown) | iso_fields(shown.alert) | iso_fields(standing)
    fields |= {name: newest[name] for name in _OF_ITS_LIFE}
    fields["places"] = places_under(entry)
    return msgspec.json.encode({name: fields[name] for name in SHOWN})


def alert_line(seq: int, entry: LogEntry) -> bytes:
    """An alert as a line of NDJSON has it, with its number in front and `MEASURED` behind."""
    measured = msgspec.json.encode({name: getattr(entry, name) for name in MEASURED})
    return b'{"seq":%d,%b,%b' % (seq, to_line(entry.alert)[1:-1], measured[1:])


def with_entries(life: Sequence[Numbered]) -> bytes:
    """An incident with all entries of its life, of which there is at least one."""
    entries = b",".join(alert_line(seq, entry) for seq, entry in life)
    body = incident_body(*life[-1], parts_of(life))
    return b'%b,"entries":[%b]}' % (body[:-1], entries)
