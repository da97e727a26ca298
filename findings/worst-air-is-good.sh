#!/usr/bin/env bash
# aqicalc 0.0.8.1, aqi-hub 0.3.3, aqipy-atmotech 0.1.5, run 2026-11-30.
#
# Expected: an air quality index grows with what is in the air, and what lies above its last band is in the last band.
# Seen: aqicalc gives the concentration back as the index for what lies above the last band, or between two bands, of
#   India's (CPCB) and Brazil's (IEMA). In India smog of 250 ug/m3 is 400 and of 251 is 251, "poor" instead of "severe";
#   in Brazil 125 are 200 and 126 are 126. Carbon monoxide of 40 mg/m3, "severe" and "pessima", is 40: good in both.
#   Brazil's bands of fine dust end at 25 and begin at 26: 25 ug/m3 are 40, 25.5 are 25.5; 75.5, "ruim" or worse, are
#   75.5, "moderada".
#   aqi-hub's index of the United States has none for sulphur dioxide of 305 ppb in an hour, where EPA says 200, unless the
#   day's mean is that high, too; nor for ozone above 0.2 ppm without its hour: the rest decides, 27, "good".
#   aqipy-atmotech makes of each ozone from 0.106 ppm on 300, of each sulphur dioxide from 186 ppb on 200.
# Why it matters: Delhi's smog and a volcano's fumes are the days that an index is for. It falls as the air gets worse.
# Way out: the bands as tables of one's own, with the last one open, and a test at each bound.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check aqicalc==0.0.8.1 aqi-hub==0.3.3 aqipy-atmotech==0.1.5

cat >"$tmp/worst.py" <<'PY'
import aqicalc
from aqi_hub import aqi_usa
from aqipy import aqi_us

PM25, CO = aqicalc.POLLUTANT_PM25, aqicalc.POLLUTANT_CO_8H
for country, way in (("India", aqicalc.ALGO_CPCB), ("Brazil", aqicalc.ALGO_IEMA)):
    fine = {value: str(aqicalc.to_aqi([(PM25, value)], algo=way)) for value in ("25", "25.5", "75.5", "125", "126", "250", "251")}
    fumes = {value: str(aqicalc.to_aqi([(CO, value)], algo=way)) for value in ("10", "16", "40")}
    print(f"aqicalc, {country}, fine dust:", ", ".join(f"{value} ug/m3 {index}" for value, index in fine.items()))
    print(f"aqicalc, {country}, carbon monoxide:", ", ".join(f"{value} mg/m3 {index}" for value, index in fumes.items()))

CLEAN = {"pm25": 5, "pm10": 20, "so2_1h": 10, "no2": 20, "co": 0.5, "o3_8h": 0.03}
for name, worse in {"304 ppb of SO2": {"so2_1h": 304}, "305 ppb of SO2": {"so2_1h": 305, "so2_24h": 150},
                    "0.2 ppm of ozone": {"o3_8h": 0.2}, "0.201 ppm of ozone": {"o3_8h": 0.201}}.items():
    index, parts = aqi_usa.cal_aqi_usa(**{**CLEAN, **worse})
    print(f"aqi-hub, {name}: index {index}, level {aqi_usa.get_aqi_level(index)}, SO2 {parts['SO2']}, ozone {parts['O3']}")

for ppm in (0.105, 0.106, 0.2):
    print(f"aqipy-atmotech, {ppm} ppm of ozone: {aqi_us.get_aqi_o3_8h(ppm)[0]}, aqi-hub {aqi_usa.cal_iaqi_usa(ppm, 'O3_8H')}")
for ppb in (185, 186, 304):
    print(f"aqipy-atmotech, {ppb} ppb of SO2: {aqi_us.get_aqi_so2_1h(ppb / 1000)[0]}, aqi-hub {aqi_usa.cal_iaqi_usa(ppb, 'SO2_1H')}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/worst.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
aqicalc, India, fine dust: 25 ug/m3 42, 25.5 ug/m3 43, 75.5 ug/m3 150, 125 ug/m3 304, 126 ug/m3 305, 250 ug/m3 400, 251 ug/m3 251
aqicalc, India, carbon monoxide: 10 mg/m3 200, 16 mg/m3 286, 40 mg/m3 40
aqicalc, Brazil, fine dust: 25 ug/m3 40, 25.5 ug/m3 25.5, 75.5 ug/m3 75.5, 125 ug/m3 200, 126 ug/m3 126, 250 ug/m3 250, 251 ug/m3 251
aqicalc, Brazil, carbon monoxide: 10 mg/m3 40, 16 mg/m3 158, 40 mg/m3 40
aqi-hub, 304 ppb of SO2: index 200, level 4, SO2 200, ozone 27
aqi-hub, 305 ppb of SO2: index 27, level 1, SO2 None, ozone 27
aqi-hub, 0.2 ppm of ozone: index 300, level 5, SO2 14, ozone 300
aqi-hub, 0.201 ppm of ozone: index 27, level 1, SO2 14, ozone None
aqipy-atmotech, 0.105 ppm of ozone: 200, aqi-hub 200
aqipy-atmotech, 0.106 ppm of ozone: 300, aqi-hub 201
aqipy-atmotech, 0.2 ppm of ozone: 300, aqi-hub 300
aqipy-atmotech, 185 ppb of SO2: 150, aqi-hub 150
aqipy-atmotech, 186 ppb of SO2: 200, aqi-hub 151
aqipy-atmotech, 304 ppb of SO2: 200, aqi-hub 200
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the worst air has another index now" >&2; exit 1; }
