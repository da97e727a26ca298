"""Which centres to listen to, and by which topics.

Core data are taken from the caches, which pass every centre's on; who listens to their origins too
gets each report twice more. No filter says "all centres of a country" (``br-+`` is none), so that
centres are named by a table of those whose messages were seen.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import msgspec

from atalaia.domain.link import FARTHEST_KM
from atalaia.domain.place import Place

BROKERS = (
    "mqtts://everyone:everyone@globalbroker.meteo.fr:8883",
    "mqtts://everyone:everyone@globalbroker.inmet.gov.br:8883",
)
"""Global Brokers: each passes on what all centres publish, and one stands in for the other. The
password is public."""

_KM_A_DEGREE = 111.2


class Centre(msgspec.Struct, frozen=True):
    """A centre, and boxes of degrees (south, west, north, east) that its stations lie in.
    `archive`: where its node keeps what it published; empty: not known."""

    id: str
    boxes: tuple[tuple[float, float, float, float], ...]
    archive: str = ""

    def reaches(self, latitude: float, longitude: float) -> bool:
        """Whether a station of its may speak for what is there."""
        high = FARTHEST_KM / _KM_A_DEGREE
        wide = high / max(0.01, math.cos(math.radians(latitude)))
        return any(
            south - high <= latitude <= north + high and west - wide <= longitude <= east + wide
            for south, west, north, east in self.boxes
        )


@cache
def known() -> tuple[Centre, ...]:
    """Those of the table."""
    text = (files("atalaia") / "data" / "wis2_centres.toml").read_text("utf-8")
    return tuple(msgspec.convert(tomllib.loads(text)["centre"], list[Centre]))


def of_country(code: str) -> list[str]:
    """Names of a country's centres, by its two letters (``br``)."""
    return [centre.id for centre in known() if centre.id.startswith(f"{code.lower()}-")]


def near(places: Iterable[Place]) -> list[str]:
    """Names of the centres whose stations lie within reach of one of the places."""
    found = [(place.latitude, place.longitude) for place in places]
    return [centre.id for centre in known() if any(centre.reaches(*each) for each in found)]


def archives(names: Iterable[str]) -> dict[str, str]:
    """Addresses of the archives of these centres, where they are known."""
    wanted = set(names)
    return {
        centre.id: centre.archive for centre in known() if centre.archive and centre.id in wanted
    }


def topics(centre: str) -> tuple[str, str]:
    """Filters of a centre's observations and warnings."""
    weather = f"cache/a/wis2/{centre}/data/core/weather"
    return f"{weather}/surface-based-observations/#", f"{weather}/advisories-warnings/#"


def faults(topic: str) -> str:
    """Why this can be no filter of topics; empty if it can."""
    levels = topic.split("/")
    if not topic or len(topic.encode()) > 1024 or "\0" in topic:
        return "no filter of topics has this length"
    if "#" in topic and (levels.index("#") if "#" in levels else -1) != len(levels) - 1:
        return "# stands for all that follows: it is a level of its own, and the last one"
    if any("+" in level and level != "+" for level in levels):
        return "+ stands for a whole level: write a/+/b, and no br-+"
    return ""
