#!/usr/bin/env bash
# avwx-engine 1.9.10, geopy 2.5.0, run 2026-11-30.
#
# Expected: a SIGMET gives places as degrees and minutes (ICAO Annex 3, appendix 6): N2706 E13048 is 27 degrees
#   6 minutes north, 130 degrees 48 minutes east, or 27.10, 130.80.
# Seen: avwx reads the minutes for hundredths: 27.06, 130.48. The centre of a cyclone is 32 km from where it
#   was said to be, corners of an area up to 62 km. Places in whole degrees are right, so a
#   test with those does not find it.
# Why it matters: who is told of a thunderstorm or a cyclone is found by these corners; an area drawn along
#   59 minutes gives away a strip of 44 km. (The examples of IWXXM once had the same error.)
# Way out: take `repr` of each coordinate, and divide its last two figures by 60.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check avwx-engine==1.9.10 geopy==2.5.0

cat >"$tmp/read.py" <<'PY'
from datetime import date

from avwx import AirSigmet
from geopy.distance import geodesic

CYCLONE = (
    "WCJP31 RJTD 281200 RJJJ SIGMET T01 VALID 281200/281800 RJTD- RJJJ FUKUOKA FIR TC NANMADOL"
    " PSN N2706 E13048 CB OBS AT 1200Z WI 120NM OF TC CENTRE TOP ABV FL480 WKN="
)
STORMS = (
    "WSBZ31 SBGL 281200 SBAZ SIGMET 5 VALID 281210/281610 SBAZ- SBAZ AMAZONICA FIR EMBD TS FCST"
    " WI S0100 W06000 - S0359 W05859 - S0530 W06030 - S0100 W06000 TOP FL450 MOV E 05KT INTSF="
)


def meant(text):
    """Of "N2706 E13048": degrees and minutes, as the standard has them."""
    north, east = text.split()
    degrees = (int(north[1:3]) + int(north[3:]) / 60, int(east[1:4]) + int(east[4:]) / 60)
    return tuple(-d if sign in "SW" else d for sign, d in zip((north[0], east[0]), degrees))


def told(place):
    right = meant(place.repr)
    off = geodesic(right, (place.lat, place.lon)).km
    print(f"SEEN {place.repr}: is {right[0]:.3f} {right[1]:.3f}, read {place.lat} {place.lon}, {off:.0f} km off")


def read(report):
    return AirSigmet.from_report(report, issued=date(2026, 11, 28)).data


told(read(CYCLONE).observation.position)
for corner in read(STORMS).forecast.coords[:3]:
    told(corner)
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN N2706 E13048: is 27.100 130.800, read 27.06 130.48, 32 km off
SEEN S0100 W06000: is -1.000 -60.000, read -1.0 -60.0, 0 km off
SEEN S0359 W05859: is -3.983 -58.983, read -3.59 -58.59, 62 km off
SEEN S0530 W06030: is -5.500 -60.500, read -5.3 -60.3, 31 km off
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: avwx reads a SIGMET's minutes otherwise now" >&2; exit 1; }
