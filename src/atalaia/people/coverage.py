"""What a request asks for beside what this home watches and sends by: what can come of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from atalaia.channels import alertmanager, webpush
from atalaia.channels.guard import Rules, check_url
from atalaia.domain.contact import Contact
from atalaia.domain.geo import distance_km
from atalaia.domain.place import Place, Places
from atalaia.domain.subscription import Circle, Polygon
from atalaia.people.request import Request
from atalaia.settings import Settings
from atalaia.settings.channels import Channels

REACH_KM = 200
"""How far a watched place may lie from where somebody wants to be told of: the largest radius that
the page offers. Beyond it nothing that is told would be of the weather there."""


def is_within_reach(latitude: float, longitude: float, places: Places) -> bool:
    """Whether anything that happens at a point could be told at all."""
    return nearest(latitude, longitude, places)[1] <= REACH_KM


def check_reach(where: Iterable[Circle | Polygon], places: Places) -> None:
    """Raises ValueError, with the next step, where nothing could be told of any of the areas."""
    areas = list(where)
    far = [
        area
        for area in areas
        if isinstance(area, Circle) and not is_within_reach(area.latitude, area.longitude, places)
    ]
    if areas and len(far) == len(areas):
        raise ValueError(
            f"nothing is watched within {REACH_KM} km of there, so that nothing could be told; "
            "POST /v1/wishes asks the operator to"
        )


def check_target(contact: Contact, channels: Channels) -> None:
    """Raises ValueError, without any address, for a server that a message must not be sent to."""
    if contact.channel == "webhook":
        check_url(contact.address, Rules(allow=channels.webhook_allow))
    if contact.channel == "alertmanager":
        alertmanager.check(contact, Rules(allow=channels.alertmanager_allow))
    if contact.channel == "webpush":
        webpush.check(contact, Rules(allow=channels.webpush_allow))


def closed_channels(settings: Settings, request: Request) -> list[str]:
    """Channels that the request names and the settings do not switch on, with the next step."""
    return [
        f"{contact.channel} is not switched on; see [channels.{contact.channel}] in the settings"
        for contact in request.contacts
        if contact.channel not in settings.channels.names
    ]


def unwatched(where: Iterable[Circle | Polygon], places: Places) -> list[str]:
    """Areas that hold no watched place, so that nothing can be told of them, in words."""
    told = []
    for area in where:
        if not isinstance(area, Circle):
            continue
        place, km = nearest(area.latitude, area.longitude, places)
        if place is None or km > area.radius_km:
            near = f"; the nearest is {place.name}, {km:.0f} km away" if place else ""
            told.append(
                f"no watched place lies within {area.radius_km:g} km of {area.name}{near}: "
                "add a [[place]] there, or give a larger radius"
            )
    return told


def nearest(latitude: float, longitude: float, places: Places) -> tuple[Place | None, float]:
    """The watched place that is nearest to a point, and how many kilometres away it is."""
    found = [
        (distance_km(latitude, longitude, place.latitude, place.longitude), place)
        for place in places
    ]
    km, place = min(found, key=lambda one: one[0], default=(math.inf, None))
    return place, km
