"""What somebody asks for, as a value; and the same written down, as commands and files have it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.hazard import Level
from atalaia.domain.subscription import WEATHER, Circle, Polygon, Quiet, Threshold
from atalaia.domain.words import LANGUAGES
from atalaia.sources.gazetteer import zone_of

MOST_AREAS = 200
MOST_POINTS = 5_000
LONGEST_NAME = 100
LARGEST_RADIUS_KM = 500.0

OPEN = "page"
"""`Request.how` of what anybody asks for without a key."""

_DAY_MINUTES = 1440


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for, complete.

    contacts   in order of preference, one a channel
    where, hazards, thresholds    see `Subscription`; neither hazards nor thresholds: all weather
               from yellow
    how        by which way it came: cli, api, import, telegram, …
    proof      what proves that whom it is for agreed (paper form 12 of May 2026): nobody is asked
               for a code then, unless they once stopped. Not a name: it outlives an erasure
    is_own     asked from the contact itself, which proves it: a chat
    shown      the words that they agreed to, if they were shown others than the registry's
    is_operators    it is the operator's, whose proof also adds to somebody who is known already
    """

    contacts: tuple[Contact, ...]
    where: tuple[Circle | Polygon, ...]
    hazards: dict[str, str] = {}
    thresholds: tuple[Threshold, ...] = ()
    language: str = LANGUAGES[0]
    quiet: Quiet | None = None
    is_organisation: bool = False
    escalate_after_s: int = 600
    how: str = "cli"
    proof: str = ""
    is_own: bool = False
    shown: str = ""
    is_operators: bool = False

    @property
    def levels(self) -> dict[str, str]:
        """The level by hazard from which it tells."""
        if self.hazards or self.thresholds:
            return self.hazards
        return dict.fromkeys(map(str, WEATHER), Level.YELLOW.word)


def check(request: Request) -> None:
    """Raise ValueError, without any address in it, for what cannot be subscribed to."""
    channels = [contact.channel for contact in request.contacts]
    if not channels:
        raise ValueError("name at least one contact, such as email:name@example.org")
    if len(set(channels)) < len(channels):
        raise ValueError("two contacts of one channel; a person has one address a channel")
    check_where(request.where)
    check_language(request.language)
    check_quiet(request.quiet)
    check_escalation(request.escalate_after_s)


def check_escalation(after_s: int) -> None:
    """Raise ValueError for a time to the next channel that is none."""
    if not 0 <= after_s <= 86_400:
        raise ValueError("the time to the next channel lies between 0 (never) and 24 hours")


def check_where(where: Sequence[Circle | Polygon]) -> None:
    """Raise ValueError for areas that are none, nowhere, or too many."""
    if not where:
        raise ValueError("say where: a town, a point with a radius, or an area")
    if len(where) > MOST_AREAS:
        raise ValueError(f"more than {MOST_AREAS} places; make several subscriptions of them")
    for area in where:
        check_area(area)


def check_language(language: str) -> None:
    """Raise ValueError for a language that Atalaia does not speak."""
    if language not in LANGUAGES:
        raise ValueError(f"there is no such language; languages are {', '.join(LANGUAGES)}")


def check_quiet(quiet: Quiet | None) -> None:
    """Raise ValueError for quiet hours that no clock has."""
    if quiet is None:
        return
    try:
        ZoneInfo(quiet.timezone)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            "quiet hours: no such time zone; use an IANA name such as America/Recife"
        ) from None
    is_clock = 0 <= quiet.start < _DAY_MINUTES and 0 <= quiet.end < _DAY_MINUTES
    if not is_clock or quiet.start == quiet.end:
        raise ValueError("quiet hours: give two different times, such as 22:00-07:00")


def check_area(area: Circle | Polygon) -> None:
    """Raise ValueError for an area that is nowhere."""
    if len(area.name) > LONGEST_NAME:
        raise ValueError(f"a place's name is longer than {LONGEST_NAME} characters")
    if isinstance(area, Circle):
        _check_point(area.longitude, area.latitude)
        if not 0 < area.radius_km <= LARGEST_RADIUS_KM:
            raise ValueError(f"the radius must be above 0 and at most {LARGEST_RADIUS_KM:g} km")
        return
    if not area.rings or sum(map(len, area.rings)) > MOST_POINTS:
        raise ValueError(f"an area has at least one ring and at most {MOST_POINTS} points in all")
    for ring in area.rings:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise ValueError("an area's ring has four points or more, the last as the first")
        for longitude, latitude in ring:
            _check_point(longitude, latitude)


def read_quiet(text: str, timezone: str, where: Sequence[Circle | Polygon] = ()) -> Quiet | None:
    """``22:00-07:00`` in local time of this zone, or, if that is empty, of the first of these
    areas; an empty text is none. Raises ValueError."""
    if not text.strip():
        return None
    try:
        start, end = (_minutes(part) for part in text.split("-"))
    except ValueError:
        raise ValueError("quiet hours: give two different times, such as 22:00-07:00") from None
    quiet = Quiet(start, end, timezone or (zone_of(where[0]) if where else ""))
    check_quiet(quiet)
    return quiet


def read_geojson(document: Any, name: str = "") -> tuple[Polygon, ...]:
    """The areas of a GeoJSON geometry, feature or collection of features. Raises ValueError.

    A multipolygon is one area: what lies in an odd number of its rings is in it.
    """
    is_collection = _of(document, "type") == "FeatureCollection"
    features = _of(document, "features") if is_collection else [document]
    if not isinstance(features, list) or not features:
        raise ValueError("a GeoJSON collection has a list of features, one at least")
    return tuple(_read_feature(feature, name) for feature in features)


def _read_feature(feature: Any, name: str) -> Polygon:
    is_feature = _of(feature, "type") == "Feature"
    geometry = _of(feature, "geometry") if is_feature else feature
    own = _of(_of(feature, "properties"), "name") if is_feature else None
    kind, found = _of(geometry, "type"), _of(geometry, "coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError("an area is a GeoJSON Polygon or MultiPolygon, or a feature with one")
    try:
        rings = [ring for polygon in found for ring in polygon] if kind != "Polygon" else found
        points = tuple(tuple((float(p[0]), float(p[1])) for p in ring) for ring in rings)
    except (TypeError, ValueError, OverflowError, IndexError, KeyError):
        raise ValueError("an area's points are pairs of longitude and latitude") from None
    area = Polygon(name=name or (own if isinstance(own, str) else "") or "area", rings=points)
    check_area(area)
    return area


def _of(document: Any, name: str) -> Any:
    return document.get(name) if isinstance(document, Mapping) else None


def read_where(text: str, radius_km: float, find: Callable[[str], Circle]) -> Circle:
    """``-8.05,-34.88`` as a circle there, or what `find` makes of a town's name.

    Raises ValueError.
    """
    parts = text.split(",")
    try:
        latitude, longitude = (float(part) for part in parts)
    except ValueError:
        circle = msgspec.structs.replace(find(text.strip()), radius_km=radius_km)
    else:
        name = f"{latitude:g}, {longitude:g}"
        circle = Circle(name=name, latitude=latitude, longitude=longitude, radius_km=radius_km)
    check_area(circle)
    return circle


def _check_point(longitude: float, latitude: float) -> None:
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise ValueError("a coordinate is not a number")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("latitude lies between -90 and 90, longitude between -180 and 180")


def _minutes(text: str) -> int:
    hours, minutes = (int(part) for part in text.strip().split(":"))
    if not (0 <= hours < 24 and 0 <= minutes < 60):
        raise ValueError
    return hours * 60 + minutes
