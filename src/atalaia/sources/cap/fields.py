"""Fields of warnings, whoever writes them: what cannot be read is told, and costs itself alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from atalaia.domain.official import LEVELS, Ring
from atalaia.sources.rejects import Rejects, shown

_END_OF_DAY = re.compile(r"(?<=T)24(?=:00:00(?:\.0+)?(?:$|[+Z-]))")
"""XML's other name for the start of the next day."""
_BRASILIA = timezone(timedelta(hours=-3))
_SEVERITIES = {word.casefold(): word for word in LEVELS}
_LATEST = 253_370_764_800
"""9999-01-01: local clocks and sums of a day are still within the calendar there."""


class Fields:
    """Reads fields. What is wrong with one goes to `rejects`."""

    def __init__(self, rejects: Rejects) -> None:
        self._rejects = rejects

    def severity(self, word: str) -> str:
        """A word of CAP's, in whatever letters; another is told, and counts as not known."""
        known = _SEVERITIES.get(word.casefold())
        if word and known is None:
            self._rejects.add("not a severity", shown(word))
        return known or "Unknown"

    def time(self, text: Any, field: str) -> int:
        """Unix seconds; 0 where there is none, or it has no offset."""
        if not text:
            return 0
        start, days = _END_OF_DAY.subn("00", str(text).strip())
        try:
            moment = datetime.fromisoformat(start)
            if moment.tzinfo is not None:
                at = int((moment + timedelta(days=days)).astimezone(UTC).timestamp())
                if at <= 0:  # before 1970: an empty field, written out
                    self._rejects.add("not a time", f"{field}: {shown(text)}")
                return max(0, min(at, _LATEST))
        except (ValueError, OverflowError):  # the latter beyond the years 1 to 9999 of UTC
            self._rejects.add("not a time", f"{field}: {shown(text)}")
            return 0
        self._rejects.add("time without offset", f"{field}: {shown(text)}")
        return 0

    def local(self, text: str) -> int:
        """INMET's own clock, which its items do not name: Brasília's."""
        try:
            moment = datetime.fromisoformat(text).replace(tzinfo=_BRASILIA)
            return max(0, min(int(moment.astimezone(UTC).timestamp()), _LATEST))
        except (ValueError, OverflowError):
            self._rejects.add("not a time", shown(text))
            return 0

    def feet(self, text: str, field: str) -> float | None:
        """A height in feet."""
        if not text:
            return None
        try:
            feet = float(text)
        except ValueError:
            feet = float("nan")
        if abs(feet) < 100_000:
            return feet
        self._rejects.add("not an altitude", f"{field}: {shown(text)}")
        return None

    def ring(self, text: str) -> Ring | None:
        """``lat,lon lat,lon …`` as a ring of (longitude, latitude), closed. Spaces may stand after
        the commas, and a height after each pair."""
        pairs = ",".join(part.strip() for part in text.split(",")).split()
        try:
            points = [tuple(map(float, pair.split(","))) for pair in pairs]
        except ValueError:
            points = [()]
        if not all(2 <= len(point) <= 3 for point in points):
            self._rejects.add("not a polygon", shown(text))
            return None
        return self._on_earth(tuple((point[1], point[0]) for point in points))

    def ring_of(self, points: Any) -> Ring | None:
        """Points as GeoJSON has them: longitude and latitude."""
        try:
            ring = tuple((float(point[0]), float(point[1])) for point in points)
        except (TypeError, ValueError, IndexError, KeyError):
            self._rejects.add("not a polygon", f"{type(points).__name__} of a geometry")
            return None
        return self._on_earth(ring)

    def circle(self, text: str) -> tuple[float, float, float] | None:
        """``lat,lon radius`` as longitude, latitude and the radius in km."""
        try:
            point, radius = text.split()
            latitude, longitude = map(float, point.split(","))
            circle = (longitude, latitude, float(radius))
        except ValueError:
            self._rejects.add("not a circle", shown(text))
            return None
        if not _is_on_earth(longitude, latitude) or not 0 <= circle[2] <= 20_100:
            self._rejects.add("not a circle", shown(text))
            return None
        return circle

    def _on_earth(self, ring: Ring) -> Ring | None:
        if len(ring) < 3 or not all(_is_on_earth(x, y) for x, y in ring):
            self._rejects.add("not a polygon", f"{len(ring)} points")
            return None
        return ring if ring[0] == ring[-1] else (*ring, ring[0])


def _is_on_earth(longitude: float, latitude: float) -> bool:
    return -90 <= latitude <= 90 and -360 <= longitude <= 360
