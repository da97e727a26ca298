"""What is found in a payload of warnings: what can be used, where more is, and what cannot."""

from __future__ import annotations

from string import ascii_letters, digits
from urllib.parse import SplitResult, urlsplit

import msgspec

from atalaia.domain.official import Official
from atalaia.domain.payload import Reject
from atalaia.domain.place import Places
from atalaia.sources.rejects import Rejects, shown

MOST_WARNINGS = 5_000
"""Of one payload."""
MOST_LINKS = 2_000

TYPES = ("Alert", "Update", "Cancel")
_NO_WARNINGS = ("Ack", "Error")
_FORM_OF_ASCII = str.maketrans(dict.fromkeys(digits, "0") | dict.fromkeys(ascii_letters, "a"))
_STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")


class Link(msgspec.Struct, frozen=True):
    """Where an index leads; `digest` is of the entry, so that a change of it is noticed."""

    url: str
    digest: str


class Found(msgspec.Struct, frozen=True):
    """What a payload holds: warnings, and links to more."""

    officials: tuple[Official, ...] = ()
    links: tuple[Link, ...] = ()
    rejects: tuple[Reject, ...] = ()


class WarningsFound:
    """Takes down what is found in a payload.

    received_at    of the payload, Unix seconds
    forms          of codes that may name a watched place: `forms_of`
    """

    def __init__(self, received_at: int, rejects: Rejects, forms: frozenset[str]) -> None:
        self.received_at = received_at
        self._rejects = rejects
        self._forms = forms
        self._officials: list[Official] = []
        self._links: list[Link] = []

    def all(self) -> Found:
        """What was found so far."""
        return Found(tuple(self._officials), tuple(self._links), tuple(self._rejects.listed()))

    def link(self, url: str, digest: str) -> None:
        """More may be there."""
        if len(self._links) < MOST_LINKS:
            self._links.append(Link(url, digest))
        else:
            self._rejects.add("too many links", f"more than {MOST_LINKS}")

    def is_warning(self, status: str, type_: str) -> bool:
        """Whether it warns the public; words that CAP does not have are told."""
        if status not in _STATUSES or type_ not in (*TYPES, *_NO_WARNINGS):
            self._rejects.add("not a CAP message", f"{shown(status)}, {shown(type_)}")
        return status == "Actual" and type_ in TYPES

    def refers(self, type_: str, identifier: str, references: tuple[str, ...]) -> tuple[str, ...]:
        """The names that a message refers to; one that goes on with nothing is told."""
        if type_ != "Alert" and not references:
            self._rejects.add("refers to nothing", f"{type_} {shown(identifier)}")
        return references

    def keep(self, official: Official, *, is_whole: bool = True) -> None:
        """`is_whole`: nothing more is to come of it, from behind a link."""
        if len(self._officials) >= MOST_WARNINGS:
            self._rejects.add("too many warnings", f"more than {MOST_WARNINGS}")
            return
        ends_at = official.expires_at
        if ends_at and ends_at < official.sent_at and is_whole and not official.is_end:
            # A slip: it was sent to be heeded. It stands as one that does not say until when.
            self._rejects.add("expires before it was sent", _named(official))
            official = msgspec.structs.replace(official, expires_at=0)
        if is_whole and not official.is_end and not self._is_placed(official):
            self._rejects.add("could not be placed", _named(official))
        self._officials.append(official)

    def _is_placed(self, official: Official) -> bool:
        """Whether it says where it holds in a way that tells which watched places it covers."""
        return any(
            area.polygons
            or area.circles
            or any(_form(code) in self._forms for _, code in area.geocodes)
            for area in official.areas
        )


def forms_of(places: Places) -> frozenset[str]:
    """The forms of codes that may name a watched place: of another form than all of their ids,
    a code says nothing of where they lie."""
    return frozenset(_form(place.id) for place in places)


def _form(code: str) -> str:
    """What a code looks like, with ``0`` for digits and ``a`` for letters: ``a0000``."""
    if code.isascii():
        return code.translate(_FORM_OF_ASCII)
    return "".join("0" if each.isdigit() else "a" if each.isalpha() else each for each in code)


def _named(official: Official) -> str:
    """A warning for who reads of it that it could not be used."""
    event = official.texts[0].event if official.texts else official.type
    areas = ", ".join(area.description for area in official.areas if area.description)
    return f"{shown(official.identifier)}: {event[:40]}; {areas[:60]}"


def parts_of(link: str) -> SplitResult:
    """A link's parts; all empty where it is none (half of an IPv6 address, say)."""
    try:
        return urlsplit(link)
    except ValueError:
        return urlsplit("")
