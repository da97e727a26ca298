#!/usr/bin/env bash
# metloom 0.10.1, run 2026-11-30.
#
# Expected: the grid of the National Weather Service says what holds for how long: `2026-12-01T00:00:00+00:00/PT18H` is
#   one value for 18 hours, as those that are equal are put together, and rain is a sum for six hours mostly. A
#   forecast by the day is the mean of its hours, or the sum of what falls in it, by the hour the part of each hour.
# Seen: each entry counts once, at the middle of its time. A day of 18 hours at -10 degrees and six hours from 0 to 5 is
#   one of 0.7 degrees; by the hour the long frost is one hour, of 24 there are 7. Of 60 mm between 6 and 12 h all
#   fall in the hour of 9, and the others are 0. Of 48 mm from 18 h to 6 h the next day has all and this one none.
# Why it matters: a day of frost is told as a thaw. A steady rain of 10 mm an hour is a cloudburst of 60, which is another
#   warning, and the evening's flood is tomorrow's.
# Way out: `get_forecast`, and each entry spread over its own time, which metloom does not hand out: read `validTime`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile metloom==0.10.1 pandas==2.3.3 numpy==2.4.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import requests
from metloom.pointdata import NWSForecastPointData
from shapely.geometry import Point


def entry(day, hour, hours, value):
    return {"validTime": f"2026-12-{day:02}T{hour:02}:00:00+00:00/PT{hours}H", "value": value}


GRID = {
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [[[-116.1, 43.5], [-116.0, 43.5], [-116.0, 43.6], [-116.1, 43.5]]]},
    "properties": {
        "elevation": {"unitCode": "wmoUnit:m", "value": 900},
        "temperature": {"uom": "wmoUnit:degC", "values": [
            entry(1, 0, 18, -10), *(entry(1, 18 + number, 1, number) for number in range(6)),
        ]},
        "quantitativePrecipitation": {"uom": "wmoUnit:mm", "values": [
            entry(1, 0, 6, 0), entry(1, 6, 6, 60), entry(1, 12, 6, 0), entry(1, 18, 12, 48), entry(2, 6, 6, 0),
        ]},
    },
}
POINT = {"properties": {"gridX": 28, "gridY": 28, "gridId": "BOI"}}


class Answer:
    """What the service would have sent; the rest is the library's."""

    def __init__(self, url):
        self.url = url

    def raise_for_status(self):
        pass

    def json(self):
        return POINT if "/points/" in self.url else GRID


requests.get = lambda url, **_: Answer(url)
place = NWSForecastPointData("BOI", "Boise", initial_metadata=Point(-116.05, 43.55))
variables = place.ALLOWED_VARIABLES
for name, variable, unit in (("AIR TEMP", variables.TEMP, "C"), ("ACCUMULATED PRECIPITATION", variables.PRECIPITATIONACCUM, "mm")):
    days = place.get_daily_forecast([variable]).reset_index()
    hours = place.get_hourly_forecast([variable]).reset_index()
    print("by the day:", ", ".join(f"{one['datetime']:%d} {one[name]:.1f} {unit}" for _, one in days.iterrows()))
    told = [f"{one['datetime']:%d, %H}h {one[name]:.0f}" for _, one in hours.iterrows() if one[name] or unit == "C"]
    print(f"by the hour, {len(hours)} of them{', all others 0' if unit == 'mm' else ''}:", "; ".join(told))
PY

cat >"$tmp/expected" <<'TXT'
by the day: 01 0.7 C
by the hour, 7 of them: 01, 09h -10; 01, 18h 0; 01, 19h 1; 01, 20h 2; 01, 21h 3; 01, 22h 4; 01, 23h 5
by the day: 01 60.0 mm, 02 48.0 mm
by the hour, 31 of them, all others 0: 01, 09h 60; 02, 00h 48
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the hours of an entry count otherwise now" >&2; exit 1; }
