"""One entry of the alert log as a message of the Common Alerting Protocol.

Alert log → here → feeds. OASIS, Common Alerting Protocol 1.2 (2010). An `alert` is an Alert;
`update`, `step` and `end` are Updates, an `end` with the response AllClear unless it says that
nothing can be seen any more; a `cancel` is a Cancel. Each refers to all earlier messages of its
incident. An official warning that is passed on keeps its issuer's words, languages and areas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lxml import etree  # type: ignore[import-untyped]

from atalaia.domain.alert import Alert, LogEntry, instant, iso_fields
from atalaia.domain.hazard import Hazard
from atalaia.domain.hull import RADIUS_KM
from atalaia.domain.in_part import parts_of, places_under
from atalaia.domain.official import PASSED_ON, Official, OfficialArea, Ring
from atalaia.domain.place import Place
from atalaia.domain.words import ADVICE, CARE, HAZARDS, LANGUAGES, NOT_OFFICIAL

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"

TITLES = {"pt-BR": "Avisos da Atalaia", "en": "Atalaia's alerts", "es": "Avisos de Atalaia"}
"""What the feeds are called."""

MOST_AREAS = 300
"""Areas that one message draws; it says how many more there are."""

LONGEST_EVENT, LONGEST_HEADLINE = 35, 160
"""Letters that the profiles of national services allow. An issuer's own words are never cut."""

OVER_STANDS_S = 3 * 3600
"""How long the news that something is over stay of use, and those without an end a day."""
_DAY_S = 86_400
_ENGLISH = LANGUAGES.index("en")

_TYPES = {"alert": "Alert", "update": "Update", "step": "Update", "end": "Update"}
_RESPONSES = {"Future": "Prepare", "Expected": "Prepare"}
_IBGE = re.compile(r"[1-5]\d{6}")
_UNUSABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNFIT = re.compile(r"[\s,<&]+")

Status = Literal["Actual", "Exercise", "Test"]


@dataclass(frozen=True)
class Issuer:
    """Who speaks. `sender` is theirs alone in the world, without spaces, commas, ``<``, ``&``."""

    sender: str
    status: Status = "Actual"


def identifier(alert: Alert) -> str:
    """The name of the message: the incident's key and the version."""
    return _UNFIT.sub("_", f"atalaia.{alert.incident}.{alert.version}")


def incident_of(name: str) -> tuple[str, int] | None:
    """The incident and version that `identifier` made this name of; None: it made no such."""
    match = re.fullmatch(r"atalaia\.([^\s,<&/]{1,100})\.(\d{1,9})", name)
    return (match[1], int(match[2])) if match else None


def to_cap(
    entry: LogEntry,
    earlier: Sequence[LogEntry],
    places: Mapping[str, Place],
    issuer: Issuer,
    system: str = "",
) -> bytes:
    """The entry as XML. `earlier` are those of its incident before it, oldest first; `system` is
    the id of the system that it was of.

    A message takes the place of those that it refers to. So where an official warning changes at
    some of its places, what stands at the others is said again: for these places alone, and never
    as a Cancel of all.
    """
    alert, official = entry.alert, entry.official
    life = [*earlier, entry]
    parts = parts_of(enumerate(life))
    besides = [(life[n], part) for n, part in parts if life[n] is not entry]
    root = etree.Element(_tag("alert"), nsmap={None: NAMESPACE})
    _add(root, "identifier", identifier(alert))
    _add(root, "sender", issuer.sender)
    _add(root, "sent", instant(alert.sent_at))
    _add(root, "status", issuer.status)
    _add(root, "msgType", "Update" if besides else _type(alert))
    _add(root, "source", official.issuer if official else alert.source)
    _add(root, "scope", "Public")
    _add(root, "note", _note(official))
    _add(root, "references", " ".join(_reference(each.alert, issuer) for each in earlier))
    _add(root, "incidents", _incidents(entry, system))
    is_over_in_part = bool(besides) and alert.is_over
    _add_infos(root, entry, places, is_cut=is_over_in_part)
    for before, part in besides:
        _add_infos(root, part, places, is_cut=part.places != before.places)
    xml: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return xml


