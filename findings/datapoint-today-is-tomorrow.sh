#!/usr/bin/env bash
# datapoint 0.13.0 (the Met Office's DataHub), run 2026-11-30.
#
# Expected: of a forecast by day, `now()` and `at_datetime()` give the day in which the time lies; the service dates each
#   day by its 00:00 UTC.
# Seen: they give the step nearest to the time, as by the hour. From 12:00 UTC on it is the next day: on Monday at
#   13 h the storm of Monday afternoon, gusts of 38 m/s, code 30, is gone, and it is Tuesday's 12 m/s and sun. On the
#   last day of the forecast the afternoon is refused, as more than six hours after the last forecast.
# Why it matters: who asks at breakfast is told of the storm; who asks at two, while it comes, of a calm day, as of today.
# Way out: take the step whose date is the date, from `timesteps`; or ask by the hour.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check datapoint==0.13.0

cat >"$tmp/today.py" <<'PY'
from datetime import datetime, timedelta, timezone

from datapoint.exceptions import APIException
from datapoint.Forecast import Forecast

MONDAY = datetime(2026, 11, 30, tzinfo=timezone.utc)


def day(number, gust, code):
    time = (MONDAY + timedelta(days=number)).strftime("%Y-%m-%dT%H:%MZ")
    return {"time": time, "midday10MWindGust": gust, "daySignificantWeatherCode": code}


def parameter(description, label, symbol):
    return {"type": "Parameter", "description": description,
            "unit": {"label": label, "symbol": {"value": "", "type": symbol}}}


ANSWER = {
    "type": "FeatureCollection",
    "features": [{
        "type": "Feature", "geometry": {"type": "Point", "coordinates": [-3.53, 50.72, 32.0]},
        "properties": {
            "location": {"name": "Exeter"}, "requestPointDistance": 120.0, "modelRunDate": "2026-11-30T06:00Z",
            "timeSeries": [day(-1, 9.0, 1), day(0, 38.0, 30), day(1, 12.0, 1), day(2, 14.0, 7)],
        },
    }],
    "parameters": [{
        "midday10MWindGust": parameter("10m Wind Gust Speed at Local Midday", "metres per second", "m/s"),
        "daySignificantWeatherCode": parameter("Day Significant Weather Code", "dimensionless", "1"),
    }],
}
forecast = Forecast("daily", ANSWER, convert_weather_code=True)
for hour, name in ((8, "Monday"), (12, "Monday"), (13, "Monday"), (20, "Monday"), (48 + 5, "Wednesday"), (48 + 13, "Wednesday")):
    asked = f"{name}, {hour % 24:02} h"
    try:
        told = forecast.at_datetime(MONDAY + timedelta(hours=hour))
    except APIException as error:
        print(f"{asked}: {str(error).split('.')[0]}")
    else:
        gust, weather = told["midday10MWindGust"]["value"], told["daySignificantWeatherCode"]["value"]
        print(f"{asked}: {told['time']:%A}, gust {gust} m/s, {weather}")
PY
"$tmp/venv/bin/python" "$tmp/today.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
Monday, 08 h: Monday, gust 38.0 m/s, Thunder
Monday, 12 h: Tuesday, gust 12.0 m/s, Sunny day
Monday, 13 h: Tuesday, gust 12.0 m/s, Sunny day
Monday, 20 h: Tuesday, gust 12.0 m/s, Sunny day
Wednesday, 05 h: Wednesday, gust 14.0 m/s, Cloudy
Wednesday, 13 h: There is no forecast available for the requested time
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a day is found otherwise now" >&2; exit 1; }
