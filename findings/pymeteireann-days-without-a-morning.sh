#!/usr/bin/env bash
# PyMetEireann 2024.11.0, run 2026-11-30.
#
# Expected: Met Eireann's forecast goes by the hour; the day of a place has the rain of its 24 hours, its lowest temperature
#   (mostly before sunrise) and its strongest gust.
# Seen: a day is asked for by its noon, and what has ended before that is passed over as the past, in days to come as well:
#   rain, gusts and temperatures of the morning are not there. 40 mm and a gust of 130 km/h between 5 and 8 h
#   are a dry day with 36 km/h, and a night's frost of -6 degrees is a low of 3. The same storm in the evening is there.
# Why it matters: Home Assistant's forecast by the day is made of this. A storm of the night, a flood at dawn and
#   each frost are not in it.
# Way out: ask with `hourly=True`, which is right, and make the days oneself.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check PyMetEireann==2024.11.0 freezegun==1.5.5

cat >"$tmp/read.py" <<'PY'
import asyncio
from datetime import datetime, timedelta, timezone

import pytz
from freezegun import freeze_time
from meteireann import WeatherData

DUBLIN = pytz.timezone("Europe/Dublin")


def forecast(first, storm):
    """Hours of the service's XML, as its client keeps them: values at each, and the rain of the hour before it."""
    entries = []
    for hour in range(72):
        at = first + timedelta(hours=hour)
        stormy = storm <= hour < storm + 4
        cold = storm - 2 <= hour < storm + 2
        end = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        begin = f"{at - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        entries.append({"@from": end, "@to": end, "location": {
            "temperature": {"@value": "-6.0" if cold else "3.0"}, "windSpeed": {"@mps": "5.0"},
            "windGust": {"@mps": "36.1" if stormy else "10.0"}}})
        entries.append({"@from": begin, "@to": end, "location": {"precipitation": {"@value": "10.0" if stormy else "0.0"}}})
    return {"product": {"time": entries}}


async def reader(data):
    one = WeatherData(websession=object())
    one.data = data
    return one


for when, storm_at in ((5, "morning"), (17, "evening")):
    with freeze_time("2026-12-01 09:00:00"):
        client = asyncio.run(reader(forecast(datetime(2026, 12, 1, tzinfo=timezone.utc), 24 + when)))
        day = client.get_forecast(DUBLIN)[0]
        print(f"storm and frost of the {storm_at}: {day['datetime']:%d %b}, {day['precipitation']} mm,"
              f" gusts {day['wind_gust']} km/h, {day['templow']} to {day['temperature']} C")
        hours = [client.get_weather(DUBLIN.localize(datetime(2026, 12, 2, h)), hourly=True) for h in range(24)]
        print(f"  by its hours: {sum(h['precipitation'] for h in hours)} mm, gusts {max(h['wind_gust'] for h in hours)} km/h,"
              f" {min(h['temperature'] for h in hours)} to {max(h['temperature'] for h in hours)} C")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
storm and frost of the morning: 02 Dec, 0.0 mm, gusts 36.0 km/h, 3.0 to 3.0 C
  by its hours: 40.0 mm, gusts 130.0 km/h, -6.0 to 3.0 C
storm and frost of the evening: 02 Dec, 40.0 mm, gusts 130.0 km/h, -6.0 to 3.0 C
  by its hours: 40.0 mm, gusts 130.0 km/h, -6.0 to 3.0 C
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: PyMetEireann makes days otherwise now" >&2; exit 1; }
