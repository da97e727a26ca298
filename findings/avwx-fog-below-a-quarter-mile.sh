#!/usr/bin/env bash
# avwx-engine 1.9.10, metar 2.0.2, run 2026-11-29.
#
# Expected: M1/4SM, less than a quarter of a statute mile, is what automatic stations of North America
#   report in the densest fog (FMH-1, 12.6.7): a visibility, and nothing about the wind.
# Seen: avwx takes the group for a wind group that was cut, writes it anew as M14KT and leaves it over; the
#   visibility is none. Where the wind was not measured (/////KT) it becomes the wind: direction -14.
#   The same report with 1/4SM is read right, and python-metar reads both.
# Why it matters: of all fogs the densest has no visibility, and a rule on visibility stays silent in it;
#   a direction of -14 passes for degrees.
# Way out: look into `other` for what was left over, and refuse directions outside 0 to 360.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check metar==2.0.2 avwx-engine==1.9.10

cat >"$tmp/read.py" <<'PY'
import avwx
from metar.Metar import Metar

for wind in ("24004KT", "/////KT"):
    for fog in ("1/4SM", "M1/4SM"):
        report = f"KJFK 281251Z {wind} {fog} FG VV002 12/12 A2990"
        theirs = avwx.Metar.from_report(report).data
        miles = theirs.visibility.value if theirs.visibility else None
        degrees = theirs.wind_direction.value if theirs.wind_direction else None
        print(f"SEEN {wind} {fog}: metar {Metar('METAR ' + report).vis.string('SM')},"
              f" avwx {miles} miles, wind from {degrees}, left over {theirs.other}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 24004KT 1/4SM: metar 1/4 miles, avwx 0.25 miles, wind from 240, left over []
SEEN 24004KT M1/4SM: metar less than 1/4 miles, avwx None miles, wind from 240, left over ['M14KT']
SEEN /////KT 1/4SM: metar 1/4 miles, avwx 0.25 miles, wind from None, left over []
SEEN /////KT M1/4SM: metar less than 1/4 miles, avwx None miles, wind from -14, left over []
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the densest fog is read otherwise now" >&2; exit 1; }
