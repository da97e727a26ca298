"""One address at a time: on what terms it is taken, another beside those that somebody has, and a
link to it for who lost theirs.

Blocks, and may be called from any thread. Raises as `service.PeopleService` does.
"""

from __future__ import annotations

from functools import partial

from atalaia.domain.contact import Contact
from atalaia.errors import Overtaken
from atalaia.people.admission import admit, check_open
from atalaia.people.coverage import check_target, closed_channels
from atalaia.people.links import link_for
from atalaia.people.manage import Signed, joins
from atalaia.people.registry import Nobody, Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import Enrolled, add
from atalaia.people.terms import OPEN_CHANNELS, terms
from atalaia.ports import Home
from atalaia.settings import Settings

ADDED_BY = tuple(name for name in OPEN_CHANNELS if name != "whatsapp")
"""By which a contact can be added: its code is typed where it was asked for. Who writes to the bot
of WhatsApp, whose message has a button and no other way, subscribes there."""


class Addresses:
    """What is asked of an address.

    terms    by language, on which somebody subscribes
    """

    def __init__(self, registry: Registry, home: Home, settings: Settings) -> None:
        self._registry = registry
        self._home = home
        self._settings = settings
        self.terms = partial(terms, registry, settings)

    def add(self, who: str | Signed, contact: Contact, now: int, how: str) -> Enrolled | None:
        """Ask another contact of theirs for its code: given together with this link, or with their
        key, it is told beside what they have (by a link never in place of what did not earn it).
        None: there is nobody to tell, or the link had ended.

        how    by which way it was asked for, as in a `Request`
        """
        request = Request(contacts=(contact,), where=(), how=how)
        check_open(self._registry, request)
        if contact.channel not in ADDED_BY:
            raise ValueError(
                f"{contact.channel} is not added so; give one of {', '.join(ADDED_BY)}"
            )
        if closed := closed_channels(self._settings, request):
            raise ValueError(closed[0])
        check_target(contact, self._settings.channels)
        pseudonym = who.pseudonym if isinstance(who, Signed) else who
        held = self._registry.held(pseudonym)
        may = joins(who if isinstance(who, Signed) else True)
        if held is None or not held.kept.person.channels:
            return None
        if isinstance(who, Signed) and who.is_good(held) and not may(held, contact.channel):
            raise ValueError(
                f"they have another address by {contact.channel}, which did not earn this link; "
                "ask for a link there, or stop it first"
            )
        admitted = partial(admit, self._registry, self._settings)
        try:
            done = add(self._registry, pseudonym, request, now, admitted, may)
        except (Overtaken, Nobody):
            return None
        for message in done.asks:
            self._home.outbox.put(message)
        self._home.wake("normal")
        return done

    def ask_link(self, contact: Contact, now: int) -> None:
        """Send who has this contact a fresh link to what is theirs, there and nowhere else. Nothing
        here tells whether anybody has it: see `links`."""
        self._home.outbox.put(link_for(self._registry, self._settings, contact, now))
        self._home.wake("normal")
