"""Official warnings as services publish them → `domain.official`, word for word.

Payload → here → speed layer. Read are CAP 1.0 to 1.2 (alone, or within Atom or RSS), the indexes
themselves (Atom and RSS, which lead to CAP messages), INMET's RSS items, and the GeoJSON of the US
National Weather Service. XML comes from strangers: no document type, no entity and no network is
let in, and everything is bounded.

Passed over without a word is what is not for the public: other statuses than Actual, other scopes
than Public, acknowledgements and errors.
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

from atalaia.domain.official import (
    LEVELS,
    Official,
    OfficialArea,
    OfficialText,
    Ring,
    hazard_of,
    name_of,
)
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import Decode, Decoded, Readings
from atalaia.sources.body import read_json, shown_start
from atalaia.sources.decoding import Wanted, is_answer, plain_error
from atalaia.sources.rejects import Rejects, Unreadable, shown

NAME = "cap"
FEED = "feed"
"""Content of what an address of the settings answered."""
MESSAGE = "message"
"""Content of what an index led to."""

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
_ROW = re.compile(r"<th[^>]*>(.*?)</th>\s*<td[^>]*>(.*?)</td>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_BRASILIA = timezone(timedelta(hours=-3))
_INMET_SEVERITY = {
    "perigo potencial": "Moderate",
    "perigo": "Severe",
    "grande perigo": "Extreme",
}
_TYPES = ("Alert", "Update", "Cancel")
_NO_WARNINGS = ("Ack", "Error")
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


def decoder() -> Decode:
    """Warnings are no readings: no rows come out, and what cannot be read is told."""

    def decode(payloads: Sequence[Payload], _wanted: Wanted) -> Decoded:
        found = [(payload.received_at, read(payload)) for payload in payloads]
        return Decoded(
            Readings.empty(),
            [reject for _, one in found for reject in one.rejects],
            [(received_at, official) for received_at, one in found for official in one.officials],
        )

    return decode


def read(payload: Payload) -> Found:
    """All that one payload holds. Never raises for what is in it."""
    if payload.failure is not None:
        return Found()
    if not is_answer(payload):
        return Found(rejects=(plain_error(payload),))
    rejects = Rejects(payload.source)
    reading = _Reading(payload.received_at, rejects)
    try:
        if payload.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
            reading.json(read_json(payload.body, rejects))
        else:
            reading.xml(parse_xml(payload.body))
    except Unreadable as error:
        rejects.add_unreadable(error)
    return Found(tuple(reading.officials), tuple(reading.links), tuple(rejects.listed()))


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

    def __init__(self, received_at: int, rejects: Rejects) -> None:
        self.received_at = received_at
        self.rejects = rejects
        self.officials: list[Official] = []
        self.links: list[Link] = []

    # XML

    def xml(self, root: Any) -> None:
        """A CAP message, an index, or one item of one."""
        kind = _name(root)
        if kind == "alert":
            self._keep(self._message(root))
        elif kind in ("feed", "rss", "RDF", "item", "entry"):
            entries = [root] if kind in ("item", "entry") else _all(root, "entry", "item")
            for entry in entries[:MOST_WARNINGS]:
                self._entry(entry)
        else:
            raise Unreadable("neither CAP nor an index of it", f"<{kind[:40]}>")

    def _entry(self, entry: Any) -> None:
        """An entry of an index: the message within it, what it says itself, where it leads."""
        within = [node for node in _all(entry, "alert") if _is_cap(node)]
        if within:
            for node in within:
                self._keep(self._message(node))
            return
        if _name(entry) == "item":
            self._keep(self._inmet_item(entry))
        url = _link_of(entry)
        if url and len(self.links) < MOST_LINKS:
            digest = hashlib.blake2b(etree.tostring(entry), digest_size=8).hexdigest()
            self.links.append(Link(url, digest))

    def _message(self, alert: Any) -> Official | None:
        if not _is_cap(alert):
            raise Unreadable("neither CAP nor an index of it", f"<alert> of {_space(alert)!r}")
        identifier, sender = _text(alert, "identifier"), _text(alert, "sender")
        type_ = _text(alert, "msgType")
        is_public = _text(alert, "scope") in ("Public", "")
        if not self._is_warning(_text(alert, "status"), type_) or not is_public:
            return None
        if not identifier or not sender:
            self.rejects.add("no identifier or sender", f"{shown(identifier)} of {shown(sender)}")
            return None
        infos = _children(alert, "info")
        first = infos[0] if infos else alert
        worst = max(infos, key=_rank, default=alert)
        texts = _merged(map(_text_of, infos))
        areas = self._areas(infos)
        return Official(
            identifier=identifier,
            sender=sender,
            issuer=_text(first, "senderName") or sender,
            type=type_,
            sent_at=self._time(_text(alert, "sent"), "sent") or self.received_at,
            references=_references(_text(alert, "references")),
            hazard=hazard_of(text.event for text in texts),
            severity=_word(worst, "severity"),
            urgency=_word(worst, "urgency"),
            certainty=_word(worst, "certainty"),
            onset_at=min(filter(None, (self._onset(info) for info in infos)), default=0),
            expires_at=max((self._time(_text(i, "expires"), "expires") for i in infos), default=0),
            texts=texts,
            areas=areas,
            web=_text(first, "web"),
        )

    def _onset(self, info: Any) -> int:
        return self._time(_text(info, "onset"), "onset") or self._time(
            _text(info, "effective"), "effective"
        )

    def _areas(self, infos: Iterable[Any]) -> tuple[OfficialArea, ...]:
        """Of all infos, each once: languages repeat them."""
        found: dict[OfficialArea, None] = {}
        left = MOST_POINTS
        for info in infos:
            for node in _children(info, "area"):
                rings = [self._ring(_own(one)) for one in _children(node, "polygon")]
                left -= sum(map(len, filter(None, rings)))
                if left < 0:
                    self.rejects.add("too many points", f"more than {MOST_POINTS}")
                    return tuple(found)
                circles = [self._circle(_own(one)) for one in _children(node, "circle")]
                area = OfficialArea(
                    description=_text(node, "areaDesc"),
                    polygons=tuple(ring for ring in rings if ring),
                    circles=tuple(circle for circle in circles if circle),
                    geocodes=tuple(_pairs(node, "geocode")),
                )
                found[area] = None
            # INMET lists municipalities in a parameter: ``Abaré - BA (2900207), …``
            for name, value in _pairs(info, "parameter"):
                codes = _IBGE.findall(value) if name.casefold() == "municipios" else []
                if codes:
                    found[OfficialArea(geocodes=tuple(("IBGE", code) for code in codes))] = None
        return tuple(found)

    def _ring(self, text: str) -> Ring | None:
        """``lat,lon lat,lon …`` as a ring of (longitude, latitude), closed."""
        try:
            pairs = [tuple(map(float, pair.split(","))) for pair in text.split()]
            ring = tuple((longitude, latitude) for latitude, longitude in pairs)
        except ValueError:
            self.rejects.add("not a polygon", shown(text))
            return None
        return self._checked(ring)

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

    def _inmet_item(self, item: Any) -> Official | None:
        """An item of INMET's RSS: a table of what its CAP message says, without the polygon."""
        rows = {
            _plain(name): _plain(value) for name, value in _ROW.findall(_text(item, "description"))
        }
        type_, event = rows.get("Status", ""), rows.get("Evento", "")
        if type_ not in _TYPES or not event:
            return None
        link = _text(item, "link")
        begins, ends = (self._local(rows.get(name, "")) for name in ("Início", "Fim"))
        return Official(
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

    # GeoJSON of the US National Weather Service

    def json(self, value: Any) -> None:
        """A collection of features, or one."""
        features = value.get("features", [value]) if isinstance(value, dict) else None
        if not isinstance(features, list):
            raise Unreadable("neither CAP nor an index of it", "JSON without features")
        for feature in features[:MOST_WARNINGS]:
            try:
                self._keep(self._feature(feature))
            except (AttributeError, TypeError, ValueError, KeyError) as error:
                self.rejects.add("not a warning", f"{type(error).__name__} in a feature")

    def _feature(self, feature: Any) -> Official | None:
        told = feature["properties"]
        type_ = str(told.get("messageType"))
        if not self._is_warning(str(told.get("status")), type_):
            return None
        sender = str(told["sender"])
        headline = (told.get("parameters") or {}).get("NWSheadline") or [""]
        text = OfficialText(
            str(told.get("language") or "en-US"),
            str(told["event"]),
            str(told.get("headline") or headline[0]),
            str(told.get("description") or ""),
            str(told.get("instruction") or ""),
        )
        return Official(
            identifier=str(told["id"]),
            sender=sender,
            issuer=str(told.get("senderName") or sender),
            type=type_,
            sent_at=self._time(told.get("sent"), "sent") or self.received_at,
            references=tuple(
                name_of(str(one.get("sender", sender)), str(one["identifier"]))
                for one in told.get("references") or ()
            ),
            hazard=hazard_of([text.event]),
            severity=_known_severity(str(told.get("severity"))),
            urgency=str(told.get("urgency") or "Unknown"),
            certainty=str(told.get("certainty") or "Unknown"),
            onset_at=self._time(told.get("onset"), "onset"),
            # `expires` is of the text; `ends`, where it is known, of what it warns of.
            expires_at=self._time(told.get("ends"), "ends")
            or self._time(told.get("expires"), "expires"),
            texts=(text,),
            areas=(self._area_of(feature, told),),
            web=str(told.get("@id") or ""),
        )

    def _area_of(self, feature: Any, told: Any) -> OfficialArea:
        geometry = feature.get("geometry") or {}
        is_one, is_many = (geometry.get("type") == kind for kind in ("Polygon", "MultiPolygon"))
        coordinates = geometry["coordinates"] if is_one or is_many else []
        polygons = [coordinates] if is_one else coordinates
        rings = (
            self._checked(tuple((float(p[0]), float(p[1])) for p in polygon[0]))
            for polygon in polygons
        )
        return OfficialArea(
            description=str(told.get("areaDesc") or ""),
            polygons=tuple(ring for ring in rings if ring),
            geocodes=tuple(
                (str(name), str(code))
                for name, codes in (told.get("geocode") or {}).items()
                for code in codes
            ),
        )

    # Both

    def _is_warning(self, status: str, type_: str) -> bool:
        """Whether it warns the public; words that CAP does not have are told."""
        if status not in _STATUSES or type_ not in (*_TYPES, *_NO_WARNINGS):
            self.rejects.add("not a CAP message", f"{shown(status)}, {shown(type_)}")
        return status == "Actual" and type_ in _TYPES

    def _keep(self, official: Official | None) -> None:
        if official is not None and len(self.officials) < MOST_WARNINGS:
            self.officials.append(official)

    def _time(self, text: Any, field: str) -> int:
        """Unix seconds; 0 where there is none, or it has no offset."""
        if not text:
            return 0
        start, days = _END_OF_DAY.subn("00", str(text).strip())
        try:
            moment = datetime.fromisoformat(start)
            if moment.tzinfo is not None:
                return int((moment + timedelta(days=days)).astimezone(UTC).timestamp())
        except (ValueError, OverflowError):  # the latter beyond the years 1 to 9999 of UTC
            self.rejects.add("not a time", f"{field}: {shown(text)}")
            return 0
        self.rejects.add("time without offset", f"{field}: {shown(text)}")
        return 0

    def _local(self, text: str) -> int:
        """INMET's own clock, which its items do not name: Brasília's."""
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=_BRASILIA)
            return int(moment.astimezone(UTC).timestamp())
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


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", text)).strip()


