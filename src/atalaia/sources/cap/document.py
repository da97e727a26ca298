"""CAP messages, and the indexes that lead to them: Atom and RSS."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from lxml import etree  # type: ignore[import-untyped]

from atalaia.domain.issued import hazard_of
from atalaia.domain.official import Official, OfficialArea, OfficialText
from atalaia.sources.cap.fields import Fields
from atalaia.sources.cap.found import MOST_WARNINGS, WarningsFound, parts_of
from atalaia.sources.cap.inmet_items import take_item
from atalaia.sources.cap.tree import (
    all_of,
    children,
    is_cap,
    name_of,
    own_text,
    pairs,
    space_of,
    text_of,
)
from atalaia.sources.rejects import Rejects, Unreadable, shown

MOST_POINTS = 100_000
"""Of all polygons of one warning."""

_IBGE = re.compile(r"\((\d{7})\)")
_MOST_ALIKE = 16
"""Parts of one message with the same facts among which a language is looked for."""
_LIST = re.compile(r"[\s,;]+")
_EXCLUDED = "exclude_polygon"
"""DWD's geocode for a hole."""


class XmlReader:
    """Reads one document."""

    def __init__(self, found: WarningsFound, fields: Fields, rejects: Rejects) -> None:
        self._found = found
        self._fields = fields
        self._rejects = rejects

    def read(self, root: Any) -> None:
        """A CAP message, an index, or one item of one."""
        kind = name_of(root)
        if kind == "alert":
            self._message(root)
        elif kind in ("feed", "rss", "RDF", "item", "entry"):
            entries = [root] if kind in ("item", "entry") else all_of(root, "entry", "item")
            for entry in entries[:MOST_WARNINGS]:
                self._entry(entry)
            if len(entries) > MOST_WARNINGS:
                self._rejects.add("too many warnings", f"{len(entries)}, at most {MOST_WARNINGS}")
        else:
            raise Unreadable("neither CAP nor an index of it", f"<{kind[:40]}>")

    def _entry(self, entry: Any) -> None:
        """An entry of an index: the message within it, what it says itself, where it leads."""
        within = [node for node in all_of(entry, "alert") if is_cap(node)]
        if within:
            for node in within:
                self._message(node)
            return
        is_told = name_of(entry) == "item" and take_item(entry, self._found, self._fields)
        if url := _link_of(entry):
            digest = hashlib.blake2b(etree.tostring(entry), digest_size=8).hexdigest()
            self._found.link(url, digest)
        elif not is_told:
            self._rejects.add("no link to a message", f"entry {shown(text_of(entry, 'title'))}")

    def _message(self, alert: Any) -> None:
        if not is_cap(alert):
            raise Unreadable("neither CAP nor an index of it", f"<alert> of {space_of(alert)!r}")
        identifier, sender = text_of(alert, "identifier"), text_of(alert, "sender")
        type_ = text_of(alert, "msgType")
        is_public = text_of(alert, "scope") in ("Public", "")
        if not self._found.is_warning(text_of(alert, "status"), type_) or not is_public:
            return
        if not identifier or not sender:
            self._rejects.add("no identifier or sender", f"{shown(identifier)} of {shown(sender)}")
            return
        infos = children(alert, "info")
        first = infos[0] if infos else alert
        message = Official(
            identifier=identifier,
            sender=sender,
            issuer=text_of(first, "senderName") or sender,
            type=type_,
            sent_at=self._fields.time(text_of(alert, "sent"), "sent") or self._found.received_at,
            references=self._references(text_of(alert, "references"), type_, identifier),
            web=text_of(first, "web"),
        )
        parts = [self._part(message, info) for info in infos] or [message]
        for number, part in enumerate(_merged(parts)):
            self._found.keep(msgspec.structs.replace(part, part=number))

    def _part(self, message: Official, info: Any) -> Official:
        """What one info says; those that differ in language alone are merged later."""
        text = _text_of(info)
        urgency = text_of(info, "urgency") or "Unknown"
        responses = [own_text(one).casefold() for one in children(info, "responseType")]
        codes = [*pairs(info, "eventCode"), *pairs(info, "parameter")]
        ending = (value for name, value in codes if name.casefold() == "eventendingtime")
        return msgspec.structs.replace(
            message,
            hazard=hazard_of([text.event], codes),
            severity=self._fields.severity(text_of(info, "severity")),
            urgency=urgency,
            certainty=text_of(info, "certainty") or "Unknown",
            is_all_clear=urgency.casefold() == "past" or "allclear" in responses,
            onset_at=self._fields.time(text_of(info, "onset"), "onset")
            or self._fields.time(text_of(info, "effective"), "effective"),
            expires_at=self._fields.time(next(ending, ""), "eventEndingTime")
            or self._fields.time(text_of(info, "expires"), "expires"),
            texts=(text,) if text.event or text.headline or text.description else (),
            areas=self._areas(info),
        )

    def _references(self, text: str, type_: str, identifier: str) -> tuple[str, ...]:
        """``sender,identifier,sent`` with spaces between, as names."""
        found = tuple(each.rpartition(",")[0] for each in text.split() if each.count(",") >= 2)
        return self._found.refers(type_, identifier, found)

    def _areas(self, info: Any) -> tuple[OfficialArea, ...]:
        """Each once."""
        found: dict[OfficialArea, None] = {}
        left = MOST_POINTS
        for node in children(info, "area"):
            geocodes = list(pairs(node, "geocode"))
            holes = [value for name, value in geocodes if name.casefold() == _EXCLUDED]
            rings = [self._fields.ring(own_text(one)) for one in children(node, "polygon")]
            excluded = [self._fields.ring(each) for each in holes]
            left -= sum(map(len, filter(None, rings + excluded)))
            if left < 0:
                self._rejects.add("too many points", f"more than {MOST_POINTS}")
                return tuple(found)
            circles = [self._fields.circle(own_text(one)) for one in children(node, "circle")]
            area = OfficialArea(
                description=text_of(node, "areaDesc"),
                polygons=tuple(ring for ring in rings if ring),
                circles=tuple(circle for circle in circles if circle),
                geocodes=tuple(
                    (name, code)
                    for name, value in geocodes
                    if name.casefold() != _EXCLUDED
                    for code in _codes(value)
                ),
                excluded=tuple(ring for ring in excluded if ring),
                altitude_ft=self._fields.feet(text_of(node, "altitude"), "altitude"),
                ceiling_ft=self._fields.feet(text_of(node, "ceiling"), "ceiling"),
            )
            found[area] = None
        # INMET lists municipalities in a parameter: ``Abaré - BA (2900207), …``
        for name, value in pairs(info, "parameter"):
            codes = _IBGE.findall(value) if name.casefold() == "municipios" else []
            if codes:
                found[OfficialArea(geocodes=tuple(("IBGE", code) for code in codes))] = None
        return tuple(found)


