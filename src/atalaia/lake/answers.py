"""What came of asking: how many payloads of a part of RAW were answers, errors and failures.

GOLD keeps one row a part, under the part's first offset: told again, a part takes its row's place,
so counting twice counts once.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.domain.alert import instant
from atalaia.domain.payload import Lines, Payload
from atalaia.domain.reading import Ints


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """One row of GOLD's `answers`. Instants are ISO 8601 in UTC; None: there was none.

    source, first_offset    of the part: who was asked, and its first payload's place in the stream
    first_received_at, last_received_at    of its payloads
    answers    payloads with a status under 300
    errors     payloads with another status
    failures   requests that no answer came to
    rejects    places in answers that could not be decoded
    last_fault     the newest error or failure, in a few words
    """

    source: str
    first_offset: int
    first_received_at: str
    last_received_at: str
    answers: int
    errors: int
    failures: int
    rejects: int
    last_answer_at: str | None
    last_fault_at: str | None
    last_fault: str | None


def tally(payloads: Sequence[Payload], first_offset: int, rejects: int) -> Answers:
    """What some payloads of one source came to; at least one."""
    if isinstance(payloads, Lines) and payloads.received_at is not None:
        return _all_good(payloads.source, payloads.received_at, first_offset, rejects)
    times = [p.received_at for p in payloads]
    faults = [p for p in payloads if p.status >= 300 or p.failure is not None]
    failures = sum(p.failure is not None for p in faults)
    good = (
        times
        if not faults
        else [p.received_at for p in payloads if p.status < 300 and p.failure is None]
    )
    worst = max(faults, key=lambda p: p.received_at, default=None)
    return Answers(
        source=payloads[0].source,
        first_offset=first_offset,
        first_received_at=instant(min(times)),
        last_received_at=instant(max(times)),
        answers=len(payloads) - len(faults),
        errors=len(faults) - failures,
        failures=failures,
        rejects=rejects,
        last_answer_at=instant(max(good)) if good else None,
        last_fault_at=None if worst is None else instant(worst.received_at),
        last_fault=None if worst is None else worst.failure or f"status {worst.status}",
    )


def _all_good(source: str, received_at: Ints, first_offset: int, rejects: int) -> Answers:
    """The same of payloads that all are answers."""
    last = instant(int(received_at.max()))
    return Answers(
        source=source,
        first_offset=first_offset,
        first_received_at=instant(int(received_at.min())),
        last_received_at=last,
        answers=len(received_at),
        errors=0,
        failures=0,
        rejects=rejects,
        last_answer_at=last,
        last_fault_at=None,
        last_fault=None,
    )


def together(parts: Sequence[Answers]) -> Answers:
    """Blocks of one part, in their order, as one; at least one."""
    faults = [part for part in parts if part.last_fault_at is not None]
    worst = max(faults, key=lambda part: part.last_fault_at or "", default=None)
    good = [part.last_answer_at for part in parts if part.last_answer_at is not None]
    return msgspec.structs.replace(
        parts[0],
        first_received_at=min(part.first_received_at for part in parts),
        last_received_at=max(part.last_received_at for part in parts),
        answers=sum(part.answers for part in parts),
        errors=sum(part.errors for part in parts),
        failures=sum(part.failures for part in parts),
        rejects=sum(part.rejects for part in parts),
        last_answer_at=max(good, default=None),
        last_fault_at=worst.last_fault_at if worst else None,
        last_fault=worst.last_fault if worst else None,
    )
