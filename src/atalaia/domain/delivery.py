"""From an alert to a person's phone: deliveries, messages, and what can become of them.

A *delivery* is one alert for one person by one channel; its key is person, incident, version and
channel. A *message* carries all deliveries that came of alerts with the same `sent_at`, under an id
that stays the same however often it is tried. It is grouped once; alerts of the same instant that
come later join it until it is first taken, and never after that. A *letter* is what goes out: one
message, or several of one person that are due together; each has its own outcome all the same.

    waiting ─► due ─► leased ─► sent             the provider took it
       ▲        ▲        ├────► unknown          no answer, twice: it may have arrived
       │        └────────┤ again
       └─────────────────┤ quiet hours
                         ├────► dropped          nothing that it tells is news any more
                         ├────► late             its alert had expired before it could go
                         └────► dead             never again, or tried often enough

What it tells is decided when its letter is written, and again right before that is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, Protocol

import msgspec

from atalaia.domain.alert import Alert
from atalaia.domain.contact import Contact
from atalaia.domain.message import Content

Verdict = Literal["sent", "again", "never", "unknown", "dropped", "waits", "given_back"]

MINUTE, HOUR = 60, 3600


class Status(StrEnum):
    """Where a message is. WAITING is for the end of quiet hours."""

    WAITING = "waiting"
    DUE = "due"
    LEASED = "leased"
    SENT = "sent"
    UNKNOWN = "unknown"
    LATE = "late"
    DROPPED = "dropped"
    DEAD = "dead"


UNSENT = (Status.WAITING, Status.DUE, Status.LEASED)
_HELD = (Status.WAITING, Status.DUE)
LAST = (Status.SENT, Status.UNKNOWN, Status.LATE, Status.DROPPED, Status.DEAD)


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One alert for one person by one channel, and the message that carries it."""

    person: str
    incident: str
    version: int
    channel: str
    message: str


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What goes out by one channel to one person. All times are Unix seconds.

    id           the same over all tries: ``msg_…``
    order_key    messages of one key go one after the other, in the order of their alerts (kept as
                 ``lane``); what tells no alert has one of its own, and holds none up
    kind         alert; confirm: that the person wants these messages at all; ``added:sms``: that
                 an address was added to theirs
    seqs         numbers of its alerts in the log, in their order; empty for confirm
    rank         4 red … 1 watch, 0 an end, or no alert: the higher goes first
    due_at       not before; `expires_at`: not after
    attempts     how often it was tried
    unknowns     how often no answer came, or its sender died while it was leased
    lease_until  while leased: until when it is one sender's
    settled_at   when it got its last status
    provider_id  what the provider calls it, for replies
    escalate_at  not acknowledged by then, it goes by the next channel: a red one, and one that its
                 channel put off for long; 0: it need not
    left_out     alerts that its letter does not tell, as something newer is known, or they are
                 silenced: `key_of` each. Kept before it can go
    letter       under which id it goes, or went, with others: that of the last of them. Its own id:
                 it was refused with others, and goes by itself. Empty: it goes by its own id, and
                 with others where they are due together
    """

    id: str
    person: str
    channel: str
    order_key: str = msgspec.field(name="lane")
    kind: str = "alert"
    seqs: tuple[int, ...] = ()
    rank: int = 0
    status: Status = Status.DUE
    due_at: int = 0
    expires_at: int = 0
    attempts: int = 0
    unknowns: int = 0
    lease_until: int = 0
    settled_at: int = 0
    reason: str = ""
    provider_id: str = ""
    escalate_at: int = 0
    acknowledged_at: int = 0
    left_out: tuple[str, ...] = ()
    letter: str = ""


RANKS = (4, 3, 2, 1, 0)
"""The gravest first."""

GROUP_MOST = 500
"""Alerts of one instant that one message carries; the next begin one of their own."""

SOON_S = 60
"""A message waits for an older one of its order key that is due within so long; for one put off
longer it does not: what is newer matters more. Nor does a next channel wait for it."""


TOGETHER_MOST = 16
"""Messages of one person that one letter carries."""


def letter_of(message: Message) -> str:
    """The id that it goes by: the same over all tries that may have gone."""
    return message.letter or message.id


def whole_letters(messages: Sequence[Message], most: int) -> int:
    """How many of these, in their order, are taken: so many, and what is of one letter with the
    last of them."""
    n = min(most, len(messages))
    while 0 < n < len(messages) and letter_of(messages[n]) == letter_of(messages[n - 1]):
        n += 1
    return n


def key_of(incident: str, version: int) -> str:
    """An alert, as `Message.left_out` names it."""
    return f"{incident}/{version}"


def first_seq(message: Message) -> int:
    """The number of its first alert, by which messages of one order key go."""
    return min(message.seqs, default=0)


def ready_at(message: Message) -> int:
    """When one that is unsent may be taken: when it is due, or when its lease ends."""
    return message.lease_until if message.status == Status.LEASED else message.due_at


def may_have_gone(message: Message, now: int) -> bool:
    """Whether it reached somebody, as far as can be known."""
    if message.status == Status.LEASED:
        return message.lease_until > now
    return message.status in (Status.SENT, Status.UNKNOWN) or message.unknowns > 0


def ahead(older: Sequence[Message], now: int) -> list[Message] | None:
    """Which of the older, unsent messages of its order key go right before a message that is to
    be taken now; None: it waits, for one that is another's or about to be due."""
    soon = [one for one in older if ready_at(one) <= now + SOON_S or one.status == Status.LEASED]
    return None if any(ready_at(one) > now for one in soon) else soon


