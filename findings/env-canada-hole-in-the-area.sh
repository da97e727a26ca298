#!/usr/bin/env bash
# env-canada 0.20.5, beside shapely 2.2.0, run 2026-11-30.
#
# Expected: an area with a hole is warned but for the hole (RFC 7946, 3.1.6: the first ring is the outer one,
#   all others bound holes in it). A county that surrounds a town, which has its own forecast region, is such an
#   area.
# Seen: of each polygon the first ring alone is looked at: the middle of the town is warned of what the service
#   gives out for the county around it. Outer edges are right.
# Why it matters: a town of a million is told of a tornado that nobody warned it of; when its own warning comes
#   there are two, with two times and two colours, and the end of the other one ends neither.
# Way out: `alert_features` has the properties without the area: ask the service for its areas oneself, and hold
#   the point against each with all rings.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile env-canada==0.20.5 shapely==2.2.0

cat >"$tmp/town.py" <<'PY'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from env_canada import ec_alerts
from shapely.geometry import Point, shape


def square(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


COUNTY = {"type": "Polygon", "coordinates": [square(-114.9, 50.6, -113.4, 51.5), square(-114.3, 50.85, -113.85, 51.2)[::-1]]}
PLACES = {"a farm of the county": (51.35, -114.6), "the middle of the town": (51.05, -114.07), "beyond the county": (51.05, -113.0)}
WARNING = {"alert_type": "warning", "alert_name_en": "tornado warning", "status_en": "active", "risk_colour_en": "red",
           "publication_datetime": "2026-07-01T21:00:00Z", "expiration_datetime": "2026-07-01T22:00:00Z"}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        feature = {"type": "Feature", "geometry": COUNTY, "properties": WARNING}
        self.wfile.write(json.dumps({"type": "FeatureCollection", "features": [feature]}).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
ec_alerts.GEOMET_WFS_URL = f"http://127.0.0.1:{server.server_address[1]}/geomet"


async def main():
    for name, (latitude, longitude) in PLACES.items():
        alerts = ec_alerts.ECAlerts((latitude, longitude))
        await alerts.update()
        told = [one["title"] for one in alerts.alerts["warnings"]["value"]]
        inside = shape(COUNTY).contains(Point(longitude, latitude))
        print(f"{name}: env-canada {told or 'nothing'}; shapely {'inside' if inside else 'outside'}")


asyncio.run(main())
PY
"$tmp/venv/bin/python" -W ignore "$tmp/town.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
a farm of the county: env-canada ['Tornado Warning']; shapely inside
the middle of the town: env-canada ['Tornado Warning']; shapely outside
beyond the county: env-canada nothing; shapely outside
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: env-canada has holes in its areas now" >&2; exit 1; }
