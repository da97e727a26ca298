"""Mails that came back end the contact that they were for: a mailbox that is not there is not
written to again, nor is who calls it spam. A mail that did not arrive this once is counted alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from atalaia.channels.ses_returns import returns
from atalaia.domain.contact import Contact, contact_of
from atalaia.people.registry import Registry


def take_back(registry: Registry, texts: Iterable[str], now: int) -> Counter[str]:
    """Do so for what SES tells; told twice, it is done once. Return how many came back, by kind.
    Raises PayloadInvalid, before anything is done, and StateConflict."""
    told: Counter[str] = Counter()
    for one in [found for text in texts for found in returns(text)]:
        told[one.kind] += 1
        contact = None if one.kind == "soft" else _contact(one.address)
        if contact is None:
            continue
        theirs = registry.find(contact)
        for pseudonym in registry.holders(contact):
            if pseudonym != theirs:
                registry.leave(pseudonym, contact, now)
            elif one.kind == "complaint":
                registry.stop(pseudonym, contact.channel, now)
            else:
                registry.gone(pseudonym, contact.channel, now)
    return told


def _contact(address: str) -> Contact | None:
    try:
        return contact_of("email", address)
    except ValueError:
        return None
