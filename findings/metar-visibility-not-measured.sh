#!/usr/bin/env bash
# metar 2.0.2 (python-metar) and avwx-engine 1.9.10, run 2026-11-29.
#
# Expected: a station whose visibility sensor is out reports //// in its place: not measured.
# Seen: python-metar makes 10,000 metres of it, the clearest that it can tell, and nothing says that it
#   was not in the report. avwx has no visibility, as it should, and yet names the aerodrome's flight
#   rules: IFR, those of bad visibility.
# Why it matters: fog takes sensors out, or its power does. The hour that is asked about reads as the
#   clearest of the day, and a rule "above 5 km: over" ends a fog that nobody saw end.
# Way out: look for //// in the raw report before asking for a number.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check metar==2.0.2 avwx-engine==1.9.10

cat >"$tmp/read.py" <<'PY'
import avwx
from metar.Metar import Metar

for seen in ("2000", "9999", "////"):
    report = f"EGPK 281220Z AUTO 24008KT {seen} BKN025 12/08 Q1012"
    theirs = avwx.Metar.from_report(report).data
    metres = theirs.visibility.value if theirs.visibility else None
    print(f"SEEN {seen}: metar {Metar('METAR ' + report).vis.value('M'):.0f} m,"
          f" avwx {metres} m and {theirs.flight_rules}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 2000: metar 2000 m, avwx 2000 m and IFR
SEEN 9999: metar 10000 m, avwx 9999 m and MVFR
SEEN ////: metar 10000 m, avwx None m and IFR
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: what was not measured is read otherwise now" >&2; exit 1; }