def _codes(value: str) -> list[str]:
    """The codes of a geocode, which may list several."""
    several = [each for each in _LIST.split(value) if each]
    are_codes = all(any(letter.isdigit() for letter in each) for each in several)
    return several if are_codes else [value]


def _text_of(info: Any) -> OfficialText:
    return OfficialText(
        text_of(info, "language") or "en-US",
        text_of(info, "event"),
        text_of(info, "headline"),
        text_of(info, "description"),
        text_of(info, "instruction"),
    )


def _merged(parts: Iterable[Official]) -> list[Official]:
    """Those that differ in language alone, as one each."""
    found: list[Official] = []
    languages: list[set[str]] = []
    by_facts: dict[tuple[object, ...], list[int]] = {}
    for part in parts:
        own = {text.language.casefold() for text in part.texts}
        same = by_facts.setdefault(_facts(part), [])
        number = next((n for n in same[-_MOST_ALIKE:] if not languages[n] & own), None)
        if number is None:
            same.append(len(found))
            found.append(part)
            languages.append(own)
            continue
        first = found[number]
        languages[number] |= own
        found[number] = msgspec.structs.replace(
            first, texts=first.texts + part.texts, hazard=first.hazard or part.hazard
        )
    return found


def _facts(part: Official) -> tuple[object, ...]:
    """All of a part but its words: languages name events and areas in their own way."""
    said = (part.severity, part.urgency, part.certainty, part.is_end, part.onset_at)
    return (*said, part.expires_at, tuple(area.where for area in part.areas))


def _link_of(entry: Any) -> str:
    """Where an entry's CAP message is: a link or an enclosure that says so by its media type or
    ending; else in RSS the link. Empty: nowhere."""
    is_item = name_of(entry) == "item"
    links = [(one.get("type", ""), one.get("href", "")) for one in children(entry, "link")]
    links += [(one.get("type", ""), one.get("url", "")) for one in children(entry, "enclosure")]
    links += [("", own_text(one)) for one in children(entry, "link") if own_text(one)]
    for media, url in links:
        if url and "cap+xml" in media:
            return str(url)
    for _, url in links:
        if parts_of(url).path.casefold().endswith((".xml", ".cap")):
            return str(url)
    return text_of(entry, "link") if is_item else ""
