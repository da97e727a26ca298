#!/usr/bin/env bash
# nwsapy 1.0.3, run 2026-11-30.
#
# Expected: of two alerts of the National Weather Service `one.sent_before(other)` is true if the one was sent first, as its
#   documentation says; and an alert with two areas (MultiPolygon, RFC 7946, 3.1.7) has the areas of the answer.
# Seen: all ten comparisons are the other way round: what was sent at 12:00 was sent after what was sent at 13:00, and
#   a warning that ends at 15:00 ends before one that ends at 14:00. Of an area of two parts each corner's longitude is
#   its latitude, too: both parts are lines at 97° S, off the globe, of no extent, and nothing is inside. One area
#   alone (Polygon) is right.
# Why it matters: who keeps the newest of two messages keeps the one it replaces, who waits for the last to end stops at
#   the first, and a tornado's warning for two parts of a county has nobody in it.
# Way out: compare `sent_utc`, `expires_utc`, `ends_utc` oneself; areas by shapely's `shape()` from the answer itself.
# The service's answer is made here, as it has it; no network is asked.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check nwsapy==1.0.3 shapely==2.2.0 pandas==3.1.1 numpy==2.4.6 pytz==2026.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from nwsapy.services.set_data import for_active_alerts
from shapely.geometry import Point, shape

SQUARE = [[-97.6, 35.2], [-97.2, 35.2], [-97.2, 35.6], [-97.6, 35.6], [-97.6, 35.2]]
BESIDE = [[-96.6, 35.2], [-96.2, 35.2], [-96.2, 35.6], [-96.6, 35.6], [-96.6, 35.2]]
TOWN = Point(-97.4, 35.4)


def alert(number, hour, ends, geometry):
    def at(hour):
        return f"2026-05-20T{hour:02}:00:00-05:00"

    return {
        "id": number, "type": "Feature", "geometry": geometry,
        "properties": {
            "id": number, "areaDesc": "Cleveland, OK", "geocode": {"SAME": ["040027"], "UGC": ["OKC027"]},
            "affectedZones": ["https://api.weather.gov/zones/county/OKC027"], "references": [], "sent": at(hour),
            "effective": at(hour), "onset": at(hour), "expires": at(ends), "ends": at(ends), "status": "Actual",
            "messageType": "Alert", "category": "Met", "severity": "Extreme", "certainty": "Observed", "urgency": "Immediate",
            "event": "Tornado Warning", "sender": "w-nws.webmaster@noaa.gov", "senderName": "NWS Norman OK",
            "headline": "Tornado Warning", "description": "...", "instruction": "Take cover", "response": "Shelter",
            "parameters": {},
        },
    }


ONE = {"type": "Polygon", "coordinates": [SQUARE]}
TWO = {"type": "MultiPolygon", "coordinates": [[SQUARE], [BESIDE]]}
first, second = for_active_alerts(({"features": [alert("1", 12, 15, ONE), alert("2", 13, 14, TWO)]}, {}))
for name in ("sent", "effective", "onset", "expires", "ends"):
    print(f"{name} {getattr(first, name):%H:%M} and {getattr(second, name):%H:%M}:"
          f" the first before the second {getattr(first, name + '_before')(second)},"
          f" after it {getattr(first, name + '_after')(second)}")
for name, found, geometry in (("one area", [first.polygon], ONE), ("two areas", second.polygon, TWO)):
    print(f"{name}: the town is inside {any(one.contains(TOWN) for one in found)}, by the answer {shape(geometry).contains(TOWN)};"
          f" to {', '.join(f'{one.bounds[2]} {one.bounds[3]}' for one in found)}, square degrees {sum(one.area for one in found):.2f}")
PY

cat >"$tmp/expected" <<'TXT'
sent 12:00 and 13:00: the first before the second False, after it True
effective 12:00 and 13:00: the first before the second False, after it True
onset 12:00 and 13:00: the first before the second False, after it True
expires 15:00 and 14:00: the first before the second True, after it False
ends 15:00 and 14:00: the first before the second True, after it False
one area: the town is inside True, by the answer True; to -97.2 35.6, square degrees 0.16
two areas: the town is inside False, by the answer True; to -97.2 -97.2, -96.2 -96.2, square degrees 0.00
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: nwsapy compares alerts or reads areas otherwise now" >&2; exit 1; }