def _text_of(info: Any) -> OfficialText:
    return OfficialText(
        _text(info, "language") or "en-US",
        _text(info, "event"),
        _text(info, "headline"),
        _text(info, "description"),
        _text(info, "instruction"),
    )


def _merged(texts: Iterable[OfficialText]) -> tuple[OfficialText, ...]:
    """One text a language: a message may speak of several areas in several parts."""
    found: dict[str, OfficialText] = {}
    for text in texts:
        known = found.get(text.language)
        found[text.language] = text if known is None else _both(known, text)
    return tuple(found.values())


def _both(one: OfficialText, other: OfficialText) -> OfficialText:
    def join(first: str, second: str) -> str:
        return first if second in first else "\n\n".join(filter(None, (first, second)))

    return OfficialText(
        one.language,
        one.event,
        one.headline,
        join(one.description, other.description),
        join(one.instruction, other.instruction),
    )


def _rank(info: Any) -> int:
    return int(LEVELS.get(_text(info, "severity"), 0))


def _word(info: Any, name: str) -> str:
    word = _text(info, name)
    return _known_severity(word) if name == "severity" else word or "Unknown"


def _known_severity(word: str) -> str:
    return word if word in LEVELS else "Unknown"


def _references(text: str) -> tuple[str, ...]:
    """``sender,identifier,sent`` with spaces between, as names."""
    return tuple(each.rpartition(",")[0] for each in text.split() if each.count(",") >= 2)


def _link_of(entry: Any) -> str:
    """Where an entry's CAP message is: in Atom a link that says so, in RSS the link."""
    if _name(entry) == "item":
        return _text(entry, "link")
    links = [(one.get("type", ""), one.get("href", "")) for one in _children(entry, "link")]
    for media, url in links:
        if "cap+xml" in media:
            return str(url)
    return next((str(url) for _, url in links if parts_of(url).path.endswith((".xml", ".cap"))), "")


def _is_on_earth(longitude: float, latitude: float) -> bool:
    return -90 <= latitude <= 90 and -360 <= longitude <= 360


def parts_of(link: str) -> SplitResult:
    """A link's parts; all empty where it is none (half of an IPv6 address, say)."""
    try:
        return urlsplit(link)
    except ValueError:
        return urlsplit("")
