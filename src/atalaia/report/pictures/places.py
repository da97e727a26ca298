"""Where: each place as a mark on a plain projection, with its level and its count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, radians, sqrt

from atalaia.report.reported import Spot
from atalaia.report.svg import Markup, line, mark, picture, tag, text, ticks
from atalaia.report.words import Say

_WIDTH, _MARGIN = 440, 46
_HIGHEST, _LOWEST = 460, 220
_KM_PER_DEGREE = 111.195
_LEAST_DEGREES = 0.2
"""A single place still has something around it."""


@dataclass(frozen=True)
class _Frame:
    """What of the Earth is shown: degrees, and pixels a degree of latitude."""

    west: float
    east: float
    south: float
    north: float
    squeeze: float
    scale: float

    def x(self, longitude: float) -> float:
        return _MARGIN + (longitude - self.west) * self.squeeze * self.scale

    def y(self, latitude: float) -> float:
        return _MARGIN / 2 + (self.north - latitude) * self.scale

    @property
    def height(self) -> float:
        return (self.north - self.south) * self.scale


def places_map(spots: Sequence[Spot], say: Say, name: str) -> Markup:
    """The map; degrees of longitude are as wide as they are in its middle."""
    longitudes = _unwrapped([spot.place.longitude for spot in spots])
    frame = _frame(longitudes, [spot.place.latitude for spot in spots])
    parts = [*_graticule(frame, say), *_scale_bar(frame)]
    most = max((spot.incidents for spot in spots), default=0)
    sizes = [3 + 11 * sqrt(spot.incidents / (most or 1)) for spot in spots]
    # The largest lie undermost, so that none is hidden.
    order = sorted(range(len(spots)), key=lambda i: -spots[i].incidents)
    taken: list[tuple[float, float, float, float]] = []
    marks = []
    for i in order:
        spot = spots[i]
        x, y = frame.x(longitudes[i]), frame.y(spot.place.latitude)
        size = sizes[i]
        said = f"{spot.place.name}: {spot.incidents} {say('incidents')}, {say.spot(spot)}"
        marks.append(mark(x, y, size, spot.level, said))
        taken.append((x - size, y - size, x + size, y + size))
    labels = _labels(spots, order, longitudes, sizes, frame, taken)
    height = frame.height + 1.5 * _MARGIN
    return picture([*parts, *marks, *labels], _WIDTH, height, say("map"), name, "square")


def _unwrapped(longitudes: Sequence[float]) -> list[float]:
    """East of 180° goes on counting where that makes the map narrower (Fiji beside Samoa)."""
    turned = [longitude % 360 for longitude in longitudes]
    if max(longitudes) - min(longitudes) <= max(turned) - min(turned):
        return list(longitudes)
    return turned


def _frame(longitudes: Sequence[float], latitudes: Sequence[float]) -> _Frame:
    middle = (min(latitudes) + max(latitudes)) / 2
    squeeze = max(cos(radians(middle)), 0.05)
    tall = max((max(latitudes) - min(latitudes)) * 1.3, _LEAST_DEGREES / 2)
    broad = max((max(longitudes) - min(longitudes)) * 1.3, _LEAST_DEGREES / squeeze)
    across = _WIDTH - 2 * _MARGIN
    scale = min(across / (broad * squeeze), _HIGHEST / tall)
    # What the picture has room for beside the places is shown, too.
    broad = across / (squeeze * scale)
    tall = max(tall, _LOWEST / scale)
    centre = (min(longitudes) + max(longitudes)) / 2
    west, south = centre - broad / 2, middle - tall / 2
    return _Frame(west, west + broad, south, south + tall, squeeze, scale)


def _graticule(frame: _Frame, say: Say) -> Iterator[Markup]:
    left, right = frame.x(frame.west), frame.x(frame.east)
    top, foot = frame.y(frame.north), frame.y(frame.south)
    yield tag("rect", x=left, y=top, width=right - left, height=foot - top, rx=6, class_="sea")
    for longitude in ticks(frame.west, frame.east, 4):
        x = frame.x(longitude)
        yield line(x, top, x, foot, "grid")
        turned = (longitude + 180) % 360 - 180
        yield text(x, foot + 16, _degrees(turned, "EW", say), "tiny", "middle")
    for latitude in ticks(frame.south, frame.north, 4):
        y = frame.y(latitude)
        yield line(left, y, right, y, "grid")
        yield text(left - 5, y + 4, _degrees(latitude, "NS", say), "tiny", "end")


def _degrees(value: float, letters: str, say: Say) -> str:
    said = (
        say.number(abs(value)) if round(value, 1) == round(value, 9) else say.number(abs(value), 2)
    )
    # West is O in Portuguese and Spanish.
    letter = letters[value < 0].replace("W", "W" if say.language == "en" else "O")
    return f"{said}°{letter if value else ''}"


def _scale_bar(frame: _Frame) -> Iterator[Markup]:
    km = ticks(0, 110 / frame.scale * _KM_PER_DEGREE, 2)[-1]
    length = km / _KM_PER_DEGREE * frame.scale
    x, y = frame.x(frame.east) - 12, frame.y(frame.south) - 10
    yield line(x - length, y, x, y, "axis")
    yield text(x, y - 5, f"{km:g} km", "tiny halo", "end")


def _labels(
    spots: Sequence[Spot],
    order: Sequence[int],
    longitudes: Sequence[float],
    sizes: Sequence[float],
    frame: _Frame,
    taken: list[tuple[float, float, float, float]],
) -> Iterator[Markup]:
    """Names where there is room, the most concerned first; the table has all of them."""
    for i in order:
        spot, name = spots[i], spots[i].place.name
        x, y = frame.x(longitudes[i]), frame.y(spot.place.latitude)
        wide, reach = 6.6 * len(name), 1.3 * sizes[i] + 6
        for left, foot in (
            (x + reach, y + 4),
            (x - reach - wide, y + 4),
            (x - wide / 2, y - reach - 1),
            (x - wide / 2, y + reach + 9),
        ):
            box = (left, foot - 12, left + wide, foot + 3)
            is_inside = box[0] > _MARGIN and box[2] < _WIDTH - 4 and box[1] > _MARGIN / 2
            if is_inside and not any(_touch(box, other) for other in taken):
                taken.append(box)
                yield text(left, foot, name, "tick halo")
                break


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
