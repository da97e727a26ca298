"""Rows of a replay as payloads, and back: they are at hand, so that none is decoded again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Readings
from atalaia.sources import readings_csv


def payload_of(received_at: int, part: Readings, places: Places | None) -> Payload:
    """A part of the rows as a recorded payload; without places nobody will ever read its body."""
    return Payload(
        source=readings_csv.NAME,
        content=readings_csv.CSV,
        received_at=received_at,
        body=b"" if places is None else readings_csv.write(part, places),
        is_recorded=True,
    )


def reading_of(parts: Mapping[int, Readings]) -> Decode:
    """The rows that became payloads, by when these were received: what a decoder would make of
    them, and was made once already."""

    def decode(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        found = []
        for payload in payloads:
            part = parts[payload.received_at]
            chosen = {
                k: column for k, column in part.values.items() if wanted is None or k in wanted
            }
            found.append(replace(part, values=chosen))
        return Decoded(Readings.concat(found))

    return decode


def read_again(parts: Iterator[Readings], otherwise: Decode) -> Decode:
    """What was decoded already, of payloads in the order in which they were received, by the rows
    cut as they were cut into these: a quarter of refining was to read bodies that had been written
    of rows at hand. Of payloads that come a second time, or have no rows: `otherwise`.
    """
    read = NO_TIME

    def decode(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        nonlocal read
        found: dict[int, Readings | None] = {payload.received_at: None for payload in payloads}
        while read < max(found, default=NO_TIME) and (part := next(parts, None)) is not None:
            read = int(part.known_at[-1])
            if read in found:
                found[read] = part
        known = {at: part for at, part in found.items() if part is not None}
        whole = len(known) == len(found)
        return (reading_of(known) if whole else otherwise)(payloads, wanted)

    return decode
