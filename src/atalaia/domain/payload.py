"""What a source answered, as it came: the record that the stream is made of.

Everything later (readings, incidents, GOLD) is derived from payloads and can be derived again.
"""

from __future__ import annotations

import msgspec


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One answer of one source.

    source       who answered: a name in `sources.DECODERS`, e.g. ``open-meteo``
    content      which of the source's shapes the body has, e.g. ``realtime``, ``forecast``
    places       ids of the places asked for, in the order of the request; empty where the
                 body itself names them
    received_at  Unix seconds (UTC) at which the answer was complete
    body         exactly what was received, less the request's credentials
    status       HTTP status; 200 for what did not come over HTTP
    failure      why no answer came (time-out, refused, …); the body is then empty. None: it came
    is_recorded  replayed from a record: each row is known at its own valid_at (a forecast:
                 at its issued_at), not at received_at
    """

    source: str
    content: str
    received_at: int
    body: bytes
    places: tuple[str, ...] = ()
    status: int = 200
    failure: str | None = None
    is_recorded: bool = False


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a payload that could not be decoded. It is kept and counted; the rest goes on.

    source    whose payload
    reason    what was wrong, in a few words that can be counted (no values in it)
    detail    where and what: the place, the field, the line, at most 200 characters
    """

    source: str
    reason: str
    detail: str = ""
