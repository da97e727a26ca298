#!/usr/bin/env bash
# aioecowitt 2025.3.1 (what Home Assistant hears Ecowitt's consoles with) and weewx 5.5.2, run 2026-11-29.
#
# Expected: a console counts rain in hundredths of an inch, 0.254 mm each, and what is made of it in mm
#   adds up: 24 hours of one tip each are the day's 24 tips. An inch of mercury is 33.8639 hPa, in one
#   reader of these consoles as in the other.
# Seen: each value is rounded to tenths of a mm for itself, so that one tip is 0.3 mm: the hours add up to
#   7.2 mm and the day says 6.1 mm, of the same posts. Pressure goes by 33.86: 0.1 hPa below WeeWX's.
# Why it matters: who sums hours, as for 24 h across midnight, finds 18 % more drizzle than fell; and two
#   neighbours with the same console differ by which program hears it.
# Way out: add up the inches, of the longest counter, and convert last.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    aioecowitt==2025.3.1 weewx==5.5.2

cat >"$tmp/day.py" <<'PY'
from aioecowitt.calc import weather_datapoints
from weewx.units import conversionDict

TIP = "0.010"  # inches
hours = [weather_datapoints({"hourlyrainin": TIP})["hourlyrainmm"] for _ in range(24)]
day = weather_datapoints({"dailyrainin": "0.240"})["dailyrainmm"]
print(f"SEEN 24 tips, one an hour: {24 * 0.254:.3f} mm fell")
print(f"SEEN aioecowitt: an hour {hours[0]} mm, 24 of them {sum(hours):.1f} mm, the day {day} mm")
pressure = weather_datapoints({"baromrelin": "29.921"})["baromrelhpa"]
print(f"SEEN 29.921 inHg: aioecowitt {pressure} hPa, weewx {conversionDict['inHg']['hPa'](29.921):.1f} hPa")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/day.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 24 tips, one an hour: 6.096 mm fell
SEEN aioecowitt: an hour 0.3 mm, 24 of them 7.2 mm, the day 6.1 mm
SEEN 29.921 inHg: aioecowitt 1013.1 hPa, weewx 1013.2 hPa
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: hours and day agree now, or differ otherwise" >&2; exit 1; }