def joined(first: Message, second: Message) -> Message | None:
    """The first with what the second tells, where both are of one instant and by one order key.
    None: they stay two, as the first is being tried, or was, or has its last status; or as both
    have too many alerts for one."""
    seqs = tuple(sorted({*first.seqs, *second.seqs}))
    is_new = not first.attempts and not first.unknowns and len(seqs) <= GROUP_MOST
    if not is_new or first.status not in _HELD or second.status not in _HELD:
        return None
    is_due = Status.DUE in (first.status, second.status)
    turns = [one.escalate_at for one in (first, second) if one.escalate_at]
    return msgspec.structs.replace(
        first,
        seqs=seqs,
        rank=max(first.rank, second.rank),
        status=Status.DUE if is_due else Status.WAITING,
        due_at=min(first.due_at, second.due_at),
        expires_at=max(first.expires_at, second.expires_at),
        escalate_at=min(turns, default=0),
    )


def carried(delivery: Delivery, into: Mapping[str, str]) -> Delivery:
    """The delivery as the message carries it that its own was joined to, if it was to any."""
    message = into.get(delivery.message, delivery.message)
    return msgspec.structs.replace(delivery, message=message)


def leased(message: Message, lease_until: int) -> Message:
    """The message, taken until then. Where an earlier lease ran out, nobody knows whether it went:
    that is a try without an answer."""
    lost = message.status == Status.LEASED
    return msgspec.structs.replace(
        message,
        status=Status.LEASED,
        lease_until=lease_until,
        unknowns=message.unknowns + lost,
    )


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one delivery, as RAW and GOLD keep it: a pseudonym, and no more of where the
    person is than the watched place that the alert was for.

    number     grows as messages are settled; a later one on the same delivery takes its place
    sent_at    of the alert; `settled_at` of this outcome (both ISO 8601, UTC)
    letter     id of the last message of the letter that it went in, the same for all that shared
               it; empty: kept by an older Atalaia
    """

    number: int
    person: str
    channel: str
    message: str
    incident: str
    version: int
    place_id: str
    hazard: str
    level: str
    status: str
    reason: str
    attempts: int
    sent_at: str
    settled_at: str
    letter: str = ""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What one try came to.

    verdict      sent; again (after `after_s`, or by the channel's schedule); never; unknown; and
                 without a try: dropped, waits (for `after_s`), or given back, as we could not even
                 look: our own fault costs no try, and it is due again after `after_s`
    reason       in plain words, without address, token or text
    after_s      the provider's own wish
    provider_id  what it calls the message
    is_gone      the address itself is of no more use: blocked, unsubscribed, unknown
    pauses       the wish holds for the whole channel (a rate limit, a wrong token)
    cost_usd     what this try cost, where the channel costs
    is_capped    it was not tried: what the channel may send, or cost, is used up
    left_out     of what can have no letter: alerts that it would not have told. See `Message`
    """

    verdict: Verdict
    reason: str = ""
    after_s: float = 0.0
    provider_id: str = ""
    is_gone: bool = False
    pauses: bool = False
    cost_usd: float = 0.0
    is_capped: bool = False
    left_out: tuple[str, ...] = ()

    @property
    def is_given_back(self) -> bool:
        """Whether a fault of ours kept it from being tried."""
        return self.verdict == "given_back"


