"""People as who sends needs them: read when there is something for them, some together. What is
held grows with whom is sent to, and not with who subscribed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Person, has_limits
from atalaia.notify.fanout import Profiles
from atalaia.notify.letters import Directory
from atalaia.notify.recipients import Recipients
from atalaia.people.answering import WaysOf, ways_of
from atalaia.people.registry import Question, Registry
from atalaia.people.rows import contact_in
from atalaia.ports import ContactRow
from atalaia.settings import Settings

MOST = 20_000
"""People held, about 3 kB each: when there are more, those that were read first are let go."""

_PAGE = 1_000


class Sending(NamedTuple):
    """Who is told, for who sends: `compose.Composer` says what each part is for."""

    profiles: Profiles
    people: Directory
    refresh: Callable[[], object]
    fetch: Callable[[Iterable[str]], object]
    ways: WaysOf


def sending(
    recipients: Recipients, registry: Registry, settings: Settings, *, by_need: bool
) -> Sending:
    """All of `recipients`; or, by need, those that somebody sends to."""
    url = settings.api.url
    if not by_need:
        some = Reachable(registry, recipients)
        ways = ways_of(url, registry, some.contacts)
        return Sending(recipients, some, recipients.refresh, some.fetch, ways)
    held = AtHand(registry, settings.channels.names)
    return Sending(held, held, held.refresh, held.fetch, ways_of(url, registry, held.contacts))


class Reachable:
    """Fills `letters.Directory` where all who are told are known: of those who get a letter now,
    contacts are read together. May be used from any thread; who fetches others takes these away,
    and they are read one by one."""

    def __init__(self, registry: Registry, recipients: Recipients) -> None:
        self._registry = registry
        self._recipients = recipients
        self._contacts: Mapping[str, Sequence[ContactRow]] = {}

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        """Their confirmed address, opened when it is asked for."""
        return contact_in(self._registry.vault, self.contacts(pseudonym), channel)

    def contacts(self, pseudonym: str) -> Sequence[ContactRow]:
        """All their contacts."""
        found = self._contacts.get(pseudonym)
        return self._registry.people.contacts(pseudonym) if found is None else found

    def person(self, pseudonym: str, *, if_limited: bool = False) -> Person | None:
        """All that they asked for, read anew: for most there is nothing to read where limits of
        their own are what matters."""
        if if_limited and not self._recipients.has_limits(pseudonym):
            return None
        return self._registry.person(pseudonym)

    def question(self, pseudonym: str, channel: str, now: int) -> Question | None:
        """What to ask an address that waits to be confirmed, read anew."""
        return self._registry.question(pseudonym, channel, now)

    def fetch(self, pseudonyms: Iterable[str]) -> None:
        """Have the contacts of these at hand, as they are now."""
        asked = list(dict.fromkeys(pseudonyms))
        self._registry.vault.fetch(asked)
        self._contacts = {
            row.pseudonym: contacts for row, contacts in self._registry.people.with_contacts(asked)
        }


class _Held(NamedTuple):
    """A person without subscriptions (None: not to be told), contacts as they lie sealed, and
    whether there is a limit of their own."""

    profile: Person | None
    contacts: Sequence[ContactRow]
    has_limits: bool


_NOBODY = _Held(None, (), has_limits=False)


class AtHand:
    """Fills `fanout.Profiles` and `letters.Directory`. May be used from any thread.

    channels    those that are switched on; a person's others are passed over
    """

    def __init__(self, registry: Registry, channels: Collection[str], most: int = MOST) -> None:
        self._registry = registry
        self._channels = channels
        self._most = most
        self._lock = Lock()
        self._changed: int | None = None
        self._held: dict[str, _Held] = {}

    def get(self, pseudonym: str) -> Person | None:
        """The person without subscriptions; None: not to be told."""
        return self._one(pseudonym).profile

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        """Their confirmed address, opened when it is asked for."""
        return contact_in(self._registry.vault, self._one(pseudonym).contacts, channel)

    def contacts(self, pseudonym: str) -> Sequence[ContactRow]:
        """All their contacts."""
        return self._one(pseudonym).contacts

    def person(self, pseudonym: str, *, if_limited: bool = False) -> Person | None:
        """All that they asked for, read anew: for most there is nothing to read where limits of
        their own are what matters."""
        if if_limited and not self._one(pseudonym).has_limits:
            return None
        return self._registry.person(pseudonym)

    def question(self, pseudonym: str, channel: str, now: int) -> Question | None:
        """What to ask an address that waits to be confirmed, read anew."""
        return self._registry.question(pseudonym, channel, now)

    def fetch(self, pseudonyms: Iterable[str]) -> None:
        """Have these at hand."""
        with self._lock:
            if self._changed is None:  # before anybody is read: whoever changes later is read anew
                self._changed = self._registry.people.newest_change()
            asked = dict.fromkeys(pseudonyms)
            self._read([one for one in asked if one not in self._held])
            if len(self._held) > self._most:
                rest = [one for one in self._held if one not in asked]
                for one in rest[: len(self._held) - self._most]:
                    del self._held[one]

    def refresh(self) -> bool:
        """Take up who changed of those that are held; whether anybody had."""
        with self._lock:
            if not self._held:
                self._changed = None
                return False
            changed = []
            while rows := self._registry.people.changes(self._changed or 0, _PAGE):
                changed += [row.pseudonym for row in rows if row.pseudonym in self._held]
                self._changed = rows[-1].changed
            self._read(changed)
            return bool(changed)

    def _one(self, pseudonym: str) -> _Held:
        found = self._held.get(pseudonym)
        if found is None:
            self.fetch([pseudonym])
            found = self._held.get(pseudonym, _NOBODY)
        return found

    def _read(self, pseudonyms: Sequence[str]) -> None:
        if not pseudonyms:
            return
        self._registry.vault.fetch(pseudonyms)
        found = dict.fromkeys(pseudonyms, _NOBODY)
        for row, contacts in self._registry.people.with_contacts(pseudonyms):
            person = self._registry.told(row)
            is_limited = person is not None and has_limits(person)
            if person is not None:
                open_ = tuple(name for name in person.channels if name in self._channels)
                person = msgspec.structs.replace(person, channels=open_, subscriptions=())
            found[row.pseudonym] = _Held(person, contacts, is_limited)
        self._held |= found
