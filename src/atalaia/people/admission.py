"""Whether addresses may be taken, and codes go out: each is a message to somebody who may not have
asked for it.

Three limits, apart from those of alerts: what one address gets, whoever asks; what all get whose
request came without a key; and what codes may cost by a channel that costs. A stranger who uses one
up delays other strangers, and no alert.
"""

from __future__ import annotations

from collections.abc import Sequence

from atalaia.domain.contact import Contact
from atalaia.people.registry import Registry
from atalaia.people.request import OPEN, Request
from atalaia.people.rows import INBOX
from atalaia.people.tally import (
    CODES_A_DAY,
    CODES_A_MONTH,
    DAY_S,
    MONTH_S,
    is_free,
    take_code,
    take_of_all,
)
from atalaia.settings import Settings

_PHONES = ("sms", "whatsapp")


def check_open(registry: Registry, request: Request) -> None:
    """Raises ValueError, with the next step, for addresses that nobody can be said to answer for:
    who gives one could not agree to anything."""
    if not registry.is_open and any(contact.channel != INBOX for contact in request.contacts):
        raise ValueError(
            "nobody is named who answers for people's data, so that nobody can agree to it: "
            "whoever runs this sets people.controller and people.contact, and starts it again"
        )


def admit(
    registry: Registry,
    settings: Settings,
    request: Request,
    contacts: Sequence[Contact],
    now: int,
) -> None:
    """Count a code to each of these contacts. Raises ValueError, with the next step and without
    any address, where one may not be sent."""
    take(registry, settings, contacts, now, is_open=request.how == OPEN)


def take(
    registry: Registry,
    settings: Settings,
    contacts: Sequence[Contact],
    now: int,
    *,
    is_open: bool,
) -> None:
    """The same, also of a link that is asked for; `is_open`: by anybody, without a key."""
    people, lookups = registry.people, registry.lookups
    if is_open:
        for contact in contacts:
            _check_country(contact, settings.people.countries)
    for contact in contacts:
        if not is_free(people, lookups, contact, now):
            raise ValueError(_ENOUGH.format(channel=contact.channel))
    for contact in contacts:
        if is_open and not take_of_all(
            people, lookups, "open", settings.people.codes_a_day, DAY_S, now
        ):
            raise ValueError("too many asked for codes today; ask again tomorrow")
        most = _affordable(settings, contact.channel)
        if most is not None and not take_of_all(
            people, lookups, contact.channel, most, MONTH_S, now
        ):
            raise ValueError(
                f"{contact.channel}: the money for codes is used up; give another channel, or "
                "write to the bot"
            )
        if not take_code(people, lookups, contact, now):
            raise ValueError(_ENOUGH.format(channel=contact.channel))


_ENOUGH = (
    "{channel}: this address was sent "
    f"{CODES_A_DAY} codes in a day, or {CODES_A_MONTH} in a month; confirm with the newest one, or "
    "ask again tomorrow"
)


def _check_country(contact: Contact, countries: Sequence[str]) -> None:
    if contact.channel not in _PHONES or not countries:
        return
    if not contact.address.startswith(tuple(countries)):
        raise ValueError(
            f"{contact.channel}: numbers of {', '.join(countries)} are texted here, and no others "
            "(people.countries); give another channel"
        )


def _affordable(settings: Settings, channel: str) -> int | None:
    """How many codes a month this channel's budget for them pays; None: they cost nothing."""
    sms = settings.channels.sms
    if channel != "sms" or sms is None or not sms.price_usd:
        return None
    return int(sms.codes_usd_a_month / sms.price_usd + 1e-9)
