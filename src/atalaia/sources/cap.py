"""Official warnings as services publish them → `domain.official`, word for word.

Payload → here → speed layer. Read are CAP 1.0 to 1.2 (alone, or within Atom or RSS), the indexes
themselves (Atom and RSS, which lead to CAP messages), INMET's RSS items, and the GeoJSON of the US
National Weather Service. XML comes from strangers: no document type, no entity and no network is
let in, and everything is bounded.

Passed over without a word is what is not for the public: other statuses than Actual, other scopes
than Public, acknowledgements and errors. What was meant for the public and cannot be used is told,
each with its reason: one bad field costs itself, and at most its warning.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
from lxml import etree  # type: ignore[import-untyped]

from atalaia.domain.issued import hazard_of
from atalaia.domain.official import (
    LEVELS,
    Official,
    OfficialArea,
    OfficialText,
    Ring,
    name_of,
)
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import Decode, Decoded, Readings
from atalaia.sources.body import read_json, shown_start
from atalaia.sources.decoding import Wanted, is_answer, plain_error
from atalaia.sources.rejects import Rejects, Unreadable, shown

NAME = "cap"
FEED = "feed"
"""Content of what an address of the settings answered."""
MESSAGE = "message"
"""Content of what an index led to."""
UNFOLLOWED = "unfollowed"
"""Content of what the poller says of links that it does not follow: a list of [reason, link]."""

MOST_BYTES = 16_000_000
MOST_WARNINGS = 5_000
"""Of one payload."""
MOST_LINKS = 2_000
MOST_POINTS = 100_000
"""Of all polygons of one warning."""

_CAP = re.compile(r"urn:oasis:names:tc:emergency:cap:1\.[012]|http://www\.incident\.com/cap/1\.0")
_END_OF_DAY = re.compile(r"(?<=T)24(?=:00:00(?:\.0+)?(?:$|[+Z-]))")
"""XML's other name for the start of the next day."""
_IBGE = re.compile(r"\((\d{7})\)")
_NO_CHARACTER = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,8}));|[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""A reference to a character, or one that XML does not have."""
_BRASILIA = timezone(timedelta(hours=-3))
_INMET_SEVERITY = {
    "perigo potencial": "Moderate",
    "perigo": "Severe",
    "grande perigo": "Extreme",
}
_TYPES = ("Alert", "Update", "Cancel")
_NO_WARNINGS = ("Ack", "Error")
_STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
_SEVERITIES = {word.casefold(): word for word in LEVELS}
_MOST_ALIKE = 16
"""Parts of one message with the same facts among which a language is looked for."""
_LATEST = 253_370_764_800
"""9999-01-01: local clocks and sums of a day are still within the calendar there."""
_LIST = re.compile(r"[\s,;]+")
_EXCLUDED = "exclude_polygon"
"""DWD's geocode for a hole."""


class Link(msgspec.Struct, frozen=True):
    """Where an index leads; `digest` is of the entry, so that a change of it is noticed."""

    url: str
    digest: str


class Found(msgspec.Struct, frozen=True):
    """What a payload holds: warnings, and links to more."""

    officials: tuple[Official, ...] = ()
    links: tuple[Link, ...] = ()
    rejects: tuple[Reject, ...] = ()


def decoder(places: Places) -> Decode:
    """Warnings are no readings: no rows come out, and what cannot be used is told."""
    forms = forms_of(places)

    def decode(payloads: Sequence[Payload], _wanted: Wanted) -> Decoded:
        found = [(payload.received_at, read(payload, forms)) for payload in payloads]
        return Decoded(
            Readings.empty(),
            [reject for _, one in found for reject in one.rejects],
            [(received_at, official) for received_at, one in found for official in one.officials],
        )

    return decode


def forms_of(places: Places) -> frozenset[str]:
    """The forms of codes that may name a watched place: of another form than all of their ids,
    a code says nothing of where they lie."""
    return frozenset(_form(place.id) for place in places)


def read(payload: Payload, forms: frozenset[str] = frozenset()) -> Found:
    """All that one payload holds. Never raises for what is in it. `forms` are `forms_of`."""
    rejects = Rejects(payload.source)
    if payload.failure is not None:
        if payload.content == MESSAGE:
            rejects.add("message could not be had", payload.failure)
        return Found(rejects=tuple(rejects.listed()))
    if not is_answer(payload):
        return Found(rejects=(plain_error(payload),))
    reading = _Reading(payload.received_at, rejects, forms)
    try:
        if payload.content == UNFOLLOWED:
            reading.unfollowed(read_json(payload.body, rejects))
        elif payload.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
            reading.json(read_json(payload.body, rejects))
        else:
            reading.xml(_parsed(payload.body, rejects))
    except Unreadable as error:
        rejects.add_unreadable(error)
    return Found(tuple(reading.officials), tuple(reading.links), tuple(rejects.listed()))


def _parsed(body: bytes, rejects: Rejects) -> Any:
    """`parse_xml`; characters that XML does not have, or that are none, cost themselves alone."""
    try:
        return parse_xml(body)
    except Unreadable as error:
        mended = _with_characters(body) if error.reason == "not XML" else body
        if mended == body:
            raise
        root = parse_xml(mended)
        rejects.add("not a character of XML", error.detail)
        return root


def _with_characters(body: bytes) -> bytes:
    """UTF-8 in which what is no character of XML is U+FFFD; another encoding as it was."""
    head = body[:200].partition(b"?>")[0].lower()
    if b"encoding" in head and b"utf-8" not in head:
        return body

    def mended(match: re.Match[str]) -> str:
        code = int(match[1], 16) if match[1] else int(match[2] or 0)
        is_one = (
            code in (9, 10, 13)
            or 32 <= code <= 0xD7FF
            or 0xE000 <= code <= 0xFFFD
            or 0x10000 <= code <= 0x10FFFF
        )
        return match[0] if is_one else "\ufffd"

    return _NO_CHARACTER.sub(mended, body.decode("utf-8-sig", "replace")).encode()


_LOST = frozenset(
    (
        "could not be placed",
        "message could not be had",
        "no identifier or sender",
        "no link to a message",
        "not a warning",
        "too many links",
        "too many warnings",
    )
)
"""Reasons that each mean a warning that cannot be used; others cost a field of one."""


def lost(found: Found) -> int:
    """How many warnings of a payload cannot be used."""
    told = sum(reject.reason in _LOST for reject in found.rejects)
    is_empty = not (found.officials or found.links)
    return told or int(is_empty and bool(found.rejects))


def parse_xml(body: bytes) -> Any:
    """The root of an XML document from a stranger. Raises Unreadable.

    A document type is refused outright: CAP has none, and what entities can do needs one.
    """
    if len(body) > MOST_BYTES:
        raise Unreadable("too large", f"{len(body)} bytes, at most {MOST_BYTES}")
    if not body.strip():
        raise Unreadable("empty body")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Unreadable("document type in XML", shown_start(body))
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        is_html = b"<html" in body[:500].lower()
        reason = "HTML instead of XML" if is_html else "not XML"
        raise Unreadable(reason, f"{error}; it begins {shown_start(body)}") from None
    # An encoding that hides it from the search above does not hide it from here.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("document type in XML", shown_start(body))
    return root


class _Reading:
    """What is found in one payload."""

    def __init__(self, received_at: int, rejects: Rejects, forms: frozenset[str]) -> None:
        self.received_at = received_at
        self.rejects = rejects
        self.forms = forms
        self.officials: list[Official] = []
        self.links: list[Link] = []

    def unfollowed(self, value: Any) -> None:
        """What our own poller noted."""
        for reason, link in value if isinstance(value, list) else ():
            self.rejects.add(str(reason), str(link))

    # XML

    def xml(self, root: Any) -> None:
        """A CAP message, an index, or one item of one."""
        kind = _name(root)
        if kind == "alert":
            self._message(root)
        elif kind in ("feed", "rss", "RDF", "item", "entry"):
            entries = [root] if kind in ("item", "entry") else _all(root, "entry", "item")
            for entry in entries[:MOST_WARNINGS]:
                self._entry(entry)
            if len(entries) > MOST_WARNINGS:
                self.rejects.add("too many warnings", f"{len(entries)}, at most {MOST_WARNINGS}")
        else:
            raise Unreadable("neither CAP nor an index of it", f"<{kind[:40]}>")

    def _entry(self, entry: Any) -> None:
        """An entry of an index: the message within it, what it says itself, where it leads."""
        within = [node for node in _all(entry, "alert") if _is_cap(node)]
        if within:
            for node in within:
                self._message(node)
            return
        is_told = _name(entry) == "item" and self._inmet_item(entry)
        url = _link_of(entry)
        if url and len(self.links) < MOST_LINKS:
            digest = hashlib.blake2b(etree.tostring(entry), digest_size=8).hexdigest()
            self.links.append(Link(url, digest))
        elif url:
            self.rejects.add("too many links", f"more than {MOST_LINKS}")
        elif not is_told:
            self.rejects.add("no link to a message", f"entry {shown(_text(entry, 'title'))}")

    def _message(self, alert: Any) -> None:
        if not _is_cap(alert):
            raise Unreadable("neither CAP nor an index of it", f"<alert> of {_space(alert)!r}")
        identifier, sender = _text(alert, "identifier"), _text(alert, "sender")
        type_ = _text(alert, "msgType")
        is_public = _text(alert, "scope") in ("Public", "")
        if not self._is_warning(_text(alert, "status"), type_) or not is_public:
            return
        if not identifier or not sender:
            self.rejects.add("no identifier or sender", f"{shown(identifier)} of {shown(sender)}")
            return
        infos = _children(alert, "info")
        first = infos[0] if infos else alert
        message = Official(
            identifier=identifier,
            sender=sender,
            issuer=_text(first, "senderName") or sender,
            type=type_,
            sent_at=self._time(_text(alert, "sent"), "sent") or self.received_at,
            references=self._references(_text(alert, "references"), type_, identifier),
            web=_text(first, "web"),
        )
        parts = [self._part(message, info) for info in infos] or [message]
        for number, part in enumerate(_merged(parts)):
            self._keep(msgspec.structs.replace(part, part=number))

    def _part(self, message: Official, info: Any) -> Official:
        """What one info says; those that differ in language alone are merged later."""
        text = _text_of(info)
        urgency = _text(info, "urgency") or "Unknown"
        responses = [_own(one).casefold() for one in _children(info, "responseType")]
        codes = [*_pairs(info, "eventCode"), *_pairs(info, "parameter")]
        ending = (value for name, value in codes if name.casefold() == "eventendingtime")
        return msgspec.structs.replace(
            message,
            hazard=hazard_of([text.event], codes),
            severity=self._severity(_text(info, "severity")),
            urgency=urgency,
            certainty=_text(info, "certainty") or "Unknown",
            is_all_clear=urgency.casefold() == "past" or "allclear" in responses,
            onset_at=self._time(_text(info, "onset"), "onset")
            or self._time(_text(info, "effective"), "effective"),
            expires_at=self._time(next(ending, ""), "eventEndingTime")
            or self._time(_text(info, "expires"), "expires"),
            texts=(text,) if text.event or text.headline or text.description else (),
            areas=self._areas(info),
        )

    def _references(self, text: str, type_: str, identifier: str) -> tuple[str, ...]:
        """``sender,identifier,sent`` with spaces between, as names."""
        found = tuple(each.rpartition(",")[0] for each in text.split() if each.count(",") >= 2)
        if type_ != "Alert" and not found:
            self.rejects.add("refers to nothing", f"{type_} {shown(identifier)}")
        return found

    def _areas(self, info: Any) -> tuple[OfficialArea, ...]:
        """Each once."""
        found: dict[OfficialArea, None] = {}
        left = MOST_POINTS
        for node in _children(info, "area"):
            pairs = list(_pairs(node, "geocode"))
            holes = [value for name, value in pairs if name.casefold() == _EXCLUDED]
            rings = [self._ring(_own(one)) for one in _children(node, "polygon")]
            excluded = [self._ring(each) for each in holes]
            left -= sum(map(len, filter(None, rings + excluded)))
            if left < 0:
                self.rejects.add("too many points", f"more than {MOST_POINTS}")
                return tuple(found)
            circles = [self._circle(_own(one)) for one in _children(node, "circle")]
            area = OfficialArea(
                description=_text(node, "areaDesc"),
                polygons=tuple(ring for ring in rings if ring),
                circles=tuple(circle for circle in circles if circle),
                geocodes=tuple(
                    (name, code)
                    for name, value in pairs
                    if name.casefold() != _EXCLUDED
                    for code in _codes(value)
                ),
                excluded=tuple(ring for ring in excluded if ring),
                altitude_ft=self._feet(_text(node, "altitude"), "altitude"),
                ceiling_ft=self._feet(_text(node, "ceiling"), "ceiling"),
            )
            found[area] = None
        # INMET lists municipalities in a parameter: ``Abaré - BA (2900207), …``
        for name, value in _pairs(info, "parameter"):
            codes = _IBGE.findall(value) if name.casefold() == "municipios" else []
            if codes:
                found[OfficialArea(geocodes=tuple(("IBGE", code) for code in codes))] = None
        return tuple(found)

    def _feet(self, text: str, field: str) -> float | None:
        if not text:
            return None
        try:
            feet = float(text)
        except ValueError:
            feet = float("nan")
        if abs(feet) < 100_000:
            return feet
        self.rejects.add("not an altitude", f"{field}: {shown(text)}")
        return None

    def _ring(self, text: str) -> Ring | None:
        """``lat,lon lat,lon …`` as a ring of (longitude, latitude), closed. Spaces may stand after
        the commas, and a height after each pair."""
        pairs = ",".join(part.strip() for part in text.split(",")).split()
        try:
            points = [tuple(map(float, pair.split(","))) for pair in pairs]
        except ValueError:
            points = [()]
        if not all(2 <= len(point) <= 3 for point in points):
            self.rejects.add("not a polygon", shown(text))
            return None
        return self._checked(tuple((point[1], point[0]) for point in points))

    def _checked(self, ring: Ring) -> Ring | None:
        if len(ring) < 3 or not all(_is_on_earth(x, y) for x, y in ring):
            self.rejects.add("not a polygon", f"{len(ring)} points")
            return None
        return ring if ring[0] == ring[-1] else (*ring, ring[0])

    def _circle(self, text: str) -> tuple[float, float, float] | None:
        try:
            point, radius = text.split()
            latitude, longitude = map(float, point.split(","))
            circle = (longitude, latitude, float(radius))
        except ValueError:
            self.rejects.add("not a circle", shown(text))
            return None
        if not _is_on_earth(longitude, latitude) or not 0 <= circle[2] <= 20_100:
            self.rejects.add("not a circle", shown(text))
            return None
        return circle

    def _inmet_item(self, item: Any) -> bool:
        """An item of INMET's RSS: a table of what its CAP message says, without the polygon.

        Returns whether it was one.
        """
        rows = _table(_text(item, "description"))
        type_, event = rows.get("Status", ""), rows.get("Evento", "")
        if type_ not in _TYPES or not event:
            return False
        link = _text(item, "link")
        begins, ends = (self._local(rows.get(name, "")) for name in ("Início", "Fim"))
        official = Official(
            identifier=_text(item, "guid") or link,
            sender=parts_of(link).hostname or "inmet",
            issuer="INMET",
            type=type_,
            sent_at=begins or self.received_at,
            hazard=hazard_of([event]),
            severity=_INMET_SEVERITY.get(rows.get("Severidade", "").casefold(), "Unknown"),
            onset_at=begins,
            expires_at=ends,
            texts=(OfficialText("pt-BR", event, _text(item, "title"), rows.get("Descrição", "")),),
            areas=(OfficialArea(rows.get("Área", "")),),
            web=rows.get("Link Gráfico", "") or link,
        )
        # Where it holds is in the message behind its link.
        self._keep(official, is_whole=not link)
        return True

    # GeoJSON of the US National Weather Service

    def json(self, value: Any) -> None:
        """A collection of features, or one."""
        features = value.get("features", [value]) if isinstance(value, dict) else None
        if not isinstance(features, list):
            raise Unreadable("neither CAP nor an index of it", "JSON without features")
        for feature in features[:MOST_WARNINGS]:
            try:
                self._feature(feature)
            except (AttributeError, TypeError, ValueError, KeyError) as error:
                self.rejects.add("not a warning", f"{type(error).__name__} in a feature")
        if len(features) > MOST_WARNINGS:
            self.rejects.add("too many warnings", f"{len(features)}, at most {MOST_WARNINGS}")

    def _feature(self, feature: Any) -> None:
        told = feature["properties"]
        type_ = str(told.get("messageType"))
        if not self._is_warning(str(told.get("status")), type_):
            return
        sender, identifier = str(told["sender"]), str(told["id"])
        parameters = told.get("parameters") or {}
        headline = parameters.get("NWSheadline") or [""]
        text = OfficialText(
            str(told.get("language") or "en-US"),
            str(told["event"]),
            str(told.get("headline") or headline[0]),
            str(told.get("description") or ""),
            str(told.get("instruction") or ""),
        )
        codes = [*_listed(told.get("eventCode")), *_listed(parameters)]
        ending = (value for name, value in codes if name.casefold() == "eventendingtime")
        urgency = str(told.get("urgency") or "Unknown")
        response = str(told.get("response") or "")
        references = tuple(
            name_of(str(one.get("sender", sender)), str(one["identifier"]))
            for one in told.get("references") or ()
        )
        if type_ != "Alert" and not references:
            self.rejects.add("refers to nothing", f"{type_} {shown(identifier)}")
        official = Official(
            identifier=identifier,
            sender=sender,
            issuer=str(told.get("senderName") or sender),
            type=type_,
            sent_at=self._time(told.get("sent"), "sent") or self.received_at,
            references=references,
            hazard=hazard_of([text.event], codes),
            severity=self._severity(str(told.get("severity") or "")),
            urgency=urgency,
            certainty=str(told.get("certainty") or "Unknown"),
            onset_at=self._time(told.get("onset"), "onset"),
            # `expires` is of the text; `ends`, where it is known, of what it warns of.
            expires_at=self._time(told.get("ends"), "ends")
            or self._time(next(ending, ""), "eventEndingTime")
            or self._time(told.get("expires"), "expires"),
            texts=(text,),
            areas=self._areas_of(feature, told),
            web=str(told.get("@id") or ""),
            is_all_clear=urgency.casefold() == "past" or response.casefold() == "allclear",
        )
        self._keep(official)

    def _areas_of(self, feature: Any, told: Any) -> tuple[OfficialArea, ...]:
        """What has no hole as one area, and each polygon that has some as one of its own."""
        geometry = feature.get("geometry") or {}
        kind = geometry.get("type")
        if kind not in ("Polygon", "MultiPolygon", None):
            self.rejects.add("not a polygon", shown(str(kind)))
        coordinates = geometry["coordinates"] if kind in ("Polygon", "MultiPolygon") else []
        polygons = [
            [ring for each in polygon if (ring := self._ring_of(each))]
            for polygon in ([coordinates] if kind == "Polygon" else coordinates)
        ]
        description = str(told.get("areaDesc") or "")
        area = OfficialArea(
            description=description,
            polygons=tuple(rings[0] for rings in polygons if len(rings) == 1),
            geocodes=tuple(_listed(told.get("geocode"))),
        )
        holed = tuple(
            OfficialArea(description, polygons=(rings[0],), excluded=tuple(rings[1:]))
            for rings in polygons
            if len(rings) > 1
        )
        return (area, *holed) if area.polygons or area.geocodes or not holed else holed

    def _ring_of(self, points: Any) -> Ring | None:
        try:
            ring = tuple((float(point[0]), float(point[1])) for point in points)
        except (TypeError, ValueError, IndexError, KeyError):
            self.rejects.add("not a polygon", f"{type(points).__name__} of a geometry")
            return None
        return self._checked(ring)

    # Both

    def _is_warning(self, status: str, type_: str) -> bool:
        """Whether it warns the public; words that CAP does not have are told."""
        if status not in _STATUSES or type_ not in (*_TYPES, *_NO_WARNINGS):
            self.rejects.add("not a CAP message", f"{shown(status)}, {shown(type_)}")
        return status == "Actual" and type_ in _TYPES

    def _keep(self, official: Official, *, is_whole: bool = True) -> None:
        """`is_whole`: nothing more is to come of it, from behind a link."""
        if len(self.officials) >= MOST_WARNINGS:
            self.rejects.add("too many warnings", f"more than {MOST_WARNINGS}")
            return
        ends_at = official.expires_at
        if ends_at and ends_at < official.sent_at and is_whole and not official.is_end:
            # A slip: it was sent to be heeded. It stands as one that does not say until when.
            self.rejects.add("expires before it was sent", _named(official))
            official = msgspec.structs.replace(official, expires_at=0)
        if is_whole and not official.is_end and not self._is_placed(official):
            self.rejects.add("could not be placed", _named(official))
        self.officials.append(official)

    def _is_placed(self, official: Official) -> bool:
        """Whether it says where it holds in a way that tells which watched places it covers."""
        return any(
            area.polygons
            or area.circles
            or any(_form(code) in self.forms for _, code in area.geocodes)
            for area in official.areas
        )

    def _severity(self, word: str) -> str:
        """A word of CAP's, in whatever letters; another is told, and counts as not known."""
        known = _SEVERITIES.get(word.casefold())
        if word and known is None:
            self.rejects.add("not a severity", shown(word))
        return known or "Unknown"

    def _time(self, text: Any, field: str) -> int:
        """Unix seconds; 0 where there is none, or it has no offset."""
        if not text:
            return 0
        start, days = _END_OF_DAY.subn("00", str(text).strip())
        try:
            moment = datetime.fromisoformat(start)
            if moment.tzinfo is not None:
                at = int((moment + timedelta(days=days)).astimezone(UTC).timestamp())
                if at <= 0:  # before 1970: an empty field, written out
                    self.rejects.add("not a time", f"{field}: {shown(text)}")
                return max(0, min(at, _LATEST))
        except (ValueError, OverflowError):  # the latter beyond the years 1 to 9999 of UTC
            self.rejects.add("not a time", f"{field}: {shown(text)}")
            return 0
        self.rejects.add("time without offset", f"{field}: {shown(text)}")
        return 0

    def _local(self, text: str) -> int:
        """INMET's own clock, which its items do not name: Brasília's."""
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=_BRASILIA)
            return max(0, min(int(moment.astimezone(UTC).timestamp()), _LATEST))
        except (ValueError, OverflowError):
            self.rejects.add("not a time", shown(text))
            return 0


