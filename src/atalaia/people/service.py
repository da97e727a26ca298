"""What one can ask of a person's data, each spelled once: for the API, the bots and the commands.

    subscribe ─► confirm ─► told; at any time: export, manage, speak, stop, erase, acknowledge

What somebody would have had is `notify.preview`'s: it needs what tells people, which is above.

What is done from a contact itself, by talking, passes no route whose log would have it: it is
logged here, by channel and never by address. A wrong code is logged as refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from atalaia.domain.contact import Contact, read_contact
from atalaia.domain.delivery import may_have_gone
from atalaia.domain.place import Places
from atalaia.domain.subscription import Person
from atalaia.logs import Logger
from atalaia.people import manage
from atalaia.people.adding import Addresses
from atalaia.people.admission import admit, check_open
from atalaia.people.changing import ChangeWanted, notices_of, update
from atalaia.people.coverage import check_reach, check_target, closed_channels, unwatched
from atalaia.people.export import export
from atalaia.people.manage import Signed
from atalaia.people.registry import Held, Registry, is_somebody
from atalaia.people.request import Request
from atalaia.people.subscribe import (
    Confirmation,
    Enrolled,
    confirm,
    confirm_contact,
    subscribe,
)
from atalaia.ports import Home
from atalaia.settings import Settings

Named: TypeAlias = str | Contact
"""A pseudonym; or a contact, for who writes from it and so needs no other proof of who they are."""

Owned: TypeAlias = Named | Signed
"""The same; or a link that was shown: what is done by it is done while it is good, or not."""

log = Logger(about="security")


class PeopleService:
    """People of a home, and what can be asked of them. Times are Unix seconds.

    All of it blocks, and may be called from any thread. Raises ValueError, with the next step and
    without any address, for what cannot be asked for; StateConflict where the home cannot be used.
    Who sends is woken where there may be something new for them.

    registry the people themselves
    rules    by which limits of one's own are read
    brought  by which addresses of plug-ins' channels are
    is_open  addresses may be taken: somebody is named who answers for them
    places   that are watched here (None: the settings' own)
    terms    by language, on which somebody subscribes
    addresses    what is asked of one address: another beside others, a link anew
    manage   a link's signed token, by which they manage what is theirs; not to be kept or logged
    """

    def __init__(
        self, registry: Registry, home: Home, settings: Settings, places: Places | None = None
    ) -> None:
        self.registry = registry
        self._home = home
        self._settings = settings
        self.rules = settings.rules
        self.brought = settings.channels.brought
        self.is_open = registry.is_open
        self.addresses = Addresses(registry, home, settings)
        self.terms = self.addresses.terms
        self.manage = partial(manage.sign, registry)
        self.places = settings.places if places is None else places

    # To be told

    def words(self, language: str) -> str:
        """What somebody agrees to who is to be told, word for word."""
        return self.registry.words(language).text

    def notes(self, request: Request) -> list[str]:
        """Why nothing will come of parts of a request as things are, with the next step."""
        return [
            *closed_channels(self._settings, request),
            *unwatched(request.where, self.places),
        ]

    def subscribe(self, request: Request, now: int) -> Enrolled:
        """Keep a request, and ask the addresses that are not proven for a code. Who has stopped is
        told again. A target whose writing alone shows that it lies inside is refused, and so is
        every address where nobody is named who answers for it."""
        check_open(self.registry, request)
        for contact in request.contacts:
            check_target(contact, self._settings.channels)
        admitted = partial(admit, self.registry, self._settings)
        done = subscribe(self.registry, request, now, admitted)
        for message in (*done.asks, *done.notices):
            self._home.outbox.put(message)
        self._home.wake("normal")
        if request.is_own:
            _by_talking(request.contacts[0], "subscribe")
        return done

    def confirm(
        self, who: Named, code: str, now: int, *, is_theirs: bool | Signed = False
    ) -> Confirmation | None:
        """Take the code that a contact was sent: from then on it is told. None: it is not its.

        is_theirs    who gives it has shown to be this person (by this link, while it is good), and
                     wants the contact beside those that they have
        """

        def went_out(message: str) -> bool:
            found = self._home.outbox.message(message)
            return found is not None and may_have_gone(found, now)

        if isinstance(who, Contact):
            done = confirm_contact(self.registry, who, code, now, went_out)
        else:
            done = confirm(
                self.registry, who, code, now, went_out, is_theirs=manage.joins(is_theirs)
            )
        _by_talking(who, "confirm", "changed" if done else "refused")
        if done is None:
            return None
        for message in done.notices:
            self._home.outbox.put(message)
        self._home.wake("normal")
        return done

    # What is kept of them

    def person(self, who: Named) -> Person | None:
        """Who is told; None: nobody, or they stopped, or did not confirm yet."""
        pseudonym = self._told(who)
        return self.registry.person(pseudonym) if pseudonym else None

    def is_kept(self, who: Named) -> bool:
        """Whether anything is kept under this name; of a contact: that it alone may speak for."""
        if isinstance(who, Contact):
            return bool(_own(self.registry, who))
        return self.registry.people.person(who) is not None

    def export(self, who: Owned) -> bytes | None:
        """All that is kept of them, as JSON; None: nothing.

        To a link or a contact the addresses of other channels are not told: those that it is of
        alone are proven.
        """
        channels: Sequence[str] | None = None
        pseudonym: str | None
        if isinstance(who, Contact):
            pseudonym = next(iter(_own(self.registry, who)), None)
            channels = (who.channel,)
        elif isinstance(who, Signed):
            pseudonym, channels, _ = who
        else:
            pseudonym = who
        held = self.registry.held(pseudonym) if pseudonym else None
        if held is None or (isinstance(who, Signed) and not who.is_good(held)):
            return None
        _by_talking(who, "export", "read")
        return export(self.registry, self._home, held, channels)

    def is_whole(self, pseudonym: str, channels: Sequence[str]) -> bool:
        """Whether these are all the channels by which they confirmed anything."""
        held = self.registry.held(pseudonym)
        return held is not None and manage.is_whole(held, channels)

    def make_key(self, pseudonym: str, now: int) -> str:
        """A key of their own for the API, shown this once; an older one ends."""
        return manage.make_key(self.registry, pseudonym, now)

    def whose(self, key: str, now: int) -> str | Signed | None:
        """Who this key of their own is of, or the link whose token it is; None: it is nobody's (any
        more)."""
        return manage.whose(self.registry, key, now) or manage.who(self.registry, key)

    # What they change

    def change(self, who: Owned, wanted: ChangeWanted, now: int) -> bool:
        """Change how they are told, and of what. By a link their other contacts are told so, as
        they did not earn it. False: there is nobody to tell, or the link had ended."""
        check_reach(wanted.where, self.places)
        pseudonym = who.pseudonym if isinstance(who, Signed) else self._told(who)
        if pseudonym is None:
            return False

        def may(held: Held) -> bool:
            is_good = not isinstance(who, Signed) or who.is_good(held)
            return is_good and bool(held.kept.person.channels)

        before = update(self.registry, pseudonym, wanted, now, may)
        if before is not None and isinstance(who, Signed):
            for message in notices_of(before, who.channels, now):
                self._home.outbox.put(message)
        return self._woken(before is not None, who, "change")

    def stop(self, who: Named, now: int, channel: str | None = None) -> bool:
        """Tell them no more by this channel (a contact: by its own; None: by any), and keep the
        rest. False: they were not told that way."""
        pseudonym = self._told(who)
        by = who.channel if isinstance(who, Contact) else channel
        is_new = bool(pseudonym) and self.registry.stop(str(pseudonym), by, now)
        return self._woken(is_new, who, "stop")

    def stop_by(self, link: Signed, channel: str | None, now: int) -> Signed | None:
        """The same by their link, which ends with it. Return the link of after, for the channels
        that are left; None: they were not told that way, or the link had ended."""
        if not self.registry.stop(link.pseudonym, channel, now, link.is_good):
            return None
        self._home.wake("normal")
        left = tuple(name for name in link.channels if channel not in (None, name))
        return Signed(link.pseudonym, left, link.epoch + 1)

    def erase(self, who: Owned, now: int) -> bool:
        """Forget them: key, contacts, subscriptions, messages. False: nothing was kept, or the link
        had ended."""
        if isinstance(who, Contact):
            own = _own(self.registry, who)
            may = partial(_may_forget, who)
            # What was their own may be somebody else's by now: then the address leaves it.
            gone = [
                (pseudonym in own and self.registry.erase(pseudonym, now, may))
                or self.registry.leave(pseudonym, who, now)
                for pseudonym in self.registry.holders(who)
            ]
        elif isinstance(who, Signed):
            gone = [self.registry.erase(who.pseudonym, now, who.is_good)]
        else:
            gone = [self.registry.erase(who, now)]
        return self._woken(any(gone), who, "erase")

    def acknowledge(self, who: Named, message: str, now: int) -> bool:
        """Note that they read it: it goes by no further channel. False: it is not theirs, or is
        not kept any more."""
        pseudonym = self._told(who)
        outbox = self._home.outbox
        is_new = bool(pseudonym) and outbox.acknowledge(str(pseudonym), message, now)
        return self._woken(is_new, who, "acknowledge")

    def undelivered(self, message: str, reason: str, now: int) -> None:
        """A message that a channel took did not arrive after all: it goes by the next one."""
        if self._home.outbox.fail(message, reason, now):
            self._home.wake("normal")

    # Who is meant

    def pseudonym(self, text: str) -> str:
        """Whose pseudonym or contact (``email:name@example.org``) this is, written down."""
        if text.startswith("p_"):
            return text
        holders = self.registry.holders(read_contact(text, self.brought))
        if not holders:
            raise ValueError("nobody has this contact; give a pseudonym (p_…) or channel:address")
        if len(holders) > 1:
            raise ValueError(
                f"several ask for this contact: {', '.join(holders)}; name one of them"
            )
        return holders[0]

    def _told(self, who: Named) -> str | None:
        """Who is told by a contact that they confirmed."""
        return self.registry.find(who) if isinstance(who, Contact) else who

    def _woken(self, is_new: bool, who: Owned, what: str) -> bool:
        """Wake who sends, if there is something new by this."""
        if is_new:
            self._home.wake("normal")
            _by_talking(who, what)
        return is_new


def _by_talking(who: Owned, what: str, outcome: str = "changed") -> None:
    """Log it, if it was done from a contact itself."""
    if isinstance(who, Contact):
        tell = log.warning if outcome == "refused" else log.info
        tell(outcome, key="its own", channel=who.channel, what=what)


def _own(registry: Registry, contact: Contact) -> list[str]:
    """All that this contact alone may speak for: see `_may_forget`; whose it is comes first."""
    owner = registry.find(contact)
    held = ((p, registry.held(p)) for p in registry.holders(contact))
    own = [p for p, one in held if one is not None and _may_forget(contact, one)]
    return sorted(own, key=lambda pseudonym: pseudonym != owner)


def _may_forget(contact: Contact, held: Held) -> bool:
    """Whether this is who confirmed the contact, or a request for it under which nobody confirmed
    anything. What waits beside somebody else's contacts is theirs.

    By what was read of them at once: looked up besides, it could be somebody else's by then.
    """
    return held.has_confirmed(contact) or not is_somebody(held)