def _add_infos(root: Any, entry: LogEntry, places: Mapping[str, Place], *, is_cut: bool) -> None:
    """What an entry says. `is_cut`: of some of the places in its issuer's areas alone."""
    official = entry.official
    areas = official.areas if official and not is_cut else _areas(entry, places)
    if official is not None and entry.alert.type != "end":
        _add_official(root, entry, official, areas)
        return
    for i in range(len(LANGUAGES)):
        _add_info(root, entry, i, areas)


def _incidents(entry: LogEntry, system: str) -> str:
    """The incident, those that it is linked to, and the oldest of its system, which names that: who
    reads messages puts those of one storm together by it."""
    keys = (entry.alert.incident, *entry.linked, system)
    return " ".join(dict.fromkeys(filter(None, keys)))


def _type(alert: Alert) -> str:
    """A message that changes another refers to it; the first of an incident has nothing to."""
    return _TYPES.get(alert.type, "Cancel")


def _reference(alert: Alert, issuer: Issuer) -> str:
    return f"{issuer.sender},{identifier(alert)},{instant(alert.sent_at)}"


def _note(official: Official | None) -> str:
    if official is None:
        return ". ".join(NOT_OFFICIAL) + "."
    passed_on = PASSED_ON[_ENGLISH].format(issuer=official.issuer)
    return f"{passed_on}: {official.name},{instant(official.sent_at)}"


def _event(hazard: str, i: int) -> str:
    return HAZARDS.get(hazard, (hazard,) * 3)[i]


def _add_info(root: Any, entry: LogEntry, i: int, areas: Sequence[OfficialArea]) -> None:
    alert = entry.alert
    info = etree.SubElement(root, _tag("info"))
    text = alert.text[LANGUAGES[i]]
    event = _event(alert.hazard, i)
    _add(info, "language", LANGUAGES[i])
    _add(info, "category", "Infra" if alert.hazard == Hazard.CANNOT_SEE else "Met")
    _add(info, "event", (event[:1].upper() + event[1:])[:LONGEST_EVENT])
    _add(info, "responseType", _response(alert))
    _add(info, "urgency", alert.urgency)
    _add(info, "severity", alert.severity)
    _add(info, "certainty", alert.certainty)
    _add_times(info, alert)
    _add(info, "senderName", entry.official.issuer if entry.official else "Atalaia")
    _add(info, "headline", headline(text))
    _add(info, "description", text)
    if not alert.is_over or alert.reason == "expired":
        _add(info, "instruction", ADVICE.get(alert.hazard, CARE)[i] + ".")
    for name, value in _parameters(entry):
        _add_pair(info, "parameter", name, value)
    _add_areas(info, areas)


def _add_official(
    root: Any, entry: LogEntry, official: Official, areas: Sequence[OfficialArea]
) -> None:
    """The issuer's own words, in every language that they wrote."""
    for text in official.texts:
        info = etree.SubElement(root, _tag("info"))
        _add(info, "language", text.language)
        _add(info, "category", "Met")
        # CAP wants one, also where the issuer's has nothing that can be written.
        _add(info, "event", clean(text.event) or _event(entry.alert.hazard, _ENGLISH))
        _add(info, "responseType", _response(entry.alert))
        _add(info, "urgency", official.urgency)
        _add(info, "severity", official.severity)
        _add(info, "certainty", official.certainty)
        _add_times(info, entry.alert)
        _add(info, "senderName", official.issuer)
        _add(info, "headline", text.headline)
        _add(info, "description", text.description)
        _add(info, "instruction", text.instruction)
        _add(info, "web", official.web)
        _add_pair(info, "parameter", "atalaia:hazard", entry.alert.hazard)
        _add_pair(info, "parameter", "atalaia:level", entry.alert.level)
        _add_areas(info, areas)


def _response(alert: Alert) -> str:
    if alert.type == "end":
        # What can no longer be seen is not over.
        return "Monitor" if alert.reason == "expired" else "AllClear"
    if alert.type == "cancel" or alert.hazard == Hazard.CANNOT_SEE:
        return "Monitor"
    return _RESPONSES.get(alert.urgency, "Execute")


