#!/usr/bin/env bash
# simple-dwd-weatherforecast 3.6.0, run 2026-11-30.
#
# Expected: the mean of a day, or of some hours, of a forecast by DWD (MOSMIX) is the mean of the hours that have a value; an
#   hour without one is `-` there. Of a direction the mean is that of the wind.
# Seen: an hour without a value counts as zero: with 6 of 24 hours missing 20 degrees are 219.86 K, 53 below freezing, air
#   of 1000 hPa is 750 hPa, as in no cyclone ever, and a storm of 24 m/s is 18 m/s. A wind that changes between
#   350 and 10 degrees is one from the south. The least value of the day is right.
# Why it matters: a forecast may leave out any hour of any element: the mean falls below each of its values, a limit of
#   frost or of low pressure is passed, and one of wind is not.
# Way out: take the hours (`get_forecast_data`), and make the mean of those that are not None, of directions by vectors.
# Besides: it needs Python 3.12 and does not say so; what 3.11 lacks (a subscripted DictReader) is given here.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check simple-dwd-weatherforecast==3.6.0

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import csv
from datetime import datetime, timedelta, timezone

if not hasattr(csv.DictReader, "__class_getitem__"):
    csv.DictReader.__class_getitem__ = classmethod(lambda cls, _: cls)
from simple_dwd_weatherforecast.dwdforecast import Weather, WeatherDataType

FIRST = datetime(2026, 12, 1, tzinfo=timezone.utc)
VALUES = {"TTT": "293.15", "Td": "288.15", "PPPP": "100000.00", "FF": "24.00", "FX1": "35.00", "ww": "3.00"}


def kml(hours_known):
    """A day of MOSMIX, its last hours without values but for the direction."""
    steps = "".join(f"<dwd:TimeStep>{FIRST + timedelta(hours=h):%Y-%m-%dT%H:%M:%S.000Z}</dwd:TimeStep>" for h in range(24))
    rows = {name: [value if h < hours_known or name == "ww" else "-" for h in range(24)] for name, value in VALUES.items()}
    rows["DD"] = ["350.00", "10.00"] * 12
    forecasts = "".join(f'<dwd:Forecast dwd:elementName="{name}"><dwd:value>{" ".join(row)}</dwd:value></dwd:Forecast>'
                        for name, row in rows.items())
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<kml:kml xmlns:dwd="https://opendata.dwd.de/weather/lib/pointforecast_dwd_extension_V1_0.xsd"
 xmlns:kml="http://www.opengis.net/kml/2.2"><kml:Document><kml:ExtendedData><dwd:ProductDefinition>
<dwd:IssueTime>2026-12-01T00:00:00.000Z</dwd:IssueTime><dwd:ForecastTimeSteps>{steps}</dwd:ForecastTimeSteps>
</dwd:ProductDefinition></kml:ExtendedData><kml:Placemark><kml:name>10147</kml:name>
<kml:description>HAMBURG</kml:description><kml:ExtendedData>{forecasts}</kml:ExtendedData></kml:Placemark>
</kml:Document></kml:kml>""".encode()


for known in (24, 18):
    forecast = Weather("10147")
    forecast.parse_kml(kml(known))
    noon = FIRST + timedelta(hours=12)
    print(f"{known} hours known: ", end="")
    for name, unit in (("TEMPERATURE", "K"), ("PRESSURE", "Pa"), ("WIND_SPEED", "m/s"), ("WIND_DIRECTION", "degrees")):
        kind = WeatherDataType[name]
        mean, least = (way(kind, noon, shouldUpdate=False) for way in (forecast.get_daily_avg, forecast.get_daily_min))
        print(f"{name.lower()} {mean:g} (least {least:g}) {unit}", end="\n" if unit == "degrees" else ", ")
PY

cat >"$tmp/expected" <<'TXT'
24 hours known: temperature 293.15 (least 293.15) K, pressure 100000 (least 100000) Pa, wind_speed 24 (least 24) m/s, wind_direction 180 (least 10) degrees
18 hours known: temperature 219.86 (least 293.15) K, pressure 75000 (least 100000) Pa, wind_speed 18 (least 24) m/s, wind_direction 180 (least 10) degrees
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the package makes other means now" >&2; exit 1; }
