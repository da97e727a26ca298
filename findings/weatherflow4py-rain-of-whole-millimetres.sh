#!/usr/bin/env bash
# weatherflow4py 1.1.1, run 2026-11-30.
#
# Expected: a forecast for a WeatherFlow station (`better_forecast`) has the rain of each hour in tenths and hundredths of
#   a millimetre, gusts in tenths of a metre a second, and an icon; what is handed on to Home Assistant
#   (`ha_forecast`) is the same.
# Seen: rain is cut to whole millimetres when it is read, what has fallen today and yesterday too: 24 hours of 0.9 mm,
#   21.6 mm in a day, are 0. The gust handed on is cut as well: 32.9 m/s, a hurricane's, are 32, a storm's. Of the
#   icons "possibly rainy" is `pouring`, "rainy" is `rainy`, and sleet is `hail`.
# Why it matters: a day of steady rain, which floods a valley, is a dry one, and is called pouring if it is no more than
#   possible; who waits for hail is woken by each sleet, and limits of wind are passed up to 1 m/s too late.
# Way out: read `precip` and `wind_gust` from the answer itself, and the condition from `conditions` and `precip_type`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile weatherflow4py==1.1.1

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from weatherflow4py.models.rest.forecast import CurrentConditions, ForecastHourly

FIRST = 1796083200  # 2026-12-01, 00:00 UTC
PLACE = {"sea_level_pressure": 1001.2, "relative_humidity": 97, "uv": 0.0, "air_temperature": 4.0, "feels_like": 1.0,
         "wind_avg": 20.4, "wind_direction": 200, "wind_direction_cardinal": "SSW", "wind_gust": 32.9}


def hour(number, precip, icon, conditions, precip_type="rain"):
    return ForecastHourly.from_dict({
        **PLACE, "time": FIRST + 3600 * number, "local_hour": number, "local_day": 1, "icon": icon, "conditions": conditions,
        "precip": precip, "precip_probability": 20 if "Possible" in conditions else 90, "precip_type": precip_type,
    })


day = [hour(number, 0.9, "rainy", "Rain Likely") for number in range(24)]
print(f"24 hours of 0.9 mm: {sum(one.precip for one in day)} mm, handed on"
      f" {sum(one.ha_forecast['native_precipitation'] for one in day)} mm")
print(f"gust of 32.9 m/s: {day[0].wind_gust}, handed on {day[0].ha_forecast['native_wind_gust_speed']}")
for icon, conditions, kind in (("possibly-rainy-day", "Rain Possible", "rain"), ("rainy", "Rain Likely", "rain"),
                               ("sleet", "Wintry Mix Likely", "sleet")):
    told = hour(12, 1.0, icon, conditions, kind).ha_forecast
    print(f"{conditions} ({icon}), chance {told['precipitation_probability']} %: {told['condition']}")
now = CurrentConditions.from_dict({
    **PLACE, "time": FIRST, "conditions": "Heavy Rain", "icon": "rainy", "is_precip_local_day_rain_check": True,
    "pressure_trend": "falling", "solar_radiation": 0, "wet_bulb_globe_temperature": 3.0, "wet_bulb_temperature": 3.0,
    "precip_accum_local_day": 0.97, "precip_accum_local_yesterday": 29.99,
})
print(f"fallen today 0.97 mm: {now.precip_accum_local_day}, yesterday 29.99 mm: {now.precip_accum_local_yesterday}")
PY

cat >"$tmp/expected" <<'TXT'
24 hours of 0.9 mm: 0 mm, handed on 0 mm
gust of 32.9 m/s: 32.9, handed on 32
Rain Possible (possibly-rainy-day), chance 20 %: pouring
Rain Likely (rainy), chance 90 %: rainy
Wintry Mix Likely (sleet), chance 90 %: hail
fallen today 0.97 mm: 0, yesterday 29.99 mm: 29
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: rain, gusts or conditions are others now" >&2; exit 1; }
