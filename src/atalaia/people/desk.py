"""What the bots may do: registry, gazetteer and outbox, for who writes from a contact."""

from __future__ import annotations

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Circle, Person
from atalaia.people import gazetteer
from atalaia.people.conversation import Town
from atalaia.people.export import export
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import confirm_contact, subscribe
from atalaia.ports import Outbox, State


class FrontDesk:
    """Fills `people.conversation.Desk`.

    how    by which way what is asked here came: telegram, whatsapp
    """

    def __init__(self, registry: Registry, outbox: Outbox, state: State, how: str) -> None:
        self._registry = registry
        self._outbox = outbox
        self._state = state
        self._how = how

    def person(self, contact: Contact) -> Person | None:
        """See `Desk.person`."""
        pseudonym = self._registry.find(contact)
        return self._registry.person(pseudonym) if pseudonym else None

    def towns(self, name: str, limit: int) -> list[Town]:
        """See `Desk.towns`."""
        return [_town(town) for town in gazetteer.search(name, limit=limit)]

    def nearest(self, latitude: float, longitude: float) -> Town | None:
        """See `Desk.nearest`."""
        town = gazetteer.nearest(latitude, longitude)
        return None if town is None else _town(town)

    def words(self, language: str) -> str:
        """See `Desk.words`."""
        return self._registry.words(language).text

    def subscribe(
        self,
        contact: Contact,
        circle: Circle,
        hazards: dict[str, str],
        language: str,
        consent: str,
        now: int,
    ) -> None:
        """See `Desk.subscribe`."""
        request = Request(
            contacts=(contact,),
            where=(circle,),
            hazards=hazards,
            language=language,
            how=self._how,
            is_own=True,
            shown=consent,
        )
        subscribe(self._registry, request, now)

    def confirm(self, contact: Contact, code: str, now: int) -> bool:
        """See `Desk.confirm`."""
        done = confirm_contact(self._registry, contact, code, now)
        for message in done.asks if done else ():
            self._outbox.put(message)
        return done is not None

    def speak(self, contact: Contact, language: str) -> None:
        """See `Desk.speak`."""
        pseudonym = self._registry.find(contact)
        if pseudonym:
            self._registry.update(pseudonym, language=language)

    def stop(self, contact: Contact, now: int) -> bool:
        """See `Desk.stop`."""
        pseudonym = self._registry.find(contact)
        return bool(pseudonym) and self._registry.stop(str(pseudonym), contact.channel, now)

    def export(self, contact: Contact) -> bytes | None:
        """See `Desk.export`."""
        pseudonym = next(iter(self._registry.holders(contact)), None)
        if pseudonym is None:
            return None
        return export(self._registry, self._outbox, self._state, pseudonym)

    def erase(self, contact: Contact, now: int) -> bool:
        """See `Desk.erase`."""
        holders = self._registry.holders(contact)
        erased = [self._registry.erase(pseudonym, now) for pseudonym in holders]
        return any(erased)

    def acknowledge(self, contact: Contact, message: str, now: int) -> bool:
        """See `Desk.acknowledge`."""
        pseudonym = self._registry.find(contact)
        return bool(pseudonym) and self._outbox.acknowledge(str(pseudonym), message, now)


def _town(town: gazetteer.Town) -> Town:
    return Town(town.label, town.latitude, town.longitude)
