#!/usr/bin/env bash
# noaa-weather-hourly 1.0.3, run 2026-11-30.
#
# Expected: of NOAA's local climatological data (LCD) an hour's rain is what its report says, a figure or a
#   trace (`T`, by its documentation less than what can be measured); a gust that is not there was none. What is
#   filled in is what was not observed.
# Seen: `T` is not a number, so it is missing, and what is missing is drawn from its neighbours, up to 24 hours:
#   an inch, six hours of traces and an inch are 8 inches. Between two gusts of 45 mph, 16 hours apart with 3
#   mph of wind, there are gusts of 45 mph each hour, and after the second one to the end of the day. The column
#   `No source data` is for hours without a report; these have one.
# Why it matters: a day of 51 mm becomes one of 203 mm, and a calm day one of storm, in the series that limits
#   and return periods are made from.
# Way out: write 0 for `T`, and the wind's speed for a gust that is not there, into the file before it is read.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check noaa-weather-hourly==1.0.3 pandas==2.1.4 numpy==1.26.4

cat >"$tmp/write.py" <<'PY'
import csv

HOURS = range(24)
RAIN = dict.fromkeys(HOURS, "0.00") | {6: "1.00", **dict.fromkeys(range(7, 13), "T"), 13: "1.00"}
GUSTS = {2: "45", 18: "45"}

with open("LCD_USW00014939_2026.csv", "w", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["STATION", "DATE", "REPORT_TYPE", "SOURCE", "HourlyDryBulbTemperature", "HourlyPrecipitation",
                   "HourlyWindGustSpeed", "HourlyWindSpeed", "Sunrise", "Sunset"])
    for day in (1, 2):
        for hour in HOURS:
            rain, gust = (RAIN[hour], GUSTS.get(hour, "")) if day == 1 else ("0.00", "")
            speed = "30" if gust else "3"
            rows.writerow(["USW00014939", f"2026-07-{day:02d}T{hour:02d}:00:00", "FM-15", "7", 60 + hour + day, rain, gust, speed,
                           "0603" if hour == 0 else "", "2101" if hour == 0 else ""])
PY
cat >"$tmp/read.py" <<'PY'
import csv
import sys
from pathlib import Path

[made] = [path for path in Path(sys.argv[1]).glob("*.csv") if not path.name.startswith("LCD_")]
with made.open(newline="") as file:
    rows = list(csv.DictReader(file))
time, rain, gust = (next(name for name in rows[0] if word in name) for word in ("DATE", "Precipitation", "Gust"))
day = [row for row in rows if row[time].startswith("2026-07-01")]
for name, column in (("rain, inches from", rain), ("gusts, mph from", gust)):
    values = [row[column] or "none" for row in day]
    changes = [f"{hour} h {value}" for hour, value in enumerate(values) if hour == 0 or value != values[hour - 1]]
    print(f"{name}:", ", ".join(changes))
print(f"the day: {sum(float(row[rain]) for row in day if row[rain]):.2f} inches, as reported 2.00 and traces")
print("`No source data`:", *sorted({row["No source data"] for row in day}))
PY
(cd "$tmp" && mkdir lcd && cd lcd && "$tmp/venv/bin/python" "$tmp/write.py" && "$tmp/venv/bin/python" -W ignore -m noaa_weather_hourly) >"$tmp/log" 2>&1 ||
    { cat "$tmp/log" >&2; exit 1; }
"$tmp/venv/bin/python" "$tmp/read.py" "$tmp/lcd" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
rain, inches from: 0 h 0.0, 6 h 1.0, 14 h 0.0
gusts, mph from: 0 h none, 2 h 45.0
the day: 8.00 inches, as reported 2.00 and traces
`No source data`: False
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: noaa-weather-hourly fills hours otherwise now" >&2; exit 1; }
