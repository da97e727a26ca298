"""The link in a message by which who got it answers: that it was read, to change what they get, to
get no more that way.

A token names a message and proves that it went to the contact as it is now: it has 24 bytes, for a
link has to fit into an SMS. Nothing of it is kept. It acknowledges, and stops its channel, as long
as the message is kept; for a week after the message it also opens what is theirs, as far as this
contact earned that. When the contact is confirmed anew, or given up, it opens nothing.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from atalaia.domain.delivery import Message
from atalaia.domain.message import LINK
from atalaia.people import leave, manage
from atalaia.people.links import ASKED_BY
from atalaia.people.lookups import Lookups
from atalaia.people.registry import May, Registry
from atalaia.people.rows import CONFIRMED, PENDING
from atalaia.people.service import PeopleService
from atalaia.ports import ContactRow, Home

PATH = "/v1/m/"
_BY = ("webpush", "email", "sms")
"""Channels whose messages carry it, those that carry a link to leave among them: the others have
buttons and words of their own, or programs."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_MESSAGE = re.compile(r"msg_([0-9a-f]{30})")
_MESSAGE_BYTES, _MAC_BYTES = 15, 9


class Ways(NamedTuple):
    """Links of one message: that ends its channel by one click, and that asks what is wanted.
    Empty: it has none."""

    leave: str = ""
    answer: str = ""


WaysOf = Callable[[Message], Ways]


def ways_of(
    base: str, registry: Registry, contacts: Callable[[str], Sequence[ContactRow]]
) -> WaysOf:
    """What makes links below the address of the API (empty: none are made)."""

    def ways(message: Message) -> Ways:
        by = ASKED_BY if message.kind == LINK else _BY
        if not base or message.channel not in by:
            return Ways()
        # What asks an address for its code is not for the one that they have by this channel.
        status = PENDING if message.kind == "confirm" else CONFIRMED
        rows = [row for row in contacts(message.person) if row.status == status]
        rows.sort(key=lambda row: row.since, reverse=True)
        named = _MESSAGE.fullmatch(message.id)
        answer = ""
        if named and message.kind != "confirm":
            since = _since(rows, message.channel)
            mac = _macs(registry.lookups, message, since)[0]
            token = base64.urlsafe_b64encode(bytes.fromhex(named[1]) + mac).decode()
            answer = f"{base.rstrip('/')}{PATH}{token}"
        return Ways(leave.link_of(base, registry.vault, rows, message.channel), answer)

    return ways


class Answering:
    """What links in messages do. All of it blocks. Raises StateConflict."""

    def __init__(
        self, people: PeopleService, registry: Registry, home: Home, now: Callable[[], int]
    ) -> None:
        self._people = people
        self._registry = registry
        self._home = home
        self._now = now

    def leave(self, token: str) -> bool:
        """See `leave.leave`."""
        return leave.leave(self._registry, token, self._now())

    def message(self, token: str) -> Message | None:
        """Which message a token is of; None: none (any more), or not of this contact."""
        token = token.rstrip(".")  # of the sentence that an SMS has it in
        if not _TOKEN.fullmatch(token):
            return None
        plain = base64.urlsafe_b64decode(token)
        message = self._home.outbox.message(f"msg_{plain[:_MESSAGE_BYTES].hex()}")
        if message is None:
            return None
        rows = self._registry.people.contacts(message.person)
        return message if self._is_of(plain[_MESSAGE_BYTES:], message, rows) else None

    def received(self, token: str) -> bool:
        """Note that it was read. False: the token is of no message."""
        message = self.message(token)
        return message is not None and self._people.acknowledge(
            message.person, message.id, self._now()
        )

    def stop(self, token: str) -> bool:
        """Tell no more by the message's channel. False: the token is of no message."""
        message = self.message(token)
        if message is None:
            return False
        is_stopped = self._registry.stop(
            message.person, message.channel, self._now(), self._may(token, message)
        )
        if is_stopped:
            self._home.wake("normal")
        return is_stopped

    def change(self, token: str) -> str | None:
        """A token by which what is theirs is seen and changed (`manage`); None: the message is of
        none, or older than a week."""
        message, now = self.message(token), self._now()
        # Who is quick has it before it is written down that it went.
        if message is None or now - max(message.settled_at, message.due_at) > manage.LASTS_S:
            return None
        held = self._registry.held(message.person)
        if held is None or not self._may(token, message)(held):
            return None
        link = manage.Signed(message.person, (message.channel,), held.kept.epoch)
        return self._people.manage(link, now)

    def _may(self, token: str, message: Message) -> May:
        """Whether the token is of the contact as somebody who is written has it."""
        mac = base64.urlsafe_b64decode(token.rstrip("."))[_MESSAGE_BYTES:]
        return lambda held: self._is_of(mac, message, [e.row for e in held.contacts])

    def _is_of(self, mac: bytes, message: Message, rows: Sequence[ContactRow]) -> bool:
        since = _since(rows, message.channel)
        good = _macs(self._registry.lookups, message, since)
        return bool(since) and any(hmac.compare_digest(mac, one) for one in good)


def _since(rows: Sequence[ContactRow], channel: str) -> int:
    """Since when the contact of this channel is as it is; 0: there is none."""
    mine = (row.since for row in rows if (row.channel, row.status) == (channel, CONFIRMED))
    return next(mine, 0)


def _macs(lookups: Lookups, message: Message, since: int) -> list[bytes]:
    """By the current key of look-ups, and by older ones that still hold."""
    words = ("answer", message.id, message.person, message.channel, str(since))
    return [digest[:_MAC_BYTES] for digest in lookups.of(*words).every]
