"""What is known of messages, heard or only referred to: which are of one warning, which is newer.

A feed lists its messages in any order, and one that is older than what was heard may come any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from atalaia.domain.official import Official

FORGET_AFTER_S = 7 * 86_400
"""How long what is over is remembered, so that a feed that still lists it does not open it."""

_LONGEST_MEMORY_S = 90 * 86_400
"""The longest that a warning's own end is waited for with that."""

MOST_NAMES = 500
"""Messages that one message may refer to."""


class _Dated(Protocol):
    """What decides which of two messages is newer."""

    @property
    def name(self) -> str: ...
    @property
    def sent_at(self) -> int: ...
    @property
    def is_end(self) -> bool: ...
    @property
    def references(self) -> tuple[str, ...]: ...


class Mention(msgspec.Struct):
    """What is known of one message, heard or only referred to.

    sent_at      as it was heard; -1: it was not
    is_end       all of it says that something is over
    references   names of the messages that it refers to
    covers       the watched places that it speaks of; None: all of what it refers to
    kin          names of the messages heard that refer to it, directly or through others
    until        how long it may still be listed
    """

    name: str
    sent_at: int = -1
    is_end: bool = False
    references: tuple[str, ...] = ()
    covers: list[str] | None = []
    kin: list[str] = []
    until: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Mention).decode
MENTION = "name:"
"""State items of messages begin so."""


class Mentions:
    """All messages that are known, kept as state items ``name:…``."""

    def __init__(self) -> None:
        self._known: dict[str, Mention] = {}
        self._touched: set[str] = set()

    def load(self, items: Mapping[str, bytes]) -> None:
        """Take up what was kept. What an older version kept in another form is passed over."""
        for key, body in items.items():
            with suppress(msgspec.ValidationError):
                self._known[key] = _decode(body)
        self._touched.clear()

    def changed_items(self) -> dict[str, bytes | None]:
        """State items that are new since this was asked last; None: it is known no more."""
        known = self._known
        items = {key: _encode(known[key]) if key in known else None for key in self._touched}
        self._touched.clear()
        return items

    def of(self, name: str) -> Mention:
        """What is known of the message of this name: at first nothing but the name."""
        key = MENTION + hashlib.sha256(name.encode()).hexdigest()[:24]
        self._touched.add(key)
        return self._known.setdefault(key, Mention(name))

    def note(
        self, parts: Sequence[Official], covers: Sequence[dict[str, None]], now: int
    ) -> Mention:
        """The message, for those that come after it and are older."""
        message = parts[0]
        mention = self.of(message.name)
        mention.sent_at = message.sent_at
        mention.references = message.references[:MOST_NAMES]
        mention.is_end = all(part.is_end for part in parts)
        is_whole = any(part.is_end and is_of_all(part) for part in parts)
        mention.covers = None if is_whole else [place for cover in covers for place in cover]
        until = max(now, *(min(part.ends_at, now + _LONGEST_MEMORY_S) for part in parts))
        for name in self.line(message.name):
            other = self.of(name)
            other.until = max(other.until, until)
            other.kin = list(dict.fromkeys((*other.kin, message.name, *mention.kin)))
        return mention

    def line(self, name: str) -> dict[str, None]:
        """The name of a message, and of all that it refers to, directly or through others."""
        line, ahead = {name: None}, [name]
        while ahead and len(line) < MOST_NAMES:
            new = [each for each in self.of(ahead.pop()).references if each not in line]
            line.update(dict.fromkeys(new))
            ahead += new
        return line

    def is_past(self, mention: Mention, line: Iterable[str]) -> Callable[[str], bool]:
        """Whether something newer of the same warning was heard before that speaks of a place, or
        took its place everywhere."""
        newer = self._newer(mention, line)
        if any(mention.name in one.references and not one.is_end for one in newer):
            return lambda _place: True
        return _spoken_by(newer)

    def _newer(self, mention: Mention, line: Iterable[str]) -> list[Mention]:
        names = dict.fromkeys(name for each in line for name in self.of(each).kin)
        return [one for name in names if is_newer(one := self.of(name), mention)]

    def spoken_since(self, name: str) -> Callable[[str], bool]:
        """Whether a newer message of the same warning speaks of a place."""
        return _spoken_by(self._newer(self.of(name), self.line(name)))

    def forget(self, now: int, is_standing: Callable[[str], bool]) -> None:
        """Drop what nothing lists any more, by the message's name but for those that stand."""
        for key, mention in list(self._known.items()):
            if mention.until + FORGET_AFTER_S < now and not is_standing(mention.name):
                del self._known[key]
                self._touched.add(key)


def _spoken_by(messages: Sequence[Mention]) -> Callable[[str], bool]:
    """Whether one of these speaks of a place."""
    if any(one.covers is None for one in messages):
        return lambda _place: True
    over = {place for one in messages for place in one.covers or ()}
    return lambda place: place in over


def is_of_all(end: Official) -> bool:
    """Whether an end names no area, and so speaks of all that it refers to."""
    return not any(area.polygons or area.circles or area.geocodes for area in end.areas)


def age_of(message: _Dated) -> tuple[int, bool, str]:
    """Sorts messages: the older first, and of one second the end before what goes on."""
    return message.sent_at, not message.is_end, message.name


def is_newer(one: _Dated, other: _Dated) -> bool:
    """Whether one message is newer than another. Of one second, that which refers to the other;
    else what goes on is newer than an end: a warning was split."""
    if one.sent_at == other.sent_at:
        if other.name in one.references:
            return True
        if one.name in other.references:
            return False
    return age_of(one) > age_of(other)