def _name(node: Any) -> str:
    return str(etree.QName(node).localname)


def _space(node: Any) -> str:
    return str(etree.QName(node).namespace or "")


def _is_cap(node: Any) -> bool:
    return _CAP.fullmatch(_space(node)) is not None


def _all(node: Any, *names: str) -> list[Any]:
    return [one for one in node.iter(*(f"{{*}}{name}" for name in names)) if one is not node]


def _children(node: Any, name: str) -> list[Any]:
    return list(node.iterchildren(f"{{*}}{name}"))


def _own(node: Any) -> str:
    return (node.text or "").strip()


def _text(node: Any, name: str) -> str:
    """The text of the first child of this name, without the space around it."""
    child = next(node.iterchildren(f"{{*}}{name}"), None)
    return "" if child is None else _own(child)


def _pairs(node: Any, name: str) -> Iterator[tuple[str, str]]:
    for pair in _children(node, name):
        yield _text(pair, "valueName"), _text(pair, "value")


def _codes(value: str) -> list[str]:
    """The codes of a geocode, which may list several."""
    several = [each for each in _LIST.split(value) if each]
    are_codes = all(any(letter.isdigit() for letter in each) for each in several)
    return several if are_codes else [value]


def _form(code: str) -> str:
    """What a code looks like, with ``0`` for digits and ``a`` for letters: ``a0000``."""
    return "".join("0" if each.isdigit() else "a" if each.isalpha() else each for each in code)