class Sent(msgspec.Struct, frozen=True, gc=False):
    """What one try came to, or that a fault of ours kept it from being made, once it is kept;
    `seconds` since the message was decided."""

    message: Message
    outcome: Outcome
    seconds: float


class HeldAlert(msgspec.Struct, frozen=True, gc=False):
    """An incident at one place by one level, as who keeps a state of it knows it.

    alert      what was said last; its level may be another by now
    is_over    it stands no more at this place by this level
    """

    alert: Alert
    place_id: str
    level: str
    is_over: bool


class Letter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message ready to go: with its address, which is not to be kept or logged.

    sent_at    when it was decided
    expires_at    until when it is of use, Unix seconds; 0: nobody knows
    reply_to   the provider's id of the last message of this thread by this channel; empty: none
    thread     ids of the earlier messages of this thread by this channel, oldest first
    asks       whether an acknowledgement is asked for
    left_out   alerts of the message that it does not tell
    held       to a channel that keeps what stands: what does by this, and what does so no more
    has_more   whether the person has other channels that it could go by
    leave      a link that ends this channel for them, which nobody else is to have; empty: none
    answer     a link to say that it was got, to change what one gets, or to end it; empty: none
    """

    id: str
    contact: Contact
    content: Content
    sent_at: int
    expires_at: int = 0
    reply_to: str = ""
    thread: tuple[str, ...] = ()
    asks: bool = False
    left_out: tuple[str, ...] = ()
    held: tuple[HeldAlert, ...] = ()
    has_more: bool = False
    leave: str = ""
    answer: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel's provider allows, and how patient to be.

    a_second     messages a second in all; 0: as many as there are
    contact_s    seconds between two messages to one address
    a_day        people a day; 0: no limit
    usd_a_month  what may be spent in a calendar month (UTC); 0: no limit
    usd_each     what one message may cost: so much must be left for it to go
    at_once      tries at the same time
    letter_chars  characters of a letter that tells several messages which are due together; 0: each
                 goes by itself
    schedule     seconds to wait after the first, second … failed try; then it is dead
    is_apart     each address is a server of its own: one that hangs must hold up no other
    """

    a_second: float = 0.0
    contact_s: float = 0.0
    a_day: int = 0
    usd_a_month: float = 0.0
    usd_each: float = 0.0
    at_once: int = 8
    letter_chars: int = 0
    schedule: tuple[int, ...] = (5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR)
    is_apart: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether what was sent has to be remembered over a restart."""
        return bool(self.contact_s or self.is_capped)

    @property
    def is_capped(self) -> bool:
        """Whether what may be sent comes to an end some time."""
        return bool(self.a_day or self.usd_a_month)


class Channel(Protocol):
    """One way to reach people. One small file each in `channels/`, with one table of outcomes."""

    name: str
    limits: Limits

    async def send(self, letter: Letter) -> Outcome:
        """Try once. Never raises for what a provider or a network can do."""
        ...


def message_id(person: str, channel: str, about: str) -> str:
    """The same for the same words: what is fanned out twice is one message."""
    return "msg_" + hashlib.sha256(f"{person}|{channel}|{about}".encode()).hexdigest()[:30]


def notice(person: str, channel: str, about: str, kind: str, due_at: int, lasts_s: int) -> Message:
    """A message to one of a person's contacts that tells no alert: a code, word of what was
    changed, or a drill. Of the same `about` there is one. `due_at` in Unix seconds."""
    id_ = message_id(person, channel, about)
    return Message(
        id=id_,
        person=person,
        channel=channel,
        order_key=f"{person}/{id_}",
        kind=kind,
        due_at=due_at,
        expires_at=due_at + lasts_s,
    )


def settled(message: Message, outcome: Outcome, schedule: Sequence[int], now: int) -> Message:
    """The message after a try. `schedule` is the channel's.

    A try without an answer is repeated once, under the same id; after a second one it stays
    unknown. What would be due only after it has expired is late. One put off for long is the next
    channel's turn, too.
    """
    if outcome.verdict in ("waits", "dropped", "given_back"):
        return _untried(message, outcome, now)
    attempts = message.attempts + 1
    if outcome.verdict == "sent":
        return msgspec.structs.replace(
            message,
            status=Status.SENT,
            attempts=attempts,
            lease_until=0,
            settled_at=now,
            reason=outcome.reason,
            provider_id=outcome.provider_id,
        )
    unknowns = message.unknowns + (outcome.verdict == "unknown")
    changes = {
        "attempts": attempts,
        "unknowns": unknowns,
        "lease_until": 0,
        "settled_at": now,
        "reason": outcome.reason,
    }
    if outcome.verdict == "never":
        if outcome.left_out and not message.unknowns:
            changes["left_out"] = outcome.left_out
        return msgspec.structs.replace(message, status=Status.DEAD, **changes)
    if outcome.verdict == "unknown" and unknowns > 1:
        return msgspec.structs.replace(message, status=Status.UNKNOWN, **changes)
    if outcome.pauses:
        # The provider's limit is not this message's failure: it costs no try.
        changes["attempts"] = message.attempts
        wait_s = outcome.after_s or schedule[0]
    elif attempts > len(schedule):
        return msgspec.structs.replace(message, status=Status.DEAD, **changes)
    else:
        wait_s = max(outcome.after_s, schedule[attempts - 1])
    return _put_off(_for_next(message, wait_s, now), wait_s, now, Status.DUE, **changes)


def _untried(message: Message, outcome: Outcome, now: int) -> Message:
    if outcome.verdict == "waits":
        return _put_off(message, outcome.after_s, now, Status.WAITING, reason=outcome.reason)
    if outcome.verdict == "given_back":
        given_back = msgspec.structs.replace(message, reason=outcome.reason)
        return released(given_back, outcome.after_s, now)
    return msgspec.structs.replace(
        message, status=Status.DROPPED, lease_until=0, settled_at=now, reason=outcome.reason
    )


def apart(message: Message, reason: str, now: int) -> Message:
    """The message after it was refused with others in one letter: it goes by itself, at once."""
    by_itself = msgspec.structs.replace(message, letter=message.id)
    attempts = message.attempts + 1
    return _put_off(by_itself, 0.0, now, Status.DUE, attempts=attempts, reason=reason)


def released(message: Message, after_s: float, now: int) -> Message:
    """Given back untried: its channel may not send just now."""
    return _put_off(_for_next(message, after_s, now), after_s, now, Status.DUE)


def _for_next(message: Message, wait_s: float, now: int) -> Message:
    """The next channel's turn has come where this one puts it off for long."""
    if wait_s <= SOON_S or message.kind != "alert":
        return message
    at = min(message.escalate_at or now, now)
    return msgspec.structs.replace(message, escalate_at=at)


def _put_off(message: Message, wait_s: float, now: int, status: Status, **changes: Any) -> Message:
    due_at = now + max(1, round(wait_s))
    is_late = due_at > message.expires_at
    fields = {"lease_until": 0, "settled_at": now} | changes
    may_have_gone = fields.get("unknowns", message.unknowns)
    if not may_have_gone and message.letter != message.id:
        fields["letter"] = ""  # with whom it goes next is decided anew
    return msgspec.structs.replace(
        message, status=Status.LATE if is_late else status, due_at=due_at, **fields
    )
