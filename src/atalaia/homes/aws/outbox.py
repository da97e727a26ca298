"""The outbox in DynamoDB, which is the truth; a queue only wakes those who send.

```
outbox      lane/<channel>/<order key>   <first number>#<id>   a message
            id/<id>                 -                     where it lies
            #position               -                     where fan-out stands
            #redo …                                       steps that are still being written out
deliveries  incident/<incident>     <version>#<person>#<channel>
            message/<id>            the same, by the message that carries it
            settled                 <number>              messages in the order of their last status
            #counter                settled
```

Every change of a message writes it anew, under the condition that it is still as it was read. So
it does no harm that the indexes lag a little behind: of two who claim a message one is refused,
and what an index does not show yet is claimed a moment later. The order of a key is read from
the table itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from atalaia.domain.delivery import (
    LAST,
    Delivery,
    Message,
    Status,
    first_seq,
    key_of,
    leased,
)
from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import (
    ABSENT,
    Action,
    DynamoTable,
    Item,
    Refused,
    fits,
    number_text,
    pieces,
    transact,
    write,
)
from atalaia.homes.aws.outbox_rows import OutboxRow, OutboxRows, order_of, place_of, row_of
from atalaia.homes.aws.redo import Redo
from atalaia.ports import FanOut, Notice, Outbox

_TRIES = 12
_AT_ONCE = 20
_AGAIN = (Status.DEAD, Status.LATE, Status.UNKNOWN)


class DynamoOutbox(Outbox):
    """Fills `ports.Outbox`."""

    def __init__(self, clients: Clients, outbox: DynamoTable, deliveries: DynamoTable) -> None:
        self._clients = clients
        self._table = outbox
        self._deliveries = deliveries
        self._rows = OutboxRows(outbox, deliveries)
        self._redo = Redo(clients, outbox)

    def position(self) -> str:
        self._redo.finish()
        found = self._table.get("#position", "-")
        return str(found["value"]) if found else ""

    def fan_out(self, step: FanOut) -> int:
        for _ in range(_TRIES):
            if self.position() != step.before:
                raise StateConflict("another process fans out in this home; stop one of them")
            at: Item = {"pk": "#position", "sk": "-", "value": step.position}
            where, values = (
                ("#value = :was", {":was": step.before}) if step.before else (ABSENT, {})
            )
            head = [self._table.put(at, where, values)]
            new = self._rows.unknown(step.messages)
            ending = [self._dropped(*one, step.now) for one in step.dropped.items()]
            late = [OutboxRow(m, 0) for m in new if m.status in LAST]
            numbers = self._rows.count(head, len(ending) + len(late))
            for row in ending:
                head += self._rows.changed(row, settled=next(numbers))
            rest = self._rows.deliveries_of(step.deliveries)
            for message in new:
                is_last = message.status in LAST
                rest += self._rows.inserted(message, next(numbers) if is_last else 0)
            try:
                if fits(head, rest):
                    transact(self._clients, [*head, *rest])
                else:
                    self._redo.write(head, rest)
            except Refused:
                continue  # looked at anew: it says who was quicker
            return len(new)
        raise StateConflict("others write the outbox all the time; the step is tried again")

    def told(self, incidents: Sequence[str], people: Sequence[str] | None = None) -> list[Notice]:
        self._redo.finish()
        wanted = None if people is None else set(people)
        rows = [
            row
            for incident in dict.fromkeys(incidents)
            for row in self._deliveries.query(f"incident/{incident}")
            if wanted is None or row["person"] in wanted
        ]
        found = self._rows.many({row["message"] for row in rows})
        told = []
        for row in sorted(rows, key=lambda row: int(row["version"])):
            if row["message"] not in found:
                continue
            message = found[row["message"]].message
            is_left_out = key_of(row["incident"], row["version"]) in message.left_out
            told.append(
                Notice(
                    person=row["person"],
                    incident=row["incident"],
                    version=row["version"],
                    channel=row["channel"],
                    message=message.id,
                    status=Status.DROPPED if is_left_out else message.status,
                    attempts=message.attempts,
                    size=len(message.seqs),
                    provider_id=message.provider_id,
                    unknowns=0 if is_left_out else message.unknowns,
                )
            )
        return told

    def put(self, message: Message, deliveries: Sequence[Delivery] = ()) -> bool:
        for _ in range(_TRIES):
            head: list[Action] = []
            new = self._rows.unknown([message])
            numbers = self._rows.count(head, sum(m.status in LAST for m in new))
            rest = self._rows.deliveries_of(deliveries if new else (), takes_over=True)
            for one in new:
                rest += self._rows.inserted(one, next(numbers) if one.status in LAST else 0)
            try:
                if not fits(head, rest):
                    self._redo.write(head, rest)
                elif rest:
                    transact(self._clients, [*head, *rest])
            except Refused:
                continue
            return bool(new)
        raise StateConflict("others write the outbox all the time; it is tried again")

    def claim(
        self, now: int, lease_until: int, room: Mapping[str, int], least_rank: int = 0
    ) -> list[Message]:
        self._redo.finish()
        claimed: list[Message] = []
        for channel, limit in room.items():
            left = limit
            pass_over = 0
            seen: set[str] = set()
            for row in self._rows.ready(channel, now, limit, least_rank):
                if left <= 0:
                    break
                if pass_over:
                    pass_over -= 1
                    continue
                if row.message.id in seen:
                    left -= 1
                    continue
                group = self._rows.in_order(row, now)
                left -= bool(group)
                for each in group:
                    if each.message.id in seen:
                        continue
                    seen.add(each.message.id)
                    taken = self._take(each, now, lease_until)
                    if taken is None:
                        # Somebody else's: its key has to wait, and what comes next they take too.
                        pass_over = limit
                        break
                    if taken.status == Status.LEASED:
                        claimed.append(taken)
        return claimed

    def settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        return sum(self._settle(some) for some in pieces(pairs, _AT_ONCE))

    def messages(
        self,
        *,
        status: Status | None = None,
        person: str | None = None,
        channel: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Message]:
        """Unless a person is named, the whole table is read."""
        self._redo.finish()
        last = self._rows.row(after) if after else None
        if after and last is None:
            return []
        found = [
            row.message
            for row in (self._rows.all() if person is None else self._rows.of(person))
            if status in (None, row.message.status) and channel in (None, row.message.channel)
        ]
        if last is not None:
            found = [m for m in found if _newest_first(m) > _newest_first(last.message)]
        return sorted(found, key=_newest_first)[:limit]

    def message(self, message: str) -> Message | None:
        self._redo.finish()
        row = self._rows.row(message)
        return row.message if row else None

    def retry(self, messages: Sequence[str], now: int, expires_at: int) -> int:

        def again(row: OutboxRow) -> OutboxRow | None:
            before = row.message
            if before.status not in _AGAIN:
                return None
            after = msgspec.structs.replace(
                before,
                status=Status.DUE,
                due_at=now,
                attempts=0,
                unknowns=0,
                expires_at=max(before.expires_at, expires_at),
            )
            return row._replace(message=after, is_handed_on=False)

        return sum(self._edit(message, again) for message in messages)

    def acknowledge(self, person: str, message: str, at: int) -> bool:
        found = self.message(message)
        if found is None or found.person != person:
            return False

        def read(row: OutboxRow) -> OutboxRow | None:
            if row.message.acknowledged_at:
                return None
            return row._replace(message=msgspec.structs.replace(row.message, acknowledged_at=at))

        self._edit(message, read)  # also where the index does not show it yet
        for row in list(self._rows.of(person)):
            if first_seq(row.message) <= first_seq(found) and not row.message.acknowledged_at:
                self._edit(row.message.id, read)
        return True

    def unanswered(self, now: int, limit: int) -> list[Message]:
        self._redo.finish()
        rows = self._table.query(
            "turn",
            "turn_at < :until",
            {":until": number_text(now + 1)},
            index="turn",
            hash="turn",
            is_consistent=False,
            limit=limit,
        )
        return [row_of(row).message for row in rows]

    def fail(self, message: str, reason: str, now: int) -> bool:

        def dead(row: OutboxRow) -> OutboxRow | None:
            if row.message.status not in (Status.SENT, Status.UNKNOWN):
                return None
            after = msgspec.structs.replace(
                row.message, status=Status.DEAD, reason=reason, settled_at=now
            )
            return row._replace(message=after)

        return bool(self._edit(message, dead, is_settled=True))

    def hand_on(
        self, message: str, to: Message | None = None, deliveries: Sequence[Delivery] = ()
    ) -> bool:
        for _ in range(_TRIES):
            row = self._rows.row(message)
            if row is None or row.is_handed_on:
                return False
            head = self._rows.changed(row._replace(is_handed_on=True))
            rest: list[Action] = []
            if to is not None:
                for one in self._rows.unknown([to]):
                    rest += self._rows.inserted(one, 0)
                rest += self._rows.deliveries_of(deliveries)
            try:
                if fits(head, rest):
                    transact(self._clients, [*head, *rest])
                else:
                    self._redo.write(head, rest)
            except Refused:
                continue  # changed meanwhile
            return True
        raise StateConflict("others write the outbox all the time; it is tried again")

    def rouse(self, person: str, now: int) -> int:

        def due(row: OutboxRow) -> OutboxRow | None:
            if row.message.status != Status.WAITING:
                return None
            after = msgspec.structs.replace(row.message, status=Status.DUE, due_at=now)
            return row._replace(message=after)

        self._redo.finish()
        waiting = [
            r.message.id for r in self._rows.of(person) if r.message.status == Status.WAITING
        ]
        return sum(self._edit(message, due) for message in waiting)

    def counts(self) -> dict[tuple[str, str], int]:
        """The whole table is read."""
        found = Counter(
            (m.channel, str(m.status)) for m in (row.message for row in self._rows.all())
        )
        return dict(found)

    def settled(self, after: int, limit: int) -> list[tuple[int, Message, list[Delivery]]]:
        self._redo.finish()
        found: list[tuple[int, Message, list[Delivery]]] = []
        for number, row in self._rows.settled(after):
            if len(found) == limit:
                break
            if row.settled == number and row.message.status in LAST:
                carried = self._deliveries.query(f"message/{row.message.id}")
                found.append((number, row.message, [_delivery(one) for one in carried]))
        return found

    def forget(self, settled_before: int) -> int:
        old = [
            row
            for number, row in self._rows.settled(0)
            if row.settled == number
            and row.message.status in LAST
            and row.message.settled_at < settled_before
        ]
        for row in old:
            self._remove(row)
        return len(old)

    def forget_person(self, person: str) -> None:
        """Remove all messages to a person, and their deliveries."""
        self._redo.finish()
        for row in list(self._rows.of(person)):
            self._remove(row)

    # Writing

    def _dropped(self, message: str, reason: str, now: int) -> OutboxRow:
        row = self._rows.row(message)
        if row is None or row.message.status not in (Status.WAITING, Status.DUE):
            raise StateConflict(f"{message} went out meanwhile; the step is made anew")
        after = msgspec.structs.replace(
            row.message, status=Status.DROPPED, reason=reason, settled_at=now
        )
        return row._replace(message=after)

    def _take(self, row: OutboxRow, now: int, lease_until: int) -> Message | None:
        """Lease it, or settle what has expired; None: somebody was quicker."""
        if row.message.expires_at < now:
            late = msgspec.structs.replace(row.message, status=Status.LATE, settled_at=now)
            return late if self._write(row._replace(message=late), is_settled=True) else None
        taken = leased(row.message, lease_until)
        return taken if self._write(row._replace(message=taken)) else None

    def _settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        """Together, as long as nobody is in the way."""
        for _ in range(_TRIES):
            rows = self._rows.many(before.id for before, _ in pairs)
            head: list[Action] = []
            changed = []
            for before, after in pairs:
                row = rows.get(before.id)
                if row is None or row.message.status != Status.LEASED:
                    continue
                if row.message.lease_until == before.lease_until:
                    # An acknowledgement may have come meanwhile.
                    read_at = row.message.acknowledged_at
                    now = msgspec.structs.replace(after, acknowledged_at=read_at)
                    changed.append(row._replace(message=now))
            numbers = self._rows.count(head, sum(row.message.status in LAST for row in changed))
            for row in changed:
                head += self._rows.changed(row, next(numbers) if row.message.status in LAST else 0)
            try:
                if head:
                    transact(self._clients, head)
            except Refused:
                continue
            return len(changed)
        raise StateConflict("others write the outbox all the time; it is tried again")

    def _edit(
        self,
        message: str,
        edit: Callable[[OutboxRow], OutboxRow | None],
        *,
        is_settled: bool = False,
    ) -> int:
        """Change one message as it is now; 0 where there is nothing to change."""
        for _ in range(_TRIES):
            row = self._rows.row(message)
            after = edit(row) if row else None
            if after is None:
                return 0
            if self._write(after, is_settled=is_settled):
                return 1
        raise StateConflict("others write the outbox all the time; it is tried again")

    def _write(self, row: OutboxRow, *, is_settled: bool = False) -> bool:
        """Write it, if it is still at its `rev`."""
        for _ in range(_TRIES):
            head: list[Action] = []
            numbers = self._rows.count(head, int(is_settled))
            actions = [*head, *self._rows.changed(row, next(numbers, 0))]
            if len(actions) == 1:
                return write(self._clients, actions[0])
            try:
                transact(self._clients, actions)
            except Refused as refused:
                if len(head) in refused.at:
                    return False
                continue  # the counter had gone on
            return True
        raise StateConflict("others write the outbox all the time; it is tried again")

    def _remove(self, row: OutboxRow) -> None:
        """The message last: what is left of it by a killed process is found again by it."""
        message = row.message
        for one in list(self._deliveries.query(f"message/{message.id}")):
            name = f"{number_text(one['version'])}#{one['person']}#{one['channel']}"
            write(self._clients, self._deliveries.remove(f"incident/{one['incident']}", name))
            write(self._clients, self._deliveries.remove(one["pk"], one["sk"]))
        if row.settled:
            write(self._clients, self._deliveries.remove("settled", number_text(row.settled)))
        write(self._clients, self._table.remove(f"id/{message.id}", "-"))
        write(self._clients, self._table.remove(order_of(message), place_of(message)))


def _newest_first(message: Message) -> tuple[int, str]:
    return -first_seq(message), message.id


def _delivery(row: Item) -> Delivery:
    return Delivery(row["person"], row["incident"], row["version"], row["channel"], row["message"])
