"""What of a message is still worth telling: decided when it is written, and before it is sent.

What somebody was told decides what they may be told next. Fan-out says what concerns whom; until a
letter goes, hours may pass (quiet hours, a provider's pause, a process that was down), in which an
incident goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Message, Status
from atalaia.domain.in_part import parts_of
from atalaia.domain.official import RULE
from atalaia.domain.subscription import Person
from atalaia.ports import Notice

OVER = "it was over before it could be told"
NEWER = "something newer took its place"
SILENCED = "it is silenced"
ELSEWHERE = "it was told by another channel"
EXPIRED = "it had expired before it could be sent"
NEVER_HEARD = "its beginning was never told"
LEFT_OUT = "it was left out of a message that may have arrived"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one alert of a message.

    newest    the last entry of its incident that is fanned out
    told      what its person was told, or is about to be told, of the incident
    is_concerned    whether the incident as it stands would be told to the person as news
    is_still_followed    whether the person follows a warning at any of the alert's places where it
                    stands yet, however it has eased
    stands_besides  the same at those of which nothing newer speaks: there it stands, or is over, as
                    the alert says
    """

    entry: LogEntry
    newest: LogEntry
    told: Sequence[Notice]
    is_concerned: Callable[[], bool]
    is_still_followed: Callable[[], bool]
    stands_besides: Callable[[], bool]


def why_not(facts: Facts, message: Message, person: Person) -> str:
    """Why the alert is left out of the message; empty: it is to be told."""
    alert = facts.entry.alert
    others = [one for one in facts.told if one.message != message.id]
    if facts.newest.alert.version > alert.version and _is_over(facts):
        return OVER
    # What died, or came too late, has told nothing; what was dropped gave way to what it knew of.
    tell = [one for one in others if one.status not in (Status.DEAD, Status.LATE)]
    is_newer = any(one.version > alert.version for one in tell)
    # What a silence kept back has a message of its own once that ends.
    same = (one for one in tell if one.version == alert.version)
    is_told_anew = any(one.channel == message.channel for one in same)
    if is_told_anew or (is_newer and not (alert.rule == RULE and facts.stands_besides())):
        return NEWER
    before = [one for one in others if one.version < alert.version]
    heard = {one.channel for one in before if one.is_heard}
    if message.channel not in heard and _was_told_elsewhere(facts, message, person, heard):
        return ELSEWHERE
    if alert.is_over and not heard and not has_failed(facts):
        return NEVER_HEARD
    # It goes to them for what came before it, of which they never heard: is it news by itself?
    is_for_before = bool(before) or alert.reason == "eased"
    if is_for_before and not alert.is_over and not heard and not facts.is_concerned():
        return NEVER_HEARD
    return ""


def _is_over(facts: Facts) -> bool:
    """Whether the incident has ended since, where it would concern the person."""
    if facts.newest.alert.rule != RULE:
        return facts.newest.alert.is_over
    # A warning may end here and go on there; that it is over here stays worth telling.
    return not facts.entry.alert.is_over and not facts.is_still_followed()


def where_it_stands(entry: LogEntry, newest: LogEntry) -> LogEntry:
    """A warning's entry, of those of its places alone over which the newest one lets it stand."""
    standing = newest.still if newest.alert.is_over else (*newest.places, *newest.still)
    places = tuple(place for place in entry.places if place in standing)
    return msgspec.structs.replace(entry, places=places)


def where_it_has_the_last_word(entry: LogEntry, life: Sequence[LogEntry]) -> LogEntry:
    """A warning's entry, of those of its places alone over which it stands as this entry says, or
    is over. `life` are all entries of its incident so far."""
    if entry.alert.is_over:
        version = entry.alert.version
        since = {place for one in life if one.alert.version > version for place in one.places}
        places = tuple(place for place in entry.places if place not in since)
        return msgspec.structs.replace(entry, places=places)
    parts = {part.alert.version: part.places for _, part in parts_of(enumerate(life))}
    return msgspec.structs.replace(entry, places=parts.get(entry.alert.version, ()))


def as_it_stands(entry: LogEntry, life: Sequence[LogEntry]) -> LogEntry:
    """A warning's entry where it has the last word, and over which others it stands by now."""
    places = where_it_has_the_last_word(entry, life).places
    standing = [place for _, part in parts_of(enumerate(life)) for place in part.places]
    still = tuple(place for place in standing if place not in places)
    return msgspec.structs.replace(entry, places=places, still=still)


def has_failed(facts: Facts) -> bool:
    """Whether its person was to be told of the incident before, and nothing reached them."""
    before = [one for one in facts.told if one.version < facts.entry.alert.version]
    return any(one.status == Status.DEAD for one in before) and not any(
        one.is_heard for one in before
    )


def _was_told_elsewhere(facts: Facts, message: Message, person: Person, heard: set[str]) -> bool:
    """Whether another channel has the same for the person, and this one is not needed for it.

    An end or an easing is for the channels that told of the beginning. What was put off here was
    handed on to a later channel, and went.
    """
    alert = facts.entry.alert
    same = [
        one for one in facts.told if one.version == alert.version and one.channel != message.channel
    ]
    if alert.is_over or alert.reason == "eased":
        return any((one.is_heard or one.is_coming) and one.channel in heard for one in same)
    order = person.channels
    mine = order.index(message.channel) if message.channel in order else len(order)
    return any(one.is_heard and one.channel in order[mine + 1 :] for one in same)
