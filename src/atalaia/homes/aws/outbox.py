"""The outbox in DynamoDB, which is the truth; a queue only wakes those who send.

```
outbox      lane/<channel>/<order key>   <first number>#<id>   a message
            id/<id>                 -                     where it lies
            #position               -                     where fan-out stands
            #redo …                                       steps that are still being written out
deliveries  incident/<incident>/<shard>  <person>#<version>#<channel>
            settled/<shard>         <number>              messages in the order of their last status
            #counter                settled
```

Every change of a message writes it anew, under the condition that it is still as it was read. So
it does no harm that the indexes lag a little behind: of two who claim a message one is refused,
and what an index does not show yet is claimed a moment later. The order of a key is read from
the table itself.

A step of fan-out takes effect by one transaction, however large it is: what is new is written out
behind it (`redo`). What it drops beyond a transaction is dropped before, under the condition that
nobody else fans out meanwhile: a step that is killed in between is made anew, and finds some of
it done.

Whoever writes a message may still know who is erased just then. A transaction has no room to ask of
each, so it is asked after: an erasure removes what was there before it was noted, and who writes
later sees the note, and removes it again. What a killed function left goes by `retention`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from atalaia.domain.delivery import (
    LAST,
    Delivery,
    Message,
    Status,
    carried,
    first_seq,
    joined,
    key_of,
    leased,
    letter_of,
    ready_at,
    whole_letters,
)
from atalaia.errors import HeldByAnother, Overtaken, StateConflict
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
    remove_all,
    transact,
    write,
)
from atalaia.homes.aws.outbox_rows import (
    OutboxRow,
    OutboxRows,
    counted,
    feed_key,
    order_of,
    place_of,
    row_of,
)
from atalaia.homes.aws.redo import Redo
from atalaia.ports import FanOut, Notice, Outbox

_AT_ONCE = 20
_DROPPED_AT_ONCE = 30
_JOINED_AT_ONCE, _JOIN_TRIES = 30, 3
_TAKEN_AT_ONCE = 25
_READ_AT_ONCE = 100
_QUIET_S = 2
"""So long a channel in which nothing was due is not asked again, where more is due in others than
one look brings: it costs a query a rank and shard, and a backlog is a longer wait."""
_POSITION = ("#position", "-")
_AGAIN = (Status.DEAD, Status.LATE, Status.UNKNOWN)


class DynamoOutbox(Outbox):
    """Fills `ports.Outbox`.

    erased    those of some pseudonyms who are erased by now
    """

    def __init__(
        self,
        clients: Clients,
        outbox: DynamoTable,
        deliveries: DynamoTable,
        erased: Callable[[Collection[str]], Collection[str]] = lambda _: (),
    ) -> None:
        self._erased = erased
        self._clients = clients
        self._table = outbox
        self._deliveries = deliveries
        self._rows = OutboxRows(outbox, deliveries)
        self._redo = Redo(clients, outbox)
        self._quiet_until: dict[tuple[str, int], int] = {}

    def position(self) -> str:
        self._redo.finish()
        found = self._table.get("#position", "-")
        return str(found["value"]) if found else ""

    def fan_out(self, step: FanOut) -> int:
        for n, _ in enumerate(self._clients.tries()):
            if self.position() != step.before:
                raise HeldByAnother("another process fans out in this home; stop one of them")
            new = self._rows.unknown(step.messages)
            # Where they are being taken all the time, they go by themselves: nobody waits for it.
            into = self._join(step, new) if step.joins_from and n < _JOIN_TRIES else {}
            by = {message: row.message.id for message, row in into.items()}
            new = [message for message in new if message.id not in into]
            *before, ending = [*pieces(self._dropped(step), _DROPPED_AT_ONCE)] or [[]]
            try:
                for some in before:
                    self._end(some, [self._table.check(_POSITION, *_stands_at(step.before))])
                at = {"pk": _POSITION[0], "sk": _POSITION[1], "value": step.position}
                moved = self._table.put(at, *_stands_at(step.before))
                joins = [action for row in into.values() for action in self._rows.changed(row)]
                deliveries = [carried(one, by) for one in step.deliveries]
                gone = self._end(ending, [moved, *joins], new, deliveries)
            except Refused:
                continue  # looked at anew: it says who was quicker
            return len(new) - gone
        raise StateConflict("others write the outbox all the time; the step is tried again")

    def told(self, incidents: Sequence[str], people: Sequence[str] | None = None) -> list[Notice]:
        self._redo.finish()
        wanted = None if people is None else set(people)
        rows = [
            row
            for incident in dict.fromkeys(incidents)
            for row in self._rows.told(incident, wanted)
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
                    letter=letter_of(message),
                )
            )
        return told

    def put(self, message: Message, deliveries: Sequence[Delivery] = ()) -> bool:
        for _ in self._clients.tries():
            if not self._rows.unknown([message]):
                return False
            before = self._rows.without(deliveries)
            head = [action for row in before for action in self._rows.changed(row)]
            try:
                gone = self._end([], head, [message], deliveries, takes_over=True)
            except Refused:
                continue
            return not gone
        raise StateConflict("others write the outbox all the time; it is tried again")

    def claim(
        self,
        now: int,
        lease_until: int,
        room: Mapping[str, int],
        least_rank: int = 0,
        *,
        together: Collection[str] = (),
    ) -> list[Message]:
        """What a killed fan-out has not written out is not due yet: the next one does it."""
        due, is_all = self._rows.due(now)
        claimed: list[Message] = []
        quiet = set() if is_all else self._quiet(room, least_rank, due, now)
        for channel in sorted(room, key=quiet.__contains__):
            limit = room[channel]
            if is_all:
                mine = (r for r in due if r.message.channel == channel)
                rows = iter(sorted((r for r in mine if r.message.rank >= least_rank), key=_gravest))
            elif channel not in quiet or not (claimed or _has_others(due, room)):
                rows = self._rows.ready(channel, now, limit, least_rank)
            else:
                break
            took = self._claim(rows, now, lease_until, limit, with_next=channel in together)
            if not took:
                self._quiet_until[channel, least_rank] = now + _QUIET_S
            claimed += took
        return claimed

    def _quiet(
        self, channels: Iterable[str], least_rank: int, due: Sequence[OutboxRow], now: int
    ) -> set[str]:
        """In which of these nothing so grave was due a moment ago, nor is in what is due here."""
        seen = {r.message.channel for r in due if r.message.rank >= least_rank}
        until = {one: self._quiet_until.get((one, least_rank), 0) for one in channels}
        return {one for one, at in until.items() if now < at <= now + _QUIET_S} - seen

    def _claim(
        self,
        rows: Iterator[OutboxRow],
        now: int,
        lease_until: int,
        limit: int,
        *,
        with_next: bool,
    ) -> list[Message]:
        """Of one channel. `with_next`: what is due of the same key goes with each."""
        claimed: list[Message] = []
        seen: set[str] = set()
        left = limit
        while left > 0 and (candidates := list(islice(rows, min(left, _TAKEN_AT_ONCE)))):
            groups: list[list[OutboxRow]] = []
            for row in candidates:
                if row.message.id in seen:
                    left -= 1
                    continue
                found = self._rows.in_order(row, now, with_next=with_next)
                group = [r for r in found if r.message.id not in seen]
                # Of one key; the rest when these are settled.
                del group[whole_letters([r.message for r in group], _TAKEN_AT_ONCE) :]
                seen.update(each.message.id for each in group)
                left -= bool(group)
                groups += [group] if group else []
            taken = self._take(groups, now, lease_until)
            given = [m for m in taken if m.status == Status.LEASED]
            claimed += given
            left += len(taken) - len(given)  # what had expired takes no room
            if len(taken) < sum(map(len, groups)):
                # Somebody else's: what comes next they take too.
                deque(islice(rows, limit), maxlen=0)
        return claimed

    def take_back(self, held: Collection[str], now: int) -> None:
        """Other functions send, too."""

    def oldest_due(self, now: int) -> int | None:
        return self._rows.oldest_due(now)

    def settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        left, n = list(pairs), 0
        while left:
            # What went in one letter is settled together.
            some = whole_letters([before for before, _ in left], _AT_ONCE)
            n += self._settle(left[:some])
            del left[:some]
        return n

    def messages(
        self,
        *,
        status: Status | None = None,
        person: str | None = None,
        channel: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Message]:
        self._redo.finish()
        last = self._rows.row(after) if after else None
        if after and last is None:
            return []
        if person is None:
            found: list[Message] = []
            for rows in self._rows.newest(status, last, min(limit, _READ_AT_ONCE)):
                found += (r.message for r in rows if channel in (None, r.message.channel))
                if len(found) >= limit:
                    break
            return found[:limit]
        theirs = (row.message for row in self._rows.of(person))
        wanted = [m for m in theirs if status in (None, m.status) and channel in (None, m.channel)]
        if last is not None:
            wanted = [m for m in wanted if place_of(m) < place_of(last.message)]
        return sorted(wanted, key=place_of, reverse=True)[:limit]

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
        for _ in self._clients.tries():
            row = self._rows.row(message)
            if row is None or row.is_handed_on:
                return False
            head = self._rows.changed(row._replace(is_handed_on=True))
            new = self._rows.unknown([to]) if to is not None else []
            try:
                self._end([], head, new, deliveries)
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

    def counts(self, statuses: Collection[Status] = tuple(Status)) -> dict[tuple[str, str], int]:
        """As the indexes show it: a moment late, perhaps."""
        return dict(counted(self._table, statuses))

    def settled(self, after: int, limit: int) -> list[tuple[int, Message, list[Delivery]]]:
        self._redo.finish()
        found: list[tuple[int, Message, list[Delivery]]] = []
        for some in self._rows.settled(after, min(limit, _READ_AT_ONCE)):
            found += [
                (number, row.message, row.deliveries)
                for number, row in some
                if row is not None and row.message.status in LAST
            ]
            if len(found) >= limit:
                break
        return found[:limit]

    def forget(self, settled_before: int) -> Iterator[int]:
        """From the oldest on, as far as there is anything old."""
        for some in self._rows.settled(0, _READ_AT_ONCE, settled_before):
            old = [
                row
                for _, row in some
                if row is not None
                and row.message.status in LAST
                and row.message.settled_at < settled_before
            ]
            self._remove(old)
            gone = [feed_key(number) for number, row in some if row is None]
            remove_all(self._clients, [self._deliveries.remove(*key) for key in gone])
            yield len(old)

    def forget_person(self, person: str) -> None:
        """Remove all messages to a person, and their deliveries."""
        self._redo.finish()
        for some in pieces(list(self._rows.of(person)), _READ_AT_ONCE):
            self._remove(some)

    # Writing

    def _join(self, step: FanOut, new: Sequence[Message]) -> dict[str, OutboxRow]:
        """Messages that are to be a part of one of the same instant that nobody has taken, with
        that one: the first of the step, as many as one transaction has room for."""
        alerts: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for one in step.deliveries:
            alerts[one.message].append((one.incident, one.version))
        into: dict[str, OutboxRow] = {}
        for message in new[:_JOINED_AT_ONCE]:
            at = {":from": number_text(step.joins_from), ":to": number_text(first_seq(message))}
            lane, where = order_of(message), "open_at BETWEEN :from AND :to"
            for row in map(row_of, self._table.query(lane, where, at, index="open")):
                both = joined(row.message, message)
                if both and not row.is_handed_on and both.id not in step.dropped:
                    carries = tuple(dict.fromkeys((*row.carried, *alerts[message.id])))
                    into[message.id] = row._replace(message=both, carried=carries)
                    break
        return into

    def _end(
        self,
        ending: Sequence[OutboxRow],
        head: Sequence[Action],
        new: Sequence[Message] = (),
        deliveries: Sequence[Delivery] = (),
        *,
        takes_over: bool = False,
    ) -> int:
        """Do `head`, settle some, and keep what is new: all or nothing. Raises Refused.

        Returns how many of the new ones were removed again, as their person is erased by now.
        """
        decides = list(head)
        late = sum(message.status in LAST for message in new)
        numbers = self._rows.count(decides, len(ending) + late)
        for row in ending:
            decides += self._rows.changed(row, settled=next(numbers))
        rest = self._rows.inserted(new, deliveries, numbers, takes_over=takes_over)
        self._redo.write(decides, rest)
        erased = set(self._erased({message.person for message in new})) if new else ()
        gone = [message.id for message in new if message.person in erased]
        if gone:
            self._remove(list(self._rows.many(gone).values()))
        return len(gone)

    def _dropped(self, step: FanOut) -> list[OutboxRow]:
        """What the step drops, as it is to be; without what an earlier try of it has dropped."""
        rows = self._rows.many(step.dropped)
        found = []
        for message, reason in step.dropped.items():
            row = rows.get(message)
            if row is not None and row.message.status == Status.DROPPED:
                continue
            if row is None or row.message.status not in (Status.WAITING, Status.DUE):
                raise Overtaken(f"{message} went out meanwhile; the step is made anew")
            after = msgspec.structs.replace(
                row.message, status=Status.DROPPED, reason=reason, settled_at=step.now
            )
            found.append(row._replace(message=after))
        return found

    def _take(
        self, groups: Sequence[Sequence[OutboxRow]], now: int, lease_until: int
    ) -> list[Message]:
        """Lease them, and settle what has expired: all together or, where somebody was quicker
        with one, those groups of which nobody was."""
        rows = [row for group in groups for row in group]
        after = [_taken(row, now, lease_until) for row in rows]
        late = sum(one.message.status in LAST for one in after)
        for _ in self._clients.tries() if rows else ():
            head: list[Action] = []
            numbers = self._rows.count(head, late)
            for one in after:
                is_last = one.message.status in LAST
                head += self._rows.changed(one, next(numbers) if is_last else 0)
            if not fits(head):
                break
            try:
                transact(self._clients, head)
            except Refused as refused:
                if late and refused.at == (0,):
                    continue  # the counter had gone on
                break
            return [one.message for one in after]
        if len(groups) < 2:
            return []
        return [m for group in groups for m in self._take([group], now, lease_until)]

    def _settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        """Together, as long as nobody is in the way."""
        for _ in self._clients.tries():
            rows = self._rows.at(before for before, _ in pairs)
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
        for _ in self._clients.tries():
            row = self._rows.row(message)
            after = edit(row) if row else None
            if after is None:
                return 0
            if self._write(after, is_settled=is_settled):
                return 1
        raise StateConflict("others write the outbox all the time; it is tried again")

    def _write(self, row: OutboxRow, *, is_settled: bool = False) -> bool:
        """Write it, if it is still at its `rev`."""
        for _ in self._clients.tries():
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

    def _remove(self, rows: Sequence[OutboxRow]) -> None:
        for actions in zip(*(self._rows.removed(row) for row in rows), strict=True):
            remove_all(self._clients, [action for some in actions for action in some])


def _has_others(due: Sequence[OutboxRow], channels: Collection[str]) -> bool:
    """Whether some of it is of no such channel."""
    return any(row.message.channel not in channels for row in due)


def _gravest(row: OutboxRow) -> tuple[int, int, str]:
    message = row.message
    return -message.rank, ready_at(message), place_of(message)


def _stands_at(position: str) -> tuple[str, Item]:
    """The condition that fan-out stands there."""
    return ("#value = :was", {":was": position}) if position else (ABSENT, {})


def _taken(row: OutboxRow, now: int, lease_until: int) -> OutboxRow:
    """As who takes it leaves it: leased, or too late."""
    message = row.message
    if message.expires_at < now:
        late = msgspec.structs.replace(message, status=Status.LATE, settled_at=now)
        return row._replace(message=late)
    return row._replace(message=leased(message, lease_until))
