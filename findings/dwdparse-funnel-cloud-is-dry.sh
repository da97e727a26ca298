#!/usr/bin/env bash
# dwdparse 0.9.22, run 2026-11-30.
#
# Expected: the reader of DWD's files gives the weather of a report (SYNOP) or a forecast (MOSMIX) in one word: dry, fog,
#   rain, sleet, snow, hail, thunderstorm, or None. Code 19 is a funnel cloud or tornado, 18 squalls, 29 a thunderstorm
#   in the last hour, 66 and 67 rain that freezes to glaze, 68 rain with snow.
# Seen: the tornado and the squalls are `dry`, as a cloudless sky is. A thunderstorm of the last hour is `dry` too, while
#   one of the past weather alone, which may be six hours old, is a thunderstorm. Freezing rain at -3 degrees is
#   `sleet`, as rain with snow is at +1. The code itself is not in the record.
# Why it matters: it is what Bright Sky and the programs after it show: fine weather under a tornado, wet snow where the
#   roads are glass, and the older of two thunderstorms alone.
# Way out: take `dry` as "nothing falls", no more; for glaze, squalls and tornadoes read the code (ww) or the warnings.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile dwdparse==0.9.22

(cd "$tmp" && "$tmp/venv/bin/python" >"$tmp/seen") <<'PY'
import bz2
import json
import zipfile
from datetime import datetime, timedelta, timezone

from dwdparse.parsers import MOSMIXParser, SYNOPParser

REPORTS = {"cloudless": (0, 0), "squalls": (18, 8), "tornado": (19, 9), "thunderstorm of the last hour": (29, 9),
           "the same, only the past": (None, 9), "thunderstorm now": (95, 9)}
subsets = []
for number, (present, past) in enumerate(REPORTS.values(), start=1):
    values = {"blockNumber": 10, "stationNumber": number, "stationOrSiteName": "Inselstadt", "year": 2026, "month": 7,
              "day": 24, "hour": 15, "minute": 0, "latitude": 54.1, "longitude": 7.9,
              "heightOfStationGroundAboveMeanSeaLevel": 4, "presentWeather": present, "timePeriod": -1,
              "pastWeather1": past, "pastWeather2": past}
    subsets.append([{"key": key, "value": value} for key, value in values.items()])
with bz2.open("synop.json.bz2", "wt") as file:
    json.dump({"messages": [[{"key": "edition", "value": 4}, subsets]]}, file)
for name, record in zip(REPORTS, SYNOPParser().parse("synop.json.bz2")):
    print(f"report, {name}: {record['condition']}")

FIRST = datetime(2026, 12, 1, tzinfo=timezone.utc)
ROWS = {"TTT": ("270.15", "270.15", "274.15", "271.15"), "ww": ("67.00", "66.00", "68.00", "73.00")}
steps = "".join(f"<dwd:TimeStep>{FIRST + timedelta(hours=h):%Y-%m-%dT%H:%M:%S.000Z}</dwd:TimeStep>" for h in range(4))
rows = "".join(f'<dwd:Forecast dwd:elementName="{name}"><dwd:value>{" ".join(row)}</dwd:value></dwd:Forecast>'
               for name, row in ROWS.items())
with zipfile.ZipFile("mosmix.kmz", "w") as file:
    file.writestr("MOSMIX_L_2026120100_10147.kml", f"""<?xml version="1.0" encoding="UTF-8"?>
<kml:kml xmlns:dwd="https://opendata.dwd.de/weather/lib/pointforecast_dwd_extension_V1_0.xsd"
 xmlns:kml="http://www.opengis.net/kml/2.2"><kml:Document><kml:ExtendedData><dwd:ProductDefinition>
<dwd:ProductID>MOSMIX</dwd:ProductID><dwd:IssueTime>2026-12-01T00:00:00.000Z</dwd:IssueTime>
<dwd:ForecastTimeSteps>{steps}</dwd:ForecastTimeSteps></dwd:ProductDefinition></kml:ExtendedData><kml:Placemark>
<kml:name>10147</kml:name><kml:description>HAMBURG</kml:description><kml:ExtendedData>{rows}</kml:ExtendedData>
<kml:Point><kml:coordinates>10.0,53.63,16.0</kml:coordinates></kml:Point></kml:Placemark></kml:Document></kml:kml>""")
for code, record in zip(ROWS["ww"], MOSMIXParser().parse("mosmix.kmz")):
    print(f"forecast, ww {code}: {record['condition']} at {record['temperature'] - 273.15:+.0f} degrees")
print("in the record:", *(name for name in record if name not in ("source", "station_name")))
PY

cat >"$tmp/expected" <<'TXT'
report, cloudless: dry
report, squalls: dry
report, tornado: dry
report, thunderstorm of the last hour: dry
report, the same, only the past: thunderstorm
report, thunderstorm now: thunderstorm
forecast, ww 67.00: sleet at -3 degrees
forecast, ww 66.00: sleet at -3 degrees
forecast, ww 68.00: sleet at +1 degrees
forecast, ww 73.00: snow at -2 degrees
in the record: observation_type lat lon height dwd_station_id wmo_station_id timestamp temperature condition
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the weather of DWD's codes is told otherwise now" >&2; exit 1; }
