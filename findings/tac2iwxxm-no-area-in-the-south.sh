#!/usr/bin/env bash
# tac2iwxxm 2026.9.13, run 2026-11-30.
#
# Expected: a SIGMET (ICAO Annex 3, appendix 6, table A6-1A) has its area, whether its corners are north or
#   south of the equator; what is `OBS` is observed, with or without a time; and it holds in this month.
# Seen: corners are looked for with an N alone. South of the equator the XML has a level, a movement, and no
#   area, and is `ok` without an issue; of an area across the equator the northern corners are the area, where
#   there are three of them. `OBS` without a time is a forecast, and so is each one without an area. Valid is
#   all in August 2012, the month of the WMO's example.
# Why it matters: all of Brazil's and Australia's thunderstorms are warnings without a place, fourteen years
#   old; who draws what has an area draws the north alone.
# Way out: of this version none; the corners from the line itself, by the letter before each, and the month by
#   the time of receipt.
# Besides: it asks for Python 3.12, and runs on 3.11 as well.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --ignore-requires-python tac2iwxxm==2026.9.13

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import re

from tac2iwxxm import convert

CORNERS = {
    "north": "N0330 W06000 - N0515 W05845 - N0700 W06130 - N0330 W06000",
    "south": "S0330 W06000 - S0515 W05845 - S0700 W06130 - S0330 W06000",
    "across": "N0200 W06200 - N0200 W05800 - N0030 W05700 - S0300 W05800 - S0300 W06200 - N0200 W06200",
}

for where, corners in CORNERS.items():
    for observed in ("OBS AT 1200Z", "OBS"):
        text = f"SBAZ AMAZONICA FIR EMBD TS {observed} WI {corners} TOP FL450 MOV NW 10KT INTSF="
        result = convert(f"SBAZ SIGMET 5 VALID 301210/301610 SBAZ-\n{text}", product="SIGMET")
        area = re.findall(r"<gml:posList>\s*([^<]*?)\s*</gml:posList>", result.xml)
        times = re.findall(r"<gml:(?:begin|end)Position>([^<]*)<", result.xml)
        [kind] = re.findall(r'timeIndicator="(\w+)"', result.xml)
        print(f"{where}, {observed}: area {area[0] if area else 'none'}; {kind}; {' to '.join(times)};"
              f" {'ok' if result.ok else 'not ok'}, issues {len(result.issues)}")
PY

cat >"$tmp/expected" <<'TXT'
north, OBS AT 1200Z: area 3.5000 -60.0000 5.2500 -58.7500 7.0000 -61.5000 3.5000 -60.0000; OBSERVATION; 2012-08-30T12:10:00Z to 2012-08-30T16:10:00Z; ok, issues 0
north, OBS: area 3.5000 -60.0000 5.2500 -58.7500 7.0000 -61.5000 3.5000 -60.0000; FORECAST; 2012-08-30T12:10:00Z to 2012-08-30T16:10:00Z; ok, issues 0
south, OBS AT 1200Z: area none; FORECAST; 2012-08-30T12:10:00Z to 2012-08-30T16:10:00Z; ok, issues 0
south, OBS: area none; FORECAST; 2012-08-30T12:10:00Z to 2012-08-30T16:10:00Z; ok, issues 0
across, OBS AT 1200Z: area 2.0000 -62.0000 2.0000 -58.0000 0.5000 -57.0000 2.0000 -62.0000; OBSERVATION; 2012-08-30T12:10:00Z to 2012-08-30T16:10:00Z; ok, issues 0
across, OBS: area 2.0000 -62.0000 2.0000 -58.0000 0.5000 -57.0000 2.0000 -62.0000; FORECAST; 2012-08-30T12:10:00Z to 2012-08-30T16:10:00Z; ok, issues 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: tac2iwxxm converts SIGMETs otherwise now" >&2; exit 1; }
