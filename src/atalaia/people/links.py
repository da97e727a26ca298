"""A fresh link for who lost theirs: they give their address, and it comes there and nowhere else.

Whoever asks finds out nothing. Addresses that somebody has and those that nobody has are counted
and refused alike, and the same is written for both: one message to one pseudonym, theirs or a new
one of nobody. Which of the two it was shows when its letter is to be written, to nobody but who
sends. The link is the message's own (`answering`), so that it opens what this contact earned.
"""

from __future__ import annotations

from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Message, notice
from atalaia.domain.message import LINK
from atalaia.people.admission import take
from atalaia.people.codes import LASTS_S
from atalaia.people.registry import Registry
from atalaia.people.rows import new_pseudonym
from atalaia.settings import Settings

ASKED_BY = ("webpush", "email", "sms", "telegram")
"""Channels by which a link can come."""


def link_for(registry: Registry, settings: Settings, contact: Contact, now: int) -> Message:
    """The message to who has this contact, counted as a code to it is. Raises ValueError, with the
    next step and without any address, where none may go."""
    if not settings.api.url:
        raise ValueError(
            "no links can be made: whoever runs this sets api.url to where it is reached, and "
            "starts it again"
        )
    if contact.channel not in ASKED_BY or contact.channel not in settings.channels.names:
        on = [name for name in ASKED_BY if name in settings.channels.names]
        raise ValueError(
            f"no link comes by {contact.channel}; give an address of {', '.join(on) or 'none'}, "
            "or write to the bot"
        )
    take(registry, settings, (contact,), now, is_open=True)
    nobody = new_pseudonym()
    person = registry.find(contact) or nobody
    return notice(person, contact.channel, f"link {now}", LINK, now, LASTS_S)