def _add_times(info: Any, alert: Alert) -> None:
    if alert.is_over:
        expires = alert.sent_at + OVER_STANDS_S
    else:
        expires = alert.expires_at or alert.sent_at + _DAY_S
    _add(info, "effective", instant(alert.sent_at))
    _add(info, "onset", "" if alert.onset_at is None else instant(alert.onset_at))
    _add(info, "expires", instant(max(expires, alert.sent_at + 60)))


def _parameters(entry: LogEntry) -> Iterable[tuple[str, str]]:
    """What decided, for programs: names as the keys of an alert have them."""
    alert = iso_fields(entry.alert)
    for name in ("hazard", "level", "rule", "reason", "source", "evidence", "valid_at"):
        yield f"atalaia:{name}", str(alert[name])
    if alert["variable"] is not None:
        for name in ("variable", "value", "unit", "limit", "window_s"):
            value = alert[name]
            if value is not None:
                yield f"atalaia:{name}", f"{value:g}" if isinstance(value, float) else str(value)


def _areas(entry: LogEntry, places: Mapping[str, Place]) -> list[OfficialArea]:
    """Circles round the places that an entry speaks of. Of a source that cannot see all where it
    cannot: a message takes the place of the one before it."""
    is_blind = entry.alert.hazard == Hazard.CANNOT_SEE
    ids = places_under(entry) if is_blind else entry.places
    found = []
    for id_ in ids[:MOST_AREAS]:
        place = places.get(id_)
        names = ("IBGE", "atalaia:place") if _IBGE.fullmatch(id_) else ("atalaia:place",)
        codes = tuple((name, id_) for name in names)
        circles = ((place.longitude, place.latitude, RADIUS_KM),) if place else ()
        found.append(OfficialArea(place.name if place else id_, circles=circles, geocodes=codes))
    if len(ids) > MOST_AREAS:
        found.append(OfficialArea(f"+ {len(ids) - MOST_AREAS}"))
    return found or [OfficialArea(entry.alert.place_id)]


def _add_areas(info: Any, areas: Sequence[OfficialArea]) -> None:
    for one in areas:
        area = etree.SubElement(info, _tag("area"))
        etree.SubElement(area, _tag("areaDesc")).text = clean(one.description) or "–"
        for ring in one.polygons:
            _add(area, "polygon", _points(ring))
        for x, y, km in one.circles:
            _add(area, "circle", f"{_degrees(y)},{_degrees(x)} {km:g}")
        for name, code in one.geocodes:
            _add_pair(area, "geocode", name, code)
        for ring in one.excluded:
            _add_pair(area, "geocode", "EXCLUDE_POLYGON", _points(ring))
        if one.altitude_ft is not None:
            _add(area, "altitude", f"{one.altitude_ft:g}")
            # A ceiling stands beside an altitude alone.
            _add(area, "ceiling", "" if one.ceiling_ft is None else f"{one.ceiling_ft:g}")


def _points(ring: Ring) -> str:
    return " ".join(f"{_degrees(y)},{_degrees(x)}" for x, y in ring)


def _degrees(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _add(parent: Any, name: str, text: str) -> None:
    """One element; none where there is nothing to say."""
    usable = clean(text)
    if usable:
        etree.SubElement(parent, _tag(name)).text = usable


def _add_pair(parent: Any, name: str, key: str, value: str) -> None:
    pair = etree.SubElement(parent, _tag(name))
    etree.SubElement(pair, _tag("valueName")).text = clean(key)
    etree.SubElement(pair, _tag("value")).text = clean(value)


def headline(text: str) -> str:
    """The first sentence of a text for people, in one line."""
    return _cut(re.split(r"\.\s|\n", clean(text), maxsplit=1)[0], LONGEST_HEADLINE)


def clean(text: str) -> str:
    """Without the characters that XML cannot carry."""
    return _UNUSABLE.sub("", text)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
