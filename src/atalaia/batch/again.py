"""Payloads of RAW that go through the stream once more: what a consumer gave up, or never got.

RAW → stream → detect. What was lived through already changes nothing when it comes again, and what
is not of the present any more raises nothing that is. RAW keeps no second copy, as its archive
passes over copies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    keys = defaultdict(list)
    for key in lake.keys(raw.PAYLOADS):
        keys[raw.hour_of(key)].append(key)
    n = 0
    for hour in range(since // _HOUR_S * _HOUR_S, until, _HOUR_S):
        if not has_time():
            return Again(n, max(since, hour))
        came = [p for p in _of(lake, keys[hour]) if since <= p.received_at < until]
        for first in range(0, len(came), _AT_ONCE):
            append(came[first : first + _AT_ONCE])
        n += len(came)
    return Again(n, until)


def _of(lake: Lake, keys: Iterable[str]) -> Iterator[Payload]:
    """In the order of their numbers."""
    records = []
    for key in keys:
        try:
            records += raw.read_part(lake.read(key))
        except PayloadInvalid as error:
            log.warning("a file of RAW cannot be read", key=key, reason=str(error))
    yield from (one.payload for one in sorted(records, key=lambda one: one.offset))
