#!/usr/bin/env bash
# aprslib 0.7.2, run 2026-11-29.
#
# Expected: amateur stations send weather by the APRS Protocol Reference 1.0.1, chapter 12: wind as "360/035"
#   (degrees, knots) where the report has a position, as "c360s035" where it has none; a later "s" is the
#   snow that fell in 24 hours, in inches. A parser gives the same weather for both forms.
# Seen: of the form with a position, which most stations send, the wind is not in `weather` at all: it is the
#   course and speed of the station, in km/h. Five inches of snow in it are a wind of 2.2 m/s. Of the form
#   without a position both are right.
# Why it matters: a storm from the north at 35 knots with snow is read as a breeze without snow by who
#   takes `weather`, and the gust of 27 m/s beside it looks like an error of the station.
# Way out: of reports with a position take `course` and `speed` (km/h), and snow from the raw text.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check aprslib==0.7.2

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
import aprslib

REST = "g060t020r000p000P000h90b10032s005"
for form, body in (
    ("with a position", "!4903.50N/07201.75W_360/035" + REST),
    ("without one", "_11291205c360s040" + REST + "wDvs"),
):
    told = aprslib.parse("N0CALL>APRS,TCPIP*:" + body)
    weather = told["weather"]
    print(form)
    for name in ("wind_direction", "wind_speed", "wind_gust", "snow"):
        print(f"  weather.{name}: " + (f"{weather[name]:.1f}" if name in weather else "none"))
    print(f"  course, speed: {told.get('course')}, {told.get('speed')}")
PY

cat >"$tmp/expected" <<'TXT'
with a position
  weather.wind_direction: none
  weather.wind_speed: 2.2
  weather.wind_gust: 26.8
  weather.snow: none
  course, speed: 360, 64.82000000000001
without one
  weather.wind_direction: 360.0
  weather.wind_speed: 17.9
  weather.wind_gust: 26.8
  weather.snow: 127.0
  course, speed: None, None
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: aprslib reads wind and snow otherwise now" >&2; exit 1; }
