#!/usr/bin/env bash
# aio-georss-client 2026.6.0 and aio-geojson-client 2026.6.0 (Home Assistant hears GDACS and fire services
# with them), against shapely 2.2.0 with pyproj 3.7.2, run 2026-11-30.
#
# Expected: how far a home is from an area is how far it is from its nearest edge, whichever way that runs.
#   "Within 20 km" then hears of a fire or a cyclone's area 11 km away.
# Seen: edges are reckoned with where they run from south-west to north-east, or along a parallel or a meridian. Of
#   those from north-west to south-east the two ends alone count: 11 km before the middle of such an edge of
#   220 km are 86 km, to the far side of the area. In a mirror the same area is 11 km away.
# Why it matters: an area is left out by a radius, or heard of late, by the direction of its front; and the tests
#   that one writes, with boxes, pass.
# Way out: ask for a larger radius, and measure the distance oneself.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    aio-georss-client==2026.6.0 aio-geojson-client==2026.6.0 shapely==2.2.0 pyproj==3.7.2

cat >"$tmp/far.py" <<'PY'
import pyproj
import shapely
from aio_geojson_client.geojson_distance_helper import GeoJsonDistanceHelper
from aio_geojson_client.geometries import Point as JsonPoint, Polygon as JsonPolygon
from aio_georss_client.geo_rss_distance_helper import GeoRssDistanceHelper
from aio_georss_client.xml_parser.geometry import Point, Polygon

# A triangle on the equator, latitude and longitude; its long edge is its front. The home lies before the middle.
FRONTS = {
    "south-west to north-east": ([(0.0, 10.0), (1.4, 11.4), (0.0, 11.4)], (0.77, 10.63)),
    "north-west to south-east": ([(0.0, 11.4), (1.4, 10.0), (0.0, 10.0)], (0.77, 10.77)),
}
flat = pyproj.Transformer.from_crs("EPSG:4326", "+proj=aeqd +lat_0=0.7 +lon_0=10.7").transform

for front, (corners, home) in FRONTS.items():
    ring = [*corners, corners[0]]
    rss = GeoRssDistanceHelper.distance_to_geometry(home, Polygon([Point(*at) for at in ring]))
    json = GeoJsonDistanceHelper.distance_to_geometry(home, JsonPolygon([JsonPoint(*at) for at in ring]))
    is_ = shapely.Polygon([flat(*at) for at in ring]).distance(shapely.Point(flat(*home))) / 1000
    print(f"SEEN {front}: is {is_:.0f} km, georss {rss:.0f} km, geojson {json:.0f} km")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/far.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN south-west to north-east: is 11 km, georss 11 km, geojson 11 km
SEEN north-west to south-east: is 11 km, georss 86 km, geojson 86 km
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the distance to an edge is another now" >&2; exit 1; }
