#!/usr/bin/env bash
# shapely 2.2.0, pyproj 3.7.2 and h3 4.5.0 on one warning's polygon, run 2026-11-28.
#
# Expected: a CAP polygon round Fiji's eastern islands, from 179° E to 179° W, is one small area.
# Seen: h3 takes the short way round and covers the islands; pyproj's area is that of the small
#   one, 47,140 km². To shapely the same ring is valid and spans 358° the other way: Taveuni is
#   outside, and all that lies between 16° S and 18° S round the rest of the Earth is inside.
# Why it matters: matched by shapely, a cyclone warning reaches everybody on Earth at that latitude
#   but those it is for, and two libraries in one program disagree. Cut rings at 180° (RFC 7946,
#   3.1.9) before shapely sees them.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check shapely==2.2.0 pyproj==3.7.2 h3==4.5.0 numpy==2.4.6

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
import h3
import shapely
from pyproj import Geod

RING = [(-16.0, 179.0), (-16.0, -179.0), (-18.0, -179.0), (-18.0, 179.0), (-16.0, 179.0)]  # lat, lon, as in CAP
POINTS = {"Taveuni, Fiji": (-16.85, -179.97), "South Atlantic": (-17.0, 0.0)}

area = shapely.Polygon([(lon, lat) for lat, lon in RING])
cells = h3.polygon_to_cells(h3.LatLngPoly(RING), 5)
print("shapely: valid", area.is_valid)
for name, (lat, lon) in POINTS.items():
    print(f"{name}: shapely {area.contains(shapely.Point(lon, lat))}, h3 {h3.latlng_to_cell(lat, lon, 5) in cells}")
square_m, _ = Geod(ellps="WGS84").geometry_area_perimeter(area)
print(f"pyproj: {abs(square_m) / 1e6:.0f} km²; shapely: {area.area:.0f} square degrees")
PY

cat >"$tmp/expected" <<'TXT'
shapely: valid True
Taveuni, Fiji: shapely False, h3 True
South Atlantic: shapely True, h3 False
pyproj: 47140 km²; shapely: 716 square degrees
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a polygon across 180 degrees is taken otherwise now" >&2; exit 1; }
