"""What became of deliveries, in the order in which it did: from the outbox and the alert log."""

from __future__ import annotations

from collections.abc import Iterator

from atalaia.domain.alert import instant
from atalaia.domain.delivery import Settled, Status, key_of, letter_of
from atalaia.ports import Outbox, State

_AT_ONCE = 2_000


def settled_after(outbox: Outbox, state: State, after: int) -> Iterator[tuple[int, list[Settled]]]:
    """A bounded number at a time, with the number up to which this is all there was."""
    while found := outbox.settled(after, _AT_ONCE):
        rows = []
        told = state.entries({seq for _, message, _ in found for seq in message.seqs})
        entries = {key_of(e.alert.incident, e.alert.version): e for e in told.values()}
        for number, message, deliveries in found:
            for one in deliveries:
                entry = entries.get(key_of(one.incident, one.version))
                if entry is None:
                    continue
                alert = entry.alert
                is_left_out = key_of(one.incident, one.version) in message.left_out
                rows.append(
                    Settled(
                        number=number,
                        person=one.person,
                        channel=one.channel,
                        message=message.id,
                        incident=one.incident,
                        version=one.version,
                        place_id=alert.place_id,
                        hazard=alert.hazard,
                        level=alert.level,
                        status=str(Status.DROPPED if is_left_out else message.status),
                        reason=message.reason,
                        attempts=message.attempts,
                        sent_at=instant(alert.sent_at),
                        settled_at=instant(message.settled_at),
                        letter=letter_of(message),
                    )
                )
        after = found[-1][0]
        yield after, rows
