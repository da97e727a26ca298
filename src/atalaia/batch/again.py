"""Payloads of RAW that go through the stream once more: what a consumer gave up, or never got.

RAW → stream → detect. What was lived through already changes nothing when it comes again, and what
is not of the present any more raises nothing that is. RAW keeps no second copy, as its archive
passes over copies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from atalaia.domain.payload import Payload
from atalaia.errors import PayloadInvalid
from atalaia.lake import raw
from atalaia.logs import Logger
from atalaia.ports import Lake

_AT_ONCE = 100
_HOUR_S = 3600

log = Logger()


class Again(NamedTuple):
    """What went again: so many payloads, all that came before `until` (Unix seconds)."""

    payloads: int
    until: int


def again(
    lake: Lake,
    append: Callable[[Sequence[Payload]], object],
    since: int,
    until: int,
    has_time: Callable[[], bool],
) -> Again:
    """Append what came from `since` to before `until` (Unix seconds), in the order in which it did,
    for as long as there is time; who calls it again goes on from `Again.until`.

    Files of RAW that are damaged are passed over, and logged. Raises StateConflict.
    """
    keys, n = _by_hour(lake), 0
    for hour in range(since // _HOUR_S * _HOUR_S, until, _HOUR_S):
        if not has_time():
            return Again(n, max(since, hour))
        begins, ends = max(since, hour), min(until, hour + _HOUR_S)
        try:
            records = _records(lake, keys[hour])
        except KeyError:  # parts were made one of their day just now, which has all of theirs
            keys = _by_hour(lake)
            records = _records(lake, keys[hour])
        came = [p for _, p in sorted(records.items()) if begins <= p.received_at < ends]
        for first in range(0, len(came), _AT_ONCE):
            append(came[first : first + _AT_ONCE])
        n += len(came)
    return Again(n, until)


def _by_hour(lake: Lake) -> dict[int, list[str]]:
    """The files that have something of an hour (Unix seconds of its beginning)."""
    keys = defaultdict(list)
    for key in lake.keys(raw.PAYLOADS):
        for hour in range(raw.hour_of(key), raw.ends_at(key), _HOUR_S):  # a day's part has many
            keys[hour].append(key)
    return keys


def _records(lake: Lake, keys: Iterable[str]) -> dict[int, Payload]:
    """By their numbers; what is in two files, as one was just made of others, once."""
    records: dict[int, Payload] = {}
    for key in keys:
        try:
            records |= {one.offset: one.payload for one in raw.read_part(lake.read(key))}
        except PayloadInvalid as error:
            log.warning("a file of RAW cannot be read", key=key, reason=str(error))
    return records