def _listed(value: Any) -> Iterator[tuple[str, str]]:
    """An object of lists as pairs, where it is one."""
    for name, each in value.items() if isinstance(value, dict) else ():
        for one in each if isinstance(each, list) else [each]:
            yield str(name), str(one)


def _table(text: str) -> dict[str, str]:
    """Of HTML the first cell of each row, a heading, with the text of the next. In linear time."""
    rows: dict[str, str] = {}
    heading, cell, kind = "", [""], ""
    for piece in text.split("<")[1:]:
        tag, _, after = piece.partition(">")
        name = tag.split(maxsplit=1)[0].casefold() if tag.split() else ""
        if name in ("th", "td"):
            cell, kind = [], name
        elif name == "/th" and kind == "th":
            heading, kind = _plain(cell), ""
        elif name == "/td" and kind == "td":
            if heading:
                rows[heading] = _plain(cell)
            heading, kind = "", ""
        cell.append(after)
    return rows


def _plain(pieces: list[str]) -> str:
    text = "".join(pieces)
    try:
        return html.unescape(text).strip()
    except ValueError:  # a number of thousands of digits
        return text.strip()


def _named(official: Official) -> str:
    """A warning for who reads of it that it could not be used."""
    event = official.texts[0].event if official.texts else official.type
    areas = ", ".join(area.description for area in official.areas if area.description)
    return f"{shown(official.identifier)}: {event[:40]}; {areas[:60]}"


def _text_of(info: Any) -> OfficialText:
    return OfficialText(
        _text(info, "language") or "en-US",
        _text(info, "event"),
        _text(info, "headline"),
        _text(info, "description"),
        _text(info, "instruction"),
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
    is_item = _name(entry) == "item"
    links = [(one.get("type", ""), one.get("href", "")) for one in _children(entry, "link")]
    links += [(one.get("type", ""), one.get("url", "")) for one in _children(entry, "enclosure")]
    links += [("", _own(one)) for one in _children(entry, "link") if _own(one)]
    for media, url in links:
        if url and "cap+xml" in media:
            return str(url)
    for _, url in links:
        if parts_of(url).path.casefold().endswith((".xml", ".cap")):
            return str(url)
    return _text(entry, "link") if is_item else ""


def _is_on_earth(longitude: float, latitude: float) -> bool:
    return -90 <= latitude <= 90 and -360 <= longitude <= 360


def parts_of(link: str) -> SplitResult:
    """A link's parts; all empty where it is none (half of an IPv6 address, say)."""
    try:
        return urlsplit(link)
    except ValueError:
        return urlsplit("")
