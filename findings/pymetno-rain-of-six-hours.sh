#!/usr/bin/env bash
# PyMetno 0.13.0, run 2026-11-30.
#
# Expected: MET Norway's forecast goes by the hour for some days, and by six hours behind them, each amount of rain
#   for the hour or the six hours that begin there. Asked for an hour of the later days, a client has no
#   amount, or a sixth; asked for the day of a place, by a time with the place's zone, that day.
# Seen: an hour without an entry gets the next entry, with all of its six hours: 60 mm between 12 and 18 UTC are
#   60 mm in each of the hours 7 to 12: 360 mm, five sixths of it before the rain begins. And the day is
#   that of the machine's zone (TZ): of a later day in Auckland, 96 mm by a machine in Auckland's zone,
#   a machine in UTC has nothing at all, and so in Honolulu.
# Why it matters: rain that is six times too much wakes people, rain that is told for hours before it comes lets
#   them sleep, and a container's clock is in UTC.
# Way out: read `data` oneself: amounts with their period, days by the place's zone.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check PyMetno==0.13.0 aiohttp==3.14.5 async-timeout==5.0.1 tzdata==2026.6

cat >"$tmp/read.py" <<'PY'
import os
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from metno import MetWeatherData

# The machine's zones as POSIX writes them, so that the machine needs no table of zones.
ZONES = {"UTC": "UTC0", "Pacific/Auckland": "NZST-12NZDT,M9.5.0,M4.1.0/3", "Pacific/Honolulu": "HST10"}
FIRST = datetime(2026, 12, 2, tzinfo=UTC)
BY_SIX_HOURS = {0: 0.0, 6: 0.0, 12: 60.0, 18: 36.0, 24: 0.0, 30: 0.0, 36: 0.0, 42: 0.0, 48: 0.0}


def entry(hour, rain):
    return {
        "time": f"{FIRST + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}",
        "data": {
            "instant": {"details": {"air_temperature": 20.0, "wind_speed": 5.0}},
            "next_6_hours": {"summary": {"symbol_code": "heavyrain"}, "details": {"precipitation_amount": rain}},
        },
    }


def read_in(zone):
    os.environ["TZ"] = ZONES[zone]
    time.tzset()


client = MetWeatherData({"lat": -36.85, "lon": 174.76}, websession=object())
client.data = {"properties": {"timeseries": [entry(*step) for step in BY_SIX_HOURS.items()]}}

read_in("UTC")
hours = {hour: client.get_weather(FIRST + timedelta(hours=hour), hourly=True)["precipitation"] for hour in range(19)}
print("by the hour, UTC:", " ".join(f"{hour}h {rain:.0f}" for hour, rain in hours.items() if 6 <= hour <= 13))
for place, day in (("Pacific/Auckland", 3), ("Pacific/Honolulu", 2)):
    noon = datetime(2026, 12, day, 12, tzinfo=ZoneInfo(place))
    for zone in (place, "UTC"):
        read_in(zone)
        print(f"{noon:%d %B} in {place}, machine in {zone}: {client.get_weather(noon).get('precipitation')} mm")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
by the hour, UTC: 6h 0 7h 60 8h 60 9h 60 10h 60 11h 60 12h 60 13h 36
03 December in Pacific/Auckland, machine in Pacific/Auckland: 96.0 mm
03 December in Pacific/Auckland, machine in UTC: None mm
02 December in Pacific/Honolulu, machine in Pacific/Honolulu: 96.0 mm
02 December in Pacific/Honolulu, machine in UTC: None mm
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: PyMetno takes other hours and days now" >&2; exit 1; }
